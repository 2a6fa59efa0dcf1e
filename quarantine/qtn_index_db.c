/* qtn_index_db.c - the index in Berkeley DB.
 * Not here: locking against other threads (qtn_index.c), what a record holds (qtn_record.c).
 * Threads: one at a time, so the database never sees a deadlock.
 * Fails: every code of the library is folded in fold(). Nothing is logged, nothing ends the
 * program.
 *
 * The folder is an environment of its own (lib/ut_bdb.h): messages.db (id -> record; ids sort by
 * time, so this is the order of time too), recipients.db (recipient in lower case -> ids, kept in
 * step by the library) and log files. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ut_bdb.h"
#include "quarantine/qtn_index_internal.h"

#define MESSAGES "messages.db"
#define RECIPIENTS "recipients.db"
#define LOG_FILE (1u << 20)

struct db_index {
    struct qtn_index base;
    char *dir;
    struct ut_bdb bdb;
    DB *messages;
    DB *recipients;
    bool building; /* opened with create: not durable before a checkpoint */
};

static struct db_index *
db_of(struct qtn_index *ix)
{
    return (struct db_index *)ix;
}

/* Trouble ------------------------------------------------------------------------------------ */

/* The one place where codes of the library are told apart. Gives -1. */
static int
fold(struct db_index *m, int err, const char *what, struct ut_diag *d)
{
    char why[UT_BDB_WHY];

    if (ut_bdb_fold(&m->bdb, err, why) == UT_BDB_SYSTEM)
        return ut_diag_set(d, "cannot %s the index in %s: %s", what, m->dir, why);
    m->base.damaged = true;
    return ut_diag_set(d,
        "cannot %s the index in %s, it is damaged (%s); build it again with: "
        "penstock quarantine reindex",
        what, m->dir, why);
}

/* Open and close ----------------------------------------------------------------------------- */

/* A DBT that the library fills from malloc(3). */
static void
set_malloc(DBT *t)
{
    memset(t, 0, sizeof(*t));
    t->flags = DB_DBT_MALLOC;
}

/* A DBT that is [buf] both ways, [used] bytes of it filled. */
static void
set_buffer(DBT *t, char *buf, size_t size, size_t used)
{
    memset(t, 0, sizeof(*t));
    t->data = buf;
    t->ulen = (u_int32_t)size;
    t->size = (u_int32_t)used;
    t->flags = DB_DBT_USERMEM;
}

/* For DB->associate: the recipient of a record. A damaged record has none. */
static int
recipient_of(DB *db, const DBT *id, const DBT *record, DBT *out)
{
    const char *recipient = qtn_record_peek_recipient(record->data, record->size);
    char key[QTN_TEXT_MAX + 1];

    (void)db;
    (void)id;
    memset(out, 0, sizeof(*out));
    if (!recipient)
        return DB_DONOTINDEX;
    qtn_index_key(recipient, key);
    out->data = strdup(key);
    if (!out->data)
        return ENOMEM;
    out->size = (u_int32_t)strlen(key);
    out->flags = DB_DBT_APPMALLOC;
    return 0;
}

/* Makes the folder, or makes sure that it holds an index. */
static int
check_folder(const char *dir, bool create, struct ut_diag *d)
{
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/" MESSAGES, dir);

    if (n < 0 || (size_t)n >= sizeof(path))
        return ut_diag_set(d, "the folder name of the index is too long");
    if (create && mkdir(dir, 0700) < 0)
        return ut_diag_errno(d, "cannot make the folder %s", dir);
    if (!create && access(path, F_OK) < 0)
        return ut_diag_errno(d,
            "there is no index in %s; build it again with: penstock quarantine reindex (%s)", dir,
            path);
    return 0;
}

static int
open_files(struct db_index *m, struct ut_diag *d)
{
    int err = ut_bdb_open(&m->bdb, m->dir, LOG_FILE, m->building);

    if (err == 0)
        err = ut_bdb_file(&m->bdb, &m->messages, MESSAGES, 0);
    if (err == 0)
        err = ut_bdb_file(&m->bdb, &m->recipients, RECIPIENTS, DB_DUPSORT);
    if (err == 0)
        err = m->messages->associate(m->messages, NULL, m->recipients, recipient_of, 0);
    return err == 0 ? 0 : fold(m, err, "open", d);
}

/* Closes what is open; the env is freed whatever the library says. */
static void
db_close(struct qtn_index *ix)
{
    struct db_index *m = db_of(ix);

    if (m->messages && !m->base.damaged)
        (void)m->bdb.env->txn_checkpoint(m->bdb.env, 0, 0, DB_FORCE); /* recovery copes without */
    if (m->recipients)
        m->recipients->close(m->recipients, 0);
    if (m->messages)
        m->messages->close(m->messages, 0);
    ut_bdb_close(&m->bdb);
    free(m->dir);
}

static const struct qtn_index_ops db_ops;

struct qtn_index *
qtn_index_open_db(const char *dir, bool create, struct ut_diag *d)
{
    struct db_index *m;

    if (check_folder(dir, create, d) < 0)
        return NULL;
    m = calloc(1, sizeof(*m));
    if (!m) {
        ut_diag_set(d, "no memory for the index");
        return NULL;
    }
    qtn_index_init(&m->base, &db_ops);
    m->building = create;
    m->dir = strdup(dir);
    if (!m->dir)
        ut_diag_set(d, "no memory for the index");
    else if (open_files(m, d) == 0)
        return &m->base;
    qtn_index_close(&m->base);
    return NULL;
}

/* Changes ------------------------------------------------------------------------------------ */

static int
put_one(struct db_index *m, DB_TXN *txn, const struct qtn_record *r)
{
    struct ut_sbuf b;
    DBT key;
    DBT data;
    int err = ENOMEM;

    ut_sbuf_init(&b, QTN_RECORD_MAX);
    qtn_record_encode(r, &b);
    if (!b.failed) {
        ut_bdb_bytes(&key, r->id, QTN_ID_LEN);
        ut_bdb_bytes(&data, b.data, b.len);
        err = m->messages->put(m->messages, txn, &key, &data, 0);
    }
    ut_sbuf_fini(&b);
    return err;
}

static int
db_put(struct qtn_index *ix, const struct qtn_record *records, size_t count, struct ut_diag *d)
{
    struct db_index *m = db_of(ix);
    DB_TXN *txn;
    int err = m->bdb.env->txn_begin(m->bdb.env, NULL, &txn, 0);

    if (err != 0)
        return fold(m, err, "change", d);
    for (size_t i = 0; err == 0 && i < count; i++)
        err = put_one(m, txn, &records[i]);
    err = ut_bdb_end(txn, err);
    return err == 0 ? 0 : fold(m, err, "change", d);
}

static int
db_del(struct qtn_index *ix, const char *id, struct ut_diag *d)
{
    struct db_index *m = db_of(ix);
    DB_TXN *txn;
    DBT key;
    int err = m->bdb.env->txn_begin(m->bdb.env, NULL, &txn, 0);

    if (err != 0)
        return fold(m, err, "change", d);
    ut_bdb_bytes(&key, id, strlen(id));
    err = m->messages->del(m->messages, txn, &key, 0);
    if (err == DB_NOTFOUND)
        err = 0;
    err = ut_bdb_end(txn, err);
    return err == 0 ? 0 : fold(m, err, "change", d);
}

static int
db_checkpoint(struct qtn_index *ix, struct ut_diag *d)
{
    struct db_index *m = db_of(ix);
    int err = m->bdb.env->txn_checkpoint(m->bdb.env, 0, 0, m->building ? DB_FORCE : 0);

    return err == 0 ? 0 : fold(m, err, "write out", d);
}

/* Look-ups ----------------------------------------------------------------------------------- */

/* What the library gave: [id] of [len] bytes and the record in [data], which is used up. */
static enum qtn_find
give(struct db_index *m, const char *id, size_t len, DBT *data, struct qtn_record *r,
    struct ut_diag *d)
{
    char text[QTN_ID_LEN + 1] = "";

    if (len == QTN_ID_LEN)
        memcpy(text, id, len);
    if (qtn_record_decode(r, text, data->data, data->size, d) == 0)
        return QTN_FOUND;
    fold(m, DB_VERIFY_BAD, "read", d);
    return QTN_FAILED;
}

static enum qtn_find
db_get(struct qtn_index *ix, const char *id, struct qtn_record *r, struct ut_diag *d)
{
    struct db_index *m = db_of(ix);
    DBT key;
    DBT data;
    int err;

    ut_bdb_bytes(&key, id, strlen(id));
    set_malloc(&data);
    err = m->messages->get(m->messages, NULL, &key, &data, 0);
    if (err == DB_NOTFOUND)
        return QTN_NOTFOUND;
    if (err != 0) {
        fold(m, err, "read", d);
        return QTN_FAILED;
    }
    return give(m, id, strlen(id), &data, r, d);
}

/* Moves [c] to the first id above [after] and reads it. */
static int
step(DBC *c, const char *after, DBT *id, DBT *data)
{
    int err = c->get(c, id, data, DB_SET_RANGE);

    if (err == 0 && id->size == strlen(after) && memcmp(id->data, after, id->size) == 0) {
        free(data->data);
        set_malloc(data);
        err = c->get(c, id, data, DB_NEXT);
    }
    return err;
}

/* The same among the ids of one recipient. */
static int
step_recipient(DBC *c, const char *key, const char *after, DBT *id, DBT *data)
{
    char buf[QTN_TEXT_MAX + 1];
    DBT recipient;
    int err;

    memcpy(buf, key, strlen(key));
    set_buffer(&recipient, buf, sizeof(buf), strlen(key));
    err = c->pget(c, &recipient, id, data, DB_GET_BOTH_RANGE);
    if (err == 0 && id->size == strlen(after) && memcmp(id->data, after, id->size) == 0) {
        free(data->data);
        set_malloc(data);
        err = c->pget(c, &recipient, id, data, DB_NEXT_DUP);
    }
    return err;
}

static enum qtn_find
db_next(struct qtn_index *ix, const char *after, const char *key, struct qtn_record *r,
    struct ut_diag *d)
{
    struct db_index *m = db_of(ix);
    DB *db = key ? m->recipients : m->messages;
    char buf[64];
    size_t len = strnlen(after, sizeof(buf));
    DBC *c;
    DBT id;
    DBT data;
    int err = db->cursor(db, NULL, &c, 0);

    if (err != 0) {
        fold(m, err, "read", d);
        return QTN_FAILED;
    }
    memcpy(buf, after, len);
    set_buffer(&id, buf, sizeof(buf), len);
    set_malloc(&data);
    err = key ? step_recipient(c, key, after, &id, &data) : step(c, after, &id, &data);
    c->close(c);
    if (err == DB_NOTFOUND)
        return QTN_NOTFOUND;
    if (err != 0) {
        fold(m, err, "read", d);
        return QTN_FAILED;
    }
    return give(m, id.data, id.size, &data, r, d);
}

static const struct qtn_index_ops db_ops = {
    db_close, db_put, db_del, db_get, db_next, db_checkpoint};
