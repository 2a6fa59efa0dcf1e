/* mlt_spool.c - messages in memory and in a file read back the same. */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "milter/mlt_spool.h"
#include "t/unit/tap.h"

static char
byte_at(long long i)
{
    return (char)(i * 31 + (i >> 8));
}

/* Fills [s] with [size] bytes in pieces of [piece]. */
static bool
fill(struct mlt_spool *s, long long size, size_t piece)
{
    char *buf = malloc(piece);
    struct ut_diag d;
    bool ok = buf != NULL;

    for (long long at = 0; ok && at < size; at += (long long)piece) {
        size_t n = size - at < (long long)piece ? (size_t)(size - at) : piece;

        for (size_t i = 0; i < n; i++)
            buf[i] = byte_at(at + (long long)i);
        ok = mlt_spool_add(s, buf, n, &d) == 0;
    }
    free(buf);
    return ok;
}

static bool
is_filled(const struct mlt_spool *s, long long from)
{
    char buf[3001];
    long long at = from;
    ssize_t n;

    while ((n = mlt_spool_read(s, at, buf, sizeof(buf))) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (buf[i] != byte_at(at + i))
                return false;
        }
        at += n;
    }
    return n == 0 && at == s->size;
}

static void
test_size(long long size, size_t piece, bool want_file)
{
    char one[MLT_DIGEST_LEN + 1] = "", two[MLT_DIGEST_LEN + 1] = "", three[MLT_DIGEST_LEN + 1] = "";
    struct mlt_spool s;
    struct ut_diag d;

    mlt_spool_init(&s, getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    tap_ok(fill(&s, size, piece), "%lld bytes in pieces of %zu", size, piece);
    tap_num(s.size, size, "... are counted");
    tap_ok((s.fd >= 0) == want_file, "... are %s", want_file ? "in a file" : "in memory");
    tap_ok(is_filled(&s, 0) && is_filled(&s, size / 3), "... read back");
    tap_ok(mlt_spool_digest(&s, "a", 1, 0, one, &d) == 0 &&
               mlt_spool_digest(&s, "a", 1, 0, two, &d) == 0 &&
               mlt_spool_digest(&s, "b", 1, 0, three, &d) == 0 && strcmp(one, two) == 0 &&
               strcmp(one, three) != 0 && strlen(one) == MLT_DIGEST_LEN,
        "... have a digest of content and prefix");
    tap_ok(size == 0 || (mlt_spool_digest(&s, "a", 1, 1, two, &d) == 0 && strcmp(one, two) != 0),
        "... and of where the content begins");
    mlt_spool_fini(&s);
}

int
main(void)
{
    struct rlimit small = {100 * 1024, RLIM_INFINITY};
    struct mlt_spool s;
    struct ut_diag d = {0};

    test_size(0, 1, false);
    test_size(1000, 7, false);
    test_size((long long)MLT_SPOOL_MEMORY, 4096, false);
    test_size((long long)MLT_SPOOL_MEMORY + 1, 4096, true);
    test_size(3000000, 65535, true);
    mlt_spool_init(&s, "/nonexistent/folder");
    tap_ok(!fill(&s, 1000000, 65536), "no folder for the file");
    mlt_spool_fini(&s);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    mlt_spool_init(&s, getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    tap_ok(!fill(&s, 1000000, 65536), "the file cannot grow");
    mlt_spool_fini(&s);
    mlt_spool_init(&s, "/nonexistent/folder");
    tap_ok(fill(&s, 100, 10) && mlt_spool_add(&s, NULL, 0, &d) == 0, "small ones need no folder");
    mlt_spool_fini(&s);
    return tap_done();
}
