/* many.c - runs a flow script as a mail server with many clients does: any number of runs at once,
 * by threads of one process that share an environment.
 *
 *     many [-c CONFIG] [-d DATA] [-f FLOW] [-l LIMITS] [-n NAME=ADDRESS:PORT]... SCRIPT
 *
 * Each line of standard input, "COUNT<TAB>NAME=VALUE<TAB>...", begins COUNT runs in which the
 * variable NAME has VALUE (true and false are booleans, all else is text). They are answered by
 *     running                  all have begun
 *     COUNT OUTCOME            "Accept", "Reject: reason", "implicit", "error: ...", "limit: ..."
 *     longest SECONDS          of the slowest run
 *     descriptors COUNT        of this process, after the runs
 * and an empty line. At the end of input everything is freed, and "left COUNT" says how many
 * descriptors there are more than at the start. Records go to standard error as "LEVEL: TEXT".
 *
 * -n: the system's getaddrinfo(3) finds NAME at ADDRESS, whatever port was asked for;
 * "NAME=stall:SECONDS": looking it up takes that long and finds nothing. So a script can name a
 * host verbatim, and DNS can be stuck for libraries that ask the system. */
#include "config.h"

#include <dirent.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hsl/hsl.h"
#include "hsl/hsl_host.h"
#include "lib/ut_log.h"
#include "lib/ut_time.h"

#define RUNS_MAX 1000
#define NAMES_MAX 8
#define VARS_MAX 16
#define OUTCOME_MAX 256

/* --- Names ---------------------------------------------------------------------------------------
 */

static struct {
    const char *name, *address, *port;
} names_[NAMES_MAX];
static size_t name_count_;

typedef int
lookup_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* In place of the system's, also for the libraries that this program uses. */
int
getaddrinfo(
    const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
    union {
        void *object;
        lookup_fn *fn;
    } real = {.object = dlsym(RTLD_NEXT, "getaddrinfo")};

    bool number = hints && (hints->ai_flags & AI_NUMERICHOST) != 0;

    for (size_t i = 0; node && !number && i < name_count_; i++) {
        if (strcmp(names_[i].name, node) != 0)
            continue;
        if (strcmp(names_[i].address, "stall") != 0)
            return real.fn(names_[i].address, names_[i].port, hints, res);
        sleep((unsigned)strtoul(names_[i].port, NULL, 10));
        return EAI_AGAIN;
    }
    return real.fn(node, service, hints, res);
}

/* -n */
static bool
add_name(char *text)
{
    char *name = strsep(&text, "="), *address = text ? strsep(&text, ":") : NULL;

    if (!text || name_count_ == NAMES_MAX)
        return false;
    names_[name_count_].name = name;
    names_[name_count_].address = address;
    names_[name_count_++].port = text;
    return true;
}

/* --- One run -------------------------------------------------------------------------------------
 */

struct var {
    const char *name, *value;
};

/* What all runs of one line share. */
struct round {
    struct hsl_env *env;
    struct hsl_prog *prog;
    const struct hsl_limits *limits;
    struct var vars[VARS_MAX];
    size_t var_count;
};

/* Locked for writing until all threads of a round are there: they begin together. */
static pthread_rwlock_t gate_ = PTHREAD_RWLOCK_INITIALIZER;

struct run {
    const struct round *round;
    pthread_t thread;
    double seconds;
    char outcome[OUTCOME_MAX];
};

/* What the host is asked, see hsl_host.h. */
static void
on_log(void *arg, int level, const char *text, size_t len, const struct hsl_place *place)
{
    (void)arg;
    (void)place;
    fprintf(stderr, "%s: %.*s\n",
        level < 0 ? "echo" : ut_log_level_name((enum ut_log_level)(level & 7)), (int)len, text);
}

static bool
on_var(void *arg, const char *name, struct hsl_build *b)
{
    const struct round *round = ((const struct run *)arg)->round;

    for (size_t i = 0; i < round->var_count; i++) {
        const char *value = round->vars[i].value;

        if (strcmp(round->vars[i].name, name) != 0)
            continue;
        if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
            hsl_build_bool(b, *value == 't');
        else
            hsl_build_strz(b, value);
        return true;
    }
    return false;
}

static bool
on_verdict(void *arg, const struct hsl_verdict *v, struct ut_diag *why)
{
    struct run *run = arg;
    bool reason = v->line_count > 0;

    (void)why;
    (void)snprintf(run->outcome, sizeof(run->outcome), "%s%s%.*s", hsl_action_name(v->action),
        reason ? ": " : "", reason ? (int)v->lines[0].len : 0, reason ? v->lines[0].p : "");
    return true;
}

static const struct hsl_host host_ = {.log = on_log, .var = on_var, .verdict = on_verdict};

static void *
work(void *arg)
{
    struct run *run = arg;
    struct hsl_machine *m = hsl_machine_new(run->round->env);
    struct hsl_result result;
    double started;

    if (!m)
        return NULL;
    pthread_rwlock_rdlock(&gate_);
    pthread_rwlock_unlock(&gate_);
    started = ut_time_mono();
    hsl_run(m, run->round->prog, &host_, run, run->round->limits, &result);
    run->seconds = ut_time_mono() - started;
    if (result.end == HSL_END_IMPLICIT)
        (void)snprintf(run->outcome, sizeof(run->outcome), "implicit");
    else if (result.end != HSL_END_FINAL)
        (void)snprintf(run->outcome, sizeof(run->outcome), "%s%.200s",
            result.end == HSL_END_ERROR ? "error: " : "", result.error.text);
    hsl_machine_free(m);
    return NULL;
}

/* --- Rounds --------------------------------------------------------------------------------------
 */

static int
count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = -3; /* ".", "..", and the folder itself */

    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

static int
by_outcome(const void *a, const void *b)
{
    return strcmp(((const struct run *)a)->outcome, ((const struct run *)b)->outcome);
}

static void
report(struct run *runs, size_t count)
{
    double longest = 0;
    size_t same = 0;

    qsort(runs, count, sizeof(*runs), by_outcome);
    for (size_t i = 0; i < count; i++) {
        longest = runs[i].seconds > longest ? runs[i].seconds : longest;
        same++;
        if (i + 1 < count && by_outcome(&runs[i], &runs[i + 1]) == 0)
            continue;
        printf("%zu %s\n", same, runs[i].outcome);
        same = 0;
    }
    printf("longest %.3f\ndescriptors %d\n\n", longest, count_descriptors());
    fflush(stdout);
}

static void
run_all(const struct round *round, size_t count)
{
    static struct run runs[RUNS_MAX];
    size_t started = 0;

    for (size_t i = 0; i < count; i++)
        runs[i] = (struct run){.round = round, .outcome = "not run"};
    pthread_rwlock_wrlock(&gate_);
    while (
        started < count && pthread_create(&runs[started].thread, NULL, work, &runs[started]) == 0)
        started++;
    pthread_rwlock_unlock(&gate_);
    puts("running");
    fflush(stdout);
    for (size_t i = 0; i < started; i++)
        pthread_join(runs[i].thread, NULL);
    report(runs, count);
}

/* One line of input. */
static bool
play(struct round *round, char *line)
{
    const char *number = strsep(&line, "\t");
    unsigned long count = strtoul(number, NULL, 10);

    round->var_count = 0;
    while (line && round->var_count < VARS_MAX) {
        char *value = strsep(&line, "\t"), *name = strsep(&value, "=");

        if (!value)
            return false;
        round->vars[round->var_count++] = (struct var){name, value};
    }
    if (line || count < 1 || count > RUNS_MAX)
        return false;
    run_all(round, count);
    return true;
}

/* --- Start ---------------------------------------------------------------------------------------
 */

struct options {
    const char *config, *data, *script;
    int flow;
    struct hsl_limits limits;
};

static bool
read_options(struct options *o, int argc, char **argv)
{
    struct ut_diag d = {.text = ""};
    int option;

    hsl_limits_default(&o->limits);
    while ((option = getopt(argc, argv, "c:d:f:l:n:")) != -1) {
        if (option == 'c')
            o->config = optarg;
        else if (option == 'd')
            o->data = optarg;
        else if (option == 'f')
            o->flow = hsl_flow_by_name(optarg);
        else if (option == 'l' && hsl_limits_set(&o->limits, NULL, optarg, &d) != 0)
            fprintf(stderr, "%s\n", d.text);
        else if (option != 'l' && (option != 'n' || !add_name(optarg)))
            return false;
    }
    o->script = argv[optind];
    return argc == optind + 1 && o->flow >= 0 && !d.text[0];
}

static void
say(const struct ut_diag_list *diags)
{
    for (size_t i = 0; i < diags->count; i++)
        fprintf(stderr, "%s:%u: %s\n", diags->items[i].source, diags->items[i].line,
            diags->items[i].text);
}

/* The environment with its configuration; NULL after saying why. */
static struct hsl_env *
open_env(const struct options *o, struct ut_diag_list *diags)
{
    struct hsl_env_opts opts = {.data_dir = o->data, .hostname = "host.test"};
    struct ut_conf *conf = o->config ? ut_conf_load(o->config, diags) : NULL;
    struct ut_diag d = {.text = ""};
    struct hsl_env *env = NULL;

    if (conf || !o->config)
        env = hsl_env_new(&opts, &d);
    if (env)
        hsl_env_use(env, conf);
    else
        fprintf(stderr, "%s\n", d.text);
    ut_conf_unref(conf);
    return env;
}

static bool
play_all(const struct options *o, struct ut_diag_list *diags)
{
    struct hsl_source source = {
        .name = o->script, .path = o->script, .flow = (enum hsl_flow)o->flow};
    struct round round = {.limits = &o->limits, .env = open_env(o, diags)};
    size_t size = 0;
    char *line = NULL;
    ssize_t len;
    bool ok;

    round.prog = round.env ? hsl_compile(round.env, &source, diags) : NULL;
    ok = round.prog != NULL;
    while (ok && (len = getline(&line, &size, stdin)) > 0) {
        line[len - (line[len - 1] == '\n')] = '\0';
        ok = play(&round, line);
    }
    free(line);
    hsl_prog_unref(round.prog);
    hsl_env_free(round.env);
    return ok;
}

int
main(int argc, char **argv)
{
    int before = count_descriptors();
    struct options o = {.flow = HSL_FLOW_CORE};
    struct ut_diag_list diags;
    bool ok;

    (void)signal(SIGPIPE, SIG_IGN); /* as ut_daemon_start() */
    if (!read_options(&o, argc, argv)) {
        fputs("many: see the head of t/net/many.c\n", stderr);
        return 2;
    }
    ut_diag_list_init(&diags, 20);
    ok = play_all(&o, &diags);
    say(&diags);
    ut_diag_list_fini(&diags);
    printf("left %d\n", count_descriptors() - before);
    return ok ? 0 : 1;
}
