/* hsl_run.c - what built-ins and operators may ask of the run: errors, budgets, places.
 *
 * A run without a machine computes constants for the compiler: errors are noted in its state only.
 *
 * Not here: carrying errors to their handlers (hsl_vm_throw.c), hsl_call() (hsl_vm_call.c).
 * Threads: the run's. */
#include "config.h"

#include <stdarg.h>

#include "hsl/hsl_vm.h"
#include "lib/ut_time.h"

bool
hsl_raise(struct hsl_run *r, enum hsl_rcode code, const char *fmt, ...)
{
    char text[768];
    struct hsl_machine *m = r->machine;
    struct hsl_obj *e;
    va_list ap;
    int n;

    if (r->state != HSL_RUNNING)
        return false;
    if (!m) {
        r->state = HSL_THROWN;
        return false;
    }
    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n < 0)
        n = 0;
    e = hsl_exception_make(r, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
    if (!e)
        return false;
    r->thrown = (struct hsl_value){.u.obj = e, .type = HSL_OBJ};
    r->state = HSL_THROWN;
    m->rcode = code;
    m->raised = true;
    m->placed = false;
    return false;
}

bool
hsl_limit(struct hsl_run *r, enum hsl_lcode code, const char *fmt, ...)
{
    va_list ap;

    if (r->state != HSL_RUNNING)
        return false;
    va_start(ap, fmt);
    if (vsnprintf(r->limit_text, sizeof(r->limit_text), fmt, ap) < 0)
        r->limit_text[0] = '\0';
    va_end(ap);
    r->state = HSL_LIMITED;
    if (r->machine) {
        r->machine->lcode = code;
        r->machine->placed = false;
    }
    return false;
}

bool
hsl_raise_memory(struct hsl_run *r)
{
    if (r->heap.over)
        return hsl_limit(r, HSL_L03, "memory (%zu bytes) exceeded", r->limits.max_memory);
    return hsl_limit(r, HSL_L08, "out of memory");
}

bool
hsl_finish(struct hsl_run *r)
{
    if (r->state == HSL_RUNNING)
        r->state = HSL_FINISHED;
    return false;
}

/* A KiB or more has come together: that many instructions. */
bool
hsl_work_counted(struct hsl_run *r)
{
    struct hsl_machine *m = r->machine;
    size_t units = r->work / 1024;

    r->work %= 1024;
    if (!m)
        return true;
    if (m->ticks >= 0 && units <= (size_t)m->ticks) {
        m->ticks -= (int32_t)units;
        return true;
    }
    r->instructions += units;
    return hsl_vm_tick(m);
}

bool
hsl_spend(struct hsl_run *r, unsigned *used, unsigned n, unsigned max, const char *what)
{
    if (n > max || *used > max - n)
        return hsl_limit(r, HSL_L09, "%s (%u) exceeded", what, max);
    *used += n;
    return true;
}

bool
hsl_in_time(struct hsl_run *r)
{
    if (ut_time_mono() > r->deadline)
        return hsl_limit(r, HSL_L02, "time (%g s) exceeded", r->limits.max_time);
    if (r->host && r->host->interrupted && r->host->interrupted(r->host_arg))
        return hsl_limit(r, HSL_L02, "interrupted");
    return true;
}

double
hsl_time_left(const struct hsl_run *r)
{
    double left = r->deadline - ut_time_mono();

    return left > 0 ? left : 0;
}

void
hsl_run_place(struct hsl_run *r, struct hsl_place *place)
{
    struct hsl_machine *m = r->machine;

    *place = (struct hsl_place){"", 0, 0};
    if (m && m->frame != m->frames)
        hsl_prog_place(
            m->prog, m->frame->proto, (uint32_t)(m->frame->pc - m->frame->proto->code), place);
}

void
hsl_run_log(struct hsl_run *r, int level, const char *text, size_t len)
{
    struct hsl_place place;

    if (!r->host || !r->host->log)
        return;
    hsl_run_place(r, &place);
    r->host->log(r->host_arg, level, text, len, &place);
}

void
hsl_run_var_changed(struct hsl_run *r, const char *name)
{
    struct hsl_machine *m = r->machine;

    for (uint32_t i = 0; i < m->prog->predef_count; i++) {
        struct hsl_cell *c = m->predefs[i];

        if (!c || strcmp(m->prog->predefs[i].name, name) != 0)
            continue;
        m->predefs[i] = NULL;
        hsl_put(r, &c->v, (struct hsl_value){.type = HSL_UNDEF});
    }
}
