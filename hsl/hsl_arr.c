/* hsl_arr.c - ordered maps: the two layouts of hsl_arr.h and the way from one to the other.
 *
 * An array starts packed and turns into a hash by the first write that breaks "keys are 0..n-1 in
 * order"; it never turns back, only copies that are made anew start packed. Removing the last
 * element of a packed array keeps it packed. In a hash, a removed element leaves a hole in the
 * entries (its slot in the index is closed up at once); holes at the end are taken back, and when
 * more than half of the entries are holes they are squeezed out, so that every walk and every
 * access by position costs in proportion to the number of elements.
 *
 * The next index of `$v[] =` is one more than the highest integer key now there. It is kept in
 * u.top and searched again only after that very key was removed: from the end while the integer
 * keys stand in rising order (which makes the search short), else through all entries.
 *
 * Not here: freeing what elements own (hsl_value.c), operators (hsl_op*.c), slices (hsl_slice.c).
 * Threads: the run's; static arrays may be read by any. Fails: memory, max_array, R05. */
#include "hsl/hsl_arr.h"

#define MIN_CAP 4u
#define MAX_CAP (1u << 29) /* the index has twice as many slots, and positions fit in its bits */

/* --- Memory ---------------------------------------------------------------------------------- */

/* Bytes of the block with entries and index; the index has 2 * cap slots up to a power of two. */
static size_t
hash_size(uint32_t cap, uint32_t mask)
{
    return (size_t)cap * sizeof(struct hsl_entry) + ((size_t)mask + 1) * sizeof(uint32_t);
}

static uint32_t
mask_for(uint32_t cap)
{
    uint32_t slots = 2 * MIN_CAP;

    while (slots < 2 * cap)
        slots *= 2;
    return slots - 1;
}

static uint32_t
max_cap(const struct hsl_run *r)
{
    return r->limits.max_array < MAX_CAP ? (uint32_t)r->limits.max_array : MAX_CAP;
}

static bool
too_large(struct hsl_run *r)
{
    return hsl_limit(r, HSL_L06, "array size (%zu) exceeded", r->limits.max_array);
}

/* The next capacity for [need] places; 0 with the error set if that is over max_array. */
static uint32_t
grown_cap(struct hsl_run *r, uint32_t cap, size_t need)
{
    size_t want = (size_t)cap * 2;

    if (need > max_cap(r)) {
        too_large(r);
        return 0;
    }
    if (want < need)
        want = need;
    if (want < MIN_CAP)
        want = MIN_CAP;
    return want < max_cap(r) ? (uint32_t)want : max_cap(r);
}

void
hsl_arr_free_memory(struct hsl_run *r, struct hsl_arr *a)
{
    if (a->mask)
        hsl_heap_free(&r->heap, a->d.entries, hash_size(a->cap, a->mask));
    else
        hsl_heap_free(&r->heap, a->d.vals, a->cap * sizeof(struct hsl_value));
    hsl_heap_free(&r->heap, a, sizeof(*a));
}

struct hsl_arr *
hsl_arr_empty(void)
{
    static const struct hsl_arr empty = {.rc = {HSL_RC_STATIC}};

    return (struct hsl_arr *)(uintptr_t)&empty;
}

static bool
grow_packed(struct hsl_run *r, struct hsl_arr *a, size_t need)
{
    uint32_t cap = grown_cap(r, a->cap, need);
    struct hsl_value *vals;

    if (cap == 0)
        return false;
    vals =
        hsl_heap_realloc(&r->heap, a->d.vals, a->cap * sizeof(*vals), (size_t)cap * sizeof(*vals));
    if (!vals)
        return hsl_raise_memory(r);
    a->d.vals = vals;
    a->cap = cap;
    return true;
}

bool
hsl_arr_reserve(struct hsl_run *r, struct hsl_arr *a, size_t more)
{
    if (more <= a->cap - a->used)
        return true;
    if (a->cap > 0)
        return grow_packed(r, a, a->used + more);
    if (more > max_cap(r))
        return too_large(r);
    a->d.vals = hsl_heap_alloc(&r->heap, more * sizeof(struct hsl_value));
    if (!a->d.vals)
        return hsl_raise_memory(r);
    a->cap = (uint32_t)more;
    return true;
}

struct hsl_arr *
hsl_arr_new(struct hsl_run *r, size_t reserve)
{
    struct hsl_arr *a;

    a = hsl_heap_alloc(&r->heap, sizeof(*a));
    if (!a) {
        hsl_raise_memory(r);
        return NULL;
    }
    memset(a, 0, sizeof(*a));
    a->rc.refs = 1;
    if (reserve == 0 || hsl_arr_reserve(r, a, reserve))
        return a;
    hsl_heap_free(&r->heap, a, sizeof(*a));
    return NULL;
}

/* --- Index ----------------------------------------------------------------------------------- */

/* Puts entry [pos] into the first free slot of its row. */
static void
index_add(struct hsl_arr *a, uint32_t hash, uint32_t pos)
{
    uint32_t i = hash & a->mask;

    while (a->index[i])
        i = (i + 1) & a->mask;
    a->index[i] = (hash & ~a->mask) | (pos + 1);
}

/* Takes entry [pos] out and moves later ones of the row up, so that no gap cuts them off. */
static void
index_remove(struct hsl_arr *a, uint32_t hash, uint32_t pos)
{
    uint32_t gap = hash & a->mask, i;

    while ((a->index[gap] & a->mask) != pos + 1)
        gap = (gap + 1) & a->mask;
    for (i = (gap + 1) & a->mask; a->index[i]; i = (i + 1) & a->mask) {
        uint32_t home = a->d.entries[(a->index[i] & a->mask) - 1].hash & a->mask;

        if (((i - home) & a->mask) < ((i - gap) & a->mask))
            continue; /* it would come to stand before its home */
        a->index[gap] = a->index[i];
        gap = i;
    }
    a->index[gap] = 0;
}

static void
index_rebuild(struct hsl_arr *a)
{
    uint32_t i;

    memset(a->index, 0, ((size_t)a->mask + 1) * sizeof(*a->index));
    for (i = 0; i < a->used; i++)
        if (a->d.entries[i].kind)
            index_add(a, a->d.entries[i].hash, i);
}

/* The entry of a string key; NULL with the free slot it would get in *at. */
static inline struct hsl_entry *
find_text(const struct hsl_arr *a, const char *p, size_t len, uint32_t hash, uint32_t *at)
{
    uint32_t slot, i;

    for (i = hash & a->mask; (slot = a->index[i]) != 0; i = (i + 1) & a->mask)
        if (((slot ^ hash) & ~a->mask) == 0) {
            struct hsl_entry *e = &a->d.entries[(slot & a->mask) - 1];

            if (e->kind == HSL_STR && e->hash == hash && e->key.s->len == len &&
                (e->key.s->data == p || memcmp(e->key.s->data, p, len) == 0))
                return e;
        }
    *at = i;
    return NULL;
}

struct hsl_entry *
hsl_arr_find_bytes(const struct hsl_arr *a, const char *p, size_t len, uint32_t hash)
{
    uint32_t at;

    return find_text(a, p, len, hash, &at);
}

/* The same for an integer. */
static inline struct hsl_entry *
find_int(const struct hsl_arr *a, int64_t key, uint32_t hash, uint32_t *at)
{
    uint32_t slot, i;

    for (i = hash & a->mask; (slot = a->index[i]) != 0; i = (i + 1) & a->mask)
        if (((slot ^ hash) & ~a->mask) == 0) {
            struct hsl_entry *e = &a->d.entries[(slot & a->mask) - 1];

            if (e->kind == HSL_NUM && e->key.i == key)
                return e;
        }
    *at = i;
    return NULL;
}

struct hsl_entry *
hsl_arr_find_int(const struct hsl_arr *a, int64_t key)
{
    uint32_t at;

    return find_int(a, key, hsl_str_hash_int(key), &at);
}

/* --- From one layout to the other ------------------------------------------------------------ */

/* Moves the entries that are not holes together. */
static void
squeeze(struct hsl_arr *a)
{
    uint32_t from, to = 0;

    for (from = 0; from < a->used; from++) {
        if (!a->d.entries[from].kind)
            continue;
        if (to != from)
            a->d.entries[to] = a->d.entries[from];
        to++;
    }
    a->used = to;
    index_rebuild(a);
}

/* New memory for [cap] entries and their index; the caller fills it. NULL: error set. */
static struct hsl_entry *
alloc_hash(struct hsl_run *r, uint32_t cap)
{
    struct hsl_entry *e = hsl_heap_alloc(&r->heap, hash_size(cap, mask_for(cap)));

    if (!e)
        hsl_raise_memory(r);
    return e;
}

/* Puts [entries], made by alloc_hash(), in place. */
static void
use_hash(struct hsl_arr *a, struct hsl_entry *entries, uint32_t cap)
{
    a->d.entries = entries;
    a->cap = cap;
    a->mask = mask_for(cap);
    a->index = (uint32_t *)(void *)(entries + cap);
}

static bool
grow_hash(struct hsl_run *r, struct hsl_arr *a)
{
    struct hsl_entry *old = a->d.entries, *entries;
    size_t old_size = hash_size(a->cap, a->mask);
    uint32_t cap;

    if (a->count < a->used - a->used / 4) {
        squeeze(a);
        return true;
    }
    cap = grown_cap(r, a->cap, (size_t)a->count + 1);
    if (cap == 0)
        return false;
    entries = alloc_hash(r, cap);
    if (!entries)
        return false;
    memcpy(entries, old, a->used * sizeof(*old));
    hsl_heap_free(&r->heap, old, old_size);
    use_hash(a, entries, cap);
    squeeze(a);
    return true;
}

/* A packed array becomes a hash with room for [more] elements. */
static bool
make_hash(struct hsl_run *r, struct hsl_arr *a, uint32_t more)
{
    struct hsl_value *old = a->d.vals;
    size_t old_size = a->cap * sizeof(*old);
    uint32_t cap = grown_cap(r, a->count / 2, (size_t)a->count + more), i;
    struct hsl_entry *entries;

    if (cap == 0)
        return false;
    entries = alloc_hash(r, cap);
    if (!entries)
        return false;
    for (i = 0; i < a->count; i++)
        entries[i] = (struct hsl_entry){
            .val = old[i], .key.i = i, .hash = hsl_str_hash_int(i), .kind = HSL_NUM};
    hsl_heap_free(&r->heap, old, old_size);
    use_hash(a, entries, cap);
    a->sorted = true;
    a->u.top = (int64_t)a->count - 1;
    index_rebuild(a);
    return true;
}

/* --- Keys ------------------------------------------------------------------------------------ */

/* hsl_to_key() and hsl_str_hash() with their common cases inline. */
static inline int
key_of(const struct hsl_value *v, int64_t *i)
{
    if (v->type == HSL_STR)
        return hsl_key_is_int(v->u.str->data, v->u.str->len, i);
    return hsl_to_key(v, i);
}

static inline uint32_t
hash_of(struct hsl_str *s)
{
    return s->hash ? s->hash : hsl_str_hash(s);
}

/* --- Reading --------------------------------------------------------------------------------- */

size_t
hsl_arr_count(const struct hsl_arr *a)
{
    return a->count;
}

const struct hsl_value *
hsl_arr_geti(const struct hsl_arr *a, int64_t key)
{
    struct hsl_entry *e;

    if (a->mask == 0)
        return hsl_arr_packed_at(a, (uint64_t)key);
    e = hsl_arr_find_int(a, key);
    return e ? &e->val : NULL;
}

const struct hsl_value *
hsl_arr_gets(const struct hsl_arr *a, struct hsl_str *key)
{
    struct hsl_entry *e;
    int64_t i;

    if (hsl_key_is_int(key->data, key->len, &i))
        return hsl_arr_geti(a, i);
    if (a->mask == 0)
        return NULL;
    e = hsl_arr_find_bytes(a, key->data, key->len, hash_of(key));
    return e ? &e->val : NULL;
}

const struct hsl_value *
hsl_arr_getz(const struct hsl_arr *a, const char *key)
{
    size_t len = strlen(key);
    struct hsl_entry *e;
    int64_t i;

    if (hsl_key_is_int(key, len, &i))
        return hsl_arr_geti(a, i);
    if (a->mask == 0)
        return NULL;
    e = hsl_arr_find_bytes(a, key, len, hsl_str_hash_bytes(key, len));
    return e ? &e->val : NULL;
}

const struct hsl_value *
hsl_arr_get(const struct hsl_arr *a, const struct hsl_value *key, bool *bad)
{
    struct hsl_entry *e;
    int64_t i;

    *bad = false;
    switch (key_of(key, &i)) {
    case 1:
        return hsl_arr_geti(a, i);
    case 0:
        if (a->mask == 0)
            return NULL;
        e = hsl_arr_find_bytes(a, key->u.str->data, key->u.str->len, hash_of(key->u.str));
        return e ? &e->val : NULL;
    case -1:
        return NULL;
    default:
        *bad = true;
        return NULL;
    }
}

bool
hsl_arr_next(
    const struct hsl_arr *a, size_t *pos, struct hsl_value *key, const struct hsl_value **val)
{
    const struct hsl_entry *e;
    size_t i = *pos;

    if (a->mask == 0) {
        if (i >= a->count)
            return false;
        if (key)
            *key = hsl_num((double)i);
        *val = &a->d.vals[i];
        *pos = i + 1;
        return true;
    }
    while (i < a->used && !a->d.entries[i].kind)
        i++;
    *pos = i + 1;
    if (i >= a->used)
        return false;
    e = &a->d.entries[i];
    if (key)
        *key = e->kind == HSL_NUM ? hsl_num((double)e->key.i) : hsl_from_str(e->key.s);
    *val = &e->val;
    return true;
}

const struct hsl_value *
hsl_arr_at(const struct hsl_arr *a, size_t i)
{
    const struct hsl_value *val = NULL;
    size_t pos = 0;

    if (i >= a->count)
        return NULL;
    if (a->mask == 0)
        return &a->d.vals[i];
    if (a->count == a->used)
        return &a->d.entries[i].val;
    do
        (void)hsl_arr_next(a, &pos, NULL, &val);
    while (i-- > 0);
    return val;
}

bool
hsl_arr_is_list(const struct hsl_arr *a)
{
    int64_t want = 0;
    uint32_t i;

    for (i = 0; a->mask && i < a->used; i++) {
        const struct hsl_entry *e = &a->d.entries[i];

        if (e->kind && (e->kind != HSL_NUM || e->key.i != want++))
            return false;
    }
    return true;
}

/* --- Copying --------------------------------------------------------------------------------- */

static void
copy_entries(struct hsl_arr *to, const struct hsl_arr *from)
{
    uint32_t i;

    for (i = 0; i < from->used; i++) {
        const struct hsl_entry *e = &from->d.entries[i];

        if (!e->kind)
            continue;
        to->d.entries[to->used++] = *e;
        (void)hsl_ref(e->val);
        if (e->kind == HSL_STR)
            hsl_rc_ref(&e->key.s->rc);
    }
    to->count = to->used;
    if (from->count == from->used && from->mask == to->mask)
        memcpy(to->index, from->index, ((size_t)to->mask + 1) * sizeof(*to->index));
    else
        index_rebuild(to);
}

struct hsl_arr *
hsl_arr_copy(struct hsl_run *r, const struct hsl_arr *a)
{
    struct hsl_arr *copy;
    struct hsl_entry *entries;
    uint32_t i, cap;

    if (!hsl_work(r, a->count * sizeof(struct hsl_value)))
        return NULL;
    copy = hsl_arr_new(r, a->mask ? 0 : a->count);
    if (!copy)
        return NULL;
    if (a->mask == 0) {
        for (i = 0; i < a->count; i++)
            copy->d.vals[i] = hsl_ref(a->d.vals[i]);
        copy->used = copy->count = a->count;
        return copy;
    }
    cap = a->count < MIN_CAP ? MIN_CAP : a->count;
    entries = alloc_hash(r, cap);
    if (!entries) {
        hsl_arr_free_memory(r, copy);
        return NULL;
    }
    use_hash(copy, entries, cap);
    copy->sorted = a->sorted;
    copy->u.top = a->u.top;
    copy_entries(copy, a);
    return copy;
}

bool
hsl_arr_own(struct hsl_run *r, struct hsl_value *v)
{
    struct hsl_arr *copy;

    if (v->u.arr->rc.refs == 1)
        return true;
    copy = hsl_arr_copy(r, v->u.arr);
    if (!copy)
        return false;
    hsl_unref(r, *v);
    v->u.arr = copy;
    return true;
}

/* --- Writing --------------------------------------------------------------------------------- */

/* Makes u.top known. */
static bool
need_top(struct hsl_run *r, struct hsl_arr *a)
{
    int64_t top = -1;
    uint32_t i;

    if (a->u.top != HSL_ARR_TOP_UNKNOWN)
        return true;
    for (i = a->used; i > 0; i--) {
        const struct hsl_entry *e = &a->d.entries[i - 1];

        if (e->kind != HSL_NUM)
            continue;
        if (e->key.i > top)
            top = e->key.i;
        if (a->sorted)
            break;
    }
    a->u.top = top;
    return hsl_work(r, (size_t)(a->used - i) * sizeof(struct hsl_entry));
}

static bool
next_index(struct hsl_run *r, struct hsl_arr *a, int64_t *key)
{
    if (!need_top(r, a))
        return false;
    if (a->u.top == INT64_MAX) {
        hsl_raise(r, HSL_R05, "invalid array key: no index is left behind the highest");
        return false;
    }
    *key = a->u.top + 1;
    return true;
}

/* A place at the end of a hash for a key that is not there and whose free slot is [at]; its value
 * is none. */
static inline struct hsl_entry *
add_entry(struct hsl_run *r, struct hsl_arr *a, uint32_t hash, uint32_t at)
{
    struct hsl_entry *e;

    if (a->used < a->cap) {
        a->index[at] = (hash & ~a->mask) | (a->used + 1);
    } else {
        if (!grow_hash(r, a))
            return NULL;
        index_add(a, hash, a->used);
    }
    e = &a->d.entries[a->used];
    e->val = hsl_none();
    e->hash = hash;
    a->used++;
    a->count++;
    return e;
}

static struct hsl_value *
slot_int_hash(struct hsl_run *r, struct hsl_arr *a, int64_t key)
{
    uint32_t hash = hsl_str_hash_int(key), at;
    struct hsl_entry *e = find_int(a, key, hash, &at);

    if (e)
        return &e->val;
    if (!need_top(r, a))
        return NULL;
    e = add_entry(r, a, hash, at);
    if (!e)
        return NULL;
    e->kind = HSL_NUM;
    e->key.i = key;
    if (key > a->u.top)
        a->u.top = key;
    else
        a->sorted = false;
    return &e->val;
}

static struct hsl_value *
slot_int(struct hsl_run *r, struct hsl_arr *a, int64_t key)
{
    if (a->mask == 0) {
        struct hsl_value *v = hsl_arr_packed_at(a, (uint64_t)key);

        if (v)
            return v;
        if (key == (int64_t)a->count)
            return hsl_arr_slot_push(r, a);
        if (!make_hash(r, a, 1))
            return NULL;
    }
    return slot_int_hash(r, a, key);
}

static struct hsl_value *
slot_text(struct hsl_run *r, struct hsl_arr *a, struct hsl_str *key)
{
    uint32_t hash = hash_of(key), at;
    struct hsl_entry *e;

    if (a->mask == 0 && !make_hash(r, a, 1))
        return NULL;
    e = find_text(a, key->data, key->len, hash, &at);
    if (e)
        return &e->val;
    e = add_entry(r, a, hash, at);
    if (!e)
        return NULL;
    e->kind = HSL_STR;
    e->key.s = key;
    hsl_rc_ref(&key->rc);
    return &e->val;
}

struct hsl_value *
hsl_arr_slot(struct hsl_run *r, struct hsl_arr *a, const struct hsl_value *key)
{
    int64_t i;

    switch (key_of(key, &i)) {
    case 1:
        return slot_int(r, a, i);
    case 0:
        return slot_text(r, a, key->u.str);
    default:
        hsl_raise(r, HSL_R05, "invalid array key of type %s", hsl_type_name(key));
        return NULL;
    }
}

struct hsl_value *
hsl_arr_slot_push(struct hsl_run *r, struct hsl_arr *a)
{
    int64_t key;

    if (a->mask)
        return next_index(r, a, &key) ? slot_int_hash(r, a, key) : NULL;
    if (a->used == a->cap && !grow_packed(r, a, (size_t)a->used + 1))
        return NULL;
    a->d.vals[a->used] = hsl_none();
    a->count++;
    return &a->d.vals[a->used++];
}

/* Puts [v] into [slot], or drops it if there is none. */
static bool
store(struct hsl_run *r, struct hsl_value *slot, struct hsl_value v)
{
    struct hsl_value old = v;

    if (slot) {
        old = *slot;
        *slot = v;
    }
    hsl_unref(r, old);
    return slot != NULL;
}

bool
hsl_arr_push(struct hsl_run *r, struct hsl_arr *a, struct hsl_value v)
{
    return hsl_arr_packed_push(a, v) || store(r, hsl_arr_slot_push(r, a), v);
}

bool
hsl_arr_seti(struct hsl_run *r, struct hsl_arr *a, int64_t key, struct hsl_value v)
{
    return store(r, slot_int(r, a, key), v);
}

bool
hsl_arr_sets(struct hsl_run *r, struct hsl_arr *a, struct hsl_str *key, struct hsl_value v)
{
    int64_t i;

    if (hsl_key_is_int(key->data, key->len, &i))
        return store(r, slot_int(r, a, i), v);
    return store(r, slot_text(r, a, key), v);
}

bool
hsl_arr_set_like(
    struct hsl_run *r, struct hsl_arr *to, const struct hsl_arr *a, size_t i, struct hsl_value v)
{
    struct hsl_str *text;
    int64_t key;

    return hsl_arr_key_at(a, i, &key, &text) ? hsl_arr_seti(r, to, key, v)
                                             : hsl_arr_set_text(r, to, text, v);
}

bool
hsl_arr_setz(struct hsl_run *r, struct hsl_arr *a, const char *key, struct hsl_value v)
{
    struct hsl_str *s = hsl_str_newz(r, key);
    bool ok;

    if (!s)
        return store(r, NULL, v);
    ok = hsl_arr_sets(r, a, s, v);
    hsl_unref(r, hsl_from_str(s));
    return ok;
}

bool
hsl_arr_set(struct hsl_run *r, struct hsl_arr *a, const struct hsl_value *key, struct hsl_value v)
{
    return store(r, hsl_arr_slot(r, a, key), v);
}

bool
hsl_arr_set_text(struct hsl_run *r, struct hsl_arr *a, struct hsl_str *key, struct hsl_value v)
{
    return store(r, slot_text(r, a, key), v);
}

/* --- Removing -------------------------------------------------------------------------------- */

static void
remove_entry(struct hsl_run *r, struct hsl_arr *a, struct hsl_entry *e)
{
    struct hsl_entry dead = *e;

    index_remove(a, e->hash, (uint32_t)(e - a->d.entries));
    e->kind = 0;
    e->val = hsl_none();
    a->count--;
    while (a->used > 0 && !a->d.entries[a->used - 1].kind)
        a->used--;
    if (a->used > 2 * MIN_CAP && a->count < a->used / 2)
        squeeze(a);
    if (dead.kind == HSL_NUM && dead.key.i == a->u.top)
        a->u.top = HSL_ARR_TOP_UNKNOWN;
    if (dead.kind == HSL_STR)
        hsl_unref(r, hsl_from_str(dead.key.s));
    hsl_unref(r, dead.val);
}

static bool
remove_int(struct hsl_run *r, struct hsl_arr *a, int64_t key)
{
    struct hsl_entry *e;

    if (a->mask == 0) {
        if (!hsl_arr_packed_at(a, (uint64_t)key))
            return false;
        if (key == (int64_t)a->count - 1) {
            struct hsl_value dead = a->d.vals[key];

            a->count--;
            a->used--;
            hsl_unref(r, dead);
            return true;
        }
        if (!make_hash(r, a, 0))
            return false;
    }
    e = hsl_arr_find_int(a, key);
    if (e)
        remove_entry(r, a, e);
    return e != NULL;
}

bool
hsl_arr_del(struct hsl_run *r, struct hsl_arr *a, const struct hsl_value *key)
{
    struct hsl_entry *e;
    int64_t i;

    switch (key_of(key, &i)) {
    case 1:
        return remove_int(r, a, i);
    case 0:
        if (a->mask == 0)
            return false;
        e = hsl_arr_find_bytes(a, key->u.str->data, key->u.str->len, hash_of(key->u.str));
        if (e)
            remove_entry(r, a, e);
        return e != NULL;
    default:
        return false;
    }
}
