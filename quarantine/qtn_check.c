/* qtn_check.c - compare files and index, and say what does not fit.
 * Not here: mending it (qtn_reindex.c).
 * Threads: any; the keeper is free while files are read.
 * Fails: when the index or a folder cannot be read; what is wrong with single messages is a
 * finding, not a failure.
 *
 * Everything goes on meanwhile. A message found odd is looked at again, its record first, before
 * it is reported: whatever was in between two steps of a change is settled by then, since a change
 * is made with the keeper's lock held. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/ut_time.h"
#include "quarantine/qtn_check.h"
#include "quarantine/qtn_take.h"
#include "quarantine/qtn_walk.h"

#define TOLD_EVERY 5.0 /* seconds */
#define TMP_AGE 3600

struct checking {
    struct qtn_keeper *k;
    const struct qtn_boxes *boxes;
    qtn_finding_fn *fn;
    void *arg;
    unsigned long files;
    double told;  /* when something was last told */
    bool stopped; /* [fn] wants no more */
};

static int
tell(struct checking *c, enum qtn_finding kind, const char *fmt, ...) UT_PRINTF(3, 4);

static int
tell(struct checking *c, enum qtn_finding kind, const char *fmt, ...)
{
    char text[2 * QTN_PATH_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    c->told = ut_time_mono();
    if (c->fn(c->arg, kind, text) == 0)
        return 0;
    c->stopped = true;
    return 1;
}

static int
tell_progress(struct checking *c)
{
    if (ut_time_mono() < c->told + TOLD_EVERY)
        return 0;
    return tell(c, QTN_PROGRESS, "%lu files verified", c->files);
}

/* The record of [id] as it is now. */
static enum qtn_find
get(struct checking *c, const char *id, struct qtn_record *r, struct ut_diag *d)
{
    enum qtn_find found;

    if (qtn_keeper_enter(c->k, d) < 0)
        return QTN_FAILED;
    found = qtn_index_get(c->k->index, id, r, d);
    qtn_keeper_leave(c->k);
    return found;
}

static bool
has_file(const struct qtn_record *r)
{
    return r->state == QTN_HELD || r->state == QTN_RELEASING;
}

/* Records ------------------------------------------------------------------------------------- */

/* Appends what is wrong with the file of [r], or nothing. */
static void
judge_file(struct checking *c, const struct qtn_box *box, const struct qtn_record *r,
    struct ut_sbuf *wrong)
{
    struct qtn_file f;
    struct ut_diag d;
    enum qtn_result result = qtn_store_read(box->store, r->id, &f, &d);

    if (result != QTN_OK) {
        ut_sbuf_addf(wrong, "its file is not in order: %s", d.text);
        return;
    }
    c->files++;
    if (qtn_file_verify(&f, &d) != QTN_OK)
        ut_sbuf_addf(wrong, "its file is not in order: %s", d.text);
    else if (f.size != r->size || strcmp(f.sha256, r->sha256) != 0)
        ut_sbuf_addz(wrong, "its file is not the one that was stored");
    qtn_file_close(&f);
}

static void
judge(struct checking *c, const struct qtn_record *r, struct ut_sbuf *wrong)
{
    const struct qtn_box *box = qtn_boxes_get(c->boxes, r->text[QTN_TEXT_QUARANTINE]);

    if (!box && has_file(r))
        ut_sbuf_addf(
            wrong, "it is in %s, which is not in the configuration", r->text[QTN_TEXT_QUARANTINE]);
    else if (box && has_file(r))
        judge_file(c, box, r, wrong);
    else if (box && qtn_store_exists(box->store, r->id, NULL) == QTN_OK)
        ut_sbuf_addf(wrong, "it is %s but its file is still there", qtn_state_name(r->state));
}

/* Judges message [r], and if something is wrong, its record of now once more. */
static int
check_record(struct checking *c, const struct qtn_record *r, struct ut_diag *d)
{
    struct qtn_record now;
    struct ut_sbuf wrong;
    enum qtn_find found;
    int result = 0;

    ut_sbuf_init(&wrong, 2 * QTN_PATH_MAX);
    judge(c, r, &wrong);
    if (wrong.len > 0) {
        found = get(c, r->id, &now, d);
        result = found == QTN_FAILED ? -1 : 0;
        if (found == QTN_FOUND) {
            ut_sbuf_reset(&wrong);
            judge(c, &now, &wrong);
            if (wrong.len > 0)
                result = tell(c, QTN_PROBLEM, "message %s: %s", r->id, ut_sbuf_text(&wrong));
            qtn_record_fini(&now);
        }
    }
    ut_sbuf_fini(&wrong);
    return result;
}

static int
check_records(struct checking *c, struct ut_diag *d)
{
    char after[QTN_ID_LEN + 1] = "";
    int result = 0;

    while (result == 0) {
        struct qtn_record r;
        enum qtn_find found;

        if (qtn_keeper_enter(c->k, d) < 0)
            return -1;
        found = qtn_index_next(c->k->index, after, NULL, &r, d);
        qtn_keeper_leave(c->k);
        if (found != QTN_FOUND)
            return found == QTN_FAILED ? -1 : 0;
        memcpy(after, r.id, sizeof(after));
        result = check_record(c, &r, d);
        qtn_record_fini(&r);
        if (result == 0)
            result = tell_progress(c);
    }
    return result;
}

/* Files --------------------------------------------------------------------------------------- */

/* A file in held/ must have a record. */
static int
check_held(void *arg, const char *path, const char *id)
{
    struct checking *c = arg;
    struct qtn_record r;
    struct ut_diag d;
    struct stat st;
    enum qtn_find found;

    if (!id)
        return tell(c, QTN_PROBLEM, "%s does not belong there", path);
    found = get(c, id, &r, &d);
    if (found == QTN_FOUND)
        qtn_record_fini(&r);
    if (found == QTN_FAILED)
        return tell(c, QTN_PROBLEM, "%s: %s", path, d.text);
    if (found == QTN_NOTFOUND && lstat(path, &st) == 0)
        return tell(c, QTN_PROBLEM, "%s is not in the index", path);
    return tell_progress(c);
}

/* What is in incoming/ after all was taken in, and is not of this very moment, is stuck. */
static int
check_incoming(void *arg, const char *path, const char *id)
{
    struct checking *c = arg;
    struct qtn_record r;
    char is[QTN_ID_LEN + 1];
    struct stat st;
    enum qtn_find found = QTN_NOTFOUND;

    (void)id;
    if (lstat(path, &st) < 0 || st.st_ctime > time(NULL) - 2)
        return 0;
    if (qtn_walk_id(strrchr(path, '/') + 1, ".eml", is))
        found = get(c, is, &r, NULL);
    if (found == QTN_FOUND) {
        qtn_record_fini(&r); /* checked as a record */
        return 0;
    }
    return tell(c, QTN_PROBLEM, "%s cannot be taken into the index; the log says why", path);
}

static int
check_tmp(void *arg, const char *path, const char *id)
{
    struct stat st;

    (void)id;
    if (lstat(path, &st) < 0 || st.st_mtime > time(NULL) - TMP_AGE)
        return 0;
    return tell(arg, QTN_NOTE, "%s was left by a crash and will be removed", path);
}

static int
check_broken(void *arg, const char *path, const char *id)
{
    (void)id;
    return tell(
        arg, QTN_NOTE, "%s was set aside, it is no message; look at it and remove it", path);
}

static int
check_files(struct checking *c, const struct qtn_box *box)
{
    static const struct {
        enum qtn_place place;
        qtn_walk_fn *fn;
    } rest[] = {{QTN_PLACE_INCOMING, check_incoming}, {QTN_PLACE_TMP, check_tmp},
        {QTN_PLACE_BROKEN, check_broken}};
    struct ut_diag d;
    int result = 0;

    if (qtn_walk_held(box->store, check_held, c, &d) < 0)
        result = tell(c, QTN_PROBLEM, "%s: %s", box->ref, d.text);
    for (size_t n = 0; !c->stopped && n < sizeof(rest) / sizeof(rest[0]); n++)
        if (qtn_walk_place(box->store, rest[n].place, rest[n].fn, c, &d) < 0)
            result = tell(c, QTN_PROBLEM, "%s: %s", box->ref, d.text);
    return result;
}

int
qtn_check(
    struct qtn_keeper *k, qtn_finding_fn *fn, void *arg, unsigned long *files, struct ut_diag *d)
{
    struct qtn_boxes *boxes = qtn_keeper_boxes(k);
    struct checking c = {.k = k, .boxes = boxes, .fn = fn, .arg = arg, .told = ut_time_mono()};
    int result = 0;

    if (qtn_take(k, d) < 0)
        result = tell(&c, QTN_PROBLEM, "not all was taken into the index: %s", d->text);
    if (result == 0)
        result = check_records(&c, d);
    for (size_t i = 0; result == 0 && i < boxes->count; i++)
        result = check_files(&c, &boxes->items[i]);
    if (c.stopped)
        result = ut_diag_set(d, "the check was cut off");
    qtn_boxes_unref(boxes);
    *files = c.files;
    return result < 0 ? -1 : 0;
}
