/* hsl_lib_dns.h - how built-ins ask DNS: servers and time, by the script and the configuration, and
 * what becomes of the answers. */
#ifndef HSL_LIB_DNS_H
#define HSL_LIB_DNS_H

#include "hsl/hsl_dns.h"
#include "hsl/hsl_lib.h"

#define HSL_DNS_SERVERS_MAX 900u /* bytes of all servers of one question */

struct hsl_dns_way {
    const char *function;
    char servers[HSL_DNS_SERVERS_MAX + 1]; /* as hsl_dns_ask() wants them */
    double timeout;                        /* seconds; the run's own limit is not in it */
    double port;                           /* of servers that name none */
    bool extended;                         /* option extended_result */
};

/* The way of [function] with what the configuration says (dns_servers, dns_timeout), and [options],
 * which is its argument [n]: a list of servers, an array of options (servers, resolvers, port,
 * timeout, extended_result), or NULL or none for nothing. false: R07, R15. */
bool
hsl_dns_find_way(struct hsl_run *r, struct hsl_dns_way *w, const char *function, unsigned n,
    const struct hsl_value *options) UT_CHECKED;

/* Asks the [n] questions at once in that way, which counts against max_dns. Their answers go with
 * hsl_lib_dns_drop(). false: nothing was asked; the limit, R15. */
bool
hsl_lib_dns_ask(struct hsl_run *r, const struct hsl_dns_way *w, struct hsl_dns_question *q,
    size_t n) UT_CHECKED;
void
hsl_lib_dns_drop(struct hsl_dns_question *q, size_t n);
/* The record that the old functions leave for a lookup without result. */
void
hsl_lib_dns_note(struct hsl_run *r, const struct hsl_dns_question *q);
/* The records of all [n] answers as one list into *out; [pairs]: each of an MX as host and
 * preference. false: limits; what is in *out then is the caller's. */
bool
hsl_lib_dns_list(struct hsl_run *r, const struct hsl_dns_question *q, size_t n, bool pairs,
    struct hsl_value *out) UT_CHECKED;
/* What the old functions give for the [n] questions about one name. */
bool
hsl_lib_dns_look_up(struct hsl_run *r, const struct hsl_dns_way *w, struct hsl_dns_question *q,
    size_t n, struct hsl_value *out) UT_CHECKED;
/* Appends the name under which [ip] stands in [zone] (NULL: in-addr.arpa or ip6.arpa); what is no
 * address becomes a name that nobody has. */
void
hsl_lib_dns_reverse(struct ut_sbuf *b, const struct hsl_str *ip, const struct hsl_text *zone);

#endif
