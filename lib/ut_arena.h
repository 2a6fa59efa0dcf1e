/* ut_arena.h - memory that is given back all at once.
 * Not thread-safe. Blocks are aligned for any type and not cleared unless said. */
#ifndef UT_ARENA_H
#define UT_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_bug.h"

struct ut_arena;

/* An arena that hands out at most [max] bytes (0: no limit); NULL without memory. */
struct ut_arena *ut_arena_new(size_t max) UT_CHECKED;
/* Frees the arena and every block of it; NULL is allowed. */
void ut_arena_free(struct ut_arena *a);
/* Gives back every block but keeps one chunk for reuse. */
void ut_arena_reset(struct ut_arena *a);

/* [size] bytes, or NULL over the limit or without memory. Lives as long as the arena. */
void *ut_arena_alloc(struct ut_arena *a, size_t size) UT_CHECKED;
/* The same for [n] things of [size] bytes, cleared; the product is checked. */
void *ut_arena_calloc(struct ut_arena *a, size_t n, size_t size) UT_CHECKED;
/* A copy of [len] bytes at [p], followed by a NUL. */
char *ut_arena_dup(struct ut_arena *a, const void *p, size_t len) UT_CHECKED;
/* True if some block was refused since the last reset: for those who look once at the end. */
bool ut_arena_failed(const struct ut_arena *a);
/* Bytes handed out so far. */
size_t ut_arena_used(const struct ut_arena *a);

#endif
