/* hsl_vm.h - the machine: what hsl_vm*.c, hsl_run.c and hsl.c share. Nobody else includes this.
 *
 * Stack. Values of all frames lie in segments that never move, so pointers into them stay good
 * while anything is called. A frame's registers are one window of a segment: first those of
 * variables, then temporaries. Arguments of a call are the topmost temporaries of the caller and
 * become the first registers of the callee where they are; only at the end of a segment they are
 * moved.
 *
 * Invariant: a register or stack place that holds nothing alive has a type that is not counted. So
 * entering a function clears nothing but its variables, and unwinding may forget all registers
 * of a frame without knowing which are in use.
 *
 * Variables own what they hold. A temporary is written once and given up by the one instruction
 * that reads it; bits of hsl_ins.x say which operands are temporaries. An instruction that fails
 * leaves its sources as they are: unwinding forgets them. */
#ifndef HSL_VM_H
#define HSL_VM_H

#include "hsl/hsl_exception.h"
#include "hsl/hsl_prog.h"
#include "hsl/hsl_run.h"

#define HSL_STACK_FIRST 2048u /* values in the first segment, kept by the machine */
#define HSL_STACK_NEXT 8192u  /* values in further ones, at least */
#define HSL_STACK_SLACK 16u   /* values that always fit above the frame on top: what C passes */
#define HSL_DEPTH_MAX 60000u  /* more than this max_call_depth cannot be asked for */
#define HSL_NATIVE_MAX 200u   /* calls from built-ins within each other: bounds the C stack */
#define HSL_TICKS 1024        /* events between looks at the clock */
#define HSL_TRACE_MAX 20u

/* Who gets what a frame returns. */
enum hsl_frame_kind {
    HSL_FRAME_CALL,     /* the frame below, in a register */
    HSL_FRAME_ENTRY,    /* C: the loop ends with it */
    HSL_FRAME_GENERATOR /* nobody: the foreach of the frame below ends */
};

struct hsl_frame {
    struct hsl_value *regs;
    const struct hsl_proto *proto;
    const struct hsl_ins *pc; /* the instruction that runs, while something was called or failed */
    uint16_t segments;        /* segments of the stack that end with it */
    uint8_t kind;             /* enum hsl_frame_kind */
};

struct hsl_segment {
    struct hsl_segment *below;
    struct hsl_value *end_below; /* m->stack_end of the segment below */
    size_t size;                 /* bytes of the block */
    struct hsl_value values[];
};

struct hsl_machine {
    struct hsl_run run;
    const struct hsl_prog *prog;
    struct hsl_frame *frames;    /* [0] is unused: the frame below the top level */
    struct hsl_frame *frame;     /* the one that runs */
    struct hsl_frame *frame_end; /* behind the last that max_call_depth allows */
    size_t frame_cap;
    struct hsl_value *stack;     /* the first segment */
    struct hsl_value *stack_end; /* of the segment in use, less HSL_STACK_SLACK */
    struct hsl_segment *segment; /* in use; NULL: the first */
    struct hsl_segment *spare;   /* one more kept for the next time */
    int32_t ticks;               /* events before the one that looks at budget and clock */
    int32_t slice;               /* events from look to look; ticks started from one less */
    long fail_after;             /* tests: heap->fail_after of each run; negative: off */
    bool keeps;                  /* variables and what they lead to stay after a run */
    unsigned native;             /* calls from built-ins within each other */
    struct hsl_cell **globals;   /* of prog->global_count; NULL: not used yet */
    struct hsl_cell **predefs;   /* cell of each predefined variable that was loaded */
    size_t global_cap, predef_cap;
    /* The error on its way: */
    bool placed; /* [place] is that of the error */
    bool raised; /* by hsl_raise(), not by `throw` */
    enum hsl_rcode rcode;
    enum hsl_lcode lcode;
    bool looping; /* at a jump back: the place of an error is the loop's */
    struct hsl_place place;
    struct hsl_place trace[HSL_TRACE_MAX];
    unsigned traced; /* frames left since the throw; more than kept */
};

/* Events since the last look at the budget. */
static inline uint64_t
hsl_vm_used(const struct hsl_machine *m)
{
    return (uint64_t)((int64_t)m->slice - 1 - m->ticks);
}

/* Values in registers ------------------------------------------------------------------------ */

/* Values are copied by their two parts: they were written so, and a load of all sixteen bytes would
 * have to wait until both have left the processor's store buffer. */
static inline void
hsl_copy(struct hsl_value *dst, const struct hsl_value *src)
{
    dst->u = src->u;
    dst->type = src->type;
}

/* Forgets what a place holds; it is dead after. */
static inline void
hsl_drop(struct hsl_run *r, struct hsl_value *v)
{
    struct hsl_value old = *v;

    v->type = HSL_NONE;
    hsl_unref(r, old);
}

/* Puts [v], whose count it takes, where something may have been. */
static inline void
hsl_put(struct hsl_run *r, struct hsl_value *dst, struct hsl_value v)
{
    struct hsl_value old = *dst;

    hsl_copy(dst, &v);
    hsl_unref(r, old);
}

/* The place of a variable: the register, or what its cell holds. */
static inline struct hsl_value *
hsl_deref(struct hsl_value *v)
{
    return v->type == HSL_CELL ? &v->u.cell->v : v;
}

/* hsl.c: hsl_run() for a step of a session: variables keep their values, [p] continues the program of
 * the step before. The value that the top level returns goes to *value (none, with a count, if the
 * step failed). hsl_machine_free() gives all back. */
void
hsl_run_step(struct hsl_machine *m, struct hsl_prog *p, const struct hsl_host *host, void *host_arg,
    const struct hsl_limits *limits, struct hsl_result *res, struct hsl_value *value);

/* hsl_vm.c: runs from m->frame, whose pc is the first instruction, until the frame marked ENTRY
 * ends. false: error, m->frame is below that frame. */
bool
hsl_vm_loop(struct hsl_machine *m, struct hsl_value *out) UT_CHECKED;

/* hsl_vm_call.c: frames ---------------------------------------------------------------------- */

/* Pushes a frame for [p] whose first [given] registers, $this and rest among them, lie at [at];
 * parameters that are missing get their defaults, other variables become undefined. A new segment
 * is begun if this one ends. m->frame->pc is not set. false: L03 L04 L08. */
bool
hsl_vm_enter(struct hsl_machine *m, const struct hsl_proto *p, struct hsl_value *at,
    unsigned given) UT_CHECKED;
/* Pushes a frame for [p] above all that is in use, its registers and one place below them empty; its
 * registers. NULL: L03 L04 L08. */
struct hsl_value *
hsl_vm_push(struct hsl_machine *m, const struct hsl_proto *p) UT_CHECKED;
/* Forgets the registers of the topmost frame and takes it away. */
void
hsl_vm_pop(struct hsl_machine *m);
void
hsl_vm_leave_segments(struct hsl_machine *m, unsigned count);
/* Calls the value in base[0] with [argc] arguments behind it. 1: a frame was pushed, 0: done, the
 * result is in *out and base dead, -1: failed. */
int
hsl_vm_call_value(
    struct hsl_machine *m, struct hsl_value *base, unsigned argc, struct hsl_value *out) UT_CHECKED;
/* The same with one array of arguments at base[1]. */
int
hsl_vm_call_spread(struct hsl_machine *m, struct hsl_value *base, struct hsl_value *out) UT_CHECKED;
/* Calls method [name] of the object in base[0] with [argc] arguments behind it. */
int
hsl_vm_call_method(struct hsl_machine *m, struct hsl_value *base, const struct hsl_str *name,
    unsigned argc, struct hsl_value *out) UT_CHECKED;
int
hsl_vm_method_spread(struct hsl_machine *m, struct hsl_value *base, const struct hsl_str *name,
    struct hsl_value *out) UT_CHECKED;
/* Calls function [name] of [o] from C, without arguments, if it has one that anybody may call so;
 * *out is undefined if not. */
bool
hsl_vm_call_plain(
    struct hsl_machine *m, struct hsl_obj *o, const char *name, struct hsl_value *out) UT_CHECKED;
/* Calls a built-in by its row; forgets the arguments if it succeeds. */
bool
hsl_vm_builtin(struct hsl_machine *m, const struct hsl_callee *c, struct hsl_value *args,
    unsigned argc, struct hsl_value *out) UT_CHECKED;
/* A function value of [p] with the cells that it captures from [regs]. */
bool
hsl_vm_closure(struct hsl_machine *m, const struct hsl_proto *p, const struct hsl_frame *f,
    struct hsl_value *out) UT_CHECKED;

/* hsl_vm_throw.c: errors, limits, places ------------------------------------------------------ */

/* Looks for the handler of what was thrown in m->frame at its pc, leaving frames down to the one
 * marked ENTRY. True: m->frame goes on at its pc. False: none, the frame marked ENTRY is gone. */
bool
hsl_vm_unwind(struct hsl_machine *m) UT_CHECKED;
/* ticks is used up: counts, looks at budget and clock, gives a new slice. false: L01, L02. */
bool
hsl_vm_tick(struct hsl_machine *m) UT_CHECKED;
/* `throw v`: takes the count. Always false. */
bool
hsl_vm_throw(struct hsl_machine *m, struct hsl_value v);
/* No arm of match fits [v]. Always false. */
bool
hsl_vm_no_arm(struct hsl_machine *m, const struct hsl_value *v);
/* Forgets the error of before. */
void
hsl_vm_forget(struct hsl_machine *m);

/* hsl_vm_path.c: elements --------------------------------------------------------------------- */

/* v[key] as §6.1 with objects; undefined as none. New count. */
bool
hsl_vm_index(struct hsl_machine *m, const struct hsl_value *v, const struct hsl_value *key,
    struct hsl_value *out) UT_CHECKED;
bool
hsl_vm_isset(struct hsl_machine *m, const struct hsl_value *v, const struct hsl_value *key,
    bool *is) UT_CHECKED;
/* The place of the element that [n] keys lead to from variable [v], made if missing. [through]:
 * something in what is there will be written, so that a readonly property that is an object will
 * do. NULL: error. */
struct hsl_value *
hsl_vm_path(struct hsl_machine *m, struct hsl_value *v, const struct hsl_value *keys, unsigned n,
    bool through) UT_CHECKED;
/* v[key] = val, v[] = val for an undefined key; borrows [val]. */
bool
hsl_vm_store(struct hsl_machine *m, struct hsl_value *v, const struct hsl_value *key,
    const struct hsl_value *val) UT_CHECKED;
bool
hsl_vm_path_op(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i) UT_CHECKED;
bool
hsl_vm_path_inc(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i) UT_CHECKED;
/* The same for a property of a variable: PROPOP. */
bool
hsl_vm_prop_op(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i) UT_CHECKED;
/* The same for a declared variable of $this: SLOTOP, SLOTINC. */
bool
hsl_vm_slot_op(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i) UT_CHECKED;
bool
hsl_vm_slot_inc(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i) UT_CHECKED;
bool
hsl_vm_path_unset(
    struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i) UT_CHECKED;
bool
hsl_vm_path_slice(
    struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i) UT_CHECKED;
bool
hsl_vm_path_unslice(
    struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i) UT_CHECKED;
/* [v] + or - 1 in place; none counts from 0. false: R03. */
bool
hsl_vm_step(struct hsl_machine *m, struct hsl_value *v, double by) UT_CHECKED;

/* hsl_vm_data.c: literals, patterns, variables ------------------------------------------------ */

/* An object with the properties of array [props]. */
bool
hsl_vm_object(
    struct hsl_machine *m, const struct hsl_value *props, struct hsl_value *out) UT_CHECKED;
/* Appends what array [from] holds as `...` does: with text keys, or ([named] false) without keys.
 */
bool
hsl_vm_spread(struct hsl_machine *m, struct hsl_value *into, const struct hsl_value *from,
    bool named) UT_CHECKED;
bool
hsl_vm_destruct(struct hsl_machine *m, const struct hsl_value *v, const struct hsl_value *key,
    bool undef, struct hsl_value *out) UT_CHECKED;
bool
hsl_vm_rest(struct hsl_machine *m, const struct hsl_value *v, const struct hsl_value *keys,
    unsigned n, struct hsl_value *out) UT_CHECKED;
bool
hsl_vm_join(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i) UT_CHECKED;
/* The cell of global [index], made if there is none; lent. NULL: error. */
struct hsl_cell *
hsl_vm_global(struct hsl_machine *m, uint32_t index) UT_CHECKED;
/* Makes the value at [v] a cell if it is none; false: memory. */
bool
hsl_vm_box(struct hsl_machine *m, struct hsl_value *v) UT_CHECKED;
bool
hsl_vm_bind(struct hsl_machine *m, struct hsl_value *v, uint32_t global,
    const struct hsl_value *name) UT_CHECKED;
/* Asks the host for predefined variable [index] unless its cell has a value from before. */
bool
hsl_vm_load_predef(struct hsl_machine *m, uint32_t index) UT_CHECKED;
/* R01 for the variable of that name. Always false. */
bool
hsl_vm_undefined(struct hsl_machine *m, const char *name);

/* hsl_build.c: a value made by the host ------------------------------------------------------- */

#define HSL_BUILD_DEPTH 16

struct hsl_build {
    struct hsl_run *run;
    struct hsl_value value;                 /* the result, none if nothing was built */
    struct hsl_value open[HSL_BUILD_DEPTH]; /* arrays that are open, outermost first */
    struct hsl_value keys[HSL_BUILD_DEPTH]; /* key in the array around for each of them */
    struct hsl_value key;                   /* for the next value; none: append */
    unsigned depth;
    bool failed;
};

void
hsl_build_init(struct hsl_build *b, struct hsl_run *r);
/* Any value, any key; they take the count. */
void
hsl_build_value(struct hsl_build *b, struct hsl_value v);
void
hsl_build_key_value(struct hsl_build *b, struct hsl_value key);
/* The value with a new count into *out; closes what was left open. false: error set. */
bool
hsl_build_take(struct hsl_build *b, struct hsl_value *out) UT_CHECKED;

#endif
