/* tap.h - what a unit test prints: the Test Anything Protocol, version 13.
 *
 * A test is one main() that calls tap_ok() and its kin and ends with
 * `return tap_done();`. The plan is printed last, so a program that dies in
 * the middle has no plan and fails. Threads: call from one thread only. */
#ifndef T_TAP_H
#define T_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count_;
static int tap_failed_;

/* Prints one result line named by the printf text [fmt]; gives [pass] back. */
__attribute__((format(printf, 2, 3), unused)) static bool
tap_ok(bool pass, const char *fmt, ...)
{
    va_list ap;

    tap_count_++;
    if (!pass)
        tap_failed_++;
    printf("%sok %d - ", pass ? "" : "not ", tap_count_);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
    return pass;
}

/* Passes if both texts are equal (two NULLs are); else shows both. */
__attribute__((unused)) static bool
tap_str(const char *got, const char *want, const char *name)
{
    bool same = got && want ? strcmp(got, want) == 0 : got == want;

    tap_ok(same, "%s", name);
    if (!same)
        printf("#   got: %s\n#  want: %s\n", got ? got : "(null)", want ? want : "(null)");
    return same;
}

/* Passes if both numbers are equal; else shows both. */
__attribute__((unused)) static bool
tap_num(long long got, long long want, const char *name)
{
    tap_ok(got == want, "%s", name);
    if (got != want)
        printf("#   got: %lld\n#  want: %lld\n", got, want);
    return got == want;
}

/* Prints the plan; the exit status is 1 if a test failed or none was run. */
__attribute__((unused)) static int
tap_done(void)
{
    printf("1..%d\n", tap_count_);
    return tap_failed_ || tap_count_ == 0 ? 1 : 0;
}

#endif
