/* hsl_smtp.h - asking a mail server whether it takes a password, or a recipient: no message is
 * sent. Each call has a connection of its own, which ends with it: nobody's lookup may run with
 * another one's rights. Any thread; blocks until the deadline at most.
 *
 * Sources: RFC 5321 (SMTP), RFC 2033 (LMTP), RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 4616
 * (PLAIN), RFC 2195 (CRAM-MD5), XCLIENT_README of Postfix. */
#ifndef HSL_SMTP_H
#define HSL_SMTP_H

#include <stdbool.h>
#include <stddef.h>

#include "hsl/hsl_host.h"
#include "lib/ut_bug.h"
#include "lib/ut_diag.h"

#define HSL_SMTP_NAMES_MAX 16 /* of tls_verify_name */

enum hsl_smtp_tls {
    HSL_SMTP_TLS_DISABLED,
    HSL_SMTP_TLS_OPTIONAL, /* if the server offers it */
    HSL_SMTP_TLS_REQUIRE
};

/* The server and the way to it. Borrowed; NULL texts are not given. */
struct hsl_smtp_server {
    const char *host;    /* name or address, without brackets; what certificates are checked for */
    const char *address; /* of [host] if that is known already, else the system looks it up */
    unsigned port;
    const char *helo;
    const char *source_ip;
    bool nonlocal_source;               /* [source_ip] need not be one of this host */
    bool lmtp;                          /* without TLS */
    struct hsl_text username, password; /* for hsl_smtp_rcpt(); p NULL: no AUTH */
    const char *xclient;                /* for hsl_smtp_rcpt(): "NAME=xtext NAME=xtext" */
    enum hsl_smtp_tls tls;
    bool tls_verify;                           /* the certificate has to be good */
    bool tls_verify_host;                      /* and be that of [host] */
    const char *tls_names[HSL_SMTP_NAMES_MAX]; /* or of one of these */
    size_t tls_name_count;
    const char *tls_sni;
    long tls_versions; /* CURLOPT_SSLVERSION */
    const char *tls_ciphers;
    const char *ca_file;          /* CA certificates */
    bool default_ca;              /* and those of the system; always if there is no [ca_file] */
    const char *client_cert;      /* PEM with the key */
    const char *client_cert_file; /* the same as the name of a file */
    double deadline;              /* of ut_time_mono() */
};

enum hsl_smtp_result { HSL_SMTP_FAILED = -1, HSL_SMTP_REFUSED = 0, HSL_SMTP_ACCEPTED = 1 };

struct hsl_smtp_answer {
    int code;              /* of the reply that decided; 0: none came */
    char text[768];        /* of that reply, one printable line; without one: the trouble */
    bool on_rcpt;          /* it was the reply to RCPT TO */
    char tls_protocol[16]; /* "": without TLS */
    char tls_cipher[64];
    int tls_bits;
};

/* Whether [s] accepts the user and password (neither with a NUL byte). HSL_SMTP_FAILED with [why],
 * which holds nothing that was sent for AUTH, nor any answer to it but its code. */
enum hsl_smtp_result
hsl_smtp_auth(const struct hsl_smtp_server *s, const struct hsl_text *username,
    const struct hsl_text *password, struct ut_diag *why) UT_CHECKED;
/* Whether [s] accepts the recipient for mail of the sender ("" is <>). Fills [a]; with [why] unless
 * it does. */
enum hsl_smtp_result
hsl_smtp_rcpt(const struct hsl_smtp_server *s, const char *sender, const char *recipient,
    struct hsl_smtp_answer *a, struct ut_diag *why) UT_CHECKED;

#endif
