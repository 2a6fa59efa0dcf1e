/* qtn_release.c - deliver a held message, once.
 * Not here: SMTP (lib/ut_smtp.c), who may ask (qtn_server.c).
 * Threads: any; the state `releasing` keeps two from sending the same message. While the network
 * is waited for, the keeper is free.
 * Fails: when the listener does not take it; then it is held as before.
 *
 * held -> releasing -> released. The file stays until the server has answered 250 and the audit
 * log has the line. What a crash leaves:
 *   releasing, audit log says released   delivered: finished at the start (qtn_keeper.c)
 *   releasing, note IN_DOUBT             the whole message was sent but no answer is known. It
 *                                        may have been delivered. Held again, with a note: an
 *                                        administrator decides, since sending it by ourselves
 *                                        might double it and forgetting it might lose it
 *   releasing, no note                   not delivered for certain, since a server may not act
 *                                        before the final dot: held again
 * An index that is opened again while the daemon runs is treated likewise, but for releases that
 * are still under way.
 * What is sent is the original byte for byte, less headers that choose a transport: the milter
 * never lets one in that comes from outside, but here no milter looks.
 *
 * The mark IN_DOUBT is durable before the last bytes leave. The same goes for a connection that
 * breaks between dot and answer. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/ut_log.h"
#include "lib/ut_smtp.h"
#include "quarantine/qtn_release.h"

#define IN_DOUBT "all of it was sent, the answer is not known"
#define LINE_START 64 /* bytes that tell what a header line is */

/* One delivery under way. */
struct sending {
    struct qtn_keeper *k;
    const char *id;
    const struct qtn_file *f;
    long long at;  /* bytes of the original sent, or left out */
    bool in_body;  /* behind the empty line */
    bool mid_line; /* of the header block */
    bool skipping; /* in a header that is left out */
    bool marked;
    struct ut_diag d; /* why reading failed */
};

/* Changes state and note of record [id], and leaves. */
static int
change(
    struct qtn_keeper *k, const char *id, enum qtn_state state, const char *note, struct ut_diag *d)
{
    struct qtn_record r;
    enum qtn_find found;
    int result = -1;

    if (qtn_keeper_enter(k, d) < 0)
        return -1;
    found = qtn_index_get(k->index, id, &r, d);
    if (found == QTN_NOTFOUND) {
        ut_diag_set(d, "message %s is gone", id);
    } else if (found == QTN_FOUND) {
        r.state = state;
        r.changed = qtn_keeper_now();
        r.text[QTN_TEXT_NOTE] = note;
        result = qtn_index_put(k->index, &r, 1, d);
        qtn_record_fini(&r);
    }
    qtn_keeper_leave(k);
    return result;
}

/* Reads up to [len] bytes of the original from where it stands; 0: that was all. */
static ssize_t
read_more(struct sending *s, char *buf, size_t len)
{
    long long left = s->f->size - s->at;
    size_t want = left < (long long)len ? (size_t)left : len;
    ssize_t n;

    do
        n = pread(s->f->fd, buf, want, s->f->offset + (off_t)s->at);
    while (n < 0 && errno == EINTR);
    if (n < 0 || (n == 0 && want > 0)) {
        ut_diag_set(&s->d, "message %s cannot be read", s->id);
        return -1;
    }
    return n;
}

/* True if [line] of [len] bytes begins a header that only the milter may set, and that sends the
 * message where its writer wants if the listener acts on it. */
static bool
is_transport(const char *line, size_t len)
{
    size_t at = sizeof(UT_CONF_TRANSPORT_HEADER) - 1;

    if (len <= at || strncasecmp(line, UT_CONF_TRANSPORT_HEADER, at) != 0)
        return false;
    while (at < len && (line[at] == ' ' || line[at] == '\t'))
        at++;
    return at == len || line[at] == ':';
}

/* Looks what the header line is that begins here. */
static int
begin_line(struct sending *s)
{
    char line[LINE_START];
    ssize_t n = read_more(s, line, sizeof(line));

    if (n <= 0)
        return (int)n;
    if (line[0] == '\n' || (n > 1 && line[0] == '\r' && line[1] == '\n'))
        s->in_body = true;
    else if (line[0] != ' ' && line[0] != '\t')
        s->skipping = is_transport(line, (size_t)n);
    return 0;
}

/* The next part of the header block, at most a line: bytes in [buf]; 0: left out, or the end. */
static ssize_t
read_header(struct sending *s, char *buf, size_t len)
{
    const char *lf;
    ssize_t n;

    if (!s->mid_line && begin_line(s) < 0)
        return -1;
    if (s->in_body)
        return 0;
    n = read_more(s, buf, len);
    if (n <= 0)
        return n;
    lf = memchr(buf, '\n', (size_t)n);
    s->mid_line = lf == NULL;
    if (lf)
        n = lf + 1 - buf;
    s->at += n;
    return s->skipping ? 0 : n;
}

/* ut_smtp_read_fn */
static ssize_t
read_original(void *arg, char *buf, size_t len)
{
    struct sending *s = arg;
    ssize_t n = 0;

    while (n == 0 && !s->in_body && s->at < s->f->size)
        n = read_header(s, buf, len);
    if (n == 0 && s->in_body) {
        n = read_more(s, buf, len);
        s->at += n > 0 ? n : 0;
    }
    if (n < 0)
        return -1;
    if (s->at == s->f->size && !s->marked) {
        if (change(s->k, s->id, QTN_RELEASING, IN_DOUBT, &s->d) < 0)
            return -1;
        s->marked = true;
    }
    return n;
}

static enum ut_smtp_result
send_file(struct qtn_keeper *k, const struct ut_conf_global *g, const struct qtn_file *f,
    struct ut_smtp_reply *reply, struct ut_diag *d)
{
    struct sending s = {.k = k, .id = f->env.id, .f = f};
    const char *rcpts[] = {f->env.recipient};
    struct ut_smtp_job job = {.server = g->reinject,
        .helo = g->myhostname,
        .sender = f->env.sender,
        .rcpts = rcpts,
        .rcpt_count = 1,
        .read = read_original,
        .arg = &s,
        .fd = -1,
        .length = -1, /* not known: a header may be left out */
        .timeout = (int)g->reinject_timeout};
    enum ut_smtp_result result = ut_smtp_send(&job, reply, d);

    if (result != UT_SMTP_ACCEPTED && s.d.text[0] && d)
        *d = s.d;
    return result;
}

/* Before ----------------------------------------------------------------------------------------
 */

static int
refuse(const struct qtn_record *r, bool *again, struct ut_diag *d)
{
    switch (r->state) {
    case QTN_RELEASED:
        *again = true;
        return 0;
    case QTN_RELEASING:
        return ut_diag_set(d, "message %s is being released at this moment", r->id);
    default:
        return ut_diag_set(d, "message %s was deleted by %s", r->id, r->text[QTN_TEXT_BY]);
    }
}

/* Turns held into releasing and opens the file: 1, or 0 if there is nothing to do, or -1. */
static int
begin(struct qtn_keeper *k, const char *id, struct qtn_file *f, bool *again, struct ut_diag *d)
{
    struct qtn_record r;
    struct qtn_box *box;
    enum qtn_find found;
    int result = -1;

    if (k->rebuilding) /* it waits for releases to end */
        return ut_diag_set(d, "the index is being built again; try again in a moment");
    found = qtn_index_get(k->index, id, &r, d);
    if (found == QTN_NOTFOUND)
        ut_diag_set(d, "there is no message %s", id);
    if (found != QTN_FOUND)
        return -1;
    box = qtn_boxes_get(k->boxes, r.text[QTN_TEXT_QUARANTINE]);
    if (r.state != QTN_HELD) {
        result = refuse(&r, again, d);
    } else if (!box) {
        ut_diag_set(d, "message %s is in %s, which is no longer in the configuration", id,
            r.text[QTN_TEXT_QUARANTINE]);
    } else if (qtn_store_read(box->store, id, f, d) == QTN_OK) {
        r.state = QTN_RELEASING;
        r.changed = qtn_keeper_now();
        r.text[QTN_TEXT_NOTE] = "";
        result = qtn_index_put(k->index, &r, 1, d) == 0 ? 1 : -1;
        if (result < 0)
            qtn_file_close(f);
    }
    qtn_record_fini(&r);
    return result;
}

/* After -----------------------------------------------------------------------------------------
 */

static void
log_release(
    const struct qtn_record *r, const struct qtn_act *act, const struct ut_smtp_reply *reply)
{
    bool ok = act->event == QTN_EVENT_RELEASED;
    struct ut_log_rec *l = ut_log_begin(ok ? UT_LOG_INFO : UT_LOG_WARNING);

    ut_log_text(l, "%s: %s by %s (%s): %s", r->id, ok ? "released" : "not released", act->by,
        act->way, act->note);
    ut_log_str(l, "id", r->id);
    ut_log_str(l, "event", qtn_event_name(act->event));
    ut_log_str(l, "sender", r->text[QTN_TEXT_SENDER]);
    ut_log_str(l, "recipient", r->text[QTN_TEXT_RECIPIENT]);
    ut_log_str(l, "message", r->text[QTN_TEXT_MESSAGE]);
    ut_log_str(l, "by", act->by);
    ut_log_str(l, "way", act->way);
    ut_log_int(l, "code", reply->code);
    ut_log_end(l);
}

/* The message was taken by the listener. Should the audit log fail now, the index must know all
 * the same, so that the message is never sent twice; the file stays for the next start. */
static int
finish_accepted(
    struct qtn_keeper *k, const struct qtn_act *act, struct qtn_record *r, struct ut_diag *d)
{
    struct ut_diag why;

    if (qtn_keeper_settle(k, act, r, &why) == 0)
        return 0;
    ut_log(UT_LOG_CRIT, "%s was delivered, but: %s", r->id, why.text);
    r->state = QTN_RELEASED;
    r->changed = qtn_keeper_now();
    r->text[QTN_TEXT_BY] = act->by;
    r->text[QTN_TEXT_NOTE] = act->note;
    if (qtn_index_put(k->index, r, 1, d) == 0)
        return 0;
    return ut_diag_set(
        d, "message %s was delivered, but that could not be noted: %s", r->id, why.text);
}

/* The listener did not take it: held again. */
static int
finish_refused(
    struct qtn_keeper *k, const struct qtn_act *act, struct qtn_record *r, struct ut_diag *d)
{
    struct ut_diag why;

    if (qtn_audit_write(k->audit, act, r, 1, &why) < 0)
        ut_log_diag(UT_LOG_ERR, NULL, &why);
    r->state = QTN_HELD;
    r->changed = qtn_keeper_now();
    r->text[QTN_TEXT_NOTE] = act->note;
    if (qtn_index_put(k->index, r, 1, &why) < 0)
        ut_log_diag(UT_LOG_ERR, NULL, &why);
    return ut_diag_set(d, "message %s is still held: %s", r->id, act->note);
}

/* Ends the release as the listener answered. Having entered. */
static int
finish(struct qtn_keeper *k, const char *id, struct qtn_act *act, const struct ut_smtp_reply *reply,
    struct ut_diag *d)
{
    struct qtn_record r;
    enum qtn_find found = qtn_index_get(k->index, id, &r, d);
    int result = -1;

    if (found == QTN_NOTFOUND)
        ut_diag_set(d, "the record of message %s is gone", id);
    if (found == QTN_FOUND) {
        log_release(&r, act, reply);
        result = act->event == QTN_EVENT_RELEASED ? finish_accepted(k, act, &r, d)
                                                  : finish_refused(k, act, &r, d);
        qtn_record_fini(&r);
    }
    return result;
}

/* What the audit log and the note say about the answer. */
static void
describe(struct ut_sbuf *out, enum ut_smtp_result result, const struct ut_smtp_reply *reply,
    const struct ut_diag *why)
{
    if (result == UT_SMTP_ACCEPTED)
        ut_sbuf_addf(out, "%d %s", reply->code, reply->text);
    else
        ut_sbuf_addf(out, "%s%s",
            reply->in_doubt ? "it may have been delivered all the same: " : "", why->text);
}

/* The quarantine of [boxes] that has message [id]. */
static const char *
box_of(const struct qtn_boxes *boxes, const char *id)
{
    for (size_t i = 0; i < boxes->count; i++)
        if (qtn_store_exists(boxes->items[i].store, id, NULL) == QTN_OK)
            return boxes->items[i].ref;
    return "";
}

/* The same without an index: the audit log alone gets to know. Building the index again reads it,
 * and so does whoever opens the index when it can be used again. */
static void
finish_blind(struct qtn_keeper *k, const struct qtn_boxes *boxes, const struct qtn_file *f,
    const struct qtn_act *act, const struct ut_diag *no_index)
{
    struct qtn_record r;
    struct ut_diag why;
    int result = qtn_record_from_file(&r, f, box_of(boxes, f->env.id), &why);

    if (result == 0) {
        pthread_mutex_lock(&k->lock);
        result = qtn_audit_write(k->audit, act, &r, 1, &why);
        pthread_mutex_unlock(&k->lock);
        qtn_record_fini(&r);
    }
    if (result == 0)
        ut_log(UT_LOG_ERR, "%s: the answer \"%s\" is in the audit log alone: %s", f->env.id,
            act->note, no_index->text);
    else
        ut_log(UT_LOG_CRIT, "%s: the answer \"%s\" could not be noted: %s; %s", f->env.id,
            act->note, no_index->text, why.text);
}

/* Verifies, sends, and notes the outcome. */
static int
deliver(struct qtn_keeper *k, const struct qtn_boxes *boxes, const struct qtn_file *f,
    const char *by, const char *way, struct ut_diag *d)
{
    struct ut_smtp_reply reply = {.result = UT_SMTP_TROUBLE};
    struct qtn_act act = {.event = QTN_EVENT_RELEASE_FAILED, .by = by, .way = way};
    struct ut_diag why = {0};
    struct ut_sbuf note;
    int result = -1;

    ut_sbuf_init(&note, QTN_TEXT_MAX);
    if (qtn_file_verify(f, &why) == QTN_OK)
        reply.result = send_file(k, &boxes->conf->global, f, &reply, &why);
    if (reply.result == UT_SMTP_ACCEPTED)
        act.event = QTN_EVENT_RELEASED;
    describe(&note, reply.result, &reply, &why);
    act.note = ut_sbuf_text(&note);
    if (qtn_keeper_enter(k, &why) == 0) {
        result = finish(k, f->env.id, &act, &reply, d);
        qtn_keeper_leave(k);
    } else {
        finish_blind(k, boxes, f, &act, &why);
        (void)ut_diag_set(d, "message %s: %s: %s", f->env.id, act.note, why.text);
    }
    ut_sbuf_fini(&note);
    return result;
}

/* Takes [flight] off the list. */
static void
land(struct qtn_keeper *k, struct qtn_flight *flight)
{
    struct qtn_flight **at;

    pthread_mutex_lock(&k->lock);
    for (at = &k->flights; *at != flight; at = &(*at)->next)
        ;
    *at = flight->next;
    if (!k->flights)
        pthread_cond_broadcast(&k->idle);
    pthread_mutex_unlock(&k->lock);
}

int
qtn_release(struct qtn_keeper *k, const char *id, const char *by, const char *way, bool *again,
    struct ut_diag *d)
{
    struct qtn_flight flight = {.id = id};
    struct qtn_boxes *boxes;
    struct qtn_file f;
    int result;

    *again = false;
    if (qtn_keeper_enter(k, d) < 0)
        return -1;
    result = begin(k, id, &f, again, d);
    if (result > 0) {
        flight.next = k->flights;
        k->flights = &flight;
    }
    qtn_keeper_leave(k);
    if (result <= 0)
        return result;
    boxes = qtn_keeper_boxes(k);
    result = deliver(k, boxes, &f, by, way, d);
    qtn_boxes_unref(boxes);
    qtn_file_close(&f);
    land(k, &flight);
    return result;
}

/* When the index is opened ----------------------------------------------------------------------
 */

/* True if a thread of ours is at it: the index was closed meanwhile, as damaged. */
static bool
in_flight(const struct qtn_keeper *k, const char *id)
{
    for (const struct qtn_flight *f = k->flights; f; f = f->next)
        if (strcmp(f->id, id) == 0)
            return true;
    return false;
}

static int
resolve(struct qtn_keeper *k, struct qtn_record *r, struct ut_diag *d)
{
    bool doubt = strcmp(r->text[QTN_TEXT_NOTE], IN_DOUBT) == 0;

    r->state = QTN_HELD;
    r->changed = qtn_keeper_now();
    r->text[QTN_TEXT_NOTE] =
        doubt ? "a release was cut off before the answer came: it may have been delivered"
              : "a release was cut off before all was sent: it was not delivered";
    ut_log(UT_LOG_WARNING, "%s is held again: %s", r->id, r->text[QTN_TEXT_NOTE]);
    return qtn_index_put(k->index, r, 1, d);
}

int
qtn_release_resolve(struct qtn_keeper *k, struct ut_diag *d)
{
    char after[QTN_ID_LEN + 1] = "";
    struct qtn_record r;
    enum qtn_find found = QTN_FOUND;
    int result = 0;

    while (result == 0 && (found = qtn_index_next(k->index, after, NULL, &r, d)) == QTN_FOUND) {
        memcpy(after, r.id, sizeof(after));
        if (r.state == QTN_RELEASING && !in_flight(k, r.id))
            result = resolve(k, &r, d);
        qtn_record_fini(&r);
    }
    return found == QTN_FAILED ? -1 : result;
}
