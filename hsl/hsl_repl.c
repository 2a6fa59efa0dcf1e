/* hsl_repl.c - the interactive mode of `hsl`: lines from a terminal, with history and completion.
 *
 * Lines are gathered until they are whole statements; what compiles is run as one step of a session
 * (hsl_session.c). An empty line gives up waiting for the rest. Ctrl-C ends the script that runs,
 * or drops what was typed; Ctrl-D leaves.
 *
 * Not here: the session (hsl_session.c), how errors look (hsl_show.c), options (hsl_main.c).
 * Threads: one. Fails: without memory; a history that cannot be read or written is done without. */
#include "config.h"

#include "hsl/hsl_repl.h"

#include <errno.h>
#include <histedit.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include <wchar.h>

#include "hsl/hsl_host.h"
#include "hsl/hsl_session.h"
#include "hsl/hsl_show.h"
#include "lib/ut_sbuf.h"
#include "lib/ut_utf8.h"

#define HISTORY_LINES 1000
#define MAX_DIAGS 1000
#define MAX_SHOWN 4000 /* bytes of a value that are printed */
#define MAX_NAMES 2000 /* offered for one word */
#define MAX_STEPS 60000

/* Set by the signal handler alone, which has no other way to reach anybody. */
static volatile sig_atomic_t interrupted;

/* What was typed as one step: messages about it show its lines. */
struct input {
    char *name; /* "<input 3>" */
    char *text;
};

struct repl {
    const struct hsl_repl_opts *opts;
    struct hsl_session *session;
    EditLine *el;
    History *history;
    char *history_file;   /* NULL: none */
    struct ut_sbuf typed; /* lines of the step so far */
    struct input *inputs;
    size_t count;
};

/* --- Signals ---------------------------------------------------------------------------------- */

static void
on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

/* Without SA_RESTART, so that sleep() and the terminal notice. */
static void
catch_interrupt(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};

    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
}

static bool
is_interrupted(void *arg)
{
    (void)arg;
    return interrupted;
}

/* One character for the editor: as its own function reads, but Ctrl-C ends the line. */
static int
read_char(EditLine *el, wchar_t *out)
{
    mbstate_t state;
    char byte;

    (void)el;
    memset(&state, 0, sizeof(state));
    for (;;) {
        ssize_t n = read(STDIN_FILENO, &byte, 1);
        size_t used;

        if (n < 0 && errno == EINTR && !interrupted)
            continue;
        if (n <= 0)
            return (int)n;
        used = mbrtowc(out, &byte, 1, &state);
        if (used == (size_t)-2)
            continue;
        if (used == (size_t)-1)
            *out = L'?'; /* no character in this locale */
        return 1;
    }
}

/* --- History ---------------------------------------------------------------------------------- */

/* $XDG_STATE_HOME/penstock/hsl_history, else ~/.hsl_history; NULL: neither is known. */
static char *
history_file(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *path = NULL;

    if (state && *state == '/') {
        if (asprintf(&path, "%s/penstock", state) < 0)
            return NULL;
        (void)mkdir(state, 0700);
        (void)mkdir(path, 0700);
        free(path);
        return asprintf(&path, "%s/penstock/hsl_history", state) < 0 ? NULL : path;
    }
    if (!home || asprintf(&path, "%s/.hsl_history", home) < 0)
        return NULL;
    return path;
}

static void
open_history(struct repl *r)
{
    HistEvent event;

    (void)history(r->history, &event, H_SETSIZE, HISTORY_LINES);
    (void)history(r->history, &event, H_SETUNIQUE, 1);
    r->history_file = history_file();
    if (r->history_file)
        (void)history(r->history, &event, H_LOAD, r->history_file);
    (void)el_set(r->el, EL_HIST, history, r->history);
}

static void
close_history(struct repl *r)
{
    HistEvent event;
    mode_t before = umask(077); /* what was typed is nobody else's business */

    if (r->history_file)
        (void)history(r->history, &event, H_SAVE, r->history_file);
    (void)umask(before);
    free(r->history_file);
    history_end(r->history);
}

/* --- Completion ------------------------------------------------------------------------------- */

struct names {
    char *all[MAX_NAMES];
    size_t count;
    size_t longest;
    size_t common; /* bytes that all begin with */
};

static void
take_name(void *arg, const char *name)
{
    struct names *n = arg;
    size_t len = strlen(name), same = 0;

    for (size_t i = 0; i < n->count; i++) {
        if (strcmp(n->all[i], name) == 0)
            return;
    }
    if (n->count == MAX_NAMES || !(n->all[n->count] = strdup(name)))
        return;
    while (n->count > 0 && same < n->common && n->all[0][same] == name[same])
        same++;
    n->common = n->count == 0 ? len : same;
    n->longest = len > n->longest ? len : n->longest;
    n->count++;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
print_names(struct names *n)
{
    size_t width = n->longest + 2, columns = width < 80 ? 80 / width : 1;

    qsort(n->all, n->count, sizeof(n->all[0]), by_name);
    putchar('\n');
    for (size_t i = 0; i < n->count; i++) {
        bool last = (i + 1) % columns == 0 || i + 1 == n->count;

        printf("%-*s%s", last ? 0 : (int)width, n->all[i], last ? "\n" : "");
    }
    fflush(stdout);
}

/* Bytes before the cursor that belong to the word there: a name, with $, ->, ::. */
static size_t
word_len(const LineInfo *line)
{
    const char *p = line->cursor;

    while (p > line->buffer) {
        unsigned char c = (unsigned char)p[-1];
        bool arrow = c == '>' && p - line->buffer >= 2 && p[-2] == '-';

        if (arrow)
            p -= 2;
        else if (c == '_' || c == '$' || c == ':' || (c >= '0' && c <= '9') ||
                 ((c | 32) >= 'a' && (c | 32) <= 'z'))
            p--;
        else
            break;
    }
    return (size_t)(line->cursor - p);
}

static unsigned char
complete_names(struct repl *r, struct names *names, size_t len)
{
    char text[256];

    if (names->count == 0)
        return CC_ERROR;
    if (names->common > len && names->common < sizeof(text)) {
        memcpy(text, names->all[0] + len, names->common - len);
        text[names->common - len] = '\0';
        return el_insertstr(r->el, text) == 0 ? CC_REFRESH : CC_ERROR;
    }
    if (names->count == 1)
        return CC_NORM;
    print_names(names);
    return CC_REDISPLAY;
}

static unsigned char
complete(EditLine *el, int key)
{
    const LineInfo *line = el_line(el);
    size_t len = word_len(line);
    struct names *names = calloc(1, sizeof(*names));
    char *word = strndup(line->cursor - len, len);
    struct repl *r = NULL;
    unsigned char rc = CC_ERROR;

    (void)key;
    (void)el_get(el, EL_CLIENTDATA, &r);
    if (names && word && len > 0) {
        hsl_session_complete(r->session, word, take_name, names);
        rc = complete_names(r, names, len);
    }
    for (size_t i = 0; names && i < names->count; i++)
        free(names->all[i]);
    free(names);
    free(word);
    return rc;
}

/* --- A step ----------------------------------------------------------------------------------- */

static struct hsl_show
shower(const struct repl *r, const struct ut_diag *d)
{
    struct hsl_show show = {.to = stderr, .colour = r->opts->colour, .dir = "."};

    for (size_t i = r->count; i-- > 0;) {
        if (strcmp(r->inputs[i].name, d->source) != 0)
            continue;
        show.name = r->inputs[i].name;
        show.text = r->inputs[i].text;
        show.len = strlen(show.text);
        break;
    }
    return show;
}

static void
show_diag(const struct repl *r, const struct ut_diag *d)
{
    struct hsl_show show = shower(r, d);

    hsl_show_diag(&show, d);
}

static void
show_value(const struct ut_sbuf *value)
{
    size_t len = ut_utf8_cut(ut_sbuf_text(value), value->len, MAX_SHOWN);
    struct ut_sbuf line;

    if (value->failed)
        fprintf(stderr, "the value is too large to be printed\n");
    if (value->failed || value->len == 0)
        return;
    ut_sbuf_init(&line, (size_t)4 * MAX_SHOWN + 1);
    ut_utf8_escape(&line, ut_sbuf_text(value), len);
    printf("%s%s\n", ut_sbuf_text(&line), len < value->len ? " …" : "");
    ut_sbuf_fini(&line);
}

static void
show_result(const struct repl *r, struct hsl_result *res)
{
    if (res->end != HSL_END_ERROR && res->end != HSL_END_LIMIT)
        return;
    if (interrupted)
        (void)snprintf(res->error.text, sizeof(res->error.text), "interrupted");
    show_diag(r, &res->error);
    if (res->trace[0])
        fprintf(stderr, "%s\n", res->trace);
}

/* Remembers the step's text under its name, which is given; NULL: no memory. */
static const char *
remember(struct repl *r)
{
    struct input *bigger = reallocarray(r->inputs, r->count + 1, sizeof(*bigger));
    struct input in = {NULL, NULL};

    if (!bigger)
        return NULL;
    r->inputs = bigger;
    in.text = strdup(ut_sbuf_text(&r->typed));
    if (!in.text || asprintf(&in.name, "<input %zu>", r->count + 1) < 0) {
        free(in.text);
        return NULL;
    }
    r->inputs[r->count++] = in;
    return in.name;
}

static void
forget(struct repl *r)
{
    r->count--;
    free(r->inputs[r->count].name);
    free(r->inputs[r->count].text);
}

static enum hsl_step
run_text(struct repl *r, const char *name, bool whole)
{
    struct hsl_host host = {.log = r->opts->log, .interrupted = is_interrupted};
    struct ut_diag_list diags;
    struct hsl_result res = {0};
    struct ut_sbuf value;
    enum hsl_step step;

    ut_diag_list_init(&diags, MAX_DIAGS);
    ut_sbuf_init(&value, r->opts->limits->max_string);
    step = hsl_session_step(r->session, name, ut_sbuf_text(&r->typed), r->typed.len, whole, &host,
        NULL, &res, &value, &diags);
    fflush(stdout);
    for (size_t i = 0; step != HSL_STEP_MORE && i < diags.count; i++)
        show_diag(r, &diags.items[i]);
    if (step == HSL_STEP_DONE) {
        show_value(&value);
        show_result(r, &res);
        if (r->opts->time)
            hsl_show_cost(stderr, -1, &res);
    }
    fflush(stdout);
    ut_sbuf_fini(&value);
    ut_diag_list_fini(&diags);
    return step;
}

/* Adds a line and runs what was typed if it is complete. False: no memory. */
static bool
take_line(struct repl *r, const char *line, size_t len)
{
    bool empty = strspn(line, " \t\r\n") == len;
    const char *name;

    if (empty && r->typed.len == 0)
        return true;
    ut_sbuf_add(&r->typed, line, len);
    name = r->typed.failed ? NULL : remember(r);
    if (!name) {
        fputs("hsl: out of memory, or too long\n", stderr);
        ut_sbuf_reset(&r->typed);
        return r->count < MAX_STEPS;
    }
    interrupted = 0;
    if (run_text(r, name, empty) == HSL_STEP_MORE)
        forget(r);
    else
        ut_sbuf_reset(&r->typed);
    return r->count < MAX_STEPS;
}

/* --- The loop --------------------------------------------------------------------------------- */

static char *
prompt(EditLine *el)
{
    static char first[] = "hsl> ", next[] = "...> ";
    struct repl *r = NULL;

    (void)el_get(el, EL_CLIENTDATA, &r);
    return r->typed.len ? next : first;
}

static void
loop(struct repl *r)
{
    HistEvent event;
    const char *line;
    int len;

    for (;;) {
        interrupted = 0;
        line = el_gets(r->el, &len);
        if (!line && interrupted) {
            putchar('\n');
            ut_sbuf_reset(&r->typed);
            continue;
        }
        if (!line)
            break;
        if (strspn(line, " \t\r\n") < (size_t)len)
            (void)history(r->history, &event, H_ENTER, line);
        if (!take_line(r, line, (size_t)len))
            return;
    }
    putchar('\n');
}

static bool
open_editor(struct repl *r)
{
    r->el = el_init("hsl", stdin, stdout, stderr);
    r->history = history_init();
    if (!r->el || !r->history)
        return false;
    (void)el_set(r->el, EL_CLIENTDATA, r);
    (void)el_set(r->el, EL_PROMPT, prompt);
    (void)el_set(r->el, EL_EDITOR, "emacs");
    (void)el_set(r->el, EL_SIGNAL, 1);
    (void)el_set(r->el, EL_GETCFN, read_char);
    (void)el_wset(
        r->el, EL_ADDFN, L"hsl-complete", L"complete the word before the cursor", complete);
    (void)el_set(r->el, EL_BIND, "^I", "hsl-complete", NULL);
    (void)el_set(r->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    open_history(r);
    (void)el_source(r->el, NULL); /* ~/.editrc */
    return true;
}

int
hsl_repl(const struct hsl_repl_opts *opts)
{
    struct repl r = {.opts = opts, .session = hsl_session_new(opts->env, opts->limits)};
    bool ok;

    (void)setlocale(LC_CTYPE, "");
    catch_interrupt();
    ut_sbuf_init(&r.typed, opts->limits->max_source);
    ok = r.session && open_editor(&r);
    if (ok)
        loop(&r);
    else
        fputs("hsl: out of memory\n", stderr);
    if (r.history)
        close_history(&r);
    if (r.el)
        el_end(r.el);
    while (r.count > 0)
        forget(&r);
    free(r.inputs);
    ut_sbuf_fini(&r.typed);
    hsl_session_free(r.session);
    return ok ? EX_OK : EX_SOFTWARE;
}
