/* mlt_main.c - penstock-milter: options, configuration, sockets, privileges, threads, signals.
 * Not here: callbacks (mlt_cb.c), loading and status (mlt_server.c).
 * Threads: the main thread waits for signals; libmilter runs on one of its own, and starts more.
 * Fails: at the start, with a message on the terminal and exit status 1. Once it serves, a
 * configuration with mistakes leaves the one in force.
 *
 * The milter socket is opened as root, so that it may stand in Postfix's spool, and before the
 * privileges go; all else (scripts, quarantine, journal) is opened as the user that serves. */
#include "config.h"

#include <errno.h>
#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <grp.h>
#include <unistd.h>

#include <curl/curl.h>
#include <libmilter/mfapi.h>

#include "lib/ut_conf.h"
#include "lib/ut_ctl.h"
#include "lib/ut_daemon.h"
#include "lib/ut_log.h"
#include "lib/ut_num.h"
#include "lib/ut_sock.h"
#include "lib/ut_time.h"
#include "milter/mlt_cb.h"
#include "milter/mlt_revision.h"
#include "milter/mlt_server.h"
#include "milter/mlt_submit.h"

#define MAIN_BACKLOG 1024
#define MAIN_TIMEOUT 7200 /* seconds that libmilter waits for the mail server's next command */
#define MAIN_DRAIN 30.0   /* seconds that a stop waits for messages being decided on */

/* One a process. */
struct daemon_state {
    struct ut_daemon_args args;
    struct ut_daemon daemon;
    struct ut_daemon_user user;
    struct ut_conf *conf;
    struct ut_sock_addr listen;
    struct mlt_server *server;
    struct ut_ctl_server *control;
    pthread_t milter;
    bool milter_runs;
    int milter_result; /* of smfi_main() */
};

/* --- Configuration ---------------------------------------------------------------------------- */

/* The saved configuration, for the start with one that does not load. */
static struct ut_conf *
load_saved(const char *config)
{
    struct ut_diag_list diags;
    struct ut_sbuf path;
    struct ut_conf *conf;

    ut_diag_list_init(&diags, 1);
    ut_sbuf_init(&path, 4096);
    mlt_revision_directory(config, &path);
    ut_sbuf_addz(&path, "/revision/penstock.conf");
    conf = ut_conf_load(ut_sbuf_text(&path), &diags);
    ut_sbuf_fini(&path);
    ut_diag_list_fini(&diags);
    return conf;
}

/* What the process itself needs of the configuration. Its mistakes are printed here and logged
 * later, by mlt_server_new(). */
static int
load_conf(struct daemon_state *s)
{
    struct ut_diag_list diags;
    struct ut_sbuf text;

    ut_diag_list_init(&diags, 50);
    s->conf = ut_conf_load(s->args.config, &diags);
    ut_sbuf_init(&text, 4096);
    for (size_t i = 0; i < diags.count; i++) {
        ut_sbuf_reset(&text);
        ut_diag_to_text(&diags.items[i], &text);
        fprintf(stderr, "%s\n", ut_sbuf_text(&text));
    }
    ut_sbuf_fini(&text);
    ut_diag_list_fini(&diags);
    if (!s->conf)
        s->conf = load_saved(s->args.config);
    return s->conf ? 0 : -1;
}

static int
open_log(const struct daemon_state *s, const struct ut_conf *conf, struct ut_diag *d)
{
    int level = ut_log_level_by_name(conf->global.log_level);

    if (s->args.verbose || level < 0)
        level = UT_LOG_DEBUG;
    return ut_log_open("penstock-milter", conf->global.log, (enum ut_log_level)level, d);
}

/* However the reload was asked for: the file may be another one, or have been rotated. */
static void
renew_log(void *arg, const struct ut_conf *conf)
{
    struct ut_diag d;

    if (open_log(arg, conf, &d) != 0)
        ut_log_diag(UT_LOG_ERR, "the log could not be opened again", &d);
}

/* --- Sockets and folders ---------------------------------------------------------------------- */

/* libmilter's way of writing the address. */
static void
conn_text(const struct ut_sock_addr *a, struct ut_sbuf *out)
{
    bool any = a->host[0] == '\0' || strcmp(a->host, "*") == 0;

    if (a->family == UT_SOCK_UNIX)
        ut_sbuf_addf(out, "unix:%s", a->path);
    else if (any)
        ut_sbuf_addf(out, "inet:%u", a->port);
    else
        ut_sbuf_addf(out, "%s:%u@%s", strchr(a->host, ':') ? "inet6" : "inet", a->port, a->host);
}

/* Fails if somebody answers on the socket: libmilter would take it away from him. */
static int
check_free(const struct ut_sock_addr *a, struct ut_diag *d)
{
    int fd = ut_sock_connect(a, ut_time_mono() + 5, NULL);

    if (fd < 0)
        return 0;
    close(fd);
    return ut_diag_set(d, "%s is in use: is another penstock-milter running?", a->path);
}

/* Gives the UNIX socket the permissions and group of the configuration. */
static int
open_up(const struct daemon_state *s, struct ut_diag *d)
{
    const struct ut_conf_global *g = &s->conf->global;
    const struct group *group = NULL;
    unsigned mode;

    if (ut_num_mode(g->milter_socket_mode, &mode) != 0)
        return ut_diag_set(d, "milter_socket_mode: \"%s\" is not an octal number such as 0660",
            g->milter_socket_mode);
    if (g->milter_socket_group[0] != '\0') {
        group = getgrnam(g->milter_socket_group);
        if (!group)
            return ut_diag_set(
                d, "milter_socket_group: there is no group %s", g->milter_socket_group);
    }
    if (group &&
        chown(s->listen.path, geteuid() == 0 ? s->user.uid : (uid_t)-1, group->gr_gid) != 0)
        return ut_diag_errno(
            d, "cannot give %s to group %s", s->listen.path, g->milter_socket_group);
    if (chmod(s->listen.path, mode) != 0)
        return ut_diag_errno(d, "cannot set permissions of %s", s->listen.path);
    return 0;
}

/* Makes the folder that the UNIX socket is in, if it is missing. */
static int
make_socket_folder(const struct daemon_state *s, struct ut_diag *d)
{
    char path[sizeof(s->listen.path)];

    memcpy(path, s->listen.path, sizeof(path));
    return ut_daemon_dir(dirname(path), 0755, &s->user, d);
}

static int
open_socket(struct daemon_state *s, struct ut_diag *d)
{
    bool local;
    struct ut_sbuf text;
    int rc = 0;

    if (ut_sock_parse(s->conf->global.milter_listen, &s->listen, d) != 0)
        return -1;
    local = s->listen.family == UT_SOCK_UNIX;
    if (local && (make_socket_folder(s, d) != 0 || check_free(&s->listen, d) != 0))
        return -1;
    ut_sbuf_init(&text, 1024);
    conn_text(&s->listen, &text);
    if (smfi_register(mlt_cb_describe()) != MI_SUCCESS)
        rc = ut_diag_set(d, "libmilter refused to register the milter");
    else if (smfi_setconn((char *)ut_sbuf_text(&text)) != MI_SUCCESS)
        rc = ut_diag_set(d, "libmilter does not take the address %s", ut_sbuf_text(&text));
    else if (smfi_opensocket(true) != MI_SUCCESS)
        rc = ut_diag_set(d, "cannot listen on %s: does the folder exist, is the port free?",
            ut_sbuf_text(&text));
    ut_sbuf_fini(&text);
    return rc == 0 && local ? open_up(s, d) : rc;
}

static int
make_folders(const struct daemon_state *s, struct ut_diag *d)
{
    const struct ut_conf *c = s->conf;
    struct ut_sbuf path;
    int rc;

    rc = ut_daemon_dir(c->global.state_directory, 0750, &s->user, d) == 0 &&
                 ut_daemon_dir(c->global.run_directory, 0755, &s->user, d) == 0
             ? 0
             : -1;
    for (size_t i = 0; rc == 0 && i < c->mailquarantine_count; i++) {
        if (c->mailquarantines[i].directory[0] == '\0')
            continue;
        ut_sbuf_init(&path, 4096);
        ut_conf_quarantine_dir(c, &c->mailquarantines[i], &path);
        rc = ut_daemon_dir(ut_sbuf_text(&path), 0700, &s->user, d);
        ut_sbuf_fini(&path);
    }
    return rc;
}

/* --- libmilter -------------------------------------------------------------------------------- */

static int
check_version(struct ut_diag *d)
{
    unsigned major, minor, patch;

    if (smfi_version(&major, &minor, &patch) != MI_SUCCESS ||
        major != SM_LM_VRS_MAJOR(SMFI_VERSION))
        return ut_diag_set(d, "this libmilter is not the one that the milter was built for");
    return 0;
}

static void *
milter_main(void *arg)
{
    struct daemon_state *s = arg;

    s->milter_result = smfi_main();
    ut_daemon_stop(&s->daemon);
    return NULL;
}

static int
start_milter(struct daemon_state *s, struct ut_diag *d)
{
    int error = pthread_create(&s->milter, NULL, milter_main, s);

    if (error != 0)
        return ut_diag_set(d, "cannot start a thread: %s", strerror(error));
    s->milter_runs = true;
    return 0;
}

/* --- Start and stop --------------------------------------------------------------------------- */

static int
open_files(struct daemon_state *s, struct ut_diag *d)
{
    const struct ut_conf_global *g = &s->conf->global;
    struct ut_sbuf path;
    int rc;

    if (open_log(s, s->conf, d) != 0 || ut_daemon_user(&s->user, g->user, g->group, d) != 0 ||
        make_folders(s, d) != 0)
        return -1;
    ut_sbuf_init(&path, 4096);
    ut_sbuf_addf(&path, "%s/milter.pid", g->run_directory);
    rc = ut_daemon_pidfile(&s->daemon, ut_sbuf_text(&path), d);
    ut_sbuf_fini(&path);
    if (rc != 0 || open_socket(s, d) != 0)
        return -1;
    return ut_daemon_become(&s->user, d);
}

static int
open_control(struct daemon_state *s, struct ut_diag *d)
{
    struct ut_sbuf path;

    ut_sbuf_init(&path, 4096);
    ut_sbuf_addf(&path, "%s/milter.ctl", s->conf->global.run_directory);
    s->control = ut_ctl_server_start(ut_sbuf_text(&path), 0600, mlt_server_control, s->server, d);
    ut_sbuf_fini(&path);
    return s->control ? 0 : -1;
}

static int
start(struct daemon_state *s, struct ut_diag *d)
{
    struct mlt_server_opts opts = {
        .config = s->args.config, .reloaded = renew_log, .reloaded_arg = s};

    if (check_version(d) != 0 || open_files(s, d) != 0)
        return -1;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ut_diag_set(d, "libcurl could not be initialized");
    s->server = mlt_server_new(&opts, d);
    if (!s->server)
        return -1;
    mlt_cb_serve(s->server, s->listen.family == UT_SOCK_UNIX);
    smfi_setbacklog(MAIN_BACKLOG);
    smfi_settimeout(MAIN_TIMEOUT);
    return open_control(s, d) == 0 ? start_milter(s, d) : -1;
}

static void
reload(void *arg)
{
    struct daemon_state *s = arg;
    struct ut_diag d;

    if (mlt_server_reload(s->server, &d) != 0)
        ut_log(UT_LOG_NOTICE, "the configuration in force stays");
}

/* libmilter looks for a stop every five seconds, or when somebody connects. */
static void
wake_listener(const struct daemon_state *s)
{
    struct ut_sock_addr a = s->listen;
    int fd;

    if (a.host[0] == '\0' || strcmp(a.host, "*") == 0)
        snprintf(a.host, sizeof(a.host), "127.0.0.1");
    fd = ut_sock_connect(&a, ut_time_mono() + 1, NULL);
    if (fd >= 0)
        close(fd);
}

/* Ends what runs. Connections that are open are cut off when the process ends; the message that one
 * of them is in the middle of is finished first. */
static void
stop(struct daemon_state *s)
{
    if (s->milter_runs) {
        smfi_stop();
        wake_listener(s);
        mlt_server_drain(s->server, MAIN_DRAIN);
        pthread_join(s->milter, NULL);
    }
    ut_ctl_server_stop(s->control);
    if (s->listen.family == UT_SOCK_UNIX && s->listen.path[0] != '\0' && s->milter_runs)
        unlink(s->listen.path);
}

int
main(int argc, char **argv)
{
    struct daemon_state s = {.daemon = {.wake = {-1, -1}, .parent = -1, .pid_fd = -1}};
    struct ut_diag d = {0};
    int rc = 1;

    if (argc == 2 && strcmp(argv[1], MLT_SUBMIT_ARGUMENT) == 0)
        return mlt_submit_main();
    if (ut_daemon_args(&s.args, "penstock-milter", argc, argv, &d) != 0) {
        fprintf(stderr, "%s\n", d.text);
        return 64;
    }
    if (load_conf(&s) != 0)
        return 78;
    if (ut_daemon_start(&s.daemon, s.args.foreground, &d) != 0) {
        fprintf(stderr, "penstock-milter: %s\n", d.text);
        return 1;
    }
    if (start(&s, &d) == 0) {
        ut_log(UT_LOG_NOTICE, "penstock-milter " PACKAGE_VERSION " serves %s",
            s.conf->global.milter_listen);
        ut_daemon_ready(&s.daemon);
        ut_daemon_loop(&s.daemon, reload, &s);
        rc = s.milter_result == MI_SUCCESS ? 0 : 1;
    } else {
        ut_log_diag(UT_LOG_CRIT, "the milter cannot start", &d);
        ut_daemon_fail(&s.daemon, &d);
    }
    stop(&s);
    ut_daemon_end(&s.daemon);
    ut_conf_unref(s.conf);
    return rc;
}
