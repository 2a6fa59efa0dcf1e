/* mlt_submit.h - a submission that outlives the process that asked for it.
 *
 * Copies and reports are handed to the re-injection listener by a process of their own, which also
 * writes down in the journal that they were accepted. If the milter is killed meanwhile, that
 * process finishes, and the milter that starts next waits for it before it reads the journal: so
 * there is no moment at which it is not known whether a copy was sent. See mlt_submit.c. */
#ifndef MLT_SUBMIT_H
#define MLT_SUBMIT_H

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"
#include "lib/ut_smtp.h"

/* Where things are; all borrowed. */
struct mlt_submit_place {
    const char *directory; /* for temporary files, and the lock */
    const char *journal;   /* the journal's file */
};

/* First argument of the process: main() hands over to mlt_submit_main(). */
#define MLT_SUBMIT_ARGUMENT "--submit"

/* Submits [job] (with its [read]; as ut_smtp_send()) and, if it was accepted, appends [lines] to the
 * journal. 0 if it was accepted, -1 with [d] set and [reply] filled. Any thread; blocks. */
int mlt_submit_send(const struct mlt_submit_place *place, const struct ut_smtp_job *job,
    const struct ut_sbuf *lines, struct ut_smtp_reply *reply, struct ut_diag *d) UT_CHECKED;
/* Waits until no submission of an earlier process is under way, at most [seconds]; -1 with [d]
 * set. */
int mlt_submit_wait(const char *directory, double seconds, struct ut_diag *d) UT_CHECKED;
/* The process that submits: gives its exit status. */
int mlt_submit_main(void);

#endif
