/* hsl_obj.h - classes that scripts declare, and the properties of their objects.
 *
 * A declared variable has a place, its slot, in every object of the class; what is added to an
 * object later lies in its array of properties. Names are found in a hash that the class has, which
 * is part of the program and shared by threads: one probe, mostly, that compares two pointers,
 * since a program has each of its names once. */
#ifndef HSL_OBJ_H
#define HSL_OBJ_H

#include "hsl/hsl_run.h"

struct hsl_proto;

extern const struct hsl_class hsl_object_class; /* of `object [...]` */

enum hsl_member_kind {
    HSL_MEMBER_VAR,    /* slot */
    HSL_MEMBER_METHOD, /* proto */
    HSL_MEMBER_STATIC  /* function or variable: not to be had through objects */
};

struct hsl_member {
    const struct hsl_str *name; /* a constant; NULL: this place of the hash is free */
    const struct hsl_proto *proto;
    uint16_t slot;
    uint8_t kind; /* enum hsl_member_kind */
    bool is_private, is_readonly;
};

struct hsl_members {
    uint32_t mask; /* places of [table] - 1 */
    uint32_t slot_count;
    const struct hsl_value *init;        /* what the slots begin with: constants */
    const struct hsl_proto *constructor; /* or NULL */
    const struct hsl_member *table;
};

static inline uint32_t
hsl_class_slots(const struct hsl_class *c)
{
    return c->members ? c->members->slot_count : 0;
}

/* Bytes of an object with [slots] declared variables. */
static inline size_t
hsl_obj_size(uint32_t slots)
{
    return sizeof(struct hsl_obj) + slots * sizeof(struct hsl_value);
}

/* The member of that name, or NULL. [name] is a constant, so that its hash is known. */
static inline const struct hsl_member *
hsl_member_find(const struct hsl_members *m, const struct hsl_str *name)
{
    for (uint32_t at = name->hash & m->mask;; at = (at + 1) & m->mask) {
        const struct hsl_member *found = &m->table[at];

        if (found->name == name || !found->name)
            return found->name ? found : NULL;
        if (found->name->hash == name->hash && hsl_str_equal(found->name, name))
            return found;
    }
}

/* A new object of a script's class, its variables set, its constructor not yet called; one count.
 * NULL: error set. */
struct hsl_obj *
hsl_obj_make(struct hsl_run *r, const struct hsl_class *cls) UT_CHECKED;
/* hsl_class.text of all scripts' objects: their toString(). In the VM (hsl_vm_call.c). */
bool
hsl_obj_text(struct hsl_run *r, struct hsl_obj *o, struct hsl_value *out) UT_CHECKED;
/* o[key] = o->key as code of class [from] (NULL: of none) sees it: none if missing. New count.
 * false: R05, R08, R13. */
bool
hsl_obj_get(struct hsl_run *r, struct hsl_obj *o, const struct hsl_value *key,
    const struct hsl_class *from, struct hsl_value *out) UT_CHECKED;
bool
hsl_obj_isset(struct hsl_run *r, struct hsl_obj *o, const struct hsl_value *key,
    const struct hsl_class *from, bool *is) UT_CHECKED;
/* The place of property [key], made if missing; lent while the object lives and none is added. A
 * readonly one may be had by others for what it refers to: if [through] and it is an object. NULL:
 * error set. */
struct hsl_value *
hsl_obj_place(struct hsl_run *r, struct hsl_obj *o, const struct hsl_value *key,
    const struct hsl_class *from, bool through) UT_CHECKED;
/* The same if it is there, else NULL: look at the state of the run. */
struct hsl_value *
hsl_obj_existing(struct hsl_run *r, struct hsl_obj *o, const struct hsl_value *key,
    const struct hsl_class *from, bool through) UT_CHECKED;
/* Takes the property away; true if it was there. */
bool
hsl_obj_unset(struct hsl_run *r, struct hsl_obj *o, const struct hsl_value *key,
    const struct hsl_class *from);

#endif
