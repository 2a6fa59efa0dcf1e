/* mlt_log.h - records about connections and messages: the fields that all of them share, and one
 * summary line for each recipient. Any thread. */
#ifndef MLT_LOG_H
#define MLT_LOG_H

#include "lib/ut_log.h"
#include "milter/mlt_data.h"

/* Begins a record with the fields of [c] (session, client) and, if a message is under way, of that
 * (message, sender, queue). To be ended by ut_log_end(). NULL: not wanted. */
struct ut_log_rec *mlt_log_begin(enum ut_log_level level, const struct mlt_conn *c);
/* One such record with the text "[what]: text of d". */
void mlt_log_trouble(
    enum ut_log_level level, const struct mlt_conn *c, const char *what, const struct ut_diag *d);
/* The summary of a decision about a connection ([rcpt] NULL) or a recipient. [flow] is the flow
 * that decided, [outcome] what became of it. [answer] NULL: none of our own. */
void mlt_log_summary(const struct mlt_conn *c, const struct mlt_rcpt *rcpt,
    const struct mlt_action *a, enum hsl_flow flow, const char *outcome,
    const struct mlt_reply *answer);

#endif
