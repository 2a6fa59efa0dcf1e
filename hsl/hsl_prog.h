/* hsl_prog.h - a compiled program: code, constants, positions. Made by hsl_code.c, never changed
 * after that, counted atomically, shared by threads.
 *
 * Constants lie in a heap of their own. When the program is finished each carries HSL_RC_STATIC,
 * so that runs neither count nor free them; they go with the program. */
#ifndef HSL_PROG_H
#define HSL_PROG_H

#include <stdatomic.h>

#include "hsl/hsl_lib.h"
#include "hsl/hsl_value.h"
#include "lib/ut_arena.h"

struct hsl_unit; /* hsl_ast.h */

enum hsl_opcode {
#define HSL_OPCODE(name, operands, meaning) HSL_I_##name,
#include "hsl/hsl_opcode.def"
    HSL_I_COUNT_
};

struct hsl_ins {
    uint8_t op; /* enum hsl_opcode */
    uint8_t x;
    uint16_t a, b, c;
};

_Static_assert(sizeof(struct hsl_ins) == 8, "one instruction is one word");

/* In a finished program an operand that is a register (letters d, s, v, t of hsl_opcode.def) holds
 * its number times this: the processor scales by the rest as it adds. */
#define HSL_REG_SCALE 2u

/* The register that operand [o] of an instruction names. */
static inline struct hsl_value *
hsl_reg(struct hsl_value *regs, unsigned o)
{
    return (struct hsl_value *)(void *)((char *)regs + o * (sizeof(*regs) / HSL_REG_SCALE));
}

#define HSL_NO_REG 0xffffu    /* "no register" where an operand may be one */
#define HSL_OPERAND_K 0x8000u /* this operand of EXT is a constant */
#define HSL_REG_MAX 0x7fffu   /* most registers of a function; scaled they fit in 16 bits */
#define HSL_CONST_MAX 65000u  /* most constants of a program */
#define HSL_CONCAT_MAX 32u    /* most operands of CONCATN */
#define HSL_PATH_MAX 63u      /* most keys of a path, and of a pattern with a rest */
#define HSL_ARG_MAX 250u      /* most arguments written in one call */

/* The position of the instructions from [pc] on. */
struct hsl_line {
    uint32_t pc;
    uint32_t line;
    uint16_t column;
    uint16_t file; /* index into prog->files */
};

/* A try block: what is thrown in [from, to) goes on at [target]. Inner ones stand before outer
 * ones. */
struct hsl_handler {
    uint32_t from, to, target;
    uint16_t var;  /* register that gets the value */
    uint16_t live; /* first temporary that is not live there */
};

/* Cases of a switch whose texts are all constant: text to place in the code. */
struct hsl_switch {
    uint32_t mask; /* slots - 1 */
    struct hsl_switch_slot {
        const struct hsl_str *text; /* NULL: free */
        uint32_t target;
    } * slots;
};

/* A compiled function, or the top level of a file. */
struct hsl_proto {
    const struct hsl_ins *code;
    uint32_t count;    /* instructions */
    uint16_t params;   /* registers that arguments fill: $this if has_self, parameters, rest */
    uint16_t required; /* arguments that must be given */
    uint16_t optional; /* arguments that may follow */
    uint16_t locals;   /* registers of variables; temporaries follow */
    uint16_t regs;     /* all registers */
    bool rest;         /* the last parameter takes the rest */
    bool has_self;     /* register 0 is $this */
    bool is_fixed;     /* no rest and no optional parameters */
    bool is_simple;    /* the same, and no $this */
    uint16_t capture_count;
    const uint16_t *captures; /* registers of the function around, to be captured */
    const uint16_t *defaults; /* constants for the optional parameters */
    const char *name;         /* NULL: none */
    const struct hsl_class *cls; /* the class it is written in, or NULL */
    const struct hsl_line *lines;
    uint32_t line_count;
    const struct hsl_line *loops; /* position of the loop of each instruction that jumps back */
    uint32_t loop_count;
    const struct hsl_handler *handlers;
    uint32_t handler_count;
    const struct hsl_switch *switches;
    uint32_t switch_count;
    uint32_t value; /* constant that is this function as a value, if it captures nothing */
};

/* A built-in that is called by name. want[i] has bit 1 << type set for each type that argument i
 * may have as it is; others go through hsl_lib_call(). */
#define HSL_CALLEE_ARGS 6u
#define HSL_WANT_REGEX 0x8000u /* a Regex object too */
struct hsl_callee {
    const struct hsl_builtin *row;
    uint16_t want[HSL_CALLEE_ARGS];
};

/* A predefined variable that the program mentions; one that modules may write has several. */
struct hsl_predef {
    const char *name; /* without $ */
    uint8_t type;     /* enum hsl_type of the value where the host knows none */
    uint32_t global;  /* its cell */
};

struct hsl_prog {
    atomic_uint refs;
    struct ut_arena *arena; /* all but the constants */
    struct hsl_run *consts; /* its heap holds the constants */
    struct hsl_value *k;    /* constants */
    uint32_t k_count;
    const struct hsl_proto **protos; /* [0] is the top level */
    uint32_t proto_count;
    const struct hsl_callee *callees;
    uint32_t callee_count;
    const struct hsl_class *const *classes;
    uint32_t class_count;
    const char **files; /* names in messages */
    const char **paths; /* real paths of the last path_count of them; NULL: none */
    uint32_t path_count;
    uint32_t file_count;
    const struct hsl_predef *predefs;
    uint32_t predef_count;
    uint32_t global_count; /* cells of global variables */
    const char **mentions; /* built-ins called and predefined variables mentioned */
    uint32_t mention_count;
    enum hsl_flow flow;
    bool modern;
    struct hsl_prog *before; /* what a session ran before: its code and constants are used here */
};

/* An empty program with one reference and the run for its constants; NULL: no memory. */
struct hsl_prog *
hsl_prog_new(void) UT_CHECKED;
/* Makes every counted thing that [v] leads to a constant, which is from then on nobody's to free.
 */
void
hsl_prog_freeze(struct hsl_value v);
/* The position of the instruction at [pc] of [p]. Never fails; line 0 if it has none. */
void
hsl_prog_place(
    const struct hsl_prog *prog, const struct hsl_proto *p, uint32_t pc, struct hsl_place *place);
/* The same for the loop whose jump back is at [pc]; false: there is none. */
bool
hsl_prog_loop_place(
    const struct hsl_prog *prog, const struct hsl_proto *p, uint32_t pc, struct hsl_place *place);
/* Index of the (first) predefined variable [name], or -1. */
long
hsl_prog_predef(const struct hsl_prog *p, const char *name);

/* hsl_dis.c: facts of the instructions, from hsl_opcode.def. */
const char *
hsl_opcode_operands(unsigned op);

#endif
