/* ut_sock.c - stream sockets with addresses as administrators write them, and deadlines.
 * Not here: what is said over them (ut_attr.c, ut_ctl.c); libmilter opens its own socket.
 * Threads: any. Fails: -1 with a diagnostic or errno; nothing stays open. */
#include "config.h"

#include "lib/ut_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/ut_num.h"
#include "lib/ut_time.h"

#define UT_SOCK_BACKLOG 128
#define LISTEN_SECONDS 60 /* for looking up the name of an address of our own */

static int
sock_port(struct ut_sock_addr *a, const char *text, size_t len, const char *whole,
    struct ut_diag *d)
{
    char digits[8];
    long long port = -1;

    if (len < sizeof(digits)) {
        memcpy(digits, text, len);
        digits[len] = '\0';
        if (ut_num_int(digits, 0, 65535, &port) != 0)
            port = -1;
    }
    if (port < 0)
        return ut_diag_set(d, "\"%s\": \"%.*s\" is no port number", whole,
            len < 64 ? (int)len : 64, text);
    a->port = (unsigned)port;
    return 0;
}

static int
sock_host(struct ut_sock_addr *a, const char *text, size_t len, const char *whole,
    struct ut_diag *d)
{
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= sizeof(a->host) || memchr(text, '[', len) || memchr(text, ']', len) ||
        memchr(text, ' ', len))
        return ut_diag_set(d, "\"%s\": the host is malformed", whole);
    if (len == 1 && text[0] == '*')
        len = 0;
    memcpy(a->host, text, len);
    a->host[len] = '\0';
    return 0;
}

/* "HOST:PORT" or "PORT@HOST" in [text], a part of [whole]. */
static int
sock_parse_inet(const char *text, struct ut_sock_addr *a, const char *whole, struct ut_diag *d)
{
    const char *at = strchr(text, '@'), *colon = strrchr(text, ':');

    a->family = UT_SOCK_INET;
    if (at) {
        if (sock_host(a, at + 1, strlen(at + 1), whole, d) != 0)
            return -1;
        return sock_port(a, text, (size_t)(at - text), whole, d);
    }
    if (!colon)
        return ut_diag_set(d, "\"%s\": write unix:PATH, HOST:PORT or PORT@HOST", whole);
    if (text[0] != '[' && memchr(text, ':', (size_t)(colon - text)))
        return ut_diag_set(d, "\"%s\": write an IPv6 address in brackets: [::1]:25", whole);
    if (sock_host(a, text, (size_t)(colon - text), whole, d) != 0)
        return -1;
    return sock_port(a, colon + 1, strlen(colon + 1), whole, d);
}

static const char *
sock_prefix(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

int
ut_sock_parse(const char *text, struct ut_sock_addr *a, struct ut_diag *d)
{
    const char *rest;

    memset(a, 0, sizeof(*a));
    rest = sock_prefix(text, "unix:");
    if (!rest)
        rest = sock_prefix(text, "local:");
    if (rest) {
        a->family = UT_SOCK_UNIX;
        if (*rest == '\0')
            return ut_diag_set(d, "\"%s\": the file name is missing", text);
        if (strlen(rest) >= sizeof(a->path))
            return ut_diag_set(d, "\"%s\": the file name of a socket has at most %zu bytes", text,
                sizeof(a->path) - 1);
        memcpy(a->path, rest, strlen(rest) + 1);
        return 0;
    }
    rest = sock_prefix(text, "inet:");
    if (!rest)
        rest = sock_prefix(text, "inet6:");
    return sock_parse_inet(rest ? rest : text, a, text, d);
}

void
ut_sock_to_text(const struct ut_sock_addr *a, struct ut_sbuf *out)
{
    if (a->family == UT_SOCK_UNIX)
        ut_sbuf_addf(out, "unix:%s", a->path);
    else if (strchr(a->host, ':'))
        ut_sbuf_addf(out, "inet:[%s]:%u", a->host, a->port);
    else
        ut_sbuf_addf(out, "inet:%s:%u", a->host[0] ? a->host : "*", a->port);
}

/* For messages: as ut_sock_to_text(), cut to fit. */
static const char *
sock_name(const struct ut_sock_addr *a, char *buf, size_t size)
{
    struct ut_sbuf b;

    ut_sbuf_init(&b, size - 1);
    ut_sock_to_text(a, &b);
    snprintf(buf, size, "%s", ut_sbuf_text(&b));
    ut_sbuf_fini(&b);
    return buf;
}

static struct sockaddr_un
sock_un(const struct ut_sock_addr *a)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    _Static_assert(sizeof(un.sun_path) >= sizeof(a->path), "a parsed path always fits");
    memcpy(un.sun_path, a->path, sizeof(a->path));
    return un;
}

/* Waits until [fd] is ready for [events]; -1 with errno. */
static int
sock_wait(int fd, short events, double deadline)
{
    struct pollfd pfd = {.fd = fd, .events = events};
    int n;

    for (;;) {
        n = poll(&pfd, 1, ut_time_poll_ms(deadline));
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -1;
        if (ut_time_mono() >= deadline) {
            errno = ETIMEDOUT;
            return -1;
        }
    }
}

/* Starts and finishes connect(2); -1 with errno. */
static int
sock_connect_fd(int fd, const struct sockaddr *sa, socklen_t len, double deadline)
{
    socklen_t size = sizeof(int);
    int error = 0;

    while (connect(fd, sa, len) != 0) {
        if (errno == EISCONN)
            return 0;
        if (errno == EAGAIN && sa->sa_family == AF_UNIX) {
            /* The backlog is full: poll(2) does not tell when there is room again. */
            if (ut_time_mono() >= deadline) {
                errno = ETIMEDOUT;
                return -1;
            }
            poll(NULL, 0, 10);
            continue;
        }
        if (errno != EINPROGRESS && errno != EINTR && errno != EALREADY)
            return -1;
        if (sock_wait(fd, POLLOUT, deadline) != 0 ||
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
            return -1;
        errno = error;
        return error == 0 ? 0 : -1;
    }
    return 0;
}

static int
sock_new(int family)
{
    return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Closes [fd] and keeps errno; gives -1. */
static int
sock_close(int fd)
{
    int saved = errno;

    if (fd >= 0)
        close(fd);
    errno = saved;
    return -1;
}

static int
sock_connect_unix(const struct ut_sock_addr *a, double deadline)
{
    struct sockaddr_un un = sock_un(a);
    int fd = sock_new(AF_UNIX);

    if (fd < 0 || sock_connect_fd(fd, (struct sockaddr *)&un, sizeof(un), deadline) != 0)
        return sock_close(fd);
    return fd;
}

/* --- Names --------------------------------------------------------------------------------------
 * getaddrinfo(3) takes as long as the name servers of the system let it wait: a minute, with two
 * that are silent. So whoever has a deadline has a name looked up by a thread of its own, and leaves
 * that alone when it is late. Who is the last to look at the question frees it. */

struct lookup {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    bool done, abandoned; /* the thread has ended; nobody waits for it any more */
    struct ut_sock_addr addr;
    int flags;
    struct addrinfo *list; /* the answer, */
    int result, error;     /* what getaddrinfo() gave, and errno */
};

static int
sock_getaddrinfo(const struct ut_sock_addr *a, int flags, struct addrinfo **list)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    char port[16];

    snprintf(port, sizeof(port), "%u", a->port);
    return getaddrinfo(a->host[0] ? a->host : NULL, port, &hints, list);
}

static void
lookup_free(struct lookup *l)
{
    if (l->list)
        freeaddrinfo(l->list);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->ended);
    free(l);
}

static void *
lookup_thread(void *arg)
{
    struct lookup *l = arg;
    bool abandoned;

    l->result = sock_getaddrinfo(&l->addr, l->flags, &l->list);
    l->error = errno;
    pthread_mutex_lock(&l->lock);
    l->done = true;
    abandoned = l->abandoned;
    pthread_cond_signal(&l->ended);
    pthread_mutex_unlock(&l->lock);
    if (abandoned)
        lookup_free(l);
    return NULL;
}

/* Begins to look up [a]; NULL with errno. */
static struct lookup *
lookup_new(const struct ut_sock_addr *a, int flags)
{
    struct lookup *l = calloc(1, sizeof(*l));
    pthread_t thread;

    if (!l)
        return NULL;
    l->addr = *a;
    l->flags = flags;
    pthread_mutex_init(&l->lock, NULL);
    ut_time_cond_init(&l->ended);
    errno = pthread_create(&thread, NULL, lookup_thread, l);
    if (errno != 0) {
        lookup_free(l);
        return NULL;
    }
    pthread_detach(thread);
    return l;
}

/* sock_getaddrinfo() with a deadline. */
static int
sock_lookup(const struct ut_sock_addr *a, int flags, double deadline, struct addrinfo **list)
{
    struct lookup *l = lookup_new(a, flags);
    int result;
    bool late;

    if (!l)
        return EAI_SYSTEM;
    pthread_mutex_lock(&l->lock);
    while (!l->done && ut_time_cond_wait(&l->ended, &l->lock, deadline))
        continue;
    late = l->abandoned = !l->done;
    pthread_mutex_unlock(&l->lock);
    if (late) {
        errno = ETIMEDOUT;
        return EAI_SYSTEM;
    }
    result = l->result;
    errno = l->error;
    *list = l->list;
    l->list = NULL;
    lookup_free(l);
    return result;
}

/* The addresses of [a]; NULL with [d] set. */
static struct addrinfo *
sock_resolve(const struct ut_sock_addr *a, int flags, double deadline, struct ut_diag *d)
{
    struct addrinfo *list = NULL;
    int r = sock_getaddrinfo(a, flags | AI_NUMERICHOST, &list);

    if (r == EAI_NONAME)
        r = sock_lookup(a, flags, deadline, &list);
    if (r == 0)
        return list;
    if (r == EAI_SYSTEM)
        ut_diag_errno(d, "host %s", a->host);
    else
        ut_diag_set(d, "host %s: %s", a->host, gai_strerror(r));
    return NULL;
}

/* Connected to the first of [list] that answers; -1 with errno. Each has its share of the time that
 * is left, so that one that is silent does not keep the others from being tried. */
static int
sock_connect_list(const struct addrinfo *list, double deadline)
{
    unsigned left = 0;
    int fd = -1;
    double now;

    for (const struct addrinfo *ai = list; ai; ai = ai->ai_next)
        left++;
    for (; list && fd < 0; list = list->ai_next) {
        now = ut_time_mono();
        fd = sock_new(list->ai_family);
        if (fd < 0 || sock_connect_fd(fd, list->ai_addr, list->ai_addrlen,
                          now + (deadline - now) / left--) != 0)
            fd = sock_close(fd);
    }
    return fd;
}

int
ut_sock_connect(const struct ut_sock_addr *a, double deadline, struct ut_diag *d)
{
    struct addrinfo *list;
    char name[sizeof(a->host) + 32];
    int fd = -1, one = 1;

    if (a->family == UT_SOCK_UNIX) {
        fd = sock_connect_unix(a, deadline);
        return fd >= 0 ? fd : ut_diag_errno(d, "%s", sock_name(a, name, sizeof(name)));
    }
    list = sock_resolve(a, 0, deadline, d);
    if (!list)
        return -1;
    fd = sock_connect_list(list, deadline);
    if (fd < 0)
        ut_diag_errno(d, "%s", sock_name(a, name, sizeof(name)));
    else
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    freeaddrinfo(list);
    return fd;
}

/* Removes the socket file of a server that is gone; -1 with [d] set if something else is there
 * or somebody answers. */
static int
sock_unlink_stale(const struct ut_sock_addr *a, struct ut_diag *d)
{
    struct stat st;
    int fd;

    if (lstat(a->path, &st) != 0)
        return errno == ENOENT ? 0 : ut_diag_errno(d, "%s", a->path);
    if (!S_ISSOCK(st.st_mode))
        return ut_diag_set(d, "%s is there and is no socket; remove it or choose another name",
            a->path);
    fd = sock_connect_unix(a, ut_time_mono() + 1);
    if (fd >= 0) {
        close(fd);
        return ut_diag_set(d, "%s: another process listens there", a->path);
    }
    if (errno != ECONNREFUSED)
        return ut_diag_errno(d, "%s", a->path);
    if (unlink(a->path) != 0 && errno != ENOENT)
        return ut_diag_errno(d, "cannot remove %s", a->path);
    return 0;
}

/* Gives the socket file its group; -1 with [d] set. */
static int
sock_group(const char *path, const char *group, struct ut_diag *d)
{
    struct group gr, *found = NULL;
    char buf[16384];
    int r;

    if (!group || !*group)
        return 0;
    r = getgrnam_r(group, &gr, buf, sizeof(buf), &found);
    if (!found) {
        errno = r;
        return r != 0 ? ut_diag_errno(d, "group %s", group)
                      : ut_diag_set(d, "there is no group %s", group);
    }
    if (chown(path, (uid_t)-1, gr.gr_gid) != 0)
        return ut_diag_errno(d, "cannot give %s to group %s", path, group);
    return 0;
}

static int
sock_listen_unix(const struct ut_sock_addr *a, mode_t mode, const char *group, struct ut_diag *d)
{
    struct sockaddr_un un = sock_un(a);
    int fd;

    if (sock_unlink_stale(a, d) != 0)
        return -1;
    fd = sock_new(AF_UNIX);
    if (fd < 0)
        return ut_diag_errno(d, "%s", a->path);
    if (bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
        ut_diag_errno(d, "%s", a->path);
        return sock_close(fd);
    }
    /* Nobody can connect before listen(2), so there is no moment with the wrong permissions. */
    if (sock_group(a->path, group, d) != 0) {
        unlink(a->path);
        return sock_close(fd);
    }
    if (chmod(a->path, mode) != 0 || listen(fd, UT_SOCK_BACKLOG) != 0) {
        ut_diag_errno(d, "%s", a->path);
        unlink(a->path);
        return sock_close(fd);
    }
    return fd;
}

static int
sock_listen_one(const struct addrinfo *ai)
{
    int fd = sock_new(ai->ai_family), one = 1, zero = 0;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    /* Every local address means IPv4 too. */
    if (ai->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 || listen(fd, UT_SOCK_BACKLOG) != 0)
        return sock_close(fd);
    return fd;
}

/* The first of [list] of [family] that can be listened at; -1 with errno. */
static int
sock_listen_family(const struct addrinfo *list, int family, int fd)
{
    for (; list && fd < 0; list = list->ai_next)
        if (list->ai_family == family)
            fd = sock_listen_one(list);
    return fd;
}

int
ut_sock_listen(const struct ut_sock_addr *a, mode_t mode, const char *group, struct ut_diag *d)
{
    char name[sizeof(a->host) + 32];
    struct addrinfo *list;
    int fd;

    if (a->family == UT_SOCK_UNIX)
        return sock_listen_unix(a, mode, group, d);
    list = sock_resolve(a, AI_PASSIVE, ut_time_mono() + LISTEN_SECONDS, d);
    if (!list)
        return -1;
    errno = EADDRNOTAVAIL;
    fd = sock_listen_family(list, AF_INET6, -1);
    fd = sock_listen_family(list, AF_INET, fd);
    if (fd < 0)
        ut_diag_errno(d, "%s", sock_name(a, name, sizeof(name)));
    freeaddrinfo(list);
    return fd;
}

int
ut_sock_send(int fd, const void *p, size_t len, double deadline)
{
    const char *at = p;
    ssize_t n;

    while (len > 0) {
        n = send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (sock_wait(fd, POLLOUT, deadline) != 0)
                return -1;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

ssize_t
ut_sock_recv(int fd, void *p, size_t len, double deadline)
{
    ssize_t n;

    for (;;) {
        /* Who calls waits for the other side as a rule: to look first would be for nothing. */
        if (sock_wait(fd, POLLIN, deadline) != 0)
            return -1;
        n = recv(fd, p, len, MSG_DONTWAIT);
        if (n >= 0 || (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK))
            return n;
    }
}
