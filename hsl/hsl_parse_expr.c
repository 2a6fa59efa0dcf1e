/* hsl_parse_expr.c - operators by a table (language §5.1), postfix chains, and assignment, which
 * binds to the lvalue right before it whatever operator stands further left (§3). Not here: what
 * stands at the bottom of an expression (hsl_parse_primary.c).
 * Threads: one per unit. Fails: C01, C11, C12, C15. */
#include "config.h"

#include "hsl/hsl_parse.h"

/* --- Operators -------------------------------------------------------------------------------- */

enum {
    LEVEL_COALESCE = 1,
    LEVEL_OR,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_EQUAL,
    LEVEL_REL,
    LEVEL_CONCAT,
    LEVEL_BOR,
    LEVEL_BXOR,
    LEVEL_BAND,
    LEVEL_SHIFT,
    LEVEL_ADD,
    LEVEL_MUL
};

/* Binary operators; level 0: the token is none. `**` is part of the operand (parse_power). */
static const struct binary {
    uint8_t level;
    uint8_t kind; /* of the node */
    uint8_t op;
} binaries[HSL_T_COUNT_] = {
    [HSL_T_COALESCE] = {LEVEL_COALESCE, HSL_N_COALESCE, 0},
    [HSL_T_OR] = {LEVEL_OR, HSL_N_OR, 0},
    [HSL_T_AND] = {LEVEL_AND, HSL_N_AND, 0},
    [HSL_T_EQ] = {LEVEL_EQUAL, HSL_N_BINARY, HSL_OP_EQ},
    [HSL_T_NE] = {LEVEL_EQUAL, HSL_N_BINARY, HSL_OP_NE},
    [HSL_T_SAME] = {LEVEL_EQUAL, HSL_N_BINARY, HSL_OP_SAME},
    [HSL_T_NOT_SAME] = {LEVEL_EQUAL, HSL_N_BINARY, HSL_OP_NSAME},
    [HSL_T_MATCHES] = {LEVEL_EQUAL, HSL_N_BINARY, HSL_OP_MATCH},
    [HSL_T_NOT_MATCHES] = {LEVEL_EQUAL, HSL_N_BINARY, HSL_OP_NMATCH},
    [HSL_T_LT] = {LEVEL_REL, HSL_N_BINARY, HSL_OP_LT},
    [HSL_T_GT] = {LEVEL_REL, HSL_N_BINARY, HSL_OP_GT},
    [HSL_T_LE] = {LEVEL_REL, HSL_N_BINARY, HSL_OP_LE},
    [HSL_T_GE] = {LEVEL_REL, HSL_N_BINARY, HSL_OP_GE},
    [HSL_T_CONCAT] = {LEVEL_CONCAT, HSL_N_BINARY, HSL_OP_CONCAT},
    [HSL_T_BOR] = {LEVEL_BOR, HSL_N_BINARY, HSL_OP_BOR},
    [HSL_T_BXOR] = {LEVEL_BXOR, HSL_N_BINARY, HSL_OP_BXOR},
    [HSL_T_BAND] = {LEVEL_BAND, HSL_N_BINARY, HSL_OP_BAND},
    [HSL_T_SHL] = {LEVEL_SHIFT, HSL_N_BINARY, HSL_OP_SHL},
    [HSL_T_SHR] = {LEVEL_SHIFT, HSL_N_BINARY, HSL_OP_SHR},
    [HSL_T_USHR] = {LEVEL_SHIFT, HSL_N_BINARY, HSL_OP_USHR},
    [HSL_T_ADD] = {LEVEL_ADD, HSL_N_BINARY, HSL_OP_ADD},
    [HSL_T_SUB] = {LEVEL_ADD, HSL_N_BINARY, HSL_OP_SUB},
    [HSL_T_MUL] = {LEVEL_MUL, HSL_N_BINARY, HSL_OP_MUL},
    [HSL_T_DIV] = {LEVEL_MUL, HSL_N_BINARY, HSL_OP_DIV},
    [HSL_T_MOD] = {LEVEL_MUL, HSL_N_BINARY, HSL_OP_MOD},
};

/* Assignments: 1 + the operator, 1 + HSL_OP_COUNT_ for plain `=` and for `??=`. 0: none. */
static const uint8_t assigns[HSL_T_COUNT_] = {
    [HSL_T_SET] = 1 + HSL_OP_COUNT_,
    [HSL_T_COALESCE_SET] = 1 + HSL_OP_COUNT_,
    [HSL_T_ADD_SET] = 1 + HSL_OP_ADD,
    [HSL_T_SUB_SET] = 1 + HSL_OP_SUB,
    [HSL_T_MUL_SET] = 1 + HSL_OP_MUL,
    [HSL_T_DIV_SET] = 1 + HSL_OP_DIV,
    [HSL_T_MOD_SET] = 1 + HSL_OP_MOD,
    [HSL_T_POW_SET] = 1 + HSL_OP_POW,
    [HSL_T_CONCAT_SET] = 1 + HSL_OP_CONCAT,
    [HSL_T_BAND_SET] = 1 + HSL_OP_BAND,
    [HSL_T_BOR_SET] = 1 + HSL_OP_BOR,
    [HSL_T_BXOR_SET] = 1 + HSL_OP_BXOR,
    [HSL_T_SHL_SET] = 1 + HSL_OP_SHL,
    [HSL_T_SHR_SET] = 1 + HSL_OP_SHR,
    [HSL_T_USHR_SET] = 1 + HSL_OP_USHR,
};

static struct hsl_node *parse_binary(struct hsl_parser *p, unsigned level);
static struct hsl_node *parse_coalesce(struct hsl_parser *p);
static struct hsl_node *parse_unary(struct hsl_parser *p);

/* [parse] as one more level of recursion. */
static struct hsl_node *
parse_deeper(struct hsl_parser *p, struct hsl_node *(*parse)(struct hsl_parser *))
{
    struct hsl_node *n;

    if (!hsl_parse_enter(p))
        return NULL;
    n = parse(p);
    hsl_parse_leave(p);
    return n;
}

/* --- What may be assigned to ------------------------------------------------------------------ */

/* [n] is a chain that starts at a variable. */
static bool
is_rooted(const struct hsl_node *n)
{
    for (;;) {
        switch (n->kind) {
        case HSL_N_VAR:
            return true;
        case HSL_N_STATIC:
            return n->u.scoped.is_var;
        case HSL_N_INDEX:
            n = n->u.bin.a;
            break;
        case HSL_N_SLICE:
            n = n->u.slice.a;
            break;
        case HSL_N_PROP:
            n = n->u.prop.a;
            break;
        case HSL_N_CALL:
            n = n->u.call.callee;
            break;
        default:
            return false;
        }
    }
}

/* An element is an lvalue if what holds it is one; a property is if its chain starts at a variable,
 * since objects are references. */
bool
hsl_parse_is_lvalue(const struct hsl_node *n)
{
    for (; !(n->flag & HSL_FLAG_PAREN); n = n->u.bin.a) {
        if (n->kind == HSL_N_VAR)
            return true;
        if (n->kind == HSL_N_STATIC)
            return n->u.scoped.is_var;
        if (n->kind == HSL_N_PROP)
            return is_rooted(n->u.prop.a);
        if (n->kind != HSL_N_INDEX)
            return false;
    }
    return false;
}

static bool
is_append(const struct hsl_node *n)
{
    return n->kind == HSL_N_INDEX && !n->u.bin.b;
}

bool
hsl_parse_is_slice_target(const struct hsl_node *n)
{
    return n->kind == HSL_N_SLICE && !n->flag && !n->u.slice.step &&
           hsl_parse_is_lvalue(n->u.slice.a);
}

static void *
not_assignable(struct hsl_parser *p, struct hsl_pos pos)
{
    return hsl_parse_error(p, "C12", pos, "left side of assignment is not assignable");
}

static struct hsl_node *to_pattern(struct hsl_parser *p, struct hsl_node *n);

/* One element of an array literal becomes one of a pattern. */
static bool
to_pattern_elem(struct hsl_parser *p, struct hsl_node *elem)
{
    struct hsl_node *v = elem->u.elem.value;

    if (elem->u.elem.spread) {
        if (hsl_parse_is_lvalue(v) && !elem->next)
            return true;
        if (elem->next)
            hsl_parse_error(p, "C01", elem->pos,
                "syntax error, unexpected ...; the rest of an array is the last target");
        else
            not_assignable(p, hsl_node_start(v));
        return false;
    }
    if (v->kind == HSL_N_ASSIGN && v->op == HSL_OP_COUNT_ && !v->flag &&
        v->u.assign.target->kind != HSL_N_SLICE) {
        elem->u.elem.def = v->u.assign.value;
        elem->u.elem.value = v->u.assign.target;
        return true;
    }
    if (v->kind == HSL_N_ARRAY)
        return to_pattern(p, v) != NULL;
    if (hsl_parse_is_lvalue(v))
        return true;
    not_assignable(p, hsl_node_start(v));
    return false;
}

/* The array literal [n] is a pattern, since `=` follows it (or foreach needs one). */
static struct hsl_node *
to_pattern(struct hsl_parser *p, struct hsl_node *n)
{
    uint32_t keyed = 0, plain = 0;

    if (n->flag || n->u.list.count == 0)
        return not_assignable(p, n->pos);
    for (struct hsl_node *e = n->u.list.first; e; e = e->next) {
        if (!to_pattern_elem(p, e))
            return NULL;
        if (e->u.elem.key)
            keyed++;
        else if (!e->u.elem.spread)
            plain++;
        if (keyed && plain)
            return hsl_parse_error(p, "C11", e->pos, "cannot mix keyed and positional targets");
    }
    n->kind = HSL_N_PATTERN;
    return n;
}

/* The left side of the assignment at the current token; NULL if it cannot be one. */
static struct hsl_node *
assign_target(struct hsl_parser *p, struct hsl_node *n, struct hsl_pos start)
{
    bool plain = p->tok.kind == HSL_T_SET;

    if (plain && n->kind == HSL_N_ARRAY && !n->flag)
        return to_pattern(p, n);
    if (hsl_parse_is_lvalue(n) && (plain || !is_append(n)))
        return n;
    if (plain && hsl_parse_is_slice_target(n))
        return n;
    return not_assignable(p, start);
}

/* [n], which starts at [start], and the assignment behind it. A wrong left side is reported, and
 * the right side read. */
static struct hsl_node *
parse_assignment(struct hsl_parser *p, struct hsl_node *n, struct hsl_pos start)
{
    struct hsl_token op = p->tok;
    struct hsl_node *target = assign_target(p, n, start), *value;
    unsigned h = p->height;

    hsl_parse_advance(p);
    value = hsl_parse_expr(p);
    if (!value || !target)
        return value;
    hsl_parse_higher(p, &h);
    if (op.kind == HSL_T_COALESCE_SET) {
        n = hsl_parse_node(p, HSL_N_COALESCE_ASSIGN, op.pos, h);
        if (!n)
            return NULL;
        n->u.bin.a = target;
        n->u.bin.b = value;
        return n;
    }
    n = hsl_parse_node(p, HSL_N_ASSIGN, op.pos, h);
    if (!n)
        return NULL;
    n->op = (uint8_t)(assigns[op.kind] - 1);
    n->u.assign.target = target;
    n->u.assign.value = value;
    return n;
}

struct hsl_node *
hsl_parse_target(struct hsl_parser *p)
{
    struct hsl_pos start = p->tok.pos;
    struct hsl_node *n;

    if (p->tok.kind == HSL_T_LBRACKET) {
        n = hsl_parse_array(p);
        return n ? to_pattern(p, n) : NULL;
    }
    n = hsl_parse_chain(p);
    if (!n || hsl_parse_is_lvalue(n))
        return n;
    return not_assignable(p, start);
}

/* --- Postfix chains --------------------------------------------------------------------------- */

/* An expression that may be missing in front of [end] or a colon. */
static bool
parse_bound(struct hsl_parser *p, struct hsl_node **bound, unsigned *h)
{
    *bound = NULL;
    if (p->tok.kind == HSL_T_RBRACKET || p->tok.kind == HSL_T_COLON)
        return true;
    *bound = hsl_parse_expr(p);
    hsl_parse_higher(p, h);
    return *bound != NULL;
}

/* From the first colon of a[first:last:step] on; [h] is the height of what was read. */
static struct hsl_node *
parse_slice(struct hsl_parser *p, struct hsl_node *a, struct hsl_node *first, struct hsl_pos pos,
    unsigned h)
{
    struct hsl_node *n, *last = NULL, *step = NULL;

    if (hsl_parse_accept(p, HSL_T_COLON2)) { /* two colons, nothing between */
        if (!parse_bound(p, &step, &h))
            return NULL;
    } else {
        hsl_parse_advance(p);
        if (!parse_bound(p, &last, &h))
            return NULL;
        if (hsl_parse_accept(p, HSL_T_COLON) && !parse_bound(p, &step, &h))
            return NULL;
    }
    if (!hsl_parse_expect(p, HSL_T_RBRACKET) || !(n = hsl_parse_node(p, HSL_N_SLICE, pos, h)))
        return NULL;
    n->u.slice.a = a;
    n->u.slice.first = first;
    n->u.slice.last = last;
    n->u.slice.step = step;
    return n;
}

/* [key], [] or a slice behind [a]. */
static struct hsl_node *
parse_subscript(struct hsl_parser *p, struct hsl_node *a)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n, *key = NULL;
    unsigned h = p->height;

    hsl_parse_advance(p);
    if (p->tok.kind != HSL_T_RBRACKET && p->tok.kind != HSL_T_COLON &&
        p->tok.kind != HSL_T_COLON2) {
        key = hsl_parse_expr(p);
        if (!key)
            return NULL;
        hsl_parse_higher(p, &h);
    }
    if (p->tok.kind == HSL_T_COLON || p->tok.kind == HSL_T_COLON2)
        return parse_slice(p, a, key, pos, h);
    if (!hsl_parse_expect(p, HSL_T_RBRACKET) || !(n = hsl_parse_node(p, HSL_N_INDEX, pos, h)))
        return NULL;
    n->u.bin.a = a;
    n->u.bin.b = key;
    return n;
}

/* One argument: an expression, or an N_ELEM with spread. */
static struct hsl_node *
parse_arg(struct hsl_parser *p, bool *spread)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n, *value;

    if (!hsl_parse_accept(p, HSL_T_ELLIPSIS))
        return hsl_parse_expr(p);
    *spread = true;
    value = hsl_parse_expr(p);
    n = value ? hsl_parse_node(p, HSL_N_ELEM, pos, p->height) : NULL;
    if (!n)
        return NULL;
    n->u.elem.value = value;
    n->u.elem.spread = true;
    return n;
}

bool
hsl_parse_args(struct hsl_parser *p, struct hsl_parse_list *args, bool *spread)
{
    hsl_parse_list_init(args);
    *spread = false;
    if (!hsl_parse_expect(p, HSL_T_LPAREN))
        return false;
    while (p->tok.kind != HSL_T_RPAREN) {
        if (!hsl_parse_list_add(p, args, parse_arg(p, spread)))
            return false;
        if (p->tok.kind != HSL_T_RPAREN && !hsl_parse_accept(p, HSL_T_COMMA))
            return hsl_parse_fail(p, ", or )", NULL) != NULL;
    }
    hsl_parse_advance(p);
    return true;
}

static struct hsl_node *
parse_call(struct hsl_parser *p, struct hsl_node *callee, struct hsl_pos start)
{
    struct hsl_parse_list args;
    struct hsl_node *n;
    unsigned h = p->height;
    bool spread;

    if (!hsl_parse_args(p, &args, &spread))
        return NULL;
    n = hsl_parse_node(p, HSL_N_CALL, start, args.height > h ? args.height : h);
    if (!n)
        return NULL;
    n->u.call.callee = callee;
    n->u.call.args = args.first;
    n->u.call.argc = args.count;
    n->u.call.spread = spread;
    return n;
}

static struct hsl_node *
parse_property(struct hsl_parser *p, struct hsl_node *a)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n;

    hsl_parse_advance(p);
    if (!hsl_lex_is_word(&p->tok))
        return hsl_parse_fail(p, "name", NULL);
    n = hsl_parse_node(p, HSL_N_PROP, pos, p->height);
    if (!n)
        return NULL;
    n->u.prop.a = a;
    n->u.prop.name = p->tok.text;
    hsl_parse_advance(p);
    return n;
}

struct hsl_node *
hsl_parse_chain(struct hsl_parser *p)
{
    struct hsl_pos start = p->tok.pos;
    struct hsl_node *n = hsl_parse_primary(p);

    while (n) {
        if (p->tok.kind == HSL_T_LBRACKET)
            n = parse_subscript(p, n);
        else if (p->tok.kind == HSL_T_LPAREN)
            n = parse_call(p, n, start);
        else if (p->tok.kind == HSL_T_ARROW)
            n = parse_property(p, n);
        else
            break;
    }
    return n;
}

/* --- From ++ up to the whole expression ------------------------------------------------------- */

/* ++ or -- on [n], which starts at [start]; the node stands at [pos]. */
static struct hsl_node *
make_incdec(struct hsl_parser *p, struct hsl_node *n, bool dec, bool post, struct hsl_pos start,
    struct hsl_pos pos)
{
    struct hsl_node *target = n;

    if (!hsl_parse_is_lvalue(n) || is_append(n)) {
        not_assignable(p, start);
        return n;
    }
    n = hsl_parse_node(p, HSL_N_INCDEC, pos, p->height);
    if (!n)
        return NULL;
    n->u.incdec.target = target;
    n->u.incdec.dec = dec;
    n->u.incdec.post = post;
    return n;
}

static bool
is_incdec(const struct hsl_token *t)
{
    return t->kind == HSL_T_INC || t->kind == HSL_T_DEC;
}

/* A chain with ++ or -- before or behind it, or with an assignment behind it. */
static struct hsl_node *
parse_operand(struct hsl_parser *p)
{
    struct hsl_token first = p->tok;
    struct hsl_pos start;
    struct hsl_node *n;

    if (is_incdec(&first))
        hsl_parse_advance(p);
    start = p->tok.pos;
    n = hsl_parse_chain(p);
    if (!n)
        return NULL;
    if (is_incdec(&first)) {
        n = make_incdec(p, n, first.kind == HSL_T_DEC, false, start, first.pos);
    } else if (is_incdec(&p->tok)) {
        bool dec = p->tok.kind == HSL_T_DEC;

        hsl_parse_advance(p);
        n = make_incdec(p, n, dec, true, start, start);
    }
    if (n && assigns[p->tok.kind])
        n = parse_assignment(p, n, first.pos);
    return n;
}

/* A node of two operands; p->height is that of [b]. */
static struct hsl_node *
make_binary(struct hsl_parser *p, const struct hsl_token *op, struct hsl_node *a,
    struct hsl_node *b, unsigned h)
{
    const struct binary *row = &binaries[op->kind];
    struct hsl_node *n;

    if (!b)
        return NULL;
    hsl_parse_higher(p, &h);
    n = hsl_parse_node(p, row->level ? row->kind : HSL_N_BINARY, op->pos, h);
    if (!n)
        return NULL;
    n->op = row->level ? row->op : HSL_OP_POW;
    n->u.bin.a = a;
    n->u.bin.b = b;
    return n;
}

/* An operand, or operand ** unary. */
static struct hsl_node *
parse_power(struct hsl_parser *p)
{
    struct hsl_node *n = parse_operand(p);
    struct hsl_token op = p->tok;
    unsigned h = p->height;

    if (!n || op.kind != HSL_T_POW)
        return n;
    hsl_parse_advance(p);
    return make_binary(p, &op, n, parse_deeper(p, parse_unary), h);
}

static struct hsl_node *
parse_not_operand(struct hsl_parser *p)
{
    return parse_binary(p, LEVEL_NOT);
}

/* A prefix operator; [op] is HSL_OP_COUNT_ for the word `not`. */
static struct hsl_node *
parse_prefix(struct hsl_parser *p, enum hsl_node_kind kind, enum hsl_op op)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *a, *n;

    hsl_parse_advance(p);
    a = parse_deeper(p, op == HSL_OP_COUNT_ ? parse_not_operand : parse_unary);
    n = a ? hsl_parse_node(p, kind, pos, p->height) : NULL;
    if (!n)
        return NULL;
    n->op = kind == HSL_N_NOT ? HSL_OP_NOT : (uint8_t)op;
    n->u.un.a = a;
    return n;
}

/* An operand with the prefix operators in front of it. */
static struct hsl_node *
parse_unary(struct hsl_parser *p)
{
    switch (p->tok.kind) {
    case HSL_T_BANG:
        return parse_prefix(p, HSL_N_NOT, HSL_OP_NOT);
    case HSL_T_SUB:
        return parse_prefix(p, HSL_N_UNARY, HSL_OP_NEG);
    case HSL_T_ADD:
        return parse_prefix(p, HSL_N_UNARY, HSL_OP_PLUS);
    case HSL_T_BNOT:
        return parse_prefix(p, HSL_N_UNARY, HSL_OP_BNOT);
    default:
        return parse_power(p);
    }
}

/* Operators of [level] and above. Recursion is bounded by the number of levels, but for `??`. */
static struct hsl_node *
parse_binary(struct hsl_parser *p, unsigned level)
{
    struct hsl_node *n;

    if (p->tok.kind == HSL_T_NOT && level <= LEVEL_NOT)
        n = parse_prefix(p, HSL_N_NOT, HSL_OP_COUNT_);
    else
        n = parse_unary(p);
    while (n && binaries[p->tok.kind].level >= level) {
        struct hsl_token op = p->tok;
        unsigned h = p->height;

        hsl_parse_advance(p);
        n = make_binary(p, &op, n,
            op.kind == HSL_T_COALESCE ? parse_deeper(p, parse_coalesce)
                                      : parse_binary(p, binaries[op.kind].level + 1u),
            h);
    }
    return n;
}

static struct hsl_node *
parse_coalesce(struct hsl_parser *p)
{
    return parse_binary(p, LEVEL_COALESCE);
}

/* From the "?" behind the condition [a] on. */
static struct hsl_node *
parse_ternary(struct hsl_parser *p, struct hsl_node *a)
{
    struct hsl_node *n, *b = NULL, *c;
    unsigned h = p->height;

    hsl_parse_advance(p);
    if (p->tok.kind != HSL_T_COLON) {
        b = hsl_parse_expr(p);
        if (!b)
            return NULL;
        hsl_parse_higher(p, &h);
    }
    if (!hsl_parse_expect(p, HSL_T_COLON))
        return NULL;
    c = hsl_parse_expr(p);
    if (!c)
        return NULL;
    hsl_parse_higher(p, &h);
    n = hsl_parse_node(p, HSL_N_TERNARY, hsl_node_start(a), h);
    if (!n)
        return NULL;
    n->u.tern.a = a;
    n->u.tern.b = b;
    n->u.tern.c = c;
    return n;
}

/* No expression starts here: `yield` has no value. */
static bool
ends_expr(const struct hsl_token *t)
{
    return t->kind == HSL_T_SEMI || t->kind == HSL_T_COMMA || t->kind == HSL_T_RPAREN ||
           t->kind == HSL_T_RBRACKET || t->kind == HSL_T_RBRACE || t->kind == HSL_T_END;
}

static struct hsl_node *
parse_yield(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n, *a = NULL, *b = NULL;
    unsigned h = 0;

    if (!p->fn)
        return hsl_parse_error(p, "C03", pos, "yield is not allowed here");
    p->fn->is_generator = true;
    hsl_parse_advance(p);
    if (!ends_expr(&p->tok)) {
        b = hsl_parse_expr(p);
        if (!b)
            return NULL;
        h = p->height;
    }
    if (b && hsl_parse_accept(p, HSL_T_ARROW2)) {
        a = b;
        b = hsl_parse_expr(p);
        if (!b)
            return NULL;
        hsl_parse_higher(p, &h);
    }
    n = hsl_parse_node(p, HSL_N_YIELD, pos, h);
    if (!n)
        return NULL;
    n->u.bin.a = a;
    n->u.bin.b = b;
    return n;
}

static struct hsl_node *
parse_expr(struct hsl_parser *p)
{
    struct hsl_node *n;

    if (p->tok.kind == HSL_T_YIELD)
        return parse_yield(p);
    n = parse_binary(p, LEVEL_COALESCE);
    return n && p->tok.kind == HSL_T_QUESTION ? parse_ternary(p, n) : n;
}

struct hsl_node *
hsl_parse_expr(struct hsl_parser *p)
{
    return parse_deeper(p, parse_expr);
}
