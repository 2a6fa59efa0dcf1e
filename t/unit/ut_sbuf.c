/* ut_sbuf.c - the byte buffer: growth, the maximum, failure that sticks. */
#include "config.h"

#include "lib/ut_sbuf.h"

#include <stdint.h>
#include <stdlib.h>

#include "t/unit/tap.h"

static void
test_grow(void)
{
    struct ut_sbuf b;
    bool ended = true;

    ut_sbuf_init(&b, 100000);
    tap_str(ut_sbuf_text(&b), "", "text of an empty buffer");
    for (size_t i = 0; i < 100000; i++) {
        ut_sbuf_addc(&b, (char)('a' + i % 26));
        ended = ended && b.data[b.len] == '\0';
    }
    tap_ok(ended, "a NUL behind every length");
    tap_ok(!b.failed && b.len == 100000, "the maximum fits");
    tap_num((long long)b.cap, 100001, "and takes no more memory than that");
    ut_sbuf_addc(&b, 'x');
    tap_ok(b.failed && b.len == 100000 && b.data[100000 - 1] == 'a' + 99999 % 26,
        "one more fails and changes nothing");
    ut_sbuf_truncate(&b, 3);
    ut_sbuf_addz(&b, "no");
    tap_ok(b.failed && strcmp(b.data, "abc") == 0, "failure sticks");
    tap_ok(!ut_sbuf_take(&b, NULL) && !b.failed && b.len == 0, "taking a failed one gives NULL");
    ut_sbuf_fini(&b);
}

static const struct {
    const char *name;
    size_t max;
    const char *add[3];
    const char *want;
    bool want_failed;
} chains[] = {
    {"fits", 6, {"ab", "", "cdef"}, "abcdef", false},
    {"last does not fit", 5, {"ab", "", "cdef"}, "ab", true},
    {"nothing behind a failure", 5, {"abc", "defg", "h"}, "abc", true},
    {"a maximum of 0", 0, {"", "a", ""}, "", true},
    {"nothing into 0", 0, {"", "", ""}, "", false},
};

static void
test_chains(void)
{
    struct ut_sbuf b;

    for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
        ut_sbuf_init(&b, chains[i].max);
        for (size_t k = 0; k < 3; k++)
            ut_sbuf_addf(&b, "%s", chains[i].add[k]);
        tap_str(ut_sbuf_text(&b), chains[i].want, chains[i].name);
        tap_ok(b.failed == chains[i].want_failed, "%s: failed or not", chains[i].name);
        ut_sbuf_fini(&b);
        ut_sbuf_init(&b, chains[i].max);
        for (size_t k = 0; k < 3; k++)
            ut_sbuf_addz(&b, chains[i].add[k]);
        tap_str(ut_sbuf_text(&b), chains[i].want, "the same without printf");
        ut_sbuf_fini(&b);
    }
}

static void
test_cut(void)
{
    struct ut_sbuf b;
    size_t len = 99;
    char *text;

    ut_sbuf_init(&b, 1000);
    ut_sbuf_consume(&b, 0);
    ut_sbuf_add(&b, "a\0b\0c", 5);
    tap_num((long long)b.len, 5, "NUL bytes count");
    ut_sbuf_consume(&b, 2);
    tap_ok(b.len == 3 && memcmp(b.data, "b\0c", 4) == 0, "consume");
    ut_sbuf_truncate(&b, 50);
    tap_num((long long)b.len, 3, "truncate to more than there is");
    ut_sbuf_truncate(&b, 1);
    tap_str(ut_sbuf_text(&b), "b", "truncate");
    ut_sbuf_consume(&b, 1);
    tap_str(ut_sbuf_text(&b), "", "consume all");
    tap_ok(ut_sbuf_reserve(&b, 1000) && !ut_sbuf_reserve(&b, 1001) && b.failed, "reserve");
    ut_sbuf_reset(&b);
    tap_ok(!ut_sbuf_reserve(&b, SIZE_MAX) && b.failed, "reserve that would overflow");
    ut_sbuf_reset(&b);
    ut_sbuf_addz(&b, "mine");
    text = ut_sbuf_take(&b, &len);
    tap_ok(text && strcmp(text, "mine") == 0 && len == 4 && b.data == NULL, "take");
    free(text);
    text = ut_sbuf_take(&b, &len);
    tap_ok(text && text[0] == '\0' && len == 0, "take from an empty one gives a text too");
    free(text);
    ut_sbuf_init(&b, SIZE_MAX);
    tap_ok(!ut_sbuf_reserve(&b, SIZE_MAX - 1) && b.failed, "no maximum: sums do not wrap");
    ut_sbuf_fini(&b);
}

int
main(void)
{
    test_grow();
    test_chains();
    test_cut();
    return tap_done();
}
