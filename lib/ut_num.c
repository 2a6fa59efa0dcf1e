/* ut_num.c - numbers out of text, strictly.
 * Not here: numbers of scripts (hsl/).
 * Threads: any. Fails: -1, the output untouched. */
#include "config.h"

#include "lib/ut_num.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool
num_digit(char c)
{
    return c >= '0' && c <= '9';
}

int
ut_num_int(const char *text, long long min, long long max, long long *out)
{
    const char *digits = text;
    long long value;
    char *end;

    if (*digits == '-' || *digits == '+')
        digits++;
    if (!num_digit(*digits))
        return -1;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < min || value > max)
        return -1;
    *out = value;
    return 0;
}

/* Digits and then nothing or one of the letters [units], each of which is worth factors[its
 * place]. */
static int
num_scaled(const char *text, const char *units, const long long *factors, long long *out)
{
    long long value, factor = 1;
    const char *unit;
    char *end;

    if (!num_digit(*text))
        return -1;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno != 0)
        return -1;
    if (*end != '\0') {
        unit = strchr(units, *end);
        if (!unit || end[1] != '\0')
            return -1;
        factor = factors[unit - units];
    }
    if (value > LLONG_MAX / factor)
        return -1;
    *out = value * factor;
    return 0;
}

int
ut_num_time(const char *text, long long *out)
{
    static const long long factors[] = {1, 60, 3600, 86400, 7 * 86400};

    return num_scaled(text, "smhdw", factors, out);
}

int
ut_num_size(const char *text, long long *out)
{
    static const long long factors[] = {
        1 << 10, 1 << 20, 1 << 30, 1 << 10, 1 << 20, 1 << 30};

    return num_scaled(text, "KMGkmg", factors, out);
}

int
ut_num_mode(const char *text, unsigned *out)
{
    unsigned mode = 0;

    if (*text == '\0')
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '7')
            return -1;
        mode = mode * 8 + (unsigned)(*text - '0');
        if (mode > 07777)
            return -1;
    }
    *out = mode;
    return 0;
}
