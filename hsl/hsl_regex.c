/* hsl_regex.c - regular expressions by PCRE2 (language §9): what a pattern is.
 *
 * A pattern is compiled once, with JIT where PCRE2 has it, and shared by threads.
 *
 * With the flag u patterns are compiled so that a match from further on in a subject is safe on any
 * bytes, so a loop over all matches does not check the whole subject again each time.
 *
 * Not here: matches (hsl_regex_match.c), the cache of run-time patterns (hsl_regex_cache.c), the
 * pcre_ functions (the library).
 * Threads: any. Fails: bad patterns, R07, R10, memory. */
#include "config.h"

#include "hsl/hsl_regex_internal.h"

#include <stdlib.h>

#define MAX_PATTERN ((size_t)256 * 1024) /* bytes */
#define CODE_SIZE ((size_t)1024)         /* bytes of a code of usual size */
#define SHORT_STEPS 400u
#define MESSAGE_MAX 200

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

pcre2_code *
hsl_regex_code(const struct hsl_regex *re, uint32_t more, struct ut_diag *d)
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
        code = pcre2_compile((PCRE2_SPTR)re->pattern, re->len, options_of(re->flags) | more, &error,
            &offset, context);
        pcre2_compile_context_free(context);
    }
    if (code)
        return code;
    if (pcre2_get_error_message(error, message, sizeof(message)) < 0)
        (void)snprintf((char *)message, sizeof(message), "error %d", error);
    (void)ut_diag_set(d, "%s at offset %zu", (const char *)message, (size_t)offset);
    return NULL;
}

bool
hsl_regex_jit(pcre2_code *code)
{
    size_t size = 0;

    if (pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) != 0)
        return false;
    (void)pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &size);
    return size > 0; /* (*NO_JIT) in the pattern is no error */
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

/* A byte that each match contains: the last one that PCRE2 knows, or the first; -1: none. It may
 * stand for either case of a letter, so no letter is told. */
static int
needed_byte(const pcre2_code *code)
{
    uint32_t type = 0, unit = 0;

    (void)pcre2_pattern_info(code, PCRE2_INFO_LASTCODETYPE, &type);
    if (type == 1) {
        (void)pcre2_pattern_info(code, PCRE2_INFO_LASTCODEUNIT, &unit);
    } else {
        (void)pcre2_pattern_info(code, PCRE2_INFO_FIRSTCODETYPE, &type);
        if (type == 1)
            (void)pcre2_pattern_info(code, PCRE2_INFO_FIRSTCODEUNIT, &unit);
    }
    return type == 1 && unit < 0x80 && (unit | 0x20) - 'a' >= 26 ? (int)unit : -1;
}

/* What bounds the time of a match. Anchored patterns need no pieces; \G and verbs such as (*COMMIT)
 * would see where a piece begins. */
static void
read_shape(struct hsl_regex *re)
{
    uint32_t options = 0;
    size_t size = 0;

    (void)pcre2_pattern_info(re->code, PCRE2_INFO_ALLOPTIONS, &options);
    (void)pcre2_pattern_info(re->code, PCRE2_INFO_SIZE, &size);
    re->anchored = options & PCRE2_ANCHORED;
    re->pieces = !re->anchored && !memmem(re->pattern, re->len, "\\G", 2) &&
                 !memmem(re->pattern, re->len, "(*", 2);
    re->weight = (uint32_t)(1 + size / CODE_SIZE);
    re->short_steps = 1 + SHORT_STEPS / re->weight;
    re->needed = needed_byte(re->code);
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
    re->code = hsl_regex_code(re, 0, d);
    if (!re->code) {
        hsl_regex_unref(re);
        return NULL;
    }
    (void)pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    re->groups = groups;
    read_shape(re);
    if (!read_names(re))
        goto no_memory;
    re->jit = hsl_regex_jit(re->code);
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
