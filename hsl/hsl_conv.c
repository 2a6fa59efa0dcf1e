/* hsl_conv.c - from one type to another: truth, text, numbers, array keys (language §4).
 *
 * Not here: format strings (hsl_format.c), operators (hsl_op.c).
 * Threads: the run's. Fails: text by memory, max_string, nesting, and what a toString() raises. */
#include "config.h"

#include "hsl/hsl_arr.h"
#include "hsl/hsl_lib.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#define MAX_NESTING 200 /* levels of arrays in a dump */

/* ORDER TYPE */
const char *
hsl_type_name(const struct hsl_value *v)
{
    static const char *const names[] = {"none", "boolean", "number", "undefined", "string", "array",
        "function", "object", "variable"};

    return v->type < sizeof(names) / sizeof(names[0]) ? names[v->type] : "unknown";
}

bool
hsl_truth(const struct hsl_value *v)
{
    switch (v->type) {
    case HSL_BOOL:
        return v->u.b;
    case HSL_NUM:
        return v->u.num != 0;
    case HSL_STR:
        return v->u.str->len > 0;
    case HSL_ARR:
        return hsl_arr_count(v->u.arr) > 0;
    case HSL_FN:
    case HSL_OBJ:
        return true;
    default:
        return false;
    }
}

/* --- Numbers to text -------------------------------------------------------------------------- */

/* Digits of [n] so that the last stands before [end]; the first. */
static char *
digits_before(char *end, uint64_t n)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";

    for (; n >= 100; n /= 100) {
        end -= 2;
        memcpy(end, pairs + n % 100 * 2, 2);
    }
    if (n >= 10) {
        end -= 2;
        memcpy(end, pairs + n * 2, 2);
        return end;
    }
    *--end = (char)('0' + n);
    return end;
}

static size_t
int_to_text(bool negative, uint64_t n, char *buf)
{
    char tmp[24], *end = tmp + sizeof(tmp), *p = digits_before(end, n);

    if (negative)
        *--p = '-';
    memcpy(buf, p, (size_t)(end - p));
    buf[end - p] = '\0';
    return (size_t)(end - p);
}

/* Numbers with a fraction, from 1e-6 up: below 2^52, where everything fits in 128 bits and is
 * exact.
 *
 * [n] is m * 2^e with m below 2^53 and e from -72 to -1. To see [prec] digits it is multiplied by
 * 10^k so that these stand before the point: m * 5^k * 2^(e + k), and 2^(e + k) is a shift to the
 * right, by -(e + k) bits (never to the left: 17 digits have less bits than that). What is cut off
 * is known exactly, so rounding to nearest is what printf does; and a number reads back as the
 * double it is nearest to, so it reads back equal if it is off by no more than half the distance to
 * the next double, which is 5^k / 2 in units of the last bit before the shift (5^k / 4 below a
 * power of two). */
struct fraction {
    uint64_t m;
    int e;
    int exponent; /* of the first digit, power of ten */
};

typedef unsigned __int128 u128;

static uint64_t
pow5(unsigned k)
{
    static const uint64_t powers[] = {1u, 5u, 25u, 125u, 625u, 3125u, 15625u, 78125u, 390625u,
        1953125u, 9765625u, 48828125u, 244140625u, 1220703125u, 6103515625u, 30517578125u,
        152587890625u, 762939453125u, 3814697265625u, 19073486328125u, 95367431640625u,
        476837158203125u, 2384185791015625u, 11920928955078125u};

    return powers[k];
}

static struct fraction
fraction_of(double x)
{
    static const double powers[] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2, 1e3, 1e4,
        1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16};
    struct fraction f;
    uint64_t bits;
    int i = 0;

    memcpy(&bits, &x, sizeof(bits));
    f.m = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    f.e = (int)(bits >> 52) - 1075;
    while (x >= powers[i + 1])
        i++;
    f.exponent = i - 6;
    return f;
}

/* [f] rounded to [prec] digits; true if that reads back equal, or as much as there may be. */
static bool
round_fraction(const struct fraction *f, int prec, uint64_t *digits)
{
    int k = prec - 1 - f->exponent, shift = -(f->e + k);
    uint64_t scale = pow5((unsigned)k), d;
    u128 a = (u128)f->m * scale, off;
    bool below;

    d = (uint64_t)(a >> shift);
    off = a - ((u128)d << shift);
    below = off * 2 < (u128)1 << shift || (off * 2 == (u128)1 << shift && !(d & 1));
    if (!below) {
        d++;
        off = ((u128)1 << shift) - off;
    }
    *digits = d;
    if (below && f->m == UINT64_C(1) << 52)
        off *= 2;
    return prec == 17 || off * 2 < scale || (off * 2 == scale && !(f->m & 1));
}

static size_t
fraction_to_text(double n, char *buf)
{
    struct fraction f = fraction_of(fabs(n));
    char tmp[24], *end = tmp + sizeof(tmp), *p;
    size_t len = 0, count, whole;
    uint64_t digits = 0;
    int prec = f.exponent < 14 ? 15 : f.exponent + 2; /* at least one digit behind the point */

    while (!round_fraction(&f, prec, &digits))
        prec++;
    while (digits % 10 == 0)
        digits /= 10;
    p = digits_before(end, digits);
    count = (size_t)(end - p);
    if (n < 0)
        buf[len++] = '-';
    if (f.exponent < 0) {
        whole = (size_t)-f.exponent; /* zeros, the one before the point with them */
        memset(buf + len, '0', whole + 1);
        buf[len + 1] = '.';
        len += whole + 1;
        memcpy(buf + len, p, count);
        len += count;
    } else {
        whole = (size_t)f.exponent + 1;
        memcpy(buf + len, p, whole);
        buf[len + whole] = '.';
        memcpy(buf + len + whole + 1, p + whole, count - whole);
        len += count + 1;
    }
    buf[len] = '\0';
    return len;
}

/* What needs an exponent. */
static size_t
exponent_to_text(double n, char *buf)
{
    int prec;

    for (prec = 15; prec < 17; prec++) {
        (void)snprintf(buf, HSL_NUM_TEXT_MAX, "%.*g", prec, n);
        if (strtod(buf, NULL) == n)
            break;
    }
    return (size_t)snprintf(buf, HSL_NUM_TEXT_MAX, "%.*g", prec, n);
}

size_t
hsl_num_to_text(double n, char buf[HSL_NUM_TEXT_MAX])
{
    double x = fabs(n);

    if (x < 9e18) {
        int64_t i = (int64_t)n;

        if ((double)i == n)
            return int_to_text(i < 0, i < 0 ? (uint64_t)-i : (uint64_t)i, buf);
        return x >= 1e-6 ? fraction_to_text(n, buf) : exponent_to_text(n, buf);
    }
    if (isnan(n))
        return (size_t)snprintf(buf, HSL_NUM_TEXT_MAX, "nan");
    if (isinf(n))
        return (size_t)snprintf(buf, HSL_NUM_TEXT_MAX, n < 0 ? "-inf" : "inf");
    if (x < 1e21)
        return (size_t)snprintf(buf, HSL_NUM_TEXT_MAX, "%.0f", n);
    return exponent_to_text(n, buf);
}

/* --- Text to numbers -------------------------------------------------------------------------- */

#define KEPT_DIGITS 780 /* more than any double needs; of the rest it only counts if it is 0 */

/* The value of digits with at most one point among them, correctly rounded whatever the length. */
static double
slow_decimal(const char *p, size_t len)
{
    char buf[KEPT_DIGITS + 32];
    size_t n = 0;
    long exponent = 0;
    bool point = false, rest = false;

    for (; len > 0; p++, len--) {
        if (*p == '.') {
            point = true;
        } else if (n < KEPT_DIGITS) {
            if (n > 0 || *p != '0')
                buf[n++] = *p;
            exponent -= point;
        } else {
            rest = rest || *p != '0';
            exponent += !point;
        }
    }
    if (n == 0)
        return 0;
    if (rest) {
        buf[n++] = '1';
        exponent--;
    }
    (void)snprintf(buf + n, sizeof(buf) - n, "e%ld", exponent);
    return strtod(buf, NULL);
}

/* digits[.digits] and nothing else; without sign. */
static bool
decimal(const char *p, size_t len, double *out)
{
    static const double powers[] = {
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    uint64_t m = 0;
    size_t i, point = len;

    for (i = 0; i < len; i++) {
        if (isdigit((unsigned char)p[i]))
            m = i < 17 ? m * 10 + (uint64_t)(p[i] - '0') : m;
        else if (p[i] == '.' && point == len && i > 0 && i + 1 < len)
            point = i;
        else
            return false;
    }
    if (len == 0)
        return false;
    if (len <= 15)
        *out = point == len ? (double)m : (double)m / powers[len - point - 1];
    else
        *out = slow_decimal(p, len);
    return true;
}

bool
hsl_numeric_string(const char *p, size_t len, double *out)
{
    bool negative = len > 0 && *p == '-';

    if (len > 0 && (*p == '-' || *p == '+')) {
        p++;
        len--;
    }
    if (!decimal(p, len, out))
        return false;
    if (negative)
        *out = -*out;
    return true;
}

static double
hex_to_num(const char *p, size_t len)
{
    double n = 0;

    if (len == 0)
        return 0;
    for (; len > 0; p++, len--) {
        unsigned char c = (unsigned char)*p;

        if (!isxdigit(c))
            return 0;
        n = n * 16 + (isdigit(c) ? c - '0' : (c | 32) - 'a' + 10);
    }
    return n;
}

static double
str_to_num(const char *p, size_t len)
{
    double n;

    while (len > 0 && isspace((unsigned char)*p)) {
        p++;
        len--;
    }
    while (len > 0 && isspace((unsigned char)p[len - 1]))
        len--;
    if (len > 2 && p[0] == '0' && p[1] == 'x')
        return hex_to_num(p + 2, len - 2);
    return hsl_numeric_string(p, len, &n) ? n : 0;
}

double
hsl_to_num(const struct hsl_value *v)
{
    switch (v->type) {
    case HSL_NUM:
        return v->u.num;
    case HSL_BOOL:
        return v->u.b;
    case HSL_STR:
        return str_to_num(v->u.str->data, v->u.str->len);
    default:
        return 0;
    }
}

/* --- Array keys ------------------------------------------------------------------------------- */

bool
hsl_key_read_int(const char *p, size_t len, int64_t *i)
{
    bool negative;
    uint64_t n = 0, max = INT64_MAX;
    size_t k;

    if (len > 20)
        return false;
    negative = *p == '-';
    k = negative;
    if (k == len || (p[k] == '0' && len > 1))
        return false;
    for (; k < len; k++) {
        unsigned digit = (unsigned)(unsigned char)p[k] - '0';

        if (digit > 9 || n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    if (n > max + negative)
        return false;
    *i = negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

int
hsl_to_key(const struct hsl_value *v, int64_t *i)
{
    switch (v->type) {
    case HSL_NUM:
        if (!(v->u.num >= -0x1p63 && v->u.num < 0x1p63))
            return -2;
        *i = (int64_t)v->u.num;
        return 1;
    case HSL_BOOL:
        *i = v->u.b;
        return 1;
    case HSL_STR:
        return hsl_key_is_int(v->u.str->data, v->u.str->len, i);
    case HSL_NONE:
        return -1;
    default:
        return -2;
    }
}

/* --- Text ------------------------------------------------------------------------------------- */

static bool
dump_arr(struct hsl_run *r, const struct hsl_arr *a, unsigned depth, struct hsl_value *out);

/* What toString() gives as it is: undefined if there is none. */
static bool
obj_text(struct hsl_run *r, struct hsl_obj *o, struct hsl_value *out)
{
    const struct hsl_builtin *row = hsl_class_method(o->cls, "toString", 8);
    struct hsl_value self = {.u.obj = o, .type = HSL_OBJ};

    out->type = HSL_UNDEF;
    if (o->cls->text)
        return o->cls->text(r, o, out);
    if (!row)
        return true;
    *out = hsl_none();
    return row->fn(r, &self, 1, out);
}

/* What toString() gives, or the class's name. New count. */
static struct hsl_str *
obj_to_str(struct hsl_run *r, struct hsl_obj *o)
{
    struct hsl_value text;
    struct hsl_str *s;
    char name[200];

    if (!obj_text(r, o, &text))
        return NULL;
    if (text.type != HSL_OBJ && text.type != HSL_UNDEF) {
        s = hsl_to_str(r, &text);
        hsl_unref(r, text);
        return s;
    }
    hsl_unref(r, text);
    (void)snprintf(name, sizeof(name), "object %.180s", o->cls->name);
    return hsl_str_newz(r, name);
}

static struct hsl_str *
fn_to_str(struct hsl_run *r, const struct hsl_fn *fn)
{
    const char *name = hsl_fn_name(fn);
    struct hsl_value out = hsl_from_str(hsl_str_newz(r, "function"));

    if (!out.u.str)
        return NULL;
    if (!name || !*name)
        return out.u.str;
    if (hsl_str_append(r, &out, " ", 1) && hsl_str_append(r, &out, name, strlen(name)))
        return out.u.str;
    hsl_unref(r, out);
    return NULL;
}

static struct hsl_str *
arr_to_str(struct hsl_run *r, struct hsl_arr *a)
{
    struct hsl_value out = hsl_from_str(hsl_str_empty());
    bool ok;

    hsl_rc_ref(&a->rc); /* some toString() might write to the array */
    ok = dump_arr(r, a, r->nesting + 1, &out);
    hsl_unref(r, hsl_from_arr(a));
    if (ok)
        return out.u.str;
    hsl_unref(r, out);
    return NULL;
}

struct hsl_str *
hsl_to_str(struct hsl_run *r, const struct hsl_value *v)
{
    char buf[HSL_NUM_TEXT_MAX];

    switch (v->type) {
    case HSL_BOOL:
        return hsl_str_newz(r, v->u.b ? "true" : "false");
    case HSL_NUM:
        return hsl_str_new(r, buf, hsl_num_to_text(v->u.num, buf));
    case HSL_STR:
        hsl_rc_ref(&v->u.str->rc);
        return v->u.str;
    case HSL_ARR:
        return arr_to_str(r, v->u.arr);
    case HSL_FN:
        return fn_to_str(r, v->u.fn);
    case HSL_OBJ:
        return obj_to_str(r, v->u.obj);
    default:
        return hsl_str_empty();
    }
}

/* In quotes, with `\`, `"` and control bytes escaped. */
static bool
dump_str(struct hsl_run *r, const struct hsl_str *s, struct hsl_value *out)
{
    size_t from = 0, i;

    if (!hsl_work(r, s->len) || !hsl_str_append(r, out, "\"", 1))
        return false;
    for (i = 0; i < s->len; i++) {
        unsigned char c = (unsigned char)s->data[i];
        char esc[8];

        if (c >= 32 && c != 127 && c != '"' && c != '\\')
            continue;
        (void)snprintf(esc, sizeof(esc), c == '"' || c == '\\' ? "\\%c" : "\\x%02X", c);
        if (!hsl_str_append(r, out, s->data + from, i - from) ||
            !hsl_str_append(r, out, esc, strlen(esc)))
            return false;
        from = i + 1;
    }
    return hsl_str_append(r, out, s->data + from, s->len - from) && hsl_str_append(r, out, "\"", 1);
}

static bool
dump_value(struct hsl_run *r, const struct hsl_value *v, unsigned depth, struct hsl_value *out)
{
    char buf[HSL_NUM_TEXT_MAX];
    unsigned outer = r->nesting;
    struct hsl_str *s;
    bool ok;

    switch (v->type) {
    case HSL_NONE:
        return hsl_str_append(r, out, "none", 4);
    case HSL_NUM:
        return hsl_str_append(r, out, buf, hsl_num_to_text(v->u.num, buf));
    case HSL_STR:
        return dump_str(r, v->u.str, out);
    case HSL_ARR:
        return dump_arr(r, v->u.arr, depth + 1, out);
    default:
        r->nesting = depth; /* a toString() may come to dump the same array: that must end */
        s = hsl_to_str(r, v);
        r->nesting = outer;
        if (!s)
            return false;
        ok = hsl_str_append(r, out, s->data, s->len);
        hsl_unref(r, hsl_from_str(s));
        return ok;
    }
}

static bool
dump_key(struct hsl_run *r, const struct hsl_arr *a, size_t place, struct hsl_value *out)
{
    char buf[HSL_NUM_TEXT_MAX];
    struct hsl_str *text;
    int64_t i;

    if (!hsl_arr_key_at(a, place, &i, &text))
        return dump_str(r, text, out);
    return hsl_str_append(
        r, out, buf, int_to_text(i < 0, i < 0 ? 0 - (uint64_t)i : (uint64_t)i, buf));
}

static bool
dump_arr(struct hsl_run *r, const struct hsl_arr *a, unsigned depth, struct hsl_value *out)
{
    const struct hsl_value *val;
    size_t pos = 0;
    bool first = true;

    if (depth > MAX_NESTING)
        return hsl_limit(r, HSL_L07, "nesting of data (%d levels) exceeded", MAX_NESTING);
    if (!hsl_work(r, a->count * sizeof(struct hsl_value)) || !hsl_str_append(r, out, "[", 1))
        return false;
    for (; hsl_arr_next(a, &pos, NULL, &val); first = false)
        if ((!first && !hsl_str_append(r, out, ",", 1)) || !dump_key(r, a, pos - 1, out) ||
            !hsl_str_append(r, out, "=>", 2) || !dump_value(r, val, depth, out))
            return false;
    return hsl_str_append(r, out, "]", 1);
}

bool
hsl_to_text(struct hsl_run *r, const struct hsl_value *v, struct ut_sbuf *out)
{
    struct hsl_str *s = hsl_to_str(r, v);

    if (!s)
        return false;
    ut_sbuf_add(out, s->data, s->len);
    hsl_unref(r, hsl_from_str(s));
    if (out->failed)
        return hsl_limit(r, HSL_L05, "string length (%zu) exceeded", out->max);
    return true;
}
