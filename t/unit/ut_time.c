/* ut_time.c - waiting until a deadline. Text forms of times: ut_num.c. */
#include "config.h"

#include "lib/ut_time.h"

#include <math.h>

#include "t/unit/tap.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond;
static bool told;

static void *
tell(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&lock);
    told = true;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void
test_wait(void)
{
    static const double past[] = {-1e300, -1, 0, 0.5};
    double start = ut_time_mono();
    pthread_t thread;
    bool in_time = true;

    ut_time_cond_init(&cond);
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < sizeof(past) / sizeof(past[0]); i++)
        tap_ok(!ut_time_cond_wait(&cond, &lock, past[i]), "%g has passed", past[i]);
    while (ut_time_cond_wait(&cond, &lock, start + 0.1))
        continue;
    tap_ok(ut_time_mono() >= start + 0.1, "a deadline is waited for");
    pthread_create(&thread, NULL, tell, NULL);
    while (!told && in_time)
        in_time = ut_time_cond_wait(&cond, &lock, INFINITY);
    tap_ok(told && in_time, "a signal ends a wait without an end");
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    pthread_cond_destroy(&cond);
}

int
main(void)
{
    test_wait();
    return tap_done();
}
