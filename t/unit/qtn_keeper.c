/* qtn_keeper.c - taking in, deleting, expiring, filtering; what a crash left between audit log and
 * index; failing allocations (--wrap). Here messages can be as old as a test needs them. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <db.h>
#include <jansson.h>

#include "lib/ut_log.h"
#include "quarantine/qtn_check.h"
#include "quarantine/qtn_expire.h"
#include "quarantine/qtn_filter.h"
#include "quarantine/qtn_index_internal.h"
#include "quarantine/qtn_keeper.h"
#include "quarantine/qtn_reindex.h"
#include "quarantine/qtn_release.h"
#include "quarantine/qtn_take.h"
#include "t/unit/scarce.h"
#include "t/unit/tap.h"

static bool db_opens;      /* those of Berkeley DB do not fail */

int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);

/* No power is cut here. */
int
__wrap_fsync(int fd)
{
    (void)fd;
    return 0;
}

int
__wrap_fdatasync(int fd)
{
    (void)fd;
    return 0;
}

/* For Berkeley DB, which crashes in db_env_create() if it gets no memory there, but not later. */
static void *
db_malloc(size_t n)
{
    return db_opens ? __real_malloc(n) : __wrap_malloc(n);
}

static void *
db_realloc(void *p, size_t n)
{
    return db_opens ? __real_realloc(p, n) : __wrap_realloc(p, n);
}

static char dir[64];
static struct qtn_keeper keeper;
static struct ut_diag diag;

static bool
open_keeper(void)
{
    struct ut_diag_list diags;
    struct ut_conf *conf;
    struct qtn_boxes *boxes;
    char path[128];
    unsigned long records;
    bool missing = false;

    snprintf(path, sizeof(path), "%s/conf", dir);
    ut_diag_list_init(&diags, 10);
    conf = ut_conf_load(path, &diags);
    ut_diag_list_fini(&diags);
    boxes = conf ? qtn_boxes_open(conf, &diag) : NULL;
    ut_conf_unref(conf);
    if (!boxes || qtn_keeper_open(&keeper, boxes, &missing, &diag) < 0)
        return false;
    return !missing || qtn_reindex(&keeper, NULL, NULL, &records, &diag) == 0;
}

static void
reopen(const char *name)
{
    qtn_keeper_close(&keeper);
    if (!tap_ok(open_keeper() && keeper.index, "%s: opened again", name))
        printf("# %s\n", diag.text);
}

/* Stores a message [age] seconds old for [recipient] in box [b]; its id goes to [id]. */
static void
put(unsigned b, long long age, const char *recipient, const char *sender, const char *subject,
    char id[QTN_ID_LEN + 1])
{
    static unsigned n;
    struct qtn_envelope e = {.id = id, .recipient = recipient, .sender = sender};
    struct qtn_put *p = NULL;
    char text[256];

    qtn_id_floor(id, qtn_keeper_now() - age * 1000 + n++);
    snprintf(text, sizeof(text), "Subject: %s\r\n\r\nx\r\n", subject);
    if (qtn_put_new(&p, keeper.boxes->items[b].store, &e, &diag) != QTN_OK ||
        qtn_put_write(p, text, strlen(text), &diag) != QTN_OK ||
        qtn_put_prepare(p, &diag) != QTN_OK || qtn_put_commit(&p, 1, &diag) != QTN_OK)
        printf("# %s\n", diag.text);
    qtn_put_free(p);
}

/* The state of message [id]; -1: no record. */
static int
state_of(const char *id)
{
    struct qtn_record r;
    int state = -1;

    if (qtn_keeper_enter(&keeper, &diag) < 0)
        return -2;
    if (qtn_index_get(keeper.index, id, &r, &diag) == QTN_FOUND) {
        state = (int)r.state;
        qtn_record_fini(&r);
    }
    qtn_keeper_leave(&keeper);
    return state;
}

static bool
has_file(unsigned b, const char *id)
{
    return qtn_store_exists(keeper.boxes->items[b].store, id, NULL) == QTN_OK;
}

/* qtn_finding_fn: counts problems. */
static int
count_problem(void *arg, enum qtn_finding kind, const char *text)
{
    if (kind == QTN_PROBLEM) {
        printf("# %s\n", text);
        ++*(int *)arg;
    }
    return 0;
}

static void
check(const char *name)
{
    unsigned long files;
    int problems = 0;

    tap_ok(qtn_check(&keeper, count_problem, &problems, &files, &diag) == 0 && problems == 0,
        "%s: check is content", name);
}

static void
test_expire(void)
{
    char young[QTN_ID_LEN + 1];
    char old[QTN_ID_LEN + 1];
    char other[QTN_ID_LEN + 1];
    char released[QTN_ID_LEN + 1];
    char left[QTN_PATH_MAX];
    char fresh[QTN_PATH_MAX];
    unsigned long count;
    bool again;
    struct timespec past[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

    put(0, 7000, "a@x", "", "young", young);
    put(0, 7300, "a@x", "", "old", old);
    put(1, 7300, "a@x", "", "in a box that holds longer", other);
    put(0, 7300, "a@x", "", "deleted before", released);
    tap_ok(qtn_take(&keeper, &diag) == 0, "taken in");
    tap_ok(qtn_delete(&keeper, released, "me", "test", &again, &diag) == 0 && !again, "deleted");
    qtn_store_path(keeper.boxes->items[0].store, QTN_PLACE_TMP, old, left);
    qtn_store_path(keeper.boxes->items[0].store, QTN_PLACE_TMP, young, fresh);
    close(open(left, O_CREAT | O_WRONLY, 0600));
    close(open(fresh, O_CREAT | O_WRONLY, 0600));
    utimensat(AT_FDCWD, left, past, 0);
    tap_ok(qtn_expire(&keeper, &count, &diag) == 0, "expire");
    tap_num((long long)count, 2, "two messages are over their time");
    tap_num(state_of(young), QTN_HELD, "the young one is held");
    tap_num(state_of(other), QTN_HELD, "so is that of the other box");
    tap_ok(state_of(old) == -1 && !has_file(0, old), "the old one is gone");
    tap_num(state_of(released), -1, "so is the record of the deleted one");
    tap_ok(access(left, F_OK) < 0 && access(fresh, F_OK) == 0, "tmp/ is cleaned of old files only");
    unlink(fresh);
    check("expire");
}

static int
find(const char *name, const char *value)
{
    struct ut_attr attrs[] = {{name, value, strlen(value)}};
    struct ut_attr_list request = {attrs, 1};
    struct qtn_filter f;
    char after[QTN_ID_LEN + 1] = "";
    struct qtn_record r;
    int n = 0;

    if (qtn_filter_read(&f, &request, &diag) < 0)
        return -1;
    while (qtn_index_next(keeper.index, after, qtn_filter_key(&f), &r, &diag) == QTN_FOUND) {
        memcpy(after, r.id, sizeof(after));
        n += qtn_filter_match(&f, &r);
        qtn_record_fini(&r);
    }
    return n;
}

static void
test_filter(void)
{
    static const struct {
        const char *name, *value;
        int want;
    } cases[] = {
        {"recipient", "bob@FILTER.example", 1},
        {"recipient", "bob@filter", 0},
        {"recipient", "@filter.example", 2},
        {"recipient", "@ilter.example", 0},
        {"recipient", "", 1},
        {"sender", "<>", 4},
        {"sender", "S@filter.example", 1},
        {"subject", "FILTERED", 2},
        {"subject", "%s%n", 0},
        {"state", "deleted", 0},
        {"state", "eaten", -1},
        {"since", "0", 5},
        {"since", "-1", -1},
        {"since", "9223372036854775807", 0},
        {"until", "1", 0},
        {"until", "x", -1},
    };
    char a[QTN_ID_LEN + 1];
    char b[QTN_ID_LEN + 1];
    char c[QTN_ID_LEN + 1];

    put(1, 10, "Bob@filter.example", "s@filter.example", "is filtered", a);
    put(1, 10, "eve@filter.example", "", "Is Filtered", b);
    put(1, 10, "", "", "", c);
    tap_ok(qtn_take(&keeper, &diag) == 0, "taken in");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        tap_num(find(cases[i].name, cases[i].value), cases[i].want, cases[i].value);
}

/* The audit log is ahead of the index, as after a crash between the two. */
static void
test_catch_up(void)
{
    static const enum qtn_event events[] = {QTN_EVENT_RELEASED, QTN_EVENT_DELETED,
        QTN_EVENT_WITHDRAWN, QTN_EVENT_EXPIRED};
    static const int want[] = {QTN_RELEASED, QTN_DELETED, -1, -1};
    char id[4][QTN_ID_LEN + 1];
    char stored[QTN_ID_LEN + 1];
    char gone[QTN_ID_LEN + 1];
    struct qtn_act act = {QTN_EVENT_STORED, "me", "test", "250 ok"};
    struct qtn_record r;

    for (int i = 0; i < 4; i++)
        put(0, 0, "c@x", "s@x", "catch up", id[i]);
    tap_ok(qtn_take(&keeper, &diag) == 0, "taken in");
    for (int i = 0; i < 4; i++) {
        act.event = events[i];
        tap_ok(qtn_index_get(keeper.index, id[i], &r, &diag) == QTN_FOUND &&
                qtn_audit_write(keeper.audit, &act, &r, 1, &diag) == 0,
            "logged, then a crash");
        qtn_record_fini(&r);
    }
    put(0, 0, "c@x", "s@x", "stored and logged", stored);
    put(0, 0, "c@x", "s@x", "stored, logged, withdrawn", gone);
    act.event = QTN_EVENT_STORED;
    for (int i = 0; i < 2; i++) {
        qtn_record_init(&r, i ? gone : stored);
        r.text[QTN_TEXT_QUARANTINE] = keeper.boxes->items[0].ref;
        tap_ok(qtn_audit_write(keeper.audit, &act, &r, 1, &diag) == 0, "logged, then a crash");
    }
    tap_ok(qtn_store_withdraw(keeper.boxes->items[0].store, gone, &diag) == QTN_OK, "withdrawn");
    reopen("audit log ahead");
    for (int i = 0; i < 4; i++)
        tap_ok(state_of(id[i]) == want[i] && !has_file(0, id[i]), "%s is finished",
            qtn_event_name(events[i]));
    tap_ok(state_of(stored) == QTN_HELD, "stored is in the index");
    tap_ok(qtn_take(&keeper, &diag) == 0, "the rest is taken in");
    tap_ok(state_of(gone) == -1 && !has_file(0, gone), "the withdrawn one is forgotten");
    check("audit log ahead");
    reopen("once more");
    check("once more");
}

/* The [what]th thing to do with messages. */
static int
act_on(int what, const char *id)
{
    unsigned long count;
    bool again;

    switch (what) {
    case 0:
        return qtn_take(&keeper, &diag);
    case 1:
        return qtn_delete(&keeper, id, "me", "test", &again, &diag);
    case 2:
        return qtn_expire(&keeper, &count, &diag);
    default:
        return qtn_reindex(&keeper, NULL, NULL, &count, &diag);
    }
}

/* Whatever allocation fails, also in jansson and Berkeley DB: an error or success, never a crash,
 * and afterwards all is in order. */
static void
test_memory(void)
{
    static const char *const names[] = {"take", "delete", "expire", "reindex"};
    char id[QTN_ID_LEN + 1];
    char last[QTN_ID_LEN + 1];

    for (int what = 0; what < 4; what++) {
        bool reached = true;
        long at = 0;

        db_opens = what == 3;
        while (reached) {
            if (what < 3) { /* rebuilding reads all there is, and that is enough */
                put(0, 7300, "m@x", "s@x", "memory", id);
                put(0, 0, "m@x", "s@x", "memory", last);
            }
            if (what > 0 && qtn_take(&keeper, &diag) < 0)
                break;
            at += what < 3 ? 1 : 1 + at / 3;
            fail_at = at;
            (void)!act_on(what, last);
            reached = fail_at == 0;
            fail_at = 0;
            keeper.try_at = 0; /* no waiting before the next try */
        }
        tap_ok(!reached && at > 10, "%s: any of %ld allocations may fail", names[what], at - 1);
        tap_ok(act_on(what, last) == 0, "... and then it works");
        check(names[what]);
    }
    reopen("without memory");
    check("without memory");
}

/* --- A release while the index is lost ---------------------------------------------------------- */

/* A mail server that takes one message; before it says so, [lose] loses the index. */
struct server {
    int fd; /* listens */
    void (*lose)(struct server *s);
    const char *id;
    int state;      /* of the message then; -2: there is no index */
    int second;     /* result of a second release then */
    struct ut_diag why; /* its reason */
};

/* Closes the index as damaged; the next use may open it again. */
static void
close_index(void)
{
    if (qtn_keeper_enter(&keeper, &diag) < 0)
        return;
    keeper.index->damaged = true;
    qtn_keeper_leave(&keeper);
    keeper.try_at = 0;
}

static void
lose_shortly(struct server *s)
{
    bool again;

    close_index();
    s->state = state_of(s->id);
    s->second = qtn_release(&keeper, s->id, "me", "test", &again, &s->why);
}

static void
rename_index(const char *from, const char *to)
{
    char a[128], b[128];

    snprintf(a, sizeof(a), "%s/%s", dir, from);
    snprintf(b, sizeof(b), "%s/%s", dir, to);
    if (rename(a, b) < 0)
        perror(a);
}

static void
lose_for_long(struct server *s)
{
    close_index();
    rename_index("quarantine.index", "away");
    s->state = state_of(s->id);
}

static void *
serve_one(void *arg)
{
    struct server *s = arg;
    char line[1024];
    FILE *f = fdopen(accept(s->fd, NULL, NULL), "r+");
    bool data = false;

    if (!f)
        return NULL;
    fputs("220 x\r\n", f);
    while (fflush(f) == 0 && fgets(line, sizeof(line), f)) {
        if (data && strcmp(line, ".\r\n") != 0)
            continue;
        if (data)
            s->lose(s);
        fseek(f, 0, SEEK_CUR); /* between reading and writing */
        fputs(strncmp(line, "DATA", 4) == 0 ? "354 x\r\n" : "250 taken\r\n", f);
        data = strncmp(line, "DATA", 4) == 0;
    }
    fclose(f);
    return NULL;
}

/* Releases a new message to the server; the result of qtn_release(). */
static int
release_to(struct server *s, char id[QTN_ID_LEN + 1])
{
    pthread_t thread;
    bool again;
    int result;

    put(0, 0, "r@x", "s@x", "release", id);
    tap_ok(qtn_take(&keeper, &diag) == 0 && state_of(id) == QTN_HELD, "taken in");
    s->id = id;
    s->state = s->second = -9;
    if (pthread_create(&thread, NULL, serve_one, s) != 0)
        return -9;
    result = qtn_release(&keeper, id, "me", "test", &again, &diag);
    pthread_join(thread, NULL);
    return result;
}

/* The message is delivered once, whatever happens to the index between its dot and the answer. */
static void
test_release(int listener)
{
    struct server s = {.fd = listener, .lose = lose_shortly};
    char id[QTN_ID_LEN + 1];
    unsigned long count;

    if (!tap_num(release_to(&s, id), 0, "released, though the index is opened again meanwhile"))
        printf("# %s\n", diag.text);
    tap_num(s.state, QTN_RELEASING, "... which does not hold it again");
    tap_ok(s.second == -1 && strstr(s.why.text, "being released"), "nobody else can: %s",
        s.why.text);
    tap_ok(state_of(id) == QTN_RELEASED && !has_file(0, id), "then it is released");
    check("an index that was opened again");

    s.lose = lose_for_long;
    tap_num(release_to(&s, id), -1, "a release that cannot be noted in the index");
    tap_num(s.state, -2, "... which is gone");
    tap_ok(strstr(diag.text, "250 taken") != NULL, "... says that it was delivered: %s", diag.text);
    tap_ok(qtn_reindex(&keeper, NULL, NULL, &count, &diag) == 0, "reindex");
    tap_ok(state_of(id) == QTN_RELEASED && !has_file(0, id), "the audit log knew");
    check("an index that was lost");
}

static void
test_refused(void)
{
    struct qtn_keeper second;
    struct qtn_boxes *boxes = qtn_boxes_ref(keeper.boxes);
    struct ut_diag_list diags;
    struct ut_conf *conf;
    char path[128];
    bool missing;
    FILE *f;

    tap_ok(qtn_keeper_open(&second, boxes, &missing, &diag) == -1, "a second keeper is refused");
    tap_ok(strstr(diag.text, "another penstock-quarantined") != NULL, "... and told why");
    qtn_boxes_unref(boxes);
    snprintf(path, sizeof(path), "%s/conf2", dir);
    f = fopen(path, "w");
    fprintf(f, "state_directory = \"%s\"\nmailquarantine 1 { directory = \"%s/q\" }\n"
               "mailquarantine 2 { directory = \"%s/q/\" }\n", dir, dir, dir);
    fclose(f);
    ut_diag_list_init(&diags, 10);
    conf = ut_conf_load(path, &diags);
    ut_diag_list_fini(&diags);
    tap_ok(conf && !qtn_boxes_open(conf, &diag), "two quarantines in one folder are refused");
    tap_num(diag.line, 3, "... with the line");
    ut_conf_unref(conf);
}

int
main(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(addr);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char path[128];
    char cmd[128];
    FILE *f;

    if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&addr, &len) < 0)
        return 1;
    snprintf(dir, sizeof(dir), "/tmp/qtn_keeper.XXXXXX");
    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof(path), "%s/conf", dir);
    f = fopen(path, "w");
    fprintf(f, "state_directory = \"%s\"\nmailquarantine a { retention = 2h }\n"
               "mailquarantine b { retention = 30d }\nreinject = \"127.0.0.1:%u\"\n", dir,
        ntohs(addr.sin_port));
    fclose(f);
    snprintf(path, sizeof(path), "%s/log", dir);
    json_set_alloc_funcs(__wrap_malloc, free);
    db_env_set_func_malloc(db_malloc);
    db_env_set_func_realloc(db_realloc);
    db_env_set_func_fsync(__wrap_fsync);
    if (ut_log_open("test", path, UT_LOG_DEBUG, &diag) < 0 || !open_keeper()) {
        printf("# %s\n", diag.text);
        return 1;
    }
    test_expire();
    test_filter();
    test_catch_up();
    test_release(listener);
    test_memory();
    test_refused();
    qtn_keeper_close(&keeper);
    close(listener);
    ut_log_close();
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    return system(cmd) != 0 ? 1 : tap_done();
}
