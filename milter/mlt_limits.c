/* mlt_limits.c - from parameters to the limits of a script run: those for all flows, then those in
 * the flow's own list.
 * Not here: what limits there are (hsl_limits.c). Threads: any. Fails: a list with a mistake. */
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

int
mlt_limits_get(
    const struct ut_conf *conf, enum hsl_flow flow, struct hsl_limits *l, struct ut_diag *d)
{
    const struct ut_conf_global *g = &conf->global;
    const char *name = "access_limits", *list = g->access_limits;
    double most = MAX_TIME;
    struct ut_diag why;

    set_common(l, g);
    if (flow == HSL_FLOW_RCPT) {
        name = "recipient_limits";
        list = g->recipient_limits;
    } else if (flow == HSL_FLOW_MAIL) {
        name = "mail_limits";
        list = g->mail_limits;
        l->max_time = (double)g->max_time_data;
        most = MAX_TIME_DATA;
    }
    if (list[0] != '\0' && hsl_limits_set(l, NULL, list, &why) != 0)
        return ut_diag_at(d, conf->path, 0, 0, "%s: %s", name, why.text);
    if (l->max_time > most)
        return ut_diag_at(
            d, conf->path, 0, 0, "%s: max_time must be from 0 to %.0f seconds", name, most);
    return 0;
}
