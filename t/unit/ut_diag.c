/* ut_diag.c - diagnostics: places, cutting, escaping, lists that are full. */
#include "config.h"

#include "lib/ut_diag.h"

#include <errno.h>

#include "lib/ut_utf8.h"
#include "t/unit/tap.h"

static const struct {
    const char *source;
    unsigned line, column;
    const char *want;
} places[] = {
    {"f.conf", 3, 7, "f.conf:3:7: it"},
    {"f.conf", 3, 0, "f.conf:3: it"},
    {"f.conf", 0, 7, "f.conf: it"},
    {NULL, 3, 7, "line 3:7: it"},
    {NULL, 0, 0, "it"},
    {"a\nb", 1, 0, "a\\x0Ab:1: it"},
};

static void
test_places(void)
{
    struct ut_diag d;
    struct ut_sbuf b;

    ut_sbuf_init(&b, 2000);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        ut_sbuf_reset(&b);
        tap_num(ut_diag_at(&d, places[i].source, places[i].line, places[i].column, "%s", "it"), -1,
            "gives -1");
        ut_diag_to_text(&d, &b);
        tap_str(ut_sbuf_text(&b), places[i].want, "place");
    }
    ut_sbuf_fini(&b);
}

static void
test_texts(void)
{
    char name[600], text[3000];
    struct ut_diag d;

    tap_ok(ut_diag_set(NULL, "x") == -1 && ut_diag_at(NULL, "f", 1, 1, "x") == -1 &&
               ut_diag_errno(NULL, "x") == -1,
        "nobody wants it");
    ut_diag_set(&d, "a\nb\x01\xff%s", "\xc3\xa4");
    tap_str(d.text, "a\\x0Ab\\x01\\xFF\xc3\xa4", "control and invalid bytes");
    tap_num(d.level, UT_DIAG_ERROR, "an error by itself");
    errno = ENOENT;
    ut_diag_errno(&d, "open %s", "x");
    tap_str(d.text, "open x: No such file or directory", "errno");
    tap_num(errno, ENOENT, "errno is kept");

    /* Two-byte characters at every offset of the cut. */
    for (size_t shift = 0; shift < 2; shift++) {
        memset(text, 'a', sizeof(text));
        for (size_t i = shift; i + 2 < sizeof(text); i += 2)
            memcpy(text + i, "\xc3\xa4", 2);
        text[sizeof(text) - 1] = '\0';
        ut_diag_set(&d, "%s", text);
        tap_ok(ut_utf8_valid(d.text, strlen(d.text)) && strlen(d.text) >= sizeof(d.text) - 2,
            "a long text is cut between characters");
    }
    memset(text, 1, sizeof(text) - 1);
    ut_diag_set(&d, "%s", text);
    tap_ok(strlen(d.text) == sizeof(d.text) - 1, "a long text of control bytes");
    memset(name, 'n', sizeof(name));
    memcpy(name + sizeof(name) - 7, "/x.hsl", 7);
    ut_diag_at(&d, name, 1, 1, "x");
    tap_ok(strlen(d.source) == sizeof(d.source) - 1 &&
               strcmp(d.source + strlen(d.source) - 6, "/x.hsl") == 0,
        "a long file name is cut at the left");
}

static void
test_lists(void)
{
    struct ut_diag_list l;

    ut_diag_list_init(&l, 5);
    for (unsigned i = 0; i < 9; i++)
        ut_diag_list_at(&l, i % 3 ? UT_DIAG_ERROR : UT_DIAG_WARNING, i == 1 ? "C0123456789" : NULL,
            "f", i, 0, "number %u", i);
    tap_num((long long)l.count, 5, "no more than the maximum");
    tap_num((long long)l.errors, 6, "but all errors are counted");
    tap_ok(l.items[3].line == 3 && strcmp(l.items[3].text, "number 3") == 0, "in order");
    tap_ok(l.items[0].level == UT_DIAG_WARNING && l.items[1].level == UT_DIAG_ERROR, "levels");
    tap_str(l.items[1].code, "C012345", "a code is cut");
    tap_str(l.items[2].code, "", "no code");
    ut_diag_list_fini(&l);
    tap_ok(l.count == 0 && l.items == NULL && l.max == 5, "empty after fini");
    ut_diag_list_init(&l, 0);
    tap_num(ut_diag_list_at(&l, UT_DIAG_ERROR, NULL, NULL, 0, 0, "x"), -1, "a list of none");
    tap_ok(l.count == 0 && l.errors == 1, "counts");
    ut_diag_list_fini(&l);
}

int
main(void)
{
    test_places();
    test_texts();
    test_lists();
    return tap_done();
}
