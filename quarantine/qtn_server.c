/* qtn_server.c - answers to what the control socket is asked.
 * Not here: the socket (lib/ut_ctl.c), the work itself (qtn_release.c, qtn_check.c ...).
 * Threads: one for each client, all in here at once; none holds the keeper while it waits for its
 * client.
 * Fails: an answer ends with the text of what went wrong. */
#include "config.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ut_log.h"
#include "quarantine/qtn_check.h"
#include "quarantine/qtn_expire.h"
#include "quarantine/qtn_filter.h"
#include "quarantine/qtn_reindex.h"
#include "quarantine/qtn_release.h"
#include "quarantine/qtn_server.h"
#include "quarantine/qtn_take.h"

#define WAY "command"
#define PIECE ((size_t)16384) /* bytes of a message in one record */
#define ANSWER_MAX ((size_t)256 * 1024)

struct asked {
    struct qtn_keeper *k;
    const struct ut_attr_list *request;
    struct ut_ctl_client *client;
    struct ut_diag *d;
    char by[64]; /* the user who asks */
};

/* Who asks, by the kernel's word. */
static void
name_user(uid_t uid, char *out, size_t size)
{
    struct passwd pw;
    struct passwd *found = NULL;
    char buf[4096];

    if (uid == (uid_t)-1 || getpwuid_r(uid, &pw, buf, sizeof(buf), &found) != 0 || !found)
        snprintf(out, size, "uid %ld", (long)(int)uid);
    else
        snprintf(out, size, "%.*s", (int)size - 1, pw.pw_name);
}

/* Sends the record in [b] and empties it. */
static int
answer(const struct asked *a, struct ut_sbuf *b)
{
    int result = ut_ctl_record(a->client, b);

    if (result < 0)
        ut_diag_set(a->d, "the answer could not be sent");
    ut_sbuf_reset(b);
    return result;
}

/* The same for one attribute. */
static int
answer_one(const struct asked *a, const char *name, const char *value)
{
    struct ut_sbuf b;
    int result;

    ut_sbuf_init(&b, ANSWER_MAX);
    ut_attr_addz(&b, name, value);
    result = answer(a, &b);
    ut_sbuf_fini(&b);
    return result;
}

/* Says that there is no message [id]; gives -1. */
static int
answer_missing(const struct asked *a, const char *id)
{
    if (answer_one(a, "missing", id) < 0)
        return -1;
    return ut_diag_set(a->d, "there is no message %.64s; penstock quarantine list shows them", id);
}

/* Has a message of the id [id] ever been here? Without an index, nobody knows. */
static bool
is_known(const struct asked *a, const char *id)
{
    struct qtn_record r;
    enum qtn_find found;

    if (qtn_keeper_enter(a->k, NULL) < 0)
        return true;
    found = qtn_index_get(a->k->index, id, &r, NULL);
    qtn_keeper_leave(a->k);
    if (found == QTN_FOUND)
        qtn_record_fini(&r);
    return found != QTN_NOTFOUND;
}

/* What has just arrived can be asked for, too. */
static void
take_first(const struct asked *a)
{
    struct ut_diag d;

    if (qtn_take(a->k, &d) < 0 && ut_log_once_a_second(3))
        ut_log_diag(UT_LOG_ERR, "not all was taken into the index", &d);
}

/* The attribute `id`, of a message that is there; NULL with the diag set. */
static const char *
asked_id(const struct asked *a)
{
    const char *id = ut_attr_get(a->request, "id", NULL);

    take_first(a);
    if (qtn_id_valid(id) && is_known(a, id))
        return id;
    answer_missing(a, id ? id : "");
    return NULL;
}

/* list ----------------------------------------------------------------------------------------- */

static int
do_list(struct asked *a)
{
    struct qtn_filter f;
    char after[QTN_ID_LEN + 1] = "";
    struct ut_sbuf b;
    int result = 0;

    if (qtn_filter_read(&f, a->request, a->d) < 0)
        return -1;
    take_first(a);
    qtn_id_floor(after, f.since - 1);
    ut_sbuf_init(&b, ANSWER_MAX);
    while (result == 0) {
        struct qtn_record r;
        enum qtn_find found = QTN_FAILED;

        if (qtn_keeper_enter(a->k, a->d) == 0) {
            found = qtn_index_next(a->k->index, after, qtn_filter_key(&f), &r, a->d);
            qtn_keeper_leave(a->k);
        }
        if (found != QTN_FOUND) {
            result = found == QTN_FAILED ? -1 : 1;
            continue;
        }
        memcpy(after, r.id, sizeof(after));
        if (qtn_record_stored(&r) >= f.until) {
            result = 1;
        } else if (qtn_filter_match(&f, &r)) {
            qtn_record_attrs(&r, &b);
            result = answer(a, &b);
        }
        qtn_record_fini(&r);
    }
    ut_sbuf_fini(&b);
    return result < 0 ? -1 : 0;
}

/* show and view -------------------------------------------------------------------------------- */

/* The record asked for. */
static int
find_record(struct asked *a, struct qtn_record *r)
{
    const char *id = asked_id(a);
    enum qtn_find found;

    if (!id || qtn_keeper_enter(a->k, a->d) < 0)
        return -1;
    found = qtn_index_get(a->k->index, id, r, a->d);
    qtn_keeper_leave(a->k);
    if (found == QTN_NOTFOUND)
        answer_missing(a, id);
    return found == QTN_FOUND ? 0 : -1;
}

/* Opens the file of [r]. */
static int
open_file(const struct asked *a, const struct qtn_record *r, struct qtn_file *f)
{
    struct qtn_boxes *boxes = qtn_keeper_boxes(a->k);
    const struct qtn_box *box = qtn_boxes_get(boxes, r->text[QTN_TEXT_QUARANTINE]);
    int result = -1;

    if (!box)
        ut_diag_set(a->d, "%s is no longer in the configuration", r->text[QTN_TEXT_QUARANTINE]);
    else if (qtn_store_read(box->store, r->id, f, a->d) == QTN_OK)
        result = 0;
    qtn_boxes_unref(boxes);
    return result;
}

/* Sends each line of the headers in the [len] bytes at [p]. */
static int
answer_headers(const struct asked *a, const char *p, size_t len)
{
    struct ut_sbuf b;
    int result = 0;

    ut_sbuf_init(&b, ANSWER_MAX);
    while (result == 0 && len > 0) {
        const char *lf = memchr(p, '\n', len);
        size_t line = lf ? (size_t)(lf - p) : len;
        size_t text = line > 0 && p[line - 1] == '\r' ? line - 1 : line;

        if (text == 0)
            break;
        ut_attr_add(&b, "header", p, text < PIECE ? text : PIECE);
        result = answer(a, &b);
        p += lf ? line + 1 : line;
        len -= lf ? line + 1 : line;
    }
    ut_sbuf_fini(&b);
    return result;
}

static int
answer_file(const struct asked *a, const struct qtn_file *f)
{
    size_t want = f->size < 65536 ? (size_t)f->size : 65536;
    char *buf = malloc(want + 1);
    struct ut_sbuf b;
    ssize_t n;
    int result = 0;

    ut_sbuf_init(&b, ANSWER_MAX);
    for (size_t i = 0; result == 0 && i < f->env.metadata_count; i++) {
        const struct qtn_pair *pair = &f->env.metadata[i];
        struct ut_sbuf text;

        ut_sbuf_init(&text, PIECE);
        ut_sbuf_addf(&text, "%.1000s=%.15000s", pair->name, pair->value);
        ut_attr_add(&b, "metadata", ut_sbuf_text(&text), text.len);
        ut_sbuf_fini(&text);
        result = answer(a, &b);
    }
    ut_sbuf_fini(&b);
    n = buf ? pread(f->fd, buf, want, f->offset) : -1;
    if (result == 0)
        result = n < 0 ? ut_diag_set(a->d, "message %s cannot be read", f->env.id)
                       : answer_headers(a, buf, (size_t)n);
    free(buf);
    return result;
}

static int
do_show(struct asked *a)
{
    struct qtn_record r;
    struct qtn_file f;
    struct ut_sbuf b;
    int result;

    if (find_record(a, &r) < 0)
        return -1;
    ut_sbuf_init(&b, ANSWER_MAX);
    qtn_record_attrs(&r, &b);
    result = answer(a, &b);
    ut_sbuf_fini(&b);
    if (result == 0 && (r.state == QTN_HELD || r.state == QTN_RELEASING)) {
        result = open_file(a, &r, &f);
        if (result == 0) {
            result = answer_file(a, &f);
            qtn_file_close(&f);
        }
    }
    qtn_record_fini(&r);
    return result;
}

/* Sends the original message of [f] in pieces. */
static int
answer_original(const struct asked *a, const struct qtn_file *f)
{
    struct ut_sbuf b;
    char buf[PIECE];
    long long at = 0;
    int result = 0;

    ut_sbuf_init(&b, ANSWER_MAX);
    while (result == 0 && at < f->size) {
        size_t want = f->size - at < (long long)PIECE ? (size_t)(f->size - at) : PIECE;
        ssize_t n = pread(f->fd, buf, want, f->offset + (off_t)at);

        if (n <= 0) {
            result = ut_diag_set(a->d, "message %s cannot be read", f->env.id);
            continue;
        }
        at += n;
        ut_attr_add(&b, "data", buf, (size_t)n);
        result = answer(a, &b);
    }
    ut_sbuf_fini(&b);
    return result;
}

static int
do_view(struct asked *a)
{
    struct qtn_record r;
    struct qtn_file f;
    int result;

    if (find_record(a, &r) < 0)
        return -1;
    if (r.state == QTN_RELEASED || r.state == QTN_DELETED)
        result = ut_diag_set(a->d, "message %s was %s by %s; its text is no longer here", r.id,
            qtn_state_name(r.state), r.text[QTN_TEXT_BY]);
    else
        result = open_file(a, &r, &f);
    if (result == 0) {
        result = answer_original(a, &f);
        qtn_file_close(&f);
    }
    qtn_record_fini(&r);
    return result;
}

/* release and delete --------------------------------------------------------------------------- */

static int
answer_done(struct asked *a, const char *id, const char *what)
{
    struct qtn_record r;
    struct ut_sbuf b;
    int result;

    ut_sbuf_init(&b, ANSWER_MAX);
    ut_attr_addz(&b, "id", id);
    ut_attr_addz(&b, "result", what);
    if (find_record(a, &r) == 0) {
        ut_attr_addz(&b, "state", qtn_state_name(r.state));
        ut_attr_addz(&b, "by", r.text[QTN_TEXT_BY]);
        ut_attr_addz(&b, "note", r.text[QTN_TEXT_NOTE]);
        qtn_record_fini(&r);
    }
    result = answer(a, &b);
    ut_sbuf_fini(&b);
    return result;
}

static int
do_release(struct asked *a)
{
    const char *id = asked_id(a);
    bool again;

    if (!id || qtn_release(a->k, id, a->by, WAY, &again, a->d) < 0)
        return -1;
    return answer_done(a, id, again ? "already" : "released");
}

static int
do_delete(struct asked *a)
{
    const char *id = asked_id(a);
    bool again;

    if (!id || qtn_delete(a->k, id, a->by, WAY, &again, a->d) < 0)
        return -1;
    return answer_done(a, id, again ? "already" : "deleted");
}

/* check, reindex, status ----------------------------------------------------------------------- */

/* qtn_finding_fn */
static int
answer_finding(void *arg, enum qtn_finding kind, const char *text)
{
    static const char *const names[] = {"problem", "note", "progress"}; /* ORDER finding */

    return answer_one(arg, names[kind], text);
}

static int
answer_count(const struct asked *a, const char *name, unsigned long n)
{
    char text[32];

    snprintf(text, sizeof(text), "%lu", n);
    return answer_one(a, name, text);
}

static int
do_check(struct asked *a)
{
    unsigned long files;

    if (qtn_check(a->k, answer_finding, a, &files, a->d) < 0)
        return -1;
    return answer_count(a, "files", files);
}

static int
do_reindex(struct asked *a)
{
    unsigned long records;

    if (qtn_reindex(a->k, answer_finding, a, &records, a->d) < 0)
        return -1;
    return answer_count(a, "messages", records);
}

/* How many messages are in each state; -1 with the diag set. */
static int
count_states(const struct asked *a, unsigned long counts[QTN_DELETED + 1])
{
    char after[QTN_ID_LEN + 1] = "";
    enum qtn_find found = QTN_FOUND;

    while (found == QTN_FOUND) {
        struct qtn_record r;

        if (qtn_keeper_enter(a->k, a->d) < 0)
            return -1;
        found = qtn_index_next(a->k->index, after, NULL, &r, a->d);
        qtn_keeper_leave(a->k);
        if (found != QTN_FOUND)
            break;
        memcpy(after, r.id, sizeof(after));
        counts[r.state]++;
        qtn_record_fini(&r);
    }
    return found == QTN_FAILED ? -1 : 0;
}

static int
do_status(struct asked *a)
{
    struct qtn_boxes *boxes = qtn_keeper_boxes(a->k);
    unsigned long counts[QTN_DELETED + 1] = {0};
    struct ut_sbuf b;
    struct ut_diag d;
    int result;

    ut_sbuf_init(&b, ANSWER_MAX);
    ut_attr_addi(&b, "pid", getpid());
    a->d = &d; /* an index that cannot be used is what is asked for, not a failure */
    if (count_states(a, counts) < 0) {
        ut_attr_addz(&b, "error", d.text);
    } else {
        for (int s = QTN_HELD; s <= QTN_DELETED; s++)
            ut_attr_addi(&b, qtn_state_name((enum qtn_state)s), (long long)counts[s]);
    }
    for (size_t i = 0; i < boxes->count; i++)
        ut_attr_addz(&b, boxes->items[i].ref, qtn_store_directory(boxes->items[i].store));
    pthread_mutex_lock(&a->k->lock);
    if (a->k->not_loaded.text[0])
        ut_attr_addz(&b, "reload_error", a->k->not_loaded.text);
    pthread_mutex_unlock(&a->k->lock);
    result = answer(a, &b);
    ut_sbuf_fini(&b);
    qtn_boxes_unref(boxes);
    return result;
}

/* ---------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int (*fn)(struct asked *a);
} requests[] = {
    {"list", do_list},
    {"show", do_show},
    {"view", do_view},
    {"release", do_release},
    {"delete", do_delete},
    {"check", do_check},
    {"reindex", do_reindex},
    {"status", do_status},
};

int
qtn_server_handle(
    void *arg, const struct ut_attr_list *request, struct ut_ctl_client *client, struct ut_diag *d)
{
    struct asked a = {.k = arg, .request = request, .client = client, .d = d};
    const char *name = ut_attr_get(request, "request", NULL);

    name_user(ut_ctl_peer(client), a.by, sizeof(a.by));
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        if (strcmp(requests[i].name, name) == 0)
            return requests[i].fn(&a);
    return ut_diag_set(d, "penstock-quarantined knows no request \"%.64s\"", name);
}
