/* hsl_vm_call.c - frames and calls: by value, of methods, with spread arguments, from built-ins.
 *
 * Not here: calls by name, which are one instruction (hsl_vm.c). Where the registers of a frame lie
 * and who owns them: hsl_vm.h. Threads: one per machine. Fails: R07, R08, L03, L04, L08, and what
 * the callee fails with. */
#include "config.h"

#include <limits.h>

#include "hsl/hsl_arr.h"
#include "hsl/hsl_gen.h"
#include "hsl/hsl_obj.h"
#include "hsl/hsl_vm_inl.h"

/* --- Stack ----------------------------------------------------------------------------------- */

static size_t
segment_bytes(size_t values)
{
    return sizeof(struct hsl_segment) + (values + HSL_STACK_SLACK) * sizeof(struct hsl_value);
}

/* Begins a segment for at least [count] values; the first place of it, or NULL: error set. */
static struct hsl_value *
push_segment(struct hsl_machine *m, size_t count)
{
    size_t size = segment_bytes(count > HSL_STACK_NEXT ? count : HSL_STACK_NEXT);
    struct hsl_segment *s = m->spare;

    if (s && s->size >= size) {
        m->spare = NULL;
    } else {
        s = hsl_heap_alloc(&m->run.heap, size);
        if (!s) {
            hsl_raise_memory(&m->run);
            return NULL;
        }
        memset(s, 0, size); /* type none: nothing alive */
        s->size = size;
    }
    s->below = m->segment;
    s->end_below = m->stack_end;
    m->segment = s;
    m->stack_end = s->values + (size - segment_bytes(0)) / sizeof(struct hsl_value);
    return s->values;
}

void
hsl_vm_leave_segments(struct hsl_machine *m, unsigned count)
{
    for (; count; count--) {
        struct hsl_segment *s = m->segment;

        m->segment = s->below;
        m->stack_end = s->end_below;
        if (m->spare)
            hsl_heap_free(&m->run.heap, m->spare, m->spare->size);
        m->spare = s;
    }
}

/* Room for [count] values at [at], or at the start of a new segment to which the first [given]
 * move; *segments counts it. NULL: error set. */
static struct hsl_value *
make_room(
    struct hsl_machine *m, struct hsl_value *at, size_t count, size_t given, unsigned *segments)
{
    struct hsl_value *to;

    if ((size_t)(m->stack_end + HSL_STACK_SLACK - at) >= count + HSL_STACK_SLACK)
        return at;
    to = push_segment(m, count);
    if (!to)
        return NULL;
    ++*segments;
    for (size_t i = 0; i < given; i++) {
        to[i] = at[i];
        at[i].type = HSL_NONE;
    }
    return to;
}

static inline void
drop_values(struct hsl_run *r, struct hsl_value *v, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (hsl_is_counted(&v[i]))
            hsl_drop(r, &v[i]);
    }
}

/* --- Frames ---------------------------------------------------------------------------------- */

/* The first place above all frames. */
static struct hsl_value *
stack_top(const struct hsl_machine *m)
{
    return m->frame == m->frames ? m->stack : m->frame->regs + m->frame->proto->regs;
}

bool
hsl_vm_enter(struct hsl_machine *m, const struct hsl_proto *p, struct hsl_value *at, unsigned given)
{
    struct hsl_frame *f = m->frame + 1;
    unsigned segments = 0, fixed = p->params - p->rest, first = p->has_self + p->required;

    if (f == m->frame_end)
        return hsl_limit(
            &m->run, HSL_L04, "call depth (%u) exceeded", m->run.limits.max_call_depth);
    at = make_room(m, at, p->regs, given, &segments);
    if (!at)
        return false;
    for (unsigned i = given; i < fixed; i++)
        at[i] = m->prog->k[p->defaults[i - first]];
    for (struct hsl_value *v = at + p->params; v < at + p->locals; v++)
        v->type = HSL_UNDEF;
    f->regs = at;
    f->proto = p;
    f->segments = (uint16_t)segments;
    f->kind = HSL_FRAME_CALL;
    m->frame = f;
    return true;
}

struct hsl_value *
hsl_vm_push(struct hsl_machine *m, const struct hsl_proto *p)
{
    unsigned segments = 0;
    struct hsl_value *at;

    if (m->frame + 1 == m->frame_end) {
        (void)hsl_limit(&m->run, HSL_L04, "call depth (%u) exceeded", m->run.limits.max_call_depth);
        return NULL;
    }
    at = make_room(m, stack_top(m), p->regs + (size_t)1, 0, &segments);
    if (!at)
        return NULL;
    m->frame++;
    *m->frame = (struct hsl_frame){.regs = at + 1, .proto = p, .segments = (uint16_t)segments};
    return at + 1;
}

void
hsl_vm_pop(struct hsl_machine *m)
{
    struct hsl_frame *f = m->frame;

    drop_values(&m->run, f->regs, f->proto->regs);
    if (f->kind == HSL_FRAME_GENERATOR)
        hsl_gen_end(m, f->regs - 1);
    hsl_vm_leave_segments(m, f->segments);
    m->frame = f - 1;
}

/* --- Calling functions of the script ---------------------------------------------------------- */

static bool
wrong_count(struct hsl_machine *m, const char *name, unsigned min, unsigned max, unsigned argc)
{
    struct hsl_run *r = &m->run;

    if (!name)
        name = "function";
    if (max == UINT_MAX)
        return hsl_raise(r, HSL_R07, "%s() expects at least %u argument%s, %u given", name, min,
            min == 1 ? "" : "s", argc);
    if (min == max)
        return hsl_raise(r, HSL_R07, "%s() expects %u argument%s, %u given", name, min,
            min == 1 ? "" : "s", argc);
    return hsl_raise(r, HSL_R07, "%s() expects %u to %u arguments, %u given", name, min, max, argc);
}

static bool
check_count(struct hsl_machine *m, const struct hsl_proto *p, unsigned argc)
{
    unsigned max = p->rest ? UINT_MAX : (unsigned)p->required + p->optional;

    if (argc >= p->required && argc <= max)
        return true;
    return wrong_count(m, p->name, p->required, max, argc);
}

/* The arguments from args[fixed] on become one array. */
static bool
collect_rest(struct hsl_machine *m, struct hsl_value *args, unsigned fixed, unsigned argc,
    struct hsl_value *rest)
{
    struct hsl_arr *a = hsl_arr_new(&m->run, argc > fixed ? argc - fixed : 0);

    if (!a)
        return false;
    *rest = hsl_from_arr(a);
    for (unsigned i = fixed; i < argc; i++) {
        struct hsl_value v = args[i];

        args[i].type = HSL_NONE;
        if (!hsl_arr_push(&m->run, a, v)) {
            hsl_unref(&m->run, *rest);
            return false;
        }
    }
    return true;
}

/* Pushes a frame for function [fn], or one that captures nothing if NULL, of code [p]. Its
 * registers start at [at], with $this if it has one; [argc] arguments follow. */
static bool
enter_function(struct hsl_machine *m, const struct hsl_proto *p, const struct hsl_fn *fn,
    struct hsl_value *at, unsigned argc)
{
    unsigned fixed = (unsigned)p->required + p->optional;
    struct hsl_value rest = hsl_none(), *regs;

    if (!check_count(m, p, argc))
        return false;
    if (p->rest) {
        if (!collect_rest(m, at + p->has_self, fixed, argc, &rest))
            return false;
        argc = argc < fixed ? argc : fixed;
    }
    if (!hsl_vm_enter(m, p, at, p->has_self + argc)) {
        hsl_unref(&m->run, rest);
        return false;
    }
    regs = m->frame->regs;
    if (p->rest)
        regs[p->params - 1] = rest;
    for (unsigned i = 0; i < p->capture_count; i++) {
        struct hsl_value *v = &regs[p->params + i];

        v->u.cell = fn->captures[i];
        v->type = HSL_CELL;
        hsl_ref(*v);
    }
    return true;
}

/* --- Calling built-ins ------------------------------------------------------------------------ */

/* True if the arguments may be given to [c] as they are. */
static inline bool
args_fit(const struct hsl_callee *c, const struct hsl_value *args, unsigned argc)
{
    if (argc > HSL_CALLEE_ARGS)
        return false;
    for (unsigned i = 0; i < argc; i++) {
        if (!(c->want[i] >> args[i].type & 1) &&
            !((c->want[i] & HSL_WANT_REGEX) && args[i].type == HSL_OBJ &&
                args[i].u.obj->cls == &hsl_regex_class))
            return false;
    }
    return true;
}

bool
hsl_vm_builtin(struct hsl_machine *m, const struct hsl_callee *c, struct hsl_value *args,
    unsigned argc, struct hsl_value *out)
{
    if (!(args_fit(c, args, argc) ? c->row->fn(&m->run, args, argc, out)
                                  : hsl_lib_call(&m->run, c->row, args, argc, out)))
        return false;
    drop_values(&m->run, args, argc);
    return true;
}

/* Calls method [row] of the object in base[0]; the count in messages is without the object. */
static int
call_row(struct hsl_machine *m, const struct hsl_builtin *row, struct hsl_value *base,
    unsigned argc, struct hsl_value *out)
{
    unsigned min, max;

    hsl_lib_arity(row, &min, &max);
    if (argc + 1 < min || argc + 1 > max) {
        (void)wrong_count(m, row->name, min - 1, max == UINT_MAX ? max : max - 1, argc);
        return -1;
    }
    *out = hsl_none();
    if (!hsl_lib_call(&m->run, row, base, argc + 1, out))
        return -1;
    drop_values(&m->run, base, argc + 1);
    return 0;
}

/* --- Calling values --------------------------------------------------------------------------- */

/* What a function finds in $this: undefined if it is bound to nothing. */
static struct hsl_value
self_of(const struct hsl_fn *fn)
{
    return fn->self.type == HSL_OBJ ? hsl_ref(fn->self) : (struct hsl_value){.type = HSL_UNDEF};
}

/* The function is in base[0]; $this takes its place if it wants that. */
static int
call_user(struct hsl_machine *m, struct hsl_value *base, unsigned argc)
{
    struct hsl_value callee = base[0];
    const struct hsl_fn *fn = callee.u.fn;
    bool ok;

    if (plain_function(m, m->frame, base, base + 1, argc)) {
        (void)push_function(m, m->frame, fn, base + 1);
        hsl_drop(&m->run, base);
        return 1;
    }
    base[0] = fn->proto->has_self ? self_of(fn) : hsl_none();
    ok = enter_function(m, fn->proto, fn, base + !fn->proto->has_self, argc);
    hsl_unref(&m->run, callee);
    return ok ? 1 : -1;
}

static int
call_builtin_value(
    struct hsl_machine *m, struct hsl_value *base, unsigned argc, struct hsl_value *out)
{
    struct hsl_value callee = base[0];
    const struct hsl_fn *fn = callee.u.fn;

    if (fn->self.type != HSL_NONE) {
        base[0] = hsl_ref(fn->self);
        hsl_unref(&m->run, callee);
        return call_row(m, fn->builtin, base, argc, out);
    }
    *out = hsl_none();
    if (!hsl_lib_call(&m->run, fn->builtin, base + 1, argc, out))
        return -1;
    drop_values(&m->run, base, argc + 1);
    return 0;
}

/* The class is in base[0]; the new object takes its place. */
static int
call_class(struct hsl_machine *m, struct hsl_value *base, unsigned argc, struct hsl_value *out)
{
    const struct hsl_class *cls = base->u.fn->cls;
    const struct hsl_proto *constructor = cls->members->constructor;
    struct hsl_obj *o;

    if (!constructor && argc) {
        (void)wrong_count(m, cls->name, 0, 0, argc);
        return -1;
    }
    o = hsl_obj_make(&m->run, cls);
    if (!o)
        return -1;
    hsl_put(&m->run, base, (struct hsl_value){.u.obj = o, .type = HSL_OBJ});
    if (constructor)
        return enter_function(m, constructor, NULL, base, argc) ? 1 : -1;
    *out = *base;
    base->type = HSL_NONE;
    return 0;
}

int
hsl_vm_call_value(
    struct hsl_machine *m, struct hsl_value *base, unsigned argc, struct hsl_value *out)
{
    if (base->type == HSL_FN && base->u.fn->kind == HSL_FN_USER)
        return call_user(m, base, argc);
    if (base->type == HSL_FN && base->u.fn->kind == HSL_FN_BUILTIN)
        return call_builtin_value(m, base, argc, out);
    if (base->type == HSL_FN)
        return call_class(m, base, argc, out);
    (void)hsl_raise(&m->run, HSL_R08, "cannot call a value of type %s", hsl_type_name(base));
    return -1;
}

static int
unknown_method(struct hsl_machine *m, const struct hsl_str *name)
{
    (void)hsl_raise(&m->run, HSL_R08, "unknown method %.*s", (int)name->len, name->data);
    return -1;
}

/* Calls [v], whose count it takes, a property of the object in base[0]. A function that is bound to
 * nothing has that as its $this. */
static int
call_property(struct hsl_machine *m, struct hsl_value *base, struct hsl_value v, unsigned argc,
    struct hsl_value *out)
{
    bool ok;

    if (v.type != HSL_FN || v.u.fn->kind != HSL_FN_USER || !v.u.fn->proto->has_self ||
        v.u.fn->self.type == HSL_OBJ) {
        hsl_put(&m->run, base, v);
        return hsl_vm_call_value(m, base, argc, out);
    }
    ok = enter_function(m, v.u.fn->proto, v.u.fn, base, argc);
    hsl_unref(&m->run, v);
    return ok ? 1 : -1;
}

/* Calls member [found] of the class of the object in base[0]. */
static int
call_member(struct hsl_machine *m, struct hsl_value *base, const struct hsl_member *found,
    const struct hsl_str *name, unsigned argc, struct hsl_value *out)
{
    const struct hsl_class *from = m->frame->proto ? m->frame->proto->cls : NULL;
    struct hsl_obj *o = base->u.obj;
    struct hsl_value key = {.u.rc = (struct hsl_rc *)(uintptr_t)name, .type = HSL_STR}, v;

    if (found->kind == HSL_MEMBER_METHOD && (!found->is_private || from == o->cls))
        return enter_function(m, found->proto, NULL, base, argc) ? 1 : -1;
    if (!hsl_obj_get(&m->run, o, &key, from, &v))
        return -1;
    return call_property(m, base, v, argc, out);
}

int
hsl_vm_call_method(struct hsl_machine *m, struct hsl_value *base, const struct hsl_str *name,
    unsigned argc, struct hsl_value *out)
{
    const struct hsl_obj *o = base->u.obj;
    const struct hsl_member *found;
    const struct hsl_builtin *row;
    const struct hsl_value *v;

    if (base->type != HSL_OBJ)
        return unknown_method(m, name);
    found = o->cls->members ? hsl_member_find(o->cls->members, name) : NULL;
    if (found)
        return call_member(m, base, found, name, argc, out);
    v = o->props.type == HSL_ARR ? hsl_arr_getz(o->props.u.arr, name->data) : NULL;
    if (v)
        return call_property(m, base, hsl_ref(*v), argc, out);
    row = hsl_class_method(o->cls, name->data, name->len);
    return row ? call_row(m, row, base, argc, out) : unknown_method(m, name);
}

/* --- Spread ----------------------------------------------------------------------------------- */

/* Lays the elements of the array in base[1] out behind base[0], in a new segment if they need it.
 * The new base, or NULL: error set. */
static struct hsl_value *
lay_out(struct hsl_machine *m, struct hsl_value *base, unsigned *argc, unsigned *segments)
{
    struct hsl_value args = base[1], *to;
    const struct hsl_value *v;
    size_t pos = 0, n = hsl_arr_count(args.u.arr);

    to = make_room(m, base, n + 1, 1, segments);
    if (!to)
        return NULL;
    base[1].type = HSL_NONE;
    for (*argc = 0; hsl_arr_next(args.u.arr, &pos, NULL, &v); ++*argc)
        to[1 + *argc] = hsl_ref(*v);
    hsl_unref(&m->run, args);
    return to;
}

/* After a call of what lay_out() laid out. */
static int
laid_out_done(
    struct hsl_machine *m, struct hsl_value *base, unsigned argc, unsigned segments, int result)
{
    if (result > 0) {
        m->frame->segments = (uint16_t)(m->frame->segments + segments);
        return result;
    }
    drop_values(&m->run, base, (size_t)argc + 1);
    hsl_vm_leave_segments(m, segments);
    return result;
}

int
hsl_vm_call_spread(struct hsl_machine *m, struct hsl_value *base, struct hsl_value *out)
{
    unsigned argc, segments = 0;

    base = lay_out(m, base, &argc, &segments);
    if (!base)
        return -1;
    return laid_out_done(m, base, argc, segments, hsl_vm_call_value(m, base, argc, out));
}

int
hsl_vm_method_spread(struct hsl_machine *m, struct hsl_value *base, const struct hsl_str *name,
    struct hsl_value *out)
{
    unsigned argc, segments = 0;

    base = lay_out(m, base, &argc, &segments);
    if (!base)
        return -1;
    return laid_out_done(m, base, argc, segments, hsl_vm_call_method(m, base, name, argc, out));
}

/* --- Calls from built-ins ----------------------------------------------------------------------
 */

/* The frame on top was pushed for a call from C. */
static bool
run_entered(struct hsl_machine *m, struct hsl_value *out)
{
    bool ok;

    m->frame->kind = HSL_FRAME_ENTRY;
    m->frame->pc = m->frame->proto->code;
    m->native++;
    ok = hsl_vm_loop(m, out);
    m->native--;
    return ok;
}

/* Counts a call from C. */
static bool
may_call(struct hsl_machine *m)
{
    if (--m->ticks < 0 && !hsl_vm_tick(m))
        return false;
    if (m->native < HSL_NATIVE_MAX)
        return true;
    return hsl_limit(&m->run, HSL_L04, "call depth (%u) of callbacks exceeded", HSL_NATIVE_MAX);
}

bool
hsl_call(struct hsl_run *r, const struct hsl_value *fn, const struct hsl_value *args, unsigned argc,
    struct hsl_value *out)
{
    struct hsl_machine *m = r->machine;
    struct hsl_value *top = stack_top(m), *base;
    unsigned segments = 0;
    int result;

    if (!may_call(m))
        return false;
    if (plain_function(m, m->frame, fn, top, argc)) {
        for (unsigned i = 0; i < argc; i++) {
            hsl_copy(&top[i], &args[i]);
            hsl_ref(top[i]);
        }
        (void)push_function(m, m->frame, fn->u.fn, top);
        return run_entered(m, out);
    }
    base = argc < HSL_STACK_SLACK ? top : make_room(m, top, (size_t)argc + 1, 0, &segments);
    if (!base)
        return false;
    base[0] = hsl_ref(*fn);
    for (unsigned i = 0; i < argc; i++)
        base[1 + i] = hsl_ref(args[i]);
    result = laid_out_done(m, base, argc, segments, hsl_vm_call_value(m, base, argc, out));
    if (result > 0)
        return run_entered(m, out);
    return result == 0;
}

/* True if [o] has a function under [name] that anybody may call without arguments. */
static bool
can_call_method(const struct hsl_obj *o, const struct hsl_str *name)
{
    const struct hsl_member *found =
        o->cls->members ? hsl_member_find(o->cls->members, name) : NULL;
    const struct hsl_value *v;
    unsigned min, max;

    if (found)
        return found->kind == HSL_MEMBER_METHOD && !found->is_private &&
               found->proto->required == 0;
    v = o->props.type == HSL_ARR ? hsl_arr_getz(o->props.u.arr, name->data) : NULL;
    return v && hsl_call_arity(v, &min, &max) && min == 0;
}

bool
hsl_vm_call_plain(struct hsl_machine *m, struct hsl_obj *o, const char *name, struct hsl_value *out)
{
    struct hsl_str *s = hsl_str_newz(&m->run, name);
    struct hsl_value *base = stack_top(m);
    bool can;
    int result = -1;

    out->type = HSL_UNDEF;
    if (!s)
        return false;
    (void)hsl_str_hash(s);
    can = can_call_method(o, s);
    if (can && may_call(m)) {
        base[0] = hsl_ref((struct hsl_value){.u.obj = o, .type = HSL_OBJ});
        result = laid_out_done(m, base, 0, 0, hsl_vm_call_method(m, base, s, 0, out));
    }
    hsl_unref(&m->run, hsl_from_str(s));
    if (result > 0)
        return run_entered(m, out);
    return !can || result == 0;
}

bool
hsl_obj_text(struct hsl_run *r, struct hsl_obj *o, struct hsl_value *out)
{
    return hsl_vm_call_plain(r->machine, o, "toString", out);
}

bool
hsl_call_arity(const struct hsl_value *fn, unsigned *min, unsigned *max)
{
    const struct hsl_fn *f = fn->u.fn;
    const struct hsl_proto *p;

    if (fn->type != HSL_FN)
        return false;
    if (f->kind == HSL_FN_BUILTIN) {
        hsl_lib_arity(f->builtin, min, max);
        if (f->self.type != HSL_NONE) {
            --*min;
            *max -= *max != UINT_MAX;
        }
        return true;
    }
    p = f->kind == HSL_FN_CLASS ? f->cls->members->constructor : f->proto;
    *min = p ? p->required : 0;
    *max = p && p->rest ? UINT_MAX : *min + (p ? p->optional : 0u);
    return true;
}

/* --- Closures ----------------------------------------------------------------------------------
 */

bool
hsl_vm_closure(struct hsl_machine *m, const struct hsl_proto *p, const struct hsl_frame *f,
    struct hsl_value *out)
{
    struct hsl_fn *fn;

    for (unsigned i = 0; i < p->capture_count; i++) {
        if (!hsl_vm_box(m, &f->regs[p->captures[i]]))
            return false;
    }
    fn = hsl_heap_alloc(&m->run.heap, sizeof(*fn) + p->capture_count * sizeof(fn->captures[0]));
    if (!fn)
        return hsl_raise_memory(&m->run);
    *fn = (struct hsl_fn){
        .rc = {1}, .kind = HSL_FN_USER, .capture_count = p->capture_count, .proto = p};
    if (p->has_self && f->proto->has_self)
        fn->self = hsl_ref(f->regs[0]);
    for (unsigned i = 0; i < p->capture_count; i++) {
        fn->captures[i] = f->regs[p->captures[i]].u.cell;
        hsl_rc_ref(&fn->captures[i]->rc);
    }
    *out = (struct hsl_value){.u.fn = fn, .type = HSL_FN};
    return true;
}
