/* hsl_share.h - state that outlives runs and is shared: the barriers' locks and values.
 *
 * A struct of functions, so that the store can be this process's own (hsl_share_local_new(), below)
 * or that of the whole installation, kept by the policy daemon. Any thread may call. */
#ifndef HSL_SHARE_H
#define HSL_SHARE_H

#include "hsl/hsl_host.h"
#include "lib/ut_sbuf.h"

#define HSL_SHARE_NAME_MAX 1024u /* bytes of a name */

enum hsl_share_end {
    HSL_SHARE_OK,
    HSL_SHARE_TIMEOUT, /* waited as long as was allowed */
    HSL_SHARE_FULL,    /* no room for the value, or no memory */
    HSL_SHARE_DOWN     /* the store cannot be reached */
};

/* What becomes of the value of a barrier that is left. */
enum hsl_share_keep { HSL_SHARE_KEEP, HSL_SHARE_STORE, HSL_SHARE_REMOVE };

struct hsl_share;

struct hsl_share_ops {
    /* Waits at most [wait] seconds until nobody else holds the barrier [name] (at most
     * HSL_SHARE_NAME_MAX bytes) and takes it: *lock is to be given to leave() then. The bytes of
     * its value are appended to [value], *has_value says whether it has one. OK, TIMEOUT, FULL or
     * DOWN; not held unless OK. */
    enum hsl_share_end (*enter)(struct hsl_share *s, const struct hsl_text *name, double wait,
        struct ut_sbuf *value, bool *has_value, void **lock);
    /* Gives [lock] up whatever happens. STORE: with the bytes [value]. OK; FULL or DOWN: the value
     * is what it was, or (DOWN) nobody knows. */
    enum hsl_share_end (*leave)(
        struct hsl_share *s, void *lock, enum hsl_share_keep keep, const struct hsl_text *value);
    void (*free)(struct hsl_share *s);
};

/* Embedded at the start of each store. */
struct hsl_share {
    const struct hsl_share_ops *ops;
};

/* A store in this process for values of at most [memory] bytes together. NULL: no memory. */
struct hsl_share *
hsl_share_local_new(size_t memory) UT_CHECKED;

#endif
