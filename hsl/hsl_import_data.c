/* hsl_import_data.c - `import $v from "file.ext"` (language §12): files read when the script is
 * compiled, as constants that all runs share.
 *
 * What the file is says its ending, or a word in front of the name: "txt!list.csv". The file stands
 * in the table of files, so that a mistake in it has its line and column.
 *
 * Not here: formats (hsl_data.h), which variable (hsl_check_import.c). Threads: one per program.
 * Fails: C01, C13, C15; W5. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "hsl/hsl_code.h"
#include "hsl/hsl_data.h"
#include "hsl/hsl_lib.h"
#include "hsl/hsl_module.h"

enum format { TEXT, JSON, CSV, YAML, MAIL };

static const struct loader {
    const char *name;
    enum format format;
} loaders[] = {
    {"txt", TEXT},
    {"json", JSON},
    {"csv", CSV},
    {"yaml", YAML},
    {"yml", YAML},
    {"eml", MAIL},
    {"pem", TEXT},
    {"crt", TEXT},
    {"key", TEXT},
};

/* One import on its way. */
struct data {
    struct hsl_unit *u;
    struct hsl_pos pos;
    enum format format;
    const char *text; /* of the file */
    size_t len;
    int file;                 /* its index */
    struct hsl_value options; /* an array, or none */
};

/* --- Which format ----------------------------------------------------------------------------- */

static const struct loader *
find_loader(struct hsl_name name)
{
    for (size_t i = 0; i < sizeof(loaders) / sizeof(loaders[0]); i++) {
        if (strlen(loaders[i].name) == name.len && memcmp(loaders[i].name, name.p, name.len) == 0)
            return &loaders[i];
    }
    return NULL;
}

/* The format by the ending of [path]; other endings are text. */
static enum format
by_ending(const char *path, size_t len)
{
    struct hsl_name ending = {path + len, 0};
    const struct loader *l;

    while (ending.len < len && ending.p[-1] != '.' && ending.p[-1] != '/') {
        ending.p--;
        ending.len++;
    }
    l = ending.len < len && ending.p[-1] == '.' ? find_loader(ending) : NULL;
    return l ? l->format : TEXT;
}

/* Cuts "LOADER!" off the name of the file. 1: there was one, 0: none, -1: reported. */
static int
forced_loader(struct data *d, struct hsl_name *name)
{
    const char *mark = memchr(name->p, '!', name->len);
    const struct loader *l;
    struct hsl_name word = {name->p, mark ? (uint32_t)(mark - name->p) : 0};

    for (uint32_t i = 0; i < word.len; i++) {
        if (word.p[i] < 'a' || word.p[i] > 'z')
            return 0; /* an exclamation mark in a name */
    }
    if (!mark || word.len == 0)
        return 0;
    l = find_loader(word);
    if (!l)
        return hsl_unit_error(d->u, "C13", d->pos,
            "cannot open %.*s: there is no loader %.*s; use txt, json, csv or yaml",
            HSL_NAME_ARGS(*name), HSL_NAME_ARGS(word));
    d->format = l->format;
    name->p = mark + 1;
    name->len -= word.len + 1;
    return 1;
}

/* --- The file --------------------------------------------------------------------------------- */

/* Reads the file [path], called [name]. -1: reported. */
static int
read_file(struct data *d, const char *path, struct hsl_name name)
{
    char *shown = ut_arena_dup(d->u->arena, name.p, name.len);
    char *kept = ut_arena_dup(d->u->arena, path, strlen(path));
    struct hsl_source_file *f;

    if (!shown || !kept)
        return hsl_unit_limit(d->u, d->pos, "not enough memory for the script");
    if (hsl_unit_read_file(d->u, path, shown, d->pos, &d->text, &d->len) != 0 ||
        hsl_unit_count_source(d->u, d->len, d->pos) != 0)
        return -1;
    d->file = hsl_unit_add_file(d->u, shown, d->pos);
    if (d->file < 0)
        return -1;
    f = &hsl_unit_main(d->u)->files[d->file];
    f->path = kept;
    f->text = d->text;
    f->len = d->len;
    f->included_by = d->pos.file;
    f->include_pos = d->pos;
    f->imported = true;
    return 0;
}

/* Finds and reads the file that [name] means. */
static int
open_file(struct data *d, struct hsl_name name)
{
    int forced = forced_loader(d, &name), rc = -1;
    struct ut_sbuf path;

    if (forced < 0)
        return -1;
    ut_sbuf_init(&path, 8192);
    if (hsl_unit_find_file(d->u, name, d->pos, false, &path) == 0) {
        if (!forced)
            d->format = by_ending(name.p, name.len);
        if (!forced && memchr(name.p, '.', name.len) == NULL) /* "file:ID" */
            d->format = by_ending(ut_sbuf_text(&path), path.len);
        if (d->format == MAIL)
            hsl_unit_error(d->u, "C13", d->pos,
                "cannot open %.*s: importing a mail needs the class MailMessage, which is missing;"
                " \"txt!%.*s\" imports its text",
                HSL_NAME_ARGS(name), HSL_NAME_ARGS(name));
        else
            rc = read_file(d, ut_sbuf_text(&path), name);
    }
    ut_sbuf_fini(&path);
    return rc;
}

/* --- Options ---------------------------------------------------------------------------------- */

static const char *const json_options[] = {"allow_comments", NULL};
static const char *const no_options[] = {NULL};

static bool
is_option(enum format format, const struct hsl_node *key)
{
    const char *const *names = format == CSV    ? hsl_csv_options
                               : format == JSON ? json_options
                                                : no_options;

    if (!key || key->kind != HSL_N_STR)
        return false;
    for (; *names; names++) {
        if (strlen(*names) == key->u.str.len && memcmp(*names, key->u.str.p, key->u.str.len) == 0)
            return true;
    }
    return false;
}

/* The value of [options], which may be NULL, and W5 for those that do nothing. */
static int
read_options(struct data *d, const struct hsl_node *options)
{
    d->options = hsl_none();
    if (!options)
        return 0;
    if (!hsl_node_is_const(options) || !hsl_code_value(d->u, options, &d->options))
        return hsl_unit_error(
            d->u, "C01", options->pos, "syntax error, the options are not a constant expression");
    for (const struct hsl_node *e = options->u.list.first; e; e = e->next) {
        const struct hsl_node *key = e->u.elem.key;

        if (!is_option(d->format, key))
            hsl_unit_warn(d->u, "W5", key ? key->pos : e->pos, "option without effect here%s%.*s",
                key && key->kind == HSL_N_STR ? ": " : "",
                key && key->kind == HSL_N_STR ? (int)key->u.str.len : 0,
                key && key->kind == HSL_N_STR ? key->u.str.p : "");
    }
    return 0;
}

/* --- The value -------------------------------------------------------------------------------- */

static bool
decode(struct data *d, struct hsl_value *out, struct hsl_data_fault *fault)
{
    struct hsl_run *r = d->u->consts;
    const struct hsl_value *options = d->options.type == HSL_ARR ? &d->options : NULL;
    bool comments = false;

    fault->text[0] = '\0';
    switch (d->format) {
    case JSON:
        return hsl_opt_bool(r, "json_decode", 2, options, "allow_comments", &comments) &&
               hsl_json_read(r, d->text, d->len, comments, out, fault);
    case CSV:
        return hsl_csv_read(r, d->text, d->len, options, out, fault);
    case YAML:
        return hsl_yaml_read(r, d->text, d->len, out, fault);
    default:
        return hsl_ret_str(r, out, d->text, d->len);
    }
}

/* Reports the error of the run that holds the constants, and forgets it. */
static void
report_run(struct data *d)
{
    struct hsl_run *r = d->u->consts;

    if (r->state == HSL_LIMITED)
        hsl_unit_limit(d->u, d->pos, "%s", r->limit_text);
    else if (r->state == HSL_THROWN)
        hsl_unit_error(
            d->u, "C01", d->pos, "syntax error, an option has a value that it cannot have");
    else
        hsl_unit_limit(d->u, d->pos, "not enough memory for the script");
    r->state = HSL_RUNNING;
    r->heap.over = r->heap.oom = false;
}

static struct hsl_value *
make_value(struct data *d)
{
    struct hsl_value *v = hsl_unit_alloc(d->u, d->pos, sizeof(*v));
    struct hsl_data_fault fault;

    if (!v)
        return NULL;
    if (!decode(d, v, &fault)) {
        report_run(d);
        return NULL;
    }
    if (fault.text[0]) {
        struct hsl_pos at = {
            fault.line, (uint16_t)(fault.column > 65535 ? 65535 : fault.column), (uint16_t)d->file};

        hsl_unit_error(d->u, "C13", at, "%s", fault.text);
        return NULL;
    }
    return v;
}

struct hsl_value *
hsl_import_data(
    struct hsl_unit *u, struct hsl_name name, struct hsl_pos pos, const struct hsl_node *options)
{
    struct data d = {.u = u, .pos = pos};
    struct hsl_value *v = NULL;

    if (hsl_unit_is_full(u) || open_file(&d, name) != 0)
        return NULL;
    if (read_options(&d, options) == 0)
        v = make_value(&d);
    hsl_unref(u->consts, d.options);
    return v;
}
