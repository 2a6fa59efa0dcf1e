/* hsl_build.c - values that a host makes for predefined variables.
 *
 * A small stack of open arrays. An error makes all further calls do nothing; hsl_build_take() then
 * gives false with the run's state set. Nesting deeper than HSL_BUILD_DEPTH is an error of the host
 * and ends the run with a limit error. Threads: the run's. */
#include "config.h"

#include "hsl/hsl_vm.h"

void
hsl_build_init(struct hsl_build *b, struct hsl_run *r)
{
    memset(b, 0, sizeof(*b));
    b->run = r;
}

/* Puts [v], whose count it takes, where the next value belongs. */
void
hsl_build_value(struct hsl_build *b, struct hsl_value v)
{
    struct hsl_run *r = b->run;
    struct hsl_value key = b->key;

    b->key = hsl_none();
    if (b->failed) {
        hsl_unref(r, v);
    } else if (b->depth == 0) {
        hsl_put(r, &b->value, v);
    } else {
        struct hsl_arr *a = b->open[b->depth - 1].u.arr;

        if (key.type != HSL_NONE ? !hsl_arr_set(r, a, &key, v) : !hsl_arr_push(r, a, v))
            b->failed = true;
    }
    hsl_unref(r, key);
}

void
hsl_build_none(struct hsl_build *b)
{
    hsl_build_value(b, hsl_none());
}

void
hsl_build_bool(struct hsl_build *b, bool v)
{
    hsl_build_value(b, hsl_bool(v));
}

void
hsl_build_num(struct hsl_build *b, double v)
{
    hsl_build_value(b, hsl_num(v));
}

void
hsl_build_str(struct hsl_build *b, const char *p, size_t len)
{
    struct hsl_str *s = b->failed ? NULL : hsl_str_new(b->run, p, len);

    if (s)
        hsl_build_value(b, hsl_from_str(s));
    else
        b->failed = true;
}

void
hsl_build_strz(struct hsl_build *b, const char *s)
{
    hsl_build_str(b, s ? s : "", s ? strlen(s) : 0);
}

void
hsl_build_array(struct hsl_build *b)
{
    struct hsl_arr *a;

    if (b->failed)
        return;
    if (b->depth == HSL_BUILD_DEPTH) {
        b->failed = true;
        (void)hsl_limit(b->run, HSL_L07, "nesting of data (%d) exceeded", HSL_BUILD_DEPTH);
        return;
    }
    a = hsl_arr_new(b->run, 0);
    if (!a) {
        b->failed = true;
        return;
    }
    b->open[b->depth] = hsl_from_arr(a);
    b->keys[b->depth++] = b->key;
    b->key = hsl_none();
}

void
hsl_build_end(struct hsl_build *b)
{
    struct hsl_value a;

    if (b->depth == 0)
        return;
    hsl_unref(b->run, b->key);
    a = b->open[--b->depth];
    b->key = b->keys[b->depth];
    hsl_build_value(b, a);
}

void
hsl_build_key_value(struct hsl_build *b, struct hsl_value key)
{
    hsl_unref(b->run, b->key);
    b->key = key;
}

void
hsl_build_key(struct hsl_build *b, const char *key)
{
    struct hsl_str *s = b->failed ? NULL : hsl_str_newz(b->run, key);

    if (s)
        hsl_build_key_value(b, hsl_from_str(s));
    else
        b->failed = true;
}

bool
hsl_build_take(struct hsl_build *b, struct hsl_value *out)
{
    while (b->depth)
        hsl_build_end(b);
    hsl_unref(b->run, b->key);
    b->key = hsl_none();
    if (b->failed) {
        hsl_unref(b->run, b->value);
        if (b->run->state == HSL_RUNNING)
            (void)hsl_raise_memory(b->run);
        return false;
    }
    *out = b->value;
    return true;
}
