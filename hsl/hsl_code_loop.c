/* hsl_code_loop.c - loops and switch.
 *
 * The condition of a loop stands twice, before the loop and at its end, so that each round has one
 * jump. Jumps back carry the loop's position, for the budget that may end there.
 *
 * After a loop just what was known at its first test is known: the body may not run at all.
 * Threads: one per unit. Fails: C15. */
#include "config.h"

#include "hsl/hsl_code.h"

/* Texts in a switch from which on it gets a table. */
#define TABLE_MIN 6u

static void
enter_loop(struct hsl_code *c, struct hsl_code_loop *l, bool is_switch)
{
    memset(l, 0, sizeof(*l));
    l->outer = c->fn->loop;
    l->is_switch = is_switch;
    l->iterator = HSL_NO_REG;
    c->fn->loop = l;
}

static void
leave_loop(struct hsl_code *c, struct hsl_code_loop *l)
{
    c->fn->loop = l->outer;
    hsl_jumps_patch(c, &l->breaks, hsl_code_here(c));
}

void
hsl_code_leave_loops(struct hsl_code *c, const struct hsl_code_loop *outer)
{
    for (const struct hsl_code_loop *l = c->fn->loop; l != outer; l = l->outer) {
        if (l->is_barrier)
            (void)hsl_code_emit(c, HSL_I_LEAVE, l->lock, l->var, 0);
        else
            hsl_code_drop(c, l->iterator);
    }
}

void
hsl_code_break(struct hsl_code *c, const struct hsl_node *n)
{
    struct hsl_code_loop *l = c->fn->loop;

    while (l->is_barrier || (l->is_switch && n->kind == HSL_N_CONTINUE))
        l = l->outer;
    if (n->kind == HSL_N_CONTINUE) {
        hsl_code_leave_loops(c, l);
        hsl_jumps_add(c, &l->continues, hsl_code_jump(c));
    } else {
        hsl_code_leave_loops(c, l->outer);
        hsl_jumps_add(c, &l->breaks, hsl_code_jump(c));
    }
    hsl_known_all(&c->fn->known);
}

/* --- while, forever, for
 * -------------------------------------------------------------------------------- */

static bool
is_plain_var(const struct hsl_node *n)
{
    return n->kind == HSL_N_VAR && !hsl_code_in_cell(n->u.var.var);
}

/* [n] as an operand of EXT: a constant number, or a plain variable that is surely assigned. */
static bool
plain_operand(struct hsl_code *c, const struct hsl_node *n, unsigned *o)
{
    unsigned k;

    if (hsl_code_const(c, n, &k)) {
        *o = k | HSL_OPERAND_K;
        return k < HSL_OPERAND_K && hsl_code_k_is_num(c, k);
    }
    *o = is_plain_var(n) ? hsl_code_reg(n->u.var.var) : 0;
    return is_plain_var(n) && hsl_code_is_known(c, n->u.var.var);
}

/* `$i += step` and a comparison: one instruction, then the two that it stands for. */
static void
adding(struct hsl_code *c, const struct hsl_node *value, unsigned reg, unsigned limit, bool less,
    uint32_t body)
{
    unsigned step;
    uint32_t at;

    if (!plain_operand(c, value, &step))
        return;
    if ((step | limit) & HSL_OPERAND_K)
        at = hsl_code_emit(c, HSL_I_FORADD, reg, 0, 0);
    else
        at = hsl_code_emit(c, less ? HSL_I_FORADDLT : HSL_I_FORADDLE, reg, limit, 0);
    (void)hsl_code_emit(c, HSL_I_EXT, step, limit, !less);
    hsl_code_patch(c, at, body);
}

/* The same for `$i++`. */
static void
stepping(struct hsl_code *c, unsigned reg, unsigned limit, bool less, uint32_t body)
{
    bool constant = limit & HSL_OPERAND_K;
    enum hsl_opcode op;

    if (constant)
        op = less ? HSL_I_FORLTK : HSL_I_FORLEK;
    else
        op = less ? HSL_I_FORLT : HSL_I_FORLE;
    hsl_code_patch(c, hsl_code_emit(c, op, reg, limit & ~HSL_OPERAND_K, 0), body);
}

/* Step and comparison at the end of a loop that counts: for numbers one instruction does both. */
static void
counting(
    struct hsl_code *c, const struct hsl_node *step, const struct hsl_node *cond, uint32_t body)
{
    const struct hsl_node *target;
    const struct hsl_var *v;
    unsigned limit;

    if (!c->optimize || !step || !cond || cond->kind != HSL_N_BINARY ||
        (cond->op != HSL_OP_LT && cond->op != HSL_OP_LE) || !is_plain_var(cond->u.bin.a))
        return;
    v = cond->u.bin.a->u.var.var;
    if (!hsl_code_is_known(c, v) || !plain_operand(c, cond->u.bin.b, &limit))
        return; /* a check would stand between */
    if (step->kind == HSL_N_INCDEC && !step->u.incdec.dec)
        target = step->u.incdec.target;
    else if (step->kind == HSL_N_ASSIGN && step->op == HSL_OP_ADD)
        target = step->u.assign.target;
    else
        return;
    if (target->kind != HSL_N_VAR || target->u.var.var != v)
        return;
    if (step->kind == HSL_N_INCDEC)
        stepping(c, hsl_code_reg(v), limit, cond->op == HSL_OP_LT, body);
    else
        adding(c, step->u.assign.value, hsl_code_reg(v), limit, cond->op == HSL_OP_LT, body);
}

/* Steps, tests again and goes back to [body] while it holds. */
static void
loop_end(struct hsl_code *c, const struct hsl_node *n, const struct hsl_node *cond, uint32_t body)
{
    struct hsl_jumps back = {0};

    hsl_code_at(c, n->pos);
    counting(c, n->u.loop.step, cond, body);
    if (n->u.loop.step)
        hsl_code_effect(c, n->u.loop.step);
    if (cond)
        hsl_code_cond(c, cond, true, &back);
    hsl_code_at(c, n->pos);
    if (!cond)
        hsl_jumps_add(c, &back, hsl_code_jump(c));
    hsl_jumps_patch(c, &back, body);
}

static void
code_loop(struct hsl_code *c, const struct hsl_node *n)
{
    const struct hsl_node *cond = n->u.loop.cond;
    struct hsl_code_loop l;
    struct hsl_known known;
    struct hsl_jumps none = {0};
    uint32_t body;

    if (cond && hsl_code_truth(c, cond) == 1)
        cond = NULL;
    enter_loop(c, &l, false);
    if (cond)
        hsl_code_cond(c, cond, false, &none);
    known = c->fn->known;
    body = hsl_code_here(c);
    hsl_code_statement(c, n->u.loop.body);
    c->fn->known = known;
    hsl_jumps_patch(c, &l.continues, hsl_code_here(c));
    loop_end(c, n, cond, body);
    c->fn->known = known;
    hsl_jumps_patch(c, &none, hsl_code_here(c));
    leave_loop(c, &l);
}

void
hsl_code_while(struct hsl_code *c, const struct hsl_node *n)
{
    code_loop(c, n);
}

void
hsl_code_for(struct hsl_code *c, const struct hsl_node *n)
{
    if (n->u.loop.init)
        hsl_code_effect(c, n->u.loop.init);
    code_loop(c, n);
}

/* --- foreach
 * --------------------------------------------------------------------------------------------- */

/* The register where the next key or value goes: the variable itself, or a temporary to store from.
 */
static unsigned
target_reg(struct hsl_code *c, const struct hsl_node *target)
{
    return is_plain_var(target) ? hsl_code_reg(target->u.var.var) : hsl_code_temp(c);
}

static void
store_target(struct hsl_code *c, const struct hsl_node *target, unsigned reg)
{
    if (is_plain_var(target))
        hsl_code_set_known(c, target->u.var.var);
    else
        hsl_code_store(c, target, reg);
}

void
hsl_code_foreach(struct hsl_code *c, const struct hsl_node *n)
{
    const struct hsl_node *key = n->u.foreach.key;
    unsigned subject = hsl_code_any(c, n->u.foreach.subject), mark, value_reg, key_reg = 0;
    struct hsl_code_loop l;
    struct hsl_known known;
    uint32_t start, body, next;

    if (hsl_code_is_temp(c, subject))
        c->fn->temp = subject;
    enter_loop(c, &l, false);
    l.iterator = hsl_code_temp(c);
    (void)hsl_code_temp(c);
    hsl_code_at(c, n->pos);
    (void)hsl_code_emit(c, HSL_I_ITER, l.iterator, subject, 0);
    start = hsl_code_jump(c);
    known = c->fn->known;
    body = hsl_code_here(c);
    mark = c->fn->temp;
    if (key)
        key_reg = target_reg(c, key);
    value_reg = target_reg(c, n->u.foreach.value);
    if (key)
        store_target(c, key, key_reg);
    store_target(c, n->u.foreach.value, value_reg);
    c->fn->temp = mark;
    hsl_code_statement(c, n->u.foreach.body);
    c->fn->known = known;
    hsl_code_at(c, n->pos);
    hsl_jumps_patch(c, &l.continues, hsl_code_here(c));
    hsl_code_patch_here(c, start);
    next = hsl_code_emit(c, key ? HSL_I_NEXTKEY : HSL_I_NEXT, l.iterator, value_reg, 0);
    if (key)
        (void)hsl_code_emit(c, HSL_I_EXT, key_reg, 0, 0);
    hsl_code_patch(c, next, body);
    leave_loop(c, &l);
}

/* --- switch
 * ------------------------------------------------------------------------------------------------
 */

/* Number of tests if all are constant texts and enough for a table, else 0. */
static uint32_t
count_texts(const struct hsl_code *c, const struct hsl_node *arms)
{
    uint32_t count = 0;

    if (!c->optimize)
        return 0;
    for (; arms; arms = arms->next) {
        for (const struct hsl_node *t = arms->u.arm.tests; t; t = t->next) {
            if (t->kind != HSL_N_STR)
                return 0;
            count++;
        }
    }
    return count >= TABLE_MIN ? count : 0;
}

/* A table for [count] texts, empty yet; its number. */
static uint32_t
new_table(struct hsl_code *c, uint32_t count)
{
    struct hsl_code_fn *f = c->fn;
    struct hsl_switch *bigger =
        hsl_code_grow(c, f->switches, f->switch_count, &f->switch_cap, sizeof(*bigger));
    uint32_t slots = 16;

    while (slots < count * 2)
        slots *= 2;
    if (!bigger)
        return 0;
    f->switches = bigger;
    bigger[f->switch_count].mask = slots - 1;
    bigger[f->switch_count].slots =
        ut_arena_calloc(c->prog->arena, slots, sizeof(struct hsl_switch_slot));
    if (!bigger[f->switch_count].slots)
        (void)hsl_code_fail(c, "not enough memory for the script");
    if (f->switch_count >= UINT16_MAX)
        (void)hsl_code_fail(c, "more than 65000 switches in one function");
    return f->switch_count++;
}

/* Text [test] goes to [target] unless an arm before has it. */
static void
add_text(struct hsl_code *c, uint32_t table, const struct hsl_node *test, uint32_t target)
{
    struct hsl_switch *s;
    struct hsl_str *text;
    unsigned k;
    uint32_t at;

    if (!hsl_code_literal(c, test, &k) || c->failed)
        return;
    s = &c->fn->switches[table];
    text = c->prog->k[k].u.str;
    for (at = hsl_str_hash(text) & s->mask; s->slots[at].text; at = (at + 1) & s->mask) {
        if (hsl_str_equal(s->slots[at].text, text))
            return;
    }
    s->slots[at].text = text;
    s->slots[at].target = target;
}

/* All tests first, each jumping to its arm; then the arms, one falling into the next. */
void
hsl_code_switch(struct hsl_code *c, const struct hsl_node *n)
{
    unsigned subject = hsl_code_subject(c, n->u.match.subject, n->u.match.arms);
    uint32_t texts = count_texts(c, n->u.match.arms), table = 0, dispatch = 0, other;
    struct hsl_known known;
    struct hsl_jumps *hits = NULL;
    struct hsl_code_loop l;
    uint32_t arms = 0, i = 0;
    bool has_default = false;

    for (const struct hsl_node *arm = n->u.match.arms; arm; arm = arm->next)
        arms++;
    hits = ut_arena_calloc(c->u->arena, arms + 1, sizeof(*hits));
    if (!hits) {
        (void)hsl_code_fail(c, "not enough memory for the script");
        return;
    }
    enter_loop(c, &l, true);
    if (texts) {
        table = new_table(c, texts);
        dispatch = hsl_code_emit(c, HSL_I_SWITCH, subject, table, 0);
    }
    for (const struct hsl_node *arm = n->u.match.arms; arm; arm = arm->next)
        hsl_code_tests(c, subject, arm->u.arm.tests, &hits[i++]);
    known = c->fn->known;
    other = hsl_code_jump(c);
    if (texts)
        hsl_code_patch(c, dispatch, other);
    i = 0;
    for (const struct hsl_node *arm = n->u.match.arms; arm; arm = arm->next, i++) {
        uint32_t here = hsl_code_here(c);

        hsl_jumps_patch(c, &hits[i], here);
        for (const struct hsl_node *t = arm->u.arm.tests; texts && t; t = t->next)
            add_text(c, table, t, here);
        if (arm->u.arm.is_default) {
            hsl_code_patch(c, other, here);
            has_default = true;
        }
        hsl_code_drop(c, subject); /* falling in from the arm above it is empty already */
        c->fn->known = known;
        hsl_code_statements(c, arm->u.arm.body->u.list.first);
    }
    if (!has_default)
        hsl_code_patch_here(c, other);
    hsl_code_drop(c, subject);
    c->fn->known = known;
    leave_loop(c, &l);
}
