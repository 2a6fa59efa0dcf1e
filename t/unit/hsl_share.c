/* hsl_share.c - what outlives runs, with several runs and threads: results kept by cache, locks and
 * values of barriers. What one script alone can see is in t/hsl/language/{cache,barrier}*.hsl. */
#include "config.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hsl/hsl_cache_store.h"
#include "hsl/hsl_env.h"
#include "hsl/hsl_share.h"
#include "hsl/hsl_vm.h"
#include "lib/ut_file.h"
#include "lib/ut_time.h"
#include "t/unit/tap.h"

#define THREADS 8

static struct hsl_env *env;
static char dir[] = "/tmp/hsl_share.XXXXXX";

/* --- Running --------------------------------------------------------------------------------- */

struct world {
    struct ut_sbuf out; /* echoed records, joined by | */
    const char *message;
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

    if (strcmp(name, "messageid") != 0 || !w->message)
        return false;
    hsl_build_strz(b, w->message);
    return true;
}

static bool
world_verdict(void *arg, const struct hsl_verdict *v, struct ut_diag *why)
{
    (void)arg;
    (void)v;
    (void)why;
    return true;
}

static const struct hsl_host host = {.log = world_log, .var = world_var, .verdict = world_verdict};

static struct hsl_prog *
compile(const char *text, enum hsl_flow flow)
{
    struct hsl_source src = {.name = "t.hsl", .text = text, .len = strlen(text), .flow = flow};
    struct ut_diag_list diags;
    struct hsl_prog *p;

    ut_diag_list_init(&diags, 20);
    p = hsl_compile(env, &src, &diags);
    if (!p && diags.count > 0)
        printf("# %s\n", diags.items[0].text);
    ut_diag_list_fini(&diags);
    return p;
}

/* What the script printed, and how it ended: "1|2", "1|final", "limit: ...". */
static void
run_with(const char *text, enum hsl_flow flow, const char *message, const struct hsl_limits *limits,
    struct ut_sbuf *result)
{
    struct hsl_prog *p = compile(text, flow);
    struct hsl_machine *m = hsl_machine_new(env);
    struct hsl_result res = {.end = HSL_END_ERROR};
    struct world w = {.message = message};

    ut_sbuf_init(&w.out, 100000);
    if (p && m)
        hsl_run(m, p, &host, &w, limits, &res);
    ut_sbuf_reset(result);
    ut_sbuf_add(result, ut_sbuf_text(&w.out), w.out.len);
    if (res.end != HSL_END_IMPLICIT)
        ut_sbuf_addf(result, "%s%s", w.out.len ? "|" : "",
            res.end == HSL_END_FINAL ? "final" : res.error.text);
    ut_sbuf_fini(&w.out);
    hsl_machine_free(m);
    hsl_prog_unref(p);
}

static void
expect_in(
    enum hsl_flow flow, const char *message, const char *text, const char *want, const char *name)
{
    struct ut_sbuf got;

    ut_sbuf_init(&got, 100000);
    run_with(text, flow, message, NULL, &got);
    tap_str(ut_sbuf_text(&got), want, name);
    ut_sbuf_fini(&got);
}

static void
expect(const char *text, const char *want, const char *name)
{
    expect_in(HSL_FLOW_CORE, NULL, text, want, name);
}

/* --- cache ----------------------------------------------------------------------------------- */

#define IN_MESSAGE                                                                                 \
    "function f($x) { echo \"called\"; return $x; }"                                               \
    "echo cache [\"per_message\" => true] f(1);"

static void
test_messages(void)
{
    size_t memory, entries;

    expect_in(HSL_FLOW_RCPT, "m1", IN_MESSAGE, "called|1", "per_message: the first run calls");
    expect_in(HSL_FLOW_RCPT, "m1", IN_MESSAGE, "1", "the second of the same message does not");
    expect_in(HSL_FLOW_MAIL, "m1", IN_MESSAGE, "1", "nor in another flow");
    expect_in(HSL_FLOW_MAIL, "m2", IN_MESSAGE, "called|1", "another message is another bucket");
    hsl_message_done(env, "m1");
    expect_in(HSL_FLOW_RCPT, "m1", IN_MESSAGE, "called|1", "it goes with its message");
    expect_in(HSL_FLOW_RCPT, "m2", IN_MESSAGE, "1", "... and only with that");
    hsl_message_done(env, "m1");
    hsl_message_done(env, "m2");
    hsl_message_done(env, "m2");
    hsl_cache_usage(env->cache, &memory, &entries);
    tap_ok(memory == 0 && entries == 0, "then nothing is left (%zu bytes)", memory);
    expect_in(HSL_FLOW_ACCESS, NULL, IN_MESSAGE, "called|1", "without a message: a normal cache");
    expect_in(HSL_FLOW_ACCESS, NULL, IN_MESSAGE, "1", "... that keeps");
}

#define OF_FILE                                                                                    \
    "$n = 0; function f($x) { echo \"called\"; return $x; }"                                       \
    "echo cache [\"namespace\" => \"file:list\"] f(1);"

static void
write_list(const char *text)
{
    char path[200];
    FILE *f;

    snprintf(path, sizeof(path), "%s/list", dir);
    f = fopen(path, "w");
    if (!f || fputs(text, f) == EOF || fclose(f) != 0)
        exit(1);
}

static void
test_file(void)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/list", dir);
    write_list("one");
    expect(OF_FILE, "called|1", "a namespace of a file");
    expect(OF_FILE, "1", "is kept");
    write_list("three");
    expect(OF_FILE, "called|1", "and emptied when the file changes");
    expect(OF_FILE, "1", "... once");
    (void)unlink(path);
    expect(OF_FILE, "called|1", "or when it goes");
    expect(OF_FILE, "1", "... once");
}

/* A final action in the function, and a limit: nothing is kept. */
static void
test_ends(void)
{
    static const char *const act =
        "function act($x) { echo \"called\"; Reject(\"no\"); } cache [] act(1);";
    static const char *const over =
        "function g($x) { echo \"called\"; forever { } } cache [] g(1);";

    for (int i = 0; i < 2; i++) {
        expect_in(HSL_FLOW_RCPT, "m", act, "called|final", "an action is not kept");
        expect(over, "called|limit: instruction budget (20000000) exceeded", "nor is a limit");
    }
}

struct job {
    const char *text;
    struct hsl_prog *p;
    unsigned rounds, wrong;
};

static void *
work(void *arg)
{
    struct job *job = arg;
    struct hsl_machine *m = hsl_machine_new(env);

    for (unsigned i = 0; m && i < job->rounds; i++) {
        struct world w = {.message = NULL};
        struct hsl_result res;

        ut_sbuf_init(&w.out, 10000);
        hsl_run(m, job->p, &host, &w, NULL, &res);
        job->wrong += res.end != HSL_END_IMPLICIT || w.out.len != 0;
        ut_sbuf_fini(&w.out);
    }
    job->wrong += !m;
    hsl_machine_free(m);
    return NULL;
}

/* Runs [text] [rounds] times in each thread; it prints something if anything is wrong. */
static void
run_threads(const char *text, unsigned rounds, const char *name)
{
    struct hsl_prog *p = compile(text, HSL_FLOW_CORE);
    struct job jobs[THREADS];
    pthread_t threads[THREADS];
    unsigned wrong = 0, started = 0;

    for (; p && started < THREADS; started++) {
        jobs[started] = (struct job){.p = p, .rounds = rounds};
        if (pthread_create(&threads[started], NULL, work, &jobs[started]) != 0)
            break;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
        wrong += jobs[i].wrong;
    }
    tap_ok(started == THREADS && wrong == 0, "%s (%u wrong)", name, wrong);
    hsl_prog_unref(p);
}

static void
test_bounds(void)
{
    struct hsl_cache *c = hsl_cache_new(20000, 50);
    struct hsl_cache_where w = {.bucket = {"b", 1}};
    struct hsl_cache_entry *e;
    struct hsl_text value = {"0123456789", 10}, large;
    size_t memory, entries, most = 0;
    bool fresh;

    if (!c)
        exit(1);
    for (int i = 0; i < 2000; i++) {
        char key[20], bucket[20];

        snprintf(key, sizeof(key), "k%d", i);
        snprintf(bucket, sizeof(bucket), "b%d", i % 300);
        w.key = (struct hsl_text){key, strlen(key)};
        w.bucket = (struct hsl_text){bucket, strlen(bucket)};
        hsl_cache_put(c, &w, &value, 1, 2, 1000000, true);
        hsl_cache_usage(c, &memory, &entries);
        most = entries > most ? entries : most;
    }
    tap_ok(most == 50 && entries == 50, "never more than cache_entries (%zu)", most);
    large.p = calloc(1, 15000);
    large.len = 15000;
    w.bucket = (struct hsl_text){"b", 1};
    w.key = (struct hsl_text){"large", 5};
    hsl_cache_put(c, &w, &large, 1, 2, 100, true);
    hsl_cache_usage(c, &memory, &entries);
    tap_ok(memory <= 20000 && entries < 50, "never more than cache_memory (%zu)", memory);
    e = hsl_cache_get(c, &w, 100, 1.5, &fresh);
    tap_ok(e && fresh && hsl_cache_value(e).len == 15000, "the newest is there");
    large.len = 30000;
    hsl_cache_put(c, &w, &large, 1, 2, 100, true);
    hsl_cache_free(c);
    tap_ok(e && hsl_cache_value(e).p[14999] == '\0', "who reads a value keeps it");
    hsl_cache_unref(e);
    free((void *)(uintptr_t)large.p);
}

static void
test_cache_threads(void)
{
    run_threads("function threads($x) { return [\"v\" => $x, \"s\" => \"text $x\"]; }"
                "for ($i = 0; $i < 200; $i++) { $k = random_number(0, 60);"
                "$r = cache [\"size\" => 40, \"ttl\" => $k % 3 == 0 ? 0.001 : 60] threads($k);"
                "if ($r[\"v\"] !== $k or $r[\"s\"] != \"text $k\") echo \"wrong $k $r\"; }",
        20, "threads share results");
}

/* --- barrier --------------------------------------------------------------------------------- */

static void
test_actions(void)
{
    expect_in(HSL_FLOW_RCPT, "m", "barrier \"act\" => $v { $v = 1; Reject(\"no\"); }", "final",
        "an action inside");
    expect("barrier \"act\" => $v { echo $v; }", "1", "stores the value");
    expect_in(HSL_FLOW_RCPT, "m",
        "function f($x) { barrier \"act\" => $v { $v += $x; Reject(\"no\"); } }"
        "barrier \"outer\" => $o { $o = \"o\"; array_map(function ($x) { try { f($x); } catch ($e) "
        "{ } }, [4, 5]); }",
        "final", "also out of callbacks");
    expect("barrier \"act\" => $v { echo $v; } barrier \"outer\" => $o { echo $o; }", "5|o",
        "stores both values");
    expect_in(HSL_FLOW_RCPT, "m", "barrier \"act\" => $v { $v = function () {}; Reject(\"no\"); }",
        "final", "with a value that cannot be stored");
    expect("barrier \"act\" => $v { echo $v; }", "5", "the one of before stays");
    expect_in(HSL_FLOW_RCPT, "m", "barrier \"act\" => $v { unset($v); Reject(\"no\"); }", "final",
        "an action after unset()");
    expect("barrier \"act\" => $v { echo isset($v); }", "false", "removes it");
}

static void
test_errors(void)
{
    expect("barrier \"e\" => $v { $v = 1; forever { } }",
        "limit: instruction budget (20000000) exceeded", "a limit inside");
    expect("barrier \"e\" => $v { echo isset($v); $v = 2; throw Exception(\"x\"); }",
        "false|uncaught exception: x", "stores nothing; an exception that nobody catches");
    expect("barrier \"e\" => $v { echo isset($v); }", "false", "stores nothing; the lock is free");
}

static void *
hold(void *arg)
{
    struct ut_sbuf got;

    ut_sbuf_init(&got, 10000);
    run_with(arg, HSL_FLOW_CORE, NULL, NULL, &got);
    ut_sbuf_fini(&got);
    return NULL;
}

static void
test_waiting(void)
{
    static char text[] = "barrier \"w\" => $v { $v = \"first\"; sleep(3); }";
    static const char *const want = "barrier \"w\" => $v { echo $v; }";
    struct hsl_limits limits;
    pthread_t thread;
    struct ut_sbuf got;
    double start;

    ut_sbuf_init(&got, 10000);
    if (pthread_create(&thread, NULL, hold, text) != 0)
        exit(1);
    hsl_limits_default(&limits);
    limits.barrier_wait = 0.05;
    start = ut_time_mono();
    do /* until the other is in */
        run_with(want, HSL_FLOW_CORE, NULL, &limits, &got);
    while (strncmp(ut_sbuf_text(&got), "limit", 5) != 0 && ut_time_mono() - start < 20);
    start = ut_time_mono();
    tap_str(ut_sbuf_text(&got), "limit: wait for barrier w (0.05 s) exceeded", "barrier_wait");
    limits.barrier_wait = 10;
    limits.max_time = 0.05;
    run_with(want, HSL_FLOW_CORE, NULL, &limits, &got);
    tap_str(ut_sbuf_text(&got), "limit: time (0.05 s) exceeded", "max_time counts waiting");
    tap_ok(ut_time_mono() - start < 2, "it waits no longer (%.2f s)", ut_time_mono() - start);
    run_with(want, HSL_FLOW_CORE, NULL, NULL, &got);
    tap_str(ut_sbuf_text(&got), "first", "who waits long enough gets in");
    pthread_join(thread, NULL);
    ut_sbuf_fini(&got);
}

static void
test_barrier_threads(void)
{
    struct ut_sbuf got;

    run_threads(
        "barrier \"count\" => $v { $v = ($v ?? 0) + 1; }"
        "barrier \"n\" . random_number(0, 3) => $l { $l[] = 1; if (count($l) > 20) unset($l); }",
        250, "threads take turns");
    ut_sbuf_init(&got, 10000);
    run_with("barrier \"count\" => $v { echo $v; }", HSL_FLOW_CORE, NULL, NULL, &got);
    tap_str(ut_sbuf_text(&got), "2000", "none is lost");
    ut_sbuf_fini(&got);
}

static void
test_store_memory(void)
{
    struct hsl_share *s = hsl_share_local_new(4000, 128, false);
    struct hsl_text name = {"n", 1}, value;
    struct ut_sbuf out;
    bool has;
    void *lock;
    char bytes[2000] = {0};

    if (!s)
        exit(1);
    ut_sbuf_init(&out, 10000);
    value = (struct hsl_text){bytes, 100};
    tap_ok(
        s->ops->enter(s, 0, &name, 0, &out, &has, &lock) == HSL_SHARE_OK && !has, "no value yet");
    tap_ok(s->ops->leave(s, 0, lock, HSL_SHARE_STORE, &value) == HSL_SHARE_OK, "a small one fits");
    tap_ok(
        s->ops->enter(s, 0, &name, 0, &out, &has, &lock) == HSL_SHARE_OK && has && out.len == 100,
        "it is there");
    value.len = sizeof(bytes);
    tap_ok(s->ops->leave(s, 0, lock, HSL_SHARE_STORE, &value) == HSL_SHARE_FULL,
        "more than store_memory does not");
    out.len = 0;
    tap_ok(
        s->ops->enter(s, 0, &name, 0, &out, &has, &lock) == HSL_SHARE_OK && has && out.len == 100,
        "the small one stays, the lock is free");
    ut_sbuf_fini(&out);
    s->ops->free(s);
}

/* --- Memory that fails ----------------------------------------------------------------------- */

static void
fail_each(const char *text)
{
    struct hsl_prog *p = compile(text, HSL_FLOW_CORE);
    struct hsl_machine *m = hsl_machine_new(env);
    struct hsl_result res = {.end = HSL_END_LIMIT};
    unsigned wrong = 0;
    long n;

    for (n = 0; p && m && n < 2000 && res.end != HSL_END_IMPLICIT; n++) {
        struct world w = {.message = NULL};

        ut_sbuf_init(&w.out, 10000);
        m->fail_after = n;
        hsl_run(m, p, &host, &w, NULL, &res);
        wrong += res.end != HSL_END_IMPLICIT && strcmp(res.error.code, "L08") != 0;
        wrong += m->run.barriers != NULL;
        ut_sbuf_fini(&w.out);
    }
    tap_ok(res.end == HSL_END_IMPLICIT && wrong == 0, "%ld allocations may fail: %.40s", n, text);
    hsl_machine_free(m);
    hsl_prog_unref(p);
}

static void
test_failing_memory(void)
{
    fail_each("function f($x) { return [$x, \"a\" => \"b$x\"]; }"
              "echo cache [\"force\" => true, \"argv_filter\" => [], \"update_function\" => "
              "function ($o, $n) { return $n; }]"
              " f(\"c\" . 1); echo cache [\"argv_filter\" => []] f(\"c\" . 2);");
    fail_each("function g($n) { barrier \"fail$n\" => $v { $v = [\"x$n\", ($v ?? [0, 0])[1] + 1]; "
              "return $v; } }"
              "echo g(1) . g(2); barrier \"fail1\" { barrier \"fail2\" => $v { unset($v); } }");
}

int
main(void)
{
    struct hsl_env_opts opts = {.hostname = "test.example.org"};
    struct ut_diag d;

    if (!mkdtemp(dir))
        return 1;
    opts.flow_dir = dir;
    env = hsl_env_new(&opts, &d);
    if (!tap_ok(env != NULL, "an environment is made"))
        return tap_done();
    test_messages();
    test_file();
    test_ends();
    test_bounds();
    test_cache_threads();
    test_actions();
    test_errors();
    test_waiting();
    test_barrier_threads();
    test_store_memory();
    test_failing_memory();
    hsl_env_free(env);
    (void)rmdir(dir);
    return tap_done();
}
