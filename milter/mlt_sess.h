/* mlt_sess.h - one connection of the mail server, event by event: the state machine between the
 * milter protocol and the flows.
 *
 * Knows nothing of libmilter: the mail server is a struct mlt_ops. Events may come in any order
 * and number; a message ends with mlt_sess_eom() or mlt_sess_abort(). The functions of one
 * connection are called by one thread at a time. No function fails: what goes wrong becomes the
 * answer. */
#ifndef MLT_SESS_H
#define MLT_SESS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_bug.h"
#include "milter/mlt_flows.h"
#include "milter/mlt_ops.h"
#include "milter/mlt_server.h"

struct mlt_conn;

/* Begins a connection on the revision in force. [ctx] is handed to [ops]. NULL without memory. */
struct mlt_conn *mlt_sess_new(
    struct mlt_server *server, const struct mlt_ops *ops, void *ctx) UT_CHECKED;
/* Ends it, in whatever state; NULL is allowed. */
void mlt_sess_free(struct mlt_conn *c);
/* Which steps to agree on with the mail server. */
struct mlt_steps mlt_sess_steps(const struct mlt_conn *c);
/* What was agreed on: header values come, and are sent, with their leading blank. */
void mlt_sess_leading_space(struct mlt_conn *c, bool agreed);

/* The client: [family] AF_INET, AF_INET6, AF_UNIX or 0 (unknown); [ip] as text; [port] 0:
 * unknown; [name] as the mail server says it, may be NULL. */
enum mlt_answer mlt_sess_connect(
    struct mlt_conn *c, const char *name, int family, const char *ip, unsigned port);
enum mlt_answer mlt_sess_helo(struct mlt_conn *c, const char *name);
/* [args]: the address with its <>, ESMTP parameters, NULL. */
enum mlt_answer mlt_sess_mail(struct mlt_conn *c, char *const *args);
enum mlt_answer mlt_sess_rcpt(struct mlt_conn *c, char *const *args);
enum mlt_answer mlt_sess_header(struct mlt_conn *c, const char *name, const char *value);
enum mlt_answer mlt_sess_body(struct mlt_conn *c, const void *p, size_t len);
enum mlt_answer mlt_sess_eom(struct mlt_conn *c);
void mlt_sess_abort(struct mlt_conn *c);

#endif
