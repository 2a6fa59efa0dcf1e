/* hsl_parse_primary.c - what stands at the bottom of an expression: literals, names, arrays,
 * match, cache, isset. Not here: operators and chains (hsl_parse_expr.c), functions
 * (hsl_parse_decl.c). Threads: one per unit. Fails: C01, C03, C04, C09, C15. */
#include "config.h"

#include "hsl/hsl_parse.h"

/* --- Strings ---------------------------------------------------------------------------------- */

/* A text node, or NULL. */
static struct hsl_node *
make_text(struct hsl_parser *p, struct hsl_pos pos, const char *text, size_t len)
{
    struct hsl_node *n = hsl_parse_node(p, HSL_N_STR, pos, 0);

    if (n)
        n->u.str = (struct hsl_name){text, (uint32_t)len};
    return n;
}

/* Decodes text up to the next variable into [buf] (room for the rest of the string), [*len] bytes;
 * gives HSL_PART_VAR or HSL_PART_END. */
static enum hsl_lex_part_kind
decode_text(struct hsl_parser *p, struct hsl_lex_string *s, struct hsl_lex_part *part, char *buf,
    size_t *len)
{
    enum hsl_lex_part_kind kind;

    *len = 0;
    for (;;) {
        kind = hsl_lex_string_next(s, part, buf + *len);
        if (kind == HSL_PART_VAR || kind == HSL_PART_END)
            return kind;
        *len += part->len;
        if (kind == HSL_PART_ESCAPE)
            hsl_unit_warn(
                p->u, "W1", part->pos, "unknown escape \\%.1s stays as it is", buf + *len - 1);
    }
}

/* The parts of a string with $ or backslash in it. */
static bool
parse_parts(struct hsl_parser *p, struct hsl_parse_list *parts)
{
    struct hsl_token t = p->tok;
    struct hsl_lex_string s;
    struct hsl_lex_part part;
    char *buf = hsl_parse_alloc(p, t.text.len + (size_t)1);
    size_t len;

    hsl_parse_list_init(parts);
    hsl_lex_string_init(&s, &t);
    while (buf) {
        enum hsl_lex_part_kind kind = decode_text(p, &s, &part, buf, &len);
        struct hsl_node *n;

        if (len > 0 && !hsl_parse_list_add(p, parts, make_text(p, t.pos, buf, len)))
            return false;
        if (kind == HSL_PART_END)
            return true;
        buf += len;
        n = hsl_parse_node(p, HSL_N_VAR, part.pos, 0);
        if (!hsl_parse_list_add(p, parts, n))
            return false;
        n->u.var.name = part.name;
        hsl_parse_saw_variable(p, part.name);
    }
    return false;
}

static struct hsl_node *
parse_string(struct hsl_parser *p)
{
    struct hsl_token t = p->tok;
    struct hsl_parse_list parts;
    struct hsl_node *n;

    if (t.kind == HSL_T_RAW || t.plain) {
        n = make_text(p, t.pos, t.text.p, t.text.len);
    } else if (!parse_parts(p, &parts)) {
        return NULL;
    } else if (parts.count == 0) {
        n = make_text(p, t.pos, "", 0);
    } else if (parts.count == 1 && parts.first->kind == HSL_N_STR) {
        n = parts.first;
    } else {
        n = hsl_parse_node(p, HSL_N_INTERP, t.pos, parts.height);
        if (n) {
            n->u.list.first = parts.first;
            n->u.list.count = parts.count;
        }
    }
    if (n)
        hsl_parse_advance(p);
    return n;
}

bool
hsl_parse_text(struct hsl_parser *p, const char *code, const char *text, struct hsl_name *out)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n;

    if (p->tok.kind == HSL_T_STRING || p->tok.kind == HSL_T_RAW) {
        n = parse_string(p);
        if (!n)
            return false;
        if (n->kind == HSL_N_STR) {
            *out = n->u.str;
            return true;
        }
    }
    return hsl_parse_error(p, code, pos, "%s", text) != NULL;
}

/* --- Leaves ----------------------------------------------------------------------------------- */

/* A node of the current token alone. */
static struct hsl_node *
parse_leaf(struct hsl_parser *p, enum hsl_node_kind kind)
{
    struct hsl_node *n = hsl_parse_node(p, kind, p->tok.pos, 0);

    if (n)
        hsl_parse_advance(p);
    return n;
}

static struct hsl_node *
parse_number(struct hsl_parser *p)
{
    double num = p->tok.num;
    struct hsl_node *n = parse_leaf(p, HSL_N_NUM);

    if (n)
        n->u.num = num;
    return n;
}

static struct hsl_node *
parse_regex(struct hsl_parser *p)
{
    struct hsl_token t = p->tok;
    struct hsl_node *n = parse_leaf(p, HSL_N_REGEX);

    if (!n)
        return NULL;
    n->u.regex.pattern = t.text;
    memcpy(n->u.regex.flags, t.flags, sizeof n->u.regex.flags);
    return n;
}

struct hsl_node *
hsl_parse_variable(struct hsl_parser *p)
{
    struct hsl_name name = p->tok.text;
    struct hsl_node *n;

    if (p->tok.kind != HSL_T_VARIABLE)
        return hsl_parse_fail(p, "variable", NULL);
    n = parse_leaf(p, HSL_N_VAR);
    if (!n)
        return NULL;
    n->u.var.name = name;
    hsl_parse_saw_variable(p, name);
    return n;
}

static struct hsl_node *
parse_paren(struct hsl_parser *p)
{
    struct hsl_node *n;

    hsl_parse_advance(p);
    n = hsl_parse_expr(p);
    if (!n || !hsl_parse_expect(p, HSL_T_RPAREN))
        return NULL;
    n->flag |= HSL_FLAG_PAREN;
    return n;
}

/* `left::name` or `left::$name` from the "::" on. */
static struct hsl_node *
parse_static(struct hsl_parser *p, struct hsl_name left, struct hsl_pos pos)
{
    struct hsl_node *n;

    hsl_parse_advance(p);
    if (p->tok.kind != HSL_T_VARIABLE && !hsl_lex_is_word(&p->tok))
        return hsl_parse_fail(p, "name or variable", NULL);
    n = hsl_parse_node(p, HSL_N_STATIC, pos, 0);
    if (!n)
        return NULL;
    n->u.scoped.left = left;
    n->u.scoped.right = p->tok.text;
    n->u.scoped.is_var = p->tok.kind == HSL_T_VARIABLE;
    hsl_parse_advance(p);
    return n;
}

/* A bare name: function, class, or the left of "::". */
static struct hsl_node *
parse_name(struct hsl_parser *p)
{
    struct hsl_name name = p->tok.text;
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n;

    if (hsl_lex_is_reserved(name))
        return hsl_parse_error(p, "C03", pos, "%.*s is a reserved word%s", HSL_NAME_ARGS(name),
            hsl_name_isz(name, "new") ? "; objects are made by Name()" : "");
    hsl_parse_advance(p);
    if (p->tok.kind == HSL_T_COLON2)
        return parse_static(p, name, pos);
    n = hsl_parse_node(p, HSL_N_NAME, pos, 0);
    if (n)
        n->u.name.name = name;
    return n;
}

static struct hsl_node *
parse_builtin(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n;

    hsl_parse_advance(p);
    if (p->tok.kind != HSL_T_IDENT)
        return hsl_parse_fail(p, "name of a built-in function", NULL);
    n = hsl_parse_node(p, HSL_N_NAME, pos, 0);
    if (!n)
        return NULL;
    n->u.name.name = p->tok.text;
    n->u.name.builtin = true;
    hsl_parse_advance(p);
    return n;
}

/* --- Arrays ----------------------------------------------------------------------------------- */

/* One element of an array literal. */
static struct hsl_node *
parse_elem(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    bool spread = hsl_parse_accept(p, HSL_T_ELLIPSIS);
    struct hsl_node *n, *key = NULL, *value = hsl_parse_expr(p);
    unsigned h = p->height;

    if (!value)
        return NULL;
    if (!spread && hsl_parse_accept(p, HSL_T_ARROW2)) {
        key = value;
        value = hsl_parse_expr(p);
        if (!value)
            return NULL;
        hsl_parse_higher(p, &h);
    }
    n = hsl_parse_node(p, HSL_N_ELEM, pos, h);
    if (!n)
        return NULL;
    n->u.elem.key = key;
    n->u.elem.value = value;
    n->u.elem.spread = spread;
    return n;
}

/* The elements up to [close], in a node of [kind] at [pos]. */
static struct hsl_node *
parse_elems(
    struct hsl_parser *p, enum hsl_node_kind kind, struct hsl_pos pos, enum hsl_token_kind close)
{
    struct hsl_parse_list l;
    struct hsl_node *n;
    bool keyed = false;

    hsl_parse_list_init(&l);
    while (p->tok.kind != close) {
        n = parse_elem(p);
        if (!hsl_parse_list_add(p, &l, n))
            return NULL;
        keyed = keyed || n->u.elem.key;
        if (p->tok.kind != close && !hsl_parse_accept(p, HSL_T_COMMA))
            return hsl_parse_fail(p, close == HSL_T_RPAREN ? ", or )" : ", or ]", NULL);
    }
    hsl_parse_advance(p);
    n = hsl_parse_node(p, kind, pos, l.height);
    if (!n)
        return NULL;
    n->u.list.first = l.first;
    n->u.list.count = l.count;
    n->u.list.keyed = keyed;
    return n;
}

struct hsl_node *
hsl_parse_array(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n;

    if (hsl_parse_accept(p, HSL_T_LBRACKET))
        return parse_elems(p, HSL_N_ARRAY, pos, HSL_T_RBRACKET);
    if (p->tok.kind != HSL_T_ARRAY)
        return hsl_parse_fail(p, "[", NULL);
    hsl_parse_advance(p);
    if (!hsl_parse_expect(p, HSL_T_LPAREN))
        return NULL;
    n = parse_elems(p, HSL_N_ARRAY, pos, HSL_T_RPAREN);
    if (n)
        n->flag |= HSL_FLAG_ARRAY_WORD;
    return n;
}

static struct hsl_node *
parse_object(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;

    hsl_parse_advance(p);
    if (!hsl_parse_expect(p, HSL_T_LBRACKET))
        return NULL;
    return parse_elems(p, HSL_N_OBJECT, pos, HSL_T_RBRACKET);
}

/* --- match, cache, isset ---------------------------------------------------------------------- */

/* The tests of one arm: `default`, or expressions. */
static bool
parse_tests(struct hsl_parser *p, struct hsl_parse_list *tests, bool *is_default)
{
    hsl_parse_list_init(tests);
    *is_default = hsl_parse_accept(p, HSL_T_DEFAULT);
    if (*is_default)
        return true;
    do {
        if (!hsl_parse_list_add(p, tests, hsl_parse_expr(p)))
            return false;
    } while (hsl_parse_accept(p, HSL_T_COMMA));
    return true;
}

static struct hsl_node *
parse_arm(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_parse_list tests;
    struct hsl_node *n, *body;
    bool is_default;

    if (!parse_tests(p, &tests, &is_default) || !hsl_parse_expect(p, HSL_T_ARROW2))
        return NULL;
    body = hsl_parse_expr(p);
    if (!body)
        return NULL;
    hsl_parse_higher(p, &tests.height);
    n = hsl_parse_node(p, HSL_N_EMPTY, pos, tests.height);
    if (!n)
        return NULL;
    n->u.arm.tests = tests.first;
    n->u.arm.body = body;
    n->u.arm.is_default = is_default;
    return n;
}

/* The arms of a match up to its brace; an empty list is allowed (it always throws). */
static bool
parse_arms(struct hsl_parser *p, struct hsl_parse_list *arms)
{
    bool has_default = false;

    hsl_parse_list_init(arms);
    while (p->tok.kind != HSL_T_RBRACE) {
        struct hsl_node *n = parse_arm(p);

        if (!hsl_parse_list_add(p, arms, n))
            return false;
        if (n->u.arm.is_default && has_default)
            hsl_parse_error(p, "C04", n->pos, "default is already defined");
        has_default = has_default || n->u.arm.is_default;
        if (p->tok.kind != HSL_T_RBRACE && !hsl_parse_accept(p, HSL_T_COMMA))
            return hsl_parse_fail(p, ", or }", NULL) != NULL;
    }
    hsl_parse_advance(p);
    return true;
}

static struct hsl_node *
parse_match(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_parse_list arms;
    struct hsl_node *n, *subject;
    unsigned h;

    hsl_parse_advance(p);
    if (!hsl_parse_expect(p, HSL_T_LPAREN) || !(subject = hsl_parse_expr(p)))
        return NULL;
    h = p->height;
    if (!hsl_parse_expect(p, HSL_T_RPAREN) || !hsl_parse_expect(p, HSL_T_LBRACE))
        return NULL;
    if (!parse_arms(p, &arms))
        return hsl_parse_leave_block(p);
    n = hsl_parse_node(p, HSL_N_MATCH, pos, arms.height > h ? arms.height : h);
    if (!n)
        return NULL;
    n->u.match.subject = subject;
    n->u.match.arms = arms.first;
    return n;
}

/* What a cache may call: a named function, a built-in, or Class::function. */
static struct hsl_node *
parse_cached_callee(struct hsl_parser *p)
{
    struct hsl_node *n;

    if (p->tok.kind == HSL_T_BUILTIN)
        return parse_builtin(p);
    if (p->tok.kind != HSL_T_IDENT)
        return hsl_parse_fail(p, "name of a function", NULL);
    n = parse_name(p);
    if (n && n->kind == HSL_N_STATIC && n->u.scoped.is_var)
        return hsl_parse_error(
            p, "C01", n->pos, "syntax error, unexpected variable, expected name of a function");
    return n;
}

static struct hsl_node *
parse_cache(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n, *options, *callee;
    struct hsl_parse_list args;
    unsigned h;
    bool spread;

    hsl_parse_advance(p);
    options = hsl_parse_array(p);
    h = p->height;
    if (!options || !(callee = parse_cached_callee(p)) || !hsl_parse_args(p, &args, &spread))
        return NULL;
    n = hsl_parse_node(p, HSL_N_CACHE, pos, args.height > h ? args.height : h);
    if (!n)
        return NULL;
    n->u.cache.options = options;
    n->u.cache.callee = callee;
    n->u.cache.args = args.first;
    n->u.cache.argc = args.count;
    n->u.cache.spread = spread;
    return n;
}

/* isset(lvalue), unset(lvalue or slice of one) */
static struct hsl_node *
parse_isset(struct hsl_parser *p)
{
    bool is_unset = p->tok.kind == HSL_T_UNSET;
    struct hsl_pos pos = p->tok.pos, start;
    struct hsl_node *n, *a;

    hsl_parse_advance(p);
    if (!hsl_parse_expect(p, HSL_T_LPAREN))
        return NULL;
    start = p->tok.pos;
    a = hsl_parse_chain(p);
    if (!a)
        return NULL;
    if (!hsl_parse_is_lvalue(a) && !(is_unset && hsl_parse_is_slice_target(a)))
        return hsl_parse_error(p, "C01", start, "syntax error, %s() takes a variable, an element%s",
            is_unset ? "unset" : "isset",
            is_unset ? ", a property or a slice without step" : " or a property");
    n = hsl_parse_node(p, is_unset ? HSL_N_UNSET : HSL_N_ISSET, pos, p->height);
    if (!n || !hsl_parse_expect(p, HSL_T_RPAREN))
        return NULL;
    n->u.un.a = a;
    return n;
}

/* --- All of them ------------------------------------------------------------------------------ */

/* An anonymous function. */
static struct hsl_node *
parse_function_value(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_function *f;
    struct hsl_node *n;

    hsl_parse_advance(p);
    f = hsl_parse_function(p, (struct hsl_name){"", 0}, pos);
    n = f ? hsl_parse_node(p, HSL_N_FUNCTION, pos, p->height) : NULL;
    if (n)
        n->u.function = f;
    return n;
}

struct hsl_node *
hsl_parse_primary(struct hsl_parser *p)
{
    switch (p->tok.kind) {
    case HSL_T_NUMBER:
        return parse_number(p);
    case HSL_T_STRING:
    case HSL_T_RAW:
        return parse_string(p);
    case HSL_T_REGEX:
        return parse_regex(p);
    case HSL_T_TRUE:
        return parse_leaf(p, HSL_N_TRUE);
    case HSL_T_FALSE:
        return parse_leaf(p, HSL_N_FALSE);
    case HSL_T_NONE:
        return parse_leaf(p, HSL_N_NONE);
    case HSL_T_VARIABLE:
        return hsl_parse_variable(p);
    case HSL_T_LPAREN:
        return parse_paren(p);
    case HSL_T_LBRACKET:
    case HSL_T_ARRAY:
        return hsl_parse_array(p);
    case HSL_T_OBJECT:
        return parse_object(p);
    case HSL_T_FUNCTION:
        return parse_function_value(p);
    case HSL_T_MATCH:
        return parse_match(p);
    case HSL_T_CACHE:
        return parse_cache(p);
    case HSL_T_BUILTIN:
        return parse_builtin(p);
    case HSL_T_ISSET:
    case HSL_T_UNSET:
        return parse_isset(p);
    case HSL_T_IDENT:
        return parse_name(p);
    case HSL_T_NOT:
        return hsl_parse_fail(p, "expression", "write (not ...) or !");
    case HSL_T_BAND:
        return hsl_parse_fail(p, "expression", "there are no references");
    default:
        return hsl_parse_fail(p, "expression", NULL);
    }
}
