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

/* Loads the copy in [path], to know that it can be. */
static int
prove(const char *path, struct ut_diag *d)
{
    struct ut_diag_list diags;
    struct mlt_flows *f = NULL;
    char *conf = join(path, "penstock.conf", d);
    char *flows = join(path, "flows", d);
    int rc = -1;

    ut_diag_list_init(&diags, 1);
    if (conf && flows) {
        f = mlt_flows_load(conf, flows, NULL, &diags);
        rc = f ? 0
               : ut_diag_set(d, "the copy in %s does not load: %s", path,
                     diags.count > 0 ? diags.items[0].text : "out of memory");
    }
    mlt_flows_unref(f);
    ut_diag_list_fini(&diags);
    free(conf);
    free(flows);
    return rc;
}

/* Fills the new folder [path]. */
static int
fill(const char *path, const struct ut_conf *conf, struct ut_diag *d)
{
    size_t total = 0;
    char *to_conf = join(path, "penstock.conf", d);
    char *to_flows = join(path, "flows", d);
    int rc = -1;

    if (to_conf && to_flows && mkdir(path, 0700) != 0)
        ut_diag_errno(d, "cannot make %s", path);
    else if (to_conf && to_flows && copy_file(conf->path, to_conf, &total, d) == 0 &&
             copy_tree(conf->global.flow_directory, to_flows, 0, &total, d) == 0)
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
mlt_revision_save(const struct ut_conf *conf, struct ut_diag *d)
{
    char *path = join(conf->global.state_directory, "revision", d);
    char *fresh = join(conf->global.state_directory, "revision.new", d);
    int rc = -1;

    if (path && fresh) {
        remove_tree(fresh, 0);
        rc = fill(fresh, conf, d);
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
    char *flows = join(state_directory, "revision/flows", &d);
    struct mlt_flows *f = NULL;

    if (conf && flows)
        f = mlt_flows_load(conf, flows, NULL, diags);
    else
        ut_diag_list_add(diags, &d);
    if (f)
        f->saved = true;
    free(conf);
    free(flows);
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
