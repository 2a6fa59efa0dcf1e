/* hsl_exception.h - the class Exception.
 * All of it belongs to one run and its thread. */
#ifndef HSL_EXCEPTION_H
#define HSL_EXCEPTION_H

#include "hsl/hsl_run.h"

extern const struct hsl_class hsl_exception_class;

/* An object with a copy of the text and no place, one count; NULL: error set. */
struct hsl_obj *
hsl_exception_make(struct hsl_run *r, const char *text, size_t len) UT_CHECKED;
/* Says where it was thrown, if it is not known. place->file must live as long as the program. */
void
hsl_exception_set_place(struct hsl_obj *e, const struct hsl_place *place);
/* Its text, lent. */
const struct hsl_str *
hsl_exception_text(const struct hsl_obj *e);

#endif
