/* hsl_session.h - a script that grows: one step after the other is compiled and run, and variables,
 * functions and classes stay. For the interactive mode of `hsl`.
 *
 *     lifecycle: hsl_session_new -> hsl_session_step ... -> hsl_session_free
 *
 * Each step is one or more whole statements, with the core library (HSL_FLOW_CORE). A function or
 * class may be declared anew; what was compiled before goes on using the old one. Not thread-safe. */
#ifndef HSL_SESSION_H
#define HSL_SESSION_H

#include "hsl/hsl.h"

struct hsl_session;

enum hsl_step {
    HSL_STEP_DONE,    /* it ran: the result says how that ended */
    HSL_STEP_MORE,    /* the text ends too early: nothing was done */
    HSL_STEP_REFUSED  /* it does not compile: see the diagnostics; nothing was done */
};

/* [limits] are copied and hold for each step, max_memory for all that is kept. [env] is borrowed
 * until the session goes. NULL: no memory. */
struct hsl_session *hsl_session_new(
    struct hsl_env *env, const struct hsl_limits *limits) UT_CHECKED;
void hsl_session_free(struct hsl_session *s); /* NULL is allowed */

/* Runs [len] bytes at [text], which messages call [name]. A missing ; at the end is added. With
 * [whole] the text is complete for sure: the result is not HSL_STEP_MORE. [res] is set for
 * HSL_STEP_DONE. If the last statement is an expression other than an assignment, its value is
 * appended to [value] in the form that arrays are printed in, unless it is none; value->failed: it
 * is too large. */
enum hsl_step hsl_session_step(struct hsl_session *s, const char *name, const char *text, size_t len,
    bool whole, const struct hsl_host *host, void *host_arg, struct hsl_result *res,
    struct ut_sbuf *value, struct ut_diag_list *diags);

/* Calls [take] with each name that may follow [word]: variables with their $, keywords, functions,
 * classes; after "$v->" the methods and properties of the object that $v holds, after "C::" what
 * the class C has. Names begin with [word] and hold it. */
void hsl_session_complete(struct hsl_session *s, const char *word,
    void (*take)(void *arg, const char *name), void *arg);

#endif
