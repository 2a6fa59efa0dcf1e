/* hsl_lib_net.c - IP addresses, and domains by their text (library §11).
 *
 * An IPv4 address mapped into IPv6 (::ffff:192.0.2.1) is that IPv4 address everywhere.
 * Not here: DNS (hsl_lib_dns.c), rate() (hsl_lib_share.c).
 * Threads: as the run. Fails: R15. */
#include "config.h"

#include <arpa/inet.h>
#include <math.h>
#include <strings.h>

#include "hsl/hsl_lib.h"
#include "hsl/hsl_lib_net.h"

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

enum inside { INSIDE, OUTSIDE, MALFORMED };

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

static enum inside
in_prefix(const struct address *ip, const struct address *net, unsigned bits)
{
    unsigned whole, rest;

    if (net->mapped) {
        if (bits < 96 || bits > 128)
            return bits > 128 ? MALFORMED : OUTSIDE;
        bits -= 96;
    }
    if (bits > net->size * 8)
        return MALFORMED;
    whole = bits / 8;
    rest = bits % 8;
    if (ip->size != net->size || memcmp(ip->bytes, net->bytes, whole) != 0)
        return OUTSIDE;
    if (rest > 0 && (ip->bytes[whole] ^ net->bytes[whole]) >> (8 - rest) != 0)
        return OUTSIDE;
    return INSIDE;
}

static enum inside
in_range(const struct address *ip, const struct address *first, const struct address *last)
{
    if (first->size != last->size || memcmp(first->bytes, last->bytes, first->size) > 0)
        return MALFORMED;
    if (ip->size != first->size || memcmp(ip->bytes, first->bytes, ip->size) < 0 ||
        memcmp(ip->bytes, last->bytes, ip->size) > 0)
        return OUTSIDE;
    return INSIDE;
}

/* Whether [ip] lies in [net]: IP, IP/bits or IP-IP. */
static enum inside
compare_text(const struct hsl_text *ip, const struct hsl_text *net)
{
    const char *p = net->p, *end = p + net->len;
    const char *slash = memchr(p, '/', net->len);
    const char *dash = memchr(p, '-', net->len), *stop = slash ? slash : dash ? dash : end;
    struct address address, first, last;
    unsigned bits;

    if (!parse_address(ip->p, ip->len, &address) || !parse_address(p, (size_t)(stop - p), &first))
        return MALFORMED;
    if (slash) {
        if (!parse_bits(slash + 1, (size_t)(end - slash - 1), &bits))
            return MALFORMED;
        return in_prefix(&address, &first, bits);
    }
    if (!dash)
        return in_range(&address, &first, &first);
    if (!parse_address(dash + 1, (size_t)(end - dash - 1), &last))
        return MALFORMED;
    return in_range(&address, &first, &last);
}

static struct hsl_text
text_of(const struct hsl_value *v)
{
    return (struct hsl_text){.p = v->u.str->data, .len = v->u.str->len};
}

static enum inside
compare_network(const struct hsl_value *ip, const struct hsl_value *net)
{
    struct hsl_text a = text_of(ip), b = text_of(net);

    return compare_text(&a, &b);
}

bool
hsl_net_includes(const char *ip, const char *net)
{
    struct hsl_text a = {ip, strlen(ip)}, b = {net, strlen(net)};

    return compare_text(&a, &b) == INSIDE;
}

static bool
fn_in_network(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)argc;
    *out = hsl_bool(compare_network(&args[0], &args[1]) == INSIDE);
    return true;
}

static bool
fn_inet_includes(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    enum inside where = compare_network(&args[0], &args[1]);

    (void)r;
    (void)argc;
    if (where != MALFORMED)
        *out = hsl_bool(where == INSIDE);
    return true;
}

/* --- Forms of addresses ---------------------------------------------------------------------- */

/* As it is written: a mapped address keeps its 16 bytes. */
static bool
fn_inet_pton(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    unsigned char bytes[16];
    const struct hsl_str *s = args[0].u.str;

    (void)argc;
    if (strlen(s->data) != s->len)
        return true;
    if (inet_pton(AF_INET, s->data, bytes) == 1)
        return hsl_ret_str(r, out, (const char *)bytes, 4);
    if (inet_pton(AF_INET6, s->data, bytes) == 1)
        return hsl_ret_str(r, out, (const char *)bytes, 16);
    return true;
}

static bool
fn_inet_ntop(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;
    char text[INET6_ADDRSTRLEN];

    (void)argc;
    if ((s->len != 4 && s->len != 16) ||
        !inet_ntop(s->len == 4 ? AF_INET : AF_INET6, s->data, text, sizeof(text)))
        return true;
    return hsl_ret_str(r, out, text, strlen(text));
}

bool
hsl_net_reverse(const char *ip, size_t len, const struct hsl_str *zone, struct ut_sbuf *out)
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
        ut_sbuf_add(out, zone->data, zone->len);
    else
        ut_sbuf_addz(out, a.size == 4 ? "in-addr.arpa" : "ip6.arpa");
    return true;
}

static bool
fn_inet_reverse(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct ut_sbuf b;

    ut_sbuf_init(&b, r->limits.max_string);
    if (hsl_net_reverse(
            args[0].u.str->data, args[0].u.str->len, argc > 1 ? args[1].u.str : NULL, &b))
        return hsl_ret_sbuf(r, out, &b);
    ut_sbuf_fini(&b);
    return true;
}

/* --- Domains --------------------------------------------------------------------------------- */

static bool
fn_is_subdomain(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *d = args[0].u.str, *domain = args[1].u.str;
    const char *p = domain->data;
    size_t len = domain->len;
    bool dot = len > 0 && p[0] == '.', yes = false;

    (void)argc;
    if (dot) {
        p++;
        len--;
    }
    if (!hsl_work_text(r, &args[1]))
        return false;
    if (len > 0 && d->len >= len && strncasecmp(d->data + d->len - len, p, len) == 0 &&
        !memchr(p, '\0', len))
        yes = d->len == len ? !dot : d->len > len + 1 && d->data[d->len - len - 1] == '.';
    *out = hsl_bool(yes);
    return true;
}

const struct hsl_builtin hsl_lib_net_rows[] = {
    {"in_network", "ss", 0, HSL_NONE_OK | HSL_PURE, fn_in_network, "in_network(ip, net)",
        "True if the address lies in the network: an address, address/bits or first-last. False "
        "also for what is no address."},
    {"inet_includes", "ss", 0, HSL_PURE, fn_inet_includes, "inet_includes(ip, net)",
        "As in_network(), but none for what is no address or network."},
    {"inet_pton", "s", 0, HSL_PURE, fn_inet_pton, "inet_pton(ip)",
        "The 4 or 16 bytes of an address, or none."},
    {"inet_ntop", "s", 0, HSL_PURE, fn_inet_ntop, "inet_ntop(bytes)",
        "The text of an address of 4 or 16 bytes, or none."},
    {"inet_reverse", "s|s", 0, HSL_PURE, fn_inet_reverse, "inet_reverse(ip [, zone])",
        "The name to look the address up in a zone, in-addr.arpa or ip6.arpa by default; none "
        "for what is no address."},
    {"is_subdomain", "ss", 0, HSL_PURE, fn_is_subdomain, "is_subdomain(d, domain)",
        "True if d is the domain or below it, whatever the case. With a dot before the domain it "
        "has to be below."},
    {"domain_includes", "ss", 0, HSL_PURE, fn_is_subdomain, "domain_includes(d, domain)",
        "The new name of is_subdomain()."},
    {.name = NULL},
};
