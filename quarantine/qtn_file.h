/* qtn_file.h - one quarantined message as a file: its format (penstock-quarantine(7)) and
 * the reader.
 *
 * A file is a plain RFC 5322 message: envelope headers "X-Penstock-...", then the original
 * message, byte for byte. The first line has a fixed length and says where the original starts,
 * how long it is, and the SHA-256 of everything behind that line:
 *     X-Penstock-Format: 1; offset=0000000512; size=000000000000002048; sha256=HEX
 * The reader looks no further than the offset, so X-Penstock- headers that a message brought
 * along stay what they are: part of the message.
 *
 * Threads: a struct qtn_file belongs to one thread at a time; the rest may be called by any. */
#ifndef QTN_FILE_H
#define QTN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"
#include "quarantine/qtn_id.h"

enum qtn_result {
    QTN_OK,
    QTN_FULL,   /* cannot be kept now: ENOSPC, EDQUOT, EROFS, a missing folder: answer 452 */
    QTN_GONE,   /* no message of that id */
    QTN_BROKEN, /* the file is not one of ours, or damaged */
    QTN_ERROR   /* anything else: no memory, I/O error, an envelope over the limits */
};

#define QTN_ENVELOPE_MAX ((size_t)256 * 1024) /* bytes of all envelope headers of one file */
#define QTN_SIZE_MAX (1LL << 40)                  /* bytes of one original message */
#define QTN_METADATA_MAX 256                  /* pairs of one message */

/* A name and value that a script attached. */
struct qtn_pair {
    const char *name;  /* not empty */
    const char *value; /* any text */
};

/* What is known about a message besides its bytes. All texts end in NUL, may hold any other byte
 * and are borrowed by whoever is given this; NULL means "". */
struct qtn_envelope {
    const char *id;         /* NULL when storing: one is made */
    const char *quarantine; /* "mailquarantine:1" */
    const char *sender;     /* without <>; "": the null sender */
    const char *recipient;  /* without <>, as it is to be used for the release */
    const char *client;     /* IP address of the SMTP client */
    const char *helo;       /* what it called itself */
    const char *queue;      /* Postfix queue id */
    const char *message;    /* our message id ($messageid), not the Message-ID header */
    const char *session;    /* our session id */
    const char *transport;  /* "mailtransport:1" */
    const char *reason;     /* why it is held */
    const char *flow;       /* "mail.hsl:12": file and line that decided */
    const struct qtn_pair *metadata;
    size_t metadata_count;
};

/* A file that is open for reading. */
struct qtn_file {
    int fd;                    /* -1: not open */
    struct qtn_envelope env;   /* texts lent until close; never NULL here */
    off_t offset;              /* bytes of the file before the original message */
    long long size;            /* bytes of the original message */
    char sha256[65];          /* lower-case hex, of all behind the first line */
    void *memory;              /* what [env] points into */
};

/* Opens the file [path] that should hold the message [id] (NULL: whichever), reads the envelope
 * and compares the length. Never waits on a FIFO or device, never follows a symbolic link.
 * QTN_GONE, QTN_BROKEN or QTN_ERROR with [d] set: then nothing is open. The file position is
 * at the original message; pread(2) from offset does as well. */
enum qtn_result qtn_file_open(struct qtn_file *f, const char *path, const char *id,
    struct ut_diag *d) UT_CHECKED;
/* Closes and frees; nothing happens if [f] is not open. */
void qtn_file_close(struct qtn_file *f);
/* Reads it all and compares the digest: QTN_OK, QTN_BROKEN, QTN_ERROR. */
enum qtn_result qtn_file_verify(const struct qtn_file *f, struct ut_diag *d) UT_CHECKED;

/* For qtn_store.c: appends the envelope headers without the first line. -1 with [d] set if the
 * envelope is over the limits or memory is out. [e]->id must be valid. */
int
qtn_file_headers(const struct qtn_envelope *e, struct ut_sbuf *out, struct ut_diag *d) UT_CHECKED;
#define QTN_FILE_FIRST 139 /* bytes of the first line with its CRLF */
/* Writes the first line and a NUL. [sha256] is hex. */
void qtn_file_first(char out[QTN_FILE_FIRST + 1], off_t offset, long long size, const char *sha256);

#endif
