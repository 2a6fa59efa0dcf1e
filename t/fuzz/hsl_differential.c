/* hsl_differential.c - fuzz target: the bytes are a script (as in hsl_source.c) that must do the
 * same optimised and not. Scripts that name what is different each time are left out. */
#include "config.h"

#include <stdbool.h>
#include <string.h>

#include "t/fuzz/fuzz.h"
#include "t/fuzz/fuzz_differ.h"

/* Parts of names of functions that are not the same twice. */
static const char *const changing[] = {
    "time", "rand", "uuid", "shuffle", "rate", "sleep", "crypt"};

static bool
is_changing(const char *text, size_t len)
{
    for (size_t i = 0; i < sizeof(changing) / sizeof(changing[0]); i++) {
        if (memmem(text, len, changing[i], strlen(changing[i])))
            return true;
    }
    return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = size > 0 ? (const char *)data : "";

    if (!is_changing(text, size))
        fuzz_differ(text, size);
    return 0;
}
