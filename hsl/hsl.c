/* hsl.c - text to program, and a program run on a machine.
 *
 * A machine keeps its stack, its frames and one chunk of heap, so that a run begins with a few
 * stores. At the end of a run all its memory is dropped at once; what lies outside (patterns,
 * files) is given back by the objects' classes before that.
 *
 * Not here: the passes of the compiler (hsl_parse.c, hsl_check.c, hsl_code.c), instructions
 * (hsl_vm.c), $context as bytes (hsl_context.c). Threads: one per machine. Fails: hsl_machine_new()
 * without memory; hsl_run() says in its result. */
#include "config.h"

#include "hsl/hsl.h"

#include <stdlib.h>

#include "hsl/hsl_ast.h"
#include "hsl/hsl_code.h"
#include "hsl/hsl_context.h"
#include "hsl/hsl_file.h"
#include "hsl/hsl_regex.h"
#include "hsl/hsl_unit.h"
#include "hsl/hsl_vm.h"
#include "lib/ut_time.h"

/* --- Compiling -------------------------------------------------------------------------------- */

struct hsl_prog *
hsl_compile_unit(struct hsl_unit *u)
{
    struct hsl_prog *p = hsl_prog_new();

    if (!p) {
        (void)hsl_unit_limit(u, (struct hsl_pos){1, 1, 0}, "not enough memory for the script");
        return NULL;
    }
    p->consts->env = u->env;
    p->consts->flow = u->flow;
    p->consts->limits = *u->limits;
    u->consts = p->consts;
    if (hsl_check_unit(u) == 0 && hsl_code_unit(u, p))
        return p;
    hsl_prog_unref(p);
    return NULL;
}

struct hsl_prog *
hsl_compile(struct hsl_env *env, const struct hsl_source *src, struct ut_diag_list *diags)
{
    struct hsl_unit u = {
        .env = env, .flow = src->flow, .diags = diags, .no_optimize = src->no_optimize};
    struct hsl_prog *p = NULL;
    struct hsl_limits limits;

    hsl_limits_default(&limits);
    u.conf = src->conf;
    u.limits = src->limits ? src->limits : &limits;
    u.arena = ut_arena_new(0);
    if (!u.arena) {
        (void)ut_diag_list_at(diags, UT_DIAG_ERROR, "C15", src->name, 0, 0,
            "limit: not enough memory for the script");
        return NULL;
    }
    if (hsl_parse_unit(&u, src) == 0)
        p = hsl_compile_unit(&u);
    ut_arena_free(u.arena);
    return p;
}

/* --- The machine ----------------------------------------------------------------------------- */

struct hsl_machine *
hsl_machine_new(struct hsl_env *env)
{
    struct hsl_machine *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->stack = calloc(HSL_STACK_FIRST + HSL_STACK_SLACK, sizeof(*m->stack));
    if (!m->stack) {
        free(m);
        return NULL;
    }
    hsl_heap_init(&m->run.heap, 0);
    m->run.env = env;
    m->run.machine = m;
    m->fail_after = -1;
    return m;
}

static void clean_up(struct hsl_machine *m);

void
hsl_machine_free(struct hsl_machine *m)
{
    if (!m)
        return;
    if (m->keeps && m->prog)
        clean_up(m);
    hsl_regex_run_fini(&m->run);
    hsl_heap_fini(&m->run.heap);
    free(m->globals);
    free(m->predefs);
    free(m->frames);
    free(m->stack);
    free(m);
}

/* --- Before a run ----------------------------------------------------------------------------- */

/* At least [count] pointers in *cells; new ones are null, and all are between runs. */
static bool
prepare_cells(struct hsl_cell ***cells, size_t *cap, size_t count)
{
    struct hsl_cell **bigger;

    if (count <= *cap)
        return true;
    bigger = reallocarray(*cells, count, sizeof(*bigger));
    if (!bigger)
        return false;
    memset(bigger + *cap, 0, (count - *cap) * sizeof(*bigger));
    *cells = bigger;
    *cap = count;
    return true;
}

/* Room for all frames that may be: one below the top level, and the top level itself. */
static bool
prepare_frames(struct hsl_machine *m, unsigned depth)
{
    size_t count = (depth < HSL_DEPTH_MAX ? depth : HSL_DEPTH_MAX) + 2;

    if (count > m->frame_cap) {
        struct hsl_frame *bigger = malloc(count * sizeof(*bigger));

        if (!bigger)
            return false;
        free(m->frames);
        m->frames = bigger;
        m->frame_cap = count;
        memset(&m->frames[0], 0, sizeof(m->frames[0]));
    }
    m->frame = m->frames;
    m->frame_end = m->frames + count;
    return true;
}

static bool
prepare(struct hsl_machine *m, const struct hsl_prog *p, const struct hsl_limits *limits)
{
    struct hsl_run *r = &m->run;

    if (limits)
        r->limits = *limits;
    else
        hsl_limits_default(&r->limits);
    if (m->keeps)
        r->heap.max = r->limits.max_memory;
    else
        hsl_heap_reset(&r->heap, r->limits.max_memory);
    r->heap.fail_after = m->fail_after;
    r->flow = p->flow;
    r->instructions = 0;
    r->slept = 0;
    r->dns_count = r->http_count = r->socket_count = r->mail_count = 0;
    r->echo_bytes = 0;
    r->echo_records = 0;
    r->nesting = 0;
    r->work = 0;
    r->echo_full = false;
    r->utf8_told = false;
    r->limit_text[0] = '\0';
    hsl_vm_forget(m);
    m->prog = p;
    m->segment = m->spare = NULL;
    m->stack_end = m->stack + HSL_STACK_FIRST;
    m->native = 0;
    m->slice = 0;
    m->ticks = -1;
    return prepare_frames(m, r->limits.max_call_depth) &&
           prepare_cells(&m->globals, &m->global_cap, p->global_count) &&
           prepare_cells(&m->predefs, &m->predef_cap, p->predef_count);
}

/* --- After a run ------------------------------------------------------------------------------ */

/* What an uncaught value says: message() if it is an object that has that, else its text. New
 * count; NULL: neither could be had. */
static struct hsl_str *
thrown_text(struct hsl_machine *m, const struct hsl_value *v)
{
    struct hsl_value text = {.type = HSL_UNDEF};
    struct hsl_str *s;

    if (v->type == HSL_OBJ && v->u.obj->cls == &hsl_exception_class)
        return hsl_ref(hsl_from_str((struct hsl_str *)(uintptr_t)hsl_exception_text(v->u.obj)))
            .u.str;
    if (v->type == HSL_OBJ && !hsl_vm_call_plain(m, v->u.obj, "message", &text))
        return NULL;
    s = hsl_to_str(&m->run, text.type == HSL_UNDEF ? v : &text);
    hsl_unref(&m->run, text);
    return s;
}

/* An error of the language is its text; what a script threw is named so. */
static void
describe_thrown(struct hsl_machine *m, struct ut_diag *d)
{
    struct hsl_run *r = &m->run;
    struct hsl_value v = r->thrown;
    struct hsl_place place = m->place;
    bool raised = m->raised;
    enum hsl_rcode code = m->rcode;
    struct hsl_str *text;

    hsl_vm_forget(m);
    text = thrown_text(m, &v);
    (void)ut_diag_at(d, place.file, place.line, place.column, "%s%.*s",
        raised ? "" : "uncaught exception: ", text ? (int)(text->len < 700 ? text->len : 700) : 15,
        text ? text->data : "(text not made)");
    if (raised)
        (void)snprintf(d->code, sizeof(d->code), "R%02u", (unsigned)code % 100u);
    if (text)
        hsl_unref(r, hsl_from_str(text));
    if (r->state == HSL_THROWN)
        hsl_unref(r, r->thrown);
    hsl_vm_forget(m);
    hsl_unref(r, v);
}

/* One line for each call that led to the error, innermost first. */
static void
write_trace(const struct hsl_machine *m, char *out, size_t size)
{
    size_t at = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < m->traced && i < HSL_TRACE_MAX; i++) {
        const struct hsl_place *p = &m->trace[i];
        int n = snprintf(out + at, size - at, "%s%s:%u:%u: called from here", at ? "\n" : "",
            p->file, p->line, p->column);

        if (n < 0 || (size_t)n >= size - at) {
            out[at] = '\0';
            return;
        }
        at += (size_t)n;
    }
}

/* Where the file of the error lies; not known of a file of a step before. */
static const char *
error_path(const struct hsl_machine *m)
{
    const struct hsl_prog *p = m->prog;
    uint32_t first = p->file_count - p->path_count;

    for (uint32_t i = 0; i < p->path_count; i++) {
        if (p->files[first + i] == m->place.file)
            return p->paths[i];
    }
    return NULL;
}

static void
describe_error(struct hsl_machine *m, struct hsl_result *res)
{
    struct hsl_run *r = &m->run;
    struct ut_diag *d = &res->error;
    const char *path;

    if (!m->placed)
        m->place = (struct hsl_place){"", 0, 0};
    path = error_path(m);
    write_trace(m, res->trace, sizeof(res->trace));
    if (r->state == HSL_LIMITED) {
        res->end = HSL_END_LIMIT;
        (void)ut_diag_at(
            d, m->place.file, m->place.line, m->place.column, "limit: %s", r->limit_text);
        (void)snprintf(d->code, sizeof(d->code), "L%02u", (unsigned)m->lcode % 100u);
        ut_diag_set_path(d, path);
        return;
    }
    res->end = HSL_END_ERROR;
    describe_thrown(m, d);
    ut_diag_set_path(d, path);
}

/* Gives back all that the run made. */
static void
clean_up(struct hsl_machine *m)
{
    struct hsl_run *r = &m->run;

    for (size_t i = 0; i < m->prog->global_count && i < m->global_cap; i++) {
        if (m->globals[i])
            hsl_unref(r, (struct hsl_value){.u.cell = m->globals[i], .type = HSL_CELL});
        m->globals[i] = NULL;
    }
    for (size_t i = 0; i < m->prog->predef_count && i < m->predef_cap; i++)
        m->predefs[i] = NULL;
    hsl_obj_finish_all(r);
    hsl_file_run_fini(r);
    hsl_heap_reset(&r->heap, 0);
    r->dead = NULL;
    r->destroying = false;
    m->segment = m->spare = NULL;
}

/* --- Running ---------------------------------------------------------------------------------- */

static bool
run_top_level(struct hsl_machine *m, struct hsl_value *out)
{
    if (!hsl_vm_tick(m) || !hsl_vm_enter(m, m->prog->protos[0], m->stack, 0))
        return false;
    m->frame->kind = HSL_FRAME_ENTRY;
    m->frame->pc = m->frame->proto->code;
    return hsl_vm_loop(m, out);
}

/* All of a run but what happens to its values. */
static void
run(struct hsl_machine *m, struct hsl_prog *p, const struct hsl_host *host, void *host_arg,
    const struct hsl_limits *limits, struct hsl_result *res, struct hsl_value *value)
{
    struct hsl_run *r = &m->run;
    bool ok;

    memset(&res->error, 0, offsetof(struct ut_diag, text) + 1);
    res->trace[0] = '\0';
    res->end = HSL_END_IMPLICIT;
    r->host = host;
    r->host_arg = host_arg;
    r->started = ut_time_mono();
    if (prepare(m, p, limits)) {
        r->deadline = r->started + r->limits.max_time;
        ok = run_top_level(m, value);
    } else {
        ok = hsl_limit(r, HSL_L08, "out of memory");
    }
    hsl_context_save(m);
    if (r->state == HSL_FINISHED)
        res->end = HSL_END_FINAL;
    else if (!ok)
        describe_error(m, res);
    res->instructions = r->instructions + hsl_vm_used(m);
    res->peak_memory = r->heap.peak;
}

void
hsl_run(struct hsl_machine *m, struct hsl_prog *p, const struct hsl_host *host, void *host_arg,
    const struct hsl_limits *limits, struct hsl_result *res)
{
    struct hsl_value value = hsl_none();

    run(m, p, host, host_arg, limits, res, &value);
    hsl_unref(&m->run, value);
    clean_up(m);
    res->seconds = ut_time_mono() - m->run.started;
}

void
hsl_run_step(struct hsl_machine *m, struct hsl_prog *p, const struct hsl_host *host, void *host_arg,
    const struct hsl_limits *limits, struct hsl_result *res, struct hsl_value *value)
{
    *value = hsl_none();
    m->keeps = true;
    run(m, p, host, host_arg, limits, res, value);
    hsl_file_run_fini(&m->run);
    res->seconds = ut_time_mono() - m->run.started;
}
