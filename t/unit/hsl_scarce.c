/* hsl_scarce.c - memory that fails while scripts are compiled and run: each allocation in turn,
 * alone or with all after it, the run's heap and everything else. Each time the answer is the right
 * one or a clean error that says so, and nothing is left allocated.
 *
 * The linker puts the __wrap_ functions below in place of the system's for all of our own code
 * (hsl/local.mk). They also know every block that is alive.
 *
 *     t/unit/hsl_scarce [FILE ...]     other scripts instead of those below */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "hsl/hsl.h"
#include "hsl/hsl_host.h"
#include "hsl/hsl_session.h"
#include "hsl/hsl_vm.h"
#include "lib/ut_file.h"
#include "lib/ut_sbuf.h"
#include "t/unit/tap.h"

/* --- Memory ---------------------------------------------------------------------------------- */

#define LIVE_MAX (1u << 20)

static long countdown_ = -1; /* allocations until one fails; negative: none does */
static bool for_good_;       /* ... and all after it */
static long seen_;           /* allocations so far */
static void *live_[LIVE_MAX];
static long live_count_;

/* True if this allocation fails. */
static bool
fails(void)
{
    seen_++;
    if (countdown_ < 0)
        return false;
    if (countdown_ > 0) {
        countdown_--;
        return false;
    }
    if (!for_good_)
        countdown_ = -1;
    errno = ENOMEM;
    return true;
}

static size_t
live_place(const void *p)
{
    size_t i = (size_t)(((uintptr_t)p >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 44);

    while (live_[i] && live_[i] != p)
        i = (i + 1) % LIVE_MAX;
    return i;
}

static void *
born(void *p)
{
    if (p) {
        live_[live_place(p)] = p;
        live_count_++;
    }
    return p;
}

static void
dead(const void *p)
{
    size_t i = live_place(p);

    if (!p || !live_[i])
        return; /* made by a library */
    live_count_--;
    for (live_[i] = NULL;
         live_[i = (i + 1) % LIVE_MAX];) { /* moves up what it stood in the way of */
        void *other = live_[i];

        live_[i] = NULL;
        live_[live_place(other)] = other;
    }
}

#define WRAP(type, name, params, args)                                                             \
    type __real_##name params;                                                                     \
    type __wrap_##name params;                                                                     \
    type __wrap_##name params                                                                      \
    {                                                                                              \
        return fails() ? NULL : born(__real_##name args);                                          \
    }

WRAP(void *, malloc, (size_t size), (size))
WRAP(void *, calloc, (size_t count, size_t size), (count, size))
WRAP(char *, strdup, (const char *s), (s))
WRAP(char *, strndup, (const char *s, size_t len), (s, len))
WRAP(char *, realpath, (const char *path, char *resolved), (path, resolved))

void
__real_free(void *p);
void
__wrap_free(void *p);
void
__wrap_free(void *p)
{
    dead(p);
    __real_free(p);
}

void *
__real_realloc(void *p, size_t size);
void *
__wrap_realloc(void *p, size_t size);
void *
__wrap_realloc(void *p, size_t size)
{
    void *moved;

    if (fails())
        return NULL;
    dead(p);
    moved = __real_realloc(p, size);
    return born(moved ? moved : p) == moved ? moved : NULL;
}

void *
__wrap_reallocarray(void *p, size_t count, size_t size);
void *
__wrap_reallocarray(void *p, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size) {
        errno = ENOMEM;
        return NULL;
    }
    return __wrap_realloc(p, count * size);
}

pcre2_code *
__real_pcre2_compile_8(PCRE2_SPTR8 p, PCRE2_SIZE len, uint32_t o, int *error, PCRE2_SIZE *at,
    pcre2_compile_context *c);
pcre2_code *
__wrap_pcre2_compile_8(PCRE2_SPTR8 p, PCRE2_SIZE len, uint32_t o, int *error, PCRE2_SIZE *at,
    pcre2_compile_context *c);
pcre2_code *
__wrap_pcre2_compile_8(
    PCRE2_SPTR8 p, PCRE2_SIZE len, uint32_t o, int *error, PCRE2_SIZE *at, pcre2_compile_context *c)
{
    if (!fails())
        return __real_pcre2_compile_8(p, len, o, error, at, c);
    *error = PCRE2_ERROR_HEAP_FAILED;
    *at = 0;
    return NULL;
}

#define WRAP_PCRE2(type, name, params, args)                                                       \
    type *__real_##name params;                                                                    \
    type *__wrap_##name params;                                                                    \
    type *__wrap_##name params                                                                     \
    {                                                                                              \
        return fails() ? NULL : __real_##name args;                                                \
    }

WRAP_PCRE2(pcre2_compile_context, pcre2_compile_context_create_8, (pcre2_general_context * g), (g))
WRAP_PCRE2(pcre2_match_context, pcre2_match_context_create_8, (pcre2_general_context * g), (g))
WRAP_PCRE2(
    pcre2_match_data, pcre2_match_data_create_8, (uint32_t n, pcre2_general_context *g), (n, g))

/* --- One script ------------------------------------------------------------------------------ */

#define OUT_MAX 65536

struct attempt {
    char out[OUT_MAX]; /* what it echoed, cut; no memory of its own: that is scarce */
    size_t len;
    bool compiled;
    char compile_error[800];
    size_t compile_errors;
    struct hsl_result result;
};

static char folder_[] = "/tmp/penstock-scarce-XXXXXX";

static void
note(void *arg, int level, const char *text, size_t len, const struct hsl_place *place)
{
    struct attempt *a = arg;

    (void)level;
    (void)place;
    if (len > OUT_MAX - 1 - a->len)
        len = OUT_MAX - 1 - a->len;
    memcpy(a->out + a->len, text, len);
    a->len += len;
}

static const struct hsl_host host_ = {.log = note};

static void
run_in(struct attempt *a, struct hsl_env *env, struct hsl_prog *p, long heap)
{
    struct hsl_machine *m = hsl_machine_new(env);

    if (m) {
        m->fail_after = heap;
        hsl_run(m, p, &host_, a, NULL, &a->result);
    } else {
        a->result.end = HSL_END_LIMIT;
        (void)ut_diag_set(&a->result.error, "no memory for a machine");
    }
    hsl_machine_free(m);
}

/* What the compiler said last, which is what stopped it. */
static void
keep_errors(struct attempt *a, const struct ut_diag_list *diags)
{
    a->compile_errors = diags->errors;
    (void)snprintf(a->compile_error, sizeof(a->compile_error), "no memory even to say so");
    for (size_t i = 0; i < diags->count; i++)
        if (diags->items[i].level == UT_DIAG_ERROR)
            (void)snprintf(a->compile_error, sizeof(a->compile_error), "%s", diags->items[i].text);
}

static void
run_whole(struct attempt *a, struct hsl_env *env, const char *text, size_t len, long heap)
{
    struct hsl_source src = {.name = "t.hsl", .text = text, .len = len, .flow = HSL_FLOW_CORE};
    struct ut_diag_list diags;
    struct hsl_prog *p;

    ut_diag_list_init(&diags, 20);
    p = hsl_compile(env, &src, &diags);
    keep_errors(a, &diags);
    ut_diag_list_fini(&diags);
    a->compiled = p != NULL;
    if (p)
        run_in(a, env, p, heap);
    hsl_prog_unref(p);
}

/* One step of [s]; false: nothing was done, or it ended with an error. */
static bool
run_step(struct attempt *a, struct hsl_session *s, const char *text, size_t len)
{
    struct ut_diag_list diags;
    struct ut_sbuf value;

    ut_diag_list_init(&diags, 20);
    ut_sbuf_init(&value, OUT_MAX);
    a->compiled = hsl_session_step(s, "t.hsl", text, len, true, &host_, a, &a->result, &value,
                      &diags) == HSL_STEP_DONE;
    note(a, 0, ut_sbuf_text(&value), value.len, NULL);
    keep_errors(a, &diags);
    if (value.failed) {
        a->result.end = HSL_END_LIMIT;
        (void)ut_diag_set(&a->result.error, "no memory for the value");
    }
    ut_sbuf_fini(&value);
    ut_diag_list_fini(&diags);
    return a->compiled && a->result.end == HSL_END_IMPLICIT;
}

/* Each line is a step of a session. One that failed leaves the session whole. */
static void
run_steps(struct attempt *a, struct hsl_env *env, const char *text)
{
    static struct attempt after;
    struct hsl_limits limits;
    struct hsl_session *s;

    hsl_limits_default(&limits);
    s = hsl_session_new(env, &limits);
    (void)snprintf(a->compile_error, sizeof(a->compile_error), "no memory for a session");
    while (s && *text) {
        size_t len = strcspn(text, "\n");

        if (!run_step(a, s, text, len))
            break;
        text += len + (text[len] == '\n');
    }
    countdown_ = -1;
    after.len = 0;
    if (s && (!run_step(&after, s, "6 * 7", 5) || after.len != 2))
        note(a, 0, "(the session is broken)", 23, NULL);
    hsl_session_free(s);
}

static bool stepwise_; /* lines are steps */

/* Everything from an environment to its end. [heap]: allocations that the run's heap has. */
static void
attempt(struct attempt *a, const char *text, size_t len, long heap)
{
    struct hsl_env_opts opts = {.flow_dir = folder_, .data_dir = folder_, .hostname = "host"};
    struct ut_diag d = {.text = ""};
    struct hsl_env *env = hsl_env_new(&opts, &d);

    a->len = 0;
    a->compile_errors = 1;
    a->compiled = false;
    (void)snprintf(a->compile_error, sizeof(a->compile_error), "%s", d.text);
    if (env && stepwise_)
        run_steps(a, env, text);
    else if (env)
        run_whole(a, env, text, len, heap);
    hsl_env_free(env);
    a->out[a->len] = '\0';
}

static bool
says_memory(const char *text)
{
    return strstr(text, "memory") || strstr(text, "store of shared values is full") ||
           strstr(text, "(text not made)"); /* an exception that nobody caught */
}

/* The right answer, or a clean error that names memory. */
static bool
is_clean(const struct attempt *got, const struct attempt *want)
{
    if (strstr(got->out, "(the session is broken)"))
        return false;
    if (!got->compiled)
        return got->compile_errors > 0 && (!want->compiled || says_memory(got->compile_error));
    if (got->result.end == HSL_END_LIMIT || got->result.end == HSL_END_ERROR)
        return says_memory(got->result.error.text) ||
               (got->result.end == want->result.end &&
                   strcmp(got->result.error.text, want->result.error.text) == 0);
    return got->result.end == want->result.end && strcmp(got->out, want->out) == 0;
}

static void
complain(const struct attempt *got, const char *what, long n)
{
    printf("# %s %ld fails: %s: %s\n", what, n, got->compiled ? "run" : "compile",
        !got->compiled ? got->compile_error
        : got->result.end == HSL_END_LIMIT || got->result.end == HSL_END_ERROR
            ? got->result.error.text
            : got->out);
}

enum scarcity { ONE, ALL_AFTER, HEAP };

/* Lets allocation [first], [first] + [step] ... of [total] fail. The number of bad answers. */
static unsigned
starve(const char *text, size_t len, const struct attempt *want, enum scarcity how, long total,
    long step)
{
    static const char *const names[] = {"one allocation:", "all from allocation", "of the heap:"};
    static struct attempt got;
    bool enough = how != HEAP;
    unsigned bad = 0;

    for (long n = 0; n < total && bad < 3; n += step) {
        long before = live_count_;

        memset(&got, 0, sizeof(got));
        for_good_ = how == ALL_AFTER;
        countdown_ = how == HEAP ? -1 : n;
        attempt(&got, text, len, how == HEAP ? n : -1);
        countdown_ = -1;
        if (live_count_ != before)
            printf("# %ld blocks are left\n", live_count_ - before);
        if (live_count_ != before || !is_clean(&got, want)) {
            bad++;
            complain(&got, names[how], n);
        }
        enough = enough || !got.compiled || got.result.end == want->result.end;
        if (how == HEAP && enough)
            break; /* it needs no more */
    }
    return bad + !enough;
}

static void
try_script(const char *name, const char *text, size_t len, long most, bool compiles)
{
    static struct attempt want;
    long total, step;
    unsigned bad;

    attempt(&want, text, len, -1); /* what is made once per process is made now */
    memset(&want, 0, sizeof(want));
    seen_ = 0;
    attempt(&want, text, len, -1);
    total = seen_;
    step = total / most + 1;
    bad = starve(text, len, &want, ONE, total, step);
    bad += starve(text, len, &want, ALL_AFTER, total, step);
    if (!stepwise_)
        bad += starve(text, len, &want, HEAP, 3 * most, 1);
    tap_ok(bad == 0 && total > 0 && want.compiled == compiles, "%.60s: any of %ld allocations may fail", name, total);
}

/* --- Scripts --------------------------------------------------------------------------------- */

static const struct {
    const char *name, *content;
} files[] = {
    {"part.hsl", "function part($x) { return \"<$x>\"; } $shared = [1, \"two\"];"},
    {"mod.hsl", "$count = 5; function twice($x) { return $x . $x; } class Box { $v = []; "
                "constructor($x) { $this->v[] = $x; } }"},
    {"words.txt", "alpha one two\nbeta three\ngamma\n"},
    {"many.txt", "w10\nw11\nw12\nw13\nw14\nw15\nw16\nw17\nw18\nw19\nw20\nw21\nw22\nw23\n"
                 "w24\nw25\nw26\nw27\nw28\nw29\nw30\nw31\nw32\nw33\nw34\nw35\nw36\nw37\n"
                 "w38\nw39\nw40\nw41\nw42\nw43\nw44\nw45\nw46\nw47\nw48\nw49\n"},
    {"table.csv", "name,place\nann,here\n\"bob, b\",there\n"},
    {"data.json", "{\"k\": [1, 2, {\"deep\": \"value\"}], \"t\": true}"},
};

static const char *const scripts[] = {
    "$a = []; for ($i = 0; $i < 40; $i++) { $a[] = \"v$i\"; $a[\"k$i\"] = [$i]; } $b = $a; "
    "$b[\"k1\"][] = 1; echo $b;",
    "function f($n) { $x = [$n, \"s$n\"]; return $n == 0 ? $x : f($n - 1) + $x; } echo f(10);",
    "function c() { $n = []; return function ($v) closure ($n) { $n[] = $v; return $n; }; } "
    "$f = c(); foreach ([1, 2, 3] as $v) echo $f(\"x$v\");",
    "try { throw [\"a\" => \"b\" . 1]; } catch ($e) { echo $e[\"a\"]; } function t() { throw "
    "Exception(\"text\"); } try { t(); } catch ($e) { echo $e->toString(); } echo 1 / 0;",
    "$m = [\"a\" => 1]; $m[\"b\"][\"c\"][] = \"d\" . 1; $m[\"b\"][\"c\"][0] .= \"e\"; "
    "unset($m[\"a\"]); "
    "[$x, ...$r] = [\"p\" . 1, \"q\" . 2]; echo [...$r, \"z\" => $x] + $m; echo \"abcdef\"[1:3] . "
    "$x; "
    "[\"k\" => $k = 5, \"l\" => [$l]] = [\"l\" => [7]]; echo $k + $l;",
    "function s(...$r) { return array_map(function ($v) { return \"<$v>\"; }, $r); } "
    "echo s(...[\"a\" . 1, \"b\" . 2]); echo array_sort(function ($a, $b) { return $a < $b; }, [3, "
    "1, 2]);",
    "function g() { global $q; $q[] = \"x\" . 1; } g(); g(); echo $q; echo pcre_replace(#/x/, "
    "\"yy\", "
    "$q[0]); echo \"a1b2\" =~ \"[0-9]\" . \"b\"; echo pcre_match_all(\"(?<n>[a-z])(\\\\d)\", "
    "\"a1b2\");",
    "switch (\"b\" . 1) { case \"a1\": echo 1; break; case \"b1\": echo 2; case \"c1\": echo 3; "
    "break; "
    "default: echo 4; } echo match (3) { 1, 2 => \"low\", 3 => \"mid\" . 1, default => \"high\" }; "
    "$i = 0; while (true) { if ($i++ > 3) break; if ($i == 2) continue; echo \"i$i\"; }",
    "include \"part.hsl\"; include_once \"part.hsl\"; echo part($shared[1]);",
    "import { twice, $count as $n, Box } from \"mod\"; import * as m from \"mod\"; echo "
    "twice(\"a$n\") . "
    "m::twice(\"b\"); echo Box(\"x\")->v;",
    "echo in_file(\"beta\", \"file://words.txt\"); echo file(\"file://words.txt\"); echo "
    "in_file(\"ann\", "
    "\"file://table.csv\", [\"type\" => \"text/csv\"]);",
    /* The second found nothing in an index that there was no memory to finish. */
    "echo in_file(\"w10\", \"file://many.txt\"); echo in_file(\"w49\", \"file://many.txt\");",
    "class A { private $l = [1]; static $n = [\"s\"]; readonly $d = 1; constructor($v = \"x\") { "
    "$this->v = \"$v!\"; $this->l[] = $v . 1; A::$n[] = $v . 2; } function f() { return function "
    "() { "
    "return $this->l; }; } function toString() { return \"A\" . $this->v; } } $a = A(); $C = A; "
    "$b = $C(\"q\"); echo \"$a$b\" . $a->f()() . A::$n; $m = $b->f; echo $m()(); $a->p[\"k\"][] = "
    "$b; "
    "$a->p[\"k\"][0]->q = \"z\" . 1; unset($a->p); $a->o = $a; echo $a; echo object [\"a\" . 1 => "
    "$b, "
    "\"t\" => function () { return $this->a1 . 1; }]->t();",
    "function g($n, ...$r) { foreach ($r as $x) yield \"k$n\" => \"v$x\"; if ($n) foreach (g($n - "
    "1, "
    "...$r) as $k => $v) yield $k => $v . 1; } foreach (g(3, 1, 2) as $k => $v) echo \"$k$v\"; $l "
    "= []; "
    "foreach ([1, 2, 3] as $i) $l[] = g($i, $l, $i); foreach ($l[2] as $v) { echo $v; break; }",
    "function slow($x) { return [\"r\" => \"$x!\"]; } echo cache [] slow(1); echo cache [\"size\" "
    "=> 2] "
    "slow(1); echo cache [\"namespace\" => \"n\", \"ttl_function\" => function ($r) { return 5; }] "
    "slow(\"y\");",
    "barrier \"ctr\" => $v { $v = isset($v) ? $v : [\"a\" => \"b\" . 1]; echo $v; } barrier \"c\" "
    ". 1 { echo 2; }",
    "echo \"%s %5.2f %x\" % [\"a\" . 1, 1.5, 255]; echo json_encode([\"a\" => [1, none, "
    "\"\\xc3\\xa9\"]]); "
    "echo base64_encode(\"ab\") . url_encode(\"a b\") . sha1(\"x\") . "
    "mimeword_encode(\"\\xc3\\xa9\"); "
    "echo pack(\"nZ*\", 5, \"x\" . 1); echo str_replace(\"a\", \"bb\", \"banana\") . "
    "str_split(\"a,b\", \",\");",
    "echo array_unique([1, \"a\", [2], [2], 1]); echo array_combine([\"a\" . 1, \"b\"], [1, 2]); "
    "echo array_filter(function ($x) { return $x > 1; }, [1, 2, 3]); echo [1, \"a\", [2]] - [1, "
    "[2]]; "
    "echo array_reverse([\"x\" => \"y\" . 1]); echo header_addresslist_extract(\"a@b, C <c@d>\", "
    "[\"name\" => true]);",
    "$s = \"x\"; for ($i = 0; $i < 15; $i++) $s .= $s; echo length($s); $t = $s; $t .= \"y\"; echo "
    "$t[-1:]; "
    "$a = range(1, 3000); $b = $a; $b[] = 1; echo count($b); $a[\"k\"] = 1; $c = $a[5:9]; echo $c;",
    "echo \"a\" * 10 . \"!\" =~ \"^(?:a+)+[0-9]\"; echo \"a1\" =~ #/[0-9]/;",
    "echo 1 +; foo(); $x = \"unterminated",
};

/* Each line is a step. */
static const char *const sessions[] = {
    "$a = [1, \"two\" . 2]\nfunction f($x) { global $a; $a[] = \"<$x>\"; return $a; }\nf(\"y\")\n"
    "function f($x) { return \"new$x\"; }\nf(3) . $a[1]\n$a",
    "class C { static $n = []; $v = \"v\"; function m() { static::$n[] = 1; return $this->v; } }\n"
    "$c = C()\n$c->m() . $c->m()\nC::$n\nclass C { $v = \"w\"; }\n[$c->m(), C()->v]",
    "import { twice, $count as $n, Box } from \"mod\";\ninclude \"part.hsl\"\ntwice(part($n))\n"
    "$n++; $b = Box($n)\n$b->v",
    "function g($n) { while ($n--) yield \"k$n\" => \"v$n\"; }\n$g = g(3)\nforeach ($g as $k => "
    "$v) { "
    "echo \"$k$v\"; break; }\n$f = function ($x) closure ($g) { foreach ($g as $v) $x .= $v; "
    "return "
    "$x; }\n$f(\"r\")\nbarrier \"b\" => $s { $s = [$v]; }\n"
    "function twenty($x) { return [\"r\" . $x]; }\ncache [] twenty(1)\n",
};

static void
write_files(void)
{
    struct ut_diag d;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[200];
        FILE *f;

        (void)snprintf(path, sizeof(path), "%s/%s", folder_, files[i].name);
        f = fopen(path, "w");
        if (!f || fputs(files[i].content, f) < 0 || fclose(f) != 0)
            tap_ok(false, "%s", ut_diag_errno(&d, "%s", path) ? d.text : "");
    }
}

static void
remove_files(void)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[200];

        (void)snprintf(path, sizeof(path), "%s/%s", folder_, files[i].name);
        (void)unlink(path);
    }
    (void)rmdir(folder_);
}

static void
try_file(const char *path)
{
    struct ut_sbuf text;
    struct ut_diag d;

    ut_sbuf_init(&text, (size_t)4 << 20);
    if (ut_file_read(path, (size_t)4 << 20, &text, &d) == 0)
        try_script(path, ut_sbuf_text(&text), text.len, 60,
            !strstr(ut_sbuf_text(&text), "// expect compile error"));
    else
        tap_ok(false, "%s", d.text);
    ut_sbuf_fini(&text);
}

/* L08, the message of all this. */
static void
try_message(void)
{
    static const char script[] = "$s = \"a\"; $s .= \"b\" * 100;";
    static struct attempt got;
    struct ut_sbuf text;

    attempt(&got, script, sizeof(script) - 1, 0);
    ut_sbuf_init(&text, 4096);
    ut_diag_to_text(&got.result.error, &text);
    tap_num(got.result.end, HSL_END_LIMIT, "without memory a run ends by a limit");
    tap_str(got.result.error.code, "L08", "... of its own");
    tap_str(ut_sbuf_text(&text), "t.hsl:1:21: limit: out of memory", "... with its text and place");
    ut_sbuf_fini(&text);
}

int
main(int argc, char **argv)
{
    if (!mkdtemp(folder_))
        return 1;
    write_files();
    for (int i = 1; i < argc; i++)
        try_file(argv[i]);
    for (size_t i = 0; argc == 1 && i < sizeof(scripts) / sizeof(scripts[0]); i++)
        try_script(scripts[i], scripts[i], strlen(scripts[i]), 400,
            i + 1 < sizeof(scripts) / sizeof(scripts[0])); /* the last one has errors */
    try_message();
    stepwise_ = true;
    for (size_t i = 0; argc == 1 && i < sizeof(sessions) / sizeof(sessions[0]); i++)
        try_script(sessions[i], sessions[i], strlen(sessions[i]), 400, true);
    remove_files();
    return tap_done();
}
