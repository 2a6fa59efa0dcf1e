/* mlt_main.c - penstock-milter: start, reload, stop; the milter socket.
 * Not here: callbacks (mlt_cb.c), loading and status (mlt_server.c), what all daemons do
 * (lib/ut_service.c).
 * Threads: the main thread waits for signals; libmilter runs on one of its own, and starts more.
 * Fails: at the start, with a message on the terminal and exit status 1. Once it serves, a
 * configuration with mistakes leaves the one in force.
 *
 * The milter socket is opened as root, so that it may stand in Postfix's spool, and before the
 * privileges go; all else (scripts, quarantine, journal) is opened as the user that serves. */
#include "config.h"

#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <grp.h>
#include <unistd.h>

#include <curl/curl.h>
#include <libmilter/mfapi.h>

#include "lib/ut_conf.h"
#include "lib/ut_log.h"
#include "lib/ut_num.h"
#include "lib/ut_service.h"
#include "lib/ut_sock.h"
#include "lib/ut_time.h"
#include "milter/mlt_cb.h"
#include "milter/mlt_revision.h"
#include "milter/mlt_server.h"
#include "milter/mlt_submit.h"

#define MAIN_BACKLOG 1024
#define MAIN_TIMEOUT 7200 /* seconds that libmilter waits for the mail server's next command */
#define MAIN_DRAIN 30.0   /* seconds that a stop waits for messages being decided on */

struct program {
    struct ut_service service;
    struct ut_sock_addr listen;
    struct mlt_server *server;
    pthread_t milter;
    bool milter_runs;
};

static struct program *
program_of(struct ut_service *s)
{
    return (struct program *)s;
}

/* --- Configuration ---------------------------------------------------------------------------- */

/* For struct ut_service_ops: the saved configuration, for the start with one that does not load. */
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

/* For struct ut_service_ops. */
static int
reload(struct ut_service *s, struct ut_diag *d)
{
    struct mlt_server *server = program_of(s)->server;
    int result = mlt_server_reload(server, d);
    struct mlt_flows *f = mlt_server_flows(server);

    ut_service_renew_log(s, f->conf);
    mlt_flows_unref(f);
    return result;
}

/* --- The milter socket ------------------------------------------------------------------------ */

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
open_up(const struct program *p, struct ut_diag *d)
{
    const struct ut_conf_global *g = &p->service.conf->global;
    const char *path = p->listen.path;
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
    if (group && chown(path, geteuid() == 0 ? p->service.user.uid : (uid_t)-1, group->gr_gid) != 0)
        return ut_diag_errno(d, "cannot give %s to group %s", path, g->milter_socket_group);
    if (chmod(path, mode) != 0)
        return ut_diag_errno(d, "cannot set permissions of %s", path);
    return 0;
}

/* Makes the folder that the UNIX socket is in, if it is missing. */
static int
make_socket_folder(const struct program *p, struct ut_diag *d)
{
    char path[sizeof(p->listen.path)];

    memcpy(path, p->listen.path, sizeof(path));
    return ut_daemon_dir(dirname(path), 0755, &p->service.user, d);
}

static int
open_socket(struct program *p, struct ut_diag *d)
{
    bool local;
    struct ut_sbuf text;
    int rc = 0;

    if (ut_sock_parse(p->service.conf->global.milter_listen, &p->listen, d) != 0)
        return -1;
    local = p->listen.family == UT_SOCK_UNIX;
    if (local && (make_socket_folder(p, d) != 0 || check_free(&p->listen, d) != 0))
        return -1;
    ut_sbuf_init(&text, 1024);
    conn_text(&p->listen, &text);
    if (smfi_register(mlt_cb_describe()) != MI_SUCCESS)
        rc = ut_diag_set(d, "libmilter refused to register the milter");
    else if (smfi_setconn((char *)ut_sbuf_text(&text)) != MI_SUCCESS)
        rc = ut_diag_set(d, "libmilter does not take the address %s", ut_sbuf_text(&text));
    else if (smfi_opensocket(true) != MI_SUCCESS)
        rc = ut_diag_set(d, "cannot listen on %s: does the folder exist, is the port free?",
            ut_sbuf_text(&text));
    ut_sbuf_fini(&text);
    return rc == 0 && local ? open_up(p, d) : rc;
}

/* For struct ut_service_ops: folders and the socket. */
static int
open_all(struct ut_service *s, struct ut_diag *d)
{
    return ut_service_quarantine_dirs(s, d) == 0 ? open_socket(program_of(s), d) : -1;
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
    struct program *p = arg;

    if (smfi_main() != MI_SUCCESS)
        p->service.failed = true;
    ut_daemon_stop(&p->service.daemon);
    return NULL;
}

static int
start_milter(struct program *p, struct ut_diag *d)
{
    int error = pthread_create(&p->milter, NULL, milter_main, p);

    if (error != 0)
        return ut_diag_set(d, "cannot start a thread: %s", strerror(error));
    p->milter_runs = true;
    return 0;
}

/* --- Start and stop --------------------------------------------------------------------------- */

/* For struct ut_service_ops. */
static int
start(struct ut_service *s, struct ut_diag *d)
{
    struct program *p = program_of(s);
    struct mlt_server_opts opts = {.config = s->args.config};

    if (check_version(d) != 0)
        return -1;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ut_diag_set(d, "libcurl could not be initialized");
    p->server = mlt_server_new(&opts, d);
    if (!p->server)
        return -1;
    s->control_arg = p->server;
    mlt_cb_serve(p->server, p->listen.family == UT_SOCK_UNIX);
    smfi_setbacklog(MAIN_BACKLOG);
    smfi_settimeout(MAIN_TIMEOUT);
    if (start_milter(p, d) != 0)
        return -1;
    ut_log(UT_LOG_NOTICE, "penstock-milter " PACKAGE_VERSION " serves %s",
        s->conf->global.milter_listen);
    return 0;
}

/* libmilter looks for a stop every five seconds, or when somebody connects. */
static void
wake_listener(const struct program *p)
{
    struct ut_sock_addr a = p->listen;
    int fd;

    if (a.host[0] == '\0' || strcmp(a.host, "*") == 0)
        snprintf(a.host, sizeof(a.host), "127.0.0.1");
    fd = ut_sock_connect(&a, ut_time_mono() + 1, NULL);
    if (fd >= 0)
        close(fd);
}

/* For struct ut_service_ops. Connections that are open are cut off when the process ends; the
 * message that one of them is in the middle of is finished first. */
static void
stop(struct ut_service *s)
{
    struct program *p = program_of(s);

    if (!p->milter_runs)
        return;
    smfi_stop();
    wake_listener(p);
    mlt_server_drain(p->server, MAIN_DRAIN);
    pthread_join(p->milter, NULL);
    if (p->listen.family == UT_SOCK_UNIX)
        unlink(p->listen.path);
}

static const struct ut_service_ops ops = {
    .program = "penstock-milter",
    .name = "milter",
    .control_mode = 0600,
    .control = mlt_server_control,
    .load_saved = load_saved,
    .open = open_all,
    .start = start,
    .reload = reload,
    .stop = stop,
};

int
main(int argc, char **argv)
{
    static struct program p;

    if (argc == 2 && strcmp(argv[1], MLT_SUBMIT_ARGUMENT) == 0)
        return mlt_submit_main();
    return ut_service_main(&p.service, &ops, argc, argv);
}
