/* hsl_rate.c - counting events in sliding windows.
 *
 * A window is a ring of SLOTS counters, one for each step (1/32 of its interval) of the clock: the
 * present one, which is not over, and the 32 before it. So an event counts for at least the whole
 * interval; a limit is never exceeded in any stretch of that length.
 *
 * The table is SHARDS hash tables, each with a lock, a bound and a list in order of use: when a
 * shard is full the window used longest ago goes. Each new window also takes away up to two that
 * nothing has happened in for longer than their interval, so that memory follows the names in use
 * instead of all ever seen; one with a long interval at the end of the list holds that up. Names
 * come from outside (addresses, senders), so the hash is seeded anew in each process: nobody can
 * aim at one chain.
 *
 * Not here: rate() (hsl_lib_share.c), keeping windows in a file (policyd/). Threads: any. Fails:
 * without memory events are let through. */
#include "config.h"

#include "hsl/hsl_rate.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hsl/hsl_hash.h"
#include "hsl/hsl_random.h"

#define STEPS HSL_RATE_STEPS
#define SLOTS HSL_RATE_SLOTS
#define SHARDS 16
#define FIRST_CHAINS 64

struct window {
    struct window *next;          /* in its chain */
    struct window *newer, *older; /* in order of use */
    uint64_t hash;
    double interval;
    double used;                /* when it last was asked for: the list is in this order */
    int64_t step;               /* the newest one that has a counter */
    uint32_t slots[SLOTS];      /* of step s at s mod SLOTS */
    size_t space_len, name_len; /* bytes of the namespace, and of it with the entry */
    char name[];                /* namespace and entry */
};

struct shard {
    pthread_mutex_t lock;
    struct window **chains;
    size_t chain_count; /* a power of two */
    size_t count;       /* windows */
    size_t memory;      /* bytes of windows and chains */
    size_t max_memory;
    struct window *newest, *oldest;
};

struct hsl_rate_table {
    uint64_t seed[2];
    struct shard shards[SHARDS];
};

/* --- Life ------------------------------------------------------------------------------------ */

struct hsl_rate_table *
hsl_rate_table_new(size_t memory)
{
    struct hsl_rate_table *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    if (!hsl_random_fill(t->seed, sizeof(t->seed))) {
        free(t);
        return NULL;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&t->shards[i].lock, NULL);
        t->shards[i].max_memory = memory / SHARDS;
    }
    return t;
}

static void
shard_fini(struct shard *s)
{
    while (s->newest) {
        struct window *w = s->newest;

        s->newest = w->older;
        free(w);
    }
    free(s->chains);
    pthread_mutex_destroy(&s->lock);
}

void
hsl_rate_table_free(struct hsl_rate_table *t)
{
    for (size_t i = 0; t && i < SHARDS; i++)
        shard_fini(&t->shards[i]);
    free(t);
}

size_t
hsl_rate_memory(struct hsl_rate_table *t)
{
    size_t total = 0;

    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&t->shards[i].lock);
        total += t->shards[i].memory;
        pthread_mutex_unlock(&t->shards[i].lock);
    }
    return total;
}

/* --- Hashing --------------------------------------------------------------------------------- */

static uint64_t
hash_of(const struct hsl_rate_table *t, const struct hsl_text *space, const struct hsl_text *entry,
    double interval)
{
    uint64_t h;

    memcpy(&h, &interval, sizeof(h));
    h = hsl_hash_mix(h ^ t->seed[0], t->seed[1]);
    h = hsl_hash_bytes(h, t->seed[1], space->p, space->len);
    return hsl_hash_bytes(h, t->seed[1], entry->p, entry->len);
}

/* The step of the clock that [now] lies in. */
static int64_t
step_of(double now, double interval)
{
    return (int64_t)floor(now / interval * STEPS);
}

/* --- Finding a window ------------------------------------------------------------------------ */

static void
unlink_use(struct shard *s, struct window *w)
{
    *(w->newer ? &w->newer->older : &s->newest) = w->older;
    *(w->older ? &w->older->newer : &s->oldest) = w->newer;
}

static void
link_newest(struct shard *s, struct window *w, double now)
{
    w->used = now;
    w->newer = NULL;
    w->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = w;
    s->newest = w;
}

static struct window **
chain_of(const struct shard *s, uint64_t hash)
{
    return &s->chains[(hash >> 8) & (s->chain_count - 1)];
}

static void
drop_oldest(struct shard *s)
{
    struct window *w = s->oldest, **at = chain_of(s, w->hash);

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    unlink_use(s, w);
    s->count--;
    s->memory -= sizeof(*w) + w->name_len;
    free(w);
}

/* Drops up to two windows at the end of the list that count nothing any more. */
static void
drop_stale(struct shard *s, double now)
{
    for (int i = 0; i < 2 && s->oldest; i++) {
        if (step_of(now, s->oldest->interval) - s->oldest->step < SLOTS)
            return;
        drop_oldest(s);
    }
}

/* Doubles the chains when there are more windows than chains; without memory they just get longer.
 */
static void
grow_chains(struct shard *s)
{
    size_t count = s->chain_count ? s->chain_count * 2 : FIRST_CHAINS;
    struct window **chains;

    if (s->count < s->chain_count || s->memory + count * sizeof(*chains) > s->max_memory / 2)
        return;
    chains = calloc(count, sizeof(struct window *));
    if (!chains)
        return;
    s->memory += (count - s->chain_count) * sizeof(struct window *);
    free(s->chains);
    s->chains = chains;
    s->chain_count = count;
    for (struct window *w = s->newest; w; w = w->older) {
        struct window **at = chain_of(s, w->hash);

        w->next = *at;
        *at = w;
    }
}

static struct window *
find_window(struct shard *s, uint64_t hash, const struct hsl_text *space,
    const struct hsl_text *entry, double interval)
{
    struct window *w = s->chains ? *chain_of(s, hash) : NULL;

    for (; w; w = w->next) {
        if (w->hash == hash && w->interval == interval && w->space_len == space->len &&
            w->name_len == space->len + entry->len && memcmp(w->name, space->p, space->len) == 0 &&
            memcmp(w->name + space->len, entry->p, entry->len) == 0)
            return w;
    }
    return NULL;
}

static struct window *
add_window(struct shard *s, uint64_t hash, const struct hsl_text *space,
    const struct hsl_text *entry, double interval, double now)
{
    size_t size = sizeof(struct window) + space->len + entry->len;
    struct window *w, **at;

    drop_stale(s, now);
    grow_chains(s);
    if (!s->chains || size > s->max_memory / 2)
        return NULL;
    while (s->memory + size > s->max_memory && s->oldest)
        drop_oldest(s);
    w = calloc(1, size);
    if (!w)
        return NULL;
    w->hash = hash;
    w->interval = interval;
    w->space_len = space->len;
    w->name_len = space->len + entry->len;
    memcpy(w->name, space->p, space->len);
    memcpy(w->name + space->len, entry->p, entry->len);
    at = chain_of(s, hash);
    w->next = *at;
    *at = w;
    link_newest(s, w, now);
    s->count++;
    s->memory += size;
    return w;
}

/* --- Counting -------------------------------------------------------------------------------- */

/* Moves the window to the step of [now], clearing the counters of steps that it passes. */
static void
advance(struct window *w, double now)
{
    int64_t step = step_of(now, w->interval);

    if (step - w->step >= SLOTS)
        memset(w->slots, 0, sizeof(w->slots));
    else
        for (int64_t i = w->step + 1; i <= step; i++)
            w->slots[i % SLOTS] = 0;
    if (step > w->step)
        w->step = step;
}

static double
events_in(const struct window *w)
{
    double sum = 0;

    for (size_t i = 0; i < SLOTS; i++)
        sum += w->slots[i];
    return sum;
}

static bool
count_event(struct window *w, double limit, double now, double *events)
{
    uint32_t *slot;

    advance(w, now);
    *events = events_in(w);
    if (*events >= limit)
        return limit == 0;
    slot = &w->slots[w->step % SLOTS];
    *slot += *slot < UINT32_MAX ? 1 : 0;
    ++*events;
    return true;
}

bool
hsl_rate_hit(struct hsl_rate_table *t, const struct hsl_text *space, const struct hsl_text *entry,
    double limit, double interval, double now, double *events)
{
    uint64_t hash = hash_of(t, space, entry, interval);
    struct shard *s = &t->shards[hash % SHARDS];
    struct window *w;
    double found = 0;
    bool yes = true;

    pthread_mutex_lock(&s->lock);
    w = find_window(s, hash, space, entry, interval);
    if (w) {
        unlink_use(s, w);
        link_newest(s, w, now);
    } else if (limit > 0) {
        w = add_window(s, hash, space, entry, interval, now);
    }
    if (w)
        yes = count_event(w, limit, now, &found);
    pthread_mutex_unlock(&s->lock);
    if (events)
        *events = found;
    return yes;
}

/* --- All windows ------------------------------------------------------------------------------ */

/* [w] as it is at [now]. */
static void
describe(const struct window *w, double now, struct hsl_rate_window *out)
{
    struct window at = *w;

    advance(&at, now);
    out->space = (struct hsl_text){w->name, w->space_len};
    out->entry = (struct hsl_text){w->name + w->space_len, w->name_len - w->space_len};
    out->interval = w->interval;
    out->step = at.step;
    memcpy(out->slots, at.slots, sizeof(out->slots));
    out->events = events_in(&at);
}

void
hsl_rate_each(struct hsl_rate_table *t, double since, double now, hsl_rate_fn *fn, void *arg)
{
    bool more = true;

    for (size_t i = 0; more && i < SHARDS; i++) {
        struct shard *s = &t->shards[i];

        pthread_mutex_lock(&s->lock);
        for (struct window *w = s->newest; more && w && w->used >= since; w = w->older) {
            struct hsl_rate_window out;

            describe(w, now, &out);
            more = fn(arg, &out);
        }
        pthread_mutex_unlock(&s->lock);
    }
}

bool
hsl_rate_is_over(const struct hsl_rate_window *w, double now)
{
    int64_t step = step_of(now, w->interval);

    return w->step < 0 || w->step > step || step - w->step >= SLOTS;
}

bool
hsl_rate_restore(struct hsl_rate_table *t, const struct hsl_rate_window *r, double now)
{
    uint64_t hash = hash_of(t, &r->space, &r->entry, r->interval);
    struct shard *s = &t->shards[hash % SHARDS];
    struct window *w;

    if (hsl_rate_is_over(r, now))
        return false;
    pthread_mutex_lock(&s->lock);
    w = find_window(s, hash, &r->space, &r->entry, r->interval);
    if (!w)
        w = add_window(s, hash, &r->space, &r->entry, r->interval, now);
    if (w) {
        w->step = r->step;
        memcpy(w->slots, r->slots, sizeof(w->slots));
    }
    pthread_mutex_unlock(&s->lock);
    return w != NULL;
}

static bool
is_named(const struct window *w, const struct hsl_text *space, const struct hsl_text *entry)
{
    if (space && (w->space_len != space->len || memcmp(w->name, space->p, space->len) != 0))
        return false;
    return !entry || (w->name_len - w->space_len == entry->len &&
                         memcmp(w->name + w->space_len, entry->p, entry->len) == 0);
}

size_t
hsl_rate_reset(struct hsl_rate_table *t, const struct hsl_text *space, const struct hsl_text *entry,
    double now)
{
    size_t count = 0;

    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *s = &t->shards[i];

        pthread_mutex_lock(&s->lock);
        for (struct window *w = s->newest, *older; w; w = older) {
            older = w->older;
            advance(w, now);
            if (events_in(w) <= 0 || !is_named(w, space, entry))
                continue;
            memset(w->slots, 0, sizeof(w->slots));
            unlink_use(s, w);
            link_newest(s, w, now);
            count++;
        }
        pthread_mutex_unlock(&s->lock);
    }
    return count;
}
