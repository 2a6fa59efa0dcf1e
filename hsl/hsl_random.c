/* hsl_random.c - random numbers from the kernel; nothing is kept, nothing is seeded.
 *
 * Not here: the built-ins (hsl_lib_crypt.c, hsl_lib_arr.c). Threads: any.
 * Fails: only where the kernel has no getrandom(2). */
#include "config.h"

#include "hsl/hsl_random.h"

#include <errno.h>
#include <sys/random.h>

bool
hsl_random_fill(void *p, size_t len)
{
    char *to = p;

    while (len > 0) {
        ssize_t n = getrandom(to, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        to += n;
        len -= (size_t)n;
    }
    return true;
}

bool
hsl_random_below(uint64_t n, uint64_t *out)
{
    uint64_t x, uneven = (UINT64_MAX % n + 1) % n; /* 2^64 mod n: so many lead to a bias */

    do {
        if (!hsl_random_fill(&x, sizeof(x)))
            return false;
    } while (x > UINT64_MAX - uneven);
    *out = x % n;
    return true;
}
