/* qtn_file.c - fuzz target: a file of the quarantine. Bytes that begin as a first line does are the
 * file; of any others the first line is made, with the right digest, so that what is behind it
 * gets read: the envelope headers are all up to the line "X-Penstock-End:", or to the first byte
 * 0. What was read is written again and must be read as the same; the record of it survives the
 * index. */
#include "config.h"

#include <string.h>

#include "quarantine/qtn_digest.h"
#include "quarantine/qtn_file.h"
#include "quarantine/qtn_record.h"
#include "t/fuzz/fuzz.h"

#define END "X-Penstock-End:"

/* Appends the first line of a file whose envelope headers and message are the [len] bytes at [p],
 * the headers [offset] of them, and these bytes. */
static void
make_file(struct ut_sbuf *out, const void *p, size_t len, size_t offset)
{
    char first[QTN_FILE_FIRST + 1], hex[QTN_DIGEST_LEN + 1];
    struct qtn_digest g;

    FUZZ_CHECK(qtn_digest_init(&g) == 0);
    FUZZ_CHECK(qtn_digest_add(&g, p, len) == 0 && qtn_digest_hex(&g, hex) == 0);
    qtn_digest_fini(&g);
    qtn_file_first(first, (off_t)(QTN_FILE_FIRST + offset), (long long)(len - offset), hex);
    ut_sbuf_add(out, first, QTN_FILE_FIRST);
    ut_sbuf_add(out, p, len);
}

/* How many of the bytes are envelope headers. */
static size_t
find_end(const uint8_t *p, size_t len)
{
    const uint8_t *end = memmem(p, len, END, strlen(END));
    const uint8_t *lf = end ? memchr(end, '\n', len - (size_t)(end - p)) : NULL;
    const uint8_t *nul = memchr(p, 0, len);

    if (lf)
        return (size_t)(lf - p) + 1;
    return nul ? (size_t)(nul - p) : len;
}

static bool
same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool
same_envelope(const struct qtn_envelope *a, const struct qtn_envelope *b)
{
    if (a->metadata_count != b->metadata_count)
        return false;
    for (size_t i = 0; i < a->metadata_count; i++) {
        if (!same_text(a->metadata[i].name, b->metadata[i].name)
            || !same_text(a->metadata[i].value, b->metadata[i].value))
            return false;
    }
    return same_text(a->id, b->id) && same_text(a->quarantine, b->quarantine)
        && same_text(a->sender, b->sender) && same_text(a->recipient, b->recipient)
        && same_text(a->client, b->client) && same_text(a->helo, b->helo)
        && same_text(a->queue, b->queue) && same_text(a->message, b->message)
        && same_text(a->session, b->session) && same_text(a->transport, b->transport)
        && same_text(a->reason, b->reason) && same_text(a->flow, b->flow);
}

/* The envelope of [f] in a file of our own is the same. */
static void
write_again(const struct qtn_file *f)
{
    struct ut_sbuf headers, file;
    struct qtn_file again;
    struct ut_diag d;

    ut_sbuf_init(&headers, SIZE_MAX / 4);
    ut_sbuf_init(&file, SIZE_MAX / 4);
    if (qtn_file_headers(&f->env, &headers, &d) == 0) { /* else over the limit */
        FUZZ_CHECK(memchr(headers.data, '\0', headers.len) == NULL);
        make_file(&file, headers.data, headers.len, headers.len);
        FUZZ_CHECK(
            qtn_file_open(&again, fuzz_file(file.data, file.len), f->env.id, &d) == QTN_OK);
        FUZZ_CHECK(same_envelope(&f->env, &again.env));
        FUZZ_CHECK(qtn_file_verify(&again, &d) == QTN_OK);
        qtn_file_close(&again);
    }
    ut_sbuf_fini(&headers);
    ut_sbuf_fini(&file);
}

/* The record of [f] comes out of the index as it went in. */
static void
keep_record(const struct qtn_file *f)
{
    struct qtn_record r, back;
    struct ut_sbuf stored, attrs;
    struct ut_diag d;
    size_t len;
    char *p;

    FUZZ_CHECK(qtn_record_from_file(&r, f, "mailquarantine:1", &d) == 0);
    ut_sbuf_init(&stored, SIZE_MAX / 4);
    ut_sbuf_init(&attrs, SIZE_MAX / 4);
    qtn_record_encode(&r, &stored);
    p = ut_sbuf_take(&stored, &len);
    FUZZ_CHECK(p && qtn_record_peek_recipient(p, len));
    FUZZ_CHECK(qtn_record_decode(&back, r.id, p, len, &d) == 0);
    FUZZ_CHECK(back.state == r.state && back.changed == r.changed && back.size == r.size);
    for (size_t i = 0; i < QTN_TEXT_COUNT; i++)
        FUZZ_CHECK(same_text(r.text[i], back.text[i]));
    qtn_record_attrs(&back, &attrs);
    FUZZ_CHECK(!attrs.failed);
    qtn_record_fini(&back);
    qtn_record_fini(&r);
    ut_sbuf_fini(&stored);
    ut_sbuf_fini(&attrs);
}

/* Any bytes are refused as a record, or taken without harm. */
static void
decode_bytes(const uint8_t *data, size_t size)
{
    struct qtn_record r;
    struct ut_diag d;
    void *p = malloc(size ? size : 1);

    FUZZ_CHECK(p);
    if (size > 0)
        memcpy(p, data, size);
    if (qtn_record_decode(&r, "01HZZZZZZZ0000000000000000", p, size, &d) == 0)
        qtn_record_fini(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char mark[] = "X-Penstock-Format:";
    bool whole = size >= strlen(mark) && memcmp(data, mark, strlen(mark)) == 0;
    struct qtn_file f;
    struct ut_sbuf file;
    struct ut_diag d;

    decode_bytes(data, size);
    ut_sbuf_init(&file, SIZE_MAX / 4);
    if (whole)
        ut_sbuf_add(&file, data, size);
    else
        make_file(&file, size > 0 ? (const void *)data : "", size, find_end(data, size));
    if (qtn_file_open(&f, fuzz_file(ut_sbuf_text(&file), file.len), NULL, &d) == QTN_OK) {
        enum qtn_result verified = qtn_file_verify(&f, &d);

        FUZZ_CHECK(verified == QTN_OK || (whole && verified == QTN_BROKEN));
        keep_record(&f);
        write_again(&f);
        qtn_file_close(&f);
    }
    ut_sbuf_fini(&file);
    return 0;
}
