/* hsl_context.c - $context as bytes (hsl_plain.h) that the host keeps between the runs of one
 * connection. Functions and objects become none. What is nested too deep is not kept.
 *
 * Threads: the run's. Fails: without memory, or over max_string, the host keeps what it had. */
#include "config.h"

#include "hsl/hsl_context.h"
#include "hsl/hsl_plain.h"

void
hsl_context_save(struct hsl_machine *m)
{
    const struct hsl_host *host = m->run.host;
    const struct hsl_cell *c;
    struct ut_sbuf out;
    long i;

    if (m->prog->predef_count == 0 || !host || !host->context_set)
        return;
    i = hsl_prog_predef(m->prog, "context");
    c = i < 0 ? NULL : m->globals[m->prog->predefs[i].global];
    if (!c || (c->v.type == HSL_UNDEF && !m->predefs[i]))
        return;
    ut_sbuf_init(&out, m->run.limits.max_string);
    if (hsl_plain_save(&c->v, true, &out) == HSL_PLAIN_OK)
        (void)host->context_set(m->run.host_arg, out.data, out.len);
    ut_sbuf_fini(&out);
}

bool
hsl_context_load(struct hsl_machine *m, struct hsl_build *b)
{
    const struct hsl_host *host = m->run.host;
    struct hsl_value v;
    const char *p;
    size_t len;

    if (!host || !host->context_get)
        return false;
    p = host->context_get(m->run.host_arg, &len);
    if (!p)
        return false;
    if (hsl_plain_load(&m->run, p, len, &v))
        hsl_build_value(b, v);
    else
        b->failed = true;
    return true;
}
