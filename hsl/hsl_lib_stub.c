/* hsl_lib_stub.c - functions that make no sense behind Postfix (library §20). They compile with
 * warning W3 and do what their row there says, so that old scripts go on working.
 *
 * Not here: what merely is not built yet; such a function is unknown (C04).
 * Threads: as the run. Fails: R07, and what Deliver() does. */
#include "config.h"

#include "hsl/hsl_lib_addr.h"
#include "hsl/hsl_lib_flow.h"

static bool
fn_none(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)args;
    (void)argc;
    (void)out;
    return true;
}

static bool
fn_minus_one(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)args;
    (void)argc;
    *out = hsl_num(-1);
    return true;
}

/* 0, or "" if option refid is true. */
static bool
no_score(struct hsl_run *r, const char *name, const struct hsl_value *args, unsigned argc,
    struct hsl_value *out)
{
    bool refid = false;

    if (!hsl_opt_bool(r, name, 1, argc > 0 ? &args[0] : NULL, "refid", &refid))
        return false;
    if (refid)
        return hsl_ret_str(r, out, "", 0);
    *out = hsl_num(0);
    return true;
}

static bool
fn_scan_rpd(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return no_score(r, "ScanRPD", args, argc, out);
}

static bool
fn_scan_rpdav(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return no_score(r, "ScanRPDAV", args, argc, out);
}

static bool
fn_empty_array(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_arr *a = hsl_arr_new(r, 0);

    (void)args;
    (void)argc;
    if (a)
        *out = hsl_from_arr(a);
    return a != NULL;
}

static bool
fn_direct_deliver(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)out;
    return hsl_flow_deliver(r, "DirectDeliver", args, argc);
}

static bool
fn_zero(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)args;
    (void)argc;
    *out = hsl_num(0);
    return true;
}

static bool
fn_argument(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)argc;
    *out = hsl_ref(args[0]);
    return true;
}

/* [domain => "unknown"] for the address [v], a string. */
static bool
put_unknown(struct hsl_run *r, struct hsl_arr *a, const struct hsl_value *v)
{
    const struct hsl_str *s = v->u.str;
    const char *at = memrchr(s->data, '@', s->len);
    struct hsl_value domain = hsl_none(), text = hsl_none();
    bool ok;

    if (!at)
        return true;
    ok = hsl_ret_str(r, &domain, at + 1, (size_t)(s->data + s->len - at - 1)) &&
         hsl_ret_str(r, &text, "unknown", 7) && hsl_arr_set(r, a, &domain, text);
    hsl_unref(r, domain);
    return ok;
}

/* RFC 5617 asks for the policy of the author's domain. */
static bool
fn_dkim_adsp(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_value from = hsl_none();
    const struct hsl_value *first = NULL;
    struct ut_sbuf b;
    bool ok = true;

    if (!fn_empty_array(r, args, argc, out))
        return false;
    ut_sbuf_init(&b, r->limits.max_string);
    if (r->host && r->host->header_get && r->host->header_get(r->host_arg, "From", 0, &b))
        ok = hsl_lib_addr_list(r, ut_sbuf_text(&b), b.len, &from);
    ut_sbuf_fini(&b);
    if (ok && from.type == HSL_ARR)
        first = hsl_arr_at(from.u.arr, 0);
    if (first)
        ok = put_unknown(r, out->u.arr, first);
    hsl_unref(r, from);
    return ok;
}

#define X HSL_NO_EFFECT
#define HELO HSL_FLOW_HELO
#define RCPT HSL_FLOW_RCPT
#define MAIL HSL_FLOW_MAIL

const struct hsl_builtin hsl_lib_stub_rows[] = {
    {"queue_suspend", "|v*", 0, X, .fn = fn_none, "queue_suspend(...)",
        "None: the queue belongs to Postfix.", .nearest = "defer_transports"},
    {"queue_policy", "|v*", 0, X, .fn = fn_none, "queue_policy(...)",
        "None: the queue belongs to Postfix.",
        .nearest = "default_destination_rate_delay, transport_destination_concurrency_limit"},
    {"queue_policy_delete", "|v*", 0, X, .fn = fn_none, "queue_policy_delete(...)",
        "None: the queue belongs to Postfix.", .nearest = "default_destination_rate_delay"},
    {"queue_quota", "|v*", 0, X, .fn = fn_none, "queue_quota(...)",
        "None: the queue belongs to Postfix.",
        .nearest = "transport_destination_concurrency_limit"},
    {"tacplus_authen", "vvv", 0, X, .fn = fn_minus_one,
        "tacplus_authen(options, username, password)", "-1. TACACS+ is not spoken here.",
        .nearest = "PAM or RADIUS through Dovecot"},
    {"tacplus_author", "vvv", 0, X, .fn = fn_minus_one,
        "tacplus_author(options, username, avpairs)", "-1. TACACS+ is not spoken here.",
        .nearest = "PAM or RADIUS through Dovecot"},
    {"ScanRPD", "|o", MAIL, X, .fn = fn_scan_rpd, "ScanRPD([options])",
        "0, or \"\" with option refid: the licensed engine is not available.", .options = "refid",
        .nearest = "rspamd"},
    {"ScanRPDAV", "|o", MAIL, X, .fn = fn_scan_rpdav, "ScanRPDAV([options])",
        "0, or \"\" with option refid: the licensed engine is not available.", .options = "refid",
        .nearest = "clamd"},
    {"GetExtensions", "", HELO, X, .fn = fn_empty_array, "GetExtensions()",
        "[]: Postfix builds the answer to EHLO.", .nearest = "smtpd_discard_ehlo_keywords"},
    {"History", "|v*", MAIL, X, .fn = fn_none, "History(...)",
        "None: there is no history to write to.", .nearest = "SetMetaData() or syslog()"},
    {"DirectDeliver", "|vv", MAIL, HSL_FINAL | X, .fn = fn_direct_deliver,
        "DirectDeliver([recipient [, transportid]])",
        "As Deliver(): Postfix always queues what it accepted.", .nearest = "Deliver()"},
    {"DKIMADSP", "", MAIL, X, .fn = fn_dkim_adsp, "DKIMADSP()",
        "An array of the domain in From to \"unknown\": the standard was withdrawn.",
        .nearest = "DMARC records, by dnstxt() and header_dkim_decode()"},
    {"GetMailQueueMetric", "|o", RCPT, X, .fn = fn_zero, "GetMailQueueMetric([options])",
        "0: the queue belongs to Postfix.", .options = "-filter", .nearest = "postqueue -j"},
    {"SetDelayedDeliver", "n", MAIL, X, .fn = fn_argument, "SetDelayedDeliver(seconds)",
        "The number: Postfix delivers when it can.", .nearest = "defer_transports"},
    {.name = NULL},
};
