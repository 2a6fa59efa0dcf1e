/* ut_log.c - the log: records built with jansson, written to one sink.
 * Not here: what a daemon logs and when; searching logs (ctl/).
 * Threads: any may call anything. One lock guards the sink; it is held for one write.
 * Fails: a record that cannot be built or written is lost, since a mail gateway must not stop
 * over its log; opening a sink fails with a diagnostic and leaves the old one.
 *
 * The sink is the one thing in this library that is kept for the whole process: syslog(3) and
 * the standard error are so too, and a log handle in every call would be noise. */
#include "config.h"

#include "lib/ut_log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_SYSTEMD
#define SD_JOURNAL_SUPPRESS_LOCATION /* where this file calls it says nothing */
#include <systemd/sd-journal.h>
#endif

#include "lib/ut_file.h"
#include "lib/ut_sbuf.h"
#include "lib/ut_time.h"
#include "lib/ut_utf8.h"

#define LOG_TEXT_MAX 8192 /* bytes of one text field */
#define LOG_CUT " \xE2\x80\xA6"
#define LOG_FIELDS_MAX 64
#define LOG_FACILITY LOG_MAIL
#define LOG_KINDS 32

enum log_sink {
    LOG_SINK_STDERR,
    LOG_SINK_FILE,
    LOG_SINK_SYSLOG,
    LOG_SINK_JOURNAL
};

static struct {
    pthread_mutex_t lock;
    enum log_sink sink;
    atomic_int level;
    int fd;            /* of a file, else -1 */
    bool torn;         /* the last write failed, maybe in the middle of a line */
    char program[64];
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = UT_LOG_INFO, .fd = -1};

/* Second in which a warning of each kind was last let through. */
static atomic_llong log_last[LOG_KINDS];

struct ut_log_rec {
    enum ut_log_level level;
    json_t *json; /* an object; the order of its fields is kept */
};

static const char *const log_levels[] = {
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};

int
ut_log_level_by_name(const char *name)
{
    for (int i = UT_LOG_EMERG; i <= UT_LOG_DEBUG; i++)
        if (strcmp(name, log_levels[i]) == 0)
            return i;
    return -1;
}

const char *
ut_log_level_name(enum ut_log_level level)
{
    return (unsigned)level <= UT_LOG_DEBUG ? log_levels[level] : "";
}

static int
log_open_file(const char *path, struct ut_diag *d)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

    return fd >= 0 ? fd : ut_diag_errno(d, "log file %s", path);
}

static int
log_sink_by_name(const char *target, enum log_sink *sink, struct ut_diag *d)
{
    if (strcmp(target, "stderr") == 0)
        *sink = LOG_SINK_STDERR;
    else if (strcmp(target, "syslog") == 0)
        *sink = LOG_SINK_SYSLOG;
    else if (target[0] == '/')
        *sink = LOG_SINK_FILE;
    else if (strcmp(target, "journal") == 0)
        *sink = LOG_SINK_JOURNAL;
    else
        return ut_diag_set(d,
            "log target \"%s\": write stderr, syslog, journal or an absolute file name", target);
#ifndef HAVE_SYSTEMD
    if (*sink == LOG_SINK_JOURNAL)
        return ut_diag_set(d,
            "log target \"journal\": this program was built without systemd; use syslog");
#endif
    return 0;
}

/* Closes the sink, with the lock held. */
static void
log_drop_sink(void)
{
    if (log_state.sink == LOG_SINK_SYSLOG)
        closelog();
    if (log_state.fd >= 0)
        close(log_state.fd);
    log_state.fd = -1;
    log_state.sink = LOG_SINK_STDERR;
}

int
ut_log_open(const char *program, const char *target, enum ut_log_level level, struct ut_diag *d)
{
    enum log_sink sink = LOG_SINK_STDERR;
    int fd = -1;

    if (log_sink_by_name(target, &sink, d) != 0)
        return -1;
    if (sink == LOG_SINK_FILE && (fd = log_open_file(target, d)) < 0)
        return -1;
    pthread_mutex_lock(&log_state.lock);
    log_drop_sink();
    log_state.sink = sink;
    log_state.fd = fd;
    memset(log_state.program, 0, sizeof(log_state.program));
    memcpy(log_state.program, program,
        ut_utf8_cut(program, strlen(program), sizeof(log_state.program) - 1));
    atomic_store(&log_state.level, (int)level);
    if (sink == LOG_SINK_SYSLOG)
        openlog(log_state.program, LOG_PID | LOG_NDELAY, LOG_FACILITY);
    pthread_mutex_unlock(&log_state.lock);
    return 0;
}

void
ut_log_close(void)
{
    pthread_mutex_lock(&log_state.lock);
    log_drop_sink();
    pthread_mutex_unlock(&log_state.lock);
}

bool
ut_log_wants(enum ut_log_level level)
{
    return (int)level <= atomic_load_explicit(&log_state.level, memory_order_relaxed);
}

/* A JSON text of [len] bytes from outside: escaped, cut; NULL without memory. */
static json_t *
log_json_text(const char *p, size_t len)
{
    struct ut_sbuf b;
    json_t *text = NULL;
    size_t fits;

    /* What is cut off need not be escaped first; a character at the edge is cut below. */
    if (len > LOG_TEXT_MAX + 4)
        len = LOG_TEXT_MAX + 4;
    ut_sbuf_init(&b, 4 * (LOG_TEXT_MAX + 4) + sizeof(LOG_CUT));
    ut_utf8_escape(&b, p, len);
    fits = ut_utf8_cut(ut_sbuf_text(&b), b.len, LOG_TEXT_MAX);
    if (fits < b.len) {
        ut_sbuf_truncate(&b, fits);
        ut_sbuf_addz(&b, LOG_CUT);
    }
    if (!b.failed)
        text = json_stringn_nocheck(ut_sbuf_text(&b), b.len);
    ut_sbuf_fini(&b);
    return text;
}

/* Sets a field; a record has at most LOG_FIELDS_MAX. Takes [value]. */
static void
log_set(struct ut_log_rec *r, const char *name, json_t *value)
{
    if (json_object_size(r->json) < LOG_FIELDS_MAX && ut_utf8_valid(name, strlen(name)))
        json_object_set_new_nocheck(r->json, name, value);
    else
        json_decref(value);
}

struct ut_log_rec *
ut_log_begin(enum ut_log_level level)
{
    int saved = errno;
    struct ut_log_rec *r = NULL;
    char stamp[UT_TIME_TEXT_SIZE], program[sizeof(log_state.program)];
    struct timespec now;

    if (ut_log_wants(level))
        r = calloc(1, sizeof(*r));
    if (r)
        r->json = json_object();
    if (r && !r->json) {
        free(r);
        r = NULL;
    }
    if (r) {
        r->level = level;
        clock_gettime(CLOCK_REALTIME, &now);
        ut_time_text(&now, stamp);
        pthread_mutex_lock(&log_state.lock);
        memcpy(program, log_state.program, sizeof(program));
        pthread_mutex_unlock(&log_state.lock);
        log_set(r, "time", json_string(stamp));
        log_set(r, "level", json_string(ut_log_level_name(level)));
        log_set(r, "program", log_json_text(program, strlen(program)));
        log_set(r, "pid", json_integer(getpid()));
        log_set(r, "text", json_string(""));
    }
    errno = saved;
    return r;
}

static UT_PRINTF(2, 0) void
log_textv(struct ut_log_rec *r, const char *fmt, va_list ap)
{
    struct ut_sbuf b;

    ut_sbuf_init(&b, 1 << 20);
    ut_sbuf_addv(&b, fmt, ap);
    if (!b.failed)
        log_set(r, "text", log_json_text(ut_sbuf_text(&b), b.len));
    else
        log_set(r, "text", log_json_text(fmt, strlen(fmt)));
    ut_sbuf_fini(&b);
}

void
ut_log_text(struct ut_log_rec *r, const char *fmt, ...)
{
    int saved = errno;
    va_list ap;

    if (!r)
        return;
    va_start(ap, fmt);
    log_textv(r, fmt, ap);
    va_end(ap);
    errno = saved;
}

void
ut_log_bytes(struct ut_log_rec *r, const char *p, size_t len)
{
    int saved = errno;

    if (r)
        log_set(r, "text", log_json_text(p, len));
    errno = saved;
}

void
ut_log_strn(struct ut_log_rec *r, const char *name, const char *value, size_t len)
{
    int saved = errno;

    if (r && value && len > 0)
        log_set(r, name, log_json_text(value, len));
    errno = saved;
}

void
ut_log_str(struct ut_log_rec *r, const char *name, const char *value)
{
    if (value)
        ut_log_strn(r, name, value, strlen(value));
}

void
ut_log_num(struct ut_log_rec *r, const char *name, double value)
{
    int saved = errno;

    /* json_real() gives NULL for what JSON cannot say (NaN, infinity): the field is left out. */
    if (r)
        log_set(r, name, json_real(value));
    errno = saved;
}

void
ut_log_int(struct ut_log_rec *r, const char *name, long long value)
{
    int saved = errno;

    if (r)
        log_set(r, name, json_integer(value));
    errno = saved;
}

#ifdef HAVE_SYSTEMD
static bool
log_to_journal(void)
{
    bool yes;

    pthread_mutex_lock(&log_state.lock);
    yes = log_state.sink == LOG_SINK_JOURNAL;
    pthread_mutex_unlock(&log_state.lock);
    return yes;
}

/* "PENSTOCK_" and [name] in capitals, letters, digits and "_" only (systemd.journal-fields(7)). */
static void
log_journal_name(struct ut_sbuf *b, const char *name)
{
    ut_sbuf_addz(b, "PENSTOCK_");
    for (; *name; name++) {
        if (*name >= 'a' && *name <= 'z')
            ut_sbuf_addc(b, (char)(*name - 'a' + 'A'));
        else if ((*name >= 'A' && *name <= 'Z') || (*name >= '0' && *name <= '9'))
            ut_sbuf_addc(b, *name);
        else
            ut_sbuf_addc(b, '_');
    }
}

static char *
log_journal_field(const char *name, const json_t *value)
{
    struct ut_sbuf b;

    ut_sbuf_init(&b, 64 * 1024);
    if (strcmp(name, "text") == 0)
        ut_sbuf_addz(&b, "MESSAGE");
    else if (strcmp(name, "program") == 0)
        ut_sbuf_addz(&b, "SYSLOG_IDENTIFIER");
    else
        log_journal_name(&b, name);
    ut_sbuf_addc(&b, '=');
    if (json_is_string(value))
        ut_sbuf_addz(&b, json_string_value(value));
    else if (json_is_integer(value))
        ut_sbuf_addf(&b, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        ut_sbuf_addf(&b, "%.17g", json_real_value(value));
    else
        ut_sbuf_addz(&b, json_is_true(value) ? "true" : "false");
    return ut_sbuf_take(&b, NULL);
}

static void
log_write_journal(const struct ut_log_rec *r)
{
    struct iovec iov[LOG_FIELDS_MAX + 1];
    char priority[16], *fields[LOG_FIELDS_MAX];
    const char *name;
    json_t *value;
    int count = 0;

    json_object_foreach(r->json, name, value)
    {
        fields[count] = log_journal_field(name, value);
        if (!fields[count])
            continue;
        iov[count].iov_base = fields[count];
        iov[count].iov_len = strlen(fields[count]);
        count++;
    }
    iov[count].iov_base = priority;
    iov[count].iov_len = (size_t)snprintf(priority, sizeof(priority), "PRIORITY=%d", r->level);
    sd_journal_sendv(iov, count + 1);
    while (count > 0)
        free(fields[--count]);
}
#endif

/* Writes one whole line. What a failed write left behind is ended by an empty line first, so that
 * the next record stands on a line of its own. */
static void
log_write_all(const char *line, size_t len)
{
    int fd = log_state.fd >= 0 ? log_state.fd : STDERR_FILENO;

    if (log_state.torn && ut_file_write_all(fd, "\n", 1) != 0)
        return;
    log_state.torn = ut_file_write_all(fd, line, len) != 0;
}

static void
log_write_line(const struct ut_log_rec *r)
{
    char *text = json_dumps(r->json, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));
    size_t len;

    if (!text)
        return;
    pthread_mutex_lock(&log_state.lock);
    if (log_state.sink == LOG_SINK_SYSLOG) {
        syslog((int)r->level, "@cee:%s", text);
    } else {
        len = strlen(text);
        text[len] = '\n'; /* in place of the NUL: the line goes out in one write */
        log_write_all(text, len + 1);
    }
    pthread_mutex_unlock(&log_state.lock);
    free(text);
}

void
ut_log_end(struct ut_log_rec *r)
{
    int saved = errno;

    if (!r)
        return;
#ifdef HAVE_SYSTEMD
    if (log_to_journal())
        log_write_journal(r);
    else
#endif
        log_write_line(r);
    json_decref(r->json);
    free(r);
    errno = saved;
}

void
ut_log(enum ut_log_level level, const char *fmt, ...)
{
    int saved = errno;
    struct ut_log_rec *r = ut_log_begin(level);
    va_list ap;

    if (!r)
        return;
    va_start(ap, fmt);
    log_textv(r, fmt, ap);
    va_end(ap);
    ut_log_end(r);
    errno = saved;
}

void
ut_log_diag(enum ut_log_level level, const char *what, const struct ut_diag *d)
{
    struct ut_log_rec *r = ut_log_begin(level);

    if (!r)
        return;
    if (what)
        ut_log_text(r, "%s: %s", what, d->text);
    else
        ut_log_text(r, "%s", d->text);
    ut_log_str(r, "file", d->source);
    if (d->line > 0)
        ut_log_int(r, "line", d->line);
    if (d->line > 0 && d->column > 0)
        ut_log_int(r, "column", d->column);
    ut_log_str(r, "code", d->code);
    ut_log_end(r);
}

void
ut_log_diags(const struct ut_diag_list *l, struct ut_diag *first)
{
    enum ut_log_level level = UT_LOG_ERR;
    struct ut_sbuf text;

    ut_sbuf_init(&text, 4096);
    for (size_t i = 0; i < l->count; i++) {
        const struct ut_diag *one = &l->items[i];

        if (one->level != UT_DIAG_NOTE)
            level = one->level == UT_DIAG_ERROR ? UT_LOG_ERR : UT_LOG_WARNING;
        ut_log_diag(level, NULL, one);
        if (one->level == UT_DIAG_ERROR && text.len == 0)
            ut_diag_to_text(one, &text);
    }
    (void)ut_diag_set(first, "%s%s", text.len > 0 ? ut_sbuf_text(&text) : "it could not be loaded",
        l->errors > 1 ? " (and more mistakes, see the log)" : "");
    ut_sbuf_fini(&text);
}

bool
ut_log_once_a_second(unsigned kind)
{
    long long now = (long long)ut_time_mono() + 1;
    long long last;

    if (kind >= LOG_KINDS)
        return true;
    last = atomic_load(&log_last[kind]);
    return last != now && atomic_compare_exchange_strong(&log_last[kind], &last, now);
}
