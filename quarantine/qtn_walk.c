/* qtn_walk.c - visit the files of a quarantine, whatever lies there.
 * Not here: what is done with them (qtn_check.c, qtn_reindex.c).
 * Threads: any. Fails: on folders that cannot be read. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "quarantine/qtn_walk.h"

#define ENTRY_MAX (QTN_PATH_MAX + 300)

bool
qtn_walk_id(const char *name, const char *suffix, char id[QTN_ID_LEN + 1])
{
    if (strlen(name) != QTN_ID_LEN + strlen(suffix) || strcmp(name + QTN_ID_LEN, suffix) != 0)
        return false;
    memcpy(id, name, QTN_ID_LEN);
    id[QTN_ID_LEN] = '\0';
    return qtn_id_valid(id);
}

/* Visits the entries of folder [dir]; [xx]: its name if it is one of held/XX. */
static int
walk_folder(const char *dir, const char *xx, qtn_walk_fn *fn, void *arg, struct ut_diag *d)
{
    DIR *at = opendir(dir);
    struct dirent *e;
    int result = 0;

    if (!at)
        return ut_diag_errno(d, "cannot look into %s", dir);
    while (result == 0 && (e = readdir(at)) != NULL) {
        char path[ENTRY_MAX];
        char id[QTN_ID_LEN + 1];
        bool named =
            xx && qtn_walk_id(e->d_name, ".eml", id) && strcmp(id + QTN_ID_LEN - 2, xx) == 0;

        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        result = fn(arg, path, named ? id : NULL);
    }
    closedir(at);
    return result;
}

int
qtn_walk_place(
    const struct qtn_store *s, enum qtn_place place, qtn_walk_fn *fn, void *arg, struct ut_diag *d)
{
    char dir[QTN_PATH_MAX];

    qtn_store_path(s, place, NULL, dir);
    return walk_folder(dir, NULL, fn, arg, d);
}

struct held {
    qtn_walk_fn *fn;
    void *arg;
    struct ut_diag *d;
};

/* An entry of held/ itself: a folder XX, or something that does not belong there. */
static int
visit_folder(void *arg, const char *path, const char *id)
{
    const struct held *h = arg;
    const char *name = strrchr(path, '/') + 1;
    struct stat st;

    (void)id;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : ut_diag_errno(h->d, "cannot look at %s", path);
    if (!S_ISDIR(st.st_mode) || strlen(name) != 2)
        return h->fn(h->arg, path, NULL);
    return walk_folder(path, name, h->fn, h->arg, h->d);
}

int
qtn_walk_held(const struct qtn_store *s, qtn_walk_fn *fn, void *arg, struct ut_diag *d)
{
    struct held h = {fn, arg, d};

    return qtn_walk_place(s, QTN_PLACE_HELD, visit_folder, &h, d);
}
