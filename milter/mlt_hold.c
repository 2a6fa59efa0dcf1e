/* mlt_hold.c - the quarantines of one configuration.
 * Not here: how a message is stored (quarantine/qtn_store.h), which one is (mlt_apply.c).
 * Threads: any; one lock, held while a marked quarantine is probed, which is once a second.
 * Fails: with the result of the store. */
#include "config.h"

#include "milter/mlt_hold.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ut_log.h"
#include "lib/ut_time.h"

#define PROBE_SECONDS 1.0

struct hold {
    const char *id; /* section of the configuration */
    char *directory;
    struct qtn_store *store; /* NULL: could not be opened yet */
    bool failed;
    double probed; /* when it was last probed */
};

struct mlt_hold_set {
    pthread_mutex_t lock;
    struct hold *items;
    size_t count;
    size_t failed; /* items that are marked: looked at without the lock */
};

/* Marks or unmarks. With the lock held. */
static void
mark(struct mlt_hold_set *h, struct hold *item, bool failed)
{
    if (item->failed == failed)
        return;
    item->failed = failed;
    __atomic_store_n(&h->failed, failed ? h->failed + 1 : h->failed - 1, __ATOMIC_RELAXED);
}

/* Opens the store if it is not. With the lock held. */
static enum qtn_result
open_store(struct mlt_hold_set *h, struct hold *item, struct ut_diag *d)
{
    enum qtn_result result;

    if (item->store)
        return QTN_OK;
    result = qtn_store_open(&item->store, item->directory, d);
    mark(h, item, result != QTN_OK);
    return result;
}

static int
init_item(struct hold *item, const struct ut_conf *conf, const struct ut_conf_mailquarantine *q)
{
    struct ut_sbuf path;

    ut_sbuf_init(&path, 4096);
    ut_conf_quarantine_dir(conf, q, &path);
    item->id = q->id;
    item->directory = ut_sbuf_take(&path, NULL);
    ut_sbuf_fini(&path);
    return item->directory ? 0 : -1;
}

struct mlt_hold_set *
mlt_hold_set_new(const struct ut_conf *conf)
{
    struct mlt_hold_set *h = calloc(1, sizeof(*h));
    struct ut_diag d;

    if (!h)
        return NULL;
    pthread_mutex_init(&h->lock, NULL);
    h->items = calloc(conf->mailquarantine_count + 1, sizeof(*h->items));
    for (; h->items && h->count < conf->mailquarantine_count; h->count++) {
        if (init_item(&h->items[h->count], conf, &conf->mailquarantines[h->count]) != 0)
            break;
    }
    if (!h->items || h->count < conf->mailquarantine_count) {
        mlt_hold_set_free(h);
        return NULL;
    }
    for (size_t i = 0; i < h->count; i++) {
        if (open_store(h, &h->items[i], &d) != QTN_OK)
            ut_log_diag(UT_LOG_ERR, "this quarantine cannot keep messages now", &d);
    }
    return h;
}

void
mlt_hold_set_free(struct mlt_hold_set *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->count; i++) {
        qtn_store_close(h->items[i].store);
        free(h->items[i].directory);
    }
    pthread_mutex_destroy(&h->lock);
    free(h->items);
    free(h);
}

static struct hold *
find(struct mlt_hold_set *h, const char *id)
{
    static const char prefix[] = "mailquarantine:";

    if (strncmp(id, prefix, sizeof(prefix) - 1) == 0)
        id += sizeof(prefix) - 1;
    for (size_t i = 0; i < h->count; i++) {
        if (strcmp(h->items[i].id, id) == 0)
            return &h->items[i];
    }
    return NULL;
}

enum qtn_result
mlt_hold_store(struct mlt_hold_set *h, const char *id, struct qtn_store **out, struct ut_diag *d)
{
    struct hold *item = find(h, id);
    enum qtn_result result;

    *out = NULL;
    if (!item) {
        ut_diag_set(d, "there is no quarantine %s", id);
        return QTN_ERROR;
    }
    pthread_mutex_lock(&h->lock);
    result = open_store(h, item, d);
    *out = item->store;
    pthread_mutex_unlock(&h->lock);
    return result;
}

void
mlt_hold_failed(struct mlt_hold_set *h, const char *id)
{
    struct hold *item = find(h, id);

    if (!item)
        return;
    pthread_mutex_lock(&h->lock);
    mark(h, item, true);
    pthread_mutex_unlock(&h->lock);
}

/* Looks whether a marked quarantine works again. With the lock held. */
static void
probe(struct mlt_hold_set *h, struct hold *item)
{
    double now = ut_time_mono();
    struct ut_diag d;

    if (now - item->probed < PROBE_SECONDS)
        return;
    item->probed = now;
    if (open_store(h, item, &d) != QTN_OK || qtn_store_probe(item->store, &d) != QTN_OK) {
        ut_log_diag(UT_LOG_WARNING, "recipients are deferred", &d);
        return;
    }
    mark(h, item, false);
    ut_log(UT_LOG_NOTICE, "%s: the quarantine works again", item->directory);
}

bool
mlt_hold_works(struct mlt_hold_set *h)
{
    bool works = true;

    if (__atomic_load_n(&h->failed, __ATOMIC_RELAXED) == 0)
        return true;
    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < h->count; i++) {
        if (h->items[i].failed)
            probe(h, &h->items[i]);
        if (h->items[i].failed)
            works = false;
    }
    pthread_mutex_unlock(&h->lock);
    return works;
}

enum qtn_result
mlt_hold_withdraw(struct mlt_hold_set *h, const char *id, struct ut_diag *d)
{
    enum qtn_result worst = QTN_GONE;

    for (size_t i = 0; i < h->count; i++) {
        struct qtn_store *s;
        enum qtn_result result = mlt_hold_store(h, h->items[i].id, &s, d);

        if (result == QTN_OK)
            result = qtn_store_withdraw(s, id, d);
        if (result == QTN_OK)
            return QTN_OK;
        if (result != QTN_GONE)
            worst = result;
    }
    return worst;
}

enum qtn_result
mlt_hold_exists(struct mlt_hold_set *h, const char *id, struct ut_diag *d)
{
    enum qtn_result worst = QTN_GONE;

    for (size_t i = 0; i < h->count; i++) {
        struct qtn_store *s;
        enum qtn_result result = mlt_hold_store(h, h->items[i].id, &s, d);

        if (result == QTN_OK)
            result = qtn_store_exists(s, id, d);
        if (result == QTN_OK)
            return QTN_OK;
        if (result != QTN_GONE)
            worst = result;
    }
    return worst;
}
