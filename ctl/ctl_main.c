/* ctl_main.c - `penstock`: finds the command row for the words given, reads its options, calls it.
 * Not here: what commands do (ctl_SUBJECT.c), printing (ctl_output.c).
 * Threads: one. Fails with EX_USAGE and a hint, or with what the command gives. */
#include "config.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/ctl_check.h"
#include "ctl/ctl_config.h"
#include "ctl/ctl_daemon.h"
#include "ctl/ctl_log.h"
#include "ctl/ctl_quarantine.h"
#include "ctl/ctl_rate.h"

static const struct ctl_command *const tables[] = {
    ctl_check_commands,
    ctl_config_commands,
    ctl_daemon_commands,
    ctl_log_commands,
    ctl_quarantine_commands,
    ctl_rate_commands,
};

static const struct ctl_option common_options[] = {
    {"config", 'c', "FILE", "the configuration file"},
    {"json", 0, NULL, "print records as JSON, one object a line"},
    {"help", 'h', NULL, "say how a command is used"},
    {"version", 'V', NULL, "print the version"},
    {NULL, 0, NULL, NULL},
};

enum { COMMON_COUNT = sizeof(common_options) / sizeof(common_options[0]) - 1 };

/* --- Usage ---------------------------------------------------------------------------------- */

/* Appends " [-x ARG]" or " [--name ARG]" for each of [options]. */
static void
usage_options(struct ut_sbuf *out, const struct ctl_option *options)
{
    for (const struct ctl_option *o = options; o && o->name; o++) {
        if (o->letter)
            ut_sbuf_addf(out, " [-%c", o->letter);
        else
            ut_sbuf_addf(out, " [--%s", o->name);
        ut_sbuf_addf(out, "%s%s]", o->arg ? " " : "", o->arg ? o->arg : "");
    }
}

/* Appends one line: how [command] is used. */
static void
usage_line(struct ut_sbuf *out, const struct ctl_command *command)
{
    ut_sbuf_addf(out, "penstock %s", command->words);
    usage_options(out, command->options);
    ut_sbuf_addf(out, "%s%s\n", *command->operands ? " " : "", command->operands);
}

static void
print_options(FILE *to, const struct ctl_option *options)
{
    for (const struct ctl_option *o = options; o && o->name; o++) {
        int width = fprintf(to, "  ");

        if (o->letter)
            width += fprintf(to, "-%c, ", o->letter);
        width += fprintf(to, "--%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        fprintf(to, "%*s %s\n", width < 28 ? 28 - width : 0, "", o->text);
    }
}

/* Prints the commands whose words begin with [prefix] ("" for all), or everything about one. */
static void
print_help(FILE *to, const char *prefix)
{
    fprintf(to, "usage: penstock [-c FILE] [--json] COMMAND ...\n");
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
        for (const struct ctl_command *c = tables[t]; c->words; c++)
            if (strncmp(c->words, prefix, strlen(prefix)) == 0)
                fprintf(to, "  %-26s %s\n", c->words, c->text);
    fprintf(to, "options of every command:\n");
    print_options(to, common_options);
    fprintf(to, "penstock COMMAND -h tells more; so does penstock(1).\n");
}

static void
print_command_help(const struct ctl_command *command)
{
    struct ut_sbuf line;

    ut_sbuf_init(&line, 4096);
    usage_line(&line, command);
    printf("usage: %s%s.\n", ut_sbuf_text(&line), command->text);
    print_options(stdout, command->options);
    print_options(stdout, common_options);
    ut_sbuf_fini(&line);
}

int
ctl_usage(const struct ctl_call *c, const char *fmt, ...)
{
    struct ut_sbuf line;
    va_list ap;

    ut_sbuf_init(&line, 8192);
    ut_sbuf_addz(&line, "penstock: ");
    va_start(ap, fmt);
    ut_sbuf_addv(&line, fmt, ap);
    va_end(ap);
    ut_sbuf_addz(&line, "\nusage: ");
    usage_line(&line, c->command);
    fputs(ut_sbuf_text(&line), stderr);
    ut_sbuf_fini(&line);
    return EX_USAGE;
}

/* --- Finding the command -------------------------------------------------------------------- */

/* The number of [argv] words that are exactly the words of [command], 0 if they are not. */
static int
words_match(const struct ctl_command *command, int argc, char **argv)
{
    const char *p = command->words;
    int used = 0;

    for (;;) {
        size_t len = strcspn(p, " ");

        if (used == argc || strlen(argv[used]) != len || memcmp(argv[used], p, len) != 0)
            return 0;
        used++;
        if (p[len] == '\0')
            return used;
        p += len + 1;
    }
}

/* The row with the most words that [argv] begins with, their number in [*used]; or NULL. */
static const struct ctl_command *
find_command(int argc, char **argv, int *used)
{
    const struct ctl_command *best = NULL;

    *used = 0;
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
        for (const struct ctl_command *c = tables[t]; c->words; c++) {
            int n = words_match(c, argc, argv);

            if (n > *used) {
                *used = n;
                best = c;
            }
        }
    return best;
}

/* True if a command's first word is [word] and others follow it. */
static bool
is_subject(const char *word)
{
    size_t len = strlen(word);

    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
        for (const struct ctl_command *c = tables[t]; c->words; c++)
            if (strncmp(c->words, word, len) == 0 && c->words[len] == ' ')
                return true;
    return false;
}

static int
no_command(int argc, char **argv, bool help)
{
    const char *subject = argc > 0 && is_subject(argv[0]) ? argv[0] : "";

    for (int i = 1; i < argc; i++)
        help = help || strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0;
    if (help) {
        print_help(stdout, subject);
        return EX_OK;
    }
    if (argc == 0 || (*subject && argc == 1))
        print_help(stderr, subject);
    else
        ctl_error("there is no command \"%s%s%s\"; penstock -h lists them", argv[0],
            *subject ? " " : "", *subject ? argv[1] : "");
    return EX_USAGE;
}

/* --- Reading options ------------------------------------------------------------------------ */

/* What getopt_long(3) wants, made from the rows. An option's value is its row's number. */
struct options {
    struct option longs[COMMON_COUNT + CTL_MAX_OPTIONS + 1];
    char shorts[2 * (COMMON_COUNT + CTL_MAX_OPTIONS) + 2];
    const struct ctl_option *rows[COMMON_COUNT + CTL_MAX_OPTIONS];
    int count;
};

enum { FIRST_LONG = 256 }; /* above every letter */

static void
options_add(struct options *o, const struct ctl_option *rows)
{
    for (; rows && rows->name; rows++) {
        size_t len = strlen(o->shorts);

        UT_BUG_ON(o->count == COMMON_COUNT + CTL_MAX_OPTIONS);
        o->rows[o->count] = rows;
        o->longs[o->count] = (struct option){
            .name = rows->name,
            .has_arg = rows->arg ? required_argument : no_argument,
            .val = FIRST_LONG + o->count,
        };
        if (rows->letter) {
            o->shorts[len++] = rows->letter;
            if (rows->arg)
                o->shorts[len++] = ':';
        }
        o->count++;
    }
}

/* The number of the row that getopt_long() answered with [got]. */
static int
options_row(const struct options *o, int got)
{
    if (got >= FIRST_LONG)
        return got - FIRST_LONG;
    for (int i = 0; i < o->count; i++)
        if (o->rows[i]->letter == got)
            return i;
    return -1;
}

/* Reads the options in [argv] (argv[0] is skipped) into [c]; stops at the first operand if
 * [c->command] is not known yet. [*asked] becomes the letter of --help or --version, which are
 * answered instead of the call. -1 for a wrong one, which was told. */
static int
read_options(struct ctl_call *c, int argc, char **argv, int *asked)
{
    struct options o = {.shorts = ""};
    int got;

    if (!c->command)
        o.shorts[0] = '+';
    options_add(&o, common_options);
    if (c->command)
        options_add(&o, c->command->options);
    optind = 0;
    while ((got = getopt_long(argc, argv, o.shorts, o.longs, NULL)) != -1) {
        int row = options_row(&o, got);

        if (row < 0)
            return -1;
        if (row >= COMMON_COUNT)
            c->values[row - COMMON_COUNT] = optarg ? optarg : "";
        else if (row == 0)
            c->config = optarg;
        else if (row == 1)
            c->json = true;
        else
            *asked = common_options[row].letter;
    }
    return 0;
}

const char *
ctl_option(const struct ctl_call *c, const char *name)
{
    const struct ctl_option *rows = c->command->options;

    for (size_t i = 0; rows && rows[i].name; i++)
        if (strcmp(rows[i].name, name) == 0)
            return c->values[i];
    return NULL;
}

/* --- The call ------------------------------------------------------------------------------- */

static int
print_version(void)
{
    return printf("penstock " PACKAGE_VERSION "\n") > 0 && fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

static int
run_command(struct ctl_call *c)
{
    int rc;

    if (c->operand_count < c->command->min)
        return ctl_usage(c, "something is missing behind \"%s\"", c->command->words);
    if (c->operand_count > c->command->max)
        return ctl_usage(c, "\"%s\" is too much", c->operands[c->command->max]);
    rc = c->command->run(c);
    ut_conf_unref(c->conf);
    if ((fflush(stdout) != 0 || ferror(stdout)) && rc == EX_OK) {
        ctl_error("cannot write to standard output");
        return EX_IOERR;
    }
    return rc;
}

int
main(int argc, char **argv)
{
    struct ctl_call call = {.config = PENSTOCK_SYSCONFDIR "/penstock.conf"};
    int asked = 0, first, used;

    argv[0] = "penstock";
    if (read_options(&call, argc, argv, &asked) != 0)
        return EX_USAGE;
    if (asked == 'V')
        return print_version();
    first = optind;
    call.command = find_command(argc - first, argv + first, &used);
    if (!call.command)
        return no_command(argc - first, argv + first, asked == 'h');

    /* getopt_long() begins behind the first word it is given: that is the last of the command. */
    argc -= first + used - 1;
    argv += first + used - 1;
    argv[0] = "penstock";
    if (read_options(&call, argc, argv, &asked) != 0)
        return ctl_usage(&call, "wrong option");
    if (asked == 'V')
        return print_version();
    if (asked == 'h') {
        print_command_help(call.command);
        return EX_OK;
    }
    call.operands = argv + optind;
    call.operand_count = (unsigned)(argc - optind);
    return run_command(&call);
}
