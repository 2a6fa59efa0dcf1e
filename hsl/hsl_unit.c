/* hsl_unit.c - errors and warnings of one compilation, with the files they are in; its constant
 * patterns. Not here: the files themselves (hsl_unit_file.c). Threads: one per unit. Fails:
 * reporting never (what does not fit the list is counted by it), the rest without memory. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "hsl/hsl_env.h"
#include "hsl/hsl_regex.h"
#include "hsl/hsl_unit.h"

/* One entry; [pos] is in one of the files. */
static void
add_at(struct hsl_unit *u, enum ut_diag_level level, const char *code, struct hsl_pos pos,
    const char *text)
{
    const struct hsl_source_file *f = &u->files[pos.file];
    struct ut_diag d;

    (void)ut_diag_at(&d, f->name, pos.line, pos.column, "%s", text);
    d.level = level;
    (void)snprintf(d.code, sizeof d.code, "%s", code);
    ut_diag_set_path(&d, f->path);
    ut_diag_list_add(u->diags, &d);
}

static void
add(struct hsl_unit *u, enum ut_diag_level level, const char *code, struct hsl_pos pos,
    const char *text)
{
    u = hsl_unit_main(u);
    if (pos.file >= u->file_count) { /* no memory even for the first file */
        (void)ut_diag_list_at(u->diags, level, code, NULL, pos.line, pos.column, "%s", text);
        return;
    }
    add_at(u, level, code, pos, text);
    for (int i = pos.file; u->files[i].included_by >= 0; i = u->files[i].included_by)
        add_at(u, UT_DIAG_NOTE, "", u->files[i].include_pos,
            u->files[i].imported ? "imported from here" : "included from here");
}

bool
hsl_unit_is_full(const struct hsl_unit *u)
{
    return u->diags->errors >= HSL_UNIT_MAX_ERRORS;
}

int
hsl_unit_error(struct hsl_unit *u, const char *code, struct hsl_pos pos, const char *fmt, ...)
{
    char text[1024]; /* longer than a ut_diag's, which is cut with care for UTF-8 */
    va_list ap;

    if (hsl_unit_is_full(u))
        return -1;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    add(u, UT_DIAG_ERROR, code, pos, text);
    return -1;
}

int
hsl_unit_limit(struct hsl_unit *u, struct hsl_pos pos, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return hsl_unit_error(u, "C15", pos, "limit: %s", text);
}

void *
hsl_unit_alloc(struct hsl_unit *u, struct hsl_pos pos, size_t size)
{
    void *m = ut_arena_calloc(u->arena, 1, size);

    if (!m)
        (void)hsl_unit_limit(u, pos, "not enough memory for the script");
    return m;
}

void
hsl_unit_warn(struct hsl_unit *u, const char *code, struct hsl_pos pos, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    add(u, UT_DIAG_WARNING, code, pos, text);
}

int
hsl_unit_mention(struct hsl_unit *u, struct hsl_name name)
{
    uint32_t n;

    u = hsl_unit_main(u);
    n = u->mention_count;
    if ((n & (n - 1)) == 0) { /* 0 and powers of two: full */
        struct hsl_name *bigger = ut_arena_calloc(u->arena, n ? 2 * (size_t)n : 1, sizeof *bigger);

        if (!bigger)
            return -1;
        if (n > 0)
            memcpy(bigger, u->mentions, n * sizeof *bigger);
        u->mentions = bigger;
    }
    u->mentions[u->mention_count++] = name;
    return 0;
}

/* Appends the pattern string of a literal: "/PATTERN/FLAGS". */
static void
literal_text(const struct hsl_node *n, struct ut_sbuf *out)
{
    ut_sbuf_addc(out, '/');
    ut_sbuf_add(out, n->u.regex.pattern.p, n->u.regex.pattern.len);
    ut_sbuf_addc(out, '/');
    ut_sbuf_addz(out, n->u.regex.flags);
}

struct hsl_regex *
hsl_unit_regex(struct hsl_unit *u, const struct hsl_node *n, struct ut_diag *d)
{
    struct hsl_regex_cache *cache = u->env ? u->env->regexes : NULL;
    struct hsl_regex *re = NULL;
    struct ut_sbuf text;

    if (n->kind == HSL_N_STR)
        return hsl_regex_cache_get(cache, n->u.str.p, n->u.str.len, d);
    ut_sbuf_init(&text, (size_t)n->u.regex.pattern.len + sizeof n->u.regex.flags + 2);
    literal_text(n, &text);
    if (text.failed)
        ut_diag_set(d, "no memory for the pattern");
    else
        re = hsl_regex_cache_get(cache, ut_sbuf_text(&text), text.len, d);
    ut_sbuf_fini(&text);
    return re;
}

/* The operand that stands left of the position of [n]; NULL: [n] starts there itself. */
static const struct hsl_node *
left_operand(const struct hsl_node *n)
{
    switch (n->kind) {
    case HSL_N_INDEX:
    case HSL_N_BINARY:
    case HSL_N_AND:
    case HSL_N_OR:
    case HSL_N_COALESCE:
    case HSL_N_COALESCE_ASSIGN:
        return n->u.bin.a;
    case HSL_N_SLICE:
        return n->u.slice.a;
    case HSL_N_PROP:
        return n->u.prop.a;
    case HSL_N_ASSIGN:
        return n->u.assign.target;
    default:
        return NULL;
    }
}

struct hsl_pos
hsl_node_start(const struct hsl_node *n)
{
    const struct hsl_node *left;

    while ((left = left_operand(n)) != NULL)
        n = left;
    return n->pos;
}
