/* mlt_cb.c - libmilter's callbacks: each fetches the connection, hands on, maps the answer.
 * Not here: any decision (mlt_sess.c), sockets and threads (mlt_main.c).
 * Threads: libmilter's; the callbacks of one connection never at the same time, though not always
 * on the same thread. Fails: into SMFIS_TEMPFAIL.
 *
 * Replies. Waiting for our answer after each step costs a round trip each; SMFIP_NR_* tells the
 * mail server that none will come. Over a UNIX socket that is worth a factor of 1.3; over TCP it is
 * a loss, since small writes without answers run into Nagle's algorithm and delayed
 * acknowledgements (design §8). So it is asked for on UNIX sockets only, for every step that
 * refuses nothing.
 *
 * libmilter gives callbacks no argument of ours, so the server stands at file scope; it is set once
 * before the first thread starts. */
#include "config.h"

#include "milter/mlt_cb.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/ut_log.h"
#include "milter/mlt_ops.h"
#include "milter/mlt_reply.h"
#include "milter/mlt_sess.h"

#include <libmilter/mfdef.h>

#define CB_ACTIONS (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_ADDRCPT | SMFIF_DELRCPT | SMFIF_CHGFROM)
#define CB_OPTIONAL (SMFIF_SETSYMLIST | SMFIF_ADDRCPT_PAR)

static struct {
    struct mlt_server *server;
    bool local;
} cb;

/* What hangs on a connection of libmilter. */
struct cb_conn {
    struct mlt_conn *conn;
    unsigned long protocol; /* SMFIP_* that were agreed on */
    unsigned long actions;  /* SMFIF_* that were agreed on */
};

/* --- The mail server as the session sees it --------------------------------------------------- */

static const char *
op_getsym(void *ctx, const char *name)
{
    return smfi_getsymval(ctx, (char *)name);
}

static int
result(int rc)
{
    return rc == MI_SUCCESS ? 0 : -1;
}

/* The text with each "%" doubled, as smfi_setmlreply() wants it. [out] has room for that. */
static void
double_percent(char *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '%')
            *out++ = '%';
        *out++ = *text;
    }
    *out = '\0';
}

static int
op_setreply(void *ctx, const struct mlt_reply *reply)
{
    static const size_t room = 2 * MLT_REPLY_TEXT + 1;
    char *l[MLT_REPLY_LINES] = {NULL};
    char code[8], *text = malloc(MLT_REPLY_LINES * room);
    int rc;

    if (!text)
        return -1;
    snprintf(code, sizeof(code), "%u", reply->code % 1000);
    for (size_t i = 0; i < reply->count && i < MLT_REPLY_LINES; i++) {
        l[i] = text + i * room;
        double_percent(l[i], reply->lines[i]);
    }
    rc = smfi_setmlreply(ctx, code, reply->status, l[0], l[1], l[2], l[3], l[4], l[5], l[6], l[7],
        l[8], l[9], l[10], l[11], l[12], l[13], l[14], l[15], l[16], l[17], l[18], l[19], l[20],
        l[21], l[22], l[23], l[24], l[25], l[26], l[27], l[28], l[29], l[30], l[31], (char *)NULL);
    free(text);
    return result(rc);
}

static int
op_chgheader(void *ctx, const char *name, unsigned index, const char *value)
{
    return result(smfi_chgheader(ctx, (char *)name, (int)index, (char *)value));
}

static int
op_insheader(void *ctx, unsigned index, const char *name, const char *value)
{
    return result(smfi_insheader(ctx, (int)index, (char *)name, (char *)value));
}

static int
op_chgfrom(void *ctx, const char *address)
{
    return result(smfi_chgfrom(ctx, (char *)address, NULL));
}

static int
op_addrcpt(void *ctx, const char *address, const char *params)
{
    const struct cb_conn *p = smfi_getpriv(ctx);

    if (params && p && (p->actions & SMFIF_ADDRCPT_PAR))
        return result(smfi_addrcpt_par(ctx, (char *)address, (char *)params));
    return result(smfi_addrcpt(ctx, (char *)address));
}

static int
op_delrcpt(void *ctx, const char *address)
{
    return result(smfi_delrcpt(ctx, (char *)address));
}

static int
op_progress(void *ctx)
{
    return result(smfi_progress(ctx));
}

static const struct mlt_ops ops = {
    .getsym = op_getsym,
    .setreply = op_setreply,
    .chgheader = op_chgheader,
    .insheader = op_insheader,
    .chgfrom = op_chgfrom,
    .addrcpt = op_addrcpt,
    .delrcpt = op_delrcpt,
    .progress = op_progress,
};

/* --- Negotiation ------------------------------------------------------------------------------ */

/* The SMFIP_* to ask for. */
static unsigned long
wanted(const struct mlt_steps *s)
{
    unsigned long p = SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_NOEOH | SMFIP_HDR_LEADSPC;

    if (!s->envelope)
        p |= SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NORCPT;
    if (!s->headers)
        p |= SMFIP_NOHDRS;
    if (!s->body)
        p |= SMFIP_NOBODY;
    if (!cb.local)
        return p;
    p |= SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_HDR | SMFIP_NR_BODY;
    if (!s->reply_connect)
        p |= SMFIP_NR_CONN;
    if (!s->reply_rcpt)
        p |= SMFIP_NR_RCPT;
    return p;
}

/* Asks for the macros that are read, and no others (library §19). */
static int
ask_macros(SMFICTX *ctx)
{
    static const struct {
        int stage;
        const char *names;
    } rows[] = {
        {SMFIM_CONNECT, "j {daemon_name} {daemon_addr} {daemon_port} {client_name} {client_ptr} "
                        "{client_port}"},
        {SMFIM_HELO, "{tls_version}"},
        {SMFIM_ENVFROM, "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer} "
                        "{auth_type} {auth_authen}"},
        {SMFIM_ENVRCPT, "i"},
        {SMFIM_EOM, "i"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (smfi_setsymlist(ctx, rows[i].stage, (char *)rows[i].names) != MI_SUCCESS)
            return -1;
    }
    return 0;
}

static void
forget(SMFICTX *ctx)
{
    struct cb_conn *p = smfi_getpriv(ctx);

    if (!p)
        return;
    smfi_setpriv(ctx, NULL);
    mlt_sess_free(p->conn);
    free(p);
}

static struct cb_conn *
remember(SMFICTX *ctx)
{
    struct cb_conn *p = calloc(1, sizeof(*p));

    forget(ctx);
    if (!p)
        return NULL;
    p->conn = mlt_sess_new(cb.server, &ops, ctx);
    if (!p->conn || smfi_setpriv(ctx, p) != MI_SUCCESS) {
        mlt_sess_free(p->conn);
        free(p);
        return NULL;
    }
    return p;
}

static sfsistat
cb_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2, unsigned long f3,
    unsigned long *pf0, unsigned long *pf1, unsigned long *pf2, unsigned long *pf3)
{
    struct cb_conn *p = remember(ctx);
    struct mlt_steps steps;

    (void)f2;
    (void)f3;
    if ((f0 & CB_ACTIONS) != CB_ACTIONS)
        ut_log(
            UT_LOG_ERR, "the mail server lets milters not do what flows need (actions %#lx)", f0);
    if (!p || (f0 & CB_ACTIONS) != CB_ACTIONS)
        return SMFIS_REJECT;
    steps = mlt_sess_steps(p->conn);
    *pf0 = p->actions = CB_ACTIONS | (f0 & CB_OPTIONAL);
    *pf1 = p->protocol = wanted(&steps) & f1;
    *pf2 = *pf3 = 0;
    mlt_sess_leading_space(p->conn, (p->protocol & SMFIP_HDR_LEADSPC) != 0);
    return (f0 & SMFIF_SETSYMLIST) && ask_macros(ctx) != 0 ? SMFIS_REJECT : SMFIS_CONTINUE;
}

/* --- The events ------------------------------------------------------------------------------- */

static struct mlt_conn *
conn_of(SMFICTX *ctx)
{
    struct cb_conn *p = smfi_getpriv(ctx);

    return p ? p->conn : NULL;
}

/* [no_reply]: the SMFIP_NR_* of the step. */
static sfsistat
answer(SMFICTX *ctx, unsigned long no_reply, enum mlt_answer a)
{
    static const sfsistat status[] = {
        [MLT_CONTINUE] = SMFIS_CONTINUE,
        [MLT_REJECT] = SMFIS_REJECT,
        [MLT_TEMPFAIL] = SMFIS_TEMPFAIL,
        [MLT_DISCARD] = SMFIS_DISCARD,
    };
    const struct cb_conn *p = smfi_getpriv(ctx);

    return p && (p->protocol & no_reply) ? SMFIS_NOREPLY : status[a];
}

static sfsistat
cb_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *addr)
{
    struct mlt_conn *c = conn_of(ctx);
    char ip[INET6_ADDRSTRLEN] = "";
    unsigned port = 0;

    if (!c)
        return SMFIS_TEMPFAIL;
    if (addr && addr->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)addr;

        inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
        port = ntohs(in->sin_port);
    } else if (addr && addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)addr;

        inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
        port = ntohs(in6->sin6_port);
    }
    return answer(
        ctx, SMFIP_NR_CONN, mlt_sess_connect(c, name, addr ? addr->sa_family : 0, ip, port));
}

static sfsistat
cb_helo(SMFICTX *ctx, char *name)
{
    struct mlt_conn *c = conn_of(ctx);

    return c ? answer(ctx, SMFIP_NR_HELO, mlt_sess_helo(c, name)) : SMFIS_TEMPFAIL;
}

static sfsistat
cb_envfrom(SMFICTX *ctx, char **args)
{
    struct mlt_conn *c = conn_of(ctx);

    return c ? answer(ctx, SMFIP_NR_MAIL, mlt_sess_mail(c, args)) : SMFIS_TEMPFAIL;
}

static sfsistat
cb_envrcpt(SMFICTX *ctx, char **args)
{
    struct mlt_conn *c = conn_of(ctx);

    return c ? answer(ctx, SMFIP_NR_RCPT, mlt_sess_rcpt(c, args)) : SMFIS_TEMPFAIL;
}

static sfsistat
cb_header(SMFICTX *ctx, char *name, char *value)
{
    struct mlt_conn *c = conn_of(ctx);

    return c ? answer(ctx, SMFIP_NR_HDR, mlt_sess_header(c, name, value)) : SMFIS_TEMPFAIL;
}

static sfsistat
cb_body(SMFICTX *ctx, unsigned char *p, size_t len)
{
    struct mlt_conn *c = conn_of(ctx);

    return c ? answer(ctx, SMFIP_NR_BODY, mlt_sess_body(c, p, len)) : SMFIS_TEMPFAIL;
}

static sfsistat
cb_eom(SMFICTX *ctx)
{
    struct mlt_conn *c = conn_of(ctx);

    return c ? answer(ctx, 0, mlt_sess_eom(c)) : SMFIS_TEMPFAIL;
}

static sfsistat
cb_abort(SMFICTX *ctx)
{
    struct mlt_conn *c = conn_of(ctx);

    if (c)
        mlt_sess_abort(c);
    return SMFIS_CONTINUE;
}

/* May come before connect, and in the middle of anything. */
static sfsistat
cb_close(SMFICTX *ctx)
{
    forget(ctx);
    return SMFIS_CONTINUE;
}

void
mlt_cb_serve(struct mlt_server *server, bool local)
{
    cb.server = server;
    cb.local = local;
}

struct smfiDesc
mlt_cb_describe(void)
{
    struct smfiDesc desc = {
        .xxfi_name = (char *)"penstock",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = CB_ACTIONS | CB_OPTIONAL,
        .xxfi_connect = cb_connect,
        .xxfi_helo = cb_helo,
        .xxfi_envfrom = cb_envfrom,
        .xxfi_envrcpt = cb_envrcpt,
        .xxfi_header = cb_header,
        .xxfi_body = cb_body,
        .xxfi_eom = cb_eom,
        .xxfi_abort = cb_abort,
        .xxfi_close = cb_close,
        .xxfi_negotiate = cb_negotiate,
    };

    return desc;
}
