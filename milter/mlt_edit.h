/* mlt_edit.h - header edits: recorded by a run, compared between recipients, sent at the end.
 *
 * A run sees the message's headers through a view that begins as received and takes its edits. At
 * its end the view is boiled down to the list of changes that is sent to the mail server or built
 * into a copy. Memory comes from the message's arena and lives as long. One thread at a time. */
#ifndef MLT_EDIT_H
#define MLT_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hsl/hsl_host.h"
#include "lib/ut_arena.h"
#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"

/* One header as received. */
struct mlt_header {
    const char *name;  /* as spelled */
    const char *value; /* all behind the colon, leading blanks too; lines joined by LF */
    size_t len;        /* bytes of value */
    unsigned nth;      /* from 1: which one of its name, as the mail server counts */
};

enum mlt_edit_op {
    MLT_EDIT_CHANGE,
    MLT_EDIT_DELETE,
    MLT_EDIT_INSERT /* above all others */
};

/* One change. The list is in the order in which it must be sent: see mlt_edit.c. */
struct mlt_edit {
    enum mlt_edit_op op;
    const char *name;
    const char *value; /* lines joined by LF, no leading blank; NULL: MLT_EDIT_DELETE */
    size_t orig;       /* index of the header as received; not for INSERT */
    unsigned nth;      /* its mlt_header.nth */
};

struct mlt_edits {
    struct mlt_edit *items;
    size_t count;  /* at least 1: no changes are a NULL list */
    uint64_t hash; /* of all of it */
};

/* True if both lists (NULL: no changes) do the same. */
bool mlt_edits_same(const struct mlt_edits *a, const struct mlt_edits *b);
/* Appends the header block of [headers] with [edits] (may be NULL) made: lines end in CR LF, the
 * empty line behind it is not added. Headers named [without] (may be NULL) are left out. */
void mlt_edits_write(const struct mlt_header *headers, size_t count, const struct mlt_edits *edits,
    const char *without, struct ut_sbuf *out);

struct mlt_view_item {
    const char *name;
    const char *value; /* as in struct mlt_header while unchanged, else as in mlt_edit */
    size_t len;
    long orig; /* index as received; -1: added by this run */
    bool changed;
};

struct mlt_view {
    struct ut_arena *arena;
    const struct mlt_header *headers; /* as received, from the top; borrowed */
    size_t header_count;
    struct mlt_view_item *items; /* from the bottom; NULL until the first edit */
    size_t count, cap;
    long edits; /* calls that changed something */
};

/* A view of [headers], which must stay as they are. Allocates nothing. */
void mlt_view_init(
    struct mlt_view *v, struct ut_arena *arena, const struct mlt_header *headers, size_t count);
/* As hsl_host.header_get: lines are joined by CR LF, leading blanks of the value left out. */
bool mlt_view_get(const struct mlt_view *v, const char *name, size_t index, struct ut_sbuf *out);
/* As hsl_host.header_edit. */
long mlt_view_edit(struct mlt_view *v, enum hsl_header_op op, const char *name, const char *value,
    size_t len, struct ut_diag *why) UT_CHECKED;
/* Forgets all edits; their number. */
long mlt_view_discard(struct mlt_view *v);
/* The changes so far as a list that later edits do not touch, NULL if there are none, into
 * [*out]; -1 without memory. */
int mlt_view_edits(const struct mlt_view *v, const struct mlt_edits **out) UT_CHECKED;

#endif
