/* hsl_gen.h - generators (language §8): functions that stop at each `yield` and go on at the next
 * round of a foreach.
 *
 * Calling one makes an object that holds its registers and where it stands. To resume it they are
 * copied to the stack above the frame that wants the next value; at a yield they are copied back
 * and the frame goes. So generators cost no C stack, and pointers into the stack stay good.
 *
 * While it runs, the place below its registers holds the object. All of it belongs to one run. */
#ifndef HSL_GEN_H
#define HSL_GEN_H

#include "hsl/hsl_vm.h"

extern const struct hsl_class hsl_generator_class;

/* GENERATE: the frame that runs, which was just entered, becomes a generator; its registers are
 * empty after. It goes on behind instruction [i]. */
bool
hsl_gen_new(struct hsl_machine *m, const struct hsl_ins *i, struct hsl_value *out) UT_CHECKED;
/* Goes on with generator [v] of the NEXT or NEXTKEY at the frame's pc. 1: its frame was pushed,
 * with its pc set, 0: it has ended, -1: failed. */
int
hsl_gen_resume(struct hsl_machine *m, const struct hsl_value *v) UT_CHECKED;
/* YIELD: the frame is put back, and the registers of the foreach below get value and key. */
void
hsl_gen_yield(struct hsl_machine *m, const struct hsl_ins *i);
/* The frame of the generator that the place [v] below its registers holds is going for good. */
void
hsl_gen_end(struct hsl_machine *m, struct hsl_value *v);

#endif
