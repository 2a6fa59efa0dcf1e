/* hsl_code.h - what the files of the compiler share. The way in is hsl_code_unit().
 *
 * Registers. A function's variables have the first ones, for good; temporaries behind them are
 * given out like a stack: fn->temp is the next. A value is computed
 *   - by hsl_code_to() into a register: a variable, or a temporary the caller has reserved, or the
 * next one, not reserved yet. It is written by the last instruction, after all operands were read;
 *   - by hsl_code_any() wherever it is: for a variable its own register, else the next temporary;
 *   - by hsl_code_push() into the next temporary, which is reserved.
 * Each temporary is read by one instruction, which gives it up (hsl_vm.h), unless hsl_code_keep().
 *
 * Variables. One that closures or `global` reach may live in a cell and is read and written by
 * GETVAR and SETVAR; all others are operands themselves. Which of those are surely assigned is
 * followed along the code (fn->known), so that only the first reads are checked.
 *
 * Errors (no memory, a limit of the code) are reported once and set c->failed; after that nothing
 * is emitted and everything returns something harmless. */
#ifndef HSL_CODE_H
#define HSL_CODE_H

#include "hsl/hsl_ast.h"
#include "hsl/hsl_prog.h"

/* --- Variables ---------------------------------------------------------------------------------
 */

/* Variables with registers below this are followed; later ones are checked at each read. */
#define HSL_KNOWN_MAX 512u

struct hsl_known {
    uint64_t bits[HSL_KNOWN_MAX / 64];
};

/* slot of a variable: its register, and for global ones with a cell the number of that above. */
static inline unsigned
hsl_code_reg(const struct hsl_var *v)
{
    return v->slot & 0xffffu;
}

static inline unsigned
hsl_code_global(const struct hsl_var *v)
{
    return v->slot >> 16;
}

/* --- State ---------------------------------------------------------------------------------------
 */

/* Jumps that wait for their target. */
struct hsl_jumps {
    uint32_t *at;
    uint32_t count, cap;
};

/* A loop, switch or barrier around the code. */
struct hsl_code_loop {
    struct hsl_code_loop *outer;
    struct hsl_jumps breaks, continues;
    bool is_switch;
    bool is_barrier;    /* no loop at all: what leaves the block gives the lock up */
    unsigned iterator;  /* temporary of a foreach, or HSL_NO_REG */
    unsigned lock, var; /* barrier: its temporary, and the variable or HSL_NO_REG */
};

/* A function being compiled. */
struct hsl_code_fn {
    struct hsl_function *function; /* NULL: the top level */
    struct hsl_ins *code;
    struct hsl_line *lines, *loops;
    struct hsl_handler *handlers;
    struct hsl_switch *switches;
    uint32_t count, cap, line_count, line_cap, loop_count, loop_cap;
    uint32_t handler_count, handler_cap, switch_count, switch_cap;
    unsigned locals, temp, regs;
    struct hsl_known known;
    struct hsl_code_loop *loop;
    struct hsl_pos pos; /* of the instructions emitted next */
};

struct hsl_code {
    struct hsl_unit *u;
    struct hsl_prog *prog;
    struct hsl_run *run; /* of the constants */
    struct hsl_code_fn *fn;
    struct hsl_proto **protos;
    struct hsl_callee *callees;
    struct hsl_predef *predefs;
    struct hsl_class **classes;
    uint32_t *k_index; /* hash of the constants: position + 1, 0 free */
    uint32_t k_cap, k_mask, callee_cap;
    uint32_t file_base; /* names of files of earlier steps stand before the unit's */
    bool optimize;
    bool failed;
};

/* --- hsl_code.c ----------------------------------------------------------------------------------
 */

/* Compiles a checked unit with its modules into [prog], a new one, whose constants may hold
 * imported data already. False: reported in the unit's diagnostics. */
bool
hsl_code_unit(struct hsl_unit *u, struct hsl_prog *prog) UT_CHECKED;
/* hsl.c: checks a parsed unit and compiles it with its modules. The program with one reference;
 * NULL: reported in the unit's diagnostics. */
struct hsl_prog *
hsl_compile_unit(struct hsl_unit *u) UT_CHECKED;
/* The statements of [body] and an end, as the code of function [number]. */
void
hsl_code_body(struct hsl_code *c, uint32_t number, const struct hsl_node *body);

/* --- hsl_code_global.c: the top level of the script and of modules --------------------------------
 */

/* Gives out the cells and registers of all global variables. */
void
hsl_code_place_globals(struct hsl_code *c);
/* Ties the variables of [s] that stand for a module's to those. */
void
hsl_code_bind_foreign(struct hsl_code *c, const struct hsl_scope *s);
/* The top level of [u] with its imports. */
void
hsl_code_top_level(struct hsl_code *c, const struct hsl_unit *u);
/* Index of the predefined variable that [v] is or stands for, or -1; *readonly (may be NULL). */
long
hsl_code_predef(const struct hsl_code *c, const struct hsl_var *v, bool *readonly);
bool
hsl_code_is_this(const struct hsl_var *v);
/* The variable may live in a cell. */
bool
hsl_code_in_cell(const struct hsl_var *v);

/* --- hsl_code_emit.c: instructions, temporaries, jumps
 * -------------------------------------------- */

/* Reports C15 once and stops emitting. Always false. */
bool
hsl_code_fail(struct hsl_code *c, const char *text);
/* [p] with room for one more than [count] elements of [size], in the unit's arena; NULL: failed. */
void *
hsl_code_grow(struct hsl_code *c, void *p, uint32_t count, uint32_t *cap, size_t size);
/* The position of what is emitted next. */
void
hsl_code_at(struct hsl_code *c, struct hsl_pos pos);
/* Emits; which sources are temporaries is worked out. The number of the instruction. */
uint32_t
hsl_code_emit(struct hsl_code *c, enum hsl_opcode op, unsigned a, unsigned b, unsigned cc);
/* The same with a number in x. */
uint32_t
hsl_code_emitx(
    struct hsl_code *c, enum hsl_opcode op, unsigned x, unsigned a, unsigned b, unsigned cc);
/* Source [n] (0 or 1) of instruction [at] is not given up after all. */
void
hsl_code_keep(struct hsl_code *c, uint32_t at, unsigned n);
unsigned
hsl_code_temp(struct hsl_code *c);
bool
hsl_code_is_temp(const struct hsl_code *c, unsigned reg);
/* a = b, moved out of a temporary; nothing if they are the same. */
void
hsl_code_move(struct hsl_code *c, unsigned a, unsigned b);
/* Forgets a register if it is a temporary. */
void
hsl_code_drop(struct hsl_code *c, unsigned reg);
uint32_t
hsl_code_here(const struct hsl_code *c);
uint32_t
hsl_code_jump(struct hsl_code *c);
void
hsl_code_patch(struct hsl_code *c, uint32_t at, uint32_t target);
void
hsl_code_patch_here(struct hsl_code *c, uint32_t at);
void
hsl_jumps_add(struct hsl_code *c, struct hsl_jumps *j, uint32_t at);
void
hsl_jumps_patch(struct hsl_code *c, const struct hsl_jumps *j, uint32_t target);
/* What is assigned. */
bool
hsl_code_is_known(const struct hsl_code *c, const struct hsl_var *v);
void
hsl_code_set_known(struct hsl_code *c, const struct hsl_var *v);
void
hsl_known_all(struct hsl_known *k);
void
hsl_known_meet(struct hsl_known *k, const struct hsl_known *other);

/* --- hsl_code_const.c: constants and folding
 * ------------------------------------------------------- */

/* The number of a constant; takes the count. 0 after a failure. */
unsigned
hsl_code_k(struct hsl_code *c, struct hsl_value v);
/* Begins with the constants of [before], which keep their numbers. */
void
hsl_code_k_continue(struct hsl_code *c, const struct hsl_prog *before);
unsigned
hsl_code_k_name(struct hsl_code *c, struct hsl_name name);
unsigned
hsl_code_k_num(struct hsl_code *c, double n);
unsigned
hsl_code_k_undef(struct hsl_code *c);
/* True and the constant's number if the value of [n] is known now (language §16). */
bool
hsl_code_const(struct hsl_code *c, const struct hsl_node *n, unsigned *k);
/* True if constant [k] is a number. */
bool
hsl_code_k_is_num(const struct hsl_code *c, unsigned k);
/* The value of constant [n] in the heap of u->consts, for the checker; false: it has none. */
bool
hsl_code_value(struct hsl_unit *u, const struct hsl_node *n, struct hsl_value *out);
/* The same for a key, where "12" is 12; false for keys beyond what a number holds. */
bool
hsl_code_const_key(struct hsl_code *c, const struct hsl_node *n, unsigned *k);
/* A literal number, text, truth value or none, without regard to folding. */
bool
hsl_code_literal(struct hsl_code *c, const struct hsl_node *n, unsigned *k);
/* The Regex object for a pattern literal or text. */
bool
hsl_code_regex(struct hsl_code *c, const struct hsl_node *n, unsigned *k);
/* The function value of [row]. */
unsigned
hsl_code_k_builtin(struct hsl_code *c, const struct hsl_builtin *row);
/* The truth of [n] if that is constant: 1, 0, or -1. */
int
hsl_code_truth(struct hsl_code *c, const struct hsl_node *n);

/* --- hsl_code_expr.c
 * --------------------------------------------------------------------------------- */

void
hsl_code_to(struct hsl_code *c, const struct hsl_node *n, unsigned dst);
unsigned
hsl_code_any(struct hsl_code *c, const struct hsl_node *n);
unsigned
hsl_code_push(struct hsl_code *c, const struct hsl_node *n);
void
hsl_code_push_k(struct hsl_code *c, unsigned k);
/* As any, for a value that must survive the evaluation of [later] (may be NULL). */
unsigned
hsl_code_any_before(struct hsl_code *c, const struct hsl_node *n, const struct hsl_node *later);
/* True if evaluating [n] may assign the variable in [reg]. */
bool
hsl_code_may_assign(const struct hsl_node *n, unsigned reg);
/* Only for what it does. */
void
hsl_code_effect(struct hsl_code *c, const struct hsl_node *n);
/* Without R01: none for what is not there. */
unsigned
hsl_code_quiet(struct hsl_code *c, const struct hsl_node *n);
/* dst = array literal of the N_ELEM from [n] on. */
void
hsl_code_array(struct hsl_code *c, const struct hsl_node *n, unsigned dst);
/* dst = left operator right, of two registers. */
void
hsl_code_operate_on(
    struct hsl_code *c, enum hsl_op op, unsigned dst, unsigned left, unsigned right);
/* The same with an expression on the right; its position is that set by hsl_code_at(). */
void
hsl_code_operate(
    struct hsl_code *c, enum hsl_op op, unsigned dst, unsigned left, const struct hsl_node *right);

/* --- hsl_code_text.c: chains of . and interpolation
 * ---------------------------------------------------- */

void
hsl_code_text(struct hsl_code *c, const struct hsl_node *n, unsigned dst);
/* Variable [reg] .= [n] without making the text of [n] first; false: that is no chain. */
bool
hsl_code_append(struct hsl_code *c, unsigned reg, const struct hsl_node *n);

/* --- hsl_code_cond.c: truth
 * ---------------------------------------------------------------------------- */

/* Jumps if [n] is true (when) or false (not when), else goes on. */
void
hsl_code_cond(struct hsl_code *c, const struct hsl_node *n, bool when, struct hsl_jumps *jumps);
void
hsl_code_logic(struct hsl_code *c, const struct hsl_node *n, unsigned dst);
void
hsl_code_ternary(struct hsl_code *c, const struct hsl_node *n, unsigned dst);
void
hsl_code_coalesce(struct hsl_code *c, const struct hsl_node *n, unsigned dst);
void
hsl_code_match(struct hsl_code *c, const struct hsl_node *n, unsigned dst);
/* The register of the value that switch and match compare, safe from what the tests do. */
unsigned
hsl_code_subject(struct hsl_code *c, const struct hsl_node *subject, const struct hsl_node *arms);
/* Compares [subject], which stays, with each of [tests]; jumps if equal. */
void
hsl_code_tests(
    struct hsl_code *c, unsigned subject, const struct hsl_node *tests, struct hsl_jumps *jumps);

/* --- hsl_code_call.c
 * --------------------------------------------------------------------------------- */

void
hsl_code_call(struct hsl_code *c, const struct hsl_node *n, unsigned dst);
/* The arguments of [call] into the next temporaries: their number, or with spread one array. */
unsigned
hsl_code_args(struct hsl_code *c, const struct hsl_node *call);
/* dst = the function value of a literal or a bare name. */
void
hsl_code_function(struct hsl_code *c, const struct hsl_function *f, unsigned dst);
void
hsl_code_name(struct hsl_code *c, const struct hsl_node *n, unsigned dst);

/* --- hsl_code_class.c ---------------------------------------------------------------------------
 */

/* Gives classes and their variables their numbers; may add functions to the unit. */
void
hsl_code_place_classes(struct hsl_code *c);
/* Makes the classes, when functions have their heads. */
void
hsl_code_classes(struct hsl_code *c);
/* The static variables of the classes of [u] get their values: at the start of its top level. */
void
hsl_code_statics(struct hsl_code *c, const struct hsl_unit *u);
/* Those that the function mentions are tied to them. */
void
hsl_code_bind_statics(struct hsl_code *c);
/* What a constructor does before its own code. */
void
hsl_code_construct_prologue(struct hsl_code *c);
/* R13 at run time if [n], an N_VAR or N_STATIC, may not be read, or not be written. */
void
hsl_code_refuse(struct hsl_code *c, const struct hsl_node *n, bool write);
/* `$this->v` with v a declared variable of the class around. */
bool
hsl_code_slot(const struct hsl_code *c, const struct hsl_node *n, unsigned *slot);
/* The function that `$this->f(...)` surely calls, arguments fitting; NULL: not known. */
const struct hsl_function *
hsl_code_own_method(const struct hsl_code *c, const struct hsl_node *call);

/* --- hsl_code_assign.c: variables and elements, ++, ??=
 * ------------------------------------------------ */

/* Assigns. The register of the value if [want] (as from any), else HSL_NO_REG. */
unsigned
hsl_code_assign(struct hsl_code *c, const struct hsl_node *n, bool want);
unsigned
hsl_code_coalesce_assign(struct hsl_code *c, const struct hsl_node *n, bool want);
unsigned
hsl_code_incdec(struct hsl_code *c, const struct hsl_node *n, bool want);
/* The target = what temporary or variable [reg] holds; a temporary is given up. */
void
hsl_code_store(struct hsl_code *c, const struct hsl_node *target, unsigned reg);
void
hsl_code_unset(struct hsl_code *c, const struct hsl_node *n, unsigned dst);
void
hsl_code_isset(struct hsl_code *c, const struct hsl_node *n, unsigned dst);

/* --- hsl_code_path.c: chains of keys, slices, patterns
 * -------------------------------------------------- */

/* An lvalue taken apart: a variable, or a value in a temporary, and keys. */
struct hsl_path {
    const struct hsl_node *root;
    const struct hsl_node *steps[HSL_PATH_MAX]; /* INDEX and PROP nodes, from the root on */
    unsigned count;
    unsigned reg;  /* of the root */
    unsigned keys; /* first temporary of the keys */
};

/* Takes [n] apart; false: too many keys, reported. Emits nothing. */
bool
hsl_path_take(struct hsl_code *c, const struct hsl_node *n, struct hsl_path *p);
/* Makes the root ready to be written (or [quiet]: looked at) and sets p->reg. */
void
hsl_path_root(struct hsl_code *c, struct hsl_path *p, bool quiet);
/* Pushes the keys; `[]` is an undefined value. */
void
hsl_path_keys(struct hsl_code *c, struct hsl_path *p);
/* After the instruction: a root that was a temporary is forgotten. */
void
hsl_path_done(struct hsl_code *c, const struct hsl_path *p);
/* Destructures [src], a temporary that stays. */
void
hsl_code_pattern(struct hsl_code *c, const struct hsl_node *pattern, unsigned src);
void
hsl_code_slice(struct hsl_code *c, const struct hsl_node *n, unsigned dst);
/* v[first:last] = the value in register [reg], which is given up if temporary. */
void
hsl_code_slice_store(
    struct hsl_code *c, const struct hsl_node *n, const struct hsl_node *value, unsigned reg);
void
hsl_code_slice_unset(struct hsl_code *c, const struct hsl_node *n, unsigned dst);

/* --- hsl_code_stmt.c, hsl_code_loop.c
 * -------------------------------------------------------------------- */

/* Forgets the iterators of the loops inside [outer] (NULL: of all), leaves barriers there, and goes on
 * emitting as before. */
void
hsl_code_leave_loops(struct hsl_code *c, const struct hsl_code_loop *outer);
void
hsl_code_statement(struct hsl_code *c, const struct hsl_node *n);
void
hsl_code_statements(struct hsl_code *c, const struct hsl_node *n);
void
hsl_code_while(struct hsl_code *c, const struct hsl_node *n);
void
hsl_code_for(struct hsl_code *c, const struct hsl_node *n);
void
hsl_code_foreach(struct hsl_code *c, const struct hsl_node *n);
void
hsl_code_switch(struct hsl_code *c, const struct hsl_node *n);
void
hsl_code_break(struct hsl_code *c, const struct hsl_node *n);

/* --- hsl_code_share.c
 * ---------------------------------------------------------------------------------- */

void
hsl_code_cache(struct hsl_code *c, const struct hsl_node *n, unsigned dst);
void
hsl_code_barrier(struct hsl_code *c, const struct hsl_node *n);

#endif
