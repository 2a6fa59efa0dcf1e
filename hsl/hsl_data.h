/* hsl_data.h - text formats read into values: for `import $v from "file"` and the functions that
 * decode.
 *
 * Each reader gives true with the value in *out (a new count), or true with fault->text set and
 * none in *out where the text is not of its format, or false where the run's error is set (limits,
 * memory, a wrong option). Any thread; [r] is its own. */
#ifndef HSL_DATA_H
#define HSL_DATA_H

#include "hsl/hsl_run.h"

#define HSL_DATA_DEPTH 512 /* nesting of lists and maps */

/* What is wrong with a text. */
struct hsl_data_fault {
    unsigned line;   /* from 1 */
    unsigned column; /* from 1, in bytes or characters as the reader counts them */
    char text[160];  /* "": nothing */
};

/* hsl_lib_json.c: JSON; [comments]: with comments as in C. */
bool hsl_json_read(struct hsl_run *r, const char *p, size_t len, bool comments,
    struct hsl_value *out, struct hsl_data_fault *fault) UT_CHECKED;

/* hsl_csv.c: CSV (RFC 4180) with the options of csv_decode(), an array or NULL. */
bool hsl_csv_read(struct hsl_run *r, const char *p, size_t len, const struct hsl_value *options,
    struct hsl_value *out, struct hsl_data_fault *fault) UT_CHECKED;
/* The names of those options, ended by NULL. */
extern const char *const hsl_csv_options[];
/* One record as a list; none if [s] is more or less than that. [delimiter] was checked. */
bool hsl_csv_line(struct hsl_run *r, const struct hsl_str *s, const struct hsl_str *delimiter,
    struct hsl_value *out) UT_CHECKED;
/* False (R15, from function [name]) for a delimiter that is empty, or has a quote or line end. */
bool hsl_csv_check_delimiter(struct hsl_run *r, const char *name,
    const struct hsl_str *delimiter) UT_CHECKED;

/* hsl_yaml.c: YAML, the core schema. */
bool hsl_yaml_read(struct hsl_run *r, const char *p, size_t len, struct hsl_value *out,
    struct hsl_data_fault *fault) UT_CHECKED;

#endif
