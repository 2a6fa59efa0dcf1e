/* hsl_format.c - the format operator, string % value (language §5.3).
 *
 * A conversion is `%` [index]? 'pad? <|>|^|=? width? .prec? type; with types s f x b c. It is read
 * into a struct spec, its argument turned into bytes, and these are padded into the result.
 *
 * Threads: the run's. Fails: R06, memory, max_string, and what the text of an argument raises. */
#include "hsl/hsl_op.h"

#include <ctype.h>
#include <math.h>

#define MAX_PRECISION 100u /* decimals of %f */

struct spec {
    size_t index; /* of the argument */
    char pad;
    char align; /* < > ^ =, 0: by type */
    size_t width;
    size_t precision;
    bool has_precision;
    char type;
};

struct format {
    struct hsl_run *r;
    const char *p, *end;         /* what is left of the format */
    const struct hsl_value *arg; /* right operand */
    size_t next;                 /* argument for a conversion without an index */
    struct hsl_value out;        /* string so far */
};

static bool
bad_format(struct hsl_run *r, const char *why)
{
    return hsl_raise(r, HSL_R06, "%%: bad option or format: %s", why);
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* Digits at f->p; a number no string can be as long as is as good as any other. */
static size_t
read_number(struct format *f)
{
    size_t n = 0;

    for (; f->p < f->end && isdigit((unsigned char)*f->p); f->p++)
        if (n < UINT32_MAX)
            n = n * 10 + (size_t)(*f->p - '0');
    return n;
}

static bool
at_digit(const struct format *f)
{
    return f->p < f->end && isdigit((unsigned char)*f->p);
}

/* [n] at f->p, or the next argument. */
static bool
read_index(struct format *f, struct spec *s)
{
    if (f->p == f->end || *f->p != '[') {
        s->index = f->next++;
        return true;
    }
    f->p++;
    if (!at_digit(f))
        return bad_format(f->r, "a number belongs between [ and ]");
    s->index = read_number(f);
    if (f->p == f->end || *f->p != ']')
        return bad_format(f->r, "] is missing");
    f->p++;
    return true;
}

/* What stands behind a % that no second one follows. */
static bool
read_spec(struct format *f, struct spec *s)
{
    *s = (struct spec){.pad = ' '};
    if (!read_index(f, s))
        return false;
    if (f->end - f->p >= 2 && *f->p == '\'') {
        s->pad = f->p[1];
        f->p += 2;
    }
    if (f->p < f->end && memchr("<>^=", *f->p, 4))
        s->align = *f->p++;
    s->width = read_number(f);
    if (f->p < f->end && *f->p == '.') {
        f->p++;
        if (!at_digit(f))
            return bad_format(f->r, "a number belongs behind the point");
        s->precision = read_number(f);
        s->has_precision = true;
    }
    if (f->p == f->end)
        return bad_format(f->r, "the conversion ends too early");
    s->type = *f->p++;
    return true;
}

/* --- Writing ---------------------------------------------------------------------------------- */

static bool
put(struct format *f, const char *p, size_t len)
{
    return hsl_str_append(f->r, &f->out, p, len);
}

static bool
put_pad(struct format *f, char pad, size_t n)
{
    char block[64];
    size_t part;

    if (n > f->r->limits.max_string)
        return hsl_limit(f->r, HSL_L05, "string length (%zu) exceeded", f->r->limits.max_string);
    if (!hsl_work(f->r, n))
        return false;
    memset(block, pad, sizeof(block));
    for (; n > 0; n -= part) {
        part = n < sizeof(block) ? n : sizeof(block);
        if (!put(f, block, part))
            return false;
    }
    return true;
}

static bool
put_padded(struct format *f, const struct spec *s, const char *p, size_t len)
{
    char align = s->align ? s->align : s->type == 's' || s->type == 'c' ? '<' : '>';
    size_t fill = s->width > len ? s->width - len : 0, before = 0;

    if (align == '>' || align == '=')
        before = fill;
    else if (align == '^')
        before = fill / 2;
    if (align == '=' && len > 0 && (*p == '-' || *p == '+')) {
        if (!put(f, p, 1))
            return false;
        p++;
        len--;
    }
    return put_pad(f, s->pad, before) && put(f, p, len) && put_pad(f, s->pad, fill - before);
}

static bool
put_text(struct format *f, const struct spec *s, const struct hsl_value *v)
{
    struct hsl_piece piece;
    bool ok;

    if (!hsl_piece_init(f->r, &piece, v))
        return false;
    if (s->has_precision && piece.len > s->precision)
        piece.len = s->precision;
    ok = put_padded(f, s, piece.p, piece.len);
    hsl_piece_fini(f->r, &piece);
    return ok;
}

static bool
put_decimal(struct format *f, const struct spec *s, double n)
{
    char buf[512]; /* 309 digits before the point, 100 behind it */
    int len;

    if (s->precision > MAX_PRECISION)
        return bad_format(f->r, "more than 100 decimals");
    len = snprintf(buf, sizeof(buf), "%.*f", s->has_precision ? (int)s->precision : 6, n);
    return put_padded(f, s, buf, (size_t)len);
}

/* %x and %b: [bits] bits a digit. */
static bool
put_digits(struct format *f, const struct spec *s, double n, unsigned bits)
{
    char buf[72], *end = buf + sizeof(buf), *p = end;
    uint64_t left;

    if (!(fabs(n) < 0x1p64))
        return bad_format(f->r, "the number is too large for %x or %b");
    left = (uint64_t)fabs(n);
    do
        *--p = "0123456789abcdef"[left & ((1u << bits) - 1)];
    while ((left >>= bits) > 0);
    if (n <= -1)
        *--p = '-';
    return put_padded(f, s, p, (size_t)(end - p));
}

static bool
put_byte(struct format *f, const struct spec *s, double n)
{
    double code = isfinite(n) ? fmod(trunc(n), 256) : 0;
    char c = (char)(unsigned char)(code < 0 ? code + 256 : code);

    return put_padded(f, s, &c, 1);
}

static bool
put_conversion(struct format *f, const struct spec *s)
{
    const struct hsl_value *v = s->index == 0 ? f->arg : NULL;

    if (f->arg->type == HSL_ARR)
        v = hsl_arr_at(f->arg->u.arr, s->index);
    if (!v)
        return hsl_raise(
            f->r, HSL_R06, "%%: bad option or format: argument %zu is missing", s->index);
    if (!hsl_work_text(f->r, v))
        return false;
    switch (s->type) {
    case 's':
        return put_text(f, s, v);
    case 'f':
        return put_decimal(f, s, hsl_to_num(v));
    case 'x':
        return put_digits(f, s, hsl_to_num(v), 4);
    case 'b':
        return put_digits(f, s, hsl_to_num(v), 1);
    case 'c':
        return put_byte(f, s, hsl_to_num(v));
    default:
        return bad_format(f->r, "unknown conversion; there are %s %f %x %b %c");
    }
}

static bool
put_all(struct format *f)
{
    struct spec spec;

    while (f->p < f->end) {
        const char *percent = memchr(f->p, '%', (size_t)(f->end - f->p));

        if (!percent)
            return put(f, f->p, (size_t)(f->end - f->p));
        if (!put(f, f->p, (size_t)(percent - f->p)))
            return false;
        f->p = percent + 1;
        if (f->p < f->end && *f->p == '%') {
            if (!put(f, f->p++, 1))
                return false;
        } else if (!read_spec(f, &spec) || !put_conversion(f, &spec)) {
            return false;
        }
    }
    return true;
}

bool
hsl_format(struct hsl_run *r, const struct hsl_str *fmt, const struct hsl_value *arg,
    struct hsl_value *out)
{
    struct format f = {.r = r, .p = fmt->data, .end = fmt->data + fmt->len, .arg = arg};

    f.out = hsl_from_str(hsl_str_empty());
    if (!hsl_work(r, fmt->len) || !put_all(&f)) {
        hsl_unref(r, f.out);
        return false;
    }
    *out = f.out;
    return true;
}
