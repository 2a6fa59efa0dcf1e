/* mlt_report.c - the text of a non-delivery report: multipart/report of a text for people, one
 * for machines, and the headers of the message.
 * Not here: sending it (mlt_inject.c), whether there is one (mlt_apply.c).
 * Threads: that of the connection. Fails: the buffer says so.
 *
 * The body of the message is not returned: it may be large or dangerous, and the headers tell the
 * sender which message it was. Texts of scripts may be any UTF-8; addresses and headers any bytes.
 * All of them are put where they cannot end a line or a part: line ends are taken out, and the
 * boundary is random. */
#include "config.h"

#include "milter/mlt_report.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/ut_time.h"
#include "lib/ut_utf8.h"
#include "milter/mlt_addr.h"
#include "milter/mlt_verdict.h"

static void
add_date(struct ut_sbuf *out, const char *field)
{
    char text[UT_TIME_TEXT_SIZE];

    ut_time_mail(time(NULL), text);
    ut_sbuf_addf(out, "%s: %s\r\n", field, text);
}

/* Bytes from outside on one line. */
static void
add_text(struct ut_sbuf *out, const char *text)
{
    ut_utf8_escape(out, text, strlen(text));
}

static int
hex_digit(char c)
{
    static const char all[] = "0123456789ABCDEF";
    const char *at = c ? strchr(all, c) : NULL;

    return at ? (int)(at - all) : -1;
}

/* The value of a DSN parameter, which came as xtext (RFC 3461 4): a report has it as it was meant.
 * What is no xtext stays as it is. */
static void
add_xtext(struct ut_sbuf *out, const char *text)
{
    struct ut_sbuf plain;

    ut_sbuf_init(&plain, strlen(text) + 1);
    for (; *text; text++) {
        int hi = *text == '+' ? hex_digit(text[1]) : -1;
        int lo = hi < 0 ? -1 : hex_digit(text[2]);

        ut_sbuf_addc(&plain, lo < 0 ? *text : (char)(hi * 16 + lo));
        text += lo < 0 ? 0 : 2;
    }
    ut_utf8_escape(out, ut_sbuf_text(&plain), plain.len);
    ut_sbuf_fini(&plain);
}

static bool
is_ascii(const char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s > 126)
            return false;
    }
    return true;
}

static void
add_head(const struct mlt_conn *c, struct ut_sbuf *out)
{
    const struct mlt_msg *m = &c->msg;

    add_date(out, "Date");
    ut_sbuf_addf(out, "From: MAILER-DAEMON@%s (Mail Delivery System)\r\nTo: <", c->myhostname);
    add_text(out, m->sender.bare);
    ut_sbuf_addf(out,
        ">\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        "Auto-Submitted: auto-replied\r\nMessage-ID: <%s.report@%s>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"=_%s\"\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
        "This is a MIME-encapsulated message.\r\n\r\n",
        m->id, c->myhostname, m->id);
}

/* The part for people. */
static void
add_notice(
    const struct mlt_conn *c, struct mlt_rcpt *const *rcpts, size_t count, struct ut_sbuf *out)
{
    ut_sbuf_addf(out,
        "--=_%s\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\nThis is the mail system at host %s.\r\n\r\n"
        "Your message was not delivered to the recipients below.\r\n",
        c->msg.id, c->myhostname);
    for (size_t i = 0; i < count; i++) {
        const struct mlt_reply *reply = &mlt_verdict_final(rcpts[i])->reply;

        ut_sbuf_addz(out, "\r\n<");
        add_text(out, rcpts[i]->address.bare);
        ut_sbuf_addz(out, ">:\r\n");
        for (size_t j = 0; j < reply->count; j++) {
            ut_sbuf_addz(out, "    ");
            add_text(out, reply->lines[j]);
            ut_sbuf_addz(out, "\r\n");
        }
    }
    ut_sbuf_addz(out, "\r\n");
}

/* The fields of one recipient: RFC 3464 2.3. */
static void
add_recipient(const struct mlt_rcpt *r, struct ut_sbuf *out)
{
    const struct mlt_reply *reply = &mlt_verdict_final(r)->reply;
    const char *type = is_ascii(r->address.bare) ? "rfc822" : "utf-8";
    const char *original = mlt_addr_param(&r->address, "ORCPT");

    ut_sbuf_addz(out, "\r\n");
    if (original && original[0] != '\0') {
        ut_sbuf_addz(out, "Original-Recipient: ");
        add_xtext(out, original);
        ut_sbuf_addz(out, "\r\n");
    }
    ut_sbuf_addf(out, "Final-Recipient: %s; ", type);
    add_text(out, r->address.bare);
    ut_sbuf_addf(out, "\r\nAction: failed\r\nStatus: %s\r\nDiagnostic-Code: smtp; %u %s",
        reply->status, reply->code, reply->status);
    for (size_t i = 0; i < reply->count; i++) {
        ut_sbuf_addz(out, i > 0 ? "\r\n " : " ");
        add_text(out, reply->lines[i]);
    }
    ut_sbuf_addz(out, "\r\n");
}

/* The part for machines. */
static void
add_status(
    const struct mlt_conn *c, struct mlt_rcpt *const *rcpts, size_t count, struct ut_sbuf *out)
{
    const char *envid = mlt_addr_param(&c->msg.sender, "ENVID");

    ut_sbuf_addf(out,
        "--=_%s\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; %s\r\n",
        c->msg.id, c->myhostname);
    if (envid && envid[0] != '\0') {
        ut_sbuf_addz(out, "Original-Envelope-Id: ");
        add_xtext(out, envid);
        ut_sbuf_addz(out, "\r\n");
    }
    add_date(out, "Arrival-Date");
    for (size_t i = 0; i < count; i++)
        add_recipient(rcpts[i], out);
    ut_sbuf_addz(out, "\r\n");
}

void
mlt_report_write(
    const struct mlt_conn *c, struct mlt_rcpt *const *rcpts, size_t count, struct ut_sbuf *out)
{
    add_head(c, out);
    add_notice(c, rcpts, count, out);
    add_status(c, rcpts, count, out);
    ut_sbuf_addf(out,
        "--=_%s\r\nContent-Type: text/rfc822-headers\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\n",
        c->msg.id);
    mlt_edits_write(c->msg.headers, c->msg.header_count, NULL, NULL, out);
    ut_sbuf_addf(out, "\r\n--=_%s--\r\n", c->msg.id);
}

bool
mlt_report_unwanted(const struct mlt_rcpt *r)
{
    const char *notify = mlt_addr_param(&r->address, "NOTIFY");

    return notify && !strcasestr(notify, "FAILURE");
}
