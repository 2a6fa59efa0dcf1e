/* mlt_run.c - one run of a script: budget, result, and what is done if it fails.
 * Not here: what the script can reach (mlt_host.c, mlt_vars.c), how the runs of several recipients
 * are brought together (mlt_verdict.c).
 * Threads: that of the connection. Fails: without memory only; a script that fails is logged and
 * answered as configured (library §15), and what it recorded is forgotten. */
#include "config.h"

#include "milter/mlt_run.h"

#include <math.h>
#include <string.h>

#include "hsl/hsl.h"
#include "lib/ut_log.h"
#include "lib/ut_time.h"
#include "milter/mlt_addr.h"
#include "milter/mlt_log.h"

#define RUN_TEMPORARY "Temporary failure, try again later"

/* [a], or [text] in its place if an earlier run has set that. */
static struct mlt_address
changed(const struct mlt_run *run, const struct mlt_address *a, const char *text)
{
    struct mlt_address other;

    return text && mlt_addr_parse(&other, run->arena, text, NULL) == 0 ? other : *a;
}

static void
run_init(struct mlt_run *run, struct mlt_conn *c, struct mlt_rcpt *rcpt, enum hsl_flow flow,
    struct ut_arena *arena)
{
    memset(run, 0, sizeof(*run));
    run->conn = c;
    run->rcpt = rcpt;
    run->flow = flow;
    run->arena = arena;
    if (!rcpt)
        return;
    run->changes = rcpt->changes;
    run->sender = changed(run, &c->msg.sender, c->msg.new_sender);
    run->recipient = changed(run, &rcpt->address, rcpt->changes.recipient);
    mlt_view_init(&run->view, arena, c->msg.headers, c->msg.header_count);
}

/* --- When there is no answer from the script -------------------------------------------------- */

static enum hsl_action
on_error(const struct mlt_run *run)
{
    const struct mlt_flows *f = run->conn->flows;

    if (run->flow == HSL_FLOW_ACCESS)
        return f->access_on_error;
    return run->flow == HSL_FLOW_RCPT ? f->rcpt_on_error : f->mail_on_error;
}

/* The answer of a script that ended without one (library §15, "implicit"). */
static enum hsl_action
on_end(const struct mlt_run *run)
{
    const struct mlt_flows *f = run->conn->flows;

    if (run->flow == HSL_FLOW_ACCESS)
        return HSL_ALLOW;
    if (run->flow == HSL_FLOW_MAIL)
        return HSL_DELIVER;
    if (f->rcpt_implicit >= 0)
        return (enum hsl_action)f->rcpt_implicit;
    return run->script->modern ? HSL_ACCEPT : HSL_REJECT;
}

/* An action that no script took, with the default reply if it refuses. */
static struct mlt_action *
own_action(struct mlt_run *run, enum hsl_action action, enum mlt_origin origin, const char *reason)
{
    bool refuses = action == HSL_BLOCK || action == HSL_REJECT || action == HSL_DEFER;
    struct mlt_action *a = mlt_host_action(run, action, origin);
    const char **line = ut_arena_calloc(run->arena, 1, sizeof(*line));
    char *copy = ut_arena_dup(run->arena, reason, strlen(reason));

    if (!a || !line || !copy)
        return NULL;
    a->reason = copy;
    if (refuses)
        mlt_reply_default(&a->reply, line, run->flow, action,
            origin == MLT_BY_ERROR && action == HSL_DEFER ? RUN_TEMPORARY : NULL);
    return a;
}

/* Forgets what the run recorded and takes the action for failures. */
static struct mlt_action *
fall_back(struct mlt_run *run, const struct ut_diag *error)
{
    const struct mlt_script *script = run->script;
    struct mlt_action *a;
    char *file;

    run_init(run, run->conn, run->rcpt, run->flow, run->arena);
    run->script = script;
    a = own_action(run, on_error(run), MLT_BY_ERROR, error->text);
    file = ut_arena_dup(run->arena, error->source, strlen(error->source));
    if (!a || !file)
        return NULL;
    a->place = (struct hsl_place){file, error->line, error->column};
    return a;
}

/* Logs why a script failed: "mail: mail.hsl:3:5: text; falling back to Deliver()". */
static void
log_failure(const struct mlt_run *run, const struct ut_diag *error, const char *trace)
{
    struct hsl_place place = {error->source, error->line, error->column};
    struct ut_log_rec *r = mlt_host_log(run, UT_LOG_ERR, &place);
    struct ut_sbuf text;

    ut_sbuf_init(&text, 2048);
    ut_diag_to_text(error, &text);
    ut_log_text(r, "%s: %s; falling back to %s()", hsl_flow_name(run->flow), ut_sbuf_text(&text),
        hsl_action_name(on_error(run)));
    ut_log_str(r, "trace", trace);
    ut_log_end(r);
    ut_sbuf_fini(&text);
}

/* --- Running ---------------------------------------------------------------------------------- */

/* The budget of this run; false if the message's time is spent. */
static bool
run_limits(const struct mlt_run *run, struct hsl_limits *limits)
{
    double left;

    *limits = *mlt_limits_of(&run->conn->flows->limits, run->flow);
    if (run->flow != HSL_FLOW_MAIL)
        return true;
    left = run->conn->msg.deadline - ut_time_mono();
    if (left < limits->max_time)
        limits->max_time = ceil(left * 1000) / 1000; /* it is shown in messages */
    return left > 0;
}

/* Runs the script and gives its last action, or that which stands for it. */
static struct mlt_action *
execute(struct mlt_run *run, const struct hsl_limits *limits)
{
    struct hsl_machine *machine = mlt_env_take(run->conn->flows->env);
    struct hsl_result res;
    struct mlt_action *a;

    if (!machine)
        return NULL;
    hsl_run(machine, run->script->prog, &mlt_host, run, limits, &res);
    mlt_env_give(run->conn->flows->env, machine);
    if (res.end == HSL_END_ERROR || res.end == HSL_END_LIMIT) {
        log_failure(run, &res.error, res.trace);
        a = fall_back(run, &res.error);
    } else if (res.end == HSL_END_FINAL && run->action_count > 0) {
        a = &run->actions[run->action_count - 1];
    } else {
        a = own_action(run, on_end(run), MLT_BY_END, "");
        if (a)
            a->place.file = run->script->name;
    }
    if (a)
        a->ms = res.seconds * 1000;
    return a;
}

/* Finds out what the run's script, or the lack of one, says. [none] is for the lack. */
static struct mlt_action *
decide(struct mlt_run *run, enum hsl_action none)
{
    struct hsl_limits limits;
    struct ut_diag d;

    if (!run->script)
        return own_action(run, none, MLT_BY_DEFAULT, "");
    if (run_limits(run, &limits))
        return execute(run, &limits);
    ut_diag_at(&d, run->script->name, 0, 0,
        "the time for all runs of a message (max_message_time) is spent");
    log_failure(run, &d, NULL);
    return fall_back(run, &d);
}

struct mlt_action *
mlt_run_access(struct mlt_conn *c)
{
    struct mlt_run run;

    run_init(&run, c, NULL, HSL_FLOW_ACCESS, c->arena);
    run.script = mlt_flows_access(c->flows, c->listener);
    return decide(&run, HSL_ALLOW);
}

/* Takes over the sender that a run asked for; the last one wins (library §17.1). */
static void
take_sender(struct mlt_conn *c, const struct mlt_run *run)
{
    const char *sender = run->changes.sender;

    if (!sender)
        return;
    if (c->msg.new_sender && strcmp(c->msg.new_sender, sender) != 0)
        c->msg.sender_disputed = true;
    c->msg.new_sender = sender;
}

struct mlt_action *
mlt_run_rcpt(struct mlt_conn *c, struct mlt_rcpt *rcpt)
{
    struct mlt_run run;
    struct mlt_action *a;

    run_init(&run, c, rcpt, HSL_FLOW_RCPT, c->msg.arena);
    run.script = mlt_flows_rcpt(c->flows, c->listener, rcpt->domain);
    a = decide(&run, HSL_ACCEPT);
    if (!a || a->action != HSL_ACCEPT)
        return a;
    take_sender(c, &run);
    rcpt->changes = run.changes;
    rcpt->changes.sender = NULL;
    rcpt->changes.recipient = a->recipient;
    rcpt->changes.transport = a->transport;
    return a;
}

int
mlt_run_mail(struct mlt_conn *c, struct mlt_rcpt *rcpt)
{
    struct mlt_run run;

    run_init(&run, c, rcpt, HSL_FLOW_MAIL, c->msg.arena);
    run.script = mlt_flows_mail(c->flows, c->listener, rcpt->domain);
    if (!decide(&run, HSL_DELIVER))
        return -1;
    take_sender(c, &run);
    rcpt->actions = run.actions;
    rcpt->action_count = run.action_count;
    return 0;
}
