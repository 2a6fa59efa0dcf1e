/* mlt_sess.c - the state machine of one connection.
 * Not here: libmilter (mlt_cb.c), running scripts (mlt_run.c), what several verdicts amount to
 * (mlt_verdict.c) and doing it (mlt_apply.c).
 * Threads: one at a time for a connection. Fails: into an answer, never otherwise.
 *
 * Whatever is refused here is refused at a step of which the mail server waits for the answer
 * (mlt_steps); where it does not wait, the message is marked and refused at its end.
 *
 * Mail that did not come by SMTP (sendmail(1), QMQP) is shown to milters by Postfix as if it did.
 * There is no client to tell anything: a refusal at RCPT TO would block Postfix's queue
 * (MILTER_README, "Limitations"), so it is kept for the end of the message, where the sender gets
 * a report. The access flow does not run for it. */
#include "config.h"

#include "milter/mlt_sess.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/ut_log.h"
#include "lib/ut_num.h"
#include "lib/ut_time.h"
#include "milter/mlt_addr.h"
#include "milter/mlt_apply.h"
#include "milter/mlt_data.h"
#include "milter/mlt_log.h"
#include "milter/mlt_msg.h"
#include "milter/mlt_run.h"
#include "milter/mlt_verdict.h"

#define SESS_ARENA ((size_t)1024 * 1024) /* most bytes that an access flow may leave */

/* --- Beginning and end ------------------------------------------------------------------------ */

struct mlt_conn *
mlt_sess_new(struct mlt_server *server, const struct mlt_ops *ops, void *ctx)
{
    struct mlt_conn *c = calloc(1, sizeof(*c));
    uint64_t id;

    if (!c || getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id)) {
        free(c);
        return NULL;
    }
    snprintf(c->id, sizeof(c->id), "%016llx", (unsigned long long)id);
    c->server = server;
    c->flows = mlt_server_flows(server);
    c->ops = ops;
    c->ctx = ctx;
    c->msg.queue = "";
    c->overflow = !mlt_server_enter(server, c->flows->conf->global.max_connections);
    return c;
}

static void
security_free(struct mlt_security *s)
{
    free(s->tls_version);
    free(s->cipher);
    free(s->cipher_bits);
    free(s->cert_subject);
    free(s->cert_issuer);
    free(s->auth_type);
    free(s->auth_authen);
    memset(s, 0, sizeof(*s));
}

/* The next event shows that the answer to the message before has gone out. */
static void
settle(struct mlt_conn *c)
{
    mlt_claim_answered(c->answered);
    c->answered = NULL;
}

void
mlt_sess_free(struct mlt_conn *c)
{
    if (!c)
        return;
    settle(c);
    mlt_msg_fini(&c->msg);
    ut_arena_free(c->arena);
    security_free(&c->security);
    free(c->client_ip);
    free(c->client_ptr);
    free(c->server_ip);
    free(c->helo);
    free(c->myhostname);
    free(c->context);
    mlt_server_leave(c->server);
    mlt_flows_unref(c->flows);
    free(c);
}

struct mlt_steps
mlt_sess_steps(const struct mlt_conn *c)
{
    struct mlt_steps steps = c->flows->steps;

    if (c->overflow)
        steps.reply_connect = true;
    return steps;
}

void
mlt_sess_leading_space(struct mlt_conn *c, bool agreed)
{
    c->leading_space = agreed;
}

/* --- Answers ---------------------------------------------------------------------------------- */

/* Sets [reply] and gives the answer that goes with its class. */
static enum mlt_answer
refuse(struct mlt_conn *c, const struct mlt_reply *reply)
{
    if (c->ops->setreply(c->ctx, reply) != 0 || reply->code < 500)
        return MLT_TEMPFAIL;
    return MLT_REJECT;
}

static enum mlt_answer
refuse_with(struct mlt_conn *c, unsigned code, const char *status, const char *text)
{
    struct mlt_reply reply;
    const char *line;

    mlt_reply_set(&reply, &line, code, status, text);
    return refuse(c, &reply);
}

static enum mlt_answer
refuse_trouble(struct mlt_conn *c, const char *why)
{
    struct ut_log_rec *r = mlt_log_begin(UT_LOG_ERR, c);

    ut_log_text(r, "%s", why);
    ut_log_end(r);
    return refuse_with(c, 451, "4.3.0", "Temporary failure, try again later");
}

static enum mlt_answer
refuse_no_memory(struct mlt_conn *c)
{
    return refuse_trouble(c, "out of memory");
}

static bool
refuses(const struct mlt_action *a)
{
    return a->action == HSL_BLOCK || a->action == HSL_REJECT || a->action == HSL_DEFER;
}

/* --- Connect ---------------------------------------------------------------------------------- */

/* Replaces the text [*slot]; without memory it is unknown. */
static void
set_text(char **slot, const char *value)
{
    free(*slot);
    *slot = value && *value != '\0' ? strdup(value) : NULL;
}

static void
set_macro(struct mlt_conn *c, char **slot, const char *name)
{
    set_text(slot, c->ops->getsym(c->ctx, name));
}

static long
port_of(struct mlt_conn *c, const char *macro)
{
    const char *text = c->ops->getsym(c->ctx, macro);
    long long port;

    return text && ut_num_int(text, 0, 65535, &port) == 0 ? (long)port : 0;
}

/* The client's name if it was verified, else what its address says (library §16.0). */
static void
set_client_ptr(struct mlt_conn *c, const char *name)
{
    const char *verified = c->ops->getsym(c->ctx, "{client_name}");
    const char *ptr = c->ops->getsym(c->ctx, "{client_ptr}");

    if (!verified)
        verified = name;
    if (verified && verified[0] != '[' && strcmp(verified, "unknown") != 0)
        set_text(&c->client_ptr, verified);
    else if (ptr && strcmp(ptr, "unknown") != 0)
        set_text(&c->client_ptr, ptr);
}

static void
set_hostname(struct mlt_conn *c)
{
    const char *name = c->flows->conf->global.myhostname;
    char host[256] = "localhost";

    if (name[0] == '\0')
        name = c->ops->getsym(c->ctx, "j");
    if (!name || name[0] == '\0') {
        if (gethostname(host, sizeof(host) - 1) != 0)
            host[0] = '\0';
        name = host[0] != '\0' ? host : "localhost";
    }
    set_text(&c->myhostname, name);
}

/* Finds out which listener this is. */
static void
set_listener(struct mlt_conn *c)
{
    const char *name = c->ops->getsym(c->ctx, "{daemon_name}");

    set_macro(c, &c->server_ip, "{daemon_addr}");
    c->server_port = port_of(c, "{daemon_port}");
    c->listener = ut_conf_listener(c->flows->conf, c->server_ip, (unsigned)c->server_port, name);
    if (c->listener)
        snprintf(c->server_id, sizeof(c->server_id), "mailserver:%s", c->listener->id);
}

/* Runs the access flow. */
static enum mlt_answer
access_flow(struct mlt_conn *c)
{
    struct mlt_action *a;

    if (c->local || !mlt_flows_access(c->flows, c->listener))
        return MLT_CONTINUE;
    if (!c->arena)
        c->arena = ut_arena_new(SESS_ARENA);
    a = c->arena ? mlt_run_access(c) : NULL;
    if (!a)
        return refuse_no_memory(c);
    if (!refuses(a))
        return MLT_CONTINUE;
    if (c->flows->access_at_rcpt) {
        c->refused = a;
        return MLT_CONTINUE;
    }
    mlt_log_summary(
        c, NULL, a, HSL_FLOW_ACCESS, a->reply.code < 500 ? "deferred" : "rejected", &a->reply);
    return refuse(c, &a->reply);
}

enum mlt_answer
mlt_sess_connect(struct mlt_conn *c, const char *name, int family, const char *ip, unsigned port)
{
    if (c->overflow) {
        if (ut_log_once_a_second(0))
            ut_log(UT_LOG_WARNING,
                "more than %ld connections (max_connections): new ones are refused",
                c->flows->conf->global.max_connections);
        return refuse_with(c, 421, "4.7.0", "Too many connections, try again later");
    }
    if (c->flows->refuse_all)
        return refuse_with(c, 451, "4.3.5", "Mail system configuration error, try again later");
    c->family = family;
    set_text(&c->client_ip, family == AF_INET || family == AF_INET6 ? ip : "127.0.0.1");
    c->client_port = port > 0 ? (long)port : port_of(c, "{client_port}");
    set_listener(c);
    c->local = c->server_port == 0 && c->client_port == 0;
    set_client_ptr(c, name);
    set_hostname(c);
    if (!c->client_ip || !c->myhostname)
        return refuse_no_memory(c);
    return access_flow(c);
}

enum mlt_answer
mlt_sess_helo(struct mlt_conn *c, const char *name)
{
    settle(c);
    set_text(&c->helo, name);
    return MLT_CONTINUE;
}

/* --- Envelope --------------------------------------------------------------------------------- */

/* TLS and AUTH, which may have begun since the last message. */
static void
set_security(struct mlt_conn *c)
{
    struct mlt_security *s = &c->security;

    security_free(s);
    set_macro(c, &s->tls_version, "{tls_version}");
    if (s->tls_version) {
        set_macro(c, &s->cipher, "{cipher}");
        set_macro(c, &s->cipher_bits, "{cipher_bits}");
        set_macro(c, &s->cert_subject, "{cert_subject}");
        set_macro(c, &s->cert_issuer, "{cert_issuer}");
    }
    set_macro(c, &s->auth_authen, "{auth_authen}");
    if (s->auth_authen)
        set_macro(c, &s->auth_type, "{auth_type}");
}

enum mlt_answer
mlt_sess_mail(struct mlt_conn *c, char *const *args)
{
    settle(c);
    if (!c->client_ip)
        return refuse_trouble(c, "the mail server began a message without a connection");
    if (mlt_msg_begin(&c->msg, c->flows->conf->global.state_directory, args) != 0)
        return refuse_no_memory(c);
    set_security(c);
    return MLT_CONTINUE;
}

/* The queue id is known from the first accepted recipient on; read again until it is there. */
static void
set_queue(struct mlt_conn *c)
{
    const char *id = c->msg.queue[0] == '\0' ? c->ops->getsym(c->ctx, "i") : NULL;
    char *copy = id ? ut_arena_dup(c->msg.arena, id, strlen(id)) : NULL;

    if (copy)
        c->msg.queue = copy;
}

/* Refuses a recipient without a script's word, and logs that like a script's. */
static enum mlt_answer
refuse_rcpt(struct mlt_conn *c, const struct mlt_rcpt *r, enum hsl_action action, unsigned code,
    const char *status, const char *text)
{
    struct mlt_action a = {.action = action, .origin = MLT_BY_DEFAULT, .reason = text};
    const char *line;

    mlt_reply_set(&a.reply, &line, code, status, text);
    mlt_log_summary(c, r, &a, HSL_FLOW_RCPT, code < 500 ? "deferred" : "rejected", &a.reply);
    return refuse(c, &a.reply);
}

/* True if mail for [r] may have to be kept in a quarantine that cannot keep it now. */
static bool
cannot_be_kept(struct mlt_conn *c, const struct mlt_rcpt *r)
{
    const struct mlt_script *s = mlt_flows_mail(c->flows, c->listener, r->domain);

    return s && !mlt_hold_works(c->flows->holds) && hsl_prog_mentions(s->prog, "Quarantine");
}

/* Finds the section that [r] belongs to; false: the listener does not take that domain. */
static bool
set_domain(struct mlt_conn *c, struct mlt_rcpt *r)
{
    const struct ut_conf_mailserver *s = c->listener;

    r->transport = s ? s->transport : "";
    if (!s || s->domain_count == 0)
        return true;
    r->domain = ut_conf_domain(s, r->address.domain);
    if (r->domain && r->domain->transport[0] != '\0')
        r->transport = r->domain->transport;
    return r->domain != NULL || c->local;
}

/* True if [r] and a recipient before need different transports, and so two messages, and the one
 * that comes cannot be copied because its body was not asked for. */
static bool
needs_own_message(const struct mlt_conn *c, const struct mlt_rcpt *r)
{
    const char *first, *second = r->changes.transport ? r->changes.transport : "";

    if (c->flows->steps.body || c->msg.rcpt_count == 0)
        return false;
    first = c->msg.rcpts[0].changes.transport ? c->msg.rcpts[0].changes.transport : "";
    return strcmp(first, second) != 0;
}

/* Adds a recipient that was accepted, or is refused at the end of the message. Clients take
 * 452 4.5.3 as the end of what fits in one message and send another (RFC 5321 4.5.3.1.10); mail
 * that did not come by SMTP goes back to its sender. */
static enum mlt_answer
keep_rcpt(struct mlt_conn *c, const struct mlt_rcpt *r)
{
    const char *why = NULL;

    if (needs_own_message(c, r))
        why = "This recipient needs a message of its own";
    else if (mlt_msg_add_rcpt(&c->msg, r) != 0)
        why = "Too many recipients";
    if (!why)
        return MLT_CONTINUE;
    if (c->local) {
        c->msg.impossible = why;
        return MLT_CONTINUE;
    }
    if (!c->flows->steps.reply_rcpt)
        c->msg.incomplete = true;
    return refuse_rcpt(c, r, HSL_DEFER, 452, "4.5.3", why);
}

/* Runs the recipient flow for [r]. */
static enum mlt_answer
rcpt_flow(struct mlt_conn *c, struct mlt_rcpt *r)
{
    struct mlt_action *a = mlt_run_rcpt(c, r);

    if (!a)
        return refuse_no_memory(c);
    if (!refuses(a))
        return keep_rcpt(c, r);
    if (c->local) {
        r->refused = a;
        return keep_rcpt(c, r);
    }
    mlt_log_summary(
        c, r, a, HSL_FLOW_RCPT, a->reply.code < 500 ? "deferred" : "rejected", &a->reply);
    return refuse(c, &a->reply);
}

enum mlt_answer
mlt_sess_rcpt(struct mlt_conn *c, char *const *args)
{
    struct mlt_rcpt r = {0};

    settle(c);
    if (!c->msg.active || !args || !args[0])
        return refuse_trouble(c, "the mail server named a recipient without a message");
    set_queue(c);
    if (mlt_addr_parse(&r.address, c->msg.arena, args[0], args + 1) != 0) {
        c->msg.incomplete |= !c->flows->steps.reply_rcpt;
        return refuse_no_memory(c);
    }
    if (c->refused) {
        mlt_log_summary(c, &r, c->refused, HSL_FLOW_ACCESS,
            c->refused->reply.code < 500 ? "deferred" : "rejected", &c->refused->reply);
        return refuse(c, &c->refused->reply);
    }
    if (mlt_msg_find(&c->msg, r.address.raw))
        return MLT_CONTINUE;
    if (!set_domain(c, &r))
        return refuse_rcpt(c, &r, HSL_REJECT, 554, "5.7.1", "Relay access denied");
    if (!c->local && cannot_be_kept(c, &r))
        return refuse_rcpt(
            c, &r, HSL_DEFER, 452, "4.3.1", "Messages cannot be kept now, try again later");
    return rcpt_flow(c, &r);
}

/* --- Message ---------------------------------------------------------------------------------- */

enum mlt_answer
mlt_sess_header(struct mlt_conn *c, const char *name, const char *value)
{
    if (c->msg.active)
        mlt_msg_add_header(&c->msg, name, value, c->leading_space);
    return MLT_CONTINUE;
}

enum mlt_answer
mlt_sess_body(struct mlt_conn *c, const void *p, size_t len)
{
    if (c->msg.active)
        mlt_msg_add_body(&c->msg, p, len, (long long)c->flows->conf->global.max_message_size);
    return MLT_CONTINUE;
}

/* Runs the mail flow for all recipients, then brings the verdicts together and carries them out. */
static enum mlt_answer
mail_flow(struct mlt_conn *c)
{
    struct mlt_plan plan;
    struct ut_diag d;

    if (c->flows->steps.body && mlt_msg_spool(&c->msg, &d) != 0) {
        mlt_log_trouble(UT_LOG_ERR, c, "a message is deferred", &d);
        return mlt_apply_refuse(c, 452, "4.3.1", "The message cannot be kept now, try again later");
    }
    for (size_t i = 0; i < c->msg.rcpt_count; i++) {
        if (!c->msg.rcpts[i].refused && mlt_run_mail(c, &c->msg.rcpts[i]) != 0)
            return refuse_no_memory(c);
    }
    if (mlt_verdict_plan(&plan, &c->msg, c->flows->split) != 0)
        return refuse_no_memory(c);
    return mlt_apply_plan(c, &plan);
}

/* The message is over; so is what scripts kept for it alone. */
static void
end_message(struct mlt_conn *c)
{
    if (c->msg.active && c->flows && c->flows->env)
        hsl_message_done(mlt_env_hsl(c->flows->env), c->msg.id);
    mlt_msg_end(&c->msg);
}

/* What came in before the end and makes the message impossible. */
static enum mlt_answer
check_message(struct mlt_conn *c)
{
    const struct mlt_msg *m = &c->msg;

    if (m->headers_too_large)
        return mlt_apply_refuse(c, 552, "5.3.4", "Message headers too large");
    if (m->impossible)
        return mlt_apply_refuse(c, 554, "5.5.3", m->impossible);
    if (m->too_large)
        return mlt_apply_refuse(c, 552, "5.3.4", "Message too large");
    if (m->spool_failed)
        return mlt_apply_refuse(c, 452, "4.3.1", "The message cannot be kept now, try again later");
    if (m->incomplete)
        return mlt_apply_refuse(c, 451, "4.3.0", "Temporary failure, try again later");
    return MLT_CONTINUE;
}

enum mlt_answer
mlt_sess_eom(struct mlt_conn *c)
{
    struct mlt_tick *tick = mlt_server_tick(c->server);
    enum mlt_answer answer;

    settle(c);
    if (c->flows->refuse_all)
        return refuse_with(c, 451, "4.3.5", "Mail system configuration error, try again later");
    if (!c->msg.active)
        return c->flows->steps.envelope
                   ? refuse_trouble(c, "the mail server ended a message that it had not begun")
                   : MLT_CONTINUE;
    set_queue(c);
    c->msg.started = ut_time_mono();
    c->msg.deadline = c->msg.started + (double)c->flows->conf->global.max_message_time;
    mlt_server_begin(c->server);
    mlt_tick_add(tick, &c->work, c->ops, c->ctx);
    answer = check_message(c);
    if (answer == MLT_CONTINUE && c->msg.rcpt_count > 0)
        answer = mail_flow(c);
    mlt_tick_remove(tick, &c->work);
    end_message(c);
    mlt_server_end(c->server);
    return answer;
}

void
mlt_sess_abort(struct mlt_conn *c)
{
    settle(c);
    end_message(c);
}
