/* hsl_code_cond.c - truth and choice: conditions as jumps, and / or, ? :, ??, match.
 *
 * What is assigned on one of two ways only is not known after they meet.
 * Threads: one per unit. Fails: C15. */
#include "config.h"

#include "hsl/hsl_code.h"

/* --- Conditions
 * -------------------------------------------------------------------------------------- */

/* Comparison to jump, ORDER JUMP: with two registers, with a constant on the right, and negated by
 * one more. Where order is asked constants are numbers; equality with one has JEQN. */
static const struct {
    uint8_t op, op_k;
} jumps_of[HSL_OP_COUNT_] = {
    [HSL_OP_LT] = {HSL_I_JLT, HSL_I_JLTK},
    [HSL_OP_GT] = {HSL_I_JGT, HSL_I_JGTK},
    [HSL_OP_LE] = {HSL_I_JLE, HSL_I_JLEK},
    [HSL_OP_GE] = {HSL_I_JGE, HSL_I_JGEK},
    [HSL_OP_EQ] = {HSL_I_JEQ, HSL_I_JEQK},
    [HSL_OP_SAME] = {HSL_I_JSAME, HSL_I_JSAMEK},
};

/* The jump for [op] with constant [k] on the right; 0: there is none. */
static unsigned
jump_with_constant(const struct hsl_code *c, enum hsl_op op, unsigned k)
{
    if (!hsl_code_k_is_num(c, k))
        return op == HSL_OP_EQ || op == HSL_OP_SAME ? jumps_of[op].op_k : 0;
    return op == HSL_OP_EQ ? HSL_I_JEQN : jumps_of[op].op_k;
}

static void
compare(struct hsl_code *c, const struct hsl_node *n, bool when, struct hsl_jumps *jumps)
{
    enum hsl_op op = (enum hsl_op)n->op;
    unsigned mark = c->fn->temp, left, right, with;

    if (op == HSL_OP_NE || op == HSL_OP_NSAME) {
        op = op == HSL_OP_NE ? HSL_OP_EQ : HSL_OP_SAME;
        when = !when;
    }
    left = hsl_code_any_before(c, n->u.bin.a, n->u.bin.b);
    with = hsl_code_const(c, n->u.bin.b, &right) ? jump_with_constant(c, op, right) : 0;
    if (!with) {
        with = jumps_of[op].op;
        right = hsl_code_any(c, n->u.bin.b);
    }
    hsl_code_at(c, n->pos);
    hsl_jumps_add(c, jumps, hsl_code_emit(c, (enum hsl_opcode)(with + !when), left, right, 0));
    c->fn->temp = mark;
}

/* a and b, a or b */
static void
connect(struct hsl_code *c, const struct hsl_node *n, bool when, struct hsl_jumps *jumps)
{
    bool short_value = n->kind == HSL_N_OR; /* what decides alone */
    struct hsl_jumps past = {0};
    struct hsl_known known;

    if (when == short_value) {
        hsl_code_cond(c, n->u.bin.a, when, jumps);
        known = c->fn->known;
        hsl_code_cond(c, n->u.bin.b, when, jumps);
    } else {
        hsl_code_cond(c, n->u.bin.a, short_value, &past);
        known = c->fn->known;
        hsl_code_cond(c, n->u.bin.b, when, jumps);
        hsl_jumps_patch(c, &past, hsl_code_here(c));
    }
    c->fn->known = known;
}

static bool
is_comparison(const struct hsl_node *n)
{
    return n->kind == HSL_N_BINARY && n->op < HSL_OP_COUNT_ &&
           (jumps_of[n->op].op || n->op == HSL_OP_NE || n->op == HSL_OP_NSAME);
}

void
hsl_code_cond(struct hsl_code *c, const struct hsl_node *n, bool when, struct hsl_jumps *jumps)
{
    unsigned mark = c->fn->temp, reg;
    int truth = hsl_code_truth(c, n);

    if (c->failed)
        return;
    if (truth >= 0) {
        hsl_code_at(c, n->pos);
        if (truth == when)
            hsl_jumps_add(c, jumps, hsl_code_jump(c));
        return;
    }
    if (n->kind == HSL_N_NOT) {
        hsl_code_cond(c, n->u.un.a, !when, jumps);
    } else if (n->kind == HSL_N_AND || n->kind == HSL_N_OR) {
        connect(c, n, when, jumps);
    } else if (c->optimize && is_comparison(n)) {
        compare(c, n, when, jumps);
    } else {
        reg = hsl_code_any(c, n);
        hsl_code_at(c, n->pos);
        hsl_jumps_add(c, jumps, hsl_code_emit(c, when ? HSL_I_JT : HSL_I_JF, reg, 0, 0));
        c->fn->temp = mark;
    }
}

void
hsl_code_logic(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    struct hsl_jumps no = {0};
    uint32_t past;

    hsl_code_cond(c, n, false, &no);
    (void)hsl_code_emit(c, HSL_I_LOADK, dst, hsl_code_k(c, hsl_bool(true)), 0);
    past = hsl_code_jump(c);
    hsl_jumps_patch(c, &no, hsl_code_here(c));
    (void)hsl_code_emit(c, HSL_I_LOADK, dst, hsl_code_k(c, hsl_bool(false)), 0);
    hsl_code_patch_here(c, past);
}

/* --- Choice
 * ------------------------------------------------------------------------------------------ */

/* a ?: b. The value of a is in a register that is tested and stays. */
static void
elvis(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    unsigned mark = c->fn->temp, a = hsl_code_push(c, n->u.tern.a);
    struct hsl_known known = c->fn->known;
    uint32_t no, past;

    no = hsl_code_emit(c, HSL_I_JF, a, 0, 0);
    hsl_code_keep(c, no, 0);
    hsl_code_move(c, dst, a);
    past = hsl_code_jump(c);
    hsl_code_patch_here(c, no);
    hsl_code_drop(c, a);
    c->fn->temp = mark;
    hsl_code_to(c, n->u.tern.c, dst);
    hsl_code_patch_here(c, past);
    c->fn->known = known;
}

void
hsl_code_ternary(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    struct hsl_jumps no = {0};
    struct hsl_known before, first;
    int truth = hsl_code_truth(c, n->u.tern.a);
    uint32_t past;

    if (truth >= 0 && n->u.tern.b) {
        hsl_code_to(c, truth ? n->u.tern.b : n->u.tern.c, dst);
        return;
    }
    if (!n->u.tern.b) {
        elvis(c, n, dst);
        return;
    }
    hsl_code_cond(c, n->u.tern.a, false, &no);
    before = c->fn->known;
    hsl_code_to(c, n->u.tern.b, dst);
    past = hsl_code_jump(c);
    first = c->fn->known;
    c->fn->known = before;
    hsl_jumps_patch(c, &no, hsl_code_here(c));
    hsl_code_to(c, n->u.tern.c, dst);
    hsl_known_meet(&c->fn->known, &first);
    hsl_code_patch_here(c, past);
}

void
hsl_code_coalesce(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    unsigned mark = c->fn->temp, a = hsl_code_quiet(c, n->u.bin.a);
    struct hsl_known known = c->fn->known;
    uint32_t no, past;

    no = hsl_code_emit(c, HSL_I_JNN, a, 0, 0);
    c->fn->temp = mark; /* it was none: nothing to forget */
    hsl_code_to(c, n->u.bin.b, dst);
    if (a == dst) {
        hsl_code_patch_here(c, no);
    } else {
        past = hsl_code_jump(c);
        hsl_code_patch_here(c, no);
        hsl_code_move(c, dst, a);
        hsl_code_patch_here(c, past);
    }
    c->fn->known = known;
}

/* --- match
 * -------------------------------------------------------------------------------------------- */

void
hsl_code_tests(
    struct hsl_code *c, unsigned subject, const struct hsl_node *tests, struct hsl_jumps *jumps)
{
    unsigned mark = c->fn->temp, k, right;
    uint32_t at;

    for (; tests; tests = tests->next) {
        if (c->optimize && hsl_code_const(c, tests, &k)) {
            hsl_code_at(c, tests->pos);
            at = hsl_code_emit(c, hsl_code_k_is_num(c, k) ? HSL_I_JEQN : HSL_I_JEQK, subject, k, 0);
        } else {
            right = hsl_code_any(c, tests);
            hsl_code_at(c, tests->pos);
            at = hsl_code_emit(c, HSL_I_JEQ, subject, right, 0);
        }
        hsl_code_keep(c, at, 0);
        hsl_jumps_add(c, jumps, at);
        c->fn->temp = mark;
    }
}

unsigned
hsl_code_subject(struct hsl_code *c, const struct hsl_node *subject, const struct hsl_node *arms)
{
    unsigned reg = hsl_code_any(c, subject), copy;

    if (hsl_code_is_temp(c, reg))
        return reg;
    for (; arms; arms = arms->next) {
        for (const struct hsl_node *t = arms->u.arm.tests; t; t = t->next) {
            if (!hsl_code_may_assign(t, reg))
                continue;
            copy = hsl_code_temp(c);
            hsl_code_move(c, copy, reg);
            return copy;
        }
    }
    return reg;
}

static const struct hsl_node *
find_default(const struct hsl_node *arms)
{
    while (arms && !arms->u.arm.is_default)
        arms = arms->next;
    return arms;
}

/* The value of one arm; the subject is forgotten before. */
static void
match_arm(struct hsl_code *c, const struct hsl_node *arm, unsigned subject, unsigned dst)
{
    unsigned mark = c->fn->temp;

    hsl_code_drop(c, subject);
    if (hsl_code_is_temp(c, subject))
        c->fn->temp = subject;
    hsl_code_to(c, arm->u.arm.body, dst);
    c->fn->temp = mark;
}

/* All tests in their order, each jumping over the arms behind to its own. */
void
hsl_code_match(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    const struct hsl_node *other = find_default(n->u.match.arms);
    unsigned subject = hsl_code_subject(c, n->u.match.subject, n->u.match.arms);
    struct hsl_known known = c->fn->known;
    struct hsl_jumps ends = {0};

    for (const struct hsl_node *arm = n->u.match.arms; arm; arm = arm->next) {
        struct hsl_jumps hits = {0};
        uint32_t next;

        if (arm == other)
            continue;
        hsl_code_tests(c, subject, arm->u.arm.tests, &hits);
        next = hsl_code_jump(c);
        hsl_jumps_patch(c, &hits, hsl_code_here(c));
        match_arm(c, arm, subject, dst);
        hsl_jumps_add(c, &ends, hsl_code_jump(c));
        hsl_code_patch_here(c, next);
        c->fn->known = known;
    }
    if (other) {
        match_arm(c, other, subject, dst);
    } else {
        hsl_code_at(c, n->pos);
        (void)hsl_code_emit(c, HSL_I_NOARM, subject, 0, 0);
    }
    hsl_jumps_patch(c, &ends, hsl_code_here(c));
    c->fn->known = known;
}
