/* pol_keep.h - shared state in a Berkeley DB file, so that it outlives the daemon. */
#ifndef POL_KEEP_H
#define POL_KEEP_H

#include "hsl/hsl_share.h"
#include "lib/ut_bug.h"
#include "lib/ut_diag.h"

#define POL_KEEP_EVERY 0.5 /* seconds between two writes: what a crash forgets at most */

struct pol_keep;

/* Opens the file in the folder [dir] (made if missing), puts what it holds into [share] (lent until
 * close, made with `kept`) and starts the thread that writes. Files that are damaged are set aside
 * in [dir]/damaged-N, and it begins anew: *damaged says so, its text why. NULL with [d] set. */
struct pol_keep *
pol_keep_open(const char *dir, struct hsl_share *share, struct ut_diag *damaged,
    struct ut_diag *d) UT_CHECKED;
/* Writes for the last time, stops the thread, closes the file; NULL is allowed. */
void
pol_keep_close(struct pol_keep *k);

struct pol_keep_status {
    unsigned long records; /* written since the start */
    double written;        /* when all was last in the file, wall time */
    char trouble[256];     /* why it cannot be written now; "" if it can */
};
void
pol_keep_status(struct pol_keep *k, struct pol_keep_status *out);

#endif
