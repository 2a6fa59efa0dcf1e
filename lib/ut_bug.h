/* ut_bug.h - the one place that may end a program: a broken invariant of our own.
 * Never for anything that mail, a peer, a script or a file can cause. */
#ifndef UT_BUG_H
#define UT_BUG_H

#include <stdio.h>
#include <stdlib.h>

/* Ends the program with a core dump if [cond], an invariant of memory safety, is broken. */
#define UT_BUG_ON(cond)                                                                            \
    do {                                                                                           \
        if (cond) {                                                                                \
            fprintf(stderr, "%s:%d: bug: %s\n", __FILE__, __LINE__, #cond);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define UT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define UT_CHECKED __attribute__((warn_unused_result))

#endif
