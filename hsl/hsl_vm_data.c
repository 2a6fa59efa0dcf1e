/* hsl_vm_data.c - literals, patterns, variables outside registers.
 *
 * A variable that a closure captures or a `global` names lives in a cell. A register of such a variable
 * holds the variable itself until somebody else wants it, then a HSL_CELL; instructions for such
 * variables look which it is. Cells of the top level are found by number in m->globals.
 *
 * Not here: elements (hsl_vm_path.c).
 * Threads: one per machine. Fails: R03, R05, R09, limits. */
#include "config.h"

#include "hsl/hsl_arr.h"
#include "hsl/hsl_context.h"
#include "hsl/hsl_vm.h"

/* --- Literals -------------------------------------------------------------------------------- */

bool
hsl_vm_object(struct hsl_machine *m, const struct hsl_value *props, struct hsl_value *out)
{
    struct hsl_obj *o = hsl_obj_new(&m->run, &hsl_object_class);

    if (!o)
        return false;
    o->props = hsl_ref(*props);
    *out = (struct hsl_value){.u.obj = o, .type = HSL_OBJ};
    return true;
}

bool
hsl_vm_literal_set(struct hsl_machine *m, struct hsl_arr *a, const struct hsl_value *key,
    struct hsl_value v)
{
    return hsl_arr_set(&m->run, a, key, v);
}

bool
hsl_vm_spread(struct hsl_machine *m, struct hsl_value *into, const struct hsl_value *from, bool named)
{
    struct hsl_arr *a = into->u.arr;
    const struct hsl_value *v;
    struct hsl_value key;
    size_t pos = 0;
    bool ok = true;

    if (from->type != HSL_ARR)
        return hsl_raise(&m->run, HSL_R03, "cannot use %s as array", hsl_type_name(from));
    while (ok && hsl_arr_next(from->u.arr, &pos, &key, &v)) {
        if (key.type == HSL_NUM || !named)
            ok = hsl_arr_push(&m->run, a, hsl_ref(*v));
        else
            ok = hsl_arr_sets(&m->run, a, key.u.str, hsl_ref(*v));
    }
    return ok;
}

/* Operand [n] of the CONCATN at [i], as it stands in EXT. */
static unsigned
operand(const struct hsl_ins *i, unsigned n)
{
    const struct hsl_ins *e = &i[1 + n / 3];

    return n % 3 == 0 ? e->a : n % 3 == 1 ? e->b : e->c;
}

/* $v = "$v..." where nothing behind the first place needs more than a look: appends in place. */
static bool
can_append(const struct hsl_value *parts, unsigned n, const struct hsl_value *to)
{
    if (to->type != HSL_STR || to->u.str->rc.refs != 1)
        return false;
    for (unsigned i = 1; i < n; i++) {
        if (parts[i].type > HSL_STR || (parts[i].type == HSL_STR && parts[i].u.str == to->u.str))
            return false;
    }
    return true;
}

static bool
append_parts(struct hsl_machine *m, const struct hsl_value *parts, unsigned n, struct hsl_value *to)
{
    struct hsl_value rest;

    if (n == 2 && parts[1].type == HSL_STR)
        return hsl_str_append(&m->run, to, parts[1].u.str->data, parts[1].u.str->len);
    if (!hsl_concat(&m->run, parts + 1, n - 1, &rest))
        return false;
    if (!hsl_str_append(&m->run, to, rest.u.str->data, rest.u.str->len)) {
        hsl_unref(&m->run, rest);
        return false;
    }
    hsl_unref(&m->run, rest);
    return true;
}

bool
hsl_vm_concat(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i)
{
    struct hsl_value parts[HSL_CONCAT_MAX], out = hsl_none();
    unsigned n = i->b, locals = m->frame->proto->locals;
    bool append = operand(i, 0) == i->a;

    parts[0] = hsl_none();
    for (unsigned j = 0; j < n; j++) {
        unsigned o = operand(i, j);

        parts[j] = o & HSL_OPERAND_K ? m->prog->k[o & ~HSL_OPERAND_K] : regs[o];
    }
    append = append && can_append(parts, n, &regs[i->a]);
    if (append ? !append_parts(m, parts, n, &regs[i->a]) : !hsl_concat(&m->run, parts, n, &out))
        return false;
    for (unsigned j = append; j < n; j++) {
        unsigned o = operand(i, j);

        if (!(o & HSL_OPERAND_K) && o >= locals)
            hsl_drop(&m->run, &regs[o]);
    }
    if (!append)
        hsl_put(&m->run, &regs[i->a], out);
    return true;
}

/* --- Patterns -------------------------------------------------------------------------------- */

bool
hsl_vm_destruct(struct hsl_machine *m, const struct hsl_value *v, const struct hsl_value *key,
    bool undef, struct hsl_value *out)
{
    const struct hsl_value *e = NULL;
    bool bad = false;

    if (v->type == HSL_ARR)
        e = hsl_arr_get(v->u.arr, key, &bad);
    if (bad)
        return hsl_raise(&m->run, HSL_R05, "invalid array key of type %s", hsl_type_name(key));
    *out = e ? hsl_ref(*e) : (struct hsl_value){.type = undef ? HSL_UNDEF : HSL_NONE};
    return true;
}

static bool
is_one_of(const struct hsl_value *key, const struct hsl_value *keys, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        int64_t want;
        int kind = hsl_to_key(&keys[i], &want);

        if (kind == 1 && key->type == HSL_NUM && key->u.num == (double)want)
            return true;
        if (kind == 0 && key->type == HSL_STR && hsl_str_equal(key->u.str, keys[i].u.str))
            return true;
    }
    return false;
}

bool
hsl_vm_rest(struct hsl_machine *m, const struct hsl_value *v, const struct hsl_value *keys, unsigned n,
    struct hsl_value *out)
{
    struct hsl_arr *a = hsl_arr_new(&m->run, 0);
    const struct hsl_value *e;
    struct hsl_value key;
    size_t pos = 0;
    bool ok = a != NULL;

    while (ok && v->type == HSL_ARR && hsl_arr_next(v->u.arr, &pos, &key, &e)) {
        if (!is_one_of(&key, keys, n))
            ok = hsl_arr_push(&m->run, a, hsl_ref(*e));
    }
    if (!a)
        return false;
    if (ok)
        *out = hsl_from_arr(a);
    else
        hsl_unref(&m->run, hsl_from_arr(a));
    return ok;
}

/* --- Cells ----------------------------------------------------------------------------------- */

static struct hsl_cell *
new_cell(struct hsl_machine *m, struct hsl_value v)
{
    struct hsl_cell *c = hsl_heap_alloc(&m->run.heap, sizeof(*c));

    if (!c) {
        (void)hsl_raise_memory(&m->run);
        return NULL;
    }
    *c = (struct hsl_cell){.rc = {1}, .v = v};
    return c;
}

struct hsl_cell *
hsl_vm_global(struct hsl_machine *m, uint32_t index)
{
    struct hsl_cell **c = &m->globals[index];

    if (!*c)
        *c = new_cell(m, (struct hsl_value){.type = HSL_UNDEF});
    return *c;
}

bool
hsl_vm_box(struct hsl_machine *m, struct hsl_value *v)
{
    struct hsl_cell *c;

    if (v->type == HSL_CELL)
        return true;
    c = new_cell(m, *v);
    if (!c)
        return false;
    *v = (struct hsl_value){.u.cell = c, .type = HSL_CELL};
    return true;
}

bool
hsl_vm_bind(struct hsl_machine *m, struct hsl_value *v, uint32_t global, const struct hsl_value *name)
{
    struct hsl_cell *c = hsl_vm_global(m, global);

    if (!c)
        return false;
    if (v->type == HSL_CELL && v->u.cell == c)
        return true;
    if (v->type != HSL_UNDEF)
        return hsl_raise(
            &m->run, HSL_R09, "$%s already exists in this function", name->u.str->data);
    *v = hsl_ref((struct hsl_value){.u.cell = c, .type = HSL_CELL});
    return true;
}

/* --- Predefined variables --------------------------------------------------------------------- */

/* What a variable is that the host does not know. */
static bool
default_value(struct hsl_machine *m, uint8_t type, struct hsl_value *out)
{
    struct hsl_arr *a;

    switch (type) {
    case HSL_STR:
        *out = hsl_from_str(hsl_str_empty());
        return true;
    case HSL_NUM:
        *out = hsl_num(0);
        return true;
    case HSL_BOOL:
        *out = hsl_bool(false);
        return true;
    case HSL_ARR:
        a = hsl_arr_new(&m->run, 0);
        if (a)
            *out = hsl_from_arr(a);
        return a != NULL;
    default:
        *out = hsl_none();
        return true;
    }
}

bool
hsl_vm_load_predef(struct hsl_machine *m, uint32_t index)
{
    const struct hsl_predef *p = &m->prog->predefs[index];
    const struct hsl_host *host = m->run.host;
    struct hsl_build b;
    struct hsl_cell *c;
    struct hsl_value v;
    bool known;

    if (m->predefs[index])
        return true;
    c = hsl_vm_global(m, p->global);
    if (!c)
        return false;
    if (c->v.type == HSL_UNDEF) {
        hsl_build_init(&b, &m->run);
        if (strcmp(p->name, "context") == 0)
            known = hsl_context_load(m, &b);
        else
            known = host && host->var && host->var(m->run.host_arg, p->name, &b);
        if (!hsl_build_take(&b, &v))
            return false;
        if (!known && !default_value(m, p->type, &v))
            return false;
        hsl_put(&m->run, &c->v, v);
    }
    m->predefs[index] = c;
    return true;
}
