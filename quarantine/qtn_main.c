/* qtn_main.c - penstock-quarantined: start, reload, stop.
 * Not here: the work (qtn_watch.c, qtn_server.c), what all daemons do (lib/ut_service.c).
 * Threads: main waits for signals; a worker; the control socket's.
 * Fails: with a message and exit status 1 at the start; later only by being stopped. */
#include "config.h"

#include <curl/curl.h>

#include "lib/ut_log.h"
#include "lib/ut_service.h"
#include "quarantine/qtn_keeper.h"
#include "quarantine/qtn_reindex.h"
#include "quarantine/qtn_server.h"
#include "quarantine/qtn_watch.h"

struct program {
    struct ut_service service;
    struct qtn_keeper keeper;
    struct qtn_watch *watch;
};

static struct program *
program_of(struct ut_service *s)
{
    return (struct program *)s;
}

/* --- Reload ----------------------------------------------------------------------------------- */

/* For ut_service_reload(). Paths of state and sockets stay those of the start. */
static int
take(struct ut_service *s, struct ut_conf *conf, struct ut_diag *d)
{
    struct program *p = program_of(s);
    struct qtn_boxes *boxes = qtn_boxes_open(conf, d);

    if (!boxes)
        return -1;
    qtn_keeper_reload(&p->keeper, boxes);
    qtn_watch_renew(p->watch);
    return 0;
}

static int
reload(struct ut_service *s, struct ut_diag *d)
{
    int result = ut_service_reload(s, take, d);

    if (result < 0)
        qtn_keeper_not_loaded(&program_of(s)->keeper, d);
    return result;
}

/* --- Start and stop --------------------------------------------------------------------------- */

/* Opens what the daemon owns; without an index, from the first start or lost, builds one. */
static int
open_keeper(struct program *p, struct ut_diag *d)
{
    struct qtn_boxes *boxes = qtn_boxes_open(p->service.conf, d);
    unsigned long records;
    bool missing;

    if (!boxes)
        return -1;
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
start(struct ut_service *s, struct ut_diag *d)
{
    struct program *p = program_of(s);

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ut_diag_set(d, "libcurl does not start");
    if (open_keeper(p, d) < 0)
        return -1;
    s->control_arg = &p->keeper;
    p->watch = qtn_watch_start(&p->keeper, d);
    return p->watch ? 0 : -1;
}

static void
stop(struct ut_service *s)
{
    struct program *p = program_of(s);

    qtn_watch_stop(p->watch);
    if (p->keeper.boxes)
        qtn_keeper_close(&p->keeper);
    curl_global_cleanup();
}

static const struct ut_service_ops ops = {
    .program = QTN_SELF,
    .name = "quarantined",
    .control_mode = 0660,
    .control = qtn_server_handle,
    .open = ut_service_quarantine_dirs,
    .start = start,
    .reload = reload,
    .stop = stop,
};

int
main(int argc, char **argv)
{
    static struct program p = {.keeper = {.lock_fd = -1}};

    return ut_service_main(&p.service, &ops, argc, argv);
}
