/* ut_serve.h - a listening UNIX socket with a thread for each client.
 *
 *     lifecycle: ut_serve_start -> ut_serve_stop */
#ifndef UT_SERVE_H
#define UT_SERVE_H

#include <sys/types.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"

struct ut_serve;

/* Serves one client on [fd], which is not blocking and which the caller closes, until it is gone
 * or has to be. In a thread of its own; when the server is stopped [fd] gets an end of file.
 * [peer] is the user that the client runs as, by the kernel's word; (uid_t)-1 if unknown. */
typedef void
ut_serve_fn(void *arg, int fd, uid_t peer);

/* Listens on the UNIX socket [path] (copied) with permissions [mode]. [arg] is borrowed until stop.
 * A client beyond [max_clients] gets the text [busy] (borrowed for good) and is cut off. NULL with
 * [d] set. */
struct ut_serve *
ut_serve_start(const char *path, mode_t mode, unsigned max_clients, const char *busy,
    ut_serve_fn *fn, void *arg, struct ut_diag *d) UT_CHECKED;
/* Cuts off the clients, waits for their threads, removes the socket and frees [s]; NULL is allowed.
 * Not from a client's thread. */
void
ut_serve_stop(struct ut_serve *s);
/* Clients now. Any thread. */
unsigned
ut_serve_count(struct ut_serve *s);

#endif
