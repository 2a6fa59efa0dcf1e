/* qtn_index.h - the index: records by id (which is by time) and by recipient.
 *
 * Two kinds, chosen when it is opened: Berkeley DB (transactional, survives a crash at any
 * moment) and memory (for tests). Changes are whole or not made at all, and durable when the call
 * gives success. Any thread may call; a mutex inside lets one in at a time, so that calls never
 * deadlock. On failure [d] (may be NULL) is set. */
#ifndef QTN_INDEX_H
#define QTN_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "quarantine/qtn_record.h"

struct qtn_index;

enum qtn_find {
    QTN_FOUND,
    QTN_NOTFOUND,
    QTN_FAILED /* [d] is set */
};

/* Opens the index in the folder [dir] and recovers it from its log; it must hold one. [create]:
 * makes the folder, which must not be there, for building an index in one go: then changes are
 * durable only after a checkpoint. One process may have it open: the caller sees to that. NULL
 * with [d] set. */
struct qtn_index *qtn_index_open_db(const char *dir, bool create, struct ut_diag *d) UT_CHECKED;
/* An index in memory; NULL without memory. */
struct qtn_index *qtn_index_open_ram(struct ut_diag *d) UT_CHECKED;
/* Writes out and frees; NULL is allowed. */
void qtn_index_close(struct qtn_index *ix);

/* Adds the [count] records, or replaces those that have their ids, all or none. */
int qtn_index_put(struct qtn_index *ix, const struct qtn_record *records, size_t count,
    struct ut_diag *d) UT_CHECKED;
/* Removes the record [id]; one that is not there is no failure. */
int qtn_index_del(struct qtn_index *ix, const char *id, struct ut_diag *d) UT_CHECKED;
/* The record [id] into [r], which the caller must qtn_record_fini() if it was found. */
enum qtn_find qtn_index_get(struct qtn_index *ix, const char *id, struct qtn_record *r,
    struct ut_diag *d) UT_CHECKED;
/* The record with the smallest id above [after] ("": the first; else any text), with [recipient]
 * as its recipient, compared without case (NULL: any). As get. A walk by this sees what is
 * changed meanwhile and holds nothing locked. */
enum qtn_find qtn_index_next(struct qtn_index *ix, const char *after, const char *recipient,
    struct qtn_record *r, struct ut_diag *d) UT_CHECKED;
/* Makes all durable and keeps the log short: to be called once a minute. */
int qtn_index_checkpoint(struct qtn_index *ix, struct ut_diag *d) UT_CHECKED;
/* True after a failure that only building the index again can mend. */
bool qtn_index_damaged(struct qtn_index *ix);

#endif
