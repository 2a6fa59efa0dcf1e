/* run.c - plays a scripted dialogue of a mail server to the session logic, without any socket, and
 * prints what it was asked to do, what it was answered and what was logged.
 *
 *     run FILE.in
 *
 * The dialogue is read line by line; '#' begins a comment. Files first:
 *     @flow NAME ... @end     a script in the flow folder (access.hsl, recipient.hsl and mail.hsl
 *                             are attached to `mailserver 1`, domain any)
 *     @data NAME ... @end     a file in the data folder
 *     @conf ... @end          more lines of the configuration's top level
 *     @config ... @end        the whole configuration behind the folders instead
 * then events, each answered by a line "= ANSWER":
 *     open [nospace]  macro NAME VALUE  connect NAME IP PORT  helo NAME  mail ARG...  rcpt ARG...
 *     rcpts N PREFIX  header NAME:VALUE  body TEXT  bodies N TEXT  eom  abort  close
 *     second NAME IP PORT (connects and ends another connection beside this one)
 * Headers and bodies that the milter does not ask for are not sent to it. \n, \r, \t and \xHH are
 * understood in values; the macros of a listener are set to begin with. Then what the world does
 * meanwhile:
 *     fail OP             the next call of OP fails
 *     submit ok|refuse    the re-injection listener
 *     reload              the configuration anew
 *     restart [kill]      the process; "kill": nothing that was open could be ended
 *     break | mend        the quarantine folder
 *     held                what is in the quarantine
 *     revision            whether a revision is saved
 *     quiet | loud        the log is shown or not
 *
 * Ids, times and the temporary folder are replaced by words, so that output can be compared. */
#include "config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/ut_log.h"
#include "t/session/world.h"

#define MAX_ARGS 16

static const char *const flow_names[3] = {"access.hsl", "recipient.hsl", "mail.hsl"};

/* --- Events ----------------------------------------------------------------------------------- */

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

        w->conn = mlt_sess_new(w->server, &world_ops, w);
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
