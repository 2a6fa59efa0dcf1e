/* mlt_helper.c - the helper that submits copies and reports, and the children it forks.
 * Not here: why there are such processes, and who starts them (mlt_submit.c); SMTP (lib/ut_smtp.c).
 * Threads: one in each process, which is why it may fork. Fails: towards the milter, by the result
 * or by ending without one.
 *
 * Each submission is a child: it has the three files of its submission and the lock, does its work
 * and ends, whether or not somebody still wants the result. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "lib/ut_file.h"
#include "milter/mlt_submit.h"
#include "milter/mlt_submit_internal.h"

/* --- The child -------------------------------------------------------------------------------- */

/* Reads the job's attribute list from the start of [fd]; the parser holds it. */
static int
read_job(int fd, struct ut_attr_parser *parser)
{
    enum ut_attr_result got = UT_ATTR_MORE;
    off_t at = 0;
    char buf[16384];

    while (got == UT_ATTR_MORE) {
        ssize_t n = pread(fd, buf, sizeof(buf), at);
        size_t used;

        if (n <= 0)
            return -1;
        at += n;
        got = ut_attr_parser_feed(parser, buf, (size_t)n, &used, NULL);
    }
    return got == UT_ATTR_LIST ? 0 : -1;
}

/* Makes [job] from [list], which it borrows; its rcpts are to be freed. */
static int
make_job(const struct ut_attr_list *list, struct ut_smtp_job *job)
{
    const char **rcpts = calloc(list->count + 1, sizeof(*rcpts));
    long long timeout;

    job->rcpts = rcpts;
    if (!rcpts || ut_attr_get_int(list, "length", 0, INT64_MAX, &job->length) != 0 ||
        ut_attr_get_int(list, "timeout", 1, 86400, &timeout) != 0)
        return -1;
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].name, "recipient") == 0)
            rcpts[job->rcpt_count++] = list->items[i].value;
    }
    job->server = ut_attr_get(list, "server", NULL);
    job->helo = ut_attr_get(list, "helo", NULL);
    job->sender = ut_attr_get(list, "sender", NULL);
    job->timeout = (int)timeout;
    return job->server && job->rcpt_count > 0 ? 0 : -1;
}

/* Appends the lines to the journal, by one write. They begin on a line of their own: the last one may
 * be torn by a full disk, which only the milter knows. */
static int
note(const struct ut_attr_list *list, struct ut_diag *d)
{
    const char *path = ut_attr_get(list, "journal", NULL);
    size_t len = 0;
    const char *lines = ut_attr_get(list, "lines", &len);
    struct ut_sbuf b;
    int fd, rc;

    if (!path || !lines || len == 0)
        return 0;
    fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return ut_diag_errno(d, "cannot open %s", path);
    ut_sbuf_init(&b, len + 1);
    ut_sbuf_addc(&b, '\n');
    ut_sbuf_add(&b, lines, len);
    rc = b.failed ? ut_diag_set(d, "out of memory for %s", path)
                  : ut_file_write_all(fd, b.data, b.len);
    if (rc != 0 && !b.failed)
        ut_diag_errno(d, "cannot write %s", path);
    ut_sbuf_fini(&b);
    close(fd);
    return rc;
}

static void
tell_result(int fd, const struct ut_smtp_reply *reply, const struct ut_diag *d)
{
    struct ut_sbuf b;

    ut_sbuf_init(&b, 16384);
    ut_attr_addi(&b, "result", reply->result);
    ut_attr_addi(&b, "code", reply->code);
    ut_attr_addi(&b, "in_doubt", reply->in_doubt);
    if (reply->result != UT_SMTP_ACCEPTED)
        ut_attr_addz(&b, "text", d->text);
    ut_attr_end(&b);
    if (b.failed || ut_file_write_all(fd, b.data, b.len) != 0)
        fprintf(stderr, "penstock-milter: the result of a submission is not wanted any more\n");
    ut_sbuf_fini(&b);
}

/* Does one submission; the milter may be gone. A line that cannot be written is known to the milter
 * if that lives, so there is nobody to tell but the terminal. */
static void
submit(const int fds[PASS_COUNT])
{
    struct ut_smtp_reply reply = {.result = UT_SMTP_TROUBLE};
    struct ut_smtp_job job = {.fd = fds[PASS_MESSAGE]};
    struct ut_attr_parser parser;
    struct ut_diag d = {0};

    ut_attr_parser_init(&parser, &mlt_submit_limits);
    if (read_job(fds[PASS_JOB], &parser) != 0 || make_job(&parser.list, &job) != 0)
        ut_diag_set(&d, "the job of a submission cannot be read");
    else if (ut_smtp_send(&job, &reply, &d) == UT_SMTP_ACCEPTED && note(&parser.list, &d) != 0)
        fprintf(stderr, "penstock-milter: %s\n", d.text);
    tell_result(fds[PASS_RESULT], &reply, &d);
    free((void *)job.rcpts);
    ut_attr_parser_fini(&parser);
}

/* --- The helper ------------------------------------------------------------------------------- */

/* Receives the files of one submission: 1; 0: something else came; -1: the milter is gone. */
static int
receive_files(int fds[PASS_COUNT])
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * PASS_COUNT)];
    } control;
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr m = {.msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *c;
    ssize_t n;

    do
        n = recvmsg(FD_SOCKET, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return -1;
    c = CMSG_FIRSTHDR(&m);
    if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int) * PASS_COUNT))
        return 0;
    memcpy(fds, CMSG_DATA(c), sizeof(int) * PASS_COUNT);
    return 1;
}

int
mlt_submit_main(void)
{
    int fds[PASS_COUNT];
    int got;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN); /* children need no waiting for */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    while ((got = receive_files(fds)) >= 0) {
        pid_t pid = got == 1 ? fork() : -1;

        if (pid == 0) {
            close(FD_SOCKET);
            submit(fds);
            _exit(0);
        }
        for (size_t i = 0; got == 1 && i < PASS_COUNT; i++)
            close(fds[i]); /* if it could not fork: the pipe ends without a result */
    }
    return 0;
}
