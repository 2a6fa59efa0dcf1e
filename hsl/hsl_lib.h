/* hsl_lib.h - built-in functions: one table row each, one file per subject (hsl_lib_*.c).
 *
 * The row is all there is to know about a function: the checker takes arity and flows from it,
 * the call converts the arguments by its signature, the manual is printed from its text.
 *
 * Signature [args], one letter per parameter, '|' before the first optional one, '*' at the end for
 * any number more of the last kind:
 *   s string (takes numbers and booleans)   n number (takes booleans and numeric strings)
 *   a array   f function   b boolean (any value, by truth)   v anything
 *   o options array (unknown keys are the function's business)   O anything, an array: options
 *   p pattern: string or Regex   c callback or any value   A address: string or array
 * Other mixtures are 'v' and checked inside (R07 through hsl_lib_bad_arg). Arguments arrive
 * converted, in place; missing optional ones are not there (argc says). */
#ifndef HSL_LIB_H
#define HSL_LIB_H

#include "hsl/hsl_run.h"

/* [args] are borrowed; *out (none beforehand) gets a new count. false: error or end, state set; what
 * is in *out by then is dropped by hsl_lib_call(). */
typedef bool hsl_builtin_fn(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out);

enum hsl_builtin_flag {
    HSL_NONE_OK = 1,    /* none acts as "" for s and as [] for a (old-name functions) */
    HSL_PURE = 2,       /* same arguments, same result, no effect: may be folded */
    HSL_FINAL = 4,      /* ends the run (it may not come back): W2 in cache, W4 behind it */
    HSL_NO_EFFECT = 8,  /* an X row: W3 "NAME has no effect behind Postfix; nearest: ..." */
    HSL_DEPRECATED = 16,/* W3 */
    HSL_BLOCKS = 32     /* may wait for something outside */
};

struct hsl_builtin {
    const char *name;
    const char *args;    /* signature */
    unsigned flows;      /* 0: everywhere; else bits of enum hsl_flow */
    unsigned flags;      /* enum hsl_builtin_flag */
    hsl_builtin_fn *fn;
    const char *proto;   /* for people: "str_split(s, delim [, limit = 0])" */
    const char *text;    /* one or two sentences for the manual */
    /* What a row may leave out. */
    const char *options; /* keys of the arguments o and O, with blanks between; '-' before one that does
                          * nothing here: W5 */
    const char *errors;  /* when it fails besides R07, for the manual: "the string is empty; ..." */
    const char *other;   /* a function of the other generation that does the same, for the manual */
    const char *nearest; /* HSL_NO_EFFECT: what does it in Postfix or beside it */
};

/* The row [name] of cls->methods; NULL: there is none. */
static inline const struct hsl_builtin *
hsl_class_method(const struct hsl_class *cls, const char *name, size_t len)
{
    for (const struct hsl_builtin *m = cls->methods; m && m->name; m++) {
        if (strlen(m->name) == len && memcmp(m->name, name, len) == 0)
            return m;
    }
    return NULL;
}

/* Every table: ended by a row with name NULL. One accessor per hsl_lib_*.c. */
extern const struct hsl_builtin hsl_lib_type_rows[];  /* count length number string is_* ... */
extern const struct hsl_builtin hsl_lib_str_rows[];   /* strings §3 */
extern const struct hsl_builtin hsl_lib_arr_rows[];   /* arrays §4 */
extern const struct hsl_builtin hsl_lib_pcre_rows[];  /* §5 */
extern const struct hsl_builtin hsl_lib_file_rows[];  /* in_file file file_get_contents §6 */
extern const struct hsl_builtin hsl_lib_reader_rows[];/* File §14.1 */
extern const struct hsl_builtin hsl_lib_enc_rows[];   /* encodings §7 */
extern const struct hsl_builtin hsl_lib_url_rows[];   /* url_parse idna_* §7 */
extern const struct hsl_builtin hsl_lib_zlib_rows[];  /* zlib_* §7 */
extern const struct hsl_builtin hsl_lib_json_rows[];  /* json_* §7 */
extern const struct hsl_builtin hsl_lib_data_rows[];  /* csv_* yaml_decode §7 */
extern const struct hsl_builtin hsl_lib_pack_rows[];  /* pack unpack §7 */
extern const struct hsl_builtin hsl_lib_crypt_rows[]; /* hashes random uuid §8 */
extern const struct hsl_builtin hsl_lib_aes_rows[];   /* aes_* §8 */
extern const struct hsl_builtin hsl_lib_time_rows[];  /* §9 */
extern const struct hsl_builtin hsl_lib_math_rows[];  /* §10 */
extern const struct hsl_builtin hsl_lib_net_rows[];   /* in_network inet_* domain_* §11 */
extern const struct hsl_builtin hsl_lib_share_rows[]; /* rate memory_* §11 §13 */
extern const struct hsl_builtin hsl_lib_dns_rows[];   /* dns... §11 */
extern const struct hsl_builtin hsl_lib_dnsbl_rows[]; /* dnsbl globalview §11 */
extern const struct hsl_builtin hsl_lib_spf_rows[];   /* spf spf_query §11 */
extern const struct hsl_builtin hsl_lib_ldap_rows[];  /* in_ldap ldap_... §12 */
extern const struct hsl_builtin hsl_lib_dovecot_rows[]; /* dovecot_lookup_auth §12 */
extern const struct hsl_builtin hsl_lib_smtp_rows[];  /* smtp_lookup_... §12 */
extern const struct hsl_builtin hsl_lib_http_rows[];  /* http §6 */
extern const struct hsl_builtin hsl_lib_mail_rows[];  /* mail §13 */
extern const struct hsl_builtin hsl_lib_addr_rows[];  /* mail addresses §13 */
extern const struct hsl_builtin hsl_lib_field_rows[]; /* values of header fields §13 */
extern const struct hsl_builtin hsl_lib_core_rows[];  /* syslog gethostname Exception ... §1 §13 */
extern const struct hsl_builtin hsl_lib_flow_rows[];  /* actions §16 */
extern const struct hsl_builtin hsl_lib_set_rows[];   /* Set..., Get... §16 */
extern const struct hsl_builtin hsl_lib_header_rows[];/* header functions §16.6 */
extern const struct hsl_builtin hsl_lib_stub_rows[];  /* X rows §20: no effect behind Postfix */

/* The row of [name] for scripts of [flow]: NULL if there is none in any flow. The same name may stand
 * in several rows with different flows. If it exists but not in this flow: that row, *wrong_flow. */
const struct hsl_builtin *hsl_lib_find(const char *name, size_t len, enum hsl_flow flow, bool *wrong_flow);
/* Table [i], from 0, and what it is about, for the manual; NULL behind the last. Neighbours may be about
 * the same. */
const struct hsl_builtin *hsl_lib_table(size_t i, const char **subject);
/* Walks all rows of all tables: *i from 0; NULL behind the last. */
const struct hsl_builtin *hsl_lib_row(size_t *i);
/* Number of arguments the signature allows; *max UINT_MAX: any number. */
void hsl_lib_arity(const struct hsl_builtin *b, unsigned *min, unsigned *max);
/* Checks the count (R07), converts [args] in place by the signature (the values in args are owned
 * by the caller and may be replaced) and calls the function. */
bool hsl_lib_call(struct hsl_run *r, const struct hsl_builtin *b, struct hsl_value *args, unsigned argc,
    struct hsl_value *out) UT_CHECKED;
/* Raises R07 "argument N of NAME(): expected TYPE, got TYPE"; [n] from 1. Always false. */
bool hsl_lib_bad_arg(struct hsl_run *r, const char *name, unsigned n, const char *expected, const struct hsl_value *got);

/* The statement `echo`: string(v) as records to host->log with level -1, split at LF and CR LF,
 * control and invalid bytes as \xHH, cut at 8 KiB each; max_echo and max_echo_records drop the rest
 * with one notice. false: the conversion failed. */
bool hsl_echo(struct hsl_run *r, const struct hsl_value *v) UT_CHECKED;

/* One record of a built-in's own at [level] (enum ut_log_level): one line, escaped, cut at 8 KiB. */
void hsl_note(struct hsl_run *r, int level, const char *fmt, ...) UT_PRINTF(3, 4);

/* Exception(text): hsl_exception.c. */
hsl_builtin_fn hsl_exception_new;

/* Helpers for rows: arguments */
/* A number argument as a whole one: truncated toward zero, NaN 0, kept within +-2^53. */
int64_t hsl_arg_int(const struct hsl_value *v);
/* Options of array [o] (NULL: none given), argument [n] of [name]. *out stays as it is if the key is not
 * there or holds none; another type than wanted is R07. Strings are lent by the array. */
bool hsl_opt_bool(struct hsl_run *r, const char *name, unsigned n, const struct hsl_value *o, const char *key,
    bool *out) UT_CHECKED;
bool hsl_opt_num(struct hsl_run *r, const char *name, unsigned n, const struct hsl_value *o, const char *key,
    double *out) UT_CHECKED;
bool hsl_opt_str(struct hsl_run *r, const char *name, unsigned n, const struct hsl_value *o, const char *key,
    struct hsl_str **out) UT_CHECKED;

/* The same for an array. */
bool hsl_opt_arr(struct hsl_run *r, const char *name, unsigned n, const struct hsl_value *o, const char *key,
    struct hsl_arr **out) UT_CHECKED;

/* N of the "$N" at [p], which ends with NUL: the longest number from 1 to [most] that stands there, and in
 * [*len] the bytes of it with the "$"; 0: none. */
size_t hsl_arg_numbered(const char *p, size_t most, size_t *len);

/* Helpers for rows: results */
bool hsl_ret_str(struct hsl_run *r, struct hsl_value *out, const char *p, size_t len) UT_CHECKED;
/* The [len] bytes at [p] as a string at [key] of [a], or behind its last element. */
bool hsl_set_str(struct hsl_run *r, struct hsl_arr *a, const char *key, const char *p, size_t len) UT_CHECKED;
bool hsl_push_str(struct hsl_run *r, struct hsl_arr *a, const char *p, size_t len) UT_CHECKED;
/* Gives an sbuf's content as a string and empties it; a failed buffer is a limit or memory error. */
bool hsl_ret_sbuf(struct hsl_run *r, struct hsl_value *out, struct ut_sbuf *b) UT_CHECKED;

#endif
