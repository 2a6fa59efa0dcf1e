/* ut_ctl.c - control sockets, both ends.
 * Not here: the requests themselves (each daemon has its own handler).
 * Threads: one accepts, one more per client; a list under a lock says who is there, so that
 * stopping can cut them off and wait. The client end runs in the thread that calls.
 * Fails: a client that is malformed, slow or gone loses its connection and nothing else. */
#include "config.h"

#include "lib/ut_ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ut_sock.h"
#include "lib/ut_time.h"

#define CTL_OUT_MAX (1 << 20) /* bytes of one list that is sent */

struct ut_ctl_client {
    struct ut_ctl_server *server;
    struct ut_ctl_client *next; /* in server->clients, under its lock */
    int fd;
    uid_t peer;
};

struct ut_ctl_server {
    struct ut_sock_addr addr;
    ut_ctl_handler *handler;
    void *arg;
    int fd;      /* listens */
    int wake[2]; /* a closed write end stops the accepting thread */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t left;           /* a client is gone */
    struct ut_ctl_client *clients; /* under [lock] */
    unsigned count;                /* of them */
    bool stopping;                 /* under [lock] */
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

/* Takes [c] off the list, closes and frees it. */
static void
ctl_leave(struct ut_ctl_client *c)
{
    struct ut_ctl_server *s = c->server;
    struct ut_ctl_client **at;

    pthread_mutex_lock(&s->lock);
    for (at = &s->clients; *at != c; at = &(*at)->next)
        ;
    *at = c->next;
    s->count--;
    close(c->fd);
    pthread_cond_broadcast(&s->left);
    pthread_mutex_unlock(&s->lock);
    free(c);
}

static void *
ctl_client_main(void *arg)
{
    struct ut_ctl_client *c = arg;

    ctl_serve(c);
    ctl_leave(c);
    return NULL;
}

/* Puts the client on the list; false if there are too many. */
static bool
ctl_join(struct ut_ctl_client *c)
{
    struct ut_ctl_server *s = c->server;
    bool room;

    pthread_mutex_lock(&s->lock);
    room = s->count < UT_CTL_MAX_CLIENTS && !s->stopping;
    if (room) {
        c->next = s->clients;
        s->clients = c;
        s->count++;
    }
    pthread_mutex_unlock(&s->lock);
    return room;
}

static uid_t
ctl_peer_of(int fd)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 ? cred.uid : (uid_t)-1;
}

/* Starts a thread for the connection [fd], which it takes. */
static void
ctl_accept(struct ut_ctl_server *s, int fd)
{
    static const char busy[] = "status=error\ntext=too many clients; try again\n\n";
    struct ut_ctl_client *c = calloc(1, sizeof(*c));
    pthread_t thread;

    if (c) {
        c->server = s;
        c->fd = fd;
        c->peer = ctl_peer_of(fd);
    }
    if (!c || !ctl_join(c)) {
        (void)send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        free(c);
        close(fd);
        return;
    }
    if (pthread_create(&thread, NULL, ctl_client_main, c) != 0)
        ctl_leave(c);
    else
        pthread_detach(thread);
}

static void *
ctl_server_main(void *arg)
{
    struct ut_ctl_server *s = arg;
    struct pollfd pfd[2] = {
        {.fd = s->wake[0], .events = POLLIN}, {.fd = s->fd, .events = POLLIN}};
    int fd;

    for (;;) {
        if (poll(pfd, 2, -1) < 0)
            continue;
        if (pfd[0].revents)
            return NULL;
        fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            ctl_accept(s, fd);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            poll(pfd, 1, 100); /* the waiting client would wake us at once */
    }
}

static void
ctl_server_free(struct ut_ctl_server *s)
{
    if (s->fd >= 0)
        close(s->fd);
    for (int i = 0; i < 2; i++)
        if (s->wake[i] >= 0)
            close(s->wake[i]);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->left);
    free(s);
}

struct ut_ctl_server *
ut_ctl_server_start(const char *path, mode_t mode, ut_ctl_handler *handler, void *arg,
    struct ut_diag *d)
{
    struct ut_ctl_server *s = calloc(1, sizeof(*s));
    int r;

    if (!s) {
        ut_diag_errno(d, "%s", path);
        return NULL;
    }
    s->handler = handler;
    s->arg = arg;
    s->fd = s->wake[0] = s->wake[1] = -1;
    s->addr.family = UT_SOCK_UNIX;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->left, NULL);
    if (strlen(path) >= sizeof(s->addr.path)) {
        ut_diag_set(d, "%s: the file name of a socket has at most %zu bytes", path,
            sizeof(s->addr.path) - 1);
        goto fail;
    }
    memcpy(s->addr.path, path, strlen(path) + 1);
    if (pipe2(s->wake, O_CLOEXEC) != 0) {
        ut_diag_errno(d, "%s", path);
        goto fail;
    }
    s->fd = ut_sock_listen(&s->addr, mode, NULL, d);
    if (s->fd < 0)
        goto fail;
    r = pthread_create(&s->thread, NULL, ctl_server_main, s);
    if (r == 0)
        return s;
    errno = r;
    ut_diag_errno(d, "%s: cannot start a thread", path);
    unlink(path);
fail:
    ctl_server_free(s);
    return NULL;
}

void
ut_ctl_server_stop(struct ut_ctl_server *s)
{
    if (!s)
        return;
    close(s->wake[1]);
    s->wake[1] = -1;
    pthread_join(s->thread, NULL);
    /* Before the socket is closed: as long as it listens, nobody else takes its name. */
    unlink(s->addr.path);
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    for (struct ut_ctl_client *c = s->clients; c; c = c->next)
        shutdown(c->fd, SHUT_RDWR);
    while (s->count > 0)
        pthread_cond_wait(&s->left, &s->lock);
    pthread_mutex_unlock(&s->lock);
    ctl_server_free(s);
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
