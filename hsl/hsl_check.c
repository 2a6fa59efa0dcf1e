/* hsl_check.c - names and rules that need no run: the way in, and functions. Not here: scopes
 * (hsl_check_scope.c), expressions (hsl_check_expr.c), calls (hsl_check_call.c), statements
 * (hsl_check_stmt.c), code (hsl_code.c).
 *
 * One walk over the tree, which the parser has made no higher than recursion can bear. It leaves a
 * struct hsl_var in every variable and a struct hsl_symbol in every bare name; the list of
 * functions holds those that count, in order of appearance (a file included twice declares once).
 *
 * Threads: one per unit. Fails: on errors of the script, without memory; all are in the unit's
 * diagnostics. */
#include "config.h"

#include "hsl/hsl_check.h"

/* --- Functions -------------------------------------------------------------------------------- */

/* Enters the parameters of [f] in its scope. */
static void
check_params(struct hsl_check *c, struct hsl_function *f)
{
    uint32_t index = 0;

    for (struct hsl_param *p = f->params; p; p = p->next) {
        struct hsl_check_var *cv = hsl_check_var(c, f->scope, p->name, p->pos);

        if (!cv)
            return;
        cv->v.param = true;
        cv->v.index = index++;
        p->var = &cv->v;
        if (hsl_name_isz(p->name, "this"))
            hsl_unit_error(c->u, "C05", p->pos, "cannot assign to read-only variable $this");
        if (p->def && !hsl_node_is_const(p->def))
            hsl_unit_error(c->u, "C01", hsl_node_start(p->def),
                "syntax error, the default of $%.*s is not a constant expression",
                HSL_NAME_ARGS(p->name));
    }
}

/* Ties the variables listed in closure(...) to those of the current scope. */
static void
check_captures(struct hsl_check *c, struct hsl_function *f)
{
    for (struct hsl_node *n = f->captures; n; n = n->next) {
        struct hsl_check_var *inner, *outer;

        if (hsl_name_isz(n->u.var.name, "this")) {
            hsl_unit_error(
                c->u, "C05", n->pos, "$this is captured by itself and cannot be listed");
            continue;
        }
        if (hsl_check_find_var(f->scope, n->u.var.name)) {
            hsl_unit_error(
                c->u, "C04", n->pos, "$%.*s is already defined", HSL_NAME_ARGS(n->u.var.name));
            continue;
        }
        outer = hsl_check_var(c, c->scope, n->u.var.name, n->pos);
        inner = hsl_check_var(c, f->scope, n->u.var.name, n->pos);
        if (!inner || !outer)
            return;
        outer->v.captured = true;
        outer->shared = true;
        inner->v.captured = true;
        inner->v.capture = true;
        inner->v.outer = &outer->v;
        n->u.var.var = &inner->v;
    }
}

/* The body of [f], as if nothing stood around it. */
static void
check_body(struct hsl_check *c, struct hsl_function *f)
{
    struct hsl_check around = *c;

    c->scope = f->scope;
    c->jump = NULL;
    c->in_log = false;
    c->in_barrier = false;
    hsl_check_hoist(c, f->body->u.list.first);
    (void)hsl_check_statements(c, f->body->u.list.first);
    hsl_check_scope_end(c, f->scope);
    c->scope = around.scope;
    c->jump = around.jump;
    c->in_log = around.in_log;
    c->in_barrier = around.in_barrier;
}

void
hsl_check_function(struct hsl_check *c, struct hsl_function *f)
{
    if (f->scope) /* declared by a file that is included again */
        return;
    f->scope = hsl_check_scope_new(c, f);
    if (!f->scope)
        return;
    *c->functions_end = f;
    c->functions_end = &f->next;
    if (f->is_method)
        f->uses_this = f->scope->instance = !f->is_static;
    else if (f->name.len == 0)
        f->scope->instance = c->scope->instance;
    check_params(c, f);
    check_captures(c, f);
    check_body(c, f);
}

/* --- The way in ------------------------------------------------------------------------------- */

/* The compiler wants one list of all functions of the program, and one of all classes. */
static void
gather(struct hsl_check *c)
{
    for (struct hsl_unit *m = c->u->next_module; m; m = m->next_module) {
        *c->functions_end = m->functions;
        while (*c->functions_end)
            c->functions_end = &(*c->functions_end)->next;
        *c->classes_end = m->classes;
        while (*c->classes_end)
            c->classes_end = &(*c->classes_end)->next;
    }
}

int
hsl_check_unit(struct hsl_unit *u)
{
    struct hsl_check c = {.u = u, .functions_end = &u->functions, .imports_end = &u->imports};
    size_t errors = u->diags->errors;

    c.classes_end = &u->classes;
    u->globals = c.scope = hsl_check_scope_new(&c, NULL);
    if (!c.scope || (u->before && hsl_check_continue(&c, u->before->globals) != 0))
        return -1;
    hsl_check_hoist(&c, u->body->u.list.first);
    (void)hsl_check_statements(&c, u->body->u.list.first);
    hsl_check_scope_end(&c, u->globals);
    if (!u->main)
        gather(&c);
    if (ut_arena_failed(u->arena))
        (void)hsl_unit_limit(u, (struct hsl_pos){1, 1, 0}, "not enough memory for the script");
    return u->diags->errors == errors ? 0 : -1;
}
