/* qtn_keeper.c - the one owner of index and audit log.
 * Not here: who asks for changes (qtn_server.c, qtn_watch.c), taking messages in (qtn_take.c),
 * building the index again (qtn_reindex.c).
 * Threads: as the header says. Fails: when disk, index or audit log do; logs what it finds at the
 * start.
 *
 * The order of every change is: audit log, index, file; each durable before the next. So after a
 * crash the audit log is never behind, at most a few events ahead, and qtn_keeper_open() carries
 * out the rest of its last events: a message whose release was logged is not sent again, one
 * whose deletion was logged does not come back. TAIL is far more than can be in flight. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "lib/ut_file.h"
#include "lib/ut_log.h"
#include "lib/ut_time.h"
#include "quarantine/qtn_keeper.h"
#include "quarantine/qtn_release.h"

#define TAIL (8LL << 20)
#define TRY_FIRST 5.0  /* seconds until a damaged index is tried again; doubles, since the */
#define TRY_MOST 300.0 /* library loses a little memory each time */

long long
qtn_keeper_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Using it ------------------------------------------------------------------------------------ */

/* Opens the index again, whose recovery may put right what a full disk did. */
static void
try_index(struct qtn_keeper *k)
{
    if (k->rebuilding || ut_time_mono() < k->try_at)
        return;
    qtn_keeper_open_index(k);
    if (k->index)
        ut_log(UT_LOG_NOTICE, "the index can be used again");
}

int
qtn_keeper_enter(struct qtn_keeper *k, struct ut_diag *d)
{
    pthread_mutex_lock(&k->lock);
    if (!k->index)
        try_index(k);
    if (k->index)
        return 0;
    if (d)
        *d = k->trouble;
    pthread_mutex_unlock(&k->lock);
    return -1;
}

void
qtn_keeper_leave(struct qtn_keeper *k)
{
    if (k->index && qtn_index_damaged(k->index)) {
        qtn_index_close(k->index);
        k->index = NULL;
        ut_diag_set(&k->trouble,
            "the index in %s is damaged; build it again with: penstock quarantine reindex",
            k->index_dir);
        ut_log_diag(UT_LOG_CRIT, NULL, &k->trouble);
    }
    pthread_mutex_unlock(&k->lock);
}

struct qtn_boxes *
qtn_keeper_boxes(struct qtn_keeper *k)
{
    struct qtn_boxes *b;

    pthread_mutex_lock(&k->lock);
    b = qtn_boxes_ref(k->boxes);
    pthread_mutex_unlock(&k->lock);
    return b;
}

void
qtn_keeper_reload(struct qtn_keeper *k, struct qtn_boxes *boxes)
{
    struct qtn_boxes *old;
    struct ut_diag d;

    pthread_mutex_lock(&k->lock);
    old = k->boxes;
    k->boxes = boxes;
    k->not_loaded.text[0] = '\0';
    if (!k->rebuilding && qtn_audit_reopen(k->audit, &d) < 0)
        ut_log_diag(UT_LOG_ERR, "going on with the old file", &d);
    pthread_mutex_unlock(&k->lock);
    qtn_boxes_unref(old);
}

void
qtn_keeper_not_loaded(struct qtn_keeper *k, const struct ut_diag *d)
{
    pthread_mutex_lock(&k->lock);
    k->not_loaded = *d;
    pthread_mutex_unlock(&k->lock);
}

/* Changes ------------------------------------------------------------------------------------- */

static void
remove_file(const char *path)
{
    if (unlink(path) < 0 && errno != ENOENT)
        ut_log(UT_LOG_WARNING, "cannot remove %s: %s", path, strerror(errno));
}

/* Removes every file that message [r] has in its box. */
static void
remove_files(const struct qtn_keeper *k, const struct qtn_record *r)
{
    static const enum qtn_place places[] = {QTN_PLACE_INCOMING, QTN_PLACE_HELD, QTN_PLACE_UNDO};
    const struct qtn_box *box = qtn_boxes_get(k->boxes, r->text[QTN_TEXT_QUARANTINE]);
    char path[QTN_PATH_MAX];

    for (size_t i = 0; box && i < 3; i++) {
        qtn_store_path(box->store, places[i], r->id, path);
        remove_file(path);
    }
}

static bool
keeps_record(enum qtn_event e)
{
    return e == QTN_EVENT_RELEASED || e == QTN_EVENT_DELETED;
}

/* What follows the line in the audit log. */
static int
follow(struct qtn_keeper *k, enum qtn_event event, struct qtn_record *r, struct ut_diag *d)
{
    int result =
        keeps_record(event) ? qtn_index_put(k->index, r, 1, d) : qtn_index_del(k->index, r->id, d);

    if (result == 0)
        remove_files(k, r);
    return result;
}

int
qtn_keeper_settle(
    struct qtn_keeper *k, const struct qtn_act *act, struct qtn_record *r, struct ut_diag *d)
{
    if (qtn_audit_write(k->audit, act, r, 1, d) < 0)
        return -1;
    r->state = act->event == QTN_EVENT_RELEASED ? QTN_RELEASED : QTN_DELETED;
    r->changed = qtn_keeper_now();
    r->text[QTN_TEXT_BY] = act->by ? act->by : "";
    r->text[QTN_TEXT_NOTE] = act->note ? act->note : "";
    return follow(k, act->event, r, d);
}

/* At the start -------------------------------------------------------------------------------- */

struct catch_up {
    struct qtn_keeper *k;
    struct ut_diag d;
};

/* A message that was logged as stored but is not in the index: it goes there now, so that it is
 * not logged a second time. If its file is gone, it was withdrawn. */
static int
catch_stored(struct catch_up *c, const struct qtn_record *logged)
{
    const struct qtn_box *box = qtn_boxes_get(c->k->boxes, logged->text[QTN_TEXT_QUARANTINE]);
    struct qtn_file f;
    struct qtn_record r;
    int result;

    if (!box || qtn_store_read(box->store, logged->id, &f, NULL) != QTN_OK)
        return 0;
    result = qtn_record_from_file(&r, &f, box->ref, &c->d);
    qtn_file_close(&f);
    if (result == 0) {
        result = qtn_index_put(c->k->index, &r, 1, &c->d);
        qtn_record_fini(&r);
    }
    return result;
}

/* A message that the audit log says the end of, but the index does not, or whose file is left. */
static int
catch_end(struct catch_up *c, enum qtn_event event, const struct qtn_record *logged,
    struct qtn_record *now)
{
    if (now->state != QTN_HELD && now->state != QTN_RELEASING && keeps_record(event)) {
        remove_files(c->k, now);
        return 0;
    }
    now->state = logged->state;
    now->changed = logged->changed;
    now->text[QTN_TEXT_BY] = logged->text[QTN_TEXT_BY];
    now->text[QTN_TEXT_NOTE] = logged->text[QTN_TEXT_NOTE];
    ut_log(UT_LOG_NOTICE, "%s: the audit log says %s, which a crash cut off; done now", now->id,
        qtn_event_name(event));
    return follow(c->k, event, now, &c->d);
}

static int
catch_event(void *arg, enum qtn_event event, const struct qtn_record *logged)
{
    struct catch_up *c = arg;
    struct qtn_record now;
    enum qtn_find found = qtn_index_get(c->k->index, logged->id, &now, &c->d);
    int result = found == QTN_FAILED ? -1 : 0;

    if (found == QTN_NOTFOUND && event == QTN_EVENT_STORED)
        return catch_stored(c, logged);
    if (found != QTN_FOUND)
        return result;
    if (event != QTN_EVENT_STORED && event != QTN_EVENT_RELEASE_FAILED)
        result = catch_end(c, event, logged, &now);
    qtn_record_fini(&now);
    return result;
}

void
qtn_keeper_open_index(struct qtn_keeper *k)
{
    struct catch_up c = {.k = k};
    unsigned long skipped;

    k->try_wait = k->try_wait <= 0             ? TRY_FIRST
                  : k->try_wait * 2 < TRY_MOST ? k->try_wait * 2
                                               : TRY_MOST;
    k->try_at = ut_time_mono() + k->try_wait;
    k->index = qtn_index_open_db(k->index_dir, false, &k->trouble);
    if (!k->index)
        return;
    if (qtn_audit_read(k->audit, TAIL, catch_event, &c, &skipped, &c.d) < 0 ||
        qtn_release_resolve(k, &c.d) < 0) {
        qtn_index_close(k->index);
        k->index = NULL;
        k->trouble = c.d;
        return;
    }
    k->trouble.text[0] = '\0';
    k->try_wait = 0;
}

/* Makes sure that no other process works on the same state. */
static int
take_lock(const char *state, struct ut_diag *d)
{
    char path[QTN_PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/quarantine.lock", state);
    int fd;

    if (n < 0 || (size_t)n >= sizeof(path))
        return ut_diag_set(d, "state_directory is too long");
    fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return ut_diag_errno(d, "cannot open %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK)
            ut_diag_set(d, "another penstock-quarantined works on %s (it holds %s)", state, path);
        else
            ut_diag_errno(d, "cannot lock %s", path);
        close(fd);
        return -1;
    }
    return fd;
}

static int
open_audit(struct qtn_keeper *k, const char *state, struct ut_diag *d)
{
    char *path;

    if (asprintf(&path, "%s/quarantine.audit", state) < 0)
        return ut_diag_set(d, "no memory for the audit log");
    k->audit = qtn_audit_open(path, d);
    free(path);
    return k->audit ? 0 : -1;
}

int
qtn_keeper_open(struct qtn_keeper *k, struct qtn_boxes *boxes, bool *missing, struct ut_diag *d)
{
    const char *state = boxes->conf->global.state_directory;

    *k = (struct qtn_keeper){.lock_fd = -1};
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->idle, NULL);
    if (asprintf(&k->index_dir, "%s/quarantine.index", state) < 0) {
        k->index_dir = NULL;
        ut_diag_set(d, "no memory for the index");
    } else if (ut_file_mkdirs(state, 0750, d) == 0 && (k->lock_fd = take_lock(state, d)) >= 0 &&
               open_audit(k, state, d) == 0) {
        k->boxes = boxes;
        *missing = access(k->index_dir, F_OK) < 0 && errno == ENOENT;
        if (!*missing)
            qtn_keeper_open_index(k);
        return 0;
    }
    qtn_keeper_close(k);
    return -1;
}

void
qtn_keeper_close(struct qtn_keeper *k)
{
    qtn_index_close(k->index);
    qtn_audit_close(k->audit);
    qtn_boxes_unref(k->boxes);
    free(k->index_dir);
    if (k->lock_fd >= 0)
        close(k->lock_fd);
    pthread_cond_destroy(&k->idle);
    pthread_mutex_destroy(&k->lock);
    *k = (struct qtn_keeper){.lock_fd = -1};
}
