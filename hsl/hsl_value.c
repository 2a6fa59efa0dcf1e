/* hsl_value.c - the end of values, and objects.
 *
 * hsl_destroy() must not recurse: a script can nest arrays a million deep. So it keeps a list of
 * dead containers, linked through fields of theirs that nobody needs any more, and takes them apart
 * one after the other; elements whose last owner they were join the list. The list hangs in the
 * run, so that a class's finish that drops values of its own only adds to it.
 *
 * Not here: making strings and arrays (hsl_str.c, hsl_arr.c), functions (the VM).
 * Threads: the run's. Fails: hsl_obj_new() by memory. */
#include "hsl/hsl_arr.h"
#include "hsl/hsl_obj.h"

/* In the list rc.refs, 0 by now, holds the type; where the link is depends on it. */
static struct hsl_rc *
unlink_dead(struct hsl_rc *rc)
{
    switch (rc->refs) {
    case HSL_ARR:
        return ((struct hsl_arr *)rc)->u.dead;
    case HSL_FN:
        return (struct hsl_rc *)(uintptr_t)((struct hsl_fn *)rc)->proto;
    default: /* object */
        return ((struct hsl_obj *)rc)->props.u.rc;
    }
}

/* One owner of [v] less; without one left, plain things are freed and containers join the list. */
static void
drop(struct hsl_run *r, struct hsl_value v)
{
    while (hsl_is_counted(&v) && !(v.u.rc->refs & HSL_RC_STATIC) && --v.u.rc->refs == 0) {
        struct hsl_cell *cell = v.u.cell;

        if (v.type == HSL_STR) {
            hsl_str_free(r, v.u.str);
            return;
        }
        if (v.type != HSL_CELL) {
            struct hsl_value props = hsl_none();

            v.u.rc->refs = v.type;
            if (v.type == HSL_ARR) {
                v.u.arr->u.dead = r->dead;
            } else if (v.type == HSL_FN) {
                v.u.fn->proto = (const struct hsl_proto *)(const void *)r->dead;
            } else {
                props = v.u.obj->props;
                v.u.obj->props.u.rc = r->dead;
            }
            r->dead = v.u.rc;
            v = props;
            continue;
        }
        v = cell->v;
        hsl_heap_free(&r->heap, cell, sizeof(*cell));
    }
}

/* The same with the two common cases inline. */
static inline void
drop_element(struct hsl_run *r, const struct hsl_value *v)
{
    if (!hsl_is_counted(v) || (v->u.rc->refs & HSL_RC_STATIC))
        return;
    if (v->u.rc->refs > 1)
        v->u.rc->refs--;
    else if (v->type == HSL_STR)
        hsl_str_free(r, v->u.str);
    else
        drop(r, *v);
}

static void
free_arr(struct hsl_run *r, struct hsl_arr *a)
{
    uint32_t i;

    for (i = 0; a->mask == 0 && i < a->count; i++)
        drop_element(r, &a->d.vals[i]);
    for (i = 0; a->mask != 0 && i < a->used; i++) {
        struct hsl_entry *e = &a->d.entries[i];

        if (e->kind == HSL_STR && !(e->key.s->rc.refs & HSL_RC_STATIC))
            drop(r, hsl_from_str(e->key.s));
        if (e->kind)
            drop_element(r, &e->val);
    }
    hsl_arr_free_memory(r, a);
}

static void
free_fn(struct hsl_run *r, struct hsl_fn *fn)
{
    unsigned i;

    for (i = 0; i < fn->capture_count; i++)
        drop(r, (struct hsl_value){.u.cell = fn->captures[i], .type = HSL_CELL});
    drop(r, fn->self);
    hsl_heap_free(&r->heap, fn, sizeof(*fn) + fn->capture_count * sizeof(struct hsl_cell *));
}

static void
finish_obj(struct hsl_run *r, struct hsl_obj *o)
{
    if (!o->prev)
        return;
    *o->prev = o->next;
    if (o->next)
        o->next->prev = o->prev;
    o->prev = NULL;
    o->cls->finish(r, o);
}

static void
free_obj(struct hsl_run *r, struct hsl_obj *o)
{
    uint32_t slots = hsl_class_slots(o->cls);

    finish_obj(r, o);
    for (uint32_t i = 0; i < slots; i++) {
        if (hsl_is_counted(&o->slots[i]))
            drop(r, o->slots[i]);
    }
    hsl_heap_free(&r->heap, o, hsl_obj_size(slots));
}

void
hsl_destroy(struct hsl_run *r, struct hsl_value v)
{
    struct hsl_rc *rc;

    if (v.type == HSL_STR) {
        hsl_str_free(r, v.u.str);
        return;
    }
    if (v.type == HSL_ARR && !r->destroying) {
        r->destroying = true;
        free_arr(r, v.u.arr);
    } else if (v.type == HSL_OBJ && !r->destroying) {
        r->destroying = true;
        drop(r, v.u.obj->props);
        free_obj(r, v.u.obj);
    } else {
        v.u.rc->refs = 1; /* the count that drop() takes */
        drop(r, v);
        if (r->destroying)
            return;
        r->destroying = true;
    }
    while ((rc = r->dead) != NULL) {
        r->dead = unlink_dead(rc);
        if (rc->refs == HSL_ARR) {
            free_arr(r, (struct hsl_arr *)rc);
        } else if (rc->refs == HSL_FN) {
            free_fn(r, (struct hsl_fn *)rc);
        } else {
            free_obj(r, (struct hsl_obj *)rc);
        }
    }
    r->destroying = false;
}

struct hsl_obj *
hsl_obj_new(struct hsl_run *r, const struct hsl_class *cls)
{
    struct hsl_obj *o = hsl_heap_alloc(&r->heap, sizeof(*o));

    if (!o) {
        hsl_raise_memory(r);
        return NULL;
    }
    memset(o, 0, sizeof(*o));
    o->rc.refs = 1;
    o->cls = cls;
    if (!cls->finish)
        return o;
    o->next = r->objects;
    o->prev = &r->objects;
    if (o->next)
        o->next->prev = &o->next;
    r->objects = o;
    return o;
}

void
hsl_obj_finish_all(struct hsl_run *r)
{
    while (r->objects)
        finish_obj(r, r->objects);
}
