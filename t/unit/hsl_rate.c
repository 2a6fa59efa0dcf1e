/* hsl_rate.c - the windows behind rate(): what counts and for how long, the bound of memory, and
 * threads. The clock is an argument, so nothing here waits. */
#include "config.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hsl/hsl_rate.h"
#include "t/unit/tap.h"

static bool
hit(struct hsl_rate_table *t, const char *space, const char *entry, double limit, double interval,
    double now)
{
    struct hsl_text s = {.p = space, .len = strlen(space)}, e = {.p = entry, .len = strlen(entry)};

    return hsl_rate_hit(t, &s, &e, limit, interval, now, NULL);
}

static double
events(struct hsl_rate_table *t, const char *space, const char *entry, double interval, double now)
{
    struct hsl_text s = {.p = space, .len = strlen(space)}, e = {.p = entry, .len = strlen(entry)};
    double n = -1;

    if (!hsl_rate_hit(t, &s, &e, 0, interval, now, &n))
        return -2;
    return n;
}

static void
test_window(void)
{
    struct hsl_rate_table *t = hsl_rate_table_new((size_t)64 << 20);

    if (!t)
        exit(1);
    tap_ok(events(t, "n", "a", 60, 1000) == 0, "a window that was never used is empty");
    tap_ok(hsl_rate_memory(t) == 0, "asking makes no window");
    tap_ok(hit(t, "n", "a", 2, 60, 1000) && hit(t, "n", "a", 2, 60, 1001), "two of two are let in");
    tap_ok(!hit(t, "n", "a", 2, 60, 1002), "the third is not");
    tap_ok(events(t, "n", "a", 60, 1002) == 2, "a refused one is not counted");
    tap_ok(!hit(t, "n", "a", 2, 60, 1059.9), "both count for the whole interval");
    tap_ok(events(t, "n", "a", 60, 1060.999) >= 1, "the second counts from its own time on");
    tap_ok(events(t, "n", "a", 60, 1063) == 0, "and no longer than one step more");
    tap_ok(hit(t, "n", "a", 2, 60, 1063), "then there is room again");
    tap_ok(events(t, "n", "a", 60, 100000) == 0, "long after nothing is left");
    tap_ok(hit(t, "n", "a", 1, 60, 5), "a clock that stands back does no harm");
    tap_ok(events(t, "n", "a", 30, 100000) == 0 && events(t, "m", "a", 60, 100000) == 0 &&
               events(t, "na", "", 60, 100000) == 0,
        "interval, namespace and entry make a window of their own");
    hsl_rate_table_free(t);
}

/* An event at any time is gone after 33/32 of the interval and not before the whole. */
static void
test_steps(void)
{
    struct hsl_rate_table *t = hsl_rate_table_new((size_t)64 << 20);
    bool kept = true, gone = true;

    if (!t)
        exit(1);
    for (int i = 0; i < 500; i++) {
        double at = 1000 + i * 200.37;

        hit(t, "s", "e", 1000, 32, at);
        kept = kept && events(t, "s", "e", 32, at + 31.99) == 1;
        gone = gone && events(t, "s", "e", 32, at + 33.01) == 0;
    }
    tap_ok(kept, "an event counts for the whole interval");
    tap_ok(gone, "an event counts no longer than 33/32 of it");
    hsl_rate_table_free(t);
}

/* Names that come once each: memory once followed all that were ever seen, up to the bound. */
static void
test_stale(void)
{
    struct hsl_rate_table *t = hsl_rate_table_new((size_t)64 << 20);
    size_t after_warm_up = 0;
    char name[32];

    if (!t)
        exit(1);
    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof(name), "entry-%d", i);
        hit(t, "m", name, 1, 10, 1000 + i / 100.0);
        if (i == 20000)
            after_warm_up = hsl_rate_memory(t);
    }
    tap_ok(hsl_rate_memory(t) < after_warm_up * 3 / 2, "windows that are over are taken away");
    tap_ok(events(t, "m", "entry-99999", 10, 1999.99) == 1, "those that are not stay");
    hsl_rate_table_free(t);
}

static void
test_memory(void)
{
    struct hsl_rate_table *t = hsl_rate_table_new((size_t)64 << 20);
    bool bounded = true;
    char name[32];

    if (!t)
        exit(1);
    for (int i = 0; i < 400000; i++) {
        snprintf(name, sizeof(name), "entry-%d", i);
        hit(t, "m", name, 1, 3600, 1000 + i / 1000.0);
        if (i % 10000 == 0)
            bounded = bounded && hsl_rate_memory(t) <= 64u * 1024 * 1024;
    }
    tap_ok(bounded && hsl_rate_memory(t) <= 64u * 1024 * 1024, "memory is bounded");
    tap_ok(hsl_rate_memory(t) > 32u * 1024 * 1024, "and used");
    tap_ok(!hit(t, "m", "entry-399999", 1, 3600, 1500), "what was used last is remembered");
    tap_ok(hit(t, "m", "entry-0", 1, 3600, 1500), "what was used first is forgotten");
    hsl_rate_table_free(t);
}

#define THREADS 4
#define HITS 20000

static void *
many_hits(void *arg)
{
    struct hsl_rate_table *t = arg;
    size_t yes = 0;

    for (int i = 0; i < HITS; i++)
        yes += hit(t, "p", "q", 30000, 3600, 1000);
    return (void *)yes;
}

static void
test_threads(void)
{
    struct hsl_rate_table *t = hsl_rate_table_new((size_t)64 << 20);
    pthread_t threads[THREADS];
    size_t total = 0;

    if (!t)
        exit(1);
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, many_hits, t) != 0)
            exit(1);
    }
    for (int i = 0; i < THREADS; i++) {
        void *yes;

        pthread_join(threads[i], &yes);
        total += (size_t)yes;
    }
    tap_num((long long)total, 30000, "threads together are let in just so often");
    hsl_rate_table_free(t);
}

int
main(void)
{
    test_window();
    test_steps();
    test_stale();
    test_memory();
    test_threads();
    hsl_rate_table_free(NULL);
    return tap_done();
}
