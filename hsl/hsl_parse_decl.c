/* hsl_parse_decl.c - functions, classes and imports. Not here: whether names are taken
 * (hsl_check.c). Threads: one per unit. Fails: C01, C03, C04, C09, C11, C15. */
#include "config.h"

#include "hsl/hsl_parse.h"

/* --- Functions -------------------------------------------------------------------------------- */

bool
hsl_parse_decl_name(struct hsl_parser *p, struct hsl_name *name)
{
    *name = p->tok.text;
    if (!hsl_lex_is_word(&p->tok))
        return hsl_parse_fail(p, "name", NULL) != NULL;
    if (p->tok.kind != HSL_T_IDENT || hsl_lex_is_reserved(*name))
        hsl_parse_error(p, "C03", p->tok.pos, "%.*s is a reserved word", HSL_NAME_ARGS(*name));
    hsl_parse_advance(p);
    return !p->stop;
}

/* C11: what may stand behind what. */
static void
check_param_order(struct hsl_parser *p, const struct hsl_function *f, const struct hsl_param *param)
{
    bool optional = f->required < f->param_count;

    if ((f->rest || param->rest) && param->def)
        hsl_parse_error(p, "C11", param->pos, "default after rest parameter");
    else if (f->rest || (optional && !param->def && !param->rest))
        hsl_parse_error(p, "C11", param->pos, "required parameter after optional one");
    for (const struct hsl_param *q = f->params; q; q = q->next)
        if (hsl_name_is(q->name, param->name))
            hsl_parse_error(
                p, "C04", param->pos, "$%.*s is already defined", HSL_NAME_ARGS(param->name));
}

/* Counts [param] as the last one of [f]. */
static void
count_param(struct hsl_function *f, const struct hsl_param *param)
{
    if (param->rest) {
        f->rest = true;
        return;
    }
    f->param_count++;
    if (!param->def)
        f->required = f->param_count;
}

/* One parameter; appended by parse_params(). */
static struct hsl_param *
parse_param(struct hsl_parser *p, unsigned *h)
{
    struct hsl_param *param = hsl_parse_alloc(p, sizeof *param);

    if (!param)
        return NULL;
    param->rest = hsl_parse_accept(p, HSL_T_ELLIPSIS);
    param->pos = p->tok.pos;
    param->name = p->tok.text;
    if (p->tok.kind == HSL_T_BAND)
        return hsl_parse_fail(p, "variable", "there are no references");
    if (p->tok.kind != HSL_T_VARIABLE)
        return hsl_parse_fail(
            p, "variable", hsl_lex_is_word(&p->tok) ? "parameters have no types" : NULL);
    hsl_parse_saw_variable(p, param->name);
    hsl_parse_advance(p);
    if (hsl_parse_accept(p, HSL_T_SET)) {
        param->def = hsl_parse_expr(p);
        if (!param->def)
            return NULL;
        hsl_parse_higher(p, h);
    }
    return param;
}

/* More than this many parameters are a mistake, and would make the check of their names slow. */
#define MAX_PARAMS 200

static bool
parse_params(struct hsl_parser *p, struct hsl_function *f, unsigned *h)
{
    struct hsl_param **tail = &f->params;

    if (p->tok.kind == HSL_T_LBRACE)
        return hsl_parse_fail(p, "(", "add ()") != NULL || !p->stop;
    if (!hsl_parse_expect(p, HSL_T_LPAREN))
        return false;
    while (p->tok.kind != HSL_T_RPAREN) {
        struct hsl_param *param = parse_param(p, h);

        if (!param)
            return false;
        if (f->param_count >= MAX_PARAMS)
            return hsl_parse_limit(p, param->pos, "more than %d parameters", MAX_PARAMS) != NULL;
        check_param_order(p, f, param);
        count_param(f, param);
        *tail = param;
        tail = &param->next;
        if (p->tok.kind != HSL_T_RPAREN && !hsl_parse_accept(p, HSL_T_COMMA))
            return hsl_parse_fail(p, ", or )", NULL) != NULL;
    }
    hsl_parse_advance(p);
    return true;
}

/* closure ( $a, $b ) */
static bool
parse_captures(struct hsl_parser *p, struct hsl_function *f)
{
    struct hsl_parse_list l;

    hsl_parse_list_init(&l);
    if (!hsl_parse_expect(p, HSL_T_LPAREN))
        return false;
    while (p->tok.kind != HSL_T_RPAREN) {
        if (!hsl_parse_list_add(p, &l, hsl_parse_variable(p)))
            return false;
        if (p->tok.kind != HSL_T_RPAREN && !hsl_parse_accept(p, HSL_T_COMMA))
            return hsl_parse_fail(p, ", or )", NULL) != NULL;
    }
    hsl_parse_advance(p);
    f->captures = l.first;
    return true;
}

struct hsl_function *
hsl_parse_function(struct hsl_parser *p, struct hsl_name name, struct hsl_pos pos)
{
    struct hsl_function *f = hsl_parse_alloc(p, sizeof *f), *outer = p->fn;
    unsigned h = 0;

    if (!f)
        return NULL;
    f->name = name;
    f->pos = pos;
    if (!parse_params(p, f, &h))
        hsl_parse_skip_paren(p, false);
    if (name.len == 0 && hsl_parse_accept(p, HSL_T_CLOSURE) && !parse_captures(p, f))
        return NULL;
    p->fn = f;
    f->body = hsl_parse_block(p);
    p->fn = outer;
    if (!f->body)
        return NULL;
    hsl_parse_higher(p, &h);
    p->height = h;
    return f;
}

struct hsl_node *
hsl_parse_funcdecl(struct hsl_parser *p)
{
    struct hsl_pos pos;
    struct hsl_name name;
    struct hsl_function *f;
    struct hsl_node *n;

    hsl_parse_advance(p);
    pos = p->tok.pos;
    if (!hsl_parse_decl_name(p, &name))
        return NULL;
    f = hsl_parse_function(p, name, pos);
    n = f ? hsl_parse_node(p, HSL_N_FUNCDECL, pos, p->height) : NULL;
    if (n)
        n->u.function = f;
    return n;
}

/* --- Classes ---------------------------------------------------------------------------------- */

/* A class while it is read. */
struct reader {
    struct hsl_class_decl *c;
    struct hsl_member_var **vars; /* ends of its lists */
    struct hsl_node **methods;
    unsigned h; /* height so far */
};

struct modifiers {
    bool is_private, is_readonly, is_static;
};

static bool
is_word(const struct hsl_parser *p, const char *word)
{
    return p->tok.kind == HSL_T_IDENT && hsl_name_isz(p->tok.text, word);
}

static struct modifiers
parse_modifiers(struct hsl_parser *p)
{
    struct modifiers m = {false, false, false};

    for (;; hsl_parse_advance(p)) {
        if (is_word(p, "private"))
            m.is_private = true;
        else if (is_word(p, "readonly"))
            m.is_readonly = true;
        else if (is_word(p, "static"))
            m.is_static = true;
        else
            return m;
    }
}

/* $name [= constant]; */
static bool
parse_member_var(struct hsl_parser *p, struct reader *r, struct modifiers m)
{
    struct hsl_member_var *v = hsl_parse_alloc(p, sizeof *v);

    if (!v)
        return false;
    v->name = p->tok.text;
    v->pos = p->tok.pos;
    v->is_private = m.is_private;
    v->is_readonly = m.is_readonly;
    v->is_static = m.is_static;
    hsl_parse_advance(p);
    if (hsl_parse_accept(p, HSL_T_SET)) {
        v->def = hsl_parse_expr(p);
        if (!v->def)
            return false;
        hsl_parse_higher(p, &r->h);
    }
    *r->vars = v;
    r->vars = &v->next;
    return hsl_parse_semi(p, NULL);
}

/* constructor (params) block */
static bool
parse_constructor(struct hsl_parser *p, struct reader *r)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_name name = p->tok.text;
    struct hsl_function *f;

    hsl_parse_advance(p);
    f = hsl_parse_function(p, name, pos);
    if (!f)
        return false;
    hsl_parse_higher(p, &r->h);
    f->class = r->c;
    f->is_constructor = f->is_method = true;
    if (r->c->constructor)
        hsl_parse_error(p, "C04", pos, "constructor is already defined");
    r->c->constructor = f;
    return true;
}

static bool
parse_method(struct hsl_parser *p, struct reader *r, struct modifiers m)
{
    struct hsl_node *n = hsl_parse_funcdecl(p);

    if (!n)
        return false;
    hsl_parse_higher(p, &r->h);
    n->u.function->class = r->c;
    n->u.function->is_method = true;
    n->u.function->is_static = m.is_static;
    n->u.function->is_private = m.is_private;
    *r->methods = n;
    r->methods = &n->next;
    return true;
}

static bool
parse_member(struct hsl_parser *p, struct reader *r)
{
    struct modifiers m = parse_modifiers(p);

    if (p->tok.kind == HSL_T_VARIABLE)
        return parse_member_var(p, r, m);
    if (m.is_readonly)
        return hsl_parse_fail(p, "variable", NULL) != NULL;
    if (is_word(p, "constructor") && !m.is_private && !m.is_static)
        return parse_constructor(p, r);
    if (p->tok.kind != HSL_T_FUNCTION)
        return hsl_parse_fail(p, "function, variable or constructor", NULL) != NULL;
    return parse_method(p, r, m);
}

struct hsl_node *
hsl_parse_class(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct reader r = {.c = hsl_parse_alloc(p, sizeof *r.c)};
    struct hsl_node *n;

    if (!r.c)
        return NULL;
    r.vars = &r.c->vars;
    r.methods = &r.c->methods;
    hsl_parse_advance(p);
    r.c->pos = p->tok.pos;
    if (!hsl_parse_decl_name(p, &r.c->name) || !hsl_parse_expect(p, HSL_T_LBRACE))
        return NULL;
    while (p->tok.kind != HSL_T_RBRACE && !p->stop)
        if (!parse_member(p, &r)) {
            hsl_parse_skip_block(p);
            break;
        }
    if (!hsl_parse_expect(p, HSL_T_RBRACE))
        return NULL;
    n = hsl_parse_node(p, HSL_N_CLASS, pos, r.h);
    if (n)
        n->u.class = r.c;
    return n;
}

/* --- Imports ---------------------------------------------------------------------------------- */

/* An identifier or a variable. */
static bool
parse_symbol_name(struct hsl_parser *p, struct hsl_name *name, bool *is_var)
{
    *name = p->tok.text;
    *is_var = p->tok.kind == HSL_T_VARIABLE;
    if (!*is_var && p->tok.kind != HSL_T_IDENT)
        return hsl_parse_fail(p, "name or variable", NULL) != NULL;
    hsl_parse_advance(p);
    return true;
}

/* name [as name], or * as name */
static struct hsl_node *
parse_symbol(struct hsl_parser *p)
{
    struct hsl_node *n = hsl_parse_node(p, HSL_N_EMPTY, p->tok.pos, 0);
    struct hsl_pos as_pos;
    bool as_var;

    if (!n)
        return NULL;
    n->u.importsym.star = hsl_parse_accept(p, HSL_T_MUL);
    if (!n->u.importsym.star && !parse_symbol_name(p, &n->u.importsym.name, &n->u.importsym.is_var))
        return NULL;
    n->u.importsym.as = n->u.importsym.name;
    if (!n->u.importsym.star && p->tok.kind != HSL_T_AS)
        return n;
    if (!hsl_parse_expect(p, HSL_T_AS))
        return NULL;
    as_pos = p->tok.pos;
    if (!parse_symbol_name(p, &n->u.importsym.as, &as_var))
        return NULL;
    if (as_var != n->u.importsym.is_var)
        return hsl_parse_error(p, "C01", as_pos,
            "syntax error, a variable is imported as a variable, a function as a function");
    return n;
}

/* What stands between `import` and `from`, into n->u.import. */
static bool
parse_import_symbols(struct hsl_parser *p, struct hsl_node *n)
{
    struct hsl_parse_list l;

    hsl_parse_list_init(&l);
    if (p->tok.kind == HSL_T_MUL) {
        n->u.import.syms = parse_symbol(p);
        return n->u.import.syms != NULL;
    }
    if (p->tok.kind != HSL_T_LBRACE)
        return hsl_parse_fail(p, "{",
                   "write import { name } from \"module\", or import $v from \"file\"") != NULL;
    hsl_parse_advance(p);
    do {
        if (l.count > 0 && p->tok.kind == HSL_T_RBRACE)
            break;
        if (!hsl_parse_list_add(p, &l, parse_symbol(p)))
            return hsl_parse_leave_block(p) != NULL;
    } while (hsl_parse_accept(p, HSL_T_COMMA));
    n->u.import.syms = l.first;
    return hsl_parse_expect(p, HSL_T_RBRACE);
}

static bool
expect_from(struct hsl_parser *p)
{
    if (!is_word(p, "from"))
        return hsl_parse_fail(p, "from", NULL) != NULL;
    hsl_parse_advance(p);
    return true;
}

struct hsl_node *
hsl_parse_import(struct hsl_parser *p)
{
    struct hsl_node *n = hsl_parse_node(p, HSL_N_IMPORT, p->tok.pos, 0);
    bool data;

    hsl_parse_advance(p);
    if (!n)
        return NULL;
    data = p->tok.kind == HSL_T_VARIABLE;
    if (data) {
        n->u.import.data_var = p->tok.text;
        hsl_parse_saw_variable(p, p->tok.text);
        hsl_parse_advance(p);
    } else if (!parse_import_symbols(p, n)) {
        return NULL;
    }
    if (!expect_from(p) ||
        !hsl_parse_text(p, "C09", "file name must be a constant string", &n->u.import.file))
        return NULL;
    if (data && is_word(p, "with")) {
        hsl_parse_advance(p);
        n->u.import.options = hsl_parse_array(p);
        if (!n->u.import.options)
            return NULL;
    }
    return hsl_parse_semi(p, NULL) ? n : NULL;
}
