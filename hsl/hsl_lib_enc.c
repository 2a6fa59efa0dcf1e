/* hsl_lib_enc.c - encodings of text (library §7): base64, base32, URL, xtext, encoded words.
 *
 * Not here: JSON (hsl_lib_json.c), pack and unpack (hsl_lib_pack.c).
 * Threads: as the run. Fails: limits. */
#include "config.h"

#include "hsl/hsl_base64.h"
#include "hsl/hsl_lib_enc.h"
#include "hsl/hsl_word.h"

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The two hex digits at [p] as a byte, or -1; [left] bytes are there. */
static int
hex_byte(const char *p, size_t left)
{
    int high = left >= 2 ? hex_digit(p[0]) : -1, low = high >= 0 ? hex_digit(p[1]) : -1;

    return low >= 0 ? high * 16 + low : -1;
}

/* Every row here: a string to a string, in one pass. */
typedef void
recode_fn(struct ut_sbuf *out, const char *p, size_t len);

static bool
recode(struct hsl_run *r, const struct hsl_value *args, recode_fn *fn, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;
    struct ut_sbuf b;

    ut_sbuf_init(&b, r->limits.max_string);
    fn(&b, s->data, s->len);
    return hsl_ret_sbuf(r, out, &b) && hsl_work(r, s->len);
}

#define RECODE(fn, with)                                                                           \
    static bool fn(                                                                                \
        struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)           \
    {                                                                                              \
        (void)argc;                                                                                \
        return recode(r, args, with, out);                                                         \
    }

/* --- base64, base32 -------------------------------------------------------------------------- */

static void
to_base64(struct ut_sbuf *out, const char *p, size_t len)
{
    hsl_base64_encode(out, p, len, HSL_BASE64_PLAIN);
}

static void
from_base64(struct ut_sbuf *out, const char *p, size_t len)
{
    hsl_base64_decode(out, p, len, HSL_BASE64_PLAIN);
}

static void
to_base64url(struct ut_sbuf *out, const char *p, size_t len)
{
    hsl_base64_encode(out, p, len, HSL_BASE64_URL);
}

static void
from_base64url(struct ut_sbuf *out, const char *p, size_t len)
{
    hsl_base64_decode(out, p, len, HSL_BASE64_URL);
}

static void
to_base32(struct ut_sbuf *out, const char *p, size_t len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    while (len > 0) {
        size_t n = len < 5 ? len : 5, digits = (n * 8 + 4) / 5;
        uint64_t bits = 0;
        char eight[8];

        for (size_t i = 0; i < 5; i++)
            bits = bits << 8 | (i < n ? (unsigned char)p[i] : 0);
        for (size_t i = 0; i < 8; i++)
            eight[i] = i < digits ? alphabet[bits >> (35 - 5 * i) & 31] : '=';
        ut_sbuf_add(out, eight, sizeof(eight));
        p += n;
        len -= n;
    }
}

static void
from_base32(struct ut_sbuf *out, const char *p, size_t len)
{
    uint32_t bits = 0;
    unsigned have = 0;

    for (size_t i = 0; i < len && p[i] != '='; i++) {
        char c = (char)(p[i] | 0x20);
        int d = c >= 'a' && c <= 'z' ? c - 'a' : -1;

        if (p[i] >= '2' && p[i] <= '7')
            d = p[i] - '2' + 26;
        if (d < 0)
            continue;
        bits = bits << 5 | (uint32_t)d;
        have += 5;
        if (have >= 8) {
            have -= 8;
            ut_sbuf_addc(out, (char)(unsigned char)(bits >> have & 255));
        }
    }
}

RECODE(fn_base64_encode, to_base64)
RECODE(fn_base64_decode, from_base64)
RECODE(fn_base64url_encode, to_base64url)
RECODE(fn_base64url_decode, from_base64url)
RECODE(fn_base32_encode, to_base32)
RECODE(fn_base32_decode, from_base32)

/* --- URL, xtext ------------------------------------------------------------------------------ */

/* [mark] and the byte in hex. */
static void
add_hex(struct ut_sbuf *out, char mark, char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char text[3] = {mark, digits[(unsigned char)c >> 4], digits[(unsigned char)c & 15]};

    ut_sbuf_add(out, text, sizeof(text));
}

static bool
is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

void
hsl_enc_url(struct ut_sbuf *out, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (is_alnum(p[i]) || (p[i] && strchr("-._~", p[i])))
            ut_sbuf_addc(out, p[i]);
        else
            add_hex(out, '%', p[i]);
    }
}

/* [mark] and two hex digits are a byte; a mark without them stays. */
static void
from_hex_marks(struct ut_sbuf *out, const char *p, size_t len, char mark)
{
    for (size_t i = 0; i < len; i++) {
        int byte = p[i] == mark ? hex_byte(p + i + 1, len - i - 1) : -1;

        ut_sbuf_addc(out, byte >= 0 ? (char)(unsigned char)byte : p[i]);
        i += byte >= 0 ? 2 : 0;
    }
}

static void
from_url(struct ut_sbuf *out, const char *p, size_t len)
{
    from_hex_marks(out, p, len, '%');
}

void
hsl_enc_xtext(struct ut_sbuf *out, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] < 33 || p[i] > 126 || p[i] == '+' || p[i] == '=')
            add_hex(out, '+', p[i]);
        else
            ut_sbuf_addc(out, p[i]);
    }
}

static void
from_xtext(struct ut_sbuf *out, const char *p, size_t len)
{
    from_hex_marks(out, p, len, '+');
}

RECODE(fn_url_encode, hsl_enc_url)
RECODE(fn_url_decode, from_url)
RECODE(fn_xtext_encode, hsl_enc_xtext)
RECODE(fn_xtext_decode, from_xtext)
RECODE(fn_mimeword_encode, hsl_word_encode)
RECODE(fn_mimeword_decode, hsl_word_decode)

#define ENC(name, with, text)                                                                      \
    {                                                                                              \
        name, "s", 0, HSL_PURE, .fn = with, name "(s)", text                                       \
    }

const struct hsl_builtin hsl_lib_enc_rows[] = {
    ENC("base64_encode", fn_base64_encode, "The bytes in base64, padded."),
    ENC("base64_decode", fn_base64_decode,
        "The bytes that base64 text stands for. Foreign characters are skipped, missing padding "
        "is accepted."),
    ENC("base64url_encode", fn_base64url_encode,
        "As base64_encode(), in the alphabet for URLs and without padding."),
    ENC("base64url_decode", fn_base64url_decode, "As base64_decode(), in the alphabet for URLs."),
    ENC("base32_encode", fn_base32_encode, "The bytes in base32, padded."),
    ENC("base32_decode", fn_base32_decode,
        "The bytes that base32 text in either case stands for. Foreign characters are skipped."),
    ENC("url_encode", fn_url_encode,
        "The text with every byte but letters, digits and - . _ ~ as %XX."),
    ENC("url_decode", fn_url_decode,
        "The text with every %XX as its byte. A plus sign and a bad % stay."),
    ENC("xtext_encode", fn_xtext_encode, "The text as xtext (RFC 3461), for ESMTP parameters."),
    ENC("xtext_decode", fn_xtext_decode, "The text that xtext stands for."),
    ENC("mimeword_encode", fn_mimeword_encode,
        "The text for a header: what is not ASCII as encoded words (RFC 2047) in UTF-8."),
    ENC("mimeword_decode", fn_mimeword_decode,
        "The text with encoded words (RFC 2047) decoded to UTF-8. Words of an unknown charset "
        "stay."),
    {.name = NULL},
};
