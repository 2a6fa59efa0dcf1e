/* ctl_log_line.h - one log record as people read it. */
#ifndef CTL_LOG_LINE_H
#define CTL_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_sbuf.h"

/* Appends the record of [len] bytes at [line] (one line, no LF) to [out], with an LF: as it stands
 * there if [raw], else as
 *     TIME LEVEL PROGRAM[PID]: TEXT name=value name="value with blanks" ...
 * A line that is no record is appended as it is, control and invalid bytes escaped. */
void ctl_log_line_add(struct ut_sbuf *out, const char *line, size_t len, bool raw);

#endif
