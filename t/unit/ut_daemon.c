/* ut_daemon.c - start and end of a daemon: options, background, signals, pid file, user. The
 * daemons are children of this test, one for each case. */
#include "config.h"

#include "lib/ut_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ut_file.h"
#include "lib/ut_num.h"
#include "lib/ut_sbuf.h"
#include "t/unit/tap.h"

static char dir[] = "/tmp/ut_daemon.XXXXXX";
static char pid_path[64], log_path[64];

static const struct {
    const char *name, *argv[6];
    int want;
    const char *config;
    bool foreground, verbose;
} options[] = {
    {"none", {"d"}, 0, PENSTOCK_SYSCONFDIR "/penstock.conf", false, false},
    {"all", {"d", "-fv", "-c", "/x.conf"}, 0, "/x.conf", true, true},
    {"attached", {"d", "-c/x.conf"}, 0, "/x.conf", false, false},
    {"unknown", {"d", "-x"}, -1, NULL, false, false},
    {"no argument", {"d", "-c"}, -1, NULL, false, false},
    {"an operand", {"d", "-f", "more"}, -1, NULL, false, false},
};

static void
test_args(void)
{
    struct ut_daemon_args a;
    struct ut_diag d;

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        char *argv[7] = {NULL}, copies[6][64];
        int argc = 0;

        for (; argc < 6 && options[i].argv[argc]; argc++) {
            snprintf(copies[argc], sizeof(copies[0]), "%s", options[i].argv[argc]);
            argv[argc] = copies[argc];
        }
        optind = 0;
        int r = ut_daemon_args(&a, "penstock-x", argc, argv, &d);

        tap_num(r, options[i].want, options[i].name);
        if (r == 0)
            tap_ok(strcmp(a.config, options[i].config) == 0 &&
                       a.foreground == options[i].foreground && a.verbose == options[i].verbose,
                "  %s", a.config);
        else
            tap_str(d.text, "usage: penstock-x [-fVv] [-c FILE]", "  usage");
    }
}

/* Appends to the log that the test reads. */
static void
note(const char *text)
{
    int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT, 0666);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        _exit(99);
    close(fd);
}

static void
on_reload(void *arg)
{
    note(arg);
}

static void *
stop_later(void *arg)
{
    usleep(200000);
    ut_daemon_stop(arg);
    return NULL;
}

enum kind { SERVES, FAILS, DIES, STOPS_ITSELF };

/* The main() of a daemon. */
static int
daemon_main(enum kind kind, bool foreground)
{
    struct ut_daemon_user u;
    struct ut_daemon m;
    struct ut_diag d;
    struct rlimit r;
    pthread_t t;

    if (ut_daemon_start(&m, foreground, &d) != 0 || kind == DIES)
        return 3;
    if (kind == FAILS)
        ut_diag_at(&d, "x.conf", 3, 1, "it went wrong");
    if (kind == FAILS || ut_daemon_pidfile(&m, pid_path, &d) != 0 ||
        ut_daemon_user(&u, "nobody", NULL, &d) != 0 || ut_daemon_become(&u, &d) != 0) {
        ut_daemon_fail(&m, &d);
        ut_daemon_end(&m);
        return 1;
    }
    note(umask(0) == 0027 ? "umask " : "");
    note(getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur == r.rlim_max ? "files " : "");
    if (kind == STOPS_ITSELF)
        pthread_create(&t, NULL, stop_later, &m);
    ut_daemon_ready(&m);
    ut_daemon_loop(&m, on_reload, (char[]){"reload "});
    if (kind == STOPS_ITSELF)
        pthread_join(t, NULL);
    note(getuid() == 0 ? "root end" : "end");
    ut_daemon_end(&m);
    return 0;
}

/* Starts a daemon as a shell would; its standard error goes to [out]. */
static pid_t
start(enum kind kind, bool foreground, struct ut_sbuf *out, int *status)
{
    char buf[1000];
    pid_t pid;
    ssize_t n;
    int fd[2];

    ut_sbuf_reset(out);
    unlink(log_path);
    if (pipe2(fd, O_CLOEXEC) != 0)
        return -1;
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        dup2(fd[1], STDERR_FILENO);
        close(fd[0]);
        close(fd[1]);
        _exit(daemon_main(kind, foreground));
    }
    close(fd[1]);
    if (!foreground || kind == FAILS) {
        while ((n = read(fd[0], buf, sizeof(buf))) > 0)
            ut_sbuf_add(out, buf, (size_t)n);
        waitpid(pid, status, 0);
    }
    close(fd[0]);
    return pid;
}

/* The number in the pid file, waiting a while for it; 0: none. */
static pid_t
pid_of_daemon(void)
{
    long long pid = 0;
    struct ut_sbuf b;

    ut_sbuf_init(&b, 100);
    for (int i = 0; i < 300 && pid == 0; i++) {
        ut_sbuf_reset(&b);
        if (ut_file_read(pid_path, 100, &b, NULL) == 0 && b.len > 0) {
            ut_sbuf_truncate(&b, b.len - 1);
            if (ut_num_int(ut_sbuf_text(&b), 1, 1 << 30, &pid) != 0)
                pid = 0;
        }
        usleep(10000);
    }
    ut_sbuf_fini(&b);
    return (pid_t)pid;
}

/* Waits until the log is [want]; shows it if it does not become that. */
static void
wait_log(const char *want, const char *name)
{
    struct ut_sbuf b;

    ut_sbuf_init(&b, 1000);
    for (int i = 0; i < 500; i++) {
        ut_sbuf_reset(&b);
        if (ut_file_read(log_path, 1000, &b, NULL) == 0 && strcmp(ut_sbuf_text(&b), want) == 0)
            break;
        usleep(10000);
    }
    tap_str(ut_sbuf_text(&b), want, name);
    ut_sbuf_fini(&b);
}

/* Collects the daemon [pid], which is a child of this test by PR_SET_CHILD_SUBREAPER. */
static int
collect(pid_t pid)
{
    int status = -1;

    return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void
test_background(void)
{
    struct ut_sbuf out;
    int status = -1;
    pid_t pid;

    ut_sbuf_init(&out, 10000);
    start(SERVES, false, &out, &status);
    tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the parent ends with 0");
    tap_str(ut_sbuf_text(&out), "", "and says nothing");
    pid = pid_of_daemon();
    tap_ok(pid > 0 && kill(pid, 0) == 0 && getsid(pid) == pid, "the child runs in a session");
    kill(pid, SIGHUP);
    wait_log("umask files reload ", "SIGHUP reloads");
    kill(pid, SIGHUP);
    wait_log("umask files reload reload ", "and again");
    kill(pid, SIGPIPE);

    start(SERVES, false, &out, &status);
    tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 1, "a second one is refused");
    tap_ok(strstr(ut_sbuf_text(&out), "runs already: process") != NULL, "  %s",
        ut_sbuf_text(&out));
    note("umask files ");
    kill(pid, SIGTERM);
    tap_num(collect(pid), 0, "SIGTERM: the daemon ends with 0");
    wait_log("umask files end", "and no longer as root");

    start(FAILS, false, &out, &status);
    tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 1, "a failed start: 1");
    tap_str(ut_sbuf_text(&out), "x.conf:3:1: it went wrong\n", "  the reason is told");
    start(DIES, false, &out, &status);
    tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 1, "a start that dies: 1");
    tap_ok(out.len > 0, "  something is told: %s", ut_sbuf_text(&out));
    while (waitpid(-1, &status, WNOHANG) > 0)
        ;
    ut_sbuf_fini(&out);
}

static void
test_foreground(void)
{
    struct ut_sbuf out;
    int status = -1;
    pid_t pid;

    ut_sbuf_init(&out, 10000);
    unlink(pid_path);
    pid = start(SERVES, true, &out, &status);
    tap_num(pid_of_daemon(), pid, "in the foreground: the same process");
    wait_log("umask files ", "it serves");
    kill(pid, SIGINT);
    tap_num(collect(pid), 0, "SIGINT ends it");
    unlink(pid_path);
    pid = start(STOPS_ITSELF, true, &out, &status);
    tap_num(collect(pid), 0, "a thread ends it");
    wait_log("umask files end", "in order");
    start(FAILS, true, &out, &status);
    tap_str(ut_sbuf_text(&out), "x.conf:3:1: it went wrong\n", "a failed start in the foreground");
    ut_sbuf_fini(&out);
}

static void
test_users(void)
{
    char sub[80], file[80];
    struct ut_daemon_user u;
    struct ut_daemon m;
    struct ut_diag d;
    struct stat st;

    snprintf(sub, sizeof(sub), "%s/a/b", dir);
    snprintf(file, sizeof(file), "%s/file", dir);
    if (getuid() == 0) {
        tap_ok(ut_daemon_user(&u, "no-such-user-here", NULL, &d) == -1, "no user: %s", d.text);
        tap_ok(ut_daemon_user(&u, "nobody", "no-such-group-here", &d) == -1, "no group: %s", d.text);
        tap_ok(ut_daemon_user(&u, "nobody", "daemon", &d) == 0 && u.uid != 0, "user and group");
    } else {
        tap_ok(ut_daemon_user(&u, "no-such-user-here", "x", &d) == 0 && u.uid == getuid(),
            "not root: what we are");
        tap_ok(ut_daemon_become(&u, &d) == 0, "and stay");
    }
    tap_ok(ut_daemon_dir(sub, 02770, &u, &d) == 0 && stat(sub, &st) == 0 &&
               (st.st_mode & 07777) == 02770 && st.st_uid == u.uid && st.st_gid == u.gid,
        "a folder for the user");
    tap_ok(chmod(sub, 0700) == 0 && ut_daemon_dir(sub, 0777, &u, &d) == 0 && stat(sub, &st) == 0 &&
               (st.st_mode & 07777) == 0700,
        "one that is there stays as it is");
    tap_ok(ut_file_write(file, "", 0, 0600, &d) == 0 && ut_daemon_dir(file, 0700, &u, &d) == -1,
        "a file in its place: %s", d.text);
    m = (struct ut_daemon){.wake = {-1, -1}, .parent = -1, .pid_fd = -1};
    tap_ok(ut_daemon_pidfile(&m, "/nonexistent/x.pid", &d) == -1, "no folder for the pid file: %s",
        d.text);
    ut_daemon_end(&m);
}

int
main(void)
{
    char command[64];

    if (!mkdtemp(dir) || chmod(dir, 0777) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
        return 1;
    snprintf(pid_path, sizeof(pid_path), "%s/pid", dir);
    snprintf(log_path, sizeof(log_path), "%s/log", dir);
    umask(0);
    test_args();
    test_background();
    test_foreground();
    test_users();
    snprintf(command, sizeof(command), "rm -r %s", dir);
    if (system(command) != 0)
        return 1;
    return tap_done();
}
