/* hsl_lib.c - the table of built-in functions: finding a row and calling it.
 *
 * Not here: what the functions do (hsl_lib_*.c, one file per subject) and what the checker makes of
 * a row (hsl_check.c).
 * Threads: any. The hash over all rows is made once by pthread_once() and only read afterwards.
 * Fails: R07 for arguments that do not fit; everything else is the function's own. */
#include "config.h"

#include "hsl/hsl_lib.h"

#include <limits.h>
#include <math.h>
#include <pthread.h>

static const struct {
    const struct hsl_builtin *rows;
    const char *subject;
} tables[] = {
    {hsl_lib_type_rows, "Types and values"},
    {hsl_lib_str_rows, "Strings"},
    {hsl_lib_arr_rows, "Arrays"},
    {hsl_lib_pcre_rows, "Regular expressions"},
    {hsl_lib_file_rows, "Files"},
    {hsl_lib_reader_rows, "Files"},
    {hsl_lib_enc_rows, "Encodings of text"},
    {hsl_lib_url_rows, "URLs and domain names"},
    {hsl_lib_zlib_rows, "Compression"},
    {hsl_lib_json_rows, "JSON"},
    {hsl_lib_data_rows, "CSV and YAML"},
    {hsl_lib_pack_rows, "Binary data"},
    {hsl_lib_crypt_rows, "Hashes, passwords and random numbers"},
    {hsl_lib_aes_rows, "Encryption"},
    {hsl_lib_time_rows, "Time"},
    {hsl_lib_math_rows, "Arithmetic"},
    {hsl_lib_net_rows, "Networks and domains"},
    {hsl_lib_share_rows, "Rates and shared values"},
    {hsl_lib_dns_rows, "DNS"},
    {hsl_lib_dnsbl_rows, "DNS"},
    {hsl_lib_spf_rows, "SPF"},
    {hsl_lib_ldap_rows, "Directories and logins"},
    {hsl_lib_dovecot_rows, "Directories and logins"},
    {hsl_lib_smtp_rows, "Mail servers"},
    {hsl_lib_mail_rows, "Mail servers"},
    {hsl_lib_http_rows, "HTTP"},
    {hsl_lib_addr_rows, "Addresses and header fields"},
    {hsl_lib_field_rows, "Addresses and header fields"},
    {hsl_lib_core_rows, "Logging and errors"},
    {hsl_lib_flow_rows, "Actions"},
    {hsl_lib_set_rows, "The envelope and what is kept with a message"},
    {hsl_lib_header_rows, "Headers of the message"},
    {hsl_lib_stub_rows, "Without effect behind Postfix"},
};

#define TABLE_COUNT (sizeof(tables) / sizeof(tables[0]))
#define SLOT_COUNT 1024u /* a power of two, a multiple of the number of rows */

/* Open addressing with linear steps; rows of one name lie one behind the other in probing order. */
static struct {
    pthread_once_t once;
    const struct hsl_builtin *slots[SLOT_COUNT];
} names = {.once = PTHREAD_ONCE_INIT};

const struct hsl_builtin *
hsl_lib_table(size_t i, const char **subject)
{
    if (i >= TABLE_COUNT)
        return NULL;
    *subject = tables[i].subject;
    return tables[i].rows;
}

const struct hsl_builtin *
hsl_lib_row(size_t *i)
{
    size_t n = *i;

    for (size_t t = 0; t < TABLE_COUNT; t++) {
        const struct hsl_builtin *row = tables[t].rows;

        for (; row->name; row++) {
            if (n-- == 0) {
                ++*i;
                return row;
            }
        }
    }
    return NULL;
}

static void
make_names(void)
{
    const struct hsl_builtin *row;
    size_t filled = 0;

    for (size_t t = 0; t < TABLE_COUNT; t++) {
        for (row = tables[t].rows; row->name; row++) {
            uint32_t i = hsl_str_hash_bytes(row->name, strlen(row->name)) % SLOT_COUNT;

            UT_BUG_ON(++filled >= SLOT_COUNT);
            while (names.slots[i])
                i = (i + 1) % SLOT_COUNT;
            names.slots[i] = row;
        }
    }
}

static bool
row_fits(const struct hsl_builtin *row, enum hsl_flow flow)
{
    return row->flows == 0 || (row->flows & (unsigned)flow) != 0;
}

const struct hsl_builtin *
hsl_lib_find(const char *name, size_t len, enum hsl_flow flow, bool *wrong_flow)
{
    const struct hsl_builtin *row, *other = NULL;
    uint32_t i = hsl_str_hash_bytes(name, len) % SLOT_COUNT;

    *wrong_flow = false;
    pthread_once(&names.once, make_names);
    for (; (row = names.slots[i]) != NULL; i = (i + 1) % SLOT_COUNT) {
        if (strlen(row->name) != len || memcmp(row->name, name, len) != 0)
            continue;
        if (row_fits(row, flow))
            return row;
        other = row;
    }
    *wrong_flow = other != NULL;
    return other;
}

/* Counts the parameters of a signature. */
void
hsl_lib_arity(const struct hsl_builtin *b, unsigned *min, unsigned *max)
{
    bool optional = false;

    *min = *max = 0;
    for (const char *p = b->args; *p; p++) {
        if (*p == '|') {
            optional = true;
        } else if (*p == '*') {
            *max = UINT_MAX;
        } else {
            ++*max;
            *min += optional ? 0 : 1;
        }
    }
}

static bool
bad_count(struct hsl_run *r, const struct hsl_builtin *b, unsigned argc)
{
    unsigned min, max;

    hsl_lib_arity(b, &min, &max);
    if (max == UINT_MAX)
        return hsl_raise(r, HSL_R07, "%s() expects at least %u argument%s, %u given", b->name, min,
            min == 1 ? "" : "s", argc);
    if (min == max)
        return hsl_raise(r, HSL_R07, "%s() expects %u argument%s, %u given", b->name, min,
            min == 1 ? "" : "s", argc);
    return hsl_raise(
        r, HSL_R07, "%s() expects %u to %u arguments, %u given", b->name, min, max, argc);
}

bool
hsl_lib_bad_arg(struct hsl_run *r, const char *name, unsigned n, const char *expected,
    const struct hsl_value *got)
{
    return hsl_raise(r, HSL_R07, "argument %u of %s(): expected %s, got %s", n, name, expected,
        hsl_type_name(got));
}

/* --- Conversion by signature ----------------------------------------------------------------- */

static const char *
kind_text(char kind)
{
    switch (kind) {
    case 's':
        return "string";
    case 'n':
        return "number";
    case 'a':
    case 'o':
        return "array";
    case 'f':
        return "function";
    case 'p':
        return "string or Regex";
    case 'A':
        return "string or array";
    default:
        return "value";
    }
}

/* The value [v] replaces an argument; its old count is given back. */
static bool
replace(struct hsl_run *r, struct hsl_value *arg, struct hsl_value v)
{
    hsl_unref(r, *arg);
    *arg = v;
    return true;
}

static bool
replace_by_text(struct hsl_run *r, struct hsl_value *arg)
{
    struct hsl_str *s = hsl_to_str(r, arg);

    return s && replace(r, arg, hsl_from_str(s));
}

static bool
replace_by_array(struct hsl_run *r, struct hsl_value *arg)
{
    struct hsl_arr *a = hsl_arr_new(r, 0);

    return a && replace(r, arg, hsl_from_arr(a));
}

/* True if [v] is of the kind already. */
static bool
fits(char kind, const struct hsl_value *v)
{
    switch (kind) {
    case 's':
        return v->type == HSL_STR;
    case 'n':
        return v->type == HSL_NUM;
    case 'a':
    case 'o':
        return v->type == HSL_ARR;
    case 'f':
        return v->type == HSL_FN;
    case 'b':
        return v->type == HSL_BOOL;
    case 'p':
        return v->type == HSL_STR || (v->type == HSL_OBJ && v->u.obj->cls == &hsl_regex_class);
    case 'A':
        return v->type == HSL_STR || v->type == HSL_ARR;
    default:
        return true;
    }
}

/* The slow path of one argument that does not fit as it is (§15 of the language). */
static bool
convert(struct hsl_run *r, const struct hsl_builtin *b, char kind, unsigned n, struct hsl_value *v)
{
    bool scalar = v->type == HSL_NUM || v->type == HSL_BOOL;
    double num;

    if (kind == 'b')
        return replace(r, v, hsl_bool(hsl_truth(v)));
    if (scalar && (kind == 's' || kind == 'p' || kind == 'A'))
        return replace_by_text(r, v);
    if (kind == 'n' && v->type == HSL_BOOL)
        return replace(r, v, hsl_num(v->u.b ? 1 : 0));
    if (!hsl_work_text(r, v))
        return false;
    if (kind == 'n' && v->type == HSL_STR &&
        hsl_numeric_string(v->u.str->data, v->u.str->len, &num))
        return replace(r, v, hsl_num(num));
    if (v->type == HSL_NONE && (b->flags & HSL_NONE_OK) && (kind == 's' || kind == 'A'))
        return replace(r, v, hsl_from_str(hsl_str_empty()));
    if (v->type == HSL_NONE && (b->flags & HSL_NONE_OK) && kind == 'a')
        return replace_by_array(r, v);
    return hsl_lib_bad_arg(r, b->name, n, kind_text(kind), v);
}

/* One pass over signature and arguments does both, counting and converting. But a wrong count is
 * reported before a wrong type: the count is looked at again when a type does not fit. */
static bool
count_fits(const struct hsl_builtin *b, unsigned argc)
{
    unsigned min, max;

    hsl_lib_arity(b, &min, &max);
    return argc >= min && argc <= max;
}

bool
hsl_lib_call(struct hsl_run *r, const struct hsl_builtin *b, struct hsl_value *args, unsigned argc,
    struct hsl_value *out)
{
    const char *p = b->args;
    bool optional = false, many = false;

    for (unsigned i = 0; i < argc; i++) {
        if (*p == '|') {
            optional = true;
            p++;
        }
        if (*p == '\0')
            return bad_count(r, b, argc);
        if (!fits(*p, &args[i])) {
            if (!count_fits(b, argc))
                return bad_count(r, b, argc);
            if (!convert(r, b, *p, i + 1, &args[i]))
                return false;
        }
        if (p[1] == '*')
            many = true;
        else
            p++;
    }
    if (*p != '\0' && *p != '|' && !optional && !many)
        return bad_count(r, b, argc);
    if (b->fn(r, args, argc, out))
        return true;
    hsl_unref(r, *out);
    *out = hsl_none();
    return false;
}

/* --- Helpers for rows ------------------------------------------------------------------------ */

int64_t
hsl_arg_int(const struct hsl_value *v)
{
    const double most = 9007199254740992.0;

    if (isnan(v->u.num))
        return 0;
    if (v->u.num >= most)
        return (int64_t)most;
    if (v->u.num <= -most)
        return -(int64_t)most;
    return (int64_t)v->u.num;
}

/* The value of [key], NULL if it is absent or none. */
static const struct hsl_value *
option(const struct hsl_value *o, const char *key)
{
    const struct hsl_value *v = o ? hsl_arr_getz(o->u.arr, key) : NULL;

    return v && v->type != HSL_NONE ? v : NULL;
}

static bool
bad_option(struct hsl_run *r, const char *name, unsigned n, const char *key, const char *expected,
    const struct hsl_value *got)
{
    return hsl_raise(r, HSL_R07, "argument %u of %s(): option %s: expected %s, got %s", n, name,
        key, expected, hsl_type_name(got));
}

bool
hsl_opt_bool(struct hsl_run *r, const char *name, unsigned n, const struct hsl_value *o,
    const char *key, bool *out)
{
    const struct hsl_value *v = option(o, key);

    if (!v)
        return true;
    if (v->type != HSL_BOOL && v->type != HSL_NUM)
        return bad_option(r, name, n, key, "boolean", v);
    *out = hsl_truth(v);
    return true;
}

bool
hsl_opt_num(struct hsl_run *r, const char *name, unsigned n, const struct hsl_value *o,
    const char *key, double *out)
{
    const struct hsl_value *v = option(o, key);

    if (!v)
        return true;
    if (v->type == HSL_NUM)
        *out = v->u.num;
    else if (v->type == HSL_BOOL)
        *out = v->u.b ? 1 : 0;
    else if (v->type != HSL_STR || !hsl_numeric_string(v->u.str->data, v->u.str->len, out))
        return bad_option(r, name, n, key, "number", v);
    return true;
}

bool
hsl_opt_str(struct hsl_run *r, const char *name, unsigned n, const struct hsl_value *o,
    const char *key, struct hsl_str **out)
{
    const struct hsl_value *v = option(o, key);

    if (!v)
        return true;
    if (v->type != HSL_STR)
        return bad_option(r, name, n, key, "string", v);
    *out = v->u.str;
    return true;
}

bool
hsl_opt_arr(struct hsl_run *r, const char *name, unsigned n, const struct hsl_value *o,
    const char *key, struct hsl_arr **out)
{
    const struct hsl_value *v = option(o, key);

    if (!v)
        return true;
    if (v->type != HSL_ARR)
        return bad_option(r, name, n, key, "array", v);
    *out = v->u.arr;
    return true;
}

size_t
hsl_arg_numbered(const char *p, size_t most, size_t *len)
{
    size_t best = 0, n = 0;

    for (size_t i = 1; p[i] >= '0' && p[i] <= '9' && i < 7; i++) {
        n = n * 10 + (size_t)(p[i] - '0');
        if (n == 0 || n > most)
            continue;
        best = n;
        *len = i + 1;
    }
    return best;
}

bool
hsl_ret_str(struct hsl_run *r, struct hsl_value *out, const char *p, size_t len)
{
    struct hsl_str *s = hsl_str_new(r, p, len);

    if (!s)
        return false;
    *out = hsl_from_str(s);
    return true;
}

bool
hsl_set_str(struct hsl_run *r, struct hsl_arr *a, const char *key, const char *p, size_t len)
{
    struct hsl_str *s = hsl_str_new(r, p, len);

    return s && hsl_arr_setz(r, a, key, hsl_from_str(s));
}

bool
hsl_push_str(struct hsl_run *r, struct hsl_arr *a, const char *p, size_t len)
{
    struct hsl_str *s = hsl_str_new(r, p, len);

    return s && hsl_arr_push(r, a, hsl_from_str(s));
}

bool
hsl_ret_sbuf(struct hsl_run *r, struct hsl_value *out, struct ut_sbuf *b)
{
    bool ok;

    if (b->failed) {
        bool full = !b->no_memory && b->max >= r->limits.max_string;

        ut_sbuf_fini(b);
        if (full)
            return hsl_limit(r, HSL_L05, "string length (%zu) exceeded", r->limits.max_string);
        return hsl_limit(r, HSL_L08, "out of memory");
    }
    ok = hsl_ret_str(r, out, ut_sbuf_text(b), b->len);
    ut_sbuf_fini(b);
    return ok;
}
