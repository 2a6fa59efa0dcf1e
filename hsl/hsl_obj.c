/* hsl_obj.c - properties of objects: declared ones in slots, others in an array; who may see them.
 *
 * Objects of `object [...]` have the array alone, and so have those of built-in classes, whose
 * properties nobody but their class writes.
 *
 * Not here: the instructions (hsl_vm_obj.c), the end of objects (hsl_value.c).
 * Threads: the run's. Fails: R03, R05, R08, R13, memory. */
#include "config.h"

#include "hsl/hsl_obj.h"

#include "hsl/hsl_arr.h"
#include "hsl/hsl_lib.h"

const struct hsl_class hsl_object_class = {.name = "object", .text = hsl_obj_text};

struct hsl_obj *
hsl_obj_make(struct hsl_run *r, const struct hsl_class *cls)
{
    const struct hsl_members *m = cls->members;
    struct hsl_obj *o = hsl_heap_alloc(&r->heap, hsl_obj_size(m->slot_count));

    if (!o) {
        (void)hsl_raise_memory(r);
        return NULL;
    }
    o->rc.refs = 1;
    o->cls = cls;
    o->props = hsl_none();
    o->data = NULL;
    o->prev = NULL;
    for (uint32_t i = 0; i < m->slot_count; i++)
        o->slots[i] = m->init[i];
    return o;
}

/* --- Members --------------------------------------------------------------------------------- */

static bool
bad_key(struct hsl_run *r, const struct hsl_value *key)
{
    return hsl_raise(r, HSL_R05, "invalid array key of type %s", hsl_type_name(key));
}

/* What the class declares under [key], or NULL. */
static const struct hsl_member *
find_member(const struct hsl_obj *o, const struct hsl_value *key)
{
    if (!o->cls->members || key->type != HSL_STR)
        return NULL;
    (void)hsl_str_hash(key->u.str);
    return hsl_member_find(o->cls->members, key->u.str);
}

static bool
refuse(struct hsl_run *r, const struct hsl_member *m, const char *what)
{
    return hsl_raise(r, HSL_R13, "%s is %s", m->name->data, what);
}

/* False, and why, if code of [from] must not touch the member. */
static bool
may_read(struct hsl_run *r, const struct hsl_obj *o, const struct hsl_member *m,
    const struct hsl_class *from)
{
    if (m->is_private && from != o->cls)
        return refuse(r, m, "private");
    if (m->kind != HSL_MEMBER_STATIC)
        return true;
    if (m->proto)
        return hsl_raise(r, HSL_R08, "unknown method %s", m->name->data);
    return hsl_raise(
        r, HSL_R08, "%s is static: write %s::$%s", m->name->data, o->cls->name, m->name->data);
}

/* A declared name that is to be written. [through]: only if it refers to an object that is. */
static bool
may_write(struct hsl_run *r, const struct hsl_obj *o, const struct hsl_member *m,
    const struct hsl_class *from, bool through)
{
    if (!may_read(r, o, m, from))
        return false;
    if (m->kind == HSL_MEMBER_METHOD)
        return refuse(r, m, "a function of the class");
    if (!m->is_readonly || from == o->cls)
        return true;
    return (through && o->slots[m->slot].type == HSL_OBJ) || refuse(r, m, "readonly");
}

/* --- Reading --------------------------------------------------------------------------------- */

static bool
bind(struct hsl_run *r, struct hsl_obj *o, const struct hsl_proto *proto,
    const struct hsl_builtin *row, struct hsl_value *out)
{
    struct hsl_fn *fn = hsl_heap_alloc(&r->heap, sizeof(*fn));

    if (!fn)
        return hsl_raise_memory(r);
    *fn = (struct hsl_fn){.rc = {1},
        .kind = proto ? HSL_FN_USER : HSL_FN_BUILTIN,
        .proto = proto,
        .self = hsl_ref((struct hsl_value){.u.obj = o, .type = HSL_OBJ})};
    fn->builtin = row;
    *out = (struct hsl_value){.u.fn = fn, .type = HSL_FN};
    return true;
}

bool
hsl_obj_get(struct hsl_run *r, struct hsl_obj *o, const struct hsl_value *key,
    const struct hsl_class *from, struct hsl_value *out)
{
    const struct hsl_member *m = find_member(o, key);
    const struct hsl_builtin *row = NULL;
    const struct hsl_value *v = NULL;
    bool bad = false;

    *out = hsl_none();
    if (m && !may_read(r, o, m, from))
        return false;
    if (m && m->kind == HSL_MEMBER_METHOD)
        return bind(r, o, m->proto, NULL, out);
    if (m)
        v = &o->slots[m->slot];
    else if (o->props.type == HSL_ARR)
        v = hsl_arr_get(o->props.u.arr, key, &bad);
    else
        bad = key->type == HSL_ARR || key->type == HSL_FN || key->type == HSL_OBJ;
    if (bad)
        return bad_key(r, key);
    if (v && v->type != HSL_UNDEF)
        *out = hsl_ref(*v);
    if (!v && key->type == HSL_STR)
        row = hsl_class_method(o->cls, key->u.str->data, key->u.str->len);
    return !row || bind(r, o, NULL, row, out);
}

bool
hsl_obj_isset(struct hsl_run *r, struct hsl_obj *o, const struct hsl_value *key,
    const struct hsl_class *from, bool *is)
{
    const struct hsl_member *m = find_member(o, key);
    bool bad = false;

    *is = false;
    if (m && !may_read(r, o, m, from))
        return false;
    if (m)
        *is = m->kind == HSL_MEMBER_METHOD || o->slots[m->slot].type != HSL_UNDEF;
    else if (o->props.type == HSL_ARR)
        *is = hsl_arr_get(o->props.u.arr, key, &bad) != NULL;
    return bad ? bad_key(r, key) : true;
}

/* --- Writing --------------------------------------------------------------------------------- */

/* The array of properties, made if there is none, nobody else's. NULL: error set. */
static struct hsl_arr *
own_props(struct hsl_run *r, struct hsl_obj *o)
{
    struct hsl_arr *a;

    if (!o->cls->members && o->cls != &hsl_object_class) {
        (void)hsl_raise(r, HSL_R03, "cannot use %s as array", "object");
        return NULL;
    }
    if (o->props.type == HSL_ARR)
        return hsl_arr_own(r, &o->props) ? o->props.u.arr : NULL;
    a = hsl_arr_new(r, 0);
    if (a)
        o->props = hsl_from_arr(a);
    return a;
}

struct hsl_value *
hsl_obj_place(struct hsl_run *r, struct hsl_obj *o, const struct hsl_value *key,
    const struct hsl_class *from, bool through)
{
    const struct hsl_member *m = find_member(o, key);
    struct hsl_value *v;
    struct hsl_arr *a;

    if (!m) {
        a = own_props(r, o);
        if (!a)
            return NULL;
        if (key->type == HSL_UNDEF && !o->cls->members)
            return hsl_arr_slot_push(r, a);
        if (key->type != HSL_UNDEF)
            return hsl_arr_slot(r, a, key);
        (void)hsl_raise(r, HSL_R03, "cannot use object as array");
        return NULL;
    }
    if (!may_write(r, o, m, from, through))
        return NULL;
    v = &o->slots[m->slot];
    if (v->type == HSL_UNDEF)
        *v = hsl_none();
    return v;
}

struct hsl_value *
hsl_obj_existing(struct hsl_run *r, struct hsl_obj *o, const struct hsl_value *key,
    const struct hsl_class *from, bool through)
{
    bool is;

    if (key->type == HSL_UNDEF || !hsl_obj_isset(r, o, key, from, &is) || !is)
        return NULL;
    return hsl_obj_place(r, o, key, from, through);
}

bool
hsl_obj_unset(
    struct hsl_run *r, struct hsl_obj *o, const struct hsl_value *key, const struct hsl_class *from)
{
    const struct hsl_member *m = find_member(o, key);
    struct hsl_value *v = hsl_obj_existing(r, o, key, from, false), old;

    if (!v)
        return false;
    if (!m)
        return hsl_arr_del(r, o->props.u.arr, key);
    old = *v;
    v->type = HSL_UNDEF;
    hsl_unref(r, old);
    return true;
}
