/* mlt_host.c - what a script can reach while it runs in the milter: it records, nothing else.
 * Not here: predefined variables (mlt_vars.c), what is made of the records (mlt_verdict.c).
 * Threads: that of the connection. Fails: towards the script, which then has an error.
 *
 * Everything recorded is copied to the arena of the message (access flow: of the connection),
 * since texts of the language live only as long as the run. */
#include "config.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "milter/mlt_addr.h"
#include "milter/mlt_log.h"
#include "milter/mlt_run.h"

#define HOST_MAX_ACTIONS 1000 /* of one run: a loop of CopyMail() ends somewhere */

static char *
copy_text(struct mlt_run *run, const char *p, size_t len)
{
    return ut_arena_dup(run->arena, p, len);
}

/* --- Log -------------------------------------------------------------------------------------- */

struct ut_log_rec *
mlt_host_log(const struct mlt_run *run, int level, const struct hsl_place *place)
{
    struct ut_log_rec *r = mlt_log_begin((enum ut_log_level)level, run->conn);

    ut_log_str(r, "flow", hsl_flow_name(run->flow));
    if (place && place->file) {
        ut_log_str(r, "script", place->file);
        if (place->line > 0)
            ut_log_int(r, "line", place->line);
    }
    if (run->rcpt)
        ut_log_str(r, "recipient", run->rcpt->address.text);
    if (run->flow == HSL_FLOW_MAIL)
        ut_log_int(r, "action", run->conn->msg.actions);
    return r;
}

/* Records of echo (level -1) have the id in front, those of syslog() are as they are. */
static void
host_log(void *arg, int level, const char *text, size_t len, const struct hsl_place *place)
{
    const struct mlt_run *run = arg;
    const struct mlt_conn *c = run->conn;
    struct ut_log_rec *r;
    struct ut_sbuf line;

    if (level >= 0) {
        r = mlt_host_log(run, level & 7, place);
        ut_log_bytes(r, text, len);
        ut_log_end(r);
        return;
    }
    r = mlt_host_log(run, ut_log_level_by_name(c->flows->conf->global.echo_priority), place);
    if (!r)
        return;
    ut_sbuf_init(&line, len + 64);
    ut_sbuf_addf(&line, "[%s] ", c->msg.active ? c->msg.id : c->id);
    ut_sbuf_add(&line, text, len);
    ut_log_bytes(r, ut_sbuf_text(&line), line.len);
    ut_log_end(r);
    ut_sbuf_fini(&line);
}

/* --- $context --------------------------------------------------------------------------------- */

static const char *
host_context_get(void *arg, size_t *len)
{
    const struct mlt_run *run = arg;

    *len = run->conn->context_len;
    return run->conn->context;
}

static bool
host_context_set(void *arg, const char *p, size_t len)
{
    struct mlt_conn *c = ((struct mlt_run *)arg)->conn;
    char *copy = len <= MLT_MAX_CONTEXT ? malloc(len + 1) : NULL;

    if (!copy)
        return false;
    if (len > 0)
        memcpy(copy, p, len);
    copy[len] = '\0';
    free(c->context);
    c->context = copy;
    c->context_len = len;
    return true;
}

/* --- Actions ---------------------------------------------------------------------------------- */

struct mlt_action *
mlt_host_action(struct mlt_run *run, enum hsl_action action, enum mlt_origin origin)
{
    struct mlt_action *a;

    if (run->action_count == run->action_cap) {
        size_t cap = run->action_cap ? run->action_cap * 2 : 1;

        a = ut_arena_calloc(run->arena, cap, sizeof(*a));
        if (!a)
            return NULL;
        if (run->action_count > 0)
            memcpy(a, run->actions, run->action_count * sizeof(*a));
        run->actions = a;
        run->action_cap = cap;
    }
    a = &run->actions[run->action_count];
    memset(a, 0, sizeof(*a));
    a->action = action;
    a->origin = origin;
    a->reason = "";
    a->recipient = run->changes.recipient;
    a->transport = run->changes.transport;
    a->meta = run->changes.meta;
    a->meta_count = run->changes.meta_count;
    if (run->flow == HSL_FLOW_MAIL && mlt_view_edits(&run->view, &a->edits) != 0)
        return NULL;
    run->action_count++;
    if (run->flow == HSL_FLOW_MAIL)
        run->conn->msg.actions++;
    return a;
}

static struct qtn_pair *
copy_pairs(struct mlt_run *run, const struct hsl_text *pairs, size_t count)
{
    struct qtn_pair *copy = ut_arena_calloc(run->arena, count + 1, sizeof(*copy));

    for (size_t i = 0; copy && i < count; i++) {
        copy[i].name = copy_text(run, pairs[2 * i].p, pairs[2 * i].len);
        copy[i].value = copy_text(run, pairs[2 * i + 1].p, pairs[2 * i + 1].len);
        if (!copy[i].name || !copy[i].value)
            return NULL;
    }
    return copy;
}

/* The transport [t] as it is recorded: NULL for the domain's own. -1 with [why]. */
static int
set_transport(struct mlt_run *run, const char *p, size_t len, const char **out, struct ut_diag *why)
{
    const char *own = run->rcpt ? run->rcpt->transport : "";
    char *name = copy_text(run, p, len);

    if (!name)
        return ut_diag_set(why, "out of memory");
    if (!ut_conf_mailtransport_get(run->conn->flows->conf, name))
        return ut_diag_set(why, "unknown profile %s", name);
    *out = strcmp(name, own) == 0 ? NULL : name;
    return 0;
}

/* The quarantine that is meant: that given, or the domain's, or the listener's. */
static int
set_quarantine(struct mlt_run *run, const struct hsl_text *t, const char **out, struct ut_diag *why)
{
    const struct ut_conf_domain *d = run->rcpt->domain;
    const struct ut_conf_mailserver *s = run->conn->listener;

    if (t->p)
        *out = copy_text(run, t->p, t->len);
    else if (d && d->quarantine[0] != '\0')
        *out = d->quarantine;
    else
        *out = s ? s->quarantine : "";
    if (!*out)
        return ut_diag_set(why, "out of memory");
    if ((*out)[0] == '\0')
        return ut_diag_set(why, "no quarantine is configured here: name one");
    if (!ut_conf_mailquarantine_get(run->conn->flows->conf, *out))
        return ut_diag_set(why, "unknown profile %s", *out);
    return 0;
}

/* Texts: the reply, and the reason as one line. */
static int
set_texts(struct mlt_run *run, struct mlt_action *a, const struct hsl_verdict *v)
{
    struct ut_sbuf reason;
    int rc = 0;

    if (mlt_reply_of(&a->reply, run->arena, run->flow, v, run->conn->msg.utf8) != 0)
        return -1;
    if (v->line_count == 0)
        return 0;
    ut_sbuf_init(&reason, 1024);
    for (size_t i = 0; i < v->line_count; i++) {
        if (i > 0)
            ut_sbuf_addc(&reason, ' ');
        ut_sbuf_add(&reason, v->lines[i].p, v->lines[i].len);
    }
    a->reason = ut_arena_dup(run->arena, ut_sbuf_text(&reason), reason.len);
    if (!a->reason)
        rc = -1;
    ut_sbuf_fini(&reason);
    return rc;
}

static int
fill_action(
    struct mlt_run *run, struct mlt_action *a, const struct hsl_verdict *v, struct ut_diag *why)
{
    a->place = v->place;
    if (set_texts(run, a, v) != 0)
        return ut_diag_set(why, "out of memory");
    if (v->recipient.p)
        a->recipient = copy_text(run, v->recipient.p, v->recipient.len);
    if (v->meta_count > 0) {
        a->meta = copy_pairs(run, v->meta, v->meta_count);
        a->meta_count = v->meta_count;
    }
    if ((v->recipient.p && !a->recipient) || (v->meta_count > 0 && !a->meta))
        return ut_diag_set(why, "out of memory");
    if (v->transport.p &&
        set_transport(run, v->transport.p, v->transport.len, &a->transport, why) != 0)
        return -1;
    if (v->action != HSL_QUARANTINE)
        return 0;
    a->reject =
        v->reject >= 0 ? v->reject > 0 : run->conn->flows->conf->global.quarantine_reject_default;
    return set_quarantine(run, &v->quarantine, &a->quarantine, why);
}

/* What [action] means in the mail flow: names that are other flows' words for the same. */
static enum hsl_action
meaning(const struct mlt_run *run, enum hsl_action action)
{
    if (run->flow != HSL_FLOW_MAIL)
        return action;
    if (action == HSL_ACCEPT || action == HSL_ALLOW)
        return HSL_DELIVER;
    return action == HSL_BLOCK ? HSL_REJECT : action;
}

static bool
host_verdict(void *arg, const struct hsl_verdict *v, struct ut_diag *why)
{
    struct mlt_run *run = arg;
    struct mlt_action *a;

    if (run->action_count >= HOST_MAX_ACTIONS) {
        ut_diag_set(why, "more than %d actions in one run", HOST_MAX_ACTIONS);
        return false;
    }
    a = mlt_host_action(run, meaning(run, v->action), MLT_BY_SCRIPT);
    if (!a) {
        ut_diag_set(why, "out of memory");
        return false;
    }
    if (fill_action(run, a, v, why) != 0) {
        run->action_count--;
        return false;
    }
    return true;
}

/* --- Headers ---------------------------------------------------------------------------------- */

static bool
host_header_get(void *arg, const char *name, size_t index, struct ut_sbuf *out)
{
    const struct mlt_run *run = arg;

    return mlt_view_get(&run->view, name, index, out);
}

static long
host_header_edit(void *arg, enum hsl_header_op op, const char *name, const char *value, size_t len,
    struct ut_diag *why)
{
    struct mlt_run *run = arg;

    return mlt_view_edit(&run->view, op, name, value, len, why);
}

static long
host_edits_discard(void *arg)
{
    struct mlt_run *run = arg;

    return mlt_view_discard(&run->view);
}

/* --- Set... ----------------------------------------------------------------------------------- */

/* Accept() of the access flow: what later flows see of the client. It is final, so nothing needs to
 * be undone. */
static int
set_client(
    struct mlt_run *run, const char *what, const char *value, size_t len, struct ut_diag *why)
{
    struct mlt_conn *c = run->conn;
    bool ip = strcmp(what, "remoteip") == 0;
    unsigned char bytes[16];
    char *copy;

    if (run->flow != HSL_FLOW_ACCESS || (!ip && strcmp(what, "remoteptr") != 0))
        return ut_diag_set(why, "%s cannot be changed here", what);
    copy = strndup(value, len);
    if (!copy)
        return ut_diag_set(why, "out of memory");
    if (ip && inet_pton(AF_INET, copy, bytes) != 1 && inet_pton(AF_INET6, copy, bytes) != 1) {
        ut_diag_set(why, "remoteip: \"%s\" is not an IP address", copy);
        free(copy);
        return -1;
    }
    if (ip)
        c->family = strchr(copy, ':') ? AF_INET6 : AF_INET;
    free(ip ? c->client_ip : c->client_ptr);
    *(ip ? &c->client_ip : &c->client_ptr) = copy;
    return 0;
}

static bool
host_set(void *arg, const char *what, const char *value, size_t len, struct ut_diag *why)
{
    struct mlt_run *run = arg;
    bool sender = strcmp(what, "sender") == 0;
    char *copy;

    if (strcmp(what, "transport") == 0)
        return set_transport(run, value, len, &run->changes.transport, why) == 0;
    if (!sender && strcmp(what, "recipient") != 0)
        return set_client(run, what, value, len, why) == 0;
    copy = copy_text(run, value, len);
    if (!copy ||
        mlt_addr_parse(sender ? &run->sender : &run->recipient, run->arena, copy, NULL) != 0) {
        ut_diag_set(why, "out of memory");
        return false;
    }
    if (sender)
        run->changes.sender = copy;
    else
        run->changes.recipient = copy;
    return true;
}

static bool
host_meta_set(void *arg, const struct hsl_text *pairs, size_t count)
{
    struct mlt_run *run = arg;
    struct qtn_pair *copy = copy_pairs(run, pairs, count);

    if (!copy)
        return false;
    run->changes.meta = copy;
    run->changes.meta_count = count;
    return true;
}

static void
host_meta_get(void *arg, struct hsl_build *b)
{
    const struct mlt_run *run = arg;

    hsl_build_array(b);
    for (size_t i = 0; i < run->changes.meta_count; i++) {
        hsl_build_key(b, run->changes.meta[i].name);
        hsl_build_strz(b, run->changes.meta[i].value);
    }
    hsl_build_end(b);
}

static bool
host_var(void *arg, const char *name, struct hsl_build *b)
{
    return mlt_vars_build(arg, name, b);
}

const struct hsl_host mlt_host = {
    .log = host_log,
    .var = host_var,
    .context_get = host_context_get,
    .context_set = host_context_set,
    .verdict = host_verdict,
    .header_get = host_header_get,
    .header_edit = host_header_edit,
    .edits_discard = host_edits_discard,
    .set = host_set,
    .meta_set = host_meta_set,
    .meta_get = host_meta_get,
};
