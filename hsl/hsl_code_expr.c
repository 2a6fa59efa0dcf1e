/* hsl_code_expr.c - expressions to code: who computes what where.
 *
 * Not here: truth and choice (hsl_code_cond.c), calls (hsl_code_call.c), assignment
 * (hsl_code_assign.c), text (hsl_code_text.c).
 * Recursion follows the tree, whose height the parser bounds.
 * Threads: one per unit. Fails: C15 (hsl_code_fail()). */
#include "config.h"

#include "hsl/hsl_code.h"

/* --- What may change a variable
 * -------------------------------------------------------------------- */

/* Nodes looked at before the answer is "perhaps". */
#define LOOK_MAX 60u

struct look {
    unsigned reg;
    unsigned left;
};

static bool
assigns(struct look *l, const struct hsl_node *n);

static bool
any_assigns(struct look *l, const struct hsl_node *n)
{
    for (; n; n = n->next) {
        if (assigns(l, n))
            return true;
    }
    return false;
}

static bool
is_var(const struct look *l, const struct hsl_node *n)
{
    return n->kind == HSL_N_VAR && hsl_code_reg(n->u.var.var) == l->reg;
}

/* True if evaluating [n] may assign the variable. Only code of the same function can: variables
 * that others reach are in cells, and are read from there when their turn comes. */
static bool
assigns(struct look *l, const struct hsl_node *n)
{
    if (!n)
        return false;
    if (l->left == 0)
        return true;
    l->left--;
    switch (n->kind) {
    case HSL_N_NONE:
    case HSL_N_TRUE:
    case HSL_N_FALSE:
    case HSL_N_NUM:
    case HSL_N_STR:
    case HSL_N_REGEX:
    case HSL_N_VAR:
    case HSL_N_INTERP:
    case HSL_N_NAME:
    case HSL_N_STATIC:
    case HSL_N_FUNCTION:
        return false;
    case HSL_N_INCDEC:
        return is_var(l, n->u.incdec.target) || n->u.incdec.target->kind != HSL_N_VAR;
    case HSL_N_ASSIGN:
        return n->u.assign.target->kind != HSL_N_VAR || is_var(l, n->u.assign.target) ||
               assigns(l, n->u.assign.value);
    case HSL_N_INDEX:
    case HSL_N_BINARY:
    case HSL_N_AND:
    case HSL_N_OR:
    case HSL_N_COALESCE:
        return assigns(l, n->u.bin.a) || assigns(l, n->u.bin.b);
    case HSL_N_UNARY:
    case HSL_N_NOT:
    case HSL_N_ISSET:
        return assigns(l, n->u.un.a);
    case HSL_N_PROP:
        return assigns(l, n->u.prop.a);
    case HSL_N_TERNARY:
        return assigns(l, n->u.tern.a) || assigns(l, n->u.tern.b) || assigns(l, n->u.tern.c);
    case HSL_N_CALL:
        return assigns(l, n->u.call.callee) || any_assigns(l, n->u.call.args);
    case HSL_N_ARRAY:
        return any_assigns(l, n->u.list.first);
    case HSL_N_ELEM:
        return assigns(l, n->u.elem.key) || assigns(l, n->u.elem.value);
    default:
        return true;
    }
}

bool
hsl_code_may_assign(const struct hsl_node *n, unsigned reg)
{
    struct look l = {reg, LOOK_MAX};

    return assigns(&l, n);
}

/* --- Variables
 * ------------------------------------------------------------------------------------- */

/* dst = variable that may be in a cell. */
static void
get_cell(struct hsl_code *c, const struct hsl_node *n, unsigned dst, bool quiet)
{
    const struct hsl_var *v = n->u.var.var;
    long predef = hsl_code_predef(c, v, NULL);

    hsl_code_refuse(c, n, false);
    hsl_code_at(c, n->pos);
    if (predef >= 0)
        (void)hsl_code_emitx(c, HSL_I_GETPRE, quiet, dst, hsl_code_reg(v), (unsigned)predef);
    else if (quiet)
        (void)hsl_code_emit(c, HSL_I_GETVARQ, dst, hsl_code_reg(v), 0);
    else
        (void)hsl_code_emit(c, HSL_I_GETVAR, dst, hsl_code_reg(v), hsl_code_k_name(c, v->name));
}

/* R01 at run time unless the variable is surely assigned. */
static void
check_known(struct hsl_code *c, const struct hsl_node *n)
{
    const struct hsl_var *v = n->u.var.var;

    if (hsl_code_is_known(c, v))
        return;
    hsl_code_at(c, n->pos);
    (void)hsl_code_emit(c, HSL_I_CHECK, hsl_code_reg(v), hsl_code_k_name(c, v->name), 0);
    hsl_code_set_known(c, v);
}

/* --- Operators
 * --------------------------------------------------------------------------------------- */

/* Instructions of their own: for two registers, for a constant on the right (0: none), and for both
 * where the result goes where the left operand is. */
static const struct {
    uint8_t op, op_k, op_to, op_to_k;
} binaries[HSL_OP_COUNT_] = {
    [HSL_OP_ADD] = {HSL_I_ADD, HSL_I_ADDK, HSL_I_ADDTO, HSL_I_ADDTOK},
    [HSL_OP_SUB] = {HSL_I_SUB, HSL_I_SUBK, HSL_I_SUBTO, HSL_I_SUBTOK},
    [HSL_OP_MUL] = {HSL_I_MUL, HSL_I_MULK, HSL_I_MULTO, HSL_I_MULTOK},
    [HSL_OP_DIV] = {HSL_I_DIV, HSL_I_DIVK, 0, 0},
    [HSL_OP_MOD] = {HSL_I_MOD, HSL_I_MODK, 0, 0},
    [HSL_OP_CONCAT] = {HSL_I_CONCAT, HSL_I_CONCATK, 0, 0},
    [HSL_OP_BAND] = {HSL_I_BAND, 0, 0, 0},
    [HSL_OP_BOR] = {HSL_I_BOR, 0, 0, 0},
    [HSL_OP_BXOR] = {HSL_I_BXOR, 0, 0, 0},
    [HSL_OP_SHL] = {HSL_I_SHL, 0, 0, 0},
    [HSL_OP_SHR] = {HSL_I_SHR, 0, 0, 0},
    [HSL_OP_EQ] = {HSL_I_EQ, 0, 0, 0},
    [HSL_OP_NE] = {HSL_I_NE, 0, 0, 0},
    [HSL_OP_LT] = {HSL_I_LT, 0, 0, 0},
    [HSL_OP_GT] = {HSL_I_GT, 0, 0, 0},
    [HSL_OP_LE] = {HSL_I_LE, 0, 0, 0},
    [HSL_OP_GE] = {HSL_I_GE, 0, 0, 0},
};

/* The right operand as a constant of an instruction. */
static bool
right_constant(struct hsl_code *c, enum hsl_op op, const struct hsl_node *right, unsigned *k)
{
    if (!c->optimize)
        return false;
    if ((op == HSL_OP_MATCH || op == HSL_OP_NMATCH) &&
        (right->kind == HSL_N_STR || right->kind == HSL_N_REGEX))
        return hsl_code_regex(c, right, k);
    if (binaries[op].op && !binaries[op].op_k)
        return false;
    return hsl_code_const(c, right, k);
}

/* True for a number that fits into an operand. */
static bool
is_whole(double n)
{
    return n >= 1 && n <= UINT16_MAX && (double)(uint16_t)n == n;
}

/* dst = left operator constant [k] */
static void
operate_on_constant(struct hsl_code *c, enum hsl_op op, unsigned dst, unsigned left, unsigned k)
{
    bool number = hsl_code_k_is_num(c, k);
    unsigned with = dst == left && binaries[op].op_to_k ? binaries[op].op_to_k : binaries[op].op_k;

    if (op == HSL_OP_MOD && number && is_whole(c->prog->k[k].u.num))
        (void)hsl_code_emit(c, HSL_I_MODW, dst, left, (unsigned)c->prog->k[k].u.num);
    else if (with && (number || op == HSL_OP_CONCAT))
        (void)hsl_code_emit(c, (enum hsl_opcode)with, dst, left, k);
    else
        (void)hsl_code_emitx(c, HSL_I_BINARYK, (unsigned)op << 2, dst, left, k);
}

void
hsl_code_operate_on(struct hsl_code *c, enum hsl_op op, unsigned dst, unsigned left, unsigned right)
{
    if (dst == left && binaries[op].op_to && c->optimize)
        (void)hsl_code_emit(c, (enum hsl_opcode)binaries[op].op_to, dst, left, right);
    else if (binaries[op].op)
        (void)hsl_code_emit(c, (enum hsl_opcode)binaries[op].op, dst, left, right);
    else
        (void)hsl_code_emitx(c, HSL_I_BINARY, (unsigned)op << 2, dst, left, right);
}

void
hsl_code_operate(
    struct hsl_code *c, enum hsl_op op, unsigned dst, unsigned left, const struct hsl_node *right)
{
    struct hsl_pos pos = c->fn->pos;
    unsigned k, r;

    if (right_constant(c, op, right, &k)) {
        operate_on_constant(c, op, dst, left, k);
        return;
    }
    r = hsl_code_any(c, right);
    hsl_code_at(c, pos);
    hsl_code_operate_on(c, op, dst, left, r);
}

static void
binary_to(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    unsigned left;

    if (n->op == HSL_OP_CONCAT && c->optimize) {
        hsl_code_text(c, n, dst);
        return;
    }
    left = hsl_code_any_before(c, n->u.bin.a, n->u.bin.b);
    hsl_code_at(c, n->pos);
    hsl_code_operate(c, (enum hsl_op)n->op, dst, left, n->u.bin.b);
}

static void
unary_to(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    unsigned a = hsl_code_any(c, n->u.un.a);

    hsl_code_at(c, n->pos);
    if (n->kind == HSL_N_NOT)
        (void)hsl_code_emit(c, HSL_I_NOT, dst, a, 0);
    else if (n->op == HSL_OP_NEG)
        (void)hsl_code_emit(c, HSL_I_NEG, dst, a, 0);
    else
        (void)hsl_code_emitx(c, HSL_I_UNARY, (unsigned)n->op << 2, dst, a, 0);
}

/* --- Arrays
 * ------------------------------------------------------------------------------------------- */

/* Elements that are laid side by side for one NEWARR. */
#define BATCH_MAX 32u

static bool
is_plain(const struct hsl_node *e)
{
    return !e->u.elem.spread && !e->u.elem.key;
}

static void
array_element(struct hsl_code *c, const struct hsl_node *e, unsigned array)
{
    unsigned mark = c->fn->temp, key, value;

    if (e->u.elem.key && hsl_code_const_key(c, e->u.elem.key, &key)) {
        value = hsl_code_any(c, e->u.elem.value);
        hsl_code_at(c, e->pos);
        (void)hsl_code_emit(c, HSL_I_ARRSETK, array, key, value);
    } else if (e->u.elem.key) {
        key = hsl_code_any_before(c, e->u.elem.key, e->u.elem.value);
        value = hsl_code_any(c, e->u.elem.value);
        hsl_code_at(c, e->pos);
        (void)hsl_code_emit(c, HSL_I_ARRSET, array, key, value);
    } else {
        value = hsl_code_any(c, e->u.elem.value);
        hsl_code_at(c, e->pos);
        (void)hsl_code_emit(c, e->u.elem.spread ? HSL_I_SPREAD : HSL_I_ARRPUSH, array, value, 0);
    }
    c->fn->temp = mark;
}

/* A constant array with the keys of the elements from [n] on, if all are constant texts and
 * different: the literal is then a copy of it with the values put in. NULL: not that simple. */
static struct hsl_arr *
map_keys(struct hsl_code *c, const struct hsl_node *n)
{
    struct hsl_arr *a = c->optimize && n ? hsl_arr_new(c->run, 0) : NULL;
    unsigned count = 0, k;

    for (; a && n; n = n->next, count++) {
        if (count == BATCH_MAX || is_plain(n) || n->u.elem.spread ||
            !hsl_code_const_key(c, n->u.elem.key, &k) || c->prog->k[k].type != HSL_STR ||
            !hsl_arr_set(c->run, a, &c->prog->k[k], hsl_none()))
            break;
    }
    if (a && (n || hsl_arr_count(a) != count)) {
        hsl_unref(c->run, hsl_from_arr(a));
        a = NULL;
    }
    return a;
}

static void
map_literal(struct hsl_code *c, const struct hsl_node *n, struct hsl_arr *keys, unsigned dst)
{
    struct hsl_pos pos = c->fn->pos;
    unsigned first = c->fn->temp;

    for (; n; n = n->next)
        (void)hsl_code_push(c, n->u.elem.value);
    hsl_code_at(c, pos);
    (void)hsl_code_emit(c, HSL_I_NEWMAP, dst, hsl_code_k(c, hsl_from_arr(keys)), first);
}

void
hsl_code_array(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    struct hsl_pos pos = c->fn->pos;
    unsigned array = c->fn->temp, count = 0;
    struct hsl_arr *keys = map_keys(c, n);

    if (keys) {
        map_literal(c, n, keys, dst);
        return;
    }

    for (; n && is_plain(n) && count < BATCH_MAX; n = n->next, count++)
        (void)hsl_code_push(c, n->u.elem.value);
    hsl_code_at(c, pos);
    c->fn->temp = array;
    if (!n) {
        (void)hsl_code_emit(c, HSL_I_NEWARR, dst, array, count);
        return;
    }
    (void)hsl_code_temp(c);
    (void)hsl_code_emit(c, HSL_I_NEWARR, array, array, count);
    for (; n; n = n->next)
        array_element(c, n, array);
    hsl_code_move(c, dst, array);
}

/* --- Subscripts
 * ---------------------------------------------------------------------------------------- */

/* dst = base[key of n]; INDEX or PROP. */
static void
index_to(struct hsl_code *c, const struct hsl_node *n, unsigned base, unsigned dst)
{
    unsigned k, key;

    if (n->kind == HSL_N_PROP) {
        hsl_code_at(c, n->pos);
        if (hsl_code_slot(c, n, &k))
            (void)hsl_code_emit(c, HSL_I_GETSLOT, dst, base, k);
        else
            (void)hsl_code_emit(c, HSL_I_GETPROP, dst, base, hsl_code_k_name(c, n->u.prop.name));
        return;
    }
    if (hsl_code_const_key(c, n->u.bin.b, &k)) {
        hsl_code_at(c, n->pos);
        (void)hsl_code_emit(c, HSL_I_GETIDXK, dst, base, k);
        return;
    }
    key = hsl_code_any(c, n->u.bin.b);
    hsl_code_at(c, n->pos);
    (void)hsl_code_emit(c, HSL_I_GETIDX, dst, base, key);
}

static void
subscript_to(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    const struct hsl_node *a = n->kind == HSL_N_PROP ? n->u.prop.a : n->u.bin.a;
    unsigned base = hsl_code_any_before(c, a, n->kind == HSL_N_PROP ? NULL : n->u.bin.b);

    index_to(c, n, base, dst);
}

unsigned
hsl_code_quiet(struct hsl_code *c, const struct hsl_node *n)
{
    unsigned mark = c->fn->temp, base;
    const struct hsl_var *v = n->kind == HSL_N_VAR ? n->u.var.var : NULL;

    if (v && !hsl_code_in_cell(v))
        return hsl_code_reg(v);
    if (v) {
        get_cell(c, n, mark, true);
    } else if (n->kind == HSL_N_INDEX || n->kind == HSL_N_PROP) {
        const struct hsl_node *a = n->kind == HSL_N_PROP ? n->u.prop.a : n->u.bin.a;

        base = hsl_code_quiet(c, a);
        if (n->kind == HSL_N_INDEX && !hsl_code_is_temp(c, base) && a->kind == HSL_N_VAR &&
            hsl_code_may_assign(n->u.bin.b, base)) {
            (void)hsl_code_emit(c, HSL_I_MOVEQ, hsl_code_temp(c), base, 0);
            base = mark;
        }
        index_to(c, n, base, mark);
    } else {
        return hsl_code_any(c, n);
    }
    c->fn->temp = mark;
    return hsl_code_temp(c);
}

/* --- All of them
 * ----------------------------------------------------------------------------------------- */

/* The register where an assignment left its value goes to [dst]. */
static void
result_to(struct hsl_code *c, unsigned reg, unsigned dst)
{
    hsl_code_move(c, dst, reg);
}

/* dst = what `yield key => value` gives: none, when the function goes on. */
static void
yield_to(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    unsigned key = HSL_NO_REG, value;

    if (n->u.bin.a)
        key = hsl_code_any_before(c, n->u.bin.a, n->u.bin.b);
    if (n->u.bin.b) {
        value = hsl_code_any(c, n->u.bin.b);
    } else {
        value = hsl_code_temp(c);
        (void)hsl_code_emit(c, HSL_I_LOADK, value, hsl_code_k(c, hsl_none()), 0);
    }
    hsl_code_at(c, n->pos);
    (void)hsl_code_emit(c, HSL_I_YIELD, dst, value, key);
}

static void
compound_to(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    switch (n->kind) {
    case HSL_N_MATCH:
        hsl_code_match(c, n, dst);
        break;
    case HSL_N_NAME:
        hsl_code_name(c, n, dst);
        break;
    case HSL_N_STATIC:
        hsl_code_refuse(c, n, false);
        hsl_code_function(c, n->u.scoped.sym->function, dst);
        break;
    case HSL_N_FUNCTION:
        hsl_code_function(c, n->u.function, dst);
        break;
    case HSL_N_YIELD:
        yield_to(c, n, dst);
        break;
    case HSL_N_ISSET:
        hsl_code_isset(c, n->u.un.a, dst);
        break;
    case HSL_N_UNSET:
        hsl_code_unset(c, n->u.un.a, dst);
        break;
    case HSL_N_CALL:
        hsl_code_call(c, n, dst);
        break;
    case HSL_N_CACHE:
        hsl_code_cache(c, n, dst);
        break;
    case HSL_N_SLICE:
        hsl_code_slice(c, n, dst);
        break;
    case HSL_N_TERNARY:
        hsl_code_ternary(c, n, dst);
        break;
    case HSL_N_COALESCE:
        hsl_code_coalesce(c, n, dst);
        break;
    case HSL_N_ASSIGN:
        result_to(c, hsl_code_assign(c, n, true), dst);
        break;
    case HSL_N_COALESCE_ASSIGN:
        result_to(c, hsl_code_coalesce_assign(c, n, true), dst);
        break;
    case HSL_N_INCDEC:
        result_to(c, hsl_code_incdec(c, n, true), dst);
        break;
    default:
        hsl_code_at(c, n->pos);
        (void)hsl_code_fail(c, "expression that is not supported yet");
        break;
    }
}

static void
object_to(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    unsigned array = hsl_code_temp(c);

    hsl_code_array(c, n->u.list.first, array);
    (void)hsl_code_emit(c, HSL_I_NEWOBJ, dst, array, 0);
}

static void
var_to(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    if (hsl_code_in_cell(n->u.var.var)) {
        get_cell(c, n, dst, false);
    } else {
        check_known(c, n);
        hsl_code_move(c, dst, hsl_code_reg(n->u.var.var));
    }
}

void
hsl_code_to(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    unsigned mark = c->fn->temp, k;

    if (c->failed)
        return;
    if (dst >= c->fn->regs && hsl_code_is_temp(c, dst)) /* the next temporary, not reserved */
        c->fn->regs = dst + 1;
    if (hsl_code_const(c, n, &k) || (n->kind == HSL_N_REGEX && hsl_code_regex(c, n, &k))) {
        (void)hsl_code_emit(c, HSL_I_LOADK, dst, k, 0);
        return;
    }
    hsl_code_at(c, n->pos);
    switch (n->kind) {
    case HSL_N_VAR:
        var_to(c, n, dst);
        break;
    case HSL_N_INTERP:
        hsl_code_text(c, n, dst);
        break;
    case HSL_N_ARRAY:
        hsl_code_array(c, n->u.list.first, dst);
        break;
    case HSL_N_OBJECT:
        object_to(c, n, dst);
        break;
    case HSL_N_BINARY:
        binary_to(c, n, dst);
        break;
    case HSL_N_UNARY:
    case HSL_N_NOT:
        unary_to(c, n, dst);
        break;
    case HSL_N_AND:
    case HSL_N_OR:
        hsl_code_logic(c, n, dst);
        break;
    case HSL_N_INDEX:
    case HSL_N_PROP:
        subscript_to(c, n, dst);
        break;
    default:
        compound_to(c, n, dst);
        break;
    }
    c->fn->temp = mark;
}

unsigned
hsl_code_push(struct hsl_code *c, const struct hsl_node *n)
{
    unsigned dst = c->fn->temp;

    hsl_code_to(c, n, dst);
    c->fn->temp = dst;
    return hsl_code_temp(c);
}

void
hsl_code_push_k(struct hsl_code *c, unsigned k)
{
    (void)hsl_code_emit(c, HSL_I_LOADK, hsl_code_temp(c), k, 0);
}

unsigned
hsl_code_any(struct hsl_code *c, const struct hsl_node *n)
{
    if (c->failed)
        return c->fn->locals;
    if (n->kind == HSL_N_VAR && !hsl_code_in_cell(n->u.var.var)) {
        check_known(c, n);
        return hsl_code_reg(n->u.var.var);
    }
    if (n->kind == HSL_N_ASSIGN && n->u.assign.target->kind == HSL_N_VAR &&
        !hsl_code_in_cell(n->u.assign.target->u.var.var))
        return hsl_code_assign(c, n, true);
    return hsl_code_push(c, n);
}

unsigned
hsl_code_any_before(struct hsl_code *c, const struct hsl_node *n, const struct hsl_node *later)
{
    const struct hsl_node *v = n->kind == HSL_N_ASSIGN ? n->u.assign.target : n;

    if (later && v->kind == HSL_N_VAR && hsl_code_may_assign(later, hsl_code_reg(v->u.var.var)))
        return hsl_code_push(c, n);
    return hsl_code_any(c, n);
}

void
hsl_code_effect(struct hsl_code *c, const struct hsl_node *n)
{
    unsigned mark = c->fn->temp;

    switch (n->kind) {
    case HSL_N_ASSIGN:
        (void)hsl_code_assign(c, n, false);
        break;
    case HSL_N_COALESCE_ASSIGN:
        (void)hsl_code_coalesce_assign(c, n, false);
        break;
    case HSL_N_INCDEC:
        (void)hsl_code_incdec(c, n, false);
        break;
    default:
        hsl_code_drop(c, hsl_code_any(c, n));
        break;
    }
    c->fn->temp = mark;
}
