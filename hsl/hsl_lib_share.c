/* hsl_lib_share.c - functions on shared state: rate() (library §11), memory_*() (library §13).
 *
 * If the store cannot be reached, mail goes on: rate() does not limit, memory_*() act as if nothing
 * was stored, and the log says so once a minute.
 *
 * Not here: the store (hsl_share.h), barrier (hsl_barrier.c).
 * Threads: the run's. Fails: R03 for what cannot be stored, R07, R15. */
#include "config.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <syslog.h>

#include "hsl/hsl_env.h"
#include "hsl/hsl_lib.h"
#include "hsl/hsl_plain.h"
#include "hsl/hsl_share.h"
#include "lib/ut_time.h"

#define TELL_EVERY 60 /* seconds */

static struct hsl_text
text_of(const struct hsl_value *v)
{
    return (struct hsl_text){.p = v->u.str->data, .len = v->u.str->len};
}

static struct hsl_share *
share_of(const struct hsl_run *r)
{
    return r->env ? r->env->share : NULL;
}

/* Logs that the store is down, once in a while. */
static void
tell_down(struct hsl_run *r, const char *name, const char *what)
{
    long now = (long)ut_time_mono(), told;
    char text[160];

    if (!r->env)
        return;
    told = atomic_load(&r->env->share_told);
    if ((told != 0 && now - told < TELL_EVERY) ||
        !atomic_compare_exchange_strong(&r->env->share_told, &told, now))
        return;
    (void)snprintf(text, sizeof(text), "%s(): shared state cannot be reached, %s", name, what);
    hsl_run_log(r, LOG_WARNING, text, strlen(text));
}

static bool
check_name(struct hsl_run *r, const char *name, const struct hsl_value *v)
{
    return v->u.str->len <= HSL_SHARE_NAME_MAX ||
           hsl_raise(r, HSL_R15, "%s(): a name is longer than %u bytes", name, HSL_SHARE_NAME_MAX);
}

/* --- rate() ----------------------------------------------------------------------------------- */

static bool
fn_rate(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_text space = text_of(&args[0]), entry = text_of(&args[1]);
    double limit = args[2].u.num, interval = args[3].u.num, events = 0;
    struct hsl_share *s = share_of(r);
    enum hsl_share_end end = HSL_SHARE_DOWN;
    bool sync = true, yes = true;

    if (!hsl_opt_bool(r, "rate", 5, argc > 4 ? &args[4] : NULL, "sync", &sync) ||
        !check_name(r, "rate", &args[0]) || !check_name(r, "rate", &args[1]))
        return false;
    if (!(limit >= 0))
        return hsl_raise(r, HSL_R15, "rate(): the count is less than 0");
    if (!(interval >= 0.001) || !isfinite(interval))
        return hsl_raise(r, HSL_R15, "rate(): the interval is less than 0.001 seconds");
    if (s)
        end = s->ops->rate(s, hsl_patience(r), &space, &entry, limit, interval, &yes, &events);
    if (end != HSL_SHARE_OK) {
        tell_down(r, "rate", "it does not limit");
        yes = true;
        events = 0;
    }
    *out = limit > 0 ? hsl_bool(yes) : hsl_num(events);
    return true;
}

/* --- memory_*() --------------------------------------------------------------------------------
 */

/* What a function does with the store. */
struct memory {
    struct hsl_run *run;
    struct hsl_share *share;
    const char *name; /* of the function */
    struct hsl_text key;
    struct hsl_share_entry entry; /* what the key held */
};

static bool
memory_init(struct memory *m, struct hsl_run *r, const char *name, const struct hsl_value *key)
{
    *m = (struct memory){.run = r, .share = share_of(r), .name = name, .key = text_of(key)};
    ut_sbuf_init(&m->entry.value, SIZE_MAX);
    return check_name(r, name, key);
}

static void
memory_fini(struct memory *m)
{
    ut_sbuf_fini(&m->entry.value);
}

/* True if the operation was carried out. Else *failed says whether there is an error. */
static bool
carried_out(struct memory *m, enum hsl_share_end end, bool *failed)
{
    *failed = end == HSL_SHARE_FULL;
    if (end == HSL_SHARE_FULL)
        (void)hsl_raise(m->run, HSL_R15, "%s(): no room for the value", m->name);
    else if (end != HSL_SHARE_OK)
        tell_down(m->run, m->name, "nothing is stored");
    return end == HSL_SHARE_OK;
}

/* The value that the key held: none if it cannot be read. */
static bool
load(struct memory *m, struct hsl_value *out)
{
    *out = hsl_none();
    return hsl_plain_load(m->run, m->entry.value.data, m->entry.value.len, out) ||
           m->run->state == HSL_RUNNING;
}

/* The bytes of [v]. */
static bool
save(struct memory *m, const struct hsl_value *v, struct ut_sbuf *out)
{
    switch (hsl_plain_save(v, false, out)) {
    case HSL_PLAIN_OK:
        return true;
    case HSL_PLAIN_NOT:
        return hsl_raise(m->run, HSL_R03, "%s(): functions and objects cannot be stored", m->name);
    case HSL_PLAIN_DEEP:
        return hsl_raise(m->run, HSL_R15, "%s(): the value is nested deeper than %u levels",
            m->name, HSL_PLAIN_DEPTH);
    default:
        return hsl_raise(m->run, HSL_R15, "%s(): the value is larger than %u bytes", m->name,
            HSL_SHARE_VALUE_MAX);
    }
}

/* cb(key, value that the key held): its result into *out. */
static bool
call_with_old(struct memory *m, const struct hsl_value *cb, const struct hsl_value *key,
    struct hsl_value *out)
{
    struct hsl_value args[2] = {*key};
    bool ok;

    if (!load(m, &args[1]))
        return false;
    ok = hsl_call(m->run, cb, args, 2, out);
    hsl_unref(m->run, args[1]);
    return ok;
}

/* The same for what it does alone. */
static bool
tell_old(struct memory *m, const struct hsl_value *cb, const struct hsl_value *key)
{
    struct hsl_value ignored;

    if (!call_with_old(m, cb, key, &ignored))
        return false;
    hsl_unref(m->run, ignored);
    return true;
}

static enum hsl_share_end
get(struct memory *m)
{
    if (!m->share)
        return HSL_SHARE_DOWN;
    ut_sbuf_reset(&m->entry.value);
    return m->share->ops->get(m->share, hsl_patience(m->run), &m->key, &m->entry);
}

/* Changes the key to [value] (NULL: removes it). */
static enum hsl_share_end
change(struct memory *m, const struct ut_sbuf *value, enum hsl_share_when when, bool *done)
{
    struct hsl_share_change c = {.key = m->key, .when = when, .version = m->entry.version};

    *done = false;
    if (!m->share)
        return HSL_SHARE_DOWN;
    if (value)
        c.value = (struct hsl_text){value->data, value->len};
    ut_sbuf_reset(&m->entry.value);
    return m->share->ops->change(m->share, hsl_patience(m->run), &c, &m->entry, done);
}

/* memory_store(), memory_add(). */
static bool
store(struct memory *m, struct hsl_value *args, unsigned argc, enum hsl_share_when when,
    struct hsl_value *out)
{
    struct ut_sbuf value;
    bool done = false, failed, ok;

    ut_sbuf_init(&value, HSL_SHARE_VALUE_MAX);
    ok = save(m, &args[1], &value);
    if (ok && !carried_out(m, change(m, &value, when, &done), &failed))
        ok = !failed;
    ut_sbuf_fini(&value);
    if (ok && done && m->entry.found && argc > 2)
        ok = tell_old(m, &args[2], &args[0]);
    *out = hsl_bool(done);
    return ok;
}

static bool
fn_store(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct memory m;
    bool ok = memory_init(&m, r, "memory_store", &args[0]) &&
              store(&m, args, argc, HSL_SHARE_ALWAYS, out);

    memory_fini(&m);
    return ok;
}

static bool
fn_add(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct memory m;
    bool ok = memory_init(&m, r, "memory_add", &args[0]) &&
              store(&m, args, argc, HSL_SHARE_IF_MISSING, out);

    memory_fini(&m);
    return ok;
}

static bool
fn_fetch(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct memory m;
    bool failed = false, ok = memory_init(&m, r, "memory_fetch", &args[0]);

    if (ok && carried_out(&m, get(&m), &failed) && m.entry.found)
        ok = load(&m, out);
    else if (ok && !failed && argc > 1)
        ok = hsl_call(r, &args[1], args, 1, out);
    memory_fini(&m);
    return ok && !failed;
}

static bool
fn_exists(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct memory m;
    bool failed = false, ok = memory_init(&m, r, "memory_exists", &args[0]);

    *out = hsl_bool(ok && carried_out(&m, get(&m), &failed) && m.entry.found);
    if (ok && !failed && m.entry.found && argc > 1)
        ok = tell_old(&m, &args[1], &args[0]);
    memory_fini(&m);
    return ok && !failed;
}

static bool
fn_delete(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct memory m;
    bool done, failed = false, ok = memory_init(&m, r, "memory_delete", &args[0]);

    *out = hsl_bool(
        ok && carried_out(&m, change(&m, NULL, HSL_SHARE_ALWAYS, &done), &failed) && m.entry.found);
    if (ok && !failed && m.entry.found && argc > 1)
        ok = tell_old(&m, &args[1], &args[0]);
    memory_fini(&m);
    return ok && !failed;
}

static bool
count(struct hsl_run *r, const char *name, const struct hsl_value *key, double n, bool remove_zero,
    struct hsl_value *out)
{
    struct memory m;
    double result = 0;
    bool is_number = false, failed = false, ok = memory_init(&m, r, name, key);
    enum hsl_share_end end = HSL_SHARE_DOWN;

    if (ok && m.share)
        end = m.share->ops->add(
            m.share, hsl_patience(r), &m.key, n, remove_zero, &result, &is_number);
    if (ok && carried_out(&m, end, &failed) && is_number)
        *out = hsl_num(result);
    memory_fini(&m);
    return ok && !failed;
}

static bool
fn_inc(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return count(r, "memory_inc", &args[0], argc > 1 ? args[1].u.num : 1, false, out);
}

static bool
fn_dec(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return count(
        r, "memory_dec", &args[0], argc > 1 ? -args[1].u.num : -1, argc > 2 && args[2].u.b, out);
}

/* The bytes of cb(key, current, value). */
static bool
compute(struct memory *m, struct hsl_value *args, unsigned argc, struct ut_sbuf *out)
{
    struct hsl_value given[3] = {args[0], hsl_none(), args[1]}, made;
    bool ok;

    if (m->entry.found && !load(m, &given[1]))
        return false;
    if (!m->entry.found && argc > 3)
        given[1] = hsl_ref(args[3]);
    ok = hsl_call(m->run, &args[2], given, 3, &made);
    hsl_unref(m->run, given[1]);
    if (!ok)
        return false;
    ut_sbuf_reset(out);
    ok = save(m, &made, out);
    hsl_unref(m->run, made);
    return ok;
}

/* Again and again until nobody else has changed the key while the function ran. */
static bool
fn_update(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct memory m;
    struct ut_sbuf value;
    bool done = false, failed = false, ok = memory_init(&m, r, "memory_update", &args[0]);

    ut_sbuf_init(&value, HSL_SHARE_VALUE_MAX);
    while (ok && !done) {
        if (!carried_out(&m, get(&m), &failed) || (!m.entry.found && argc < 4))
            break;
        ok = compute(&m, args, argc, &value);
        if (ok && !carried_out(&m, change(&m, &value, HSL_SHARE_IF_SAME, &done), &failed))
            break;
    }
    ut_sbuf_fini(&value);
    memory_fini(&m);
    *out = hsl_bool(done);
    return ok && !failed;
}

const struct hsl_builtin hsl_lib_share_rows[] = {
    {"rate", "ssnn|o", 0, 0, .fn = fn_rate, "rate(ns, entry, count, interval [, options])",
        "If fewer than count events of that entry lie in the last interval seconds: counts one "
        "more and gives true; else false. With a count of 0: their number.",
        .options = "-sync",
        .errors = "the count is negative; the interval is below 0.001; a name is too long"},
    {"memory_store", "sv|f", 0, 0, .fn = fn_store, "memory_store(key, value [, callback])",
        "Stores a value for all scripts. callback(key, old) is called if there was one before.",
        .errors = "the key is too long; the value is too large or holds functions or objects"},
    {"memory_add", "sv", 0, 0, .fn = fn_add, "memory_add(key, value)",
        "The same if the key has no value yet; else false.", .errors = "as memory_store()"},
    {"memory_fetch", "s|f", 0, 0, .fn = fn_fetch, "memory_fetch(key [, callback])",
        "The value; without one, what callback(key) gives, or none."},
    {"memory_exists", "s|f", 0, 0, .fn = fn_exists, "memory_exists(key [, callback])",
        "True if the key has a value; callback(key, value) is called then."},
    {"memory_delete", "s|f", 0, 0, .fn = fn_delete, "memory_delete(key [, callback])",
        "Removes the value; true if there was one: callback(key, value) is called then."},
    {"memory_inc", "s|n", 0, 0, .fn = fn_inc, "memory_inc(key [, n = 1])",
        "Adds n to the number that the key has, 0 if it has none: the new one. none if the value "
        "is no number."},
    {"memory_dec", "s|nb", 0, 0, .fn = fn_dec, "memory_dec(key [, n = 1 [, remove_if_zero = false]])",
        "Subtracts n in the same way; with remove_if_zero a key that comes to 0 goes."},
    {"memory_update", "svf|v", 0, 0, .fn = fn_update, "memory_update(key, value, callback [, initial])",
        "Stores callback(key, current, value) unless somebody else changes the key meanwhile, then "
        "it asks again. Without a value: current is initial, or nothing is done and false given.",
        .errors = "as memory_store()"},
    {.name = NULL},
};
