/* hsl_check_class.c - classes (language §13): their members, `Name::member`, and $this.
 *
 * A static variable is a global variable that no script can name by itself; where a function
 * mentions one, a variable of its own is tied to that one, as by `global`. So all that can be done
 * with variables can be done with these, by the same code.
 *
 * What is private or readonly is refused at run time (R13), also where that is known now.
 * Threads: one per unit. Fails: C01, C04, C15. */
#include "config.h"

#include <string.h>

#include "hsl/hsl_check.h"

#define MAX_VARS 1000 /* of one class: making an object is one instruction */

/* --- Members ---------------------------------------------------------------------------------- */

/* "CLASS::NAME", or "CLASS::$NAME" for a variable, in the arena; p NULL without memory. A module's
 * variables have a number before that: other units may have classes of the same name. */
static struct hsl_name
full_name(struct hsl_check *c, const struct hsl_class_decl *d, struct hsl_name name, bool is_var)
{
    char number[16] = "", *p;
    size_t len;

    if (is_var && c->u->main)
        (void)snprintf(number, sizeof number, "%u:", c->u->first_file);
    len = strlen(number) + d->name.len + 2 + is_var + name.len;
    p = hsl_check_alloc(c, len + 1);

    if (!p)
        return (struct hsl_name){NULL, 0};
    (void)snprintf(
        p, len + 1, "%s%.*s::%s%.*s", number, HSL_NAME_ARGS(d->name), is_var ? "$" : "", HSL_NAME_ARGS(name));
    return (struct hsl_name){p, (uint32_t)len};
}

/* Enters a member of [d]; NULL: its name is taken, or no memory, reported. */
static struct hsl_member_decl *
add_member(struct hsl_check *c, struct hsl_class_decl *d, struct hsl_name name, struct hsl_pos pos)
{
    struct hsl_nametab *index = d->index;
    struct hsl_member_decl *m;

    if (hsl_nametab_get(index, name)) {
        hsl_unit_error(c->u, "C04", pos, "%.*s is already defined", HSL_NAME_ARGS(name));
        return NULL;
    }
    m = hsl_check_alloc(c, sizeof *m);
    if (!m || hsl_nametab_add(index, c->u->arena, name, m) != 0)
        return NULL;
    m->sym.pos = pos;
    m->sym.class = d;
    return m;
}

/* The global variable that holds static variable [v]. */
static void
make_static(struct hsl_check *c, struct hsl_member_decl *m, struct hsl_member_var *v)
{
    struct hsl_check_var *cv;

    m->sym.kind = HSL_SYM_STATIC_VAR;
    m->sym.name = full_name(c, m->sym.class, v->name, true);
    cv = m->sym.name.p ? hsl_check_var(c, c->u->globals, m->sym.name, v->pos) : NULL;
    if (!cv)
        return;
    cv->shared = true;
    cv->v.captured = cv->v.assigned = cv->v.is_static = true;
    v->var = &cv->v;
}

/* Makes the hash of the members of [d] if that was not done. */
static void
index_members(struct hsl_check *c, struct hsl_class_decl *d)
{
    struct hsl_member_decl *m;
    unsigned count = 0;

    if (d->index)
        return;
    d->unit = c->u;
    d->index = hsl_check_alloc(c, sizeof(struct hsl_nametab));
    for (struct hsl_member_var *v = d->vars; d->index && v; v = v->next) {
        m = add_member(c, d, v->name, v->pos);
        if (m)
            m->var = v;
        if (m && v->is_static)
            make_static(c, m, v);
        if (++count == MAX_VARS + 1)
            hsl_unit_error(
                c->u, "C15", v->pos, "limit: more than %d variables in a class", MAX_VARS);
    }
    for (struct hsl_node *n = d->methods; d->index && n; n = n->next) {
        m = add_member(c, d, n->u.function->name, n->u.function->pos);
        if (!m)
            continue;
        m->sym.kind = HSL_SYM_METHOD;
        m->sym.name = full_name(c, d, n->u.function->name, false);
        m->sym.function = n->u.function;
    }
}

void
hsl_check_class(struct hsl_check *c, struct hsl_class_decl *d)
{
    if (d->checked) /* declared by a file that is included again */
        return;
    d->checked = true;
    *c->classes_end = d;
    c->classes_end = &d->next;
    index_members(c, d);
    for (const struct hsl_member_var *v = d->vars; v; v = v->next) {
        if (v->def && !hsl_node_is_const(v->def))
            hsl_unit_error(c->u, "C01", hsl_node_start(v->def),
                "syntax error, the value of $%.*s is not a constant expression",
                HSL_NAME_ARGS(v->name));
    }
    if (d->constructor)
        hsl_check_function(c, d->constructor);
    for (struct hsl_node *n = d->methods; n; n = n->next)
        hsl_check_function(c, n->u.function);
}

/* --- Name::member ----------------------------------------------------------------------------- */

/* [n] becomes the variable of the current scope that stands for static variable [v]. */
static bool
to_variable(struct hsl_check *c, struct hsl_node *n, const struct hsl_member_decl *m)
{
    struct hsl_var *outer = m->var->var;
    struct hsl_check_var *cv;
    bool inside = c->scope->class == m->sym.class;

    cv = outer ? hsl_check_var(c, c->scope, m->sym.name, n->pos) : NULL;
    if (!cv)
        return false;
    if (&cv->v != outer) {
        cv->v.captured = cv->v.global = cv->v.is_static = true;
        cv->v.outer = outer;
    }
    n->kind = HSL_N_VAR;
    n->u.var.name = m->sym.name;
    n->u.var.var = &cv->v;
    n->flag = 0;
    if (!inside && m->var->is_private)
        n->flag = HSL_REFUSE_ALL;
    else if (!inside && m->var->is_readonly)
        n->flag = HSL_REFUSE_WRITE;
    return true;
}

static bool
unknown_member(struct hsl_check *c, const struct hsl_node *n, const struct hsl_class_decl *d,
    const struct hsl_member_decl *m)
{
    struct hsl_name name = n->u.scoped.right;
    const char *dollar = n->u.scoped.is_var ? "$" : "";

    if (m)
        hsl_unit_error(c->u, "C04", n->pos, "%.*s::%s%.*s is not static", HSL_NAME_ARGS(d->name),
            dollar, HSL_NAME_ARGS(name));
    else
        hsl_unit_error(c->u, "C04", n->pos, "unknown %s %.*s::%s%.*s",
            *dollar ? "variable" : "function", HSL_NAME_ARGS(d->name), dollar, HSL_NAME_ARGS(name));
    return false;
}

bool
hsl_check_member(struct hsl_check *c, struct hsl_node *n, struct hsl_class_decl *d)
{
    struct hsl_member_decl *m;

    index_members(c, d);
    m = d->index ? hsl_nametab_get(d->index, n->u.scoped.right) : NULL;
    if (m && (m->var != NULL) != n->u.scoped.is_var)
        m = NULL;
    if (!m || !(m->var ? m->var->is_static : m->sym.function->is_static))
        return unknown_member(c, n, d, m);
    if (m->var)
        return to_variable(c, n, m);
    n->u.scoped.sym = &m->sym;
    n->flag = m->sym.function->is_private && c->scope->class != d ? HSL_REFUSE_ALL : 0;
    return true;
}

/* --- $this ------------------------------------------------------------------------------------ */

/* An anonymous function has it from the function it is written in. */
void
hsl_check_this(struct hsl_check *c)
{
    for (struct hsl_scope *s = c->scope; s && s->function; s = s->parent) {
        s->function->uses_this = true;
        if (s->function->name.len || s->function->is_method)
            break;
    }
}
