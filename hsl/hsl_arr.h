/* hsl_arr.h - the layout of arrays, for hsl_arr.c and the fast paths of the VM; everybody else uses
 * the calls of hsl_value.h.
 *
 * Packed (mask 0): vals[0..count-1] are the elements with keys 0..count-1 in order; used == count.
 * Hash (mask not 0): entries[0..used-1] in order of insertion, holes among them where elements were
 * removed (kind 0). index has mask + 1 slots, a power of two and at least twice [cap], probed one
 * after the other from hash & mask. A slot is 0 if free, else (hash & ~mask) | (position + 1):
 * the bits that the position does not need hold bits of the hash, so that a probe nearly never has
 * to look at a wrong entry. Holes have no slot. entries and index are one block of memory. */
#ifndef HSL_ARR_H
#define HSL_ARR_H

#include "hsl/hsl_run.h"

struct hsl_entry {
    struct hsl_value val;
    union {
        int64_t i;
        struct hsl_str *s; /* owns one count */
    } key;
    uint32_t hash;
    uint32_t kind; /* HSL_NUM: key.i, HSL_STR: key.s, 0: a hole */
};

#define HSL_ARR_TOP_UNKNOWN (-2)

struct hsl_arr {
    struct hsl_rc rc;
    uint32_t count; /* elements */
    uint32_t used;  /* places in use, holes counted */
    uint32_t cap;   /* places there are; never more than max_array allows */
    uint32_t mask;  /* slots of the index - 1; 0: packed */
    bool sorted;    /* hash: integer keys stand in rising order */
    union {
        int64_t top; /* hash: highest integer key, -1 if all are below 0, or HSL_ARR_TOP_UNKNOWN */
        struct hsl_rc *dead; /* next in r->dead when nobody owns the array any more */
    } u;
    union {
        struct hsl_value *vals;
        struct hsl_entry *entries;
    } d; /* NULL while cap is 0 */
    uint32_t *index;
};

/* The element of a packed array at [i], or NULL. */
static inline struct hsl_value *
hsl_arr_packed_at(const struct hsl_arr *a, uint64_t i)
{
    return a->mask == 0 && i < a->count ? &a->d.vals[i] : NULL;
}

/* Appends to a packed array nobody else owns if it has a place left; takes the count of [v]. */
static inline bool
hsl_arr_packed_push(struct hsl_arr *a, struct hsl_value v)
{
    if (a->mask != 0 || a->used == a->cap)
        return false;
    a->d.vals[a->used++] = v;
    a->count++;
    return true;
}

/* Room for [more] elements behind those of packed array [a]; false: error set. */
bool
hsl_arr_reserve(struct hsl_run *r, struct hsl_arr *a, size_t more) UT_CHECKED;

/* The key of place [i], which is in use and no hole: true with an integer in *key, else the string
 * in *text. Exact, while hsl_arr_next() gives integer keys as numbers of the language. */
static inline bool
hsl_arr_key_at(const struct hsl_arr *a, size_t i, int64_t *key, struct hsl_str **text)
{
    if (a->mask == 0) {
        *key = (int64_t)i;
        return true;
    }
    if (a->d.entries[i].kind == HSL_NUM) {
        *key = a->d.entries[i].key.i;
        return true;
    }
    *text = a->d.entries[i].key.s;
    return false;
}

/* Takes [v] into [to] under the key of place [i] of [a], exactly that key. */
bool hsl_arr_set_like(struct hsl_run *r, struct hsl_arr *to, const struct hsl_arr *a, size_t i,
    struct hsl_value v) UT_CHECKED;

/* The entry of a key in a hash array, or NULL. */
struct hsl_entry *hsl_arr_find_int(const struct hsl_arr *a, int64_t key);
/* The same for a string that is no canonical integer; [hash] is hsl_str_hash_bytes() of it. */
struct hsl_entry *hsl_arr_find_bytes(
    const struct hsl_arr *a, const char *p, size_t len, uint32_t hash);
/* The same for a string, which is mostly the very one that is the key. */
static inline struct hsl_entry *
hsl_arr_find_str(const struct hsl_arr *a, struct hsl_str *s)
{
    uint32_t hash = s->hash ? s->hash : hsl_str_hash(s), slot = a->index[hash & a->mask];
    struct hsl_entry *e;

    if (slot == 0)
        return NULL;
    e = &a->d.entries[(slot & a->mask) - 1];
    if (e->key.s == s && e->kind == HSL_STR)
        return e;
    return hsl_arr_find_bytes(a, s->data, s->len, hash);
}
/* A copy of one level without holes, for an owner of its own; NULL: error set. */
struct hsl_arr *hsl_arr_copy(struct hsl_run *r, const struct hsl_arr *a) UT_CHECKED;
/* Writes under a string that stands for itself even if it looks like an integer: sets of texts. */
bool hsl_arr_set_text(struct hsl_run *r, struct hsl_arr *a, struct hsl_str *key,
    struct hsl_value v) UT_CHECKED;
/* Frees the block(s) of [a] but not what its elements own (hsl_destroy()). */
void hsl_arr_free_memory(struct hsl_run *r, struct hsl_arr *a);

#endif
