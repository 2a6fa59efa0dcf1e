/* mlt_env.h - the language's environment with a pool of machines; outlives reloads, so that the
 * counts behind rate() do.
 *
 * Counted; any thread. */
#ifndef MLT_ENV_H
#define MLT_ENV_H

#include "hsl/hsl.h"
#include "lib/ut_bug.h"
#include "lib/ut_conf.h"
#include "lib/ut_diag.h"

struct mlt_env;

/* An environment for [conf], or for [conf] from the saved revision in the folder [saved] (NULL:
 * none), with one reference. NULL with [d] set. */
struct mlt_env *mlt_env_new(struct ut_conf *conf, const char *saved, struct ut_diag *d) UT_CHECKED;
struct mlt_env *mlt_env_ref(struct mlt_env *e);
void mlt_env_unref(struct mlt_env *e); /* NULL is allowed */
/* True if [e], which is of no saved revision, would serve for [conf] too: same folders, same host
 * name. */
bool mlt_env_fits(const struct mlt_env *e, const struct ut_conf *conf);
/* The folder that scripts are in, lent as long as [e]. */
const char *mlt_env_flow_dir(const struct mlt_env *e);
/* The language's side, lent as long as [e]. */
struct hsl_env *mlt_env_hsl(struct mlt_env *e);

/* A machine for one run, to be given back; NULL without memory. */
struct hsl_machine *mlt_env_take(struct mlt_env *e) UT_CHECKED;
void mlt_env_give(struct mlt_env *e, struct hsl_machine *m);

#endif
