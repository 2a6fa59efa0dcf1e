/* mlt_burst.h - the edits of a message that is accepted, sent to the mail server in one go. For the
 * thread that serves the connection. */
#ifndef MLT_BURST_H
#define MLT_BURST_H

#include "lib/ut_bug.h"
#include "milter/mlt_data.h"
#include "milter/mlt_verdict.h"

/* Makes the message of [c] what the group [g] shall get, and sends it to these recipients only: the
 * sender that was set, headers, recipients. -1 if the mail server did not take one of the edits, or
 * memory is out: then the message must not be accepted. */
int
mlt_burst_send(struct mlt_conn *c, const struct mlt_group *g) UT_CHECKED;

#endif
