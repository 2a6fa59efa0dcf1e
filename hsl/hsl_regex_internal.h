/* hsl_regex_internal.h - a pattern as hsl_regex.c makes it and hsl_regex_match.c uses it. */
#ifndef HSL_REGEX_INTERNAL_H
#define HSL_REGEX_INTERNAL_H

#include <stdatomic.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "hsl/hsl_regex.h"

struct hsl_regex {
    atomic_uint refs;
    pcre2_code *code;
    char *pattern; /* with a NUL behind it */
    size_t len;
    char flags[8]; /* in the order of all_flags */
    bool utf;
    bool jit;             /* there is machine code */
    bool anchored;        /* a match begins where it is looked for */
    bool pieces;          /* a match may be tried in pieces of the subject */
    int needed;           /* a byte that each match contains; -1: none is known */
    uint32_t weight;      /* how much longer than usual one step of a match may take */
    uint32_t short_steps; /* safe from each place of a short subject */
    unsigned groups;
    const char **names; /* by group, NULL: none has a name */
};

/* The pattern compiled with [more] options of PCRE2, to be freed by pcre2_code_free(). NULL with
 * [d] set as hsl_regex_compile(). */
pcre2_code *
hsl_regex_code(const struct hsl_regex *re, uint32_t more, struct ut_diag *d) UT_CHECKED;
/* Makes machine code of [code]; false: there is none, and pcre2_match() is to be used. */
bool hsl_regex_jit(pcre2_code *code);

#endif
