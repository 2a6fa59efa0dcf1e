/* hsl_code_global.c - the top level of the script and of each module: where global variables
 * live, and what happens before the first statement.
 *
 * The top level of each unit is a function of its own: that of the script is number 0, those of
 * modules follow. Global variables that somebody else reaches have cells, which are numbered
 * through the program; each unit binds the registers it reaches them by. An imported variable has
 * no cell but that of the module's variable. Predefined variables that no script can change, and
 * $context, are one for all units; where a modern script may write them, each unit has its own. A
 * step of a session keeps the numbers of the steps before.
 *
 * A module's top level is called by the unit that imports it first, where it stands among that
 * one's imports: so each runs once, depth first, and an error shows the chain of imports.
 *
 * Not here: functions (hsl_code.c). Threads: one per program. Fails: C15. */
#include "config.h"

#include "hsl/hsl_code.h"

/* The predefined variables, row by row, and what they are where the host knows none. */
enum {
    TYPE_STR = HSL_STR,
    TYPE_NUM = HSL_NUM,
    TYPE_BOOL = HSL_BOOL,
    TYPE_ARR = HSL_ARR,
    TYPE_NONE = HSL_NONE
};

static const struct {
    const char *name;
    uint8_t type;
} rows[] = {
#define HSL_VAR(name, type, flows) {#name, TYPE_##type},
#include "hsl/hsl_flow.def"
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))
#define GLOBALS_MAX 65000u

/* --- Cells and registers ---------------------------------------------------------------------- */

bool
hsl_code_in_cell(const struct hsl_var *v)
{
    return v->captured || v->predefined;
}

/* The variable that [v] stands for in the end. */
static const struct hsl_var *
root_of(const struct hsl_var *v)
{
    while (v->outer)
        v = v->outer;
    return v;
}

/* Of a module, imported or a static variable of a class that is: its cell is there. */
static bool
is_foreign(const struct hsl_var *v)
{
    return v->outer && (v->imported || !v->scope->function);
}

long
hsl_code_predef(const struct hsl_code *c, const struct hsl_var *v, bool *readonly)
{
    v = root_of(v);
    if (!v->predefined)
        return -1;
    if (readonly)
        *readonly = v->readonly;
    for (uint32_t i = 0; i < c->prog->predef_count; i++) {
        if (c->prog->predefs[i].global == hsl_code_global(v))
            return (long)i;
    }
    return -1;
}

/* The number of the cell of predefined variable [v], which may be there from another unit.
 * [shared]: for each row, 1 + the number of the cell that all units use. */
static uint32_t
predef_cell(struct hsl_code *c, const struct hsl_var *v, uint32_t *shared)
{
    struct hsl_prog *p = c->prog;
    bool common = v->readonly || strcmp(rows[v->index].name, "context") == 0;

    if (common && shared[v->index])
        return shared[v->index] - 1;
    c->predefs[p->predef_count++] =
        (struct hsl_predef){rows[v->index].name, rows[v->index].type, p->global_count};
    if (common)
        shared[v->index] = p->global_count + 1;
    return p->global_count++;
}

/* The number of the cell of [v], which is no module's. */
static uint32_t
cell_of(struct hsl_code *c, const struct hsl_var *v, uint32_t *shared)
{
    if (v->earlier)
        return hsl_code_global(v->earlier);
    return v->predefined ? predef_cell(c, v, shared) : c->prog->global_count++;
}

/* Variables with cells have the first registers. */
static void
place_unit(struct hsl_code *c, const struct hsl_unit *u, uint32_t *shared)
{
    uint32_t reg = 0;

    if (u->globals->var_count >= HSL_REG_MAX)
        (void)hsl_code_fail(c, "too many variables in one file");
    if (c->prog->global_count + u->globals->var_count > GLOBALS_MAX)
        (void)hsl_code_fail(c, "too many global variables");
    if (c->failed)
        return;
    for (struct hsl_var *v = u->globals->vars; v; v = v->next) {
        if (hsl_code_in_cell(v) && !is_foreign(v))
            v->slot = cell_of(c, v, shared) << 16 | reg++;
    }
    for (struct hsl_var *v = u->globals->vars; v; v = v->next) {
        if (!hsl_code_in_cell(v) || is_foreign(v))
            v->slot = reg++;
    }
}

void
hsl_code_place_globals(struct hsl_code *c)
{
    uint32_t *shared = ut_arena_calloc(c->u->arena, ROW_COUNT, sizeof(*shared));
    uint32_t units = 0;

    for (const struct hsl_unit *u = c->u; u; u = u->next_module)
        units++;
    c->predefs = ut_arena_calloc(c->prog->arena, units * ROW_COUNT, sizeof(*c->predefs));
    if (!c->predefs || !shared) {
        (void)hsl_code_fail(c, "not enough memory for the script");
        return;
    }
    c->prog->predefs = c->predefs;
    c->prog->global_count = c->u->before ? c->u->before->program->global_count : 0;
    for (const struct hsl_unit *u = c->u; u && !c->failed; u = u->next_module)
        place_unit(c, u, shared);
    for (const struct hsl_unit *u = c->u; u; u = u->next_module)
        for (struct hsl_var *v = u->globals->vars; v; v = v->next)
            if (is_foreign(v))
                v->slot |= hsl_code_global(root_of(v)) << 16;
}

/* --- Before the first statement --------------------------------------------------------------- */

void
hsl_code_bind_foreign(struct hsl_code *c, const struct hsl_scope *s)
{
    for (const struct hsl_var *v = s->vars; v; v = v->next) {
        if (is_foreign(v))
            (void)hsl_code_emit(c, HSL_I_BIND, hsl_code_reg(v), hsl_code_global(root_of(v)),
                hsl_code_k_name(c, v->name));
    }
}

static void
bind_own(struct hsl_code *c, const struct hsl_scope *s)
{
    for (const struct hsl_var *v = s->vars; v; v = v->next) {
        if (hsl_code_in_cell(v) && !is_foreign(v))
            (void)hsl_code_emit(
                c, HSL_I_BIND, hsl_code_reg(v), hsl_code_global(v), hsl_code_k_name(c, v->name));
    }
}

/* A variable holds the data that was imported into it. */
static void
load_data(struct hsl_code *c, const struct hsl_import *i)
{
    unsigned k = hsl_code_k(c, *i->value), reg = hsl_code_reg(i->var), temp;

    if (!hsl_code_in_cell(i->var)) {
        (void)hsl_code_emit(c, HSL_I_LOADK, reg, k, 0);
        hsl_code_set_known(c, i->var);
        return;
    }
    temp = hsl_code_temp(c);
    (void)hsl_code_emit(c, HSL_I_LOADK, temp, k, 0);
    (void)hsl_code_emit(c, HSL_I_SETVAR, reg, temp, 0);
    c->fn->temp = temp;
}

/* The top level of a module runs; what it returns is nobody's. */
static void
initialise(struct hsl_code *c, const struct hsl_import *i)
{
    unsigned base = c->fn->temp, result = hsl_code_temp(c);

    (void)hsl_code_emit(c, HSL_I_CALL, base, i->module->number, result);
    hsl_code_drop(c, result);
    c->fn->temp = base;
}

void
hsl_code_top_level(struct hsl_code *c, const struct hsl_unit *u)
{
    struct hsl_code_fn f = {.pos = {1, 1, (uint16_t)u->first_file}};

    f.locals = f.temp = f.regs = u->globals->var_count;
    c->fn = &f;
    bind_own(c, u->globals);
    hsl_code_bind_foreign(c, u->globals);
    hsl_code_statics(c, u);
    for (const struct hsl_import *i = u->imports; i; i = i->next) {
        hsl_code_at(c, i->pos);
        if (i->module)
            initialise(c, i);
        else
            load_data(c, i);
    }
    hsl_code_at(c, (struct hsl_pos){1, 1, (uint16_t)u->first_file});
    hsl_code_body(c, u->number, u->body);
    c->fn = NULL;
}
