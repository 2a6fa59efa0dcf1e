/* mlt_env.c - the language's environment and the pool of machines.
 * Not here: compiled programs (mlt_flows.c). Threads: any; one lock, held briefly.
 * Fails: folders that are missing, out of memory. */
#include "config.h"

#include "milter/mlt_env.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hsl/hsl_share.h"
#include "lib/ut_sbuf.h"
#include "policyd/pol_client.h"

#define ENV_POOL 32 /* idle machines kept; as many as runs are made at once on a busy host */

struct mlt_env {
    pthread_mutex_t lock;
    unsigned refs;
    struct hsl_env *hsl;
    char *flow_dir, *data_dir, *hostname, *state_socket;
    struct hsl_share *share; /* penstock-policyd's, or NULL */
    long rate_ipv6_prefix;
    bool is_saved;
    bool has_flow_dir, has_data_dir; /* they were there when this was made */
    struct hsl_machine *pool[ENV_POOL];
    size_t pooled;
};

static bool
is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void
env_free(struct mlt_env *e)
{
    while (e->pooled > 0)
        hsl_machine_free(e->pool[--e->pooled]);
    hsl_env_free(e->hsl);
    if (e->share)
        e->share->ops->free(e->share);
    pthread_mutex_destroy(&e->lock);
    free(e->flow_dir);
    free(e->data_dir);
    free(e->hostname);
    free(e->state_socket);
    free(e);
}

struct mlt_env *
mlt_env_new(struct ut_conf *conf, const char *saved, struct ut_diag *d)
{
    struct hsl_env_opts opts = {.saved_dir = saved, .module_dir = PENSTOCK_MODULEDIR};
    struct mlt_env *e = calloc(1, sizeof(*e));
    struct ut_sbuf flow_dir;

    if (!e) {
        ut_diag_set(d, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&e->lock, NULL);
    e->refs = 1;
    ut_sbuf_init(&flow_dir, 4096);
    ut_sbuf_addf(&flow_dir, "%s%s", saved ? saved : conf->global.flow_directory,
        saved ? "/flows" : "");
    e->flow_dir = ut_sbuf_take(&flow_dir, NULL);
    e->data_dir = strdup(conf->global.data_directory);
    e->hostname = strdup(conf->global.myhostname);
    e->state_socket = strdup(conf->global.state_socket);
    e->rate_ipv6_prefix = conf->global.rate_ipv6_prefix;
    if (!e->flow_dir || !e->data_dir || !e->hostname || !e->state_socket) {
        ut_diag_set(d, "out of memory");
        env_free(e);
        return NULL;
    }
    e->is_saved = saved != NULL;
    e->has_flow_dir = is_folder(e->flow_dir);
    e->has_data_dir = is_folder(e->data_dir);
    opts.flow_dir = e->has_flow_dir ? e->flow_dir : NULL;
    opts.data_dir = e->has_data_dir ? e->data_dir : NULL;
    if (e->state_socket[0] && !(e->share = pol_client_new(e->state_socket, d))) {
        env_free(e);
        return NULL;
    }
    opts.share = e->share;
    opts.cache_memory = (size_t)conf->global.cache_memory;
    opts.cache_entries = (size_t)conf->global.cache_entries;
    opts.rate_ipv6_prefix = (unsigned)e->rate_ipv6_prefix;
    opts.store_memory = (size_t)conf->global.store_memory;
    opts.hostname = e->hostname[0] != '\0' ? e->hostname : NULL;
    e->hsl = hsl_env_new(&opts, d);
    if (!e->hsl) {
        env_free(e);
        return NULL;
    }
    hsl_env_use(e->hsl, conf);
    return e;
}

struct mlt_env *
mlt_env_ref(struct mlt_env *e)
{
    pthread_mutex_lock(&e->lock);
    e->refs++;
    pthread_mutex_unlock(&e->lock);
    return e;
}

void
mlt_env_unref(struct mlt_env *e)
{
    unsigned left;

    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    left = --e->refs;
    pthread_mutex_unlock(&e->lock);
    if (left == 0)
        env_free(e);
}

bool
mlt_env_fits(const struct mlt_env *e, const struct ut_conf *conf)
{
    return !e->is_saved && is_folder(e->flow_dir) == e->has_flow_dir &&
           is_folder(e->data_dir) == e->has_data_dir &&
           strcmp(e->flow_dir, conf->global.flow_directory) == 0 &&
           strcmp(e->data_dir, conf->global.data_directory) == 0 &&
           strcmp(e->hostname, conf->global.myhostname) == 0 &&
           strcmp(e->state_socket, conf->global.state_socket) == 0 &&
           e->rate_ipv6_prefix == conf->global.rate_ipv6_prefix;
}

const char *
mlt_env_flow_dir(const struct mlt_env *e)
{
    return e->flow_dir;
}

struct hsl_env *
mlt_env_hsl(struct mlt_env *e)
{
    return e->hsl;
}

struct hsl_machine *
mlt_env_take(struct mlt_env *e)
{
    struct hsl_machine *m = NULL;

    pthread_mutex_lock(&e->lock);
    if (e->pooled > 0)
        m = e->pool[--e->pooled];
    pthread_mutex_unlock(&e->lock);
    return m ? m : hsl_machine_new(e->hsl);
}

void
mlt_env_give(struct mlt_env *e, struct hsl_machine *m)
{
    pthread_mutex_lock(&e->lock);
    if (e->pooled < ENV_POOL) {
        e->pool[e->pooled++] = m;
        m = NULL;
    }
    pthread_mutex_unlock(&e->lock);
    hsl_machine_free(m);
}
