/* hsl_code_const.c - constants of the program, and expressions that are constant (language §16).
 *
 * Constants are made in the program's own heap by the same operators that run time uses, so folding
 * cannot change a result. Whatever fails there is left to run time, where it fails with a position.
 * Equal numbers, texts and functions are kept once.
 *
 * Not here: which expressions may stand as defaults (hsl_fold.c).
 * Threads: one per unit. Fails: C15. */
#include "config.h"

#include "hsl/hsl_arr.h"
#include "hsl/hsl_code.h"
#include "hsl/hsl_env.h"
#include "hsl/hsl_regex.h"

/* Results of folding larger than this are left to run time. */
#define FOLD_MAX 4096u

/* --- The table
 * ------------------------------------------------------------------------------------- */

static uint32_t
hash_of(const struct hsl_value *v)
{
    uint64_t bits;

    if (v->type == HSL_STR)
        return hsl_str_hash(v->u.str);
    memcpy(&bits, &v->u, sizeof(bits));
    return (uint32_t)((bits * 0x9e3779b97f4a7c15u) >> 32) ^ v->type;
}

/* The same to the last bit: -0 is not 0. */
static bool
identical(const struct hsl_value *a, const struct hsl_value *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case HSL_NONE:
    case HSL_UNDEF:
        return true;
    case HSL_BOOL:
        return a->u.b == b->u.b;
    case HSL_NUM:
        return memcmp(&a->u.num, &b->u.num, sizeof(a->u.num)) == 0;
    case HSL_STR:
        return hsl_str_equal(a->u.str, b->u.str);
    default:
        return a->u.rc == b->u.rc;
    }
}

static void
index_constant(struct hsl_code *c, uint32_t k)
{
    uint32_t at = hash_of(&c->prog->k[k]) & c->k_mask;

    while (c->k_index[at])
        at = (at + 1) & c->k_mask;
    c->k_index[at] = k + 1;
}

/* Room for one more constant, and an index at most half full. */
static bool
make_room(struct hsl_code *c)
{
    struct hsl_prog *p = c->prog;
    struct hsl_value *k;

    if (p->k_count >= HSL_CONST_MAX)
        return hsl_code_fail(c, "more than 65000 constants");
    k = hsl_code_grow(c, p->k, p->k_count, &c->k_cap, sizeof(*k));
    if (!k)
        return false;
    p->k = k;
    if (c->k_index && p->k_count * 2 < c->k_mask)
        return true;
    c->k_mask = c->k_index ? c->k_mask * 2 + 1 : 63;
    c->k_index = ut_arena_calloc(c->u->arena, (size_t)c->k_mask + 1, sizeof(*c->k_index));
    if (!c->k_index)
        return hsl_code_fail(c, "not enough memory for the script");
    for (uint32_t i = 0; i < p->k_count; i++)
        index_constant(c, i);
    return true;
}

/* Values with the same meaning shall have the same bits: they are hashed. */
static struct hsl_value
normal(struct hsl_value v)
{
    struct hsl_value out = {.u.num = 0, .type = v.type};

    if (v.type == HSL_NONE || v.type == HSL_UNDEF)
        return out;
    if (v.type != HSL_BOOL)
        return v;
    out.u.b = v.u.b;
    return out;
}

unsigned
hsl_code_k(struct hsl_code *c, struct hsl_value v)
{
    struct hsl_prog *p = c->prog;

    if (c->failed)
        return 0;
    v = normal(v);
    if (c->k_index) {
        for (uint32_t at = hash_of(&v) & c->k_mask; c->k_index[at]; at = (at + 1) & c->k_mask) {
            uint32_t k = c->k_index[at] - 1;

            if (identical(&p->k[k], &v)) {
                hsl_unref(c->run, v);
                return k;
            }
        }
    }
    if (!make_room(c))
        return 0;
    p->k[p->k_count] = v;
    index_constant(c, p->k_count);
    return p->k_count++;
}

bool
hsl_code_k_is_num(const struct hsl_code *c, unsigned k)
{
    return !c->failed && c->prog->k[k].type == HSL_NUM;
}

void
hsl_code_k_continue(struct hsl_code *c, const struct hsl_prog *before)
{
    for (uint32_t i = 0; i < before->k_count && make_room(c); i++) {
        c->prog->k[i] = before->k[i];
        index_constant(c, i);
        c->prog->k_count++;
    }
}

/* A new text, or NULL: reported. */
static struct hsl_str *
new_text(struct hsl_code *c, struct hsl_name name)
{
    struct hsl_str *s = hsl_str_new(c->run, name.p, name.len);

    if (!s)
        (void)hsl_code_fail(c, "not enough memory for the script");
    return s;
}

unsigned
hsl_code_k_name(struct hsl_code *c, struct hsl_name name)
{
    struct hsl_str *s = c->failed ? NULL : new_text(c, name);

    return s ? hsl_code_k(c, hsl_from_str(s)) : 0;
}

unsigned
hsl_code_k_num(struct hsl_code *c, double n)
{
    return hsl_code_k(c, hsl_num(n));
}

unsigned
hsl_code_k_undef(struct hsl_code *c)
{
    return hsl_code_k(c, (struct hsl_value){.type = HSL_UNDEF});
}

unsigned
hsl_code_k_builtin(struct hsl_code *c, const struct hsl_builtin *row)
{
    struct hsl_fn *fn;

    for (uint32_t k = 0; k < c->prog->k_count; k++) {
        const struct hsl_value *v = &c->prog->k[k];

        if (v->type == HSL_FN && v->u.fn->kind == HSL_FN_BUILTIN && v->u.fn->builtin == row)
            return k;
    }
    fn = c->failed ? NULL : hsl_heap_alloc(&c->run->heap, sizeof(*fn));
    if (!fn) {
        (void)hsl_code_fail(c, "not enough memory for the script");
        return 0;
    }
    *fn = (struct hsl_fn){.rc = {1}, .kind = HSL_FN_BUILTIN, .builtin = row};
    return hsl_code_k(c, (struct hsl_value){.u.fn = fn, .type = HSL_FN});
}

/* --- Patterns
 * ---------------------------------------------------------------------------------------- */

/* The checker has compiled each pattern through the process cache, under this text. Where the
 * script has a string, the object keeps an empty one as its property: errors name what is written
 * there. */
bool
hsl_code_regex(struct hsl_code *c, const struct hsl_node *n, unsigned *k)
{
    struct hsl_regex *re;
    struct hsl_value v;
    struct ut_sbuf text;
    struct ut_diag d;

    ut_sbuf_init(&text, (size_t)n->u.str.len + 16);
    if (n->kind == HSL_N_REGEX)
        ut_sbuf_addc(&text, '/');
    ut_sbuf_add(&text, n->u.str.p, n->u.str.len);
    if (n->kind == HSL_N_REGEX) {
        ut_sbuf_addc(&text, '/');
        ut_sbuf_addz(&text, n->u.regex.flags);
    }
    re = text.failed ? NULL
                     : hsl_regex_cache_get(c->u->env ? c->u->env->regexes : NULL,
                           ut_sbuf_text(&text), text.len, &d);
    ut_sbuf_fini(&text);
    if (!re || !hsl_regex_to_value(c->run, re, &v))
        return hsl_code_fail(c, "not enough memory for the script");
    if (n->kind == HSL_N_STR)
        v.u.obj->props = hsl_from_str(hsl_str_empty());
    *k = hsl_code_k(c, v);
    return true;
}

/* --- Folding
 * ----------------------------------------------------------------------------------------- */

static bool
fold(struct hsl_code *c, const struct hsl_node *n, struct hsl_value *out);

/* Forgets an error of an operator: it happens again at run time, or never. */
static bool
give_up(struct hsl_code *c)
{
    c->run->state = HSL_RUNNING;
    c->run->heap.over = false;
    c->run->heap.oom = false;
    return false;
}

static bool
too_large(const struct hsl_value *v)
{
    return (v->type == HSL_STR && v->u.str->len > FOLD_MAX) ||
           (v->type == HSL_ARR && v->u.arr->count > FOLD_MAX);
}

/* Repetition is the one operator that makes much of little. */
static bool
is_worth(enum hsl_op op, const struct hsl_value *a, const struct hsl_value *b)
{
    if (too_large(a) || too_large(b) || op == HSL_OP_MATCH || op == HSL_OP_NMATCH)
        return false;
    if (op == HSL_OP_MOD && a->type == HSL_STR)
        return false;
    return op != HSL_OP_MUL || a->type < HSL_STR ||
           (b->type == HSL_NUM && b->u.num < (double)FOLD_MAX / 64);
}

static bool
fold_binary(struct hsl_code *c, const struct hsl_node *n, struct hsl_value *out)
{
    enum hsl_op op = (enum hsl_op)n->op;
    struct hsl_value a, b;
    bool ok;

    if (!fold(c, n->u.bin.a, &a))
        return false;
    if (!fold(c, n->u.bin.b, &b)) {
        hsl_unref(c->run, a);
        return false;
    }
    ok = is_worth(op, &a, &b) && (hsl_op_binary(c->run, op, &a, &b, out) || give_up(c));
    hsl_unref(c->run, a);
    hsl_unref(c->run, b);
    return ok;
}

static bool
fold_unary(struct hsl_code *c, const struct hsl_node *n, struct hsl_value *out)
{
    struct hsl_value a;
    bool ok = true;

    if (!fold(c, n->u.un.a, &a))
        return false;
    if (n->kind == HSL_N_NOT)
        *out = hsl_bool(!hsl_truth(&a));
    else
        ok = hsl_op_unary(c->run, (enum hsl_op)n->op, &a, out) || give_up(c);
    hsl_unref(c->run, a);
    return ok;
}

static bool
fold_logic(struct hsl_code *c, const struct hsl_node *n, struct hsl_value *out)
{
    struct hsl_value a, b;
    bool left;

    if (!fold(c, n->u.bin.a, &a))
        return false;
    left = hsl_truth(&a);
    hsl_unref(c->run, a);
    if (!fold(c, n->u.bin.b, &b))
        return false;
    *out = hsl_bool(n->kind == HSL_N_AND ? left && hsl_truth(&b) : left || hsl_truth(&b));
    hsl_unref(c->run, b);
    return true;
}

static bool
fold_ternary(struct hsl_code *c, const struct hsl_node *n, struct hsl_value *out)
{
    struct hsl_value a;
    bool is;

    if (!fold(c, n->u.tern.a, &a))
        return false;
    is = hsl_truth(&a);
    if (is && !n->u.tern.b) {
        *out = a;
        return true;
    }
    hsl_unref(c->run, a);
    return fold(c, is ? n->u.tern.b : n->u.tern.c, out);
}

static bool
fold_element(struct hsl_code *c, struct hsl_arr *a, const struct hsl_node *e)
{
    struct hsl_value key = hsl_none(), v;
    bool ok;

    if (e->u.elem.spread || (e->u.elem.key && !fold(c, e->u.elem.key, &key)))
        return false;
    if (!fold(c, e->u.elem.value, &v)) {
        hsl_unref(c->run, key);
        return false;
    }
    ok = e->u.elem.key ? hsl_arr_set(c->run, a, &key, v) : hsl_arr_push(c->run, a, v);
    hsl_unref(c->run, key);
    return ok || give_up(c);
}

static bool
fold_array(struct hsl_code *c, const struct hsl_node *n, struct hsl_value *out)
{
    struct hsl_arr *a = hsl_arr_new(c->run, 0);

    if (!a)
        return give_up(c);
    for (const struct hsl_node *e = n->u.list.first; e; e = e->next) {
        if (!fold_element(c, a, e)) {
            hsl_unref(c->run, hsl_from_arr(a));
            return false;
        }
    }
    *out = hsl_from_arr(a);
    return true;
}

static bool
fold_literal(struct hsl_code *c, const struct hsl_node *n, struct hsl_value *out)
{
    struct hsl_str *s;

    switch (n->kind) {
    case HSL_N_NONE:
        *out = hsl_none();
        return true;
    case HSL_N_TRUE:
    case HSL_N_FALSE:
        *out = hsl_bool(n->kind == HSL_N_TRUE);
        return true;
    case HSL_N_NUM:
        *out = hsl_num(n->u.num);
        return true;
    case HSL_N_STR:
        s = new_text(c, n->u.str);
        if (s)
            *out = hsl_from_str(s);
        return s != NULL;
    default:
        return false;
    }
}

static bool
fold(struct hsl_code *c, const struct hsl_node *n, struct hsl_value *out)
{
    switch (n->kind) {
    case HSL_N_ARRAY:
        return fold_array(c, n, out);
    case HSL_N_BINARY:
        return fold_binary(c, n, out);
    case HSL_N_UNARY:
    case HSL_N_NOT:
        return fold_unary(c, n, out);
    case HSL_N_AND:
    case HSL_N_OR:
        return fold_logic(c, n, out);
    case HSL_N_TERNARY:
        return fold_ternary(c, n, out);
    default:
        return fold_literal(c, n, out);
    }
}

bool
hsl_code_value(struct hsl_unit *u, const struct hsl_node *n, struct hsl_value *out)
{
    struct hsl_code c = {.u = u, .run = u->consts};

    return fold(&c, n, out);
}

/* --- Asking
 * ------------------------------------------------------------------------------------------ */

bool
hsl_code_literal(struct hsl_code *c, const struct hsl_node *n, unsigned *k)
{
    struct hsl_value v;

    if (c->failed || !fold_literal(c, n, &v))
        return false;
    *k = hsl_code_k(c, v);
    return !c->failed;
}

bool
hsl_code_const(struct hsl_code *c, const struct hsl_node *n, unsigned *k)
{
    struct hsl_value v;

    if (hsl_code_literal(c, n, k))
        return true;
    if (c->failed || !c->optimize || !hsl_node_is_const(n) || !fold(c, n, &v))
        return false;
    if (too_large(&v)) {
        hsl_unref(c->run, v);
        return false;
    }
    *k = hsl_code_k(c, v);
    return !c->failed;
}

bool
hsl_code_const_key(struct hsl_code *c, const struct hsl_node *n, unsigned *k)
{
    int64_t i;
    const struct hsl_value *v;

    if (!hsl_code_const(c, n, k))
        return false;
    v = &c->prog->k[*k];
    if (v->type != HSL_STR)
        return v->type == HSL_NUM;
    if (hsl_to_key(v, &i) != 1)
        return true;
    if (i > (int64_t)1 << 53 || i < -((int64_t)1 << 53))
        return false;
    *k = hsl_code_k_num(c, (double)i);
    return !c->failed;
}

int
hsl_code_truth(struct hsl_code *c, const struct hsl_node *n)
{
    unsigned k;

    return c->optimize && hsl_code_const(c, n, &k) ? hsl_truth(&c->prog->k[k]) : -1;
}
