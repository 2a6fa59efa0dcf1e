/* hsl_check_scope.c - scopes and the names in them: variables (language §7), functions, classes
 * and built-ins (§8). Not here: where names are used (hsl_check_expr.c, hsl_check_call.c).
 *
 * Each scope has two hashes (struct hsl_check_index). Functions and classes are entered before the
 * statements of their scope are walked, since they may be called before they are declared;
 * variables as they are met. Names of functions are looked for outwards through the scopes,
 * variables never.
 *
 * Threads: one per unit. Fails: C04, C05, C15 without memory; W7, W9, W10. */
#include "config.h"

#include <string.h>

#include "hsl/hsl_check.h"
#include "hsl/hsl_parse.h"

void *
hsl_check_alloc(struct hsl_check *c, size_t size)
{
    void *m = ut_arena_calloc(c->u->arena, 1, size);

    if (!m)
        hsl_unit_error(
            c->u, "C15", (struct hsl_pos){1, 1, 0}, "limit: not enough memory for the script");
    return m;
}

struct hsl_scope *
hsl_check_scope_new(struct hsl_check *c, struct hsl_function *f)
{
    struct hsl_scope *s = hsl_check_alloc(c, sizeof *s);
    struct hsl_check_index *index = hsl_check_alloc(c, sizeof *index);

    if (!s || !index)
        return NULL;
    s->parent = c->scope;
    s->unit = c->u;
    s->function = f;
    s->class = f && f->class ? f->class : c->scope ? c->scope->class : NULL;
    s->index = index;
    index->vars_end = &s->vars;
    index->symbols_end = &s->symbols;
    return s;
}

/* --- Variables -------------------------------------------------------------------------------- */

enum var_type { TYPE_STR, TYPE_NUM, TYPE_BOOL, TYPE_ARR, TYPE_NONE };

/* The predefined variables; the row number is hsl_var.index. */
static const struct {
    const char *name;
    enum var_type type;
    unsigned flows;
} predefined[] = {
#define HSL_VAR(name, type, flows) {#name, TYPE_##type, flows},
#include "hsl/hsl_flow.def"
};

struct hsl_check_var *
hsl_check_find_var(const struct hsl_scope *s, struct hsl_name name)
{
    const struct hsl_check_index *index = s->index;

    return hsl_nametab_get(&index->vars, name);
}

/* Read-only: the arrays of modern scripts always, the classic names in classic scripts. */
static bool
is_readonly(const struct hsl_unit *u, struct hsl_name name)
{
    if (hsl_name_isz(name, "context"))
        return false;
    return !u->modern || hsl_name_isz(name, "arguments") || hsl_name_isz(name, "connection") ||
           hsl_name_isz(name, "transaction");
}

/* Makes [v], a new variable of the global scope, what hsl_flow.def says. -1 without memory. */
static int
set_predefined(struct hsl_check *c, struct hsl_var *v)
{
    char *dollar;

    for (uint32_t i = 0; i < sizeof predefined / sizeof predefined[0]; i++) {
        if (!(predefined[i].flows & (unsigned)c->u->flow) ||
            !hsl_name_isz(v->name, predefined[i].name))
            continue;
        v->predefined = true;
        v->readonly = is_readonly(c->u, v->name);
        v->index = i;
        dollar = hsl_check_alloc(c, v->name.len + (size_t)1);
        if (!dollar)
            return -1;
        dollar[0] = '$';
        memcpy(dollar + 1, v->name.p, v->name.len);
        return hsl_unit_mention(c->u, (struct hsl_name){dollar, v->name.len + 1});
    }
    return 0;
}

struct hsl_check_var *
hsl_check_var(struct hsl_check *c, struct hsl_scope *s, struct hsl_name name, struct hsl_pos pos)
{
    struct hsl_check_index *index = s->index;
    struct hsl_check_var *cv = hsl_nametab_get(&index->vars, name);

    if (cv)
        return cv;
    cv = hsl_check_alloc(c, sizeof *cv);
    if (!cv)
        return NULL;
    cv->v.name = name;
    cv->v.scope = s;
    cv->v.pos = pos;
    if (hsl_nametab_add(&index->vars, c->u->arena, name, cv) != 0 ||
        (!s->function && set_predefined(c, &cv->v) != 0))
        return NULL;
    if (!s->function && c->u->stepwise) /* later steps use it too */
        cv->v.captured = cv->shared = true;
    *index->vars_end = &cv->v;
    index->vars_end = &cv->v.next;
    s->var_count++;
    return cv;
}

/* The predefined variable that [v] is or stands for by `global`, or NULL. */
static const struct hsl_var *
predefined_of(const struct hsl_var *v)
{
    if (v->global)
        v = v->outer;
    return v->predefined ? v : NULL;
}

bool
hsl_check_var_not_boolean(const struct hsl_var *v)
{
    const struct hsl_var *p = predefined_of(v);

    return p && p->readonly && predefined[p->index].type != TYPE_BOOL &&
           predefined[p->index].type != TYPE_NONE;
}

/* The variable of [n] in the current scope, also left in [n]. */
static struct hsl_check_var *
use(struct hsl_check *c, struct hsl_node *n)
{
    struct hsl_check_var *cv = hsl_check_var(c, c->scope, n->u.var.name, n->pos);

    if (hsl_name_isz(n->u.var.name, "this"))
        hsl_check_this(c);
    n->u.var.var = cv ? &cv->v : NULL;
    return cv;
}

void
hsl_check_var_read(struct hsl_check *c, struct hsl_node *n)
{
    struct hsl_check_var *cv = use(c, n);

    if (!cv)
        return;
    cv->v.read = true;
    if (cv->first_read.line == 0)
        cv->first_read = n->pos;
    if (c->in_log && hsl_name_isz(cv->v.name, "saslpassword") && predefined_of(&cv->v))
        hsl_unit_warn(c->u, "W10", n->pos, "$saslpassword is written to the log");
}

void
hsl_check_var_quiet(struct hsl_check *c, struct hsl_node *n)
{
    struct hsl_check_var *cv = use(c, n);

    if (cv)
        cv->v.read = true;
}

void
hsl_check_var_writable(struct hsl_check *c, const struct hsl_node *n)
{
    const struct hsl_var *v = n->u.var.var;
    const struct hsl_var *p = v ? predefined_of(v) : NULL;

    if ((p && p->readonly) || hsl_name_isz(n->u.var.name, "this"))
        hsl_unit_error(c->u, "C05", n->pos, "cannot assign to read-only variable $%.*s",
            HSL_NAME_ARGS(n->u.var.name));
}

void
hsl_check_var_write(struct hsl_check *c, struct hsl_node *n)
{
    struct hsl_check_var *cv = use(c, n);
    const struct hsl_var *p;

    if (!cv)
        return;
    cv->v.assigned = true;
    cv->written = true;
    hsl_check_var_writable(c, n);
    p = predefined_of(&cv->v);
    if (!p || p->readonly || cv->warned || hsl_name_isz(p->name, "context"))
        return;
    cv->warned = true;
    hsl_unit_warn(c->u, "W9", n->pos,
        "$%.*s is a predefined name: assigning to it does not change the envelope",
        HSL_NAME_ARGS(p->name));
}

void
hsl_check_scope_end(struct hsl_check *c, struct hsl_scope *s)
{
    for (struct hsl_var *v = s->vars; v; v = v->next) {
        struct hsl_check_var *cv = hsl_check_find_var(s, v->name);

        if (cv->first_read.line == 0 || cv->shared || v->assigned || v->param || v->global ||
            v->capture || v->predefined || v->imported || hsl_name_isz(v->name, "this"))
            continue;
        hsl_unit_warn(c->u, "W7", cv->first_read, "variable $%.*s is read but never assigned%s",
            HSL_NAME_ARGS(v->name),
            s->function && hsl_check_find_var(c->u->globals, v->name)
                ? " in this function; use global to reach the one outside"
                : "");
    }
}

/* --- Functions and classes -------------------------------------------------------------------- */

int
hsl_check_continue(struct hsl_check *c, const struct hsl_scope *before)
{
    struct hsl_check_index *index = c->scope->index;

    for (const struct hsl_var *v = before->vars; v; v = v->next) {
        struct hsl_check_var *cv = hsl_check_var(c, c->scope, v->name, v->pos);

        if (!cv)
            return -1;
        cv->v.earlier = v;
        cv->v.imported = v->imported && v->outer;
        cv->v.outer = v->outer;
        cv->v.is_static = v->is_static;
    }
    for (const struct hsl_symbol *s = before->symbols; s; s = s->next) {
        struct hsl_symbol *copy = hsl_check_alloc(c, sizeof *copy);

        if (!copy || hsl_nametab_add(&index->symbols, c->u->arena, s->name, copy) != 0)
            return -1;
        *copy = *s;
        copy->next = NULL;
        copy->earlier = true;
        *index->symbols_end = copy;
        index->symbols_end = &copy->next;
    }
    return 0;
}

bool
hsl_check_same_place(struct hsl_unit *u, struct hsl_pos a, struct hsl_pos b)
{
    return a.line == b.line && a.column == b.column &&
           hsl_unit_file(u, a)->text == hsl_unit_file(u, b)->text;
}

struct hsl_symbol *
hsl_check_declare(struct hsl_check *c, enum hsl_symbol_kind kind, struct hsl_name name,
    struct hsl_pos pos, struct hsl_symbol **again)
{
    struct hsl_check_index *index = c->scope->index;
    struct hsl_symbol *s = hsl_nametab_get(&index->symbols, name);

    *again = NULL;
    if (s && s->earlier) {
        *s = (struct hsl_symbol){.kind = (uint8_t)kind, .name = name, .pos = pos, .next = s->next};
        return s;
    }
    if (s) {
        if (s->kind == kind && hsl_check_same_place(c->u, s->pos, pos))
            *again = s;
        else
            hsl_unit_error(c->u, "C04", pos, "%.*s is already defined", HSL_NAME_ARGS(name));
        return NULL;
    }
    s = hsl_check_alloc(c, sizeof *s);
    if (!s || hsl_nametab_add(&index->symbols, c->u->arena, name, s) != 0)
        return NULL;
    s->kind = (uint8_t)kind;
    s->name = name;
    s->pos = pos;
    *index->symbols_end = s;
    index->symbols_end = &s->next;
    return s;
}

/* A declaration that was registered from the same place before stands for that one. */
static void
declare_node(struct hsl_check *c, struct hsl_node *n)
{
    struct hsl_symbol *s, *again;

    if (n->kind == HSL_N_FUNCDECL) {
        struct hsl_function *f = n->u.function;

        s = hsl_check_declare(c, HSL_SYM_FUNCTION, f->name, f->pos, &again);
        if (s)
            s->function = f;
        else if (again)
            n->u.function = again->function;
    } else if (!c->scope->function) {
        struct hsl_class_decl *d = n->u.class;

        s = hsl_check_declare(c, HSL_SYM_CLASS, d->name, d->pos, &again);
        if (s)
            s->class = d;
        else if (again)
            n->u.class = again->class;
    }
}

static void hoist_one(struct hsl_check *c, struct hsl_node *n);

/* Statements in a block or a function: imports do not count there. */
static void
hoist_block(struct hsl_check *c, struct hsl_node *n)
{
    for (; n; n = n->next)
        hoist_one(c, n);
}

/* The top level of a file and of those it includes. */
static void
hoist_top(struct hsl_check *c, struct hsl_node *n)
{
    for (; n; n = n->next) {
        if (n->kind == HSL_N_IMPORT)
            hsl_check_import(c, n);
        else if (n->kind == HSL_N_INCLUDE)
            hoist_top(c, n->u.include.body->u.list.first);
        else
            hoist_one(c, n);
    }
}

void
hsl_check_hoist(struct hsl_check *c, struct hsl_node *n)
{
    if (c->scope->function)
        hoist_block(c, n);
    else
        hoist_top(c, n);
}

/* The statements inside the statement [n], which may be NULL. */
static void
hoist_one(struct hsl_check *c, struct hsl_node *n)
{
    /* The else parts are a chain: no recursion over them. */
    for (; n && n->kind == HSL_N_IF; n = n->u.tern.c)
        hoist_one(c, n->u.tern.b);
    if (!n)
        return;
    switch (n->kind) {
    case HSL_N_FUNCDECL:
    case HSL_N_CLASS:
        declare_node(c, n);
        break;
    case HSL_N_BLOCK:
        hoist_block(c, n->u.list.first);
        break;
    case HSL_N_WHILE:
    case HSL_N_FOR:
        hoist_one(c, n->u.loop.body);
        break;
    case HSL_N_FOREACH:
        hoist_one(c, n->u.foreach.body);
        break;
    case HSL_N_SWITCH:
        for (struct hsl_node *arm = n->u.match.arms; arm; arm = arm->next)
            hoist_one(c, arm->u.arm.body);
        break;
    case HSL_N_TRY:
        hoist_one(c, n->u.trycatch.body);
        hoist_one(c, n->u.trycatch.handler);
        break;
    case HSL_N_BARRIER:
        hoist_one(c, n->u.barrier.body);
        break;
    case HSL_N_INCLUDE:
        hoist_one(c, n->u.include.body);
        break;
    default:
        break;
    }
}

struct hsl_symbol *
hsl_check_find_symbol(const struct hsl_check *c, struct hsl_name name)
{
    for (const struct hsl_scope *s = c->scope; s; s = s->parent) {
        const struct hsl_check_index *index = s->index;
        struct hsl_symbol *found = hsl_nametab_get(&index->symbols, name);

        if (found)
            return found;
    }
    return NULL;
}

/* --- Built-ins -------------------------------------------------------------------------------- */

/* Classes start with a capital and exist everywhere (library §0). */
static bool
is_class_row(const struct hsl_builtin *b)
{
    return b->name[0] >= 'A' && b->name[0] <= 'Z' && b->flows == 0 && !strchr(b->name, ':');
}

static struct hsl_symbol *
new_builtin(struct hsl_check *c, const struct hsl_builtin *b)
{
    struct hsl_symbol *s = hsl_check_alloc(c, sizeof *s);

    if (!s)
        return NULL;
    s->kind = is_class_row(b) ? HSL_SYM_BUILTIN_CLASS : HSL_SYM_BUILTIN;
    s->name = (struct hsl_name){b->name, (uint32_t)strlen(b->name)};
    s->builtin = b;
    if (hsl_nametab_add(&c->builtins, c->u->arena, s->name, s) != 0 ||
        hsl_unit_mention(c->u, s->name) != 0)
        return NULL;
    return s;
}

/* The built-in of that name in this flow; NULL: none, reported. */
static struct hsl_symbol *
find_builtin(struct hsl_check *c, struct hsl_name name, struct hsl_pos pos)
{
    struct hsl_symbol *s = hsl_nametab_get(&c->builtins, name);
    const struct hsl_builtin *b;
    bool wrong_flow = false;

    if (s)
        return s;
    b = hsl_lib_find(name.p, name.len, c->u->flow, &wrong_flow);
    if (b && !wrong_flow)
        return new_builtin(c, b);
    if (b)
        hsl_unit_error(c->u, "C04", pos, "function %.*s is not available in the %s flow",
            HSL_NAME_ARGS(name), hsl_flow_name(c->u->flow));
    else if (!c->imports)
        hsl_unit_error(c->u, "C04", pos, "unknown function %.*s%s", HSL_NAME_ARGS(name),
            hsl_parse_name_hint(name));
    return NULL;
}

static void
warn_builtin(struct hsl_check *c, const struct hsl_builtin *b, struct hsl_pos pos)
{
    if (b->flags & HSL_NO_EFFECT)
        hsl_unit_warn(
            c->u, "W3", pos, "%s has no effect behind Postfix; nearest: %s", b->name, b->nearest);
    else if (b->flags & HSL_DEPRECATED)
        hsl_unit_warn(c->u, "W3", pos, "%s is deprecated", b->name);
}

struct hsl_symbol *
hsl_check_resolve(struct hsl_check *c, struct hsl_node *n)
{
    struct hsl_symbol *s = n->u.name.sym; /* that of a module: hsl_check_namespace() */

    if (!s && !n->u.name.builtin)
        s = hsl_check_find_symbol(c, n->u.name.name);
    if (s && s->kind == HSL_SYM_NAMESPACE) {
        hsl_unit_error(c->u, "C04", n->pos, "%.*s is a namespace; use %.*s::NAME",
            HSL_NAME_ARGS(s->name), HSL_NAME_ARGS(s->name));
        return NULL;
    }
    if (!s) {
        s = find_builtin(c, n->u.name.name, n->pos);
        if (s)
            warn_builtin(c, s->builtin, n->pos);
    }
    n->u.name.sym = s;
    return s;
}
