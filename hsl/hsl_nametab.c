/* hsl_nametab.c - a map from names to pointers: open addressing with linear probes, at most half
 * full. Nothing is ever removed. Threads: one. Fails: without memory. */
#include "config.h"

#include <string.h>

#include "hsl/hsl_nametab.h"

static uint32_t
name_hash(struct hsl_name name)
{
    uint32_t h = 2166136261u; /* FNV-1a */

    for (uint32_t i = 0; i < name.len; i++)
        h = (h ^ (unsigned char)name.p[i]) * 16777619u;
    return h ^ h >> 15;
}

/* The entry of [name], or the free one where it belongs. */
static struct hsl_nametab_entry *
find(const struct hsl_nametab *t, struct hsl_name name, uint32_t hash)
{
    for (uint32_t i = hash;; i++) {
        struct hsl_nametab_entry *e = &t->entries[i & (t->cap - 1)];

        if (!e->name.p || (e->hash == hash && e->name.len == name.len &&
                              memcmp(e->name.p, name.p, name.len) == 0))
            return e;
    }
}

void *
hsl_nametab_get(const struct hsl_nametab *t, struct hsl_name name)
{
    return t->cap ? find(t, name, name_hash(name))->value : NULL;
}

static int
grow(struct hsl_nametab *t, struct ut_arena *arena)
{
    struct hsl_nametab bigger = {.count = t->count, .cap = t->cap ? t->cap * 2 : 8};

    bigger.entries = ut_arena_calloc(arena, bigger.cap, sizeof *bigger.entries);
    if (!bigger.entries)
        return -1;
    for (uint32_t i = 0; i < t->cap; i++)
        if (t->entries[i].name.p)
            *find(&bigger, t->entries[i].name, t->entries[i].hash) = t->entries[i];
    *t = bigger;
    return 0;
}

int
hsl_nametab_add(struct hsl_nametab *t, struct ut_arena *arena, struct hsl_name name, void *value)
{
    uint32_t hash = name_hash(name);

    if (t->count >= t->cap / 2 && grow(t, arena) != 0)
        return -1;
    *find(t, name, hash) = (struct hsl_nametab_entry){name, hash, value};
    t->count++;
    return 0;
}
