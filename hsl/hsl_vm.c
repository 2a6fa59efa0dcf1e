/* hsl_vm.c - the loop that carries out instructions.
 *
 * One function, one label per instruction, each of which jumps to the next by itself (computed goto)
 * where the compiler can. The common case of an instruction, numbers nearly always, is here; all
 * else is a function of hsl_vm_call.c, hsl_vm_path.c, hsl_vm_data.c, hsl_op.c. Stack, frames and
 * who owns which register: hsl_vm.h.
 *
 * Threads: one per machine. Fails: false with the run's state set; f->pc says where. */
#include "config.h"

#include <math.h>

#include "hsl/hsl_arr.h"
#include "hsl/hsl_vm.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

static inline bool
both_num(const struct hsl_value *a, const struct hsl_value *b)
{
    return LIKELY(a->type == HSL_NUM) && LIKELY(b->type == HSL_NUM);
}

static inline void
set_num(struct hsl_run *r, struct hsl_value *dst, double n)
{
    if (UNLIKELY(hsl_is_counted(dst)))
        hsl_drop(r, dst);
    dst->u.num = n;
    dst->type = HSL_NUM;
}

static inline void
set_bool(struct hsl_run *r, struct hsl_value *dst, bool b)
{
    if (UNLIKELY(hsl_is_counted(dst)))
        hsl_drop(r, dst);
    dst->u.b = b;
    dst->type = HSL_BOOL;
}

/* Values are copied by their two parts: they were written so, and a load of all sixteen bytes would have
 * to wait until both have left the processor's store buffer. */
static inline void
copy(struct hsl_value *dst, const struct hsl_value *src)
{
    dst->u = src->u;
    dst->type = src->type;
}

/* Puts a value into a register that mostly holds nothing counted; takes the count. */
static inline void
set(struct hsl_run *r, struct hsl_value *dst, struct hsl_value v)
{
    struct hsl_value old;

    if (UNLIKELY(hsl_is_counted(dst))) {
        old = *dst;
        copy(dst, &v);
        hsl_unref(r, old);
    } else {
        copy(dst, &v);
    }
}

/* The same with one more owner of what is in [src]. */
static inline void
set_shared(struct hsl_run *r, struct hsl_value *dst, const struct hsl_value *src)
{
    struct hsl_value old;

    if (UNLIKELY(hsl_is_counted(src)))
        hsl_rc_ref(src->u.rc);
    if (UNLIKELY(hsl_is_counted(dst))) {
        old = *dst;
        copy(dst, src);
        hsl_unref(r, old);
    } else {
        copy(dst, src);
    }
}

/* The same with what a source operand holds: shared with a variable, moved out of a temporary. */
static inline void
set_from(struct hsl_run *r, struct hsl_value *dst, struct hsl_value *src, bool temporary)
{
    if (!temporary) {
        set_shared(r, dst, src);
    } else {
        set(r, dst, *src);
        src->type = HSL_NONE;
    }
}

/* Takes what a source operand holds: moved out of a temporary, shared with a variable. */
static inline struct hsl_value
take(struct hsl_value *src, bool temporary)
{
    struct hsl_value v;

    copy(&v, src);
    if (temporary)
        src->type = HSL_NONE;
    else
        hsl_ref(v);
    return v;
}

/* Gives up the sources of an instruction that are temporaries. */
static inline void
drop_sources(struct hsl_run *r, const struct hsl_ins *i, struct hsl_value *s0, struct hsl_value *s1)
{
    if (i->x & 1)
        hsl_drop(r, s0);
    if (i->x & 2)
        hsl_drop(r, s1);
}

/* --- The uncommon cases ---------------------------------------------------------------------- */

/* regs[a] = regs[b] operator c. Where a and b are the same place it may be changed in place. */
static __attribute__((noinline)) bool
binary(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i, enum hsl_op op,
    const struct hsl_value *c)
{
    struct hsl_run *r = &m->run;
    struct hsl_value *a = regs + i->a, *b = regs + i->b, out;

    m->frame->pc = i;
    if (a == b && c != a) {
        if (!hsl_op_assign(r, op, a, c))
            return false;
        if (i->x & 2)
            hsl_drop(r, regs + i->c);
        return true;
    }
    if (!hsl_op_binary(r, op, b, c, &out))
        return false;
    drop_sources(r, i, b, regs + i->c);
    hsl_put(r, a, out);
    return true;
}

/* The same for . with a string on the left: appends in place where nobody else sees it. */
static __attribute__((noinline)) bool
concat(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i,
    const struct hsl_value *c)
{
    struct hsl_run *r = &m->run;
    struct hsl_value *a = regs + i->a, *b = regs + i->b;
    char num[HSL_NUM_TEXT_MAX];
    const char *p;
    size_t len;

    if (b->type != HSL_STR || (a != b && !(i->x & 1)) || c == b)
        return binary(m, regs, i, HSL_OP_CONCAT, c);
    m->frame->pc = i;
    if (c->type == HSL_STR) {
        p = c->u.str->data;
        len = c->u.str->len;
    } else if (c->type == HSL_NUM) {
        len = hsl_num_to_text(c->u.num, num);
        p = num;
    } else {
        return binary(m, regs, i, HSL_OP_CONCAT, c);
    }
    if (!hsl_str_append(r, b, p, len))
        return false;
    if (i->x & 2)
        hsl_drop(r, regs + i->c);
    if (a != b) {
        struct hsl_value v = take(b, true);

        hsl_put(r, a, v);
    }
    return true;
}

/* 1 true, 0 false, -1 failed. Gives up temporaries. */
static __attribute__((noinline)) int
compare(struct hsl_machine *m, const struct hsl_ins *i, enum hsl_op op, struct hsl_value *a,
    struct hsl_value *b)
{
    struct hsl_run *r = &m->run;
    struct hsl_value out;
    bool is;

    m->frame->pc = i;
    if (op == HSL_OP_EQ || op == HSL_OP_NE) {
        if (a->type == HSL_STR && b->type == HSL_STR)
            is = hsl_str_equal(a->u.str, b->u.str);
        else
            is = hsl_equal(a, b);
        is = is == (op == HSL_OP_EQ);
    } else if (op == HSL_OP_SAME) {
        is = a->type == b->type && (a->type == HSL_NONE || hsl_same(a, b));
    } else {
        if (!hsl_op_binary(r, op, a, b, &out))
            return -1;
        is = out.u.b;
    }
    drop_sources(r, i, a, b);
    return is;
}

static __attribute__((noinline)) bool
unary(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i, enum hsl_op op)
{
    struct hsl_value out;

    m->frame->pc = i;
    if (!hsl_op_unary(&m->run, op, regs + i->b, &out))
        return false;
    drop_sources(&m->run, i, regs + i->b, NULL);
    hsl_put(&m->run, regs + i->a, out);
    return true;
}

/* What fmod() gives, without it where both are whole and in range. */
static inline double
modulo(double a, double b)
{
    if (a >= 0 && a < 4294967296.0 && b >= 1 && b < 4294967296.0) {
        uint32_t x = (uint32_t)a, y = (uint32_t)b;

        if ((double)x == a && (double)y == b)
            return (double)(x % y);
    }
    return fmod(a, b);
}

/* The same for a divisor that is whole and fits; false: [a] is not whole or does not. */
static inline bool
modulo_whole(double a, double b, double *out)
{
    uint32_t x;

    if (!(a >= 0 && a < 4294967296.0))
        return false;
    x = (uint32_t)a;
    *out = (double)(x % (uint32_t)b);
    return (double)x == a;
}

static inline bool
in_int32(double d)
{
    return d >= -2147483648.0 && d <= 2147483647.0;
}

static const struct hsl_value none = {.type = HSL_NONE};

/* True for a text that is surely no integer as a key: most are told by their first byte. */
static inline bool
is_plain_text(const struct hsl_value *key)
{
    return key->type == HSL_STR && (unsigned char)key->u.str->data[0] > '9';
}

/* The element of a hash under a text that is no integer; none if missing. */
static inline const struct hsl_value *
find_text(const struct hsl_arr *a, struct hsl_str *s)
{
    const struct hsl_entry *e = hsl_arr_find_bytes(a, s->data, s->len, hsl_str_hash(s));

    return e ? &e->val : &none;
}

/* regs[a] = element [v] of the array in regs[b]. */
static inline void
get_element(struct hsl_run *r, struct hsl_value *regs, const struct hsl_ins *i,
    const struct hsl_value *v)
{
    struct hsl_value share;

    if (UNLIKELY(i->x & 1)) {
        share = hsl_ref(*v);
        hsl_drop(r, regs + i->b);
        set(r, regs + i->a, share);
    } else {
        set_shared(r, regs + i->a, v);
    }
}

/* regs[a] = b[c] for all but the common cases. */
static __attribute__((noinline)) bool
get_index(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i,
    struct hsl_value *c)
{
    struct hsl_run *r = &m->run;
    struct hsl_value *b = regs + i->b, out;

    m->frame->pc = i;
    if (!hsl_vm_index(m, b, c, &out))
        return false;
    drop_sources(r, i, b, c);
    hsl_put(r, regs + i->a, out);
    return true;
}

/* a[key] = val for all but the common cases; [s0] and [s1] are the sources. */
static __attribute__((noinline)) bool
set_index(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i,
    const struct hsl_value *key, const struct hsl_value *val, struct hsl_value *s0,
    struct hsl_value *s1)
{
    m->frame->pc = i;
    if (!hsl_vm_store(m, hsl_deref(regs + i->a), key, val))
        return false;
    drop_sources(&m->run, i, s0, s1);
    return true;
}

/* The place of an element in an array that nobody else owns: one that is there, or the next of a list
 * that has room. NULL: not that simple. */
static inline struct hsl_value *
own_place(const struct hsl_value *v, const struct hsl_value *key)
{
    struct hsl_arr *a = v->u.arr;
    struct hsl_entry *e;

    if (UNLIKELY(v->type != HSL_ARR || a->rc.refs != 1))
        return NULL;
    if (LIKELY(key->type == HSL_NUM && a->mask == 0)) {
        if (LIKELY(key->u.num > -1.0 && key->u.num < (double)a->count))
            return &a->d.vals[(uint32_t)key->u.num];
        if (key->u.num != (double)a->count || a->used == a->cap)
            return NULL;
        a->count++;
        a->d.vals[a->used].type = HSL_NONE;
        return &a->d.vals[a->used++];
    }
    if (a->mask == 0 || !is_plain_text(key))
        return NULL;
    e = hsl_arr_find_bytes(a, key->u.str->data, key->u.str->len, hsl_str_hash(key->u.str));
    return e ? &e->val : NULL;
}

/* An iterator: the array, shared so that the loop sees it as it was, and the position. */
static bool
start_iterator(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i)
{
    struct hsl_value *a = regs + i->a, *b = regs + i->b, v;

    if (b->type != HSL_ARR) {
        m->frame->pc = i;
        return hsl_raise(&m->run, HSL_R03, "cannot iterate over %s", hsl_type_name(b));
    }
    v = take(b, i->x & 1);
    *a = v;
    a[1] = hsl_num(0);
    return true;
}

/* The next element of the iterator at [a], lent, or NULL; [key] gets the key, lent. */
static inline const struct hsl_value *
next_element(struct hsl_value *a, struct hsl_value *key)
{
    const struct hsl_arr *arr = a->u.arr;
    uint32_t pos = (uint32_t)a[1].u.num;

    if (arr->mask == 0) {
        if (pos >= arr->count)
            return NULL;
        a[1].u.num = pos + 1;
        *key = hsl_num(pos);
        return &arr->d.vals[pos];
    }
    for (; pos < arr->used; pos++) {
        const struct hsl_entry *e = &arr->d.entries[pos];

        if (e->kind == 0)
            continue;
        a[1].u.num = pos + 1;
        *key = e->kind == HSL_STR ? hsl_from_str(e->key.s) : hsl_num((double)e->key.i);
        return &e->val;
    }
    return NULL;
}

/* The place that a text selects in switch [s], or -1. */
static long
switch_target(const struct hsl_switch *s, struct hsl_str *text)
{
    uint32_t at = hsl_str_hash(text) & s->mask;

    for (; s->slots[at].text; at = (at + 1) & s->mask) {
        if (hsl_str_equal(s->slots[at].text, text))
            return (long)s->slots[at].target;
    }
    return -1;
}

/* A value has no truth of its own before it is looked at; the two common ones are decided here. */
static inline bool
truth(const struct hsl_value *v)
{
    return LIKELY(v->type == HSL_BOOL) ? v->u.b : hsl_truth(v);
}

/* --- The loop -------------------------------------------------------------------------------- */

#ifdef HAVE_COMPUTED_GOTO
#define OP(name) L_##name:
#define DISPATCH() goto *labels[i->op]
#else
#define OP(name) case HSL_I_##name:
#define DISPATCH() goto again
#endif
#define NEXT()                                                                                     \
    do {                                                                                           \
        i++;                                                                                       \
        DISPATCH();                                                                                \
    } while (0)
/* Jumps by operand c; back only while the budget lasts. */
#define JUMP()                                                                                     \
    do {                                                                                           \
        if ((int16_t)i->c < 0 && UNLIKELY(--m->ticks <= 0))                                        \
            goto ticked;                                                                           \
        i += 1 + (int16_t)i->c;                                                                    \
        DISPATCH();                                                                                \
    } while (0)
#define CHECKED(call)                                                                              \
    do {                                                                                           \
        if (UNLIKELY(!(call)))                                                                     \
            goto failed;                                                                           \
    } while (0)

#define ARITHMETIC(name, opcode, expression)                                                       \
    OP(name)                                                                                       \
    {                                                                                              \
        const struct hsl_value *b = regs + i->b, *c = regs + i->c;                                 \
        if (both_num(b, c))                                                                        \
            set_num(r, regs + i->a, expression);                                                   \
        else                                                                                       \
            CHECKED(binary(m, regs, i, opcode, c));                                                \
        NEXT();                                                                                    \
    }                                                                                              \
    OP(name##K)                                                                                    \
    {                                                                                              \
        const struct hsl_value *b = regs + i->b, *c = k + i->c;                                    \
        if (both_num(b, c))                                                                        \
            set_num(r, regs + i->a, expression);                                                   \
        else                                                                                       \
            CHECKED(binary(m, regs, i, opcode, c));                                                \
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
            CHECKED(binary(m, regs, i, opcode, c));                                                \
        NEXT();                                                                                    \
    }                                                                                              \
    OP(name##K)                                                                                    \
    {                                                                                              \
        const struct hsl_value *b = regs + i->b, *c = k + i->c;                                    \
        if (both_num(b, c) && LIKELY(c->u.num != 0))                                               \
            set_num(r, regs + i->a, expression);                                                   \
        else                                                                                       \
            CHECKED(binary(m, regs, i, opcode, c));                                                \
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
            CHECKED(binary(m, regs, i, opcode, c));                                                \
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
            int is = compare(m, i, opcode, b, c);                                                  \
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
            int is = compare(m, i, opcode, a, b); \
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
#define COUNTING(name, sign, second)                                                               \
    OP(name)                                                                                       \
    {                                                                                              \
        struct hsl_value *a = regs + i->a;                                                         \
        const struct hsl_value *b = second;                                                        \
        if (LIKELY(both_num(a, b))) {                                                              \
            a->u.num += 1;                                                                         \
            if (LIKELY(a->u.num sign b->u.num))                                                    \
                JUMP();                                                                            \
            i += 2;                                                                                \
        }                                                                                          \
        NEXT();                                                                                    \
    }

bool
hsl_vm_loop(struct hsl_machine *m, struct hsl_value *out)
{
    struct hsl_run *r = &m->run;
    struct hsl_frame *f = m->frame;
    struct hsl_value *regs = f->regs, *k = m->prog->k, result;
    const struct hsl_ins *i = f->pc;
#ifdef HAVE_COMPUTED_GOTO
    static const void *const labels[] = {
#define HSL_OPCODE(name, operands, meaning) &&L_##name,
#include "hsl/hsl_opcode.def"
    };
    DISPATCH();
#else
again:
    switch ((enum hsl_opcode)i->op) {
#endif
    OP(MOVE)
    {
        set_shared(r, regs + i->a, regs + i->b);
        NEXT();
    }
    OP(TAKE)
    {
        set_from(r, regs + i->a, regs + i->b, true);
        NEXT();
    }
    OP(MOVEQ)
    {
        const struct hsl_value *b = regs + i->b;
        set(r, regs + i->a, b->type == HSL_UNDEF ? hsl_none() : hsl_ref(*b));
        NEXT();
    }
    OP(LOADK)
    {
        set(r, regs + i->a, k[i->b]);
        NEXT();
    }
    OP(DROP)
    {
        if (hsl_is_counted(regs + i->a))
            hsl_drop(r, regs + i->a);
        NEXT();
    }
    OP(CHECK)
    {
        if (UNLIKELY(regs[i->a].type == HSL_UNDEF)) {
            (void)hsl_vm_undefined(m, k[i->b].u.str->data);
            goto failed;
        }
        NEXT();
    }
    OP(GETVAR)
    {
        const struct hsl_value *b = hsl_deref(regs + i->b);
        if (UNLIKELY(b->type == HSL_UNDEF)) {
            (void)hsl_vm_undefined(m, k[i->c].u.str->data);
            goto failed;
        }
        set_shared(r, regs + i->a, b);
        NEXT();
    }
    OP(GETVARQ)
    {
        const struct hsl_value *b = hsl_deref(regs + i->b);
        set(r, regs + i->a, b->type == HSL_UNDEF ? hsl_none() : hsl_ref(*b));
        NEXT();
    }
    OP(SETVAR)
    {
        set_from(r, hsl_deref(regs + i->a), regs + i->b, i->x & 1);
        NEXT();
    }
    OP(GETPRE)
    {
        f->pc = i;
        CHECKED(hsl_vm_load_predef(m, i->c));
        result = *hsl_deref(regs + i->b);
        if (UNLIKELY(result.type == HSL_UNDEF)) { /* after unset() */
            CHECKED(i->x || hsl_vm_undefined(m, m->prog->predefs[i->c].name));
            result = hsl_none();
        }
        set(r, regs + i->a, hsl_ref(result));
        NEXT();
    }
    OP(BIND)
    {
        CHECKED(hsl_vm_bind(m, regs + i->a, i->b, &k[i->c]));
        NEXT();
    }
    OP(READONLY)
    {
        (void)hsl_raise(r, HSL_R02, "cannot assign to read-only variable $%s", k[i->a].u.str->data);
        goto failed;
    }

    ARITHMETIC(ADD, HSL_OP_ADD, b->u.num + c->u.num)
    ARITHMETIC(SUB, HSL_OP_SUB, b->u.num - c->u.num)
    ARITHMETIC(MUL, HSL_OP_MUL, b->u.num * c->u.num)
    DIVISION(DIV, HSL_OP_DIV, b->u.num / c->u.num)
    DIVISION(MOD, HSL_OP_MOD, modulo(b->u.num, c->u.num))
    OP(MODW)
    {
        const struct hsl_value *b = regs + i->b, *c = k + i->c;
        double n;
        if (LIKELY(b->type == HSL_NUM) && LIKELY(modulo_whole(b->u.num, c->u.num, &n)))
            set_num(r, regs + i->a, n);
        else
            CHECKED(binary(m, regs, i, HSL_OP_MOD, c));
        NEXT();
    }
    BITWISE(BAND, HSL_OP_BAND, p & q)
    BITWISE(BOR, HSL_OP_BOR, p | q)
    BITWISE(BXOR, HSL_OP_BXOR, p ^ q)
    BITWISE(SHL, HSL_OP_SHL, (int32_t)((uint32_t)p << (q & 31)))
    BITWISE(SHR, HSL_OP_SHR, p >> (q & 31))
    OP(CONCAT)
    {
        CHECKED(concat(m, regs, i, regs + i->c));
        NEXT();
    }
    OP(CONCATK)
    {
        CHECKED(concat(m, regs, i, k + i->c));
        NEXT();
    }
    OP(CONCATN)
    {
        f->pc = i;
        CHECKED(hsl_vm_concat(m, regs, i));
        i += 1 + (i->b + 2) / 3;
        DISPATCH();
    }
    COMPARISON(EQ, HSL_OP_EQ, ==)
    COMPARISON(NE, HSL_OP_NE, !=)
    COMPARISON(LT, HSL_OP_LT, <)
    COMPARISON(GT, HSL_OP_GT, >)
    COMPARISON(LE, HSL_OP_LE, <=)
    COMPARISON(GE, HSL_OP_GE, >=)
    OP(BINARY)
    {
        CHECKED(binary(m, regs, i, (enum hsl_op)(i->x >> 2), regs + i->c));
        NEXT();
    }
    OP(BINARYK)
    {
        CHECKED(binary(m, regs, i, (enum hsl_op)(i->x >> 2), k + i->c));
        NEXT();
    }
    OP(NEG)
    {
        if (LIKELY(regs[i->b].type == HSL_NUM))
            set_num(r, regs + i->a, -regs[i->b].u.num);
        else
            CHECKED(unary(m, regs, i, HSL_OP_NEG));
        NEXT();
    }
    OP(NOT)
    {
        bool is = truth(regs + i->b);
        drop_sources(r, i, regs + i->b, NULL);
        set_bool(r, regs + i->a, !is);
        NEXT();
    }
    OP(UNARY)
    {
        CHECKED(unary(m, regs, i, (enum hsl_op)(i->x >> 2)));
        NEXT();
    }
    OP(INC)
    {
        if (LIKELY(regs[i->a].type == HSL_NUM))
            regs[i->a].u.num += 1;
        else
            CHECKED(hsl_vm_step(m, regs + i->a, 1));
        NEXT();
    }
    OP(DEC)
    {
        if (LIKELY(regs[i->a].type == HSL_NUM))
            regs[i->a].u.num -= 1;
        else
            CHECKED(hsl_vm_step(m, regs + i->a, -1));
        NEXT();
    }
    OP(POSTINC)
    {
        CHECKED(hsl_vm_step(m, regs + i->b, 1));
        set_num(r, regs + i->a, regs[i->b].u.num - 1);
        NEXT();
    }
    OP(POSTDEC)
    {
        CHECKED(hsl_vm_step(m, regs + i->b, -1));
        set_num(r, regs + i->a, regs[i->b].u.num + 1);
        NEXT();
    }

    OP(JMP)
    {
        int32_t by = (int32_t)((uint32_t)i->b | (uint32_t)i->c << 16);
        if (by < 0 && UNLIKELY(--m->ticks <= 0)) {
            f->pc = i;
            m->looping = true;
            CHECKED(hsl_vm_tick(m));
            m->looping = false;
        }
        i += 1 + by;
        DISPATCH();
    }
    OP(JT)
    {
        bool is = truth(regs + i->a);
        drop_sources(r, i, regs + i->a, NULL);
        if (is)
            JUMP();
        NEXT();
    }
    OP(JF)
    {
        bool is = truth(regs + i->a);
        drop_sources(r, i, regs + i->a, NULL);
        if (!is)
            JUMP();
        NEXT();
    }
    OP(JNN)
    {
        if (regs[i->a].type != HSL_NONE && regs[i->a].type != HSL_UNDEF)
            JUMP();
        NEXT();
    }
    OP(JDEF)
    {
        if (regs[i->a].type != HSL_UNDEF)
            JUMP();
        NEXT();
    }
    COMPARE_JUMPS(JLT, JNLT, HSL_OP_LT, <)
    COMPARE_JUMPS(JGT, JNGT, HSL_OP_GT, >)
    COMPARE_JUMPS(JLE, JNLE, HSL_OP_LE, <=)
    COMPARE_JUMPS(JGE, JNGE, HSL_OP_GE, >=)
    COMPARE_JUMPS(JEQ, JNE, HSL_OP_EQ, ==)
    COMPARE_JUMPS(JSAME, JNSAME, HSL_OP_SAME, ==)
    COUNTING(FORLT, <, regs + i->b)
    COUNTING(FORLTK, <, k + i->b)
    COUNTING(FORLE, <=, regs + i->b)
    COUNTING(FORLEK, <=, k + i->b)

    OP(NEWARR)
    {
        struct hsl_arr *a = hsl_arr_new(r, i->c);
        CHECKED(a);
        for (unsigned n = 0; n < i->c; n++)
            (void)hsl_arr_packed_push(a, take(regs + i->b + n, true));
        set(r, regs + i->a, hsl_from_arr(a));
        NEXT();
    }
    OP(NEWMAP)
    {
        struct hsl_arr *a = hsl_arr_copy(r, k[i->b].u.arr);
        CHECKED(a);
        for (unsigned n = 0; n < a->count; n++) {
            copy(&a->d.entries[n].val, regs + i->c + n);
            regs[i->c + n].type = HSL_NONE;
        }
        set(r, regs + i->a, hsl_from_arr(a));
        NEXT();
    }
    OP(NEWOBJ)
    {
        CHECKED(hsl_vm_object(m, regs + i->b, &result));
        drop_sources(r, i, regs + i->b, NULL);
        set(r, regs + i->a, result);
        NEXT();
    }
    OP(ARRPUSH)
    {
        struct hsl_value v = take(regs + i->b, i->x & 1);
        if (UNLIKELY(!hsl_arr_packed_push(regs[i->a].u.arr, v)))
            CHECKED(hsl_arr_push(r, regs[i->a].u.arr, v));
        NEXT();
    }
    OP(ARRSET)
    {
        struct hsl_value v = take(regs + i->c, i->x & 2);
        CHECKED(hsl_arr_set(r, regs[i->a].u.arr, regs + i->b, v));
        drop_sources(r, i, regs + i->b, regs + i->c);
        NEXT();
    }
    OP(ARRSETK)
    {
        struct hsl_value v = take(regs + i->c, i->x & 1);
        CHECKED(hsl_arr_set(r, regs[i->a].u.arr, k + i->b, v));
        NEXT();
    }
    OP(SPREAD)
    {
        CHECKED(hsl_vm_spread(m, regs + i->a, regs + i->b, true));
        drop_sources(r, i, regs + i->b, NULL);
        NEXT();
    }
    OP(SPREADV)
    {
        CHECKED(hsl_vm_spread(m, regs + i->a, regs + i->b, false));
        drop_sources(r, i, regs + i->b, NULL);
        NEXT();
    }
    OP(GETIDX)
    {
        struct hsl_value *b = regs + i->b, *c = regs + i->c;
        const struct hsl_arr *a = b->u.arr;
        if (LIKELY(b->type == HSL_ARR && c->type == HSL_NUM && a->mask == 0 && c->u.num > -1.0 &&
                   c->u.num < (double)a->count)) {
            get_element(r, regs, i, &a->d.vals[(uint32_t)c->u.num]);
        } else if (b->type == HSL_ARR && is_plain_text(c) && a->mask != 0) {
            get_element(r, regs, i, find_text(a, c->u.str));
            if (UNLIKELY(i->x & 2))
                hsl_drop(r, c);
        } else {
            CHECKED(get_index(m, regs, i, c));
        }
        NEXT();
    }
    OP(GETIDXK)
    {
        struct hsl_value *b = regs + i->b, *c = k + i->c;
        const struct hsl_arr *a = b->u.arr;
        if (LIKELY(b->type == HSL_ARR && c->type == HSL_NUM && a->mask == 0 && c->u.num > -1.0 &&
                   c->u.num < (double)a->count)) {
            get_element(r, regs, i, &a->d.vals[(uint32_t)c->u.num]);
        } else if (b->type == HSL_ARR && c->type == HSL_STR && a->mask != 0) {
            get_element(r, regs, i, find_text(a, c->u.str));
        } else {
            CHECKED(get_index(m, regs, i, c));
        }
        NEXT();
    }
    OP(SETIDX)
    {
        struct hsl_value *place = own_place(regs + i->a, regs + i->b);
        if (LIKELY(place)) {
            set_from(r, place, regs + i->c, i->x & 2);
            if (UNLIKELY(i->x & 1))
                hsl_drop(r, regs + i->b);
        } else {
            CHECKED(set_index(m, regs, i, regs + i->b, regs + i->c, regs + i->b, regs + i->c));
        }
        NEXT();
    }
    OP(SETIDXK)
    {
        struct hsl_value *place = own_place(regs + i->a, k + i->b);
        if (LIKELY(place))
            set_from(r, place, regs + i->c, i->x & 1);
        else
            CHECKED(set_index(m, regs, i, k + i->b, regs + i->c, regs + i->c, NULL));
        NEXT();
    }
    OP(SETIDXC)
    {
        struct hsl_value *place = own_place(regs + i->a, regs + i->b);
        if (LIKELY(place)) {
            set(r, place, k[i->c]);
            drop_sources(r, i, regs + i->b, NULL);
        } else {
            CHECKED(set_index(m, regs, i, regs + i->b, k + i->c, regs + i->b, NULL));
        }
        NEXT();
    }
    OP(PUSH)
    {
        struct hsl_value *a = regs + i->a;
        if (LIKELY(a->type == HSL_ARR && a->u.arr->rc.refs == 1 && a->u.arr->mask == 0 &&
                   a->u.arr->used < a->u.arr->cap)) {
            struct hsl_arr *list = a->u.arr;
            struct hsl_value *place = &list->d.vals[list->used++];
            list->count++;
            place->type = HSL_NONE;
            set_from(r, place, regs + i->b, i->x & 1);
        } else {
            struct hsl_value push = {.type = HSL_UNDEF};
            CHECKED(set_index(m, regs, i, &push, regs + i->b, regs + i->b, NULL));
        }
        NEXT();
    }
    OP(PATHSET)
    {
        struct hsl_value *keys = regs + i->b;
        unsigned n = i->x >> 2;
        struct hsl_value *place;
        f->pc = i;
        place = hsl_vm_path(m, hsl_deref(regs + i->a), keys, n - 1);
        CHECKED(place && hsl_vm_store(m, place, &keys[n - 1], &keys[n]));
        for (unsigned j = 0; j <= n; j++)
            hsl_drop(r, &keys[j]);
        NEXT();
    }
    OP(PATHOP)
    {
        struct hsl_value *v = hsl_deref(regs + i->a), *val = regs + i->b;
        f->pc = i;
        if (i->x == 0 && both_num(v, val) && i[1].a <= HSL_OP_SUB) { /* a variable in a cell */
            v->u.num += i[1].a == HSL_OP_ADD ? val->u.num : -val->u.num;
            if (i->c != HSL_NO_REG)
                set_num(r, regs + i->c, v->u.num);
        } else {
            CHECKED(hsl_vm_path_op(m, regs, i));
        }
        i++;
        NEXT();
    }
    OP(PATHINC)
    {
        f->pc = i;
        CHECKED(hsl_vm_path_inc(m, regs, i));
        i++;
        NEXT();
    }
    OP(PATHUNSET)
    {
        f->pc = i;
        CHECKED(hsl_vm_path_unset(m, regs, i));
        NEXT();
    }
    OP(PATHSLICE)
    {
        f->pc = i;
        CHECKED(hsl_vm_path_slice(m, regs, i));
        NEXT();
    }
    OP(PATHUNSLICE)
    {
        f->pc = i;
        CHECKED(hsl_vm_path_unslice(m, regs, i));
        NEXT();
    }
    OP(ISSETVAR)
    {
        set_bool(r, regs + i->a, hsl_deref(regs + i->b)->type != HSL_UNDEF);
        NEXT();
    }
    OP(ISSET)
    {
        const struct hsl_value *b = regs + i->b, *c = regs + i->c;
        bool is;
        if (b->type == HSL_ARR && is_plain_text(c)) {
            is = b->u.arr->mask != 0 && find_text(b->u.arr, c->u.str) != &none;
        } else {
            f->pc = i;
            CHECKED(hsl_vm_isset(m, b, c, &is));
        }
        drop_sources(r, i, regs + i->b, regs + i->c);
        set_bool(r, regs + i->a, is);
        NEXT();
    }
    OP(UNSETVAR)
    {
        struct hsl_value *b = hsl_deref(regs + i->b);
        bool was = b->type != HSL_UNDEF;
        hsl_put(r, b, (struct hsl_value){.type = HSL_UNDEF});
        set_bool(r, regs + i->a, was);
        NEXT();
    }
    OP(SLICE)
    {
        struct hsl_value *b = regs + i->b;
        f->pc = i;
        CHECKED(hsl_slice(r, b, b + 1, b + 2, b + 3, &result));
        for (unsigned j = 0; j < 4; j++)
            hsl_drop(r, b + j);
        set(r, regs + i->a, result);
        NEXT();
    }
    OP(DESTRUCT)
    {
        f->pc = i;
        CHECKED(hsl_vm_destruct(m, regs + i->b, regs + i->c, i->x >> 2, &result));
        if (i->x & 1)
            hsl_drop(r, regs + i->c);
        set(r, regs + i->a, result);
        NEXT();
    }
    OP(DESTRUCTK)
    {
        const struct hsl_value *b = regs + i->b, *c = k + i->c;
        const struct hsl_arr *a = b->u.arr;
        if (LIKELY(b->type == HSL_ARR && c->type == HSL_NUM && a->mask == 0 && c->u.num > -1.0 &&
                   c->u.num < (double)a->count)) {
            set_shared(r, regs + i->a, &a->d.vals[(uint32_t)c->u.num]);
        } else {
            f->pc = i;
            CHECKED(hsl_vm_destruct(m, b, c, i->x >> 2, &result));
            set(r, regs + i->a, result);
        }
        NEXT();
    }
    OP(REST)
    {
        f->pc = i;
        CHECKED(hsl_vm_rest(m, regs + i->b, regs + i->c, i->x >> 2, &result));
        for (unsigned j = 0; j < i->x >> 2; j++)
            hsl_drop(r, regs + i->c + j);
        set(r, regs + i->a, result);
        NEXT();
    }
    OP(COUNT)
    {
        struct hsl_value *b = regs + i->b;
        if (LIKELY(b->type == HSL_ARR)) {
            double n = b->u.arr->count;
            drop_sources(r, i, b, NULL);
            set_num(r, regs + i->a, n);
        } else {
            struct hsl_value arg = hsl_ref(*b);
            bool ok;
            f->pc = i;
            ok = hsl_lib_call(r, m->prog->callees[i->c].row, &arg, 1, &result);
            hsl_drop(r, &arg);
            CHECKED(ok);
            drop_sources(r, i, b, NULL);
            set(r, regs + i->a, result);
        }
        NEXT();
    }
    OP(LENGTH)
    {
        struct hsl_value *b = regs + i->b;
        result = b->type == HSL_ARR   ? hsl_num(b->u.arr->count)
                 : b->type == HSL_STR ? hsl_num(b->u.str->len)
                                      : hsl_none();
        drop_sources(r, i, b, NULL);
        set(r, regs + i->a, result);
        NEXT();
    }

    OP(CALL)
    {
        const struct hsl_proto *p = m->prog->protos[i->b];
        struct hsl_value *base = regs + i->a;
        f->pc = i;
        if (UNLIKELY(--m->ticks <= 0))
            CHECKED(hsl_vm_tick(m));
        if (UNLIKELY(f + 1 == m->frame_end || (size_t)(m->stack_end - base) < p->regs)) {
            CHECKED(hsl_vm_enter(m, p, base, p->params));
            goto entered;
        }
        f++;
        f->regs = regs = base;
        f->proto = p;
        f->segments = 0;
        f->entry = false;
        for (struct hsl_value *v = base + p->params, *end = base + p->locals; v < end; v++)
            v->type = HSL_UNDEF;
        m->frame = f;
        i = p->code;
        DISPATCH();
    }
    OP(CALLB)
    {
        f->pc = i;
        if (UNLIKELY(--m->ticks <= 0))
            CHECKED(hsl_vm_tick(m));
        result = hsl_none();
        CHECKED(hsl_vm_builtin(m, &m->prog->callees[i->b], regs + i->a, i->x, &result));
        set(r, regs + i->c, result);
        NEXT();
    }
    OP(CALLV)
    {
        int pushed;
        f->pc = i;
        if (UNLIKELY(--m->ticks <= 0))
            CHECKED(hsl_vm_tick(m));
        pushed = hsl_vm_call_value(m, regs + i->a, i->b, &result);
        CHECKED(pushed >= 0);
        if (pushed)
            goto entered;
        set(r, regs + i->c, result);
        NEXT();
    }
    OP(CALLM)
    {
        int pushed;
        f->pc = i;
        if (UNLIKELY(--m->ticks <= 0))
            CHECKED(hsl_vm_tick(m));
        pushed = hsl_vm_call_method(m, regs + i->a, k[i->b].u.str, i->x, &result);
        CHECKED(pushed >= 0);
        if (pushed)
            goto entered;
        set(r, regs + i->c, result);
        NEXT();
    }
    OP(CALLVS)
    {
        int pushed;
        f->pc = i;
        if (UNLIKELY(--m->ticks <= 0))
            CHECKED(hsl_vm_tick(m));
        pushed = hsl_vm_call_spread(m, regs + i->a, &result);
        CHECKED(pushed >= 0);
        if (pushed)
            goto entered;
        set(r, regs + i->c, result);
        NEXT();
    }
    OP(CALLMS)
    {
        int pushed;
        f->pc = i;
        if (UNLIKELY(--m->ticks <= 0))
            CHECKED(hsl_vm_tick(m));
        pushed = hsl_vm_method_spread(m, regs + i->a, k[i->b].u.str, &result);
        CHECKED(pushed >= 0);
        if (pushed)
            goto entered;
        set(r, regs + i->c, result);
        NEXT();
    }
    OP(RET)
    {
        result = take(regs + i->a, true);
        goto leave;
    }
    OP(RETK)
    {
        result = k[i->a];
        goto leave;
    }
    OP(CLOSURE)
    {
        CHECKED(hsl_vm_closure(m, m->prog->protos[i->b], f, &result));
        set(r, regs + i->a, result);
        NEXT();
    }

    OP(ITER)
    {
        CHECKED(start_iterator(m, regs, i));
        NEXT();
    }
    OP(NEXT)
    {
        struct hsl_value key;
        const struct hsl_value *v = next_element(regs + i->a, &key);
        if (LIKELY(v)) {
            set_shared(r, regs + i->b, v);
            JUMP();
        }
        hsl_drop(r, regs + i->a);
        NEXT();
    }
    OP(NEXTKEY)
    {
        struct hsl_value key;
        const struct hsl_value *v = next_element(regs + i->a, &key);
        if (LIKELY(v)) {
            set_shared(r, regs + i[1].a, &key);
            set_shared(r, regs + i->b, v);
            JUMP();
        }
        hsl_drop(r, regs + i->a);
        i++;
        NEXT();
    }
    OP(SWITCH)
    {
        if (regs[i->a].type == HSL_STR) {
            long at = switch_target(&f->proto->switches[i->b], regs[i->a].u.str);
            if (at < 0)
                JUMP();
            i = f->proto->code + at;
            DISPATCH();
        }
        NEXT();
    }
    OP(ECHO)
    {
        f->pc = i;
        CHECKED(hsl_echo(r, regs + i->a));
        drop_sources(r, i, regs + i->a, NULL);
        NEXT();
    }
    OP(THROW)
    {
        f->pc = i;
        (void)hsl_vm_throw(m, take(regs + i->a, i->x & 1));
        goto failed;
    }
    OP(NOARM)
    {
        f->pc = i;
        (void)hsl_vm_no_arm(m, regs + i->a);
        goto failed;
    }
    OP(EXT)
    {
        NEXT();
    }
#ifndef HAVE_COMPUTED_GOTO
    case HSL_I_COUNT_:
        break;
    }
#endif

/* Ends the function; its value is in [result]. */
leave:
    for (struct hsl_value *v = regs, *end = regs + f->proto->locals; v < end; v++) {
        if (hsl_is_counted(v))
            hsl_drop(r, v);
    }
    if (UNLIKELY(f->segments))
        hsl_vm_leave_segments(m, f->segments);
    m->frame = f - 1;
    if (UNLIKELY(f->entry)) {
        *out = result;
        return true;
    }
    f--;
    regs = f->regs;
    i = f->pc;
    set(r, regs + i->c, result);
    NEXT();

/* A jump back by operand c when it is time to look at budget and clock. */
ticked:
    f->pc = i;
    m->looping = true;
    CHECKED(hsl_vm_tick(m));
    m->looping = false;
    i += 1 + (int16_t)i->c;
    DISPATCH();

/* A frame was pushed for a call at f->pc. */
entered:
    f = m->frame;
    regs = f->regs;
    i = f->proto->code;
    DISPATCH();

failed:
    f->pc = i;
    if (!hsl_vm_unwind(m))
        return false;
    f = m->frame;
    regs = f->regs;
    i = f->pc;
    DISPATCH();
}
