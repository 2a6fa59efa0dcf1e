/* ctl_config.c - prints the configuration as it was understood, or the table of all parameters as
 * the section PARAMETERS of penstock.conf(5).
 * Not here: reading it (lib/ut_conf.c), mistakes in it (ctl_check.c).
 * Threads: one. Fails with EX_CONFIG. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "ctl/ctl_config.h"

#define MAX_DUMP (64 << 20) /* bytes of a printed configuration */

/* How each kind of section is introduced in the manual. ORDER as in params.def. */
static const struct section {
    const char *name, *title, *text;
} sections[] = {
    {"global", "The installation",
        "These parameters stand outside of every section, for the installation as a whole."},
    {"mailserver", "mailserver ID { ... }",
        "A listener: one\n.Xr smtpd 8\nof Postfix.\n.Ar ID\nis a number or\n.Cm any .\n"
        "Scripts know it as\n.Qq mailserver:ID ."},
    {"domain", "domain NAME { ... }",
        "Stands inside a\n.Ic mailserver\nsection: what happens to mail for that domain there.\n"
        ".Ar NAME\nis a domain or\n.Cm any ."},
    {"mailtransport", "mailtransport ID { ... }",
        "A way out, known to scripts as\n.Qq mailtransport:ID ."},
    {"mailquarantine", "mailquarantine ID { ... }",
        "A place for held mail, known to scripts as\n.Qq mailquarantine:ID ."},
    {"ldap", "ldap ID { ... }", "A directory, known to scripts as\n.Qq ldap:ID ."},
    {"file", "file ID { ... }", "A file, known to scripts as\n.Qq file:ID ."},
};

/* Prints [text] as the body of an mdoc paragraph: nothing in it is taken for a macro. */
static void
print_mdoc_text(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (const char *p = text; *p; p++)
        if (*p == '\\')
            fputs("\\e", stdout);
        else
            putchar(*p);
}

/* Prints the row as an item of a list. */
static void
print_param(const struct ut_conf_param *p)
{
    printf(".It Ic %s\n", p->name);
    print_mdoc_text(p->text);
    fputs(".\n", stdout);
    if (*p->range) {
        fputs("Values: ", stdout);
        print_mdoc_text(p->range);
        fputs(".\n", stdout);
    }
    if (*p->def) {
        fputs("Default: ", stdout);
        print_mdoc_text(p->def);
        fputs(".\n", stdout);
    }
}

static void
print_manual(void)
{
    struct ut_conf_param p;

    for (size_t s = 0; s < sizeof(sections) / sizeof(sections[0]); s++) {
        printf(".Ss %s\n%s\n.Bl -tag -width Ds\n", sections[s].title, sections[s].text);
        for (size_t i = 0; ut_conf_param(i, &p); i++)
            if (strcmp(p.section, sections[s].name) == 0)
                print_param(&p);
        fputs(".El\n", stdout);
    }
}

static int
config(struct ctl_call *c)
{
    struct ut_sbuf text;
    int rc;

    if (ctl_option(c, "manual")) {
        print_manual();
        return EX_OK;
    }
    if (!ctl_conf(c))
        return EX_CONFIG;
    rc = c->conf_faulty ? EX_CONFIG : EX_OK;
    ut_sbuf_init(&text, MAX_DUMP);
    ut_conf_dump(c->conf, ctl_option(c, "all") != NULL, &text);
    if (text.failed) {
        ctl_error("out of memory");
        rc = EX_SOFTWARE;
    } else {
        fwrite(ut_sbuf_text(&text), 1, text.len, stdout);
    }
    ut_sbuf_fini(&text);
    return rc;
}

static const struct ctl_option config_options[] = {
    {"all", 'a', NULL, "print defaults too"},
    {"manual", 0, NULL, "print every parameter as a manual section (mdoc)"},
    {NULL, 0, NULL, NULL},
};

const struct ctl_command ctl_config_commands[] = {
    {"config", "", 0, 0, config_options, config, "Print the configuration as it was understood"},
    {NULL, NULL, 0, 0, NULL, NULL, NULL},
};
