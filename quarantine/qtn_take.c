/* qtn_take.c - take messages out of incoming/ into the index, once each.
 * Not here: when to look (qtn_watch.c, qtn_server.c), how files come to incoming/ (qtn_put.c).
 * Threads: any; the keeper lets one in at a time, for BATCH messages.
 * Fails: on index and audit log. A file that cannot be taken in is logged and does not stop the
 * others.
 *
 * A batch is: each file synced, lines in the audit log, one transaction of the index, renames to
 * held/XX/. A crash after the first is caught up at the next start (qtn_keeper.c); after the
 * second, the file is found in incoming/ with its record there already, and only moved. The renames
 * are not synced: a message is as well kept in incoming/ as in held/. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ut_log.h"
#include "quarantine/qtn_take.h"
#include "quarantine/qtn_walk.h"

#define BATCH 64

struct pass {
    struct qtn_keeper *k;
    struct qtn_box *box;
    struct qtn_record new[BATCH]; /* not in the index yet */
    size_t count;
    struct ut_diag *d;
};

/* What cannot be taken in ---------------------------------------------------------------------- */

/* True if [name] was complained about before; remembers it. */
static bool
is_stuck(struct qtn_box *b, const char *name)
{
    for (size_t i = 0; i < b->stuck_count; i++)
        if (strcmp(b->stuck[i], name) == 0)
            return true;
    if (b->stuck_count == QTN_STUCK_MAX)
        return !ut_log_once_a_second(1);
    b->stuck[b->stuck_count] = strdup(name);
    b->stuck_count += b->stuck[b->stuck_count] != NULL;
    return false;
}

/* Moves incoming/[name], which is no message because of [why], to broken/. */
static void
set_aside(struct pass *p, const char *name, const char *why)
{
    const char *dir = qtn_store_directory(p->box->store);
    char from[QTN_PATH_MAX + 300];
    char to[QTN_PATH_MAX + 300];
    char id[QTN_ID_LEN + 1];
    struct stat st;
    int err;

    snprintf(from, sizeof(from), "%s/incoming/%s", dir, name);
    snprintf(to, sizeof(to), "%s/broken/%s", dir, name);
    if (lstat(to, &st) == 0 && qtn_id_new(id, NULL) == 0)
        snprintf(to, sizeof(to), "%s/broken/%s.%s", dir, name, id);
    if (rename(from, to) == 0) {
        ut_log(UT_LOG_ERR, "%s; moved to %s", why, to);
        return;
    }
    err = errno;
    if (lstat(from, &st) == 0 && !is_stuck(p->box, name)) /* else somebody removed it */
        ut_log(UT_LOG_ERR, "%s; it stays there, since it cannot be moved to %s: %s", why, to,
            strerror(err));
}

static void
complain(struct pass *p, const char *name, const struct ut_diag *why)
{
    if (!is_stuck(p->box, name))
        ut_log(UT_LOG_ERR, "%s; trying again later", why->text);
}

/* Messages ------------------------------------------------------------------------------------- */

/* Moves a message that is in the index to held/XX/. If that is not possible now, it stays in
 * incoming/, where it is held just as well. */
static void
move(const struct pass *p, const char *id)
{
    char from[QTN_PATH_MAX];
    char to[QTN_PATH_MAX];
    char *slash;

    qtn_store_path(p->box->store, QTN_PLACE_INCOMING, id, from);
    qtn_store_path(p->box->store, QTN_PLACE_HELD, id, to);
    if (rename(from, to) == 0 || errno != ENOENT)
        return;
    slash = strrchr(to, '/');
    *slash = '\0';
    if (mkdir(to, 0700) < 0)
        return;
    *slash = '/';
    (void)!rename(from, to);
}

/* Ends the batch: makes its messages known. */
static int
flush(struct pass *p)
{
    static const struct qtn_act act = {
        .event = QTN_EVENT_STORED, .by = "penstock-milter", .way = "flow"};
    int result = 0;

    if (p->count > 0 && (qtn_audit_write(p->k->audit, &act, p->new, p->count, p->d) < 0 ||
                            qtn_index_put(p->k->index, p->new, p->count, p->d) < 0))
        result = -1;
    for (size_t i = 0; i < p->count; i++) {
        if (result == 0)
            move(p, p->new[i].id);
        qtn_record_fini(&p->new[i]);
    }
    p->count = 0;
    return result;
}

/* Reads incoming/[name], a message that the index does not know. There is no record without a
 * durable file, so it is synced; mostly it has been (qtn_put.c). */
static int
read_new(struct pass *p, const char *name, const char *id)
{
    char path[QTN_PATH_MAX];
    struct qtn_file f;
    struct ut_diag why;
    enum qtn_result result;

    qtn_store_path(p->box->store, QTN_PLACE_INCOMING, id, path);
    result = qtn_file_open(&f, path, id, &why);
    if (result == QTN_OK) {
        if (fsync(f.fd) < 0) {
            ut_diag_errno(&why, "cannot sync %s", path);
            result = QTN_ERROR;
        } else if (qtn_record_from_file(&p->new[p->count], &f, p->box->ref, &why) < 0) {
            result = QTN_ERROR;
        } else {
            p->count++;
        }
        qtn_file_close(&f);
    }
    if (result == QTN_BROKEN)
        set_aside(p, name, why.text);
    else if (result == QTN_ERROR)
        complain(p, name, &why);
    return p->count == BATCH ? flush(p) : 0;
}

/* A message in incoming/ that the index knows already. */
static void
meet_known(struct pass *p, const char *name, const struct qtn_record *r)
{
    char path[QTN_PATH_MAX];

    if (r->state == QTN_HELD || r->state == QTN_RELEASING) {
        move(p, r->id);
        return;
    }
    qtn_store_path(p->box->store, QTN_PLACE_INCOMING, r->id, path);
    if (unlink(path) < 0 && !is_stuck(p->box, name))
        ut_log(UT_LOG_ERR, "%s is %s but its file %s cannot be removed: %s", r->id,
            qtn_state_name(r->state), path, strerror(errno));
}

static int
take_message(struct pass *p, const char *name, const char *id)
{
    struct qtn_record r;
    enum qtn_find found = qtn_index_get(p->k->index, id, &r, p->d);

    if (found == QTN_FAILED)
        return -1;
    if (found == QTN_NOTFOUND)
        return read_new(p, name, id);
    meet_known(p, name, &r);
    qtn_record_fini(&r);
    return 0;
}

/* What can be known about a withdrawn message from its file. */
static void
read_undo(const struct pass *p, const char *path, const char *id, struct qtn_record *r)
{
    struct qtn_file f;

    if (qtn_file_open(&f, path, id, NULL) != QTN_OK ||
        qtn_record_from_file(r, &f, p->box->ref, NULL) < 0)
        qtn_record_init(r, id);
    qtn_file_close(&f);
}

/* A message that was withdrawn: nothing is left of it but the audit log. If it was released
 * just before, that stays true. */
static int
take_undo(struct pass *p, const char *name, const char *id)
{
    static const struct qtn_act act = {
        .event = QTN_EVENT_WITHDRAWN, .by = "penstock-milter", .way = "flow"};
    char path[QTN_PATH_MAX];
    struct qtn_record r;
    enum qtn_find found = qtn_index_get(p->k->index, id, &r, p->d);
    int result = 0;

    if (found == QTN_FAILED)
        return -1;
    qtn_store_path(p->box->store, QTN_PLACE_UNDO, id, path);
    if (found == QTN_NOTFOUND)
        read_undo(p, path, id, &r);
    if (r.state == QTN_HELD || r.state == QTN_RELEASING) {
        r.text[QTN_TEXT_QUARANTINE] = p->box->ref;
        result = qtn_keeper_settle(p->k, &act, &r, p->d);
    } else if (unlink(path) < 0 && !is_stuck(p->box, name)) {
        ut_log(UT_LOG_ERR, "cannot remove %s: %s", path, strerror(errno));
    }
    qtn_record_fini(&r);
    return result;
}

/* The folder ----------------------------------------------------------------------------------- */

/* One name in incoming/. Names that begin with a dot are those of the file system's own helpers
 * (".nfs..."). */
static int
take_entry(struct pass *p, const char *name)
{
    char id[QTN_ID_LEN + 1];
    char why[QTN_PATH_MAX + 300];

    if (name[0] == '.')
        return 0;
    if (qtn_walk_id(name, ".eml", id))
        return take_message(p, name, id);
    if (qtn_walk_id(name, ".undo", id))
        return take_undo(p, name, id);
    snprintf(why, sizeof(why), "%s/incoming/%s is not the name of a message",
        qtn_store_directory(p->box->store), name);
    set_aside(p, name, why);
    return 0;
}

/* Takes up to BATCH entries from [at]; 1: there may be more, 0: that was all, -1. */
static int
take_some(struct pass *p, DIR *at)
{
    struct dirent *e;
    int result = 0;
    int n = 0;

    if (qtn_keeper_enter(p->k, p->d) < 0)
        return -1;
    while (result == 0 && n < BATCH && (e = readdir(at)) != NULL) {
        result = take_entry(p, e->d_name);
        n++;
    }
    if (flush(p) < 0)
        result = -1;
    qtn_keeper_leave(p->k);
    return result < 0 ? -1 : n == BATCH;
}

static int
take_box(struct qtn_keeper *k, struct qtn_box *box, struct ut_diag *d)
{
    struct pass *p = calloc(1, sizeof(*p));
    char path[QTN_PATH_MAX];
    int result = 1;
    DIR *at;

    qtn_store_path(box->store, QTN_PLACE_INCOMING, NULL, path);
    at = opendir(path);
    if (!p || !at) {
        if (p)
            ut_diag_errno(d, "cannot look into %s", path);
        else
            ut_diag_set(d, "no memory to look into %s", path);
        result = -1;
    } else {
        *p = (struct pass){.k = k, .box = box, .d = d};
    }
    while (result > 0)
        result = take_some(p, at);
    if (at)
        closedir(at);
    free(p);
    return result;
}

int
qtn_take(struct qtn_keeper *k, struct ut_diag *d)
{
    struct qtn_boxes *boxes = qtn_keeper_boxes(k);
    int result = 0;

    for (size_t i = 0; i < boxes->count; i++)
        if (take_box(k, &boxes->items[i], d) < 0)
            result = -1;
    qtn_boxes_unref(boxes);
    return result;
}
