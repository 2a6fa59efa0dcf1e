/* hsl_cache.h - the expression `cache [options] fn(args)` (language §14), run-time part. */
#ifndef HSL_CACHE_H
#define HSL_CACHE_H

#include "hsl/hsl_vm.h"

/* The names of the options; ended by NULL. ORDER OPTION: hsl_cache.c */
extern const char *const hsl_cache_options[];

/* Calls the function in base[1] with [argc] arguments behind it ([spread]: with one array of them),
 * or gives what an earlier call gave, as the options in base[0] say. [name]: what its entries are
 * kept under. Forgets all these values if it succeeds; *out gets a new count. false: R06, or
 * whatever the function failed with. */
bool
hsl_cache_call(struct hsl_machine *m, struct hsl_value *base, unsigned argc, bool spread,
    const struct hsl_str *name, struct hsl_value *out) UT_CHECKED;

#endif
