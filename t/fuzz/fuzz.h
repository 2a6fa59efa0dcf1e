/* fuzz.h - what the fuzz targets share.
 *
 * A target is one file t/fuzz/NAME.c with LLVMFuzzerTestOneInput(). In a build with
 * --enable-fuzzing libFuzzer's main() calls it with inputs of its own making; in any other build
 * replay.c calls it with the files it is given. For the same bytes it does the same each time.
 * Threads: one. */
#ifndef T_FUZZ_H
#define T_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Tries the [size] bytes at [data]. Gives 0; a broken promise ends the program. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program, which is how a finding is told, unless [cond] holds. */
#define FUZZ_CHECK(cond)                                                                           \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #cond);                     \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* An input that is read piece by piece. */
struct fuzz_input {
    const uint8_t *p;
    size_t len; /* bytes left */
};

/* The next byte; 0 behind the end. */
static inline unsigned
fuzz_byte(struct fuzz_input *in)
{
    if (in->len == 0)
        return 0;
    in->len--;
    return *in->p++;
}

/* The next line without its LF, or what is left; [*len] gets its length. */
static inline const char *
fuzz_line(struct fuzz_input *in, size_t *len)
{
    const char *line = (const char *)in->p;

    for (*len = 0; *len < in->len && in->p[*len] != '\n'; (*len)++)
        ;
    in->p += *len < in->len ? *len + 1 : *len;
    in->len -= *len < in->len ? *len + 1 : *len;
    return line;
}

/* A folder of our own below $TMPDIR, made when first asked for, which goes when the program ends.
 * Scripts find some small files in it. */
const char *fuzz_folder(void);
/* Writes [len] bytes to the file "input" in that folder, in the place of what it held, and gives
 * its path. */
const char *fuzz_file(const void *p, size_t len);

#endif
