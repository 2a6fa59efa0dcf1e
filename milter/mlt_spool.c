/* mlt_spool.c - one message as received, in memory or in a file without a name.
 * Not here: what is kept for good (quarantine/qtn_put.c).
 * Threads: a spool belongs to one at a time. Fails: disk full, out of memory. */
#include "config.h"

#include "milter/mlt_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "lib/ut_file.h"

void
mlt_spool_init(struct mlt_spool *s, const char *directory)
{
    s->directory = directory;
    ut_sbuf_init(&s->memory, MLT_SPOOL_MEMORY);
    s->fd = -1;
    s->size = 0;
}

void
mlt_spool_fini(struct mlt_spool *s)
{
    ut_sbuf_fini(&s->memory);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->size = 0;
}

/* O_TMPFILE where the file system has it. */
int
mlt_spool_file(const char *directory, struct ut_diag *d)
{
    char name[4096];
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd >= 0)
        return fd;
    if (snprintf(name, sizeof(name), "%s/.spool.XXXXXX", directory) >= (int)sizeof(name))
        return ut_diag_set(d, "%s: the name is too long", directory);
    fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return ut_diag_errno(d, "cannot make a temporary file in %s", directory);
    unlink(name);
    return fd;
}

/* Moves what is in memory to a file. */
static int
to_file(struct mlt_spool *s, struct ut_diag *d)
{
    s->fd = mlt_spool_file(s->directory, d);
    if (s->fd < 0)
        return -1;
    if (ut_file_write_all(s->fd, ut_sbuf_text(&s->memory), s->memory.len) != 0)
        return ut_diag_errno(d, "cannot write a temporary file in %s", s->directory);
    ut_sbuf_fini(&s->memory);
    return 0;
}

int
mlt_spool_add(struct mlt_spool *s, const void *p, size_t len, struct ut_diag *d)
{
    if (s->fd < 0 && len <= s->memory.max - s->memory.len) {
        ut_sbuf_add(&s->memory, p, len);
        if (s->memory.failed)
            return ut_diag_set(d, "out of memory for a message");
        s->size += (long long)len;
        return 0;
    }
    if (s->fd < 0 && to_file(s, d) != 0)
        return -1;
    if (ut_file_write_all(s->fd, p, len) != 0)
        return ut_diag_errno(d, "cannot write a temporary file in %s", s->directory);
    s->size += (long long)len;
    return 0;
}

ssize_t
mlt_spool_read(const struct mlt_spool *s, long long offset, void *buf, size_t len)
{
    ssize_t n;

    if (offset < 0 || offset >= s->size)
        return 0;
    if (s->fd < 0) {
        size_t rest = (size_t)(s->size - offset);

        if (len > rest)
            len = rest;
        memcpy(buf, s->memory.data + offset, len);
        return (ssize_t)len;
    }
    do
        n = pread(s->fd, buf, len, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n;
}

/* Feeds the content from [at] on to [md]. */
static int
digest_content(const struct mlt_spool *s, long long at, EVP_MD_CTX *md, struct ut_diag *d)
{
    char buf[16384];

    while (at < s->size) {
        ssize_t n = mlt_spool_read(s, at, buf, sizeof(buf));

        if (n <= 0)
            return ut_diag_errno(d, "cannot read a temporary file in %s", s->directory);
        if (EVP_DigestUpdate(md, buf, (size_t)n) != 1)
            return ut_diag_set(d, "SHA-256 failed");
        at += n;
    }
    return 0;
}

int
mlt_spool_digest(const struct mlt_spool *s, const void *prefix, size_t len, long long offset,
    char out[MLT_DIGEST_LEN + 1], struct ut_diag *d)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int rc = -1;

    if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(md, prefix, len) != 1)
        ut_diag_set(d, "SHA-256 is not available");
    else if (digest_content(s, offset, md, d) == 0)
        rc = EVP_DigestFinal_ex(md, raw, NULL) == 1 ? 0 : ut_diag_set(d, "SHA-256 failed");
    EVP_MD_CTX_free(md);
    for (size_t i = 0; rc == 0 && i < MLT_DIGEST_LEN / 2; i++)
        snprintf(out + 2 * i, 3, "%02x", raw[i]);
    return rc;
}
