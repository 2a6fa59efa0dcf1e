/* ctl_check.c - loads the configuration and compiles every flow for where it will run.
 * Not here: the checks themselves (lib/ut_conf.c, hsl/hsl_check*.c), how a message looks
 * (hsl/hsl_show.c).
 * Threads: one. Fails with EX_CONFIG after printing every mistake that could be found. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ctl_check.h"
#include "hsl/hsl.h"
#include "hsl/hsl_show.h"
#include "lib/ut_file.h"
#include "milter/mlt_env.h"
#include "milter/mlt_limits.h"

#define MAX_PATH_TEXT 4096 /* bytes of a file name */

/* --- Which flows there are ------------------------------------------------------------------ */

/* One parameter that names a script. */
struct flow {
    const char *name;   /* as configured */
    enum hsl_flow flow; /* where it runs */
    const char *param;  /* "mail_flow" */
    unsigned line;      /* of the section that names it first */
};

struct flows {
    struct flow *items; /* each pair of name and flow once */
    size_t count, cap;
    bool failed; /* memory was out */
};

static void
flows_add(struct flows *f, const char *name, enum hsl_flow flow, const char *param, unsigned line)
{
    if (!name || !*name)
        return;
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].flow == flow && strcmp(f->items[i].name, name) == 0)
            return;
    if (f->count == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 16;
        struct flow *items = reallocarray(f->items, cap, sizeof(*items));

        if (!items) {
            f->failed = true;
            return;
        }
        f->items = items;
        f->cap = cap;
    }
    f->items[f->count++] = (struct flow){name, flow, param, line};
}

static void
flows_collect(struct flows *f, const struct ut_conf *conf)
{
    for (size_t i = 0; i < conf->mailserver_count; i++) {
        const struct ut_conf_mailserver *s = &conf->mailservers[i];

        flows_add(f, s->access_flow, HSL_FLOW_ACCESS, "access_flow", s->line);
        for (size_t k = 0; k < s->domain_count; k++) {
            const struct ut_conf_domain *d = &s->domains[k];

            flows_add(f, d->recipient_flow, HSL_FLOW_RCPT, "recipient_flow", d->line);
            flows_add(f, d->mail_flow, HSL_FLOW_MAIL, "mail_flow", d->line);
        }
    }
}

/* --- Compiling them ------------------------------------------------------------------------- */

static void
check_flow(struct hsl_env *env, const struct ut_conf *conf, const struct mlt_limits *limits,
    const struct flow *f, struct ut_diag_list *diags)
{
    struct hsl_source source = {
        .name = f->name, .flow = f->flow, .limits = mlt_limits_of(limits, f->flow)};
    struct ut_sbuf path;
    struct ut_diag d = {0};

    ut_sbuf_init(&path, MAX_PATH_TEXT);
    if (ut_file_inside(conf->global.flow_directory, f->name, &path, &d) != 0) {
        ut_diag_list_at(diags, UT_DIAG_ERROR, NULL, conf->path, f->line, 0,
            "%s: cannot use the script \"%s\": %s", f->param, f->name, d.text);
    } else {
        source.path = ut_sbuf_text(&path);
        hsl_prog_unref(hsl_compile(env, &source, diags));
    }
    ut_sbuf_fini(&path);
}

static void
check_flows(struct ut_conf *conf, struct ut_diag_list *diags)
{
    struct flows flows = {0};
    struct mlt_env *env = NULL;
    struct mlt_limits limits;
    struct ut_diag d = {0};

    mlt_limits_load(conf, &limits, diags);
    flows_collect(&flows, conf);
    if (flows.failed)
        ut_diag_set(&d, "out of memory");
    else if (flows.count > 0)
        env = mlt_env_new(conf, NULL, &d);
    if (d.text[0])
        ut_diag_list_at(diags, UT_DIAG_ERROR, NULL, conf->path, 0, 0, "%s", d.text);
    for (size_t i = 0; env && i < flows.count; i++)
        check_flow(mlt_env_hsl(env), conf, &limits, &flows.items[i], diags);
    mlt_env_unref(env);
    free(flows.items);
}

/* --- The command ---------------------------------------------------------------------------- */

void
ctl_check_print(const char *flow_dir, const struct ut_diag_list *diags)
{
    struct hsl_show show = {
        .to = stderr,
        .colour = hsl_show_wants_colour(stderr),
        .dir = flow_dir,
    };

    fflush(stdout);
    hsl_show_list(&show, diags);
}

int
ctl_check_all(struct ctl_call *c)
{
    struct ut_diag_list diags;
    struct ut_conf *conf;
    int rc = EX_CONFIG;

    ut_diag_list_init(&diags, CTL_CHECK_MAX_DIAGS);
    conf = ut_conf_load_faulty(c->config, &diags);
    if (conf)
        check_flows(conf, &diags);
    ctl_check_print(conf ? conf->global.flow_directory : NULL, &diags);
    if (conf && diags.errors == 0) {
        c->conf = ut_conf_ref(conf);
        rc = EX_OK;
    }
    ut_conf_unref(conf);
    ut_diag_list_fini(&diags);
    return rc;
}

static int
check(struct ctl_call *c)
{
    int rc = ctl_check_all(c);

    if (rc == EX_OK)
        printf("%s: in order\n", c->config);
    return rc;
}

const struct ctl_command ctl_check_commands[] = {
    {"check", "", 0, 0, NULL, check, "Check the configuration and all flows it names"},
    {NULL, NULL, 0, 0, NULL, NULL, NULL},
};
