/* pol_keep.c - writes what has changed in the store to a Berkeley DB file, twice a second.
 *
 * The daemon answers from memory alone; one thread here asks the store for changes
 * (hsl_share_local_changes()) and puts them into the file in one transaction. So a crash forgets
 * half a second, and a slow disk holds nobody up.
 *
 * If writing fails, whatever the reason, the environment is closed. It is opened again later, and
 * then all of the store replaces all of the file: it does not matter what was in the batch that was
 * lost. Nor does anything wait to be told until then: the store lets go of a key only when it has
 * told of that, and without a file it would grow for ever.
 *
 * Threads: one that writes; anybody may ask for the status. Fails: in the log, once for each
 * trouble. */
#include "config.h"

#include "policyd/pol_keep.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ut_bdb.h"
#include "lib/ut_log.h"
#include "lib/ut_time.h"

#define DATABASE "state.db"
#define LOG_FILE (4u << 20)
#define RETRY 5.0         /* seconds after trouble */
#define SWEEP_EVERY 300.0 /* seconds between removals of windows that are over */
#define CHECKPOINT_KB 4096
#define BATCH_MAX ((size_t)1 << 30)
#define GONE UINT32_MAX /* length of the value of what is gone */

struct pol_keep {
    struct hsl_share *share;
    char *dir;
    struct ut_bdb bdb; /* closed after trouble */
    DB *db;
    bool all; /* the next write replaces everything */
    struct ut_sbuf batch;
    double swept; /* monotonic */
    pthread_t thread;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t wake;
    bool stopping;
    struct pol_keep_status status;
};

/* --- The file --------------------------------------------------------------------------------- */

/* The library's codes become text in one place. */
static enum ut_bdb_trouble
fold(struct pol_keep *k, int err, const char *what, struct ut_diag *d)
{
    char why[UT_BDB_WHY];
    enum ut_bdb_trouble trouble = ut_bdb_fold(&k->bdb, err, why);

    (void)ut_diag_set(d, "cannot %s %s/" DATABASE ": %s", what, k->dir, why);
    return trouble;
}

/* The same, giving -1. */
static int
fail(struct pol_keep *k, int err, const char *what, struct ut_diag *d)
{
    (void)fold(k, err, what, d);
    return -1;
}

static void
close_db(struct pol_keep *k)
{
    if (k->db)
        (void)k->db->close(k->db, 0); /* what was committed is in the log */
    k->db = NULL;
    ut_bdb_close(&k->bdb);
}

/* 0, or an error of the library. */
static int
try_open(struct pol_keep *k)
{
    int err = ut_bdb_open(&k->bdb, k->dir, LOG_FILE, false);

    return err == 0 ? ut_bdb_file(&k->bdb, &k->db, DATABASE, 0) : err;
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
    if (fold(k, err, "open", d) == UT_BDB_SYSTEM)
        return -1;
    *damaged = *d;
    if ((k->all ? clear_folder(k, NULL, d) : set_aside(k, d)) != 0)
        return -1;
    err = try_open(k);
    if (err == 0)
        return 0;
    close_db(k);
    return fail(k, err, "open", d);
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
        return fail(k, err, "read", d);
    while ((err = c->get(c, &key, &value, DB_NEXT)) == 0) {
        struct hsl_text name = {key.data, key.size}, bytes = {value.data, value.size};

        if (hsl_share_local_restore(k->share, &name, &bytes))
            kept++;
        else
            over++;
    }
    (void)c->close(c);
    if (err != DB_NOTFOUND)
        return fail(k, err, "read", d);
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
        uint32_t lens[2];
        DBT key, value;

        memcpy(lens, at, sizeof(lens));
        at += sizeof(lens);
        ut_bdb_bytes(&key, at, lens[0]);
        at += lens[0];
        if (lens[1] == GONE) {
            err = k->db->del(k->db, txn, &key, 0);
            err = err == DB_NOTFOUND ? 0 : err;
            continue;
        }
        ut_bdb_bytes(&value, at, lens[1]);
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
    int err = k->bdb.env->txn_begin(k->bdb.env, NULL, &txn, 0);

    if (err != 0)
        return fail(k, err, "write", d);
    if (k->all)
        err = k->db->truncate(k->db, txn, &removed, 0);
    if (err == 0)
        err = put_batch(k, txn, count);
    err = ut_bdb_end(txn, err);
    if (err == 0)
        err = k->bdb.env->txn_checkpoint(k->bdb.env, CHECKPOINT_KB, 1, 0);
    return err == 0 ? 0 : fail(k, err, "write", d);
}

/* Removes windows that nobody asks for any more and that count nothing. */
static int
sweep(struct pol_keep *k, struct ut_diag *d)
{
    DBT key = {0}, value = {0};
    DB_TXN *txn;
    DBC *c;
    int err = k->bdb.env->txn_begin(k->bdb.env, NULL, &txn, 0);

    if (err != 0)
        return fail(k, err, "clean", d);
    err = k->db->cursor(k->db, txn, &c, 0);
    if (err != 0) {
        (void)txn->abort(txn);
        return fail(k, err, "clean", d);
    }
    while (err == 0 && (err = c->get(c, &key, &value, DB_NEXT)) == 0) {
        struct hsl_text name = {key.data, key.size}, bytes = {value.data, value.size};

        if (hsl_share_local_is_over(k->share, &name, &bytes))
            err = c->del(c, 0);
    }
    (void)c->close(c);
    err = ut_bdb_end(txn, err == DB_NOTFOUND ? 0 : err);
    return err == 0 ? 0 : fail(k, err, "clean", d);
}

/* What is to be written, in the file. */
static int
flush(struct pol_keep *k, unsigned long *count, struct ut_diag *d)
{
    struct ut_diag damaged;

    *count = 0;
    if (!k->bdb.env && open_db(k, &damaged, d) != 0)
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

/* hsl_share_record_fn: all of the store will be written, so nobody needs to know of changes. */
static void
ignore(void *arg, const struct hsl_text *key, const struct hsl_text *value)
{
    (void)arg;
    (void)key;
    (void)value;
}

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
        hsl_share_local_changes(k->share, false, ignore, NULL);
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
    double deadline = ut_time_mono() + seconds;
    bool stopping;

    pthread_mutex_lock(&k->lock);
    while (!k->stopping && ut_time_cond_wait(&k->wake, &k->lock, deadline))
        continue;
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

    damaged->text[0] = '\0';
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
    ut_time_cond_init(&k->wake);
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
    if (k->bdb.env)
        (void)k->bdb.env->txn_checkpoint(k->bdb.env, 0, 0, DB_FORCE); /* recovery copes without */
    keep_free(k);
}

void
pol_keep_status(struct pol_keep *k, struct pol_keep_status *out)
{
    pthread_mutex_lock(&k->lock);
    *out = k->status;
    pthread_mutex_unlock(&k->lock);
}
