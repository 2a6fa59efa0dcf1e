/* ut_attr.h - attribute lists, the wire form of every local socket (design §5): `name=value`
 * lines that end in LF, an empty line ends the list.
 *
 * As in Postfix's policy protocol (SMTPD_POLICY_README, "Protocol description"). Postfix writes
 * values as they are; our own sockets write LF, CR, NUL and "%" in values as %HH, and both sides
 * ask for decoding. Not thread-safe. */
#ifndef UT_ATTR_H
#define UT_ATTR_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"

struct ut_attr {
    const char *name;  /* NUL at the end; never empty */
    const char *value; /* NUL at the end; a decoded one may hold NULs too */
    size_t len;        /* bytes of the value */
};

struct ut_attr_list {
    struct ut_attr *items; /* in the order they came; owned by the parser */
    size_t count;          /* 0 for an empty list */
};

/* The first value named [name], lent as long as the list; NULL if there is none. [len] gets its
 * bytes and may be NULL. */
const char *ut_attr_get(const struct ut_attr_list *l, const char *name, size_t *len);
/* True if [name] is there with exactly the text [value]. */
bool ut_attr_is(const struct ut_attr_list *l, const char *name, const char *value);
/* The whole number [name] between [min] and [max] into [out]; -1 if it is absent or is none. */
int ut_attr_get_int(const struct ut_attr_list *l, const char *name, long long min, long long max,
    long long *out) UT_CHECKED;

struct ut_attr_limits {
    size_t line;  /* bytes of one line as received, without its LF */
    size_t count; /* attributes of one list */
    size_t total; /* bytes of one list as received, LFs included */
    bool decode;  /* turn %HH in values into bytes; a "%" without two hex digits is an error */
};

/* Fit for our own sockets: 64 KiB a line, 256 attributes, 256 KiB a list, decode. */
extern const struct ut_attr_limits ut_attr_limits_own;

/* Made for one connection. The fields belong to ut_attr.c. */
struct ut_attr_parser {
    struct ut_attr_limits limits;
    struct ut_attr_list list; /* the list being read, or the one last given */
    size_t cap;               /* items allocated */
    struct ut_sbuf text;      /* the list's bytes: name NUL value NUL ... then the open line */
    size_t line;              /* where in [text] the open line starts */
    size_t received;          /* bytes of this list so far */
    bool given;               /* [list] was given: the next byte starts a new one */
    bool broken;              /* an error was given: nothing more is read */
};

enum ut_attr_result {
    UT_ATTR_MORE,  /* all bytes are used, the list is not complete */
    UT_ATTR_LIST,  /* p->list is complete; lent until the next call with this parser */
    UT_ATTR_BROKEN /* malformed, over a limit or no memory: close the connection */
};

/* Copies [limits]; allocates nothing yet. */
void ut_attr_parser_init(struct ut_attr_parser *p, const struct ut_attr_limits *limits);
void ut_attr_parser_fini(struct ut_attr_parser *p);
/* Reads from the [len] bytes at [data] up to the end of one list; [*used] gets how many. After
 * UT_ATTR_LIST call again with the rest. [d] may be NULL and is set for UT_ATTR_BROKEN, which
 * then is the answer to every further call. */
enum ut_attr_result ut_attr_parser_feed(struct ut_attr_parser *p, const char *data, size_t len,
    size_t *used, struct ut_diag *d) UT_CHECKED;
/* True if the connection may end here: no list has begun. */
bool ut_attr_parser_idle(const struct ut_attr_parser *p);

/* Appends one attribute, the value encoded. A name that is empty or holds "=", "%" or control
 * bytes marks [b] as failed. */
void ut_attr_add(struct ut_sbuf *b, const char *name, const char *value, size_t len);
/* The same for a text that ends in NUL. */
void ut_attr_addz(struct ut_sbuf *b, const char *name, const char *value);
void ut_attr_addi(struct ut_sbuf *b, const char *name, long long value);
/* Ends the list. */
void ut_attr_end(struct ut_sbuf *b);

#endif
