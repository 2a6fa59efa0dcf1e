/* ctl_daemon.h - `penstock status` and `penstock reload`. */
#ifndef CTL_DAEMON_H
#define CTL_DAEMON_H

#include "ctl/ctl.h"

extern const struct ctl_command ctl_daemon_commands[];

#endif
