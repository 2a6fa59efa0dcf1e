/* hsl_code_assign.c - assignment, ++ and --, ??=, isset, unset.
 *
 * A plain variable is the destination of the instruction that computes its value. What a script
 * says about the order holds: keys of the left side, then the value, then the store; for `x op= e`
 * x is read after e. Not here: how paths and patterns are taken apart (hsl_code_path.c). Threads:
 * one per unit. Fails: C15. */
#include "config.h"

#include "hsl/hsl_code.h"

static bool
is_local(const struct hsl_node *n)
{
    return n->kind == HSL_N_VAR && !hsl_code_in_cell(n->u.var.var);
}

/* R02 for a predefined variable that is reached in a way the checker cannot see; R13. */
static bool
refuse_readonly(struct hsl_code *c, const struct hsl_node *n)
{
    bool readonly = false;

    hsl_code_refuse(c, n, true);

    if (hsl_code_predef(c, n->u.var.var, &readonly) < 0 || !readonly)
        return false;
    hsl_code_at(c, n->pos);
    (void)hsl_code_emit(c, HSL_I_READONLY, hsl_code_k_name(c, n->u.var.name), 0, 0);
    return true;
}

/* --- Storing a value that is there
 * --------------------------------------------------------------------- */

static void
store_var(struct hsl_code *c, const struct hsl_node *n, unsigned reg)
{
    const struct hsl_var *v = n->u.var.var;

    if (!hsl_code_in_cell(v)) {
        hsl_code_move(c, hsl_code_reg(v), reg);
        hsl_code_set_known(c, v);
        return;
    }
    (void)refuse_readonly(c, n);
    hsl_code_at(c, n->pos);
    (void)hsl_code_emit(c, HSL_I_SETVAR, hsl_code_reg(v), reg, 0);
}

static void
store_element(struct hsl_code *c, const struct hsl_node *n, unsigned reg)
{
    struct hsl_path p;

    if (!hsl_path_take(c, n, &p))
        return;
    hsl_path_root(c, &p, false);
    hsl_path_keys(c, &p);
    hsl_code_move(c, hsl_code_temp(c), reg);
    hsl_code_at(c, n->pos);
    (void)hsl_code_emitx(c, HSL_I_PATHSET, p.count << 2, p.reg, p.keys, 0);
    hsl_path_done(c, &p);
}

void
hsl_code_store(struct hsl_code *c, const struct hsl_node *n, unsigned reg)
{
    unsigned mark = c->fn->temp;

    switch (n->kind) {
    case HSL_N_VAR:
        store_var(c, n, reg);
        break;
    case HSL_N_PATTERN:
        hsl_code_pattern(c, n, reg);
        hsl_code_drop(c, reg);
        break;
    case HSL_N_SLICE:
        hsl_code_slice_store(c, n, NULL, reg);
        break;
    default:
        store_element(c, n, reg);
        break;
    }
    c->fn->temp = mark;
}

/* --- =
 * --------------------------------------------------------------------------------------------------
 */

static unsigned
assign_var(struct hsl_code *c, const struct hsl_node *n, bool want)
{
    const struct hsl_node *target = n->u.assign.target;
    const struct hsl_var *v = target->u.var.var;
    unsigned reg;
    uint32_t at;

    if (!hsl_code_in_cell(v)) {
        hsl_code_to(c, n->u.assign.value, hsl_code_reg(v));
        hsl_code_set_known(c, v);
        return hsl_code_reg(v);
    }
    reg = hsl_code_any(c, n->u.assign.value);
    (void)refuse_readonly(c, target);
    hsl_code_at(c, n->pos);
    at = hsl_code_emit(c, HSL_I_SETVAR, hsl_code_reg(v), reg, 0);
    if (want)
        hsl_code_keep(c, at, 0);
    return reg;
}

/* $v[key] = value and $v[] = value on a plain variable: one instruction with all operands. */
static unsigned
assign_one(struct hsl_code *c, const struct hsl_node *n, bool want)
{
    const struct hsl_node *target = n->u.assign.target, *value = n->u.assign.value;
    const struct hsl_node *step = target->u.bin.b;
    unsigned root = hsl_code_reg(target->u.bin.a->u.var.var), key = 0, k = 0, reg;
    bool constant = step && hsl_code_const_key(c, step, &k);
    uint32_t at;

    if (step && !constant)
        key = hsl_code_any_before(c, step, value);
    if (step && !constant && !want && c->optimize && hsl_code_const(c, value, &k)) {
        hsl_code_at(c, target->pos);
        (void)hsl_code_emit(c, HSL_I_SETIDXC, root, key, k);
        hsl_code_set_known(c, target->u.bin.a->u.var.var);
        return HSL_NO_REG;
    }
    reg = hsl_code_any(c, value);
    if (reg == root) { /* $a[0] = $a: a share of its own, so that the array is copied */
        reg = hsl_code_temp(c);
        hsl_code_move(c, reg, root);
    }
    hsl_code_at(c, target->pos);
    if (!step)
        at = hsl_code_emit(c, HSL_I_PUSH, root, reg, 0);
    else if (constant)
        at = hsl_code_emit(c, HSL_I_SETIDXK, root, k, reg);
    else
        at = hsl_code_emit(c, HSL_I_SETIDX, root, key, reg);
    if (want)
        hsl_code_keep(c, at, step && !constant);
    hsl_code_set_known(c, target->u.bin.a->u.var.var);
    return reg;
}

/* $v->name = value on a plain variable. */
static unsigned
assign_property(struct hsl_code *c, const struct hsl_node *n, bool want)
{
    const struct hsl_node *target = n->u.assign.target, *a = target->u.prop.a;
    unsigned value, slot, name;
    uint32_t at;

    if (hsl_code_slot(c, target, &slot)) {
        value = hsl_code_any(c, n->u.assign.value);
        hsl_code_at(c, target->pos);
        at = hsl_code_emit(c, HSL_I_SETSLOT, hsl_code_reg(a->u.var.var), slot, value);
    } else {
        name = hsl_code_k_name(c, target->u.prop.name);
        value = hsl_code_any(c, n->u.assign.value);
        hsl_code_at(c, target->pos);
        at = hsl_code_emit(c, HSL_I_SETPROP, hsl_code_reg(a->u.var.var), name, value);
        hsl_code_set_known(c, a->u.var.var);
    }
    if (want)
        hsl_code_keep(c, at, 0);
    return value;
}

static unsigned
assign_element(struct hsl_code *c, const struct hsl_node *n, bool want)
{
    const struct hsl_node *target = n->u.assign.target;
    struct hsl_path p;
    unsigned result = HSL_NO_REG, value;

    if (target->kind == HSL_N_INDEX && is_local(target->u.bin.a))
        return assign_one(c, n, want);
    if (target->kind == HSL_N_PROP && is_local(target->u.prop.a))
        return assign_property(c, n, want);
    if (!hsl_path_take(c, target, &p))
        return c->fn->locals;
    if (want)
        result = hsl_code_temp(c);
    hsl_path_root(c, &p, false);
    hsl_path_keys(c, &p);
    value = hsl_code_push(c, n->u.assign.value);
    if (want)
        (void)hsl_code_emit(c, HSL_I_MOVEQ, result, value, 0);
    hsl_code_at(c, target->pos);
    (void)hsl_code_emitx(c, HSL_I_PATHSET, p.count << 2, p.reg, p.keys, 0);
    hsl_path_done(c, &p);
    return result;
}

/* The right side stays in a temporary while the targets are served. */
static unsigned
assign_pattern(struct hsl_code *c, const struct hsl_node *n, bool want)
{
    unsigned src = hsl_code_push(c, n->u.assign.value);

    hsl_code_pattern(c, n->u.assign.target, src);
    if (!want)
        hsl_code_drop(c, src);
    return src;
}

static unsigned
assign_slice(struct hsl_code *c, const struct hsl_node *n, bool want)
{
    unsigned src;

    if (!want) {
        hsl_code_slice_store(c, n->u.assign.target, n->u.assign.value, 0);
        return HSL_NO_REG;
    }
    src = hsl_code_push(c, n->u.assign.value);
    (void)hsl_code_emit(c, HSL_I_MOVEQ, hsl_code_temp(c), src, 0);
    hsl_code_slice_store(c, n->u.assign.target, NULL, src + 1);
    return src;
}

/* --- op=
 * ------------------------------------------------------------------------------------------------
 */

static void
emit_pathop(struct hsl_code *c, const struct hsl_node *n, const struct hsl_path *p, unsigned dst)
{
    unsigned name = p->root->kind == HSL_N_VAR ? hsl_code_k_name(c, p->root->u.var.name) : 0;

    hsl_code_at(c, p->count ? n->pos : p->root->pos);
    (void)hsl_code_emitx(c, HSL_I_PATHOP, p->count << 2, p->reg, p->keys, dst);
    (void)hsl_code_emit(c, HSL_I_EXT, n->op, 0, name);
}

static unsigned
operate_local(struct hsl_code *c, const struct hsl_node *n)
{
    const struct hsl_node *target = n->u.assign.target;
    unsigned reg = hsl_code_reg(target->u.var.var), right, k;

    if (!hsl_code_is_known(c, target->u.var.var) && !hsl_code_const(c, n->u.assign.value, &k)) {
        /* the value first, then the check, then the operator */
        right = hsl_code_any(c, n->u.assign.value);
        (void)hsl_code_any(c, target);
        hsl_code_at(c, n->pos);
        hsl_code_operate_on(c, (enum hsl_op)n->op, reg, reg, right);
        return reg;
    }
    (void)hsl_code_any(c, target);
    hsl_code_at(c, n->pos);
    if (n->op == HSL_OP_CONCAT && hsl_code_append(c, reg, n->u.assign.value))
        return reg;
    hsl_code_operate(c, (enum hsl_op)n->op, reg, reg, n->u.assign.value);
    return reg;
}

/* $v->name op= value on a plain variable. */
static unsigned
operate_property(struct hsl_code *c, const struct hsl_node *n, bool want)
{
    const struct hsl_node *target = n->u.assign.target, *a = target->u.prop.a;
    unsigned result = want ? hsl_code_temp(c) : HSL_NO_REG, value, slot;
    bool is_slot = hsl_code_slot(c, target, &slot);

    value = hsl_code_any(c, n->u.assign.value);
    if (value == hsl_code_reg(a->u.var.var)) { /* a share of its own: it may be an array */
        value = hsl_code_temp(c);
        hsl_code_move(c, value, hsl_code_reg(a->u.var.var));
    }
    if (!is_slot)
        slot = hsl_code_k_name(c, target->u.prop.name);
    hsl_code_at(c, n->pos);
    (void)hsl_code_emit(
        c, is_slot ? HSL_I_SLOTOP : HSL_I_PROPOP, hsl_code_reg(a->u.var.var), value, result);
    (void)hsl_code_emit(c, HSL_I_EXT, n->op, slot, 0);
    hsl_code_set_known(c, a->u.var.var);
    return result;
}

static unsigned
operate(struct hsl_code *c, const struct hsl_node *n, bool want)
{
    const struct hsl_node *target = n->u.assign.target;
    struct hsl_path p;
    unsigned result = HSL_NO_REG;

    if (is_local(target))
        return operate_local(c, n);
    if (target->kind == HSL_N_PROP && is_local(target->u.prop.a))
        return operate_property(c, n, want);
    if (!hsl_path_take(c, target, &p))
        return c->fn->locals;
    if (want)
        result = hsl_code_temp(c);
    hsl_path_root(c, &p, p.count == 0);
    hsl_path_keys(c, &p);
    (void)hsl_code_push(c, n->u.assign.value);
    emit_pathop(c, n, &p, result);
    hsl_path_done(c, &p);
    return result;
}

unsigned
hsl_code_assign(struct hsl_code *c, const struct hsl_node *n, bool want)
{
    unsigned mark = c->fn->temp, reg;

    if (n->op != HSL_OP_COUNT_)
        reg = operate(c, n, want);
    else if (n->u.assign.target->kind == HSL_N_VAR)
        reg = assign_var(c, n, want);
    else if (n->u.assign.target->kind == HSL_N_PATTERN)
        reg = assign_pattern(c, n, want);
    else if (n->u.assign.target->kind == HSL_N_SLICE)
        reg = assign_slice(c, n, want);
    else
        reg = assign_element(c, n, want);
    c->fn->temp = mark;
    if (want && hsl_code_is_temp(c, reg)) { /* the first temporary, wherever it was */
        hsl_code_move(c, mark, reg);
        return hsl_code_temp(c);
    }
    return reg;
}

/* --- ++ --
 * ------------------------------------------------------------------------------------------------
 */

static unsigned
step_local(struct hsl_code *c, const struct hsl_node *n, bool want)
{
    const struct hsl_node *target = n->u.incdec.target;
    bool dec = n->u.incdec.dec;
    unsigned reg = hsl_code_any(c, target), dst;

    hsl_code_at(c, n->pos);
    if (!want || !n->u.incdec.post) {
        (void)hsl_code_emit(c, dec ? HSL_I_DEC : HSL_I_INC, reg, 0, 0);
        return reg;
    }
    dst = hsl_code_temp(c);
    (void)hsl_code_emit(c, dec ? HSL_I_POSTDEC : HSL_I_POSTINC, dst, reg, 0);
    return dst;
}

unsigned
hsl_code_incdec(struct hsl_code *c, const struct hsl_node *n, bool want)
{
    unsigned mark = c->fn->temp, dst = HSL_NO_REG, name, slot;
    struct hsl_path p;

    if (is_local(n->u.incdec.target))
        return step_local(c, n, want);
    if (hsl_code_slot(c, n->u.incdec.target, &slot)) {
        dst = want ? hsl_code_temp(c) : HSL_NO_REG;
        hsl_code_at(c, n->pos);
        (void)hsl_code_emit(
            c, HSL_I_SLOTINC, hsl_code_reg(n->u.incdec.target->u.prop.a->u.var.var), dst, 0);
        (void)hsl_code_emit(c, HSL_I_EXT, n->u.incdec.dec, n->u.incdec.post, slot);
        return dst;
    }
    if (!hsl_path_take(c, n->u.incdec.target, &p))
        return c->fn->locals;
    if (want)
        dst = hsl_code_temp(c);
    hsl_path_root(c, &p, p.count == 0);
    hsl_path_keys(c, &p);
    name = p.root->kind == HSL_N_VAR ? hsl_code_k_name(c, p.root->u.var.name) : 0;
    hsl_code_at(c, p.count ? n->pos : p.root->pos);
    (void)hsl_code_emitx(c, HSL_I_PATHINC, p.count << 2, p.reg, p.keys, dst);
    (void)hsl_code_emit(c, HSL_I_EXT, n->u.incdec.dec, n->u.incdec.post, name);
    hsl_path_done(c, &p);
    c->fn->temp = want ? mark + 1 : mark;
    return dst;
}

/* --- ??=
 * --------------------------------------------------------------------------------------------------
 */

static unsigned
default_local(struct hsl_code *c, const struct hsl_node *n)
{
    const struct hsl_var *v = n->u.bin.a->u.var.var;
    struct hsl_known known = c->fn->known;
    uint32_t there = hsl_code_emit(c, HSL_I_JNN, hsl_code_reg(v), 0, 0);

    hsl_code_to(c, n->u.bin.b, hsl_code_reg(v));
    hsl_code_patch_here(c, there);
    c->fn->known = known;
    hsl_code_set_known(c, v);
    return hsl_code_reg(v);
}

static unsigned
default_var(struct hsl_code *c, const struct hsl_node *n)
{
    unsigned dst = hsl_code_quiet(c, n->u.bin.a);
    struct hsl_known known = c->fn->known;
    uint32_t there = hsl_code_emit(c, HSL_I_JNN, dst, 0, 0), at;

    hsl_code_to(c, n->u.bin.b, dst);
    (void)refuse_readonly(c, n->u.bin.a);
    at = hsl_code_emit(c, HSL_I_SETVAR, hsl_code_reg(n->u.bin.a->u.var.var), dst, 0);
    hsl_code_keep(c, at, 0);
    hsl_code_patch_here(c, there);
    c->fn->known = known;
    return dst;
}

/* at = the element that the keys of [p] lead to, none if missing; root and keys stay. */
static void
peek(struct hsl_code *c, const struct hsl_path *p, unsigned at)
{
    unsigned base = p->reg;

    if (p->root->kind == HSL_N_VAR && hsl_code_in_cell(p->root->u.var.var)) {
        (void)hsl_code_emit(c, HSL_I_GETVARQ, at, base, 0);
        base = at;
    }
    for (unsigned i = 0; i < p->count; i++) {
        uint32_t get = hsl_code_emit(c, HSL_I_GETIDX, at, base, p->keys + i);

        hsl_code_keep(c, get, 1);
        if (base != at)
            hsl_code_keep(c, get, 0);
        base = at;
    }
}

static unsigned
default_element(struct hsl_code *c, const struct hsl_node *n)
{
    unsigned result = hsl_code_temp(c), value;
    struct hsl_known known;
    uint32_t there, past;
    struct hsl_path p;

    if (!hsl_path_take(c, n->u.bin.a, &p))
        return result;
    hsl_path_root(c, &p, true);
    hsl_path_keys(c, &p);
    hsl_code_at(c, n->u.bin.a->pos);
    value = hsl_code_temp(c);
    peek(c, &p, value);
    there = hsl_code_emit(c, HSL_I_JNN, value, 0, 0);
    known = c->fn->known;
    hsl_code_to(c, n->u.bin.b, value);
    (void)hsl_code_emit(c, HSL_I_MOVEQ, result, value, 0);
    hsl_code_at(c, n->u.bin.a->pos);
    (void)hsl_code_emitx(c, HSL_I_PATHSET, p.count << 2, p.reg, p.keys, 0);
    past = hsl_code_jump(c);
    hsl_code_patch_here(c, there);
    hsl_code_move(c, result, value);
    for (unsigned i = 0; i < p.count; i++)
        hsl_code_drop(c, p.keys + i);
    hsl_code_patch_here(c, past);
    c->fn->known = known;
    hsl_path_done(c, &p);
    return result;
}

unsigned
hsl_code_coalesce_assign(struct hsl_code *c, const struct hsl_node *n, bool want)
{
    unsigned mark = c->fn->temp, reg;

    if (is_local(n->u.bin.a)) {
        reg = default_local(c, n);
        c->fn->temp = mark;
        return reg;
    }
    reg = n->u.bin.a->kind == HSL_N_VAR ? default_var(c, n) : default_element(c, n);
    if (!want)
        hsl_code_drop(c, reg);
    c->fn->temp = want ? reg + 1 : mark;
    return reg;
}

/* --- isset, unset
 * ------------------------------------------------------------------------------------------ */

/* The value is looked for as quietly as ?? does, but the last key itself is asked for. */
void
hsl_code_isset(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    const struct hsl_var *v = n->kind == HSL_N_VAR ? n->u.var.var : NULL;
    unsigned base, key;

    if (v && hsl_code_predef(c, v, NULL) >= 0)
        hsl_code_drop(c, hsl_code_quiet(c, n));
    if (v) {
        (void)hsl_code_emit(c, HSL_I_ISSETVAR, dst, hsl_code_reg(v), 0);
        return;
    }
    if (n->kind == HSL_N_PROP) {
        base = hsl_code_quiet(c, n->u.prop.a);
        key = hsl_code_temp(c);
        (void)hsl_code_emit(c, HSL_I_LOADK, key, hsl_code_k_name(c, n->u.prop.name), 0);
    } else if (n->kind == HSL_N_INDEX) {
        base = hsl_code_quiet(c, n->u.bin.a);
        key = hsl_code_any(c, n->u.bin.b);
    } else {
        base = hsl_code_any(c, n);
        hsl_code_drop(c, base);
        (void)hsl_code_emit(c, HSL_I_LOADK, dst, hsl_code_k(c, hsl_bool(true)), 0);
        return;
    }
    hsl_code_at(c, n->pos);
    (void)hsl_code_emit(c, HSL_I_ISSET, dst, base, key);
}

static void
unset_var(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    if (!refuse_readonly(c, n) && hsl_code_predef(c, n->u.var.var, NULL) >= 0)
        hsl_code_drop(c, hsl_code_quiet(c, n));
    hsl_code_at(c, n->pos);
    (void)hsl_code_emit(c, HSL_I_UNSETVAR, dst, hsl_code_reg(n->u.var.var), 0);
}

void
hsl_code_unset(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    struct hsl_path p;

    if (n->kind == HSL_N_VAR) {
        unset_var(c, n, dst);
    } else if (n->kind == HSL_N_SLICE) {
        hsl_code_slice_unset(c, n, dst);
    } else if (hsl_path_take(c, n, &p)) {
        hsl_path_root(c, &p, true);
        hsl_path_keys(c, &p);
        hsl_code_at(c, n->pos);
        (void)hsl_code_emitx(c, HSL_I_PATHUNSET, p.count << 2, p.reg, p.keys, dst);
        hsl_path_done(c, &p);
    }
}
