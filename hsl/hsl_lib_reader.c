/* hsl_lib_reader.c - the class File (library §14.1): a file or a text that is read piece by piece.
 *
 * Not here: whole files (hsl_lib_file.c), which files there are and when they are read again
 * (hsl_file.c). Threads: as the run. Fails: R07, R12, R15, limits. */
#include "config.h"

#include "hsl/hsl_file.h"
#include "hsl/hsl_lib.h"

struct reader {
    const char *p; /* the content: lent by the run, or by [text] */
    size_t len, at;
    bool closed;
    struct hsl_str *text; /* one count; NULL: it is a file */
    struct hsl_str *name; /* one count; NULL: it is a text */
};

static struct reader *
data_of(const struct hsl_value *v)
{
    return v->u.obj->data;
}

static void
drop(struct hsl_run *r, struct hsl_str *s)
{
    if (s)
        hsl_unref(r, hsl_from_str(s));
}

static void
finish(struct hsl_run *r, struct hsl_obj *o)
{
    struct reader *f = o->data;

    if (!f)
        return;
    drop(r, f->text);
    drop(r, f->name);
    hsl_heap_free(&r->heap, f, sizeof(*f));
    o->data = NULL;
}

/* --- Methods: none once it is closed -----------------------------------------------------------
 */

static bool
read_bytes(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct reader *f = data_of(args);
    size_t n = f->len - f->at;
    int64_t most = argc > 1 ? hsl_arg_int(&args[1]) : 0;

    if (most < 0)
        return hsl_raise(r, HSL_R15, "read(): the number is negative");
    if (f->closed)
        return true;
    if (argc > 1 && (uint64_t)most < n)
        n = (size_t)most;
    if (!hsl_ret_str(r, out, f->p + f->at, n))
        return false;
    f->at += n;
    return true;
}

static bool
read_line(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct reader *f = data_of(args);
    const char *start = f->p + f->at, *lf;
    size_t left = f->len - f->at, n;

    (void)argc;
    if (f->closed)
        return true;
    if (left == 0) {
        *out = hsl_bool(false);
        return true;
    }
    lf = memchr(start, '\n', left);
    n = lf ? (size_t)(lf - start) : left;
    if (!hsl_ret_str(r, out, start, lf && n > 0 && lf[-1] == '\r' ? n - 1 : n))
        return false;
    f->at += n + (lf ? 1 : 0);
    return true;
}

static bool
seek(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct reader *f = data_of(args);
    const char *whence = argc > 2 ? args[2].u.str->data : "SEEK_SET";
    int64_t to = hsl_arg_int(&args[1]);

    if (strcmp(whence, "SEEK_CUR") == 0)
        to += (int64_t)f->at;
    else if (strcmp(whence, "SEEK_END") == 0)
        to += (int64_t)f->len;
    else if (strcmp(whence, "SEEK_SET") != 0)
        return hsl_raise(r, HSL_R15, "seek(): from SEEK_SET, SEEK_CUR or SEEK_END");
    if (f->closed || to < 0 || to > (int64_t)f->len)
        return true;
    f->at = (size_t)to;
    *out = hsl_num((double)to);
    return true;
}

static bool
tell(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct reader *f = data_of(args);

    (void)r;
    (void)argc;
    if (!f->closed)
        *out = hsl_num((double)f->at);
    return true;
}

static bool
close_it(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)argc;
    (void)out;
    data_of(args)->closed = true;
    return true;
}

static bool
get_path(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct reader *f = data_of(args);

    (void)r;
    (void)argc;
    if (f->name && !f->closed)
        *out = hsl_ref(hsl_from_str(f->name));
    return true;
}

static const struct hsl_builtin methods[] = {
    {"read", "v|n", 0, 0, .fn = read_bytes, "read([n])", "That many bytes, or all that is left."},
    {"readline", "v", 0, 0, .fn = read_line, "readline()", "The next line, false at the end."},
    {"seek", "vn|s", 0, 0, .fn = seek, "seek(offset [, whence])", "The new position, or none."},
    {"tell", "v", 0, 0, .fn = tell, "tell()", "The position in bytes."},
    {"close", "v", 0, 0, .fn = close_it, "close()", "Ends reading."},
    {"getPath", "v", 0, 0, .fn = get_path, "getPath()", "The name it was opened by, or none."},
    {.name = NULL},
};

static const struct hsl_class reader_class = {
    .name = "File", .finish = finish, .methods = methods};

/* --- Making ------------------------------------------------------------------------------------
 */

/* An object that reads [init]; it has its own counts of name and text. */
static bool
make(struct hsl_run *r, const struct reader *init, struct hsl_value *out)
{
    struct hsl_obj *o = hsl_obj_new(r, &reader_class);
    struct reader *f;

    if (!o)
        return false;
    *out = (struct hsl_value){.u.obj = o, .type = HSL_OBJ};
    f = hsl_heap_alloc(&r->heap, sizeof(*f));
    if (!f)
        return hsl_raise_memory(r);
    *f = *init;
    if (f->text)
        (void)hsl_ref(hsl_from_str(f->text));
    if (f->name)
        (void)hsl_ref(hsl_from_str(f->name));
    o->data = f;
    return true;
}

static bool
fn_file(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct reader f = {.name = args[0].u.str};
    const struct hsl_file *content = hsl_file_get(r, f.name);

    (void)argc;
    if (!content)
        return false;
    f.p = hsl_file_data(content, &f.len);
    return make(r, &f, out);
}

static bool
fn_string(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_str *s = args[0].u.str;
    struct reader f = {.p = s->data, .len = s->len, .text = s};

    (void)argc;
    return make(r, &f, out);
}

const struct hsl_builtin hsl_lib_reader_rows[] = {
    {"File", "s", 0, HSL_BLOCKS, .fn = fn_file, "File(file)",
        "An object that reads a file: read([n]) gives that many bytes or the rest, \"\" at the "
        "end; "
        "readline() a line without its end, or false; seek(offset [, whence]) goes to a position "
        "from SEEK_SET, SEEK_CUR or SEEK_END and gives it, none if it is not in the file; tell() "
        "is "
        "the position, getPath() the name. After close() all give none.",
        .errors = "the file cannot be read, or is larger than 64 MiB; the number of bytes is "
                  "negative; whence is another"},
    {"File::String", "s", 0, 0, .fn = fn_string, "File::String(data)",
        "The same for the bytes of a string, which has no name."},
    {.name = NULL},
};
