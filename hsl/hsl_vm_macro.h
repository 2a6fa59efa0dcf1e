/* hsl_vm_macro.h - how hsl_vm.c writes an instruction: its label, the way to the next one, and the
 * shapes that several instructions have. For hsl_vm.c alone: the macros use the variables of its
 * loop (m, r, f, i, regs, k) and its labels "ticked" and "failed". */
#ifndef HSL_VM_MACRO_H
#define HSL_VM_MACRO_H

/* --- Operands: registers and constants ----------------------------------------------------------
 */

#define RA hsl_reg(regs, i->a)
#define RB hsl_reg(regs, i->b)
#define RC hsl_reg(regs, i->c)
#define RSTEP (regs + i[1].a)
#define KA (k + i->a)
#define KB (k + i->b)
#define KC (k + i->c)

/* --- From one instruction to the next --------------------------------------------------------- */

#ifdef HAVE_COMPUTED_GOTO
#define OP(name) L_##name:
#define DISPATCH() goto *labels[i->op]
#define INSTRUCTIONS DISPATCH();
#else
#define OP(name) case HSL_I_##name:
#define DISPATCH() goto again
#define INSTRUCTIONS                                                                               \
    again:                                                                                         \
    switch (i->op)
#endif
#define NEXT()                                                                                     \
    do {                                                                                           \
        i++;                                                                                       \
        DISPATCH();                                                                                \
    } while (0)
/* Jumps by operand c; back only while the budget lasts. */
#define JUMP()                                                                                     \
    do {                                                                                           \
        ptrdiff_t by = (int16_t)i->c;                                                              \
        if (by < 0 && UNLIKELY(--m->ticks < 0))                                                    \
            goto ticked;                                                                           \
        i += by + 1;                                                                               \
        DISPATCH();                                                                                \
    } while (0)
/* The same for instructions that only jump back. */
#define JUMP_BACK()                                                                                \
    do {                                                                                           \
        if (UNLIKELY(--m->ticks < 0))                                                              \
            goto ticked;                                                                           \
        i += (ptrdiff_t)(int16_t)i->c + 1;                                                         \
        DISPATCH();                                                                                \
    } while (0)
#define CHECKED(call)                                                                              \
    do {                                                                                           \
        if (UNLIKELY(!(call)))                                                                     \
            goto failed;                                                                           \
    } while (0)

/* --- Shapes ---------------------------------------------------------------------------------- */

/* Constants of arithmetic, of comparing jumps and of FOR... are numbers. */
#define OPERATION(name, opcode, condition, expression, second)                                     \
    OP(name)                                                                                       \
    {                                                                                              \
        const struct hsl_value *b = RB, *c = second;                                               \
        if (LIKELY(condition))                                                                     \
            set_num(r, RA, expression);                                                            \
        else                                                                                       \
            CHECKED(hsl_vm_binary(m, regs, i, opcode, c));                                         \
        NEXT();                                                                                    \
    }
#define IN_PLACE(name, opcode, condition, sign, second)                                            \
    OP(name)                                                                                       \
    {                                                                                              \
        struct hsl_value *b = RB;                                                                  \
        const struct hsl_value *c = second;                                                        \
        if (LIKELY(condition))                                                                     \
            b->u.num = b->u.num sign c->u.num;                                                     \
        else                                                                                       \
            CHECKED(hsl_vm_binary(m, regs, i, opcode, c));                                         \
        NEXT();                                                                                    \
    }
#define ARITHMETIC(name, opcode, sign)                                                             \
    OPERATION(name, opcode, both_num(b, c), b->u.num sign c->u.num, RC)                            \
    OPERATION(name##K, opcode, b->type == HSL_NUM, b->u.num sign c->u.num, KC)                     \
    IN_PLACE(name##TO, opcode, both_num(b, c), sign, RC)                                           \
    IN_PLACE(name##TOK, opcode, b->type == HSL_NUM, sign, KC)
/* / and %: zero on the right is the operator's to refuse. */
#define DIVISION(name, opcode, expression)                                                         \
    OPERATION(name, opcode, both_num(b, c) && c->u.num != 0, expression, RC)                       \
    OPERATION(name##K, opcode, b->type == HSL_NUM && c->u.num != 0, expression, KC)
#define BITWISE(name, opcode, expression)                                                          \
    OP(name)                                                                                       \
    {                                                                                              \
        const struct hsl_value *b = RB, *c = RC;                                                   \
        if (both_num(b, c) && LIKELY(in_int32(b->u.num) && in_int32(c->u.num))) {                  \
            int32_t p = (int32_t)b->u.num, q = (int32_t)c->u.num;                                  \
            set_num(r, RA, (expression));                                                          \
        } else {                                                                                   \
            CHECKED(hsl_vm_binary(m, regs, i, opcode, c));                                         \
        }                                                                                          \
        NEXT();                                                                                    \
    }
#define COMPARISON(name, opcode, sign)                                                             \
    OP(name)                                                                                       \
    {                                                                                              \
        struct hsl_value *b = RB, *c = RC;                                                         \
        if (both_num(b, c)) {                                                                      \
            set_bool(r, RA, b->u.num sign c->u.num);                                               \
        } else {                                                                                   \
            int is = hsl_vm_compare(m, i, opcode, b, c);                                           \
            CHECKED(is >= 0);                                                                      \
            set_bool(r, RA, is);                                                                   \
        }                                                                                          \
        NEXT();                                                                                    \
    }
#define COMPARE_JUMP(name, opcode, sign, sense, condition, second)                                 \
    OP(name)                                                                                       \
    {                                                                                              \
        struct hsl_value *a = RA, *b = second;                                                     \
        if (LIKELY(condition)) {                                                                   \
            if ((a->u.num sign b->u.num) == (sense))                                               \
                JUMP();                                                                            \
        } else {                                                                                   \
            int is = hsl_vm_compare(m, i, opcode, a, b);                                           \
            CHECKED(is >= 0);                                                                      \
            if (is == (sense))                                                                     \
                JUMP();                                                                            \
        }                                                                                          \
        NEXT();                                                                                    \
    }
#define COMPARE_JUMPS(name, negated, opcode, sign)                                                 \
    COMPARE_JUMP(name, opcode, sign, 1, both_num(a, b), RB)                                        \
    COMPARE_JUMP(negated, opcode, sign, 0, both_num(a, b), RB)                                     \
    COMPARE_JUMP(name##K, opcode, sign, 1, a->type == HSL_NUM, KB)                                 \
    COMPARE_JUMP(negated##K, opcode, sign, 0, a->type == HSL_NUM, KB)
#define EQUAL_JUMP(name, opcode, sense, second)                                                    \
    OP(name)                                                                                       \
    {                                                                                              \
        struct hsl_value *a = RA;                                                                  \
        struct hsl_value *b = second;                                                              \
        int is;                                                                                    \
        if (both_num(a, b)) {                                                                      \
            if ((a->u.num == b->u.num) == (sense))                                                 \
                JUMP();                                                                            \
            NEXT();                                                                                \
        }                                                                                          \
        if (a->type == HSL_STR && b->type == HSL_STR) {                                            \
            is = hsl_str_equal(a->u.str, b->u.str);                                                \
            drop_sources(r, i, a, b);                                                              \
        } else {                                                                                   \
            is = hsl_vm_compare(m, i, opcode, a, b);                                               \
            CHECKED(is >= 0);                                                                      \
        }                                                                                          \
        if (is == (sense))                                                                         \
            JUMP();                                                                                \
        NEXT();                                                                                    \
    }
#define EQUAL_JUMPS(name, negated, opcode)                                                         \
    EQUAL_JUMP(name, opcode, 1, RB)                                                                \
    EQUAL_JUMP(negated, opcode, 0, RB)                                                             \
    EQUAL_JUMP(name##K, opcode, 1, KB)                                                             \
    EQUAL_JUMP(negated##K, opcode, 0, KB)
#define COUNTING(name, condition, step, sign, second, skip)                                        \
    OP(name)                                                                                       \
    {                                                                                              \
        struct hsl_value *a = RA;                                                                  \
        const struct hsl_value *b = second;                                                        \
        if (LIKELY(condition)) {                                                                   \
            a->u.num += step;                                                                      \
            if (LIKELY(a->u.num sign b->u.num))                                                    \
                JUMP_BACK();                                                                       \
            i += skip;                                                                             \
        }                                                                                          \
        NEXT();                                                                                    \
    }

#endif
