/* mlt_limits.h - the limits of script runs, for all flows and for each (language §18). */
#ifndef MLT_LIMITS_H
#define MLT_LIMITS_H

#include "hsl/hsl.h"
#include "lib/ut_bug.h"
#include "lib/ut_conf.h"
#include "lib/ut_diag.h"

struct mlt_limits {
    struct hsl_limits access, rcpt, mail;
};

/* Fills [l] with what [conf] says. Mistakes in the flows' own lists go to [diags], each once; what
 * stands before one holds. Any thread. */
void mlt_limits_load(const struct ut_conf *conf, struct mlt_limits *l, struct ut_diag_list *diags);
/* Those of [flow] (access, rcpt or mail). */
const struct hsl_limits *mlt_limits_of(const struct mlt_limits *l, enum hsl_flow flow);

#endif
