/* mlt_run.h - runs a script for a connection, a recipient, or a message and one of its recipients,
 * and says what it wants; what no script decides is decided here by the configuration.
 *
 * For the thread that serves the connection. */
#ifndef MLT_RUN_H
#define MLT_RUN_H

#include "lib/ut_bug.h"
#include "milter/mlt_data.h"

/* One run. Lives on the stack of the functions below. */
struct mlt_run {
    struct mlt_conn *conn;
    struct mlt_rcpt *rcpt; /* NULL: access flow */
    enum hsl_flow flow;
    const struct mlt_script *script; /* NULL: none, the default action is taken */
    struct ut_arena *arena;          /* for what the run leaves */
    struct mlt_view view;            /* mail flow: the headers */
    struct mlt_action *actions;
    size_t action_count, action_cap;
    struct mlt_changes changes; /* with those of earlier runs */
    struct mlt_address sender;  /* as changed so far */
    struct mlt_address recipient;
};

/* What the access flow says about [c]; NULL without memory. */
struct mlt_action *mlt_run_access(struct mlt_conn *c) UT_CHECKED;
/* What the recipient flow says about [rcpt], whose changes it fills in; NULL without memory. */
struct mlt_action *mlt_run_rcpt(struct mlt_conn *c, struct mlt_rcpt *rcpt) UT_CHECKED;
/* Runs the mail flow for [rcpt] and fills in its actions; -1 without memory. */
int mlt_run_mail(struct mlt_conn *c, struct mlt_rcpt *rcpt) UT_CHECKED;

/* mlt_host.c: what the run's script can reach; the argument is the struct mlt_run. */
extern const struct hsl_host mlt_host;
/* Appends an action to the run, made of what it has changed so far. NULL without memory. */
struct mlt_action *mlt_host_action(
    struct mlt_run *run, enum hsl_action action, enum mlt_origin origin) UT_CHECKED;
/* Begins a record with the fields of the run. */
struct ut_log_rec *mlt_host_log(
    const struct mlt_run *run, int level, const struct hsl_place *place);

/* mlt_vars.c: hsl_host.var for [run]. */
bool mlt_vars_build(struct mlt_run *run, const char *name, struct hsl_build *b);

#endif
