/* hsl_check_import.c - import statements (language §12): which names they bring into the global
 * scope, and names behind `ns::`.
 *
 * An imported function or class is one more symbol for the same thing. An imported variable is a
 * variable of this scope whose `outer` is the module's, which lives in a cell. `ns::f` becomes a
 * bare name that is resolved already; `ns::$v` becomes a variable called "ns::$v" of the scope that
 * mentions it, bound in the same way.
 *
 * Not here: finding and reading modules (hsl_module.c), data files (hsl_import_data.c).
 * Threads: one per program. Fails: C04, and what loading fails with. */
#include "config.h"

#include <stdio.h>

#include "hsl/hsl_check.h"
#include "hsl/hsl_module.h"

/* --- What a module has ------------------------------------------------------------------------ */

static struct hsl_symbol *
exported_symbol(const struct hsl_unit *m, struct hsl_name name)
{
    const struct hsl_check_index *index = m->globals->index;

    return hsl_nametab_get(&index->symbols, name);
}

/* The variable [name] of the module, if it has one that is its own: assigned, declared `global`
 * or used in a closure somewhere, or imported. */
static struct hsl_check_var *
exported_var(const struct hsl_unit *m, struct hsl_name name)
{
    struct hsl_check_var *cv = hsl_check_find_var(m->globals, name);

    if (!cv || (cv->v.predefined && cv->v.readonly))
        return NULL;
    return cv->v.assigned || cv->shared || cv->v.imported ? cv : NULL;
}

/* C04: the module has no [name]. */
static void
not_exported(struct hsl_check *c, const struct hsl_unit *m, struct hsl_name name, bool is_var,
    struct hsl_pos pos)
{
    const char *file = (m->main ? m->main : m)->files[m->first_file].name;
    bool other = is_var ? exported_symbol(m, name) != NULL : exported_var(m, name) != NULL;
    char hint[100] = "";

    if (other)
        snprintf(hint, sizeof hint, "; did you mean %s%.*s?", is_var ? "" : "$",
            (int)(name.len < 60 ? name.len : 60), name.p);
    hsl_unit_error(c->u, "C04", pos, "%s%.*s is not exported by %s%s", is_var ? "$" : "",
        HSL_NAME_ARGS(name), file, hint);
}

/* --- Names in braces -------------------------------------------------------------------------- */

/* Ties the variable [cv] to [outer] of a module. */
static void
tie(struct hsl_check_var *cv, struct hsl_check_var *outer)
{
    outer->v.captured = true;
    outer->shared = true;
    cv->v.imported = true;
    cv->v.captured = true;
    cv->v.outer = &outer->v;
    cv->shared = true;
}

/* Makes the variable of the global scope that an import brings, [name] at [pos]. NULL: it is
 * taken, which is reported unless it is by the same statement in a file included twice. */
static struct hsl_check_var *
new_variable(struct hsl_check *c, struct hsl_name name, struct hsl_pos pos)
{
    struct hsl_check_var *cv = hsl_check_find_var(c->u->globals, name);

    if (hsl_name_isz(name, "this")) {
        hsl_unit_error(c->u, "C05", pos, "cannot assign to read-only variable $this");
        return NULL;
    }
    if (cv) {
        if (cv->v.earlier || !hsl_check_same_place(c->u, cv->v.pos, pos))
            hsl_unit_error(c->u, "C04", pos, "$%.*s is already defined", HSL_NAME_ARGS(name));
        return NULL;
    }
    cv = hsl_check_var(c, c->u->globals, name, pos);
    if (cv && cv->v.predefined && cv->v.readonly) {
        hsl_unit_error(
            c->u, "C04", pos, "$%.*s is already defined by the flow", HSL_NAME_ARGS(name));
        return NULL;
    }
    if (cv)
        cv->v.predefined = false;
    return cv;
}

static void
import_variable(struct hsl_check *c, const struct hsl_unit *m, const struct hsl_node *sym)
{
    struct hsl_check_var *outer = exported_var(m, sym->u.importsym.name), *cv;

    if (!outer) {
        not_exported(c, m, sym->u.importsym.name, true, sym->pos);
        return;
    }
    cv = hsl_check_find_var(c->u->globals, sym->u.importsym.as);
    if (cv && cv->v.earlier && cv->v.outer == &outer->v)
        return; /* by an earlier step */
    cv = new_variable(c, sym->u.importsym.as, sym->pos);
    if (cv)
        tie(cv, outer);
}

static void
import_symbol(struct hsl_check *c, struct hsl_unit *m, const struct hsl_node *sym)
{
    struct hsl_symbol *from = NULL, *s, *again;

    if (!sym->u.importsym.star) {
        from = exported_symbol(m, sym->u.importsym.name);
        if (!from) {
            not_exported(c, m, sym->u.importsym.name, false, sym->pos);
            c->imports = true;
            return;
        }
    }
    s = hsl_check_declare(c, from ? (enum hsl_symbol_kind)from->kind : HSL_SYM_NAMESPACE,
        sym->u.importsym.as, sym->pos, &again);
    if (!s)
        return;
    s->module = from ? from->module : m;
    s->function = from ? from->function : NULL;
    s->class = from ? from->class : NULL;
}

/* --- The statement ---------------------------------------------------------------------------- */

/* An entry of the unit's list of imports. */
static struct hsl_import *
add_import(struct hsl_check *c, struct hsl_pos pos)
{
    struct hsl_import *i = hsl_check_alloc(c, sizeof *i);

    if (!i)
        return NULL;
    i->pos = pos;
    *c->imports_end = i;
    c->imports_end = &i->next;
    return i;
}

static void
import_module(struct hsl_check *c, struct hsl_node *n)
{
    bool first = false;
    struct hsl_unit *m = hsl_module_load(c->u, n->u.import.file, n->pos, &first);
    struct hsl_import *i;

    if (!m) {
        c->imports = true;
        return;
    }
    if (first && (i = add_import(c, n->pos)) != NULL)
        i->module = m;
    for (const struct hsl_node *sym = n->u.import.syms; sym; sym = sym->next) {
        if (sym->u.importsym.is_var)
            import_variable(c, m, sym);
        else
            import_symbol(c, m, sym);
    }
}

static void
import_data(struct hsl_check *c, struct hsl_node *n)
{
    struct hsl_check_var *cv = new_variable(c, n->u.import.data_var, n->pos);
    struct hsl_import *i;

    if (!cv)
        return;
    cv->v.imported = cv->v.assigned = true;
    i = add_import(c, n->pos);
    if (!i)
        return;
    i->var = &cv->v;
    i->value = hsl_import_data(c->u, n->u.import.file, n->pos, n->u.import.options);
}

void
hsl_check_import(struct hsl_check *c, struct hsl_node *n)
{
    if (n->u.import.data_var.len > 0)
        import_data(c, n);
    else
        import_module(c, n);
}

/* C04 if [cv], a variable that the import at [pos] brings, is used for something else above it. */
static void
check_not_assigned(struct hsl_check *c, struct hsl_name name, struct hsl_pos pos)
{
    const struct hsl_check_var *cv = hsl_check_find_var(c->u->globals, name);

    if (cv && cv->v.imported && !cv->v.earlier && cv->written &&
        hsl_check_same_place(c->u, cv->v.pos, pos))
        hsl_unit_error(c->u, "C04", pos, "$%.*s is already defined", HSL_NAME_ARGS(name));
}

void
hsl_check_import_place(struct hsl_check *c, const struct hsl_node *n)
{
    if (n->u.import.data_var.len > 0)
        check_not_assigned(c, n->u.import.data_var, n->pos);
    else
        for (const struct hsl_node *sym = n->u.import.syms; sym; sym = sym->next)
            if (sym->u.importsym.is_var)
                check_not_assigned(c, sym->u.importsym.as, sym->pos);
}

/* --- Names behind ns:: ------------------------------------------------------------------------ */

/* The name "ns::$v" as one. */
static bool
join_names(struct hsl_check *c, const struct hsl_node *n, struct hsl_name *out)
{
    struct hsl_name left = n->u.scoped.left, right = n->u.scoped.right;
    size_t len = (size_t)left.len + right.len + 3;
    char *text = hsl_check_alloc(c, len + 1);

    if (!text)
        return false;
    snprintf(text, len + 1, "%.*s::$%.*s", HSL_NAME_ARGS(left), HSL_NAME_ARGS(right));
    *out = (struct hsl_name){text, (uint32_t)len};
    return true;
}

/* The variable of the current scope that stands for [outer]. */
static bool
to_variable(struct hsl_check *c, struct hsl_node *n, struct hsl_check_var *outer)
{
    struct hsl_check_var *cv;
    struct hsl_name name;

    if (!outer || !join_names(c, n, &name))
        return false;
    cv = hsl_check_var(c, c->scope, name, n->pos);
    if (!cv)
        return false;
    if (!cv->v.imported)
        tie(cv, outer);
    n->kind = HSL_N_VAR;
    n->u.var.name = name;
    n->u.var.var = &cv->v;
    return true;
}

static bool
to_name(struct hsl_node *n, struct hsl_symbol *s)
{
    struct hsl_name name = n->u.scoped.right;

    if (!s)
        return false;
    n->kind = HSL_N_NAME;
    n->u.name.name = name;
    n->u.name.builtin = false;
    n->u.name.sym = s;
    return true;
}

/* Class::function that is built in: [n] becomes its name. */
static void
to_builtin(struct hsl_check *c, struct hsl_node *n)
{
    struct hsl_name left = n->u.scoped.left, right = n->u.scoped.right;
    const struct hsl_builtin *b;
    bool wrong_flow;
    char name[64];
    int len = snprintf(name, sizeof(name), "%.*s::%.*s", HSL_NAME_ARGS(left), HSL_NAME_ARGS(right));

    if (n->u.scoped.is_var || len < 0 || (size_t)len >= sizeof(name))
        return;
    b = hsl_lib_find(name, (size_t)len, c->u->flow, &wrong_flow);
    if (!b)
        return;
    n->kind = HSL_N_NAME;
    n->u.name.name = (struct hsl_name){b->name, (uint32_t)len};
    n->u.name.builtin = true;
    n->u.name.sym = NULL;
}

void
hsl_check_namespace(struct hsl_check *c, struct hsl_node *n)
{
    struct hsl_name left = n->u.scoped.left, right = n->u.scoped.right;
    bool is_var = n->u.scoped.is_var, found;
    const struct hsl_symbol *ns;

    if (n->kind != HSL_N_STATIC)
        return;
    ns = hsl_check_find_symbol(c, left);
    if (!ns)
        to_builtin(c, n);
    if (!ns || ns->kind != HSL_SYM_NAMESPACE)
        return;
    if (is_var)
        found = to_variable(c, n, exported_var(ns->module, right));
    else
        found = to_name(n, exported_symbol(ns->module, right));
    if (found)
        return;
    n->kind = HSL_N_NONE;
    not_exported(c, ns->module, right, is_var, n->pos);
}
