/* fuzz_differ.h - one script optimised and not: it must do the same. One thread at a time. */
#ifndef T_FUZZ_DIFFER_H
#define T_FUZZ_DIFFER_H

#include <stddef.h>

/* Compiles and runs the [len] bytes at [text] both ways, on one machine, so that what a run leaves
 * behind shows too. Messages, output, actions, end and error must be the same, unless a limit
 * stopped a run, since the two need not get equally far. Ends the program if they are not. */
void fuzz_differ(const char *text, size_t len);

#endif
