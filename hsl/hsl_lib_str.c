/* hsl_lib_str.c - built-ins on strings (library §3). Strings are bytes: case functions change A-Z
 * and a-z only.
 *
 * Old names (strlen, trim, explode ...) take none as "", new names refuse it (language §1 row 18).
 * Not here: pcre_* (hsl_lib_pcre.c), the format operator (hsl_format.c).
 * Threads: as the run. Fails: R07, R15, limits. */
#include "config.h"

#include "hsl/hsl_arr.h"
#include "hsl/hsl_lib.h"

#define PART_WORK 16u /* bytes of work that a part counts for besides its own, which may be none */

static bool
fn_strlen(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)argc;
    *out = hsl_num((double)args[0].u.str->len);
    return true;
}

/* --- Case, stripping ------------------------------------------------------------------------- */

/* Eight bytes at once: in the bytes from [first] to [last], two ASCII letters, bit 5 turned round.
 * Adding to the lower seven bits carries into the highest from [first] on, and behind [last]. */
static inline uint64_t
turn_case(uint64_t bytes, char first, char last)
{
    const uint64_t each = 0x0101010101010101u, high = each * 0x80;
    uint64_t low = bytes & ~high;
    uint64_t from = low + each * (0x80u - (unsigned)first);
    uint64_t behind = low + each * (0x7fu - (unsigned)last);

    return bytes ^ (((from ^ behind) & ~bytes & high) >> 2);
}

static inline uint64_t
load8(const char *p)
{
    uint64_t bytes;

    memcpy(&bytes, p, 8);
    return bytes;
}

/* True if [s] has one of the letters. */
static bool
has_case(const struct hsl_str *s, char first, char last)
{
    size_t i = 0;

    for (; i + 8 <= s->len; i += 8) {
        if (turn_case(load8(s->data + i), first, last) != load8(s->data + i))
            return true;
    }
    for (; i < s->len; i++) {
        if (s->data[i] >= first && s->data[i] <= last)
            return true;
    }
    return false;
}

/* A copy of [s] with the letters from [first] to [last] in the other case; [s] itself if it has
 * none. */
static bool
map_case(struct hsl_run *r, struct hsl_str *s, char first, char last, struct hsl_value *out)
{
    struct hsl_str *t;

    if (!has_case(s, first, last)) {
        *out = hsl_ref(hsl_from_str(s));
        return hsl_work(r, s->len);
    }
    t = hsl_str_alloc(r, s->len);
    if (!t)
        return false;
    *out = hsl_from_str(t);
    for (size_t i = 0; i + 8 <= s->len; i += 8) {
        uint64_t bytes = turn_case(load8(s->data + i), first, last);

        memcpy(t->data + i, &bytes, 8);
    }
    for (size_t i = s->len & ~(size_t)7; i < s->len; i++) {
        char c = s->data[i];

        t->data[i] = c >= first && c <= last ? (char)(c ^ 0x20) : c;
    }
    return hsl_work(r, s->len);
}

static bool
fn_str_lower(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    return map_case(r, args[0].u.str, 'A', 'Z', out);
}

static bool
fn_str_upper(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    return map_case(r, args[0].u.str, 'a', 'z', out);
}

/* Strips the bytes of args[1] (default: white space) at the sides asked for. */
static bool
strip(struct hsl_run *r, const struct hsl_value *args, unsigned argc, bool left, bool right,
    struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;
    const char *chars = argc > 1 ? args[1].u.str->data : " \t\r\n";
    size_t count = argc > 1 ? args[1].u.str->len : 4;
    size_t first = 0, last = s->len;
    bool drop[256] = {false};

    for (size_t i = 0; i < count; i++)
        drop[(unsigned char)chars[i]] = true;
    if (!hsl_work_text(r, &args[0]) || (argc > 1 && !hsl_work_text(r, &args[1])))
        return false;
    while (left && first < last && drop[(unsigned char)s->data[first]])
        first++;
    while (right && last > first && drop[(unsigned char)s->data[last - 1]])
        last--;
    if (last - first == s->len) {
        *out = hsl_ref(args[0]);
        return true;
    }
    return hsl_ret_str(r, out, s->data + first, last - first);
}

static bool
fn_str_strip(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return strip(r, args, argc, true, true, out);
}

static bool
fn_str_lstrip(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return strip(r, args, argc, true, false, out);
}

static bool
fn_str_rstrip(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return strip(r, args, argc, false, true, out);
}

/* --- Splitting and joining ------------------------------------------------------------------- */

/* The offset of the last [find] inside the first [len] bytes of [s] into *at, or -1. Not for an
 * empty [find]. Every place that looks like one is paid for: a text and a [find] can be such that
 * all do, and only the last byte tells. */
static bool
find_last(struct hsl_run *r, const struct hsl_str *s, size_t len, const struct hsl_str *find,
    int64_t *at)
{
    const char *p;
    size_t end = len;

    for (*at = -1; end >= find->len; end = (size_t)(p - s->data) + find->len - 1) {
        p = memrchr(s->data, (unsigned char)find->data[0], end - find->len + 1);
        if (!p)
            break;
        if (p[find->len - 1] != find->data[find->len - 1])
            continue;
        if (!hsl_work(r, find->len))
            return false;
        if (memcmp(p, find->data, find->len) == 0) {
            *at = p - s->data;
            break;
        }
    }
    return hsl_work(r, len - end);
}

static bool
push_part(struct hsl_run *r, struct hsl_arr *a, const char *p, size_t len)
{
    struct hsl_str *s = hsl_str_new(r, p, len);

    return s && hsl_work(r, len) && hsl_arr_push(r, a, hsl_from_str(s));
}

#define SPLIT_BATCH 64u /* parts that are found before they are made */

/* Fills [ends] with where the parts in [p, end) end, at most [most] and SPLIT_BATCH of them: the
 * last one ends at [end]. Their number. */
static size_t
find_ends(const char *p, const char *end, const struct hsl_str *delim, size_t most,
    const char *ends[SPLIT_BATCH])
{
    for (size_t n = 0; n < SPLIT_BATCH; n++) {
        const char *hit = NULL;

        if (n + 1 < most)
            hit = delim->len == 1 ? memchr(p, delim->data[0], (size_t)(end - p))
                                  : hsl_str_find(p, (size_t)(end - p), delim);
        ends[n] = hit ? hit : end;
        if (!hit)
            return n + 1;
        p = hit + delim->len;
    }
    return SPLIT_BATCH;
}

/* Parts are found in batches, so that the list and the budget are asked once for many of them. */
static bool
split_left(struct hsl_run *r, const struct hsl_str *s, const struct hsl_str *delim, size_t most,
    struct hsl_arr *a)
{
    const char *p = s->data, *end = s->data + s->len, *ends[SPLIT_BATCH], *from;
    size_t found;

    do {
        found = find_ends(p, end, delim, most - a->count, ends);
        if (!hsl_arr_reserve(r, a, found))
            return false;
        from = p;
        for (size_t i = 0; i < found; i++) {
            struct hsl_str *part = hsl_str_new(r, p, (size_t)(ends[i] - p));

            if (!part)
                return false;
            (void)hsl_arr_packed_push(a, hsl_from_str(part));
            p = ends[i] == end ? end : ends[i] + delim->len;
        }
        if (!hsl_work(r, (size_t)(p - from)))
            return false;
    } while (ends[found - 1] != end);
    return true;
}

/* The elements of the list [from] from the last to the first onto [to]. */
static bool
push_reversed(struct hsl_run *r, const struct hsl_arr *from, struct hsl_arr *to)
{
    for (size_t i = hsl_arr_count(from); i-- > 0;) {
        if (!hsl_arr_push(r, to, hsl_ref(*hsl_arr_at(from, i))))
            return false;
    }
    return true;
}

/* Collects the parts from the right into a list of their own, then turns it round. */
static bool
split_right(struct hsl_run *r, const struct hsl_str *s, const struct hsl_str *delim, size_t most,
    struct hsl_arr *a)
{
    struct hsl_arr *parts = hsl_arr_new(r, 0);
    size_t end = s->len;
    bool ok = parts != NULL;
    int64_t at;

    for (size_t n = 1; ok && n < most; n++) {
        ok = find_last(r, s, end, delim, &at);
        if (!ok || at < 0)
            break;
        ok = push_part(r, parts, s->data + at + delim->len, end - (size_t)at - delim->len);
        end = (size_t)at;
    }
    ok = ok && push_part(r, parts, s->data, end) && push_reversed(r, parts, a);
    if (parts)
        hsl_unref(r, hsl_from_arr(parts));
    return ok;
}

static bool
split(struct hsl_run *r, const char *name, const struct hsl_str *s, const struct hsl_str *delim,
    const struct hsl_value *limit, struct hsl_value *out)
{
    int64_t n = limit ? hsl_arg_int(limit) : 0;
    struct hsl_arr *a;
    bool ok;

    if (delim->len == 0)
        return hsl_raise(r, HSL_R15, "%s(): the delimiter is empty", name);
    a = hsl_arr_new(r, 0);
    if (!a)
        return false;
    *out = hsl_from_arr(a);
    if (n < 0)
        ok = split_right(r, s, delim, (size_t)-n, a);
    else
        ok = split_left(r, s, delim, n == 0 ? SIZE_MAX : (size_t)n, a);
    return ok;
}

static bool
fn_explode(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return split(r, "explode", args[1].u.str, args[0].u.str, argc > 2 ? &args[2] : NULL, out);
}

static bool
fn_str_split(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return split(r, "str_split", args[0].u.str, args[1].u.str, argc > 2 ? &args[2] : NULL, out);
}

static bool
append_value(struct hsl_run *r, struct hsl_value *out, const struct hsl_value *v)
{
    struct hsl_str *s;
    bool ok;

    if (v->type == HSL_STR)
        return hsl_str_append(r, out, v->u.str->data, v->u.str->len);
    s = hsl_to_str(r, v);
    if (!s)
        return false;
    ok = hsl_str_append(r, out, s->data, s->len);
    hsl_unref(r, hsl_from_str(s));
    return ok;
}

/* Elements that are not all strings. */
static bool
join_any(
    struct hsl_run *r, const struct hsl_arr *a, const struct hsl_str *glue, struct hsl_value *out)
{
    const struct hsl_value *v;
    size_t pos = 0, before = 0;
    bool first = true;

    *out = hsl_from_str(hsl_str_empty());
    while (hsl_arr_next(a, &pos, NULL, &v)) {
        if (!first && !hsl_str_append(r, out, glue->data, glue->len))
            return false;
        if (!append_value(r, out, v) || !hsl_work(r, out->u.str->len - before + PART_WORK))
            return false;
        before = out->u.str->len;
        first = false;
    }
    return true;
}

/* Length of the strings in the list with glue between them; false: one is none. */
static bool
joined_length(const struct hsl_arr *a, const struct hsl_str *glue, size_t *len)
{
    if (a->mask || a->count == 0)
        return false;
    *len = (size_t)(a->count - 1) * glue->len;
    for (size_t i = 0; i < a->count; i++) {
        if (a->d.vals[i].type != HSL_STR)
            return false;
        *len += a->d.vals[i].u.str->len;
    }
    return true;
}

static bool
join(struct hsl_run *r, const struct hsl_arr *a, const struct hsl_str *glue, struct hsl_value *out)
{
    struct hsl_str *s;
    size_t len;
    char *p;

    if (!joined_length(a, glue, &len) || len <= 1)
        return join_any(r, a, glue, out);
    s = hsl_str_alloc(r, len);
    if (!s)
        return false;
    *out = hsl_from_str(s);
    p = s->data;
    for (size_t i = 0; i < a->count; i++) {
        const struct hsl_str *part = a->d.vals[i].u.str;

        if (i > 0) {
            hsl_copy_bytes(p, glue->data, glue->len);
            p += glue->len;
        }
        hsl_copy_bytes(p, part->data, part->len);
        p += part->len;
    }
    return hsl_work(r, len + PART_WORK * (size_t)a->count);
}

static bool
fn_implode(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    return join(r, args[1].u.arr, args[0].u.str, out);
}

static bool
fn_array_join(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return join(r, args[0].u.arr, argc > 1 ? args[1].u.str : hsl_str_empty(), out);
}

/* --- Parts and positions --------------------------------------------------------------------- */

static bool
fn_substr(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;
    int64_t size = s->len, start = argc > 1 ? hsl_arg_int(&args[1]) : 0;
    int64_t len = argc > 2 ? hsl_arg_int(&args[2]) : size;

    if (start < 0)
        start += size;
    if (start < 0 || start > size)
        len = start = 0;
    if (len < 0)
        len += size - start;
    if (len > size - start)
        len = size - start;
    return hsl_ret_str(r, out, s->data + start, len > 0 ? (size_t)len : 0);
}

static int64_t
offset_arg(const struct hsl_value *args, unsigned argc)
{
    int64_t offset = argc > 2 ? hsl_arg_int(&args[2]) : 0;

    return offset > 0 ? offset : 0;
}

static bool
fn_strpos(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str, *find = args[1].u.str;
    int64_t offset = offset_arg(args, argc);
    const char *hit;

    *out = hsl_num(-1);
    if (offset > s->len)
        return true;
    hit = hsl_str_find(s->data + offset, s->len - (size_t)offset, find);
    if (!hit)
        return hsl_work(r, s->len - (size_t)offset);
    *out = hsl_num((double)(hit - s->data));
    return hsl_work(r, (size_t)(hit - s->data) - (size_t)offset + find->len);
}

static bool
fn_strrpos(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str, *find = args[1].u.str;
    int64_t offset = offset_arg(args, argc);

    int64_t at = -1;

    if (offset <= s->len && find->len == 0)
        at = s->len - offset;
    else if (offset <= s->len && !find_last(r, s, s->len - (size_t)offset, find, &at))
        return false;
    *out = hsl_num((double)at);
    return true;
}

static bool
fn_str_replace(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *find = args[0].u.str, *with = args[1].u.str, *s = args[2].u.str;
    const char *p = s->data, *end = s->data + s->len, *hit;

    (void)argc;
    hit = find->len ? hsl_str_find(p, s->len, find) : NULL;
    if (!hit) {
        *out = hsl_ref(args[2]);
        return hsl_work(r, s->len);
    }
    *out = hsl_from_str(hsl_str_empty());
    do {
        if (!hsl_str_append(r, out, p, (size_t)(hit - p)) ||
            !hsl_str_append(r, out, with->data, with->len) ||
            !hsl_work(r, (size_t)(hit - p) + with->len + PART_WORK))
            return false;
        p = hit + find->len;
        hit = hsl_str_find(p, (size_t)(end - p), find);
    } while (hit);
    return hsl_str_append(r, out, p, (size_t)(end - p)) && hsl_work(r, (size_t)(end - p));
}

static bool
fn_str_repeat(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    return hsl_op_binary(r, HSL_OP_MUL, &args[0], &args[1], out);
}

static bool
fn_str_chunk(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;
    int64_t size = hsl_arg_int(&args[1]);
    int64_t piece = argc > 2 ? hsl_arg_int(&args[2]) : size;
    struct hsl_arr *a;

    if (size < 1 || piece < 1)
        return hsl_raise(r, HSL_R15, "str_chunk(): the size is less than 1");
    a = hsl_arr_new(r, 0);
    if (!a)
        return false;
    *out = hsl_from_arr(a);
    for (size_t at = 0; at < s->len;) {
        size_t left = s->len - at;
        size_t len = (uint64_t)piece < left ? (size_t)piece : left;

        if (!push_part(r, a, s->data + at, len))
            return false;
        at += len;
        piece = size;
    }
    return true;
}

static bool
fn_chr(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)argc;
    *out = hsl_from_str(hsl_str_byte((unsigned char)(hsl_arg_int(&args[0]) & 255)));
    return true;
}

static bool
fn_ord(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;

    (void)argc;
    if (s->len == 0)
        return hsl_raise(r, HSL_R15, "ord(): the string is empty");
    *out = hsl_num((unsigned char)s->data[0]);
    return true;
}

#define OLD (HSL_NONE_OK | HSL_PURE)

const struct hsl_builtin hsl_lib_str_rows[] = {
    {"strlen", "s", 0, OLD, .fn = fn_strlen, "strlen(s)", "The number of bytes."},
    {"strtolower", "s", 0, OLD, .fn = fn_str_lower, "strtolower(s)", "The old name of str_lower()."},
    {"strtoupper", "s", 0, OLD, .fn = fn_str_upper, "strtoupper(s)", "The old name of str_upper()."},
    {"str_lower", "s", 0, HSL_PURE, .fn = fn_str_lower, "str_lower(s)",
        "The string with A-Z made a-z; other bytes stay.", .other = "strtolower"},
    {"str_upper", "s", 0, HSL_PURE, .fn = fn_str_upper, "str_upper(s)",
        "The string with a-z made A-Z; other bytes stay.", .other = "strtoupper"},
    {"trim", "s", 0, OLD, .fn = fn_str_strip, "trim(s)",
        "The string without spaces, tabs and line ends at both sides."},
    {"str_strip", "s|s", 0, HSL_PURE, .fn = fn_str_strip, "str_strip(s [, chars = \" \\t\\r\\n\"])",
        "The string without those bytes at both sides. chars holds single bytes, no ranges.",
        .other = "trim"},
    {"str_lstrip", "s|s", 0, HSL_PURE, .fn = fn_str_lstrip, "str_lstrip(s [, chars = \" \\t\\r\\n\"])",
        "As str_strip(), at the left side only."},
    {"str_rstrip", "s|s", 0, HSL_PURE, .fn = fn_str_rstrip, "str_rstrip(s [, chars = \" \\t\\r\\n\"])",
        "As str_strip(), at the right side only."},
    {"explode", "ss|n", 0, OLD, .fn = fn_explode, "explode(delim, s [, limit = 0])",
        "The old form of str_split(), with the delimiter first."},
    {"str_split", "ss|n", 0, HSL_PURE, .fn = fn_str_split, "str_split(s, delim [, limit = 0])",
        "The parts of s between the delimiters. A positive limit gives at most that many parts "
        "with the rest in the last; a negative one splits from the right, with the rest in the "
        "first.",
        .errors = "the delimiter is empty", .other = "explode"},
    {"implode", "sa", 0, HSL_NONE_OK, .fn = fn_implode, "implode(glue, a)",
        "The old form of array_join(), with the separator first."},
    {"array_join", "a|s", 0, 0, .fn = fn_array_join, "array_join(a [, sep = \"\"])",
        "The elements as text with the separator between them; none gives nothing.",
        .other = "implode"},
    {"substr", "s|nn", 0, OLD, .fn = fn_substr, "substr(s [, start = 0 [, len]])",
        "Part of a string. A negative start counts from the end, a negative length leaves that "
        "many bytes off the end; what lies outside gives \"\"."},
    {"str_slice", "sn|n", 0, HSL_PURE, .fn = fn_substr, "str_slice(s, start [, len])",
        "The new name of substr().", .other = "substr"},
    {"strpos", "ss|n", 0, OLD, .fn = fn_strpos, "strpos(s, find [, offset = 0])",
        "The position of the first find at or behind offset, or -1."},
    {"str_find", "ss|n", 0, HSL_PURE, .fn = fn_strpos, "str_find(s, find [, offset = 0])",
        "The new name of strpos().", .other = "strpos"},
    {"strrpos", "ss|n", 0, OLD, .fn = fn_strrpos, "strrpos(s, find [, offset = 0])",
        "The position of the last find that lies before the last offset bytes, or -1."},
    {"str_rfind", "ss|n", 0, HSL_PURE, .fn = fn_strrpos, "str_rfind(s, find [, offset = 0])",
        "The new name of strrpos().", .other = "strrpos"},
    {"str_replace", "sss", 0, HSL_PURE, .fn = fn_str_replace, "str_replace(search, repl, subject)",
        "The subject with every search replaced, from left to right; inserted text is not "
        "searched."},
    {"str_repeat", "sn", 0, HSL_PURE, .fn = fn_str_repeat, "str_repeat(s, n)",
        "The string n times, like s * n."},
    {"str_chunk", "sn|n", 0, HSL_PURE, .fn = fn_str_chunk, "str_chunk(s, n [, first = n])",
        "A list of pieces of n bytes; the first one has first bytes, the last what is left.",
        .errors = "n is below 1"},
    {"chr", "n", 0, HSL_PURE, .fn = fn_chr, "chr(n)", "The byte with the code n modulo 256."},
    {"ord", "s", 0, HSL_PURE, .fn = fn_ord, "ord(s)",
        "The code of the first byte.",
        .errors = "the string is empty"},
    {.name = NULL},
};
