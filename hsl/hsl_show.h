/* hsl_show.h - a diagnostic as people read it: the message, its source line, a caret.
 *
 * For the programs `hsl` and `penstock`; the library never prints. Threads: one. */
#ifndef HSL_SHOW_H
#define HSL_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "hsl/hsl.h"
#include "lib/ut_diag.h"

struct hsl_show {
    FILE *to;
    bool colour;      /* with terminal sequences */
    const char *name; /* name in messages of the text below; NULL: there is none */
    const char *text; /* source that is in no file; borrowed; [len] bytes */
    size_t len;
    const char *dir; /* where names in messages are looked for first; or NULL */
};

/* Prints "file:line:column: text" (a warning as "file:line:column: warning: text"), and below
 * it the source line and a caret if the source can be read. */
void
hsl_show_diag(const struct hsl_show *s, const struct ut_diag *d);
/* Prints all of [l] in their order, and how many errors did not fit. */
void
hsl_show_list(const struct hsl_show *s, const struct ut_diag_list *l);

/* True if [to] is a terminal and the environment does not say NO_COLOR. */
bool
hsl_show_wants_colour(FILE *to);
/* Prints one line about what a run took; [compile_seconds] below 0: without that. */
void
hsl_show_cost(FILE *to, double compile_seconds, const struct hsl_result *res);

#endif
