/* mlt_edit.c - header edits: a view of the headers for a run, and the list of changes it left.
 * Not here: sending the changes (mlt_apply.c), encoding and folding of values (the language).
 * Threads: one at a time. Fails: out of the arena.
 *
 * The order of changes. The mail server finds a header by its name and a number that counts equal
 * names from the top, and a header deleted or inserted shifts the numbers of those below it. So
 * the list goes from the bottom of the message to its top, and the new headers, all of which go to
 * the top, come last: no change moves a header that a later one names. The view keeps its items in
 * the same order, bottom first, so that adding a header is appending an item and the list of
 * changes is one walk over the view. */
#include "config.h"

#include "milter/mlt_edit.h"

#include <string.h>
#include <strings.h>

/* FNV-1a, 64 bits: lists are compared by it first. */
static uint64_t
hash_bytes(uint64_t h, const void *p, size_t len)
{
    const unsigned char *s = p;

    for (size_t i = 0; i < len; i++)
        h = (h ^ s[i]) * 0x100000001b3ULL;
    return h;
}

static uint64_t
hash_edit(uint64_t h, const struct mlt_edit *e)
{
    h = hash_bytes(h, &e->op, sizeof(e->op));
    h = hash_bytes(h, e->name, strlen(e->name) + 1);
    if (e->op != MLT_EDIT_INSERT)
        h = hash_bytes(h, &e->orig, sizeof(e->orig));
    return e->value ? hash_bytes(h, e->value, strlen(e->value) + 1) : h;
}

static bool
same_edit(const struct mlt_edit *a, const struct mlt_edit *b)
{
    if (a->op != b->op || strcmp(a->name, b->name) != 0)
        return false;
    if (a->op != MLT_EDIT_INSERT && a->orig != b->orig)
        return false;
    return a->value ? strcmp(a->value, b->value) == 0 : true;
}

bool
mlt_edits_same(const struct mlt_edits *a, const struct mlt_edits *b)
{
    if (a == b)
        return true;
    if (!a || !b || a->hash != b->hash || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!same_edit(&a->items[i], &b->items[i]))
            return false;
    }
    return true;
}

/* Appends [len] bytes, each LF as CR LF. */
static void
add_crlf(struct ut_sbuf *out, const char *p, size_t len)
{
    const char *end = p + len;

    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));

        if (!lf) {
            ut_sbuf_add(out, p, (size_t)(end - p));
            return;
        }
        ut_sbuf_add(out, p, (size_t)(lf - p) - (lf > p && lf[-1] == '\r' ? 1 : 0));
        ut_sbuf_add(out, "\r\n", 2);
        p = lf + 1;
    }
}

static void
write_header(struct ut_sbuf *out, const char *name, const char *value, size_t len, bool blank)
{
    ut_sbuf_addz(out, name);
    ut_sbuf_addz(out, blank ? ": " : ":");
    add_crlf(out, value, len);
    ut_sbuf_add(out, "\r\n", 2);
}

void
mlt_edits_write(const struct mlt_header *headers, size_t count, const struct mlt_edits *edits,
    const char *without, struct ut_sbuf *out)
{
    const struct mlt_edit *e = edits ? edits->items + edits->count : NULL;
    const struct mlt_edit *first = edits ? edits->items : NULL;

    while (e > first && e[-1].op == MLT_EDIT_INSERT) {
        e--;
        if (!without || strcasecmp(e->name, without) != 0)
            write_header(out, e->name, e->value, strlen(e->value), true);
    }
    for (size_t i = 0; i < count; i++) {
        const struct mlt_edit *edit = e > first && e[-1].orig == i ? --e : NULL;

        if ((edit && edit->op == MLT_EDIT_DELETE) ||
            (without && strcasecmp(headers[i].name, without) == 0))
            continue;
        if (edit)
            write_header(out, headers[i].name, edit->value, strlen(edit->value), true);
        else
            write_header(out, headers[i].name, headers[i].value, headers[i].len, false);
    }
}

/* --- The view --------------------------------------------------------------------------------- */

void
mlt_view_init(
    struct mlt_view *v, struct ut_arena *arena, const struct mlt_header *headers, size_t count)
{
    memset(v, 0, sizeof(*v));
    v->arena = arena;
    v->headers = headers;
    v->header_count = count;
}

static size_t
view_count(const struct mlt_view *v)
{
    return v->items ? v->count : v->header_count;
}

/* Item [i] from the top. */
static void
view_item(const struct mlt_view *v, size_t i, struct mlt_view_item *item)
{
    if (v->items) {
        *item = v->items[v->count - 1 - i];
        return;
    }
    item->name = v->headers[i].name;
    item->value = v->headers[i].value;
    item->len = v->headers[i].len;
    item->orig = (long)i;
    item->changed = false;
}

/* Cuts blanks off the front of a value as received. */
static void
skip_blanks(const char **value, size_t *len)
{
    while (*len > 0 && (**value == ' ' || **value == '\t')) {
        (*value)++;
        (*len)--;
    }
}

bool
mlt_view_get(const struct mlt_view *v, const char *name, size_t index, struct ut_sbuf *out)
{
    struct mlt_view_item item;

    ut_sbuf_reset(out);
    for (size_t i = 0; i < view_count(v); i++) {
        view_item(v, i, &item);
        if (name && strcasecmp(item.name, name) != 0)
            continue;
        if (index-- > 0)
            continue;
        if (!name) {
            ut_sbuf_addz(out, item.name);
            ut_sbuf_addz(out, ": ");
        }
        skip_blanks(&item.value, &item.len);
        add_crlf(out, item.value, item.len);
        return true;
    }
    return false;
}

/* Makes room for one item more; the first time the items are made from the headers. */
static int
view_grow(struct mlt_view *v)
{
    size_t cap = v->items ? v->cap * 2 : v->header_count + 8;
    struct mlt_view_item *items;

    if (v->items && v->count < v->cap)
        return 0;
    items = ut_arena_calloc(v->arena, cap, sizeof(*items));
    if (!items)
        return -1;
    if (v->items) {
        memcpy(items, v->items, v->count * sizeof(*items));
    } else {
        for (size_t i = 0; i < v->header_count; i++)
            view_item(v, i, &items[v->header_count - 1 - i]);
        v->count = v->header_count;
    }
    v->items = items;
    v->cap = cap;
    return 0;
}

/* A copy of [a] and [b] together, CR LF as LF; NULL without memory. */
static char *
join(struct ut_arena *arena, const char *a, size_t alen, const char *b, size_t blen, size_t *len)
{
    char *text = alen < SIZE_MAX - 1 - blen ? ut_arena_alloc(arena, alen + blen + 1) : NULL;
    size_t n = 0;

    if (!text)
        return NULL;
    for (size_t i = 0; i < alen + blen; i++) {
        char c = i < alen ? a[i] : b[i - alen];

        if (c != '\r' && c != '\0')
            text[n++] = c;
    }
    text[n] = '\0';
    *len = n;
    return text;
}

static long
edit_add(struct mlt_view *v, const char *name, const char *value, size_t len)
{
    struct mlt_view_item *item;

    if (view_grow(v) != 0)
        return -1;
    item = &v->items[v->count];
    item->name = ut_arena_dup(v->arena, name, strlen(name));
    item->value = join(v->arena, value, len, "", 0, &item->len);
    if (!item->name || !item->value)
        return -1;
    item->orig = -1;
    item->changed = true;
    v->count++;
    return 1;
}

/* Removes all of [name] below item [from] (counted from the bottom; v->count: all of them). */
static long
remove_below(struct mlt_view *v, const char *name, size_t from)
{
    size_t kept = 0;
    long gone = 0;

    for (size_t i = 0; i < v->count; i++) {
        if (i < from && strcasecmp(v->items[i].name, name) == 0)
            gone++;
        else
            v->items[kept++] = v->items[i];
    }
    v->count = kept;
    return gone;
}

/* SET, PREPEND, APPEND: gives the topmost of [name] a new value; with SET the others go. */
static long
edit_change(
    struct mlt_view *v, enum hsl_header_op op, const char *name, const char *value, size_t len)
{
    struct mlt_view_item *item;
    const char *old;
    char *text;
    size_t old_len;
    size_t i = v->count;

    while (i > 0 && strcasecmp(v->items[i - 1].name, name) != 0)
        i--;
    if (i == 0)
        return edit_add(v, name, value, len);
    item = &v->items[i - 1];
    old = item->value;
    old_len = item->len;
    skip_blanks(&old, &old_len);
    if (op == HSL_HEADER_SET)
        text = join(v->arena, value, len, "", 0, &item->len);
    else if (op == HSL_HEADER_PREPEND)
        text = join(v->arena, value, len, old, old_len, &item->len);
    else
        text = join(v->arena, old, old_len, value, len, &item->len);
    if (!text)
        return -1;
    item->value = text;
    item->changed = true;
    return op == HSL_HEADER_SET ? 1 + remove_below(v, name, i - 1) : 1;
}

long
mlt_view_edit(struct mlt_view *v, enum hsl_header_op op, const char *name, const char *value,
    size_t len, struct ut_diag *why)
{
    long n = -1;

    if (view_grow(v) == 0) {
        if (op == HSL_HEADER_ADD)
            n = edit_add(v, name, value, len);
        else if (op == HSL_HEADER_DEL)
            n = remove_below(v, name, v->count);
        else
            n = edit_change(v, op, name, value, len);
    }
    if (n < 0)
        return ut_diag_set(why, "out of memory for header edits of this message");
    if (n > 0)
        v->edits++;
    return n;
}

long
mlt_view_discard(struct mlt_view *v)
{
    long n = v->edits;

    v->items = NULL;
    v->count = v->cap = 0;
    v->edits = 0;
    return n;
}

/* --- The list of changes ---------------------------------------------------------------------- */

/* A value that came back to what it was is no change. */
static bool
is_change(const struct mlt_view *v, const struct mlt_view_item *item)
{
    const struct mlt_header *h = &v->headers[item->orig];
    const char *value = h->value;
    size_t len = h->len;

    if (!item->changed)
        return false;
    skip_blanks(&value, &len);
    return item->len != len || memcmp(item->value, value, len) != 0;
}

static void
push(struct mlt_edits *list, const struct mlt_edit *e)
{
    list->items[list->count++] = *e;
    list->hash = hash_edit(list->hash, e);
}

static void
push_orig(struct mlt_edits *list, const struct mlt_view *v, size_t orig, const char *value)
{
    struct mlt_edit e = {value ? MLT_EDIT_CHANGE : MLT_EDIT_DELETE, v->headers[orig].name, value,
        orig, v->headers[orig].nth};

    push(list, &e);
}

int
mlt_view_edits(const struct mlt_view *v, const struct mlt_edits **out)
{
    struct mlt_edits *list;
    size_t next = v->header_count; /* headers as received from here on are dealt with */

    *out = NULL;
    if (!v->items)
        return 0;
    list = ut_arena_calloc(v->arena, 1, sizeof(*list));
    if (!list)
        return -1;
    list->items = ut_arena_calloc(v->arena, v->count + v->header_count + 1, sizeof(*list->items));
    if (!list->items)
        return -1;
    list->hash = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < v->count; i++) {
        const struct mlt_view_item *item = &v->items[i];

        if (item->orig < 0)
            continue;
        while (next > (size_t)item->orig + 1)
            push_orig(list, v, --next, NULL);
        next = (size_t)item->orig;
        if (is_change(v, item))
            push_orig(list, v, next, item->value);
    }
    while (next > 0)
        push_orig(list, v, --next, NULL);
    for (size_t i = 0; i < v->count; i++) {
        struct mlt_edit e = {MLT_EDIT_INSERT, v->items[i].name, v->items[i].value, 0, 0};

        if (v->items[i].orig < 0)
            push(list, &e);
    }
    if (list->count > 0)
        *out = list;
    return 0;
}
