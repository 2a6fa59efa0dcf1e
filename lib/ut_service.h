/* ut_service.h - main() of a daemon, but for what is particular to it.
 *
 * ut_service_main() goes through this, the functions of struct ut_service_ops at their places:
 *     options, configuration (load_saved), check        on the user's terminal
 *     background unless -f, log, folders, pid file, open, user of the configuration
 *     start, control socket, ready
 *     signals: reload on SIGHUP, as on the request `reload`, until SIGTERM or SIGINT
 *     control socket closed, stop, pid file removed
 * Exit status: 0 after a stop by signal, 64 for a wrong command line, 78 for a configuration that
 * cannot be used, else 1. */
#ifndef UT_SERVICE_H
#define UT_SERVICE_H

#include <pthread.h>
#include <stdbool.h>

#include "lib/ut_bug.h"
#include "lib/ut_conf.h"
#include "lib/ut_ctl.h"
#include "lib/ut_daemon.h"
#include "lib/ut_diag.h"

struct ut_service;

/* Functions give 0, or -1 with [d] set; each but reload may be NULL. */
struct ut_service_ops {
    const char *program; /* "penstock-policyd": in messages and the log */
    const char *name;    /* "policyd": its files in run_directory are NAME.pid and NAME.ctl */
    mode_t control_mode; /* permissions of the control socket */
    /* Requests but `reload`; gets s->control_arg, which start sets. */
    ut_ctl_handler *control;

    /* What to start with if the configuration [path] does not load. */
    struct ut_conf *(*load_saved)(const char *path);
    /* What the daemon needs of s->conf. */
    int (*check)(struct ut_service *s, struct ut_diag *d);
    /* What may need to be root; s->user is who the daemon becomes next. */
    int (*open)(struct ut_service *s, struct ut_diag *d);
    /* All else that makes it serve; threads may begin here. */
    int (*start)(struct ut_service *s, struct ut_diag *d);
    /* Loads the configuration anew, and logs how that went; -1: the one before is in force. Any
     * thread, one at a time. */
    int (*reload)(struct ut_service *s, struct ut_diag *d);
    /* Ends what open and start began; they may have failed halfway, or not been called. */
    void (*stop)(struct ut_service *s);
};

/* One a process, the first member of the daemon's own struct, zeroed. */
struct ut_service {
    const struct ut_service_ops *ops;
    struct ut_daemon_args args;
    struct ut_daemon daemon;
    struct ut_daemon_user user;
    struct ut_conf *conf; /* of the start, later that of the last ut_service_reload() */
    struct ut_ctl_server *control;
    void *control_arg;         /* borrowed until stop */
    pthread_mutex_t reloading; /* held while one reloads */
    bool failed;               /* for the daemon: its stop was not asked for, the status is 1 */
};

/* main() of the daemon. */
int
ut_service_main(struct ut_service *s, const struct ut_service_ops *ops, int argc, char **argv);

/* What a daemon does with [conf] when it is loaded anew. 0, or -1 with [d] set; a reference that
 * is kept is its own. */
typedef int
ut_service_take_fn(struct ut_service *s, struct ut_conf *conf, struct ut_diag *d);

/* For ops->reload: loads the configuration, gives it to [take] (NULL: nothing to do) and opens the
 * log again, with its parameters or, if it was not loaded, those before. Logs how it went. -1 with
 * [d] set. */
int
ut_service_reload(struct ut_service *s, ut_service_take_fn *take, struct ut_diag *d) UT_CHECKED;
/* For ops->open: makes the folders of quarantines that the configuration puts elsewhere than below
 * state_directory, since the user that the daemon becomes may not write there. */
int
ut_service_quarantine_dirs(struct ut_service *s, struct ut_diag *d) UT_CHECKED;
/* Opens the log again as [conf] says; it may have been rotated. Failure is logged. Any thread. */
void
ut_service_renew_log(const struct ut_service *s, const struct ut_conf *conf);

#endif
