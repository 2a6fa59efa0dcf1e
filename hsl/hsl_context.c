/* hsl_context.c - $context as bytes that the host keeps between the runs of one connection.
 *
 * One byte says what follows: 'n' none, 't' 'f' truth values, 'd' a number, 's' a string (length
 * and bytes), 'a' the start of an array, 'i' an integer key, 'k' a string key, 'e' the end of an
 * array. Numbers are as the machine has them: the bytes never leave the process. Functions and
 * objects become none. What is nested deeper than HSL_BUILD_DEPTH is not kept.
 *
 * Threads: the run's. Fails: without memory, or over max_string, the host keeps what it had. */
#include "config.h"

#include "hsl/hsl_context.h"

/* --- Saving ---------------------------------------------------------------------------------- */

static void
add_string(struct ut_sbuf *out, char tag, const struct hsl_str *s)
{
    ut_sbuf_addc(out, tag);
    ut_sbuf_add(out, &s->len, sizeof(s->len));
    ut_sbuf_add(out, s->data, s->len);
}

static void
add_number(struct ut_sbuf *out, char tag, double n)
{
    ut_sbuf_addc(out, tag);
    ut_sbuf_add(out, &n, sizeof(n));
}

static bool
add_value(struct ut_sbuf *out, const struct hsl_value *v, unsigned depth);

static bool
add_array(struct ut_sbuf *out, const struct hsl_arr *a, unsigned depth)
{
    const struct hsl_value *v;
    struct hsl_value key;
    size_t pos = 0;

    if (depth == HSL_BUILD_DEPTH)
        return false;
    ut_sbuf_addc(out, 'a');
    while (hsl_arr_next(a, &pos, &key, &v)) {
        if (key.type == HSL_NUM)
            add_number(out, 'i', key.u.num);
        else
            add_string(out, 'k', key.u.str);
        if (!add_value(out, v, depth + 1))
            return false;
    }
    ut_sbuf_addc(out, 'e');
    return true;
}

static bool
add_value(struct ut_sbuf *out, const struct hsl_value *v, unsigned depth)
{
    switch (v->type) {
    case HSL_BOOL:
        ut_sbuf_addc(out, v->u.b ? 't' : 'f');
        return true;
    case HSL_NUM:
        add_number(out, 'd', v->u.num);
        return true;
    case HSL_STR:
        add_string(out, 's', v->u.str);
        return true;
    case HSL_ARR:
        return add_array(out, v->u.arr, depth);
    default:
        ut_sbuf_addc(out, 'n');
        return true;
    }
}

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
    if (add_value(&out, &c->v, 0) && !out.failed)
        (void)host->context_set(m->run.host_arg, out.data, out.len);
    ut_sbuf_fini(&out);
}

/* --- Loading --------------------------------------------------------------------------------- */

struct reader {
    const char *p;
    size_t left;
};

static bool
read_bytes(struct reader *in, void *to, size_t len)
{
    if (in->left < len)
        return false;
    memcpy(to, in->p, len);
    in->p += len;
    in->left -= len;
    return true;
}

static bool
read_string(struct reader *in, struct hsl_build *b, bool key)
{
    uint32_t len;
    struct hsl_str *s;

    if (!read_bytes(in, &len, sizeof(len)) || in->left < len)
        return false;
    s = hsl_str_new(b->run, in->p, len);
    in->p += len;
    in->left -= len;
    if (!s) {
        b->failed = true;
        return false;
    }
    if (key)
        hsl_build_key_value(b, hsl_from_str(s));
    else
        hsl_build_value(b, hsl_from_str(s));
    return true;
}

static bool
read_number(struct reader *in, struct hsl_build *b, bool key)
{
    double n;

    if (!read_bytes(in, &n, sizeof(n)))
        return false;
    if (key)
        hsl_build_key_value(b, hsl_num(n));
    else
        hsl_build_num(b, n);
    return true;
}

static bool
read_item(struct reader *in, struct hsl_build *b)
{
    char tag;

    if (!read_bytes(in, &tag, 1))
        return false;
    switch (tag) {
    case 't':
    case 'f':
        hsl_build_bool(b, tag == 't');
        return true;
    case 'd':
    case 'i':
        return read_number(in, b, tag == 'i');
    case 's':
    case 'k':
        return read_string(in, b, tag == 'k');
    case 'a':
        hsl_build_array(b);
        return true;
    case 'e':
        hsl_build_end(b);
        return true;
    default:
        hsl_build_none(b);
        return true;
    }
}

bool
hsl_context_load(struct hsl_machine *m, struct hsl_build *b)
{
    const struct hsl_host *host = m->run.host;
    struct reader in = {NULL, 0};

    if (!host || !host->context_get)
        return false;
    in.p = host->context_get(m->run.host_arg, &in.left);
    if (!in.p)
        return false;
    while (in.left > 0 && !b->failed && read_item(&in, b))
        ;
    return true;
}
