/* fuzz.c - the folder in which fuzz targets have their files.
 * Not here: what is tried (each target's own file).
 * Threads: one. Fails: ends the program, since nothing can be tried without files. */
#include "config.h"

#include "t/fuzz/fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/ut_file.h"

static const struct {
    const char *name, *content;
} files[] = {
    {"accounts.txt", "ann:secret\nbob:a:b\n:\n\njo:\xff\n"},
    {"table.csv", "ip,comment\r\n192.0.2.1,\"a \"\"b\"\", c\"\r\n192.0.2.2,\n"},
    {"part.hsl", "function part($x) { return $x . \"!\"; }\n$part = [1, \"two\" => [3]];\n"},
    {"m.hsl",
        "import { part } from \"part\";\nfunction twice($x) { global $list; $list[] = $x; return "
        "\"$x$x\"; }\nclass Box { static $made = 0; $v = []; constructor($v = 1) { $this->v[] = "
        "$v; } }\nfunction each($n) { while ($n--) yield $n => \"v$n\"; }\n$list = [1, \"k\" => "
        "2];\n"},
    {"data.json", "{\"k\": [1, 2, {\"deep\": \"value\"}], \"t\": true}"},
};
#define FILES (sizeof(files) / sizeof(files[0]))

static char folder[512]; /* "" until it is made */
static char input[600];

static void
die(const char *what)
{
    perror(what);
    exit(2);
}

static void
remove_folder(void)
{
    char path[600];

    for (size_t i = 0; i < FILES; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i].name);
        unlink(path);
    }
    unlink(input);
    rmdir(folder);
}

const char *
fuzz_folder(void)
{
    const char *tmp = getenv("TMPDIR");
    char path[600];

    if (folder[0])
        return folder;
    snprintf(folder, sizeof(folder), "%s/penstock-fuzz-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(folder))
        die(folder);
    snprintf(input, sizeof(input), "%s/input", folder);
    atexit(remove_folder);
    for (size_t i = 0; i < FILES; i++) {
        struct ut_diag d;

        snprintf(path, sizeof(path), "%s/%s", folder, files[i].name);
        if (ut_file_write(path, files[i].content, strlen(files[i].content), 0600, &d) != 0) {
            fprintf(stderr, "%s\n", d.text);
            exit(2);
        }
    }
    return folder;
}

const char *
fuzz_file(const void *p, size_t len)
{
    int fd;

    (void)fuzz_folder();
    fd = open(input, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ut_file_write_all(fd, p, len) != 0 || close(fd) != 0)
        die(input);
    return input;
}
