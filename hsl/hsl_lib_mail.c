/* hsl_lib_mail.c - mail() (library §13): a notice through the re-injection listener. No milter is
 * asked there, so a notice cannot lead to another one.
 *
 * The message is made here and so is right whatever the script gives: header values without line
 * ends, encoded and folded where they have to be (RFC 2047, RFC 5322); the body as it is if it is
 * plain ASCII in short lines, else in base64.
 *
 * Not here: SMTP (lib/ut_smtp.c), words and folding (hsl_word.c). Threads: as the run.
 * Fails: R07, R15, the limit of messages; if the listener does not take it: none and a record. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "hsl/hsl_act.h"
#include "hsl/hsl_addr.h"
#include "hsl/hsl_base64.h"
#include "hsl/hsl_env.h"
#include "hsl/hsl_random.h"
#include "hsl/hsl_word.h"
#include "lib/ut_log.h"
#include "lib/ut_smtp.h"
#include "lib/ut_time.h"

#define MESSAGES_MAX 20u /* of one run */
#define HEAD_MAX 262144u
#define WORD_MAX 900u  /* longest word of a header that is left as it is: lines end at 998 bytes */
#define QUOTED_MAX 60u /* bytes of a name that is quoted; a longer one is encoded */
#define ID_BYTES 16
#define ID_SIZE (2 * ID_BYTES + 256 + 2)
#define BASE64_LINE 57u /* bytes that make a line of 76 */

/* One message. What is borrowed belongs to the arguments. */
struct notice {
    struct hsl_run *run;
    const struct hsl_str *sender, *recipient, *subject, *body;
    const struct hsl_str *sender_name, *recipient_name; /* or NULL */
    const struct hsl_arr *headers;                      /* or NULL */
    const char *transport;                              /* "mailtransport:ID" or NULL */
    bool html;
    bool own_auto;       /* the script says Auto-Submitted itself */
    char id[ID_SIZE];    /* without <> */
    struct ut_sbuf text; /* the message */
    size_t at;           /* what was sent of it */
};

/* --- Arguments -----------------------------------------------------------------------------------
 */

/* A text that goes into a header. */
static bool
check_text(struct hsl_run *r, const char *what, const struct hsl_str *s)
{
    if (!s || (strlen(s->data) == s->len && !strpbrk(s->data, "\r\n")))
        return true;
    return hsl_raise(r, HSL_R15, "mail(): %.100s holds a line break or NUL byte", what);
}

static bool
name_option(struct notice *n, unsigned arg, const struct hsl_value *o, const char *key,
    const struct hsl_str **out)
{
    struct hsl_str *s = NULL;

    if (!hsl_opt_str(n->run, "mail", arg, o, key, &s))
        return false;
    *out = s && s->len > 0 ? s : NULL;
    return check_text(n->run, key, s);
}

static bool
use_transport(struct notice *n, const struct ut_conf *conf, const struct hsl_str *s)
{
    if (!hsl_profile_check(n->run, "mail", "mailtransport", s))
        return false;
    if (!ut_conf_mailtransport_get(conf, s->data))
        return hsl_raise(n->run, HSL_R15, "mail(): unknown profile %.128s", s->data);
    n->transport = s->data;
    return true;
}

static bool
use_options(struct notice *n, unsigned arg, const struct hsl_value *o)
{
    struct hsl_arr *headers = NULL, *meta = NULL;
    struct hsl_str *server = NULL;
    bool plain = !n->html;

    if (!hsl_opt_arr(n->run, "mail", arg, o, "headers", &headers) ||
        !hsl_opt_arr(n->run, "mail", arg, o, "metadata", &meta) ||
        !hsl_opt_str(n->run, "mail", arg, o, "serverid", &server) ||
        !hsl_opt_bool(n->run, "mail", arg, o, "plaintext", &plain))
        return false;
    n->headers = headers;
    n->html = !plain;
    return name_option(n, arg, o, "sender_name", &n->sender_name) &&
           name_option(n, arg, o, "recipient_name", &n->recipient_name);
}

/* mail(sender, recipient, subject, body [, transportid] [, options]) */
static bool
use_arguments(struct notice *n, const struct ut_conf *conf, struct hsl_value *args, unsigned argc)
{
    bool ok = true;

    if (!hsl_addr_argument(n->run, "mail", &args[0]) ||
        !hsl_addr_argument(n->run, "mail", &args[1]) ||
        !check_text(n->run, "the subject", args[2].u.str))
        return false;
    n->sender = args[0].u.str;
    n->recipient = args[1].u.str;
    n->subject = args[2].u.str;
    n->body = args[3].u.str;
    n->html = n->body->len > 0 && n->body->data[0] == '<';
    if (n->recipient->len == 0)
        return hsl_raise(n->run, HSL_R15, "mail(): there is no recipient");
    for (unsigned i = 4; ok && i < argc; i++) {
        if (args[i].type == HSL_STR && i == 4)
            ok = use_transport(n, conf, args[i].u.str);
        else if (args[i].type == HSL_ARR)
            ok = use_options(n, i + 1, &args[i]);
        else if (args[i].type != HSL_NONE)
            ok = hsl_lib_bad_arg(
                n->run, "mail", i + 1, i == 4 ? "string or array" : "array", &args[i]);
    }
    return ok;
}

/* --- The message ---------------------------------------------------------------------------------
 */

static bool
has_long_word(const char *p, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len && n <= WORD_MAX; i++)
        n = p[i] == ' ' || p[i] == '\t' ? 0 : n + 1;
    return n > WORD_MAX;
}

/* A field whose value is any text without line ends. */
static void
add_field(struct notice *n, const char *name, const char *p, size_t len)
{
    struct ut_sbuf words;

    ut_sbuf_init(&words, HEAD_MAX);
    if (has_long_word(p, len))
        hsl_word_encode_all(&words, p, len);
    else
        hsl_word_encode(&words, p, len);
    ut_sbuf_addf(&n->text, "%s: ", name);
    hsl_word_fold(&n->text, ut_sbuf_text(&words), words.len, strlen(name) + 2);
    ut_sbuf_addz(&n->text, "\r\n");
    ut_sbuf_fail_with(&n->text, &words);
    ut_sbuf_fini(&words);
}

/* A field with one mailbox; [name] may be NULL. */
static void
add_mailbox(struct notice *n, const char *field, const struct hsl_str *name, const char *address)
{
    ut_sbuf_addf(&n->text, "%s: ", field);
    if (name && name->len <= QUOTED_MAX && hsl_word_is_ascii(name->data, name->len)) {
        ut_sbuf_addc(&n->text, '"');
        for (size_t i = 0; i < name->len; i++) {
            if (name->data[i] == '"' || name->data[i] == '\\')
                ut_sbuf_addc(&n->text, '\\');
            ut_sbuf_addc(&n->text, name->data[i]);
        }
        ut_sbuf_addz(&n->text, "\"\r\n ");
    } else if (name) {
        struct ut_sbuf words;

        ut_sbuf_init(&words, HEAD_MAX);
        hsl_word_encode_all(&words, name->data, name->len);
        hsl_word_fold(&n->text, ut_sbuf_text(&words), words.len, strlen(field) + 2);
        ut_sbuf_addz(&n->text, "\r\n ");
        ut_sbuf_fail_with(&n->text, &words);
        ut_sbuf_fini(&words);
    }
    ut_sbuf_addf(&n->text, "<%s>\r\n", address);
}

/* Fields that are written here. */
static bool
is_own_field(const char *name)
{
    static const char *const own[] = {
        "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", UT_CONF_TRANSPORT_HEADER};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcasecmp(name, own[i]) == 0)
            return true;
    return strncasecmp(name, "Content-", 8) == 0;
}

/* One element of option headers. */
static bool
add_header(struct notice *n, const struct hsl_value *key, const struct hsl_value *v)
{
    struct hsl_run *r = n->run;
    struct hsl_str *s;
    bool ok;

    if (key->type != HSL_STR || !hsl_word_is_field_name(key->u.str->data, key->u.str->len))
        return hsl_raise(r, HSL_R15, "mail(): option headers: a key is no name of a header");
    if (is_own_field(key->u.str->data))
        return hsl_raise(r, HSL_R15, "mail(): header %s is made by the function", key->u.str->data);
    if (v->type != HSL_STR && v->type != HSL_NUM && v->type != HSL_BOOL)
        return hsl_raise(r, HSL_R15, "mail(): header %s: the value is no text", key->u.str->data);
    s = hsl_to_str(r, v);
    if (!s)
        return false;
    ok = check_text(r, key->u.str->data, s);
    if (ok)
        add_field(n, key->u.str->data, s->data, s->len);
    n->own_auto = n->own_auto || strcasecmp(key->u.str->data, "Auto-Submitted") == 0;
    hsl_unref(r, hsl_from_str(s));
    return ok;
}

static bool
add_headers(struct notice *n)
{
    const struct hsl_value *v;
    struct hsl_value key;
    size_t pos = 0;

    while (n->headers && hsl_arr_next(n->headers, &pos, &key, &v))
        if (!add_header(n, &key, v))
            return false;
    return true;
}

static bool
add_head(struct notice *n)
{
    const char *host = n->run->env->hostname;
    char date[UT_TIME_TEXT_SIZE], daemon[300];

    ut_time_mail(time(NULL), date);
    snprintf(daemon, sizeof(daemon), "MAILER-DAEMON@%s", host);
    if (n->transport)
        ut_sbuf_addf(&n->text, "%s: %s\r\n", UT_CONF_TRANSPORT_HEADER, n->transport);
    ut_sbuf_addf(&n->text, "Date: %s\r\n", date);
    add_mailbox(n, "From", n->sender_name, n->sender->len ? n->sender->data : daemon);
    add_mailbox(n, "To", n->recipient_name, n->recipient->data);
    add_field(n, "Subject", n->subject->data, n->subject->len);
    ut_sbuf_addf(&n->text, "Message-ID: <%s>\r\n", n->id);
    if (!add_headers(n))
        return false;
    if (!n->own_auto) /* RFC 3834 5: nobody is to answer by himself */
        ut_sbuf_addz(&n->text, "Auto-Submitted: auto-generated\r\n");
    ut_sbuf_addf(&n->text, "MIME-Version: 1.0\r\nContent-Type: text/%s; charset=utf-8\r\n",
        n->html ? "html" : "plain");
    return true;
}

/* True if [len] bytes at [p], with LF as CR LF, need no encoding: ASCII without control characters
 * in lines of at most 998 bytes. */
static bool
is_plain(const char *p, size_t len)
{
    size_t line = 0;

    for (size_t i = 0; i < len && line <= 998; i++) {
        unsigned char c = (unsigned char)p[i];

        if ((c < ' ' && c != '\t' && c != '\n' && !(c == '\r' && p[i + 1] == '\n')) || c > 126)
            return false;
        line = c == '\n' ? 0 : line + 1;
    }
    return line <= 998;
}

/* The body with every line end as CR LF. */
static void
add_lines(struct ut_sbuf *out, const char *p, size_t len)
{
    const char *end = p + len;

    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((lf ? lf : end) - p);

        ut_sbuf_add(out, p, lf && n > 0 && p[n - 1] == '\r' ? n - 1 : n);
        if (lf)
            ut_sbuf_addz(out, "\r\n");
        p += n + (lf ? 1 : 0);
    }
}

static void
add_base64(struct ut_sbuf *out, const char *p, size_t len)
{
    struct ut_sbuf lines;

    ut_sbuf_init(&lines, out->max);
    add_lines(&lines, p, len);
    for (size_t i = 0; i < lines.len && !out->failed; i += BASE64_LINE) {
        size_t n = lines.len - i < BASE64_LINE ? lines.len - i : BASE64_LINE;

        hsl_base64_encode(out, lines.data + i, n, HSL_BASE64_PLAIN);
        ut_sbuf_addz(out, "\r\n");
    }
    ut_sbuf_fail_with(out, &lines);
    ut_sbuf_fini(&lines);
}

static bool
make_message(struct notice *n)
{
    const struct hsl_str *body = n->body;
    bool plain = is_plain(body->data, body->len);

    if (!add_head(n))
        return false;
    ut_sbuf_addf(&n->text, "Content-Transfer-Encoding: %s\r\n\r\n", plain ? "7bit" : "base64");
    if (plain)
        add_lines(&n->text, body->data, body->len);
    else
        add_base64(&n->text, body->data, body->len);
    if (n->text.failed)
        return n->text.no_memory ? hsl_limit(n->run, HSL_L08, "out of memory")
                                 : hsl_raise(n->run, HSL_R15, "mail(): the message is too long");
    return hsl_work(n->run, body->len);
}

/* --- Sending -------------------------------------------------------------------------------------
 */

/* ut_smtp_read_fn */
static ssize_t
read_text(void *arg, char *buf, size_t len)
{
    struct notice *n = arg;
    size_t rest = n->text.len - n->at;

    if (len > rest)
        len = rest;
    memcpy(buf, n->text.data + n->at, len);
    n->at += len;
    return (ssize_t)len;
}

static bool
submit(struct notice *n, const struct ut_conf *conf, struct hsl_value *out)
{
    const struct ut_conf_global *g = &conf->global;
    const char *recipient = n->recipient->data;
    double left = hsl_time_left(n->run);
    struct ut_smtp_job job = {.server = g->reinject,
        .helo = n->run->env->hostname,
        .sender = n->sender->data,
        .rcpts = &recipient,
        .rcpt_count = 1,
        .read = read_text,
        .arg = n,
        .length = (long long)n->text.len,
        .timeout = left < (double)g->reinject_timeout ? (int)left : (int)g->reinject_timeout};
    struct ut_smtp_reply reply;
    struct ut_diag why;

    if (ut_smtp_send(&job, &reply, &why) == UT_SMTP_ACCEPTED)
        return hsl_ret_str(n->run, out, n->id, strlen(n->id));
    hsl_note(n->run, UT_LOG_INFO, "mail failed: %s", why.text);
    return true;
}

static bool
make_id(struct notice *n)
{
    unsigned char b[ID_BYTES];

    if (!hsl_random_fill(b, sizeof(b)))
        return hsl_raise(n->run, HSL_R15, "mail(): the system gives no random numbers");
    for (size_t i = 0; i < ID_BYTES; i++)
        snprintf(n->id + 2 * i, 3, "%02x", b[i]);
    snprintf(n->id + 2 * ID_BYTES, ID_SIZE - 2 * ID_BYTES, "@%.255s", n->run->env->hostname);
    return true;
}

static bool
fn_mail(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct ut_conf *conf = r->env ? hsl_env_conf(r->env) : NULL;
    struct notice n = {.run = r};
    bool ok;

    if (!conf)
        return hsl_raise(r, HSL_R15, "mail(): there is no mail server here");
    ut_sbuf_init(&n.text, 2 * r->limits.max_string + HEAD_MAX);
    ok = hsl_spend(r, &r->mail_count, 1, MESSAGES_MAX, "messages by mail()") &&
         use_arguments(&n, conf, args, argc) && make_id(&n) && make_message(&n) &&
         submit(&n, conf, out);
    ut_sbuf_fini(&n.text);
    ut_conf_unref(conf);
    return ok;
}

const struct hsl_builtin hsl_lib_mail_rows[] = {
    {"mail", "AAss|OO", 0, HSL_NONE_OK | HSL_BLOCKS, .fn = fn_mail,
        "mail(sender, recipient, subject, body [, transportid] [, options])",
        "Sends a notice through the re-injection listener and gives its message id, none if it is "
        "not taken. Options: sender_name, recipient_name, headers (name => value), plaintext "
        "(default: unless the body begins with \"<\", which makes it HTML). At most 20 messages a "
        "run.",
        .options = "sender_name recipient_name headers metadata plaintext serverid",
        .errors =
            "an address is none; a text holds a line break; a header is no header or made here; "
            "a profile is not configured"},
    {.name = NULL},
};
