/* run.c - plays a scripted dialogue of a mail server to the session logic, without any socket, and
 * prints what it was asked to do, what it was answered and what was logged.
 *
 *     run FILE.in
 *
 * The dialogue is read line by line; '#' begins a comment. Files first:
 *     @flow NAME ... @end     a script in the flow folder (access.hsl, recipient.hsl and mail.hsl
 * are attached to `mailserver 1`, domain any)
 *     @data NAME ... @end     a file in the data folder
 *     @conf ... @end          more lines of the configuration's top level
 *     @config ... @end        the whole configuration behind the folders instead
 * then events, each answered by a line "= ANSWER":
 *     open [nospace]  macro NAME VALUE  connect NAME IP PORT  helo NAME  mail ARG...  rcpt ARG...
 *     rcpts N PREFIX  header NAME:VALUE  body TEXT  bodies N TEXT  eom  abort  close
 *     second NAME IP PORT (connects and ends another connection beside this one)
 * Headers and bodies that the milter does not ask for are not sent to it.
 * (\n, \r, \t and \xHH are understood in values; the macros of a listener are set to begin with)
 * and what the world does meanwhile: fail OP          the next call of OP fails        submit
 * ok|refuse   the re-injection listener reload           the configuration anew           restart
 * [kill]     the process; "kill": nothing that was open could be ended break | mend     the
 * quarantine folder            held               what is in the quarantine revision whether a
 * revision is saved       quiet | loud      the log is shown or not
 *
 * Ids, times and the temporary folder are replaced by words, so that output can be compared. */
#include "config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/ut_file.h"
#include "lib/ut_log.h"
#include "lib/ut_smtp.h"
#include "milter/mlt_reply.h"
#include "milter/mlt_server.h"
#include "milter/mlt_sess.h"
#include "quarantine/qtn_file.h"

#define MAX_MACROS 32
#define MAX_ARGS 16

struct macro {
    char name[64];
    char value[256];
};

struct world {
    char dir[256];
    char config_path[300];
    struct ut_sbuf conf;   /* @conf */
    struct ut_sbuf config; /* @config */
    bool has_flow[3];      /* access, recipient, mail */
    struct macro macros[MAX_MACROS];
    size_t macro_count;
    char fail[32]; /* operation that fails next */
    bool submit_refuses;
    long log_at; /* where in the log file to read on */
    bool quiet;  /* the log is not shown */
    struct mlt_server *server;
    struct mlt_conn *conn;
    struct mlt_steps steps; /* of [conn] */
};

static const char *const flow_names[3] = {"access.hsl", "recipient.hsl", "mail.hsl"};

static void
die(const char *what)
{
    fprintf(stderr, "run: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* --- Output ----------------------------------------------------------------------------------- */

static bool
is_hex(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!strchr("0123456789abcdef", p[i]) || p[i] == '\0')
            return false;
    }
    return true;
}

static bool
is_uuid(const char *p)
{
    return strnlen(p, 36) == 36 && is_hex(p, 8) && p[8] == '-' && is_hex(p + 9, 4) &&
           p[13] == '-' && is_hex(p + 14, 4) && p[18] == '-' && is_hex(p + 19, 4) && p[23] == '-' &&
           is_hex(p + 24, 12);
}

/* The length of what [p] starts with and is different each time, and its word; 0: nothing. */
static size_t
changing(const struct world *w, const char *p, bool word_start, const char **word)
{
    size_t dir = strlen(w->dir);
    size_t n = strspn(p, "0123456789ABCDEFGHJKMNPQRSTVWXYZ");

    if (strncmp(p, w->dir, dir) == 0) {
        *word = "DIR";
        return dir;
    }
    if (strncmp(p, "limit: time (", 13) == 0) {
        *word = "limit: time (N s)";
        return strcspn(p, ")") + 1;
    }
    if (word_start && is_uuid(p)) {
        *word = "MESSAGE";
        return 36;
    }
    if (word_start && is_hex(p, 16) && !isalnum((unsigned char)p[16])) {
        *word = "SESSION";
        return 16;
    }
    *word = "HELD";
    return word_start && n == 26 ? n : 0;
}

/* Prints [text] with what changes replaced and control bytes shown, then a line end. */
static void
show(const struct world *w, const char *prefix, const char *text)
{
    bool word_start = true;
    const char *word;

    fputs(prefix, stdout);
    while (*text) {
        size_t n = changing(w, text, word_start, &word);

        if (n > 0) {
            fputs(word, stdout);
            text += n;
            continue;
        }
        word_start = !isalnum((unsigned char)*text);
        if ((unsigned char)*text < ' ')
            printf("\\x%02x", (unsigned char)*text);
        else
            putchar(*text);
        text++;
    }
    putchar('\n');
}

static void
show_op(const struct world *w, const char *fmt, ...) UT_PRINTF(2, 3);

static void
show_op(const struct world *w, const char *fmt, ...)
{
    struct ut_sbuf b;
    va_list ap;

    ut_sbuf_init(&b, 1 << 20);
    va_start(ap, fmt);
    ut_sbuf_addv(&b, fmt, ap);
    va_end(ap);
    show(w, "  ", ut_sbuf_text(&b));
    ut_sbuf_fini(&b);
}

static void
show_record(const struct world *w, json_t *r)
{
    static const char *const fields[] = {"flow", "script", "line", "verdict", "outcome", "reason",
        "recipient", "sender", "client", "queue", "code", "target", "transport", "quarantine",
        "metadata"};
    struct ut_sbuf b;

    ut_sbuf_init(&b, 1 << 20);
    ut_sbuf_addf(&b, "log %s: %s", json_string_value(json_object_get(r, "level")),
        json_string_value(json_object_get(r, "text")));
    if (json_object_get(r, "verdict")) {
        ut_sbuf_addz(&b, "  {");
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
            json_t *v = json_object_get(r, fields[i]);

            if (json_is_string(v))
                ut_sbuf_addf(&b, " %s=%s", fields[i], json_string_value(v));
            else if (json_is_integer(v))
                ut_sbuf_addf(&b, " %s=%lld", fields[i], (long long)json_integer_value(v));
        }
        ut_sbuf_addz(&b, " }");
    }
    show(w, "  ", ut_sbuf_text(&b));
    ut_sbuf_fini(&b);
}

/* Prints the records that are new in the log. */
static void
show_log(struct world *w)
{
    char path[300], *line = NULL;
    size_t size = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/log", w->dir);
    f = fopen(path, "r");
    if (!f)
        return;
    fseek(f, w->log_at, SEEK_SET);
    while (getline(&line, &size, f) > 0) {
        json_t *r = json_loads(line, 0, NULL);

        if (r && !w->quiet)
            show_record(w, r);
        else if (!r)
            printf("  log: not JSON: %s", line);
        json_decref(r);
    }
    w->log_at = ftell(f);
    free(line);
    fclose(f);
}

/* --- The mail server -------------------------------------------------------------------------- */

static int
outcome(struct world *w, const char *op)
{
    if (strcmp(w->fail, op) != 0)
        return 0;
    w->fail[0] = '\0';
    printf("  (fails)\n");
    return -1;
}

static const char *
op_getsym(void *ctx, const char *name)
{
    struct world *w = ctx;

    for (size_t i = 0; i < w->macro_count; i++) {
        if (strcmp(w->macros[i].name, name) == 0)
            return w->macros[i].value;
    }
    return NULL;
}

static int
op_setreply(void *ctx, const struct mlt_reply *reply)
{
    for (size_t i = 0; i < reply->count; i++)
        show_op(ctx, "reply %u%s%s %s", reply->code, i + 1 < reply->count ? "-" : " ",
            reply->status, reply->lines[i]);
    return outcome(ctx, "setreply");
}

static int
op_chgheader(void *ctx, const char *name, unsigned index, const char *value)
{
    if (value)
        show_op(ctx, "chgheader %s %u [%s]", name, index, value);
    else
        show_op(ctx, "chgheader %s %u (delete)", name, index);
    return outcome(ctx, "chgheader");
}

static int
op_insheader(void *ctx, unsigned index, const char *name, const char *value)
{
    show_op(ctx, "insheader %u %s [%s]", index, name, value);
    return outcome(ctx, "insheader");
}

static int
op_chgfrom(void *ctx, const char *address)
{
    show_op(ctx, "chgfrom %s", address);
    return outcome(ctx, "chgfrom");
}

static int
op_addrcpt(void *ctx, const char *address, const char *params)
{
    show_op(ctx, "addrcpt %s%s%s", address, params ? " " : "", params ? params : "");
    return outcome(ctx, "addrcpt");
}

static int
op_delrcpt(void *ctx, const char *address)
{
    show_op(ctx, "delrcpt %s", address);
    return outcome(ctx, "delrcpt");
}

static int
op_progress(void *ctx)
{
    return outcome(ctx, "progress");
}

static const struct mlt_ops ops = {op_getsym, op_setreply, op_chgheader, op_insheader, op_chgfrom,
    op_addrcpt, op_delrcpt, op_progress};

/* Prints what would go to the re-injection listener; the date of a report is left out. */
static int
submit(void *arg, const struct ut_smtp_job *job, struct ut_smtp_reply *reply, struct ut_diag *d)
{
    struct world *w = arg;
    struct ut_sbuf text;
    char buf[700], *line, *end;
    ssize_t n;

    show_op(w, "submit from <%s> to %zu, first <%s>%s", job->sender ? job->sender : "",
        job->rcpt_count, job->rcpts[0], w->submit_refuses ? " (refused)" : "");
    if (w->submit_refuses)
        return ut_diag_set(d, "the listener said 451 no");
    ut_sbuf_init(&text, 1 << 24);
    while ((n = job->read(job->arg, buf, sizeof(buf))) > 0)
        ut_sbuf_add(&text, buf, (size_t)n);
    if (n < 0 || (long long)text.len != job->length)
        printf("  length is %lld, announced %lld\n", (long long)text.len, job->length);
    for (line = text.data; line && *line; line = end + 2) {
        end = strstr(line, "\r\n");
        if (!end)
            break;
        *end = '\0';
        if (strstr(line, "Date: ") == line || strstr(line, "Arrival-Date: ") == line)
            strchr(line, ':')[1] = '\0';
        show(w, "  | ", line);
    }
    ut_sbuf_fini(&text);
    reply->code = 250;
    return 0;
}

/* --- Files ------------------------------------------------------------------------------------ */

static void
write_text(const struct world *w, const char *name, const char *text)
{
    char path[600];
    struct ut_diag d;

    snprintf(path, sizeof(path), "%s/%s", w->dir, name);
    if (ut_file_write(path, text, strlen(text), 0600, &d) != 0)
        die(d.text);
}

static void
write_conf(struct world *w)
{
    struct ut_sbuf b;

    ut_sbuf_init(&b, 1 << 20);
    ut_sbuf_addf(&b,
        "myhostname = \"gw.test\"\nstate_directory = \"%s/state\"\n"
        "flow_directory = \"%s/flows\"\ndata_directory = \"%s/data\"\nrun_directory = \"%s\"\n",
        w->dir, w->dir, w->dir, w->dir);
    ut_sbuf_add(&b, ut_sbuf_text(&w->conf), w->conf.len);
    if (w->config.len > 0) {
        ut_sbuf_add(&b, w->config.data, w->config.len);
    } else {
        ut_sbuf_addz(&b, "mailquarantine 1 { }\nmailtransport 1 { host = \"a.test\" }\n"
                         "mailtransport 2 { host = \"b.test\" }\nmailserver 1 {\n quarantine = "
                         "\"mailquarantine:1\"\n"
                         " transport = \"mailtransport:1\"\n");
        if (w->has_flow[0])
            ut_sbuf_addz(&b, " access_flow = \"access.hsl\"\n");
        ut_sbuf_addz(&b, " domain any {\n");
        if (w->has_flow[1])
            ut_sbuf_addz(&b, "  recipient_flow = \"recipient.hsl\"\n");
        if (w->has_flow[2])
            ut_sbuf_addz(&b, "  mail_flow = \"mail.hsl\"\n");
        ut_sbuf_addz(&b, " }\n}\n");
    }
    write_text(w, "penstock.conf", ut_sbuf_text(&b));
    ut_sbuf_fini(&b);
}

static void
remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *e;
    char name[4096];

    while (dir && (e = readdir(dir)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
        remove_tree(name);
    }
    if (dir)
        closedir(dir);
    remove(path);
}

/* --- The process ------------------------------------------------------------------------------ */

static void
start_server(struct world *w)
{
    struct mlt_server_opts opts = {.config = w->config_path, .submit = submit, .submit_arg = w};
    struct ut_diag d;

    if (w->server)
        return;
    write_conf(w);
    snprintf(w->config_path, sizeof(w->config_path), "%s/penstock.conf", w->dir);
    w->server = mlt_server_new(&opts, &d);
    if (!w->server)
        show(w, "  cannot start: ", d.text);
    show_log(w);
}

static void
end_server(struct world *w)
{
    mlt_sess_free(w->conn);
    w->conn = NULL;
    mlt_server_free(w->server);
    w->server = NULL;
}

/* Ends and starts the process. Killed: the journal is as it was before anything could be ended. */
static void
restart(struct world *w, bool killed)
{
    char path[300];
    struct ut_sbuf journal;
    struct ut_diag d;

    snprintf(path, sizeof(path), "%s/state/milter.journal", w->dir);
    ut_sbuf_init(&journal, 1 << 20);
    if (killed && ut_file_read(path, 1 << 20, &journal, &d) != 0)
        die(d.text);
    end_server(w);
    if (killed)
        write_text(w, "state/milter.journal", ut_sbuf_text(&journal));
    ut_sbuf_fini(&journal);
    start_server(w);
}

/* --- The quarantine --------------------------------------------------------------------------- */

static void
show_held_file(struct world *w, const char *path)
{
    struct qtn_file f;
    struct ut_diag d;

    if (qtn_file_open(&f, path, NULL, &d) != QTN_OK) {
        show(w, "  broken: ", d.text);
        return;
    }
    show_op(w,
        "held for <%s> from <%s> at %s, flow %s, client %s, helo %s, queue %s, transport %s, "
        "reason [%s], %lld bytes%s",
        f.env.recipient, f.env.sender, f.env.quarantine, f.env.flow, f.env.client, f.env.helo,
        f.env.queue, f.env.transport, f.env.reason, f.size,
        qtn_file_verify(&f, &d) == QTN_OK ? "" : " DAMAGED");
    for (size_t i = 0; i < f.env.metadata_count; i++)
        show_op(w, "  %s=%s", f.env.metadata[i].name, f.env.metadata[i].value);
    qtn_file_close(&f);
}

static int
is_file(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* What has been withdrawn lies there as ID.undo until quarantined has seen it. */
static void
show_held(struct world *w)
{
    char path[700];
    struct dirent **list = NULL;
    int n;

    snprintf(path, sizeof(path), "%s/state/quarantine/1/incoming", w->dir);
    n = scandir(path, &list, is_file, alphasort);
    for (int i = 0; i < n; i++) {
        if (!strstr(list[i]->d_name, ".undo")) {
            snprintf(
                path, sizeof(path), "%s/state/quarantine/1/incoming/%s", w->dir, list[i]->d_name);
            show_held_file(w, path);
        }
        free(list[i]);
    }
    free(list);
}

/* Puts a file where the quarantine folder is, or takes it away: root too cannot write there. */
static void
break_quarantine(struct world *w, bool broken)
{
    char path[300], away[300];

    snprintf(path, sizeof(path), "%s/state/quarantine/1", w->dir);
    snprintf(away, sizeof(away), "%s/state/quarantine.away", w->dir);
    if (broken) {
        if (rename(path, away) != 0)
            die(path);
        write_text(w, "state/quarantine/1", "in the way\n");
    } else if (unlink(path) != 0 || rename(away, path) != 0) {
        die(path);
    }
}

/* --- Commands --------------------------------------------------------------------------------- */

static void
set_macro(struct world *w, const char *name, const char *value)
{
    size_t i = 0;

    while (i < w->macro_count && strcmp(w->macros[i].name, name) != 0)
        i++;
    if (i == MAX_MACROS)
        die("too many macros");
    if (i == w->macro_count)
        w->macro_count++;
    snprintf(w->macros[i].name, sizeof(w->macros[i].name), "%s", value ? name : "");
    snprintf(w->macros[i].value, sizeof(w->macros[i].value), "%s", value ? value : "");
}

static void
unescape(char *s)
{
    char *out = s;

    for (; *s; s++) {
        if (*s != '\\' || s[1] == '\0') {
            *out++ = *s;
        } else if (*++s == 'x' && isxdigit((unsigned char)s[1]) && isxdigit((unsigned char)s[2])) {
            char hex[3] = {s[1], s[2], '\0'};

            *out++ = (char)strtol(hex, NULL, 16);
            s += 2;
        } else {
            *out++ = *s == 'n' ? '\n' : *s == 'r' ? '\r' : *s == 't' ? '\t' : *s;
        }
    }
    *out = '\0';
}

/* Splits [text] at blanks. */
static void
split(char *text, char **args)
{
    size_t n = 0;

    while (*text && n < MAX_ARGS - 1) {
        args[n++] = text;
        text += strcspn(text, " ");
        if (*text)
            *text++ = '\0';
    }
    args[n] = NULL;
}

static void
show_answer(enum mlt_answer a)
{
    static const char *const names[] = {"CONTINUE", "REJECT", "TEMPFAIL", "DISCARD"};

    printf("= %s\n", names[a]);
}

static struct mlt_conn *
need_conn(struct world *w)
{
    start_server(w);
    if (!w->conn && w->server) {
        struct mlt_steps s;

        w->conn = mlt_sess_new(w->server, &ops, w);
        if (!w->conn)
            die("mlt_sess_new");
        s = w->steps = mlt_sess_steps(w->conn);
        printf("  steps:%s%s%s%s%s\n", s.envelope ? " envelope" : "", s.headers ? " headers" : "",
            s.body ? " body" : "", s.reply_connect ? " reply_connect" : "",
            s.reply_rcpt ? " reply_rcpt" : "");
        mlt_sess_leading_space(w->conn, true);
    }
    if (!w->conn)
        exit(0); /* the start failed, which has been shown */
    return w->conn;
}

static void
do_connect(struct world *w, char *rest)
{
    struct mlt_conn *c = need_conn(w);
    char *args[MAX_ARGS];
    int family;

    split(rest, args);
    if (!args[0] || !args[1] || !args[2])
        die("connect NAME IP PORT");
    family = strcmp(args[1], "-") == 0 ? AF_UNIX : strchr(args[1], ':') ? AF_INET6 : AF_INET;
    show_answer(
        mlt_sess_connect(c, args[0], family, args[1], (unsigned)strtoul(args[2], NULL, 10)));
}

/* Another connection, for a moment. */
static void
do_second(struct world *w, char *rest)
{
    struct mlt_conn *first = w->conn;

    w->conn = NULL;
    do_connect(w, rest);
    mlt_sess_free(w->conn);
    w->conn = first;
}

static void
do_envelope(struct world *w, char *rest, enum mlt_answer (*fn)(struct mlt_conn *, char *const *))
{
    struct mlt_conn *c = need_conn(w);
    char *args[MAX_ARGS];

    unescape(rest);
    split(rest, args);
    show_answer(fn(c, args));
}

static void
do_rcpts(struct world *w, char *rest)
{
    struct mlt_conn *c = need_conn(w);
    char text[1000], *args[2] = {text, NULL};
    unsigned long n = strtoul(rest, &rest, 10), taken = 0;

    for (unsigned long i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "<%s%lu@example.com>", rest + 1, i);
        if (mlt_sess_rcpt(c, args) == MLT_CONTINUE)
            taken++;
    }
    printf("  %lu of %lu recipients taken\n", taken, n);
}

static void
do_header(struct world *w, char *rest)
{
    struct mlt_conn *c = need_conn(w);
    char *colon = strchr(rest, ':');

    if (!colon)
        die("header NAME:VALUE");
    *colon = '\0';
    unescape(colon + 1);
    if (w->steps.headers)
        show_answer(mlt_sess_header(c, rest, colon + 1));
}

static void
do_body(struct world *w, char *rest)
{
    struct mlt_conn *c = need_conn(w);

    unescape(rest);
    if (w->steps.body)
        show_answer(mlt_sess_body(c, rest, strlen(rest)));
}

static void
do_bodies(struct world *w, char *rest)
{
    struct mlt_conn *c = need_conn(w);
    unsigned long n = strtoul(rest, &rest, 10);

    unescape(rest);
    for (unsigned long i = 0; w->steps.body && i < n; i++)
        (void)mlt_sess_body(c, rest + 1, strlen(rest + 1));
}

static void
do_reload(struct world *w)
{
    struct ut_diag d;

    start_server(w);
    write_conf(w);
    if (!w->server)
        return;
    if (mlt_server_reload(w->server, &d) == 0)
        printf("  reloaded\n");
    else
        show(w, "  not reloaded: ", d.text);
}

static void
do_revision(struct world *w)
{
    char path[300];

    snprintf(path, sizeof(path), "%s/state/revision/penstock.conf", w->dir);
    printf("  %s\n", access(path, F_OK) == 0 ? "saved" : "not saved");
}

static void
close_conn(struct world *w)
{
    mlt_sess_free(w->conn);
    w->conn = NULL;
}

/* Events of the protocol; false if [word] is none. */
static bool
event(struct world *w, const char *word, char *rest)
{
    if (strcmp(word, "open") == 0)
        mlt_sess_leading_space(need_conn(w), strcmp(rest, "nospace") != 0);
    else if (strcmp(word, "connect") == 0)
        do_connect(w, rest);
    else if (strcmp(word, "second") == 0)
        do_second(w, rest);
    else if (strcmp(word, "helo") == 0)
        show_answer(mlt_sess_helo(need_conn(w), rest));
    else if (strcmp(word, "mail") == 0)
        do_envelope(w, rest, mlt_sess_mail);
    else if (strcmp(word, "rcpt") == 0)
        do_envelope(w, rest, mlt_sess_rcpt);
    else if (strcmp(word, "rcpts") == 0)
        do_rcpts(w, rest);
    else if (strcmp(word, "header") == 0)
        do_header(w, rest);
    else if (strcmp(word, "body") == 0)
        do_body(w, rest);
    else if (strcmp(word, "bodies") == 0)
        do_bodies(w, rest);
    else if (strcmp(word, "eom") == 0)
        show_answer(mlt_sess_eom(need_conn(w)));
    else if (strcmp(word, "abort") == 0)
        mlt_sess_abort(need_conn(w));
    else if (strcmp(word, "close") == 0)
        close_conn(w);
    else
        return false;
    return true;
}

static void
command(struct world *w, const char *word, char *rest)
{
    if (strcmp(word, "macro") == 0) {
        char *value = strchr(rest, ' ');

        if (value)
            *value++ = '\0';
        set_macro(w, rest, value);
    } else if (strcmp(word, "fail") == 0)
        snprintf(w->fail, sizeof(w->fail), "%s", rest);
    else if (strcmp(word, "submit") == 0)
        w->submit_refuses = strcmp(rest, "refuse") == 0;
    else if (strcmp(word, "reload") == 0)
        do_reload(w);
    else if (strcmp(word, "restart") == 0)
        restart(w, strcmp(rest, "kill") == 0);
    else if (strcmp(word, "break") == 0)
        break_quarantine(w, true);
    else if (strcmp(word, "mend") == 0)
        break_quarantine(w, false);
    else if (strcmp(word, "quiet") == 0)
        w->quiet = true;
    else if (strcmp(word, "loud") == 0)
        w->quiet = false;
    else if (strcmp(word, "held") == 0)
        show_held(w);
    else if (strcmp(word, "revision") == 0)
        do_revision(w);
    else if (!event(w, word, rest))
        die(word);
}

/* Reads the lines of a @block into [out]. */
static void
read_block(FILE *f, struct ut_sbuf *out)
{
    char *line = NULL;
    size_t size = 0;

    ut_sbuf_reset(out);
    while (getline(&line, &size, f) > 0 && strcmp(line, "@end\n") != 0)
        ut_sbuf_addz(out, line);
    free(line);
}

static void
block(struct world *w, FILE *f, char *line)
{
    struct ut_sbuf text;
    char name[300];

    if (strcmp(line, "@conf") == 0) {
        read_block(f, &w->conf);
        return;
    }
    if (strcmp(line, "@config") == 0) {
        read_block(f, &w->config);
        return;
    }
    if (strncmp(line, "@flow ", 6) != 0 && strncmp(line, "@data ", 6) != 0)
        die(line);
    ut_sbuf_init(&text, 1 << 20);
    read_block(f, &text);
    for (size_t i = 0; i < 3; i++) {
        if (line[1] == 'f' && strcmp(line + 6, flow_names[i]) == 0)
            w->has_flow[i] = true;
    }
    snprintf(name, sizeof(name), "%s/%s", line[1] == 'f' ? "flows" : "data", line + 6);
    write_text(w, name, ut_sbuf_text(&text));
    ut_sbuf_fini(&text);
}

static void
play(struct world *w, FILE *f)
{
    char *line = NULL, *rest;
    size_t size = 0;

    while (getline(&line, &size, f) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0' || line[0] == '#')
            continue;
        if (line[0] == '@') {
            block(w, f, line);
            continue;
        }
        printf("%.200s\n", line);
        rest = strchr(line, ' ');
        if (rest)
            *rest++ = '\0';
        command(w, line, rest ? rest : line + strlen(line));
        show_log(w);
        fflush(stdout);
    }
    free(line);
}

int
main(int argc, char **argv)
{
    static const char *const folders[] = {"", "/flows", "/data", "/state", "/state/quarantine"};
    static struct world w;
    const char *tmp = getenv("TMPDIR");
    char path[400];
    struct ut_diag d;
    FILE *f;

    if (argc != 2 || !(f = fopen(argv[1], "r"))) {
        fprintf(stderr, "usage: run FILE.in\n");
        return 64;
    }
    snprintf(w.dir, sizeof(w.dir), "%s/penstock-session-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(w.dir))
        die(w.dir);
    for (size_t i = 1; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", w.dir, folders[i]);
        if (mkdir(path, 0700) != 0)
            die(path);
    }
    snprintf(path, sizeof(path), "%s/log", w.dir);
    if (ut_log_open("run", path, UT_LOG_INFO, &d) != 0)
        die(d.text);
    ut_sbuf_init(&w.conf, 1 << 20);
    ut_sbuf_init(&w.config, 1 << 20);
    set_macro(&w, "j", "mx.test");
    set_macro(&w, "{daemon_addr}", "192.0.2.25");
    set_macro(&w, "{daemon_port}", "25");
    set_macro(&w, "i", "4Xk2T01c9tz1y");
    play(&w, f);
    end_server(&w);
    ut_log_close();
    ut_sbuf_fini(&w.conf);
    ut_sbuf_fini(&w.config);
    remove_tree(w.dir);
    fclose(f);
    return 0;
}
