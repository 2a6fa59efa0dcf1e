/* hsl_lex.h - bytes to tokens with line and column (language §2). Knows no grammar, allocates
 * nothing: tokens borrow the source. Not thread-safe; one struct hsl_lex per file.
 *
 * Whatever the bytes are, every call gives a token and makes progress. A token that is wrong has
 * its fault set, and stands for what was most likely meant ("&&" is an `and`), so that parsing can
 * go on after the error was reported. */
#ifndef HSL_LEX_H
#define HSL_LEX_H

#include "hsl/hsl_ast.h"

/* ORDER TOKEN: hsl_token.def */
enum hsl_token_kind {
#define HSL_TOKEN(name, text) HSL_T_##name,
#define HSL_PUNCT(name, text) HSL_T_##name,
#define HSL_KEYWORD(name, text) HSL_T_##name,
#include "hsl/hsl_token.def"
    HSL_T_COUNT_
};

struct hsl_token {
    uint8_t kind;         /* enum hsl_token_kind */
    bool fault;           /* it is wrong: lex->fault says how, until the next call */
    bool plain;           /* STRING: neither backslash nor $ in it */
    char flags[8];        /* REGEX: modifiers, each once */
    struct hsl_pos pos;   /* of its first byte */
    struct hsl_name text; /* as in the source; VARIABLE without the $, STRING, RAW and REGEX without
                             delimiters */
    double num;           /* NUMBER */
};

struct hsl_lex_fault {
    const char *code; /* "C01" or "C02" */
    struct hsl_pos pos;
    char text[128]; /* the whole message */
};

struct hsl_lex {
    const char *text; /* borrowed */
    size_t len;
    size_t at;         /* next byte to read */
    size_t line_start; /* offset of the first byte of the line */
    uint32_t line;     /* line of [at], from 1 */
    uint16_t file;     /* goes into every position */
    struct hsl_lex_fault fault;
};

/* Starts at the first byte of [text] (behind a byte order mark), which is borrowed. */
void hsl_lex_init(struct hsl_lex *lx, const char *text, size_t len, uint16_t file);
/* The next token; HSL_T_END at the end, as often as asked. */
void hsl_lex_next(struct hsl_lex *lx, struct hsl_token *t);

/* How messages call a kind of token: ";", "name", "end of file". */
const char *hsl_lex_kind_text(enum hsl_token_kind kind);
/* An identifier or a keyword: may stand behind "->" and "::". */
bool hsl_lex_is_word(const struct hsl_token *t);
/* A word that may name no function and no class. */
bool hsl_lex_is_reserved(struct hsl_name name);
/* Names with the same bytes; and a name with the text [s]. */
bool hsl_name_is(struct hsl_name a, struct hsl_name b);
bool hsl_name_isz(struct hsl_name a, const char *s);

/* The inside of a double-quoted string, part by part. */
struct hsl_lex_string {
    const char *p, *end; /* what is left of it */
    struct hsl_pos pos;  /* of p */
};

enum hsl_lex_part_kind {
    HSL_PART_END,
    HSL_PART_TEXT,  /* bytes, escapes done */
    HSL_PART_ESCAPE,/* the same, and its last two bytes are an unknown escape (W1) */
    HSL_PART_VAR    /* $name or ${name} */
};

struct hsl_lex_part {
    struct hsl_name name; /* VAR: its name */
    struct hsl_pos pos;   /* VAR: of the $; ESCAPE: of the backslash */
    size_t len;           /* TEXT, ESCAPE: bytes written */
};

void hsl_lex_string_init(struct hsl_lex_string *s, const struct hsl_token *t);
/* The next part; its bytes go to [out], which has room for as many as are left of the string. */
enum hsl_lex_part_kind hsl_lex_string_next(struct hsl_lex_string *s, struct hsl_lex_part *part,
    char *out);

#endif
