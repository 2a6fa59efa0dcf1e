/* hsl_lib_set.c - settings of a flow and what it can ask about its message besides headers (library
 * §16.4 to §16.6): SetSender, SetMailTransport, SetMetaData, GetTLS ...
 *
 * The host records a setting and answers with it when the predefined variables that depend on it
 * are read again.
 * Not here: actions (hsl_lib_flow.c), headers (hsl_lib_header.c). Threads: as the run.
 * Fails: R07, R15, limits. */
#include "config.h"

#include "hsl/hsl_act.h"
#include "hsl/hsl_addr.h"
#include "hsl/hsl_lib_flow.h"
#include "hsl/hsl_vm.h"

/* --- Telling the host ------------------------------------------------------------------------ */

/* What can be set, what its value must be, and the variables that change with it. */
static const struct setting {
    const char *what;
    char kind; /* 'A' address, 'T' transport, 's' text in one line */
    const char *vars[6];
} settings[] = {
    {"sender", 'A', {"sender", "senderlocalpart", "senderdomain", "transaction", "arguments"}},
    {"recipient", 'A', {"recipient", "recipientlocalpart", "recipientdomain", "arguments"}},
    {"transport", 'T', {"transportid", "arguments"}},
    {"helo", 's', {"senderhelo", "connection", "arguments"}},
    {"remoteip", 's', {"senderip", "connection", "arguments"}},
    {"remoteptr", 's', {"senderptr", "connection", "arguments"}},
    {"username", 's', {"saslusername", "connection", "arguments"}},
};

static const struct setting *
setting_of(const char *what)
{
    const struct setting *s = settings;

    while (strcmp(s->what, what) != 0)
        s++;
    return s;
}

/* Hands over text that was checked. */
static bool
tell_host(struct hsl_run *r, const char *name, const struct setting *s, const struct hsl_str *text)
{
    struct ut_diag why = {.text = "refused"};

    if (!r->host || !r->host->set)
        return hsl_act_no_host(r, name);
    if (!r->host->set(r->host_arg, s->what, text->data, text->len, &why))
        return hsl_raise(r, HSL_R15, "%s(): %s", name, why.text);
    for (size_t i = 0; s->vars[i]; i++)
        hsl_run_var_changed(r, s->vars[i]);
    return true;
}

/* True if the text has no tab, line end or other control character. */
static bool
is_one_line(const struct hsl_str *s)
{
    for (uint32_t i = 0; i < s->len; i++) {
        if ((unsigned char)s->data[i] < 32 || s->data[i] == 127)
            return false;
    }
    return true;
}

static bool
set_text(struct hsl_run *r, const char *name, const struct setting *s, const struct hsl_value *v,
    unsigned n)
{
    if (v->type != HSL_STR)
        return hsl_lib_bad_arg(r, name, n, "string", v);
    if (s->kind == 'T' && !hsl_profile_check(r, name, "mailtransport", v->u.str))
        return false;
    if (!is_one_line(v->u.str) || v->u.str->len > 255)
        return hsl_raise(r, HSL_R15,
            "%s(): the new %s has control characters or more than 255 bytes", name, s->what);
    return tell_host(r, name, s, v->u.str);
}

bool
hsl_host_set(
    struct hsl_run *r, const char *name, const char *what, const struct hsl_value *v, unsigned n)
{
    const struct setting *s = setting_of(what);
    struct hsl_value addr = hsl_none();
    bool ok;

    if (s->kind != 'A')
        return set_text(r, name, s, v, n);
    if (!hsl_addr_xtake(r, name, v, &addr))
        return false;
    ok = tell_host(r, name, s, addr.u.str);
    hsl_unref(r, addr);
    return ok;
}

/* --- Set ... --------------------------------------------------------------------------------- */

/* Sets an address; the result is its text, or none if it is no address. */
static bool
set_address(struct hsl_run *r, const char *name, const char *what, bool may_be_empty,
    const struct hsl_value *v, struct hsl_value *out)
{
    const char *why;

    switch (hsl_addr_take(r, v, out, &why)) {
    case HSL_ADDR_FAILED:
        return false;
    case HSL_ADDR_INVALID:
        return true;
    case HSL_ADDR_OK:
        break;
    }
    if (out->u.str->len == 0 && !may_be_empty) {
        hsl_unref(r, *out);
        *out = hsl_none();
        return true;
    }
    return tell_host(r, name, setting_of(what), out->u.str);
}

static bool
fn_set_sender(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    return set_address(r, "SetSender", "sender", true, &args[0], out);
}

static bool
fn_set_recipient(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    return set_address(r, "SetRecipient", "recipient", false, &args[0], out);
}

static bool
fn_set_transport(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    *out = hsl_ref(args[0]);
    return hsl_host_set(r, "SetMailTransport", "transport", &args[0], 1);
}

static bool
fn_set_helo(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    *out = hsl_ref(args[0]);
    return hsl_host_set(r, "SetHELO", "helo", &args[0], 1);
}

static bool
fn_set_metadata(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_value keep = hsl_none();
    struct hsl_text *pairs;
    size_t count;
    bool ok;

    (void)argc;
    if (!r->host || !r->host->meta_set)
        return hsl_act_no_host(r, "SetMetaData");
    ok = hsl_meta_pairs(r, "SetMetaData", 1, &args[0], &keep, &pairs, &count);
    if (ok && !r->host->meta_set(r->host_arg, pairs, count))
        ok = hsl_limit(r, HSL_L08, "out of memory");
    hsl_meta_free(r, pairs, count);
    hsl_unref(r, keep);
    *out = hsl_ref(args[0]);
    return ok;
}

/* --- Get ... --------------------------------------------------------------------------------- */

/* What the host says about variable [name]; none if it has none. */
static bool
host_var(struct hsl_run *r, const char *name, struct hsl_value *out)
{
    struct hsl_build b;

    if (!r->host || !r->host->var)
        return true;
    hsl_build_init(&b, r);
    r->host->var(r->host_arg, name, &b);
    return hsl_build_take(&b, out);
}

static bool
fn_get_metadata(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_build b;

    (void)args;
    (void)argc;
    if (!r->host || !r->host->meta_get)
        return hsl_act_no_host(r, "GetMetaData");
    hsl_build_init(&b, r);
    r->host->meta_get(r->host_arg, &b);
    return hsl_build_take(&b, out);
}

static bool
fn_get_id(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)args;
    (void)argc;
    if (!host_var(r, "messageid", out))
        return false;
    return out->type == HSL_STR || hsl_ret_str(r, out, "", 0);
}

static bool
fn_get_tls(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_value connection = hsl_none();
    const struct hsl_value *tls = NULL;
    struct hsl_arr *empty;

    (void)args;
    (void)argc;
    if (!host_var(r, "connection", &connection))
        return false;
    if (connection.type == HSL_ARR)
        tls = hsl_arr_getz(connection.u.arr, "tls");
    if (tls && tls->type == HSL_ARR) {
        *out = hsl_ref(*tls);
        hsl_unref(r, connection);
        return true;
    }
    hsl_unref(r, connection);
    empty = hsl_arr_new(r, 0);
    if (empty)
        *out = hsl_from_arr(empty);
    return empty != NULL;
}

#define HELO HSL_FLOW_HELO
#define RCPT HSL_FLOW_RCPT
#define MAIL HSL_FLOW_MAIL

const struct hsl_builtin hsl_lib_set_rows[] = {
    {"SetSender", "A", RCPT | MAIL, 0, .fn = fn_set_sender, "SetSender(address)",
        "Changes the envelope sender of the message; \"\" is the null sender. The address, or "
        "none if it is none."},
    {"SetRecipient", "A", RCPT | MAIL, 0, .fn = fn_set_recipient, "SetRecipient(address)",
        "Changes the present recipient. The address, or none if it is none."},
    {"SetMailTransport", "s", RCPT | MAIL, 0, .fn = fn_set_transport, "SetMailTransport(id)",
        "Chooses the transport \"mailtransport:ID\" for this recipient.",
        .errors = "there is no such transport"},
    {"SetHELO", "s", HELO, 0, .fn = fn_set_helo, "SetHELO(name)",
        "Changes the name that later flows see in $senderhelo.",
        .errors = "the name holds a control character or is longer than 255 bytes"},
    {"SetMetaData", "a", MAIL, 0, .fn = fn_set_metadata, "SetMetaData(array)",
        "Replaces the metadata, names and texts kept with the message in log and quarantine."},
    {"GetMetaData", "", MAIL, 0, .fn = fn_get_metadata, "GetMetaData()",
        "The metadata set so far, by this run or an earlier one."},
    {"GetID", "", MAIL, 0, .fn = fn_get_id, "GetID()", "The message id, as in $messageid."},
    {"GetTLS", "", HELO | MAIL, 0, .fn = fn_get_tls, "GetTLS()",
        "What is known about TLS on this connection, as in $connection[\"tls\"]; [] without TLS."},
    {.name = NULL},
};
