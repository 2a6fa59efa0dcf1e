/* pol_keep.c - writes what has changed in the store to a Berkeley DB file, twice a second.
 *
 * The daemon answers from memory alone; one thread here asks the store for changes
 * (hsl_share_local_changes()) and puts them into the file in one transaction. So a crash forgets
 * half a second, and a slow disk holds nobody up.
 *
 * If writing fails, whatever the reason, the environment is closed. It is opened again later, and
 * then all of the store replaces all of the file: it does not matter what was in the batch that was
 * lost. The environment is private to the process and recovers when it is opened, as that of the
 * quarantine's index (quarantine/qtn_index_db.c).
 *
 * Threads: one that writes; anybody may ask for the status. Fails: in the log, once for each
 * trouble. */
#include "config.h"

#include "policyd/pol_keep.h"

#include <db.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ut_log.h"
#include "lib/ut_time.h"

#define DATABASE "state.db"
#define CACHE (8u << 20)
#define LOG_FILE (4u << 20)
#define RETRY 5.0         /* seconds after trouble */
#define SWEEP_EVERY 300.0 /* seconds between removals of windows that are over */
#define CHECKPOINT_KB 4096
#define BATCH_MAX ((size_t)1 << 30)
#define GONE UINT32_MAX /* length of the value of what is gone */

struct pol_keep {
    struct hsl_share *share;
    char *dir;
    DB_ENV *env; /* NULL: closed after trouble */
    DB *db;
    bool all; /* the next write replaces everything */
    struct ut_sbuf batch;
    double swept;   /* monotonic */
    char said[200]; /* the library's own words */
    pthread_t thread;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t wake;
    bool stopping;
    struct pol_keep_status status;
};

/* --- The file --------------------------------------------------------------------------------- */

static void
hear(const DB_ENV *env, const char *prefix, const char *text)
{
    struct pol_keep *k = env->app_private;

    (void)prefix;
    if (!k->said[0])
        snprintf(k->said, sizeof(k->said), ": %s", text);
}

static void
hear_nothing(const DB_ENV *env, const char *text)
{
    (void)env;
    (void)text;
}

/* The library's codes become text in one place. Gives -1. */
static int
fold(struct pol_keep *k, int err, const char *what, struct ut_diag *d)
{
    char said[sizeof(k->said)];

    memcpy(said, k->said, sizeof(said));
    k->said[0] = '\0';
    return ut_diag_set(d, "cannot %s %s/" DATABASE ": %s%s", what, k->dir, db_strerror(err), said);
}

static void
close_db(struct pol_keep *k)
{
    if (k->db)
        (void)k->db->close(k->db, 0); /* what was committed is in the log */
    if (k->env)
        (void)k->env->close(k->env, 0);
    k->db = NULL;
    k->env = NULL;
}

/* 0, or an error of the library. */
static int
try_open(struct pol_keep *k)
{
    int err = db_env_create(&k->env, 0);

    if (err != 0) {
        k->env = NULL;
        return err;
    }
    k->env->app_private = k;
    k->env->set_errcall(k->env, hear);
    k->env->set_msgcall(k->env, hear_nothing);
    if ((err = k->env->set_cachesize(k->env, 0, CACHE, 1)) != 0 ||
        (err = k->env->set_lg_max(k->env, LOG_FILE)) != 0 ||
        (err = k->env->log_set_config(k->env, DB_LOG_AUTO_REMOVE, 1)) != 0 ||
        (err = k->env->open(k->env, k->dir,
             DB_CREATE | DB_PRIVATE | DB_RECOVER | DB_INIT_TXN | DB_INIT_LOG | DB_INIT_MPOOL,
             0600)) != 0 ||
        (err = db_create(&k->db, k->env, 0)) != 0)
        return err;
    if ((err = k->db->set_flags(k->db, DB_CHKSUM)) != 0)
        return err;
    return k->db->open(k->db, NULL, DATABASE, NULL, DB_BTREE, DB_CREATE | DB_AUTO_COMMIT, 0600);
}

/* What the system refuses can be mended; all else means that the files are not what they should
 * be. */
static bool
is_system(int err)
{
    return err == ENOMEM || err == ENOSPC || err == EDQUOT || err == EROFS || err == EACCES ||
           err == EPERM || err == EMFILE || err == ENFILE || err == EIO || err == EFBIG;
}

/* Moves the files of the folder into its folder [into] (NULL: removes them). */
static int
clear_folder(struct pol_keep *k, const char *into, struct ut_diag *d)
{
    DIR *dir = opendir(k->dir);
    struct dirent *e;
    int result = 0;

    if (!dir)
        return ut_diag_errno(d, "cannot read the folder %s", k->dir);
    while (result == 0 && (e = readdir(dir)) != NULL) {
        char to[sizeof(e->d_name) + 32];

        if (strcmp(e->d_name, DATABASE) != 0 && strncmp(e->d_name, "log.", 4) != 0)
            continue;
        snprintf(to, sizeof(to), "%s/%s", into ? into : "", e->d_name);
        if (into ? renameat(dirfd(dir), e->d_name, dirfd(dir), to) != 0
                 : unlinkat(dirfd(dir), e->d_name, 0) != 0)
            result = ut_diag_errno(d, "cannot move %s/%s away", k->dir, e->d_name);
    }
    closedir(dir);
    return result;
}

/* Moves damaged files out of the way, for people to look at. */
static int
set_aside(struct pol_keep *k, struct ut_diag *d)
{
    char path[4096], name[20];

    for (int i = 1; i < 100; i++) {
        int n;

        snprintf(name, sizeof(name), "damaged-%d", i);
        n = snprintf(path, sizeof(path), "%s/%s", k->dir, name);
        if (n < 0 || (size_t)n >= sizeof(path))
            break;
        if (mkdir(path, 0700) == 0)
            return clear_folder(k, name, d);
        if (errno != EEXIST)
            return ut_diag_errno(d, "cannot make the folder %s", path);
    }
    return ut_diag_set(d, "%s is damaged, and holds too many like it: remove them", k->dir);
}

/* Opens the file. If it is damaged: at the start it is set aside; later all that it held is in
 * memory, and it is removed. */
static int
open_db(struct pol_keep *k, struct ut_diag *damaged, struct ut_diag *d)
{
    int err = try_open(k);

    if (err == 0)
        return 0;
    close_db(k);
    (void)fold(k, err, "open", d);
    if (is_system(err))
        return -1;
    *damaged = *d;
    if ((k->all ? clear_folder(k, NULL, d) : set_aside(k, d)) != 0)
        return -1;
    err = try_open(k);
    if (err == 0)
        return 0;
    close_db(k);
    return fold(k, err, "open", d);
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* All records go to the store; those that are over are swept away later. */
static int
load(struct pol_keep *k, struct ut_diag *d)
{
    DBT key = {0}, value = {0};
    unsigned long kept = 0, over = 0;
    DBC *c;
    int err = k->db->cursor(k->db, NULL, &c, 0);

    if (err != 0)
        return fold(k, err, "read", d);
    while ((err = c->get(c, &key, &value, DB_NEXT)) == 0) {
        struct hsl_text name = {key.data, key.size}, bytes = {value.data, value.size};

        if (hsl_share_local_restore(k->share, &name, &bytes))
            kept++;
        else
            over++;
    }
    (void)c->close(c);
    if (err != DB_NOTFOUND)
        return fold(k, err, "read", d);
    ut_log(UT_LOG_INFO, "shared state: %lu records, %lu are over", kept, over);
    return 0;
}

/* --- Writing ---------------------------------------------------------------------------------- */

/* hsl_share_record_fn: lengths, key, value. */
static void
collect(void *arg, const struct hsl_text *key, const struct hsl_text *value)
{
    struct ut_sbuf *batch = arg;
    uint32_t lens[2] = {(uint32_t)key->len, value && value->p ? (uint32_t)value->len : GONE};

    ut_sbuf_add(batch, lens, sizeof(lens));
    ut_sbuf_add(batch, key->p, key->len);
    if (lens[1] != GONE)
        ut_sbuf_add(batch, value->p, value->len);
}

static int
put_batch(struct pol_keep *k, DB_TXN *txn, unsigned long *count)
{
    const char *at = ut_sbuf_text(&k->batch), *end = at + k->batch.len;
    int err = 0;

    for (*count = 0; err == 0 && at < end; ++*count) {
        DBT key = {0}, value = {0};
        uint32_t lens[2];

        memcpy(lens, at, sizeof(lens));
        at += sizeof(lens);
        key.data = (void *)(uintptr_t)at; /* the library only reads it */
        key.size = lens[0];
        at += lens[0];
        if (lens[1] == GONE) {
            err = k->db->del(k->db, txn, &key, 0);
            err = err == DB_NOTFOUND ? 0 : err;
            continue;
        }
        value.data = (void *)(uintptr_t)at;
        value.size = lens[1];
        at += lens[1];
        err = k->db->put(k->db, txn, &key, &value, 0);
    }
    return err;
}

static int
write_batch(struct pol_keep *k, unsigned long *count, struct ut_diag *d)
{
    DB_TXN *txn;
    u_int32_t removed;
    int err = k->env->txn_begin(k->env, NULL, &txn, 0);

    if (err != 0)
        return fold(k, err, "write", d);
    if (k->all)
        err = k->db->truncate(k->db, txn, &removed, 0);
    if (err == 0)
        err = put_batch(k, txn, count);
    if (err == 0)
        err = txn->commit(txn, 0);
    else
        (void)txn->abort(txn);
    if (err == 0)
        err = k->env->txn_checkpoint(k->env, CHECKPOINT_KB, 1, 0);
    return err == 0 ? 0 : fold(k, err, "write", d);
}

/* Removes windows that nobody asks for any more and that count nothing. */
static int
sweep(struct pol_keep *k, struct ut_diag *d)
{
    DBT key = {0}, value = {0};
    DB_TXN *txn;
    DBC *c;
    int err = k->env->txn_begin(k->env, NULL, &txn, 0);

    if (err != 0)
        return fold(k, err, "clean", d);
    err = k->db->cursor(k->db, txn, &c, 0);
    while (err == 0 && (err = c->get(c, &key, &value, DB_NEXT)) == 0) {
        struct hsl_text name = {key.data, key.size}, bytes = {value.data, value.size};

        if (hsl_share_local_is_over(k->share, &name, &bytes))
            err = c->del(c, 0);
    }
    (void)c->close(c);
    if (err == DB_NOTFOUND)
        err = txn->commit(txn, 0);
    else
        (void)txn->abort(txn);
    return err == 0 ? 0 : fold(k, err, "clean", d);
}

/* What is to be written, in the file. */
static int
flush(struct pol_keep *k, unsigned long *count, struct ut_diag *d)
{
    struct ut_diag damaged;

    *count = 0;
    if (!k->env && open_db(k, &damaged, d) != 0)
        return -1;
    ut_sbuf_reset(&k->batch);
    hsl_share_local_changes(k->share, k->all, collect, &k->batch);
    if (k->batch.failed)
        return ut_diag_set(d, "no memory to write the shared state");
    if ((k->batch.len > 0 || k->all) && write_batch(k, count, d) != 0)
        return -1;
    k->all = false;
    if (ut_time_mono() - k->swept < SWEEP_EVERY)
        return 0;
    k->swept = ut_time_mono();
    return sweep(k, d);
}

/* --- The thread ------------------------------------------------------------------------------- */

/* Writes; notes and logs how it went. The seconds until the next time. */
static double
write_once(struct pol_keep *k)
{
    struct ut_diag d = {0};
    unsigned long count = 0;
    bool ok = flush(k, &count, &d) == 0, news;

    if (!ok) {
        close_db(k);
        k->all = true;
    }
    if (k->batch.cap > (4u << 20))
        ut_sbuf_fini(&k->batch);
    pthread_mutex_lock(&k->lock);
    news = ok != (k->status.trouble[0] == '\0');
    k->status.records += count;
    if (ok)
        k->status.written = ut_time_wall();
    snprintf(k->status.trouble, sizeof(k->status.trouble), "%.255s", ok ? "" : d.text);
    pthread_mutex_unlock(&k->lock);
    if (news && ok)
        ut_log(UT_LOG_NOTICE, "shared state can be written again, all of it is in %s", k->dir);
    else if (news)
        ut_log(UT_LOG_ERR, "%s; a restart now would forget what has changed", d.text);
    return ok ? POL_KEEP_EVERY : RETRY;
}

/* Sleeps; false: it is time to stop. */
static bool
wait_for(struct pol_keep *k, double seconds)
{
    double when = ut_time_mono() + seconds;
    struct timespec until = {.tv_sec = (time_t)when};
    bool stopping;
    int error = 0;

    until.tv_nsec = (long)((when - (double)until.tv_sec) * 1e9);
    pthread_mutex_lock(&k->lock);
    while (!k->stopping && error == 0)
        error = pthread_cond_timedwait(&k->wake, &k->lock, &until);
    stopping = k->stopping;
    pthread_mutex_unlock(&k->lock);
    return !stopping;
}

static void *
keep_main(void *arg)
{
    struct pol_keep *k = arg;
    double pause = POL_KEEP_EVERY;

    while (wait_for(k, pause))
        pause = write_once(k);
    (void)write_once(k);
    return NULL;
}

/* --- Life ------------------------------------------------------------------------------------- */

static int
check_version(struct ut_diag *d)
{
    int major, minor, patch;

    db_version(&major, &minor, &patch);
    if (major == DB_VERSION_MAJOR && minor == DB_VERSION_MINOR)
        return 0;
    return ut_diag_set(d,
        "built for Berkeley DB %d.%d but running with %d.%d: install the library it was built for",
        DB_VERSION_MAJOR, DB_VERSION_MINOR, major, minor);
}

static void
keep_free(struct pol_keep *k)
{
    close_db(k);
    ut_sbuf_fini(&k->batch);
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->lock);
    free(k->dir);
    free(k);
}

static int
start(struct pol_keep *k, struct ut_diag *damaged, struct ut_diag *d)
{
    if (mkdir(k->dir, 0700) != 0 && errno != EEXIST)
        return ut_diag_errno(d, "cannot make the folder %s", k->dir);
    if (open_db(k, damaged, d) != 0)
        return -1;
    if (load(k, damaged) != 0) { /* a damaged page; what could be read is in the store */
        close_db(k);
        if (set_aside(k, d) != 0)
            return -1;
        k->all = true;
    }
    errno = pthread_create(&k->thread, NULL, keep_main, k);
    return errno == 0 ? 0 : ut_diag_errno(d, "cannot start a thread");
}

struct pol_keep *
pol_keep_open(const char *dir, struct hsl_share *share, struct ut_diag *damaged, struct ut_diag *d)
{
    struct pol_keep *k;
    pthread_condattr_t attr;

    damaged->text[0] = '\0';
    if (check_version(d) != 0)
        return NULL;
    k = calloc(1, sizeof(*k));
    if (!k) {
        (void)ut_diag_set(d, "out of memory");
        return NULL;
    }
    k->share = share;
    k->swept = ut_time_mono();
    k->status.written = ut_time_wall();
    ut_sbuf_init(&k->batch, BATCH_MAX);
    pthread_mutex_init(&k->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&k->wake, &attr);
    pthread_condattr_destroy(&attr);
    k->dir = strdup(dir);
    if (!k->dir)
        (void)ut_diag_set(d, "out of memory");
    else if (start(k, damaged, d) == 0)
        return k;
    keep_free(k);
    return NULL;
}

void
pol_keep_close(struct pol_keep *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->stopping = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    if (k->env)
        (void)k->env->txn_checkpoint(k->env, 0, 0, DB_FORCE); /* recovery copes without */
    keep_free(k);
}

void
pol_keep_status(struct pol_keep *k, struct pol_keep_status *out)
{
    pthread_mutex_lock(&k->lock);
    *out = k->status;
    pthread_mutex_unlock(&k->lock);
}
