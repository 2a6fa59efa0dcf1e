/* ctl_rate.c - `penstock rate ...`: asks penstock-policyd what rate() has counted.
 * Not here: the counting (hsl/hsl_rate.c), the daemon's answers (policyd/pol_ctl.c).
 * Threads: one. Fails with EX_UNAVAILABLE if the daemon does not run or refuses, EX_NOINPUT if
 * nothing is counted for what was named. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl_rate.h"

#define REQUEST_MAX ((size_t)16 * 1024)

struct answer {
    const struct ctl_call *call;
    unsigned long count; /* records */
};

static void
print_attr(const struct ut_attr_list *record, const char *name)
{
    size_t len;
    const char *text = ut_attr_get(record, name, &len);

    if (text)
        ctl_print_text(text, len);
}

/* One window: events, interval, namespace and entry. */
static int
print_window(void *arg, const struct ut_attr_list *record)
{
    struct answer *a = arg;

    a->count++;
    if (a->call->json) {
        ctl_print_json(record);
        return 0;
    }
    print_attr(record, "events");
    fputs(" in ", stdout);
    print_attr(record, "interval");
    fputs(" s  ", stdout);
    print_attr(record, "namespace");
    fputs("  ", stdout);
    print_attr(record, "entry");
    putchar('\n');
    return 0;
}

static int
print_reset(void *arg, const struct ut_attr_list *record)
{
    struct answer *a = arg;

    a->count += !ut_attr_is(record, "reset", "0");
    if (a->call->json) {
        ctl_print_json(record);
        return 0;
    }
    fputs("reset: ", stdout);
    print_attr(record, "reset");
    putchar('\n');
    return 0;
}

/* Asks for the windows of [space] and [entry] (NULL: of all). [must]: there has to be one. */
static int
ask(struct ctl_call *c, const char *request, const char *space, const char *entry,
    ut_ctl_record_fn *fn, bool must)
{
    struct answer a = {.call = c};
    struct ut_diag d = {0};
    struct ut_sbuf attrs;
    enum ut_ctl_result result;

    if (!ctl_conf(c))
        return EX_CONFIG;
    ut_sbuf_init(&attrs, REQUEST_MAX);
    if (space)
        ut_attr_addz(&attrs, "namespace", space);
    if (entry)
        ut_attr_addz(&attrs, "entry", entry);
    result = ctl_ask(c, "policyd", request, &attrs, fn, &a, &d);
    ut_sbuf_fini(&attrs);
    if (result != UT_CTL_OK) {
        ctl_error_diag(&d);
        return EX_UNAVAILABLE;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        ctl_error("cannot write the answer: %s", strerror(errno));
        return EX_IOERR;
    }
    if (!must || a.count > 0)
        return EX_OK;
    ctl_error("nothing is counted there; penstock rate list shows what is");
    return EX_NOINPUT;
}

static int
list(struct ctl_call *c)
{
    return ask(c, "rate-list", ctl_option(c, "namespace"), NULL, print_window, false);
}

static int
show(struct ctl_call *c)
{
    return ask(c, "rate-list", c->operands[0], c->operands[1], print_window, true);
}

static int
reset(struct ctl_call *c)
{
    return ask(c, "rate-reset", c->operands[0], c->operand_count > 1 ? c->operands[1] : NULL,
        print_reset, true);
}

static const struct ctl_option list_options[] = {
    {"namespace", 'n', "NAME", "Only those of this namespace"},
    {NULL, 0, NULL, NULL},
};

const struct ctl_command ctl_rate_commands[] = {
    {"rate list", "", 0, 0, list_options, list, "List what rate() has counted"},
    {"rate show", "NAMESPACE ENTRY", 2, 2, NULL, show,
        "Show what rate() has counted for one entry"},
    {"rate reset", "NAMESPACE [ENTRY]", 1, 2, NULL, reset,
        "Forget what rate() has counted for one entry, or for all of a namespace"},
    {NULL, NULL, 0, 0, NULL, NULL, NULL},
};
