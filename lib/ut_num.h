/* ut_num.h - numbers out of text, strictly: the whole text must be the number.
 * Each gives 0 and sets [*out], or -1 and leaves it: empty, other characters, out of range.
 * Any thread. */
#ifndef UT_NUM_H
#define UT_NUM_H

#include "lib/ut_bug.h"

/* Decimal with an optional sign, [min] to [max]. */
int ut_num_int(const char *text, long long min, long long max, long long *out) UT_CHECKED;
/* Seconds: digits, then nothing or one of s m h d w. */
int ut_num_time(const char *text, long long *out) UT_CHECKED;
/* Bytes: digits, then nothing or one of K M G (1024; lower case too). */
int ut_num_size(const char *text, long long *out) UT_CHECKED;
/* File permissions in octal, 0 to 07777. */
int ut_num_mode(const char *text, unsigned *out) UT_CHECKED;

#endif
