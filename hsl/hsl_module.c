/* hsl_module.c - finds, reads and checks the modules of a program, each once.
 *
 * A module is a unit like the script's own, with its own scope, generation and list of imports. It
 * is loaded when the checker comes to the first import of it, before the statements behind that,
 * so that its names are known there. The order of loading, depth first, is the order in which the
 * top levels run.
 *
 * Not here: names that are imported (hsl_check_import.c), data files (hsl_import_data.c), what runs
 * (hsl_code_global.c). Threads: one per program. Fails: C10, C13, C15, and the errors of modules.
 */
#include "config.h"

#include "hsl/hsl_module.h"

#include <string.h>

/* The unit whose file is [path], of this step of a session or one before; or NULL. */
static struct hsl_unit *
find(struct hsl_unit *main, const char *path)
{
    for (; main; main = main->before) {
        for (struct hsl_unit *m = main; m; m = m->next_module) {
            const char *p = main->files[m->first_file].path;

            if (p && strcmp(p, path) == 0)
                return m;
        }
    }
    return NULL;
}

/* How many files include or import the one of [pos], one the next. */
static unsigned
depth_of(const struct hsl_unit *main, struct hsl_pos pos)
{
    unsigned depth = 0;

    for (int i = pos.file; main->files[i].included_by >= 0; i = main->files[i].included_by)
        depth++;
    return depth;
}

/* An empty unit beside [main], behind all others. */
static struct hsl_unit *
new_unit(struct hsl_unit *main, struct hsl_pos pos)
{
    struct hsl_unit *m = hsl_unit_alloc(main, pos, sizeof *m), **end = &main->next_module;

    if (!m)
        return NULL;
    m->arena = main->arena;
    m->env = main->env;
    m->conf = main->conf;
    m->flow = main->flow;
    m->limits = main->limits;
    m->diags = main->diags;
    m->consts = main->consts;
    m->no_optimize = main->no_optimize;
    m->stepwise = main->stepwise;
    m->main = main;
    m->import_pos = pos;
    m->depth = depth_of(main, pos) + 1;
    while (*end)
        end = &(*end)->next_module;
    *end = m;
    return m;
}

/* Reads and checks the module in the file [path]. */
static struct hsl_unit *
load_new(struct hsl_unit *u, const char *path, const char *shown, struct hsl_pos pos)
{
    struct hsl_unit *main = hsl_unit_main(u), *m;
    struct hsl_source src = {.name = shown, .path = path, .flow = u->flow};

    if (depth_of(main, pos) >= u->limits->max_include_depth) {
        hsl_unit_limit(u, pos, "include depth (%u) exceeded", u->limits->max_include_depth);
        return NULL;
    }
    m = new_unit(main, pos);
    if (!m)
        return NULL;
    m->loading = true;
    m->refused = hsl_parse_unit(m, &src) != 0 || hsl_check_unit(m) != 0;
    m->loading = false;
    return m->refused ? NULL : m;
}

static struct hsl_unit *
load(struct hsl_unit *u, const char *path, const char *shown, struct hsl_pos pos, bool *first)
{
    struct hsl_unit *main = hsl_unit_main(u), *m = find(main, path);

    *first = m == NULL;
    if (!m)
        return load_new(u, path, shown, pos);
    if (m == main || m->loading) {
        hsl_unit_cycle(u, (int)m->first_file, shown, pos, "circular import");
        return NULL;
    }
    return m->refused ? NULL : m;
}

struct hsl_unit *
hsl_module_load(struct hsl_unit *u, struct hsl_name name, struct hsl_pos pos, bool *first)
{
    struct hsl_unit *m = NULL;
    struct ut_sbuf path;
    char *shown;

    if (hsl_unit_is_full(u))
        return NULL;
    shown = ut_arena_dup(u->arena, name.p, name.len);
    if (!shown) {
        hsl_unit_limit(u, pos, "not enough memory for the script");
        return NULL;
    }
    ut_sbuf_init(&path, 8192);
    if (hsl_unit_find_file(u, name, pos, true, &path) == 0)
        m = load(u, ut_sbuf_text(&path), shown, pos, first);
    ut_sbuf_fini(&path);
    return m;
}
