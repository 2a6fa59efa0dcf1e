/* mlt_vars.c - predefined variables of the access, recipient and mail flows (library §16).
 * Not here: where the values come from (mlt_sess.c), $context (mlt_host.c).
 * Threads: that of the connection. Fails: never; what is unknown is left to the language, which
 * takes "" false 0 [] by type. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/ut_num.h"
#include "milter/mlt_addr.h"
#include "milter/mlt_run.h"

typedef void
var_fn(const struct mlt_run *run, struct hsl_build *b);

static void
key_str(struct hsl_build *b, const char *key, const char *value)
{
    hsl_build_key(b, key);
    hsl_build_strz(b, value);
}

static void
key_num(struct hsl_build *b, const char *key, long value)
{
    hsl_build_key(b, key);
    hsl_build_num(b, (double)value);
}

/* ESMTP parameters as name => value, names in upper case (names are short: longer ones are none).
 */
static void
build_params(struct hsl_build *b, const char **params)
{
    char key[64];

    hsl_build_array(b);
    for (size_t i = 0; params && params[i]; i++) {
        size_t len = strcspn(params[i], "=");

        if (len == 0 || len >= sizeof(key))
            continue;
        for (size_t j = 0; j < len; j++) {
            char c = params[i][j];

            key[j] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        }
        key[len] = '\0';
        key_str(b, key, params[i][len] == '=' ? params[i] + len + 1 : "");
    }
    hsl_build_end(b);
}

static void
build_address(struct hsl_build *b, const struct mlt_address *a)
{
    hsl_build_array(b);
    key_str(b, "localpart", a->localpart);
    key_str(b, "domain", a->domain);
    hsl_build_end(b);
}

static const char *
transport_of(const struct mlt_run *run)
{
    return run->changes.transport ? run->changes.transport : run->rcpt->transport;
}

static bool
has_tls(const struct mlt_conn *c)
{
    return c->security.tls_version && c->security.tls_version[0] != '\0';
}

static bool
has_auth(const struct mlt_conn *c)
{
    return c->security.auth_authen && c->security.auth_authen[0] != '\0';
}

static double
tls_key_size(const struct mlt_conn *c)
{
    long long bits;

    if (!c->security.cipher_bits || ut_num_int(c->security.cipher_bits, 0, 65536, &bits) != 0)
        return 0;
    return (double)bits;
}

/* The verb is not told to milters: ESMTP is known by what only ESMTP has (library §16.0). */
static const char *
helo_verb(const struct mlt_conn *c)
{
    bool params = c->msg.active && c->msg.sender.params && c->msg.sender.params[0];

    return has_tls(c) || has_auth(c) || params ? "EHLO" : "HELO";
}

/* --- The arrays ------------------------------------------------------------------------------- */

static void
add_peers(const struct mlt_conn *c, struct hsl_build *b)
{
    key_str(b, "remoteip", c->client_ip);
    key_num(b, "remoteport", c->client_port);
    if (c->client_ptr && c->client_ptr[0] != '\0')
        key_str(b, "remoteptr", c->client_ptr);
    key_str(b, "localip", c->server_ip);
    key_num(b, "localport", c->server_port);
    key_str(b, "serverid", c->server_id);
}

static void
add_tls(const struct mlt_conn *c, struct hsl_build *b)
{
    hsl_build_key(b, "tls");
    hsl_build_array(b);
    key_str(b, "protocol", c->security.tls_version);
    key_str(b, "cipher", c->security.cipher);
    hsl_build_key(b, "keysize");
    hsl_build_num(b, tls_key_size(c));
    if (c->security.cert_subject && c->security.cert_subject[0] != '\0') {
        hsl_build_key(b, "peercert");
        hsl_build_array(b);
        key_str(b, "subject", c->security.cert_subject);
        key_str(b, "issuer", c->security.cert_issuer);
        hsl_build_end(b);
    }
    hsl_build_end(b);
}

static void
add_helo(const struct mlt_conn *c, struct hsl_build *b)
{
    hsl_build_key(b, "helo");
    hsl_build_array(b);
    key_str(b, "verb", helo_verb(c));
    key_str(b, "host", c->helo);
    hsl_build_end(b);
    key_str(b, "helohost", c->helo);
}

static void
var_connection(const struct mlt_run *run, struct hsl_build *b)
{
    const struct mlt_conn *c = run->conn;

    hsl_build_array(b);
    key_str(b, "id", c->id);
    if (run->rcpt) {
        add_peers(c, b);
        add_helo(c, b);
        if (has_tls(c))
            add_tls(c, b);
        if (has_auth(c)) {
            hsl_build_key(b, "auth");
            hsl_build_array(b);
            key_str(b, "mechanism", c->security.auth_type);
            key_str(b, "username", c->security.auth_authen);
            hsl_build_end(b);
        }
    }
    hsl_build_end(b);
}

static void
add_recipient(struct hsl_build *b, const struct mlt_rcpt *r)
{
    hsl_build_array(b);
    key_str(b, "recipient", r->address.text);
    hsl_build_key(b, "address");
    build_address(b, &r->address);
    hsl_build_key(b, "params");
    build_params(b, r->address.params);
    key_str(b, "transportid", r->changes.transport ? r->changes.transport : r->transport);
    hsl_build_end(b);
}

static void
var_transaction(const struct mlt_run *run, struct hsl_build *b)
{
    const struct mlt_msg *m = &run->conn->msg;

    hsl_build_array(b);
    key_str(b, "id", m->id);
    key_str(b, "sender", run->sender.text);
    hsl_build_key(b, "senderaddress");
    build_address(b, &run->sender);
    key_str(b, "senderlocalpart", run->sender.localpart);
    key_str(b, "senderdomain", run->sender.domain);
    hsl_build_key(b, "senderparams");
    build_params(b, m->sender.params);
    hsl_build_key(b, "recipients");
    hsl_build_array(b);
    for (size_t i = 0; i < m->rcpt_count; i++)
        add_recipient(b, &m->rcpts[i]);
    hsl_build_end(b);
    hsl_build_end(b);
}

static void
var_arguments(const struct mlt_run *run, struct hsl_build *b)
{
    hsl_build_array(b);
    if (!run->rcpt) {
        add_peers(run->conn, b);
    } else {
        key_str(b, "recipient", run->recipient.text);
        hsl_build_key(b, "address");
        build_address(b, &run->recipient);
        hsl_build_key(b, "params");
        build_params(b, run->rcpt->address.params);
        key_str(b, "transportid", transport_of(run));
        key_str(b, "recipientlocalpart", run->recipient.localpart);
        key_str(b, "recipientdomain", run->recipient.domain);
        hsl_build_key(b, "recipientparams");
        build_params(b, run->rcpt->address.params);
    }
    hsl_build_end(b);
}

static void
var_recipients(const struct mlt_run *run, struct hsl_build *b)
{
    const struct mlt_msg *m = &run->conn->msg;

    hsl_build_array(b);
    for (size_t i = 0; i < m->rcpt_count; i++)
        hsl_build_strz(b, m->rcpts[i].address.text);
    hsl_build_end(b);
}

static void
var_recipientdomains(const struct mlt_run *run, struct hsl_build *b)
{
    const struct mlt_msg *m = &run->conn->msg;

    hsl_build_array(b);
    for (size_t i = 0; i < m->rcpt_count; i++) {
        size_t j = 0;

        while (j < i && strcmp(m->rcpts[j].address.domain, m->rcpts[i].address.domain) != 0)
            j++;
        if (j == i)
            hsl_build_strz(b, m->rcpts[i].address.domain);
    }
    hsl_build_end(b);
}

/* --- The rest --------------------------------------------------------------------------------- */

static void
var_family(const struct mlt_run *run, struct hsl_build *b)
{
    hsl_build_strz(b, run->conn->family == AF_INET6 ? "ipv6" : "ipv4");
}

static void
var_protocol(const struct mlt_run *run, struct hsl_build *b)
{
    (void)run;
    hsl_build_strz(b, "tcp");
}

static void
var_senderparams(const struct mlt_run *run, struct hsl_build *b)
{
    build_params(b, run->conn->msg.sender.params);
}

static void
var_recipientparams(const struct mlt_run *run, struct hsl_build *b)
{
    build_params(b, run->rcpt->address.params);
}

/* Variables that are one text. NULL: not known here. */
static const char *
text_var(const struct mlt_run *run, const char *name)
{
    const struct mlt_conn *c = run->conn;
    const struct {
        const char *name;
        const char *value;
    } all[] = {
        {"senderip", c->client_ip},
        {"senderhelo", c->helo},
        {"sender", run->sender.text},
        {"senderlocalpart", run->sender.localpart},
        {"senderdomain", run->sender.domain},
        {"recipient", run->recipient.text},
        {"recipientlocalpart", run->recipient.localpart},
        {"recipientdomain", run->recipient.domain},
        {"messageid", c->msg.id},
        {"queueid", c->msg.queue},
        {"saslusername", c->security.auth_authen},
        {"senderptr", c->client_ptr},
        {"serverip", c->server_ip},
        {"serverid", c->server_id},
        {"service", c->server_id},
        {"senderhelotype", helo_verb(c)},
        {"tlsprotocol", c->security.tls_version},
        {"tlscipher", c->security.cipher},
        {"transportid", run->rcpt ? transport_of(run) : NULL},
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i].name, name) == 0)
            return all[i].value;
    }
    return NULL;
}

/* Variables that are a number or a boolean. */
static bool
build_plain(const struct mlt_run *run, const char *name, struct hsl_build *b)
{
    const struct mlt_conn *c = run->conn;

    if (strcmp(name, "saslauthed") == 0)
        hsl_build_bool(b, has_auth(c));
    else if (strcmp(name, "tlsstarted") == 0)
        hsl_build_bool(b, has_tls(c));
    else if (strcmp(name, "tlskeysize") == 0)
        hsl_build_num(b, tls_key_size(c));
    else if (strcmp(name, "senderport") == 0)
        hsl_build_num(b, (double)c->client_port);
    else if (strcmp(name, "serverport") == 0)
        hsl_build_num(b, (double)c->server_port);
    else if (strcmp(name, "size") == 0)
        hsl_build_num(b, (double)c->msg.spool.size);
    else if (strcmp(name, "actionid") == 0)
        hsl_build_num(b, (double)(c->msg.actions + 1));
    else if (strcmp(name, "directprocessing") == 0)
        hsl_build_bool(b, true);
    else
        return false;
    return true;
}

bool
mlt_vars_build(struct mlt_run *run, const char *name, struct hsl_build *b)
{
    static const struct {
        const char *name;
        var_fn *fn;
    } rows[] = {
        {"arguments", var_arguments},
        {"connection", var_connection},
        {"transaction", var_transaction},
        {"recipients", var_recipients},
        {"recipientdomains", var_recipientdomains},
        {"senderparams", var_senderparams},
        {"recipientparams", var_recipientparams},
        {"protocol", var_protocol},
        {"family", var_family},
    };
    const char *text = text_var(run, name);

    if (text) {
        hsl_build_strz(b, text);
        return true;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            rows[i].fn(run, b);
            return true;
        }
    }
    return build_plain(run, name, b);
}
