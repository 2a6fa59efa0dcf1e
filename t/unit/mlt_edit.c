/* mlt_edit.c - header edits: what a run sees, and the list of changes it leaves. */
#include "config.h"

#include <stdlib.h>

#include "milter/mlt_edit.h"
#include "t/unit/tap.h"

static struct mlt_header headers[] = {
    {"Received", " from a\n\tby b", 13, 1},
    {"Subject", " old", 4, 1},
    {"X-A", " 1", 2, 1},
    {"x-a", "2", 1, 2},
    {"X-A", "\t3", 2, 3},
    {"To", " u@example.com", 14, 1},
};
#define COUNT (sizeof(headers) / sizeof(headers[0]))

/* One call of the host: SET Name=value and so on; a table row ends at op 0. */
struct call {
    char op; /* A S P E D, X: discard */
    const char *name, *value;
    long want;
};

struct row {
    const char *name;
    struct call calls[6];
    const char *want; /* list of changes: "= name nth [value]", "- name nth", "+ name [value]" */
};

static const struct row rows[] = {
    {"nothing", {{0}}, ""},
    {"add", {{'A', "X-B", "v", 1}}, "+ X-B [v]\n"},
    {"two adds keep their order", {{'A', "X-B", "1", 1}, {'A', "X-C", "2", 1}},
        "+ X-B [1]\n+ X-C [2]\n"},
    {"set one", {{'S', "subject", "new", 1}}, "= Subject 1 [new]\n"},
    {"set many", {{'S', "X-a", "9", 3}}, "- X-A 3\n- x-a 2\n= X-A 1 [9]\n"},
    {"set missing", {{'S', "X-N", "9", 1}}, "+ X-N [9]\n"},
    {"set twice", {{'S', "X-N", "1", 1}, {'S', "x-n", "2", 1}}, "+ X-N [2]\n"},
    {"delete", {{'D', "X-A", "", 3}}, "- X-A 3\n- x-a 2\n- X-A 1\n"},
    {"delete missing", {{'D', "X-N", "", 0}}, ""},
    {"delete what was added", {{'A', "X-N", "1", 1}, {'D', "X-N", "", 1}}, ""},
    {"prepend", {{'P', "Subject", "[SPAM] ", 1}}, "= Subject 1 [[SPAM] old]\n"},
    {"prepend to the topmost", {{'P', "X-A", "0", 1}}, "= X-A 1 [01]\n"},
    {"append", {{'E', "Subject", " end", 1}}, "= Subject 1 [old end]\n"},
    {"append missing", {{'E', "X-N", "end", 1}}, "+ X-N [end]\n"},
    {"back to what it was", {{'S', "Subject", "x", 1}, {'S', "Subject", "old", 1}}, ""},
    {"add above, then edit that", {{'A', "Subject", "top", 1}, {'P', "Subject", "a ", 1}},
        "+ Subject [a top]\n"},
    {"set removes all below the added", {{'A', "X-A", "0", 1}, {'S', "X-A", "9", 4}},
        "- X-A 3\n- x-a 2\n- X-A 1\n+ X-A [9]\n"},
    {"folded value", {{'S', "Subject", "a\r\n b", 1}}, "= Subject 1 [a\n b]\n"},
    {"discard", {{'A', "X-B", "1", 1}, {'S', "Subject", "x", 1}, {'X', "", "", 2}}, ""},
    {"mixed", {{'D', "Received", "", 1}, {'S', "To", "v@b.c", 1}, {'A', "X-B", "1", 1}},
        "= To 1 [v@b.c]\n- Received 1\n+ X-B [1]\n"},
};

static long
apply(struct mlt_view *v, const struct call *c)
{
    static const char letters[] = "ASPED";
    struct ut_diag d;

    if (c->op == 'X')
        return mlt_view_discard(v);
    return mlt_view_edit(v, (enum hsl_header_op)(strchr(letters, c->op) - letters), c->name,
        c->value, strlen(c->value), &d);
}

static void
list_to_text(const struct mlt_edits *list, struct ut_sbuf *out)
{
    for (size_t i = 0; list && i < list->count; i++) {
        const struct mlt_edit *e = &list->items[i];

        if (e->op == MLT_EDIT_INSERT)
            ut_sbuf_addf(out, "+ %s [%s]\n", e->name, e->value);
        else if (e->op == MLT_EDIT_DELETE)
            ut_sbuf_addf(out, "- %s %u\n", e->name, e->nth);
        else
            ut_sbuf_addf(out, "= %s %u [%s]\n", e->name, e->nth, e->value);
    }
}

static void
test_row(const struct row *row)
{
    struct ut_arena *arena = ut_arena_new(0);
    const struct mlt_edits *list, *again;
    struct mlt_view v;
    struct ut_sbuf text;

    ut_sbuf_init(&text, 4096);
    mlt_view_init(&v, arena, headers, COUNT);
    for (const struct call *c = row->calls; c->op; c++)
        tap_num(apply(&v, c), c->want, row->name);
    tap_ok(
        mlt_view_edits(&v, &list) == 0 && mlt_view_edits(&v, &again) == 0, "%s: a list", row->name);
    list_to_text(list, &text);
    tap_str(ut_sbuf_text(&text), row->want, row->name);
    tap_ok(mlt_edits_same(list, again), "%s: the same twice", row->name);
    tap_ok(
        mlt_edits_same(list, NULL) == (row->want[0] == '\0'), "%s: compared with none", row->name);
    ut_sbuf_fini(&text);
    ut_arena_free(arena);
}

static void
test_get(void)
{
    struct ut_arena *arena = ut_arena_new(0);
    struct mlt_view v;
    struct ut_sbuf out;
    struct ut_diag d;

    ut_sbuf_init(&out, 4096);
    mlt_view_init(&v, arena, headers, COUNT);
    tap_ok(mlt_view_get(&v, "x-A", 1, &out), "second of a name");
    tap_str(ut_sbuf_text(&out), "2", "... its value");
    tap_ok(mlt_view_get(&v, "received", 0, &out), "a folded one");
    tap_str(ut_sbuf_text(&out), "from a\r\n\tby b", "... folded by CR LF");
    tap_ok(!mlt_view_get(&v, "x-a", 3, &out), "beyond the last");
    tap_ok(!mlt_view_get(&v, "nope", 0, &out), "none of that name");
    tap_ok(mlt_view_get(&v, NULL, 5, &out), "sixth of all");
    tap_str(ut_sbuf_text(&out), "To: u@example.com", "... with its name");
    tap_num(mlt_view_edit(&v, HSL_HEADER_ADD, "X-A", "0", 1, &d), 1, "one more at the top");
    tap_ok(
        mlt_view_get(&v, "x-A", 0, &out) && mlt_view_get(&v, NULL, 0, &out), "... is the topmost");
    tap_str(ut_sbuf_text(&out), "X-A: 0", "... of all");
    tap_ok(mlt_view_get(&v, "x-a", 3, &out), "... and the others moved down");
    ut_sbuf_fini(&out);
    ut_arena_free(arena);
}

static void
test_write(void)
{
    struct ut_arena *arena = ut_arena_new(0);
    const struct mlt_edits *list;
    struct mlt_view v;
    struct ut_sbuf out;
    struct ut_diag d;
    bool ok;

    ut_sbuf_init(&out, 4096);
    mlt_view_init(&v, arena, headers, COUNT);
    ok = mlt_view_edit(&v, HSL_HEADER_DEL, "Received", "", 0, &d) == 1 &&
         mlt_view_edit(&v, HSL_HEADER_SET, "Subject", "a\r\n b", 6, &d) == 1 &&
         mlt_view_edit(&v, HSL_HEADER_ADD, "X-1", "one", 3, &d) == 1 &&
         mlt_view_edit(&v, HSL_HEADER_ADD, "X-2", "two", 3, &d) == 1 &&
         mlt_view_edits(&v, &list) == 0;
    tap_ok(ok, "edits are made");
    mlt_edits_write(headers, COUNT, NULL, NULL, &out);
    tap_str(ut_sbuf_text(&out),
        "Received: from a\r\n\tby b\r\nSubject: old\r\nX-A: 1\r\nx-a:2\r\n"
        "X-A:\t3\r\nTo: u@example.com\r\n",
        "the block as received, blanks too");
    ut_sbuf_reset(&out);
    mlt_edits_write(headers, COUNT, list, "x-A", &out);
    tap_str(ut_sbuf_text(&out), "X-2: two\r\nX-1: one\r\nSubject: a\r\n b\r\nTo: u@example.com\r\n",
        "the block with edits, without a name");
    ut_sbuf_fini(&out);
    ut_arena_free(arena);
}

/* Edits out of memory fail and leave the view as it was. */
static void
test_memory(void)
{
    struct ut_sbuf out;
    struct ut_diag d;
    bool sound = true;
    size_t max;

    ut_sbuf_init(&out, 4096);
    for (max = 8; max < 8192; max += 8) {
        struct ut_arena *arena = ut_arena_new(max);
        struct mlt_view v;
        long n;

        mlt_view_init(&v, arena, headers, COUNT);
        n = mlt_view_edit(&v, HSL_HEADER_SET, "X-A", "a longer value than before", 26, &d);
        sound = sound && mlt_view_get(&v, "X-A", 0, &out) &&
                strcmp(ut_sbuf_text(&out), n < 0 ? "1" : "a longer value than before") == 0;
        ut_arena_free(arena);
        if (n > 0)
            break;
    }
    tap_ok(sound && max > 8 && max < 8192, "out of memory at every step");
    ut_sbuf_fini(&out);
}

int
main(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        test_row(&rows[i]);
    test_get();
    test_write();
    test_memory();
    return tap_done();
}
