/* hsl_parse_hint.c - what people who know other languages may have meant: hints behind errors.
 * Not here: the errors (hsl_parse.c), symbols such as && (hsl_lex.c). Threads: any. Nothing fails.
 */
#include "config.h"

#include <string.h>

#include "hsl/hsl_parse.h"

/* A hint where [token] stands and [expected] was; NULL: whatever that is. */
static const struct {
    const char *token, *expected, *hint;
} rows[] = {
    {"in", "as", "write foreach (values as $value)"},
    {"of", "as", "write foreach (values as $value)"},
    {"=>", ";", "a function is written function ($x) { return ...; }"},
    {"=>", ", or )", "a function is written function ($x) { return ...; }"},
    {"=>", ":", "write case VALUE:"},
    {":", ", or ]", "write => between key and value"},
    {":", "=>", "write VALUE => RESULT"},
    {":", "{", "functions do not declare what they return"},
    {":", ";", "variables are assigned with ="},
    {"{", "expression", "arrays are written [key => value]"},
    {"use", "{", "variables are captured with closure ($x)"},
    {"extends", "{", "there is no inheritance"},
    {"implements", "{", "there are no interfaces"},
    {"instanceof", ";", "there is no instanceof"},
    {"public", "function, variable or constructor", "members are public unless they are private"},
    {"protected", "function, variable or constructor", "use private"},
    {"var", "function, variable or constructor", "a variable is declared by its name alone"},
    {"const", "function, variable or constructor", "use readonly or static"},
};

/* Words in front of a statement. */
static const struct {
    const char *word, *hint;
} words[] = {
    {"elseif", "use \"else if\""},
    {"elif", "use \"else if\""},
    {"elsif", "use \"else if\""},
    {"do", "use \"while\" or \"forever\""},
    {"def", "use \"function\""},
    {"func", "use \"function\""},
    {"var", "variables need no declaration"},
    {"let", "variables need no declaration"},
    {"then", "the statement follows the condition at once"},
    {"require", "use \"include\""},
    {"require_once", "use \"include_once\""},
    {"abstract", "there is no inheritance"},
};

/* Names that are called or read. */
static const struct {
    const char *name, *hint;
} names[] = {
    {"null", "; use none"},
    {"nil", "; use none"},
    {"NULL", "; use none"},
    {"None", "; use none"},
    {"undefined", "; use none"},
    {"True", "; use true"},
    {"TRUE", "; use true"},
    {"False", "; use false"},
    {"FALSE", "; use false"},
    {"empty", "; test the value itself for truth"},
    {"list", "; write [$a, $b] = ..."},
    {"require", "; use include"},
    {"require_once", "; use include_once"},
    {"eval", "; use include"},
    {"exit", "; use return, or an action such as Accept()"},
    {"die", "; use return, or an action such as Reject()"},
    {"FFI", "; scripts cannot run native code"},
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

const char *
hsl_parse_hint(const char *token, const char *expected)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (expected && strcmp(token, rows[i].token) == 0 &&
            strcmp(expected, rows[i].expected) == 0)
            return rows[i].hint;
    return NULL;
}

const char *
hsl_parse_word_hint(const struct hsl_token *t)
{
    for (size_t i = 0; i < COUNT(words); i++)
        if (t->kind == HSL_T_IDENT && hsl_name_isz(t->text, words[i].word))
            return words[i].hint;
    return NULL;
}

const char *
hsl_parse_name_hint(struct hsl_name name)
{
    for (size_t i = 0; i < COUNT(names); i++)
        if (hsl_name_isz(name, names[i].name))
            return names[i].hint;
    return "";
}
