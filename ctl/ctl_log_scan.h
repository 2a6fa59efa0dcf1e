/* ctl_log_scan.h - prints the wanted records of a whole log file, with all the speed there is.
 * Not thread-safe; makes threads of its own and has ended them when it returns. */
#ifndef CTL_LOG_SCAN_H
#define CTL_LOG_SCAN_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"

/* Prints those of the first [size] bytes of the file [fd] that [what] asks for (see
 * ctl_log_query_new()), in their order, on standard output; [raw]: as they stand in the file.
 * -1 with [d] set if reading, matching or writing failed; what came before is printed. */
int ctl_log_scan(int fd, off_t size, const char *what, bool raw, struct ut_diag *d) UT_CHECKED;

#endif
