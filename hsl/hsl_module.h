/* hsl_module.h - modules (language §12): files with a global scope of their own. */
#ifndef HSL_MODULE_H
#define HSL_MODULE_H

#include "hsl/hsl_unit.h"

/* The module that [name], imported at [pos] by [u], means: read and checked now (*first), or when
 * it was imported before. NULL: C10, C13, C15 or its own errors, which were reported. */
struct hsl_unit *hsl_module_load(
    struct hsl_unit *u, struct hsl_name name, struct hsl_pos pos, bool *first);

/* hsl_import_data.c: the value of the data file [name], imported at [pos] with [options] (an array
 * literal or NULL), in the heap of u->consts. NULL: reported. */
struct hsl_value *hsl_import_data(struct hsl_unit *u, struct hsl_name name, struct hsl_pos pos,
    const struct hsl_node *options);

#endif
