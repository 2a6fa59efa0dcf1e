/* mlt_edit.c - fuzz target: a header block and edits of it. Lines of the input are, up to an
 * empty one, headers "NAME:VALUE", then edits "OP NAME:VALUE" with OP one of A S P E D
 * (hsl_host.h: add, set, prepend, append, delete), X (discard all).
 * A "\" followed by "n" in a value is a line end with a blank behind it. */
#include "config.h"

#include <string.h>

#include "t/fuzz/fuzz.h"
#include "t/fuzz/fuzz_mail.h"

#define HEADERS 40
#define MEMORY ((size_t)1 << 20) /* of the arena */

/* The part of a line before its first ":", of characters that names have; NULL if there is none. */
static const char *
take_name(struct ut_arena *arena, const char **line, size_t *len)
{
    const char *colon = memchr(*line, ':', *len);
    size_t n = colon ? (size_t)(colon - *line) : 0;
    char *name = ut_arena_dup(arena, *line, n);

    if (n == 0 || !name)
        return NULL;
    for (size_t i = 0; i < n; i++)
        name[i] = name[i] > ' ' && name[i] < 127 ? name[i] : '-';
    *line = colon + 1;
    *len -= n + 1;
    return name;
}

/* The rest of a line as a value whose lines are joined by [fold]. */
static const char *
take_value(struct ut_arena *arena, const char *p, size_t len, const char *fold, size_t *out)
{
    struct ut_sbuf value;
    char *copy;

    ut_sbuf_init(&value, MEMORY);
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '\\' && i + 1 < len && p[i + 1] == 'n' && value.len > 0) {
            ut_sbuf_addz(&value, fold);
            i++;
        } else if (p[i] != '\0' && p[i] != '\r') {
            ut_sbuf_addc(&value, p[i]);
        }
    }
    *out = value.len;
    copy = ut_arena_dup(arena, ut_sbuf_text(&value), value.len);
    ut_sbuf_fini(&value);
    return copy;
}

static size_t
take_headers(struct ut_arena *arena, struct fuzz_input *in, struct mlt_header *headers)
{
    size_t count = 0, len;

    while (in->len > 0 && count < HEADERS) {
        const char *line = fuzz_line(in, &len);
        struct mlt_header *h = &headers[count];

        if (len == 0)
            break;
        h->name = take_name(arena, &line, &len);
        h->value = h->name ? take_value(arena, line, len, "\n\t", &h->len) : NULL;
        count += h->value != NULL;
    }
    fuzz_number_headers(headers, count);
    return count;
}

static void
edit(struct mlt_view *v, const char *line, size_t len)
{
    static const char letters[] = "ASPED";
    const char *op = len > 0 && *line ? strchr(letters, *line) : NULL;
    const char *name, *value;
    struct ut_diag why;
    long before = v->edits, n;

    if (len > 0 && *line == 'X') {
        FUZZ_CHECK(mlt_view_discard(v) == before);
        return;
    }
    if (!op || len < 2)
        return;
    line += 2;
    len -= 2;
    name = take_name(v->arena, &line, &len);
    value = name ? take_value(v->arena, line, len, "\r\n ", &len) : NULL;
    if (!value)
        return;
    n = mlt_view_edit(v, (enum hsl_header_op)(op - letters), name, value, len, &why);
    FUZZ_CHECK(v->edits == before + (n > 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct mlt_header headers[HEADERS] = {{0}};
    struct ut_arena *arena = ut_arena_new(MEMORY);
    struct mlt_view v;
    size_t len;

    FUZZ_CHECK(arena);
    mlt_view_init(&v, arena, headers, take_headers(arena, &in, headers));
    while (in.len > 0) {
        const char *line = fuzz_line(&in, &len);

        edit(&v, line, len);
    }
    fuzz_check_view(&v);
    ut_arena_free(arena);
    return 0;
}
