/* mlt_submit.c - a submission survives the process that asked for it. This program is also the
 * helper: mlt_submit_open() starts it again. */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/ut_file.h"
#include "lib/ut_time.h"
#include "milter/mlt_submit.h"
#include "t/unit/tap.h"

/* A listener for one session at a time. */
struct sink {
    int fd;
    unsigned port;
    const char *final;  /* reply to the message */
    unsigned delay_ms;  /* before that reply */
    int thinking;       /* it is in that delay */
    struct ut_sbuf got; /* what came: commands and message */
    pthread_t thread;
};

static char dir[200], journal[300];

static void
say(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) < 0)
        return;
}

/* Serves one session: everything is 250, the message gets [final]. */
static void
serve(struct sink *s, FILE *f)
{
    char line[1000];
    bool data = false;

    say(fileno(f), "220 sink\r\n");
    while (fgets(line, sizeof(line), f)) {
        ut_sbuf_addz(&s->got, line);
        if (data && strcmp(line, ".\r\n") == 0) {
            __atomic_store_n(&s->thinking, 1, __ATOMIC_RELEASE);
            usleep(s->delay_ms * 1000);
            say(fileno(f), s->final);
            data = false;
        } else if (!data && strncmp(line, "DATA", 4) == 0) {
            say(fileno(f), "354 go on\r\n");
            data = true;
        } else if (!data) {
            say(fileno(f), strncmp(line, "QUIT", 4) == 0 ? "221 bye\r\n" : "250 ok\r\n");
        }
    }
}

static void *
sink_main(void *arg)
{
    struct sink *s = arg;
    int fd;

    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        FILE *f = fdopen(fd, "r");

        if (f) {
            serve(s, f);
            fclose(f);
        }
    }
    return NULL;
}

static bool
sink_open(struct sink *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);

    ut_sbuf_init(&s->got, 1 << 20);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&a, len) != 0 || listen(s->fd, 5) != 0 ||
        getsockname(s->fd, (struct sockaddr *)&a, &len) != 0)
        return false;
    s->port = ntohs(a.sin_port);
    return pthread_create(&s->thread, NULL, sink_main, s) == 0;
}

static void
sink_close(struct sink *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    ut_sbuf_fini(&s->got);
}

/* ut_smtp_job.read from a text that is given once. */
static ssize_t
read_text(void *arg, char *buf, size_t len)
{
    const char **text = arg;
    size_t n = strlen(*text) < len ? strlen(*text) : len;

    memcpy(buf, *text, n);
    *text += n;
    return (ssize_t)n;
}

static int
submit(struct mlt_submit *helper, unsigned port, struct ut_smtp_reply *reply, struct ut_diag *d)
{
    static const char *const rcpts[] = {"a@x.test", "b@x.test"};
    const char *text = "Subject: x\r\n\r\n.dot\r\nbody\r\n";
    char server[40];
    struct ut_smtp_job job = {.server = server,
        .helo = "gw.test",
        .sender = "s@x.test",
        .rcpts = rcpts,
        .rcpt_count = 2,
        .read = read_text,
        .arg = &text,
        .length = (long long)strlen(text),
        .timeout = 20};
    struct ut_sbuf lines;
    int rc;

    snprintf(server, sizeof(server), "127.0.0.1:%u", port);
    ut_sbuf_init(&lines, 1000);
    ut_sbuf_addz(&lines, "a line of the journal %41\n");
    rc = mlt_submit_send(helper, journal, &job, &lines, reply, d);
    ut_sbuf_fini(&lines);
    return rc;
}

static bool
journal_is(const char *want)
{
    struct ut_sbuf b;
    struct ut_diag d;
    bool same;

    ut_sbuf_init(&b, 10000);
    same = ut_file_read(journal, 10000, &b, &d) == 0 && strcmp(ut_sbuf_text(&b), want) == 0;
    ut_sbuf_fini(&b);
    return same;
}

static void
set_journal(const char *text)
{
    struct ut_diag d;

    if (ut_file_write(journal, text, strlen(text), 0600, &d) != 0)
        exit(1);
}

static void
test_results(struct sink *s)
{
    struct ut_smtp_reply reply;
    struct ut_diag d = {0};
    struct mlt_submit *helper = mlt_submit_open(dir, &d);

    if (!tap_ok(helper != NULL, "the helper starts"))
        return;

    s->final = "250 kept\r\n";
    tap_num(submit(helper, s->port, &reply, &d), 0, "accepted");
    tap_num(reply.code, 250, "... with its code");
    tap_ok(strstr(ut_sbuf_text(&s->got), "MAIL FROM:<s@x.test>") &&
               strstr(ut_sbuf_text(&s->got), "RCPT TO:<b@x.test>") &&
               strstr(ut_sbuf_text(&s->got), "Subject: x\r\n\r\n..dot\r\nbody\r\n.\r\n"),
        "... what came is what was given");
    tap_ok(journal_is("\na line of the journal %41\n"), "... the journal has its line");
    set_journal("a torn li");
    tap_num(submit(helper, s->port, &reply, &d), 0, "accepted, with a journal that a full disk tore");
    tap_ok(journal_is("a torn li\na line of the journal %41\n"), "... its line is one of its own");
    set_journal("");
    s->final = "554 5.0.0 no thanks\r\n";
    tap_num(submit(helper, s->port, &reply, &d), -1, "refused");
    tap_ok(reply.code == 554 && reply.result == UT_SMTP_PERMANENT && strstr(d.text, "no thanks"),
        "... with its text: %s", d.text);
    tap_ok(journal_is(""), "... the journal has nothing");
    tap_num(submit(helper, 1, &reply, &d), -1, "nobody listens");
    tap_ok(reply.result == UT_SMTP_TROUBLE && !reply.in_doubt, "... nothing in doubt: %s", d.text);
    tap_num(mlt_submit_wait(dir, 0.05, &d), -1, "the helper holds the lock");
    mlt_submit_close(helper);
    tap_num(mlt_submit_wait(dir, 1, &d), 0, "... until it ends");
    mlt_submit_close(NULL);
}

/* The process that this one has started; 0: none. */
static pid_t
only_child(void)
{
    char name[100];
    int pid = 0;
    FILE *f;

    snprintf(name, sizeof(name), "/proc/%d/task/%d/children", (int)getpid(), (int)getpid());
    f = fopen(name, "r");
    if (f && fscanf(f, "%d", &pid) != 1)
        pid = 0;
    if (f)
        fclose(f);
    return pid;
}

/* A helper that was killed is started again. */
static void
test_helper_killed(struct sink *s)
{
    struct ut_smtp_reply reply;
    struct ut_diag d = {0};
    struct mlt_submit *helper = mlt_submit_open(dir, &d);
    siginfo_t ended;
    pid_t pid;

    s->final = "250 kept\r\n";
    tap_ok(helper && submit(helper, s->port, &reply, &d) == 0, "a helper works");
    pid = only_child();
    tap_ok(pid > 0 && kill(pid, SIGKILL) == 0, "... is killed");
    waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT);
    tap_ok(
        helper && submit(helper, s->port, &reply, &d) == 0, "... and is there again: %s", d.text);
    mlt_submit_close(helper);
}

/* Killed while the listener thinks about its reply. */
static void
test_kill(struct sink *s)
{
    struct ut_smtp_reply reply;
    struct ut_diag d;
    double start;
    pid_t pid;

    s->final = "250 kept\r\n";
    s->delay_ms = 5000;
    s->thinking = 0;
    pid = fork();
    if (pid == 0) {
        struct mlt_submit *helper = mlt_submit_open(dir, &d);

        _exit(helper && submit(helper, s->port, &reply, &d) == 0 ? 0 : 1);
    }
    for (int i = 0; i < 2000 && !__atomic_load_n(&s->thinking, __ATOMIC_ACQUIRE); i++)
        usleep(10 * 1000);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    tap_ok(journal_is(""), "the process that asked was killed, nothing is noted yet");
    tap_num(mlt_submit_wait(dir, 0.05, &d), -1, "the submission is under way");
    start = ut_time_mono();
    tap_num(mlt_submit_wait(dir, 20, &d), 0, "the next one waits for it");
    tap_ok(journal_is("\na line of the journal %41\n"), "... then it is noted (%.2f s)",
        ut_time_mono() - start);
}

int
main(int argc, char **argv)
{
    const char *tmp = getenv("TMPDIR");
    struct sink s = {0};
    struct ut_diag d;
    char lock[300];

    if (argc == 2 && strcmp(argv[1], MLT_SUBMIT_ARGUMENT) == 0)
        return mlt_submit_main();
    signal(SIGPIPE, SIG_IGN);
    snprintf(dir, sizeof(dir), "%s/penstock-submit-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(dir) || !sink_open(&s))
        return 1;
    snprintf(journal, sizeof(journal), "%s/journal", dir);
    snprintf(lock, sizeof(lock), "%s/milter.submit", dir);
    set_journal("");
    test_results(&s);
    test_kill(&s);
    test_helper_killed(&s);
    tap_num(mlt_submit_wait("/nonexistent/folder", 1, &d), -1, "no folder");
    sink_close(&s);
    unlink(journal);
    unlink(lock);
    rmdir(dir);
    return tap_done();
}
