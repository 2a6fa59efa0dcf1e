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

/* For "%.*s". */
#define HSL_NAME_ARGS(name) (int)(name).len, (name).p

#endif
