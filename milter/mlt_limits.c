/* mlt_limits.c - from parameters to the limits of a script run: those for all flows, then those in
 * the flow's own list.
 * Not here: what limits there are (hsl_limits.c). Threads: any. Fails: lists with mistakes. */
#include "config.h"

#include "milter/mlt_limits.h"

#define MAX_TIME 120      /* seconds at connect and RCPT TO, as of max_time */
#define MAX_TIME_DATA 600 /* and at end of message, as of max_time_data */

/* What holds for all flows. */
static void
set_common(struct hsl_limits *l, const struct ut_conf_global *g)
{
    hsl_limits_default(l);
    l->max_instructions = (uint64_t)g->max_instructions;
    l->max_time = (double)g->max_time;
    l->max_memory = (size_t)g->max_memory;
    l->max_string = (size_t)g->max_string;
    l->max_array = (size_t)g->max_array;
    l->max_call_depth = (unsigned)g->max_call_depth;
    l->max_echo = (size_t)g->max_echo;
    l->max_echo_records = (unsigned)g->max_echo_records;
    l->pcre_match_limit = (uint32_t)g->pcre_match_limit;
    l->pcre_depth_limit = (uint32_t)g->pcre_depth_limit;
    l->max_sleep = (double)g->max_sleep;
    l->barrier_wait = (double)g->barrier_wait;
    l->barrier_value = (size_t)g->barrier_value;
    l->max_dns = (unsigned)g->max_dns;
    l->max_http = (unsigned)g->max_http;
    l->max_sockets = (unsigned)g->max_sockets;
    l->max_http_body = (size_t)g->max_http_body;
    l->max_include_depth = (unsigned)g->max_include_depth;
    l->max_source = (size_t)g->max_source;
}

/* What the flow's own [list], the parameter [name], makes of [l]. */
static void
set_own(struct hsl_limits *l, const char *name, const char *list, double most,
    const struct ut_conf *conf, struct ut_diag_list *diags)
{
    struct ut_diag why;

    if (list[0] != '\0' && hsl_limits_set(l, NULL, list, &why) != 0)
        ut_diag_list_at(diags, UT_DIAG_ERROR, NULL, conf->path, 0, 0, "%s: %s", name, why.text);
    else if (l->max_time > most)
        ut_diag_list_at(diags, UT_DIAG_ERROR, NULL, conf->path, 0, 0,
            "%s: max_time must be from 0 to %.0f seconds", name, most);
}

void
mlt_limits_load(const struct ut_conf *conf, struct mlt_limits *l, struct ut_diag_list *diags)
{
    const struct ut_conf_global *g = &conf->global;

    set_common(&l->access, g);
    l->rcpt = l->mail = l->access;
    l->mail.max_time = (double)g->max_time_data;
    set_own(&l->access, "access_limits", g->access_limits, MAX_TIME, conf, diags);
    set_own(&l->rcpt, "recipient_limits", g->recipient_limits, MAX_TIME, conf, diags);
    set_own(&l->mail, "mail_limits", g->mail_limits, MAX_TIME_DATA, conf, diags);
}

const struct hsl_limits *
mlt_limits_of(const struct mlt_limits *l, enum hsl_flow flow)
{
    return flow == HSL_FLOW_ACCESS ? &l->access : flow == HSL_FLOW_RCPT ? &l->rcpt : &l->mail;
}
