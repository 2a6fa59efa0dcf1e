/* hsl_lib_flow.c - the actions of the flows (library §16): Accept, Reject, Deliver, Quarantine ...
 *
 * Each row takes its arguments apart and leaves checking to hsl_act.c. A final action ends the run:
 * it does not come back, no catch sees it.
 * Not here: Set... and Get... (hsl_lib_set.c), headers (hsl_lib_header.c), actions without effect
 * behind Postfix (hsl_lib_stub.c), the meaning of an action (the host).
 * Threads: as the run. Fails: R07, R15, limits. */
#include "config.h"

#include "hsl/hsl_act.h"
#include "hsl/hsl_addr.h"
#include "hsl/hsl_lib_flow.h"

/* --- access ---------------------------------------------------------------------------------- */

static bool
fn_allow(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_act a;

    (void)args;
    (void)argc;
    (void)out;
    hsl_act_init(&a, r, "Allow", HSL_ALLOW);
    return hsl_act_end(&a, true);
}

/* A first line that begins with three digits and a blank gives the reply code. */
static bool
block_code(struct hsl_act *a)
{
    struct hsl_text *line = &a->lines[0];
    unsigned code = 0;

    if (a->v.line_count == 0)
        return true;
    if (line->len >= 5 && memcmp(line->p, "HTTP/", 5) == 0)
        return hsl_raise(a->run, HSL_R15, "Block(): HTTP replies are not possible, only SMTP ones");
    if (line->len < 4 || line->p[3] != ' ')
        return true;
    for (int i = 0; i < 3; i++) {
        if (line->p[i] < '0' || line->p[i] > '9')
            return true;
        code = code * 10 + (unsigned)(line->p[i] - '0');
    }
    if (code < 400 || code > 599)
        return hsl_raise(
            a->run, HSL_R15, "Block(): reply code %u is not of class 4xx or 5xx", code);
    a->v.code = code;
    line->p += 4;
    line->len -= 4;
    return true;
}

static bool
fn_block(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_act a;

    (void)out;
    hsl_act_init(&a, r, "Block", HSL_BLOCK);
    return hsl_act_end(&a, argc < 1 || (hsl_act_reason(&a, &args[0], 1) && block_code(&a)));
}

/* --- Accept, Reject, Defer ------------------------------------------------------------------- */

/* What Accept() may change for later flows, by flow. */
static const struct {
    unsigned flow;
    const char *option;
    const char *what; /* for host->set() */
} accept_options[] = {
    {HSL_FLOW_ACCESS, "remoteip", "remoteip"},
    {HSL_FLOW_ACCESS, "remoteptr", "remoteptr"},
    {HSL_FLOW_HELO, "host", "helo"},
    {HSL_FLOW_AUTH, "username", "username"},
    {HSL_FLOW_MAILFROM, "sender", "sender"},
};

static bool
accept_changes(struct hsl_run *r, const struct hsl_value *o)
{
    for (size_t i = 0; i < sizeof(accept_options) / sizeof(accept_options[0]); i++) {
        const struct hsl_value *v;

        if (accept_options[i].flow != (unsigned)r->flow)
            continue;
        v = hsl_arr_getz(o->u.arr, accept_options[i].option);
        if (v && v->type != HSL_NONE && !hsl_host_set(r, "Accept", accept_options[i].what, v, 1))
            return false;
    }
    return true;
}

static bool
fn_accept(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_act a;
    bool ok = true;

    (void)out;
    hsl_act_init(&a, r, "Accept", HSL_ACCEPT);
    if (argc > 0)
        ok = accept_changes(r, &args[0]) &&
             (r->flow != HSL_FLOW_RCPT || hsl_act_target(&a, &args[0], 1));
    return hsl_act_end(&a, ok);
}

static bool
refuse(struct hsl_run *r, const char *name, enum hsl_action action, const char *classes,
    const struct hsl_value *args, unsigned argc)
{
    struct hsl_act a;
    bool ok;

    hsl_act_init(&a, r, name, action);
    ok = (argc < 1 || hsl_act_reason(&a, &args[0], 1)) &&
         (argc < 2 || hsl_act_reply(&a, &args[1], 2, classes));
    return hsl_act_end(&a, ok);
}

static bool
fn_reject(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)out;
    return refuse(r, "Reject", HSL_REJECT, "5", args, argc);
}

static bool
fn_defer(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)out;
    return refuse(r, "Defer", HSL_DEFER, "4", args, argc);
}

/* --- mail ------------------------------------------------------------------------------------ */

/* True if the argument is an options array and not a recipient in array form. */
static bool
is_options(const struct hsl_value *v)
{
    return v->type == HSL_ARR && !hsl_addr_is_array(v);
}

/* `done` and its newer name `final_action`. */
static bool
final_options(struct hsl_act *a, const struct hsl_value *o, unsigned n)
{
    return hsl_opt_bool(a->run, a->name, n, o, "done", &a->v.final) &&
           hsl_opt_bool(a->run, a->name, n, o, "final_action", &a->v.final);
}

/* Classic [recipient [, transportid]] from args[first] on. */
static bool
classic_target(struct hsl_act *a, const struct hsl_value *args, unsigned argc, unsigned first)
{
    return (argc <= first || hsl_act_recipient(a, &args[first], first + 1)) &&
           (argc <= first + 1 || hsl_act_transport(a, &args[first + 1], first + 2));
}

bool
hsl_flow_deliver(struct hsl_run *r, const char *name, const struct hsl_value *args, unsigned argc)
{
    struct hsl_act a;
    bool ok;

    hsl_act_init(&a, r, name, HSL_DELIVER);
    if (argc == 1 && is_options(&args[0]))
        ok = hsl_act_target(&a, &args[0], 1) && final_options(&a, &args[0], 1) &&
             hsl_opt_bool(r, name, 1, &args[0], "disconnect", &a.v.disconnect);
    else
        ok = classic_target(&a, args, argc, 0);
    return hsl_act_end(&a, ok);
}

static bool
fn_deliver(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)out;
    return hsl_flow_deliver(r, "Deliver", args, argc);
}

static bool
fn_delete(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_act a;

    (void)args;
    (void)argc;
    (void)out;
    hsl_act_init(&a, r, "Delete", HSL_DELETE);
    return hsl_act_end(&a, true);
}

/* Options of Quarantine. The reason and codes count for reject => true only, since Postfix writes
 * the text of a 250 itself. */
static bool
quarantine_options(struct hsl_act *a, const struct hsl_value *o, unsigned n)
{
    const struct hsl_value *reason = hsl_arr_getz(o->u.arr, "reason");
    const struct hsl_value *reject = hsl_arr_getz(o->u.arr, "reject");
    bool refused = false;

    if (!hsl_opt_bool(a->run, a->name, n, o, "reject", &refused))
        return false;
    if (reject && reject->type != HSL_NONE)
        a->v.reject = refused;
    return (!reason || reason->type == HSL_NONE || hsl_act_reason(a, reason, n)) &&
           hsl_act_reply(a, o, n, a->v.reject == 1 ? "5" : "25") && hsl_act_target(a, o, n) &&
           final_options(a, o, n);
}

static bool
fn_quarantine(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_act a;
    bool ok;

    (void)out;
    hsl_act_init(&a, r, "Quarantine", HSL_QUARANTINE);
    if (argc == 0 || (argc == 1 && is_options(&args[0])))
        return hsl_act_end(&a, argc == 0 || quarantine_options(&a, &args[0], 1));
    ok = hsl_act_quarantine(&a, &args[0], 1);
    if (argc == 2 && is_options(&args[1]))
        ok = ok && quarantine_options(&a, &args[1], 2);
    else
        ok = ok && classic_target(&a, args, argc > 3 ? 3 : argc, 1);
    if (ok && argc > 3)
        ok = quarantine_options(&a, &args[3], 4);
    return hsl_act_end(&a, ok);
}

static bool
copy_mail(struct hsl_run *r, const char *name, const struct hsl_value *args, unsigned argc)
{
    struct hsl_act a;

    hsl_act_init(&a, r, name, HSL_COPY);
    return hsl_act_end(&a, classic_target(&a, args, argc, 0));
}

static bool
fn_copy_mail(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)out;
    return copy_mail(r, "CopyMail", args, argc);
}

static bool
fn_copy_to(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)out;
    return copy_mail(r, "CopyTo", args, argc);
}

static bool
fn_done(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_act a;

    (void)args;
    (void)argc;
    (void)out;
    hsl_act_init(&a, r, "Done", HSL_DONE);
    return hsl_act_end(&a, true);
}

static bool
fn_deliver_as_spam(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct ut_diag why = {.text = "refused"};

    (void)out;
    if (!r->host || !r->host->header_edit)
        return hsl_act_no_host(r, "DeliverAsSpam");
    if (r->host->header_edit(r->host_arg, HSL_HEADER_ADD, "X-Spam-Flag", "YES", 3, &why) < 0)
        return hsl_raise(r, HSL_R15, "DeliverAsSpam(): %s", why.text);
    return hsl_flow_deliver(r, "DeliverAsSpam", args, argc);
}

#define ACCESS HSL_FLOW_ACCESS
#define RCPT HSL_FLOW_RCPT
#define MAIL HSL_FLOW_MAIL
#define TALK (HSL_FLOW_ACCESS | HSL_FLOW_HELO | HSL_FLOW_AUTH | HSL_FLOW_MAILFROM | HSL_FLOW_RCPT)

/* Postfix words a success itself. */
#define ACCEPT(flow, changes)                                                                      \
    {                                                                                              \
        "Accept", "|o", flow, HSL_FINAL, fn_accept, "Accept([options])",                           \
            "Goes on. Options, by flow: remoteip, remoteptr (access), host (helo), username "      \
            "(auth), sender (mailfrom), recipient, transportid (rcpt).",                           \
            .options = changes " -reason -reply_codes -disconnect",                                \
            .errors = "the value of an option is no such thing"                                    \
    }

const struct hsl_builtin hsl_lib_flow_rows[] = {
    {"Allow", "", ACCESS, HSL_FINAL, .fn = fn_allow, "Allow()", "Lets the connection go on."},
    {"Block", "|v", ACCESS, HSL_FINAL, .fn = fn_block, "Block([message])",
        "Refuses the connection. A text that begins with a reply code, such as \"421 busy\", "
        "sets it; else it is 554. A list gives several lines.",
        .errors = "the code is of neither class 4xx nor 5xx"},
    ACCEPT(ACCESS, "remoteip remoteptr"),
    ACCEPT(HSL_FLOW_HELO, "host -extensions"),
    ACCEPT(HSL_FLOW_AUTH, "username"),
    ACCEPT(HSL_FLOW_MAILFROM, "sender"),
    ACCEPT(RCPT, "recipient transportid"),
    {"Reject", "|vo", TALK | MAIL, HSL_FINAL, .fn = fn_reject, "Reject([reason [, options]])",
        "Refuses for good. The reason is a string or a list of lines. Options: reply_codes with "
        "code (5xx) and enhanced; disconnect.",
        .options = "reply_codes disconnect", .errors = "a code is of another class than 5xx"},
    {"Defer", "|vo", TALK | MAIL, HSL_FINAL, .fn = fn_defer, "Defer([reason [, options]])",
        "Refuses for now: the client is to try again. As Reject(), with 4xx codes.",
        .options = "reply_codes disconnect", .errors = "a code is of another class than 4xx"},
    {"Deliver", "|Ov", MAIL, HSL_FINAL, .fn = fn_deliver, "Deliver([recipient [, transportid]])",
        "Delivers the message to this recipient, or to another. An array as the only argument "
        "gives options: recipient, transportid, metadata, done (false: the script goes on).",
        .options = "recipient transportid metadata done final_action -delay -queue -disconnect "
                   "-reason -reply_codes",
        .errors = "the recipient is no address; there is no such transport"},
    {"Delete", "", MAIL, HSL_FINAL, .fn = fn_delete, "Delete()",
        "Accepts the message and drops it for this recipient."},
    {"Quarantine", "|OOvo", MAIL, HSL_FINAL, .fn = fn_quarantine,
        "Quarantine([id [, recipient [, transportid [, options]]]])",
        "Holds the message in the quarantine \"mailquarantine:ID\" for this recipient; without id, "
        "in that of the recipient's domain. Options, also as only or second argument: recipient, "
        "transportid, metadata, reject, reason, reply_codes, done.",
        .options = "recipient transportid metadata reject reason reply_codes done final_action",
        .errors = "there is no such quarantine or transport; the recipient is no address"},
    {"CopyMail", "|vv", MAIL, 0, .fn = fn_copy_mail, "CopyMail([recipient [, transportid]])",
        "Sends a copy of the message as it is now, and goes on.",
        .errors = "the recipient is no address; there is no such transport", .other = "CopyTo"},
    {"CopyTo", "|vv", MAIL, HSL_DEPRECATED, .fn = fn_copy_to, "CopyTo([recipient [, transportid]])",
        "The oldest name of CopyMail()."},
    {"Done", "", MAIL, HSL_FINAL, .fn = fn_done, "Done()",
        "Ends the script without a further action. A recipient with no action at all is deferred."},
    {"DeliverAsSpam", "", MAIL, HSL_FINAL, .fn = fn_deliver_as_spam, "DeliverAsSpam()",
        "Adds the header X-Spam-Flag: YES and delivers."},
    {.name = NULL},
};
