/* hsl_share.c - shared state that lives in this process: the barriers' locks and values.
 *
 * One lock guards the table; whoever waits for a barrier sleeps on a condition of its own, so that
 * leaving wakes only those who want that one. A barrier is in the table while somebody holds it or
 * waits for it, or while it has a value.
 *
 * Not here: the statement (hsl_barrier.c). Threads: any. Fails: memory. */
#include "config.h"

#include "hsl/hsl_share.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hsl/hsl_hash.h"
#include "hsl/hsl_random.h"
#include "lib/ut_time.h"

#define CHAINS 1024u

struct barrier {
    struct barrier *next; /* in its chain */
    struct barrier **chain;
    pthread_cond_t left; /* nobody holds it now */
    bool held;
    unsigned waiting;
    char *value; /* NULL: none */
    size_t value_len;
    size_t name_len;
    char name[];
};

struct local {
    struct hsl_share share;
    pthread_mutex_t lock;
    uint64_t seed[2];
    size_t memory, max_memory; /* bytes of values with their names */
    struct barrier *chains[CHAINS];
};

/* --- The table ------------------------------------------------------------------------------- */

static struct barrier *
new_barrier(const struct hsl_text *name, struct barrier **chain)
{
    struct barrier *b = calloc(1, sizeof(*b) + name->len + 1);
    pthread_condattr_t attr;

    if (!b)
        return NULL;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&b->left, &attr);
    pthread_condattr_destroy(&attr);
    b->name_len = name->len;
    memcpy(b->name, name->p, name->len);
    b->chain = chain;
    b->next = *chain;
    *chain = b;
    return b;
}

static void
free_barrier(struct barrier *b)
{
    pthread_cond_destroy(&b->left);
    free(b->value);
    free(b);
}

/* The barrier of that name, made if there is none; NULL: no memory. */
static struct barrier *
get_barrier(struct local *l, const struct hsl_text *name)
{
    uint64_t hash = hsl_hash_bytes(l->seed[0], l->seed[1], name->p, name->len);
    struct barrier **chain = &l->chains[hash % CHAINS], *b;

    for (b = *chain; b; b = b->next) {
        if (b->name_len == name->len && memcmp(b->name, name->p, name->len) == 0)
            return b;
    }
    return new_barrier(name, chain);
}

/* Takes [b] away if it is of no use any more. */
static void
put_barrier(struct barrier *b)
{
    struct barrier **at = b->chain;

    if (b->held || b->waiting || b->value)
        return;
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    free_barrier(b);
}

/* --- Entering and leaving -------------------------------------------------------------------- */

/* The time of CLOCK_MONOTONIC in [seconds], for pthread_cond_timedwait(). */
static struct timespec
deadline_in(double seconds)
{
    double when = ut_time_mono() + fmin(fmax(seconds, 0), 86400.0 * 365);
    struct timespec t;

    t.tv_sec = (time_t)when;
    t.tv_nsec = (long)((when - (double)t.tv_sec) * 1e9);
    return t;
}

static bool
wait_for(struct local *l, struct barrier *b, double seconds)
{
    struct timespec until = deadline_in(seconds);
    int error = 0;

    b->waiting++;
    while (b->held && error == 0)
        error = pthread_cond_timedwait(&b->left, &l->lock, &until);
    b->waiting--;
    return !b->held;
}

static enum hsl_share_end
local_enter(struct hsl_share *s, const struct hsl_text *name, double wait, struct ut_sbuf *value,
    bool *has_value, void **lock)
{
    struct local *l = (struct local *)s;
    enum hsl_share_end end = HSL_SHARE_OK;
    struct barrier *b;

    pthread_mutex_lock(&l->lock);
    b = get_barrier(l, name);
    if (!b) {
        end = HSL_SHARE_FULL;
    } else if (!wait_for(l, b, wait)) {
        end = HSL_SHARE_TIMEOUT;
    } else {
        *has_value = b->value != NULL;
        if (b->value)
            ut_sbuf_add(value, b->value, b->value_len);
        if (value->failed)
            end = HSL_SHARE_FULL;
        b->held = end == HSL_SHARE_OK;
        *lock = b;
    }
    if (b && end != HSL_SHARE_OK) {
        if (!b->held)
            pthread_cond_signal(&b->left);
        put_barrier(b);
    }
    pthread_mutex_unlock(&l->lock);
    return end;
}

/* The value of [b] becomes a copy of [value] (NULL: none). */
static bool
set_value(struct local *l, struct barrier *b, const struct hsl_text *value)
{
    size_t old = b->value ? b->value_len + sizeof(*b) + b->name_len : 0;
    size_t size = value ? value->len + sizeof(*b) + b->name_len : 0;
    char *copy = NULL;

    if (value && (size > l->max_memory || l->memory - old > l->max_memory - size))
        return false;
    if (value) {
        copy = malloc(value->len + 1);
        if (!copy)
            return false;
        memcpy(copy, value->p, value->len);
        b->value_len = value->len;
    }
    l->memory += size - old;
    free(b->value);
    b->value = copy;
    return true;
}

static enum hsl_share_end
local_leave(struct hsl_share *s, void *lock, enum hsl_share_keep keep, const struct hsl_text *value)
{
    struct local *l = (struct local *)s;
    struct barrier *b = lock;
    bool ok = true;

    pthread_mutex_lock(&l->lock);
    if (keep != HSL_SHARE_KEEP)
        ok = set_value(l, b, keep == HSL_SHARE_STORE ? value : NULL);
    b->held = false;
    pthread_cond_signal(&b->left);
    put_barrier(b);
    pthread_mutex_unlock(&l->lock);
    return ok ? HSL_SHARE_OK : HSL_SHARE_FULL;
}

/* --- Life ------------------------------------------------------------------------------------ */

static void
local_free(struct hsl_share *s)
{
    struct local *l = (struct local *)s;

    for (size_t i = 0; i < CHAINS; i++) {
        while (l->chains[i]) {
            struct barrier *b = l->chains[i];

            l->chains[i] = b->next;
            free_barrier(b);
        }
    }
    pthread_mutex_destroy(&l->lock);
    free(l);
}

struct hsl_share *
hsl_share_local_new(size_t memory)
{
    static const struct hsl_share_ops ops = {local_enter, local_leave, local_free};
    struct local *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    if (!hsl_random_fill(l->seed, sizeof(l->seed))) {
        free(l);
        return NULL;
    }
    l->share.ops = &ops;
    l->max_memory = memory;
    pthread_mutex_init(&l->lock, NULL);
    return &l->share;
}
