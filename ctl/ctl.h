/* ctl.h - the command `penstock`: commands as table rows, and what every command may use.
 *
 * A command is a row: its words, its options, how many operands it takes, a function. From the
 * rows come the parser, the usage text and the check of the manual page (t/man.t). Each subject
 * has one file ctl_SUBJECT.c with its rows, `const struct ctl_command ctl_SUBJECT_commands[]`
 * declared in ctl_SUBJECT.h; ctl_main.c lists the tables.
 *
 * Commands print results on standard output and complaints on standard error, and give an exit
 * code of sysexits(3):
 *   EX_OK           done
 *   EX_USAGE        wrong command line
 *   EX_DATAERR      what was looked at is not in order (damaged quarantine, bad pattern)
 *   EX_NOINPUT      a file or thing named on the command line is not there
 *   EX_UNAVAILABLE  a daemon that is needed does not answer, or refused
 *   EX_SOFTWARE     memory is out
 *   EX_IOERR        standard output cannot be written, or a file cannot be read
 *   EX_CONFIG       mistakes in the configuration or in a flow script
 * Threads: one. */
#ifndef CTL_H
#define CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <sysexits.h>

#include "lib/ut_attr.h"
#include "lib/ut_bug.h"
#include "lib/ut_conf.h"
#include "lib/ut_ctl.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"

/* --- Rows ----------------------------------------------------------------------------------- */

struct ctl_call;
/* Carries out one command; gives the exit code. */
typedef int ctl_command_fn(struct ctl_call *c);

struct ctl_option {
    const char *name; /* long name without "--"; NULL ends a list */
    char letter;      /* the same as "-x"; 0: long form only */
    const char *arg;  /* name of its value in the usage text, "ADDRESS"; NULL: takes none */
    const char *text; /* one line for the usage text */
};

struct ctl_command {
    const char *words;                /* "quarantine list"; NULL ends a table */
    const char *operands;             /* usage text of the operands, "ID ..." or "" */
    unsigned min, max;                /* operands that must and may be there */
    const struct ctl_option *options; /* besides -c, --json and -h; NULL: none */
    ctl_command_fn *run;
    const char *text;                 /* what it does, one line */
};

/* Most options that one command may have. */
#define CTL_MAX_OPTIONS 16

/* --- One call ------------------------------------------------------------------------------- */

struct ctl_call {
    const struct ctl_command *command;
    const char *config; /* -c FILE, else the built-in name; lent */
    bool json;          /* --json: records as JSON, one object a line */
    char **operands;    /* lent from argv */
    unsigned operand_count;
    const char *values[CTL_MAX_OPTIONS]; /* by row of command->options; NULL: not given, "": flag */
    struct ut_conf *conf;                /* of ctl_conf(); the dispatcher drops it */
    bool conf_faulty;                    /* ctl_conf() found mistakes in it */
};

/* The value of option [name] (the last one given), "" for one without value; NULL: not given.
 * Lent for the call. */
const char *ctl_option(const struct ctl_call *c, const char *name);

/* The configuration, loaded at the first use; lent for the call. Mistakes in it are printed on
 * standard error, and what could be understood is given in spite of them: who looks at running
 * daemons must not be stopped by a file that they have refused. NULL if nothing could be
 * understood: the command then returns EX_CONFIG. */
const struct ut_conf *ctl_conf(struct ctl_call *c);

/* Prints "penstock: TEXT" on standard error. */
void ctl_error(const char *fmt, ...) UT_PRINTF(1, 2);
/* Prints "penstock: " and the diagnostic on standard error. */
void ctl_error_diag(const struct ut_diag *d);
/* Prints "penstock: TEXT", then the usage line of the command; gives EX_USAGE. */
int ctl_usage(const struct ctl_call *c, const char *fmt, ...) UT_PRINTF(2, 3);

/* --- Daemons -------------------------------------------------------------------------------- */

#define CTL_TIMEOUT 30.0 /* seconds for each list of an answer, besides reinject_timeout, which a
                          * release may take */

/* Sends the request [name] to the daemon [daemon] ("milter", "quarantined": its control socket is
 * RUN_DIRECTORY/DAEMON.ctl). [attrs] holds further attributes made by ut_attr_add(), or is NULL.
 * Each record goes to [fn]. Prints nothing; [d] is set unless UT_CTL_OK, with the remedy if the
 * daemon does not run. ctl_conf() must have given a configuration. */
enum ut_ctl_result ctl_ask(struct ctl_call *c, const char *daemon, const char *name,
    const struct ut_sbuf *attrs, ut_ctl_record_fn *fn, void *arg, struct ut_diag *d) UT_CHECKED;

/* --- Output --------------------------------------------------------------------------------- */

/* Prints [len] bytes from outside so that a terminal shows them and obeys none of them. */
void ctl_print_text(const char *p, size_t len);
/* Prints a record as one line of JSON: every value a string, in the order of the record; bytes
 * that are not UTF-8 as \xHH. */
void ctl_print_json(const struct ut_attr_list *record);

#endif
