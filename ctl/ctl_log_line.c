/* ctl_log_line.c - turns a JSON log record into a readable line.
 * Not here: which records (ctl_log_query.c), where they come from (ctl_log.c).
 * Threads: any. Fails only as the buffer does. */
#include "config.h"

#include "ctl/ctl_log_line.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ut_utf8.h"

/* The string [key] of [record], or "". */
static const char *
field(json_t *record, const char *key)
{
    const char *s = json_string_value(json_object_get(record, key));

    return s ? s : "";
}

static void
add_text(struct ut_sbuf *out, json_t *value)
{
    ut_utf8_escape(out, json_string_value(value), json_string_length(value));
}

/* Appends a string so that it can be told from what stands around it. */
static void
add_value(struct ut_sbuf *out, json_t *value)
{
    const char *s = json_string_value(value);
    bool quoted = !*s || strpbrk(s, " \"=") != NULL;

    if (quoted)
        ut_sbuf_addc(out, '"');
    add_text(out, value);
    if (quoted)
        ut_sbuf_addc(out, '"');
}

/* True for the fields that stand at the start of the line. */
static bool
is_head(const char *key)
{
    static const char *const head[] = {"time", "level", "program", "pid", "text"};

    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        if (strcmp(key, head[i]) == 0)
            return true;
    return false;
}

static void
add_field(struct ut_sbuf *out, const char *key, json_t *value)
{
    char *dump;

    ut_sbuf_addc(out, ' ');
    ut_utf8_escape(out, key, strlen(key));
    ut_sbuf_addc(out, '=');
    if (json_is_string(value)) {
        add_value(out, value);
        return;
    }
    dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    if (dump)
        ut_utf8_escape(out, dump, strlen(dump));
    free(dump);
}

static void
add_record(struct ut_sbuf *out, json_t *record)
{
    json_t *pid = json_object_get(record, "pid");
    json_t *text = json_object_get(record, "text");
    void *at;

    ut_utf8_escape(out, field(record, "time"), strlen(field(record, "time")));
    ut_sbuf_addc(out, ' ');
    ut_utf8_escape(out, field(record, "level"), strlen(field(record, "level")));
    ut_sbuf_addc(out, ' ');
    ut_utf8_escape(out, field(record, "program"), strlen(field(record, "program")));
    if (json_is_integer(pid))
        ut_sbuf_addf(out, "[%" JSON_INTEGER_FORMAT "]", json_integer_value(pid));
    ut_sbuf_addz(out, ": ");
    if (json_is_string(text))
        add_text(out, text);
    for (at = json_object_iter(record); at; at = json_object_iter_next(record, at))
        if (!is_head(json_object_iter_key(at)))
            add_field(out, json_object_iter_key(at), json_object_iter_value(at));
}

void
ctl_log_line_add(struct ut_sbuf *out, const char *line, size_t len, bool raw)
{
    json_t *record = NULL;

    if (raw) {
        ut_sbuf_add(out, line, len);
        ut_sbuf_addc(out, '\n');
        return;
    }
    record = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
    if (json_is_object(record))
        add_record(out, record);
    else
        ut_utf8_escape(out, line, len);
    ut_sbuf_addc(out, '\n');
    json_decref(record);
}
