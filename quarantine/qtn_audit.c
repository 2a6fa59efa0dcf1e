/* qtn_audit.c - the audit log: append durable lines, read them again.
 * Not here: what events lead to (qtn_keeper.c, qtn_reindex.c).
 * Threads: one at a time. Fails: when the disk does; a failed append leaves no trace in the file.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/ut_file.h"
#include "lib/ut_time.h"
#include "lib/ut_utf8.h"
#include "quarantine/qtn_audit.h"

#define LINE_MAX_LEN ((size_t)256 * 1024) /* a longer line is none of ours */
#define WRITE_MAX ((size_t)64 << 20)

struct qtn_audit {
    char *path;
    int fd;
};

/* ORDER event: name, and the state it leads to */
static const struct {
    const char *name;
    enum qtn_state state;
} events[] = {
    {"stored", QTN_HELD},
    {"released", QTN_RELEASED},
    {"release-failed", QTN_HELD},
    {"deleted", QTN_DELETED},
    {"withdrawn", QTN_DELETED},
    {"expired", QTN_DELETED},
    {"lost", QTN_DELETED},
};
#define EVENTS (sizeof(events) / sizeof(events[0]))

const char *
qtn_event_name(enum qtn_event e)
{
    return events[e].name;
}

/* Open ---------------------------------------------------------------------------------------- */

/* Ends a line that was cut off by a crash. */
static int
mend_end(int fd)
{
    off_t len = lseek(fd, 0, SEEK_END);
    char last;

    if (len <= 0)
        return len < 0 ? -1 : 0;
    if (pread(fd, &last, 1, len - 1) != 1)
        return -1;
    return last == '\n' ? 0 : ut_file_write_all(fd, "\n", 1);
}

static int
open_file(const char *path, struct ut_diag *d)
{
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        close(fd);
        return ut_diag_set(d, "the audit log %s is not a regular file", path);
    }
    if (fd < 0 || mend_end(fd) < 0 || ut_file_sync_parent(path, NULL) < 0) {
        ut_diag_errno(d, "cannot open the audit log %s", path);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

struct qtn_audit *
qtn_audit_open(const char *path, struct ut_diag *d)
{
    struct qtn_audit *a = calloc(1, sizeof(*a));

    if (a)
        a->path = strdup(path);
    if (!a || !a->path) {
        free(a);
        ut_diag_set(d, "no memory for the audit log");
        return NULL;
    }
    a->fd = open_file(path, d);
    if (a->fd < 0) {
        qtn_audit_close(a);
        return NULL;
    }
    return a;
}

void
qtn_audit_close(struct qtn_audit *a)
{
    if (!a)
        return;
    if (a->fd >= 0)
        close(a->fd);
    free(a->path);
    free(a);
}

int
qtn_audit_reopen(struct qtn_audit *a, struct ut_diag *d)
{
    int fd = open_file(a->path, d);

    if (fd < 0)
        return -1;
    close(a->fd);
    a->fd = fd;
    return 0;
}

/* Write --------------------------------------------------------------------------------------- */

/* Sets o[name] unless [text] is empty; bytes that JSON cannot hold are escaped. */
static int
set_text(json_t *o, const char *name, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    struct ut_sbuf b;
    int result;

    if (len == 0)
        return 0;
    if (ut_utf8_valid(text, len))
        return json_object_set_new(o, name, json_stringn(text, len));
    ut_sbuf_init(&b, 4 * len + 1);
    ut_utf8_escape(&b, text, len);
    result = b.failed ? -1 : json_object_set_new(o, name, json_string(ut_sbuf_text(&b)));
    ut_sbuf_fini(&b);
    return result;
}

static int
add_bytes(const char *p, size_t len, void *arg)
{
    struct ut_sbuf *out = arg;

    ut_sbuf_add(out, p, len);
    return out->failed ? -1 : 0;
}

/* The texts that the event itself does not say. */
static int
set_record(json_t *o, const struct qtn_record *r)
{
    int result = json_object_set_new(o, "size", json_integer(r->size));

    result |= set_text(o, "sha256", r->sha256);
    for (int t = 0; t < QTN_TEXT_COUNT; t++)
        if (t != QTN_TEXT_BY && t != QTN_TEXT_NOTE)
            result |= set_text(o, qtn_text_name((enum qtn_text)t), r->text[t]);
    return result;
}

/* Appends one line to [out]; -1 without memory. */
static int
add_line(
    const struct qtn_act *act, const char *now, const struct qtn_record *r, struct ut_sbuf *out)
{
    json_t *o = json_object();
    int result = o ? 0 : -1;

    if (o) {
        result |= set_text(o, "time", now);
        result |= set_text(o, "event", events[act->event].name);
        result |= set_text(o, "id", r->id);
        result |= set_text(o, "by", act->by);
        result |= set_text(o, "way", act->way);
        result |= set_text(o, "note", act->note);
        result |= set_record(o, r);
        if (result == 0)
            result = json_dump_callback(o, add_bytes, out, JSON_COMPACT);
    }
    ut_sbuf_addc(out, '\n');
    json_decref(o);
    return result == 0 && !out->failed ? 0 : -1;
}

static int
append(struct qtn_audit *a, const struct ut_sbuf *lines, struct ut_diag *d)
{
    off_t before = lseek(a->fd, 0, SEEK_END);

    if (before >= 0 && ut_file_write_all(a->fd, lines->data, lines->len) == 0 &&
        fdatasync(a->fd) == 0)
        return 0;
    ut_diag_errno(d, "cannot write to the audit log %s", a->path);
    if (before >= 0 && ftruncate(a->fd, before) < 0)
        ut_diag_errno(d, "cannot write to the audit log %s nor take it back", a->path);
    return -1;
}

int
qtn_audit_write(struct qtn_audit *a, const struct qtn_act *act, const struct qtn_record *records,
    size_t count, struct ut_diag *d)
{
    char now[UT_TIME_TEXT_SIZE];
    struct timespec t;
    struct ut_sbuf lines;
    int result = 0;

    clock_gettime(CLOCK_REALTIME, &t);
    ut_time_text(&t, now);
    ut_sbuf_init(&lines, WRITE_MAX);
    for (size_t i = 0; result == 0 && i < count; i++)
        result = add_line(act, now, &records[i], &lines);
    if (result < 0)
        ut_diag_set(d, "no memory for the audit log");
    else if (lines.len > 0)
        result = append(a, &lines, d);
    ut_sbuf_fini(&lines);
    return result;
}

/* Read ---------------------------------------------------------------------------------------- */

/* Milliseconds since 1970 of a time as ut_time_text() writes it, or -1. */
static long long
parse_time(const char *s)
{
    struct tm tm = {0};
    const char *rest = s ? strptime(s, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    time_t t = rest ? timegm(&tm) : -1;
    long long ms = 0;

    if (t < 0)
        return -1;
    if (rest[0] == '.')
        for (int i = 1; i <= 3 && rest[i] >= '0' && rest[i] <= '9'; i++)
            ms = ms * 10 + (rest[i] - '0');
    return (long long)t * 1000 + ms;
}

static const char *
get_text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));

    return s ? s : "";
}

/* Makes a record of the event in [o], its texts lent from there; false if it is none. */
static bool
read_event(const json_t *o, enum qtn_event *event, struct qtn_record *r)
{
    const char *id = get_text(o, "id");
    const char *name = get_text(o, "event");
    const char *sha256 = get_text(o, "sha256");
    size_t e = 0;

    while (e < EVENTS && strcmp(events[e].name, name) != 0)
        e++;
    if (e == EVENTS || !qtn_id_valid(id))
        return false;
    *event = (enum qtn_event)e;
    qtn_record_init(r, id);
    r->state = events[e].state;
    r->changed = parse_time(get_text(o, "time"));
    r->size = json_integer_value(json_object_get(o, "size"));
    if (strlen(sha256) == 64)
        memcpy(r->sha256, sha256, 64);
    for (int t = 0; t < QTN_TEXT_COUNT; t++)
        r->text[t] = get_text(o, qtn_text_name((enum qtn_text)t));
    return r->changed >= 0 && r->size >= 0;
}

struct reading {
    qtn_audit_fn *fn;
    void *arg;
    unsigned long *skipped;
};

static int
read_line(const struct reading *rd, const char *line, size_t len)
{
    json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    struct qtn_record r;
    enum qtn_event event;
    int result = 0;

    if (o && read_event(o, &event, &r))
        result = rd->fn(rd->arg, event, &r);
    else if (len > 0)
        ++*rd->skipped;
    json_decref(o);
    return result;
}

/* Gives out the whole lines in [b] and removes them; [*over]: in a line that is too long. */
static int
read_lines(const struct reading *rd, struct ut_sbuf *b, bool *over)
{
    const char *at = b->data;
    const char *end = b->data + b->len;
    const char *lf;
    int result = 0;

    while (result == 0 && at < end && (lf = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        if (!*over)
            result = read_line(rd, at, (size_t)(lf - at));
        *over = false;
        at = lf + 1;
    }
    ut_sbuf_consume(b, (size_t)(at - b->data));
    if (b->len > LINE_MAX_LEN) {
        *rd->skipped += !*over;
        *over = true;
        ut_sbuf_reset(b);
    }
    return result;
}

int
qtn_audit_read(struct qtn_audit *a, long long tail, qtn_audit_fn *fn, void *arg,
    unsigned long *skipped, struct ut_diag *d)
{
    struct reading rd = {fn, arg, skipped};
    off_t end = lseek(a->fd, 0, SEEK_END);
    off_t at = tail >= 0 && end > tail ? end - tail : 0;
    bool over = at > 0; /* the first line may be cut */
    struct ut_sbuf b;
    int result = 0;

    *skipped = 0;
    ut_sbuf_init(&b, 2 * LINE_MAX_LEN);
    while (result == 0 && at < end) {
        char *to = ut_sbuf_reserve(&b, 65536) ? b.data + b.len : NULL;
        ssize_t n = to ? pread(a->fd, to, 65536, at) : -1;

        if (!to)
            result = ut_diag_set(d, "no memory to read the audit log %s", a->path);
        else if (n < 0 && errno != EINTR)
            result = ut_diag_errno(d, "cannot read the audit log %s", a->path);
        else if (n == 0)
            break;
        if (result < 0 || n < 0)
            continue;
        b.len += (size_t)n;
        at += n;
        result = read_lines(&rd, &b, &over);
    }
    ut_sbuf_fini(&b);
    return result;
}
