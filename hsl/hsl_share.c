/* hsl_share.c - shared state that lives in this process: windows (hsl_rate.c), keys (hsl_memory.c)
 * and barriers (hsl_lock.c) as one store, and as records for a file.
 *
 * The key of a record is a letter for the kind and the name: 'b' a barrier, 'm' a key, 'r' a
 * window, whose name is the interval, the length of the namespace, namespace and entry. The value
 * of a window is the step of its newest counter, and number and content of each counter that is not
 * 0. Numbers are as the machine has them.
 *
 * Time of windows is that of the wall when the store was made, and from then on goes forward with
 * the monotonic clock: windows outlive the process and even the system, and no clock that is set
 * while it runs moves them.
 *
 * Threads: any. Fails: memory. */
#include "config.h"

#include "hsl/hsl_share.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "hsl/hsl_lock.h"
#include "hsl/hsl_memory.h"
#include "hsl/hsl_rate.h"
#include "lib/ut_time.h"

#define RECORD_MAX (4u * HSL_SHARE_NAME_MAX)

struct local {
    struct hsl_share share;
    struct hsl_rate_table *rates;
    struct hsl_memory *memory;
    struct hsl_locks *locks;
    unsigned ipv6_prefix;
    double offset;  /* from the monotonic clock to that of the windows */
    double written; /* when hsl_share_local_changes() was called last */
};

static struct local *
local_of(struct hsl_share *s)
{
    return (struct local *)s;
}

/* --- Operations ------------------------------------------------------------------------------- */

static enum hsl_share_end
local_enter(struct hsl_share *s, double patience, const struct hsl_text *name, double wait,
    struct ut_sbuf *value, bool *has_value, void **lock)
{
    (void)patience;
    return hsl_locks_enter(local_of(s)->locks, name, wait, value, has_value, lock);
}

static enum hsl_share_end
local_leave(struct hsl_share *s, double patience, void *lock, enum hsl_share_keep keep,
    const struct hsl_text *value)
{
    (void)patience;
    return hsl_locks_leave(local_of(s)->locks, lock, keep, value);
}

struct hsl_text
hsl_share_local_entry(
    const struct hsl_share *s, const struct hsl_text *entry, char buf[HSL_SHARE_ENTRY_TEXT])
{
    unsigned prefix = ((const struct local *)s)->ipv6_prefix;
    struct in6_addr a;
    char text[INET6_ADDRSTRLEN];
    int n;

    if (prefix >= 128 || entry->len >= sizeof(text) || !memchr(entry->p, ':', entry->len))
        return *entry;
    memcpy(text, entry->p, entry->len);
    text[entry->len] = '\0';
    if (inet_pton(AF_INET6, text, &a) != 1)
        return *entry;
    if (IN6_IS_ADDR_V4MAPPED(&a)) {
        if (!inet_ntop(AF_INET, a.s6_addr + 12, buf, HSL_SHARE_ENTRY_TEXT))
            return *entry;
        return (struct hsl_text){buf, strlen(buf)};
    }
    for (unsigned bit = prefix; bit < 128; bit++)
        a.s6_addr[bit / 8] &= (unsigned char)~(0x80u >> bit % 8);
    if (!inet_ntop(AF_INET6, &a, text, sizeof(text)))
        return *entry;
    n = snprintf(buf, HSL_SHARE_ENTRY_TEXT, "%s/%u", text, prefix);
    return (struct hsl_text){buf, n > 0 ? (size_t)n : 0};
}

static enum hsl_share_end
local_rate(struct hsl_share *s, double patience, const struct hsl_text *space,
    const struct hsl_text *entry, double limit, double interval, bool *yes, double *events)
{
    struct local *l = local_of(s);
    char network[HSL_SHARE_ENTRY_TEXT];
    struct hsl_text who = hsl_share_local_entry(s, entry, network);

    (void)patience;
    *yes = hsl_rate_hit(l->rates, space, &who, limit, interval, hsl_share_local_now(s), events);
    return HSL_SHARE_OK;
}

static enum hsl_share_end
local_get(
    struct hsl_share *s, double patience, const struct hsl_text *key, struct hsl_share_entry *entry)
{
    (void)patience;
    return hsl_memory_get(local_of(s)->memory, key, entry);
}

static enum hsl_share_end
local_change(struct hsl_share *s, double patience, const struct hsl_share_change *c,
    struct hsl_share_entry *before, bool *done)
{
    (void)patience;
    return hsl_memory_change(local_of(s)->memory, c, before, done);
}

static enum hsl_share_end
local_add(struct hsl_share *s, double patience, const struct hsl_text *key, double n,
    bool remove_zero, double *result, bool *is_number)
{
    (void)patience;
    return hsl_memory_add(local_of(s)->memory, key, n, remove_zero, result, is_number);
}

/* --- Life ------------------------------------------------------------------------------------- */

static void
local_free(struct hsl_share *s)
{
    struct local *l = local_of(s);

    hsl_rate_table_free(l->rates);
    hsl_memory_free(l->memory);
    hsl_locks_free(l->locks);
    free(l);
}

static const struct hsl_share_ops local_ops = {
    local_enter, local_leave, local_rate, local_get, local_change, local_add, local_free};

struct hsl_share *
hsl_share_local_new(size_t memory, unsigned ipv6_prefix, bool kept)
{
    struct local *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->share.ops = &local_ops;
    l->rates = hsl_rate_table_new(memory / 2);
    l->memory = hsl_memory_new(memory / 4, kept);
    l->locks = hsl_locks_new(memory / 4, kept);
    l->ipv6_prefix = ipv6_prefix;
    l->offset = ut_time_wall() - ut_time_mono();
    if (l->rates && l->memory && l->locks)
        return &l->share;
    local_free(&l->share);
    return NULL;
}

struct hsl_rate_table *
hsl_share_local_rates(struct hsl_share *s)
{
    return local_of(s)->rates;
}

double
hsl_share_local_now(const struct hsl_share *s)
{
    return ut_time_mono() + ((const struct local *)s)->offset;
}

/* --- Records ---------------------------------------------------------------------------------- */

/* Hands records on, their names behind a letter. */
struct giver {
    hsl_share_record_fn *fn;
    void *arg;
    char kind;
};

static void
give_named(void *arg, const struct hsl_text *name, const struct hsl_text *value)
{
    const struct giver *g = arg;
    char bytes[1 + HSL_SHARE_NAME_MAX];
    struct hsl_text key = {bytes, 1 + name->len};

    if (name->len > HSL_SHARE_NAME_MAX)
        return;
    bytes[0] = g->kind;
    memcpy(bytes + 1, name->p, name->len);
    g->fn(g->arg, &key, value);
}

static bool
give_window(void *arg, const struct hsl_rate_window *w)
{
    const struct giver *g = arg;
    uint32_t space_len = (uint32_t)w->space.len;
    struct hsl_text key, value = {NULL, 0};
    struct ut_sbuf k, v;

    ut_sbuf_init(&k, RECORD_MAX);
    ut_sbuf_init(&v, RECORD_MAX);
    ut_sbuf_addc(&k, 'r');
    ut_sbuf_add(&k, &w->interval, sizeof(w->interval));
    ut_sbuf_add(&k, &space_len, sizeof(space_len));
    ut_sbuf_add(&k, w->space.p, w->space.len);
    ut_sbuf_add(&k, w->entry.p, w->entry.len);
    ut_sbuf_add(&v, &w->step, sizeof(w->step));
    for (unsigned i = 0; i < HSL_RATE_SLOTS; i++) {
        if (w->slots[i] == 0)
            continue;
        ut_sbuf_addc(&v, (char)i);
        ut_sbuf_add(&v, &w->slots[i], sizeof(w->slots[i]));
    }
    key = (struct hsl_text){k.data, k.len};
    if (w->events > 0)
        value = (struct hsl_text){v.data, v.len};
    if (!k.failed && !v.failed)
        g->fn(g->arg, &key, &value);
    ut_sbuf_fini(&k);
    ut_sbuf_fini(&v);
    return true;
}

void
hsl_share_local_changes(struct hsl_share *s, bool all, hsl_share_record_fn *fn, void *arg)
{
    struct local *l = local_of(s);
    struct giver g = {fn, arg, 'm'};
    double now = hsl_share_local_now(s);

    hsl_memory_changes(l->memory, all, give_named, &g);
    g.kind = 'b';
    hsl_locks_changes(l->locks, all, give_named, &g);
    /* A second more: another thread may have looked at the clock before it came to its window. */
    hsl_rate_each(l->rates, all ? 0 : l->written - 1, now, give_window, &g);
    l->written = now;
}

static bool
take(struct hsl_text *from, void *to, size_t len)
{
    if (from->len < len)
        return false;
    memcpy(to, from->p, len);
    from->p += len;
    from->len -= len;
    return true;
}

/* The window of a record; false: the bytes are none. */
static bool
read_window(struct hsl_text name, struct hsl_text value, struct hsl_rate_window *w)
{
    uint32_t space_len;
    unsigned char slot;

    memset(w, 0, sizeof(*w));
    if (!take(&name, &w->interval, sizeof(w->interval)) || !(w->interval >= 0.001) ||
        !(w->interval < 1e12) || !take(&name, &space_len, sizeof(space_len)) ||
        space_len > name.len || !take(&value, &w->step, sizeof(w->step)))
        return false;
    while (value.len > 0) {
        if (!take(&value, &slot, 1) || slot >= HSL_RATE_SLOTS ||
            !take(&value, &w->slots[slot], sizeof(w->slots[slot])))
            return false;
    }
    w->space = (struct hsl_text){name.p, space_len};
    w->entry = (struct hsl_text){name.p + space_len, name.len - space_len};
    return true;
}

bool
hsl_share_local_is_over(
    struct hsl_share *s, const struct hsl_text *key, const struct hsl_text *value)
{
    struct hsl_text name = {key->p + 1, key->len - 1};
    struct hsl_rate_window w;

    if (key->len < 1 || key->p[0] != 'r')
        return false;
    return !read_window(name, *value, &w) || hsl_rate_is_over(&w, hsl_share_local_now(s));
}

bool
hsl_share_local_restore(
    struct hsl_share *s, const struct hsl_text *key, const struct hsl_text *value)
{
    struct local *l = local_of(s);
    struct hsl_text name = {key->p + 1, key->len - 1};
    struct hsl_rate_window w;

    if (key->len < 1 || key->len > RECORD_MAX)
        return false;
    switch (key->p[0]) {
    case 'b':
        return hsl_locks_restore(l->locks, &name, value);
    case 'm':
        return hsl_memory_restore(l->memory, &name, value);
    case 'r':
        return read_window(name, *value, &w) &&
               hsl_rate_restore(l->rates, &w, hsl_share_local_now(s));
    default:
        return false;
    }
}
