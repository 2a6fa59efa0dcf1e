/* hsl_lib_arr.h - an array as a vector of pairs that can be put into another order; shared by the
 * array built-ins. Not thread-safe; belongs to the run. */
#ifndef HSL_LIB_ARR_H
#define HSL_LIB_ARR_H

#include "hsl/hsl_lib.h"

/* Key and value of an element, lent by the array: it must outlive the pairs unchanged. */
struct hsl_pair {
    size_t place;           /* of its key in the array */
    struct hsl_value value; /* the array's */
};

struct hsl_pairs {
    const struct hsl_arr *of; /* the array: it stays as it is while the pairs are in use */
    struct hsl_pair *items;   /* in the run's heap */
    size_t count;
};

/* The elements of [a] in order; false: memory limit, and nothing to give back. */
bool hsl_pairs_get(struct hsl_run *r, const struct hsl_arr *a, struct hsl_pairs *e) UT_CHECKED;
/* A new array of the pairs in their order. [keep_keys]: else integer keys are numbered anew. */
bool hsl_pairs_put(struct hsl_run *r, const struct hsl_pairs *e, bool keep_keys,
    struct hsl_value *out) UT_CHECKED;
void hsl_pairs_fini(struct hsl_run *r, struct hsl_pairs *e);

/* hsl_lib_sort.c */
hsl_builtin_fn hsl_lib_array_sort;

#endif
