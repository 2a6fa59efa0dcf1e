/* hsl_lib_net.c - IP addresses, and domains by their text (library §11).
 *
 * Not here: addresses themselves (hsl_net.c), DNS (hsl_lib_dns.c), rate() (hsl_lib_share.c).
 * Threads: as the run. Fails: R15. */
#include "config.h"

#include <arpa/inet.h>
#include <libpsl.h>
#include <strings.h>

#include "hsl/hsl_dns.h"
#include "hsl/hsl_env.h"
#include "hsl/hsl_lib.h"
#include "hsl/hsl_net.h"

static struct hsl_text
text_of(const struct hsl_value *v)
{
    return (struct hsl_text){.p = v->u.str->data, .len = v->u.str->len};
}

static enum hsl_net
compare_network(const struct hsl_value *ip, const struct hsl_value *net)
{
    struct hsl_text a = text_of(ip), b = text_of(net);

    return hsl_net_compare(&a, &b);
}

static bool
fn_in_network(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    *out = hsl_bool(compare_network(&args[0], &args[1]) == HSL_NET_INSIDE);
    return hsl_work_text(r, &args[1]);
}

static bool
fn_inet_includes(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    enum hsl_net where = compare_network(&args[0], &args[1]);

    (void)argc;
    if (where != HSL_NET_MALFORMED)
        *out = hsl_bool(where == HSL_NET_INSIDE);
    return hsl_work_text(r, &args[1]);
}

/* --- Forms of addresses ---------------------------------------------------------------------- */

/* As it is written: a mapped address keeps its 16 bytes. */
static bool
fn_inet_pton(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    unsigned char bytes[16];
    const struct hsl_str *s = args[0].u.str;

    (void)argc;
    if (s->len >= INET6_ADDRSTRLEN || strlen(s->data) != s->len)
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

static bool
fn_inet_reverse(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_text zone = argc > 1 ? text_of(&args[1]) : (struct hsl_text){0};
    struct ut_sbuf b;

    ut_sbuf_init(&b, r->limits.max_string);
    if (hsl_net_reverse(args[0].u.str->data, args[0].u.str->len, argc > 1 ? &zone : NULL, &b))
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

/* Copies [s] in lower case without its final dot. False: it is no domain. */
static bool
copy_domain(const struct hsl_str *s, char out[HSL_DNS_NAME_MAX + 1])
{
    size_t len = s->len > 0 && s->data[s->len - 1] == '.' ? s->len - 1 : s->len;
    char before = '.';
    unsigned char bytes[16];

    if (len == 0 || len > HSL_DNS_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = s->data[i];

        if ((c == '.' && before == '.') || (c >= 0 && c <= ' ') || c == ':')
            return false;
        out[i] = before = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    out[len] = '\0';
    return before != '.' && inet_pton(AF_INET, out, bytes) != 1;
}

static bool
fn_domain_publicsuffix(
    struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    char domain[HSL_DNS_NAME_MAX + 1];
    const char *suffix = NULL;

    (void)argc;
    if (r->env && copy_domain(args[0].u.str, domain))
        suffix = psl_unregistrable_domain(hsl_env_suffixes(r->env), domain);
    return !suffix || hsl_ret_str(r, out, suffix, strlen(suffix));
}

const struct hsl_builtin hsl_lib_net_rows[] = {
    {"in_network", "ss", 0, HSL_NONE_OK | HSL_PURE, .fn = fn_in_network, "in_network(ip, net)",
        "True if the address lies in the network: an address, address/bits or first-last. False "
        "also for what is no address."},
    {"inet_includes", "ss", 0, HSL_PURE, .fn = fn_inet_includes, "inet_includes(ip, net)",
        "As in_network(), but none for what is no address or network."},
    {"inet_pton", "s", 0, HSL_PURE, .fn = fn_inet_pton, "inet_pton(ip)",
        "The 4 or 16 bytes of an address, or none."},
    {"inet_ntop", "s", 0, HSL_PURE, .fn = fn_inet_ntop, "inet_ntop(bytes)",
        "The text of an address of 4 or 16 bytes, or none."},
    {"inet_reverse", "s|s", 0, HSL_PURE, .fn = fn_inet_reverse, "inet_reverse(ip [, zone])",
        "The name to look the address up in a zone, in-addr.arpa or ip6.arpa by default; none "
        "for what is no address."},
    {"is_subdomain", "ss", 0, HSL_PURE, .fn = fn_is_subdomain, "is_subdomain(d, domain)",
        "True if d is the domain or below it, whatever the case. With a dot before the domain it "
        "has to be below.",
        .other = "domain_includes"},
    {"domain_includes", "ss", 0, HSL_PURE, .fn = fn_is_subdomain, "domain_includes(d, domain)",
        "The new name of is_subdomain()."},
    {"domain_publicsuffix", "s", 0, 0, .fn = fn_domain_publicsuffix, "domain_publicsuffix(d)",
        "The part of a domain below which anybody can register names, by the public suffix list: "
        "\"co.uk\" of \"a.example.co.uk\". A top-level domain that the list does not know is one. "
        "None for what is no domain."},
    {.name = NULL},
};
