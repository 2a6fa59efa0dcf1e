/* hsl_dns_loop.h - the thread that asks DNS servers, for hsl_dns.c alone. */
#ifndef HSL_DNS_LOOP_H
#define HSL_DNS_LOOP_H

#include "hsl/hsl_dns.h"

/* One question on its way; the owner embeds it in his own struct. */
struct hsl_dns_query {
    const char *name; /* with a NUL behind; lives until done */
    const char *servers;
    enum hsl_dns_type type;
    struct hsl_dns_loop *loop;
    struct hsl_dns_channel *channel;
    struct hsl_dns_query *next;
    bool raw; /* was refused once; starts as false */
};

/* Called on the thread, once for each query; takes the reference of [a], which is NULL without
 * memory. */
typedef void
hsl_dns_done_fn(struct hsl_dns_query *q, struct hsl_dns_answer *a);

struct hsl_dns_loop;
/* NULL: no memory or no descriptors. */
struct hsl_dns_loop *
hsl_dns_loop_new(hsl_dns_done_fn *done) UT_CHECKED;
/* Ends the thread; queries that are under way are done with HSL_DNS_SERVFAIL. NULL is allowed. */
void
hsl_dns_loop_free(struct hsl_dns_loop *l);
/* Sends [q] off; the first call starts the thread. -1: the thread cannot be started. Any thread. */
int
hsl_dns_loop_ask(struct hsl_dns_loop *l, struct hsl_dns_query *q) UT_CHECKED;

#endif
