/* qtn_id.h - names of quarantined messages: 26 characters that sort by time and are unique over
 * threads, processes and hosts.
 *
 * 48 bits of time (milliseconds since 1970), 10 bits of microseconds and 70 random bits in
 * Crockford's base 32 (digits and capital letters without I L O U). So it can be read as a ULID.
 * Safe in file names and SMTP. Any thread. */
#ifndef QTN_ID_H
#define QTN_ID_H

#include <stdbool.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"

#define QTN_ID_LEN 26 /* characters of an id */

/* Makes a new one with its NUL; -1 with [d] set if the system has no random bytes. */
int qtn_id_new(char out[QTN_ID_LEN + 1], struct ut_diag *d) UT_CHECKED;
/* The smallest id of the time [ms] (milliseconds since 1970; below 0 as 0, beyond 48 bits as the
 * last): for ranges. */
void qtn_id_floor(char out[QTN_ID_LEN + 1], long long ms);
/* True if [id] (NULL: no) is written as one: to be asked before it becomes part of a path. */
bool qtn_id_valid(const char *id);
/* Milliseconds since 1970 at which [id] was made; -1 if it is not valid. */
long long qtn_id_time(const char *id);

#endif
