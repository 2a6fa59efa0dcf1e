/* ut_utf8.h - UTF-8 (RFC 3629): is it valid, where may it be cut, and how to show bytes that are
 * not text. Any thread; nothing is kept. */
#ifndef UT_UTF8_H
#define UT_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_sbuf.h"

/* Bytes of the character that starts at [p], 1 to 4; 0 if the [len] bytes there do not start
 * with a whole valid one (overlong forms, surrogates and values over U+10FFFF are invalid). */
size_t ut_utf8_char(const char *p, size_t len);
/* True if all [len] bytes at [p] are valid UTF-8; NUL bytes are valid characters. */
bool ut_utf8_valid(const char *p, size_t len);
/* The most bytes of [p], no more than [limit] nor [len], that do not end inside a character.
 * Works on invalid text too: then it never cuts off more than 3 bytes. */
size_t ut_utf8_cut(const char *p, size_t len, size_t limit);
/* Appends [len] bytes at [p] so that they are one printable line of UTF-8: control characters
 * (U+0000-001F, U+007F-009F) and bytes that are not UTF-8 become \xHH a byte. Bytes that are
 * printable stay, the backslash too: the result is for people, not for decoding. */
void ut_utf8_escape(struct ut_sbuf *out, const char *p, size_t len);

#endif
