/* ut_sbuf.h - a byte buffer that grows up to a maximum and remembers failure.
 * The content may hold NUL bytes and is always followed by one. Not thread-safe. */
#ifndef UT_SBUF_H
#define UT_SBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_bug.h"

struct ut_sbuf {
    char *data;  /* the bytes, NUL after the last; NULL until the first append */
    size_t len;  /* bytes in use, without the final NUL */
    size_t cap;  /* bytes allocated */
    size_t max;  /* most bytes that [len] may reach */
    bool failed; /* an append did not fit or found no memory; sticks until reset */
    bool no_memory; /* it was memory */
};

/* Makes [b] empty with room for at most [max] bytes; allocates nothing yet. */
void ut_sbuf_init(struct ut_sbuf *b, size_t max);
/* Frees what [b] holds; [b] may be used again as after init. */
void ut_sbuf_fini(struct ut_sbuf *b);
/* Empties [b] and forgets a failure; keeps the memory. */
void ut_sbuf_reset(struct ut_sbuf *b);

/* Appends [len] bytes at [p], which is borrowed. Over b->max, or out of
 * memory: [b] keeps its content and b->failed stays true until reset. */
void ut_sbuf_add(struct ut_sbuf *b, const void *p, size_t len);
/* [b] fails too if [part], which was to become part of it, has failed. */
void ut_sbuf_fail_with(struct ut_sbuf *b, const struct ut_sbuf *part);
/* Appends the text [s] without its NUL. */
void ut_sbuf_addz(struct ut_sbuf *b, const char *s);
/* Appends one byte. */
void ut_sbuf_addc(struct ut_sbuf *b, char c);
/* Appends printf text. */
void ut_sbuf_addf(struct ut_sbuf *b, const char *fmt, ...) UT_PRINTF(2, 3);
void ut_sbuf_addv(struct ut_sbuf *b, const char *fmt, va_list ap) UT_PRINTF(2, 0);
/* Makes sure that [more] bytes fit without another allocation; false (and b->failed) if not. */
bool ut_sbuf_reserve(struct ut_sbuf *b, size_t more);
/* Removes the first [n] bytes ([n] <= len). */
void ut_sbuf_consume(struct ut_sbuf *b, size_t n);
/* Cuts to [len] bytes (no more than there are). */
void ut_sbuf_truncate(struct ut_sbuf *b, size_t len);

/* The content as text, "" if nothing was ever added; lent until [b] changes. */
const char *ut_sbuf_text(const struct ut_sbuf *b);
/* Gives the content to the caller, who frees it with free(); NULL if failed. [b] is empty after. */
char *ut_sbuf_take(struct ut_sbuf *b, size_t *len) UT_CHECKED;

#endif
