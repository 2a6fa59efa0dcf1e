/* qtn_watch.h - the worker: takes in what arrives, and does what is due. */
#ifndef QTN_WATCH_H
#define QTN_WATCH_H

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "quarantine/qtn_keeper.h"

struct qtn_watch;

/* Starts the worker thread for [k], which is borrowed until it is stopped. NULL with [d] set. */
struct qtn_watch *qtn_watch_start(struct qtn_keeper *k, struct ut_diag *d) UT_CHECKED;
/* Makes it look at the folders of the boxes of now: after a reload. Any thread. */
void qtn_watch_renew(struct qtn_watch *w);
/* Waits for its end and frees; NULL is allowed. */
void qtn_watch_stop(struct qtn_watch *w);

#endif
