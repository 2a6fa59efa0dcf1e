/* hsl_check_expr.c - names in expressions, and what is assigned to. Not here: calls
 * (hsl_check_call.c), statements (hsl_check_stmt.c).
 * Threads: one per unit. Fails: C03, C04, C05, C12, C14; W8. */
#include "config.h"

#include "hsl/hsl_check.h"

/* --- Chains ----------------------------------------------------------------------------------- */

/* `$v[]` where a value is wanted. */
static void
append_read(struct hsl_check *c, const struct hsl_node *n)
{
    hsl_unit_error(c->u, "C12", hsl_node_start(n), "left side of assignment is not assignable");
}

/* Class::name, static::name. True if it became a variable. */
static bool
check_static(struct hsl_check *c, struct hsl_node *n)
{
    struct hsl_name left = n->u.scoped.left;
    struct hsl_class_decl *d = c->scope->class;
    const struct hsl_symbol *s;

    if (!hsl_name_isz(left, "static")) {
        s = hsl_check_find_symbol(c, left);
        d = s ? s->class : NULL;
    }
    if (d)
        return hsl_check_member(c, n, d) && n->kind == HSL_N_VAR;
    if (hsl_name_isz(left, "static"))
        hsl_unit_error(c->u, "C03", n->pos, "static is not allowed here");
    else if (!c->imports)
        hsl_unit_error(c->u, "C04", n->pos, "unknown class %.*s", HSL_NAME_ARGS(left));
    return false;
}

static void
check_slice_bounds(struct hsl_check *c, struct hsl_node *n)
{
    if (n->u.slice.first)
        hsl_check_expr(c, n->u.slice.first);
    if (n->u.slice.last)
        hsl_check_expr(c, n->u.slice.last);
    if (n->u.slice.step)
        hsl_check_expr(c, n->u.slice.step);
}

static bool
is_this(const struct hsl_node *n)
{
    return n->kind == HSL_N_VAR && hsl_name_isz(n->u.var.name, "this");
}

/* The lvalue [n] in isset, unset, on the left of ?? and ??=: its variable need not exist. [unset]:
 * it is changed. */
static void
check_quiet(struct hsl_check *c, struct hsl_node *n, bool unset)
{
    hsl_check_namespace(c, n);
    switch (n->kind) {
    case HSL_N_VAR:
        hsl_check_var_quiet(c, n);
        if (unset)
            hsl_check_var_writable(c, n);
        if (unset && n->u.var.var)
            n->u.var.var->unset = true;
        break;
    case HSL_N_INDEX:
        check_quiet(c, n->u.bin.a, unset && !is_this(n->u.bin.a));
        if (n->u.bin.b)
            hsl_check_expr(c, n->u.bin.b);
        else
            append_read(c, n);
        break;
    case HSL_N_SLICE:
        check_quiet(c, n->u.slice.a, unset);
        check_slice_bounds(c, n);
        break;
    case HSL_N_PROP:
        check_quiet(c, n->u.prop.a, false);
        break;
    case HSL_N_STATIC:
        if (check_static(c, n))
            check_quiet(c, n, unset);
        break;
    default:
        hsl_check_expr(c, n);
        break;
    }
}

static void
check_pattern_targets(struct hsl_check *c, struct hsl_node *n)
{
    for (struct hsl_node *e = n->u.list.first; e; e = e->next) {
        if (e->u.elem.key)
            hsl_check_expr(c, e->u.elem.key);
        if (e->u.elem.def)
            hsl_check_expr(c, e->u.elem.def);
        hsl_check_target(c, e->u.elem.value);
    }
}

/* The variable at the start of a chain that is written to is made if it is not there. */
static void
note_made(const struct hsl_node *n)
{
    while (n->kind == HSL_N_PROP || n->kind == HSL_N_INDEX)
        n = n->kind == HSL_N_PROP ? n->u.prop.a : n->u.bin.a;
    if (n->kind == HSL_N_VAR && n->u.var.var)
        n->u.var.var->assigned = true;
}

void
hsl_check_target(struct hsl_check *c, struct hsl_node *n)
{
    hsl_check_namespace(c, n);
    switch (n->kind) {
    case HSL_N_VAR:
        hsl_check_var_write(c, n);
        break;
    case HSL_N_INDEX:
        if (is_this(n->u.bin.a)) /* the variable itself does not change */
            hsl_check_expr(c, n->u.bin.a);
        else
            hsl_check_target(c, n->u.bin.a);
        if (n->u.bin.b)
            hsl_check_expr(c, n->u.bin.b);
        break;
    case HSL_N_SLICE:
        hsl_check_target(c, n->u.slice.a);
        check_slice_bounds(c, n);
        break;
    case HSL_N_PROP: /* objects are references: the variable itself does not change */
        hsl_check_expr(c, n->u.prop.a);
        note_made(n->u.prop.a);
        break;
    case HSL_N_PATTERN:
        check_pattern_targets(c, n);
        break;
    case HSL_N_STATIC:
        if (check_static(c, n))
            hsl_check_target(c, n);
        break;
    default:
        hsl_check_expr(c, n);
        break;
    }
}

/* --- Operators -------------------------------------------------------------------------------- */

/* An expression whose value is never a boolean, as far as one can see. */
static bool
is_never_boolean(const struct hsl_node *n)
{
    switch (n->kind) {
    case HSL_N_NUM:
    case HSL_N_STR:
    case HSL_N_INTERP:
    case HSL_N_REGEX:
    case HSL_N_ARRAY:
    case HSL_N_FUNCTION:
    case HSL_N_UNARY:
        return true;
    case HSL_N_BINARY:
        return n->op < HSL_OP_EQ;
    case HSL_N_VAR:
        return n->u.var.var && hsl_check_var_not_boolean(n->u.var.var);
    default:
        return false;
    }
}

static bool
is_truth_literal(const struct hsl_node *n)
{
    return n->kind == HSL_N_TRUE || n->kind == HSL_N_FALSE;
}

static void
check_binary(struct hsl_check *c, struct hsl_node *n)
{
    struct hsl_node *a = n->u.bin.a, *b = n->u.bin.b;

    hsl_check_expr(c, a);
    hsl_check_expr(c, b);
    if (n->op == HSL_OP_MATCH || n->op == HSL_OP_NMATCH) {
        if (b->kind == HSL_N_STR)
            hsl_check_pattern(c, b);
        return;
    }
    if (n->op != HSL_OP_EQ && n->op != HSL_OP_NE)
        return;
    if ((is_truth_literal(a) && is_never_boolean(b)) ||
        (is_truth_literal(b) && is_never_boolean(a)))
        hsl_unit_warn(c->u, "W8", n->pos,
            "true and false equal 1 and 0 only; test the value itself for truth");
}

static void
check_assign(struct hsl_check *c, struct hsl_node *n)
{
    /* The value first: `$x = $x + 1` reads before it assigns. */
    hsl_check_expr(c, n->u.assign.value);
    hsl_check_target(c, n->u.assign.target);
}

static void
check_match(struct hsl_check *c, struct hsl_node *n)
{
    hsl_check_expr(c, n->u.match.subject);
    for (struct hsl_node *arm = n->u.match.arms; arm; arm = arm->next) {
        hsl_check_exprs(c, arm->u.arm.tests);
        hsl_check_expr(c, arm->u.arm.body);
    }
}

static void
check_elem(struct hsl_check *c, struct hsl_node *n)
{
    if (n->u.elem.key)
        hsl_check_expr(c, n->u.elem.key);
    hsl_check_expr(c, n->u.elem.value);
}

/* A function that stops may never go on: it must not hold a lock then. */
static void
check_yield(struct hsl_check *c, struct hsl_node *n)
{
    if (c->in_barrier || c->scope->function->is_constructor)
        hsl_unit_error(c->u, "C03", n->pos, "yield is not allowed here");
    if (n->u.bin.a)
        hsl_check_expr(c, n->u.bin.a);
    if (n->u.bin.b)
        hsl_check_expr(c, n->u.bin.b);
}

/* --- All of them ------------------------------------------------------------------------------ */

void
hsl_check_exprs(struct hsl_check *c, struct hsl_node *n)
{
    for (; n; n = n->next)
        hsl_check_expr(c, n);
}

/* Expressions made of others by assignment, choice or call. */
static void
check_compound(struct hsl_check *c, struct hsl_node *n)
{
    switch (n->kind) {
    case HSL_N_ASSIGN:
        check_assign(c, n);
        break;
    case HSL_N_COALESCE_ASSIGN:
        check_quiet(c, n->u.bin.a, false);
        hsl_check_expr(c, n->u.bin.b);
        hsl_check_target(c, n->u.bin.a);
        break;
    case HSL_N_COALESCE:
        check_quiet(c, n->u.bin.a, false);
        hsl_check_expr(c, n->u.bin.b);
        break;
    case HSL_N_YIELD:
        check_yield(c, n);
        break;
    case HSL_N_TERNARY:
        hsl_check_expr(c, n->u.tern.a);
        if (n->u.tern.b)
            hsl_check_expr(c, n->u.tern.b);
        hsl_check_expr(c, n->u.tern.c);
        break;
    case HSL_N_INCDEC:
        hsl_check_target(c, n->u.incdec.target);
        break;
    case HSL_N_MATCH:
        check_match(c, n);
        break;
    case HSL_N_CALL:
        hsl_check_call(c, n);
        break;
    case HSL_N_CACHE:
        hsl_check_cache(c, n);
        break;
    case HSL_N_FUNCTION:
        hsl_check_function(c, n->u.function);
        break;
    default:
        break;
    }
}

void
hsl_check_expr(struct hsl_check *c, struct hsl_node *n)
{
    hsl_check_namespace(c, n);
    switch (n->kind) {
    case HSL_N_VAR:
        hsl_check_var_read(c, n);
        break;
    case HSL_N_INTERP:
    case HSL_N_ARRAY:
        hsl_check_exprs(c, n->u.list.first);
        break;
    case HSL_N_ELEM:
        check_elem(c, n);
        break;
    case HSL_N_REGEX:
        hsl_check_pattern(c, n);
        break;
    case HSL_N_NAME:
        (void)hsl_check_resolve(c, n);
        break;
    case HSL_N_STATIC:
        if (check_static(c, n))
            hsl_check_var_read(c, n);
        break;
    case HSL_N_OBJECT:
        hsl_unit_warn(c->u, "W3", n->pos, "object [...] is deprecated; declare a class");
        hsl_check_exprs(c, n->u.list.first);
        break;
    case HSL_N_ISSET:
    case HSL_N_UNSET:
        check_quiet(c, n->u.un.a, n->kind == HSL_N_UNSET);
        break;
    case HSL_N_INDEX:
        hsl_check_expr(c, n->u.bin.a);
        if (n->u.bin.b)
            hsl_check_expr(c, n->u.bin.b);
        else
            append_read(c, n);
        break;
    case HSL_N_SLICE:
        hsl_check_expr(c, n->u.slice.a);
        check_slice_bounds(c, n);
        break;
    case HSL_N_PROP:
        hsl_check_expr(c, n->u.prop.a);
        break;
    case HSL_N_UNARY:
    case HSL_N_NOT:
        hsl_check_expr(c, n->u.un.a);
        break;
    case HSL_N_BINARY:
        check_binary(c, n);
        break;
    case HSL_N_AND:
    case HSL_N_OR:
        hsl_check_expr(c, n->u.bin.a);
        hsl_check_expr(c, n->u.bin.b);
        break;
    default:
        check_compound(c, n);
        break;
    }
}
