/* qtn_main.c - penstock-quarantined: start, reload, stop.
 * Not here: the work (qtn_watch.c, qtn_server.c).
 * Threads: main waits for signals; a worker; the control socket's.
 * Fails: with a message and exit status 1 at the start; later only by being stopped. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "lib/ut_ctl.h"
#include "lib/ut_daemon.h"
#include "lib/ut_log.h"
#include "quarantine/qtn_keeper.h"
#include "quarantine/qtn_reindex.h"
#include "quarantine/qtn_server.h"
#include "quarantine/qtn_watch.h"

#define SOCKET_MODE 0660

struct program {
    struct ut_daemon_args args;
    struct ut_daemon daemon;
    struct ut_conf *conf; /* until the boxes take it */
    struct qtn_keeper keeper;
    struct qtn_watch *watch;
    struct qtn_server served;
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
            fprintf(stderr, "%s: %s\n", QTN_SELF, ut_sbuf_text(&text));
        if (one->level == UT_DIAG_ERROR && !d->text[0])
            ut_diag_set(d, "%s", ut_sbuf_text(&text));
        ut_sbuf_fini(&text);
    }
    ut_diag_list_fini(&diags);
    return conf;
}

static int
open_log(const struct program *p, const struct ut_conf *conf, struct ut_diag *d)
{
    int level = p->args.verbose ? UT_LOG_DEBUG : ut_log_level_by_name(conf->global.log_level);

    return ut_log_open(QTN_SELF, conf->global.log, (enum ut_log_level)level, d);
}

/* Loads the configuration and opens its quarantines; NULL with [d] set. */
static struct qtn_boxes *
load_boxes(struct program *p, struct ut_diag *d)
{
    struct ut_conf *conf = load(p->args.config, true, d);
    struct qtn_boxes *boxes = conf ? qtn_boxes_open(conf, d) : NULL;

    if (!boxes)
        ut_conf_unref(conf);
    return boxes;
}

/* For struct qtn_server. Paths of state and sockets stay those of the start. Any
 * thread. */
static int
reload(void *arg, struct ut_diag *d)
{
    struct program *p = arg;
    struct qtn_boxes *boxes;
    struct ut_diag why = {0};

    d->text[0] = '\0';
    boxes = load_boxes(p, d);
    if (!boxes) {
        ut_log(UT_LOG_ERR, "the configuration was not loaded, going on with the one before: %s",
            d->text);
        qtn_keeper_not_loaded(&p->keeper, d);
        return -1;
    }
    if (open_log(p, boxes->conf, &why) < 0)
        ut_log_diag(UT_LOG_ERR, NULL, &why);
    qtn_keeper_reload(&p->keeper, boxes);
    qtn_watch_renew(p->watch);
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

/* Makes the folders of quarantines that are not below the state directory: as root, since the user
 * of the daemon may not write there. */
static int
make_folders(const struct ut_conf *conf, const struct ut_daemon_user *user, struct ut_diag *d)
{
    int result = 0;

    for (size_t i = 0; result == 0 && i < conf->mailquarantine_count; i++)
        if (conf->mailquarantines[i].directory[0])
            result = ut_daemon_dir(conf->mailquarantines[i].directory, 0700, user, d);
    return result;
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
        ut_daemon_dir(g->run_directory, 0755, &user, d) < 0 ||
        make_folders(p->conf, &user, d) < 0)
        return -1;
    if (asprintf(&path, "%s/quarantined.pid", g->run_directory) < 0)
        return ut_diag_set(d, "no memory");
    result = ut_daemon_pidfile(&p->daemon, path, d);
    free(path);
    return result == 0 ? ut_daemon_become(&user, d) : -1;
}

/* Opens what the daemon owns; without an index, from the first start or lost, builds one. */
static int
open_keeper(struct program *p, struct ut_diag *d)
{
    struct qtn_boxes *boxes = qtn_boxes_open(p->conf, d);
    unsigned long records;
    bool missing;

    if (!boxes)
        return -1;
    p->conf = NULL;
    if (qtn_keeper_open(&p->keeper, boxes, &missing, d) < 0) {
        qtn_boxes_unref(boxes);
        return -1;
    }
    if (missing && qtn_reindex(&p->keeper, NULL, NULL, &records, d) < 0)
        return -1;
    if (p->keeper.trouble.text[0])
        ut_log_diag(UT_LOG_CRIT, NULL, &p->keeper.trouble);
    return 0;
}

static int
serve(struct program *p, struct ut_diag *d)
{
    char *path;

    if (asprintf(&path, "%s/quarantined.ctl", p->keeper.boxes->conf->global.run_directory) < 0)
        return ut_diag_set(d, "no memory");
    p->served = (struct qtn_server){.keeper = &p->keeper, .reload = reload, .arg = p};
    p->watch = qtn_watch_start(&p->keeper, d);
    if (p->watch)
        p->server = ut_ctl_server_start(path, SOCKET_MODE, qtn_server_handle, &p->served, d);
    free(path);
    return p->server ? 0 : -1;
}

static int
start(struct program *p, struct ut_diag *d)
{
    if (ut_daemon_start(&p->daemon, p->args.foreground, d) < 0 || open_log(p, p->conf, d) < 0 ||
        prepare(p, d) < 0)
        return -1;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ut_diag_set(d, "libcurl does not start");
    return open_keeper(p, d) < 0 ? -1 : serve(p, d);
}

int
main(int argc, char **argv)
{
    static struct program p;
    struct ut_diag d = {0};
    int status = 0;

    if (ut_daemon_args(&p.args, QTN_SELF, argc, argv, &d) < 0) {
        fprintf(stderr, "%s\n", d.text);
        return 1;
    }
    p.conf = load(p.args.config, false, &d);
    if (!p.conf)
        return 1;
    p.keeper.lock_fd = -1;
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
    qtn_watch_stop(p.watch);
    if (p.keeper.boxes)
        qtn_keeper_close(&p.keeper);
    ut_conf_unref(p.conf);
    ut_daemon_end(&p.daemon);
    curl_global_cleanup();
    ut_log_close();
    return status;
}
