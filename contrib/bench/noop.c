/* noop.c - the floor that penstock-milter is measured against: a libmilter program that takes part
 * in the protocol steps it is told to and answers "continue" to each.
 *
 *     noop SOCKET [-n] [-s STEPS]
 *
 * -n: asks not to reply before end of message (SMFIP_NR_*), where the MTA offers it.
 * -s: steps asked for, a comma list of connect helo mail rcpt data header eoh body; default all.
 * Not here: anything that looks at mail. Threads: libmilter's, one per connection. */
#include "config.h"

#include <libmilter/mfapi.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    unsigned long skip, no_reply;
} steps[] = {
    {"connect", SMFIP_NOCONNECT, SMFIP_NR_CONN},
    {"helo", SMFIP_NOHELO, SMFIP_NR_HELO},
    {"mail", SMFIP_NOMAIL, SMFIP_NR_MAIL},
    {"rcpt", SMFIP_NORCPT, SMFIP_NR_RCPT},
    {"data", SMFIP_NODATA, SMFIP_NR_DATA},
    {"header", SMFIP_NOHDRS, SMFIP_NR_HDR},
    {"eoh", SMFIP_NOEOH, SMFIP_NR_EOH},
    {"body", SMFIP_NOBODY, SMFIP_NR_BODY},
};
static bool no_replies;          /* -n */
static const char *wanted;       /* -s, or NULL for all; both are set before smfi_main() only */

static bool
is_wanted(const char *name)
{
    size_t len = strlen(name);
    const char *p;

    for (p = wanted; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
        if (strncmp(p, name, len) == 0 && (p[len] == '\0' || p[len] == ','))
            return true;
    }
    return !wanted;
}

static sfsistat
negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2, unsigned long f3,
    unsigned long *pf0, unsigned long *pf1, unsigned long *pf2, unsigned long *pf3)
{
    unsigned long protocol = SMFIP_NOUNKNOWN;
    size_t i;

    (void)ctx;
    (void)f2;
    (void)f3;
    for (i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (!is_wanted(steps[i].name))
            protocol |= steps[i].skip;
        else if (no_replies)
            protocol |= steps[i].no_reply;
    }
    *pf0 = f0 & SMFIF_ADDHDRS;
    *pf1 = f1 & protocol;
    *pf2 = 0;
    *pf3 = 0;
    return SMFIS_CONTINUE;
}

/* With SMFIP_NR_* agreed on, libmilter itself wants SMFIS_NOREPLY. */
static sfsistat
answer(void)
{
    return no_replies ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *addr)
{
    (void)ctx;
    (void)host;
    (void)addr;
    return answer();
}

static sfsistat
on_text(SMFICTX *ctx, char *text)
{
    (void)ctx;
    (void)text;
    return answer();
}

static sfsistat
on_args(SMFICTX *ctx, char **args)
{
    (void)ctx;
    (void)args;
    return answer();
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
    (void)ctx;
    (void)name;
    (void)value;
    return answer();
}

static sfsistat
on_step(SMFICTX *ctx)
{
    (void)ctx;
    return answer();
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *p, size_t len)
{
    (void)ctx;
    (void)p;
    (void)len;
    return answer();
}

static sfsistat
on_eom(SMFICTX *ctx)
{
    (void)ctx;
    return SMFIS_CONTINUE;
}

int
main(int argc, char **argv)
{
    struct smfiDesc desc = {
        .xxfi_name = (char *)"noop",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS,
        .xxfi_connect = on_connect,
        .xxfi_helo = on_text,
        .xxfi_envfrom = on_args,
        .xxfi_envrcpt = on_args,
        .xxfi_header = on_header,
        .xxfi_eoh = on_step,
        .xxfi_body = on_body,
        .xxfi_eom = on_eom,
        .xxfi_data = on_step,
        .xxfi_negotiate = negotiate,
    };
    int c;

    while ((c = getopt(argc, argv, "ns:")) != -1) {
        if (c == 'n')
            no_replies = true;
        else if (c == 's')
            wanted = optarg;
        else
            return 64;
    }
    if (optind + 1 != argc) {
        fprintf(stderr, "usage: noop [-n] [-s STEPS] SOCKET\n");
        return 64;
    }
    if (smfi_setconn(argv[optind]) != MI_SUCCESS || smfi_register(desc) != MI_SUCCESS)
        return 69;
    smfi_setbacklog(1000);
    return smfi_main() == MI_SUCCESS ? 0 : 70;
}
