/* hsl_regex_match.c - matches of regular expressions (language §9), none of which outruns the
 * clock.
 *
 * What one match needs beside its pattern (offsets, limits, JIT stack) is made at the first match
 * of a run and kept in r->match_data. Patterns and subjects come from mail: the match limit bounds
 * the backtracking of each match (JIT counts it too), the depth and heap limits the memory of the
 * interpreter, the JIT stack has an upper size; reaching any of them is R11.
 *
 * They do not bound the time: the match limit holds for each place where a match may begin, one
 * step that it counts may look through all of the subject, and machine code knows no clock. So at
 * first a match may take only as many steps as cannot take long at the worst, which is enough for
 * nearly all (safe_steps()). One that needs more begins again in pieces of places, with the clock
 * looked at between them; a long subject is tried in pieces at once. A piece that needs more steps
 * than are safe even there is left to a second code of the same pattern, one that calls out before
 * each item (PCRE2_AUTO_CALLOUT). That is some ten times slower, but the call-out sees the clock.
 * In the end each place has been given all the steps of the match limit, so the result is what one
 * simple match gives.
 *
 * With the flag u a subject is checked for valid UTF-8 when it is matched from its start.
 *
 * Not here: patterns (hsl_regex.c), the pcre_ functions (the library).
 * Threads: the run's. Fails: R11, limits, memory. */
#include "config.h"

#include "hsl/hsl_regex_internal.h"
#include "hsl/hsl_vm.h"
#include "lib/ut_log.h"
#include "lib/ut_utf8.h"

#include <stdlib.h>
#include <string.h>

#define JIT_STACK_START ((size_t)32 * 1024) /* of the stack made for matches that ask for more */
#define JIT_STACK_MAX ((size_t)1024 * 1024) /* than the 32 KiB of the C stack that PCRE2 takes */
#define SHORT_SUBJECT ((size_t)256)         /* bytes: re->short_steps take some 25 ms at most */
#define LONG_SUBJECT ((size_t)32 * 1024)    /* bytes from which on a subject is tried in pieces */
#define SAFE_PART 0.125                     /* of the time left, for what does not see the clock */
#define BYTE_SECONDS 1e-9                   /* for a step to look at one byte */
#define LOOKS_LEFT_OUT 4u                   /* matches of a loop for one look at the clock */
#define PIECE_START ((size_t)1024)          /* places of the first piece */
#define PIECE_FAST 0.002                    /* seconds */
#define WATCH_BYTES ((size_t)1024 * 1024)   /* looked at from one look at the clock to the next */

/* r->match_data. */
struct matcher {
    pcre2_match_context *context;
    pcre2_match_data *data;
    PCRE2_SIZE *ovector;       /* of data */
    pcre2_jit_stack *stack;    /* NULL: no match needed one yet */
    uint32_t pairs;            /* that fit in data */
    uint32_t steps;            /* the match limit set in context */
    uint32_t depth_limit;      /* the same */
    size_t last;               /* the offset limit set in context */
    struct hsl_regex *watched; /* the pattern of [calling], one reference; NULL: none */
    pcre2_code *calling;       /* the code that calls out */
    bool calling_jit;          /* there is machine code of it */
    size_t pause;              /* call-outs from one look at the clock to the next */
    size_t unseen;             /* ... until the next */
    double left;               /* seconds of the run at the last look at the clock */
    unsigned looks;            /* that were left out since then */
    int32_t ticks;             /* of the machine then */
};

/* What is to be found where. */
struct task {
    struct hsl_regex *re;
    const char *s;
    size_t len;   /* of s */
    size_t start; /* the first place where a match may begin */
};

/* --- The matcher ------------------------------------------------------------------------------ */

static void
drop_watched(struct matcher *m)
{
    pcre2_code_free(m->calling);
    m->calling = NULL;
    hsl_regex_unref(m->watched);
    m->watched = NULL;
}

void
hsl_regex_run_fini(struct hsl_run *r)
{
    struct matcher *m = r->match_data;

    if (!m)
        return;
    r->match_data = NULL;
    drop_watched(m);
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    pcre2_jit_stack_free(m->stack);
    free(m);
}

static bool
out_of_memory(struct hsl_run *r)
{
    return hsl_limit(r, HSL_L08, "out of memory");
}

/* The call-out. */
static int
watch(pcre2_callout_block *block, void *arg)
{
    struct hsl_run *r = arg;
    struct matcher *m = r->match_data;

    (void)block;
    if (m->unseen > 0) {
        m->unseen--;
        return 0;
    }
    m->unseen = m->pause;
    return hsl_in_time(r) ? 0 : PCRE2_ERROR_CALLOUT;
}

static struct matcher *
matcher_new(struct hsl_run *r)
{
    struct matcher *m = calloc(1, sizeof(*m));

    if (m)
        m->context = pcre2_match_context_create(NULL);
    if (!m || !m->context) {
        free(m);
        return NULL;
    }
    (void)pcre2_set_callout(m->context, watch, r);
    m->last = PCRE2_UNSET;
    return m;
}

/* Room for [pairs] of offsets; false: no memory. */
static bool
make_pairs(struct matcher *m, uint32_t pairs)
{
    pcre2_match_data *data;

    if (m->pairs >= pairs)
        return true;
    data = pcre2_match_data_create(pairs + 8, NULL);
    if (!data)
        return false;
    pcre2_match_data_free(m->data);
    m->data = data;
    m->ovector = pcre2_get_ovector_pointer(data);
    m->pairs = pairs + 8;
    return true;
}

/* The run's matcher made ready for [pairs]; NULL: error set. */
static struct matcher *
prepare_matcher(struct hsl_run *r, uint32_t pairs)
{
    struct matcher *m = r->match_data;

    if (!m)
        m = r->match_data = matcher_new(r);
    if (!m || !make_pairs(m, pairs)) {
        (void)out_of_memory(r);
        return NULL;
    }
    m->depth_limit = r->limits.pcre_depth_limit;
    (void)pcre2_set_depth_limit(m->context, m->depth_limit);
    (void)pcre2_set_heap_limit(m->context, (uint32_t)(r->limits.max_memory / 1024));
    return m;
}

static inline struct matcher *
matcher_of(struct hsl_run *r, uint32_t pairs)
{
    struct matcher *m = r->match_data;

    if (m && m->pairs >= pairs && m->depth_limit == r->limits.pcre_depth_limit)
        return m;
    return prepare_matcher(r, pairs);
}

/* --- Matching --------------------------------------------------------------------------------- */

/* Another try for a pattern that needs more stack than PCRE2 takes from the C stack. */
static int
match_larger(struct matcher *m, const pcre2_code *code, const struct task *t)
{
    m->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
    if (!m->stack)
        return PCRE2_ERROR_NOMEMORY;
    pcre2_jit_stack_assign(m->context, NULL, m->stack);
    return pcre2_jit_match(code, (PCRE2_SPTR)t->s, t->len, t->start, 0, m->data, m->context);
}

static inline int
match_code(struct matcher *m, const pcre2_code *code, bool jit, const struct task *t)
{
    PCRE2_SPTR s = (PCRE2_SPTR)t->s;
    int result;

    if (!jit)
        return pcre2_match(code, s, t->len, t->start, 0, m->data, m->context);
    result = pcre2_jit_match(code, s, t->len, t->start, 0, m->data, m->context);
    return result == PCRE2_ERROR_JIT_STACKLIMIT && !m->stack ? match_larger(m, code, t) : result;
}

/* For the next match: [steps] from each place up to [last]. */
static inline void
set_limits(struct matcher *m, uint32_t steps, size_t last)
{
    if (m->steps != steps) {
        m->steps = steps;
        (void)pcre2_set_match_limit(m->context, steps);
    }
    if (m->last != last) {
        m->last = last;
        (void)pcre2_set_offset_limit(m->context, last);
    }
}

/* A match that begins up to [last], with all steps there are and an eye on the clock. */
static int
match_watched(struct hsl_run *r, struct matcher *m, const struct task *t, size_t last)
{
    struct ut_diag d;

    if (m->watched != t->re) {
        drop_watched(m);
        m->calling = hsl_regex_code(t->re, PCRE2_AUTO_CALLOUT, &d);
        if (!m->calling)
            return PCRE2_ERROR_NOMEMORY;
        m->watched = hsl_regex_ref(t->re);
        m->calling_jit = hsl_regex_jit(m->calling);
    }
    m->pause = WATCH_BYTES / (t->len - t->start + 1);
    m->unseen = 0;
    set_limits(m, r->limits.pcre_match_limit, last);
    return match_code(m, m->calling, m->calling_jit, t);
}

/* A match that begins up to [last], if [steps] are enough. */
static inline int
match_unwatched(struct matcher *m, const struct task *t, size_t last, uint32_t steps)
{
    if (steps == 0)
        return PCRE2_ERROR_MATCHLIMIT;
    set_limits(m, steps, last);
    return match_code(m, t->re->code, t->re->jit, t);
}

/* How many steps from each of [places] take no more than a part of [left] seconds. */
static inline uint32_t
safe_steps(const struct hsl_run *r, const struct task *t, size_t places, double left)
{
    double bytes = (double)(t->len - t->start + 1) * (double)places;
    double steps = left * (SAFE_PART / BYTE_SECONDS) / (bytes * t->re->weight);

    return steps < r->limits.pcre_match_limit ? (uint32_t)steps : r->limits.pcre_match_limit;
}

/* Seconds left. A loop over all matches looks at the clock now and then only, as long as nothing
 * else runs between them (the machine has not ticked). */
static inline double
seconds_left(const struct hsl_run *r, struct matcher *m, size_t start)
{
    int32_t ticks = r->machine ? r->machine->ticks : 0;

    if (start == 0 || ticks != m->ticks || ++m->looks == LOOKS_LEFT_OUT) {
        m->left = hsl_time_left(r);
        m->looks = 0;
        m->ticks = ticks;
    }
    return m->left;
}

/* A match piece by piece. Each call looks ahead anew, so pieces grow while they are fast, up to a
 * size at which a step from each place is still safe. */
static int
match_in_pieces(struct hsl_run *r, struct matcher *m, const struct task *whole)
{
    struct task t = *whole;
    size_t size = PIECE_START;
    double left = hsl_time_left(r);

    for (;;) {
        double before = left;
        size_t last;
        uint32_t steps;
        int result;

        while (size > 1 && safe_steps(r, &t, size, left) == 0)
            size /= 2;
        last = t.len - t.start > size ? t.start + size : t.len;
        while (t.re->utf && last < t.len && ((unsigned char)t.s[last + 1] & 0xc0) == 0x80)
            last++; /* the next piece begins with a character */
        steps = safe_steps(r, &t, size, left);
        result = match_unwatched(m, &t, last, steps);
        if (result == PCRE2_ERROR_MATCHLIMIT && steps < r->limits.pcre_match_limit)
            result = match_watched(r, m, &t, last);
        if (result != PCRE2_ERROR_NOMATCH || last == t.len)
            return result;
        if (!hsl_in_time(r))
            return PCRE2_ERROR_CALLOUT;
        left = hsl_time_left(r);
        if (before - left < PIECE_FAST)
            size *= 2;
        else if (before - left > 16 * PIECE_FAST && size > PIECE_START)
            size /= 2;
        t.start = last + 1;
    }
}

/* How many steps are safe for a match at once; 0: none. */
static inline uint32_t
steps_at_once(const struct hsl_run *r, struct matcher *m, const struct task *t)
{
    size_t ahead = t->len - t->start;
    uint32_t most = r->limits.pcre_match_limit;

    if (ahead <= SHORT_SUBJECT)
        return t->re->short_steps < most ? t->re->short_steps : most;
    if (ahead > LONG_SUBJECT && t->re->pieces)
        return 0;
    return safe_steps(r, t, t->re->anchored ? 1 : ahead, seconds_left(r, m, t->start));
}

/* PCRE2's errors in ours: 0 for what just does not match, else -1 with the error set. */
static int
match_error(struct hsl_run *r, int error)
{
    if (error == PCRE2_ERROR_NOMATCH)
        return 0;
    if (error == PCRE2_ERROR_NOMEMORY)
        (void)out_of_memory(r);
    else if (error != PCRE2_ERROR_CALLOUT) /* hsl_in_time() has said it */
        (void)hsl_raise(r, HSL_R11, "regular expression: match limit exceeded");
    return -1;
}

/* Warning W6, once for each run: a hostile mail is not to fill the log. */
static void
warn_invalid(struct hsl_run *r)
{
    static const char text[] = "regular expression: the subject is not valid UTF-8: no match";

    if (!r->utf8_told)
        hsl_run_log(r, UT_LOG_WARNING, text, sizeof(text) - 1);
    r->utf8_told = true;
}

int
hsl_regex_match(struct hsl_run *r, struct hsl_regex *re, const char *s, size_t len, size_t start,
    const size_t **ovector, unsigned *pairs)
{
    struct matcher *m = matcher_of(r, re->groups + 1);
    const struct task t = {re, s, len, start};
    PCRE2_SIZE *ov;
    uint32_t steps;
    int result;

    if (!m)
        return -1;
    if (start > len)
        return 0;
    if (re->utf && start == 0 && !ut_utf8_valid(s, len)) {
        warn_invalid(r);
        return 0;
    }
    if (re->needed >= 0 && !memchr(s + start, re->needed, len - start))
        return 0;
    steps = steps_at_once(r, m, &t);
    result = match_unwatched(m, &t, PCRE2_UNSET, steps);
    if (result == PCRE2_ERROR_MATCHLIMIT && steps < r->limits.pcre_match_limit)
        result = re->pieces ? match_in_pieces(r, m, &t) : match_watched(r, m, &t, PCRE2_UNSET);
    if (result < 0)
        return match_error(r, result);
    ov = m->ovector;
    if (ov[0] > ov[1])
        ov[0] = ov[1]; /* \K behind the end of the match */
    *ovector = ov;
    *pairs = re->groups + 1;
    return 1;
}
