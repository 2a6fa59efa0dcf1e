/* qtn_expire.c - delete messages: on request, and when their retention is over.
 * Not here: withdrawing (qtn_take.c), releasing (qtn_release.c).
 * Threads: any, without having entered. Fails: as index and audit log do. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/ut_log.h"
#include "quarantine/qtn_expire.h"

#define TMP_AGE 3600 /* seconds: no message takes that long to write */

static void
log_act(const struct qtn_record *r, const struct qtn_act *act)
{
    struct ut_log_rec *l = ut_log_begin(UT_LOG_INFO);

    ut_log_text(l, "%s: %s by %s (%s)", r->id, qtn_event_name(act->event), act->by, act->way);
    ut_log_str(l, "id", r->id);
    ut_log_str(l, "event", qtn_event_name(act->event));
    ut_log_str(l, "sender", r->text[QTN_TEXT_SENDER]);
    ut_log_str(l, "recipient", r->text[QTN_TEXT_RECIPIENT]);
    ut_log_str(l, "message", r->text[QTN_TEXT_MESSAGE]);
    ut_log_str(l, "by", act->by);
    ut_log_str(l, "way", act->way);
    ut_log_end(l);
}

static int
delete_record(struct qtn_keeper *k, struct qtn_record *r, const struct qtn_act *act, bool *again,
    struct ut_diag *d)
{
    if (r->state == QTN_RELEASING)
        return ut_diag_set(d, "message %s is being released at this moment", r->id);
    if (r->state != QTN_HELD) {
        *again = true;
        return 0;
    }
    log_act(r, act);
    return qtn_keeper_settle(k, act, r, d);
}

int
qtn_delete(struct qtn_keeper *k, const char *id, const char *by, const char *way, bool *again,
    struct ut_diag *d)
{
    struct qtn_act act = {.event = QTN_EVENT_DELETED, .by = by, .way = way};
    struct qtn_record r;
    enum qtn_find found;
    int result = -1;

    *again = false;
    if (qtn_keeper_enter(k, d) < 0)
        return -1;
    found = qtn_index_get(k->index, id, &r, d);
    if (found == QTN_NOTFOUND)
        ut_diag_set(d, "there is no message %s", id);
    if (found == QTN_FOUND) {
        result = delete_record(k, &r, &act, again, d);
        qtn_record_fini(&r);
    }
    qtn_keeper_leave(k);
    return result;
}

/* Retention -------------------------------------------------------------------------------------
 */

/* The time (milliseconds since 1970) before which messages of box [b] are too old. */
static long long
limit_of(const struct qtn_box *b, long long now)
{
    return now - (long long)b->retention * 1000;
}

/* Looks at the record behind [after], which becomes its id: 1: go on, 0: the rest is younger than
 * [newest], -1. */
static int
expire_next(struct qtn_keeper *k, char after[QTN_ID_LEN + 1], long long now, long long newest,
    unsigned long *count, struct ut_diag *d)
{
    static const struct qtn_act act = {
        .event = QTN_EVENT_EXPIRED, .by = QTN_SELF, .way = "retention"};
    struct qtn_record r;
    const struct qtn_box *box;
    enum qtn_find found = qtn_index_next(k->index, after, NULL, &r, d);
    int result = 1;

    if (found != QTN_FOUND)
        return found == QTN_FAILED ? -1 : 0;
    memcpy(after, r.id, sizeof(r.id));
    box = qtn_boxes_get(k->boxes, r.text[QTN_TEXT_QUARANTINE]);
    if (qtn_record_stored(&r) > newest) {
        result = 0;
    } else if (box && r.state != QTN_RELEASING && qtn_record_stored(&r) <= limit_of(box, now)) {
        log_act(&r, &act);
        ++*count;
        if (qtn_keeper_settle(k, &act, &r, d) < 0)
            result = -1;
    }
    qtn_record_fini(&r);
    return result;
}

/* Removes what a crash of the milter left in tmp/. */
static void
clean_tmp(const struct qtn_box *b)
{
    char dir[QTN_PATH_MAX];
    char path[QTN_PATH_MAX + 300];
    struct dirent *e;
    struct stat st;
    DIR *at;

    qtn_store_path(b->store, QTN_PLACE_TMP, NULL, dir);
    at = opendir(dir);
    while (at && (e = readdir(at)) != NULL) {
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (lstat(path, &st) == 0 && !S_ISDIR(st.st_mode) && st.st_mtime < time(NULL) - TMP_AGE)
            unlink(path);
    }
    if (at)
        closedir(at);
}

int
qtn_expire(struct qtn_keeper *k, unsigned long *count, struct ut_diag *d)
{
    struct qtn_boxes *boxes = qtn_keeper_boxes(k);
    char after[QTN_ID_LEN + 1] = "";
    long long now = qtn_keeper_now();
    long long newest = -1;
    int result = 1;

    *count = 0;
    for (size_t i = 0; i < boxes->count; i++) {
        clean_tmp(&boxes->items[i]);
        if (limit_of(&boxes->items[i], now) > newest)
            newest = limit_of(&boxes->items[i], now);
    }
    qtn_boxes_unref(boxes);
    while (result > 0) {
        if (qtn_keeper_enter(k, d) < 0)
            return -1;
        result = expire_next(k, after, now, newest, count, d);
        qtn_keeper_leave(k);
    }
    return result;
}
