/* hsl_spf_record.c - the syntax of SPF records: text to terms, and macro strings piece by piece.
 *
 * A record is read as a whole before any of it is evaluated, since one mistake anywhere makes all
 * of it void (RFC 7208 §4.6). Records are written by strangers; nothing here looks at DNS.
 *
 * Not here: what terms mean (hsl_spf.c). Threads: any. Fails: broken syntax, no memory. */
#include "config.h"

#include "hsl/hsl_spf_record.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool
is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* --- Macro strings -------------------------------------------------------------------------------
 */

/* "{" letter digits ["r"] delimiters "}" at p, behind the percent sign; its end, or NULL. */
static const char *
read_braces(const char *p, const char *end, bool explanation, struct hsl_spf_macro *m)
{
    size_t n = 0;
    bool digits = false;

    if (++p >= end || *p == '\0' ||
        !strchr(explanation ? "slodiphvcrt" : "slodiphv", tolower((unsigned char)*p)))
        return NULL;
    m->letter = *p++;
    for (; p < end && is_digit(*p); p++) {
        digits = true;
        m->digits = m->digits > 1000 ? m->digits : m->digits * 10 + (unsigned)(*p - '0');
    }
    if (digits && m->digits == 0)
        return NULL;
    if (p < end && (*p == 'r' || *p == 'R')) {
        m->reverse = true;
        p++;
    }
    for (; p < end && *p && strchr(".-+,/_=", *p); p++)
        if (!strchr(m->delimiters, *p))
            m->delimiters[n++] = *p;
    if (n == 0)
        m->delimiters[0] = '.';
    return p < end && *p == '}' ? p + 1 : NULL;
}

int
hsl_spf_macro_next(const char **p, const char *end, bool explanation, struct hsl_spf_macro *out)
{
    const char *start = *p, *q = start;

    *out = (struct hsl_spf_macro){0};
    if (start == end)
        return 0;
    if (*start != '%') {
        while (q < end && *q != '%' && *q > ' ' && *q < 0x7f)
            q++;
        while (explanation && q < end && *q == ' ')
            q++;
        out->literal = (struct hsl_spf_text){start, (size_t)(q - start)};
        *p = q;
        return q > start ? 1 : -1;
    }
    if (++q == end)
        return -1;
    if (*q == '{') {
        q = read_braces(q, end, explanation, out);
        if (!q)
            return -1;
    } else if (*q == '%' || *q == '_' || *q == '-') {
        out->literal.p = *q == '%' ? "%" : *q == '_' ? " " : "%20";
        out->literal.len = strlen(out->literal.p);
        q++;
    } else {
        return -1;
    }
    *p = q;
    return 1;
}

/* toplabel: letters, digits and hyphens, not all digits, no hyphen at the ends. */
static bool
is_toplabel(const char *p, size_t len)
{
    bool letter = false;

    if (len == 0 || p[0] == '-' || p[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_alpha(p[i]) && !is_digit(p[i]) && p[i] != '-')
            return false;
        letter = letter || !is_digit(p[i]);
    }
    return letter;
}

/* domain-spec = macro-string domain-end: a macro, or a dot and a top-level label. */
static bool
is_domain_spec(const char *p, size_t len)
{
    const char *end = p + len, *at = p, *last = p;
    struct hsl_spf_macro m = {0};
    size_t from;
    int rc;

    while ((rc = hsl_spf_macro_next(&at, end, false, &m)) == 1)
        if (at < end)
            last = at;
    if (rc != 0 || len == 0)
        return false;
    if (*last == '%')
        return true;
    if (end[-1] == '.')
        end--;
    for (from = (size_t)(end - last); from > 0 && last[from - 1] != '.';)
        from--;
    return from > 0 && is_toplabel(last + from, (size_t)(end - last) - from);
}

/* --- Prefix lengths ------------------------------------------------------------------------------
 */

/* Digits without a leading zero at the end of [p, *len) behind "/": cut off and given in *bits.
 * False if there are none; *bad: they are wrong. */
static bool
cut_bits(const char *p, size_t *len, unsigned most, unsigned *bits, bool *bad)
{
    size_t at = *len;
    unsigned n = 0;

    while (at > 0 && is_digit(p[at - 1]))
        at--;
    if (at == 0 || at == *len || p[at - 1] != '/')
        return false;
    for (size_t i = at; i < *len; i++)
        n = n > 1000 ? n : n * 10 + (unsigned)(p[i] - '0');
    if (n > most || (p[at] == '0' && *len - at > 1))
        *bad = true;
    *bits = n;
    *len = at - 1;
    return true;
}

/* [ "/" bits ] [ "//" bits ] at the end of the text. False: wrong. */
static bool
cut_dual(const char *p, size_t *len, struct hsl_spf_term *t)
{
    size_t whole = *len;
    unsigned bits;
    bool bad = false;

    if (!cut_bits(p, len, 128, &bits, &bad))
        return whole == 0 || p[whole - 1] != '/';
    if (*len > 0 && p[*len - 1] == '/') {
        t->cidr6 = bits;
        --*len;
        if (!bad && cut_bits(p, len, 32, &bits, &bad))
            t->cidr4 = bits;
        return !bad;
    }
    t->cidr4 = bits;
    return !bad && bits <= 32;
}

/* --- Terms ---------------------------------------------------------------------------------------
 */

static bool
read_address(const char *p, size_t len, struct hsl_spf_term *t)
{
    bool v4 = t->mechanism == HSL_SPF_IP4, bad = false;
    char text[INET6_ADDRSTRLEN];

    (void)cut_bits(p, &len, v4 ? 32 : 128, v4 ? &t->cidr4 : &t->cidr6, &bad);
    if (bad || len == 0 || len >= sizeof(text))
        return false;
    memcpy(text, p, len);
    text[len] = '\0';
    return inet_pton(v4 ? AF_INET : AF_INET6, text, t->address) == 1;
}

/* What follows the name of a mechanism: ":" domain-spec, prefix lengths. */
static bool
read_target(const char *p, size_t len, struct hsl_spf_term *t)
{
    bool dual = t->mechanism == HSL_SPF_A || t->mechanism == HSL_SPF_MX;
    bool needed = t->mechanism == HSL_SPF_INCLUDE || t->mechanism == HSL_SPF_EXISTS;

    if (t->mechanism == HSL_SPF_ALL)
        return len == 0;
    if (t->mechanism == HSL_SPF_IP4 || t->mechanism == HSL_SPF_IP6)
        return len > 0 && p[0] == ':' && read_address(p + 1, len - 1, t);
    if (dual && !cut_dual(p, &len, t))
        return false;
    if (len == 0)
        return !needed;
    if (p[0] != ':' || !is_domain_spec(p + 1, len - 1))
        return false;
    t->domain = (struct hsl_spf_text){p + 1, len - 1};
    return true;
}

static int
read_mechanism(const char *p, size_t len, struct hsl_spf_term *t)
{
    static const struct {
        const char *name;
        enum hsl_spf_mechanism mechanism;
    } names[] = {{"all", HSL_SPF_ALL}, {"include", HSL_SPF_INCLUDE}, {"a", HSL_SPF_A},
        {"mx", HSL_SPF_MX}, {"ptr", HSL_SPF_PTR}, {"ip4", HSL_SPF_IP4}, {"ip6", HSL_SPF_IP6},
        {"exists", HSL_SPF_EXISTS}};
    size_t n = 0;

    t->qualifier = '+';
    t->cidr4 = 32;
    t->cidr6 = 128;
    if (strchr("+-~?", *p)) {
        t->qualifier = *p++;
        len--;
    }
    while (n < len && p[n] != ':' && p[n] != '/')
        n++;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (n == strlen(names[i].name) && strncasecmp(p, names[i].name, n) == 0) {
            t->mechanism = names[i].mechanism;
            return read_target(p + n, len - n, t) ? 0 : -1;
        }
    }
    return -1;
}

/* The length of the name before "=" if the term is a modifier, else 0. */
static size_t
modifier_name(const char *p, size_t len)
{
    size_t n = 0;

    if (len == 0 || !is_alpha(*p))
        return 0;
    while (
        n < len && (is_alpha(p[n]) || is_digit(p[n]) || p[n] == '-' || p[n] == '_' || p[n] == '.'))
        n++;
    return n < len && p[n] == '=' ? n : 0;
}

static int
read_modifier(const char *p, size_t name, size_t len, struct hsl_spf_record *r)
{
    const char *value = p + name + 1, *at = value, *end = p + len;
    struct hsl_spf_text *text = NULL;
    struct hsl_spf_macro m;
    int rc;

    if (name == 8 && strncasecmp(p, "redirect", 8) == 0)
        text = &r->redirect;
    if (name == 3 && strncasecmp(p, "exp", 3) == 0)
        text = &r->explanation;
    if (!text) { /* unknown ones are ignored, but have to be written well */
        while ((rc = hsl_spf_macro_next(&at, end, false, &m)) == 1)
            ;
        return rc;
    }
    if (text->len > 0 || !is_domain_spec(value, (size_t)(end - value)))
        return -1;
    *text = (struct hsl_spf_text){value, (size_t)(end - value)};
    return 0;
}

bool
hsl_spf_is_record(const char *p, size_t len)
{
    return len >= 6 && strncasecmp(p, "v=spf1", 6) == 0 && (len == 6 || p[6] == ' ');
}

int
hsl_spf_parse(const char *p, size_t len, struct ut_arena *a, struct hsl_spf_record *out)
{
    const char *end = p + len;
    struct hsl_spf_term **last = &out->terms;

    *out = (struct hsl_spf_record){0};
    for (p += 6; p < end;) {
        size_t n = 0, name;

        if (*p == ' ') {
            p++;
            continue;
        }
        while (p + n < end && p[n] != ' ') {
            if (p[n] <= ' ' || p[n] >= 0x7f)
                return -1;
            n++;
        }
        name = modifier_name(p, n);
        if (name > 0) {
            if (read_modifier(p, name, n, out) != 0)
                return -1;
        } else {
            struct hsl_spf_term *t = ut_arena_calloc(a, 1, sizeof(*t));

            if (!t)
                return -2;
            if (read_mechanism(p, n, t) != 0)
                return -1;
            *last = t;
            last = &t->next;
        }
        p += n;
    }
    return 0;
}
