/* hsl_env.h - what one process gives its scripts (private side of struct hsl_env in hsl.h).
 * Made once; the strings never change; each cache has a lock of its own. */
#ifndef HSL_ENV_H
#define HSL_ENV_H

#include <pthread.h>

#include <stdatomic.h>

#include "hsl/hsl.h"

struct hsl_regex_cache; /* hsl_regex.c: pattern text to compiled pattern */
struct hsl_file_cache;  /* hsl_file.c: contents and in_file indexes, by inode, size and mtime */
struct hsl_dns;         /* hsl_dns.c: answers and the thread that asks */
struct hsl_http;        /* hsl_http.c: connections, requests for later */
struct hsl_ldap;        /* hsl_ldap.c: connections for searches */
struct hsl_cache;       /* hsl_cache_store.c: results of functions */
struct hsl_share;       /* hsl_share.h: rate(), memory_*, barriers */
struct psl_ctx_st;      /* libpsl: the public suffix list */

struct hsl_env {
    char *flow_dir; /* real path without a final slash, or NULL */
    char *data_dir;
    char *module_dir, *saved_dir; /* as data_dir */
    char *saved_data_dir;         /* the folder in saved_dir */
    char *hostname;
    pthread_mutex_t lock;        /* of the next two */
    struct ut_conf *conf;        /* hsl_env_use(), or NULL */
    struct psl_ctx_st *suffixes; /* NULL until somebody asks */
    struct hsl_regex_cache *regexes;
    struct hsl_file_cache *files;
    struct hsl_cache *cache;
    struct hsl_share *share;     /* lent, or */
    struct hsl_share *own_share; /* made here */
    atomic_long share_told;      /* when the log said that it is down, monotonic seconds */
    atomic_bool globalview_told; /* the log has said that it has no zones */
    struct hsl_dns *dns;
    struct hsl_ldap *ldap;
    struct hsl_http *http;
};

/* The configuration in force, a new reference (ut_conf_unref), or NULL. Any thread. */
struct ut_conf *hsl_env_conf(struct hsl_env *env);
/* The public suffix list: the system's or libpsl's own, whichever is newer when it is first asked
 * for. Lives as long as [env]; NULL: there is none. Any thread. */
const struct psl_ctx_st *hsl_env_suffixes(struct hsl_env *env);

struct hsl_regex_cache *hsl_regex_cache_new(void) UT_CHECKED; /* hsl_regex.c */
void hsl_regex_cache_free(struct hsl_regex_cache *c);
struct hsl_file_cache *hsl_file_cache_new(void) UT_CHECKED; /* hsl_file.c */
void hsl_file_cache_free(struct hsl_file_cache *c);

/* hsl_path.c: the file that a script means by [name] (language §12, File names): "file:NAME" and plain
 * names in flow_dir ("file:ID" first by the configuration), "file://PATH" in data_dir, "./x" and
 * "../x" beside [from] (the path of the including file, or NULL: not allowed). The real path, proved to
 * be inside the roots (or named by the configuration), goes to [out]. [add_hsl]: try NAME.hsl too. 0,
 * or -1 with [d]: "cannot open NAME: REASON" or "NAME is outside the allowed directories". */
int hsl_path_resolve(struct hsl_env *env, const char *name, size_t len, const char *from,
    bool add_hsl, struct ut_sbuf *out, struct ut_diag *d) UT_CHECKED;
/* The same for include and import, which look in saved_dir if there is one; "file:ID" by [conf]
 * (NULL: that of [env]). */
int hsl_path_resolve_source(struct hsl_env *env, struct ut_conf *conf, const char *name, size_t len, const char *from,
    bool add_hsl, struct ut_sbuf *out, struct ut_diag *d) UT_CHECKED;

#endif
