/* hsl_lib_zlib.c - zlib_compress() and zlib_uncompress() (library §7).
 *
 * Not here: archives. Threads: as the run; a stream belongs to one call.
 * Fails: limits; what zlib cannot take gives none. */
#include "config.h"

#include <zlib.h>

#include "hsl/hsl_lib.h"

#define CHUNK 65536u

/* deflate() or inflate(). */
typedef int
step_fn(z_stream *z, int flush);

/* Runs [z] over all of its input into [out]; false: the run's error is set. *ended: the stream came
 * to its end with the input. */
static bool
run_stream(struct hsl_run *r, z_stream *z, step_fn *step, struct ut_sbuf *out, bool *ended)
{
    int rc = Z_OK;

    while (rc == Z_OK && !out->failed) {
        unsigned char chunk[CHUNK];
        uInt before = z->avail_in;

        z->next_out = chunk;
        z->avail_out = CHUNK;
        rc = step(z, Z_FINISH);
        if (rc == Z_BUF_ERROR && z->avail_out == 0)
            rc = Z_OK;
        ut_sbuf_add(out, chunk, CHUNK - z->avail_out);
        if (!hsl_work(r, before - z->avail_in + CHUNK - z->avail_out))
            return false;
    }
    *ended = rc == Z_STREAM_END && z->avail_in == 0;
    return rc != Z_MEM_ERROR || hsl_limit(r, HSL_L08, "out of memory");
}

static bool
give(struct hsl_run *r, z_stream *z, step_fn *step, struct hsl_value *out)
{
    struct ut_sbuf b;
    bool ended = false, ok;

    ut_sbuf_init(&b, r->limits.max_string);
    ok = run_stream(r, z, step, &b, &ended);
    if (ok && (ended || b.failed))
        return hsl_ret_sbuf(r, out, &b);
    ut_sbuf_fini(&b);
    return ok;
}

/* Argument [i] as an int, or [missing]. zlib refuses what is out of range. */
static int
int_arg(const struct hsl_value *args, unsigned argc, unsigned i, int missing)
{
    int64_t n = argc > i ? hsl_arg_int(&args[i]) : missing;

    return n >= -1000 && n <= 1000 ? (int)n : 1000;
}

static void
set_input(z_stream *z, const struct hsl_value *args)
{
    z->next_in = (unsigned char *)args[0].u.str->data;
    z->avail_in = args[0].u.str->len;
}

/* What an _init function said: true to go on. */
static bool
is_ready(struct hsl_run *r, int rc, bool *ok)
{
    *ok = rc != Z_MEM_ERROR || hsl_limit(r, HSL_L08, "out of memory");
    return rc == Z_OK;
}

static bool
fn_compress(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    z_stream z = {.next_in = NULL};
    int level = int_arg(args, argc, 1, 6), bits = int_arg(args, argc, 2, 15);
    bool ok;

    if (!is_ready(r, deflateInit2(&z, level, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), &ok))
        return ok;
    set_input(&z, args);
    ok = give(r, &z, deflate, out);
    (void)deflateEnd(&z);
    return ok;
}

static bool
fn_uncompress(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    z_stream z = {.next_in = NULL};
    bool ok;

    if (!is_ready(r, inflateInit2(&z, int_arg(args, argc, 1, 15)), &ok))
        return ok;
    set_input(&z, args);
    ok = give(r, &z, inflate, out);
    (void)inflateEnd(&z);
    return ok;
}

const struct hsl_builtin hsl_lib_zlib_rows[] = {
    {"zlib_compress", "s|nn", 0, 0, .fn = fn_compress,
        "zlib_compress(s [, level = 6 [, windowbits = 15]])",
        "The string compressed: by zlib, with windowbits 31 by gzip, with -15 without a header. "
        "None "
        "if level or windowbits is out of range."},
    {"zlib_uncompress", "s|n", 0, 0, .fn = fn_uncompress, "zlib_uncompress(s [, windowbits = 15])",
        "The string that was compressed; windowbits as above, 47 takes zlib and gzip. None if it "
        "is "
        "no such thing or not whole."},
    {.name = NULL},
};
