/* mlt_msg.c - one message while it comes in.
 * Not here: the order of events (mlt_sess.c), what is decided.
 * Threads: that of the connection. Fails: out of memory, over limits, temporary file: the message
 * is marked, and refused at its end. */
#include "config.h"

#include "milter/mlt_msg.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "lib/ut_log.h"
#include "milter/mlt_addr.h"

/* A random UUID (RFC 4122 4.4). */
static int
make_id(char out[MLT_ID_LEN + 1])
{
    unsigned char b[16];

    if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
        return -1;
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(out, MLT_ID_LEN + 1,
        "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
        b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    return 0;
}

int
mlt_msg_begin(struct mlt_msg *m, const char *directory, char *const *args)
{
    static char *const null_sender[] = {(char *)"<>", NULL};
    struct ut_arena *arena = m->arena;

    mlt_msg_end(m);
    if (!arena)
        arena = ut_arena_new(MLT_MAX_MEMORY);
    if (!arena)
        return -1;
    m->arena = arena;
    m->queue = "";
    mlt_spool_init(&m->spool, directory);
    m->active = true;
    if (!args || !args[0])
        args = null_sender;
    if (make_id(m->id) != 0 || mlt_addr_parse(&m->sender, arena, args[0], args + 1) != 0) {
        mlt_msg_end(m);
        return -1;
    }
    m->utf8 = mlt_addr_param(&m->sender, "SMTPUTF8") != NULL;
    return 0;
}

void
mlt_msg_end(struct mlt_msg *m)
{
    struct ut_arena *arena = m->arena;

    if (m->active)
        mlt_spool_fini(&m->spool);
    if (arena)
        ut_arena_reset(arena);
    memset(m, 0, sizeof(*m));
    m->arena = arena;
    m->queue = "";
}

void
mlt_msg_fini(struct mlt_msg *m)
{
    mlt_msg_end(m);
    ut_arena_free(m->arena);
    m->arena = NULL;
}

struct mlt_rcpt *
mlt_msg_find(const struct mlt_msg *m, const char *raw)
{
    for (size_t i = 0; i < m->rcpt_count; i++) {
        if (strcasecmp(m->rcpts[i].address.raw, raw) == 0)
            return &m->rcpts[i];
    }
    return NULL;
}

int
mlt_msg_add_rcpt(struct mlt_msg *m, const struct mlt_rcpt *r)
{
    if (m->rcpt_count >= MLT_MAX_RCPTS)
        return -1;
    if (m->rcpt_count == m->rcpt_cap) {
        size_t cap = m->rcpt_cap ? m->rcpt_cap * 2 : 4;
        struct mlt_rcpt *rcpts = ut_arena_calloc(m->arena, cap, sizeof(*rcpts));

        if (!rcpts)
            return -1;
        if (m->rcpt_count > 0)
            memcpy(rcpts, m->rcpts, m->rcpt_count * sizeof(*rcpts));
        m->rcpts = rcpts;
        m->rcpt_cap = cap;
    }
    m->rcpts[m->rcpt_count++] = *r;
    return 0;
}

static int
grow_headers(struct mlt_msg *m)
{
    size_t cap = m->header_cap ? m->header_cap * 2 : 32;
    struct mlt_header *headers;

    if (m->header_count < m->header_cap)
        return 0;
    headers = ut_arena_calloc(m->arena, cap, sizeof(*headers));
    if (!headers)
        return -1;
    if (m->header_count > 0)
        memcpy(headers, m->headers, m->header_count * sizeof(*headers));
    m->headers = headers;
    m->header_cap = cap;
    return 0;
}

/* Which of its name the next header [name] is, from 1. */
static unsigned
count_name(const struct mlt_msg *m, const char *name)
{
    for (size_t i = m->header_count; i-- > 0;) {
        if (strcasecmp(m->headers[i].name, name) == 0)
            return m->headers[i].nth + 1;
    }
    return 1;
}

void
mlt_msg_add_header(struct mlt_msg *m, const char *name, const char *value, bool leading)
{
    struct mlt_header h = {0};
    size_t len = strlen(value);
    char *copy;

    m->header_bytes += strlen(name) + len + 3;
    if (m->header_count >= MLT_MAX_HEADERS || m->header_bytes > MLT_MAX_HEADER) {
        m->headers_too_large = true;
        return;
    }
    h.nth = count_name(m, name);
    h.len = leading ? len : len + 1;
    h.name = ut_arena_dup(m->arena, name, strlen(name));
    copy = ut_arena_alloc(m->arena, h.len + 1);
    if (!h.name || !copy || grow_headers(m) != 0) {
        m->incomplete = true;
        return;
    }
    copy[0] = ' ';
    memcpy(copy + (leading ? 0 : 1), value, len + 1);
    h.value = copy;
    m->headers[m->header_count++] = h;
}

int
mlt_msg_spool(struct mlt_msg *m, struct ut_diag *d)
{
    struct ut_sbuf head;
    int rc;

    if (m->spooling)
        return 0;
    m->spooling = true;
    ut_sbuf_init(&head, 2 * MLT_MAX_HEADER);
    mlt_edits_write(m->headers, m->header_count, NULL, NULL, &head);
    ut_sbuf_add(&head, "\r\n", 2);
    rc = head.failed ? ut_diag_set(d, "out of memory for the headers of a message")
                     : mlt_spool_add(&m->spool, head.data, head.len, d);
    ut_sbuf_fini(&head);
    m->body_offset = m->spool.size;
    return rc;
}

/* True if Postfix may have made header [i] itself, which then differs each time the message comes:
 * for its own clients it adds missing Message-Id, Date and From headers, in this order, at the end
 * of the block (local_header_rewrite_clients). From is made of the sender. */
static bool
is_volatile(const struct mlt_msg *m, size_t i)
{
    const struct mlt_header *h = &m->headers[i];

    if (strcasecmp(h->name, "Date") == 0)
        return i + 2 >= m->header_count;
    return strcasecmp(h->name, "Message-Id") == 0 && m->queue[0] != '\0' &&
           strstr(h->value, m->queue) != NULL;
}

int
mlt_msg_digest(const struct mlt_msg *m, char out[MLT_DIGEST_LEN + 1], struct ut_diag *d)
{
    struct ut_sbuf prefix;
    int rc;

    ut_sbuf_init(&prefix, 2 * MLT_MAX_HEADER);
    ut_sbuf_add(&prefix, m->sender.raw, strlen(m->sender.raw) + 1);
    if (m->header_count == 0)
        ut_sbuf_addz(&prefix, m->id); /* nothing to know it by again */
    for (size_t i = 0; i < m->header_count; i++) {
        if (!is_volatile(m, i))
            mlt_edits_write(&m->headers[i], 1, NULL, NULL, &prefix);
    }
    rc = prefix.failed
             ? ut_diag_set(d, "out of memory for the headers of a message")
             : mlt_spool_digest(&m->spool, prefix.data, prefix.len, m->body_offset, out, d);
    ut_sbuf_fini(&prefix);
    return rc;
}

void
mlt_msg_add_body(struct mlt_msg *m, const void *p, size_t len, long long max)
{
    struct ut_diag d;

    if (m->too_large || m->spool_failed)
        return;
    if (m->spool.size + (long long)len > max) {
        m->too_large = true;
        return;
    }
    if (mlt_msg_spool(m, &d) != 0 || mlt_spool_add(&m->spool, p, len, &d) != 0) {
        m->spool_failed = true;
        ut_log_diag(UT_LOG_ERR, "a message is deferred", &d);
    }
}
