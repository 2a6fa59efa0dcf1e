/* hsl_show.c - prints diagnostics with the source line they are about.
 * Not here: making them (lib/ut_diag.c and whoever finds a mistake).
 * Threads: one. Fails by leaving out the source line: a message is always printed. */
#include "config.h"

#include "hsl/hsl_show.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ut_file.h"
#include "lib/ut_utf8.h"

#define MAX_SOURCE (64 << 20) /* bytes of a file that a line is looked for in */
#define MAX_BEFORE 100        /* bytes shown of a long line before the column */
#define MAX_AFTER 60          /* and behind it */

#define COLOUR_ERROR "\033[1;31m"
#define COLOUR_WARNING "\033[1;33m"
#define COLOUR_CARET "\033[1;32m"
#define COLOUR_OFF "\033[0m"

/* --- The source line ------------------------------------------------------------------------ */

/* A line of the text at [p]: its start, its bytes without the line end into [*len]; or NULL. A byte
 * order mark is not part of the first, as for the compiler. */
static const char *
find_line(const char *p, size_t size, unsigned line, size_t *len)
{
    const char *end = p + size;
    const char *stop;

    if (size >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    for (; line > 1; line--) {
        p = memchr(p, '\n', (size_t)(end - p));
        if (!p)
            return NULL;
        p++;
    }
    stop = memchr(p, '\n', (size_t)(end - p));
    *len = (size_t)((stop ? stop : end) - p);
    if (*len > 0 && p[*len - 1] == '\r')
        --*len;
    return p;
}

/* Appends [len] bytes of source, blanks for tabs, other control bytes escaped. */
static void
add_source(struct ut_sbuf *out, const char *p, size_t len)
{
    while (len > 0) {
        const char *tab = memchr(p, '\t', len);
        size_t n = tab ? (size_t)(tab - p) : len;

        ut_utf8_escape(out, p, n);
        if (tab) {
            ut_sbuf_addc(out, ' ');
            n++;
        }
        p += n;
        len -= n;
    }
}

/* Characters that terminals draw in no or in two columns (Unicode 15, the common blocks). A locale
 * is not asked: messages are UTF-8 in any. */
static const struct {
    uint32_t first, last;
    unsigned columns;
} widths[] = {
    {0x0300, 0x036F, 0},                        /* combining marks */
    {0x1100, 0x115F, 2},                        /* Hangul Jamo */
    {0x200B, 0x200F, 0},                        /* zero width space, joiners, marks of direction */
    {0x20D0, 0x20FF, 0},                        /* combining marks for symbols */
    {0x2E80, 0xA4CF, 2},                        /* CJK, kana */
    {0xAC00, 0xD7A3, 2},                        /* Hangul */
    {0xF900, 0xFAFF, 2},                        /* CJK compatibility */
    {0xFE00, 0xFE0F, 0},                        /* variation selectors */
    {0xFE20, 0xFE2F, 0},                        /* combining half marks */
    {0xFE30, 0xFE6F, 2},                        /* CJK forms */
    {0xFEFF, 0xFEFF, 0},                        /* byte order mark */
    {0xFF00, 0xFF60, 2},                        /* full width forms */
    {0xFFE0, 0xFFE6, 2}, {0x1F300, 0x1FAFF, 2}, /* pictures */
    {0x20000, 0x3FFFD, 2},                      /* CJK */
};

static unsigned
char_columns(uint32_t c)
{
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        if (c >= widths[i].first && c <= widths[i].last)
            return widths[i].columns;
    }
    return 1;
}

/* The columns that [len] bytes of valid UTF-8 take on a terminal. */
static size_t
count_columns(const char *p, size_t len)
{
    size_t n = 0;

    while (len > 0) {
        size_t size = ut_utf8_char(p, len);
        uint32_t c = (unsigned char)*p;

        if (size > 1) {
            c &= 0xFFu >> (size + 1);
            for (size_t i = 1; i < size; i++)
                c = c << 6 | ((unsigned char)p[i] & 0x3F);
        }
        n += char_columns(c);
        size = size ? size : 1;
        p += size;
        len -= size;
    }
    return n;
}

/* Prints the part of a line that is around [column], and a caret below it. */
static void
print_line(const struct hsl_show *s, const char *p, size_t len, unsigned column)
{
    size_t at = column - 1 < len ? column - 1 : len;
    size_t from = at > MAX_BEFORE ? at - MAX_BEFORE : 0;
    size_t until = len - at > MAX_AFTER ? at + MAX_AFTER : len;
    struct ut_sbuf line;
    size_t before;

    while (from > 0 && from < at && ((unsigned char)p[from] & 0xC0) == 0x80)
        from++;
    until = from + ut_utf8_cut(p + from, len - from, until - from);
    ut_sbuf_init(&line, 4096);
    add_source(&line, p + from, at - from);
    before = count_columns(ut_sbuf_text(&line), line.len);
    if (until > at)
        add_source(&line, p + at, until - at);
    fprintf(s->to, "    %s%s%s\n    %s%*s%s^%s\n", from > 0 ? "…" : "", ut_sbuf_text(&line),
        until < len ? "…" : "", from > 0 ? " " : "", (int)before, "", s->colour ? COLOUR_CARET : "",
        s->colour ? COLOUR_OFF : "");
    ut_sbuf_fini(&line);
}

/* Appends the file that [d] is about: where [d] says that it lies, else what its name is below
 * s->dir or by itself. -1 if there is none. */
static int
read_source(const struct hsl_show *s, const struct ut_diag *d, struct ut_sbuf *out)
{
    const char *name = d->source;
    struct ut_sbuf path;
    int rc = -1;

    if (d->path[0])
        return ut_file_read(d->path, MAX_SOURCE, out, NULL);
    ut_sbuf_init(&path, 4096);
    if (s->dir && *name != '/')
        ut_sbuf_addf(&path, "%s/%s", s->dir, name);
    if (path.len > 0 && !path.failed)
        rc = ut_file_read(ut_sbuf_text(&path), MAX_SOURCE, out, NULL);
    ut_sbuf_fini(&path);
    return rc == 0 ? 0 : ut_file_read(name, MAX_SOURCE, out, NULL);
}

static void
print_source(const struct hsl_show *s, const struct ut_diag *d)
{
    struct ut_sbuf text;
    const char *line = NULL;
    size_t len = 0;

    ut_sbuf_init(&text, MAX_SOURCE);
    if (s->name && strcmp(s->name, d->source) == 0)
        line = find_line(s->text, s->len, d->line, &len);
    else if (read_source(s, d, &text) == 0)
        line = find_line(ut_sbuf_text(&text), text.len, d->line, &len);
    if (line)
        print_line(s, line, len, d->column);
    ut_sbuf_fini(&text);
}

/* --- The message ---------------------------------------------------------------------------- */

/* What stands before the text: nothing for errors and notes, which are of the form that the
 * language prescribes. */
static const char *
level_text(const struct ut_diag *d)
{
    return d->level == UT_DIAG_WARNING ? "warning: " : "";
}

static const char *
level_colour(const struct hsl_show *s, const struct ut_diag *d)
{
    if (!s->colour || d->level == UT_DIAG_NOTE)
        return "";
    return d->level == UT_DIAG_WARNING ? COLOUR_WARNING : COLOUR_ERROR;
}

void
hsl_show_diag(const struct hsl_show *s, const struct ut_diag *d)
{
    const char *colour = level_colour(s, d);

    if (d->source[0])
        fprintf(s->to, "%s:", d->source);
    if (d->line > 0)
        fprintf(s->to, "%u:", d->line);
    if (d->line > 0 && d->column > 0)
        fprintf(s->to, "%u:", d->column);
    fprintf(s->to, "%s%s%s%s%s\n", d->source[0] || d->line > 0 ? " " : "", colour, level_text(d),
        d->text, *colour ? COLOUR_OFF : "");
    if (d->line > 0 && d->column > 0)
        print_source(s, d);
}

void
hsl_show_list(const struct hsl_show *s, const struct ut_diag_list *l)
{
    size_t errors = 0;

    for (size_t i = 0; i < l->count; i++) {
        errors += l->items[i].level == UT_DIAG_ERROR;
        hsl_show_diag(s, &l->items[i]);
    }
    if (l->errors > errors)
        fprintf(s->to, "%zu more errors are not shown\n", l->errors - errors);
}

/* --- Others --------------------------------------------------------------------------------- */

bool
hsl_show_wants_colour(FILE *to)
{
    const char *no = getenv("NO_COLOR");

    return (!no || *no == '\0') && isatty(fileno(to));
}

void
hsl_show_cost(FILE *to, double compile_seconds, const struct hsl_result *res)
{
    if (compile_seconds >= 0)
        fprintf(to, "compile %.6f s, ", compile_seconds);
    fprintf(to, "run %.6f s, %llu instructions, memory peak %zu bytes\n", res->seconds,
        (unsigned long long)res->instructions, res->peak_memory);
}
