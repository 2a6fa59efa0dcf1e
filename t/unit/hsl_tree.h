/* hsl_tree.h - a parsed unit as text for the tests of parser and checker, and a unit to parse into.
 *
 * The text is a compact s-expression: (op a b), variables as $x, strings in quotes. */
#ifndef T_HSL_TREE_H
#define T_HSL_TREE_H

#include "hsl/hsl_ast.h"
#include "hsl/hsl_env.h"
#include "lib/ut_sbuf.h"

static void tree_node(struct ut_sbuf *b, const struct hsl_node *n);

__attribute__((unused)) static void
tree_name(struct ut_sbuf *b, struct hsl_name name)
{
    ut_sbuf_add(b, name.p, name.len);
}

/* The nodes from [n] on, each behind a space. */
static void
tree_list(struct ut_sbuf *b, const struct hsl_node *n)
{
    for (; n; n = n->next) {
        ut_sbuf_addc(b, ' ');
        tree_node(b, n);
    }
}

/* (word a b c), where NULL is "-" in front of something and nothing at the end. */
static void
tree_form(struct ut_sbuf *b, const char *word, const struct hsl_node *x, const struct hsl_node *y,
    const struct hsl_node *z)
{
    const struct hsl_node *all[3] = {x, y, z};
    int n = z ? 3 : y ? 2 : x ? 1 : 0;

    ut_sbuf_addf(b, "(%s", word);
    for (int i = 0; i < n; i++) {
        ut_sbuf_addc(b, ' ');
        if (all[i])
            tree_node(b, all[i]);
        else
            ut_sbuf_addc(b, '-');
    }
    ut_sbuf_addc(b, ')');
}

static void
tree_listed(struct ut_sbuf *b, const char *word, const struct hsl_node *first)
{
    ut_sbuf_addf(b, "(%s", word);
    tree_list(b, first);
    ut_sbuf_addc(b, ')');
}

static const char *
tree_op(int op)
{
    static const char *const names[] = {"+", "-", "*", "/", "%", "**", ".", "&", "|", "^", "<<",
        ">>", ">>>", "==", "!=", "===", "!==", "<", ">", "<=", ">=", "=~", "!~", "neg", "plus",
        "not", "~", ""};

    return names[op];
}

static void
tree_function(struct ut_sbuf *b, const char *word, const struct hsl_function *f)
{
    ut_sbuf_addf(b, "(%s%s", f->is_generator ? "generator-" : "", word);
    if (f->name.len) {
        ut_sbuf_addc(b, ' ');
        tree_name(b, f->name);
    }
    ut_sbuf_addz(b, " (");
    for (const struct hsl_param *p = f->params; p; p = p->next) {
        if (p != f->params)
            ut_sbuf_addc(b, ' ');
        ut_sbuf_addz(b, p->rest ? "..." : "");
        tree_name(b, p->name);
        if (p->def) {
            ut_sbuf_addc(b, '=');
            tree_node(b, p->def);
        }
    }
    ut_sbuf_addc(b, ')');
    if (f->captures)
        tree_listed(b, "closure", f->captures);
    ut_sbuf_addc(b, ' ');
    tree_node(b, f->body);
    ut_sbuf_addc(b, ')');
}

static void
tree_class(struct ut_sbuf *b, const struct hsl_class_decl *c)
{
    ut_sbuf_addz(b, "(class ");
    tree_name(b, c->name);
    for (const struct hsl_member_var *v = c->vars; v; v = v->next) {
        ut_sbuf_addf(b, " %s%s%s$", v->is_private ? "private " : "",
            v->is_readonly ? "readonly " : "", v->is_static ? "static " : "");
        tree_name(b, v->name);
        if (v->def) {
            ut_sbuf_addc(b, '=');
            tree_node(b, v->def);
        }
    }
    if (c->constructor) {
        ut_sbuf_addc(b, ' ');
        tree_function(b, "constructor", c->constructor);
    }
    for (const struct hsl_node *m = c->methods; m; m = m->next) {
        ut_sbuf_addf(b, " %s%s", m->u.function->is_private ? "private " : "",
            m->u.function->is_static ? "static " : "");
        tree_node(b, m);
    }
    ut_sbuf_addc(b, ')');
}

static void
tree_arms(struct ut_sbuf *b, const char *word, const struct hsl_node *n)
{
    ut_sbuf_addf(b, "(%s ", word);
    tree_node(b, n->u.match.subject);
    for (const struct hsl_node *arm = n->u.match.arms; arm; arm = arm->next) {
        ut_sbuf_addz(b, arm->u.arm.is_default ? " (default" : " (");
        for (const struct hsl_node *t = arm->u.arm.tests; t; t = t->next) {
            if (t != arm->u.arm.tests)
                ut_sbuf_addc(b, ' ');
            tree_node(b, t);
        }
        ut_sbuf_addz(b, " => ");
        tree_node(b, arm->u.arm.body);
        ut_sbuf_addc(b, ')');
    }
    ut_sbuf_addc(b, ')');
}

static void
tree_elem(struct ut_sbuf *b, const struct hsl_node *n)
{
    if (n->u.elem.spread)
        ut_sbuf_addz(b, "...");
    if (n->u.elem.key) {
        tree_node(b, n->u.elem.key);
        ut_sbuf_addz(b, "=>");
    }
    tree_node(b, n->u.elem.value);
    if (n->u.elem.def) {
        ut_sbuf_addc(b, '=');
        tree_node(b, n->u.elem.def);
    }
}

static void
tree_import(struct ut_sbuf *b, const struct hsl_node *n)
{
    ut_sbuf_addz(b, "(import");
    for (const struct hsl_node *s = n->u.import.syms; s; s = s->next) {
        ut_sbuf_addz(b, s->u.importsym.star ? " *" : s->u.importsym.is_var ? " $" : " ");
        tree_name(b, s->u.importsym.name);
        ut_sbuf_addz(b, ">");
        tree_name(b, s->u.importsym.as);
    }
    if (n->u.import.data_var.len) {
        ut_sbuf_addz(b, " data $");
        tree_name(b, n->u.import.data_var);
    }
    ut_sbuf_addz(b, " \"");
    tree_name(b, n->u.import.file);
    ut_sbuf_addz(b, "\"");
    if (n->u.import.options) {
        ut_sbuf_addc(b, ' ');
        tree_node(b, n->u.import.options);
    }
    ut_sbuf_addc(b, ')');
}

/* Literals, names and lists. False: [n] is none of them. */
static bool
tree_leaf(struct ut_sbuf *b, const struct hsl_node *n)
{
    switch (n->kind) {
    case HSL_N_NONE:
        ut_sbuf_addz(b, "none");
        break;
    case HSL_N_TRUE:
        ut_sbuf_addz(b, "true");
        break;
    case HSL_N_FALSE:
        ut_sbuf_addz(b, "false");
        break;
    case HSL_N_NUM:
        ut_sbuf_addf(b, "%.17g", n->u.num);
        break;
    case HSL_N_STR:
        ut_sbuf_addc(b, '"');
        tree_name(b, n->u.str);
        ut_sbuf_addc(b, '"');
        break;
    case HSL_N_INTERP:
        tree_listed(b, "interp", n->u.list.first);
        break;
    case HSL_N_REGEX:
        ut_sbuf_addf(
            b, "#/%.*s/%s", (int)n->u.regex.pattern.len, n->u.regex.pattern.p, n->u.regex.flags);
        break;
    case HSL_N_VAR:
        ut_sbuf_addc(b, '$');
        tree_name(b, n->u.var.name);
        break;
    case HSL_N_NAME:
        ut_sbuf_addz(b, n->u.name.builtin ? "builtin:" : "");
        tree_name(b, n->u.name.name);
        break;
    case HSL_N_STATIC:
        tree_name(b, n->u.scoped.left);
        ut_sbuf_addz(b, n->u.scoped.is_var ? "::$" : "::");
        tree_name(b, n->u.scoped.right);
        break;
    case HSL_N_ARRAY:
        tree_listed(b, "array", n->u.list.first);
        break;
    case HSL_N_OBJECT:
        tree_listed(b, "object", n->u.list.first);
        break;
    case HSL_N_PATTERN:
        tree_listed(b, n->u.list.keyed ? "keyed" : "pattern", n->u.list.first);
        break;
    case HSL_N_ELEM:
        tree_elem(b, n);
        break;
    default:
        return false;
    }
    return true;
}

/* The same for operators. */
static bool
tree_operator(struct ut_sbuf *b, const struct hsl_node *n)
{
    char word[16];

    switch (n->kind) {
    case HSL_N_UNARY:
        tree_form(b, tree_op(n->op), n->u.un.a, NULL, NULL);
        break;
    case HSL_N_NOT:
        tree_form(b, "not", n->u.un.a, NULL, NULL);
        break;
    case HSL_N_BINARY:
        tree_form(b, tree_op(n->op), n->u.bin.a, n->u.bin.b, NULL);
        break;
    case HSL_N_AND:
        tree_form(b, "and", n->u.bin.a, n->u.bin.b, NULL);
        break;
    case HSL_N_OR:
        tree_form(b, "or", n->u.bin.a, n->u.bin.b, NULL);
        break;
    case HSL_N_INCDEC:
        snprintf(word, sizeof word, "%s%s", n->u.incdec.post ? "post" : "pre",
            n->u.incdec.dec ? "--" : "++");
        tree_form(b, word, n->u.incdec.target, NULL, NULL);
        break;
    case HSL_N_ASSIGN:
        snprintf(word, sizeof word, "%s=", tree_op(n->op));
        tree_form(b, word, n->u.assign.target, n->u.assign.value, NULL);
        break;
    case HSL_N_COALESCE_ASSIGN:
        tree_form(b, "\?\?=", n->u.bin.a, n->u.bin.b, NULL);
        break;
    case HSL_N_COALESCE:
        tree_form(b, "??", n->u.bin.a, n->u.bin.b, NULL);
        break;
    case HSL_N_TERNARY:
        tree_form(b, "?", n->u.tern.a, n->u.tern.b, n->u.tern.c);
        break;
    case HSL_N_YIELD:
        tree_form(b, "yield", n->u.bin.a, n->u.bin.b, NULL);
        break;
    default:
        return false;
    }
    return true;
}

static void
tree_expr(struct ut_sbuf *b, const struct hsl_node *n)
{
    if (tree_leaf(b, n) || tree_operator(b, n))
        return;
    switch (n->kind) {
    case HSL_N_FUNCTION:
        tree_function(b, "function", n->u.function);
        break;
    case HSL_N_MATCH:
        tree_arms(b, "match", n);
        break;
    case HSL_N_CACHE:
        tree_form(b, "cache", n->u.cache.options, n->u.cache.callee, NULL);
        tree_listed(b, n->u.cache.spread ? "spread" : "args", n->u.cache.args);
        break;
    case HSL_N_ISSET:
        tree_form(b, "isset", n->u.un.a, NULL, NULL);
        break;
    case HSL_N_UNSET:
        tree_form(b, "unset", n->u.un.a, NULL, NULL);
        break;
    case HSL_N_CALL:
        ut_sbuf_addz(b, "(call ");
        tree_node(b, n->u.call.callee);
        tree_list(b, n->u.call.args);
        ut_sbuf_addc(b, ')');
        break;
    case HSL_N_INDEX:
        tree_form(b, n->u.bin.b ? "[]" : "append", n->u.bin.a, n->u.bin.b, NULL);
        break;
    case HSL_N_SLICE:
        ut_sbuf_addz(b, "(slice ");
        tree_node(b, n->u.slice.a);
        tree_form(b, "", n->u.slice.first, n->u.slice.last, n->u.slice.step);
        ut_sbuf_addc(b, ')');
        break;
    case HSL_N_PROP:
        ut_sbuf_addz(b, "(-> ");
        tree_node(b, n->u.prop.a);
        ut_sbuf_addf(b, " %.*s)", (int)n->u.prop.name.len, n->u.prop.name.p);
        break;
    default:
        ut_sbuf_addf(b, "<expression %d>", n->kind);
        break;
    }
}

static void
tree_node(struct ut_sbuf *b, const struct hsl_node *n)
{
    switch (n->kind) {
    case HSL_N_EXPR:
        tree_node(b, n->u.un.a);
        break;
    case HSL_N_ECHO:
        tree_form(b, "echo", n->u.un.a, NULL, NULL);
        break;
    case HSL_N_BLOCK:
        tree_listed(b, "block", n->u.list.first);
        break;
    case HSL_N_IF:
        tree_form(b, "if", n->u.tern.a, n->u.tern.b, n->u.tern.c);
        break;
    case HSL_N_WHILE:
        tree_form(b, n->u.loop.cond ? "while" : "forever",
            n->u.loop.cond ? n->u.loop.cond : n->u.loop.body,
            n->u.loop.cond ? n->u.loop.body : NULL, NULL);
        break;
    case HSL_N_FOR:
        tree_form(b, "for", n->u.loop.init, n->u.loop.cond, n->u.loop.step);
        tree_node(b, n->u.loop.body);
        break;
    case HSL_N_FOREACH:
        tree_form(b, "foreach", n->u.foreach.subject, n->u.foreach.key, n->u.foreach.value);
        tree_node(b, n->u.foreach.body);
        break;
    case HSL_N_SWITCH:
        tree_arms(b, "switch", n);
        break;
    case HSL_N_BREAK:
        ut_sbuf_addz(b, "(break)");
        break;
    case HSL_N_CONTINUE:
        ut_sbuf_addz(b, "(continue)");
        break;
    case HSL_N_RETURN:
        tree_form(b, "return", n->u.un.a, NULL, NULL);
        break;
    case HSL_N_THROW:
        tree_form(b, "throw", n->u.un.a, NULL, NULL);
        break;
    case HSL_N_TRY:
        tree_form(b, "try", n->u.trycatch.body, n->u.trycatch.var, n->u.trycatch.handler);
        break;
    case HSL_N_BARRIER:
        tree_form(b, "barrier", n->u.barrier.name, n->u.barrier.var, n->u.barrier.body);
        break;
    case HSL_N_GLOBAL:
        tree_listed(b, "global", n->u.list.first);
        break;
    case HSL_N_INCLUDE:
        tree_form(b, "include", n->u.include.body, NULL, NULL);
        break;
    case HSL_N_IMPORT:
        tree_import(b, n);
        break;
    case HSL_N_FUNCDECL:
        tree_function(b, "function", n->u.function);
        break;
    case HSL_N_CLASS:
        tree_class(b, n->u.class);
        break;
    case HSL_N_EMPTY:
        ut_sbuf_addz(b, "()");
        break;
    default:
        tree_expr(b, n);
        break;
    }
}

/* Everything a compilation needs around it. */
struct tree_unit {
    struct hsl_unit u;
    struct hsl_limits limits;
    struct ut_diag_list diags;
};

__attribute__((unused)) static void
tree_unit_init(struct tree_unit *t, enum hsl_flow flow, struct hsl_env *env)
{
    memset(t, 0, sizeof *t);
    t->limits = (struct hsl_limits){.max_include_depth = 16, .max_source = 4 << 20};
    ut_diag_list_init(&t->diags, 100);
    t->u.arena = ut_arena_new(0);
    t->u.env = env;
    t->u.flow = flow;
    t->u.limits = &t->limits;
    t->u.diags = &t->diags;
}

__attribute__((unused)) static void
tree_unit_fini(struct tree_unit *t)
{
    ut_diag_list_fini(&t->diags);
    ut_arena_free(t->u.arena);
}

/* The diagnostics as "1:14 C01 text | ...", names of files only where they are not [name]. */
__attribute__((unused)) static void
tree_diags(const struct tree_unit *t, const char *name, struct ut_sbuf *out)
{
    for (size_t i = 0; i < t->diags.count; i++) {
        const struct ut_diag *d = &t->diags.items[i];

        if (i > 0)
            ut_sbuf_addz(out, " | ");
        if (strcmp(d->source, name) != 0)
            ut_sbuf_addf(out, "%s:", d->source);
        ut_sbuf_addf(
            out, "%u:%u %s%s%s", d->line, d->column, d->code, d->code[0] ? " " : "", d->text);
    }
}

#endif
