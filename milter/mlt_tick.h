/* mlt_tick.h - tells the mail server that we are still working, while a message takes long.
 *
 * One thread for all messages: scripts block the thread that they run on. Any thread may add and
 * remove. */
#ifndef MLT_TICK_H
#define MLT_TICK_H

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "milter/mlt_ops.h"

#define MLT_TICK_SECONDS 30 /* library §17.1 */

struct mlt_tick;

/* A message at work. Lives where the caller puts it, from add to remove. */
struct mlt_tick_work {
    struct mlt_tick_work *next, *prev;
    const struct mlt_ops *ops; /* NULL: not added */
    void *ctx;
    double due; /* when progress is to be told next, of ut_time_mono() */
};

/* Starts the thread; NULL with [d] set. */
struct mlt_tick *mlt_tick_new(struct ut_diag *d) UT_CHECKED;
/* Ends the thread and frees [t]; NULL is allowed. No work may be left. */
void mlt_tick_free(struct mlt_tick *t);
/* From now on ops->progress(ctx) is called every MLT_TICK_SECONDS. */
void mlt_tick_add(
    struct mlt_tick *t, struct mlt_tick_work *w, const struct mlt_ops *ops, void *ctx);
/* When this returns, progress is not being called and will not be. Nothing happens if [w], which
 * was cleared once, is not added. */
void mlt_tick_remove(struct mlt_tick *t, struct mlt_tick_work *w);

#endif
