/* hsl_conv.c - conversions of language §4: truth, text, numbers, keys. */
#include "t/unit/hsl_fake_run.h"
#include "t/unit/tap.h"

#include "hsl/hsl_arr.h"
#include "hsl/hsl_lib.h"

#include <math.h>

static void
test_num_to_text(void)
{
    static const struct {
        double n;
        const char *want;
    } rows[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {-1, "-1"},
        {10, "10"},
        {99, "99"},
        {100, "100"},
        {-1234567, "-1234567"},
        {1.5, "1.5"},
        {-0.25, "-0.25"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {1099511627776.0, "1099511627776"},
        {9007199254740993.0, "9007199254740992"},
        {1152921504606846976.0, "1152921504606846976"},
        {9223372036854775808.0, "9223372036854775808"},
        {1e20, "100000000000000000000"},
        {-1e20, "-100000000000000000000"},
        {999999999999999868928.0, "999999999999999868928"},
        {1e21, "1e+21"},
        {1.5e300, "1.5e+300"},
        {0.000001, "0.000001"},
        {0.0000015, "0.0000015"},
        {-0.00001234, "-0.00001234"},
        {0.0000009, "9e-07"},
        {1e-7, "1e-07"},
        {123456789.125, "123456789.125"},
        {1234567890.5, "1234567890.5"},
        {0.05, "0.05"},
        {1.005, "1.005"},
        {2.0 / 3, "0.6666666666666666"},
        {100.0 / 7, "14.285714285714286"},
        {4503599627370495.5, "4503599627370495.5"},
        {0.1, "0.1"},
        {123.456, "123.456"},
        {5e-324, "4.94065645841247e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {NAN, "nan"},
    };
    char buf[HSL_NUM_TEXT_MAX];
    size_t i, len;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        len = hsl_num_to_text(rows[i].n, buf);
        tap_str(buf, rows[i].want, "number to text");
        if (len != strlen(buf))
            tap_ok(false, "length of %s", buf);
    }
}

/* The rule as it stands in §4.3, slow and plain. */
static void
plain_text(double n, char *buf, size_t size)
{
    int prec;

    for (prec = 15; prec < 17; prec++) {
        (void)snprintf(buf, size, "%.*g", prec, n);
        if (strtod(buf, NULL) == n)
            break;
    }
    (void)snprintf(buf, size, "%.*g", prec, n);
    if (strchr(buf, 'e') && fabs(n) >= 1e-6 && fabs(n) < 1) {
        char *end;
        int decimals = prec - 1 - (int)strtol(strchr(buf, 'e') + 1, NULL, 10);

        (void)snprintf(buf, size, "%.*f", decimals, n);
        for (end = buf + strlen(buf); end[-1] == '0'; end--)
            end[-1] = '\0';
    }
}

static void
test_random_nums(void)
{
    uint64_t seed = 88172645463325252u;
    unsigned i, bad = 0;

    for (i = 0; i < 400000; i++) {
        char got[HSL_NUM_TEXT_MAX], want[400];
        double n, scale[] = {1, 10, 100, 1000, 1e6, 1e9, 1e12};

        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        if (i % 4 == 2) { /* of a size that needs no exponent */
            n = ldexp((double)(seed >> 11), (int)(seed % 72) - 72);
        } else if (i % 2)
            n = (double)(int64_t)(seed >> 30) / scale[i / 2 % 7];
        else
            memcpy(&n, &seed, sizeof(n));
        if (n == trunc(n) || isnan(n))
            continue;
        (void)hsl_num_to_text(n, got);
        plain_text(n, want, sizeof(want));
        if (strcmp(got, want) != 0 && bad++ < 5)
            printf("# got %s want %s\n", got, want);
    }
    tap_num(bad, 0, "random numbers have the text of the rule");
}

static void
test_to_num(struct hsl_run *r)
{
    static const struct {
        const char *value;
        double want;
    } rows[] = {
        {"\"0x1f\"", 31},
        {"\" 2.5 \"", 2.5},
        {"\"3x\"", 0},
        {"true", 1},
        {"false", 0},
        {"none", 0},
        {"[1]", 0},
        {"7.5", 7.5},
        {"\"\"", 0},
        {"\" \"", 0},
        {"\"-12\"", -12},
        {"\"+12\"", 12},
        {"\"1e3\"", 0},
        {"\".5\"", 0},
        {"\"5.\"", 0},
        {"\"0xfg\"", 0},
        {"\"0x\"", 0},
        {"\"-0x10\"", 0},
        {"\"0XFF\"", 0},
        {"\"\\n12\\n\"", 12},
        {"\"1.2.3\"", 0},
        {"\"- 1\"", 0},
        {"\"0.1\"", 0.1},
        {"\"123456789012345678901234567890\"", 123456789012345678901234567890.0},
        {"\"0.1000000000000000055511151231257827021181583404541015625\"", 0.1},
        {"\"9007199254740993\"", 9007199254740992.0},
        {"\"9007199254740993.0000000000000000000000001\"", 9007199254740994.0},
        {"\"0xffffffffffffffff\"", 18446744073709551615.0},
        {"\"000000000000000000000000012\"", 12},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hsl_value v = fake_value(r, rows[i].value);
        double got = hsl_to_num(&v);

        if (!tap_ok(got == rows[i].want, "number(%s)", rows[i].value))
            printf("# got %.17g want %.17g\n", got, rows[i].want);
        hsl_unref(r, v);
    }
}

static void
test_long_numbers(void)
{
    static const struct {
        size_t zeros, nines; /* "0." zeros then nines, and nines then zeros */
    } rows[] = {{0, 1000}, {400, 5}, {5000, 1}, {300, 900}, {0, 780}, {0, 781}, {0, 300}};
    char text[8000], e_form[8000];
    size_t i, n;
    double got;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        n = (size_t)snprintf(text, sizeof(text), "0.");
        memset(text + n, '0', rows[i].zeros);
        memset(text + n + rows[i].zeros, '9', rows[i].nines);
        n += rows[i].zeros + rows[i].nines;
        text[n] = '\0';
        tap_ok(hsl_numeric_string(text, n, &got) && got == strtod(text, NULL),
            "%zu digits behind the point", n - 2);
        memset(text, '9', rows[i].nines);
        memset(text + rows[i].nines, '0', rows[i].zeros);
        n = rows[i].nines + rows[i].zeros;
        (void)snprintf(e_form, sizeof(e_form), "%.*s", (int)n, text);
        tap_ok(hsl_numeric_string(text, n, &got) && got == strtod(e_form, NULL),
            "%zu digits before it", n);
    }
}

static void
test_numeric_string(void)
{
    static const struct {
        const char *text;
        bool want;
    } rows[] = {
        {"1", true},
        {"-1", true},
        {"+1", true},
        {"1.5", true},
        {"01", true},
        {"", false},
        {"-", false},
        {"1.", false},
        {".1", false},
        {" 1", false},
        {"1 ", false},
        {"0x1", false},
        {"1e2", false},
        {"1.2.3", false},
        {"--1", false},
        {"inf", false},
        {"nan", false},
        {"12345678901234567890", true},
        {"5.0", true},
        {"1-", false},
    };
    size_t i;
    double n;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        tap_ok(hsl_numeric_string(rows[i].text, strlen(rows[i].text), &n) == rows[i].want,
            "\"%s\" is %s", rows[i].text, rows[i].want ? "numeric" : "not numeric");
}

static void
test_keys(struct hsl_run *r)
{
    static const struct {
        const char *value;
        int want;
        int64_t want_int;
    } rows[] = {
        {"1", 1, 1},
        {"1.9", 1, 1},
        {"-1.9", 1, -1},
        {"true", 1, 1},
        {"false", 1, 0},
        {"\"12\"", 1, 12},
        {"\"-3\"", 1, -3},
        {"\"01\"", 0, 0},
        {"\"+1\"", 0, 0},
        {"\"1.9\"", 0, 0},
        {"\"-0\"", 0, 0},
        {"\"0\"", 1, 0},
        {"\"\"", 0, 0},
        {"\"-\"", 0, 0},
        {"\"a\"", 0, 0},
        {"\" 1\"", 0, 0},
        {"\"1 \"", 0, 0},
        {"\"9223372036854775807\"", 1, INT64_MAX},
        {"\"9223372036854775808\"", 0, 0},
        {"\"-9223372036854775808\"", 1, INT64_MIN},
        {"\"-9223372036854775809\"", 0, 0},
        {"\"99999999999999999999\"", 0, 0},
        {"none", -1, 0},
        {"[]", -2, 0},
        {"nan", -2, 0},
        {"inf", -2, 0},
        {"-inf", -2, 0},
        {"1e300", -2, 0},
        {"9223372036854775808", -2, 0},
        {"-9223372036854775808", 1, INT64_MIN},
        {"20000000000", 1, 20000000000},
        {"-0.5", 1, 0},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hsl_value v = fake_value(r, rows[i].value);
        int64_t n = 0;

        tap_ok(
            hsl_to_key(&v, &n) == rows[i].want && n == rows[i].want_int, "key %s", rows[i].value);
        hsl_unref(r, v);
    }
}

static void
test_truth(struct hsl_run *r)
{
    static const struct {
        const char *value;
        bool want;
    } rows[] = {
        {"none", false},
        {"true", true},
        {"false", false},
        {"0", false},
        {"-0.0", false},
        {"1", true},
        {"nan", true},
        {"\"\"", false},
        {"\"0\"", true},
        {"\"x\"", true},
        {"[]", false},
        {"[none]", true},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hsl_value v = fake_value(r, rows[i].value);

        tap_ok(hsl_truth(&v) == rows[i].want, "%s is %s", rows[i].value,
            rows[i].want ? "true" : "false");
        hsl_unref(r, v);
    }
}

static void
test_text(struct hsl_run *r)
{
    static const struct {
        const char *value, *want;
    } rows[] = {
        {"none", ""},
        {"true", "true"},
        {"false", "false"},
        {"1.50", "1.5"},
        {"\"a\"", "a"},
        {"[]", "[]"},
        {"[\"a\",\"k\"=>[true,none]]", "[0=>\"a\",\"k\"=>[0=>true,1=>none]]"},
        {"[\"1\"=>\"a\",1.9=>\"b\",\"1.9\"=>\"c\",\"01\"=>\"d\"]",
            "[1=>\"b\",\"1.9\"=>\"c\",\"01\"=>\"d\"]"},
        {"[\"\\\"\\\\\n\"=>\"\x7f\xe5\"]", "[\"\\\"\\\\\\x0A\"=>\"\\x7F\xe5\"]"},
        {"[\"9007199254740993\"=>1,\"-9223372036854775808\"=>2]",
            "[9007199254740993=>1,-9223372036854775808=>2]"},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hsl_value v = fake_value(r, rows[i].value);
        struct hsl_str *s = hsl_to_str(r, &v);
        struct ut_sbuf b;

        tap_str(s ? s->data : NULL, rows[i].want, "text of a value");
        ut_sbuf_init(&b, 1000);
        tap_ok(hsl_to_text(r, &v, &b) && strcmp(ut_sbuf_text(&b), rows[i].want) == 0,
            "the same in a buffer");
        ut_sbuf_fini(&b);
        if (s)
            hsl_unref(r, hsl_from_str(s));
        hsl_unref(r, v);
    }
}

static bool
say_hello(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)args;
    (void)argc;
    *out = hsl_from_str(hsl_str_newz(r, "hello"));
    return out->u.str != NULL;
}

static bool
say_nothing(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)args;
    (void)argc;
    (void)out;
    return hsl_raise(r, HSL_R15, "toString(): no");
}

static const struct hsl_builtin hello_methods[] = {{.name = "toStrin", .fn = say_nothing},
    {.name = "toString", .fn = say_hello}, {.name = NULL}},
                                bad_methods[] = {
                                    {.name = "toString", .fn = say_nothing}, {.name = NULL}};

static void
test_objects(struct hsl_run *r)
{
    static const struct hsl_class plain = {.name = "Plain"},
                                  hello = {.name = "Hello", .methods = hello_methods},
                                  bad = {.name = "Bad", .methods = bad_methods};
    static const struct {
        const struct hsl_class *cls;
        const char *want;
    } rows[] = {{&plain, "object Plain"}, {&hello, "hello"}, {&bad, "R15: toString(): no"}};
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hsl_value v = {.u.obj = hsl_obj_new(r, rows[i].cls), .type = HSL_OBJ};
        struct hsl_str *s = hsl_to_str(r, &v);

        tap_str(s ? s->data : fake_error_, rows[i].want, rows[i].cls->name);
        if (s)
            hsl_unref(r, hsl_from_str(s));
        hsl_unref(r, v);
        fake_clear(r);
    }
}

static struct hsl_value
nested(struct hsl_run *r, unsigned levels)
{
    struct hsl_value v = hsl_from_arr(hsl_arr_new(r, 0));

    while (--levels > 0) {
        struct hsl_arr *a = hsl_arr_new(r, 1);

        if (!a || !hsl_arr_push(r, a, v))
            break;
        v = hsl_from_arr(a);
    }
    return v;
}

static void
test_nesting(struct hsl_run *r)
{
    struct hsl_value v = nested(r, 200);
    struct hsl_str *s = hsl_to_str(r, &v);
    unsigned i;

    tap_ok(s && s->len == 200 * 2 + 199 * 3, "200 levels have a text");
    hsl_unref(r, hsl_from_str(s));
    hsl_unref(r, v);
    v = nested(r, 201);
    tap_ok(!hsl_to_str(r, &v), "201 have none");
    tap_str(fake_error_, "L07: nesting of data (200 levels) exceeded", "but L07");
    fake_clear(r);
    hsl_unref(r, v);

    v = hsl_from_arr(hsl_arr_new(r, 0)); /* every level holds the one below twice */
    for (i = 0; i < 60; i++) {
        struct hsl_arr *a = hsl_arr_new(r, 2);

        if (!a || !hsl_arr_push(r, a, hsl_ref(v)) || !hsl_arr_push(r, a, v))
            break;
        v = hsl_from_arr(a);
    }
    tap_ok(i == 60 && !hsl_to_str(r, &v), "a text of 2^60 parts is not finished");
    tap_str(fake_error_, "L05: string length (16777216) exceeded", "but stopped by max_string");
    fake_clear(r);
    hsl_unref(r, v);
}

static void
test_no_memory(struct hsl_run *r)
{
    struct hsl_value v =
        fake_value(r, "[\"some text\",\"key\"=>[1,2,[\"more text\",0.5]],\"x\"=>\"\\\"\"]");
    size_t live = r->heap.live;
    struct hsl_str *s = NULL;
    unsigned wrong = 0;
    long n;

    for (n = 0; !s && n < 1000; n++) {
        r->heap.fail_after = n;
        s = hsl_to_str(r, &v);
        r->heap.fail_after = -1;
        wrong += !s && (r->state != HSL_LIMITED || r->heap.live != live);
        fake_clear(r);
    }
    tap_ok(s && n > 2, "after %ld failures there is a text", n - 1);
    tap_num(wrong, 0, "each failure is reported and leaves nothing behind");
    hsl_unref(r, hsl_from_str(s));
    hsl_unref(r, v);
}

int
main(void)
{
    struct hsl_run r;

    fake_init(&r);
    test_num_to_text();
    test_random_nums();
    test_to_num(&r);
    test_long_numbers();
    test_numeric_string();
    test_keys(&r);
    test_truth(&r);
    test_text(&r);
    test_objects(&r);
    test_nesting(&r);
    test_no_memory(&r);
    tap_num((long long)fake_fini(&r), 0, "every byte was given back");
    return tap_done();
}
