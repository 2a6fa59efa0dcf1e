/* hsl_op_arr.c - operators on arrays: merge and append, removal, repetition (language §6.3).
 *
 * Not here: the arrays themselves (hsl_arr.c), slices (hsl_slice.c).
 * Threads: the run's. Fails: memory, max_array, the run's budgets. */
#include "hsl/hsl_arr.h"
#include "hsl/hsl_op.h"

/* Integer keys of [b] are appended, string keys inserted or overwritten. [a] is nobody else's and
 * not [b]. */
static bool
merge(struct hsl_run *r, struct hsl_arr *a, const struct hsl_arr *b)
{
    const struct hsl_value *val;
    struct hsl_value key;
    size_t pos = 0;

    if (!hsl_work(r, b->count * sizeof(struct hsl_value)))
        return false;
    while (hsl_arr_next(b, &pos, &key, &val))
        if (!(key.type == HSL_NUM ? hsl_arr_push(r, a, hsl_ref(*val))
                                  : hsl_arr_set_text(r, a, key.u.str, hsl_ref(*val))))
            return false;
    return true;
}

bool
hsl_op_arr_add(struct hsl_run *r, struct hsl_value *v, const struct hsl_value *b)
{
    if (!hsl_arr_own(r, v))
        return false;
    if (b->type == HSL_ARR)
        return merge(r, v->u.arr, b->u.arr);
    return hsl_arr_push(r, v->u.arr, hsl_ref(*b));
}

bool
hsl_op_arr_repeat(struct hsl_run *r, struct hsl_arr *a, double times, struct hsl_value *out)
{
    struct hsl_value all;
    size_t i, n, indexed = 0;

    if (!(times >= 1)) {
        struct hsl_arr *none = hsl_arr_new(r, 0);

        *out = hsl_from_arr(none);
        return none != NULL;
    }
    for (i = 0; i < a->used; i++)
        indexed += a->mask == 0 || a->d.entries[i].kind == HSL_NUM;
    all = hsl_ref(hsl_from_arr(a));
    if (indexed > 0) {
        if (times > (double)r->limits.max_array / (double)indexed + 1) {
            hsl_unref(r, all);
            return hsl_limit(r, HSL_L06, "array size (%zu) exceeded", r->limits.max_array);
        }
        n = (size_t)times;
        for (i = 1; i < n; i++)
            if (!hsl_arr_own(r, &all) || !merge(r, all.u.arr, a)) {
                hsl_unref(r, all);
                return false;
            }
    }
    *out = all;
    return true;
}

/* --- Removal -----------------------------------------------------------------------------------
 */

/* What `a - b` takes out, arranged so that asking for one element does not mean comparing it with
 * each: texts and numbers go to sets. By §5.5 an element that is
 *  - a number equals a number, a numeric string of that number, and its own text;
 *  - a string equals that string, the number it is if it is numeric, and else a number of that text
 *    (only "inf", "nan" and those with an exponent are texts of numbers without being numeric). */
struct removal {
    struct hsl_arr *texts;   /* keys: strings, and texts of numbers that are not numeric */
    struct hsl_arr *numbers; /* keys: the 8 bytes of numbers, and of those that strings are */
    struct hsl_arr *others;  /* list: arrays, functions, objects */
    bool none;
};

/* Where a key comes from: the values of both sets. */
#define FROM_NUM 1u
#define FROM_STR 2u

static bool
is_number(const struct hsl_value *v)
{
    return v->type == HSL_NUM || v->type == HSL_BOOL;
}

/* Where key [p] of a set comes from: FROM_NUM, FROM_STR, both, or 0 if it is not there. */
static unsigned
origin(const struct hsl_arr *set, const char *p, size_t len)
{
    const struct hsl_entry *e;

    if (set->mask == 0)
        return 0;
    e = hsl_arr_find_bytes(set, p, len, hsl_str_hash_bytes(p, len));
    return e ? (unsigned)e->val.u.num : 0;
}

static unsigned
number_origin(const struct removal *rm, double n)
{
    char key[sizeof(n)];

    n += 0.0; /* -0 is 0 */
    memcpy(key, &n, sizeof(n));
    return n == n ? origin(rm->numbers, key, sizeof(key)) : 0;
}

static bool
add_key(struct hsl_run *r, struct hsl_arr *set, const char *p, size_t len, unsigned from)
{
    struct hsl_str *key = hsl_str_new(r, p, len);
    bool ok = key && hsl_arr_set_text(r, set, key, hsl_num(origin(set, p, len) | from));

    if (key)
        hsl_unref(r, hsl_from_str(key));
    return ok;
}

static bool
add_number(struct hsl_run *r, struct removal *rm, double n, unsigned from)
{
    char key[sizeof(n)];

    n += 0.0;
    memcpy(key, &n, sizeof(n));
    return add_key(r, rm->numbers, key, sizeof(key), from);
}

static bool
removal_add(struct hsl_run *r, struct removal *rm, const struct hsl_value *v)
{
    char buf[HSL_NUM_TEXT_MAX];
    double n;
    size_t len;

    if (is_number(v)) {
        n = hsl_to_num(v);
        len = hsl_num_to_text(n, buf);
        if (!add_number(r, rm, n, FROM_NUM))
            return false;
        return hsl_numeric_string(buf, len, &n) || add_key(r, rm->texts, buf, len, FROM_NUM);
    }
    switch (v->type) {
    case HSL_NONE:
        rm->none = true;
        return true;
    case HSL_STR:
        if (!hsl_work_text(r, v) || (hsl_numeric_string(v->u.str->data, v->u.str->len, &n) &&
                                        !add_number(r, rm, n, FROM_STR)))
            return false;
        return hsl_arr_set_text(r, rm->texts, v->u.str,
            hsl_num(origin(rm->texts, v->u.str->data, v->u.str->len) | FROM_STR));
    default:
        return hsl_arr_push(r, rm->others, hsl_ref(*v));
    }
}

static bool
removal_has(struct hsl_run *r, const struct removal *rm, const struct hsl_value *v, bool *has)
{
    const struct hsl_value *other;
    char buf[HSL_NUM_TEXT_MAX];
    size_t pos = 0, len;
    double n;

    *has = false;
    if (is_number(v)) {
        n = hsl_to_num(v);
        len = hsl_num_to_text(n, buf);
        *has = number_origin(rm, n) != 0 ||
               (!hsl_numeric_string(buf, len, &n) && origin(rm->texts, buf, len) & FROM_STR);
        return true;
    }
    switch (v->type) {
    case HSL_NONE:
        *has = rm->none;
        return true;
    case HSL_STR:
        if (!hsl_work_text(r, v))
            return false;
        *has = origin(rm->texts, v->u.str->data, v->u.str->len) != 0 ||
               (hsl_numeric_string(v->u.str->data, v->u.str->len, &n) &&
                   number_origin(rm, n) & FROM_NUM);
        return true;
    default:
        while (!*has && hsl_arr_next(rm->others, &pos, NULL, &other))
            if (!hsl_work(r, sizeof(*other)) || !hsl_compare_equal(r, v, other, false, has))
                return false;
        return true;
    }
}

static void
removal_fini(struct hsl_run *r, struct removal *rm)
{
    if (rm->texts)
        hsl_unref(r, hsl_from_arr(rm->texts));
    if (rm->numbers)
        hsl_unref(r, hsl_from_arr(rm->numbers));
    if (rm->others)
        hsl_unref(r, hsl_from_arr(rm->others));
}

static bool
removal_init(struct hsl_run *r, struct removal *rm, const struct hsl_value *b)
{
    const struct hsl_value *val;
    size_t pos = 0;

    memset(rm, 0, sizeof(*rm));
    rm->texts = hsl_arr_new(r, 0);
    rm->numbers = rm->texts ? hsl_arr_new(r, 0) : NULL;
    rm->others = rm->numbers ? hsl_arr_new(r, 0) : NULL;
    if (!rm->others)
        return false;
    if (b->type != HSL_ARR)
        return removal_add(r, rm, b);
    while (hsl_arr_next(b->u.arr, &pos, NULL, &val))
        if (!removal_add(r, rm, val))
            return false;
    return true;
}

/* The elements of [a] that stay, under their keys. */
static bool
copy_staying(
    struct hsl_run *r, const struct removal *rm, const struct hsl_arr *a, struct hsl_arr *to)
{
    const struct hsl_value *val;
    size_t pos = 0;
    bool gone;

    while (hsl_arr_next(a, &pos, NULL, &val)) {
        if (!removal_has(r, rm, val, &gone))
            return false;
        if (gone)
            continue;
        if (!hsl_arr_set_like(r, to, a, pos - 1, hsl_ref(*val)))
            return false;
    }
    return true;
}

bool
hsl_op_arr_remove(
    struct hsl_run *r, struct hsl_arr *a, const struct hsl_value *b, struct hsl_value *out)
{
    size_t count = a->count + (b->type == HSL_ARR ? hsl_arr_count(b->u.arr) : 1);
    struct hsl_arr *left = NULL;
    struct removal rm = {0};
    bool ok = hsl_work(r, count * sizeof(struct hsl_value)) && removal_init(r, &rm, b) &&
              (left = hsl_arr_new(r, 0)) != NULL && copy_staying(r, &rm, a, left);

    removal_fini(r, &rm);
    if (ok)
        *out = hsl_from_arr(left);
    else if (left)
        hsl_unref(r, hsl_from_arr(left));
    return ok;
}
