/* hsl_dis.c - a listing of the instructions, for golden tests and curious people.
 *
 * One line an instruction: number, position if it changes, name, operands by the letters of
 * hsl_opcode.def: r3 is a variable, t5 a temporary, constants and names as they are.
 * Threads: any. Fails: [out] is marked failed when memory ends. */
#include "config.h"

#include "hsl/hsl.h"
#include "hsl/hsl_prog.h"

static const struct {
    const char *name, *operands;
} opcodes[] = {
#define HSL_OPCODE(name, operands, meaning) {#name, operands},
#include "hsl/hsl_opcode.def"
};

const char *
hsl_opcode_operands(unsigned op)
{
    return op < HSL_I_COUNT_ ? opcodes[op].operands : "---";
}

static void
add_reg(const struct hsl_proto *p, unsigned reg, struct ut_sbuf *out)
{
    ut_sbuf_addf(out, " %c%u", reg < p->locals ? 'r' : 't', reg);
}

static void
add_constant(const struct hsl_prog *prog, unsigned k, struct ut_sbuf *out)
{
    struct hsl_value v = prog->k[k];
    char num[HSL_NUM_TEXT_MAX];

    ut_sbuf_addc(out, ' ');
    switch (v.type) {
    case HSL_BOOL:
        ut_sbuf_addz(out, v.u.b ? "true" : "false");
        return;
    case HSL_NUM:
        ut_sbuf_add(out, num, hsl_num_to_text(v.u.num, num));
        return;
    case HSL_STR:
        ut_sbuf_addc(out, '"');
        ut_sbuf_add(out, v.u.str->data, v.u.str->len < 40 ? v.u.str->len : 40);
        ut_sbuf_addc(out, '"');
        return;
    case HSL_FN:
        ut_sbuf_addz(out, hsl_fn_name(v.u.fn) ? hsl_fn_name(v.u.fn) : "function");
        return;
    default:
        ut_sbuf_addz(out, hsl_type_name(&v));
        return;
    }
}

static void
add_operand(const struct hsl_prog *prog, const struct hsl_proto *p, uint32_t pc, unsigned n,
    struct ut_sbuf *out)
{
    const struct hsl_ins *i = &p->code[pc];
    unsigned v = n == 0 ? i->a : n == 1 ? i->b : i->c;

    switch (opcodes[i->op].operands[n]) {
    case 'd':
    case 's':
    case 'v':
    case 't':
        if (v == HSL_NO_REG)
            ut_sbuf_addz(out, " _");
        else
            add_reg(p, v / HSL_REG_SCALE, out);
        return;
    case 'k':
        add_constant(prog, v, out);
        return;
    case 'C':
        ut_sbuf_addf(out, " %s", prog->classes[v]->name);
        return;
    case 'p':
        ut_sbuf_addf(out, " %s#%u", prog->protos[v]->name ? prog->protos[v]->name : "", v);
        return;
    case 'f':
        ut_sbuf_addf(out, " %s", prog->callees[v].row->name);
        return;
    case 'n':
        ut_sbuf_addf(out, " %u", v);
        return;
    case 'j':
        ut_sbuf_addf(out, " ->%ld", (long)pc + 1 + (int16_t)v);
        return;
    case 'L':
        ut_sbuf_addf(
            out, " ->%ld", (long)pc + 1 + (int32_t)((uint32_t)i->b | (uint32_t)i->c << 16));
        return;
    default:
        return;
    }
}

static void
add_proto(const struct hsl_prog *prog, uint32_t number, struct ut_sbuf *out)
{
    const struct hsl_proto *p = prog->protos[number];
    struct hsl_place before = {"", 0, 0}, now;

    ut_sbuf_addf(out, "%s#%u: params %u, variables %u, registers %u\n",
        number == 0 ? "main"
        : p->name   ? p->name
                    : "function",
        number, p->params, p->locals, p->regs);
    for (uint32_t pc = 0; pc < p->count; pc++) {
        const struct hsl_ins *i = &p->code[pc];

        hsl_prog_place(prog, p, pc, &now);
        ut_sbuf_addf(out, "%4u ", pc);
        if (now.line != before.line || now.column != before.column)
            ut_sbuf_addf(out, "%3u:%-3u ", now.line, now.column);
        else
            ut_sbuf_addz(out, "        ");
        before = now;
        ut_sbuf_addz(out, opcodes[i->op].name);
        for (unsigned n = 0; n < 3; n++)
            add_operand(prog, p, pc, n, out);
        if (i->x)
            ut_sbuf_addf(out, " x=%u", i->x);
        ut_sbuf_addc(out, '\n');
    }
    for (uint32_t n = 0; n < p->handler_count; n++) {
        const struct hsl_handler *h = &p->handlers[n];

        ut_sbuf_addf(out, "  try %u-%u ->%u", h->from, h->to, h->target);
        add_reg(p, h->var, out);
        ut_sbuf_addc(out, '\n');
    }
}

void
hsl_prog_disassemble(const struct hsl_prog *p, struct ut_sbuf *out)
{
    for (uint32_t i = 0; i < p->proto_count; i++)
        add_proto(p, i, out);
}
