/* mlt_msg.h - one message while it comes in: envelope, headers, body. For the thread that serves
 * the connection. What cannot be kept marks the message, which is then refused at its end. */
#ifndef MLT_MSG_H
#define MLT_MSG_H

#include "lib/ut_bug.h"
#include "milter/mlt_data.h"

/* Begins a message from [args] ("<ann@example.org>", ESMTP parameters, NULL), in the place of one
 * that was not finished. Temporary files go to [directory], borrowed. -1 without memory. */
int mlt_msg_begin(struct mlt_msg *m, const char *directory, char *const *args) UT_CHECKED;
/* Forgets the message, with all that was allocated for it; the arena is kept for the next. */
void mlt_msg_end(struct mlt_msg *m);
/* Frees what is kept between messages. */
void mlt_msg_fini(struct mlt_msg *m);

/* The recipient whose address.raw is [raw], letter case aside, since Postfix keeps only the first of
 * two that differ in nothing else; NULL: none. */
struct mlt_rcpt *mlt_msg_find(const struct mlt_msg *m, const char *raw);
/* Copies [r] to the end of the list; -1 without memory or over MLT_MAX_RCPTS. */
int mlt_msg_add_rcpt(struct mlt_msg *m, const struct mlt_rcpt *r) UT_CHECKED;
/* Adds a header. [value] is all behind the colon; [leading]: its leading blank is there too. */
void mlt_msg_add_header(struct mlt_msg *m, const char *name, const char *value, bool leading);
/* Adds to the body; over [max] bytes in all the message is too large. */
void mlt_msg_add_body(struct mlt_msg *m, const void *p, size_t len, long long max);
/* Puts the header block into the spool, once: before the body, or when the digest is needed. -1
 * with [d] set. */
int mlt_msg_spool(struct mlt_msg *m, struct ut_diag *d) UT_CHECKED;
/* The digest of the message, which is the same when a client sends it again; it must be in the
 * spool. -1 with [d] set. */
int mlt_msg_digest(
    const struct mlt_msg *m, char out[MLT_DIGEST_LEN + 1], struct ut_diag *d) UT_CHECKED;

#endif
