/* ctl_check.h - `penstock check`: every mistake in the configuration and in its flows. */
#ifndef CTL_CHECK_H
#define CTL_CHECK_H

#include "ctl/ctl.h"

extern const struct ctl_command ctl_check_commands[];

#define CTL_CHECK_MAX_DIAGS 1000 /* entries kept; later ones are only counted */

/* Loads the configuration of [c] and compiles each flow it names; prints all errors and warnings
 * on standard error. EX_OK (c->conf is there) or EX_CONFIG. */
int ctl_check_all(struct ctl_call *c);
/* Prints [diags] with their source lines; [flow_dir] is where scripts are looked for, or NULL. */
void ctl_check_print(const char *flow_dir, const struct ut_diag_list *diags);

#endif
