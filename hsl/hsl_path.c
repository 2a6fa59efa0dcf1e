/* hsl_path.c - which file a script means (language §12, File names), and the proof that it lies
 * where scripts may read. Not here: reading it (lib/ut_file.h), keeping it (hsl_file.c).
 * Threads: any. Fails: no such file, outside the roots, no memory; the text is in the diagnostic.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "hsl/hsl_env.h"
#include "lib/ut_file.h"
#include "lib/ut_utf8.h"

/* One question: the name as the script has it, and where the answer goes. */
struct lookup {
    struct hsl_env *env;
    const char *name; /* NUL at its end */
    const char *from;
    struct ut_conf *conf; /* NULL: that of [env] */
    bool add_hsl;
    bool saved; /* look in saved_dir for what is outside of flow_dir */
    struct ut_sbuf *out;
    struct ut_diag *d;
};

/* The root of "file://". */
static const char *
data_root(const struct lookup *l)
{
    return l->saved ? l->env->saved_data_dir : l->env->data_dir;
}

static int
cannot_open(const struct lookup *l, const char *reason)
{
    struct ut_sbuf shown;

    ut_sbuf_init(&shown, 4 * PATH_MAX);
    ut_utf8_escape(&shown, l->name, strlen(l->name));
    ut_diag_set(l->d, "cannot open %s: %s", ut_sbuf_text(&shown), reason);
    ut_sbuf_fini(&shown);
    return -1;
}

static int
outside(const struct lookup *l)
{
    struct ut_sbuf shown;

    ut_sbuf_init(&shown, 4 * PATH_MAX);
    ut_utf8_escape(&shown, l->name, strlen(l->name));
    ut_diag_set(l->d, "%s is outside the allowed directories", ut_sbuf_text(&shown));
    ut_sbuf_fini(&shown);
    return -1;
}

static int
cannot_open_errno(const struct lookup *l, int err)
{
    char buf[128];

    return cannot_open(l, strerror_r(err, buf, sizeof buf));
}

enum found { FOUND, MISSING, OUTSIDE, FAILED };

/* Looks for the path [rel] (of [base], or absolute) and whether it is below [root]. FAILED: errno.
 */
static enum found
look_in(const char *root, const char *base, const char *rel, struct ut_sbuf *out)
{
    struct ut_sbuf joined;
    enum found r = FOUND;

    ut_sbuf_init(&joined, PATH_MAX - 1);
    errno = ENAMETOOLONG; /* or what the buffer's allocation says */
    ut_sbuf_addf(&joined, "%s/%s", base, rel);
    if (joined.failed) {
        r = FAILED;
    } else if (ut_file_inside(root, ut_sbuf_text(&joined), out, NULL) != 0) {
        int err = errno;
        char *real = err == EACCES ? realpath(ut_sbuf_text(&joined), NULL) : NULL;

        r = real ? OUTSIDE : err == ENOENT || err == ENOTDIR ? MISSING : FAILED;
        free(real);
        errno = err;
    }
    ut_sbuf_fini(&joined);
    return r;
}

/* The same, with ".hsl" behind the name if it is not there without. */
static enum found
look_for(const struct lookup *l, const char *root, const char *base, const char *rel)
{
    enum found r = look_in(root, base, rel, l->out);
    struct ut_sbuf longer;
    int err = errno;

    if (r != MISSING || !l->add_hsl)
        return r;
    ut_sbuf_init(&longer, PATH_MAX - 1);
    ut_sbuf_addf(&longer, "%s.hsl", rel);
    if (longer.failed)
        r = FAILED;
    else
        r = look_in(root, base, ut_sbuf_text(&longer), l->out);
    ut_sbuf_fini(&longer);
    if (r == MISSING)
        errno = err;
    return r;
}

static int
answer(const struct lookup *l, enum found r)
{
    if (r == FOUND)
        return 0;
    return r == OUTSIDE ? outside(l) : cannot_open_errno(l, errno);
}

/* [rel] in the directory [root], which may be NULL. */
static int
in_root(const struct lookup *l, const char *root, const char *rel)
{
    if (rel[0] == '/')
        return outside(l);
    if (!root)
        return cannot_open(l, "no directory for such names is configured");
    if (rel[0] == '\0')
        return cannot_open(l, "no file name");
    return answer(l, look_for(l, root, root, rel));
}

/* "./x" and "../x": beside the including file, in any of the roots. */
static int
beside(const struct lookup *l)
{
    const char *roots[] = {l->env->flow_dir, data_root(l), l->env->module_dir};
    const char *slash = l->from ? strrchr(l->from, '/') : NULL;
    enum found r = OUTSIDE;
    struct ut_sbuf dir;

    if (!slash)
        return cannot_open(l, "./ and ../ are only for scripts that are files");
    ut_sbuf_init(&dir, PATH_MAX - 1);
    errno = ENAMETOOLONG;
    ut_sbuf_add(&dir, l->from, (size_t)(slash - l->from));
    if (dir.failed)
        r = FAILED;
    for (size_t i = 0; i < 3 && r == OUTSIDE; i++)
        if (roots[i])
            r = look_for(l, roots[i], ut_sbuf_text(&dir), l->name);
    ut_sbuf_fini(&dir);
    return answer(l, r);
}

/* The path of file [id] by the configuration into [out]; false if it has none of that id. */
static bool
configured_path(const struct lookup *l, const char *id, struct ut_sbuf *out)
{
    struct ut_conf *conf = l->conf ? ut_conf_ref(l->conf) : hsl_env_conf(l->env);
    const struct ut_conf_file *f = conf ? ut_conf_file_get(conf, id) : NULL;

    const char *slash = f ? strrchr(f->path, '/') : NULL;

    if (f && l->saved)
        ut_sbuf_addf(out, "%s/file/%s/%s", l->env->saved_dir, id, slash ? slash + 1 : f->path);
    else if (f && f->path[0] == '/')
        ut_sbuf_addz(out, f->path);
    else if (f)
        ut_sbuf_addf(out, "%s/%s", conf->global.data_directory, f->path);
    ut_conf_unref(conf);
    return f != NULL;
}

/* "file:ID" where the configuration has a file of that ID; 1: it has none. */
static int
configured(const struct lookup *l, const char *id)
{
    struct ut_sbuf path;
    char *real;

    ut_sbuf_init(&path, PATH_MAX - 1);
    errno = ENAMETOOLONG;
    if (!configured_path(l, id, &path)) {
        ut_sbuf_fini(&path);
        return 1;
    }
    real = path.failed ? NULL : realpath(ut_sbuf_text(&path), NULL);
    if (real)
        ut_sbuf_addz(l->out, real);
    else
        cannot_open_errno(l, errno);
    ut_sbuf_fini(&path);
    if (!real)
        return -1;
    free(real);
    return l->out->failed ? cannot_open_errno(l, ENOMEM) : 0;
}

static bool
starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static int
resolve(const struct lookup *l)
{
    const char *name = l->name;
    int r;

    if (starts_with(name, "file://"))
        return in_root(l, data_root(l), name + 7);
    if (starts_with(name, "extras://") && !l->env->module_dir)
        return cannot_open(l, "there are no packaged modules");
    if (starts_with(name, "extras://"))
        return in_root(l, l->env->module_dir, name + 9);
    if (starts_with(name, "./") || starts_with(name, "../"))
        return beside(l);
    if (!starts_with(name, "file:"))
        return in_root(l, l->env->flow_dir, name);
    r = configured(l, name + 5);
    return r == 1 ? in_root(l, l->env->flow_dir, name + 5) : r;
}

/* The same for a name of [len] bytes. */
static int
resolve_name(struct lookup *l, const char *name, size_t len)
{
    struct ut_sbuf text;
    int r;

    if (memchr(name, '\0', len))
        return ut_diag_set(l->d, "cannot open a file whose name holds a NUL byte");
    ut_sbuf_init(&text, PATH_MAX - 1);
    ut_sbuf_add(&text, name, len);
    l->name = ut_sbuf_text(&text);
    if (!text.failed)
        r = resolve(l);
    else if (len > PATH_MAX - 1)
        r = ut_diag_set(
            l->d, "cannot open a file whose name is longer than %d bytes", PATH_MAX - 1);
    else
        r = ut_diag_set(l->d, "cannot open a file: out of memory");
    ut_sbuf_fini(&text);
    return r;
}

int
hsl_path_resolve(struct hsl_env *env, const char *name, size_t len, const char *from, bool add_hsl,
    struct ut_sbuf *out, struct ut_diag *d)
{
    struct lookup l = {.env = env, .from = from, .add_hsl = add_hsl, .out = out, .d = d};

    return resolve_name(&l, name, len);
}

int
hsl_path_resolve_source(struct hsl_env *env, struct ut_conf *conf, const char *name, size_t len,
    const char *from, bool add_hsl, struct ut_sbuf *out, struct ut_diag *d)
{
    struct lookup l = {.env = env, .from = from, .add_hsl = add_hsl, .out = out, .d = d};

    l.conf = conf;
    l.saved = env->saved_dir != NULL;
    return resolve_name(&l, name, len);
}
