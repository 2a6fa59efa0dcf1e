/* ut_arena.c - memory that is given back all at once: chunks in a list, blocks cut off the last.
 * Not here: one growing block (ut_sbuf.c).
 * Threads: an arena belongs to one at a time.
 * Fails: over the maximum or without memory; what was given before stays good.
 *
 * A block that would waste most of a chunk gets a chunk of its own, linked behind the current
 * one, so that small blocks go on filling that. Under AddressSanitizer each block gets a chunk of
 * its own size: then reads behind a block are seen. */
#include "config.h"

#include "lib/ut_arena.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define UT_ARENA_CHUNK ((size_t)16 * 1024 - 64)
#define UT_ARENA_ALIGN alignof(max_align_t)

#if defined(__SANITIZE_ADDRESS__)
#define UT_ARENA_APART true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UT_ARENA_APART true
#endif
#endif
#ifndef UT_ARENA_APART
#define UT_ARENA_APART false
#endif

struct ut_arena_chunk {
    struct ut_arena_chunk *next;
    size_t size; /* bytes of [data] */
    size_t used;
    alignas(max_align_t) unsigned char data[];
};

struct ut_arena {
    struct ut_arena_chunk *chunks; /* the first is the one blocks are cut off */
    size_t used;                   /* bytes handed out */
    size_t max;                    /* most of them; 0: no limit */
    bool failed;                   /* a block was refused */
};

struct ut_arena *
ut_arena_new(size_t max)
{
    struct ut_arena *a = calloc(1, sizeof(*a));

    if (a)
        a->max = max;
    return a;
}

static void
arena_drop(struct ut_arena_chunk *c)
{
    struct ut_arena_chunk *next;

    for (; c; c = next) {
        next = c->next;
        free(c);
    }
}

void
ut_arena_free(struct ut_arena *a)
{
    if (!a)
        return;
    arena_drop(a->chunks);
    free(a);
}

void
ut_arena_reset(struct ut_arena *a)
{
    struct ut_arena_chunk *first = a->chunks;

    a->used = 0;
    a->failed = false;
    if (!first)
        return;
    arena_drop(first->next);
    first->next = NULL;
    first->used = 0;
    if (UT_ARENA_APART || first->size > UT_ARENA_CHUNK) {
        arena_drop(first);
        a->chunks = NULL;
    }
}

static struct ut_arena_chunk *
arena_chunk(struct ut_arena *a, size_t need)
{
    bool own = UT_ARENA_APART || need > UT_ARENA_CHUNK / 4;
    size_t size = own ? need : UT_ARENA_CHUNK;
    struct ut_arena_chunk *c;

    c = malloc(sizeof(*c) + size);
    if (!c)
        return NULL;
    c->size = size;
    c->used = 0;
    if (own && a->chunks) {
        c->next = a->chunks->next;
        a->chunks->next = c;
    } else {
        c->next = a->chunks;
        a->chunks = c;
    }
    return c;
}

static void *
arena_cut(struct ut_arena *a, size_t size)
{
    struct ut_arena_chunk *c = a->chunks;
    size_t room;
    void *p;

    /* More than this no allocator gives; below it the sums here cannot wrap. */
    if (size > PTRDIFF_MAX - sizeof(*c) - UT_ARENA_ALIGN || a->used > SIZE_MAX - size)
        return NULL;
    if (a->max > 0 && (a->used > a->max || size > a->max - a->used))
        return NULL;
    room = (size + UT_ARENA_ALIGN - 1) / UT_ARENA_ALIGN * UT_ARENA_ALIGN;
    if (!c || UT_ARENA_APART || room > c->size - c->used)
        c = arena_chunk(a, UT_ARENA_APART ? size : room);
    if (!c)
        return NULL;
    p = c->data + c->used;
    c->used += UT_ARENA_APART ? size : room;
    a->used += size;
    return p;
}

void *
ut_arena_alloc(struct ut_arena *a, size_t size)
{
    void *p = arena_cut(a, size);

    a->failed = a->failed || !p;
    return p;
}

void *
ut_arena_calloc(struct ut_arena *a, size_t n, size_t size)
{
    void *p;

    if (size > 0 && n > SIZE_MAX / size)
        n = size = SIZE_MAX; /* which is refused */
    p = ut_arena_alloc(a, size == SIZE_MAX ? size : n * size);
    if (p)
        memset(p, 0, n * size);
    return p;
}

char *
ut_arena_dup(struct ut_arena *a, const void *p, size_t len)
{
    char *copy = len < SIZE_MAX ? ut_arena_alloc(a, len + 1) : NULL;

    if (!copy)
        return NULL;
    if (len > 0)
        memcpy(copy, p, len);
    copy[len] = '\0';
    return copy;
}

size_t
ut_arena_used(const struct ut_arena *a)
{
    return a->used;
}

bool
ut_arena_failed(const struct ut_arena *a)
{
    return a->failed;
}
