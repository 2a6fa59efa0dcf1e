/* hsl_lib_header.c - reading and editing the header of a message in the mail flow (library §16.6).
 *
 * What leaves here is safe to put into a message: names are RFC 5322 ftext; in values a line end is
 * possible only before white space (folding), NUL not at all, and what is not ASCII is written as
 * encoded words. Values are folded at 78 columns unless the script says that it did so itself.
 * Not here: words and folding (hsl_word.c), MIME parts, where edits go (the host).
 * Threads: as the run. Fails: R15, limits. */
#include "config.h"

#include "hsl/hsl_act.h"
#include "hsl/hsl_word.h"

#include <strings.h>

/* --- Common checks --------------------------------------------------------------------------- */

/* A buffer for header text of this run. */
static void
text_init(struct hsl_run *r, struct ut_sbuf *b)
{
    ut_sbuf_init(b, r->limits.max_string);
}

static bool
check_name(struct hsl_run *r, const char *fn, const struct hsl_str *name)
{
    if (hsl_word_is_field_name(name->data, name->len))
        return true;
    return hsl_raise(r, HSL_R15,
        "%s(): a header name is 1 to 255 printable ASCII characters without blank and colon", fn);
}

/* --- Reading --------------------------------------------------------------------------------- */

static bool
can_read(struct hsl_run *r, const char *fn)
{
    return (r->host && r->host->header_get) || hsl_act_no_host(r, fn);
}

/* The value that begins at [from] in [raw] as the script gets it: unfolded and decoded, or raw. One
 * that did not fit there is over a limit, which frees [raw]. */
static bool
give_value(struct hsl_run *r, struct ut_sbuf *raw, size_t from, bool decode, struct hsl_value *out)
{
    const char *p = ut_sbuf_text(raw) + from;
    size_t len = raw->len - from;
    struct ut_sbuf flat, text;

    if (raw->failed)
        return hsl_ret_sbuf(r, out, raw);
    if (!decode)
        return hsl_ret_str(r, out, p, len);
    text_init(r, &flat);
    text_init(r, &text);
    hsl_word_unfold(&flat, p, len);
    hsl_word_decode(&text, ut_sbuf_text(&flat), flat.len);
    ut_sbuf_fail_with(&text, &flat);
    ut_sbuf_fini(&flat);
    return hsl_ret_sbuf(r, out, &text) && hsl_work(r, len);
}

static bool
fn_get_header(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    bool decode = argc < 2 || args[1].u.b, ok;
    struct ut_sbuf raw;

    if (!can_read(r, "GetHeader") || !check_name(r, "GetHeader", args[0].u.str))
        return false;
    text_init(r, &raw);
    if (r->host->header_get(r->host_arg, args[0].u.str->data, 0, &raw))
        ok = give_value(r, &raw, 0, decode, out);
    else
        ok = hsl_ret_str(r, out, "", 0);
    ut_sbuf_fini(&raw);
    return ok;
}

/* All values of one name as a list. */
static bool
list_values(
    struct hsl_run *r, const char *name, bool decode, struct ut_sbuf *raw, struct hsl_arr *list)
{
    for (size_t i = 0; r->host->header_get(r->host_arg, name, i, raw); i++) {
        struct hsl_value v = hsl_none();

        if (!give_value(r, raw, 0, decode, &v) || !hsl_arr_push(r, list, v) ||
            !hsl_work(r, raw->len + 256))
            return false;
    }
    return true;
}

/* The key under which headers called [name] are collected: names that differ in case are one; the
 * first one's spelling counts. [spellings] maps lower case to it. A new count; NULL: error. */
static struct hsl_str *
spelling_of(struct hsl_run *r, struct hsl_arr *spellings, const char *name, size_t len)
{
    struct hsl_str *lower = hsl_str_alloc(r, len), *first;
    const struct hsl_value *known;

    if (!lower)
        return NULL;
    for (size_t i = 0; i < len; i++)
        lower->data[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
    known = hsl_arr_gets(spellings, lower);
    if (known) {
        hsl_unref(r, hsl_from_str(lower));
        hsl_rc_ref(&known->u.str->rc);
        return known->u.str;
    }
    first = hsl_str_new(r, name, len);
    if (first && !hsl_arr_sets(r, spellings, lower, hsl_ref(hsl_from_str(first)))) {
        hsl_unref(r, hsl_from_str(first));
        first = NULL;
    }
    hsl_unref(r, hsl_from_str(lower));
    return first;
}

/* Appends [v], whose count it takes, to the list all[key]. */
static bool
push_under(struct hsl_run *r, struct hsl_arr *all, struct hsl_str *key, struct hsl_value v)
{
    struct hsl_value name = hsl_from_str(key);
    struct hsl_value *slot = hsl_arr_slot(r, all, &name);

    if (slot && slot->type != HSL_ARR) {
        struct hsl_arr *list = hsl_arr_new(r, 0);

        if (list)
            *slot = hsl_from_arr(list);
        else
            slot = NULL;
    }
    if (!slot) {
        hsl_unref(r, v);
        return false;
    }
    return hsl_arr_push(r, slot->u.arr, v);
}

/* One header "Name: value" into [all]. */
static bool
collect_field(struct hsl_run *r, struct ut_sbuf *field, bool decode, struct hsl_arr *spellings,
    struct hsl_arr *all)
{
    const char *p = ut_sbuf_text(field), *colon = memchr(p, ':', field->len), *end = p + field->len;
    struct hsl_value v = hsl_none();
    struct hsl_str *key;
    const char *value;
    bool ok;

    if (field->failed)
        return hsl_ret_sbuf(r, &v, field);
    if (!colon)
        return true;
    value = colon + 1;
    if (value < end && *value == ' ')
        value++;
    key = spelling_of(r, spellings, p, (size_t)(colon - p));
    if (!key)
        return false;
    ok = give_value(r, field, (size_t)(value - p), decode, &v) && push_under(r, all, key, v);
    hsl_unref(r, hsl_from_str(key));
    return ok && hsl_work(r, field->len + 256);
}

static bool
collect_all(struct hsl_run *r, bool decode, struct ut_sbuf *raw, struct hsl_arr *all)
{
    struct hsl_arr *spellings = hsl_arr_new(r, 0);
    bool ok = spellings != NULL;

    for (size_t i = 0; ok && r->host->header_get(r->host_arg, NULL, i, raw); i++)
        ok = collect_field(r, raw, decode, spellings, all);
    if (spellings)
        hsl_unref(r, hsl_from_arr(spellings));
    return ok;
}

static bool
fn_get_headers(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    bool every = args[0].type == HSL_BOOL && args[0].u.b, decode = argc < 2 || args[1].u.b, ok;
    struct ut_sbuf raw;
    struct hsl_arr *a;

    if (!every && args[0].type != HSL_STR)
        return hsl_lib_bad_arg(r, "GetHeaders", 1, "string or true", &args[0]);
    if (!can_read(r, "GetHeaders") || (!every && !check_name(r, "GetHeaders", args[0].u.str)))
        return false;
    a = hsl_arr_new(r, 0);
    if (!a)
        return false;
    *out = hsl_from_arr(a);
    text_init(r, &raw);
    if (every)
        ok = collect_all(r, decode, &raw, a);
    else
        ok = list_values(r, args[0].u.str->data, decode, &raw, a);
    ut_sbuf_fini(&raw);
    return ok;
}

/* --- Making a value -------------------------------------------------------------------------- */

/* The value less line ends behind it, checked: no NUL, line ends before white space only. */
static bool
check_value(struct hsl_run *r, const char *fn, const struct hsl_str *v, const char **p, size_t *len)
{
    const char *s = v->data, *end = s + v->len;

    while (end > s && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    for (const char *c = s; c < end; c++) {
        if (*c == '\0')
            return hsl_raise(r, HSL_R15, "%s(): a NUL byte in the value of a header", fn);
        if ((*c == '\r' || *c == '\n') && c[1] != ' ' && c[1] != '\t' &&
            !(*c == '\r' && c[1] == '\n'))
            return hsl_raise(r, HSL_R15, "%s(): a line end in the value of a header", fn);
    }
    *p = s;
    *len = (size_t)(end - s);
    return true;
}

/* Encodes line by line, keeping where the script folded; lines of nothing but blanks go. */
static void
keep_folding(struct ut_sbuf *out, const char *p, size_t len)
{
    const char *end = p + len;

    while (p < end) {
        const char *stop = p;

        while (stop < end && *stop != '\r' && *stop != '\n')
            stop++;
        if (strspn(p, " \t") < (size_t)(stop - p)) {
            if (out->len > 0)
                ut_sbuf_addz(out, "\r\n");
            hsl_word_encode(out, p, (size_t)(stop - p));
        }
        p = stop;
        while (p < end && (*p == '\r' || *p == '\n'))
            p++;
    }
}

/* The raw form of [v] as the value of a header whose name has [name_len] bytes. */
static bool
make_value(struct hsl_run *r, const char *fn, size_t name_len, const struct hsl_str *v, bool refold,
    struct ut_sbuf *out)
{
    struct ut_sbuf flat, encoded;
    const char *p;
    size_t len;

    if (!check_value(r, fn, v, &p, &len))
        return false;
    if (!refold) {
        keep_folding(out, p, len);
        return true;
    }
    text_init(r, &flat);
    text_init(r, &encoded);
    hsl_word_unfold(&flat, p, len);
    hsl_word_encode(&encoded, ut_sbuf_text(&flat), flat.len);
    hsl_word_fold(out, ut_sbuf_text(&encoded), encoded.len, name_len + 2);
    ut_sbuf_fail_with(out, &flat);
    ut_sbuf_fail_with(out, &encoded);
    ut_sbuf_fini(&flat);
    ut_sbuf_fini(&encoded);
    return true;
}

/* --- Editing --------------------------------------------------------------------------------- */

/* Hands over an edit; *number gets how many headers changed. Frees [value]. */
static bool
edit(struct hsl_run *r, const char *fn, enum hsl_header_op op, const struct hsl_str *name,
    struct ut_sbuf *value, long *number)
{
    struct ut_diag why = {.text = "refused"};
    struct hsl_value unused;

    if (value->failed)
        return hsl_ret_sbuf(r, &unused, value);
    *number =
        r->host->header_edit(r->host_arg, op, name->data, ut_sbuf_text(value), value->len, &why);
    ut_sbuf_fini(value);
    return *number >= 0 || hsl_raise(r, HSL_R15, "%s(): %s", fn, why.text);
}

static bool
can_edit(struct hsl_run *r, const char *fn, const struct hsl_str *name)
{
    if (!r->host || !r->host->header_edit)
        return hsl_act_no_host(r, fn);
    return check_name(r, fn, name);
}

/* AddHeader and SetHeader: [args] are name, value [, refold]. */
static bool
put_header(struct hsl_run *r, const char *fn, enum hsl_header_op op, const struct hsl_value *args,
    unsigned argc, long *number)
{
    const struct hsl_str *name = args[0].u.str;
    struct ut_sbuf value;

    if (!can_edit(r, fn, name))
        return false;
    text_init(r, &value);
    if (!make_value(r, fn, name->len, args[1].u.str, argc < 3 || args[2].u.b, &value)) {
        ut_sbuf_fini(&value);
        return false;
    }
    return edit(r, fn, op, name, &value, number);
}

static bool
fn_add_header(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    long number;

    (void)out;
    return put_header(r, "AddHeader", HSL_HEADER_ADD, args, argc, &number);
}

static bool
fn_set_header(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    long number = 0;
    bool ok = put_header(r, "SetHeader", HSL_HEADER_SET, args, argc, &number);

    *out = hsl_num((double)number);
    return ok;
}

static bool
fn_del_header(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct ut_sbuf none;
    long number = 0;

    (void)argc;
    if (!can_edit(r, "DelHeader", args[0].u.str))
        return false;
    ut_sbuf_init(&none, 1);
    if (!edit(r, "DelHeader", HSL_HEADER_DEL, args[0].u.str, &none, &number))
        return false;
    *out = hsl_num((double)number);
    return true;
}

/* --- PrependHeader, AppendHeader --------------------------------------------------------------
 *
 * The old value stays byte for byte as it is; the host puts the new text beside it. Where they
 * meet, two rules of RFC 2047 section 6.2 would change what readers see: white space between two
 * encoded words is not shown, and an encoded word needs white space around it. So:
 *   - beside an encoded word, text that is encoded itself or lacks white space is encoded as a
 *     whole, with its own blanks inside, and one blank that nobody sees is put between;
 *   - beside plain text, encoded text keeps its blanks outside and gets one if it has none. */

/* True if the old value has an encoded word where the text will stand; white space between the two
 * does not count, such as that of a value that begins on its second line. */
static bool
meets_word(const struct ut_sbuf *old, bool before)
{
    const char *p = ut_sbuf_text(old), *end = p + old->len;

    while (before && p < end && hsl_word_is_space(*p))
        p++;
    while (!before && p < end && hsl_word_is_space(end[-1]))
        end--;
    return end - p > 2 && memcmp(before ? p : end - 2, before ? "=?" : "?=", 2) == 0;
}

static void
join_text(struct ut_sbuf *out, const char *p, size_t len, bool before, const struct ut_sbuf *old)
{
    bool ascii = hsl_word_is_ascii(p, len), gap;

    gap = len > 0 && hsl_word_is_blank(before ? p[len - 1] : p[0]);
    if (meets_word(old, before) ? ascii && gap : ascii) {
        ut_sbuf_add(out, p, len);
        return;
    }
    if (!before && (meets_word(old, before) || !gap))
        ut_sbuf_addc(out, ' ');
    if (meets_word(old, before))
        hsl_word_encode_all(out, p, len);
    else
        hsl_word_encode(out, p, len);
    if (before && (meets_word(old, before) || !gap))
        ut_sbuf_addc(out, ' ');
}

static bool
extend_header(struct hsl_run *r, const char *fn, enum hsl_header_op op,
    const struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *name = args[0].u.str;
    struct ut_sbuf old, flat, text;
    const char *p = NULL;
    size_t len = 0;
    long number = 0;
    bool ok;

    if (!can_edit(r, fn, name) || !can_read(r, fn))
        return false;
    text_init(r, &old);
    if (!r->host->header_get(r->host_arg, name->data, 0, &old)) {
        ut_sbuf_fini(&old);
        ok = put_header(r, fn, HSL_HEADER_SET, args, argc, &number);
        *out = hsl_num((double)number);
        return ok;
    }
    text_init(r, &flat);
    text_init(r, &text);
    ok = check_value(r, fn, args[1].u.str, &p, &len);
    for (size_t i = 0; ok && i < len; i++) {
        if (p[i] != '\r' && p[i] != '\n')
            ut_sbuf_addc(&flat, p[i]);
    }
    if (ok && flat.len > 0)
        join_text(&text, flat.data, flat.len, op == HSL_HEADER_PREPEND, &old);
    ut_sbuf_fail_with(&text, &flat);
    ut_sbuf_fail_with(&text, &old);
    ut_sbuf_fini(&flat);
    ut_sbuf_fini(&old);
    if (ok)
        ok = edit(r, fn, op, name, &text, &number);
    else
        ut_sbuf_fini(&text);
    *out = hsl_num((double)number);
    return ok;
}

static bool
fn_prepend_header(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return extend_header(r, "PrependHeader", HSL_HEADER_PREPEND, args, argc, out);
}

static bool
fn_append_header(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return extend_header(r, "AppendHeader", HSL_HEADER_APPEND, args, argc, out);
}

static bool
fn_discard(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)args;
    (void)argc;
    if (!r->host || !r->host->edits_discard)
        return hsl_act_no_host(r, "DiscardMailDataChanges");
    *out = hsl_num((double)r->host->edits_discard(r->host_arg));
    return true;
}

#define MAIL HSL_FLOW_MAIL

const struct hsl_builtin hsl_lib_header_rows[] = {
    {"GetHeader", "s|b", MAIL, 0, .fn = fn_get_header, "GetHeader(name [, decode = true])",
        "The topmost header of that name, unfolded and decoded (RFC 2047) unless decode is "
        "false; \"\" if there is none."},
    {"GetHeaders", "v|b", MAIL, 0, .fn = fn_get_headers, "GetHeaders(name [, decode = true])",
        "All headers of that name from the top, as a list. With true as name: all headers, as an "
        "array of name to list."},
    {"AddHeader", "ss|b", MAIL, 0, .fn = fn_add_header, "AddHeader(name, value [, refold = true])",
        "Adds a header at the top. What is not ASCII is encoded (RFC 2047); long lines are "
        "folded unless refold is false.",
        .errors = "the name is no name of a header, or the value holds a line end that folds "
                  "nothing"},
    {"SetHeader", "ss|b", MAIL, 0, .fn = fn_set_header, "SetHeader(name, value [, refold = true])",
        "Replaces all headers of that name by one, or adds it. The number of headers changed.",
        .errors = "the name is no name of a header, or the value holds a line end that folds "
                  "nothing"},
    {"PrependHeader", "ss|b", MAIL, 0, .fn = fn_prepend_header,
        "PrependHeader(name, text [, refold = true])",
        "Puts text before the value of the topmost header of that name, or adds the header. The "
        "number of headers changed.",
        .errors = "the name is no name of a header, or the value holds a line end that folds "
                  "nothing"},
    {"AppendHeader", "ss|b", MAIL, 0, .fn = fn_append_header,
        "AppendHeader(name, text [, refold = true])",
        "Puts text behind the value of the topmost header of that name, or adds the header. The "
        "number of headers changed.",
        .errors = "the name is no name of a header, or the value holds a line end that folds "
                  "nothing"},
    {"DelHeader", "s", MAIL, 0, .fn = fn_del_header, "DelHeader(name)",
        "Deletes all headers of that name; their number.",
        .errors = "the name is no name of a header"},
    {"DiscardMailDataChanges", "", MAIL, 0, .fn = fn_discard, "DiscardMailDataChanges()",
        "Undoes the changes that this run made to the message; their number."},
    {.name = NULL},
};
