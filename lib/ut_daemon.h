/* ut_daemon.h - what every daemon does at its start and end.
 *
 * What calls these, in which order, is main() in ut_service.c.
 *
 * Signals stay unblocked in the main thread on purpose: the kernel gives a signal for the process
 * to the main thread if it can, so libmilter's own signal thread, which would take SIGHUP for a
 * stop, does not get it. Hence smfi_main() must not run in the main thread, which it would block. */
#ifndef UT_DAEMON_H
#define UT_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"

struct ut_daemon_args {
    char config[4096]; /* -c FILE, made absolute; else PENSTOCK_SYSCONFDIR/penstock.conf */
    bool foreground;   /* -f */
    bool verbose;      /* -v: log_level debug whatever the configuration says */
    bool version;      /* -V, --version: nothing but the version is wanted */
};

/* Reads the options that all daemons have. -1 with [d] set to the usage line of [program]. */
int ut_daemon_args(struct ut_daemon_args *a, const char *program, int argc, char **argv,
    struct ut_diag *d) UT_CHECKED;

/* One a process. The fields belong to ut_daemon.c. */
struct ut_daemon {
    int wake[2];        /* the self-pipe: read, write */
    int parent;         /* pipe to the waiting parent; -1: none */
    int pid_fd;         /* locked pid file; -1: none */
    char *pid_path;     /* its name */
    long long watchdog; /* microseconds between signs of life that systemd wants; 0: none */
};

/* Before any thread: installs the signal handlers, sets umask 0027, raises the limit of open files to what is
 * allowed. With [foreground] false it forks, and only the child returns, with its terminal left;
 * the parent waits for ut_daemon_ready() or ut_daemon_fail() and ends with 0 or 1. -1 with [d]
 * set if that could not be done. Standard error stays open until ready. */
int ut_daemon_start(struct ut_daemon *m, bool foreground, struct ut_diag *d) UT_CHECKED;
/* Tells why the start failed: on the standard error of the foreground process. */
void ut_daemon_fail(struct ut_daemon *m, const struct ut_diag *d);
/* Tells the parent and systemd that the daemon serves. */
void ut_daemon_ready(struct ut_daemon *m);
/* Waits in the main thread, which must not block the signals. SIGHUP: [reload] is called (systemd
 * sees RELOADING, then READY); SIGTERM, SIGINT or ut_daemon_stop(): returns, systemd sees STOPPING.
 * Answers the watchdog. */
void ut_daemon_loop(struct ut_daemon *m, void (*reload)(void *arg), void *arg);
/* Makes ut_daemon_loop() return. Any thread. */
void ut_daemon_stop(struct ut_daemon *m);
/* Removes the pid file and closes everything; start may have failed. */
void ut_daemon_end(struct ut_daemon *m);

/* Writes the pid to [path] and keeps the file locked; -1 with [d] set, also if another process
 * holds it: that is named. */
int ut_daemon_pidfile(struct ut_daemon *m, const char *path, struct ut_diag *d) UT_CHECKED;

struct ut_daemon_user {
    char name[64];
    uid_t uid;
    gid_t gid;
};

/* Looks up [user] and [group] (NULL or "": the user's own); -1 with [d] set. When the process is
 * not root no lookup is made: [u] is then the user and group that it has. */
int ut_daemon_user(struct ut_daemon_user *u, const char *user, const char *group,
    struct ut_diag *d) UT_CHECKED;
/* Makes the folder [path] if it is missing and gives that to [u]. */
int ut_daemon_dir(const char *path, mode_t mode, const struct ut_daemon_user *u,
    struct ut_diag *d) UT_CHECKED;
/* Makes the empty file [path] if it is missing and gives that to [u]. */
int ut_daemon_file(const char *path, mode_t mode, const struct ut_daemon_user *u,
    struct ut_diag *d) UT_CHECKED;
/* Becomes [u] for good, with its supplementary groups; nothing when not root. */
int ut_daemon_become(const struct ut_daemon_user *u, struct ut_diag *d) UT_CHECKED;

#endif
