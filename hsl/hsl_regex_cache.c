/* hsl_regex_cache.c - patterns that scripts make at run time, compiled once per process.
 *
 * A hash table with chains, and a list from the one used last to the one unused for longest; both
 * under one lock, which is never held while a pattern is compiled. Bounded by number and by bytes,
 * since mail may choose the patterns. Bad patterns are not kept.
 *
 * Threads: any. Fails: bad patterns and memory, as hsl_regex_compile(); a pattern that the cache
 * has no memory for is just not kept. */
#include "config.h"

#include "hsl/hsl_regex.h"

#include <pthread.h>
#include <stdlib.h>

#define MAX_COUNT 1000u
#define MAX_BYTES ((size_t)16 * 1024 * 1024)
#define BUCKETS 1024u

struct entry {
    struct entry *chain; /* in its bucket */
    struct entry *newer, *older;
    struct hsl_regex *re; /* one reference */
    uint32_t hash;
    size_t weight;
    size_t len;
    char text[]; /* the pattern string as scripts write it */
};

struct hsl_regex_cache {
    pthread_mutex_t lock;
    struct entry *buckets[BUCKETS];
    struct entry *newest, *oldest;
    size_t count, bytes;
};

struct hsl_regex_cache *
hsl_regex_cache_new(void)
{
    struct hsl_regex_cache *c = calloc(1, sizeof(*c));

    if (c && pthread_mutex_init(&c->lock, NULL) != 0) {
        free(c);
        return NULL;
    }
    return c;
}

static void
entry_free(struct entry *e)
{
    hsl_regex_unref(e->re);
    free(e);
}

void
hsl_regex_cache_free(struct hsl_regex_cache *c)
{
    struct entry *e, *older;

    if (!c)
        return;
    for (e = c->newest; e; e = older) {
        older = e->older;
        entry_free(e);
    }
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct entry **
find(struct hsl_regex_cache *c, const char *s, size_t len, uint32_t hash)
{
    struct entry **at = &c->buckets[hash % BUCKETS];

    while (*at && ((*at)->hash != hash || (*at)->len != len || memcmp((*at)->text, s, len) != 0))
        at = &(*at)->chain;
    return at;
}

static void
list_remove(struct hsl_regex_cache *c, struct entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void
list_add(struct hsl_regex_cache *c, struct entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static void
drop_oldest(struct hsl_regex_cache *c)
{
    struct entry *e = c->oldest, **at = find(c, e->text, e->len, e->hash);

    *at = e->chain;
    list_remove(c, e);
    c->count--;
    c->bytes -= e->weight;
    entry_free(e);
}

/* The pattern with a new reference, now the one used last; NULL: it is not here. */
static struct hsl_regex *
look_up(struct hsl_regex_cache *c, const char *s, size_t len, uint32_t hash)
{
    struct hsl_regex *re = NULL;
    struct entry *e;

    (void)pthread_mutex_lock(&c->lock);
    e = *find(c, s, len, hash);
    if (e) {
        re = hsl_regex_ref(e->re);
        if (c->newest != e) {
            list_remove(c, e);
            list_add(c, e);
        }
    }
    (void)pthread_mutex_unlock(&c->lock);
    return re;
}

static void
keep(struct hsl_regex_cache *c, const char *s, size_t len, uint32_t hash, struct hsl_regex *re)
{
    struct entry *e = malloc(sizeof(*e) + len), **at;

    if (!e)
        return;
    e->re = hsl_regex_ref(re);
    e->hash = hash;
    e->len = len;
    e->weight = sizeof(*e) + len + hsl_regex_weight(re);
    memcpy(e->text, s, len);
    (void)pthread_mutex_lock(&c->lock);
    at = find(c, s, len, hash);
    if (*at ||
        e->weight > MAX_BYTES / 4) { /* another thread was faster, or it would fill the cache */
        (void)pthread_mutex_unlock(&c->lock);
        entry_free(e);
        return;
    }
    while (c->count > 0 && (c->count >= MAX_COUNT || c->bytes + e->weight > MAX_BYTES))
        drop_oldest(c);
    e->chain = NULL;
    *find(c, s, len, hash) = e;
    list_add(c, e);
    c->count++;
    c->bytes += e->weight;
    (void)pthread_mutex_unlock(&c->lock);
}

struct hsl_regex *
hsl_regex_cache_get(struct hsl_regex_cache *c, const char *s, size_t len, struct ut_diag *d)
{
    uint32_t hash = hsl_str_hash_bytes(s, len);
    struct hsl_regex *re = c ? look_up(c, s, len, hash) : NULL;
    const char *pattern;
    char flags[8];
    size_t n;

    if (re)
        return re;
    hsl_regex_split(s, len, &pattern, &n, flags);
    re = hsl_regex_compile(pattern, n, flags, d);
    if (re && c)
        keep(c, s, len, hash, re);
    return re;
}

size_t
hsl_regex_cache_count(struct hsl_regex_cache *c)
{
    size_t count;

    (void)pthread_mutex_lock(&c->lock);
    count = c->count;
    (void)pthread_mutex_unlock(&c->lock);
    return count;
}
