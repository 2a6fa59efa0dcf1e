/* ctl_log.h - `penstock log`: prints, searches and follows the log file. */
#ifndef CTL_LOG_H
#define CTL_LOG_H

#include "ctl/ctl.h"

extern const struct ctl_command ctl_log_commands[];

#endif
