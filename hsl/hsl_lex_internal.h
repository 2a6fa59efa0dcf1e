/* hsl_lex_internal.h - what hsl_lex.c and hsl_lex_literal.c share. */
#ifndef HSL_LEX_INTERNAL_H
#define HSL_LEX_INTERNAL_H

#include "hsl/hsl_lex.h"

static inline bool
hsl_lex_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool
hsl_lex_is_ident_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static inline bool
hsl_lex_is_ident(char c)
{
    return hsl_lex_is_ident_start(c) || hsl_lex_is_digit(c);
}

/* The position of offset [at] of the current line. */
struct hsl_pos hsl_lex_pos_at(const struct hsl_lex *lx, size_t at);
/* Marks [t] as wrong; the first fault of a token wins. */
void hsl_lex_fault_at(struct hsl_lex *lx, struct hsl_token *t, const char *code, struct hsl_pos pos,
    const char *text);
/* The byte at offset [lf] ends a line. */
void hsl_lex_line(struct hsl_lex *lx, size_t lf);

/* Each reads the token that starts at lx->at, whose pos is set. */
void hsl_lex_number(struct hsl_lex *lx, struct hsl_token *t);
void hsl_lex_quoted(struct hsl_lex *lx, struct hsl_token *t);
void hsl_lex_raw(struct hsl_lex *lx, struct hsl_token *t);
void hsl_lex_regex(struct hsl_lex *lx, struct hsl_token *t);

#endif
