/* ut_smtp.c - submit one message through libcurl.
 * Not here: what becomes of a message that was not taken (the callers).
 * Threads: any; each call has its own handle.
 * Fails: the result and the diagnostic say how; nothing is retried.
 *
 * libcurl speaks SMTP and stuffs the dots. What it does not do is done around it:
 * - Addresses go into commands as they are, so one that could carry a command of its own is
 *   refused before.
 * - A short read would be taken for the end of the message. The read call-back counts, and
 *   aborts: then libcurl never sends the final dot, and the server drops what it got.
 * - The size is not told to libcurl: with it, 7.88 ends the message by count instead of at the end
 *   that the read call-back gives, and puts an empty line too many behind some messages.
 * - Which reply was the last is seen by the header call-back, which gets every reply line. The
 *   answer to QUIT (221) is not counted, nor anything behind the reply to the message.
 * - A server that does not answer QUIT would hold us up as long as one that does not answer the
 *   message, and after a refusal in addition to the time it has had; the progress call-back, which
 *   is called about once a second, ends that. */
#include "config.h"

#include "lib/ut_smtp.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ut_sbuf.h"
#include "lib/ut_sock.h"
#include "lib/ut_time.h"
#include "lib/ut_utf8.h"

#define SMTP_REPLY_MAX 4096
#define SMTP_QUIT_WAIT 2.0 /* seconds */
#define SMTP_REPLIES_EHLO 2 /* whole ones up to that to EHLO; when it is refused, HELO is next */
#define SMTP_ADDRESS_MAX 1000

/* What the last byte sent was, as far as dots behind it matter. */
enum smtp_at { SMTP_AT_START, SMTP_AT_TEXT, SMTP_AT_CR, SMTP_AT_BARE_LF };

struct smtp_call {
    const struct ut_smtp_job *job;
    struct ut_diag *d;
    bool read_failed;   /* [d] says why */
    bool message_fault; /* the message cannot be sent at all; [d] says why */
    bool all_read;      /* libcurl was told that the message ends */
    enum smtp_at at;
    long long sent;             /* bytes of the message read so far */
    bool answered;              /* the reply to the message came */
    unsigned replies;           /* whole ones */
    struct ut_smtp_lines reply; /* the last one */
    double give_up;             /* when to stop waiting for QUIT; 0: not yet */
};

/* Raw bytes of the message, up to [len]; -1 with call->d set. */
static ssize_t
smtp_raw(struct smtp_call *call, char *buf, size_t len)
{
    const struct ut_smtp_job *job = call->job;
    long long left = job->length - call->sent;
    ssize_t n;

    if (job->read) {
        n = job->read(job->arg, buf, len);
        if (n < 0 || (size_t)n > len)
            return ut_diag_set(call->d, "the message could not be read");
    } else {
        if (left < (long long)len)
            len = (size_t)left;
        do
            n = len > 0 ? pread(job->fd, buf, len, job->offset + (off_t)call->sent) : 0;
        while (n < 0 && errno == EINTR);
        if (n < 0)
            return ut_diag_errno(call->d, "the message could not be read");
    }
    call->sent += n;
    if (job->length >= 0 && (call->sent > job->length || (n == 0 && call->sent < job->length)))
        return ut_diag_set(call->d, "the message has %s than the %lld bytes announced",
            n == 0 ? "less" : "more", job->length);
    return n;
}

/* Follows the [len] bytes at [p]; -1 if a dot stands behind a bare CR or LF, where some servers
 * see the start of a line and others do not. */
static int
smtp_follow(struct smtp_call *call, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '.' && (call->at == SMTP_AT_CR || call->at == SMTP_AT_BARE_LF))
            return ut_diag_set(call->d,
                "the message has a \".\" behind a bare CR or LF, which no server could be sure of");
        if (p[i] == '\r')
            call->at = SMTP_AT_CR;
        else if (p[i] == '\n')
            call->at = call->at == SMTP_AT_CR ? SMTP_AT_START : SMTP_AT_BARE_LF;
        else
            call->at = SMTP_AT_TEXT;
    }
    return 0;
}

/* As smtp_raw(), bare LF turned into CRLF; [len] is at least 2. */
static ssize_t
smtp_fixed(struct smtp_call *call, char *buf, size_t len)
{
    bool cr = call->at == SMTP_AT_CR;
    char raw[4096];
    ssize_t n;
    size_t out = 0;

    n = smtp_raw(call, raw, len / 2 < sizeof(raw) ? len / 2 : sizeof(raw));
    for (ssize_t i = 0; i < n; i++) {
        if (raw[i] == '\n' && !cr)
            buf[out++] = '\r';
        cr = raw[i] == '\r';
        buf[out++] = raw[i];
    }
    return n < 0 ? -1 : (ssize_t)out;
}

static size_t
smtp_on_read(char *buf, size_t size, size_t count, void *arg)
{
    struct smtp_call *call = arg;
    size_t len = size * count;
    ssize_t n = call->job->fix_lf ? smtp_fixed(call, buf, len) : smtp_raw(call, buf, len);

    if (n < 0) {
        call->read_failed = true;
        return CURL_READFUNC_ABORT;
    }
    if (smtp_follow(call, buf, (size_t)n) != 0) {
        call->message_fault = true;
        return CURL_READFUNC_ABORT;
    }
    if (n == 0)
        call->all_read = true;
    return (size_t)n;
}

static bool
smtp_digit(char c)
{
    return c >= '0' && c <= '9';
}

int
ut_smtp_lines_add(struct ut_smtp_lines *r, const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    if (len < 3 || !smtp_digit(line[0]) || !smtp_digit(line[1]) || !smtp_digit(line[2]))
        return -1;
    if (!r->more)
        ut_sbuf_reset(&r->text);
    else
        ut_sbuf_addc(&r->text, '\n');
    r->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    r->more = len > 3 && line[3] == '-';
    if (len > 4)
        ut_sbuf_add(&r->text, line + 4, len - 4);
    return 0;
}

void
ut_smtp_lines_text(const struct ut_smtp_lines *r, char *out, size_t size)
{
    const char *p = ut_sbuf_text(&r->text), *end = p + r->text.len;
    struct ut_sbuf text;
    size_t len;

    ut_sbuf_init(&text, 4 * r->text.max + 1);
    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((lf ? lf : end) - p);

        ut_utf8_escape(&text, p, n);
        if (lf)
            ut_sbuf_addc(&text, ' ');
        p += n + (lf ? 1 : 0);
    }
    len = ut_utf8_cut(ut_sbuf_text(&text), text.len, size - 1);
    memcpy(out, ut_sbuf_text(&text), len);
    out[len] = '\0';
    ut_sbuf_fini(&text);
}

/* CURLOPT_HEADERFUNCTION: one line of a reply. */
static size_t
smtp_on_reply(char *line, size_t size, size_t count, void *arg)
{
    struct smtp_call *call = arg;
    size_t len = size * count;

    if (call->answered || (len >= 3 && memcmp(line, "221", 3) == 0) ||
        ut_smtp_lines_add(&call->reply, line, len) != 0)
        return len;
    if (call->reply.more)
        return len;
    call->replies++;
    call->answered = call->all_read;
    if (call->answered || (call->reply.code >= 400 && call->replies > SMTP_REPLIES_EHLO))
        call->give_up = ut_time_mono() + SMTP_QUIT_WAIT;
    return len;
}

static int
smtp_on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t e)
{
    const struct smtp_call *call = arg;

    (void)a, (void)b, (void)c, (void)e;
    return call->give_up > 0 && ut_time_mono() > call->give_up;
}

bool
ut_smtp_address_fits(const char *address)
{
    bool quoted = false;
    size_t len = 0;

    for (; *address; address++, len++) {
        unsigned char c = (unsigned char)*address;

        if (c < ' ' || c == 0x7F)
            return false;
        if (quoted && c == '\\' && address[1]) {
            address++;
            len++;
            if ((unsigned char)*address < ' ' || *address == 0x7F)
                return false;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && (c == ' ' || c == '<' || c == '>')) {
            return false;
        }
    }
    return !quoted && len <= SMTP_ADDRESS_MAX;
}

/* Checks what goes into commands; -1 with [d] set. */
static int
smtp_check(const struct ut_smtp_job *job, struct ut_diag *d)
{
    if (job->rcpt_count == 0)
        return ut_diag_set(d, "the message has no recipient");
    if (job->sender && !ut_smtp_address_fits(job->sender))
        return ut_diag_set(d, "the sender \"%s\" cannot be sent", job->sender);
    for (size_t i = 0; i < job->rcpt_count; i++)
        if (!job->rcpts[i][0] || !ut_smtp_address_fits(job->rcpts[i]))
            return ut_diag_set(d, "the recipient \"%s\" cannot be sent", job->rcpts[i]);
    if (!job->read && (job->length < 0 || job->offset < 0))
        return ut_diag_set(d, "the length of the message is missing");
    return 0;
}

/* "smtp://HOST:PORT/HELO"; NULL with [d] set. */
static char *
smtp_url(const struct ut_smtp_job *job, CURL *curl, struct ut_diag *d)
{
    char *helo = NULL;
    struct ut_sock_addr a;
    struct ut_sbuf url;

    if (ut_sock_parse(job->server, &a, d) != 0)
        return NULL;
    if (a.family != UT_SOCK_INET || !a.host[0] || a.port == 0) {
        ut_diag_set(d, "\"%s\": write HOST:PORT", job->server);
        return NULL;
    }
    if (job->helo && *job->helo) {
        helo = curl_easy_escape(curl, job->helo, 0);
        if (!helo) {
            ut_diag_set(d, "out of memory");
            return NULL;
        }
    }
    ut_sbuf_init(&url, 4096);
    ut_sbuf_addf(&url, strchr(a.host, ':') ? "smtp://[%s]:%u/%s" : "smtp://%s:%u/%s", a.host,
        a.port, helo ? helo : "");
    curl_free(helo);
    if (url.failed)
        ut_diag_set(d, "\"%s\": too long", job->server);
    return ut_sbuf_take(&url, NULL);
}

/* The recipients as libcurl wants them; NULL without memory. */
static struct curl_slist *
smtp_rcpts(const struct ut_smtp_job *job)
{
    struct curl_slist *list = NULL, *more;

    for (size_t i = 0; i < job->rcpt_count; i++) {
        more = curl_slist_append(list, job->rcpts[i]);
        if (!more) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = more;
    }
    return list;
}

/* Sets every option; the first failure, or CURLE_OK. */
static CURLcode
smtp_options(
    CURL *curl, struct smtp_call *call, const char *url, struct curl_slist *rcpts, char *error)
{
    const struct ut_smtp_job *job = call->job;
    long timeout = job->timeout > 0 ? job->timeout : 1;
    CURLcode r[] = {
        curl_easy_setopt(curl, CURLOPT_URL, url),
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L),
        curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L), /* do not wait for a name server */
        curl_easy_setopt(curl, CURLOPT_PROXY, ""), /* whatever the environment says */
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error),
        curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L),
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout),
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, timeout),
        curl_easy_setopt(curl, CURLOPT_FTP_RESPONSE_TIMEOUT, timeout),
        curl_easy_setopt(curl, CURLOPT_MAIL_FROM, job->sender ? job->sender : ""),
        curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, rcpts),
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L),
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)-1),
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, smtp_on_read),
        curl_easy_setopt(curl, CURLOPT_READDATA, call),
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, smtp_on_reply),
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, call),
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L),
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, smtp_on_progress),
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, call),
    };

    for (size_t i = 0; i < sizeof(r) / sizeof(r[0]); i++)
        if (r[i] != CURLE_OK)
            return r[i];
    return CURLE_OK;
}

/* Folds what libcurl says and what came over the wire into one result. */
static enum ut_smtp_result
smtp_result(const struct smtp_call *call, CURLcode r)
{
    if (call->message_fault)
        return UT_SMTP_PERMANENT;
    if (call->read_failed)
        return UT_SMTP_TROUBLE;
    if (call->answered && call->reply.code == 250)
        return UT_SMTP_ACCEPTED;
    if (call->reply.more || call->reply.code < 400 || call->reply.code > 599 ||
        r == CURLE_OPERATION_TIMEDOUT)
        return UT_SMTP_TROUBLE;
    /* CURLE_SEND_ERROR is how libcurl says that MAIL, RCPT or DATA was refused. */
    if (call->reply.code >= 500 && (call->answered || r == CURLE_SEND_ERROR))
        return UT_SMTP_PERMANENT;
    return UT_SMTP_TEMPORARY;
}

static void
smtp_report(const struct smtp_call *call, CURLcode r, const char *error,
    struct ut_smtp_reply *reply, struct ut_diag *d)
{
    reply->result = smtp_result(call, r);
    reply->code = call->reply.code;
    reply->in_doubt = call->all_read && !call->answered;
    ut_smtp_lines_text(&call->reply, reply->text, sizeof(reply->text));
    if (reply->result == UT_SMTP_ACCEPTED || call->message_fault || call->read_failed)
        return;
    if (reply->result == UT_SMTP_TROUBLE)
        ut_diag_set(d, "%s: %s", call->job->server, *error ? error : curl_easy_strerror(r));
    else
        ut_diag_set(d, "%s said: %d %s", call->job->server, reply->code, reply->text);
}

/* The call with everything made; frees nothing. */
static enum ut_smtp_result
smtp_perform(struct smtp_call *call, CURL *curl, const char *url, struct curl_slist *rcpts,
    struct ut_smtp_reply *reply)
{
    char error[CURL_ERROR_SIZE] = "";
    CURLcode r = smtp_options(curl, call, url, rcpts, error);

    if (r == CURLE_OK)
        r = curl_easy_perform(curl);
    smtp_report(call, r, error, reply, call->d);
    return reply->result;
}

enum ut_smtp_result
ut_smtp_send(const struct ut_smtp_job *job, struct ut_smtp_reply *reply, struct ut_diag *d)
{
    struct ut_diag own;
    struct smtp_call call = {.job = job, .d = d ? d : &own};
    struct curl_slist *rcpts = NULL;
    CURL *curl = NULL;
    char *url = NULL;

    memset(reply, 0, sizeof(*reply));
    reply->result = UT_SMTP_PERMANENT;
    if (smtp_check(job, call.d) != 0)
        return reply->result;
    reply->result = UT_SMTP_TROUBLE;
    ut_sbuf_init(&call.reply.text, SMTP_REPLY_MAX);
    curl = curl_easy_init();
    rcpts = smtp_rcpts(job);
    if (!curl || !rcpts)
        ut_diag_set(call.d, "out of memory");
    else
        url = smtp_url(job, curl, call.d);
    if (url)
        smtp_perform(&call, curl, url, rcpts, reply);
    curl_easy_cleanup(curl);
    curl_slist_free_all(rcpts);
    free(url);
    ut_sbuf_fini(&call.reply.text);
    return reply->result;
}
