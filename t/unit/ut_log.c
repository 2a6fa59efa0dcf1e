/* ut_log.c - records as JSON: fields, hostile bytes, cutting, levels, sinks, threads. */
#include "config.h"

#include "lib/ut_log.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/ut_file.h"
#include "lib/ut_sbuf.h"
#include "t/unit/tap.h"

static char path[] = "/tmp/ut_log.XXXXXX";

/* Line [n] of the log, from 0, as JSON; NULL if it is none. */
static json_t *
record(size_t n)
{
    struct ut_sbuf b;
    const char *line;
    json_t *j = NULL;

    ut_sbuf_init(&b, 64 << 20);
    if (ut_file_read(path, 64 << 20, &b, NULL) == 0) {
        line = ut_sbuf_text(&b);
        for (; line && n > 0; n--) {
            line = strchr(line, '\n');
            line = line ? line + 1 : NULL;
        }
        if (line)
            j = json_loadb(line, strcspn(line, "\n"), 0, NULL);
    }
    ut_sbuf_fini(&b);
    return j;
}

static const char *
field(const json_t *j, const char *name)
{
    return json_string_value(json_object_get(j, name));
}

static void
clear(void)
{
    if (truncate(path, 0) != 0)
        tap_ok(false, "truncate");
}

static void
test_fields(void)
{
    struct ut_log_rec *r;
    json_t *j;

    clear();
    errno = EXDEV;
    r = ut_log_begin(UT_LOG_NOTICE);
    ut_log_text(r, "held in %s", "q\n1");
    ut_log_str(r, "queue", "4ABC");
    ut_log_str(r, "nothing", NULL);
    ut_log_str(r, "empty", "");
    ut_log_strn(r, "bytes", "a\0b", 3);
    ut_log_num(r, "score", 2.5);
    ut_log_num(r, "nan", 0.0 / 0.0);
    ut_log_int(r, "size", 1234567890123LL);
    ut_log_end(r);
    tap_num(errno, EXDEV, "errno is kept");
    j = record(0);
    tap_ok(j != NULL, "a record is one JSON line");
    tap_str(field(j, "level"), "notice", "level");
    tap_str(field(j, "program"), "test", "program");
    tap_str(field(j, "text"), "held in q\\x0A1", "text");
    tap_str(field(j, "queue"), "4ABC", "a text field");
    tap_str(field(j, "bytes"), "a\\x00b", "bytes");
    tap_ok(json_real_value(json_object_get(j, "score")) == 2.5, "a number");
    tap_ok(json_integer_value(json_object_get(j, "size")) == 1234567890123LL, "an integer");
    tap_num(json_integer_value(json_object_get(j, "pid")), getpid(), "pid");
    tap_ok(!json_object_get(j, "nothing") && !json_object_get(j, "empty") &&
               !json_object_get(j, "nan"),
        "what is not there is left out");
    tap_ok(field(j, "time") && strlen(field(j, "time")) == 27 && field(j, "time")[26] == 'Z' &&
               field(j, "time")[19] == '.',
        "time in microseconds, UTC");
    json_decref(j);
}

static void
test_hostile(void)
{
    static char big[40000];
    struct ut_log_rec *r;
    const char *text;
    json_t *j;

    clear();
    memset(big, 1, sizeof(big));
    r = ut_log_begin(UT_LOG_ERR);
    ut_log_bytes(r, "\xff\"}\n{", 5);
    ut_log_strn(r, "big", big, sizeof(big));
    ut_log_str(r, "bad\xffname", "x");
    for (int i = 0; i < 200; i++) {
        char name[16];

        snprintf(name, sizeof(name), "f%d", i);
        ut_log_int(r, name, i);
    }
    ut_log_end(r);
    for (size_t i = 0; i + 2 < sizeof(big); i += 2)
        memcpy(big + 1 + i, "\xc3\xa4", 2);
    big[0] = 'x';
    big[sizeof(big) - 1] = '\0';
    ut_log(UT_LOG_ERR, "%s", big);

    j = record(0);
    tap_str(field(j, "text"), "\\xFF\"}\\x0A{", "bytes as text");
    text = field(j, "big");
    tap_ok(text && strlen(text) == 8192 + 4 && strcmp(text + 8192, " \xe2\x80\xa6") == 0,
        "control bytes, cut");
    tap_ok(json_object_size(j) <= 64, "no more than 64 fields");
    json_decref(j);
    j = record(1);
    text = field(j, "text");
    tap_ok(text && strcmp(text + strlen(text) - 4, " \xe2\x80\xa6") == 0 && strlen(text) <= 8196,
        "a long text is cut");
    tap_ok(text && memcmp(text + strlen(text) - 6, "\xc3\xa4", 2) == 0, "between characters");
    json_decref(j);
}

static void
test_levels(void)
{
    struct ut_diag d;

    clear();
    tap_ok(ut_log_open("test", path, UT_LOG_WARNING, &d) == 0, "open again with a level");
    tap_ok(ut_log_wants(UT_LOG_WARNING) && !ut_log_wants(UT_LOG_NOTICE), "wants");
    tap_ok(ut_log_begin(UT_LOG_NOTICE) == NULL, "no record above the level");
    ut_log_text(NULL, "x");
    ut_log_bytes(NULL, "x", 1);
    ut_log_str(NULL, "x", "x");
    ut_log_num(NULL, "x", 1);
    ut_log_int(NULL, "x", 1);
    ut_log_end(NULL);
    ut_log(UT_LOG_DEBUG, "dropped");
    json_t *j = record(0);

    tap_ok(!j, "nothing is written");
    json_decref(j);
    for (int i = UT_LOG_EMERG; i <= UT_LOG_DEBUG; i++)
        tap_num(ut_log_level_by_name(ut_log_level_name((enum ut_log_level)i)), i, "level names");
    tap_num(ut_log_level_by_name("error"), -1, "no level");
    tap_str(ut_log_level_name((enum ut_log_level)8), "", "no level");
}

static void
test_diags(void)
{
    struct ut_diag d;
    json_t *j;

    clear();
    ut_diag_at(&d, "mail.hsl", 3, 9, "odd");
    memcpy(d.code, "R01", 4);
    ut_log_diag(UT_LOG_ERR, "run", &d);
    ut_diag_set(&d, "plain");
    ut_log_diag(UT_LOG_ERR, NULL, &d);
    j = record(0);
    tap_str(field(j, "text"), "run: odd", "text of a diagnostic");
    tap_str(field(j, "file"), "mail.hsl", "its file");
    tap_num(json_integer_value(json_object_get(j, "line")), 3, "its line");
    tap_num(json_integer_value(json_object_get(j, "column")), 9, "its column");
    tap_str(field(j, "code"), "R01", "its code");
    json_decref(j);
    j = record(1);
    tap_str(field(j, "text"), "plain", "a plain one");
    tap_ok(j && !json_object_get(j, "file") && !json_object_get(j, "line"), "has no place");
    json_decref(j);
}

static void
test_diag_list(void)
{
    static const char *const levels[] = {"warning", "err", "err", "err"};
    struct ut_diag_list l;
    struct ut_diag d;

    clear();
    ut_diag_list_init(&l, 10);
    ut_diag_list_at(&l, UT_DIAG_WARNING, NULL, "a.hsl", 1, 1, "unused");
    ut_diag_list_at(&l, UT_DIAG_ERROR, NULL, "b.hsl", 2, 3, "wrong");
    ut_diag_list_at(&l, UT_DIAG_NOTE, NULL, "a.hsl", 1, 1, "imported from here");
    ut_diag_list_at(&l, UT_DIAG_ERROR, NULL, "c.hsl", 4, 1, "wrong too");
    ut_log_diags(&l, &d);
    ut_diag_list_fini(&l);
    tap_str(d.text, "b.hsl:2:3: wrong (and more mistakes, see the log)", "the first error");
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        json_t *j = record(i);

        tap_str(field(j, "level"), levels[i], "level of entry");
        json_decref(j);
    }
}

static void
test_sinks(void)
{
    static const char *const bad[] = {"nowhere", "", "relative/name", "/nonexistent/dir/log", "/"};
    char moved[sizeof(path) + 4];
    struct ut_diag d;
    json_t *j;

    clear();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        d.text[0] = '\0';
        tap_ok(ut_log_open("test", bad[i], UT_LOG_INFO, &d) == -1 && d.text[0], "no sink: %s",
            d.text);
    }
#ifndef HAVE_SYSTEMD
    tap_ok(ut_log_open("test", "journal", UT_LOG_INFO, &d) == -1 && strstr(d.text, "systemd"),
        "the journal needs systemd: %s", d.text);
#endif
    ut_log(UT_LOG_ERR, "still here");
    j = record(0);
    tap_str(field(j, "text"), "still here", "the sink before is still in use");
    json_decref(j);

    snprintf(moved, sizeof(moved), "%s.1", path);
    tap_ok(rename(path, moved) == 0 && ut_log_open("test", path, UT_LOG_INFO, &d) == 0,
        "the same file again, after rotation");
    ut_log(UT_LOG_ERR, "new file");
    j = record(0);
    tap_str(field(j, "text"), "new file", "records go to the new file");
    json_decref(j);
    unlink(moved);
    tap_ok(ut_log_open("test", "syslog", UT_LOG_ERR, &d) == 0, "syslog opens");
    ut_log_close();
    ut_log_close();
    tap_ok(ut_log_open("test", path, UT_LOG_INFO, &d) == 0, "and a file again");
}

static void *
thread_log(void *arg)
{
    for (int i = 0; i < 500; i++)
        ut_log(UT_LOG_INFO, "thread %d says %d", *(int *)arg, i);
    return NULL;
}

static void
test_threads(void)
{
    pthread_t t[4];
    int number[4];
    struct ut_sbuf b;
    size_t lines = 0, whole = 0;
    struct ut_diag d;
    int opened = 0;

    clear();
    for (int i = 0; i < 4; i++) {
        number[i] = i;
        pthread_create(&t[i], NULL, thread_log, &number[i]);
    }
    for (int i = 0; i < 500; i++)
        opened += ut_log_open("test", path, UT_LOG_INFO, &d) == 0;
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    ut_sbuf_init(&b, 1 << 24);
    tap_ok(opened == 500 && ut_file_read(path, 1 << 24, &b, NULL) == 0, "read the log");
    for (const char *line = ut_sbuf_text(&b); *line; line += strcspn(line, "\n") + 1) {
        json_t *j = json_loadb(line, strcspn(line, "\n"), 0, NULL);

        lines++;
        if (j)
            whole++;
        json_decref(j);
    }
    tap_ok(lines == 2000 && whole == 2000, "2000 records of 4 threads are 2000 whole lines, though the log is opened again meanwhile");
    ut_sbuf_fini(&b);
}

static void
test_seldom(void)
{
    int through = 0, other = 0;

    for (int i = 0; i < 1000; i++) {
        through += ut_log_once_a_second(3);
        other += ut_log_once_a_second(4);
    }
    tap_ok(through >= 1 && through <= 2, "once a second: %d of 1000", through);
    tap_ok(other >= 1 && other <= 2, "each kind by itself");
}

int
main(void)
{
    int fd = mkstemp(path);
    struct ut_diag d;

    if (fd < 0)
        return 1;
    close(fd);
    tap_ok(ut_log_open("test", path, UT_LOG_INFO, &d) == 0, "open a file");
    test_fields();
    test_hostile();
    test_diags();
    test_diag_list();
    test_levels();
    test_sinks();
    test_threads();
    test_seldom();
    ut_log_close();
    unlink(path);
    return tap_done();
}
