/* hsl_run.c - the embedding API: compile, run, every limit with its text and place, machines used
 * again, threads that share a program, memory that fails at each allocation in turn. */
#include "config.h"

#include <pthread.h>
#include <string.h>

#include "hsl/hsl.h"
#include "hsl/hsl_host.h"
#include "hsl/hsl_vm.h"
#include "lib/ut_sbuf.h"
#include "t/unit/tap.h"

/* --- A host that remembers ------------------------------------------------------------------- */

struct world {
    struct ut_sbuf out;     /* echoed records, joined by | */
    struct ut_sbuf context; /* what context_set got */
    bool has_context;
    unsigned asked; /* calls of var */
    unsigned verdicts;
};

static void
world_log(void *arg, int level, const char *text, size_t len, const struct hsl_place *place)
{
    struct world *w = arg;

    (void)level;
    (void)place;
    if (w->out.len)
        ut_sbuf_addc(&w->out, '|');
    ut_sbuf_add(&w->out, text, len);
}

static bool
world_var(void *arg, const char *name, struct hsl_build *b)
{
    struct world *w = arg;

    w->asked++;
    if (strcmp(name, "senderip") == 0) {
        hsl_build_strz(b, "192.0.2.1");
        return true;
    }
    if (strcmp(name, "arguments") == 0) {
        hsl_build_array(b);
        hsl_build_key(b, "list");
        hsl_build_array(b);
        hsl_build_num(b, 1);
        hsl_build_bool(b, true);
        hsl_build_none(b);
        hsl_build_end(b);
        hsl_build_key(b, "name");
        hsl_build_str(b, "a\0b", 3);
        hsl_build_end(b);
        return true;
    }
    return false;
}

static const char *
world_context_get(void *arg, size_t *len)
{
    struct world *w = arg;

    *len = w->context.len;
    return w->has_context ? ut_sbuf_text(&w->context) : NULL;
}

static bool
world_context_set(void *arg, const char *p, size_t len)
{
    struct world *w = arg;

    ut_sbuf_reset(&w->context);
    ut_sbuf_add(&w->context, p, len);
    w->has_context = true;
    return !w->context.failed;
}

static bool
world_verdict(void *arg, const struct hsl_verdict *v, struct ut_diag *why)
{
    struct world *w = arg;

    (void)v;
    (void)why;
    w->verdicts++;
    return true;
}

static const struct hsl_host host = {
    .log = world_log,
    .var = world_var,
    .context_get = world_context_get,
    .context_set = world_context_set,
    .verdict = world_verdict,
};

static void
world_init(struct world *w)
{
    memset(w, 0, sizeof(*w));
    ut_sbuf_init(&w->out, 100000);
    ut_sbuf_init(&w->context, 100000);
}

static void
world_fini(struct world *w)
{
    ut_sbuf_fini(&w->out);
    ut_sbuf_fini(&w->context);
}

/* --- Compiling and running ------------------------------------------------------------------- */

static struct hsl_env *env;

/* NULL: the first error is in [d]. */
static struct hsl_prog *
compile(const char *text, enum hsl_flow flow, bool plain, struct ut_diag *d)
{
    struct hsl_source src = {
        .name = "t.hsl", .text = text, .len = strlen(text), .flow = flow, .no_optimize = plain};
    struct ut_diag_list list;
    struct hsl_prog *p;

    ut_diag_list_init(&list, 20);
    p = hsl_compile(env, &src, &list);
    if (!p && list.count)
        *d = list.items[0];
    ut_diag_list_fini(&list);
    return p;
}

/* Runs [text] and gives "OUTPUT" or "OUTPUT!file:line:column: error [code]". */
static void
run_text(const char *text, bool plain, const struct hsl_limits *limits, struct ut_sbuf *result)
{
    struct ut_diag d = {.text = "?"};
    struct hsl_prog *p = compile(text, HSL_FLOW_CORE, plain, &d);
    struct hsl_machine *m = hsl_machine_new(env);
    struct hsl_result res;
    struct world w;

    ut_sbuf_reset(result);
    world_init(&w);
    if (p && m) {
        hsl_run(m, p, &host, &w, limits, &res);
        ut_sbuf_addz(result, ut_sbuf_text(&w.out));
        d = res.error;
    }
    if (!p || res.end >= HSL_END_ERROR) {
        ut_sbuf_addc(result, '!');
        ut_diag_to_text(&d, result);
        ut_sbuf_addf(result, " [%s]", d.code);
    }
    world_fini(&w);
    hsl_machine_free(m);
    hsl_prog_unref(p);
}

/* [text] gives [want], compiled with and without optimizing. */
static void
expect(const char *text, const struct hsl_limits *limits, const char *want)
{
    struct ut_sbuf got;
    char name[80];

    snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "\n"), text);
    ut_sbuf_init(&got, 100000);
    run_text(text, false, limits, &got);
    tap_str(ut_sbuf_text(&got), want, name);
    run_text(text, true, limits, &got);
    tap_str(ut_sbuf_text(&got), want, "the same without optimizing");
    ut_sbuf_fini(&got);
}

/* --- Tests ----------------------------------------------------------------------------------- */

static const struct {
    const char *text, *want;
} scripts[] = {
    {"echo 1 + 2;", "3"},
    {"$a = 1; echo $a + ($a = 5); echo \"$a\" . $a . ($a = 7) . $a;", "6|5577"},
    {"$a = 1; $a .= \"x\" . ($a = \"q\"); echo $a;", "qxq"},
    {"$x = [1]; $x[] = $x; $x[0] = $x; echo $x;", "[0=>[0=>1,1=>[0=>1]],1=>[0=>1]]"},
    {"$i = 0; $z = [1, 2]; echo $z[$i++] . $z[$i++] . $i; echo $i++ + ++$i;", "122|6"},
    {"$l = [[1, 2], 3]; [$l, $m] = $l; echo $l; echo $m;", "[0=>1,1=>2]|3"},
    {"function f($a, $b = [1], ...$r) { $b[] = $a; return [$b, $r]; } echo f(2); echo f(...[2, [], "
     "3]);",
        "[0=>[0=>1,1=>2],1=>[]]|[0=>[0=>2],1=>[0=>3]]"},
    {"function f($a = 1 / 0) { return $a; } echo f(2); echo f();",
        "2!t.hsl:1:19: division by zero [R04]"},
    {"$n = 1; function up() { global $n; $n += 1; return $n; } up(); echo up() . $n;", "33"},
    {"function c() { $n = 0; return function () closure ($n) { return ++$n; }; } $a = c(); $b = "
     "c(); $a(); "
     "echo $a() . $b();",
        "21"},
    {"for ($i = 0; $i < 3; $i++) { if ($i) { echo isset($w); unset($w); echo isset($w); } $w = $i; "
     "}",
        "true|false|true|false"},
    {"for ($i = \"a\"; $i < \"c\"; $i++) {}",
        "!t.hsl:1:26: unsupported operand type for ++: string [R03]"},
    {"for ($i = 0; $i < [1]; $i++) {}",
        "!t.hsl:1:17: unsupported operand types for <: number and array [R03]"},
    {"try { foreach ([1, 2] as $v) { try { throw $v; } catch ($e) { if ($e == 2) throw \"out\"; } "
     "} } "
     "catch ($e) { echo $e; }",
        "out"},
    {"function r() { foreach ([1, 2] as $v) foreach ([\"a\", \"b\"] as $w) switch (\"$v$w\") { "
     "case \"1b\": "
     "return $w; } } echo r();",
        "b"},
    {"switch (\"e\") { case \"a\": case \"b\": case \"c\": case \"d\": case \"e\": echo 5; case "
     "\"f\": echo 6; break; "
     "default: echo 7; }",
        "5|6"},
    {"switch (\"z\") { case \"a\": case \"b\": case \"c\": case \"d\": case \"e\": echo 5; case "
     "\"f\": echo 6; }",
        ""},
    {"switch (0) { case \"a\": case \"b\": case \"c\": case \"d\": case \"0\": echo 5; break; case "
     "\"f\": echo 6; }",
        "5"},
    {"$s = \"\"; for ($i = 0; $i < 3; $i++) { $s .= \"$i,\"; $s = \"$s;$s\"; } echo $s;",
        "0,;0,1,;0,;0,1,2,;0,;0,1,;0,;0,1,2,"},
    {"$a = [\"k\" => 1, \"l\" => [2]]; $b = $a; $b[\"l\"][] = 3; $a[\"k\"]++; echo $a; echo $b;",
        "[\"k\"=>2,\"l\"=>[0=>2]]|[\"k\"=>1,\"l\"=>[0=>2,1=>3]]"},
    {"$e = Exception(\"x\"); $m = $e->message; echo $m(); try { $e->no(); } catch ($e) { echo "
     "$e->line(); }",
        "x|1"},
    {"class A { constructor($v) { $this->v = $v; } function message() { return \"m\" . $this->v; } "
     "} "
     "throw A(1);",
        "!t.hsl:1:94: uncaught exception: m1 []"},
    {"class A { private function message() {} function toString() { return \"text\"; } } throw "
     "A();",
        "!t.hsl:1:82: uncaught exception: text []"},
    {"class A { function message() { return $this->f()->g; } } throw A();",
        "!t.hsl:1:58: uncaught exception: (text not made) []"},
    {"class A { function message() { forever { echo 1; throw 2; } } function f() { throw A(); } } "
     "A()->f();",
        "1!t.hsl:1:78: uncaught exception: (text not made) []"},
    {"class A { private $p = 1; static $s = [1]; function f() { return $this->p++ . $this->p; } } "
     "$a = A(); $a->x[\"y\"] ?\?= 2; A::$s[] = 3; echo $a->f() . $a->x . A::$s; echo $a->p;",
        "12[\"y\"=>2][0=>1,1=>3]!t.hsl:1:171: p is private [R13]"},
    {"function g($n) { try { $x = [yield $n, yield \"k\" => $n + 1]; } catch ($e) {} echo $x; "
     "throw "
     "\"g\"; } "
     "foreach (g(5) as $k => $v) echo \"$k=$v\";",
        "0=5|k=6|[0=>none,1=>none]!t.hsl:1:87: uncaught exception: g []"},
    {"function a() { b(); } function b() { throw Exception(\"deep\"); } a();",
        "!t.hsl:1:38: uncaught exception: deep []"},
};

static void
test_scripts(void)
{
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
        expect(scripts[i].text, NULL, scripts[i].want);
}

static void
test_limits(void)
{
    struct hsl_limits l;

    hsl_limits_default(&l);
    l.max_instructions = 100;
    expect("while (true) {}", &l, "!t.hsl:1:1: limit: instruction budget (100) exceeded [L01]");
    expect("$i = 0;\n  while ($i < 1000) $i += 1;", &l,
        "!t.hsl:2:3: limit: instruction budget (100) exceeded [L01]");
    expect("for ($i = 0; $i < 101; $i++) {} echo $i;", &l, "101");
    expect("function f() {} for ($i = 0; $i < 90; $i++)\n  f();", &l,
        "!t.hsl:2:3: limit: instruction budget (100) exceeded [L01]");
    expect("try { forever {} } catch ($e) { echo 1; }", &l,
        "!t.hsl:1:7: limit: instruction budget (100) exceeded [L01]");
    hsl_limits_default(&l);
    l.max_time = 0.01;
    expect("forever {}", &l, "!t.hsl:1:1: limit: time (0.01 s) exceeded [L02]");
    hsl_limits_default(&l);
    l.max_memory = 1000000;
    expect("$a = [];\nforever $a[] = \"x\" * 1000;", &l,
        "!t.hsl:2:20: limit: memory (1000000 bytes) exceeded [L03]");
    l.max_call_depth = 50;
    expect("function r() { return r(); } r();", &l,
        "!t.hsl:1:23: limit: call depth (50) exceeded [L04]");
    expect("$f = function ($f) { return $f($f); }; $f($f);", &l,
        "!t.hsl:1:29: limit: call depth (50) exceeded [L04]");
    expect("function d($n) { return $n ? d($n - 1) : \"ok\"; } echo d(49);", &l, "ok");
    hsl_limits_default(&l);
    l.max_string = 1000;
    expect("echo \"x\" * 1001;", &l, "!t.hsl:1:10: limit: string length (1000) exceeded [L05]");
    l.max_array = 100;
    expect("$a = [1] * 101;", &l, "!t.hsl:1:10: limit: array size (100) exceeded [L06]");
    expect("$a = []; for ($i = 0; $i < 101; $i++)\n$a[] = 1;", &l,
        "!t.hsl:2:3: limit: array size (100) exceeded [L06]");
    l.max_echo_records = 2;
    expect(
        "echo 1; echo 2; echo 3;", &l, "1|2|further output is dropped: limit of one run reached");
}

/* Recursion that needs several segments of the stack, with exceptions through all of them. */
static void
test_deep(void)
{
    struct hsl_limits l;

    hsl_limits_default(&l);
    l.max_call_depth = 50000;
    expect("function d($n, $s) { if ($n == 0) throw $s; $a = [$n, $s]; return d($n - 1, $s) + "
           "count($a); }"
           "for ($i = 0; $i < 3; $i++) { try { d(20000, \"x$i\"); } catch ($e) { echo $e; } }",
        &l, "x0|x1|x2");
    expect("function s($n) { return $n == 0 ? 0 : 1 + s($n - 1); } echo s(40000);", &l, "40000");
    expect("function c($n) { return $n == 0 ? 0 : 1 + array_map(c, [$n - 1])[0]; } echo c(150); "
           "echo c(300);",
        &l, "150!t.hsl:1:43: limit: call depth (200) of callbacks exceeded [L04]");
    expect("function m(...$r) { return count($r); } $a = [1] * 30000; echo m(...$a); echo m(...$a, "
           "...$a);",
        &l, "30000|60000");
}

static void
test_trace(void)
{
    struct ut_diag d;
    struct hsl_prog *p =
        compile("function a() { echo $x; }\nfunction b() { array_map(function ($v) {\n"
                " a(); }, [1]); }\nb();",
            HSL_FLOW_CORE, false, &d);
    struct hsl_machine *m = hsl_machine_new(env);
    struct hsl_result res;

    tap_ok(p && m, "a script with calls compiles");
    if (p && m) {
        hsl_run(m, p, NULL, NULL, NULL, &res);
        tap_ok(res.end == HSL_END_ERROR && res.error.line == 1 && res.error.column == 21,
            "an error has its place: %u:%u", res.error.line, res.error.column);
        tap_str(res.trace,
            "t.hsl:3:2: called from here\nt.hsl:2:16: called from here\nt.hsl:4:1: called from "
            "here",
            "and the calls that led to it");
    }
    hsl_machine_free(m);
    hsl_prog_unref(p);
}

/* One machine runs programs of different size and fate, one after the other. */
static void
test_reuse(void)
{
    static const char *const texts[] = {"global_lot", "echo $nope;", "$i = 0; forever $i++;",
        "function f() { global $g; $g = 1; } f(); echo $g;", "echo 1;"};
    struct hsl_machine *m = hsl_machine_new(env);
    struct hsl_limits l;
    struct ut_sbuf many;
    unsigned wrong = 0;

    hsl_limits_default(&l);
    l.max_instructions = 1000;
    ut_sbuf_init(&many, 100000);
    for (unsigned i = 0; i < 200; i++)
        ut_sbuf_addf(&many, "function f%u() { global $v%u; $v%u = [%u]; } f%u(); ", i, i, i, i, i);
    ut_sbuf_addz(&many, "echo $v199;");
    for (unsigned i = 0; m && i < 50; i++) {
        const char *text = i % 5 == 0 ? ut_sbuf_text(&many) : texts[i % 5];
        static const char *const want[] = {"[0=>199]", "", "", "1", "1"};
        struct ut_diag d;
        struct hsl_prog *p = compile(text, HSL_FLOW_CORE, false, &d);
        struct hsl_result res;
        struct world w;

        world_init(&w);
        if (p) {
            hsl_run(m, p, &host, &w, &l, &res);
            wrong += strcmp(ut_sbuf_text(&w.out), want[i % 5]) != 0;
            wrong += res.end != (i % 5 == 1      ? HSL_END_ERROR
                                    : i % 5 == 2 ? HSL_END_LIMIT
                                                 : HSL_END_IMPLICIT);
            wrong += m->run.heap.live != 0;
        } else {
            wrong++;
        }
        world_fini(&w);
        hsl_prog_unref(p);
    }
    tap_ok(m && wrong == 0, "a machine is as new after each run");
    ut_sbuf_fini(&many);
    hsl_machine_free(m);
}

static void
test_host(void)
{
    static const char *const text =
        "echo $senderip; echo $senderip; echo $arguments[\"list\"]; echo "
        "strlen($arguments[\"name\"]);"
        "echo isset($senderhelo) ? \"[$senderhelo]\" : \"?\";"
        "function g() { global $senderip; return $senderip; } echo g();"
        "$context[\"n\"] = ($context[\"n\"] ?? 0) + 1; $context[\"t\"] = [true, none, 1.5, \"x\"];";
    struct ut_diag d = {.text = ""};
    struct hsl_prog *p = compile(text, HSL_FLOW_HELO, false, &d);
    struct hsl_machine *m = hsl_machine_new(env);
    struct hsl_result res;
    struct world w;

    world_init(&w);
    tap_ok(p && m, "a flow compiles %s", d.text);
    if (p && m) {
        tap_ok(hsl_prog_mentions(p, "$senderip") && hsl_prog_mentions(p, "strlen") &&
                   !hsl_prog_mentions(p, "$sender"),
            "it knows what it mentions");
        tap_ok(hsl_prog_is_modern(p), "$arguments makes it modern");
        hsl_run(m, p, &host, &w, NULL, &res);
        tap_str(ut_sbuf_text(&w.out), "192.0.2.1|192.0.2.1|[0=>1,1=>true,2=>none]|3|[]|192.0.2.1",
            "variables of the host");
        tap_num(w.asked, 3, "each is asked for once");
        tap_ok(w.has_context, "$context is kept");
        hsl_run(m, p, &host, &w, NULL, &res);
        hsl_prog_unref(p);
        p = compile("echo $context;", HSL_FLOW_HELO, false, &d);
        ut_sbuf_reset(&w.out);
        if (p)
            hsl_run(m, p, &host, &w, NULL, &res);
        tap_str(ut_sbuf_text(&w.out), "[\"n\"=>2,\"t\"=>[0=>true,1=>none,2=>1.5,3=>\"x\"]]",
            "and comes back in the next run");
    }
    hsl_prog_unref(p);
    p = compile(
        "function f($g) { try { Accept(); } catch ($e) { echo 1; } } array_map(f, [1]); echo 2;",
        HSL_FLOW_RCPT, false, &d);
    ut_sbuf_reset(&w.out);
    tap_ok(p != NULL, "a script with an action compiles");
    if (p && m) {
        hsl_run(m, p, &host, &w, NULL, &res);
        tap_ok(res.end == HSL_END_FINAL && w.verdicts == 1 && w.out.len == 0,
            "a final action ends the run through callbacks and try");
    }
    world_fini(&w);
    hsl_machine_free(m);
    hsl_prog_unref(p);
}

/* --- Threads --------------------------------------------------------------------------------- */

struct job {
    struct hsl_prog *p;
    unsigned wrong;
};

static void *
work(void *arg)
{
    struct job *job = arg;
    struct hsl_machine *m = hsl_machine_new(env);

    for (unsigned i = 0; m && i < 200; i++) {
        struct hsl_result res;
        struct world w;

        world_init(&w);
        hsl_run(m, job->p, &host, &w, NULL, &res);
        job->wrong += strcmp(ut_sbuf_text(&w.out), "x=1|y,z|[0=>2,1=>[\"k\"=>\"v\"]]|10") != 0;
        world_fini(&w);
    }
    job->wrong += m == NULL;
    hsl_machine_free(m);
    return NULL;
}

static void
test_threads(void)
{
    static const char *const text =
        "$c = [1, [\"k\" => \"v\"]]; $d = $c; $d[0] = 2; $f = str_lower;"
        "echo pcre_replace(#/^(.)/, \"x\", \"X\") . \"=\" . $c[0]; echo $f(\"Y,Z\"); echo $d;"
        "$n = 0; foreach ([\"a1\", \"b22\", \"c\"] as $s) if ($s =~ #/[0-9]+/) $n += 5; echo $n;";
    struct ut_diag d;
    struct job jobs[4];
    pthread_t threads[4];
    struct hsl_prog *p = compile(text, HSL_FLOW_CORE, false, &d);
    unsigned wrong = 0, started = 0;

    for (; p && started < 4; started++) {
        jobs[started] = (struct job){.p = hsl_prog_ref(p)};
        if (pthread_create(&threads[started], NULL, work, &jobs[started]) != 0)
            break;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
        wrong += jobs[i].wrong;
        hsl_prog_unref(jobs[i].p);
    }
    tap_ok(started == 4 && wrong == 0, "threads share a program (%u wrong)", wrong);
    hsl_prog_unref(p);
}

/* --- Memory that fails -------------------------------------------------------------------------
 */

/* Runs [text] with 0, 1, 2 ... allocations until it ends well. */
static void
fail_each(const char *text)
{
    struct ut_diag d = {.text = ""};
    struct hsl_prog *p = compile(text, HSL_FLOW_CORE, false, &d);
    struct hsl_machine *m = hsl_machine_new(env);
    struct hsl_result res = {.end = HSL_END_LIMIT};
    unsigned wrong = 0;
    long n;

    for (n = 0; p && m && n < 5000 && res.end != HSL_END_IMPLICIT; n++) {
        struct world w;

        world_init(&w);
        m->fail_after = n;
        hsl_run(m, p, &host, &w, NULL, &res);
        if (res.end != HSL_END_IMPLICIT)
            wrong += res.end != HSL_END_LIMIT || strcmp(res.error.code, "L08") != 0;
        for (struct hsl_value *v = m->stack; v < m->stack + HSL_STACK_FIRST; v++)
            wrong += hsl_is_counted(v);
        world_fini(&w);
    }
    tap_ok(res.end == HSL_END_IMPLICIT && wrong == 0, "%ld allocations may fail: %.50s%s", n - 1,
        text, d.text);
    hsl_machine_free(m);
    hsl_prog_unref(p);
}

static void
test_failing_memory(void)
{
    static const char *const texts[] = {
        "$a = []; for ($i = 0; $i < 40; $i++) { $a[] = \"v$i\"; $a[\"k$i\"] = [$i]; } $b = $a; "
        "$b[\"k1\"][] = 1;",
        "function f($n) { $x = [$n, \"s$n\"]; return $n == 0 ? $x : f($n - 1) + $x; } echo f(10);",
        "function c() { $n = []; return function ($v) closure ($n) { $n[] = $v; return $n; }; } $f "
        "= c(); "
        "foreach ([1, 2, 3] as $v) echo $f(\"x$v\");",
        "try { throw [\"a\" => \"b\" . 1]; } catch ($e) { echo $e[\"a\"]; } "
        "try { echo $nope; } catch ($e) { echo $e->toString(); }",
        "$m = [\"a\" => 1]; $m[\"b\"][\"c\"][] = \"d\" . 1; $m[\"b\"][\"c\"][0] .= \"e\"; "
        "unset($m[\"a\"]); "
        "[$x, ...$r] = [\"p\" . 1, \"q\" . 2]; echo [...$r, \"z\" => $x] + $m; echo "
        "\"abcdef\"[1:3] . $x;",
        "function s(...$r) { return array_map(function ($v) { return \"<$v>\"; }, $r); } "
        "echo s(...[\"a\" . 1, \"b\" . 2]); echo array_sort(function ($a, $b) { return $a < $b; }, "
        "[3, 1, 2]);",
        "function g() { global $q; $q[] = \"x\" . 1; } g(); g(); echo $q; echo pcre_replace(#/x/, "
        "\"yy\", $q[0]);",
        "class A { private $l = [1]; static $n = [\"s\"]; readonly $d = 1; constructor($v = \"x\") "
        "{ "
        "$this->v = \"$v!\"; $this->l[] = $v . 1; A::$n[] = $v . 2; $this->v .= \"y\"; } function "
        "f() { "
        "return function () { return $this->l; }; } function toString() { return \"A\" . $this->v; "
        "} } "
        "$a = A(); $C = A; $b = $C(\"q\"); echo \"$a$b\" . $a->f()() . A::$n; $m = $b->f; echo "
        "$m()(); "
        "$a->p[\"k\"][] = $b; $a->p[\"k\"][0]->q .= \"z\" . 1; unset($a->p); $a->o = $a; echo $a; "
        "echo object [\"a\" . 1 => $b, \"t\" => function () { return $this->a1 . 1; }]->t();",
        "function g($n, ...$r) { foreach ($r as $x) yield \"k$n\" => \"v$x\"; if ($n) foreach "
        "(g($n - 1, "
        "...$r) as $k => $v) yield $k => $v . 1; } foreach (g(3, 1, 2) as $k => $v) echo \"$k$v\"; "
        "$l = []; foreach ([1, 2, 3] as $i) $l[] = g($i, $l, $i); foreach ($l[2] as $v) { echo $v; "
        "break; } "
        "try { foreach (g(1, $l[0]) as $v) throw $v . 1; } catch ($e) { echo $e; }",
        "class B { function message() { return \"m\" . 1; } } try { throw B(); } catch ($e) { echo "
        "$e->message(); } class C { function toString() { throw \"t\" . 1; } } try { echo [C()]; } "
        "catch "
        "($e) { echo $e; }",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        fail_each(texts[i]);
}

int
main(void)
{
    struct hsl_env_opts opts = {.hostname = "test.example.org"};
    struct ut_diag d;

    env = hsl_env_new(&opts, &d);
    if (!tap_ok(env != NULL, "an environment is made"))
        return tap_done();
    test_scripts();
    test_limits();
    test_deep();
    test_trace();
    test_reuse();
    test_host();
    test_threads();
    test_failing_memory();
    hsl_env_free(env);
    return tap_done();
}
