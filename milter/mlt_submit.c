/* mlt_submit.c - submissions by a process of their own.
 * Not here: SMTP (lib/ut_smtp.c), what is submitted (mlt_inject.c), the journal (mlt_journal.c).
 * Threads: any may submit. Fails: as SMTP does, or for want of files and processes.
 *
 * Why a process. Between the final dot of a submission and the line in the journal that says so,
 * nobody but Postfix knows that the copy was accepted. A milter that is killed there would send it
 * again when the message comes again. The process that submits is not the one that is killed: it is
 * this program again, started for one submission, in a session of its own. It inherits
 *
 *     0  the message      1, 2  as the milter has them      3  the job, as an attribute list
 *     4  the pipe for the result      5  the lock file, with a shared lock
 *
 * and no other file. The lock belongs to the open file, so it goes when the process ends, however
 * it ends. The next milter takes it for itself alone before it reads the journal.
 *
 * What remains open: this process itself is killed, or the host goes down, in that window. */
#include "config.h"

#include "milter/mlt_submit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "lib/ut_attr.h"
#include "lib/ut_file.h"
#include "lib/ut_time.h"
#include "milter/mlt_spool.h"

enum { FD_MESSAGE = 0, FD_JOB = 3, FD_RESULT = 4, FD_LOCK = 5, FD_FIRST_OTHER = 6 };

static const struct ut_attr_limits limits = {
    .line = 4 * 1024 * 1024, .count = 2048, .total = 16 * 1024 * 1024, .decode = true};

extern char **environ;

/* --- The side of the milter --------------------------------------------------------------------------- */

/* What is open on this side. */
struct pass {
    int message, job, lock;
    int result[2]; /* read, write */
};

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void
close_all(struct pass *p)
{
    close_fd(&p->message);
    close_fd(&p->job);
    close_fd(&p->lock);
    close_fd(&p->result[0]);
    close_fd(&p->result[1]);
}

/* A temporary file with the bytes of [b]. */
static int
file_of(const char *directory, const struct ut_sbuf *b, struct ut_diag *d)
{
    int fd = mlt_spool_file(directory, d);

    if (fd >= 0 && ut_file_write_all(fd, ut_sbuf_text(b), b->len) != 0) {
        ut_diag_errno(d, "cannot write a temporary file in %s", directory);
        close_fd(&fd);
    }
    return fd;
}

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
job_file(const struct mlt_submit_place *place, const struct ut_smtp_job *job,
    const struct ut_sbuf *lines, struct ut_diag *d)
{
    struct ut_sbuf b;
    int fd = -1;

    ut_sbuf_init(&b, limits.total);
    ut_attr_addz(&b, "server", job->server);
    ut_attr_addz(&b, "helo", job->helo ? job->helo : "");
    ut_attr_addz(&b, "sender", job->sender ? job->sender : "");
    ut_attr_addi(&b, "length", job->length);
    ut_attr_addi(&b, "timeout", job->timeout);
    ut_attr_addz(&b, "journal", place->journal);
    ut_attr_add(&b, "lines", ut_sbuf_text(lines), lines->len);
    for (size_t i = 0; i < job->rcpt_count; i++)
        ut_attr_addz(&b, "recipient", job->rcpts[i]);
    ut_attr_end(&b);
    if (b.failed)
        ut_diag_set(d, "out of memory for a submission");
    else
        fd = file_of(place->directory, &b, d);
    ut_sbuf_fini(&b);
    return fd;
}

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

static int
open_pass(struct pass *p, const struct mlt_submit_place *place, const struct ut_smtp_job *job,
    const struct ut_sbuf *lines, struct ut_diag *d)
{
    p->message = message_file(place->directory, job, d);
    p->job = p->message >= 0 ? job_file(place, job, lines, d) : -1;
    if (p->job < 0)
        return -1;
    p->lock = lock_file(place->directory, LOCK_SH);
    if (p->lock < 0 || pipe2(p->result, O_CLOEXEC) != 0)
        return ut_diag_errno(d, "cannot prepare a submission in %s", place->directory);
    return 0;
}

/* Moves the four files to numbers that no target number is among, so that one dup2() does not
 * overwrite what another still needs. */
static int
lift(struct pass *p, struct ut_diag *d)
{
    int *const fds[] = {&p->message, &p->job, &p->result[1], &p->lock};

    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        int fd = *fds[i] >= FD_FIRST_OTHER ? *fds[i] : fcntl(*fds[i], F_DUPFD_CLOEXEC, FD_FIRST_OTHER);

        if (fd < 0)
            return ut_diag_errno(d, "cannot prepare a submission");
        if (fd != *fds[i])
            close(*fds[i]);
        *fds[i] = fd;
    }
    return 0;
}

static int
spawn(struct pass *p, pid_t *pid, struct ut_diag *d)
{
    char *argv[] = {(char *)"penstock-milter", (char *)MLT_SUBMIT_ARGUMENT, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none;
    int error;

    if (posix_spawn_file_actions_init(&actions) != 0)
        return ut_diag_set(d, "out of memory for a submission");
    if (posix_spawnattr_init(&attr) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return ut_diag_set(d, "out of memory for a submission");
    }
    sigemptyset(&none);
    error = posix_spawn_file_actions_adddup2(&actions, p->message, FD_MESSAGE)
        || posix_spawn_file_actions_adddup2(&actions, p->job, FD_JOB)
        || posix_spawn_file_actions_adddup2(&actions, p->result[1], FD_RESULT)
        || posix_spawn_file_actions_adddup2(&actions, p->lock, FD_LOCK)
        || posix_spawn_file_actions_addclosefrom_np(&actions, FD_FIRST_OTHER)
        || posix_spawnattr_setsigmask(&attr, &none)
        || posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK)
        ? ENOMEM : posix_spawn(pid, "/proc/self/exe", &actions, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return error == 0 ? 0 : ut_diag_set(d, "cannot start a submission: %s", strerror(error));
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

/* Reads what the process says until it ends. A process that says nothing leaves it open whether the
 * message was accepted. */
static int
read_result(int fd, struct ut_smtp_reply *reply, struct ut_diag *d)
{
    enum ut_attr_result got = UT_ATTR_MORE;
    struct ut_attr_parser parser;
    char buf[4096];
    size_t used;
    ssize_t n;
    int rc;

    ut_attr_parser_init(&parser, &limits);
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
mlt_submit_send(const struct mlt_submit_place *place, const struct ut_smtp_job *job,
    const struct ut_sbuf *lines, struct ut_smtp_reply *reply, struct ut_diag *d)
{
    struct pass p = {-1, -1, -1, {-1, -1}};
    pid_t pid;
    int rc = -1;

    memset(reply, 0, sizeof(*reply));
    reply->result = UT_SMTP_TROUBLE;
    if (open_pass(&p, place, job, lines, d) == 0 && lift(&p, d) == 0 && spawn(&p, &pid, d) == 0) {
        close_fd(&p.result[1]);
        close_fd(&p.lock);
        rc = read_result(p.result[0], reply, d);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    close_all(&p);
    return rc;
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

/* --- The side of the process ---------------------------------------------------------------------------- */

/* Reads the job's attribute list; the parser holds it. */
static int
read_job(struct ut_attr_parser *parser)
{
    enum ut_attr_result got = UT_ATTR_MORE;
    off_t at = 0;
    char buf[16384];

    while (got == UT_ATTR_MORE) {
        ssize_t n = pread(FD_JOB, buf, sizeof(buf), at);
        size_t used;

        if (n <= 0)
            return -1;
        at += n;
        got = ut_attr_parser_feed(parser, buf, (size_t)n, &used, NULL);
    }
    return got == UT_ATTR_LIST ? 0 : -1;
}

/* Makes [job] from [list], which it borrows; rcpts are to be freed. */
static int
make_job(const struct ut_attr_list *list, struct ut_smtp_job *job)
{
    const char **rcpts = calloc(list->count + 1, sizeof(*rcpts));
    long long length, timeout;

    if (!rcpts || ut_attr_get_int(list, "length", 0, INT64_MAX, &length) != 0
        || ut_attr_get_int(list, "timeout", 1, 86400, &timeout) != 0) {
        free(rcpts);
        return -1;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, "recipient") == 0)
            rcpts[job->rcpt_count++] = list->items[i].value;
    }
    job->rcpts = rcpts;
    job->server = ut_attr_get(list, "server", NULL);
    job->helo = ut_attr_get(list, "helo", NULL);
    job->sender = ut_attr_get(list, "sender", NULL);
    job->fd = FD_MESSAGE;
    job->length = length;
    job->timeout = (int)timeout;
    return job->server && job->rcpt_count > 0 ? 0 : -1;
}

/* Appends the lines to the journal, by one write. */
static int
note(const struct ut_attr_list *list, struct ut_diag *d)
{
    const char *path = ut_attr_get(list, "journal", NULL);
    size_t len = 0;
    const char *lines = ut_attr_get(list, "lines", &len);
    int fd = path && len > 0 ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW) : -1;
    int rc;

    if (!path || len == 0)
        return 0;
    if (fd < 0)
        return ut_diag_errno(d, "cannot open %s", path);
    rc = ut_file_write_all(fd, lines, len);
    if (rc != 0)
        ut_diag_errno(d, "cannot write %s", path);
    close(fd);
    return rc;
}

static void
tell_result(const struct ut_smtp_reply *reply, const struct ut_diag *d)
{
    struct ut_sbuf b;

    ut_sbuf_init(&b, 16384);
    ut_attr_addi(&b, "result", reply->result);
    ut_attr_addi(&b, "code", reply->code);
    ut_attr_addi(&b, "in_doubt", reply->in_doubt);
    if (reply->result != UT_SMTP_ACCEPTED)
        ut_attr_addz(&b, "text", d->text);
    ut_attr_end(&b);
    if (b.failed || ut_file_write_all(FD_RESULT, b.data, b.len) != 0)
        fprintf(stderr, "penstock-milter: the result of a submission is not wanted any more\n");
    ut_sbuf_fini(&b);
}

int
mlt_submit_main(void)
{
    struct ut_smtp_reply reply = {.result = UT_SMTP_TROUBLE};
    struct ut_attr_parser parser;
    struct ut_smtp_job job = {0};
    struct ut_diag d = {0};

    signal(SIGPIPE, SIG_IGN);
    ut_attr_parser_init(&parser, &limits);
    if (read_job(&parser) != 0 || make_job(&parser.list, &job) != 0
        || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        ut_diag_set(&d, "the job of a submission cannot be read");
    } else if (ut_smtp_send(&job, &reply, &d) == UT_SMTP_ACCEPTED && note(&parser.list, &d) != 0) {
        fprintf(stderr, "penstock-milter: %s\n", d.text); /* known to the milter, if that lives */
    }
    tell_result(&reply, &d);
    free((void *)job.rcpts);
    ut_attr_parser_fini(&parser);
    return reply.result == UT_SMTP_ACCEPTED ? 0 : 1;
}
