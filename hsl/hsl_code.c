/* hsl_code.c - a checked tree to a program: the way in, functions, registers of variables. Not
 * here: top levels (hsl_code_global.c).
 *
 * First every variable of every function gets its register and every function its number and its
 * head (parameters, captures, defaults), so that code can refer to all of them; then each function
 * is compiled by itself.
 *
 * Layers: hsl_code_emit.c (instructions), hsl_code_const.c (constants), hsl_code_expr.c and its kin
 * (expressions), hsl_code_stmt.c, hsl_code_loop.c (statements). Contracts and rules: hsl_code.h.
 *
 * Threads: one per unit. Fails: C15 in the unit's diagnostics. */
#include "config.h"

#include "hsl/hsl_code.h"

#include <stdlib.h>

#include "hsl/hsl_unit.h"

/* --- Registers of variables
 * ------------------------------------------------------------------------- */

static bool
too_many_variables(struct hsl_code *c, uint32_t count)
{
    return count >= HSL_REG_MAX && !hsl_code_fail(c, "too many variables in one function");
}

bool
hsl_code_is_this(const struct hsl_var *v)
{
    return v->name.len == 4 && memcmp(v->name.p, "this", 4) == 0;
}

/* $this, parameters, captures, all others. */
static void
place_locals(struct hsl_code *c, struct hsl_function *f)
{
    uint32_t params = f->uses_this, reg;

    if (too_many_variables(c, f->scope->var_count + 1))
        return;
    reg = params + f->param_count + f->rest;
    for (struct hsl_node *n = f->captures; n; n = n->next)
        n->u.var.var->slot = reg++;
    for (struct hsl_var *v = f->scope->vars; v; v = v->next) {
        if (v->param)
            v->slot = params + v->index;
        else if (f->uses_this && hsl_code_is_this(v) && !v->capture)
            v->slot = 0;
        else if (!v->capture)
            v->slot = reg++;
    }
}

/* --- Heads of functions
 * ------------------------------------------------------------------------------- */

/* Constants of the defaults; undefined for one that fails when it is computed: the function's first
 * instructions do that then. */
static const uint16_t *
make_defaults(struct hsl_code *c, const struct hsl_function *f)
{
    uint16_t *k = ut_arena_calloc(c->prog->arena, f->param_count - f->required + 1, sizeof(*k));
    unsigned n, i = 0;

    for (const struct hsl_param *p = f->params; k && p; p = p->next) {
        if (!p->def)
            continue;
        if (!hsl_code_const(c, p->def, &n))
            n = hsl_code_k_undef(c);
        k[i++] = (uint16_t)n;
    }
    return k;
}

static const uint16_t *
make_captures(struct hsl_code *c, const struct hsl_function *f, uint16_t *count)
{
    uint16_t *regs;
    unsigned i = 0;

    for (const struct hsl_node *n = f->captures; n; n = n->next)
        i++;
    *count = (uint16_t)i;
    regs = ut_arena_calloc(c->prog->arena, i + 1, sizeof(*regs));
    i = 0;
    for (const struct hsl_node *n = f->captures; regs && n; n = n->next)
        regs[i++] = (uint16_t)hsl_code_reg(n->u.var.var->outer);
    return regs;
}

/* The function as a constant, for those that capture nothing. */
static void
make_value(struct hsl_code *c, struct hsl_proto *p)
{
    struct hsl_fn *fn = hsl_heap_alloc(&c->run->heap, sizeof(*fn));

    if (!fn) {
        (void)hsl_code_fail(c, "not enough memory for the script");
        return;
    }
    *fn = (struct hsl_fn){.rc = {1}, .kind = HSL_FN_USER, .proto = p};
    p->value = hsl_code_k(c, (struct hsl_value){.u.fn = fn, .type = HSL_FN});
}

static void
make_head(struct hsl_code *c, const struct hsl_function *f)
{
    struct hsl_proto *p = c->protos[f->number];
    struct hsl_name name = f->is_constructor ? f->class->name : f->name;

    p->has_self = f->uses_this;
    p->rest = f->rest;
    p->required = (uint16_t)f->required;
    p->optional = (uint16_t)(f->param_count - f->required);
    p->is_fixed = !p->rest && p->optional == 0;
    p->is_simple = !p->has_self && p->is_fixed;
    p->cls = f->scope->class ? c->classes[f->scope->class->number] : NULL;
    p->params = (uint16_t)(p->has_self + f->param_count + f->rest);
    p->name = name.len ? ut_arena_dup(c->prog->arena, name.p, name.len) : NULL;
    p->defaults = make_defaults(c, f);
    p->captures = make_captures(c, f, &p->capture_count);
    if ((f->name.len && !p->name) || !p->defaults || !p->captures)
        (void)hsl_code_fail(c, "not enough memory for the script");
    else if (p->capture_count == 0)
        make_value(c, p);
}

/* --- Bodies
 * ------------------------------------------------------------------------------------------- */

static void *
copy(struct hsl_code *c, const void *from, uint32_t count, size_t size)
{
    void *to = ut_arena_calloc(c->prog->arena, (size_t)count + 1, size);

    if (!to)
        (void)hsl_code_fail(c, "not enough memory for the script");
    else if (count)
        memcpy(to, from, count * size);
    return to;
}

static int
by_pc(const void *a, const void *b)
{
    const struct hsl_line *x = a, *y = b;

    return (x->pc > y->pc) - (x->pc < y->pc);
}

static uint16_t
scaled(char letter, uint16_t reg)
{
    bool is_reg = letter == 'd' || letter == 's' || letter == 'v' || letter == 't';

    return is_reg && reg != HSL_NO_REG ? (uint16_t)(reg * HSL_REG_SCALE) : reg;
}

/* Makes the operands of finished code what the machine wants. */
static void
scale_registers(struct hsl_ins *code, uint32_t count)
{
    for (struct hsl_ins *i = code; count > 0; i++, count--) {
        const char *letters = hsl_opcode_operands(i->op);

        i->a = scaled(letters[0], i->a);
        i->b = scaled(letters[1], i->b);
        i->c = scaled(letters[2], i->c);
    }
}

/* What was emitted becomes part of the program. */
static void
finish_proto(struct hsl_code *c, struct hsl_proto *p)
{
    struct hsl_code_fn *f = c->fn;

    if (f->loop_count)
        qsort(f->loops, f->loop_count, sizeof(*f->loops), by_pc);
    scale_registers(f->code, f->count);
    p->code = copy(c, f->code, f->count, sizeof(*f->code));
    p->count = f->count;
    p->lines = copy(c, f->lines, f->line_count, sizeof(*f->lines));
    p->line_count = f->line_count;
    p->loops = copy(c, f->loops, f->loop_count, sizeof(*f->loops));
    p->loop_count = f->loop_count;
    p->handlers = copy(c, f->handlers, f->handler_count, sizeof(*f->handlers));
    p->handler_count = f->handler_count;
    p->switches = copy(c, f->switches, f->switch_count, sizeof(*f->switches));
    p->switch_count = f->switch_count;
    p->locals = (uint16_t)f->locals;
    p->regs = (uint16_t)f->regs;
}

void
hsl_code_body(struct hsl_code *c, uint32_t number, const struct hsl_node *body)
{
    hsl_code_statements(c, body->u.list.first);
    if (c->fn->function && c->fn->function->is_constructor)
        (void)hsl_code_emit(c, HSL_I_RET, 0, 0, 0);
    else
        (void)hsl_code_emit(c, HSL_I_RETK, hsl_code_k(c, hsl_none()), 0, 0);
    finish_proto(c, c->protos[number]);
}

/* Parameters are assigned; a default that could not be folded is computed now. */
static void
code_params(struct hsl_code *c, const struct hsl_function *f)
{
    const struct hsl_proto *p = c->protos[f->number];
    unsigned optional = 0;

    for (const struct hsl_param *q = f->params; q; q = q->next) {
        unsigned reg = hsl_code_reg(q->var);

        if (q->def && !c->failed && c->prog->k[p->defaults[optional++]].type == HSL_UNDEF) {
            uint32_t given = hsl_code_emit(c, HSL_I_JDEF, reg, 0, 0);

            hsl_code_to(c, q->def, reg);
            hsl_code_patch_here(c, given);
        }
        if (!hsl_code_in_cell(q->var))
            hsl_code_set_known(c, q->var);
    }
}

static void
code_function(struct hsl_code *c, struct hsl_function *function)
{
    struct hsl_code_fn f = {.function = function, .pos = function->pos};
    bool self_extra = function->uses_this;
    const struct hsl_var *self = NULL;

    /* $this has a register even if only a function inside mentions it */
    for (const struct hsl_var *v = function->scope->vars; v; v = v->next) {
        if (!hsl_code_is_this(v) || v->capture)
            continue;
        self_extra = false;
        if (function->scope->instance)
            self = v;
    }
    f.locals = f.temp = f.regs = function->scope->var_count + self_extra;
    c->fn = &f;
    if (self)
        hsl_code_set_known(c, self);
    if (function->is_generator)
        (void)hsl_code_emit(c, HSL_I_GENERATE, 0, 0, 0);
    code_params(c, function);
    hsl_code_bind_statics(c);
    hsl_code_bind_foreign(c, function->scope);
    if (function->is_constructor)
        hsl_code_construct_prologue(c);
    hsl_code_body(c, function->number, function->body);
    c->fn = NULL;
}

/* --- The way in
 * ----------------------------------------------------------------------------------------- */

static void
number_functions(struct hsl_code *c)
{
    uint32_t count = 0;
    struct hsl_proto *protos;
    const struct hsl_prog *before = c->u->before ? c->u->before->program : NULL;

    c->u->number = count++;
    if (before)
        count = before->proto_count;
    for (struct hsl_unit *m = c->u->next_module; m; m = m->next_module)
        m->number = count++;
    for (struct hsl_function *f = c->u->functions; f; f = f->next)
        f->number = count++;
    c->protos = ut_arena_calloc(c->prog->arena, count, sizeof(*c->protos));
    protos = ut_arena_calloc(c->prog->arena, count, sizeof(*protos));
    if (!c->protos || !protos) {
        (void)hsl_code_fail(c, "not enough memory for the script");
        return;
    }
    if (count > UINT16_MAX)
        (void)hsl_code_fail(c, "more than 65000 functions");
    for (uint32_t i = 0; i < count; i++)
        c->protos[i] = before && i > 0 && i < before->proto_count
                           ? (struct hsl_proto *)before->protos[i]
                           : &protos[i];
    c->prog->protos = (const struct hsl_proto **)c->protos;
    c->prog->proto_count = count;
}

/* Names and paths of the files of this program, without those of a step before. */
static void
copy_paths(struct hsl_code *c)
{
    const char **paths = ut_arena_calloc(c->prog->arena, c->u->file_count + 1, sizeof(*paths));
    bool ok = paths != NULL;

    for (uint32_t i = 0; ok && i < c->u->file_count; i++) {
        const char *path = c->u->files[i].path;

        paths[i] = path ? ut_arena_dup(c->prog->arena, path, strlen(path)) : NULL;
        ok = !path || paths[i];
    }
    if (!ok)
        (void)hsl_code_fail(c, "not enough memory for the script");
    c->prog->paths = paths;
    c->prog->path_count = c->u->file_count;
}

static void
copy_names(struct hsl_code *c)
{
    struct hsl_prog *p = c->prog;
    const struct hsl_prog *before = c->u->before ? c->u->before->program : NULL;
    const char **files;
    const char **mentions = ut_arena_calloc(p->arena, c->u->mention_count + 1, sizeof(*mentions));
    bool ok = mentions != NULL;

    c->file_base = before ? before->file_count : 0;
    files = ut_arena_calloc(
        p->arena, (size_t)c->file_base + c->u->file_count + 1, sizeof(*files));
    ok = ok && files;
    for (uint32_t i = 0; ok && i < c->file_base; i++)
        files[i] = before->files[i];
    for (uint32_t i = 0; ok && i < c->u->file_count; i++) {
        files[c->file_base + i] = ut_arena_dup(p->arena, c->u->files[i].name, strlen(c->u->files[i].name));
        ok = files[c->file_base + i] != NULL;
    }
    for (uint32_t i = 0; ok && i < c->u->mention_count; i++) {
        mentions[i] = ut_arena_dup(p->arena, c->u->mentions[i].p, c->u->mentions[i].len);
        ok = mentions[i] != NULL;
    }
    if (!ok)
        (void)hsl_code_fail(c, "not enough memory for the script");
    else if ((size_t)c->file_base + c->u->file_count > UINT16_MAX)
        (void)hsl_code_fail(c, "more than 65000 files");
    p->files = files;
    p->file_count = c->file_base + c->u->file_count;
    p->mentions = mentions;
    p->mention_count = c->u->mention_count;
    copy_paths(c);
}

/* Constants and built-ins leave the unit's arena; from now on nothing changes. */
static void
finish_prog(struct hsl_code *c)
{
    struct hsl_prog *p = c->prog;

    p->callees = copy(c, c->callees, p->callee_count, sizeof(*c->callees));
    p->k = copy(c, p->k, p->k_count, sizeof(*p->k));
    for (uint32_t i = 0; !c->failed && i < p->k_count; i++)
        hsl_prog_freeze(p->k[i]);
    p->flow = c->u->flow;
    p->modern = c->u->modern;
}

/* A step of a session begins with all that the program of the step before has, under the same
 * numbers: code of earlier steps, which values in variables lead to, runs in the new program. That
 * is kept by the new one. */
static void
continue_prog(struct hsl_code *c, struct hsl_prog *before)
{
    struct hsl_prog *p = c->prog;

    p->before = hsl_prog_ref(before);
    hsl_code_k_continue(c, before);
    for (uint32_t i = 0; i < before->callee_count && !c->failed; i++) {
        struct hsl_callee *callees =
            hsl_code_grow(c, c->callees, i, &c->callee_cap, sizeof(*callees));

        if (!callees)
            return;
        c->callees = callees;
        callees[i] = before->callees[i];
        p->callee_count++;
    }
}

bool
hsl_code_unit(struct hsl_unit *u, struct hsl_prog *prog)
{
    struct hsl_code c = {.u = u, .prog = prog, .run = prog->consts, .optimize = !u->no_optimize};

    if (u->before)
        continue_prog(&c, (struct hsl_prog *)u->before->program);
    copy_names(&c);
    hsl_code_place_classes(&c);
    number_functions(&c);
    if (!c.failed)
        hsl_code_place_globals(&c);
    for (struct hsl_function *f = u->functions; f && !c.failed; f = f->next)
        place_locals(&c, f);
    for (struct hsl_function *f = u->functions; f && !c.failed; f = f->next)
        make_head(&c, f);
    if (!c.failed)
        hsl_code_classes(&c);
    for (struct hsl_function *f = u->functions; f && !c.failed; f = f->next)
        code_function(&c, f);
    for (const struct hsl_unit *m = u; m && !c.failed; m = m->next_module)
        hsl_code_top_level(&c, m);
    if (!c.failed)
        finish_prog(&c);
    return !c.failed;
}
