/* ut_conf_internal.h - what the files of the configuration reader share: the rows of params.def
 * as data (ut_conf_param.c) and the positions of words and sections (ut_conf_scan.c). */
#ifndef UT_CONF_INTERNAL_H
#define UT_CONF_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_arena.h"
#include "lib/ut_conf.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"

/* Named as in params.def. */
enum conf_section {
    CONF_global,
    CONF_mailserver,
    CONF_domain,
    CONF_mailtransport,
    CONF_mailquarantine,
    CONF_ldap,
    CONF_file,
    CONF_SECTIONS
};

enum conf_type { CONF_STR, CONF_LIST, CONF_INT, CONF_BOOL, CONF_TIME, CONF_SIZE, CONF_WORD };

/* One row of params.def. */
struct conf_row {
    enum conf_section section;
    enum conf_type type;
    const char *name;
    size_t offset;        /* of the field in the section's struct */
    const char *def_text; /* STR, LIST, WORD */
    long long def;        /* the others */
    const char *words;    /* WORD */
    long long min, max;   /* INT, TIME, SIZE */
    const char *text;
};

enum {
#define UT_PARAM(section, type, name, def, min, max, text) CONF_ROW_##section##_##name,
#include "lib/params.def"
    CONF_ROW_COUNT
};

extern const struct conf_row conf_rows[CONF_ROW_COUNT];

/* "mailserver" and so on; CONF_global has "". And back; CONF_SECTIONS if there is none. */
const char *conf_section_name(enum conf_section s);
enum conf_section conf_section_by_name(const char *name);
/* The row [name] of section [s], or NULL. */
const struct conf_row *conf_row_find(enum conf_section s, const char *name);
/* The name of section [s], or of a section that may stand there, nearest to [word]; NULL if none
 * is near. */
const char *conf_row_nearest(enum conf_section s, const char *word);
/* Sets the row's field of the struct [base] from [text], memory from [a]; with [base] NULL only
 * checks. -1 with [d] set to what is wrong, no place in it. */
int conf_row_set(const struct conf_row *r, void *base, const char *text, struct ut_arena *a,
    struct ut_diag *d) UT_CHECKED;
/* Sets the field to its default; -1 without memory. */
int conf_row_default(const struct conf_row *r, void *base, struct ut_arena *a) UT_CHECKED;
/* True if the field has its default. */
bool conf_row_is_default(const struct conf_row *r, const void *base);
/* Appends the field's value as the file has it. */
void conf_row_print(const struct conf_row *r, const void *base, struct ut_sbuf *out);

enum conf_token_kind {
    CONF_TOKEN_WORD, /* also a quoted one */
    CONF_TOKEN_OPEN,
    CONF_TOKEN_CLOSE,
    CONF_TOKEN_OTHER /* = + ( ) , */
};

struct conf_token {
    enum conf_token_kind kind;
    size_t start, end;       /* bytes in the text, quotes included */
    size_t inner, inner_end; /* the same without quotes */
    unsigned line, column;   /* from 1; column in bytes */
};

/* A section as it stands in the text. */
struct conf_place {
    enum conf_section section;
    size_t parent; /* index of the place it is in; SIZE_MAX: none */
    size_t title;  /* index of the token */
    unsigned line, column;
    bool closed;
};

struct conf_scan {
    const char *text; /* borrowed */
    struct conf_token *tokens;
    size_t count, cap;
    struct conf_place *places; /* in the order of the file */
    size_t place_count, place_cap;
};

/* More are refused: libconfuse compares each section with all before it. */
#define CONF_PLACES_MAX 20000

/* Finds the words, braces and sections of [text]; -1 without memory or with more sections than
 * CONF_PLACES_MAX. */
int conf_scan_init(struct conf_scan *s, const char *text, size_t len) UT_CHECKED;
void conf_scan_fini(struct conf_scan *s);
/* The last token on [line], or before it, that is the word [word]; NULL if there is none. */
const struct conf_token *conf_scan_word(const struct conf_scan *s, unsigned line, const char *word);
/* Where the statement ends that token [t] begins: `name = value`, `name title { ... }`. */
size_t conf_scan_statement_end(const struct conf_scan *s, const struct conf_token *t);
/* True if the token's word is [word]; case counts not with [nocase]. */
bool conf_token_is(const struct conf_scan *s, const struct conf_token *t, const char *word,
    bool nocase);
/* The place of a section of kind [section] titled [title], or NULL. */
const struct conf_place *conf_scan_section(const struct conf_scan *s, enum conf_section section,
    const char *title);
/* The [n]th place, from 0, of kind [section]; NULL behind the last. */
const struct conf_place *conf_scan_nth(const struct conf_scan *s, enum conf_section section,
    size_t n);

#endif
