/* hsl_lib_dns.c - DNS for scripts: dns...() and dns_query() (library §11).
 *
 * A failed lookup of the old functions gives an empty list and one record at level info; the text
 * is the one that people know from their logs. dns_query() gives the error instead.
 *
 * Not here: blocklists (hsl_lib_dnsbl.c), asking and the cache (hsl_dns.c). Threads: as the run.
 * Fails: R07, R15 for a server or type that is none, the limit max_dns. */
#include "config.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "hsl/hsl_dns.h"
#include "hsl/hsl_env.h"
#include "hsl/hsl_lib_dns.h"
#include "hsl/hsl_net.h"
#include "lib/ut_log.h"
#include "lib/ut_num.h"

/* --- Servers and options -----------------------------------------------------------------------
 */

static bool
bad_server(struct hsl_run *r, const struct hsl_dns_way *w, const char *server)
{
    return hsl_raise(
        r, HSL_R15, "%s(): \"%.100s\" is no DNS server; write IP or IP:PORT", w->function, server);
}

/* Takes "IP", "IP:port" or "[IPv6]:port" apart. */
static bool
split_server(const char *text, char ip[64], unsigned *port)
{
    const char *colon = strrchr(text, ':'), *end = text + strlen(text);
    unsigned char bytes[16];
    long long n;
    size_t len;

    if (inet_pton(AF_INET6, text, bytes) == 1)
        colon = NULL; /* the colons are its own */
    if (colon && (ut_num_int(colon + 1, 1, 65535, &n) != 0))
        return false;
    if (colon) {
        *port = (unsigned)n;
        end = colon;
    }
    if (*text == '[' && end > text && end[-1] == ']') {
        text++;
        end--;
    }
    len = (size_t)(end - text);
    if (len == 0 || len >= 64)
        return false;
    memcpy(ip, text, len);
    ip[len] = '\0';
    return inet_pton(AF_INET, ip, bytes) == 1 || inet_pton(AF_INET6, ip, bytes) == 1;
}

static bool
add_server(struct hsl_run *r, struct hsl_dns_way *w, const char *text, struct ut_sbuf *out)
{
    unsigned port = (unsigned)w->port;
    char ip[64];

    if (!split_server(text, ip, &port))
        return bad_server(r, w, text);
    ut_sbuf_addf(out, strchr(ip, ':') ? "%s[%s]:%u" : "%s%s:%u", out->len ? "," : "", ip, port);
    return true;
}

static bool
take_servers(struct hsl_run *r, struct hsl_dns_way *w, struct ut_sbuf *b)
{
    bool fits = !b->failed;

    if (fits)
        memcpy(w->servers, ut_sbuf_text(b), b->len + 1);
    ut_sbuf_fini(b);
    return fits || hsl_raise(r, HSL_R15, "%s(): too many servers", w->function);
}

/* The list of a script. */
static bool
use_servers(struct hsl_run *r, struct hsl_dns_way *w, const struct hsl_arr *list)
{
    const struct hsl_value *v;
    struct ut_sbuf b;
    size_t pos = 0;
    bool ok = true;

    ut_sbuf_init(&b, HSL_DNS_SERVERS_MAX);
    while (ok && hsl_arr_next(list, &pos, NULL, &v)) {
        if (v->type != HSL_STR || strlen(v->u.str->data) != v->u.str->len)
            ok = hsl_raise(r, HSL_R15, "%s(): a server is no string", w->function);
        else
            ok = add_server(r, w, v->u.str->data, &b);
    }
    if (ok)
        return take_servers(r, w, &b);
    ut_sbuf_fini(&b);
    return false;
}

/* What the configuration says: dns_servers, dns_timeout. */
static bool
use_conf(struct hsl_run *r, struct hsl_dns_way *w)
{
    struct ut_conf *conf = r->env ? hsl_env_conf(r->env) : NULL;
    struct ut_sbuf b;
    bool ok = true;

    if (!conf)
        return true;
    ut_sbuf_init(&b, HSL_DNS_SERVERS_MAX);
    w->timeout = (double)conf->global.dns_timeout;
    for (size_t i = 0; ok && i < conf->global.dns_servers.count; i++)
        ok = add_server(r, w, conf->global.dns_servers.items[i], &b);
    ut_conf_unref(conf);
    if (ok)
        return take_servers(r, w, &b);
    ut_sbuf_fini(&b);
    return false;
}

static bool
use_options(struct hsl_run *r, struct hsl_dns_way *w, unsigned n, const struct hsl_value *o)
{
    struct hsl_arr *servers = NULL;

    return hsl_opt_num(r, w->function, n, o, "timeout", &w->timeout) &&
           hsl_opt_num(r, w->function, n, o, "port", &w->port) &&
           hsl_opt_bool(r, w->function, n, o, "extended_result", &w->extended) &&
           hsl_opt_arr(r, w->function, n, o, "resolvers", &servers) &&
           hsl_opt_arr(r, w->function, n, o, "servers", &servers) &&
           (w->port >= 1 && w->port <= 65535
                   ? !servers || use_servers(r, w, servers)
                   : hsl_raise(r, HSL_R15, "%s(): wrong port", w->function));
}

bool
hsl_dns_find_way(struct hsl_run *r, struct hsl_dns_way *w, const char *function, unsigned n,
    const struct hsl_value *resolvers)
{
    *w = (struct hsl_dns_way){.function = function, .timeout = 5, .port = 53};
    if (!use_conf(r, w))
        return false;
    if (!resolvers || resolvers->type == HSL_NONE)
        return true;
    if (resolvers->type != HSL_ARR)
        return hsl_lib_bad_arg(r, function, n, "array", resolvers);
    if (hsl_arr_count(resolvers->u.arr) > 0 && hsl_arr_is_list(resolvers->u.arr))
        return use_servers(r, w, resolvers->u.arr);
    return use_options(r, w, n, resolvers);
}

/* --- Asking ------------------------------------------------------------------------------------
 */

bool
hsl_lib_dns_ask(
    struct hsl_run *r, const struct hsl_dns_way *w, struct hsl_dns_question *q, size_t n)
{
    double left = hsl_time_left(r);

    if (!r->env)
        return hsl_raise(r, HSL_R15, "%s(): there is no DNS here", w->function);
    if (!hsl_spend(r, &r->dns_count, (unsigned)n, r->limits.max_dns, "DNS questions"))
        return false;
    hsl_dns_ask(r->env->dns, q, n, w->servers, w->timeout < left ? w->timeout : left);
    return true;
}

void
hsl_lib_dns_drop(struct hsl_dns_question *q, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hsl_dns_answer_unref(q[i].answer);
}

void
hsl_lib_dns_note(struct hsl_run *r, const struct hsl_dns_question *q)
{
    hsl_note(r, UT_LOG_INFO, "DNSQuery failed for domain %.*s: %s", (int)q->len, q->name,
        hsl_dns_status_text(q->answer->status));
}

/* Appends what [a] has to [list]; [pairs]: MX as host and preference. */
static bool
push_records(struct hsl_run *r, struct hsl_arr *list, const struct hsl_dns_answer *a, bool pairs)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct hsl_dns_record *record = &a->records[i];
        struct hsl_str *s = hsl_str_new(r, record->data, record->len);
        struct hsl_arr *pair;

        if (!s)
            return false;
        if (!pairs) {
            if (!hsl_arr_push(r, list, hsl_from_str(s)))
                return false;
            continue;
        }
        pair = hsl_arr_new(r, 2);
        if (!pair) {
            hsl_unref(r, hsl_from_str(s));
            return false;
        }
        if (!hsl_arr_setz(r, pair, "host", hsl_from_str(s)) ||
            !hsl_arr_setz(r, pair, "preference", hsl_num(record->preference))) {
            hsl_unref(r, hsl_from_arr(pair));
            return false;
        }
        if (!hsl_arr_push(r, list, hsl_from_arr(pair)))
            return false;
    }
    return true;
}

bool
hsl_lib_dns_list(struct hsl_run *r, const struct hsl_dns_question *q, size_t n, bool pairs,
    struct hsl_value *out)
{
    struct hsl_arr *list = hsl_arr_new(r, q[0].answer->count);

    if (!list)
        return false;
    *out = hsl_from_arr(list);
    for (size_t i = 0; i < n; i++)
        if (!push_records(r, list, q[i].answer, pairs))
            return false;
    return true;
}

/* ["result" => list, "dnssec" => ...] or ["error" => ..., "dnssec" => ...]. */
static bool
extended_of(struct hsl_run *r, const struct hsl_dns_question *q, size_t n,
    const struct hsl_dns_question *failed, bool pairs, struct hsl_value *out)
{
    struct hsl_arr *a = hsl_arr_new(r, 2);
    struct hsl_value v = hsl_none();
    bool dnssec = true, ok;

    if (!a)
        return false;
    *out = hsl_from_arr(a);
    for (size_t i = 0; i < n; i++)
        dnssec = dnssec && q[i].answer->dnssec;
    if (failed) {
        const char *text = hsl_dns_status_text(failed->answer->status);

        ok = hsl_ret_str(r, &v, text, strlen(text)) && hsl_arr_setz(r, a, "error", v);
    } else {
        ok = hsl_lib_dns_list(r, q, n, pairs, &v);
        if (!ok)
            hsl_unref(r, v);
        ok = ok && hsl_arr_setz(r, a, "result", v);
    }
    return ok && hsl_arr_setz(r, a, "dnssec", hsl_bool(dnssec));
}

/* The question that speaks for all when none has a result; NULL if one has. */
static const struct hsl_dns_question *
failure(const struct hsl_dns_question *q, size_t n)
{
    const struct hsl_dns_question *worst = &q[0];

    for (size_t i = 0; i < n; i++) {
        if (q[i].answer->status == HSL_DNS_OK)
            return NULL;
        if (q[i].answer->status > worst->answer->status)
            worst = &q[i];
    }
    return worst;
}

bool
hsl_lib_dns_look_up(struct hsl_run *r, const struct hsl_dns_way *w, struct hsl_dns_question *q,
    size_t n, struct hsl_value *out)
{
    const struct hsl_dns_question *failed;
    bool ok;

    if (!hsl_lib_dns_ask(r, w, q, n))
        return false;
    failed = failure(q, n);
    if (failed && !w->extended)
        hsl_lib_dns_note(r, failed);
    ok = w->extended ? extended_of(r, q, n, failed, false, out)
                     : hsl_lib_dns_list(r, q, n, false, out);
    hsl_lib_dns_drop(q, n);
    return ok;
}

/* --- The old functions -------------------------------------------------------------------------
 */

/* name [, resolvers or options [, timeout]] */
static bool
old_way(struct hsl_run *r, struct hsl_dns_way *w, const char *function,
    const struct hsl_value *args, unsigned argc)
{
    if (!hsl_dns_find_way(r, w, function, 2, argc > 1 ? &args[1] : NULL))
        return false;
    if (argc > 2)
        w->timeout = args[2].u.num;
    return true;
}

static bool
one_type(struct hsl_run *r, const char *function, enum hsl_dns_type type,
    const struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_dns_question q = {args[0].u.str->data, args[0].u.str->len, type, NULL};
    struct hsl_dns_way w;

    return old_way(r, &w, function, args, argc) && hsl_lib_dns_look_up(r, &w, &q, 1, out);
}

static bool
fn_dns(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;
    struct hsl_dns_question q[] = {
        {s->data, s->len, HSL_DNS_A, NULL}, {s->data, s->len, HSL_DNS_AAAA, NULL}};
    struct hsl_dns_way w;

    return old_way(r, &w, "dns", args, argc) && hsl_lib_dns_look_up(r, &w, q, 2, out);
}

static bool
fn_dns4(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return one_type(r, "dns4", HSL_DNS_A, args, argc, out);
}

static bool
fn_dns6(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return one_type(r, "dns6", HSL_DNS_AAAA, args, argc, out);
}

static bool
fn_dnsmx(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return one_type(r, "dnsmx", HSL_DNS_MX, args, argc, out);
}

static bool
fn_dnstxt(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return one_type(r, "dnstxt", HSL_DNS_TXT, args, argc, out);
}

static bool
fn_dnscname(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return one_type(r, "dnscname", HSL_DNS_CNAME, args, argc, out);
}

static bool
fn_dnsns(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return one_type(r, "dnsns", HSL_DNS_NS, args, argc, out);
}

void
hsl_lib_dns_reverse(struct ut_sbuf *b, const struct hsl_str *ip, const struct hsl_text *zone)
{
    if (!hsl_net_reverse(ip->data, ip->len, zone, b))
        ut_sbuf_addz(b, " ");
}

static bool
fn_dnsptr(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_dns_question q = {.type = HSL_DNS_PTR};
    struct ut_sbuf name;
    struct hsl_dns_way w;
    bool ok;

    if (!old_way(r, &w, "dnsptr", args, argc))
        return false;
    ut_sbuf_init(&name, 1024);
    hsl_lib_dns_reverse(&name, args[0].u.str, NULL);
    q.name = ut_sbuf_text(&name);
    q.len = name.len;
    ok = hsl_lib_dns_look_up(r, &w, &q, 1, out);
    ut_sbuf_fini(&name);
    return ok;
}

/* --- dns_query() -------------------------------------------------------------------------------
 */

static bool
type_of(struct hsl_run *r, const struct hsl_value *o, enum hsl_dns_type *type)
{
    static const struct {
        const char *name;
        enum hsl_dns_type type;
    } types[] = {{"a", HSL_DNS_A}, {"aaaa", HSL_DNS_AAAA}, {"mx", HSL_DNS_MX}, {"txt", HSL_DNS_TXT},
        {"cname", HSL_DNS_CNAME}, {"ns", HSL_DNS_NS}, {"ptr", HSL_DNS_PTR}, {"soa", HSL_DNS_SOA}};
    struct hsl_str *name = NULL;

    if (!hsl_opt_str(r, "dns_query", 2, o, "type", &name))
        return false;
    for (size_t i = 0; name && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, name->data) == 0) {
            *type = types[i].type;
            return true;
        }
    }
    return !name || hsl_raise(r, HSL_R15,
                        "dns_query(): unknown type; one of a aaaa mx txt cname ns ptr soa");
}

static bool
fn_dns_query(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_value *o = argc > 1 ? &args[1] : NULL;
    struct hsl_dns_question q = {args[0].u.str->data, args[0].u.str->len, HSL_DNS_A, NULL};
    struct hsl_dns_way w;
    bool ok;

    if (!hsl_dns_find_way(r, &w, "dns_query", 2, NULL) || (o && !use_options(r, &w, 2, o)) ||
        !type_of(r, o, &q.type) || !hsl_lib_dns_ask(r, &w, &q, 1))
        return false;
    ok = extended_of(r, &q, 1, failure(&q, 1), w.extended && q.type == HSL_DNS_MX, out);
    hsl_lib_dns_drop(&q, 1);
    return ok;
}

#define OLD(name, fn, arg, text)                                                                   \
    {                                                                                              \
        name, "s|On", 0, HSL_NONE_OK | HSL_BLOCKS, fn,                                             \
            name "(" arg " [, resolvers or options [, timeout = 5]])", text,                       \
            .options = "servers resolvers port timeout extended_result",                           \
            .errors = "a server is none"                                                           \
    }

const struct hsl_builtin hsl_lib_dns_rows[] = {
    OLD("dns", fn_dns, "name",
        "The IPv4 and IPv6 addresses of a name; [] if there are none or the lookup failed, and "
        "then "
        "a record says why. Argument 2: a list of servers (IP or IP:PORT), or options: servers, "
        "timeout, and extended_result, which gives [result, dnssec] or [error, dnssec]."),
    OLD("dns4", fn_dns4, "name", "As dns(), IPv4 addresses only."),
    OLD("dns6", fn_dns6, "name", "As dns(), IPv6 addresses only."),
    OLD("dnsmx", fn_dnsmx, "name", "As dns(): the mail servers of a domain, the preferred first."),
    OLD("dnstxt", fn_dnstxt, "name",
        "As dns(): the texts of a name, the strings of each record joined."),
    OLD("dnsptr", fn_dnsptr, "ip", "As dns(): the names of an address."),
    OLD("dnscname", fn_dnscname, "name", "As dns(): the name that a name is an alias of."),
    OLD("dnsns", fn_dnsns, "name", "As dns(): the name servers of a zone."),
    {"dns_query", "s|o", 0, HSL_BLOCKS, .fn = fn_dns_query, "dns_query(name [, options])",
        "[result, dnssec], or [error, dnssec] with NXDOMAIN, NODATA, SERVFAIL, REFUSED, FORMERR or "
        "TIMEOUT. Options: type (a, aaaa, mx, txt, cname, ns, ptr, soa), servers, port, timeout, "
        "and extended_result, with which each mx is [host, preference].",
        .options = "type servers resolvers port timeout extended_result",
        .errors = "the type or a server is none"},
    {.name = NULL},
};
