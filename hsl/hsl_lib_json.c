/* hsl_lib_json.c - json_encode() and json_decode() (library §7).
 *
 * Reading is jansson's. Its tree lies outside the heap of the run, so the text is looked over
 * first: nesting, and how many values it can hold at most, which bounds the tree before it is made.
 * Writing is done here, since numbers have to look as everywhere in the language (§4.3) and a
 * tree of jansson's would be a second copy for nothing.
 * Not here: other encodings (hsl_lib_enc.c). Threads: as the run.
 * Fails: limits; what is no JSON, or cannot be JSON, gives none. */
#include "config.h"

#include <jansson.h>
#include <math.h>

#include "hsl/hsl_arr.h"
#include "hsl/hsl_data.h"
#include "hsl/hsl_lib.h"
#include "lib/ut_utf8.h"

#define DEPTH_MAX HSL_DATA_DEPTH
#define NODE_SIZE 128 /* more than jansson takes for a value and its place in what holds it */

/* --- Writing --------------------------------------------------------------------------------- */

struct writer {
    struct hsl_run *run;
    struct ut_sbuf out;
    bool ascii;
    bool pretty;
    bool limited; /* the run's error is set */
};

static void
add_unit(struct ut_sbuf *out, unsigned unit)
{
    static const char digits[] = "0123456789abcdef";
    const char text[6] = {'\\', 'u', digits[unit >> 12 & 15], digits[unit >> 8 & 15],
        digits[unit >> 4 & 15], digits[unit & 15]};

    ut_sbuf_add(out, text, sizeof(text));
}

/* The character of [n] bytes at [p], not ASCII, as one or two \u. */
static void
add_escaped(struct ut_sbuf *out, const char *p, size_t n)
{
    unsigned c = (unsigned char)p[0] & (0xffu >> (n + 1));

    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((unsigned char)p[i] & 0x3f);
    if (c < 0x10000) {
        add_unit(out, c);
    } else {
        add_unit(out, 0xd800 + ((c - 0x10000) >> 10));
        add_unit(out, 0xdc00 + ((c - 0x10000) & 0x3ff));
    }
}

static void
add_ascii(struct ut_sbuf *out, char c)
{
    static const char special[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *at = c ? strchr(special, c) : NULL;

    if (at) {
        ut_sbuf_addc(out, '\\');
        ut_sbuf_addc(out, letters[at - special]);
    } else if ((unsigned char)c < 32) {
        add_unit(out, (unsigned char)c);
    } else {
        ut_sbuf_addc(out, c);
    }
}

static bool
write_string(struct writer *w, const char *p, size_t len)
{
    ut_sbuf_addc(&w->out, '"');
    for (size_t i = 0; i < len;) {
        size_t n = ut_utf8_char(p + i, len - i);

        if (n == 0)
            return false;
        if (n == 1)
            add_ascii(&w->out, p[i]);
        else if (w->ascii)
            add_escaped(&w->out, p + i, n);
        else
            ut_sbuf_add(&w->out, p + i, n);
        i += n;
    }
    ut_sbuf_addc(&w->out, '"');
    w->limited = w->limited || !hsl_work(w->run, len);
    return !w->limited;
}

static bool
write_number(struct writer *w, double n)
{
    char text[HSL_NUM_TEXT_MAX];

    if (!isfinite(n))
        return false;
    ut_sbuf_add(&w->out, text, hsl_num_to_text(n, text));
    return true;
}

static void
new_line(struct writer *w, unsigned depth)
{
    if (!w->pretty)
        return;
    ut_sbuf_addc(&w->out, '\n');
    for (unsigned i = 0; i < depth; i++)
        ut_sbuf_addz(&w->out, "    ");
}

/* The key of place [i]. */
static bool
write_key(struct writer *w, const struct hsl_arr *a, size_t i)
{
    struct hsl_str *text;
    int64_t key;
    bool ok = true;

    if (hsl_arr_key_at(a, i, &key, &text))
        ut_sbuf_addf(&w->out, "\"%lld\"", (long long)key);
    else
        ok = write_string(w, text->data, text->len);
    ut_sbuf_addz(&w->out, w->pretty ? ": " : ":");
    return ok;
}

static bool
write_value(struct writer *w, const struct hsl_value *v, unsigned depth);

static bool
write_array(struct writer *w, const struct hsl_arr *a, unsigned depth)
{
    bool list = hsl_arr_is_list(a), first = true;
    const struct hsl_value *v;
    size_t pos = 0;

    if (depth == DEPTH_MAX)
        return false;
    ut_sbuf_addc(&w->out, list ? '[' : '{');
    while (hsl_arr_next(a, &pos, NULL, &v)) {
        if (!first)
            ut_sbuf_addc(&w->out, ',');
        new_line(w, depth + 1);
        if ((!list && !write_key(w, a, pos - 1)) || !write_value(w, v, depth + 1))
            return false;
        w->limited = w->limited || !hsl_work(w->run, 16);
        if (w->limited || w->out.failed)
            return false;
        first = false;
    }
    if (!first)
        new_line(w, depth);
    ut_sbuf_addc(&w->out, list ? ']' : '}');
    return true;
}

/* False: it cannot be JSON, or the buffer or the run is at a limit. */
static bool
write_value(struct writer *w, const struct hsl_value *v, unsigned depth)
{
    switch (v->type) {
    case HSL_NONE:
        ut_sbuf_addz(&w->out, "null");
        return true;
    case HSL_BOOL:
        ut_sbuf_addz(&w->out, v->u.b ? "true" : "false");
        return true;
    case HSL_NUM:
        return write_number(w, v->u.num);
    case HSL_STR:
        return write_string(w, v->u.str->data, v->u.str->len);
    case HSL_ARR:
        return write_array(w, v->u.arr, depth);
    default:
        return false;
    }
}

static bool
fn_json_encode(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_value *o = argc > 1 ? &args[1] : NULL;
    struct writer w = {.run = r, .ascii = true};
    bool ok;

    if (!hsl_opt_bool(r, "json_encode", 2, o, "ensure_ascii", &w.ascii) ||
        !hsl_opt_bool(r, "json_encode", 2, o, "pretty_print", &w.pretty))
        return false;
    ut_sbuf_init(&w.out, r->limits.max_string);
    ok = write_value(&w, &args[0], 0);
    if (ok || w.out.failed)
        return hsl_ret_sbuf(r, out, &w.out);
    ut_sbuf_fini(&w.out);
    return !w.limited;
}

/* --- Looking over the text before it is read ------------------------------------------------- */

struct survey {
    size_t values; /* at most so many */
    size_t depth;
    size_t deepest;
    bool comments; /* there are some */
};

/* Behind the string that starts at [i]. */
static size_t
skip_string(const char *p, size_t len, size_t i)
{
    for (i++; i < len && p[i] != '"'; i++)
        i += p[i] == '\\' ? 1 : 0;
    return i < len ? i + 1 : len;
}

/* Behind the end of a comment at or after [i]; more than [len] if there is none. */
static size_t
find_close(const char *p, size_t len, size_t i)
{
    const char *star;

    for (; i < len && (star = memchr(p + i, '*', len - i)); i = (size_t)(star - p) + 1)
        if (star + 1 < p + len && star[1] == '/')
            return (size_t)(star - p) + 2;
    return len + 1;
}

/* Behind the comment that starts at [i], or [i] if there is none. *unclosed is set by one that
 * never ends: no other one behind it does, and nobody need look again. */
static size_t
skip_comment(const char *p, size_t len, size_t i, bool *unclosed)
{
    const char *end;
    size_t close;

    if (i + 1 >= len || p[i] != '/' || (p[i + 1] != '/' && p[i + 1] != '*'))
        return i;
    if (p[i + 1] == '/') {
        end = memchr(p + i, '\n', len - i);
        return end ? (size_t)(end - p) : len;
    }
    close = *unclosed ? len + 1 : find_close(p, len, i + 2);
    *unclosed = close > len;
    return *unclosed ? i : close;
}

static void
look_over(const char *p, size_t len, struct survey *s)
{
    bool unclosed = false;

    *s = (struct survey){.values = 1};
    for (size_t i = 0; i < len;) {
        size_t next = skip_comment(p, len, i, &unclosed);

        if (next > i) {
            s->comments = true;
            i = next;
            continue;
        }
        if (p[i] == '"') {
            i = skip_string(p, len, i);
            continue;
        }
        if (p[i] == '[' || p[i] == '{') {
            s->values++;
            s->depth++;
            s->deepest = s->depth > s->deepest ? s->depth : s->deepest;
        } else if (p[i] == ']' || p[i] == '}') {
            s->depth -= s->depth > 0 ? 1 : 0;
        } else if (p[i] == ',') {
            s->values++;
        }
        i++;
    }
}

/* Copies the text with blanks for comments; lines and columns stay what they are. */
static void
blank_comments(struct ut_sbuf *out, const char *p, size_t len)
{
    bool unclosed = false;

    for (size_t i = 0; i < len;) {
        size_t next = skip_comment(p, len, i, &unclosed);

        if (next > i) {
            for (; i < next; i++)
                ut_sbuf_addc(out, p[i] == '\n' ? '\n' : ' ');
            continue;
        }
        next = p[i] == '"' ? skip_string(p, len, i) : i + 1;
        ut_sbuf_add(out, p + i, next - i);
        i = next;
    }
}

/* --- Reading --------------------------------------------------------------------------------- */

static bool
read_value(struct hsl_run *r, json_t *j, struct hsl_value *out);

/* Both recurse no deeper than DEPTH_MAX: look_over() has seen to that. */
static bool
read_object(struct hsl_run *r, json_t *j, struct hsl_arr *a)
{
    const char *key;
    json_t *item;

    json_object_foreach(j, key, item)
    {
        struct hsl_value v = hsl_none();

        if (!read_value(r, item, &v) || !hsl_arr_setz(r, a, key, v) || !hsl_work(r, 32))
            return false;
    }
    return true;
}

static bool
read_list(struct hsl_run *r, json_t *j, struct hsl_arr *a)
{
    size_t count = json_array_size(j);

    for (size_t i = 0; i < count; i++) {
        struct hsl_value v = hsl_none();

        if (!read_value(r, json_array_get(j, i), &v) || !hsl_arr_push(r, a, v) || !hsl_work(r, 16))
            return false;
    }
    return true;
}

static bool
read_value(struct hsl_run *r, json_t *j, struct hsl_value *out)
{
    struct hsl_arr *a;
    bool ok;

    switch (json_typeof(j)) {
    case JSON_TRUE:
    case JSON_FALSE:
        *out = hsl_bool(json_is_true(j));
        return true;
    case JSON_INTEGER:
    case JSON_REAL:
        *out = hsl_num(json_number_value(j));
        return true;
    case JSON_STRING:
        return hsl_ret_str(r, out, json_string_value(j), json_string_length(j));
    case JSON_OBJECT:
    case JSON_ARRAY:
        a = hsl_arr_new(r, 0);
        if (!a)
            return false;
        ok = json_is_object(j) ? read_object(r, j, a) : read_list(r, j, a);
        if (ok)
            *out = hsl_from_arr(a);
        else
            hsl_unref(r, hsl_from_arr(a));
        return ok;
    default:
        return true;
    }
}

/* The text on its way to jansson, piece by piece: so a run that is over its limits stops it. */
struct feed {
    struct hsl_run *run;
    const char *p;
    size_t left;
};

static size_t
feed_piece(void *buffer, size_t size, void *arg)
{
    struct feed *f = arg;
    size_t n = f->left < size ? f->left : size;

    if (!hsl_work(f->run, n * 8))
        return (size_t)-1;
    memcpy(buffer, f->p, n);
    f->p += n;
    f->left -= n;
    return n;
}

static bool
parse(struct hsl_run *r, const char *p, size_t len, struct hsl_value *out,
    struct hsl_data_fault *fault)
{
    struct feed feed = {.run = r, .p = p, .left = len};
    json_error_t error;
    json_t *j = json_load_callback(
        feed_piece, &feed, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    bool ok = r->state == HSL_RUNNING && (!j || read_value(r, j, out));

    if (!j) {
        fault->line = error.line > 0 ? (unsigned)error.line : 1;
        fault->column = error.column > 0 ? (unsigned)error.column : 1;
        (void)snprintf(
            fault->text, sizeof(fault->text), "%.*s", (int)sizeof(fault->text) - 1, error.text);
    }
    json_decref(j);
    return ok;
}

bool
hsl_json_read(struct hsl_run *r, const char *p, size_t len, bool comments, struct hsl_value *out,
    struct hsl_data_fault *fault)
{
    struct ut_sbuf plain;
    struct survey survey;
    bool ok;

    *out = hsl_none();
    fault->text[0] = '\0';
    if (!hsl_work(r, len))
        return false;
    look_over(p, len, &survey);
    if (survey.deepest > DEPTH_MAX) {
        *fault = (struct hsl_data_fault){1, 1, "nested too deep"};
        return true;
    }
    if (survey.values > (r->heap.max - r->heap.live) / NODE_SIZE)
        return hsl_limit(r, HSL_L03, "memory (%zu bytes) exceeded", r->heap.max);
    if (!comments || !survey.comments)
        return parse(r, p, len, out, fault);
    ut_sbuf_init(&plain, len);
    blank_comments(&plain, p, len);
    if (plain.failed)
        ok = hsl_limit(r, HSL_L08, "out of memory");
    else
        ok = parse(r, ut_sbuf_text(&plain), plain.len, out, fault);
    ut_sbuf_fini(&plain);
    return ok;
}

static bool
fn_json_decode(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;
    struct hsl_data_fault fault;
    bool comments = false;

    return hsl_opt_bool(
               r, "json_decode", 2, argc > 1 ? &args[1] : NULL, "allow_comments", &comments) &&
           hsl_json_read(r, s->data, s->len, comments, out, &fault);
}

const struct hsl_builtin hsl_lib_json_rows[] = {
    {"json_encode", "v|o", 0, 0, .fn = fn_json_encode, "json_encode(v [, options])",
        "The value as JSON, or none if it cannot be: functions, objects, nan, text that is not "
        "UTF-8. Options: ensure_ascii (true), pretty_print (false).",
        .options = "ensure_ascii pretty_print"},
    {"json_decode", "s|o", 0, 0, .fn = fn_json_decode, "json_decode(s [, options])",
        "The value of a JSON text; none if it is no JSON, or has a name with a NUL in it. Option "
        "allow_comments (false).",
        .options = "allow_comments"},
    {.name = NULL},
};
