/* hsl_lib_data.c - csv_decode() and yaml_decode() (library §7).
 * Not here: the formats (hsl_csv.c, hsl_yaml.c), JSON (hsl_lib_json.c). Threads: as the run.
 * Fails: limits; text that is not of the format gives none. */
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
fn_yaml_decode(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;
    struct hsl_data_fault fault;

    (void)argc;
    return hsl_yaml_read(r, s->data, s->len, out, &fault);
}

const struct hsl_builtin hsl_lib_data_rows[] = {
    {"csv_decode", "s|o", 0, 0, fn_csv_decode, "csv_decode(s [, options])",
        "The records of a CSV text as a list of arrays; none if it is no CSV. Options: delimiter "
        "(\",\"), header (true: the first line names the columns), schema (column to an array of "
        "type: string, number or boolean, nullable: true or texts, true, false: texts)."},
    {"yaml_decode", "s", 0, 0, fn_yaml_decode, "yaml_decode(s)",
        "The value of a YAML text (core schema, no tags, one document); none if it is no YAML."},
    {.name = NULL},
};
