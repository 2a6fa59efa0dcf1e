/* hsl_parse.c - tokens to a tree in the unit's arena: the way in, and what all parts of the parser
 * stand on (tokens, nodes, errors, limits). Not here: expressions (hsl_parse_expr.c,
 * hsl_parse_primary.c), statements (hsl_parse_stmt.c), declarations (hsl_parse_decl.c), includes
 * (hsl_parse_include.c), what names mean (hsl_check.c).
 *
 * Recursive descent. Two bounds keep every walk over the tree from running out of stack: the
 * recursion here (nesting of the source), and the height of the tree, which left-associative
 * chains and `else if` make higher without any recursion. Both are limit errors (C15).
 *
 * Errors: the first one of a statement is reported, then the parser goes on at the next statement
 * (hsl_parse_stmt.c), so that one run finds several mistakes and no consequences of one.
 *
 * Threads: one per unit. Fails: on errors of the script, without memory, over a limit; all are in
 * the unit's diagnostics. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "hsl/hsl_parse.h"

/* --- Tokens ----------------------------------------------------------------------------------- */

/* The next token of the file; faults are reported as they are met. */
static void
read_token(struct hsl_parser *p, struct hsl_token *t)
{
    hsl_lex_next(&p->lex, t);
    if (t->fault) {
        const struct hsl_lex_fault *f = &p->lex.fault;

        hsl_parse_error(p, f->code, f->pos, "%s", f->text);
        if (f->code[2] == '2') /* unterminated: it swallowed the rest of the file */
            p->end_failed = true;
    }
    if (hsl_unit_is_full(p->u))
        p->stop = true;
}

void
hsl_parse_advance(struct hsl_parser *p)
{
    if (p->stop) {
        p->tok.kind = HSL_T_END;
        p->has_ahead = false;
        return;
    }
    if (p->has_ahead) {
        p->last_line = p->tok.pos.line;
        p->tok = p->ahead;
        p->has_ahead = false;
        return;
    }
    p->last_line = p->lex.line;
    read_token(p, &p->tok);
}

enum hsl_token_kind
hsl_parse_peek(struct hsl_parser *p)
{
    if (!p->has_ahead && !p->stop) {
        read_token(p, &p->ahead);
        p->has_ahead = true;
    }
    return p->stop ? HSL_T_END : p->ahead.kind;
}

bool
hsl_parse_accept(struct hsl_parser *p, enum hsl_token_kind kind)
{
    if (p->tok.kind != kind)
        return false;
    hsl_parse_advance(p);
    return true;
}

bool
hsl_parse_expect(struct hsl_parser *p, enum hsl_token_kind kind)
{
    if (hsl_parse_accept(p, kind))
        return true;
    hsl_parse_fail(p, hsl_lex_kind_text(kind), NULL);
    return false;
}

/* --- Errors ----------------------------------------------------------------------------------- */

/* A token as messages show it. */
static void
token_text(const struct hsl_token *t, char *buf, size_t size)
{
    int len = (int)(t->text.len > 60 ? 60 : t->text.len);

    if (t->kind == HSL_T_VARIABLE)
        snprintf(buf, size, "$%.*s", len, t->text.p);
    else if (hsl_lex_is_word(t) || t->kind == HSL_T_NUMBER)
        snprintf(buf, size, "%.*s", len, t->text.p);
    else
        snprintf(buf, size, "%s", hsl_lex_kind_text(t->kind));
}

void *
hsl_parse_fail(struct hsl_parser *p, const char *expected, const char *hint)
{
    char text[80];

    if (p->tok.kind == HSL_T_BAD || p->tok.fault) /* reported when it was read */
        return NULL;
    if (p->tok.kind == HSL_T_END) {
        if (p->end_failed)
            return NULL;
        p->end_failed = true;
    }
    if (memcmp(&p->failed, &p->tok.pos, sizeof p->failed) == 0) /* reported: no way over it */
        return NULL;
    p->failed = p->tok.pos;
    token_text(&p->tok, text, sizeof text);
    if (!hint)
        hint = hsl_parse_hint(text, expected);
    return hsl_parse_error(p, "C01", p->tok.pos, "syntax error, unexpected %s%s%s%s%s", text,
        expected ? ", expected " : "", expected ? expected : "", hint ? "; " : "",
        hint ? hint : "");
}

void *
hsl_parse_error(struct hsl_parser *p, const char *code, struct hsl_pos pos, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    if (p->stop)
        return NULL;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    hsl_unit_error(p->u, code, pos, "%s", text);
    if (hsl_unit_is_full(p->u))
        p->stop = true;
    return NULL;
}

void *
hsl_parse_limit(struct hsl_parser *p, struct hsl_pos pos, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    hsl_parse_error(p, "C15", pos, "limit: %s", text);
    p->stop = true;
    return NULL;
}

/* --- Nodes ------------------------------------------------------------------------------------ */

void *
hsl_parse_alloc(struct hsl_parser *p, size_t size)
{
    void *m = ut_arena_calloc(p->u->arena, 1, size);

    return m ? m : hsl_parse_limit(p, p->tok.pos, "not enough memory for the script");
}

struct hsl_node *
hsl_parse_node(struct hsl_parser *p, enum hsl_node_kind kind, struct hsl_pos pos, unsigned height)
{
    struct hsl_node *n;

    if (p->nodes >= HSL_PARSE_MAX_NODES)
        return hsl_parse_limit(p, pos, "script of more than %d parts", HSL_PARSE_MAX_NODES);
    if (height >= HSL_PARSE_MAX_HEIGHT)
        return hsl_parse_limit(p, pos, "chain of more than %d parts", HSL_PARSE_MAX_HEIGHT);
    n = hsl_parse_alloc(p, sizeof *n);
    if (!n)
        return NULL;
    p->nodes++;
    p->height = height + 1;
    n->kind = (uint8_t)kind;
    n->pos = pos;
    return n;
}

bool
hsl_parse_enter(struct hsl_parser *p)
{
    if (p->depth >= HSL_PARSE_MAX_DEPTH) {
        hsl_parse_limit(p, p->tok.pos, "nesting deeper than 200");
        return false;
    }
    p->depth++;
    return true;
}

void
hsl_parse_leave(struct hsl_parser *p)
{
    p->depth--;
}

void
hsl_parse_higher(const struct hsl_parser *p, unsigned *h)
{
    if (p->height > *h)
        *h = p->height;
}

void
hsl_parse_list_init(struct hsl_parse_list *l)
{
    *l = (struct hsl_parse_list){.tail = &l->first};
}

bool
hsl_parse_list_add(const struct hsl_parser *p, struct hsl_parse_list *l, struct hsl_node *n)
{
    if (!n)
        return false;
    *l->tail = n;
    l->tail = &n->next;
    l->count++;
    hsl_parse_higher(p, &l->height);
    return true;
}

void
hsl_parse_saw_variable(struct hsl_parser *p, struct hsl_name name)
{
    static const struct hsl_name modern[] = {
        {"arguments", 9}, {"connection", 10}, {"transaction", 11}, {"message", 7}};

    for (size_t i = 0; i < sizeof modern / sizeof modern[0]; i++)
        if (hsl_name_is(name, modern[i]))
            p->u->modern = true;
}

/* --- The way in ------------------------------------------------------------------------------- */

int
hsl_parse_unit(struct hsl_unit *u, const struct hsl_source *src)
{
    struct hsl_parser p = {.u = u, .include_depth = u->depth};
    const struct hsl_source_file *f;
    size_t errors = u->diags->errors;

    u->modern = false;
    if (hsl_parse_open_main(&p, src) != 0)
        return -1;
    f = &hsl_unit_main(u)->files[u->first_file];
    hsl_lex_init(&p.lex, f->text, f->len, (uint16_t)u->first_file);
    hsl_parse_advance(&p);
    u->body = hsl_parse_statements(&p, p.tok.pos, false);
    return u->body && !p.stop && u->diags->errors == errors ? 0 : -1;
}
