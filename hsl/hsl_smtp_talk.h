/* hsl_smtp_talk.h - one connection to a mail server, for hsl_smtp.c: commands and replies. One
 * thread at a time; nothing goes on past the deadline of the server. */
#ifndef HSL_SMTP_TALK_H
#define HSL_SMTP_TALK_H

#include <curl/curl.h>

#include "hsl/hsl_smtp.h"
#include "lib/ut_sbuf.h"
#include "lib/ut_smtp.h"

#define SMTP_LINE_MAX 2048  /* bytes of a reply line: RFC 5321 has 512 */
#define SMTP_REPLY_MAX 8192 /* of a whole reply */

struct smtp_talk {
    const struct hsl_smtp_server *server;
    struct ut_diag *why; /* what went wrong, without the server's name */
    CURL *curl;
    struct curl_slist *connect_to;
    curl_socket_t fd;
    double deadline;
    bool tls;                   /* TLS was started */
    bool broken;                /* there is no talking any more */
    struct ut_smtp_lines reply; /* the last one; code 0: none came */
    struct ut_sbuf ehlo;        /* what the server offers: its answer to EHLO, LF between lines */
    size_t received;            /* bytes while connecting */
    char in[SMTP_LINE_MAX];     /* received, but not read yet */
    size_t have;
};

/* Connects, up to the answer to EHLO, or to LHLO, behind STARTTLS if that is used. -1 with [why];
 * the last reply is there. smtp_talk_close() in any case. */
int
smtp_talk_open(
    struct smtp_talk *t, const struct hsl_smtp_server *s, struct ut_diag *why) UT_CHECKED;
/* Takes leave of a server that still listens, for a second at most: RSET if [reset], QUIT. */
void
smtp_talk_close(struct smtp_talk *t, bool reset);

/* Sends a line, CR LF behind it, and reads the reply: its code, -1 with [why] if none comes. */
int
smtp_talk_ask(struct smtp_talk *t, const char *fmt, ...) UT_PRINTF(2, 3) UT_CHECKED;
/* Greets the server again, after what made it forget us. -1 with [why]. */
int
smtp_talk_greet(struct smtp_talk *t) UT_CHECKED;
/* True if the server offers [keyword], with [word] behind it unless that is NULL. */
bool
smtp_talk_offers(const struct smtp_talk *t, const char *keyword, const char *word);
/* What TLS was agreed on, into [a]. */
void
smtp_talk_tls(struct smtp_talk *t, struct hsl_smtp_answer *a);

#endif
