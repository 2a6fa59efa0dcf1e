/* mlt_hold.h - the quarantines of one configuration, and whether they can keep mail now.
 *
 * A quarantine that could not keep a message is marked; until a probe says that it works again, new
 * recipients are told so at RCPT TO, before they send a message that could not be kept (design §4).
 * Any thread. */
#ifndef MLT_HOLD_H
#define MLT_HOLD_H

#include <stdbool.h>

#include "lib/ut_bug.h"
#include "lib/ut_conf.h"
#include "lib/ut_diag.h"
#include "quarantine/qtn_store.h"

struct mlt_hold_set;

/* Opens each quarantine of [conf] (borrowed until free). One that cannot be opened now is tried
 * again when it is needed. NULL without memory. */
struct mlt_hold_set *mlt_hold_set_new(const struct ut_conf *conf) UT_CHECKED;
void mlt_hold_set_free(struct mlt_hold_set *h); /* NULL is allowed */

/* The store of quarantine [id] ("mailquarantine:1"), lent as long as [h], into [*out]; QTN_FULL
 * or QTN_ERROR with [d] set if it cannot be opened. */
enum qtn_result mlt_hold_store(
    struct mlt_hold_set *h, const char *id, struct qtn_store **out, struct ut_diag *d) UT_CHECKED;
/* Marks quarantine [id] as one that could not keep a message; why was logged by the caller. */
void mlt_hold_failed(struct mlt_hold_set *h, const char *id);
/* False if one of them cannot keep messages now. A marked one is probed, at most once a second. */
bool mlt_hold_works(struct mlt_hold_set *h);
/* Withdraws the message [id] from whichever quarantine has it; QTN_GONE: none has. */
enum qtn_result mlt_hold_withdraw(
    struct mlt_hold_set *h, const char *id, struct ut_diag *d) UT_CHECKED;
/* As qtn_store_exists() over all of them. */
enum qtn_result mlt_hold_exists(
    struct mlt_hold_set *h, const char *id, struct ut_diag *d) UT_CHECKED;

#endif
