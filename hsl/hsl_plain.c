/* hsl_plain.c - plain values as bytes, and back.
 *
 * One byte says what follows: 'n' none, 't' 'f' truth values, 'd' a number, 's' a string (length
 * and bytes), 'l' a list (count and values), 'm' a map (count, and for each element a key and a
 * value). A key is 'd' and an integer, or a string.
 *
 * Bytes may come from a file or another process: each length is held against what is left.
 * Values share their parts: one of sixty small arrays can spell out to more bytes than there are.
 * So the walk ends where [out] is full.
 * Threads: any. Fails: see hsl_plain.h. */
#include "config.h"

#include "hsl/hsl_arr.h"
#include "hsl/hsl_plain.h"

/* --- To bytes -------------------------------------------------------------------------------- */

static void
add_counted(struct ut_sbuf *out, char tag, uint32_t n)
{
    char head[1 + sizeof(n)];

    head[0] = tag;
    memcpy(head + 1, &n, sizeof(n));
    ut_sbuf_add(out, head, sizeof(head));
}

static void
add_string(struct ut_sbuf *out, const struct hsl_str *s)
{
    add_counted(out, 's', s->len);
    ut_sbuf_add(out, s->data, s->len);
}

static void
add_word(struct ut_sbuf *out, const void *word)
{
    char bytes[1 + 8];

    bytes[0] = 'd';
    memcpy(bytes + 1, word, 8);
    ut_sbuf_add(out, bytes, sizeof(bytes));
}

static enum hsl_plain
add_value(struct ut_sbuf *out, const struct hsl_value *v, bool lossy, unsigned depth);

static enum hsl_plain
add_array(struct ut_sbuf *out, const struct hsl_arr *a, bool lossy, unsigned depth)
{
    bool list = hsl_arr_is_list(a);
    const struct hsl_value *v;
    struct hsl_str *text;
    size_t pos = 0;
    int64_t key;

    if (depth == HSL_PLAIN_DEPTH)
        return HSL_PLAIN_DEEP;
    add_counted(out, list ? 'l' : 'm', (uint32_t)hsl_arr_count(a));
    while (hsl_arr_next(a, &pos, NULL, &v)) {
        enum hsl_plain end;

        if (!list && hsl_arr_key_at(a, pos - 1, &key, &text))
            add_word(out, &key);
        else if (!list)
            add_string(out, text);
        end = add_value(out, v, lossy, depth + 1);
        if (end != HSL_PLAIN_OK)
            return end;
        if (out->failed)
            return HSL_PLAIN_FULL;
    }
    return HSL_PLAIN_OK;
}

static enum hsl_plain
add_value(struct ut_sbuf *out, const struct hsl_value *v, bool lossy, unsigned depth)
{
    switch (v->type) {
    case HSL_NONE:
        ut_sbuf_addc(out, 'n');
        return HSL_PLAIN_OK;
    case HSL_BOOL:
        ut_sbuf_addc(out, v->u.b ? 't' : 'f');
        return HSL_PLAIN_OK;
    case HSL_NUM:
        add_word(out, &v->u.num);
        return HSL_PLAIN_OK;
    case HSL_STR:
        add_string(out, v->u.str);
        return HSL_PLAIN_OK;
    case HSL_ARR:
        return add_array(out, v->u.arr, lossy, depth);
    default:
        ut_sbuf_addc(out, 'n');
        return lossy ? HSL_PLAIN_OK : HSL_PLAIN_NOT;
    }
}

enum hsl_plain
hsl_plain_save(const struct hsl_value *v, bool lossy, struct ut_sbuf *out)
{
    enum hsl_plain end = add_value(out, v, lossy, 0);

    return end == HSL_PLAIN_OK && out->failed ? HSL_PLAIN_FULL : end;
}

/* --- From bytes ------------------------------------------------------------------------------ */

struct reader {
    struct hsl_run *run;
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

/* A length or count; each byte or element counted takes at least one byte. */
static bool
read_count(struct reader *in, uint32_t *n)
{
    return read_bytes(in, n, sizeof(*n)) && *n <= in->left;
}

static bool
read_string(struct reader *in, struct hsl_str **out)
{
    uint32_t len;

    if (!read_count(in, &len))
        return false;
    *out = hsl_str_new(in->run, in->p, len);
    in->p += len;
    in->left -= len;
    return *out != NULL;
}

static bool
read_value(struct reader *in, unsigned depth, struct hsl_value *out);

static bool
read_element(struct reader *in, struct hsl_arr *a, unsigned depth)
{
    struct hsl_str *s = NULL;
    struct hsl_value v;
    int64_t i = 0;
    char tag;
    bool ok;

    if (!read_bytes(in, &tag, 1) || (tag != 'd' && tag != 's'))
        return false;
    if (tag == 'd' ? !read_bytes(in, &i, sizeof(i)) : !read_string(in, &s))
        return false;
    ok = read_value(in, depth, &v);
    if (ok && s)
        ok = hsl_arr_sets(in->run, a, s, v);
    else if (ok)
        ok = hsl_arr_seti(in->run, a, i, v);
    if (s)
        hsl_unref(in->run, hsl_from_str(s));
    return ok;
}

static bool
read_array(struct reader *in, bool list, unsigned depth, struct hsl_value *out)
{
    struct hsl_value v;
    struct hsl_arr *a;
    uint32_t count;
    bool ok = true;

    if (depth == HSL_PLAIN_DEPTH || !read_count(in, &count))
        return false;
    a = hsl_arr_new(in->run, list ? count : 0);
    if (!a)
        return false;
    for (; ok && count > 0; count--) {
        if (!list)
            ok = read_element(in, a, depth + 1);
        else
            ok = read_value(in, depth + 1, &v) && hsl_arr_push(in->run, a, v);
    }
    if (ok)
        *out = hsl_from_arr(a);
    else
        hsl_unref(in->run, hsl_from_arr(a));
    return ok;
}

static bool
read_value(struct reader *in, unsigned depth, struct hsl_value *out)
{
    struct hsl_str *s;
    double n;
    char tag;

    if (!read_bytes(in, &tag, 1))
        return false;
    switch (tag) {
    case 'n':
        *out = hsl_none();
        return true;
    case 't':
    case 'f':
        *out = hsl_bool(tag == 't');
        return true;
    case 'd':
        if (!read_bytes(in, &n, sizeof(n)))
            return false;
        *out = hsl_num(n);
        return true;
    case 's':
        if (!read_string(in, &s))
            return false;
        *out = hsl_from_str(s);
        return true;
    case 'l':
    case 'm':
        return read_array(in, tag == 'l', depth, out);
    default:
        return false;
    }
}

bool
hsl_plain_load(struct hsl_run *r, const char *p, size_t len, struct hsl_value *out)
{
    struct reader in = {r, p, len};

    if (!hsl_work(r, len) || !read_value(&in, 0, out))
        return false;
    if (in.left == 0)
        return true;
    hsl_unref(r, *out);
    return false;
}
