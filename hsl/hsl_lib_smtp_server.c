/* hsl_lib_smtp_server.c - the server argument of smtp_lookup_auth() and smtp_lookup_rcpt() (library
 * §12): "mailtransport:ID", or an array with the same things under the same names.
 *
 * Not here: what is asked (hsl_lib_smtp.c). Threads: as the run. Fails: R07, R15 for a profile that
 * is not configured or an option that makes no sense, the limit max_sockets. */
#include "config.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "hsl/hsl_env.h"
#include "hsl/hsl_lib_enc.h"
#include "hsl/hsl_lib_smtp.h"
#include "lib/ut_time.h"

#define TIMEOUT 5.0
#define XCLIENT_MAX 1024u

/* --- Words ---------------------------------------------------------------------------------------
 */

static bool
use_tls(struct hsl_lookup *l, const char *word)
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
use_versions(struct hsl_lookup *l, const char *text)
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
use_protocol(struct hsl_lookup *l, const char *word)
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
use_profile(struct hsl_lookup *l, const struct ut_conf_mailtransport *p)
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

/* --- Options -------------------------------------------------------------------------------------
 */

/* A text option, without control characters unless [any]. NUL is none of them. */
static bool
text_option(
    struct hsl_lookup *l, const struct hsl_value *o, const char *key, bool any, const char **out)
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
word_option(struct hsl_lookup *l, const struct hsl_value *o, const char *key,
    bool (*use)(struct hsl_lookup *, const char *))
{
    const char *word = NULL;

    return text_option(l, o, key, false, &word) && (!word || use(l, word));
}

/* User or password, under both of its names. */
static bool
secret_option(struct hsl_lookup *l, const struct hsl_value *o, const char *key, const char *other,
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
use_names(struct hsl_lookup *l, const struct hsl_value *o)
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
use_xclient(struct hsl_lookup *l, const struct hsl_value *o)
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
use_certificate(struct hsl_lookup *l, const struct hsl_value *o)
{
    if (!text_option(l, o, "tls_client_cert", true, &l->server.client_cert))
        return false;
    if (l->server.client_cert && strncmp(l->server.client_cert, "pki:", 4) == 0)
        return hsl_raise(
            l->run, HSL_R15, "%s(): unknown profile %.100s", l->function, l->server.client_cert);
    return true;
}

static bool
use_source(struct hsl_lookup *l, const struct hsl_value *o)
{
    const char *id = NULL;

    if (!text_option(l, o, "sourceip", false, &l->server.source_ip) ||
        !text_option(l, o, "sourceipid", false, &id) ||
        !hsl_opt_bool(l->run, l->function, 1, o, "nonlocal_source", &l->server.nonlocal_source))
        return false;
    return !id || hsl_raise(l->run, HSL_R15, "%s(): unknown profile %.100s", l->function, id);
}

static bool
use_numbers(struct hsl_lookup *l, const struct hsl_value *o)
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
use_array(struct hsl_lookup *l, const struct hsl_value *o)
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

/* --- The whole -----------------------------------------------------------------------------------
 */

/* A name that a URL can have where the host stands; brackets around an address go. */
static bool
check_host(struct hsl_lookup *l, const char *what, const char *host)
{
    if (!host || (*host && host[strcspn(host, " \t\"#%/<>?@[\\]^`{|}")] == '\0'))
        return true;
    return hsl_raise(l->run, HSL_R15, "%s(): %s is no name of a host", l->function, what);
}

static bool
check_server(struct hsl_lookup *l)
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
use_server(struct hsl_lookup *l, const struct hsl_value *v)
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

void
hsl_lookup_end(struct hsl_lookup *l)
{
    ut_sbuf_fini(&l->xclient);
    ut_conf_unref(l->conf);
}

bool
hsl_lookup_begin(
    struct hsl_run *r, struct hsl_lookup *l, const char *function, const struct hsl_value *v)
{
    *l = (struct hsl_lookup){.run = r, .function = function, .timeout = TIMEOUT};
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
    hsl_lookup_end(l);
    return false;
}
