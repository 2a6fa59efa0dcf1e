/* scarce.h - allocations that fail when a test wants it.
 *
 * The program is linked with --wrap=malloc,--wrap=calloc,--wrap=realloc. Set fail_at to N: the Nth
 * allocation from there fails, and it is 0 again. Threads: one at a time. */
#ifndef T_SCARCE_H
#define T_SCARCE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

static long fail_at; /* allocations until one fails; 0: never */

void *
__real_malloc(size_t n);
void *
__wrap_malloc(size_t n);
void *
__real_calloc(size_t n, size_t size);
void *
__wrap_calloc(size_t n, size_t size);
void *
__real_realloc(void *p, size_t n);
void *
__wrap_realloc(void *p, size_t n);

static bool
scarce_fails(void)
{
    if (fail_at == 0 || --fail_at > 0)
        return false;
    errno = ENOMEM;
    return true;
}

void *
__wrap_malloc(size_t n)
{
    return scarce_fails() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
    return scarce_fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
    return scarce_fails() ? NULL : __real_realloc(p, n);
}

#endif
