/* hsl_lock.h - names that one at a time may hold, each with a value: barriers within one process.
 * Any thread. */
#ifndef HSL_LOCK_H
#define HSL_LOCK_H

#include "hsl/hsl_share.h"

struct hsl_locks;

/* For values of at most [memory] bytes together. [kept]: hsl_locks_changes() will be called. NULL:
 * no memory. */
struct hsl_locks *
hsl_locks_new(size_t memory, bool kept) UT_CHECKED;
void
hsl_locks_free(struct hsl_locks *l); /* nobody may hold one; NULL is allowed */

/* As hsl_share_ops.enter and .leave. */
enum hsl_share_end
hsl_locks_enter(struct hsl_locks *l, const struct hsl_text *name, double wait,
    struct ut_sbuf *value, bool *has_value, void **lock);
enum hsl_share_end
hsl_locks_leave(
    struct hsl_locks *l, void *lock, enum hsl_share_keep keep, const struct hsl_text *value);

/* The values that changed since the last call, or all. */
void
hsl_locks_changes(struct hsl_locks *l, bool all, hsl_share_record_fn *fn, void *arg);
/* Gives [name] a value; for a table that nobody uses yet. */
bool
hsl_locks_restore(
    struct hsl_locks *l, const struct hsl_text *name, const struct hsl_text *value) UT_CHECKED;

#endif
