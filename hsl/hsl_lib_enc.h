/* hsl_lib_enc.h - what other built-ins need of encodings. Any thread. */
#ifndef HSL_LIB_ENC_H
#define HSL_LIB_ENC_H

#include "hsl/hsl_lib.h"

/* Appends the bytes with all but the unreserved characters of RFC 3986 as %XX. */
void hsl_enc_url(struct ut_sbuf *out, const char *p, size_t len);
/* Appends the bytes as xtext (RFC 3461 4). */
void hsl_enc_xtext(struct ut_sbuf *out, const char *p, size_t len);

#endif
