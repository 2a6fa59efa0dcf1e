/* hsl_parse.c - trees of HSL: precedence, the rule of assignment, patterns, slices, statements;
 * errors, several in one run; limits; includes (language §3, §5.1, §12, §17.1). */
#include "config.h"

#include <stdlib.h>
#include <unistd.h>

#include "t/unit/hsl_tree.h"
#include "t/unit/tap.h"

/* Parses [text] and gives the tree of each statement, with "; " between, or the diagnostics. */
static void
parse(const char *text, size_t len, struct hsl_env *env, struct ut_sbuf *out)
{
    struct hsl_source src = {.name = "t.hsl", .text = text, .len = len};
    struct tree_unit t;

    tree_unit_init(&t, HSL_FLOW_CORE, env);
    if (hsl_parse_unit(&t.u, &src) != 0 || t.diags.count > 0) {
        tree_diags(&t, "t.hsl", out);
    } else {
        for (const struct hsl_node *n = t.u.body->u.list.first; n; n = n->next) {
            if (out->len > 0)
                ut_sbuf_addz(out, "; ");
            tree_node(out, n);
        }
    }
    tree_unit_fini(&t);
}

struct row {
    const char *text, *want;
};

static void
run_rows(const struct row *rows, size_t count, const char *what)
{
    for (size_t i = 0; i < count; i++) {
        struct ut_sbuf b;
        char name[200];

        snprintf(name, sizeof name, "%s %zu: %.*s", what, i, (int)strcspn(rows[i].text, "\n#"),
            rows[i].text);
        ut_sbuf_init(&b, 100000);
        parse(rows[i].text, strlen(rows[i].text), NULL, &b);
        tap_str(ut_sbuf_text(&b), rows[i].want, name);
        ut_sbuf_fini(&b);
    }
}

static const struct row expressions[] = {
    /* levels of §5.1 */
    {"1 + 2 * 3 ** 2;", "(+ 1 (* 2 (** 3 2)))"},
    {"-2 ** 2;", "(neg (** 2 2))"},
    {"2 ** -1;", "(** 2 (neg 1))"},
    {"2 ** 3 ** 2;", "(** 2 (** 3 2))"},
    {"1 - 2 - 3;", "(- (- 1 2) 3)"},
    {"1 / 2 % 3 * 4;", "(* (% (/ 1 2) 3) 4)"},
    {"1 + 2 << 3 >> 4 >>> 5;", "(>>> (>> (<< (+ 1 2) 3) 4) 5)"},
    {"1 | 2 ^ 3 & 4 << 5;", "(| 1 (^ 2 (& 3 (<< 4 5))))"},
    {"6 & 3 == 2;", "(== (& 6 3) 2)"},
    {"\"n\" . 1 + 2;", "(. \"n\" (+ 1 2))"},
    {"1 . 2 < 3 . 4;", "(< (. 1 2) (. 3 4))"},
    {"1 < 2 == 3 > 4;", "(== (< 1 2) (> 3 4))"},
    {"1 == 2 != 3 === 4 !== 5 =~ 6 !~ 7;", "(!~ (=~ (!== (=== (!= (== 1 2) 3) 4) 5) 6) 7)"},
    {"not $a == $b;", "(not (== $a $b))"},
    {"!$a == $b;", "(== (not $a) $b)"},
    {"not not $a and !!$b;", "(and (not (not $a)) (not (not $b)))"},
    {"1 or 2 and not 3 or 4;", "(or (or 1 (and 2 (not 3))) 4)"},
    {"1 ?? 2 or 3 ?? 4;", "(?? 1 (?? (or 2 3) 4))"},
    {"~1 + - + 2;", "(+ (~ 1) (neg (plus 2)))"},
    {"1 ? 2 : 3;", "(? 1 2 3)"},
    {"1 ? 2 : 3 ? 4 : 5;", "(? 1 2 (? 3 4 5))"},
    {"1 ? 2 ? 3 : 4 : 5;", "(? 1 (? 2 3 4) 5)"},
    {"1 ?: 2;", "(? 1 - 2)"},
    {"1 ? : 2;", "(? 1 - 2)"},
    {"true ? $t[\"sp\"] ?? $t[\"p\"] : \"x\";", "(? true (?? ([] $t \"sp\") ([] $t \"p\")) \"x\")"},
    {"(1 + 2) * 3;", "(* (+ 1 2) 3)"},
    {"5.\"x\";", "(. 5 \"x\")"},
    /* assignment binds to the lvalue right before it */
    {"$a = $b = 3;", "(= $a (= $b 3))"},
    {"!$x = f();", "(not (= $x (call f)))"},
    {"$a and $b = g();", "(and $a (= $b (call g)))"},
    {"1 + $x = 2 * 3;", "(+ 1 (= $x (* 2 3)))"},
    {"$a ** $b = 3;", "(** $a (= $b 3))"},
    {"$u = none and true;", "(= $u (and none true))"},
    {"count($i = f()) == 2 and $i[1] == $p;",
        "(and (== (call count (= $i (call f))) 2) (== ([] $i 1) $p))"},
    {"$a ? $b : $c = 5;", "(? $a $b (= $c 5))"},
    {"$x ?\?= $y ?? 1;", "(?\?= $x (?? $y 1))"},
    {"$a += $b -= 1;", "(+= $a (-= $b 1))"},
    {"$a *= 1; $a /= 2; $a %= 3; $a **= 4; $a .= 5;",
        "(*= $a 1); (/= $a 2); (%= $a 3); (**= $a 4); (.= $a 5)"},
    {"$a &= 1; $a |= 2; $a ^= 3; $a <<= 4; $a >>= 5; $a >>>= 6;",
        "(&= $a 1); (|= $a 2); (^= $a 3); (<<= $a 4); (>>= $a 5); (>>>= $a 6)"},
    {"$v[] = 1; $v[][\"x\"] = 2;", "(= (append $v) 1); (= ([] (append $v) \"x\") 2)"},
    {"$o->p = 1; $o->f()->p = 2; A::$v[1] = 3;",
        "(= (-> $o p) 1); (= (-> (call (-> $o f)) p) 2); (= ([] A::$v 1) 3)"},
    {"$v[1:2] = [3];", "(= (slice $v( 1 2)) (array 3))"},
    /* ++ and -- */
    {"$c + $v * 10 ** --$m;", "(+ $c (* $v (** 10 (pre-- $m))))"},
    {"!$k--; ++$i > 2; $h[\"x\"]++;",
        "(not (post-- $k)); (> (pre++ $i) 2); (post++ ([] $h \"x\"))"},
    {"- --$a;", "(neg (pre-- $a))"},
    /* patterns */
    {"[$a, $b, $c = 3] = [1, 2];", "(= (pattern $a $b $c=3) (array 1 2))"},
    {"[\"h\" => $h, \"p\" => $p = 25] = $x;", "(= (keyed \"h\"=>$h \"p\"=>$p=25) $x)"},
    {"[$f, ...$r] = $x;", "(= (pattern $f ...$r) $x)"},
    {"[[$a, $b], $c] = $x;", "(= (pattern (pattern $a $b) $c) $x)"},
    {"[[$a] = [1], $b[0], $o->p,] = $x;",
        "(= (pattern (pattern $a)=(array 1) ([] $b 0) (-> $o p)) $x)"},
    {"[[$a, $b], \"z\"][0];", "([] (array (array $a $b) \"z\") 0)"},
    {"!([$q] = none);", "(not (= (pattern $q) none))"},
    {"[$a] = [$b] = $c;", "(= (pattern $a) (= (pattern $b) $c))"},
    /* slices */
    {"$s[1:4]; $s[-2:]; $s[:2]; $s[:];",
        "(slice $s( 1 4)); (slice $s( (neg 2))); (slice $s( - 2)); (slice $s())"},
    {"$s[::-1]; $s[1::2]; $s[1:2:3]; $s[::]; $s[:2:3];",
        "(slice $s( - - (neg 1))); (slice $s( 1 - 2)); (slice $s( 1 2 3)); (slice $s()); "
        "(slice $s( - 2 3))"},
    {"$s[1 : : 2]; $s[$a ? 1 : 2:3];", "(slice $s( 1 - 2)); (slice $s( (? $a 1 2) 3))"},
    {"$h[2 * 1:2 * 1 + 2];", "(slice $h( (* 2 1) (+ (* 2 1) 2)))"},
    {"f()[1:][0];", "([] (slice (call f)( 1)) 0)"},
    /* the bottom */
    {"[]; [1,]; [1, \"k\" => 2, ...$x];", "(array); (array 1); (array 1 \"k\"=>2 ...$x)"},
    {"array(); array(\"a\" => 1, 2,);", "(array); (array \"a\"=>1 2)"},
    {"f(); f(1, ...$a,); $o->m(1)->n; $a[\"k\"](); f()();",
        "(call f); (call f 1 ...$a); (-> (call (-> $o m) 1) n); (call ([] $a \"k\")); (call (call "
        "f))"},
    {"builtin f; builtin f(1); A::b; A::b(); static::$c; ns::$v;",
        "builtin:f; (call builtin:f 1); A::b; (call A::b); static::$c; ns::$v"},
    {"$o->class->if->echo();", "(call (-> (-> (-> $o class) if) echo))"},
    {"isset($a[1]->b); unset($a[1:2]); unset($v);",
        "(isset (-> ([] $a 1) b)); (unset (slice $a( 1 2))); (unset $v)"},
    {"match (4) { 0, 2, => 1 };", "1:19 C01 syntax error, unexpected =>, expected expression"},
    {"match (4) { 0, 2 => \"even\", default => \"odd\" };",
        "(match 4 (0 2 => \"even\") (default => \"odd\"))"},
    {"match (true) { default => match (1) { 1 => \"in\", }, };",
        "(match true (default => (match 1 (1 => \"in\"))))"},
    {"function ($n) { return $n; }(\"x\");", "(call (function (n) (block (return $n))) \"x\")"},
    {"$f = function ($a, $b = 2, ...$r) closure ($c, $d) {};",
        "(= $f (function (a b=2 ...r)(closure $c $d) (block)))"},
    {"cache [\"ttl\" => 1] f(1); cache [] builtin g(); cache array() K::st($k)[0];",
        "(cache (array \"ttl\"=>1) f)(args 1); (cache (array) builtin:g)(args); "
        "([] (cache (array) K::st)(args $k) 0)"},
    {"object [\"p\" => 1];", "(object \"p\"=>1)"},
    {"#/a\\/b/i; true; false; none;", "#/a\\/b/i; true; false; none"},
    /* strings */
    {"\"\"; \"ab\"; \"a$b ${c}d\"; \"$a\"; \"\\$x\";",
        "\"\"; \"ab\"; (interp \"a\" $b \" \" $c \"d\"); (interp $a); \"$x\""},
    {"\"prvs=$id$exp$s=$id@x\";", "(interp \"prvs=\" $id $exp $s \"=\" $id \"@x\")"},
    {"\"http://h/?u=$1&p=$2\";", "\"http://h/?u=$1&p=$2\""},
    {"''a \"q\" $x \\n'';", "\"a \"q\" $x \\n\""},
};

static const struct row statements[] = {
    {";;", "(); ()"},
    {"{ echo 1; { } }", "(block (echo 1) (block))"},
    {"if ($a) echo 1; else echo 2;", "(if $a (echo 1) (echo 2))"},
    {"if ($a) if ($b) echo 1; else echo 2;", "(if $a (if $b (echo 1) (echo 2)))"},
    {"if ($a) {} else if ($b) {} else {}", "(if $a (block) (if $b (block) (block)))"},
    {"while ($n--) echo $n;", "(while (post-- $n) (echo $n))"},
    {"forever { break; }", "(forever (block (break)))"},
    {"for ($i = 0; $i < 3; $i++) continue;", "(for (= $i 0) (< $i 3) (post++ $i))(continue)"},
    {"for (;;) {} for (; false;) {}", "(for)(block); (for - false)(block)"},
    {"foreach ($a as $v) {}", "(foreach $a - $v)(block)"},
    {"foreach ($a as $k => [$p, $q]) {}", "(foreach $a $k (pattern $p $q))(block)"},
    {"foreach ($a as $r[] => $o->p) echo 1;", "(foreach $a (append $r) (-> $o p))(echo 1)"},
    {"switch ($x) {}", "(switch $x)"},
    {"switch ($x) { case 1: case 2: { echo 1; } break; default: echo 2; }",
        "(switch $x (1 => (block)) (2 => (block (block (echo 1)) (break))) "
        "(default => (block (echo 2))))"},
    {"switch ($x) { case $a ? 1 : 2: break; }", "(switch $x ((? $a 1 2) => (block (break))))"},
    {"return; return 1; throw \"x\";", "(return); (return 1); (throw \"x\")"},
    {"try { f(); } catch ($e) { }", "(try (block (call f)) $e (block))"},
    {"barrier \"n\" { } barrier $a . \"n\" => $v { }",
        "(barrier \"n\" - (block)); (barrier (. $a \"n\") $v (block))"},
    {"global $a, $b;", "(global $a $b)"},
    {"function f($x) { return $x * 2; }", "(function f (x) (block (return (* $x 2))))"},
    {"function g() { yield; yield 1; yield $k => 2; }",
        "(generator-function g () (block (yield) (yield - 1) (yield $k 2)))"},
    {"function from($with) { } from(1);", "(function from (with) (block)); (call from 1)"},
    {"class C { private $n = 0; readonly $m; static $s = [1]; constructor($x = 1) {} "
     "function f() {} private static function g() {} }",
        "(class C private $n=0 readonly $m static $s=(array 1) (constructor constructor (x=1) "
        "(block)) (function f () (block)) private static (function g () (block)))"},
    {"import { f, g as h, $v as $w, C, } from \"m\";", "(import f>f g>h $v>w C>C \"m\")"},
    {"import * as ns from \"m\"; import { * as ns } from \"m\";",
        "(import *>ns \"m\"); (import *>ns \"m\")"},
    {"import $v from \"txt!l.csv\"; import $w from \"a.csv\" with [\"a\" => 1];",
        "(import data $v \"txt!l.csv\"); (import data $w \"a.csv\" (array \"a\"=>1))"},
};

/* One error each: text and position. */
static const struct row errors[] = {
    {"$variable = 1", "1:14 C01 syntax error, unexpected end of file, expected ;"},
    {"1 = 2;", "1:1 C12 left side of assignment is not assignable"},
    {"echo 'x';", "1:6 C01 syntax error, unexpected '; strings are written \"…\" or ''…''"},
    {"if ($a && $b) {}", "1:8 C01 syntax error, unexpected &; use \"and\""},
    {"echo \"abc;\necho 1;", "1:6 C02 unterminated string"},
    {"f() = 1;", "1:1 C12 left side of assignment is not assignable"},
    {"($a) = 1;", "1:1 C12 left side of assignment is not assignable"},
    {"$a . 1 = 2;", "1:6 C12 left side of assignment is not assignable"},
    {"$v[1:2:3] = [];", "1:1 C12 left side of assignment is not assignable"},
    {"$v[1:2] .= \"\";", "1:1 C12 left side of assignment is not assignable"},
    {"$v[] += 1;", "1:1 C12 left side of assignment is not assignable"},
    {"$f()[0] = 1;", "1:1 C12 left side of assignment is not assignable"},
    {"f()->p = 1;", "1:1 C12 left side of assignment is not assignable"},
    {"++1; 1++;", "1:3 C12 left side of assignment is not assignable | "
                  "1:6 C12 left side of assignment is not assignable"},
    {"[1] = $a;", "1:2 C12 left side of assignment is not assignable"},
    {"[] = $a;", "1:1 C12 left side of assignment is not assignable"},
    {"array($a) = $b;", "1:1 C12 left side of assignment is not assignable"},
    {"[$a] += $b;", "1:1 C12 left side of assignment is not assignable"},
    {"[$a, \"k\" => $b] = $c;", "1:6 C11 cannot mix keyed and positional targets"},
    {"[...$r, $a] = $b;",
        "1:2 C01 syntax error, unexpected ...; the rest of an array is the last target"},
    {"foreach ($a as 1) {}", "1:16 C12 left side of assignment is not assignable"},
    {"function f($a = 1, $b) {}", "1:20 C11 required parameter after optional one"},
    {"function f(...$a, $b = 1) {}", "1:19 C11 default after rest parameter"},
    {"function f($a, $a) {}", "1:16 C04 $a is already defined"},
    {"function f { }", "1:12 C01 syntax error, unexpected {, expected (; add ()"},
    {"function print() {}", "1:10 C03 print is a reserved word"},
    {"function if() {}", "1:10 C03 if is a reserved word"},
    {"class this { }", "1:7 C03 this is a reserved word"},
    {"$a = new Foo();", "1:6 C03 new is a reserved word; objects are made by Name()"},
    {"try { } catch ($e) { } finally { }", "1:24 C03 finally is not allowed here"},
    {"yield 1;", "1:1 C03 yield is not allowed here"},
    {"switch (1) { echo 1; }", "1:14 C01 syntax error, unexpected echo, expected case or default"},
    {"switch (1) { default: default: }", "1:23 C04 default is already defined"},
    {"match (1) { default => 1, default => 2 };", "1:27 C04 default is already defined"},
    {"include \"a$b\";", "1:9 C09 file name must be a constant string"},
    {"include f();", "1:9 C09 file name must be a constant string"},
    {"include \"x\";", "1:1 C13 cannot open x: no files here"},
    {"if ($a) {} elseif ($b) {} else {}",
        "1:12 C01 syntax error, unexpected elseif; use \"else if\""},
    {"do { f(); } while ($x);",
        "1:1 C01 syntax error, unexpected do; use \"while\" or \"forever\""},
    {"echo 1, 2;", "1:7 C01 syntax error, unexpected ,, expected ;; join texts with ."},
    {"f(&$x);", "1:3 C01 syntax error, unexpected &, expected expression; there are no references"},
    {"1 + not $a;",
        "1:5 C01 syntax error, unexpected not, expected expression; write (not ...) or !"},
    {"for ($i = 0, $j = 1;;) {}",
        "1:12 C01 syntax error, unexpected ,, expected ;; there is no comma operator"},
    {"isset(f());", "1:7 C01 syntax error, isset() takes a variable, an element or a property"},
    {"unset($a[1]());", "1:7 C01 syntax error, unset() takes a variable, an element, a property "
                        "or a slice without step"},
    {"unset($a[::2]);", "1:7 C01 syntax error, unset() takes a variable, an element, a property "
                        "or a slice without step"},
    {"cache [] $f();", "1:10 C01 syntax error, unexpected $f, expected name of a function"},
    {"cache [] C::$f();",
        "1:10 C01 syntax error, unexpected variable, expected name of a function"},
    {"try { } catch (Exception $e) { }",
        "1:16 C01 syntax error, unexpected Exception, expected variable; catch takes any value: "
        "catch ($e)"},
    {"$a ? 1;", "1:7 C01 syntax error, unexpected ;, expected :"},
    {"$o->$p;", "1:5 C01 syntax error, unexpected $p, expected name"},
    {"}", "1:1 C01 syntax error, unexpected }, expected expression"},
    {"{{{", "1:4 C01 syntax error, unexpected end of file, expected }"},
    {"\"\\d\";", "1:2 W1 unknown escape \\d stays as it is"},
    {"import { f as $g } from \"m\";",
        "1:15 C01 syntax error, a variable is imported as a variable, "
        "a function as a function"},
};

/* Several errors in one run, and no consequences of one. */
static const struct row recovery[] = {
    {"$a = ;\n$b = 1 +;\necho $b;\n$c = (1;\n",
        "1:6 C01 syntax error, unexpected ;, expected expression | "
        "2:9 C01 syntax error, unexpected ;, expected expression | "
        "4:8 C01 syntax error, unexpected ;, expected )"},
    {"$a = 1\n$b = 2\necho $a . $b\n}", "2:1 C01 syntax error, unexpected $b, expected ; | "
                                        "3:1 C01 syntax error, unexpected echo, expected ; | "
                                        "4:1 C01 syntax error, unexpected }, expected ;"},
    {"if ($a ==) { echo 1 2; } else { echo 3; }\necho ;",
        "1:10 C01 syntax error, unexpected ), expected expression | "
        "1:21 C01 syntax error, unexpected 2, expected ; | "
        "2:6 C01 syntax error, unexpected ;, expected expression"},
    {"if $a == 1 { echo 1; }\nwhile (1 { echo 2; }\necho 3;",
        "1:4 C01 syntax error, unexpected $a, expected ( | "
        "2:10 C01 syntax error, unexpected {, expected )"},
    {"function f($a $b) { return 1 }\nfunction g($c) { return $c[; }\n",
        "1:15 C01 syntax error, unexpected $b, expected , or ) | "
        "1:30 C01 syntax error, unexpected }, expected ; | "
        "2:28 C01 syntax error, unexpected ;, expected expression"},
    {"foreach ($a in $b) { f(; }\nfor ($i = 0; $i <; $i++) { g(); }\n",
        "1:13 C01 syntax error, unexpected in, expected as; "
        "write foreach (values as $value) | "
        "1:24 C01 syntax error, unexpected ;, expected expression | "
        "2:18 C01 syntax error, unexpected ;, expected expression"},
    {"$f = function () { echo ; return [1, 2; };\necho 1;",
        "1:25 C01 syntax error, unexpected ;, expected expression | "
        "1:39 C01 syntax error, unexpected ;, expected , or ]"},
    {"switch ($x) { case 1 echo 1; break; default: }\nclass C { function f( {} $x; }\n$y = 3 4;",
        "1:22 C01 syntax error, unexpected echo, expected : | "
        "2:23 C01 syntax error, unexpected {, expected variable | "
        "3:8 C01 syntax error, unexpected 4, expected ;"},
    {"$x = match ($a) { 1 => , 2 => 3 };\n$y = [1 => ];\nreturn 1 2;",
        "1:24 C01 syntax error, unexpected ,, expected expression | "
        "2:12 C01 syntax error, unexpected ], expected expression | "
        "3:10 C01 syntax error, unexpected 2, expected ;"},
};

/* [n] copies of [part] between [before] and [after]. */
static char *
repeat(const char *before, const char *part, size_t n, const char *middle, const char *part2,
    const char *after)
{
    struct ut_sbuf b;

    ut_sbuf_init(&b, 1 << 24);
    ut_sbuf_addz(&b, before);
    for (size_t i = 0; i < n; i++)
        ut_sbuf_addz(&b, part);
    ut_sbuf_addz(&b, middle);
    for (size_t i = 0; i < n; i++)
        ut_sbuf_addz(&b, part2);
    ut_sbuf_addz(&b, after);
    return ut_sbuf_take(&b, &(size_t){0});
}

static const struct {
    const char *before, *part, *middle, *part2, *after;
    size_t fits, too_many;
    const char *want; /* in the diagnostics of too_many */
} nests[] = {
    {"$x = ", "(", "1", ")", ";", 199, 210, "C15 limit: nesting deeper than 200"},
    {"", "{", "", "}", "", 200, 210, "C15 limit: nesting deeper than 200"},
    {"$x = ", "[", "", "]", ";", 199, 100000, "C15 limit: nesting deeper than 200"},
    {"$x = ", "- ", "1", "", ";", 199, 100000, "C15 limit: nesting deeper than 200"},
    {"$x = ", "not ", "1", "", ";", 199, 100000, "C15 limit: nesting deeper than 200"},
    {"", "$a = ", "1", "", ";", 199, 100000, "C15 limit: nesting deeper than 200"},
    {"$x = 1", " ** 1", "", "", ";", 199, 100000, "C15 limit: nesting deeper than 200"},
    {"$x = 1", " ?? 1", "", "", ";", 199, 100000, "C15 limit: nesting deeper than 200"},
    {"$x = ", "1 ? 1 : ", "1", "", ";", 199, 100000, "C15 limit: nesting deeper than 200"},
    {"$x = ", "function () { return ", "1", "; }", ";", 90, 1000,
        "C15 limit: nesting deeper than 200"},
    {"$x = 1", " . 1", "", "", ";", 990, 100000, "C15 limit: chain of more than 1000 parts"},
    {"$x", "->p", "", "", ";", 990, 100000, "C15 limit: chain of more than 1000 parts"},
    {"$x", "()", "", "", ";", 990, 100000, "C15 limit: chain of more than 1000 parts"},
    {"if (1) ; ", "else if (1) ; ", "", "", "", 990, 100000,
        "C15 limit: chain of more than 1000 parts"},
    {"function f(", "$a,", "", "", ") {}", 0, 100000, "C04 $a is already defined"},
    {"[", "$a,", "] = [", "1,", "];", 10000, 300000,
        "C15 limit: script of more than 1000000 parts"},
};

static void
test_nesting(void)
{
    for (size_t i = 0; i < sizeof nests / sizeof nests[0]; i++) {
        char *fits = repeat(nests[i].before, nests[i].part, nests[i].fits, nests[i].middle,
            nests[i].part2, nests[i].after);
        char *more = repeat(nests[i].before, nests[i].part, nests[i].too_many, nests[i].middle,
            nests[i].part2, nests[i].after);
        struct hsl_source src = {.name = "t.hsl", .text = fits, .len = strlen(fits)};
        struct tree_unit t;
        struct ut_sbuf b;

        tree_unit_init(&t, HSL_FLOW_CORE, NULL);
        tap_num(hsl_parse_unit(&t.u, &src), 0, "as deep as allowed");
        tree_unit_fini(&t);
        ut_sbuf_init(&b, 100000);
        tree_unit_init(&t, HSL_FLOW_CORE, NULL);
        src.text = more;
        src.len = strlen(more);
        tap_num(hsl_parse_unit(&t.u, &src), -1, "too deep");
        tree_diags(&t, "t.hsl", &b);
        if (!tap_ok(strstr(ut_sbuf_text(&b), nests[i].want) != NULL, "says: %s", nests[i].want))
            printf("# %s\n", ut_sbuf_text(&b));
        tree_unit_fini(&t);
        ut_sbuf_fini(&b);
        free(fits);
        free(more);
    }
}

static void
test_limits(void)
{
    static const char text[] = "echo 1;";
    struct hsl_source src = {.name = "t.hsl", .text = text, .len = sizeof text - 1};
    struct tree_unit t;
    struct ut_sbuf b;
    char *many = repeat("", "$a = ;\n", 50, "", "", "");
    long fails = 0;

    tree_unit_init(&t, HSL_FLOW_CORE, NULL);
    t.limits.max_source = sizeof text - 2;
    tap_num(hsl_parse_unit(&t.u, &src), -1, "a source over the limit");
    tap_str(t.diags.items[0].text, "limit: source (6 bytes) exceeded", "says so");
    tree_unit_fini(&t);
    tree_unit_init(&t, HSL_FLOW_CORE, NULL);
    src.text = many;
    src.len = strlen(many);
    tap_num(hsl_parse_unit(&t.u, &src), -1, "fifty errors");
    tap_num((long long)t.diags.count, 20, "twenty are reported");
    tree_unit_fini(&t);
    ut_sbuf_init(&b, 1000);
    src.text = "function f($a) { foreach ($a as [$b, $c]) echo \"$b$c\\n\"; } f([[1, 2]]);";
    src.len = strlen(src.text);
    for (size_t max = 1;; max += 50, fails++) { /* every amount of memory */
        int r;

        tree_unit_init(&t, HSL_FLOW_CORE, NULL);
        ut_arena_free(t.u.arena);
        t.u.arena = ut_arena_new(max);
        r = hsl_parse_unit(&t.u, &src);
        if (r != 0 && t.diags.errors == 0)
            tap_ok(false, "an error without a text at %zu bytes", max);
        tree_unit_fini(&t);
        if (r == 0)
            break;
    }
    tap_ok(fails > 10, "memory that ends anywhere is an error");
    ut_sbuf_fini(&b);
    free(many);
}

/* --- include ---------------------------------------------------------------------------------- */

static char dir[] = "/tmp/hsl_parse.XXXXXX";

static void
write_file(const char *name, const char *text)
{
    char path[200];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0)
        tap_ok(false, "cannot write %s", path);
}

static void
include_row(const char *text, const char *want)
{
    struct hsl_env env = {.flow_dir = dir, .data_dir = NULL};
    struct ut_sbuf b;

    ut_sbuf_init(&b, 100000);
    parse(text, strlen(text), &env, &b);
    tap_str(ut_sbuf_text(&b), want, text);
    ut_sbuf_fini(&b);
}

static void
test_include(void)
{
    static const char *const names[] = {"a.hsl", "b.hsl", "bad.hsl", "mid.hsl", "loop1.hsl",
        "loop2.hsl", "brace.hsl", "open.hsl", "deep.hsl"};
    char path[200];

    if (!tap_ok(mkdtemp(dir) != NULL, "a folder for files"))
        return;
    write_file("a.hsl", "echo \"a\";");
    write_file("b.hsl", "include \"./a.hsl\"; echo \"b\";");
    write_file("bad.hsl", "echo 1;\n  $x = ;\n");
    write_file("mid.hsl", "\ninclude \"bad\";\n");
    write_file("loop1.hsl", "include \"loop2\";");
    write_file("loop2.hsl", "\n include \"loop1\";");
    write_file("brace.hsl", "} echo 1;");
    write_file("open.hsl", "if (1) {");
    write_file("deep.hsl", "include_once \"deep.hsl\";");
    include_row("include \"a.hsl\"; echo 1;", "(include (block (echo \"a\"))); (echo 1)");
    include_row("include \"a\"; include ''a'';",
        "(include (block (echo \"a\"))); (include (block (echo \"a\")))");
    include_row("include_once \"a\"; include_once \"file:a.hsl\";",
        "(include (block (echo \"a\"))); (include (block))");
    include_row("if (1) include \"b\";",
        "(if 1 (include (block (include (block (echo \"a\"))) (echo \"b\"))))");
    include_row("include \"mid\"; include \"bad\";",
        "bad:2:8 C01 syntax error, unexpected ;, expected expression | mid:2:1 included from here "
        "| "
        "1:1 included from here | bad:2:8 C01 syntax error, unexpected ;, expected expression | "
        "1:16 included from here");
    include_row("include \"loop1\";",
        "loop2:2:2 C10 circular include of loop1 (loop1 -> loop2 -> loop1) | "
        "loop1:1:1 included from here | 1:1 included from here");
    include_row("{ include \"brace\"; }",
        "brace:1:1 C01 syntax error, unexpected }, expected expression | 1:3 included from here");
    include_row("include \"open\"; }",
        "open:1:9 C01 syntax error, unexpected end of file, expected } | 1:1 included from here | "
        "1:17 C01 syntax error, unexpected }, expected expression");
    include_row("include \"none\"; echo ;",
        "1:1 C13 cannot open none: No such file or directory | "
        "1:22 C01 syntax error, unexpected ;, expected expression");
    include_row("include \"../x\";",
        "1:1 C13 cannot open ../x: ./ and ../ are only for scripts that are files");
    include_row(
        "include \"/etc/passwd\";", "1:1 C13 /etc/passwd is outside the allowed directories");
    include_row("include \"x/../../../../../../etc/passwd\";",
        "1:1 C13 cannot open x/../../../../../../etc/passwd: No such file or directory");
    include_row("include \"file://x\";",
        "1:1 C13 cannot open file://x: no directory for such names is configured");
    include_row("include \"deep\";", "(include (block (include (block))))");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

/* Texts made of pieces of the language never crash, and what is refused has an error. */
static void
test_any_text(void)
{
    static const char *const pieces[] = {"if", "(", ")", "{", "}", "[", "]", "$a", "=", ";", ",",
        "=>", "foreach", " as ", "function ", "f", "switch", "case ", ":", "::", "?", "??", "1",
        "\"x$b\"", "''r''", "...", "->", "not ", " and ", "match", "default", "class ", "yield ",
        "isset", "import ", "from ", "include ", "cache ", "barrier ", "try", "catch", "echo ",
        "++", "+", ".", "/* c */", "\n", "#/r/", "static", "closure", "else ", "global ",
        "return "};
    unsigned seed = 99;
    bool fine = true;

    for (int round = 0; round < 20000 && fine; round++) {
        struct hsl_source src = {.name = "t.hsl"};
        struct tree_unit t;
        struct ut_sbuf b;
        int r;

        ut_sbuf_init(&b, 10000);
        for (int i = 0; i < 30; i++) {
            seed = seed * 1103515245u + 12345u;
            ut_sbuf_addz(&b, pieces[(seed >> 16) % (sizeof pieces / sizeof pieces[0])]);
        }
        tree_unit_init(&t, HSL_FLOW_CORE, NULL);
        src.text = ut_sbuf_text(&b);
        src.len = b.len;
        r = hsl_parse_unit(&t.u, &src);
        fine = r == 0 ? t.diags.errors == 0 : t.diags.errors > 0;
        if (!fine)
            printf("# %s\n", src.text);
        tree_unit_fini(&t);
        ut_sbuf_fini(&b);
    }
    tap_ok(fine, "20000 random texts");
}

#define ROWS(r) r, sizeof(r) / sizeof(r)[0]

int
main(void)
{
    run_rows(ROWS(expressions), "expression");
    run_rows(ROWS(statements), "statement");
    run_rows(ROWS(errors), "error");
    run_rows(ROWS(recovery), "recovery");
    test_nesting();
    test_limits();
    test_include();
    test_any_text();
    return tap_done();
}
