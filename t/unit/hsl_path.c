/* hsl_path.c - which files scripts may name (language §12, File names). */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hsl/hsl_env.h"
#include "lib/ut_file.h"
#include "t/unit/tap.h"

static char root[] = "/tmp/hsl_path.XXXXXX";

/* "%s" in a name or a result stands for the folder that everything lies in. */
static void
at_root(char *buf, size_t size, const char *text)
{
    snprintf(buf, size, "%s%s", strncmp(text, "%s", 2) == 0 ? root : "",
        strncmp(text, "%s", 2) == 0 ? text + 2 : text);
}

static const char *const folders[] = {"%s/flows", "%s/flows/sub", "%s/data", "%s/other",
    "%s/modules"};
static const char *const files[] = {"%s/flows/a", "%s/flows/b.hsl", "%s/flows/sub/c.hsl",
    "%s/data/accounts.txt", "%s/other/secret", "%s/flows/a.hsl",
    "%s/modules/pkg.hsl"};

static void
make_files(void)
{
    char path[300], target[300];

    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        at_root(path, sizeof path, folders[i]);
        tap_ok(mkdir(path, 0755) == 0, "folder %zu", i);
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        FILE *f;

        at_root(path, sizeof path, files[i]);
        f = fopen(path, "w");
        tap_ok(f && fclose(f) == 0, "file %zu", i);
    }
    at_root(path, sizeof path, "%s/flows/link");
    at_root(target, sizeof target, "%s/other/secret");
    tap_ok(symlink(target, path) == 0, "a link to the outside");
    at_root(path, sizeof path, "%s/flows/inside");
    tap_ok(symlink("b.hsl", path) == 0, "a link to the inside");
}

static void
remove_files(void)
{
    char path[300];

    at_root(path, sizeof path, "%s/flows/link");
    unlink(path);
    at_root(path, sizeof path, "%s/flows/inside");
    unlink(path);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        at_root(path, sizeof path, files[i]);
        unlink(path);
    }
    for (size_t i = sizeof folders / sizeof folders[0]; i-- > 0;) {
        at_root(path, sizeof path, folders[i]);
        rmdir(path);
    }
    rmdir(root);
}

/* A configuration with files 7 and 9. */
static struct ut_conf *
load_conf(void)
{
    char path[300], text[700];
    struct ut_diag_list diags;
    struct ut_conf *conf;

    at_root(path, sizeof path, "%s/penstock.conf");
    snprintf(text, sizeof text,
        "file 7 { path = \"%s/other/secret\" }\nfile 9 { path = \"/nonexistent/file\" }\n", root);
    tap_num(ut_file_write(path, text, strlen(text), 0600, NULL), 0, "the configuration is written");
    ut_diag_list_init(&diags, 10);
    conf = ut_conf_load(path, &diags);
    tap_ok(conf != NULL, "the configuration is read");
    ut_diag_list_fini(&diags);
    unlink(path);
    return conf;
}

static const struct {
    const char *name, *from; /* from: NULL none */
    bool add_hsl;
    const char *want; /* a path, or the text of the error */
} rows[] = {
    {"a", NULL, false, "%s/flows/a"},
    {"a", NULL, true, "%s/flows/a"},
    {"b", NULL, true, "%s/flows/b.hsl"},
    {"b", NULL, false, "cannot open b: No such file or directory"},
    {"b.hsl", NULL, true, "%s/flows/b.hsl"},
    {"sub/c", NULL, true, "%s/flows/sub/c.hsl"},
    {"sub/../a", NULL, false, "%s/flows/a"},
    {"file:a", NULL, false, "%s/flows/a"},
    {"file:sub/c", NULL, true, "%s/flows/sub/c.hsl"},
    {"file:7", NULL, false, "%s/other/secret"},
    {"file:8", NULL, false, "cannot open file:8: No such file or directory"},
    {"file:9", NULL, false, "cannot open file:9: No such file or directory"},
    {"file://accounts.txt", NULL, false, "%s/data/accounts.txt"},
    {"file:///etc/passwd", NULL, false, "file:///etc/passwd is outside the allowed directories"},
    {"file://../other/secret", NULL, false,
        "file://../other/secret is outside the allowed directories"},
    {"file://", NULL, false, "cannot open file://: no file name"},
    {"file:", NULL, false, "cannot open file:: no file name"},
    {"", NULL, true, "cannot open : no file name"},
    {"/etc/passwd", NULL, false, "/etc/passwd is outside the allowed directories"},
    {"file:/etc/passwd", NULL, false, "file:/etc/passwd is outside the allowed directories"},
    {"sub/../../other/secret", NULL, false,
        "sub/../../other/secret is outside the allowed directories"},
    {"link", NULL, false, "link is outside the allowed directories"},
    {"inside", NULL, false, "%s/flows/b.hsl"},
    {"./a", "%s/flows/b.hsl", false, "%s/flows/a"},
    {"./c", "%s/flows/sub/c.hsl", true, "%s/flows/sub/c.hsl"},
    {"../b", "%s/flows/sub/c.hsl", true, "%s/flows/b.hsl"},
    {"./accounts.txt", "%s/data/x", false, "%s/data/accounts.txt"},
    {"../data/accounts.txt", "%s/flows/b.hsl", false, "%s/data/accounts.txt"},
    {"../other/secret", "%s/flows/b.hsl", false,
        "../other/secret is outside the allowed directories"},
    {"./nothere", "%s/flows/b.hsl", true, "cannot open ./nothere: No such file or directory"},
    {"./a", NULL, false, "cannot open ./a: ./ and ../ are only for scripts that are files"},
    {"extras://x", NULL, true, "cannot open extras://x: No such file or directory"},
    {"extras://pkg", NULL, true, "%s/modules/pkg.hsl"},
    {"extras://../flows/a", NULL, true, "extras://../flows/a is outside the allowed directories"},
    {"./pkg", "%s/modules/pkg.hsl", true, "%s/modules/pkg.hsl"},
    {"a\nb", NULL, false, "cannot open a\\x0Ab: No such file or directory"},
    {"a/b", NULL, false, "cannot open a/b: Not a directory"},
};

static void
test_rows(struct hsl_env *env)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char from[300], want[400], name[80];
        struct ut_sbuf out;
        struct ut_diag d;
        int r;

        at_root(from, sizeof from, rows[i].from ? rows[i].from : "");
        at_root(want, sizeof want, rows[i].want);
        ut_sbuf_init(&out, 4096);
        r = hsl_path_resolve(env, rows[i].name, strlen(rows[i].name), rows[i].from ? from : NULL,
            rows[i].add_hsl, &out, &d);
        snprintf(name, sizeof name, "row %zu", i);
        tap_str(r == 0 ? ut_sbuf_text(&out) : d.text, want, name);
        tap_ok(r == 0 || out.len == 0, "row %zu: an error gives no path", i);
        ut_sbuf_fini(&out);
    }
}

static void
test_names(struct hsl_env *env)
{
    struct hsl_env bare = {.flow_dir = NULL};
    static char longest[10000];
    struct ut_sbuf out;
    struct ut_diag d;

    ut_sbuf_init(&out, 4096);
    tap_num(hsl_path_resolve(env, "a\0b", 3, NULL, false, &out, &d), -1, "a NUL in the name");
    memset(longest, 'x', sizeof longest);
    tap_num(hsl_path_resolve(env, longest, sizeof longest, NULL, true, &out, &d), -1,
        "a name that is too long");
    tap_num(hsl_path_resolve(env, longest, 300, NULL, true, &out, &d), -1,
        "a name too long for the file system");
    tap_ok(strstr(d.text, "File name too long") != NULL, "says so");
    tap_num(hsl_path_resolve(&bare, "a", 1, NULL, true, &out, &d), -1, "no folder for flows");
    tap_num(hsl_path_resolve(&bare, "file://a", 8, NULL, true, &out, &d), -1, "nor for data");
    tap_num((long long)out.len, 0, "an error leaves the buffer alone");
    ut_sbuf_fini(&out);
}

int
main(void)
{
    struct hsl_env env = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char flows[300], data[300], modules[300];

    if (!tap_ok(mkdtemp(root) != NULL, "a folder for files"))
        return tap_done();
    at_root(flows, sizeof flows, "%s/flows");
    at_root(data, sizeof data, "%s/data");
    env.flow_dir = flows;
    env.data_dir = data;
    at_root(modules, sizeof modules, "%s/modules");
    env.module_dir = modules;
    make_files();
    env.conf = load_conf();
    if (!env.conf)
        return tap_done();
    test_rows(&env);
    test_names(&env);
    ut_conf_unref(env.conf);
    remove_files();
    return tap_done();
}
