/* qtn_take.h - take messages out of incoming/ into the index. */
#ifndef QTN_TAKE_H
#define QTN_TAKE_H

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "quarantine/qtn_keeper.h"

/* Takes in all that is in incoming/ of each box, and forgets what was withdrawn. What is not a
 * message goes to broken/ and into the log, once. Any thread, without having entered. -1 with [d]
 * set if index or audit log fail: the rest stays where it is. */
int qtn_take(struct qtn_keeper *k, struct ut_diag *d) UT_CHECKED;

#endif
