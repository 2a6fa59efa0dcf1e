/* fuzz_hsl.h - one script compiled and run on a host that takes everything and writes it down.
 * One thread at a time. */
#ifndef T_FUZZ_HSL_H
#define T_FUZZ_HSL_H

#include <stdbool.h>
#include <stdint.h>

#include "hsl/hsl_host.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"

/* One script and what it did. Begins with [source] and [data] set, the rest empty. */
struct fuzz_script {
    struct hsl_source source;  /* text, len, flow, no_optimize */
    struct hsl_text data;      /* what variables of type string hold; p NULL: a mail address */
    struct hsl_prog *prog;     /* NULL: it does not compile */
    struct ut_diag_list diags; /* of compiling */
    struct ut_sbuf record;     /* what it echoed, decided, edited and set, one line each */
    struct hsl_result result;
};

/* An environment with the files of fuzz_folder(). */
struct hsl_env *fuzz_hsl_env(void);
/* The flow that a comment "// flow: NAME" in the first line names, else core (as t/hsl.t). */
enum hsl_flow fuzz_hsl_flow(const char *text, size_t len);
/* Compiles s->source: prog and diags. Ends the program if a promise about messages is broken. */
void fuzz_hsl_compile(struct fuzz_script *s, struct hsl_env *env);
/* Runs s->prog, as often as wanted: record and result are of the last run. Ends the program if a
 * promise about errors, log records, replies or edits is broken. */
void fuzz_hsl_run(struct fuzz_script *s, struct hsl_machine *m);
void fuzz_hsl_fini(struct fuzz_script *s);
/* Runs [text], a mail flow that finds [size] bytes at [data] in $senderhelo and in the header
 * X-Data, and ends with a final action; the same text each time. What it throws is a finding. */
void fuzz_hsl_feed(const char *text, const uint8_t *data, size_t size);

#endif
