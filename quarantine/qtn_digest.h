/* qtn_digest.h - SHA-256 of bytes that come in pieces, through OpenSSL. One thread at a time. */
#ifndef QTN_DIGEST_H
#define QTN_DIGEST_H

#include <stddef.h>

#include "lib/ut_bug.h"

#define QTN_DIGEST_LEN 64 /* characters of the text form */

struct qtn_digest {
    void *ctx; /* OpenSSL's context; NULL: no memory */
};

/* Starts a digest; -1 without memory. */
int qtn_digest_init(struct qtn_digest *g) UT_CHECKED;
void qtn_digest_fini(struct qtn_digest *g);
/* Adds [len] bytes at [p]; -1 if OpenSSL fails. */
int qtn_digest_add(struct qtn_digest *g, const void *p, size_t len) UT_CHECKED;
/* Ends it and writes lower-case hex with a NUL; -1 if OpenSSL fails. Nothing can be added after. */
int qtn_digest_hex(struct qtn_digest *g, char out[QTN_DIGEST_LEN + 1]) UT_CHECKED;

#endif
