/* hsl_lib_time.c - clocks, dates and waiting (library §9).
 *
 * Dates are written and read in the C locale whatever the process has. Times are UTC unless option
 * local asks for the zone of the host.
 * Threads: as the run; nothing here changes the process (tzset(3) only reads TZ once more).
 * Fails: R15, limits. */
#include "config.h"

#include "hsl/hsl_lib.h"
#include "lib/ut_time.h"

#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#define DATE_MAX 1024
#define ASK_SECONDS 0.2 /* between looks at whether a sleep was interrupted */
#define NO_OFFSET LONG_MAX /* tm_gmtoff that strptime(3) did not set */

static bool
fn_time(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)args;
    (void)argc;
    *out = hsl_num(floor(ut_time_wall() * 1e6) / 1e6);
    return true;
}

/* Broken-down time of [t] in the zone of the host or UTC; false if it has no year. */
static bool
break_down(time_t t, bool local, struct tm *tm)
{
    if (local)
        tzset();
    return local ? localtime_r(&t, tm) != NULL : gmtime_r(&t, tm) != NULL;
}

static bool
fn_timelocal(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    double now = floor(ut_time_wall() * 1e6) / 1e6;
    struct tm tm;

    (void)args;
    (void)argc;
    if (!break_down((time_t)now, true, &tm))
        return hsl_raise(r, HSL_R15, "timelocal(): the clock of this host is wrong");
    *out = hsl_num(now + (double)tm.tm_gmtoff);
    return true;
}

/* --- strftime -------------------------------------------------------------------------------- */

/* The format with %s replaced by the seconds: strftime(3) would work them out from [tm] as if that
 * were local time. The blank at the end tells an empty result from one that is too long. */
static void
prepare_format(struct ut_sbuf *b, const struct hsl_str *format, time_t t)
{
    const char *p = format->data;

    while (*p) {
        if (p[0] == '%' && p[1] == 's') {
            ut_sbuf_addf(b, "%lld", (long long)t);
            p += 2;
        } else if (p[0] == '%' && p[1]) {
            ut_sbuf_add(b, p, 2);
            p += 2;
        } else {
            ut_sbuf_addc(b, *p++);
        }
    }
    ut_sbuf_addc(b, ' ');
}

static bool
format_time(struct hsl_run *r, const struct hsl_str *format, time_t t, const struct tm *tm,
    struct hsl_value *out)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char text[DATE_MAX + 2];
    struct ut_sbuf b;
    size_t n = 0;

    ut_sbuf_init(&b, 4 * DATE_MAX);
    prepare_format(&b, format, t);
    if (c && !b.failed)
        n = strftime_l(text, sizeof(text), b.data, tm, c);
    ut_sbuf_fini(&b);
    if (c)
        freelocale(c);
    if (n == 0)
        return hsl_raise(r, HSL_R15, "strftime(): the result is longer than %d bytes", DATE_MAX);
    return hsl_ret_str(r, out, text, n - 1);
}

static bool
fn_strftime(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    double t = argc > 1 ? floor(args[1].u.num) : floor(ut_time_wall());
    const struct hsl_str *format = args[0].u.str;
    bool local = false;
    struct tm tm;

    if (!hsl_opt_bool(r, "strftime", 3, argc > 2 ? &args[2] : NULL, "local", &local))
        return false;
    if (!hsl_work_text(r, &args[0]))
        return false;
    if (strlen(format->data) != format->len)
        return hsl_raise(r, HSL_R15, "strftime(): a NUL byte in the format");
    if (!(fabs(t) < 1e17) || !break_down((time_t)t, local, &tm))
        return hsl_raise(r, HSL_R15, "strftime(): the time is out of range");
    return format_time(r, format, (time_t)t, &tm, out);
}

/* --- strptime, strpduration ------------------------------------------------------------------ */

/* Seconds of a time as strptime(3) left it. */
static double
seconds_of(struct tm *tm, bool local)
{
    long offset = tm->tm_gmtoff;

    if (offset == NO_OFFSET && local) {
        tm->tm_isdst = -1;
        tm->tm_gmtoff = 0;
        return (double)mktime(tm);
    }
    tm->tm_gmtoff = 0;
    return (double)timegm(tm) - (offset == NO_OFFSET ? 0 : (double)offset);
}

static bool
fn_strptime(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *text = args[0].u.str, *format = args[1].u.str;
    struct tm now, tm = {.tm_gmtoff = NO_OFFSET};
    const char *end = NULL;
    bool local = false;
    locale_t c;

    if (!hsl_opt_bool(r, "strptime", 3, argc > 2 ? &args[2] : NULL, "local", &local))
        return false;
    if (text->len > DATE_MAX || format->len > DATE_MAX || strlen(text->data) != text->len ||
        strlen(format->data) != format->len ||
        !break_down((time_t)ut_time_wall(), local, &now))
        return true;
    tm.tm_year = now.tm_year;
    tm.tm_mon = now.tm_mon;
    tm.tm_mday = now.tm_mday;
    c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c) {
        end = strptime_l(text->data, format->data, &tm, c);
        freelocale(c);
    }
    if (end && *end == '\0')
        *out = hsl_num(seconds_of(&tm, local));
    return true;
}

static double
unit_seconds(char unit)
{
    switch (unit) {
    case 'd':
        return 86400;
    case 'h':
        return 3600;
    case 'm':
        return 60;
    case 's':
        return 1;
    default:
        return 0;
    }
}

static bool
fn_strpduration(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;
    const char *p = s->data, *end = p + s->len;
    double total = 0;
    unsigned parts = 0;

    (void)argc;
    if (!hsl_work_text(r, &args[0]))
        return false;
    while (p < end) {
        const char *start = p;
        double n = 0;

        while (p < end && *p >= '0' && *p <= '9')
            n = n * 10 + (*p++ - '0');
        if (p == start || p - start > 15)
            return true;
        if (p == end && parts == 0) {
            *out = hsl_num(n);
            return true;
        }
        if (p == end || unit_seconds(*p) == 0)
            return true;
        total += n * unit_seconds(*p++);
        parts++;
        while (p < end && *p == ' ')
            p++;
    }
    if (parts > 0)
        *out = hsl_num(total);
    return true;
}

/* --- The run and the host -------------------------------------------------------------------- */

static bool
fn_executiontime(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)args;
    (void)argc;
    *out = hsl_num(ut_time_mono() - r->started);
    return true;
}

static bool
fn_uptime(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)r;
    (void)args;
    (void)argc;
    *out = hsl_num(ut_time_mono());
    return true;
}

static bool
is_interrupted(const struct hsl_run *r)
{
    return r->host && r->host->interrupted && r->host->interrupted(r->host_arg);
}

/* A host that can interrupt is asked now and then: its signal may come just before the call. */
static void
sleep_until(const struct hsl_run *r, double deadline)
{
    bool ask = r->host && r->host->interrupted;

    for (double now = ut_time_mono(); now < deadline && !is_interrupted(r); now = ut_time_mono()) {
        double until = ask && now + ASK_SECONDS < deadline ? now + ASK_SECONDS : deadline;
        struct timespec t;

        t.tv_sec = (time_t)until;
        t.tv_nsec = (long)((until - (double)t.tv_sec) * 1e9);
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    }
}

static bool
fn_sleep(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    double seconds = args[0].u.num, start = ut_time_mono(), slept;

    (void)argc;
    if (!(seconds > 0)) /* also nan */
        seconds = 0;
    if (seconds > r->limits.max_sleep - r->slept)
        seconds = r->limits.max_sleep - r->slept;
    if (seconds > hsl_time_left(r))
        seconds = hsl_time_left(r);
    if (seconds > 0)
        sleep_until(r, start + seconds);
    slept = ut_time_mono() - start;
    r->slept += slept;
    *out = hsl_num(slept);
    /* Enough work that the clock is looked at. */
    return hsl_work(r, 1024 * 1024);
}

const struct hsl_builtin hsl_lib_time_rows[] = {
    {"time", "", 0, 0, .fn = fn_time, "time()", "Seconds since 1970, with microseconds."},
    {"timelocal", "", 0, 0, .fn = fn_timelocal, "timelocal()",
        "time() plus the distance of the host's zone from UTC in seconds."},
    {"strftime", "s|no", 0, 0, .fn = fn_strftime, "strftime(format [, t = time() [, options]])",
        "The time as text, by the codes of strftime(3), in UTC and English. Option local: in the "
        "zone of the host.",
        .options = "local",
        .errors = "the time is out of range; the text is longer than 1024 bytes"},
    {"strptime", "ss|o", 0, 0, .fn = fn_strptime, "strptime(text, format [, options])",
        "The time that the text stands for by the format, as seconds since 1970; none if it does "
        "not fit. What the format leaves out is today, 00:00:00. Option local: the zone of the "
        "host.",
        .options = "local"},
    {"strpduration", "s", 0, HSL_PURE, .fn = fn_strpduration, "strpduration(text)",
        "The seconds of a duration such as \"1d12h30m10s\" or \"90\"; none if it is none."},
    {"executiontime", "", 0, 0, .fn = fn_executiontime, "executiontime()",
        "Seconds since the script started."},
    {"sleep", "n", 0, HSL_BLOCKS, .fn = fn_sleep, "sleep(seconds)",
        "Waits; the seconds that it really slept, which limits of the run can shorten."},
    {"uptime", "", 0, 0, .fn = fn_uptime, "uptime()", "Seconds that the host is up."},
    {.name = NULL},
};
