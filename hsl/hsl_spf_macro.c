/* hsl_spf_macro.c - macros of SPF records expanded (RFC 7208 §7).
 *
 * What is put in comes from the client (its HELO name, its sender): it ends in a DNS name or in a
 * text of an explanation, and is never expanded again.
 *
 * Not here: the syntax (hsl_spf_record.c). Threads: any. Fails: too long, no memory. */
#include "config.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "hsl/hsl_spf_internal.h"
#include "lib/ut_time.h"

#define PARTS_MAX 512 /* delimited parts of one value */

/* The value of a letter into [out]. */
static void
value_of(struct spf *s, const char *domain, char letter, struct ut_sbuf *out)
{
    switch (letter) {
    case 's':
        ut_sbuf_addf(out, "%s@%s", s->local, s->domain);
        return;
    case 'l':
        ut_sbuf_addz(out, s->local);
        return;
    case 'o':
        ut_sbuf_addz(out, s->domain);
        return;
    case 'd':
        ut_sbuf_addz(out, domain);
        return;
    case 'i':
        ut_sbuf_addz(out, s->dotted);
        return;
    case 'p':
        if (spf_client_name(s, domain, false, out) < 0)
            ut_sbuf_addz(out, "unknown");
        return;
    case 'v':
        ut_sbuf_addz(out, s->v6 ? "ip6" : "in-addr");
        return;
    case 'h':
        ut_sbuf_addz(out, s->check->helo);
        return;
    case 'c':
        ut_sbuf_addz(out, s->check->ip);
        return;
    case 'r':
        ut_sbuf_addz(out, s->check->hostname);
        return;
    default:
        ut_sbuf_addf(out, "%lld", (long long)ut_time_wall());
    }
}

/* Splits [text] at the delimiters, keeps the parts asked for, joins them with dots. */
static void
transform(const char *text, const struct hsl_spf_macro *m, struct ut_sbuf *out)
{
    struct hsl_spf_text parts[PARTS_MAX];
    size_t count = 0, first;

    for (;; text++) {
        size_t n = strcspn(text, m->delimiters);

        parts[count++] = (struct hsl_spf_text){text, n};
        text += n;
        if (*text == '\0' || count == PARTS_MAX)
            break;
    }
    first = m->digits > 0 && m->digits < count ? count - m->digits : 0;
    for (size_t i = first; i < count; i++) {
        /* [i] counts in the order that they are written in. */
        const struct hsl_spf_text *part = m->reverse ? &parts[count - 1 - i] : &parts[i];

        if (i > first)
            ut_sbuf_addc(out, '.');
        ut_sbuf_add(out, part->p, part->len);
    }
}

/* As RFC 3986 wants it: all but unreserved characters as %XX. */
static void
url_escape(const char *p, struct ut_sbuf *out)
{
    for (; *p; p++) {
        if (isalnum((unsigned char)*p) || strchr("-._~", *p))
            ut_sbuf_addc(out, *p);
        else
            ut_sbuf_addf(out, "%%%02X", (unsigned)(unsigned char)*p);
    }
}

static void
add_macro(struct spf *s, const char *domain, const struct hsl_spf_macro *m, struct ut_sbuf *out)
{
    struct ut_sbuf value, text;

    ut_sbuf_init(&value, SPF_TEXT_MAX);
    ut_sbuf_init(&text, SPF_TEXT_MAX);
    value_of(s, domain, (char)tolower((unsigned char)m->letter), &value);
    transform(ut_sbuf_text(&value), m, &text);
    if (value.failed || text.failed)
        out->failed = true;
    else if (isupper((unsigned char)m->letter))
        url_escape(ut_sbuf_text(&text), out);
    else
        ut_sbuf_add(out, ut_sbuf_text(&text), text.len);
    ut_sbuf_fini(&value);
    ut_sbuf_fini(&text);
}

static int
expand(struct spf *s, const char *domain, const char *p, size_t len, bool explanation,
    struct ut_sbuf *out)
{
    const char *end = p + len;
    struct hsl_spf_macro m;
    int rc;

    while ((rc = hsl_spf_macro_next(&p, end, explanation, &m)) == 1) {
        if (m.letter)
            add_macro(s, domain, &m, out);
        else
            ut_sbuf_add(out, m.literal.p, m.literal.len);
    }
    return rc == 0 && !out->failed ? 0 : -1;
}

int
spf_expand_domain(
    struct spf *s, const char *domain, const struct hsl_spf_text *spec, struct ut_sbuf *out)
{
    const char *text, *cut;

    if (expand(s, domain, spec->p, spec->len, false, out) != 0)
        return -1;
    while (out->len > HSL_DNS_NAME_MAX) {
        text = ut_sbuf_text(out);
        cut = memchr(text, '.', out->len);
        if (!cut)
            return 0; /* no name at all: nobody has it */
        ut_sbuf_consume(out, (size_t)(cut - text) + 1);
    }
    return 0;
}

int
spf_expand_text(struct spf *s, const char *domain, const char *p, size_t len, struct ut_sbuf *out)
{
    return expand(s, domain, p, len, true, out);
}
