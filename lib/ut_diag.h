/* ut_diag.h - what went wrong and where, handed up by libraries instead of logged.
 * Plain values; not thread-safe when shared. */
#ifndef UT_DIAG_H
#define UT_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_bug.h"
#include "lib/ut_sbuf.h"

enum ut_diag_level {
    UT_DIAG_ERROR,   /* the thing is refused */
    UT_DIAG_WARNING, /* it works, but see here */
    UT_DIAG_NOTE     /* belongs to the entry before it: "included from here" */
};

struct ut_diag {
    enum ut_diag_level level;
    char source[256]; /* file as the user named it, "" if none; a longer name is cut at the left */
    char path[512];   /* where that file lies, if the name does not say; "" if unknown or longer */
    unsigned line;    /* from 1; 0: none */
    unsigned column;  /* in bytes from 1; 0: none */
    char code[8];     /* "C04", "R01", "L02", "W1" ...; "" if none */
    char text[768];   /* what, and the remedy; one line, UTF-8, never cut inside a character */
};

/* Fills [d] with an error without a place. Always gives -1, so that callers can return it.
 * [d] may be NULL: then nothing is written. */
int ut_diag_set(struct ut_diag *d, const char *fmt, ...) UT_PRINTF(2, 3);
/* The same with a place. [source] may be NULL, [line] and [column] 0. */
int ut_diag_at(struct ut_diag *d, const char *source, unsigned line, unsigned column,
    const char *fmt, ...) UT_PRINTF(5, 6);
/* The same as ut_diag_set() with ": " and strerror(errno) behind the text; keeps errno. */
int ut_diag_errno(struct ut_diag *d, const char *fmt, ...) UT_PRINTF(2, 3);
/* Notes where the file lies that [d] is about. [path] may be NULL. */
void ut_diag_set_path(struct ut_diag *d, const char *path);
/* Appends "source:line:column: text" (parts that are unknown are left out) to [out]. */
void ut_diag_to_text(const struct ut_diag *d, struct ut_sbuf *out);

/* Several of them, in the order they were found. */
struct ut_diag_list {
    struct ut_diag *items; /* owned by the list */
    size_t count;          /* entries */
    size_t cap;            /* entries allocated */
    size_t errors;         /* entries of level UT_DIAG_ERROR, also those that did not fit */
    size_t max;            /* most entries kept; later ones are only counted */
};

void ut_diag_list_init(struct ut_diag_list *l, size_t max);
void ut_diag_list_fini(struct ut_diag_list *l);
/* Copies [d] to the end of [l]; without memory it is only counted. */
void ut_diag_list_add(struct ut_diag_list *l, const struct ut_diag *d);
/* Formats and adds in one step. [code] may be NULL. Always gives -1. */
int ut_diag_list_at(struct ut_diag_list *l, enum ut_diag_level level, const char *code,
    const char *source, unsigned line, unsigned column, const char *fmt, ...) UT_PRINTF(7, 8);

#endif
