/* ut_utf8.c - UTF-8 checks and the escaping of bytes that are not text.
 * Not here: any conversion of character sets.
 * Threads: any. Fails: only as the buffer written to does. */
#include "config.h"

#include "lib/ut_utf8.h"


static bool
utf8_tail(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

size_t
ut_utf8_char(const char *p, size_t len)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t n;

    if (len == 0)
        return 0;
    if (u[0] < 0x80)
        return 1;
    if (u[0] < 0xC2 || u[0] > 0xF4)
        return 0;
    n = u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
    if (len < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (!utf8_tail(u[i]))
            return 0;
    /* RFC 3629 section 4: the second byte rules out overlong forms, surrogates, > U+10FFFF. */
    if ((u[0] == 0xE0 && u[1] < 0xA0) || (u[0] == 0xED && u[1] > 0x9F) ||
        (u[0] == 0xF0 && u[1] < 0x90) || (u[0] == 0xF4 && u[1] > 0x8F))
        return 0;
    return n;
}

bool
ut_utf8_valid(const char *p, size_t len)
{
    size_t n;

    for (; len > 0; p += n, len -= n) {
        n = ut_utf8_char(p, len);
        if (n == 0)
            return false;
    }
    return true;
}

size_t
ut_utf8_cut(const char *p, size_t len, size_t limit)
{
    size_t start;

    if (len <= limit)
        return len;
    for (start = limit; start > 0 && limit - start < 3; start--)
        if (!utf8_tail((unsigned char)p[start]))
            break;
    /* [start] is where the character at the limit begins, unless the text is invalid there. */
    return ut_utf8_char(p + start, len - start) > limit - start ? start : limit;
}

static bool
utf8_control(const char *p, size_t n)
{
    unsigned char c = (unsigned char)p[0];

    if (n == 1)
        return c < 0x20 || c == 0x7F;
    return n == 2 && c == 0xC2 && (unsigned char)p[1] < 0xA0;
}

void
ut_utf8_escape(struct ut_sbuf *out, const char *p, size_t len)
{
    size_t n, plain = 0;

    for (size_t i = 0; i < len; i += n) {
        n = ut_utf8_char(p + i, len - i);
        if (n > 0 && !utf8_control(p + i, n))
            continue;
        ut_sbuf_add(out, p + plain, i - plain);
        if (n == 0)
            n = 1;
        for (size_t k = 0; k < n; k++)
            ut_sbuf_addf(out, "\\x%02X", (unsigned)(unsigned char)p[i + k]);
        plain = i + n;
    }
    ut_sbuf_add(out, p + plain, len - plain);
}
