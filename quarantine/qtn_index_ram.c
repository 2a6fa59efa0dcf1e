/* qtn_index_ram.c - an index in memory, for tests: a sorted array of encoded records.
 * Not here: locking (qtn_index.c). Fails: without memory only. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "quarantine/qtn_index_internal.h"

struct entry {
    char id[QTN_ID_LEN + 1];
    char *data; /* as qtn_record_encode() made it */
    size_t len;
};

struct ram {
    struct qtn_index base;
    struct entry *entries; /* by id */
    size_t count;
    size_t cap;
};

static struct ram *
ram_of(struct qtn_index *ix)
{
    return (struct ram *)ix;
}

static void
ram_close(struct qtn_index *ix)
{
    struct ram *m = ram_of(ix);

    for (size_t i = 0; i < m->count; i++)
        free(m->entries[i].data);
    free(m->entries);
}

/* The first entry whose id is not below [id]. */
static size_t
lower_bound(const struct ram *m, const char *id)
{
    size_t lo = 0;
    size_t hi = m->count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (strcmp(m->entries[mid].id, id) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool
is_at(const struct ram *m, size_t i, const char *id)
{
    return i < m->count && strcmp(m->entries[i].id, id) == 0;
}

static int
grow(struct ram *m, size_t more, struct ut_diag *d)
{
    size_t cap = m->count + more + 64;
    struct entry *e;

    if (m->count + more <= m->cap)
        return 0;
    e = realloc(m->entries, cap * sizeof(*e));
    if (!e)
        return ut_diag_set(d, "no memory for the index");
    m->entries = e;
    m->cap = cap;
    return 0;
}

/* Puts an encoded record in its place; there is room. */
static void
place(struct ram *m, const struct entry *new)
{
    size_t i = lower_bound(m, new->id);

    if (is_at(m, i, new->id)) {
        free(m->entries[i].data);
    } else {
        memmove(m->entries + i + 1, m->entries + i, (m->count - i) * sizeof(*new));
        m->count++;
    }
    m->entries[i] = *new;
}

static int
ram_put(struct qtn_index *ix, const struct qtn_record *records, size_t count, struct ut_diag *d)
{
    struct ram *m = ram_of(ix);
    struct entry *new = calloc(count ? count : 1, sizeof(*new));
    size_t n = 0;
    int result = new ? grow(m, count, d) : ut_diag_set(d, "no memory for the index");

    for (; result == 0 && n < count; n++) {
        struct ut_sbuf b;

        ut_sbuf_init(&b, QTN_RECORD_MAX);
        qtn_record_encode(&records[n], &b);
        memcpy(new[n].id, records[n].id, sizeof(new[n].id));
        new[n].data = ut_sbuf_take(&b, &new[n].len);
        if (!new[n].data)
            result = ut_diag_set(d, "no memory for the index");
    }
    for (size_t i = 0; i < n; i++) {
        if (result == 0)
            place(m, &new[i]);
        else
            free(new[i].data);
    }
    free(new);
    return result;
}

static int
ram_del(struct qtn_index *ix, const char *id, struct ut_diag *d)
{
    struct ram *m = ram_of(ix);
    size_t i = lower_bound(m, id);

    (void)d;
    if (is_at(m, i, id)) {
        free(m->entries[i].data);
        m->count--;
        memmove(m->entries + i, m->entries + i + 1, (m->count - i) * sizeof(*m->entries));
    }
    return 0;
}

static enum qtn_find
give(const struct entry *e, struct qtn_record *r, struct ut_diag *d)
{
    char *copy = malloc(e->len);

    if (!copy) {
        ut_diag_set(d, "no memory for a record");
        return QTN_FAILED;
    }
    memcpy(copy, e->data, e->len);
    return qtn_record_decode(r, e->id, copy, e->len, d) < 0 ? QTN_FAILED : QTN_FOUND;
}

static enum qtn_find
ram_get(struct qtn_index *ix, const char *id, struct qtn_record *r, struct ut_diag *d)
{
    struct ram *m = ram_of(ix);
    size_t i = lower_bound(m, id);

    return is_at(m, i, id) ? give(&m->entries[i], r, d) : QTN_NOTFOUND;
}

static enum qtn_find
ram_next(struct qtn_index *ix, const char *after, const char *key, struct qtn_record *r,
    struct ut_diag *d)
{
    struct ram *m = ram_of(ix);

    for (size_t i = lower_bound(m, after); i < m->count; i++) {
        char is[QTN_TEXT_MAX + 1];
        enum qtn_find result;

        if (strcmp(m->entries[i].id, after) == 0)
            continue;
        result = give(&m->entries[i], r, d);
        if (result != QTN_FOUND || !key)
            return result;
        qtn_index_key(r->text[QTN_TEXT_RECIPIENT], is);
        if (strcmp(is, key) == 0)
            return QTN_FOUND;
        qtn_record_fini(r);
    }
    return QTN_NOTFOUND;
}

static int
ram_checkpoint(struct qtn_index *ix, struct ut_diag *d)
{
    (void)ix;
    (void)d;
    return 0;
}

static const struct qtn_index_ops ram_ops = {
    ram_close, ram_put, ram_del, ram_get, ram_next, ram_checkpoint};

struct qtn_index *
qtn_index_open_ram(struct ut_diag *d)
{
    struct ram *m = calloc(1, sizeof(*m));

    if (!m) {
        ut_diag_set(d, "no memory for the index");
        return NULL;
    }
    qtn_index_init(&m->base, &ram_ops);
    return &m->base;
}
