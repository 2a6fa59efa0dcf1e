/* mlt_burst.c - the edits of a message, in one go.
 * Not here: which edits (mlt_edit.c, mlt_verdict.c), what comes before them (mlt_apply.c).
 * Threads: that of the connection. Fails: the mail server does not take one, out of memory.
 *
 * No look-up, file or script stands between the first edit and the answer. Recipients are removed
 * before others are added, so that one who is removed and added under the same address stays. */
#include "config.h"

#include "milter/mlt_burst.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/ut_log.h"
#include "milter/mlt_addr.h"
#include "milter/mlt_inject.h"
#include "milter/mlt_log.h"

/* A header value as the mail server wants it: with its leading blank if that was agreed on. */
static int
send_header(struct mlt_conn *c, const struct mlt_edit *e, unsigned position)
{
    const struct mlt_ops *ops = c->ops;
    char *value;
    size_t len;

    if (e->op == MLT_EDIT_DELETE)
        return ops->chgheader(c->ctx, e->name, e->nth, NULL);
    len = strlen(e->value);
    value = ut_arena_alloc(c->msg.arena, len + 2);
    if (!value)
        return -1;
    memcpy(value + 1, e->value, len + 1);
    value[0] = ' ';
    if (e->op == MLT_EDIT_CHANGE)
        return ops->chgheader(c->ctx, e->name, e->nth, c->leading_space ? value : value + 1);
    return ops->insheader(c->ctx, position, e->name, c->leading_space ? value : value + 1);
}

/* Removes the transport headers that the message brought along, lowest first. */
static int
remove_transport(struct mlt_conn *c)
{
    for (size_t i = c->msg.header_count; i-- > 0;) {
        const struct mlt_header *h = &c->msg.headers[i];

        if (strcasecmp(h->name, MLT_TRANSPORT_HEADER) == 0 &&
            c->ops->chgheader(c->ctx, h->name, h->nth, NULL) != 0)
            return -1;
    }
    return 0;
}

static int
send_headers(struct mlt_conn *c, const struct mlt_group *g)
{
    unsigned position = (unsigned)c->flows->conf->global.add_header_position;
    struct mlt_edit transport = {MLT_EDIT_INSERT, MLT_TRANSPORT_HEADER, g->transport, 0, 0};

    if (remove_transport(c) != 0)
        return -1;
    for (size_t i = 0; g->edits && i < g->edits->count; i++) {
        const struct mlt_edit *e = &g->edits->items[i];

        if (strcasecmp(e->name, MLT_TRANSPORT_HEADER) != 0 && send_header(c, e, position) != 0)
            return -1;
    }
    return g->transport ? send_header(c, &transport, position) : 0;
}

/* What the sender asked for about [r] (RFC 3461 4): it goes along when the message goes elsewhere.
 * "": nothing; NULL without memory. */
static const char *
dsn_params(struct mlt_conn *c, const struct mlt_rcpt *r)
{
    static const char *const names[] = {"NOTIFY", "ORCPT"};
    struct ut_sbuf b;
    const char *text;

    ut_sbuf_init(&b, 65536);
    for (size_t i = 0; i < 2; i++) {
        const char *value = mlt_addr_param(&r->address, names[i]);

        if (value && *value != '\0')
            ut_sbuf_addf(&b, "%s%s=%s", b.len > 0 ? " " : "", names[i], value);
    }
    text = b.failed ? NULL : ut_arena_dup(c->msg.arena, ut_sbuf_text(&b), b.len);
    ut_sbuf_fini(&b);
    return text;
}

static int
add_address(struct mlt_conn *c, const struct mlt_target *t)
{
    const char *params = t->moved ? dsn_params(c, t->rcpt) : "";
    size_t len = strlen(t->address);
    char *text = ut_arena_alloc(c->msg.arena, len + 3);

    if (!text || !params)
        return -1;
    snprintf(text, len + 3, "<%s>", t->address);
    return c->ops->addrcpt(c->ctx, text, *params != '\0' ? params : NULL);
}

/* Removes whom this message is not for, then adds whom it is for besides. */
static int
send_recipients(struct mlt_conn *c, const struct mlt_group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        if (g->targets[i].own)
            g->targets[i].rcpt->stays = true;
    }
    for (size_t i = 0; i < c->msg.rcpt_count; i++) {
        const struct mlt_rcpt *r = &c->msg.rcpts[i];

        if (!r->stays && c->ops->delrcpt(c->ctx, r->address.raw) != 0)
            return -1;
    }
    for (size_t i = 0; i < g->count; i++) {
        if (!g->targets[i].own && add_address(c, &g->targets[i]) != 0)
            return -1;
    }
    return 0;
}

static int
send_sender(struct mlt_conn *c)
{
    const char *sender = c->msg.new_sender;
    size_t len = sender ? strlen(sender) : 0;
    char *text;

    if (!sender || strcmp(sender, c->msg.sender.bare) == 0)
        return 0;
    if (c->msg.sender_disputed) {
        struct ut_log_rec *r = mlt_log_begin(UT_LOG_WARNING, c);

        ut_log_text(r, "scripts set different senders for one message: <%s> is used", sender);
        ut_log_end(r);
    }
    text = ut_arena_alloc(c->msg.arena, len + 3);
    if (!text)
        return -1;
    snprintf(text, len + 3, "<%s>", sender);
    return c->ops->chgfrom(c->ctx, text);
}

int
mlt_burst_send(struct mlt_conn *c, const struct mlt_group *g)
{
    return send_sender(c) == 0 && send_headers(c, g) == 0 && send_recipients(c, g) == 0 ? 0 : -1;
}
