/* hsl_lex_literal.c - the literals of language §2: numbers, strings, raw strings, regular
 * expressions, and the parts of a double-quoted string. Not here: everything else that the lexer
 * knows (hsl_lex.c), compiling of patterns (hsl_regex.c).
 * Threads: any. Nothing fails; what is wrong is a fault of the token. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "hsl/hsl_lex_internal.h"

/* --- Numbers ---------------------------------------------------------------------------------- */

/* Bytes of one decimal number without its underscores; a double needs less than 800 to be exact. */
#define NUMBER_MAX 800

static unsigned
digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 99;
}

static bool
is_digit_at(const struct hsl_lex *lx, size_t at, unsigned radix)
{
    return at < lx->len && digit_value(lx->text[at]) < radix;
}

/* Copies digits of [radix], single underscores between them left out, from lx->at on. [n] counts
 * all of them, also those that [buf] has no room for. */
static void
copy_digits(struct hsl_lex *lx, unsigned radix, char *buf, size_t *n)
{
    while (is_digit_at(lx, lx->at, radix)) {
        if (*n < NUMBER_MAX)
            buf[*n] = lx->text[lx->at];
        (*n)++;
        lx->at++;
        if (lx->at < lx->len && lx->text[lx->at] == '_' && is_digit_at(lx, lx->at + 1, radix))
            lx->at++;
    }
}

static unsigned
number_radix(const struct hsl_lex *lx)
{
    const char *p = lx->text + lx->at;

    if (lx->len - lx->at < 2 || p[0] != '0')
        return 10;
    return p[1] == 'x' ? 16 : p[1] == 'o' ? 8 : p[1] == 'b' ? 2 : 10;
}

static double
radix_value(const char *digits, size_t n, unsigned radix)
{
    double v = 0;

    for (size_t i = 0; i < n; i++)
        v = v * radix + digit_value(digits[i]);
    return v;
}

/* What directly follows a number and cannot: "1.2.3", "1e5", "5abc", "1_". */
static void
check_number_end(struct hsl_lex *lx, struct hsl_token *t, bool fraction)
{
    struct hsl_pos pos = hsl_lex_pos_at(lx, lx->at);
    size_t start = lx->at;
    char text[120];
    char c = lx->at < lx->len ? lx->text[lx->at] : ' ';

    if (c == '.' && fraction && is_digit_at(lx, lx->at + 1, 10)) {
        while (lx->at < lx->len && (lx->text[lx->at] == '.' || hsl_lex_is_ident(lx->text[lx->at])))
            lx->at++;
        hsl_lex_fault_at(
            lx, t, "C01", pos, "syntax error, unexpected .; a number has one decimal point");
        return;
    }
    if (!hsl_lex_is_ident(c))
        return;
    while (lx->at < lx->len && hsl_lex_is_ident(lx->text[lx->at]))
        lx->at++;
    snprintf(text, sizeof text, "syntax error, unexpected %.*s after a number%s",
        (int)(lx->at - start > 30 ? 30 : lx->at - start), lx->text + start,
        c == 'e' || c == 'E'               ? "; numbers have no exponent"
        : c == '_'                         ? "; _ stands between two digits"
        : c == 'X' || c == 'B' || c == 'O' ? "; write 0x, 0o, 0b in lower case"
                                           : "");
    hsl_lex_fault_at(lx, t, "C01", pos, text);
}

void
hsl_lex_number(struct hsl_lex *lx, struct hsl_token *t)
{
    unsigned radix = number_radix(lx);
    size_t start = lx->at, n = 0;
    bool fraction = false;
    char buf[NUMBER_MAX + 1];

    t->kind = HSL_T_NUMBER;
    t->num = 0;
    if (radix != 10)
        lx->at += 2;
    copy_digits(lx, radix, buf, &n);
    if (radix == 10 && lx->at < lx->len && lx->text[lx->at] == '.' &&
        is_digit_at(lx, lx->at + 1, 10)) {
        fraction = true;
        if (n < NUMBER_MAX)
            buf[n] = '.';
        n++;
        lx->at++;
        copy_digits(lx, 10, buf, &n);
    }
    if (n == 0)
        hsl_lex_fault_at(lx, t, "C01", t->pos, "syntax error, unexpected number without digits");
    else if (n > NUMBER_MAX)
        hsl_lex_fault_at(
            lx, t, "C01", t->pos, "syntax error, unexpected number of too many digits");
    else if (radix != 10 || (n <= 15 && !fraction))
        t->num = radix_value(buf, n, radix);
    else if (!hsl_numeric_string(buf, n, &t->num))
        hsl_lex_fault_at(lx, t, "C01", t->pos, "syntax error, unexpected number");
    check_number_end(lx, t, fraction);
    t->text.len = (uint32_t)(lx->at - start);
}

/* --- Strings ---------------------------------------------------------------------------------- */

/* The token is [start] to [end]; lx->at goes behind it, and the lines in between are counted. */
static void
take_span(struct hsl_lex *lx, struct hsl_token *t, size_t start, size_t end, size_t after)
{
    const char *p = lx->text + lx->at, *stop = lx->text + after;

    t->text = (struct hsl_name){lx->text + start, (uint32_t)(end - start)};
    while (p < stop && (p = memchr(p, '\n', (size_t)(stop - p))) != NULL) {
        hsl_lex_line(lx, (size_t)(p - lx->text));
        p++;
    }
    lx->at = after;
}

void
hsl_lex_quoted(struct hsl_lex *lx, struct hsl_token *t)
{
    size_t start = lx->at + 1, i;

    t->kind = HSL_T_STRING;
    t->plain = true;
    for (i = start; i < lx->len && lx->text[i] != '"'; i++) {
        if (lx->text[i] == '\\') {
            t->plain = false;
            i++;
        } else if (lx->text[i] == '$') {
            t->plain = false;
        }
    }
    if (i < lx->len) {
        take_span(lx, t, start, i, i + 1);
        return;
    }
    hsl_lex_fault_at(lx, t, "C02", t->pos, "unterminated string");
    take_span(lx, t, start, lx->len, lx->len);
}

#define QUOTE_FAULT "syntax error, unexpected '; strings are written \"…\" or ''…''"

/* Somebody wrote 'text': reported, and taken as a string if it ends on its line. */
static void
single_quoted(struct hsl_lex *lx, struct hsl_token *t)
{
    size_t start = lx->at + 1, i = start;

    while (i < lx->len && lx->text[i] != '\'' && lx->text[i] != '\n')
        i++;
    hsl_lex_fault_at(lx, t, "C01", t->pos, QUOTE_FAULT);
    if (i < lx->len && lx->text[i] == '\'') {
        take_span(lx, t, start, i, i + 1);
        return;
    }
    t->kind = HSL_T_BAD;
    t->text.len = 1;
    lx->at++;
}

/* 'x' without a second 'x' is a single-quoted string to whoever wrote it, unless the text goes on
 * as that of a raw string would. */
static bool
looks_single_quoted(const struct hsl_lex *lx, size_t after)
{
    return after >= lx->len || memchr(" \t;,.)]}:=<>!?+-*/%|&^~", lx->text[after], 23) != NULL;
}

void
hsl_lex_raw(struct hsl_lex *lx, struct hsl_token *t)
{
    size_t start = lx->at, i = start + 1, n;
    const char *end;

    t->kind = HSL_T_RAW;
    while (i < lx->len && lx->text[i] > ' ' && lx->text[i] < 0x7f && lx->text[i] != '\'')
        i++;
    if (i >= lx->len || lx->text[i] != '\'') {
        single_quoted(lx, t);
        return;
    }
    i++;
    n = i - start; /* bytes of 'delim' */
    end = memmem(lx->text + i, lx->len - i, lx->text + start, n);
    if (end) {
        take_span(lx, t, i, (size_t)(end - lx->text), (size_t)(end - lx->text) + n);
    } else if (n > 2 && looks_single_quoted(lx, i)) {
        single_quoted(lx, t);
    } else {
        hsl_lex_fault_at(lx, t, "C02", t->pos, "unterminated raw string");
        take_span(lx, t, i, lx->len, lx->len);
    }
}

/* --- Regular expressions ---------------------------------------------------------------------- */

static void
regex_flags(struct hsl_lex *lx, struct hsl_token *t)
{
    size_t n = 0;

    memset(t->flags, 0, sizeof t->flags);
    for (; lx->at < lx->len && hsl_lex_is_ident(lx->text[lx->at]); lx->at++) {
        char c = lx->text[lx->at];

        if (!strchr("imsxuUX", c)) {
            char text[80];

            snprintf(text, sizeof text,
                "syntax error, unexpected modifier %c; modifiers are i m s x u U X", c);
            hsl_lex_fault_at(lx, t, "C01", hsl_lex_pos_at(lx, lx->at), text);
        } else if (!strchr(t->flags, c)) {
            t->flags[n++] = c;
        }
    }
}

void
hsl_lex_regex(struct hsl_lex *lx, struct hsl_token *t)
{
    size_t start = lx->at + 2, i;

    t->kind = HSL_T_REGEX;
    for (i = start; i < lx->len && lx->text[i] != '/' && lx->text[i] != '\n'; i++)
        if (lx->text[i] == '\\' && i + 1 < lx->len && lx->text[i + 1] != '\n')
            i++;
    if (i >= lx->len || lx->text[i] == '\n') {
        hsl_lex_fault_at(lx, t, "C02", t->pos, "unterminated regular expression");
        take_span(lx, t, start, i, i);
        memset(t->flags, 0, sizeof t->flags);
        return;
    }
    take_span(lx, t, start, i, i + 1);
    if (memchr(t->text.p, '\0', t->text.len))
        hsl_lex_fault_at(lx, t, "C01", t->pos, "syntax error, unexpected NUL byte");
    regex_flags(lx, t);
}

/* --- Parts of a string ------------------------------------------------------------------------ */

void
hsl_lex_string_init(struct hsl_lex_string *s, const struct hsl_token *t)
{
    s->p = t->text.p;
    s->end = t->text.p + t->text.len;
    s->pos = t->pos;
    if (s->pos.column < 65535)
        s->pos.column++; /* behind the quote */
}

/* Goes [n] bytes on. */
static void
string_skip(struct hsl_lex_string *s, size_t n)
{
    for (; n > 0; n--, s->p++) {
        if (*s->p == '\n') {
            s->pos.line++;
            s->pos.column = 1;
        } else if (s->pos.column < 65535) {
            s->pos.column++;
        }
    }
}

/* The bytes of the interpolation at s->p, and the name in it; 0: a $ that means itself. */
static size_t
string_variable(const struct hsl_lex_string *s, struct hsl_name *name)
{
    const char *p = s->p + 1;
    bool brace = p < s->end && *p == '{';
    const char *start = p + brace;

    if (start >= s->end || !hsl_lex_is_ident_start(*start))
        return 0;
    for (p = start; p < s->end && hsl_lex_is_ident(*p);)
        p++;
    *name = (struct hsl_name){start, (uint32_t)(p - start)};
    if (!brace)
        return (size_t)(p - s->p);
    return p < s->end && *p == '}' ? (size_t)(p + 1 - s->p) : 0;
}

/* Decodes the escape at s->p to [out]. Bytes read, and written in [*n]; 0: it is unknown. */
static size_t
string_escape(const struct hsl_lex_string *s, char *out, size_t *n)
{
    static const char from[] = "\\\"$nrt", to[] = "\\\"$\n\r\t";
    const char *p = s->p + 1;
    const char *known;

    *n = 1;
    if (p >= s->end)
        return 0;
    known = *p ? strchr(from, *p) : NULL;
    if (known) {
        *out = to[known - from];
        return 2;
    }
    if (*p == 'x' && s->end - p > 2 && digit_value(p[1]) < 16 && digit_value(p[2]) < 16) {
        *out = (char)(digit_value(p[1]) << 4 | digit_value(p[2]));
        return 4;
    }
    return 0;
}

enum hsl_lex_part_kind
hsl_lex_string_next(struct hsl_lex_string *s, struct hsl_lex_part *part, char *out)
{
    size_t used, n;

    part->len = 0;
    while (s->p < s->end) {
        if (*s->p == '$' && (used = string_variable(s, &part->name)) > 0) {
            if (part->len > 0)
                return HSL_PART_TEXT;
            part->pos = s->pos;
            string_skip(s, used);
            return HSL_PART_VAR;
        }
        if (*s->p != '\\') {
            out[part->len++] = *s->p;
            string_skip(s, 1);
            continue;
        }
        used = string_escape(s, out + part->len, &n);
        if (used > 0) {
            part->len += n;
            string_skip(s, used);
            continue;
        }
        part->pos = s->pos;
        for (n = 0; n < 2 && s->p < s->end; n++) {
            out[part->len++] = *s->p;
            string_skip(s, 1);
        }
        return HSL_PART_ESCAPE;
    }
    return part->len > 0 ? HSL_PART_TEXT : HSL_PART_END;
}
