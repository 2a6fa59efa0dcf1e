/* hsl_http_queue.c - HTTP requests that a script does not wait for (library §6, background).
 *
 * One thread makes them. An item that has failed waits for its next try; one behind it with the
 * same hash waits as well, so that requests of one hash arrive in order. What waits when the
 * process ends is lost.
 *
 * Not here: the request itself (hsl_http.c). Threads: any may add. Fails: too many wait. */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "hsl/hsl_http_internal.h"
#include "lib/ut_time.h"

#define WAITING_MAX 1000u

struct http_item {
    struct http_item *next;
    struct hsl_http *http;
    struct hsl_http_request request;
    struct ut_conf *conf;
    unsigned retries;  /* left */
    double delay, due; /* seconds; monotonic time */
    char hash[];
};

static void
free_item(struct http_item *item)
{
    hsl_http_request_fini(&item->request);
    ut_conf_unref(item->conf);
    free(item);
}

/* True if an item before [item] has its hash. */
static bool
is_behind(const struct http_queue *q, const struct http_item *item)
{
    if (item->hash[0] == '\0')
        return false;
    for (const struct http_item *i = q->first; i != item; i = i->next)
        if (strcmp(i->hash, item->hash) == 0)
            return true;
    return false;
}

/* The item to be done first, or NULL; *due gets its time. */
static struct http_item *
next_item(const struct http_queue *q)
{
    struct http_item *best = NULL;

    for (struct http_item *i = q->first; i; i = i->next)
        if ((!best || i->due < best->due) && !is_behind(q, i))
            best = i;
    return best;
}

static void
remove_item(struct http_queue *q, struct http_item *item)
{
    struct http_item **p = &q->first;

    while (*p != item)
        p = &(*p)->next;
    *p = item->next;
    if (q->last == &item->next)
        q->last = p;
    q->count--;
}

/* Makes the request; true if it need not be tried again. */
static bool
try_item(struct http_item *item)
{
    struct hsl_http_answer a;
    struct ut_diag why;
    bool ok = hsl_http_run(item->http, &item->request, item->conf, &a, &why) == 0 &&
              a.status >= 200 && a.status < 300;

    ut_sbuf_fini(&a.head);
    ut_sbuf_fini(&a.body);
    return ok;
}

/* Under the lock: waits for work. NULL: the thread is to end. */
static struct http_item *
wait_item(struct http_queue *q)
{
    while (!q->stop) {
        struct http_item *item = next_item(q);

        if (!item) {
            pthread_cond_wait(&q->changed, &q->lock);
            continue;
        }
        if (item->due <= ut_time_mono())
            return item;
        (void)ut_time_cond_wait(&q->changed, &q->lock, item->due);
    }
    return NULL;
}

static void *
run(void *arg)
{
    struct http_queue *q = arg;
    struct http_item *item;

    pthread_mutex_lock(&q->lock);
    while ((item = wait_item(q))) {
        bool done;

        pthread_mutex_unlock(&q->lock);
        done = try_item(item);
        pthread_mutex_lock(&q->lock);
        if (!done && item->retries > 0) {
            item->retries--;
            item->due = ut_time_mono() + item->delay;
            continue;
        }
        remove_item(q, item);
        free_item(item);
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

/* Under the lock. Signals are for the program's own threads. */
static int
start(struct http_queue *q)
{
    sigset_t all, old;

    if (q->running)
        return 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    q->running = pthread_create(&q->thread, NULL, run, q) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return q->running ? 0 : -1;
}

int
hsl_http_queue(struct hsl_http *h, struct hsl_http_request *request, struct ut_conf *conf,
    const char *hash, unsigned retries, double delay)
{
    size_t len = strlen(hash);
    struct http_queue *q = &h->queue;
    struct http_item *item = calloc(1, sizeof(*item) + len + 1);
    bool ok;

    if (!item) {
        hsl_http_request_fini(request);
        return -1;
    }
    item->http = h;
    item->request = *request;
    *request = (struct hsl_http_request){0};
    item->conf = conf ? ut_conf_ref(conf) : NULL;
    item->retries = retries;
    item->delay = delay;
    item->due = ut_time_mono();
    memcpy(item->hash, hash, len + 1);
    pthread_mutex_lock(&q->lock);
    ok = q->count < WAITING_MAX && start(q) == 0;
    if (ok) {
        *q->last = item;
        q->last = &item->next;
        q->count++;
        pthread_cond_signal(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    if (!ok)
        free_item(item);
    return ok ? 0 : -1;
}

void
http_queue_init(struct http_queue *q)
{
    pthread_mutex_init(&q->lock, NULL);
    ut_time_cond_init(&q->changed);
    q->last = &q->first;
}

void
http_queue_fini(struct http_queue *q)
{
    struct http_item *item, *next;

    if (q->running) {
        pthread_mutex_lock(&q->lock);
        q->stop = true;
        pthread_cond_signal(&q->changed);
        pthread_mutex_unlock(&q->lock);
        pthread_join(q->thread, NULL);
    }
    for (item = q->first; item; item = next) {
        next = item->next;
        free_item(item);
    }
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
}
