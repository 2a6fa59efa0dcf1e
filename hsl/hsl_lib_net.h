/* hsl_lib_net.h - what other built-ins need of addresses. Any thread. */
#ifndef HSL_LIB_NET_H
#define HSL_LIB_NET_H

#include "hsl/hsl_lib.h"

/* Appends the name under which address [ip] stands in [zone]; NULL: in-addr.arpa or ip6.arpa.
 * False: it is no address, nothing was appended. */
bool
hsl_net_reverse(
    const char *ip, size_t len, const struct hsl_str *zone, struct ut_sbuf *out) UT_CHECKED;

/* True if address [ip] lies in [net]: IP, IP/bits or IP-IP; false also for what is neither. */
bool hsl_net_includes(const char *ip, const char *net);

#endif
