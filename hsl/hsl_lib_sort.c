/* hsl_lib_sort.c - array_sort (library §4): a stable merge sort that asks a callback.
 *
 * Merging from below, in passes of growing width between two vectors of entries. Every pass looks
 * at each entry once, whatever the callback answers, so a callback that contradicts itself gives
 * some order but neither a crash nor an endless loop. The right run's entry goes first only if
 * less(right, left): equal entries keep their order. Two runs that are in order already are found
 * so by one question; it is not asked for the shortest, where it would cost more than it saves.
 *
 * Not here: the other array built-ins (hsl_lib_arr.c). Threads: as the run.
 * Fails: limits, and what the callback throws. */
#include "config.h"

#include "hsl/hsl_lib_arr.h"

#include "hsl/hsl_arr.h"

#define ORDERED_MIN 8 /* entries of a run from which on it is asked whether two are in order */

bool
hsl_pairs_get(struct hsl_run *r, const struct hsl_arr *a, struct hsl_pairs *e)
{
    const struct hsl_value *v;
    size_t pos = 0, i = 0;

    e->of = a;
    e->count = hsl_arr_count(a);
    e->items = NULL;
    if (e->count == 0)
        return true;
    e->items = hsl_heap_alloc(&r->heap, e->count * sizeof(*e->items));
    if (!e->items)
        return hsl_raise_memory(r);
    while (i < e->count && hsl_arr_next(a, &pos, NULL, &v))
        e->items[i++] = (struct hsl_pair){pos - 1, *v};
    e->count = i;
    return true;
}

/* Its key as a script sees it; lent. */
static struct hsl_value
key_of(const struct hsl_arr *a, const struct hsl_pair *pair)
{
    struct hsl_str *text;
    int64_t key;

    return hsl_arr_key_at(a, pair->place, &key, &text) ? hsl_num((double)key) : hsl_from_str(text);
}

bool
hsl_pairs_put(struct hsl_run *r, const struct hsl_pairs *e, bool keep_keys, struct hsl_value *out)
{
    struct hsl_arr *a = hsl_arr_new(r, e->count);

    if (!a)
        return false;
    *out = hsl_from_arr(a);
    for (size_t i = 0; i < e->count; i++) {
        const struct hsl_pair *n = &e->items[i];
        bool ok;

        if (!keep_keys && key_of(e->of, n).type == HSL_NUM)
            ok = hsl_arr_push(r, a, hsl_ref(n->value));
        else
            ok = hsl_arr_set_like(r, a, e->of, n->place, hsl_ref(n->value));
        if (!ok || !hsl_work(r, 32))
            return false;
    }
    return true;
}

void
hsl_pairs_fini(struct hsl_run *r, struct hsl_pairs *e)
{
    hsl_heap_free(&r->heap, e->items, e->count * sizeof(*e->items));
    e->items = NULL;
}

struct sorter {
    struct hsl_run *run;
    const struct hsl_value *less;
    const struct hsl_arr *of; /* what is sorted */
    bool by_key;
};

/* less([a], [b]) into *yes. */
static bool
ask_less(const struct sorter *s, const struct hsl_pair *a, const struct hsl_pair *b, bool *yes)
{
    struct hsl_value pair[2], answer = hsl_none();

    pair[0] = s->by_key ? key_of(s->of, a) : a->value;
    pair[1] = s->by_key ? key_of(s->of, b) : b->value;
    if (!hsl_call(s->run, s->less, pair, 2, &answer))
        return false;
    *yes = answer.type == HSL_BOOL ? answer.u.b : hsl_truth(&answer);
    hsl_unref(s->run, answer);
    return true;
}

/* Merges from[first..mid) and from[mid..last) to to[first..last). */
static bool
merge(const struct sorter *s, const struct hsl_pair *from, struct hsl_pair *to, size_t first,
    size_t mid, size_t last)
{
    size_t left = first, right = mid;
    bool swap = true;

    if (mid - first >= ORDERED_MIN && mid < last && !ask_less(s, &from[mid], &from[mid - 1], &swap))
        return false;
    if (!swap) {
        memcpy(&to[first], &from[first], (last - first) * sizeof(*to));
        return true;
    }
    for (size_t i = first; i < last; i++) {
        if (left == mid) {
            swap = true;
        } else if (right == last) {
            swap = false;
        } else if (!ask_less(s, &from[right], &from[left], &swap)) {
            return false;
        }
        to[i] = swap ? from[right++] : from[left++];
    }
    return true;
}

/* Sorts items[0..count) with [spare] as much again; the result is in *sorted, one of the two. */
static bool
sort(const struct sorter *s, struct hsl_pair *items, struct hsl_pair *spare, size_t count,
    struct hsl_pair **sorted)
{
    struct hsl_pair *from = items, *to = spare;

    for (size_t width = 1; width < count; width *= 2) {
        struct hsl_pair *swap = from;

        for (size_t first = 0; first < count; first += 2 * width) {
            size_t mid = first + width < count ? first + width : count;
            size_t last = mid + width < count ? mid + width : count;

            if (!merge(s, from, to, first, mid, last))
                return false;
        }
        from = to;
        to = swap;
    }
    *sorted = from;
    return true;
}

bool
hsl_lib_array_sort(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct sorter s = {.run = r, .less = &args[0], .of = args[1].u.arr};
    struct hsl_pairs e, result;
    struct hsl_pair *spare;
    bool ok;

    if (!hsl_opt_bool(r, "array_sort", 3, argc > 2 ? &args[2] : NULL, "keys", &s.by_key) ||
        !hsl_pairs_get(r, args[1].u.arr, &e))
        return false;
    result = e;
    spare = hsl_heap_alloc(&r->heap, (e.count + 1) * sizeof(*spare));
    if (spare)
        ok = sort(&s, e.items, spare, e.count, &result.items);
    else
        ok = hsl_raise_memory(r);
    ok = ok && hsl_pairs_put(r, &result, true, out);
    hsl_heap_free(&r->heap, spare, (e.count + 1) * sizeof(*spare));
    hsl_pairs_fini(r, &e);
    return ok;
}
