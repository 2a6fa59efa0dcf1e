/* mlt_server.h - what all connections share: the revision in force, the journal, counts.
 *
 * One a process. Threads: any, all the time. */
#ifndef MLT_SERVER_H
#define MLT_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_bug.h"
#include "lib/ut_ctl.h"
#include "lib/ut_diag.h"
#include "milter/mlt_flows.h"
#include "milter/mlt_journal.h"
#include "milter/mlt_tick.h"

struct mlt_server;

/* What is done with a message that was composed here; see mlt_inject.h. The tests put their own
 * in the place of SMTP. */
struct ut_smtp_job;
struct ut_smtp_reply;
typedef int
mlt_submit_fn(
    void *arg, const struct ut_smtp_job *job, struct ut_smtp_reply *reply, struct ut_diag *d);

struct mlt_server_opts {
    const char *config;    /* the configuration file; borrowed as long as the server */
    mlt_submit_fn *submit; /* NULL: mlt_submit_send() */
    void *submit_arg;
    bool no_revisions; /* neither save nor load revisions (tests) */
};

/* Loads [config]; if it does not load, the saved revision, loudly; if there is none, but the
 * configuration itself is good, a revision that answers 451 to all. Opens the journal. NULL with
 * [d] set if even that is not possible; mistakes have been logged. */
struct mlt_server *
mlt_server_new(const struct mlt_server_opts *opts, struct ut_diag *d) UT_CHECKED;
/* All connections must be gone. NULL is allowed. */
void
mlt_server_free(struct mlt_server *s);

/* Loads the configuration anew; one at a time. -1 with [d] set: it has mistakes, which were logged, and what was
 * in force stays. */
int
mlt_server_reload(struct mlt_server *s, struct ut_diag *d) UT_CHECKED;
/* The revision in force, with a reference for the caller. */
struct mlt_flows *
mlt_server_flows(struct mlt_server *s) UT_CHECKED;
struct mlt_journal *
mlt_server_journal(struct mlt_server *s);
struct mlt_tick *
mlt_server_tick(struct mlt_server *s);
/* Hands a composed message to the re-injection listener; [lines] go into the journal when it has
 * been accepted; as mlt_submit_send(). */
int
mlt_server_submit(struct mlt_server *s, const struct ut_smtp_job *job, const struct ut_sbuf *lines,
    struct ut_smtp_reply *reply, struct ut_diag *d) UT_CHECKED;

/* Counts a connection; false: there are more than [max], and it must be refused. To be ended by
 * mlt_server_leave() in either case. */
bool
mlt_server_enter(struct mlt_server *s, long max);
void
mlt_server_leave(struct mlt_server *s);
/* A message is being decided on, from begin to end: a stop waits for these. */
void
mlt_server_begin(struct mlt_server *s);
void
mlt_server_end(struct mlt_server *s);
/* Waits until no message is being decided on, at most [seconds]. */
void
mlt_server_drain(struct mlt_server *s, double seconds);

/* The control socket's request status. [arg] is the server. */
ut_ctl_handler mlt_server_control;

#endif
