/* hsl_differential.c - fuzz target: the bytes are a script (as in hsl_source.c) that must do the
 * same optimised and not: the same messages, output, actions, end and error. One machine runs
 * both, so that what a run leaves behind shows too.
 *
 * Left out: what a limit stopped, since the two need not run equally far; scripts that name what
 * is different each time. */
#include "config.h"

#include <string.h>

#include "t/fuzz/fuzz.h"
#include "t/fuzz/fuzz_hsl.h"

/* Parts of names of functions that are not the same twice. */
static const char *const changing[] = {
    "time", "rand", "uuid", "shuffle", "rate", "sleep", "crypt", "unique", "cache"};

static bool
is_changing(const char *text, size_t len)
{
    for (size_t i = 0; i < sizeof(changing) / sizeof(changing[0]); i++) {
        if (memmem(text, len, changing[i], strlen(changing[i])))
            return true;
    }
    return false;
}

static bool
same_diag(const struct ut_diag *a, const struct ut_diag *b)
{
    return a->level == b->level && a->line == b->line && a->column == b->column
        && strcmp(a->code, b->code) == 0 && strcmp(a->source, b->source) == 0
        && strcmp(a->text, b->text) == 0;
}

static bool
same_diags(const struct ut_diag_list *a, const struct ut_diag_list *b)
{
    if (a->count != b->count || a->errors != b->errors)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!same_diag(&a->items[i], &b->items[i]))
            return false;
    }
    return true;
}

static bool
same_run(const struct fuzz_script *a, const struct fuzz_script *b)
{
    if (a->result.end == HSL_END_LIMIT || b->result.end == HSL_END_LIMIT)
        return true;
    if (a->result.end != b->result.end || a->record.len != b->record.len
        || memcmp(ut_sbuf_text(&a->record), ut_sbuf_text(&b->record), a->record.len) != 0)
        return false;
    return a->result.end != HSL_END_ERROR
        || (same_diag(&a->result.error, &b->result.error)
            && strcmp(a->result.trace, b->result.trace) == 0);
}

static void
show(const char *name, const struct fuzz_script *s)
{
    struct ut_sbuf text;

    ut_sbuf_init(&text, SIZE_MAX / 4);
    for (size_t i = 0; i < s->diags.count; i++) {
        ut_diag_to_text(&s->diags.items[i], &text);
        ut_sbuf_addc(&text, '\n');
    }
    if (s->run && (s->result.end == HSL_END_ERROR || s->result.end == HSL_END_LIMIT)) {
        ut_diag_to_text(&s->result.error, &text);
        ut_sbuf_addf(&text, "\n%s\n", s->result.trace);
    }
    fprintf(stderr, "--- %s: end %d\n%s%s", name, s->run ? (int)s->result.end : -1,
        ut_sbuf_text(&s->record), ut_sbuf_text(&text));
    ut_sbuf_fini(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = size > 0 ? (const char *)data : "";
    struct fuzz_script a = {
        .source = {.text = text, .len = size, .flow = fuzz_hsl_flow(text, size)}};
    struct fuzz_script b = a;
    struct hsl_env *env;
    struct hsl_machine *m;
    bool same;

    if (is_changing(text, size))
        return 0;
    env = fuzz_hsl_env();
    m = hsl_machine_new(env);
    FUZZ_CHECK(m);
    b.source.no_optimize = true;
    fuzz_hsl_run(&a, env, m);
    fuzz_hsl_run(&b, env, m);
    same = same_diags(&a.diags, &b.diags) && a.run == b.run && (!a.run || same_run(&a, &b));
    if (!same) {
        show("optimised", &a);
        show("not optimised", &b);
    }
    FUZZ_CHECK(same);
    fuzz_hsl_fini(&a);
    fuzz_hsl_fini(&b);
    hsl_machine_free(m);
    hsl_env_free(env);
    return 0;
}
