/* qtn_keeper.h - the one owner of index and audit log, and the changes that both must see.
 *
 * There is one keeper in the process, made by main() and used by the threads of the control
 * socket and by the worker (qtn_watch.c). Between qtn_keeper_enter() and qtn_keeper_leave() a
 * thread has it for itself; nobody waits for the network or a client in between. */
#ifndef QTN_KEEPER_H
#define QTN_KEEPER_H

#include <pthread.h>
#include <stdbool.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "quarantine/qtn_audit.h"
#include "quarantine/qtn_box.h"
#include "quarantine/qtn_index.h"

#define QTN_SELF "penstock-quarantined" /* "by" of what nobody asked for */

/* A release under way outside the lock; on the stack of its thread. */
struct qtn_flight {
    const char *id;
    struct qtn_flight *next;
};

/* All but [lock] is read and changed with [lock] held. */
struct qtn_keeper {
    pthread_mutex_t lock;
    struct qtn_boxes *boxes;   /* replaced by a reload: take a reference to keep it */
    struct qtn_index *index;   /* NULL: cannot be used, [trouble] says why */
    struct qtn_audit *audit;
    char *index_dir;           /* STATE_DIRECTORY/quarantine.index */
    struct ut_diag trouble;    /* why there is no index; "" if there is one */
    struct ut_diag not_loaded; /* why the last reload failed; "" if it did not */
    double try_at;             /* when to try the index again, ut_time_mono() */
    double try_wait;           /* seconds between two tries; 0: none has failed */
    bool rebuilding;           /* a thread builds the index again */
    struct qtn_flight *flights;
    pthread_cond_t idle;       /* the last of [flights] has ended */
    int lock_fd;               /* locked STATE_DIRECTORY/quarantine.lock */
};

/* Opens audit log and index for [boxes], whose reference it takes on success, and finishes what a
 * crash left half done. A damaged index is no failure: it is in k->trouble, and only rebuilding
 * works. [*missing] is set if there was no index at all: then the caller rebuilds it. -1 with [d]
 * set, nothing open; also if another process has it. */
int qtn_keeper_open(struct qtn_keeper *k, struct qtn_boxes *boxes, bool *missing,
    struct ut_diag *d) UT_CHECKED;
void qtn_keeper_close(struct qtn_keeper *k);
/* Uses the boxes of another configuration, whose reference it takes; opens the audit log again. */
void qtn_keeper_reload(struct qtn_keeper *k, struct qtn_boxes *boxes);

/* Notes that a reload failed because of [d]. */
void qtn_keeper_not_loaded(struct qtn_keeper *k, const struct ut_diag *d);

/* Takes the lock if the index can be used, which is tried from time to time when it could not: a
 * disk that was full may have room again. Else -1 with [d] set and the lock not held. */
int qtn_keeper_enter(struct qtn_keeper *k, struct ut_diag *d) UT_CHECKED;
/* Gives the lock back. If the index was found damaged meanwhile, it is closed. */
void qtn_keeper_leave(struct qtn_keeper *k);
/* A reference to the boxes of now. */
struct qtn_boxes *qtn_keeper_boxes(struct qtn_keeper *k);

/* Opens the index, in the state that a crash or qtn_reindex.c left it in. With [lock] held. */
void qtn_keeper_open_index(struct qtn_keeper *k);

/* Ends the life of a message's file as [act] says: audit log, then index (state released or
 * deleted with act->by and act->note; no record any more after withdrawn, expired and lost), then
 * its file. [r] gets the new state; its texts by and note are borrowed from [act]. After entering.
 * -1 with [d] set: nothing has changed, or the audit log is ahead and the rest follows at the
 * next start. */
int qtn_keeper_settle(struct qtn_keeper *k, const struct qtn_act *act, struct qtn_record *r,
    struct ut_diag *d) UT_CHECKED;
/* Milliseconds since 1970. */
long long qtn_keeper_now(void);

#endif
