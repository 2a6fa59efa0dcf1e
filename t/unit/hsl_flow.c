/* hsl_flow.c - flow functions against a host that writes down what it is told: which action with
 * what in it, which header edit byte for byte, and what is refused before the host hears of it. */
#include "config.h"

#include <strings.h>

#include "hsl/hsl_vm.h"
#include "t/unit/hsl_fake_call.h"
#include "t/unit/tap.h"

/* --- The host -----------------------------------------------------------------------------------
 */

struct recorder {
    char heard[2000];          /* what the host was told, one line each */
    const char *refuse;        /* text to refuse with, or NULL */
    const char *const *fields; /* "Name: value" of the message, NULL behind the last */
};

static void
note(struct recorder *h, const char *fmt, ...) UT_PRINTF(2, 3);

static void
note(struct recorder *h, const char *fmt, ...)
{
    size_t len = strlen(h->heard);
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(h->heard + len, sizeof(h->heard) - len, fmt, ap);
    va_end(ap);
}

static void
note_text(struct recorder *h, const char *name, const struct hsl_text *t)
{
    if (t->p)
        note(h, " %s=%.*s", name, (int)t->len, t->p);
}

static bool
refused(struct recorder *h, struct ut_diag *why)
{
    if (h->refuse)
        ut_diag_set(why, "%s", h->refuse);
    return h->refuse != NULL;
}

static bool
on_verdict(void *arg, const struct hsl_verdict *v, struct ut_diag *why)
{
    static const char *const names[] = {"Allow", "Block", "Accept", "Reject", "Defer", "Deliver",
        "Delete", "Quarantine", "Copy", "Done"};
    struct recorder *h = arg;

    if (refused(h, why))
        return false;
    note(h, "%s%s", names[v->action], v->final ? "" : " on");
    for (size_t i = 0; i < v->line_count; i++)
        note(h, " [%.*s]", (int)v->lines[i].len, v->lines[i].p);
    if (v->code)
        note(h, " %u", v->code);
    if (v->enhanced[0])
        note(h, " %u.%u.%u", v->enhanced[0], v->enhanced[1], v->enhanced[2]);
    note(h, "%s", v->disconnect ? " disconnect" : "");
    note_text(h, "rcpt", &v->recipient);
    note_text(h, "via", &v->transport);
    note_text(h, "in", &v->quarantine);
    if (v->reject >= 0)
        note(h, " reject=%d", v->reject);
    for (size_t i = 0; i < 2 * v->meta_count; i += 2)
        note(h, " %.*s:%.*s", (int)v->meta[i].len, v->meta[i].p, (int)v->meta[i + 1].len,
            v->meta[i + 1].p);
    note(h, "%s", v->place.line == 3 && v->place.column == 7 ? "" : " wrong place");
    return true;
}

static bool
on_header_get(void *arg, const char *name, size_t index, struct ut_sbuf *out)
{
    struct recorder *h = arg;

    ut_sbuf_reset(out);
    for (const char *const *f = h->fields; f && *f; f++) {
        const char *colon = strchr(*f, ':');
        size_t len = (size_t)(colon - *f);

        if (name && (strlen(name) != len || strncasecmp(*f, name, len) != 0))
            continue;
        if (index-- == 0) {
            ut_sbuf_addz(out, name ? colon + 2 : *f);
            return true;
        }
    }
    return false;
}

static long
on_header_edit(void *arg, enum hsl_header_op op, const char *name, const char *value, size_t len,
    struct ut_diag *why)
{
    static const char *const names[] = {"add", "set", "prepend", "append", "del"};
    struct recorder *h = arg;

    if (refused(h, why))
        return -1;
    note(h, "%s %s: %.*s", names[op], name, (int)len, value);
    return 2;
}

static long
on_discard(void *arg)
{
    note(arg, "discard");
    return 5;
}

static bool
on_set(void *arg, const char *what, const char *value, size_t len, struct ut_diag *why)
{
    struct recorder *h = arg;

    if (refused(h, why))
        return false;
    note(h, "%s=%.*s", what, (int)len, value);
    return true;
}

static bool
on_meta_set(void *arg, const struct hsl_text *pairs, size_t count)
{
    struct recorder *h = arg;

    note(h, "meta");
    for (size_t i = 0; i < 2 * count; i++)
        note(h, " %.*s", (int)pairs[i].len, pairs[i].p);
    return true;
}

static void
on_meta_get(void *arg, struct hsl_build *b)
{
    (void)arg;
    hsl_build_array(b);
    hsl_build_key(b, "why");
    hsl_build_strz(b, "list");
    hsl_build_end(b);
}

static bool
on_var(void *arg, const char *name, struct hsl_build *b)
{
    (void)arg;
    if (strcmp(name, "messageid") == 0) {
        hsl_build_strz(b, "id-1");
        return true;
    }
    if (strcmp(name, "connection") != 0)
        return false;
    hsl_build_array(b);
    hsl_build_key(b, "tls");
    hsl_build_array(b);
    hsl_build_key(b, "protocol");
    hsl_build_strz(b, "TLSv1.3");
    hsl_build_end(b);
    hsl_build_end(b);
    return true;
}

static void
on_log(void *arg, int level, const char *text, size_t len, const struct hsl_place *place)
{
    (void)place;
    note(arg, "%d<%.*s>", level, (int)(len < 60 ? len : 60), text);
    if (len >= 60)
        note(arg, "%zu", len);
}

static const struct hsl_host host = {
    .log = on_log,
    .var = on_var,
    .verdict = on_verdict,
    .header_get = on_header_get,
    .header_edit = on_header_edit,
    .edits_discard = on_discard,
    .set = on_set,
    .meta_set = on_meta_set,
    .meta_get = on_meta_get,
};

/* --- Cases --------------------------------------------------------------------------------------
 */

#define A HSL_FLOW_ACCESS
#define H HSL_FLOW_HELO
#define U HSL_FLOW_AUTH
#define F HSL_FLOW_MAILFROM
#define R HSL_FLOW_RCPT
#define M HSL_FLOW_MAIL
#define RC "\"reply_codes\"=>[\"code\"=>"

/* [want_heard] is what the host was told; [want] the result or error, "end" for the end of the run.
 */
static const struct flow_case {
    enum hsl_flow flow;
    const char *name, *args, *want_heard, *want;
} cases[] = {
    /* access */
    {A, "Allow", "[]", "Allow", "end"},
    {A, "Block", "[]", "Block", "end"},
    {A, "Block", "[\"go away\"]", "Block [go away]", "end"},
    {A, "Block", "[\"421 busy\"]", "Block [busy] 421", "end"},
    {A, "Block", "[\"554 a\\n554 b\"]", "Block [a] [554 b] 554", "end"},
    {A, "Block", "[[\"550 one\",\"two\"]]", "Block [one] [two] 550", "end"},
    {A, "Block", "[\"4211 x\"]", "Block [4211 x]", "end"},
    {A, "Block", "[\"250 ok\"]", "", "R15: Block(): reply code 250 is not of class 4xx or 5xx"},
    {A, "Block", "[\"HTTP/1.1 403 no\"]", "",
        "R15: Block(): HTTP replies are not possible, only SMTP ones"},
    {A, "Accept", "[[\"remoteip\"=>\"192.0.2.1\"]]", "remoteip=192.0.2.1Accept", "end"},
    {A, "Accept", "[[\"sender\"=>\"x@y.z\"]]", "Accept", "end"},
    {A, "Reject", "[\"no\"]", "Reject [no]", "end"},
    {A, "Defer", "[\"busy\"]", "Defer [busy]", "end"},
    {H, "Reject", "[]", "Reject", "end"},
    {H, "Defer", "[[\"a\",\"b\"]]", "Defer [a] [b]", "end"},
    {H, "GetExtensions", "[]", "", "[]"},
    {U, "Reject", "[\"no\"]", "Reject [no]", "end"},
    {U, "Defer", "[]", "Defer", "end"},
    {F, "Reject", "[\"no\"]", "Reject [no]", "end"},
    {F, "Defer", "[]", "Defer", "end"},
    {H, "Accept", "[[\"host\"=>\"mx.example\"]]", "helo=mx.exampleAccept", "end"},
    {H, "SetHELO", "[\"mx.example\"]", "helo=mx.example", "\"mx.example\""},
    {H, "SetHELO", "[\"a\\nb\"]", "",
        "R15: SetHELO(): the new helo has control characters or more than 255 bytes"},
    {H, "GetTLS", "[]", "", "[\"protocol\"=>\"TLSv1.3\"]"},
    {U, "Accept", "[[\"username\"=>\"joe\"]]", "username=joeAccept", "end"},
    {U, "Accept", "[[\"username\"=>\"joe\\nx\"]]", "",
        "R15: Accept(): the new username has control characters or more than 255 bytes"},
    {F, "Accept", "[[\"sender\"=>\"a@b.c\"]]", "sender=a@b.cAccept", "end"},
    {F, "Accept", "[[\"sender\"=>\"<a@b.c>\"]]", "",
        "R15: Accept(): the address contains CR, LF, NUL, < or >"},
    /* rcpt */
    {R, "Accept", "[]", "Accept", "end"},
    {R, "Accept", "[[\"recipient\"=>\"a@b.c\",\"transportid\"=>\"mailtransport:2\"]]",
        "Accept rcpt=a@b.c via=mailtransport:2", "end"},
    {R, "Reject", "[]", "Reject", "end"},
    {R, "Reject", "[\"a\r\\nb\\n\"]", "Reject [a] [b]", "end"},
    {R, "Reject", "[[\"a\",2,true]]", "Reject [a] [2] [true]", "end"},
    {R, "Reject", "[\"100% sure\"]", "Reject [100% sure]", "end"},
    {R, "Reject", "[\"404 gone\"]", "Reject [404 gone]", "end"},
    {R, "Reject", "[\"no\r\\nX: y\rz\"]", "Reject [no] [X: y z]", "end"},
    {R, "Reject", "[none]", "", "R07: argument 1 of Reject(): expected string or array, got none"},
    {R, "Reject", "[[none]]", "",
        "R07: argument 1 of Reject(): expected array of strings, got none"},
    {R, "Reject", "[\"x\",[" RC "550,\"enhanced\"=>[5,1,1]]]]", "Reject [x] 550 5.1.1", "end"},
    {R, "Reject", "[\"x\",[" RC "450]]]", "", "R15: Reject(): reply code 450 is not of class 5xx"},
    {R, "Reject", "[\"x\",[" RC "99]]]", "", "R15: Reject(): reply code 99 is not of class 5xx"},
    {R, "Reject", "[\"x\",[" RC "550,\"enhanced\"=>[4,1,1]]]]", "",
        "R15: Reject(): enhanced code 4.1.1 does not go with the reply code"},
    {R, "Reject", "[\"x\",[" RC "550,\"enhanced\"=>[5,1]]]]", "",
        "R07: argument 2 of Reject(): option enhanced: expected array of three numbers"},
    {R, "Reject", "[\"x\",[" RC "550,\"enhanced\"=>[5,1,999]]]]", "",
        "R15: Reject(): the enhanced code must be three numbers from 0 to 255"},
    {R, "Reject", "[\"x\",[\"reply_codes\"=>5]]", "",
        "R07: argument 2 of Reject(): option reply_codes: expected array, got number"},
    {R, "Reject", "[\"x\",[\"disconnect\"=>\"y\"]]", "",
        "R07: argument 2 of Reject(): option disconnect: expected boolean, got string"},
    {R, "Defer", "[\"later\",[\"disconnect\"=>true]]", "Defer [later] disconnect", "end"},
    {R, "Defer", "[\"x\",[" RC "550]]]", "", "R15: Defer(): reply code 550 is not of class 4xx"},
    {R, "Defer", "[\"x\",[" RC "0,\"enhanced\"=>[4,2,2]]]]", "Defer [x] 4.2.2", "end"},
    /* mail */
    {M, "Deliver", "[]", "Deliver", "end"},
    {M, "Deliver", "[\"a@b.c\",\"mailtransport:2\"]", "Deliver rcpt=a@b.c via=mailtransport:2",
        "end"},
    {M, "Deliver", "[[\"localpart\"=>\"a b\",\"domain\"=>\"b.c\"]]", "Deliver rcpt=\"a b\"@b.c",
        "end"},
    {M, "Deliver", "[[\"a\",\"b.c\"]]", "Deliver rcpt=a@b.c", "end"},
    {M, "Deliver", "[[\"done\"=>false]]", "Deliver on", "none"},
    {M, "Deliver", "[[\"recipient\"=>\"a@b.c\",\"metadata\"=>[\"k\"=>\"v\",5=>2]]]",
        "Deliver rcpt=a@b.c k:v 5:2", "end"},
    {M, "Deliver", "[[\"metadata\"=>[\"k\"=>[]]]]", "",
        "R07: argument 1 of Deliver(): expected array of strings, got array"},
    {M, "Deliver", "[\"\"]", "", "R15: Deliver(): the recipient is empty"},
    {M, "Deliver", "[none]", "",
        "R07: argument 1 of Deliver(): expected string or array, got none"},
    {M, "Deliver", "[\"a@b.c\\nRCPT TO:<x@y.z>\"]", "",
        "R15: Deliver(): the address contains CR, LF, NUL, < or >"},
    {M, "Deliver", "[\"a@b.c\",\"nowhere\"]", "", "R15: Deliver(): unknown profile nowhere"},
    {M, "Deliver", "[\"a@b.c\",\"mailtransport:\"]", "",
        "R15: Deliver(): unknown profile mailtransport:"},
    {M, "Deliver", "[\"a@b.c\",\"mailtransport:1\\n\"]", "",
        "R15: Deliver(): unknown profile mailtransport:1\n"},
    {M, "Defer", "[\"later\"]", "Defer [later]", "end"},
    {M, "Reject", "[\"no\"]", "Reject [no]", "end"},
    {M, "CopyTo", "[\"\"]", "", "R15: CopyTo(): the recipient is empty"},
    {M, "DirectDeliver", "[none]", "",
        "R07: argument 1 of DirectDeliver(): expected string or array, got none"},
    {M, "DirectDeliver", "[]", "Deliver", "end"},
    {M, "DeliverAsSpam", "[]", "add X-Spam-Flag: YESDeliver", "end"},
    {M, "Delete", "[]", "Delete", "end"},
    {M, "Done", "[]", "Done", "end"},
    {M, "CopyMail", "[]", "Copy on", "none"},
    {M, "CopyMail", "[\"a@b.c\"]", "Copy on rcpt=a@b.c", "none"},
    {M, "CopyTo", "[\"a@b.c\",\"mailtransport:1\"]", "Copy on rcpt=a@b.c via=mailtransport:1",
        "none"},
    {M, "Quarantine", "[\"mailquarantine:1\"]", "Quarantine in=mailquarantine:1", "end"},
    {M, "Quarantine", "[\"mailtransport:1\"]", "",
        "R15: Quarantine(): unknown profile mailtransport:1"},
    {M, "Quarantine",
        "[\"mailquarantine:1\",\"a@b.c\",\"mailtransport:1\",[\"reject\"=>true,\"reason\"=>\"x\"]]",
        "Quarantine [x] rcpt=a@b.c via=mailtransport:1 in=mailquarantine:1 reject=1", "end"},
    {M, "Quarantine", "[\"mailquarantine:1\",[\"reject\"=>false,\"done\"=>false]]",
        "Quarantine on in=mailquarantine:1 reject=0", "none"},
    {M, "Quarantine", "[\"mailquarantine:1\",[\"final_action\"=>false]]",
        "Quarantine on in=mailquarantine:1", "none"},
    {M, "Quarantine", "[\"mailquarantine:1\",[\"reject\"=>true," RC "450]]]", "",
        "R15: Quarantine(): reply code 450 is not of class 5xx"},
    /* settings */
    {M, "SetSender", "[\"a@b.c\"]", "sender=a@b.c", "\"a@b.c\""},
    {M, "SetSender", "[\"\"]", "sender=", "\"\""},
    {M, "SetSender", "[[\"localpart\"=>\"\",\"domain\"=>\"\"]]", "sender=", "\"\""},
    {M, "SetSender", "[\"a\\nb@c.d\"]", "", "none"},
    {M, "SetSender", "[[1,2,3]]", "", "none"},
    {R, "SetRecipient", "[[\"a\",\"b.c\"]]", "recipient=a@b.c", "\"a@b.c\""},
    {R, "SetRecipient", "[\"\"]", "", "none"},
    {R, "SetMailTransport", "[\"mailtransport:7\"]", "transport=mailtransport:7",
        "\"mailtransport:7\""},
    {R, "SetMailTransport", "[\"x\"]", "", "R15: SetMailTransport(): unknown profile x"},
    {M, "SetMetaData", "[[\"a\"=>\"b\",\"n\"=>1]]", "meta a b n 1", "[\"a\"=>\"b\",\"n\"=>1]"},
    {M, "SetMetaData", "[[]]", "meta", "[]"},
    {M, "SetMetaData", "[[\"a\"=>none]]", "",
        "R07: argument 1 of SetMetaData(): expected array of strings, got none"},
    {R, "SetSender", "[\"a@b.c\"]", "sender=a@b.c", "\"a@b.c\""},
    {M, "SetRecipient", "[\"a@b.c\"]", "recipient=a@b.c", "\"a@b.c\""},
    {M, "SetMailTransport", "[\"mailtransport:7\"]", "transport=mailtransport:7",
        "\"mailtransport:7\""},
    {M, "GetTLS", "[]", "", "[\"protocol\"=>\"TLSv1.3\"]"},
    {M, "GetMetaData", "[]", "", "[\"why\"=>\"list\"]"},
    {M, "GetID", "[]", "", "\"id-1\""},
    {M, "DiscardMailDataChanges", "[]", "discard", "5"},
    /* reading headers */
    {M, "GetHeader", "[\"subject\"]", "", "\"Gr\xc3\xbc\xc3\x9f Gott\""},
    {M, "GetHeader", "[\"SUBJECT\",false]", "", "\"=?utf-8?Q?Gr=C3=BC=C3=9F?=\\x0D\\x0A Gott\""},
    {M, "GetHeader", "[\"X-None\"]", "", "\"\""},
    {M, "GetHeader", "[\"Bad Name\"]", "",
        "R15: GetHeader(): a header name is 1 to 255 printable ASCII characters without blank and "
        "colon"},
    {M, "GetHeaders", "[\"received\"]", "", "[0=>\"from a\",1=>\"from b\"]"},
    {M, "GetHeaders", "[\"x-none\"]", "", "[]"},
    {M, "GetHeaders", "[true]", "",
        "[\"Received\"=>[0=>\"from a\",1=>\"from b\"],\"Subject\"=>[0=>\"Gr\xc3\xbc\xc3\x9f "
        "Gott\"],"
        "\"X-Plain\"=>[0=>\"old\"],\"From\"=>[0=>\"K <k@z.w>, j@x.y\"]]"},
    {M, "GetHeaders", "[1]", "",
        "R07: argument 1 of GetHeaders(): expected string or true, got number"},
    {M, "GetAddressList", "[\"J <j@x.y>\"]", "", "[0=>\"j@x.y\"]"},
    {M, "GetAddressList", "[\"junk\"]", "", "[]"},
    /* what Postfix leaves nothing to do for */
    {M, "DKIMADSP", "[]", "", "[\"z.w\"=>\"unknown\"]"},
    {M, "SetDelayedDeliver", "[60]", "", "60"},
    {M, "SetDelayedDeliver", "[\"x\"]", "",
        "R07: argument 1 of SetDelayedDeliver(): expected number, got string"},
    {R, "GetMailQueueMetric", "[5]", "",
        "R07: argument 1 of GetMailQueueMetric(): expected array, got number"},
    {M, "ScanRPD", "[]", "", "0"},
    {M, "ScanRPD", "[[\"refid\"=>true]]", "", "\"\""},
    {M, "ScanRPD", "[[\"refid\"=>\"x\"]]", "",
        "R07: argument 1 of ScanRPD(): option refid: expected boolean, got string"},
    {M, "ScanRPDAV", "[[\"refid\"=>false]]", "", "0"},
    {M, "ScanRPDAV", "[1]", "", "R07: argument 1 of ScanRPDAV(): expected array, got number"},
    {M, "History", "[\"x\"]", "", "none"},
    {R, "GetMailQueueMetric", "[[\"filter\"=>\"x\"]]", "", "0"},
    /* writing headers */
    {M, "AddHeader", "[\"X-A\",\"1\"]", "add X-A: 1", "none"},
    {M, "AddHeader", "[\"X-B\",\"\xc3\xbc\"]", "add X-B: =?utf-8?Q?=C3=BC?=", "none"},
    {M, "AddHeader", "[\"X-A\",\"a\\nX-Evil: b\"]", "",
        "R15: AddHeader(): a line end in the value of a header"},
    {M, "AddHeader", "[\"X-A\",\"a\\nb\",false]", "",
        "R15: AddHeader(): a line end in the value of a header"},
    {M, "AddHeader", "[\"X-A: b\",\"c\"]", "",
        "R15: AddHeader(): a header name is 1 to 255 printable ASCII characters without blank and "
        "colon"},
    {M, "AddHeader", "[\"X-A\",\"a\\n b\\n\"]", "add X-A: a b", "none"},
    {M, "AddHeader", "[\"X-A\",\"a\\n b\",false]", "add X-A: a\r\n b", "none"},
    {M, "AddHeader", "[\"X-A\",\"a\\n  \\n b\",false]", "add X-A: a\r\n b", "none"},
    {M, "AddHeader",
        "[\"X-Long\",\"0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 "
        "0123456789\"]",
        "add X-Long: 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789\r\n "
        "0123456789",
        "none"},
    {M, "SetHeader", "[\"X-A\",\"a\\nX-Evil: b\"]", "",
        "R15: SetHeader(): a line end in the value of a header"},
    {M, "PrependHeader", "[\"X-A\",\"a\\nX-Evil: b\"]", "",
        "R15: PrependHeader(): a line end in the value of a header"},
    {M, "DelHeader", "[\"\"]", "",
        "R15: DelHeader(): a header name is 1 to 255 printable ASCII characters without blank and "
        "colon"},
    {M, "SetHeader", "[\"X-A\",\"2\"]", "set X-A: 2", "2"},
    {M, "DelHeader", "[\"X-A\"]", "del X-A: ", "2"},
    {M, "PrependHeader", "[\"X-Plain\",\"[SPAM] \"]", "prepend X-Plain: [SPAM] ", "2"},
    {M, "PrependHeader", "[\"X-New\",\"[SPAM] \"]", "set X-New: [SPAM]", "2"},
    {M, "PrependHeader", "[\"X-Plain\",\"\xc3\xbc \"]",
        "prepend X-Plain: =?utf-8?Q?=C3=BC?= ", "2"},
    {M, "PrependHeader", "[\"X-Plain\",\"\xc3\xbc\"]", "prepend X-Plain: =?utf-8?Q?=C3=BC?= ", "2"},
    {M, "PrependHeader", "[\"Subject\",\"[SPAM] \"]", "prepend Subject: [SPAM] ", "2"},
    {M, "PrependHeader", "[\"Subject\",\"[SPAM]\"]",
        "prepend Subject: =?utf-8?Q?=5BSPAM=5D?= ", "2"},
    {M, "PrependHeader", "[\"Subject\",\"\xc3\xbc \"]",
        "prepend Subject: =?utf-8?Q?=C3=BC_?= ", "2"},
    {M, "AppendHeader", "[\"X-Plain\",\" x\"]", "append X-Plain:  x", "2"},
    {M, "AppendHeader", "[\"X-Plain\",\" \xc3\xbc\"]", "append X-Plain:  =?utf-8?Q?=C3=BC?=", "2"},
    {M, "AppendHeader", "[\"X-Plain\",\"\xc3\xbc\"]", "append X-Plain:  =?utf-8?Q?=C3=BC?=", "2"},
    {M, "AppendHeader", "[\"Subject\",\"\\nX: y\"]", "",
        "R15: AppendHeader(): a line end in the value of a header"},
    /* the log */
    {M, "syslog", "[\"warning\",\"a\\nb\"]", "4<a>4<b>", "none"},
    {M, "syslog", "[3,\"x\"]", "3<x>", "none"},
    {M, "syslog", "[\"19\",\"x\"]", "19<x>", "none"},
};

static const char *const message[] = {"Received: from a", "received: from b",
    "Subject: =?utf-8?Q?Gr=C3=BC=C3=9F?=\r\n Gott", "X-Plain: old", "From: K <k@z.w>, j@x.y", NULL};

static void
run_init(struct hsl_run *r, struct recorder *h, enum hsl_flow flow)
{
    memset(h, 0, sizeof(*h));
    h->fields = message;
    fake_init(r);
    fake_changed_[0] = '\0';
    r->host = &host;
    r->host_arg = h;
    r->flow = flow;
    r->limits.max_echo = 65536;
    r->limits.max_echo_records = 500;
}

static void
test_case(const struct flow_case *c)
{
    struct hsl_run r;
    struct recorder h;
    struct hsl_value out;
    char text[400], name[200];
    bool ok;

    run_init(&r, &h, c->flow);
    ok = fake_call(&r, c->name, c->args, &out);
    if (r.state == HSL_FINISHED)
        snprintf(text, sizeof(text), "end");
    else
        fake_show(&r, ok, &out, text, sizeof(text));
    hsl_unref(&r, out);
    snprintf(name, sizeof(name), "%s %.150s: ", c->name, c->args);
    for (char *p = name; *p; p++)
        *p = *p == '\n' || *p == '#' ? ' ' : *p;
    tap_str(text, c->want, name);
    tap_str(h.heard, c->want_heard, "... what the host heard");
    tap_num((long long)fake_fini(&r), 0, "... nothing is left in the heap");
}

/* --- Refusals, hosts that have less, memory -----------------------------------------------------
 */

static void
test_refused(void)
{
    static const char *const calls[][2] = {{"Deliver", "[]"}, {"AddHeader", "[\"A\",\"b\"]"},
        {"SetSender", "[\"a@b.c\"]"}, {"DelHeader", "[\"A\"]"}, {"DeliverAsSpam", "[]"},
        {"Accept", "[]"}};
    struct hsl_run r;
    struct recorder h;
    struct hsl_value out;
    char text[400], want[100];

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        run_init(&r, &h, i == 5 ? R : M);
        h.refuse = "mailtransport:9 is unknown";
        fake_show(&r, fake_call(&r, calls[i][0], calls[i][1], &out), &out, text, sizeof(text));
        snprintf(want, sizeof(want), "R15: %s(): mailtransport:9 is unknown", calls[i][0]);
        tap_str(text, want, "a host that refuses is R15");
        hsl_unref(&r, out);
        tap_num((long long)fake_fini(&r), 0, "... nothing is left in the heap");
    }
}

static void
test_no_host(void)
{
    static const struct hsl_host nothing = {.log = NULL};
    const struct hsl_builtin *row;
    bool all = true;

    for (size_t i = 0; (row = hsl_lib_row(&i)) != NULL;) {
        static const char *const tries[] = {"[]", "[\"a\"]", "[\"a\",\"b\"]", "[[\"a\"=>\"b\"]]"};

        if (!row->flows || (row->flags & HSL_NO_EFFECT) || strcmp(row->name, "GetID") == 0 ||
            strcmp(row->name, "GetTLS") == 0 || strcmp(row->name, "GetAddressList") == 0)
            continue;
        for (size_t k = 0; k < 8; k++) {
            struct hsl_run r;
            struct recorder h;
            struct hsl_value out;
            bool ok;

            run_init(&r, &h, (enum hsl_flow)(row->flows & -row->flows));
            r.host = k < 4 ? &nothing : NULL;
            ok = fake_call(&r, row->name, tries[k % 4], &out);
            if ((ok && out.type != HSL_NONE) || r.state == HSL_FINISHED)
                all = tap_ok(false, "%s without a host", row->name);
            hsl_unref(&r, out);
            fake_fini(&r);
        }
    }
    tap_ok(all, "without a host every action fails and nothing crashes");
}

static void
test_without_memory(void)
{
    size_t bad = 0;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool done = false;

        for (long n = 0; !done && n < 500; n++) {
            struct hsl_run r;
            struct recorder h;
            struct hsl_value out;

            run_init(&r, &h, cases[i].flow);
            r.heap.fail_after = n;
            done = fake_call(&r, cases[i].name, cases[i].args, &out) || r.state != HSL_LIMITED;
            r.heap.fail_after = -1;
            hsl_unref(&r, out);
            bad += fake_fini(&r) != 0 || (!done && strstr(h.heard, "Deliver"));
        }
        bad += !done;
    }
    tap_num(
        (long long)bad, 0, "memory that ends at any allocation leaves nothing and acts on nothing");
}

/* What the variables of a setting are. */
static void
test_changed(void)
{
    struct hsl_run r;
    struct recorder h;
    struct hsl_value out;

    run_init(&r, &h, M);
    tap_ok(fake_call(&r, "SetSender", "[\"a@b.c\"]", &out), "SetSender works");
    hsl_unref(&r, out);
    tap_str(fake_changed_, "sender senderlocalpart senderdomain transaction arguments ",
        "... and its variables are read again");
    fake_changed_[0] = '\0';
    tap_ok(fake_call(&r, "CopyMail", "[]", &out), "CopyMail works");
    tap_str(fake_changed_, "actionid ", "... and counts as an action");
    fake_fini(&r);
}

/* --- echo ---------------------------------------------------------------------------------------
 */

static void
echo(struct hsl_run *r, const char *text)
{
    struct hsl_value v = hsl_none();

    if (!hsl_ret_str(r, &v, text, strlen(text)) || !hsl_echo(r, &v))
        tap_ok(false, "echo works");
    hsl_unref(r, v);
}

static void
test_echo(void)
{
    static const struct {
        const char *text, *want;
    } echoes[] = {
        {"a", "-1<a>"},
        {"", "-1<>"},
        {"a\nb", "-1<a>-1<b>"},
        {"a\r\nb\r\n", "-1<a>-1<b>"},
        {"\n", "-1<>"},
        {"\n\n", "-1<>-1<>"},
        {"a\rb", "-1<a\\x0Db>"},
        {"a\tb\x7f\xff\xc3\xa5", "-1<a\\x09b\\x7F\\xFF\xc3\xa5>"},
    };
    struct hsl_run r;
    struct recorder h;
    char many[20001];

    for (size_t i = 0; i < sizeof(echoes) / sizeof(echoes[0]); i++) {
        run_init(&r, &h, M);
        echo(&r, echoes[i].text);
        tap_str(h.heard, echoes[i].want, "echo splits and escapes");
        fake_fini(&r);
    }
    run_init(&r, &h, M);
    memset(many, 'x', sizeof(many) - 1);
    many[sizeof(many) - 1] = '\0';
    echo(&r, many);
    tap_ok(strstr(h.heard, ">8192") != NULL, "a record ends at 8 KiB");
    memset(h.heard, 0, sizeof(h.heard));
    memset(many, 1, sizeof(many) - 1);
    echo(&r, many);
    tap_ok(strstr(h.heard, "\\x01\\x01") && strtol(strrchr(h.heard, '>') + 1, NULL, 10) <= 8192,
        "a record of escapes too");
    fake_fini(&r);
}

static void
test_echo_limits(void)
{
    struct hsl_run r;
    struct recorder h;

    run_init(&r, &h, M);
    r.limits.max_echo_records = 3;
    for (int i = 0; i < 10; i++)
        echo(&r, "a\nb");
    tap_str(h.heard, "-1<a>-1<b>-1<a>4<further output is dropped: limit of one run reached>",
        "records over the limit are dropped with one notice");
    fake_fini(&r);
    run_init(&r, &h, M);
    r.limits.max_echo = 5;
    echo(&r, "abc");
    echo(&r, "abc");
    echo(&r, "a");
    tap_str(h.heard, "-1<abc>4<further output is dropped: limit of one run reached>",
        "bytes over the limit are dropped with one notice");
    fake_fini(&r);
}

int
main(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        test_case(&cases[i]);
    test_refused();
    test_no_host();
    test_without_memory();
    test_changed();
    test_echo();
    test_echo_limits();
    return tap_done();
}
