/* mlt_reply.c - replies are safe whatever a script puts into them. */
#include "config.h"

#include <stdlib.h>

#include "milter/mlt_reply.h"
#include "t/unit/tap.h"

struct row {
    const char *name;
    enum hsl_flow flow;
    enum hsl_action action;
    const char *text; /* NULL: none */
    unsigned code;
    unsigned char enhanced[3];
    bool disconnect, utf8;
    const char *want; /* lines, each with code and status, ended by LF */
};

static const struct row rows[] = {
    {"block", HSL_FLOW_ACCESS, HSL_BLOCK, NULL, 0, {0}, false, false,
        "554 5.7.1 Connection refused\n"},
    {"reject at connect", HSL_FLOW_ACCESS, HSL_REJECT, NULL, 0, {0}, false, false,
        "521 5.7.1 Connection refused\n"},
    {"defer at connect", HSL_FLOW_ACCESS, HSL_DEFER, NULL, 0, {0}, false, false,
        "421 4.7.0 Try again later\n"},
    {"block with 421", HSL_FLOW_ACCESS, HSL_BLOCK, "busy", 421, {0}, false, false,
        "421 4.7.0 busy\n"},
    {"block with 450", HSL_FLOW_ACCESS, HSL_BLOCK, "busy", 450, {0}, false, false,
        "450 4.7.1 busy\n"},
    {"rcpt", HSL_FLOW_RCPT, HSL_REJECT, NULL, 0, {0}, false, false,
        "554 5.7.1 Recipient rejected\n"},
    {"rcpt defer", HSL_FLOW_RCPT, HSL_DEFER, NULL, 0, {0}, false, false,
        "450 4.7.1 Try again later\n"},
    {"rcpt codes", HSL_FLOW_RCPT, HSL_REJECT, "x", 550, {5, 1, 1}, false, false, "550 5.1.1 x\n"},
    {"status of another class", HSL_FLOW_RCPT, HSL_REJECT, "x", 550, {4, 1, 1}, false, false,
        "550 5.7.1 x\n"},
    {"code that is none", HSL_FLOW_RCPT, HSL_REJECT, "x", 250, {2, 0, 0}, false, false,
        "554 5.7.1 x\n"},
    {"disconnect", HSL_FLOW_RCPT, HSL_DEFER, "x", 0, {0}, true, false, "421 4.7.0 x\n"},
    {"disconnect 5xx", HSL_FLOW_RCPT, HSL_REJECT, "x", 0, {0}, true, false, "521 5.7.1 x\n"},
    {"mail", HSL_FLOW_MAIL, HSL_REJECT, NULL, 0, {0}, false, false, "550 5.7.1 Message rejected\n"},
    {"mail defer", HSL_FLOW_MAIL, HSL_DEFER, NULL, 0, {0}, false, false,
        "451 4.7.1 Try again later\n"},
    {"empty text", HSL_FLOW_MAIL, HSL_REJECT, "", 0, {0}, false, false,
        "550 5.7.1 Message rejected\n"},
    {"lines", HSL_FLOW_RCPT, HSL_REJECT, "a\nb\r\nc\rd", 0, {0}, false, false,
        "554 5.7.1 a\n554 5.7.1 b\n554 5.7.1 c\n554 5.7.1 d\n"},
    {"injection", HSL_FLOW_MAIL, HSL_REJECT, "no\r\nX: y\x01\x7f", 0, {0}, false, false,
        "550 5.7.1 no\n550 5.7.1 X: y??\n"},
    {"percent stays", HSL_FLOW_RCPT, HSL_REJECT, "100% sure %s", 0, {0}, false, false,
        "554 5.7.1 100% sure %s\n"},
    {"digits", HSL_FLOW_RCPT, HSL_REJECT, "404 gone", 0, {0}, false, false, "554 5.7.1 404 gone\n"},
    {"bytes over 126", HSL_FLOW_RCPT, HSL_REJECT, "n\xc3\xa4h", 0, {0}, false, false,
        "554 5.7.1 n??h\n"},
    {"SMTPUTF8", HSL_FLOW_RCPT, HSL_REJECT, "n\xc3\xa4h", 0, {0}, false, true,
        "554 5.7.1 n\xc3\xa4h\n"},
    {"SMTPUTF8, not UTF-8", HSL_FLOW_RCPT, HSL_REJECT, "n\xc3h", 0, {0}, false, true,
        "554 5.7.1 n?h\n"},
    {"tab", HSL_FLOW_RCPT, HSL_REJECT, "a\tb", 0, {0}, false, false, "554 5.7.1 a b\n"},
};

static void
to_lines(const struct mlt_reply *r, struct ut_sbuf *out)
{
    for (size_t i = 0; i < r->count; i++)
        ut_sbuf_addf(out, "%u %s %s\n", r->code, r->status, r->lines[i]);
}

static void
test_row(const struct row *row)
{
    struct ut_arena *arena = ut_arena_new(0);
    struct hsl_text line = {row->text, row->text ? strlen(row->text) : 0};
    struct hsl_verdict v = {.action = row->action,
        .lines = &line,
        .line_count = row->text ? 1 : 0,
        .code = row->code,
        .disconnect = row->disconnect};
    struct mlt_reply r;
    struct ut_sbuf text;

    memcpy(v.enhanced, row->enhanced, sizeof(v.enhanced));
    ut_sbuf_init(&text, 65536);
    tap_num(mlt_reply_of(&r, arena, row->flow, &v, row->utf8), 0, row->name);
    to_lines(&r, &text);
    tap_str(ut_sbuf_text(&text), row->want, row->name);
    tap_ok(mlt_reply_same(&r, &r), "%s: the same as itself", row->name);
    ut_sbuf_fini(&text);
    ut_arena_free(arena);
}

/* However long, a text stays within lines and their number. */
static void
test_bounds(void)
{
    struct ut_arena *arena = ut_arena_new(0);
    char *text = malloc(100000);
    struct hsl_text line = {text, 100000};
    struct hsl_verdict v = {.action = HSL_REJECT, .lines = &line, .line_count = 1};
    struct mlt_reply r;
    bool fits = true;

    if (!tap_ok(text != NULL, "memory"))
        return;
    memset(text, 'x', 100000);
    tap_num(mlt_reply_of(&r, arena, HSL_FLOW_MAIL, &v, false), 0, "100,000 bytes");
    tap_num((long long)r.count, MLT_REPLY_LINES, "... become as many lines as there may be");
    for (size_t i = 0; i < r.count; i++)
        fits = fits && strlen(r.lines[i]) <= MLT_REPLY_TEXT;
    tap_ok(fits, "... none of which is too long");
    memset(text, '\n', 100000);
    tap_num(mlt_reply_of(&r, arena, HSL_FLOW_MAIL, &v, false), 0, "100,000 line ends");
    tap_ok(r.count <= MLT_REPLY_LINES, "... become no more lines than there may be");
    free(text);
    ut_arena_free(arena);
    arena = ut_arena_new(16);
    tap_num(mlt_reply_of(&r, arena, HSL_FLOW_MAIL, &v, false), -1, "no memory");
    ut_arena_free(arena);
}

int
main(void)
{
    struct mlt_reply a, b;
    const char *one, *two;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        test_row(&rows[i]);
    test_bounds();
    mlt_reply_default(&a, &one, HSL_FLOW_RCPT, HSL_DEFER, "Temporary failure");
    tap_num(a.code, 450, "default code");
    tap_str(a.lines[0], "Temporary failure", "given text");
    mlt_reply_set(&b, &two, 450, "4.7.1", "Temporary failure");
    tap_ok(mlt_reply_same(&a, &b), "made in two ways, the same");
    mlt_reply_set(&b, &two, 450, "4.7.1", "other");
    tap_ok(!mlt_reply_same(&a, &b), "another text, not the same");
    return tap_done();
}
