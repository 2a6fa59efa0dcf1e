/* qtn_index.c - the index as its users see it: a mutex around one of the kinds.
 * Not here: Berkeley DB (qtn_index_db.c), memory (qtn_index_ram.c), what records say
 * (qtn_record.c).
 * Threads: any; one at a time gets in. Fails: as the kind does. */
#include "config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "quarantine/qtn_index_internal.h"

void
qtn_index_init(struct qtn_index *ix, const struct qtn_index_ops *ops)
{
    ix->ops = ops;
    pthread_mutex_init(&ix->lock, NULL);
}

void
qtn_index_key(const char *recipient, char out[QTN_TEXT_MAX + 1])
{
    size_t n = 0;

    for (; recipient[n] && n < QTN_TEXT_MAX; n++) {
        unsigned char c = (unsigned char)recipient[n];

        out[n] = (char)(c < 0x80 ? tolower(c) : c);
    }
    out[n] = '\0';
}

void
qtn_index_close(struct qtn_index *ix)
{
    if (!ix)
        return;
    ix->ops->close(ix);
    pthread_mutex_destroy(&ix->lock);
    free(ix);
}

int
qtn_index_put(
    struct qtn_index *ix, const struct qtn_record *records, size_t count, struct ut_diag *d)
{
    int result;

    pthread_mutex_lock(&ix->lock);
    result = ix->ops->put(ix, records, count, d);
    pthread_mutex_unlock(&ix->lock);
    return result;
}

int
qtn_index_del(struct qtn_index *ix, const char *id, struct ut_diag *d)
{
    int result;

    pthread_mutex_lock(&ix->lock);
    result = ix->ops->del(ix, id, d);
    pthread_mutex_unlock(&ix->lock);
    return result;
}

enum qtn_find
qtn_index_get(struct qtn_index *ix, const char *id, struct qtn_record *r, struct ut_diag *d)
{
    enum qtn_find result;

    pthread_mutex_lock(&ix->lock);
    result = ix->ops->get(ix, id, r, d);
    pthread_mutex_unlock(&ix->lock);
    return result;
}

enum qtn_find
qtn_index_next(struct qtn_index *ix, const char *after, const char *recipient, struct qtn_record *r,
    struct ut_diag *d)
{
    char key[QTN_TEXT_MAX + 1];
    enum qtn_find result;

    if (recipient)
        qtn_index_key(recipient, key);
    pthread_mutex_lock(&ix->lock);
    result = ix->ops->next(ix, after, recipient ? key : NULL, r, d);
    pthread_mutex_unlock(&ix->lock);
    return result;
}

int
qtn_index_checkpoint(struct qtn_index *ix, struct ut_diag *d)
{
    int result;

    pthread_mutex_lock(&ix->lock);
    result = ix->ops->checkpoint(ix, d);
    pthread_mutex_unlock(&ix->lock);
    return result;
}

bool
qtn_index_damaged(struct qtn_index *ix)
{
    bool damaged;

    pthread_mutex_lock(&ix->lock);
    damaged = ix->damaged;
    pthread_mutex_unlock(&ix->lock);
    return damaged;
}
