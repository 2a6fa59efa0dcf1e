/* hsl_vm_macro.h - how hsl_vm.c writes an instruction: its label, the way to the next one, and the
 * shapes that several instructions have. For hsl_vm.c alone: the macros use the variables of its
 * loop (m, r, f, i, regs, k) and its labels "ticked" and "failed". */
#ifndef HSL_VM_MACRO_H
#define HSL_VM_MACRO_H

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
        if ((int16_t)i->c < 0 && UNLIKELY(--m->ticks < 0))                                         \
            goto ticked;                                                                           \
        i += 1 + (int16_t)i->c;                                                                    \
        DISPATCH();                                                                                \
    } while (0)
/* The same for instructions that only jump back. */
#define JUMP_BACK()                                                                                \
    do {                                                                                           \
        if (UNLIKELY(--m->ticks < 0))                                                              \
            goto ticked;                                                                           \
        i += 1 + (int16_t)i->c;                                                                    \
        DISPATCH();                                                                                \
    } while (0)
#define CHECKED(call)                                                                              \
    do {                                                                                           \
        if (UNLIKELY(!(call)))                                                                     \
            goto failed;                                                                           \
    } while (0)

/* --- Shapes ---------------------------------------------------------------------------------- */

#define ARITHMETIC(name, opcode, expression)                                                       \
    OP(name)                                                                                       \
    {                                                                                              \
        const struct hsl_value *b = regs + i->b, *c = regs + i->c;                                 \
        if (both_num(b, c))                                                                        \
            set_num(r, regs + i->a, expression);                                                   \
        else                                                                                       \
            CHECKED(hsl_vm_binary(m, regs, i, opcode, c));                                         \
        NEXT();                                                                                    \
    }                                                                                              \
    OP(name##K)                                                                                    \
    {                                                                                              \
        const struct hsl_value *b = regs + i->b, *c = k + i->c;                                    \
        if (both_num(b, c))                                                                        \
            set_num(r, regs + i->a, expression);                                                   \
        else                                                                                       \
            CHECKED(hsl_vm_binary(m, regs, i, opcode, c));                                         \
        NEXT();                                                                                    \
    }
/* / and %: zero on the right is the operator's to refuse. */
#define DIVISION(name, opcode, expression)                                                         \
    OP(name)                                                                                       \
    {                                                                                              \
        const struct hsl_value *b = regs + i->b, *c = regs + i->c;                                 \
        if (both_num(b, c) && LIKELY(c->u.num != 0))                                               \
            set_num(r, regs + i->a, expression);                                                   \
        else                                                                                       \
            CHECKED(hsl_vm_binary(m, regs, i, opcode, c));                                         \
        NEXT();                                                                                    \
    }                                                                                              \
    OP(name##K)                                                                                    \
    {                                                                                              \
        const struct hsl_value *b = regs + i->b, *c = k + i->c;                                    \
        if (both_num(b, c) && LIKELY(c->u.num != 0))                                               \
            set_num(r, regs + i->a, expression);                                                   \
        else                                                                                       \
            CHECKED(hsl_vm_binary(m, regs, i, opcode, c));                                         \
        NEXT();                                                                                    \
    }
#define BITWISE(name, opcode, expression)                                                          \
    OP(name)                                                                                       \
    {                                                                                              \
        const struct hsl_value *b = regs + i->b, *c = regs + i->c;                                 \
        if (both_num(b, c) && LIKELY(in_int32(b->u.num) && in_int32(c->u.num))) {                  \
            int32_t p = (int32_t)b->u.num, q = (int32_t)c->u.num;                                  \
            set_num(r, regs + i->a, (expression));                                                 \
        } else {                                                                                   \
            CHECKED(hsl_vm_binary(m, regs, i, opcode, c));                                         \
        }                                                                                          \
        NEXT();                                                                                    \
    }
#define COMPARISON(name, opcode, sign)                                                             \
    OP(name)                                                                                       \
    {                                                                                              \
        struct hsl_value *b = regs + i->b, *c = regs + i->c;                                       \
        if (both_num(b, c)) {                                                                      \
            set_bool(r, regs + i->a, b->u.num sign c->u.num);                                      \
        } else {                                                                                   \
            int is = hsl_vm_compare(m, i, opcode, b, c);                                           \
            CHECKED(is >= 0);                                                                      \
            set_bool(r, regs + i->a, is);                                                          \
        }                                                                                          \
        NEXT();                                                                                    \
    }
#define COMPARE_JUMP(name, opcode, sign, sense, second)                                            \
    OP(name)                                                                                       \
    {                                                                                              \
        struct hsl_value *a = regs + i->a;                                                         \
        struct hsl_value *b = second;                                                              \
        if (both_num(a, b)) {                                                                      \
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
    COMPARE_JUMP(name, opcode, sign, 1, regs + i->b)                                               \
    COMPARE_JUMP(negated, opcode, sign, 0, regs + i->b)                                            \
    COMPARE_JUMP(name##K, opcode, sign, 1, k + i->b)                                               \
    COMPARE_JUMP(negated##K, opcode, sign, 0, k + i->b)
#define EQUAL_JUMP(name, opcode, sense, second)                                                    \
    OP(name)                                                                                       \
    {                                                                                              \
        struct hsl_value *a = regs + i->a;                                                         \
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
    EQUAL_JUMP(name, opcode, 1, regs + i->b)                                                       \
    EQUAL_JUMP(negated, opcode, 0, regs + i->b)                                                    \
    EQUAL_JUMP(name##K, opcode, 1, k + i->b)                                                       \
    EQUAL_JUMP(negated##K, opcode, 0, k + i->b)
#define COUNTING(name, sign, second)                                                               \
    OP(name)                                                                                       \
    {                                                                                              \
        struct hsl_value *a = regs + i->a;                                                         \
        const struct hsl_value *b = second;                                                        \
        if (LIKELY(both_num(a, b))) {                                                              \
            a->u.num += 1;                                                                         \
            if (LIKELY(a->u.num sign b->u.num))                                                    \
                JUMP_BACK();                                                                       \
            i += 2;                                                                                \
        }                                                                                          \
        NEXT();                                                                                    \
    }

#endif
