/* pol_main.c - penstock-policyd: start, reload, stop.
 * Not here: the work (pol_state.c, pol_keep.c, pol_ctl.c), what all daemons do (lib/ut_service.c).
 * Threads: main waits for signals; one that writes; those of the two sockets.
 * Fails: with a message and exit status 1 at the start; later only by being stopped. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/ut_log.h"
#include "lib/ut_service.h"
#include "lib/ut_sock.h"
#include "lib/ut_time.h"
#include "policyd/pol_ctl.h"

#define SOCKET_MODE 0660

struct program {
    struct ut_service service;
    struct ut_sock_addr addr; /* of the state socket */
    struct hsl_share *share;
    struct pol_state state;
    struct pol_ctl ctl;
};

static struct program *
program_of(struct ut_service *s)
{
    return (struct program *)s;
}

/* For struct ut_service_ops, as all that follows. The log alone follows the configuration: sockets,
 * folders and sizes stay those of the start. */
static int
reload(struct ut_service *s, struct ut_diag *d)
{
    return ut_service_reload(s, NULL, d);
}

static int
check(struct ut_service *s, struct ut_diag *d)
{
    struct ut_sock_addr *addr = &program_of(s)->addr;
    const char *address = s->conf->global.state_socket;

    if (!*address)
        return ut_diag_set(d,
            "%s: the parameter state_socket is empty: set it, for example to unix:%s/state, or do "
            "not start %s",
            s->args.config, s->conf->global.run_directory, POL_SELF);
    if (ut_sock_parse(address, addr, d) < 0)
        return -1;
    if (addr->family == UT_SOCK_UNIX)
        return 0;
    return ut_diag_set(d, "state_socket: %s is no UNIX socket; write unix:PATH", address);
}

static int
open_store(struct program *p, struct ut_diag *d)
{
    const struct ut_conf_global *g = &p->service.conf->global;
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
start(struct ut_service *s, struct ut_diag *d)
{
    struct program *p = program_of(s);

    if (open_store(p, d) < 0)
        return -1;
    p->state.share = p->share;
    p->ctl.state = &p->state;
    p->ctl.started = ut_time_mono();
    s->control_arg = &p->ctl;
    p->ctl.serve =
        ut_serve_start(p->addr.path, SOCKET_MODE, (unsigned)s->conf->global.state_clients,
            "status=error\ntext=too many clients\n\n", pol_state_serve, &p->state, d);
    return p->ctl.serve ? 0 : -1;
}

static void
stop(struct ut_service *s)
{
    struct program *p = program_of(s);

    ut_serve_stop(p->ctl.serve);
    pol_keep_close(p->ctl.keep);
    if (p->share)
        p->share->ops->free(p->share);
}

static const struct ut_service_ops ops = {
    .program = POL_SELF,
    .name = "policyd",
    .control_mode = SOCKET_MODE,
    .control = pol_ctl_handle,
    .check = check,
    .start = start,
    .reload = reload,
    .stop = stop,
};

int
main(int argc, char **argv)
{
    static struct program p;

    return ut_service_main(&p.service, &ops, argc, argv);
}
