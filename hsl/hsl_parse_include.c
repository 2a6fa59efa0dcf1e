/* hsl_parse_include.c - files: the main one, and those that `include` puts in place (language
 * §12). Not here: which file a name means (hsl_path.c), modules (`import`).
 *
 * Each inclusion has its own entry in the table of files, since the notes "included from here" need
 * its place; the text of a file is read once and shared, so that the checker knows declarations of
 * one place by text pointer and position. The bytes of every inclusion count against max_source.
 *
 * Threads: one per unit. Fails: C10, C13, C15. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hsl/hsl_parse.h"

struct loaded {
    const char *text;
    size_t len;
};

/* A new entry of the table of files, or -1: reading stops. */
static int
add_file(struct hsl_parser *p, const char *name, struct hsl_pos pos)
{
    int i = hsl_unit_add_file(p->u, name, pos);

    p->stop = p->stop || i < 0;
    return i;
}

/* Counts [len] bytes of source; false: reading stops. */
static bool
count_source(struct hsl_parser *p, size_t len, struct hsl_pos pos)
{
    bool ok = hsl_unit_count_source(p->u, len, pos) == 0;

    p->stop = p->stop || !ok;
    return ok;
}

/* The text of the file [path], read before or now. NULL: reported. */
static struct loaded *
load(struct hsl_parser *p, const char *path, const char *shown, struct hsl_pos pos)
{
    struct hsl_name key = {path, (uint32_t)strlen(path)};
    struct loaded *l = hsl_nametab_get(&p->loaded, key);

    if (l)
        return l;
    l = hsl_parse_alloc(p, sizeof *l);
    if (!l || hsl_unit_read_file(p->u, path, shown, pos, &l->text, &l->len) != 0)
        return NULL;
    key.p = ut_arena_dup(p->u->arena, path, key.len);
    if (!key.p || hsl_nametab_add(&p->loaded, p->u->arena, key, l) != 0)
        return hsl_parse_limit(p, pos, "not enough memory for the script");
    return l;
}

/* The file entry of the unit itself, with its text. [pos]: where errors are reported. */
static int
open_unit(struct hsl_parser *p, const struct hsl_source *src, const char *path, struct hsl_pos pos)
{
    int index = add_file(p, src->name, pos);
    struct hsl_source_file *f = index < 0 ? NULL : &hsl_unit_main(p->u)->files[index];
    struct loaded *l;

    if (!f)
        return -1;
    p->u->first_file = (uint32_t)index;
    if (p->u->main) {
        f->included_by = pos.file;
        f->include_pos = pos;
        f->imported = true;
    }
    if (path && !(f->path = ut_arena_dup(p->u->arena, path, strlen(path)))) {
        hsl_parse_limit(p, pos, "not enough memory for the script");
        return -1;
    }
    f->text = src->text;
    f->len = src->len;
    if (!src->text) {
        l = path ? load(p, path, src->name, pos) : NULL;
        if (!l)
            return -1;
        f->text = l->text;
        f->len = l->len;
    }
    return count_source(p, f->len, pos) ? 0 : -1;
}

int
hsl_parse_open_main(struct hsl_parser *p, const struct hsl_source *src)
{
    struct hsl_pos pos = p->u->main ? p->u->import_pos : (struct hsl_pos){1, 1, 0};
    char *real = src->path ? realpath(src->path, NULL) : NULL;
    int rc = open_unit(p, src, real ? real : src->path, pos);

    free(real);
    return rc;
}

/* True, and reported, if the file [path] is being read already. */
static bool
is_cycle(struct hsl_parser *p, const char *path, const char *shown, struct hsl_pos pos)
{
    const struct hsl_source_file *files = hsl_unit_main(p->u)->files;
    char what[300];

    for (int i = pos.file; i >= 0; i = files[i].included_by) {
        if (!files[i].path || strcmp(files[i].path, path) != 0)
            continue;
        snprintf(what, sizeof what, "circular include of %.250s", shown);
        hsl_unit_cycle(p->u, i, shown, pos, what);
        return true;
    }
    return false;
}

/* Parses the statements of file [index] in place. */
static struct hsl_node *
parse_file(struct hsl_parser *p, int index, struct hsl_pos pos)
{
    const struct hsl_source_file *f = &hsl_unit_main(p->u)->files[index];
    struct hsl_parser outer = *p;
    struct hsl_node *body;

    hsl_lex_init(&p->lex, f->text, f->len, (uint16_t)index);
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

/* The body of the file that the real path [path] names, or NULL. [shown]: as in the statement. */
static struct hsl_node *
include_path(
    struct hsl_parser *p, const char *path, const char *shown, bool once, struct hsl_pos pos)
{
    struct hsl_name key = {path, (uint32_t)strlen(path)};
    struct hsl_source_file *f;
    struct loaded *l;
    int index;

    if (once && hsl_nametab_get(&p->loaded, key))
        return hsl_parse_node(p, HSL_N_BLOCK, pos, 0);
    if (is_cycle(p, path, shown, pos))
        return NULL;
    if (p->include_depth >= p->u->limits->max_include_depth)
        return hsl_parse_limit(
            p, pos, "include depth (%u) exceeded", p->u->limits->max_include_depth);
    l = load(p, path, shown, pos);
    if (!l || !count_source(p, l->len, pos) || (index = add_file(p, shown, pos)) < 0)
        return NULL;
    f = &hsl_unit_main(p->u)->files[index];
    if (!(f->path = ut_arena_dup(p->u->arena, path, key.len)))
        return hsl_parse_limit(p, pos, "not enough memory for the script");
    f->text = l->text;
    f->len = l->len;
    f->included_by = pos.file;
    f->include_pos = pos;
    return parse_file(p, index, pos);
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
    else if (hsl_unit_find_file(p->u, name, pos, true, &path) == 0)
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
