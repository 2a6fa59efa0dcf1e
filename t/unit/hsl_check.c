/* hsl_check.c - what the checker of HSL refuses, warns about and leaves in the tree: every code of
 * language §17.1 that it gives, with its position; variables, symbols and mentions. */
#include "config.h"

#include <stdlib.h>
#include <unistd.h>

#include "t/unit/hsl_tree.h"
#include "t/unit/tap.h"

struct row {
    int flow;
    const char *text, *want;
};

static void
check(const char *text, int flow, struct hsl_env *env, struct ut_sbuf *out)
{
    struct hsl_source src = {.name = "t.hsl", .text = text, .len = strlen(text)};
    struct tree_unit t;
    int r;

    tree_unit_init(&t, (enum hsl_flow)flow, env);
    r = hsl_parse_unit(&t.u, &src);
    if (r == 0)
        r = hsl_check_unit(&t.u);
    tree_diags(&t, "t.hsl", out);
    if ((r == 0) != (t.diags.errors == 0))
        ut_sbuf_addz(out, " and the result says otherwise");
    tree_unit_fini(&t);
}

#define CORE HSL_FLOW_CORE
#define ACCESS HSL_FLOW_ACCESS
#define AUTH HSL_FLOW_AUTH
#define RCPT HSL_FLOW_RCPT
#define MAIL HSL_FLOW_MAIL

static const struct row rows[] = {
    /* C01: constant defaults, and what cannot be compiled yet */
    {CORE, "function f($a = [1, -2 + 3, \"k\" => none ?? 4, 5], $b = 1 ? 2 : 3) {}", ""},
    {CORE, "function f($a = $x) {}",
        "1:17 C01 syntax error, the default of $a is not a constant expression"},
    {CORE, "function f($a = 1 . g()) {}",
        "1:17 C01 syntax error, the default of $a is not a constant expression"},
    {CORE, "function f($a = [...[1]]) {}",
        "1:17 C01 syntax error, the default of $a is not a constant expression"},
    {CORE, "class C { } C();", ""},
    {CORE, "import { f } from \"m\"; f();", "1:1 C13 cannot open m: no files here"},
    {CORE, "cache [] f();", "1:10 C04 unknown function f"},
    {CORE, "barrier \"x\" { }", ""},
    {CORE, "function g() { yield 1; }", ""},
    {CORE, "object [\"a\" => 1];", "1:1 W3 object [...] is deprecated; declare a class"},
    /* C03, C04 */
    {CORE, "static::f();", "1:1 C03 static is not allowed here"},
    {CORE, "foo();", "1:1 C04 unknown function foo"},
    {CORE, "exit; die(\"x\");",
        "1:1 C04 unknown function exit; use return, or an action such as Accept() | "
        "1:7 C04 unknown function die; use return, or an action such as Reject()"},
    {CORE, "$f = foo;", "1:6 C04 unknown function foo"},
    {CORE, "builtin foo();", "1:1 C04 unknown function foo"},
    {CORE, "function foo() {} builtin foo();", "1:19 C04 unknown function foo"},
    {CORE, "true or foo();", "1:9 C04 unknown function foo"},
    {CORE, "A::f(); A::$v = 1;", "1:1 C04 unknown class A | 1:9 C04 unknown class A"},
    {CORE, "function f() {} function f() {}", "1:26 C04 f is already defined"},
    {CORE, "if (1) { function f() {} } else function f() {}", "1:42 C04 f is already defined"},
    {CORE, "function f() { function g() {} } function g() {}", ""},
    {CORE,
        "echo outer(); function outer() { function inner() { return mid(); } function mid() { "
        "return 1; } return inner(); }",
        ""},
    {CORE, "function outer() { function inner() { } } inner();", "1:43 C04 unknown function inner"},
    {CORE, "function ($a) closure ($a) {};", "1:24 C04 $a is already defined"},
    {RCPT, "Deliver();", "1:1 C04 function Deliver is not available in the rcpt flow"},
    {CORE, "echo Deliver;", "1:6 C04 function Deliver is not available in the core flow"},
    {MAIL, "Deliver();", ""},
    {RCPT, "function Deliver() {} Deliver();", ""},
    {CORE, "Exception(\"text\"); throw Exception(\"text\");", ""},
    /* C05 */
    {RCPT, "$sender = 1;", "1:1 C05 cannot assign to read-only variable $sender"},
    {RCPT, "$recipientparams[\"x\"] = 1;",
        "1:1 C05 cannot assign to read-only variable $recipientparams"},
    {RCPT, "$sender .= 1; $sender++; unset($sender); unset($recipients[0]);",
        "1:1 C05 cannot assign to read-only variable $sender | "
        "1:15 C05 cannot assign to read-only variable $sender | "
        "1:32 C05 cannot assign to read-only variable $sender | "
        "1:48 C05 cannot assign to read-only variable $recipients"},
    {RCPT, "foreach ([1] as $sender => [$recipient]) {}",
        "1:17 C05 cannot assign to read-only variable $sender | "
        "1:29 C05 cannot assign to read-only variable $recipient"},
    {RCPT, "[$a, $sender] = [1, 2]; $sender ?\?= 1;",
        "1:6 C05 cannot assign to read-only variable $sender | "
        "1:25 C05 cannot assign to read-only variable $sender"},
    {RCPT, "try { } catch ($sender) { }", "1:16 C05 cannot assign to read-only variable $sender"},
    {RCPT, "function f() { global $sender; $sender = 1; }",
        "1:32 C05 cannot assign to read-only variable $sender"},
    {RCPT, "function f($sender) { $sender = 1; $recipient = $sender; }", ""},
    {RCPT,
        "function f() { global $sender; return function () closure ($sender) { $sender = 1; }; }",
        ""},
    {CORE, "$sender = 1;", ""},
    {ACCESS, "$recipient = 1; $senderip = 2;",
        "1:17 C05 cannot assign to read-only variable $senderip"},
    {RCPT, "$context = 1; $context[\"a\"] = 2;", ""},
    {RCPT, "$x = $connection; $connection[\"a\"] = 1;",
        "1:19 C05 cannot assign to read-only variable $connection"},
    {CORE, "$this = 1;", "1:1 C05 cannot assign to read-only variable $this"},
    {CORE, "function f($this) {}", "1:12 C05 cannot assign to read-only variable $this"},
    /* C06 */
    {CORE, "global $x;", "1:1 C06 global is only allowed in functions"},
    {CORE, "if (1) { global $x; }", "1:10 C06 global is only allowed in functions"},
    {CORE, "function f($x) { global $x; }", "1:25 C06 $x is already used in this function"},
    {CORE, "function f() { $x = 1; global $y, $x; }",
        "1:35 C06 $x is already used in this function"},
    {CORE, "$x = 1; function () closure ($x) { global $x; };",
        "1:43 C06 $x is already used in this function"},
    /* C07 */
    {CORE, "str_lower();", "1:1 C07 str_lower() expects 1 argument, 0 given"},
    {CORE, "builtin str_lower(1, 2);", "1:1 C07 str_lower() expects 1 argument, 2 given"},
    {CORE, "function f($a, $b = 1) {} f(); f(1); f(1, 2); f(1, 2, 3); f(...[]);",
        "1:27 C07 f() expects 1 to 2 arguments, 0 given | "
        "1:47 C07 f() expects 1 to 2 arguments, 3 given"},
    {CORE, "f(); f(1, 2); function f($a, ...$r) {}",
        "1:1 C07 f() expects at least 1 argument, 0 given"},
    {CORE, "function f() {} f(1); $g = f; $g(1);", "1:17 C07 f() expects 0 arguments, 1 given"},
    {CORE, "echo 1 + two(); function two($a, $b) {}",
        "1:10 C07 two() expects 2 arguments, 0 given"},
    {CORE, "function strlen($a, $b) {} strlen(1);",
        "1:28 C07 strlen() expects 2 arguments, 1 given"},
    /* C08 */
    {CORE, "break;", "1:1 C08 break outside of a loop"},
    {CORE, "continue;", "1:1 C08 continue outside of a loop"},
    {CORE, "switch (1) { case 1: continue; }", "1:22 C08 continue outside of a loop"},
    {CORE, "while (1) { function f() { break; } }", "1:28 C08 break outside of a loop"},
    {CORE, "while (f()) { switch (1) { case 1: continue; default: break; } } function f() {}", ""},
    {CORE, "for (;;) break; foreach ([] as $v) continue; forever { break; }", ""},
    /* C09 */
    {CORE, "if (1) import { a } from \"m\";", "1:8 C09 import is only allowed at the top level"},
    {CORE, "function f() { import { a } from \"m\"; }",
        "1:16 C09 import is only allowed at the top level"},
    {CORE, "function f() { class C { } }", "1:16 C09 class is only allowed at the top level"},
    /* C12 */
    {CORE, "$v = []; echo $v[]; f($v[]); function f($x) {}",
        "1:15 C12 left side of assignment is not assignable | "
        "1:23 C12 left side of assignment is not assignable"},
    {CORE, "isset($v[]); unset($v[][0]);",
        "1:7 C12 left side of assignment is not assignable | "
        "1:20 C12 left side of assignment is not assignable"},
    {CORE, "foreach ([1] as $v[]) {} [$w[]] = [1]; $x[][\"a\"] = 1;", ""},
    /* C14 */
    {CORE, "echo #/(/;", "1:6 C14 regular expression: missing closing parenthesis at offset 1"},
    {CORE, "\"x\" =~ \"[\"; \"x\" !~ \"/(/i\"; \"(\" =~ \"/tmp\";",
        "1:8 C14 regular expression: missing terminating ] for character class at offset 1 | "
        "1:20 C14 regular expression: missing closing parenthesis at offset 1"},
    {CORE, "pcre_match(\"(\", \"(\"); pcre_replace(\"a\", \"(\", \"(\");",
        "1:12 C14 regular expression: missing closing parenthesis at offset 1"},
    /* W3, W4 */
    {CORE, "return; echo 1; echo 2;", "1:9 W4 unreachable code"},
    {CORE, "while (true) { } echo 1;", "1:18 W4 unreachable code"},
    {CORE, "while (1) { if (f()) break; } echo 1; function f() {}", ""},
    {CORE, "forever { switch (1) { case 1: break; } } echo 1;", "1:43 W4 unreachable code"},
    {CORE, "function f($a) { if ($a) return 1; else return 2; return 3; }",
        "1:51 W4 unreachable code"},
    {CORE, "function f($a) { if ($a) return 1; else if (2) return 2; return 3; }", ""},
    {CORE, "switch (1) { case 1: return; default: throw 1; } echo 2;", "1:50 W4 unreachable code"},
    {CORE, "switch (1) { case 1: return; break; default: throw 1; }", ""},
    {CORE, "switch (1) { case 1: return; } echo 2;", ""},
    {CORE, "try { throw 1; } catch ($e) { return; } echo 2;", "1:41 W4 unreachable code"},
    {CORE, "return; function f() {}", ""},
    {MAIL, "if (1) Deliver(); else Reject(\"x\"); echo 1;", "1:37 W4 unreachable code"},
    {MAIL, "Deliver([\"done\" => false]); echo 1;", ""},
    /* W7 */
    {CORE, "echo $a;", "1:6 W7 variable $a is read but never assigned"},
    {CORE, "isset($a); $b = $c ?? 1; unset($d); $e ?\?= 2;", ""},
    {CORE, "$n = 1; function f() { return $n; }",
        "1:31 W7 variable $n is read but never assigned in this function; use global to reach the "
        "one outside"},
    {CORE, "function f() { global $n; $n = 1; } f(); echo $n;", ""},
    {CORE, "$f = function () closure ($n) { $n = 1; }; echo $n;", ""},
    {CORE, "foreach ([1] as $k => [$v]) echo \"$k$v\"; try { } catch ($e) { echo $e; }", ""},
    {RCPT, "echo $sender; function f() { echo $sender; }",
        "1:35 W7 variable $sender is read but never assigned in this function; use global to reach "
        "the one outside"},
    /* W8 */
    {CORE, "$b = 5 == true or \"\" != false or [] == true;",
        "1:8 W8 true and false equal 1 and 0 only; test the value itself for truth | "
        "1:22 W8 true and false equal 1 and 0 only; test the value itself for truth | "
        "1:37 W8 true and false equal 1 and 0 only; test the value itself for truth"},
    {CORE, "$a = f(); $b = $a == true or f() == false or (1 < 2) == true; function f() {}", ""},
    {RCPT, "$a = $sender == true or $saslauthed == true;",
        "1:14 W8 true and false equal 1 and 0 only; test the value itself for truth"},
    /* W9 */
    {RCPT, "$x = $arguments; $recipient = 1; $recipient = 2;",
        "1:18 W9 $recipient is a predefined name: assigning to it does not change the envelope"},
    /* W10 */
    {AUTH, "echo \"x$saslpassword\";", "1:8 W10 $saslpassword is written to the log"},
    {AUTH, "syslog(\"info\", $saslpassword);", "1:16 W10 $saslpassword is written to the log"},
    {AUTH, "$x = \"x$saslpassword\"; function f($saslpassword) { echo $saslpassword; }", ""},
    {AUTH, "function f() { global $saslpassword; echo $saslpassword; }",
        "1:43 W10 $saslpassword is written to the log"},
    /* the seeds (§20) */
    {AUTH,
        "// a comment may come first\nif "
        "(count($info=in_file($saslusername,\"file://accounts.txt\", "
        "\":\")) == 2 and $info[1] == $saslpassword) { Accept(); }",
        ""},
    {RCPT, "if ($saslauthed) Accept(); else Reject(\"This server require authentication\");", ""},
};

static void
test_rows(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ut_sbuf b;
        char name[300];

        snprintf(
            name, sizeof name, "%zu: %.*s", i, (int)strcspn(rows[i].text, "\n#"), rows[i].text);
        ut_sbuf_init(&b, 10000);
        check(rows[i].text, rows[i].flow, NULL, &b);
        tap_str(ut_sbuf_text(&b), rows[i].want, name);
        ut_sbuf_fini(&b);
    }
}

/* --- What is left in the tree ----------------------------------------------------------------- */

static void
add_flag(struct ut_sbuf *b, bool set, const char *text)
{
    if (set)
        ut_sbuf_addf(b, " %s", text);
}

static void
add_vars(struct ut_sbuf *b, const struct hsl_scope *s)
{
    for (const struct hsl_var *v = s->vars; v; v = v->next) {
        ut_sbuf_addf(b, "%s$%.*s", v == s->vars ? "" : ", ", (int)v->name.len, v->name.p);
        add_flag(b, v->param, "param");
        add_flag(b, v->assigned, "assigned");
        add_flag(b, v->read, "read");
        add_flag(b, v->captured, "captured");
        add_flag(b, v->global, "global");
        add_flag(b, v->capture, "capture");
        add_flag(b, v->predefined, "predefined");
        add_flag(b, v->readonly, "readonly");
        if (v->param)
            ut_sbuf_addf(b, " %u", v->index);
        if (v->outer)
            ut_sbuf_addf(b, " of %s", v->outer->scope->function ? "function" : "globals");
        if (v->scope != s)
            ut_sbuf_addz(b, " in the wrong scope");
    }
}

static void
add_unit(struct ut_sbuf *b, const struct hsl_unit *u)
{
    ut_sbuf_addf(b, "%s; ", u->modern ? "modern" : "classic");
    add_vars(b, u->globals);
    for (const struct hsl_function *f = u->functions; f; f = f->next) {
        ut_sbuf_addf(b, " | %.*s(%u-%u%s): ", (int)f->name.len, f->name.p, f->required,
            f->param_count, f->rest ? "..." : "");
        add_vars(b, f->scope);
    }
    ut_sbuf_addz(b, " | mentions");
    for (uint32_t i = 0; i < u->mention_count; i++)
        ut_sbuf_addf(b, " %.*s", (int)u->mentions[i].len, u->mentions[i].p);
}

static const struct row trees[] = {
    {CORE, "$a = 1; echo $b ?? $a;", "classic; $a assigned read, $b read | mentions"},
    {CORE, "function f($a, $b = 1, ...$c) { $d = $a; }",
        "classic;  | f(1-2...): $a param read 0, $b param 1, $c param 2, $d assigned | mentions"},
    {CORE, "$n = 1; function up() { global $n; $n += 1; }",
        "classic; $n assigned captured | up(0-0): $n assigned captured global of globals | "
        "mentions"},
    {CORE, "function mk() { $n = 0; return function ($x) closure ($n) { $n += $x; }; }",
        "classic;  | mk(0-0): $n assigned captured | (1-1): $x param read 0, $n assigned captured "
        "capture of function | mentions"},
    {RCPT,
        "echo $sender . $recipient; function f() { global $senderip; return $senderip; } "
        "str_lower(\"x\"); str_lower(\"y\"); Reject(\"no\");",
        "classic; $sender read predefined readonly, $recipient read predefined readonly, $senderip "
        "captured predefined readonly | f(0-0): $senderip read captured global of globals | "
        "mentions $sender $recipient $senderip str_lower Reject"},
    {RCPT, "$sender = \"$arguments\";",
        "modern; $arguments read predefined readonly, $sender assigned predefined | mentions "
        "$arguments $sender"},
    {RCPT, "function f($message) {}", "modern;  | f(1-1): $message param 0 | mentions"},
    {CORE, "function trim($s) { return builtin trim($s); } trim(1);",
        "classic;  | trim(1-1): $s param read 0 | mentions trim"},
};

static void
test_trees(void)
{
    for (size_t i = 0; i < sizeof trees / sizeof trees[0]; i++) {
        struct hsl_source src = {
            .name = "t.hsl", .text = trees[i].text, .len = strlen(trees[i].text)};
        struct tree_unit t;
        struct ut_sbuf b;

        ut_sbuf_init(&b, 10000);
        tree_unit_init(&t, (enum hsl_flow)trees[i].flow, NULL);
        if (hsl_parse_unit(&t.u, &src) == 0 && hsl_check_unit(&t.u) == 0)
            add_unit(&b, &t.u);
        else
            tree_diags(&t, "t.hsl", &b);
        tap_str(ut_sbuf_text(&b), trees[i].want, trees[i].text);
        tree_unit_fini(&t);
        ut_sbuf_fini(&b);
    }
}

/* The symbols that names resolve to. */
static void
test_symbols(void)
{
    static const char text[] = "f(); function f() { return str_lower; } strlen(f); $x = Exception;";
    struct hsl_source src = {.name = "t.hsl", .text = text, .len = sizeof text - 1};
    const struct hsl_symbol *s;
    const struct hsl_node *n;
    struct tree_unit t;

    tree_unit_init(&t, HSL_FLOW_CORE, NULL);
    if (!tap_ok(hsl_parse_unit(&t.u, &src) == 0 && hsl_check_unit(&t.u) == 0, "symbols: checked"))
        return;
    n = t.u.body->u.list.first;
    s = n->u.un.a->u.call.callee->u.name.sym;
    tap_ok(s && s->kind == HSL_SYM_FUNCTION && s->function == t.u.functions,
        "a call before the declaration finds it");
    n = n->next->next;
    s = n->u.un.a->u.call.callee->u.name.sym;
    tap_ok(
        s && s->kind == HSL_SYM_BUILTIN && strcmp(s->builtin->name, "strlen") == 0, "a built-in");
    tap_ok(n->u.un.a->u.call.args->u.name.sym ==
               t.u.body->u.list.first->u.un.a->u.call.callee->u.name.sym,
        "a function as a value");
    n = n->next;
    s = n->u.un.a->u.assign.value->u.name.sym;
    tap_ok(s && s->kind == HSL_SYM_BUILTIN_CLASS, "a class");
    tree_unit_fini(&t);
}

/* --- Files ------------------------------------------------------------------------------------ */

static char dir[] = "/tmp/hsl_check.XXXXXX";

static void
test_include(void)
{
    struct hsl_env env = {.flow_dir = dir};
    char path[200];
    struct ut_sbuf b;
    FILE *f;

    if (!tap_ok(mkdtemp(dir) != NULL, "a folder for files"))
        return;
    snprintf(path, sizeof path, "%s/f.hsl", dir);
    f = fopen(path, "w");
    if (!f || fputs("function f($a) { return g(); }\nbreak;\n", f) < 0 || fclose(f) != 0)
        tap_ok(false, "cannot write %s", path);
    ut_sbuf_init(&b, 10000);
    check("while (1) { include \"f.hsl\"; } function g() {} f(1);", CORE, &env, &b);
    tap_str(ut_sbuf_text(&b), "", "an include sees the loop and the functions around it");
    ut_sbuf_reset(&b);
    check("while (1) { include \"f\"; include \"f\"; } function g() {} f(1);", CORE, &env, &b);
    tap_str(ut_sbuf_text(&b), "1:26 W4 unreachable code",
        "a declaration from the same place counts once");
    ut_sbuf_reset(&b);
    check("include \"f\"; function f() {}", CORE, &env, &b);
    tap_str(ut_sbuf_text(&b),
        "1:23 C04 f is already defined | f:1:25 C04 unknown function g | 1:1 included from here | "
        "f:2:1 C08 break outside of a loop | 1:1 included from here",
        "a declaration from another place is an error");
    ut_sbuf_fini(&b);
    unlink(path);
    rmdir(dir);
}

/* Memory that ends anywhere is an error and nothing else. */
static void
test_memory(void)
{
    static const char text[] =
        "$n = 1; function f($a, $b = [1]) { global $n; return strlen($a) . $n; } "
        "foreach ([1] as $k => $v) { echo f(\"$k$v\"); }";
    struct hsl_source src = {.name = "t.hsl", .text = text, .len = sizeof text - 1};
    long checked = 0;

    for (size_t max = 1;; max += 16) {
        struct tree_unit t;
        int r;

        tree_unit_init(&t, HSL_FLOW_CORE, NULL);
        ut_arena_free(t.u.arena);
        t.u.arena = ut_arena_new(max);
        r = hsl_parse_unit(&t.u, &src);
        if (r == 0) {
            r = hsl_check_unit(&t.u);
            checked++;
        }
        if (r != 0 && t.diags.errors == 0)
            tap_ok(false, "an error without a text at %zu bytes", max);
        tree_unit_fini(&t);
        if (r == 0)
            break;
    }
    tap_ok(checked > 10, "memory ended in the checker %ld times", checked);
}

int
main(void)
{
    test_rows();
    test_trees();
    test_symbols();
    test_include();
    test_memory();
    return tap_done();
}
