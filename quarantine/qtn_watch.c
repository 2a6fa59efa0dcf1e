/* qtn_watch.c - the worker: takes in what arrives in incoming/, keeps the index's log short,
 * removes what is too old.
 * Not here: how any of that is done (qtn_take.c, qtn_expire.c, qtn_keeper.c).
 * Threads: one of its own. Fails: only at the start; later trouble is logged, and tried again.
 *
 * inotify(7) only says that something has changed; what, is found by reading the folder. So an
 * overflow, a folder that was replaced or one on a file system without inotify cost no more than
 * a delay until the next turn. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/ut_log.h"
#include "lib/ut_time.h"
#include "quarantine/qtn_expire.h"
#include "quarantine/qtn_take.h"
#include "quarantine/qtn_watch.h"

#define TURN 10.0   /* seconds: look without being told */
#define MINUTE 60.0 /* seconds: checkpoint */
#define HOUR 3600.0 /* seconds: retention */

struct qtn_watch {
    struct qtn_keeper *k; /* borrowed */
    pthread_t thread;
    int wake;            /* eventfd: stop or renew */
    int inotify;         /* -1: none */
    bool stop;           /* atomic */
    double minute, hour; /* when that is due */
};

static void
complain(const char *what, const struct ut_diag *d)
{
    if (ut_log_once_a_second(2))
        ut_log_diag(UT_LOG_ERR, what, d);
}

/* Watches the folders of the boxes of now; those watched before stay so at no cost. */
static void
watch_folders(struct qtn_watch *w)
{
    struct qtn_boxes *boxes = qtn_keeper_boxes(w->k);
    char path[QTN_PATH_MAX];

    for (size_t i = 0; w->inotify >= 0 && i < boxes->count; i++) {
        qtn_store_path(boxes->items[i].store, QTN_PLACE_INCOMING, NULL, path);
        (void)inotify_add_watch(w->inotify, path, IN_MOVED_TO | IN_CREATE | IN_ONLYDIR);
    }
    qtn_boxes_unref(boxes);
}

/* Reads away what the descriptors have to say. */
static void
drain(int fd)
{
    char buf[4096];

    while (fd >= 0 && read(fd, buf, sizeof(buf)) > 0)
        continue;
}

static void
do_minute(struct qtn_keeper *k)
{
    struct ut_diag d;

    if (qtn_keeper_enter(k, NULL) < 0)
        return; /* logged when it happened */
    if (qtn_index_checkpoint(k->index, &d) < 0)
        complain(NULL, &d);
    qtn_keeper_leave(k);
}

static void
do_hour(struct qtn_keeper *k)
{
    unsigned long count;
    struct ut_diag d;

    if (qtn_expire(k, &count, &d) < 0)
        complain("cannot remove old messages", &d);
    else if (count > 0)
        ut_log(UT_LOG_INFO, "%lu messages were older than their retention and are removed", count);
}

static void
do_due(struct qtn_watch *w)
{
    double now = ut_time_mono();
    struct ut_diag d;

    if (now >= w->minute) {
        w->minute = now + MINUTE;
        do_minute(w->k);
    }
    if (qtn_take(w->k, &d) < 0)
        complain("not all was taken into the index", &d);
    if (now >= w->hour) {
        w->hour = now + HOUR;
        do_hour(w->k);
    }
}

static void *
run(void *arg)
{
    struct qtn_watch *w = arg;

    while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
        struct pollfd fds[2] = {
            {.fd = w->wake, .events = POLLIN}, {.fd = w->inotify, .events = POLLIN}};

        watch_folders(w);
        do_due(w);
        (void)poll(fds, 2, ut_time_poll_ms(ut_time_mono() + TURN));
        drain(w->wake);
        drain(w->inotify);
    }
    return NULL;
}

struct qtn_watch *
qtn_watch_start(struct qtn_keeper *k, struct ut_diag *d)
{
    struct qtn_watch *w = calloc(1, sizeof(*w));
    int err;

    if (!w) {
        ut_diag_set(d, "no memory for the worker");
        return NULL;
    }
    w->k = k;
    w->minute = ut_time_mono() + MINUTE;
    w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->inotify < 0)
        ut_log(UT_LOG_WARNING, "no inotify (%s): new messages are seen after %g seconds",
            strerror(errno), TURN);
    err = w->wake < 0 ? errno : pthread_create(&w->thread, NULL, run, w);
    if (err == 0)
        return w;
    ut_diag_set(d, "cannot start the worker: %s", strerror(err));
    if (w->wake >= 0)
        close(w->wake);
    if (w->inotify >= 0)
        close(w->inotify);
    free(w);
    return NULL;
}

void
qtn_watch_renew(struct qtn_watch *w)
{
    static const unsigned long long one = 1;

    (void)!write(w->wake, &one, sizeof(one));
}

void
qtn_watch_stop(struct qtn_watch *w)
{
    if (!w)
        return;
    __atomic_store_n(&w->stop, true, __ATOMIC_RELEASE);
    qtn_watch_renew(w);
    pthread_join(w->thread, NULL);
    close(w->wake);
    if (w->inotify >= 0)
        close(w->inotify);
    free(w);
}
