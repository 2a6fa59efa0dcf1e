/* hsl_http.c - HTTP requests of scripts, by libcurl.
 *
 * A handle of libcurl keeps its connections, so handles are kept for the next request. What may be
 * reached is checked where nobody can get around it: at the socket, by the address that is really
 * connected to, after names were looked up and redirects followed; and once more before a request
 * goes out on a connection from before.
 *
 * Not here: the functions of scripts (hsl_lib_http.c), requests for later (hsl_http_queue.c).
 * Threads: any; a handle is used by one at a time. Fails: -1 and a text without query or password.
 */
#include "config.h"

#include "hsl/hsl_http_internal.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "hsl/hsl_net.h"

#define CONNECTIONS 4L /* each keeps */
#define REDIRECTS_MAX 20L
#define HEAD_MAX (256u << 10)
#define SECONDS_MAX (7 * 86400.0) /* of a time limit: libcurl counts milliseconds */

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void
start_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

void
hsl_http_request_init(struct hsl_http_request *q)
{
    *q = (struct hsl_http_request){.verify_peer = true, .verify_host = true, .default_ca = true};
}

void
hsl_http_request_fini(struct hsl_http_request *q)
{
    for (size_t i = 0; q->headers && q->headers[i]; i++)
        free(q->headers[i]);
    free((void *)q->headers);
    free(q->url);
    free(q->method);
    free(q->body);
    free(q->source_ip);
    free(q->proxy);
    free(q->unix_socket);
    free(q->client_cert);
    *q = (struct hsl_http_request){0};
}

/* --- What may be reached -----------------------------------------------------------------------
 */

/* Whether address [ip] is in one of the networks; the word private stands for those of this site.
 */
static bool
is_listed(const struct ut_conf_list *list, const char *ip)
{
    static const char *const private[] = {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8",
        "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "::/127", "fc00::/7", "fe80::/10"};

    for (size_t i = 0; i < list->count; i++) {
        if (hsl_net_includes(ip, list->items[i]))
            return true;
        if (strcmp(list->items[i], "private") != 0)
            continue;
        for (size_t k = 0; k < sizeof(private) / sizeof(private[0]); k++)
            if (hsl_net_includes(ip, private[k]))
                return true;
    }
    return false;
}

static bool
may_reach(const struct transfer *t, const char *ip)
{
    const struct ut_conf_global *g = t->conf ? &t->conf->global : NULL;

    return !g || is_listed(&g->http_allow, ip) || !is_listed(&g->http_deny, ip);
}

/* CURLOPT_OPENSOCKETFUNCTION */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct transfer *t = arg;
    char ip[INET6_ADDRSTRLEN] = "";

    (void)purpose;
    if (a->family == AF_INET)
        inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)&a->addr)->sin_addr, ip, sizeof(ip));
    else if (a->family == AF_INET6)
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)(void *)&a->addr)->sin6_addr, ip, sizeof(ip));
    if (*ip ? !may_reach(t, ip) : t->conf && t->conf->global.http_deny.count > 0) {
        t->forbidden = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* CURLOPT_PREREQFUNCTION */
static int
before_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
    struct transfer *t = arg;

    (void)local_ip;
    (void)port;
    (void)local_port;
    if (!ip || !*ip || may_reach(t, ip))
        return CURL_PREREQFUNC_OK;
    t->forbidden = true;
    return CURL_PREREQFUNC_ABORT;
}

/* --- Data ----------------------------------------------------------------------------------------
 */

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;

    ut_sbuf_add(&t->answer->body, p, size * n);
    return t->answer->body.failed ? 0 : size * n;
}

/* A status line begins the headers of another answer: after a redirect, or 100 Continue. */
static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;

    if (size * n > 5 && memcmp(p, "HTTP/", 5) == 0)
        ut_sbuf_reset(&t->answer->head);
    ut_sbuf_add(&t->answer->head, p, size * n);
    return t->answer->head.failed ? 0 : size * n;
}

static size_t
on_read(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    long got = t->request->read(t->request->arg, p, size * n);

    return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

/* CURLOPT_XFERINFOFUNCTION: called once a second at least. */
static int
on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct transfer *t = arg;

    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return atomic_load(&t->http->stopping) ? 1 : 0;
}

/* --- One request ---------------------------------------------------------------------------------
 */

static bool
names_type(const struct hsl_http_request *q)
{
    for (size_t i = 0; q->headers && q->headers[i]; i++)
        if (strncasecmp(q->headers[i], "Content-Type:", 13) == 0)
            return true;
    return false;
}

static bool
add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer)
        *list = longer;
    return longer != NULL;
}

/* The headers of the request; false without memory. "Expect:" keeps libcurl from waiting for a
 * 100 Continue, which many servers never send. */
static bool
make_headers(struct transfer *t)
{
    const struct hsl_http_request *q = t->request;
    char type[128];
    bool ok = add_header(&t->headers, "Expect:");

    snprintf(type, sizeof(type), "Content-Type: %s", q->body_type ? q->body_type : "");
    if ((q->body || q->read) && !names_type(q))
        ok = ok && add_header(&t->headers, type);
    if (q->read)
        ok = ok && add_header(&t->headers, "Transfer-Encoding: chunked");
    for (size_t i = 0; q->headers && q->headers[i]; i++)
        ok = ok && add_header(&t->headers, q->headers[i]);
    return ok;
}

#define SET(option, value) ok = ok && curl_easy_setopt(c, option, value) == CURLE_OK

static bool
set_tls(CURL *c, const struct transfer *t)
{
    const struct hsl_http_request *q = t->request;
    const char *ca = t->conf ? t->conf->global.http_ca_file : "";
    struct curl_blob pem = {.flags = CURL_BLOB_COPY};
    bool ok = true;

    SET(CURLOPT_SSL_VERIFYPEER, q->verify_peer ? 1L : 0L);
    SET(CURLOPT_SSL_VERIFYHOST, q->verify_host ? 2L : 0L);
    if (!q->default_ca || *ca) {
        SET(CURLOPT_CAPATH, NULL);
        SET(CURLOPT_CAINFO, *ca ? ca : NULL);
    }
    if (q->client_cert) {
        pem.data = q->client_cert;
        pem.len = strlen(q->client_cert);
        SET(CURLOPT_SSLCERT_BLOB, &pem);
        SET(CURLOPT_SSLKEY_BLOB, &pem);
    }
    return ok;
}

static bool
set_body(CURL *c, const struct transfer *t)
{
    const struct hsl_http_request *q = t->request;
    bool ok = true;

    if (q->body) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_len);
        SET(CURLOPT_POSTFIELDS, q->body);
    } else if (q->read) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_READFUNCTION, on_read);
        SET(CURLOPT_READDATA, t);
    }
    if (q->method && strcmp(q->method, "HEAD") == 0)
        SET(CURLOPT_NOBODY, 1L);
    else if (q->method)
        SET(CURLOPT_CUSTOMREQUEST, q->method);
    return ok;
}

static long
milliseconds(double seconds)
{
    return (long)((seconds < SECONDS_MAX ? seconds : SECONDS_MAX) * 1000) + 1;
}

static bool
set_ways(CURL *c, const struct transfer *t)
{
    const struct hsl_http_request *q = t->request;
    bool ok = true;

    SET(CURLOPT_URL, q->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, q->redirects != 0 ? 1L : 0L);
    SET(CURLOPT_MAXREDIRS, q->redirects < 0 ? REDIRECTS_MAX : q->redirects);
    SET(CURLOPT_TIMEOUT_MS, milliseconds(q->timeout));
    SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(q->connect_timeout));
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, t);
    SET(CURLOPT_PREREQFUNCTION, before_request);
    SET(CURLOPT_PREREQDATA, t);
    SET(CURLOPT_PROXY, q->proxy ? q->proxy : "");
    if (q->source_ip)
        SET(CURLOPT_INTERFACE, q->source_ip);
    if (q->unix_socket)
        SET(CURLOPT_UNIX_SOCKET_PATH, q->unix_socket);
    return ok;
}

static bool
set_options(CURL *c, const struct transfer *t)
{
    bool ok = set_ways(c, t) && set_tls(c, t) && set_body(c, t);

    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* past the deadline, do not wait for the thread that asks DNS */
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, t);
    SET(CURLOPT_MAXCONNECTS, CONNECTIONS);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_USERAGENT, "Penstock");
    SET(CURLOPT_HTTPHEADER, t->headers);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    return ok;
}

/* The URL as it may be logged: no user, no query. */
static void
add_url(struct ut_sbuf *b, const char *url)
{
    const char *rest = strstr(url, "://"), *end, *at;

    rest = rest ? rest + 3 : url;
    end = rest + strcspn(rest, "/?#");
    at = memrchr(rest, '@', (size_t)(end - rest));
    ut_sbuf_add(b, url, (size_t)(rest - url));
    rest = at ? at + 1 : rest;
    ut_sbuf_add(b, rest, strcspn(rest, "?#"));
}

static int
fail(struct ut_diag *why, const struct transfer *t, CURLcode rc, const char *text)
{
    struct ut_sbuf url;

    if (t->forbidden)
        text = "the address is not allowed (http_deny)";
    else if (t->answer->body.failed)
        text = "the answer is too long";
    else if (!*text)
        text = curl_easy_strerror(rc);
    ut_sbuf_init(&url, 8192);
    add_url(&url, t->request->url);
    (void)ut_diag_set(why, "%s: %s", ut_sbuf_text(&url), text);
    ut_sbuf_fini(&url);
    return -1;
}

/* Takes a kept handle, or makes one. */
static CURL *
take_handle(struct hsl_http *h)
{
    CURL *c = NULL;

    pthread_mutex_lock(&h->lock);
    if (h->count > 0)
        c = h->handles[--h->count];
    pthread_mutex_unlock(&h->lock);
    return c ? c : curl_easy_init();
}

static void
give_handle(struct hsl_http *h, CURL *c)
{
    curl_easy_reset(c);
    pthread_mutex_lock(&h->lock);
    if (h->count < HTTP_HANDLES) {
        h->handles[h->count++] = c;
        c = NULL;
    }
    pthread_mutex_unlock(&h->lock);
    if (c)
        curl_easy_cleanup(c);
}

int
hsl_http_run(struct hsl_http *h, const struct hsl_http_request *q, const struct ut_conf *conf,
    struct hsl_http_answer *a, struct ut_diag *why)
{
    struct transfer t = {.http = h, .request = q, .conf = conf, .answer = a};
    char text[CURL_ERROR_SIZE] = "";
    CURLcode rc = CURLE_OUT_OF_MEMORY;
    CURL *c = take_handle(h);

    a->status = 0;
    ut_sbuf_init(&a->head, HEAD_MAX);
    ut_sbuf_init(&a->body, q->max_body);
    if (c && make_headers(&t) && set_options(c, &t) &&
        curl_easy_setopt(c, CURLOPT_ERRORBUFFER, text) == CURLE_OK) {
        rc = curl_easy_perform(c);
        if (rc == CURLE_OK)
            rc = curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &a->status);
    }
    if (c)
        give_handle(h, c);
    curl_slist_free_all(t.headers);
    return rc == CURLE_OK ? 0 : fail(why, &t, rc, text);
}

struct hsl_http *
hsl_http_new(void)
{
    struct hsl_http *h = calloc(1, sizeof(*h));

    if (!h)
        return NULL;
    pthread_once(&curl_once, start_curl);
    pthread_mutex_init(&h->lock, NULL);
    http_queue_init(&h->queue);
    return h;
}

void
hsl_http_free(struct hsl_http *h)
{
    if (!h)
        return;
    atomic_store(&h->stopping, true);
    http_queue_fini(&h->queue);
    while (h->count > 0)
        curl_easy_cleanup(h->handles[--h->count]);
    pthread_mutex_destroy(&h->lock);
    free(h);
}
