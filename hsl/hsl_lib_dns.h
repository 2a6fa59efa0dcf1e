/* hsl_lib_dns.h - how built-ins ask DNS: servers and time, by the script and the configuration. */
#ifndef HSL_LIB_DNS_H
#define HSL_LIB_DNS_H

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

#endif
