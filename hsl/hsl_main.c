/* hsl_main.c - the command `hsl`: runs or checks one script, with no mail server around it.
 * Not here: the language (hsl.h), the interactive mode (hsl_repl.c), how errors look (hsl_show.c),
 * flows that decide about mail (milter/). The host below has echo and syslog() only.
 * Threads: one. Fails with 1 for a script error at run time, EX_USAGE, EX_DATAERR for a script
 * that does not compile, EX_NOINPUT for a file that cannot be read. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "hsl/hsl.h"
#include "hsl/hsl_host.h"
#include "hsl/hsl_repl.h"
#include "hsl/hsl_show.h"
#include "lib/ut_file.h"
#include "lib/ut_log.h"
#include "lib/ut_near.h"
#include "lib/ut_time.h"

#define EXIT_SCRIPT 1 /* the script ended with an error */
#define EXIT_USAGE 2
#define MAX_DIAGS 1000

struct runner {
    const char *file; /* operand: a file, or "-" */
    const char *code; /* -e CODE; NULL: none */
    const char *data; /* --data DIR; NULL: where the script is */
    const char *conf; /* --config FILE; NULL: there are no profiles */
    int flow;         /* --context, else HSL_FLOW_CORE */
    bool check;       /* -c */
    bool disassemble; /* --disassemble */
    bool time;        /* --time */
    bool help;        /* -h */
    bool version;     /* -V */
    bool interactive; /* no script, and a terminal */
    double compiling; /* seconds of the compilation */
    struct hsl_limits limits;
    struct hsl_env_opts opts;
    struct hsl_source source;
    struct ut_sbuf text; /* what standard input gave */
    char *dir;           /* folder of the script */
};

/* --- Options -------------------------------------------------------------------------------- */

static const char usage_text[] =
    "usage: hsl [-c] [--config=FILE] [--context=NAME] [--data=DIR] [--disassemble]\n"
    "           [--limits=NAME=VALUE,...] [--time] [FILE | - | -e CODE]\n"
    "Without a script, and with a terminal as standard input: interactive.\n"
    "  -c, --check        only check, with warnings\n"
    "  -e, --eval CODE    the script itself\n"
    "  --config FILE      what scripts name, such as ldap:1, is what FILE configures\n"
    "  --context NAME     check for the flow NAME: access, helo, auth, mailfrom, rcpt (or\n"
    "                     recipient), mail, eod\n"
    "  --data DIR         what file://NAME is relative to; default: the folder of FILE\n"
    "  --disassemble      print the instructions instead of running them\n"
    "  --limits LIST      change limits of the run: NAME=VALUE,... as in\n"
    "                     max_time=2,max_memory=256M\n"
    "  --time             say on standard error what compiling and running took\n"
    "  -h, --help         print this\n"
    "  -V, --version      print the version\n";

/* [why] may be NULL: it was said already. */
static int
usage(const char *why)
{
    if (why)
        fprintf(stderr, "hsl: %s\n", why);
    fputs("Try \"hsl --help\".\n", stderr);
    return EXIT_USAGE;
}

static int
unknown_flow(const char *name)
{
    static const enum hsl_flow flows[] = {HSL_FLOW_ACCESS, HSL_FLOW_HELO, HSL_FLOW_AUTH,
        HSL_FLOW_MAILFROM, HSL_FLOW_RCPT, HSL_FLOW_MAIL, HSL_FLOW_EOD};
    struct ut_near near = ut_near_to(name);

    ut_near_try(&near, "recipient");
    for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
        ut_near_try(&near, hsl_flow_name(flows[i]));
    fprintf(stderr, "hsl: there is no flow %s", name);
    fprintf(stderr, near.best ? "; did you mean %s?\n" : "\n", near.best);
    return usage(NULL);
}

enum { OPT_CONFIG = 256, OPT_CONTEXT, OPT_DATA, OPT_DISASSEMBLE, OPT_LIMITS, OPT_TIME };

static const struct option options[] = {
    {"check", no_argument, NULL, 'c'},
    {"eval", required_argument, NULL, 'e'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {"config", required_argument, NULL, OPT_CONFIG},
    {"context", required_argument, NULL, OPT_CONTEXT},
    {"data", required_argument, NULL, OPT_DATA},
    {"disassemble", no_argument, NULL, OPT_DISASSEMBLE},
    {"limits", required_argument, NULL, OPT_LIMITS},
    {"time", no_argument, NULL, OPT_TIME},
    {NULL, 0, NULL, 0},
};

/* One option into [r]; EX_OK, or the exit code. */
static int
take_option(struct runner *r, int option)
{
    struct ut_diag d = {0};

    switch (option) {
    case 'c':
        r->check = true;
        return EX_OK;
    case 'e':
        r->code = optarg;
        return EX_OK;
    case OPT_CONFIG:
        r->conf = optarg;
        return EX_OK;
    case OPT_CONTEXT:
        r->flow = hsl_flow_by_name(optarg);
        return r->flow >= 0 ? EX_OK : unknown_flow(optarg);
    case OPT_DATA:
        r->data = optarg;
        return EX_OK;
    case OPT_DISASSEMBLE:
        r->disassemble = true;
        return EX_OK;
    case OPT_LIMITS:
        return hsl_limits_set(&r->limits, &r->opts, optarg, &d) == 0 ? EX_OK : usage(d.text);
    case OPT_TIME:
        r->time = true;
        return EX_OK;
    default: /* getopt_long() has said what is wrong */
        return usage(NULL);
    }
}

/* Reads the command line into [r]; EX_OK, or the exit code. */
static int
read_options(struct runner *r, int argc, char **argv)
{
    int option, rc;

    argv[0] = "hsl";
    while ((option = getopt_long(argc, argv, "ce:hV", options, NULL)) != -1) {
        if (option == 'h' || option == 'V') {
            *(option == 'h' ? &r->help : &r->version) = true;
            return EX_OK;
        }
        rc = take_option(r, option);
        if (rc != EX_OK)
            return rc;
    }
    if (argc - optind > (r->code ? 0 : 1))
        return usage(r->code ? "-e takes no file" : "name one script");
    r->file = argv[optind];
    r->interactive = !r->file && !r->code;
    if (r->interactive && (r->check || r->disassemble || !isatty(STDIN_FILENO)))
        return usage("name a script, or - for standard input");
    if (r->flow != HSL_FLOW_CORE && !r->check && !r->disassemble)
        return usage("a flow script can only be checked here: add -c");
    return EX_OK;
}

/* --- The script ----------------------------------------------------------------------------- */

/* Reads all of standard input, at most what a script may have; -1 with [d] set. */
static int
read_stdin(struct ut_sbuf *out, struct ut_diag *d)
{
    char piece[65536];
    size_t n;

    while ((n = fread(piece, 1, sizeof(piece), stdin)) > 0)
        ut_sbuf_add(out, piece, n);
    if (ferror(stdin))
        return ut_diag_errno(d, "<stdin>: cannot be read");
    return out->failed ? ut_diag_set(d, "<stdin>: larger than %zu bytes", out->max) : 0;
}

/* The folder that [file] is in; NULL without memory. */
static char *
folder_of(const char *file)
{
    const char *slash = file ? strrchr(file, '/') : NULL;

    if (!slash)
        return strdup(".");
    return strndup(file, slash == file ? 1 : (size_t)(slash - file));
}

/* Works out r->source; -1 with [d] set. */
static int
find_source(struct runner *r, struct ut_diag *d)
{
    bool from_stdin = r->file && strcmp(r->file, "-") == 0;

    r->source.flow = (enum hsl_flow)r->flow;
    r->source.limits = &r->limits;
    r->dir = folder_of(from_stdin ? NULL : r->file);
    if (!r->dir)
        return ut_diag_set(d, "out of memory");
    if (r->interactive)
        return 0;
    if (r->code) {
        r->source.name = "<command>";
        r->source.text = r->code;
        r->source.len = strlen(r->code);
        return 0;
    }
    if (from_stdin ? read_stdin(&r->text, d) != 0
                   : ut_file_read(r->file, r->limits.max_source, &r->text, d) != 0)
        return -1;
    r->source.name = from_stdin ? "<stdin>" : r->file;
    r->source.path = from_stdin ? NULL : r->file;
    r->source.text = ut_sbuf_text(&r->text);
    r->source.len = r->text.len;
    return 0;
}

static struct hsl_show
shower(const struct runner *r)
{
    return (struct hsl_show){
        .to = stderr,
        .colour = hsl_show_wants_colour(stderr),
        .name = r->source.name,
        .text = r->source.text,
        .len = r->source.len,
        .dir = r->dir,
    };
}

/* --- The host ------------------------------------------------------------------------------- */

/* echo goes to standard output, syslog() with its level to standard error. */
static void
host_log(void *arg, int level, const char *text, size_t len, const struct hsl_place *place)
{
    FILE *to = level < 0 ? stdout : stderr;

    (void)arg;
    (void)place;
    if (level >= 0) {
        fflush(stdout);
        fprintf(to, "%s: ", ut_log_level_name((enum ut_log_level)(level & 7)));
    }
    fwrite(text, 1, len, to);
    fputc('\n', to);
}

static const struct hsl_host host = {.log = host_log};

/* --- Work ----------------------------------------------------------------------------------- */

static int
disassemble(const struct hsl_prog *prog)
{
    struct ut_sbuf listing;
    bool failed;

    ut_sbuf_init(&listing, 256 << 20);
    hsl_prog_disassemble(prog, &listing);
    fwrite(ut_sbuf_text(&listing), 1, listing.len, stdout);
    failed = listing.failed;
    ut_sbuf_fini(&listing);
    if (failed)
        fputs("hsl: out of memory\n", stderr);
    return failed ? EX_SOFTWARE : EX_OK;
}

static int
run(struct runner *r, struct hsl_env *env, struct hsl_prog *prog)
{
    struct hsl_machine *machine = hsl_machine_new(env);
    struct hsl_show show = shower(r);
    struct hsl_result result = {0};

    if (!machine) {
        fputs("hsl: out of memory\n", stderr);
        return EX_SOFTWARE;
    }
    hsl_run(machine, prog, &host, NULL, &r->limits, &result);
    (void)fflush(stdout); /* main() looks for errors */
    if (result.end == HSL_END_ERROR || result.end == HSL_END_LIMIT) {
        hsl_show_diag(&show, &result.error);
        if (result.trace[0])
            fprintf(stderr, "%s\n", result.trace);
    }
    if (r->time)
        hsl_show_cost(stderr, r->compiling, &result);
    hsl_machine_free(machine);
    return result.end == HSL_END_ERROR || result.end == HSL_END_LIMIT ? EXIT_SCRIPT : EX_OK;
}

/* Compiles, then runs or lists. Warnings are shown by -c only, so that a script's own output
 * stays alone. */
static int
compile_and_run(struct runner *r, struct hsl_env *env)
{
    struct hsl_show show = shower(r);
    struct ut_diag_list diags;
    struct hsl_prog *prog;
    int rc = EX_OK;

    ut_diag_list_init(&diags, MAX_DIAGS);
    r->compiling = ut_time_mono();
    prog = hsl_compile(env, &r->source, &diags);
    r->compiling = ut_time_mono() - r->compiling;
    if (!prog || r->check)
        hsl_show_list(&show, &diags);
    ut_diag_list_fini(&diags);
    if (!prog)
        return EX_DATAERR;
    if (r->disassemble)
        rc = disassemble(prog);
    else if (!r->check)
        rc = run(r, env, prog);
    hsl_prog_unref(prog);
    return rc;
}

static int
interact(const struct runner *r, struct hsl_env *env)
{
    struct hsl_repl_opts opts = {
        .env = env,
        .limits = &r->limits,
        .log = host_log,
        .colour = hsl_show_wants_colour(stderr),
        .time = r->time,
    };

    return hsl_repl(&opts);
}

/* The profiles of --config for [env]; EX_OK, or the exit code. */
static int
use_conf(const struct runner *r, struct hsl_env *env)
{
    struct hsl_show show = {.to = stderr, .colour = hsl_show_wants_colour(stderr)};
    struct ut_diag_list diags;
    struct ut_conf *conf;

    if (!r->conf)
        return EX_OK;
    ut_diag_list_init(&diags, MAX_DIAGS);
    conf = ut_conf_load(r->conf, &diags);
    hsl_show_list(&show, &diags);
    ut_diag_list_fini(&diags);
    if (!conf)
        return EX_CONFIG;
    hsl_env_use(env, conf);
    ut_conf_unref(conf);
    return EX_OK;
}

static int
start(struct runner *r)
{
    struct ut_diag d = {0};
    struct hsl_env *env;
    int rc;

    if (find_source(r, &d) != 0) {
        fprintf(stderr, "hsl: %s\n", d.text);
        return EX_NOINPUT;
    }
    r->opts.flow_dir = r->dir;
    r->opts.data_dir = r->data ? r->data : r->dir;
    r->opts.module_dir = PENSTOCK_MODULEDIR;
    env = hsl_env_new(&r->opts, &d);
    if (!env) {
        fprintf(stderr, "hsl: %s\n", d.text);
        return EX_NOINPUT;
    }
    rc = use_conf(r, env);
    if (rc == EX_OK)
        rc = r->interactive ? interact(r, env) : compile_and_run(r, env);
    hsl_env_free(env);
    return rc;
}

int
main(int argc, char **argv)
{
    struct runner r = {.flow = HSL_FLOW_CORE};
    int rc;

    /* A server that goes away is an error of what asks it, as in the daemons. */
    (void)signal(SIGPIPE, SIG_IGN);
    hsl_limits_default(&r.limits);
    /* Output that goes to a terminal or a pipe needs no bound: it is no log. */
    r.limits.max_echo = SIZE_MAX;
    r.limits.max_echo_records = UINT_MAX;
    rc = read_options(&r, argc, argv);
    ut_sbuf_init(&r.text, r.limits.max_source);
    if (r.help)
        fputs(usage_text, stdout);
    else if (r.version)
        puts("hsl " PACKAGE_VERSION);
    else if (rc == EX_OK)
        rc = start(&r);
    if ((fflush(stdout) != 0 || ferror(stdout)) && rc == EX_OK) {
        fputs("hsl: cannot write to standard output\n", stderr);
        rc = EX_IOERR;
    }
    ut_sbuf_fini(&r.text);
    free(r.dir);
    return rc;
}
