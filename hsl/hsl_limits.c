/* hsl_limits.c - the limits of one run by name: defaults, and values that a person writes.
 *
 * Not here: where a limit is enforced (hsl_heap.c, hsl_vm.c, hsl_regex_match.c, hsl_unit.c ...), the
 * parameters of the configuration (lib/params.def).
 * Threads: any. Fails for a name or value that is wrong, with a text that says what is right. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "hsl/hsl.h"
#include "lib/ut_near.h"
#include "lib/ut_num.h"
#include "lib/ut_sbuf.h"

enum unit { COUNT, BYTES, SECONDS };

#define MAX_ITEM 128 /* bytes of NAME=VALUE */
#define GIB (1LL << 30)

/* One limit: [width] bytes at [offset] of struct hsl_limits, or of struct hsl_env_opts if all runs
 * of a process share it; a double if [unit] is SECONDS. Ranges are those that a program can keep:
 * an include level and a call from a built-in need C stack. */
static const struct row {
    const char *name;
    enum unit unit;
    bool shared;
    size_t offset, width;
    long long min, max;
} rows[] = {
/* clang-format off */
#define ROW(name, unit, min, max) \
    {#name, unit, false, offsetof(struct hsl_limits, name), \
        sizeof(((struct hsl_limits *)0)->name), min, max}
#define SHARED(name, unit, min, max) \
    {#name, unit, true, offsetof(struct hsl_env_opts, name), \
        sizeof(((struct hsl_env_opts *)0)->name), min, max}
    /* clang-format on */
    ROW(max_instructions, COUNT, 1, 1000000000000000),
    ROW(max_time, SECONDS, 0, 86400),
    ROW(max_memory, BYTES, 65536, 1024 * GIB),
    ROW(max_string, BYTES, 1, 2 * GIB - 1),
    ROW(max_array, COUNT, 1, 1000000000),
    ROW(max_call_depth, COUNT, 1, 10000),
    ROW(max_echo, BYTES, 0, 1024 * GIB),
    ROW(max_echo_records, COUNT, 0, 4294967295),
    ROW(pcre_match_limit, COUNT, 1, 4294967295),
    ROW(pcre_depth_limit, COUNT, 1, 4294967295),
    ROW(max_sleep, SECONDS, 0, 86400),
    ROW(barrier_wait, SECONDS, 0, 86400),
    ROW(barrier_value, BYTES, 1, 1 * GIB),
    ROW(max_dns, COUNT, 0, 100000),
    ROW(max_http, COUNT, 0, 100000),
    ROW(max_sockets, COUNT, 0, 100000),
    ROW(max_http_body, BYTES, 0, 1 * GIB),
    ROW(max_include_depth, COUNT, 1, 64),
    ROW(max_source, BYTES, 1, 64 << 20),
    SHARED(cache_memory, BYTES, 1, 1024 * GIB),
    SHARED(cache_entries, COUNT, 1, 1000000000),
    SHARED(store_memory, BYTES, 1, 1024 * GIB),
#undef ROW
#undef SHARED
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

void
hsl_limits_default(struct hsl_limits *l)
{
    *l = (struct hsl_limits){
        .max_instructions = 20000000,
        .max_time = 20,
        .max_memory = (size_t)64 << 20,
        .max_string = (size_t)16 << 20,
        .max_array = 1000000,
        .max_call_depth = 200,
        .max_echo = (size_t)64 << 10,
        .max_echo_records = 500,
        .pcre_match_limit = 1000000,
        .pcre_depth_limit = 10000,
        .max_sleep = 30,
        .barrier_wait = 10,
        .barrier_value = 1024u * 1024,
        .max_dns = 200,
        .max_http = 50,
        .max_sockets = 16,
        .max_http_body = (size_t)10 << 20,
        .max_include_depth = 16,
        .max_source = (size_t)4 << 20,
    };
}

const char *
hsl_limits_name(size_t i)
{
    return i < ROW_COUNT ? rows[i].name : NULL;
}

static int
find_row(const char *name, const struct row **row, struct ut_diag *d)
{
    struct ut_near near = ut_near_to(name);

    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *row = &rows[i];
            return 0;
        }
        ut_near_try(&near, rows[i].name);
    }
    if (near.best)
        return ut_diag_set(d, "there is no limit %s; did you mean %s?", name, near.best);
    return ut_diag_set(d, "there is no limit %s", name);
}

/* Seconds: as everywhere, or decimal with a fraction. */
static int
parse_seconds(const char *text, double *out)
{
    long long whole;
    char *end;

    if (ut_num_time(text, &whole) == 0) {
        *out = (double)whole;
        return 0;
    }
    if (strspn(text, "0123456789.") != strlen(text) || *text < '0' || *text > '9')
        return -1;
    *out = strtod(text, &end);
    return *end == '\0' ? 0 : -1;
}

static int
parse_whole(const struct row *row, const char *text, long long *out)
{
    return row->unit == BYTES ? ut_num_size(text, out) : ut_num_int(text, 0, row->max, out);
}

static int
set_row(void *limits, const struct row *row, const char *text, struct ut_diag *d)
{
    static const char *const forms[] = {[COUNT] = "a number",
        [BYTES] = "a number of bytes such as 64K, 16M or 1G",
        [SECONDS] = "a number of seconds such as 0.5, 20 or 2m"};
    char *field = (char *)limits + row->offset;
    double seconds = 0;
    long long whole = 0;
    uint32_t narrow;

    if (row->unit == SECONDS
            ? parse_seconds(text, &seconds) != 0 || seconds > (double)row->max
            : parse_whole(row, text, &whole) != 0 || whole < row->min || whole > row->max)
        return ut_diag_set(d, "%s=%s: must be %s from %lld to %lld", row->name, text,
            forms[row->unit], row->min, row->max);
    narrow = (uint32_t)whole;
    if (row->unit == SECONDS)
        memcpy(field, &seconds, sizeof(seconds));
    else if (row->width == sizeof(narrow))
        memcpy(field, &narrow, sizeof(narrow));
    else
        memcpy(field, &whole, sizeof(whole));
    return 0;
}

/* One "NAME=VALUE" of [len] bytes. */
static int
set_item(struct hsl_limits *l, struct hsl_env_opts *opts, const char *item, size_t len,
    struct ut_diag *d)
{
    const struct row *row = NULL;
    char text[MAX_ITEM];
    char *value;

    if (len >= sizeof(text))
        return ut_diag_set(d, "%.40s...: a limit is written NAME=VALUE", item);
    memcpy(text, item, len);
    text[len] = '\0';
    value = strchr(text, '=');
    if (!value)
        return ut_diag_set(d, "\"%s\": a limit is written NAME=VALUE", text);
    *value++ = '\0';
    if (find_row(text, &row, d) != 0)
        return -1;
    if (row->shared && !opts)
        return ut_diag_set(d, "%s is one for all scripts together", row->name);
    return set_row(row->shared ? (void *)opts : l, row, value, d);
}

int
hsl_limits_set(struct hsl_limits *l, struct hsl_env_opts *opts, const char *list, struct ut_diag *d)
{
    for (;;) {
        size_t len = strcspn(list, ",");

        if (set_item(l, opts, list, len, d) != 0)
            return -1;
        if (list[len] == '\0')
            return 0;
        list += len + 1;
    }
}
