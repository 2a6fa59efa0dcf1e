/* hsl_heap.c - the bounded heap: content, accounting, limits, reset. */
#include "hsl/hsl_heap.h"
#include "t/unit/tap.h"

#include <stdlib.h>

#define BLOCKS 300

struct block {
    unsigned char *p;
    size_t size;
    unsigned char fill;
};

static bool
intact(const struct block *b)
{
    size_t i;

    for (i = 0; i < b->size; i++)
        if (b->p[i] != b->fill)
            return false;
    return true;
}

static size_t
some_size(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    switch (*seed >> 16 & 7) {
    case 0:
        return *seed >> 10 & 0x3fff;
    case 1:
        return *seed >> 8 & 0x3ff;
    default:
        return *seed >> 12 & 0x7f;
    }
}

/* Allocates, resizes and frees at random; every block keeps its bytes. */
static void
test_random(void)
{
    struct block b[BLOCKS] = {{0}};
    struct hsl_heap h;
    unsigned seed = 7, i, bad = 0, unaligned = 0;

    hsl_heap_init(&h, (size_t)64 << 20);
    for (i = 0; i < 60000; i++) {
        struct block *x = &b[(seed >> 8) % BLOCKS];
        size_t size = some_size(&seed);

        bad += !intact(x);
        if (!x->p || (seed & 0x80)) {
            unsigned char *p = hsl_heap_realloc(&h, x->p, x->size, size);

            if (!p || (x->p && size >= x->size && memcmp(p, p, x->size) != 0))
                bad++;
            x->p = p;
            x->size = x->size < size ? x->size : size;
            bad += !intact(x);
            x->size = size;
            x->fill = (unsigned char)seed;
            memset(p, x->fill, size);
            unaligned += (uintptr_t)p % 16 != 0;
        } else {
            hsl_heap_free(&h, x->p, x->size);
            *x = (struct block){0};
        }
    }
    tap_num(bad, 0, "blocks keep their content");
    tap_num(unaligned, 0, "blocks are aligned to 16");
    for (i = 0; i < BLOCKS; i++)
        hsl_heap_free(&h, b[i].p, b[i].size);
    tap_num((long long)h.live, 0, "nothing is live when all is freed");
    tap_ok(h.peak > 0 && !h.over && !h.oom, "no limit was met");
    hsl_heap_fini(&h);
}

static void
test_accounting(void)
{
    static const struct {
        size_t size, want_live;
    } rows[] = {{1, 16}, {16, 16}, {17, 32}, {0, 16}, {512, 512}, {513, 528}, {100000, 100000}};
    struct hsl_heap h;
    size_t i;

    hsl_heap_init(&h, (size_t)1 << 20);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        void *p = hsl_heap_alloc(&h, rows[i].size);
        char name[60];

        (void)snprintf(name, sizeof(name), "a block of %zu counts for its class", rows[i].size);
        tap_num((long long)h.live, (long long)rows[i].want_live, name);
        hsl_heap_free(&h, p, rows[i].size);
    }
    tap_num((long long)h.live, 0, "frees give it all back");
    tap_num((long long)h.peak, 100000, "peak is the most there was");
    hsl_heap_free(&h, NULL, 100);
    tap_num((long long)h.live, 0, "freeing NULL does nothing");
    hsl_heap_fini(&h);
}

static void
test_limit(void)
{
    struct hsl_heap h;
    void *a, *b, *c;

    hsl_heap_init(&h, 1000);
    a = hsl_heap_alloc(&h, 600);
    b = hsl_heap_alloc(&h, 500);
    tap_ok(a && !b && h.over && !h.oom, "over the limit: NULL and over");
    c = hsl_heap_alloc(&h, 300);
    tap_ok(c && h.over, "what fits is still given, over stays");
    tap_ok(!hsl_heap_realloc(&h, a, 600, 900), "growing over the limit fails");
    tap_num((long long)h.live, 608 + 304, "and changes nothing");
    b = hsl_heap_alloc(&h, SIZE_MAX - 3);
    tap_ok(!b, "an absurd size fails");
    b = hsl_heap_realloc(&h, c, 300, SIZE_MAX - 40);
    tap_ok(!b, "also when growing to it");
    hsl_heap_reset(&h, 2000);
    tap_ok(h.live == 0 && !h.over && h.peak == 0, "reset drops blocks and flags");
    a = hsl_heap_alloc(&h, 1900);
    tap_ok(a != NULL, "the new limit holds");
    hsl_heap_fini(&h);
}

static void
test_fail_after(void)
{
    struct hsl_heap h;
    void *a, *b, *c;

    hsl_heap_init(&h, 100000);
    h.fail_after = 2;
    a = hsl_heap_alloc(&h, 10);
    b = hsl_heap_alloc(&h, 1000);
    c = hsl_heap_alloc(&h, 10);
    tap_ok(
        a && b && !c && h.oom && !h.over, "the third allocation fails as if there was no memory");
    tap_ok(!hsl_heap_realloc(&h, b, 1000, 3000), "growing fails too");
    h.fail_after = -1;
    c = hsl_heap_alloc(&h, 10);
    tap_ok(c != NULL, "-1 lets all succeed");
    hsl_heap_fini(&h);
}

/* Fills every class in turn and frees it: chunks must not add up to all classes. */
static void
test_walk(void)
{
    const size_t max = (size_t)1 << 20;
    struct hsl_heap h;
    size_t size;

    hsl_heap_init(&h, max);
    for (size = 16; size <= 512 && !h.over; size += 16) {
        void *list = NULL, *p;

        while (h.live + size <= max && (p = hsl_heap_alloc(&h, size)) != NULL) {
            memcpy(p, &list, sizeof(list));
            list = p;
        }
        while (list) {
            p = list;
            memcpy(&list, p, sizeof(list));
            hsl_heap_free(&h, p, size);
        }
    }
    tap_ok(h.live == 0, "everything was freed");
    tap_ok(h.chunk_bytes <= 2 * max + (128 << 10), "chunks stay within twice the limit");
    hsl_heap_reset(&h, max);
    tap_ok(h.chunk_bytes <= 64 << 10, "reset keeps one chunk");
    hsl_heap_fini(&h);
}

int
main(void)
{
    test_random();
    test_accounting();
    test_limit();
    test_fail_after();
    test_walk();
    return tap_done();
}
