/* qtn_record.c - records of the index: their stored form, and how a file becomes one.
 * Not here: where records are kept (qtn_index_db.c, qtn_index_ram.c).
 * Threads: none shared. Fails: without memory, and on bytes that are not a record, whatever they
 * are.
 *
 * The stored form: "QR1", state, then changed and size as 8 bytes (big endian), the digest (64
 * characters), then each text with a NUL behind it. Decoding makes the texts point into it. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/ut_time.h"
#include "lib/ut_utf8.h"
#include "quarantine/qtn_record.h"

#define MAGIC "QR1"
#define FIXED (3 + 1 + 8 + 8 + 64)
#define HEADERS_READ ((size_t)64 * 1024) /* Subject and From are looked for in these bytes */

/* ORDER state */
static const char *const states[] = {"held", "releasing", "released", "deleted"};
#define STATES (sizeof(states) / sizeof(states[0]))

/* ORDER text */
static const char *const texts[QTN_TEXT_COUNT] = {"quarantine", "sender", "recipient", "subject",
    "from", "reason", "flow", "client", "helo", "queue", "message", "session", "transport", "by",
    "note"};

const char *
qtn_state_name(enum qtn_state s)
{
    return states[s];
}

int
qtn_state_by_name(const char *name)
{
    for (size_t i = 0; i < STATES; i++)
        if (strcmp(states[i], name) == 0)
            return (int)i;
    return -1;
}

const char *
qtn_text_name(enum qtn_text t)
{
    return texts[t];
}

void
qtn_record_init(struct qtn_record *r, const char *id)
{
    *r = (struct qtn_record){.state = QTN_HELD};
    memcpy(r->id, id, QTN_ID_LEN);
    memset(r->sha256, '0', sizeof(r->sha256) - 1);
    for (size_t i = 0; i < QTN_TEXT_COUNT; i++)
        r->text[i] = "";
}

void
qtn_record_fini(struct qtn_record *r)
{
    free(r->memory);
    r->memory = NULL;
}

long long
qtn_record_stored(const struct qtn_record *r)
{
    return qtn_id_time(r->id);
}

/* Stored form -------------------------------------------------------------------------------- */

static void
put_number(struct ut_sbuf *out, long long n)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        ut_sbuf_addc(out, (char)((unsigned long long)n >> shift & 0xff));
}

static long long
get_number(const char *p)
{
    unsigned long long n = 0;

    for (int i = 0; i < 8; i++)
        n = n << 8 | (unsigned char)p[i];
    return n > INT64_MAX ? -1 : (long long)n;
}

void
qtn_record_encode(const struct qtn_record *r, struct ut_sbuf *out)
{
    ut_sbuf_addz(out, MAGIC);
    ut_sbuf_addc(out, (char)r->state);
    put_number(out, r->changed);
    put_number(out, r->size);
    ut_sbuf_add(out, r->sha256, 64);
    for (size_t i = 0; i < QTN_TEXT_COUNT; i++) {
        size_t len = strlen(r->text[i]);

        ut_sbuf_add(out, r->text[i], ut_utf8_cut(r->text[i], len, QTN_TEXT_MAX));
        ut_sbuf_addc(out, '\0');
    }
}

static bool
decode(struct qtn_record *r, const char *p, size_t len)
{
    const char *end = p + len;

    if (len < FIXED || len > QTN_RECORD_MAX || memcmp(p, MAGIC, 3) != 0 ||
        (unsigned char)p[3] >= STATES)
        return false;
    r->state = (enum qtn_state)p[3];
    r->changed = get_number(p + 4);
    r->size = get_number(p + 12);
    memcpy(r->sha256, p + 20, 64);
    r->sha256[64] = '\0';
    if (r->changed < 0 || r->size < 0 || strspn(r->sha256, "0123456789abcdef") != 64)
        return false;
    p += FIXED;
    for (size_t i = 0; i < QTN_TEXT_COUNT; i++) {
        const char *nul = memchr(p, '\0', (size_t)(end - p));

        if (!nul)
            return false;
        r->text[i] = p;
        p = nul + 1;
    }
    return p == end;
}

const char *
qtn_record_peek_recipient(const void *p, size_t len)
{
    struct qtn_record r;

    return decode(&r, p, len) ? r.text[QTN_TEXT_RECIPIENT] : NULL;
}

int
qtn_record_decode(struct qtn_record *r, const char *id, void *p, size_t len, struct ut_diag *d)
{
    if (!qtn_id_valid(id) || !p) {
        free(p);
        return ut_diag_set(d, "the index holds a record that has no valid id");
    }
    qtn_record_init(r, id);
    r->memory = p;
    if (decode(r, p, len))
        return 0;
    qtn_record_fini(r);
    return ut_diag_set(d, "the index record of %s is damaged", id);
}

/* From a file -------------------------------------------------------------------------------- */

/* One header of the original message, its text unfolded and NUL-ended. */
struct wanted {
    const char *name;
    struct ut_sbuf text;
    bool found; /* the first one counts */
};

/* Adds one line of a header to its text, bytes that would end a text as "?". */
static void
add_line(struct ut_sbuf *text, const char *p, size_t len)
{
    while (len > 0 && (p[len - 1] == '\r' || p[len - 1] == ' ' || p[len - 1] == '\t'))
        len--;
    for (size_t i = 0; i < len; i++)
        ut_sbuf_addc(text, p[i] ? p[i] : '?');
}

/* The header that the line begins, or NULL; [*skip] gets how much comes before its text. */
static struct wanted *
header_begins(struct wanted *w, size_t count, const char *p, size_t len, size_t *skip)
{
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(w[i].name);

        if (w[i].found || len <= n || strncasecmp(p, w[i].name, n) != 0)
            continue;
        while (n < len && (p[n] == ' ' || p[n] == '\t'))
            n++;
        if (n == len || p[n++] != ':')
            continue;
        while (n < len && (p[n] == ' ' || p[n] == '\t'))
            n++;
        *skip = n;
        w[i].found = true;
        return &w[i];
    }
    return NULL;
}

/* Looks for headers in [len] bytes at [p], the beginning of a message: lines end in CRLF or LF,
 * an empty line ends them all. */
static void
find_headers(struct wanted *w, size_t count, const char *p, size_t len)
{
    struct wanted *open = NULL;

    while (len > 0) {
        const char *lf = memchr(p, '\n', len);
        size_t line = lf ? (size_t)(lf - p) : len;
        size_t skip = 0;

        if (line == 0 || (line == 1 && *p == '\r'))
            return;
        if (*p != ' ' && *p != '\t')
            open = header_begins(w, count, p, line, &skip);
        if (open)
            add_line(&open->text, p + skip, line - skip);
        p += line;
        len -= line;
        if (lf) {
            p++;
            len--;
        }
    }
}

/* Fills w[].text from the original message in [f]. */
static int
read_headers(const struct qtn_file *f, struct wanted *w, size_t count, struct ut_diag *d)
{
    size_t want = f->size < (long long)HEADERS_READ ? (size_t)f->size : HEADERS_READ;
    char *buf = malloc(HEADERS_READ);
    ssize_t n;

    if (!buf)
        return ut_diag_set(d, "no memory to read message %s", f->env.id);
    n = pread(f->fd, buf, want, f->offset);
    if (n > 0)
        find_headers(w, count, buf, (size_t)n);
    free(buf);
    return n < 0 ? ut_diag_errno(d, "cannot read message %s", f->env.id) : 0;
}

/* Gives [r], whose texts are borrowed, its own copy of them. */
static int
own_texts(struct qtn_record *r, struct ut_diag *d)
{
    char id[QTN_ID_LEN + 1];
    struct ut_sbuf b;
    size_t len;
    char *p;

    memcpy(id, r->id, sizeof(id));
    ut_sbuf_init(&b, QTN_RECORD_MAX);
    qtn_record_encode(r, &b);
    p = ut_sbuf_take(&b, &len);
    if (!p)
        return ut_diag_set(d, "no memory for the record of %s", id);
    return qtn_record_decode(r, id, p, len, d);
}

static void
borrow_envelope(struct qtn_record *r, const struct qtn_envelope *e)
{
    r->text[QTN_TEXT_SENDER] = e->sender;
    r->text[QTN_TEXT_RECIPIENT] = e->recipient;
    r->text[QTN_TEXT_REASON] = e->reason;
    r->text[QTN_TEXT_FLOW] = e->flow;
    r->text[QTN_TEXT_CLIENT] = e->client;
    r->text[QTN_TEXT_HELO] = e->helo;
    r->text[QTN_TEXT_QUEUE] = e->queue;
    r->text[QTN_TEXT_MESSAGE] = e->message;
    r->text[QTN_TEXT_SESSION] = e->session;
    r->text[QTN_TEXT_TRANSPORT] = e->transport;
}

int
qtn_record_from_file(
    struct qtn_record *r, const struct qtn_file *f, const char *box, struct ut_diag *d)
{
    struct wanted w[] = {{.name = "Subject"}, {.name = "From"}};
    int result;

    for (size_t i = 0; i < 2; i++)
        ut_sbuf_init(&w[i].text, HEADERS_READ);
    qtn_record_init(r, f->env.id);
    result = read_headers(f, w, 2, d);
    if (result == 0) {
        borrow_envelope(r, &f->env);
        r->text[QTN_TEXT_QUARANTINE] = box;
        r->text[QTN_TEXT_SUBJECT] = ut_sbuf_text(&w[0].text);
        r->text[QTN_TEXT_FROM] = ut_sbuf_text(&w[1].text);
        r->changed = qtn_record_stored(r);
        r->size = f->size;
        memcpy(r->sha256, f->sha256, sizeof(r->sha256));
        result = own_texts(r, d);
    }
    for (size_t i = 0; i < 2; i++)
        ut_sbuf_fini(&w[i].text);
    return result;
}

/* As attributes ------------------------------------------------------------------------------ */

static void
add_time(struct ut_sbuf *out, const char *name, long long ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    char text[UT_TIME_TEXT_SIZE];

    ut_time_text(&t, text);
    ut_attr_addz(out, name, text);
}

void
qtn_record_attrs(const struct qtn_record *r, struct ut_sbuf *out)
{
    ut_attr_addz(out, "id", r->id);
    ut_attr_addz(out, "state", states[r->state]);
    add_time(out, "stored", qtn_record_stored(r));
    add_time(out, "changed", r->changed);
    ut_attr_addi(out, "size", r->size);
    for (size_t i = 0; i < QTN_TEXT_COUNT; i++)
        if (r->text[i][0])
            ut_attr_addz(out, texts[i], r->text[i]);
}
