/* hsl_lib_url.c - URLs taken apart, and domain names in other scripts than Latin (library §7).
 *
 * Not here: percent-encoding (hsl_lib_enc.c), requests (hsl_lib_http.c).
 * Threads: as the run. Fails: limits; what is no URL or no domain name gives none. */
#include "config.h"

#include <idn2.h>

#include "hsl/hsl_lib.h"
#include "lib/ut_num.h"

/* --- URLs (RFC 3986 section 3) -----------------------------------------------------------------
 */

struct url {
    struct hsl_run *run;
    struct hsl_arr *out; /* gets the parts */
};

/* Every byte that stands for itself in a URL; others are to be percent-encoded. */
static bool
is_url_text(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)p[i] <= 32 || p[i] == 127)
            return false;
    }
    return true;
}

static bool
put_part(struct url *u, const char *key, const char *p, size_t len)
{
    struct hsl_value v = hsl_none();

    return hsl_ret_str(u->run, &v, p, len) && hsl_arr_setz(u->run, u->out, key, v);
}

/* Length of the scheme that [p] begins with, its colon not counted; 0: it has none. */
static size_t
scheme_length(const char *p, size_t len)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.";
    size_t n = strspn(p, more);

    return n > 0 && n < len && p[n] == ':' && strspn(p, letters) > 0 ? n : 0;
}

enum parsed { PARSED, NO_URL, FAILED };

static enum parsed
put_port(struct url *u, const char *p, size_t len)
{
    char text[8];
    long long port;

    if (len == 0)
        return PARSED;
    if (len >= sizeof(text))
        return NO_URL;
    memcpy(text, p, len);
    text[len] = '\0';
    if (strspn(text, "0123456789") != len || ut_num_int(text, 0, 65535, &port) != 0)
        return NO_URL;
    return hsl_arr_setz(u->run, u->out, "port", hsl_num((double)port)) ? PARSED : FAILED;
}

/* "user:password" in front of the @. */
static bool
put_user(struct url *u, const char *p, size_t len)
{
    const char *colon = memchr(p, ':', len);
    size_t user = colon ? (size_t)(colon - p) : len;

    return put_part(u, "username", p, user) &&
           (!colon || put_part(u, "password", colon + 1, len - user - 1));
}

/* "user:password@host:port"; the brackets of an IPv6 address are left out. */
static enum parsed
put_authority(struct url *u, const char *p, size_t len)
{
    const char *end = p + len, *at = memrchr(p, '@', len), *host = at ? at + 1 : p;
    const char *stop = host < end && *host == '[' ? memchr(host, ']', (size_t)(end - host)) : NULL;
    const char *colon;

    if (at && !put_user(u, p, (size_t)(at - p)))
        return FAILED;
    if (stop) {
        host++;
        colon = stop + 1;
    } else {
        colon = memchr(host, ':', (size_t)(end - host));
        stop = colon = colon ? colon : end;
    }
    if (memchr(host, '[', (size_t)(stop - host)) || (colon < end && *colon != ':'))
        return NO_URL;
    if (stop > host && !put_part(u, "hostname", host, (size_t)(stop - host)))
        return FAILED;
    return colon < end ? put_port(u, colon + 1, (size_t)(end - colon - 1)) : PARSED;
}

/* The parts that are there, in order. [p] is ended by NUL. */
static enum parsed
put_parts(struct url *u, const char *p, size_t len)
{
    size_t n = scheme_length(p, len);
    enum parsed state;

    if (n > 0 && !put_part(u, "schema", p, n))
        return FAILED;
    p += n > 0 ? n + 1 : 0;
    if (p[0] == '/' && p[1] == '/') {
        n = strcspn(p + 2, "/?#");
        state = put_authority(u, p + 2, n);
        if (state != PARSED)
            return state;
        p += 2 + n;
    }
    n = strcspn(p, "?#");
    if (n > 0 && !put_part(u, "path", p, n))
        return FAILED;
    p += n;
    if (*p == '?') {
        n = strcspn(p + 1, "#");
        if (!put_part(u, "query", p + 1, n))
            return FAILED;
        p += 1 + n;
    }
    return *p != '#' || put_part(u, "fragment", p + 1, strlen(p + 1)) ? PARSED : FAILED;
}

static bool
fn_url_parse(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;
    struct url u = {.run = r};
    enum parsed state;

    (void)argc;
    if (!hsl_work(r, s->len))
        return false;
    if (s->len == 0 || !is_url_text(s->data, s->len))
        return true;
    u.out = hsl_arr_new(r, 0);
    if (!u.out)
        return false;
    *out = hsl_from_arr(u.out);
    state = put_parts(&u, s->data, s->len);
    if (state == NO_URL) {
        hsl_unref(r, *out);
        *out = hsl_none();
    }
    return state != FAILED;
}

/* --- Domain names (UTS 46, by libidn2) ---------------------------------------------------------
 */

#define DOMAIN_MAX                                                                                 \
    1024u /* bytes; a name in UTF-8 that is no longer than 253 bytes encoded is shorter */

typedef int
idn_fn(const char *in, char **result, int flags);

static bool
convert_domain(struct hsl_run *r, idn_fn *fn, const struct hsl_value *args, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;
    char *result = NULL;
    bool ok = true;
    int rc;

    if (s->len > DOMAIN_MAX || strlen(s->data) != s->len)
        return true;
    rc = fn(s->data, &result, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (rc == IDN2_MALLOC)
        return hsl_limit(r, HSL_L08, "out of memory");
    if (rc == IDN2_OK)
        ok = hsl_ret_str(r, out, result, strlen(result));
    idn2_free(result);
    return ok;
}

static bool
fn_idna_encode(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    return convert_domain(r, idn2_to_ascii_8z, args, out);
}

static bool
fn_idna_decode(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    return convert_domain(r, idn2_to_unicode_8z8z, args, out);
}

const struct hsl_builtin hsl_lib_url_rows[] = {
    {"url_parse", "s", 0, 0, .fn = fn_url_parse, "url_parse(url)",
        "The parts of a URL that are there, as they stand in it: schema, username, password, "
        "hostname, port (a number), path, query, fragment; none if it is no URL."},
    {"idna_encode", "s", 0, HSL_PURE, .fn = fn_idna_encode, "idna_encode(domain)",
        "A domain name in UTF-8 as DNS has it, in ASCII (UTS 46); none if it is none."},
    {"idna_decode", "s", 0, HSL_PURE, .fn = fn_idna_decode, "idna_decode(domain)",
        "A domain name with its labels xn--... in UTF-8; none if it is none."},
    {.name = NULL},
};
