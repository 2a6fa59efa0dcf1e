/* hslstart.c - what a script costs beside its own instructions: compiling it, starting a run.
 *
 *     hslstart [RUNS]                                  default: 200000
 * Compiles a flow of 2000 lines RUNS / 4000 times and starts a script of one line RUNS times; the
 * median of nine rounds each, in processor time. Not a test: nothing fails but memory. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hsl/hsl.h"
#include "hsl/hsl_host.h"
#include "lib/ut_num.h"
#include "lib/ut_sbuf.h"

#define ROUNDS 9
#define LINES 2000

struct bench {
    struct hsl_env *env;
    struct hsl_machine *machine;
    long long runs; /* of one round */
};

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Processor time: what else the machine does is not in it. */
static double
seconds(void)
{
    struct timespec ts = {0, 0};

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* Lines as flows have them: a test of a header, a pattern, an action or a count. */
static void
write_flow(struct ut_sbuf *out)
{
    for (unsigned i = 0; i < LINES / 5; i++) {
        ut_sbuf_addf(out, "$v%u = str_lower(GetHeader(\"X-Field-%u\") ?? \"\");\n", i % 100, i);
        ut_sbuf_addf(
            out, "if ($v%u =~ \"^bulk-%u\" and length($v%u) > %u)\n", i % 100, i, i % 100, i);
        ut_sbuf_addf(out, "    Reject(\"rule %u: \" . $v%u . \" is not wanted\");\n", i, i % 100);
        ut_sbuf_addf(out, "$score = [\"rule\" => %u, \"points\" => %u * 3];\n", i, i % 7);
        ut_sbuf_addz(
            out, "if ($score[\"points\"] > 15) SetHeader(\"X-Score\", \"$score[points]\");\n");
    }
}

static struct hsl_prog *
compile(struct bench *b, enum hsl_flow flow, const char *text, size_t len)
{
    struct hsl_source src = {.name = "bench.hsl", .text = text, .len = len, .flow = flow};
    struct ut_diag_list diags;
    struct hsl_prog *prog;

    ut_diag_list_init(&diags, 20);
    prog = hsl_compile(b->env, &src, &diags);
    if (!prog && diags.count > 0)
        fprintf(stderr, "hslstart: line %u: %s\n", diags.items[0].line, diags.items[0].text);
    ut_diag_list_fini(&diags);
    return prog;
}

/* Seconds of compiling [count] times; negative: failed. */
static double
time_compile(struct bench *b, const struct ut_sbuf *flow, long long count)
{
    double start = seconds();

    for (long long i = 0; i < count; i++) {
        struct hsl_prog *prog = compile(b, HSL_FLOW_MAIL, flow->data, flow->len);

        if (!prog)
            return -1;
        hsl_prog_unref(prog);
    }
    return seconds() - start;
}

static double
time_runs(struct bench *b, struct hsl_prog *prog, long long count)
{
    static const struct hsl_host host = {0};
    double start = seconds();
    struct hsl_limits limits;
    struct hsl_result result;

    hsl_limits_default(&limits);
    for (long long i = 0; i < count; i++) {
        hsl_run(b->machine, prog, &host, NULL, &limits, &result);
        if (result.end != HSL_END_IMPLICIT)
            return -1;
    }
    return seconds() - start;
}

/* Rounds of both, printed; 0 or -1. */
static int
measure(struct bench *b, const struct ut_sbuf *flow)
{
    static const char line[] = "$a = 1; $b = \"x$a\";\n";
    struct hsl_prog *prog = compile(b, HSL_FLOW_CORE, line, sizeof(line) - 1);
    long long compiles = b->runs / 4000 > 0 ? b->runs / 4000 : 1;
    double compiling[ROUNDS], running[ROUNDS];
    bool failed = !prog;

    for (unsigned i = 0; i < ROUNDS && !failed; i++) {
        compiling[i] = time_compile(b, flow, compiles);
        running[i] = time_runs(b, prog, b->runs);
        failed = compiling[i] < 0 || running[i] < 0;
    }
    hsl_prog_unref(prog);
    if (failed)
        return -1;
    qsort(compiling, ROUNDS, sizeof(double), by_size);
    qsort(running, ROUNDS, sizeof(double), by_size);
    printf("compiling %u lines: %.2f ms\n", LINES, compiling[ROUNDS / 2] / (double)compiles * 1e3);
    printf("a run of one line:  %.2f us\n", running[ROUNDS / 2] / (double)b->runs * 1e6);
    return 0;
}

int
main(int argc, char **argv)
{
    struct hsl_env_opts opts = {0};
    struct bench b = {.runs = 200000};
    struct ut_diag d = {0};
    struct ut_sbuf flow;
    int rc = -1;

    if (argc > 1 && ut_num_int(argv[1], 1, 1000000000, &b.runs) != 0) {
        fputs("usage: hslstart [RUNS]\n", stderr);
        return EXIT_FAILURE;
    }
    ut_sbuf_init(&flow, 1 << 20);
    write_flow(&flow);
    b.env = hsl_env_new(&opts, &d);
    b.machine = b.env ? hsl_machine_new(b.env) : NULL;
    if (b.machine && !flow.failed)
        rc = measure(&b, &flow);
    hsl_machine_free(b.machine);
    hsl_env_free(b.env);
    ut_sbuf_fini(&flow);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
