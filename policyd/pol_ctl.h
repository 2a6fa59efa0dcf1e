/* pol_ctl.h - what penstock-policyd answers on its control socket (lib/ut_ctl.h) beside `reload`
 * (lib/ut_service.h): status, rate-list, rate-reset. */
#ifndef POL_CTL_H
#define POL_CTL_H

#include "lib/ut_ctl.h"
#include "lib/ut_serve.h"
#include "policyd/pol_keep.h"
#include "policyd/pol_state.h"

#define POL_SELF "penstock-policyd"

struct pol_ctl {
    struct pol_state *state;
    struct pol_keep *keep;
    struct ut_serve *serve; /* the state socket */
    double started; /* monotonic seconds */
};

/* [arg] is a struct pol_ctl. */
ut_ctl_handler pol_ctl_handle;

#endif
