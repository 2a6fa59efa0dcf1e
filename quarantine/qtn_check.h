/* qtn_check.h - compare files and index. */
#ifndef QTN_CHECK_H
#define QTN_CHECK_H

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "quarantine/qtn_keeper.h"

enum qtn_finding {
    QTN_PROBLEM, /* something is wrong */
    QTN_NOTE,    /* worth knowing, not wrong */
    QTN_PROGRESS /* told every few seconds, so that a client keeps waiting; the text says how far */
};

/* Takes one finding, lent for the call; anything but 0 ends the check. */
typedef int qtn_finding_fn(void *arg, enum qtn_finding kind, const char *text);

/* Verifies that every record has its file, complete and undamaged, and every file its record; what
 * has just arrived is taken in first. Runs beside all else, so what changes meanwhile is looked at
 * twice before it is reported. [*files] gets how many files were verified. 0 if it ran to its end,
 * whatever it found; -1 with [d], not NULL, set. Any thread, without having entered. */
int qtn_check(struct qtn_keeper *k, qtn_finding_fn *fn, void *arg, unsigned long *files,
    struct ut_diag *d) UT_CHECKED;

#endif
