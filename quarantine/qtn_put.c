/* qtn_put.c - write one message into a quarantine, whole or not at all.
 * Not here: the format (qtn_file.c), the folder (qtn_store.c), the index (qtn_index.c).
 * Threads: a put belongs to one; any number of them at a time.
 * Fails: as qtn_store.c; the first failure of a put sticks to it.
 *
 * How a message becomes durable: it is written whole as tmp/ID.tmp, renamed to incoming/ID.eml,
 * then file and folder are synced, at the same time; only after that is it held, and only then
 * does the caller answer. Syncing both at once, after the rename, makes one commit of the file
 * system's journal of what would be two, which is what bounds the messages a second. Until then the
 * name is there but a power cut may leave nothing or a part behind it: the length and the digest in
 * the first line tell, and nobody was told that it is held. penstock-quarantined, which may see the
 * name in between, syncs the file itself before it makes a record of it (qtn_take.c).
 *
 * Undoing renames to incoming/ID.undo: one atomic step that needs no space and that
 * penstock-quarantined, which may have indexed the message by then, understands. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ut_file.h"
#include "quarantine/qtn_digest.h"
#include "quarantine/qtn_store.h"

#define BUFFER ((size_t)64 * 1024)

struct qtn_put {
    struct qtn_store *store; /* borrowed */
    char id[QTN_ID_LEN + 1];
    int fd;                   /* of the file; -1: not made yet, or closed */
    bool made;                /* tmp/ID.tmp is there */
    bool prepared;            /* ... and is complete */
    enum qtn_result result;   /* of the first failure */
    struct ut_diag diag;      /* its text */
    struct qtn_digest digest; /* of all behind the first line */
    off_t offset;             /* where the original starts in the file */
    long long size;           /* bytes of the original so far */
    off_t written;            /* bytes of the file that left [buf] */
    size_t used;              /* bytes in [buf] */
    char buf[BUFFER];
};

/* Keeps the failure in p->diag as that of the put, and hands it up. */
static enum qtn_result
stick(struct qtn_put *p, enum qtn_result result, struct ut_diag *d)
{
    p->result = result;
    if (d)
        *d = p->diag;
    return result;
}

/* The same for a system call on the put's file. */
static enum qtn_result
stick_errno(struct qtn_put *p, const char *what, struct ut_diag *d)
{
    enum qtn_result result = qtn_store_errno(errno);

    ut_diag_errno(&p->diag, "cannot %s a message in %s", what, qtn_store_directory(p->store));
    return stick(p, result, d);
}

/* Writes out what is in the buffer. */
static enum qtn_result
flush(struct qtn_put *p, struct ut_diag *d)
{
    char path[QTN_PATH_MAX];

    if (p->fd < 0) {
        qtn_store_path(p->store, QTN_PLACE_TMP, p->id, path);
        p->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (p->fd < 0)
            return stick_errno(p, "make", d);
        p->made = true;
    }
    if (ut_file_write_all(p->fd, p->buf, p->used) < 0)
        return stick_errno(p, "write", d);
    p->written += (off_t)p->used;
    p->used = 0;
    return QTN_OK;
}

/* Adds bytes to file and digest. */
static enum qtn_result
add(struct qtn_put *p, const char *data, size_t len, struct ut_diag *d)
{
    if (qtn_digest_add(&p->digest, data, len) < 0) {
        ut_diag_set(&p->diag, "cannot compute the digest of a message");
        return stick(p, QTN_ERROR, d);
    }
    while (len > 0) {
        size_t n = len < BUFFER - p->used ? len : BUFFER - p->used;

        memcpy(p->buf + p->used, data, n);
        p->used += n;
        data += n;
        len -= n;
        if (p->used == BUFFER && flush(p, d) != QTN_OK)
            return p->result;
    }
    return QTN_OK;
}

/* Starts the file: room for the first line, which is known at the end, and the envelope. */
static enum qtn_result
begin(struct qtn_put *p, const struct qtn_envelope *e, struct ut_diag *d)
{
    struct qtn_envelope copy = *e;
    struct ut_sbuf headers;
    enum qtn_result result = QTN_ERROR;

    copy.id = p->id;
    ut_sbuf_init(&headers, QTN_ENVELOPE_MAX + 1);
    if (qtn_digest_init(&p->digest) < 0) {
        ut_diag_set(d, "no memory for the digest of a message");
    } else if (qtn_file_headers(&copy, &headers, d) == 0) {
        p->used = QTN_FILE_FIRST;
        p->offset = QTN_FILE_FIRST + (off_t)headers.len;
        result = add(p, headers.data, headers.len, d);
    }
    ut_sbuf_fini(&headers);
    return result;
}

enum qtn_result
qtn_put_new(
    struct qtn_put **out, struct qtn_store *s, const struct qtn_envelope *e, struct ut_diag *d)
{
    struct qtn_put *p;
    enum qtn_result result = QTN_ERROR;

    *out = NULL;
    if (e->id && !qtn_id_valid(e->id)) {
        ut_diag_set(d, "not a message id");
        return QTN_ERROR;
    }
    p = malloc(sizeof(*p));
    if (!p) {
        ut_diag_set(d, "no memory to store a message");
        return QTN_ERROR;
    }
    memset(p, 0, offsetof(struct qtn_put, buf));
    p->store = s;
    p->fd = -1;
    if (e->id)
        memcpy(p->id, e->id, sizeof(p->id));
    if (e->id || qtn_id_new(p->id, d) == 0)
        result = begin(p, e, d);
    if (result != QTN_OK) {
        qtn_put_free(p);
        return result;
    }
    *out = p;
    return QTN_OK;
}

enum qtn_result
qtn_put_write(struct qtn_put *p, const void *data, size_t len, struct ut_diag *d)
{
    if (p->result != QTN_OK)
        return stick(p, p->result, d);
    if (p->prepared) {
        ut_diag_set(&p->diag, "the message is complete already");
        return stick(p, QTN_ERROR, d);
    }
    if (len > (size_t)(QTN_SIZE_MAX - p->size)) {
        ut_diag_set(&p->diag, "the message is over %lld bytes", QTN_SIZE_MAX);
        return stick(p, QTN_ERROR, d);
    }
    p->size += (long long)len;
    return add(p, data, len, d);
}

/* Writes the rest and the first line. */
static enum qtn_result
finish(struct qtn_put *p, struct ut_diag *d)
{
    char hex[QTN_DIGEST_LEN + 1];
    char first[QTN_FILE_FIRST + 1];
    bool in_buf = p->written == 0;

    if (qtn_digest_hex(&p->digest, hex) < 0) {
        ut_diag_set(&p->diag, "cannot compute the digest of a message");
        return stick(p, QTN_ERROR, d);
    }
    qtn_file_first(first, p->offset, p->size, hex);
    if (in_buf)
        memcpy(p->buf, first, QTN_FILE_FIRST);
    if (flush(p, d) != QTN_OK)
        return p->result;
    if (!in_buf && pwrite(p->fd, first, QTN_FILE_FIRST, 0) != QTN_FILE_FIRST)
        return stick_errno(p, "write", d);
    return QTN_OK;
}

enum qtn_result
qtn_put_prepare(struct qtn_put *p, struct ut_diag *d)
{
    if (p->result != QTN_OK)
        return stick(p, p->result, d);
    if (p->prepared)
        return QTN_OK;
    if (finish(p, d) != QTN_OK)
        return p->result;
    /* the disk may begin now; whether it can, fsync(2) will say */
    (void)sync_file_range(p->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    p->prepared = true;
    return QTN_OK;
}

/* Gives one prepared file its name in incoming/. */
static enum qtn_result
move(struct qtn_put *p, struct ut_diag *d)
{
    char from[QTN_PATH_MAX];
    char to[QTN_PATH_MAX];

    if (p->result != QTN_OK || !p->prepared || !p->made) {
        if (p->result == QTN_OK)
            ut_diag_set(&p->diag, "the message is not prepared, or was committed before");
        return stick(p, p->result == QTN_OK ? QTN_ERROR : p->result, d);
    }
    qtn_store_path(p->store, QTN_PLACE_TMP, p->id, from);
    qtn_store_path(p->store, QTN_PLACE_INCOMING, p->id, to);
    if (rename(from, to) < 0)
        return stick_errno(p, "keep", d);
    p->made = false;
    return QTN_OK;
}

/* Makes the bytes durable. */
static enum qtn_result
sync_file(struct qtn_put *p, struct ut_diag *d)
{
    if (fsync(p->fd) < 0)
        return stick_errno(p, "sync", d);
    close(p->fd); /* what it could say, fsync(2) has said */
    p->fd = -1;
    return QTN_OK;
}

/* Makes files and names durable, both at once. */
static enum qtn_result
sync_all(struct qtn_put *const *puts, size_t count, struct ut_diag *d)
{
    struct qtn_store *s = puts[0]->store;
    enum qtn_result result = QTN_OK;
    enum qtn_result names;
    struct qtn_sync sync;

    qtn_store_sync_start(s, &sync);
    for (size_t i = 0; result == QTN_OK && i < count; i++)
        result = sync_file(puts[i], d);
    names = qtn_store_sync_wait(s, &sync, result == QTN_OK ? d : NULL);
    return result == QTN_OK ? names : result;
}

enum qtn_result
qtn_put_commit(struct qtn_put *const *puts, size_t count, struct ut_diag *d)
{
    enum qtn_result result = QTN_OK;
    struct ut_diag why;
    size_t moved = 0;

    for (; moved < count; moved++) {
        result = move(puts[moved], d);
        if (result != QTN_OK)
            break;
    }
    if (result == QTN_OK && count > 0)
        result = sync_all(puts, count, d);
    if (result == QTN_OK)
        return QTN_OK;
    while (moved-- > 0)
        if (qtn_store_withdraw(puts[moved]->store, puts[moved]->id, &why) != QTN_OK && d)
            ut_diag_set(d, "%s; it could not be withdrawn either", why.text);
    return result;
}

void
qtn_put_free(struct qtn_put *p)
{
    char path[QTN_PATH_MAX];

    if (!p)
        return;
    if (p->fd >= 0)
        close(p->fd);
    if (p->made) {
        qtn_store_path(p->store, QTN_PLACE_TMP, p->id, path);
        unlink(path);
    }
    qtn_digest_fini(&p->digest);
    free(p);
}

const char *
qtn_put_id(const struct qtn_put *p)
{
    return p->id;
}
