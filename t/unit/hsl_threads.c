/* hsl_threads.c - many threads that run one program, and what they share: constants, patterns, the
 * caches of patterns, files and results, rate windows, barriers. Meanwhile the program is replaced
 * again and again, as a reload does. Made to be run under ThreadSanitizer too (contrib/check). */
#include "config.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hsl/hsl.h"
#include "hsl/hsl_host.h"
#include "t/unit/tap.h"

#define THREADS 6
#define RUNS 40
#define RELOADS 20

static const char script_[] =
    "function slow($x) { return [\"r\" => \"<$x>\"]; }\n"
    "class Box { static $n = [1]; $v; constructor($v) { $this->v = $v; } function get() { return "
    "$this->v; } }\n"
    "$words = [\"a\" => [1, 2, \"three\"], \"b\" => #/[a-z]+/i];\n"
    "$copy = $words; $copy[\"a\"][] = 4; Box::$n[] = 2;\n"
    "for ($i = 0; $i < 5; $i++) {\n"
    "  $ok = \"abc\" =~ \"^[a-c]{$i,}\"; $m = pcre_match(\"(x|\" . $i . \")\", \"a$i\");\n"
    "  $c = cache [\"size\" => 3] slow($i); $r = rate(\"space\", \"entry$i\", 1000000, 60);\n"
    "  barrier \"b\" . $i % 2 => $v { $v = isset($v) ? $v + 1 : 1; }\n"
    "}\n"
    "foreach (file(\"file://words.txt\") as $l) $copy[] = $l;\n"
    "$f = in_file(\"beta\", \"file://words.txt\");\n"
    "echo length($copy) . $f[1] . $c[\"r\"] . Box(7)->get() . count(Box::$n) . ($ok ? 1 : 0);\n";
static const char wanted_[] = "4two<4>720";

static struct hsl_env *env_;
static pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
static struct hsl_prog *prog_; /* under the lock */
static atomic_uint wrong_, done_;
static char folder_[] = "/tmp/penstock-threads-XXXXXX";

static void
check(void *arg, int level, const char *text, size_t len, const struct hsl_place *place)
{
    (void)arg;
    (void)level;
    (void)place;
    if (len != strlen(wanted_) || memcmp(text, wanted_, len) != 0) {
        if (atomic_fetch_add(&wrong_, 1) == 0)
            printf("# got %.*s\n", (int)len, text);
    } else {
        atomic_fetch_add(&done_, 1);
    }
}

static const struct hsl_host host_ = {.log = check};

static struct hsl_prog *
compile(void)
{
    struct hsl_source src = {
        .name = "t.hsl", .text = script_, .len = strlen(script_), .flow = HSL_FLOW_CORE};
    struct ut_diag_list diags;
    struct hsl_prog *p;

    ut_diag_list_init(&diags, 20);
    p = hsl_compile(env_, &src, &diags);
    if (!p && diags.count)
        printf("# %s\n", diags.items[0].text);
    ut_diag_list_fini(&diags);
    return p;
}

static void *
work(void *arg)
{
    struct hsl_machine *m = hsl_machine_new(env_);
    struct hsl_result result;

    (void)arg;
    for (int i = 0; m && i < RUNS; i++) {
        struct hsl_prog *p;

        pthread_mutex_lock(&lock_);
        p = hsl_prog_ref(prog_);
        pthread_mutex_unlock(&lock_);
        hsl_run(m, p, &host_, NULL, NULL, &result);
        if (result.end != HSL_END_IMPLICIT && atomic_fetch_add(&wrong_, 1) == 0)
            printf("# %s\n", result.error.text);
        hsl_prog_unref(p);
    }
    hsl_machine_free(m);
    return NULL;
}

static void
reload(void)
{
    struct hsl_prog *fresh = compile(), *old;

    if (!fresh) {
        atomic_fetch_add(&wrong_, 1);
        return;
    }
    pthread_mutex_lock(&lock_);
    old = prog_;
    prog_ = fresh;
    pthread_mutex_unlock(&lock_);
    hsl_prog_unref(old);
}

static bool
write_words(const char *path)
{
    FILE *f = fopen(path, "w");
    bool ok = f && fputs("alpha one\nbeta two\n", f) >= 0;

    return f && fclose(f) == 0 && ok;
}

static void
run_all(void)
{
    pthread_t threads[THREADS];
    int started = 0;

    while (started < THREADS && pthread_create(&threads[started], NULL, work, NULL) == 0)
        started++;
    for (int i = 0; i < RELOADS; i++)
        reload();
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    tap_num(started, THREADS, "the threads run");
    tap_num(atomic_load(&wrong_), 0, "no run is disturbed by another");
    tap_num(atomic_load(&done_), THREADS * RUNS, "every run came to its end");
}

int
main(void)
{
    struct hsl_env_opts opts = {.hostname = "host"};
    struct ut_diag d = {.text = ""};
    char path[100];

    if (!mkdtemp(folder_))
        return 1;
    (void)snprintf(path, sizeof(path), "%s/words.txt", folder_);
    opts.flow_dir = opts.data_dir = folder_;
    env_ = write_words(path) ? hsl_env_new(&opts, &d) : NULL;
    prog_ = env_ ? compile() : NULL;
    if (tap_ok(prog_ != NULL, "the script is compiled%s", d.text))
        run_all();
    hsl_prog_unref(prog_);
    hsl_env_free(env_);
    (void)unlink(path);
    (void)rmdir(folder_);
    return tap_done();
}
