/* ut_conf_scan.c - where the words and sections of a configuration file stand.
 * Not here: reading it (ut_conf.c): libconfuse does that but knows no columns, gives up at the
 * first name it does not know, takes a section twice as one and a missing "}" at the end as there.
 * Threads: any, one scan each.
 * Fails: without memory only. On text that libconfuse refuses the positions are a best guess. */
#include "config.h"

#include "lib/ut_conf_internal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct conf_cursor {
    const char *text;
    size_t len, at;
    size_t line_start;
    unsigned line;
};

/* Steps over [n] bytes, counting lines. */
static void
conf_step(struct conf_cursor *c, size_t n)
{
    for (; n > 0 && c->at < c->len; n--, c->at++) {
        if (c->text[c->at] != '\n')
            continue;
        c->line++;
        c->line_start = c->at + 1;
    }
}

static bool
conf_starts(const struct conf_cursor *c, const char *s)
{
    size_t n = strlen(s);

    return c->len - c->at >= n && memcmp(c->text + c->at, s, n) == 0;
}

/* Steps behind the next [end], or to the end of the text. */
static void
conf_step_behind(struct conf_cursor *c, const char *end)
{
    while (c->at < c->len && !conf_starts(c, end))
        conf_step(c, 1);
    conf_step(c, strlen(end));
}

/* Steps over blanks and comments. */
static void
conf_step_blank(struct conf_cursor *c)
{
    while (c->at < c->len) {
        if (conf_starts(c, "#") || conf_starts(c, "//"))
            conf_step_behind(c, "\n");
        else if (conf_starts(c, "/*"))
            conf_step_behind(c, "*/");
        else if (memchr(" \t\r\n", c->text[c->at], 4))
            conf_step(c, 1);
        else
            return;
    }
}

static void
conf_step_quoted(struct conf_cursor *c)
{
    char quote = c->text[c->at];

    conf_step(c, 1);
    while (c->at < c->len && c->text[c->at] != quote)
        conf_step(c, c->text[c->at] == '\\' ? 2 : 1);
    conf_step(c, 1);
}

/* The token at the cursor, which is at no blank. */
static struct conf_token
conf_token(struct conf_cursor *c)
{
    struct conf_token t = {.kind = CONF_TOKEN_WORD,
        .start = c->at,
        .line = c->line,
        .column = (unsigned)(c->at - c->line_start) + 1};
    char first = c->text[c->at];

    if (first == '"' || first == '\'') {
        conf_step_quoted(c);
        t.end = c->at;
        t.inner = t.start + 1;
        t.inner_end = t.end - (t.end - t.start > 1 ? 1 : 0);
        return t;
    }
    if (memchr("{}=+(),", first, 7)) {
        t.kind = first == '{'   ? CONF_TOKEN_OPEN
                 : first == '}' ? CONF_TOKEN_CLOSE
                                : CONF_TOKEN_OTHER;
        conf_step(c, first == '+' && conf_starts(c, "+=") ? 2 : 1);
    } else {
        while (c->at < c->len && !memchr(" \t\r\n\"'{}=+(),#", c->text[c->at], 14))
            conf_step(c, 1);
    }
    t.inner = t.start;
    t.end = t.inner_end = c->at;
    return t;
}

/* [items] with room for one more of [size] bytes; NULL without memory, and then it is as it was. */
static void *
conf_room(void *items, size_t count, size_t *cap, size_t size)
{
    size_t more = *cap ? 2 * *cap : 32;
    void *p;

    if (count < *cap)
        return items;
    p = reallocarray(items, more, size);
    if (p)
        *cap = more;
    return p;
}

static int
conf_add_token(struct conf_scan *s, struct conf_token t)
{
    struct conf_token *p = conf_room(s->tokens, s->count, &s->cap, sizeof(*p));

    if (!p)
        return -1;
    s->tokens = p;
    s->tokens[s->count++] = t;
    return 0;
}

bool
conf_token_is(const struct conf_scan *s, const struct conf_token *t, const char *word, bool nocase)
{
    size_t len = t->inner_end - t->inner;

    if (t->kind != CONF_TOKEN_WORD || strlen(word) != len)
        return false;
    return (nocase ? strncasecmp(s->text + t->inner, word, len)
                   : strncmp(s->text + t->inner, word, len)) == 0;
}

/* The kind of section that token [i] begins: `KEYWORD TITLE {`; CONF_SECTIONS if it does not. */
static enum conf_section
conf_section_at(const struct conf_scan *s, size_t i)
{
    char word[32];
    size_t len = s->tokens[i].inner_end - s->tokens[i].inner;

    if (s->count - i < 3 || s->tokens[i].kind != CONF_TOKEN_WORD ||
        s->tokens[i + 1].kind != CONF_TOKEN_WORD || s->tokens[i + 2].kind != CONF_TOKEN_OPEN)
        return CONF_SECTIONS;
    if (len >= sizeof(word))
        return CONF_SECTIONS;
    memcpy(word, s->text + s->tokens[i].inner, len);
    word[len] = '\0';
    return conf_section_by_name(word);
}

/* Finds the sections. A section that is no place of ours (unknown, or a value in braces) counts
 * for the depth only: [open] has SIZE_MAX for it. Deeper than 8 nothing is a section of ours. */
static int
conf_find_places(struct conf_scan *s)
{
    size_t open[8], depth = 0, next = SIZE_MAX;

    for (size_t i = 0; i < s->count; i++) {
        enum conf_section kind = conf_section_at(s, i);
        struct conf_place *p;

        if (s->tokens[i].kind == CONF_TOKEN_OPEN) {
            if (depth < 8)
                open[depth] = next;
            depth++;
            next = SIZE_MAX;
        } else if (s->tokens[i].kind == CONF_TOKEN_CLOSE && depth > 0) {
            depth--;
            if (depth < 8 && open[depth] != SIZE_MAX)
                s->places[open[depth]].closed = true;
        }
        if (kind == CONF_SECTIONS || depth >= 8)
            continue;
        if (s->place_count >= CONF_PLACES_MAX)
            return -1;
        p = conf_room(s->places, s->place_count, &s->place_cap, sizeof(*p));
        if (!p)
            return -1;
        s->places = p;
        next = s->place_count++;
        p[next] = (struct conf_place){.section = kind,
            .parent = depth > 0 ? open[depth - 1] : SIZE_MAX,
            .title = i + 1,
            .line = s->tokens[i].line,
            .column = s->tokens[i].column};
    }
    return 0;
}

int
conf_scan_init(struct conf_scan *s, const char *text, size_t len)
{
    struct conf_cursor c = {.text = text, .len = len, .line = 1};

    memset(s, 0, sizeof(*s));
    s->text = text;
    for (conf_step_blank(&c); c.at < c.len; conf_step_blank(&c)) {
        if (conf_add_token(s, conf_token(&c)) != 0) {
            conf_scan_fini(s);
            return -1;
        }
    }
    if (conf_find_places(s) == 0)
        return 0;
    conf_scan_fini(s);
    return -1;
}

void
conf_scan_fini(struct conf_scan *s)
{
    free(s->tokens);
    free(s->places);
    memset(s, 0, sizeof(*s));
}

const struct conf_token *
conf_scan_word(const struct conf_scan *s, unsigned line, const char *word)
{
    size_t low = 0, high = s->count, middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (s->tokens[middle].line <= line)
            low = middle + 1;
        else
            high = middle;
    }
    while (low > 0)
        if (conf_token_is(s, &s->tokens[--low], word, false))
            return &s->tokens[low];
    return NULL;
}

/* The token that closes the brace [i]; the last if none does. */
static size_t
conf_closing(const struct conf_scan *s, size_t i)
{
    size_t depth = 0;

    for (; i + 1 < s->count; i++) {
        if (s->tokens[i].kind == CONF_TOKEN_OPEN)
            depth++;
        else if (s->tokens[i].kind == CONF_TOKEN_CLOSE && --depth == 0)
            break;
    }
    return i;
}

size_t
conf_scan_statement_end(const struct conf_scan *s, const struct conf_token *t)
{
    const struct conf_token *next = t + 1, *last = s->tokens + s->count - 1;
    bool equal = t < last && next->kind == CONF_TOKEN_OTHER && strchr("=+", s->text[next->start]);
    bool title = t + 1 < last && next->kind == CONF_TOKEN_WORD && t[2].kind == CONF_TOKEN_OPEN;

    if (equal || title)
        next++;
    if (next <= last && next->kind == CONF_TOKEN_OPEN)
        return s->tokens[conf_closing(s, (size_t)(next - s->tokens))].end;
    if (equal && next <= last && next->kind == CONF_TOKEN_WORD)
        return next->end;
    return equal ? next[-1].end : t->end;
}

const struct conf_place *
conf_scan_section(const struct conf_scan *s, enum conf_section section, const char *title)
{
    for (size_t i = 0; i < s->place_count; i++)
        if (s->places[i].section == section &&
            conf_token_is(s, &s->tokens[s->places[i].title], title, false))
            return &s->places[i];
    return NULL;
}

const struct conf_place *
conf_scan_nth(const struct conf_scan *s, enum conf_section section, size_t n)
{
    for (size_t i = 0; i < s->place_count; i++)
        if (s->places[i].section == section && n-- == 0)
            return &s->places[i];
    return NULL;
}
