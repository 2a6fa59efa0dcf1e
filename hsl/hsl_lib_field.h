/* hsl_lib_field.h - what other built-ins need of header fields. Any thread. */
#ifndef HSL_LIB_FIELD_H
#define HSL_LIB_FIELD_H

#include "hsl/hsl_lib.h"

/* What stands behind the colon of "Name: value"; false: there is none. Lent by [s]. */
bool hsl_field_value(const struct hsl_str *s, struct hsl_text *value);

#endif
