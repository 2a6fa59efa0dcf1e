/* hsl_lex.c - tokens of HSL: kinds, texts, positions, faults (language §2). */
#include "config.h"

#include "hsl/hsl_lex.h"
#include "lib/ut_sbuf.h"
#include "t/unit/tap.h"

/* The kind as the test tables write it: words and symbols as they are. */
static void
add_token(struct ut_sbuf *b, const struct hsl_token *t)
{
    switch (t->kind) {
    case HSL_T_NUMBER:
        ut_sbuf_addf(b, "N%.17g", t->num);
        break;
    case HSL_T_STRING:
        ut_sbuf_addf(b, "%s(%.*s)", t->plain ? "S" : "Q", (int)t->text.len, t->text.p);
        break;
    case HSL_T_RAW:
        ut_sbuf_addf(b, "R(%.*s)", (int)t->text.len, t->text.p);
        break;
    case HSL_T_REGEX:
        ut_sbuf_addf(b, "#/%.*s/%s", (int)t->text.len, t->text.p, t->flags);
        break;
    case HSL_T_VARIABLE:
        ut_sbuf_addf(b, "$%.*s", (int)t->text.len, t->text.p);
        break;
    case HSL_T_IDENT:
        ut_sbuf_addf(b, "i:%.*s", (int)t->text.len, t->text.p);
        break;
    default:
        ut_sbuf_addz(b, hsl_lex_kind_text(t->kind));
        break;
    }
}

/* All tokens of [text] with a blank between, faults as {LINE:COLUMN CODE TEXT} in front of theirs.
 */
static void
lex_all(const char *text, size_t len, struct ut_sbuf *b)
{
    struct hsl_lex lx;
    struct hsl_token t;

    hsl_lex_init(&lx, text, len, 0);
    for (;;) {
        hsl_lex_next(&lx, &t);
        if (b->len > 0 && (t.kind != HSL_T_END || t.fault))
            ut_sbuf_addc(b, ' ');
        if (t.fault)
            ut_sbuf_addf(b, "{%u:%u %s %s}", lx.fault.pos.line, lx.fault.pos.column, lx.fault.code,
                lx.fault.text);
        if (t.kind == HSL_T_END)
            return;
        add_token(b, &t);
    }
}

static const struct {
    const char *text, *want;
} rows[] = {
    {"", ""},
    {" \t\r\n", ""},
    {"// to the end\n1 /* a\n * b */ 2 // last", "N1 N2"},
    {"/**/1/***/2", "N1 N2"},
    {"\xef\xbb\xbf"
     "echo",
        "echo"},
    /* numbers */
    {"0 007 12 1_000 1.5 0.1 5.25_5",
        "N0 N7 N12 N1000 N1.5 N0.10000000000000001 N5.2549999999999999"},
    {"0xfa 0XfA",
        "N250 {1:7 C01 syntax error, unexpected XfA after a number; write 0x, 0o, 0b in lower "
        "case}N0"},
    {"0xdead_BEEF 0o372 0b1111_1010", "N3735928559 N250 N250"},
    {"5.\"x\"", "N5 . S(x)"},
    {"5..5", "N5 . . N5"},
    {"123456789012345678901234567890", "N1.2345678901234568e+29"},
    {"1.2.3", "{1:4 C01 syntax error, unexpected .; a number has one decimal point}N1.2"},
    {"1e5", "{1:2 C01 syntax error, unexpected e5 after a number; numbers have no exponent}N1"},
    {"1_", "{1:2 C01 syntax error, unexpected _ after a number; _ stands between two digits}N1"},
    {"1__0",
        "{1:2 C01 syntax error, unexpected __0 after a number; _ stands between two digits}N1"},
    {"0x", "{1:1 C01 syntax error, unexpected number without digits}N0"},
    {"0b12", "{1:4 C01 syntax error, unexpected 2 after a number}N1"},
    {"5abc", "{1:2 C01 syntax error, unexpected abc after a number}N5"},
    /* words */
    {"and array as barrier break builtin cache case catch class closure continue default echo else",
        "and array as barrier break builtin cache case catch class closure continue default echo "
        "else"},
    {"false for foreach forever function global if import include include_once isset match none "
     "not",
        "false for foreach forever function global if import include include_once isset match none "
        "not"},
    {"object or return switch throw true try unset while yield",
        "object or return switch throw true try unset while yield"},
    {"ands And _x x1 from with static private constructor this",
        "i:ands i:And i:_x i:x1 i:from i:with i:static i:private i:constructor i:this"},
    {"$a $_ $a1b $and", "$a $_ $a1b $and"},
    {"$ a", "{1:1 C01 syntax error, unexpected $}character i:a"},
    {"$1", "{1:1 C01 syntax error, unexpected $}character N1"},
    /* symbols, longest first */
    {">>>= >>> <<= >>= **= ?\?= === !== ... -> => :: ++ -- ** ?? += -= *= /= %= .= &= |= ^=",
        ">>>= >>> <<= >>= **= ?\?= === !== ... -> => :: ++ -- ** ?? += -= *= /= %= .= &= |= ^="},
    {"<< >> == != <= >= =~ !~ = + - * / % . & | ^ ~ ! < > ? : , ; ( ) [ ] { }",
        "<< >> == != <= >= =~ !~ = + - * / % . & | ^ ~ ! < > ? : , ; ( ) [ ] { }"},
    {">>>>=====!~~--->....:::", ">>> >= === = !~ ~ -- -> ... . :: :"},
    {"$a&&$b", "$a {1:3 C01 syntax error, unexpected &; use \"and\"}and $b"},
    {"1||2", "N1 {1:2 C01 syntax error, unexpected |; use \"or\"}or N2"},
    {"1<>2", "N1 {1:2 C01 syntax error, unexpected <>; use \"!=\"}!= N2"},
    /* strings */
    {"\"\" \"a b\" \"a$b\" \"a\\\"b\"", "S() S(a b) Q(a$b) Q(a\\\"b)"},
    {"\"a\nb\" 1", "S(a\nb) N1"},
    {"  \"abc", "{1:3 C02 unterminated string}S(abc)"},
    {"\"abc\\\"", "{1:1 C02 unterminated string}Q(abc\\\")"},
    {"''C:\\new $x''", "R(C:\\new $x)"},
    {"'EOT'it''s'EOT' 'a'b'a'", "R(it''s) R(b)"},
    {"''''", "R()"},
    {"''abc", "{1:1 C02 unterminated raw string}R(abc)"},
    {"'EOT'it''s", "{1:1 C02 unterminated raw string}R(it''s)"},
    {"'EOT'\nit", "{1:1 C02 unterminated raw string}R(\nit)"},
    {"'x';", "{1:1 C01 syntax error, unexpected '; strings are written \"…\" or ''…''}R(x) ;"},
    {"'two words' 1", "{1:1 C01 syntax error, unexpected '; strings are written \"…\" or ''…''}"
                      "R(two words) N1"},
    {"'\n1",
        "{1:1 C01 syntax error, unexpected '; strings are written \"…\" or ''…''}character N1"},
    /* regular expressions */
    {"#/x\\/Y/i #/[/]/", "#/x\\/Y/i #/[/ ] /"},
    {"#/a/iimsxuUX", "#/a/imsxuUX"},
    {"#/a/g", "{1:5 C01 syntax error, unexpected modifier g; modifiers are i m s x u U X}#/a/"},
    {"1 #/abc\n2", "N1 {1:3 C02 unterminated regular expression}#/abc/ N2"},
    {"#/a\\\n/", "{1:1 C02 unterminated regular expression}#/a\\/ /"},
    {"# note\n1", "{1:1 C01 syntax error, unexpected #; comments start with //}character N1"},
    /* what else can be wrong */
    {"1 /* 2", "N1 {1:3 C02 unterminated comment}"},
    {"1/*", "N1 {1:2 C02 unterminated comment}"},
    {"1\xc2\xa0"
     "2",
        "N1 {1:2 C01 syntax error, unexpected non-breaking space (U+00A0); write a space}"
        "character N2"},
    {"\xe2\x80\x9cx\xe2\x80\x9d",
        "{1:1 C01 syntax error, unexpected typographic quote (U+201C); write \"}character i:x "
        "{1:5 C01 syntax error, unexpected typographic quote (U+201D); write \"}character"},
    {"\xc3\xa5",
        "{1:1 C01 syntax error, unexpected character U+00E5; outside strings only ASCII is "
        "allowed}character"},
    {"\xff", "{1:1 C01 syntax error, unexpected byte \\xFF}character"},
    {"@", "{1:1 C01 syntax error, unexpected @; errors are caught with try}character"},
    {"`", "{1:1 C01 syntax error, unexpected `}character"},
};

static void
test_rows(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ut_sbuf b;
        char name[40];

        snprintf(name, sizeof name, "tokens of row %zu", i);
        ut_sbuf_init(&b, 10000);
        lex_all(rows[i].text, strlen(rows[i].text), &b);
        tap_str(ut_sbuf_text(&b), rows[i].want, name);
        ut_sbuf_fini(&b);
    }
}

static void
test_nul(void)
{
    struct ut_sbuf b;

    ut_sbuf_init(&b, 1000);
    lex_all("1\0"
            "2",
        3, &b);
    tap_str(ut_sbuf_text(&b), "N1 {1:2 C01 syntax error, unexpected NUL byte}character N2", "NUL");
    ut_sbuf_reset(&b);
    lex_all("//\0\n1", 5, &b);
    tap_str(ut_sbuf_text(&b), "{1:1 C01 syntax error, unexpected NUL byte in a comment}N1",
        "NUL in a comment");
    ut_sbuf_reset(&b);
    lex_all("#/\0/", 4, &b);
    tap_ok(strstr(ut_sbuf_text(&b), "NUL byte}") != NULL, "NUL in a regular expression");
    ut_sbuf_reset(&b);
    lex_all("\"\0\"", 3, &b);
    tap_ok(strchr(ut_sbuf_text(&b), '{') == NULL, "NUL in a string is a byte like any other");
    ut_sbuf_fini(&b);
}

static void
test_positions(void)
{
    static const char text[] = "\xef\xbb\xbf"
                               "a\r\n\tb \"x\ny\" c /*\n*/ d";
    static const struct {
        unsigned line, column;
    } want[] = {{1, 1}, {2, 2}, {2, 4}, {3, 4}, {4, 4}, {4, 5}};
    struct hsl_lex lx;
    struct hsl_token t;

    hsl_lex_init(&lx, text, sizeof text - 1, 7);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        hsl_lex_next(&lx, &t);
        tap_ok(t.pos.line == want[i].line && t.pos.column == want[i].column && t.pos.file == 7,
            "token %zu stands at %u:%u", i, want[i].line, want[i].column);
    }
    tap_num(t.kind, HSL_T_END, "the last one is the end");
    hsl_lex_next(&lx, &t);
    tap_num(t.kind, HSL_T_END, "and stays it");
}

/* A column that does not fit is 65535. */
static void
test_long_line(void)
{
    static char text[70001];
    struct hsl_lex lx;
    struct hsl_token t;

    memset(text, ' ', sizeof text);
    text[sizeof text - 1] = 'x';
    hsl_lex_init(&lx, text, sizeof text, 0);
    hsl_lex_next(&lx, &t);
    tap_num(t.pos.column, 65535, "columns stop at 65535");
    memset(text, '1', sizeof text);
    hsl_lex_init(&lx, text, sizeof text, 0);
    hsl_lex_next(&lx, &t);
    tap_ok(t.fault && t.kind == HSL_T_NUMBER && lx.at == lx.len, "a number of 70001 digits");
}

static const struct {
    const char *text, *want;
} strings[] = {
    {"abc", "[abc]"},
    {"", ""},
    {"$u@x ${u}by \\$u $ $1", "$u@1 [@x ]$u@6 [by $u $ $1]"},
    {"$a[0]->p", "$a@1 [[0]->p]"},
    {"${}${a b}${a", "[${}${a b}${a]"},
    {"\\\\ \\\" \\n\\r\\t\\x41\\x7a", "[\\ \" \n\r\tAz]"},
    {"\\d+", "[\\d]!@1 [+]"},
    {"a\\x4g", "[a\\x]!@2 [4g]"},
    {"\\x4", "[\\x]!@1 [4]"},
    {"\n$a", "[\n]$a@2:1"},
    {"$a$b", "$a@1 $b@3"},
    {"${a}${b}", "$a@1 $b@5"},
};

/* The parts of the string [text] as the table writes them. */
static void
string_parts(const char *text, struct ut_sbuf *b)
{
    struct hsl_token t = {
        .kind = HSL_T_STRING, .pos = {1, 0, 0}, .text = {text, (uint32_t)strlen(text)}};
    struct hsl_lex_string s;
    struct hsl_lex_part part;
    enum hsl_lex_part_kind kind;
    char out[100];

    hsl_lex_string_init(&s, &t);
    while ((kind = hsl_lex_string_next(&s, &part, out)) != HSL_PART_END) {
        if (b->len > 0 && b->data[b->len - 1] != ']')
            ut_sbuf_addc(b, ' ');
        if (kind == HSL_PART_VAR) {
            ut_sbuf_addf(b, "$%.*s@", (int)part.name.len, part.name.p);
            if (part.pos.line > 1)
                ut_sbuf_addf(b, "%u:", part.pos.line);
            ut_sbuf_addf(b, "%u", part.pos.column);
            continue;
        }
        ut_sbuf_addf(b, "[%.*s]", (int)part.len, out);
        if (kind == HSL_PART_ESCAPE)
            ut_sbuf_addf(b, "!@%u", part.pos.column);
    }
}

static void
test_strings(void)
{
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        struct ut_sbuf b;
        char name[40];

        snprintf(name, sizeof name, "parts of string %zu", i);
        ut_sbuf_init(&b, 1000);
        string_parts(strings[i].text, &b);
        tap_str(ut_sbuf_text(&b), strings[i].want, name);
        ut_sbuf_fini(&b);
    }
}

/* Whatever the bytes are, the lexer ends, and every token but the last is progress. */
static void
test_any_bytes(void)
{
    static const char set[] = "a1_$\"'#/\\*.{}[]&|<>=!? \n\t\r\0\x80\xc3\xa0x0e;";
    unsigned seed = 12345;
    bool fine = true;

    for (int round = 0; round < 20000 && fine; round++) {
        char text[40];
        size_t len = 0, steps = 0;
        struct hsl_lex lx;
        struct hsl_token t;

        for (; len < sizeof text; len++) {
            seed = seed * 1103515245u + 12345u;
            text[len] = set[(seed >> 16) % (sizeof set - 1)];
        }
        hsl_lex_init(&lx, text, len, 0);
        do {
            hsl_lex_next(&lx, &t);
            fine = fine && lx.at <= len && ++steps <= len + 1;
        } while (fine && t.kind != HSL_T_END);
    }
    tap_ok(fine, "20000 random texts");
}

int
main(void)
{
    test_rows();
    test_nul();
    test_positions();
    test_long_line();
    test_strings();
    test_any_bytes();
    return tap_done();
}
