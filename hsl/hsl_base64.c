/* hsl_base64.c - base64; EVP_DecodeBlock() would refuse what this has to skip.
 * Not here: the built-ins (hsl_lib_enc.c). Threads: any. Fails: out->failed. */
#include "config.h"

#include "hsl/hsl_base64.h"

#include <stdint.h>

static const char alphabet[2][65] = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

void
hsl_base64_encode(struct ut_sbuf *out, const char *p, size_t len, enum hsl_base64_kind kind)
{
    const char *a = alphabet[kind];

    if (!ut_sbuf_reserve(out, len / 3 * 4 + 4))
        return;
    while (len > 0) {
        size_t n = len < 3 ? len : 3;
        uint32_t bits = 0;
        char four[4];

        for (size_t i = 0; i < 3; i++)
            bits = bits << 8 | (i < n ? (unsigned char)p[i] : 0);
        for (size_t i = 0; i < 4; i++)
            four[i] = i <= n ? a[bits >> (18 - 6 * i) & 63] : '=';
        ut_sbuf_add(out, four, kind == HSL_BASE64_PLAIN ? 4 : n + 1);
        p += n;
        len -= n;
    }
}

static int
digit_of(unsigned char c, const char *a)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (unsigned char)a[62])
        return 62;
    return c == (unsigned char)a[63] ? 63 : -1;
}

void
hsl_base64_decode(struct ut_sbuf *out, const char *p, size_t len, enum hsl_base64_kind kind)
{
    uint32_t bits = 0;
    unsigned have = 0;

    for (size_t i = 0; i < len && p[i] != '='; i++) {
        int d = digit_of((unsigned char)p[i], alphabet[kind]);

        if (d < 0)
            continue;
        bits = bits << 6 | (uint32_t)d;
        have += 6;
        if (have >= 8) {
            have -= 8;
            ut_sbuf_addc(out, (char)(unsigned char)(bits >> have & 255));
        }
    }
}
