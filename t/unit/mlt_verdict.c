/* mlt_verdict.c - what several verdicts amount to, row by row of library §18. */
#include "config.h"

#include <stdlib.h>

#include "milter/mlt_verdict.h"
#include "t/unit/tap.h"

/* One letter an action: D deliver, d deliver with edits 1, e with edits 2, t by transport 2, n to
 * new@x, R reject, F defer, X delete, Q quarantine, q quarantine with reject, C copy to archive@x,
 * . done. A recipient is a word; the last action of it decides. */
static const struct row {
    const char *actions;
    bool split;
    const char *want; /* answer code groups(* stays) keeps reports */
} rows[] = {
    {"D", true, "CONTINUE [1*]"},
    {"D D", true, "CONTINUE [2*]"},
    {"D X", true, "CONTINUE [1*]"},
    {"X", true, "DISCARD"},
    {"X X", true, "DISCARD"},
    {"R", true, "REJECT"},
    {"R R", true, "REJECT"},
    {"R", false, "REJECT"},
    {"D R", true, "CONTINUE [1*] reports 1"},
    {"D R", false, "REJECT"},
    {"F", true, "TEMPFAIL"},
    {"D F Q", true, "TEMPFAIL"},
    {"R F", false, "TEMPFAIL"},
    {"Q", true, "DISCARD keeps 1"},
    {"Q Q", true, "DISCARD keeps 2"},
    {"q", true, "REJECT keeps 1"},
    {"q D", true, "CONTINUE [1*] keeps 1 reports 1"},
    {"q D", false, "REJECT keeps 1"},
    {"Q R", false, "REJECT"},
    {"Q R", true, "DISCARD keeps 1 reports 1"},
    {"D d", true, "CONTINUE [1*] [1]"},
    {"D d d", true, "CONTINUE [1] [2*]"},
    {"D d e t", true, "CONTINUE [1*] [1] [1] [1]"},
    {"d d", true, "CONTINUE [2*]"},
    {"CD", true, "CONTINUE [2*]"},
    {"CD CD", true, "CONTINUE [3*]"},
    {"CX", true, "CONTINUE [1*]"},
    {"CR", true, "REJECT [1]"},
    {"CR", false, "REJECT"},
    {"C.", true, "CONTINUE [1*]"},
    {".", true, "TEMPFAIL"},
    {"D.", true, "CONTINUE [1*]"},
    {"DD", true, "CONTINUE [1*]"},
    {"Dd", true, "CONTINUE [1*] [1]"},
    {"QD", true, "CONTINUE [1*] keeps 1"},
    {"QQ", true, "DISCARD keeps 1"},
    {"n D", true, "CONTINUE [2*]"},
    {"n n", true, "CONTINUE [1*]"},
};

static struct mlt_edit edit_1[] = {{MLT_EDIT_INSERT, "X-A", "1", 0, 0}};
static struct mlt_edit edit_2[] = {{MLT_EDIT_INSERT, "X-A", "2", 0, 0}};
static struct mlt_edits edits_1 = {edit_1, 1, 1}, edits_2 = {edit_2, 1, 2};

static void
set_action(struct mlt_action *a, char letter)
{
    static const char *line = "no";
    static const char letters[] = "DdetnRFXQqC.";
    static const enum hsl_action actions[] = {HSL_DELIVER, HSL_DELIVER, HSL_DELIVER, HSL_DELIVER,
        HSL_DELIVER, HSL_REJECT, HSL_DEFER, HSL_DELETE, HSL_QUARANTINE, HSL_QUARANTINE, HSL_COPY,
        HSL_DONE};

    a->action = actions[strchr(letters, letter) - letters];
    a->edits = letter == 'd' ? &edits_1 : letter == 'e' ? &edits_2 : NULL;
    a->transport = letter == 't' ? "mailtransport:2" : NULL;
    a->recipient = letter == 'n' ? "new@x" : letter == 'C' ? "archive@x" : NULL;
    a->quarantine = a->action == HSL_QUARANTINE ? "mailquarantine:1" : NULL;
    a->reject = letter == 'q';
    a->reason = "";
    a->reply = (struct mlt_reply){550, "5.7.1", &line, 1};
}

/* Makes the recipients that [actions] describes. */
static void
make(struct mlt_msg *m, const char *actions, struct mlt_rcpt *rcpts, struct mlt_action (*list)[8])
{
    static const char *const addresses[] = {"a@x", "b@x", "c@x", "d@x"};

    m->rcpts = rcpts;
    for (; *actions; actions++) {
        struct mlt_rcpt *r = &rcpts[m->rcpt_count];

        if (*actions == ' ')
            continue;
        r->address.raw = r->address.bare = r->address.text = addresses[m->rcpt_count];
        r->actions = list[m->rcpt_count];
        set_action(&r->actions[r->action_count++], *actions);
        if (actions[1] == ' ' || actions[1] == '\0')
            m->rcpt_count++;
    }
}

static void
describe(const struct mlt_plan *p, struct ut_sbuf *out)
{
    static const char *const names[] = {"CONTINUE", "REJECT", "TEMPFAIL", "DISCARD"};

    ut_sbuf_addz(out, names[p->answer]);
    for (size_t i = 0; i < p->group_count; i++)
        ut_sbuf_addf(out, " [%zu%s]", p->groups[i].count, &p->groups[i] == p->stays ? "*" : "");
    if (p->keep_count > 0)
        ut_sbuf_addf(out, " keeps %zu", p->keep_count);
    if (p->report_count > 0)
        ut_sbuf_addf(out, " reports %zu", p->report_count);
}

static void
test_row(const struct row *row)
{
    struct mlt_action list[4][8];
    struct mlt_rcpt rcpts[4];
    struct mlt_msg m;
    struct mlt_plan plan;
    struct ut_sbuf text;
    bool outcomes = true;

    memset(list, 0, sizeof(list));
    memset(rcpts, 0, sizeof(rcpts));
    memset(&m, 0, sizeof(m));
    m.arena = ut_arena_new(0);
    make(&m, row->actions, rcpts, list);
    ut_sbuf_init(&text, 1000);
    tap_num(mlt_verdict_plan(&plan, &m, row->split), 0, row->actions);
    describe(&plan, &text);
    tap_str(ut_sbuf_text(&text), row->want, row->split ? "... split" : "... reject");
    for (size_t i = 0; i < m.rcpt_count; i++)
        outcomes = outcomes && rcpts[i].outcome;
    tap_ok(outcomes, "... each has an outcome");
    tap_ok((plan.reply.code != 0) == (plan.answer == MLT_REJECT || plan.answer == MLT_TEMPFAIL),
        "... a reply if one is needed");
    ut_sbuf_fini(&text);
    ut_arena_free(m.arena);
}

/* 1000 recipients with one and the same outcome are one group, with 1000 different ones as many. */
static void
test_many(void)
{
    static struct mlt_rcpt rcpts[1000];
    static struct mlt_action list[1000];
    static struct mlt_edits edits[1000];
    static char names[1000][16];
    struct mlt_msg m = {.rcpts = rcpts, .rcpt_count = 1000, .arena = ut_arena_new(0)};
    struct mlt_plan plan;

    for (size_t i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof(names[i]), "u%zu@x", i);
        rcpts[i].address.raw = rcpts[i].address.bare = rcpts[i].address.text = names[i];
        rcpts[i].actions = &list[i];
        rcpts[i].action_count = 1;
        set_action(&list[i], 'D');
    }
    tap_ok(mlt_verdict_plan(&plan, &m, true) == 0 && plan.group_count == 1 &&
               plan.groups[0].count == 1000,
        "1000 alike");
    for (size_t i = 0; i < 1000; i++) {
        edits[i] = edits_1;
        edits[i].hash = i;
        list[i].edits = &edits[i];
    }
    tap_ok(mlt_verdict_plan(&plan, &m, true) == 0 && plan.group_count == 1000 &&
               plan.stays == &plan.groups[0],
        "1000 different");
    ut_arena_free(m.arena);
}

int
main(void)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        test_row(&rows[i]);
    test_many();
    return tap_done();
}
