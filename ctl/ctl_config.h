/* ctl_config.h - `penstock config`: what the configuration says, and what it may say. */
#ifndef CTL_CONFIG_H
#define CTL_CONFIG_H

#include "ctl/ctl.h"

extern const struct ctl_command ctl_config_commands[];

#endif
