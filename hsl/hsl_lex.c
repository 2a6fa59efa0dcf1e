/* hsl_lex.c - bytes to tokens (language §2): white space, comments, words, symbols, and the start
 * of everything quoted. Not here: numbers, strings and regular expressions themselves
 * (hsl_lex_literal.c), what tokens mean (hsl_parse.c).
 * Threads: any, one struct hsl_lex each. Nothing fails; what is wrong is a fault of the token. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "hsl/hsl_lex_internal.h"
#include "lib/ut_utf8.h"

static const char *const kind_texts[] = {
#define HSL_TOKEN(name, text) text,
#define HSL_PUNCT(name, text) text,
#define HSL_KEYWORD(name, text) text,
#include "hsl/hsl_token.def"
};

/* The symbols. */
static const struct punct {
    char text[5];
    uint8_t len;
    uint8_t kind;
} puncts[] = {
#define HSL_PUNCT(name, text) {text, sizeof text - 1, HSL_T_##name},
#include "hsl/hsl_token.def"
};

#define PUNCT_ROW(name) (1 + HSL_T_##name - HSL_T_USHR_SET)

/* For each first byte, 1 + the first row of [puncts] that starts with it; 0: none does. */
static const uint8_t punct_start[128] = {['>'] = PUNCT_ROW(USHR_SET),
    ['<'] = PUNCT_ROW(SHL_SET),
    ['*'] = PUNCT_ROW(POW_SET),
    ['?'] = PUNCT_ROW(COALESCE_SET),
    ['='] = PUNCT_ROW(SAME),
    ['!'] = PUNCT_ROW(NOT_SAME),
    ['.'] = PUNCT_ROW(ELLIPSIS),
    ['-'] = PUNCT_ROW(ARROW),
    [':'] = PUNCT_ROW(COLON2),
    ['+'] = PUNCT_ROW(INC),
    ['/'] = PUNCT_ROW(DIV_SET),
    ['%'] = PUNCT_ROW(MOD_SET),
    ['&'] = PUNCT_ROW(BAND_SET),
    ['|'] = PUNCT_ROW(BOR_SET),
    ['^'] = PUNCT_ROW(BXOR_SET),
    ['~'] = PUNCT_ROW(BNOT),
    [','] = PUNCT_ROW(COMMA),
    [';'] = PUNCT_ROW(SEMI),
    ['('] = PUNCT_ROW(LPAREN),
    [')'] = PUNCT_ROW(RPAREN),
    ['['] = PUNCT_ROW(LBRACKET),
    [']'] = PUNCT_ROW(RBRACKET),
    ['{'] = PUNCT_ROW(LBRACE),
    ['}'] = PUNCT_ROW(RBRACE)};

/* Words, sorted. */
struct word {
    const char *text;
    uint8_t len;
};

static const struct word keywords[] = {
#define HSL_KEYWORD(name, text) {text, sizeof text - 1},
#include "hsl/hsl_token.def"
};

static const struct word reserved[] = {
#define HSL_RESERVED(text) {text, sizeof text - 1},
#include "hsl/hsl_token.def"
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

void
hsl_lex_init(struct hsl_lex *lx, const char *text, size_t len, uint16_t file)
{
    *lx = (struct hsl_lex){.text = text, .len = len, .line = 1, .file = file};
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        lx->at = lx->line_start = 3;
}

const char *
hsl_lex_kind_text(enum hsl_token_kind kind)
{
    return kind_texts[kind];
}

bool
hsl_lex_is_word(const struct hsl_token *t)
{
    return t->kind == HSL_T_IDENT || t->kind >= HSL_T_AND;
}

bool
hsl_name_is(struct hsl_name a, struct hsl_name b)
{
    return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

bool
hsl_name_isz(struct hsl_name a, const char *s)
{
    return a.len == strlen(s) && memcmp(a.p, s, a.len) == 0;
}

/* memcmp of [name], which is not empty, and [w], as for sorting. */
static int
word_compare(struct hsl_name name, const struct word *w)
{
    int c = (unsigned char)name.p[0] - (unsigned char)w->text[0];

    if (c == 0)
        c = memcmp(name.p, w->text, name.len < w->len ? name.len : w->len);
    return c != 0 ? c : (int)name.len - w->len;
}

/* Index of [name] in the sorted [table], or -1. */
static int
word_find(const struct word *table, size_t count, struct hsl_name name)
{
    size_t low = 0, high = count;

    if (name.len > 20) /* longer than any; and the difference of lengths fits an int */
        return -1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int c = word_compare(name, &table[middle]);

        if (c == 0)
            return (int)middle;
        if (c < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

bool
hsl_lex_is_reserved(struct hsl_name name)
{
    return word_find(reserved, COUNT(reserved), name) >= 0;
}

struct hsl_pos
hsl_lex_pos_at(const struct hsl_lex *lx, size_t at)
{
    size_t column = at - lx->line_start + 1;

    return (struct hsl_pos){lx->line, (uint16_t)(column > 65535 ? 65535 : column), lx->file};
}

void
hsl_lex_fault_at(
    struct hsl_lex *lx, struct hsl_token *t, const char *code, struct hsl_pos pos, const char *text)
{
    if (t->fault)
        return;
    t->fault = true;
    lx->fault.code = code;
    lx->fault.pos = pos;
    if (snprintf(lx->fault.text, sizeof lx->fault.text, "%s", text) >= (int)sizeof lx->fault.text)
        lx->fault.text[sizeof lx->fault.text - 1] = '\0';
}

void
hsl_lex_line(struct hsl_lex *lx, size_t lf)
{
    lx->line++;
    lx->line_start = lf + 1;
}

/* Skips a comment to the end of its line. */
static void
skip_line(struct hsl_lex *lx)
{
    const char *lf = memchr(lx->text + lx->at, '\n', lx->len - lx->at);

    lx->at = lf ? (size_t)(lf - lx->text) : lx->len;
}

/* Skips a comment that starts with slash and star; a fault if it has no end. */
static void
skip_block(struct hsl_lex *lx, struct hsl_token *t)
{
    struct hsl_pos start = hsl_lex_pos_at(lx, lx->at);
    size_t i;

    for (i = lx->at + 2; i + 1 < lx->len; i++) {
        if (lx->text[i] == '*' && lx->text[i + 1] == '/') {
            lx->at = i + 2;
            return;
        }
        if (lx->text[i] == '\n')
            hsl_lex_line(lx, i);
    }
    if (i < lx->len && lx->text[i] == '\n')
        hsl_lex_line(lx, i);
    lx->at = lx->len;
    hsl_lex_fault_at(lx, t, "C02", start, "unterminated comment");
}

/* A NUL in a comment is as wrong as anywhere else outside strings. */
static void
check_comment(struct hsl_lex *lx, struct hsl_token *t, struct hsl_pos start, size_t from)
{
    if (memchr(lx->text + from, '\0', lx->at - from))
        hsl_lex_fault_at(lx, t, "C01", start, "syntax error, unexpected NUL byte in a comment");
}

/* White space and comments. */
static void
skip_blank(struct hsl_lex *lx, struct hsl_token *t)
{
    while (lx->at < lx->len) {
        char c = lx->text[lx->at];
        char next = lx->at + 1 < lx->len ? lx->text[lx->at + 1] : '\0';
        size_t from = lx->at;
        struct hsl_pos start;

        if (c == '\n') {
            hsl_lex_line(lx, lx->at);
            lx->at++;
            continue;
        }
        if (c == ' ' || c == '\t' || c == '\r') {
            lx->at++;
            continue;
        }
        if (c != '/' || (next != '/' && next != '*'))
            return;
        start = hsl_lex_pos_at(lx, lx->at);
        if (next == '/')
            skip_line(lx);
        else
            skip_block(lx, t);
        check_comment(lx, t, start, from);
    }
}

/* The name of a character that people meet in text from word processors; NULL: no special one. */
static const char *
character_hint(const char *p, size_t n)
{
    static const struct {
        const char *bytes, *text;
    } rows[] = {
        {"\xc2\xa0", "non-breaking space (U+00A0); write a space"},
        {"\xe2\x80\xaf", "narrow non-breaking space (U+202F); write a space"},
        {"\xe2\x80\x98", "typographic quote (U+2018); write \""},
        {"\xe2\x80\x99", "typographic quote (U+2019); write \""},
        {"\xe2\x80\x9a", "typographic quote (U+201A); write \""},
        {"\xe2\x80\x9c", "typographic quote (U+201C); write \""},
        {"\xe2\x80\x9d", "typographic quote (U+201D); write \""},
        {"\xe2\x80\x9e", "typographic quote (U+201E); write \""},
        {"\xc2\xab", "typographic quote (U+00AB); write \""},
        {"\xc2\xbb", "typographic quote (U+00BB); write \""},
        {"\xef\xbb\xbf", "byte order mark (U+FEFF) inside the script"},
    };

    for (size_t i = 0; i < COUNT(rows); i++)
        if (n == strlen(rows[i].bytes) && memcmp(p, rows[i].bytes, n) == 0)
            return rows[i].text;
    return NULL;
}

static unsigned
code_point(const unsigned char *p, size_t n)
{
    static const unsigned char first_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned c = p[0] & first_mask[n];

    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3fu);
    return c;
}

/* A character that starts no token. */
static void
bad_character(struct hsl_lex *lx, struct hsl_token *t)
{
    const char *p = lx->text + lx->at;
    unsigned char c = (unsigned char)*p;
    size_t n = ut_utf8_char(p, lx->len - lx->at);
    const char *hint = n ? character_hint(p, n) : NULL;
    char text[100];

    if (hint)
        snprintf(text, sizeof text, "syntax error, unexpected %s", hint);
    else if (c == '\0')
        snprintf(text, sizeof text, "syntax error, unexpected NUL byte");
    else if (n > 1)
        snprintf(text, sizeof text,
            "syntax error, unexpected character U+%04X; outside strings only ASCII is allowed",
            code_point((const unsigned char *)p, n));
    else if (c > ' ' && c < 0x7f)
        snprintf(text, sizeof text, "syntax error, unexpected %c%s", c,
            c == '#'   ? "; comments start with //"
            : c == '@' ? "; errors are caught with try"
                       : "");
    else
        snprintf(text, sizeof text, "syntax error, unexpected byte \\x%02X", c);
    t->kind = HSL_T_BAD;
    hsl_lex_fault_at(lx, t, "C01", t->pos, text);
    lx->at += n ? n : 1;
    t->text.len = (uint32_t)(n ? n : 1);
    if (c == '#')
        skip_line(lx);
}

/* A keyword or an identifier. */
static void
lex_word(struct hsl_lex *lx, struct hsl_token *t)
{
    size_t start = lx->at;
    int i;

    while (lx->at < lx->len && hsl_lex_is_ident(lx->text[lx->at]))
        lx->at++;
    t->text.len = (uint32_t)(lx->at - start);
    t->kind = HSL_T_IDENT;
    i = word_find(keywords, COUNT(keywords), t->text);
    if (i >= 0)
        t->kind = (uint8_t)(HSL_T_AND + i);
}

static void
lex_variable(struct hsl_lex *lx, struct hsl_token *t)
{
    size_t start = lx->at + 1, i = start;

    if (i >= lx->len || !hsl_lex_is_ident_start(lx->text[i])) {
        bad_character(lx, t);
        return;
    }
    while (i < lx->len && hsl_lex_is_ident(lx->text[i]))
        i++;
    lx->at = i;
    t->kind = HSL_T_VARIABLE;
    t->text = (struct hsl_name){lx->text + start, (uint32_t)(i - start)};
}

/* Symbols of other languages, and what they mean here. */
static bool
lex_foreign(struct hsl_lex *lx, struct hsl_token *t)
{
    static const struct {
        char text[3];
        uint8_t kind;
        const char *fault;
    } rows[] = {
        {"&&", HSL_T_AND, "syntax error, unexpected &; use \"and\""},
        {"||", HSL_T_OR, "syntax error, unexpected |; use \"or\""},
        {"<>", HSL_T_NE, "syntax error, unexpected <>; use \"!=\""},
    };

    if (lx->len - lx->at < 2)
        return false;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (memcmp(lx->text + lx->at, rows[i].text, 2) != 0)
            continue;
        t->kind = rows[i].kind;
        t->text.len = 2;
        hsl_lex_fault_at(lx, t, "C01", t->pos, rows[i].fault);
        lx->at += 2;
        return true;
    }
    return false;
}

static void
lex_punct(struct hsl_lex *lx, struct hsl_token *t)
{
    const char *p = lx->text + lx->at;
    unsigned char c = (unsigned char)*p;
    size_t left = lx->len - lx->at;
    size_t row = c < 128 ? punct_start[c] : 0;

    if (row == 0) {
        bad_character(lx, t);
        return;
    }
    if (lex_foreign(lx, t))
        return;
    for (row--; puncts[row].len > left || memcmp(p, puncts[row].text, puncts[row].len) != 0;)
        row++; /* ends at the row of the single byte */
    t->kind = puncts[row].kind;
    t->text.len = puncts[row].len;
    lx->at += puncts[row].len;
}

void
hsl_lex_next(struct hsl_lex *lx, struct hsl_token *t)
{
    char c;

    t->fault = false;
    skip_blank(lx, t);
    t->pos = hsl_lex_pos_at(lx, lx->at);
    t->text = (struct hsl_name){lx->text + lx->at, 0};
    if (lx->at >= lx->len) {
        t->kind = HSL_T_END;
        return;
    }
    c = lx->text[lx->at];
    if (hsl_lex_is_ident_start(c))
        lex_word(lx, t);
    else if (c == '$')
        lex_variable(lx, t);
    else if (hsl_lex_is_digit(c))
        hsl_lex_number(lx, t);
    else if (c == '"')
        hsl_lex_quoted(lx, t);
    else if (c == '\'')
        hsl_lex_raw(lx, t);
    else if (c == '#' && lx->at + 1 < lx->len && lx->text[lx->at + 1] == '/')
        hsl_lex_regex(lx, t);
    else
        lex_punct(lx, t);
}
