/* hsl_code_stmt.c - statements but for loops and switch (hsl_code_loop.c).
 *
 * Between statements only the iterators of loops and locks of barriers are alive among the temporaries.
 * Threads: one per unit. Fails: C15. */
#include "config.h"

#include "hsl/hsl_code.h"

static void
code_if(struct hsl_code *c, const struct hsl_node *n)
{
    struct hsl_jumps ends = {0};
    struct hsl_known met;

    hsl_known_all(&met);
    for (; n && n->kind == HSL_N_IF; n = n->u.tern.c) {
        struct hsl_jumps no = {0};
        struct hsl_known before;

        hsl_code_cond(c, n->u.tern.a, false, &no);
        before = c->fn->known;
        hsl_code_statement(c, n->u.tern.b);
        hsl_known_meet(&met, &c->fn->known);
        c->fn->known = before;
        if (n->u.tern.c)
            hsl_jumps_add(c, &ends, hsl_code_jump(c));
        hsl_jumps_patch(c, &no, hsl_code_here(c));
    }
    if (n)
        hsl_code_statement(c, n);
    hsl_known_meet(&c->fn->known, &met);
    hsl_jumps_patch(c, &ends, hsl_code_here(c));
}

static void
code_return(struct hsl_code *c, const struct hsl_node *n)
{
    unsigned k = 0, reg;
    bool constant;

    if (c->fn->function && c->fn->function->is_constructor) {
        if (n->u.un.a)
            hsl_code_effect(c, n->u.un.a);
        hsl_code_leave_loops(c, NULL);
        (void)hsl_code_emit(c, HSL_I_RET, 0, 0, 0);
        hsl_known_all(&c->fn->known);
        return;
    }
    if (n->u.un.a)
        constant = hsl_code_const(c, n->u.un.a, &k);
    else
        k = hsl_code_k(c, hsl_none()), constant = true;
    reg = constant ? 0 : hsl_code_any(c, n->u.un.a);
    hsl_code_leave_loops(c, NULL);
    (void)hsl_code_emit(c, constant ? HSL_I_RETK : HSL_I_RET, constant ? k : reg, 0, 0);
    hsl_known_all(&c->fn->known);
}

static void
code_throw(struct hsl_code *c, const struct hsl_node *n)
{
    unsigned reg = hsl_code_any(c, n->u.un.a);

    hsl_code_at(c, n->pos);
    (void)hsl_code_emit(c, HSL_I_THROW, reg, 0, 0);
    hsl_known_all(&c->fn->known);
}

static void
add_handler(struct hsl_code *c, const struct hsl_handler *h)
{
    struct hsl_code_fn *f = c->fn;
    struct hsl_handler *bigger =
        hsl_code_grow(c, f->handlers, f->handler_count, &f->handler_cap, sizeof(*bigger));

    if (!bigger)
        return;
    f->handlers = bigger;
    f->handlers[f->handler_count++] = *h;
}

/* Inner blocks are complete before outer ones and so stand first in the table. */
static void
code_try(struct hsl_code *c, const struct hsl_node *n)
{
    const struct hsl_var *v = n->u.trycatch.var->u.var.var;
    struct hsl_known before = c->fn->known, after;
    struct hsl_handler h = {.from = hsl_code_here(c), .live = (uint16_t)c->fn->temp};
    uint32_t past;

    hsl_code_statement(c, n->u.trycatch.body);
    after = c->fn->known;
    c->fn->known = before;
    h.to = hsl_code_here(c);
    past = hsl_code_jump(c);
    h.target = hsl_code_here(c);
    h.var = (uint16_t)hsl_code_reg(v);
    if (h.to > h.from)
        add_handler(c, &h);
    if (!hsl_code_in_cell(v))
        hsl_code_set_known(c, v);
    hsl_code_statement(c, n->u.trycatch.handler);
    hsl_known_meet(&c->fn->known, &after);
    hsl_code_patch_here(c, past);
}

static void
code_global(struct hsl_code *c, const struct hsl_node *n)
{
    for (n = n->u.list.first; n; n = n->next) {
        const struct hsl_var *v = n->u.var.var;

        hsl_code_at(c, n->pos);
        (void)hsl_code_emit(
            c, HSL_I_BIND, hsl_code_reg(v), hsl_code_global(v->outer), hsl_code_k_name(c, v->name));
    }
}

static void
code_echo(struct hsl_code *c, const struct hsl_node *n)
{
    unsigned reg = hsl_code_any(c, n->u.un.a);

    hsl_code_at(c, n->pos);
    (void)hsl_code_emit(c, HSL_I_ECHO, reg, 0, 0);
}

static void
dispatch(struct hsl_code *c, const struct hsl_node *n)
{
    switch (n->kind) {
    case HSL_N_EXPR:
        hsl_code_effect(c, n->u.un.a);
        break;
    case HSL_N_ECHO:
        code_echo(c, n);
        break;
    case HSL_N_BLOCK:
        hsl_code_statements(c, n->u.list.first);
        break;
    case HSL_N_IF:
        code_if(c, n);
        break;
    case HSL_N_WHILE:
        hsl_code_while(c, n);
        break;
    case HSL_N_FOR:
        hsl_code_for(c, n);
        break;
    case HSL_N_FOREACH:
        hsl_code_foreach(c, n);
        break;
    case HSL_N_SWITCH:
        hsl_code_switch(c, n);
        break;
    case HSL_N_BREAK:
    case HSL_N_CONTINUE:
        hsl_code_break(c, n);
        break;
    case HSL_N_RETURN:
        code_return(c, n);
        break;
    case HSL_N_THROW:
        code_throw(c, n);
        break;
    case HSL_N_TRY:
        code_try(c, n);
        break;
    case HSL_N_BARRIER:
        hsl_code_barrier(c, n);
        break;
    case HSL_N_GLOBAL:
        code_global(c, n);
        break;
    case HSL_N_INCLUDE:
        hsl_code_statements(c, n->u.include.body->u.list.first);
        break;
    case HSL_N_FUNCDECL:
    case HSL_N_CLASS:
    case HSL_N_IMPORT: /* hsl_code_global.c */
    case HSL_N_EMPTY:
        break;
    default:
        (void)hsl_code_fail(c, "statement that is not supported yet");
        break;
    }
}

void
hsl_code_statement(struct hsl_code *c, const struct hsl_node *n)
{
    unsigned mark = c->fn->temp;

    if (c->failed)
        return;
    hsl_code_at(c, n->pos);
    dispatch(c, n);
    c->fn->temp = mark;
}

void
hsl_code_statements(struct hsl_code *c, const struct hsl_node *n)
{
    for (; n; n = n->next)
        hsl_code_statement(c, n);
}
