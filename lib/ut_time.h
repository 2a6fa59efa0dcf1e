/* ut_time.h - clocks and the text forms of a time. Any thread. */
#ifndef UT_TIME_H
#define UT_TIME_H

#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#define UT_TIME_TEXT_SIZE 32

/* Seconds of a clock that only goes forward (CLOCK_MONOTONIC): for deadlines and durations. */
double ut_time_mono(void);
/* Seconds since 1970 (CLOCK_REALTIME), with a fraction. */
double ut_time_wall(void);
/* RFC 3339 in UTC with microseconds, "2024-02-29T23:59:59.000001Z", into [out]. Times outside
 * the years 0000 to 9999 give "0000-00-00T00:00:00.000000Z". */
void ut_time_text(const struct timespec *t, char out[UT_TIME_TEXT_SIZE]);
/* RFC 5322 3.3 in UTC, "Thu, 29 Feb 2024 23:59:59 +0000", whatever the locale; years as above. */
void ut_time_mail(time_t t, char out[UT_TIME_TEXT_SIZE]);
/* Milliseconds from now to [deadline] (of ut_time_mono()) as poll(2) wants them: 0 if it has
 * passed, rounded up, at most an hour. */
int ut_time_poll_ms(double deadline);

/* pthread_cond_init() of a condition for ut_time_cond_wait(). */
void ut_time_cond_init(pthread_cond_t *c);
/* pthread_cond_wait() until [deadline] (of ut_time_mono(); more than a year ahead: a year), however
 * the clock on the wall is set meanwhile. False: it has passed. */
bool ut_time_cond_wait(pthread_cond_t *c, pthread_mutex_t *lock, double deadline);

#endif
