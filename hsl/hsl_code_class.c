/* hsl_code_class.c - classes to the program: layout of their objects, hash of their members, static
 * variables; construction, calls of functions known by class, properties of $this.
 *
 * In a function of a class $this is surely one of its objects and its declared variables stand
 * where the class says, so that `$this->v` is one load. All other objects are asked by name.
 *
 * A constructor returns $this, whatever it says; so NEW and a call make an object.
 * Threads: one per unit. Fails: C15. */
#include "config.h"

#include "hsl/hsl_code.h"
#include "hsl/hsl_nametab.h"
#include "hsl/hsl_obj.h"
#include "hsl/hsl_unit.h"

/* --- Constructors ----------------------------------------------------------------------------- */

/* An expression whose value is not known now: it is computed when an object is made. Asked once:
 * for want of memory a constant may be none when it is asked for again. */
static bool
is_computed(struct hsl_code *c, const struct hsl_member_var *v)
{
    unsigned k;

    return !v->is_static && v->def && !hsl_code_const(c, v->def, &k);
}

/* A constructor that does nothing of its own. */
static void
add_constructor(struct hsl_code *c, struct hsl_class_decl *d)
{
    struct hsl_function *f = ut_arena_calloc(c->u->arena, 1, sizeof(*f)), **end = &c->u->functions;
    struct hsl_scope *s = ut_arena_calloc(c->u->arena, 1, sizeof(*s));
    struct hsl_node *body = ut_arena_calloc(c->u->arena, 1, sizeof(*body));

    if (!f || !s || !body) {
        (void)hsl_code_fail(c, "not enough memory for the script");
        return;
    }
    body->kind = HSL_N_BLOCK;
    body->pos = d->pos;
    *s = (struct hsl_scope){
        .parent = c->u->globals, .unit = c->u, .function = f, .class = d, .instance = true};
    *f = (struct hsl_function){.name = d->name,
        .pos = d->pos,
        .body = body,
        .scope = s,
        .class = d,
        .is_constructor = true,
        .is_method = true,
        .uses_this = true};
    d->constructor = f;
    while (*end)
        end = &(*end)->next;
    *end = f;
}

void
hsl_code_place_classes(struct hsl_code *c)
{
    const struct hsl_prog *before = c->u->before ? c->u->before->program : NULL;
    uint32_t old = before ? before->class_count : 0;

    c->prog->class_count = old;
    for (struct hsl_class_decl *d = c->u->classes; d; d = d->next) {
        bool computed = false;
        uint32_t slot = 0;

        d->number = c->prog->class_count++;
        for (struct hsl_member_var *v = d->vars; v; v = v->next) {
            if (!v->is_static)
                v->slot = slot++;
            v->computed = is_computed(c, v);
            computed = computed || v->computed;
        }
        if (computed && !d->constructor)
            add_constructor(c, d);
    }
    c->classes = ut_arena_calloc(c->prog->arena, c->prog->class_count + 1, sizeof(*c->classes));
    if (!c->classes || c->prog->class_count > UINT16_MAX) {
        (void)hsl_code_fail(c, c->classes ? "more than 65000 classes" : "not enough memory");
        return;
    }
    c->prog->classes = (const struct hsl_class *const *)c->classes;
    for (uint32_t i = 0; i < old; i++)
        c->classes[i] = (struct hsl_class *)(uintptr_t)before->classes[i];
    for (uint32_t i = old; i < c->prog->class_count && !c->failed; i++) {
        c->classes[i] = ut_arena_calloc(c->prog->arena, 1, sizeof(**c->classes));
        if (!c->classes[i])
            (void)hsl_code_fail(c, "not enough memory for the script");
    }
}

void
hsl_code_construct_prologue(struct hsl_code *c)
{
    const struct hsl_function *f = c->fn->function;
    unsigned mark = c->fn->temp;

    for (const struct hsl_member_var *v = f->class->vars; v; v = v->next) {
        if (!v->computed)
            continue;
        hsl_code_at(c, v->pos);
        (void)hsl_code_emit(c, HSL_I_SETSLOT, 0, v->slot, hsl_code_any(c, v->def));
        c->fn->temp = mark;
    }
}

/* --- Making classes --------------------------------------------------------------------------- */

static const struct hsl_value *
initial_values(struct hsl_code *c, const struct hsl_class_decl *d, uint32_t count)
{
    struct hsl_value *init = ut_arena_calloc(c->prog->arena, count + 1, sizeof(*init));
    unsigned k;

    for (const struct hsl_member_var *v = d->vars; init && v; v = v->next) {
        if (v->is_static || !v->def || v->computed)
            continue;
        if (hsl_code_const(c, v->def, &k))
            init[v->slot] = c->prog->k[k];
        else
            (void)hsl_code_fail(c, "not enough memory for the script");
    }
    return init;
}

static void
put_member(struct hsl_code *c, struct hsl_member *table, uint32_t mask, struct hsl_name name,
    struct hsl_member member)
{
    unsigned k = hsl_code_k_name(c, name);
    uint32_t at;

    if (c->failed)
        return;
    member.name = c->prog->k[k].u.str;
    for (at = hsl_str_hash(c->prog->k[k].u.str) & mask; table[at].name; at = (at + 1) & mask)
        continue;
    table[at] = member;
}

static void
put_members(
    struct hsl_code *c, const struct hsl_class_decl *d, struct hsl_member *table, uint32_t mask)
{
    for (const struct hsl_member_var *v = d->vars; v; v = v->next)
        put_member(c, table, mask, v->name,
            (struct hsl_member){.kind = v->is_static ? HSL_MEMBER_STATIC : HSL_MEMBER_VAR,
                .slot = (uint16_t)v->slot,
                .is_private = v->is_private,
                .is_readonly = v->is_readonly});
    for (const struct hsl_node *n = d->methods; n; n = n->next) {
        const struct hsl_function *f = n->u.function;

        put_member(c, table, mask, f->name,
            (struct hsl_member){.kind = f->is_static ? HSL_MEMBER_STATIC : HSL_MEMBER_METHOD,
                .proto = c->protos[f->number],
                .is_private = f->is_private});
    }
}

/* The class as a value. */
static void
make_value(struct hsl_code *c, struct hsl_class_decl *d)
{
    struct hsl_fn *fn = hsl_heap_alloc(&c->run->heap, sizeof(*fn));

    if (!fn) {
        (void)hsl_code_fail(c, "not enough memory for the script");
        return;
    }
    *fn = (struct hsl_fn){.rc = {1}, .kind = HSL_FN_CLASS};
    fn->cls = c->classes[d->number];
    d->value = hsl_code_k(c, (struct hsl_value){.u.fn = fn, .type = HSL_FN});
}

static void
make_class(struct hsl_code *c, struct hsl_class_decl *d)
{
    struct hsl_class *cls = c->classes[d->number];
    struct hsl_members *m = ut_arena_calloc(c->prog->arena, 1, sizeof(*m));
    struct hsl_member *table;
    uint32_t count = 0, size = 8;

    for (const struct hsl_member_var *v = d->vars; v; v = v->next)
        count++;
    for (const struct hsl_node *n = d->methods; n; n = n->next)
        count++;
    while (size < count * 4)
        size *= 2;
    table = ut_arena_calloc(c->prog->arena, size, sizeof(*table));
    if (m)
        m->init = initial_values(c, d, count);
    cls->name = ut_arena_dup(c->prog->arena, d->name.p, d->name.len);
    if (!m || !table || !m->init || !cls->name) {
        (void)hsl_code_fail(c, "not enough memory for the script");
        return;
    }
    for (const struct hsl_member_var *v = d->vars; v; v = v->next)
        m->slot_count += !v->is_static;
    m->mask = size - 1;
    m->table = table;
    m->constructor = d->constructor ? c->protos[d->constructor->number] : NULL;
    put_members(c, d, table, m->mask);
    cls->members = m;
    cls->text = hsl_obj_text;
    make_value(c, d);
}

void
hsl_code_classes(struct hsl_code *c)
{
    for (struct hsl_class_decl *d = c->u->classes; d && !c->failed; d = d->next)
        make_class(c, d);
}

void
hsl_code_statics(struct hsl_code *c, const struct hsl_unit *u)
{
    for (const struct hsl_class_decl *d = c->u->classes; d && !c->failed; d = d->next) {
        for (const struct hsl_member_var *v = d->vars; v; v = v->next) {
            unsigned mark = c->fn->temp, value;

            if (!v->is_static || d->unit != u)
                continue;
            hsl_code_at(c, v->pos);
            value = hsl_code_temp(c);
            if (v->def)
                hsl_code_to(c, v->def, value);
            else
                (void)hsl_code_emit(c, HSL_I_LOADK, value, hsl_code_k(c, hsl_none()), 0);
            (void)hsl_code_emit(c, HSL_I_SETVAR, hsl_code_reg(v->var), value, 0);
            c->fn->temp = mark;
        }
    }
}

void
hsl_code_bind_statics(struct hsl_code *c)
{
    for (const struct hsl_var *v = c->fn->function->scope->vars; v; v = v->next) {
        if (v->is_static)
            (void)hsl_code_emit(c, HSL_I_BIND, hsl_code_reg(v), hsl_code_global(v->outer),
                hsl_code_k_name(c, v->name));
    }
}

/* --- Members ---------------------------------------------------------------------------------- */

void
hsl_code_refuse(struct hsl_code *c, const struct hsl_node *n, bool write)
{
    const struct hsl_name name = n->kind == HSL_N_VAR ? n->u.var.name : n->u.scoped.right;
    bool is_private = n->flag == HSL_REFUSE_ALL;
    uint32_t from = name.len;

    if (n->kind == HSL_N_VAR && !n->u.var.var->is_static)
        return;
    if (!n->flag || !(is_private || write))
        return;
    while (from > 0 && name.p[from - 1] != '$' && name.p[from - 1] != ':')
        from--;
    hsl_code_at(c, n->pos);
    (void)hsl_code_emit(c, HSL_I_REFUSE,
        hsl_code_k_name(c, (struct hsl_name){name.p + from, name.len - from}), !is_private, 0);
}

/* `$this->name` where $this is surely an object of the class around; else NULL. */
static const struct hsl_class_decl *
this_class(const struct hsl_code *c, const struct hsl_node *n)
{
    const struct hsl_function *f = c->fn->function;
    const struct hsl_node *a = n->kind == HSL_N_PROP ? n->u.prop.a : NULL;

    if (!a || !f || !f->scope->instance || a->kind != HSL_N_VAR || !hsl_code_is_this(a->u.var.var))
        return NULL;
    return f->scope->class;
}

static const struct hsl_member_decl *
own_member(const struct hsl_code *c, const struct hsl_node *n)
{
    const struct hsl_class_decl *d = this_class(c, n);

    return d && d->index ? hsl_nametab_get(d->index, n->u.prop.name) : NULL;
}

bool
hsl_code_slot(const struct hsl_code *c, const struct hsl_node *n, unsigned *slot)
{
    const struct hsl_member_decl *m = own_member(c, n);

    if (!m || !m->var || m->var->is_static)
        return false;
    *slot = m->var->slot;
    return true;
}

const struct hsl_function *
hsl_code_own_method(const struct hsl_code *c, const struct hsl_node *call)
{
    const struct hsl_member_decl *m = own_member(c, call->u.call.callee);
    const struct hsl_function *f = m && !m->var ? m->sym.function : NULL;
    uint32_t given = call->u.call.argc;

    if (!f || f->is_static || call->u.call.spread || given < f->required ||
        (!f->rest && given > f->param_count))
        return NULL;
    return f;
}
