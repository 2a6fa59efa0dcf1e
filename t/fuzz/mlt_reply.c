/* mlt_reply.c - fuzz target: replies out of what scripts ask for. Six bytes are flow, action, code
 * and enhanced code, one more has flags; the rest is the text, lines split at bytes 0x1e. */
#include "config.h"

#include <string.h>

#include "t/fuzz/fuzz.h"
#include "t/fuzz/fuzz_mail.h"

#define LINES 64 /* twice what a reply may have */

static size_t
take_lines(const struct fuzz_input *in, struct hsl_text *lines)
{
    const char *p = (const char *)in->p, *end = p + in->len;
    size_t count = 0;

    while (count < LINES && p < end) {
        const char *stop = memchr(p, 0x1e, (size_t)(end - p));

        lines[count].p = p;
        lines[count++].len = (size_t)((stop ? stop : end) - p);
        p = stop ? stop + 1 : end;
    }
    return count;
}

/* The texts in one line say what the lines say. */
static void
check_text(const struct mlt_reply *r)
{
    struct ut_sbuf all, text;

    ut_sbuf_init(&all, SIZE_MAX / 4);
    ut_sbuf_init(&text, SIZE_MAX / 4);
    mlt_reply_to_text(r, &all);
    mlt_reply_text(r, &text);
    FUZZ_CHECK(all.len > text.len
        && strcmp(ut_sbuf_text(&all) + all.len - text.len, ut_sbuf_text(&text)) == 0);
    FUZZ_CHECK(strpbrk(ut_sbuf_text(&all), "\r\n") == NULL);
    ut_sbuf_fini(&all);
    ut_sbuf_fini(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum hsl_flow flows[] = {HSL_FLOW_ACCESS, HSL_FLOW_RCPT, HSL_FLOW_MAIL};
    struct fuzz_input in = {data, size};
    struct hsl_text lines[LINES];
    struct hsl_verdict v = {.lines = lines};
    struct ut_arena *arena = ut_arena_new(0);
    enum hsl_flow flow = flows[fuzz_byte(&in) % 3];
    struct mlt_reply r, again;
    unsigned flags;

    FUZZ_CHECK(arena);
    v.action = (enum hsl_action)(fuzz_byte(&in) % (HSL_DONE + 1));
    v.code = 3 * fuzz_byte(&in);
    for (size_t i = 0; i < 3; i++)
        v.enhanced[i] = (unsigned char)fuzz_byte(&in);
    flags = fuzz_byte(&in);
    v.disconnect = flags & 1;
    v.line_count = take_lines(&in, lines);
    if (mlt_reply_of(&r, arena, flow, &v, flags & 2) == 0
        && mlt_reply_of(&again, arena, flow, &v, flags & 2) == 0) {
        fuzz_check_reply(&r, flags & 2);
        check_text(&r);
        FUZZ_CHECK(mlt_reply_same(&r, &again));
    }
    ut_arena_free(arena);
    return 0;
}
