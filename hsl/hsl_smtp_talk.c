/* hsl_smtp_talk.c - one connection to a mail server: libcurl makes it, lines go over it.
 *
 * Why so. libcurl knows how to look up the name, connect, read the greeting, say EHLO and start
 * TLS, without blocking past a deadline anywhere, and does not fall for replies sent ahead of
 * STARTTLS. It then hands over the connection (CURLOPT_CONNECT_ONLY) for curl_easy_send() and
 * curl_easy_recv(). What it cannot do is the rest of a lookup: MAIL and RCPT without a message,
 * then RSET; XCLIENT and EHLO again; AUTH by our order of mechanisms (it has CRAM-MD5 first
 * always), with the code of the reply. Doing these by requests of its own (CURLOPT_CUSTOMREQUEST)
 * needs a connection that it keeps between requests, which it does not promise. So from EHLO on
 * lines go here: a command, a reply of bounded length. LMTP it does not speak: it only connects
 * then, and TLS is not to be had.
 *
 * Certificates are checked by OpenSSL during the handshake, for the names that we give it: libcurl
 * has one name for the certificate, for SNI and for connecting.
 *
 * Not here: what is asked (hsl_smtp.c). Threads: one at a time. Fails: -1 with a text. */
#include "config.h"

#include "hsl/hsl_smtp_talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/ut_time.h"

#define CONNECT_BYTES_MAX 65536u /* of replies up to EHLO */
#define COMMAND_MAX 65536u
#define LEAVE_SECONDS 1.0

static int
broken(struct smtp_talk *t, const char *text)
{
    t->broken = true;
    t->reply.code = 0;
    return ut_diag_set(t->why, "%s", text);
}

/* --- Lines ---------------------------------------------------------------------------------------
 */

/* Waits until the socket can be read or written. */
static int
await(struct smtp_talk *t, short events)
{
    struct pollfd p = {t->fd, events, 0};
    int rc;

    do
        rc = poll(&p, 1, ut_time_poll_ms(t->deadline));
    while (rc < 0 && errno == EINTR);
    return rc > 0 ? 0 : broken(t, "the server does not answer in time");
}

static int
send_all(struct smtp_talk *t, const char *p, size_t len)
{
    while (len > 0) {
        size_t n = 0;
        CURLcode rc = curl_easy_send(t->curl, p, len, &n);

        if (rc == CURLE_AGAIN) {
            if (await(t, POLLOUT) != 0)
                return -1;
            continue;
        }
        if (rc != CURLE_OK)
            return broken(t, "the server has closed the connection");
        p += n;
        len -= n;
    }
    return 0;
}

/* Receives more behind what there is. */
static int
receive(struct smtp_talk *t)
{
    size_t n = 0;
    CURLcode rc;

    if (t->have == sizeof(t->in))
        return broken(t, "the server sends a line without end");
    while (
        (rc = curl_easy_recv(t->curl, t->in + t->have, sizeof(t->in) - t->have, &n)) == CURLE_AGAIN)
        if (await(t, POLLIN) != 0)
            return -1;
    if (rc != CURLE_OK || n == 0)
        return broken(t, "the server has closed the connection");
    t->have += n;
    return 0;
}

/* A whole reply: its code, or -1. */
static int
read_reply(struct smtp_talk *t)
{
    t->reply.code = 0;
    t->reply.more = false;
    do {
        char *end;
        size_t len;

        while (!(end = memchr(t->in, '\n', t->have)))
            if (receive(t) != 0)
                return -1;
        len = (size_t)(end - t->in) + 1;
        if (ut_smtp_lines_add(&t->reply, t->in, len) != 0)
            return broken(t, "the server sends what is no reply");
        if (t->reply.text.failed)
            return broken(t, "the server sends a reply without end");
        t->have -= len;
        memmove(t->in, t->in + len, t->have);
    } while (t->reply.more);
    return t->reply.code;
}

int
smtp_talk_ask(struct smtp_talk *t, const char *fmt, ...)
{
    struct ut_sbuf line;
    va_list ap;
    int rc = -1;

    ut_sbuf_init(&line, COMMAND_MAX);
    va_start(ap, fmt);
    ut_sbuf_addv(&line, fmt, ap);
    va_end(ap);
    ut_sbuf_addz(&line, "\r\n");
    t->reply.code = 0;
    if (line.failed)
        (void)ut_diag_set(t->why, "a command is too long");
    else if (send_all(t, line.data, line.len) == 0)
        rc = read_reply(t);
    OPENSSL_cleanse(line.data, line.len); /* AUTH */
    ut_sbuf_fini(&line);
    return rc;
}

static void
keep_offers(struct smtp_talk *t)
{
    ut_sbuf_reset(&t->ehlo);
    ut_sbuf_add(&t->ehlo, ut_sbuf_text(&t->reply.text), t->reply.text.len);
}

int
smtp_talk_greet(struct smtp_talk *t)
{
    int code = smtp_talk_ask(t, "%s %s", t->server->lmtp ? "LHLO" : "EHLO", t->server->helo);

    if (code < 0)
        return -1;
    if (code != 250)
        return ut_diag_set(t->why, "the server answers the greeting with %d", code);
    keep_offers(t);
    return 0;
}

/* True if [word] is one of the words in [len] bytes at [p]. */
static bool
has_word(const char *p, size_t len, const char *word)
{
    const char *end = p + len;
    size_t want = strlen(word);

    while (p < end) {
        const char *blank = memchr(p, ' ', (size_t)(end - p));
        size_t n = (size_t)((blank ? blank : end) - p);

        if (n == want && strncasecmp(p, word, n) == 0)
            return true;
        p += n + 1;
    }
    return false;
}

bool
smtp_talk_offers(const struct smtp_talk *t, const char *keyword, const char *word)
{
    const char *p = strchr(ut_sbuf_text(&t->ehlo), '\n');
    size_t n = strlen(keyword);

    while (p) {
        const char *line = p + 1;
        size_t len = strcspn(line, "\n");

        /* "AUTH=LOGIN" is how servers of old offer it. */
        if (len >= n && strncasecmp(line, keyword, n) == 0 &&
            (len == n || line[n] == ' ' || line[n] == '=')) {
            if (!word || (len > n && has_word(line + n + 1, len - n - 1, word)))
                return true;
        }
        p = line[len] ? line + len : NULL;
    }
    return false;
}

/* --- Connecting ----------------------------------------------------------------------------------
 */

#define SET(option, value) ok = ok && curl_easy_setopt(t->curl, option, value) == CURLE_OK

/* CURLOPT_HEADERFUNCTION: a line that the server sends while libcurl speaks with it. */
static size_t
on_line(char *p, size_t size, size_t count, void *arg)
{
    struct smtp_talk *t = arg;
    size_t len = size * count;

    t->received += len;
    if (t->received > CONNECT_BYTES_MAX)
        return 0;
    if (ut_smtp_lines_add(&t->reply, p, len) == 0 && t->reply.code == 250 && !t->reply.more)
        keep_offers(t);
    return len;
}

/* CURLOPT_SOCKOPTFUNCTION */
static int
on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    int on = 1;

    (void)arg;
    (void)purpose;
    if (setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) != 0)
        return CURL_SOCKOPT_ERROR;
    return CURL_SOCKOPT_OK;
}

static bool
is_address(const char *text)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* CURLOPT_SSL_CTX_FUNCTION: STARTTLS was accepted, the handshake is next. */
static CURLcode
on_tls(CURL *curl, void *ctx, void *arg)
{
    struct smtp_talk *t = arg;
    const struct hsl_smtp_server *s = t->server;
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    bool ok = true;

    (void)curl;
    t->tls = true;
    if (!s->tls_verify)
        return CURLE_OK;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    for (size_t i = 0; i < s->tls_name_count; i++)
        ok = ok && X509_VERIFY_PARAM_add1_host(param, s->tls_names[i], 0) == 1;
    if (s->tls_verify_host && s->tls_name_count == 0)
        ok = is_address(s->host) ? X509_VERIFY_PARAM_set1_ip_asc(param, s->host) == 1
                                 : X509_VERIFY_PARAM_add1_host(param, s->host, 0) == 1;
    return ok ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}

static bool
set_tls(struct smtp_talk *t)
{
    const struct hsl_smtp_server *s = t->server;
    struct curl_blob pem = {.data = (void *)(uintptr_t)s->client_cert, .flags = CURL_BLOB_COPY};
    bool ok = true;

    if (s->tls == HSL_SMTP_TLS_DISABLED)
        return true;
    SET(CURLOPT_USE_SSL, s->tls == HSL_SMTP_TLS_REQUIRE ? CURLUSESSL_ALL : CURLUSESSL_TRY);
    SET(CURLOPT_SSL_VERIFYPEER, s->tls_verify ? 1L : 0L);
    SET(CURLOPT_SSL_VERIFYHOST, 0L); /* on_tls() */
    SET(CURLOPT_SSL_CTX_FUNCTION, on_tls);
    SET(CURLOPT_SSL_CTX_DATA, t);
    SET(CURLOPT_SSLVERSION, s->tls_versions);
    if (s->tls_ciphers)
        SET(CURLOPT_SSL_CIPHER_LIST, s->tls_ciphers);
    if (s->ca_file) {
        SET(CURLOPT_CAINFO, s->ca_file);
        if (!s->default_ca)
            SET(CURLOPT_CAPATH, NULL);
    }
    if (s->client_cert) {
        pem.len = strlen(s->client_cert);
        SET(CURLOPT_SSLCERT_BLOB, &pem);
        SET(CURLOPT_SSLKEY_BLOB, &pem);
    } else if (s->client_cert_file) {
        SET(CURLOPT_SSLCERT, s->client_cert_file);
        SET(CURLOPT_SSLKEY, s->client_cert_file);
    }
    return ok;
}

/* [host] for a URL */
static void
add_host(struct ut_sbuf *b, const char *host)
{
    ut_sbuf_addf(b, strchr(host, ':') ? "[%s]" : "%s", host);
}

/* The URL has the name for SNI; where to connect is said apart if that is another. */
static bool
set_target(struct smtp_talk *t)
{
    const struct hsl_smtp_server *s = t->server;
    const char *target = s->address ? s->address : s->host;
    const char *name = s->tls_sni ? s->tls_sni : s->host;
    char *helo = curl_easy_escape(t->curl, s->helo, 0);
    struct ut_sbuf b;
    bool ok = helo != NULL;

    ut_sbuf_init(&b, 8192);
    if (ok && strcmp(name, target) != 0) {
        ut_sbuf_addz(&b, "::");
        add_host(&b, target);
        ut_sbuf_addf(&b, ":%u", s->port);
        t->connect_to = b.failed ? NULL : curl_slist_append(NULL, ut_sbuf_text(&b));
        ok = t->connect_to != NULL;
        SET(CURLOPT_CONNECT_TO, t->connect_to);
        ut_sbuf_reset(&b);
    }
    ut_sbuf_addz(&b, s->lmtp ? "http://" : "smtp://"); /* http: nothing is said by libcurl */
    add_host(&b, name);
    ut_sbuf_addf(&b, ":%u/%s", s->port, s->lmtp ? "" : helo);
    ok = ok && !b.failed;
    SET(CURLOPT_URL, ut_sbuf_text(&b));
    curl_free(helo);
    ut_sbuf_fini(&b);
    return ok;
}

static bool
set_options(struct smtp_talk *t, char *error)
{
    const struct hsl_smtp_server *s = t->server;
    long left = ut_time_poll_ms(t->deadline);
    char source[80];
    bool ok = set_target(t) && set_tls(t);

    if (left < 1)
        left = 1; /* 0 would be no limit */
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* do not wait for a name server */
    SET(CURLOPT_PROXY, "");      /* whatever the environment says */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_ERRORBUFFER, error);
    SET(CURLOPT_TIMEOUT_MS, left);
    SET(CURLOPT_CONNECTTIMEOUT_MS, left);
    SET(CURLOPT_HEADERFUNCTION, on_line);
    SET(CURLOPT_HEADERDATA, t);
    if (s->source_ip) {
        ok = ok && snprintf(source, sizeof(source), "host!%s", s->source_ip) < (int)sizeof(source);
        SET(CURLOPT_INTERFACE, source);
    }
    if (s->source_ip && s->nonlocal_source)
        SET(CURLOPT_SOCKOPTFUNCTION, on_socket);
    return ok;
}

/* What libcurl found wrong; a server's refusal in the server's words. */
static int
connect_failed(struct smtp_talk *t, CURLcode rc, const char *error)
{
    bool refused = !t->reply.more && t->reply.code >= 400 && rc != CURLE_OPERATION_TIMEDOUT &&
                   rc != CURLE_USE_SSL_FAILED;
    char text[256];

    if (rc == CURLE_OPERATION_TIMEDOUT)
        return broken(t, "the server does not answer in time");
    if (!refused)
        return broken(t, *error ? error : curl_easy_strerror(rc));
    ut_smtp_lines_text(&t->reply, text, sizeof(text));
    return ut_diag_set(t->why, "the server says %d %s", t->reply.code, text);
}

/* Greeting and LHLO of a server to which libcurl has only connected. */
static int
greet_lmtp(struct smtp_talk *t)
{
    int code = read_reply(t);

    if (code < 0)
        return -1;
    if (code != 220)
        return ut_diag_set(t->why, "the server answers the connection with %d", code);
    return smtp_talk_greet(t);
}

int
smtp_talk_open(struct smtp_talk *t, const struct hsl_smtp_server *s, struct ut_diag *why)
{
    char error[CURL_ERROR_SIZE] = "";
    CURLcode rc;

    *t = (struct smtp_talk){.server = s, .why = why, .deadline = s->deadline, .broken = true};
    ut_sbuf_init(&t->reply.text, SMTP_REPLY_MAX);
    ut_sbuf_init(&t->ehlo, SMTP_REPLY_MAX);
    t->curl = curl_easy_init();
    if (!t->curl || !set_options(t, error))
        return ut_diag_set(why, "no connection can be prepared");
    rc = curl_easy_perform(t->curl);
    if (rc == CURLE_OK)
        rc = curl_easy_getinfo(t->curl, CURLINFO_ACTIVESOCKET, &t->fd);
    (void)curl_easy_setopt(t->curl, CURLOPT_ERRORBUFFER, NULL);
    if (rc != CURLE_OK)
        return connect_failed(t, rc, error);
    t->broken = false;
    return s->lmtp ? greet_lmtp(t) : 0;
}

void
smtp_talk_close(struct smtp_talk *t, bool reset)
{
    double soon = ut_time_mono() + LEAVE_SECONDS;
    struct ut_diag ignored;

    t->why = &ignored;
    if (t->deadline > soon)
        t->deadline = soon;
    if (reset && !t->broken)
        (void)!smtp_talk_ask(t, "RSET");
    if (!t->broken)
        (void)!smtp_talk_ask(t, "QUIT");
    curl_easy_cleanup(t->curl);
    curl_slist_free_all(t->connect_to);
    ut_sbuf_fini(&t->reply.text);
    ut_sbuf_fini(&t->ehlo);
}

void
smtp_talk_tls(struct smtp_talk *t, struct hsl_smtp_answer *a)
{
    struct curl_tlssessioninfo *info = NULL;
    const SSL *ssl;

    if (!t->tls || curl_easy_getinfo(t->curl, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || !info ||
        info->backend != CURLSSLBACKEND_OPENSSL || !info->internals)
        return;
    ssl = info->internals;
    snprintf(a->tls_protocol, sizeof(a->tls_protocol), "%s", SSL_get_version(ssl));
    snprintf(a->tls_cipher, sizeof(a->tls_cipher), "%s", SSL_get_cipher_name(ssl));
    a->tls_bits = SSL_get_cipher_bits(ssl, NULL);
}
