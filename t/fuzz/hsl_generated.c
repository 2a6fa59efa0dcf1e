/* hsl_generated.c - fuzz target: the bytes choose the rules of a grammar, so that nearly every
 * input is a script that compiles and gets somewhere; it must do the same optimised and not.
 *
 * A rule is chosen by a byte; behind the end of the input every choice is 0, which in each list is
 * something short, so that a script always ends. Loops count and are few, errors are caught in
 * places: else most scripts would end early. */
#include "config.h"

#include <stdbool.h>
#include <string.h>

#include "lib/ut_sbuf.h"
#include "t/fuzz/fuzz.h"
#include "t/fuzz/fuzz_differ.h"

#define SCRIPT_MAX ((size_t)16 << 10)
#define DEPTH_MAX 7
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct gen {
    struct fuzz_input in;
    struct ut_sbuf out;
    unsigned depth; /* of expressions and blocks */
    unsigned loops; /* open ones: their counters have numbers */
    bool in_function;
    bool in_class;     /* there is $this */
    bool in_generator; /* yield is used */
};

static void
put(struct gen *g, const char *text)
{
    ut_sbuf_addz(&g->out, text);
}

static void
put_one(struct gen *g, const char *const *list, size_t count)
{
    put(g, list[fuzz_byte(&g->in) % count]);
}

#define PUT_ONE(g, list) put_one(g, list, COUNT(list))

/* True if nothing large may follow. */
static bool
is_tight(const struct gen *g)
{
    return g->depth >= DEPTH_MAX || g->in.len == 0 || g->out.len > SCRIPT_MAX / 2;
}

static const char *const variables[] = {"$a", "$b", "$c", "$d", "$e", "$f"};
static const char *const constants[] = {"1", "0", "2", "3", "-1", "0.5", "255", "4294967296",
    "9007199254740993", "0x7fffffff", "none", "true", "false", "\"\"", "\"a\"", "\"5\"", "\"5.0\"",
    "\"abc\"", "\"k\"", "\"a,b,c\"", "\"\\xff\\x00z\"", "[]", "\"$a/$b\"", "\"x${c}y\"", "''$raw''",
    "#/[a-c]+/i", "strlen", "f0", "1000000", "K(1)", "K", "K::z", "g0()", "m::$list"};
static const char *const binaries[] = {" . ", " + ", " - ", " * ", " / ", " % ",
    " == ", " != ", " === ", " !== ", " < ", " > ", " <= ", " >= ", " and ", " or ", " ?? ", " & ",
    " | ", " ^ ", " << ", " >> ", " >>> ", " ** ", " =~ ", " !~ "};
static const char *const prefixes[] = {"-", "!", "not ", "+", "~"};
static const char *const updates[] = {" = ", " .= ", " += ", " -= ", " *= ", " /= ", " %= ",
    " **= ", " &= ", " |= ", " ^= ", " <<= ", " >>= ", " >>>= ", " ?\?= "};
/* Functions with the numbers of arguments that they take. */
static const struct {
    const char *name;
    unsigned min, max;
} callees[] = {{"f0", 1, 2}, {"f1", 0, 3}, {"f2", 0, 2}, {"$a", 0, 2}, {"$b", 1, 1},
    {"length", 1, 1}, {"count", 1, 1}, {"string", 1, 1}, {"number", 1, 1}, {"boolean", 1, 1},
    {"is_array", 1, 1}, {"is_string", 1, 1}, {"is_number", 1, 1}, {"str_upper", 1, 1},
    {"strlen", 1, 1}, {"array_keys", 1, 1}, {"array_join", 1, 2}, {"str_split", 2, 3},
    {"substr", 1, 3}, {"str_replace", 3, 3}, {"in_array", 2, 2}, {"array_reverse", 1, 1},
    {"array_map", 2, 2}, {"array_filter", 2, 2}, {"array_reduce", 2, 3}, {"range", 2, 3},
    {"floor", 1, 1}, {"round", 1, 2}, {"abs", 1, 1}, {"pcre_match", 2, 2}, {"pcre_replace", 3, 4},
    {"json_encode", 1, 2}, {"json_decode", 1, 1}, {"chr", 1, 1}, {"ord", 1, 1}, {"explode", 2, 2},
    {"implode", 2, 2}, {"str_repeat", 2, 2}, {"array_sort", 2, 2}, {"array_unique", 1, 1},
    {"hash", 1, 1}, {"pack", 2, 3}, {"unpack", 2, 3}, {"array_combine", 2, 3}, {"str_find", 2, 3},
    {"in_network", 2, 2}, {"K", 0, 2}, {"K::z", 0, 1}, {"g0", 0, 2}, {"m::twice", 1, 1}};

static void
put_expr(struct gen *g);
static void
put_block(struct gen *g);

/* From [min] to [max] arguments. */
static void
put_arguments(struct gen *g, unsigned min, unsigned max)
{
    unsigned n = min + fuzz_byte(&g->in) % (max - min + 1);

    put(g, "(");
    for (unsigned i = 0; i < n; i++) {
        put(g, i > 0 ? ", " : "");
        put_expr(g);
    }
    put(g, ")");
}

static void
put_call(struct gen *g)
{
    unsigned n = fuzz_byte(&g->in) % COUNT(callees);

    put(g, callees[n].name);
    put_arguments(g, callees[n].min, callees[n].max);
}

static void
put_array(struct gen *g)
{
    static const char *const keys[] = {
        "", "1 => ", "\"k\" => ", "...", "-1 => ", "\"7\" => ", "$a => "};
    unsigned n = fuzz_byte(&g->in) % 5;

    put(g, "[");
    for (unsigned i = 0; i < n; i++) {
        PUT_ONE(g, keys);
        put_expr(g);
        put(g, ", ");
    }
    put(g, "]");
}

static const char *const members[] = {"p", "q", "r", "m", "n", "new", "toString", "message"};

/* A property, a method or what a class has. */
static void
put_member(struct gen *g)
{
    unsigned n = fuzz_byte(&g->in) % 4;

    if (n == 3) {
        put(g, g->in_class && fuzz_byte(&g->in) % 2 ? "static::$s" : "K::$s");
        return;
    }
    if (n == 0 && g->in_class)
        put(g, "$this");
    else
        PUT_ONE(g, variables);
    put(g, "->");
    PUT_ONE(g, members);
}

/* A place to assign to. */
static void
put_place(struct gen *g)
{
    unsigned n = fuzz_byte(&g->in) % 8;

    if (n > 5) {
        put_member(g);
        return;
    }
    PUT_ONE(g, variables);
    if (n < 3 || is_tight(g))
        return;
    put(g, "[");
    put_expr(g);
    put(g, n == 5 ? "][\"k\"]" : "]");
}

static void
put_assignment(struct gen *g)
{
    put_place(g);
    switch (fuzz_byte(&g->in) % 8) {
    case 0:
        put(g, "++");
        return;
    case 1:
        put(g, "[] = ");
        break;
    case 2:
        put(g, "[1:2] = ");
        break;
    default:
        PUT_ONE(g, updates);
        break;
    }
    put_expr(g);
}

static void
put_pattern(struct gen *g)
{
    static const char *const patterns[] = {"[$a, $b] = ", "[$a, $b = 5, ...$c] = ",
        "[\"k\" => $d, 1 => $e = \"z\"] = ", "[[$a], $b[]] = ", "[$a[0], $a[1]] = "};

    PUT_ONE(g, patterns);
    put_expr(g);
}

static void
put_subscript(struct gen *g)
{
    static const char *const ends[] = {"]", "]", ":]", "::2]", ":-1]", ":2]", "::-1]"};

    PUT_ONE(g, variables);
    put(g, "[");
    put_expr(g);
    PUT_ONE(g, ends);
}

static void
put_match(struct gen *g)
{
    put(g, "match (");
    put_expr(g);
    put(g, ") { ");
    put_expr(g);
    put(g, " => ");
    put_expr(g);
    put(g, ", 1, \"a\" => ");
    put_expr(g);
    put(g, ", default => ");
    put_expr(g);
    put(g, " }");
}

static void
put_closure(struct gen *g)
{
    static const char *const heads[] = {"function ($x) { ", "function ($x, $y = 2) closure ($a) { ",
        "function (...$x) closure ($b, $c) { ", "function ($a, $b) { "};
    bool outer = g->in_function;
    unsigned loops = g->loops;

    put(g, "(");
    PUT_ONE(g, heads);
    g->in_function = true;
    g->loops = 0;
    put_block(g);
    put(g, " return ");
    put_expr(g);
    put(g, "; })");
    g->loops = loops;
    g->in_function = outer;
    if (fuzz_byte(&g->in) % 2)
        put_arguments(g, 0, 2);
}

static void
put_cached(struct gen *g)
{
    static const char *const options[] = {"", "\"ttl\" => 0", "\"size\" => 1", "\"force\" => $a",
        "\"argv_filter\" => [1]", "\"update_function\" => f0", "\"ttl_override\" => [1 => 0]"};
    static const char *const cached[] = {"f0", "f1", "length", "json_encode", "K::z", "m::twice"};

    put(g, "cache [");
    PUT_ONE(g, options);
    put(g, "] ");
    PUT_ONE(g, cached);
    put_arguments(g, 1, 1);
}

static void
put_small(struct gen *g)
{
    unsigned n = fuzz_byte(&g->in);

    if (n % 2 == 0)
        put(g, variables[n / 2 % COUNT(variables)]);
    else
        put(g, constants[n / 2 % COUNT(constants)]);
}

static void
put_operator(struct gen *g, unsigned kind)
{
    if (kind == 0)
        PUT_ONE(g, prefixes);
    put_expr(g);
    if (kind == 0)
        return;
    if (kind == 1) {
        PUT_ONE(g, binaries);
    } else {
        put(g, " ? ");
        put_expr(g);
        put(g, " : ");
    }
    put_expr(g);
}

static void
put_wrapped(struct gen *g)
{
    switch (fuzz_byte(&g->in) % 14) {
    case 0:
    case 1:
    case 2:
        put_operator(g, 1);
        break;
    case 3:
        put_operator(g, 0);
        break;
    case 4:
        put_operator(g, 2);
        break;
    case 5:
        put_assignment(g);
        break;
    case 6:
        put_pattern(g);
        break;
    case 7:
        put(g, fuzz_byte(&g->in) % 2 ? "isset(" : "unset(");
        put_place(g);
        put(g, ")");
        break;
    case 8:
        put(g, fuzz_byte(&g->in) % 2 ? "--" : "++");
        put_place(g);
        break;
    default:
        put_small(g);
        break;
    }
}

/* Any expression, in parentheses where it has several parts. */
static void
put_expr(struct gen *g)
{
    if (is_tight(g)) {
        put_small(g);
        return;
    }
    g->depth++;
    switch (fuzz_byte(&g->in) % 16) {
    case 0:
    case 1:
        put_small(g);
        break;
    case 2:
        put_array(g);
        break;
    case 3:
        put_subscript(g);
        break;
    case 4:
    case 5:
        put_call(g);
        break;
    case 6:
        put_match(g);
        break;
    case 7:
        put_closure(g);
        break;
    case 8:
        put_member(g);
        if (fuzz_byte(&g->in) % 2)
            put_arguments(g, 0, 2);
        break;
    case 9:
        put_cached(g);
        break;
    default:
        put(g, "(");
        put_wrapped(g);
        put(g, ")");
        break;
    }
    g->depth--;
}

/* --- Statements ----------------------------------------------------------------------------- */

static void
put_loop(struct gen *g, unsigned kind)
{
    unsigned n = g->loops++;

    if (kind == 0) {
        ut_sbuf_addf(&g->out, "for ($i%u = 0; $i%u < 3; $i%u++) { ", n, n, n);
    } else if (kind == 1) {
        put(g, "foreach (");
        put_expr(g);
        put(g, fuzz_byte(&g->in) % 2 ? " as $a => $b) { " : " as $c) { ");
    } else {
        ut_sbuf_addf(&g->out, "$i%u = 0; while ($i%u++ < 3) { ", n, n);
    }
    put_block(g);
    put(g, " }\n");
    g->loops--;
}

static void
put_if(struct gen *g)
{
    put(g, "if (");
    put_expr(g);
    put(g, ") { ");
    put_block(g);
    put(g, " } else { ");
    put_block(g);
    put(g, " }\n");
}

static void
put_switch(struct gen *g)
{
    put(g, "switch (");
    put_expr(g);
    put(g, ") { case 1: ");
    put_block(g);
    put(g, fuzz_byte(&g->in) % 2 ? " break; case " : " case ");
    put_expr(g);
    put(g, ": ");
    put_block(g);
    put(g, " default: ");
    put_block(g);
    put(g, " }\n");
}

static void
put_try(struct gen *g)
{
    put(g, "try { ");
    put_block(g);
    put(g, " } catch ($e) { echo $e; ");
    put_block(g);
    put(g, " }\n");
}

static void
put_jump(struct gen *g)
{
    static const char *const jumps[] = {"break;", "continue;"};

    if (g->loops > 0 && fuzz_byte(&g->in) % 2) {
        PUT_ONE(g, jumps);
        return;
    }
    put(g, g->in_function ? "return " : "throw ");
    put_expr(g);
    put(g, ";\n");
}

static void
put_barrier(struct gen *g)
{
    static const char *const heads[] = {
        "barrier \"x\" => $a { ", "barrier \"y\" => $b { ", "barrier \"z\" { "};

    PUT_ONE(g, heads);
    put_block(g);
    put(g, " }\n");
}

static void
put_yield(struct gen *g)
{
    put(g, g->in_generator ? "yield " : "");
    put_expr(g);
    if (g->in_generator && fuzz_byte(&g->in) % 2) {
        put(g, " => ");
        put_expr(g);
    }
    put(g, ";\n");
}

static void
put_statement(struct gen *g)
{
    unsigned n = fuzz_byte(&g->in) % 18;

    if (n > 10 || is_tight(g)) {
        put(g, n % 4 == 0 ? "echo " : "");
        if (n % 2)
            put_assignment(g);
        else
            put_expr(g);
        put(g, ";\n");
        return;
    }
    g->depth++;
    if (n < 3)
        put_loop(g, n);
    else if (n == 3)
        put_switch(g);
    else if (n < 6)
        put_if(g);
    else if (n < 8)
        put_try(g);
    else if (n == 8)
        put_jump(g);
    else if (n == 9)
        put_barrier(g);
    else
        put_yield(g);
    g->depth--;
}

static void
put_block(struct gen *g)
{
    unsigned n = fuzz_byte(&g->in) % 4;

    for (unsigned i = 0; i < n; i++)
        put_statement(g);
}

static void
put_function(struct gen *g, const char *head)
{
    put(g, head);
    put_block(g);
    put(g, "return ");
    put_expr(g);
    put(g, "; }\n");
}

static void
put_functions(struct gen *g)
{
    static const char *const heads[] = {"function f0($a, $b = 7) { $c = $d = $e = $f = 0; ",
        "function f1(...$a) { global $b; $c = $d = $e = $f = $a; ",
        "function f2($a = [1, \"k\" => 2], $b = none) { $c = \"c\"; "};
    static const char *const methods[] = {"constructor($a = 1, $b = none) { $c = $this; ",
        "function m($a = 2) { $b = $c = $this->q; ",
        "private function n($a = 3, ...$b) { $c = $this->p; ",
        "static function z($a = 4) { $b = K(); "};

    g->in_function = true;
    for (size_t i = 0; i < COUNT(heads); i++)
        put_function(g, heads[i]);
    g->in_generator = true;
    put_function(g, "function g0($a = 3, $b = \"b\") { $c = $d = $e = $f = [$a, $b]; yield $a; ");
    g->in_generator = false;
    put(g, "class K { $p = 1; private $q = [2]; readonly $r = \"r\"; static $s = 0;\n");
    for (size_t i = 0; i < COUNT(methods); i++) {
        g->in_class = i < 3;
        put_function(g, methods[i]);
    }
    g->in_class = false;
    g->in_function = false;
    put(g, "}\n");
}

/* The first half of the input is for the functions, the rest for the top level. */
static void
put_script(struct gen *g)
{
    size_t rest = g->in.len - g->in.len / 2;

    put(g, "import * as m from \"m\";\n");
    g->in.len -= rest;
    put_functions(g);
    g->in.len += rest;
    put(g,
        "$a = [1, 2, [3, \"k\" => 4]]; $b = \"text\"; $c = 5; $d = none; $e = [\"k\" => \"v\"];\n");
    while (g->in.len > 0 && g->out.len < SCRIPT_MAX) {
        put(g, "try { ");
        put_statement(g);
        put(g, "} catch ($f) { echo $f; }\n");
    }
    put(g, "echo [$a, $b, $c, $d, $e];\n");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gen g = {.in = {data, size}};

    ut_sbuf_init(&g.out, SIZE_MAX / 4);
    put_script(&g);
    fuzz_differ(ut_sbuf_text(&g.out), g.out.len);
    ut_sbuf_fini(&g.out);
    return 0;
}
