/* hsl_cache.c - the expression `cache [options] fn(args)`: a result of an earlier call with the
 * same arguments, as long as it may live (language §14).
 *
 * The entry is looked up under a bucket (kind and name of the function, namespace, and message if
 * per_message) and a key (the bytes of the arguments that argv_filter selects). Arguments that are
 * or contain functions or objects have no bytes that would say the same tomorrow: such a call goes
 * to the function. So does one whose key would be longer than KEY_MAX. An exception or the end of
 * the run in the function comes through here like through any call, and nothing is kept.
 *
 * Not here: the store (hsl_cache_store.c), what the compiler checks (hsl_check_cache.c), code
 * (hsl_code_share.c). Threads: the run's. Fails: R06 for options, limits of the run. */
#include "config.h"

#include "hsl/hsl_cache.h"

#include <math.h>
#include <sys/stat.h>

#include "hsl/hsl_arr.h"
#include "hsl/hsl_cache_store.h"
#include "hsl/hsl_env.h"
#include "hsl/hsl_plain.h"
#include "lib/ut_time.h"

#define KEY_MAX (1024u * 1024)

/* ORDER OPTION: enum option */
const char *const hsl_cache_options[] = {"ttl", "ttl_override", "ttl_function", "update_function",
    "argv_filter", "force", "size", "namespace", "per_message", "lru", NULL};

enum option {
    TTL,
    TTL_OVERRIDE,
    TTL_FUNCTION,
    UPDATE_FUNCTION,
    ARGV_FILTER,
    FORCE,
    SIZE,
    NAMESPACE,
    PER_MESSAGE,
    LRU,
    OPTION_COUNT
};

/* The options as given: lent, NULL where the default holds. */
struct options {
    const struct hsl_value *of[OPTION_COUNT];
};

/* One evaluation. */
struct cached {
    struct hsl_machine *m;
    struct hsl_run *run;
    struct options options;
    const struct hsl_value *fn, *args;
    unsigned argc;
    struct ut_sbuf bucket, key; /* bytes of [where] */
    struct hsl_value message;   /* $messageid or none; owned */
    struct hsl_cache_where where;
};

/* --- Options ---------------------------------------------------------------------------------- */

static bool
bad_option(struct hsl_run *r, const char *name, const char *wanted)
{
    return hsl_raise(r, HSL_R06, "cache: bad option or format: %s must be %s", name, wanted);
}

static int
option_by_name(const struct hsl_value *key)
{
    for (int i = 0; key->type == HSL_STR && i < OPTION_COUNT; i++) {
        if (strcmp(hsl_cache_options[i], key->u.str->data) == 0)
            return i;
    }
    return -1;
}

static bool
check_option(struct hsl_run *r, enum option o, const struct hsl_value *v)
{
    const char *name = hsl_cache_options[o];

    switch (o) {
    case TTL:
    case SIZE:
        return (v->type == HSL_NUM && v->u.num >= 0) || bad_option(r, name, "a number from 0 on");
    case TTL_OVERRIDE:
    case ARGV_FILTER:
        return v->type == HSL_ARR || bad_option(r, name, "an array");
    case TTL_FUNCTION:
    case UPDATE_FUNCTION:
        return v->type == HSL_FN || bad_option(r, name, "a function");
    case NAMESPACE:
        return v->type == HSL_STR || bad_option(r, name, "a string");
    default:
        return v->type == HSL_BOOL || v->type == HSL_NUM || bad_option(r, name, "a boolean");
    }
}

static bool
read_options(struct hsl_run *r, const struct hsl_value *given, struct options *o)
{
    const struct hsl_value *v;
    struct hsl_value key;
    size_t pos = 0;

    memset(o, 0, sizeof(*o));
    while (hsl_arr_next(given->u.arr, &pos, &key, &v)) {
        int i = option_by_name(&key);
        char num[HSL_NUM_TEXT_MAX];

        if (i < 0 && key.type == HSL_NUM)
            (void)hsl_num_to_text(key.u.num, num);
        if (i < 0)
            return hsl_raise(r, HSL_R06, "cache: bad option or format: unknown cache option %.200s",
                key.type == HSL_NUM ? num : key.u.str->data);
        if (v->type == HSL_NONE)
            continue;
        if (!check_option(r, (enum option)i, v))
            return false;
        o->of[i] = v;
    }
    return true;
}

static double
number_option(const struct options *o, enum option i, double otherwise)
{
    return o->of[i] ? o->of[i]->u.num : otherwise;
}

static bool
truth_option(const struct options *o, enum option i, bool otherwise)
{
    return o->of[i] ? hsl_truth(o->of[i]) : otherwise;
}

/* --- Where it is kept ------------------------------------------------------------------------- */

/* How the file of namespace "file:X" is now. */
static void
look_at_file(const struct hsl_run *r, const struct hsl_str *space, struct hsl_cache_stamp *stamp)
{
    struct ut_sbuf path;
    struct ut_diag d;
    struct stat st;

    if (space->len < 5 || memcmp(space->data, "file:", 5) != 0)
        return;
    ut_sbuf_init(&path, 4096);
    if (hsl_path_resolve(r->env, space->data, space->len, NULL, false, &path, &d) == 0 &&
        stat(ut_sbuf_text(&path), &st) == 0)
        *stamp = (struct hsl_cache_stamp){
            st.st_dev, st.st_ino, st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
    ut_sbuf_fini(&path);
}

/* Asks the host for $messageid; none in flows without a message. */
static bool
read_message(struct cached *c)
{
    struct hsl_run *r = c->run;
    struct hsl_build b;

    if (!truth_option(&c->options, PER_MESSAGE, false) || !r->host || !r->host->var)
        return true;
    hsl_build_init(&b, r);
    (void)r->host->var(r->host_arg, "messageid", &b);
    if (!hsl_build_take(&b, &c->message))
        return false;
    if (c->message.type == HSL_STR && c->message.u.str->len > 0)
        c->where.message = (struct hsl_text){c->message.u.str->data, c->message.u.str->len};
    return true;
}

static bool
name_bucket(struct cached *c, const struct hsl_str *name)
{
    const struct hsl_value *space = c->options.of[NAMESPACE];

    ut_sbuf_addc(&c->bucket, c->fn->u.fn->kind == HSL_FN_BUILTIN ? 'b' : 'u');
    ut_sbuf_add(&c->bucket, name->data, name->len + 1);
    if (space) {
        ut_sbuf_add(&c->bucket, space->u.str->data, space->u.str->len);
        look_at_file(c->run, space->u.str, &c->where.stamp);
    }
    if (c->bucket.failed)
        return hsl_limit(c->run, HSL_L08, "out of memory");
    c->where.bucket = (struct hsl_text){c->bucket.data, c->bucket.len};
    return read_message(c);
}

/* Appends the arguments at the positions in [filter]; one that was not given has a byte of its own.
 */
static bool
add_filtered(struct cached *c, const struct hsl_arr *filter, enum hsl_plain *end)
{
    const struct hsl_value *v;
    size_t pos = 0;

    *end = HSL_PLAIN_OK;
    while (*end == HSL_PLAIN_OK && hsl_arr_next(filter, &pos, NULL, &v)) {
        if (v->type != HSL_NUM || !(v->u.num >= 1) || v->u.num != floor(v->u.num))
            return bad_option(c->run, "argv_filter", "an array of positions from 1 on");
        if (v->u.num > c->argc)
            ut_sbuf_addc(&c->key, '-');
        else
            *end = hsl_plain_save(&c->args[(size_t)v->u.num - 1], false, &c->key);
    }
    return true;
}

/* *usable: the arguments have a key. */
static bool
make_key(struct cached *c, bool *usable)
{
    const struct hsl_value *filter = c->options.of[ARGV_FILTER];
    enum hsl_plain end = HSL_PLAIN_OK;

    if (filter && !add_filtered(c, filter->u.arr, &end))
        return false;
    for (unsigned i = 0; !filter && end == HSL_PLAIN_OK && i < c->argc; i++)
        end = hsl_plain_save(&c->args[i], false, &c->key);
    *usable = end == HSL_PLAIN_OK && !c->key.failed;
    c->where.key = (struct hsl_text){ut_sbuf_text(&c->key), c->key.len};
    return hsl_work(c->run, c->key.len);
}

/* --- Keeping a result ------------------------------------------------------------------------- */

/* Seconds that [result] may live; 0: not at all. */
static bool
choose_ttl(struct cached *c, const struct hsl_value *result, double *ttl)
{
    const struct options *o = &c->options;
    const struct hsl_value *found = NULL;
    bool bad = false;

    *ttl = number_option(o, TTL, 60);
    if (o->of[TTL_FUNCTION]) {
        struct hsl_value v;

        if (!hsl_call(c->run, o->of[TTL_FUNCTION], result, 1, &v))
            return false;
        *ttl = hsl_to_num(&v);
        hsl_unref(c->run, v);
    } else if (o->of[TTL_OVERRIDE]) {
        found = hsl_arr_get(o->of[TTL_OVERRIDE]->u.arr, result, &bad);
    }
    if (found)
        *ttl = hsl_to_num(found);
    if (!(*ttl > 0))
        *ttl = 0;
    return true;
}

/* *result becomes what update_function makes of it and of the value of [old]. */
static bool
update(struct cached *c, const struct hsl_cache_entry *old, struct hsl_value *result)
{
    struct hsl_text bytes = hsl_cache_value(old);
    struct hsl_value args[2], made;
    bool ok;

    if (!hsl_plain_load(c->run, bytes.p, bytes.len, &args[0]))
        return false;
    args[1] = *result;
    ok = hsl_call(c->run, c->options.of[UPDATE_FUNCTION], args, 2, &made);
    hsl_unref(c->run, args[0]);
    if (ok)
        hsl_put(c->run, result, made);
    return ok;
}

static size_t
size_option(const struct options *o)
{
    double size = number_option(o, SIZE, 32);

    return size < 1e9 ? (size_t)size : (size_t)1e9;
}

/* What would be no value that a run can hold once its bytes are read again is not kept. */
static bool
keep(struct cached *c, const struct hsl_value *result, double ttl)
{
    double now = ut_time_mono();
    struct ut_sbuf bytes;
    struct hsl_text value;
    bool ok;

    ut_sbuf_init(&bytes, c->run->limits.max_memory);
    if (hsl_plain_save(result, false, &bytes) == HSL_PLAIN_OK) {
        value = (struct hsl_text){bytes.data, bytes.len};
        hsl_cache_put(c->run->env->cache, &c->where, &value, now, now + ttl,
            size_option(&c->options), truth_option(&c->options, LRU, true));
    }
    ok = hsl_work(c->run, bytes.len);
    ut_sbuf_fini(&bytes);
    return ok;
}

/* Calls the function; [old] is the entry that the result replaces, or NULL. */
static bool
compute(struct cached *c, const struct hsl_cache_entry *old, struct hsl_value *out)
{
    struct hsl_value result;
    double ttl;
    bool ok;

    if (!hsl_call(c->run, c->fn, c->args, c->argc, &result))
        return false;
    ok = choose_ttl(c, &result, &ttl);
    if (ok && ttl > 0 && old && c->options.of[UPDATE_FUNCTION])
        ok = update(c, old, &result);
    if (ok && ttl > 0)
        ok = keep(c, &result, ttl);
    if (ok)
        *out = result;
    else
        hsl_unref(c->run, result);
    return ok;
}

/* --- The expression --------------------------------------------------------------------------- */

static bool
look_up(struct cached *c, struct hsl_value *out)
{
    struct hsl_cache_entry *e;
    struct hsl_text bytes;
    bool fresh, ok;

    e = hsl_cache_get(
        c->run->env->cache, &c->where, size_option(&c->options), ut_time_mono(), &fresh);
    if (fresh && !truth_option(&c->options, FORCE, false)) {
        bytes = hsl_cache_value(e);
        ok = hsl_plain_load(c->run, bytes.p, bytes.len, out);
    } else {
        ok = compute(c, e, out);
    }
    hsl_cache_unref(e);
    return ok;
}

static bool
evaluate(struct cached *c, const struct hsl_value *options, const struct hsl_str *name,
    struct hsl_value *out)
{
    bool usable;

    if (!read_options(c->run, options, &c->options) || !make_key(c, &usable))
        return false;
    if (!usable || !c->run->env || c->fn->type != HSL_FN)
        return hsl_call(c->run, c->fn, c->args, c->argc, out);
    return name_bucket(c, name) && look_up(c, out);
}

bool
hsl_cache_call(struct hsl_machine *m, struct hsl_value *base, unsigned argc, bool spread,
    const struct hsl_str *name, struct hsl_value *out)
{
    struct cached c = {.m = m, .run = &m->run, .fn = &base[1], .args = &base[2], .argc = argc};
    bool ok;

    if (spread) { /* made by the code before: packed */
        c.args = base[2].u.arr->d.vals;
        c.argc = base[2].u.arr->count;
    }
    ut_sbuf_init(&c.bucket, SIZE_MAX);
    ut_sbuf_init(&c.key, KEY_MAX);
    ok = evaluate(&c, &base[0], name, out);
    ut_sbuf_fini(&c.bucket);
    ut_sbuf_fini(&c.key);
    hsl_unref(&m->run, c.message);
    for (unsigned i = 0; ok && i < argc + 2; i++)
        hsl_drop(&m->run, &base[i]);
    return ok;
}
