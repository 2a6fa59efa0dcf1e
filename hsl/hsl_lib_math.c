/* hsl_lib_math.c - arithmetic built-ins (library §10).
 *
 * round() works on the decimal text of a number, the one that echo prints: 1.005 is rounded to two
 * decimals as a person would, not as the double nearest to 1.005 (which is a little less).
 * Not here: operators (hsl_op.c), random numbers (hsl_lib_crypt.c). Threads: as the run.
 * Fails: R04 for pow(0, -1). */
#include "config.h"

#include "hsl/hsl_lib.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool
fn_floor(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)argc;
    *out = hsl_num(floor(args[0].u.num));
    return true;
}

static bool
fn_ceil(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)argc;
    *out = hsl_num(ceil(args[0].u.num));
    return true;
}

static bool
fn_abs(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)argc;
    *out = hsl_num(fabs(args[0].u.num));
    return true;
}

static bool
fn_sqrt(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)argc;
    *out = hsl_num(sqrt(args[0].u.num));
    return true;
}

static bool
fn_pow(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    return hsl_op_binary(r, HSL_OP_POW, &args[0], &args[1], out);
}

/* log2() and log10() are exact for powers of their base, a quotient of two log() is not. */
static bool
fn_log(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    double x = args[0].u.num, result;

    (void)r;
    if (argc < 2)
        result = log(x);
    else if (args[1].u.num == 2)
        result = log2(x);
    else if (args[1].u.num == 10)
        result = log10(x);
    else
        result = log(x) / log(args[1].u.num);
    *out = hsl_num(result);
    return true;
}

/* --- round() --------------------------------------------------------------------------------- */

/* A number as decimal digits: 0.d1d2d3... * 10^point. */
struct decimal {
    char digits[HSL_NUM_TEXT_MAX];
    int count;
    int point;
};

/* Takes the text of a number (§4.3 of the language, no sign) apart. */
static void
decimal_of(const char *text, struct decimal *d)
{
    bool fraction = false;

    d->count = d->point = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text == '.') {
            fraction = true;
            continue;
        }
        if (d->count == 0 && *text == '0') {
            d->point -= fraction ? 1 : 0; /* leading zeros are no digits */
            continue;
        }
        d->digits[d->count++] = *text;
        d->point += fraction ? 0 : 1;
    }
    if (*text == 'e')
        d->point += (int)strtol(text + 1, NULL, 10);
}

/* Cuts to [keep] digits, halves away from zero. */
static void
decimal_round(struct decimal *d, int keep)
{
    bool up;

    if (keep >= d->count)
        return;
    up = keep >= 0 && d->digits[keep] >= '5';
    d->count = keep > 0 ? keep : 0;
    if (!up)
        return;
    for (int i = d->count; i-- > 0;) {
        if (d->digits[i]++ < '9')
            return;
        d->digits[i] = '0';
    }
    memmove(d->digits + 1, d->digits, (size_t)d->count);
    d->digits[0] = '1';
    d->count++;
    d->point++;
}

static double
round_decimal(double x, int decimals)
{
    char text[HSL_NUM_TEXT_MAX], number[2 * HSL_NUM_TEXT_MAX];
    struct decimal d;

    hsl_num_to_text(fabs(x), text);
    decimal_of(text, &d);
    decimal_round(&d, d.point + decimals);
    snprintf(number, sizeof(number), "%.*se%d", d.count, d.digits, d.point - d.count);
    return d.count == 0 ? 0 : copysign(strtod(number, NULL), x);
}

static bool
fn_round(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    int64_t decimals = argc > 1 ? hsl_arg_int(&args[1]) : 0;
    double x = args[0].u.num;

    (void)r;
    if (decimals > 400)
        decimals = 400;
    if (decimals < -400)
        decimals = -400;
    *out = hsl_num(isfinite(x) ? round_decimal(x, (int)decimals) : x);
    return true;
}

const struct hsl_builtin hsl_lib_math_rows[] = {
    {"floor", "n", 0, HSL_PURE, .fn = fn_floor, "floor(x)", "The largest whole number not above x."},
    {"ceil", "n", 0, HSL_PURE, .fn = fn_ceil, "ceil(x)", "The smallest whole number not below x."},
    {"abs", "n", 0, HSL_PURE, .fn = fn_abs, "abs(x)", "The number without its sign."},
    {"round", "n|n", 0, HSL_PURE, .fn = fn_round, "round(x [, decimals = 0])",
        "The number rounded to that many decimals, halves away from zero, as its text reads. "
        "Negative decimals round to tens, hundreds and so on."},
    {"log", "n|n", 0, HSL_PURE, .fn = fn_log, "log(x [, base])",
        "The logarithm, natural unless a base is given; nan for a negative number."},
    {"pow", "nn", 0, HSL_PURE, .fn = fn_pow, "pow(b, e)",
        "b to the power of e, like b ** e.",
        .errors = "b is 0 and e negative"},
    {"sqrt", "n", 0, HSL_PURE, .fn = fn_sqrt, "sqrt(x)", "The square root; nan for a negative number."},
    {.name = NULL},
};
