/* qtn_reindex.c - build the index again from the files and the audit log.
 * Not here: reading either (qtn_file.c, qtn_audit.c).
 * Threads: one rebuilds, the keeper turns the others away meanwhile.
 * Fails: when the disk does. Then nothing has changed on disk but the folder of the new index,
 * which the next try removes.
 *
 * The files say what is held; the audit log says what became of those that are not, and which
 * record a file must not bring back: a message whose release or deletion is in the log has no
 * file, and one that a crash left is removed. A record without a file is lost: it is reported,
 * and the log gets a line. The new index is complete and durable before it gets its name. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ut_file.h"
#include "lib/ut_log.h"
#include "lib/ut_time.h"
#include "quarantine/qtn_reindex.h"
#include "quarantine/qtn_walk.h"

#define TOLD_EVERY 5.0 /* seconds */

struct building {
    struct qtn_keeper *k;
    const struct qtn_boxes *boxes;
    const struct qtn_box *box; /* whose files are read */
    struct qtn_index *index;   /* the new one */
    qtn_finding_fn *fn;
    void *arg;
    unsigned long done; /* steps, for the progress */
    double told;
    struct ut_diag *d;
};

/* A client that is gone does not end the work. */
static void
tell(struct building *b, enum qtn_finding kind, const char *fmt, ...) UT_PRINTF(3, 4);

static void
tell(struct building *b, enum qtn_finding kind, const char *fmt, ...)
{
    char text[2 * QTN_PATH_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    b->told = ut_time_mono();
    if (kind != QTN_PROGRESS)
        ut_log(kind == QTN_PROBLEM ? UT_LOG_WARNING : UT_LOG_NOTICE, "reindex: %s", text);
    if (b->fn)
        (void)b->fn(b->arg, kind, text);
}

static void
count(struct building *b)
{
    b->done++;
    if (ut_time_mono() >= b->told + TOLD_EVERY)
        tell(b, QTN_PROGRESS, "%lu steps", b->done);
}

/* From the audit log --------------------------------------------------------------------------- */

static int
replay(void *arg, enum qtn_event event, const struct qtn_record *logged)
{
    struct building *b = arg;
    struct qtn_record r;
    enum qtn_find found;
    int result;

    count(b);
    if (event == QTN_EVENT_WITHDRAWN || event == QTN_EVENT_EXPIRED || event == QTN_EVENT_LOST)
        return qtn_index_del(b->index, logged->id, b->d);
    found = qtn_index_get(b->index, logged->id, &r, b->d);
    if (found == QTN_FAILED)
        return -1;
    if (found == QTN_NOTFOUND && event == QTN_EVENT_RELEASE_FAILED)
        return 0;
    if (found == QTN_NOTFOUND)
        return qtn_index_put(b->index, logged, 1, b->d);
    result = 0;
    if (event != QTN_EVENT_STORED) { /* a second "stored" says nothing new */
        r.state = logged->state;
        r.changed = logged->changed;
        r.text[QTN_TEXT_BY] = event == QTN_EVENT_RELEASE_FAILED ? "" : logged->text[QTN_TEXT_BY];
        r.text[QTN_TEXT_NOTE] = logged->text[QTN_TEXT_NOTE];
        result = qtn_index_put(b->index, &r, 1, b->d);
    }
    qtn_record_fini(&r);
    return result;
}

/* From the files ------------------------------------------------------------------------------- */

/* A file that the log does not know: it is held, and the log gets to know. */
static int
add_file(struct building *b, const char *path, struct qtn_record *r)
{
    static const struct qtn_act act = {.event = QTN_EVENT_STORED, .by = QTN_SELF, .way = "reindex"};

    tell(b, QTN_NOTE, "%s was not in the audit log; it is held", path);
    if (qtn_audit_write(b->k->audit, &act, r, 1, b->d) < 0)
        return -1;
    return qtn_index_put(b->index, r, 1, b->d);
}

/* The good file of message [r]; [known]: what the audit log says about it. */
static int
meet_file(
    struct building *b, const char *path, struct qtn_record *r, const struct qtn_record *known)
{
    if (known->state == QTN_HELD) {
        r->changed = known->changed;
        r->text[QTN_TEXT_NOTE] = known->text[QTN_TEXT_NOTE];
        return qtn_index_put(b->index, r, 1, b->d);
    }
    tell(b, QTN_NOTE, "%s was %s, its file is removed", path, qtn_state_name(known->state));
    if (unlink(path) < 0)
        tell(b, QTN_PROBLEM, "%s cannot be removed: %s", path, strerror(errno));
    return 0;
}

static int
index_file(struct building *b, const char *path, struct qtn_record *r)
{
    struct qtn_record known;
    enum qtn_find found = qtn_index_get(b->index, r->id, &known, b->d);
    int result;

    if (found == QTN_FAILED)
        return -1;
    if (found == QTN_NOTFOUND)
        return add_file(b, path, r);
    result = meet_file(b, path, r, &known);
    qtn_record_fini(&known);
    return result;
}

/* An entry of held/ that is not a good file. */
static void
set_aside(struct building *b, const char *path, const char *why)
{
    char to[QTN_PATH_MAX + 300];
    char id[QTN_ID_LEN + 1] = "";

    if (qtn_id_new(id, NULL) < 0)
        return;
    snprintf(to, sizeof(to), "%s/broken/%s.%s", qtn_store_directory(b->box->store),
        strrchr(path, '/') + 1, id);
    if (rename(path, to) == 0)
        tell(b, QTN_PROBLEM, "%s; moved to %s", why, to);
    else
        tell(b, QTN_PROBLEM, "%s; it cannot be moved to %s: %s", why, to, strerror(errno));
}

/* qtn_walk_fn for held/ */
static int
visit_held(void *arg, const char *path, const char *id)
{
    struct building *b = arg;
    struct qtn_record r;
    struct qtn_file f;
    struct ut_diag why;
    enum qtn_result result;
    int ok;

    count(b);
    result = qtn_file_open(&f, path, id, &why);
    if (result == QTN_BROKEN || (result == QTN_OK && !id)) {
        if (result == QTN_OK)
            ut_diag_set(&why, "%s does not belong there", path);
        qtn_file_close(&f);
        set_aside(b, path, why.text);
        return 0;
    }
    if (result != QTN_OK) {
        if (result == QTN_ERROR)
            tell(b, QTN_PROBLEM, "%s", why.text);
        return 0;
    }
    ok = qtn_record_from_file(&r, &f, b->box->ref, b->d);
    qtn_file_close(&f);
    if (ok < 0)
        return -1;
    ok = index_file(b, path, &r);
    qtn_record_fini(&r);
    return ok;
}

/* Records without files ------------------------------------------------------------------------ */

/* True if the box of [r] has a file of it in whatever place, or cannot be asked. */
static bool
may_exist(const struct building *b, const struct qtn_record *r)
{
    const struct qtn_box *box = qtn_boxes_get(b->boxes, r->text[QTN_TEXT_QUARANTINE]);
    char path[QTN_PATH_MAX];

    if (!box || qtn_store_exists(box->store, r->id, NULL) != QTN_GONE)
        return true;
    qtn_store_path(box->store, QTN_PLACE_UNDO, r->id, path);
    return access(path, F_OK) == 0 || errno != ENOENT;
}

static int
drop_lost(struct building *b, unsigned long *records)
{
    static const struct qtn_act act = {.event = QTN_EVENT_LOST, .by = QTN_SELF, .way = "reindex"};
    char after[QTN_ID_LEN + 1] = "";
    struct qtn_record r;
    enum qtn_find found = QTN_FOUND;
    int result = 0;

    *records = 0;
    while (result == 0 && (found = qtn_index_next(b->index, after, NULL, &r, b->d)) == QTN_FOUND) {
        memcpy(after, r.id, sizeof(after));
        count(b);
        ++*records;
        if (r.state == QTN_HELD && !may_exist(b, &r)) {
            tell(b, QTN_PROBLEM, "message %s from <%s> for <%s> is lost: its file is gone", r.id,
                r.text[QTN_TEXT_SENDER], r.text[QTN_TEXT_RECIPIENT]);
            --*records;
            result = qtn_audit_write(b->k->audit, &act, &r, 1, b->d);
            if (result == 0)
                result = qtn_index_del(b->index, r.id, b->d);
        }
        qtn_record_fini(&r);
    }
    return found == QTN_FAILED ? -1 : result;
}

/* Folders of the index --------------------------------------------------------------------------
 */

/* Removes the folder [dir] with the files in it; one that is not there is fine. */
static int
remove_folder(const char *dir, struct ut_diag *d)
{
    DIR *at = opendir(dir);
    struct dirent *e;
    char path[QTN_PATH_MAX + 300];

    if (!at)
        return errno == ENOENT ? 0 : ut_diag_errno(d, "cannot look into %s", dir);
    while ((e = readdir(at)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        unlink(path);
    }
    closedir(at);
    return rmdir(dir) < 0 ? ut_diag_errno(d, "cannot remove %s", dir) : 0;
}

/* Puts the folder [new] in the place of the index. */
static int
replace(const char *index, const char *new, struct ut_diag *d)
{
    char old[QTN_PATH_MAX];
    struct ut_diag why;

    snprintf(old, sizeof(old), "%s.old", index);
    if (remove_folder(old, d) < 0)
        return -1;
    if (rename(index, old) < 0 && errno != ENOENT)
        return ut_diag_errno(d, "cannot move %s away", index);
    if (rename(new, index) < 0) {
        ut_diag_errno(d, "cannot rename %s to %s", new, index);
        (void)!rename(old, index);
        return -1;
    }
    if (ut_file_sync_parent(index, d) < 0)
        return -1;
    if (remove_folder(old, &why) < 0)
        ut_log_diag(UT_LOG_WARNING, NULL, &why);
    return 0;
}

/* The whole -------------------------------------------------------------------------------------
 */

/* Fills b->index. */
static int
fill(struct building *b, unsigned long *records)
{
    unsigned long skipped;
    int result = qtn_audit_read(b->k->audit, -1, replay, b, &skipped, b->d);

    if (result == 0 && skipped > 0)
        tell(b, QTN_NOTE, "%lu lines of the audit log are damaged and were skipped", skipped);
    for (size_t i = 0; result == 0 && i < b->boxes->count; i++) {
        b->box = &b->boxes->items[i];
        result = qtn_walk_held(b->box->store, visit_held, b, b->d);
    }
    if (result == 0)
        result = drop_lost(b, records);
    if (result == 0)
        result = qtn_index_checkpoint(b->index, b->d);
    return result < 0 ? -1 : 0;
}

/* Builds the new index in [new] and closes it. */
static int
build(struct building *b, const char *new, unsigned long *records)
{
    int result;

    if (remove_folder(new, b->d) < 0)
        return -1;
    b->index = qtn_index_open_db(new, true, b->d);
    if (!b->index)
        return -1;
    result = fill(b, records);
    qtn_index_close(b->index);
    return result;
}

/* Closes the index for all others; -1 if another thread is at it. */
static int
begin(struct qtn_keeper *k, struct ut_diag *d)
{
    pthread_mutex_lock(&k->lock);
    if (k->rebuilding) {
        pthread_mutex_unlock(&k->lock);
        return ut_diag_set(d, "the index is being built again already");
    }
    k->rebuilding = true;
    while (k->flights)
        pthread_cond_wait(&k->idle, &k->lock);
    qtn_index_close(k->index);
    k->index = NULL;
    ut_diag_set(&k->trouble, "the index is being built again; try again in a moment");
    pthread_mutex_unlock(&k->lock);
    return 0;
}

static void
end(struct qtn_keeper *k)
{
    pthread_mutex_lock(&k->lock);
    k->rebuilding = false;
    qtn_keeper_open_index(k);
    if (!k->index)
        ut_log_diag(UT_LOG_CRIT, NULL, &k->trouble);
    pthread_mutex_unlock(&k->lock);
}

int
qtn_reindex(
    struct qtn_keeper *k, qtn_finding_fn *fn, void *arg, unsigned long *records, struct ut_diag *d)
{
    struct building b = {.k = k, .fn = fn, .arg = arg, .told = ut_time_mono(), .d = d};
    struct qtn_boxes *boxes;
    char new[QTN_PATH_MAX];
    int result;

    if (snprintf(new, sizeof(new), "%s.new", k->index_dir) >= (int)sizeof(new))
        return ut_diag_set(d, "state_directory is too long");
    if (begin(k, d) < 0)
        return -1;
    boxes = qtn_keeper_boxes(k);
    b.boxes = boxes;
    result = build(&b, new, records);
    if (result == 0)
        result = replace(k->index_dir, new, d);
    qtn_boxes_unref(boxes);
    end(k);
    if (result == 0)
        ut_log(UT_LOG_NOTICE, "the index was built again: %lu messages", *records);
    return result;
}
