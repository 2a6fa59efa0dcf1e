/* hsl_net.c - IP addresses and networks by their text.
 *
 * An IPv4 address mapped into IPv6 (::ffff:192.0.2.1) is that IPv4 address everywhere.
 * Not here: the functions of scripts (hsl_lib_net.c). Threads: any. Fails: what is no address. */
#include "config.h"

#include "hsl/hsl_net.h"

#include <arpa/inet.h>
#include <string.h>

/* --- Addresses ------------------------------------------------------------------------------- */

struct address {
    unsigned char bytes[16];
    size_t size; /* 4 or 16 */
    bool mapped; /* was written as ::ffff:a.b.c.d */
};

static bool
parse_address(const char *p, size_t len, struct address *a)
{
    static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};
    char text[INET6_ADDRSTRLEN];

    if (len >= sizeof(text) || memchr(p, '\0', len))
        return false;
    memcpy(text, p, len);
    text[len] = '\0';
    a->mapped = false;
    a->size = 4;
    if (inet_pton(AF_INET, text, a->bytes) == 1)
        return true;
    a->size = 16;
    if (inet_pton(AF_INET6, text, a->bytes) != 1)
        return false;
    if (memcmp(a->bytes, prefix, sizeof(prefix)) == 0) {
        memmove(a->bytes, a->bytes + 12, 4);
        a->size = 4;
        a->mapped = true;
    }
    return true;
}

/* --- Networks -------------------------------------------------------------------------------- */

static bool
parse_bits(const char *p, size_t len, unsigned *bits)
{
    *bits = 0;
    for (size_t i = 0; i < len; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        *bits = *bits * 10 + (unsigned)(p[i] - '0');
    }
    return len >= 1 && len <= 3;
}

static enum hsl_net
in_prefix(const struct address *ip, const struct address *net, unsigned bits)
{
    unsigned whole, rest;

    if (net->mapped) {
        if (bits < 96 || bits > 128)
            return bits > 128 ? HSL_NET_MALFORMED : HSL_NET_OUTSIDE;
        bits -= 96;
    }
    if (bits > net->size * 8)
        return HSL_NET_MALFORMED;
    whole = bits / 8;
    rest = bits % 8;
    if (ip->size != net->size || memcmp(ip->bytes, net->bytes, whole) != 0)
        return HSL_NET_OUTSIDE;
    if (rest > 0 && (ip->bytes[whole] ^ net->bytes[whole]) >> (8 - rest) != 0)
        return HSL_NET_OUTSIDE;
    return HSL_NET_INSIDE;
}

static enum hsl_net
in_range(const struct address *ip, const struct address *first, const struct address *last)
{
    if (first->size != last->size || memcmp(first->bytes, last->bytes, first->size) > 0)
        return HSL_NET_MALFORMED;
    if (ip->size != first->size || memcmp(ip->bytes, first->bytes, ip->size) < 0 ||
        memcmp(ip->bytes, last->bytes, ip->size) > 0)
        return HSL_NET_OUTSIDE;
    return HSL_NET_INSIDE;
}

enum hsl_net
hsl_net_compare(const struct hsl_text *ip, const struct hsl_text *net)
{
    const char *p = net->p, *end = p + net->len;
    const char *slash = memchr(p, '/', net->len);
    const char *dash = memchr(p, '-', net->len), *stop = slash ? slash : dash ? dash : end;
    struct address address, first, last;
    unsigned bits;

    if (!parse_address(ip->p, ip->len, &address) || !parse_address(p, (size_t)(stop - p), &first))
        return HSL_NET_MALFORMED;
    if (slash) {
        if (!parse_bits(slash + 1, (size_t)(end - slash - 1), &bits))
            return HSL_NET_MALFORMED;
        return in_prefix(&address, &first, bits);
    }
    if (!dash)
        return in_range(&address, &first, &first);
    if (!parse_address(dash + 1, (size_t)(end - dash - 1), &last))
        return HSL_NET_MALFORMED;
    return in_range(&address, &first, &last);
}

bool
hsl_net_includes(const char *ip, const char *net)
{
    struct hsl_text a = {ip, strlen(ip)}, b = {net, strlen(net)};

    return hsl_net_compare(&a, &b) == HSL_NET_INSIDE;
}

/* --- Names ------------------------------------------------------------------------------------ */

bool
hsl_net_reverse(const char *ip, size_t len, const struct hsl_text *zone, struct ut_sbuf *out)
{
    struct address a;

    if (!parse_address(ip, len, &a))
        return false;
    for (size_t i = a.size; i-- > 0;) {
        if (a.size == 4)
            ut_sbuf_addf(out, "%u.", a.bytes[i]);
        else
            ut_sbuf_addf(out, "%x.%x.", a.bytes[i] & 15u, a.bytes[i] >> 4);
    }
    if (zone)
        ut_sbuf_add(out, zone->p, zone->len);
    else
        ut_sbuf_addz(out, a.size == 4 ? "in-addr.arpa" : "ip6.arpa");
    return true;
}
