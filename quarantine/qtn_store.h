/* qtn_store.h - put messages into a quarantine, whole or not at all (design §3).
 *
 * A quarantine is a folder (penstock-quarantine(7)): tmp/ while a message is written, incoming/
 * once it is held, held/XX/ when penstock-quarantined has taken it into its index. Storing needs
 * no daemon. For one message and its recipients:
 *
 *     for each recipient: qtn_put_new(), qtn_put_write() ..., qtn_put_prepare()
 *     qtn_put_commit() for all of them at once      -> all are held, or none
 *     qtn_store_withdraw() if the message is refused after all
 *     qtn_put_free() for each, in any state
 *
 * Any failure up to prepare leaves nothing behind but what qtn_put_free() removes.
 *
 * Threads: any number may use one store; a put belongs to one thread at a time. Nothing here
 * logs. On every result but QTN_OK [d] (may be NULL) is set. */
#ifndef QTN_STORE_H
#define QTN_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "quarantine/qtn_file.h"

struct qtn_store;
struct qtn_put;

/* Opens the quarantine in the folder [directory], which is made with incoming/, held/, tmp/ and
 * broken/ (mode 0700) where they are missing. Gives the store in [*out], NULL on failure. */
enum qtn_result qtn_store_open(struct qtn_store **out, const char *directory,
    struct ut_diag *d) UT_CHECKED;
/* Frees [s]; NULL is allowed. Its puts must be gone. */
void qtn_store_close(struct qtn_store *s);
/* The folder, lent as long as [s]. */
const char *qtn_store_directory(const struct qtn_store *s);
/* Tries whether a message could be kept now, by writing and removing a small file in tmp/ and
 * looking for incoming/: QTN_OK, QTN_FULL, QTN_ERROR. Does not sync; cheap enough to be called
 * once a second. */
enum qtn_result qtn_store_probe(const struct qtn_store *s, struct ut_diag *d) UT_CHECKED;

/* Where a message can be. */
enum qtn_place {
    QTN_PLACE_TMP,      /* tmp/ID.tmp: being written */
    QTN_PLACE_INCOMING, /* incoming/ID.eml: held, not in the index yet */
    QTN_PLACE_UNDO,     /* incoming/ID.undo: withdrawn, the index does not know yet */
    QTN_PLACE_HELD,     /* held/XX/ID.eml, XX: the last two characters of ID; in the index */
    QTN_PLACE_BROKEN    /* broken/: what was in incoming/ and is no message */
};
#define QTN_PATH_MAX 4096
/* Writes the path of the file that [id], which must be valid, has there; of the folder if [id] is
 * NULL (HELD: of held/). */
void qtn_store_path(const struct qtn_store *s, enum qtn_place place, const char *id,
    char out[QTN_PATH_MAX]);
/* One wait for the names in incoming/ to be durable. The fields belong to qtn_store.c. */
struct qtn_sync {
    struct qtn_sync *next;
    bool done;
    int err;
};
/* Asks for the names that are in incoming/ now to be made durable, by another thread, while the
 * caller goes on; those that ask at the same time share one fsync(2). [w] must stay where it is
 * until waited for, which every start must be. */
void qtn_store_sync_start(struct qtn_store *s, struct qtn_sync *w);
/* Waits for that: QTN_OK if they are durable. */
enum qtn_result qtn_store_sync_wait(struct qtn_store *s, struct qtn_sync *w,
    struct ut_diag *d) UT_CHECKED;
/* Folds an errno of a file operation inside a quarantine into a result. A folder that is missing
 * or may not be written is as bad as a full disk: try again later. */
enum qtn_result qtn_store_errno(int err);

/* Starts a message for one recipient. [e] is copied; e->id NULL: an id is made. Gives the put in
 * [*out], NULL on failure. */
enum qtn_result qtn_put_new(struct qtn_put **out, struct qtn_store *s,
    const struct qtn_envelope *e, struct ut_diag *d) UT_CHECKED;
/* Adds [len] bytes of the original message, in any pieces. After a failure every further call
 * and prepare give the same result. */
enum qtn_result qtn_put_write(struct qtn_put *p, const void *data, size_t len,
    struct ut_diag *d) UT_CHECKED;
/* Makes the file complete under tmp/; not durable yet. */
enum qtn_result qtn_put_prepare(struct qtn_put *p, struct ut_diag *d) UT_CHECKED;
/* Makes [count] prepared puts of one store held: syncs each file, and the folder once (shared with
 * other threads that commit at the same time). QTN_OK: all are durable in incoming/. Else none is
 * held: those that were moved already have been withdrawn. */
enum qtn_result qtn_put_commit(struct qtn_put *const *puts, size_t count,
    struct ut_diag *d) UT_CHECKED;
/* Frees [p] (NULL is allowed). Not committed: its file is removed from tmp/. */
void qtn_put_free(struct qtn_put *p);
/* The id, lent as long as [p]. */
const char *qtn_put_id(const struct qtn_put *p);

/* Undoes a commit, also when penstock-quarantined has indexed the message: that sees it and
 * forgets the record. Durable when it gives QTN_OK. QTN_GONE: no such message (never stored, or
 * released or deleted meanwhile, or withdrawn and forgotten already). Needs no free space. */
enum qtn_result qtn_store_withdraw(struct qtn_store *s, const char *id,
    struct ut_diag *d) UT_CHECKED;
/* QTN_OK if [id] is held (in incoming/ or held/), QTN_GONE if not, QTN_ERROR if it cannot be
 * told. */
enum qtn_result qtn_store_exists(const struct qtn_store *s, const char *id,
    struct ut_diag *d) UT_CHECKED;
/* Opens the message [id] for reading, wherever it is; as qtn_file_open(). */
enum qtn_result qtn_store_read(const struct qtn_store *s, const char *id, struct qtn_file *f,
    struct ut_diag *d) UT_CHECKED;

#endif
