/* fuzz_hsl.c - runs scripts for fuzz targets: small budgets, a host that takes everything.
 * Not here: what is fed to it (hsl_source.c, hsl_differential.c, hsl_data.c and others).
 * Threads: one. A broken promise ends the program. */
#include "config.h"

#include "t/fuzz/fuzz_hsl.h"

#include <string.h>

#include "lib/ut_utf8.h"
#include "t/fuzz/fuzz.h"
#include "t/fuzz/fuzz_mail.h"

#define RECORD_MAX ((size_t)64 << 20)
#define HOST_ACTIONS 100
#define ERRORS_MAX 20 /* language §17.1 */

/* --- Promises ------------------------------------------------------------------------------- */

/* One line of UTF-8 without control characters. */
static void
check_line(const char *p, size_t len)
{
    FUZZ_CHECK(ut_utf8_valid(p, len));
    for (size_t i = 0; i < len; i++)
        FUZZ_CHECK((unsigned char)p[i] >= ' ' && p[i] != 127);
}

static void
check_diag(const struct ut_diag *d)
{
    FUZZ_CHECK(d->text[0] != '\0');
    check_line(d->text, strlen(d->text));
    check_line(d->source, strlen(d->source));
}

static void
check_diags(const struct ut_diag_list *l, bool compiled)
{
    FUZZ_CHECK(compiled == (l->errors == 0));
    FUZZ_CHECK(l->errors <= ERRORS_MAX + 1);
    for (size_t i = 0; i < l->count; i++)
        check_diag(&l->items[i]);
}

static void
check_result(const struct hsl_result *r, const struct hsl_limits *limits)
{
    FUZZ_CHECK(r->peak_memory <= limits->max_memory);
    if (r->end != HSL_END_ERROR && r->end != HSL_END_LIMIT)
        return;
    check_diag(&r->error);
    FUZZ_CHECK(r->error.line > 0 && r->error.column > 0);
    FUZZ_CHECK(memchr(r->trace, '\0', sizeof(r->trace)));
    FUZZ_CHECK(ut_utf8_valid(r->trace, strlen(r->trace)));
}

/* --- The host ------------------------------------------------------------------------------- */

struct host {
    struct fuzz_script *script;
    struct ut_arena *arena;
    struct mlt_view view;
    struct ut_sbuf context;
    bool has_context;
    unsigned actions;
};

static void
record_place(struct host *h, const struct hsl_place *place)
{
    ut_sbuf_addf(&h->script->record, " at %s:%u:%u\n", place->file, place->line, place->column);
}

static void
host_log(void *arg, int level, const char *text, size_t len, const struct hsl_place *place)
{
    struct host *h = arg;

    check_line(text, len);
    FUZZ_CHECK(level >= -1);
    ut_sbuf_addf(&h->script->record, "log %d ", level);
    ut_sbuf_add(&h->script->record, text, len);
    record_place(h, place);
}

static void
build_text(const struct host *h, struct hsl_build *b)
{
    if (h->script->data.p)
        hsl_build_str(b, h->script->data.p, h->script->data.len);
    else
        hsl_build_strz(b, "Ann.Other@mail.example.org");
}

static void
build_array(const struct host *h, struct hsl_build *b)
{
    static const char *const keys[] = {"sender", "recipient", "helohost", "7"};

    hsl_build_array(b);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        hsl_build_key(b, keys[i]);
        build_text(h, b);
    }
    hsl_build_key(b, "address");
    hsl_build_array(b);
    hsl_build_num(b, 25);
    hsl_build_bool(b, true);
    hsl_build_none(b);
    hsl_build_array(b);
    hsl_build_end(b);
    hsl_build_end(b);
    hsl_build_end(b);
}

static bool
host_var(void *arg, const char *name, struct hsl_build *b)
{
    enum { STR, NUM, BOOL, ARR, NONE };
    static const struct {
        const char *name;
        int type;
    } vars[] = {
#define HSL_VAR(var, type, flows) {#var, type},
#include "hsl/hsl_flow.def"
    };

    for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
        if (strcmp(vars[i].name, name) != 0)
            continue;
        if (vars[i].type == STR)
            build_text(arg, b);
        else if (vars[i].type == NUM)
            hsl_build_num(b, 25);
        else if (vars[i].type == BOOL)
            hsl_build_bool(b, true);
        else if (vars[i].type == ARR)
            build_array(arg, b);
        return vars[i].type != NONE;
    }
    fprintf(stderr, "the library asks for an unknown variable %s\n", name);
    abort();
}

static const char *
host_context_get(void *arg, size_t *len)
{
    const struct host *h = arg;

    *len = h->context.len;
    return h->has_context ? ut_sbuf_text(&h->context) : NULL;
}

static bool
host_context_set(void *arg, const char *p, size_t len)
{
    struct host *h = arg;

    ut_sbuf_reset(&h->context);
    ut_sbuf_add(&h->context, p, len);
    h->has_context = true;
    ut_sbuf_addf(&h->script->record, "context %zu\n", len);
    return true;
}

static void
record_text(struct host *h, const char *name, struct hsl_text t)
{
    if (!t.p)
        return;
    ut_sbuf_addf(&h->script->record, " %s=", name);
    ut_sbuf_add(&h->script->record, t.p, t.len);
}

static void
record_reply(struct host *h, const struct hsl_verdict *v)
{
    bool utf8 = h->actions % 2 == 1;
    struct mlt_reply r;

    if (mlt_reply_of(&r, h->arena, h->script->source.flow, v, utf8) != 0)
        return;
    fuzz_check_reply(&r, utf8);
    ut_sbuf_addc(&h->script->record, ' ');
    mlt_reply_to_text(&r, &h->script->record);
}

static bool
host_verdict(void *arg, const struct hsl_verdict *v, struct ut_diag *why)
{
    struct host *h = arg;

    if (++h->actions > HOST_ACTIONS) {
        ut_diag_set(why, "more than %d actions in one run", HOST_ACTIONS);
        return false;
    }
    ut_sbuf_addf(&h->script->record, "%s final=%d code=%u enhanced=%u.%u.%u disconnect=%d reject=%d",
        hsl_action_name(v->action), v->final, v->code, v->enhanced[0], v->enhanced[1],
        v->enhanced[2], v->disconnect, v->reject);
    record_text(h, "recipient", v->recipient);
    record_text(h, "transport", v->transport);
    record_text(h, "quarantine", v->quarantine);
    for (size_t i = 0; i < 2 * v->meta_count; i++)
        record_text(h, "meta", v->meta[i]);
    record_reply(h, v);
    record_place(h, &v->place);
    return true;
}

static bool
host_header_get(void *arg, const char *name, size_t index, struct ut_sbuf *out)
{
    const struct host *h = arg;

    return mlt_view_get(&h->view, name, index, out);
}

static long
host_header_edit(void *arg, enum hsl_header_op op, const char *name, const char *value,
    size_t len, struct ut_diag *why)
{
    struct host *h = arg;
    long n;

    FUZZ_CHECK(*name);
    for (const char *c = name; *c; c++)
        FUZZ_CHECK(*c > ' ' && *c < 127 && *c != ':');
    if (op != HSL_HEADER_DEL)
        fuzz_check_value(value, len);
    n = mlt_view_edit(&h->view, op, name, value, len, why);
    ut_sbuf_addf(&h->script->record, "edit %d %s %ld ", (int)op, name, n);
    ut_sbuf_add(&h->script->record, value, op == HSL_HEADER_DEL ? 0 : len);
    ut_sbuf_addc(&h->script->record, '\n');
    return n;
}

static long
host_edits_discard(void *arg)
{
    struct host *h = arg;
    long n = mlt_view_discard(&h->view);

    ut_sbuf_addf(&h->script->record, "discard %ld\n", n);
    return n;
}

static bool
host_set(void *arg, const char *what, const char *value, size_t len, struct ut_diag *why)
{
    struct host *h = arg;

    (void)why;
    ut_sbuf_addf(&h->script->record, "set %s ", what);
    ut_sbuf_add(&h->script->record, value, len);
    ut_sbuf_addc(&h->script->record, '\n');
    return true;
}

static bool
host_meta_set(void *arg, const struct hsl_text *pairs, size_t count)
{
    struct host *h = arg;

    ut_sbuf_addz(&h->script->record, "meta");
    for (size_t i = 0; i < 2 * count; i++)
        record_text(h, i % 2 ? "value" : "name", pairs[i]);
    ut_sbuf_addc(&h->script->record, '\n');
    return true;
}

static void
host_meta_get(void *arg, struct hsl_build *b)
{
    build_array(arg, b);
}

static const struct hsl_host host_functions = {
    .log = host_log,
    .var = host_var,
    .context_get = host_context_get,
    .context_set = host_context_set,
    .verdict = host_verdict,
    .header_get = host_header_get,
    .header_edit = host_header_edit,
    .edits_discard = host_edits_discard,
    .set = host_set,
    .meta_set = host_meta_set,
    .meta_get = host_meta_get,
};

/* --- Running -------------------------------------------------------------------------------- */

struct hsl_env *
fuzz_hsl_env(void)
{
    struct hsl_env_opts opts = {.flow_dir = fuzz_folder(),
        .data_dir = fuzz_folder(),
        .hostname = "gateway.example.org"};
    struct ut_diag d;
    struct hsl_env *env = hsl_env_new(&opts, &d);

    FUZZ_CHECK(env);
    return env;
}

enum hsl_flow
fuzz_hsl_flow(const char *text, size_t len)
{
    static const char mark[] = "// flow: ";
    size_t skip = sizeof(mark) - 1, n = 0;
    char name[16];
    int flow;

    if (len < skip || memcmp(text, mark, skip) != 0)
        return HSL_FLOW_CORE;
    while (n + 1 < sizeof(name) && skip + n < len && text[skip + n] != '\n') {
        name[n] = text[skip + n];
        n++;
    }
    name[n] = '\0';
    flow = hsl_flow_by_name(name);
    return flow < 0 ? HSL_FLOW_CORE : (enum hsl_flow)flow;
}

/* Small enough that no script takes long, large enough to get everywhere. */
static void
limits_init(struct hsl_limits *l)
{
    hsl_limits_default(l);
    l->max_instructions = 20000;
    l->max_time = 0.5;
    l->max_memory = (size_t)8 << 20;
    l->max_string = (size_t)1 << 20;
    l->max_array = 50000;
    l->max_sleep = 0.001;
    l->max_dns = l->max_http = l->max_sockets = 0; /* nothing leaves the process */
    l->pcre_match_limit = 50000;
    l->pcre_depth_limit = 2000;
}

void
fuzz_hsl_compile(struct fuzz_script *s, struct hsl_env *env)
{
    struct hsl_limits limits;

    limits_init(&limits);
    ut_diag_list_init(&s->diags, 1000);
    ut_sbuf_init(&s->record, RECORD_MAX);
    s->source.name = "input.hsl";
    s->source.limits = &limits;
    s->prog = hsl_compile(env, &s->source, &s->diags);
    s->source.limits = NULL;
    check_diags(&s->diags, s->prog != NULL);
}

void
fuzz_hsl_run(struct fuzz_script *s, struct hsl_machine *m)
{
    static char *const fields[][2] = {{"Received", " from a (b [192.0.2.1])\n\tby c; today"},
        {"Subject", " =?utf-8?Q?=C3=A5?=\n =?ISO-8859-1?B?5Q==?= old"},
        {"From", "\"Ann, O.\" <ann@example.org>, bob@example.net (Bob)"},
        {"X-A", " 1"}, {"x-a", "2"}, {"Broken", " \xff\x01"}};
    struct mlt_header headers[7] = {{0}};
    struct host h = {.script = s, .arena = ut_arena_new((size_t)64 << 20)};
    struct hsl_limits limits;
    size_t count = 0;

    FUZZ_CHECK(h.arena);
    limits_init(&limits);
    ut_sbuf_reset(&s->record);
    ut_sbuf_init(&h.context, RECORD_MAX);
    for (; count < sizeof(fields) / sizeof(fields[0]); count++)
        headers[count] = (struct mlt_header){
            fields[count][0], fields[count][1], strlen(fields[count][1]), 0};
    if (s->data.p && !memchr(s->data.p, '\0', s->data.len)) {
        char *copy = ut_arena_dup(h.arena, s->data.p, s->data.len);

        FUZZ_CHECK(copy);
        headers[count++] = (struct mlt_header){"X-Data", copy, s->data.len, 0};
    }
    fuzz_number_headers(headers, count);
    mlt_view_init(&h.view, h.arena, headers, count);
    hsl_run(m, s->prog, &host_functions, &h, &limits, &s->result);
    check_result(&s->result, &limits);
    fuzz_check_view(&h.view);
    ut_sbuf_fini(&h.context);
    ut_arena_free(h.arena);
}

void
fuzz_hsl_fini(struct fuzz_script *s)
{
    hsl_prog_unref(s->prog);
    ut_diag_list_fini(&s->diags);
    ut_sbuf_fini(&s->record);
}

/* --- One script for all inputs --------------------------------------------------------------- */

/* What a daemon keeps from one mail to the next. */
struct kept {
    struct fuzz_script script;
    struct hsl_machine *machine;
};

static void
prepare(struct kept *k, const char *text)
{
    struct hsl_env *env = fuzz_hsl_env();

    k->script.source =
        (struct hsl_source){.text = text, .len = strlen(text), .flow = HSL_FLOW_MAIL};
    fuzz_hsl_compile(&k->script, env);
    if (!k->script.prog)
        fprintf(stderr, "%u: %s\n", k->script.diags.items[0].line, k->script.diags.items[0].text);
    FUZZ_CHECK(k->script.prog);
    k->machine = hsl_machine_new(env);
    FUZZ_CHECK(k->machine);
}

void
fuzz_hsl_feed(const char *text, const uint8_t *data, size_t size)
{
    static struct kept kept;
    const struct hsl_result *result = &kept.script.result;

    if (!kept.machine)
        prepare(&kept, text);
    kept.script.data = (struct hsl_text){size > 0 ? (const char *)data : "", size};
    fuzz_hsl_run(&kept.script, kept.machine);
    if (result->end == HSL_END_ERROR)
        fprintf(stderr, "%u: %s\n", result->error.line, result->error.text);
    FUZZ_CHECK(result->end == HSL_END_FINAL || result->end == HSL_END_LIMIT);
}
