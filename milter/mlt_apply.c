/* mlt_apply.c - carries out a plan.
 * Not here: making it (mlt_verdict.c), keeping messages (quarantine/), SMTP (mlt_inject.c), the
 * edits (mlt_burst.c).
 * Threads: that of the connection. Fails: into a temporary answer, always.
 *
 * Invariants.
 * (1) Nothing that can fail slowly (disk, network, scripts) stands between the first edit that is
 *     sent to the mail server and the answer. So: hold, copy, report, then edit.
 * (2) The mail server applies edits only if the answer accepts the message; a failed edit is
 *     answered TEMPFAIL, so half-edited mail is never accepted.
 * (3) What is held can be withdrawn, what is copied or reported cannot. So copies come after
 *     holding has worked, and the journal knows them when the message comes again.
 * (4) Each effect is in the journal before it could be repeated: see mlt_journal.c. A message
 *     without effects never touches the journal. */
#include "config.h"

#include "milter/mlt_apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ut_log.h"
#include "lib/ut_utf8.h"
#include "milter/mlt_burst.h"
#include "milter/mlt_inject.h"
#include "milter/mlt_log.h"
#include "milter/mlt_msg.h"
#include "milter/mlt_report.h"
#include "milter/mlt_server.h"

#define APPLY_BLOCK 65536 /* bytes copied from the spool at once */
#define APPLY_REASON 2000 /* most bytes of a reason that are kept with a held message */
#define APPLY_METADATA ((size_t)60000) /* of metadata; three times as much when written */

enum apply_result {
    APPLY_OK,
    APPLY_FULL, /* the quarantine cannot keep it now */
    APPLY_ERROR
};

/* One plan being carried out. */
struct apply {
    struct mlt_conn *c;
    struct mlt_plan *plan;
    struct mlt_claim *claim; /* NULL: there are no effects */
    struct qtn_put **puts;   /* one for each keep; NULL where it is held already */
    struct qtn_store **stores;
    struct ut_diag d; /* of what failed */
};

/* --- Holding ---------------------------------------------------------------------------------- */

/* Under which name the journal knows this keep; in the message's arena. */
static char *
keep_key(struct apply *a, const struct mlt_keep *k)
{
    struct ut_sbuf key;
    char *text;

    ut_sbuf_init(&key, 8192);
    ut_sbuf_addf(&key, "%s %s %s", k->rcpt->address.raw, k->action->quarantine,
        k->action->recipient ? k->action->recipient : "");
    text = key.failed ? NULL : ut_arena_dup(a->c->msg.arena, key.data, key.len);
    ut_sbuf_fini(&key);
    if (!text)
        ut_diag_set(&a->d, "out of memory");
    return text;
}

/* True if an earlier try of this message has been held already for [key]. */
static bool
is_held(struct apply *a, const char *key, const char **id)
{
    struct ut_diag d;

    *id = mlt_claim_find(a->claim, MLT_EFFECT_HELD, key);
    if (*id)
        return true;
    *id = mlt_claim_find(a->claim, MLT_EFFECT_HOLDING, key);
    return *id && mlt_hold_exists(a->c->flows->holds, *id, &d) == QTN_OK;
}

static enum apply_result
failed_store(struct apply *a, const struct mlt_keep *k, enum qtn_result result)
{
    if (result != QTN_FULL)
        return APPLY_ERROR;
    mlt_hold_failed(a->c->flows->holds, k->action->quarantine);
    return APPLY_FULL;
}

/* Puts in [e] as much metadata of [act] as fits in the envelope of a held message. */
static void
fill_metadata(const struct mlt_conn *c, const struct mlt_action *act, struct qtn_envelope *e)
{
    struct ut_log_rec *rec;
    size_t bytes = 0, n = 0;

    for (; n < act->meta_count && n < QTN_METADATA_MAX; n++) {
        bytes += strlen(act->meta[n].name) + strlen(act->meta[n].value) + 32;
        if (bytes > APPLY_METADATA)
            break;
    }
    e->metadata = act->meta;
    e->metadata_count = n;
    if (n == act->meta_count)
        return;
    rec = mlt_log_begin(UT_LOG_WARNING, c);
    ut_log_text(rec, "only %zu of %zu pairs of metadata fit in the quarantine", n, act->meta_count);
    ut_log_end(rec);
}

/* Fills [e]. Reason and metadata are cut, however much a script wrote there: what counts is that
 * the message is held. */
static int
fill_envelope(
    struct mlt_conn *c, const struct mlt_keep *k, const char *place, struct qtn_envelope *e)
{
    const struct mlt_action *act = k->action;
    size_t len = act->reason ? strlen(act->reason) : 0;

    memset(e, 0, sizeof(*e));
    e->quarantine = act->quarantine;
    e->sender = c->msg.sender.bare;
    e->recipient = act->recipient ? act->recipient : k->rcpt->address.bare;
    e->client = c->client_ip;
    e->helo = c->helo;
    e->queue = c->msg.queue;
    e->message = c->msg.id;
    e->session = c->id;
    e->transport = act->transport ? act->transport : k->rcpt->transport;
    e->reason = act->reason;
    if (len > APPLY_REASON)
        e->reason =
            ut_arena_dup(c->msg.arena, act->reason, ut_utf8_cut(act->reason, len, APPLY_REASON));
    e->flow = place;
    fill_metadata(c, act, e);
    return len == 0 || e->reason ? 0 : -1;
}

/* Copies the message as received into [put]. */
static enum qtn_result
write_message(struct apply *a, struct qtn_put *put)
{
    const struct mlt_spool *s = &a->c->msg.spool;
    enum qtn_result result = QTN_OK;
    char *block = malloc(APPLY_BLOCK);
    long long at = 0;

    if (!block) {
        ut_diag_set(&a->d, "out of memory");
        return QTN_ERROR;
    }
    while (result == QTN_OK && at < s->size) {
        ssize_t n = mlt_spool_read(s, at, block, APPLY_BLOCK);

        if (n <= 0) {
            ut_diag_errno(&a->d, "cannot read the message from its temporary file");
            result = QTN_ERROR;
        } else {
            result = qtn_put_write(put, block, (size_t)n, &a->d);
            at += n;
        }
    }
    free(block);
    return result;
}

/* Makes keep [i] durable, though not visible yet, or finds it held already. */
static enum apply_result
prepare(struct apply *a, size_t i)
{
    const struct mlt_keep *k = &a->plan->keeps[i];
    const struct hsl_place *at = &k->action->place;
    struct qtn_envelope e;
    enum qtn_result result;
    char place[512] = "";
    const char *id;
    char *key = keep_key(a, k);

    if (!key)
        return APPLY_ERROR;
    if (is_held(a, key, &id)) {
        k->rcpt->held = id;
        return APPLY_OK;
    }
    if (at->file)
        snprintf(place, sizeof(place), "%.480s:%u", at->file, at->line);
    if (fill_envelope(a->c, k, place, &e) != 0) {
        ut_diag_set(&a->d, "out of memory");
        return APPLY_ERROR;
    }
    result = mlt_hold_store(a->c->flows->holds, k->action->quarantine, &a->stores[i], &a->d);
    if (result == QTN_OK)
        result = qtn_put_new(&a->puts[i], a->stores[i], &e, &a->d);
    if (result == QTN_OK)
        result = write_message(a, a->puts[i]);
    if (result == QTN_OK)
        result = qtn_put_prepare(a->puts[i], &a->d);
    if (result != QTN_OK)
        return failed_store(a, k, result);
    k->rcpt->held = qtn_put_id(a->puts[i]);
    return mlt_claim_add(
               a->claim, MLT_EFFECT_HOLDING, k->rcpt->address.raw, key, k->rcpt->held, &a->d) == 0
               ? APPLY_OK
               : APPLY_FULL;
}

/* Commits all puts that go to the same store as put [first]; those before were of other stores. */
static enum apply_result
commit(struct apply *a, struct qtn_put **batch, size_t first)
{
    enum qtn_result result;
    size_t n = 0;

    for (size_t i = first; i < a->plan->keep_count; i++) {
        if (a->puts[i] && a->stores[i] == a->stores[first]) {
            batch[n++] = a->puts[i];
            if (i > first)
                a->stores[i] = NULL;
        }
    }
    result = qtn_put_commit(batch, n, &a->d);
    return result == QTN_OK ? APPLY_OK : failed_store(a, &a->plan->keeps[first], result);
}

static enum apply_result
commit_all(struct apply *a)
{
    size_t n = a->plan->keep_count;
    struct qtn_put **batch = ut_arena_calloc(a->c->msg.arena, n + 1, sizeof(struct qtn_put *));
    enum apply_result result = APPLY_OK;

    if (!batch) {
        ut_diag_set(&a->d, "out of memory");
        return APPLY_ERROR;
    }
    for (size_t i = 0; result == APPLY_OK && i < n; i++) {
        if (a->puts[i] && a->stores[i])
            result = commit(a, batch, i);
    }
    return result;
}

/* Writes down what is held now. Without it the files themselves would be asked, so a failure only
 * matters if they are released before the message comes again. */
static void
record_held(struct apply *a)
{
    for (size_t i = 0; i < a->plan->keep_count; i++) {
        const struct mlt_keep *k = &a->plan->keeps[i];
        char *key = a->puts[i] ? keep_key(a, k) : NULL;

        if (key && mlt_claim_note(a->claim, MLT_EFFECT_HELD, k->rcpt->address.raw, key,
                       qtn_put_id(a->puts[i]), &a->d) != 0)
            mlt_log_trouble(UT_LOG_WARNING, a->c, "the journal could not be written", &a->d);
    }
}

static enum apply_result
hold_all(struct apply *a)
{
    enum apply_result result = APPLY_OK;

    if (a->plan->keep_count == 0)
        return APPLY_OK;
    for (size_t i = 0; result == APPLY_OK && i < a->plan->keep_count; i++)
        result = prepare(a, i);
    if (result == APPLY_OK)
        result = commit_all(a);
    if (result == APPLY_OK)
        record_held(a);
    return result;
}

static void
withdraw(struct apply *a, const char *owner, const char *key, const char *id)
{
    struct ut_diag d;
    enum qtn_result result = mlt_hold_withdraw(a->c->flows->holds, id, &d);

    if (result != QTN_OK && result != QTN_GONE)
        mlt_log_trouble(
            UT_LOG_ERR, a->c, "a message that was deferred stays in the quarantine", &d);
    else if (mlt_claim_note(a->claim, MLT_EFFECT_WITHDRAWN, owner, key, id, &d) != 0)
        mlt_log_trouble(UT_LOG_WARNING, a->c, "the journal could not be written", &d);
}

/* Withdraws what this try has held or was about to. What an earlier try left stays: that one may
 * have been answered before we were killed. */
static void
withdraw_new(struct apply *a)
{
    for (size_t i = 0; a->puts && i < a->plan->keep_count; i++) {
        const struct mlt_keep *k = &a->plan->keeps[i];
        char *key = a->puts[i] ? keep_key(a, k) : NULL;

        if (key && mlt_claim_find(a->claim, MLT_EFFECT_HOLDING, key))
            withdraw(a, k->rcpt->address.raw, key, qtn_put_id(a->puts[i]));
    }
}

/* What [withdraw_stale] is looking at. */
struct stale {
    struct apply *a;
    char **keys; /* of the plan's keeps */
};

static void
withdraw_if_stale(void *arg, const char *owner, const char *key, const char *id)
{
    struct stale *s = arg;

    for (size_t i = 0; i < s->a->plan->keep_count; i++) {
        if (s->keys[i] && strcmp(s->keys[i], key) == 0)
            return;
    }
    withdraw(s->a, owner, key, id);
}

/* Withdraws what an earlier try of this message held and the scripts do not want held any more. */
static void
withdraw_stale(struct apply *a)
{
    struct stale s = {a, ut_arena_calloc(a->c->msg.arena, a->plan->keep_count + 1, sizeof(char *))};

    for (size_t i = 0; s.keys && i < a->plan->keep_count; i++)
        s.keys[i] = keep_key(a, &a->plan->keeps[i]);
    if (s.keys)
        mlt_claim_each_held(a->claim, withdraw_if_stale, &s);
}

/* --- Copies and reports ----------------------------------------------------------------------- */

/* By address, then by group. */
static int
compare_targets(const void *a, const void *b)
{
    const struct mlt_target *x = *(struct mlt_target *const *)a;
    const struct mlt_target *y = *(struct mlt_target *const *)b;
    int order = strcmp(x->address, y->address);

    return order != 0 ? order : (x->group > y->group) - (x->group < y->group);
}

/* Gives each target the name by which the journal knows its copy: the address, and which of the
 * different copies for this address it is. Not the edits: they may have the time in them. */
static int
name_copies(struct apply *a)
{
    struct ut_arena *arena = a->c->msg.arena;
    struct mlt_target **all;
    size_t count = 0, n = 0;
    unsigned nth = 0;

    for (size_t i = 0; i < a->plan->group_count; i++)
        count += a->plan->groups[i].count;
    all = ut_arena_calloc(arena, count + 1, sizeof(struct mlt_target *));
    for (size_t i = 0; all && i < a->plan->group_count; i++) {
        for (size_t j = 0; j < a->plan->groups[i].count; j++) {
            all[n] = &a->plan->groups[i].targets[j];
            all[n++]->group = i;
        }
    }
    if (n > 1)
        qsort(all, n, sizeof(struct mlt_target *), compare_targets);
    for (size_t i = 0; i < n; i++) {
        struct mlt_target *t = all[i];
        size_t len = strlen(t->address) + 12;
        char *name = ut_arena_alloc(arena, len);

        if (!name)
            return ut_diag_set(&a->d, "out of memory");
        nth = i > 0 && strcmp(all[i - 1]->address, t->address) == 0 ? nth + 1 : 0;
        snprintf(name, len, "%s %u", t->address, nth);
        t->copied = name;
    }
    return all ? 0 : ut_diag_set(&a->d, "out of memory");
}

/* Takes out of the groups whom an earlier try of this message has reached by a copy. */
static void
drop_copied(struct apply *a)
{
    for (size_t i = 0; i < a->plan->group_count; i++) {
        struct mlt_group *g = &a->plan->groups[i];
        size_t kept = 0;

        for (size_t j = 0; j < g->count; j++) {
            if (!mlt_claim_find(a->claim, MLT_EFFECT_COPIED, g->targets[j].copied))
                g->targets[kept++] = g->targets[j];
        }
        g->count = kept;
    }
    mlt_verdict_choose(a->plan);
}

static enum apply_result
copy_group(struct apply *a, const struct mlt_group *g)
{
    for (size_t first = 0; first < g->count; first += MLT_INJECT_RCPTS) {
        size_t end = g->count - first > MLT_INJECT_RCPTS ? first + MLT_INJECT_RCPTS : g->count;

        if (mlt_inject_copy(a->c, a->claim, g, first, end, &a->d) != 0)
            return APPLY_ERROR;
    }
    return APPLY_OK;
}

static enum apply_result
copy_all(struct apply *a)
{
    enum apply_result result = APPLY_OK;

    for (size_t i = 0; result == APPLY_OK && i < a->plan->group_count; i++) {
        if (&a->plan->groups[i] != a->plan->stays)
            result = copy_group(a, &a->plan->groups[i]);
    }
    return result;
}

/* Says why the sender is not told about [r]. */
static void
log_unreported(const struct mlt_conn *c, struct mlt_rcpt *r, const char *why)
{
    struct ut_log_rec *rec = mlt_log_begin(UT_LOG_NOTICE, c);

    r->outcome = "dropped";
    ut_log_text(rec, "%s: no report about <%s> is sent: %s", c->msg.queue, r->address.text, why);
    ut_log_str(rec, "recipient", r->address.text);
    ut_log_end(rec);
}

/* Leaves in [list] those whose rejection the sender is to be told now; their number. */
static size_t
reportable(struct apply *a, struct mlt_rcpt **list)
{
    size_t n = 0;

    for (size_t i = 0; i < a->plan->report_count; i++) {
        struct mlt_rcpt *r = a->plan->reports[i];

        if (a->c->msg.sender.bare[0] == '\0')
            log_unreported(a->c, r, "the sender is null");
        else if (mlt_report_unwanted(r))
            log_unreported(a->c, r, "the sender does not want one (NOTIFY)");
        else if (!mlt_claim_find(a->claim, MLT_EFFECT_REPORTED, r->address.raw))
            list[n++] = r;
    }
    return n;
}

static enum apply_result
report_all(struct apply *a)
{
    struct mlt_rcpt **list =
        ut_arena_calloc(a->c->msg.arena, a->plan->report_count + 1, sizeof(struct mlt_rcpt *));
    size_t n;

    if (!list) {
        ut_diag_set(&a->d, "out of memory");
        return APPLY_ERROR;
    }
    n = reportable(a, list);
    if (n > 0 && mlt_inject_report(a->c, a->claim, list, n, &a->d) != 0)
        return APPLY_ERROR;
    return APPLY_OK;
}

/* --- The whole -------------------------------------------------------------------------------- */

static bool
has_effects(const struct mlt_plan *plan)
{
    return plan->keep_count > 0 || plan->report_count > 0 ||
           plan->group_count > (plan->stays ? 1U : 0U);
}

static bool
is_recipient(void *arg, const char *owner)
{
    return mlt_msg_find(arg, owner) != NULL;
}

/* Takes the message in the journal and brings the plan in line with what was done before. */
static enum apply_result
claim(struct apply *a)
{
    char digest[MLT_DIGEST_LEN + 1];
    struct mlt_msg *m = &a->c->msg;

    if (mlt_msg_spool(m, &a->d) != 0)
        return APPLY_FULL;
    if (mlt_msg_digest(m, digest, &a->d) != 0)
        return APPLY_ERROR;
    a->claim = mlt_journal_claim(mlt_server_journal(a->c->server), digest, is_recipient, m);
    a->puts = ut_arena_calloc(m->arena, a->plan->keep_count + 1, sizeof(struct qtn_put *));
    a->stores = ut_arena_calloc(m->arena, a->plan->keep_count + 1, sizeof(struct qtn_store *));
    if (!a->claim || !a->puts || !a->stores) {
        ut_diag_set(&a->d, "out of memory");
        return APPLY_ERROR;
    }
    if (name_copies(a) != 0)
        return APPLY_ERROR;
    drop_copied(a);
    withdraw_stale(a);
    return APPLY_OK;
}

/* A message that has no effects now may have had some when it came before we were killed. */
static bool
was_here(const struct mlt_conn *c)
{
    return c->flows->steps.body && mlt_journal_pending(mlt_server_journal(c->server)) > 0;
}

static enum apply_result
carry_out(struct apply *a)
{
    enum apply_result result = APPLY_OK;

    if (has_effects(a->plan) || was_here(a->c)) {
        result = claim(a);
        if (result == APPLY_OK)
            result = hold_all(a);
        if (result == APPLY_OK)
            result = copy_all(a);
        if (result == APPLY_OK)
            result = report_all(a);
    }
    mlt_tick_remove(mlt_server_tick(a->c->server), &a->c->work);
    if (result != APPLY_OK || a->plan->answer != MLT_CONTINUE || !a->plan->stays)
        return result;
    if (mlt_burst_send(a->c, a->plan->stays) == 0)
        return APPLY_OK;
    ut_diag_set(&a->d, "the mail server did not take an edit");
    return APPLY_ERROR;
}

/* Undoes what can be undone and defers the message. */
static enum mlt_answer
fail(struct apply *a, enum apply_result result)
{
    bool full = result == APPLY_FULL;

    mlt_log_trouble(UT_LOG_ERR, a->c,
        full ? "the message cannot be kept now" : "the message is deferred", &a->d);
    withdraw_new(a);
    for (size_t i = 0; i < a->c->msg.rcpt_count; i++)
        a->c->msg.rcpts[i].held = NULL;
    mlt_claim_keep(a->claim);
    a->claim = NULL;
    if (full)
        return mlt_apply_refuse(
            a->c, 452, "4.3.1", "The message cannot be kept now, try again later");
    return mlt_apply_refuse(a->c, 451, "4.3.0", "Temporary failure, try again later");
}

/* Logs one line for each recipient. [answer] NULL: the message was accepted. One that no script has
 * decided on yet was refused by ourselves. */
static void
summarize(const struct mlt_conn *c, const struct mlt_reply *answer)
{
    for (size_t i = 0; i < c->msg.rcpt_count; i++) {
        const struct mlt_rcpt *r = &c->msg.rcpts[i];
        struct mlt_action own = {.origin = MLT_BY_DEFAULT, .reason = ""};

        own.action = answer && answer->code >= 500 ? HSL_REJECT : HSL_DEFER;
        mlt_log_summary(c, r, r->refused || r->action_count > 0 ? mlt_verdict_final(r) : &own,
            r->refused ? HSL_FLOW_RCPT : HSL_FLOW_MAIL, r->outcome, answer);
    }
}

enum mlt_answer
mlt_apply_refuse(struct mlt_conn *c, unsigned code, const char *status, const char *text)
{
    struct mlt_reply reply;
    const char *line;

    mlt_reply_set(&reply, &line, code, status, text);
    for (size_t i = 0; i < c->msg.rcpt_count; i++)
        c->msg.rcpts[i].outcome = code < 500 ? "deferred" : "rejected";
    summarize(c, &reply);
    if (c->ops->setreply(c->ctx, &reply) != 0 || code < 500)
        return MLT_TEMPFAIL;
    return MLT_REJECT;
}

enum mlt_answer
mlt_apply_plan(struct mlt_conn *c, struct mlt_plan *plan)
{
    struct apply a = {.c = c, .plan = plan};
    bool refuses = plan->answer == MLT_REJECT || plan->answer == MLT_TEMPFAIL;
    enum apply_result result = plan->answer == MLT_TEMPFAIL ? APPLY_OK : carry_out(&a);
    enum mlt_answer answer;

    if (result == APPLY_OK && refuses && c->ops->setreply(c->ctx, &plan->reply) != 0) {
        ut_diag_set(&a.d, "the mail server did not take the reply");
        result = APPLY_ERROR;
    }
    if (result == APPLY_OK) {
        answer = plan->answer;
        summarize(c, refuses ? &plan->reply : NULL);
    } else {
        answer = fail(&a, result);
    }
    for (size_t i = 0; a.puts && i < plan->keep_count; i++)
        qtn_put_free(a.puts[i]);
    c->answered = a.claim;
    return answer;
}
