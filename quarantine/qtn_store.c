/* qtn_store.c - the folder that a quarantine is: paths, syncing, withdrawing, looking.
 * Not here: writing a message (qtn_put.c), the format of its file (qtn_file.c), taking files out
 * of incoming/ (qtn_take.c).
 * Threads: any number on one store; threads of its own sync incoming/ for them.
 * Fails: QTN_FULL when the file system refuses, QTN_ERROR otherwise; never logs.
 *
 * Paths, not folder descriptors: when an administrator mounts the quarantine again or gives the
 * folder back, the next message finds it without a reload. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ut_file.h"
#include "quarantine/qtn_store.h"

/* Threads that sync, started as they are needed. One alone would make whoever comes while it is at
 * it wait twice as long; the file system joins those that sync at the same time anyhow. */
#define SYNCERS 8

struct qtn_store {
    char *dir;                /* without a slash at the end */
    pthread_mutex_t lock;     /* for what follows */
    pthread_cond_t asked;     /* [waiting] or [stop] has changed */
    pthread_cond_t synced;    /* a sync has ended */
    struct qtn_sync *waiting; /* those that no sync covers yet */
    pthread_t syncers[SYNCERS];
    unsigned count; /* of them that run */
    unsigned idle;  /* of these that wait to be asked */
    bool stop;
};

enum qtn_result
qtn_store_errno(int err)
{
    switch (err) {
    case ENOSPC:
    case EDQUOT:
    case EROFS:
    case ENOENT:
    case ENOTDIR:
    case EACCES:
    case EPERM:
        return QTN_FULL;
    default:
        return QTN_ERROR;
    }
}

/* "cannot WHAT PATH: reason" from errno, folded. */
static enum qtn_result
fail(struct ut_diag *d, const char *what, const char *path)
{
    int err = errno;

    ut_diag_errno(d, "cannot %s %s", what, path);
    return qtn_store_errno(err);
}

/* Open and close ----------------------------------------------------------------------------- */

static const char *const folders[] = {"tmp", "incoming", "incoming", "held", "broken"};

static enum qtn_result
make_folders(const struct qtn_store *s, struct ut_diag *d)
{
    static const enum qtn_place places[] = {
        QTN_PLACE_TMP, QTN_PLACE_INCOMING, QTN_PLACE_HELD, QTN_PLACE_BROKEN};
    char path[QTN_PATH_MAX];

    if (ut_file_mkdirs(s->dir, 0700, d) < 0)
        return qtn_store_errno(errno);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        qtn_store_path(s, places[i], NULL, path);
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return fail(d, "make the folder", path);
    }
    return QTN_OK;
}

enum qtn_result
qtn_store_open(struct qtn_store **out, const char *directory, struct ut_diag *d)
{
    size_t len = strlen(directory);
    struct qtn_store *s;
    enum qtn_result result;

    *out = NULL;
    while (len > 1 && directory[len - 1] == '/')
        len--;
    if (directory[0] != '/' || len > QTN_PATH_MAX - 128) {
        ut_diag_set(d, "\"%s\" must be an absolute folder name of less than %d characters",
            directory, QTN_PATH_MAX - 128);
        return QTN_ERROR;
    }
    s = calloc(1, sizeof(*s));
    if (s)
        s->dir = strndup(directory, len);
    if (!s || !s->dir) {
        free(s);
        ut_diag_set(d, "no memory to open the quarantine %s", directory);
        return QTN_ERROR;
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->asked, NULL);
    pthread_cond_init(&s->synced, NULL);
    result = make_folders(s, d);
    if (result != QTN_OK) {
        qtn_store_close(s);
        return result;
    }
    *out = s;
    return QTN_OK;
}

void
qtn_store_close(struct qtn_store *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->asked);
    pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; i < s->count; i++)
        pthread_join(s->syncers[i], NULL);
    pthread_cond_destroy(&s->synced);
    pthread_cond_destroy(&s->asked);
    pthread_mutex_destroy(&s->lock);
    free(s->dir);
    free(s);
}

const char *
qtn_store_directory(const struct qtn_store *s)
{
    return s->dir;
}

void
qtn_store_path(
    const struct qtn_store *s, enum qtn_place place, const char *id, char out[QTN_PATH_MAX])
{
    static const char *const suffixes[] = {".tmp", ".eml", ".undo", ".eml", ""};
    int n;

    if (!id)
        n = snprintf(out, QTN_PATH_MAX, "%s/%s", s->dir, folders[place]);
    else if (place == QTN_PLACE_HELD)
        n = snprintf(out, QTN_PATH_MAX, "%s/held/%s/%s.eml", s->dir, id + QTN_ID_LEN - 2, id);
    else
        n = snprintf(out, QTN_PATH_MAX, "%s/%s/%s%s", s->dir, folders[place], id, suffixes[place]);
    UT_BUG_ON(n < 0 || n >= QTN_PATH_MAX); /* qtn_store_open() leaves room */
}

/* Syncing ------------------------------------------------------------------------------------ */

/* Syncs the folder [path]; 0 or errno. */
static int
sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = 0;

    if (fd < 0)
        return errno;
    if (fsync(fd) < 0)
        err = errno;
    close(fd);
    return err;
}

/* Syncs for all that wait now; with s->lock held, which is given back meanwhile. */
static void
sync_waiting(struct qtn_store *s)
{
    struct qtn_sync *w = s->waiting;
    struct qtn_sync *next;
    char path[QTN_PATH_MAX];
    int err;

    s->waiting = NULL;
    pthread_mutex_unlock(&s->lock);
    qtn_store_path(s, QTN_PLACE_INCOMING, NULL, path);
    err = sync_folder(path);
    pthread_mutex_lock(&s->lock);
    for (; w; w = next) {
        next = w->next; /* [w] is gone with its thread once that sees done */
        w->err = err;
        w->done = true;
    }
    pthread_cond_broadcast(&s->synced);
}

static void *
run_syncer(void *arg)
{
    struct qtn_store *s = arg;

    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        if (s->waiting) {
            sync_waiting(s);
            continue;
        }
        s->idle++;
        pthread_cond_wait(&s->asked, &s->lock);
        s->idle--;
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Sees to it that a thread syncs for those that wait; without one, the caller does. With s->lock
 * held. Threads start no earlier than here, since a daemon that opens a store may fork before. */
static void
find_syncer(struct qtn_store *s)
{
    if (s->idle == 0 && s->count < SYNCERS &&
        pthread_create(&s->syncers[s->count], NULL, run_syncer, s) == 0)
        s->count++;
    if (s->count > 0)
        pthread_cond_signal(&s->asked);
    else
        sync_waiting(s);
}

void
qtn_store_sync_start(struct qtn_store *s, struct qtn_sync *w)
{
    pthread_mutex_lock(&s->lock);
    *w = (struct qtn_sync){.next = s->waiting};
    s->waiting = w;
    find_syncer(s);
    pthread_mutex_unlock(&s->lock);
}

enum qtn_result
qtn_store_sync_wait(struct qtn_store *s, struct qtn_sync *w, struct ut_diag *d)
{
    char path[QTN_PATH_MAX];

    pthread_mutex_lock(&s->lock);
    while (!w->done)
        pthread_cond_wait(&s->synced, &s->lock);
    pthread_mutex_unlock(&s->lock);
    if (w->err == 0)
        return QTN_OK;
    qtn_store_path(s, QTN_PLACE_INCOMING, NULL, path);
    errno = w->err;
    return fail(d, "sync", path);
}

/* Looking and withdrawing -------------------------------------------------------------------- */

/* A file of the size of a small message: what fits in the last few bytes is no use. */
enum qtn_result
qtn_store_probe(const struct qtn_store *s, struct ut_diag *d)
{
    static const char block[16384];
    char path[QTN_PATH_MAX];
    char id[QTN_ID_LEN + 1];
    enum qtn_result result = QTN_OK;
    int fd;

    qtn_store_path(s, QTN_PLACE_INCOMING, NULL, path);
    if (access(path, W_OK | X_OK) < 0)
        return fail(d, "write to", path);
    if (qtn_id_new(id, d) < 0)
        return QTN_ERROR;
    qtn_store_path(s, QTN_PLACE_TMP, id, path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(d, "make", path);
    if (ut_file_write_all(fd, block, sizeof(block)) < 0)
        result = fail(d, "write to", path);
    close(fd);
    unlink(path);
    return result;
}

enum qtn_result
qtn_store_withdraw(struct qtn_store *s, const char *id, struct ut_diag *d)
{
    static const enum qtn_place order[] = {QTN_PLACE_INCOMING, QTN_PLACE_HELD};
    char from[QTN_PATH_MAX];
    char to[QTN_PATH_MAX];
    struct qtn_sync sync;

    if (!qtn_id_valid(id)) {
        ut_diag_set(d, "not a message id");
        return QTN_GONE;
    }
    qtn_store_path(s, QTN_PLACE_UNDO, id, to);
    for (size_t i = 0; i < 2; i++) { /* files only ever move in this direction */
        qtn_store_path(s, order[i], id, from);
        if (rename(from, to) == 0) {
            qtn_store_sync_start(s, &sync);
            return qtn_store_sync_wait(s, &sync, d);
        }
        if (errno != ENOENT)
            return fail(d, "withdraw", from);
    }
    ut_diag_set(d, "message %s is not in %s", id, s->dir);
    return QTN_GONE;
}

enum qtn_result
qtn_store_exists(const struct qtn_store *s, const char *id, struct ut_diag *d)
{
    static const enum qtn_place order[] = {QTN_PLACE_INCOMING, QTN_PLACE_HELD};
    char path[QTN_PATH_MAX];
    struct stat st;

    for (size_t i = 0; i < 2 && qtn_id_valid(id); i++) {
        qtn_store_path(s, order[i], id, path);
        if (lstat(path, &st) == 0)
            return QTN_OK;
        if (errno != ENOENT) {
            ut_diag_errno(d, "cannot look at %s", path);
            return QTN_ERROR;
        }
    }
    ut_diag_set(d, "no such message in %s", s->dir);
    return QTN_GONE;
}

enum qtn_result
qtn_store_read(const struct qtn_store *s, const char *id, struct qtn_file *f, struct ut_diag *d)
{
    char path[QTN_PATH_MAX];
    enum qtn_result result;

    *f = (struct qtn_file){.fd = -1};
    if (!qtn_id_valid(id)) {
        ut_diag_set(d, "not a message id");
        return QTN_GONE;
    }
    qtn_store_path(s, QTN_PLACE_INCOMING, id, path);
    result = qtn_file_open(f, path, id, d);
    if (result != QTN_GONE)
        return result;
    qtn_store_path(s, QTN_PLACE_HELD, id, path);
    return qtn_file_open(f, path, id, d);
}
