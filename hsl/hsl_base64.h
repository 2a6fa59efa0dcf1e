/* hsl_base64.h - base64 in both alphabets (RFC 4648). Any thread. */
#ifndef HSL_BASE64_H
#define HSL_BASE64_H

#include "lib/ut_sbuf.h"

enum hsl_base64_kind {
    HSL_BASE64_PLAIN, /* + and /, padded with = */
    HSL_BASE64_URL    /* - and _, no padding */
};

/* Appends the encoded form of [len] bytes at [p]. */
void hsl_base64_encode(struct ut_sbuf *out, const char *p, size_t len, enum hsl_base64_kind kind);
/* Appends what [p] stands for: stops at "=", skips characters that are not of the alphabet; a
 * last group of one character gives nothing. */
void hsl_base64_decode(struct ut_sbuf *out, const char *p, size_t len, enum hsl_base64_kind kind);

#endif
