/* mlt_verdict.h - from what the runs of a message wanted to what is done: one answer for the mail
 * server, and what must happen before it (library §18). Pure: looks at the message and the
 * settings, does nothing. One thread at a time. */
#ifndef MLT_VERDICT_H
#define MLT_VERDICT_H

#include "lib/ut_bug.h"
#include "milter/mlt_data.h"

/* An address that shall get the message as one group has it. */
struct mlt_target {
    const char *address;   /* without <> */
    struct mlt_rcpt *rcpt; /* whose run said so */
    bool own;              /* the address as received: nothing changes for the mail server */
    bool moved;            /* the address stands for that of [rcpt]: not one more, as a copy's */
    size_t group;          /* index of its group; set with [copied] */
    const char *copied;    /* how the journal knows its copy; set by mlt_apply.c */
};

/* All that get the message with the same edits by the same transport. */
struct mlt_group {
    const char *transport;         /* NULL: each domain's own */
    const struct mlt_edits *edits; /* NULL: none */
    struct mlt_target *targets;
    size_t count, cap;
};

/* A message to be held for one recipient. */
struct mlt_keep {
    struct mlt_rcpt *rcpt;
    const struct mlt_action *action;
};

struct mlt_plan {
    enum mlt_answer answer; /* if all that comes before it works */
    struct mlt_reply reply; /* with REJECT and TEMPFAIL */
    struct mlt_group *groups;
    size_t group_count, group_cap;
    struct mlt_group *stays; /* the group that this message itself is for; NULL: none */
    struct mlt_keep *keeps;
    size_t keep_count;
    struct mlt_rcpt **reports; /* rejected ones of which the sender must be told by mail */
    size_t report_count;
};

/* Makes the plan for [m], whose recipients all have at least one action, in its arena; sets
 * mlt_rcpt.outcome of each. [split]: mixed_verdicts. -1 without memory. */
int
mlt_verdict_plan(struct mlt_plan *plan, struct mlt_msg *m, bool split) UT_CHECKED;
/* Chooses the group that stays, and with it between CONTINUE and DISCARD, again: after targets were
 * taken out of the groups. */
void
mlt_verdict_choose(struct mlt_plan *plan);
/* The action that says what becomes of [r]. */
const struct mlt_action *
mlt_verdict_final(const struct mlt_rcpt *r);

#endif
