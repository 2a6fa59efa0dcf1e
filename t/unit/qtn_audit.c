/* qtn_audit.c - the audit log: what is written is read back, and a failed append leaves no trace.
 * fdatasync(2) fails on demand (--wrap). */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "quarantine/qtn_audit.h"
#include "t/unit/tap.h"

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

static int sync_err; /* errno of every fdatasync; 0: works */
static char path[64];
static struct ut_diag diag;

int
__wrap_fdatasync(int fd)
{
    if (!sync_err)
        return __real_fdatasync(fd);
    errno = sync_err;
    return -1;
}

/* What a reading has seen. */
struct seen {
    int count;
    enum qtn_event event; /* of the last one */
    struct qtn_record r;  /* the last one; its texts are not valid any more */
    char recipient[64];
    char by[64];
    char note[64];
    int stop; /* after so many */
};

static int
see(void *arg, enum qtn_event event, const struct qtn_record *r)
{
    struct seen *s = arg;

    s->count++;
    s->event = event;
    s->r = *r;
    snprintf(s->recipient, sizeof(s->recipient), "%s", r->text[QTN_TEXT_RECIPIENT]);
    snprintf(s->by, sizeof(s->by), "%s", r->text[QTN_TEXT_BY]);
    snprintf(s->note, sizeof(s->note), "%s", r->text[QTN_TEXT_NOTE]);
    return s->count == s->stop ? 7 : 0;
}

static long long
length(void)
{
    struct stat st;

    return stat(path, &st) == 0 ? (long long)st.st_size : -1;
}

static void
append(const char *text)
{
    int fd = open(path, O_WRONLY | O_APPEND);

    if (write(fd, text, strlen(text)) < 0)
        perror("write");
    close(fd);
}

static void
test_round_trip(struct qtn_audit *a, struct qtn_record *r)
{
    struct qtn_act act = {QTN_EVENT_RELEASED, "root", "command", "250 ok \xff\n"};
    struct seen s = {0};
    unsigned long skipped;

    r[0].text[QTN_TEXT_RECIPIENT] = "a@example.com";
    r[1].text[QTN_TEXT_RECIPIENT] = "\"x\\\n\xff\"@example.com";
    r[1].size = 77;
    memset(r[1].sha256, 'a', 64);
    tap_ok(qtn_audit_write(a, &act, r, 2, &diag) == 0, "two at once");
    tap_num(qtn_audit_read(a, -1, see, &s, &skipped, &diag), 0, "read");
    tap_num(s.count * 10 + (int)skipped, 20, "both");
    tap_ok(s.event == QTN_EVENT_RELEASED && s.r.state == QTN_RELEASED && s.r.size == 77, "event");
    tap_ok(strcmp(s.r.id, r[1].id) == 0 && strcmp(s.r.sha256, r[1].sha256) == 0, "id and digest");
    tap_ok(s.r.changed > 1700000000000 && s.r.changed < 1LL << 48, "time");
    tap_str(
        s.recipient, "\"x\\\\x0A\\xFF\"@example.com", "bytes that JSON cannot hold are escaped");
    tap_str(s.by, "root", "by");
    s = (struct seen){.stop = 1};
    tap_num(qtn_audit_read(a, -1, see, &s, &skipped, &diag), 7, "the reader can stop");
    tap_num(s.count, 1, "... at once");
}

static void
test_failed_append(struct qtn_audit *a, const struct qtn_record *r)
{
    static const struct qtn_act act = {QTN_EVENT_DELETED, "root", "command", NULL};
    long long before = length();
    struct stat st;

    for (sync_err = ENOSPC; sync_err; sync_err = sync_err == ENOSPC ? EIO : 0) {
        diag.text[0] = '\0';
        tap_ok(qtn_audit_write(a, &act, r, 2, &diag) == -1 && diag.text[0], "append fails");
        tap_num(length(), before, "no trace of it");
    }
    tap_ok(qtn_audit_write(a, &act, r, 0, &diag) == 0, "none at all");
    tap_num(length(), before, "no trace of that either");
    tap_ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "only for its owner");
}

static void
test_damage(struct qtn_audit *a, const struct qtn_record *r)
{
    static const struct qtn_act act = {QTN_EVENT_DELETED, "root", "command", NULL};
    struct seen s = {0};
    unsigned long skipped;
    char *big = malloc(600001);

    memset(big, 'x', 600000);
    big[600000] = '\0';
    append("garbage\n[]\n{}\n\n{\"event\":\"stored\",\"id\":\"x\"}\n");
    append(big);
    append("\n{\"time\":\"2024-02-29T23:59:59.123456Z\",\"event\":\"stored\",\"id\":\"");
    append(r[0].id);
    append("\",\"size\":-1}\n{\"time\":\"cut");
    free(big);
    qtn_audit_close(a);
    a = qtn_audit_open(path, &diag);
    tap_ok(a != NULL, "opens with a line cut off");
    tap_ok(qtn_audit_write(a, &act, r, 1, &diag) == 0, "goes on");
    tap_num(qtn_audit_read(a, -1, see, &s, &skipped, &diag), 0, "read");
    tap_num(s.count, 3, "all good lines");
    tap_num((long long)skipped, 7, "others are counted");
    tap_ok(s.event == QTN_EVENT_DELETED, "the last one is there");
    s.count = 0;
    tap_num(
        qtn_audit_read(a, 200, see, &s, &skipped, &diag), 0, "a tail that begins in the last line");
    tap_num(s.count, 0, "has no whole line");
    tap_num(qtn_audit_read(a, 1000, see, &s, &skipped, &diag), 0, "a longer tail");
    tap_num(s.count, 1, "has the last one");
    qtn_audit_close(a);
}

int
main(void)
{
    struct qtn_record r[2];
    struct qtn_audit *a;
    char id[QTN_ID_LEN + 1];
    char away[80];

    snprintf(path, sizeof(path), "/tmp/qtn_audit.XXXXXX");
    close(mkstemp(path));
    for (int i = 0; i < 2; i++) {
        if (qtn_id_new(id, &diag) < 0)
            return 1;
        qtn_record_init(&r[i], id);
    }
    a = qtn_audit_open(path, &diag);
    tap_ok(a != NULL, "open");
    test_round_trip(a, r);
    test_failed_append(a, r);
    snprintf(away, sizeof(away), "%s.1", path);
    tap_ok(rename(path, away) == 0 && qtn_audit_reopen(a, &diag) == 0 && length() == 0, "rotated");
    tap_ok(rename(away, path) == 0 && qtn_audit_reopen(a, &diag) == 0, "and back");
    test_damage(a, r);
    unlink(path);
    tap_ok(mkdir(path, 0700) == 0 && !qtn_audit_open(path, &diag), "a folder is no audit log");
    rmdir(path);
    tap_ok(mkfifo(path, 0600) == 0 && !qtn_audit_open(path, &diag), "nor is a FIFO");
    unlink(path);
    tap_ok(!qtn_audit_open("/nonexistent/audit", &diag), "no folder for it");
    return tap_done();
}
