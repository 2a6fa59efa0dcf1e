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

#include "lib/ut_bug.h"

#define HSL_HEAP_CLASSES 32 /* 16, 32, ... 512 bytes; larger blocks are the system's */

struct hsl_heap_chunk; /* a piece of the system's memory that small blocks are cut from */
struct hsl_heap_big;   /* head of a larger block, in a list so that reset finds it */

struct hsl_heap {
    void *free[HSL_HEAP_CLASSES];  /* lists of free blocks by class, linked through their start */
    char *bump, *bump_end;         /* unused rest of the newest chunk */
    struct hsl_heap_chunk *chunks; /* all chunks, newest first */
    struct hsl_heap_big *bigs;     /* all large blocks */
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

/* [size] bytes (not cleared), or NULL. The fast path is inline in hsl_heap_inl.h if measuring says so. */
void *hsl_heap_alloc(struct hsl_heap *h, size_t size) UT_CHECKED;
/* Gives back [p], allocated with just [size]; NULL is allowed. */
void hsl_heap_free(struct hsl_heap *h, void *p, size_t size);
/* Changes the size, keeping the content; NULL: [p] is as it was. */
void *hsl_heap_realloc(struct hsl_heap *h, void *p, size_t old_size, size_t new_size) UT_CHECKED;

#endif
