/* hsl_barrier.c - the statement `barrier name [=> $v] { ... }`: one run at a time in the whole
 * installation (language §14).
 *
 * The lock is an object in a temporary of the frame, whose class gives it up when the object goes.
 * So a lock is never kept: unwinding forgets the temporaries of each frame that an exception or
 * a limit leaves, and the end of the run all the rest. The compiler puts a LEAVE, which stores the
 * variable, on each way out of the block that the script takes itself: its end, break, continue,
 * return. A final action, which unwinds too, has hsl_barrier_leave_frame() for that.
 *
 * Not here: who else holds it (hsl_share.c), code (hsl_code_share.c).
 * Threads: the run's. Fails: R03 for what cannot be shared, R14 for a second entry, R15 without a
 * store, L02 and L09 for waiting too long or too large a value. */
#include "config.h"

#include "hsl/hsl_barrier.h"

#include <math.h>

#include "hsl/hsl_env.h"
#include "hsl/hsl_plain.h"
#include "hsl/hsl_share.h"

#define NAME_ARGS(s) (int)((s)->len < 200 ? (s)->len : 200), (s)->data

/* Behind the lock object. */
struct hsl_barrier {
    struct hsl_barrier *next; /* held by the run, newest first */
    struct hsl_str *name;
    void *lock; /* of the store; NULL: given up */
    unsigned var; /* operand of the instruction */
};

/* --- The lock as an object ------------------------------------------------------------------- */

static enum hsl_share_end
give_up(struct hsl_run *r, struct hsl_barrier *b, enum hsl_share_keep keep,
    const struct hsl_text *value)
{
    struct hsl_barrier **at = &r->barriers;
    void *lock = b->lock;

    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    b->lock = NULL;
    return r->env->share->ops->leave(r->env->share, hsl_patience(r), lock, keep, value);
}

static void
finish(struct hsl_run *r, struct hsl_obj *o)
{
    struct hsl_barrier *b = o->data;

    if (!b)
        return;
    if (b->lock)
        (void)give_up(r, b, HSL_SHARE_KEEP, NULL);
    hsl_unref(r, hsl_from_str(b->name));
    hsl_heap_free(&r->heap, b, sizeof(*b));
    o->data = NULL;
}

static const struct hsl_class lock_class = {.name = "barrier", .finish = finish};

static struct hsl_obj *
new_lock(struct hsl_run *r, struct hsl_str *name, unsigned var)
{
    struct hsl_barrier *b = hsl_heap_alloc(&r->heap, sizeof(*b));
    struct hsl_obj *o;

    if (!b) {
        (void)hsl_raise_memory(r);
        return NULL;
    }
    o = hsl_obj_new(r, &lock_class);
    if (!o) {
        hsl_heap_free(&r->heap, b, sizeof(*b));
        return NULL;
    }
    *b = (struct hsl_barrier){.name = name, .var = var};
    hsl_rc_ref(&name->rc);
    o->data = b;
    return o;
}

static struct hsl_barrier *
lock_in(const struct hsl_value *v)
{
    return v->type == HSL_OBJ && v->u.obj->cls == &lock_class ? v->u.obj->data : NULL;
}

/* --- Entering -------------------------------------------------------------------------------- */

static bool
check_name(struct hsl_run *r, const struct hsl_str *name)
{
    if (name->len > HSL_SHARE_NAME_MAX)
        return hsl_raise(
            r, HSL_R15, "barrier: the name is longer than %u bytes", HSL_SHARE_NAME_MAX);
    for (const struct hsl_barrier *b = r->barriers; b; b = b->next) {
        if (hsl_str_equal(b->name, name))
            return hsl_raise(
                r, HSL_R14, "barrier %.*s is already held by this script", NAME_ARGS(name));
    }
    return true;
}

static bool
waited_in_vain(struct hsl_run *r, const struct hsl_str *name)
{
    if (hsl_time_left(r) <= 0)
        return hsl_limit(r, HSL_L02, "time (%g s) exceeded", r->limits.max_time);
    return hsl_limit(r, HSL_L09, "wait for barrier %.*s (%g s) exceeded", NAME_ARGS(name),
        r->limits.barrier_wait);
}

/* Takes the lock; its value goes to [bytes]. */
static bool
take_lock(struct hsl_run *r, struct hsl_barrier *b, struct ut_sbuf *bytes, bool *has_value)
{
    struct hsl_share *s = r->env ? r->env->share : NULL;
    struct hsl_text name = {b->name->data, b->name->len};
    double left = hsl_time_left(r), wait = fmin(r->limits.barrier_wait, left);
    enum hsl_share_end end = HSL_SHARE_DOWN;

    if (s)
        end = s->ops->enter(s, (left - wait) / 2, &name, wait, bytes, has_value, &b->lock);
    switch (end) {
    case HSL_SHARE_OK:
        b->next = r->barriers;
        r->barriers = b;
        return true;
    case HSL_SHARE_TIMEOUT:
        return waited_in_vain(r, b->name);
    case HSL_SHARE_FULL:
        return hsl_limit(r, HSL_L08, "out of memory");
    default:
        return hsl_in_time(r) &&
               hsl_raise(
                   r, HSL_R15, "barrier %.*s: shared state cannot be reached", NAME_ARGS(b->name));
    }
}

static bool
load_value(struct hsl_run *r, const struct ut_sbuf *bytes, bool has_value, struct hsl_value *value)
{
    struct hsl_value v = {.type = HSL_UNDEF};

    if (!value)
        return true;
    if (has_value && !hsl_plain_load(r, bytes->data, bytes->len, &v)) {
        if (r->state != HSL_RUNNING)
            return false;
        v.type = HSL_UNDEF; /* damaged where it was kept */
    }
    hsl_put(r, value, v);
    return true;
}

bool
hsl_barrier_enter(
    struct hsl_machine *m, struct hsl_value *name, struct hsl_value *value, unsigned var)
{
    struct hsl_run *r = &m->run;
    struct hsl_str *text = hsl_to_str(r, name);
    struct hsl_obj *o = NULL;
    struct ut_sbuf bytes;
    bool has_value = false, ok;

    if (!text)
        return false;
    ut_sbuf_init(&bytes, SIZE_MAX);
    ok = check_name(r, text) && (o = new_lock(r, text, var)) != NULL &&
         take_lock(r, o->data, &bytes, &has_value) && load_value(r, &bytes, has_value, value);
    ut_sbuf_fini(&bytes);
    hsl_unref(r, hsl_from_str(text));
    if (ok)
        hsl_put(r, name, (struct hsl_value){.u.obj = o, .type = HSL_OBJ});
    else if (o)
        hsl_unref(r, (struct hsl_value){.u.obj = o, .type = HSL_OBJ});
    return ok;
}

/* --- Leaving --------------------------------------------------------------------------------- */

/* The type of what makes [v] unfit to be shared. */
static const char *
unfit_type(const struct hsl_value *v)
{
    const struct hsl_value *element;
    size_t pos = 0;
    const char *name = NULL;

    if (v->type == HSL_FN || v->type == HSL_OBJ)
        return hsl_type_name(v);
    if (v->type == HSL_ARR)
        while (!name && hsl_arr_next(v->u.arr, &pos, NULL, &element))
            name = unfit_type(element);
    return name;
}

/* The bytes of [v] into [out], or an error. */
static bool
save_value(
    struct hsl_run *r, const struct hsl_str *name, const struct hsl_value *v, struct ut_sbuf *out)
{
    enum hsl_plain end = hsl_plain_save(v, false, out);

    if (end == HSL_PLAIN_OK)
        return true;
    if (end == HSL_PLAIN_NOT)
        return hsl_raise(r, HSL_R03, "barrier %.*s: cannot share a value of type %s",
            NAME_ARGS(name), unfit_type(v));
    if (end == HSL_PLAIN_DEEP)
        return hsl_limit(r, HSL_L07, "nesting of data (%u) exceeded", HSL_PLAIN_DEPTH);
    if (out->len < r->limits.barrier_value && !out->data)
        return hsl_limit(r, HSL_L08, "out of memory");
    return hsl_limit(r, HSL_L09, "barrier value (%zu bytes) exceeded", r->limits.barrier_value);
}

static bool
store(struct hsl_run *r, struct hsl_barrier *b, const struct hsl_value *v)
{
    struct hsl_text value;
    struct ut_sbuf bytes;
    enum hsl_share_end end;

    ut_sbuf_init(&bytes, r->limits.barrier_value);
    if (!save_value(r, b->name, v, &bytes)) {
        ut_sbuf_fini(&bytes);
        return false;
    }
    value = (struct hsl_text){bytes.data, bytes.len};
    end = give_up(r, b, HSL_SHARE_STORE, &value);
    ut_sbuf_fini(&bytes);
    if (end == HSL_SHARE_FULL)
        return hsl_limit(r, HSL_L09, "store of shared values is full");
    return end == HSL_SHARE_OK ||
           hsl_raise(
               r, HSL_R15, "barrier %.*s: shared state cannot be reached", NAME_ARGS(b->name));
}

bool
hsl_barrier_leave(struct hsl_machine *m, struct hsl_value *lock, const struct hsl_value *var)
{
    struct hsl_run *r = &m->run;
    struct hsl_barrier *b = lock_in(lock);

    if (!b || !b->lock)
        return true;
    if (var && var->type != HSL_UNDEF) {
        if (!store(r, b, var))
            return false;
    } else if (give_up(r, b, var ? HSL_SHARE_REMOVE : HSL_SHARE_KEEP, NULL) == HSL_SHARE_DOWN) {
        return hsl_raise(
            r, HSL_R15, "barrier %.*s: shared state cannot be reached", NAME_ARGS(b->name));
    }
    hsl_drop(r, lock);
    return true;
}

void
hsl_barrier_leave_frame(struct hsl_machine *m)
{
    const struct hsl_frame *f = m->frame;

    if (!m->run.barriers)
        return;
    for (unsigned i = f->proto->regs; i > f->proto->locals; i--) {
        struct hsl_value *lock = &f->regs[i - 1];
        const struct hsl_barrier *b = lock_in(lock);
        bool wants = b && b->var != HSL_NO_REG;

        /* The run is over: an error has nobody to go to, and the value of before stays. */
        if (b && !hsl_barrier_leave(m, lock, wants ? hsl_deref(hsl_reg(f->regs, b->var)) : NULL))
            hsl_drop(&m->run, lock);
    }
}
