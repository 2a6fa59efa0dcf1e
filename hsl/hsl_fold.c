/* hsl_fold.c - what is a constant expression (language §16). Not here: its value, which the
 * compiler works out with the operators of the run (hsl_code.c). Threads: any. Nothing fails. */
#include "config.h"

#include "hsl/hsl_ast.h"

static bool
is_const_array(const struct hsl_node *n)
{
    for (const struct hsl_node *e = n->u.list.first; e; e = e->next)
        if (e->u.elem.spread || (e->u.elem.key && !hsl_node_is_const(e->u.elem.key)) ||
            !hsl_node_is_const(e->u.elem.value))
            return false;
    return true;
}

bool
hsl_node_is_const(const struct hsl_node *n)
{
    switch (n->kind) {
    case HSL_N_NONE:
    case HSL_N_TRUE:
    case HSL_N_FALSE:
    case HSL_N_NUM:
    case HSL_N_STR:
        return true;
    case HSL_N_ARRAY:
        return is_const_array(n);
    case HSL_N_UNARY:
    case HSL_N_NOT:
        return hsl_node_is_const(n->u.un.a);
    case HSL_N_BINARY:
        if (n->op == HSL_OP_MATCH || n->op == HSL_OP_NMATCH)
            return false;
        return hsl_node_is_const(n->u.bin.a) && hsl_node_is_const(n->u.bin.b);
    case HSL_N_AND:
    case HSL_N_OR:
    case HSL_N_COALESCE:
        return hsl_node_is_const(n->u.bin.a) && hsl_node_is_const(n->u.bin.b);
    case HSL_N_TERNARY:
        return hsl_node_is_const(n->u.tern.a) && (!n->u.tern.b || hsl_node_is_const(n->u.tern.b)) &&
               hsl_node_is_const(n->u.tern.c);
    default:
        return false;
    }
}
