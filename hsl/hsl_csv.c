/* hsl_csv.c - CSV (RFC 4180) to values: a list of records, each an array keyed by the first line or
 * a list. The reader is strict: every record has as many fields as the first.
 *
 * A schema says for a column what type it has, which texts stand for none, true and false.
 * Not here: looking up one record (hsl_file_index.c). Threads: as the run. Fails: limits, options
 * of the wrong type (R07); what is no CSV, or not as the schema says, is a fault. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "hsl/hsl_arr.h"
#include "hsl/hsl_data.h"
#include "hsl/hsl_lib.h"

const char *const hsl_csv_options[] = {"delimiter", "header", "schema", NULL};

struct csv {
    struct hsl_run *run;
    struct hsl_data_fault *fault;
    const char *p, *end; /* what is left */
    const char *line_start;
    unsigned line;
    const char *delimiter;
    size_t delimiter_len;
    bool header;
    const struct hsl_arr *schema; /* NULL: none */
    struct ut_sbuf field;
    unsigned field_line, field_column;
    struct hsl_arr *names; /* of the header, or NULL */
    uint32_t columns;      /* fields of the first record; 0: not known yet */
};

static bool
refuse(struct csv *c, unsigned line, unsigned column, const char *text)
{
    c->fault->line = line;
    c->fault->column = column;
    (void)snprintf(c->fault->text, sizeof(c->fault->text), "%s", text);
    return false;
}

static unsigned
column(const struct csv *c)
{
    return (unsigned)(c->p - c->line_start) + 1;
}

static bool
at_delimiter(const struct csv *c)
{
    return (size_t)(c->end - c->p) >= c->delimiter_len &&
           memcmp(c->p, c->delimiter, c->delimiter_len) == 0;
}

/* LF or CR LF; its length. */
static size_t
line_end(const struct csv *c)
{
    if (c->p < c->end && *c->p == '\n')
        return 1;
    return c->end - c->p >= 2 && c->p[0] == '\r' && c->p[1] == '\n' ? 2 : 0;
}

/* Over a line end. */
static void
next_line(struct csv *c, size_t len)
{
    c->p += len;
    c->line++;
    c->line_start = c->p;
}

/* --- Fields ----------------------------------------------------------------------------------- */

/* The inside of quotes, with the closing one. */
static bool
read_quoted(struct csv *c)
{
    for (c->p++; c->p < c->end; c->p++) {
        if (*c->p == '"') {
            c->p++;
            if (c->p == c->end || *c->p != '"')
                return true;
        }
        ut_sbuf_addc(&c->field, *c->p);
        if (*c->p == '\n') {
            c->line++;
            c->line_start = c->p + 1;
        }
    }
    return refuse(c, c->field_line, c->field_column, "a quote is not closed");
}

/* One field into c->field, up to the delimiter or line end. */
static bool
read_field(struct csv *c)
{
    ut_sbuf_reset(&c->field);
    c->field_line = c->line;
    c->field_column = column(c);
    if (c->p < c->end && *c->p == '"') {
        if (!read_quoted(c))
            return false;
        if (c->p < c->end && !at_delimiter(c) && line_end(c) == 0)
            return refuse(c, c->line, column(c), "text behind a closing quote");
        return true;
    }
    while (c->p < c->end && !at_delimiter(c) && line_end(c) == 0)
        ut_sbuf_addc(&c->field, *c->p++);
    return true;
}

/* --- The schema ------------------------------------------------------------------------------- */

/* *yes: the field is one of the texts of [list], or, if that is true, the empty one. */
static bool
is_listed(const struct csv *c, const struct hsl_value *list, bool *yes)
{
    const struct hsl_value *v;
    size_t pos = 0;

    if (!list || list->type != HSL_ARR) {
        *yes = list && list->type == HSL_BOOL && list->u.b && c->field.len == 0;
        return true;
    }
    *yes = false;
    while (!*yes && hsl_arr_next(list->u.arr, &pos, NULL, &v)) {
        bool same = v->type == HSL_STR && v->u.str->len == c->field.len;

        *yes = same && memcmp(v->u.str->data, ut_sbuf_text(&c->field), c->field.len) == 0;
        if (!hsl_work(c->run, 16 + (same ? c->field.len : 0)))
            return false;
    }
    return true;
}

/* *yes: the field is one of those that the rule names, or if it names none, [a] or [b]. */
static bool
is_named(const struct csv *c, const struct hsl_value *list, const char *a, const char *b, bool *yes)
{
    const char *field = ut_sbuf_text(&c->field);

    if (list)
        return is_listed(c, list, yes);
    *yes = strcmp(field, a) == 0 || strcmp(field, b) == 0;
    return true;
}

static bool
typed_number(struct csv *c, struct hsl_value *out)
{
    double n;

    if (!hsl_numeric_string(ut_sbuf_text(&c->field), c->field.len, &n))
        return refuse(c, c->field_line, c->field_column, "this is no number");
    *out = hsl_num(n);
    return true;
}

static bool
typed_boolean(struct csv *c, const struct hsl_arr *rule, struct hsl_value *out)
{
    bool is_true, is_false;

    if (!is_named(c, hsl_arr_getz(rule, "true"), "true", "1", &is_true) ||
        !is_named(c, hsl_arr_getz(rule, "false"), "false", "0", &is_false))
        return false;
    if (!is_true && !is_false)
        return refuse(c, c->field_line, c->field_column, "this is neither true nor false");
    *out = hsl_bool(is_true);
    return true;
}

static bool
is_str(const struct hsl_value *v, const char *text)
{
    return v && v->type == HSL_STR && strcmp(v->u.str->data, text) == 0;
}

/* The value of the field in column [key]. The header's own fields are names: they have no rule. */
static bool
make_value(struct csv *c, const struct hsl_value *key, struct hsl_value *out)
{
    bool bad = false;
    bool is_name = c->header && !c->names;
    const struct hsl_value *rule = c->schema && !is_name ? hsl_arr_get(c->schema, key, &bad) : NULL;

    if (rule && rule->type == HSL_ARR) {
        const struct hsl_value *type = hsl_arr_getz(rule->u.arr, "type");
        bool is_null;

        *out = hsl_none();
        if (!is_listed(c, hsl_arr_getz(rule->u.arr, "nullable"), &is_null))
            return false;
        if (is_null)
            return true;
        if (is_str(type, "number"))
            return typed_number(c, out);
        if (is_str(type, "boolean"))
            return typed_boolean(c, rule->u.arr, out);
    }
    return hsl_ret_str(c->run, out, ut_sbuf_text(&c->field), c->field.len);
}

/* --- Records ---------------------------------------------------------------------------------- */

/* The field is number [i] of [record]. */
static bool
put_field(struct csv *c, struct hsl_arr *record, uint32_t i)
{
    struct hsl_value index = hsl_num(i), value;
    const struct hsl_value *key = &index;
    bool bad = false;

    if (c->columns && i >= c->columns)
        return refuse(c, c->field_line, c->field_column, "more fields than in the first line");
    if (c->names)
        key = hsl_arr_get(c->names, &index, &bad);
    if (!make_value(c, key, &value))
        return false;
    return hsl_arr_set(c->run, record, key, value) && hsl_work(c->run, c->field.len + 16);
}

/* One record into [record] and its line end. */
static bool
read_record(struct csv *c, struct hsl_arr *record)
{
    uint32_t count = 0;

    for (;;) {
        if (!read_field(c))
            return false;
        if (c->field.failed)
            return hsl_limit(c->run, HSL_L05, "string length (%zu) exceeded", c->field.max);
        if (!put_field(c, record, count++))
            return false;
        if (c->p == c->end || line_end(c))
            break;
        c->p += c->delimiter_len;
    }
    if (c->columns && count < c->columns)
        return refuse(c, c->line, column(c), "fewer fields than in the first line");
    c->columns = count;
    if (c->p < c->end)
        next_line(c, line_end(c));
    return true;
}

/* All records into [list]; the first one into c->names if it is the header. */
static bool
read_records(struct csv *c, struct hsl_arr *list)
{
    while (c->p < c->end) {
        size_t blank = line_end(c);
        struct hsl_arr *record;

        if (blank) {
            next_line(c, blank);
            continue;
        }
        record = hsl_arr_new(c->run, 0);
        if (!record)
            return false;
        if (!read_record(c, record)) {
            hsl_unref(c->run, hsl_from_arr(record));
            return false;
        }
        if (c->header && !c->names)
            c->names = record;
        else if (!hsl_arr_push(c->run, list, hsl_from_arr(record)))
            return false;
    }
    return true;
}

/* --- Options ---------------------------------------------------------------------------------- */

bool
hsl_csv_check_delimiter(struct hsl_run *r, const char *name, const struct hsl_str *delimiter)
{
    const char *p = delimiter->data;
    size_t len = delimiter->len;

    if (len > 0 && !memchr(p, '"', len) && !memchr(p, '\r', len) && !memchr(p, '\n', len))
        return hsl_work(r, len);
    return hsl_raise(r, HSL_R15, "%s(): the delimiter is a text without quotes", name);
}

static bool
read_options(struct csv *c, const struct hsl_value *options)
{
    const struct hsl_value *schema = options ? hsl_arr_getz(options->u.arr, "schema") : NULL;
    struct hsl_str *delimiter = NULL;

    if (!hsl_opt_str(c->run, "csv_decode", 2, options, "delimiter", &delimiter) ||
        !hsl_opt_bool(c->run, "csv_decode", 2, options, "header", &c->header))
        return false;
    if (delimiter && !hsl_csv_check_delimiter(c->run, "csv_decode", delimiter))
        return false;
    if (delimiter) {
        c->delimiter = delimiter->data;
        c->delimiter_len = delimiter->len;
    }
    if (schema && schema->type == HSL_ARR)
        c->schema = schema->u.arr;
    return true;
}

bool
hsl_csv_line(struct hsl_run *r, const struct hsl_str *s, const struct hsl_str *delimiter,
    struct hsl_value *out)
{
    struct hsl_data_fault fault = {.text = ""};
    struct csv c = {.run = r,
        .fault = &fault,
        .p = s->data,
        .end = s->data + s->len,
        .line_start = s->data,
        .line = 1,
        .delimiter = delimiter->data,
        .delimiter_len = delimiter->len};
    struct hsl_arr *list = hsl_arr_new(r, 0);
    bool ok;

    if (!list)
        return false;
    *out = hsl_from_arr(list);
    ut_sbuf_init(&c.field, r->limits.max_string);
    ok = read_record(&c, list);
    ut_sbuf_fini(&c.field);
    if (!ok || c.p < c.end) {
        hsl_unref(r, *out);
        *out = hsl_none();
    }
    return ok || fault.text[0] != '\0';
}

bool
hsl_csv_read(struct hsl_run *r, const char *p, size_t len, const struct hsl_value *options,
    struct hsl_value *out, struct hsl_data_fault *fault)
{
    struct csv c = {.run = r,
        .fault = fault,
        .p = p,
        .end = p + len,
        .line_start = p,
        .line = 1,
        .delimiter = ",",
        .delimiter_len = 1,
        .header = true};
    struct hsl_arr *list;
    bool ok;

    *out = hsl_none();
    fault->text[0] = '\0';
    if (!read_options(&c, options) || !hsl_work(r, len))
        return false;
    if (len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        c.p = c.line_start = p + 3;
    list = hsl_arr_new(r, 0);
    if (!list)
        return false;
    ut_sbuf_init(&c.field, r->limits.max_string);
    ok = read_records(&c, list);
    ut_sbuf_fini(&c.field);
    if (c.names)
        hsl_unref(r, hsl_from_arr(c.names));
    if (ok)
        *out = hsl_from_arr(list);
    else
        hsl_unref(r, hsl_from_arr(list));
    return ok || fault->text[0] != '\0';
}
