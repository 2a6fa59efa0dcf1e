/* hsl_vm_op.c - instructions of the loop where the operands are not what they mostly are.
 *
 * Each does one instruction as a whole: takes the operands from the registers, gives up temporaries
 * if it succeeds, stores the result. The common cases are in hsl_vm_inl.h and hsl_vm.c.
 *
 * Not here: the operators themselves (hsl_op.c), paths (hsl_vm_path.c).
 * Threads: one per machine. Fails: what the operators fail with. */
#include "config.h"

#include "hsl/hsl_op.h"
#include "hsl/hsl_gen.h"
#include "hsl/hsl_vm_inl.h"

/* regs[a] = text [s], which is in regs[b], matches [pattern], or does not. */
static bool
match_text(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i, bool sense,
    const struct hsl_str *s, struct hsl_regex *pattern)
{
    const size_t *ovector;
    unsigned pairs;
    int found = -1;

    if (hsl_work(&m->run, s->len))
        found = hsl_regex_match(&m->run, pattern, s->data, s->len, 0, &ovector, &pairs);
    if (found < 0)
        return false;
    drop_sources(&m->run, i, hsl_reg(regs, i->b), hsl_reg(regs, i->c));
    set_bool(&m->run, hsl_reg(regs, i->a), (found > 0) == sense);
    return true;
}

/* regs[a] = regs[b] operator c. Where a and b are the same place it may be changed in place. */
bool
hsl_vm_binary(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i,
    enum hsl_op op, const struct hsl_value *c)
{
    struct hsl_run *r = &m->run;
    struct hsl_value *a = hsl_reg(regs, i->a), *b = hsl_reg(regs, i->b), out;

    m->frame->pc = i;
    if ((op == HSL_OP_MATCH || op == HSL_OP_NMATCH) && b->type == HSL_STR && c->type == HSL_OBJ &&
        c->u.obj->cls == &hsl_regex_class)
        return match_text(m, regs, i, op == HSL_OP_MATCH, b->u.str, c->u.obj->data);
    if (a == b && c != a) {
        if (!hsl_op_assign(r, op, a, c))
            return false;
        if (i->x & 2)
            hsl_drop(r, hsl_reg(regs, i->c));
        return true;
    }
    if (!hsl_op_binary(r, op, b, c, &out))
        return false;
    drop_sources(r, i, b, hsl_reg(regs, i->c));
    hsl_put(r, a, out);
    return true;
}

/* The same for . with a string on the left: appends in place where nobody else sees it. */
bool
hsl_vm_concat(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i,
    const struct hsl_value *c)
{
    struct hsl_run *r = &m->run;
    struct hsl_value *a = hsl_reg(regs, i->a), *b = hsl_reg(regs, i->b);
    char num[HSL_NUM_TEXT_MAX];
    const char *p;
    size_t len;

    if (b->type != HSL_STR || (a != b && !(i->x & 1)) || c == b)
        return hsl_vm_binary(m, regs, i, HSL_OP_CONCAT, c);
    m->frame->pc = i;
    if (c->type == HSL_STR) {
        p = c->u.str->data;
        len = c->u.str->len;
    } else if (c->type == HSL_NUM) {
        len = hsl_num_to_text(c->u.num, num);
        p = num;
    } else {
        return hsl_vm_binary(m, regs, i, HSL_OP_CONCAT, c);
    }
    if (!hsl_str_append(r, b, p, len))
        return false;
    if (i->x & 2)
        hsl_drop(r, hsl_reg(regs, i->c));
    if (a != b) {
        struct hsl_value v = take(b, true);

        hsl_put(r, a, v);
    }
    return true;
}

/* 1 true, 0 false, -1 failed. Gives up temporaries. */
int
hsl_vm_compare(struct hsl_machine *m, const struct hsl_ins *i, enum hsl_op op, struct hsl_value *a,
    struct hsl_value *b)
{
    struct hsl_run *r = &m->run;
    struct hsl_value out;
    bool is;

    m->frame->pc = i;
    if (op == HSL_OP_EQ || op == HSL_OP_NE) {
        if (a->type == HSL_STR && b->type == HSL_STR && a->u.str->len < HSL_WORK_TEXT)
            is = hsl_str_equal(a->u.str, b->u.str);
        else if (!hsl_compare_equal(r, a, b, false, &is))
            return -1;
        is = is == (op == HSL_OP_EQ);
    } else if (op == HSL_OP_SAME) {
        if (a->type != b->type || a->type == HSL_NONE)
            is = a->type == b->type;
        else if (!hsl_compare_equal(r, a, b, true, &is))
            return -1;
    } else {
        if (!hsl_op_binary(r, op, a, b, &out))
            return -1;
        is = out.u.b;
    }
    drop_sources(r, i, a, b);
    return is;
}

bool
hsl_vm_unary(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i, enum hsl_op op)
{
    struct hsl_value out;

    m->frame->pc = i;
    if (!hsl_op_unary(&m->run, op, hsl_reg(regs, i->b), &out))
        return false;
    drop_sources(&m->run, i, hsl_reg(regs, i->b), NULL);
    hsl_put(&m->run, hsl_reg(regs, i->a), out);
    return true;
}

void
hsl_vm_get_of_temp(
    struct hsl_run *r, struct hsl_value *regs, const struct hsl_ins *i, const struct hsl_value *v)
{
    struct hsl_value share = hsl_ref(*v);

    hsl_drop(r, hsl_reg(regs, i->b));
    set(r, hsl_reg(regs, i->a), share);
}

/* regs[a] = b[c] for all but the common cases. */
bool
hsl_vm_get_index(
    struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i, struct hsl_value *c)
{
    struct hsl_run *r = &m->run;
    struct hsl_value *b = hsl_reg(regs, i->b), out;

    m->frame->pc = i;
    if (!hsl_vm_index(m, b, c, &out))
        return false;
    drop_sources(r, i, b, c);
    hsl_put(r, hsl_reg(regs, i->a), out);
    return true;
}

/* a[key] = val for all but the common cases; [s0] and [s1] are the sources. */
bool
hsl_vm_set_index(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i,
    const struct hsl_value *key, const struct hsl_value *val, struct hsl_value *s0,
    struct hsl_value *s1)
{
    m->frame->pc = i;
    if (!hsl_vm_store(m, hsl_deref(hsl_reg(regs, i->a)), key, val))
        return false;
    drop_sources(&m->run, i, s0, s1);
    return true;
}

/* An iterator: the array, shared so that the loop sees it as it was, and the position; or a
 * generator. */
bool
hsl_vm_start_iterator(struct hsl_machine *m, struct hsl_value *regs, const struct hsl_ins *i)
{
    struct hsl_value *a = hsl_reg(regs, i->a), *b = hsl_reg(regs, i->b), v;

    if (b->type != HSL_ARR && (b->type != HSL_OBJ || b->u.obj->cls != &hsl_generator_class)) {
        m->frame->pc = i;
        return hsl_raise(&m->run, HSL_R03, "cannot iterate over %s", hsl_type_name(b));
    }
    v = take(b, i->x & 1);
    *a = v;
    a[1] = (struct hsl_value){.u.pos = 0};
    return true;
}

/* The place that a text selects in switch [s], or -1. */
long
hsl_vm_switch_target(const struct hsl_switch *s, struct hsl_str *text)
{
    uint32_t at = hsl_str_hash(text) & s->mask;

    for (; s->slots[at].text; at = (at + 1) & s->mask) {
        if (hsl_str_equal(s->slots[at].text, text))
            return (long)s->slots[at].target;
    }
    return -1;
}
