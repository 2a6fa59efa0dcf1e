/* ctl_quarantine.c - `penstock quarantine ...`: asks penstock-quarantined and prints its answers.
 * Not here: the work (quarantine/), the dispatcher (ctl_main.c).
 * Threads: one. Fails with EX_UNAVAILABLE if the daemon does not run or refuses, EX_NOINPUT if a
 * message is not there, EX_DATAERR if `check` or `reindex` found something wrong.
 *
 * What comes out of mail is escaped; `view` prints the message as it is into a file or a pipe, and
 * escapes it for a terminal alone. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ctl_quarantine.h"
#include "lib/ut_num.h"

#define DAEMON "quarantined"
#define REQUEST_MAX ((size_t)64 * 1024)

/* Where the records of an answer go. */
struct answer {
    const struct ctl_call *call;
    unsigned long problems; /* findings that are wrong */
    bool missing;           /* the message is not there */
};

static const char *
text_of(const struct ut_attr_list *record, const char *name)
{
    const char *text = ut_attr_get(record, name, NULL);

    return text ? text : "";
}

static void
print_text(const char *text)
{
    ctl_print_text(text, strlen(text));
}

/* Ends a command whose answer came as [result]; prints what went wrong. */
static int
finish(const struct answer *a, enum ut_ctl_result result, const struct ut_diag *d)
{
    if (result != UT_CTL_OK) {
        ctl_error_diag(d);
        return a->missing ? EX_NOINPUT : EX_UNAVAILABLE;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        ctl_error("cannot write the answer: %s", strerror(errno));
        return EX_IOERR;
    }
    return a->problems > 0 ? EX_DATAERR : EX_OK;
}

/* Sends [request] with [attrs] (may be NULL) and prints by [fn]. */
static int
ask(struct ctl_call *c, const char *request, const struct ut_sbuf *attrs, ut_ctl_record_fn *fn)
{
    struct answer a = {.call = c};
    struct ut_diag d = {0};

    if (!ctl_conf(c))
        return EX_CONFIG;
    return finish(&a, ctl_ask(c, DAEMON, request, attrs, fn, &a, &d), &d);
}

/* The same for each message named on the command line; a failure does not keep it from the others,
 * but for a daemon that is not there. */
static int
ask_each(struct ctl_call *c, const char *request, ut_ctl_record_fn *fn)
{
    int code = EX_OK;

    if (!ctl_conf(c))
        return EX_CONFIG;
    for (unsigned i = 0; i < c->operand_count; i++) {
        struct answer a = {.call = c};
        struct ut_diag d = {0};
        struct ut_sbuf attrs;
        enum ut_ctl_result result;
        int one;

        ut_sbuf_init(&attrs, REQUEST_MAX);
        ut_attr_addz(&attrs, "id", c->operands[i]);
        result = ctl_ask(c, DAEMON, request, &attrs, fn, &a, &d);
        ut_sbuf_fini(&attrs);
        one = finish(&a, result, &d);
        if (one != EX_OK)
            code = one;
        if (result == UT_CTL_TROUBLE)
            break;
    }
    return code;
}

/* True if the record only says that the message is not there: remembered for the exit code. */
static bool
is_missing(struct answer *a, const struct ut_attr_list *record)
{
    if (!ut_attr_get(record, "missing", NULL))
        return false;
    a->missing = true;
    return true;
}

/* list ---------------------------------------------------------------------------------------- */

static const struct ctl_option list_options[] = {
    {"recipient", 0, "ADDRESS", "only for this recipient, or @DOMAIN"},
    {"sender", 0, "ADDRESS", "only from this sender, or @DOMAIN, or <> for reports"},
    {"subject", 0, "TEXT", "only with this in the subject"},
    {"since", 0, "TIME", "only held at TIME or later: 2024-02-29, 2024-02-29T13:00, or 3d for ago"},
    {"until", 0, "TIME", "only held before TIME"},
    {"state", 0, "STATE", "held, releasing, released, deleted or all; default: what is held"},
    {NULL, 0, NULL, NULL},
};

/* Milliseconds since 1970 of what a user calls a time: a date, date and time (local, or UTC with Z
 * behind it), or how long ago. -1 if it is none. */
static long long
read_time(const char *text)
{
    static const char *const forms[] = {
        "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"};
    long long ago;

    if (ut_num_time(text, &ago) == 0)
        return ((long long)time(NULL) - ago) * 1000;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm tm = {.tm_isdst = -1};
        const char *rest = strptime(text, forms[i], &tm);
        bool utc = rest && strcmp(rest, "Z") == 0;

        if (!rest || (*rest && !utc))
            continue;
        return (long long)(utc ? timegm(&tm) : mktime(&tm)) * 1000;
    }
    return -1;
}

/* Appends the option [name], a time, to [out]; false if it is none. */
static bool
add_time(const struct ctl_call *c, const char *name, struct ut_sbuf *out)
{
    const char *text = ctl_option(c, name);
    long long ms = text ? read_time(text) : 0;

    if (text && ms >= 0)
        ut_attr_addi(out, name, ms);
    return ms >= 0;
}

static int
print_message(void *arg, const struct ut_attr_list *record)
{
    struct answer *a = arg;
    const char *state = text_of(record, "state");

    if (a->call->json) {
        ctl_print_json(record);
        return 0;
    }
    print_text(text_of(record, "id"));
    printf("  %.10s %.5s  %9s  <", text_of(record, "stored"),
        strlen(text_of(record, "stored")) > 11 ? text_of(record, "stored") + 11 : "",
        text_of(record, "size"));
    print_text(text_of(record, "sender"));
    fputs("> -> <", stdout);
    print_text(text_of(record, "recipient"));
    fputs(">  ", stdout);
    print_text(text_of(record, "subject"));
    if (strcmp(state, "held") != 0) {
        fputs("  (", stdout);
        print_text(state);
        fputs(")", stdout);
    }
    putchar('\n');
    return 0;
}

static int
list(struct ctl_call *c)
{
    static const char *const texts[] = {"recipient", "sender", "subject", "state"};
    struct ut_sbuf attrs;
    int code;

    ut_sbuf_init(&attrs, REQUEST_MAX);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (ctl_option(c, texts[i]))
            ut_attr_addz(&attrs, texts[i], ctl_option(c, texts[i]));
    if (!add_time(c, "since", &attrs) || !add_time(c, "until", &attrs))
        code = ctl_usage(c, "a time is written as 2024-02-29, 2024-02-29T13:00 or 3d (for ago)");
    else
        code = ask(c, "list", &attrs, print_message);
    ut_sbuf_fini(&attrs);
    return code;
}

/* show and view ------------------------------------------------------------------------------- */

static int
print_details(void *arg, const struct ut_attr_list *record)
{
    struct answer *a = arg;

    if (is_missing(a, record))
        return 0;
    if (a->call->json) {
        ctl_print_json(record);
        return 0;
    }
    for (size_t i = 0; i < record->count; i++) {
        const struct ut_attr *attr = &record->items[i];

        printf("%-12s", attr->name);
        ctl_print_text(attr->value, attr->len);
        putchar('\n');
    }
    return 0;
}

static int
show(struct ctl_call *c)
{
    return ask_each(c, "show", print_details);
}

/* A part of a message for a terminal: lines stay lines. */
static void
print_readable(const char *p, size_t len)
{
    const char *end = p + len;

    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((lf ? lf : end) - p);

        ctl_print_text(p, n > 0 && p[n - 1] == '\r' ? n - 1 : n);
        if (lf)
            putchar('\n');
        p += n + (lf != NULL);
    }
}

static int
print_data(void *arg, const struct ut_attr_list *record)
{
    size_t len = 0;
    const char *data = ut_attr_get(record, "data", &len);

    if (is_missing(arg, record))
        return 0;
    if (data && isatty(STDOUT_FILENO)) {
        print_readable(data, len);
        return ferror(stdout) ? -1 : 0;
    }
    return data && fwrite(data, 1, len, stdout) != len ? -1 : 0;
}

static int
view(struct ctl_call *c)
{
    return ask_each(c, "view", print_data);
}

/* release and delete -------------------------------------------------------------------------- */

static int
print_done(void *arg, const struct ut_attr_list *record)
{
    struct answer *a = arg;
    bool again = ut_attr_is(record, "result", "already");
    const char *names[] = {"by", "note"};

    if (is_missing(a, record))
        return 0;
    if (a->call->json) {
        ctl_print_json(record);
        return 0;
    }
    print_text(text_of(record, "id"));
    fputs(again ? ": nothing done, it was " : ": ", stdout);
    print_text(text_of(record, "state"));
    if (again)
        fputs(" before", stdout);
    for (size_t i = 0; i < 2; i++) {
        if (*text_of(record, names[i])) {
            fputs(i == 0 ? " by " : ": ", stdout);
            print_text(text_of(record, names[i]));
        }
    }
    putchar('\n');
    return 0;
}

static int
release(struct ctl_call *c)
{
    return ask_each(c, "release", print_done);
}

static int delete (struct ctl_call *c)
{
    return ask_each(c, "delete", print_done);
}

/* check and reindex --------------------------------------------------------------------------- */

static int
print_finding(void *arg, const struct ut_attr_list *record)
{
    struct answer *a = arg;
    const struct ut_attr *first = &record->items[0];

    if (strcmp(first->name, "progress") == 0)
        return 0;
    a->problems += strcmp(first->name, "problem") == 0;
    if (a->call->json)
        ctl_print_json(record);
    else if (strcmp(first->name, "files") == 0)
        printf("%s files verified, %lu problems\n", first->value, a->problems);
    else if (strcmp(first->name, "messages") == 0)
        printf("the index was built again: %s messages, %lu problems\n", first->value, a->problems);
    else {
        printf("%s: ", first->name);
        ctl_print_text(first->value, first->len);
        putchar('\n');
    }
    return 0;
}

static int
check(struct ctl_call *c)
{
    return ask(c, "check", NULL, print_finding);
}

static int
reindex(struct ctl_call *c)
{
    return ask(c, "reindex", NULL, print_finding);
}

const struct ctl_command ctl_quarantine_commands[] = {
    {"quarantine list", "", 0, 0, list_options, list, "List held messages, oldest first"},
    {"quarantine show", "ID ...", 1, 10000, NULL, show,
        "Show envelope, state and headers of messages"},
    {"quarantine view", "ID", 1, 1, NULL, view, "Print a message as it was received"},
    {"quarantine release", "ID ...", 1, 10000, NULL, release, "Deliver held messages"},
    {"quarantine delete", "ID ...", 1, 10000, NULL, delete, "Delete held messages"},
    {"quarantine check", "", 0, 0, NULL, check, "Verify that files and index agree"},
    {"quarantine reindex", "", 0, 0, NULL, reindex, "Build the index again from the files"},
    {NULL, NULL, 0, 0, NULL, NULL, NULL},
};
