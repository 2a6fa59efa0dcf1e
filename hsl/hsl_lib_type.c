/* hsl_lib_type.c - built-ins on the types of values (library §2).
 *
 * Not here: isset(), unset(), array() (language constructs); the conversions themselves
 * (hsl_conv.c). Threads: as the run. Fails: R07, memory. */
#include "config.h"

#include "hsl/hsl_lib.h"

static bool
fn_count(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)argc;
    *out = hsl_num((double)hsl_arr_count(args[0].u.arr));
    return true;
}

static bool
fn_length(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)argc;
    if (args[0].type == HSL_ARR)
        *out = hsl_num((double)hsl_arr_count(args[0].u.arr));
    else if (args[0].type == HSL_STR)
        *out = hsl_num((double)args[0].u.str->len);
    return true;
}

static bool
fn_number(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    *out = hsl_num(hsl_to_num(&args[0]));
    return hsl_work_text(r, &args[0]);
}

static bool
fn_string(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_str *s = hsl_to_str(r, &args[0]);

    (void)argc;
    if (!s)
        return false;
    *out = hsl_from_str(s);
    return true;
}

static bool
fn_boolean(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)argc;
    *out = hsl_bool(hsl_truth(&args[0]));
    return true;
}

static bool
is_type(const struct hsl_value *v, enum hsl_type type, struct hsl_value *out)
{
    *out = hsl_bool(v->type == type);
    return true;
}

#define IS_TYPE(fn, type)                                                                          \
    static bool fn(                                                                                \
        struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)           \
    {                                                                                              \
        (void)r;                                                                                   \
        (void)argc;                                                                                \
        return is_type(&args[0], type, out);                                                       \
    }

IS_TYPE(fn_is_array, HSL_ARR)
IS_TYPE(fn_is_string, HSL_STR)
IS_TYPE(fn_is_number, HSL_NUM)
IS_TYPE(fn_is_boolean, HSL_BOOL)
IS_TYPE(fn_is_function, HSL_FN)
IS_TYPE(fn_is_object, HSL_OBJ)

const struct hsl_builtin hsl_lib_type_rows[] = {
    {"count", "a", 0, HSL_NONE_OK | HSL_PURE, .fn = fn_count, "count(a)",
        "The number of elements of an array; none counts as an empty one."},
    {"length", "v", 0, HSL_PURE, .fn = fn_length, "length(v)",
        "The number of elements of an array, or of bytes of a string; none for anything else."},
    {"number", "v", 0, HSL_PURE, .fn = fn_number, "number(v)",
        "The value as a number; 0 if it does not look like one. Never fails."},
    {"string", "v", 0, 0, .fn = fn_string, "string(v)", "The value as text, as echo would print it."},
    {"boolean", "v", 0, HSL_PURE, .fn = fn_boolean, "boolean(v)",
        "Whether the value counts as true in a condition."},
    {"is_array", "v", 0, HSL_PURE, .fn = fn_is_array, "is_array(v)", "True for an array."},
    {"is_string", "v", 0, HSL_PURE, .fn = fn_is_string, "is_string(v)", "True for a string."},
    {"is_number", "v", 0, HSL_PURE, .fn = fn_is_number, "is_number(v)", "True for a number."},
    {"is_boolean", "v", 0, HSL_PURE, .fn = fn_is_boolean, "is_boolean(v)", "True for true and false."},
    {"is_function", "v", 0, HSL_PURE, .fn = fn_is_function, "is_function(v)",
        "True for a function value, named or anonymous."},
    {"is_object", "v", 0, HSL_PURE, .fn = fn_is_object, "is_object(v)",
        "True for an object: instances of classes and resources such as Regex."},
    {.name = NULL},
};
