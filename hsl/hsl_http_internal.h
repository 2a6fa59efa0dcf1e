/* hsl_http_internal.h - what hsl_http.c and hsl_http_queue.c share. */
#ifndef HSL_HTTP_INTERNAL_H
#define HSL_HTTP_INTERNAL_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "hsl/hsl_http.h"

#define HTTP_HANDLES 32 /* kept for the next request */

/* A request under way. */
struct transfer {
    struct hsl_http *http;
    const struct hsl_http_request *request;
    const struct ut_conf *conf; /* or NULL */
    struct hsl_http_answer *answer;
    struct curl_slist *headers;
    bool forbidden; /* an address was refused */
};

struct http_item;

/* Requests for later, in the order that they came. */
struct http_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_item *first, **last;
    size_t count;
    bool running, stop;
    pthread_t thread;
};

struct hsl_http {
    pthread_mutex_t lock; /* of the handles */
    CURL *handles[HTTP_HANDLES];
    size_t count;
    struct http_queue queue;
    atomic_bool stopping; /* requests under way are to end */
};

void
http_queue_init(struct http_queue *q);
/* Ends the thread, drops what waits. */
void
http_queue_fini(struct http_queue *q);

#endif
