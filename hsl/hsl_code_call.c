/* hsl_code_call.c - calls and function values.
 *
 * A function known by name gets all its parameters from the caller: defaults and the array of the
 * rest are made there. Everything else is called by value and looks at its arguments itself.
 * Threads: one per unit. Fails: C15. */
#include "config.h"

#include "hsl/hsl_code.h"

/* --- Function values
 * ---------------------------------------------------------------------------------- */

void
hsl_code_function(struct hsl_code *c, const struct hsl_function *f, unsigned dst)
{
    const struct hsl_proto *p;

    if (c->failed)
        return;
    p = c->protos[f->number];
    if (p->capture_count || (p->has_self && c->fn->function && c->fn->function->uses_this))
        (void)hsl_code_emit(c, HSL_I_CLOSURE, dst, f->number, 0);
    else
        (void)hsl_code_emit(c, HSL_I_LOADK, dst, p->value, 0);
}

void
hsl_code_name(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    const struct hsl_symbol *s = n->u.name.sym;

    if (s->function)
        hsl_code_function(c, s->function, dst);
    else if (s->builtin)
        (void)hsl_code_emit(c, HSL_I_LOADK, dst, hsl_code_k_builtin(c, s->builtin), 0);
    else
        (void)hsl_code_emit(c, HSL_I_LOADK, dst, s->class->value, 0);
}

/* --- Arguments
 * ---------------------------------------------------------------------------------------- */

/* The arguments from [n] on into consecutive temporaries; their number. */
static unsigned
push_args(struct hsl_code *c, const struct hsl_node *n)
{
    unsigned count = 0;

    for (; n; n = n->next, count++)
        (void)hsl_code_push(c, n);
    if (count > HSL_ARG_MAX)
        (void)hsl_code_fail(c, "more than 250 arguments in a call");
    return count;
}

/* All arguments as one array: with spread among them. */
static void
push_spread(struct hsl_code *c, const struct hsl_node *call)
{
    unsigned array = hsl_code_temp(c), mark = c->fn->temp, v;

    (void)hsl_code_emit(c, HSL_I_NEWARR, array, array, 0);
    for (const struct hsl_node *n = call->u.call.args; n; n = n->next) {
        bool spread = n->kind == HSL_N_ELEM && n->u.elem.spread;

        v = hsl_code_any(c, n->kind == HSL_N_ELEM ? n->u.elem.value : n);
        hsl_code_at(c, n->pos);
        (void)hsl_code_emit(c, spread ? HSL_I_SPREADV : HSL_I_ARRPUSH, array, v, 0);
        c->fn->temp = mark;
    }
}

unsigned
hsl_code_args(struct hsl_code *c, const struct hsl_node *call)
{
    if (!call->u.call.spread)
        return push_args(c, call->u.call.args);
    push_spread(c, call);
    return 1;
}

/* Reserves at least [count] registers from [base] on. */
static void
reserve(struct hsl_code *c, unsigned base, unsigned count)
{
    if (base + count > c->fn->regs)
        c->fn->regs = base + count;
}

/* --- Calls by name
 * ------------------------------------------------------------------------------------ */

/* Calls [f] with the arguments of [n]; what it needs for $this was pushed at [base]. */
static void
call_from(struct hsl_code *c, const struct hsl_node *n, const struct hsl_function *f, unsigned base,
    unsigned dst)
{
    const struct hsl_proto *p = c->protos[f->number];
    unsigned fixed = f->param_count, i = 0;
    const struct hsl_node *arg = n->u.call.args;

    for (; arg && i < fixed; arg = arg->next, i++)
        (void)hsl_code_push(c, arg);
    for (; i < fixed; i++)
        hsl_code_push_k(c, p->defaults[i - f->required]);
    if (f->rest) {
        unsigned first = c->fn->temp, count = push_args(c, arg);

        reserve(c, first, 1);
        (void)hsl_code_emit(c, HSL_I_NEWARR, first, first, count);
    }
    hsl_code_at(c, n->pos);
    (void)hsl_code_emit(c, HSL_I_CALL, base, f->number, dst);
}

static void
call_function(
    struct hsl_code *c, const struct hsl_node *n, const struct hsl_function *f, unsigned dst)
{
    unsigned base = c->fn->temp;

    if (c->protos[f->number]->has_self)
        hsl_code_push_k(c, hsl_code_k_undef(c));
    call_from(c, n, f, base, dst);
}

/* Name(...): a new object, which its constructor gives back. */
static void
call_class(
    struct hsl_code *c, const struct hsl_node *n, const struct hsl_class_decl *d, unsigned dst)
{
    unsigned base;

    hsl_code_at(c, n->pos);
    if (!d->constructor) {
        (void)hsl_code_emit(c, HSL_I_NEW, dst, d->number, 0);
        return;
    }
    base = hsl_code_temp(c);
    (void)hsl_code_emit(c, HSL_I_NEW, base, d->number, 0);
    call_from(c, n, d->constructor, base, dst);
}

/* The types that an argument of kind [letter] may have without conversion. */
static unsigned
wanted(char letter)
{
    switch (letter) {
    case 's':
        return 1u << HSL_STR;
    case 'n':
        return 1u << HSL_NUM;
    case 'a':
    case 'o':
        return 1u << HSL_ARR;
    case 'b':
        return 1u << HSL_BOOL;
    case 'f':
        return 1u << HSL_FN;
    case 'v':
    case 'c':
        return (1u << HSL_CELL) - 1;
    case 'p':
        return 1u << HSL_STR | HSL_WANT_REGEX;
    default: /* addresses: strings; other types are looked at by hsl_lib_call() */
        return 1u << HSL_STR;
    }
}

/* The number of [row] among the built-ins that are called by name. */
static unsigned
callee_number(struct hsl_code *c, const struct hsl_builtin *row)
{
    struct hsl_prog *p = c->prog;
    struct hsl_callee *callees;
    const char *letter = row->args;

    for (uint32_t i = 0; i < p->callee_count; i++) {
        if (c->callees[i].row == row)
            return i;
    }
    callees = hsl_code_grow(c, c->callees, p->callee_count, &c->callee_cap, sizeof(*callees));
    if (!callees)
        return 0;
    c->callees = callees;
    callees[p->callee_count].row = row;
    for (unsigned i = 0; i < HSL_CALLEE_ARGS && *letter; i++) {
        if (*letter == '|')
            letter++;
        callees[p->callee_count].want[i] = (uint16_t)wanted(*letter);
        if (*letter && letter[1] != '*')
            letter++;
    }
    return p->callee_count++;
}

/* count() and length() have instructions. */
static bool
call_intrinsic(
    struct hsl_code *c, const struct hsl_node *n, const struct hsl_builtin *row, unsigned dst)
{
    bool count = strcmp(row->name, "count") == 0;
    unsigned arg;

    if (!c->optimize || n->u.call.argc != 1 || (!count && strcmp(row->name, "length") != 0))
        return false;
    arg = hsl_code_any(c, n->u.call.args);
    hsl_code_at(c, n->pos);
    if (count)
        (void)hsl_code_emit(c, HSL_I_COUNT, dst, arg, callee_number(c, row));
    else
        (void)hsl_code_emit(c, HSL_I_LENGTH, dst, arg, 0);
    return true;
}

/* A text where the signature wants a pattern becomes a compiled one. */
static void
push_builtin_args(struct hsl_code *c, const struct hsl_node *arg, const char *letter)
{
    unsigned k;

    for (; arg; arg = arg->next) {
        if (*letter == '|')
            letter++;
        if (*letter == 'p' && arg->kind == HSL_N_STR && c->optimize && hsl_code_regex(c, arg, &k))
            hsl_code_push_k(c, k);
        else
            (void)hsl_code_push(c, arg);
        if (*letter && letter[1] != '*')
            letter++;
    }
}

static void
call_builtin(
    struct hsl_code *c, const struct hsl_node *n, const struct hsl_builtin *row, unsigned dst)
{
    unsigned base = c->fn->temp, callee = callee_number(c, row);

    if (call_intrinsic(c, n, row, dst))
        return;
    if (n->u.call.argc > HSL_ARG_MAX) {
        (void)hsl_code_fail(c, "more than 250 arguments in a call");
        return;
    }
    push_builtin_args(c, n->u.call.args, row->args);
    reserve(c, base, 1);
    hsl_code_at(c, n->pos);
    (void)hsl_code_emitx(c, HSL_I_CALLB, n->u.call.argc, base, callee, dst);
}

/* --- All calls
 * ---------------------------------------------------------------------------------------- */

static void
call_method(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    const struct hsl_node *callee = n->u.call.callee;
    const struct hsl_function *own = hsl_code_own_method(c, n);
    unsigned base = hsl_code_push(c, callee->u.prop.a), argc, name;

    if (own) {
        call_from(c, n, own, base, dst);
        return;
    }

    name = hsl_code_k_name(c, callee->u.prop.name);
    if (n->u.call.spread) {
        push_spread(c, n);
        hsl_code_at(c, n->pos);
        (void)hsl_code_emit(c, HSL_I_CALLMS, base, name, dst);
        return;
    }
    argc = push_args(c, n->u.call.args);
    hsl_code_at(c, n->pos);
    (void)hsl_code_emitx(c, HSL_I_CALLM, argc, base, name, dst);
}

static void
call_value(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    unsigned base = hsl_code_push(c, n->u.call.callee);

    if (n->u.call.spread) {
        push_spread(c, n);
        hsl_code_at(c, n->pos);
        (void)hsl_code_emit(c, HSL_I_CALLVS, base, 0, dst);
    } else {
        unsigned argc = push_args(c, n->u.call.args);

        hsl_code_at(c, n->pos);
        (void)hsl_code_emit(c, HSL_I_CALLV, base, argc, dst);
    }
}

void
hsl_code_call(struct hsl_code *c, const struct hsl_node *n, unsigned dst)
{
    const struct hsl_node *callee = n->u.call.callee;
    const struct hsl_symbol *s = callee->kind == HSL_N_NAME     ? callee->u.name.sym
                                 : callee->kind == HSL_N_STATIC ? callee->u.scoped.sym
                                                                : NULL;

    if (c->failed)
        return;
    if (callee->kind == HSL_N_STATIC)
        hsl_code_refuse(c, callee, false);
    if (s && s->kind == HSL_SYM_CLASS && !n->u.call.spread)
        call_class(c, n, s->class, dst);
    else if (s && s->function && !n->u.call.spread)
        call_function(c, n, s->function, dst);
    else if (s && s->builtin && !n->u.call.spread)
        call_builtin(c, n, s->builtin, dst);
    else if (callee->kind == HSL_N_PROP)
        call_method(c, n, dst);
    else
        call_value(c, n, dst);
}
