/* mlt_addr.h - mail addresses as the mail server gives them (RFC 5321 4.1.2), taken apart for
 * scripts. Any thread; memory comes from the arena that is passed. */
#ifndef MLT_ADDR_H
#define MLT_ADDR_H

#include <stdbool.h>

#include "lib/ut_arena.h"
#include "lib/ut_bug.h"
#include "milter/mlt_data.h"

/* Takes the address [raw] ("<Ann@Example.Org>", also without <>) and its ESMTP parameters [params]
 * (ended by NULL; may be NULL) apart. A source route, comments and needless quotes are dropped: see
 * mlt_addr.c. All is copied. -1 without memory. */
int mlt_addr_parse(
    struct mlt_address *a, struct ut_arena *arena, const char *raw, char *const *params) UT_CHECKED;
/* True if [text] (without <>) is the address [a]: letter case aside, as scripts see it. */
bool mlt_addr_is(const struct mlt_address *a, const char *text);
/* The value of the ESMTP parameter [name] of [a], "" if it has none, NULL if it is not there. */
const char *mlt_addr_param(const struct mlt_address *a, const char *name);

#endif
