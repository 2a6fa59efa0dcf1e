/* mlt_journal.h - what was done for messages whose answer has not been given yet, so that a message
 * that comes again after we were killed is not held, copied or reported twice.
 *
 * A client that got no answer sends the same bytes again. Each effect is written down before or
 * when it is made, under the digest of the message; when the answer is known to have been sent,
 * the message is forgotten. See mlt_journal.c for the file and its guarantees.
 *
 * Threads: any may use one journal; a claim belongs to one thread at a time. */
#ifndef MLT_JOURNAL_H
#define MLT_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"

struct mlt_journal;
/* One message between its first effect and its answer. */
struct mlt_claim;

/* ORDER EFFECT: letters of the file in mlt_journal.c */
enum mlt_effect {
    MLT_EFFECT_HOLDING,   /* about to be held as [value] */
    MLT_EFFECT_HELD,      /* held as [value] */
    MLT_EFFECT_WITHDRAWN, /* not held any more */
    MLT_EFFECT_COPIED,    /* delivered by a copy of its own */
    MLT_EFFECT_REPORTED   /* the sender has got a report */
};

/* Opens or makes the journal [path]; reads what was left open, drops what is older than clients
 * try, and writes it anew. Lines that are damaged are counted in [*damaged] (may be NULL) and
 * dropped. NULL with [d] set. */
struct mlt_journal *
mlt_journal_open(const char *path, size_t *damaged, struct ut_diag *d) UT_CHECKED;
/* Closes and frees; NULL is allowed. Claims must be gone. */
void
mlt_journal_close(struct mlt_journal *j);
/* The file, lent as long as [j]. */
const char *
mlt_journal_path(const struct mlt_journal *j);
/* From now on another process may write lines of its own; to be ended by mlt_journal_alone(). */
void
mlt_journal_share(struct mlt_journal *j);
void
mlt_journal_alone(struct mlt_journal *j);
/* Messages with effects and without an answer. */
size_t
mlt_journal_pending(struct mlt_journal *j);

/* True if [owner] is a recipient of the message that is being claimed. */
typedef bool
mlt_owner_fn(void *arg, const char *owner);

/* Takes the message of [digest] (64 hex digits) for the recipients that [mine] names: with the
 * effects of theirs that an earlier try left open, else new. What was left open for others stays
 * so. NULL without memory. */
struct mlt_claim *
mlt_journal_claim(
    struct mlt_journal *j, const char *digest, mlt_owner_fn *mine, void *arg) UT_CHECKED;
/* The value of [effect] for [recipient] ("" if it has none), lent as long as the claim; NULL: it
 * was not made, or HOLDING and HELD were withdrawn after. */
const char *
mlt_claim_find(const struct mlt_claim *c, enum mlt_effect effect, const char *recipient);
/* Writes down an effect for [recipient], which [owner], a recipient of the message, is the cause
 * of. -1 with [d] set if that failed: then it is not known and must not be made. [value] may be
 * NULL. */
int
mlt_claim_add(struct mlt_claim *c, enum mlt_effect effect, const char *owner, const char *recipient,
    const char *value, struct ut_diag *d) UT_CHECKED;
/* The same for an effect that has been made: it is known even if it cannot be written down, as
 * long as this process lives. */
int
mlt_claim_note(struct mlt_claim *c, enum mlt_effect effect, const char *owner,
    const char *recipient, const char *value, struct ut_diag *d) UT_CHECKED;
/* Appends to [out] the lines that mlt_claim_note() would write for [count] recipients and their
 * owners: for a process that makes the effect and writes them itself. Check out->failed. */
void
mlt_claim_lines(const struct mlt_claim *c, enum mlt_effect effect, const char *const *owners,
    const char *const *recipients, size_t count, struct ut_sbuf *out);
/* Calls [fn] for each recipient that is held (HELD, or HOLDING) by this claim. */
void
mlt_claim_each_held(const struct mlt_claim *c,
    void (*fn)(void *arg, const char *owner, const char *recipient, const char *id), void *arg);
/* The answer has been sent: forgets the message and frees [c]. NULL is allowed. */
void
mlt_claim_answered(struct mlt_claim *c);
/* The message was deferred: what was done stays known until it comes again. Frees [c] for the
 * caller; NULL is allowed. */
void
mlt_claim_keep(struct mlt_claim *c);

#endif
