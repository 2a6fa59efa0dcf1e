/* qtn_filter.c - which messages a list shows.
 * Not here: the walk (qtn_server.c). Threads: none shared. Fails: on filters that make no sense. */
#include "config.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "quarantine/qtn_filter.h"

static int
read_time(const struct ut_attr_list *request, const char *name, long long *out, struct ut_diag *d)
{
    if (!ut_attr_get(request, name, NULL))
        return 0;
    if (ut_attr_get_int(request, name, 0, INT64_MAX, out) == 0)
        return 0;
    return ut_diag_set(d, "%s must be milliseconds since 1970", name);
}

int
qtn_filter_read(struct qtn_filter *f, const struct ut_attr_list *request, struct ut_diag *d)
{
    const char *state = ut_attr_get(request, "state", NULL);

    *f = (struct qtn_filter){.until = INT64_MAX, .state = -1};
    f->recipient = ut_attr_get(request, "recipient", NULL);
    f->sender = ut_attr_get(request, "sender", NULL);
    f->subject = ut_attr_get(request, "subject", NULL);
    if (state && strcmp(state, "all") == 0)
        f->state = -2;
    else if (state && (f->state = qtn_state_by_name(state)) < 0)
        return ut_diag_set(d, "state must be held, releasing, released, deleted or all");
    if (read_time(request, "since", &f->since, d) < 0)
        return -1;
    return read_time(request, "until", &f->until, d);
}

/* True if [address] is what [want] asks for. */
static bool
match_address(const char *want, const char *address)
{
    const char *at = strrchr(address, '@');

    if (want[0] == '@')
        return at && strcasecmp(at, want) == 0;
    if (strcmp(want, "<>") == 0)
        return address[0] == '\0';
    return strcasecmp(address, want) == 0;
}

static bool
match_state(int want, enum qtn_state state)
{
    if (want == -1)
        return state == QTN_HELD || state == QTN_RELEASING;
    return want == -2 || want == (int)state;
}

bool
qtn_filter_match(const struct qtn_filter *f, const struct qtn_record *r)
{
    long long stored = qtn_record_stored(r);

    return match_state(f->state, r->state) && stored >= f->since && stored < f->until &&
           (!f->recipient || match_address(f->recipient, r->text[QTN_TEXT_RECIPIENT])) &&
           (!f->sender || match_address(f->sender, r->text[QTN_TEXT_SENDER])) &&
           (!f->subject || strcasestr(r->text[QTN_TEXT_SUBJECT], f->subject) != NULL);
}

const char *
qtn_filter_key(const struct qtn_filter *f)
{
    return f->recipient && f->recipient[0] != '@' && strcmp(f->recipient, "<>") != 0 ? f->recipient
                                                                                     : NULL;
}
