/* hsl_plain.h - plain values as bytes: what outlives a run. Plain are none, booleans, numbers,
 * strings, and arrays of these down to HSL_PLAIN_DEPTH levels.
 *
 * The bytes are for this machine: numbers are as it has them. Equal bytes are the same value by
 * type, so that they serve as a key. Any thread; values belong to the caller's run. */
#ifndef HSL_PLAIN_H
#define HSL_PLAIN_H

#include "hsl/hsl_run.h"

#define HSL_PLAIN_DEPTH 64u

enum hsl_plain {
    HSL_PLAIN_OK,
    HSL_PLAIN_NOT,  /* there is a function or an object in it */
    HSL_PLAIN_DEEP, /* nested too deep */
    HSL_PLAIN_FULL  /* more than [out] takes, or no memory */
};

/* Appends the bytes of [v] to [out]. [lossy]: functions and objects become none. Unless OK, what
 * [out] holds then is of no use. */
enum hsl_plain
hsl_plain_save(const struct hsl_value *v, bool lossy, struct ut_sbuf *out) UT_CHECKED;
/* The value of [len] bytes at [p], wherever they come from, with a new count. false: out of memory
 * or over a limit of the run; or the bytes are no value, then the run has no error. */
bool
hsl_plain_load(struct hsl_run *r, const char *p, size_t len, struct hsl_value *out) UT_CHECKED;

#endif
