/* ut_service.c - main() of a daemon: what all of them do, in its order.
 * Not here: how it is done (ut_daemon.c), what a particular daemon serves (its *_main.c).
 * Threads: the main thread, but for reloads, which the control socket's threads may ask for.
 * Fails: at the start, with a message on the terminal and an exit status; a configuration with
 * mistakes that comes later leaves the one in force. */
#include "config.h"

#include "lib/ut_service.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "lib/ut_log.h"

#define DIAGS_MAX 100

/* Prints [d], for who starts the daemon by hand. */
static void
print(const struct ut_service *s, const struct ut_diag *d)
{
    struct ut_sbuf text;

    ut_sbuf_init(&text, 4096);
    ut_diag_to_text(d, &text);
    fprintf(stderr, "%s: %s\n", s->ops->program, ut_sbuf_text(&text));
    ut_sbuf_fini(&text);
}

/* --- Configuration and log -------------------------------------------------------------------- */

/* The configuration of the start, its mistakes printed. */
static int
load_first(struct ut_service *s)
{
    struct ut_diag_list diags;
    struct ut_diag d;

    ut_diag_list_init(&diags, DIAGS_MAX);
    s->conf = ut_conf_load(s->args.config, &diags);
    for (size_t i = 0; i < diags.count; i++)
        print(s, &diags.items[i]);
    ut_diag_list_fini(&diags);
    if (!s->conf && s->ops->load_saved)
        s->conf = s->ops->load_saved(s->args.config);
    if (!s->conf)
        return -1;
    if (!s->ops->check || s->ops->check(s, &d) == 0)
        return 0;
    print(s, &d);
    return -1;
}

static int
open_log(const struct ut_service *s, const struct ut_conf *conf, struct ut_diag *d)
{
    int level = s->args.verbose ? UT_LOG_DEBUG : ut_log_level_by_name(conf->global.log_level);

    return ut_log_open(s->ops->program, conf->global.log, (enum ut_log_level)level, d);
}

void
ut_service_renew_log(const struct ut_service *s, const struct ut_conf *conf)
{
    struct ut_diag d;

    if (open_log(s, conf, &d) != 0)
        ut_log_diag(UT_LOG_ERR, "the log could not be opened again", &d);
}

int
ut_service_reload(struct ut_service *s, ut_service_take_fn *take, struct ut_diag *d)
{
    struct ut_diag_list diags;
    struct ut_conf *conf;
    int result;

    ut_diag_list_init(&diags, DIAGS_MAX);
    conf = ut_conf_load(s->args.config, &diags);
    ut_log_diags(&diags, d);
    ut_diag_list_fini(&diags);
    result = conf ? 0 : -1;
    if (conf && take)
        result = take(s, conf, d);
    if (result == 0) {
        ut_conf_unref(s->conf);
        s->conf = conf;
    } else {
        ut_conf_unref(conf);
    }
    ut_service_renew_log(s, s->conf);
    if (result == 0)
        ut_log(UT_LOG_NOTICE, "configuration loaded");
    else
        ut_log(UT_LOG_ERR, "the configuration was not loaded, going on with the one before: %s",
            d->text);
    return result;
}

/* --- Requests to load it anew ----------------------------------------------------------------- */

static int
reload(struct ut_service *s, struct ut_diag *d)
{
    int result;

    pthread_mutex_lock(&s->reloading);
    result = s->ops->reload(s, d);
    pthread_mutex_unlock(&s->reloading);
    return result;
}

/* For ut_daemon_loop(): SIGHUP. */
static void
hang_up(void *arg)
{
    struct ut_diag d;

    (void)!reload(arg, &d); /* logged */
}

/* For the control socket. */
static int
control(
    void *arg, const struct ut_attr_list *request, struct ut_ctl_client *client, struct ut_diag *d)
{
    struct ut_service *s = arg;

    if (ut_attr_is(request, "request", "reload"))
        return reload(s, d);
    return s->ops->control(s->control_arg, request, client, d);
}

/* --- Start and stop --------------------------------------------------------------------------- */

/* The file NAME.[suffix] in the run directory into [out]. */
static int
run_file(const struct ut_service *s, const char *suffix, struct ut_sbuf *out, struct ut_diag *d)
{
    ut_sbuf_init(out, 4096);
    ut_sbuf_addf(out, "%s/%s.%s", s->conf->global.run_directory, s->ops->name, suffix);
    return out->failed ? ut_diag_set(d, "run_directory is too long") : 0;
}

static int
open_pidfile(struct ut_service *s, struct ut_diag *d)
{
    struct ut_sbuf path;
    int result = run_file(s, "pid", &path, d);

    if (result == 0)
        result = ut_daemon_pidfile(&s->daemon, ut_sbuf_text(&path), d);
    ut_sbuf_fini(&path);
    return result;
}

static int
open_control(struct ut_service *s, struct ut_diag *d)
{
    struct ut_sbuf path;

    if (run_file(s, "ctl", &path, d) == 0)
        s->control = ut_ctl_server_start(ut_sbuf_text(&path), s->ops->control_mode, control, s, d);
    ut_sbuf_fini(&path);
    return s->control ? 0 : -1;
}

int
ut_service_quarantine_dirs(struct ut_service *s, struct ut_diag *d)
{
    const struct ut_conf *conf = s->conf;
    int result = 0;

    for (size_t i = 0; result == 0 && i < conf->mailquarantine_count; i++)
        if (conf->mailquarantines[i].directory[0])
            result = ut_daemon_dir(conf->mailquarantines[i].directory, 0700, &s->user, d);
    return result;
}

/* The log, as a file that the user of the daemon can open again when it was rotated. */
static int
make_log(const struct ut_service *s, struct ut_diag *d)
{
    const char *path = s->conf->global.log, *slash = strrchr(path, '/');
    struct ut_sbuf dir;
    int result = 0;

    if (path[0] != '/') /* syslog and the like */
        return open_log(s, s->conf, d);
    ut_sbuf_init(&dir, 4096);
    ut_sbuf_add(&dir, path, slash > path ? (size_t)(slash - path) : 1);
    result = ut_daemon_dir(ut_sbuf_text(&dir), 0750, &s->user, d);
    ut_sbuf_fini(&dir);
    if (result != 0 || ut_daemon_file(path, 0640, &s->user, d) != 0)
        return -1;
    return open_log(s, s->conf, d);
}

/* Log, folders, pid file, sockets: what may need to be root. */
static int
prepare(struct ut_service *s, struct ut_diag *d)
{
    const struct ut_conf_global *g = &s->conf->global;

    if (ut_daemon_user(&s->user, g->user, g->group, d) != 0 || make_log(s, d) != 0 ||
        ut_daemon_dir(g->state_directory, 0750, &s->user, d) != 0 ||
        ut_daemon_dir(g->run_directory, 0755, &s->user, d) != 0 || open_pidfile(s, d) != 0)
        return -1;
    if (s->ops->open && s->ops->open(s, d) != 0)
        return -1;
    return ut_daemon_become(&s->user, d);
}

static int
start(struct ut_service *s, struct ut_diag *d)
{
    if (ut_daemon_start(&s->daemon, s->args.foreground, d) != 0 || prepare(s, d) != 0)
        return -1;
    if (s->ops->start && s->ops->start(s, d) != 0)
        return -1;
    return open_control(s, d);
}

static void
serve(struct ut_service *s)
{
    struct ut_diag d = {0};

    if (start(s, &d) == 0) {
        ut_log(UT_LOG_NOTICE, "ready");
        ut_daemon_ready(&s->daemon);
        ut_daemon_loop(&s->daemon, hang_up, s);
        ut_log(UT_LOG_NOTICE, "stopping");
    } else {
        ut_log_diag(UT_LOG_CRIT, "cannot start", &d);
        ut_daemon_fail(&s->daemon, &d);
        s->failed = true;
    }
    ut_ctl_server_stop(s->control);
    if (s->ops->stop)
        s->ops->stop(s);
    /* The log stays open: a thread that is cut off may have a last word. */
    ut_daemon_end(&s->daemon);
}

int
ut_service_main(struct ut_service *s, const struct ut_service_ops *ops, int argc, char **argv)
{
    struct ut_diag d;
    int status = EX_CONFIG;

    s->ops = ops;
    if (ut_daemon_args(&s->args, ops->program, argc, argv, &d) != 0) {
        fprintf(stderr, "%s\n", d.text);
        return EX_USAGE;
    }
    if (s->args.version)
        return printf("%s %s\n", ops->program, PACKAGE_VERSION) > 0 && fflush(stdout) == 0 ? 0 : 1;
    if (load_first(s) == 0) {
        pthread_mutex_init(&s->reloading, NULL);
        serve(s);
        pthread_mutex_destroy(&s->reloading);
        status = s->failed ? 1 : 0;
    }
    ut_conf_unref(s->conf);
    return status;
}
