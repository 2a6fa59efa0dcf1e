/* qtn_record.h - what the index knows about one message: envelope, state, who did what.
 *
 * A record owns at most one block of memory that its texts point into; texts set by hand are
 * borrowed. One thread at a time. */
#ifndef QTN_RECORD_H
#define QTN_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_attr.h"
#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"
#include "quarantine/qtn_file.h"
#include "quarantine/qtn_id.h"

/* ORDER state: stored in the index as a number, qtn_record.c has the names. */
enum qtn_state {
    QTN_HELD,      /* its file is in incoming/ or held/ */
    QTN_RELEASING, /* the same; a release is under way */
    QTN_RELEASED,  /* delivered; no file any more */
    QTN_DELETED    /* no file any more */
};

/* ORDER text: stored in the index in this order, qtn_record.c has the names. */
enum qtn_text {
    QTN_TEXT_QUARANTINE, /* "mailquarantine:1": the section whose folder it is in */
    QTN_TEXT_SENDER,
    QTN_TEXT_RECIPIENT,
    QTN_TEXT_SUBJECT, /* of the message, as it stands there, unfolded */
    QTN_TEXT_FROM,    /* the same */
    QTN_TEXT_REASON,
    QTN_TEXT_FLOW,
    QTN_TEXT_CLIENT,
    QTN_TEXT_HELO,
    QTN_TEXT_QUEUE,
    QTN_TEXT_MESSAGE,
    QTN_TEXT_SESSION,
    QTN_TEXT_TRANSPORT,
    QTN_TEXT_BY,   /* who released or deleted it */
    QTN_TEXT_NOTE, /* what the last release said */
    QTN_TEXT_COUNT
};

#define QTN_TEXT_MAX 1000 /* bytes kept of each text */
#define QTN_RECORD_MAX ((size_t)(QTN_TEXT_COUNT * (QTN_TEXT_MAX + 1) + 256))

struct qtn_record {
    char id[QTN_ID_LEN + 1];
    enum qtn_state state;
    long long changed;               /* milliseconds since 1970 of the last change of state */
    long long size;                  /* bytes of the original message */
    char sha256[65];                 /* as in struct qtn_file */
    const char *text[QTN_TEXT_COUNT]; /* never NULL after init, decode or from_file */
    void *memory;                    /* owned; NULL: all texts are borrowed */
};

/* Makes an empty record for [id], which must be valid. */
void qtn_record_init(struct qtn_record *r, const char *id);
/* Frees what it owns. */
void qtn_record_fini(struct qtn_record *r);
/* When the message was stored, milliseconds since 1970. */
long long qtn_record_stored(const struct qtn_record *r);

/* Fills [r] from the file [f], in state held, of the quarantine [box]; it owns its texts.
 * -1 with [d] set: nothing to free. */
int qtn_record_from_file(struct qtn_record *r, const struct qtn_file *f, const char *box,
    struct ut_diag *d) UT_CHECKED;

/* Appends the stored form (all but the id); long texts are cut. */
void qtn_record_encode(const struct qtn_record *r, struct ut_sbuf *out);
/* Reads the [len] bytes at [p], which [r] owns from now on, and frees them on failure (malloc).
 * -1 with [d] set if they are not a record. */
int qtn_record_decode(struct qtn_record *r, const char *id, void *p, size_t len,
    struct ut_diag *d) UT_CHECKED;

/* The recipient in the stored form at [p], lent as long as that; NULL if it is damaged. */
const char *qtn_record_peek_recipient(const void *p, size_t len);

/* "held" ... "deleted"; and back: -1 if it is none. */
const char *qtn_state_name(enum qtn_state s);
int qtn_state_by_name(const char *name);
/* "quarantine", "sender" ...: as attributes, JSON keys and filters call a text. */
const char *qtn_text_name(enum qtn_text t);
/* Appends the record as attributes, the id first; empty texts are left out. */
void qtn_record_attrs(const struct qtn_record *r, struct ut_sbuf *out);

#endif
