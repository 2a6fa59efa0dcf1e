/* hsl_code_text.c - interpolation and chains of `.`: one instruction that joins many operands.
 *
 * `a . b . c` and "$a-$b" become one CONCATN, so that no text in between is made. Two operands have
 * instructions of their own, which append in place where they can.
 * Threads: one per unit. Fails: C15. */
#include "config.h"

#include "hsl/hsl_code.h"

/* Operands gathered for one CONCATN. */
struct gather {
    unsigned operand[HSL_CONCAT_MAX];
    unsigned count;
    unsigned mark;
    struct hsl_pos pos;
};

static void
emit_operands(struct hsl_code *c, const struct gather *g)
{
    unsigned o[3];

    for (unsigned i = 0; i < g->count; i += 3) {
        for (unsigned j = 0; j < 3; j++)
            o[j] = i + j < g->count ? g->operand[i + j] : 0;
        (void)hsl_code_emit(c, HSL_I_EXT, o[0], o[1], o[2]);
    }
}

static void
flush(struct hsl_code *c, struct gather *g, unsigned dst)
{
    bool temporaries = false;

    for (unsigned i = 0; i < g->count; i++) {
        if (!(g->operand[i] & HSL_OPERAND_K) && hsl_code_is_temp(c, g->operand[i]))
            temporaries = true;
    }
    hsl_code_at(c, g->pos);
    (void)hsl_code_emitx(c, HSL_I_CONCATN, temporaries, dst, g->count, 0);
    emit_operands(c, g);
    g->count = 0;
}

static void
add_operand(struct gather *g, unsigned operand)
{
    g->operand[g->count++] = operand;
}

/* Variables among the operands that [n] may assign are copied before. */
static void
guard(struct hsl_code *c, struct gather *g, const struct hsl_node *n)
{
    unsigned copy;

    if (n->kind == HSL_N_VAR)
        return;
    for (unsigned i = 0; i < g->count; i++) {
        unsigned reg = g->operand[i];

        if ((reg & HSL_OPERAND_K) || hsl_code_is_temp(c, reg) || !hsl_code_may_assign(n, reg))
            continue;
        copy = hsl_code_temp(c);
        hsl_code_move(c, copy, reg);
        g->operand[i] = copy;
    }
}

static void
add_node(struct hsl_code *c, struct gather *g, const struct hsl_node *n)
{
    unsigned k;

    if (g->count == HSL_CONCAT_MAX) { /* what there is becomes the first operand */
        flush(c, g, g->mark);
        c->fn->temp = g->mark;
        add_operand(g, hsl_code_temp(c));
    }
    if (hsl_code_const(c, n, &k) && k < HSL_OPERAND_K) {
        add_operand(g, k | HSL_OPERAND_K);
        return;
    }
    guard(c, g, n);
    add_operand(g, hsl_code_any(c, n));
}

static bool
is_concat(const struct hsl_node *n)
{
    return n->kind == HSL_N_BINARY && n->op == HSL_OP_CONCAT;
}

/* The parts of a chain, leftmost first. */
static void
add_chain(struct hsl_code *c, struct gather *g, const struct hsl_node *n)
{
    unsigned k;

    if (is_concat(n) && !hsl_code_const(c, n, &k)) {
        add_chain(c, g, n->u.bin.a);
        add_chain(c, g, n->u.bin.b);
    } else if (n->kind == HSL_N_INTERP) {
        for (const struct hsl_node *p = n->u.list.first; p; p = p->next)
            add_node(c, g, p);
    } else {
        add_node(c, g, n);
    }
}

/* `a . b` of two plain operands. */
static void
pair(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    unsigned left = hsl_code_any_before(c, n->u.bin.a, n->u.bin.b);

    hsl_code_at(c, n->pos);
    hsl_code_operate(c, HSL_OP_CONCAT, dst, left, n->u.bin.b);
}

bool
hsl_code_append(struct hsl_code *c, unsigned reg, const struct hsl_node *n)
{
    struct gather g = {.mark = c->fn->temp, .pos = c->fn->pos};

    if (!c->optimize || (n->kind != HSL_N_INTERP && !is_concat(n)) || hsl_code_may_assign(n, reg))
        return false;
    add_operand(&g, reg);
    add_chain(c, &g, n);
    flush(c, &g, reg);
    return true;
}

void
hsl_code_text(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    struct gather g = {.mark = c->fn->temp, .pos = n->pos};

    if (is_concat(n) && !is_concat(n->u.bin.a) && n->u.bin.a->kind != HSL_N_INTERP &&
        n->u.bin.b->kind != HSL_N_INTERP) {
        pair(c, n, dst);
        return;
    }
    add_chain(c, &g, n);
    flush(c, &g, dst);
}
