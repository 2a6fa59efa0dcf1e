/* ut_smtp.c - submission against a scripted SMTP server in a thread: what goes over the wire byte
 * for byte, and what each way of failing gives. */
#include "config.h"

#include "lib/ut_smtp.h"

#include <curl/curl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ut_sbuf.h"
#include "lib/ut_sock.h"
#include "lib/ut_time.h"
#include "t/unit/tap.h"

/* The replies of the server; NULL closes the connection, "" says nothing at all. */
struct script {
    const char *greeting, *ehlo, *mail, *rcpt, *data, *final, *quit;
};

static const struct script willing = {"220 sink ready\r\n", "250-sink\r\n250 8BITMIME\r\n", "250 ok\r\n",
    "250 ok\r\n", "354 go on\r\n", "250 2.0.0 queued\r\n", "221 bye\r\n"};

struct sink {
    int listen_fd, fd;
    char server[32];
    struct script script;
    struct ut_sbuf commands; /* lines joined by "|" */
    struct ut_sbuf message;  /* as it was before dot stuffing */
    size_t have, at;
    char buf[4096];
};

/* The next byte, or -1. */
static int
sink_byte(struct sink *s)
{
    if (s->at == s->have) {
        ssize_t n = ut_sock_recv(s->fd, s->buf, sizeof(s->buf), ut_time_mono() + 20);

        if (n <= 0)
            return -1;
        s->have = (size_t)n;
        s->at = 0;
    }
    return (unsigned char)s->buf[s->at++];
}

/* One line that ends in CRLF, without it; false at the end. */
static bool
sink_line(struct sink *s, struct ut_sbuf *line)
{
    int c;

    ut_sbuf_reset(line);
    while ((c = sink_byte(s)) >= 0) {
        ut_sbuf_addc(line, (char)c);
        if (line->len >= 2 && memcmp(line->data + line->len - 2, "\r\n", 2) == 0) {
            ut_sbuf_truncate(line, line->len - 2);
            return true;
        }
    }
    return false;
}

/* False if the connection is to be closed. */
static bool
sink_say(struct sink *s, const char *reply)
{
    return reply && ut_sock_send(s->fd, reply, strlen(reply), ut_time_mono() + 5) == 0;
}

static bool
sink_data(struct sink *s, struct ut_sbuf *line)
{
    if (!sink_say(s, s->script.data))
        return false;
    if (!s->script.data || s->script.data[0] != '3')
        return true;
    while (sink_line(s, line)) {
        if (line->len == 1 && line->data[0] == '.')
            return sink_say(s, s->script.final);
        ut_sbuf_add(&s->message, line->data + (line->len && line->data[0] == '.' ? 1 : 0),
            line->len - (line->len && line->data[0] == '.' ? 1 : 0));
        ut_sbuf_addz(&s->message, "\r\n");
    }
    ut_sbuf_addz(&s->commands, "CUT|");
    return false;
}

static bool
sink_command(struct sink *s, struct ut_sbuf *line)
{
    const char *verb = ut_sbuf_text(line);

    ut_sbuf_addf(&s->commands, "%s|", verb);
    if (strncmp(verb, "EHLO", 4) == 0)
        return sink_say(s, s->script.ehlo);
    if (strncmp(verb, "HELO", 4) == 0)
        return sink_say(s, s->script.ehlo[0] == '5' ? "550 no helo\r\n" : "250 sink\r\n");
    if (strncmp(verb, "MAIL", 4) == 0)
        return sink_say(s, s->script.mail);
    if (strncmp(verb, "RCPT", 4) == 0)
        return sink_say(s, strstr(verb, "bad") ? "550 5.1.1 unknown\r\n" : s->script.rcpt);
    if (strncmp(verb, "DATA", 4) == 0)
        return sink_data(s, line);
    if (strncmp(verb, "QUIT", 4) == 0)
        return sink_say(s, s->script.quit);
    return sink_say(s, "502 what\r\n");
}

static void *
sink_main(void *arg)
{
    struct sink *s = arg;
    struct ut_sbuf line;

    ut_sbuf_init(&line, 1 << 24);
    for (int i = 0; i < 1000 && s->fd < 0; i++) {
        s->fd = accept(s->listen_fd, NULL, NULL);
        if (s->fd < 0)
            usleep(10000);
    }
    if (s->fd >= 0 && sink_say(s, s->script.greeting))
        while (sink_line(s, &line) && sink_command(s, &line))
            ;
    if (s->fd >= 0)
        close(s->fd);
    ut_sbuf_fini(&line);
    return NULL;
}

static bool
sink_open(struct sink *s, const struct script *script)
{
    struct ut_sock_addr a = {.family = UT_SOCK_INET, .host = "127.0.0.1"};
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    char port[8];
    struct ut_diag d;

    memset(s, 0, sizeof(*s));
    s->fd = -1;
    s->script = *script;
    ut_sbuf_init(&s->commands, 100000);
    ut_sbuf_init(&s->message, 1 << 25);
    s->listen_fd = ut_sock_listen(&a, 0, NULL, &d);
    if (s->listen_fd < 0 || getsockname(s->listen_fd, (struct sockaddr *)&sa, &len) != 0)
        return false;
    getnameinfo((struct sockaddr *)&sa, len, NULL, 0, port, sizeof(port), NI_NUMERICSERV);
    snprintf(s->server, sizeof(s->server), "127.0.0.1:%s", port);
    return true;
}

struct source {
    const char *p;
    size_t len, at, step;
};

static ssize_t
source_read(void *arg, char *buf, size_t len)
{
    struct source *s = arg;
    size_t n = s->len - s->at;

    if (n > len)
        n = len;
    if (s->step && n > s->step)
        n = s->step;
    if (n > 0)
        memcpy(buf, s->p + s->at, n);
    s->at += n;
    return (ssize_t)n;
}

static ssize_t
source_fails(void *arg, char *buf, size_t len)
{
    ssize_t n = source_read(arg, buf, len);

    return n > 0 ? n : -1;
}

static const char *const one_rcpt[] = {"r@example.com"};

/* Runs [job] against a server with [script]; the sink's buffers stay for the caller. */
static enum ut_smtp_result
run(struct sink *s, const struct script *script, struct ut_smtp_job *job,
    struct ut_smtp_reply *reply, struct ut_diag *d)
{
    enum ut_smtp_result r;
    pthread_t t;

    if (!sink_open(s, script))
        return UT_SMTP_TROUBLE;
    if (!job->server)
        job->server = s->server;
    if (!job->rcpts) {
        job->rcpts = one_rcpt;
        job->rcpt_count = 1;
    }
    if (job->timeout == 0)
        job->timeout = 20;
    pthread_create(&t, NULL, sink_main, s);
    r = ut_smtp_send(job, reply, d);
    pthread_join(t, NULL);
    close(s->listen_fd);
    return r;
}

static void
sink_fini(struct sink *s)
{
    ut_sbuf_fini(&s->commands);
    ut_sbuf_fini(&s->message);
}

/* Messages that must arrive as they are. */
static const struct {
    const char *name, *text, *want; /* want NULL: the same */
} messages[] = {
    {"plain", "Subject: x\r\n\r\nbody\r\n", NULL},
    {"dot first", ".\r\n", NULL},
    {"two dots first", "..\r\nx\r\n", NULL},
    {"dot lines", "a\r\n.\r\n..\r\n.b\r\n\r\n.\r\n", NULL},
    {"dot at the end", "a.\r\nb\r\n.\r\n", NULL},
    {"empty lines", "\r\n\r\n\r\n", NULL},
    {"CR CR LF dot", "a\r\r\n.b\r\n", NULL},
    {"8-bit bytes", "a\xff\xfe\x80\xc3\r\n", NULL},
    {"bare CR", "a\rb\r\n", NULL},
    {"bare LF", "a\nb\r\n", NULL},
    {"no end of line", "a", "a\r\n"},
    {"ends in CR", "a\r", "a\r\r\n"},
    {"ends in a dot", "a\r\n.", "a\r\n.\r\n"},
    {"a lone dot", ".", ".\r\n"},
    {"empty", "", ""},
};

static void
test_messages(void)
{
    struct ut_smtp_reply reply;
    struct ut_diag d;
    struct sink s;

    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]) * 4; i++) {
        const char *text = messages[i / 4].text;
        const char *want = messages[i / 4].want ? messages[i / 4].want : text;
        struct source src = {.p = text, .len = strlen(text), .step = i % 2};
        struct ut_smtp_job job = {.sender = "s@example.com", .read = source_read, .arg = &src};

        job.length = i % 4 < 2 ? -1 : (long long)src.len;
        if (run(&s, &willing, &job, &reply, &d) != UT_SMTP_ACCEPTED)
            printf("# %s\n", d.text);
        tap_ok(reply.result == UT_SMTP_ACCEPTED && reply.code == 250, "%s: accepted (%zu)",
            messages[i / 4].name, i % 4);
        if (!tap_ok(s.message.len == strlen(want) &&
                        memcmp(ut_sbuf_text(&s.message), want, strlen(want)) == 0,
                "%s: byte for byte", messages[i / 4].name))
            printf("# got %zu bytes: %s\n", s.message.len, ut_sbuf_text(&s.message));
        sink_fini(&s);
    }
}

/* Lines of every length around the buffer sizes, each beginning with a dot. */
static void
test_large(long long announced, size_t step)
{
    struct ut_smtp_reply reply;
    struct ut_sbuf big;
    struct ut_diag d;
    struct sink s;

    ut_sbuf_init(&big, 1 << 24);
    for (size_t i = 0; i < 1400; i++) {
        ut_sbuf_addz(&big, i % 3 ? "." : "..");
        for (size_t k = 0; k < i; k++)
            ut_sbuf_addc(&big, (char)('a' + (i + k) % 26));
        ut_sbuf_addz(&big, i % 7 ? "\r\n" : "\r\n\r\n");
    }
    struct source src = {.p = big.data, .len = big.len, .step = step};
    struct ut_smtp_job job = {.read = source_read, .arg = &src,
        .length = announced < 0 ? -1 : (long long)big.len};

    tap_ok(run(&s, &willing, &job, &reply, &d) == UT_SMTP_ACCEPTED, "a megabyte of dots: accepted");
    tap_ok(s.message.len == big.len && memcmp(s.message.data, big.data, big.len) == 0,
        "a megabyte of dots: byte for byte, steps of %zu", step);
    sink_fini(&s);
    ut_sbuf_fini(&big);
}

static void
test_envelope(void)
{
    static const char *const two[] = {"a@example.com", "\"odd >name\"@example.com"};
    static const char *const mixed[] = {"a@example.com", "bad@example.com", "c@example.com"};
    static const char *const utf8[] = {"\xc3\xbc@example.com"};
    struct script offers = willing;
    struct ut_smtp_reply reply;
    struct ut_diag d;
    struct sink s;
    struct source src = {.p = "x\r\n", .len = 3};
    struct ut_smtp_job job = {.helo = "gw.example.com", .rcpts = two, .rcpt_count = 2,
        .read = source_read, .arg = &src, .length = 3};

    run(&s, &willing, &job, &reply, &d);
    tap_str(ut_sbuf_text(&s.commands),
        "EHLO gw.example.com|MAIL FROM:<>|RCPT TO:<a@example.com>|"
        "RCPT TO:<\"odd >name\"@example.com>|DATA|QUIT|",
        "no sender, two recipients");
    tap_str(reply.text, "2.0.0 queued", "text of the reply");
    sink_fini(&s);

    src.at = 0;
    offers.ehlo = "250-sink\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250 SIZE 1000\r\n";
    job.server = NULL;
    job.sender = "s@example.com";
    job.rcpts = utf8;
    job.rcpt_count = 1;
    run(&s, &offers, &job, &reply, &d);
    tap_str(ut_sbuf_text(&s.commands),
        "EHLO gw.example.com|MAIL FROM:<s@example.com> SMTPUTF8|"
        "RCPT TO:<\xc3\xbc@example.com>|DATA|QUIT|",
        "SMTPUTF8 as the header says, no SIZE, no BODY");
    sink_fini(&s);

    src.at = 0;
    job.server = NULL;
    job.rcpts = mixed;
    job.rcpt_count = 3;
    tap_num(run(&s, &willing, &job, &reply, &d), UT_SMTP_PERMANENT, "one of three refused: nothing");
    tap_str(ut_sbuf_text(&s.commands),
        "EHLO gw.example.com|MAIL FROM:<s@example.com>|RCPT TO:<a@example.com>|"
        "RCPT TO:<bad@example.com>|QUIT|",
        "no DATA after a refused recipient");
    tap_num(reply.code, 550, "its code");
    tap_str(reply.text, "5.1.1 unknown", "its text");
    sink_fini(&s);
}

static const struct {
    const char *name;
    struct script script;
    enum ut_smtp_result want;
    int code;
    bool in_doubt;
    const char *text;
} endings[] = {
    {"message refused", {.final = "554 5.7.1 no\r\n"}, UT_SMTP_PERMANENT, 554, false, "5.7.1 no"},
    {"message put off", {.final = "451-4.3.0 not\r\n451 now\r\n"}, UT_SMTP_TEMPORARY, 451, false,
        "4.3.0 not now"},
    {"full", {.final = "452 4.3.1 full\r\n"}, UT_SMTP_TEMPORARY, 452, false, "4.3.1 full"},
    {"closed instead of the last reply", {.final = ""}, UT_SMTP_TROUBLE, 354, true, "go on"},
    {"half a reply", {.final = "250-2.0.0 almost\r\n"}, UT_SMTP_TROUBLE, 250, true,
        "2.0.0 almost"},
    {"odd success", {.final = "251 hm\r\n"}, UT_SMTP_TROUBLE, 251, false, "hm"},
    {"data refused", {.data = "554 no valid recipients\r\n"}, UT_SMTP_PERMANENT, 554, false,
        "no valid recipients"},
    {"data put off", {.data = "421 4.3.2 shutting down\r\n"}, UT_SMTP_TEMPORARY, 421, false,
        "4.3.2 shutting down"},
    {"sender refused", {.mail = "553 5.1.8 sender\r\n"}, UT_SMTP_PERMANENT, 553, false,
        "5.1.8 sender"},
    {"recipient put off", {.rcpt = "450 4.2.0 grey\r\n"}, UT_SMTP_TEMPORARY, 450, false,
        "4.2.0 grey"},
    {"5xx greeting", {.greeting = "554 go away\r\n"}, UT_SMTP_TEMPORARY, 554, false, "go away"},
    {"5xx to EHLO and HELO", {.ehlo = "502 no\r\n"}, UT_SMTP_TEMPORARY, 550, false, "no helo"},
    {"4xx greeting", {.greeting = "421 busy\r\n"}, UT_SMTP_TEMPORARY, 421, false, "busy"},
    {"no greeting", {.greeting = ""}, UT_SMTP_TROUBLE, 0, false, ""},
    {"garbage", {.greeting = "HTTP/1.0 400 x\r\n"}, UT_SMTP_TROUBLE, 0, false, ""},
    {"no answer to QUIT", {.quit = ""}, UT_SMTP_ACCEPTED, 250, false, "2.0.0 queued"},
    {"closed at QUIT", {.quit = "421 x\r\n"}, UT_SMTP_ACCEPTED, 250, false, "2.0.0 queued"},
    {"control bytes", {.final = "554 a\tb\xff\r\n"}, UT_SMTP_PERMANENT, 554, false, "a\\x09b\\xFF"},
};

static void
test_endings(void)
{
    struct ut_smtp_reply reply;
    struct script script;
    struct ut_diag d;
    struct sink s;

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        const struct script *e = &endings[i].script;
        struct source src = {.p = "x\r\n", .len = 3};
        struct ut_smtp_job job = {.sender = "s@x", .read = source_read, .arg = &src, .length = -1,
            .timeout = 2};
        double start = ut_time_mono();

        script = (struct script){e->greeting ? e->greeting : willing.greeting,
            e->ehlo ? e->ehlo : willing.ehlo, e->mail ? e->mail : willing.mail,
            e->rcpt ? e->rcpt : willing.rcpt, e->data ? e->data : willing.data,
            e->final ? e->final : willing.final, e->quit ? e->quit : willing.quit};
        memset(&d, 0, sizeof(d));
        run(&s, &script, &job, &reply, &d);
        tap_num(reply.result, endings[i].want, endings[i].name);
        tap_num(reply.code, endings[i].code, "  its code");
        tap_ok(reply.in_doubt == endings[i].in_doubt, "  in doubt or not");
        tap_str(reply.text, endings[i].text, "  its text");
        tap_ok((reply.result == UT_SMTP_ACCEPTED) == (d.text[0] == '\0'), "  a reason: %s", d.text);
        tap_ok(ut_time_mono() - start < 7, "  in time");
        sink_fini(&s);
    }
}

/* After a refusal QUIT was waited for as long as for anything else, over the caller's time. */
static void
test_quit(void)
{
    struct script script = willing;
    struct source src = {.p = "x\r\n", .len = 3};
    struct ut_smtp_job job = {.sender = "s@x", .read = source_read, .arg = &src, .length = -1,
        .timeout = 15};
    struct ut_smtp_reply reply;
    struct ut_diag d;
    struct sink s;
    double start = ut_time_mono();

    script.rcpt = "550 5.1.1 no\r\n";
    script.quit = "";
    tap_num(run(&s, &script, &job, &reply, &d), UT_SMTP_PERMANENT, "refused, no answer to QUIT");
    tap_num(reply.code, 550, "  its code");
    tap_ok(ut_time_mono() - start < 8, "  in time");
    sink_fini(&s);
}

static void
test_fd(void)
{
    char path[] = "/tmp/ut_smtp.XXXXXX";
    int fd = mkstemp(path);
    struct ut_smtp_reply reply;
    struct ut_diag d;
    struct sink s;

    if (fd < 0 || write(fd, "envelope\nA: b\r\n\r\n.x\r\ntail", 26) != 26) {
        tap_ok(false, "a file");
        return;
    }
    unlink(path);
    struct ut_smtp_job job = {.fd = fd, .offset = 9, .length = 12};

    tap_num(run(&s, &willing, &job, &reply, &d), UT_SMTP_ACCEPTED, "from a file");
    tap_str(ut_sbuf_text(&s.message), "A: b\r\n\r\n.x\r\n", "its part of the file");
    sink_fini(&s);

    job.server = NULL;
    job.length = 100;
    tap_num(run(&s, &willing, &job, &reply, &d), UT_SMTP_TROUBLE, "file shorter than it should be");
    tap_ok(strstr(d.text, "less than the 100 bytes") != NULL, "  says so: %s", d.text);
    tap_ok(strstr(ut_sbuf_text(&s.commands), "CUT|") != NULL, "  the server got no end");
    sink_fini(&s);

    job.server = NULL;
    job.fd = -1;
    tap_num(run(&s, &willing, &job, &reply, &d), UT_SMTP_TROUBLE, "no file");
    sink_fini(&s);
    close(fd);
}

static const struct {
    const char *name, *text, *want; /* want NULL: refused */
    bool fix_lf;
} newlines[] = {
    {"LF dot LF", "a\n.\nMAIL FROM:<x>\n", NULL, false},
    {"LF dot CRLF", "a\n.\r\nMAIL FROM:<x>\r\n", NULL, false},
    {"CR dot CR", "a\r.\rMAIL", NULL, false},
    {"LF dot, fixed", "a\n.\nb\n", "a\r\n.\r\nb\r\n", true},
    {"mixed, fixed", "a\nb\r\n\nc\r", "a\r\nb\r\n\r\nc\r\r\n", true},
    {"CR dot, fixed", "a\r.b\n", NULL, true},
};

static void
test_newlines(void)
{
    struct ut_smtp_reply reply;
    struct ut_diag d;
    struct sink s;

    for (size_t i = 0; i < 2 * sizeof(newlines) / sizeof(newlines[0]); i++) {
        const char *text = newlines[i / 2].text, *want = newlines[i / 2].want;
        struct source src = {.p = text, .len = strlen(text), .step = i % 2};
        struct ut_smtp_job job = {.read = source_read, .arg = &src, .length = -1,
            .fix_lf = newlines[i / 2].fix_lf};

        run(&s, &willing, &job, &reply, &d);
        tap_num(reply.result, want ? UT_SMTP_ACCEPTED : UT_SMTP_PERMANENT, newlines[i / 2].name);
        if (want)
            tap_str(ut_sbuf_text(&s.message), want, newlines[i / 2].name);
        else
            tap_ok(strstr(ut_sbuf_text(&s.commands), "CUT|") != NULL, "  the server got no end");
        sink_fini(&s);
    }
}

static void
test_refused_here(void)
{
    static const char *const rcpts[] = {"a@b\r\nRCPT TO:<c@d>", "a b@c", "a>b@c", "", "\"a@c",
        "\"a\\\rb\"@c", "a@b\x7f"};
    struct source src = {.p = "x", .len = 1};
    struct ut_smtp_job job = {.server = "127.0.0.1:1", .read = source_read, .arg = &src,
        .length = 1, .timeout = 2};
    struct ut_smtp_reply reply;
    struct ut_diag d;

    tap_num(ut_smtp_send(&job, &reply, &d), UT_SMTP_PERMANENT, "no recipient");
    for (size_t i = 0; i < sizeof(rcpts) / sizeof(rcpts[0]); i++) {
        job.rcpts = &rcpts[i];
        job.rcpt_count = 1;
        tap_num(ut_smtp_send(&job, &reply, &d), UT_SMTP_PERMANENT, "a recipient that cannot be");
    }
    job.rcpts = one_rcpt;
    job.sender = "a@b\nDATA";
    tap_num(ut_smtp_send(&job, &reply, NULL), UT_SMTP_PERMANENT, "a sender that cannot be, no diag");
    job.sender = NULL;
    tap_num(ut_smtp_send(&job, &reply, &d), UT_SMTP_TROUBLE, "nobody listens");
    tap_ok(!reply.in_doubt && reply.code == 0, "  no doubt, no code: %s", d.text);
    job.server = "unix:/x";
    tap_num(ut_smtp_send(&job, &reply, &d), UT_SMTP_TROUBLE, "a server that cannot be");
    job.server = "nonsense";
    tap_num(ut_smtp_send(&job, &reply, &d), UT_SMTP_TROUBLE, "no port");
}

static void
test_read_fails(void)
{
    struct source src = {.p = "half\r\n", .len = 6};
    struct ut_smtp_job job = {.read = source_fails, .arg = &src, .length = -1};
    struct ut_smtp_reply reply;
    struct ut_diag d;
    struct sink s;

    tap_num(run(&s, &willing, &job, &reply, &d), UT_SMTP_TROUBLE, "the reader fails");
    tap_ok(strstr(ut_sbuf_text(&s.commands), "CUT|") != NULL && !reply.in_doubt,
        "  the server got no end: %s", d.text);
    sink_fini(&s);
}

/* Replies line by line. */
static void
test_replies(void)
{
    static const struct {
        const char *lines[4];
        int want_code;
        bool want_more;
        const char *want_text;
    } rows[] = {
        {{"250 fine\r\n"}, 250, false, "fine"},
        {{"250-one\r\n", "250-two\n", "250 three"}, 250, false, "one two three"},
        {{"250-one\r\n", "250-two\r\n"}, 250, true, "one two"},
        {{"250 one\r\n", "550 two\r\n"}, 550, false, "two"},
        {{"250-one\r\n", "rubbish\r\n", "250 two"}, 250, false, "one two"},
        {{"354\r\n"}, 354, false, ""},
        {{"25\r\n", "", "x250 no"}, 0, false, ""},
        {{"550 a\tb\rc\x01\xff\r\n"}, 550, false, "a\\x09b\\x0Dc\\x01\\xFF"},
    };
    struct ut_smtp_lines r;
    char text[32], cut[6];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        r = (struct ut_smtp_lines){0};
        ut_sbuf_init(&r.text, 1000);
        for (size_t k = 0; k < 4 && rows[i].lines[k]; k++)
            (void)!ut_smtp_lines_add(&r, rows[i].lines[k], strlen(rows[i].lines[k]));
        ut_smtp_lines_text(&r, text, sizeof(text));
        tap_ok(r.code == rows[i].want_code && r.more == rows[i].want_more, "reply %zu", i);
        tap_str(text, rows[i].want_text, "its text");
        ut_sbuf_fini(&r.text);
    }
    r = (struct ut_smtp_lines){0};
    ut_sbuf_init(&r.text, 8);
    tap_num(ut_smtp_lines_add(&r, "250-4 \xc3\xb6\xc3\xb6\r\n", 12), 0, "a line");
    ut_smtp_lines_text(&r, cut, sizeof(cut));
    tap_str(cut, "4 \xc3\xb6", "cut as UTF-8");
    tap_num(ut_smtp_lines_add(&r, "250 much more", 13), 0, "one that does not fit");
    tap_ok(r.text.failed && !r.more, "is known, and the reply has an end");
    ut_sbuf_fini(&r.text);
}

int
main(void)
{
    setenv("all_proxy", "http://127.0.0.1:9", 1);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    test_messages();
    test_large(-1, 0);
    test_large(1, 0);
    test_large(1, 977);
    test_envelope();
    test_fd();
    test_newlines();
    test_refused_here();
    test_read_fails();
    test_endings();
    test_quit();
    test_replies();
    curl_global_cleanup();
    return tap_done();
}
