/* mlt_apply.h - carries out a plan: what is held, copied and reported first, then the edits in one
 * burst. For the thread that serves the connection. */
#ifndef MLT_APPLY_H
#define MLT_APPLY_H

#include "milter/mlt_data.h"
#include "milter/mlt_verdict.h"

/* Does what [plan] says about the message of [c] and gives the answer, with the reply set. When
 * something fails, what was done is undone as far as it can be, and the message is deferred. */
enum mlt_answer mlt_apply_plan(struct mlt_conn *c, struct mlt_plan *plan);
/* Defers the message of [c] with 451, or what [code], [status] and [text] say; sets outcomes. */
enum mlt_answer mlt_apply_refuse(
    struct mlt_conn *c, unsigned code, const char *status, const char *text);

#endif
