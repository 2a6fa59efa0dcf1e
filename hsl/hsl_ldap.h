/* hsl_ldap.h - directory servers, by libldap: binds and searches with a deadline, and connections
 * that are kept for searches. Any thread. Sources: RFC 4511, ldap_sasl_bind(3), ldap_search_ext(3).
 */
#ifndef HSL_LDAP_H
#define HSL_LDAP_H

#include <ldap.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"

#define HSL_LDAP_HOSTS_MAX 16

enum hsl_ldap_tls { HSL_LDAP_TLS_DISABLED, HSL_LDAP_TLS_OPTIONAL, HSL_LDAP_TLS_REQUIRE };

/* Where and how; all borrowed. */
struct hsl_ldap_way {
    const char *hosts[HSL_LDAP_HOSTS_MAX]; /* URIs or host names, tried in this order */
    size_t host_count;
    const char *username; /* DN; "": anonymous */
    const char *password;
    size_t password_len;
    const char *base;
    int scope;             /* LDAP_SCOPE_... */
    enum hsl_ldap_tls tls; /* StartTLS on ldap: servers */
    bool verify;           /* certificates have to be good */
    const char *ca_file;   /* "": those of the system */
    double deadline;       /* monotonic seconds */
};

enum hsl_ldap_end {
    HSL_LDAP_DONE,
    HSL_LDAP_REFUSED, /* the bind: wrong credentials, or no such entry */
    HSL_LDAP_FAILED,  /* anything else: see the diagnostic */
    HSL_LDAP_STOPPED  /* the call-back said so */
};

struct hsl_ldap;
struct hsl_ldap *
hsl_ldap_new(void) UT_CHECKED; /* NULL: no memory */
/* Closes what is kept. NULL is allowed. */
void
hsl_ldap_free(struct hsl_ldap *l);

/* Binds as way->username on a connection of its own, which is closed again. [why] says which server
 * and what, for FAILED and REFUSED. */
enum hsl_ldap_end
hsl_ldap_bind(const struct hsl_ldap_way *way, struct ut_diag *why);

/* Called for each entry found; false: stop. */
typedef bool
hsl_ldap_entry_fn(void *arg, LDAP *ld, LDAPMessage *entry);

struct hsl_ldap_search {
    const char *filter; /* RFC 4515 */
    bool names_only;    /* entries come without attributes */
    int limit;          /* entries that are wanted at most */
    hsl_ldap_entry_fn *entry;
    void *arg;
};

/* Binds and searches. [kept]: a connection that is bound as way->username may be used, and this one
 * kept; if a kept one turns out to be dead, a new one is made once. Otherwise a connection of its
 * own. */
enum hsl_ldap_end
hsl_ldap_search(struct hsl_ldap *l, const struct hsl_ldap_way *way, bool kept,
    const struct hsl_ldap_search *search, struct ut_diag *why);

#endif
