/* pol_ctl.c - answers to what the control socket is asked.
 * Not here: the socket (lib/ut_ctl.c), the command (ctl/ctl_rate.c).
 * Threads: one for each client. Fails: an answer ends with the text of what went wrong. */
#include "config.h"

#include "policyd/pol_ctl.h"

#include <stdio.h>
#include <string.h>

#include "hsl/hsl_rate.h"
#include "hsl/hsl_value.h"
#include "lib/ut_time.h"

#define ANSWER_MAX ((size_t)256 * 1024)
#define LIST_MAX ((size_t)256 << 20) /* bytes of all windows in a list */

struct asked {
    const struct pol_ctl *ctl;
    const struct ut_attr_list *request;
    struct ut_ctl_client *client;
    struct ut_diag *d;
};

static int
answer(const struct asked *a, const struct ut_sbuf *b)
{
    if (ut_ctl_record(a->client, b) == 0)
        return 0;
    return ut_diag_set(a->d, "the answer could not be sent");
}

/* --- status ----------------------------------------------------------------------------------- */

static int
status(const struct asked *a)
{
    const struct pol_ctl *c = a->ctl;
    struct pol_keep_status kept;
    struct ut_sbuf b;
    int result;

    pol_keep_status(c->keep, &kept);
    ut_sbuf_init(&b, ANSWER_MAX);
    ut_attr_addi(&b, "uptime", (long long)(ut_time_mono() - c->started));
    ut_attr_addi(&b, "clients", ut_serve_count(c->serve));
    ut_attr_addi(&b, "requests", (long long)atomic_load(&c->state->requests));
    ut_attr_addi(&b, "refused", (long long)atomic_load(&c->state->refused));
    ut_attr_addi(&b, "barriers_held", atomic_load(&c->state->held));
    ut_attr_addi(
        &b, "rate_memory", (long long)hsl_rate_memory(hsl_share_local_rates(c->state->share)));
    ut_attr_addi(&b, "records_written", (long long)kept.records);
    if (kept.trouble[0])
        ut_attr_addz(&b, "trouble", kept.trouble);
    result = answer(a, &b);
    ut_sbuf_fini(&b);
    return result;
}

/* --- rate-list, rate-reset -------------------------------------------------------------------- */

/* Which windows are wanted, and what was found: lists one behind the other, each with its length.
 */
struct wanted {
    struct hsl_text space, entry; /* p NULL: any */
    struct hsl_text network;      /* what the entry counts as, if that is something else */
    char buf[HSL_SHARE_ENTRY_TEXT];
    struct ut_sbuf found, one;
};

static bool
is_same(const struct hsl_text *a, const struct hsl_text *b)
{
    return a->p && a->len == b->len && memcmp(a->p, b->p, b->len) == 0;
}

static bool
is_wanted(const struct wanted *w, const struct hsl_rate_window *r)
{
    if (w->space.p && !is_same(&w->space, &r->space))
        return false;
    return !w->entry.p || is_same(&w->entry, &r->entry) || is_same(&w->network, &r->entry);
}

/* hsl_rate_fn: under the table's lock, so nothing is sent here. */
static bool
collect(void *arg, const struct hsl_rate_window *r)
{
    struct wanted *w = arg;
    char seconds[HSL_NUM_TEXT_MAX];

    if (r->events <= 0 || !is_wanted(w, r))
        return true;
    ut_sbuf_reset(&w->one);
    ut_attr_add(&w->one, "namespace", r->space.p, r->space.len);
    ut_attr_add(&w->one, "entry", r->entry.p, r->entry.len);
    ut_attr_addi(&w->one, "events", (long long)r->events);
    (void)hsl_num_to_text(r->interval, seconds);
    ut_attr_addz(&w->one, "interval", seconds);
    ut_sbuf_add(&w->found, &w->one.len, sizeof(w->one.len));
    ut_sbuf_add(&w->found, w->one.data, w->one.len);
    return !w->found.failed;
}

static int
send_found(const struct asked *a, struct wanted *w)
{
    const char *at = ut_sbuf_text(&w->found), *end = at + w->found.len;
    size_t len;

    while (at < end) {
        memcpy(&len, at, sizeof(len));
        at += sizeof(len);
        ut_sbuf_reset(&w->one);
        ut_sbuf_add(&w->one, at, len);
        at += len;
        if (answer(a, &w->one) != 0)
            return -1;
    }
    return 0;
}

static void
read_wanted(const struct asked *a, struct wanted *w)
{
    *w = (struct wanted){.space = {NULL, 0}};
    w->space.p = ut_attr_get(a->request, "namespace", &w->space.len);
    w->entry.p = ut_attr_get(a->request, "entry", &w->entry.len);
    if (w->entry.p)
        w->network = hsl_share_local_entry(a->ctl->state->share, &w->entry, w->buf);
    if (is_same(&w->network, &w->entry))
        w->network.p = NULL;
    ut_sbuf_init(&w->found, LIST_MAX);
    ut_sbuf_init(&w->one, ANSWER_MAX);
}

static int
rate_list(const struct asked *a)
{
    struct hsl_share *share = a->ctl->state->share;
    struct wanted w;
    int result;

    read_wanted(a, &w);
    hsl_rate_each(hsl_share_local_rates(share), 0, hsl_share_local_now(share), collect, &w);
    if (w.found.failed)
        result = ut_diag_set(a->d, "there are too many; name a namespace");
    else
        result = send_found(a, &w);
    ut_sbuf_fini(&w.found);
    ut_sbuf_fini(&w.one);
    return result;
}

static int
rate_reset(const struct asked *a)
{
    struct hsl_share *share = a->ctl->state->share;
    struct hsl_rate_table *rates = hsl_share_local_rates(share);
    double now = hsl_share_local_now(share);
    struct wanted w;
    size_t count;
    int result;

    read_wanted(a, &w);
    if (!w.space.p)
        return ut_diag_set(a->d, "which namespace is missing");
    count = hsl_rate_reset(rates, &w.space, w.entry.p ? &w.entry : NULL, now);
    if (w.network.p)
        count += hsl_rate_reset(rates, &w.space, &w.network, now);
    ut_attr_addi(&w.one, "reset", (long long)count);
    result = answer(a, &w.one);
    ut_sbuf_fini(&w.one);
    return result;
}

/* --- All of them ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    int (*fn)(const struct asked *a);
} requests[] = {
    {"status", status},
    {"rate-list", rate_list},
    {"rate-reset", rate_reset},
};

int
pol_ctl_handle(
    void *arg, const struct ut_attr_list *request, struct ut_ctl_client *client, struct ut_diag *d)
{
    struct asked a = {arg, request, client, d};
    const char *name = ut_attr_get(request, "request", NULL);

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        if (strcmp(requests[i].name, name) == 0)
            return requests[i].fn(&a);
    return ut_diag_set(d, "%s does not know the request %.64s", POL_SELF, name);
}
