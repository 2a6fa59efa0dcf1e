/* qtn_index_db.c - the index in Berkeley DB.
 * Not here: locking against other threads (qtn_index.c), what a record holds (qtn_record.c).
 * Threads: one at a time, so the database never sees a deadlock.
 * Fails: every code of the library is folded in fold(); files that are damaged in whatever way
 * give errors, since each page carries a checksum. Nothing is logged, nothing ends the program.
 *
 * The folder is an environment of its own: messages.db (id -> record; ids sort by time, so this
 * is the order of time too), recipients.db (recipient in lower case -> ids, kept in step by the
 * library) and log files. The environment is private to the process (DB_PRIVATE): there are no
 * region files that a crash could leave behind half written. Opening always runs recovery. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <db.h>

#include "quarantine/qtn_index_internal.h"

#define MESSAGES "messages.db"
#define RECIPIENTS "recipients.db"
#define CACHE (8u << 20)
#define LOG_FILE (1u << 20) /* the library fills it up when it opens one again */
#define LOCKS 20000         /* pages that one transaction may touch */

struct db_index {
    struct qtn_index base;
    char *dir;
    DB_ENV *env;
    DB *messages;
    DB *recipients;
    bool building;  /* opened with create: not durable before a checkpoint */
    char said[256]; /* the library's own words on the failure; the first say why */
};

static struct db_index *
db_of(struct qtn_index *ix)
{
    return (struct db_index *)ix;
}

/* Trouble ------------------------------------------------------------------------------------ */

static void
hear(const DB_ENV *env, const char *prefix, const char *text)
{
    struct db_index *m = env->app_private;

    (void)prefix;
    if (!m->said[0])
        snprintf(m->said, sizeof(m->said), "%s", text);
}

static void
hear_nothing(const DB_ENV *env, const char *text)
{
    (void)env;
    (void)text;
}

/* The one place where codes of the library are told apart: what the system refuses can be mended
 * and tried again; all else means that the files are not what they should be. Gives -1. */
static int
fold(struct db_index *m, int err, const char *what, struct ut_diag *d)
{
    char said[sizeof(m->said)];

    memcpy(said, m->said, sizeof(said));
    m->said[0] = '\0';
    switch (err) {
    case ENOMEM:
    case ENOSPC:
    case EDQUOT:
    case EROFS:
    case EACCES:
    case EPERM:
    case EMFILE:
    case ENFILE:
    case DB_LOCK_DEADLOCK:
    case DB_LOCK_NOTGRANTED:
        return ut_diag_set(d, "cannot %s the index in %s: %s", what, m->dir, db_strerror(err));
    default:
        m->base.damaged = true;
        return ut_diag_set(d,
            "cannot %s the index in %s, it is damaged (%s%s%s); build it again with: "
            "penstock quarantine reindex",
            what, m->dir, db_strerror(err), said[0] ? ": " : "", said);
    }
}

/* Open and close ----------------------------------------------------------------------------- */

static void
set_bytes(DBT *t, const void *p, size_t len)
{
    memset(t, 0, sizeof(*t));
    t->data = (void *)(uintptr_t)p; /* the library only reads it */
    t->size = (u_int32_t)len;
}

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

static int
check_version(struct ut_diag *d)
{
    int major;
    int minor;
    int patch;

    db_version(&major, &minor, &patch);
    if (major == DB_VERSION_MAJOR && minor == DB_VERSION_MINOR)
        return 0;
    return ut_diag_set(d,
        "built for Berkeley DB %d.%d but running with %d.%d: install the library it was built for",
        DB_VERSION_MAJOR, DB_VERSION_MINOR, major, minor);
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
open_env(struct db_index *m, struct ut_diag *d)
{
    int err = db_env_create(&m->env, 0);

    if (err != 0) {
        m->env = NULL;
        return fold(m, err, "open", d);
    }
    m->env->app_private = m;
    m->env->set_errcall(m->env, hear);
    m->env->set_msgcall(m->env, hear_nothing);
    if ((err = m->env->set_cachesize(m->env, 0, CACHE, 1)) != 0 ||
        (err = m->env->set_lg_max(m->env, LOG_FILE)) != 0 ||
        (err = m->env->set_lk_max_locks(m->env, LOCKS)) != 0 ||
        (err = m->env->set_lk_max_objects(m->env, LOCKS)) != 0 ||
        (err = m->env->log_set_config(m->env, DB_LOG_AUTO_REMOVE, 1)) != 0 ||
        (m->building && (err = m->env->set_flags(m->env, DB_TXN_NOSYNC, 1)) != 0) ||
        (err = m->env->open(m->env, m->dir,
             DB_CREATE | DB_PRIVATE | DB_THREAD | DB_RECOVER | DB_INIT_TXN | DB_INIT_LOG |
                 DB_INIT_LOCK | DB_INIT_MPOOL,
             0600)) != 0)
        return fold(m, err, "open", d);
    return 0;
}

static int
open_db(struct db_index *m, DB **out, const char *name, u_int32_t flags, struct ut_diag *d)
{
    int err = db_create(out, m->env, 0);

    if (err != 0) {
        *out = NULL;
        return fold(m, err, "open", d);
    }
    if ((err = (*out)->set_flags(*out, DB_CHKSUM | flags)) != 0 ||
        (err = (*out)->open(
             *out, NULL, name, NULL, DB_BTREE, DB_CREATE | DB_AUTO_COMMIT | DB_THREAD, 0600)) != 0)
        return fold(m, err, "open", d);
    return 0;
}

/* Closes what is open; the env is freed whatever the library says. */
static void
db_close(struct qtn_index *ix)
{
    struct db_index *m = db_of(ix);

    if (m->messages && !m->base.damaged)
        (void)m->env->txn_checkpoint(m->env, 0, 0, DB_FORCE); /* recovery copes without */
    if (m->recipients)
        m->recipients->close(m->recipients, 0);
    if (m->messages)
        m->messages->close(m->messages, 0);
    if (m->env)
        m->env->close(m->env, 0);
    free(m->dir);
}

static const struct qtn_index_ops db_ops;

struct qtn_index *
qtn_index_open_db(const char *dir, bool create, struct ut_diag *d)
{
    struct db_index *m;
    int err;

    if (check_version(d) < 0 || check_folder(dir, create, d) < 0)
        return NULL;
    m = calloc(1, sizeof(*m));
    if (!m) {
        ut_diag_set(d, "no memory for the index");
        return NULL;
    }
    qtn_index_init(&m->base, &db_ops);
    m->building = create;
    m->dir = strdup(dir);
    if (!m->dir) {
        ut_diag_set(d, "no memory for the index");
    } else if (open_env(m, d) == 0 && open_db(m, &m->messages, MESSAGES, 0, d) == 0 &&
               open_db(m, &m->recipients, RECIPIENTS, DB_DUPSORT, d) == 0) {
        err = m->messages->associate(m->messages, NULL, m->recipients, recipient_of, 0);
        if (err == 0)
            return &m->base;
        fold(m, err, "open", d);
    }
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
        set_bytes(&key, r->id, QTN_ID_LEN);
        set_bytes(&data, b.data, b.len);
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
    int err = m->env->txn_begin(m->env, NULL, &txn, 0);

    if (err != 0)
        return fold(m, err, "change", d);
    for (size_t i = 0; err == 0 && i < count; i++)
        err = put_one(m, txn, &records[i]);
    if (err == 0)
        err = txn->commit(txn, 0);
    else
        txn->abort(txn);
    return err == 0 ? 0 : fold(m, err, "change", d);
}

static int
db_del(struct qtn_index *ix, const char *id, struct ut_diag *d)
{
    struct db_index *m = db_of(ix);
    DB_TXN *txn;
    DBT key;
    int err = m->env->txn_begin(m->env, NULL, &txn, 0);

    if (err != 0)
        return fold(m, err, "change", d);
    set_bytes(&key, id, strlen(id));
    err = m->messages->del(m->messages, txn, &key, 0);
    if (err == DB_NOTFOUND)
        err = 0;
    if (err == 0)
        err = txn->commit(txn, 0);
    else
        txn->abort(txn);
    return err == 0 ? 0 : fold(m, err, "change", d);
}

static int
db_checkpoint(struct qtn_index *ix, struct ut_diag *d)
{
    struct db_index *m = db_of(ix);
    int err = m->env->txn_checkpoint(m->env, 0, 0, m->building ? DB_FORCE : 0);

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

    set_bytes(&key, id, strlen(id));
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
