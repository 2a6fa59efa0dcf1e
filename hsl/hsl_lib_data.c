/* hsl_lib_data.c - csv_...() and yaml_decode() (library §7).
 * Not here: reading the formats (hsl_csv.c, hsl_yaml.c), JSON (hsl_lib_json.c). Threads: as the
 * run. Fails: R07, R15, limits; text that is not of the format gives none. */
#include "config.h"

#include "hsl/hsl_data.h"
#include "hsl/hsl_lib.h"

static bool
fn_csv_decode(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;
    struct hsl_data_fault fault;

    return hsl_csv_read(r, s->data, s->len, argc > 1 ? &args[1] : NULL, out, &fault);
}

static bool
fn_csv_explode(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    return hsl_csv_check_delimiter(r, "csv_explode", args[1].u.str) &&
           hsl_csv_line(r, args[0].u.str, args[1].u.str, out);
}

/* --- Writing CSV -------------------------------------------------------------------------------
 */

struct csv_writer {
    struct hsl_run *run;
    struct ut_sbuf out;
    const char *delimiter;
    size_t delimiter_len;
};

static bool
needs_quotes(const struct csv_writer *w, const struct hsl_str *s)
{
    return memchr(s->data, '"', s->len) || memchr(s->data, '\r', s->len) ||
           memchr(s->data, '\n', s->len) || memmem(s->data, s->len, w->delimiter, w->delimiter_len);
}

static void
add_quoted(struct ut_sbuf *out, const struct hsl_str *s)
{
    ut_sbuf_addc(out, '"');
    for (uint32_t i = 0; i < s->len; i++) {
        if (s->data[i] == '"')
            ut_sbuf_addc(out, '"');
        ut_sbuf_addc(out, s->data[i]);
    }
    ut_sbuf_addc(out, '"');
}

/* The text of [v], none as nothing. */
static bool
add_field(struct csv_writer *w, const struct hsl_value *v)
{
    struct hsl_str *s;

    if (v->type == HSL_NONE)
        return true;
    if (v->type == HSL_ARR || v->type == HSL_FN)
        return hsl_lib_bad_arg(w->run, "csv_encode", 1, "row of strings", v);
    s = hsl_to_str(w->run, v);
    if (!s)
        return false;
    if (needs_quotes(w, s))
        add_quoted(&w->out, s);
    else
        ut_sbuf_add(&w->out, s->data, s->len);
    hsl_unref(w->run, hsl_from_str(s));
    return true;
}

static bool
add_row(struct csv_writer *w, const struct hsl_arr *row)
{
    size_t pos = 0, start = w->out.len;
    const struct hsl_value *v;

    for (bool first = true; hsl_arr_next(row, &pos, NULL, &v); first = false) {
        if (!first)
            ut_sbuf_add(&w->out, w->delimiter, w->delimiter_len);
        if (!add_field(w, v))
            return false;
    }
    if (w->out.len == start && hsl_arr_count(row) > 0)
        ut_sbuf_addz(&w->out, "\"\""); /* else readers take the line for a blank one */
    return hsl_work(w->run, w->out.len - start + 16 * hsl_arr_count(row));
}

/* [a] is a row or a list of rows. */
static bool
add_rows(struct csv_writer *w, const struct hsl_arr *a)
{
    const struct hsl_value *v = hsl_arr_at(a, 0);
    size_t pos = 0;

    if (!v || v->type != HSL_ARR)
        return add_row(w, a);
    for (bool first = true; hsl_arr_next(a, &pos, NULL, &v); first = false) {
        if (v->type != HSL_ARR)
            return hsl_lib_bad_arg(w->run, "csv_encode", 1, "array of rows", v);
        if (!first)
            ut_sbuf_addz(&w->out, "\r\n");
        if (!add_row(w, v->u.arr))
            return false;
    }
    return true;
}

static bool
fn_csv_encode(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct csv_writer w = {.run = r, .delimiter = ",", .delimiter_len = 1};
    struct hsl_str *delimiter = NULL;

    if (!hsl_opt_str(r, "csv_encode", 2, argc > 1 ? &args[1] : NULL, "delimiter", &delimiter) ||
        (delimiter && !hsl_csv_check_delimiter(r, "csv_encode", delimiter)))
        return false;
    if (delimiter) {
        w.delimiter = delimiter->data;
        w.delimiter_len = delimiter->len;
    }
    ut_sbuf_init(&w.out, r->limits.max_string);
    if (add_rows(&w, args[0].u.arr))
        return hsl_ret_sbuf(r, out, &w.out);
    ut_sbuf_fini(&w.out);
    return false;
}

/* --- YAML --------------------------------------------------------------------------------------
 */

static bool
fn_yaml_decode(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;
    struct hsl_data_fault fault;

    (void)argc;
    return hsl_yaml_read(r, s->data, s->len, out, &fault);
}

const struct hsl_builtin hsl_lib_data_rows[] = {
    {"csv_decode", "s|o", 0, 0, .fn = fn_csv_decode, "csv_decode(s [, options])",
        "The records of a CSV text as a list of arrays; none if it is no CSV. Options: delimiter "
        "(\",\"), header (true: the first line names the columns), schema (column to an array of "
        "type: string, number or boolean, nullable: true or texts, true, false: texts).",
        .options = "delimiter header schema",
        .errors = "the delimiter is empty or holds a quote or line end"},
    {"csv_encode", "a|o", 0, 0, .fn = fn_csv_encode, "csv_encode(row or rows [, options])",
        "An array, or an array of arrays, as CSV: fields quoted where they have to be, CR LF "
        "between "
        "rows and none at the end. Option delimiter (\",\").",
        .options = "delimiter", .errors = "the delimiter is empty or holds a quote or line end"},
    {"csv_explode", "ss", 0, 0, .fn = fn_csv_explode, "csv_explode(line, delimiter)",
        "The fields of one line of CSV as a list; none if it is no CSV or more than a line.",
        .errors = "the delimiter is empty or holds a quote or line end"},
    {"yaml_decode", "s", 0, 0, .fn = fn_yaml_decode, "yaml_decode(s)",
        "The value of a YAML text (core schema, no tags, one document); none if it is no YAML."},
    {.name = NULL},
};
