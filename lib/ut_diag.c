/* ut_diag.c - diagnostics: filled, shown, collected.
 * Not here: writing them to the log (ut_log.c).
 * Threads: a diagnostic or list belongs to one at a time.
 * Fails: without memory the text is cut shorter or the entry is only counted. */
#include "config.h"

#include "lib/ut_diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ut_utf8.h"

/* Copies [len] bytes at [p] into [out], cut at the left ([left]) or right and never inside a
 * character. */
static void
diag_copy(char *out, size_t size, const char *p, size_t len, bool left)
{
    if (left && len >= size) {
        p += len - (size - 1);
        len = size - 1;
        while (len > 0 && ((unsigned char)*p & 0xC0) == 0x80) {
            p++;
            len--;
        }
    }
    len = ut_utf8_cut(p, len, size - 1);
    memcpy(out, p, len);
    out[len] = '\0';
}

/* The same with control and invalid bytes escaped. */
static void
diag_text(char *out, size_t size, const char *p, size_t len, bool left)
{
    struct ut_sbuf b;

    ut_sbuf_init(&b, 4 * len);
    ut_utf8_escape(&b, p, len);
    if (b.failed)
        diag_copy(out, size, "(out of memory)", strlen("(out of memory)"), left);
    else
        diag_copy(out, size, ut_sbuf_text(&b), b.len, left);
    ut_sbuf_fini(&b);
}

static UT_PRINTF(5, 0) void
diag_fill(struct ut_diag *d, const char *source, unsigned line, unsigned column, const char *fmt,
    va_list ap, const char *why)
{
    char raw[3 * sizeof(d->text)]; /* cut here, it is cut again below: no character is split */
    size_t len;
    int n;

    memset(d, 0, sizeof(*d));
    d->level = UT_DIAG_ERROR;
    d->line = line;
    d->column = column;
    if (source)
        diag_text(d->source, sizeof(d->source), source, strlen(source), true);
    n = vsnprintf(raw, sizeof(raw), fmt, ap);
    len = n < 0 ? 0 : (size_t)n < sizeof(raw) ? (size_t)n : sizeof(raw) - 1;
    if (why && len < sizeof(raw)) {
        n = snprintf(raw + len, sizeof(raw) - len, ": %s", why);
        len += n < 0 ? 0 : (size_t)n < sizeof(raw) - len ? (size_t)n : sizeof(raw) - len - 1;
    }
    diag_text(d->text, sizeof(d->text), raw, len, false);
}

int
ut_diag_set(struct ut_diag *d, const char *fmt, ...)
{
    va_list ap;

    if (!d)
        return -1;
    va_start(ap, fmt);
    diag_fill(d, NULL, 0, 0, fmt, ap, NULL);
    va_end(ap);
    return -1;
}

int
ut_diag_at(struct ut_diag *d, const char *source, unsigned line, unsigned column, const char *fmt,
    ...)
{
    va_list ap;

    if (!d)
        return -1;
    va_start(ap, fmt);
    diag_fill(d, source, line, column, fmt, ap, NULL);
    va_end(ap);
    return -1;
}

int
ut_diag_errno(struct ut_diag *d, const char *fmt, ...)
{
    int saved = errno;
    char buf[128];
    va_list ap;

    if (!d)
        return -1;
    va_start(ap, fmt);
    diag_fill(d, NULL, 0, 0, fmt, ap, strerror_r(saved, buf, sizeof(buf))); /* the GNU form */
    va_end(ap);
    errno = saved;
    return -1;
}

void
ut_diag_set_path(struct ut_diag *d, const char *path)
{
    size_t len = path ? strlen(path) : 0;

    if (len < sizeof(d->path)) /* half a path would be another file */
        memcpy(d->path, path ? path : "", len + 1);
    else
        d->path[0] = '\0';
}

void
ut_diag_to_text(const struct ut_diag *d, struct ut_sbuf *out)
{
    if (d->source[0])
        ut_sbuf_addf(out, "%s:", d->source);
    else if (d->line > 0)
        ut_sbuf_addz(out, "line ");
    if (d->line > 0)
        ut_sbuf_addf(out, "%u:", d->line);
    if (d->line > 0 && d->column > 0)
        ut_sbuf_addf(out, "%u:", d->column);
    if (d->source[0] || d->line > 0)
        ut_sbuf_addc(out, ' ');
    ut_sbuf_addz(out, d->text);
}

void
ut_diag_list_init(struct ut_diag_list *l, size_t max)
{
    memset(l, 0, sizeof(*l));
    l->max = max;
}

void
ut_diag_list_fini(struct ut_diag_list *l)
{
    free(l->items);
    ut_diag_list_init(l, l->max);
}

static bool
diag_list_room(struct ut_diag_list *l)
{
    size_t cap = l->cap ? 2 * l->cap : 4;
    struct ut_diag *items;

    if (l->count >= l->max)
        return false;
    if (l->count < l->cap)
        return true;
    if (cap > l->max)
        cap = l->max;
    items = reallocarray(l->items, cap, sizeof(*items));
    if (!items)
        return false;
    l->items = items;
    l->cap = cap;
    return true;
}

void
ut_diag_list_add(struct ut_diag_list *l, const struct ut_diag *d)
{
    if (d->level == UT_DIAG_ERROR)
        l->errors++;
    if (diag_list_room(l))
        l->items[l->count++] = *d;
}

int
ut_diag_list_at(struct ut_diag_list *l, enum ut_diag_level level, const char *code,
    const char *source, unsigned line, unsigned column, const char *fmt, ...)
{
    struct ut_diag d;
    va_list ap;

    va_start(ap, fmt);
    diag_fill(&d, source, line, column, fmt, ap, NULL);
    va_end(ap);
    d.level = level;
    if (code)
        diag_copy(d.code, sizeof(d.code), code, strlen(code), false);
    ut_diag_list_add(l, &d);
    return -1;
}
