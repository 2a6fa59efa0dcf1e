/* mlt_inject.c - copies and reports through the re-injection listener.
 * Not here: SMTP (lib/ut_smtp.c), the text of a report (mlt_report.c), which copies there are
 * (mlt_verdict.c).
 * Threads: that of the connection. Fails: no memory, no listener, the listener refuses.
 *
 * A copy carries the header block of its group and the body as received. Its transport goes in a
 * header of its own, as in the message itself (library §17.1); since nobody but us may set that
 * header, one that the message brought along is left out. */
#include "config.h"

#include "milter/mlt_inject.h"

#include <string.h>

#include "lib/ut_log.h"
#include "lib/ut_smtp.h"
#include "milter/mlt_log.h"
#include "milter/mlt_report.h"
#include "milter/mlt_server.h"

/* What is being sent: the head, then the body out of the spool. */
struct reader {
    const struct ut_sbuf *head;
    size_t at;                     /* in the head */
    const struct mlt_spool *spool; /* NULL: no body */
    long long offset;              /* in the spool */
};

static ssize_t
read_next(void *arg, char *buf, size_t len)
{
    struct reader *r = arg;
    size_t rest = r->head->len - r->at;
    ssize_t n;

    if (rest > 0) {
        if (len > rest)
            len = rest;
        memcpy(buf, r->head->data + r->at, len);
        r->at += len;
        return (ssize_t)len;
    }
    if (!r->spool)
        return 0;
    n = mlt_spool_read(r->spool, r->offset, buf, len);
    if (n > 0)
        r->offset += n;
    return n;
}

/* What the journal is to know when a submission was accepted. */
struct note {
    enum mlt_effect effect;
    const char **owners, **recipients;
    size_t count;
};

/* In the message's arena. */
static int
note_init(
    struct note *n, struct mlt_conn *c, enum mlt_effect effect, size_t count, struct ut_diag *d)
{
    n->effect = effect;
    n->count = count;
    n->owners = ut_arena_calloc(c->msg.arena, count, sizeof(*n->owners));
    n->recipients = ut_arena_calloc(c->msg.arena, count, sizeof(*n->recipients));
    return n->owners && n->recipients ? 0 : ut_diag_set(d, "out of memory for a submission");
}

/* Submits [job] with the content of [reader]. Once that is accepted, nothing may make the message
 * come again: what cannot be written down is known all the same. */
static int
submit(struct mlt_conn *c, struct mlt_claim *claim, struct ut_smtp_job *job, struct reader *reader,
    const struct note *note, struct ut_diag *d)
{
    const struct ut_conf_global *g = &c->flows->conf->global;
    struct ut_smtp_reply reply = {0};
    struct ut_sbuf lines;
    int rc;

    job->server = g->reinject;
    job->helo = c->myhostname;
    job->read = read_next;
    job->arg = reader;
    job->length = (long long)reader->head->len;
    if (reader->spool)
        job->length += reader->spool->size - reader->offset;
    job->timeout = (int)g->reinject_timeout;
    ut_sbuf_init(&lines, MLT_MAX_MEMORY);
    mlt_claim_lines(claim, note->effect, note->owners, note->recipients, note->count, &lines);
    rc = lines.failed ? ut_diag_set(d, "out of memory for a submission")
                      : mlt_server_submit(c->server, job, &lines, &reply, d);
    ut_sbuf_fini(&lines);
    if (rc != 0 && reply.in_doubt)
        mlt_log_trouble(UT_LOG_WARNING, c,
            "the re-injection listener got a whole message but did not answer: it may come twice",
            d);
    for (size_t i = 0; rc == 0 && i < note->count; i++) {
        if (mlt_claim_note(claim, note->effect, note->owners[i], note->recipients[i], NULL, d) != 0)
            mlt_log_trouble(UT_LOG_WARNING, c, "the journal could not be written", d);
    }
    return rc;
}

static int
compose(
    const struct mlt_conn *c, const struct mlt_group *g, struct ut_sbuf *head, struct ut_diag *d)
{
    if (g->transport)
        ut_sbuf_addf(head, "%s: %s\r\n", MLT_TRANSPORT_HEADER, g->transport);
    mlt_edits_write(c->msg.headers, c->msg.header_count, g->edits, MLT_TRANSPORT_HEADER, head);
    ut_sbuf_addz(head, "\r\n");
    return head->failed ? ut_diag_set(d, "out of memory for a copy of the message") : 0;
}

int
mlt_inject_copy(struct mlt_conn *c, struct mlt_claim *claim, const struct mlt_group *g,
    size_t first, size_t end, struct ut_diag *d)
{
    const struct mlt_msg *m = &c->msg;
    const char *rcpts[MLT_INJECT_RCPTS];
    struct ut_smtp_job job = {0};
    struct reader reader = {0};
    struct ut_sbuf head;
    struct note note;
    int rc;

    if (!c->flows->steps.body)
        return ut_diag_set(d, "a copy is needed, but no script asked for the body");
    UT_BUG_ON(end - first > MLT_INJECT_RCPTS || end > g->count);
    if (note_init(&note, c, MLT_EFFECT_COPIED, end - first, d) != 0)
        return -1;
    for (size_t i = first; i < end; i++) {
        rcpts[i - first] = g->targets[i].address;
        note.owners[i - first] = g->targets[i].rcpt->address.raw;
        note.recipients[i - first] = g->targets[i].copied;
    }
    job.sender = m->new_sender ? m->new_sender : m->sender.bare;
    job.rcpts = rcpts;
    job.rcpt_count = end - first;
    ut_sbuf_init(&head, 2 * MLT_MAX_HEADER + MLT_MAX_MEMORY);
    rc = compose(c, g, &head, d);
    if (rc == 0) {
        reader.head = &head;
        reader.spool = &m->spool;
        reader.offset = m->body_offset;
        rc = submit(c, claim, &job, &reader, &note, d);
    }
    ut_sbuf_fini(&head);
    return rc;
}

int
mlt_inject_report(struct mlt_conn *c, struct mlt_claim *claim, struct mlt_rcpt *const *rcpts,
    size_t count, struct ut_diag *d)
{
    const char *sender = c->msg.sender.bare;
    struct ut_smtp_job job = {.sender = "", .rcpts = &sender, .rcpt_count = 1};
    struct ut_sbuf text;
    struct reader reader = {.head = &text};
    struct note note;
    int rc = -1;

    if (note_init(&note, c, MLT_EFFECT_REPORTED, count, d) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        note.owners[i] = note.recipients[i] = rcpts[i]->address.raw;
    ut_sbuf_init(&text, 4 * MLT_MAX_HEADER);
    mlt_report_write(c, rcpts, count, &text);
    if (text.failed)
        ut_diag_set(d, "out of memory for a report");
    else
        rc = submit(c, claim, &job, &reader, &note, d);
    ut_sbuf_fini(&text);
    return rc;
}
