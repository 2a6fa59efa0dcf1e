/* hsl_dns.c - DNS for scripts: the cache of answers, and those who wait for one.
 *
 * An entry stands for one question to one list of servers. It is in the table from the moment that
 * somebody asks: who asks the same while it is under way waits for the same answer. The table holds
 * a reference, so do the query under way and each who waits; the last frees the entry.
 *
 * Not here: the thread and c-ares (hsl_dns_loop.c), bytes of answers (hsl_dns_answer.c).
 * Threads: any; one lock. Fails: by the status of an answer. */
#include "config.h"

#include "hsl/hsl_dns.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "hsl/hsl_dns_loop.h"
#include "lib/ut_sbuf.h"
#include "lib/ut_time.h"

#define ENTRIES_MAX 20000u
#define BYTES_MAX (64u << 20) /* of all answers: who sends mail chooses what is looked up */
#define PENDING_MAX 2000u
#define SERVERS_MAX 1024u

/* ORDER DNS STATUS */
static const char *const status_texts[] = {
    "NOERROR", "NXDOMAIN", "NODATA", "SERVFAIL", "REFUSED", "FORMERR", "FORMERR", "TIMEOUT"};

struct dns_entry {
    struct hsl_dns_query query; /* first: a struct hsl_dns_query * is a struct dns_entry * */
    struct hsl_dns *dns;
    const char *key; /* "TYPE SERVERS NAME" with query.name in it */
    char *servers;   /* query.servers */
    unsigned refs;
    struct hsl_dns_answer *answer;   /* NULL: under way */
    double expires;                  /* monotonic seconds */
    size_t size;                     /* with the answer */
    struct dns_entry *older, *newer; /* in the order of use; only answered ones */
};

struct hsl_dns {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct hsl_dns_loop *loop;
    void *table; /* tsearch(3), by key */
    unsigned count, pending;
    size_t bytes; /* of the answers of those in the order of use */
    struct dns_entry *oldest, *newest;
    /* What is given when there is no memory for an answer, and after the time. */
    struct hsl_dns_answer *no_memory, *too_late;
};

const char *
hsl_dns_status_text(enum hsl_dns_status s)
{
    return status_texts[s];
}

static struct hsl_dns_answer *
answer_ref(struct hsl_dns_answer *a)
{
    atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
    return a;
}

void
hsl_dns_answer_unref(struct hsl_dns_answer *a)
{
    if (a && atomic_fetch_sub(&a->refs, 1) == 1)
        free(a);
}

/* --- Entries, all under the lock -----------------------------------------------------------------
 */

static int
compare(const void *a, const void *b)
{
    return strcmp(((const struct dns_entry *)a)->key, ((const struct dns_entry *)b)->key);
}

static void
entry_unref(struct dns_entry *e)
{
    if (--e->refs > 0)
        return;
    hsl_dns_answer_unref(e->answer);
    free(e->servers);
    free((char *)(uintptr_t)e->key);
    free(e);
}

static size_t
size_of(const struct dns_entry *e)
{
    const struct hsl_dns_answer *a = e->answer;
    size_t size = sizeof(*e);

    for (size_t i = 0; a && i < a->count; i++)
        size += sizeof(a->records[i]) + a->records[i].len;
    return size;
}

/* Out of the order of use. */
static void
unlink_entry(struct hsl_dns *d, struct dns_entry *e)
{
    d->bytes -= e->size;
    *(e->older ? &e->older->newer : &d->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &d->newest) = e->older;
    e->older = e->newer = NULL;
}

static void
link_newest(struct hsl_dns *d, struct dns_entry *e)
{
    d->bytes += e->size;
    e->older = d->newest;
    *(d->newest ? &d->newest->newer : &d->oldest) = e;
    d->newest = e;
}

/* Takes an answered entry out of the table. */
static void
forget(struct hsl_dns *d, struct dns_entry *e)
{
    unlink_entry(d, e);
    tdelete(e, &d->table, compare);
    d->count--;
    entry_unref(e);
}

/* The name as it is asked: lower case, no final dot. False: it is none. */
static bool
add_name(struct ut_sbuf *key, const char *name, size_t len)
{
    if (len > 0 && name[len - 1] == '.')
        len--;
    if (len == 0 || len > HSL_DNS_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)name[i] <= ' ')
            return false;
        ut_sbuf_addc(key, (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]));
    }
    return !key->failed;
}

static struct dns_entry *
new_entry(struct hsl_dns *d, const char *key, const char *servers, enum hsl_dns_type type)
{
    struct dns_entry *e = calloc(1, sizeof(*e));

    if (!e)
        return NULL;
    e->dns = d;
    e->refs = 1;
    e->servers = strdup(servers);
    e->key = strdup(key);
    if (!e->servers || !e->key) {
        entry_unref(e);
        return NULL;
    }
    e->query.type = type;
    e->query.servers = e->servers;
    e->query.name = strrchr(e->key, ' ') + 1;
    return e;
}

/* The query is done, on the thread of the loop. */
static void
on_done(struct hsl_dns_query *q, struct hsl_dns_answer *a)
{
    struct dns_entry *e = (struct dns_entry *)q;
    struct hsl_dns *d = e->dns;

    if (!a)
        a = answer_ref(d->no_memory);
    pthread_mutex_lock(&d->lock);
    e->answer = a;
    e->size = size_of(e);
    e->expires = ut_time_mono() + a->ttl;
    link_newest(d, e);
    while (d->bytes > BYTES_MAX && d->oldest != e)
        forget(d, d->oldest);
    d->pending--;
    pthread_cond_broadcast(&d->answered);
    entry_unref(e);
    pthread_mutex_unlock(&d->lock);
}

/* Puts a new question on its way; NULL if that cannot be. */
static struct dns_entry *
ask(struct hsl_dns *d, const char *key, const char *servers, enum hsl_dns_type type)
{
    struct dns_entry *e;

    if (d->pending >= PENDING_MAX)
        return NULL;
    while (d->count >= ENTRIES_MAX && d->oldest)
        forget(d, d->oldest);
    e = new_entry(d, key, servers, type);
    if (!e)
        return NULL;
    if (!tsearch(e, &d->table, compare)) {
        entry_unref(e);
        return NULL;
    }
    d->count++;
    d->pending++;
    e->refs++; /* the query's */
    if (hsl_dns_loop_ask(d->loop, &e->query) == 0)
        return e;
    d->pending--;
    link_newest(d, e);
    forget(d, e);
    entry_unref(e);
    return NULL;
}

/* The entry for a question, made if there is none that is fresh. */
static struct dns_entry *
find_or_ask(struct hsl_dns *d, const char *key, const char *servers, enum hsl_dns_type type)
{
    struct dns_entry probe = {.key = key}, **found = tfind(&probe, &d->table, compare);
    struct dns_entry *e = found ? *found : NULL;

    if (!e || !e->answer)
        return e ? e : ask(d, key, servers, type);
    if (e->expires <= ut_time_mono()) {
        forget(d, e);
        return ask(d, key, servers, type);
    }
    unlink_entry(d, e);
    link_newest(d, e);
    return e;
}

/* --- Asking --------------------------------------------------------------------------------------
 */

/* The entry that [q] waits for, or NULL with its answer set. */
static struct dns_entry *
begin(struct hsl_dns *d, struct hsl_dns_question *q, const char *servers)
{
    struct dns_entry *e = NULL;
    struct ut_sbuf key;

    q->answer = NULL;
    ut_sbuf_init(&key, SERVERS_MAX + HSL_DNS_NAME_MAX + 16);
    ut_sbuf_addf(&key, "%d %s ", (int)q->type, servers);
    if (add_name(&key, q->name, q->len))
        e = find_or_ask(d, ut_sbuf_text(&key), servers, q->type);
    else
        q->answer = hsl_dns_answer_new(HSL_DNS_BADNAME, 0);
    ut_sbuf_fini(&key);
    if (e)
        e->refs++;
    else if (!q->answer)
        q->answer = answer_ref(d->no_memory);
    return e;
}

/* Waits until [e] is answered; its answer with a new reference, which is TIMEOUT after [deadline].
 */
static struct hsl_dns_answer *
await(struct hsl_dns *d, struct dns_entry *e, double deadline)
{
    struct hsl_dns_answer *a;

    while (!e->answer && ut_time_cond_wait(&d->answered, &d->lock, deadline))
        continue;
    a = answer_ref(e->answer ? e->answer : d->too_late);
    entry_unref(e);
    return a;
}

void
hsl_dns_ask(
    struct hsl_dns *d, struct hsl_dns_question *q, size_t n, const char *servers, double seconds)
{
    double deadline = ut_time_mono() + seconds;
    struct dns_entry **waiting = calloc(n ? n : 1, sizeof(*waiting));

    pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < n; i++) {
        if (waiting)
            waiting[i] = begin(d, &q[i], servers);
        else
            q[i].answer = answer_ref(d->no_memory);
    }
    for (size_t i = 0; i < n; i++) {
        if (waiting && waiting[i])
            q[i].answer = await(d, waiting[i], deadline);
    }
    pthread_mutex_unlock(&d->lock);
    free(waiting);
}

/* An answer of no records, with one reference. NULL: no memory. */
static struct hsl_dns_answer *
bare_answer(enum hsl_dns_status status)
{
    struct hsl_dns_answer *a = calloc(1, sizeof(*a));

    if (a) {
        atomic_init(&a->refs, 1);
        a->status = status;
    }
    return a;
}

struct hsl_dns *
hsl_dns_new(void)
{
    struct hsl_dns *d = calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    d->no_memory = bare_answer(HSL_DNS_SERVFAIL);
    d->too_late = bare_answer(HSL_DNS_TIMEOUT);
    d->loop = d->no_memory && d->too_late ? hsl_dns_loop_new(on_done) : NULL;
    if (!d->loop) {
        free(d->no_memory);
        free(d->too_late);
        free(d);
        return NULL;
    }
    pthread_mutex_init(&d->lock, NULL);
    ut_time_cond_init(&d->answered);
    return d;
}

void
hsl_dns_free(struct hsl_dns *d)
{
    if (!d)
        return;
    hsl_dns_loop_free(d->loop);
    while (d->oldest)
        forget(d, d->oldest);
    pthread_cond_destroy(&d->answered);
    pthread_mutex_destroy(&d->lock);
    hsl_dns_answer_unref(d->no_memory);
    hsl_dns_answer_unref(d->too_late);
    free(d);
}
