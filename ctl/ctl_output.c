/* ctl_output.c - what every command prints with, and the way to a daemon.
 * Not here: usage texts (ctl_main.c), diagnostics with their source line (hsl/hsl_show.c).
 * Threads: one. Fails only by leaving out what found no memory. */
#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/ctl_check.h"
#include "lib/ut_utf8.h"

#define MAX_TEXT (1 << 20) /* bytes printed of one value */

void
ctl_error(const char *fmt, ...)
{
    va_list ap;

    fflush(stdout);
    fputs("penstock: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

void
ctl_error_diag(const struct ut_diag *d)
{
    struct ut_sbuf text;

    ut_sbuf_init(&text, MAX_TEXT);
    ut_diag_to_text(d, &text);
    ctl_error("%s", ut_sbuf_text(&text));
    ut_sbuf_fini(&text);
}

const struct ut_conf *
ctl_conf(struct ctl_call *c)
{
    struct ut_diag_list diags;

    if (c->conf)
        return c->conf;
    ut_diag_list_init(&diags, CTL_CHECK_MAX_DIAGS);
    c->conf = ut_conf_load_faulty(c->config, &diags);
    c->conf_faulty = diags.errors > 0;
    ctl_check_print(NULL, &diags);
    ut_diag_list_fini(&diags);
    return c->conf;
}

enum ut_ctl_result
ctl_ask(struct ctl_call *c, const char *daemon, const char *name, const struct ut_sbuf *attrs,
    ut_ctl_record_fn *fn, void *arg, struct ut_diag *d)
{
    struct ut_sbuf path, request;
    enum ut_ctl_result result = UT_CTL_TROUBLE;

    ut_sbuf_init(&path, 4096);
    ut_sbuf_init(&request, MAX_TEXT);
    ut_sbuf_addf(&path, "%s/%s.ctl", c->conf->global.run_directory, daemon);
    ut_attr_addz(&request, "request", name);
    if (attrs)
        ut_sbuf_add(&request, attrs->data, attrs->len);
    if (path.failed || request.failed || (attrs && attrs->failed)) {
        ut_diag_set(d, "the request is too long");
    } else {
        result = ut_ctl_call(ut_sbuf_text(&path), &request, fn, arg,
            CTL_TIMEOUT + (double)c->conf->global.reinject_timeout, d);
        if (result == UT_CTL_TROUBLE) {
            char why[sizeof(d->text)];

            memcpy(why, d->text, sizeof(why));
            ut_diag_set(d, "penstock-%s does not answer: %s; see: systemctl status penstock-%s",
                daemon, why, daemon);
        }
    }
    ut_sbuf_fini(&path);
    ut_sbuf_fini(&request);
    return result;
}

void
ctl_print_text(const char *p, size_t len)
{
    struct ut_sbuf text;

    ut_sbuf_init(&text, MAX_TEXT);
    ut_utf8_escape(&text, p, len);
    fwrite(ut_sbuf_text(&text), 1, text.len, stdout);
    ut_sbuf_fini(&text);
}

/* [len] bytes as a JSON string, escaped first if they are not UTF-8; NULL without memory. */
static json_t *
json_text(const char *p, size_t len)
{
    struct ut_sbuf text;
    json_t *j;

    if (ut_utf8_valid(p, len))
        return json_stringn_nocheck(p, len);
    ut_sbuf_init(&text, MAX_TEXT);
    ut_utf8_escape(&text, p, len);
    j = json_stringn(ut_sbuf_text(&text), text.len);
    ut_sbuf_fini(&text);
    return j;
}

/* Prints JSON with U+007F to U+009F escaped, which JSON leaves to the writer but a terminal may
 * obey; they stand in strings alone. */
static void
print_escaped(const char *json)
{
    for (; *json; json++) {
        unsigned char c = (unsigned char)*json;
        unsigned char next = (unsigned char)json[1];
        bool c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;

        if (c == 0x7f || c1)
            printf("\\u00%02x", c1 ? next : c);
        else
            putchar(c);
        json += c1;
    }
    putchar('\n');
}

void
ctl_print_json(const struct ut_attr_list *record)
{
    json_t *object = json_object();
    char *text;

    for (size_t i = 0; object && i < record->count; i++) {
        const struct ut_attr *a = &record->items[i];

        if (json_object_set_new(object, a->name, json_text(a->value, a->len)) != 0)
            break;
    }
    text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    if (text)
        print_escaped(text);
    free(text);
    json_decref(object);
}
