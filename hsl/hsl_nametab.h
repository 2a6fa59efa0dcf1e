/* hsl_nametab.h - a map from names to pointers for the time of one compilation.
 * Memory comes from the unit's arena and goes with it. Not thread-safe. */
#ifndef HSL_NAMETAB_H
#define HSL_NAMETAB_H

#include "hsl/hsl_ast.h"

struct hsl_nametab_entry {
    struct hsl_name name; /* borrowed; p NULL: free */
    uint32_t hash;
    void *value;
};

/* All bytes zero is an empty map. */
struct hsl_nametab {
    struct hsl_nametab_entry *entries;
    uint32_t count, cap; /* cap: 0 or a power of two */
};

/* The value of [name], or NULL. */
void *hsl_nametab_get(const struct hsl_nametab *t, struct hsl_name name);
/* Adds [name], which must not be there yet, with [value], which is not NULL. -1 without memory. */
int hsl_nametab_add(struct hsl_nametab *t, struct ut_arena *arena, struct hsl_name name,
    void *value) UT_CHECKED;

#endif
