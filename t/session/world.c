/* world.c - see world.h. */
#include "config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/ut_file.h"
#include "lib/ut_log.h"
#include "lib/ut_smtp.h"
#include "milter/mlt_reply.h"
#include "quarantine/qtn_file.h"
#include "t/session/world.h"

void
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

void
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
void
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

const struct mlt_ops world_ops = {op_getsym, op_setreply, op_chgheader, op_insheader, op_chgfrom,
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

void
write_text(const struct world *w, const char *name, const char *text)
{
    char path[600];
    struct ut_diag d;

    snprintf(path, sizeof(path), "%s/%s", w->dir, name);
    if (ut_file_write(path, text, strlen(text), 0600, &d) != 0)
        die(d.text);
}

void
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

void
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

void
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

void
end_server(struct world *w)
{
    mlt_sess_free(w->conn);
    w->conn = NULL;
    mlt_server_free(w->server);
    w->server = NULL;
}

void
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
void
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

void
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
