/* ut_sbuf.c - the byte buffer: growth, the maximum, failure that sticks.
 * Not here: memory that goes all at once (ut_arena.c).
 * Threads: a buffer belongs to one at a time.
 * Fails: over the maximum or without memory; the content stays as it was. */
#include "config.h"

#include "lib/ut_sbuf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define UT_SBUF_FIRST 64

void
ut_sbuf_init(struct ut_sbuf *b, size_t max)
{
    memset(b, 0, sizeof(*b));
    b->max = max;
}

void
ut_sbuf_fini(struct ut_sbuf *b)
{
    free(b->data);
    ut_sbuf_init(b, b->max);
}

void
ut_sbuf_reset(struct ut_sbuf *b)
{
    b->len = 0;
    b->failed = b->no_memory = false;
    if (b->data)
        b->data[0] = '\0';
}

bool
ut_sbuf_reserve(struct ut_sbuf *b, size_t more)
{
    size_t want, cap = b->cap ? b->cap : UT_SBUF_FIRST;
    char *data;

    if (b->failed)
        return false;
    if (b->len > b->max || more > b->max - b->len || b->len + more >= SIZE_MAX / 2) {
        b->failed = true;
        return false;
    }
    want = b->len + more + 1;
    if (want <= b->cap)
        return true;
    while (cap < want)
        cap += cap / 2;
    if (cap > b->max && b->max + 1 >= want)
        cap = b->max + 1;
    data = realloc(b->data, cap);
    if (!data) {
        b->failed = b->no_memory = true;
        return false;
    }
    if (!b->data)
        data[0] = '\0';
    b->data = data;
    b->cap = cap;
    return true;
}

void
ut_sbuf_fail_with(struct ut_sbuf *b, const struct ut_sbuf *part)
{
    b->failed = b->failed || part->failed;
    b->no_memory = b->no_memory || part->no_memory;
}

void
ut_sbuf_add(struct ut_sbuf *b, const void *p, size_t len)
{
    if (!ut_sbuf_reserve(b, len))
        return;
    if (len > 0)
        memcpy(b->data + b->len, p, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void
ut_sbuf_addz(struct ut_sbuf *b, const char *s)
{
    ut_sbuf_add(b, s, strlen(s));
}

void
ut_sbuf_addc(struct ut_sbuf *b, char c)
{
    ut_sbuf_add(b, &c, 1);
}

void
ut_sbuf_addv(struct ut_sbuf *b, const char *fmt, va_list ap)
{
    va_list again;
    int len;

    va_copy(again, ap);
    len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (len < 0) {
        b->failed = true;
        return;
    }
    if (!ut_sbuf_reserve(b, (size_t)len))
        return;
    vsnprintf(b->data + b->len, (size_t)len + 1, fmt, ap);
    b->len += (size_t)len;
}

void
ut_sbuf_addf(struct ut_sbuf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    ut_sbuf_addv(b, fmt, ap);
    va_end(ap);
}

void
ut_sbuf_consume(struct ut_sbuf *b, size_t n)
{
    UT_BUG_ON(n > b->len);
    if (n == 0)
        return;
    memmove(b->data, b->data + n, b->len - n + 1);
    b->len -= n;
}

void
ut_sbuf_truncate(struct ut_sbuf *b, size_t len)
{
    if (len >= b->len)
        return;
    b->len = len;
    b->data[len] = '\0';
}

const char *
ut_sbuf_text(const struct ut_sbuf *b)
{
    return b->data ? b->data : "";
}

char *
ut_sbuf_take(struct ut_sbuf *b, size_t *len)
{
    char *data = NULL;

    if (len)
        *len = 0;
    if (ut_sbuf_reserve(b, 0)) {
        data = b->data;
        if (len)
            *len = b->len;
        b->data = NULL;
    }
    ut_sbuf_fini(b);
    return data;
}
