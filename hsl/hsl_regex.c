/* hsl_regex.c - regular expressions by PCRE2 (language §9).
 *
 * A pattern is compiled once, with JIT where PCRE2 has it, and shared by threads. What one match
 * needs beside it (offsets, limits, JIT stack) is made at the first match of a run and kept in
 * r->match_data. Patterns and subjects come from mail: the match limit bounds the backtracking of
 * each match (JIT counts it too), the depth and heap limits the memory of the interpreter, the JIT
 * stack has an upper size; reaching any of them is R11. What they do not bound is a pattern that
 * looks through all of a long subject again from each of its bytes. So a long subject is tried in
 * pieces of places where a match may begin, and the clock is looked at between them.
 *
 * With the flag u a subject is checked for valid UTF-8 when it is matched from its start. Patterns
 * are compiled so that a match from further on is safe on any bytes, so a loop over all matches
 * does not check the whole subject again each time.
 *
 * Not here: the cache of run-time patterns (hsl_regex_cache.c), the pcre_ functions (the library).
 * Threads: patterns any, matches the run's. Fails: bad patterns, R10, R11, memory. */
#include "config.h"

#include "hsl/hsl_regex.h"
#include "lib/ut_log.h"
#include "lib/ut_utf8.h"

#include <stdatomic.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MAX_PATTERN ((size_t)256 * 1024)    /* bytes of a pattern */
#define JIT_STACK_START ((size_t)32 * 1024) /* of the stack made for matches that ask for more */
#define JIT_STACK_MAX ((size_t)1024 * 1024) /* than the 32 KiB of the C stack that PCRE2 takes */
#define LONG_SUBJECT ((size_t)32 * 1024)    /* bytes from which on a subject is tried in pieces */
#define PIECE_MIN ((size_t)1024)
#define PIECE_WORK ((size_t)20000000000) /* most places of a piece times bytes of the subject */
#define PIECE_FAST 0.002                 /* seconds */
#define MESSAGE_MAX 200

struct hsl_regex {
    atomic_uint refs;
    pcre2_code *code;
    char *pattern; /* with a NUL behind it */
    size_t len;
    char flags[8]; /* in the order of all_flags */
    bool utf;
    bool jit;    /* there is machine code */
    bool pieces; /* a match may be tried in pieces of the subject */
    unsigned groups;
    const char **names; /* by group, NULL: none has a name */
};

static const char all_flags[] = "imsxuUX";

/* --- Compiling -------------------------------------------------------------------------------- */

static uint32_t
options_of(const char *flags)
{
    uint32_t options = PCRE2_USE_OFFSET_LIMIT;

    if (strchr(flags, 'i'))
        options |= PCRE2_CASELESS;
    if (strchr(flags, 'm'))
        options |= PCRE2_MULTILINE;
    if (strchr(flags, 's'))
        options |= PCRE2_DOTALL;
    if (strchr(flags, 'x'))
        options |= PCRE2_EXTENDED;
    if (strchr(flags, 'U'))
        options |= PCRE2_UNGREEDY;
    return options | (strchr(flags, 'u') ? PCRE2_UTF | PCRE2_MATCH_INVALID_UTF : PCRE2_NEVER_UTF);
}

static pcre2_code *
compile_code(const struct hsl_regex *re, struct ut_diag *d)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    unsigned char message[MESSAGE_MAX];
    pcre2_code *code = NULL;
    PCRE2_SIZE offset = 0;
    int error = PCRE2_ERROR_NOMEMORY;

    if (context) {
        (void)pcre2_set_max_pattern_length(context, MAX_PATTERN);
        (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
        if (!strchr(re->flags, 'X'))
            (void)pcre2_set_compile_extra_options(context, PCRE2_EXTRA_BAD_ESCAPE_IS_LITERAL);
        code = pcre2_compile(
            (PCRE2_SPTR)re->pattern, re->len, options_of(re->flags), &error, &offset, context);
        pcre2_compile_context_free(context);
    }
    if (code)
        return code;
    if (pcre2_get_error_message(error, message, sizeof(message)) < 0)
        (void)snprintf((char *)message, sizeof(message), "error %d", error);
    (void)ut_diag_set(d, "%s at offset %zu", (const char *)message, (size_t)offset);
    return NULL;
}

/* Fills re->names from the table of PCRE2; false without memory. */
static bool
read_names(struct hsl_regex *re)
{
    uint32_t count = 0, size = 0, i;
    PCRE2_SPTR table = NULL;

    (void)pcre2_pattern_info(re->code, PCRE2_INFO_NAMECOUNT, &count);
    if (count == 0)
        return true;
    (void)pcre2_pattern_info(re->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    (void)pcre2_pattern_info(re->code, PCRE2_INFO_NAMETABLE, &table);
    re->names = calloc((size_t)re->groups + 1, sizeof(*re->names));
    if (!re->names)
        return false;
    for (i = 0; i < count; i++, table += size) {
        unsigned group = (unsigned)table[0] << 8 | table[1];

        if (group <= re->groups)
            re->names[group] = (const char *)table + 2;
    }
    return true;
}

/* Anchored patterns need no pieces; \G and verbs such as (*COMMIT) would see where a piece begins.
 */
static bool
can_be_pieces(const struct hsl_regex *re)
{
    uint32_t options = 0;

    (void)pcre2_pattern_info(re->code, PCRE2_INFO_ALLOPTIONS, &options);
    return !(options & PCRE2_ANCHORED) && !memmem(re->pattern, re->len, "\\G", 2) &&
           !memmem(re->pattern, re->len, "(*", 2);
}

static void
copy_flags(const char *flags, char out[8])
{
    const char *f;

    for (f = all_flags; *f; f++)
        if (strchr(flags, *f))
            *out++ = *f;
    *out = '\0';
}

struct hsl_regex *
hsl_regex_compile(const char *pattern, size_t len, const char *flags, struct ut_diag *d)
{
    struct hsl_regex *re = calloc(1, sizeof(*re));
    uint32_t groups = 0;

    if (!re)
        goto no_memory;
    atomic_init(&re->refs, 1);
    copy_flags(flags, re->flags);
    re->utf = strchr(re->flags, 'u') != NULL;
    re->len = len;
    re->pattern = malloc(len + 1);
    if (!re->pattern)
        goto no_memory;
    memcpy(re->pattern, pattern, len);
    re->pattern[len] = '\0';
    re->code = compile_code(re, d);
    if (!re->code) {
        hsl_regex_unref(re);
        return NULL;
    }
    (void)pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    re->groups = groups;
    re->pieces = can_be_pieces(re);
    if (!read_names(re))
        goto no_memory;
    re->jit = pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE) == 0;
    return re;
no_memory:
    hsl_regex_unref(re);
    (void)ut_diag_set(d, "no memory for the pattern at offset 0");
    return NULL;
}

struct hsl_regex *
hsl_regex_ref(struct hsl_regex *re)
{
    atomic_fetch_add_explicit(&re->refs, 1, memory_order_relaxed);
    return re;
}

void
hsl_regex_unref(struct hsl_regex *re)
{
    if (!re || atomic_fetch_sub_explicit(&re->refs, 1, memory_order_acq_rel) != 1)
        return;
    pcre2_code_free(re->code);
    free(re->names);
    free(re->pattern);
    free(re);
}

void
hsl_regex_split(const char *s, size_t len, const char **p, size_t *n, char flags[8])
{
    char given[8] = "";
    size_t end = len, i;

    *p = s;
    *n = len;
    flags[0] = '\0';
    if (len < 2 || s[0] != '/')
        return;
    while (end > 1 && s[end - 1] != '\0' && strchr(all_flags, s[end - 1]))
        end--;
    if (end < 2 || s[end - 1] != '/')
        return;
    for (i = end; i < len; i++)
        if (!strchr(given, s[i]))
            given[strlen(given)] = s[i]; /* there are no more than seven */
    copy_flags(given, flags);
    *p = s + 1;
    *n = end - 2;
}

/* --- Asking ----------------------------------------------------------------------------------- */

bool
hsl_regex_same(const struct hsl_regex *a, const struct hsl_regex *b)
{
    return a == b || (a->len == b->len && memcmp(a->pattern, b->pattern, a->len) == 0 &&
                         strcmp(a->flags, b->flags) == 0);
}

const char *
hsl_regex_pattern(const struct hsl_regex *re, size_t *len, const char **flags)
{
    *len = re->len;
    *flags = re->flags;
    return re->pattern;
}

unsigned
hsl_regex_groups(const struct hsl_regex *re)
{
    return re->groups;
}

const char *
hsl_regex_group_name(const struct hsl_regex *re, unsigned i)
{
    return re->names && i <= re->groups ? re->names[i] : NULL;
}

bool
hsl_regex_is_utf(const struct hsl_regex *re)
{
    return re->utf;
}

size_t
hsl_regex_weight(const struct hsl_regex *re)
{
    size_t code = 0, jit = 0;

    (void)pcre2_pattern_info(re->code, PCRE2_INFO_SIZE, &code);
    (void)pcre2_pattern_info(re->code, PCRE2_INFO_JITSIZE, &jit);
    return sizeof(*re) + re->len + code + jit + re->groups * sizeof(*re->names);
}

/* --- Matching --------------------------------------------------------------------------------- */

/* r->match_data. */
struct matcher {
    pcre2_match_context *context;
    pcre2_match_data *data;
    PCRE2_SIZE *ovector;    /* of data */
    pcre2_jit_stack *stack; /* NULL: no match needed one yet */
    uint32_t pairs;         /* that fit in data */
    uint32_t match_limit;   /* set in context */
    uint32_t depth_limit;
    size_t offset_limit;
};

static void
matcher_free(struct matcher *m)
{
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    pcre2_jit_stack_free(m->stack);
    free(m);
}

void
hsl_regex_run_fini(struct hsl_run *r)
{
    if (r->match_data)
        matcher_free(r->match_data);
    r->match_data = NULL;
}

static bool
out_of_memory(struct hsl_run *r)
{
    return hsl_limit(r, HSL_L08, "out of memory");
}

/* The run's matcher made ready for [pairs]; NULL: error set. */
static struct matcher *
prepare_matcher(struct hsl_run *r, uint32_t pairs)
{
    struct matcher *m = r->match_data;

    if (!m) {
        m = calloc(1, sizeof(*m));
        if (m)
            m->context = pcre2_match_context_create(NULL);
        if (!m || !m->context) {
            free(m);
            (void)out_of_memory(r);
            return NULL;
        }
        m->offset_limit = PCRE2_UNSET;
        r->match_data = m;
    }
    if (m->pairs < pairs) {
        pcre2_match_data *data = pcre2_match_data_create(pairs + 8, NULL);

        if (!data) {
            (void)out_of_memory(r);
            return NULL;
        }
        pcre2_match_data_free(m->data);
        m->data = data;
        m->ovector = pcre2_get_ovector_pointer(data);
        m->pairs = pairs + 8;
    }
    if (m->match_limit != r->limits.pcre_match_limit ||
        m->depth_limit != r->limits.pcre_depth_limit) {
        m->match_limit = r->limits.pcre_match_limit;
        m->depth_limit = r->limits.pcre_depth_limit;
        (void)pcre2_set_match_limit(m->context, m->match_limit);
        (void)pcre2_set_depth_limit(m->context, m->depth_limit);
        (void)pcre2_set_heap_limit(m->context, (uint32_t)(r->limits.max_memory / 1024));
    }
    return m;
}

static inline struct matcher *
matcher_of(struct hsl_run *r, uint32_t pairs)
{
    struct matcher *m = r->match_data;

    if (m && m->pairs >= pairs && m->match_limit == r->limits.pcre_match_limit &&
        m->depth_limit == r->limits.pcre_depth_limit)
        return m;
    return prepare_matcher(r, pairs);
}

/* Another try for a pattern that needs more stack than PCRE2 takes from the C stack. */
static int
match_larger(struct matcher *m, const struct hsl_regex *re, const char *s, size_t len, size_t start)
{
    m->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
    if (!m->stack)
        return PCRE2_ERROR_NOMEMORY;
    pcre2_jit_stack_assign(m->context, NULL, m->stack);
    return pcre2_jit_match(re->code, (PCRE2_SPTR)s, len, start, 0, m->data, m->context);
}

/* A match that begins from [start] to [limit]. */
static inline int
match_once(struct matcher *m, const struct hsl_regex *re, const char *s, size_t len, size_t start,
    size_t limit)
{
    int result;

    if (m->offset_limit != limit) {
        m->offset_limit = limit;
        (void)pcre2_set_offset_limit(m->context, limit);
    }
    if (!re->jit)
        return pcre2_match(re->code, (PCRE2_SPTR)s, len, start, 0, m->data, m->context);
    result = pcre2_jit_match(re->code, (PCRE2_SPTR)s, len, start, 0, m->data, m->context);
    if (result == PCRE2_ERROR_JIT_STACKLIMIT && !m->stack)
        result = match_larger(m, re, s, len, start);
    return result;
}

/* The same for a long subject. Each call looks ahead anew, so pieces grow while they are fast, up
 * to a size at which the worst pattern takes some seconds. PCRE2_ERROR_CALLOUT: the run's time is
 * over. */
static int
match_in_pieces(struct hsl_run *r, struct matcher *m, const struct hsl_regex *re, const char *s,
    size_t len, size_t start)
{
    size_t size = PIECE_MIN, most = PIECE_WORK / len, end;
    double left = hsl_time_left(r);
    int result;

    for (;; start = end + 1) {
        double before = left;

        end = len - start > size ? start + size : len;
        while (re->utf && end < len && ((unsigned char)s[end + 1] & 0xc0) == 0x80)
            end++; /* the next piece begins with a character */
        result = match_once(m, re, s, len, start, end);
        if (result != PCRE2_ERROR_NOMATCH || end == len)
            return result;
        left = hsl_time_left(r);
        if (left <= 0)
            return PCRE2_ERROR_CALLOUT;
        if (before - left < PIECE_FAST && size < most)
            size *= 2;
        else if (before - left > 16 * PIECE_FAST && size > PIECE_MIN)
            size /= 2;
    }
}

/* PCRE2's errors in ours: 0 for what just does not match, else -1 with the error set. */
static int
match_error(struct hsl_run *r, int error)
{
    if (error == PCRE2_ERROR_NOMATCH)
        return 0;
    if (error == PCRE2_ERROR_CALLOUT)
        (void)hsl_limit(r, HSL_L02, "time (%g s) exceeded", r->limits.max_time);
    else if (error == PCRE2_ERROR_NOMEMORY)
        (void)out_of_memory(r);
    else
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
    PCRE2_SIZE *ov;
    int result;

    if (!m)
        return -1;
    if (start > len)
        return 0;
    if (re->utf && start == 0 && !ut_utf8_valid(s, len)) {
        warn_invalid(r);
        return 0;
    }
    if (start < len && len - start > LONG_SUBJECT && re->pieces)
        result = match_in_pieces(r, m, re, s, len, start);
    else
        result = match_once(m, re, s, len, start, PCRE2_UNSET);
    if (result < 0)
        return match_error(r, result);
    ov = m->ovector;
    if (ov[0] > ov[1])
        ov[0] = ov[1]; /* \K behind the end of the match */
    *ovector = ov;
    *pairs = re->groups + 1;
    return 1;
}

/* --- Values ----------------------------------------------------------------------------------- */

static void
regex_finish(struct hsl_run *r, struct hsl_obj *o)
{
    (void)r;
    hsl_regex_unref(o->data);
}

const struct hsl_class hsl_regex_class = {.name = "Regex", .finish = regex_finish};

bool
hsl_regex_to_value(struct hsl_run *r, struct hsl_regex *re, struct hsl_value *out)
{
    struct hsl_obj *o = hsl_obj_new(r, &hsl_regex_class);

    if (!o) {
        hsl_regex_unref(re);
        return false;
    }
    o->data = re;
    *out = (struct hsl_value){.u.obj = o, .type = HSL_OBJ};
    return true;
}

struct hsl_regex *
hsl_regex_of(struct hsl_run *r, const struct hsl_value *v)
{
    struct hsl_regex *made, *re = hsl_regex_lend(r, v, &made);

    return re && !made ? hsl_regex_ref(re) : re;
}

struct hsl_regex *
hsl_regex_lend(struct hsl_run *r, const struct hsl_value *v, struct hsl_regex **made)
{
    struct hsl_regex *re;
    struct ut_diag d;

    *made = NULL;
    if (v->type == HSL_OBJ && v->u.obj->cls == &hsl_regex_class)
        return v->u.obj->data;
    if (v->type != HSL_STR) {
        hsl_raise(r, HSL_R07, "expected a pattern, got %s", hsl_type_name(v));
        return NULL;
    }
    re = hsl_regex_cache_get(r->env ? r->env->regexes : NULL, v->u.str->data, v->u.str->len, &d);
    if (!re)
        hsl_raise(r, HSL_R10, "regular expression: %s", d.text);
    *made = re;
    return re;
}
