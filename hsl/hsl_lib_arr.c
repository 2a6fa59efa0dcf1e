/* hsl_lib_arr.c - built-ins on arrays (library §4). All give new arrays; arguments never change.
 *
 * A callback may do anything to the variable it was called for: the arguments hold a count of their
 * own, so what is walked here stays as it is (copy on write).
 * Not here: array_sort (hsl_lib_sort.c), array_join (hsl_lib_str.c), operators + and - (hsl_op.c).
 * Threads: as the run. Fails: R05, R07, R15, limits, and what a callback throws. */
#include "config.h"

#include "hsl/hsl_lib_arr.h"

#include <float.h>
#include <math.h>

#include "hsl/hsl_arr.h"
#include "hsl/hsl_op.h"
#include "hsl/hsl_random.h"

/* A new array into *out. */
static struct hsl_arr *
new_result(struct hsl_run *r, struct hsl_value *out, size_t reserve)
{
    struct hsl_arr *a = hsl_arr_new(r, reserve);

    if (a)
        *out = hsl_from_arr(a);
    return a;
}

/* cb(v) by truth into *yes. */
static bool
ask(struct hsl_run *r, const struct hsl_value *cb, const struct hsl_value *v, bool *yes)
{
    struct hsl_value answer = hsl_none();

    if (!hsl_call(r, cb, v, 1, &answer))
        return false;
    *yes = hsl_truth(&answer);
    hsl_unref(r, answer);
    return true;
}

/* --- Looking for elements -------------------------------------------------------------------- */

static bool
contains(struct hsl_run *r, const struct hsl_value *args, bool strict, struct hsl_value *out)
{
    const struct hsl_value *v;
    size_t pos = 0;
    bool yes = false;

    while (!yes && hsl_arr_next(args[1].u.arr, &pos, NULL, &v)) {
        if (!(args[0].type == HSL_FN ? ask(r, &args[0], v, &yes)
                                     : hsl_compare_equal(r, v, &args[0], strict, &yes)) ||
            !hsl_work(r, 16))
            return false;
    }
    *out = hsl_bool(yes);
    return true;
}

static bool
fn_in_array(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    return contains(r, args, false, out);
}

static bool
fn_array_includes(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    return contains(r, args, true, out);
}

static bool
fn_array_find(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_value *v;
    size_t pos = 0;
    bool yes = false;

    (void)argc;
    while (hsl_arr_next(args[1].u.arr, &pos, NULL, &v)) {
        if (!ask(r, &args[0], v, &yes))
            return false;
        if (yes) {
            *out = hsl_ref(*v);
            return true;
        }
    }
    return true;
}

static bool
fn_array_every(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_value *v;
    size_t pos = 0;
    bool yes = true;

    (void)argc;
    while (yes && hsl_arr_next(args[1].u.arr, &pos, NULL, &v)) {
        if (!ask(r, &args[0], v, &yes))
            return false;
    }
    *out = hsl_bool(yes);
    return true;
}

/* --- Building from elements ------------------------------------------------------------------ */

static bool
fn_array_keys(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_arr *a = args[0].u.arr;
    struct hsl_arr *keys = new_result(r, out, hsl_arr_count(a));
    const struct hsl_value *v;
    struct hsl_value key;
    size_t pos = 0;

    (void)argc;
    while (keys && hsl_arr_next(a, &pos, &key, &v)) {
        if (!hsl_arr_push(r, keys, hsl_ref(key)) || !hsl_work(r, 16))
            return false;
    }
    return keys != NULL;
}

static bool
fn_array_filter(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_arr *a = args[1].u.arr;
    struct hsl_arr *kept = new_result(r, out, 0);
    const struct hsl_value *v;
    size_t pos = 0;
    bool yes;

    (void)argc;
    while (kept && hsl_arr_next(a, &pos, NULL, &v)) {
        if (!ask(r, &args[0], v, &yes) ||
            (yes && !hsl_arr_set_like(r, kept, a, pos - 1, hsl_ref(*v))))
            return false;
    }
    return kept != NULL;
}

static bool
fn_array_map(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_arr *a = args[1].u.arr;
    struct hsl_arr *mapped = new_result(r, out, hsl_arr_count(a));
    bool list = hsl_arr_is_list(a);
    const struct hsl_value *v;
    struct hsl_value made;
    size_t pos = 0;

    (void)argc;
    while (mapped && hsl_arr_next(a, &pos, NULL, &v)) {
        made = hsl_none();
        if (!hsl_call(r, &args[0], v, 1, &made))
            return false;
        if (list ? !hsl_arr_push(r, mapped, made) : !hsl_arr_set_like(r, mapped, a, pos - 1, made))
            return false;
    }
    return mapped != NULL;
}

static bool
fn_array_reduce(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_arr *a = args[1].u.arr;
    struct hsl_value pair[2];
    const struct hsl_value *v;
    size_t pos = 0;

    if (argc > 2)
        *out = hsl_ref(args[2]);
    else if (hsl_arr_next(a, &pos, NULL, &v))
        *out = hsl_ref(*v);
    else
        return hsl_raise(
            r, HSL_R15, "array_reduce(): the array is empty and there is no initial value");
    while (hsl_arr_next(a, &pos, NULL, &v)) {
        struct hsl_value made = hsl_none();
        bool ok;

        pair[0] = *out;
        pair[1] = *v;
        ok = hsl_call(r, &args[0], pair, 2, &made);
        hsl_unref(r, *out);
        *out = made;
        if (!ok)
            return false;
    }
    return true;
}

static bool
fn_array_reverse(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_pairs e;
    bool ok;

    (void)argc;
    if (!hsl_pairs_get(r, args[0].u.arr, &e))
        return false;
    for (size_t i = 0, k = e.count; i + 1 < k; i++) {
        struct hsl_pair swap = e.items[i];

        e.items[i] = e.items[--k];
        e.items[k] = swap;
    }
    ok = hsl_pairs_put(r, &e, false, out);
    hsl_pairs_fini(r, &e);
    return ok;
}

/* --- Ranges ---------------------------------------------------------------------------------- */

static bool
make_range(struct hsl_run *r, const char *name, const struct hsl_value *args, unsigned argc,
    bool with_last, struct hsl_value *out)
{
    double first = args[0].u.num, last = args[1].u.num, step = argc > 2 ? args[2].u.num : 1;
    double steps, count;
    struct hsl_arr *a;

    if (step == 0)
        return hsl_raise(r, HSL_R15, "%s(): the step is 0", name);
    if (isinf(step))
        step = copysign(DBL_MAX, step); /* 0 times that is a number */
    steps = (last - first) / step;
    count = with_last ? floor(steps) + 1 : ceil(steps);
    if (!(count > 0)) /* also NaN */
        count = 0;
    if (count > (double)r->limits.max_array)
        return hsl_limit(r, HSL_L06, "array size (%zu) exceeded", r->limits.max_array);
    a = new_result(r, out, (size_t)count);
    for (double i = 0; a && i < count; i++) {
        if (!hsl_arr_push(r, a, hsl_num(first + i * step)) || !hsl_work(r, 16))
            return false;
    }
    return a != NULL;
}

static bool
fn_range(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return make_range(r, "range", args, argc, true, out);
}

static bool
fn_array_range(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return make_range(r, "array_range", args, argc, false, out);
}

/* --- Others ---------------------------------------------------------------------------------- */

static bool
fn_array_combine(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_arr *a = new_result(r, out, hsl_arr_count(args[0].u.arr));
    const struct hsl_value *key, *v;
    size_t pos = 0, vpos = 0;

    while (a && hsl_arr_next(args[0].u.arr, &pos, NULL, &key)) {
        struct hsl_value value = argc > 2 ? args[2] : hsl_none();

        if (hsl_arr_next(args[1].u.arr, &vpos, NULL, &v))
            value = *v;
        if (!hsl_arr_set(r, a, key, hsl_ref(value)) || !hsl_work(r, 16))
            return false;
    }
    return a != NULL;
}

/* What array_unique has met: strings and numbers as keys of two arrays (a string that looks like an
 * integer and that integer are two things), everything else in a list that is searched. */
struct seen {
    struct hsl_arr *numbers;
    struct hsl_arr *strings;
    struct hsl_arr *others;
};

static bool
seen_number(struct hsl_run *r, struct seen *s, double n, bool *known)
{
    int64_t bits;

    if (n == 0)
        n = 0; /* -0 is 0 */
    memcpy(&bits, &n, sizeof(bits));
    *known = !isnan(n) && hsl_arr_geti(s->numbers, bits) != NULL;
    return *known || hsl_arr_seti(r, s->numbers, bits, hsl_none());
}

static bool
seen_other(struct hsl_run *r, struct seen *s, const struct hsl_value *v, bool *known)
{
    const struct hsl_value *o;
    size_t pos = 0;

    *known = false;
    while (!*known && hsl_arr_next(s->others, &pos, NULL, &o)) {
        if (!hsl_compare_equal(r, o, v, true, known) || !hsl_work(r, 64))
            return false;
    }
    return *known || hsl_arr_push(r, s->others, hsl_ref(*v));
}

static bool
seen_before(struct hsl_run *r, struct seen *s, const struct hsl_value *v, bool *known)
{
    if (v->type == HSL_NUM)
        return seen_number(r, s, v->u.num, known);
    if (v->type == HSL_STR) {
        *known = hsl_arr_gets(s->strings, v->u.str) != NULL;
        return *known || hsl_arr_sets(r, s->strings, v->u.str, hsl_none());
    }
    return seen_other(r, s, v, known);
}

static bool
unique(struct hsl_run *r, const struct hsl_arr *a, struct seen *s, struct hsl_value *out)
{
    struct hsl_arr *kept = new_result(r, out, 0);
    const struct hsl_value *v;
    size_t pos = 0;
    bool known;

    while (kept && hsl_arr_next(a, &pos, NULL, &v)) {
        if (!seen_before(r, s, v, &known) || !hsl_work(r, 32) ||
            (!known && !hsl_arr_set_like(r, kept, a, pos - 1, hsl_ref(*v))))
            return false;
    }
    return kept != NULL;
}

static void
drop(struct hsl_run *r, struct hsl_arr *a)
{
    if (a)
        hsl_unref(r, hsl_from_arr(a));
}

static bool
fn_array_unique(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct seen s = {hsl_arr_new(r, 0), hsl_arr_new(r, 0), hsl_arr_new(r, 0)};
    bool ok = s.numbers && s.strings && s.others && unique(r, args[0].u.arr, &s, out);

    (void)argc;
    drop(r, s.numbers);
    drop(r, s.strings);
    drop(r, s.others);
    return ok;
}

static bool
fn_array_shuffle(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_pairs e;
    bool ok = true;

    (void)argc;
    if (!hsl_pairs_get(r, args[0].u.arr, &e))
        return false;
    for (size_t i = e.count; ok && i > 1; i--) {
        uint64_t k;

        if (!hsl_work(r, 64)) {
            hsl_pairs_fini(r, &e);
            return false;
        }
        ok = hsl_random_below(i, &k);
        if (ok) {
            struct hsl_pair swap = e.items[i - 1];

            e.items[i - 1] = e.items[k];
            e.items[k] = swap;
        }
    }
    if (!ok)
        hsl_raise(r, HSL_R15, "array_shuffle(): no random numbers from the system");
    ok = ok && hsl_pairs_put(r, &e, false, out);
    hsl_pairs_fini(r, &e);
    return ok;
}

static bool
fn_array_random(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_arr *a = args[0].u.arr;
    const struct hsl_value *v = NULL;
    struct hsl_value key;
    struct hsl_arr *pair;
    size_t pos = 0;
    uint64_t k;

    (void)argc;
    if (hsl_arr_count(a) == 0)
        return true;
    if (!hsl_random_below(hsl_arr_count(a), &k))
        return hsl_raise(r, HSL_R15, "array_random(): no random numbers from the system");
    while (hsl_arr_next(a, &pos, &key, &v) && k-- > 0)
        continue;
    pair = new_result(r, out, 2);
    return pair && hsl_work(r, pos * 16) && hsl_arr_push(r, pair, hsl_ref(key)) &&
           hsl_arr_push(r, pair, hsl_ref(*v));
}

const struct hsl_builtin hsl_lib_arr_rows[] = {
    {"array_keys", "a", 0, 0, .fn = fn_array_keys, "array_keys(a)", "The keys in order, as a list."},
    {"in_array", "ca", 0, HSL_NONE_OK, .fn = fn_in_array, "in_array(v, a)",
        "True if an element is == v or, if v is a function, for which it gives true."},
    {"array_includes", "ca", 0, 0, .fn = fn_array_includes, "array_includes(v, a)",
        "True if an element is === v or, if v is a function, for which it gives true."},
    {"array_find", "fa", 0, 0, .fn = fn_array_find, "array_find(cb, a)",
        "The first element for which cb(element) is true, or none."},
    {"array_filter", "fa", 0, 0, .fn = fn_array_filter, "array_filter(cb, a)",
        "The elements for which cb(element) is true, with their keys."},
    {"array_map", "fa", 0, 0, .fn = fn_array_map, "array_map(cb, a)",
        "The results of cb(element), under the same keys."},
    {"array_reduce", "fa|v", 0, 0, .fn = fn_array_reduce, "array_reduce(cb, a [, initial])",
        "Calls carry = cb(carry, element) for each element and gives the last carry. Without "
        "initial the first element is the first carry.",
        .errors = "the array is empty and there is no initial value"},
    {"array_every", "fa", 0, 0, .fn = fn_array_every, "array_every(cb, a)",
        "True if cb(element) is true for every element; true for an empty array."},
    {"array_sort", "fa|o", 0, 0, .fn = hsl_lib_array_sort, "array_sort(less, a [, options])",
        "The array in the order in which less(x, y) says that x comes before y; keys stay with "
        "their values, equal elements in their order. Option keys: compare keys instead of "
        "values.",
        .options = "keys"},
    {"array_reverse", "a", 0, 0, .fn = fn_array_reverse, "array_reverse(a)",
        "The elements in opposite order; integer keys are renumbered, string keys kept."},
    {"range", "nn|n", 0, 0, .fn = fn_range, "range(a, b [, step = 1])",
        "The numbers from a to b, b included; [] if the step leads away from b.",
        .errors = "the step is 0; the list is longer than max_array"},
    {"array_range", "nn|n", 0, 0, .fn = fn_array_range, "array_range(a, b [, step = 1])",
        "The numbers from a up to but without b; [] if the step leads away from b.",
        .errors = "the step is 0; the list is longer than max_array"},
    {"array_combine", "aa|v", 0, 0, .fn = fn_array_combine, "array_combine(keys, values [, default])",
        "An array of those keys and values. Where values run out, the default or none is taken.",
        .errors = "a key is no string, number or boolean"},
    {"array_unique", "a", 0, 0, .fn = fn_array_unique, "array_unique(a)",
        "The elements without those that are === to an earlier one; the first key is kept."},
    {"array_shuffle", "a", 0, 0, .fn = fn_array_shuffle, "array_shuffle(a)",
        "The elements in random order; integer keys are renumbered, string keys kept.",
        .errors = "the system gives no random numbers"},
    {"array_random", "a", 0, 0, .fn = fn_array_random, "array_random(a)",
        "[key, value] of a random element, or none for an empty array.",
        .errors = "the system gives no random numbers"},
    {.name = NULL},
};
