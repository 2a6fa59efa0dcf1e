/* hsl_context.h - $context between the runs of one connection. */
#ifndef HSL_CONTEXT_H
#define HSL_CONTEXT_H

#include "hsl/hsl_vm.h"

/* Builds what the host kept; false: nothing. */
bool
hsl_context_load(struct hsl_machine *m, struct hsl_build *b);
/* At the end of a run: hands $context to the host if the script had to do with it. */
void
hsl_context_save(struct hsl_machine *m);

#endif
