/* hsl_spf_record.h - the syntax of SPF records and macro strings (RFC 7208 §4.6, §7, §12). */
#ifndef HSL_SPF_RECORD_H
#define HSL_SPF_RECORD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_arena.h"
#include "lib/ut_bug.h"

enum hsl_spf_mechanism {
    HSL_SPF_ALL,
    HSL_SPF_INCLUDE,
    HSL_SPF_A,
    HSL_SPF_MX,
    HSL_SPF_PTR,
    HSL_SPF_IP4,
    HSL_SPF_IP6,
    HSL_SPF_EXISTS
};

/* Text of the record; lives as long as what was parsed. */
struct hsl_spf_text {
    const char *p;
    size_t len; /* 0: not given */
};

struct hsl_spf_term {
    struct hsl_spf_term *next;
    char qualifier; /* + - ~ ? */
    enum hsl_spf_mechanism mechanism;
    struct hsl_spf_text domain; /* domain-spec, macros not expanded */
    unsigned cidr4, cidr6;      /* bits that are compared */
    unsigned char address[16];  /* ip4: the first four */
};

struct hsl_spf_record {
    struct hsl_spf_term *terms; /* in order */
    struct hsl_spf_text redirect, explanation;
};

/* True if [p] is an SPF record at all: "v=spf1" alone or with a blank behind. */
bool
hsl_spf_is_record(const char *p, size_t len);
/* Parses a record; terms come from [a]. 0; -1: it breaks the syntax; -2: no memory. */
int
hsl_spf_parse(const char *p, size_t len, struct ut_arena *a, struct hsl_spf_record *out) UT_CHECKED;

/* One piece of a macro string. */
struct hsl_spf_macro {
    char letter; /* as written: upper case asks for URL escaping; 0: literal text */
    struct hsl_spf_text literal;
    unsigned digits; /* right-hand labels kept; 0: all */
    bool reverse;
    char delimiters[8]; /* "." if none were given */
};

/* The next piece at *p (moved behind it). 1; 0: the end; -1: the syntax is broken. [explanation]:
 * the letters c r t are allowed. */
int
hsl_spf_macro_next(
    const char **p, const char *end, bool explanation, struct hsl_spf_macro *out) UT_CHECKED;

#endif
