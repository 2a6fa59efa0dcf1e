/* qtn_release.h - deliver a held message through the re-injection listener, once. */
#ifndef QTN_RELEASE_H
#define QTN_RELEASE_H

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "quarantine/qtn_keeper.h"

/* Releases message [id] for the user [by], who asked by the way [way] ("command"): by SMTP to the
 * listener `reinject` with its sender and recipient, byte for byte. 0 if it is delivered, also if
 * it was before: then nothing is sent; [*again] tells. -1 with [d] set: it is held as before, and
 * the record's note says why. Blocks as long as reinject_timeout. Any thread, without having
 * entered. */
int qtn_release(struct qtn_keeper *k, const char *id, const char *by, const char *way, bool *again,
    struct ut_diag *d) UT_CHECKED;
/* When the index is opened: what was being released when the process ended, and is by no thread of
 * this one, is held again, with a note whether it may have been delivered. The audit log has been
 * caught up before. With [lock] held or no other thread there. */
int qtn_release_resolve(struct qtn_keeper *k, struct ut_diag *d) UT_CHECKED;

#endif
