/* hsl_compare.c - equality and order (language §5.5).
 *
 * Arrays may be nested deeper than the C stack, and a few that share their elements may unfold to
 * more comparisons than anybody has time for. So a comparison counts levels and elements: in an
 * operator of a script the run pays for them (L07, L01, L02); for hsl_equal() and hsl_same(),
 * which cannot fail, values that are too deep or too large to compare are not equal.
 *
 * Threads: the run's. Fails: order by R03, equality in a script by limits. */
#include "hsl/hsl_arr.h"
#include "hsl/hsl_op.h"

#define MAX_NESTING 200
#define MAX_ELEMENTS ((size_t)1 << 24) /* compared without a run that pays */

struct walk {
    struct hsl_run *r; /* NULL: none pays */
    bool strict;       /* === */
    bool failed;       /* the run's error is set */
    unsigned depth;
    size_t elements;
};

static bool
equal_values(struct walk *w, const struct hsl_value *a, const struct hsl_value *b);

static bool
is_number(const struct hsl_value *v)
{
    return v->type == HSL_NUM || v->type == HSL_BOOL;
}

/* A number or boolean against a string. */
static bool
equal_text(const struct hsl_value *num, const struct hsl_str *s)
{
    char buf[HSL_NUM_TEXT_MAX];
    double n;
    size_t len;

    if (hsl_numeric_string(s->data, s->len, &n))
        return hsl_to_num(num) == n;
    len = hsl_num_to_text(hsl_to_num(num), buf);
    return len == s->len && memcmp(buf, s->data, len) == 0;
}

/* Two names for one function: `builtin f` gives a new value each time. */
static bool
equal_fns(const struct hsl_fn *a, const struct hsl_fn *b)
{
    if (a == b)
        return true;
    return a->kind == b->kind && a->proto == b->proto && a->builtin == b->builtin &&
           a->capture_count == 0 && b->capture_count == 0 && a->self.type == b->self.type &&
           (a->self.type != HSL_OBJ || a->self.u.obj == b->self.u.obj);
}

static bool
equal_objs(const struct hsl_obj *a, const struct hsl_obj *b)
{
    if (a == b)
        return true;
    return a->cls == &hsl_regex_class && b->cls == &hsl_regex_class &&
           hsl_regex_same(a->data, b->data);
}

/* Counts the elements of one array; false if it is too much. */
static bool
pay(struct walk *w, size_t count)
{
    w->elements += count;
    if (!w->r)
        return w->depth <= MAX_NESTING && w->elements <= MAX_ELEMENTS;
    if (w->depth > MAX_NESTING)
        w->failed = !hsl_limit(w->r, HSL_L07, "nesting of data (%d levels) exceeded", MAX_NESTING);
    else
        w->failed = !hsl_work(w->r, count * sizeof(struct hsl_value));
    return !w->failed;
}

/* The same for [n] bytes of text. */
static bool
pay_text(struct walk *w, size_t n)
{
    w->failed = w->failed || (w->r && n >= HSL_WORK_TEXT && !hsl_work(w->r, n));
    return !w->failed;
}

static bool
equal_keys(const struct hsl_arr *a, size_t i, const struct hsl_arr *b, size_t j)
{
    struct hsl_str *s = NULL, *t = NULL;
    int64_t m = 0, n = 0;

    if (hsl_arr_key_at(a, i, &m, &s) != hsl_arr_key_at(b, j, &n, &t))
        return false;
    return s ? hsl_str_equal(s, t) : m == n;
}

static bool
equal_in_order(struct walk *w, const struct hsl_arr *a, const struct hsl_arr *b)
{
    const struct hsl_value *x, *y;
    size_t i = 0, j = 0;

    while (hsl_arr_next(a, &i, NULL, &x) && hsl_arr_next(b, &j, NULL, &y))
        if (!equal_keys(a, i - 1, b, j - 1) || !equal_values(w, x, y))
            return false;
    return true;
}

static bool
equal_by_key(struct walk *w, const struct hsl_arr *a, const struct hsl_arr *b)
{
    uint32_t i;

    for (i = 0; i < a->used; i++) {
        const struct hsl_entry *e = &a->d.entries[i];
        const struct hsl_value *y;

        if (!e->kind)
            continue;
        y = e->kind == HSL_NUM ? hsl_arr_geti(b, e->key.i) : hsl_arr_gets(b, e->key.s);
        if (!y || !equal_values(w, &e->val, y))
            return false;
    }
    return true;
}

static bool
equal_arrs(struct walk *w, const struct hsl_arr *a, const struct hsl_arr *b)
{
    bool equal;

    if (a->count != b->count)
        return false;
    w->depth++;
    if (!pay(w, a->count))
        return false;
    if (w->strict || (a->mask == 0 && b->mask == 0))
        equal = equal_in_order(w, a, b);
    else
        equal = a->mask ? equal_by_key(w, a, b) : equal_by_key(w, b, a);
    w->depth--;
    return equal;
}

static bool
equal_values(struct walk *w, const struct hsl_value *a, const struct hsl_value *b)
{
    if (a->type != b->type) {
        if (w->strict || a->type == HSL_NONE || b->type == HSL_NONE)
            return false;
        if (is_number(a))
            return is_number(b)         ? hsl_to_num(a) == hsl_to_num(b)
                   : b->type == HSL_STR ? pay_text(w, b->u.str->len) && equal_text(a, b->u.str)
                                        : false;
        return a->type == HSL_STR && is_number(b) && pay_text(w, a->u.str->len) &&
               equal_text(b, a->u.str);
    }
    switch (a->type) {
    case HSL_BOOL:
        return a->u.b == b->u.b;
    case HSL_NUM:
        return a->u.num == b->u.num;
    case HSL_STR:
        return (a->u.str->len != b->u.str->len || pay_text(w, a->u.str->len)) &&
               hsl_str_equal(a->u.str, b->u.str);
    case HSL_ARR:
        return equal_arrs(w, a->u.arr, b->u.arr);
    case HSL_FN:
        return equal_fns(a->u.fn, b->u.fn);
    case HSL_OBJ:
        return equal_objs(a->u.obj, b->u.obj);
    default:
        return true;
    }
}

bool
hsl_equal(const struct hsl_value *a, const struct hsl_value *b)
{
    struct walk w = {.strict = false};

    return equal_values(&w, a, b);
}

bool
hsl_same(const struct hsl_value *a, const struct hsl_value *b)
{
    struct walk w = {.strict = true};

    return equal_values(&w, a, b);
}

bool
hsl_compare_equal(struct hsl_run *r, const struct hsl_value *a, const struct hsl_value *b,
    bool strict, bool *equal)
{
    struct walk w = {.r = r, .strict = strict};

    *equal = equal_values(&w, a, b);
    return !w.failed;
}

static bool
order_holds(enum hsl_op op, double a, double b)
{
    switch (op) {
    case HSL_OP_LT:
        return a < b;
    case HSL_OP_GT:
        return a > b;
    case HSL_OP_LE:
        return a <= b;
    default:
        return a >= b;
    }
}

/* The number that [v] is in a comparison: numbers, booleans, and numeric strings. */
static bool
order_number(const struct hsl_value *v, double *n)
{
    if (v->type == HSL_STR)
        return hsl_numeric_string(v->u.str->data, v->u.str->len, n);
    *n = hsl_to_num(v);
    return is_number(v);
}

bool
hsl_compare_order(struct hsl_run *r, enum hsl_op op, const struct hsl_value *a,
    const struct hsl_value *b, bool *holds)
{
    double x, y;

    *holds = false;
    if (a->type == HSL_NONE || b->type == HSL_NONE)
        return true;
    if (!hsl_work_text(r, a) || !hsl_work_text(r, b))
        return false;
    if (a->type == HSL_STR && b->type == HSL_STR)
        *holds = order_holds(op, hsl_str_compare(a->u.str, b->u.str), 0);
    else if (order_number(a, &x) && order_number(b, &y))
        *holds = order_holds(op, x, y);
    else
        return hsl_op_bad(r, op, a, b);
    return true;
}
