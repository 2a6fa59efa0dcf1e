/* hsl_check_call.c - calls by name: how many arguments (C07), constant patterns (C14), and options
 * that do nothing (W5). Not here: what the name means (hsl_check_scope.c).
 * Threads: one per unit. Fails: C04, C07, C14. */
#include "config.h"

#include <limits.h>
#include <string.h>

#include "hsl/hsl_check.h"

/* --- Patterns --------------------------------------------------------------------------------- */

void
hsl_check_pattern(struct hsl_check *c, const struct hsl_node *n)
{
    struct hsl_regex *re;
    struct ut_diag d;

    if (n->kind != HSL_N_STR && n->kind != HSL_N_REGEX)
        return;
    re = hsl_unit_regex(c->u, n, &d);
    if (!re)
        hsl_unit_error(c->u, "C14", n->pos, "regular expression: %s", d.text);
    hsl_regex_unref(re);
}

/* --- Options ---------------------------------------------------------------------------------- */

/* True if [name] is one of the words of [options]; *idle: one that does nothing here. */
static bool
find_option(const char *options, struct hsl_name name, bool *idle)
{
    for (size_t len; *options; options += len + (options[len] ? 1 : 0)) {
        size_t mark = *options == '-' ? 1 : 0;

        len = strcspn(options, " ");
        *idle = mark > 0;
        if (len - mark == name.len && memcmp(options + mark, name.p, name.len) == 0)
            return true;
    }
    return false;
}

/* A key that is known before the script runs, or NULL. */
static const struct hsl_node *
constant_key(const struct hsl_node *elem)
{
    const struct hsl_node *key = elem->u.elem.spread ? NULL : elem->u.elem.key;

    return key && key->kind == HSL_N_STR ? key : NULL;
}

/* An array that may be options or something else: is it an address? */
static bool
is_address(const struct hsl_node *array)
{
    const struct hsl_node *key = array->u.list.first ? constant_key(array->u.list.first) : NULL;

    return key && (hsl_name_isz(key->u.str, "localpart") || hsl_name_isz(key->u.str, "domain"));
}

static void
check_options(struct hsl_check *c, const struct hsl_builtin *b, const struct hsl_node *array)
{
    for (const struct hsl_node *e = array->u.list.first; e; e = e->next) {
        const struct hsl_node *key = constant_key(e);
        bool idle;

        if (!key)
            continue;
        if (!find_option(b->options, key->u.str, &idle))
            hsl_unit_warn(c->u, "W5", key->pos, "unknown option %.*s of %s()",
                HSL_NAME_ARGS(key->u.str), b->name);
        else if (idle)
            hsl_unit_warn(c->u, "W5", key->pos, "option without effect here: %.*s",
                HSL_NAME_ARGS(key->u.str));
    }
}

/* What the signature of [b] says about arguments that are constant. */
static void
check_args(struct hsl_check *c, const struct hsl_builtin *b, const struct hsl_node *args)
{
    const char *letter = b->args;

    for (; args && *letter; args = args->next) {
        if (*letter == '|')
            letter++;
        if (*letter == 'p')
            hsl_check_pattern(c, args);
        if (args->kind == HSL_N_ARRAY && (*letter == 'o' || (*letter == 'O' && !is_address(args))))
            check_options(c, b, args);
        if (*letter && letter[1] != '*')
            letter++;
    }
}

/* --- Number of arguments ---------------------------------------------------------------------- */

static void
check_arity(
    struct hsl_check *c, const struct hsl_node *n, struct hsl_name name, unsigned min, unsigned max)
{
    uint32_t given = n->u.call.argc;
    char range[40];

    if (given >= min && given <= max)
        return;
    if (max == UINT_MAX)
        snprintf(range, sizeof range, "at least %u argument%s", min, min == 1 ? "" : "s");
    else if (min == max)
        snprintf(range, sizeof range, "%u argument%s", min, min == 1 ? "" : "s");
    else
        snprintf(range, sizeof range, "%u to %u arguments", min, max);
    hsl_unit_error(
        c->u, "C07", n->pos, "%.*s() expects %s, %u given", HSL_NAME_ARGS(name), range, given);
}

static void
check_symbol_call(struct hsl_check *c, const struct hsl_node *n, const struct hsl_symbol *s)
{
    const struct hsl_function *f = s->kind == HSL_SYM_CLASS ? s->class->constructor : s->function;
    unsigned min, max;

    if (s->builtin) {
        hsl_lib_arity(s->builtin, &min, &max);
        if (!n->u.call.spread) {
            check_arity(c, n, s->name, min, max);
            check_args(c, s->builtin, n->u.call.args);
        }
    } else if (f && !n->u.call.spread) {
        check_arity(c, n, s->name, f->required, f->rest ? UINT_MAX : f->param_count);
    } else if (s->kind == HSL_SYM_CLASS && !n->u.call.spread) {
        check_arity(c, n, s->name, 0, 0); /* no constructor */
    }
}

void
hsl_check_call(struct hsl_check *c, struct hsl_node *n)
{
    struct hsl_node *callee = n->u.call.callee;
    struct hsl_symbol *s = NULL;
    bool in_log = c->in_log;

    hsl_check_namespace(c, callee);
    if (callee->kind == HSL_N_NAME)
        s = hsl_check_resolve(c, callee);
    else
        hsl_check_expr(c, callee);
    if (callee->kind == HSL_N_STATIC)
        s = callee->u.scoped.sym;
    if (s && s->builtin && strcmp(s->builtin->name, "syslog") == 0)
        c->in_log = true;
    hsl_check_exprs(c, n->u.call.args);
    c->in_log = in_log;
    if (s)
        check_symbol_call(c, n, s);
}
