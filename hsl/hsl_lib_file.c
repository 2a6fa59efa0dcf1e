/* hsl_lib_file.c - in_file(), file(), file_get_contents() (library §6). Scripts only read.
 *
 * Not here: contents and their cache (hsl_file.c), records and indexes (hsl_file_index.c).
 * Threads: as the run. Fails: R12, R15, limits, and what a callback throws. */
#include "config.h"

#include "hsl/hsl_file_index.h"
#include "hsl/hsl_lib.h"

static bool
fn_file_get_contents(
    struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_file *f = hsl_file_get(r, args[0].u.str);
    const char *p;
    size_t len;

    (void)argc;
    if (!f)
        return false;
    p = hsl_file_data(f, &len);
    return hsl_ret_str(r, out, p, len) && hsl_work(r, len);
}

static bool
fn_file(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_file *f = hsl_file_get(r, args[0].u.str);
    struct hsl_arr *lines = f ? hsl_arr_new(r, 0) : NULL;
    const char *p, *end;
    size_t len;

    (void)argc;
    if (!lines)
        return false;
    *out = hsl_from_arr(lines);
    p = hsl_file_data(f, &len);
    for (end = p + len; p < end;) {
        const char *lf = memchr(p, '\n', (size_t)(end - p)), *stop = lf ? lf : end;
        struct hsl_str *s;

        if (stop > p && lf && stop[-1] == '\r')
            stop--;
        s = hsl_str_new(r, p, (size_t)(stop - p));
        if (!s || !hsl_arr_push(r, lines, hsl_from_str(s)) || !hsl_work(r, (size_t)(stop - p) + 16))
            return false;
        p = lf ? lf + 1 : end;
    }
    return true;
}

/* --- in_file --------------------------------------------------------------------------------- */

struct search {
    struct hsl_run *run;
    struct hsl_record_form form;
    bool assoc; /* CSV: results are keyed by the names in the first record */
    const char *data;
    size_t len;
};

/* Option "type" into the form. */
static bool
take_type(struct search *s, const struct hsl_str *type)
{
    if (strcmp(type->data, "text/csv") == 0) {
        s->form.csv = true;
        return true;
    }
    if (strcmp(type->data, "text/plain") == 0)
        return true;
    return hsl_raise(s->run, HSL_R15, "in_file(): the type is text/plain or text/csv");
}

/* Argument 3: the delimiter, or options. */
static bool
take_form(struct search *s, const struct hsl_value *v)
{
    struct hsl_str *type = NULL, *delim = NULL;
    double word = 0;

    if (v->type == HSL_STR) {
        delim = v->u.str;
    } else if (v->type != HSL_ARR) {
        return hsl_lib_bad_arg(s->run, "in_file", 3, "string or array", v);
    } else if (!hsl_opt_str(s->run, "in_file", 3, v, "type", &type) ||
               !hsl_opt_str(s->run, "in_file", 3, v, "delimiter", &delim) ||
               !hsl_opt_num(s->run, "in_file", 3, v, "index", &word) ||
               !hsl_opt_bool(s->run, "in_file", 3, v, "assoc", &s->assoc) ||
               (type && !take_type(s, type))) {
        return false;
    }
    if (delim && delim->len == 0)
        return hsl_raise(s->run, HSL_R15, "in_file(): the delimiter is empty");
    if (!(word >= 0 && word < 65536))
        return hsl_raise(s->run, HSL_R15, "in_file(): the index is not between 0 and 65535");
    s->form.word = (size_t)word;
    s->form.delim = delim ? delim->data : s->form.csv ? "," : "";
    s->form.delim_len = delim ? delim->len : s->form.csv ? 1 : 0;
    return true;
}

/* The words of a record as a list with a new count; NULL: error. */
static struct hsl_arr *
words_of(struct search *s, const struct hsl_record *rec)
{
    struct hsl_arr *words = hsl_arr_new(s->run, 0);
    struct hsl_record word;
    struct ut_sbuf text;
    size_t at = 0;
    bool ok = words != NULL;

    ut_sbuf_init(&text, rec->len);
    while (ok && hsl_record_word(&s->form, rec, &at, &text, &word)) {
        struct hsl_str *w = hsl_str_new(s->run, word.p, word.len);

        ok = w && hsl_arr_push(s->run, words, hsl_from_str(w)) && hsl_work(s->run, word.len + 16);
    }
    if (ok && text.failed)
        ok = hsl_limit(s->run, HSL_L08, "out of memory");
    ut_sbuf_fini(&text);
    if (ok)
        return words;
    if (words)
        hsl_unref(s->run, hsl_from_arr(words));
    return NULL;
}

/* Words under the names of their columns; columns without a name keep their number. */
static bool
name_columns(struct search *s, const struct hsl_arr *words, struct hsl_arr *named)
{
    const struct hsl_value *name, *word;
    struct hsl_arr *names;
    struct hsl_record rec;
    size_t pos = 0, i = 0;
    bool ok = true;

    if (!hsl_record_next(&s->form, s->data, s->len, &pos, &rec))
        return true;
    names = words_of(s, &rec);
    if (!names)
        return false;
    for (pos = 0; ok && hsl_arr_next(words, &pos, NULL, &word); i++) {
        name = hsl_arr_at(names, i);
        if (name)
            ok = hsl_arr_set(s->run, named, name, hsl_ref(*word));
        else
            ok = hsl_arr_seti(s->run, named, (int64_t)i, hsl_ref(*word));
    }
    hsl_unref(s->run, hsl_from_arr(names));
    return ok;
}

/* What a script gets for a record: a list, or an array by column. */
static bool
give_record(struct search *s, const struct hsl_record *rec, struct hsl_value *out)
{
    struct hsl_arr *words = words_of(s, rec), *named;
    bool ok;

    if (!words)
        return false;
    *out = hsl_from_arr(words);
    if (!s->form.header)
        return true;
    named = hsl_arr_new(s->run, 0);
    ok = named && name_columns(s, words, named);
    hsl_unref(s->run, *out);
    *out = named ? hsl_from_arr(named) : hsl_none();
    return ok;
}

/* The first record for which cb(words) is true. */
static bool
find_by_call(struct search *s, const struct hsl_value *cb, struct hsl_value *out)
{
    struct hsl_record rec;
    size_t pos = 0;

    if (s->form.header && !hsl_record_next(&s->form, s->data, s->len, &pos, &rec))
        return true;
    while (hsl_record_next(&s->form, s->data, s->len, &pos, &rec)) {
        struct hsl_value words = hsl_none(), answer = hsl_none();
        bool yes;

        if (!give_record(s, &rec, &words) || !hsl_call(s->run, cb, &words, 1, &answer)) {
            hsl_unref(s->run, words);
            return false;
        }
        yes = hsl_truth(&answer);
        hsl_unref(s->run, answer);
        if (yes) {
            hsl_unref(s->run, *out);
            *out = words;
            return true;
        }
        hsl_unref(s->run, words);
    }
    return true;
}

static bool
find_by_word(
    struct search *s, struct hsl_file *f, const struct hsl_str *word, struct hsl_value *out)
{
    struct hsl_record rec;

    if (word->len == 0)
        return true;
    switch (hsl_file_lookup(s->run, f, &s->form, word, &rec)) {
    case HSL_FOUND:
        hsl_unref(s->run, *out);
        *out = hsl_none();
        return give_record(s, &rec, out);
    case HSL_NOT_FOUND:
        return true;
    case HSL_FOUND_ERROR:
        break;
    }
    return false;
}

/* The word may be a number or a boolean, as for every string parameter. */
static bool
find(struct search *s, struct hsl_file *f, const struct hsl_value *word, struct hsl_value *out)
{
    struct hsl_str *text;
    bool ok;

    if (word->type == HSL_FN)
        return find_by_call(s, word, out);
    if (word->type != HSL_STR && word->type != HSL_NUM && word->type != HSL_BOOL)
        return hsl_lib_bad_arg(s->run, "in_file", 1, "string or function", word);
    text = hsl_to_str(s->run, word);
    if (!text)
        return false;
    ok = find_by_word(s, f, text, out);
    hsl_unref(s->run, hsl_from_str(text));
    return ok;
}

static bool
fn_in_file(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct search s = {.run = r, .form = {.delim = ""}, .assoc = true};
    struct hsl_file *f;
    struct hsl_arr *none;

    if (argc > 2 && !take_form(&s, &args[2]))
        return false;
    s.form.header = s.form.csv && s.assoc;
    f = hsl_file_get(r, args[1].u.str);
    none = f ? hsl_arr_new(r, 0) : NULL;
    if (!none)
        return false;
    *out = hsl_from_arr(none);
    s.data = hsl_file_data(f, &s.len);
    return find(&s, f, &args[0], out);
}

const struct hsl_builtin hsl_lib_file_rows[] = {
    {"in_file", "cs|O", 0, HSL_BLOCKS, .fn = fn_in_file, "in_file(word, file [, delim or options])",
        "The words of the first line whose first word is word, as a list; [] if there is none. "
        "Words stand between blanks, or are split at the delimiter. Options: type (text/plain, "
        "text/csv), delimiter, index (of the word), assoc. A function as word is asked with each "
        "line's words.",
        .options = "type delimiter index assoc",
        .errors = "the file cannot be read; the type is another; the delimiter is empty; the "
                  "index is not between 0 and 65535"},
    {"file", "s", 0, HSL_BLOCKS, .fn = fn_file, "file(file)",
        "The lines of a file as a list, without line ends.",
        .errors = "the file cannot be read, or is larger than 64 MiB"},
    {"file_get_contents", "s", 0, HSL_BLOCKS, .fn = fn_file_get_contents, "file_get_contents(file)",
        "The whole content of a file.",
        .errors = "the file cannot be read, or is larger than 64 MiB"},
    {.name = NULL},
};
