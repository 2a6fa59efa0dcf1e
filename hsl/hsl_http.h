/* hsl_http.h - HTTP requests of scripts, by libcurl: connections are kept for the next request, and
 * what the administrator forbids is not connected to. Any thread. Sources: RFC 9110,
 * curl_easy_setopt(3). */
#ifndef HSL_HTTP_H
#define HSL_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_bug.h"
#include "lib/ut_conf.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"

/* Text of the request's own: NULL is not given. */
struct hsl_http_request {
    char *url;
    char *method;   /* NULL: GET, or POST with a body */
    char **headers; /* "Name: value"; NULL at the end, or NULL */
    char *body;     /* NULL: none */
    size_t body_len;
    const char *body_type; /* Content-Type of [body] if no header says; constant */
    char *source_ip, *proxy, *unix_socket, *client_cert;
    double timeout, connect_timeout; /* seconds */
    size_t max_body;                 /* of the answer, bytes */
    long redirects;                  /* followed at most; -1: 20 */
    bool verify_peer, verify_host, default_ca;
    /* Instead of [body]: up to [len] bytes into [p], 0 at the end, -1: give up. NULL: none. */
    long (*read)(void *arg, char *p, size_t len);
    void *arg;
};

void
hsl_http_request_init(struct hsl_http_request *q);
void
hsl_http_request_fini(struct hsl_http_request *q);

struct hsl_http_answer {
    long status;         /* of the last answer */
    struct ut_sbuf head; /* its status line and headers as they came, with the empty line */
    struct ut_sbuf body;
};

struct hsl_http;
struct hsl_http *
hsl_http_new(void) UT_CHECKED; /* NULL: no memory */
/* Ends the background thread, requests that wait are dropped. NULL is allowed. */
void
hsl_http_free(struct hsl_http *h);

/* Makes the request. [conf] (may be NULL) says what may be reached: http_allow, http_deny, and the
 * CA certificates: http_ca_file. The buffers of [a] are made here and are the caller's to free,
 * whatever the result. 0; -1 with [why], which names host and reason, if there was no answer. */
int
hsl_http_run(struct hsl_http *h, const struct hsl_http_request *q, const struct ut_conf *conf,
    struct hsl_http_answer *a, struct ut_diag *why) UT_CHECKED;

/* A request that is made later, by a thread of its own; requests of equal [hash] (may be "") in
 * order. Takes what [q] holds (no read call-back), also on failure; [conf] is referenced. -1: too
 * many wait. */
int
hsl_http_queue(struct hsl_http *h, struct hsl_http_request *q, struct ut_conf *conf,
    const char *hash, unsigned retries, double delay) UT_CHECKED;

#endif
