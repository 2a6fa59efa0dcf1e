/* hsl_op.c - the operators in general form (language §5). The VM does the common cases itself and
 * comes here for the rest.
 *
 * Not here: arrays (hsl_op_arr.c), comparison (hsl_compare.c), format (hsl_format.c), subscripts
 * (hsl_slice.c).
 * Threads: the run's. Fails: R03, R04, what the other files raise, memory and size limits. */
#include "hsl/hsl_op.h"

#include <math.h>

/* ORDER OP */
static const char *const op_names[] = {"+", "-", "*", "/", "%", "**", ".", "&", "|", "^", "<<",
    ">>", ">>>", "==", "!=", "===", "!==", "<", ">", "<=", ">=", "=~", "!~", "-", "+", "!", "~"};

_Static_assert(sizeof(op_names) / sizeof(op_names[0]) == HSL_OP_COUNT_, "ORDER OP");

const char *
hsl_op_name(enum hsl_op op)
{
    return (unsigned)op < HSL_OP_COUNT_ ? op_names[op] : "=";
}

bool
hsl_op_bad(struct hsl_run *r, enum hsl_op op, const struct hsl_value *a, const struct hsl_value *b)
{
    if (!b)
        return hsl_raise(
            r, HSL_R03, "unsupported operand type for %s: %s", hsl_op_name(op), hsl_type_name(a));
    return hsl_raise(r, HSL_R03, "unsupported operand types for %s: %s and %s", hsl_op_name(op),
        hsl_type_name(a), hsl_type_name(b));
}

/* --- Text ------------------------------------------------------------------------------------- */

bool
hsl_piece_init(struct hsl_run *r, struct hsl_piece *p, const struct hsl_value *v)
{
    p->made = NULL;
    switch (v->type) {
    case HSL_STR:
        p->p = v->u.str->data;
        p->len = v->u.str->len;
        return true;
    case HSL_NUM:
        p->p = p->buf;
        p->len = hsl_num_to_text(v->u.num, p->buf);
        return true;
    case HSL_BOOL:
        p->p = v->u.b ? "true" : "false";
        p->len = v->u.b ? 4 : 5;
        return true;
    case HSL_NONE:
        p->p = "";
        p->len = 0;
        return true;
    default:
        p->made = hsl_to_str(r, v);
        if (!p->made)
            return false;
        p->p = p->made->data;
        p->len = p->made->len;
        return true;
    }
}

void
hsl_piece_fini(struct hsl_run *r, struct hsl_piece *p)
{
    if (p->made)
        hsl_unref(r, hsl_from_str(p->made));
}

#define BATCH 16 /* values whose texts are held at once */

/* One string of [n] pieces. */
static struct hsl_str *
join(struct hsl_run *r, const struct hsl_piece *p, size_t n)
{
    struct hsl_str *s;
    size_t i, len = 0;
    char *to;

    for (i = 0; i < n; i++)
        len += p[i].len;
    if (len == 0)
        return hsl_str_empty();
    s = hsl_str_alloc(r, len);
    if (!s)
        return NULL;
    for (i = 0, to = s->data; i < n; to += p[i].len, i++)
        memcpy(to, p[i].p, p[i].len);
    return s;
}

/* Up to BATCH values. */
static struct hsl_str *
join_values(struct hsl_run *r, const struct hsl_value *v, size_t n)
{
    struct hsl_piece pieces[BATCH];
    struct hsl_str *s = NULL;
    size_t done;

    for (done = 0; done < n; done++)
        if (!hsl_piece_init(r, &pieces[done], &v[done]))
            break;
    if (done == n)
        s = join(r, pieces, n);
    while (done > 0)
        hsl_piece_fini(r, &pieces[--done]);
    return s;
}

bool
hsl_concat(struct hsl_run *r, const struct hsl_value *v, size_t n, struct hsl_value *out)
{
    struct hsl_value all = hsl_from_str(join_values(r, v, n < BATCH ? n : BATCH));
    size_t i;

    if (!all.u.str)
        return false;
    for (i = BATCH; i < n; i += BATCH) {
        struct hsl_str *s = join_values(r, v + i, n - i < BATCH ? n - i : BATCH);
        bool ok = s && hsl_str_append(r, &all, s->data, s->len);

        if (s)
            hsl_unref(r, hsl_from_str(s));
        if (ok)
            continue;
        hsl_unref(r, all);
        return false;
    }
    *out = all;
    return true;
}

static bool
concat_two(
    struct hsl_run *r, const struct hsl_value *a, const struct hsl_value *b, struct hsl_value *out)
{
    struct hsl_piece pieces[2];
    struct hsl_str *s = NULL;

    if (!hsl_piece_init(r, &pieces[0], a))
        return false;
    if (hsl_piece_init(r, &pieces[1], b)) {
        s = join(r, pieces, 2);
        hsl_piece_fini(r, &pieces[1]);
    }
    hsl_piece_fini(r, &pieces[0]);
    *out = hsl_from_str(s);
    return s != NULL;
}

/* *a, a string, gets the text of [b] behind its own. */
static bool
append_text(struct hsl_run *r, struct hsl_value *a, const struct hsl_value *b)
{
    struct hsl_piece p;
    bool ok;

    if (!hsl_piece_init(r, &p, b))
        return false;
    ok = hsl_str_append(r, a, p.p, p.len);
    hsl_piece_fini(r, &p);
    return ok;
}

static bool
repeat_str(struct hsl_run *r, const struct hsl_str *s, double times, struct hsl_value *out)
{
    size_t len = s->len, n, done;
    struct hsl_str *all;

    *out = hsl_from_str(hsl_str_empty());
    if (!(times >= 1) || len == 0)
        return true;
    if (times >= (double)(r->limits.max_string / len) + 1)
        return hsl_limit(r, HSL_L05, "string length (%zu) exceeded", r->limits.max_string);
    n = (size_t)times * len;
    all = hsl_work(r, n) ? hsl_str_alloc(r, n) : NULL;
    if (!all)
        return false;
    memcpy(all->data, s->data, len);
    for (done = len; done < n; done *= 2)
        memcpy(all->data + done, all->data, done < n - done ? done : n - done);
    *out = hsl_from_str(all);
    return true;
}

/* --- Numbers ---------------------------------------------------------------------------------- */

static bool
is_number(const struct hsl_value *v)
{
    return v->type == HSL_NUM || v->type == HSL_BOOL;
}

/* Numbers and booleans, and numeric strings where the operator converts them. */
static bool
number_of(const struct hsl_value *v, bool strings, double *n)
{
    if (v->type == HSL_STR)
        return strings && hsl_numeric_string(v->u.str->data, v->u.str->len, n);
    *n = hsl_to_num(v);
    return is_number(v);
}

/* - * / % ** on numbers. */
static bool
arithmetic(struct hsl_run *r, enum hsl_op op, const struct hsl_value *a, const struct hsl_value *b,
    struct hsl_value *out)
{
    bool strings = op == HSL_OP_SUB || op == HSL_OP_DIV || op == HSL_OP_POW;
    double x, y;

    if (!hsl_work_text(r, a) || !hsl_work_text(r, b))
        return false;
    if (!number_of(a, strings, &x) || !number_of(b, strings, &y))
        return hsl_op_bad(r, op, a, b);
    if (((op == HSL_OP_DIV || op == HSL_OP_MOD) && y == 0) || (op == HSL_OP_POW && x == 0 && y < 0))
        return hsl_raise(r, HSL_R04, "division by zero");
    switch (op) {
    case HSL_OP_SUB:
        x -= y;
        break;
    case HSL_OP_MUL:
        x *= y;
        break;
    case HSL_OP_DIV:
        x /= y;
        break;
    case HSL_OP_MOD:
        x = fmod(x, y);
        break;
    default:
        x = pow(x, y);
        break;
    }
    *out = hsl_num(x);
    return true;
}

/* §5.4: truncated, modulo 2^32. */
static bool
bits_of(const struct hsl_value *v, uint32_t *bits)
{
    double n = hsl_to_num(v);

    if (!is_number(v))
        return false;
    if (!(fabs(n) < 0x1p63))
        n = isfinite(n) ? fmod(n, 0x1p32) : 0;
    *bits = (uint32_t)(uint64_t)(int64_t)n;
    return true;
}

static bool
bitwise(struct hsl_run *r, enum hsl_op op, const struct hsl_value *a, const struct hsl_value *b,
    struct hsl_value *out)
{
    uint32_t x, y, n;

    if (!bits_of(a, &x) || !bits_of(b, &y))
        return hsl_op_bad(r, op, a, b);
    n = y & 31;
    switch (op) {
    case HSL_OP_BAND:
        x &= y;
        break;
    case HSL_OP_BOR:
        x |= y;
        break;
    case HSL_OP_BXOR:
        x ^= y;
        break;
    case HSL_OP_SHL:
        x <<= n;
        break;
    case HSL_OP_SHR:
        x = x >> n | (x & 0x80000000u && n > 0 ? ~0u << (32 - n) : 0);
        break;
    default:
        *out = hsl_num(x >> n);
        return true;
    }
    *out = hsl_num((int32_t)x);
    return true;
}

/* --- By operator ------------------------------------------------------------------------------ */

static bool
add(struct hsl_run *r, const struct hsl_value *a, const struct hsl_value *b, struct hsl_value *out)
{
    if (is_number(a) && is_number(b)) {
        *out = hsl_num(hsl_to_num(a) + hsl_to_num(b));
        return true;
    }
    if (a->type == HSL_NONE || b->type == HSL_NONE) {
        *out = hsl_ref(a->type == HSL_NONE ? *b : *a);
        return true;
    }
    if (a->type == HSL_ARR) {
        struct hsl_value sum = hsl_ref(*a);

        if (hsl_op_arr_add(r, &sum, b)) {
            *out = sum;
            return true;
        }
        hsl_unref(r, sum);
        return false;
    }
    if (b->type != HSL_ARR && (a->type == HSL_STR || b->type == HSL_STR))
        return concat_two(r, a, b, out);
    return hsl_op_bad(r, HSL_OP_ADD, a, b);
}

static bool
multiply(
    struct hsl_run *r, const struct hsl_value *a, const struct hsl_value *b, struct hsl_value *out)
{
    if (a->type == HSL_STR && is_number(b))
        return repeat_str(r, a->u.str, hsl_to_num(b), out);
    if (a->type == HSL_ARR && is_number(b))
        return hsl_op_arr_repeat(r, a->u.arr, hsl_to_num(b), out);
    return arithmetic(r, HSL_OP_MUL, a, b, out);
}

/* The error for a subject or pattern of a type that does not do. A pattern made from a string when
 * the script was compiled (hsl_code_regex()) is called what the script has there. */
static bool
bad_match(struct hsl_run *r, enum hsl_op op, const struct hsl_value *a, const struct hsl_value *b)
{
    if (b->type == HSL_OBJ && b->u.obj->cls == &hsl_regex_class && b->u.obj->props.type == HSL_STR)
        b = &b->u.obj->props;
    return hsl_op_bad(r, op, a, b);
}

static bool
match(struct hsl_run *r, enum hsl_op op, const struct hsl_value *a, const struct hsl_value *b,
    struct hsl_value *out)
{
    struct hsl_regex *re, *made;
    struct hsl_piece text;
    const size_t *ovector;
    unsigned pairs;
    int found = -1;

    if ((a->type != HSL_NONE && a->type != HSL_STR && !is_number(a)) ||
        (b->type != HSL_STR && b->type != HSL_OBJ))
        return bad_match(r, op, a, b);
    if (a->type == HSL_NONE) {
        *out = hsl_bool(op == HSL_OP_NMATCH);
        return true;
    }
    re = hsl_regex_lend(r, b, &made);
    if (!re)
        return false;
    if (hsl_piece_init(r, &text, a)) {
        if (hsl_work(r, text.len))
            found = hsl_regex_match(r, re, text.p, text.len, 0, &ovector, &pairs);
        hsl_piece_fini(r, &text);
    }
    hsl_regex_unref(made);
    if (found < 0)
        return false;
    *out = hsl_bool((found > 0) == (op == HSL_OP_MATCH));
    return true;
}

/* == != === !== < > <= >= */
static bool
compare(struct hsl_run *r, enum hsl_op op, const struct hsl_value *a, const struct hsl_value *b,
    struct hsl_value *out)
{
    bool holds = false, ok;

    if (op >= HSL_OP_LT) {
        ok = hsl_compare_order(r, op, a, b, &holds);
    } else {
        ok = hsl_compare_equal(r, a, b, op == HSL_OP_SAME || op == HSL_OP_NSAME, &holds);
        holds ^= op == HSL_OP_NE || op == HSL_OP_NSAME;
    }
    if (ok)
        *out = hsl_bool(holds);
    return ok;
}

bool
hsl_op_binary(struct hsl_run *r, enum hsl_op op, const struct hsl_value *a,
    const struct hsl_value *b, struct hsl_value *out)
{
    switch (op) {
    case HSL_OP_ADD:
        return add(r, a, b, out);
    case HSL_OP_SUB:
        if (a->type == HSL_ARR)
            return hsl_op_arr_remove(r, a->u.arr, b, out);
        return arithmetic(r, op, a, b, out);
    case HSL_OP_MUL:
        return multiply(r, a, b, out);
    case HSL_OP_MOD:
        if (a->type == HSL_STR)
            return hsl_format(r, a->u.str, b, out);
        return arithmetic(r, op, a, b, out);
    case HSL_OP_DIV:
    case HSL_OP_POW:
        return arithmetic(r, op, a, b, out);
    case HSL_OP_CONCAT:
        return concat_two(r, a, b, out);
    case HSL_OP_BAND:
    case HSL_OP_BOR:
    case HSL_OP_BXOR:
    case HSL_OP_SHL:
    case HSL_OP_SHR:
    case HSL_OP_USHR:
        return bitwise(r, op, a, b, out);
    case HSL_OP_MATCH:
    case HSL_OP_NMATCH:
        return match(r, op, a, b, out);
    default:
        return compare(r, op, a, b, out);
    }
}

bool
hsl_op_unary(struct hsl_run *r, enum hsl_op op, const struct hsl_value *a, struct hsl_value *out)
{
    uint32_t bits;
    double n;

    if (op == HSL_OP_NOT) {
        *out = hsl_bool(!hsl_truth(a));
        return true;
    }
    if (op == HSL_OP_BNOT) {
        if (!bits_of(a, &bits))
            return hsl_op_bad(r, op, a, NULL);
        *out = hsl_num((int32_t)~bits);
        return true;
    }
    if (!hsl_work_text(r, a))
        return false;
    if (!number_of(a, true, &n))
        return hsl_op_bad(r, op, a, NULL);
    *out = hsl_num(op == HSL_OP_NEG ? -n : n);
    return true;
}

bool
hsl_op_assign(struct hsl_run *r, enum hsl_op op, struct hsl_value *a, const struct hsl_value *b)
{
    struct hsl_value out, old;

    if (op == HSL_OP_ADD && a->type == HSL_ARR && b->type != HSL_NONE) {
        struct hsl_value hold = hsl_ref(*b); /* it may be a part of *a, or *a itself */
        bool ok = hsl_op_arr_add(r, a, &hold);

        hsl_unref(r, hold);
        return ok;
    }
    if (a->type == HSL_STR && (op == HSL_OP_CONCAT || (op == HSL_OP_ADD && b->type != HSL_ARR)))
        return append_text(r, a, b);
    if (!hsl_op_binary(r, op, a, b, &out))
        return false;
    old = *a;
    *a = out;
    hsl_unref(r, old);
    return true;
}
