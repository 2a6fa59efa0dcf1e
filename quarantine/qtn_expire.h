/* qtn_expire.h - delete messages, and forget them when their time is over. */
#ifndef QTN_EXPIRE_H
#define QTN_EXPIRE_H

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "quarantine/qtn_keeper.h"

/* Deletes message [id] for the user [by], who asked by the way [way]. 0 if it is deleted, also if
 * it was before or has been released: [*again] tells. -1 with [d] set. */
int qtn_delete(struct qtn_keeper *k, const char *id, const char *by, const char *way, bool *again,
    struct ut_diag *d) UT_CHECKED;
/* Removes files and records of all messages that are older than the retention of their box, and
 * what has lain in tmp/ for over an hour. [*count] gets how many messages. -1 with [d] set. */
int qtn_expire(struct qtn_keeper *k, unsigned long *count, struct ut_diag *d) UT_CHECKED;

#endif
