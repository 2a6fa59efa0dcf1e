/* ut_ctl.c - control sockets: answers, hostile clients and servers, stopping in the middle. */
#include "config.h"

#include "lib/ut_ctl.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ut_sock.h"
#include "lib/ut_time.h"
#include "t/unit/tap.h"

static char dir[] = "/tmp/ut_ctl.XXXXXX";
static char path[64];
static atomic_int in_handler;

/* Sends records without end, until it is told to stop. */
static int
flood(struct ut_ctl_client *client, struct ut_diag *d)
{
    struct ut_sbuf b;
    int n = 0;

    ut_sbuf_init(&b, 10000);
    ut_attr_addz(&b, "filler", "....................................................");
    while (ut_ctl_record(client, &b) == 0)
        n++;
    ut_sbuf_fini(&b);
    return ut_diag_set(d, "stopped after %d", n);
}

static int
handler(void *arg, const struct ut_attr_list *request, struct ut_ctl_client *client,
    struct ut_diag *d)
{
    long long count = 0;
    struct ut_sbuf b;
    int r = 0;

    atomic_fetch_add(&in_handler, 1);
    if (ut_attr_is(request, "request", "fail"))
        r = ut_diag_set(d, "it\nfailed %s", (const char *)arg);
    if (ut_attr_is(request, "request", "flood"))
        r = flood(client, d);
    if (ut_attr_is(request, "request", "silent"))
        r = -1;
    ut_sbuf_init(&b, 100000);
    if (ut_attr_get_int(request, "count", 0, 1000000, &count) == 0) {
        for (long long i = 0; i < count && r == 0; i++) {
            ut_sbuf_reset(&b);
            ut_attr_addi(&b, "i", i);
            ut_attr_addz(&b, "text", "a\nb%");
            ut_attr_addz(&b, "status", "held");
            r = ut_ctl_record(client, &b);
        }
    }
    if (ut_attr_is(request, "request", "bad records")) {
        ut_sbuf_reset(&b);
        r = ut_ctl_record(client, &b) == -1 ? 0 : -1;
        ut_attr_addz(&b, "status", "ok");
        r = ut_ctl_record(client, &b) == -1 ? r : -1;
        b.failed = true;
        r = ut_ctl_record(client, &b) == -1 ? r : -1;
    }
    if (ut_attr_is(request, "request", "peer"))
        r = ut_ctl_peer(client) == getuid() ? 0 : -1;
    ut_sbuf_fini(&b);
    atomic_fetch_sub(&in_handler, 1);
    return r;
}

struct count {
    long long records, stop_at;
    bool sound;
};

static int
take(void *arg, const struct ut_attr_list *record)
{
    struct count *c = arg;
    long long i;

    c->sound = c->sound && ut_attr_get_int(record, "i", 0, 1000000, &i) == 0 && i == c->records &&
               ut_attr_is(record, "text", "a\nb%");
    c->records++;
    return c->records == c->stop_at;
}

static enum ut_ctl_result
call(const char *request, long long count, struct count *c, double timeout, struct ut_diag *d)
{
    enum ut_ctl_result r;
    struct ut_sbuf b;

    ut_sbuf_init(&b, 1000);
    ut_attr_addz(&b, "request", request);
    if (count > 0)
        ut_attr_addi(&b, "count", count);
    r = ut_ctl_call(path, &b, c ? take : NULL, c, timeout, d);
    ut_sbuf_fini(&b);
    return r;
}

static void
test_answers(void)
{
    struct count c = {.sound = true};
    struct ut_diag d;
    struct ut_sbuf b;
    struct stat st;

    tap_ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600, "permissions of the socket");
    tap_num(call("list", 0, &c, 5, &d), UT_CTL_OK, "no records");
    tap_num(c.records, 0, "none came");
    tap_num(call("list", 3000, &c, 5, &d), UT_CTL_OK, "3000 records");
    tap_ok(c.records == 3000 && c.sound, "all came, in order, as they were");
    c = (struct count){.sound = true, .stop_at = 10};
    tap_num(call("list", 3000, &c, 5, &d), UT_CTL_OK, "the call-back ends the call");
    tap_num(c.records, 10, "after ten");
    tap_num(call("list", 100, NULL, 5, &d), UT_CTL_OK, "records nobody wants");
    tap_num(call("fail", 0, NULL, 5, &d), UT_CTL_REFUSED, "an error");
    tap_str(d.text, "it\\x0Afailed x", "its text");
    tap_num(call("silent", 0, NULL, 5, &d), UT_CTL_REFUSED, "an error without a text");
    tap_ok(d.text[0] != '\0', "has one all the same: %s", d.text);
    tap_num(call("bad records", 0, NULL, 5, &d), UT_CTL_OK, "records that cannot be are refused");
    tap_num(call("peer", 0, NULL, 5, &d), UT_CTL_OK, "the peer is known");
    ut_sbuf_init(&b, 100);
    tap_num(ut_ctl_call(path, &b, NULL, NULL, 5, &d), UT_CTL_TROUBLE, "an empty request");
    ut_attr_addz(&b, "x", "y");
    tap_num(ut_ctl_call(path, &b, NULL, NULL, 5, &d), UT_CTL_REFUSED, "a request without a name");
    ut_sbuf_fini(&b);
}

static int
raw(void)
{
    struct ut_sock_addr a = {.family = UT_SOCK_UNIX};

    snprintf(a.path, sizeof(a.path), "%s", path);
    return ut_sock_connect(&a, ut_time_mono() + 5, NULL);
}

/* Sends [data] and gives what comes back until the end. */
static const char *
raw_call(const char *data, size_t len, char *buf, size_t size)
{
    int fd = raw();
    size_t have = 0;
    ssize_t n = 1;

    if (fd < 0 || ut_sock_send(fd, data, len, ut_time_mono() + 5) != 0)
        tap_ok(false, "raw send");
    shutdown(fd, SHUT_WR);
    while (n > 0 && have + 1 < size) {
        n = ut_sock_recv(fd, buf + have, size - 1 - have, ut_time_mono() + 5);
        have += n > 0 ? (size_t)n : 0;
    }
    buf[have] = '\0';
    close(fd);
    return buf;
}

static void
test_hostile_clients(void)
{
    static char big[100000];
    char buf[1000];
    int fd[UT_CTL_MAX_CLIENTS];
    struct ut_diag d;

    tap_str(raw_call("request=list\n\nrequest=fail\n\n", 28, buf, sizeof(buf)),
        "status=ok\n\nstatus=error\ntext=it\\x0Afailed x\n\n", "two requests on one connection");
    tap_str(raw_call("garbage\n", 8, buf, sizeof(buf)),
        "status=error\ntext=attribute list: a line is not name=value\n\n", "garbage");
    tap_str(raw_call("\n", 1, buf, sizeof(buf)),
        "status=error\ntext=the attribute request is missing\n\n", "an empty list");
    tap_str(raw_call("request=li", 10, buf, sizeof(buf)), "", "half a request");
    memset(big, 'a', sizeof(big));
    tap_ok(strncmp(raw_call(big, sizeof(big), buf, sizeof(buf)), "status=error\n", 13) == 0 ||
               buf[0] == '\0',
        "a line without end");
    for (int i = 0; i < UT_CTL_MAX_CLIENTS; i++)
        fd[i] = raw();
    usleep(100000);
    tap_ok(call("list", 0, NULL, 5, &d) != UT_CTL_OK && strstr(d.text, "too many clients"),
        "one client too many: %s", d.text);
    for (int i = 0; i < UT_CTL_MAX_CLIENTS; i++)
        close(fd[i]);
    for (int i = 0; i < 200 && call("list", 0, NULL, 5, &d) != UT_CTL_OK; i++)
        usleep(50000);
    tap_num(call("list", 0, NULL, 5, &d), UT_CTL_OK, "served again when they are gone");
}

/* A client that asks for a flood and reads nothing, and one that says nothing: stopping cuts both. */
static void
test_stop(struct ut_ctl_server *s)
{
    int busy = raw(), idle = raw();
    double start;

    tap_ok(ut_sock_send(busy, "request=flood\n\n", 15, ut_time_mono() + 5) == 0, "a flood");
    for (int i = 0; i < 500 && atomic_load(&in_handler) == 0; i++)
        usleep(10000);
    start = ut_time_mono();
    ut_ctl_server_stop(s);
    tap_ok(ut_time_mono() - start < 5, "stops in time");
    tap_num(atomic_load(&in_handler), 0, "no handler runs any more");
    tap_ok(access(path, F_OK) != 0, "the socket is gone");
    close(busy);
    close(idle);
    ut_ctl_server_stop(NULL);
}

static const struct {
    const char *name, *answer;
    enum ut_ctl_result want;
} servers[] = {
    {"closes at once", "", UT_CTL_TROUBLE},
    {"closes within", "i=0\ntext=a%0Ab%25\n\nstat", UT_CTL_TROUBLE},
    {"garbage", "HTTP/1.1 400\n", UT_CTL_TROUBLE},
    {"no status", "i=0\ntext=a%0Ab%25\n\n", UT_CTL_TROUBLE},
    {"odd status", "status=perhaps\n\n", UT_CTL_REFUSED},
    {"ok and more", "status=ok\n\ngarbage", UT_CTL_OK},
    {"bad code", "i=%\n\n", UT_CTL_TROUBLE},
};

struct odd {
    int fd;
    const char *answer;
};

static void *
odd_main(void *arg)
{
    struct odd *o = arg;
    char buf[100];
    int fd;

    do
        fd = accept(o->fd, NULL, NULL);
    while (fd < 0);
    if (ut_sock_recv(fd, buf, sizeof(buf), ut_time_mono() + 5) <= 0)
        printf("# no request came\n");
    if (!o->answer)
        usleep(900000);
    else if (ut_sock_send(fd, o->answer, strlen(o->answer), ut_time_mono() + 5) != 0)
        printf("# the client was gone\n");
    close(fd);
    return NULL;
}

static void
test_odd_servers(void)
{
    struct ut_sock_addr a = {.family = UT_SOCK_UNIX};
    size_t count = sizeof(servers) / sizeof(servers[0]);
    struct ut_diag d;
    pthread_t t;

    snprintf(a.path, sizeof(a.path), "%s", path);
    for (size_t i = 0; i <= count; i++) {
        struct odd o = {.fd = ut_sock_listen(&a, 0600, NULL, &d),
            .answer = i < count ? servers[i].answer : NULL};
        struct count c = {.sound = true};
        double start = ut_time_mono();

        pthread_create(&t, NULL, odd_main, &o);
        tap_num(call("x", 0, &c, i < count ? 10 : 0.5, &d),
            i < count ? servers[i].want : UT_CTL_TROUBLE,
            i < count ? servers[i].name : "says nothing");
        tap_ok(ut_time_mono() - start < 3, "in time: %s", d.text);
        pthread_join(t, NULL);
        close(o.fd);
    }
    unlink(path);
    tap_num(call("x", 0, NULL, 1, &d), UT_CTL_TROUBLE, "nobody there");
    tap_ok(strstr(d.text, path) != NULL, "names the socket: %s", d.text);
}

int
main(void)
{
    char too_long[200], word[] = "x";
    struct ut_ctl_server *s;
    struct ut_diag d;

    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof(path), "%s/s", dir);
    memset(too_long, 'p', sizeof(too_long));
    too_long[sizeof(too_long) - 1] = '\0';
    tap_ok(!ut_ctl_server_start(too_long, 0600, handler, NULL, &d), "a path too long: %s", d.text);
    tap_ok(!ut_ctl_server_start("/nonexistent/s", 0600, handler, NULL, &d), "no folder: %s", d.text);
    s = ut_ctl_server_start(path, 0600, handler, word, &d);
    tap_ok(s != NULL, "starts");
    if (s) {
        tap_ok(!ut_ctl_server_start(path, 0600, handler, NULL, &d), "once only: %s", d.text);
        test_answers();
        test_hostile_clients();
        test_stop(s);
    }
    test_odd_servers();
    rmdir(dir);
    return tap_done();
}
