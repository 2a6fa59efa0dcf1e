/* hsl_heap.h - the bounded memory of one run.
 *
 * Every block knows its size from its owner, so that frees give it back to a list of its size
 * class and accounting is exact. The whole heap is dropped at the end of the run, cycles included;
 * memory is kept for the next run up to a small bound. One thread. Fails: NULL, with the reason
 * in heap->over (the limit) or heap->oom (the system), both sticky until reset. */
#ifndef HSL_HEAP_H
#define HSL_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/ut_bug.h"

#define HSL_HEAP_STEP 16    /* sizes are rounded up to this, so all blocks are aligned to it */
#define HSL_HEAP_CLASSES 32 /* 16, 32, ... 512 bytes; larger blocks are the system's */

/* Under AddressSanitizer every block is the system's, so that it sees each wrong use of one. */
#if defined(__SANITIZE_ADDRESS__)
#define HSL_HEAP_SMALL 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HSL_HEAP_SMALL 0
#endif
#endif
#ifndef HSL_HEAP_SMALL
#define HSL_HEAP_SMALL HSL_HEAP_CLASSES /* classes that are cut from chunks */
#endif

struct hsl_heap_chunk; /* a piece of the system's memory that small blocks are cut from */
struct hsl_heap_big;   /* head of a larger block, in a list so that reset finds it */

struct hsl_heap {
    void *free[HSL_HEAP_CLASSES];  /* lists of free blocks by class, linked through their start */
    char *bump, *bump_end;         /* unused rest of the newest chunk */
    struct hsl_heap_chunk *chunks; /* all chunks, newest first */
    struct hsl_heap_big *bigs;     /* all large blocks */
    size_t chunk_bytes;            /* size of all chunks; bounded too, see hsl_heap.c */
    size_t live;                   /* bytes in use now */
    size_t peak;                   /* most of it since reset */
    size_t max;                    /* limit for live */
    bool over;                     /* an allocation was refused because of max */
    bool oom;                      /* ... because the system had no memory */
    long fail_after;               /* tests: this many more allocations succeed; negative: all */
};

void hsl_heap_init(struct hsl_heap *h, size_t max);
void hsl_heap_fini(struct hsl_heap *h);
/* Drops every block; the limit becomes [max]. */
void hsl_heap_reset(struct hsl_heap *h, size_t max);

/* The rest of hsl_heap_alloc() and hsl_heap_free(): not to be called by others. */
void *hsl_heap_alloc_slow(struct hsl_heap *h, size_t size) UT_CHECKED;
void hsl_heap_free_slow(struct hsl_heap *h, void *p, size_t size);

/* [size] bytes (not cleared), or NULL. While [live] is not over [peak] it is within [max] too, so
 * one comparison does for both. */
UT_CHECKED static inline void *
hsl_heap_alloc(struct hsl_heap *h, size_t size)
{
    size_t c = (size - 1) / HSL_HEAP_STEP;
    size_t live = h->live + (c + 1) * HSL_HEAP_STEP;
    void *p;

    if (c >= HSL_HEAP_SMALL || !(p = h->free[c]) || live > h->peak || h->fail_after >= 0)
        return hsl_heap_alloc_slow(h, size);
    memcpy(&h->free[c], p, sizeof(void *));
    h->live = live;
    return p;
}

/* Gives back [p], allocated with just [size]; NULL is allowed. */
static inline void
hsl_heap_free(struct hsl_heap *h, void *p, size_t size)
{
    size_t c = (size - 1) / HSL_HEAP_STEP;

    if (!p)
        return;
    if (c >= HSL_HEAP_SMALL) {
        hsl_heap_free_slow(h, p, size);
        return;
    }
    memcpy(p, &h->free[c], sizeof(void *));
    h->free[c] = p;
    h->live -= (c + 1) * HSL_HEAP_STEP;
}

/* Changes the size, keeping the content; NULL: [p] is as it was. [p] of NULL: a new block. */
void *hsl_heap_realloc(struct hsl_heap *h, void *p, size_t old_size, size_t new_size) UT_CHECKED;

#endif
