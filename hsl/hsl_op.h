/* hsl_op.h - what the files of the operators share: hsl_op.c, hsl_op_arr.c, hsl_compare.c. Others
 * call hsl_value.h. All borrow their operands; *out gets a new count; false: error set. */
#ifndef HSL_OP_H
#define HSL_OP_H

#include "hsl/hsl_run.h"

/* Raises R03 for operands that [op] does not take; [b] NULL: it has one. Always false. */
bool hsl_op_bad(struct hsl_run *r, enum hsl_op op, const struct hsl_value *a,
    const struct hsl_value *b);

/* The text of a value without making a string of it where that can be avoided. */
struct hsl_piece {
    const char *p; /* lent: the value's own bytes, buf, or those of [made] */
    size_t len;
    struct hsl_str *made; /* owned, or NULL */
    char buf[HSL_NUM_TEXT_MAX];
};
bool hsl_piece_init(struct hsl_run *r, struct hsl_piece *p, const struct hsl_value *v) UT_CHECKED;
void hsl_piece_fini(struct hsl_run *r, struct hsl_piece *p);

/* hsl_compare.c: == and === with their work counted, and < > <= >=. */
bool hsl_compare_equal(struct hsl_run *r, const struct hsl_value *a, const struct hsl_value *b,
    bool strict, bool *equal) UT_CHECKED;
bool hsl_compare_order(struct hsl_run *r, enum hsl_op op, const struct hsl_value *a,
    const struct hsl_value *b, bool *holds) UT_CHECKED;

/* hsl_op_arr.c: + - * with an array on the left (§6.3). */
/* Merges or appends [b] to the array in *v, in place if nobody else owns it. */
bool hsl_op_arr_add(struct hsl_run *r, struct hsl_value *v, const struct hsl_value *b) UT_CHECKED;
bool hsl_op_arr_remove(struct hsl_run *r, struct hsl_arr *a, const struct hsl_value *b,
    struct hsl_value *out) UT_CHECKED;
bool hsl_op_arr_repeat(struct hsl_run *r, struct hsl_arr *a, double times,
    struct hsl_value *out) UT_CHECKED;

#endif
