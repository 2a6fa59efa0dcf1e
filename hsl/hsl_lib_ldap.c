/* hsl_lib_ldap.c - in_ldap(), ldap_search(), ldap_bind() (library §12).
 *
 * What is looked up comes from strangers: in a query it stands escaped by RFC 4515 unless %x asks
 * for it as it is. A password is never logged, and an empty one is never sent: a server would take
 * such a bind for an anonymous one and let it succeed.
 *
 * Not here: connections (hsl_ldap.c). Threads: as the run. Fails: R07, R15 for a profile that is
 * not configured, the limit max_sockets; a server in trouble gives -1 and a record. */
#include "config.h"

#include "hsl/hsl_env.h"
#include "hsl/hsl_ldap.h"
#include "hsl/hsl_lib.h"
#include "lib/ut_log.h"
#include "lib/ut_time.h"

#define ENTRIES_MAX 1000
#define FILTER_MAX 65536u

/* One call: the profile with what the override array puts in its place. */
struct lookup {
    struct hsl_run *run;
    const char *function;
    struct ut_conf *conf; /* the profile's texts live in it */
    const char *profile;
    struct hsl_ldap_way way;
    const char *query;
    bool own_user; /* the override names the user that binds */
    bool user_fits; /* it is not empty and holds no NUL byte */
};

/* --- The profile and what overrides it ---------------------------------------------------------
 */

static int
scope_of(const char *word)
{
    return strcmp(word, "base") == 0  ? LDAP_SCOPE_BASE
           : strcmp(word, "one") == 0 ? LDAP_SCOPE_ONELEVEL
                                      : LDAP_SCOPE_SUBTREE;
}

static enum hsl_ldap_tls
tls_of(const char *word)
{
    return strcmp(word, "require") == 0    ? HSL_LDAP_TLS_REQUIRE
           : strcmp(word, "optional") == 0 ? HSL_LDAP_TLS_OPTIONAL
                                           : HSL_LDAP_TLS_DISABLED;
}

static void
use_profile(struct lookup *l, const struct ut_conf_ldap *p)
{
    struct hsl_ldap_way *w = &l->way;
    double left = hsl_time_left(l->run), timeout = (double)p->timeout;

    for (size_t i = 0; i < p->host.count && w->host_count < HSL_LDAP_HOSTS_MAX; i++)
        w->hosts[w->host_count++] = p->host.items[i];
    w->username = p->username;
    w->password = p->password;
    w->password_len = strlen(p->password);
    w->base = p->base;
    w->scope = scope_of(p->scope);
    w->tls = tls_of(p->tls);
    w->verify = p->tls_verify_peer;
    w->ca_file = p->tls_ca_file;
    w->deadline = ut_time_mono() + (timeout < left ? timeout : left);
    l->query = p->query;
}

/* Text without NUL bytes, which no DN and no filter may have. */
static bool
text_option(struct lookup *l, unsigned n, const struct hsl_value *o, const char *key,
    const char **out, bool *given)
{
    struct hsl_str *s = NULL;

    if (!hsl_opt_str(l->run, l->function, n, o, key, &s))
        return false;
    *given = s != NULL;
    if (!s)
        return true;
    *out = s->data;
    return strlen(s->data) == s->len ||
           hsl_raise(l->run, HSL_R15, "%s(): option %s holds a NUL byte", l->function, key);
}

static bool
use_host(struct lookup *l, const struct hsl_value *v)
{
    if (v->type != HSL_STR || strlen(v->u.str->data) != v->u.str->len)
        return hsl_raise(l->run, HSL_R15, "%s(): a host is no text", l->function);
    if (l->way.host_count == HSL_LDAP_HOSTS_MAX)
        return hsl_raise(
            l->run, HSL_R15, "%s(): more than %d hosts", l->function, HSL_LDAP_HOSTS_MAX);
    l->way.hosts[l->way.host_count++] = v->u.str->data;
    return true;
}

static bool
use_hosts(struct lookup *l, const struct hsl_value *o)
{
    const struct hsl_value *host = hsl_arr_getz(o->u.arr, "host"), *v;
    size_t pos = 0;

    if (!host || host->type == HSL_NONE)
        return true;
    l->way.host_count = 0;
    if (host->type != HSL_ARR)
        return use_host(l, host);
    while (hsl_arr_next(host->u.arr, &pos, NULL, &v))
        if (!use_host(l, v))
            return false;
    return true;
}

/* The array that is argument [n] in place of the profile's fields. */
static bool
use_override(struct lookup *l, unsigned n, const struct hsl_value *o)
{
    struct hsl_str *user = NULL, *password = NULL;
    bool given;

    if (!use_hosts(l, o) || !text_option(l, n, o, "base", &l->way.base, &given) ||
        !text_option(l, n, o, "query", &l->query, &given) ||
        !hsl_opt_bool(l->run, l->function, n, o, "tls_verify_peer", &l->way.verify) ||
        !hsl_opt_str(l->run, l->function, n, o, "username", &user) ||
        !hsl_opt_str(l->run, l->function, n, o, "password", &password))
        return false;
    if (user) {
        l->own_user = true;
        l->user_fits = user->len > 0 && strlen(user->data) == user->len;
        l->way.username = user->data;
    }
    if (password) {
        l->way.password = password->data;
        l->way.password_len = password->len;
    }
    return true;
}

/* Begins the call of [function] for args[0], a profile, with argument [n] (may be missing) as the
 * override. To be ended by end_lookup() if it succeeds. */
static bool
begin_lookup(struct hsl_run *r, struct lookup *l, const char *function,
    const struct hsl_value *args, unsigned argc, unsigned n)
{
    const struct ut_conf_ldap *p;

    *l = (struct lookup){.run = r, .function = function, .user_fits = true};
    if (!hsl_spend(r, &r->socket_count, 1, r->limits.max_sockets, "connections"))
        return false;
    l->profile = args[0].u.str->data;
    l->conf = r->env ? hsl_env_conf(r->env) : NULL;
    p = l->conf ? ut_conf_ldap_get(l->conf, l->profile) : NULL;
    if (!p || strlen(l->profile) != args[0].u.str->len) {
        ut_conf_unref(l->conf);
        return hsl_raise(r, HSL_R15, "%s(): unknown profile %.100s", function, l->profile);
    }
    use_profile(l, p);
    if (argc >= n && !use_override(l, n, &args[n - 1])) {
        ut_conf_unref(l->conf);
        return false;
    }
    return true;
}

static void
end_lookup(struct lookup *l)
{
    ut_conf_unref(l->conf);
}

/* True if the bind would be one that a server takes for anonymous. */
static bool
lacks_password(const struct lookup *l)
{
    return !l->user_fits || (l->way.username[0] != '\0' && l->way.password_len == 0);
}

static void
note_trouble(const struct lookup *l, const struct ut_diag *why)
{
    hsl_note(l->run, UT_LOG_INFO, "%s failed for %s: %s", l->function, l->profile, why->text);
}

/* --- Filters -------------------------------------------------------------------------------------
 */

static void
add_escaped(struct ut_sbuf *b, const struct hsl_str *s)
{
    for (size_t i = 0; i < s->len; i++) {
        unsigned char c = (unsigned char)s->data[i];

        if (c == '*' || c == '(' || c == ')' || c == '\\' || c < 0x20 || c >= 0x7f)
            ut_sbuf_addf(b, "\\%02x", c);
        else
            ut_sbuf_addc(b, (char)c);
    }
}

/* Appends the text of [v], escaped or not. */
static bool
add_value(struct lookup *l, struct ut_sbuf *b, const struct hsl_value *v, bool escaped)
{
    struct hsl_str *s = hsl_to_str(l->run, v);

    if (!s)
        return false;
    if (escaped)
        add_escaped(b, s);
    else
        ut_sbuf_add(b, s->data, s->len);
    hsl_unref(l->run, hsl_from_str(s));
    return true;
}

/* The query with what is looked up in it: %s %x %%, and $1 ... for a list. */
static bool
make_filter(struct lookup *l, const struct hsl_value *what, struct ut_sbuf *b)
{
    bool list = what->type == HSL_ARR;
    static const struct hsl_value nothing = {.type = HSL_NONE};
    const struct hsl_value *word = list ? hsl_arr_at(what->u.arr, 0) : what;
    size_t words = list ? hsl_arr_count(what->u.arr) : 0;
    bool ok = true;

    for (const char *p = l->query; ok && *p; p++) {
        size_t len = 0, n = *p == '$' ? hsl_arg_numbered(p, words, &len) : 0;
        const struct hsl_value *v = n > 0 ? hsl_arr_at(what->u.arr, n - 1) : NULL;

        if (*p == '%' && (p[1] == 's' || p[1] == 'x')) {
            ok = add_value(l, b, word ? word : &nothing, p[1] == 's');
            p++;
        } else if (*p == '%' && p[1] == '%') {
            ut_sbuf_addc(b, *p++);
        } else if (v) {
            ok = add_value(l, b, v, true);
            p += len - 1;
        } else {
            ut_sbuf_addc(b, *p);
        }
    }
    if (ok && (b->failed || strlen(ut_sbuf_text(b)) != b->len))
        ok = hsl_raise(
            l->run, HSL_R15, "%s(): the query is too long or holds a NUL byte", l->function);
    return ok;
}

/* --- in_ldap() and ldap_bind() -------------------------------------------------------------------
 */

static bool
count_entry(void *arg, LDAP *ld, LDAPMessage *entry)
{
    unsigned *count = arg;

    (void)ld;
    (void)entry;
    ++*count;
    return true;
}

/* Binds, and searches where the profile says how. 100, 0 or -1 into *out. */
static bool
find(struct lookup *l, const struct hsl_value *what, struct hsl_value *out)
{
    unsigned count = 0;
    struct hsl_ldap_search search = {
        .names_only = true, .limit = 1, .entry = count_entry, .arg = &count};
    bool searches = l->way.base[0] != '\0' && l->query[0] != '\0';
    enum hsl_ldap_end end;
    struct ut_sbuf filter;
    struct ut_diag why;

    ut_sbuf_init(&filter, FILTER_MAX);
    if (searches && !make_filter(l, what, &filter)) {
        ut_sbuf_fini(&filter);
        return false;
    }
    search.filter = ut_sbuf_text(&filter);
    end = searches ? hsl_ldap_search(l->run->env->ldap, &l->way, !l->own_user, &search, &why)
                   : hsl_ldap_bind(&l->way, &why);
    ut_sbuf_fini(&filter);
    if (end == HSL_LDAP_FAILED)
        note_trouble(l, &why);
    *out = hsl_num(end == HSL_LDAP_FAILED                             ? -1
                   : end == HSL_LDAP_DONE && (count > 0 || !searches) ? 100
                                                                      : 0);
    return true;
}

static bool
is_lookup(struct hsl_run *r, const char *function, const struct hsl_value *v)
{
    return v->type == HSL_STR || v->type == HSL_ARR || v->type == HSL_NUM || v->type == HSL_NONE ||
           hsl_lib_bad_arg(r, function, 2, "string or array", v);
}

static bool
fn_in_ldap(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct lookup l;
    bool ok = true;

    if (!is_lookup(r, "in_ldap", &args[1]) || !begin_lookup(r, &l, "in_ldap", args, argc, 3))
        return false;
    if (lacks_password(&l))
        *out = hsl_num(0);
    else
        ok = find(&l, &args[1], out);
    end_lookup(&l);
    return ok;
}

static bool
fn_ldap_bind(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *user = args[1].u.str, *password = args[2].u.str;
    enum hsl_ldap_end end;
    struct ut_diag why;
    struct lookup l;

    if (!begin_lookup(r, &l, "ldap_bind", args, argc, 4))
        return false;
    l.way.username = user->data;
    l.way.password = password->data;
    l.way.password_len = password->len;
    if (user->len == 0 || strlen(user->data) != user->len || password->len == 0) {
        *out = hsl_num(0);
    } else {
        end = hsl_ldap_bind(&l.way, &why);
        if (end == HSL_LDAP_FAILED)
            note_trouble(&l, &why);
        *out = hsl_num(end == HSL_LDAP_DONE ? 1 : end == HSL_LDAP_REFUSED ? 0 : -1);
    }
    end_lookup(&l);
    return true;
}

/* --- ldap_search() -------------------------------------------------------------------------------
 */

/* The entries so far. */
struct found {
    struct hsl_run *run;
    struct hsl_arr *list;
    bool failed; /* the run's error is set */
};

/* One attribute as a list of its values. */
static bool
add_attribute(struct hsl_run *r, struct hsl_arr *entry, const char *name, struct berval **values)
{
    struct hsl_arr *list = hsl_arr_new(r, 1);

    if (!list)
        return false;
    for (size_t i = 0; values && values[i]; i++) {
        if (!hsl_push_str(r, list, values[i]->bv_val, values[i]->bv_len)) {
            hsl_unref(r, hsl_from_arr(list));
            return false;
        }
    }
    return hsl_arr_setz(r, entry, name, hsl_from_arr(list));
}

static bool
add_attributes(struct hsl_run *r, struct hsl_arr *entry, LDAP *ld, LDAPMessage *msg)
{
    BerElement *ber = NULL;
    char *name, *dn;
    bool ok = true;

    for (name = ldap_first_attribute(ld, msg, &ber); name && ok;) {
        struct berval **values = ldap_get_values_len(ld, msg, name);

        ok = add_attribute(r, entry, name, values);
        ldap_value_free_len(values);
        ldap_memfree(name);
        name = ok ? ldap_next_attribute(ld, msg, ber) : NULL;
    }
    ber_free(ber, 0);
    dn = ok ? ldap_get_dn(ld, msg) : NULL;
    ok = ok && (!dn || hsl_set_str(r, entry, "dn", dn, strlen(dn)));
    ldap_memfree(dn);
    return ok;
}

/* hsl_ldap_entry_fn */
static bool
add_entry(void *arg, LDAP *ld, LDAPMessage *msg)
{
    struct found *f = arg;
    struct hsl_arr *entry = hsl_arr_new(f->run, 8);

    f->failed = !entry || !hsl_work(f->run, 1024);
    if (!f->failed && !add_attributes(f->run, entry, ld, msg))
        f->failed = true;
    if (f->failed) {
        if (entry)
            hsl_unref(f->run, hsl_from_arr(entry));
        return false;
    }
    f->failed = !hsl_arr_push(f->run, f->list, hsl_from_arr(entry));
    return !f->failed;
}

static bool
search(struct lookup *l, const struct hsl_value *what, struct hsl_value *out)
{
    struct found f = {l->run, hsl_arr_new(l->run, 1), false};
    struct hsl_ldap_search s = {.limit = ENTRIES_MAX, .entry = add_entry, .arg = &f};
    enum hsl_ldap_end end;
    struct ut_sbuf filter;
    struct ut_diag why;

    if (!f.list)
        return false;
    *out = hsl_from_arr(f.list);
    ut_sbuf_init(&filter, FILTER_MAX);
    if (!make_filter(l, what, &filter)) {
        ut_sbuf_fini(&filter);
        return false;
    }
    s.filter = ut_sbuf_text(&filter);
    end = hsl_ldap_search(l->run->env->ldap, &l->way, !l->own_user, &s, &why);
    ut_sbuf_fini(&filter);
    if (f.failed)
        return false;
    if (end == HSL_LDAP_DONE)
        return true;
    if (end == HSL_LDAP_REFUSED)
        (void)ut_diag_set(&why, "the server refuses the credentials");
    note_trouble(l, &why);
    hsl_unref(l->run, *out);
    *out = hsl_num(-1);
    return true;
}

static bool
fn_ldap_search(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct lookup l;
    bool ok = true;

    if (!is_lookup(r, "ldap_search", &args[1]) ||
        !begin_lookup(r, &l, "ldap_search", args, argc, 3))
        return false;
    if (lacks_password(&l))
        *out = hsl_num(-1);
    else
        ok = search(&l, &args[1], out);
    end_lookup(&l);
    return ok;
}

const struct hsl_builtin hsl_lib_ldap_rows[] = {
    {"in_ldap", "sv|o", 0, HSL_NONE_OK | HSL_BLOCKS, .fn = fn_in_ldap,
        "in_ldap(profile, lookup [, override])",
        "100 if the bind is good and the query of the profile finds an entry, 0 if not, -1 if the "
        "server cannot be asked. In the query %s stands for lookup, escaped, %x for it as it is, "
        "and "
        "$1 ... for the elements of a list. The array override replaces host, username, password, "
        "base or query of the profile; a username with an empty password is 0 at once.",
        .options = "host username password base query tls_verify_peer -tls_default_ca",
        .errors = "the profile is not configured; the query holds a NUL byte"},
    {"ldap_search", "sv|o", 0, HSL_NONE_OK | HSL_BLOCKS, .fn = fn_ldap_search,
        "ldap_search(profile, lookup [, override])",
        "The entries that the query of the profile finds, at most 1000: for each its attributes as "
        "lists of values, and dn. [] if there are none, -1 if the server cannot be asked.",
        .options = "host username password base query tls_verify_peer -tls_default_ca",
        .errors = "the profile is not configured; the query holds a NUL byte"},
    {"ldap_bind", "sss|o", 0, HSL_NONE_OK | HSL_BLOCKS, .fn = fn_ldap_bind,
        "ldap_bind(profile, username, password [, override])",
        "1 if the server of the profile accepts the user and password, 0 if not, -1 if it cannot "
        "be "
        "asked. An empty password is 0 at once.",
        .options = "host username password base query tls_verify_peer -tls_default_ca",
        .errors = "the profile is not configured"},
    {.name = NULL},
};
