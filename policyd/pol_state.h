/* pol_state.h - the daemon's end of the state socket (pol_wire.h). */
#ifndef POL_STATE_H
#define POL_STATE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "hsl/hsl_share.h"

struct pol_state {
    struct hsl_share *share; /* lent */
    atomic_ulong requests;   /* answered since the start */
    atomic_ulong refused;    /* requests that were not understood */
    atomic_uint held;        /* barriers held now */
};

/* For ut_serve_start(), [arg] a struct pol_state: answers the requests of one client until it is
 * gone, sends what is no request, or takes longer than half a minute for one. What it holds then is
 * given up. */
void
pol_state_serve(void *arg, int fd, uid_t peer);

#endif
