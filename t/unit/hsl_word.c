/* hsl_word.c - encoded words, folding and field names of headers, case by case, and base64. */
#include "config.h"

#include <stdlib.h>

#include "hsl/hsl_base64.h"
#include "hsl/hsl_word.h"
#include "t/unit/tap.h"

typedef void
recode_fn(struct ut_sbuf *out, const char *p, size_t len);

struct text_case {
    const char *in, *want;
};

static void
run_cases(const char *what, recode_fn *fn, const struct text_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        /* An exact copy, so that reading one byte too far is seen. */
        size_t len = strlen(cases[i].in);
        char name[200], *in = malloc(len ? len : 1);
        struct ut_sbuf out;

        if (!in)
            exit(1);
        memcpy(in, cases[i].in, len);
        ut_sbuf_init(&out, 100000);
        fn(&out, in, len);
        snprintf(name, sizeof(name), "%s: %.150s", what, cases[i].in);
        for (char *c = name; *c; c++)
            *c = *c == '\n' || *c == '\r' || *c == '#' ? ' ' : *c;
        tap_str(ut_sbuf_text(&out), cases[i].want, name);
        ut_sbuf_fini(&out);
        free(in);
    }
}

#define RUN(what, fn, cases) run_cases(what, fn, cases, sizeof(cases) / sizeof(cases[0]))

static const struct text_case decodes[] = {
    {"", ""},
    {"plain text", "plain text"},
    {"=?utf-8?Q?a?=", "a"},
    {"=?UTF-8?q?a_b=20c?=", "a b c"},
    {"=?utf-8?B?w6U=?=", "\xc3\xa5"},
    {"x =?utf-8?Q?a?= y", "x a y"},
    {"=?utf-8?Q?a?= =?utf-8?Q?b?= c", "ab c"},
    {"=?utf-8?Q?a?=\r\n\t=?utf-8?Q?b?=", "ab"},
    {"=?utf-8?Q?a?= x =?utf-8?Q?b?=", "a x b"},
    {"=?utf-8?Q?=C3?= =?utf-8?Q?=A5?=", "\xc3\xa5"},
    {"=?utf-8?Q?=C3?= =?iso-8859-1?Q?=E5?=", "\xef\xbf\xbd\xc3\xa5"},
    {"=?iso-8859-1?Q?Gr=FC?=", "Gr\xc3\xbc"},
    {"=?windows-1252?Q?=80?=", "\xe2\x82\xac"},
    {"=?us-ascii*en?Q?a?=", "a"},
    {"=?x-no-such?Q?a=FC?=", "=?x-no-such?Q?a=FC?="},
    {"=?utf-8?Q?a?= =?x-no?Q?b?= =?utf-8?Q?c?=", "a =?x-no?Q?b?= c"},
    {"=?../../etc?Q?a?=", "=?../../etc?Q?a?="},
    {"=?utf-8?Q?bad=FFx?=", "bad\xef\xbf\xbdx"},
    {"=?utf-8?Q?=4?=", "=4"},
    {"=?utf-8?Q?=zz?=", "=zz"},
    {"=?utf-8?Q?\?=", ""},
    {"=?utf-8?X?a?=", "=?utf-8?X?a?="},
    {"=?utf-8?Q?a", "=?utf-8?Q?a"},
    {"=?utf-8?Q", "=?utf-8?Q"},
    {"=?", "=?"},
    {"=", "="},
    {"=?utf-8?Q?a\nb?=", "=?utf-8?Q?a\nb?="},
    {"raw \xfc byte", "raw \xfc byte"},
    {"a=?utf-8?Q?b?=c", "abc"},
    /* From one charset to the other and back: each use begins afresh. */
    {"=?utf-16?B?/v8AYQ==?= =?utf-8?Q?b?= =?utf-16?B?//5jAA==?=", "abc"},
    {"=?iso-2022-jp?B?GyRCJCI=?= =?utf-8?Q?b?= =?iso-2022-jp?Q?c?=", "\xe3\x81\x82"
                                                                     "bc"},
    {"=?koi8-r?Q?a?= =?utf-8?Q?b?= =?KOI8-R?Q?c?= x", "abc x"},
    /* The ninth charset. */
    {"=?iso-8859-1?Q?1?= =?iso-8859-2?Q?2?= =?iso-8859-3?Q?3?= =?iso-8859-4?Q?4?= "
     "=?iso-8859-5?Q?5?= "
     "=?iso-8859-6?Q?6?= =?iso-8859-7?Q?7?= =?iso-8859-9?Q?8?= =?koi8-r?Q?9?= =?iso-8859-1?Q?1?=",
        "12345678 =?koi8-r?Q?9?= 1"},
};

static const struct text_case encodes[] = {
    {"", ""},
    {"plain  text\tx", "plain  text\tx"},
    {"\xc3\xa5", "=?utf-8?Q?=C3=A5?="},
    {"a \xc3\xa5 b", "a =?utf-8?Q?=C3=A5?= b"},
    {"\xc3\xa5  \xc3\xa4 b", "=?utf-8?Q?=C3=A5__=C3=A4?= b"},
    {" \xc3\xa5 ", " =?utf-8?Q?=C3=A5?= "},
    {"\"J\xc3\xb6\" <j@x.y>", "=?utf-8?Q?=22J=C3=B6=22?= <j@x.y>"},
    {"\xff", "=?utf-8?B?77+9?="},
    {"a\x01z", "=?utf-8?Q?a=01z?="},
    {"\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", "=?utf-8?B?0J/RgNC40LLQtdGC?="},
};

static const struct text_case unfolds[] = {
    {"", ""},
    {" a ", "a"},
    {"a\r\n b", "a b"},
    {"a\n\tb\n  c\r\n", "a\tb  c"},
    {"\r\n a", "a"},
    {"a\nb", "a\nb"},
    {"\n", ""},
};

static void
fold_20(struct ut_sbuf *out, const char *p, size_t len)
{
    hsl_word_fold(out, p, len, HSL_WORD_LINE - 20);
}

static const struct text_case folds[] = {
    {"", ""},
    {"short", "short"},
    {"0123456789 0123456789", "0123456789\r\n 0123456789"},
    {"0123456789 012345678", "0123456789 012345678"},
    {"012345678901234567890123456789 x", "012345678901234567890123456789\r\n x"},
    {"0123456789012345678   ", "0123456789012345678   "},
    {"a\tb", "a\tb"},
};

/* [text] through encode, fold, unfold and decode; *narrow is cleared if a line is too long. */
static bool
comes_back(const struct ut_sbuf *text, bool *narrow)
{
    struct ut_sbuf encoded, folded, flat, out;
    size_t column = 9;
    bool same;

    ut_sbuf_init(&encoded, 100000);
    ut_sbuf_init(&folded, 100000);
    ut_sbuf_init(&flat, 100000);
    ut_sbuf_init(&out, 100000);
    hsl_word_encode_all(&encoded, text->data, text->len);
    hsl_word_fold(&folded, encoded.data, encoded.len, column);
    for (size_t i = 0; i < folded.len; i++) {
        column = folded.data[i] == '\n' ? 0 : column + 1;
        *narrow = *narrow && column <= HSL_WORD_LINE + 1; /* CR is counted here */
    }
    hsl_word_unfold(&flat, folded.data, folded.len);
    hsl_word_decode(&out, flat.data, flat.len);
    same = out.len == text->len && memcmp(out.data, text->data, text->len) == 0;
    ut_sbuf_fini(&encoded);
    ut_sbuf_fini(&folded);
    ut_sbuf_fini(&flat);
    ut_sbuf_fini(&out);
    return same;
}

static void
test_round_trip(void)
{
    static const char *const pieces[] = {"\xc3\xa5", " ", "\xe2\x82\xac", "a?", "\xf0\x9f\x98\x80"};
    bool same = true, narrow = true;
    struct ut_sbuf text;

    ut_sbuf_init(&text, 100000);
    for (size_t n = 0; n < 300; n++) {
        ut_sbuf_addz(&text, pieces[n * 7 / 3 % 5]);
        same = comes_back(&text, &narrow) && same;
    }
    ut_sbuf_fini(&text);
    tap_ok(same, "text of any length comes back whole");
    tap_ok(narrow, "no line of encoded words is too long");
}

static void
test_names(void)
{
    char longest[256];

    memset(longest, 'a', sizeof(longest));
    tap_ok(hsl_word_is_field_name("X-A!~", 5), "printable ASCII is a name");
    tap_ok(!hsl_word_is_field_name("", 0), "an empty name is none");
    tap_ok(!hsl_word_is_field_name("A:", 2), "a colon is not part of a name");
    tap_ok(!hsl_word_is_field_name("A B", 3), "a blank is not part of a name");
    tap_ok(!hsl_word_is_field_name("A\n", 2), "a line end is not part of a name");
    tap_ok(!hsl_word_is_field_name("A\0", 2), "NUL is not part of a name");
    tap_ok(!hsl_word_is_field_name("\xc3\xa5", 2), "a name is ASCII");
    tap_ok(hsl_word_is_field_name(longest, 255), "255 bytes are a name");
    tap_ok(!hsl_word_is_field_name(longest, 256), "256 bytes are no name");
}

static void
test_base64(void)
{
    static const char bytes[] = "\x00\xff\x10pleasure.";
    struct ut_sbuf b, back;
    bool same = true;

    for (size_t len = 0; len < sizeof(bytes); len++) {
        for (int kind = HSL_BASE64_PLAIN; kind <= HSL_BASE64_URL; kind++) {
            ut_sbuf_init(&b, 100);
            ut_sbuf_init(&back, 100);
            hsl_base64_encode(&b, bytes, len, (enum hsl_base64_kind)kind);
            hsl_base64_decode(&back, ut_sbuf_text(&b), b.len, (enum hsl_base64_kind)kind);
            same = same && back.len == len && memcmp(ut_sbuf_text(&back), bytes, len) == 0;
            ut_sbuf_fini(&b);
            ut_sbuf_fini(&back);
        }
    }
    tap_ok(same, "base64 of every length comes back");
}

int
main(void)
{
    RUN("decode", hsl_word_decode, decodes);
    RUN("encode", hsl_word_encode, encodes);
    RUN("unfold", hsl_word_unfold, unfolds);
    RUN("fold", fold_20, folds);
    test_round_trip();
    test_names();
    test_base64();
    return tap_done();
}
