/* ut_ctl.h - control sockets: the `penstock` command asks a daemon, or one daemon another.
 *
 * Over a UNIX socket, in attribute lists (ut_attr.h) with encoded values. A request is one list
 * whose attribute `request` says what is wanted. The answer is any number of records, one list
 * each, sent as they are written, then a last list: `status=ok`, or `status=error` and `text=`.
 * The last list is known by `status` as its first attribute, so a record never begins with that.
 * A client may send further requests on the same connection. */
#ifndef UT_CTL_H
#define UT_CTL_H

#include <sys/types.h>

#include "lib/ut_attr.h"
#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"

/* The server: a thread that accepts, and one more for each client. */
struct ut_ctl_server;
/* The client that a handler answers. */
struct ut_ctl_client;

#define UT_CTL_MAX_CLIENTS 32 /* one more is told `status=error` at once */
#define UT_CTL_IDLE 30        /* seconds a client may take for a request, or to read a record */

/* Answers one request: zero or more ut_ctl_record(), then 0 for `status=ok` or -1 for
 * `status=error` with the text of [d]. [request], which has the attribute `request`, is lent for the
 * call. Several threads may be in
 * the handler at once. A handler that takes long should stop when ut_ctl_record() gives -1. */
typedef int ut_ctl_handler(void *arg, const struct ut_attr_list *request,
    struct ut_ctl_client *client, struct ut_diag *d);

/* Listens on the UNIX socket [path] with permissions [mode] and serves until stopped. [path] is
 * copied, [arg] is borrowed until ut_ctl_server_stop(). NULL with [d] set. */
struct ut_ctl_server *ut_ctl_server_start(const char *path, mode_t mode, ut_ctl_handler *handler,
    void *arg, struct ut_diag *d) UT_CHECKED;
/* Cuts off the clients, waits for handlers that still run, removes the socket and frees [s]; NULL
 * is allowed. Not from a handler. */
void ut_ctl_server_stop(struct ut_ctl_server *s);

/* Sends one record: the attributes that ut_attr_add() put into [attrs], without ut_attr_end(),
 * within ut_attr_limits_own.
 * -1 if the client is gone or too slow, the server is being stopped, or [attrs] failed, is empty
 * or begins with `status`. For the thread of the handler. */
int ut_ctl_record(struct ut_ctl_client *client, const struct ut_sbuf *attrs) UT_CHECKED;
/* The user that the client runs as, by the kernel's word; (uid_t)-1 if unknown. */
uid_t ut_ctl_peer(const struct ut_ctl_client *client);

enum ut_ctl_result {
    UT_CTL_OK,      /* status=ok came, or the call-back ended the call */
    UT_CTL_REFUSED, /* status=error came; its text is in the diag */
    UT_CTL_TROUBLE  /* nobody listens, too slow, malformed ...; the diag says what */
};

/* Takes one record, lent for the call. Anything but 0 ends the call. */
typedef int ut_ctl_record_fn(void *arg, const struct ut_attr_list *record);

/* Sends the attributes in [request] (made as for ut_ctl_record()) to the socket [path] and gives
 * each record to [fn] (may be NULL: records are dropped). [timeout] in seconds is for connecting
 * and sending together, and then for each list of the answer. Blocks. Any thread. */
enum ut_ctl_result ut_ctl_call(const char *path, const struct ut_sbuf *request,
    ut_ctl_record_fn *fn, void *arg, double timeout, struct ut_diag *d) UT_CHECKED;

#endif
