/* ctl_log_query.h - which lines of a log are wanted, found fast in a block of them.
 * Not thread-safe: a query keeps the state of its last match. */
#ifndef CTL_LOG_QUERY_H
#define CTL_LOG_QUERY_H

#include <stddef.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"

struct ctl_log_query;

/* What [text] asks for:
 *   NULL        every line
 *   /REGEXP/    lines that match, as they stand in the file; behind the last slash any of
 *               i m s x u U, as in HSL (pcre2pattern(3))
 *   WORD        records with a field whose value is exactly WORD: a message id, a queue id, an
 *               address ...
 *   WORD:WORD   records with a field of each value: messageid:queueid; or with one of both
 * NULL with [d] set if the pattern is wrong, or memory out. [text] is not kept. */
struct ctl_log_query *ctl_log_query_new(const char *text, struct ut_diag *d) UT_CHECKED;
void ctl_log_query_free(struct ctl_log_query *q); /* NULL is allowed */

/* The first wanted line of the [len] bytes at [p], which are whole lines (the last one may lack
 * its LF): its start, its bytes without LF in [*line]; NULL if there is none, or if matching
 * failed, and then [d] has text, else not. */
const char *ctl_log_query_next(struct ctl_log_query *q, const char *p, size_t len, size_t *line,
    struct ut_diag *d) UT_CHECKED;

#endif
