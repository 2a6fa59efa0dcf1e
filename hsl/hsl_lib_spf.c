/* hsl_lib_spf.c - spf() and spf_query() (library §11).
 *
 * Not here: the check (hsl_spf.c). Threads: as the run. Fails: R07, R15, the limit max_dns. */
#include "config.h"

#include "hsl/hsl_env.h"
#include "hsl/hsl_lib_dns.h"
#include "hsl/hsl_spf.h"
#include "lib/ut_time.h"

#define EXPLANATION_MAX 4096u
/* DNS questions of one check: more than honest domains need, fewer than the limits of RFC 7208 add
 * up to (ten mx of ten names each), so that no domain uses up max_dns and ends the run. */
#define QUESTIONS_MAX 60u

/* A text without NUL, or one that is no address. */
static const char *
text_of(const struct hsl_value *v)
{
    return strlen(v->u.str->data) == v->u.str->len ? v->u.str->data : "@";
}

/* args: ip, helo, sender [, options]. */
static bool
check(struct hsl_run *r, const char *function, const struct hsl_value *args, unsigned argc,
    bool *extended, enum hsl_spf *result, struct ut_sbuf *explanation)
{
    struct hsl_dns_way w;
    struct hsl_spf_check c = {0};
    double left = hsl_time_left(r);
    unsigned rest = r->dns_count < r->limits.max_dns ? r->limits.max_dns - r->dns_count : 0;
    bool greedy; /* it asked for more than QUESTIONS_MAX */

    if (!r->env)
        return hsl_raise(r, HSL_R15, "%s(): there is no DNS here", function);
    if (!hsl_dns_find_way(r, &w, function, 4, argc > 3 ? &args[3] : NULL))
        return false;
    *extended = w.extended;
    c.dns = r->env->dns;
    c.servers = w.servers;
    c.deadline = ut_time_mono() + (w.timeout < left ? w.timeout : left);
    c.ip = text_of(&args[0]);
    c.helo = text_of(&args[1]);
    c.sender = text_of(&args[2]);
    c.hostname = r->env->hostname;
    greedy = rest > QUESTIONS_MAX;
    c.budget = greedy ? QUESTIONS_MAX : rest;
    *result = hsl_spf_run(&c, explanation);
    greedy = greedy && c.over;
    if (greedy)
        *result = HSL_SPF_PERMERROR;
    return hsl_spend(r, &r->dns_count, c.asked + (c.over && !greedy ? 1u : 0u), r->limits.max_dns,
        "DNS questions");
}

/* ["result" => ..., "explanation" => ...], the latter only where the domain gives one. */
static bool
result_array(struct hsl_run *r, enum hsl_spf result, const struct ut_sbuf *explanation,
    struct hsl_value *out)
{
    const char *text = hsl_spf_text(result);
    struct hsl_arr *a = hsl_arr_new(r, 2);

    if (!a)
        return false;
    *out = hsl_from_arr(a);
    return hsl_set_str(r, a, "result", text, strlen(text)) &&
           (explanation->len == 0 || explanation->failed ||
               hsl_set_str(r, a, "explanation", ut_sbuf_text(explanation), explanation->len));
}

static double
classic(enum hsl_spf result)
{
    switch (result) {
    case HSL_SPF_PASS:
        return 0;
    case HSL_SPF_SOFTFAIL:
        return 20;
    case HSL_SPF_FAIL:
        return 100;
    default:
        return 50;
    }
}

static bool
run(struct hsl_run *r, const char *function, const struct hsl_value *args, unsigned argc,
    bool modern, struct hsl_value *out)
{
    bool extended = false, ok;
    struct ut_sbuf explanation;
    enum hsl_spf result;

    ut_sbuf_init(&explanation, EXPLANATION_MAX);
    ok = check(r, function, args, argc, &extended, &result, &explanation);
    if (ok && (extended || modern))
        ok = result_array(r, result, &explanation, out);
    else if (ok)
        *out = hsl_num(classic(result));
    ut_sbuf_fini(&explanation);
    return ok;
}

static bool
fn_spf(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return run(r, "spf", args, argc, false, out);
}

static bool
fn_spf_query(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return run(r, "spf_query", args, argc, true, out);
}

const struct hsl_builtin hsl_lib_spf_rows[] = {
    {"spf", "sss|o", 0, HSL_NONE_OK | HSL_BLOCKS, .fn = fn_spf,
        "spf(ip, helo, domain_or_sender [, options])",
        "What the sender's domain says about the client by SPF: 0 pass, 20 softfail, 100 fail, 50 "
        "for everything else. Options: timeout, servers, and extended_result, which gives what "
        "spf_query() does.",
        .options = "extended_result timeout servers"},
    {"spf_query", "sss|o", 0, HSL_BLOCKS, .fn = fn_spf_query, "spf_query(ip, helo, sender [, options])",
        "The same as an array: result is pass, fail, softfail, neutral, none, temperror, "
        "permerror, "
        "or invalid for what is no address; explanation is the text that the domain gives for a "
        "fail, if it does. An empty sender stands for postmaster@helo.",
        .options = "timeout servers"},
    {.name = NULL},
};
