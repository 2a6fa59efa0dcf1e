/* mlt_limits.h - the limits of script runs, for all flows and for each (language §18). */
#ifndef MLT_LIMITS_H
#define MLT_LIMITS_H

#include "hsl/hsl.h"
#include "lib/ut_bug.h"
#include "lib/ut_conf.h"
#include "lib/ut_diag.h"

/* What [conf] says for scripts of [flow] (access, rcpt or mail). -1 with [d] set: the flow's own
 * list has a mistake; *l has what stood before it. Any thread. */
int mlt_limits_get(const struct ut_conf *conf, enum hsl_flow flow, struct hsl_limits *l,
    struct ut_diag *d) UT_CHECKED;

#endif
