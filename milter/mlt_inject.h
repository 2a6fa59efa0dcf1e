/* mlt_inject.h - messages of our own through the re-injection listener: copies and reports.
 *
 * Sent before the answer to the mail server. Blocks up to reinject_timeout. For the thread that
 * serves the connection. */
#ifndef MLT_INJECT_H
#define MLT_INJECT_H

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"
#include "milter/mlt_data.h"
#include "milter/mlt_verdict.h"

#define MLT_TRANSPORT_HEADER UT_CONF_TRANSPORT_HEADER
#define MLT_INJECT_RCPTS 500 /* most recipients of one submission: below Postfix's limit of 1000   \
                              */

/* Submits the message of [c] with the edits of [g] to the targets [first] up to [end] of it, and
 * notes that in [claim]. -1 with [d] set: nobody has got it as far as can be known. */
int mlt_inject_copy(struct mlt_conn *c, struct mlt_claim *claim, const struct mlt_group *g,
    size_t first, size_t end, struct ut_diag *d) UT_CHECKED;
/* Submits a report about the [count] rejected recipients [rcpts] to the sender, and notes that in
 * [claim]; -1 with [d] set. */
int mlt_inject_report(struct mlt_conn *c, struct mlt_claim *claim, struct mlt_rcpt *const *rcpts,
    size_t count, struct ut_diag *d) UT_CHECKED;

#endif
