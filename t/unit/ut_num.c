/* ut_num.c - numbers and times: strict reading, one text form. */
#include "config.h"

#include "lib/ut_num.h"

#include <limits.h>

#include "lib/ut_time.h"
#include "t/unit/tap.h"

#define NONE LLONG_MIN

static const struct {
    const char *text;
    long long want_int, want_time, want_size; /* NONE: refused */
} numbers[] = {
    {"0", 0, 0, 0},
    {"12", 12, 12, 12},
    {"+12", 12, NONE, NONE},
    {"-12", -12, NONE, NONE},
    {"", NONE, NONE, NONE},
    {"-", NONE, NONE, NONE},
    {" 1", NONE, NONE, NONE},
    {"1 ", NONE, NONE, NONE},
    {"0x10", NONE, NONE, NONE},
    {"1.5", NONE, NONE, NONE},
    {"1s", NONE, 1, NONE},
    {"15m", NONE, 900, 15 << 20},
    {"2h", NONE, 7200, NONE},
    {"30d", NONE, 2592000, NONE},
    {"1w", NONE, 604800, NONE},
    {"64K", NONE, NONE, 65536},
    {"3g", NONE, NONE, 3LL << 30},
    {"1mm", NONE, NONE, NONE},
    {"m", NONE, NONE, NONE},
    {"9223372036854775807", LLONG_MAX, LLONG_MAX, LLONG_MAX},
    {"9223372036854775808", NONE, NONE, NONE},
    {"9223372036854775807w", NONE, NONE, NONE},
    {"8589934592G", NONE, NONE, NONE},
    {"8589934591G", NONE, NONE, 8589934591LL << 30},
};

static const struct {
    const char *text;
    long long want;
} modes[] = {{"0660", 0660}, {"660", 0660}, {"0", 0}, {"7777", 07777}, {"07777", 07777},
    {"10000", NONE}, {"8", NONE}, {"", NONE}, {"-1", NONE}, {"0660 ", NONE}};

static const struct {
    long long sec;
    long nsec;
    const char *want, *want_mail;
} times[] = {
    {0, 0, "1970-01-01T00:00:00.000000Z", "Thu, 1 Jan 1970 00:00:00 +0000"},
    {1709251199, 1999, "2024-02-29T23:59:59.000001Z", "Thu, 29 Feb 2024 23:59:59 +0000"},
    {-1, 999999999, "1969-12-31T23:59:59.999999Z", "Wed, 31 Dec 1969 23:59:59 +0000"},
    {253402300799, 0, "9999-12-31T23:59:59.000000Z", "Fri, 31 Dec 9999 23:59:59 +0000"},
    {253402300800, 0, "0000-00-00T00:00:00.000000Z", "Sat, 1 Jan 0000 00:00:00 +0000"},
    {LLONG_MAX, 0, "0000-00-00T00:00:00.000000Z", "Sat, 1 Jan 0000 00:00:00 +0000"},
    {LLONG_MIN, 0, "0000-00-00T00:00:00.000000Z", "Sat, 1 Jan 0000 00:00:00 +0000"},
};

int
main(void)
{
    char text[UT_TIME_TEXT_SIZE];
    long long out;
    unsigned mode;
    double now;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const char *t = numbers[i].text;

        out = NONE;
        tap_ok((ut_num_int(t, NONE, LLONG_MAX, &out) == 0) == (numbers[i].want_int != NONE) &&
                   out == numbers[i].want_int,
            "int \"%s\"", t);
        out = NONE;
        tap_ok((ut_num_time(t, &out) == 0) == (numbers[i].want_time != NONE) &&
                   out == numbers[i].want_time,
            "time \"%s\"", t);
        out = NONE;
        tap_ok((ut_num_size(t, &out) == 0) == (numbers[i].want_size != NONE) &&
                   out == numbers[i].want_size,
            "size \"%s\"", t);
    }
    out = 7;
    tap_ok(ut_num_int("5", 6, 9, &out) == -1 && ut_num_int("10", 6, 9, &out) == -1 && out == 7,
        "out of range leaves the output");
    tap_ok(ut_num_int("6", 6, 9, &out) == 0 && out == 6, "the bounds are in");
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        mode = 1;
        tap_ok((ut_num_mode(modes[i].text, &mode) == 0) == (modes[i].want != NONE) &&
                   mode == (modes[i].want == NONE ? 1 : modes[i].want),
            "mode \"%s\"", modes[i].text);
    }
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        ut_time_text(&(struct timespec){.tv_sec = times[i].sec, .tv_nsec = times[i].nsec}, text);
        tap_str(text, times[i].want, "RFC 3339");
        ut_time_mail(times[i].sec, text);
        tap_str(text, times[i].want_mail, "RFC 5322");
    }
    now = ut_time_mono();
    tap_num(ut_time_poll_ms(now - 1), 0, "a deadline that has passed");
    tap_ok(ut_time_poll_ms(now + 0.5) > 400 && ut_time_poll_ms(now + 0.5) <= 501, "half a second");
    tap_num(ut_time_poll_ms(now + 1e12), 3600000, "never more than an hour");
    tap_num(ut_time_poll_ms(-1e300), 0, "long ago");
    tap_ok(ut_time_mono() >= now && ut_time_wall() > 1.6e9, "the clocks run");
    return tap_done();
}
