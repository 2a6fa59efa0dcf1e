/* hsl_lib_addr.h - what other built-ins need of address lists. As the run: one thread. */
#ifndef HSL_LIB_ADDR_H
#define HSL_LIB_ADDR_H

#include "hsl/hsl_lib.h"

/* The addresses of a header value (RFC 5322 section 3.4) as a list with a new count in *out; none if
 * it is no address list. false: error set. */
bool hsl_lib_addr_list(struct hsl_run *r, const char *p, size_t len, struct hsl_value *out) UT_CHECKED;

#endif
