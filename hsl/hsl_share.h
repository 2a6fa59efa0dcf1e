/* hsl_share.h - state that outlives runs and is shared: windows of rate(), keys of memory_*(),
 * locks and values of barriers.
 *
 * A struct of functions, so that the store can be this process's own (hsl_share_local_new(), below)
 * or that of the whole installation, kept by the policy daemon (policyd/pol_client.h). Values are
 * bytes. Any thread may call. */
#ifndef HSL_SHARE_H
#define HSL_SHARE_H

#include "hsl/hsl_host.h"
#include "lib/ut_sbuf.h"

#define HSL_SHARE_NAME_MAX 1024u           /* bytes of a name: barrier, key, namespace, entry */
#define HSL_SHARE_VALUE_MAX (1024u * 1024) /* bytes of a value */

enum hsl_share_end {
    HSL_SHARE_OK,
    HSL_SHARE_TIMEOUT, /* waited as long as was allowed */
    HSL_SHARE_FULL,    /* no room, too large, or no memory */
    HSL_SHARE_DOWN     /* the store cannot be reached */
};

/* What becomes of the value of a barrier that is left. */
enum hsl_share_keep { HSL_SHARE_KEEP, HSL_SHARE_STORE, HSL_SHARE_REMOVE };

/* When a key is changed. ORDER WHEN: pol_wire.c */
enum hsl_share_when {
    HSL_SHARE_ALWAYS,
    HSL_SHARE_IF_MISSING,
    HSL_SHARE_IF_SAME /* its version is the one given; 0: it is missing */
};

/* A change of a key of memory_*(). */
struct hsl_share_change {
    struct hsl_text key;
    struct hsl_text value; /* p NULL: the key goes */
    enum hsl_share_when when;
    uint64_t version;
};

/* What a key holds. */
struct hsl_share_entry {
    bool found;
    uint64_t version;     /* another one after each change; never 0 */
    struct ut_sbuf value; /* the caller's: bytes are appended */
};

struct hsl_share;

/* Each takes the seconds that an answer may take, [patience]: a store that lets one wait longer is
 * DOWN. It is hsl_patience() (hsl_run.h) for a run,
 * of what [wait] leaves of its time. */
struct hsl_share_ops {
    /* Waits at most [wait] seconds (besides [patience]) until nobody else holds the barrier [name]
     * and takes it: *lock is to be given to leave() then. The bytes of its value are appended to
     * [value], *has_value says whether it has one. OK, TIMEOUT, FULL or DOWN; not held unless OK.
     */
    enum hsl_share_end (*enter)(struct hsl_share *s, double patience, const struct hsl_text *name,
        double wait, struct ut_sbuf *value, bool *has_value, void **lock);
    /* Gives [lock] up whatever happens. STORE: with the bytes [value]. OK; FULL or DOWN: the value
     * is what it was, or (DOWN) nobody knows. */
    enum hsl_share_end (*leave)(struct hsl_share *s, double patience, void *lock,
        enum hsl_share_keep keep, const struct hsl_text *value);
    /* As hsl_rate_hit(): *yes and *events. OK or DOWN. */
    enum hsl_share_end (*rate)(struct hsl_share *s, double patience, const struct hsl_text *space,
        const struct hsl_text *entry, double limit, double interval, bool *yes, double *events);
    /* OK or DOWN, FULL without memory for the value. */
    enum hsl_share_end (*get)(struct hsl_share *s, double patience, const struct hsl_text *key,
        struct hsl_share_entry *entry);
    /* Changes a key if it may, *done; [before] gets what it held until now, also if it is not
     * changed. OK, FULL or DOWN. */
    enum hsl_share_end (*change)(struct hsl_share *s, double patience,
        const struct hsl_share_change *c, struct hsl_share_entry *before, bool *done);
    /* Adds [n] to the number that the key holds, 0 if it is missing: *result. *is_number false: it
     * holds something else, and stays. [remove_zero]: a key that comes to 0 goes. */
    enum hsl_share_end (*add)(struct hsl_share *s, double patience, const struct hsl_text *key,
        double n, bool remove_zero, double *result, bool *is_number);
    void (*free)(struct hsl_share *s);
};

/* Embedded at the start of each store. */
struct hsl_share {
    const struct hsl_share_ops *ops;
};

/* --- The store of this process (hsl_share.c) --- */

/* For at most [memory] bytes: half of them for windows of rate(), a quarter each for keys and for
 * values of barriers. Windows and keys used longest ago go when there is no more room; values
 * of barriers do not. With [kept] it remembers what has changed, for hsl_share_local_changes().
 * [ipv6_prefix]: entries of rate() that are IPv6 addresses count as their network of so many bits,
 * and IPv4 addresses written as IPv6 ones (RFC 4291 section 2.5.5.2) as what they are; 128: as they
 * are written. NULL: no memory. */
struct hsl_share *
hsl_share_local_new(size_t memory, unsigned ipv6_prefix, bool kept) UT_CHECKED;

/* One thing as it is kept in a file, [value] p NULL: it is gone. Lent for the call, under a lock.
 */
typedef void
hsl_share_record_fn(void *arg, const struct hsl_text *key, const struct hsl_text *value);
/* Gives what has changed since the last call, or ([all]) everything there is. One thread at a time.
 */
void
hsl_share_local_changes(struct hsl_share *s, bool all, hsl_share_record_fn *fn, void *arg);
/* Puts back what was given before, in a new store. false: it is over or damaged. */
bool
hsl_share_local_restore(
    struct hsl_share *s, const struct hsl_text *key, const struct hsl_text *value) UT_CHECKED;
/* True for a window that counts nothing any more. */
bool
hsl_share_local_is_over(
    struct hsl_share *s, const struct hsl_text *key, const struct hsl_text *value);
#define HSL_SHARE_ENTRY_TEXT 64
/* What rate() counts [entry] as: itself, or the text of its network, in [buf]. */
struct hsl_text
hsl_share_local_entry(
    const struct hsl_share *s, const struct hsl_text *entry, char buf[HSL_SHARE_ENTRY_TEXT]);
/* The windows, for lists of them, and the time that they count in. */
struct hsl_rate_table *
hsl_share_local_rates(struct hsl_share *s);
double
hsl_share_local_now(const struct hsl_share *s);

#endif
