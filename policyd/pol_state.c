/* pol_state.c - answers what is asked on the state socket.
 *
 * One thread for each connection, which waits for barriers right here: a client has sent a request
 * and waits too. While waiting it looks now and then whether the client is still there.
 *
 * Not here: the store (hsl/hsl_share.c), its file (pol_keep.c), accepting (lib/ut_serve.c).
 * Threads: one per client. Fails: a client that sends nonsense is told so and cut off. */
#include "config.h"

#include "policyd/pol_state.h"

#include <math.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/ut_sock.h"
#include "lib/ut_time.h"
#include "policyd/pol_wire.h"

#define SLOW 30.0       /* seconds for the rest of a request, or to read an answer */
#define FOR_EVER 1e9    /* seconds between requests */
#define WAIT_MAX 3600.0 /* seconds for a barrier */
#define LOOK_EVERY 0.25 /* seconds between looks at a client that waits */

struct held {
    void *lock;
    size_t name_len;
    char name[HSL_SHARE_NAME_MAX];
};

/* A connection. */
struct session {
    struct pol_state *state;
    struct hsl_share *share;
    int fd;
    struct ut_attr_parser parser;
    struct ut_sbuf out;   /* the answer being made */
    struct ut_sbuf value; /* a value read from the store */
    unsigned held_count;
    struct held *held[POL_HELD_MAX];
};

typedef int
request_fn(struct session *s, const struct ut_attr_list *request);

/* --- Answers ---------------------------------------------------------------------------------- */

static void
begin(struct session *s, enum hsl_share_end end)
{
    static const char *const words[] = {"ok", "timeout", "full", "error"}; /* ORDER END */

    ut_sbuf_reset(&s->out);
    ut_attr_addz(&s->out, "status", words[end]);
}

/* Not understood; gives -1. */
static int
refuse(struct session *s, const char *text)
{
    begin(s, HSL_SHARE_DOWN);
    ut_attr_addz(&s->out, "text", text);
    return -1;
}

static void
add_value(struct session *s)
{
    struct hsl_text value = {ut_sbuf_text(&s->value), s->value.len};

    pol_wire_add_text(&s->out, "value", &value);
}

/* What a key holds. */
static void
add_entry(struct session *s, struct hsl_share_entry *entry)
{
    s->value = entry->value;
    ut_attr_addi(&s->out, "version", (long long)entry->version);
    if (entry->found)
        add_value(s);
}

/* --- Windows and keys ------------------------------------------------------------------------- */

static int
do_rate(struct session *s, const struct ut_attr_list *request)
{
    struct hsl_text space, entry;
    double limit, interval, events = 0;
    bool yes = true;

    if (pol_wire_get_name(request, "space", &space) != 0 ||
        pol_wire_get_name(request, "entry", &entry) != 0 ||
        pol_wire_get_num(request, "limit", &limit) != 0 || !(limit >= 0) ||
        pol_wire_get_num(request, "interval", &interval) != 0 || !(interval >= 0.001) ||
        !isfinite(interval))
        return refuse(s, "rate: space, entry, limit and interval are needed");
    begin(s, s->share->ops->rate(s->share, 0, &space, &entry, limit, interval, &yes, &events));
    ut_attr_addz(&s->out, "yes", yes ? "1" : "0");
    pol_wire_add_num(&s->out, "events", events);
    return 0;
}

static int
do_get(struct session *s, const struct ut_attr_list *request)
{
    struct hsl_share_entry entry = {.value = s->value};
    struct hsl_text key;

    if (pol_wire_get_name(request, "key", &key) != 0)
        return refuse(s, "get: a key is needed");
    ut_sbuf_reset(&entry.value);
    begin(s, s->share->ops->get(s->share, 0, &key, &entry));
    add_entry(s, &entry);
    return 0;
}

static int
do_change(struct session *s, const struct ut_attr_list *request)
{
    struct hsl_share_entry before = {.value = s->value};
    struct hsl_share_change c = {.version = 0};
    int when = pol_wire_when_by_word(ut_attr_get(request, "when", NULL));
    long long version;
    bool done = false;

    if (pol_wire_get_name(request, "key", &c.key) != 0 || when < 0 ||
        ut_attr_get_int(request, "version", 0, INT64_MAX, &version) != 0)
        return refuse(s, "change: key, when and version are needed");
    (void)pol_wire_get_value(request, &c.value);
    if (c.value.len > HSL_SHARE_VALUE_MAX)
        return refuse(s, "change: the value is too large");
    c.when = (enum hsl_share_when)when;
    c.version = (uint64_t)version;
    ut_sbuf_reset(&before.value);
    begin(s, s->share->ops->change(s->share, 0, &c, &before, &done));
    ut_attr_addz(&s->out, "done", done ? "1" : "0");
    add_entry(s, &before);
    return 0;
}

static int
do_add(struct session *s, const struct ut_attr_list *request)
{
    struct hsl_text key;
    double n, result = 0;
    bool is_number = false;

    if (pol_wire_get_name(request, "key", &key) != 0 || pol_wire_get_num(request, "n", &n) != 0)
        return refuse(s, "add: key and n are needed");
    begin(s, s->share->ops->add(
                 s->share, 0, &key, n, ut_attr_is(request, "remove", "1"), &result, &is_number));
    pol_wire_add_num(&s->out, "result", result);
    ut_attr_addz(&s->out, "number", is_number ? "1" : "0");
    return 0;
}

/* --- Barriers --------------------------------------------------------------------------------- */

static bool
is_gone(const struct session *s)
{
    char byte;

    return recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static struct held **
find_held(struct session *s, const struct hsl_text *name)
{
    for (unsigned i = 0; i < s->held_count; i++)
        if (s->held[i]->name_len == name->len && memcmp(s->held[i]->name, name->p, name->len) == 0)
            return &s->held[i];
    return NULL;
}

/* Waits at most [wait] seconds, and no longer than the client does. */
static enum hsl_share_end
wait_for(struct session *s, const struct hsl_text *name, double wait, bool *has_value, void **lock)
{
    double until = ut_time_mono() + fmin(wait, WAIT_MAX), left = wait;
    enum hsl_share_end end;

    for (;;) {
        ut_sbuf_reset(&s->value);
        end = s->share->ops->enter(
            s->share, 0, name, fmin(fmax(left, 0), LOOK_EVERY), &s->value, has_value, lock);
        left = until - ut_time_mono();
        if (end != HSL_SHARE_TIMEOUT || left <= 0 || is_gone(s))
            return end;
    }
}

static int
do_enter(struct session *s, const struct ut_attr_list *request)
{
    struct hsl_text name;
    struct held *h;
    enum hsl_share_end end;
    double wait;
    bool has_value = false;

    if (pol_wire_get_name(request, "name", &name) != 0 ||
        pol_wire_get_num(request, "wait", &wait) != 0 || isnan(wait))
        return refuse(s, "enter: name and wait are needed");
    if (s->held_count == POL_HELD_MAX || find_held(s, &name))
        return refuse(s, "enter: the client holds it, or too many");
    h = malloc(sizeof(*h));
    if (!h) {
        begin(s, HSL_SHARE_FULL);
        return 0;
    }
    h->name_len = name.len;
    memcpy(h->name, name.p, name.len);
    end = wait_for(s, &name, wait, &has_value, &h->lock);
    begin(s, end);
    if (end != HSL_SHARE_OK) {
        free(h);
        return 0;
    }
    s->held[s->held_count++] = h;
    atomic_fetch_add(&s->state->held, 1);
    if (has_value)
        add_value(s);
    return 0;
}

static enum hsl_share_end
leave(struct session *s, struct held **at, enum hsl_share_keep keep, const struct hsl_text *value)
{
    struct held *h = *at;
    enum hsl_share_end end = s->share->ops->leave(s->share, 0, h->lock, keep, value);

    *at = s->held[--s->held_count];
    atomic_fetch_sub(&s->state->held, 1);
    free(h);
    return end;
}

static int
do_leave(struct session *s, const struct ut_attr_list *request)
{
    int keep = pol_wire_keep_by_word(ut_attr_get(request, "keep", NULL));
    struct hsl_text name, value;
    struct held **at;

    if (pol_wire_get_name(request, "name", &name) != 0 || keep < 0 ||
        (!pol_wire_get_value(request, &value) && keep == HSL_SHARE_STORE))
        return refuse(s, "leave: name and keep are needed, and value to store");
    at = find_held(s, &name);
    if (!at)
        return refuse(s, "leave: the client does not hold it");
    if (keep == HSL_SHARE_STORE && value.len > HSL_SHARE_VALUE_MAX) {
        (void)leave(s, at, HSL_SHARE_KEEP, NULL);
        begin(s, HSL_SHARE_FULL);
        return 0;
    }
    begin(s, leave(s, at, (enum hsl_share_keep)keep, &value));
    return 0;
}

/* --- A connection ----------------------------------------------------------------------------- */

static const struct {
    const char *name;
    request_fn *fn;
} requests[] = {
    {"rate", do_rate},
    {"get", do_get},
    {"change", do_change},
    {"add", do_add},
    {"enter", do_enter},
    {"leave", do_leave},
};

static int
carry_out(struct session *s, const struct ut_attr_list *request)
{
    const char *name = ut_attr_get(request, "request", NULL);

    for (size_t i = 0; name && i < sizeof(requests) / sizeof(requests[0]); i++)
        if (strcmp(requests[i].name, name) == 0)
            return requests[i].fn(s, request);
    return refuse(s, "the request is unknown");
}

/* Sends what was made; -1: the connection is to be closed. */
static int
send_answer(struct session *s)
{
    ut_attr_end(&s->out);
    if (s->out.failed)
        return -1;
    return ut_sock_send(s->fd, s->out.data, s->out.len, ut_time_mono() + SLOW);
}

static int
answer(struct session *s, const struct ut_attr_list *request)
{
    int result = carry_out(s, request);

    atomic_fetch_add_explicit(
        result == 0 ? &s->state->requests : &s->state->refused, 1, memory_order_relaxed);
    return send_answer(s) == 0 ? result : -1;
}

/* Answers the requests in [len] bytes; -1: the connection is to be closed. */
static int
feed(struct session *s, const char *data, size_t len)
{
    enum ut_attr_result r;
    struct ut_diag d;
    size_t used;

    while (len > 0) {
        r = ut_attr_parser_feed(&s->parser, data, len, &used, &d);
        data += used;
        len -= used;
        if (r == UT_ATTR_MORE)
            return 0;
        if (r == UT_ATTR_BROKEN) {
            atomic_fetch_add(&s->state->refused, 1);
            (void)refuse(s, d.text);
            (void)send_answer(s);
            return -1;
        }
        if (answer(s, &s->parser.list) != 0)
            return -1;
    }
    return 0;
}

void
pol_state_serve(void *arg, int fd, uid_t peer)
{
    struct pol_state *state = arg;
    struct session s = {.state = state, .share = state->share, .fd = fd};
    double deadline = ut_time_mono() + FOR_EVER;
    bool within = false;
    char buf[16384];
    ssize_t n;

    (void)peer;
    ut_attr_parser_init(&s.parser, &pol_wire_limits);
    ut_sbuf_init(&s.out, POL_WIRE_MAX);
    ut_sbuf_init(&s.value, HSL_SHARE_VALUE_MAX);
    while (
        (n = ut_sock_recv(fd, buf, sizeof(buf), deadline)) > 0 && feed(&s, buf, (size_t)n) == 0) {
        if (ut_attr_parser_idle(&s.parser))
            deadline = ut_time_mono() + FOR_EVER;
        else if (!within)
            deadline = ut_time_mono() + SLOW;
        within = !ut_attr_parser_idle(&s.parser);
    }
    while (s.held_count > 0)
        (void)leave(&s, &s.held[s.held_count - 1], HSL_SHARE_KEEP, NULL);
    ut_attr_parser_fini(&s.parser);
    ut_sbuf_fini(&s.out);
    ut_sbuf_fini(&s.value);
}
