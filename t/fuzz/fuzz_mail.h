/* fuzz_mail.h - promises about replies and header edits, checked for targets that make some.
 * One thread at a time. */
#ifndef T_FUZZ_MAIL_H
#define T_FUZZ_MAIL_H

#include <stdbool.h>

#include "milter/mlt_edit.h"
#include "milter/mlt_reply.h"

/* Nothing in [r] can break the protocol (library §17.3); [utf8]: bytes above 126 may be there. */
void fuzz_check_reply(const struct mlt_reply *r, bool utf8);
/* [value] with lines joined by LF or CR LF can stand behind a header's name without beginning
 * another header or ending the block. */
void fuzz_check_value(const char *value, size_t len);
/* The changes that [v] leaves, applied one by one as a mail server does, and
 * mlt_edits_write(), give the headers that the view shows. */
void fuzz_check_view(const struct mlt_view *v);
/* Numbers equal names from 1, as they are received. */
void fuzz_number_headers(struct mlt_header *headers, size_t count);

#endif
