/* hsl_word.c - encoded words and folding of header fields.
 *
 * Decoding uses iconv(3) for the charsets and no more of a MIME library: a word of an unknown
 * charset has to stay as it is (library §7), a value may hold any byte, and what it costs is
 * bounded by the buffer.
 * Not here: reading and changing headers (hsl_lib_header.c). Threads: any, nothing is kept.
 * Fails: out->failed. */
#include "config.h"

#include "hsl/hsl_word.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "hsl/hsl_base64.h"
#include "lib/ut_utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define CHARSET_MAX 40
/* Different charsets of one text that are decoded; words of still more stay as they are. Opening
 * one may load a file, which stays loaded while a descriptor of it is open, so all are to the end.
 */
#define CHARSETS 8
/* Text of one word, "=?utf-8?Q?" and "?=" left out. RFC 2047 would allow 63; this way the first
 * word stands beside a name of 20 bytes within HSL_WORD_LINE. */
#define PAYLOAD_MAX 44

bool
hsl_word_is_ascii(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)p[i] > 126 || ((unsigned char)p[i] < 32 && p[i] != '\t'))
            return false;
    }
    return true;
}

bool
hsl_word_is_field_name(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] <= 32 || p[i] > 126 || p[i] == ':')
            return false;
    }
    return len >= 1 && len <= 255;
}

/* --- Decoding -------------------------------------------------------------------------------- */

/* The parts of one encoded word, borrowed from the text. */
struct word {
    char charset[CHARSET_MAX];
    char encoding; /* 'B' or 'Q' */
    const char *text;
    size_t len;
    const char *end; /* behind the word */
};

struct charset {
    char name[CHARSET_MAX];
    iconv_t cd;
    bool used;
};

/* Decoder state: words of one charset that follow each other are converted together, since some
 * writers cut inside a character. */
struct decoder {
    struct ut_sbuf *out;
    struct ut_sbuf bytes;    /* decoded but not yet converted */
    struct charset *charset; /* of [bytes]; NULL: there are none */
    struct charset known[CHARSETS];
    size_t count;
};

/* Takes the word at [p] apart; false if there is none. */
static bool
parse_word(const char *p, const char *end, struct word *w)
{
    const char *mark;
    size_t n = 0;

    if (end - p < 8 || p[0] != '=' || p[1] != '?')
        return false;
    for (p += 2; p < end && n < sizeof(w->charset) - 1; p++) {
        unsigned char c = (unsigned char)*p;

        if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9') &&
            !(c && strchr("._:+-", c)))
            break;
        w->charset[n++] = (char)c;
    }
    w->charset[n] = '\0';
    if (p < end && *p == '*') { /* RFC 2231 language */
        while (p < end && *p != '?' && !hsl_word_is_space(*p))
            p++;
    }
    if (n == 0 || end - p < 5 || p[0] != '?' || p[2] != '?')
        return false;
    w->encoding = (char)(p[1] & ~0x20);
    if (w->encoding != 'B' && w->encoding != 'Q')
        return false;
    w->text = p + 3;
    mark = memchr(w->text, '?', (size_t)(end - w->text));
    if (!mark || mark + 1 >= end || mark[1] != '=' ||
        memchr(w->text, '\n', (size_t)(mark - w->text)))
        return false;
    w->len = (size_t)(mark - w->text);
    w->end = mark + 2;
    return true;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
decode_q(struct ut_sbuf *out, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int high = i + 2 < len && p[i] == '=' ? hex_digit(p[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(p[i + 2]) : -1;

        if (low >= 0) {
            ut_sbuf_addc(out, (char)(high * 16 + low));
            i += 2;
        } else {
            ut_sbuf_addc(out, p[i] == '_' ? ' ' : p[i]);
        }
    }
}

/* One call of iconv(3); [in] NULL: a character that it holds back comes out. */
static size_t
convert(struct decoder *d, char **in, size_t *left)
{
    char piece[512], *to = piece;
    size_t room = sizeof(piece), n = iconv(d->charset->cd, in, left, &to, &room);

    ut_sbuf_add(d->out, piece, sizeof(piece) - room);
    return n;
}

/* Converts what was collected, after which no charset is open. Charsets in which a mark can follow
 * a letter (windows-1255, windows-1258) hold the last letter back. */
static void
flush(struct decoder *d)
{
    char *in = d->bytes.data;
    size_t left = d->bytes.len;

    if (!d->charset)
        return;
    while (left > 0 && !d->out->failed) {
        size_t n = convert(d, &in, &left);

        if (n == (size_t)-1 && errno != E2BIG) {
            ut_sbuf_addz(d->out, REPLACEMENT);
            in++;
            left--;
        }
    }
    (void)convert(d, NULL, NULL);
    d->charset = NULL;
    ut_sbuf_reset(&d->bytes);
}

/* Makes the descriptor new: a reset one still knows the byte order of its first text. */
static void
renew(struct charset *c)
{
    iconv_t cd = iconv_open("UTF-8", c->name);

    if (cd == (iconv_t)-1)
        return;
    iconv_close(c->cd);
    c->cd = cd;
}

/* The charset called [name], opened if this is the first word of it; NULL if it is not known. */
static struct charset *
find_charset(struct decoder *d, const char *name)
{
    struct charset *c;

    for (size_t i = 0; i < d->count; i++) {
        if (strcasecmp(d->known[i].name, name) == 0)
            return &d->known[i];
    }
    if (d->count == CHARSETS)
        return NULL;
    c = &d->known[d->count];
    c->cd = iconv_open("UTF-8", name);
    if (c->cd == (iconv_t)-1)
        return NULL;
    memcpy(c->name, name, sizeof(c->name));
    d->count++;
    return c;
}

/* Makes the charset of [w] the open one; false if it is not known. */
static bool
open_charset(struct decoder *d, const struct word *w)
{
    struct charset *c = find_charset(d, w->charset);

    if (c && c != d->charset) {
        flush(d);
        if (c->used)
            renew(c);
        c->used = true;
        d->charset = c;
    }
    return c != NULL;
}

/* Where the next "=?" is, or [end]. */
static const char *
find_word(const char *p, const char *end)
{
    while (p < end && (p = memchr(p, '=', (size_t)(end - p))) != NULL) {
        if (p + 1 < end && p[1] == '?')
            return p;
        p++;
    }
    return end;
}

void
hsl_word_decode(struct ut_sbuf *out, const char *p, size_t len)
{
    struct decoder d = {.out = out};
    const char *end = p + len, *plain = p;
    struct word w;

    ut_sbuf_init(&d.bytes, len);
    for (p = find_word(p, end); p < end; p = find_word(p, end)) {
        const char *blank = plain;

        if (!parse_word(p, end, &w)) {
            p += 2;
            continue;
        }
        while (blank < p && hsl_word_is_space(*blank))
            blank++;
        if (!d.charset || blank < p) {
            flush(&d);
            ut_sbuf_add(out, plain, (size_t)(p - plain));
            plain = p;
        }
        if (!open_charset(&d, &w)) {
            p = w.end;
            continue;
        }
        if (w.encoding == 'Q')
            decode_q(&d.bytes, w.text, w.len);
        else
            hsl_base64_decode(&d.bytes, w.text, w.len, HSL_BASE64_PLAIN);
        p = plain = w.end;
    }
    flush(&d);
    ut_sbuf_add(out, plain, (size_t)(end - plain));
    for (size_t i = 0; i < d.count; i++)
        iconv_close(d.known[i].cd);
    ut_sbuf_fail_with(out, &d.bytes);
    ut_sbuf_fini(&d.bytes);
}

/* --- Encoding -------------------------------------------------------------------------------- */

static bool
q_is_literal(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("!*+-/", c));
}

static size_t
q_size(unsigned char c)
{
    return q_is_literal(c) || c == ' ' ? 1 : 3;
}

static void
add_q(struct ut_sbuf *out, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];

        if (c == ' ')
            ut_sbuf_addc(out, '_');
        else if (q_is_literal(c))
            ut_sbuf_addc(out, (char)c);
        else
            ut_sbuf_addf(out, "=%02X", c);
    }
}

/* How many bytes at [p] fill one word, whole characters only. */
static size_t
word_fill(const char *p, size_t len, bool q)
{
    size_t used = 0, size = 0;

    while (used < len) {
        size_t n = ut_utf8_char(p + used, len - used), cost = 0;

        for (size_t i = 0; i < n; i++)
            cost += q ? q_size((unsigned char)p[used + i]) : 1;
        if (size + cost > (q ? PAYLOAD_MAX : PAYLOAD_MAX / 4 * 3))
            break;
        size += cost;
        used += n;
    }
    return used;
}

/* Encodes valid UTF-8. */
static void
encode_valid(struct ut_sbuf *out, const char *p, size_t len)
{
    size_t q = 0;
    bool as_q, first = true;

    for (size_t i = 0; i < len; i++)
        q += q_size((unsigned char)p[i]);
    as_q = q <= (len + 2) / 3 * 8;
    while (len > 0) {
        size_t n = word_fill(p, len, as_q);

        ut_sbuf_addz(out, first ? "=?utf-8?" : " =?utf-8?");
        ut_sbuf_addz(out, as_q ? "Q?" : "B?");
        if (as_q)
            add_q(out, p, n);
        else
            hsl_base64_encode(out, p, n, HSL_BASE64_PLAIN);
        ut_sbuf_addz(out, "?=");
        p += n;
        len -= n;
        first = false;
    }
}

void
hsl_word_encode_all(struct ut_sbuf *out, const char *p, size_t len)
{
    struct ut_sbuf valid;

    ut_sbuf_init(&valid, out->max);
    for (size_t i = 0; i < len;) {
        size_t n = ut_utf8_char(p + i, len - i);

        if (n > 0)
            ut_sbuf_add(&valid, p + i, n);
        else
            ut_sbuf_addz(&valid, REPLACEMENT);
        i += n > 0 ? n : 1;
    }
    ut_sbuf_fail_with(out, &valid);
    if (!valid.failed)
        encode_valid(out, ut_sbuf_text(&valid), valid.len);
    ut_sbuf_fini(&valid);
}

static size_t
blanks_at(const char *p, size_t len)
{
    size_t n = 0;

    while (n < len && hsl_word_is_blank(p[n]))
        n++;
    return n;
}

static size_t
token_at(const char *p, size_t len)
{
    size_t n = 0;

    while (n < len && !hsl_word_is_blank(p[n]))
        n++;
    return n;
}

void
hsl_word_encode(struct ut_sbuf *out, const char *p, size_t len)
{
    while (len > 0) {
        size_t blanks = blanks_at(p, len);
        size_t token = token_at(p + blanks, len - blanks);
        size_t run = 0, next = blanks + token;

        /* From the first word that needs it to the last one in a row. */
        while (next > blanks + run && !hsl_word_is_ascii(p + blanks + run, next - blanks - run)) {
            run = next - blanks;
            next += blanks_at(p + next, len - next);
            next += token_at(p + next, len - next);
        }
        ut_sbuf_add(out, p, blanks);
        if (run > 0)
            hsl_word_encode_all(out, p + blanks, run);
        else
            ut_sbuf_add(out, p + blanks, token);
        p += blanks + (run > 0 ? run : token);
        len -= blanks + (run > 0 ? run : token);
    }
}

/* --- Folding --------------------------------------------------------------------------------- */

void
hsl_word_unfold(struct ut_sbuf *out, const char *p, size_t len)
{
    while (len > 0 && hsl_word_is_space(p[0])) {
        p++;
        len--;
    }
    while (len > 0 && hsl_word_is_space(p[len - 1]))
        len--;
    while (len > 0) {
        size_t n = 0;

        while (n < len && (p[n] == '\r' || p[n] == '\n'))
            n++;
        if (n == 0)
            ut_sbuf_addc(out, p[n++]);
        else if (!hsl_word_is_blank(p[n])) /* the last byte is none of these */
            ut_sbuf_add(out, p, n);
        p += n;
        len -= n;
    }
}

void
hsl_word_fold(struct ut_sbuf *out, const char *p, size_t len, size_t column)
{
    bool first = true;

    while (len > 0) {
        size_t blanks = blanks_at(p, len);
        size_t n = blanks + token_at(p + blanks, len - blanks);

        if (!first && blanks > 0 && n > blanks && column + n > HSL_WORD_LINE) {
            ut_sbuf_addz(out, "\r\n");
            column = 0;
        }
        ut_sbuf_add(out, p, n);
        column += n;
        p += n;
        len -= n;
        first = false;
    }
}
