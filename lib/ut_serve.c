/* ut_serve.c - accepts the clients of a UNIX socket and gives each a thread.
 * Not here: what is said (ut_ctl.c, policyd/pol_state.c).
 * Threads: one accepts, one more per client; a list under a lock says who is there, so that
 * stopping can cut them off and wait.
 * Fails: a client that there is no thread or memory for loses its connection and nothing else. */
#include "config.h"

#include "lib/ut_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ut_sock.h"

struct client {
    struct ut_serve *server;
    struct client *next; /* in server->clients, under its lock */
    int fd;
    uid_t peer;
};

struct ut_serve {
    struct ut_sock_addr addr;
    ut_serve_fn *fn;
    void *arg;
    unsigned max_clients;
    const char *busy;
    int fd;      /* listens */
    int wake[2]; /* a closed write end stops the accepting thread */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t left;    /* a client is gone */
    struct client *clients; /* under [lock] */
    unsigned count;         /* of them */
    bool stopping;          /* under [lock] */
};

/* Takes [c] off the list, closes and frees it. */
static void
serve_leave(struct client *c)
{
    struct ut_serve *s = c->server;
    struct client **at;

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
serve_client_main(void *arg)
{
    struct client *c = arg;

    c->server->fn(c->server->arg, c->fd, c->peer);
    serve_leave(c);
    return NULL;
}

/* Puts the client on the list; false if there are too many. */
static bool
serve_join(struct client *c)
{
    struct ut_serve *s = c->server;
    bool room;

    pthread_mutex_lock(&s->lock);
    room = s->count < s->max_clients && !s->stopping;
    if (room) {
        c->next = s->clients;
        s->clients = c;
        s->count++;
    }
    pthread_mutex_unlock(&s->lock);
    return room;
}

static uid_t
serve_peer_of(int fd)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 ? cred.uid : (uid_t)-1;
}

/* Starts a thread for the connection [fd], which it takes. */
static void
serve_accept(struct ut_serve *s, int fd)
{
    struct client *c = calloc(1, sizeof(*c));
    pthread_t thread;

    if (c) {
        c->server = s;
        c->fd = fd;
        c->peer = serve_peer_of(fd);
    }
    if (!c || !serve_join(c)) {
        (void)send(fd, s->busy, strlen(s->busy), MSG_NOSIGNAL | MSG_DONTWAIT);
        free(c);
        close(fd);
        return;
    }
    if (pthread_create(&thread, NULL, serve_client_main, c) != 0)
        serve_leave(c);
    else
        pthread_detach(thread);
}

static void *
serve_accept_main(void *arg)
{
    struct ut_serve *s = arg;
    struct pollfd pfd[2] = {{.fd = s->wake[0], .events = POLLIN}, {.fd = s->fd, .events = POLLIN}};
    int fd;

    for (;;) {
        if (poll(pfd, 2, -1) < 0)
            continue;
        if (pfd[0].revents)
            return NULL;
        fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            serve_accept(s, fd);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            poll(pfd, 1, 100); /* the waiting client would wake us at once */
    }
}

static void
serve_server_free(struct ut_serve *s)
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

struct ut_serve *
ut_serve_start(const char *path, mode_t mode, unsigned max_clients, const char *busy,
    ut_serve_fn *fn, void *arg, struct ut_diag *d)
{
    struct ut_serve *s = calloc(1, sizeof(*s));
    int r;

    if (!s) {
        ut_diag_errno(d, "%s", path);
        return NULL;
    }
    s->fn = fn;
    s->arg = arg;
    s->max_clients = max_clients;
    s->busy = busy;
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
    r = pthread_create(&s->thread, NULL, serve_accept_main, s);
    if (r == 0)
        return s;
    errno = r;
    ut_diag_errno(d, "%s: cannot start a thread", path);
    unlink(path);
fail:
    serve_server_free(s);
    return NULL;
}

void
ut_serve_stop(struct ut_serve *s)
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
    for (struct client *c = s->clients; c; c = c->next)
        shutdown(c->fd, SHUT_RDWR);
    while (s->count > 0)
        pthread_cond_wait(&s->left, &s->lock);
    pthread_mutex_unlock(&s->lock);
    serve_server_free(s);
}

unsigned
ut_serve_count(struct ut_serve *s)
{
    unsigned count;

    pthread_mutex_lock(&s->lock);
    count = s->count;
    pthread_mutex_unlock(&s->lock);
    return count;
}
