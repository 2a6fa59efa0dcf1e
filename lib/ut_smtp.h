/* ut_smtp.h - submit one message to a Postfix listener, through libcurl (RFC 5321), and what other
 * clients of SMTP need too.
 *
 * What arrives is exactly what was given: 8-bit clean, dots stuffed on the wire. Two exceptions
 * that SMTP itself makes: a message whose last line does not end in CRLF gets one, and a bare CR
 * or LF followed by "." is refused here, since some servers take it for the end of the message
 * and what follows for commands.
 *
 * Parameters that libcurl sends: SMTPUTF8 when the server offers it and an address is not ASCII;
 * never SIZE nor BODY=8BITMIME (Postfix takes 8-bit content without). A domain that is not ASCII
 * goes out in its ACE form where libcurl has IDN.
 *
 * Any thread; blocks. curl_global_init() must have been called by the program at its start. */
#ifndef UT_SMTP_H
#define UT_SMTP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"

/* Puts up to [len] bytes of the message into [buf]: gives their number, 0 at the end, -1 if it
 * fails (then nothing is delivered). */
typedef ssize_t ut_smtp_read_fn(void *arg, char *buf, size_t len);

/* All is borrowed for the call. */
struct ut_smtp_job {
    const char *server;       /* "HOST:PORT", "[IPV6]:PORT" */
    const char *helo;         /* name for EHLO; NULL or "": this host's */
    const char *sender;       /* without <>; NULL or "" gives MAIL FROM:<> */
    const char *const *rcpts; /* without <> */
    size_t rcpt_count;        /* at least 1 */
    ut_smtp_read_fn *read;    /* the message; NULL: from [fd] */
    void *arg;                /* for [read] */
    int fd;                   /* read with pread(2): its position neither matters nor changes */
    off_t offset;             /* where in [fd] the message starts */
    long long length;         /* bytes of the message; -1 with [read]: not known. More or less
                               * than that is an error and delivers nothing */
    bool fix_lf;              /* turn bare LF into CRLF */
    int timeout;              /* seconds for the whole, at least 1 */
};

enum ut_smtp_result {
    UT_SMTP_ACCEPTED,  /* the server took it for every recipient: 250 after the message */
    UT_SMTP_TEMPORARY, /* 4xx; also 5xx at the greeting or EHLO, which is not about this mail */
    UT_SMTP_PERMANENT, /* 5xx, or the message or an address cannot be sent at all (code 0) */
    UT_SMTP_TROUBLE    /* no connection, time is up, protocol error, read failed (code 0) */
};

struct ut_smtp_reply {
    enum ut_smtp_result result;
    int code;       /* last SMTP reply code, 0 if there was none */
    bool in_doubt;  /* all was sent but no reply came: it may have been accepted */
    char text[512]; /* text of the last reply, lines joined by a blank, escaped, cut as UTF-8 */
};

/* Submits [job] for all its recipients or none: the first refused recipient ends it. Fills
 * [reply] and gives its result; [d] is set unless the message was accepted. */
enum ut_smtp_result ut_smtp_send(const struct ut_smtp_job *job, struct ut_smtp_reply *reply,
    struct ut_diag *d) UT_CHECKED;

/* A reply, taken line by line (RFC 5321 4.2). Make [text] with ut_sbuf_init(), free it with
 * ut_sbuf_fini(); what does not fit makes it fail. */
struct ut_smtp_lines {
    int code;            /* 0: no line has come yet */
    bool more;           /* another line follows: the reply is not whole */
    struct ut_sbuf text; /* of all lines without their codes, LF between */
};
/* Takes the next line, "250-TEXT" or "250 TEXT" with or without its end; the first one of another
 * reply forgets the last reply. -1: it is no such line, nothing changes. */
int ut_smtp_lines_add(struct ut_smtp_lines *r, const char *line, size_t len) UT_CHECKED;
/* The text as one printable line, cut to [size] with its NUL. */
void ut_smtp_lines_text(const struct ut_smtp_lines *r, char *out, size_t size);

/* True if [address] may go between the <> of a command: no control bytes, not over 1000 bytes;
 * blanks, "<" and ">" only in quotes. */
bool ut_smtp_address_fits(const char *address);

#endif
