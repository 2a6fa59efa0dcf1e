/* qtn_audit.h - the audit log: what became of each message, by whom and by which way.
 *
 * A file that is only appended to, one JSON object a line:
 *     {"time": "2024-02-29T23:59:59.000001Z", "event": "released", "id": "...",
 *      "by": "root", "way": "command", "note": "250 2.0.0 Ok", "quarantine": ..., ...}
 * followed by what is known about the message, so that the index can be built again from it. An
 * event is in the file, durable, before its effect is told to anybody. After a crash the last
 * ones may not have taken effect yet (qtn_keeper.c does that then).
 *
 * One thread at a time. */
#ifndef QTN_AUDIT_H
#define QTN_AUDIT_H

#include <stddef.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "quarantine/qtn_record.h"

/* ORDER event: qtn_audit.c has the names. */
enum qtn_event {
    QTN_EVENT_STORED,         /* taken into the index */
    QTN_EVENT_RELEASED,       /* delivered */
    QTN_EVENT_RELEASE_FAILED, /* still held */
    QTN_EVENT_DELETED,
    QTN_EVENT_WITHDRAWN, /* the milter took it back */
    QTN_EVENT_EXPIRED,   /* its retention is over: file and record are removed */
    QTN_EVENT_LOST       /* its file was not there when the index was built again */
};

/* Who does something, and why it is in the log. All texts are borrowed; NULL: none. */
struct qtn_act {
    enum qtn_event event;
    const char *by;   /* "root": the user; "penstock-quarantined" */
    const char *way;  /* "command", "retention", "milter", "start" ... */
    const char *note; /* more words, such as the SMTP reply */
};

struct qtn_audit;

/* Opens the file [path], made with mode 0600 if it is missing. A last line that a crash cut off
 * is ended. NULL with [d] set. */
struct qtn_audit *qtn_audit_open(const char *path, struct ut_diag *d) UT_CHECKED;
/* Frees; NULL is allowed. */
void qtn_audit_close(struct qtn_audit *a);
/* Opens the file again by its name, for rotation. On failure the old one stays in use. */
int qtn_audit_reopen(struct qtn_audit *a, struct ut_diag *d) UT_CHECKED;
/* Appends the event [act] for each of [count] records and makes it durable. -1 with [d] set: then
 * none of them is in the file. */
int
qtn_audit_write(struct qtn_audit *a, const struct qtn_act *act, const struct qtn_record *records,
    size_t count, struct ut_diag *d) UT_CHECKED;

/* Takes one event that happened at [time] (milliseconds since 1970); all is lent for the call.
 * r->state is what the event leads to, r->changed is [time]. Anything but 0 ends the reading. */
typedef int qtn_audit_fn(void *arg, enum qtn_event event, const struct qtn_record *r);
/* Reads the last [tail] bytes (-1: all) of the file that [a] has open, from the first whole line
 * on. Lines that are not events are skipped and counted in [*skipped]. -1 with [d] set, or what
 * [fn] gave. */
int qtn_audit_read(struct qtn_audit *a, long long tail, qtn_audit_fn *fn, void *arg,
    unsigned long *skipped, struct ut_diag *d) UT_CHECKED;

const char *qtn_event_name(enum qtn_event e);

#endif
