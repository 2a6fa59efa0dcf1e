/* mlt_reply.h - SMTP replies: the code, enhanced code and text of a refusal, made safe for the
 * wire (library §17.3).
 *
 * Nothing that a script puts into a text can break the protocol: lines are split and bounded,
 * control bytes are replaced, and every line stands behind a code and an enhanced code of the
 * same class. Any thread; memory comes from the arena that is passed. */
#ifndef MLT_REPLY_H
#define MLT_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "hsl/hsl_host.h"
#include "lib/ut_arena.h"
#include "lib/ut_bug.h"
#include "lib/ut_sbuf.h"

#define MLT_REPLY_LINES 32 /* most lines of a reply, as libmilter allows */
#define MLT_REPLY_TEXT 480 /* most bytes of one: with codes below RFC 5321's 512 */

struct mlt_reply {
    unsigned code;      /* 400-599; 0: there is no reply */
    char status[12];    /* "5.7.1" */
    const char **lines; /* texts without codes; as long as the arena */
    size_t count;       /* at least 1 */
};

/* Fills [r] from the action [v] of a run of [flow]; what [v] leaves open is the action's own
 * default. [utf8]: bytes above 126 may stay if they are UTF-8 (SMTPUTF8 was announced). -1
 * without memory. */
int mlt_reply_of(struct mlt_reply *r, struct ut_arena *arena, enum hsl_flow flow,
    const struct hsl_verdict *v, bool utf8) UT_CHECKED;
/* The default reply of [action] in [flow]; [text] NULL: its default text. Lines point to constants
 * and [text]: nothing is allocated, nothing fails. [one] holds the line and must live as [r]. */
void mlt_reply_default(struct mlt_reply *r, const char **one, enum hsl_flow flow,
    enum hsl_action action, const char *text);
/* The same with everything given: for replies of our own such as 452 4.3.1. */
void mlt_reply_set(
    struct mlt_reply *r, const char **one, unsigned code, const char *status, const char *text);
/* Appends "550 5.7.1 text text": lines joined by a blank. */
void mlt_reply_to_text(const struct mlt_reply *r, struct ut_sbuf *out);
/* Appends the texts only, joined by a blank. */
void mlt_reply_text(const struct mlt_reply *r, struct ut_sbuf *out);
/* True if both say the same. */
bool mlt_reply_same(const struct mlt_reply *a, const struct mlt_reply *b);

#endif
