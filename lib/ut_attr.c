/* ut_attr.c - attribute lists: the bounded parser that is fed bytes, and the writer.
 * Not here: sockets (ut_sock.c), requests and answers (ut_ctl.c).
 * Threads: a parser belongs to one connection.
 * Fails: UT_ATTR_BROKEN with a diagnostic; a broken parser stays so, since behind a line that
 * was not understood the framing cannot be trusted.
 *
 * One buffer holds the list that is being read: finished attributes as "name NUL value NUL", then
 * the line that is still open. It may move while it grows, so the items get their pointers only
 * when the list is complete: names hold no NUL and the lengths of values are known, so one walk
 * through the buffer finds them all. Decoding only shortens, so it is done in place. */
#include "config.h"

#include "lib/ut_attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ut_num.h"

const struct ut_attr_limits ut_attr_limits_own = {
    .line = 64 * 1024, .count = 256, .total = 256 * 1024, .decode = true};

const char *
ut_attr_get(const struct ut_attr_list *l, const char *name, size_t *len)
{
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->items[i].name, name) != 0)
            continue;
        if (len)
            *len = l->items[i].len;
        return l->items[i].value;
    }
    if (len)
        *len = 0;
    return NULL;
}

bool
ut_attr_is(const struct ut_attr_list *l, const char *name, const char *value)
{
    size_t len;
    const char *have = ut_attr_get(l, name, &len);

    return have && len == strlen(value) && memcmp(have, value, len) == 0;
}

int
ut_attr_get_int(const struct ut_attr_list *l, const char *name, long long min, long long max,
    long long *out)
{
    size_t len;
    const char *value = ut_attr_get(l, name, &len);

    if (!value || len != strlen(value))
        return -1;
    return ut_num_int(value, min, max, out);
}

void
ut_attr_parser_init(struct ut_attr_parser *p, const struct ut_attr_limits *limits)
{
    memset(p, 0, sizeof(*p));
    p->limits = *limits;
    /* Each line loses its LF and gains two NULs less the "=". */
    ut_sbuf_init(&p->text, limits->total + limits->count + 1);
}

void
ut_attr_parser_fini(struct ut_attr_parser *p)
{
    ut_sbuf_fini(&p->text);
    free(p->list.items);
    memset(&p->list, 0, sizeof(p->list));
    p->cap = 0;
}

bool
ut_attr_parser_idle(const struct ut_attr_parser *p)
{
    return !p->broken && (p->given || p->received == 0);
}

static enum ut_attr_result
attr_broken(struct ut_attr_parser *p, struct ut_diag *d, const char *why)
{
    p->broken = true;
    ut_diag_set(d, "attribute list: %s", why);
    return UT_ATTR_BROKEN;
}

/* The value of a hexadecimal digit, or -1. */
static int
attr_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* Decodes [*len] bytes at [p] in place; -1 if a "%" has no two digits behind it. */
static int
attr_decode(char *p, size_t *len)
{
    size_t from = 0, to = 0;
    int high, low;

    while (from < *len) {
        if (p[from] != '%') {
            p[to++] = p[from++];
            continue;
        }
        if (*len - from < 3)
            return -1;
        high = attr_hex(p[from + 1]);
        low = attr_hex(p[from + 2]);
        if (high < 0 || low < 0)
            return -1;
        p[to++] = (char)(high * 16 + low);
        from += 3;
    }
    *len = to;
    return 0;
}

/* Room for one more item; -1 over the limit or without memory. */
static int
attr_room(struct ut_attr_parser *p)
{
    size_t cap = p->cap ? 2 * p->cap : 16;
    struct ut_attr *items;

    if (p->list.count >= p->limits.count)
        return -1;
    if (p->list.count < p->cap)
        return 0;
    items = reallocarray(p->list.items, cap, sizeof(*items));
    if (!items)
        return -1;
    p->list.items = items;
    p->cap = cap;
    return 0;
}

/* Turns the open line into an attribute; NULL, or what is wrong. */
static const char *
attr_line(struct ut_attr_parser *p)
{
    char *line = p->text.data + p->line, *equal;
    size_t len = p->text.len - p->line, value_len;

    if (memchr(line, '\0', len))
        return "a line holds a NUL byte";
    equal = memchr(line, '=', len);
    if (!equal || equal == line)
        return "a line is not name=value";
    if (attr_room(p) != 0)
        return "too many attributes";
    value_len = len - (size_t)(equal + 1 - line);
    *equal = '\0';
    if (p->limits.decode && attr_decode(equal + 1, &value_len) != 0)
        return "a \"%\" in a value is not followed by two hexadecimal digits";
    ut_sbuf_truncate(&p->text, p->line + (size_t)(equal + 1 - line) + value_len);
    ut_sbuf_addc(&p->text, '\0');
    if (p->text.failed)
        return "out of memory";
    p->list.items[p->list.count++].len = value_len;
    p->line = p->text.len;
    return NULL;
}

static void
attr_finish(struct ut_attr_parser *p)
{
    const char *at = ut_sbuf_text(&p->text);

    for (size_t i = 0; i < p->list.count; i++) {
        struct ut_attr *a = &p->list.items[i];

        a->name = at;
        a->value = at + strlen(at) + 1;
        at = a->value + a->len + 1;
    }
    p->given = true;
}

static void
attr_restart(struct ut_attr_parser *p)
{
    ut_sbuf_reset(&p->text);
    p->list.count = 0;
    p->line = 0;
    p->received = 0;
    p->given = false;
}

/* Adds the bytes up to the next LF; [*used] gets how many of [len], the LF included. [*whole]
 * tells whether there was one. NULL, or what is wrong. */
static const char *
attr_take(struct ut_attr_parser *p, const char *data, size_t len, size_t *used, bool *whole)
{
    const char *lf = memchr(data, '\n', len);
    size_t part = lf ? (size_t)(lf - data) : len;

    *whole = lf != NULL;
    *used = part + (lf ? 1 : 0);
    if (part > p->limits.line - (p->text.len - p->line))
        return "a line is too long";
    if (*used > p->limits.total - p->received)
        return "too many bytes";
    p->received += *used;
    ut_sbuf_add(&p->text, data, part);
    return p->text.failed ? "out of memory" : NULL;
}

enum ut_attr_result
ut_attr_parser_feed(struct ut_attr_parser *p, const char *data, size_t len, size_t *used,
    struct ut_diag *d)
{
    const char *why;
    size_t part;
    bool whole;

    *used = 0;
    if (p->broken)
        return attr_broken(p, d, "it was malformed before");
    if (p->given && len > 0)
        attr_restart(p);
    while (*used < len) {
        why = attr_take(p, data + *used, len - *used, &part, &whole);
        if (why)
            return attr_broken(p, d, why);
        *used += part;
        if (whole && p->text.len == p->line) {
            attr_finish(p);
            return UT_ATTR_LIST;
        }
        why = whole ? attr_line(p) : NULL;
        if (why)
            return attr_broken(p, d, why);
    }
    return UT_ATTR_MORE;
}

static bool
attr_name_fits(const char *name)
{
    for (const char *c = name; *c; c++)
        if (*c == '=' || *c == '%' || (unsigned char)*c <= ' ' || *c == 0x7F)
            return false;
    return *name != '\0';
}

void
ut_attr_add(struct ut_sbuf *b, const char *name, const char *value, size_t len)
{
    size_t plain = 0;

    if (!attr_name_fits(name)) {
        b->failed = true;
        return;
    }
    ut_sbuf_addz(b, name);
    ut_sbuf_addc(b, '=');
    for (size_t i = 0; i < len; i++) {
        if (value[i] != '\n' && value[i] != '\r' && value[i] != '\0' && value[i] != '%')
            continue;
        ut_sbuf_add(b, value + plain, i - plain);
        ut_sbuf_addf(b, "%%%02X", (unsigned)(unsigned char)value[i]);
        plain = i + 1;
    }
    ut_sbuf_add(b, value + plain, len - plain);
    ut_sbuf_addc(b, '\n');
}

void
ut_attr_addz(struct ut_sbuf *b, const char *name, const char *value)
{
    ut_attr_add(b, name, value, strlen(value));
}

void
ut_attr_addi(struct ut_sbuf *b, const char *name, long long value)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%lld", value);

    if (n < 0 || (size_t)n >= sizeof(text))
        b->failed = true;
    else
        ut_attr_add(b, name, text, (size_t)n);
}

void
ut_attr_end(struct ut_sbuf *b)
{
    ut_sbuf_addc(b, '\n');
}
