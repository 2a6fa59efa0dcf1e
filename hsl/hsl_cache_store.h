/* hsl_cache_store.h - where `cache` keeps results: one store per process, shared by its threads.
 *
 * An entry is the bytes of a value (hsl_plain.h) under a bucket and a key. A bucket is all that is
 * kept for one function in one namespace. Nothing here knows of runs. Any thread. */
#ifndef HSL_CACHE_STORE_H
#define HSL_CACHE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "hsl/hsl_host.h"
#include "lib/ut_bug.h"

struct hsl_cache;
struct hsl_cache_entry;

/* NULL: no memory. Entries used longest ago go when there are more than [entries], or when they
 * take more than [memory] bytes. */
struct hsl_cache *
hsl_cache_new(size_t memory, size_t entries) UT_CHECKED;
void
hsl_cache_free(struct hsl_cache *c);

/* The state of the file that a namespace "file:X" follows; all zero: there is no such file. */
struct hsl_cache_stamp {
    uint64_t device, inode;
    int64_t size, seconds, nanoseconds;
};

/* Where an entry is, or would be. All borrowed. */
struct hsl_cache_where {
    struct hsl_text bucket;  /* its name */
    struct hsl_text message; /* the bucket lives as long as this message; p NULL: for ever */
    struct hsl_text key;
    struct hsl_cache_stamp stamp; /* another one than before empties the bucket */
};

/* The entry there with one reference, also if it is over at [now] (monotonic seconds): then *fresh
 * is false. NULL: there is none. From now on the bucket holds at most [size] entries, until it is
 * empty; those used longest ago go. */
struct hsl_cache_entry *
hsl_cache_get(struct hsl_cache *c, const struct hsl_cache_where *w, size_t size, double now,
    bool *fresh) UT_CHECKED;
/* The bytes of its value, lent until unref; they never change. */
struct hsl_text
hsl_cache_value(const struct hsl_cache_entry *e);
void
hsl_cache_unref(struct hsl_cache_entry *e); /* NULL is allowed */

/* Keeps [value] until [expires]. The bucket holds at most [size] entries, or fewer if it was used
 * with less since it was empty. If it is full the entry used longest ago goes, or (not [lru])
 * nothing is kept. Without memory nothing is kept. */
void
hsl_cache_put(struct hsl_cache *c, const struct hsl_cache_where *w, const struct hsl_text *value,
    double now, double expires, size_t size, bool lru);
/* Drops the buckets of a message. */
void
hsl_cache_message_done(struct hsl_cache *c, const struct hsl_text *message);
/* Bytes taken and number of entries now. */
void
hsl_cache_usage(struct hsl_cache *c, size_t *memory, size_t *entries);

#endif
