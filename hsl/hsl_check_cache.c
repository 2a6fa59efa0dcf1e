/* hsl_check_cache.c - what can be said about `cache [options] fn(args)` before it runs: the options
 * (C11, W5), the function (C01, W2), and all that holds for a call.
 *
 * Not here: what it does (hsl_cache.c). Threads: one per unit. Fails: C01, C04, C07, C11. */
#include "config.h"

#include "hsl/hsl_cache.h"
#include "hsl/hsl_check.h"

/* Flows with a $messageid. */
#define WITH_MESSAGE (HSL_FLOW_MAILFROM | HSL_FLOW_RCPT | HSL_FLOW_MAIL | HSL_FLOW_EOD)

static bool
is_option(struct hsl_name name)
{
    for (const char *const *o = hsl_cache_options; *o; o++)
        if (hsl_name_isz(name, *o))
            return true;
    return false;
}

static void
check_option(struct hsl_check *c, const struct hsl_node *e)
{
    const struct hsl_node *key = e->u.elem.key, *value = e->u.elem.value;

    if (e->u.elem.spread || (key && key->kind != HSL_N_STR && key->kind != HSL_N_NUM))
        return; /* known when it runs */
    if (!key || key->kind == HSL_N_NUM)
        hsl_unit_error(c->u, "C11", e->pos, "unknown cache option, options are given by name");
    else if (!is_option(key->u.str))
        hsl_unit_error(
            c->u, "C11", key->pos, "unknown cache option %.*s", HSL_NAME_ARGS(key->u.str));
    else if (hsl_name_isz(key->u.str, "per_message") && value->kind == HSL_N_TRUE &&
             !(c->u->flow & WITH_MESSAGE))
        hsl_unit_warn(c->u, "W5", key->pos,
            "option without effect here: per_message, there is no message in the %s flow",
            hsl_flow_name(c->u->flow));
}

static void
check_function(struct hsl_check *c, const struct hsl_node *callee)
{
    const struct hsl_symbol *s =
        callee->kind == HSL_N_NAME ? callee->u.name.sym : callee->u.scoped.sym;

    if (!s)
        return;
    if (s->kind == HSL_SYM_CLASS || s->kind == HSL_SYM_BUILTIN_CLASS)
        hsl_unit_error(c->u, "C01", callee->pos,
            "syntax error, unexpected class %.*s, expected name of a function",
            HSL_NAME_ARGS(s->name));
    else if (s->builtin && (s->builtin->flags & HSL_FINAL))
        hsl_unit_warn(
            c->u, "W2", callee->pos, "cached action: %s() ends the script", s->builtin->name);
}

void
hsl_check_cache(struct hsl_check *c, struct hsl_node *n)
{
    struct hsl_node *callee = n->u.cache.callee;
    struct hsl_node call = {.kind = HSL_N_CALL, .pos = callee->pos};

    hsl_check_expr(c, n->u.cache.options);
    for (const struct hsl_node *e = n->u.cache.options->u.list.first; e; e = e->next)
        check_option(c, e);
    call.u.call.callee = callee;
    call.u.call.args = n->u.cache.args;
    call.u.call.argc = n->u.cache.argc;
    call.u.call.spread = n->u.cache.spread;
    hsl_check_call(c, &call);
    check_function(c, callee);
}
