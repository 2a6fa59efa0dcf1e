/* hsl_session.c - steps of an interactive session: what is kept, and what a mistake leaves alone.
 */
#include "config.h"

#include <string.h>

#include "hsl/hsl_host.h"
#include "hsl/hsl_session.h"
#include "t/unit/tap.h"

static void
host_log(void *arg, int level, const char *text, size_t len, const struct hsl_place *place)
{
    (void)level;
    (void)place;
    ut_sbuf_add(arg, text, len);
    ut_sbuf_addc(arg, '|');
}

static const struct hsl_host host = {.log = host_log};

/* One step; what it echoed, its value, and errors into [out]. */
static void
step(struct hsl_session *s, const char *text, struct ut_sbuf *out)
{
    static unsigned number;
    struct ut_diag_list diags;
    struct hsl_result res;
    char name[32];

    snprintf(name, sizeof(name), "step%u", ++number);
    ut_sbuf_reset(out);
    ut_diag_list_init(&diags, 20);
    switch (hsl_session_step(s, name, text, strlen(text), false, &host, out, &res, out, &diags)) {
    case HSL_STEP_MORE:
        ut_sbuf_addz(out, "(more)");
        break;
    case HSL_STEP_REFUSED:
        ut_sbuf_addf(
            out, "%u:%u: %s", diags.items[0].line, diags.items[0].column, diags.items[0].text);
        break;
    case HSL_STEP_DONE:
        if (res.end == HSL_END_ERROR || res.end == HSL_END_LIMIT)
            ut_sbuf_addf(out, "%u:%u: %s", res.error.line, res.error.column, res.error.text);
        break;
    }
    ut_diag_list_fini(&diags);
}

static const struct {
    const char *text, *want;
} steps[] = {
    {"1 + 2", "3"},
    {"\"a\" . 1;", "\"a1\""},
    {"none", ""},
    {"[1, \"k\" => true]", "[0=>1,\"k\"=>true]"},
    {"$x = 5", ""},
    {"$x", "5"},
    {"$x += 1; $x * 2", "12"},
    {"echo \"x is $x\"", "x is 6|"},
    {"$nope", "1:1: undefined variable $nope"},
    {"$x", "6"},
    /* functions, and functions that use those of other steps */
    {"function f($n) { return $n * 10; }", ""},
    {"f(2)", "20"},
    {"function g($n) { return f($n) + 1; }", ""},
    {"g(2) . \"k\"", "\"21k\""},
    {"f()", "1:1: f() expects 1 argument, 0 given"},
    {"function f($n) { return $n * 100; }", ""},
    {"f(2) . g(2)", "\"20021\""}, /* g was compiled with the old one */
    {"function broken() { return 1 +; }", "1:31: syntax error, unexpected ;, expected expression"},
    {"broken()", "1:1: unknown function broken"},
    {"function bad() { return nothing(); }", "1:25: unknown function nothing"},
    {"bad()", "1:1: unknown function bad"},
    /* values that lead to code and constants of earlier steps */
    {"$n = 0; $inc = function ($by = 7) closure ($n) { $n += $by; return \"n$n\"; }", ""},
    {"$inc()", "\"n7\""},
    {"$inc(3); $n", "10"},
    {"$up = [str_upper, f]; $up[0](\"b\") . $up[1](1)", "\"B100\""},
    {"$re = #/B+/i; \"abba\" =~ $re", "true"},
    {"$keep = \"constant of this step\"", ""},
    {"pcre_match($re, \"xbb\")", "[0=>\"bb\"]"},
    {"$keep", "\"constant of this step\""},
    {"function thrower() { throw \"deep\"; }", ""},
    {"try { thrower(); } catch ($e) { echo $e; }", "deep|"},
    {"thrower()", "1:22: uncaught exception: deep"},
    {"function outer() { global $x; $x = 99; }", ""},
    {"outer(); $x", "99"},
    {"unset($x)", "true"},
    {"isset($x)", "false"},
    {"$x", "1:1: undefined variable $x"},
    /* classes of earlier steps */
    {"class C { static $made = 0; $v = 1; constructor() { C::$made++; } }", ""},
    {"function mk() { return C(); }", ""},
    {"class D { $v = 2; }", ""},
    {"mk()->v . D()->v . C()->v . C::$made", "\"1212\""},
    /* texts that are not complete */
    {"if (true) {", "(more)"},
    {"if (true) {\n echo 1;", "(more)"},
    {"if (true) {\n echo 1;\n}", "1|"},
    {"$s = \"open", "(more)"},
    {"$s = \"open\nend\"; $s", "\"open\\x0Aend\""},
    {"$y = ", "(more)"},
    {"f(1,", "(more)"},
    {"/* comment", "(more)"},
    {"1 1", "1:3: syntax error, unexpected 1, expected ;"},
    {"include \"nothing\"", "1:1: cannot open nothing: no directory for such names is configured"},
    {"\"\\q\" .", "(more)"},
    {"", ""},
    {"// only a comment", ""},
    {";", ""},
    {"foreach ([1, 2] as $v) echo $v", "1|2|"},
    {"$v", "2"},
    {"$v++", "2"},
    {"$v", "3"},
    /* a limit ends the step, not the session */
    {"while (true) {}", "1:1: limit: instruction budget (50000) exceeded"},
    {"$v", "3"},
    {"function r() { return r(); }", ""},
    {"r()", "1:23: limit: call depth (100) exceeded"},
    {"$big = \"x\" * 3000000", "1:12: limit: memory (1048576 bytes) exceeded"},
    {"$v + g(1)", "14"},
    /* classes */
    {"class C { private $n = 0; static $made = 0; constructor($n) { $this->n = $n; C::$made += 1; "
     "} "
     "function inc() { $this->n += 1; return $this; } function get() { return $this->n; } "
     "static function count() { return C::$made; } private function hidden() { } }",
        ""},
    {"$c = C(4); $c->inc()->get()", "5"},
    {"$c->inc()->get() . C::count()", "\"61\""},
    {"$d = C(1); C::count() . C::$made", "\"22\""},
    {"C::$made = 7; C::count()", "7"},
    {"$c->n", "1:3: n is private"},
    {"class E { static $e = \"e\"; $x = 1; function name() { return static::$e . f0; } function "
     "f() { "
     "return C(9)->get(); } }",
        "1:74: unknown function f0"},
    {"class E { static $e = \"e\"; $x = 1; function name() { return static::$e . C::$made; } "
     "function f() { "
     "return C(9)->get(); } }",
        ""},
    {"$e = E(); $e->name() . $e->f() . C::$made", "\"e798\""},
    {"$m = $c->get; $m()", "6"},
    {"class C { function other() { return \"new\"; } }", ""},
    {"C()->other() . $c->get()", "\"new6\""},
    {"$make = C; $make()->other()", "\"new\""},
    {"$e->f()", "9"},
};

static void
add_name(void *arg, const char *name)
{
    ut_sbuf_addf(arg, "%s ", name);
}

static void
test_complete(struct hsl_session *s, const char *word, const char *want)
{
    struct ut_sbuf out;

    ut_sbuf_init(&out, 4096);
    hsl_session_complete(s, word, add_name, &out);
    tap_str(ut_sbuf_text(&out), want, word);
    ut_sbuf_fini(&out);
}

/* More constants, functions and variables than the first tables hold. */
static void
test_many(struct hsl_session *s)
{
    struct ut_sbuf out;
    char text[200];

    ut_sbuf_init(&out, 4096);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(text, sizeof(text),
            "$v%u = \"text %u\"; function f%u() { return \"f%u\" . str_repeat(\"x\", %u); }", i, i,
            i, i, i % 3);
        step(s, text, &out);
        if (out.len)
            break;
    }
    tap_str(ut_sbuf_text(&out), "", "300 steps");
    step(s, "f0() . f299() . $v0 . $v299", &out);
    tap_str(ut_sbuf_text(&out), "\"f0f299xxtext 0text 299\"", "the first and the last are there");
    ut_sbuf_fini(&out);
}

int
main(void)
{
    struct hsl_env_opts opts = {0};
    struct hsl_limits limits;
    struct ut_diag d = {0};
    struct hsl_env *env = hsl_env_new(&opts, &d);
    struct hsl_session *s;
    struct ut_sbuf out;
    char name[200];

    hsl_limits_default(&limits);
    tap_ok(hsl_limits_set(
               &limits, &opts, "max_instructions=50000,max_call_depth=100,max_memory=1M", &d) == 0,
        "limits");
    s = hsl_session_new(env, &limits);
    tap_ok(s != NULL, "a session begins");
    ut_sbuf_init(&out, 4096);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        step(s, steps[i].text, &out);
        snprintf(name, sizeof(name), "step %zu: %.*s", i, (int)strcspn(steps[i].text, "\n"),
            steps[i].text);
        tap_str(ut_sbuf_text(&out), steps[i].want, name);
    }
    test_complete(s, "$ke", "$keep ");
    test_complete(s, "str_lo", "str_lower ");
    test_complete(s, "fore", "foreach forever ");
    test_complete(s, "thro", "throw thrower ");
    test_complete(s, "Delive", "");
    test_complete(s, "$c->g", "$c->get ");
    test_complete(s, "$c->i", "$c->inc ");
    test_complete(s, "$e->na", "$e->name ");
    test_complete(s, "E::", "E::e ");
    test_complete(s, "$nothing->", "");
    step(s, "$x = Exception(\"e\")", &out);
    test_complete(s, "$x->me", "$x->message ");
    test_many(s);
    ut_sbuf_fini(&out);
    hsl_session_free(s);
    hsl_env_free(env);
    return tap_done();
}
