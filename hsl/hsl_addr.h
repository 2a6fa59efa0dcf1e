/* hsl_addr.h - mail addresses as scripts give them (library §0, Addresses). */
#ifndef HSL_ADDR_H
#define HSL_ADDR_H

#include "hsl/hsl_run.h"

#define HSL_ADDR_MAX 254 /* bytes, RFC 5321 erratum 1690 */

enum hsl_addr_result {
    HSL_ADDR_OK,
    HSL_ADDR_INVALID, /* *why says what is wrong with it */
    HSL_ADDR_FAILED   /* error set */
};

/* The address in [v] (a string or an array: "localpart" and "domain", or those two in a list) as a
 * string with a new count in *out; "" is the null sender. A local part of an array is quoted where
 * RFC 5321 needs it. *why is a constant text. */
enum hsl_addr_result hsl_addr_take(struct hsl_run *r, const struct hsl_value *v,
    struct hsl_value *out, const char **why) UT_CHECKED;
/* The same; what is no address is R15 "NAME(): why". */
bool hsl_addr_xtake(struct hsl_run *r, const char *name, const struct hsl_value *v,
    struct hsl_value *out) UT_CHECKED;
/* The same, the text in the place of [v], an argument. */
bool hsl_addr_argument(struct hsl_run *r, const char *name, struct hsl_value *v) UT_CHECKED;
/* What is wrong with the text of an address, a constant; NULL: nothing. */
const char *hsl_addr_fault(const struct hsl_str *s);
/* Appends a local part, quoted where RFC 5321 needs it. */
void hsl_addr_add_local(struct ut_sbuf *b, const struct hsl_str *s);
/* True if the array [v] has the form of an address. */
bool hsl_addr_is_array(const struct hsl_value *v);

#endif
