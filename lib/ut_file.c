/* ut_file.c - files: read whole, written whole or not at all, folders, paths inside a root.
 * Not here: locks and pid files (ut_daemon.c).
 * Threads: any. Fails: -1 with the file's name in the diagnostic; nothing stays open and no
 * temporary file is left, unless the program ends by force between. */
#include "config.h"

#include "lib/ut_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Appends what [fd] gives until its end; -1 with errno (EFBIG: more than [max] bytes). */
static int
file_slurp(int fd, size_t max, struct ut_sbuf *out)
{
    size_t start = out->len;
    char buf[16384];
    ssize_t n;

    for (;;) {
        n = read(fd, buf, sizeof(buf));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -1 : 0;
        errno = EFBIG;
        if ((size_t)n > max - (out->len - start))
            return -1;
        errno = ENOMEM;
        ut_sbuf_add(out, buf, (size_t)n);
        if (out->failed)
            return -1;
    }
}

static int
file_read_fd(int fd, const char *path, size_t max, struct ut_sbuf *out, struct ut_diag *d)
{
    size_t start = out->len;
    struct stat st;

    if (fstat(fd, &st) != 0)
        return ut_diag_errno(d, "%s", path);
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : 0;
        return ut_diag_set(d, "%s: not a regular file", path);
    }
    if (out->failed || file_slurp(fd, max, out) == 0)
        return out->failed ? ut_diag_set(d, "%s: the buffer has failed before", path) : 0;
    ut_sbuf_truncate(out, start);
    if (errno == EFBIG)
        return ut_diag_set(d, "%s: larger than %zu bytes", path, max);
    return ut_diag_errno(d, "%s", path);
}

int
ut_file_read(const char *path, size_t max, struct ut_sbuf *out, struct ut_diag *d)
{
    bool failed = out->failed;
    int fd, r, saved;

    do
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return ut_diag_errno(d, "%s", path);
    r = file_read_fd(fd, path, max, out, d);
    saved = errno;
    out->failed = failed;
    close(fd);
    errno = saved;
    return r;
}

int
ut_file_write_all(int fd, const void *p, size_t len)
{
    const char *at = p;
    ssize_t n;

    while (len > 0) {
        n = write(fd, at, len);
        if (n < 0 && errno == EAGAIN) {
            struct pollfd pfd = {.fd = fd, .events = POLLOUT};

            if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
                return -1;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int
ut_file_sync_parent(const char *path, struct ut_diag *d)
{
    char *copy = strdup(path);
    int fd = -1, r = -1;

    if (copy)
        fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        r = fsync(fd);
    if (r != 0)
        ut_diag_errno(d, "folder of %s", path);
    if (fd >= 0)
        close(fd);
    free(copy);
    return r;
}

/* "/a/b" gives "/a/.b.XXXXXX", to be freed. */
static char *
file_temp_name(const char *path)
{
    const char *base = strrchr(path, '/');
    struct ut_sbuf b;

    base = base ? base + 1 : path;
    ut_sbuf_init(&b, PATH_MAX);
    ut_sbuf_add(&b, path, (size_t)(base - path));
    ut_sbuf_addf(&b, ".%s.XXXXXX", base);
    return ut_sbuf_take(&b, NULL);
}

int
ut_file_draft_open(struct ut_file_draft *f, const char *path, mode_t mode, struct ut_diag *d)
{
    f->fd = -1;
    f->path = strdup(path);
    f->temp = file_temp_name(path);
    if (!f->path || !f->temp) {
        ut_diag_set(d, "%s: name too long or out of memory", path);
        goto fail;
    }
    f->fd = mkostemp(f->temp, O_CLOEXEC);
    if (f->fd < 0) {
        ut_diag_errno(d, "%s: cannot create %s", path, f->temp);
        goto fail;
    }
    if (fchmod(f->fd, mode) != 0) {
        ut_diag_errno(d, "%s: cannot set permissions", path);
        goto fail;
    }
    return 0;
fail:
    ut_file_draft_drop(f);
    return -1;
}

void
ut_file_draft_drop(struct ut_file_draft *f)
{
    int saved = errno;

    if (f->fd >= 0) {
        close(f->fd);
        unlink(f->temp);
    }
    free(f->path);
    free(f->temp);
    f->fd = -1;
    f->path = f->temp = NULL;
    errno = saved;
}

int
ut_file_draft_commit(struct ut_file_draft *f, struct ut_diag *d)
{
    int fd = f->fd, r;

    if (fsync(fd) != 0) {
        ut_diag_errno(d, "%s: cannot make it durable", f->path);
        ut_file_draft_drop(f);
        return -1;
    }
    /* Some file systems tell only here that the disk was full (NFS, quota). */
    f->fd = -1;
    if (close(fd) != 0 || rename(f->temp, f->path) != 0) {
        ut_diag_errno(d, "%s: cannot complete it", f->path);
        unlink(f->temp);
        ut_file_draft_drop(f);
        return -1;
    }
    r = ut_file_sync_parent(f->path, d);
    ut_file_draft_drop(f);
    return r;
}

int
ut_file_write(const char *path, const void *p, size_t len, mode_t mode, struct ut_diag *d)
{
    struct ut_file_draft f;

    if (ut_file_draft_open(&f, path, mode, d) != 0)
        return -1;
    if (ut_file_write_all(f.fd, p, len) != 0) {
        ut_diag_errno(d, "%s: cannot write", path);
        ut_file_draft_drop(&f);
        return -1;
    }
    return ut_file_draft_commit(&f, d);
}

/* Makes one folder; one that is there is fine. */
static int
file_mkdir(const char *path, mode_t mode, struct ut_diag *d)
{
    struct stat st;

    if (mkdir(path, mode) == 0)
        return 0;
    if (errno != EEXIST)
        return ut_diag_errno(d, "cannot make folder %s", path);
    if (stat(path, &st) != 0)
        return ut_diag_errno(d, "folder %s", path);
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return ut_diag_errno(d, "folder %s", path);
    }
    return 0;
}

int
ut_file_mkdirs(const char *path, mode_t mode, struct ut_diag *d)
{
    char *copy = strdup(path);
    int r = 0;

    if (!copy)
        return ut_diag_errno(d, "cannot make folder %s", path);
    for (char *slash = strchr(copy + (*copy ? 1 : 0), '/'); slash && r == 0;
        slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        r = file_mkdir(copy, mode, d);
        *slash = '/';
    }
    if (r == 0)
        r = file_mkdir(copy, mode, d);
    free(copy);
    return r;
}

static bool
file_below(const char *root, const char *path)
{
    size_t len = strlen(root);

    if (strcmp(root, "/") == 0)
        return true;
    return strncmp(root, path, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

int
ut_file_inside(const char *root, const char *name, struct ut_sbuf *out, struct ut_diag *d)
{
    char *base = realpath(root, NULL), *real = NULL;
    struct ut_sbuf joined;
    int r = -1;

    ut_sbuf_init(&joined, PATH_MAX);
    if (!base) {
        ut_diag_errno(d, "%s", root);
        goto done;
    }
    errno = ENAMETOOLONG; /* or what the buffer's allocation says */
    if (name[0] != '/')
        ut_sbuf_addf(&joined, "%s/", base);
    ut_sbuf_addz(&joined, name);
    if (!joined.failed)
        real = realpath(ut_sbuf_text(&joined), NULL);
    if (!real) {
        ut_diag_errno(d, "%s", name);
    } else if (!file_below(base, real)) {
        errno = EACCES;
        ut_diag_set(d, "%s: outside of %s", name, root);
    } else {
        ut_sbuf_addz(out, real);
        errno = ENOMEM;
        r = out->failed ? ut_diag_errno(d, "%s", name) : 0;
    }
done:
    free(base);
    free(real);
    ut_sbuf_fini(&joined);
    return r;
}
