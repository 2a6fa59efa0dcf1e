/* hsl_lib_dnsbl.c - what blocklists in DNS say about an address: dnsbl() and globalview() (library
 * §11).
 *
 * Scripts know globalview() as a reputation service with three answers. Here the zones that the
 * administrator has chosen are asked, all at once.
 *
 * Not here: asking (hsl_lib_dns.c, hsl_dns.c). Threads: as the run. Fails: R07, R15, the limit
 * max_dns. */
#include "config.h"

#include <stdlib.h>

#include "hsl/hsl_env.h"
#include "hsl/hsl_lib_dns.h"
#include "hsl/hsl_net.h"
#include "lib/ut_log.h"

#define ZONES_MAX 100u

/* --- Questions ---------------------------------------------------------------------------------
 */

/* About one address, to one zone or many at once. */
struct lists {
    const char *function;
    const struct hsl_str *ip;
    struct ut_sbuf names; /* one behind the other, a NUL after each */
    struct hsl_dns_question q[ZONES_MAX];
    size_t count;
};

/* NULL: a limit is set. */
static struct lists *
lists_new(struct hsl_run *r, const char *function, const struct hsl_str *ip)
{
    struct lists *l = calloc(1, sizeof(*l));

    if (!l) {
        (void)hsl_limit(r, HSL_L08, "out of memory");
        return NULL;
    }
    l->function = function;
    l->ip = ip;
    ut_sbuf_init(&l->names, 1 << 20);
    return l;
}

static void
lists_free(struct lists *l)
{
    ut_sbuf_fini(&l->names);
    free(l);
}

static bool
add_zone(struct hsl_run *r, struct lists *l, const struct hsl_text *zone)
{
    if (l->count == ZONES_MAX)
        return hsl_raise(r, HSL_R15, "%s(): more than %u zones", l->function, ZONES_MAX);
    l->q[l->count].type = HSL_DNS_A;
    l->q[l->count].len = l->names.len; /* where the name starts, until all are there */
    hsl_lib_dns_reverse(&l->names, l->ip, zone);
    ut_sbuf_add(&l->names, "", 1);
    l->count++;
    return true;
}

/* All zones are there. */
static bool
end_zones(struct hsl_run *r, struct lists *l)
{
    if (l->names.failed)
        return hsl_raise(r, HSL_R15, "%s(): the names of the zones are too long", l->function);
    for (size_t i = 0; i < l->count; i++) {
        l->q[i].name = ut_sbuf_text(&l->names) + l->q[i].len;
        l->q[i].len = strlen(l->q[i].name);
    }
    return true;
}

/* --- dnsbl() -----------------------------------------------------------------------------------
 */

static bool
add_value(struct hsl_run *r, struct lists *l, const struct hsl_value *zone)
{
    if (zone->type != HSL_STR)
        return hsl_lib_bad_arg(r, l->function, 2, "string or array of strings", zone);
    return add_zone(r, l, &(struct hsl_text){zone->u.str->data, zone->u.str->len});
}

static bool
add_values(struct hsl_run *r, struct lists *l, const struct hsl_value *zones)
{
    const struct hsl_value *v;
    size_t pos = 0;

    if (zones->type != HSL_ARR)
        return add_value(r, l, zones);
    while (hsl_arr_next(zones->u.arr, &pos, NULL, &v))
        if (!add_value(r, l, v))
            return false;
    return true;
}

static bool
zone_result(
    struct hsl_run *r, struct hsl_arr *all, struct hsl_str *zone, const struct hsl_dns_question *q)
{
    struct hsl_value list = hsl_none();

    if (q->answer->status != HSL_DNS_OK)
        hsl_lib_dns_note(r, q);
    if (!hsl_lib_dns_list(r, q, 1, false, &list)) {
        hsl_unref(r, list);
        return false;
    }
    return hsl_arr_sets(r, all, zone, list);
}

/* A list of answers for each of [zones]. */
static bool
ask_zones(struct hsl_run *r, const struct hsl_dns_way *w, struct lists *l,
    const struct hsl_arr *zones, struct hsl_value *out)
{
    struct hsl_arr *all = hsl_arr_new(r, l->count);
    const struct hsl_value *v;
    size_t pos = 0;
    bool ok = true;

    if (!all)
        return false;
    *out = hsl_from_arr(all);
    if (l->count == 0)
        return true;
    if (!hsl_lib_dns_ask(r, w, l->q, l->count))
        return false;
    for (size_t i = 0; ok && hsl_arr_next(zones, &pos, NULL, &v); i++)
        ok = zone_result(r, all, v->u.str, &l->q[i]);
    hsl_lib_dns_drop(l->q, l->count);
    return ok;
}

static bool
fn_dnsbl(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_dns_way w;
    struct lists *l;
    bool ok;

    if (!hsl_dns_find_way(r, &w, "dnsbl", 3, argc > 2 ? &args[2] : NULL))
        return false;
    if (argc > 3)
        w.timeout = args[3].u.num;
    l = lists_new(r, "dnsbl", args[0].u.str);
    if (!l)
        return false;
    ok = add_values(r, l, &args[1]) && end_zones(r, l);
    if (ok && args[1].type == HSL_ARR)
        ok = ask_zones(r, &w, l, args[1].u.arr, out);
    else if (ok)
        ok = hsl_lib_dns_look_up(r, &w, l->q, 1, out);
    lists_free(l);
    return ok;
}

/* --- globalview() ------------------------------------------------------------------------------
 */

/* RFC 5782 §2.1: lists answer from 127.0.0.0/8; anything else comes from whoever has got a zone
 * that is no list any more. By 127.255.255.0/24 lists say that they do not answer this resolver. */
static bool
is_listed(const struct hsl_dns_answer *a)
{
    for (size_t i = 0; i < a->count; i++) {
        if (hsl_net_includes(a->records[i].data, "127.0.0.0/8") &&
            !hsl_net_includes(a->records[i].data, "127.255.255.0/24"))
            return true;
    }
    return false;
}

/* The word for the answers; the first [permanent] are those of globalview_zones. */
static const char *
view_of(struct hsl_run *r, const struct lists *l, size_t permanent)
{
    bool listed = false;

    for (size_t i = 0; i < l->count; i++) {
        enum hsl_dns_status status = l->q[i].answer->status;

        if (status != HSL_DNS_OK && status != HSL_DNS_NXDOMAIN && status != HSL_DNS_NODATA)
            hsl_lib_dns_note(r, &l->q[i]);
        if (!is_listed(l->q[i].answer))
            continue;
        if (i < permanent)
            return "permfail";
        listed = true;
    }
    return listed ? "tempfail" : "accept";
}

static bool
add_list(struct hsl_run *r, struct lists *l, const struct ut_conf_list *zones)
{
    for (size_t i = 0; i < zones->count; i++)
        if (!add_zone(r, l, &(struct hsl_text){zones->items[i], strlen(zones->items[i])}))
            return false;
    return true;
}

static bool
ask_configured(
    struct hsl_run *r, const struct ut_conf_global *g, const struct hsl_str *ip, const char **view)
{
    struct lists *l = lists_new(r, "globalview", ip);
    struct hsl_dns_way w;
    bool ok;

    if (!l)
        return false;
    ok = hsl_dns_find_way(r, &w, "globalview", 0, NULL) && add_list(r, l, &g->globalview_zones) &&
         add_list(r, l, &g->globalview_tempfail_zones) && end_zones(r, l) &&
         hsl_lib_dns_ask(r, &w, l->q, l->count);
    if (ok) {
        *view = view_of(r, l, g->globalview_zones.count);
        hsl_lib_dns_drop(l->q, l->count);
    }
    lists_free(l);
    return ok;
}

static bool
fn_globalview(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct ut_conf *conf = r->env ? hsl_env_conf(r->env) : NULL;
    const char *view = "accept";
    bool ok = true;

    (void)argc;
    if (conf && conf->global.globalview_zones.count + conf->global.globalview_tempfail_zones.count)
        ok = ask_configured(r, &conf->global, args[0].u.str, &view);
    else if (r->env && !atomic_exchange(&r->env->globalview_told, true))
        hsl_note(r, UT_LOG_WARNING,
            "globalview() accepts every address: the parameter globalview_zones is empty");
    ut_conf_unref(conf);
    return ok && hsl_ret_str(r, out, view, strlen(view));
}

const struct hsl_builtin hsl_lib_dnsbl_rows[] = {
    {"dnsbl", "sv|On", 0, HSL_NONE_OK | HSL_BLOCKS, .fn = fn_dnsbl,
        "dnsbl(ip, zone or zones [, resolvers [, timeout = 5]])",
        "What the blocklist answers about the address: a list, [] if it is not listed. With a list "
        "of zones all are asked at once, and the result has a list for each zone.",
        .options = "servers resolvers port timeout extended_result",
        .errors = "a server is none; there are more than 100 zones"},
    {"globalview", "s", 0, HSL_BLOCKS, .fn = fn_globalview, "globalview(ip)",
        "\"permfail\" if a blocklist of the parameter globalview_zones lists the address, "
        "\"tempfail\" if one of globalview_tempfail_zones does, else \"accept\"."},
    {.name = NULL},
};
