/* hsl_random.h - random numbers from the kernel's generator, getrandom(2). Any thread. */
#ifndef HSL_RANDOM_H
#define HSL_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ut_bug.h"

/* Fills [len] bytes at [p]; false if the system gives none. */
bool hsl_random_fill(void *p, size_t len) UT_CHECKED;
/* A number from 0 to [n] - 1 ([n] > 0), each as likely as the other. */
bool hsl_random_below(uint64_t n, uint64_t *out) UT_CHECKED;

#endif
