/* hsl_lib_stub.c - functions that make no sense behind Postfix (library §20). They compile with
 * warning W3 and do what their row there says, so that old scripts go on working.
 *
 * Not here: what merely is not built yet; such a function is unknown (C04).
 * Threads: as the run. Fails: R07, and what Deliver() does. */
#include "config.h"

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

#define X HSL_NO_EFFECT
#define HELO HSL_FLOW_HELO
#define MAIL HSL_FLOW_MAIL

const struct hsl_builtin hsl_lib_stub_rows[] = {
    {"queue_suspend", "|v*", 0, X, fn_none, "queue_suspend(...)",
        "None: the queue belongs to Postfix. See defer_transports."},
    {"queue_policy", "|v*", 0, X, fn_none, "queue_policy(...)",
        "None: the queue belongs to Postfix. See default_destination_rate_delay."},
    {"queue_policy_delete", "|v*", 0, X, fn_none, "queue_policy_delete(...)",
        "None: the queue belongs to Postfix."},
    {"queue_quota", "|v*", 0, X, fn_none, "queue_quota(...)",
        "None: the queue belongs to Postfix."},
    {"tacplus_authen", "vvv", 0, X, fn_minus_one, "tacplus_authen(options, username, password)",
        "-1. TACACS+ is not spoken here; see PAM or RADIUS through Dovecot."},
    {"tacplus_author", "vvv", 0, X, fn_minus_one, "tacplus_author(options, username, avpairs)",
        "-1. TACACS+ is not spoken here; see PAM or RADIUS through Dovecot."},
    {"ScanRPD", "|o", MAIL, X, fn_scan_rpd, "ScanRPD([options])",
        "0, or \"\" with option refid: the licensed engine is not available."},
    {"ScanRPDAV", "|o", MAIL, X, fn_scan_rpdav, "ScanRPDAV([options])",
        "0, or \"\" with option refid: the licensed engine is not available."},
    {"GetExtensions", "", HELO, X, fn_empty_array, "GetExtensions()",
        "[]: Postfix builds the answer to EHLO. See smtpd_discard_ehlo_keywords."},
    {"History", "|v*", MAIL, X, fn_none, "History(...)", "None: there is no history to write to."},
    {"DirectDeliver", "|vv", MAIL, HSL_FINAL | X, fn_direct_deliver,
        "DirectDeliver([recipient [, transportid]])",
        "As Deliver(): Postfix always queues what it accepted."},
    {.name = NULL},
};
