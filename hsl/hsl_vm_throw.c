/* hsl_vm_throw.c - errors on their way: where they happened, who handles them, what budgets say.
 *
 * Two kinds unwind: what is thrown looks for a try block in each frame; a final action or a limit
 * goes through all of them. Both forget the registers of each frame that they leave, since run
 * after run uses the same stack (invariant in hsl_vm.h).
 *
 * Not here: making errors (hsl_run.c), the Exception object (hsl_exception.c).
 * Threads: one per machine. */
#include "config.h"

#include "hsl/hsl_barrier.h"
#include "hsl/hsl_vm.h"
#include "lib/ut_time.h"
#include "lib/ut_utf8.h"

#define NO_ARM_TEXT 500 /* bytes of a value in a message */

static uint32_t
pc_of(const struct hsl_frame *f)
{
    return (uint32_t)(f->pc - f->proto->code);
}

static void
frame_place(const struct hsl_machine *m, const struct hsl_frame *f, struct hsl_place *place)
{
    hsl_prog_place(m->prog, f->proto, pc_of(f), place);
}

/* The error is new: remembers where it happened. */
static void
set_place(struct hsl_machine *m)
{
    struct hsl_frame *f = m->frame;

    if (!m->looping || !hsl_prog_loop_place(m->prog, f->proto, pc_of(f), &m->place))
        frame_place(m, f, &m->place);
    m->placed = true;
    m->looping = false;
    m->traced = 0;
    if (m->run.state == HSL_THROWN && m->raised)
        hsl_exception_set_place(m->run.thrown.u.obj, &m->place);
}

/* The error has come to the call that frame [f] is at. */
static void
add_trace(struct hsl_machine *m, const struct hsl_frame *f)
{
    if (m->traced < HSL_TRACE_MAX)
        frame_place(m, f, &m->trace[m->traced]);
    m->traced++;
}

static const struct hsl_handler *
find_handler(const struct hsl_frame *f)
{
    const struct hsl_proto *p = f->proto;
    uint32_t pc = pc_of(f);

    for (uint32_t i = 0; i < p->handler_count; i++) {
        const struct hsl_handler *h = &p->handlers[i];

        if (pc >= h->from && pc < h->to)
            return h;
    }
    return NULL;
}

/* What was thrown goes to the variable of [h]. */
static void
handle(struct hsl_machine *m, const struct hsl_handler *h)
{
    struct hsl_run *r = &m->run;
    struct hsl_frame *f = m->frame;
    struct hsl_value thrown = r->thrown;

    for (uint32_t i = h->live; i < f->proto->regs; i++)
        hsl_drop(r, &f->regs[i]);
    f->pc = f->proto->code + h->target;
    hsl_vm_forget(m);
    hsl_put(r, hsl_deref(&f->regs[h->var]), thrown);
}

void
hsl_vm_forget(struct hsl_machine *m)
{
    m->run.state = HSL_RUNNING;
    m->run.thrown = (struct hsl_value){.type = HSL_UNDEF};
    m->placed = false;
    m->looping = false;
    m->raised = false;
    m->traced = 0;
}

bool
hsl_vm_unwind(struct hsl_machine *m)
{
    bool entry;

    if (m->placed)
        add_trace(m, m->frame);
    else
        set_place(m);
    for (;;) {
        const struct hsl_handler *h = m->run.state == HSL_THROWN ? find_handler(m->frame) : NULL;

        if (h) {
            handle(m, h);
            return true;
        }
        if (m->run.state == HSL_FINISHED)
            hsl_barrier_leave_frame(m);
        entry = m->frame->kind == HSL_FRAME_ENTRY;
        hsl_vm_pop(m);
        if (entry)
            return false;
        add_trace(m, m->frame);
    }
}

bool
hsl_vm_throw(struct hsl_machine *m, struct hsl_value v)
{
    m->run.thrown = v;
    m->run.state = HSL_THROWN;
    m->raised = false;
    m->placed = false;
    return false;
}

bool
hsl_vm_no_arm(struct hsl_machine *m, const struct hsl_value *v)
{
    struct hsl_str *s = hsl_to_str(&m->run, v);
    size_t len;

    if (!s)
        return false;
    len = ut_utf8_cut(s->data, s->len, NO_ARM_TEXT);
    (void)hsl_raise(&m->run, HSL_R15, "match: no arm for %.*s", (int)len, s->data);
    hsl_unref(&m->run, hsl_from_str(s));
    return false;
}

/* Names of classes and namespaces hold a $ already, and may have the number of a module in front:
 * "5:C::$v". */
bool
hsl_vm_undefined(struct hsl_machine *m, const char *name)
{
    const char *colons = strstr(name, "::"), *number = strchr(name, ':');

    if (colons)
        return hsl_raise(
            &m->run, HSL_R01, "undefined variable %s", number < colons ? number + 1 : name);
    return hsl_raise(&m->run, HSL_R01, "undefined variable $%s", name);
}

/* --- Budgets ---------------------------------------------------------------------------------- */

bool
hsl_vm_tick(struct hsl_machine *m)
{
    struct hsl_run *r = &m->run;
    uint64_t left;

    r->instructions += hsl_vm_used(m);
    m->slice = 0;
    m->ticks = -1;
    if (r->instructions > r->limits.max_instructions)
        return hsl_limit(r, HSL_L01, "instruction budget (%llu) exceeded",
            (unsigned long long)r->limits.max_instructions);
    if (!hsl_in_time(r))
        return false;
    left = r->limits.max_instructions - r->instructions + 1;
    m->slice = left < HSL_TICKS ? (int32_t)left : HSL_TICKS;
    m->ticks = m->slice - 1;
    return true;
}
