/* fuzz_hsl.h - one script compiled and run on a host that takes everything and writes it down.
 * One thread at a time. */
#ifndef T_FUZZ_HSL_H
#define T_FUZZ_HSL_H

#include <stdbool.h>

#include "hsl/hsl_host.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"

/* What one script did. */
struct fuzz_script {
    struct hsl_source source;
    struct hsl_text data;      /* what variables of type string hold; p NULL: a mail address */
    bool run;                  /* it was compiled and then run */
    struct ut_diag_list diags; /* of compiling */
    struct ut_sbuf record;     /* what it echoed, decided, edited and set, one line each */
    struct hsl_result result;  /* if it was run */
};

/* The flow that a comment "// flow: NAME" in the first line names, else core (as t/hsl.t). */
enum hsl_flow fuzz_hsl_flow(const char *text, size_t len);
/* Fills [s] from its source and data; ends the program if a promise about errors, log records,
 * replies or edits is broken. With [env] from fuzz_hsl_env(). */
void fuzz_hsl_run(struct fuzz_script *s, struct hsl_env *env, struct hsl_machine *m);
void fuzz_hsl_fini(struct fuzz_script *s);
/* An environment with the files of fuzz_folder(). */
struct hsl_env *fuzz_hsl_env(void);

#endif
