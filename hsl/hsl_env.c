/* hsl_env.c - what one process gives its scripts: roots for files, caches.
 *
 * Not here: limits (hsl_limits.c); what is in the caches (hsl_regex_cache.c, hsl_file.c,
 * hsl_rate.c, hsl_cache_store.c, hsl_share.c).
 * Threads: made and freed by one; used by all. Fails: memory, a root that is not there. */
#include "config.h"

#include "hsl/hsl_dns.h"
#include "hsl/hsl_env.h"
#include "hsl/hsl_http.h"
#include "hsl/hsl_ldap.h"

#include <libpsl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hsl/hsl_cache_store.h"
#include "hsl/hsl_share.h"

/* Defaults of language §18. */
#define CACHE_MEMORY ((size_t)64 << 20)
#define CACHE_ENTRIES ((size_t)100000)
#define STORE_MEMORY ((size_t)64 << 20)

/* ORDER FLOW */
static const struct {
    const char *name;
    enum hsl_flow flow;
} flows[] = {
    {"core", HSL_FLOW_CORE},
    {"access", HSL_FLOW_ACCESS},
    {"helo", HSL_FLOW_HELO},
    {"auth", HSL_FLOW_AUTH},
    {"mailfrom", HSL_FLOW_MAILFROM},
    {"rcpt", HSL_FLOW_RCPT},
    {"mail", HSL_FLOW_MAIL},
    {"eod", HSL_FLOW_EOD},
};

#define FLOW_COUNT (sizeof(flows) / sizeof(flows[0]))

const char *
hsl_flow_name(enum hsl_flow flow)
{
    for (size_t i = 0; i < FLOW_COUNT; i++) {
        if (flows[i].flow == flow)
            return flows[i].name;
    }
    return "unknown";
}

int
hsl_flow_by_name(const char *name)
{
    if (strcmp(name, "recipient") == 0)
        return HSL_FLOW_RCPT;
    for (size_t i = 0; i < FLOW_COUNT; i++) {
        if (strcmp(flows[i].name, name) == 0)
            return (int)flows[i].flow;
    }
    return -1;
}

/* The real path of a root into *out, or NULL for none. */
static int
open_root(const char *dir, char **out, struct ut_diag *d)
{
    struct stat st;

    *out = NULL;
    if (!dir)
        return 0;
    *out = realpath(dir, NULL);
    if (!*out)
        return ut_diag_errno(d, "cannot open folder %s", dir);
    if (stat(*out, &st) != 0)
        return ut_diag_errno(d, "cannot open folder %s", dir);
    if (!S_ISDIR(st.st_mode))
        return ut_diag_set(d, "cannot open folder %s: it is no folder", dir);
    return 0;
}

/* The roots that need not be there. */
static int
open_more_roots(struct hsl_env *e, const struct hsl_env_opts *opts, struct ut_diag *d)
{
    struct ut_sbuf path;

    e->module_dir = opts->module_dir ? realpath(opts->module_dir, NULL) : NULL;
    if (open_root(opts->saved_dir, &e->saved_dir, d) != 0)
        return -1;
    ut_sbuf_init(&path, PATH_MAX - 1);
    if (e->saved_dir)
        ut_sbuf_addf(&path, "%s/data", e->saved_dir);
    e->saved_data_dir = e->saved_dir ? realpath(ut_sbuf_text(&path), NULL) : NULL;
    ut_sbuf_fini(&path);
    return 0;
}

static char *
copy_hostname(const char *name)
{
    char host[HOST_NAME_MAX + 1];

    if (name)
        return strdup(name);
    if (gethostname(host, sizeof(host)) != 0)
        return strdup("localhost");
    host[sizeof(host) - 1] = '\0';
    return strdup(host);
}

struct hsl_env *
hsl_env_new(const struct hsl_env_opts *opts, struct ut_diag *d)
{
    struct hsl_env *e = calloc(1, sizeof(*e));

    if (!e) {
        (void)ut_diag_set(d, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&e->lock, NULL);
    if (open_root(opts->flow_dir, &e->flow_dir, d) != 0 ||
        open_root(opts->data_dir, &e->data_dir, d) != 0 || open_more_roots(e, opts, d) != 0) {
        hsl_env_free(e);
        return NULL;
    }
    e->hostname = copy_hostname(opts->hostname);
    e->regexes = hsl_regex_cache_new();
    e->files = hsl_file_cache_new();
    e->cache = hsl_cache_new(opts->cache_memory ? opts->cache_memory : CACHE_MEMORY,
        opts->cache_entries ? opts->cache_entries : CACHE_ENTRIES);
    e->share = opts->share;
    if (!e->share)
        e->share = e->own_share =
            hsl_share_local_new(opts->store_memory ? opts->store_memory : STORE_MEMORY,
                opts->rate_ipv6_prefix ? opts->rate_ipv6_prefix : 128, false);
    e->dns = hsl_dns_new();
    e->ldap = hsl_ldap_new();
    e->http = hsl_http_new();
    if (!e->hostname || !e->regexes || !e->files || !e->cache || !e->share || !e->dns || !e->ldap ||
        !e->http) {
        (void)ut_diag_set(d, "out of memory");
        hsl_env_free(e);
        return NULL;
    }
    return e;
}

void
hsl_env_free(struct hsl_env *e)
{
    if (!e)
        return;
    if (e->own_share)
        e->own_share->ops->free(e->own_share);
    hsl_cache_free(e->cache);
    hsl_http_free(e->http);
    hsl_ldap_free(e->ldap);
    hsl_dns_free(e->dns);
    hsl_file_cache_free(e->files);
    hsl_regex_cache_free(e->regexes);
    psl_free(e->suffixes);
    ut_conf_unref(e->conf);
    pthread_mutex_destroy(&e->lock);
    free(e->flow_dir);
    free(e->data_dir);
    free(e->module_dir);
    free(e->saved_dir);
    free(e->saved_data_dir);
    free(e->hostname);
    free(e);
}

void
hsl_env_use(struct hsl_env *e, struct ut_conf *conf)
{
    struct ut_conf *old;

    if (conf)
        ut_conf_ref(conf);
    pthread_mutex_lock(&e->lock);
    old = e->conf;
    e->conf = conf;
    pthread_mutex_unlock(&e->lock);
    ut_conf_unref(old);
}

struct ut_conf *
hsl_env_conf(struct hsl_env *e)
{
    struct ut_conf *conf;

    pthread_mutex_lock(&e->lock);
    conf = e->conf ? ut_conf_ref(e->conf) : NULL;
    pthread_mutex_unlock(&e->lock);
    return conf;
}

const struct psl_ctx_st *
hsl_env_suffixes(struct hsl_env *e)
{
    const struct psl_ctx_st *suffixes;

    pthread_mutex_lock(&e->lock);
    if (!e->suffixes)
        e->suffixes = psl_latest(NULL);
    suffixes = e->suffixes;
    pthread_mutex_unlock(&e->lock);
    return suffixes;
}

void
hsl_message_done(struct hsl_env *env, const char *id)
{
    struct hsl_text message = {id, strlen(id)};

    hsl_cache_message_done(env->cache, &message);
}
