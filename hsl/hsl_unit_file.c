/* hsl_unit_file.c - the files of one compilation: the script, what it includes and imports. They
 * stand in one table, so that a position says which; all their bytes count against max_source.
 * Not here: which file a name means (hsl_path.c), what is done with the text (hsl_parse_include.c,
 * hsl_module.c, hsl_import_data.c).
 * Threads: one per unit. Fails: C10, C13, C15. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "hsl/hsl_env.h"
#include "hsl/hsl_unit.h"
#include "lib/ut_file.h"

/* Files of one program; their number must fit struct hsl_pos. */
#define MAX_FILES 10000

int
hsl_unit_add_file(struct hsl_unit *u, const char *name, struct hsl_pos pos)
{
    uint32_t n;

    u = hsl_unit_main(u);
    n = u->file_count;
    if (n >= MAX_FILES)
        return hsl_unit_limit(u, pos, "more than %d included files", MAX_FILES);
    if ((n & (n - 1)) == 0) { /* 0 and powers of two: full */
        struct hsl_source_file *bigger =
            hsl_unit_alloc(u, pos, (n ? 2 * (size_t)n : 1) * sizeof *bigger);

        if (!bigger)
            return -1;
        if (n > 0)
            memcpy(bigger, u->files, n * sizeof *bigger);
        u->files = bigger;
    }
    u->files[n] = (struct hsl_source_file){.name = name, .included_by = -1};
    u->file_count++;
    return (int)n;
}

/* Most bytes of source; lengths of names and texts in the tree are 32 bits. */
static size_t
source_max(const struct hsl_unit *u)
{
    size_t max = u->limits->max_source;

    return max > 1u << 30 ? 1u << 30 : max;
}

int
hsl_unit_count_source(struct hsl_unit *u, size_t len, struct hsl_pos pos)
{
    size_t max = source_max(u);

    u = hsl_unit_main(u);
    if (len > max || u->source_bytes > max - len)
        return hsl_unit_limit(u, pos, "source (%zu bytes) exceeded", max);
    u->source_bytes += len;
    return 0;
}

int
hsl_unit_find_file(struct hsl_unit *u, struct hsl_name name, struct hsl_pos pos, bool add_hsl,
    struct ut_sbuf *path)
{
    struct ut_diag d;

    if (!u->env)
        return hsl_unit_error(
            u, "C13", pos, "cannot open %.*s: no files here", HSL_NAME_ARGS(name));
    if (hsl_path_resolve_source(
            u->env, u->conf, name.p, name.len, hsl_unit_file(u, pos)->path, add_hsl, path, &d) != 0)
        return hsl_unit_error(u, "C13", pos, "%s", d.text);
    return 0;
}

int
hsl_unit_read_file(struct hsl_unit *u, const char *path, const char *shown, struct hsl_pos pos,
    const char **text, size_t *len)
{
    size_t max = source_max(u);
    struct ut_sbuf content;
    struct ut_diag d;
    char why[128];
    int rc = -1;

    ut_sbuf_init(&content, max);
    if (ut_file_read(path, max, &content, &d) == 0) {
        *len = content.len;
        *text = ut_arena_dup(u->arena, ut_sbuf_text(&content), content.len);
        rc = *text ? 0 : hsl_unit_limit(u, pos, "not enough memory for the script");
    } else if (errno == EFBIG) { /* what hsl_unit_count_source() would say */
        (void)hsl_unit_limit(u, pos, "source (%zu bytes) exceeded", max);
    } else {
        const char *reason = errno ? strerror_r(errno, why, sizeof why) : d.text;

        hsl_unit_error(u, "C13", pos, "cannot open %s: %s", shown, reason);
    }
    ut_sbuf_fini(&content);
    return rc;
}

void
hsl_unit_cycle(
    struct hsl_unit *u, int first, const char *shown, struct hsl_pos pos, const char *what)
{
    const struct hsl_source_file *files = hsl_unit_main(u)->files;
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
    hsl_unit_error(u, "C10", pos, "%s (%s)", what, ut_sbuf_text(&chain));
    ut_sbuf_fini(&chain);
}
