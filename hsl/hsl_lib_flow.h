/* hsl_lib_flow.h - what the files of flow built-ins share. As the run: one thread. */
#ifndef HSL_LIB_FLOW_H
#define HSL_LIB_FLOW_H

#include "hsl/hsl_lib.h"

/* Deliver() under one of its names. */
bool hsl_flow_deliver(struct hsl_run *r, const char *name, const struct hsl_value *args,
    unsigned argc) UT_CHECKED;
/* Tells host->set() that [what] is now [v], argument [n] of [name]; addresses and transports are
 * checked first (R15). The variables that depend on it are read again from the host. */
bool hsl_host_set(struct hsl_run *r, const char *name, const char *what,
    const struct hsl_value *v, unsigned n) UT_CHECKED;

#endif
