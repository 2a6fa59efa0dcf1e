/* ut_sock.c - sockets: addresses as written, stale socket files, deadlines. */
#include "config.h"

#include "lib/ut_sock.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/ut_file.h"
#include "lib/ut_time.h"
#include "t/unit/tap.h"

#define LONG_PATH                                                                                  \
    "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
    "aaaaaaaaaa"

static const struct {
    const char *text, *want; /* NULL: refused */
} addresses[] = {
    {"unix:/run/x", "unix:/run/x"},
    {"local:/run/x", "unix:/run/x"},
    {"unix:relative", "unix:relative"},
    {"inet:127.0.0.1:25", "inet:127.0.0.1:25"},
    {"inet:25@127.0.0.1", "inet:127.0.0.1:25"},
    {"inet:25@::1", "inet:[::1]:25"},
    {"inet6:25@[::1]", "inet:[::1]:25"},
    {"inet:25@", "inet:*:25"},
    {"inet:*:25", "inet:*:25"},
    {":25", "inet:*:25"},
    {"mx.example:65535", "inet:mx.example:65535"},
    {"[2001:db8::1]:25", "inet:[2001:db8::1]:25"},
    {"inet:[::1]:0", "inet:[::1]:0"},
    {"unix:" LONG_PATH, "unix:" LONG_PATH},
    {"unix:" LONG_PATH "a", NULL},
    {"unix:", NULL},
    {"", NULL},
    {"25", NULL},
    {"/run/x", NULL},
    {"::1:25", NULL},
    {"inet:host:65536", NULL},
    {"inet:host:-1", NULL},
    {"inet:host:", NULL},
    {"inet:host:25x", NULL},
    {"inet:99999999999@host", NULL},
    {"inet:@host", NULL},
    {"[::1:25", NULL},
    {"a b:25", NULL},
};

static void
test_parse(void)
{
    struct ut_sock_addr a;
    struct ut_sbuf b;
    struct ut_diag d;
    char longhost[400];

    ut_sbuf_init(&b, 1000);
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        ut_sbuf_reset(&b);
        if (!addresses[i].want) {
            tap_ok(ut_sock_parse(addresses[i].text, &a, &d) == -1 && d.text[0], "refused: %s",
                d.text);
            continue;
        }
        if (ut_sock_parse(addresses[i].text, &a, &d) == 0)
            ut_sock_to_text(&a, &b);
        tap_str(ut_sbuf_text(&b), addresses[i].want, addresses[i].text);
    }
    memset(longhost, 'h', sizeof(longhost));
    memcpy(longhost + sizeof(longhost) - 4, ":25", 4);
    tap_ok(ut_sock_parse(longhost, &a, &d) == -1, "a host that is too long");
    ut_sbuf_fini(&b);
}

static struct ut_sock_addr
unix_addr(const char *path)
{
    struct ut_sock_addr a = {.family = UT_SOCK_UNIX};

    snprintf(a.path, sizeof(a.path), "%s", path);
    return a;
}

static void
test_unix(void)
{
    char dir[] = "/tmp/ut_sock.XXXXXX", path[64];
    struct ut_sock_addr a;
    struct ut_diag d;
    struct stat st;
    int fd, other, stale;
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    if (!mkdtemp(dir)) {
        tap_ok(false, "a folder");
        return;
    }
    snprintf(path, sizeof(path), "%s/s", dir);
    a = unix_addr(path);
    tap_ok(ut_sock_connect(&a, ut_time_mono() + 1, &d) == -1 && errno == ENOENT, "nobody: %s",
        d.text);
    fd = ut_sock_listen(&a, 0620, NULL, &d);
    tap_ok(fd >= 0 && stat(path, &st) == 0 && (st.st_mode & 07777) == 0620, "listens, mode");
    tap_ok(ut_sock_listen(&a, 0600, NULL, &d) == -1 && strstr(d.text, "another process"),
        "somebody answers: %s", d.text);
    other = ut_sock_connect(&a, ut_time_mono() + 1, &d);
    tap_ok(other >= 0, "connects");
    close(other);
    close(fd);
    fd = ut_sock_listen(&a, 0600, "", &d);
    tap_ok(fd >= 0, "a stale socket is replaced");
    close(fd);

    /* A name that cannot be the group, and a group that is this process's own. */
    tap_ok(ut_sock_listen(&a, 0600, "no-such-group-here", &d) == -1, "no group: %s", d.text);
    tap_ok(access(path, F_OK) != 0, "and no socket is left");
    tap_ok(ut_file_write(path, "data", 4, 0600, &d) == 0 &&
               ut_sock_listen(&a, 0600, NULL, &d) == -1 && stat(path, &st) == 0 &&
               S_ISREG(st.st_mode) && st.st_size == 4,
        "a file is not removed: %s", d.text);
    unlink(path);
    memcpy(un.sun_path, path, strlen(path) + 1);
    stale = socket(AF_UNIX, SOCK_DGRAM, 0);
    tap_ok(bind(stale, (struct sockaddr *)&un, sizeof(un)) == 0 &&
               ut_sock_listen(&a, 0600, NULL, &d) == -1,
        "a socket of another kind: %s", d.text);
    close(stale);
    unlink(path);
    rmdir(dir);
    tap_ok(ut_sock_listen(&a, 0600, NULL, &d) == -1, "no folder: %s", d.text);
}

static unsigned
port_of(int fd)
{
    struct sockaddr_in in;
    socklen_t len = sizeof(in);

    return getsockname(fd, (struct sockaddr *)&in, &len) == 0 ? ntohs(in.sin_port) : 0;
}

/* getaddrinfo(3) as the program calls it: "two.test" is 127.0.0.2 and 127.0.0.1, in this order. */
int
__real_getaddrinfo(const char *, const char *, const struct addrinfo *, struct addrinfo **);
int
__wrap_getaddrinfo(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int
__wrap_getaddrinfo(
    const char *node, const char *port, const struct addrinfo *hints, struct addrinfo **list)
{
    int r;

    if (!node || strcmp(node, "two.test") != 0)
        return __real_getaddrinfo(node, port, hints, list);
    if (hints->ai_flags & AI_NUMERICHOST)
        return EAI_NONAME;
    r = __real_getaddrinfo("127.0.0.2", port, hints, list);
    return r != 0 ? r : __real_getaddrinfo("127.0.0.1", port, hints, &(*list)->ai_next);
}

/* A backlog that is full answers nothing. The listener of an address whose backlog is full by the
 * connections [held], the last of which has failed. */
static int
listen_silently(struct ut_sock_addr *a, int held[3], struct ut_diag *d)
{
    int fd = ut_sock_listen(a, 0, NULL, d);

    a->port = fd >= 0 ? port_of(fd) : 0;
    listen(fd, 0);
    for (int i = 0; i < 3; i++)
        held[i] = ut_sock_connect(a, ut_time_mono() + 0.3, d);
    return fd;
}

/* The first address of a name, when it was silent, took all the time there was. */
static void
test_addresses(void)
{
    struct ut_sock_addr good = {.family = UT_SOCK_INET, .host = "127.0.0.1"}, silent, both;
    struct ut_diag d;
    int held[3], fd, other = ut_sock_listen(&good, 0, NULL, &d), client;

    good.port = other >= 0 ? port_of(other) : 0;
    silent = both = good;
    memcpy(silent.host, "127.0.0.2", 10);
    memcpy(both.host, "two.test", 9);
    fd = listen_silently(&silent, held, &d);
    client = ut_sock_connect(&both, ut_time_mono() + 1, &d);
    tap_ok(fd >= 0 && held[2] == -1 && client >= 0,
        "a silent address leaves time for the next one of the name");
    close(client);
    close(other);
    client = ut_sock_connect(&both, ut_time_mono() + 0.5, &d);
    tap_ok(client == -1 && errno == ECONNREFUSED, "both have trouble: %s", d.text);
    for (int i = 0; i < 3; i++)
        if (held[i] >= 0)
            close(held[i]);
    close(fd);
}

static void
test_inet(void)
{
    struct ut_sock_addr a = {.family = UT_SOCK_INET, .host = "127.0.0.1"};
    struct ut_diag d;
    int fd = ut_sock_listen(&a, 0, NULL, &d), client, held[3];
    double start;

    a.port = fd >= 0 ? port_of(fd) : 0;
    tap_ok(fd >= 0 && a.port > 0, "listens at a port of the system's choice");
    tap_ok(ut_sock_listen(&a, 0, NULL, &d) == -1, "taken: %s", d.text);
    client = ut_sock_connect(&a, ut_time_mono() + 5, &d);
    tap_ok(client >= 0, "connects");
    close(client);
    close(fd);
    tap_ok(ut_sock_connect(&a, ut_time_mono() + 5, &d) == -1 && errno == ECONNREFUSED,
        "nobody listens: %s", d.text);
    memcpy(a.host, "no-such-host.invalid", 21);
    tap_ok(ut_sock_connect(&a, ut_time_mono() + 5, &d) == -1 && d.text[0], "no host: %s", d.text);

    memcpy(a.host, "127.0.0.1", 10);
    a.port = 0;
    start = ut_time_mono();
    fd = listen_silently(&a, held, &d);
    tap_ok(held[2] == -1 && errno == ETIMEDOUT, "connect has a deadline: %s", d.text);
    tap_ok(ut_time_mono() - start < 3, "and keeps it");
    for (int i = 0; i < 3; i++)
        if (held[i] >= 0)
            close(held[i]);
    close(fd);
}

static void
test_transfer(void)
{
    static char big[1 << 20];
    char buf[16];
    double start = ut_time_mono();
    int fd[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0) {
        tap_ok(false, "a pair");
        return;
    }
    tap_ok(ut_sock_recv(fd[0], buf, sizeof(buf), start + 0.2) == -1 && errno == ETIMEDOUT,
        "nothing to receive");
    tap_ok(ut_sock_recv(fd[0], buf, sizeof(buf), start - 1) == -1 && errno == ETIMEDOUT,
        "a deadline in the past");
    tap_ok(ut_sock_send(fd[0], big, sizeof(big), ut_time_mono() + 0.2) == -1 && errno == ETIMEDOUT,
        "nobody reads");
    tap_ok(ut_time_mono() - start < 3, "in time");
    tap_ok(ut_sock_send(fd[1], "hi", 2, start + 5) == 0 &&
               ut_sock_recv(fd[0], buf, sizeof(buf), start + 5) == 2,
        "two bytes");
    close(fd[1]);
    tap_ok(ut_sock_send(fd[0], "x", 1, start + 5) == -1 && errno == EPIPE, "no SIGPIPE");
    close(fd[0]);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0) {
        close(fd[1]);
        tap_num(ut_sock_recv(fd[0], buf, sizeof(buf), start + 5), 0, "the end");
        close(fd[0]);
    }
}

int
main(void)
{
    test_parse();
    test_unix();
    test_inet();
    test_addresses();
    test_transfer();
    return tap_done();
}
