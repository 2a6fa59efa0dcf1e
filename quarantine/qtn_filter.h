/* qtn_filter.h - which messages a list shows. Any thread; nothing is kept. */
#ifndef QTN_FILTER_H
#define QTN_FILTER_H

#include <stdbool.h>

#include "lib/ut_attr.h"
#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "quarantine/qtn_record.h"

struct qtn_filter {
    const char *recipient; /* address, or "@domain"; compared without case; NULL: any */
    const char *sender;    /* the same; "<>": the null sender */
    const char *subject;   /* part of the subject, without ASCII case; NULL: any */
    long long since;       /* stored at or after, milliseconds since 1970 */
    long long until;       /* stored before */
    int state;             /* enum qtn_state; -1: held and releasing; -2: any */
};

/* Reads the attributes `recipient`, `sender`, `subject`, `since`, `until` (milliseconds) and
 * `state` ("all": any) of a request, from which it borrows. -1 with [d] set. */
int qtn_filter_read(struct qtn_filter *f, const struct ut_attr_list *request,
    struct ut_diag *d) UT_CHECKED;
/* True if [r] is to be shown. */
bool qtn_filter_match(const struct qtn_filter *f, const struct qtn_record *r);
/* The recipient by which the index can find all that match, or NULL. */
const char *qtn_filter_key(const struct qtn_filter *f);

#endif
