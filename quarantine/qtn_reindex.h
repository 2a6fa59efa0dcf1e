/* qtn_reindex.h - build the index again from the files and the audit log. */
#ifndef QTN_REINDEX_H
#define QTN_REINDEX_H

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "quarantine/qtn_check.h"
#include "quarantine/qtn_keeper.h"

/* Builds a new index aside and puts it in the place of the old one, whatever state that is in.
 * While it runs, requests are refused and releases that are under way are waited for; storing goes
 * on. [fn] (may be NULL) is told what did not fit; the log is in any case. [*records] gets how many
 * the new index has. On failure the old index stays if it was good. Any thread, without having
 * entered. */
int qtn_reindex(struct qtn_keeper *k, qtn_finding_fn *fn, void *arg, unsigned long *records,
    struct ut_diag *d) UT_CHECKED;

#endif
