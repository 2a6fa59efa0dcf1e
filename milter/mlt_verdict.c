/* mlt_verdict.c - several recipients, several verdicts, one answer.
 * Not here: doing it (mlt_apply.c), texts of replies (mlt_reply.c).
 * Threads: that of the connection. Fails: without memory.
 *
 * The order is that of library §18. (1) Any Defer defers the message for all, and nothing else is
 * done. (2) If all recipients are rejected, the message is, with the first text. (3) Otherwise, by
 * mixed_verdicts: "reject" refuses the message for all; "split" gives each recipient its own.
 * A message that is rejected leaves no copies behind with "reject"; with "split" the copies that
 * a script made before it rejected (CopyMail(); Reject();) are delivered. Quarantine with reject
 * stores always, since that is what the script asked for; Quarantine without it stores only if the
 * message is accepted, since otherwise the sender would be told of a failure that there was not.
 *
 * Done() without any other action defers: nobody has taken care of that recipient. */
#include "config.h"

#include "milter/mlt_verdict.h"

#include <string.h>
#include <strings.h>

#include "milter/mlt_addr.h"

/* Done() stands for what was there before. */
const struct mlt_action *
mlt_verdict_final(const struct mlt_rcpt *r)
{
    size_t i = r->action_count - 1;

    if (r->refused)
        return r->refused;
    while (i > 0 && r->actions[i].action == HSL_DONE)
        i--;
    return &r->actions[i];
}

static bool
is_rejected(const struct mlt_action *a)
{
    return a->action == HSL_REJECT || (a->action == HSL_QUARANTINE && a->reject);
}

static bool
is_deferred(const struct mlt_action *a)
{
    return a->action == HSL_DEFER || a->action == HSL_DONE;
}

/* --- Groups ----------------------------------------------------------------------------------- */

static bool
same_transport(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static struct mlt_group *
find_group(struct mlt_plan *plan, struct ut_arena *arena, const struct mlt_action *a)
{
    struct mlt_group *g;

    for (size_t i = 0; i < plan->group_count; i++) {
        g = &plan->groups[i];
        if (same_transport(g->transport, a->transport) && mlt_edits_same(g->edits, a->edits))
            return g;
    }
    if (plan->group_count == plan->group_cap) {
        size_t cap = plan->group_cap ? plan->group_cap * 2 : 2;

        g = ut_arena_calloc(arena, cap, sizeof(*g));
        if (!g)
            return NULL;
        if (plan->group_count > 0)
            memcpy(g, plan->groups, plan->group_count * sizeof(*g));
        plan->groups = g;
        plan->group_cap = cap;
    }
    g = &plan->groups[plan->group_count++];
    g->transport = a->transport;
    g->edits = a->edits;
    return g;
}

/* True if [g] goes to that address already. Recipients as received differ from each other. */
static bool
has_target(const struct mlt_group *g, const struct mlt_target *t)
{
    for (size_t i = g->count; i-- > 0;) {
        const struct mlt_target *other = &g->targets[i];

        if (t->own && other->own) {
            if (other->rcpt == t->rcpt)
                return true;
        } else if (strcasecmp(other->address, t->address) == 0) {
            return true;
        }
    }
    return false;
}

static int
add_target(
    struct mlt_plan *plan, struct ut_arena *arena, struct mlt_rcpt *r, const struct mlt_action *a)
{
    struct mlt_group *g = find_group(plan, arena, a);
    struct mlt_target t = {.address = r->address.bare, .rcpt = r, .own = true};

    if (!g)
        return -1;
    if (a->recipient && !mlt_addr_is(&r->address, a->recipient)) {
        t.address = a->recipient;
        t.own = false;
        t.moved = a->action == HSL_DELIVER;
    }
    if (has_target(g, &t))
        return 0;
    if (g->count == g->cap) {
        size_t cap = g->cap ? g->cap * 2 : 2;
        struct mlt_target *targets = ut_arena_calloc(arena, cap, sizeof(*targets));

        if (!targets)
            return -1;
        if (g->count > 0)
            memcpy(targets, g->targets, g->count * sizeof(*targets));
        g->targets = targets;
        g->cap = cap;
    }
    g->targets[g->count++] = t;
    return 0;
}

static int
add_groups(struct mlt_plan *plan, struct mlt_msg *m)
{
    for (size_t i = 0; i < m->rcpt_count; i++) {
        struct mlt_rcpt *r = &m->rcpts[i];

        for (size_t j = 0; !r->refused && j < r->action_count; j++) {
            const struct mlt_action *a = &r->actions[j];

            if ((a->action == HSL_DELIVER || a->action == HSL_COPY) &&
                add_target(plan, m->arena, r, a) != 0)
                return -1;
        }
    }
    return 0;
}

/* How much speaks for [g] to stay: its size, and of equals, recipients as received. */
static size_t
weight(const struct mlt_group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        if (g->targets[i].own)
            return 2 * g->count + 1;
    }
    return 2 * g->count;
}

/* The largest group stays; of equals the first. A message that is refused has none. */
void
mlt_verdict_choose(struct mlt_plan *plan)
{
    if (plan->answer != MLT_CONTINUE && plan->answer != MLT_DISCARD)
        return;
    plan->stays = NULL;
    for (size_t i = 0; i < plan->group_count; i++) {
        struct mlt_group *g = &plan->groups[i];

        if (g->count > 0 && (!plan->stays || weight(g) > weight(plan->stays)))
            plan->stays = g;
    }
    plan->answer = plan->stays ? MLT_CONTINUE : MLT_DISCARD;
}

/* --- The rest of the plan --------------------------------------------------------------------- */

/* True if the same message is to be held there for that address already. */
static bool
has_keep(const struct mlt_plan *plan, const struct mlt_rcpt *r, const struct mlt_action *a)
{
    for (size_t i = plan->keep_count; i-- > 0 && plan->keeps[i].rcpt == r;) {
        const struct mlt_action *other = plan->keeps[i].action;
        const char *to = other->recipient ? other->recipient : r->address.bare;

        if (strcmp(other->quarantine, a->quarantine) == 0 &&
            strcmp(to, a->recipient ? a->recipient : r->address.bare) == 0)
            return true;
    }
    return false;
}

/* Lists what is to be held; [rejecting]: the message is refused, only what is held all the same. */
static int
add_keeps(struct mlt_plan *plan, struct mlt_msg *m, bool rejecting)
{
    size_t most = 0;

    for (size_t i = 0; i < m->rcpt_count; i++)
        most += m->rcpts[i].action_count;
    plan->keeps = ut_arena_calloc(m->arena, most + 1, sizeof(*plan->keeps));
    if (!plan->keeps)
        return -1;
    for (size_t i = 0; i < m->rcpt_count; i++) {
        struct mlt_rcpt *r = &m->rcpts[i];

        for (size_t j = 0; !r->refused && j < r->action_count; j++) {
            const struct mlt_action *a = &r->actions[j];

            if (a->action == HSL_QUARANTINE && (a->reject || !rejecting) && !has_keep(plan, r, a))
                plan->keeps[plan->keep_count++] = (struct mlt_keep){r, a};
        }
    }
    return 0;
}

static const char *
outcome_of(const struct mlt_action *a)
{
    if (a->action == HSL_DELIVER)
        return "delivered";
    if (a->action == HSL_QUARANTINE)
        return "held";
    return a->action == HSL_REJECT ? "reported" : "deleted";
}

static void
set_outcomes(struct mlt_msg *m, const char *outcome)
{
    for (size_t i = 0; i < m->rcpt_count; i++)
        m->rcpts[i].outcome = outcome ? outcome : outcome_of(mlt_verdict_final(&m->rcpts[i]));
}

/* Each recipient gets its own: (3) with "split". */
static int
plan_split(struct mlt_plan *plan, struct mlt_msg *m)
{
    plan->reports = ut_arena_calloc(m->arena, m->rcpt_count + 1, sizeof(*plan->reports));
    if (!plan->reports || add_groups(plan, m) != 0 || add_keeps(plan, m, false) != 0)
        return -1;
    for (size_t i = 0; i < m->rcpt_count; i++) {
        if (is_rejected(mlt_verdict_final(&m->rcpts[i])))
            plan->reports[plan->report_count++] = &m->rcpts[i];
    }
    mlt_verdict_choose(plan);
    set_outcomes(m, NULL);
    return 0;
}

/* The message is refused with the reply of [first]. */
static int
plan_reject(
    struct mlt_plan *plan, struct mlt_msg *m, const struct mlt_action *first, bool with_copies)
{
    plan->answer = MLT_REJECT;
    plan->reply = first->reply;
    set_outcomes(m, "rejected");
    if ((with_copies && add_groups(plan, m) != 0) || add_keeps(plan, m, true) != 0)
        return -1;
    for (size_t i = 0; i < plan->keep_count; i++)
        plan->keeps[i].rcpt->outcome = "held and rejected";
    return 0;
}

/* The message is deferred with the reply of [first]; Done() has none of its own. */
static int
plan_defer(struct mlt_plan *plan, struct mlt_msg *m, const struct mlt_action *first)
{
    const char **line = ut_arena_calloc(m->arena, 1, sizeof(*line));

    if (!line)
        return -1;
    plan->answer = MLT_TEMPFAIL;
    if (first->action == HSL_DONE)
        mlt_reply_default(&plan->reply, line, HSL_FLOW_MAIL, HSL_DEFER, NULL);
    else
        plan->reply = first->reply;
    set_outcomes(m, "deferred");
    return 0;
}

int
mlt_verdict_plan(struct mlt_plan *plan, struct mlt_msg *m, bool split)
{
    const struct mlt_action *deferred = NULL, *rejected = NULL;
    size_t rejects = 0;

    memset(plan, 0, sizeof(*plan));
    for (size_t i = 0; i < m->rcpt_count; i++) {
        const struct mlt_action *a = mlt_verdict_final(&m->rcpts[i]);

        if (is_deferred(a) && !deferred)
            deferred = a;
        if (is_rejected(a)) {
            rejected = rejected ? rejected : a;
            rejects++;
        }
    }
    if (deferred)
        return plan_defer(plan, m, deferred);
    if (rejected && (!split || rejects == m->rcpt_count))
        return plan_reject(plan, m, rejected, split);
    return plan_split(plan, m);
}
