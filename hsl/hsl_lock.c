/* hsl_lock.c - names that one at a time may hold, each with a value.
 *
 * One lock guards the table; whoever waits for a barrier sleeps on a condition of its own, so that
 * leaving wakes only those who want that one. A barrier is in the table while somebody holds it or
 * waits for it, while it has a value, or while its end is to be written to a file.
 *
 * Not here: the statement (hsl_barrier.c). Threads: any. Fails: memory. */
#include "config.h"

#include "hsl/hsl_lock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hsl/hsl_hash.h"
#include "hsl/hsl_random.h"
#include "lib/ut_time.h"

#define CHAINS 1024u

struct barrier {
    struct barrier *next; /* in its chain */
    struct barrier *next_changed;
    struct barrier **chain;
    pthread_cond_t left; /* nobody holds it now */
    bool held;
    bool changed; /* its value, since hsl_locks_changes() */
    unsigned waiting;
    char *value; /* NULL: none */
    size_t value_len;
    size_t name_len;
    char name[];
};

struct hsl_locks {
    pthread_mutex_t lock;
    uint64_t seed[2];
    size_t memory, max_memory; /* bytes of values with their names */
    bool kept;
    struct barrier *changed;
    struct barrier *chains[CHAINS];
};

/* --- The table ------------------------------------------------------------------------------- */

static struct barrier *
new_barrier(const struct hsl_text *name, struct barrier **chain)
{
    struct barrier *b = calloc(1, sizeof(*b) + name->len + 1);

    if (!b)
        return NULL;
    ut_time_cond_init(&b->left);
    b->name_len = name->len;
    memcpy(b->name, name->p, name->len);
    b->chain = chain;
    b->next = *chain;
    *chain = b;
    return b;
}

static void
free_barrier(struct barrier *b)
{
    pthread_cond_destroy(&b->left);
    free(b->value);
    free(b);
}

/* The barrier of that name, made if there is none; NULL: no memory. */
static struct barrier *
get_barrier(struct hsl_locks *l, const struct hsl_text *name)
{
    uint64_t hash = hsl_hash_bytes(l->seed[0], l->seed[1], name->p, name->len);
    struct barrier **chain = &l->chains[hash % CHAINS], *b;

    for (b = *chain; b; b = b->next) {
        if (b->name_len == name->len && memcmp(b->name, name->p, name->len) == 0)
            return b;
    }
    return new_barrier(name, chain);
}

/* Takes [b] away if it is of no use any more. */
static void
put_barrier(struct barrier *b)
{
    struct barrier **at = b->chain;

    if (b->held || b->waiting || b->value || b->changed)
        return;
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    free_barrier(b);
}

/* --- Entering and leaving -------------------------------------------------------------------- */

static bool
wait_for(struct hsl_locks *l, struct barrier *b, double seconds)
{
    double deadline = ut_time_mono() + seconds;

    b->waiting++;
    while (b->held && ut_time_cond_wait(&b->left, &l->lock, deadline))
        continue;
    b->waiting--;
    return !b->held;
}

enum hsl_share_end
hsl_locks_enter(struct hsl_locks *l, const struct hsl_text *name, double wait,
    struct ut_sbuf *value, bool *has_value, void **lock)
{
    enum hsl_share_end end = HSL_SHARE_OK;
    struct barrier *b;

    pthread_mutex_lock(&l->lock);
    b = get_barrier(l, name);
    if (!b) {
        end = HSL_SHARE_FULL;
    } else if (!wait_for(l, b, wait)) {
        end = HSL_SHARE_TIMEOUT;
    } else {
        *has_value = b->value != NULL;
        if (b->value)
            ut_sbuf_add(value, b->value, b->value_len);
        if (value->failed)
            end = HSL_SHARE_FULL;
        b->held = end == HSL_SHARE_OK;
        *lock = b->held ? b : NULL;
    }
    if (b && end != HSL_SHARE_OK) {
        if (!b->held)
            pthread_cond_signal(&b->left);
        put_barrier(b);
    }
    pthread_mutex_unlock(&l->lock);
    return end;
}

/* The value of [b] becomes a copy of [value] (NULL: none). */
static bool
set_value(struct hsl_locks *l, struct barrier *b, const struct hsl_text *value)
{
    size_t old = b->value ? b->value_len + sizeof(*b) + b->name_len : 0;
    size_t size = value ? value->len + sizeof(*b) + b->name_len : 0;
    char *copy = NULL;

    if (value && (size > l->max_memory || l->memory - old > l->max_memory - size))
        return false;
    if (value) {
        copy = malloc(value->len + 1);
        if (!copy)
            return false;
        memcpy(copy, value->p, value->len);
        b->value_len = value->len;
    }
    l->memory += size - old;
    free(b->value);
    b->value = copy;
    return true;
}

static void
note_change(struct hsl_locks *l, struct barrier *b)
{
    if (!l->kept || b->changed)
        return;
    b->changed = true;
    b->next_changed = l->changed;
    l->changed = b;
}

enum hsl_share_end
hsl_locks_leave(
    struct hsl_locks *l, void *lock, enum hsl_share_keep keep, const struct hsl_text *value)
{
    struct barrier *b = lock;
    bool ok = true;

    pthread_mutex_lock(&l->lock);
    if (keep != HSL_SHARE_KEEP)
        ok = set_value(l, b, keep == HSL_SHARE_STORE ? value : NULL);
    if (keep != HSL_SHARE_KEEP && ok)
        note_change(l, b);
    b->held = false;
    pthread_cond_signal(&b->left);
    put_barrier(b);
    pthread_mutex_unlock(&l->lock);
    return ok ? HSL_SHARE_OK : HSL_SHARE_FULL;
}

/* --- Keeping --------------------------------------------------------------------------------- */

static void
give(const struct barrier *b, hsl_share_record_fn *fn, void *arg)
{
    struct hsl_text name = {b->name, b->name_len}, value = {b->value, b->value_len};

    fn(arg, &name, &value);
}

void
hsl_locks_changes(struct hsl_locks *l, bool all, hsl_share_record_fn *fn, void *arg)
{
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; all && i < CHAINS; i++)
        for (const struct barrier *b = l->chains[i]; b; b = b->next)
            if (b->value)
                give(b, fn, arg);
    while (l->changed) {
        struct barrier *b = l->changed;

        l->changed = b->next_changed;
        b->changed = false;
        if (!all)
            give(b, fn, arg);
        put_barrier(b);
    }
    pthread_mutex_unlock(&l->lock);
}

bool
hsl_locks_restore(struct hsl_locks *l, const struct hsl_text *name, const struct hsl_text *value)
{
    struct barrier *b;
    bool ok;

    pthread_mutex_lock(&l->lock);
    b = get_barrier(l, name);
    ok = b && set_value(l, b, value);
    if (b)
        put_barrier(b);
    pthread_mutex_unlock(&l->lock);
    return ok;
}

/* --- Life ------------------------------------------------------------------------------------ */

void
hsl_locks_free(struct hsl_locks *l)
{
    for (size_t i = 0; l && i < CHAINS; i++) {
        while (l->chains[i]) {
            struct barrier *b = l->chains[i];

            l->chains[i] = b->next;
            free_barrier(b);
        }
    }
    if (l)
        pthread_mutex_destroy(&l->lock);
    free(l);
}

struct hsl_locks *
hsl_locks_new(size_t memory, bool kept)
{
    struct hsl_locks *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    if (!hsl_random_fill(l->seed, sizeof(l->seed))) {
        free(l);
        return NULL;
    }
    l->kept = kept;
    l->max_memory = memory;
    pthread_mutex_init(&l->lock, NULL);
    return l;
}
