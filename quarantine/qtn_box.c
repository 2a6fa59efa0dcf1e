/* qtn_box.c - open the quarantines that a configuration names.
 * Not here: what is in them (qtn_store.c). Threads: the reference count is atomic.
 * Fails: on folders that cannot be used, with the section's place in the configuration. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quarantine/qtn_box.h"

static void
close_box(struct qtn_box *b)
{
    for (size_t i = 0; i < b->stuck_count; i++)
        free(b->stuck[i]);
    qtn_store_close(b->store);
    free(b->ref);
}

static int
open_box(struct qtn_box *b, const struct ut_conf *conf, const struct ut_conf_mailquarantine *q,
    struct ut_diag *d)
{
    struct ut_sbuf dir;
    struct ut_diag why;
    int result = -1;

    ut_sbuf_init(&dir, QTN_PATH_MAX);
    ut_conf_quarantine_dir(conf, q, &dir);
    b->retention = q->retention;
    if (asprintf(&b->ref, "mailquarantine:%s", q->id) < 0) {
        b->ref = NULL;
        ut_diag_set(d, "no memory to open the quarantines");
    } else if (qtn_store_open(&b->store, ut_sbuf_text(&dir), &why) != QTN_OK) {
        ut_diag_at(d, conf->path, q->line, 0, "%s: %s", b->ref, why.text);
    } else {
        result = 0;
    }
    ut_sbuf_fini(&dir);
    return result;
}

/* Two sections that share a folder would each take the other's messages. */
static int
check_shared(const struct qtn_boxes *b, const struct qtn_box *new, unsigned line, struct ut_diag *d)
{
    for (const struct qtn_box *old = b->items; old < new; old++)
        if (strcmp(qtn_store_directory(old->store), qtn_store_directory(new->store)) == 0)
            return ut_diag_at(d, b->conf->path, line, 0,
                "%s has the same directory as %s; give it one of its own", new->ref, old->ref);
    return 0;
}

struct qtn_boxes *
qtn_boxes_open(struct ut_conf *conf, struct ut_diag *d)
{
    struct qtn_boxes *b = calloc(1, sizeof(*b));
    size_t count = conf->mailquarantine_count;

    if (b)
        b->items = calloc(count ? count : 1, sizeof(*b->items));
    if (!b || !b->items) {
        free(b);
        ut_diag_set(d, "no memory to open the quarantines");
        return NULL;
    }
    b->conf = ut_conf_ref(conf);
    b->refs = 1;
    for (size_t i = 0; i < count; i++) {
        const struct ut_conf_mailquarantine *q = &conf->mailquarantines[i];

        b->count++;
        if (open_box(&b->items[i], conf, q, d) < 0 ||
            check_shared(b, &b->items[i], q->line, d) < 0) {
            qtn_boxes_unref(b);
            return NULL;
        }
    }
    return b;
}

struct qtn_boxes *
qtn_boxes_ref(struct qtn_boxes *b)
{
    __atomic_add_fetch(&b->refs, 1, __ATOMIC_RELAXED);
    return b;
}

void
qtn_boxes_unref(struct qtn_boxes *b)
{
    if (!b || __atomic_sub_fetch(&b->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    for (size_t i = 0; i < b->count; i++)
        close_box(&b->items[i]);
    ut_conf_unref(b->conf);
    free(b->items);
    free(b);
}

struct qtn_box *
qtn_boxes_get(const struct qtn_boxes *b, const char *ref)
{
    for (size_t i = 0; i < b->count; i++)
        if (strcmp(b->items[i].ref, ref) == 0)
            return &b->items[i];
    return NULL;
}
