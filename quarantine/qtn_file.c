/* qtn_file.c - the format of a quarantined message: writing its envelope headers, reading a file.
 * Not here: making files durable (qtn_store.c), what the original's own headers say
 * (qtn_record.c).
 * Threads: none shared. Fails: on files that are not ours or damaged, which is the normal case
 * for whatever lies in a folder; never crashes on them. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ut_num.h"
#include "lib/ut_time.h"
#include "lib/ut_utf8.h"
#include "quarantine/qtn_digest.h"
#include "quarantine/qtn_file.h"

#define PREFIX "X-Penstock-"
#define LINE_MAX_LEN 900 /* a longer line is folded: RFC 5322 allows 998 */

/* The texts of an envelope as headers, in the order of the file. ORDER field: struct qtn_envelope
 * has a member for each. */
static const struct {
    const char *header;
    size_t member;
} fields[] = {
    {"Id", offsetof(struct qtn_envelope, id)},
    {"Quarantine", offsetof(struct qtn_envelope, quarantine)},
    {"Sender", offsetof(struct qtn_envelope, sender)},
    {"Recipient", offsetof(struct qtn_envelope, recipient)},
    {"Client", offsetof(struct qtn_envelope, client)},
    {"Helo", offsetof(struct qtn_envelope, helo)},
    {"Queue", offsetof(struct qtn_envelope, queue)},
    {"Message", offsetof(struct qtn_envelope, message)},
    {"Session", offsetof(struct qtn_envelope, session)},
    {"Transport", offsetof(struct qtn_envelope, transport)},
    {"Reason", offsetof(struct qtn_envelope, reason)},
    {"Flow", offsetof(struct qtn_envelope, flow)},
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static const char **
member(struct qtn_envelope *e, size_t i)
{
    return (const char **)(void *)((char *)e + fields[i].member);
}

/* Writing ------------------------------------------------------------------------------------ */

/* A header line in the making: [start] is where its open line begins in [out]. */
struct line {
    struct ut_sbuf *out;
    size_t start;
};

static void
line_item(struct line *l, const char *p, size_t len)
{
    if (l->out->len - l->start + len > LINE_MAX_LEN) {
        ut_sbuf_addz(l->out, "\r\n");
        l->start = l->out->len;
        ut_sbuf_addc(l->out, ' ');
    }
    ut_sbuf_add(l->out, p, len);
}

/* Adds [text] so that it cannot end the line: what is not a printable character, "%", blanks at
 * the ends and [extra] (0: none) become %HH. */
static void
line_text(struct line *l, const char *text, char extra)
{
    size_t len = text ? strlen(text) : 0;
    size_t n;

    for (size_t i = 0; i < len; i += n) {
        const unsigned char c = (unsigned char)text[i];
        bool edge = i == 0 || i + 1 == len;
        bool c1 = c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] < 0xa0;
        char hex[4];

        n = ut_utf8_char(text + i, len - i);
        if (n && !c1 && c >= (edge ? 0x21 : 0x20) && c != 0x7f && c != '%' && text[i] != extra) {
            line_item(l, text + i, n);
            continue;
        }
        n = 1;
        snprintf(hex, sizeof(hex), "%%%02X", c);
        line_item(l, hex, 3);
    }
}

static void
header(struct ut_sbuf *out, const char *name, const char *text)
{
    struct line l = {out, out->len};

    ut_sbuf_addf(out, PREFIX "%s: ", name);
    line_text(&l, text, 0);
    ut_sbuf_addz(out, "\r\n");
}

static void
header_date(struct ut_sbuf *out, const char *id)
{
    char text[UT_TIME_TEXT_SIZE];
    long long ms = qtn_id_time(id);
    struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    ut_time_text(&t, text);
    header(out, "Date", text);
}

int
qtn_file_headers(const struct qtn_envelope *e, struct ut_sbuf *out, struct ut_diag *d)
{
    struct qtn_envelope copy = *e;
    size_t start = out->len;

    if (e->metadata_count > QTN_METADATA_MAX)
        return ut_diag_set(d, "more than %d metadata pairs on one message", QTN_METADATA_MAX);
    for (size_t i = 0; i < FIELDS; i++)
        header(out, fields[i].header, *member(&copy, i));
    header_date(out, e->id);
    for (size_t i = 0; i < e->metadata_count; i++) {
        struct line l = {out, out->len};

        ut_sbuf_addz(out, PREFIX "Metadata: ");
        line_text(&l, e->metadata[i].name, '=');
        ut_sbuf_addc(out, '=');
        line_text(&l, e->metadata[i].value, 0);
        ut_sbuf_addz(out, "\r\n");
    }
    header(out, "End", "the original message follows");
    if (out->failed)
        return ut_diag_set(
            d, "no memory for the envelope headers, or over %zu bytes of them", out->max);
    if (out->len - start > QTN_ENVELOPE_MAX)
        return ut_diag_set(
            d, "envelope headers of %zu bytes: more than %zu", out->len - start, QTN_ENVELOPE_MAX);
    return 0;
}

void
qtn_file_first(char out[QTN_FILE_FIRST + 1], off_t offset, long long size, const char *sha256)
{
    int n = snprintf(out, QTN_FILE_FIRST + 1,
        PREFIX "Format: 1; offset=%010lld; size=%018lld; sha256=%.64s\r\n", (long long)offset, size,
        sha256);

    UT_BUG_ON(n != QTN_FILE_FIRST);
}

/* Reading ------------------------------------------------------------------------------------ */

/* What a struct qtn_file owns: the envelope's bytes, decoded in place, and its pairs. */
struct memory {
    struct qtn_pair pairs[QTN_METADATA_MAX];
    char text[];
};

/* Reads [len] bytes of text at [*at] that must be exactly [want]; moves [*at] on. */
static bool
skip(const char **at, const char *want)
{
    size_t len = strlen(want);

    if (strncmp(*at, want, len) != 0)
        return false;
    *at += len;
    return true;
}

/* Reads [digits] decimal digits. */
static bool
number(const char **at, size_t digits, long long max, long long *out)
{
    char text[24];

    if (digits >= sizeof(text) || strspn(*at, "0123456789") < digits)
        return false;
    memcpy(text, *at, digits);
    text[digits] = '\0';
    *at += digits;
    return ut_num_int(text, 0, max, out) == 0;
}

/* Reads the first line [line] (with NUL). */
static bool
first_line(struct qtn_file *f, const char *line)
{
    long long offset;

    if (!skip(&line, PREFIX "Format: 1; offset=") || !number(&line, 10, 1LL << 32, &offset) ||
        !skip(&line, "; size=") || !number(&line, 18, QTN_SIZE_MAX, &f->size) ||
        !skip(&line, "; sha256=") || strspn(line, "0123456789abcdef") != 64)
        return false;
    memcpy(f->sha256, line, 64);
    f->sha256[64] = '\0';
    f->offset = (off_t)offset;
    return strcmp(line + 64, "\r\n") == 0 && offset > QTN_FILE_FIRST &&
           (size_t)offset <= QTN_FILE_FIRST + QTN_ENVELOPE_MAX;
}

static int
hex(char c)
{
    static const char all[] = "0123456789ABCDEF";
    const char *at = c ? strchr(all, c) : NULL;

    return at ? (int)(at - all) : -1;
}

/* Turns %HH in [s] into bytes, in place; false if one is none or a NUL. */
static bool
decode(char *s)
{
    char *to = s;

    for (; *s; s++) {
        if (*s == '%') {
            int hi = hex(s[1]);
            int lo = hi < 0 ? -1 : hex(s[2]);

            if (lo < 0 || (hi == 0 && lo == 0))
                return false;
            *to++ = (char)(hi * 16 + lo);
            s += 2;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
    return true;
}

static bool
metadata(struct qtn_file *f, char *value)
{
    struct memory *m = f->memory;
    char *equals = strchr(value, '=');

    if (!equals || f->env.metadata_count == QTN_METADATA_MAX)
        return false;
    *equals = '\0';
    if (!decode(value) || !decode(equals + 1))
        return false;
    m->pairs[f->env.metadata_count++] = (struct qtn_pair){value, equals + 1};
    return true;
}

/* Takes one unfolded header "X-Penstock-Name: value"; unknown names are for later versions. */
static bool
take_header(struct qtn_file *f, char *line)
{
    char *value;

    if (strncmp(line, PREFIX, sizeof(PREFIX) - 1) != 0)
        return false;
    line += sizeof(PREFIX) - 1;
    value = strstr(line, ": ");
    if (!value)
        return false;
    *value = '\0';
    value += 2;
    if (strcmp(line, "Metadata") == 0)
        return metadata(f, value);
    for (size_t i = 0; i < FIELDS; i++) {
        if (strcmp(line, fields[i].header) != 0)
            continue;
        if (*member(&f->env, i) || !decode(value))
            return false;
        *member(&f->env, i) = value;
    }
    return true;
}

/* The end of the line at [p]: its CRLF becomes NUL, the next line is given; NULL if there is no
 * CRLF in front of [end]. */
static char *
cut_line(char *p, const char *end)
{
    char *lf = memchr(p, '\n', (size_t)(end - p));

    if (!lf || lf == p || lf[-1] != '\r')
        return NULL;
    lf[-1] = '\0';
    return lf + 1;
}

/* Takes all headers between [p] and [end], which must be used up exactly. */
static bool
take_headers(struct qtn_file *f, char *p, const char *end)
{
    while (p < end) {
        char *next = cut_line(p, end);
        size_t len;

        if (!next)
            return false;
        len = strlen(p);
        while (next < end && *next == ' ') {
            char *more = next + 1;
            size_t n;

            next = cut_line(more, end);
            if (!next)
                return false;
            n = strlen(more);
            memmove(p + len, more, n + 1);
            len += n;
        }
        if (len != strcspn(p, "\r\n") || !take_header(f, p))
            return false;
        p = next;
    }
    for (size_t i = 0; i < FIELDS; i++)
        if (!*member(&f->env, i))
            *member(&f->env, i) = "";
    return true;
}

/* Reads [len] bytes at [offset]; -1 with errno, also for an earlier end (errno 0). */
static int
read_all(int fd, char *p, size_t len, off_t offset)
{
    while (len > 0) {
        ssize_t n = pread(fd, p, len, offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? 0 : errno;
            return -1;
        }
        p += n;
        len -= (size_t)n;
        offset += n;
    }
    return 0;
}

/* Reads and checks the envelope of the open f->fd. */
static enum qtn_result
read_envelope(struct qtn_file *f, const char *path, const char *id, struct ut_diag *d)
{
    char first[QTN_FILE_FIRST + 1] = {0};
    struct stat st;
    struct memory *m;
    size_t len;

    if (fstat(f->fd, &st) < 0 ||
        (S_ISREG(st.st_mode) && read_all(f->fd, first, QTN_FILE_FIRST, 0) < 0 && errno)) {
        ut_diag_errno(d, "cannot read %s", path);
        return QTN_ERROR;
    }
    if (!S_ISREG(st.st_mode) || !first_line(f, first)) {
        ut_diag_set(d, "%s is not a quarantined message", path);
        return QTN_BROKEN;
    }
    if (st.st_size != f->offset + f->size) {
        ut_diag_set(d, "%s has %lld bytes instead of %lld", path, (long long)st.st_size,
            (long long)f->offset + f->size);
        return QTN_BROKEN;
    }
    len = (size_t)f->offset - QTN_FILE_FIRST;
    m = malloc(sizeof(*m) + len + 1);
    f->memory = m;
    if (!m || read_all(f->fd, m->text, len, QTN_FILE_FIRST) < 0) {
        ut_diag_errno(d, "cannot read %s", path);
        return QTN_ERROR;
    }
    m->text[len] = '\0';
    f->env.metadata = m->pairs;
    if (memchr(m->text, '\0', len) || !take_headers(f, m->text, m->text + len) ||
        !qtn_id_valid(f->env.id) || (id && strcmp(f->env.id, id) != 0)) {
        ut_diag_set(d, "%s has damaged envelope headers", path);
        return QTN_BROKEN;
    }
    return QTN_OK;
}

static enum qtn_result
open_errno(const char *path, struct ut_diag *d)
{
    int err = errno;

    if (err == ENOENT) {
        ut_diag_set(d, "%s is not there", path);
        return QTN_GONE;
    }
    if (err == ELOOP || err == ENXIO) {
        ut_diag_set(d, "%s is not a regular file", path);
        return QTN_BROKEN;
    }
    ut_diag_errno(d, "cannot open %s", path);
    return QTN_ERROR;
}

enum qtn_result
qtn_file_open(struct qtn_file *f, const char *path, const char *id, struct ut_diag *d)
{
    enum qtn_result result;

    *f = (struct qtn_file){.fd = -1};
    f->fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (f->fd < 0)
        return open_errno(path, d);
    result = read_envelope(f, path, id, d);
    if (result == QTN_OK && lseek(f->fd, f->offset, SEEK_SET) < 0) {
        ut_diag_errno(d, "cannot read %s", path);
        result = QTN_ERROR;
    }
    if (result != QTN_OK)
        qtn_file_close(f);
    return result;
}

void
qtn_file_close(struct qtn_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    free(f->memory);
    *f = (struct qtn_file){.fd = -1};
}

/* Feeds the bytes behind the first line to [g]. */
static enum qtn_result
digest_file(const struct qtn_file *f, struct qtn_digest *g, struct ut_diag *d)
{
    char buf[32768];
    off_t at = QTN_FILE_FIRST;
    off_t end = f->offset + f->size;

    while (at < end) {
        size_t want = end - at < (off_t)sizeof(buf) ? (size_t)(end - at) : sizeof(buf);

        if (read_all(f->fd, buf, want, at) < 0) {
            int err = errno;

            if (err)
                ut_diag_errno(d, "message %s cannot be read", f->env.id);
            else
                ut_diag_set(d, "message %s is cut off", f->env.id);
            return err ? QTN_ERROR : QTN_BROKEN;
        }
        if (qtn_digest_add(g, buf, want) < 0) {
            ut_diag_set(d, "cannot compute the digest of %s", f->env.id);
            return QTN_ERROR;
        }
        at += (off_t)want;
    }
    return QTN_OK;
}

enum qtn_result
qtn_file_verify(const struct qtn_file *f, struct ut_diag *d)
{
    struct qtn_digest g;
    enum qtn_result result;
    char text[QTN_DIGEST_LEN + 1];

    if (qtn_digest_init(&g) < 0) {
        ut_diag_set(d, "no memory for the digest of %s", f->env.id);
        return QTN_ERROR;
    }
    result = digest_file(f, &g, d);
    if (result == QTN_OK && qtn_digest_hex(&g, text) < 0) {
        ut_diag_set(d, "cannot compute the digest of %s", f->env.id);
        result = QTN_ERROR;
    } else if (result == QTN_OK && strcmp(text, f->sha256) != 0) {
        ut_diag_set(d, "message %s is damaged: its digest is not the recorded one", f->env.id);
        result = QTN_BROKEN;
    }
    qtn_digest_fini(&g);
    return result;
}
