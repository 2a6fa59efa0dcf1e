/* hsl_barrier.h - the statement `barrier name [=> $v] { ... }` (language §14), run-time part. */
#ifndef HSL_BARRIER_H
#define HSL_BARRIER_H

#include "hsl/hsl_vm.h"

/* Waits for the barrier named by *name and enters it: *name becomes the lock, to be given to
 * hsl_barrier_leave(); dropping it in another way gives the lock up too. *value (NULL: not wanted)
 * becomes the shared value, undefined if there is none. [var] is the register of the variable that
 * holds the value until the end, or HSL_NO_REG. false: R14, R15, L02, L09. */
bool
hsl_barrier_enter(struct hsl_machine *m, struct hsl_value *name, struct hsl_value *value,
    unsigned var) UT_CHECKED;
/* Stores what [var] holds (undefined: removes the value; NULL: neither), gives the lock up and
 * drops *lock. false: R03, R15, L09; then nothing is stored, and *lock is to be dropped. */
bool
hsl_barrier_leave(
    struct hsl_machine *m, struct hsl_value *lock, const struct hsl_value *var) UT_CHECKED;
/* A final action unwinds the frame on top: leaves the barriers entered in it, storing their values
 * as far as these can be stored. */
void
hsl_barrier_leave_frame(struct hsl_machine *m);

#endif
