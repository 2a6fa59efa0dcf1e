/* hsl_parse_stmt.c - statements, and going on after a mistake. Not here: functions, classes and
 * imports (hsl_parse_decl.c), include (hsl_parse_include.c).
 *
 * Going on: a condition in parentheses that is wrong is skipped up to its ")" and the statement
 * read as if it were right; a missing ";" at the end of a line is taken as there; anything else is
 * skipped up to the next ";" , the "}" of the block, or a word that starts a statement.
 *
 * Threads: one per unit. Fails: C01, C03, C04, C15. */
#include "config.h"

#include "hsl/hsl_parse.h"

/* --- Going on --------------------------------------------------------------------------------- */

/* A token that starts a statement and nothing else. */
static bool
starts_statement(struct hsl_parser *p)
{
    switch (p->tok.kind) {
    case HSL_T_ECHO:
    case HSL_T_IF:
    case HSL_T_WHILE:
    case HSL_T_FOREVER:
    case HSL_T_FOR:
    case HSL_T_FOREACH:
    case HSL_T_SWITCH:
    case HSL_T_BREAK:
    case HSL_T_CONTINUE:
    case HSL_T_RETURN:
    case HSL_T_THROW:
    case HSL_T_TRY:
    case HSL_T_GLOBAL:
    case HSL_T_INCLUDE:
    case HSL_T_INCLUDE_ONCE:
    case HSL_T_IMPORT:
    case HSL_T_CLASS:
        return true;
    case HSL_T_FUNCTION:
        return hsl_parse_peek(p) == HSL_T_IDENT;
    default:
        return false;
    }
}

/* Skips to a place where a statement may start; over a ";" but not over the "}" of the block. */
static void
skip_statement(struct hsl_parser *p)
{
    unsigned braces = 0;

    while (p->tok.kind != HSL_T_END) {
        if (p->tok.kind == HSL_T_LBRACE) {
            braces++;
        } else if (p->tok.kind == HSL_T_RBRACE) {
            if (braces == 0)
                return;
            braces--;
        } else if (braces == 0 && p->tok.kind == HSL_T_SEMI) {
            hsl_parse_advance(p);
            return;
        } else if (braces == 0 && starts_statement(p)) {
            return;
        }
        hsl_parse_advance(p);
    }
}

void
hsl_parse_skip_paren(struct hsl_parser *p, bool semis)
{
    unsigned open = 0;

    for (; p->tok.kind != HSL_T_END; hsl_parse_advance(p)) {
        enum hsl_token_kind kind = p->tok.kind;

        if (kind == HSL_T_LBRACE || kind == HSL_T_RBRACE || (kind == HSL_T_SEMI && !semis))
            return;
        if (kind == HSL_T_LPAREN)
            open++;
        if (kind == HSL_T_RPAREN && open-- == 0) {
            hsl_parse_advance(p);
            return;
        }
    }
}

void
hsl_parse_skip_block(struct hsl_parser *p)
{
    unsigned braces = 0;

    for (; p->tok.kind != HSL_T_END; hsl_parse_advance(p)) {
        if (p->tok.kind == HSL_T_LBRACE)
            braces++;
        else if (p->tok.kind == HSL_T_RBRACE && braces-- == 0)
            return;
    }
}

void *
hsl_parse_leave_block(struct hsl_parser *p)
{
    hsl_parse_skip_block(p);
    hsl_parse_advance(p);
    return NULL;
}

/* `( expr )`; something in its place after an error. NULL: reading has stopped. */
static struct hsl_node *
parse_condition(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n;

    if (hsl_parse_expect(p, HSL_T_LPAREN)) {
        n = hsl_parse_expr(p);
        if (n && hsl_parse_expect(p, HSL_T_RPAREN))
            return n;
    }
    hsl_parse_skip_paren(p, false);
    return p->stop ? NULL : hsl_parse_node(p, HSL_N_NONE, pos, 0);
}

bool
hsl_parse_semi(struct hsl_parser *p, const char *hint)
{
    if (hsl_parse_accept(p, HSL_T_SEMI))
        return true;
    hsl_parse_fail(p, ";", hint);
    return !p->stop && (p->tok.kind == HSL_T_RBRACE || p->tok.pos.line > p->last_line);
}

/* --- Simple statements ------------------------------------------------------------------------ */

/* A statement of [kind] around [a], which is the tree made last, or NULL if there may be none. */
static struct hsl_node *
make_simple(struct hsl_parser *p, enum hsl_node_kind kind, struct hsl_pos pos, struct hsl_node *a)
{
    struct hsl_node *n = hsl_parse_node(p, kind, pos, a ? p->height : 0);

    if (n)
        n->u.un.a = a;
    return n;
}

static struct hsl_node *
parse_expr_statement(struct hsl_parser *p)
{
    struct hsl_token first = p->tok;
    const char *hint = hsl_parse_word_hint(&first);
    struct hsl_node *a, *n;

    if (hint && hsl_parse_peek(p) != HSL_T_LPAREN) {
        hsl_parse_fail(p, NULL, hint);
        hsl_parse_advance(p);
        return p->tok.kind == HSL_T_LBRACE ? hsl_parse_block(p) : NULL;
    }
    if (first.kind == HSL_T_IDENT && hsl_name_isz(first.text, "finally") &&
        hsl_parse_peek(p) == HSL_T_LBRACE) {
        hsl_parse_error(p, "C03", first.pos, "finally is not allowed here");
        hsl_parse_advance(p);
        return hsl_parse_block(p);
    }
    a = hsl_parse_expr(p);
    n = a ? make_simple(p, HSL_N_EXPR, first.pos, a) : NULL;
    return n && hsl_parse_semi(p, NULL) ? n : NULL;
}

/* echo, throw: a word, an expression, a semicolon. */
static struct hsl_node *
parse_word_expr(struct hsl_parser *p, enum hsl_node_kind kind)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *a, *n;

    hsl_parse_advance(p);
    a = hsl_parse_expr(p);
    n = a ? make_simple(p, kind, pos, a) : NULL;
    if (!n)
        return NULL;
    return hsl_parse_semi(
               p, kind == HSL_N_ECHO && p->tok.kind == HSL_T_COMMA ? "join texts with ." : NULL)
               ? n
               : NULL;
}

static struct hsl_node *
parse_return(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *a = NULL, *n;

    hsl_parse_advance(p);
    if (p->tok.kind != HSL_T_SEMI && p->tok.kind != HSL_T_RBRACE && p->tok.kind != HSL_T_END) {
        a = hsl_parse_expr(p);
        if (!a)
            return NULL;
    }
    n = make_simple(p, HSL_N_RETURN, pos, a);
    return n && hsl_parse_semi(p, NULL) ? n : NULL;
}

/* break; continue; */
static struct hsl_node *
parse_jump(struct hsl_parser *p, enum hsl_node_kind kind)
{
    struct hsl_node *n = hsl_parse_node(p, kind, p->tok.pos, 0);

    hsl_parse_advance(p);
    return n && hsl_parse_semi(p, NULL) ? n : NULL;
}

static struct hsl_node *
parse_empty(struct hsl_parser *p)
{
    struct hsl_node *n = hsl_parse_node(p, HSL_N_EMPTY, p->tok.pos, 0);

    hsl_parse_advance(p);
    return n;
}

static struct hsl_node *
parse_global(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_parse_list l;
    struct hsl_node *n;

    hsl_parse_list_init(&l);
    hsl_parse_advance(p);
    do {
        if (!hsl_parse_list_add(p, &l, hsl_parse_variable(p)))
            return NULL;
    } while (hsl_parse_accept(p, HSL_T_COMMA));
    n = hsl_parse_node(p, HSL_N_GLOBAL, pos, l.height);
    if (!n || !hsl_parse_semi(p, NULL))
        return NULL;
    n->u.list.first = l.first;
    n->u.list.count = l.count;
    return n;
}

/* --- Branches and loops ----------------------------------------------------------------------- */

/* `else`, or a word that somebody took for `else if`. */
static bool
accept_else(struct hsl_parser *p, bool *and_if)
{
    *and_if = p->tok.kind == HSL_T_IDENT &&
              (hsl_name_isz(p->tok.text, "elseif") || hsl_name_isz(p->tok.text, "elif") ||
                  hsl_name_isz(p->tok.text, "elsif"));
    if (*and_if) {
        hsl_parse_fail(p, NULL, "use \"else if\"");
        p->tok.kind = HSL_T_IF;
        return true;
    }
    if (!hsl_parse_accept(p, HSL_T_ELSE))
        return false;
    *and_if = p->tok.kind == HSL_T_IF;
    return true;
}

/* One `if (...) statement`; its else part is added by parse_if(). */
static struct hsl_node *
parse_if_part(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n, *cond, *then;
    unsigned h;

    hsl_parse_advance(p);
    cond = parse_condition(p);
    if (!cond)
        return NULL;
    h = p->height;
    then = hsl_parse_statement(p);
    if (!then)
        return NULL;
    hsl_parse_higher(p, &h);
    n = hsl_parse_node(p, HSL_N_IF, pos, h);
    if (!n)
        return NULL;
    n->u.tern.a = cond;
    n->u.tern.b = then;
    return n;
}

/* `if` with all its `else if`, which is a chain and no recursion. */
static struct hsl_node *
parse_if(struct hsl_parser *p)
{
    struct hsl_node *first = parse_if_part(p), *last = first;
    unsigned h = p->height, links = 0;
    bool and_if;

    while (last && accept_else(p, &and_if)) {
        struct hsl_node *part = and_if ? parse_if_part(p) : hsl_parse_statement(p);

        if (!part)
            return NULL;
        hsl_parse_higher(p, &h);
        last->u.tern.c = part;
        last = part;
        if (++links + h >= HSL_PARSE_MAX_HEIGHT)
            return hsl_parse_limit(
                p, part->pos, "chain of more than %d parts", HSL_PARSE_MAX_HEIGHT);
        if (!and_if)
            break;
    }
    p->height = h + links;
    return last ? first : NULL;
}

/* A loop node over [cond] and the statement that follows; [h] is the height of the head. */
static struct hsl_node *
finish_loop(struct hsl_parser *p, enum hsl_node_kind kind, struct hsl_pos pos, unsigned h,
    struct hsl_node **body)
{
    *body = hsl_parse_statement(p);
    if (!*body)
        return NULL;
    hsl_parse_higher(p, &h);
    return hsl_parse_node(p, kind, pos, h);
}

/* while (...) and forever */
static struct hsl_node *
parse_while(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n, *cond = NULL, *body;
    bool forever = p->tok.kind == HSL_T_FOREVER;

    hsl_parse_advance(p);
    if (!forever && !(cond = parse_condition(p)))
        return NULL;
    n = finish_loop(p, HSL_N_WHILE, pos, forever ? 0 : p->height, &body);
    if (!n)
        return NULL;
    n->u.loop.cond = cond;
    n->u.loop.body = body;
    return n;
}

/* An expression that may be missing in front of [end], and [end]. */
static bool
parse_for_part(struct hsl_parser *p, enum hsl_token_kind end, struct hsl_node **part, unsigned *h)
{
    *part = NULL;
    if (hsl_parse_accept(p, end))
        return true;
    *part = hsl_parse_expr(p);
    if (!*part)
        return false;
    hsl_parse_higher(p, h);
    if (p->tok.kind == HSL_T_COMMA)
        return hsl_parse_fail(p, hsl_lex_kind_text(end), "there is no comma operator") != NULL;
    return hsl_parse_expect(p, end);
}

static struct hsl_node *
parse_for(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n, *init = NULL, *cond = NULL, *step = NULL, *body;
    unsigned h = 0;

    hsl_parse_advance(p);
    if (!hsl_parse_expect(p, HSL_T_LPAREN) || !parse_for_part(p, HSL_T_SEMI, &init, &h) ||
        !parse_for_part(p, HSL_T_SEMI, &cond, &h) || !parse_for_part(p, HSL_T_RPAREN, &step, &h))
        hsl_parse_skip_paren(p, true);
    n = finish_loop(p, HSL_N_FOR, pos, h, &body);
    if (!n)
        return NULL;
    n->u.loop.init = init;
    n->u.loop.cond = cond;
    n->u.loop.step = step;
    n->u.loop.body = body;
    return n;
}

/* From the subject of foreach to its ")". */
static bool
parse_foreach_head(struct hsl_parser *p, struct hsl_node **subject, struct hsl_node **key,
    struct hsl_node **value, unsigned *h)
{
    if (!(*subject = hsl_parse_expr(p)))
        return false;
    hsl_parse_higher(p, h);
    if (!hsl_parse_expect(p, HSL_T_AS) || !(*value = hsl_parse_target(p)))
        return false;
    hsl_parse_higher(p, h);
    if (hsl_parse_accept(p, HSL_T_ARROW2)) {
        *key = *value;
        if (!(*value = hsl_parse_target(p)))
            return false;
        hsl_parse_higher(p, h);
    }
    return hsl_parse_expect(p, HSL_T_RPAREN);
}

static struct hsl_node *
parse_foreach(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n, *subject = NULL, *key = NULL, *value = NULL, *body;
    unsigned h = 0;

    hsl_parse_advance(p);
    if (!hsl_parse_expect(p, HSL_T_LPAREN) || !parse_foreach_head(p, &subject, &key, &value, &h))
        hsl_parse_skip_paren(p, false);
    n = finish_loop(p, HSL_N_FOREACH, pos, h, &body);
    if (!n)
        return NULL;
    n->u.foreach.subject = subject;
    n->u.foreach.key = key;
    n->u.foreach.value = value;
    n->u.foreach.body = body;
    return n;
}

/* --- switch ----------------------------------------------------------------------------------- */

/* `case x:` or `default:` with the statements behind it. */
static struct hsl_node *
parse_case(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    bool is_default = p->tok.kind == HSL_T_DEFAULT;
    struct hsl_node *n, *test = NULL, *body;
    unsigned h = 0;

    hsl_parse_advance(p);
    if (!is_default) {
        if (!(test = hsl_parse_expr(p)))
            return NULL;
        h = p->height;
    }
    if (!hsl_parse_expect(p, HSL_T_COLON))
        return NULL;
    body = hsl_parse_statements(p, p->tok.pos, true);
    if (!body)
        return NULL;
    hsl_parse_higher(p, &h);
    n = hsl_parse_node(p, HSL_N_EMPTY, pos, h);
    if (!n)
        return NULL;
    n->u.arm.tests = test;
    n->u.arm.body = body;
    n->u.arm.is_default = is_default;
    return n;
}

/* The cases up to the "}". */
static bool
parse_cases(struct hsl_parser *p, struct hsl_parse_list *cases)
{
    bool has_default = false;

    hsl_parse_list_init(cases);
    while (p->tok.kind != HSL_T_RBRACE) {
        struct hsl_node *n;

        if (p->tok.kind != HSL_T_CASE && p->tok.kind != HSL_T_DEFAULT)
            return hsl_parse_fail(p, cases->count ? "}" : "case or default", NULL) != NULL;
        n = parse_case(p);
        if (!hsl_parse_list_add(p, cases, n))
            return false;
        if (n->u.arm.is_default && has_default)
            hsl_parse_error(p, "C04", n->pos, "default is already defined");
        has_default = has_default || n->u.arm.is_default;
    }
    return true;
}

static struct hsl_node *
parse_switch(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_parse_list cases;
    struct hsl_node *n, *subject;
    unsigned h;

    hsl_parse_advance(p);
    subject = parse_condition(p);
    if (!subject)
        return NULL;
    h = p->height;
    if (!hsl_parse_expect(p, HSL_T_LBRACE))
        return NULL;
    if (!parse_cases(p, &cases))
        hsl_parse_skip_block(p);
    if (!hsl_parse_expect(p, HSL_T_RBRACE))
        return NULL;
    n = hsl_parse_node(p, HSL_N_SWITCH, pos, cases.height > h ? cases.height : h);
    if (!n)
        return NULL;
    n->u.match.subject = subject;
    n->u.match.arms = cases.first;
    return n;
}

/* --- try, barrier ----------------------------------------------------------------------------- */

/* `catch ( $v )`; typed ones of other languages get a hint. */
static struct hsl_node *
parse_catch(struct hsl_parser *p)
{
    struct hsl_node *var;

    if (p->tok.kind == HSL_T_IDENT && hsl_name_isz(p->tok.text, "finally"))
        return hsl_parse_error(p, "C03", p->tok.pos, "finally is not allowed here");
    if (!hsl_parse_expect(p, HSL_T_CATCH) || !hsl_parse_expect(p, HSL_T_LPAREN))
        return NULL;
    if (p->tok.kind == HSL_T_IDENT)
        return hsl_parse_fail(p, "variable", "catch takes any value: catch ($e)");
    var = hsl_parse_variable(p);
    return var && hsl_parse_expect(p, HSL_T_RPAREN) ? var : NULL;
}

static struct hsl_node *
parse_try(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n, *body, *var, *handler;
    unsigned h;

    hsl_parse_advance(p);
    if (!(body = hsl_parse_block(p)))
        return NULL;
    h = p->height;
    if (!(var = parse_catch(p)))
        return NULL;
    hsl_parse_higher(p, &h);
    if (!(handler = hsl_parse_block(p)))
        return NULL;
    hsl_parse_higher(p, &h);
    n = hsl_parse_node(p, HSL_N_TRY, pos, h);
    if (!n)
        return NULL;
    n->u.trycatch.body = body;
    n->u.trycatch.var = var;
    n->u.trycatch.handler = handler;
    return n;
}

static struct hsl_node *
parse_barrier(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n, *name, *var = NULL, *body;
    unsigned h;

    hsl_parse_advance(p);
    if (!(name = hsl_parse_expr(p)))
        return NULL;
    h = p->height;
    if (hsl_parse_accept(p, HSL_T_ARROW2) && !(var = hsl_parse_variable(p)))
        return NULL;
    if (!(body = hsl_parse_block(p)))
        return NULL;
    hsl_parse_higher(p, &h);
    n = hsl_parse_node(p, HSL_N_BARRIER, pos, h);
    if (!n)
        return NULL;
    n->u.barrier.name = name;
    n->u.barrier.var = var;
    n->u.barrier.body = body;
    return n;
}

/* --- Lists and all of them -------------------------------------------------------------------- */

static bool
ends_list(const struct hsl_parser *p, bool in_switch)
{
    enum hsl_token_kind kind = p->tok.kind;

    return kind == HSL_T_END || (kind == HSL_T_RBRACE && p->depth > p->file_depth) ||
           (in_switch && (kind == HSL_T_CASE || kind == HSL_T_DEFAULT));
}

struct hsl_node *
hsl_parse_statements(struct hsl_parser *p, struct hsl_pos pos, bool in_switch)
{
    struct hsl_parse_list l;
    struct hsl_node *n;

    hsl_parse_list_init(&l);
    while (!p->stop && !ends_list(p, in_switch)) {
        size_t at = p->lex.at;

        if (hsl_parse_list_add(p, &l, hsl_parse_statement(p)))
            continue;
        skip_statement(p);
        if (p->lex.at == at && !ends_list(p, in_switch))
            hsl_parse_advance(p); /* nothing was read: there is no way but over it */
    }
    if (p->stop)
        return NULL;
    n = hsl_parse_node(p, HSL_N_BLOCK, pos, l.height);
    if (!n)
        return NULL;
    n->u.list.first = l.first;
    n->u.list.count = l.count;
    return n;
}

struct hsl_node *
hsl_parse_block(struct hsl_parser *p)
{
    struct hsl_pos pos = p->tok.pos;
    struct hsl_node *n;

    if (!hsl_parse_expect(p, HSL_T_LBRACE))
        return NULL;
    n = hsl_parse_statements(p, pos, false);
    return n && hsl_parse_expect(p, HSL_T_RBRACE) ? n : NULL;
}

static struct hsl_node *
parse_statement(struct hsl_parser *p)
{
    switch (p->tok.kind) {
    case HSL_T_LBRACE:
        return hsl_parse_block(p);
    case HSL_T_SEMI:
        return parse_empty(p);
    case HSL_T_ECHO:
        return parse_word_expr(p, HSL_N_ECHO);
    case HSL_T_THROW:
        return parse_word_expr(p, HSL_N_THROW);
    case HSL_T_IF:
        return parse_if(p);
    case HSL_T_WHILE:
    case HSL_T_FOREVER:
        return parse_while(p);
    case HSL_T_FOR:
        return parse_for(p);
    case HSL_T_FOREACH:
        return parse_foreach(p);
    case HSL_T_SWITCH:
        return parse_switch(p);
    case HSL_T_BREAK:
        return parse_jump(p, HSL_N_BREAK);
    case HSL_T_CONTINUE:
        return parse_jump(p, HSL_N_CONTINUE);
    case HSL_T_RETURN:
        return parse_return(p);
    case HSL_T_TRY:
        return parse_try(p);
    case HSL_T_BARRIER:
        return parse_barrier(p);
    case HSL_T_GLOBAL:
        return parse_global(p);
    case HSL_T_INCLUDE:
    case HSL_T_INCLUDE_ONCE:
        return hsl_parse_include(p);
    case HSL_T_IMPORT:
        return hsl_parse_import(p);
    case HSL_T_CLASS:
        return hsl_parse_class(p);
    case HSL_T_FUNCTION:
        if (hsl_parse_peek(p) != HSL_T_LPAREN)
            return hsl_parse_funcdecl(p);
        return parse_expr_statement(p);
    default:
        return parse_expr_statement(p);
    }
}

struct hsl_node *
hsl_parse_statement(struct hsl_parser *p)
{
    struct hsl_node *n;

    if (!hsl_parse_enter(p))
        return NULL;
    n = parse_statement(p);
    hsl_parse_leave(p);
    return n;
}
