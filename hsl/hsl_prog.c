/* hsl_prog.c - a compiled program's life, and where in the source its instructions are.
 *
 * Not here: making one (hsl_code.c), printing one (hsl_dis.c).
 * Threads: any; only the count changes. Fails: hsl_prog_new() without memory. */
#include "config.h"

#include "hsl/hsl_prog.h"

#include <stdlib.h>

#include "hsl/hsl.h"
#include "hsl/hsl_arr.h"

struct hsl_prog *
hsl_prog_new(void)
{
    struct ut_arena *arena = ut_arena_new(0);
    struct hsl_prog *p = arena ? ut_arena_calloc(arena, 1, sizeof(*p)) : NULL;
    struct hsl_run *consts = p ? calloc(1, sizeof(*consts)) : NULL;

    if (!consts) {
        ut_arena_free(arena);
        return NULL;
    }
    hsl_limits_default(&consts->limits);
    hsl_heap_init(&consts->heap, consts->limits.max_memory);
    atomic_init(&p->refs, 1);
    p->arena = arena;
    p->consts = consts;
    return p;
}

struct hsl_prog *
hsl_prog_ref(struct hsl_prog *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void
hsl_prog_unref(struct hsl_prog *p)
{
    while (p && atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1) {
        struct hsl_prog *before = p->before;

        hsl_obj_finish_all(p->consts); /* patterns */
        hsl_heap_fini(&p->consts->heap);
        free(p->consts);
        ut_arena_free(p->arena);
        p = before;
    }
}

bool
hsl_prog_is_modern(const struct hsl_prog *p)
{
    return p->modern;
}

bool
hsl_prog_mentions(const struct hsl_prog *p, const char *name)
{
    for (uint32_t i = 0; i < p->mention_count; i++) {
        if (strcmp(p->mentions[i], name) == 0)
            return true;
    }
    return false;
}

bool
hsl_prog_source(const struct hsl_prog *p, size_t i, const char **name, const char **path)
{
    if (i >= p->path_count)
        return false;
    *name = p->files[p->file_count - p->path_count + i];
    *path = p->paths[i];
    return true;
}

long
hsl_prog_predef(const struct hsl_prog *p, const char *name)
{
    for (uint32_t i = 0; i < p->predef_count; i++) {
        if (strcmp(p->predefs[i].name, name) == 0)
            return (long)i;
    }
    return -1;
}

const char *
hsl_fn_name(const struct hsl_fn *fn)
{
    if (fn->kind == HSL_FN_CLASS)
        return fn->cls->name;
    return fn->kind == HSL_FN_USER ? fn->proto->name : fn->builtin->name;
}

/* --- Constants ------------------------------------------------------------------------------- */

static void
freeze_arr(struct hsl_arr *a)
{
    struct hsl_value key;
    const struct hsl_value *v;
    size_t pos = 0;

    while (hsl_arr_next(a, &pos, &key, &v)) {
        hsl_prog_freeze(key);
        hsl_prog_freeze(*v);
    }
}

/* Recursion is bounded by the nesting of the source. */
void
hsl_prog_freeze(struct hsl_value v)
{
    if (!hsl_is_counted(&v) || (v.u.rc->refs & HSL_RC_STATIC))
        return;
    if (v.type == HSL_STR)
        (void)hsl_str_hash(v.u.str);
    if (v.type == HSL_ARR)
        freeze_arr(v.u.arr);
    v.u.rc->refs = HSL_RC_STATIC;
}

/* --- Positions ------------------------------------------------------------------------------- */

/* The last entry at or before [pc], or NULL. */
static const struct hsl_line *
find_line(const struct hsl_line *lines, uint32_t count, uint32_t pc)
{
    uint32_t from = 0, to = count;

    while (from < to) {
        uint32_t mid = from + (to - from) / 2;

        if (lines[mid].pc <= pc)
            from = mid + 1;
        else
            to = mid;
    }
    return from ? &lines[from - 1] : NULL;
}

static void
to_place(const struct hsl_prog *prog, const struct hsl_line *l, struct hsl_place *place)
{
    *place = (struct hsl_place){prog->files[l->file], l->line, l->column};
}

void
hsl_prog_place(
    const struct hsl_prog *prog, const struct hsl_proto *p, uint32_t pc, struct hsl_place *place)
{
    const struct hsl_line *l = find_line(p->lines, p->line_count, pc);

    if (l)
        to_place(prog, l, place);
    else
        *place = (struct hsl_place){"", 0, 0};
}

bool
hsl_prog_loop_place(
    const struct hsl_prog *prog, const struct hsl_proto *p, uint32_t pc, struct hsl_place *place)
{
    const struct hsl_line *l = find_line(p->loops, p->loop_count, pc);

    if (!l || l->pc != pc)
        return false;
    to_place(prog, l, place);
    return true;
}
