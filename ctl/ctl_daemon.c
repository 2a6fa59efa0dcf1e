/* ctl_daemon.c - asks the daemons how they are, and to take a new configuration.
 * Not here: the control protocol (lib/ut_ctl.c), what the daemons answer.
 * Threads: one. Fails with EX_UNAVAILABLE if a daemon does not answer or refuses; the others are
 * asked all the same. */
#include "config.h"

#include <jansson.h>
#include <stdio.h>

#include "ctl/ctl_check.h"
#include "ctl/ctl_daemon.h"

static const char *const daemons[] = {"milter", "quarantined", "policyd"};

/* How many of these the configuration has: penstock-policyd is for shared state. */
static size_t
daemon_count(struct ctl_call *c)
{
    return ctl_conf(c)->global.state_socket[0] ? 3 : 2;
}

/* --- status --------------------------------------------------------------------------------- */

/* Prints each attribute of a status record on a line of its own. */
static int
print_fields(void *arg, const struct ut_attr_list *record)
{
    (void)arg;
    for (size_t i = 0; i < record->count; i++) {
        printf("  %s: ", record->items[i].name);
        ctl_print_text(record->items[i].value, record->items[i].len);
        putchar('\n');
    }
    return 0;
}

/* Adds the attributes of a status record to the JSON object [arg]. */
static int
collect_fields(void *arg, const struct ut_attr_list *record)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct ut_attr *a = &record->items[i];

        json_object_set_new(arg, a->name, json_stringn(a->value, a->len));
    }
    return 0;
}

static int
status_text(struct ctl_call *c, const char *daemon)
{
    struct ut_diag d = {0};

    printf("%s:\n", daemon);
    if (ctl_ask(c, daemon, "status", NULL, print_fields, NULL, &d) == UT_CTL_OK)
        return EX_OK;
    printf("  down: %s\n", d.text);
    return EX_UNAVAILABLE;
}

static int
status_json(struct ctl_call *c, const char *daemon)
{
    struct ut_diag d = {0};
    json_t *object = json_object();
    enum ut_ctl_result result;

    if (!object)
        return EX_SOFTWARE;
    json_object_set_new(object, "daemon", json_string(daemon));
    result = ctl_ask(c, daemon, "status", NULL, collect_fields, object, &d);
    json_object_set_new(object, "up", json_boolean(result == UT_CTL_OK));
    if (result != UT_CTL_OK)
        json_object_set_new(object, "error", json_string(d.text));
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
    return result == UT_CTL_OK ? EX_OK : EX_UNAVAILABLE;
}

static int
status(struct ctl_call *c)
{
    int rc = EX_OK;

    if (!ctl_conf(c))
        return EX_CONFIG;
    for (size_t i = 0; i < daemon_count(c); i++) {
        int one = c->json ? status_json(c, daemons[i]) : status_text(c, daemons[i]);

        if (one != EX_OK)
            rc = one;
    }
    return rc;
}

/* --- reload --------------------------------------------------------------------------------- */

static int
reload(struct ctl_call *c)
{
    int rc = EX_OK;

    if (ctl_check_all(c) != EX_OK) {
        ctl_error("nothing was reloaded: the daemons keep what they run with");
        return EX_CONFIG;
    }
    for (size_t i = 0; i < daemon_count(c); i++) {
        struct ut_diag d = {0};

        if (ctl_ask(c, daemons[i], "reload", NULL, NULL, NULL, &d) == UT_CTL_OK) {
            printf("%s: reloaded\n", daemons[i]);
            continue;
        }
        ctl_error("%s: not reloaded: %s", daemons[i], d.text);
        rc = EX_UNAVAILABLE;
    }
    return rc;
}

const struct ctl_command ctl_daemon_commands[] = {
    {"status", "", 0, 0, NULL, status, "Ask the daemons how they are"},
    {"reload", "", 0, 0, NULL, reload, "Check the configuration, then make the daemons load it"},
    {NULL, NULL, 0, 0, NULL, NULL, NULL},
};
