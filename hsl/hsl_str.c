/* hsl_str.c - strings: making, hashing, comparing, growing.
 *
 * A string is one block of the run's heap. Its block is sized by [cap], so what rounding leaves
 * over is room to append. The empty string and the 256 strings of one byte are constants.
 *
 * Not here: text of other values (hsl_conv.c), operators (hsl_op.c).
 * Threads: constants any, else the run's. Fails: memory, max_string. */
#include "config.h"

#include "hsl/hsl_run.h"

#include <sys/random.h>
#include <time.h>

/* --- Hash ------------------------------------------------------------------------------------ */

/* Mail chooses the keys of maps, so the hash must not be guessable: it is keyed by numbers that are
 * drawn before main() and never written again. That makes this the one variable of hsl/ at file
 * level. Nothing a script can see depends on it, since arrays keep their order of insertion. */
static uint64_t secret[4];

__attribute__((constructor)) static void
draw_secret(void)
{
    if (getrandom(secret, sizeof(secret), GRND_NONBLOCK) != (ssize_t)sizeof(secret)) {
        struct timespec ts = {0, 0};
        size_t i;

        (void)clock_gettime(CLOCK_REALTIME, &ts);
        for (i = 0; i < 4; i++)
            secret[i] = ((uint64_t)ts.tv_nsec + i) * 0x9e3779b97f4a7c15u ^
                        (uint64_t)ts.tv_sec << 32 ^ (uint64_t)(uintptr_t)&ts;
    }
    secret[0] |= 1;
}

/* The two halves of a 128-bit product: every bit of the result depends on all of both. */
static inline uint64_t
mix(uint64_t a, uint64_t b)
{
    unsigned __int128 m = (unsigned __int128)a * b;

    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t
read8(const char *p)
{
    uint64_t v;

    memcpy(&v, p, 8);
    return v;
}

static inline uint64_t
read4(const char *p)
{
    uint32_t v;

    memcpy(&v, p, 4);
    return v;
}

static inline uint32_t
fold(uint64_t h)
{
    uint32_t v = (uint32_t)(h ^ h >> 32);

    return v ? v : 1;
}

/* Fixed for up to one byte, since these strings are constants of the program. */
#define EMPTY_HASH 0x9e3779b9u
#define BYTE_HASH(c) (((uint32_t)(c) + 1) * 0x9e3779b1u)

uint32_t
hsl_str_hash_bytes(const char *p, size_t len)
{
    uint64_t a, b, seed = secret[0];
    size_t n = len;

    if (len <= 1)
        return len ? BYTE_HASH((unsigned char)*p) : EMPTY_HASH;
    for (; n > 16; n -= 16, p += 16)
        seed = mix(read8(p) ^ secret[1], read8(p + 8) ^ seed);
    if (n >= 8) {
        a = read8(p);
        b = read8(p + n - 8);
    } else if (n >= 4) {
        a = read4(p);
        b = read4(p + n - 4);
    } else {
        a = (uint64_t)(unsigned char)p[0] << 8 | (unsigned char)p[n - 1];
        b = (unsigned char)p[n / 2];
    }
    return fold(mix(secret[2] ^ len, mix(a ^ secret[3], b ^ seed)));
}

uint32_t
hsl_str_hash(struct hsl_str *s)
{
    if (s->hash == 0)
        s->hash = hsl_str_hash_bytes(s->data, s->len);
    return s->hash;
}

uint32_t
hsl_str_hash_int(int64_t key)
{
    return fold(mix((uint64_t)key ^ secret[1], secret[0]));
}

/* --- Constants ------------------------------------------------------------------------------- */

struct byte_str {
    struct hsl_rc rc;
    uint32_t hash, len, cap;
    char data[4];
};

_Static_assert(offsetof(struct byte_str, data) == offsetof(struct hsl_str, data),
    "constants must look like strings");

static const struct byte_str empty_str = {{HSL_RC_STATIC}, EMPTY_HASH, 0, 0, {0}};

#define B1(c)                                                                                      \
    {                                                                                              \
        {HSL_RC_STATIC}, BYTE_HASH(c), 1, 1,                                                       \
        {                                                                                          \
            (char)(c), 0                                                                           \
        }                                                                                          \
    }
#define B4(c) B1(c), B1((c) + 1), B1((c) + 2), B1((c) + 3)
#define B16(c) B4(c), B4((c) + 4), B4((c) + 8), B4((c) + 12)
#define B64(c) B16(c), B16((c) + 16), B16((c) + 32), B16((c) + 48)
static const struct byte_str byte_strs[256] = {B64(0), B64(64), B64(128), B64(192)};

struct hsl_str *
hsl_str_empty(void)
{
    return (struct hsl_str *)(uintptr_t)&empty_str;
}

struct hsl_str *
hsl_str_byte(unsigned char c)
{
    return (struct hsl_str *)(uintptr_t)&byte_strs[c];
}

/* --- Making ---------------------------------------------------------------------------------- */

/* Bytes of the block that holds a string with room for [cap]. */
static size_t
block_size(size_t cap)
{
    return sizeof(struct hsl_str) + cap + 1;
}

/* The room there is in the block that [len] bytes need. */
static size_t
block_room(size_t len)
{
    size_t size = (block_size(len) + HSL_HEAP_STEP - 1) / HSL_HEAP_STEP * HSL_HEAP_STEP;

    return size - sizeof(struct hsl_str) - 1;
}

static bool
too_long(struct hsl_run *r)
{
    return hsl_limit(r, HSL_L05, "string length (%zu) exceeded", r->limits.max_string);
}

static inline size_t
longest(const struct hsl_run *r)
{
    return r->limits.max_string < UINT32_MAX - 64 ? r->limits.max_string : UINT32_MAX - 64;
}

static inline bool
check_length(struct hsl_run *r, size_t len)
{
    return len <= longest(r) || too_long(r);
}

/* With room for [cap] bytes at least; the length is checked. */
static inline struct hsl_str *
alloc_room(struct hsl_run *r, size_t len, size_t cap)
{
    struct hsl_str *s;

    cap = block_room(cap);
    s = hsl_heap_alloc(&r->heap, block_size(cap));
    if (!s) {
        hsl_raise_memory(r);
        return NULL;
    }
    s->rc.refs = 1;
    s->hash = 0;
    s->len = (uint32_t)len;
    s->cap = (uint32_t)cap;
    s->data[len] = '\0';
    return s;
}

/* A long string counts as work for whoever makes it: so nobody who copies bytes can forget to. */
struct hsl_str *
hsl_str_alloc(struct hsl_run *r, size_t len)
{
    if (!check_length(r, len) || (len >= HSL_WORK_TEXT && !hsl_work(r, len)))
        return NULL;
    return alloc_room(r, len, len);
}

struct hsl_str *
hsl_str_new_room(struct hsl_run *r, size_t room)
{
    return alloc_room(r, 0, room < longest(r) ? room : longest(r));
}

struct hsl_str *
hsl_str_new(struct hsl_run *r, const char *p, size_t len)
{
    struct hsl_str *s;

    if (len <= 1)
        return len ? hsl_str_byte((unsigned char)*p) : hsl_str_empty();
    s = hsl_str_alloc(r, len);
    if (s)
        hsl_copy_bytes(s->data, p, len);
    return s;
}

struct hsl_str *
hsl_str_newz(struct hsl_run *r, const char *s)
{
    return hsl_str_new(r, s, strlen(s));
}

void
hsl_str_free(struct hsl_run *r, struct hsl_str *s)
{
    hsl_heap_free(&r->heap, s, block_size(s->cap));
}

/* --- Comparing and searching ----------------------------------------------------------------- */

#define SHORT_TEXT 256u /* bytes up to which trying each place is quick enough */

const char *
hsl_str_find(const char *p, size_t len, const struct hsl_str *find)
{
    const char *end = p + len;

    if (find->len == 0)
        return p;
    if (len > SHORT_TEXT && find->len > 1)
        return memmem(p, len, find->data, find->len);
    while ((size_t)(end - p) >= find->len) {
        p = memchr(p, find->data[0], (size_t)(end - p) - find->len + 1);
        if (!p || memcmp(p, find->data, find->len) == 0)
            return p;
        p++;
    }
    return NULL;
}

int
hsl_str_compare(const struct hsl_str *a, const struct hsl_str *b)
{
    size_t n = a->len < b->len ? a->len : b->len;
    int c = memcmp(a->data, b->data, n);

    if (c != 0)
        return c;
    return a->len < b->len ? -1 : a->len > b->len;
}

/* --- Growing --------------------------------------------------------------------------------- */

/* Room to ask for when [need] bytes are needed: half as much again, but no more than max_string,
 * and a part of the memory that is left, so that near the limits each step is smaller and none is
 * lost. */
static size_t
grown(const struct hsl_run *r, size_t need)
{
    size_t extra = need / 2 + 16,
           left = r->heap.max > r->heap.live ? r->heap.max - r->heap.live : 0;
    size_t most = longest(r);

    if (extra > left / 4)
        extra = left / 4;
    return extra < most - need ? need + extra : most;
}

/* A copy of *v with room for [need] bytes takes its place. */
static bool
move_to_room(struct hsl_run *r, struct hsl_value *v, size_t need)
{
    struct hsl_str *old = v->u.str, *s;

    s = hsl_work_text(r, v) ? alloc_room(r, old->len, grown(r, need)) : NULL;
    if (!s)
        return false;
    memcpy(s->data, old->data, old->len);
    v->u.str = s;
    hsl_unref(r, hsl_from_str(old));
    return true;
}

/* The same for a string that only *v owns. */
static bool
grow_in_place(struct hsl_run *r, struct hsl_value *v, size_t need)
{
    struct hsl_str *s = v->u.str;
    size_t cap = block_room(grown(r, need));

    s = hsl_heap_realloc(&r->heap, s, block_size(s->cap), block_size(cap));
    if (!s)
        return hsl_raise_memory(r);
    s->cap = (uint32_t)cap;
    v->u.str = s;
    return true;
}

bool
hsl_str_append_slow(struct hsl_run *r, struct hsl_value *v, const char *p, size_t len)
{
    struct hsl_str *s = v->u.str;
    size_t need = s->len + len, at = SIZE_MAX;

    if (len == 0)
        return true;
    if (len >= HSL_WORK_TEXT && !hsl_work(r, len))
        return false;
    if (s->rc.refs != 1 || need > s->cap) {
        if (!check_length(r, need))
            return false;
        if ((uintptr_t)p >= (uintptr_t)s->data && (uintptr_t)p < (uintptr_t)s->data + s->len)
            at = (size_t)(p - s->data); /* a piece of itself: it moves too */
        if (!(s->rc.refs == 1 ? grow_in_place(r, v, need) : move_to_room(r, v, need)))
            return false;
        s = v->u.str;
        if (at != SIZE_MAX)
            p = s->data + at;
    }
    memmove(s->data + s->len, p, len);
    s->len = (uint32_t)need;
    s->data[need] = '\0';
    s->hash = 0;
    return true;
}
