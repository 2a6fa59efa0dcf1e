/* hsl_lib_pack.c - pack() and unpack(): values to bytes and back by a format (library §7).
 *
 * A code is a letter with a count behind it: digits, or * for all that is left. Formats come from
 * scripts, data from anywhere: what does not fit gives none.
 * Not here: other encodings (hsl_lib_enc.c). Threads: as the run. Fails: limits. */
#include "config.h"

#include "hsl/hsl_lib.h"

#include <math.h>

#define ALL SIZE_MAX
#define CODE_WORK 32 /* bytes of work that reading a code counts for */

struct code {
    char letter;
    size_t count; /* 1 if none was written; ALL for * */
    bool counted; /* a count was written */
};

/* The next code of the format. 1, 0 at the end, -1 if it is not understood. */
static int
next_code(const char **p, const char *end, struct code *c)
{
    while (*p < end && (**p == ' ' || **p == '\t' || **p == '\r' || **p == '\n'))
        ++*p;
    if (*p == end)
        return 0;
    c->letter = *(*p)++;
    if (c->letter == '\0' || !strchr("aZHCcnNvVeEx", c->letter))
        return -1;
    c->count = 1;
    c->counted = *p < end && (**p == '*' || (**p >= '0' && **p <= '9'));
    if (!c->counted)
        return 1;
    if (**p == '*') {
        ++*p;
        c->count = ALL;
        return 1;
    }
    for (c->count = 0; *p < end && **p >= '0' && **p <= '9'; ++*p) {
        if (c->count > 1000000000)
            return -1;
        c->count = c->count * 10 + (size_t)(**p - '0');
    }
    return 1;
}

/* Bytes of a number code. */
static size_t
width_of(char letter)
{
    switch (letter) {
    case 'n':
    case 'v':
        return 2;
    case 'N':
    case 'V':
        return 4;
    case 'e':
    case 'E':
        return 8;
    default:
        return 1;
    }
}

static bool
is_big_endian(char letter)
{
    return letter == 'n' || letter == 'N' || letter == 'E';
}

/* --- pack ------------------------------------------------------------------------------------ */

struct packer {
    struct hsl_run *run;
    struct ut_sbuf out;
    struct hsl_value *args;
    unsigned next, argc;
};

static void
add_zeros(struct ut_sbuf *out, size_t n)
{
    static const char zeros[4096];

    if (!ut_sbuf_reserve(out, n))
        return;
    for (; n > sizeof(zeros); n -= sizeof(zeros))
        ut_sbuf_add(out, zeros, sizeof(zeros));
    ut_sbuf_add(out, zeros, n);
}

static void
add_bits(struct ut_sbuf *out, uint64_t bits, size_t width, bool big)
{
    char bytes[8];

    for (size_t i = 0; i < width; i++) {
        size_t at = big ? width - 1 - i : i;

        bytes[at] = (char)(unsigned char)(bits >> (8 * i) & 255);
    }
    ut_sbuf_add(out, bytes, width);
}

/* The next argument as a number; false if there is none. */
static bool
take_number(struct packer *p, double *n)
{
    const struct hsl_value *v;

    if (p->next == p->argc)
        return false;
    v = &p->args[p->next++];
    if (v->type == HSL_NUM)
        *n = v->u.num;
    else if (v->type == HSL_BOOL)
        *n = v->u.b ? 1 : 0;
    else
        return v->type == HSL_STR && hsl_work_text(p->run, v) &&
               hsl_numeric_string(v->u.str->data, v->u.str->len, n);
    return true;
}

static bool
pack_number(struct packer *p, char letter)
{
    size_t width = width_of(letter);
    uint64_t bits;
    double n;

    if (!take_number(p, &n))
        return false;
    if (width == 8) {
        memcpy(&bits, &n, sizeof(bits));
    } else {
        double wrap = ldexp(1, (int)(8 * width));

        if (!isfinite(n))
            return false;
        n = fmod(trunc(n), wrap);
        bits = (uint64_t)(n < 0 ? n + wrap : n);
    }
    add_bits(&p->out, bits, width, is_big_endian(letter));
    return true;
}

static bool
pack_hex(struct packer *p, const struct hsl_str *s, size_t digits)
{
    unsigned byte = 0;

    if (digits > s->len)
        return false;
    for (size_t i = 0; i < digits; i++) {
        char c = s->data[i], lower = (char)(c | 0x20);

        if (c >= '0' && c <= '9')
            byte = byte << 4 | (unsigned)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            byte = byte << 4 | (unsigned)(lower - 'a' + 10);
        else
            return false;
        if (i % 2 == 1)
            ut_sbuf_addc(&p->out, (char)(unsigned char)(byte & 255));
    }
    if (digits % 2 == 1)
        ut_sbuf_addc(&p->out, (char)(unsigned char)(byte << 4 & 255));
    return true;
}

/* a, Z and H: [s] by the code. */
static bool
pack_text(struct packer *p, const struct code *c, const struct hsl_str *s)
{
    size_t size = c->count, used;

    if (c->letter == 'H')
        return pack_hex(p, s, c->count == ALL ? s->len : c->count);
    if (size == ALL)
        size = (size_t)s->len + (c->letter == 'Z' ? 1 : 0);
    used = c->letter == 'Z' && size > 0 ? size - 1 : size;
    if (used > s->len)
        used = s->len;
    ut_sbuf_add(&p->out, s->data, used);
    add_zeros(&p->out, size - used);
    return true;
}

static bool
pack_string(struct packer *p, const struct code *c)
{
    struct hsl_value *v;
    struct hsl_str *s;
    bool ok;

    if (p->next == p->argc)
        return false;
    v = &p->args[p->next++];
    if (v->type != HSL_STR && v->type != HSL_NUM && v->type != HSL_BOOL)
        return false;
    s = hsl_to_str(p->run, v);
    if (!s)
        return false;
    ok = pack_text(p, c, s);
    hsl_unref(p->run, hsl_from_str(s));
    return ok;
}

static bool
pack_code(struct packer *p, const struct code *c)
{
    size_t count = c->count;

    if (strchr("aZH", c->letter))
        return pack_string(p, c);
    if (c->letter == 'x') {
        add_zeros(&p->out, count == ALL ? 0 : count);
        return true;
    }
    if (count == ALL)
        count = p->argc - p->next;
    while (count-- > 0) {
        if (!pack_number(p, c->letter))
            return false;
    }
    return true;
}

static bool
fn_pack(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct packer p = {.run = r, .args = args, .next = 1, .argc = argc};
    const char *format = args[0].u.str->data, *end = format + args[0].u.str->len;
    struct code c;
    bool counted;
    int more;

    ut_sbuf_init(&p.out, r->limits.max_string);
    while ((more = next_code(&format, end, &c)) > 0) {
        if (!hsl_work(r, CODE_WORK) || !pack_code(&p, &c) || p.out.failed) {
            more = -1;
            break;
        }
    }
    if (p.out.failed || (more == 0 && p.next == p.argc))
        return hsl_ret_sbuf(r, out, &p.out) && hsl_work(r, out->u.str->len);
    counted = r->state == HSL_RUNNING && hsl_work(r, p.out.len);
    ut_sbuf_fini(&p.out);
    return counted;
}

/* --- unpack ---------------------------------------------------------------------------------- */

struct unpacker {
    struct hsl_run *run;
    const char *p;
    size_t left;
    struct hsl_arr *out;
    bool failed; /* the run's error is set */
};

static bool
give(struct unpacker *u, struct hsl_value v)
{
    u->failed = !hsl_arr_push(u->run, u->out, v) || !hsl_work(u->run, 16);
    return !u->failed;
}

static bool
give_bytes(struct unpacker *u, const char *p, size_t len)
{
    struct hsl_str *s = hsl_str_new(u->run, p, len);

    u->failed = !s || !hsl_work(u->run, len);
    if (!u->failed)
        return give(u, hsl_from_str(s));
    if (s)
        hsl_unref(u->run, hsl_from_str(s));
    return false;
}

static void
skip(struct unpacker *u, size_t n)
{
    u->p += n;
    u->left -= n;
}

static bool
unpack_text(struct unpacker *u, const struct code *c)
{
    size_t size = c->count == ALL ? u->left : c->count, text = size;
    const char *nul;

    if (size > u->left)
        return false;
    nul = c->letter == 'Z' ? memchr(u->p, '\0', size) : NULL;
    if (nul) {
        text = (size_t)(nul - u->p);
        if (c->count == ALL)
            size = text + 1;
    }
    if (!give_bytes(u, u->p, text))
        return false;
    skip(u, size);
    return true;
}

static bool
unpack_hex(struct unpacker *u, const struct code *c)
{
    static const char digits[] = "0123456789abcdef";
    size_t count = c->count;
    struct hsl_str *s;

    if (count == ALL)
        count = u->left * 2;
    if (count > u->left * 2)
        return false;
    s = hsl_str_alloc(u->run, count);
    u->failed = !s;
    if (!s)
        return false;
    for (size_t i = 0; i < count; i++) {
        unsigned byte = (unsigned char)u->p[i / 2];

        s->data[i] = digits[i % 2 == 0 ? byte >> 4 : byte & 15];
    }
    skip(u, (count + 1) / 2);
    return give(u, hsl_from_str(s));
}

static double
unpack_number(const char *p, char letter)
{
    size_t width = width_of(letter);
    uint64_t bits = 0;
    double n;

    for (size_t i = 0; i < width; i++)
        bits = bits << 8 | (unsigned char)p[is_big_endian(letter) ? i : width - 1 - i];
    if (width == 8) {
        memcpy(&n, &bits, sizeof(n));
        return n;
    }
    return letter == 'c' && bits > 127 ? (double)bits - 256 : (double)bits;
}

static bool
unpack_code(struct unpacker *u, const struct code *c)
{
    size_t width = width_of(c->letter), count = c->count;

    if (c->letter == 'H')
        return unpack_hex(u, c);
    if (c->letter == 'a' || c->letter == 'Z')
        return unpack_text(u, c);
    if (count == ALL)
        count = u->left / width;
    if (count > u->left / width)
        return false;
    if (c->letter == 'x') {
        skip(u, count);
        return true;
    }
    while (count-- > 0) {
        if (!give(u, hsl_num(unpack_number(u->p, c->letter))))
            return false;
        skip(u, width);
    }
    return true;
}

static bool
fn_unpack(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const char *format = args[0].u.str->data, *end = format + args[0].u.str->len;
    int64_t offset = argc > 2 ? hsl_arg_int(&args[2]) : 0;
    struct unpacker u = {.run = r};
    struct code c;
    int more;

    if (offset < 0 || offset > args[1].u.str->len)
        return true;
    u.p = args[1].u.str->data + offset;
    u.left = args[1].u.str->len - (size_t)offset;
    u.out = hsl_arr_new(r, 0);
    if (!u.out)
        return false;
    while ((more = next_code(&format, end, &c)) > 0) {
        u.failed = !hsl_work(r, CODE_WORK);
        if (u.failed || !unpack_code(&u, &c)) {
            more = -1;
            break;
        }
    }
    if (more == 0)
        *out = hsl_from_arr(u.out);
    else
        hsl_unref(r, hsl_from_arr(u.out));
    return !u.failed;
}

const struct hsl_builtin hsl_lib_pack_rows[] = {
    {"pack", "s|v*", 0, 0, .fn = fn_pack, "pack(format, ...)",
        "The arguments as bytes by the format. Codes: a Z H (text, text with NUL, hex digits), C "
        "c (byte), n N v V (16 and 32 bits, big and little endian), e E (double), x (NUL); each "
        "with a count or *. None if arguments and format do not fit."},
    {"unpack", "ss|n", 0, 0, .fn = fn_unpack, "unpack(format, s [, offset = 0])",
        "The list of values that the bytes from offset on stand for, by the codes of pack(). "
        "None if there are too few bytes."},
    {.name = NULL},
};
