/* ut_arena.c - the arena: alignment, separate blocks, the limit, reuse. */
#include "config.h"

#include "lib/ut_arena.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#include "t/unit/tap.h"

static void
test_blocks(void)
{
    struct ut_arena *a = ut_arena_new(0);
    unsigned char *blocks[2000];
    bool aligned = true, kept = true;
    size_t sum = 0;

    for (size_t i = 0; i < 2000; i++) {
        size_t size = i % 97 == 0 ? 20000 + i : i % 50;

        blocks[i] = ut_arena_alloc(a, size);
        aligned = aligned && blocks[i] && (uintptr_t)blocks[i] % alignof(max_align_t) == 0;
        if (blocks[i])
            memset(blocks[i], (int)(i % 251), size);
        sum += size;
    }
    for (size_t i = 0; i < 2000; i++)
        for (size_t k = 0; k < (i % 97 == 0 ? 20000 + i : i % 50); k++)
            kept = kept && blocks[i][k] == i % 251;
    tap_ok(aligned, "every block is aligned");
    tap_ok(kept, "no block overlaps another");
    tap_num((long long)ut_arena_used(a), (long long)sum, "used counts what was asked for");
    ut_arena_reset(a);
    tap_num((long long)ut_arena_used(a), 0, "nothing used after reset");
    tap_ok(ut_arena_alloc(a, 100) != NULL, "and it works on");
    ut_arena_free(a);
    ut_arena_free(NULL);
}

static void
test_limit(void)
{
    static const struct {
        size_t size;
        bool want;
    } steps[] = {{600, true}, {401, false}, {400, true}, {1, false}, {0, true},
        {SIZE_MAX, false}, {SIZE_MAX - 15, false}};
    struct ut_arena *a = ut_arena_new(1000);

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        tap_ok((ut_arena_alloc(a, steps[i].size) != NULL) == steps[i].want, "%zu bytes of 1000",
            steps[i].size);
    tap_num((long long)ut_arena_used(a), 1000, "refused blocks are not counted");
    ut_arena_reset(a);
    tap_ok(ut_arena_alloc(a, 1000) != NULL, "the limit is free again after reset");
    ut_arena_free(a);
    a = ut_arena_new(0);
    tap_ok(!ut_arena_alloc(a, SIZE_MAX) && !ut_arena_alloc(a, SIZE_MAX - 40), "no limit: no wrap");
    ut_arena_free(a);
}

static void
test_copies(void)
{
    struct ut_arena *a = ut_arena_new(0);
    int *numbers = ut_arena_calloc(a, 100, sizeof(int));
    char *copy = ut_arena_dup(a, "ab\0c", 4);
    bool zero = numbers != NULL;

    for (size_t i = 0; zero && i < 100; i++)
        zero = numbers[i] == 0;
    tap_ok(zero, "calloc clears");
    tap_ok(copy && memcmp(copy, "ab\0c", 5) == 0, "dup ends in a NUL");
    tap_str(ut_arena_dup(a, NULL, 0), "", "dup of nothing");
    tap_ok(!ut_arena_calloc(a, SIZE_MAX / 2, 3), "a product that wraps");
    tap_ok(!ut_arena_dup(a, "", SIZE_MAX), "a length that wraps");
    tap_ok(ut_arena_calloc(a, 0, 8) && ut_arena_calloc(a, 8, 0), "nothing is something");
    ut_arena_free(a);
}

int
main(void)
{
    test_blocks();
    test_limit();
    test_copies();
    return tap_done();
}
