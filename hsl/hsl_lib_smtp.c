/* hsl_lib_smtp.c - smtp_lookup_auth(), smtp_lookup_rcpt() (library §12).
 *
 * User names and passwords are in no record, and what a server answers to them neither.
 *
 * Not here: SMTP (hsl_smtp.c), the server argument (hsl_lib_smtp_server.c). Threads: as the run.
 * Fails: R07, R15, limits; a server in trouble gives -1 and a record. */
#include "config.h"

#include <arpa/inet.h>
#include <string.h>

#include "hsl/hsl_addr.h"
#include "hsl/hsl_dns.h"
#include "hsl/hsl_env.h"
#include "hsl/hsl_lib_dns.h"
#include "hsl/hsl_lib_smtp.h"
#include "lib/ut_log.h"
#include "lib/ut_time.h"

#define MX_MAX 5   /* hosts that are tried */
#define HOPS_MAX 8 /* addresses of them */

static void
note_trouble(const struct hsl_lookup *l, const char *why)
{
    hsl_note(l->run, UT_LOG_INFO, "%s failed: %s", l->function, why);
}

/* --- smtp_lookup_auth() --------------------------------------------------------------------------
 */

static bool
fn_lookup_auth(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_text user = {args[1].u.str->data, args[1].u.str->len};
    const struct hsl_text password = {args[2].u.str->data, args[2].u.str->len};
    enum hsl_smtp_result result = HSL_SMTP_FAILED;
    struct ut_diag why;
    struct hsl_lookup l;

    (void)argc;
    if (!hsl_lookup_begin(r, &l, "smtp_lookup_auth", &args[0]))
        return false;
    if (!l.server.host && args[0].type == HSL_ARR) {
        hsl_lookup_end(&l);
        return hsl_raise(r, HSL_R15, "smtp_lookup_auth(): the option host is missing");
    }
    if (!l.server.host) {
        hsl_note(r, UT_LOG_ERR, "smtp_lookup_auth failed: %s has no host", args[0].u.str->data);
    } else if (user.len == 0 || memchr(user.p, 0, user.len) ||
               memchr(password.p, 0, password.len)) {
        result = HSL_SMTP_REFUSED;
    } else {
        result = hsl_smtp_auth(&l.server, &user, &password, &why);
        if (result == HSL_SMTP_FAILED)
            note_trouble(&l, why.text);
    }
    *out = hsl_num(result);
    hsl_lookup_end(&l);
    return true;
}

/* --- smtp_lookup_rcpt() --------------------------------------------------------------------------
 */

/* Where mail of a domain goes: addresses with the names of their hosts, best first. */
struct hops {
    struct {
        char host[HSL_DNS_NAME_MAX + 1];
        char address[INET6_ADDRSTRLEN];
    } list[HOPS_MAX];
    size_t count;
    bool no_mail; /* the domain says that it takes none (RFC 7505) */
};

static bool
ask(struct hsl_lookup *l, const struct hsl_dns_way *w, struct hsl_dns_question *q, size_t n)
{
    double left = l->server.deadline - ut_time_mono();

    if (!hsl_spend(
            l->run, &l->run->dns_count, (unsigned)n, l->run->limits.max_dns, "DNS questions"))
        return false;
    hsl_dns_ask(
        l->run->env->dns, q, n, w->servers, w->timeout < left ? w->timeout : (left > 0 ? left : 0));
    return true;
}

/* Adds the addresses of [host]; [q] are the answers to A and AAAA. */
static void
add_hops(struct hops *h, const char *host, const struct hsl_dns_question *q)
{
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < q[i].answer->count && h->count < HOPS_MAX; k++) {
            snprintf(h->list[h->count].host, sizeof(h->list[0].host), "%s", host);
            snprintf(h->list[h->count].address, sizeof(h->list[0].address), "%s",
                q[i].answer->records[k].data);
            h->count++;
        }
    }
}

/* The addresses of the [n] hosts; false: the run has ended. */
static bool
find_addresses(struct hsl_lookup *l, const struct hsl_dns_way *w, const char *const *hosts,
    size_t n, struct hops *h)
{
    struct hsl_dns_question q[2 * MX_MAX];

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 2; k++)
            q[2 * i + k] = (struct hsl_dns_question){.name = hosts[i],
                .len = strlen(hosts[i]),
                .type = k == 0 ? HSL_DNS_A : HSL_DNS_AAAA};
    if (!ask(l, w, q, 2 * n))
        return false;
    for (size_t i = 0; i < n; i++)
        add_hops(h, hosts[i], &q[2 * i]);
    for (size_t i = 0; i < 2 * n; i++)
        hsl_dns_answer_unref(q[i].answer);
    return true;
}

/* Finds where mail of [domain] goes; nowhere: [why] says so. False: the run has ended. */
static bool
find_hops(struct hsl_lookup *l, const char *domain, struct hops *h, struct ut_diag *why)
{
    struct hsl_dns_question q = {.name = domain, .len = strlen(domain), .type = HSL_DNS_MX};
    const char *hosts[MX_MAX] = {domain};
    struct hsl_dns_way w;
    size_t n = 0;
    bool ok;

    if (!hsl_dns_find_way(l->run, &w, l->function, 1, NULL) || !ask(l, &w, &q, 1))
        return false;
    for (size_t i = 0; i < q.answer->count && n < MX_MAX; i++)
        hosts[n++] = q.answer->records[i].data;
    h->no_mail = n == 1 && *hosts[0] == '\0';
    if (q.answer->status == HSL_DNS_NODATA)
        n = 1; /* the domain itself */
    if (h->no_mail)
        (void)ut_diag_set(why, "%.253s takes no mail (MX .)", domain);
    else
        (void)ut_diag_set(why, "MX of %.253s: %s", domain,
            n > 0 ? "no addresses" : hsl_dns_status_text(q.answer->status));
    ok = h->no_mail || n == 0 || find_addresses(l, &w, hosts, n, h);
    hsl_dns_answer_unref(q.answer);
    return ok;
}

/* Asks one after the other until one has a say; each gets its share of the time. */
static enum hsl_smtp_result
ask_hops(struct hsl_lookup *l, const struct hops *h, const char *sender, const char *recipient,
    struct hsl_smtp_answer *a, struct ut_diag *why)
{
    enum hsl_smtp_result result = h->no_mail ? HSL_SMTP_REFUSED : HSL_SMTP_FAILED;
    double end = l->server.deadline;

    snprintf(a->text, sizeof(a->text), "%s", why->text);
    for (size_t i = 0; i < h->count && result == HSL_SMTP_FAILED && !a->on_rcpt; i++) {
        double now = ut_time_mono();

        l->server.host = h->list[i].host;
        l->server.address = h->list[i].address;
        l->server.deadline = now + (end - now) / (double)(h->count - i);
        result = hsl_smtp_rcpt(&l->server, sender, recipient, a, why);
    }
    return result;
}

/* The lookup at the host of the server, or at those of the recipient's domain. */
static bool
look_up(struct hsl_lookup *l, const char *sender, const char *recipient,
    enum hsl_smtp_result *result, struct hsl_smtp_answer *a, struct ut_diag *why)
{
    const char *at = strrchr(recipient, '@');
    struct hops hops = {.count = 0};

    if (l->server.host) {
        *result = hsl_smtp_rcpt(&l->server, sender, recipient, a, why);
        return true;
    }
    if (!at)
        (void)ut_diag_set(why, "the recipient has no domain");
    else if (!find_hops(l, at + 1, &hops, why))
        return false;
    *result = ask_hops(l, &hops, sender, recipient, a, why);
    return true;
}

static bool
set_text(struct hsl_run *r, struct hsl_arr *a, const char *key, const char *text)
{
    struct hsl_str *s = hsl_str_new(r, text, strlen(text));

    return s && hsl_arr_setz(r, a, key, hsl_from_str(s));
}

/* ["protocol", "cipher", "keysize"]; [] without TLS. */
static bool
tls_result(struct hsl_run *r, const struct hsl_smtp_answer *answer, struct hsl_arr *result)
{
    struct hsl_arr *a = hsl_arr_new(r, 3);

    if (!a || !hsl_arr_setz(r, result, "tls", hsl_from_arr(a)))
        return false;
    return !answer->tls_protocol[0] ||
           (set_text(r, a, "protocol", answer->tls_protocol) &&
               set_text(r, a, "cipher", answer->tls_cipher) &&
               hsl_arr_setz(r, a, "keysize", hsl_num(answer->tls_bits)));
}

static bool
extended_result(struct hsl_run *r, const struct hsl_smtp_answer *answer, struct hsl_value *out)
{
    struct hsl_arr *a = hsl_arr_new(r, 4);

    if (!a)
        return false;
    *out = hsl_from_arr(a);
    return hsl_arr_setz(r, a, "error_code", hsl_num(answer->code)) &&
           set_text(r, a, "error_message", answer->text) &&
           hsl_arr_setz(r, a, "on_rcptto", hsl_bool(answer->on_rcpt)) && tls_result(r, answer, a);
}

static bool
run_lookup_rcpt(struct hsl_lookup *l, const struct hsl_str *sender, const struct hsl_str *recipient,
    bool extended, struct hsl_value *out)
{
    struct hsl_smtp_answer answer = {0};
    enum hsl_smtp_result result;
    struct ut_diag why = {0};

    if (!look_up(l, sender->data, recipient->data, &result, &answer, &why))
        return false;
    if (result == HSL_SMTP_FAILED || (result == HSL_SMTP_REFUSED && !answer.on_rcpt))
        note_trouble(l, why.text);
    if (extended)
        return extended_result(l->run, &answer, out);
    *out = hsl_num(result);
    return true;
}

static bool
fn_lookup_rcpt(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_value *o = argc > 3 ? &args[3] : NULL;
    bool extended = false, ok;
    struct hsl_lookup l;

    if (!hsl_opt_bool(r, "smtp_lookup_rcpt", 4, o, "error_code", &extended) ||
        !hsl_opt_bool(r, "smtp_lookup_rcpt", 4, o, "extended_result", &extended) ||
        !hsl_addr_argument(r, "smtp_lookup_rcpt", &args[1]) ||
        !hsl_addr_argument(r, "smtp_lookup_rcpt", &args[2]) ||
        !hsl_lookup_begin(r, &l, "smtp_lookup_rcpt", &args[0]))
        return false;
    ok = run_lookup_rcpt(&l, args[1].u.str, args[2].u.str, extended, out);
    hsl_lookup_end(&l);
    return ok;
}

#define SERVER                                                                                     \
    "host port helo sourceip sourceipid nonlocal_source saslusername saslpassword sasl_username "  \
    "sasl_password protocol tls tls_sni tls_protocols tls_ciphers tls_verify_host "                \
    "tls_verify_name tls_default_ca tls_client_cert xclient timeout"
#define WRONG "an option is out of range or holds a control character; a profile is not configured"

const struct hsl_builtin hsl_lib_smtp_rows[] = {
    {"smtp_lookup_auth", "Oss", 0, HSL_NONE_OK | HSL_BLOCKS, .fn = fn_lookup_auth,
        "smtp_lookup_auth(server, username, password)",
        "1 if the mail server accepts the user and password, 0 if it refuses them, -1 if it cannot "
        "be asked. Server is \"mailtransport:ID\", or an array: host, port (25), helo, sourceip, "
        "nonlocal_source, tls (disabled, optional, optional_verify, require or require_verify), "
        "tls_sni, tls_protocols, tls_ciphers, tls_verify_host, tls_verify_name (a list), "
        "tls_default_ca, tls_client_cert (PEM), protocol (smtp or lmtp), timeout (5). The first of "
        "PLAIN, LOGIN and CRAM-MD5 that the server offers is used; without TLS CRAM-MD5 comes "
        "first. An empty username is 0 at once.",
        .options = SERVER, .errors = WRONG},
    {"smtp_lookup_rcpt", "OAA|o", 0, HSL_NONE_OK | HSL_BLOCKS, .fn = fn_lookup_rcpt,
        "smtp_lookup_rcpt(server, sender, recipient [, options])",
        "1 if the mail server accepts the recipient, 0 if it refuses it (5xx), -1 if it cannot be "
        "asked or says 4xx. Server is as in smtp_lookup_auth(); without a host those in the MX "
        "records of the recipient's domain. Its options saslusername and saslpassword, or those of "
        "the transport, log in before, xclient is an array of attributes for XCLIENT. With option "
        "extended_result (or error_code): [error_code, error_message, on_rcptto, tls], the code 0 "
        "if no reply came.",
        .options = SERVER " extended_result error_code", .errors = WRONG},
    {.name = NULL},
};
