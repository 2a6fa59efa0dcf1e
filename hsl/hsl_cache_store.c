/* hsl_cache_store.c - results of functions by bucket and key, for all threads of a process.
 *
 * Buckets and entries lie in one hash table each. Every entry stands in two lists in order of use:
 * its bucket's, for the option size, and the store's, for the process's bounds. A bucket is there
 * only while it has entries. One lock guards it all; it is held for pointers alone: values are
 * copied into an entry before, and read out of one after, which a count keeps alive.
 *
 * Names and keys come from outside: the hash is seeded anew in each process.
 *
 * Not here: the expression `cache` (hsl_cache.c). Threads: any. Fails: without memory nothing is
 * kept. */
#include "config.h"

#include "hsl/hsl_cache_store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "hsl/hsl_hash.h"
#include "hsl/hsl_random.h"

#define FIRST_CHAINS 256u

struct links {
    struct hsl_cache_entry *newer, *older;
};

struct list {
    struct hsl_cache_entry *newest, *oldest;
};

struct bucket {
    struct bucket *next;           /* in its chain */
    struct bucket *before, *after; /* among those of messages; NULL for others */
    struct list list;
    size_t count, size; /* entries; most of them */
    double soonest;     /* no entry is over before this */
    struct hsl_cache_stamp stamp;
    uint64_t hash;
    size_t name_len, message_len;
    char bytes[]; /* name, then message */
};

struct hsl_cache_entry {
    struct hsl_cache_entry *next; /* in its chain */
    struct links all, own;        /* in order of use: in the store, in the bucket */
    struct bucket *bucket;
    atomic_uint refs; /* the store, and everybody who reads the value */
    uint64_t hash;
    double expires; /* monotonic seconds */
    size_t key_len, value_len;
    char bytes[]; /* key, then value */
};

struct hsl_cache {
    pthread_mutex_t lock;
    uint64_t seed[2];
    size_t memory, max_memory;
    size_t count, max_count; /* entries */
    size_t bucket_count;
    size_t chain_count; /* of each table; a power of two */
    struct hsl_cache_entry **entries;
    struct bucket **buckets;
    struct list list;
    struct bucket *of_messages;
};

/* --- Life ------------------------------------------------------------------------------------- */

struct hsl_cache *
hsl_cache_new(size_t memory, size_t entries)
{
    struct hsl_cache *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->entries = calloc(FIRST_CHAINS, sizeof(struct hsl_cache_entry *));
    c->buckets = calloc(FIRST_CHAINS, sizeof(struct bucket *));
    if (!c->entries || !c->buckets || !hsl_random_fill(c->seed, sizeof(c->seed))) {
        free(c->entries);
        free(c->buckets);
        free(c);
        return NULL;
    }
    c->chain_count = FIRST_CHAINS;
    c->max_memory = memory;
    c->max_count = entries;
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void
hsl_cache_unref(struct hsl_cache_entry *e)
{
    if (e && atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) == 1)
        free(e);
}

struct hsl_text
hsl_cache_value(const struct hsl_cache_entry *e)
{
    return (struct hsl_text){e->bytes + e->key_len, e->value_len};
}

/* --- Lists ------------------------------------------------------------------------------------ */

static void
unlink_entry(struct hsl_cache *c, struct hsl_cache_entry *e)
{
    struct bucket *b = e->bucket;

    *(e->all.newer ? &e->all.newer->all.older : &c->list.newest) = e->all.older;
    *(e->all.older ? &e->all.older->all.newer : &c->list.oldest) = e->all.newer;
    *(e->own.newer ? &e->own.newer->own.older : &b->list.newest) = e->own.older;
    *(e->own.older ? &e->own.older->own.newer : &b->list.oldest) = e->own.newer;
}

static void
link_newest(struct hsl_cache *c, struct hsl_cache_entry *e)
{
    struct bucket *b = e->bucket;

    e->all = (struct links){NULL, c->list.newest};
    *(c->list.newest ? &c->list.newest->all.newer : &c->list.oldest) = e;
    c->list.newest = e;
    e->own = (struct links){NULL, b->list.newest};
    *(b->list.newest ? &b->list.newest->own.newer : &b->list.oldest) = e;
    b->list.newest = e;
}

static size_t
entry_size(const struct hsl_cache_entry *e)
{
    return sizeof(*e) + e->key_len + e->value_len;
}

static size_t
bucket_size(const struct bucket *b)
{
    return sizeof(*b) + b->name_len + b->message_len;
}

/* --- Dropping --------------------------------------------------------------------------------- */

static void
drop_bucket(struct hsl_cache *c, struct bucket *b)
{
    struct bucket **at = &c->buckets[b->hash & (c->chain_count - 1)];

    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    if (b->message_len > 0) {
        *(b->before ? &b->before->after : &c->of_messages) = b->after;
        if (b->after)
            b->after->before = b->before;
    }
    c->bucket_count--;
    c->memory -= bucket_size(b);
    free(b);
}

/* Takes [e] out; its bucket goes with the last one, unless it is [kept]. */
static void
drop_entry(struct hsl_cache *c, struct hsl_cache_entry *e, const struct bucket *kept)
{
    struct hsl_cache_entry **at = &c->entries[e->hash & (c->chain_count - 1)];
    struct bucket *b = e->bucket;

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    unlink_entry(c, e);
    c->count--;
    c->memory -= entry_size(e);
    hsl_cache_unref(e);
    if (--b->count == 0 && b != kept)
        drop_bucket(c, b);
}

static void
empty_bucket(struct hsl_cache *c, struct bucket *b, const struct bucket *kept)
{
    for (size_t n = b->count; n > 0; n--)
        drop_entry(c, b->list.oldest, kept);
}

void
hsl_cache_free(struct hsl_cache *c)
{
    if (!c)
        return;
    while (c->list.oldest)
        drop_entry(c, c->list.oldest, NULL);
    pthread_mutex_destroy(&c->lock);
    free(c->entries);
    free(c->buckets);
    free(c);
}

/* --- Finding ---------------------------------------------------------------------------------- */

static uint64_t
bucket_hash(const struct hsl_cache *c, const struct hsl_cache_where *w)
{
    uint64_t h = hsl_hash_bytes(c->seed[0], c->seed[1], w->bucket.p, w->bucket.len);

    return w->message.p ? hsl_hash_bytes(h, c->seed[1], w->message.p, w->message.len) : h;
}

static uint64_t
entry_hash(const struct hsl_cache *c, uint64_t bucket, const struct hsl_cache_where *w)
{
    return hsl_hash_bytes(bucket, c->seed[1], w->key.p, w->key.len);
}

static struct bucket *
find_bucket(const struct hsl_cache *c, const struct hsl_cache_where *w, uint64_t hash)
{
    struct bucket *b = c->buckets[hash & (c->chain_count - 1)];
    size_t message_len = w->message.p ? w->message.len : 0;

    for (; b; b = b->next) {
        if (b->hash == hash && b->name_len == w->bucket.len && b->message_len == message_len &&
            memcmp(b->bytes, w->bucket.p, b->name_len) == 0 &&
            (message_len == 0 || memcmp(b->bytes + b->name_len, w->message.p, message_len) == 0))
            return b;
    }
    return NULL;
}

static struct hsl_cache_entry *
find_entry(
    const struct hsl_cache *c, const struct bucket *b, const struct hsl_text *key, uint64_t hash)
{
    struct hsl_cache_entry *e = c->entries[hash & (c->chain_count - 1)];

    while (e && (e->hash != hash || e->bucket != b || e->key_len != key->len ||
                    memcmp(e->bytes, key->p, key->len) != 0))
        e = e->next;
    return e;
}

static bool
same_stamp(const struct hsl_cache_stamp *a, const struct hsl_cache_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->seconds == b->seconds && a->nanoseconds == b->nanoseconds;
}

/* Takes over a smaller size; the bucket may go with its last entry. */
static void
shrink_bucket(struct hsl_cache *c, struct bucket *b, size_t size)
{
    if (size >= b->size)
        return;
    b->size = size;
    for (size_t n = b->count > size ? b->count - size : 0; n > 0; n--)
        drop_entry(c, b->list.oldest, NULL);
}

struct hsl_cache_entry *
hsl_cache_get(struct hsl_cache *c, const struct hsl_cache_where *w, size_t size, double now,
    bool *fresh)
{
    uint64_t in = bucket_hash(c, w), hash = entry_hash(c, in, w);
    struct hsl_cache_entry *e = NULL;
    struct bucket *b;

    *fresh = false;
    pthread_mutex_lock(&c->lock);
    b = find_bucket(c, w, in);
    if (b && !same_stamp(&b->stamp, &w->stamp)) {
        empty_bucket(c, b, NULL);
        b = NULL;
    }
    if (b)
        e = find_entry(c, b, &w->key, hash);
    if (e) {
        unlink_entry(c, e);
        link_newest(c, e);
        atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
        *fresh = now < e->expires;
    }
    if (b)
        shrink_bucket(c, b, size);
    pthread_mutex_unlock(&c->lock);
    return e;
}

/* --- Keeping ---------------------------------------------------------------------------------- */

/* Doubles the chains when there are more entries than chains; without memory they get longer. */
static void
grow(struct hsl_cache *c)
{
    size_t count = c->chain_count * 2;
    struct hsl_cache_entry **entries;
    struct bucket **buckets;

    if (c->count < c->chain_count)
        return;
    entries = calloc(count, sizeof(struct hsl_cache_entry *));
    buckets = calloc(count, sizeof(struct bucket *));
    if (!entries || !buckets) {
        free(entries);
        free(buckets);
        return;
    }
    for (struct hsl_cache_entry *e = c->list.newest; e; e = e->all.older) {
        e->next = entries[e->hash & (count - 1)];
        entries[e->hash & (count - 1)] = e;
    }
    for (size_t i = 0; i < c->chain_count; i++) {
        for (struct bucket *b = c->buckets[i], *next; b; b = next) {
            next = b->next;
            b->next = buckets[b->hash & (count - 1)];
            buckets[b->hash & (count - 1)] = b;
        }
    }
    free(c->entries);
    free(c->buckets);
    c->entries = entries;
    c->buckets = buckets;
    c->chain_count = count;
}

static struct bucket *
new_bucket(struct hsl_cache *c, const struct hsl_cache_where *w, uint64_t hash)
{
    size_t message_len = w->message.p ? w->message.len : 0;
    struct bucket *b = calloc(1, sizeof(*b) + w->bucket.len + message_len);

    if (!b)
        return NULL;
    b->hash = hash;
    b->stamp = w->stamp;
    b->size = SIZE_MAX;
    b->name_len = w->bucket.len;
    b->message_len = message_len;
    memcpy(b->bytes, w->bucket.p, b->name_len);
    if (message_len > 0) {
        memcpy(b->bytes + b->name_len, w->message.p, message_len);
        b->after = c->of_messages;
        if (b->after)
            b->after->before = b;
        c->of_messages = b;
    }
    b->next = c->buckets[hash & (c->chain_count - 1)];
    c->buckets[hash & (c->chain_count - 1)] = b;
    c->bucket_count++;
    c->memory += bucket_size(b);
    return b;
}

/* Drops the entries of [b] that are over, if there can be any. */
static void
drop_expired(struct hsl_cache *c, struct bucket *b, double now)
{
    struct hsl_cache_entry *older;

    if (now < b->soonest)
        return;
    b->soonest = 1e300;
    for (struct hsl_cache_entry *e = b->list.newest; e; e = older) {
        older = e->own.older;
        if (e->expires <= now)
            drop_entry(c, e, b);
        else if (e->expires < b->soonest)
            b->soonest = e->expires;
    }
}

/* Room for one more in the bucket; false: it is full. */
static bool
make_room(struct hsl_cache *c, struct bucket *b, double now, size_t size, bool lru)
{
    if (size < b->size)
        b->size = size;
    if (b->count >= b->size && !lru)
        drop_expired(c, b, now);
    while (b->count >= b->size && b->count > 0 && (lru || b->count > b->size))
        drop_entry(c, b->list.oldest, b);
    return b->count < b->size;
}

static void
add_entry(struct hsl_cache *c, struct bucket *b, struct hsl_cache_entry *e)
{
    e->bucket = b;
    e->next = c->entries[e->hash & (c->chain_count - 1)];
    c->entries[e->hash & (c->chain_count - 1)] = e;
    link_newest(c, e);
    if (b->count++ == 0 || e->expires < b->soonest)
        b->soonest = e->expires;
    c->count++;
    c->memory += entry_size(e);
    while (c->list.oldest && (c->count > c->max_count || c->memory > c->max_memory))
        drop_entry(c, c->list.oldest, NULL);
}

static struct hsl_cache_entry *
new_entry(const struct hsl_cache_where *w, const struct hsl_text *value, double expires)
{
    struct hsl_cache_entry *e = malloc(sizeof(*e) + w->key.len + value->len);

    if (!e)
        return NULL;
    memset(e, 0, sizeof(*e));
    atomic_init(&e->refs, 1);
    e->expires = expires;
    e->key_len = w->key.len;
    e->value_len = value->len;
    memcpy(e->bytes, w->key.p, w->key.len);
    memcpy(e->bytes + w->key.len, value->p, value->len);
    return e;
}

void
hsl_cache_put(struct hsl_cache *c, const struct hsl_cache_where *w, const struct hsl_text *value,
    double now, double expires, size_t size, bool lru)
{
    struct hsl_cache_entry *e, *old = NULL;
    uint64_t in = bucket_hash(c, w);
    struct bucket *b;

    if (value->len > c->max_memory || w->key.len > c->max_memory ||
        !(e = new_entry(w, value, expires)))
        return;
    e->hash = entry_hash(c, in, w);
    pthread_mutex_lock(&c->lock);
    grow(c);
    b = find_bucket(c, w, in);
    if (!b)
        b = new_bucket(c, w, in);
    if (b && !same_stamp(&b->stamp, &w->stamp)) {
        empty_bucket(c, b, b);
        b->stamp = w->stamp;
    }
    if (b)
        old = find_entry(c, b, &w->key, e->hash);
    if (old)
        drop_entry(c, old, b);
    if (b && make_room(c, b, now, size, lru)) {
        add_entry(c, b, e);
        e = NULL;
    } else if (b && b->count == 0) {
        drop_bucket(c, b);
    }
    pthread_mutex_unlock(&c->lock);
    free(e);
}

void
hsl_cache_message_done(struct hsl_cache *c, const struct hsl_text *message)
{
    struct bucket *after;

    pthread_mutex_lock(&c->lock);
    for (struct bucket *b = c->of_messages; b; b = after) {
        after = b->after;
        if (b->message_len == message->len &&
            memcmp(b->bytes + b->name_len, message->p, message->len) == 0)
            empty_bucket(c, b, NULL);
    }
    pthread_mutex_unlock(&c->lock);
}

void
hsl_cache_usage(struct hsl_cache *c, size_t *memory, size_t *entries)
{
    pthread_mutex_lock(&c->lock);
    *memory = c->memory;
    *entries = c->count;
    pthread_mutex_unlock(&c->lock);
}
