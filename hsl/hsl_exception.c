/* hsl_exception.c - the class Exception (language §11).
 *
 * Errors of the language make one and get a place from the VM; Exception("text") makes one without.
 * Not here: throwing and catching (hsl_vm_throw.c).
 * Threads: the run's. Fails: memory. */
#include "config.h"

#include "hsl/hsl_exception.h"
#include "hsl/hsl_lib.h"

struct exception {
    struct hsl_str *text;   /* one count */
    struct hsl_place place; /* line 0: none */
};

static struct exception *
data_of(const struct hsl_value *v)
{
    return v->u.obj->data;
}

static void
finish(struct hsl_run *r, struct hsl_obj *o)
{
    struct exception *e = o->data;

    if (!e)
        return;
    hsl_unref(r, hsl_from_str(e->text));
    hsl_heap_free(&r->heap, e, sizeof(*e));
    o->data = NULL;
}

/* --- Methods --------------------------------------------------------------------------------- */

static bool
message(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)argc;
    *out = hsl_ref(hsl_from_str(data_of(args)->text));
    return true;
}

static bool
file(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_place *p = &data_of(args)->place;

    (void)argc;
    return p->line == 0 || hsl_ret_str(r, out, p->file, strlen(p->file));
}

static bool
line(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_place *p = &data_of(args)->place;

    (void)r;
    (void)argc;
    if (p->line)
        *out = hsl_num(p->line);
    return true;
}

static bool
column(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_place *p = &data_of(args)->place;

    (void)r;
    (void)argc;
    if (p->line)
        *out = hsl_num(p->column);
    return true;
}

static bool
to_string(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct exception *e = data_of(args);
    struct ut_sbuf text;

    if (e->place.line == 0)
        return message(r, args, argc, out);
    ut_sbuf_init(&text, r->limits.max_string);
    ut_sbuf_addf(&text, "%s:%u:%u: ", e->place.file, e->place.line, e->place.column);
    ut_sbuf_add(&text, e->text->data, e->text->len);
    return hsl_ret_sbuf(r, out, &text);
}

static const struct hsl_builtin methods[] = {
    {"message", "v", 0, 0, .fn = message, "message()", "The text."},
    {"file", "v", 0, 0, .fn = file, "file()", "The file where it was thrown, or none."},
    {"line", "v", 0, 0, .fn = line, "line()", "The line there, from 1, or none."},
    {"column", "v", 0, 0, .fn = column, "column()", "The column there, in bytes from 1, or none."},
    {"toString", "v", 0, 0, .fn = to_string, "toString()", "file:line:column: text, as far as known."},
    {.name = NULL},
};

const struct hsl_class hsl_exception_class = {
    .name = "Exception", .finish = finish, .methods = methods};

/* --- Making ---------------------------------------------------------------------------------- */

/* Takes the count of [text]. */
static struct hsl_obj *
make(struct hsl_run *r, struct hsl_str *text)
{
    struct hsl_obj *o = hsl_obj_new(r, &hsl_exception_class);
    struct exception *e = o ? hsl_heap_alloc(&r->heap, sizeof(*e)) : NULL;

    if (!e) {
        if (o) {
            hsl_unref(r, (struct hsl_value){.u.obj = o, .type = HSL_OBJ});
            (void)hsl_raise_memory(r);
        }
        hsl_unref(r, hsl_from_str(text));
        return NULL;
    }
    *e = (struct exception){.text = text};
    o->data = e;
    return o;
}

struct hsl_obj *
hsl_exception_make(struct hsl_run *r, const char *text, size_t len)
{
    struct hsl_str *s = hsl_str_new(r, text, len);

    return s ? make(r, s) : NULL;
}

bool
hsl_exception_new(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_obj *o;

    (void)argc;
    o = make(r, hsl_ref(args[0]).u.str);
    if (o)
        *out = (struct hsl_value){.u.obj = o, .type = HSL_OBJ};
    return o != NULL;
}

void
hsl_exception_set_place(struct hsl_obj *o, const struct hsl_place *place)
{
    struct exception *e = o->data;

    if (e->place.line == 0)
        e->place = *place;
}

const struct hsl_str *
hsl_exception_text(const struct hsl_obj *o)
{
    const struct exception *e = o->data;

    return e->text;
}
