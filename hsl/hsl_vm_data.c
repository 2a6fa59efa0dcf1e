/* hsl_vm_data.c - literals, patterns, variables outside registers.
 *
 * A variable that a closure captures or a `global` names lives in a cell. A register of such a
 * variable holds the variable itself until somebody else wants it, then a HSL_CELL; instructions
 * for such variables look which it is. Cells of the top level are found by number in m->globals.
 *
 * Not here: elements (hsl_vm_path.c).
 * Threads: one per machine. Fails: R03, R05, R09, limits. */
#include "config.h"

#include "hsl/hsl_arr.h"
#include "hsl/hsl_context.h"
#include "hsl/hsl_obj.h"
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
hsl_vm_spread(
    struct hsl_machine *m, struct hsl_value *into, const struct hsl_value *from, bool named)
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
        ok = ok && hsl_work(&m->run, sizeof(*v));
    }
    return ok;
}

/* --- Text ------------------------------------------------------------------------------------ */

/* A piece of a text that is made: a string's own bytes, or a number's digits in [buf]. */
struct piece {
    const char *p;
    size_t len;
    char buf[HSL_NUM_TEXT_MAX];
};

/* False if it takes more than a look to know the text. */
static inline bool
to_piece(struct piece *out, const struct hsl_value *v)
{
    if (v->type == HSL_STR) {
        out->p = v->u.str->data;
        out->len = v->u.str->len;
        return true;
    }
    if (v->type != HSL_NUM)
        return false;
    out->len = hsl_num_to_text(v->u.num, out->buf);
    out->p = out->buf;
    return true;
}

static inline const struct hsl_value *
operand(const struct hsl_value *regs, const struct hsl_value *k, unsigned o)
{
    return o & HSL_OPERAND_K ? &k[o & ~HSL_OPERAND_K] : &regs[o];
}

/* Operands of the CONCATN at [i], borrowed, in their order; their number. Up to two more places of
 * [parts] are written. */
static inline unsigned
operands(const struct hsl_machine *m, const struct hsl_value *regs, const struct hsl_ins *i,
    const struct hsl_value *parts[HSL_CONCAT_MAX + 2])
{
    const struct hsl_value *k = m->prog->k;
    const struct hsl_ins *e = i + 1;

    unsigned at = 0;

    do {
        parts[at++] = operand(regs, k, e->a);
        parts[at++] = operand(regs, k, e->b);
        parts[at++] = operand(regs, k, e->c);
        e++;
    } while (at < i->b);
    return i->b;
}

static bool
is_short(const struct hsl_value *v)
{
    return v->type == HSL_STR || v->type == HSL_NUM;
}

/* $v = "$v..." where all that follows is text or numbers and nobody else has a share: appends in
 * place. 1 done, 0 not that simple, -1 failed. */
static int
append_parts(
    struct hsl_machine *m, const struct hsl_value **parts, unsigned n, struct hsl_value *to)
{
    struct piece piece;

    if (parts[0] != to || to->type != HSL_STR || to->u.str->rc.refs != 1)
        return 0;
    for (unsigned j = 1; j < n; j++) {
        if (!is_short(parts[j]) || parts[j] == to)
            return 0;
    }
    for (unsigned j = 1; j < n; j++) {
        (void)to_piece(&piece, parts[j]);
        if (!hsl_str_append(&m->run, to, piece.p, piece.len))
            return -1;
    }
    return 1;
}

/* Any operands, whatever their type. */
static bool
join_any(struct hsl_machine *m, const struct hsl_value **parts, unsigned n, struct hsl_value *out)
{
    struct hsl_value v[HSL_CONCAT_MAX];

    v[0] = *parts[0];
    for (unsigned j = 1; j < n; j++)
        v[j] = *parts[j];
    return hsl_concat(&m->run, v, n, out);
}

#define JOIN_SHORT 8u /* operands whose pieces are kept on the C stack */

static bool
join(struct hsl_machine *m, const struct hsl_value **parts, unsigned n, struct hsl_value *out)
{
    struct piece pieces[JOIN_SHORT];
    struct hsl_str *s;
    size_t len = 0;
    char *at;

    if (n > JOIN_SHORT)
        return join_any(m, parts, n, out);
    for (unsigned j = 0; j < n; j++) {
        if (!to_piece(&pieces[j], parts[j]))
            return join_any(m, parts, n, out);
        len += pieces[j].len;
    }
    s = len > 1 ? hsl_str_alloc(&m->run, len) : NULL;
    if (!s)
        return len <= 1 && join_any(m, parts, n, out);
    at = s->data;
    for (unsigned j = 0; j < n; j++) {
        hsl_copy_bytes(at, pieces[j].p, pieces[j].len);
        at += pieces[j].len;
    }
    *out = hsl_from_str(s);
    return true;
}

bool
hsl_vm_join(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i)
{
    const struct hsl_value *parts[HSL_CONCAT_MAX + 2];
    const struct hsl_proto *p = m->frame->proto;
    const struct hsl_value *temps = regs + p->locals, *end = regs + p->regs;
    unsigned n = operands(m, regs, i, parts);
    struct hsl_value out = hsl_none();
    int appended = 0;

    if (parts[0] == hsl_reg(regs, i->a))
        appended = append_parts(m, parts, n, hsl_reg(regs, i->a));
    if (appended < 0 || (!appended && !join(m, parts, n, &out)))
        return false;
    for (unsigned j = appended ? 1 : 0; i->x && j < n; j++) {
        if (hsl_is_counted(parts[j]) && parts[j] >= temps && parts[j] < end)
            hsl_drop(&m->run, regs + (parts[j] - regs));
    }
    if (!appended)
        hsl_put(&m->run, hsl_reg(regs, i->a), out);
    return true;
}

/* --- Patterns -------------------------------------------------------------------------------- */

bool
hsl_vm_destruct(struct hsl_machine *m, const struct hsl_value *v, const struct hsl_value *key,
    bool undef, struct hsl_value *out)
{
    const struct hsl_value *e = NULL;
    bool bad = false;

    if (!hsl_work_text(&m->run, key))
        return false;
    if (v->type == HSL_ARR)
        e = hsl_arr_get(v->u.arr, key, &bad);
    if (bad)
        return hsl_raise(&m->run, HSL_R05, "invalid array key of type %s", hsl_type_name(key));
    *out = e ? hsl_ref(*e) : (struct hsl_value){.type = undef ? HSL_UNDEF : HSL_NONE};
    return true;
}

/* The key of place [place] is one of [keys]. */
static bool
is_one_of(const struct hsl_arr *a, size_t place, const struct hsl_value *keys, unsigned n)
{
    struct hsl_str *text;
    int64_t key, want;
    int is_int = hsl_arr_key_at(a, place, &key, &text);

    for (unsigned i = 0; i < n; i++) {
        if (hsl_to_key(&keys[i], &want) != is_int)
            continue;
        if (is_int ? key == want : hsl_str_equal(text, keys[i].u.str))
            return true;
    }
    return false;
}

bool
hsl_vm_rest(struct hsl_machine *m, const struct hsl_value *v, const struct hsl_value *keys,
    unsigned n, struct hsl_value *out)
{
    struct hsl_arr *a = hsl_arr_new(&m->run, 0);
    const struct hsl_value *e;
    size_t pos = 0;
    bool ok = a != NULL;

    while (ok && v->type == HSL_ARR && hsl_arr_next(v->u.arr, &pos, NULL, &e)) {
        if (!is_one_of(v->u.arr, pos - 1, keys, n))
            ok = hsl_arr_push(&m->run, a, hsl_ref(*e));
        ok = ok && hsl_work(&m->run, sizeof(*e));
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
hsl_vm_bind(
    struct hsl_machine *m, struct hsl_value *v, uint32_t global, const struct hsl_value *name)
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
