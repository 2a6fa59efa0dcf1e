/* hsl_code_share.c - code for `cache [...] f(...)` and `barrier name => $v { ... }`. What they do:
 * hsl_cache.c, hsl_barrier.c.
 *
 * Threads: one per unit. Fails: C15. */
#include "config.h"

#include "hsl/hsl_code.h"

/* --- cache
 * --------------------------------------------------------------------------------------------- */

/* The name that entries of this function are kept under: Class::name, or just the name. */
static unsigned
cached_name(struct hsl_code *c, const struct hsl_node *callee)
{
    const struct hsl_symbol *s =
        callee->kind == HSL_N_STATIC ? callee->u.scoped.sym : callee->u.name.sym;
    const struct hsl_class_decl *class = s->function ? s->function->class : NULL;
    struct hsl_name name = s->function ? s->function->name : s->name, full;
    char *text;

    if (!class || callee->kind != HSL_N_STATIC)
        return hsl_code_k_name(c, name);
    full.len = class->name.len + 2 + name.len;
    text = ut_arena_alloc(c->u->arena, full.len);
    if (!text) {
        (void)hsl_code_fail(c, "not enough memory for the script");
        return 0;
    }
    memcpy(text, class->name.p, class->name.len);
    memcpy(text + class->name.len, "::", 2);
    memcpy(text + class->name.len + 2, name.p, name.len);
    full.p = text;
    return hsl_code_k_name(c, full);
}

void
hsl_code_cache(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    struct hsl_node call = {.kind = HSL_N_CALL, .pos = n->pos};
    unsigned base = hsl_code_push(c, n->u.cache.options), argc;

    call.u.call.callee = n->u.cache.callee;
    call.u.call.args = n->u.cache.args;
    call.u.call.argc = n->u.cache.argc;
    call.u.call.spread = n->u.cache.spread;
    (void)hsl_code_push(c, n->u.cache.callee);
    argc = hsl_code_args(c, &call);
    hsl_code_at(c, n->pos);
    (void)hsl_code_emitx(c, HSL_I_CACHE, n->u.cache.spread, base, argc, dst);
    (void)hsl_code_emit(c, HSL_I_EXT, c->failed ? 0 : cached_name(c, n->u.cache.callee), 0, 0);
}

/* --- barrier
 * ------------------------------------------------------------------------------------------- */

/* The lock lies in a temporary for as long as the block runs. */
void
hsl_code_barrier(struct hsl_code *c, const struct hsl_node *n)
{
    const struct hsl_node *var = n->u.barrier.var;
    struct hsl_code_loop block = {.outer = c->fn->loop, .is_barrier = true, .iterator = HSL_NO_REG};
    unsigned value = HSL_NO_REG;

    block.lock = hsl_code_push(c, n->u.barrier.name);
    block.var = var ? hsl_code_reg(var->u.var.var) : HSL_NO_REG;
    if (var)
        value = hsl_code_temp(c);
    hsl_code_at(c, n->pos);
    (void)hsl_code_emit(c, HSL_I_BARRIER, block.lock, value, block.var);
    if (var) {
        hsl_code_store(c, var, value);
        c->fn->temp = value;
    }
    c->fn->loop = &block;
    hsl_code_statement(c, n->u.barrier.body);
    c->fn->loop = block.outer;
    hsl_code_at(c, n->pos);
    (void)hsl_code_emit(c, HSL_I_LEAVE, block.lock, block.var, 0);
}
