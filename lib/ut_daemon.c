/* ut_daemon.c - start and end of a daemon: background, pid file, user, signals, systemd.
 * Not here: what a particular daemon does; its log (ut_log.c).
 * Threads: everything in the main thread but ut_daemon_stop().
 * Fails: -1 with a diagnostic; nothing exits but the parent of a daemon that went to the
 * background, which has no other job left.
 *
 * Signals write to a pipe that ut_daemon_loop() waits on. A handler gets no argument, so what it
 * needs is static: one process is one daemon. */
#include "config.h"

#include "lib/ut_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "lib/ut_file.h"
#include "lib/ut_sbuf.h"
#include "lib/ut_time.h"

#define DAEMON_READY 'R'

static atomic_int daemon_wake = -1; /* where handlers write */
static atomic_bool daemon_stop;
static atomic_bool daemon_reload;

int
ut_daemon_args(struct ut_daemon_args *a, const char *program, int argc, char **argv,
    struct ut_diag *d)
{
    static const struct option longs[] = {{.name = "version", .val = 'V'}, {.name = NULL}};
    const char *config = PENSTOCK_SYSCONFDIR "/penstock.conf";
    char *real;
    int c;

    memset(a, 0, sizeof(*a));
    opterr = 0;
    while ((c = getopt_long(argc, argv, "+c:fvV", longs, NULL)) != -1) {
        if (c == 'c')
            config = optarg;
        else if (c == 'f')
            a->foreground = true;
        else if (c == 'v')
            a->verbose = true;
        else if (c == 'V')
            a->version = true;
        else
            return ut_diag_set(d, "usage: %s [-fVv] [-c FILE]", program);
    }
    if (optind < argc)
        return ut_diag_set(d, "usage: %s [-fVv] [-c FILE]", program);
    /* In the background the working directory is "/". A name that does not resolve stays as it
     * is: reading it will tell why. */
    real = realpath(config, NULL);
    if (strlen(real ? real : config) >= sizeof(a->config)) {
        free(real);
        return ut_diag_set(d, "-c: the file name is too long");
    }
    memcpy(a->config, real ? real : config, strlen(real ? real : config) + 1);
    free(real);
    return 0;
}

static void
daemon_poke(void)
{
    int saved = errno, fd = atomic_load(&daemon_wake);

    /* A full pipe will wake the loop as well. */
    if (fd >= 0 && write(fd, "", 1) < 0)
        errno = saved;
    errno = saved;
}

static void
daemon_on_signal(int sig)
{
    if (sig == SIGHUP)
        atomic_store(&daemon_reload, true);
    else
        atomic_store(&daemon_stop, true);
    daemon_poke();
}

static int
daemon_signals(struct ut_diag *d)
{
    struct sigaction act = {.sa_handler = daemon_on_signal, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t open;

    sigemptyset(&act.sa_mask);
    sigemptyset(&ignore.sa_mask);
    sigemptyset(&open);
    sigaddset(&open, SIGHUP);
    sigaddset(&open, SIGTERM);
    sigaddset(&open, SIGINT);
    if (sigaction(SIGHUP, &act, NULL) != 0 || sigaction(SIGTERM, &act, NULL) != 0 ||
        sigaction(SIGINT, &act, NULL) != 0 || sigaction(SIGPIPE, &ignore, NULL) != 0 ||
        pthread_sigmask(SIG_UNBLOCK, &open, NULL) != 0)
        return ut_diag_errno(d, "cannot handle signals");
    return 0;
}

static void
daemon_raise_files(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &r);
    }
}

/* The parent: waits for the child's word and ends. */
static _Noreturn void
daemon_parent(int fd)
{
    char buf[1024];
    ssize_t n;
    bool any = false;

    while ((n = read(fd, buf, sizeof(buf))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        if (!any && buf[0] == DAEMON_READY)
            _exit(0);
        any = true;
        if (ut_file_write_all(STDERR_FILENO, buf, (size_t)n) != 0)
            break;
    }
    if (!any)
        fprintf(stderr, "the daemon ended before it was ready\n");
    _exit(1);
}

static int
daemon_background(struct ut_daemon *m, struct ut_diag *d)
{
    int fd[2];
    pid_t pid;

    if (pipe2(fd, O_CLOEXEC) != 0)
        return ut_diag_errno(d, "cannot go to the background");
    pid = fork();
    if (pid < 0) {
        ut_diag_errno(d, "cannot go to the background");
        close(fd[0]);
        close(fd[1]);
        return -1;
    }
    if (pid > 0) {
        close(fd[1]);
        daemon_parent(fd[0]);
    }
    close(fd[0]);
    m->parent = fd[1];
    if (setsid() < 0 || chdir("/") != 0)
        return ut_diag_errno(d, "cannot go to the background");
    return 0;
}

static long long
daemon_watchdog(void)
{
#ifdef HAVE_SYSTEMD
    uint64_t usec = 0;

    if (sd_watchdog_enabled(0, &usec) > 0)
        return (long long)usec;
#endif
    return 0;
}

static void
daemon_notify(const char *state)
{
#ifdef HAVE_SYSTEMD
    (void)sd_notify(0, state);
#else
    (void)state;
#endif
}

int
ut_daemon_start(struct ut_daemon *m, bool foreground, struct ut_diag *d)
{
    *m = (struct ut_daemon){.wake = {-1, -1}, .parent = -1, .pid_fd = -1};
    atomic_store(&daemon_stop, false);
    atomic_store(&daemon_reload, false);
    umask(0027);
    daemon_raise_files();
    if (!foreground && daemon_background(m, d) != 0)
        return -1;
    if (pipe2(m->wake, O_CLOEXEC | O_NONBLOCK) != 0)
        return ut_diag_errno(d, "cannot make a pipe");
    atomic_store(&daemon_wake, m->wake[1]);
    m->watchdog = daemon_watchdog();
    return daemon_signals(d);
}

void
ut_daemon_fail(struct ut_daemon *m, const struct ut_diag *d)
{
    struct ut_sbuf b;
    int fd = m->parent >= 0 ? m->parent : STDERR_FILENO;

    ut_sbuf_init(&b, 4096);
    ut_diag_to_text(d, &b);
    ut_sbuf_addc(&b, '\n');
    if (ut_file_write_all(fd, ut_sbuf_text(&b), b.len) != 0)
        daemon_notify("STATUS=the start failed, and so did telling why");
    ut_sbuf_fini(&b);
}

void
ut_daemon_ready(struct ut_daemon *m)
{
    int null;

    daemon_notify("READY=1");
    if (m->parent < 0)
        return;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        (void)dup2(null, STDIN_FILENO);
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
        if (null > STDERR_FILENO)
            close(null);
    }
    /* If the parent was killed nobody waits for this; SIGPIPE is ignored. */
    if (write(m->parent, &(char){DAEMON_READY}, 1) < 0)
        daemon_notify("STATUS=nobody waited for the start");
    close(m->parent);
    m->parent = -1;
}

static void
daemon_do_reload(void (*reload)(void *arg), void *arg)
{
    char state[64];

    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
        (long long)(ut_time_mono() * 1e6));
    daemon_notify(state);
    if (reload)
        reload(arg);
    daemon_notify("READY=1");
}

void
ut_daemon_loop(struct ut_daemon *m, void (*reload)(void *arg), void *arg)
{
    int wait = m->watchdog > 0 ? (int)(m->watchdog / 2000 < 3600000 ? m->watchdog / 2000 : 3600000)
                               : -1;
    struct pollfd pfd = {.fd = m->wake[0], .events = POLLIN};
    char drain[64];

    while (!atomic_load(&daemon_stop)) {
        if (atomic_exchange(&daemon_reload, false))
            daemon_do_reload(reload, arg);
        if (m->watchdog > 0)
            daemon_notify("WATCHDOG=1");
        if (atomic_load(&daemon_stop) || atomic_load(&daemon_reload))
            continue;
        if (poll(&pfd, 1, wait) > 0)
            while (read(m->wake[0], drain, sizeof(drain)) > 0)
                ;
    }
    daemon_notify("STOPPING=1");
}

void
ut_daemon_stop(struct ut_daemon *m)
{
    (void)m;
    atomic_store(&daemon_stop, true);
    daemon_poke();
}

void
ut_daemon_end(struct ut_daemon *m)
{
    atomic_store(&daemon_wake, -1);
    if (m->pid_fd >= 0) {
        unlink(m->pid_path);
        close(m->pid_fd);
    }
    free(m->pid_path);
    for (int i = 0; i < 2; i++)
        if (m->wake[i] >= 0)
            close(m->wake[i]);
    if (m->parent >= 0)
        close(m->parent);
    *m = (struct ut_daemon){.wake = {-1, -1}, .parent = -1, .pid_fd = -1};
}

/* Opens and locks [path]; -1 with [d] set. */
static int
daemon_lock(const char *path, struct ut_diag *d)
{
    struct ut_sbuf pid;
    struct stat opened, named;
    int fd;

    for (;;) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
        if (fd < 0)
            return ut_diag_errno(d, "pid file %s", path);
        if (flock(fd, LOCK_EX | LOCK_NB) != 0)
            break;
        /* Whoever held the lock may have removed the file meanwhile. */
        if (fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino &&
            opened.st_dev == named.st_dev)
            return fd;
        close(fd);
    }
    if (errno != EWOULDBLOCK) {
        ut_diag_errno(d, "pid file %s", path);
    } else {
        ut_sbuf_init(&pid, 16);
        if (ut_file_read(path, 16, &pid, NULL) != 0)
            ut_sbuf_addz(&pid, "unknown");
        ut_sbuf_truncate(&pid, strcspn(ut_sbuf_text(&pid), "\n"));
        ut_diag_set(d, "it runs already: process %s holds %s", ut_sbuf_text(&pid), path);
        ut_sbuf_fini(&pid);
    }
    close(fd);
    return -1;
}

int
ut_daemon_pidfile(struct ut_daemon *m, const char *path, struct ut_diag *d)
{
    char text[32];
    int fd, n;

    m->pid_path = strdup(path);
    if (!m->pid_path)
        return ut_diag_errno(d, "pid file %s", path);
    fd = daemon_lock(path, d);
    if (fd < 0)
        return -1;
    m->pid_fd = fd;
    n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || ut_file_write_all(fd, text, (size_t)n) != 0)
        return ut_diag_errno(d, "pid file %s", path);
    return 0;
}

/* The id of [group] into [gid]. */
static int
daemon_group(const char *group, gid_t *gid, struct ut_diag *d)
{
    struct group gr, *found = NULL;
    char buf[16384];

    errno = getgrnam_r(group, &gr, buf, sizeof(buf), &found);
    if (!found)
        return errno ? ut_diag_errno(d, "group %s", group)
                     : ut_diag_set(d, "there is no group %s", group);
    *gid = gr.gr_gid;
    return 0;
}

int
ut_daemon_user(struct ut_daemon_user *u, const char *user, const char *group, struct ut_diag *d)
{
    struct passwd pw, *found = NULL;
    char buf[16384];

    memset(u, 0, sizeof(*u));
    u->uid = geteuid();
    u->gid = getegid();
    if (u->uid != 0)
        return 0;
    errno = getpwnam_r(user, &pw, buf, sizeof(buf), &found);
    if (!found)
        return errno ? ut_diag_errno(d, "user %s", user)
                     : ut_diag_set(d, "there is no user %s; make it or set the parameter user",
                           user);
    if (strlen(user) >= sizeof(u->name))
        return ut_diag_set(d, "user %s: the name is too long", user);
    memcpy(u->name, user, strlen(user) + 1);
    u->uid = pw.pw_uid;
    u->gid = pw.pw_gid;
    return group && *group ? daemon_group(group, &u->gid, d) : 0;
}

int
ut_daemon_dir(const char *path, mode_t mode, const struct ut_daemon_user *u, struct ut_diag *d)
{
    struct stat st;

    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode) ? 0 : ut_diag_set(d, "%s: not a folder", path);
    if (errno != ENOENT)
        return ut_diag_errno(d, "folder %s", path);
    if (ut_file_mkdirs(path, 0755, d) != 0)
        return -1;
    if (chmod(path, mode) != 0 || (geteuid() == 0 && chown(path, u->uid, u->gid) != 0))
        return ut_diag_errno(d, "folder %s", path);
    return 0;
}

int
ut_daemon_file(const char *path, mode_t mode, const struct ut_daemon_user *u, struct ut_diag *d)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    int result = 0;

    if (fd < 0)
        return errno == EEXIST ? 0 : ut_diag_errno(d, "file %s", path);
    if (geteuid() == 0 && fchown(fd, u->uid, u->gid) != 0)
        result = ut_diag_errno(d, "file %s", path);
    close(fd);
    return result;
}

int
ut_daemon_become(const struct ut_daemon_user *u, struct ut_diag *d)
{
    if (geteuid() != 0)
        return 0;
    if (initgroups(u->name, u->gid) != 0 || setgid(u->gid) != 0 || setuid(u->uid) != 0)
        return ut_diag_errno(d, "cannot become user %s", u->name);
    if (u->uid != 0 && (setuid(0) == 0 || geteuid() == 0))
        return ut_diag_set(d, "user %s could become root again", u->name);
    return 0;
}
