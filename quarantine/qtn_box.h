/* qtn_box.h - the quarantines that a configuration names ("boxes"), each with its open store.
 *
 * A set never changes but for its counted reference and the list of stuck names; it lives until
 * the last user drops it, so a reload can replace it at any time. */
#ifndef QTN_BOX_H
#define QTN_BOX_H

#include <stddef.h>

#include "lib/ut_bug.h"
#include "lib/ut_conf.h"
#include "lib/ut_diag.h"
#include "quarantine/qtn_store.h"

#define QTN_STUCK_MAX 256

struct qtn_box {
    char *ref;                  /* "mailquarantine:ID" */
    struct qtn_store *store;
    long retention;             /* seconds */
    char *stuck[QTN_STUCK_MAX]; /* names in incoming/ that were complained about and cannot be
                                 * moved; for qtn_take.c, with the keeper's lock held */
    size_t stuck_count;
};

struct qtn_boxes {
    struct ut_conf *conf;  /* a reference */
    struct qtn_box *items; /* in the order of the configuration */
    size_t count;
    size_t refs; /* for the functions below */
};

/* Opens all quarantines of [conf], of which it keeps a reference of its own. NULL with [d] set: a
 * folder cannot be used, or two sections have the same. */
struct qtn_boxes *qtn_boxes_open(struct ut_conf *conf, struct ut_diag *d) UT_CHECKED;
/* Takes another reference; gives [b]. Any thread. */
struct qtn_boxes *qtn_boxes_ref(struct qtn_boxes *b);
/* Drops one; the last closes all. NULL is allowed. Any thread. */
void qtn_boxes_unref(struct qtn_boxes *b);
/* The box "mailquarantine:ID", or NULL. */
struct qtn_box *qtn_boxes_get(const struct qtn_boxes *b, const char *ref);

#endif
