/* hsl_source.c - fuzz target: the bytes are a script. A first line "// flow: NAME" chooses the flow
 * it is for, as in t/hsl. It is compiled, listed and run. */
#include "config.h"

#include "t/fuzz/fuzz.h"
#include "t/fuzz/fuzz_hsl.h"

#define LISTING_MAX ((size_t)64 << 20)

static void
list(const struct hsl_prog *p)
{
    struct ut_sbuf listing;

    ut_sbuf_init(&listing, LISTING_MAX);
    hsl_prog_disassemble(p, &listing);
    FUZZ_CHECK(listing.len > 0);
    ut_sbuf_fini(&listing);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = size > 0 ? (const char *)data : "";
    struct fuzz_script s = {
        .source = {.text = text, .len = size, .flow = fuzz_hsl_flow(text, size)}};
    struct hsl_env *env = fuzz_hsl_env();
    struct hsl_machine *m = hsl_machine_new(env);

    FUZZ_CHECK(m);
    fuzz_hsl_compile(&s, env);
    if (s.prog) {
        list(s.prog);
        fuzz_hsl_run(&s, m);
    }
    fuzz_hsl_fini(&s);
    hsl_machine_free(m);
    hsl_env_free(env);
    return 0;
}
