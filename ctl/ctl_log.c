/* ctl_log.c - prints the log file: whole, searched, or followed as it grows.
 * Not here: going through a whole file (ctl_log_scan.c), which records are wanted
 * (ctl_log_query.c), how they look (ctl_log_line.c), writing the log (lib/ut_log.c).
 * Threads: one. Fails with EX_CONFIG if records go elsewhere than to a file, EX_NOINPUT without
 * the file, EX_DATAERR for a wrong pattern.
 *
 * Following looks at the file a few times a second; when the name stands for another file, the old
 * one is read on for a minute, for a daemon writes to it until it is told to reopen its log. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl_log.h"
#include "ctl/ctl_log_line.h"
#include "ctl/ctl_log_query.h"
#include "ctl/ctl_log_scan.h"
#include "lib/ut_time.h"

#define PIECE (256 << 10)      /* bytes read at once: what stays in the processor's cache */
#define MAX_LINE (64 << 20)    /* a longer line is taken as several */
#define FOLLOW_MS 200          /* between two looks at a file that is followed */
#define FOLLOW_BACK (64 << 10) /* bytes before the end where following begins */
#define OLD_SECONDS 60         /* for which a rotated file is still read: daemons reopen later */
#define FLUSH_AT (256 << 10)   /* bytes of output that are collected */

/* One file that is being read. */
struct source {
    int fd;              /* -1: none */
    struct stat file;    /* what [fd] is */
    struct ut_sbuf data; /* read but not yet printed: begins with a line */
    bool skip;           /* the line at the start was not read from its start: drop it */
};

struct reader {
    const char *path;
    struct source now;  /* what [path] stands for */
    struct source old;  /* what it stood for before, while following */
    double old_until;   /* monotonic seconds: how long the old one is still read */
    struct ut_sbuf out; /* to be written */
    struct ctl_log_query *query;
    bool json;
};

/* --- Printing ------------------------------------------------------------------------------- */

/* Writes what was collected; -1 if nobody takes it. */
static int
flush_out(struct reader *r)
{
    size_t done = fwrite(ut_sbuf_text(&r->out), 1, r->out.len, stdout);
    bool good = done == r->out.len && !r->out.failed;

    ut_sbuf_reset(&r->out);
    return good ? 0 : -1;
}

/* Prints the wanted lines among the [len] bytes at [p], which are whole lines. */
static int
print_lines(struct reader *r, const char *p, size_t len)
{
    const char *end = p + len;
    struct ut_diag d = {0};
    const char *line;
    size_t n;

    while ((line = ctl_log_query_next(r->query, p, (size_t)(end - p), &n, &d)) != NULL) {
        ctl_log_line_add(&r->out, line, n, r->json);
        if (r->out.len >= FLUSH_AT && flush_out(r) != 0)
            return -1;
        p = line + n < end ? line + n + 1 : end;
    }
    if (d.text[0])
        ctl_error_diag(&d);
    return d.text[0] ? -1 : 0;
}

/* Prints the whole lines that were read from [s], and the open one too if [all]. */
static int
print_data(struct reader *r, struct source *s, bool all)
{
    const char *p = ut_sbuf_text(&s->data);
    const char *last = s->data.len > 0 ? memrchr(p, '\n', s->data.len) : NULL;
    size_t len = last ? (size_t)(last - p) + 1 : 0;
    size_t from = 0;

    if (all || (!last && s->data.len >= MAX_LINE))
        len = s->data.len;
    if (s->skip && len > 0) {
        const char *lf = memchr(p, '\n', len);

        from = lf ? (size_t)(lf - p) + 1 : len;
        s->skip = false;
    }
    if (print_lines(r, p + from, len - from) != 0)
        return -1;
    ut_sbuf_consume(&s->data, len);
    return 0;
}

/* --- Reading -------------------------------------------------------------------------------- */

static void
source_init(struct source *s)
{
    s->fd = -1;
    s->skip = false;
    ut_sbuf_init(&s->data, MAX_LINE + PIECE);
}

static void
source_fini(struct source *s)
{
    if (s->fd >= 0)
        close(s->fd);
    ut_sbuf_fini(&s->data);
    source_init(s);
}

/* -1 with errno set, EINVAL if [path] is no regular file. */
static int
source_open(struct source *s, const char *path)
{
    source_init(s);
    s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (s->fd < 0 || fstat(s->fd, &s->file) != 0)
        return -1;
    if (!S_ISREG(s->file.st_mode)) {
        errno = EINVAL;
        return -1;
    }
    (void)posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return 0;
}

/* Reads [s] up to its end as it is now and prints what is whole. */
static int
read_on(struct reader *r, struct source *s)
{
    for (;;) {
        ssize_t n;

        if (!ut_sbuf_reserve(&s->data, PIECE)) {
            ctl_error("out of memory");
            return -1;
        }
        n = read(s->fd, s->data.data + s->data.len, PIECE);
        if (n < 0) {
            ctl_error("%s: %s", r->path, strerror(errno));
            return -1;
        }
        if (n == 0)
            return 0;
        s->data.len += (size_t)n;
        s->data.data[s->data.len] = '\0';
        if (print_data(r, s, false) != 0)
            return -1;
    }
}

/* --- Following ------------------------------------------------------------------------------ */

/* Ends with the old file, whose last line is printed though it may lack its end. */
static int
drop_old(struct reader *r)
{
    int rc;

    if (r->old.fd < 0)
        return 0;
    rc = read_on(r, &r->old) != 0 || print_data(r, &r->old, true) != 0 ? -1 : 0;
    source_fini(&r->old);
    return rc;
}

/* Looks whether the name stands for another file by now, or the file was cut. A new name that
 * cannot be opened yet is looked at again the next time. */
static int
follow_rotation(struct reader *r)
{
    struct source next;
    struct stat file;

    if (stat(r->path, &file) == 0 &&
        (file.st_ino != r->now.file.st_ino || file.st_dev != r->now.file.st_dev)) {
        if (source_open(&next, r->path) != 0) {
            source_fini(&next);
            return 0;
        }
        if (drop_old(r) != 0) {
            source_fini(&next);
            return -1;
        }
        r->old = r->now;
        r->now = next;
        r->old_until = ut_time_mono() + OLD_SECONDS;
        return 0;
    }
    if (fstat(r->now.fd, &file) == 0 && file.st_size < lseek(r->now.fd, 0, SEEK_CUR)) {
        if (print_data(r, &r->now, true) != 0)
            return -1;
        return lseek(r->now.fd, 0, SEEK_SET) < 0 ? -1 : 0;
    }
    return 0;
}

/* Prints what came since the last look; -1 if that fails. */
static int
follow_once(struct reader *r)
{
    if (r->old.fd >= 0 && read_on(r, &r->old) != 0)
        return -1;
    if (r->old.fd >= 0 && ut_time_mono() > r->old_until && drop_old(r) != 0)
        return -1;
    if (read_on(r, &r->now) != 0 || flush_out(r) != 0)
        return -1;
    return fflush(stdout) == 0 ? 0 : -1;
}

static int
follow(struct reader *r)
{
    struct pollfd gone = {.fd = STDOUT_FILENO};

    if (r->now.file.st_size > FOLLOW_BACK) {
        if (lseek(r->now.fd, r->now.file.st_size - FOLLOW_BACK, SEEK_SET) < 0)
            return -1;
        r->now.skip = true;
    }
    for (;;) {
        if (follow_once(r) != 0)
            return -1;
        if (poll(&gone, 1, FOLLOW_MS) > 0 && gone.revents & (POLLERR | POLLHUP))
            return 0;
        if (follow_rotation(r) != 0)
            return -1;
    }
}

/* --- The command ---------------------------------------------------------------------------- */

/* The file to read, or NULL after saying where the records are; [*rc] gets the exit code. */
static const char *
find_file(struct ctl_call *c, int *rc)
{
    const char *file = ctl_option(c, "file");
    const char *target;

    *rc = EX_CONFIG;
    if (file)
        return file;
    if (!ctl_conf(c))
        return NULL;
    target = c->conf->global.log;
    if (strcmp(target, "journal") == 0)
        ctl_error("records go to the journal (log = journal); look there with: "
                  "journalctl -t penstock-milter -t penstock-quarantined");
    else if (strcmp(target, "syslog") == 0)
        ctl_error("records go to syslog (log = syslog); look there with: "
                  "journalctl -t penstock-milter, or grep penstock- /var/log/mail.log");
    else if (strcmp(target, "stderr") == 0)
        ctl_error("records go to standard error (log = stderr): under systemd look with: "
                  "journalctl -u 'penstock-*'");
    else
        return target;
    return NULL;
}

/* The whole file, or what is wanted of it. */
static int
print_file(struct reader *r, const char *what)
{
    struct ut_diag d = {0};

    if (ctl_log_scan(r->now.fd, r->now.file.st_size, what, r->json, &d) == 0)
        return EX_OK;
    ctl_error("%s: %s", r->path, d.text);
    return EX_IOERR;
}

static int
show_log(struct ctl_call *c)
{
    const char *what = c->operand_count > 0 ? c->operands[0] : NULL;
    struct reader r = {.json = c->json};
    struct ut_diag d = {0};
    int rc;

    r.path = find_file(c, &rc);
    if (!r.path)
        return rc;
    r.query = ctl_log_query_new(what, &d);
    if (!r.query) {
        ctl_error_diag(&d);
        return EX_DATAERR;
    }
    source_init(&r.old);
    ut_sbuf_init(&r.out, 2 * (size_t)MAX_LINE);
    if (source_open(&r.now, r.path) != 0) {
        ctl_error("%s: %s", r.path, errno == EINVAL ? "not a regular file" : strerror(errno));
        rc = EX_NOINPUT;
    } else if (ctl_option(c, "follow")) {
        rc = follow(&r) == 0 ? EX_OK : EX_IOERR;
    } else {
        rc = print_file(&r, what);
    }
    source_fini(&r.now);
    source_fini(&r.old);
    ut_sbuf_fini(&r.out);
    ctl_log_query_free(r.query);
    return rc;
}

static const struct ctl_option log_options[] = {
    {"follow", 'f', NULL, "print new records as they come"},
    {"file", 0, "FILE", "read FILE instead of the configured log"},
    {NULL, 0, NULL, NULL},
};

const struct ctl_command ctl_log_commands[] = {
    {"log", "[WORD | WORD:WORD | /REGEXP/]", 0, 1, log_options, show_log,
        "Print records of the log, all or those wanted"},
    {NULL, NULL, 0, 0, NULL, NULL, NULL},
};
