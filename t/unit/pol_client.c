/* pol_client.c - the client of shared state with the daemon's end in the same process: each
 * operation, many threads, a server that is gone, comes back, or hangs, and what is no client. */
#include "config.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hsl/hsl_rate.h"
#include "lib/ut_serve.h"
#include "lib/ut_sock.h"
#include "lib/ut_time.h"
#include "policyd/pol_client.h"
#include "policyd/pol_state.h"
#include "policyd/pol_wire.h"
#include "t/unit/tap.h"

#define CALLERS 200

static char dir[] = "/tmp/pol_client.XXXXXX";
static char path[100], address[110];
static struct pol_state state;

static struct ut_serve *
serve(void)
{
    struct ut_diag d;
    struct ut_serve *s =
        ut_serve_start(path, 0600, 400, "status=error\n\n", pol_state_serve, &state, &d);

    if (!s) {
        printf("# %s\n", d.text);
        exit(1);
    }
    return s;
}

static struct hsl_share *
client(void)
{
    struct ut_diag d;
    struct hsl_share *s = pol_client_new(address, &d);

    if (!s) {
        printf("# %s\n", d.text);
        exit(1);
    }
    return s;
}

static struct hsl_text
text(const char *s)
{
    return (struct hsl_text){s, strlen(s)};
}

/* --- Operations ------------------------------------------------------------------------------- */

static void
test_rate(struct hsl_share *c)
{
    struct hsl_text space = text("n\ns"), entry = {"e\0%", 3};
    bool yes = false;
    double events = -1;

    for (int i = 0; i < 2; i++)
        tap_ok(c->ops->rate(c, 10, &space, &entry, 2, 60, &yes, &events) == HSL_SHARE_OK && yes,
            "event %d of 2", i + 1);
    tap_ok(c->ops->rate(c, 10, &space, &entry, 2, 60, &yes, &events) == HSL_SHARE_OK && !yes &&
               events == 2,
        "no third one");
    tap_ok(c->ops->rate(c, 10, &space, &entry, 0, 60, &yes, &events) == HSL_SHARE_OK && events == 2,
        "asked for");
    tap_ok(c->ops->rate(c, 10, &space, &entry, 1e300, 0.5, &yes, &events) == HSL_SHARE_OK && yes,
        "large and small numbers");
    tap_ok(
        c->ops->rate(c, 10, &space, &entry, (double)INFINITY, 60, &yes, &events) == HSL_SHARE_OK &&
            yes && events == 3,
        "no limit at all");
}

static void
test_keys(struct hsl_share *c)
{
    struct hsl_share_change set = {.key = text("key"), .value = {"a\0\n%=b", 6}};
    struct hsl_share_entry entry = {.found = false};
    bool done = false, number = false;
    double result = 0;
    uint64_t version;

    ut_sbuf_init(&entry.value, HSL_SHARE_VALUE_MAX);
    tap_ok(c->ops->get(c, 10, &set.key, &entry) == HSL_SHARE_OK && !entry.found, "no key yet");
    tap_ok(
        c->ops->change(c, 10, &set, &entry, &done) == HSL_SHARE_OK && done && !entry.found, "set");
    tap_ok(c->ops->get(c, 10, &set.key, &entry) == HSL_SHARE_OK && entry.found &&
               entry.value.len == 6 && memcmp(entry.value.data, "a\0\n%=b", 6) == 0,
        "there as it was given");
    version = entry.version;
    set.when = HSL_SHARE_IF_MISSING;
    ut_sbuf_reset(&entry.value);
    tap_ok(c->ops->change(c, 10, &set, &entry, &done) == HSL_SHARE_OK && !done && entry.found,
        "not set if it is there");
    set.when = HSL_SHARE_IF_SAME;
    set.version = version + 1;
    tap_ok(c->ops->change(c, 10, &set, &entry, &done) == HSL_SHARE_OK && !done,
        "nor by a version of before");
    set.version = version;
    set.value = text("");
    tap_ok(c->ops->change(c, 10, &set, &entry, &done) == HSL_SHARE_OK && done, "but by its own");
    set.when = HSL_SHARE_ALWAYS;
    set.value.p = NULL;
    ut_sbuf_reset(&entry.value);
    tap_ok(c->ops->change(c, 10, &set, &entry, &done) == HSL_SHARE_OK && done && entry.found &&
               entry.value.len == 0,
        "removed; the value was empty");
    ut_sbuf_fini(&entry.value);
    tap_ok(c->ops->add(c, 10, &set.key, 2.5, false, &result, &number) == HSL_SHARE_OK && number &&
               result == 2.5,
        "a number");
    tap_ok(c->ops->add(c, 10, &set.key, -2.5, true, &result, &number) == HSL_SHARE_OK && number &&
               result == 0,
        "... that is gone");
    /* Sent on as they are: what had no digits was refused, and with it went the connection; the
     * sum that came to infinity was given as 0. */
    tap_ok(c->ops->add(c, 10, &set.key, 1e308, false, &result, &number) == HSL_SHARE_OK &&
               c->ops->add(c, 10, &set.key, 1e308, false, &result, &number) == HSL_SHARE_OK &&
               number && isinf(result),
        "a sum beyond all numbers");
    tap_ok(
        c->ops->add(c, 10, &set.key, (double)-INFINITY, false, &result, &number) == HSL_SHARE_OK &&
            number && isnan(result),
        "... and what is no number any more");
    tap_ok(c->ops->add(c, 10, &set.key, (double)NAN, false, &result, &number) == HSL_SHARE_OK &&
               number && isnan(result),
        "... also when added");
}

static void
test_barrier(struct hsl_share *c)
{
    struct hsl_text name = text("b"), value = {NULL, 0};
    struct ut_sbuf out;
    bool has = true;
    void *lock, *second;
    char *large = calloc(1, HSL_SHARE_VALUE_MAX + 1);
    double start = ut_time_mono();

    if (!large)
        exit(1);
    memset(large, 'x', HSL_SHARE_VALUE_MAX); /* bytes that need no escape: soon there and back */
    ut_sbuf_init(&out, HSL_SHARE_VALUE_MAX);
    tap_ok(c->ops->enter(c, 10, &name, 1, &out, &has, &lock) == HSL_SHARE_OK && !has, "entered");
    tap_ok(c->ops->enter(c, 10, &name, 0.3, &out, &has, &second) == HSL_SHARE_TIMEOUT, "not twice");
    tap_ok(ut_time_mono() - start > 0.25 && ut_time_mono() - start < 8, "as long as was said");
    value = (struct hsl_text){large, HSL_SHARE_VALUE_MAX};
    tap_ok(
        c->ops->leave(c, 10, lock, HSL_SHARE_STORE, &value) == HSL_SHARE_OK, "the largest value");
    tap_ok(c->ops->enter(c, 10, &name, 1, &out, &has, &lock) == HSL_SHARE_OK && has &&
               out.len == HSL_SHARE_VALUE_MAX,
        "is there");
    value.len++;
    tap_ok(c->ops->leave(c, 10, lock, HSL_SHARE_STORE, &value) == HSL_SHARE_FULL,
        "a larger one is not taken");
    ut_sbuf_reset(&out);
    tap_ok(c->ops->enter(c, 10, &name, 1, &out, &has, &lock) == HSL_SHARE_OK && has,
        "and left all the same");
    tap_ok(c->ops->leave(c, 10, lock, HSL_SHARE_REMOVE, NULL) == HSL_SHARE_OK, "removed");
    ut_sbuf_reset(&out);
    tap_ok(
        c->ops->enter(c, 10, &name, 1, &out, &has, &lock) == HSL_SHARE_OK && !has, "no value now");
    c->ops->leave(c, 10, lock, HSL_SHARE_KEEP, NULL);
    ut_sbuf_fini(&out);
    free(large);
}

/* --- Many callers ----------------------------------------------------------------------------- */

struct caller {
    struct hsl_share *share;
    unsigned yes, errors;
};

static void *
call_rate(void *arg)
{
    struct caller *c = arg;
    struct hsl_text space = text("many"), entry = text("one");

    for (int i = 0; i < 20; i++) {
        bool yes = false;
        double events;

        c->errors += c->share->ops->rate(c->share, 10, &space, &entry, 1000, 3600, &yes, &events) !=
                     HSL_SHARE_OK;
        c->yes += yes;
    }
    return NULL;
}

static void *
call_barrier(void *arg)
{
    struct caller *c = arg;
    struct hsl_text name = text("turns"), value;
    struct ut_sbuf out;
    unsigned n;
    bool has;
    void *lock;

    ut_sbuf_init(&out, 100);
    for (int i = 0; i < 3; i++) {
        ut_sbuf_reset(&out);
        if (c->share->ops->enter(c->share, 10, &name, 60, &out, &has, &lock) != HSL_SHARE_OK) {
            c->errors++;
            continue;
        }
        n = 0;
        if (has && out.len == sizeof(n))
            memcpy(&n, out.data, sizeof(n));
        n++;
        value = (struct hsl_text){(const char *)&n, sizeof(n)};
        c->errors +=
            c->share->ops->leave(c->share, 10, lock, HSL_SHARE_STORE, &value) != HSL_SHARE_OK;
        c->yes = n;
    }
    ut_sbuf_fini(&out);
    return NULL;
}

static void
run_callers(
    struct hsl_share *share, void *(*fn)(void *), unsigned *sum, unsigned *most, unsigned *errors)
{
    static struct caller callers[CALLERS];
    pthread_t threads[CALLERS];
    unsigned started = 0;

    for (; started < CALLERS; started++) {
        callers[started] = (struct caller){.share = share};
        if (pthread_create(&threads[started], NULL, fn, &callers[started]) != 0)
            break;
    }
    *sum = *most = 0;
    *errors = CALLERS - started;
    for (unsigned i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
        *sum += callers[i].yes;
        *most = callers[i].yes > *most ? callers[i].yes : *most;
        *errors += callers[i].errors;
    }
}

static void
test_many(struct hsl_share *c)
{
    unsigned sum, most, errors;

    run_callers(c, call_rate, &sum, &most, &errors);
    tap_ok(sum == 1000 && errors == 0, "200 callers get just what the limit says (%u, %u errors)",
        sum, errors);
    run_callers(c, call_barrier, &sum, &most, &errors);
    tap_ok(most == 600 && errors == 0, "200 callers take turns (%u, %u errors)", most, errors);
}

/* --- Trouble ---------------------------------------------------------------------------------- */

static void
test_down(void)
{
    struct hsl_share *c = client();
    struct ut_serve *s;
    struct hsl_text space = text("down"), entry = text("e"), name = text("held");
    struct ut_sbuf out;
    double events, start = ut_time_mono();
    bool yes, has;
    void *lock;

    ut_sbuf_init(&out, 100);
    tap_ok(c->ops->rate(c, 10, &space, &entry, 5, 60, &yes, &events) == HSL_SHARE_DOWN,
        "nobody listens");
    tap_ok(c->ops->enter(c, 10, &name, 5, &out, &has, &lock) == HSL_SHARE_DOWN,
        "... for barriers neither");
    tap_ok(ut_time_mono() - start < 4, "and nobody waits");
    s = serve();
    usleep(300000);
    tap_ok(c->ops->rate(c, 10, &space, &entry, 5, 60, &yes, &events) == HSL_SHARE_OK,
        "now it is there");
    tap_ok(c->ops->enter(c, 10, &name, 5, &out, &has, &lock) == HSL_SHARE_OK, "also for barriers");
    ut_serve_stop(s);
    tap_ok(atomic_load(&state.held) == 0, "a server that stops gives up what clients hold");
    s = serve();
    tap_ok(c->ops->rate(c, 10, &space, &entry, 5, 60, &yes, &events) == HSL_SHARE_OK && yes,
        "a new one: the call is made again");
    tap_ok(c->ops->leave(c, 10, lock, HSL_SHARE_KEEP, NULL) == HSL_SHARE_DOWN,
        "but who held a barrier is told");
    c->ops->free(c);
    ut_serve_stop(s);
    ut_sbuf_fini(&out);
}

/* A client that ends while it holds, and one that ends while it waits. */
static void
test_gone(void)
{
    struct hsl_share *c = client();
    struct ut_serve *s = serve();
    struct ut_sock_addr addr = {.family = UT_SOCK_UNIX};
    static const char enter[] = "request=enter\nname=g\nwait=30\n\n";
    struct hsl_text name = text("g");
    struct ut_sbuf out;
    struct ut_diag d;
    char buf[100];
    bool has;
    void *lock;
    int fds[2];

    ut_sbuf_init(&out, 100);
    snprintf(addr.path, sizeof(addr.path), "%s", path);
    for (int i = 0; i < 2; i++) {
        fds[i] = ut_sock_connect(&addr, ut_time_mono() + 5, &d);
        if (fds[i] < 0 || ut_sock_send(fds[i], enter, sizeof(enter) - 1, ut_time_mono() + 5) != 0)
            exit(1);
        if (i == 0 && ut_sock_recv(fds[i], buf, sizeof(buf), ut_time_mono() + 5) <= 0)
            exit(1);
    }
    tap_ok(c->ops->enter(c, 10, &name, 0.1, &out, &has, &lock) == HSL_SHARE_TIMEOUT, "it is held");
    close(fds[1]);
    usleep(600000);
    close(fds[0]);
    tap_ok(c->ops->enter(c, 10, &name, 2, &out, &has, &lock) == HSL_SHARE_OK,
        "free when its client has gone; one that has given up waiting does not get it");
    c->ops->leave(c, 10, lock, HSL_SHARE_KEEP, NULL);
    c->ops->free(c);
    ut_serve_stop(s);
    ut_sbuf_fini(&out);
}

static atomic_bool hangs;

/* Says yes to everything, and from some time on nothing. */
static void
hanging_serve(void *arg, int fd, uid_t peer)
{
    static const char answer[] = "status=ok\nyes=1\nevents=1\n\n";
    char buf[1000];

    (void)arg;
    (void)peer;
    while (ut_sock_recv(fd, buf, sizeof(buf), ut_time_mono() + 60) > 0)
        if (!atomic_load(&hangs) &&
            ut_sock_send(fd, answer, sizeof(answer) - 1, ut_time_mono() + 5) != 0)
            return;
}

/* Each idle connection to a server that hangs was tried, and each took its 3 seconds. And they were
 * 3 also for a run that had less time left. */
static void
test_hangs(void)
{
    struct hsl_share *c = client();
    struct hsl_text names[] = {text("a"), text("b"), text("c")};
    struct ut_sbuf out;
    struct ut_diag d;
    struct ut_serve *s = ut_serve_start(path, 0600, 400, "", hanging_serve, NULL, &d);
    double events, start;
    void *locks[3];
    bool yes, has;

    ut_sbuf_init(&out, 100);
    for (int i = 0; i < 3; i++)
        if (!s || c->ops->enter(c, 10, &names[i], 5, &out, &has, &locks[i]) != HSL_SHARE_OK)
            exit(1);
    for (int i = 0; i < 3; i++)
        (void)c->ops->leave(c, 10, locks[i], HSL_SHARE_KEEP, NULL);
    atomic_store(&hangs, true);
    start = ut_time_mono();
    for (int i = 0; i < 2; i++)
        tap_ok(c->ops->rate(c, 0.2, &names[0], &names[0], 5, 60, &yes, &events) == HSL_SHARE_DOWN,
            "a server that hangs, and little time");
    start = ut_time_mono() - start;
    tap_ok(start > 0.3 && start < 4, "%g s: which does not show that it hangs", start);
    tap_ok(c->ops->rate(c, 10, &names[0], &names[0], 5, 60, &yes, &events) == HSL_SHARE_DOWN,
        "a server that hangs");
    start = ut_time_mono();
    tap_ok(c->ops->rate(c, 10, &names[0], &names[0], 5, 60, &yes, &events) == HSL_SHARE_DOWN &&
               ut_time_mono() - start < 2.5,
        "is not waited for again at once, on idle connections neither");
    c->ops->free(c);
    ut_serve_stop(s);
    ut_sbuf_fini(&out);
}

static void
test_nonsense(void)
{
    static const char *const sent[] = {"\n", "request=\n\n", "request=rate\n\n", "nonsense\n",
        "request=rate\nspace=a\nentry=b\nlimit=nan\ninterval=1\n\n",
        "request=rate\nspace=a\nentry=b\nlimit=1\ninterval=0\n\n",
        "request=rate\nspace=a\nentry=b\nlimit=-1\ninterval=1\n\n",
        "request=rate\nspace=a\nentry=b\nlimit=0x10\ninterval=1\n\n", "request=get\n\n",
        "request=get\nkey=%4\n\n", "request=change\nkey=a\nwhen=never\nversion=1\n\n",
        "request=change\nkey=a\nwhen=same\nversion=-1\n\n", "request=add\nkey=a\nn=\n\n",
        "request=enter\nname=a\n\n", "request=leave\nname=a\nkeep=keep\n\n",
        "request=leave\nname=a\nkeep=store\n\n", "request=get\nkey=\0\n\n"};
    struct ut_serve *s = serve();
    struct ut_sock_addr addr = {.family = UT_SOCK_UNIX};
    struct ut_diag d;

    snprintf(addr.path, sizeof(addr.path), "%s", path);
    for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
        size_t len = strlen(sent[i]) + (i + 1 == sizeof(sent) / sizeof(sent[0]) ? 3 : 0);
        int fd = ut_sock_connect(&addr, ut_time_mono() + 5, &d);
        char buf[1000] = "";
        ssize_t n = -1;

        if (fd >= 0 && ut_sock_send(fd, sent[i], len, ut_time_mono() + 5) == 0)
            n = ut_sock_recv(fd, buf, sizeof(buf) - 1, ut_time_mono() + 5);
        tap_ok(n > 0 && strncmp(buf, "status=error\ntext=", 18) == 0 &&
                   ut_sock_recv(fd, buf, sizeof(buf), ut_time_mono() + 5) == 0,
            "nonsense %zu is told and cut off", i);
        close(fd);
    }
    ut_serve_stop(s);
}

/* --- Records ---------------------------------------------------------------------------------- */

struct copy {
    struct hsl_share *to;
    unsigned count, gone, failed;
};

static void
copy_record(void *arg, const struct hsl_text *key, const struct hsl_text *value)
{
    struct copy *c = arg;

    c->count++;
    if (!value || !value->p)
        c->gone++;
    else
        c->failed += !hsl_share_local_restore(c->to, key, value);
}

static void
test_records(void)
{
    struct hsl_share *from = hsl_share_local_new(1 << 20, 64, true);
    struct hsl_share *to = hsl_share_local_new(1 << 20, 64, true);
    struct copy copy = {.to = to};
    struct hsl_text space = text("s"), a = text("2001:db8::1"), b = text("2001:db8::2"),
                    value = text("v");
    struct hsl_share_change set = {.key = text("k"), .value = text("val")};
    struct hsl_share_entry entry = {.found = false};
    double events = 0;
    bool yes, done, has;
    void *lock;

    if (!from || !to)
        exit(1);
    ut_sbuf_init(&entry.value, 1000);
    from->ops->rate(from, 10, &space, &a, 5, 3600, &yes, &events);
    from->ops->rate(from, 10, &space, &b, 5, 3600, &yes, &events);
    tap_ok(events == 2, "IPv6 addresses of one /64 count together");
    from->ops->change(from, 10, &set, &entry, &done);
    from->ops->enter(from, 10, &set.key, 0, &entry.value, &has, &lock);
    from->ops->leave(from, 10, lock, HSL_SHARE_STORE, &value);
    hsl_share_local_changes(from, false, copy_record, &copy);
    tap_ok(copy.count == 3 && copy.failed == 0, "three records, all taken");
    to->ops->rate(to, 10, &space, &a, 0, 3600, &yes, &events);
    tap_ok(events == 2, "the window is there");
    ut_sbuf_reset(&entry.value);
    tap_ok(to->ops->get(to, 10, &set.key, &entry) == HSL_SHARE_OK && entry.found &&
               strcmp(ut_sbuf_text(&entry.value), "val") == 0,
        "the key too");
    ut_sbuf_reset(&entry.value);
    tap_ok(to->ops->enter(to, 10, &set.key, 0, &entry.value, &has, &lock) == HSL_SHARE_OK && has,
        "and the barrier's value");
    to->ops->leave(to, 10, lock, HSL_SHARE_KEEP, NULL);
    usleep(1100000); /* windows are given once more within a second */
    copy.count = 0;
    hsl_share_local_changes(from, false, copy_record, &copy);
    hsl_share_local_changes(from, false, copy_record, &copy);
    copy.count = 0;
    usleep(1100000);
    hsl_share_local_changes(from, false, copy_record, &copy);
    tap_ok(copy.count == 0, "nothing new, nothing given (%u)", copy.count);
    set.value.p = NULL;
    from->ops->change(from, 10, &set, &entry, &done);
    from->ops->enter(from, 10, &set.key, 0, &entry.value, &has, &lock);
    from->ops->leave(from, 10, lock, HSL_SHARE_REMOVE, NULL);
    hsl_rate_reset(hsl_share_local_rates(from), &space, NULL, hsl_share_local_now(from));
    hsl_share_local_changes(from, false, copy_record, &copy);
    tap_ok(copy.count == 3 && copy.gone == 3, "three are gone");
    copy.count = 0;
    hsl_share_local_changes(from, true, copy_record, &copy);
    tap_ok(copy.count <= 1 && copy.gone == 3 + copy.count, "all: nothing is left (%u)", copy.count);
    for (size_t i = 0; i < 60; i++) {
        static const char junk[] =
            "r\x01\x02\x03garbage that is no record at all\xff\xff\xff\xff....";
        struct hsl_text key = {junk, i}, bytes = {junk + 4, i % 20};

        has = i > 0 && hsl_share_local_restore(to, &key, &bytes) && key.p[0] == 'r';
        if (has)
            break;
    }
    tap_ok(!has, "damaged windows are not taken");
    ut_sbuf_fini(&entry.value);
    from->ops->free(from);
    to->ops->free(to);
}

int
main(void)
{
    struct hsl_share *c;
    struct ut_serve *s;
    struct ut_diag d;

    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof(path), "%s/state", dir);
    snprintf(address, sizeof(address), "unix:%s", path);
    state.share = hsl_share_local_new((size_t)64 << 20, 128, false);
    if (!state.share)
        return 1;
    test_down();
    test_gone();
    test_hangs();
    test_nonsense();
    s = serve();
    c = client();
    test_rate(c);
    test_keys(c);
    test_barrier(c);
    test_many(c);
    c->ops->free(c);
    ut_serve_stop(s);
    tap_ok(atomic_load(&state.held) == 0, "nothing is held at the end");
    test_records();
    tap_ok(pol_client_new("nonsense", &d) == NULL, "an address that is none: %s", d.text);
    state.share->ops->free(state.share);
    (void)rmdir(dir);
    return tap_done();
}
