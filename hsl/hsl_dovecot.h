/* hsl_dovecot.h - asks Dovecot whether a password is right, by its auth client protocol: the
 * socket auth-client that Postfix uses too, or the same over TCP. Any thread. Source: Dovecot's
 * auth-protocol.txt, major version 1; RFC 4616 (PLAIN). */
#ifndef HSL_DOVECOT_H
#define HSL_DOVECOT_H

#include <stdbool.h>

#include "hsl/hsl_host.h"
#include "lib/ut_diag.h"
#include "lib/ut_sock.h"

/* Where and how; the texts are borrowed and hold no control characters. */
struct hsl_dovecot_way {
    struct ut_sock_addr server;
    const char *service;   /* the protocol that the user logs in by: "smtp" */
    const char *rip, *lip; /* addresses of the client and of our end; "": not told. Dovecot
                              slows down clients by [rip] after wrong passwords */
    bool secured;          /* his password came over TLS */
    double deadline;       /* monotonic seconds */
};

enum hsl_dovecot_end {
    HSL_DOVECOT_ACCEPTED,
    HSL_DOVECOT_REFUSED,
    HSL_DOVECOT_FAILED /* no answer, no sense in it, or the server says that it cannot tell now */
};

/* Asks on a connection of its own, which is closed again. What PLAIN cannot carry (an empty user or
 * password, a NUL byte) and what is longer than a line of the protocol is REFUSED without one.
 * [why] says where and what for FAILED; user and password are never in it. */
enum hsl_dovecot_end
hsl_dovecot_auth(const struct hsl_dovecot_way *way, const struct hsl_text *user,
    const struct hsl_text *password, struct ut_diag *why) UT_CHECKED;

#endif
