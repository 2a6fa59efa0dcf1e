/* state.c - how many rate() calls a second go through the state socket.
 *
 *     state SOCKET [SECONDS]      SOCKET: unix:PATH of a penstock-policyd; default 2 seconds
 * For 1, 2, 4 and 16 threads that call at the same time, each with entries of its own and each call
 * counted: one line of threads and calls a second. Not a test: it only fails if nobody answers. */
#include "config.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ut_num.h"
#include "lib/ut_time.h"
#include "policyd/pol_client.h"

#define THREADS 16
#define ENTRIES 1000 /* of each thread */

struct caller {
    struct hsl_share *share;
    unsigned number;
    double until; /* monotonic seconds */
    unsigned long calls;
    bool failed;
};

static void *
call(void *arg)
{
    struct caller *c = arg;
    struct hsl_text space = {"bench", 5}, entry;
    char name[40];
    double events;
    bool yes;

    while (!c->failed && ut_time_mono() < c->until) {
        entry.p = name;
        entry.len =
            (size_t)snprintf(name, sizeof(name), "192.0.2.%u-%lu", c->number, c->calls % ENTRIES);
        c->failed =
            c->share->ops->rate(c->share, &space, &entry, 1e9, 60, &yes, &events) != HSL_SHARE_OK;
        c->calls++;
    }
    return NULL;
}

/* Calls a second by [count] threads; -1: nobody answers. */
static double
measure(struct hsl_share *share, unsigned count, double seconds)
{
    struct caller callers[THREADS];
    pthread_t threads[THREADS];
    unsigned long calls = 0;
    bool failed = false;
    double start = ut_time_mono();
    unsigned started = 0;

    for (; started < count; started++) {
        callers[started] =
            (struct caller){.share = share, .number = started, .until = start + seconds};
        if (pthread_create(&threads[started], NULL, call, &callers[started]) != 0)
            break;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
        calls += callers[i].calls;
        failed = failed || callers[i].failed;
    }
    return failed || started < count ? -1 : (double)calls / (ut_time_mono() - start);
}

int
main(int argc, char **argv)
{
    static const unsigned counts[] = {1, 2, 4, 16};
    long long seconds = 2;
    struct hsl_share *share;
    struct ut_diag d;

    if (argc < 2 || argc > 3 || (argc == 3 && ut_num_int(argv[2], 1, 3600, &seconds) != 0)) {
        fprintf(stderr, "usage: state SOCKET [SECONDS]\n");
        return 1;
    }
    share = pol_client_new(argv[1], &d);
    if (!share) {
        fprintf(stderr, "state: %s\n", d.text);
        return 1;
    }
    printf("rate() calls a second through the state socket\n");
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        double rate = measure(share, counts[i], (double)seconds);

        if (rate < 0) {
            fprintf(stderr, "state: %s does not answer\n", argv[1]);
            share->ops->free(share);
            return 1;
        }
        printf("%2u thread%s %8.0f\n", counts[i], counts[i] == 1 ? " " : "s", rate);
    }
    share->ops->free(share);
    return 0;
}
