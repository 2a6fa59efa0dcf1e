/* hsl_parse_include.c - files: the main one, and those that `include` puts in place (language
 * §12). Not here: which file a name means (hsl_path.c), modules (`import`).
 *
 * Each inclusion has its own entry in unit->files, since the notes "included from here" need its
 * place; the text of a file is read once and shared, so that the checker knows declarations of one
 * place by text pointer and position. The bytes of every inclusion count against max_source.
 *
 * Threads: one per unit. Fails: C10, C13, C15. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hsl/hsl_env.h"
#include "hsl/hsl_parse.h"
#include "lib/ut_file.h"

/* Files of one unit; their number must fit struct hsl_pos. */
#define MAX_FILES 10000

struct loaded {
    const char *text;
    size_t len;
};

/* A new entry of unit->files, or NULL. */
static struct hsl_source_file *
add_file(struct hsl_parser *p, const char *name, struct hsl_pos pos)
{
    struct hsl_unit *u = p->u;
    uint32_t n = u->file_count;

    if (n >= MAX_FILES)
        return hsl_parse_limit(p, pos, "more than %d included files", MAX_FILES);
    if ((n & (n - 1)) == 0) { /* 0 and powers of two: full */
        struct hsl_source_file *bigger =
            hsl_parse_alloc(p, (n ? 2 * (size_t)n : 1) * sizeof *bigger);

        if (!bigger)
            return NULL;
        if (n > 0)
            memcpy(bigger, u->files, n * sizeof *bigger);
        u->files = bigger;
    }
    u->files[n] = (struct hsl_source_file){.name = name, .included_by = -1};
    u->file_count++;
    return &u->files[n];
}

/* Most bytes of source; lengths of names and texts in the tree are 32 bits. */
static size_t
source_max(const struct hsl_parser *p)
{
    size_t max = p->u->limits->max_source;

    return max > 1u << 30 ? 1u << 30 : max;
}

/* Counts [len] bytes of source. */
static bool
count_source(struct hsl_parser *p, size_t len, struct hsl_pos pos)
{
    size_t max = source_max(p);

    if (len > max || p->u->source_bytes > max - len) {
        hsl_parse_limit(p, pos, "source (%zu bytes) exceeded", max);
        return false;
    }
    p->u->source_bytes += len;
    return true;
}

/* The text of the file [path], read before or now. NULL: reported. */
static struct loaded *
load(struct hsl_parser *p, const char *path, const char *shown, struct hsl_pos pos)
{
    struct hsl_name key = {path, (uint32_t)strlen(path)};
    struct loaded *l = hsl_nametab_get(&p->loaded, key);
    size_t max = source_max(p);
    struct ut_sbuf text;
    struct ut_diag d;
    char why[128];

    if (l)
        return l;
    ut_sbuf_init(&text, max);
    if (ut_file_read(path, max, &text, &d) != 0) {
        if (errno)
            hsl_parse_error(
                p, "C13", pos, "cannot open %s: %s", shown, strerror_r(errno, why, sizeof why));
        else
            hsl_parse_error(p, "C13", pos, "cannot open %s: %s", shown, d.text);
    } else if ((l = hsl_parse_alloc(p, sizeof *l)) != NULL) {
        l->len = text.len;
        l->text = ut_arena_dup(p->u->arena, ut_sbuf_text(&text), text.len);
        key.p = ut_arena_dup(p->u->arena, path, key.len);
        if (!l->text || !key.p || hsl_nametab_add(&p->loaded, p->u->arena, key, l) != 0)
            l = hsl_parse_limit(p, pos, "not enough memory for the script");
    }
    ut_sbuf_fini(&text);
    return l;
}

int
hsl_parse_open_main(struct hsl_parser *p, const struct hsl_source *src)
{
    struct hsl_pos top = {1, 1, 0};
    struct hsl_source_file *f;
    char *real = src->path ? realpath(src->path, NULL) : NULL;
    const char *path = real ? real : src->path;

    f = add_file(p, src->name, top);
    if (!f)
        goto fail;
    if (path && !(f->path = ut_arena_dup(p->u->arena, path, strlen(path)))) {
        hsl_parse_limit(p, top, "not enough memory for the script");
        goto fail;
    }
    if (src->text) {
        f->text = src->text;
        f->len = src->len;
    } else {
        struct loaded *l = path ? load(p, path, src->name, top) : NULL;

        if (!l)
            goto fail;
        f->text = l->text;
        f->len = l->len;
    }
    free(real);
    return count_source(p, f->len, top) ? 0 : -1;
fail:
    free(real);
    return -1;
}

/* C10, with the chain of files that leads from [first] to the current one and back. */
static void
report_cycle(struct hsl_parser *p, int first, const char *shown, struct hsl_pos pos)
{
    const struct hsl_source_file *files = p->u->files;
    struct ut_sbuf chain;
    char text[600];

    ut_sbuf_init(&chain, sizeof text - 1);
    ut_sbuf_addz(&chain, shown);
    for (int i = pos.file; i >= 0; i = i == first ? -1 : files[i].included_by) {
        struct ut_sbuf longer;

        ut_sbuf_init(&longer, sizeof text - 1);
        ut_sbuf_addf(&longer, "%s -> %s", files[i].name, ut_sbuf_text(&chain));
        if (longer.failed) {
            ut_sbuf_fini(&longer);
            break;
        }
        ut_sbuf_fini(&chain);
        chain = longer;
    }
    hsl_parse_error(p, "C10", pos, "circular include of %s (%s)", shown, ut_sbuf_text(&chain));
    ut_sbuf_fini(&chain);
}

/* True, and reported, if the file [path] is being read already. */
static bool
is_cycle(struct hsl_parser *p, const char *path, const char *shown, struct hsl_pos pos)
{
    const struct hsl_source_file *files = p->u->files;

    for (int i = pos.file; i >= 0; i = files[i].included_by) {
        if (!files[i].path || strcmp(files[i].path, path) != 0)
            continue;
        report_cycle(p, i, shown, pos);
        return true;
    }
    return false;
}

/* Parses the statements of file [index] in place. */
static struct hsl_node *
parse_file(struct hsl_parser *p, uint32_t index, struct hsl_pos pos)
{
    struct hsl_parser outer = *p;
    struct hsl_node *body;

    hsl_lex_init(&p->lex, p->u->files[index].text, p->u->files[index].len, (uint16_t)index);
    p->has_ahead = false;
    p->end_failed = false;
    p->file_depth = p->depth;
    p->include_depth++;
    hsl_parse_advance(p);
    body = hsl_parse_statements(p, p->tok.pos, false);
    p->lex = outer.lex;
    p->tok = outer.tok;
    p->ahead = outer.ahead;
    p->has_ahead = outer.has_ahead;
    p->last_line = outer.last_line;
    p->end_failed = outer.end_failed;
    p->file_depth = outer.file_depth;
    p->include_depth--;
    if (!body && !p->stop)
        body = hsl_parse_node(p, HSL_N_BLOCK, pos, 0);
    return body;
}

/* Finds the file that [name] means: its real path in [path]. */
static bool
find_file(struct hsl_parser *p, struct hsl_name name, struct hsl_pos pos, struct ut_sbuf *path)
{
    struct ut_diag d;

    if (!p->u->env) {
        hsl_parse_error(p, "C13", pos, "cannot open %.*s: no files here", HSL_NAME_ARGS(name));
        return false;
    }
    if (hsl_path_resolve(p->u->env, name.p, name.len, p->u->files[pos.file].path, true, path, &d) !=
        0) {
        hsl_parse_error(p, "C13", pos, "%s", d.text);
        return false;
    }
    return true;
}

/* The body of the file that the real path [path] names, or NULL. [shown]: as in the statement. */
static struct hsl_node *
include_path(
    struct hsl_parser *p, const char *path, const char *shown, bool once, struct hsl_pos pos)
{
    struct hsl_name key = {path, (uint32_t)strlen(path)};
    struct hsl_source_file *f;
    struct loaded *l;

    if (once && hsl_nametab_get(&p->loaded, key))
        return hsl_parse_node(p, HSL_N_BLOCK, pos, 0);
    if (is_cycle(p, path, shown, pos))
        return NULL;
    if (p->include_depth >= p->u->limits->max_include_depth)
        return hsl_parse_limit(
            p, pos, "include depth (%u) exceeded", p->u->limits->max_include_depth);
    l = load(p, path, shown, pos);
    if (!l || !count_source(p, l->len, pos))
        return NULL;
    f = add_file(p, shown, pos);
    if (!f || !(f->path = ut_arena_dup(p->u->arena, path, key.len)))
        return NULL;
    f->text = l->text;
    f->len = l->len;
    f->included_by = pos.file;
    f->include_pos = pos;
    return parse_file(p, p->u->file_count - 1, pos);
}

struct hsl_node *
hsl_parse_include(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    bool once = p->tok.kind == HSL_T_INCLUDE_ONCE;
    struct hsl_name name;
    struct hsl_node *n, *body = NULL;
    struct ut_sbuf path;
    char *shown;

    hsl_parse_advance(p);
    if (!hsl_parse_text(p, "C09", "file name must be a constant string", &name) ||
        !hsl_parse_semi(p, NULL))
        return NULL;
    ut_sbuf_init(&path, 8192);
    shown = ut_arena_dup(p->u->arena, name.p, name.len);
    if (!shown)
        hsl_parse_limit(p, pos, "not enough memory for the script");
    else if (find_file(p, name, pos, &path))
        body = include_path(p, ut_sbuf_text(&path), shown, once, pos);
    ut_sbuf_fini(&path);
    if (!body) /* reported, and the statement is complete: nothing to skip */
        body = hsl_parse_node(p, HSL_N_BLOCK, pos, 0);
    n = body ? hsl_parse_node(p, HSL_N_INCLUDE, pos, p->height) : NULL;
    if (!n)
        return NULL;
    n->u.include.file = name;
    n->u.include.body = body;
    n->u.include.once = once;
    return n;
}
