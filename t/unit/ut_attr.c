/* ut_attr.c - attribute lists: good ones in pieces of every size, bad ones, limits, writer. */
#include "config.h"

#include "lib/ut_attr.h"

#include <stdlib.h>

#include "t/unit/tap.h"

#define BYTES(s) s, sizeof(s) - 1

/* What [p] holds as "name=value;" with NULs shown as "~". */
static void
show(const struct ut_attr_list *l, struct ut_sbuf *out)
{
    for (size_t i = 0; i < l->count; i++) {
        ut_sbuf_addf(out, "%s=", l->items[i].name);
        for (size_t k = 0; k < l->items[i].len; k++)
            ut_sbuf_addc(out, l->items[i].value[k] ? l->items[i].value[k] : '~');
        ut_sbuf_addc(out, l->items[i].value[l->items[i].len] == '\0' ? ';' : '!');
    }
    ut_sbuf_addc(out, '.');
}

static const struct ut_attr_limits small = {.line = 10, .count = 3, .total = 25};
static const struct ut_attr_limits decoding = {
    .line = 100, .count = 10, .total = 200, .decode = true};

static const struct {
    const char *name;
    const struct ut_attr_limits *limits;
    const char *data;
    size_t len;
    const char *want; /* lists, then "more" or "broken" */
} cases[] = {
    {"one list", &small, BYTES("a=1\nb=\n\n"), "a=1;b=;.more"},
    {"two lists", &small, BYTES("a=1\n\nb=2\n\n"), "a=1;.b=2;.more"},
    {"empty lists", &small, BYTES("\n\n"), "..more"},
    {"not complete", &small, BYTES("a=1\n"), "more"},
    {"value with = and blanks", &small, BYTES("a= =b= \n\n"), "a= =b= ;.more"},
    {"CR is a byte", &small, BYTES("a=1\r\n\n"), "a=1\r;.more"},
    {"percent is a byte", &small, BYTES("a=%41%\n\n"), "a=%41%;.more"},
    {"line just fits", &small, BYTES("a=34567890\n\n"), "a=34567890;.more"},
    {"line too long", &small, BYTES("a=345678901\n\n"), "broken"},
    {"line too long without end", &small, BYTES("aaaaaaaaaaa"), "broken"},
    {"count just fits", &small, BYTES("a=1\nb=2\nc=3\n\n"), "a=1;b=2;c=3;.more"},
    {"too many", &small, BYTES("a=1\nb=2\nc=3\nd=4\n\n"), "broken"},
    {"bytes just fit", &small, BYTES("a=345678\nb=345678\nc=345\n\n"), "a=345678;b=345678;c=345;.more"},
    {"too many bytes", &small, BYTES("a=345678\nb=345678\nc=3456\n\n"), "broken"},
    {"limits count anew", &small, BYTES("a=345678\nb=345678\n\na=345678\nb=345678\n\n"),
        "a=345678;b=345678;.a=345678;b=345678;.more"},
    {"no =", &small, BYTES("abc\n\n"), "broken"},
    {"no name", &small, BYTES("=b\n\n"), "broken"},
    {"only CR", &small, BYTES("\r\n"), "broken"},
    {"NUL in a value", &small, BYTES("a=\0\n\n"), "broken"},
    {"NUL in a name", &small, BYTES("a\0=1\n\n"), "broken"},
    {"a good list, then a bad one", &small, BYTES("a=1\n\nb\n"), "a=1;.broken"},
    {"decoded", &decoding, BYTES("a=%0A%0d%00%25%zz\n\n"), "broken"},
    {"decoded bytes", &decoding, BYTES("a=x%0A%0d%00%25y\nb=%41\n\n"), "a=x\n\r~%y;b=A;.more"},
    {"cut code", &decoding, BYTES("a=%4\n\n"), "broken"},
    {"lone percent", &decoding, BYTES("a=%\n\n"), "broken"},
    {"names are not decoded", &decoding, BYTES("%41=1\n\n"), "%41=1;.more"},
};

/* Feeds [data] in pieces of [step] bytes and shows what comes. */
static void
feed(const struct ut_attr_limits *limits, const char *data, size_t len, size_t step,
    struct ut_sbuf *out)
{
    enum ut_attr_result r = UT_ATTR_MORE;
    struct ut_attr_parser p;
    struct ut_diag d = {.text = ""};
    size_t at = 0, used;

    ut_attr_parser_init(&p, limits);
    while (at < len && r != UT_ATTR_BROKEN) {
        /* A copy of its own size, so that a read behind it is seen. */
        size_t n = len - at < step ? len - at : step;
        char *piece = malloc(n);

        memcpy(piece, data + at, n);
        r = ut_attr_parser_feed(&p, piece, n, &used, &d);
        free(piece);
        at += used;
        if (r == UT_ATTR_LIST)
            show(&p.list, out);
    }
    ut_sbuf_addz(out, r == UT_ATTR_BROKEN ? "broken" : "more");
    if (r == UT_ATTR_BROKEN &&
        (!d.text[0] || ut_attr_parser_feed(&p, "\n", 1, &used, NULL) != UT_ATTR_BROKEN))
        ut_sbuf_addz(out, ", but no reason or alive again");
    ut_attr_parser_fini(&p);
}

static void
test_cases(void)
{
    struct ut_sbuf out;

    ut_sbuf_init(&out, 1000);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool same = true;

        for (size_t step = 1; step <= cases[i].len; step++) {
            ut_sbuf_reset(&out);
            feed(cases[i].limits, cases[i].data, cases[i].len, step, &out);
            same = same && strcmp(ut_sbuf_text(&out), cases[i].want) == 0;
        }
        tap_ok(same, "%s, in pieces of every size", cases[i].name);
        tap_str(ut_sbuf_text(&out), cases[i].want, cases[i].name);
    }
    ut_sbuf_fini(&out);
}

static void
test_get(void)
{
    static const char data[] = "request=x\nn=12\nbig=99\nn=13\nz=1%00\nm=-5\n\n";
    struct ut_attr_parser p;
    long long n = 7;
    size_t used, len;

    ut_attr_parser_init(&p, &ut_attr_limits_own);
    tap_ok(ut_attr_parser_idle(&p), "idle at first");
    tap_num(ut_attr_parser_feed(&p, "req", 3, &used, NULL), UT_ATTR_MORE, "a part");
    tap_ok(!ut_attr_parser_idle(&p), "not idle within a list");
    tap_num(ut_attr_parser_feed(&p, data + 3, sizeof(data) - 4, &used, NULL), UT_ATTR_LIST, "rest");
    tap_ok(ut_attr_parser_idle(&p), "idle behind it");
    tap_str(ut_attr_get(&p.list, "n", &len), "12", "the first of a name");
    tap_num((long long)len, 2, "its length");
    tap_ok(!ut_attr_get(&p.list, "N", &len) && len == 0, "a name that is not there");
    tap_ok(ut_attr_is(&p.list, "request", "x") && !ut_attr_is(&p.list, "request", "xy") &&
               !ut_attr_is(&p.list, "z", "1") && !ut_attr_is(&p.list, "q", ""),
        "is");
    tap_ok(ut_attr_get_int(&p.list, "n", 0, 20, &n) == 0 && n == 12, "a number");
    tap_ok(ut_attr_get_int(&p.list, "m", -5, 20, &n) == 0 && n == -5, "a negative one");
    n = 7;
    tap_ok(ut_attr_get_int(&p.list, "big", 0, 20, &n) == -1 &&
               ut_attr_get_int(&p.list, "z", 0, 20, &n) == -1 &&
               ut_attr_get_int(&p.list, "request", 0, 20, &n) == -1 &&
               ut_attr_get_int(&p.list, "absent", 0, 20, &n) == -1 && n == 7,
        "no numbers");
    tap_num(ut_attr_parser_feed(&p, "", 0, &used, NULL), UT_ATTR_MORE, "no bytes");
    ut_attr_parser_fini(&p);
}

static void
test_writer(void)
{
    static const char *const bad[] = {"", "a=b", "a b", "a\nb", "a%b", "a\x7f"};
    struct ut_sbuf b;
    char all[512];

    ut_sbuf_init(&b, 10000);
    ut_attr_addz(&b, "a", "x%\r\ny=");
    ut_attr_addi(&b, "n", -42);
    ut_attr_add(&b, "z", "\0", 1);
    ut_attr_end(&b);
    tap_str(ut_sbuf_text(&b), "a=x%25%0D%0Ay=\nn=-42\nz=%00\n\n", "written");
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (char)i;
    ut_sbuf_reset(&b);
    ut_attr_add(&b, "v", all, sizeof(all));
    ut_attr_end(&b);
    struct ut_attr_parser p;
    size_t used, len = 0;

    ut_attr_parser_init(&p, &ut_attr_limits_own);
    tap_ok(ut_attr_parser_feed(&p, b.data, b.len, &used, NULL) == UT_ATTR_LIST && used == b.len,
        "every byte comes through");
    const char *back = ut_attr_get(&p.list, "v", &len);

    tap_ok(back && len == sizeof(all) && memcmp(back, all, len) == 0, "and as it was");
    ut_attr_parser_fini(&p);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ut_sbuf_reset(&b);
        ut_attr_addz(&b, bad[i], "x");
        tap_ok(b.failed && b.len == 0, "a name that cannot be");
    }
    ut_sbuf_fini(&b);
}

/* Random bytes out of a small alphabet: no crash, and the text that is kept stays bounded. */
static void
test_noise(void)
{
    struct ut_attr_parser p;
    unsigned seed = 1;
    bool bounded = true;

    for (int round = 0; round < 2000; round++) {
        enum ut_attr_result r = UT_ATTR_MORE;
        size_t used;

        ut_attr_parser_init(&p, round % 2 ? &decoding : &small);
        for (int i = 0; i < 200 && r != UT_ATTR_BROKEN; i++) {
            seed = seed * 1103515245u + 12345u;
            r = ut_attr_parser_feed(&p, &"ab==%4\n\n\n0"[(seed >> 16) % 10], 1, &used, NULL);
            bounded = bounded && p.text.len <= p.text.max && p.list.count <= p.limits.count;
        }
        ut_attr_parser_fini(&p);
    }
    tap_ok(bounded, "noise stays within the limits");
}

int
main(void)
{
    test_cases();
    test_get();
    test_writer();
    test_noise();
    return tap_done();
}
