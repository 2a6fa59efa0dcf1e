/* mlt_submit.h - submissions that outlive the process that asked for them.
 *
 * Copies and reports are handed to the re-injection listener by processes of their own, which also
 * write down in the journal that they were accepted. If the milter is killed meanwhile, they
 * finish, and the milter that starts next waits for them before it reads the journal: so there is
 * no moment at which it is not known whether a copy was sent. See mlt_submit.c. */
#ifndef MLT_SUBMIT_H
#define MLT_SUBMIT_H

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"
#include "lib/ut_smtp.h"

/* First argument of the helper: main() hands over to mlt_submit_main(). */
#define MLT_SUBMIT_ARGUMENT "--submit"

/* The milter's end of its helper. Any thread may send. */
struct mlt_submit;

/* Waits until no submission of an earlier process is under way, at most [seconds]; -1 with [d]
 * set. [directory] is where the lock is. */
int mlt_submit_wait(const char *directory, double seconds, struct ut_diag *d) UT_CHECKED;
/* Starts the helper. Temporary files and the lock are in [directory]. NULL with [d] set. */
struct mlt_submit *mlt_submit_open(const char *directory, struct ut_diag *d) UT_CHECKED;
/* Ends the helper; what is under way goes on without it. NULL is allowed. */
void mlt_submit_close(struct mlt_submit *s);
/* Submits [job] (with its [read]; as ut_smtp_send()) and, if it was accepted, appends [lines] to
 * the file [journal]. 0 if it was accepted, -1 with [d] set; [reply] is filled. Blocks. */
int mlt_submit_send(struct mlt_submit *s, const char *journal, const struct ut_smtp_job *job,
    const struct ut_sbuf *lines, struct ut_smtp_reply *reply, struct ut_diag *d) UT_CHECKED;
/* The helper: gives its exit status. */
int mlt_submit_main(void);

#endif
