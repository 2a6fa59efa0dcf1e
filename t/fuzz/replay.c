/* replay.c - main() of a fuzz target in builds without libFuzzer: runs it on each file it is
 * given, with the messages that libFuzzer gives for the same.
 * Threads: one. Fails: 2 if a file cannot be read; a finding ends the program as it ends the
 * target. */
#include "config.h"

#include "lib/ut_file.h"
#include "t/fuzz/fuzz.h"

#define INPUT_MAX ((size_t)16 << 20) /* bytes of one file */

static int
replay(const char *path)
{
    struct ut_sbuf content;
    struct ut_diag d;
    uint8_t *copy;

    ut_sbuf_init(&content, INPUT_MAX);
    if (ut_file_read(path, INPUT_MAX, &content, &d) != 0) {
        fprintf(stderr, "%s\n", d.text);
        return 2;
    }
    fprintf(stderr, "Running: %s\n", path);
    copy = malloc(content.len ? content.len : 1); /* sanitizers see a byte too far */
    if (!copy)
        return 2;
    for (size_t i = 0; i < content.len; i++)
        copy[i] = (uint8_t)content.data[i];
    (void)LLVMFuzzerTestOneInput(copy, content.len);
    free(copy);
    ut_sbuf_fini(&content);
    fprintf(stderr, "Executed %s\n", path);
    return 0;
}

int
main(int argc, char **argv)
{
    int rc = 0;

    for (int i = 1; i < argc && rc == 0; i++)
        rc = replay(argv[i]);
    return rc;
}
