/* hsl_code_emit.c - the compiler's lowest layer: instructions with positions, temporaries, jumps,
 * and which variables are surely assigned.
 *
 * All arrays grow in the unit's arena; hsl_code.c copies what stays into the program.
 * Threads: one per unit. Fails: C15, reported once (hsl_code_fail()). */
#include "config.h"

#include "hsl/hsl_code.h"
#include "hsl/hsl_unit.h"

bool
hsl_code_fail(struct hsl_code *c, const char *text)
{
    if (!c->failed)
        (void)hsl_unit_error(
            c->u, "C15", c->fn ? c->fn->pos : (struct hsl_pos){1, 1, 0}, "limit: %s", text);
    c->failed = true;
    return false;
}

void *
hsl_code_grow(struct hsl_code *c, void *p, uint32_t count, uint32_t *cap, size_t size)
{
    uint32_t want = *cap ? *cap * 2 : 16;
    void *bigger;

    if (count < *cap)
        return p;
    bigger = want > *cap ? ut_arena_calloc(c->u->arena, want, size) : NULL;
    if (!bigger) {
        (void)hsl_code_fail(c, "not enough memory for the script");
        return NULL;
    }
    if (count)
        memcpy(bigger, p, count * size);
    *cap = want;
    return bigger;
}

/* --- Instructions
 * ---------------------------------------------------------------------------------- */

void
hsl_code_at(struct hsl_code *c, struct hsl_pos pos)
{
    c->fn->pos = pos;
}

static uint16_t
file_number(const struct hsl_code *c, struct hsl_pos pos)
{
    return (uint16_t)(c->file_base + pos.file);
}

/* Notes the position of the instruction that comes next if it is another than before. */
static bool
add_line(struct hsl_code *c)
{
    struct hsl_code_fn *f = c->fn;
    struct hsl_line *l = f->line_count ? &f->lines[f->line_count - 1] : NULL;

    if (l && l->line == f->pos.line && l->column == f->pos.column && l->file == file_number(c, f->pos))
        return true;
    l = hsl_code_grow(c, f->lines, f->line_count, &f->line_cap, sizeof(*l));
    if (!l)
        return false;
    f->lines = l;
    f->lines[f->line_count++] =
        (struct hsl_line){f->count, f->pos.line, f->pos.column, file_number(c, f->pos)};
    return true;
}

bool
hsl_code_is_temp(const struct hsl_code *c, unsigned reg)
{
    return reg >= c->fn->locals && reg != HSL_NO_REG;
}

/* Bits of x for the sources that are temporaries. */
static unsigned
temporaries(const struct hsl_code *c, enum hsl_opcode op, unsigned a, unsigned b, unsigned cc)
{
    const char *letters = hsl_opcode_operands(op);
    unsigned x = 0, bit = 1;

    for (unsigned i = 0; i < 3; i++) {
        if (letters[i] != 's')
            continue;
        if (hsl_code_is_temp(c, i == 0 ? a : i == 1 ? b : cc))
            x |= bit;
        bit <<= 1;
    }
    return x;
}

uint32_t
hsl_code_emitx(
    struct hsl_code *c, enum hsl_opcode op, unsigned x, unsigned a, unsigned b, unsigned cc)
{
    struct hsl_code_fn *f = c->fn;
    struct hsl_ins *code;

    if (c->failed)
        return 0;
    code = hsl_code_grow(c, f->code, f->count, &f->cap, sizeof(*code));
    if (!code || !add_line(c))
        return 0;
    f->code = code;
    code[f->count] = (struct hsl_ins){(uint8_t)op, (uint8_t)(x | temporaries(c, op, a, b, cc)),
        (uint16_t)a, (uint16_t)b, (uint16_t)cc};
    return f->count++;
}

uint32_t
hsl_code_emit(struct hsl_code *c, enum hsl_opcode op, unsigned a, unsigned b, unsigned cc)
{
    return hsl_code_emitx(c, op, 0, a, b, cc);
}

void
hsl_code_keep(struct hsl_code *c, uint32_t at, unsigned n)
{
    if (!c->failed)
        c->fn->code[at].x &= (uint8_t) ~(1u << n);
}

/* --- Temporaries
 * ------------------------------------------------------------------------------------ */

unsigned
hsl_code_temp(struct hsl_code *c)
{
    struct hsl_code_fn *f = c->fn;

    if (f->temp >= HSL_REG_MAX) {
        (void)hsl_code_fail(c, "too many variables and values in one function");
        return f->locals;
    }
    if (f->temp + 1 > f->regs)
        f->regs = f->temp + 1;
    return f->temp++;
}

void
hsl_code_move(struct hsl_code *c, unsigned a, unsigned b)
{
    if (a != b)
        (void)hsl_code_emitx(c, hsl_code_is_temp(c, b) ? HSL_I_TAKE : HSL_I_MOVE, 0, a, b, 0);
}

void
hsl_code_drop(struct hsl_code *c, unsigned reg)
{
    if (hsl_code_is_temp(c, reg))
        (void)hsl_code_emit(c, HSL_I_DROP, reg, 0, 0);
}

/* --- Jumps
 * ------------------------------------------------------------------------------------------- */

uint32_t
hsl_code_here(const struct hsl_code *c)
{
    return c->fn->count;
}

uint32_t
hsl_code_jump(struct hsl_code *c)
{
    return hsl_code_emit(c, HSL_I_JMP, 0, 0, 0);
}

/* A jump back has the position of its loop for when the budget ends there; the caller has set it.
 */
static void
add_loop(struct hsl_code *c, uint32_t at)
{
    struct hsl_code_fn *f = c->fn;
    struct hsl_line *l = hsl_code_grow(c, f->loops, f->loop_count, &f->loop_cap, sizeof(*l));

    if (!l)
        return;
    f->loops = l;
    f->loops[f->loop_count++] = (struct hsl_line){at, f->pos.line, f->pos.column, file_number(c, f->pos)};
}

void
hsl_code_patch(struct hsl_code *c, uint32_t at, uint32_t target)
{
    int64_t by = (int64_t)target - at - 1;
    struct hsl_ins *i;

    if (c->failed)
        return;
    i = &c->fn->code[at];
    if (by < 0)
        add_loop(c, at);
    if (i->op == HSL_I_JMP) {
        i->b = (uint16_t)(uint32_t)by;
        i->c = (uint16_t)((uint32_t)by >> 16);
    } else if (by < INT16_MIN || by > INT16_MAX) {
        (void)hsl_code_fail(c, "loop or branch longer than 32000 instructions");
    } else {
        i->c = (uint16_t)by;
    }
}

void
hsl_code_patch_here(struct hsl_code *c, uint32_t at)
{
    hsl_code_patch(c, at, hsl_code_here(c));
}

void
hsl_jumps_add(struct hsl_code *c, struct hsl_jumps *j, uint32_t at)
{
    uint32_t *bigger = hsl_code_grow(c, j->at, j->count, &j->cap, sizeof(*j->at));

    if (!bigger)
        return;
    j->at = bigger;
    j->at[j->count++] = at;
}

void
hsl_jumps_patch(struct hsl_code *c, const struct hsl_jumps *j, uint32_t target)
{
    for (uint32_t i = 0; i < j->count; i++)
        hsl_code_patch(c, j->at[i], target);
}

/* --- What is assigned
 * ------------------------------------------------------------------------------- */

/* unset() can take any of these away again, in loops before where it stands. */
static bool
is_followed(const struct hsl_var *v)
{
    return !v->unset && hsl_code_reg(v) < HSL_KNOWN_MAX;
}

bool
hsl_code_is_known(const struct hsl_code *c, const struct hsl_var *v)
{
    unsigned reg = hsl_code_reg(v);

    return is_followed(v) && (c->fn->known.bits[reg / 64] >> (reg % 64) & 1);
}

void
hsl_code_set_known(struct hsl_code *c, const struct hsl_var *v)
{
    unsigned reg = hsl_code_reg(v);

    if (is_followed(v))
        c->fn->known.bits[reg / 64] |= (uint64_t)1 << (reg % 64);
}

void
hsl_known_all(struct hsl_known *k)
{
    memset(k, 0xff, sizeof(*k));
}

void
hsl_known_meet(struct hsl_known *k, const struct hsl_known *other)
{
    for (unsigned i = 0; i < HSL_KNOWN_MAX / 64; i++)
        k->bits[i] &= other->bits[i];
}
