/* hsl_value.h - values: what they are, who counts them, and the operators on them.
 *
 * A value is 16 bytes: a tag and a number, a truth value or a pointer. Strings, arrays, functions
 * and objects are counted; everything else is just copied. Strings and arrays are values to the
 * script: shared by count, copied when somebody with a share writes (copy on write).
 *
 *  - A struct hsl_value held in a variable, register or element owns one count.
 *  - "lent" results own nothing and live as long as what they were read from is unchanged.
 *  - Counts are not atomic: a heap belongs to one run. Constants of a program are shared by all
 *    threads; they carry HSL_RC_STATIC, and neither count nor content is ever written.
 *  - A function that can fail takes the run, gives false or NULL and has set its error by then
 *    (hsl_run.h). Nothing is half done after a failure.
 */
#ifndef HSL_VALUE_H
#define HSL_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "hsl/hsl_heap.h"
#include "lib/ut_sbuf.h"

struct hsl_run; /* hsl_run.h */

/* ORDER TYPE: hsl_type_name() */
enum hsl_type {
    HSL_NONE, /* all bits zero is none */
    HSL_BOOL,
    HSL_NUM,
    HSL_UNDEF, /* a variable not assigned yet; only in registers and cells */
    HSL_STR,   /* from here on: counted */
    HSL_ARR,
    HSL_FN,
    HSL_OBJ,
    HSL_CELL /* a variable shared by closures or `global`; only in registers, never seen by scripts
              */
};

#define HSL_RC_STATIC 0x80000000u

/* The start of everything counted. */
struct hsl_rc {
    uint32_t refs; /* owners; HSL_RC_STATIC: never counted nor freed */
};

struct hsl_value {
    union {
        bool b;
        double num;
        struct hsl_rc *rc;
        struct hsl_str *str;
        struct hsl_arr *arr;
        struct hsl_fn *fn;
        struct hsl_obj *obj;
        struct hsl_cell *cell;
        uint64_t pos; /* second register of an iterator, which is none by its type: next place */
    } u;
    uint32_t type; /* enum hsl_type */
};

/* Bytes, any of them, with a NUL behind the last. Never changed while shared. */
struct hsl_str {
    struct hsl_rc rc;
    uint32_t hash; /* of the content, 0: not computed yet; constants always have it */
    uint32_t len;
    uint32_t cap;  /* bytes that data holds without the NUL; more than len while being built */
    char data[];
};

/* A cell holds one variable outside its frame. */
struct hsl_cell {
    struct hsl_rc rc;
    struct hsl_value v; /* HSL_UNDEF until assigned */
};

/* --- Making and counting -------------------------------------------------------------------- */

static inline struct hsl_value
hsl_none(void)
{
    return (struct hsl_value){.type = HSL_NONE};
}

/* All of [u] is written: copying it would have to wait for a single byte in the store buffer. */
static inline struct hsl_value
hsl_bool(bool b)
{
    struct hsl_value v = {.type = HSL_BOOL};
    uint64_t whole = 0;

    memcpy(&whole, &b, sizeof(b));
    memcpy(&v.u, &whole, sizeof(whole));
    return v;
}

static inline struct hsl_value
hsl_num(double n)
{
    return (struct hsl_value){.u.num = n, .type = HSL_NUM};
}

static inline struct hsl_value
hsl_from_str(struct hsl_str *s) /* takes the count of [s] */
{
    return (struct hsl_value){.u.str = s, .type = HSL_STR};
}

static inline struct hsl_value
hsl_from_arr(struct hsl_arr *a) /* takes the count of [a] */
{
    return (struct hsl_value){.u.arr = a, .type = HSL_ARR};
}

static inline bool
hsl_is_counted(const struct hsl_value *v)
{
    return v->type >= HSL_STR;
}

/* One more owner. */
static inline void
hsl_rc_ref(struct hsl_rc *rc)
{
    if (!(rc->refs & HSL_RC_STATIC))
        rc->refs++;
}

static inline struct hsl_value
hsl_ref(struct hsl_value v)
{
    if (hsl_is_counted(&v))
        hsl_rc_ref(v.u.rc);
    return v;
}

/* Frees what a value with no owner left points to. Deep structures are freed without deep
 * recursion of the C stack. */
void hsl_destroy(struct hsl_run *r, struct hsl_value v);

/* One owner less. */
static inline void
hsl_unref(struct hsl_run *r, struct hsl_value v)
{
    if (hsl_is_counted(&v) && !(v.u.rc->refs & HSL_RC_STATIC) && --v.u.rc->refs == 0)
        hsl_destroy(r, v);
}

/* --- Strings (hsl_str.c) -------------------------------------------------------------------- */

/* A new string of [len] bytes, content not set (data[len] is NUL), one count; checks max_string,
 * and counts a long one as work. */
struct hsl_str *hsl_str_alloc(struct hsl_run *r, size_t len) UT_CHECKED;
/* A new string from bytes; the empty and one-byte strings are shared constants. */
struct hsl_str *hsl_str_new(struct hsl_run *r, const char *p, size_t len) UT_CHECKED;
struct hsl_str *hsl_str_newz(struct hsl_run *r, const char *s) UT_CHECKED;
/* The shared constants "" and one byte; need no run. */
struct hsl_str *hsl_str_empty(void);
struct hsl_str *hsl_str_byte(unsigned char c);
uint32_t hsl_str_hash_bytes(const char *p, size_t len); /* never 0 */
uint32_t hsl_str_hash(struct hsl_str *s);               /* computes once */
uint32_t hsl_str_hash_int(int64_t key);                 /* the same for integer keys */

static inline bool
hsl_str_equal(const struct hsl_str *a, const struct hsl_str *b)
{
    if (a == b)
        return true;
    if (a->len != b->len || (a->hash && b->hash && a->hash != b->hash))
        return false;
    return memcmp(a->data, b->data, a->len) == 0;
}

/* As memmem(), without its preparations where the text is short. */
const char *
hsl_str_find(const char *p, size_t len, const struct hsl_str *find);
int hsl_str_compare(const struct hsl_str *a, const struct hsl_str *b); /* byte-wise, as memcmp */
/* An empty string with room to append [room] bytes in place, one count: for strings that are built
 * piece by piece and of which one can tell about how long they get. */
struct hsl_str *
hsl_str_new_room(struct hsl_run *r, size_t room) UT_CHECKED;
/* The rest of hsl_str_append(): not to be called by others. */
bool
hsl_str_append_slow(struct hsl_run *r, struct hsl_value *v, const char *p, size_t len) UT_CHECKED;

/* memcpy() for pieces that are mostly a few bytes long. */
static inline void
hsl_copy_bytes(char *to, const char *from, size_t len)
{
    uint64_t a, b;
    uint32_t c, d;

    if (len > 16) {
        memcpy(to, from, len);
    } else if (len >= 8) {
        memcpy(&a, from, 8);
        memcpy(&b, from + len - 8, 8);
        memcpy(to, &a, 8);
        memcpy(to + len - 8, &b, 8);
    } else if (len >= 4) {
        memcpy(&c, from, 4);
        memcpy(&d, from + len - 4, 4);
        memcpy(to, &c, 4);
        memcpy(to + len - 4, &d, 4);
    } else if (len > 0) {
        char middle = from[len / 2], last = from[len - 1];

        to[0] = from[0];
        to[len / 2] = middle;
        to[len - 1] = last;
    }
}

/* Appends bytes to the string in [v] (type HSL_STR), in place when nobody else owns it, with room
 * to grow; so building a string piece by piece copies each byte a constant number of times. [p] may
 * point into the string itself. */
UT_CHECKED static inline bool
hsl_str_append(struct hsl_run *r, struct hsl_value *v, const char *p, size_t len)
{
    struct hsl_str *s = v->u.str;
    size_t need = s->len + len;

    if (s->rc.refs != 1 || need > s->cap)
        return hsl_str_append_slow(r, v, p, len);
    hsl_copy_bytes(s->data + s->len, p, len);
    s->len = (uint32_t)need;
    s->data[need] = '\0';
    s->hash = 0;
    return true;
}

/* Frees a string that nobody owns any more: hsl_destroy() alone calls this. */
void hsl_str_free(struct hsl_run *r, struct hsl_str *s);

/* --- Arrays (hsl_arr.c) --------------------------------------------------------------------- */

/* Ordered map. Packed (a vector of values) while its keys are 0..count-1 in order, else entries in
 * order plus a hash index. The layout is in hsl_arr.h for the VM; all others use these calls. */
struct hsl_arr *hsl_arr_new(struct hsl_run *r, size_t reserve) UT_CHECKED;
/* The shared constant [], for results that stay as they are. */
struct hsl_arr *
hsl_arr_empty(void);
size_t hsl_arr_count(const struct hsl_arr *a);
/* Lent; NULL if the key is not there. A string key that is a canonical integer (§4.6) is that
 * integer: _getz and _gets work that out themselves. */
const struct hsl_value *hsl_arr_geti(const struct hsl_arr *a, int64_t key);
const struct hsl_value *hsl_arr_gets(const struct hsl_arr *a, struct hsl_str *key);
const struct hsl_value *hsl_arr_getz(const struct hsl_arr *a, const char *key);
/* By any key value (§4.6): lent, NULL if missing or the key is none; *bad is set if the value can
 * be no key (R05). */
const struct hsl_value *hsl_arr_get(const struct hsl_arr *a, const struct hsl_value *key, bool *bad);

/* The writers need an array that nobody else owns (hsl_arr_own). They take the count of [v] even on
 * failure. Over max_array: limit error. */
bool hsl_arr_seti(struct hsl_run *r, struct hsl_arr *a, int64_t key, struct hsl_value v) UT_CHECKED;
bool hsl_arr_sets(struct hsl_run *r, struct hsl_arr *a, struct hsl_str *key, struct hsl_value v) UT_CHECKED;
bool hsl_arr_setz(struct hsl_run *r, struct hsl_arr *a, const char *key, struct hsl_value v) UT_CHECKED;
bool hsl_arr_set(struct hsl_run *r, struct hsl_arr *a, const struct hsl_value *key, struct hsl_value v) UT_CHECKED;
bool hsl_arr_push(struct hsl_run *r, struct hsl_arr *a, struct hsl_value v) UT_CHECKED;
/* A place for the element at [key], made as none if missing; lent until the next write. NULL: error. */
struct hsl_value *hsl_arr_slot(struct hsl_run *r, struct hsl_arr *a, const struct hsl_value *key) UT_CHECKED;
/* A place for a new element behind the last index (`$v[] = `). */
struct hsl_value *hsl_arr_slot_push(struct hsl_run *r, struct hsl_arr *a) UT_CHECKED;
/* Removes; true if it was there. A list may have to become a hash: if there is no memory for that
 * nothing is removed, the run's error is set, and false given: look at r->state. */
bool hsl_arr_del(struct hsl_run *r, struct hsl_arr *a, const struct hsl_value *key);
/* Makes *v (type HSL_ARR) an array that nobody else owns, copying one level if needed. */
bool hsl_arr_own(struct hsl_run *r, struct hsl_value *v) UT_CHECKED;
/* Walks in order: *pos starts at 0; false at the end. [key] (may be NULL) and [val] are lent. */
bool hsl_arr_next(const struct hsl_arr *a, size_t *pos, struct hsl_value *key, const struct hsl_value **val);
/* The element at position [i] (not key) in order, for slices; NULL behind the end. O(1) if there
 * are no holes. */
const struct hsl_value *hsl_arr_at(const struct hsl_arr *a, size_t i);
bool hsl_arr_is_list(const struct hsl_arr *a); /* keys are 0..count-1 in order */

/* --- Functions and objects ------------------------------------------------------------------ */

enum hsl_fn_kind { HSL_FN_USER, HSL_FN_BUILTIN, HSL_FN_CLASS };

/* A function value: compiled code with what it captured, or a built-in. */
struct hsl_fn {
    struct hsl_rc rc;
    uint8_t kind;                      /* enum hsl_fn_kind */
    uint16_t capture_count;            /* cells in [captures] */
    const struct hsl_proto *proto;     /* HSL_FN_USER: code (hsl_prog.h) */
    union {
        const struct hsl_builtin *builtin; /* HSL_FN_BUILTIN: row (hsl_lib.h) */
        const struct hsl_class *cls;       /* HSL_FN_CLASS: calling it makes an object */
    };
    struct hsl_value self;             /* bound object, or none */
    struct hsl_cell *captures[];       /* each owns one count */
};

/* What a kind of object is: each class, built in or of a script, has one of these. */
struct hsl_class {
    const char *name;
    const struct hsl_members *members; /* of a script's class (hsl_obj.h); NULL: built in */
    /* Its text (§4.3) as a new count into *out, or undefined if there is no toString(); NULL: as
     * [methods] says. false: error set. */
    bool (*text)(struct hsl_run *r, struct hsl_obj *o, struct hsl_value *out);
    /* Frees what is behind obj->data (props may be gone by then); NULL: nothing to do. */
    void (*finish)(struct hsl_run *r, struct hsl_obj *o);
    /* Its methods written in C, ended by a row without a name; NULL: none. args[0] of a call is the
     * object. */
    const struct hsl_builtin *methods;
};

struct hsl_obj {
    struct hsl_rc rc;
    const struct hsl_class *cls;
    struct hsl_value props; /* array of properties without a slot, or none */
    void *data;             /* owned by the class */
    struct hsl_obj *next;   /* r->objects: all whose class has a finish */
    struct hsl_obj **prev;  /* what points to this one; NULL: not in the list */
    struct hsl_value slots[]; /* variables that a script's class declares; HSL_UNDEF: unset */
};

/* A new object with one count, no properties and data NULL. NULL: error set. */
struct hsl_obj *hsl_obj_new(struct hsl_run *r, const struct hsl_class *cls) UT_CHECKED;
/* Finishes every object that is left, before the heap is dropped: cycles and what the script's end
 * left behind may hold things that are not the heap's. The objects may not be used after. */
void hsl_obj_finish_all(struct hsl_run *r);
/* The name a function was declared with, lent as long as its program; NULL: it has none. In the
 * VM (hsl_prog.c), which knows what a proto is. */
const char *hsl_fn_name(const struct hsl_fn *fn);

/* --- Conversions (hsl_conv.c), language §4 -------------------------------------------------- */

const char *hsl_type_name(const struct hsl_value *v); /* "none", "boolean", "number" ... */
bool hsl_truth(const struct hsl_value *v);            /* §4.2 */
/* §4.3. A new count. NULL: error (memory, max_string, a failing toString()). */
struct hsl_str *hsl_to_str(struct hsl_run *r, const struct hsl_value *v) UT_CHECKED;
/* Appends the text of §4.3 to [out]; false on error. Arrays inside: dump form with quotes. */
bool hsl_to_text(struct hsl_run *r, const struct hsl_value *v, struct ut_sbuf *out) UT_CHECKED;
#define HSL_NUM_TEXT_MAX 40
/* The text of a number with its NUL into buf; its length. §4.3. */
size_t hsl_num_to_text(double n, char buf[HSL_NUM_TEXT_MAX]);
double hsl_to_num(const struct hsl_value *v);                         /* §4.4, never fails */
bool hsl_numeric_string(const char *p, size_t len, double *out);      /* §4.5 */
/* §4.6: 1 integer in *i, 0 string (use v->u.str), -1 none, -2 no key at all (R05). */
int hsl_to_key(const struct hsl_value *v, int64_t *i);
/* The rest of hsl_key_is_int(): not to be called by others. */
bool hsl_key_read_int(const char *p, size_t len, int64_t *i);
/* §4.6 for a string: true and *i if it is a canonical integer. Most keys are seen not to be one by
 * their first byte. */
static inline bool
hsl_key_is_int(const char *p, size_t len, int64_t *i)
{
    return len > 0 && (unsigned char)*p <= '9' && hsl_key_read_int(p, len, i);
}

/* --- Operators (hsl_op.c), language §5 ------------------------------------------------------ */

/* ORDER OP: hsl_op_name() */
enum hsl_op {
    HSL_OP_ADD, HSL_OP_SUB, HSL_OP_MUL, HSL_OP_DIV, HSL_OP_MOD, HSL_OP_POW,
    HSL_OP_CONCAT,
    HSL_OP_BAND, HSL_OP_BOR, HSL_OP_BXOR, HSL_OP_SHL, HSL_OP_SHR, HSL_OP_USHR,
    HSL_OP_EQ, HSL_OP_NE, HSL_OP_SAME, HSL_OP_NSAME,
    HSL_OP_LT, HSL_OP_GT, HSL_OP_LE, HSL_OP_GE,
    HSL_OP_MATCH, HSL_OP_NMATCH,
    HSL_OP_NEG, HSL_OP_PLUS, HSL_OP_NOT, HSL_OP_BNOT, /* one operand */
    HSL_OP_COUNT_
};
const char *hsl_op_name(enum hsl_op op); /* "+", "==" ... as in messages */

/* The general case of a operator b (the VM has its own fast ones). Borrows both; *out gets a new
 * count. false: R03, R04, R06, R10, R11 or a limit. */
bool hsl_op_binary(struct hsl_run *r, enum hsl_op op, const struct hsl_value *a,
    const struct hsl_value *b, struct hsl_value *out) UT_CHECKED;
bool hsl_op_unary(struct hsl_run *r, enum hsl_op op, const struct hsl_value *a, struct hsl_value *out) UT_CHECKED;
/* The texts (§4.3) of [n] values one behind the other: interpolation and chains of `.`. */
bool hsl_concat(struct hsl_run *r, const struct hsl_value *v, size_t n, struct hsl_value *out) UT_CHECKED;
/* *a += b where *a may be changed in place (strings and arrays that only *a owns). */
bool hsl_op_assign(struct hsl_run *r, enum hsl_op op, struct hsl_value *a, const struct hsl_value *b) UT_CHECKED;
/* == and === never fail; deep arrays are bounded by depth. */
bool hsl_equal(const struct hsl_value *a, const struct hsl_value *b);
bool hsl_same(const struct hsl_value *a, const struct hsl_value *b);
/* §6.1 read of a[key], quiet: none if missing. New count. false: R05. */
bool hsl_subscript(struct hsl_run *r, const struct hsl_value *a, const struct hsl_value *key, struct hsl_value *out) UT_CHECKED;
/* §6.2 [first:last:step]; omitted bounds are HSL_UNDEF values. false: R03, R06. */
bool hsl_slice(struct hsl_run *r, const struct hsl_value *a, const struct hsl_value *first,
    const struct hsl_value *last, const struct hsl_value *step, struct hsl_value *out) UT_CHECKED;
/* §5.2 v[first:last] = list, on an array variable; and unset(v[first:last]) with list NULL (then
 * keys are not renumbered); *removed (may be NULL) says whether something went. */
bool hsl_slice_assign(struct hsl_run *r, struct hsl_value *v, const struct hsl_value *first,
    const struct hsl_value *last, const struct hsl_value *list, bool *removed) UT_CHECKED;
/* §5.3 format: "..." % value. */
bool hsl_format(struct hsl_run *r, const struct hsl_str *fmt, const struct hsl_value *arg, struct hsl_value *out) UT_CHECKED;

/* --- Regular expressions (hsl_regex.c, hsl_regex_match.c), language §9 ----------------------- */

/* A compiled pattern, immutable, counted atomically, shared by threads through the process cache. */
struct hsl_regex;
/* By the rules of §9 from a literal's parts or a pattern string. NULL with [d] set (text as
 * "PCRE-MESSAGE at offset N"). One reference. */
struct hsl_regex *hsl_regex_compile(const char *pattern, size_t len, const char *flags, struct ut_diag *d) UT_CHECKED;
/* A pattern string "/x/i" or "x" taken apart: pattern into *p,*n, flags copied to flags[8]. */
void hsl_regex_split(const char *s, size_t len, const char **p, size_t *n, char flags[8]);
struct hsl_regex *hsl_regex_ref(struct hsl_regex *re);
void hsl_regex_unref(struct hsl_regex *re);
bool hsl_regex_same(const struct hsl_regex *a, const struct hsl_regex *b); /* pattern and flags */
/* The pattern that [v] (a Regex object, or a string through the process cache) stands for: a new
 * reference; NULL: R10 or R07. */
struct hsl_regex *hsl_regex_of(struct hsl_run *r, const struct hsl_value *v) UT_CHECKED;
/* The same, lent as long as [v] and *made are there; *made is for hsl_regex_unref(), NULL for a
 * Regex object: counting its pattern would make threads wait for each other. */
struct hsl_regex *
hsl_regex_lend(struct hsl_run *r, const struct hsl_value *v, struct hsl_regex **made) UT_CHECKED;
/* Matches [s] from byte [start]. 1 match, 0 none, -1 error set (R11 ...). On a match *ovector (lent
 * until the next match of the run) holds [*pairs] pairs of offsets; unset groups are SIZE_MAX. The
 * flag u: a subject that is not UTF-8 does not match; it is checked when [start] is 0, so begin there.
 * The caller pays for the bytes (hsl_work()). */
int hsl_regex_match(struct hsl_run *r, struct hsl_regex *re, const char *s, size_t len, size_t start,
    const size_t **ovector, unsigned *pairs) UT_CHECKED;
/* Number of groups, and the name of group [i] or NULL. */
unsigned hsl_regex_groups(const struct hsl_regex *re);
const char *hsl_regex_group_name(const struct hsl_regex *re, unsigned i);
bool hsl_regex_is_utf(const struct hsl_regex *re);
/* An object value of class Regex holding one reference (taken). */
bool hsl_regex_to_value(struct hsl_run *r, struct hsl_regex *re, struct hsl_value *out) UT_CHECKED;
extern const struct hsl_class hsl_regex_class;

#endif
