/* hsl_file.c - reading and keeping the files of scripts.
 *
 * The cache is a list in order of use of at most CACHE_FILES contents and CACHE_BYTES. Each use by
 * a new run looks at the file's status: size, modification time to the nanosecond or inode differ,
 * and it is read again. A file that changed just before it was read could change again
 * within the same tick of the clock of the file system: such a content is not reused.
 *
 * Contents are counted: by the cache and by each run that holds one. The lock of the cache is not
 * held while a file is read.
 * Not here: which file a name means (hsl_path.c), words and indexes (hsl_file_index.c).
 * Threads: any. Fails: R12, and L09 when one run holds too much. */
#include "config.h"

#include "hsl/hsl_file.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hsl/hsl_file_index.h"
#include "lib/ut_file.h"
#include "lib/ut_time.h"
#include "lib/ut_utf8.h"

#define CACHE_FILES 256
#define CACHE_BYTES (256u * 1024 * 1024)
#define RUN_BYTES (256u * 1024 * 1024) /* contents that one run may hold */
#define INDEX_MAX 8                    /* indexes of one content */
#define SETTLED 0.1                    /* seconds after which a change shows in the time */

struct hsl_file {
    atomic_uint refs;
    struct hsl_file *newer, *older; /* in the cache */
    char *path;                     /* real path */
    dev_t dev;
    ino_t ino;
    struct timespec mtime;
    bool settled; /* a later change is sure to show in [mtime] */
    char *data;
    size_t len;
    pthread_mutex_t lock; /* for the indexes */
    struct hsl_file_index *indexes;
    unsigned index_count;
};

struct hsl_file_cache {
    pthread_mutex_t lock;
    struct hsl_file *newest, *oldest;
    size_t count, bytes;
};

/* A file that a run has read. */
struct run_file {
    struct run_file *next;
    struct hsl_file *file;
    size_t name_len;
    char name[];
};

/* --- Contents -------------------------------------------------------------------------------- */

static struct hsl_file *
file_ref(struct hsl_file *f)
{
    atomic_fetch_add(&f->refs, 1);
    return f;
}

static void
file_unref(struct hsl_file *f)
{
    if (!f || atomic_fetch_sub(&f->refs, 1) > 1)
        return;
    while (f->indexes) {
        struct hsl_file_index *index = f->indexes;

        f->indexes = *hsl_file_index_next(index);
        hsl_file_index_free(index);
    }
    pthread_mutex_destroy(&f->lock);
    free(f->path);
    free(f->data);
    free(f);
}

const char *
hsl_file_data(const struct hsl_file *f, size_t *len)
{
    *len = f->len;
    return f->data ? f->data : "";
}

struct hsl_file_index *
hsl_file_find_index(struct hsl_file *f,
    bool (*same)(const struct hsl_file_index *index, const void *arg), const void *arg)
{
    struct hsl_file_index *index;

    pthread_mutex_lock(&f->lock);
    index = f->indexes;
    while (index && !same(index, arg))
        index = *hsl_file_index_next(index);
    pthread_mutex_unlock(&f->lock);
    return index;
}

bool
hsl_file_keep_index(struct hsl_file *f, struct hsl_file_index *index)
{
    bool room;

    pthread_mutex_lock(&f->lock);
    room = f->index_count < INDEX_MAX;
    if (room) {
        *hsl_file_index_next(index) = f->indexes;
        f->indexes = index;
        f->index_count++;
    }
    pthread_mutex_unlock(&f->lock);
    return room;
}

/* --- Cache ----------------------------------------------------------------------------------- */

struct hsl_file_cache *
hsl_file_cache_new(void)
{
    struct hsl_file_cache *c = calloc(1, sizeof(*c));

    if (c)
        pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void
cache_unlink(struct hsl_file_cache *c, struct hsl_file *f)
{
    *(f->newer ? &f->newer->older : &c->newest) = f->older;
    *(f->older ? &f->older->newer : &c->oldest) = f->newer;
    c->count--;
    c->bytes -= f->len;
}

static void
cache_link(struct hsl_file_cache *c, struct hsl_file *f)
{
    f->newer = NULL;
    f->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = f;
    c->newest = f;
    c->count++;
    c->bytes += f->len;
}

/* Takes [f] out and gives up the cache's count. */
static void
cache_drop(struct hsl_file_cache *c, struct hsl_file *f)
{
    cache_unlink(c, f);
    file_unref(f);
}

void
hsl_file_cache_free(struct hsl_file_cache *c)
{
    if (!c)
        return;
    while (c->newest)
        cache_drop(c, c->newest);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct hsl_file *
cache_search(const struct hsl_file_cache *c, const char *path)
{
    struct hsl_file *f = c->newest;

    while (f && strcmp(f->path, path) != 0)
        f = f->older;
    return f;
}

static bool
is_current(const struct hsl_file *f, const struct stat *st)
{
    return f->settled && f->dev == st->st_dev && f->ino == st->st_ino &&
           f->len == (size_t)st->st_size && f->mtime.tv_sec == st->st_mtim.tv_sec &&
           f->mtime.tv_nsec == st->st_mtim.tv_nsec;
}

/* A new count of the content that is still that of the file; NULL: none. */
static struct hsl_file *
cache_get(struct hsl_file_cache *c, const char *path, const struct stat *st)
{
    struct hsl_file *f;

    pthread_mutex_lock(&c->lock);
    f = cache_search(c, path);
    if (f && is_current(f, st)) {
        cache_unlink(c, f);
        cache_link(c, f);
        file_ref(f);
    } else {
        f = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    return f;
}

/* Puts [f] in, in place of an older content, and makes room. */
static void
cache_put(struct hsl_file_cache *c, struct hsl_file *f)
{
    struct hsl_file *old;

    pthread_mutex_lock(&c->lock);
    old = cache_search(c, f->path);
    if (old)
        cache_drop(c, old);
    while (c->oldest && (c->count >= CACHE_FILES || c->bytes + f->len > CACHE_BYTES))
        cache_drop(c, c->oldest);
    cache_link(c, file_ref(f));
    pthread_mutex_unlock(&c->lock);
}

/* --- Reading --------------------------------------------------------------------------------- */

/* R12 for [name]. Always NULL. */
static struct hsl_file *
cannot_open(struct hsl_run *r, const struct hsl_str *name, const char *reason)
{
    struct ut_sbuf shown;

    ut_sbuf_init(&shown, 4 * PATH_MAX);
    ut_utf8_escape(&shown, name->data, ut_utf8_cut(name->data, name->len, PATH_MAX / 2));
    hsl_raise(r, HSL_R12, "cannot open %s: %s", ut_sbuf_text(&shown), reason);
    ut_sbuf_fini(&shown);
    return NULL;
}

/* A content with one count from what was read; takes the buffer. NULL: no memory. */
static struct hsl_file *
file_new(const char *path, const struct stat *st, struct ut_sbuf *content)
{
    const double changed = (double)st->st_mtim.tv_sec + (double)st->st_mtim.tv_nsec / 1e9;
    struct hsl_file *f = calloc(1, sizeof(*f));

    if (!f)
        return NULL;
    f->path = strdup(path);
    if (!f->path) {
        free(f);
        return NULL;
    }
    atomic_init(&f->refs, 1);
    pthread_mutex_init(&f->lock, NULL);
    f->dev = st->st_dev;
    f->ino = st->st_ino;
    f->mtime = st->st_mtim;
    f->settled = ut_time_wall() - changed > SETTLED;
    f->len = content->len;
    f->data = ut_sbuf_take(content, &f->len);
    return f;
}

/* Reads the file; the status is of before, so a change while reading shows the next time. */
static struct hsl_file *
read_file(struct hsl_run *r, const struct hsl_str *name, const char *path, const struct stat *st)
{
    struct hsl_file *f = NULL;
    struct ut_sbuf content;
    struct ut_diag d;
    char buf[128];

    ut_sbuf_init(&content, HSL_FILE_MAX);
    if (st->st_size > (off_t)HSL_FILE_MAX) {
        cannot_open(r, name, "larger than 64 MiB");
    } else if (ut_file_read(path, HSL_FILE_MAX, &content, &d) != 0) {
        cannot_open(r, name, errno ? strerror_r(errno, buf, sizeof(buf)) : "no regular file");
    } else {
        f = file_new(path, st, &content);
        if (!f)
            hsl_limit(r, HSL_L08, "out of memory");
    }
    ut_sbuf_fini(&content);
    return f;
}

/* The content with a new count. */
static struct hsl_file *
load(struct hsl_run *r, const struct hsl_str *name, const char *path)
{
    struct hsl_file *f;
    struct stat st;
    char buf[128];

    if (stat(path, &st) != 0)
        return cannot_open(r, name, strerror_r(errno, buf, sizeof(buf)));
    if (!S_ISREG(st.st_mode))
        return cannot_open(r, name, "no regular file");
    f = cache_get(r->env->files, path, &st);
    if (f)
        return f;
    f = read_file(r, name, path, &st);
    if (f)
        cache_put(r->env->files, f);
    return f;
}

static struct run_file *
run_find(struct hsl_run *r, const struct hsl_str *name, size_t *bytes)
{
    struct run_file *n;

    *bytes = 0;
    for (n = r->files; n; n = n->next) {
        if (n->name_len == name->len && memcmp(n->name, name->data, name->len) == 0)
            break;
        *bytes += n->file->len;
    }
    return n;
}

/* The run holds [f], whose count it takes, under [name]. */
static struct hsl_file *
run_keep(struct hsl_run *r, const struct hsl_str *name, struct hsl_file *f)
{
    struct run_file *n = malloc(sizeof(*n) + name->len);

    if (!n) {
        file_unref(f);
        hsl_limit(r, HSL_L08, "out of memory");
        return NULL;
    }
    n->file = f;
    n->name_len = name->len;
    memcpy(n->name, name->data, name->len);
    n->next = r->files;
    r->files = n;
    return f;
}

struct hsl_file *
hsl_file_get(struct hsl_run *r, const struct hsl_str *name)
{
    struct hsl_file *f = NULL;
    struct run_file *known;
    struct ut_sbuf path;
    struct ut_diag d;
    size_t bytes;

    known = run_find(r, name, &bytes);
    if (known)
        return known->file;
    if (!r->env || !r->env->files)
        return cannot_open(r, name, "there are no files here");
    ut_sbuf_init(&path, PATH_MAX);
    if (hsl_path_resolve(r->env, name->data, name->len, NULL, false, &path, &d) != 0)
        hsl_raise(r, HSL_R12, "%s", d.text);
    else
        f = load(r, name, ut_sbuf_text(&path));
    ut_sbuf_fini(&path);
    if (f && bytes + f->len > RUN_BYTES) {
        file_unref(f);
        hsl_limit(r, HSL_L09, "files of one run (%u bytes) exceeded", RUN_BYTES);
        return NULL;
    }
    if (f && !hsl_work(r, f->len / 16)) {
        file_unref(f);
        return NULL;
    }
    return f ? run_keep(r, name, f) : NULL;
}

void
hsl_file_run_fini(struct hsl_run *r)
{
    while (r->files) {
        struct run_file *n = r->files;

        r->files = n->next;
        file_unref(n->file);
        free(n);
    }
}
