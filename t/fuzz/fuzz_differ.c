/* fuzz_differ.c - one script optimised and not.
 * Not here: running a script (fuzz_hsl.c), where it comes from (hsl_differential.c,
 * hsl_generated.c).
 * Threads: one. A difference ends the program. */
#include "config.h"

#include "t/fuzz/fuzz_differ.h"

#include <string.h>

#include "t/fuzz/fuzz.h"
#include "t/fuzz/fuzz_hsl.h"

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
    if (s->prog && (s->result.end == HSL_END_ERROR || s->result.end == HSL_END_LIMIT)) {
        ut_diag_to_text(&s->result.error, &text);
        ut_sbuf_addf(&text, "\n%s\n", s->result.trace);
    }
    fprintf(stderr, "--- %s: end %d\n%s%s", name, s->prog ? (int)s->result.end : -1,
        ut_sbuf_text(&s->record), ut_sbuf_text(&text));
    ut_sbuf_fini(&text);
}

/* Runs the program in [env]. */
static void
run_in(struct fuzz_script *s, struct hsl_env *env)
{
    struct hsl_machine *m = hsl_machine_new(env);

    FUZZ_CHECK(m);
    fuzz_hsl_run(s, m);
    hsl_machine_free(m);
}

/* Each has an environment of its own: what one run leaves there, in a cache or at a barrier, the
 * other may not see. */
void
fuzz_differ(const char *text, size_t len)
{
    struct fuzz_script a = {.source = {.text = text, .len = len, .flow = fuzz_hsl_flow(text, len)}};
    struct fuzz_script b = a;
    struct hsl_env *env_a = fuzz_hsl_env(), *env_b = fuzz_hsl_env();
    bool same;

    b.source.no_optimize = true;
    fuzz_hsl_compile(&a, env_a);
    fuzz_hsl_compile(&b, env_b);
    same = same_diags(&a.diags, &b.diags) && !a.prog == !b.prog;
    if (same && a.prog) {
        run_in(&a, env_a);
        run_in(&b, env_b);
        same = same_run(&a, &b);
    }
    if (!same) {
        fprintf(stderr, "--- script\n%.*s\n", (int)len, text);
        show("optimised", &a);
        show("not optimised", &b);
    }
    FUZZ_CHECK(same);
    fuzz_hsl_fini(&a);
    fuzz_hsl_fini(&b);
    hsl_env_free(env_a);
    hsl_env_free(env_b);
}
