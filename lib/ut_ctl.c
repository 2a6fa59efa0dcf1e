/* ut_ctl.c - control sockets, both ends.
 * Not here: the requests themselves (each daemon has its own handler), sockets and threads of the
 * server (ut_serve.c).
 * Threads: one per client. The client end runs in the thread that calls.
 * Fails: a client that is malformed, slow or gone loses its connection and nothing else. */
#include "config.h"

#include "lib/ut_ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ut_serve.h"
#include "lib/ut_sock.h"
#include "lib/ut_time.h"

#define CTL_OUT_MAX (1 << 20) /* bytes of one list that is sent */

struct ut_ctl_client {
    struct ut_ctl_server *server;
    int fd;
    uid_t peer;
};

struct ut_ctl_server {
    struct ut_serve *serve;
    ut_ctl_handler *handler;
    void *arg;
};

/* The list that ends an answer. */
static int
ctl_send_status(int fd, const char *text)
{
    struct ut_sbuf b;
    int r = -1;

    ut_sbuf_init(&b, CTL_OUT_MAX);
    ut_attr_addz(&b, "status", text ? "error" : "ok");
    if (text)
        ut_attr_addz(&b, "text", text);
    ut_attr_end(&b);
    if (!b.failed)
        r = ut_sock_send(fd, ut_sbuf_text(&b), b.len, ut_time_mono() + UT_CTL_IDLE);
    ut_sbuf_fini(&b);
    return r;
}

/* Attributes as a whole list; -1 with errno. */
static int
ctl_send_list(int fd, const struct ut_sbuf *attrs, double deadline)
{
    if (ut_sock_send(fd, ut_sbuf_text(attrs), attrs->len, deadline) != 0)
        return -1;
    return ut_sock_send(fd, "\n", 1, deadline);
}

int
ut_ctl_record(struct ut_ctl_client *client, const struct ut_sbuf *attrs)
{
    if (attrs->failed || attrs->len == 0 || strncmp(attrs->data, "status=", 7) == 0)
        return -1;
    return ctl_send_list(client->fd, attrs, ut_time_mono() + UT_CTL_IDLE);
}

uid_t
ut_ctl_peer(const struct ut_ctl_client *client)
{
    return client->peer;
}

/* Answers one request; -1 if the connection is to be closed. */
static int
ctl_answer(struct ut_ctl_client *c, const struct ut_attr_list *request)
{
    struct ut_diag d = {.text = "the request failed"};

    if (!ut_attr_get(request, "request", NULL))
        return ctl_send_status(c->fd, "the attribute request is missing");
    if (c->server->handler(c->server->arg, request, c, &d) != 0)
        return ctl_send_status(c->fd, d.text);
    return ctl_send_status(c->fd, NULL);
}

/* Tells a client that it will be cut off; gives -1. */
static int
ctl_refuse(struct ut_ctl_client *c, const char *text)
{
    ctl_send_status(c->fd, text);
    return -1;
}

/* Feeds [len] bytes; answers each request in them. -1 if the connection is to be closed. */
static int
ctl_feed(struct ut_ctl_client *c, struct ut_attr_parser *p, const char *data, size_t len)
{
    enum ut_attr_result r;
    struct ut_diag d;
    size_t used;

    while (len > 0) {
        r = ut_attr_parser_feed(p, data, len, &used, &d);
        data += used;
        len -= used;
        if (r == UT_ATTR_MORE)
            return 0;
        if (r == UT_ATTR_BROKEN)
            return ctl_refuse(c, d.text);
        if (ctl_answer(c, &p->list) != 0)
            return -1;
    }
    return 0;
}

static void
ctl_serve(struct ut_ctl_client *c)
{
    double deadline = ut_time_mono() + UT_CTL_IDLE;
    struct ut_attr_parser p;
    char buf[4096];
    ssize_t n;

    ut_attr_parser_init(&p, &ut_attr_limits_own);
    while ((n = ut_sock_recv(c->fd, buf, sizeof(buf), deadline)) > 0) {
        if (ctl_feed(c, &p, buf, (size_t)n) != 0)
            break;
        if (ut_attr_parser_idle(&p))
            deadline = ut_time_mono() + UT_CTL_IDLE;
    }
    ut_attr_parser_fini(&p);
}

/* For ut_serve_start(). */
static void
ctl_client_main(void *arg, int fd, uid_t peer)
{
    struct ut_ctl_client c = {.server = arg, .fd = fd, .peer = peer};

    ctl_serve(&c);
}

struct ut_ctl_server *
ut_ctl_server_start(const char *path, mode_t mode, ut_ctl_handler *handler, void *arg,
    struct ut_diag *d)
{
    struct ut_ctl_server *s = calloc(1, sizeof(*s));

    if (!s) {
        ut_diag_errno(d, "%s", path);
        return NULL;
    }
    s->handler = handler;
    s->arg = arg;
    s->serve = ut_serve_start(path, mode, UT_CTL_MAX_CLIENTS,
        "status=error\ntext=too many clients; try again\n\n", ctl_client_main, s, d);
    if (s->serve)
        return s;
    free(s);
    return NULL;
}

void
ut_ctl_server_stop(struct ut_ctl_server *s)
{
    if (s)
        ut_serve_stop(s->serve);
    free(s);
}

/* Sends the request to a new connection; -1 with [d] set. */
static int
ctl_ask(const char *path, const struct ut_sbuf *request, double timeout, struct ut_diag *d)
{
    struct ut_sock_addr addr = {.family = UT_SOCK_UNIX};
    double deadline = ut_time_mono() + timeout;
    int fd;

    if (request->failed || request->len == 0)
        return ut_diag_set(d, "%s: the request is too large or empty", path);
    if (strlen(path) >= sizeof(addr.path))
        return ut_diag_set(d, "%s: the file name of a socket has at most %zu bytes", path,
            sizeof(addr.path) - 1);
    memcpy(addr.path, path, strlen(path) + 1);
    fd = ut_sock_connect(&addr, deadline, d);
    if (fd < 0 || ctl_send_list(fd, request, deadline) == 0)
        return fd;
    /* A server that has no room says so and closes before it reads: then there is an answer. */
    if (errno == EPIPE || errno == ECONNRESET)
        return fd;
    ut_diag_errno(d, "%s", path);
    close(fd);
    return -1;
}

/* What a complete list means for the call: true if it goes on. */
static bool
ctl_take(const struct ut_attr_list *l, ut_ctl_record_fn *fn, void *arg, enum ut_ctl_result *result,
    struct ut_diag *d)
{
    const char *text;

    if (l->count == 0 || strcmp(l->items[0].name, "status") != 0) {
        *result = UT_CTL_OK;
        return !fn || fn(arg, l) == 0;
    }
    if (ut_attr_is(l, "status", "ok")) {
        *result = UT_CTL_OK;
        return false;
    }
    text = ut_attr_get(l, "text", NULL);
    ut_diag_set(d, "%s", text ? text : "refused without a reason");
    *result = UT_CTL_REFUSED;
    return false;
}

/* Where an answer is read from. */
struct ctl_stream {
    int fd;
    struct ut_attr_parser parser;
    size_t at, have; /* what of [buf] is not read yet */
    char buf[16384];
};

/* Reads one list into st->parser.list; -1 with [d] set. */
static int
ctl_read_list(struct ctl_stream *st, double deadline, struct ut_diag *d)
{
    enum ut_attr_result r = UT_ATTR_MORE;
    size_t used;
    ssize_t n;

    while (r == UT_ATTR_MORE) {
        if (st->at == st->have) {
            n = ut_sock_recv(st->fd, st->buf, sizeof(st->buf), deadline);
            if (n == 0)
                return ut_diag_set(d, "the connection ended within the answer");
            if (n < 0)
                return ut_diag_errno(d, "no answer");
            st->at = 0;
            st->have = (size_t)n;
        }
        r = ut_attr_parser_feed(&st->parser, st->buf + st->at, st->have - st->at, &used, d);
        st->at += used;
    }
    return r == UT_ATTR_LIST ? 0 : -1;
}

enum ut_ctl_result
ut_ctl_call(const char *path, const struct ut_sbuf *request, ut_ctl_record_fn *fn, void *arg,
    double timeout, struct ut_diag *d)
{
    enum ut_ctl_result result = UT_CTL_TROUBLE;
    struct ctl_stream *st = calloc(1, sizeof(*st));

    if (!st) {
        ut_diag_errno(d, "%s", path);
        return UT_CTL_TROUBLE;
    }
    ut_attr_parser_init(&st->parser, &ut_attr_limits_own);
    st->fd = ctl_ask(path, request, timeout, d);
    if (st->fd >= 0) {
        do
            result = UT_CTL_TROUBLE;
        while (ctl_read_list(st, ut_time_mono() + timeout, d) == 0 &&
               ctl_take(&st->parser.list, fn, arg, &result, d));
        close(st->fd);
    }
    ut_attr_parser_fini(&st->parser);
    free(st);
    return result;
}
