/* hsl_memory.c - keys and values of memory_*(): a hash table with a list in order of use.
 *
 * A key that was removed or had to go stays as one without a value until hsl_memory_changes() has
 * told that it is gone; only then it is freed. Versions begin with the time of the start, so that
 * one from before a restart fits nothing after it.
 *
 * Not here: the functions (hsl_lib_share.c). Threads: any. Fails: memory. */
#include "config.h"

#include "hsl/hsl_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hsl/hsl_hash.h"
#include "hsl/hsl_plain.h"
#include "hsl/hsl_random.h"
#include "lib/ut_time.h"

#define FIRST_CHAINS 256u
#define NUMBER_BYTES (1 + sizeof(double)) /* of a number, as hsl_plain.c writes it */

struct item {
    struct item *next;          /* in its chain */
    struct item *newer, *older; /* in order of use */
    struct item *next_changed;
    bool changed; /* since hsl_memory_changes() */
    char *value;  /* NULL: gone */
    size_t value_len, key_len;
    uint64_t version;
    uint64_t hash;
    char key[];
};

struct hsl_memory {
    pthread_mutex_t lock;
    uint64_t seed[2];
    uint64_t version; /* of the last change */
    bool kept;
    size_t memory, max_memory, count;
    size_t chain_count; /* a power of two */
    struct item **chains;
    struct item *newest, *oldest;
    struct item *changed;
};

/* --- The table -------------------------------------------------------------------------------- */

static size_t
size_of(const struct item *it)
{
    return sizeof(*it) + it->key_len + (it->value ? it->value_len : 0);
}

static void
unlink_use(struct hsl_memory *m, struct item *it)
{
    *(it->newer ? &it->newer->older : &m->newest) = it->older;
    *(it->older ? &it->older->newer : &m->oldest) = it->newer;
}

static void
link_newest(struct hsl_memory *m, struct item *it)
{
    it->newer = NULL;
    it->older = m->newest;
    *(m->newest ? &m->newest->newer : &m->oldest) = it;
    m->newest = it;
}

static void
grow(struct hsl_memory *m)
{
    size_t count = m->chain_count * 2;
    struct item **chains = m->count < m->chain_count ? NULL : calloc(count, sizeof(struct item *));

    if (!chains)
        return;
    for (struct item *it = m->newest; it; it = it->older) {
        it->next = chains[it->hash & (count - 1)];
        chains[it->hash & (count - 1)] = it;
    }
    free(m->chains);
    m->chains = chains;
    m->chain_count = count;
}

static void
free_item(struct hsl_memory *m, struct item *it)
{
    struct item **at = &m->chains[it->hash & (m->chain_count - 1)];

    while (*at != it)
        at = &(*at)->next;
    *at = it->next;
    unlink_use(m, it);
    m->memory -= size_of(it);
    m->count--;
    free(it->value);
    free(it);
}

/* The item of [key], which may be gone, or NULL. It is the newest then. */
static struct item *
find(struct hsl_memory *m, const struct hsl_text *key, uint64_t *hash)
{
    struct item *it;

    *hash = hsl_hash_bytes(m->seed[0], m->seed[1], key->p, key->len);
    it = m->chains[*hash & (m->chain_count - 1)];
    while (it &&
           (it->hash != *hash || it->key_len != key->len || memcmp(it->key, key->p, key->len) != 0))
        it = it->next;
    if (it) {
        unlink_use(m, it);
        link_newest(m, it);
    }
    return it;
}

static struct item *
new_item(struct hsl_memory *m, const struct hsl_text *key, uint64_t hash)
{
    struct item *it = calloc(1, sizeof(*it) + key->len);

    if (!it)
        return NULL;
    grow(m);
    it->hash = hash;
    it->key_len = key->len;
    memcpy(it->key, key->p, key->len);
    it->next = m->chains[hash & (m->chain_count - 1)];
    m->chains[hash & (m->chain_count - 1)] = it;
    link_newest(m, it);
    m->count++;
    m->memory += size_of(it);
    return it;
}

/* --- Changing --------------------------------------------------------------------------------- */

static void
note_change(struct hsl_memory *m, struct item *it)
{
    it->version = ++m->version;
    if (!m->kept || it->changed)
        return;
    it->changed = true;
    it->next_changed = m->changed;
    m->changed = it;
}

static void
remove_value(struct hsl_memory *m, struct item *it)
{
    m->memory -= it->value_len;
    free(it->value);
    it->value = NULL;
    it->value_len = 0;
    note_change(m, it);
    if (!it->changed)
        free_item(m, it);
}

/* Lets keys go until all fit, but for the newest. */
static void
make_room(struct hsl_memory *m)
{
    struct item *it = m->oldest;

    while (it && it != m->newest && m->memory > m->max_memory) {
        struct item *newer = it->newer;

        if (it->value)
            remove_value(m, it);
        it = newer;
    }
}

/* [it] may be NULL: the key is new. false: no room. */
static bool
set_value(struct hsl_memory *m, struct item *it, const struct hsl_text *key, uint64_t hash,
    const struct hsl_text *value)
{
    char *copy;

    if (sizeof(*it) + key->len + value->len > m->max_memory / 2)
        return false;
    copy = malloc(value->len + 1);
    if (!copy || (!it && !(it = new_item(m, key, hash)))) {
        free(copy);
        return false;
    }
    memcpy(copy, value->p, value->len);
    m->memory += value->len - it->value_len;
    free(it->value);
    it->value = copy;
    it->value_len = value->len;
    note_change(m, it);
    make_room(m);
    return true;
}

static bool
describe(const struct item *it, struct hsl_share_entry *entry)
{
    entry->found = it && it->value;
    entry->version = entry->found ? it->version : 0;
    if (entry->found)
        ut_sbuf_add(&entry->value, it->value, it->value_len);
    return !entry->value.failed;
}

enum hsl_share_end
hsl_memory_get(struct hsl_memory *m, const struct hsl_text *key, struct hsl_share_entry *entry)
{
    uint64_t hash;
    bool ok;

    pthread_mutex_lock(&m->lock);
    ok = describe(find(m, key, &hash), entry);
    pthread_mutex_unlock(&m->lock);
    return ok ? HSL_SHARE_OK : HSL_SHARE_FULL;
}

static bool
may_change(const struct hsl_share_change *c, const struct hsl_share_entry *before)
{
    if (c->when == HSL_SHARE_IF_MISSING)
        return !before->found;
    return c->when == HSL_SHARE_ALWAYS || c->version == before->version;
}

enum hsl_share_end
hsl_memory_change(struct hsl_memory *m, const struct hsl_share_change *c,
    struct hsl_share_entry *before, bool *done)
{
    struct item *it;
    uint64_t hash;
    bool ok;

    pthread_mutex_lock(&m->lock);
    it = find(m, &c->key, &hash);
    ok = describe(it, before);
    *done = ok && may_change(c, before);
    if (*done && c->value.p)
        ok = *done = set_value(m, it, &c->key, hash, &c->value);
    else if (*done && before->found)
        remove_value(m, it);
    pthread_mutex_unlock(&m->lock);
    return ok ? HSL_SHARE_OK : HSL_SHARE_FULL;
}

enum hsl_share_end
hsl_memory_add(struct hsl_memory *m, const struct hsl_text *key, double n, bool remove_zero,
    double *result, bool *is_number)
{
    char bytes[NUMBER_BYTES] = {'d'};
    struct hsl_text value = {bytes, sizeof(bytes)};
    struct item *it;
    uint64_t hash;
    bool ok = true, found;

    pthread_mutex_lock(&m->lock);
    it = find(m, key, &hash);
    found = it && it->value;
    *result = 0;
    *is_number = !found || (it->value_len == NUMBER_BYTES && it->value[0] == 'd');
    if (found && *is_number)
        memcpy(result, it->value + 1, sizeof(*result));
    *result += n;
    memcpy(bytes + 1, result, sizeof(*result));
    if (*is_number && remove_zero && *result == 0) {
        if (found)
            remove_value(m, it);
    } else if (*is_number) {
        ok = set_value(m, it, key, hash, &value);
    }
    pthread_mutex_unlock(&m->lock);
    return ok ? HSL_SHARE_OK : HSL_SHARE_FULL;
}

/* --- Keeping ---------------------------------------------------------------------------------- */

static void
give(const struct item *it, hsl_share_record_fn *fn, void *arg)
{
    struct hsl_text key = {it->key, it->key_len}, value = {it->value, it->value_len};

    fn(arg, &key, &value);
}

void
hsl_memory_changes(struct hsl_memory *m, bool all, hsl_share_record_fn *fn, void *arg)
{
    pthread_mutex_lock(&m->lock);
    for (const struct item *it = m->oldest; all && it; it = it->newer)
        if (it->value)
            give(it, fn, arg);
    while (m->changed) {
        struct item *it = m->changed;

        m->changed = it->next_changed;
        it->changed = false;
        if (!all)
            give(it, fn, arg);
        if (!it->value)
            free_item(m, it);
    }
    pthread_mutex_unlock(&m->lock);
}

bool
hsl_memory_restore(struct hsl_memory *m, const struct hsl_text *key, const struct hsl_text *value)
{
    struct hsl_share_change c = {.key = *key, .value = *value, .when = HSL_SHARE_IF_MISSING};
    struct hsl_share_entry before = {.found = false};
    bool done = false, ok;

    ut_sbuf_init(&before.value, SIZE_MAX);
    ok = hsl_memory_change(m, &c, &before, &done) == HSL_SHARE_OK && done;
    ut_sbuf_fini(&before.value);
    return ok;
}

/* --- Life ------------------------------------------------------------------------------------- */

struct hsl_memory *
hsl_memory_new(size_t memory, bool kept)
{
    struct hsl_memory *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->chains = calloc(FIRST_CHAINS, sizeof(struct item *));
    if (!m->chains || !hsl_random_fill(m->seed, sizeof(m->seed))) {
        free(m->chains);
        free(m);
        return NULL;
    }
    m->chain_count = FIRST_CHAINS;
    m->max_memory = memory;
    m->kept = kept;
    m->version = (uint64_t)(ut_time_wall() * 1e6);
    pthread_mutex_init(&m->lock, NULL);
    return m;
}

void
hsl_memory_free(struct hsl_memory *m)
{
    if (!m)
        return;
    while (m->newest)
        free_item(m, m->newest);
    pthread_mutex_destroy(&m->lock);
    free(m->chains);
    free(m);
}
