/* hsl_str.c - strings: constants, hash, comparison, growing. */
#include "t/unit/hsl_fake_run.h"
#include "t/unit/tap.h"

static void
test_constants(struct hsl_run *r)
{
    unsigned c, bad = 0;

    for (c = 0; c < 256; c++) {
        const struct hsl_str *s = hsl_str_byte((unsigned char)c);
        char byte = (char)(unsigned char)c;

        bad += s->len != 1 || s->data[0] != byte || s->data[1] != '\0' || !s->rc.refs ||
               s->hash == 0 || s->hash != hsl_str_hash_bytes(&byte, 1) ||
               hsl_str_new(r, &byte, 1) != s;
    }
    tap_num(bad, 0, "the 256 strings of one byte are constants with their hash");
    tap_ok(hsl_str_new(r, "x", 0) == hsl_str_empty(), "so is the empty one");
    tap_num(hsl_str_empty()->hash, hsl_str_hash_bytes("", 0), "with its hash");
    tap_num((long long)r->heap.live, 0, "they take no memory");
}

static void
test_hash(struct hsl_run *r)
{
    char buf[100];
    unsigned len, i, zero = 0, same = 0, moved = 0;
    uint32_t seen[100];
    struct hsl_str *s;

    for (len = 0; len < sizeof(buf); len++) {
        memset(buf, 'a', sizeof(buf));
        seen[len] = hsl_str_hash_bytes(buf, len);
        zero += seen[len] == 0;
        for (i = 0; i < len; i++) { /* every byte counts */
            buf[i] ^= 1;
            same += hsl_str_hash_bytes(buf, len) == seen[len];
            buf[i] ^= 1;
        }
        for (i = 0; i < 8 && i + len < sizeof(buf); i++) /* where it stands does not */
            moved += hsl_str_hash_bytes(buf + i, len) != seen[len];
    }
    tap_num(zero, 0, "no hash is 0");
    tap_num(same, 0, "every byte counts");
    tap_num(moved, 0, "the address does not");
    s = hsl_str_newz(r, "hello");
    tap_num(s->hash, 0, "a new string has no hash yet");
    tap_ok(
        hsl_str_hash(s) == hsl_str_hash_bytes("hello", 5) && s->hash != 0, "it is kept when asked");
    hsl_unref(r, hsl_from_str(s));
}

static void
test_compare(struct hsl_run *r)
{
    static const struct {
        const char *a, *b;
        int want;
    } rows[] = {
        {"", "", 0},
        {"", "a", -1},
        {"a", "", 1},
        {"abc", "abc", 0},
        {"abc", "abd", -1},
        {"abc", "ab", 1},
        {"ab", "abc", -1},
        {"\xff", "a", 1},
        {"B", "a", -1},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hsl_str *a = hsl_str_newz(r, rows[i].a), *b = hsl_str_newz(r, rows[i].b);
        int got = hsl_str_compare(a, b);

        tap_num((got > 0) - (got < 0), rows[i].want, "bytes decide the order");
        tap_num(hsl_str_equal(a, b), rows[i].want == 0, "equality says the same");
        hsl_unref(r, hsl_from_str(a));
        hsl_unref(r, hsl_from_str(b));
    }
}

static void
test_append(struct hsl_run *r)
{
    struct hsl_value v = hsl_from_str(hsl_str_empty()), shared;
    struct hsl_str *before;
    unsigned i, moves = 0;
    bool ok = true;

    for (i = 0; i < 200000; i++) {
        before = v.u.str;
        ok = ok && hsl_str_append(r, &v, "0123456789", 10);
        moves += before != v.u.str;
    }
    tap_ok(ok && v.u.str->len == 2000000, "two million bytes in pieces of ten");
    tap_ok(moves < 60, "moved %u times only", moves);
    tap_ok(memcmp(v.u.str->data + 1999990, "0123456789", 11) == 0, "the end and its NUL are there");
    shared = hsl_ref(v);
    ok = hsl_str_append(r, &v, "x", 1);
    tap_ok(ok && shared.u.str->len == 2000000 && v.u.str->len == 2000001, "a share is not changed");
    hsl_unref(r, shared);
    hsl_unref(r, v);

    v = hsl_from_str(hsl_str_newz(r, "abc"));
    for (i = 0; i < 5 && ok; i++)
        ok = hsl_str_append(r, &v, v.u.str->data + 1, v.u.str->len - 1);
    tap_str(ok ? v.u.str->data : "",
        "abcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcbc",
        "a string may be appended to itself");
    hsl_unref(r, v);
    v = hsl_from_str(hsl_str_byte('a'));
    ok = hsl_str_hash(v.u.str) != 0 && hsl_str_append(r, &v, "b", 1);
    tap_ok(ok && hsl_str_byte('a')->len == 1 && v.u.str->hash == 0,
        "constants are copied, hashes forgotten");
    hsl_unref(r, v);
}

static void
test_limits(struct hsl_run *r)
{
    struct hsl_value v;

    r->limits.max_string = 100;
    tap_ok(!hsl_str_alloc(r, 101), "a string over max_string is refused");
    tap_str(fake_error_, "L05: string length (100) exceeded", "with L05");
    fake_clear(r);
    v = hsl_from_str(hsl_str_new(r, "0123456789", 10));
    while (hsl_str_append(r, &v, "0123456", 7))
        ;
    tap_num(v.u.str->len, 94, "appending stops before it");
    tap_str(fake_error_, "L05: string length (100) exceeded", "with the same");
    fake_clear(r);
    r->limits.max_string = (size_t)16 << 20;
    r->heap.max = 5000;
    while (hsl_str_append(r, &v, "0123456789", 10))
        ;
    tap_str(fake_error_, "L03: memory (5000 bytes) exceeded", "memory is a limit of its own");
    tap_ok(v.u.str->len > 2400, "near it no room is asked for beyond the need");
    r->heap.max = (size_t)64 << 20;
    fake_clear(r);
    hsl_unref(r, v);
}

int
main(void)
{
    struct hsl_run r;

    fake_init(&r);
    test_constants(&r);
    test_hash(&r);
    test_compare(&r);
    test_append(&r);
    test_limits(&r);
    tap_num((long long)fake_fini(&r), 0, "every byte was given back");
    return tap_done();
}
