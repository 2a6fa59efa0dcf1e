/* hsl_fake_call.h - calling built-ins by their rows without the VM, for unit tests of the library.
 *
 * Adds to hsl_fake_run.h the stand-ins that built-ins need: hsl_call() for built-ins as callbacks,
 * hsl_finish(), hsl_run_place(), hsl_run_var_changed(). In arguments a string "@name" stands for
 * the built-in function of that name. */
#ifndef T_HSL_FAKE_CALL_H
#define T_HSL_FAKE_CALL_H

#include "hsl/hsl_lib.h"
#include "t/unit/hsl_fake_run.h"

#define FAKE_ARGS_MAX 8

static char fake_changed_[400]; /* names given to hsl_run_var_changed(), a blank behind each */

FAKE_WEAK bool
hsl_finish(struct hsl_run *r)
{
    r->state = HSL_FINISHED;
    return false;
}

FAKE_WEAK void
hsl_run_place(struct hsl_run *r, struct hsl_place *place)
{
    (void)r;
    *place = (struct hsl_place){.file = "fake.hsl", .line = 3, .column = 7};
}

FAKE_WEAK void
hsl_run_var_changed(struct hsl_run *r, const char *name)
{
    size_t len = strlen(fake_changed_);

    (void)r;
    (void)snprintf(fake_changed_ + len, sizeof(fake_changed_) - len, "%s ", name);
}

FAKE_WEAK bool
hsl_call(struct hsl_run *r, const struct hsl_value *fn, const struct hsl_value *args, unsigned argc,
    struct hsl_value *out)
{
    struct hsl_value own[FAKE_ARGS_MAX];
    bool ok;

    if (fn->type != HSL_FN || argc > FAKE_ARGS_MAX)
        return hsl_raise(r, HSL_R08, "cannot call a value of type %s", hsl_type_name(fn));
    for (unsigned i = 0; i < argc; i++)
        own[i] = hsl_ref(args[i]);
    ok = hsl_lib_call(r, fn->u.fn->builtin, own, argc, out);
    for (unsigned i = 0; i < argc; i++)
        hsl_unref(r, own[i]);
    return ok;
}

/* Makes a function value of the string "@name". */
FAKE_UNUSED static bool
fake_function(struct hsl_run *r, struct hsl_value *v)
{
    const struct hsl_str *s = v->u.str;
    bool wrong;
    struct hsl_fn *fn = hsl_heap_alloc(&r->heap, sizeof(*fn));

    if (!fn)
        return hsl_raise_memory(r);
    memset(fn, 0, sizeof(*fn));
    fn->rc.refs = 1;
    fn->kind = HSL_FN_BUILTIN;
    fn->builtin = hsl_lib_find(s->data + 1, s->len - 1u, r->flow, &wrong);
    hsl_unref(r, *v);
    *v = (struct hsl_value){.u.fn = fn, .type = HSL_FN};
    return true;
}

/* Calls [name] with the elements of the array written in [args]; false: error set. */
FAKE_UNUSED static bool
fake_call(struct hsl_run *r, const char *name, const char *args, struct hsl_value *out)
{
    struct hsl_value list = hsl_none(), own[FAKE_ARGS_MAX];
    const struct hsl_value *v;
    bool wrong, ok;
    const struct hsl_builtin *row = hsl_lib_find(name, strlen(name), r->flow, &wrong);
    size_t pos = 0;
    unsigned argc = 0;

    *out = hsl_none();
    if (!row || wrong)
        return hsl_raise(r, HSL_R08, "no built-in %s here", name);
    ok = fake_read(r, &args, &list);
    while (ok && argc < FAKE_ARGS_MAX && hsl_arr_next(list.u.arr, &pos, NULL, &v)) {
        own[argc] = hsl_ref(*v);
        if (v->type == HSL_STR && v->u.str->len > 1 && v->u.str->data[0] == '@')
            ok = fake_function(r, &own[argc]);
        argc++;
    }
    if (list.type == HSL_ARR)
        hsl_unref(r, list);
    ok = ok && hsl_lib_call(r, row, own, argc, out);
    for (unsigned i = 0; i < argc; i++)
        hsl_unref(r, own[i]);
    return ok;
}

#endif
