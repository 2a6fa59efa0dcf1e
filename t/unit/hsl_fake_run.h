/* hsl_fake_run.h - a run without the VM, for unit tests of values.
 *
 * Gives stand-ins for what values call of the VM: hsl_raise(), hsl_limit(), hsl_raise_memory(),
 * hsl_work_counted(), hsl_spend(), hsl_in_time(), hsl_time_left(), hsl_run_log(), hsl_fn_name().
 * They are weak, so a test that links the real ones gets these. Values are written and shown as text: none
 * true 1.5 "a\"b" [1,"k"=>[2]] (a key before => is any of these). */
#ifndef T_HSL_FAKE_RUN_H
#define T_HSL_FAKE_RUN_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "hsl/hsl_regex.h"
#include "hsl/hsl_run.h"
#include "lib/ut_time.h"

#define FAKE_WEAK __attribute__((weak))
#define FAKE_UNUSED __attribute__((unused))

static char fake_error_[400]; /* "R03: text" of the first error since fake_clear() */
static char fake_record_[200]; /* the last one logged: "LEVEL: text" */

static bool
fake_fail(struct hsl_run *r, enum hsl_state state, char kind, unsigned code, const char *text)
{
    if (r->state == HSL_RUNNING) {
        r->state = state;
        (void)snprintf(fake_error_, sizeof(fake_error_), "%c%02u: %.380s", kind, code, text);
    }
    return false;
}

FAKE_WEAK bool
hsl_raise(struct hsl_run *r, enum hsl_rcode code, const char *fmt, ...)
{
    char text[380];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return fake_fail(r, HSL_THROWN, 'R', code, text);
}

FAKE_WEAK bool
hsl_limit(struct hsl_run *r, enum hsl_lcode code, const char *fmt, ...)
{
    char text[380];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return fake_fail(r, HSL_LIMITED, 'L', code, text);
}

FAKE_WEAK bool
hsl_raise_memory(struct hsl_run *r)
{
    if (r->heap.over)
        return hsl_limit(r, HSL_L03, "memory (%zu bytes) exceeded", r->heap.max);
    return hsl_limit(r, HSL_L08, "out of memory");
}

static size_t fake_work_max_ = SIZE_MAX; /* bytes that a run may hand to hsl_work() */

/* Leaves in r->work what was given to hsl_work(). */
FAKE_WEAK bool
hsl_work_counted(struct hsl_run *r)
{
    return r->work <= fake_work_max_ || hsl_limit(r, HSL_L01, "work exceeded");
}

FAKE_WEAK bool
hsl_in_time(struct hsl_run *r)
{
    return ut_time_mono() <= r->deadline ||
           hsl_limit(r, HSL_L02, "time (%g s) exceeded", r->limits.max_time);
}

FAKE_WEAK double
hsl_time_left(const struct hsl_run *r)
{
    return r->deadline - ut_time_mono();
}

FAKE_WEAK bool
hsl_spend(struct hsl_run *r, unsigned *used, unsigned n, unsigned max, const char *what)
{
    *used += n;
    return *used <= max || hsl_limit(r, HSL_L09, "%s (%u) exceeded", what, max);
}

FAKE_WEAK void
hsl_run_log(struct hsl_run *r, int level, const char *text, size_t len)
{
    const struct hsl_place nowhere = {"", 0, 0};

    if (r->host && r->host->log)
        r->host->log(r->host_arg, level, text, len, &nowhere);
    (void)snprintf(fake_record_, sizeof(fake_record_), "%d: %.*s", level, (int)len, text);
}

FAKE_WEAK const char *
hsl_fn_name(const struct hsl_fn *fn)
{
    (void)fn;
    return NULL;
}

FAKE_UNUSED static void
fake_clear(struct hsl_run *r)
{
    r->state = HSL_RUNNING;
    r->heap.over = r->heap.oom = false;
    fake_error_[0] = '\0';
}

FAKE_UNUSED static void
fake_init(struct hsl_run *r)
{
    memset(r, 0, sizeof(*r));
    hsl_heap_init(&r->heap, (size_t)64 << 20);
    r->limits.max_memory = (size_t)64 << 20;
    r->limits.max_string = (size_t)16 << 20;
    r->limits.max_array = 1000000;
    r->limits.max_call_depth = 200;
    r->limits.max_time = 20;
    r->deadline = 1e18;
    r->limits.pcre_match_limit = 1000000;
    r->limits.pcre_depth_limit = 10000;
    r->thrown.type = HSL_UNDEF;
    fake_clear(r);
}

/* Ends the run; the bytes that were not given back before. */
FAKE_UNUSED static size_t
fake_fini(struct hsl_run *r)
{
    size_t live = r->heap.live;

    hsl_obj_finish_all(r);
    hsl_regex_run_fini(r);
    hsl_heap_fini(&r->heap);
    return live;
}

/* --- Values from text ------------------------------------------------------------------------- */

static bool
fake_read(struct hsl_run *r, const char **p, struct hsl_value *out);

static bool
fake_read_str(struct hsl_run *r, const char **p, struct hsl_value *out)
{
    *out = hsl_from_str(hsl_str_empty());
    for (++*p; **p != '"'; ++*p) {
        char c;

        if (**p == '\\')
            ++*p;
        c = **p == 'n' && (*p)[-1] == '\\' ? '\n' : **p;
        if (!hsl_str_append(r, out, &c, 1)) {
            hsl_unref(r, *out);
            return false;
        }
    }
    ++*p;
    return true;
}

static bool
fake_read_elem(struct hsl_run *r, const char **p, struct hsl_arr *a)
{
    struct hsl_value v, key;
    bool ok;

    if (!fake_read(r, p, &v))
        return false;
    if (strncmp(*p, "=>", 2) != 0)
        return hsl_arr_push(r, a, v);
    *p += 2;
    key = v;
    ok = fake_read(r, p, &v) && hsl_arr_set(r, a, &key, v);
    hsl_unref(r, key);
    return ok;
}

static bool
fake_read_arr(struct hsl_run *r, const char **p, struct hsl_value *out)
{
    struct hsl_arr *a = hsl_arr_new(r, 0);

    if (!a)
        return false;
    for (++*p; **p != ']';) {
        if (!fake_read_elem(r, p, a)) {
            hsl_unref(r, hsl_from_arr(a));
            return false;
        }
        if (**p == ',')
            ++*p;
    }
    ++*p;
    *out = hsl_from_arr(a);
    return true;
}

static bool
fake_read(struct hsl_run *r, const char **p, struct hsl_value *out)
{
    char *end;

    if (**p == '"')
        return fake_read_str(r, p, out);
    if (**p == '[')
        return fake_read_arr(r, p, out);
    if (strncmp(*p, "none", 4) == 0) {
        *out = hsl_none();
        *p += 4;
    } else if (strncmp(*p, "true", 4) == 0 || strncmp(*p, "false", 5) == 0) {
        *out = hsl_bool(**p == 't');
        *p += **p == 't' ? 4 : 5;
    } else {
        *out = hsl_num(strtod(*p, &end));
        if (end == *p)
            printf("# not a value: %s\n", *p);
        *p = end == *p ? *p + strlen(*p) : end;
    }
    return true;
}

/* The value written as [text]; on failure none, with the run's error set. */
FAKE_UNUSED static struct hsl_value
fake_value(struct hsl_run *r, const char *text)
{
    struct hsl_value v = hsl_none();

    return fake_read(r, &text, &v) ? v : hsl_none();
}

/* Shows [v] (strings in quotes) in [buf], or the run's error if not [ok]; gives [buf]. */
FAKE_UNUSED static const char *
fake_show(struct hsl_run *r, bool ok, const struct hsl_value *v, char *buf, size_t size)
{
    struct hsl_arr *a;
    struct hsl_str *s = NULL;
    struct hsl_value box;

    if (!ok || r->state != HSL_RUNNING) {
        (void)snprintf(
            buf, size, "%s%.*s", ok ? "true in spite of " : "", (int)size - 20, fake_error_);
        return buf;
    }
    (void)snprintf(buf, size, "cannot show it");
    a = hsl_arr_new(r, 1);
    if (!a)
        return buf;
    box = hsl_from_arr(a);
    if (hsl_arr_push(r, a, hsl_ref(*v)))
        s = hsl_to_str(r, &box);
    if (s) {
        (void)snprintf(buf, size, "%.*s", (int)s->len - 5, s->data + 4);
        hsl_unref(r, hsl_from_str(s));
    }
    hsl_unref(r, box);
    return buf;
}

#endif
