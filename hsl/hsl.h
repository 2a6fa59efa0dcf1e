/* hsl.h - embedding HSL: compile text to a program, run it on a host, read what went wrong.
 *
 * Three things with three lifetimes:
 *   struct hsl_env      one per process: limits, roots for files, caches of patterns and files,
 *                       the stores behind rate(), cache and barrier. Threads: any, all the time.
 *   struct hsl_prog     one compiled script with all it includes. Never changes, counted, shared
 *                       by threads.
 *   struct hsl_machine  what one run needs (registers, heap). One thread at a time; kept for the
 *                       next run so that starting one costs next to nothing.
 *
 *     lifecycle: hsl_env_new -> hsl_compile -> hsl_machine_new -> hsl_run ... -> *_free
 *
 * Values, opcodes and the tree are not visible here; see hsl_value.h, hsl_opcode.def, hsl_ast.h. */
#ifndef HSL_H
#define HSL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ut_bug.h"
#include "lib/ut_conf.h"
#include "lib/ut_diag.h"

/* Where a script runs. The values are bits: a function's row says in which it is legal.
 * ORDER FLOW: hsl_flow_name() */
enum hsl_flow {
    HSL_FLOW_CORE = 0,      /* the command-line runner: core library only */
    HSL_FLOW_ACCESS = 1,    /* at connect */
    HSL_FLOW_HELO = 2,      /* HELO, EHLO */
    HSL_FLOW_AUTH = 4,      /* SMTP AUTH */
    HSL_FLOW_MAILFROM = 8,  /* MAIL FROM */
    HSL_FLOW_RCPT = 16,     /* RCPT TO */
    HSL_FLOW_MAIL = 32,     /* end of message, once per recipient */
    HSL_FLOW_EOD = 64,      /* end of message, once */
    HSL_FLOW_ANY = 127
};

/* "access", "rcpt", "mail" ... as it stands in messages; "core" for HSL_FLOW_CORE. */
const char *hsl_flow_name(enum hsl_flow flow);
/* The other way round, "recipient" taken for "rcpt"; -1 if there is none of that name. */
int hsl_flow_by_name(const char *name);

/* Limits of language §18. 0 = off only where said. */
struct hsl_limits {
    uint64_t max_instructions;
    double max_time;          /* seconds of wall clock for one run */
    size_t max_memory;        /* live bytes of one run */
    size_t max_string;        /* bytes of one string */
    size_t max_array;         /* elements of one array */
    unsigned max_call_depth;  /* user frames and callbacks */
    size_t max_echo;          /* bytes echoed by one run */
    unsigned max_echo_records;
    uint32_t pcre_match_limit;
    uint32_t pcre_depth_limit;
    double max_sleep;         /* seconds slept in one run */
    double barrier_wait;      /* seconds of waiting for one barrier */
    size_t barrier_value;     /* bytes of the value of a barrier */
    unsigned max_dns;         /* DNS questions, requests and connections of one run */
    unsigned max_http;
    unsigned max_sockets;
    size_t max_http_body;     /* bytes of one HTTP answer */
    unsigned max_include_depth;
    size_t max_source;        /* bytes of a script with its includes */
};

/* The defaults of language §18. */
void hsl_limits_default(struct hsl_limits *l);
struct hsl_env_opts;
/* Sets limits by their names, those of the process in [opts] (NULL: they are refused): [list] is "max_time=2,max_memory=16M", counts in decimal, bytes also
 * with K M G, seconds also with a fraction or with s m h. Those before a mistake are set. -1 with
 * [d] set: a name that is none (with the nearest one), a value that is none or out of range. */
int hsl_limits_set(struct hsl_limits *l, struct hsl_env_opts *opts, const char *list,
    struct ut_diag *d) UT_CHECKED;
/* The name of limit [i], from 0; NULL behind the last. */
const char *hsl_limits_name(size_t i);

struct hsl_share;

/* What a process gives its scripts. All strings are copied; NULL: that thing is not there. */
struct hsl_env_opts {
    const char *flow_dir; /* root of `include "x"`, "file:x" and plain file names */
    const char *data_dir; /* root of "file://x" */
    const char *module_dir; /* root of "extras://x"; need not be there */
    /* Where include and import look instead for what is not in flow_dir: copies of the files of
     * "file://x" in data/, of "file:ID" in file/ID/. For saved configurations. */
    const char *saved_dir;
    const char *hostname; /* gethostname(); NULL: the host's */
    size_t cache_memory;  /* bytes that `cache` may keep; 0: 64 MiB */
    size_t cache_entries; /* entries that `cache` may keep; 0: 100 000 */
    size_t store_memory;  /* bytes of shared state; 0: 64 MiB */
    unsigned rate_ipv6_prefix; /* bits of an IPv6 address that count for rate(); 0: all */
    struct hsl_share *share; /* where shared state is, lent (hsl_share.h); NULL: in this process */
};

struct hsl_env;
/* NULL with [d] set if memory or a root directory is missing. */
struct hsl_env *hsl_env_new(const struct hsl_env_opts *opts, struct ut_diag *d) UT_CHECKED;
/* After every machine and program of it is freed. NULL is allowed. */
void hsl_env_free(struct hsl_env *env);

/* From now on the profiles that scripts name ("file:1", "ldap:4", "mailtransport:1") are the
 * sections of [conf], of which a reference is taken; NULL: there are none. Any thread. */
void hsl_env_use(struct hsl_env *env, struct ut_conf *conf);

struct hsl_prog;

struct hsl_source {
    const char *name;       /* as it shall stand in messages: "mail.hsl", "<stdin>" */
    const char *path;       /* file that [name] is, for "./x" includes; NULL: none (-e, stdin) */
    const char *text;       /* the bytes, borrowed during the call; NULL: read from [path] */
    size_t len;
    enum hsl_flow flow;     /* which names exist and which functions are legal */
    struct ut_conf *conf;   /* whose `file` sections "file:ID" means, borrowed; NULL: the environment's */
    bool no_optimize;       /* compile without folding and superinstructions, for tests */
    const struct hsl_limits *limits; /* of compiling, and of constants and imported data; NULL: the defaults */
};

/* Compiles [src]. Errors (language §17.1, at most 20) and warnings go to [diags]. The program, with
 * one reference, or NULL if there was an error. Any thread. */
struct hsl_prog *hsl_compile(struct hsl_env *env, const struct hsl_source *src,
    struct ut_diag_list *diags) UT_CHECKED;
struct hsl_prog *hsl_prog_ref(struct hsl_prog *p);
void hsl_prog_unref(struct hsl_prog *p); /* NULL is allowed; any thread */
/* The script mentions $arguments, $connection, $transaction or $message (language §1). */
bool hsl_prog_is_modern(const struct hsl_prog *p);
/* True if the script or what it includes calls the built-in [name] or mentions the predefined
 * variable [name] (with its $): a host asks only for the protocol steps that scripts use. */
bool hsl_prog_mentions(const struct hsl_prog *p, const char *name);
/* File [i], from 0, of those that [p] was made of: its name as in the include or import, its real
 * path, NULL if it has none; false behind the last. Lent by [p]. */
bool hsl_prog_source(const struct hsl_prog *p, size_t i, const char **name, const char **path);
/* Appends a listing of the instructions to [out]. */
void hsl_prog_disassemble(const struct hsl_prog *p, struct ut_sbuf *out);

struct hsl_host; /* hsl_host.h */
struct hsl_machine;

enum hsl_end {
    HSL_END_IMPLICIT, /* the end of the script, or `return` at top level */
    HSL_END_FINAL,    /* a final action was carried out (the host was told which) */
    HSL_END_ERROR,    /* uncaught exception: error says which */
    HSL_END_LIMIT     /* over a limit: error says which */
};

struct hsl_result {
    enum hsl_end end;
    struct ut_diag error;  /* set for HSL_END_ERROR and HSL_END_LIMIT; the position of the throw */
    char trace[2048];      /* "... called from here" lines of the error, "" if none */
    uint64_t instructions; /* executed */
    size_t peak_memory;    /* most live bytes */
    double seconds;        /* wall clock */
};

struct hsl_machine *hsl_machine_new(struct hsl_env *env) UT_CHECKED;
void hsl_machine_free(struct hsl_machine *m); /* NULL is allowed */

/* Runs [p] once. [host] and [host_arg] serve the flow's variables, functions and echo; borrowed
 * during the call. [limits] may be NULL for the defaults. Never fails but by what [res] says. */
void hsl_run(struct hsl_machine *m, struct hsl_prog *p, const struct hsl_host *host, void *host_arg,
    const struct hsl_limits *limits, struct hsl_result *res);

/* The message [id] is done: what `cache ["per_message" => true]` kept for it goes. Any thread. */
void hsl_message_done(struct hsl_env *env, const char *id);

#endif
