/* hsl_word.h - the text of header fields: encoded words (RFC 2047), folding (RFC 5322 section
 * 2.2.3) and field names. Any thread. All append to [out]; a failure sticks there. */
#ifndef HSL_WORD_H
#define HSL_WORD_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_sbuf.h"

#define HSL_WORD_LINE 78 /* most bytes of a header line, RFC 5322 section 2.1.1 */

/* A blank (RFC 5322 WSP), or white space as folding makes it. */
static inline bool
hsl_word_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline bool
hsl_word_is_space(char c)
{
    return hsl_word_is_blank(c) || c == '\r' || c == '\n';
}

/* True if no byte is a control character or above 126. */
bool hsl_word_is_ascii(const char *p, size_t len);
/* True if [p] can be the name of a header: RFC 5322 ftext, 1 to 255 bytes. */
bool hsl_word_is_field_name(const char *p, size_t len);

/* Decodes the encoded words in [p] to UTF-8 and leaves everything else as it is, also words of a
 * charset that is not known, of more than 8 charsets, or that are malformed. White space between
 * two encoded words goes; bytes that are invalid in their charset become U+FFFD. */
void hsl_word_decode(struct ut_sbuf *out, const char *p, size_t len);
/* Encodes what is not ASCII as words in UTF-8: runs of such words with the blanks between them, as
 * Q, or B where Q would be more than twice as long. Plain ASCII is appended as it is. */
void hsl_word_encode(struct ut_sbuf *out, const char *p, size_t len);
/* Encodes everything, blanks and ASCII too. */
void hsl_word_encode_all(struct ut_sbuf *out, const char *p, size_t len);

/* Without line ends that are followed by a blank or tab, and without white space at both sides. */
void hsl_word_unfold(struct ut_sbuf *out, const char *p, size_t len);
/* Breaks lines at white space, [column] bytes of the first being used already; CR LF between. */
void hsl_word_fold(struct ut_sbuf *out, const char *p, size_t len, size_t column);

#endif
