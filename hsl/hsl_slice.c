/* hsl_slice.c - subscripts and slices of strings and arrays (language §6.1, §6.2, §5.2).
 *
 * Slices count positions in order of iteration, never keys.
 * Not here: properties of objects beyond reading (the VM), writing one element (hsl_arr.c).
 * Threads: the run's. Fails: R03, R05, R06, memory. */
#include "hsl/hsl_arr.h"
#include "hsl/hsl_op.h"

#include <math.h>

/* --- Subscript -------------------------------------------------------------------------------- */

static void
byte_at(const struct hsl_str *s, const struct hsl_value *key, struct hsl_value *out)
{
    double n, len = s->len;

    if (key->type == HSL_STR) {
        if (!hsl_numeric_string(key->u.str->data, key->u.str->len, &n))
            return;
    } else if (key->type == HSL_NUM || key->type == HSL_BOOL) {
        n = hsl_to_num(key);
    } else {
        return;
    }
    n = trunc(n);
    if (n < 0)
        n += len;
    if (n >= 0 && n < len)
        *out = hsl_from_str(hsl_str_byte((unsigned char)s->data[(size_t)n]));
}

static bool
bad_key(struct hsl_run *r, const struct hsl_value *key)
{
    return hsl_raise(r, HSL_R05, "invalid array key of type %s", hsl_type_name(key));
}

bool
hsl_subscript(struct hsl_run *r, const struct hsl_value *a, const struct hsl_value *key,
    struct hsl_value *out)
{
    const struct hsl_value *v = NULL, *from = a;
    bool bad = false;

    *out = hsl_none();
    if (key->type >= HSL_ARR && (a->type == HSL_STR || a->type == HSL_OBJ))
        return bad_key(r, key);
    if (!hsl_work_text(r, key))
        return false;
    if (a->type == HSL_STR) {
        byte_at(a->u.str, key, out);
        return true;
    }
    if (a->type == HSL_OBJ) /* what nobody declared, and so may be private */
        from = &a->u.obj->props;
    if (from->type == HSL_ARR)
        v = hsl_arr_get(from->u.arr, key, &bad);
    if (bad)
        return bad_key(r, key);
    if (v)
        *out = hsl_ref(*v);
    return true;
}

/* --- Bounds ----------------------------------------------------------------------------------- */

/* Positions first, first + step, ... : count of them. */
struct range {
    int64_t first, step;
    size_t count;
};

/* A bound as an integer; far away ones are clipped to where they make no difference. */
static bool
bound(struct hsl_run *r, const struct hsl_value *v, int64_t *n)
{
    double x = hsl_to_num(v);

    if (!hsl_work_text(r, v))
        return false;
    if (v->type == HSL_STR && !hsl_numeric_string(v->u.str->data, v->u.str->len, &x))
        return hsl_raise(r, HSL_R03, "unsupported operand type for [:]: string");
    if (v->type != HSL_STR && v->type != HSL_NUM && v->type != HSL_BOOL)
        return hsl_raise(r, HSL_R03, "unsupported operand type for [:]: %s", hsl_type_name(v));
    if (isnan(x))
        x = 0;
    *n = (int64_t)fmax(fmin(x, 0x1p40), -0x1p40);
    return true;
}

/* A given bound counted from the front and clipped to [low, high]; an omitted one is [omitted]. */
static bool
place(struct hsl_run *r, const struct hsl_value *v, int64_t len, int64_t low, int64_t high,
    int64_t omitted, int64_t *n)
{
    *n = omitted;
    if (!v || v->type == HSL_UNDEF)
        return true;
    if (!bound(r, v, n))
        return false;
    if (*n < 0)
        *n += len;
    *n = *n < low ? low : *n > high ? high : *n;
    return true;
}

static bool
range_of(struct hsl_run *r, size_t size, const struct hsl_value *first,
    const struct hsl_value *last, const struct hsl_value *step, struct range *range)
{
    int64_t len = (int64_t)size, from, to;

    range->step = 1;
    if (step && step->type != HSL_UNDEF && !bound(r, step, &range->step))
        return false;
    if (range->step == 0)
        return hsl_raise(r, HSL_R06, "slice: bad option or format: the step is 0");
    if (range->step > 0) {
        if (!place(r, first, len, 0, len, 0, &from) || !place(r, last, len, 0, len, len, &to))
            return false;
        range->count = to > from ? (size_t)((to - from - 1) / range->step + 1) : 0;
    } else {
        if (!place(r, first, len, -1, len - 1, len - 1, &from) ||
            !place(r, last, len, -1, len - 1, -1, &to))
            return false;
        range->count = from > to ? (size_t)((from - to - 1) / -range->step + 1) : 0;
    }
    range->first = from;
    return true;
}

/* --- Slice ------------------------------------------------------------------------------------ */

static bool
slice_str(struct hsl_run *r, struct hsl_str *s, const struct range *range, struct hsl_value *out)
{
    struct hsl_str *part;
    int64_t at = range->first;
    size_t i;

    if (range->count == s->len && range->step == 1) {
        *out = hsl_ref(hsl_from_str(s));
        return true;
    }
    if (range->step == 1 || range->count <= 1) {
        part = hsl_str_new(r, s->data + (range->count ? at : 0), range->count);
        *out = hsl_from_str(part);
        return part != NULL;
    }
    part = hsl_str_alloc(r, range->count);
    if (!part)
        return false;
    for (i = 0; i < range->count; i++, at += range->step)
        part->data[i] = s->data[at];
    *out = hsl_from_str(part);
    return true;
}

static bool
slice_arr(
    struct hsl_run *r, const struct hsl_arr *a, const struct range *range, struct hsl_value *out)
{
    struct hsl_arr *part = hsl_arr_new(r, range->count);
    int64_t at = range->first;
    size_t i;

    if (!part)
        return false;
    for (i = 0; i < range->count; i++, at += range->step) {
        struct hsl_value v = hsl_ref(a->mask ? a->d.entries[at].val : a->d.vals[at]);

        if (!hsl_arr_push(r, part, v)) {
            hsl_unref(r, hsl_from_arr(part));
            return false;
        }
    }
    *out = hsl_from_arr(part);
    return true;
}

bool
hsl_slice(struct hsl_run *r, const struct hsl_value *a, const struct hsl_value *first,
    const struct hsl_value *last, const struct hsl_value *step, struct hsl_value *out)
{
    struct hsl_arr *dense;
    struct range range;
    bool ok;

    if (a->type == HSL_NONE) {
        *out = hsl_none();
        return true;
    }
    if (a->type != HSL_STR && a->type != HSL_ARR)
        return hsl_raise(r, HSL_R03, "unsupported operand type for [:]: %s", hsl_type_name(a));
    if (!range_of(
            r, a->type == HSL_STR ? a->u.str->len : a->u.arr->count, first, last, step, &range) ||
        !hsl_work(r, a->type == HSL_STR ? range.count : range.count * sizeof(*a)))
        return false;
    if (a->type == HSL_STR)
        return slice_str(r, a->u.str, &range, out);
    if (a->u.arr->count == a->u.arr->used)
        return slice_arr(r, a->u.arr, &range, out);
    dense = hsl_arr_copy(r, a->u.arr);
    if (!dense)
        return false;
    ok = slice_arr(r, dense, &range, out);
    hsl_unref(r, hsl_from_arr(dense));
    return ok;
}

/* --- Slice assignment ------------------------------------------------------------------------- */

/* Appends the elements of [from] at positions first..first+count-1; integer keys get new numbers,
 * string keys stay, but with [list] they become numbers too. */
static bool
append_range(struct hsl_run *r, struct hsl_arr *to, const struct hsl_arr *from, size_t first,
    size_t count, bool list)
{
    const struct hsl_value *val;
    struct hsl_value key;
    size_t pos = 0, i;

    if (from->count == from->used)
        pos = first;
    else
        for (i = 0; i < first; i++)
            (void)hsl_arr_next(from, &pos, NULL, &val);
    for (i = 0; i < count && hsl_arr_next(from, &pos, &key, &val); i++)
        if (!(list || key.type == HSL_NUM ? hsl_arr_push(r, to, hsl_ref(*val))
                                          : hsl_arr_set_text(r, to, key.u.str, hsl_ref(*val))))
            return false;
    return true;
}

static bool
replace_range(
    struct hsl_run *r, struct hsl_value *v, const struct range *range, const struct hsl_arr *list)
{
    const struct hsl_arr *a = v->u.arr;
    size_t first = (size_t)range->first, behind = first + range->count;
    struct hsl_arr *all = hsl_arr_new(r, a->count - range->count + list->count);

    if (!all)
        return false;
    if (!append_range(r, all, a, 0, first, false) ||
        !append_range(r, all, list, 0, list->count, true) ||
        !append_range(r, all, a, behind, a->count - behind, false)) {
        hsl_unref(r, hsl_from_arr(all));
        return false;
    }
    hsl_unref(r, *v);
    *v = hsl_from_arr(all);
    return true;
}

/* The elements outside the range with their keys, in an array of its own. */
static bool
remove_range(struct hsl_run *r, struct hsl_value *v, const struct range *range)
{
    const struct hsl_arr *a = v->u.arr;
    size_t first = (size_t)range->first, i = 0, pos = 0;
    struct hsl_arr *left = hsl_arr_new(r, 0);
    const struct hsl_value *val;

    if (!left)
        return false;
    for (; hsl_arr_next(a, &pos, NULL, &val); i++) {
        if (i >= first && i < first + range->count)
            continue;
        if (hsl_arr_set_like(r, left, a, pos - 1, hsl_ref(*val)))
            continue;
        hsl_unref(r, hsl_from_arr(left));
        return false;
    }
    hsl_unref(r, *v);
    *v = hsl_from_arr(left);
    return true;
}

bool
hsl_slice_assign(struct hsl_run *r, struct hsl_value *v, const struct hsl_value *first,
    const struct hsl_value *last, const struct hsl_value *list, bool *removed)
{
    struct range range;

    if (removed)
        *removed = false;
    if (v->type != HSL_ARR)
        return hsl_raise(r, HSL_R03, "cannot use %s as array", hsl_type_name(v));
    if (list && list->type != HSL_ARR)
        return hsl_raise(r, HSL_R03, "cannot use %s as array", hsl_type_name(list));
    if (!range_of(r, v->u.arr->count, first, last, NULL, &range) ||
        !hsl_work(r, v->u.arr->count * sizeof(*v)))
        return false;
    if (removed)
        *removed = range.count > 0;
    if (list)
        return replace_range(r, v, &range, list->u.arr);
    return range.count == 0 || remove_range(r, v, &range);
}
