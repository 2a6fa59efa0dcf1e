/* mlt_spool.h - one message as received: header block, empty line, body.
 *
 * Small messages stay in memory, larger ones go to a file without a name, which the system
 * removes whatever happens to us. One thread at a time. */
#ifndef MLT_SPOOL_H
#define MLT_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"

#define MLT_SPOOL_MEMORY ((size_t)256 * 1024) /* most bytes kept in memory */
#define MLT_DIGEST_LEN 64                     /* characters of a digest */

struct mlt_spool {
    const char *directory; /* where the file goes; borrowed */
    struct ut_sbuf memory; /* the content while it is small */
    int fd;                /* the file, -1: none */
    long long size;        /* bytes in all */
};

/* A temporary file in [directory] without a name, close-on-exec; -1 with [d] set. */
int mlt_spool_file(const char *directory, struct ut_diag *d) UT_CHECKED;
/* Makes [s] empty; allocates nothing. */
void mlt_spool_init(struct mlt_spool *s, const char *directory);
void mlt_spool_fini(struct mlt_spool *s);
/* Appends; -1 with [d] set: the disk is full or memory is out, and [s] is of no more use. */
int mlt_spool_add(struct mlt_spool *s, const void *p, size_t len, struct ut_diag *d) UT_CHECKED;
/* Up to [len] bytes from [offset] on into [buf]: their number, 0 at the end, -1 with errno. */
ssize_t mlt_spool_read(
    const struct mlt_spool *s, long long offset, void *buf, size_t len) UT_CHECKED;
/* SHA-256 over the [len] bytes at [prefix] and the content from [offset] on, in hex. -1 with [d]
 * set. */
int mlt_spool_digest(const struct mlt_spool *s, const void *prefix, size_t len, long long offset,
    char out[MLT_DIGEST_LEN + 1], struct ut_diag *d) UT_CHECKED;

#endif
