/* hsl_heap.c - the bounded memory of one run: the slow half of hsl_heap.h.
 *
 * Small blocks are cut from chunks by moving a pointer and come back to a list of their class; a
 * chunk is never given back before the reset. Since a block freed in one class is of no use to
 * another, chunks may hold more than [live] says: their sum is bounded by twice the limit, so that
 * a script cannot walk through the classes and fill each. Large blocks are the system's, linked so
 * that the reset finds them.
 *
 * Not here: what lives in the blocks (hsl_str.c, hsl_arr.c, hsl_value.c).
 * Threads: one per heap. Fails: NULL with heap->over or heap->oom set. */
#include "hsl/hsl_heap.h"

#include <stdlib.h>

#define CHUNK_SIZE ((size_t)64 * 1024) /* with its head; also what a reset keeps */

struct hsl_heap_chunk {
    _Alignas(HSL_HEAP_STEP) struct hsl_heap_chunk *next; /* older; the blocks stand behind */
};

struct hsl_heap_big {
    struct hsl_heap_big *next;
    struct hsl_heap_big **prev; /* what points to this one */
};

_Static_assert(sizeof(struct hsl_heap_chunk) % HSL_HEAP_STEP == 0, "blocks must stay aligned");
_Static_assert(sizeof(struct hsl_heap_big) % HSL_HEAP_STEP == 0, "blocks must stay aligned");

void
hsl_heap_init(struct hsl_heap *h, size_t max)
{
    memset(h, 0, sizeof(*h));
    h->max = max;
    h->fail_after = -1;
}

static void
free_bigs(struct hsl_heap *h)
{
    struct hsl_heap_big *b = h->bigs;

    while (b) {
        struct hsl_heap_big *next = b->next;

        free(b);
        b = next;
    }
    h->bigs = NULL;
}

static void
free_chunks(struct hsl_heap_chunk *c)
{
    while (c) {
        struct hsl_heap_chunk *next = c->next;

        free(c);
        c = next;
    }
}

void
hsl_heap_fini(struct hsl_heap *h)
{
    free_bigs(h);
    free_chunks(h->chunks);
    hsl_heap_init(h, h->max);
}

static void
use_chunk(struct hsl_heap *h, struct hsl_heap_chunk *c)
{
    h->bump = (char *)c + sizeof(*c);
    h->bump_end = (char *)c + CHUNK_SIZE;
}

void
hsl_heap_reset(struct hsl_heap *h, size_t max)
{
    struct hsl_heap_chunk *keep = h->chunks;

    free_bigs(h);
    if (keep) {
        free_chunks(keep->next);
        keep->next = NULL;
    }
    hsl_heap_init(h, max);
    if (keep) {
        h->chunks = keep;
        h->chunk_bytes = CHUNK_SIZE;
        use_chunk(h, keep);
    }
}

/* A block of class [c] from the chunks; NULL with h->over or h->oom set. */
static void *
alloc_small(struct hsl_heap *h, size_t c)
{
    size_t size = (c + 1) * HSL_HEAP_STEP;
    void *p = h->free[c];

    if (p) {
        memcpy(&h->free[c], p, sizeof(void *));
        return p;
    }
    if ((size_t)(h->bump_end - h->bump) < size) {
        struct hsl_heap_chunk *chunk;

        if (h->chunk_bytes / 2 > h->max) {
            h->over = true;
            return NULL;
        }
        chunk = malloc(CHUNK_SIZE);
        if (!chunk) {
            h->oom = true;
            return NULL;
        }
        chunk->next = h->chunks;
        h->chunks = chunk;
        h->chunk_bytes += CHUNK_SIZE;
        use_chunk(h, chunk);
    }
    p = h->bump;
    h->bump += size;
    return p;
}

static void
link_big(struct hsl_heap *h, struct hsl_heap_big *b)
{
    b->next = h->bigs;
    b->prev = &h->bigs;
    if (b->next)
        b->next->prev = &b->next;
    h->bigs = b;
}

static void
unlink_big(struct hsl_heap_big *b)
{
    *b->prev = b->next;
    if (b->next)
        b->next->prev = b->prev;
}

static void *
alloc_big(struct hsl_heap *h, size_t size)
{
    struct hsl_heap_big *b = malloc(sizeof(*b) + size);

    if (!b) {
        h->oom = true;
        return NULL;
    }
    link_big(h, b);
    return b + 1;
}

/* What a block of [size] counts for; sizes near SIZE_MAX are refused before. */
static size_t
rounded(size_t size)
{
    return size ? (size + HSL_HEAP_STEP - 1) / HSL_HEAP_STEP * HSL_HEAP_STEP : HSL_HEAP_STEP;
}

/* True if [more] bytes may be taken now; else the reason is set. */
static bool
may_take(struct hsl_heap *h, size_t more)
{
    if (more > h->max || h->live > h->max - more) {
        h->over = true;
        return false;
    }
    if (h->fail_after < 0)
        return true;
    if (h->fail_after == 0) {
        h->oom = true;
        return false;
    }
    h->fail_after--;
    return true;
}

static void
count_taken(struct hsl_heap *h, size_t more)
{
    h->live += more;
    if (h->live > h->peak)
        h->peak = h->live;
}

void *
hsl_heap_alloc_slow(struct hsl_heap *h, size_t size)
{
    void *p;

    if (size > SIZE_MAX / 2) {
        h->over = true;
        return NULL;
    }
    size = rounded(size);
    if (!may_take(h, size))
        return NULL;
    if (size / HSL_HEAP_STEP <= HSL_HEAP_SMALL)
        p = alloc_small(h, size / HSL_HEAP_STEP - 1);
    else
        p = alloc_big(h, size);
    if (p)
        count_taken(h, size);
    return p;
}

void
hsl_heap_free_slow(struct hsl_heap *h, void *p, size_t size)
{
    struct hsl_heap_big *b = (struct hsl_heap_big *)p - 1;

    if (size == 0 && HSL_HEAP_SMALL > 0) { /* has no class by itself, was given one of 16 bytes */
        hsl_heap_free(h, p, HSL_HEAP_STEP);
        return;
    }
    unlink_big(b);
    free(b);
    h->live -= rounded(size);
}

/* Both sizes are rounded and large: lets the system move the block. */
static void *
realloc_big(struct hsl_heap *h, void *p, size_t old_size, size_t new_size)
{
    struct hsl_heap_big *b = (struct hsl_heap_big *)p - 1, *moved;

    if (new_size > old_size && !may_take(h, new_size - old_size))
        return NULL;
    unlink_big(b);
    moved = realloc(b, sizeof(*b) + new_size);
    link_big(h, moved ? moved : b);
    if (!moved) {
        h->oom = true;
        return NULL;
    }
    h->live -= old_size;
    count_taken(h, new_size);
    return moved + 1;
}

void *
hsl_heap_realloc(struct hsl_heap *h, void *p, size_t old_size, size_t new_size)
{
    size_t was = rounded(old_size), want;
    void *q;

    if (!p)
        return hsl_heap_alloc(h, new_size);
    if (new_size > SIZE_MAX / 2) {
        h->over = true;
        return NULL;
    }
    want = rounded(new_size);
    if (want == was)
        return p;
    if (was / HSL_HEAP_STEP > HSL_HEAP_SMALL && want / HSL_HEAP_STEP > HSL_HEAP_SMALL)
        return realloc_big(h, p, was, want);
    q = hsl_heap_alloc(h, new_size);
    if (!q)
        return NULL;
    memcpy(q, p, old_size < new_size ? old_size : new_size);
    hsl_heap_free(h, p, old_size);
    return q;
}
