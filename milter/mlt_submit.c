/* mlt_submit.c - submissions by processes of their own: the milter's end.
 * Not here: those processes (mlt_helper.c), what is submitted (mlt_inject.c), the journal
 * (mlt_journal.c).
 * Threads: any may submit. Fails: as SMTP does, or for want of files and processes.
 *
 * Why processes. Between the final dot of a submission and the line in the journal that says so,
 * nobody but Postfix knows that the copy was accepted. A milter that is killed there would send it
 * again when the message comes again. So the process that submits is not the one that is killed.
 *
 * The helper is this program again, in a session of its own, started once: it has no threads, so it
 * may fork. For each submission it is sent three files over its socket: the message, the job as an
 * attribute list, and a pipe for the result; it forks, and the child does the rest and ends. When
 * the milter is gone, the socket ends, and so does the helper, but not its children.
 *
 * All of them hold one open lock file with a shared lock, which goes with the last of them, however
 * that ends. The next milter takes the lock for itself alone before it reads the journal.
 *
 * What remains open: the child itself is killed, or the host goes down, in that window. */
#include "config.h"

#include "milter/mlt_submit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/ut_attr.h"
#include "lib/ut_file.h"
#include "lib/ut_time.h"
#include "milter/mlt_spool.h"
#include "milter/mlt_submit_internal.h"

extern char **environ;

const struct ut_attr_limits mlt_submit_limits = {
    .line = 4 * 1024 * 1024, .count = 2048, .total = 16 * 1024 * 1024, .decode = true};

struct mlt_submit {
    pthread_mutex_t lock; /* for starting the helper again */
    char *directory;
    int fd; /* socket to the helper */
    pid_t pid;
};

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* --- The lock --------------------------------------------------------------------------------- */

/* Opens the lock file and locks it by [how]; -1 with errno. */
static int
lock_file(const char *directory, int how)
{
    char path[4096];
    int fd;

    if (snprintf(path, sizeof(path), "%s/milter.submit", directory) >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && flock(fd, how) != 0) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

int
mlt_submit_wait(const char *directory, double seconds, struct ut_diag *d)
{
    double end = ut_time_mono() + seconds;
    struct timespec pause = {0, 50 * 1000 * 1000};
    int fd;

    for (;;) {
        fd = lock_file(directory, LOCK_EX | LOCK_NB);
        if (fd >= 0)
            break;
        if (errno != EWOULDBLOCK)
            return ut_diag_errno(d, "cannot lock %s/milter.submit", directory);
        if (ut_time_mono() >= end)
            return ut_diag_set(d, "a submission of an earlier milter is still under way");
        nanosleep(&pause, NULL);
    }
    close(fd);
    return 0;
}

/* --- Starting the helper ---------------------------------------------------------------------- */

/* Moves [*fd] to a number that is none of the helper's, so that one dup2() does not overwrite what
 * another still needs. */
static int
lift(int *fd)
{
    int high = *fd >= FD_FIRST_OTHER ? *fd : fcntl(*fd, F_DUPFD_CLOEXEC, FD_FIRST_OTHER);

    if (high < 0)
        return -1;
    if (high != *fd)
        close(*fd);
    *fd = high;
    return 0;
}

static int
spawn(int socket_fd, int lock_fd, pid_t *pid)
{
    char *argv[] = {(char *)"penstock-milter", (char *)MLT_SUBMIT_ARGUMENT, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none;
    int error = posix_spawn_file_actions_init(&actions);

    if (error != 0)
        return error;
    error = posix_spawnattr_init(&attr);
    if (error != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    sigemptyset(&none);
    if (posix_spawn_file_actions_adddup2(&actions, socket_fd, FD_SOCKET) != 0 ||
        posix_spawn_file_actions_adddup2(&actions, lock_fd, FD_LOCK) != 0 ||
        posix_spawn_file_actions_addclosefrom_np(&actions, FD_FIRST_OTHER) != 0 ||
        posix_spawnattr_setsigmask(&attr, &none) != 0 ||
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK) != 0)
        error = ENOMEM;
    else
        error = posix_spawn(pid, "/proc/self/exe", &actions, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Starts the helper of [s]. With the lock held, or before anybody else has [s]. */
static int
start(struct mlt_submit *s, struct ut_diag *d)
{
    int lock = lock_file(s->directory, LOCK_SH);
    int pair[2] = {-1, -1};
    int error = 0;

    if (lock < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 ||
        lift(&pair[1]) != 0 || lift(&lock) != 0)
        error = errno;
    if (error == 0)
        error = spawn(pair[1], lock, &s->pid);
    close_fd(&lock);
    close_fd(&pair[1]);
    if (error != 0) {
        close_fd(&pair[0]);
        return ut_diag_set(d, "cannot start the helper for submissions: %s", strerror(error));
    }
    s->fd = pair[0];
    return 0;
}

/* Ends the helper, if it has not ended by itself. */
static void
end(struct mlt_submit *s)
{
    if (s->fd < 0)
        return;
    close_fd(&s->fd);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

struct mlt_submit *
mlt_submit_open(const char *directory, struct ut_diag *d)
{
    struct mlt_submit *s = calloc(1, sizeof(*s));

    if (!s || !(s->directory = strdup(directory))) {
        free(s);
        ut_diag_set(d, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&s->lock, NULL);
    s->fd = -1;
    if (start(s, d) != 0) {
        mlt_submit_close(s);
        return NULL;
    }
    return s;
}

void
mlt_submit_close(struct mlt_submit *s)
{
    if (!s)
        return;
    end(s);
    pthread_mutex_destroy(&s->lock);
    free(s->directory);
    free(s);
}

/* --- Handing over a submission ---------------------------------------------------------------- */

/* A temporary file with the message of [job]. */
static int
message_file(const char *directory, const struct ut_smtp_job *job, struct ut_diag *d)
{
    int fd = mlt_spool_file(directory, d);
    char buf[16384];
    ssize_t n = 0;

    while (fd >= 0 && (n = job->read(job->arg, buf, sizeof(buf))) > 0) {
        if (ut_file_write_all(fd, buf, (size_t)n) != 0) {
            n = -1;
            break;
        }
    }
    if (fd >= 0 && n < 0) {
        ut_diag_errno(d, "cannot copy the message to a temporary file in %s", directory);
        close_fd(&fd);
    }
    return fd;
}

static int
job_file(const char *directory, const char *journal, const struct ut_smtp_job *job,
    const struct ut_sbuf *lines, struct ut_diag *d)
{
    struct ut_sbuf b;
    int fd = -1;

    ut_sbuf_init(&b, mlt_submit_limits.total);
    ut_attr_addz(&b, "server", job->server);
    ut_attr_addz(&b, "helo", job->helo ? job->helo : "");
    ut_attr_addz(&b, "sender", job->sender ? job->sender : "");
    ut_attr_addi(&b, "length", job->length);
    ut_attr_addi(&b, "timeout", job->timeout);
    ut_attr_addz(&b, "journal", journal);
    ut_attr_add(&b, "lines", ut_sbuf_text(lines), lines->len);
    for (size_t i = 0; i < job->rcpt_count; i++)
        ut_attr_addz(&b, "recipient", job->rcpts[i]);
    ut_attr_end(&b);
    if (b.failed)
        ut_diag_set(d, "out of memory for a submission");
    else
        fd = mlt_spool_file(directory, d);
    if (fd >= 0 && ut_file_write_all(fd, b.data, b.len) != 0) {
        ut_diag_errno(d, "cannot write a temporary file in %s", directory);
        close_fd(&fd);
    }
    ut_sbuf_fini(&b);
    return fd;
}

/* Sends the files [fds] over [fd]. */
static int
send_files(int fd, const int fds[PASS_COUNT])
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * PASS_COUNT)];
    } control = {0};
    char byte = 'S';
    struct iovec iov = {&byte, 1};
    struct msghdr m = {.msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    ssize_t n;

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * PASS_COUNT);
    memcpy(CMSG_DATA(c), fds, sizeof(int) * PASS_COUNT);
    do
        n = sendmsg(fd, &m, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == 1 ? 0 : -1;
}

/* Hands [fds] to the helper; one that has ended is started again. */
static int
hand_over(struct mlt_submit *s, const int fds[PASS_COUNT], struct ut_diag *d)
{
    int rc = 0;

    pthread_mutex_lock(&s->lock);
    if (s->fd < 0 || send_files(s->fd, fds) != 0) {
        end(s);
        rc = start(s, d);
        if (rc == 0 && send_files(s->fd, fds) != 0)
            rc = ut_diag_errno(d, "the helper for submissions does not work");
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

/* Takes the result over from [list]. */
static int
take_result(const struct ut_attr_list *list, struct ut_smtp_reply *reply, struct ut_diag *d)
{
    const char *text = ut_attr_get(list, "text", NULL);
    long long n;

    reply->result = UT_SMTP_TROUBLE;
    if (ut_attr_get_int(list, "result", UT_SMTP_ACCEPTED, UT_SMTP_TROUBLE, &n) == 0)
        reply->result = (enum ut_smtp_result)n;
    if (ut_attr_get_int(list, "code", 0, 999, &n) == 0)
        reply->code = (int)n;
    reply->in_doubt = ut_attr_is(list, "in_doubt", "1");
    if (reply->result == UT_SMTP_ACCEPTED)
        return 0;
    return ut_diag_set(d, "%s", text && *text ? text : "the submission failed");
}

/* Reads what the child says until it ends. One that says nothing leaves it open whether the message
 * was accepted. */
static int
read_result(int fd, struct ut_smtp_reply *reply, struct ut_diag *d)
{
    enum ut_attr_result got = UT_ATTR_MORE;
    struct ut_attr_parser parser;
    char buf[4096];
    size_t used;
    ssize_t n;
    int rc;

    ut_attr_parser_init(&parser, &mlt_submit_limits);
    while (got == UT_ATTR_MORE) {
        n = read(fd, buf, sizeof(buf));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got = ut_attr_parser_feed(&parser, buf, (size_t)n, &used, d);
    }
    if (got == UT_ATTR_LIST) {
        rc = take_result(&parser.list, reply, d);
    } else {
        reply->result = UT_SMTP_TROUBLE;
        reply->in_doubt = true;
        rc = ut_diag_set(d, "the process that submits a message ended without a result");
    }
    ut_attr_parser_fini(&parser);
    return rc;
}

int
mlt_submit_send(struct mlt_submit *s, const char *journal, const struct ut_smtp_job *job,
    const struct ut_sbuf *lines, struct ut_smtp_reply *reply, struct ut_diag *d)
{
    int fds[PASS_COUNT] = {-1, -1, -1};
    int result[2] = {-1, -1};
    int rc = -1;

    memset(reply, 0, sizeof(*reply));
    reply->result = UT_SMTP_TROUBLE;
    fds[PASS_MESSAGE] = message_file(s->directory, job, d);
    if (fds[PASS_MESSAGE] >= 0)
        fds[PASS_JOB] = job_file(s->directory, journal, job, lines, d);
    if (fds[PASS_JOB] >= 0)
        rc = pipe2(result, O_CLOEXEC) == 0 ? 0 : ut_diag_errno(d, "cannot make a pipe");
    fds[PASS_RESULT] = result[1];
    if (rc == 0)
        rc = hand_over(s, fds, d);
    for (size_t i = 0; i < PASS_COUNT; i++)
        close_fd(&fds[i]);
    if (rc == 0)
        rc = read_result(result[0], reply, d);
    close_fd(&result[0]);
    return rc;
}
