/* mlt_submit_internal.h - what both ends of the helper know: mlt_submit.c and mlt_helper.c. */
#ifndef MLT_SUBMIT_INTERNAL_H
#define MLT_SUBMIT_INTERNAL_H

#include "lib/ut_attr.h"

/* Files of the helper. */
enum { FD_SOCKET = 3, FD_LOCK = 4, FD_FIRST_OTHER = 5 };

/* Files of one submission, in the order in which they are sent. */
enum { PASS_MESSAGE, PASS_JOB, PASS_RESULT, PASS_COUNT };

/* Of jobs and results: a job has a recipient a line, and the lines for the journal. */
extern const struct ut_attr_limits mlt_submit_limits;

#endif
