/* hsl_net.h - IP addresses and networks by their text. Any thread. */
#ifndef HSL_NET_H
#define HSL_NET_H

#include <stdbool.h>
#include <stddef.h>

#include "hsl/hsl_host.h"
#include "lib/ut_sbuf.h"

enum hsl_net { HSL_NET_INSIDE, HSL_NET_OUTSIDE, HSL_NET_MALFORMED };

/* Where address [ip] lies as to [net], which is IP, IP/bits or IP-IP. */
enum hsl_net
hsl_net_compare(const struct hsl_text *ip, const struct hsl_text *net);
/* True if it lies inside; false also for what is neither address nor network. */
bool
hsl_net_includes(const char *ip, const char *net);
/* Appends the name under which address [ip] stands in [zone]; NULL: in-addr.arpa or ip6.arpa.
 * False: it is no address, nothing was appended. */
bool
hsl_net_reverse(
    const char *ip, size_t len, const struct hsl_text *zone, struct ut_sbuf *out) UT_CHECKED;

#endif
