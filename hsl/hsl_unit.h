/* hsl_unit.h - what parser, checker and compiler of one unit share: reporting, constant patterns. */
#ifndef HSL_UNIT_H
#define HSL_UNIT_H

#include "hsl/hsl_ast.h"

/* Reporting stops after this many errors (language §17.1). */
#define HSL_UNIT_MAX_ERRORS 20

/* Adds an error of [code] ("C04") at [pos] to the unit's list, followed by one note "included from
 * here" for each level of inclusion. Always gives -1. */
int hsl_unit_error(struct hsl_unit *u, const char *code, struct hsl_pos pos, const char *fmt, ...)
    UT_PRINTF(4, 5);
/* The same for a warning ("W4"). */
void hsl_unit_warn(struct hsl_unit *u, const char *code, struct hsl_pos pos, const char *fmt, ...)
    UT_PRINTF(4, 5);
/* So many errors that going on is no use. */
bool hsl_unit_is_full(const struct hsl_unit *u);
/* "limit: ..." (C15). Always gives -1. */
int hsl_unit_limit(struct hsl_unit *u, struct hsl_pos pos, const char *fmt, ...) UT_PRINTF(3, 4);
/* The unit of the script that [u] is, or is a module of. */
static inline struct hsl_unit *
hsl_unit_main(struct hsl_unit *u)
{
    return u->main ? u->main : u;
}
/* The file that [pos] is in. */
static inline const struct hsl_source_file *
hsl_unit_file(struct hsl_unit *u, struct hsl_pos pos)
{
    return &hsl_unit_main(u)->files[pos.file];
}
/* Cleared memory of the unit, or NULL and a limit reported. */
void *hsl_unit_alloc(struct hsl_unit *u, struct hsl_pos pos, size_t size);
/* Remembers that the script calls the built-in or mentions the predefined variable [name] (with
 * its $), which is borrowed until the unit goes. The caller sees to it that a name comes once. -1
 * without memory. */
int hsl_unit_mention(struct hsl_unit *u, struct hsl_name name) UT_CHECKED;

/* The pattern that the constant [n] (N_REGEX or N_STR) stands for, through the process cache, so that
 * checker, compiler and runs compile it once. One reference; NULL with [d] set, without position. */
struct hsl_regex *hsl_unit_regex(struct hsl_unit *u, const struct hsl_node *n,
    struct ut_diag *d) UT_CHECKED;

/* The position of the token that starts the construct of [n] (n->pos may be an operator's). */
struct hsl_pos hsl_node_start(const struct hsl_node *n);

/* --- hsl_unit_file.c: files. [pos] is that of the include or import, where errors are reported -- */

/* A new entry of the table of files, named [name], which is borrowed until the unit goes; its
 * index, or -1. */
int hsl_unit_add_file(struct hsl_unit *u, const char *name, struct hsl_pos pos) UT_CHECKED;
/* Counts [len] bytes of source against max_source. */
int hsl_unit_count_source(struct hsl_unit *u, size_t len, struct hsl_pos pos) UT_CHECKED;
/* Finds the file that [name] means at [pos]: its real path goes to [path]. C13. */
int hsl_unit_find_file(struct hsl_unit *u, struct hsl_name name, struct hsl_pos pos, bool add_hsl,
    struct ut_sbuf *path) UT_CHECKED;
/* The content of the file [path], named [shown] in messages, into the unit's arena. C13, C15. */
int hsl_unit_read_file(struct hsl_unit *u, const char *path, const char *shown, struct hsl_pos pos,
    const char **text, size_t *len) UT_CHECKED;
/* C10, "WHAT (a -> b -> a)": the chain of files from [first] to that of [pos], and [shown]. */
void hsl_unit_cycle(struct hsl_unit *u, int first, const char *shown, struct hsl_pos pos,
    const char *what);

/* For "%.*s". */
#define HSL_NAME_ARGS(name) (int)(name).len, (name).p

#endif
