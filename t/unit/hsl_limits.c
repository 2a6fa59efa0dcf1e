/* hsl_limits.c - limits by name: every row can be set, and what is wrong is said. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "hsl/hsl.h"
#include "t/unit/tap.h"

static void
test_values(void)
{
    struct hsl_env_opts opts = {0};
    struct hsl_limits l;
    struct ut_diag d = {0};

    hsl_limits_default(&l);
    tap_ok(hsl_limits_set(&l, &opts, "max_time=0.25", &d) == 0 && l.max_time > 0.24 &&
               l.max_time < 0.26,
        "a fraction of a second");
    tap_ok(hsl_limits_set(&l, &opts,
               "max_time=2m,max_memory=16M,max_call_depth=7,max_instructions=99999999999", &d) == 0,
        "several at once");
    tap_ok(l.max_time > 119 && l.max_time < 121 && l.max_memory == (size_t)16 << 20 &&
               l.max_call_depth == 7 && l.max_instructions == 99999999999ULL,
        "each with its value");
    tap_ok(l.max_string == (size_t)16 << 20 && l.max_array == 1000000 &&
               l.max_echo_records == 500 && l.pcre_match_limit == 1000000,
        "the others as they were");
}

/* Every row takes its value, and only the field of that name changes. */
static void
test_each(void)
{
    struct all {
        struct hsl_limits limits;
        struct hsl_env_opts opts;
    } now, before;
    struct ut_diag d = {0};
    char item[64];
    size_t i, changed;
    const char *name;

    for (i = 0; (name = hsl_limits_name(i)) != NULL; i++) {
        memset(&now, 0xFF, sizeof(now));
        before = now;
        snprintf(
            item, sizeof(item), "%s=%s", name, strcmp(name, "max_memory") == 0 ? "65536" : "3");
        changed = 0;
        if (hsl_limits_set(&now.limits, &now.opts, item, &d) == 0)
            for (size_t k = 0; k < sizeof(now); k++)
                changed += ((const char *)&now)[k] != ((const char *)&before)[k];
        tap_ok(changed > 0 && changed <= 8, "%s sets one field", item);
    }
    tap_ok(i >= 18, "all of them are there");
}

static const struct {
    const char *list, *want;
} wrong[] = {
    {"max_memry=1M", "there is no limit max_memry; did you mean max_memory?"},
    {"depth=1", "there is no limit depth"},
    {"", "\"\": a limit is written NAME=VALUE"},
    {"max_time", "\"max_time\": a limit is written NAME=VALUE"},
    {"max_time=1,", "\"\": a limit is written NAME=VALUE"},
    {"max_time=1.2.3",
        "max_time=1.2.3: must be a number of seconds such as 0.5, 20 or 2m from 0 to 86400"},
    {"max_time=-1",
        "max_time=-1: must be a number of seconds such as 0.5, 20 or 2m from 0 to 86400"},
    {"max_time=nan",
        "max_time=nan: must be a number of seconds such as 0.5, 20 or 2m from 0 to 86400"},
    {"max_call_depth=0", "max_call_depth=0: must be a number from 1 to 10000"},
    {"max_call_depth=10001", "max_call_depth=10001: must be a number from 1 to 10000"},
    {"max_array=1e3", "max_array=1e3: must be a number from 1 to 1000000000"},
    {"max_string=1 M", "max_string=1 M: must be a number of bytes such as 64K, 16M or 1G from 1 to "
                       "2147483647"},
};

static void
test_wrong(void)
{
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct hsl_env_opts opts = {0};
        struct hsl_limits l;
        struct ut_diag d = {0};

        hsl_limits_default(&l);
        tap_ok(
            hsl_limits_set(&l, &opts, wrong[i].list, &d) == -1, "\"%s\" is refused", wrong[i].list);
        tap_str(d.text, wrong[i].want, "and the text says why");
    }
}

int
main(void)
{
    test_values();
    test_each();
    test_wrong();
    return tap_done();
}
