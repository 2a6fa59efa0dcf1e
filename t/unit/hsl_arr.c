/* hsl_arr.c - arrays: every operation against a simple model, the next index, sharing, limits. */
#include "hsl/hsl_arr.h"
#include "t/unit/hsl_fake_run.h"
#include "t/unit/tap.h"

/* --- The model: keys and values side by side in order ------------------------------------------
 */

#define MODEL_MAX 4000

struct model {
    size_t count;
    struct {
        bool is_int;
        int64_t i;
        char s[24];
        double val;
    } e[MODEL_MAX];
};

/* A key as a script could give it. */
struct key {
    struct hsl_value v; /* owned */
    bool is_int;
    int64_t i;
    char s[24];
};

static size_t
model_find(const struct model *m, const struct key *k)
{
    size_t i;

    for (i = 0; i < m->count; i++)
        if (m->e[i].is_int == k->is_int &&
            (k->is_int ? m->e[i].i == k->i : strcmp(m->e[i].s, k->s) == 0))
            break;
    return i;
}

static void
model_set(struct model *m, const struct key *k, double val)
{
    size_t i = model_find(m, k);

    m->e[i].val = val;
    if (i < m->count)
        return;
    m->e[i].is_int = k->is_int;
    m->e[i].i = k->i;
    memcpy(m->e[i].s, k->s, sizeof(k->s));
    m->count++;
}

static bool
model_del(struct model *m, const struct key *k)
{
    size_t i = model_find(m, k);

    if (i == m->count)
        return false;
    memmove(&m->e[i], &m->e[i + 1], (m->count - i - 1) * sizeof(m->e[0]));
    m->count--;
    return true;
}

static int64_t
model_next(const struct model *m)
{
    int64_t top = -1;
    size_t i;

    for (i = 0; i < m->count; i++)
        if (m->e[i].is_int && m->e[i].i > top)
            top = m->e[i].i;
    return top + 1;
}

/* Every element at its position and by its key. */
static bool
like_model(const struct hsl_arr *a, const struct model *m)
{
    const struct hsl_value *val;
    struct hsl_str *s = NULL;
    size_t i, pos = 0;
    int64_t n = 0;
    bool list = true;

    if (hsl_arr_count(a) != m->count)
        return false;
    for (i = 0; hsl_arr_next(a, &pos, NULL, &val); i++) {
        bool is_int = hsl_arr_key_at(a, pos - 1, &n, &s);
        const struct hsl_value *by_key = is_int ? hsl_arr_geti(a, n) : hsl_arr_gets(a, s);

        if (i >= m->count || is_int != m->e[i].is_int || val->u.num != m->e[i].val || by_key != val)
            return false;
        if (is_int ? n != m->e[i].i : strcmp(s->data, m->e[i].s) != 0)
            return false;
        list = list && is_int && n == (int64_t)i;
    }
    if (m->count > 0 && hsl_arr_at(a, m->count / 2)->u.num != m->e[m->count / 2].val)
        return false;
    return i == m->count && !hsl_arr_at(a, i) && hsl_arr_is_list(a) == list;
}

/* --- Random operations -------------------------------------------------------------------------
 */

static uint32_t
next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void
make_key(struct hsl_run *r, struct key *k, uint32_t *seed, uint32_t span)
{
    uint32_t n = next_random(seed) % span, kind = next_random(seed) % 8;

    memset(k, 0, sizeof(*k));
    k->is_int = kind < 5;
    k->i = (int64_t)n - (kind == 4 ? 20 : 0);
    if (kind == 3) { /* an integer as text is that integer */
        (void)snprintf(k->s, sizeof(k->s), "%lld", (long long)k->i);
        k->v = hsl_from_str(hsl_str_newz(r, k->s));
    } else if (k->is_int) {
        k->v = hsl_num((double)k->i + (k->i >= 0 ? 0.25 : -0.25));
    } else {
        (void)snprintf(k->s, sizeof(k->s), kind == 7 ? "0%u" : "key%u", n);
        k->v = hsl_from_str(hsl_str_newz(r, k->s));
    }
}

/* One step on both; false if they answer differently. */
static bool
step(struct hsl_run *r, struct hsl_value *v, struct model *m, uint32_t *seed, uint32_t span,
    uint32_t bias)
{
    double val = next_random(seed) % 1000;
    struct key k;
    bool same = true;
    uint32_t what = next_random(seed) % 16;

    make_key(r, &k, seed, span);
    if (!hsl_arr_own(r, v))
        return false;
    if (what < bias) {
        same = hsl_arr_del(r, v->u.arr, &k.v) == model_del(m, &k);
    } else if (what < bias + 4 && m->count < MODEL_MAX) {
        struct key next = {.is_int = true, .i = model_next(m)};

        same = hsl_arr_push(r, v->u.arr, hsl_num(val));
        model_set(m, &next, val);
    } else if (m->count < MODEL_MAX) {
        same = hsl_arr_set(r, v->u.arr, &k.v, hsl_num(val));
        model_set(m, &k, val);
    }
    hsl_unref(r, k.v);
    return same;
}

static void
test_random(struct hsl_run *r, uint32_t seed, uint32_t span, unsigned steps)
{
    static struct model m;
    struct hsl_value v = hsl_from_arr(hsl_arr_new(r, 0)), share = hsl_none();
    struct model *old = malloc(sizeof(*old));
    unsigned i, bad = 0;

    m.count = 0;
    for (i = 0; i < steps && bad == 0 && old; i++) {
        bad += !step(r, &v, &m, &seed, span, i / 256 % 3 == 0 ? 2 : i / 256 % 3 == 1 ? 12 : 7);
        if (i % 64 == 0) {
            bad += !like_model(v.u.arr, &m);
            if (share.type == HSL_ARR)
                bad += !like_model(share.u.arr, old); /* not changed by what came after */
            hsl_unref(r, share);
            share = hsl_ref(v);
            *old = m;
        }
    }
    tap_num(bad, 0, "random operations give what the model gives");
    if (bad)
        printf("# step %u of seed, span %u\n", i, span);
    hsl_unref(r, share);
    hsl_unref(r, v);
    free(old);
}

/* --- Next index (§6.3) --------------------------------------------------------------------------
 */

static void
test_next_index(struct hsl_run *r)
{
    static const struct {
        const char *from, *del, *want;
    } rows[] = {
        {"[1,2]", "1", "[0=>1,1=>9]"},
        {"[1,2,3]", "0", "[1=>2,2=>3,3=>9]"},
        {"[1,2,3]", "7", "[0=>1,1=>2,2=>3,3=>9]"},
        {"[]", "0", "[0=>9]"},
        {"[5=>1]", "5", "[0=>9]"},
        {"[-7=>1]", "3", "[-7=>1,0=>9]"},
        {"[10=>1,2=>2,\"x\"=>3]", "10", "[2=>2,\"x\"=>3,3=>9]"},
        {"[2=>2,10=>1,\"x\"=>3]", "10", "[2=>2,\"x\"=>3,3=>9]"},
        {"[10=>1,2=>2,\"x\"=>3]", "2", "[10=>1,\"x\"=>3,11=>9]"},
        {"[\"x\"=>3]", "\"x\"", "[0=>9]"},
        {"[0=>1,1=>2,5=>3]", "\"5\"", "[0=>1,1=>2,2=>9]"},
    };
    size_t i;
    char buf[200];

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hsl_value v = fake_value(r, rows[i].from), key = fake_value(r, rows[i].del);
        bool ok;

        (void)hsl_arr_del(r, v.u.arr, &key);
        ok = hsl_arr_push(r, v.u.arr, hsl_num(9));
        tap_str(fake_show(r, ok, &v, buf, sizeof(buf)), rows[i].want, rows[i].from);
        hsl_unref(r, key);
        hsl_unref(r, v);
    }
}

static void
test_top(struct hsl_run *r)
{
    struct hsl_value v = hsl_from_arr(hsl_arr_new(r, 0)), key;
    bool ok = hsl_arr_seti(r, v.u.arr, INT64_MAX, hsl_num(1));
    unsigned i;

    tap_ok(ok && !hsl_arr_push(r, v.u.arr, hsl_num(2)), "there is no index behind the highest");
    tap_str(
        fake_error_, "R05: invalid array key: no index is left behind the highest", "R05 says so");
    fake_clear(r);
    hsl_unref(r, v);

    /* a stack with holes below: push and remove must not walk through everything each time */
    v = hsl_from_arr(hsl_arr_new(r, 0));
    for (i = 0; i < 100000 && ok; i++)
        ok = hsl_arr_seti(r, v.u.arr, 2 * (int64_t)i, hsl_none());
    r->work = 0;
    for (i = 0; i < 100000 && ok; i++) {
        ok = hsl_arr_push(r, v.u.arr, hsl_none());
        key = hsl_num(199999);
        ok = ok && hsl_arr_del(r, v.u.arr, &key);
    }
    tap_ok(ok && hsl_arr_count(v.u.arr) == 100000, "100,000 times push and unset of the last");
    tap_ok(r->work < 100000 * 2 * sizeof(struct hsl_entry), "look at the last elements only");
    hsl_unref(r, v);
}

/* --- Layout, limits, freeing --------------------------------------------------------------------
 */

static void
test_layout(struct hsl_run *r)
{
    static const struct {
        const char *text;
        bool want_packed, want_list;
    } rows[] = {
        {"[]", true, true},
        {"[1,2,3]", true, true},
        {"[0=>1,\"1\"=>2]", true, true},
        {"[1=>1]", false, false},
        {"[1=>1,0=>2]", false, false},
        {"[\"a\"=>1]", false, false},
    };
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hsl_value v = fake_value(r, rows[i].text);

        tap_ok((v.u.arr->mask == 0) == rows[i].want_packed, "layout of %s", rows[i].text);
        tap_ok(hsl_arr_is_list(v.u.arr) == rows[i].want_list, "is_list of %s", rows[i].text);
        hsl_unref(r, v);
    }
}

static void
test_limits(struct hsl_run *r)
{
    struct hsl_value v = hsl_from_arr(hsl_arr_new(r, 0)), w, key = hsl_num(50);

    r->limits.max_array = 100;
    while (hsl_arr_push(r, v.u.arr, hsl_none()))
        ;
    tap_num((long long)hsl_arr_count(v.u.arr), 100, "pushing stops at max_array");
    tap_str(fake_error_, "L06: array size (100) exceeded", "with L06");
    fake_clear(r);
    tap_ok(hsl_arr_del(r, v.u.arr, &key), "an element of a full list can be removed");
    tap_ok(hsl_arr_setz(r, v.u.arr, "k", hsl_none()) && !hsl_arr_setz(r, v.u.arr, "l", hsl_none()),
        "and one put in its place, but no more");
    tap_num((long long)hsl_arr_count(v.u.arr), 100, "a hash stops there too");
    fake_clear(r);
    w = hsl_ref(v);
    tap_ok(hsl_arr_own(r, &w) && hsl_arr_count(w.u.arr) == 100 && w.u.arr != v.u.arr,
        "it can be copied");
    tap_ok(!hsl_arr_new(r, 101), "no room for more is given in advance");
    fake_clear(r);
    r->limits.max_array = 1000000;
    hsl_unref(r, w);
    hsl_unref(r, v);
}

/* A million levels, to be freed without a million calls inside each other. */
static void
test_deep(struct hsl_run *r)
{
    struct hsl_value v = hsl_none();
    unsigned i;

    r->heap.max = (size_t)256 << 20;
    for (i = 0; i < 1000000; i++) {
        struct hsl_arr *a = hsl_arr_new(r, 1);
        struct hsl_cell *cell = hsl_heap_alloc(&r->heap, sizeof(*cell));

        if (!a || !cell || !hsl_arr_push(r, a, v))
            break;
        cell->rc.refs = 1;
        cell->v = hsl_from_arr(a);
        v = (struct hsl_value){.u.cell = cell, .type = HSL_CELL};
    }
    tap_num(i, 1000000, "a million arrays and cells in each other");
    hsl_unref(r, v);
    tap_ok(r->heap.live == 0, "are freed");
}

/* --- Memory that runs out ------------------------------------------------------------------------
 */

static bool
many_writes(struct hsl_run *r, struct hsl_value *v, struct hsl_value *share)
{
    static const char *const names[] = {"alpha", "beta", "gamma", "delta", "epsilon", "zeta"};
    struct hsl_value key = hsl_num(3);
    struct hsl_arr *a = hsl_arr_new(r, 0);
    size_t i;

    if (!a)
        return false;
    *v = hsl_from_arr(a);
    for (i = 0; i < 10; i++)
        if (!hsl_arr_push(r, v->u.arr, hsl_num((double)i)))
            return false;
    if (!hsl_arr_del(r, v->u.arr, &key) && r->state != HSL_RUNNING)
        return false;
    for (i = 0; i < 6; i++) {
        struct hsl_str *s = hsl_str_new(r, "a value", 7);

        if (!s || !hsl_arr_setz(r, v->u.arr, names[i], hsl_from_str(s)))
            return false;
    }
    *share = hsl_ref(*v);
    return hsl_arr_own(r, v) && hsl_arr_setz(r, v->u.arr, "one more", hsl_none()) &&
           hsl_arr_count(v->u.arr) == 16;
}

static void
test_no_memory(struct hsl_run *r)
{
    unsigned wrong = 0;
    long n;
    bool ok = false;

    for (n = 0; !ok && n < 1000; n++) {
        struct hsl_value v = hsl_none(), share = hsl_none();

        r->heap.fail_after = n;
        ok = many_writes(r, &v, &share);
        r->heap.fail_after = -1;
        wrong += ok != (r->state == HSL_RUNNING);
        hsl_unref(r, v);
        hsl_unref(r, share);
        wrong += r->heap.live != 0;
        fake_clear(r);
    }
    tap_ok(ok && n > 10, "after %ld failures the writes succeed", n - 1);
    tap_num(wrong, 0, "each failure is reported and leaves nothing behind");
}

int
main(void)
{
    struct hsl_run r;
    uint32_t i;

    fake_init(&r);
    for (i = 1; i <= 6; i++)
        test_random(&r, i * 7919, i < 3 ? 8 : i < 5 ? 60 : 1500, 12000);
    test_next_index(&r);
    test_top(&r);
    test_layout(&r);
    test_limits(&r);
    test_deep(&r);
    test_no_memory(&r);
    tap_num((long long)fake_fini(&r), 0, "every byte was given back");
    return tap_done();
}
