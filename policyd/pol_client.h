/* pol_client.h - shared state (hsl/hsl_share.h) that penstock-policyd keeps: the other end of the
 * state socket. Any thread. */
#ifndef POL_CLIENT_H
#define POL_CLIENT_H

#include "hsl/hsl_share.h"
#include "lib/ut_diag.h"

/* A store behind the UNIX socket [address], "unix:PATH". Nothing is connected before the first use,
 * and nobody need listen then: each call says DOWN as long as that is so. NULL with [d] set: no
 * memory, or no such address. To be freed by ops->free when nobody uses it any more. */
struct hsl_share *
pol_client_new(const char *address, struct ut_diag *d) UT_CHECKED;

#endif
