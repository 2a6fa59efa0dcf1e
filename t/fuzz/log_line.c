/* log_line.c - fuzz target: a line of the log, which holds what clients sent, is shown to a person at
 * a terminal: as one line of printable UTF-8. */
#include "config.h"

#include <string.h>

#include "ctl/ctl_log_line.h"
#include "lib/ut_utf8.h"
#include "t/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *line = size > 0 ? (const char *)data : "";
    struct ut_sbuf out;

    if (memchr(line, '\n', size))
        return 0;
    ut_sbuf_init(&out, SIZE_MAX / 4);
    ctl_log_line_add(&out, line, size, true);
    FUZZ_CHECK(out.len == size + 1 && memcmp(out.data, line, size) == 0);
    ut_sbuf_reset(&out);
    ctl_log_line_add(&out, line, size, false);
    FUZZ_CHECK(out.len > 0 && out.data[out.len - 1] == '\n');
    FUZZ_CHECK(ut_utf8_valid(out.data, out.len));
    for (size_t i = 0; i + 1 < out.len; i++)
        FUZZ_CHECK((unsigned char)out.data[i] >= ' ' && out.data[i] != 127);
    ut_sbuf_fini(&out);
    return 0;
}
