/* ut_sock.h - stream sockets: addresses as administrators write them, listen, connect, and send
 * and receive with a deadline. Deadlines are times of ut_time_mono(). Any thread. */
#ifndef UT_SOCK_H
#define UT_SOCK_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"

enum ut_sock_family {
    UT_SOCK_UNIX,
    UT_SOCK_INET /* IPv4 or IPv6 */
};

struct ut_sock_addr {
    enum ut_sock_family family;
    char path[108]; /* UNIX: file name, as long as sun_path allows */
    char host[256]; /* INET: name or address, no brackets; "" or "*": every local address */
    unsigned port;  /* INET: 1 to 65535; 0 lets the system choose when listening */
};

/* Reads "unix:PATH" (also "local:PATH"), "inet:HOST:PORT", "inet:PORT@HOST" (also "inet6:"),
 * "HOST:PORT" or "[IPV6]:PORT"; a bare IPv6 address needs its brackets except behind "@".
 * -1 with [d] set. */
int ut_sock_parse(const char *text, struct ut_sock_addr *a, struct ut_diag *d) UT_CHECKED;
/* Appends "unix:PATH" or "inet:HOST:PORT". */
void ut_sock_to_text(const struct ut_sock_addr *a, struct ut_sbuf *out);

/* A listening socket, not blocking, close-on-exec; -1 with [d] set. For a UNIX socket: a file
 * that is there is removed only if it is a socket and nobody answers; then the socket gets [mode]
 * and, unless [group] is NULL or "", that group. */
int ut_sock_listen(const struct ut_sock_addr *a, mode_t mode, const char *group,
    struct ut_diag *d) UT_CHECKED;
/* A connected socket, not blocking, close-on-exec; -1 with [d] set. Tries each address of a host
 * name in turn, with an equal share of the time. Looking up a name is the system's, by a thread that
 * lives on after the deadline. */
int ut_sock_connect(const struct ut_sock_addr *a, double deadline, struct ut_diag *d) UT_CHECKED;

/* Sends all [len] bytes, never raising SIGPIPE; -1 with errno set (ETIMEDOUT: deadline). */
int ut_sock_send(int fd, const void *p, size_t len, double deadline) UT_CHECKED;
/* Receives at least one and at most [len] bytes; 0 at the end, -1 with errno set. */
ssize_t ut_sock_recv(int fd, void *p, size_t len, double deadline) UT_CHECKED;

#endif
