/* mlt_tick.c - the thread that tells the mail server that we are still working.
 * Not here: what takes long. Threads: its own, and any that add and remove.
 * Fails: if the thread cannot be started. */
#include "config.h"

#include "milter/mlt_tick.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/ut_log.h"
#include "lib/ut_time.h"

struct mlt_tick {
    pthread_mutex_t lock;
    pthread_cond_t stop_now;
    pthread_t thread;
    struct mlt_tick_work *work;
    bool stop;
};

/* Tells progress for all that is due. With the lock held, so that none of it goes meanwhile: the
 * few bytes fit any socket buffer, and a peer that reads nothing at all is libmilter's to time out.
 */
static void
tell(struct mlt_tick *t)
{
    double now = ut_time_mono();

    for (struct mlt_tick_work *w = t->work; w; w = w->next) {
        if (now < w->due)
            continue;
        w->due = now + MLT_TICK_SECONDS;
        if (w->ops->progress(w->ctx) != 0)
            ut_log(UT_LOG_NOTICE, "the mail server does not take notice of progress");
    }
}

static void *
tick_main(void *arg)
{
    struct mlt_tick *t = arg;

    pthread_mutex_lock(&t->lock);
    while (!t->stop) {
        (void)ut_time_cond_wait(&t->stop_now, &t->lock, ut_time_mono() + 1);
        tell(t);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

struct mlt_tick *
mlt_tick_new(struct ut_diag *d)
{
    struct mlt_tick *t = calloc(1, sizeof(*t));
    int error;

    if (!t) {
        ut_diag_set(d, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&t->lock, NULL);
    ut_time_cond_init(&t->stop_now);
    error = pthread_create(&t->thread, NULL, tick_main, t);
    if (error != 0) {
        ut_diag_set(d, "cannot start a thread: %s", strerror(error));
        pthread_cond_destroy(&t->stop_now);
        pthread_mutex_destroy(&t->lock);
        free(t);
        return NULL;
    }
    return t;
}

void
mlt_tick_free(struct mlt_tick *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    pthread_cond_signal(&t->stop_now);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    UT_BUG_ON(t->work != NULL);
    pthread_cond_destroy(&t->stop_now);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

void
mlt_tick_add(struct mlt_tick *t, struct mlt_tick_work *w, const struct mlt_ops *ops, void *ctx)
{
    w->ops = ops;
    w->ctx = ctx;
    w->due = ut_time_mono() + MLT_TICK_SECONDS;
    w->prev = NULL;
    pthread_mutex_lock(&t->lock);
    w->next = t->work;
    if (w->next)
        w->next->prev = w;
    t->work = w;
    pthread_mutex_unlock(&t->lock);
}

void
mlt_tick_remove(struct mlt_tick *t, struct mlt_tick_work *w)
{
    if (!w->ops)
        return;
    pthread_mutex_lock(&t->lock);
    if (w->prev)
        w->prev->next = w->next;
    else
        t->work = w->next;
    if (w->next)
        w->next->prev = w->prev;
    pthread_mutex_unlock(&t->lock);
    w->ops = NULL;
}
