/* ctl_rate.h - `penstock rate ...`. */
#ifndef CTL_RATE_H
#define CTL_RATE_H

#include "ctl/ctl.h"

extern const struct ctl_command ctl_rate_commands[];

#endif
