/* pol_main.c - penstock-policyd: start, reload, stop.
 * Not here: the work (pol_state.c, pol_keep.c, pol_ctl.c).
 * Threads: main waits for signals; one that writes; those of the two sockets.
 * Fails: with a message and exit status 1 at the start; later only by being stopped. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ut_daemon.h"
#include "lib/ut_log.h"
#include "lib/ut_sock.h"
#include "lib/ut_time.h"
#include "policyd/pol_ctl.h"

#define SOCKET_MODE 0660

struct program {
    struct ut_daemon_args args;
    struct ut_daemon daemon;
    struct ut_conf *conf;
    struct ut_sock_addr addr; /* of the state socket */
    struct hsl_share *share;
    struct pol_state state;
    struct pol_ctl ctl;
    struct ut_ctl_server *server;
};

/* Reads the configuration; every mistake is printed or, once running, logged. The first one goes
 * to [d]. */
static struct ut_conf *
load(const char *path, bool running, struct ut_diag *d)
{
    struct ut_diag_list diags;
    struct ut_conf *conf;

    ut_diag_list_init(&diags, 100);
    conf = ut_conf_load(path, &diags);
    for (size_t i = 0; i < diags.count; i++) {
        const struct ut_diag *one = &diags.items[i];
        struct ut_sbuf text;

        ut_sbuf_init(&text, 4096);
        ut_diag_to_text(one, &text);
        if (running)
            ut_log_diag(one->level == UT_DIAG_ERROR ? UT_LOG_ERR : UT_LOG_WARNING, NULL, one);
        else
            fprintf(stderr, "%s: %s\n", POL_SELF, ut_sbuf_text(&text));
        if (one->level == UT_DIAG_ERROR && !d->text[0])
            (void)ut_diag_set(d, "%s", ut_sbuf_text(&text));
        ut_sbuf_fini(&text);
    }
    ut_diag_list_fini(&diags);
    return conf;
}

static int
open_log(const struct program *p, const struct ut_conf *conf, struct ut_diag *d)
{
    int level = p->args.verbose ? UT_LOG_DEBUG : ut_log_level_by_name(conf->global.log_level);

    return ut_log_open(POL_SELF, conf->global.log, (enum ut_log_level)level, d);
}

/* For struct pol_ctl. The log alone follows: sockets, folders and sizes stay those of the start. */
static int
reload(void *arg, struct ut_diag *d)
{
    struct program *p = arg;
    struct ut_conf *conf;

    d->text[0] = '\0';
    conf = load(p->args.config, true, d);
    if (!conf) {
        ut_log(UT_LOG_ERR, "the configuration was not loaded, going on with the one before: %s",
            d->text);
        return -1;
    }
    if (open_log(p, conf, d) < 0)
        ut_log_diag(UT_LOG_ERR, NULL, d);
    ut_conf_unref(conf);
    ut_log(UT_LOG_NOTICE, "configuration loaded");
    return 0;
}

/* For ut_daemon_loop(): SIGHUP. */
static void
hang_up(void *arg)
{
    struct ut_diag d;

    (void)!reload(arg, &d); /* logged */
}

static int
read_address(struct program *p, struct ut_diag *d)
{
    const char *address = p->conf->global.state_socket;

    if (!*address)
        return ut_diag_set(d,
            "%s: the parameter state_socket is empty: set it, for example to unix:%s/state, or do "
            "not start %s",
            p->args.config, p->conf->global.run_directory, POL_SELF);
    if (ut_sock_parse(address, &p->addr, d) < 0)
        return -1;
    if (p->addr.family == UT_SOCK_UNIX)
        return 0;
    return ut_diag_set(d, "state_socket: %s is no UNIX socket; write unix:PATH", address);
}

/* Folders, pid file, user: what may need to be root. */
static int
prepare(struct program *p, struct ut_diag *d)
{
    const struct ut_conf_global *g = &p->conf->global;
    struct ut_daemon_user user;
    char *path;
    int result;

    if (ut_daemon_user(&user, g->user, g->group, d) < 0 ||
        ut_daemon_dir(g->state_directory, 0750, &user, d) < 0 ||
        ut_daemon_dir(g->run_directory, 0755, &user, d) < 0)
        return -1;
    if (asprintf(&path, "%s/policyd.pid", g->run_directory) < 0)
        return ut_diag_set(d, "no memory");
    result = ut_daemon_pidfile(&p->daemon, path, d);
    free(path);
    return result == 0 ? ut_daemon_become(&user, d) : -1;
}

static int
open_store(struct program *p, struct ut_diag *d)
{
    const struct ut_conf_global *g = &p->conf->global;
    struct ut_diag damaged;
    char *path;

    p->share = hsl_share_local_new((size_t)g->store_memory, (unsigned)g->rate_ipv6_prefix, true);
    if (!p->share || asprintf(&path, "%s/state", g->state_directory) < 0)
        return ut_diag_set(d, "no memory");
    p->ctl.keep = pol_keep_open(path, p->share, &damaged, d);
    free(path);
    if (p->ctl.keep && damaged.text[0])
        ut_log(UT_LOG_CRIT, "%s; it is set aside and shared state begins anew", damaged.text);
    return p->ctl.keep ? 0 : -1;
}

static int
serve(struct program *p, struct ut_diag *d)
{
    const struct ut_conf_global *g = &p->conf->global;
    char *path;

    p->state.share = p->share;
    p->ctl.state = &p->state;
    p->ctl.reload = reload;
    p->ctl.arg = p;
    p->ctl.started = ut_time_mono();
    p->ctl.serve = ut_serve_start(p->addr.path, SOCKET_MODE, (unsigned)g->state_clients,
        "status=error\ntext=too many clients\n\n", pol_state_serve, &p->state, d);
    if (!p->ctl.serve)
        return -1;
    if (asprintf(&path, "%s/policyd.ctl", g->run_directory) < 0)
        return ut_diag_set(d, "no memory");
    p->server = ut_ctl_server_start(path, SOCKET_MODE, pol_ctl_handle, &p->ctl, d);
    free(path);
    return p->server ? 0 : -1;
}

static int
start(struct program *p, struct ut_diag *d)
{
    if (ut_daemon_start(&p->daemon, p->args.foreground, d) < 0 || open_log(p, p->conf, d) < 0 ||
        prepare(p, d) < 0)
        return -1;
    return open_store(p, d) < 0 ? -1 : serve(p, d);
}

int
main(int argc, char **argv)
{
    static struct program p;
    struct ut_diag d = {0};
    int status = 0;

    if (ut_daemon_args(&p.args, POL_SELF, argc, argv, &d) < 0) {
        fprintf(stderr, "%s\n", d.text);
        return 1;
    }
    p.conf = load(p.args.config, false, &d);
    if (!p.conf)
        return 1;
    if (read_address(&p, &d) < 0) {
        fprintf(stderr, "%s: %s\n", POL_SELF, d.text);
        ut_conf_unref(p.conf);
        return 1;
    }
    if (start(&p, &d) == 0) {
        ut_log(UT_LOG_NOTICE, "ready");
        ut_daemon_ready(&p.daemon);
        ut_daemon_loop(&p.daemon, hang_up, &p);
        ut_log(UT_LOG_NOTICE, "stopping");
    } else {
        ut_log_diag(UT_LOG_CRIT, "cannot start", &d);
        ut_daemon_fail(&p.daemon, &d);
        status = 1;
    }
    ut_ctl_server_stop(p.server);
    ut_serve_stop(p.ctl.serve);
    pol_keep_close(p.ctl.keep);
    if (p.share)
        p.share->ops->free(p.share);
    ut_conf_unref(p.conf);
    ut_daemon_end(&p.daemon);
    ut_log_close();
    return status;
}
