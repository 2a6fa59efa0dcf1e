/* mlt_addr.c - mail addresses taken apart for scripts.
 * Not here: checking what scripts hand in (the language does).
 * Threads: any. Fails: without memory. Any bytes are taken: what is not an address has no domain.
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

/* Where the mailbox in [raw] starts and how long it is: without <> and source route. */
static const char *
mailbox(const char *raw, size_t *len)
{
    const char *colon;

    *len = strlen(raw);
    if (*len >= 2 && raw[0] == '<' && raw[*len - 1] == '>') {
        raw++;
        *len -= 2;
    }
    colon = *len > 0 && raw[0] == '@' ? memchr(raw, ':', *len) : NULL;
    if (colon) {
        *len -= (size_t)(colon + 1 - raw);
        raw = colon + 1;
    }
    return raw;
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
    const char *at = NULL;
    const char *box;
    char *text, *domain;
    size_t len;

    box = mailbox(raw, &len);
    a->raw = ut_arena_dup(arena, raw, strlen(raw));
    a->bare = ut_arena_dup(arena, box, len);
    text = ut_arena_dup(arena, box, len);
    if (!a->raw || !a->bare || !text || copy_params(a, arena, params) != 0)
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
