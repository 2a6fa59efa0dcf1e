/* ut_utf8.c - UTF-8: validity by RFC 3629, cutting, escaping. */
#include "config.h"

#include "lib/ut_utf8.h"

#include "t/unit/tap.h"

#define BYTES(s) s, sizeof(s) - 1

static const struct {
    const char *name, *p;
    size_t len;
    bool valid;
    const char *escaped;
} texts[] = {
    {"ASCII", BYTES("a\\b~"), true, "a\\b~"},
    {"empty", BYTES(""), true, ""},
    {"NUL and controls", BYTES("\0a\t\n\r\x1f\x7f"), true, "\\x00a\\x09\\x0A\\x0D\\x1F\\x7F"},
    {"two bytes", BYTES("\xc3\xa4"), true, "\xc3\xa4"},
    {"first and last of two", BYTES("\xc2\xa0\xdf\xbf"), true, "\xc2\xa0\xdf\xbf"},
    {"C1 controls", BYTES("\xc2\x80\xc2\x9f\xc2\xa0"), true, "\\xC2\\x80\\xC2\\x9F\xc2\xa0"},
    {"three bytes", BYTES("\xe2\x82\xac"), true, "\xe2\x82\xac"},
    {"around the surrogates", BYTES("\xed\x9f\xbf\xee\x80\x80"), true, "\xed\x9f\xbf\xee\x80\x80"},
    {"four bytes", BYTES("\xf0\x9f\x98\x80"), true, "\xf0\x9f\x98\x80"},
    {"last of all", BYTES("\xf4\x8f\xbf\xbf"), true, "\xf4\x8f\xbf\xbf"},
    {"over the last", BYTES("\xf4\x90\x80\x80"), false, "\\xF4\\x90\\x80\\x80"},
    {"overlong of two", BYTES("\xc0\x80\xc1\xbf"), false, "\\xC0\\x80\\xC1\\xBF"},
    {"overlong of three", BYTES("\xe0\x9f\xbf"), false, "\\xE0\\x9F\\xBF"},
    {"overlong of four", BYTES("\xf0\x8f\xbf\xbf"), false, "\\xF0\\x8F\\xBF\\xBF"},
    {"surrogate", BYTES("\xed\xa0\x80"), false, "\\xED\\xA0\\x80"},
    {"five bytes", BYTES("\xf8\x88\x80\x80\x80"), false, "\\xF8\\x88\\x80\\x80\\x80"},
    {"tail alone", BYTES("a\x80z"), false, "a\\x80z"},
    {"cut off", BYTES("a\xe2\x82"), false, "a\\xE2\\x82"},
    {"cut off, then more", BYTES("\xe2\x82z\xc3"), false, "\\xE2\\x82z\\xC3"},
    {"0xFF", BYTES("\xff\xfe"), false, "\\xFF\\xFE"},
};

static const struct {
    const char *p;
    size_t limit, want;
} cuts[] = {
    {"abc", 5, 3}, {"abc", 2, 2}, {"abc", 0, 0}, {"a\xc3\xa4", 2, 1}, {"a\xc3\xa4", 3, 3},
    {"a\xe2\x82\xac", 2, 1}, {"a\xe2\x82\xac", 3, 1}, {"a\xe2\x82\xac", 4, 4},
    {"\xf0\x9f\x98\x80x", 1, 0}, {"\xf0\x9f\x98\x80x", 2, 0}, {"\xf0\x9f\x98\x80x", 3, 0},
    {"\xf0\x9f\x98\x80x", 4, 4}, {"\x80\x80\x80\x80\x80\x80", 5, 5}, {"\xff\xff\xff", 2, 2},
    {"\xe2\x82z", 2, 2}, {"ab\xc3\xa4\xc3\xa4", 3, 2},
};

int
main(void)
{
    struct ut_sbuf b;

    ut_sbuf_init(&b, 1000);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        tap_ok(ut_utf8_valid(texts[i].p, texts[i].len) == texts[i].valid, "%s: valid or not",
            texts[i].name);
        ut_sbuf_reset(&b);
        ut_utf8_escape(&b, texts[i].p, texts[i].len);
        tap_str(ut_sbuf_text(&b), texts[i].escaped, texts[i].name);
    }
    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
        tap_num((long long)ut_utf8_cut(cuts[i].p, strlen(cuts[i].p), cuts[i].limit),
            (long long)cuts[i].want, "cut");
    tap_num((long long)ut_utf8_char("\xe2\x82\xac", 3), 3, "length of a character");
    tap_num((long long)ut_utf8_char("\xe2\x82\xac", 2), 0, "not all there");
    tap_num((long long)ut_utf8_char("", 0), 0, "nothing there");
    ut_sbuf_fini(&b);
    ut_sbuf_init(&b, 3);
    ut_utf8_escape(&b, "\x01", 1);
    tap_ok(b.failed, "an escape that does not fit fails the buffer");
    ut_sbuf_fini(&b);
    return tap_done();
}
