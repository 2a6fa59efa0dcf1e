/* hsl_lib_pcre.c - regular expression built-ins (library §5).
 *
 * Not here: compiling (hsl_regex.c) and matching (hsl_regex_match.c), the operators =~ and !~ (hsl_op.c).
 * Threads: as the run. Fails: R10, R11, limits, and what a callback throws. */
#include "config.h"

#include "hsl/hsl_arr.h"
#include "hsl/hsl_lib.h"

/* Group [i] of a match in [s] as a new string value; "" if it took no part. */
static bool
group_text(struct hsl_run *r, const struct hsl_str *s, const size_t *ovector, unsigned pairs,
    unsigned i, struct hsl_value *out)
{
    if (i >= pairs || ovector[2 * i] == SIZE_MAX || ovector[2 * i] > ovector[2 * i + 1])
        return hsl_ret_str(r, out, "", 0);
    return hsl_ret_str(r, out, s->data + ovector[2 * i], ovector[2 * i + 1] - ovector[2 * i]);
}

/* Where to look on after a match that ends at [end]: an empty one advances by one byte, or one
 * character under the u flag. */
static size_t
next_start(const struct hsl_regex *re, const struct hsl_str *s, size_t start, size_t end)
{
    if (end > start)
        return end;
    end++;
    while (hsl_regex_is_utf(re) && end < s->len && ((unsigned char)s->data[end] & 0xc0) == 0x80)
        end++;
    return end;
}

/* --- pcre_match, pcre_match_all -------------------------------------------------------------- */

/* The groups of one match by name and number, in an array that has room for the numbers. */
static bool
groups_array(struct hsl_run *r, const struct hsl_regex *re, const struct hsl_str *s,
    const size_t *ovector, unsigned pairs, struct hsl_arr *a)
{
    for (unsigned i = 0; i < pairs; i++) {
        const char *name = hsl_regex_group_name(re, i);
        struct hsl_value v;

        if (!group_text(r, s, ovector, pairs, i, &v))
            return false;
        if (name && !hsl_arr_setz(r, a, name, hsl_ref(v))) {
            hsl_unref(r, v);
            return false;
        }
        if (!hsl_arr_packed_push(a, v) && !hsl_arr_seti(r, a, i, v))
            return false;
    }
    return true;
}

static bool
fn_pcre_match(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_regex *made, *re = hsl_regex_lend(r, &args[0], &made);
    const struct hsl_str *s = args[1].u.str;
    const size_t *ovector;
    struct hsl_arr *a;
    unsigned pairs;
    int found = -1;

    (void)argc;
    *out = hsl_from_arr(hsl_arr_empty());
    if (re)
        found = hsl_regex_match(r, re, s->data, s->len, 0, &ovector, &pairs);
    if (found > 0) {
        a = hsl_arr_new(r, pairs);
        if (a)
            *out = hsl_from_arr(a);
        if (!a || !groups_array(r, re, s, ovector, pairs, a))
            found = -1;
    }
    hsl_regex_unref(made);
    return found >= 0 && hsl_work(r, s->len);
}

/* Appends the groups of one match to the lists of [out]. The lists are made at the first match:
 * by number, and after the last match shared under the names. */
static bool
push_groups(struct hsl_run *r, const struct hsl_regex *re, const struct hsl_str *s,
    const size_t *ovector, unsigned pairs, struct hsl_arr **lists)
{
    for (unsigned i = 0; i <= hsl_regex_groups(re); i++) {
        struct hsl_value v;

        if (!group_text(r, s, ovector, pairs, i, &v) || !hsl_arr_push(r, lists[i], v))
            return false;
    }
    return true;
}

static bool
all_matches(struct hsl_run *r, struct hsl_regex *re, const struct hsl_str *s,
    struct hsl_arr **lists, bool *any)
{
    const size_t *ovector;
    unsigned pairs;
    size_t start = 0;
    int found;

    while (start <= s->len) {
        size_t next;

        found = hsl_regex_match(r, re, s->data, s->len, start, &ovector, &pairs);
        if (found < 0)
            return false;
        if (found == 0)
            return hsl_work(r, s->len - start);
        *any = true;
        next = next_start(re, s, ovector[0], ovector[1]);
        if (!push_groups(r, re, s, ovector, pairs, lists) || !hsl_work(r, next - start))
            return false;
        start = next;
    }
    return true;
}

/* Puts list after list into [a], under name and number. */
static bool
lists_array(
    struct hsl_run *r, const struct hsl_regex *re, struct hsl_arr **lists, struct hsl_arr *a)
{
    for (unsigned i = 0; i <= hsl_regex_groups(re); i++) {
        const char *name = hsl_regex_group_name(re, i);
        struct hsl_value v = hsl_from_arr(lists[i]);

        if ((name && !hsl_arr_setz(r, a, name, hsl_ref(v))) || !hsl_arr_seti(r, a, i, hsl_ref(v)))
            return false;
    }
    return true;
}

/* An empty list for every group; NULL: error. */
static struct hsl_arr **
lists_new(struct hsl_run *r, size_t count)
{
    struct hsl_arr **lists = hsl_heap_alloc(&r->heap, count * sizeof(struct hsl_arr *));

    if (!lists) {
        hsl_raise_memory(r);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        lists[i] = NULL;
    return lists;
}

static void
lists_free(struct hsl_run *r, struct hsl_arr **lists, size_t count)
{
    for (size_t i = 0; lists && i < count; i++) {
        if (lists[i])
            hsl_unref(r, hsl_from_arr(lists[i]));
    }
    hsl_heap_free(&r->heap, lists, count * sizeof(struct hsl_arr *));
}

static bool
lists_fill(struct hsl_run *r, struct hsl_arr **lists, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        lists[i] = hsl_arr_new(r, 0);
        if (!lists[i])
            return false;
    }
    return true;
}

static bool
fn_pcre_match_all(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_regex *made, *re = hsl_regex_lend(r, &args[0], &made);
    struct hsl_arr *a = re ? hsl_arr_new(r, 0) : NULL;
    size_t count = re ? hsl_regex_groups(re) + 1u : 0;
    struct hsl_arr **lists = a ? lists_new(r, count) : NULL;
    bool any = false, ok = false;

    (void)argc;
    if (a)
        *out = hsl_from_arr(a);
    if (lists)
        ok = lists_fill(r, lists, count) && all_matches(r, re, args[1].u.str, lists, &any) &&
             (!any || lists_array(r, re, lists, a));
    lists_free(r, lists, count);
    hsl_regex_unref(made);
    return ok;
}

/* --- pcre_replace ---------------------------------------------------------------------------- */

/* Appends the replacement text with $N filled in: the longest number of up to two digits that is a
 * group. */
static bool
append_filled(struct hsl_run *r, const struct hsl_regex *re, const struct hsl_str *with,
    const struct hsl_str *s, const size_t *ovector, unsigned pairs, struct hsl_value *out)
{
    const char *p = with->data, *end = p + with->len;
    unsigned groups = hsl_regex_groups(re);

    while (p < end) {
        const char *dollar = memchr(p, '$', (size_t)(end - p));
        unsigned group, digits = 0;

        if (!dollar)
            break;
        group = dollar + 1 < end ? (unsigned char)dollar[1] - (unsigned)'0' : 10;
        if (group <= 9 && group <= groups)
            digits = 1;
        if (group <= 9 && dollar + 2 < end && (unsigned char)dollar[2] - (unsigned)'0' <= 9 &&
            group * 10 + (unsigned char)dollar[2] - (unsigned)'0' <= groups) {
            group = group * 10 + (unsigned char)dollar[2] - (unsigned)'0';
            digits = 2;
        }
        if (!hsl_str_append(r, out, p, (size_t)(dollar - p) + (digits == 0)))
            return false;
        p = dollar + 1 + digits;
        if (digits == 0 || group >= pairs || ovector[2 * group] == SIZE_MAX)
            continue;
        if (!hsl_str_append(
                r, out, s->data + ovector[2 * group], ovector[2 * group + 1] - ovector[2 * group]))
            return false;
    }
    return hsl_str_append(r, out, p, (size_t)(end - p));
}

/* Appends string(cb([$0, $1 ...])). */
static bool
append_called(struct hsl_run *r, const struct hsl_regex *re, const struct hsl_value *cb,
    const struct hsl_str *s, const size_t *ovector, unsigned pairs, struct hsl_value *out)
{
    struct hsl_arr *a = hsl_arr_new(r, hsl_regex_groups(re) + 1u);
    struct hsl_value list, answer = hsl_none(), v;
    struct hsl_str *text = NULL;
    bool ok = a != NULL;

    if (!a)
        return false;
    list = hsl_from_arr(a);
    for (unsigned i = 0; ok && i <= hsl_regex_groups(re); i++)
        ok = group_text(r, s, ovector, pairs, i, &v) && hsl_arr_push(r, a, v);
    ok = ok && hsl_call(r, cb, &list, 1, &answer);
    if (ok)
        text = hsl_to_str(r, &answer);
    hsl_unref(r, answer);
    hsl_unref(r, list);
    if (!text)
        return false;
    ok = hsl_str_append(r, out, text->data, text->len);
    hsl_unref(r, hsl_from_str(text));
    return ok;
}

/* What pcre_replace() puts in the place of matches. */
struct replacement {
    const struct hsl_value *with; /* string or function */
    bool plain;                   /* a string without $ */
};

static bool
append_replacement(struct hsl_run *r, const struct hsl_regex *re, const struct replacement *by,
    const struct hsl_str *s, const size_t *ovector, unsigned pairs, struct hsl_value *out)
{
    const struct hsl_str *text = by->with->u.str;

    if (by->plain)
        return hsl_str_append(r, out, text->data, text->len);
    if (by->with->type == HSL_FN)
        return append_called(r, re, by->with, s, ovector, pairs, out);
    return append_filled(r, re, text, s, ovector, pairs, out);
}

/* Replaces up to [limit] matches in [s]; *out is a string, or none if there is no
 * match. */
static bool
replace_all(struct hsl_run *r, struct hsl_regex *re, const struct replacement *by,
    const struct hsl_str *s, uint64_t limit, struct hsl_value *out)
{
    size_t start = 0, copied = 0;
    const size_t *ovector;
    unsigned pairs;
    int found;

    while (limit-- > 0 && start <= s->len) {
        size_t first, last;

        found = hsl_regex_match(r, re, s->data, s->len, start, &ovector, &pairs);
        if (found < 0)
            return false;
        if (found == 0 && !hsl_work(r, s->len - start))
            return false;
        if (found == 0)
            break;
        if (out->type == HSL_NONE) {
            struct hsl_str *result = hsl_str_new_room(r, s->len);

            if (!result)
                return false;
            *out = hsl_from_str(result);
        }
        /* A callback may match as well: what is needed of ovector afterwards is kept here. \K can
         * put the start of a match behind its end. */
        last = ovector[1];
        first = ovector[0] < last ? ovector[0] : last;
        if ((first > copied && !hsl_str_append(r, out, s->data + copied, first - copied)) ||
            !append_replacement(r, re, by, s, ovector, pairs, out) ||
            !hsl_work(r, last - start + 64))
            return false;
        copied = last > copied ? last : copied;
        start = next_start(re, s, first > start ? first : start, last);
    }
    return out->type == HSL_NONE || hsl_str_append(r, out, s->data + copied, s->len - copied);
}

/* The argument [v] as it is used; *text is to be dropped afterwards. */
static bool
replacement_init(
    struct hsl_run *r, struct replacement *by, const struct hsl_value *v, struct hsl_value *text)
{
    *text = hsl_none();
    *by = (struct replacement){.with = v};
    if (v->type == HSL_NUM || v->type == HSL_BOOL) {
        struct hsl_str *s = hsl_to_str(r, v);

        if (!s)
            return false;
        *text = hsl_from_str(s);
        by->with = text;
    }
    if (by->with->type != HSL_FN && by->with->type != HSL_STR)
        return hsl_lib_bad_arg(r, "pcre_replace", 2, "string or function", v);
    by->plain =
        by->with->type == HSL_STR && !memchr(by->with->u.str->data, '$', by->with->u.str->len);
    return true;
}

static bool
fn_pcre_replace(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    int64_t limit = argc > 3 ? hsl_arg_int(&args[3]) : 0;
    uint64_t most = limit > 0 ? (uint64_t)limit : UINT64_MAX;
    struct hsl_regex *re, *made;
    struct replacement by;
    struct hsl_value text;
    bool ok;

    if (!replacement_init(r, &by, &args[1], &text))
        return false;
    re = hsl_regex_lend(r, &args[0], &made);
    ok = re && replace_all(r, re, &by, args[2].u.str, most, out);
    if (ok && out->type == HSL_NONE)
        *out = hsl_ref(args[2]);
    hsl_regex_unref(made);
    hsl_unref(r, text);
    return ok;
}

/* --- pcre_quote, pcre_compile ---------------------------------------------------------------- */

static bool
fn_pcre_quote(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;
    struct ut_sbuf b;

    (void)argc;
    ut_sbuf_init(&b, r->limits.max_string);
    for (size_t i = 0; i < s->len; i++) {
        char c = s->data[i];

        if (c == '\0') {
            ut_sbuf_addz(&b, "\\000");
            continue;
        }
        if (strchr(".\\+*?[^]$(){}=!<>|:-#/", c))
            ut_sbuf_addc(&b, '\\');
        ut_sbuf_addc(&b, c);
    }
    return hsl_ret_sbuf(r, out, &b) && hsl_work(r, s->len);
}

static bool
fn_pcre_compile(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_regex *re = hsl_regex_of(r, &args[0]);

    (void)argc;
    return re && hsl_regex_to_value(r, re, out);
}

const struct hsl_builtin hsl_lib_pcre_rows[] = {
    {"pcre_match", "ps", 0, 0, .fn = fn_pcre_match, "pcre_match(p, s)",
        "The first match as an array: 0 the whole, then the groups by number and, where they "
        "have one, by name. [] if nothing matches. Groups that took no part are \"\".",
        .errors = "the pattern is bad; matching takes too long"},
    {"pcre_match_all", "ps", 0, 0, .fn = fn_pcre_match_all, "pcre_match_all(p, s)",
        "All matches: for each group the list of its texts, under the keys of pcre_match().",
        .errors = "the pattern is bad; matching takes too long"},
    {"pcre_replace", "pcs|n", 0, 0, .fn = fn_pcre_replace, "pcre_replace(p, r, s [, limit = 0])",
        "The string with matches replaced by r, all or at most limit of them. In a string $0 to "
        "$99 stand for groups; a function gets the list of groups and gives the text.",
        .errors = "the pattern is bad; matching takes too long"},
    {"pcre_quote", "s", 0, HSL_PURE, .fn = fn_pcre_quote, "pcre_quote(s)",
        "The string as a pattern that matches just it."},
    {"pcre_compile", "p", 0, 0, .fn = fn_pcre_compile, "pcre_compile(s)",
        "A Regex object of a pattern text.",
        .errors = "the pattern is bad"},
    {.name = NULL},
};
