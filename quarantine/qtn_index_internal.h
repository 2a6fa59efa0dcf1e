/* qtn_index_internal.h - what the kinds of index have in common. For qtn_index*.c only. */
#ifndef QTN_INDEX_INTERNAL_H
#define QTN_INDEX_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>

#include "quarantine/qtn_index.h"

/* A kind fills this in; all are called with the mutex held, and mean what the functions of the
 * same name in qtn_index.h say. */
struct qtn_index_ops {
    void (*close)(struct qtn_index *ix); /* frees all but [lock] and the struct itself */
    int (*put)(
        struct qtn_index *ix, const struct qtn_record *records, size_t count, struct ut_diag *d);
    int (*del)(struct qtn_index *ix, const char *id, struct ut_diag *d);
    enum qtn_find (*get)(
        struct qtn_index *ix, const char *id, struct qtn_record *r, struct ut_diag *d);
    /* [key]: the recipient as qtn_index_key() makes it, or NULL */
    enum qtn_find (*next)(struct qtn_index *ix, const char *after, const char *key,
        struct qtn_record *r, struct ut_diag *d);
    int (*checkpoint)(struct qtn_index *ix, struct ut_diag *d);
};

/* The first member of each kind's own struct. */
struct qtn_index {
    const struct qtn_index_ops *ops;
    pthread_mutex_t lock;
    bool damaged; /* as qtn_index_damaged() */
};

/* Makes the common part ready. */
void qtn_index_init(struct qtn_index *ix, const struct qtn_index_ops *ops);
/* The key of [recipient]: ASCII letters in lower case, cut to QTN_TEXT_MAX bytes. */
void qtn_index_key(const char *recipient, char out[QTN_TEXT_MAX + 1]);

#endif
