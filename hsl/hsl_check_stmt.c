/* hsl_check_stmt.c - statements: jumps out of loops (C08), what is only allowed at the top level
 * (C09), `global` (C06), and code that is never reached (W4).
 *
 * Each check gives true if control can run off the end of the statement. It errs towards true: a
 * warning must never be wrong.
 *
 * Threads: one per unit. Fails: C06, C08, C09. */
#include "config.h"

#include "hsl/hsl_check.h"

static bool check_statement(struct hsl_check *c, struct hsl_node *n);

/* --- Loops and branches ----------------------------------------------------------------------- */

/* The body of a loop. True if a `break` leaves it. */
static bool
check_loop_body(struct hsl_check *c, struct hsl_node *body)
{
    struct hsl_check_jump jump = {.outer = c->jump};

    c->jump = &jump;
    (void)check_statement(c, body);
    c->jump = jump.outer;
    return jump.broken;
}

/* A condition that is always true. */
static bool
is_endless(const struct hsl_node *cond)
{
    return !cond || cond->kind == HSL_N_TRUE || (cond->kind == HSL_N_NUM && cond->u.num != 0);
}

static bool
check_loop(struct hsl_check *c, struct hsl_node *n)
{
    bool broken;

    if (n->u.loop.init)
        hsl_check_expr(c, n->u.loop.init);
    if (n->u.loop.cond)
        hsl_check_expr(c, n->u.loop.cond);
    broken = check_loop_body(c, n->u.loop.body);
    if (n->u.loop.step)
        hsl_check_expr(c, n->u.loop.step);
    return broken || !is_endless(n->u.loop.cond);
}

static bool
check_foreach(struct hsl_check *c, struct hsl_node *n)
{
    hsl_check_expr(c, n->u.foreach.subject);
    if (n->u.foreach.key)
        hsl_check_target(c, n->u.foreach.key);
    hsl_check_target(c, n->u.foreach.value);
    (void)check_loop_body(c, n->u.foreach.body);
    return true;
}

/* `if` with all its `else if`, without recursion. */
static bool
check_if(struct hsl_check *c, struct hsl_node *n)
{
    bool reaches = false;

    for (; n && n->kind == HSL_N_IF; n = n->u.tern.c) {
        hsl_check_expr(c, n->u.tern.a);
        if (check_statement(c, n->u.tern.b))
            reaches = true;
    }
    if (!n || check_statement(c, n))
        reaches = true;
    return reaches;
}

static bool
check_switch(struct hsl_check *c, struct hsl_node *n)
{
    struct hsl_check_jump jump = {.outer = c->jump, .is_switch = true};
    bool has_default = false, reaches = true;

    hsl_check_expr(c, n->u.match.subject);
    c->jump = &jump;
    for (struct hsl_node *arm = n->u.match.arms; arm; arm = arm->next) {
        hsl_check_exprs(c, arm->u.arm.tests);
        has_default = has_default || arm->u.arm.is_default;
        reaches = hsl_check_statements(c, arm->u.arm.body->u.list.first);
    }
    c->jump = jump.outer;
    return reaches || jump.broken || !has_default;
}

static bool
check_break(struct hsl_check *c, const struct hsl_node *n)
{
    if (!c->jump)
        return hsl_unit_error(c->u, "C08", n->pos, "break outside of a loop") != 0;
    c->jump->broken = true;
    return false;
}

static bool
check_continue(struct hsl_check *c, const struct hsl_node *n)
{
    const struct hsl_check_jump *jump = c->jump;

    while (jump && jump->is_switch)
        jump = jump->outer;
    if (!jump)
        return hsl_unit_error(c->u, "C08", n->pos, "continue outside of a loop") != 0;
    return false;
}

static bool
check_try(struct hsl_check *c, struct hsl_node *n)
{
    bool body = check_statement(c, n->u.trycatch.body);

    hsl_check_var_write(c, n->u.trycatch.var);
    return check_statement(c, n->u.trycatch.handler) || body;
}

/* The variable may be undefined inside: as unset() would leave it. */
static bool
check_barrier(struct hsl_check *c, struct hsl_node *n)
{
    struct hsl_node *var = n->u.barrier.var;
    bool in_barrier = c->in_barrier, reaches;

    hsl_check_expr(c, n->u.barrier.name);
    if (var) {
        hsl_check_target(c, var);
        if (var->u.var.var)
            var->u.var.var->unset = true;
    }
    c->in_barrier = true;
    reaches = check_statement(c, n->u.barrier.body);
    c->in_barrier = in_barrier;
    return reaches;
}

/* --- Simple ones ------------------------------------------------------------------------------ */

/* A call that ends the run whatever it is given: options such as ["done" => false] could say
 * otherwise, so that only plain texts and numbers count. */
static bool
is_final_call(const struct hsl_node *n)
{
    const struct hsl_symbol *s;

    if (n->kind != HSL_N_CALL || n->u.call.callee->kind != HSL_N_NAME || n->u.call.spread)
        return false;
    s = n->u.call.callee->u.name.sym;
    if (!s || !s->builtin || !(s->builtin->flags & HSL_FINAL))
        return false;
    for (const struct hsl_node *arg = n->u.call.args; arg; arg = arg->next)
        if (arg->kind != HSL_N_STR && arg->kind != HSL_N_INTERP && arg->kind != HSL_N_NUM)
            return false;
    return true;
}

static bool
check_expr_statement(struct hsl_check *c, struct hsl_node *n)
{
    hsl_check_expr(c, n->u.un.a);
    return !is_final_call(n->u.un.a);
}

static bool
check_echo(struct hsl_check *c, struct hsl_node *n)
{
    bool in_log = c->in_log;

    c->in_log = true;
    hsl_check_expr(c, n->u.un.a);
    c->in_log = in_log;
    return true;
}

/* return, throw */
static bool
check_leave(struct hsl_check *c, struct hsl_node *n)
{
    if (n->u.un.a)
        hsl_check_expr(c, n->u.un.a);
    return false;
}

/* Binds one name of `global`. */
static void
check_global_var(struct hsl_check *c, struct hsl_node *n)
{
    struct hsl_check_var *inner, *outer;

    if (hsl_name_isz(n->u.var.name, "this") || hsl_check_find_var(c->scope, n->u.var.name)) {
        hsl_unit_error(c->u, "C06", n->pos, "$%.*s is already used in this function",
            HSL_NAME_ARGS(n->u.var.name));
        return;
    }
    outer = hsl_check_var(c, c->u->globals, n->u.var.name, n->pos);
    inner = hsl_check_var(c, c->scope, n->u.var.name, n->pos);
    if (!inner || !outer)
        return;
    outer->v.captured = true;
    outer->shared = true;
    inner->v.captured = true;
    inner->v.global = true;
    inner->v.outer = &outer->v;
    n->u.var.var = &inner->v;
}

static bool
check_global(struct hsl_check *c, struct hsl_node *n)
{
    if (!c->scope->function) {
        hsl_unit_error(c->u, "C06", n->pos, "global is only allowed in functions");
        return true;
    }
    for (struct hsl_node *v = n->u.list.first; v; v = v->next)
        check_global_var(c, v);
    return true;
}

/* import, class */
static bool
check_top_level(struct hsl_check *c, struct hsl_node *n)
{
    bool import = n->kind == HSL_N_IMPORT;

    if (c->scope->function || (import && c->nested > 1))
        hsl_unit_error(c->u, "C09", n->pos, "%s is only allowed at the top level",
            import ? "import" : "class");
    else if (import)
        hsl_check_import_place(c, n);
    else
        hsl_check_class(c, n->u.class);
    return true;
}

/* The statements of a file stand where the include does. */
static bool
check_include(struct hsl_check *c, struct hsl_node *n)
{
    bool reaches;

    c->nested--;
    reaches = hsl_check_statements(c, n->u.include.body->u.list.first);
    c->nested++;
    return reaches;
}

/* --- All of them ------------------------------------------------------------------------------ */

static bool
dispatch(struct hsl_check *c, struct hsl_node *n)
{
    switch (n->kind) {
    case HSL_N_EXPR:
        return check_expr_statement(c, n);
    case HSL_N_ECHO:
        return check_echo(c, n);
    case HSL_N_BLOCK:
        return hsl_check_statements(c, n->u.list.first);
    case HSL_N_IF:
        return check_if(c, n);
    case HSL_N_WHILE:
    case HSL_N_FOR:
        return check_loop(c, n);
    case HSL_N_FOREACH:
        return check_foreach(c, n);
    case HSL_N_SWITCH:
        return check_switch(c, n);
    case HSL_N_BREAK:
        return check_break(c, n);
    case HSL_N_CONTINUE:
        return check_continue(c, n);
    case HSL_N_RETURN:
    case HSL_N_THROW:
        return check_leave(c, n);
    case HSL_N_TRY:
        return check_try(c, n);
    case HSL_N_GLOBAL:
        return check_global(c, n);
    case HSL_N_INCLUDE:
        return check_include(c, n);
    case HSL_N_IMPORT:
    case HSL_N_CLASS:
        return check_top_level(c, n);
    case HSL_N_FUNCDECL:
        hsl_check_function(c, n->u.function);
        return true;
    case HSL_N_BARRIER:
        return check_barrier(c, n);
    default: /* the empty statement */
        return true;
    }
}

static bool
check_statement(struct hsl_check *c, struct hsl_node *n)
{
    bool reaches;

    c->nested++;
    reaches = dispatch(c, n);
    c->nested--;
    return reaches;
}

/* Declarations count wherever they stand, and `return x; break;` is a habit. */
static bool
may_be_unreachable(const struct hsl_node *n)
{
    return n->kind == HSL_N_FUNCDECL || n->kind == HSL_N_CLASS || n->kind == HSL_N_EMPTY ||
           n->kind == HSL_N_BREAK;
}

bool
hsl_check_statements(struct hsl_check *c, struct hsl_node *n)
{
    bool reaches = true, warned = false;

    for (; n; n = n->next) {
        if (!reaches && !warned && !may_be_unreachable(n)) {
            hsl_unit_warn(c->u, "W4", n->pos, "unreachable code");
            warned = true;
        }
        if (!check_statement(c, n))
            reaches = false;
    }
    return reaches;
}
