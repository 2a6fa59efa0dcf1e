/* ctl_quarantine.h - the commands `penstock quarantine ...`. */
#ifndef CTL_QUARANTINE_H
#define CTL_QUARANTINE_H

#include "ctl/ctl.h"

extern const struct ctl_command ctl_quarantine_commands[];

#endif
