/* mlt_ops.h - what the session may ask of the mail server, and what it answers.
 *
 * The session logic sees only this struct; the real functions call libmilter (mlt_cb.c), those of
 * the tests write down what was asked. Chosen when a connection begins, the same to its end.
 * Functions give 0, or -1 if the mail server did not take it: the message is then deferred.
 * Texts are borrowed. [ctx] is the pointer given to mlt_sess_new(). */
#ifndef MLT_OPS_H
#define MLT_OPS_H

#include <stddef.h>

#include "lib/ut_bug.h"

/* What is told to the mail server at the end of a step. */
enum mlt_answer {
    MLT_CONTINUE,
    MLT_REJECT,   /* with the reply set before */
    MLT_TEMPFAIL, /* with the reply set before */
    MLT_DISCARD   /* at end of message: accept and drop */
};

struct mlt_reply;

struct mlt_ops {
    /* The value of the macro [name] ("i", "{daemon_addr}"), lent until the step ends; NULL: not
     * there. */
    const char *(*getsym)(void *ctx, const char *name);
    int (*setreply)(void *ctx, const struct mlt_reply *reply) UT_CHECKED;
    /* At end of message only: */
    int (*chgheader)(void *ctx, const char *name, unsigned index, const char *value) UT_CHECKED;
    int (*insheader)(void *ctx, unsigned index, const char *name, const char *value) UT_CHECKED;
    int (*chgfrom)(void *ctx, const char *address) UT_CHECKED;
    /* [params]: ESMTP parameters split by blanks, for a mail server that takes them; NULL: none. */
    int (*addrcpt)(void *ctx, const char *address, const char *params) UT_CHECKED;
    int (*delrcpt)(void *ctx, const char *address) UT_CHECKED;
    /* "Still working": called from another thread than the rest while a message is decided on. */
    int (*progress)(void *ctx) UT_CHECKED;
};

#endif
