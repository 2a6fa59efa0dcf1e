/* store.c - how many messages a second the quarantine stores, against bare write, fsync, rename.
 *
 *     store [FOLDER [MESSAGES [BYTES [RUNS]]]]     default: . 400 20000 9
 * For 1 to 4 threads: RUNS times each way in turn, so that whatever else the machine does hits
 * both; the median of each, and their ratio. The bare way does no more than what its name says:
 * no digest, no envelope, no sync of the folder. Not a test: nothing fails but the disk. */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ut_file.h"
#include "lib/ut_num.h"
#include "lib/ut_time.h"
#include "quarantine/qtn_store.h"

#define THREADS 4
#define RUNS_MAX 99

struct bench {
    char dir[512];
    struct qtn_store *store;
    char *message;
    size_t bytes;
    long messages; /* of one run */
};

struct part {
    const struct bench *b;
    unsigned thread;
    long messages;
    bool failed;
};

static int
store_one(const struct bench *b)
{
    static const struct qtn_envelope e = {.quarantine = "mailquarantine:1",
        .sender = "sender@example.org",
        .recipient = "recipient@example.com",
        .client = "192.0.2.1",
        .helo = "mx.example.org",
        .queue = "4XyZ123",
        .message = "0123456789",
        .session = "0123456789",
        .reason = "Looks like spam",
        .flow = "mail.hsl:12"};
    struct qtn_put *p;
    enum qtn_result result = qtn_put_new(&p, b->store, &e, NULL);

    if (result == QTN_OK)
        result = qtn_put_write(p, b->message, b->bytes, NULL);
    if (result == QTN_OK)
        result = qtn_put_prepare(p, NULL);
    if (result == QTN_OK)
        result = qtn_put_commit(&p, 1, NULL);
    qtn_put_free(p);
    return result == QTN_OK ? 0 : -1;
}

static int
write_one(const struct bench *b, unsigned thread, long n)
{
    char from[600];
    char to[600];
    int fd;
    int result;

    snprintf(from, sizeof(from), "%s/bare/%u-%ld.tmp", b->dir, thread, n);
    snprintf(to, sizeof(to), "%s/bare/%u-%ld.eml", b->dir, thread, n);
    fd = open(from, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    result = ut_file_write_all(fd, b->message, b->bytes) < 0 || fsync(fd) < 0 ? -1 : 0;
    close(fd);
    return result == 0 ? rename(from, to) : -1;
}

static void *
run_store(void *arg)
{
    struct part *p = arg;

    for (long n = 0; n < p->messages && !p->failed; n++)
        p->failed = store_one(p->b) < 0;
    return NULL;
}

static void *
run_bare(void *arg)
{
    struct part *p = arg;

    for (long n = 0; n < p->messages && !p->failed; n++)
        p->failed = write_one(p->b, p->thread, n) < 0;
    return NULL;
}

/* Messages a second of one run; below 0 if it failed. */
static double
measure(const struct bench *b, unsigned threads, void *(*fn)(void *))
{
    struct part parts[THREADS];
    pthread_t ids[THREADS];
    double start = ut_time_mono();
    bool failed = false;

    for (unsigned i = 0; i < threads; i++) {
        parts[i] = (struct part){b, i, b->messages / threads, false};
        if (pthread_create(&ids[i], NULL, fn, &parts[i]) != 0)
            return -1;
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        failed = failed || parts[i].failed;
    }
    return failed ? -1 : (double)(b->messages / threads * threads) / (ut_time_mono() - start);
}

/* Empties what a run has left, outside of the time measured. */
static int
clean(const struct bench *b)
{
    char cmd[1200];

    snprintf(cmd, sizeof(cmd), "find '%s/bare' '%s/incoming' -type f -delete", b->dir, b->dir);
    return system(cmd);
}

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static int
compare(const struct bench *b, unsigned threads, long runs)
{
    double bare[RUNS_MAX];
    double held[RUNS_MAX];

    for (long i = 0; i < runs; i++) {
        bare[i] = measure(b, threads, run_bare);
        held[i] = measure(b, threads, run_store);
        if (bare[i] < 0 || held[i] < 0 || clean(b) != 0) {
            perror("store");
            return 1;
        }
    }
    qsort(bare, (size_t)runs, sizeof(bare[0]), by_size);
    qsort(held, (size_t)runs, sizeof(held[0]), by_size);
    printf("%u threads: bare %7.0f/s (%.0f to %.0f)   quarantine %7.0f/s (%.0f to %.0f)   ratio "
           "%.2f\n",
        threads, bare[runs / 2], bare[0], bare[runs - 1], held[runs / 2], held[0], held[runs - 1],
        held[runs / 2] / bare[runs / 2]);
    fflush(stdout);
    return 0;
}

/* Makes the folders and the message; -1 with a word about it. */
static int
prepare(struct bench *b, const char *folder)
{
    char bare[600];
    struct ut_diag d = {0};

    snprintf(b->dir, sizeof(b->dir), "%s/penstock-bench-XXXXXX", folder);
    b->message = malloc(b->bytes);
    if (!b->message || !mkdtemp(b->dir)) {
        perror(b->dir);
        return -1;
    }
    memset(b->message, 'x', b->bytes);
    snprintf(bare, sizeof(bare), "%s/bare", b->dir);
    if (mkdir(bare, 0700) < 0 || qtn_store_open(&b->store, b->dir, &d) != QTN_OK) {
        fprintf(stderr, "%s: %s\n", b->dir, d.text);
        return -1;
    }
    return 0;
}

int
main(int argc, char **argv)
{
    struct bench b = {.store = NULL};
    long long messages = 400;
    long long bytes = 20000;
    long long runs = 9;
    char *folder = NULL;
    char cmd[600];
    int status = 0;

    if ((argc > 2 && ut_num_int(argv[2], THREADS, 1000000, &messages) < 0) ||
        (argc > 3 && ut_num_int(argv[3], 1, 1 << 30, &bytes) < 0) ||
        (argc > 4 && ut_num_int(argv[4], 1, RUNS_MAX, &runs) < 0) ||
        !(folder = realpath(argc > 1 ? argv[1] : ".", NULL))) {
        free(folder);
        fprintf(stderr, "usage: store [FOLDER [MESSAGES [BYTES [RUNS]]]]\n");
        return 2;
    }
    b.messages = (long)messages;
    b.bytes = (size_t)bytes;
    if (prepare(&b, folder) < 0)
        return 1;
    printf("%ld messages of %zu bytes, median of %lld runs, in %s\n", b.messages, b.bytes, runs,
        folder);
    for (unsigned threads = 1; threads <= THREADS && status == 0; threads++)
        status = compare(&b, threads, (long)runs);
    qtn_store_close(b.store);
    free(b.message);
    free(folder);
    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", b.dir);
    return system(cmd) != 0 ? 1 : status;
}
