/* ut_bdb.c - a Berkeley DB environment: opening, ending transactions, what its errors mean.
 * Not here: what is in the files (quarantine/qtn_index_db.c, policyd/pol_keep.c).
 * Threads: one at a time. Fails: with a code of the library; nothing is logged or printed. */
#include "config.h"

#include "lib/ut_bdb.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define CACHE (8u << 20)

static void
hear(const DB_ENV *env, const char *prefix, const char *text)
{
    struct ut_bdb *b = env->app_private;

    (void)prefix;
    if (!b->said[0])
        snprintf(b->said, sizeof(b->said), "%s", text);
}

static void
hear_nothing(const DB_ENV *env, const char *text)
{
    (void)env;
    (void)text;
}

static int
check_version(struct ut_bdb *b)
{
    int major, minor, patch;

    db_version(&major, &minor, &patch);
    if (major == DB_VERSION_MAJOR && minor == DB_VERSION_MINOR)
        return 0;
    snprintf(b->said, sizeof(b->said),
        "built for Berkeley DB %d.%d but running with %d.%d: install the library it was built for",
        DB_VERSION_MAJOR, DB_VERSION_MINOR, major, minor);
    return DB_VERSION_MISMATCH;
}

static int
open_env(struct ut_bdb *b, const char *dir, unsigned log_file, bool nosync)
{
    int err;

    b->env->app_private = b;
    b->env->set_errcall(b->env, hear);
    b->env->set_msgcall(b->env, hear_nothing);
    if ((err = b->env->set_cachesize(b->env, 0, CACHE, 1)) != 0 ||
        (err = b->env->set_lg_max(b->env, log_file)) != 0 ||
        (err = b->env->log_set_config(b->env, DB_LOG_AUTO_REMOVE, 1)) != 0 ||
        (err = b->env->set_flags(b->env, DB_TXN_NOSYNC, nosync)) != 0)
        return err;
    return b->env->open(b->env, dir,
        DB_CREATE | DB_PRIVATE | DB_RECOVER | DB_INIT_TXN | DB_INIT_LOG | DB_INIT_MPOOL, 0600);
}

int
ut_bdb_open(struct ut_bdb *b, const char *dir, unsigned log_file, bool nosync)
{
    int err;

    *b = (struct ut_bdb){.env = NULL};
    err = check_version(b);
    if (err == 0)
        err = db_env_create(&b->env, 0);
    if (err != 0) {
        b->env = NULL;
        return err;
    }
    err = open_env(b, dir, log_file, nosync);
    if (err != 0)
        ut_bdb_close(b);
    return err;
}

void
ut_bdb_close(struct ut_bdb *b)
{
    if (b->env)
        (void)b->env->close(b->env, 0); /* what was committed is in the log */
    b->env = NULL;
}

int
ut_bdb_file(struct ut_bdb *b, DB **db, const char *name, u_int32_t flags)
{
    DB *opened;
    int err = db_create(&opened, b->env, 0);

    *db = NULL;
    if (err != 0)
        return err;
    err = opened->set_flags(opened, DB_CHKSUM | flags);
    if (err == 0)
        err = opened->open(opened, NULL, name, NULL, DB_BTREE, DB_CREATE | DB_AUTO_COMMIT, 0600);
    if (err == 0)
        *db = opened;
    else
        (void)opened->close(opened, 0);
    return err;
}

int
ut_bdb_end(DB_TXN *txn, int err)
{
    if (err == 0)
        return txn->commit(txn, 0);
    (void)txn->abort(txn);
    return err;
}

void
ut_bdb_bytes(DBT *t, const void *p, size_t len)
{
    memset(t, 0, sizeof(*t));
    t->data = (void *)(uintptr_t)p; /* the library only reads it */
    t->size = (u_int32_t)len;
}

enum ut_bdb_trouble
ut_bdb_fold(struct ut_bdb *b, int err, char why[UT_BDB_WHY])
{
    snprintf(why, UT_BDB_WHY, "%s%s%s", db_strerror(err), b->said[0] ? ": " : "", b->said);
    b->said[0] = '\0';
    switch (err) {
    case ENOMEM:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EROFS:
    case EACCES:
    case EPERM:
    case EMFILE:
    case ENFILE:
    case EIO:
    case DB_VERSION_MISMATCH:
        return UT_BDB_SYSTEM;
    default:
        return UT_BDB_DAMAGED;
    }
}
