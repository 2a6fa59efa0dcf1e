/* mlt_addr.c - mail addresses taken apart for scripts.
 * Not here: checking what scripts hand in (the language does).
 * Threads: any. Fails: without memory. Any bytes are taken: what is not an address has no domain.
 *
 * One mailbox can be spelled in many ways that Postfix takes for the same: "u"@x, \u@x, u (c)@x,
 * <@relay:u@x>, u@x. with a dot at its end. Scripts compare addresses, and sections of the
 * configuration are found by the domain, so both get one spelling: without comments, blanks,
 * needless quotes, source route and that dot. The mail server is given back the spelling by which
 * it finds the recipient again: that received, less what its parser cuts off before it takes the
 * address apart, which is the outer <> with a source route directly behind it.
 */
#include "config.h"

#include "milter/mlt_addr.h"

#include <string.h>
#include <strings.h>

static void
lower(char *s)
{
    for (; *s; s++) {
        if (*s >= 'A' && *s <= 'Z')
            *s = (char)(*s - 'A' + 'a');
    }
}

static bool
in_brackets(const char *p, size_t len)
{
    return len >= 2 && p[0] == '<' && p[len - 1] == '>';
}

/* Where the mailbox in [raw] starts and how long it is, as the mail server knows it. */
static const char *
mailbox(const char *raw, size_t *len)
{
    const char *colon;

    *len = strlen(raw);
    if (in_brackets(raw, *len)) {
        raw++;
        *len -= 2;
    }
    colon = *len > 0 && raw[0] == '@' ? memchr(raw, ':', *len) : NULL;
    if (colon) {
        *len -= (size_t)(colon + 1 - raw);
        raw = colon + 1;
    }
    while (in_brackets(raw, *len)) {
        raw++;
        *len -= 2;
    }
    return raw;
}

/* An address without quotes and comments. */
struct plain {
    char *text; /* local part, "@", domain */
    size_t len;
    size_t at;  /* where the domain starts; 0: there is none */
};

/* Skips the comment at [p]; NULL: it does not end. */
static const char *
skip_comment(const char *p, const char *end)
{
    int depth = 0;

    for (; p < end; p++) {
        if (*p == '\\')
            p++;
        else if (*p == '(')
            depth++;
        else if (*p == ')' && --depth == 0)
            return p + 1;
    }
    return NULL;
}

/* Takes quotes, comments and blanks out of the [len] bytes at [p] (RFC 5322 3.4.1, 4.4);
 * out->text has room for them. False: it is no address. */
static bool
unquote(struct plain *out, const char *p, size_t len)
{
    const char *end = p + len;
    bool quoted = false;

    out->len = out->at = 0;
    while (p && p < end) {
        char c = *p++;

        if (c == '"') {
            quoted = !quoted;
            continue;
        }
        if (!quoted && c == '(') {
            p = skip_comment(p - 1, end);
            continue;
        }
        if (!quoted && (c == ' ' || c == '\t'))
            continue;
        if (c == '\\' && p < end)
            c = *p++;
        else if (!quoted && c == '@')
            out->at = out->len + 1;
        out->text[out->len++] = c;
    }
    return p && !quoted;
}

/* Cuts off a source route and the dot behind the domain. */
static void
cut_route_and_dot(struct plain *a)
{
    const char *colon = a->at > 1 && a->text[0] == '@' ? memchr(a->text, ':', a->at) : NULL;
    size_t cut = colon ? (size_t)(colon + 1 - a->text) : 0;

    a->text += cut;
    a->len -= cut;
    a->at -= cut;
    if (a->at > 0 && a->len > a->at + 1 && a->text[a->len - 1] == '.' && a->text[a->len - 2] != '.')
        a->len--;
}

/* True if the local part may stand without quotes: RFC 5321 4.1.2, Dot-string. */
static bool
is_dot_string(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];

        if (c <= ' ' || c == 127 || strchr("()<>[]:;@\\,\"", c)
            || (c == '.' && (i == 0 || i + 1 == len || p[i + 1] == '.')))
            return false;
    }
    return len > 0;
}

/* Writes [len] bytes of a local part to [out], in quotes if it needs them; where it ends. */
static char *
put_local(char *out, const char *p, size_t len)
{
    if (is_dot_string(p, len)) {
        memcpy(out, p, len);
        return out + len;
    }
    *out++ = '"';
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '"' || p[i] == '\\')
            *out++ = '\\';
        *out++ = p[i];
    }
    *out++ = '"';
    return out;
}

/* The one spelling of the mailbox of [len] bytes at [box]; what is no address stays as it is. NULL
 * without memory. */
static char *
spell(struct ut_arena *arena, const char *box, size_t len)
{
    struct plain a = {.text = ut_arena_alloc(arena, len + 1)};
    char *out = ut_arena_alloc(arena, 2 * len + 3);
    char *p = out;

    if (!a.text || !out)
        return NULL;
    if (!unquote(&a, box, len))
        return ut_arena_dup(arena, box, len);
    cut_route_and_dot(&a);
    if (a.at == 1 && box[0] == '@')
        return ut_arena_dup(arena, box, len);
    if (a.at > 0) {
        p = put_local(p, a.text, a.at - 1);
        *p++ = '@';
        memcpy(p, a.text + a.at, a.len - a.at);
        p += a.len - a.at;
    } else if (a.len > 0) {
        p = put_local(p, a.text, a.len);
    }
    *p = '\0';
    return out;
}

static int
copy_params(struct mlt_address *a, struct ut_arena *arena, char *const *params)
{
    size_t n = 0;

    while (params && params[n])
        n++;
    a->params = ut_arena_calloc(arena, n + 1, sizeof(*a->params));
    if (!a->params)
        return -1;
    for (size_t i = 0; i < n; i++) {
        a->params[i] = ut_arena_dup(arena, params[i], strlen(params[i]));
        if (!a->params[i])
            return -1;
    }
    return 0;
}

int
mlt_addr_parse(struct mlt_address *a, struct ut_arena *arena, const char *raw, char *const *params)
{
    const char *at, *box;
    char *text, *known, *domain;
    size_t len;

    box = mailbox(raw, &len);
    known = ut_arena_alloc(arena, len + 3);
    a->bare = spell(arena, box, len);
    if (!known || !a->bare)
        return -1;
    known[0] = '<';
    memcpy(known + 1, box, len);
    memcpy(known + 1 + len, ">", 2);
    a->raw = known;
    len = strlen(a->bare);
    text = ut_arena_dup(arena, a->bare, len);
    if (!text || copy_params(a, arena, params) != 0)
        return -1;
    lower(text);
    a->text = text;
    at = strrchr(a->bare, '@');
    a->localpart = ut_arena_dup(arena, a->bare, at ? (size_t)(at - a->bare) : len);
    domain = ut_arena_dup(arena, at ? at + 1 : "", at ? strlen(at + 1) : 0);
    if (!a->localpart || !domain)
        return -1;
    lower(domain);
    a->domain = domain;
    return 0;
}

bool
mlt_addr_is(const struct mlt_address *a, const char *text)
{
    return strcasecmp(a->bare, text) == 0;
}

const char *
mlt_addr_param(const struct mlt_address *a, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; a->params && a->params[i]; i++) {
        const char *p = a->params[i];

        if (strncasecmp(p, name, len) == 0 && (p[len] == '=' || p[len] == '\0'))
            return p[len] == '=' ? p + len + 1 : p + len;
    }
    return NULL;
}
