/* hsl_vm_path.c - elements of arrays and objects: reading, and writing through paths of keys.
 *
 * `$a["x"][] += 1` is one instruction: the path is walked from the variable down, each array on it
 * is made this variable's own (copied one level if somebody else has a share) and each missing
 * level is made. So nested arrays are changed in place, and a copy of one elsewhere never sees it.
 *
 * Places of elements do not survive a call of script code. Operators may call some (toString() of
 * an object), so with objects the result is computed apart and the path is walked again to store
 * it.
 *
 * Threads: one per machine. Fails: R03, R05, limits. */
#include "config.h"

#include "hsl/hsl_arr.h"
#include "hsl/hsl_obj.h"
#include "hsl/hsl_vm.h"

static bool
bad_key(struct hsl_machine *m, const struct hsl_value *key)
{
    return hsl_raise(&m->run, HSL_R05, "invalid array key of type %s", hsl_type_name(key));
}

/* --- Reading --------------------------------------------------------------------------------- */

/* The class whose code runs. */
static const struct hsl_class *
current_class(const struct hsl_machine *m)
{
    return m->frame->proto->cls;
}

bool
hsl_vm_index(struct hsl_machine *m, const struct hsl_value *v, const struct hsl_value *key,
    struct hsl_value *out)
{
    const struct hsl_value *e;
    bool bad = false;

    if (!hsl_work_text(&m->run, key))
        return false;
    switch (v->type) {
    case HSL_ARR:
        e = hsl_arr_get(v->u.arr, key, &bad);
        if (bad)
            return bad_key(m, key);
        *out = e ? hsl_ref(*e) : hsl_none();
        return true;
    case HSL_OBJ:
        return hsl_obj_get(&m->run, v->u.obj, key, current_class(m), out);
    case HSL_UNDEF:
        *out = hsl_none();
        return true;
    default:
        return hsl_subscript(&m->run, v, key, out);
    }
}

bool
hsl_vm_isset(
    struct hsl_machine *m, const struct hsl_value *v, const struct hsl_value *key, bool *is)
{
    struct hsl_value e;
    bool bad = false;

    *is = false;
    if (!hsl_work_text(&m->run, key))
        return false;
    if (v->type == HSL_OBJ)
        return hsl_obj_isset(&m->run, v->u.obj, key, current_class(m), is);
    if (v->type == HSL_ARR) {
        *is = hsl_arr_get(v->u.arr, key, &bad) != NULL;
        return bad ? bad_key(m, key) : true;
    }
    if (v->type != HSL_STR)
        return true;
    if (!hsl_subscript(&m->run, v, key, &e))
        return false;
    *is = e.type != HSL_NONE;
    hsl_unref(&m->run, e);
    return true;
}

/* --- Writing --------------------------------------------------------------------------------- */

/* The array in [v], one that nobody else owns, made if there is nothing yet; NULL: error set. */
static struct hsl_arr *
own_elements(struct hsl_machine *m, struct hsl_value *v)
{
    if (v->type == HSL_ARR)
        return v->u.arr->rc.refs == 1 || hsl_arr_own(&m->run, v) ? v->u.arr : NULL;
    if (v->type == HSL_NONE || v->type == HSL_UNDEF || (v->type == HSL_STR && v->u.str->len == 0)) {
        struct hsl_arr *a = hsl_arr_new(&m->run, 0);

        if (a)
            hsl_put(&m->run, v, hsl_from_arr(a));
        return a;
    }
    (void)hsl_raise(&m->run, HSL_R03, "cannot use %s as array", hsl_type_name(v));
    return NULL;
}

/* The place of element or property [key] of [v], made if missing; NULL: error set. [through]: a
 * readonly property will do if it refers to an object. */
static struct hsl_value *
own_place(struct hsl_machine *m, struct hsl_value *v, const struct hsl_value *key, bool through)
{
    struct hsl_arr *a;

    if (v->type == HSL_OBJ)
        return hsl_obj_place(&m->run, v->u.obj, key, current_class(m), through);
    a = own_elements(m, v);
    if (!a)
        return NULL;
    return key->type == HSL_UNDEF ? hsl_arr_slot_push(&m->run, a) : hsl_arr_slot(&m->run, a, key);
}

struct hsl_value *
hsl_vm_path(struct hsl_machine *m, struct hsl_value *v, const struct hsl_value *keys, unsigned n,
    bool through)
{
    for (unsigned i = 0; i < n && v; i++)
        v = own_place(m, v, &keys[i], through || i + 1 < n);
    return v;
}

bool
hsl_vm_store(struct hsl_machine *m, struct hsl_value *v, const struct hsl_value *key,
    const struct hsl_value *val)
{
    struct hsl_value share = hsl_ref(*val), *place; /* before: it may be the array itself */
    struct hsl_arr *a;

    if (v->type == HSL_OBJ) {
        place = hsl_obj_place(&m->run, v->u.obj, key, current_class(m), false);
        hsl_put(&m->run, place ? place : &share, place ? share : hsl_none());
        return place != NULL;
    }
    a = own_elements(m, v);
    if (!a) {
        hsl_unref(&m->run, share);
        return false;
    }
    if (key->type == HSL_UNDEF)
        return hsl_arr_push(&m->run, a, share);
    return hsl_arr_set(&m->run, a, key, share);
}

bool
hsl_vm_step(struct hsl_machine *m, struct hsl_value *v, double by)
{
    switch (v->type) {
    case HSL_NUM:
        v->u.num += by;
        return true;
    case HSL_NONE:
        *v = hsl_num(by);
        return true;
    case HSL_BOOL:
        *v = hsl_num((v->u.b ? 1 : 0) + by);
        return true;
    default:
        return hsl_raise(&m->run, HSL_R03, "unsupported operand type for %s: %s",
            by > 0 ? "++" : "--", hsl_type_name(v));
    }
}

/* --- Instructions with paths ----------------------------------------------------------------- */

static void
drop_temporaries(struct hsl_machine *m, struct hsl_value *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        hsl_drop(&m->run, &v[i]);
}

static void
set_result(struct hsl_machine *m, struct hsl_value *regs, unsigned reg, struct hsl_value v)
{
    if (reg == HSL_NO_REG)
        hsl_unref(&m->run, v);
    else
        hsl_put(&m->run, hsl_reg(regs, reg), v);
}

/* True if the operator cannot come to call script code for these. */
static bool
plain(const struct hsl_value *a, const struct hsl_value *b, enum hsl_op op)
{
    if (a->type <= HSL_STR && b->type <= HSL_STR)
        return true;
    return a->type == HSL_ARR && b->type <= HSL_ARR && (op == HSL_OP_ADD || op == HSL_OP_SUB);
}

static bool
appends(const struct hsl_value *keys, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (keys[i].type == HSL_UNDEF)
            return true;
    }
    return false;
}

/* The element = left operator value, where script code may run before it is stored. Takes the count
 * of [left]; *out gets one. */
static bool
operate_apart(struct hsl_machine *m, struct hsl_value *root, const struct hsl_value *keys,
    unsigned n, enum hsl_op op, struct hsl_value left, struct hsl_value *out)
{
    struct hsl_value *to;
    bool ok = hsl_op_binary(&m->run, op, &left, &keys[n], out);

    hsl_unref(&m->run, left);
    if (!ok)
        return false;
    to = n ? hsl_vm_path(m, root, keys, n, false) : root;
    if (!to) {
        hsl_unref(&m->run, *out);
        return false;
    }
    hsl_put(&m->run, to, hsl_ref(*out));
    return true;
}

/* The same in place where that is safe. */
static bool
operate(struct hsl_machine *m, struct hsl_value *root, const struct hsl_value *keys, unsigned n,
    enum hsl_op op, struct hsl_value *out)
{
    struct hsl_value *place;

    if (appends(keys, n))
        return operate_apart(m, root, keys, n, op, hsl_none(), out);
    place = n ? hsl_vm_path(m, root, keys, n, false) : root;
    if (!place)
        return false;
    if (!plain(place, &keys[n], op))
        return operate_apart(m, root, keys, n, op, hsl_ref(*place), out);
    if (!hsl_op_assign(&m->run, op, place, &keys[n]))
        return false;
    *out = hsl_ref(*place);
    return true;
}

bool
hsl_vm_path_op(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i)
{
    struct hsl_value *root = hsl_deref(hsl_reg(regs, i->a)), *keys = hsl_reg(regs, i->b), out;
    unsigned n = i->x >> 2;

    if (n == 0 && root->type == HSL_UNDEF)
        return hsl_vm_undefined(m, m->prog->k[i[1].c].u.str->data);
    if (!operate(m, root, keys, n, (enum hsl_op)i[1].a, &out))
        return false;
    drop_temporaries(m, keys, n + 1);
    set_result(m, regs, i->c, out);
    return true;
}

/* SLOTOP and PROPOP on what [n] keys, the value behind them, lead to from [root]. */
static bool
operate_register(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i,
    struct hsl_value *root, const struct hsl_value *keys, unsigned n)
{
    struct hsl_value out;

    m->frame->pc = i;
    if (!operate(m, root, keys, n, (enum hsl_op)i[1].a, &out))
        return false;
    if (i->x & 1)
        hsl_drop(&m->run, hsl_reg(regs, i->b));
    set_result(m, regs, i->c, out);
    return true;
}

bool
hsl_vm_slot_op(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i)
{
    struct hsl_value *place = &hsl_reg(regs, i->a)->u.obj->slots[i[1].b],
                     val = *hsl_reg(regs, i->b);

    if (place->type == HSL_UNDEF)
        *place = hsl_none();
    return operate_register(m, regs, i, place, &val, 0);
}

bool
hsl_vm_prop_op(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i)
{
    struct hsl_value operands[2] = {m->prog->k[i[1].b], *hsl_reg(regs, i->b)};

    return operate_register(m, regs, i, hsl_reg(regs, i->a), operands, 1);
}

bool
hsl_vm_slot_inc(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i)
{
    struct hsl_value *place = &hsl_reg(regs, i->a)->u.obj->slots[i[1].c];
    double by = i[1].a ? -1 : 1;

    m->frame->pc = i;
    if (place->type == HSL_UNDEF)
        *place = hsl_none();
    if (!hsl_vm_step(m, place, by))
        return false;
    set_result(m, regs, i->b, hsl_num(i[1].b ? place->u.num - by : place->u.num));
    return true;
}

bool
hsl_vm_path_inc(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i)
{
    struct hsl_value *root = hsl_deref(hsl_reg(regs, i->a)), *keys = hsl_reg(regs, i->b), *place;
    double by = i[1].a ? -1 : 1, now;
    unsigned n = i->x >> 2;

    if (n == 0 && root->type == HSL_UNDEF)
        return hsl_vm_undefined(m, m->prog->k[i[1].c].u.str->data);
    place = n ? hsl_vm_path(m, root, keys, n, false) : root;
    if (!place || !hsl_vm_step(m, place, by))
        return false;
    now = place->u.num;
    drop_temporaries(m, keys, n);
    set_result(m, regs, i->c, hsl_num(i[1].b ? now - by : now));
    return true;
}

/* The place that the keys lead to, as an own one, but without making anything: NULL if missing, or
 * on an error (state says which). */
static struct hsl_value *
existing_place(struct hsl_machine *m, struct hsl_value *v, const struct hsl_value *keys, unsigned n,
    bool through)
{
    const struct hsl_value *at = v;

    for (unsigned i = 0; i < n; i++) {
        bool bad = false;

        if (at->type == HSL_OBJ) {
            v = hsl_obj_existing(
                &m->run, at->u.obj, &keys[i], current_class(m), through || i + 1 < n);
            return v ? existing_place(m, v, keys + i + 1, n - i - 1, through) : NULL;
        }
        at = at->type == HSL_ARR ? hsl_arr_get(at->u.arr, &keys[i], &bad) : NULL;
        if (bad)
            (void)bad_key(m, &keys[i]);
        if (!at)
            return NULL;
    }
    return hsl_vm_path(m, v, keys, n, through);
}

/* unset(v[key]) */
static bool
unset_element(struct hsl_machine *m, struct hsl_value *v, const struct hsl_value *key)
{
    struct hsl_arr *a;
    bool is;

    if (v->type == HSL_OBJ)
        return hsl_obj_unset(&m->run, v->u.obj, key, current_class(m));
    if (v->type != HSL_ARR || !hsl_vm_isset(m, v, key, &is) || !is)
        return false;
    a = own_elements(m, v);
    return a && hsl_arr_del(&m->run, a, key);
}

bool
hsl_vm_path_unset(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i)
{
    struct hsl_value *keys = hsl_reg(regs, i->b), *v;
    unsigned n = i->x >> 2;
    bool removed;

    v = existing_place(m, hsl_deref(hsl_reg(regs, i->a)), keys, n - 1, true);
    removed = v && unset_element(m, v, &keys[n - 1]);
    if (m->run.state != HSL_RUNNING)
        return false;
    drop_temporaries(m, keys, n);
    set_result(m, regs, i->c, hsl_bool(removed));
    return true;
}

bool
hsl_vm_path_slice(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i)
{
    struct hsl_value *keys = hsl_reg(regs, i->b), *place;
    unsigned n = i->x >> 2;

    place = hsl_vm_path(m, hsl_deref(hsl_reg(regs, i->a)), keys, n, false);
    if (!place || !hsl_slice_assign(&m->run, place, &keys[n], &keys[n + 1], &keys[n + 2], NULL))
        return false;
    drop_temporaries(m, keys, n + 3);
    return true;
}

bool
hsl_vm_path_unslice(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i)
{
    struct hsl_value *keys = hsl_reg(regs, i->b), *v;
    unsigned n = i->x >> 2;
    bool removed = false;

    v = existing_place(m, hsl_deref(hsl_reg(regs, i->a)), keys, n, false);
    if (m->run.state != HSL_RUNNING)
        return false;
    if (v && v->type == HSL_ARR &&
        !hsl_slice_assign(&m->run, v, &keys[n], &keys[n + 1], NULL, &removed))
        return false;
    drop_temporaries(m, keys, n + 2);
    set_result(m, regs, i->c, hsl_bool(removed));
    return true;
}
