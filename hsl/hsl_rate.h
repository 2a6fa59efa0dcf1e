/* hsl_rate.h - the sliding windows behind rate() (library §11).
 *
 * A window belongs to (namespace, entry, interval) and counts events in steps of 1/32 of the
 * interval: an event counts for the whole interval and at most one step longer. Two limits of
 * different intervals on the same entry are two windows. Any thread. */
#ifndef HSL_RATE_H
#define HSL_RATE_H

#include "hsl/hsl_host.h"
#include "lib/ut_bug.h"

#define HSL_RATE_STEPS 32
#define HSL_RATE_SLOTS (HSL_RATE_STEPS + 1)

struct hsl_rate_table;

/* A table of at most [memory] bytes. NULL: no memory. */
struct hsl_rate_table *
hsl_rate_table_new(size_t memory) UT_CHECKED;
void
hsl_rate_table_free(struct hsl_rate_table *t); /* NULL is allowed */

/* At [now] (seconds of a clock that goes forward), [interval] > 0 in seconds. [limit] > 0: if fewer
 * events lie in the window, adds one and gives true; else adds nothing and gives false. [limit] 0:
 * adds nothing. *events (may be NULL) gets how many lie in the window then. Without memory for a
 * new window the event is let through and forgotten. */
bool
hsl_rate_hit(struct hsl_rate_table *t, const struct hsl_text *space, const struct hsl_text *entry,
    double limit, double interval, double now, double *events);
/* Bytes that all windows take now; never more than the table's bound. */
size_t
hsl_rate_memory(struct hsl_rate_table *t);

/* One window as it can be kept in a file. */
struct hsl_rate_window {
    struct hsl_text space, entry;
    double interval; /* seconds */
    int64_t step;    /* of the clock, in 1/32 of the interval: the newest counter's */
    uint32_t slots[HSL_RATE_SLOTS]; /* counter of step s at s mod HSL_RATE_SLOTS */
    double events;                  /* their sum */
};

/* Lent for the call, under a lock: it must not come back to the table. false: no more. */
typedef bool
hsl_rate_fn(void *arg, const struct hsl_rate_window *w);
/* Gives each window that was used at [since] or later, as it is at [now]. */
void
hsl_rate_each(struct hsl_rate_table *t, double since, double now, hsl_rate_fn *fn, void *arg);
/* Puts a window back as hsl_rate_each() gave it, unless it is over at [now] or from a later time:
 * then false. */
bool
hsl_rate_restore(struct hsl_rate_table *t, const struct hsl_rate_window *w, double now);
/* It counts nothing any more at [now], or is from a later time. */
bool hsl_rate_is_over(const struct hsl_rate_window *w, double now);
/* Sets the windows of [space] (NULL: of all) and [entry] (NULL: of all) to no events. Their number.
 */
size_t
hsl_rate_reset(struct hsl_rate_table *t, const struct hsl_text *space, const struct hsl_text *entry,
    double now);

#endif
