/* hsl_vm_inl.h - the common cases of instructions and calls, inline: for hsl_vm.c, hsl_vm_op.c and
 * hsl_vm_call.c alone. */
#ifndef HSL_VM_INL_H
#define HSL_VM_INL_H

#include <math.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "hsl/hsl_arr.h"
#include "hsl/hsl_obj.h"
#include "hsl/hsl_vm.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

static inline bool
both_num(const struct hsl_value *a, const struct hsl_value *b)
{
    return LIKELY(a->type == HSL_NUM) && LIKELY(b->type == HSL_NUM);
}

/* What an operand of EXT says: a register or a constant. */
static inline struct hsl_value *
operand(struct hsl_value *regs, struct hsl_value *k, unsigned o)
{
    return o & HSL_OPERAND_K ? &k[o & ~HSL_OPERAND_K] : &regs[o];
}

/* Mostly a number takes the place of a number. */
static inline void
set_num(struct hsl_run *r, struct hsl_value *dst, double n)
{
    if (UNLIKELY(dst->type != HSL_NUM)) {
        if (hsl_is_counted(dst))
            hsl_drop(r, dst);
        dst->type = HSL_NUM;
    }
    dst->u.num = n;
}

static inline void
set_bool(struct hsl_run *r, struct hsl_value *dst, bool b)
{
    struct hsl_value v = hsl_bool(b);

    if (UNLIKELY(hsl_is_counted(dst)))
        hsl_drop(r, dst);
    hsl_copy(dst, &v);
}

/* Puts a value into a register that mostly holds nothing counted; takes the count. */
static inline void
set(struct hsl_run *r, struct hsl_value *dst, struct hsl_value v)
{
    struct hsl_value old;

    if (UNLIKELY(hsl_is_counted(dst))) {
        old = *dst;
        hsl_copy(dst, &v);
        hsl_unref(r, old);
    } else {
        hsl_copy(dst, &v);
    }
}

/* The same with one more owner of what is in [src]. */
static inline void
set_shared(struct hsl_run *r, struct hsl_value *dst, const struct hsl_value *src)
{
    struct hsl_value old;

    if (UNLIKELY(hsl_is_counted(src)))
        hsl_rc_ref(src->u.rc);
    if (UNLIKELY(hsl_is_counted(dst))) {
        old = *dst;
        hsl_copy(dst, src);
        hsl_unref(r, old);
    } else {
        hsl_copy(dst, src);
    }
}

/* The same with what a source operand holds: shared with a variable, moved out of a temporary. */
static inline void
set_from(struct hsl_run *r, struct hsl_value *dst, struct hsl_value *src, bool temporary)
{
    if (!temporary) {
        set_shared(r, dst, src);
    } else {
        set(r, dst, *src);
        src->type = HSL_NONE;
    }
}

/* Takes what a source operand holds: moved out of a temporary, shared with a variable. */
static inline struct hsl_value
take(struct hsl_value *src, bool temporary)
{
    struct hsl_value v;

    hsl_copy(&v, src);
    if (temporary)
        src->type = HSL_NONE;
    else
        hsl_ref(v);
    return v;
}

/* Gives up the sources of an instruction that are temporaries. */
static inline void
drop_sources(struct hsl_run *r, const struct hsl_ins *i, struct hsl_value *s0, struct hsl_value *s1)
{
    if (i->x & 1)
        hsl_drop(r, s0);
    if (i->x & 2)
        hsl_drop(r, s1);
}

/* The index that a key is in a list, truncated toward zero; what no list can have for a key that is
 * none. */
static inline uint64_t
list_index(double key)
{
#ifdef __SSE2__
    return (uint64_t)_mm_cvttsd_si64(_mm_set_sd(key)); /* out of range: 2^63 */
#else
    return key > -1.0 && key < 4294967296.0 ? (uint64_t)key : UINT64_MAX;
#endif
}

/* What fmod() gives, without it where both are whole and in range. */
static inline double
modulo(double a, double b)
{
    if (a >= 0 && a < 4294967296.0 && b >= 1 && b < 4294967296.0) {
        uint32_t x = (uint32_t)a, y = (uint32_t)b;

        if ((double)x == a && (double)y == b)
            return (double)(x % y);
    }
    return fmod(a, b);
}

static inline uint64_t
bits(double d)
{
    uint64_t u;

    memcpy(&u, &d, sizeof(u));
    return u;
}

/* The same for a divisor that is whole and fits; false: [a] is not whole or does not, or is -0. */
static inline bool
modulo_whole(double a, uint32_t b, double *out)
{
    uint64_t x = list_index(a);

    if (bits((double)(int64_t)x) != bits(a) || x > UINT32_MAX)
        return false;
    *out = (double)((uint32_t)x % b);
    return true;
}

static inline bool
in_int32(double d)
{
    return d >= -2147483648.0 && d <= 2147483647.0;
}

/* True for a text that is surely no integer as a key: most are told by their first byte. Long ones
 * go another way, on which comparing them is counted. */
static inline bool
is_plain_text(const struct hsl_value *key)
{
    return key->type == HSL_STR && (unsigned char)key->u.str->data[0] > '9' &&
           key->u.str->len < HSL_WORK_TEXT;
}

/* The element of a hash under a text that is no integer; NULL if missing. */
static inline const struct hsl_value *
find_text(const struct hsl_arr *a, struct hsl_str *s)
{
    const struct hsl_entry *e = hsl_arr_find_str(a, s);

    return e ? &e->val : NULL;
}

/* regs[a] = element [v] of the array in temporary regs[b]. */
void
hsl_vm_get_of_temp(
    struct hsl_run *r, struct hsl_value *regs, const struct hsl_ins *i, const struct hsl_value *v);

/* regs[a] = element [v] of the array in regs[b]; NULL: it is missing. */
static inline void
get_element(
    struct hsl_run *r, struct hsl_value *regs, const struct hsl_ins *i, const struct hsl_value *v)
{
    static const struct hsl_value none = {.type = HSL_NONE};

    if (UNLIKELY(!v))
        v = &none;
    if (UNLIKELY(i->x & 1))
        hsl_vm_get_of_temp(r, regs, i, v);
    else
        set_shared(r, hsl_reg(regs, i->a), v);
}

/* The element that is there in a list that nobody else owns; NULL: not that simple. */
static inline struct hsl_value *
own_element(const struct hsl_value *v, const struct hsl_value *key)
{
    const struct hsl_arr *a = v->u.arr;
    uint64_t at;

    if (LIKELY(v->type == HSL_ARR && key->type == HSL_NUM && a->rc.refs == 1 && a->mask == 0)) {
        at = list_index(key->u.num);
        if (LIKELY(at < a->count))
            return &a->d.vals[at];
    }
    return NULL;
}

/* The place of an element in an array that nobody else owns: one that is there, or the next of a
 * list that has room. NULL: not that simple. */
static inline struct hsl_value *
own_place(const struct hsl_value *v, const struct hsl_value *key)
{
    struct hsl_arr *a = v->u.arr;
    struct hsl_value *place = own_element(v, key);
    struct hsl_entry *e;

    if (place || v->type != HSL_ARR || a->rc.refs != 1)
        return place;
    if (key->type == HSL_NUM && a->mask == 0) {
        if (list_index(key->u.num) != a->count || a->used == a->cap)
            return NULL;
        a->count++;
        a->d.vals[a->used].type = HSL_NONE;
        return &a->d.vals[a->used++];
    }
    if (a->mask == 0 || !is_plain_text(key))
        return NULL;
    e = hsl_arr_find_str(a, key->u.str);
    return e ? &e->val : NULL;
}

/* The next element of the iterator at [a], lent, or NULL. */
static inline const struct hsl_value *
next_value(struct hsl_value *a)
{
    const struct hsl_arr *arr = a->u.arr;
    uint64_t pos = a[1].u.pos;

    if (LIKELY(arr->mask == 0)) {
        a[1].u.pos = pos + 1;
        return pos < arr->count ? &arr->d.vals[pos] : NULL;
    }
    while (pos < arr->used && arr->d.entries[pos].kind == 0)
        pos++;
    a[1].u.pos = pos + 1;
    return pos < arr->used ? &arr->d.entries[pos].val : NULL;
}

/* The key, lent, of the element that next_value() gave last. */
static inline struct hsl_value
last_key(const struct hsl_value *a)
{
    uint64_t pos = a[1].u.pos - 1;
    const struct hsl_entry *e;

    if (a->u.arr->mask == 0)
        return hsl_num((double)pos);
    e = &a->u.arr->d.entries[pos];
    return e->kind == HSL_STR ? hsl_from_str(e->key.s) : hsl_num((double)e->key.i);
}

/* The place of declared variable [name] in the object [v], if code of frame [f] may have it so;
 * NULL: not that simple. */
static inline struct hsl_value *
declared(
    const struct hsl_frame *f, const struct hsl_value *v, const struct hsl_str *name, bool write)
{
    const struct hsl_class *cls;
    const struct hsl_member *found;

    if (UNLIKELY(v->type != HSL_OBJ))
        return NULL;
    cls = v->u.obj->cls;
    found = cls->members ? hsl_member_find(cls->members, name) : NULL;
    if (!found || found->kind != HSL_MEMBER_VAR)
        return NULL;
    if ((found->is_private || (write && found->is_readonly)) && f->proto->cls != cls)
        return NULL;
    return &v->u.obj->slots[found->slot];
}

/* Does the SLOTOP or PROPOP at [i] on [v] if that adds or subtracts numbers. */
static inline bool
add_in_place(
    struct hsl_run *r, struct hsl_value *regs, const struct hsl_ins *i, struct hsl_value *v)
{
    const struct hsl_value *by = hsl_reg(regs, i->b);

    if (!both_num(v, by) || i[1].a > HSL_OP_SUB)
        return false;
    v->u.num += i[1].a == HSL_OP_ADD ? by->u.num : -by->u.num;
    if (i->c != HSL_NO_REG)
        set_num(r, hsl_reg(regs, i->c), v->u.num);
    return true;
}

/* The function that `base->name(argc arguments)` calls in frame [f], if it takes just so many and
 * the stack has room; NULL: not that simple. */
static inline const struct hsl_proto *
plain_method(const struct hsl_machine *m, const struct hsl_frame *f, const struct hsl_value *base,
    const struct hsl_str *name, unsigned argc)
{
    const struct hsl_class *cls;
    const struct hsl_member *found;
    const struct hsl_proto *p;

    if (UNLIKELY(base->type != HSL_OBJ))
        return NULL;
    cls = base->u.obj->cls;
    found = cls->members ? hsl_member_find(cls->members, name) : NULL;
    if (!found || found->kind != HSL_MEMBER_METHOD || (found->is_private && f->proto->cls != cls))
        return NULL;
    p = found->proto;
    if (!p->is_fixed || argc + 1 != p->params || f + 1 == m->frame_end ||
        (size_t)(m->stack_end - base) < p->regs)
        return NULL;
    return p;
}

/* The code that [callee] runs when called with [argc] arguments, which lie from [at] on, if it
 * takes just so many and neither $this nor a rest, and the stack has room; NULL: not that simple.
 */
static inline const struct hsl_proto *
plain_function(const struct hsl_machine *m, const struct hsl_frame *f,
    const struct hsl_value *callee, const struct hsl_value *at, unsigned argc)
{
    const struct hsl_proto *p;

    if (UNLIKELY(callee->type != HSL_FN || callee->u.fn->kind != HSL_FN_USER))
        return NULL;
    p = callee->u.fn->proto;
    if (!p->is_simple || argc != p->params || f + 1 == m->frame_end ||
        (size_t)(m->stack_end + HSL_STACK_SLACK - at) < p->regs + (size_t)HSL_STACK_SLACK)
        return NULL;
    return p;
}

/* The next frame, for [p] with all its parameters at [base], where all its registers fit. Variables
 * from [first] on become undefined. */
static inline struct hsl_frame *
push_frame(struct hsl_machine *m, struct hsl_frame *f, const struct hsl_proto *p,
    struct hsl_value *base, struct hsl_value *first)
{
    f++;
    f->regs = base;
    f->proto = p;
    f->segments = 0;
    f->kind = HSL_FRAME_CALL;
    for (struct hsl_value *v = first, *end = base + p->locals; v < end; v++)
        v->type = HSL_UNDEF;
    m->frame = f;
    return f;
}

/* The same for function value [fn], as plain_function() allowed it. */
static inline struct hsl_frame *
push_function(
    struct hsl_machine *m, struct hsl_frame *f, const struct hsl_fn *fn, struct hsl_value *base)
{
    const struct hsl_proto *p = fn->proto;
    struct hsl_value *v = base + p->params;

    for (unsigned i = 0; i < p->capture_count; i++, v++) {
        v->u.cell = fn->captures[i];
        v->type = HSL_CELL;
        v->u.cell->rc.refs++;
    }
    return push_frame(m, f, p, base, v);
}

/* A value has no truth of its own before it is looked at; the two common ones are decided here. */
static inline bool
truth(const struct hsl_value *v)
{
    return LIKELY(v->type == HSL_BOOL) ? v->u.b : hsl_truth(v);
}

/* The truth of a source operand, which is given up if it is a temporary. */
static inline bool
take_truth(struct hsl_run *r, struct hsl_value *v, bool temporary)
{
    bool is;

    if (LIKELY(v->type == HSL_BOOL))
        return v->u.b;
    is = hsl_truth(v);
    if (temporary)
        hsl_drop(r, v);
    return is;
}

/* --- hsl_vm_op.c ------------------------------------------------------------------------------ */

/* regs[a] = regs[b] operator c. Where a and b are the same place it may be changed in place. */
bool
hsl_vm_binary(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i,
    enum hsl_op op, const struct hsl_value *c) UT_CHECKED;
/* The same for `.`: a string on the left that nobody else sees is appended to. */
bool
hsl_vm_concat(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i,
    const struct hsl_value *c) UT_CHECKED;
bool
hsl_vm_unary(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i,
    enum hsl_op op) UT_CHECKED;
/* 1 true, 0 false, -1 failed. Gives up temporaries. */
int
hsl_vm_compare(struct hsl_machine *m, const struct hsl_ins *i, enum hsl_op op, struct hsl_value *a,
    struct hsl_value *b) UT_CHECKED;
/* regs[a] = regs[b][c] */
bool
hsl_vm_get_index(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i,
    struct hsl_value *c) UT_CHECKED;
/* regs[a][key] = val; [s0] and [s1] are the sources of the instruction. */
bool
hsl_vm_set_index(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i,
    const struct hsl_value *key, const struct hsl_value *val, struct hsl_value *s0,
    struct hsl_value *s1) UT_CHECKED;
/* regs[a] and the one behind it = iterator over regs[b]: the array, shared so that the loop sees it
 * as it was, and the position. */
bool
hsl_vm_start_iterator(
    struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i) UT_CHECKED;
/* The place in the code that a text selects in switch [s], or -1. */
long
hsl_vm_switch_target(const struct hsl_switch *s, struct hsl_str *text);

#endif
