/* mlt_server.c - what all connections share; loading, reloading, status.
 * Not here: what a revision is (mlt_flows.c), sockets and signals (mlt_main.c).
 * Threads: any; a lock for the revision in force, counts are atomic.
 * Fails: configuration and scripts with mistakes, a state directory that cannot be written. */
#include "config.h"

#include "milter/mlt_server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/ut_file.h"
#include "lib/ut_log.h"
#include "lib/ut_smtp.h"
#include "lib/ut_time.h"
#include "milter/mlt_revision.h"
#include "milter/mlt_submit.h"

#define SERVER_MAX_DIAGS 50

struct mlt_server {
    struct mlt_server_opts opts;
    pthread_mutex_t lock; /* [flows], [error] */
    struct mlt_flows *flows;
    char error[1024]; /* why the last reload failed; "" if it did not */
    struct mlt_journal *journal;
    struct mlt_tick *tick;
    struct mlt_submit *submit; /* NULL in tests */
    unsigned long connections; /* now */
    unsigned long accepted;    /* since the start */
    unsigned long working;     /* messages being decided on */
    unsigned long messages;    /* decided on since the start */
    unsigned long reloads;
};

/* --- Loading ---------------------------------------------------------------------------------- */

static struct mlt_flows *
load(const char *path, struct mlt_env *env, struct ut_diag *d)
{
    struct ut_diag_list diags;
    struct mlt_flows *f;

    ut_diag_list_init(&diags, SERVER_MAX_DIAGS);
    f = mlt_flows_load(path, NULL, env, &diags);
    ut_log_diags(&diags, f ? NULL : d);
    ut_diag_list_fini(&diags);
    return f;
}

static struct mlt_flows *
load_saved(const char *config)
{
    struct ut_diag_list diags;
    struct ut_sbuf directory;
    struct mlt_flows *f;
    struct ut_diag d;

    ut_diag_list_init(&diags, SERVER_MAX_DIAGS);
    ut_sbuf_init(&directory, 4096);
    mlt_revision_directory(config, &directory);
    f = mlt_revision_load(ut_sbuf_text(&directory), &diags);
    if (f) {
        ut_log(UT_LOG_CRIT,
            "%s does not load: using the last revision that did, saved in %s/revision", config,
            f->conf->global.state_directory);
    } else {
        ut_log_diags(&diags, &d);
        ut_log(UT_LOG_CRIT, "there is no saved revision to use instead: %s", d.text);
    }
    ut_sbuf_fini(&directory);
    ut_diag_list_fini(&diags);
    return f;
}

/* The configuration without its scripts, if at least that is good. */
static struct mlt_flows *
load_refusing(const char *config)
{
    struct ut_diag_list diags;
    struct mlt_flows *f = NULL;
    struct ut_conf *conf;

    ut_diag_list_init(&diags, SERVER_MAX_DIAGS);
    conf = ut_conf_load(config, &diags);
    if (conf)
        f = mlt_flows_refusing(conf);
    if (f)
        ut_log(
            UT_LOG_CRIT, "%s: its scripts do not load: every connection is answered 451", config);
    ut_conf_unref(conf);
    ut_diag_list_fini(&diags);
    return f;
}

static void
save(const struct mlt_flows *f)
{
    struct ut_diag d;

    if (mlt_revision_save(f, &d) != 0)
        ut_log_diag(UT_LOG_WARNING, "this revision could not be saved for a later start", &d);
}

/* Takes over [f] as the revision in force; -1 with [d] set: [f] is freed, the old one stays. */
static int
install(struct mlt_server *s, struct mlt_flows *f, struct ut_diag *d)
{
    struct mlt_flows *old;

    if (mlt_flows_open(f) != 0) {
        mlt_flows_unref(f);
        return ut_diag_set(d, "out of memory");
    }
    pthread_mutex_lock(&s->lock);
    old = s->flows;
    s->flows = f;
    s->error[0] = '\0';
    pthread_mutex_unlock(&s->lock);
    mlt_flows_unref(old);
    return 0;
}

static void
set_error(struct mlt_server *s, const struct ut_diag *d)
{
    pthread_mutex_lock(&s->lock);
    snprintf(s->error, sizeof(s->error), "%s", d->text);
    pthread_mutex_unlock(&s->lock);
}

/* The first revision. */
static int
start(struct mlt_server *s, struct ut_diag *d)
{
    struct ut_diag why = {0};
    struct mlt_flows *f = load(s->opts.config, NULL, &why);
    bool good = f != NULL;

    if (!f && !s->opts.no_revisions)
        f = load_saved(s->opts.config);
    if (!f)
        f = load_refusing(s->opts.config);
    if (!f)
        return ut_diag_set(d, "%s", why.text);
    if (good && !s->opts.no_revisions)
        save(f);
    if (install(s, f, d) != 0)
        return -1;
    if (!good)
        set_error(s, &why);
    return 0;
}

static int
open_journal(struct mlt_server *s, struct ut_diag *d)
{
    const struct ut_conf_global *g = &s->flows->conf->global;
    struct ut_sbuf path;
    size_t damaged;

    if (mlt_submit_wait(g->state_directory, (double)g->reinject_timeout + 5, d) != 0)
        ut_log_diag(UT_LOG_WARNING, "a copy may be sent twice", d);
    ut_sbuf_init(&path, 4096);
    ut_sbuf_addf(&path, "%s/milter.journal", g->state_directory);
    s->journal = mlt_journal_open(ut_sbuf_text(&path), &damaged, d);
    if (s->journal && damaged > 0)
        ut_log(UT_LOG_WARNING, "%s: %zu damaged lines were dropped", ut_sbuf_text(&path), damaged);
    if (s->journal && mlt_journal_pending(s->journal) > 0)
        ut_log(UT_LOG_NOTICE,
            "messages that were under way when the milter ended, and are "
            "recognized if they come again: %zu",
            mlt_journal_pending(s->journal));
    ut_sbuf_fini(&path);
    if (!s->journal)
        return -1;
    if (!s->opts.submit)
        s->submit = mlt_submit_open(g->state_directory, d);
    return s->opts.submit || s->submit ? 0 : -1;
}

struct mlt_server *
mlt_server_new(const struct mlt_server_opts *opts, struct ut_diag *d)
{
    struct mlt_server *s = calloc(1, sizeof(*s));

    if (!s) {
        ut_diag_set(d, "out of memory");
        return NULL;
    }
    s->opts = *opts;
    pthread_mutex_init(&s->lock, NULL);
    if (start(s, d) != 0 || open_journal(s, d) != 0 || !(s->tick = mlt_tick_new(d))) {
        mlt_server_free(s);
        return NULL;
    }
    return s;
}

void
mlt_server_free(struct mlt_server *s)
{
    if (!s)
        return;
    mlt_tick_free(s->tick);
    mlt_submit_close(s->submit);
    mlt_journal_close(s->journal);
    mlt_flows_unref(s->flows);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* What a running process cannot change. */
static void
warn_of_restart(const struct ut_conf_global *old, const struct ut_conf_global *fresh)
{
    if (strcmp(old->milter_listen, fresh->milter_listen) != 0 ||
        strcmp(old->run_directory, fresh->run_directory) != 0 ||
        strcmp(old->state_directory, fresh->state_directory) != 0 ||
        strcmp(old->user, fresh->user) != 0)
        ut_log(UT_LOG_WARNING, "milter_listen, run_directory, state_directory and user take effect "
                               "when the milter is started again");
}

int
mlt_server_reload(struct mlt_server *s, struct ut_diag *d)
{
    struct mlt_flows *old = mlt_server_flows(s);
    struct mlt_flows *f;
    int rc = -1;

    f = load(s->opts.config, old->env, d);
    if (f) {
        warn_of_restart(&old->conf->global, &f->conf->global);
        if (!s->opts.no_revisions)
            save(f);
        rc = install(s, f, d);
    }
    if (rc == 0) {
        __atomic_add_fetch(&s->reloads, 1, __ATOMIC_RELAXED);
        ut_log(UT_LOG_NOTICE, "loaded %s", s->opts.config);
    } else {
        set_error(s, d);
        ut_log(UT_LOG_ERR, "%s was not loaded, what is running stays: %s", s->opts.config, d->text);
    }
    mlt_flows_unref(old);
    return rc;
}

struct mlt_flows *
mlt_server_flows(struct mlt_server *s)
{
    struct mlt_flows *f;

    pthread_mutex_lock(&s->lock);
    f = mlt_flows_ref(s->flows);
    pthread_mutex_unlock(&s->lock);
    return f;
}

struct mlt_journal *
mlt_server_journal(struct mlt_server *s)
{
    return s->journal;
}

struct mlt_tick *
mlt_server_tick(struct mlt_server *s)
{
    return s->tick;
}

int
mlt_server_submit(struct mlt_server *s, const struct ut_smtp_job *job, const struct ut_sbuf *lines,
    struct ut_smtp_reply *reply, struct ut_diag *d)
{
    int rc;

    if (s->opts.submit)
        return s->opts.submit(s->opts.submit_arg, job, reply, d);
    mlt_journal_share(s->journal);
    rc = mlt_submit_send(s->submit, mlt_journal_path(s->journal), job, lines, reply, d);
    mlt_journal_alone(s->journal);
    return rc;
}

/* --- Counts ----------------------------------------------------------------------------------- */

bool
mlt_server_enter(struct mlt_server *s, long max)
{
    unsigned long now = __atomic_add_fetch(&s->connections, 1, __ATOMIC_RELAXED);

    __atomic_add_fetch(&s->accepted, 1, __ATOMIC_RELAXED);
    return now <= (unsigned long)max;
}

void
mlt_server_leave(struct mlt_server *s)
{
    __atomic_sub_fetch(&s->connections, 1, __ATOMIC_RELAXED);
}

void
mlt_server_begin(struct mlt_server *s)
{
    __atomic_add_fetch(&s->working, 1, __ATOMIC_ACQ_REL);
    __atomic_add_fetch(&s->messages, 1, __ATOMIC_RELAXED);
}

void
mlt_server_end(struct mlt_server *s)
{
    __atomic_sub_fetch(&s->working, 1, __ATOMIC_ACQ_REL);
}

void
mlt_server_drain(struct mlt_server *s, double seconds)
{
    double end = ut_time_mono() + seconds;
    struct timespec pause = {0, 20 * 1000 * 1000};

    while (__atomic_load_n(&s->working, __ATOMIC_ACQUIRE) > 0 && ut_time_mono() < end)
        nanosleep(&pause, NULL);
}

/* --- Control ---------------------------------------------------------------------------------- */

/* The steps that new connections ask the mail server for, in the order of the protocol. */
static void
add_steps(struct ut_sbuf *b, const struct mlt_steps *steps)
{
    char text[64];

    snprintf(text, sizeof(text), "connect%s%s%s", steps->envelope ? ",helo,mail,rcpt" : "",
        steps->headers ? ",header" : "", steps->body ? ",body" : "");
    ut_attr_addz(b, "steps", text);
}

static int
status(struct mlt_server *s, struct ut_ctl_client *client, struct ut_diag *d)
{
    struct mlt_flows *f = mlt_server_flows(s);
    struct timespec t = {.tv_sec = (time_t)f->loaded};
    char when[UT_TIME_TEXT_SIZE];
    struct ut_sbuf b;
    int rc;

    ut_time_text(&t, when);
    ut_sbuf_init(&b, 65536);
    ut_attr_addi(&b, "pid", getpid());
    ut_attr_addz(&b, "configuration", f->conf->path);
    ut_attr_addz(&b, "loaded", when);
    ut_attr_addz(&b, "state",
        f->refuse_all ? "answering 451 to all: scripts do not load"
        : f->saved    ? "using the saved revision: the configuration does not load"
                      : "ok");
    pthread_mutex_lock(&s->lock);
    if (s->error[0] != '\0')
        ut_attr_addz(&b, "last_error", s->error);
    pthread_mutex_unlock(&s->lock);
    ut_attr_addi(&b, "scripts", (long long)f->script_count);
    add_steps(&b, &f->steps);
    ut_attr_addi(&b, "connections", (long long)__atomic_load_n(&s->connections, __ATOMIC_RELAXED));
    ut_attr_addi(
        &b, "connections_total", (long long)__atomic_load_n(&s->accepted, __ATOMIC_RELAXED));
    ut_attr_addi(&b, "messages_total", (long long)__atomic_load_n(&s->messages, __ATOMIC_RELAXED));
    ut_attr_addi(&b, "reloads", (long long)__atomic_load_n(&s->reloads, __ATOMIC_RELAXED));
    ut_attr_addi(&b, "unanswered", (long long)mlt_journal_pending(s->journal));
    ut_attr_addz(&b, "quarantine", mlt_hold_works(f->holds) ? "ok" : "cannot keep messages now");
    rc = ut_ctl_record(client, &b);
    ut_sbuf_fini(&b);
    mlt_flows_unref(f);
    return rc == 0 ? 0 : ut_diag_set(d, "the record could not be sent");
}

int
mlt_server_control(
    void *arg, const struct ut_attr_list *request, struct ut_ctl_client *client, struct ut_diag *d)
{
    if (ut_attr_is(request, "request", "status"))
        return status(arg, client, d);
    return ut_diag_set(d, "unknown request: status and reload are known");
}
