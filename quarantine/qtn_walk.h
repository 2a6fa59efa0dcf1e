/* qtn_walk.h - visit the files of a quarantine. */
#ifndef QTN_WALK_H
#define QTN_WALK_H

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "quarantine/qtn_store.h"

/* Visits one entry [path] of held/XX/. [id] is the message that it should be by its name, NULL if
 * it is not named as one of that folder. Anything but 0 ends the walk. */
typedef int qtn_walk_fn(void *arg, const char *path, const char *id);

/* Visits every entry two levels below held/ in [s], and each entry of held/ itself that is not a
 * folder of two characters ([id] NULL). 0, or -1 with [d] set, or what [fn] gave. */
int
qtn_walk_held(const struct qtn_store *s, qtn_walk_fn *fn, void *arg, struct ut_diag *d) UT_CHECKED;
/* Visits every entry of incoming/, tmp/ or broken/; [id] is NULL. Names that begin with a dot are
 * left out. */
int qtn_walk_place(const struct qtn_store *s, enum qtn_place place, qtn_walk_fn *fn, void *arg,
    struct ut_diag *d) UT_CHECKED;
/* The id of a name "ID" + [suffix]; false if it is none. */
bool qtn_walk_id(const char *name, const char *suffix, char id[QTN_ID_LEN + 1]);

#endif
