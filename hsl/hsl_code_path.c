/* hsl_code_path.c - lvalues with keys, slices, and patterns.
 *
 * Keys of an element that is written lie in consecutive temporaries, computed from left to right
 * before the value; the instruction then walks the path in one go (hsl_vm_path.c). Threads: one per
 * unit. Fails: C15. */
#include "config.h"

#include "hsl/hsl_code.h"

/* --- Paths
 * -------------------------------------------------------------------------------------------- */

static const struct hsl_node *
container(const struct hsl_node *n)
{
    return n->kind == HSL_N_PROP ? n->u.prop.a : n->u.bin.a;
}

bool
hsl_path_take(struct hsl_code *c, const struct hsl_node *n, struct hsl_path *p)
{
    unsigned count = 0;
    const struct hsl_node *at = n;

    for (; at->kind == HSL_N_INDEX || at->kind == HSL_N_PROP; at = container(at))
        count++;
    if (count > HSL_PATH_MAX)
        return hsl_code_fail(c, "more than 63 subscripts in a row");
    p->root = at;
    p->count = count;
    for (at = n; count > 0; at = container(at))
        p->steps[--count] = at;
    return !c->failed;
}

/* A predefined variable is written: refused, or the host's value comes first. */
static void
prepare_predefined(struct hsl_code *c, const struct hsl_node *n)
{
    const struct hsl_var *v = n->u.var.var;
    bool readonly;
    long predef = hsl_code_predef(c, v, &readonly);
    unsigned temp;

    if (predef < 0)
        return;
    hsl_code_at(c, n->pos);
    if (readonly) {
        (void)hsl_code_emit(c, HSL_I_READONLY, hsl_code_k_name(c, v->name), 0, 0);
        return;
    }
    temp = hsl_code_temp(c);
    (void)hsl_code_emitx(c, HSL_I_GETPRE, 1, temp, hsl_code_reg(v), (unsigned)predef);
    hsl_code_drop(c, temp);
    c->fn->temp = temp;
}

void
hsl_path_root(struct hsl_code *c, struct hsl_path *p, bool quiet)
{
    if (p->root->kind != HSL_N_VAR) {
        p->reg = hsl_code_push(c, p->root);
        return;
    }
    hsl_code_refuse(c, p->root, p->count == 0 || p->steps[0]->kind != HSL_N_PROP);
    prepare_predefined(c, p->root);
    p->reg = hsl_code_reg(p->root->u.var.var);
    if (!quiet && !hsl_code_in_cell(p->root->u.var.var))
        hsl_code_set_known(c, p->root->u.var.var);
}

void
hsl_path_keys(struct hsl_code *c, struct hsl_path *p)
{
    p->keys = c->fn->temp;
    for (unsigned i = 0; i < p->count; i++) {
        const struct hsl_node *s = p->steps[i];
        unsigned k;

        if (s->kind == HSL_N_PROP)
            hsl_code_push_k(c, hsl_code_k_name(c, s->u.prop.name));
        else if (!s->u.bin.b)
            hsl_code_push_k(c, hsl_code_k_undef(c));
        else if (hsl_code_const_key(c, s->u.bin.b, &k))
            hsl_code_push_k(c, k);
        else
            (void)hsl_code_push(c, s->u.bin.b);
    }
}

void
hsl_path_done(struct hsl_code *c, const struct hsl_path *p)
{
    hsl_code_drop(c, p->reg);
}

/* --- Slices
 * -------------------------------------------------------------------------------------------- */

static void
push_bound(struct hsl_code *c, const struct hsl_node *n)
{
    if (n)
        (void)hsl_code_push(c, n);
    else
        hsl_code_push_k(c, hsl_code_k_undef(c));
}

void
hsl_code_slice(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    unsigned base = hsl_code_push(c, n->u.slice.a);

    push_bound(c, n->u.slice.first);
    push_bound(c, n->u.slice.last);
    push_bound(c, n->u.slice.step);
    hsl_code_at(c, n->pos);
    (void)hsl_code_emit(c, HSL_I_SLICE, dst, base, 0);
}

/* Root, keys and bounds of a slice that is written. */
static bool
slice_path(struct hsl_code *c, const struct hsl_node *n, struct hsl_path *p)
{
    if (!hsl_path_take(c, n->u.slice.a, p))
        return false;
    hsl_path_root(c, p, true);
    hsl_path_keys(c, p);
    push_bound(c, n->u.slice.first);
    push_bound(c, n->u.slice.last);
    return true;
}

void
hsl_code_slice_store(
    struct hsl_code *c, const struct hsl_node *n, const struct hsl_node *value, unsigned reg)
{
    struct hsl_path p;

    if (n->u.slice.a->kind == HSL_N_VAR) /* R01 as anywhere */
        hsl_code_effect(c, n->u.slice.a);
    if (!slice_path(c, n, &p))
        return;
    if (value)
        (void)hsl_code_push(c, value);
    else
        hsl_code_move(c, hsl_code_temp(c), reg);
    hsl_code_at(c, n->pos);
    (void)hsl_code_emitx(c, HSL_I_PATHSLICE, p.count << 2, p.reg, p.keys, 0);
    hsl_path_done(c, &p);
}

void
hsl_code_slice_unset(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    struct hsl_path p;

    if (!slice_path(c, n, &p))
        return;
    hsl_code_at(c, n->pos);
    (void)hsl_code_emitx(c, HSL_I_PATHUNSLICE, p.count << 2, p.reg, p.keys, dst);
    hsl_path_done(c, &p);
}

/* --- Patterns
 * ------------------------------------------------------------------------------------------ */

/* The rest of [src] behind the elements [first] up to [rest]. */
static void
pattern_rest(
    struct hsl_code *c, const struct hsl_node *first, const struct hsl_node *rest, unsigned src)
{
    unsigned mark = c->fn->temp, keys = mark, count = 0, dst;

    for (const struct hsl_node *e = first; e != rest; e = e->next, count++) {
        if (e->u.elem.key)
            (void)hsl_code_push(c, e->u.elem.key);
        else
            hsl_code_push_k(c, hsl_code_k_num(c, count));
    }
    if (count > HSL_PATH_MAX)
        (void)hsl_code_fail(c, "more than 63 targets before a rest");
    dst = hsl_code_temp(c);
    hsl_code_at(c, rest->pos);
    (void)hsl_code_emitx(c, HSL_I_REST, count << 2, dst, src, keys);
    hsl_code_store(c, rest->u.elem.value, dst);
    c->fn->temp = mark;
}

/* dst = the element for target [e] of [src]; undefined if it is missing and there is a default. */
static void
get_element(
    struct hsl_code *c, const struct hsl_node *e, unsigned index, unsigned src, unsigned dst)
{
    unsigned x = e->u.elem.def ? 4 : 0, k;

    if (!e->u.elem.key || hsl_code_const_key(c, e->u.elem.key, &k)) {
        if (!e->u.elem.key)
            k = hsl_code_k_num(c, index);
        hsl_code_at(c, e->pos);
        (void)hsl_code_emitx(c, HSL_I_DESTRUCTK, x, dst, src, k);
    } else {
        unsigned key = hsl_code_any(c, e->u.elem.key);

        hsl_code_at(c, e->pos);
        (void)hsl_code_emitx(c, HSL_I_DESTRUCT, x, dst, src, key);
    }
}

/* One target gets its element, or its default if that is missing. */
static void
pattern_element(struct hsl_code *c, const struct hsl_node *e, unsigned index, unsigned src)
{
    const struct hsl_node *target = e->u.elem.value;
    unsigned mark = c->fn->temp, dst = mark;
    struct hsl_known known;
    uint32_t defined;

    if (!e->u.elem.def && target->kind == HSL_N_VAR && !hsl_code_in_cell(target->u.var.var)) {
        get_element(c, e, index, src, hsl_code_reg(target->u.var.var));
        hsl_code_set_known(c, target->u.var.var);
        c->fn->temp = mark;
        return;
    }
    get_element(c, e, index, src, dst);
    c->fn->temp = mark;
    (void)hsl_code_temp(c);
    if (e->u.elem.def) {
        known = c->fn->known;
        defined = hsl_code_emit(c, HSL_I_JDEF, dst, 0, 0);
        hsl_code_to(c, e->u.elem.def, dst);
        hsl_code_patch_here(c, defined);
        c->fn->known = known;
    }
    hsl_code_store(c, target, dst);
    c->fn->temp = mark;
}

void
hsl_code_pattern(struct hsl_code *c, const struct hsl_node *pattern, unsigned src)
{
    const struct hsl_node *first = pattern->u.list.first;
    unsigned index = 0;

    for (const struct hsl_node *e = first; e; e = e->next, index++) {
        if (e->u.elem.spread)
            pattern_rest(c, first, e, src);
        else
            pattern_element(c, e, index, src);
    }
}
