/* mlt_report.h - the non-delivery report to the sender of a message that was accepted for some
 * recipients and refused by a script for others. Source: RFC 3464, RFC 6522, RFC 3834. */
#ifndef MLT_REPORT_H
#define MLT_REPORT_H

#include "lib/ut_bug.h"
#include "lib/ut_sbuf.h"
#include "milter/mlt_data.h"

/* Appends a whole message about the [count] rejected recipients [rcpts] of the message of [c].
 * Check out->failed. Any thread that owns [c]. */
void mlt_report_write(
    const struct mlt_conn *c, struct mlt_rcpt *const *rcpts, size_t count, struct ut_sbuf *out);
/* True if the sender asked not to be told about [r] (RFC 3461, NOTIFY without FAILURE). */
bool mlt_report_unwanted(const struct mlt_rcpt *r);

#endif
