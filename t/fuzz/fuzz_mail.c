/* fuzz_mail.c - promises about replies and header edits.
 * Not here: replies and edits themselves (mlt_reply.c, mlt_edit.c).
 * Threads: one. A broken promise ends the program. */
#include "config.h"

#include "t/fuzz/fuzz_mail.h"

#include <string.h>
#include <strings.h>

#include "lib/ut_utf8.h"
#include "t/fuzz/fuzz.h"

/* --- Replies -------------------------------------------------------------------------------- */

/* "5.7.1", each number at most 999 and the first one [class] (RFC 3463). */
static void
check_status(const char *status, unsigned class)
{
    unsigned n[3];
    int end = 0;

    FUZZ_CHECK(sscanf(status, "%1u.%3u.%3u%n", &n[0], &n[1], &n[2], &end) == 3);
    FUZZ_CHECK(status[end] == '\0' && strspn(status, "0123456789.") == (size_t)end);
    FUZZ_CHECK(n[0] == class);
}

void
fuzz_check_reply(const struct mlt_reply *r, bool utf8)
{
    FUZZ_CHECK(r->code >= 400 && r->code <= 599);
    check_status(r->status, r->code / 100);
    FUZZ_CHECK(r->count >= 1 && r->count <= MLT_REPLY_LINES);
    for (size_t i = 0; i < r->count; i++) {
        size_t len = strlen(r->lines[i]);

        FUZZ_CHECK(len <= MLT_REPLY_TEXT);
        FUZZ_CHECK(!utf8 || ut_utf8_valid(r->lines[i], len));
        for (size_t k = 0; k < len; k++) {
            unsigned char c = (unsigned char)r->lines[i][k];

            FUZZ_CHECK(c >= ' ' && c != 127 && (utf8 || c < 127));
        }
    }
}

/* --- Headers -------------------------------------------------------------------------------- */

void
fuzz_check_value(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        FUZZ_CHECK(value[i] != '\0');
        FUZZ_CHECK(value[i] != '\r' || (i + 1 < len && value[i + 1] == '\n'));
        FUZZ_CHECK(value[i] != '\n'
            || (i + 1 < len && (value[i + 1] == ' ' || value[i + 1] == '\t')));
    }
}

void
fuzz_number_headers(struct mlt_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        headers[i].nth = 1;
        for (size_t k = 0; k < i; k++)
            headers[i].nth += strcasecmp(headers[k].name, headers[i].name) == 0;
    }
}

/* A header as the mail server has it. */
struct held {
    const char *name, *value;
    size_t len;
    bool blank; /* ": " goes before the value, not ":" */
};

/* Does one change as Postfix does; gives the new number of headers. */
static size_t
apply(struct held *all, size_t count, const struct mlt_edit *e)
{
    struct held h = {e->name, e->value, e->value ? strlen(e->value) : 0, true};
    unsigned nth = 0;
    size_t i;

    if (e->op == MLT_EDIT_INSERT) {
        memmove(all + 1, all, count * sizeof(*all));
        all[0] = h;
        return count + 1;
    }
    for (i = 0; i < count; i++) {
        nth += strcasecmp(all[i].name, e->name) == 0;
        if (nth == e->nth)
            break;
    }
    FUZZ_CHECK(i < count); /* the change names a header that is there */
    if (e->op == MLT_EDIT_CHANGE) {
        all[i] = h;
        return count;
    }
    memmove(all + i, all + i + 1, (count - i - 1) * sizeof(*all));
    return count - 1;
}

static void
add_crlf(struct ut_sbuf *out, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '\n')
            ut_sbuf_addc(out, '\r');
        if (p[i] != '\r' || i + 1 == len || p[i + 1] != '\n')
            ut_sbuf_addc(out, p[i]);
    }
}

/* Compares what the mail server has with what mlt_edits_write() made and what [v] shows. */
static void
compare(const struct mlt_view *v, const struct held *all, size_t count, const char *written)
{
    struct ut_sbuf line, shown;

    ut_sbuf_init(&line, SIZE_MAX / 4);
    ut_sbuf_init(&shown, SIZE_MAX / 4);
    for (size_t i = 0; i < count; i++) {
        size_t blanks = strspn(all[i].value, " \t");

        ut_sbuf_reset(&line);
        ut_sbuf_addf(&line, "%s:%s", all[i].name, all[i].blank ? " " : "");
        add_crlf(&line, all[i].value, all[i].len);
        ut_sbuf_addz(&line, "\r\n");
        FUZZ_CHECK(strncmp(written, ut_sbuf_text(&line), line.len) == 0);
        written += line.len;

        ut_sbuf_reset(&line);
        ut_sbuf_addf(&line, "%s: ", all[i].name);
        add_crlf(&line, all[i].value + blanks, all[i].len - blanks);
        FUZZ_CHECK(mlt_view_get(v, NULL, i, &shown));
        FUZZ_CHECK(shown.len == line.len && memcmp(shown.data, line.data, line.len) == 0);
    }
    FUZZ_CHECK(*written == '\0');
    FUZZ_CHECK(!mlt_view_get(v, NULL, count, &shown));
    ut_sbuf_fini(&line);
    ut_sbuf_fini(&shown);
}

void
fuzz_check_view(const struct mlt_view *v)
{
    const struct mlt_edits *edits, *again;
    struct ut_sbuf written;
    struct held *all;
    size_t count = v->header_count;

    if (mlt_view_edits(v, &edits) != 0 || mlt_view_edits(v, &again) != 0)
        return; /* out of the arena */
    FUZZ_CHECK(mlt_edits_same(edits, again));
    all = calloc(count + (edits ? edits->count : 0) + 1, sizeof(*all));
    FUZZ_CHECK(all);
    for (size_t i = 0; i < count; i++)
        all[i] = (struct held){v->headers[i].name, v->headers[i].value, v->headers[i].len, false};
    for (size_t i = 0; edits && i < edits->count; i++)
        count = apply(all, count, &edits->items[i]);
    ut_sbuf_init(&written, SIZE_MAX / 4);
    mlt_edits_write(v->headers, v->header_count, edits, NULL, &written);
    compare(v, all, count, ut_sbuf_text(&written));
    ut_sbuf_fini(&written);
    free(all);
}
