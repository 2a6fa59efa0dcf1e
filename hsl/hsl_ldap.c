/* hsl_ldap.c - directory servers, by libldap.
 *
 * Every operation is sent first and waited for then, so that the deadline holds whatever the server
 * does. Two things libldap bounds by nothing. It looks up names for as long as DNS takes: hence
 * connections are made here and handed to it. And the TLS handshake: hence a layer below it that
 * waits for the socket, and fails after the deadline. Each server of a list gets its share of the
 * time that is left, so that a silent first one does not use it all up.
 *
 * Connections are kept for searches only, bound as the profile's own user. A user's bind has one of
 * its own: nobody's search may run with another one's rights.
 *
 * Threads: any; a connection is used by one at a time, the list of kept ones has a lock. */
#include "config.h"

#include "hsl/hsl_ldap.h"

#include <errno.h>
#include <fcntl.h>
#include <openldap.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/ut_sbuf.h"
#include "lib/ut_sock.h"
#include "lib/ut_time.h"

#define KEPT_MAX 32     /* connections that wait for the next search */
#define KEPT_SECONDS 60 /* one unused for longer may be dead: servers and firewalls close them */
#define KEY_MAX 8192u
#define MESSAGE_MAX (16u << 20) /* bytes of one entry; libldap makes room for what a server says */
#define LDAPI_DEFAULT "/var/run/slapd/ldapi" /* of "ldapi:///"; libldap's own */

static pthread_once_t libldap_once = PTHREAD_ONCE_INIT;

struct kept {
    struct kept *next;
    struct link *link;
    double since;
    char key[];
};

struct hsl_ldap {
    pthread_mutex_t lock;
    struct kept *first; /* used last comes first */
    size_t count;
};

/* --- Waiting -------------------------------------------------------------------------------------
 */

static struct timeval
until(double deadline)
{
    double left = deadline - ut_time_mono();

    if (left < 0.001)
        left = 0.001; /* 0 would mean: do not wait, or for ever */
    return (struct timeval){(time_t)left, (suseconds_t)((left - (double)(time_t)left) * 1e6)};
}

static enum hsl_ldap_end
fail(struct ut_diag *why, const char *host, const char *step, int rc)
{
    (void)ut_diag_set(why, "%s: %s: %s", host, step, ldap_err2string(rc));
    return HSL_LDAP_FAILED;
}

/* Waits for the next message of [id]; its LDAP_RES_..., or -1 with *rc set. The caller frees it. */
static int
await(LDAP *ld, int id, double deadline, LDAPMessage **msg, int *rc)
{
    struct timeval tv = until(deadline);
    int got = ldap_result(ld, id, LDAP_MSG_ONE, &tv, msg);

    if (got > 0)
        return got;
    if (got == 0)
        *rc = LDAP_TIMEOUT;
    else if (ldap_get_option(ld, LDAP_OPT_RESULT_CODE, rc) != LDAP_SUCCESS || *rc == LDAP_SUCCESS)
        *rc = LDAP_SERVER_DOWN;
    return -1;
}

/* Waits for the result of an operation that has one message; an LDAP result code. */
static int
await_result(LDAP *ld, int id, double deadline)
{
    LDAPMessage *msg = NULL;
    int rc = LDAP_OTHER, code;

    if (await(ld, id, deadline, &msg, &rc) < 0)
        return rc;
    rc = ldap_parse_result(ld, msg, &code, NULL, NULL, NULL, NULL, 1);
    return rc == LDAP_SUCCESS ? code : rc;
}

/* --- The socket ----------------------------------------------------------------------------------
 */

/* A connection; libldap keeps a pointer to it. */
struct link {
    LDAP *ld;
    double deadline; /* of what is done on it now */
};

/* Waits until the socket below can be read or written; false with errno set after the deadline. */
static bool
wait_socket(Sockbuf_IO_Desc *d, short events)
{
    const struct link *link = d->sbiod_pvt;
    struct pollfd p = {-1, events, 0};
    int rc;

    if (ber_sockbuf_ctrl(d->sbiod_sb, LBER_SB_OPT_GET_FD, &p.fd) != 1)
        return true;
    do
        rc = poll(&p, 1, ut_time_poll_ms(link->deadline));
    while (rc < 0 && errno == EINTR && ut_time_mono() < link->deadline);
    if (rc == 0)
        errno = ETIMEDOUT;
    return rc > 0;
}

static int
layer_setup(Sockbuf_IO_Desc *d, void *arg)
{
    d->sbiod_pvt = arg;
    return 0;
}

static int
layer_nothing(Sockbuf_IO_Desc *d)
{
    (void)d;
    return 0;
}

static int
layer_control(Sockbuf_IO_Desc *d, int option, void *arg)
{
    return LBER_SBIOD_CTRL_NEXT(d, option, arg);
}

static ber_slen_t
layer_read(Sockbuf_IO_Desc *d, void *p, ber_len_t len)
{
    return wait_socket(d, POLLIN) ? LBER_SBIOD_READ_NEXT(d, p, len) : -1;
}

static ber_slen_t
layer_write(Sockbuf_IO_Desc *d, void *p, ber_len_t len)
{
    return wait_socket(d, POLLOUT) ? LBER_SBIOD_WRITE_NEXT(d, p, len) : -1;
}

/* Never written; libldap takes no const. */
static Sockbuf_IO layer = {
    layer_setup, layer_nothing, layer_control, layer_read, layer_write, layer_nothing};

/* --- Connections ---------------------------------------------------------------------------------
 */

static int
set_options(struct link *link, const struct hsl_ldap_way *way)
{
    int version = LDAP_VERSION3, demand = way->verify ? LDAP_OPT_X_TLS_HARD : LDAP_OPT_X_TLS_NEVER;
    struct timeval tv = until(link->deadline);
    LDAP *ld = link->ld;
    int server = 0;

    if (ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version) != LDAP_OPT_SUCCESS ||
        ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) != LDAP_OPT_SUCCESS ||
        ldap_set_option(ld, LDAP_OPT_RESTART, LDAP_OPT_ON) != LDAP_OPT_SUCCESS ||
        ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &tv) != LDAP_OPT_SUCCESS ||
        ldap_set_option(ld, LDAP_OPT_TIMEOUT, &tv) != LDAP_OPT_SUCCESS)
        return LDAP_NO_MEMORY;
    if ((way->ca_file[0] != '\0' &&
            ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, way->ca_file) != LDAP_OPT_SUCCESS) ||
        ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) != LDAP_OPT_SUCCESS ||
        ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &server) != LDAP_OPT_SUCCESS)
        return LDAP_CONNECT_ERROR;
    return LDAP_SUCCESS;
}

static int
start_tls(LDAP *ld, double deadline)
{
    int id = 0, rc = ldap_start_tls(ld, NULL, NULL, &id);

    if (rc == LDAP_SUCCESS)
        rc = await_result(ld, id, deadline);
    return rc == LDAP_SUCCESS ? ldap_install_tls(ld) : rc;
}

static int
bind_as(LDAP *ld, const struct hsl_ldap_way *way, double deadline)
{
    struct berval password = {way->password_len, (char *)(uintptr_t)way->password};
    int id = 0;
    int rc = ldap_sasl_bind(ld, way->username, LDAP_SASL_SIMPLE, &password, NULL, NULL, &id);

    return rc == LDAP_SUCCESS ? await_result(ld, id, deadline) : rc;
}

static void
close_link(struct link *link)
{
    if (link && link->ld)
        (void)ldap_unbind_ext(link->ld, NULL, NULL);
    free(link);
}

/* The URI of [host], which may be one. */
static bool
make_uri(const char *host, struct ut_sbuf *out)
{
    if (strstr(host, "://"))
        ut_sbuf_addz(out, host);
    else
        ut_sbuf_addf(out, "ldap://%s", host);
    return !out->failed;
}

/* Where [url] is; -1: no such place can be. */
static int
find_address(const LDAPURLDesc *url, struct ut_sock_addr *a)
{
    bool local = strcmp(url->lud_scheme, "ldapi") == 0;
    const char *host = url->lud_host ? url->lud_host : "";
    size_t len = strlen(host);

    *a = (struct ut_sock_addr){.family = local ? UT_SOCK_UNIX : UT_SOCK_INET};
    if (local && len == 0) {
        host = LDAPI_DEFAULT;
        len = strlen(host);
    }
    if (host[0] == '[' && len > 2) { /* IPv6 */
        host++;
        len -= 2;
    }
    if (len >= (local ? sizeof(a->path) : sizeof(a->host)))
        return -1;
    memcpy(local ? a->path : a->host, host, len);
    a->port = (unsigned)url->lud_port;
    return 0;
}

/* A connected socket for [uri], and how libldap is to use it in *proto; -1. */
static int
connect_uri(const char *uri, double deadline, int *proto)
{
    struct ut_sock_addr a;
    LDAPURLDesc *url = NULL;
    int fd = -1;

    if (ldap_url_parse(uri, &url) != LDAP_URL_SUCCESS)
        return -1;
    if (find_address(url, &a) == 0)
        fd = ut_sock_connect(&a, deadline, NULL);
    if (fd >= 0) /* libldap expects one that blocks; it is the layer that waits */
        (void)fcntl(fd, F_SETFL, 0);
    *proto = a.family == UT_SOCK_UNIX ? LDAP_PROTO_IPC : LDAP_PROTO_TCP;
    ldap_free_urldesc(url);
    return fd;
}

/* Connects [link] to [uri], with the layer on the socket; an LDAP result code. */
static int
connect_link(struct link *link, const char *uri)
{
    Sockbuf *sb = NULL;
    ber_len_t most = MESSAGE_MAX;
    int proto = 0, fd = connect_uri(uri, link->deadline, &proto);

    if (fd < 0)
        return LDAP_SERVER_DOWN;
    if (ldap_init_fd(fd, proto, uri, &link->ld) != LDAP_SUCCESS) {
        link->ld = NULL;
        close(fd);
        return LDAP_NO_MEMORY;
    }
    if (ldap_get_option(link->ld, LDAP_OPT_SOCKBUF, &sb) != LDAP_OPT_SUCCESS ||
        ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &most) != 1 ||
        ber_sockbuf_add_io(sb, &layer, LBER_SBIOD_LEVEL_PROVIDER + 1, link) != 0)
        return LDAP_NO_MEMORY;
    return LDAP_SUCCESS;
}

/* A new connection to [uri], not bound, StartTLS if [tls]; NULL with *rc and *step set. */
static struct link *
open_uri(const char *uri, const struct hsl_ldap_way *way, double deadline, bool tls,
    const char **step, int *rc)
{
    struct link *link = calloc(1, sizeof(*link));

    *step = "connect";
    *rc = LDAP_NO_MEMORY;
    if (!link)
        return NULL;
    link->deadline = deadline;
    *rc = connect_link(link, uri);
    if (*rc == LDAP_SUCCESS)
        *rc = set_options(link, way);
    if (*rc == LDAP_SUCCESS && strncmp(uri, "ldaps:", 6) == 0) {
        *step = "TLS";
        *rc = ldap_install_tls(link->ld);
    } else if (*rc == LDAP_SUCCESS && tls) {
        *step = "StartTLS";
        *rc = start_tls(link->ld, deadline);
    }
    if (*rc == LDAP_SUCCESS)
        return link;
    close_link(link);
    return NULL;
}

/* Connects to [uri] and binds; NULL with *rc and *step set. */
static struct link *
open_bound(
    const char *uri, const struct hsl_ldap_way *way, double deadline, const char **step, int *rc)
{
    bool tls = way->tls != HSL_LDAP_TLS_DISABLED && strncmp(uri, "ldaps:", 6) != 0 &&
               strncmp(uri, "ldapi:", 6) != 0;
    struct link *link = open_uri(uri, way, deadline, tls, step, rc);

    if (!link && tls && way->tls == HSL_LDAP_TLS_OPTIONAL && *rc != LDAP_SERVER_DOWN)
        link = open_uri(uri, way, deadline, false, step, rc);
    if (!link)
        return NULL;
    *step = "bind";
    *rc = bind_as(link->ld, way, deadline);
    if (*rc == LDAP_SUCCESS)
        return link;
    close_link(link);
    return NULL;
}

static bool
is_refusal(int rc)
{
    return rc == LDAP_INVALID_CREDENTIALS || rc == LDAP_INAPPROPRIATE_AUTH ||
           rc == LDAP_NO_SUCH_OBJECT;
}

/* Tries the servers in turn. DONE with *out, REFUSED, or FAILED. */
static enum hsl_ldap_end
connect_any(const struct hsl_ldap_way *way, struct link **out, struct ut_diag *why)
{
    enum hsl_ldap_end end = HSL_LDAP_FAILED;

    (void)ut_diag_set(why, "no server is configured");
    for (size_t i = 0; i < way->host_count; i++) {
        double now = ut_time_mono();
        double share = now + (way->deadline - now) / (double)(way->host_count - i);
        const char *step = "";
        struct ut_sbuf uri;
        int rc = LDAP_NO_MEMORY;

        ut_sbuf_init(&uri, 1024);
        *out = make_uri(way->hosts[i], &uri)
                   ? open_bound(ut_sbuf_text(&uri), way, share, &step, &rc)
                   : NULL;
        if (!*out)
            end = fail(why, way->hosts[i], step, rc);
        ut_sbuf_fini(&uri);
        if (*out)
            return HSL_LDAP_DONE;
        if (is_refusal(rc) && strcmp(step, "bind") == 0)
            return HSL_LDAP_REFUSED;
    }
    return end;
}

enum hsl_ldap_end
hsl_ldap_bind(const struct hsl_ldap_way *way, struct ut_diag *why)
{
    struct link *link = NULL;
    enum hsl_ldap_end end = connect_any(way, &link, why);

    close_link(link);
    return end;
}

/* --- Kept connections ----------------------------------------------------------------------------
 */

/* Everything that makes two ways the same connection. */
static bool
make_key(const struct hsl_ldap_way *way, struct ut_sbuf *key)
{
    for (size_t i = 0; i < way->host_count; i++)
        ut_sbuf_addf(key, "%s ", way->hosts[i]);
    ut_sbuf_addf(key, "\n%s\n%s\n%d %d %s", way->username, way->password, (int)way->tls,
        way->verify, way->ca_file);
    return !key->failed && strlen(way->password) == way->password_len;
}

static void
drop_kept(struct kept *k)
{
    close_link(k->link);
    explicit_bzero(k->key, strlen(k->key));
    free(k);
}

/* A kept connection of that key, or NULL. Those too old are closed. */
static struct link *
take_kept(struct hsl_ldap *l, const char *key)
{
    double oldest = ut_time_mono() - KEPT_SECONDS;
    struct kept *found = NULL, *old = NULL, *k, **p;
    struct link *link = NULL;

    pthread_mutex_lock(&l->lock);
    for (p = &l->first; (k = *p);) {
        bool stale = k->since < oldest;

        if (!stale && (found || strcmp(k->key, key) != 0)) {
            p = &k->next;
            continue;
        }
        *p = k->next;
        l->count--;
        k->next = NULL;
        if (stale) {
            k->next = old;
            old = k;
        } else {
            found = k;
        }
    }
    pthread_mutex_unlock(&l->lock);
    for (; old; old = k) {
        k = old->next;
        drop_kept(old);
    }
    if (found) {
        link = found->link;
        found->link = NULL;
        drop_kept(found);
    }
    return link;
}

static void
keep(struct hsl_ldap *l, struct link *link, const char *key)
{
    size_t len = strlen(key);
    struct kept *k = malloc(sizeof(*k) + len + 1);

    if (!k) {
        close_link(link);
        return;
    }
    k->link = link;
    k->since = ut_time_mono();
    memcpy(k->key, key, len + 1);
    pthread_mutex_lock(&l->lock);
    if (l->count < KEPT_MAX) {
        k->next = l->first;
        l->first = k;
        l->count++;
        k = NULL;
    }
    pthread_mutex_unlock(&l->lock);
    if (k)
        drop_kept(k);
}

/* libldap sets itself up at its first call, which is not to be one of many at once. */
static void
start_libldap(void)
{
    int version;

    (void)ldap_get_option(NULL, LDAP_OPT_PROTOCOL_VERSION, &version);
}

struct hsl_ldap *
hsl_ldap_new(void)
{
    struct hsl_ldap *l = calloc(1, sizeof(*l));

    pthread_once(&libldap_once, start_libldap);
    if (l)
        pthread_mutex_init(&l->lock, NULL);
    return l;
}

void
hsl_ldap_free(struct hsl_ldap *l)
{
    struct kept *k, *next;

    if (!l)
        return;
    for (k = l->first; k; k = next) {
        next = k->next;
        drop_kept(k);
    }
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* --- Searching -----------------------------------------------------------------------------------
 */

/* What became of a search besides its result code. */
struct progress {
    int entries;  /* so many were handed over */
    bool stopped; /* the call-back did not want more */
};

/* Reads the entries of a search, and no more than it asks for: not every server minds the limit. An
 * LDAP result code. */
static int
read_entries(
    LDAP *ld, int id, const struct hsl_ldap_search *s, double deadline, struct progress *progress)
{
    bool enough = false;
    int rc = LDAP_OTHER;

    for (;;) {
        LDAPMessage *msg = NULL;
        int kind = await(ld, id, deadline, &msg, &rc), code;

        if (kind < 0)
            return rc;
        if (kind == LDAP_RES_SEARCH_RESULT) {
            rc = ldap_parse_result(ld, msg, &code, NULL, NULL, NULL, NULL, 1);
            return rc == LDAP_SUCCESS ? code : rc;
        }
        if (kind == LDAP_RES_SEARCH_ENTRY) {
            enough = progress->entries == s->limit;
            progress->stopped = !enough && !s->entry(s->arg, ld, msg);
            progress->entries += !enough;
        }
        ldap_msgfree(msg);
        if (progress->stopped || enough) {
            (void)ldap_abandon_ext(ld, id, NULL, NULL);
            return LDAP_SUCCESS;
        }
    }
}

static int
search_on(LDAP *ld, const struct hsl_ldap_way *way, const struct hsl_ldap_search *s,
    struct progress *progress)
{
    static const char *const nothing[] = {LDAP_NO_ATTRS, NULL};
    struct timeval tv = until(way->deadline);
    char **attrs = s->names_only ? (char **)(uintptr_t)nothing : NULL;
    int id = 0, rc;

    rc = ldap_search_ext(
        ld, way->base, way->scope, s->filter, attrs, 0, NULL, NULL, &tv, s->limit, &id);
    if (rc != LDAP_SUCCESS)
        return rc;
    rc = read_entries(ld, id, s, way->deadline, progress);
    if (rc == LDAP_TIMEOUT)
        (void)ldap_abandon_ext(ld, id, NULL, NULL);
    return rc == LDAP_SIZELIMIT_EXCEEDED ? LDAP_SUCCESS : rc;
}

/* True if the connection itself has failed. */
static bool
is_dead(int rc)
{
    return rc == LDAP_SERVER_DOWN || rc == LDAP_CONNECT_ERROR || rc == LDAP_UNAVAILABLE ||
           rc == LDAP_DECODING_ERROR;
}

enum hsl_ldap_end
hsl_ldap_search(struct hsl_ldap *l, const struct hsl_ldap_way *way, bool kept,
    const struct hsl_ldap_search *search, struct ut_diag *why)
{
    enum hsl_ldap_end end = HSL_LDAP_DONE;
    struct progress progress = {0};
    bool again;
    struct ut_sbuf key;
    struct link *link;
    int rc = LDAP_SUCCESS;

    ut_sbuf_init(&key, KEY_MAX);
    kept = make_key(way, &key) && kept;
    link = kept ? take_kept(l, ut_sbuf_text(&key)) : NULL;
    do {
        again = link != NULL;
        if (!link)
            end = connect_any(way, &link, why);
        if (!link)
            break;
        link->deadline = way->deadline;
        rc = search_on(link->ld, way, search, &progress);
        again = again && is_dead(rc) && progress.entries == 0;
        if (rc == LDAP_SUCCESS && !progress.stopped && kept)
            keep(l, link, ut_sbuf_text(&key));
        else
            close_link(link);
        link = NULL;
    } while (again);
    if (end == HSL_LDAP_DONE && rc != LDAP_SUCCESS)
        end = fail(why, way->hosts[0], "search", rc);
    if (key.data)
        explicit_bzero(key.data, key.len);
    ut_sbuf_fini(&key);
    return progress.stopped ? HSL_LDAP_STOPPED : end;
}
