/* hsl_parse.h - what the files of the parser share; hsl_ast.h has the way in, hsl_parse_unit().
 *
 * Each hsl_parse_THING() starts at the current token and ends at the first token behind the thing.
 * NULL means that an error was reported; the caller gives NULL too, up to somebody who can find a
 * place to go on: a statement, or a condition in parentheses. */
#ifndef HSL_PARSE_H
#define HSL_PARSE_H

#include "hsl/hsl_ast.h"
#include "hsl/hsl_lex.h"
#include "hsl/hsl_nametab.h"
#include "hsl/hsl_unit.h"

/* Recursion of the parser: 200 levels (language §17.1 C15), the statement and its expression. */
#define HSL_PARSE_MAX_DEPTH 202
/* Height of the tree: chains such as a.b.c.d... make it higher than the recursion is deep. */
#define HSL_PARSE_MAX_HEIGHT 1000
#define HSL_PARSE_MAX_NODES 1000000

/* Bits of hsl_node.flag for expressions. */
enum { HSL_FLAG_PAREN = 1, HSL_FLAG_ARRAY_WORD = 2 };

struct hsl_parser {
    struct hsl_unit *u;
    struct hsl_lex lex;        /* of the file being read */
    struct hsl_token tok;      /* the current token */
    struct hsl_token ahead;    /* the one behind it, if has_ahead */
    bool has_ahead;
    bool stop;                 /* no memory or over a limit: the rest of the text is not read */
    uint32_t last_line;        /* line of the last byte of the token before the current one */
    bool end_failed;           /* an error at the end of the file was reported */
    struct hsl_pos failed;     /* where the last token stood that hsl_parse_fail() reported */
    unsigned depth;            /* of recursion */
    unsigned file_depth;       /* of recursion at the start of the file */
    unsigned height;           /* of the tree made last */
    uint32_t nodes;
    unsigned include_depth;
    struct hsl_function *fn;   /* being read, NULL outside */
    struct hsl_nametab loaded; /* real path to text of files read (hsl_parse_include.c) */
};

struct hsl_parse_list {
    struct hsl_node *first, **tail;
    uint32_t count;
    unsigned height; /* of the highest member */
};

/* --- hsl_parse.c: tokens, nodes, errors ------------------------------------------------------- */

void hsl_parse_advance(struct hsl_parser *p);
/* The kind of the token behind the current one. */
enum hsl_token_kind hsl_parse_peek(struct hsl_parser *p);
/* Goes over the token if it is of [kind]. */
bool hsl_parse_accept(struct hsl_parser *p, enum hsl_token_kind kind);
/* The same; else an error. */
bool hsl_parse_expect(struct hsl_parser *p, enum hsl_token_kind kind);
/* "syntax error, unexpected TOKEN, expected [expected]; [hint]", either may be NULL. Gives NULL. */
void *hsl_parse_fail(struct hsl_parser *p, const char *expected, const char *hint);
/* Any other error; nothing after a stop. Gives NULL. */
void *hsl_parse_error(struct hsl_parser *p, const char *code, struct hsl_pos pos, const char *fmt,
    ...) UT_PRINTF(4, 5);
/* A limit (C15): reported, and reading stops. Gives NULL. */
void *hsl_parse_limit(struct hsl_parser *p, struct hsl_pos pos, const char *fmt, ...)
    UT_PRINTF(3, 4);
/* Cleared memory of the unit. */
void *hsl_parse_alloc(struct hsl_parser *p, size_t size);
/* A node above children of [height] (0: it has none). */
struct hsl_node *hsl_parse_node(struct hsl_parser *p, enum hsl_node_kind kind, struct hsl_pos pos,
    unsigned height);
/* Goes one level deeper; false: too deep, reported. */
bool hsl_parse_enter(struct hsl_parser *p);
void hsl_parse_leave(struct hsl_parser *p);
/* *h becomes at least the height of the tree made last. */
void hsl_parse_higher(const struct hsl_parser *p, unsigned *h);
void hsl_parse_list_init(struct hsl_parse_list *l);
/* Appends [n], the tree made last; false if it is NULL. */
bool hsl_parse_list_add(const struct hsl_parser *p, struct hsl_parse_list *l, struct hsl_node *n);
/* The names that make a script modern (language §1) are noted here. */
void hsl_parse_saw_variable(struct hsl_parser *p, struct hsl_name name);

/* --- hsl_parse_hint.c ------------------------------------------------------------------------- */

/* What may have been meant where [token], as messages show it, stands and [expected] (NULL:
 * nothing special) was; NULL: no idea. */
const char *hsl_parse_hint(const char *token, const char *expected);
/* The same for a word of another language in front of a statement. */
const char *hsl_parse_word_hint(const struct hsl_token *t);
/* What stands behind "unknown function NAME": "; " and a hint, or "". */
const char *hsl_parse_name_hint(struct hsl_name name);

/* --- hsl_parse_expr.c: operators, postfix chains, assignment ---------------------------------- */

struct hsl_node *hsl_parse_expr(struct hsl_parser *p);
/* A postfix chain, no assignment behind it. */
struct hsl_node *hsl_parse_chain(struct hsl_parser *p);
/* An lvalue or a pattern, as in foreach. */
struct hsl_node *hsl_parse_target(struct hsl_parser *p);
bool hsl_parse_is_lvalue(const struct hsl_node *n);
/* A slice of an lvalue, without step: `=` and unset() take it. */
bool hsl_parse_is_slice_target(const struct hsl_node *n);
/* "( args )" from the parenthesis on, into *args, *count, *spread. */
bool hsl_parse_args(struct hsl_parser *p, struct hsl_parse_list *args, bool *spread);
/* "$name" as a node. */
struct hsl_node *hsl_parse_variable(struct hsl_parser *p);

/* --- hsl_parse_primary.c ---------------------------------------------------------------------- */

struct hsl_node *hsl_parse_primary(struct hsl_parser *p);
/* `[...]` or `array(...)`. */
struct hsl_node *hsl_parse_array(struct hsl_parser *p);
/* A string literal without interpolation; else [code] and [text]. */
bool hsl_parse_text(struct hsl_parser *p, const char *code, const char *text,
    struct hsl_name *out);

/* --- hsl_parse_stmt.c ------------------------------------------------------------------------- */

struct hsl_node *hsl_parse_statement(struct hsl_parser *p);
/* Statements up to a "}" (or the end of the file), or up to `case` and `default` too. */
struct hsl_node *hsl_parse_statements(struct hsl_parser *p, struct hsl_pos pos, bool in_switch);
struct hsl_node *hsl_parse_block(struct hsl_parser *p);
/* The ";" of a statement. */
bool hsl_parse_semi(struct hsl_parser *p, const char *hint);
/* Skips what is left of a wrong ( ... ), with its ")"; stops in front of what cannot be part of
 * one. [semis]: a ";" can. */
void hsl_parse_skip_paren(struct hsl_parser *p, bool semis);
/* Skips to the "}" of a block whose inside cannot be read. */
void hsl_parse_skip_block(struct hsl_parser *p);
/* The same, and over it. Gives NULL. */
void *hsl_parse_leave_block(struct hsl_parser *p);

/* --- hsl_parse_decl.c: functions, classes, imports -------------------------------------------- */

/* From the parameters on. [name] is empty for anonymous functions. */
struct hsl_function *hsl_parse_function(struct hsl_parser *p, struct hsl_name name,
    struct hsl_pos pos);
/* The name of a function or class: C03 if it is reserved. */
bool hsl_parse_decl_name(struct hsl_parser *p, struct hsl_name *name);
struct hsl_node *hsl_parse_funcdecl(struct hsl_parser *p);
struct hsl_node *hsl_parse_class(struct hsl_parser *p);
struct hsl_node *hsl_parse_import(struct hsl_parser *p);

/* --- hsl_parse_include.c ---------------------------------------------------------------------- */

/* Reads the main file: its text, or its path. */
int hsl_parse_open_main(struct hsl_parser *p, const struct hsl_source *src) UT_CHECKED;
struct hsl_node *hsl_parse_include(struct hsl_parser *p);

#endif
