/* mlt_revision.c - saves each revision that loaded, and loads the saved one.
 * Not here: loading itself (mlt_flows.c), when to fall back (mlt_server.c).
 * Threads: one at a time. Fails: files that cannot be read or written; too much in the flow
 * folder.
 *
 * The copy is made beside the old one, loaded as a proof, and swapped in by one rename: at every
 * moment there is one whole revision, whatever is killed when. */
#include "config.h"

#include "milter/mlt_revision.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ut_file.h"

#define REVISION_MAX_FILE ((size_t)16 * 1024 * 1024)  /* bytes of one file */
#define REVISION_MAX_TOTAL ((size_t)64 * 1024 * 1024) /* of all */
#define REVISION_MAX_DEPTH 16                         /* folders in folders */

/* A path made of [a] and [b], to be freed; NULL with [d] set. */
static char *
join(const char *a, const char *b, struct ut_diag *d)
{
    struct ut_sbuf path;
    char *text;

    ut_sbuf_init(&path, PATH_MAX);
    ut_sbuf_addf(&path, "%s/%s", a, b);
    text = ut_sbuf_take(&path, NULL);
    if (!text)
        ut_diag_set(d, "%s/%s: the name is too long", a, b);
    return text;
}

/* --- Removing --------------------------------------------------------------------------------- */

/* Removes the folder [path] with all in it as far as possible; a symbolic link is not followed. */
static void
remove_tree(const char *path, unsigned depth)
{
    DIR *dir = depth < REVISION_MAX_DEPTH + 4 ? opendir(path) : NULL;
    struct dirent *e;

    while (dir && (e = readdir(dir)) != NULL) {
        char *name;
        struct stat st;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        name = join(path, e->d_name, NULL);
        if (name && lstat(name, &st) == 0 && S_ISDIR(st.st_mode))
            remove_tree(name, depth + 1);
        else if (name)
            unlink(name);
        free(name);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

/* --- Copying ---------------------------------------------------------------------------------- */

static int
copy_file(const char *from, const char *to, size_t *total, struct ut_diag *d)
{
    struct ut_sbuf content;
    int rc;

    ut_sbuf_init(&content, REVISION_MAX_FILE);
    rc = ut_file_read(from, REVISION_MAX_FILE, &content, d);
    if (rc == 0 && content.len > REVISION_MAX_TOTAL - *total)
        rc = ut_diag_set(d, "%s: more than %zu bytes in all", from, REVISION_MAX_TOTAL);
    if (rc == 0) {
        *total += content.len;
        rc = ut_file_write(to, ut_sbuf_text(&content), content.len, 0600, d);
    }
    ut_sbuf_fini(&content);
    return rc;
}

static int
copy_tree(const char *from, const char *to, unsigned depth, size_t *total, struct ut_diag *d);

/* One entry of a folder: files are copied, folders walked into, what is neither is left out. */
static int
copy_entry(const char *from, const char *to, unsigned depth, size_t *total, struct ut_diag *d)
{
    struct stat st;

    if (stat(from, &st) != 0)
        return errno == ENOENT ? 0 : ut_diag_errno(d, "%s", from);
    if (S_ISDIR(st.st_mode))
        return copy_tree(from, to, depth + 1, total, d);
    return S_ISREG(st.st_mode) ? copy_file(from, to, total, d) : 0;
}

static int
copy_tree(const char *from, const char *to, unsigned depth, size_t *total, struct ut_diag *d)
{
    struct dirent *e;
    DIR *dir;
    int rc = 0;

    if (depth > REVISION_MAX_DEPTH)
        return ut_diag_set(d, "%s: folders are nested too deep", from);
    if (mkdir(to, 0700) != 0)
        return ut_diag_errno(d, "cannot make %s", to);
    dir = opendir(from);
    if (!dir)
        return errno == ENOENT ? 0 : ut_diag_errno(d, "cannot read %s", from);
    while (rc == 0 && (e = readdir(dir)) != NULL) {
        char *a, *b;

        if (e->d_name[0] == '.')
            continue;
        a = join(from, e->d_name, d);
        b = join(to, e->d_name, d);
        rc = a && b ? copy_entry(a, b, depth, total, d) : -1;
        free(a);
        free(b);
    }
    closedir(dir);
    return rc;
}

/* --- Files outside of the flow folder --------------------------------------------------------- */

/* Where the copy goes, and from where. */
struct copy {
    const struct ut_conf *conf;
    const char *to; /* the new revision */
    char *data_dir; /* real path, NULL: not there */
    size_t *total;
};

/* What is left of [path] behind the folder [dir] and a slash; NULL: it is not in it. */
static const char *
inside(const char *dir, const char *path)
{
    size_t len = dir ? strlen(dir) : 0;

    return len > 0 && strncmp(path, dir, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

/* Copies the file [path] to [folder]/[name] of the revision; folders are made. */
static int
copy_into(
    const struct copy *c, const char *path, const char *folder, const char *name, struct ut_diag *d)
{
    char *dir = join(c->to, folder, d), *to = dir ? join(dir, name, d) : NULL, *slash;
    int rc = -1;

    if (to) {
        slash = strrchr(to, '/');
        *slash = '\0';
        rc = ut_file_mkdirs(to, 0700, d);
        *slash = '/';
        if (rc == 0)
            rc = copy_file(path, to, c->total, d);
    }
    free(dir);
    free(to);
    return rc;
}

static bool
has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* The name below data/ that a script uses for [path], which may be a symbolic link, and .hsl. */
static int
copy_data(const struct copy *c, const char *name, const char *path, struct ut_diag *d)
{
    const char *real = inside(c->data_dir, path), *end = strrchr(path, '.');
    struct ut_sbuf named;
    int rc = copy_into(c, path, "data", real, d);

    if (rc != 0 || !has_prefix(name, "file://") || strcmp(name + 7, real) == 0 ||
        strstr(name, ".."))
        return rc;
    ut_sbuf_init(&named, PATH_MAX);
    ut_sbuf_addz(&named, name + 7);
    if (end && strcmp(end, ".hsl") == 0 &&
        (named.len < 4 || strcmp(ut_sbuf_text(&named) + named.len - 4, ".hsl") != 0))
        ut_sbuf_addz(&named, ".hsl");
    if (strcmp(ut_sbuf_text(&named), real) != 0)
        rc = copy_into(c, path, "data", ut_sbuf_text(&named), d);
    ut_sbuf_fini(&named);
    return rc;
}

/* Copies [path], the file of section [id] if there is one, to file/ID/NAME: its ending says what it
 * is. */
static int
copy_by_id(const struct copy *c, const char *id, const char *path, struct ut_diag *d)
{
    const struct ut_conf_file *f = strchr(id, '/') ? NULL : ut_conf_file_get(c->conf, id);
    const char *slash = f ? strrchr(f->path, '/') : NULL;
    struct ut_sbuf to;
    int rc;

    if (!f)
        return 0;
    ut_sbuf_init(&to, PATH_MAX);
    ut_sbuf_addf(&to, "%s/%s", id, slash ? slash + 1 : f->path);
    rc = copy_into(c, path, "file", ut_sbuf_text(&to), d);
    ut_sbuf_fini(&to);
    return rc;
}

/* Copies the file [path] that a script calls [name], unless it is in the flow folder, which is
 * copied whole, or comes with the program. What is called by its section's ID is copied under that,
 * wherever it is. */
static int
copy_source(const struct copy *c, const char *name, const char *path, struct ut_diag *d)
{
    if (path && has_prefix(name, "file:") && copy_by_id(c, name + 5, path, d) != 0)
        return -1;
    return path && inside(c->data_dir, path) ? copy_data(c, name, path, d) : 0;
}

static int
copy_sources(const struct mlt_flows *f, const char *to, size_t *total, struct ut_diag *d)
{
    const struct ut_conf_global *g = &f->conf->global;
    struct copy c = {.conf = f->conf, .to = to, .total = total};
    const char *name, *path;
    int rc = 0;

    c.data_dir = realpath(g->data_directory, NULL);
    for (size_t i = 0; i < f->script_count && rc == 0; i++) {
        for (size_t k = 0; rc == 0 && hsl_prog_source(f->scripts[i].prog, k, &name, &path); k++)
            rc = copy_source(&c, name, path, d);
    }
    free(c.data_dir);
    return rc;
}

/* --- All -------------------------------------------------------------------------------------- */

/* Loads the copy in [path], to know that it can be. */
static int
prove(const char *path, struct ut_diag *d)
{
    struct ut_diag_list diags;
    struct mlt_flows *f = NULL;
    char *conf = join(path, "penstock.conf", d);
    int rc = -1;

    ut_diag_list_init(&diags, 1);
    if (conf) {
        f = mlt_flows_load(conf, path, NULL, &diags);
        rc = f ? 0
               : ut_diag_set(d, "the copy in %s does not load: %s", path,
                     diags.count > 0 ? diags.items[0].text : "out of memory");
    }
    mlt_flows_unref(f);
    ut_diag_list_fini(&diags);
    free(conf);
    return rc;
}

/* Fills the new folder [path]. */
static int
fill(const char *path, const struct mlt_flows *f, struct ut_diag *d)
{
    size_t total = 0;
    char *to_conf = join(path, "penstock.conf", d);
    char *to_flows = join(path, "flows", d);
    int rc = -1;

    if (to_conf && to_flows && mkdir(path, 0700) != 0)
        ut_diag_errno(d, "cannot make %s", path);
    else if (to_conf && to_flows && copy_file(f->conf->path, to_conf, &total, d) == 0 &&
             copy_tree(f->conf->global.flow_directory, to_flows, 0, &total, d) == 0 &&
             copy_sources(f, path, &total, d) == 0)
        rc = prove(path, d);
    free(to_conf);
    free(to_flows);
    return rc;
}

/* Puts [fresh] in the place of [path]. On a file system that cannot exchange two names there is a
 * moment without any. */
static int
swap(const char *fresh, const char *path, struct ut_diag *d)
{
    if (renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_EXCHANGE) != 0) {
        if (errno != ENOENT)
            remove_tree(path, 0);
        if (rename(fresh, path) != 0)
            return ut_diag_errno(d, "cannot rename %s to %s", fresh, path);
    }
    return ut_file_sync_parent(path, d);
}

int
mlt_revision_save(const struct mlt_flows *f, struct ut_diag *d)
{
    char *path = join(f->conf->global.state_directory, "revision", d);
    char *fresh = join(f->conf->global.state_directory, "revision.new", d);
    int rc = -1;

    if (path && fresh) {
        remove_tree(fresh, 0);
        rc = fill(fresh, f, d);
        if (rc == 0)
            rc = swap(fresh, path, d);
        remove_tree(fresh, 0);
    }
    free(path);
    free(fresh);
    return rc;
}

/* --- Loading ---------------------------------------------------------------------------------- */

struct mlt_flows *
mlt_revision_load(const char *state_directory, struct ut_diag_list *diags)
{
    struct ut_diag d = {0};
    char *conf = join(state_directory, "revision/penstock.conf", &d);
    char *saved = join(state_directory, "revision", &d);
    struct mlt_flows *f = NULL;

    if (conf && saved)
        f = mlt_flows_load(conf, saved, NULL, diags);
    else
        ut_diag_list_add(diags, &d);
    if (f)
        f->saved = true;
    free(conf);
    free(saved);
    return f;
}

/* The value if the text at [line] is `state_directory = VALUE`, NULL if not. Quotes, blanks and all
 * behind it are cut off in place. */
static char *
value_of(char *line)
{
    static const char name[] = "state_directory";
    char *end;

    line += strspn(line, " \t");
    if (strncmp(line, name, sizeof(name) - 1) != 0)
        return NULL;
    line += sizeof(name) - 1;
    line += strspn(line, " \t");
    if (*line++ != '=')
        return NULL;
    line += strspn(line, " \t\"'");
    end = line + strcspn(line, "\"'\r\n#");
    while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    if (*line != '/')
        return NULL;
    *end = '\0';
    return line;
}

void
mlt_revision_directory(const char *path, struct ut_sbuf *out)
{
    struct ut_sbuf text;
    const char *found = NULL;
    char *line = NULL;

    ut_sbuf_init(&text, REVISION_MAX_FILE);
    if (ut_file_read(path, REVISION_MAX_FILE, &text, NULL) == 0)
        line = text.data;
    while (line && !found) {
        char *lf = strchr(line, '\n');

        found = value_of(line);
        line = lf ? lf + 1 : NULL;
    }
    ut_sbuf_addz(out, found ? found : PENSTOCK_STATEDIR);
    ut_sbuf_fini(&text);
}
