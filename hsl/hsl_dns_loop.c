/* hsl_dns_loop.c - the thread that asks DNS servers, with c-ares.
 *
 * A channel of c-ares belongs to one list of servers; "" are those of /etc/resolv.conf, and when
 * that file changes new questions get a new channel. Other threads only put queries on a list and
 * wake this one; all of c-ares runs here, so there is no lock around it.
 *
 * Questions are made here and not by ares_query(3), because only that way the AD bit can be set,
 * which asks the resolver to say whether it has validated the answer (RFC 6840 §5.7).
 *
 * c-ares goes on to the next server when one says SERVFAIL or REFUSED, and when all have failed it
 * tells nothing of what they said. So the question is then put once more, to a channel that takes
 * the first answer as it is.
 *
 * Not here: the cache (hsl_dns.c), reading answers (hsl_dns_answer.c).
 * Fails: each query by its answer's status; no memory, no descriptors. */
#include "config.h"

#include "hsl/hsl_dns_loop.h"

#include <ares.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ut_time.h"

#define CHANNELS 16   /* lists of servers in use at a time */
#define TRY_MS 1500   /* for the first answer of a server; doubled each round */
#define TRIES 3       /* rounds */
#define UDP_SIZE 1232 /* of EDNS: fits every path without fragments */
#define PORT_USES 100 /* questions from one UDP port, so that answers are hard to forge */
#define CLASS_IN 1
#define AD_BYTE 3 /* of the header, and the bit in it */
#define AD_BIT 0x20
#define EVENTS 64
#define WAKE UINT64_MAX /* epoll data of the eventfd */

struct hsl_dns_channel {
    struct hsl_dns_loop *loop;
    ares_channel ares;
    char *servers; /* NULL: this place is free */
    bool raw;      /* takes SERVFAIL and REFUSED for an answer */
    unsigned pending, asked;
    bool stale; /* takes no more questions: other servers are configured, or its port was used
                   enough */
    struct timespec resolv_conf;
    double used;
};

struct hsl_dns_loop {
    hsl_dns_done_fn *done;
    int wake, epoll;
    pthread_mutex_t lock; /* of the three below */
    struct hsl_dns_query *first, **last;
    bool running, stop;
    pthread_t thread;
    struct hsl_dns_channel channels[CHANNELS]; /* of the thread alone */
};

static pthread_once_t ares_once = PTHREAD_ONCE_INIT;

static void
start_ares(void)
{
    (void)ares_library_init(ARES_LIB_INIT_ALL);
}

/* --- Channels ------------------------------------------------------------------------------------
 */

static void
on_socket(void *data, ares_socket_t fd, int readable, int writable)
{
    struct hsl_dns_channel *c = data;
    struct hsl_dns_loop *l = c->loop;
    struct epoll_event e = {.events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u),
        .data.u64 = (uint64_t)(c - l->channels) << 32 | (uint32_t)fd};

    if (!readable && !writable)
        (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
    else if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, fd, &e) != 0)
        (void)epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e);
}

static void
close_channel(struct hsl_dns_channel *c)
{
    ares_destroy(c->ares);
    free(c->servers);
    c->servers = NULL;
    c->stale = false;
}

static struct timespec
resolv_conf_time(void)
{
    struct stat st;

    return stat("/etc/resolv.conf", &st) == 0 ? st.st_mtim : (struct timespec){0};
}

/* Whether [ares] has one server only. */
static bool
has_one_server(ares_channel ares)
{
    struct ares_addr_port_node *servers = NULL;
    bool one = ares_get_servers_ports(ares, &servers) == ARES_SUCCESS && servers && !servers->next;

    ares_free_data(servers);
    return one;
}

/* Makes [c]'s channel of c-ares; [raw]: it takes SERVFAIL and REFUSED for an answer. */
static int
init_ares(struct hsl_dns_channel *c, bool raw)
{
    struct ares_options o = {.flags = ARES_FLAG_EDNS | (raw ? ARES_FLAG_NOCHECKRESP : 0),
        .timeout = TRY_MS,
        .tries = TRIES,
        .ednspsz = UDP_SIZE,
        .sock_state_cb = on_socket,
        .sock_state_cb_data = c};
    int set = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
              ARES_OPT_SOCK_STATE_CB;

    if (ares_init_options(&c->ares, &o, set) != ARES_SUCCESS)
        return -1;
    if (c->servers[0] == '\0' || ares_set_servers_ports_csv(c->ares, c->servers) == ARES_SUCCESS)
        return 0;
    ares_destroy(c->ares);
    return -1;
}

static int
open_channel(struct hsl_dns_loop *l, struct hsl_dns_channel *c, const char *servers, bool raw)
{
    int rc;

    c->loop = l;
    c->raw = raw;
    c->pending = c->asked = 0;
    c->resolv_conf = resolv_conf_time();
    c->servers = strdup(servers);
    if (!c->servers)
        return -1;
    rc = init_ares(c, raw);
    if (rc == 0 && !raw && has_one_server(c->ares)) { /* there is no other to go on to */
        ares_destroy(c->ares);
        rc = init_ares(c, true);
    }
    if (rc != 0) {
        free(c->servers);
        c->servers = NULL;
    }
    return rc;
}

/* Whether [c] has served enough, or its servers are no longer those of the system. */
static bool
is_stale(const struct hsl_dns_channel *c)
{
    struct timespec now = resolv_conf_time();

    return c->asked >= PORT_USES ||
           (c->servers[0] == '\0' &&
               (now.tv_sec != c->resolv_conf.tv_sec || now.tv_nsec != c->resolv_conf.tv_nsec));
}

/* The channel for [servers]; NULL: none can be had. */
static struct hsl_dns_channel *
find_channel(struct hsl_dns_loop *l, const char *servers, bool raw)
{
    struct hsl_dns_channel *best = NULL;

    for (size_t i = 0; i < CHANNELS; i++) {
        struct hsl_dns_channel *c = &l->channels[i];

        if (c->servers && !c->stale && c->raw == raw && strcmp(c->servers, servers) == 0) {
            c->stale = is_stale(c);
            if (!c->stale)
                return c;
        }
    }
    for (size_t i = 0; i < CHANNELS; i++) {
        struct hsl_dns_channel *c = &l->channels[i];

        if (!c->servers) {
            best = c;
            break;
        }
        if (c->pending == 0 && (!best || c->used < best->used))
            best = c;
    }
    if (best && best->servers)
        close_channel(best);
    return best && open_channel(l, best, servers, raw) == 0 ? best : NULL;
}

/* --- Questions -----------------------------------------------------------------------------------
 */

static enum hsl_dns_status
status_of(int ares)
{
    switch (ares) {
    case ARES_ETIMEOUT:
    case ARES_ECONNREFUSED:
        return HSL_DNS_TIMEOUT;
    case ARES_EREFUSED:
        return HSL_DNS_REFUSED;
    case ARES_EFORMERR:
    case ARES_EBADRESP:
        return HSL_DNS_FORMERR;
    case ARES_EBADNAME:
        return HSL_DNS_BADNAME;
    default:
        return HSL_DNS_SERVFAIL;
    }
}

static void
wake(struct hsl_dns_loop *l)
{
    uint64_t one = 1;

    if (write(l->wake, &one, sizeof(one)) < 0)
        return; /* EAGAIN: it is awake already */
}

/* To be sent by the thread's next round. */
static void
add_query(struct hsl_dns_loop *l, struct hsl_dns_query *q)
{
    q->next = NULL;
    *l->last = q;
    l->last = &q->next;
}

/* The call-back of ares_send(3). */
static void
on_answer(void *arg, int status, int timeouts, unsigned char *p, int len)
{
    struct hsl_dns_query *q = arg;
    struct hsl_dns_answer *a;

    (void)timeouts;
    q->channel->pending--;
    if (status == ARES_ECONNREFUSED && !q->raw) {
        q->raw = true;
        pthread_mutex_lock(&q->loop->lock);
        add_query(q->loop, q);
        pthread_mutex_unlock(&q->loop->lock);
        wake(q->loop); /* without a route ares_send(3) fails at once, after this round's queries */
        return;
    }
    if (status == ARES_SUCCESS && p && len > 0)
        a = hsl_dns_read(q->type, p, (size_t)len);
    else
        a = hsl_dns_answer_new(status_of(status), 1);
    q->loop->done(q, a);
}

static void
refuse(struct hsl_dns_query *q, enum hsl_dns_status status)
{
    q->loop->done(q, hsl_dns_answer_new(status, 1));
}

static void
send_query(struct hsl_dns_loop *l, struct hsl_dns_query *q)
{
    unsigned char *p = NULL;
    unsigned short id = 0;
    int len = 0, status;

    if (getrandom(&id, sizeof(id), GRND_NONBLOCK) < 0)
        id = (unsigned short)(ut_time_mono() * 1e6);
    q->channel = find_channel(l, q->servers, q->raw);
    if (!q->channel) {
        refuse(q, HSL_DNS_SERVFAIL);
        return;
    }
    status = ares_create_query(q->name, CLASS_IN, (int)q->type, id, 1, &p, &len, UDP_SIZE);
    if (status != ARES_SUCCESS) {
        refuse(q, status_of(status));
        return;
    }
    p[AD_BYTE] |= AD_BIT;
    q->channel->pending++;
    q->channel->asked++;
    q->channel->used = ut_time_mono();
    ares_send(q->channel->ares, p, len, on_answer, q);
    ares_free_string(p);
}

/* --- The thread ----------------------------------------------------------------------------------
 */

/* Takes what other threads have asked for; false: they want it to end. */
static bool
take_queries(struct hsl_dns_loop *l)
{
    struct hsl_dns_query *q, *next;
    bool stop;

    pthread_mutex_lock(&l->lock);
    q = l->first;
    l->first = NULL;
    l->last = &l->first;
    stop = l->stop;
    pthread_mutex_unlock(&l->lock);
    for (; q; q = next) {
        next = q->next;
        if (stop)
            refuse(q, HSL_DNS_SERVFAIL);
        else
            send_query(l, q);
    }
    return !stop;
}

/* Milliseconds until a channel wants to be looked at; -1: never. */
static int
next_timeout(struct hsl_dns_loop *l)
{
    long best = -1;

    for (size_t i = 0; i < CHANNELS; i++) {
        struct timeval tv;

        if (l->channels[i].servers && ares_timeout(l->channels[i].ares, NULL, &tv)) {
            long ms = tv.tv_sec * 1000 + (tv.tv_usec + 999) / 1000;

            best = best < 0 || ms < best ? ms : best;
        }
    }
    return best > 60000 ? 60000 : (int)best;
}

static void
serve(struct hsl_dns_loop *l, const struct epoll_event *e)
{
    uint64_t count;
    ares_socket_t fd = (ares_socket_t)(e->data.u64 & UINT32_MAX);
    bool broken = (e->events & (EPOLLERR | EPOLLHUP)) != 0;

    if (e->data.u64 == WAKE) {
        if (read(l->wake, &count, sizeof(count)) < 0)
            return; /* somebody else's wake-up was read with this one's */
        return;
    }
    ares_process_fd(l->channels[e->data.u64 >> 32].ares,
        broken || (e->events & EPOLLIN) ? fd : ARES_SOCKET_BAD,
        broken || (e->events & EPOLLOUT) ? fd : ARES_SOCKET_BAD);
}

static void *
run(void *arg)
{
    struct hsl_dns_loop *l = arg;
    struct epoll_event events[EVENTS];

    while (take_queries(l)) {
        int n = epoll_wait(l->epoll, events, EVENTS, next_timeout(l));

        for (int i = 0; i < n; i++)
            serve(l, &events[i]);
        for (size_t i = 0; i < CHANNELS; i++) {
            struct hsl_dns_channel *c = &l->channels[i];

            if (!c->servers)
                continue;
            ares_process_fd(c->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
            if (c->stale && c->pending == 0)
                close_channel(c);
        }
    }
    for (size_t i = 0; i < CHANNELS; i++)
        if (l->channels[i].servers)
            close_channel(&l->channels[i]);
    return NULL;
}

/* Under the lock. Signals are for the program's own threads. */
static int
start(struct hsl_dns_loop *l)
{
    sigset_t all, old;
    int rc;

    if (l->running)
        return 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&l->thread, NULL, run, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    l->running = rc == 0;
    return rc == 0 ? 0 : -1;
}

int
hsl_dns_loop_ask(struct hsl_dns_loop *l, struct hsl_dns_query *q)
{
    q->loop = l;
    pthread_mutex_lock(&l->lock);
    if (start(l) != 0) {
        pthread_mutex_unlock(&l->lock);
        return -1;
    }
    add_query(l, q);
    pthread_mutex_unlock(&l->lock);
    wake(l);
    return 0;
}

struct hsl_dns_loop *
hsl_dns_loop_new(hsl_dns_done_fn *done)
{
    struct hsl_dns_loop *l = calloc(1, sizeof(*l));
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = WAKE};

    if (!l)
        return NULL;
    pthread_once(&ares_once, start_ares);
    l->done = done;
    l->last = &l->first;
    pthread_mutex_init(&l->lock, NULL);
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->wake < 0 || l->epoll < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->wake, &e) != 0) {
        hsl_dns_loop_free(l);
        return NULL;
    }
    return l;
}

void
hsl_dns_loop_free(struct hsl_dns_loop *l)
{
    if (!l)
        return;
    if (l->running) {
        pthread_mutex_lock(&l->lock);
        l->stop = true;
        pthread_mutex_unlock(&l->lock);
        wake(l);
        pthread_join(l->thread, NULL);
    }
    if (l->wake >= 0)
        close(l->wake);
    if (l->epoll >= 0)
        close(l->epoll);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
