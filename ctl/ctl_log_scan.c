/* ctl_log_scan.c - searches a log file with several threads.
 * Not here: which lines are wanted (ctl_log_query.c), a file that grows (ctl_log.c).
 * Threads: makes some, each with a query of its own; the caller's thread only writes.
 * Fails: mapping, matching, writing, memory, a file that is cut short meanwhile; the first trouble
 * ends it.
 *
 * Copying a file out of the page cache takes longer than looking through it, so it is mapped. Each
 * thread takes the next block; a line belongs to the block that it begins in; what a block gave
 * waits in its slot until those before it are written.
 *
 * Whoever rotates a log may cut it short while we look at it, and then the kernel sends SIGBUS for
 * pages that have lost their file. The handler puts an empty page where the lost one was and notes
 * it, so that the thread goes on over NUL bytes to the end of its block and then gives up. */
#include "config.h"

#include "ctl/ctl_log_scan.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ctl/ctl_log_line.h"
#include "ctl/ctl_log_query.h"
#include "lib/ut_sbuf.h"

#define BLOCK ((size_t)2 << 20) /* bytes of one block */
#define MAX_OUT (1 << 30)       /* most bytes that one block may give */
#define THREADS 4
#define SLOTS 12 /* blocks that may wait for those before them */

struct slot {
    bool done;
    struct ut_sbuf out;
};

struct scan {
    const char *text; /* the file, mapped */
    size_t size;
    const char *what;
    bool raw;
    size_t blocks;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t moved;
    size_t next;              /* the block to be taken next */
    size_t written;           /* blocks written so far */
    struct slot slots[SLOTS]; /* of block i: i % SLOTS; [out] belongs to who works on the block */
    bool stop;
    struct ut_diag trouble; /* why it stopped */
};

/* --- A file that is cut short --------------------------------------------------------------- */

/* What the handler of SIGBUS knows. Set while no thread is there. */
static struct {
    uintptr_t start, end, page;
    volatile sig_atomic_t cut;
} mapped;

static void
on_sigbus(int number, siginfo_t *info, void *context)
{
    uintptr_t at = (uintptr_t)info->si_addr;
    int saved = errno;

    (void)context;
    if (at < mapped.start || at >= mapped.end ||
        mmap((void *)(at & ~(mapped.page - 1)), mapped.page, PROT_READ,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        signal(number, SIG_DFL); /* not ours: the same access again ends the process */
    mapped.cut = 1;
    errno = saved;
}

/* Maps the first s->size bytes of [fd]; [*old] gets the handler that was there. */
static int
map_file(struct scan *s, int fd, struct sigaction *old, struct ut_diag *d)
{
    struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO};
    void *p = mmap(NULL, s->size, PROT_READ, MAP_PRIVATE, fd, 0);

    if (p == MAP_FAILED)
        return ut_diag_set(d, "cannot map the file: %s", strerror(errno));
    s->text = p;
    mapped.start = (uintptr_t)p;
    mapped.end = mapped.start + s->size;
    mapped.page = (uintptr_t)sysconf(_SC_PAGESIZE);
    mapped.cut = 0;
    sigaction(SIGBUS, &action, old);
    return 0;
}

static void
unmap_file(struct scan *s, const struct sigaction *old)
{
    sigaction(SIGBUS, old, NULL);
    munmap((void *)(uintptr_t)s->text, s->size);
}

/* --- One block ------------------------------------------------------------------------------ */

/* Where the first line begins that begins at [at] or later. */
static size_t
line_start(const struct scan *s, size_t at)
{
    const char *lf;

    if (at == 0 || at >= s->size)
        return at;
    lf = memchr(s->text + at - 1, '\n', s->size - (at - 1));
    return lf ? (size_t)(lf - s->text) + 1 : s->size;
}

/* Appends the wanted ones of the lines that begin in block [i]. */
static int
take_block(
    const struct scan *s, struct ctl_log_query *q, size_t i, struct ut_sbuf *out, struct ut_diag *d)
{
    size_t at = i * BLOCK;
    size_t len = s->size - at < BLOCK ? s->size - at : BLOCK;
    const char *p, *end, *line;
    size_t n;

#ifdef MADV_POPULATE_READ
    /* One call instead of a page fault for each few pages; whether it works does not matter. */
    (void)madvise((void *)(uintptr_t)(s->text + at), len, MADV_POPULATE_READ);
#endif
    end = s->text + line_start(s, at + len);
    p = s->text + line_start(s, at);
    while (p < end && (line = ctl_log_query_next(q, p, (size_t)(end - p), &n, d)) != NULL) {
        ctl_log_line_add(out, line, n, s->raw);
        p = line + n + 1;
    }
    if (d->text[0])
        return -1;
    if (mapped.cut)
        return ut_diag_set(d, "the file was cut short while it was read");
    return out->failed ? ut_diag_set(d, "out of memory") : 0;
}

/* --- Threads -------------------------------------------------------------------------------- */

static void
stop(struct scan *s, const struct ut_diag *d)
{
    pthread_mutex_lock(&s->lock);
    if (!s->stop)
        s->trouble = *d;
    s->stop = true;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
}

/* The next block to work on, when there is room for what it gives; s->blocks: no more. */
static size_t
next_block(struct scan *s)
{
    size_t i = s->blocks;

    pthread_mutex_lock(&s->lock);
    while (!s->stop && s->next < s->blocks && s->next >= s->written + SLOTS)
        pthread_cond_wait(&s->moved, &s->lock);
    if (!s->stop && s->next < s->blocks)
        i = s->next++;
    pthread_mutex_unlock(&s->lock);
    return i;
}

static void
work(struct scan *s, struct ctl_log_query *q)
{
    struct ut_diag d = {0};
    size_t i;

    while ((i = next_block(s)) < s->blocks) {
        struct slot *slot = &s->slots[i % SLOTS];

        if (take_block(s, q, i, &slot->out, &d) != 0) {
            stop(s, &d);
            return;
        }
        pthread_mutex_lock(&s->lock);
        slot->done = true;
        pthread_cond_broadcast(&s->moved);
        pthread_mutex_unlock(&s->lock);
    }
}

static void *
thread_main(void *arg)
{
    struct scan *s = arg;
    struct ut_diag d = {0};
    struct ctl_log_query *q = ctl_log_query_new(s->what, &d);

    if (q)
        work(s, q);
    else
        stop(s, &d);
    ctl_log_query_free(q);
    return NULL;
}

/* Writes what block [i] gave as soon as it is there; -1 if all has stopped before. */
static int
write_block(struct scan *s, size_t i)
{
    struct slot *slot = &s->slots[i % SLOTS];
    struct ut_diag d;
    bool done;

    pthread_mutex_lock(&s->lock);
    while (!slot->done && !s->stop)
        pthread_cond_wait(&s->moved, &s->lock);
    done = slot->done;
    pthread_mutex_unlock(&s->lock);
    if (!done)
        return -1;
    if (fwrite(ut_sbuf_text(&slot->out), 1, slot->out.len, stdout) != slot->out.len) {
        ut_diag_set(&d, "cannot write to standard output: %s", strerror(errno));
        stop(s, &d);
        return -1;
    }
    pthread_mutex_lock(&s->lock);
    ut_sbuf_reset(&slot->out);
    slot->done = false;
    s->written++;
    pthread_cond_broadcast(&s->moved);
    pthread_mutex_unlock(&s->lock);
    return 0;
}

/* As many threads as there are processors and blocks. */
static size_t
start_threads(struct scan *s, pthread_t *threads)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t want = processors < 1 ? 1 : processors > THREADS ? THREADS : (size_t)processors;
    size_t count = 0;

    if (want > s->blocks)
        want = s->blocks;
    while (count < want && pthread_create(&threads[count], NULL, thread_main, s) == 0)
        count++;
    return count;
}

/* Has the blocks worked on, and writes what they give. */
static void
scan_blocks(struct scan *s)
{
    pthread_t threads[THREADS];
    size_t count;

    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->moved, NULL);
    for (size_t i = 0; i < SLOTS; i++)
        ut_sbuf_init(&s->slots[i].out, MAX_OUT);
    count = start_threads(s, threads);
    if (count == 0) {
        ut_diag_set(&s->trouble, "cannot start a thread");
        s->stop = true;
    }
    for (size_t i = 0; i < s->blocks; i++)
        if (write_block(s, i) != 0)
            break;
    while (count > 0)
        pthread_join(threads[--count], NULL);
    for (size_t i = 0; i < SLOTS; i++)
        ut_sbuf_fini(&s->slots[i].out);
    pthread_cond_destroy(&s->moved);
    pthread_mutex_destroy(&s->lock);
}

int
ctl_log_scan(int fd, off_t size, const char *what, bool raw, struct ut_diag *d)
{
    struct scan s = {.size = (size_t)size, .what = what, .raw = raw};
    struct sigaction old;

    if (size == 0)
        return 0;
    if ((uintmax_t)size > SIZE_MAX / 2)
        return ut_diag_set(d, "the file is too large");
    s.blocks = (s.size + BLOCK - 1) / BLOCK;
    if (map_file(&s, fd, &old, d) != 0)
        return -1;
    scan_blocks(&s);
    unmap_file(&s, &old);
    if (s.stop)
        *d = s.trouble;
    return s.stop ? -1 : 0;
}
