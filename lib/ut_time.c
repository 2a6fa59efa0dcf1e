/* ut_time.c - clocks, waiting by them, and the text forms of a time.
 * Not here: time zones and the calendar of scripts (hsl/).
 * Threads: any. Fails: never; CLOCK_REALTIME and CLOCK_MONOTONIC always exist. */
#include "config.h"

#include "lib/ut_time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static double
time_of(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double
ut_time_mono(void)
{
    return time_of(CLOCK_MONOTONIC);
}

double
ut_time_wall(void)
{
    return time_of(CLOCK_REALTIME);
}

void
ut_time_text(const struct timespec *t, char out[UT_TIME_TEXT_SIZE])
{
    struct tm tm;
    int n = -1;

    if (gmtime_r(&t->tv_sec, &tm) && tm.tm_year >= -1900 && tm.tm_year <= 8099)
        n = snprintf(out, UT_TIME_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ",
            tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
            t->tv_nsec / 1000);
    if (n < 0 || n >= UT_TIME_TEXT_SIZE)
        memcpy(out, "0000-00-00T00:00:00.000000Z", sizeof("0000-00-00T00:00:00.000000Z"));
}

void
ut_time_mail(time_t t, char out[UT_TIME_TEXT_SIZE])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;
    int n = -1;

    if (gmtime_r(&t, &tm) && tm.tm_year >= -1900 && tm.tm_year <= 8099)
        n = snprintf(out, UT_TIME_TEXT_SIZE, "%.3s, %d %.3s %04d %02d:%02d:%02d +0000",
            days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900,
            tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (n < 0 || n >= UT_TIME_TEXT_SIZE)
        memcpy(out, "Sat, 1 Jan 0000 00:00:00 +0000", sizeof("Sat, 1 Jan 0000 00:00:00 +0000"));
}

int
ut_time_poll_ms(double deadline)
{
    double left = deadline - ut_time_mono();

    if (!(left > 0))
        return 0;
    if (left > 3600)
        return 3600 * 1000;
    return (int)(left * 1000) + 1;
}

void
ut_time_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

bool
ut_time_cond_wait(pthread_cond_t *c, pthread_mutex_t *lock, double deadline)
{
    double most = ut_time_mono() + 86400.0 * 365;
    struct timespec until;

    if (!(deadline < most))
        deadline = most;
    until.tv_sec = deadline > 0 ? (time_t)deadline : 0;
    until.tv_nsec = deadline > 0 ? (long)((deadline - (double)until.tv_sec) * 1e9) : 0;
    return pthread_cond_timedwait(c, lock, &until) != ETIMEDOUT;
}
