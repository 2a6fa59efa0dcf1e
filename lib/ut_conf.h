/* ut_conf.h - the configuration file, read through libconfuse into structs made from params.def.
 *
 * A configuration never changes once loaded; it is counted and may be shared by threads.
 * Source: design §6. */
#ifndef UT_CONF_H
#define UT_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"

/* The header by which a message tells Postfix its transport, as "mailtransport:1": only the milter
 * may set it. */
#define UT_CONF_TRANSPORT_HEADER "X-HSL-Transport"

struct ut_conf_list {
    char **items; /* owned by the configuration */
    size_t count;
};

#define UT_CONF_T_STR const char *
#define UT_CONF_T_WORD const char *
#define UT_CONF_T_LIST struct ut_conf_list
#define UT_CONF_T_INT long
#define UT_CONF_T_TIME long
#define UT_CONF_T_BOOL bool
#define UT_CONF_T_SIZE long long
#define UT_CONF_FIELD(type, name) UT_CONF_T_##type name;
#define UT_CONF_IF_global(x)
#define UT_CONF_IF_mailserver(x)
#define UT_CONF_IF_domain(x)
#define UT_CONF_IF_mailtransport(x)
#define UT_CONF_IF_mailquarantine(x)
#define UT_CONF_IF_ldap(x)
#define UT_CONF_IF_file(x)

struct ut_conf_global {
#undef UT_CONF_IF_global
#define UT_CONF_IF_global(x) x
#define UT_PARAM(section, type, name, def, min, max, text)                                         \
    UT_CONF_IF_##section(UT_CONF_FIELD(type, name))
#include "lib/params.def"
#undef UT_CONF_IF_global
#define UT_CONF_IF_global(x)
};

struct ut_conf_domain {
    const char *name; /* lower case; "any" */
    unsigned line;    /* where its section starts in the file */
#undef UT_CONF_IF_domain
#define UT_CONF_IF_domain(x) x
#define UT_PARAM(section, type, name, def, min, max, text)                                         \
    UT_CONF_IF_##section(UT_CONF_FIELD(type, name))
#include "lib/params.def"
#undef UT_CONF_IF_domain
#define UT_CONF_IF_domain(x)
};

struct ut_conf_mailserver {
    const char *id; /* "1" or "any"; scripts say "mailserver:1" */
    unsigned line;
    struct ut_conf_domain *domains; /* in the order of the file */
    size_t domain_count;
#undef UT_CONF_IF_mailserver
#define UT_CONF_IF_mailserver(x) x
#define UT_PARAM(section, type, name, def, min, max, text)                                         \
    UT_CONF_IF_##section(UT_CONF_FIELD(type, name))
#include "lib/params.def"
#undef UT_CONF_IF_mailserver
#define UT_CONF_IF_mailserver(x)
};

struct ut_conf_mailtransport {
    const char *id;
    unsigned line;
#undef UT_CONF_IF_mailtransport
#define UT_CONF_IF_mailtransport(x) x
#define UT_PARAM(section, type, name, def, min, max, text)                                         \
    UT_CONF_IF_##section(UT_CONF_FIELD(type, name))
#include "lib/params.def"
#undef UT_CONF_IF_mailtransport
#define UT_CONF_IF_mailtransport(x)
};

struct ut_conf_mailquarantine {
    const char *id;
    unsigned line;
#undef UT_CONF_IF_mailquarantine
#define UT_CONF_IF_mailquarantine(x) x
#define UT_PARAM(section, type, name, def, min, max, text)                                         \
    UT_CONF_IF_##section(UT_CONF_FIELD(type, name))
#include "lib/params.def"
#undef UT_CONF_IF_mailquarantine
#define UT_CONF_IF_mailquarantine(x)
};

struct ut_conf_ldap {
    const char *id;
    unsigned line;
#undef UT_CONF_IF_ldap
#define UT_CONF_IF_ldap(x) x
#define UT_PARAM(section, type, name, def, min, max, text)                                         \
    UT_CONF_IF_##section(UT_CONF_FIELD(type, name))
#include "lib/params.def"
#undef UT_CONF_IF_ldap
#define UT_CONF_IF_ldap(x)
};

struct ut_conf_file {
    const char *id;
    unsigned line;
#undef UT_CONF_IF_file
#define UT_CONF_IF_file(x) x
#define UT_PARAM(section, type, name, def, min, max, text)                                         \
    UT_CONF_IF_##section(UT_CONF_FIELD(type, name))
#include "lib/params.def"
#undef UT_CONF_IF_file
#define UT_CONF_IF_file(x)
};

struct ut_conf {
    const char *path; /* the file it came from */
    struct ut_conf_global global;
    struct ut_conf_mailserver *mailservers; /* in the order of the file */
    size_t mailserver_count;
    struct ut_conf_mailtransport *mailtransports;
    size_t mailtransport_count;
    struct ut_conf_mailquarantine *mailquarantines;
    size_t mailquarantine_count;
    struct ut_conf_ldap *ldaps;
    size_t ldap_count;
    struct ut_conf_file *files;
    size_t file_count;
};

/* Reads and checks the file [path]: syntax, unknown names (with the nearest known one), ranges,
 * words, references such as "mailtransport:1" to sections that do not exist, sections and
 * parameters that are there twice, sections that are not closed. libconfuse puts environment
 * variables in for ${NAME} in values without quotes or in double quotes, not in single quotes.
 * All mistakes that can be found are added to [diags] with file and line (libconfuse stops at a
 * syntax error). The result has one reference; NULL if there was an error. */
struct ut_conf *ut_conf_load(const char *path, struct ut_diag_list *diags) UT_CHECKED;
/* The same, but what could be understood is given in spite of errors, defaults standing for wrong
 * values: to look for further mistakes, never to run with. NULL if the syntax is wrong. */
struct ut_conf *ut_conf_load_faulty(const char *path, struct ut_diag_list *diags) UT_CHECKED;
/* Takes another reference; gives [c]. Any thread. */
struct ut_conf *ut_conf_ref(struct ut_conf *c);
/* Drops one reference and frees [c] with the last; NULL is allowed. Any thread. */
void ut_conf_unref(struct ut_conf *c);

/* The section "mailtransport:ID" and so on, [ref] with or without the prefix; NULL if none. */
const struct ut_conf_mailtransport *ut_conf_mailtransport_get(const struct ut_conf *c, const char *ref);
const struct ut_conf_mailquarantine *ut_conf_mailquarantine_get(const struct ut_conf *c, const char *ref);
const struct ut_conf_ldap *ut_conf_ldap_get(const struct ut_conf *c, const char *ref);
const struct ut_conf_file *ut_conf_file_get(const struct ut_conf *c, const char *id);
/* The directory of a quarantine, its default worked out; into [out]. */
void ut_conf_quarantine_dir(const struct ut_conf *c, const struct ut_conf_mailquarantine *q,
    struct ut_sbuf *out);

/* The most specific listener for an smtpd known by its macros (each may be NULL, [port] 0), and
 * the most specific domain of that listener, "any" last; NULL if none fits. Design §3. */
const struct ut_conf_mailserver *ut_conf_listener(const struct ut_conf *c, const char *addr,
    unsigned port, const char *daemon_name);
const struct ut_conf_domain *ut_conf_domain(const struct ut_conf_mailserver *s, const char *domain);

/* Appends the whole configuration in the file's syntax; [all]: defaults too. */
void ut_conf_dump(const struct ut_conf *c, bool all, struct ut_sbuf *out);

/* One row of params.def, for manuals and checks of them. */
struct ut_conf_param {
    const char *section, *type, *name, *text;
    char def[128];   /* the default as one would write it: "30d", "yes"; "" for an empty text */
    char range[128]; /* "1 to 3600", the words of a WORD; "" if there is none */
};
/* Row [i] from 0 into [*out]; false behind the last. */
bool ut_conf_param(size_t i, struct ut_conf_param *out);

#endif
