/* hsl_lib_smtp.c - smtp_lookup_auth(), smtp_lookup_rcpt() (library §12).
 *
 * User names and passwords are in no record, and what a server answers to them neither.
 *
 * Not here: SMTP (hsl_smtp.c). Threads: as the run. Fails: R07, R15 for a profile that is not
 * configured or an option that makes no sense, the limit max_sockets; a server in trouble gives -1
 * and a record. */
#include "config.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>

#include "hsl/hsl_addr.h"
#include "hsl/hsl_dns.h"
#include "hsl/hsl_env.h"
#include "hsl/hsl_lib_dns.h"
#include "hsl/hsl_lib_enc.h"
#include "hsl/hsl_smtp.h"
#include "lib/ut_log.h"
#include "lib/ut_time.h"

#define TIMEOUT 5.0
#define MX_MAX 5   /* hosts that are tried */
#define HOPS_MAX 8 /* addresses of them */
#define XCLIENT_MAX 1024u

/* One call. */
struct lookup {
    struct hsl_run *run;
    const char *function;
    struct ut_conf *conf; /* texts of the profile live in it */
    struct hsl_smtp_server server;
    struct ut_sbuf xclient;
    double timeout;
};

/* --- The server argument -------------------------------------------------------------------------
 */

static bool
use_tls(struct lookup *l, const char *word)
{
    static const struct {
        const char *word;
        enum hsl_smtp_tls tls;
        bool verify;
    } modes[] = {
        {"disabled", HSL_SMTP_TLS_DISABLED, false},
        {"optional", HSL_SMTP_TLS_OPTIONAL, false},
        {"optional_verify", HSL_SMTP_TLS_OPTIONAL, true},
        {"require", HSL_SMTP_TLS_REQUIRE, false},
        {"require_verify", HSL_SMTP_TLS_REQUIRE, true},
    };

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(word, modes[i].word) == 0) {
            l->server.tls = modes[i].tls;
            l->server.tls_verify = modes[i].verify;
            return true;
        }
    }
    if (strncmp(word, "dane", 4) == 0)
        return hsl_raise(
            l->run, HSL_R15, "%s(): DANE is not supported; write require_verify", l->function);
    return hsl_raise(l->run, HSL_R15, "%s(): unknown TLS mode %.100s", l->function, word);
}

/* Reads "!SSLv2,!SSLv3" or "TLSv1.2 TLSv1.3": those named, or all but those with "!". */
static bool
use_versions(struct lookup *l, const char *text)
{
    static const char *const names[] = {"SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
    static const long least[] = {0, 0, CURL_SSLVERSION_TLSv1_0, CURL_SSLVERSION_TLSv1_1,
        CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_TLSv1_3};
    static const long most[] = {0, 0, CURL_SSLVERSION_MAX_TLSv1_0, CURL_SSLVERSION_MAX_TLSv1_1,
        CURL_SSLVERSION_MAX_TLSv1_2, CURL_SSLVERSION_MAX_TLSv1_3};
    unsigned named = 0, excluded = 0, left;
    size_t low = 2, high = 5;

    while (*(text += strspn(text, ", :"))) {
        bool not = *text == '!';
        size_t len = strcspn(text += not, ", :"), i = 0;

        while (i < 6 && (strlen(names[i]) != len || strncasecmp(text, names[i], len) != 0))
            i++;
        if (i == 6)
            return hsl_raise(l->run, HSL_R15, "%s(): unknown TLS version %.*s", l->function,
                (int)(len < 100 ? len : 100), text);
        *(not ? &excluded : &named) |= 1u << i;
        text += len;
    }
    left = (named ? named : 0x3f) & ~excluded;
    while (low <= 5 && !(left & 1u << low))
        low++;
    while (high > low && !(left & 1u << high))
        high--;
    if (low > 5)
        return hsl_raise(
            l->run, HSL_R15, "%s(): tls_protocols leaves no version of TLS", l->function);
    l->server.tls_versions = least[low] | most[high];
    return true;
}

static bool
use_protocol(struct lookup *l, const char *word)
{
    l->server.lmtp = strcmp(word, "lmtp") == 0;
    return l->server.lmtp || strcmp(word, "smtp") == 0 ||
           hsl_raise(l->run, HSL_R15, "%s(): unknown protocol %.100s", l->function, word);
}

static const char *
given(const char *text)
{
    return *text ? text : NULL;
}

static bool
use_profile(struct lookup *l, const struct ut_conf_mailtransport *p)
{
    struct hsl_smtp_server *s = &l->server;

    s->host = given(p->host);
    s->port = (unsigned)p->port;
    if (*p->helo)
        s->helo = p->helo;
    s->source_ip = given(p->sourceip);
    s->nonlocal_source = p->nonlocal_source;
    if (*p->saslusername) {
        s->username = (struct hsl_text){p->saslusername, strlen(p->saslusername)};
        s->password = (struct hsl_text){p->saslpassword, strlen(p->saslpassword)};
    }
    s->tls_sni = given(p->tls_sni);
    s->tls_ciphers = given(p->tls_ciphers);
    s->tls_verify_host = p->tls_verify_host;
    for (size_t i = 0; i < p->tls_verify_name.count && i < HSL_SMTP_NAMES_MAX; i++)
        s->tls_names[s->tls_name_count++] = p->tls_verify_name.items[i];
    s->default_ca = p->tls_default_ca;
    s->client_cert_file = given(p->tls_client_cert);
    l->timeout = (double)p->timeout;
    return use_protocol(l, p->protocol) && use_tls(l, p->tls) && use_versions(l, p->tls_protocols);
}

/* A text option, without control characters unless [any]. NUL is none of them. */
static bool
text_option(
    struct lookup *l, const struct hsl_value *o, const char *key, bool any, const char **out)
{
    struct hsl_str *s = NULL;

    if (!hsl_opt_str(l->run, l->function, 1, o, key, &s))
        return false;
    for (size_t i = 0; s && i < s->len; i++) {
        unsigned char c = (unsigned char)s->data[i];

        if (c == '\0' || (!any && (c < ' ' || c == 0x7f)))
            return hsl_raise(
                l->run, HSL_R15, "%s(): option %s holds a control character", l->function, key);
    }
    if (s)
        *out = s->data;
    return true;
}

/* The option is a word that [use] understands. */
static bool
word_option(struct lookup *l, const struct hsl_value *o, const char *key,
    bool (*use)(struct lookup *, const char *))
{
    const char *word = NULL;

    return text_option(l, o, key, false, &word) && (!word || use(l, word));
}

/* User or password, under both of its names. */
static bool
secret_option(struct lookup *l, const struct hsl_value *o, const char *key, const char *other,
    struct hsl_text *out)
{
    struct hsl_str *s = NULL;

    if (!hsl_opt_str(l->run, l->function, 1, o, key, &s) ||
        !hsl_opt_str(l->run, l->function, 1, o, other, &s))
        return false;
    if (s && strlen(s->data) != s->len)
        return hsl_raise(l->run, HSL_R15, "%s(): option %s holds a NUL byte", l->function, key);
    if (s)
        *out = (struct hsl_text){s->data, s->len};
    return true;
}

static bool
use_names(struct lookup *l, const struct hsl_value *o)
{
    struct hsl_smtp_server *s = &l->server;
    struct hsl_arr *list = NULL;
    const struct hsl_value *v;
    size_t pos = 0;

    if (!hsl_opt_arr(l->run, l->function, 1, o, "tls_verify_name", &list))
        return false;
    while (list && hsl_arr_next(list, &pos, NULL, &v)) {
        if (v->type != HSL_STR || strlen(v->u.str->data) != v->u.str->len)
            return hsl_raise(
                l->run, HSL_R15, "%s(): tls_verify_name: a name is no text", l->function);
        if (s->tls_name_count == HSL_SMTP_NAMES_MAX)
            return hsl_raise(l->run, HSL_R15, "%s(): tls_verify_name: more than %d names",
                l->function, HSL_SMTP_NAMES_MAX);
        s->tls_names[s->tls_name_count++] = v->u.str->data;
    }
    return true;
}

static bool
is_attribute(const struct hsl_value *key)
{
    return key->type == HSL_STR && key->u.str->len > 0 && key->u.str->len < 32 &&
           strspn(key->u.str->data, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == key->u.str->len;
}

/* The array xclient as "NAME=xtext NAME=xtext". */
static bool
use_xclient(struct lookup *l, const struct hsl_value *o)
{
    struct hsl_arr *list = NULL;
    const struct hsl_value *v;
    struct hsl_value key;
    size_t pos = 0;

    if (!hsl_opt_arr(l->run, l->function, 1, o, "xclient", &list))
        return false;
    while (list && hsl_arr_next(list, &pos, &key, &v)) {
        struct hsl_str *s;

        if (!is_attribute(&key))
            return hsl_raise(l->run, HSL_R15,
                "%s(): xclient: the name of an attribute is in capitals", l->function);
        s = hsl_to_str(l->run, v);
        if (!s)
            return false;
        ut_sbuf_addf(&l->xclient, "%s%s=", l->xclient.len ? " " : "", key.u.str->data);
        hsl_enc_xtext(&l->xclient, s->data, s->len);
        hsl_unref(l->run, hsl_from_str(s));
    }
    if (l->xclient.failed)
        return hsl_raise(l->run, HSL_R15, "%s(): xclient is too long", l->function);
    l->server.xclient = given(ut_sbuf_text(&l->xclient));
    return true;
}

/* A certificate with its key, in PEM. */
static bool
use_certificate(struct lookup *l, const struct hsl_value *o)
{
    if (!text_option(l, o, "tls_client_cert", true, &l->server.client_cert))
        return false;
    if (l->server.client_cert && strncmp(l->server.client_cert, "pki:", 4) == 0)
        return hsl_raise(
            l->run, HSL_R15, "%s(): unknown profile %.100s", l->function, l->server.client_cert);
    return true;
}

static bool
use_source(struct lookup *l, const struct hsl_value *o)
{
    const char *id = NULL;

    if (!text_option(l, o, "sourceip", false, &l->server.source_ip) ||
        !text_option(l, o, "sourceipid", false, &id) ||
        !hsl_opt_bool(l->run, l->function, 1, o, "nonlocal_source", &l->server.nonlocal_source))
        return false;
    return !id || hsl_raise(l->run, HSL_R15, "%s(): unknown profile %.100s", l->function, id);
}

static bool
use_numbers(struct lookup *l, const struct hsl_value *o)
{
    double port = 25;

    if (!hsl_opt_num(l->run, l->function, 1, o, "port", &port) ||
        !hsl_opt_num(l->run, l->function, 1, o, "timeout", &l->timeout))
        return false;
    if (!(port >= 1 && port <= 65535 && l->timeout > 0))
        return hsl_raise(l->run, HSL_R15, "%s(): option %s is out of range", l->function,
            l->timeout > 0 ? "port" : "timeout");
    l->server.port = (unsigned)port;
    return true;
}

static bool
use_array(struct lookup *l, const struct hsl_value *o)
{
    struct hsl_smtp_server *s = &l->server;
    struct hsl_run *r = l->run;

    return text_option(l, o, "host", false, &s->host) && use_numbers(l, o) &&
           text_option(l, o, "helo", false, &s->helo) && use_source(l, o) &&
           secret_option(l, o, "saslusername", "sasl_username", &s->username) &&
           secret_option(l, o, "saslpassword", "sasl_password", &s->password) &&
           word_option(l, o, "protocol", use_protocol) && word_option(l, o, "tls", use_tls) &&
           word_option(l, o, "tls_protocols", use_versions) &&
           text_option(l, o, "tls_ciphers", false, &s->tls_ciphers) &&
           text_option(l, o, "tls_sni", false, &s->tls_sni) &&
           hsl_opt_bool(r, l->function, 1, o, "tls_verify_host", &s->tls_verify_host) &&
           hsl_opt_bool(r, l->function, 1, o, "tls_default_ca", &s->default_ca) &&
           use_names(l, o) && use_certificate(l, o) && use_xclient(l, o);
}

/* A name that a URL can have where the host stands; brackets around an address go. */
static bool
check_host(struct lookup *l, const char *what, const char *host)
{
    if (!host || (*host && host[strcspn(host, " \t\"#%/<>?@[\\]^`{|}")] == '\0'))
        return true;
    return hsl_raise(l->run, HSL_R15, "%s(): %s is no name of a host", l->function, what);
}

static bool
check_server(struct lookup *l)
{
    struct hsl_smtp_server *s = &l->server;
    unsigned char bytes[16];

    if (!check_host(l, "host", s->host) || !check_host(l, "tls_sni", s->tls_sni) ||
        !check_host(l, "helo", s->helo[0] == '[' ? NULL : s->helo))
        return false;
    if (s->source_ip && inet_pton(AF_INET, s->source_ip, bytes) != 1 &&
        inet_pton(AF_INET6, s->source_ip, bytes) != 1)
        return hsl_raise(l->run, HSL_R15, "%s(): sourceip is no address", l->function);
    if (s->lmtp && s->tls == HSL_SMTP_TLS_REQUIRE)
        return hsl_raise(l->run, HSL_R15, "%s(): TLS is not supported with LMTP", l->function);
    return true;
}

static bool
use_server(struct lookup *l, const struct hsl_value *v)
{
    const struct ut_conf_mailtransport *p;

    if (v->type == HSL_ARR)
        return use_array(l, v);
    if (v->type != HSL_STR)
        return hsl_lib_bad_arg(l->run, l->function, 1, "string or array", v);
    p = l->conf ? ut_conf_mailtransport_get(l->conf, v->u.str->data) : NULL;
    if (!p || strlen(v->u.str->data) != v->u.str->len)
        return hsl_raise(
            l->run, HSL_R15, "%s(): unknown profile %.100s", l->function, v->u.str->data);
    return use_profile(l, p);
}

static void
end_lookup(struct lookup *l)
{
    ut_sbuf_fini(&l->xclient);
    ut_conf_unref(l->conf);
}

/* Begins the call of [function] with server [v]. To be ended by end_lookup() if it succeeds. */
static bool
begin_lookup(struct hsl_run *r, struct lookup *l, const char *function, const struct hsl_value *v)
{
    *l = (struct lookup){.run = r, .function = function, .timeout = TIMEOUT};
    l->server.port = 25;
    ut_sbuf_init(&l->xclient, XCLIENT_MAX);
    if (!r->env)
        return hsl_raise(r, HSL_R15, "%s(): there is no network here", function);
    if (!hsl_spend(r, &r->socket_count, 1, r->limits.max_sockets, "connections"))
        return false;
    l->conf = hsl_env_conf(r->env);
    l->server.helo = r->env->hostname;
    if (l->conf && *l->conf->global.smtp_ca_file)
        l->server.ca_file = l->conf->global.smtp_ca_file;
    if (use_server(l, v) && check_server(l)) {
        double left = hsl_time_left(r);

        l->server.deadline = ut_time_mono() + (l->timeout < left ? l->timeout : left);
        return true;
    }
    end_lookup(l);
    return false;
}

static void
note_trouble(const struct lookup *l, const char *why)
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
    struct lookup l;

    (void)argc;
    if (!begin_lookup(r, &l, "smtp_lookup_auth", &args[0]))
        return false;
    if (!l.server.host && args[0].type == HSL_ARR) {
        end_lookup(&l);
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
    end_lookup(&l);
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
ask(struct lookup *l, const struct hsl_dns_way *w, struct hsl_dns_question *q, size_t n)
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
find_addresses(struct lookup *l, const struct hsl_dns_way *w, const char *const *hosts, size_t n,
    struct hops *h)
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
find_hops(struct lookup *l, const char *domain, struct hops *h, struct ut_diag *why)
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
ask_hops(struct lookup *l, const struct hops *h, const char *sender, const char *recipient,
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
look_up(struct lookup *l, const char *sender, const char *recipient, enum hsl_smtp_result *result,
    struct hsl_smtp_answer *a, struct ut_diag *why)
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
run_lookup_rcpt(struct lookup *l, const struct hsl_str *sender, const struct hsl_str *recipient,
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
    struct lookup l;

    if (!hsl_opt_bool(r, "smtp_lookup_rcpt", 4, o, "error_code", &extended) ||
        !hsl_opt_bool(r, "smtp_lookup_rcpt", 4, o, "extended_result", &extended) ||
        !hsl_addr_argument(r, "smtp_lookup_rcpt", &args[1]) ||
        !hsl_addr_argument(r, "smtp_lookup_rcpt", &args[2]) ||
        !begin_lookup(r, &l, "smtp_lookup_rcpt", &args[0]))
        return false;
    ok = run_lookup_rcpt(&l, args[1].u.str, args[2].u.str, extended, out);
    end_lookup(&l);
    return ok;
}

const struct hsl_builtin hsl_lib_smtp_rows[] = {
    {"smtp_lookup_auth", "vss", 0, HSL_NONE_OK | HSL_BLOCKS, fn_lookup_auth,
        "smtp_lookup_auth(server, username, password)",
        "1 if the mail server accepts the user and password, 0 if it refuses them, -1 if it cannot "
        "be asked. Server is \"mailtransport:ID\", or an array: host, port (25), helo, sourceip, "
        "nonlocal_source, tls (disabled, optional, optional_verify, require or require_verify), "
        "tls_sni, tls_protocols, tls_ciphers, tls_verify_host, tls_verify_name (a list), "
        "tls_default_ca, tls_client_cert (PEM), protocol (smtp or lmtp), timeout (5). The first of "
        "PLAIN, LOGIN and CRAM-MD5 that the server offers is used; without TLS CRAM-MD5 comes "
        "first. An empty username is 0 at once."},
    {"smtp_lookup_rcpt", "vAA|o", 0, HSL_NONE_OK | HSL_BLOCKS, fn_lookup_rcpt,
        "smtp_lookup_rcpt(server, sender, recipient [, options])",
        "1 if the mail server accepts the recipient, 0 if it refuses it (5xx), -1 if it cannot be "
        "asked or says 4xx. Server is as in smtp_lookup_auth(); without a host those in the MX "
        "records of the recipient's domain. Its options saslusername and saslpassword, or those of "
        "the transport, log in before, xclient is an array of attributes for XCLIENT. With option "
        "extended_result (or error_code): [error_code, error_message, on_rcptto, tls], the code 0 "
        "if no reply came."},
    {.name = NULL},
};
