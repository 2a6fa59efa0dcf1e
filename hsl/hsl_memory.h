/* hsl_memory.h - keys and values of memory_*() within one process. Any thread. */
#ifndef HSL_MEMORY_H
#define HSL_MEMORY_H

#include "hsl/hsl_share.h"

struct hsl_memory;

/* At most [memory] bytes: keys used longest ago go. [kept]: hsl_memory_changes() will be called.
 * NULL: no memory. */
struct hsl_memory *
hsl_memory_new(size_t memory, bool kept) UT_CHECKED;
void
hsl_memory_free(struct hsl_memory *m); /* NULL is allowed */

/* As hsl_share_ops.get, .change and .add. */
enum hsl_share_end
hsl_memory_get(struct hsl_memory *m, const struct hsl_text *key, struct hsl_share_entry *entry);
enum hsl_share_end
hsl_memory_change(struct hsl_memory *m, const struct hsl_share_change *c,
    struct hsl_share_entry *before, bool *done);
enum hsl_share_end
hsl_memory_add(struct hsl_memory *m, const struct hsl_text *key, double n, bool remove_zero,
    double *result, bool *is_number);

/* The keys that changed since the last call, or all. */
void
hsl_memory_changes(struct hsl_memory *m, bool all, hsl_share_record_fn *fn, void *arg);
bool
hsl_memory_restore(
    struct hsl_memory *m, const struct hsl_text *key, const struct hsl_text *value) UT_CHECKED;

#endif
