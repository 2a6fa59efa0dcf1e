/* mlt_log.c - records about connections and messages.
 * Not here: sinks and escaping (lib/ut_log.c), errors of scripts (mlt_run.c).
 * Threads: any; each record is built by one. Fails: never; a record may be lost without memory. */
#include "config.h"

#include "milter/mlt_log.h"

#include "lib/ut_time.h"

struct ut_log_rec *
mlt_log_begin(enum ut_log_level level, const struct mlt_conn *c)
{
    struct ut_log_rec *r = ut_log_begin(level);

    if (!r)
        return NULL;
    ut_log_str(r, "session", c->id);
    ut_log_str(r, "client", c->client_ip);
    if (c->msg.active) {
        ut_log_str(r, "message", c->msg.id);
        ut_log_str(r, "queue", c->msg.queue);
        ut_log_str(r, "sender", c->msg.sender.text);
    }
    return r;
}

void
mlt_log_trouble(
    enum ut_log_level level, const struct mlt_conn *c, const char *what, const struct ut_diag *d)
{
    struct ut_log_rec *r = mlt_log_begin(level, c);

    ut_log_text(r, "%s: %s", what, d->text);
    ut_log_end(r);
}

/* "Reject at mail.hsl:3", "Deliver (no script)". */
static void
add_verdict(struct ut_sbuf *text, const struct mlt_action *a)
{
    static const char *const why[] = {
        [MLT_BY_SCRIPT] = "",
        [MLT_BY_END] = " (end of script)",
        [MLT_BY_ERROR] = " (script error)",
        [MLT_BY_DEFAULT] = " (no script)",
    };

    ut_sbuf_addf(text, " verdict=%s", hsl_action_name(a->action));
    if (a->place.file)
        ut_sbuf_addf(text, " at %s", a->place.file);
    if (a->place.line > 0)
        ut_sbuf_addf(text, ":%u", a->place.line);
    ut_sbuf_addz(text, why[a->origin]);
}

static void
add_meta(struct ut_log_rec *r, const struct mlt_action *a)
{
    struct ut_sbuf text;

    if (a->meta_count == 0)
        return;
    ut_sbuf_init(&text, 4096);
    for (size_t i = 0; i < a->meta_count; i++)
        ut_sbuf_addf(&text, "%s%s=%s", i > 0 ? " " : "", a->meta[i].name, a->meta[i].value);
    ut_log_strn(r, "metadata", ut_sbuf_text(&text), text.len);
    ut_sbuf_fini(&text);
}

static void
add_fields(struct ut_log_rec *r, const struct mlt_conn *c, const struct mlt_rcpt *rcpt,
    const struct mlt_action *a, enum hsl_flow flow, const char *outcome)
{
    ut_log_str(r, "flow", hsl_flow_name(flow));
    ut_log_str(r, "script", a->place.file);
    if (a->place.line > 0)
        ut_log_int(r, "line", a->place.line);
    ut_log_str(r, "verdict", hsl_action_name(a->action));
    ut_log_str(r, "reason", a->reason);
    ut_log_str(r, "outcome", outcome);
    ut_log_str(r, "server", c->server_id);
    if (rcpt) {
        ut_log_str(r, "recipient", rcpt->address.text);
        ut_log_str(r, "target", a->recipient);
        ut_log_str(r, "transport", a->transport);
        ut_log_str(r, "quarantine", a->quarantine);
        ut_log_str(r, "held", rcpt->held);
    }
    add_meta(r, a);
    if (flow == HSL_FLOW_MAIL) {
        ut_log_int(r, "action", c->msg.actions);
        ut_log_int(r, "size", c->msg.spool.size);
    }
    ut_log_num(r, "ms", a->ms);
}

void
mlt_log_summary(const struct mlt_conn *c, const struct mlt_rcpt *rcpt, const struct mlt_action *a,
    enum hsl_flow flow, const char *outcome, const struct mlt_reply *answer)
{
    struct ut_log_rec *r = mlt_log_begin(UT_LOG_INFO, c);
    bool queued = c->msg.active && c->msg.queue[0] != '\0';
    struct ut_sbuf text;

    if (!r)
        return;
    ut_sbuf_init(&text, 4096);
    ut_sbuf_addf(&text, "%s:", queued ? c->msg.queue : c->id);
    if (rcpt)
        ut_sbuf_addf(&text, " recipient=<%s>", rcpt->address.text);
    else
        ut_sbuf_addf(&text, " client=[%s]", c->client_ip ? c->client_ip : "");
    add_verdict(&text, a);
    if (a->reason && a->reason[0] != '\0')
        ut_sbuf_addf(&text, " reason=\"%s\"", a->reason);
    if (answer) {
        ut_sbuf_addz(&text, " reply=\"");
        mlt_reply_to_text(answer, &text);
        ut_sbuf_addc(&text, '"');
        ut_log_int(r, "code", answer->code);
    }
    ut_log_bytes(r, ut_sbuf_text(&text), text.len);
    ut_sbuf_fini(&text);
    add_fields(r, c, rcpt, a, flow, outcome);
    ut_log_end(r);
}
