/* ut_file.c - files: read with a cap, durable writes that fail, folders, paths inside a root. */
#include "config.h"

#include "lib/ut_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t/unit/tap.h"

static char root[] = "/tmp/ut_file.XXXXXX";
static char name_buf[4][300];

/* "ROOT/name"; four of them at once. */
static const char *
in(const char *name)
{
    static int next;
    char *p = name_buf[next++ % 4];

    snprintf(p, sizeof(name_buf[0]), "%s/%s", root, name);
    return p;
}

/* Entries of the folder [path] without "." and ".."; -1 if it cannot be read. */
static int
entries(const char *path)
{
    DIR *dir = opendir(path);
    int n = -2;

    if (!dir)
        return -1;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void
test_read(void)
{
    struct ut_sbuf b;
    struct ut_diag d;

    ut_sbuf_init(&b, 100);
    ut_sbuf_addz(&b, "before ");
    tap_ok(ut_file_write(in("f"), "0123456789", 10, 0640, &d) == 0, "write");
    tap_ok(ut_file_read(in("f"), 10, &b, &d) == 0, "a file as large as the cap");
    tap_str(ut_sbuf_text(&b), "before 0123456789", "appends");
    tap_ok(ut_file_read(in("f"), 9, &b, &d) == -1 && strstr(d.text, "larger than 9"),
        "larger than the cap: %s", d.text);
    tap_ok(b.len == 17 && !b.failed, "the buffer is as before");
    ut_sbuf_fini(&b);
    ut_sbuf_init(&b, 5);
    tap_ok(ut_file_read(in("f"), 10, &b, &d) == -1 && b.len == 0 && !b.failed,
        "larger than the buffer: %s", d.text);
    ut_sbuf_addz(&b, "123456");
    tap_ok(ut_file_read(in("f"), 10, &b, &d) == -1 && b.failed, "a buffer that failed before");
    ut_sbuf_reset(&b);
    tap_ok(ut_file_read(in("none"), 10, &b, &d) == -1 && errno == ENOENT, "no file: %s", d.text);
    tap_ok(ut_file_read(root, 10, &b, &d) == -1, "a folder: %s", d.text);
    tap_ok(mkfifo(in("fifo"), 0600) == 0 && ut_file_read(in("fifo"), 10, &b, &d) == -1,
        "a FIFO does not block: %s", d.text);
    tap_ok(ut_file_read("/dev/zero", 10, &b, &d) == -1, "a device: %s", d.text);
    tap_ok(ut_file_read(in("none"), 10, &b, NULL) == -1, "nobody wants the reason");
    unlink(in("fifo"));
    ut_sbuf_fini(&b);
}

static void
test_write(void)
{
    struct ut_file_draft f = {.fd = -1};
    struct ut_diag d;
    struct ut_sbuf b;
    struct stat st;
    struct rlimit old, small;
    char longname[300];

    ut_sbuf_init(&b, 1000);
    umask(077);
    tap_ok(ut_file_write(in("w"), "one", 3, 0644, &d) == 0 && stat(in("w"), &st) == 0 &&
               (st.st_mode & 07777) == 0644,
        "permissions whatever the umask");
    tap_ok(ut_file_write(in("w"), "two", 3, 0600, &d) == 0 && ut_file_read(in("w"), 9, &b, &d) == 0,
        "over an old file");
    tap_str(ut_sbuf_text(&b), "two", "its content is the new");

    /* A full disk: the file size limit makes write(2) fail in the middle. */
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 4;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    tap_ok(ut_file_write(in("w"), "much longer", 11, 0600, &d) == -1, "no room: %s", d.text);
    setrlimit(RLIMIT_FSIZE, &old);
    ut_sbuf_reset(&b);
    tap_ok(ut_file_read(in("w"), 99, &b, &d) == 0 && strcmp(b.data, "two") == 0,
        "the old file is untouched");
    tap_ok(ut_file_write(in("no/w"), "x", 1, 0600, &d) == -1, "no folder: %s", d.text);
    tap_ok(mkdir(in("d"), 0700) == 0 && ut_file_write(in("d"), "x", 1, 0600, &d) == -1,
        "over a folder: %s", d.text);
    memset(longname, 'n', sizeof(longname));
    longname[sizeof(longname) - 1] = '\0';
    tap_ok(ut_file_write(longname, "x", 1, 0600, &d) == -1, "a name that is too long");
    tap_ok(ut_file_draft_open(&f, in("x"), 0600, &d) == 0, "a draft");
    ut_file_draft_drop(&f);
    ut_file_draft_drop(&f);
    tap_ok(f.fd == -1 && access(in("x"), F_OK) != 0, "dropped, twice");
    rmdir(in("d"));
    tap_num(entries(root), 2, "no temporary file is left");
    ut_sbuf_fini(&b);
}

static void *
thread_read(void *arg)
{
    char buf[1000];
    size_t sum = 0;
    ssize_t n;

    usleep(50000);
    while ((n = read(*(int *)arg, buf, sizeof(buf))) > 0)
        sum += (size_t)n;
    *(int *)arg = (int)sum;
    return NULL;
}

static void
test_write_all(void)
{
    static char big[300000];
    pthread_t t;
    int fd[2], got;

    if (pipe2(fd, O_CLOEXEC) != 0 || fcntl(fd[1], F_SETFL, O_NONBLOCK) != 0) {
        tap_ok(false, "a pipe");
        return;
    }
    got = fd[0];
    pthread_create(&t, NULL, thread_read, &got);
    tap_ok(ut_file_write_all(fd[1], big, sizeof(big)) == 0, "a full pipe is waited for");
    close(fd[1]);
    pthread_join(t, NULL);
    tap_num(got, sizeof(big), "all of it came");
    tap_ok(ut_file_write_all(fd[0], "x", 1) == -1, "not for writing");
    close(fd[0]);
    tap_ok(ut_file_write_all(-1, "x", 0) == 0, "nothing to write");
}

static void
test_mkdirs(void)
{
    struct ut_diag d;
    struct stat st;

    umask(0);
    tap_ok(ut_file_mkdirs(in("a/b/c"), 0750, &d) == 0, "three at once");
    tap_ok(stat(in("a/b"), &st) == 0 && (st.st_mode & 07777) == 0750, "permissions");
    tap_ok(ut_file_mkdirs(in("a/b/c/"), 0700, &d) == 0, "there already, slash at the end");
    tap_ok(ut_file_mkdirs(in("a//b/../b/e"), 0700, &d) == 0, "odd slashes");
    tap_ok(ut_file_mkdirs(in("w/x"), 0700, &d) == -1, "below a file: %s", d.text);
    tap_ok(ut_file_mkdirs(in("w"), 0700, &d) == -1, "a file: %s", d.text);
    tap_ok(ut_file_mkdirs("/", 0700, &d) == 0, "the root");
    tap_ok(ut_file_mkdirs("", 0700, &d) == -1, "no name: %s", d.text);
    tap_ok(ut_file_sync_parent(in("a"), &d) == 0, "sync of a folder");
    tap_ok(ut_file_sync_parent(in("no/such"), &d) == -1, "sync of none: %s", d.text);
}

static const struct {
    const char *name, *want; /* want: below the root, or NULL */
    int want_errno;
} paths[] = {
    {"b", "a/b", 0},
    {"b/../b/./c", "a/b/c", 0},
    {".", "a", 0},
    {"", "a", 0},
    {"..", NULL, EACCES},
    {"../a2", NULL, EACCES},
    {"b/../../w", NULL, EACCES},
    {"/etc/passwd", NULL, EACCES},
    {"out/passwd", NULL, EACCES},
    {"loop", NULL, ELOOP},
    {"inside", "a/b/c", 0},
    {"none", NULL, ENOENT},
    {"../none", NULL, ENOENT},
};

static void
test_inside(void)
{
    struct ut_sbuf b;
    struct ut_diag d;
    char name[300];

    ut_sbuf_init(&b, 4096);
    tap_ok(mkdir(in("a2"), 0700) == 0 && symlink("/etc", in("a/out")) == 0 &&
               symlink("loop", in("a/loop")) == 0 && symlink("b/c", in("a/inside")) == 0,
        "links");
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        ut_sbuf_reset(&b);
        int r = ut_file_inside(in("a"), paths[i].name, &b, &d);

        if (paths[i].want)
            tap_ok(r == 0 && strcmp(ut_sbuf_text(&b), in(paths[i].want)) == 0, "inside: \"%s\"",
                paths[i].name);
        else
            tap_ok(r == -1 && errno == paths[i].want_errno && b.len == 0, "not inside: \"%s\": %s",
                paths[i].name, d.text);
    }
    snprintf(name, sizeof(name), "%s/a/b", root);
    ut_sbuf_reset(&b);
    tap_ok(ut_file_inside(in("a"), name, &b, &d) == 0, "an absolute name inside");
    ut_sbuf_reset(&b);
    tap_ok(ut_file_inside("/", "etc/passwd", &b, &d) == 0, "all is inside of /");
    tap_ok(ut_file_inside(in("noroot"), "x", &b, &d) == -1, "no root: %s", d.text);
    ut_sbuf_fini(&b);
}

int
main(void)
{
    char command[64];

    if (!mkdtemp(root))
        return 1;
    test_read();
    test_write();
    test_write_all();
    test_mkdirs();
    test_inside();
    snprintf(command, sizeof(command), "rm -r %s", root);
    if (system(command) != 0)
        return 1;
    return tap_done();
}
