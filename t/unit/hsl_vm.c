/* hsl_vm.c - golden listings: what the compiler makes of the constructs whose speed matters. */
#include "config.h"

#include <string.h>

#include "hsl/hsl.h"
#include "t/unit/tap.h"

static const struct {
    const char *name, *text, *want;
} listings[] = {
    {"a counting loop is one jump a round", "$s = 0; for ($i = 0; $i < 10; $i++) $s += $i * 2;",
        "main#0: params 0, variables 2, registers 3\n"
        "   0   1:1   LOADK r0 0\n"
        "   1   1:9   LOADK r1 0\n"
        "   2   1:25  JNLTK r1 10 ->8\n"
        "   3   1:46  MULK t2 r1 2\n"
        "   4   1:40  ADDTO r0 r0 t2 x=2\n"
        "   5   1:9   FORLTK r1 10 ->3\n"
        "   6   1:31  INC r1\n"
        "   7   1:25  JLTK r1 10 ->3\n"
        "   8   1:9   RETK none\n"},
    {"constants are folded, what fails is not", "echo 2 * 3 . \"x\"; echo 1 / 0;",
        "main#0: params 0, variables 0, registers 1\n"
        "   0   1:1   LOADK t0 \"6x\"\n"
        "   1         ECHO t0 x=1\n"
        "   2   1:26  LOADK t0 1\n"
        "   3         DIVK t0 t0 0 x=1\n"
        "   4   1:19  ECHO t0 x=1\n"
        "   5         RETK none\n"},
    {"a call by name gives defaults and rest itself",
        "function f($a, $b = 7, ...$c) { return $a; } $x = f(1);",
        "main#0: params 0, variables 1, registers 4\n"
        "   0   1:51  LOADK t1 1\n"
        "   1         LOADK t2 7\n"
        "   2         NEWARR t3 t3 0\n"
        "   3         CALL t1 f#1 r0\n"
        "   4         RETK none\n"
        "f#1: params 3, variables 3, registers 3\n"
        "   0   1:33  RET r0\n"
        "   1         RETK none\n"},
    {"interpolation is one instruction, appending is in place",
        "$s = \"a\"; $s .= \"<$s>\"; $t = \"$s-$s\";",
        "main#0: params 0, variables 2, registers 2\n"
        "   0   1:1   LOADK r0 \"a\"\n"
        "   1   1:14  CONCATN r0 4\n"
        "   2         EXT 0 32769 0\n"
        "   3         EXT 32770 0 0\n"
        "   4   1:30  CONCATN r1 3\n"
        "   5         EXT 0 32771 0\n"
        "   6         RETK none\n"},
    {"variables of $this are loads, functions are called without being bound",
        "class A { private $n = 1; constructor($n) { $this->n = $n; } function add($x) { $this->n "
        "+= "
        "$x; return $this; } function get() { return $this->add(1)->n; } } echo "
        "A(2)->add(3)->get();",
        "main#0: params 0, variables 0, registers 2\n"
        "   0   1:164 NEW t0 A\n"
        "   1         LOADK t1 2\n"
        "   2         CALL t0 A#1 t0\n"
        "   3         LOADK t1 3\n"
        "   4         CALLM t0 \"add\" t0 x=1\n"
        "   5         CALLM t0 \"get\" t0\n"
        "   6   1:159 ECHO t0 x=1\n"
        "   7         RETK none\n"
        "A#1: params 2, variables 2, registers 2\n"
        "   0   1:50  SETSLOT r0 0 r1\n"
        "   1         RET r0\n"
        "add#2: params 2, variables 2, registers 2\n"
        "   0   1:90  SLOTOP r0 r1 _\n"
        "   1         EXT 0 0 0\n"
        "   2   1:97  RET r0\n"
        "   3         RETK none\n"
        "get#3: params 1, variables 1, registers 3\n"
        "   0   1:137 MOVE t1 r0\n"
        "   1         LOADK t2 1\n"
        "   2         CALL t1 add#2 t1\n"
        "   3   1:150 GETPROP t1 t1 \"n\" x=1\n"
        "   4         RET t1 x=1\n"
        "   5         RETK none\n"},
    {"a generator stops where it yields",
        "function g($a) { yield $a => 1; } foreach (g(1) as $v) {}",
        "main#0: params 0, variables 1, registers 3\n"
        "   0   1:44  LOADK t1 1\n"
        "   1         CALL t1 g#1 t1\n"
        "   2   1:35  ITER t1 t1 x=1\n"
        "   3         JMP ->4\n"
        "   4         NEXT t1 r0 ->4\n"
        "   5         RETK none\n"
        "g#1: params 1, variables 1, registers 2\n"
        "   0   1:10  GENERATE\n"
        "   1   1:18  LOADK t1 1\n"
        "   2         YIELD t1 t1 r0 x=1\n"
        "   3         DROP t1\n"
        "   4         RETK none\n"},
    {"a path of keys is one instruction", "$a[\"x\"][] = 1; $a[0] = 2;",
        "main#0: params 0, variables 1, registers 4\n"
        "   0   1:1   LOADK t1 \"x\"\n"
        "   1         LOADK t2 undefined\n"
        "   2         LOADK t3 1\n"
        "   3   1:8   PATHSET r0 t1 x=8\n"
        "   4   1:16  LOADK t1 2\n"
        "   5   1:18  SETIDXK r0 0 t1 x=1\n"
        "   6         RETK none\n"},
    {"a variable is checked once", "function f($a) { if ($a) $v = 1; return $v . $v; }",
        "main#0: params 0, variables 0, registers 0\n"
        "   0   1:10  RETK none\n"
        "f#1: params 1, variables 2, registers 3\n"
        "   0   1:22  JF r0 ->2\n"
        "   1   1:26  LOADK r1 1\n"
        "   2   1:41  CHECK r1 \"v\"\n"
        "   3   1:44  CONCAT t2 r1 r1\n"
        "   4         RET t2 x=1\n"
        "   5         RETK none\n"},
};

int
main(void)
{
    struct hsl_env_opts opts = {.hostname = "test.example.org"};
    struct ut_diag d;
    struct hsl_env *env = hsl_env_new(&opts, &d);

    if (!tap_ok(env != NULL, "an environment is made"))
        return tap_done();
    for (size_t i = 0; i < sizeof(listings) / sizeof(listings[0]); i++) {
        struct hsl_source src = {
            .name = "t.hsl", .text = listings[i].text, .len = strlen(listings[i].text)};
        struct ut_diag_list diags;
        struct hsl_prog *p;
        struct ut_sbuf out;

        ut_diag_list_init(&diags, 20);
        ut_sbuf_init(&out, 100000);
        p = hsl_compile(env, &src, &diags);
        if (p)
            hsl_prog_disassemble(p, &out);
        tap_str(ut_sbuf_text(&out), listings[i].want, listings[i].name);
        ut_sbuf_fini(&out);
        hsl_prog_unref(p);
        ut_diag_list_fini(&diags);
    }
    hsl_env_free(env);
    return tap_done();
}
