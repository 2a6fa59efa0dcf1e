/* pol_client.c - asks penstock-policyd for shared state.
 *
 * Connections stay: a call takes an idle one, or makes one, and puts it back. So there are as many
 * as threads that ask at the same time. A barrier keeps its connection until it is left, since the
 * daemon gives up what a connection holds when that ends.
 *
 * A connection that was idle may be one to a daemon that has gone: if it breaks before a byte of
 * the answer has come, the request is sent again on a new one. The daemon then has forgotten the
 * connection; at worst an event is counted twice. After trouble nothing is tried for a moment, so
 * that a daemon that hangs does not hold up every message. Idle connections are no way around that
 * when it hangs; after a shorter trouble, which may be one connection's own, they are. Who had
 * little patience, being near the end of its run, has not found out whether it hangs.
 *
 * Not here: the daemon's end (pol_state.c). Threads: any. Fails: HSL_SHARE_DOWN. */
#include "config.h"

#include "policyd/pol_client.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ut_sock.h"
#include "lib/ut_time.h"
#include "policyd/pol_wire.h"

#define PATIENCE 3.0   /* seconds for an answer at most, besides waiting for a barrier */
#define HANGS 1.0      /* seconds without an answer after which the daemon is taken to hang */
#define PAUSE 0.2      /* seconds without a try after nobody listened */
#define LONG_PAUSE 5.0 /* after it was taken to hang */
#define IDLE_MAX 64u   /* connections kept */

struct conn {
    struct conn *next; /* among the idle ones */
    int fd;
    bool used; /* has answered before */
    struct ut_attr_parser parser;
    struct ut_sbuf out;
};

/* What leave() gets. */
struct held {
    struct conn *conn;
    size_t name_len;
    char name[];
};

struct client {
    struct hsl_share share;
    struct ut_sock_addr addr;
    pthread_mutex_t lock;
    struct conn *idle;
    unsigned idle_count;
    double not_before; /* no new connection before this time */
    double hangs;      /* nothing at all before this time */
};

/* --- Connections ------------------------------------------------------------------------------ */

static void
conn_free(struct conn *c)
{
    if (c->fd >= 0)
        close(c->fd);
    ut_attr_parser_fini(&c->parser);
    ut_sbuf_fini(&c->out);
    free(c);
}

static struct conn *
conn_new(void)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->fd = -1;
    ut_attr_parser_init(&c->parser, &pol_wire_limits);
    ut_sbuf_init(&c->out, POL_WIRE_MAX);
    return c;
}

static void
give_back(struct client *cl, struct conn *c)
{
    c->used = true;
    pthread_mutex_lock(&cl->lock);
    if (cl->idle_count < IDLE_MAX) {
        c->next = cl->idle;
        cl->idle = c;
        cl->idle_count++;
        c = NULL;
    }
    pthread_mutex_unlock(&cl->lock);
    if (c)
        conn_free(c);
}

/* An idle connection, or one that is not connected yet; NULL: out of memory, or trouble just now.
 */
static struct conn *
take(struct client *cl)
{
    double now = ut_time_mono();
    bool pause;
    struct conn *c;

    pthread_mutex_lock(&cl->lock);
    c = now < cl->hangs ? NULL : cl->idle;
    if (c) {
        cl->idle = c->next;
        cl->idle_count--;
    }
    pause = now < cl->not_before;
    pthread_mutex_unlock(&cl->lock);
    if (c)
        ut_sbuf_reset(&c->out);
    return c || pause ? c : conn_new();
}

static int
reach(struct client *cl, struct conn *c, double deadline)
{
    struct ut_diag d;

    ut_attr_parser_fini(&c->parser);
    ut_attr_parser_init(&c->parser, &pol_wire_limits);
    c->used = false;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = ut_sock_connect(&cl->addr, fmin(deadline, ut_time_mono() + PATIENCE), &d);
    return c->fd >= 0 ? 0 : -1;
}

/* --- Asking ----------------------------------------------------------------------------------- */

/* Sends what is in c->out and reads one list. 1: the connection ended before the first byte. */
static int
exchange(struct conn *c, double deadline)
{
    enum ut_attr_result r = UT_ATTR_MORE;
    char buf[16384];
    bool any = false;
    size_t used;
    ssize_t n;

    if (ut_sock_send(c->fd, c->out.data, c->out.len, deadline) != 0)
        return errno == ETIMEDOUT ? -1 : 1;
    while (r == UT_ATTR_MORE) {
        n = ut_sock_recv(c->fd, buf, sizeof(buf), deadline);
        if (n <= 0)
            return any || (n < 0 && errno == ETIMEDOUT) ? -1 : 1;
        any = true;
        r = ut_attr_parser_feed(&c->parser, buf, (size_t)n, &used, NULL);
    }
    return r == UT_ATTR_LIST ? 0 : -1;
}

static int
try(struct client *cl, struct conn *c, double deadline)
{
    int result = 1;

    errno = 0;
    if (c->fd >= 0)
        result = exchange(c, deadline);
    if (result == 1 && (c->fd < 0 || c->used))
        result = reach(cl, c, deadline) == 0 ? exchange(c, deadline) : -1;
    return result;
}

static enum hsl_share_end
status_of(const struct ut_attr_list *l)
{
    if (ut_attr_is(l, "status", "ok"))
        return HSL_SHARE_OK;
    if (ut_attr_is(l, "status", "timeout"))
        return HSL_SHARE_TIMEOUT;
    return ut_attr_is(l, "status", "full") ? HSL_SHARE_FULL : HSL_SHARE_DOWN;
}

static void
pause_for(struct client *cl, double seconds, bool hangs)
{
    pthread_mutex_lock(&cl->lock);
    cl->not_before = ut_time_mono() + seconds;
    if (hangs)
        cl->hangs = cl->not_before;
    pthread_mutex_unlock(&cl->lock);
}

/* Sends the request in c->out, which is ended here. The answer is in c->parser.list unless the
 * result is DOWN: then [c] is freed. */
static enum hsl_share_end
ask(struct client *cl, struct conn *c, double patience, double wait)
{
    enum hsl_share_end end = HSL_SHARE_DOWN;
    double begun = ut_time_mono();
    bool late;

    ut_attr_end(&c->out);
    if (c->out.failed) {
        give_back(cl, c);
        return HSL_SHARE_DOWN;
    }
    if (try(cl, c, begun + fmin(PATIENCE, patience) + wait) == 0)
        end = status_of(&c->parser.list);
    if (end != HSL_SHARE_DOWN)
        return end;
    late = errno == ETIMEDOUT;
    conn_free(c);
    if (!late)
        pause_for(cl, PAUSE, false);
    else if (ut_time_mono() - begun >= wait + HANGS)
        pause_for(cl, LONG_PAUSE, true);
    return end;
}

/* --- Operations ------------------------------------------------------------------------------- */

static bool
flag(const struct conn *c, const char *name)
{
    return ut_attr_is(&c->parser.list, name, "1");
}

static enum hsl_share_end
client_rate(struct hsl_share *s, double patience, const struct hsl_text *space,
    const struct hsl_text *entry, double limit, double interval, bool *yes, double *events)
{
    struct client *cl = (struct client *)s;
    struct conn *c = take(cl);
    enum hsl_share_end end;

    if (!c)
        return HSL_SHARE_DOWN;
    ut_attr_addz(&c->out, "request", "rate");
    pol_wire_add_text(&c->out, "space", space);
    pol_wire_add_text(&c->out, "entry", entry);
    pol_wire_add_num(&c->out, "limit", limit);
    pol_wire_add_num(&c->out, "interval", interval);
    end = ask(cl, c, patience, 0);
    if (end == HSL_SHARE_DOWN)
        return end;
    *yes = flag(c, "yes");
    if (pol_wire_get_num(&c->parser.list, "events", events) != 0)
        *events = 0;
    give_back(cl, c);
    return HSL_SHARE_OK;
}

/* The value in an answer is appended to [out]; false: there is none. */
static bool
read_value(const struct conn *c, struct ut_sbuf *out)
{
    struct hsl_text value;

    if (!pol_wire_get_value(&c->parser.list, &value))
        return false;
    ut_sbuf_add(out, value.p, value.len);
    return true;
}

static enum hsl_share_end
read_entry(struct client *cl, struct conn *c, enum hsl_share_end end, struct hsl_share_entry *entry)
{
    long long version = 0;

    entry->found = read_value(c, &entry->value);
    if (ut_attr_get_int(&c->parser.list, "version", 0, INT64_MAX, &version) != 0)
        version = 0;
    entry->version = (uint64_t)version;
    give_back(cl, c);
    return entry->value.failed ? HSL_SHARE_FULL : end;
}

static enum hsl_share_end
client_get(
    struct hsl_share *s, double patience, const struct hsl_text *key, struct hsl_share_entry *entry)
{
    struct client *cl = (struct client *)s;
    struct conn *c = take(cl);
    enum hsl_share_end end;

    if (!c)
        return HSL_SHARE_DOWN;
    ut_attr_addz(&c->out, "request", "get");
    pol_wire_add_text(&c->out, "key", key);
    end = ask(cl, c, patience, 0);
    return end == HSL_SHARE_DOWN ? end : read_entry(cl, c, end, entry);
}

static enum hsl_share_end
client_change(struct hsl_share *s, double patience, const struct hsl_share_change *change,
    struct hsl_share_entry *before, bool *done)
{
    struct client *cl = (struct client *)s;
    struct conn *c = take(cl);
    enum hsl_share_end end;

    *done = false;
    if (!c)
        return HSL_SHARE_DOWN;
    ut_attr_addz(&c->out, "request", "change");
    pol_wire_add_text(&c->out, "key", &change->key);
    ut_attr_addz(&c->out, "when", pol_wire_when(change->when));
    ut_attr_addi(&c->out, "version", (long long)change->version);
    if (change->value.p)
        pol_wire_add_text(&c->out, "value", &change->value);
    end = ask(cl, c, patience, 0);
    if (end == HSL_SHARE_DOWN)
        return end;
    *done = flag(c, "done");
    return read_entry(cl, c, end, before);
}

static enum hsl_share_end
client_add(struct hsl_share *s, double patience, const struct hsl_text *key, double n,
    bool remove_zero, double *result, bool *is_number)
{
    struct client *cl = (struct client *)s;
    struct conn *c = take(cl);
    enum hsl_share_end end;

    if (!c)
        return HSL_SHARE_DOWN;
    ut_attr_addz(&c->out, "request", "add");
    pol_wire_add_text(&c->out, "key", key);
    pol_wire_add_num(&c->out, "n", n);
    ut_attr_addz(&c->out, "remove", remove_zero ? "1" : "0");
    end = ask(cl, c, patience, 0);
    if (end == HSL_SHARE_DOWN)
        return end;
    *is_number = flag(c, "number") && pol_wire_get_num(&c->parser.list, "result", result) == 0;
    give_back(cl, c);
    return end;
}

/* --- Barriers --------------------------------------------------------------------------------- */

static enum hsl_share_end
client_enter(struct hsl_share *s, double patience, const struct hsl_text *name, double wait,
    struct ut_sbuf *value, bool *has_value, void **lock)
{
    struct client *cl = (struct client *)s;
    struct held *h = malloc(sizeof(*h) + name->len);
    struct conn *c = h ? take(cl) : NULL;
    enum hsl_share_end end = h ? HSL_SHARE_DOWN : HSL_SHARE_FULL;

    if (c) {
        h->conn = c;
        h->name_len = name->len;
        memcpy(h->name, name->p, name->len);
        ut_attr_addz(&c->out, "request", "enter");
        pol_wire_add_text(&c->out, "name", name);
        pol_wire_add_num(&c->out, "wait", wait);
        end = ask(cl, c, patience, wait);
    }
    if (end == HSL_SHARE_OK) {
        *has_value = read_value(c, value);
        if (!value->failed) {
            *lock = h;
            return HSL_SHARE_OK;
        }
        conn_free(c); /* and with it goes the barrier */
        end = HSL_SHARE_FULL;
    } else if (c && end != HSL_SHARE_DOWN) {
        give_back(cl, c);
    }
    free(h);
    return end;
}

static enum hsl_share_end
client_leave(struct hsl_share *s, double patience, void *lock, enum hsl_share_keep keep,
    const struct hsl_text *value)
{
    struct client *cl = (struct client *)s;
    struct held *h = lock;
    struct hsl_text name = {h->name, h->name_len};
    struct conn *c = h->conn;
    enum hsl_share_end end;

    c->used = false; /* on another connection nobody would know of the barrier */
    ut_sbuf_reset(&c->out);
    ut_attr_addz(&c->out, "request", "leave");
    pol_wire_add_text(&c->out, "name", &name);
    ut_attr_addz(&c->out, "keep", pol_wire_keep(keep));
    if (keep == HSL_SHARE_STORE)
        pol_wire_add_text(&c->out, "value", value);
    if (c->out.failed) {
        conn_free(c);
        end = HSL_SHARE_FULL;
    } else {
        end = ask(cl, c, patience, 0);
        if (end != HSL_SHARE_DOWN)
            give_back(cl, c);
    }
    free(h);
    return end;
}

/* --- Life ------------------------------------------------------------------------------------- */

static void
client_free(struct hsl_share *s)
{
    struct client *cl = (struct client *)s;

    while (cl->idle) {
        struct conn *c = cl->idle;

        cl->idle = c->next;
        conn_free(c);
    }
    pthread_mutex_destroy(&cl->lock);
    free(cl);
}

static const struct hsl_share_ops client_ops = {.enter = client_enter,
    .leave = client_leave,
    .rate = client_rate,
    .get = client_get,
    .change = client_change,
    .add = client_add,
    .free = client_free};

struct hsl_share *
pol_client_new(const char *address, struct ut_diag *d)
{
    struct client *cl = calloc(1, sizeof(*cl));

    if (!cl) {
        (void)ut_diag_set(d, "out of memory");
        return NULL;
    }
    if (ut_sock_parse(address, &cl->addr, d) != 0) {
        free(cl);
        return NULL;
    }
    cl->share.ops = &client_ops;
    pthread_mutex_init(&cl->lock, NULL);
    return &cl->share;
}
