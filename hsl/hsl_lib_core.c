/* hsl_lib_core.c - logging (library §1) and what belongs to the process (§13): echo, syslog(),
 * gethostname(), and the row of Exception().
 *
 * A record is one line of valid UTF-8 of at most RECORD_MAX bytes: whatever a message carries into
 * a script, it cannot forge a second record nor send control bytes to a terminal.
 * Not here: where records go (hsl_host.h), the class Exception (hsl_exception.c).
 * Threads: as the run. Fails: R15 for an unknown priority; full logs drop records instead. */
#include "config.h"

#include "hsl/hsl_lib.h"

#include "hsl/hsl_env.h"
#include "lib/ut_log.h"
#include "lib/ut_utf8.h"

#define RECORD_MAX 8192
#define CUT_MARK " \xe2\x80\xa6" /* " …" */

/* --- Records --------------------------------------------------------------------------------- */

/* True if one more record of [len] bytes is within the limits; else says so once. */
static bool
has_room(struct hsl_run *r, size_t len)
{
    static const char notice[] = "further output is dropped: limit of one run reached";

    if (r->echo_full)
        return false;
    if (r->echo_records < r->limits.max_echo_records && r->echo_bytes <= r->limits.max_echo &&
        len <= r->limits.max_echo - r->echo_bytes) {
        r->echo_records++;
        r->echo_bytes += len;
        return true;
    }
    r->echo_full = true;
    hsl_run_log(r, UT_LOG_WARNING, notice, sizeof(notice) - 1);
    return false;
}

/* One line, escaped and cut, to the host. The text is cut before it is escaped too: a line of many
 * megabytes costs no more than one of RECORD_MAX. */
static bool
log_line(struct hsl_run *r, int level, const char *p, size_t len)
{
    struct ut_sbuf b;
    bool cut = len > RECORD_MAX;

    ut_sbuf_init(&b, 4 * RECORD_MAX + sizeof(CUT_MARK));
    ut_utf8_escape(&b, p, ut_utf8_cut(p, len, RECORD_MAX));
    if (b.len > RECORD_MAX)
        cut = true;
    if (cut) {
        size_t keep = RECORD_MAX - strlen(CUT_MARK);

        ut_sbuf_truncate(&b, ut_utf8_cut(ut_sbuf_text(&b), b.len, keep));
        ut_sbuf_addz(&b, CUT_MARK);
    }
    if (b.failed)
        (void)hsl_limit(r, HSL_L08, "out of memory");
    else if (has_room(r, b.len))
        hsl_run_log(r, level, ut_sbuf_text(&b), b.len);
    ut_sbuf_fini(&b);
    return r->state == HSL_RUNNING;
}

/* [s] as records: LF or CR LF ends one; an empty part behind the last is none. */
static bool
log_records(struct hsl_run *r, int level, const struct hsl_str *s)
{
    const char *p = s->data, *end = p + s->len;
    bool more = true;

    while (more && !r->echo_full && hsl_work(r, 256)) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        const char *stop = lf ? lf : end;

        if (lf && stop > p && stop[-1] == '\r')
            stop--;
        if (!log_line(r, level, p, (size_t)(stop - p)))
            return false;
        more = lf && lf + 1 < end;
        p = lf ? lf + 1 : end;
    }
    return hsl_work(r, s->len);
}

bool
hsl_echo(struct hsl_run *r, const struct hsl_value *v)
{
    struct hsl_str *s = hsl_to_str(r, v);
    bool ok;

    if (!s)
        return false;
    ok = !r->host || !r->host->log || log_records(r, -1, s);
    hsl_unref(r, hsl_from_str(s));
    return ok;
}

void
hsl_note(struct hsl_run *r, int level, const char *fmt, ...)
{
    struct ut_sbuf b;
    va_list ap;

    if (!r->host || !r->host->log)
        return;
    ut_sbuf_init(&b, 2 * RECORD_MAX);
    va_start(ap, fmt);
    ut_sbuf_addv(&b, fmt, ap);
    va_end(ap);
    if (!b.failed)
        log_line(r, level, ut_sbuf_text(&b), b.len);
    ut_sbuf_fini(&b);
}

/* --- syslog() -------------------------------------------------------------------------------- */

/* The priority in [v], a name or a number: level + (facility << 3). -1: none. */
static int
priority_of(const struct hsl_value *v)
{
    const int most = (23 << 3) + UT_LOG_DEBUG;
    double n;

    if (v->type == HSL_NUM)
        n = v->u.num;
    else if (v->type != HSL_STR)
        return -1;
    else if (!hsl_numeric_string(v->u.str->data, v->u.str->len, &n))
        return strlen(v->u.str->data) == v->u.str->len ? ut_log_level_by_name(v->u.str->data) : -1;
    return n >= 0 && n <= most ? (int)n : -1;
}

static bool
fn_syslog(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    int priority;

    (void)argc;
    (void)out;
    if (args[0].type != HSL_NUM && args[0].type != HSL_STR)
        return hsl_lib_bad_arg(r, "syslog", 1, "string or number", &args[0]);
    priority = priority_of(&args[0]);
    if (priority < 0)
        return hsl_raise(r, HSL_R15,
            "syslog(): unknown priority; one of emerg alert crit err warning notice info debug");
    return !r->host || !r->host->log || log_records(r, priority, args[1].u.str);
}

/* --- The process ----------------------------------------------------------------------------- */

static bool
fn_gethostname(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const char *name = r->env && r->env->hostname ? r->env->hostname : "localhost";

    (void)args;
    (void)argc;
    return hsl_ret_str(r, out, name, strlen(name));
}

const struct hsl_builtin hsl_lib_core_rows[] = {
    {"syslog", "vs", 0, 0, .fn = fn_syslog, "syslog(priority, message)",
        "Writes the message to the log. The priority is emerg, alert, crit, err, warning, "
        "notice, info, debug or its number 0 to 7, plus a facility times 8.",
        .errors = "the priority is none of these"},
    {"gethostname", "", 0, 0, .fn = fn_gethostname, "gethostname()",
        "The name of this host, as configured."},
    {"Exception", "s", 0, 0, .fn = hsl_exception_new, "Exception(text)",
        "An object to throw, with message(), file(), line(), column() and toString()."},
    {.name = NULL},
};
