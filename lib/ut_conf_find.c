/* ut_conf_find.c - questions to a loaded configuration, and its dump.
 * Not here: reading it (ut_conf.c).
 * Threads: any; a loaded configuration is constant.
 * Fails: lookups give NULL; the dump only as its buffer does. */
#include "config.h"

#include "lib/ut_conf.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "lib/ut_conf_internal.h"

/* [ref] behind "KIND:", or as it is. */
static const char *
conf_bare_id(const char *ref, const char *kind)
{
    size_t len = strlen(kind);

    return strncmp(ref, kind, len) == 0 && ref[len] == ':' ? ref + len + 1 : ref;
}

const struct ut_conf_mailtransport *
ut_conf_mailtransport_get(const struct ut_conf *c, const char *ref)
{
    const char *id = conf_bare_id(ref, "mailtransport");

    for (size_t i = 0; i < c->mailtransport_count; i++)
        if (strcmp(c->mailtransports[i].id, id) == 0)
            return &c->mailtransports[i];
    return NULL;
}

const struct ut_conf_mailquarantine *
ut_conf_mailquarantine_get(const struct ut_conf *c, const char *ref)
{
    const char *id = conf_bare_id(ref, "mailquarantine");

    for (size_t i = 0; i < c->mailquarantine_count; i++)
        if (strcmp(c->mailquarantines[i].id, id) == 0)
            return &c->mailquarantines[i];
    return NULL;
}

const struct ut_conf_ldap *
ut_conf_ldap_get(const struct ut_conf *c, const char *ref)
{
    const char *id = conf_bare_id(ref, "ldap");

    for (size_t i = 0; i < c->ldap_count; i++)
        if (strcmp(c->ldaps[i].id, id) == 0)
            return &c->ldaps[i];
    return NULL;
}

const struct ut_conf_file *
ut_conf_file_get(const struct ut_conf *c, const char *id)
{
    id = conf_bare_id(id, "file");
    for (size_t i = 0; i < c->file_count; i++)
        if (strcmp(c->files[i].id, id) == 0)
            return &c->files[i];
    return NULL;
}

void
ut_conf_quarantine_dir(const struct ut_conf *c, const struct ut_conf_mailquarantine *q,
    struct ut_sbuf *out)
{
    if (q->directory[0])
        ut_sbuf_addz(out, q->directory);
    else
        ut_sbuf_addf(out, "%s/quarantine/%s", c->global.state_directory, q->id);
}

/* Two spellings of one IP address, each with or without Postfix's "IPv6:" in front. */
static bool
conf_same_address(const char *a, const char *b)
{
    unsigned char x[sizeof(struct in6_addr)], y[sizeof(struct in6_addr)];

    if (strncasecmp(a, "IPv6:", 5) == 0)
        a += 5;
    if (strncasecmp(b, "IPv6:", 5) == 0)
        b += 5;
    if (inet_pton(AF_INET6, a, x) == 1 && inet_pton(AF_INET6, b, y) == 1)
        return memcmp(x, y, sizeof(struct in6_addr)) == 0;
    return strcasecmp(a, b) == 0;
}

/* How specifically [m] fits: -1 not at all, 0 as the section "any", 1 and more by what it names. */
static int
conf_listener_rank(const struct ut_conf_mailserver *m, const char *addr, unsigned port,
    const char *daemon_name)
{
    int rank = strcmp(m->id, "any") == 0 ? 0 : 1;

    if (m->address[0]) {
        if (!addr || !conf_same_address(m->address, addr))
            return -1;
        rank += 2;
    }
    if (m->port != 0) {
        if (m->port != (long)port)
            return -1;
        rank += 2;
    }
    if (m->daemon_name[0]) {
        if (!daemon_name || strcmp(m->daemon_name, daemon_name) != 0)
            return -1;
        rank += 2;
    }
    return rank;
}

const struct ut_conf_mailserver *
ut_conf_listener(const struct ut_conf *c, const char *addr, unsigned port, const char *daemon_name)
{
    const struct ut_conf_mailserver *best = NULL;
    int best_rank = -1, rank;

    for (size_t i = 0; i < c->mailserver_count; i++) {
        rank = conf_listener_rank(&c->mailservers[i], addr, port, daemon_name);
        if (rank > best_rank) {
            best_rank = rank;
            best = &c->mailservers[i];
        }
    }
    return best;
}

const struct ut_conf_domain *
ut_conf_domain(const struct ut_conf_mailserver *s, const char *domain)
{
    const struct ut_conf_domain *any = NULL;

    for (size_t i = 0; i < s->domain_count; i++) {
        if (strcmp(s->domains[i].name, "any") == 0)
            any = &s->domains[i];
        else if (domain && strcasecmp(s->domains[i].name, domain) == 0)
            return &s->domains[i];
    }
    return any;
}

static void
conf_dump_rows(enum conf_section s, const void *base, bool all, const char *indent,
    struct ut_sbuf *out)
{
    for (size_t i = 0; i < CONF_ROW_COUNT; i++) {
        const struct conf_row *r = &conf_rows[i];

        if (r->section != s || (!all && conf_row_is_default(r, base)))
            continue;
        ut_sbuf_addf(out, "%s%s = ", indent, r->name);
        conf_row_print(r, base, out);
        ut_sbuf_addc(out, '\n');
    }
}

static void
conf_dump_plain(enum conf_section s, const char *id, const void *base, bool all,
    struct ut_sbuf *out)
{
    ut_sbuf_addf(out, "\n%s \"%s\" {\n", conf_section_name(s), id);
    conf_dump_rows(s, base, all, "    ", out);
    ut_sbuf_addz(out, "}\n");
}

static void
conf_dump_mailserver(const struct ut_conf_mailserver *m, bool all, struct ut_sbuf *out)
{
    ut_sbuf_addf(out, "\nmailserver %s {\n", m->id);
    conf_dump_rows(CONF_mailserver, m, all, "    ", out);
    for (size_t i = 0; i < m->domain_count; i++) {
        ut_sbuf_addf(out, "\n    domain \"%s\" {\n", m->domains[i].name);
        conf_dump_rows(CONF_domain, &m->domains[i], all, "        ", out);
        ut_sbuf_addz(out, "    }\n");
    }
    ut_sbuf_addz(out, "}\n");
}

void
ut_conf_dump(const struct ut_conf *c, bool all, struct ut_sbuf *out)
{
    conf_dump_rows(CONF_global, &c->global, all, "", out);
    for (size_t i = 0; i < c->mailserver_count; i++)
        conf_dump_mailserver(&c->mailservers[i], all, out);
    for (size_t i = 0; i < c->mailtransport_count; i++)
        conf_dump_plain(CONF_mailtransport, c->mailtransports[i].id, &c->mailtransports[i], all,
            out);
    for (size_t i = 0; i < c->mailquarantine_count; i++)
        conf_dump_plain(CONF_mailquarantine, c->mailquarantines[i].id, &c->mailquarantines[i], all,
            out);
    for (size_t i = 0; i < c->ldap_count; i++)
        conf_dump_plain(CONF_ldap, c->ldaps[i].id, &c->ldaps[i], all, out);
    for (size_t i = 0; i < c->file_count; i++)
        conf_dump_plain(CONF_file, c->files[i].id, &c->files[i], all, out);
}
