/* hsl_spf.c - check_host() of RFC 7208: what a domain's record says about a client.
 *
 * The record is walked term by term; include and redirect walk others inside. How much one check
 * may ask is bounded by the RFC: ten terms that need DNS, two of them without an answer, ten names
 * of an mx or ptr. That bounds the depth of the recursion, too. The client's names are looked up
 * once, however often a record asks for them by macros, which count as no term.
 *
 * Not here: the syntax (hsl_spf_record.c), macros (hsl_spf_macro.c).
 * Threads: any. Fails: temperror without memory or in want of time. */
#include "config.h"

#include "hsl/hsl_spf.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hsl/hsl_spf_internal.h"
#include "hsl/hsl_spf_record.h"
#include "lib/ut_time.h"

#define TERMS_MAX 10 /* RFC §4.6.4 */
#define VOID_MAX 2

/* ORDER SPF */
static const char *const texts[] = {
    "none", "neutral", "pass", "fail", "softfail", "temperror", "permerror", "invalid"};

const char *
hsl_spf_text(enum hsl_spf s)
{
    return texts[s];
}

/* What became of a term. */
enum match { NO_MATCH, MATCH, TEMP_ERROR, PERM_ERROR };

static enum hsl_spf
check_domain(struct spf *s, const char *domain, bool included);

/* --- DNS -----------------------------------------------------------------------------------------
 */

/* NULL: the budget is used up. */
struct hsl_dns_answer *
spf_ask(struct spf *s, const char *name, enum hsl_dns_type type)
{
    struct hsl_dns_question q = {name, strlen(name), type, NULL};

    if (s->check->asked >= s->check->budget) {
        s->check->over = true;
        return NULL;
    }
    s->check->asked++;
    hsl_dns_ask(s->check->dns, &q, 1, s->check->servers, s->check->deadline - ut_time_mono());
    return q.answer;
}

static bool
is_void(const struct hsl_dns_answer *a)
{
    return a->status == HSL_DNS_NXDOMAIN || a->status == HSL_DNS_NODATA;
}

/* The answer for a term's own question. *match is what a missing or failed answer makes of it. */
static struct hsl_dns_answer *
ask_for_term(struct spf *s, const char *name, enum hsl_dns_type type, enum match *match)
{
    struct hsl_dns_answer *a = spf_ask(s, name, type);

    *match = TEMP_ERROR;
    if (!a)
        return NULL;
    if (a->status == HSL_DNS_OK)
        return a;
    if (is_void(a))
        *match = ++s->voids > VOID_MAX ? PERM_ERROR : NO_MATCH;
    else if (a->status == HSL_DNS_BADNAME)
        *match = NO_MATCH; /* a name that nobody can have, such as one that macros made too odd */
    hsl_dns_answer_unref(a);
    return NULL;
}

/* --- Addresses -----------------------------------------------------------------------------------
 */

static bool
same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

/* Whether one of the records is the client's address, by the bits of the term. */
static bool
has_client(const struct spf *s, const struct hsl_dns_answer *a, const struct hsl_spf_term *t)
{
    unsigned char address[16];

    for (size_t i = 0; i < a->count; i++) {
        if (inet_pton(s->v6 ? AF_INET6 : AF_INET, a->records[i].data, address) == 1 &&
            same_bits(address, s->address, s->v6 ? t->cidr6 : t->cidr4))
            return true;
    }
    return false;
}

static enum hsl_dns_type
address_type(const struct spf *s)
{
    return s->v6 ? HSL_DNS_AAAA : HSL_DNS_A;
}

static enum match
match_a(struct spf *s, const char *name, const struct hsl_spf_term *t)
{
    enum match m;
    struct hsl_dns_answer *a = ask_for_term(s, name, address_type(s), &m);

    if (!a)
        return m;
    m = has_client(s, a, t) ? MATCH : NO_MATCH;
    hsl_dns_answer_unref(a);
    return m;
}

static enum match
match_mx(struct spf *s, const char *name, const struct hsl_spf_term *t)
{
    enum match m;
    struct hsl_dns_answer *mx = ask_for_term(s, name, HSL_DNS_MX, &m);

    if (!mx)
        return m;
    m = mx->count > SPF_NAMES_MAX ? PERM_ERROR : NO_MATCH;
    for (size_t i = 0; m == NO_MATCH && i < mx->count; i++) {
        struct hsl_dns_answer *a = spf_ask(s, mx->records[i].data, address_type(s));

        if (!a || (a->status != HSL_DNS_OK && !is_void(a) && a->status != HSL_DNS_BADNAME))
            m = TEMP_ERROR;
        else if (has_client(s, a, t))
            m = MATCH;
        hsl_dns_answer_unref(a);
    }
    hsl_dns_answer_unref(mx);
    return m;
}

static enum match
match_exists(struct spf *s, const char *name)
{
    enum match m;
    struct hsl_dns_answer *a = ask_for_term(s, name, HSL_DNS_A, &m);

    if (!a)
        return m;
    hsl_dns_answer_unref(a);
    return MATCH;
}

/* --- ptr -----------------------------------------------------------------------------------------
 */

/* True if name [i] of the client has its address. */
static bool
validates(struct spf *s, size_t i)
{
    static const struct hsl_spf_term all_bits = {.cidr4 = 32, .cidr6 = 128};
    struct hsl_dns_answer *a;

    if (s->valid[i] == 0) {
        a = spf_ask(s, s->names->records[i].data, address_type(s));
        s->valid[i] = a && a->status == HSL_DNS_OK && has_client(s, a, &all_bits) ? 1 : -1;
        hsl_dns_answer_unref(a);
    }
    return s->valid[i] > 0;
}

/* 2: [name] is [domain], 1: is below it, 0: neither. */
static int
nearness(const char *name, const char *domain)
{
    size_t n = strlen(name), d = strlen(domain);

    if (strcasecmp(name, domain) == 0)
        return 2;
    return n > d && name[n - d - 1] == '.' && strcasecmp(name + n - d, domain) == 0;
}

/* Copies the client's validated name nearest to [domain] into [out]; its nearness, -1: none. With
 * [near] only names of that domain count, and the first is enough. */
int
spf_client_name(struct spf *s, const char *domain, bool near, struct ut_sbuf *out)
{
    int best = -1;

    if (!s->names)
        s->names = spf_ask(s, s->reverse, HSL_DNS_PTR);
    for (size_t i = 0; s->names && i < s->names->count && i < SPF_NAMES_MAX; i++) {
        int n = nearness(s->names->records[i].data, domain);

        if (n <= best || (near && n == 0) || !validates(s, i))
            continue;
        best = n;
        ut_sbuf_reset(out);
        ut_sbuf_addz(out, s->names->records[i].data);
        if (best == 2 || near)
            break;
    }
    return best;
}

static enum match
match_ptr(struct spf *s, const char *name)
{
    struct ut_sbuf client;
    int n;

    ut_sbuf_init(&client, 1024);
    n = spf_client_name(s, name, true, &client);
    ut_sbuf_fini(&client);
    return n > 0 ? MATCH : NO_MATCH;
}

/* --- Terms ---------------------------------------------------------------------------------------
 */

static enum match
match_include(struct spf *s, const char *name)
{
    switch (check_domain(s, name, true)) {
    case HSL_SPF_PASS:
        return MATCH;
    case HSL_SPF_FAIL:
    case HSL_SPF_SOFTFAIL:
    case HSL_SPF_NEUTRAL:
        return NO_MATCH;
    case HSL_SPF_TEMPERROR:
        return TEMP_ERROR;
    default:
        return PERM_ERROR;
    }
}

static enum match
match_named(struct spf *s, const char *name, const struct hsl_spf_term *t)
{
    switch (t->mechanism) {
    case HSL_SPF_INCLUDE:
        return match_include(s, name);
    case HSL_SPF_A:
        return match_a(s, name, t);
    case HSL_SPF_MX:
        return match_mx(s, name, t);
    case HSL_SPF_PTR:
        return match_ptr(s, name);
    default:
        return match_exists(s, name);
    }
}

static enum match
match_term(struct spf *s, const char *domain, const struct hsl_spf_term *t)
{
    struct ut_sbuf name;
    enum match m;

    if (t->mechanism == HSL_SPF_ALL)
        return MATCH;
    if (t->mechanism == HSL_SPF_IP4)
        return !s->v6 && same_bits(s->address, t->address, t->cidr4) ? MATCH : NO_MATCH;
    if (t->mechanism == HSL_SPF_IP6)
        return s->v6 && same_bits(s->address, t->address, t->cidr6) ? MATCH : NO_MATCH;
    if (++s->terms > TERMS_MAX)
        return PERM_ERROR;
    ut_sbuf_init(&name, SPF_TEXT_MAX);
    if (t->domain.len == 0)
        ut_sbuf_addz(&name, domain);
    m = t->domain.len == 0 || spf_expand_domain(s, domain, &t->domain, &name) == 0
            ? match_named(s, ut_sbuf_text(&name), t)
            : TEMP_ERROR;
    ut_sbuf_fini(&name);
    return m;
}

static enum hsl_spf
result_of(char qualifier)
{
    switch (qualifier) {
    case '-':
        return HSL_SPF_FAIL;
    case '~':
        return HSL_SPF_SOFTFAIL;
    case '?':
        return HSL_SPF_NEUTRAL;
    default:
        return HSL_SPF_PASS;
    }
}

/* --- Records -------------------------------------------------------------------------------------
 */

/* The text that a domain gives for a fail; nothing if anything is wrong with it. */
static void
explain(struct spf *s, const char *domain, const struct hsl_spf_text *spec)
{
    struct hsl_dns_answer *a = NULL;
    struct ut_sbuf name;

    ut_sbuf_reset(s->explanation);
    if (spec->len == 0)
        return;
    ut_sbuf_init(&name, SPF_TEXT_MAX);
    if (spf_expand_domain(s, domain, spec, &name) == 0)
        a = spf_ask(s, ut_sbuf_text(&name), HSL_DNS_TXT);
    ut_sbuf_fini(&name);
    if (a && a->status == HSL_DNS_OK && a->count == 1 &&
        spf_expand_text(s, domain, a->records[0].data, a->records[0].len, s->explanation) != 0)
        ut_sbuf_reset(s->explanation);
    hsl_dns_answer_unref(a);
}

static enum hsl_spf
redirect(struct spf *s, const char *domain, const struct hsl_spf_text *spec, bool included)
{
    enum hsl_spf result = HSL_SPF_TEMPERROR;
    struct ut_sbuf name;

    if (++s->terms > TERMS_MAX)
        return HSL_SPF_PERMERROR;
    ut_sbuf_init(&name, SPF_TEXT_MAX);
    if (spf_expand_domain(s, domain, spec, &name) == 0)
        result = check_domain(s, ut_sbuf_text(&name), included);
    ut_sbuf_fini(&name);
    return result == HSL_SPF_NONE ? HSL_SPF_PERMERROR : result;
}

static enum hsl_spf
evaluate(struct spf *s, const char *domain, const struct hsl_spf_record *r, bool included)
{
    for (const struct hsl_spf_term *t = r->terms; t; t = t->next) {
        switch (match_term(s, domain, t)) {
        case NO_MATCH:
            continue;
        case MATCH:
            if (t->qualifier == '-' && !included)
                explain(s, domain, &r->explanation);
            return result_of(t->qualifier);
        case TEMP_ERROR:
            return HSL_SPF_TEMPERROR;
        case PERM_ERROR:
            return HSL_SPF_PERMERROR;
        }
    }
    return r->redirect.len > 0 ? redirect(s, domain, &r->redirect, included) : HSL_SPF_NEUTRAL;
}

/* The one record among the texts of a name: PASS and *out, or what there being none or two means.
 */
static enum hsl_spf
select_record(const struct hsl_dns_answer *a, const struct hsl_dns_record **out)
{
    *out = NULL;
    if (is_void(a) || a->status == HSL_DNS_BADNAME)
        return HSL_SPF_NONE;
    if (a->status != HSL_DNS_OK)
        return HSL_SPF_TEMPERROR;
    for (size_t i = 0; i < a->count; i++) {
        if (!hsl_spf_is_record(a->records[i].data, a->records[i].len))
            continue;
        if (*out)
            return HSL_SPF_PERMERROR;
        *out = &a->records[i];
    }
    return *out ? HSL_SPF_PASS : HSL_SPF_NONE;
}

/* RFC §4.3: a name of several labels, none of them empty or too long. */
static bool
is_domain(const char *p)
{
    size_t len = strlen(p), label = 0;
    bool dot = false;

    if (len > 0 && p[len - 1] == '.')
        len--;
    if (len == 0 || len > HSL_DNS_NAME_MAX)
        return false;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && p[i] != '.') {
            label++;
            continue;
        }
        if (label == 0 || label > 63)
            return false;
        dot = dot || i < len;
        label = 0;
    }
    return dot;
}

/* check_host() for [domain]. [included]: by include, whose explanation nobody wants. */
static enum hsl_spf
check_domain(struct spf *s, const char *domain, bool included)
{
    const struct hsl_dns_record *text;
    struct hsl_spf_record record;
    struct hsl_dns_answer *a;
    struct ut_arena *arena;
    enum hsl_spf result;
    int rc;

    if (!is_domain(domain))
        return HSL_SPF_NONE;
    a = spf_ask(s, domain, HSL_DNS_TXT);
    if (!a)
        return HSL_SPF_TEMPERROR;
    result = select_record(a, &text);
    arena = text ? ut_arena_new(0) : NULL;
    if (result == HSL_SPF_PASS) {
        rc = arena ? hsl_spf_parse(text->data, text->len, arena, &record) : -2;
        result = rc == 0    ? evaluate(s, domain, &record, included)
                 : rc == -1 ? HSL_SPF_PERMERROR
                            : HSL_SPF_TEMPERROR;
    }
    if (arena)
        ut_arena_free(arena);
    hsl_dns_answer_unref(a);
    return result;
}

/* --- The check -----------------------------------------------------------------------------------
 */

/* Reads the client's address; an IPv4 address mapped into IPv6 is that IPv4 address. */
static bool
read_client(struct spf *s)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (inet_pton(AF_INET, s->check->ip, s->address) == 1)
        return true;
    if (inet_pton(AF_INET6, s->check->ip, s->address) != 1)
        return false;
    s->v6 = memcmp(s->address, mapped, sizeof(mapped)) != 0;
    if (!s->v6)
        memmove(s->address, s->address + 12, 4);
    return true;
}

/* Where the client's names are looked up, and %{i}. */
static void
name_client(struct spf *s)
{
    size_t bytes = s->v6 ? 16 : 4;
    char *p = s->reverse, *q = s->dotted;

    for (size_t i = 0; i < bytes; i++) {
        const unsigned char *a = s->address;

        if (s->v6) {
            p += snprintf(p, 5, "%x.%x.", a[15 - i] & 15u, a[15 - i] >> 4);
            q += snprintf(q, 5, "%x.%x.", a[i] >> 4, a[i] & 15u);
        } else {
            p += snprintf(p, 5, "%u.", a[3 - i]);
            q += snprintf(q, 5, "%u.", a[i]);
        }
    }
    q[-1] = '\0';
    snprintf(p, 16, "%s", s->v6 ? "ip6.arpa" : "in-addr.arpa");
}

enum hsl_spf
hsl_spf_run(struct hsl_spf_check *c, struct ut_sbuf *explanation)
{
    struct spf s = {.check = c, .explanation = explanation};
    const char *at = strrchr(c->sender, '@');
    enum hsl_spf result;
    struct ut_sbuf local;

    c->asked = 0;
    c->over = false;
    if (!read_client(&s))
        return HSL_SPF_INVALID;
    name_client(&s);
    s.domain = at ? at + 1 : c->sender[0] != '\0' ? c->sender : c->helo;
    ut_sbuf_init(&local, SPF_TEXT_MAX);
    if (at && at > c->sender)
        ut_sbuf_add(&local, c->sender, (size_t)(at - c->sender));
    else
        ut_sbuf_addz(&local, "postmaster");
    s.local = ut_sbuf_text(&local);
    result = local.failed ? HSL_SPF_INVALID : check_domain(&s, s.domain, false);
    ut_sbuf_fini(&local);
    hsl_dns_answer_unref(s.names);
    return result;
}
