/* attr.c - fuzz target: an attribute list fed to the parser at once and in pieces. The first byte
 * chooses limits and how pieces are cut; the rest is the stream. What comes out is the same both
 * times, and the same again after it was written and parsed. */
#include "config.h"

#include <string.h>

#include "lib/ut_attr.h"
#include "t/fuzz/fuzz.h"

/* Writes down what [l] holds, so that lists can be compared. */
static void
record(struct ut_sbuf *out, const struct ut_attr_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct ut_attr *a = &l->items[i];
        size_t len;

        FUZZ_CHECK(a->name[0] != '\0' && a->value[a->len] == '\0');
        FUZZ_CHECK(ut_attr_get(l, a->name, &len) != NULL);
        ut_sbuf_addf(out, "%s %zu ", a->name, a->len);
        ut_sbuf_add(out, a->value, a->len);
        ut_sbuf_addc(out, '\n');
    }
    ut_sbuf_addz(out, "end\n");
}

/* A list can be sent on as it was understood. */
static void
write_again(const struct ut_attr_list *l)
{
    static const struct ut_attr_limits limits = {SIZE_MAX / 8, SIZE_MAX / 8, SIZE_MAX / 8, true};
    struct ut_attr_parser p;
    struct ut_sbuf text, before, after;
    size_t used;

    ut_sbuf_init(&text, SIZE_MAX / 4);
    ut_sbuf_init(&before, SIZE_MAX / 4);
    ut_sbuf_init(&after, SIZE_MAX / 4);
    for (size_t i = 0; i < l->count; i++)
        ut_attr_add(&text, l->items[i].name, l->items[i].value, l->items[i].len);
    ut_attr_end(&text);
    if (!text.failed) { /* else a name from outside that we never send */
        record(&before, l);
        ut_attr_parser_init(&p, &limits);
        FUZZ_CHECK(ut_attr_parser_feed(&p, text.data, text.len, &used, NULL) == UT_ATTR_LIST);
        FUZZ_CHECK(used == text.len);
        record(&after, &p.list);
        FUZZ_CHECK(before.len == after.len && memcmp(before.data, after.data, after.len) == 0);
        ut_attr_parser_fini(&p);
    }
    ut_sbuf_fini(&text);
    ut_sbuf_fini(&before);
    ut_sbuf_fini(&after);
}

/* Reads the whole stream in pieces of [step] bytes (0: at once), writes down all of it. */
static void
parse(const struct ut_attr_limits *limits, const char *p, size_t len, size_t step,
    struct ut_sbuf *out)
{
    enum ut_attr_result result = UT_ATTR_MORE;
    struct ut_attr_parser parser;
    struct ut_diag d;

    ut_attr_parser_init(&parser, limits);
    while (len > 0 && result != UT_ATTR_BROKEN) {
        size_t part = step > 0 && step < len ? step : len, used;

        result = ut_attr_parser_feed(&parser, p, part, &used, &d);
        FUZZ_CHECK(used <= part && (result != UT_ATTR_MORE || used == part));
        FUZZ_CHECK(result != UT_ATTR_LIST || (used > 0 && p[used - 1] == '\n'));
        if (result == UT_ATTR_LIST) {
            FUZZ_CHECK(ut_attr_parser_idle(&parser) && parser.list.count <= limits->count);
            record(out, &parser.list);
            write_again(&parser.list);
        }
        p += used;
        len -= used;
    }
    if (result == UT_ATTR_BROKEN) {
        FUZZ_CHECK(d.text[0] != '\0'); /* which of two broken limits it names depends on the pieces */
        ut_sbuf_addz(out, "broken\n");
    }
    ut_attr_parser_fini(&parser);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ut_attr_limits small = {40, 3, 100, true}, plain = {200, 10, 400, false};
    struct fuzz_input in = {data, size};
    const struct ut_attr_limits *limits[] = {&ut_attr_limits_own, &small, &plain, &small};
    unsigned mode = fuzz_byte(&in);
    struct ut_sbuf whole, pieces;

    ut_sbuf_init(&whole, SIZE_MAX / 4);
    ut_sbuf_init(&pieces, SIZE_MAX / 4);
    parse(limits[mode % 4], (const char *)in.p, in.len, 0, &whole);
    parse(limits[mode % 4], (const char *)in.p, in.len, mode / 4 % 16 + 1, &pieces);
    FUZZ_CHECK(whole.len == pieces.len);
    FUZZ_CHECK(whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0);
    ut_sbuf_fini(&whole);
    ut_sbuf_fini(&pieces);
    return 0;
}
