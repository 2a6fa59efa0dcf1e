/* hsl_rate.h - the sliding windows behind rate() (library §11), one table per process.
 *
 * A window belongs to (namespace, entry, interval) and counts events in steps of 1/32 of the
 * interval: an event counts for the whole interval and at most one step longer. Two limits of
 * different intervals on the same entry are two windows. Any thread. */
#ifndef HSL_RATE_H
#define HSL_RATE_H

#include "hsl/hsl_env.h"
#include "hsl/hsl_host.h"

/* At [now] (monotonic seconds), [interval] > 0 in seconds. [limit] > 0: if fewer events lie in the
 * window, adds one and gives true; else adds nothing and gives false. [limit] 0: adds nothing.
 * *events (may be NULL) gets how many lie in the window then. Without memory for a new window
 * the event is let through and forgotten. */
bool hsl_rate_hit(struct hsl_rate_table *t, const struct hsl_text *space,
    const struct hsl_text *entry, double limit, double interval, double now, double *events);
/* Bytes that all windows take now; never more than the table's bound (64 MiB). */
size_t hsl_rate_memory(struct hsl_rate_table *t);

#endif
