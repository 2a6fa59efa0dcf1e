/* hsl_gen.c - generators: making, resuming, suspending (see hsl_gen.h).
 *
 * Not here: that a foreach drives them (NEXT and NEXTKEY in hsl_vm.c).
 * Threads: one per machine. Fails: R15 if it is running already; L04, memory. */
#include "config.h"

#include "hsl/hsl_gen.h"

enum state { SUSPENDED, RUNNING, ENDED };

struct generator {
    const struct hsl_proto *proto;
    const struct hsl_ins *pc; /* what comes next */
    double key;               /* of the next yield that names none */
    enum state state;
    struct hsl_value regs[]; /* while suspended: all of the function */
};

static size_t
size_of(const struct hsl_proto *p)
{
    return sizeof(struct generator) + p->regs * sizeof(struct hsl_value);
}

/* Moves [n] registers; those of before are empty after. */
static void
move(struct hsl_value *to, struct hsl_value *from, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        to[i] = from[i];
        from[i].type = HSL_NONE;
    }
}

static void
finish(struct hsl_run *r, struct hsl_obj *o)
{
    struct generator *g = o->data;

    o->data = NULL;
    if (!g)
        return;
    for (unsigned i = 0; g->state == SUSPENDED && i < g->proto->regs; i++)
        hsl_unref(r, g->regs[i]);
    hsl_heap_free(&r->heap, g, size_of(g->proto));
}

const struct hsl_class hsl_generator_class = {.name = "Generator", .finish = finish};

bool
hsl_gen_new(struct hsl_machine *m, const struct hsl_ins *i, struct hsl_value *out)
{
    struct hsl_frame *f = m->frame;
    const struct hsl_proto *p = f->proto;
    struct hsl_obj *o = hsl_obj_new(&m->run, &hsl_generator_class);
    struct generator *g;

    if (!o)
        return false;
    *out = (struct hsl_value){.u.obj = o, .type = HSL_OBJ};
    g = hsl_heap_alloc(&m->run.heap, size_of(p));
    if (!g) {
        (void)hsl_raise_memory(&m->run);
        hsl_unref(&m->run, *out);
        return false;
    }
    *g = (struct generator){.proto = p, .pc = i + 1, .state = SUSPENDED};
    for (unsigned n = p->locals; n < p->regs; n++)
        g->regs[n] = hsl_none();
    move(g->regs, f->regs, p->locals);
    o->data = g;
    return true;
}

int
hsl_gen_resume(struct hsl_machine *m, const struct hsl_value *v)
{
    struct generator *g = v->u.obj->data;
    struct hsl_value *at;

    if (g->state == ENDED)
        return 0;
    if (g->state == RUNNING) {
        (void)hsl_raise(&m->run, HSL_R15, "foreach over a generator that is running already");
        return -1;
    }
    if (!hsl_work(&m->run, size_of(g->proto)))
        return -1;
    at = hsl_vm_push(m, g->proto);
    if (!at)
        return -1;
    at[-1] = hsl_ref(*v);
    move(at, g->regs, g->proto->regs);
    g->state = RUNNING;
    m->frame->kind = HSL_FRAME_GENERATOR;
    m->frame->pc = g->pc;
    return 1;
}

/* The operand of YIELD in [reg], its share moved out if it is a temporary. */
static struct hsl_value
operand(struct hsl_value *regs, unsigned reg, bool temporary)
{
    struct hsl_value *at = hsl_reg(regs, reg), v = *at;

    if (!temporary)
        return hsl_ref(v);
    at->type = HSL_NONE;
    return v;
}

/* The registers of the foreach that is at the frame's pc get [key] and [v]. */
static void
deliver(struct hsl_machine *m, struct hsl_value key, struct hsl_value v)
{
    const struct hsl_frame *f = m->frame;

    if (f->pc->op == HSL_I_NEXTKEY)
        hsl_put(&m->run, &f->regs[f->pc[1].a], key);
    else
        hsl_unref(&m->run, key);
    hsl_put(&m->run, hsl_reg(f->regs, f->pc->b), v);
}

void
hsl_gen_yield(struct hsl_machine *m, const struct hsl_ins *i)
{
    struct hsl_frame *f = m->frame;
    struct hsl_value *self = f->regs - 1, key, v = operand(f->regs, i->b, i->x & 1);
    struct generator *g = self->u.obj->data;

    key = i->c == HSL_NO_REG ? hsl_num(g->key++) : operand(f->regs, i->c, i->x & 2);
    hsl_put(&m->run, hsl_reg(f->regs, i->a), hsl_none());
    move(g->regs, f->regs, f->proto->regs);
    g->pc = i + 1;
    g->state = SUSPENDED;
    m->frame = f - 1;
    hsl_drop(&m->run, self);
    hsl_vm_leave_segments(m, f->segments);
    deliver(m, key, v);
}

void
hsl_gen_end(struct hsl_machine *m, struct hsl_value *v)
{
    struct generator *g = v->u.obj->data;

    g->state = ENDED;
    hsl_drop(&m->run, v);
}
