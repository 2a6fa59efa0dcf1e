/* hsl_run.h - the state of one run, as built-ins and operators see it.
 *
 * Errors: the first one wins. hsl_raise() makes an Exception (catchable), hsl_limit() ends the run;
 * both give false so that callers can `return hsl_raise(...)`. A callee that gave false or NULL has
 * raised already. The position is added by the VM from the instruction. */
#ifndef HSL_RUN_H
#define HSL_RUN_H

#include "hsl/hsl_host.h"
#include "hsl/hsl_value.h"

/* R codes of language §17.2 */
enum hsl_rcode {
    HSL_R01 = 1, HSL_R02, HSL_R03, HSL_R04, HSL_R05, HSL_R06, HSL_R07, HSL_R08,
    HSL_R09, HSL_R10, HSL_R11, HSL_R12, HSL_R13, HSL_R14, HSL_R15
};

/* Limit errors of language §17.3. ORDER LIMIT: hsl_limit() texts */
enum hsl_lcode {
    HSL_L01 = 1, /* instruction budget (N) exceeded */
    HSL_L02,     /* time (N s) exceeded */
    HSL_L03,     /* memory (N bytes) exceeded */
    HSL_L04,     /* call depth (N) exceeded */
    HSL_L05,     /* string length (N) exceeded */
    HSL_L06,     /* array size (N) exceeded */
    HSL_L07,     /* nesting of data */
    HSL_L08,     /* out of memory */
    HSL_L09      /* a library budget: text says which */
};

enum hsl_state {
    HSL_RUNNING,
    HSL_THROWN,   /* r->thrown is on its way to a catch */
    HSL_FINISHED, /* a final action was taken: unwind everything, no catch sees it */
    HSL_LIMITED   /* over a limit: the same, r->limit_text says which */
};

struct hsl_run {
    struct hsl_heap heap;
    enum hsl_state state;
    struct hsl_value thrown;     /* owned; HSL_UNDEF if none */
    char limit_text[160];
    struct hsl_env *env;         /* lent */
    const struct hsl_host *host; /* lent; may be NULL (constant folding, tests) */
    void *host_arg;
    struct hsl_limits limits;
    enum hsl_flow flow;
    uint64_t instructions;       /* left of the budget counts down in the VM; this is what was used */
    double started;              /* monotonic seconds */
    double deadline;             /* monotonic seconds */
    double slept;                /* seconds */
    size_t echo_bytes;           /* echoed so far */
    unsigned echo_records;
    bool echo_full;              /* the notice about dropped echo was written */
    bool utf8_told;              /* warning W6 was written */
    unsigned dns_count;          /* of max_dns, max_http, max_sockets; see hsl_spend() */
    unsigned http_count;
    unsigned socket_count;
    unsigned mail_count;         /* messages by mail() */
    unsigned nesting;            /* levels of arrays becoming text around a toString() */
    size_t work;                 /* bytes of hsl_work() not yet counted */
    void *match_data;            /* pcre2_match_data and context kept for the run (hsl_regex_match.c) */
    struct hsl_obj *objects;     /* those whose class has a finish (hsl_value.c) */
    struct hsl_barrier *barriers;/* entered and not left yet (hsl_barrier.c) */
    struct hsl_rc *dead;         /* hsl_destroy()'s work list */
    bool destroying;             /* hsl_destroy() is at work: nested calls only add to the list */
    void *files;                 /* files read by this run (hsl_file.c) */
    struct hsl_machine *machine; /* what owns this run (hsl_vm.c) */
};

/* Throws an Exception with code and text; "NAME(): text" is the caller's job. Always false. */
bool hsl_raise(struct hsl_run *r, enum hsl_rcode code, const char *fmt, ...) UT_PRINTF(3, 4);
/* Ends the run with a limit error; [fmt] is what stands behind "limit: ". Always false. */
bool hsl_limit(struct hsl_run *r, enum hsl_lcode code, const char *fmt, ...) UT_PRINTF(3, 4);
/* Raises what heap.over or heap.oom says. Always false. */
bool hsl_raise_memory(struct hsl_run *r);
/* Ends the run after a final action. Always false. */
bool hsl_finish(struct hsl_run *r);
/* The rest of hsl_work(): not to be called by others. */
bool hsl_work_counted(struct hsl_run *r) UT_CHECKED;
/* Counts work of a long built-in: [bytes] processed cost 1 instruction per KiB; looks at the clock
 * now and then. false: limit error. Call it in every loop that input can make long. */
UT_CHECKED static inline bool
hsl_work(struct hsl_run *r, size_t bytes)
{
    r->work += bytes;
    return r->work < 1024 || hsl_work_counted(r);
}
/* The same for a value that is read or copied as a whole: only strings from HSL_WORK_TEXT bytes on
 * count, so that nobody pays for the short ones. */
#define HSL_WORK_TEXT 1024u
static inline bool
hsl_work_text(struct hsl_run *r, const struct hsl_value *v)
{
    return v->type != HSL_STR || v->u.str->len < HSL_WORK_TEXT || hsl_work(r, v->u.str->len);
}
/* Counts [n] more in *used (one of r->dns_count ...), of which [what] names the kind: "DNS questions";
 * false: limit error, more than [max]. */
bool hsl_spend(struct hsl_run *r, unsigned *used, unsigned n, unsigned max, const char *what) UT_CHECKED;
/* The clock looked at now. false: limit error, the time is over or the host ends the run. */
bool hsl_in_time(struct hsl_run *r) UT_CHECKED;
/* Seconds until the deadline (0 if past). */
double hsl_time_left(const struct hsl_run *r);
/* Seconds that [r] lets shared state take for an answer: half of those, so that a store that hangs
 * does not end the run. */
static inline double
hsl_patience(const struct hsl_run *r)
{
    return hsl_time_left(r) / 2;
}
/* Calls the function value [fn] with [argc] borrowed arguments; *out gets a new count. Counts against
 * call depth. false: error or end, pass it on. */
bool hsl_call(struct hsl_run *r, const struct hsl_value *fn, const struct hsl_value *args,
    unsigned argc, struct hsl_value *out) UT_CHECKED;
/* How many arguments [fn] takes: false if it is no function. *max UINT_MAX: any number. */
bool hsl_call_arity(const struct hsl_value *fn, unsigned *min, unsigned *max);
/* The host has another value for predefined variable [name] (without $) now: it is asked again when the
 * script reads it. For the Set... functions. */
void hsl_run_var_changed(struct hsl_run *r, const char *name);
/* The place of the call that is running now. */
void hsl_run_place(struct hsl_run *r, struct hsl_place *place);
/* Gives the host, if it wants records, [text] with the place of the call that is running now: what
 * log() of struct hsl_host says. */
void hsl_run_log(struct hsl_run *r, int level, const char *text, size_t len);

#endif
