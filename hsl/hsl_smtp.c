/* hsl_smtp.c - whether a mail server takes a password, or a recipient.
 *
 * Of AUTH nothing goes into a text but the code of the reply: replies may repeat what was sent.
 *
 * Not here: the connection (hsl_smtp_talk.c), what scripts write (hsl_lib_smtp.c).
 * Threads: any. Fails: HSL_SMTP_FAILED with a text. */
#include "config.h"

#include "hsl/hsl_smtp.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "hsl/hsl_base64.h"
#include "hsl/hsl_smtp_talk.h"
#include "hsl/hsl_word.h"

#define SECRET_MAX 32768u /* bytes of user and password together */
#define MD5_SIZE 16

/* What the code of a reply says that is not good: no for ever, or not now. */
static enum hsl_smtp_result
refusal(int code)
{
    return code / 100 == 5 ? HSL_SMTP_REFUSED : HSL_SMTP_FAILED;
}

/* --- AUTH ----------------------------------------------------------------------------------------
 */

/* Sends [len] bytes at [p] as base64, behind [verb] (may be ""); the code of the reply. */
static int
ask_secret(struct smtp_talk *t, const char *verb, const char *p, size_t len)
{
    struct ut_sbuf b;
    int code = -1;

    ut_sbuf_init(&b, 2 * SECRET_MAX);
    hsl_base64_encode(&b, p, len, HSL_BASE64_PLAIN);
    if (b.failed)
        (void)ut_diag_set(t->why, "user and password are too long");
    else
        code = smtp_talk_ask(t, "%s%s", verb, ut_sbuf_text(&b));
    OPENSSL_cleanse(b.data, b.len);
    ut_sbuf_fini(&b);
    return code;
}

static int
auth_plain(struct smtp_talk *t, const struct hsl_text *user, const struct hsl_text *password)
{
    struct ut_sbuf b;
    int code;

    ut_sbuf_init(&b, SECRET_MAX);
    ut_sbuf_addc(&b, '\0');
    ut_sbuf_add(&b, user->p, user->len);
    ut_sbuf_addc(&b, '\0');
    ut_sbuf_add(&b, password->p, password->len);
    code = b.failed ? ut_diag_set(t->why, "user and password are too long")
                    : ask_secret(t, "AUTH PLAIN ", b.data, b.len);
    OPENSSL_cleanse(b.data, b.len);
    ut_sbuf_fini(&b);
    return code;
}

static int
auth_login(struct smtp_talk *t, const struct hsl_text *user, const struct hsl_text *password)
{
    int code = smtp_talk_ask(t, "AUTH LOGIN");

    if (code == 334)
        code = ask_secret(t, "", user->p, user->len);
    if (code == 334)
        code = ask_secret(t, "", password->p, password->len);
    return code;
}

/* "USER DIGEST": the challenge keyed with the password. */
static int
answer_challenge(struct smtp_talk *t, const struct hsl_text *user, const struct hsl_text *password)
{
    unsigned char digest[MD5_SIZE];
    struct ut_sbuf challenge, b;
    size_t len = 0;
    bool ok;
    int code;

    ut_sbuf_init(&challenge, SMTP_REPLY_MAX);
    ut_sbuf_init(&b, SECRET_MAX);
    hsl_base64_decode(
        &challenge, ut_sbuf_text(&t->reply.text), t->reply.text.len, HSL_BASE64_PLAIN);
    ok = !challenge.failed && EVP_Q_mac(NULL, "HMAC", NULL, "MD5", NULL, password->p, password->len,
                                  (const unsigned char *)ut_sbuf_text(&challenge), challenge.len,
                                  digest, sizeof(digest), &len) != NULL;
    ut_sbuf_add(&b, user->p, user->len);
    ut_sbuf_addc(&b, ' ');
    for (size_t i = 0; i < len; i++)
        ut_sbuf_addf(&b, "%02x", digest[i]);
    code = ok && !b.failed ? ask_secret(t, "", b.data, b.len)
                           : ut_diag_set(t->why, "the digest of CRAM-MD5 cannot be made");
    ut_sbuf_fini(&challenge);
    ut_sbuf_fini(&b);
    return code;
}

static int
auth_cram_md5(struct smtp_talk *t, const struct hsl_text *user, const struct hsl_text *password)
{
    int code = smtp_talk_ask(t, "AUTH CRAM-MD5");

    return code == 334 ? answer_challenge(t, user, password) : code;
}

struct mechanism {
    const char *name;
    int (*auth)(struct smtp_talk *, const struct hsl_text *, const struct hsl_text *);
};

/* AUTH with the best mechanism that the server offers: where nobody can listen the one that works
 * with every store of passwords, else the one that does not show them. */
static enum hsl_smtp_result
auth(struct smtp_talk *t, const struct hsl_text *user, const struct hsl_text *password)
{
    static const struct mechanism all[] = {{"CRAM-MD5", auth_cram_md5}, {"PLAIN", auth_plain},
        {"LOGIN", auth_login}, {"CRAM-MD5", auth_cram_md5}};
    const struct mechanism *m = t->tls ? &all[1] : &all[0], *end = m + 3;
    int code;

    while (m < end && !smtp_talk_offers(t, "AUTH", m->name))
        m++;
    if (m == end) {
        t->reply.code = 0;
        (void)ut_diag_set(t->why, "the server offers no AUTH with PLAIN, LOGIN or CRAM-MD5");
        return HSL_SMTP_FAILED;
    }
    code = m->auth(t, user, password);
    if (code == 235)
        return HSL_SMTP_ACCEPTED;
    ut_sbuf_reset(&t->reply.text);
    if (code < 0)
        t->reply.code = 0;
    else
        (void)ut_diag_set(t->why, "the server answers AUTH %s with %d", m->name, code);
    return refusal(code);
}

/* The text of [why] with the server before it. */
static void
name_server(const struct hsl_smtp_server *s, struct ut_diag *why)
{
    struct ut_diag plain = *why;

    (void)ut_diag_set(why, "%s:%u: %s", s->host, s->port, plain.text);
}

enum hsl_smtp_result
hsl_smtp_auth(const struct hsl_smtp_server *s, const struct hsl_text *user,
    const struct hsl_text *password, struct ut_diag *why)
{
    enum hsl_smtp_result result = HSL_SMTP_FAILED;
    struct smtp_talk t;

    if (smtp_talk_open(&t, s, why) == 0)
        result = auth(&t, user, password);
    smtp_talk_close(&t, false);
    if (result == HSL_SMTP_FAILED)
        name_server(s, why);
    return result;
}

/* --- RCPT ----------------------------------------------------------------------------------------
 */

/* What the code of a reply means; [step] is what was said. */
static enum hsl_smtp_result
judge(struct smtp_talk *t, int code, const char *step)
{
    char text[256];

    if (code >= 200 && code < 300)
        return HSL_SMTP_ACCEPTED;
    if (code >= 0) {
        ut_smtp_lines_text(&t->reply, text, sizeof(text));
        (void)ut_diag_set(t->why, "the server answers %s with %d %s", step, code, text);
    }
    return refusal(code);
}

/* Those attributes of XCLIENT that the server takes; what it knows of us is forgotten then. */
static enum hsl_smtp_result
send_xclient(struct smtp_talk *t)
{
    enum hsl_smtp_result result;
    struct ut_sbuf b;

    ut_sbuf_init(&b, SMTP_LINE_MAX);
    for (const char *p = t->server->xclient; p && *p;) {
        size_t len = strcspn(p, " ");
        char name[32];

        snprintf(name, sizeof(name), "%.*s", (int)strcspn(p, "="), p);
        if (smtp_talk_offers(t, "XCLIENT", name)) {
            ut_sbuf_addc(&b, ' ');
            ut_sbuf_add(&b, p, len);
        }
        p += len + (p[len] == ' ' ? 1 : 0);
    }
    result = b.len == 0 ? HSL_SMTP_ACCEPTED
                        : judge(t, smtp_talk_ask(t, "XCLIENT%s", ut_sbuf_text(&b)), "XCLIENT");
    if (result == HSL_SMTP_ACCEPTED && b.len > 0 && smtp_talk_greet(t) != 0)
        result = refusal(t->reply.code);
    ut_sbuf_fini(&b);
    return result;
}

static enum hsl_smtp_result
send_envelope(struct smtp_talk *t, const char *sender, const char *recipient, bool *on_rcpt)
{
    bool utf8 = !hsl_word_is_ascii(sender, strlen(sender)) ||
                !hsl_word_is_ascii(recipient, strlen(recipient));
    enum hsl_smtp_result result;
    int code;

    if (utf8 && !smtp_talk_offers(t, "SMTPUTF8", NULL)) {
        t->reply.code = 0;
        (void)ut_diag_set(t->why, "the server does not offer SMTPUTF8");
        return HSL_SMTP_FAILED;
    }
    result = judge(
        t, smtp_talk_ask(t, "MAIL FROM:<%s>%s", sender, utf8 ? " SMTPUTF8" : ""), "MAIL FROM");
    if (result != HSL_SMTP_ACCEPTED)
        return result;
    code = smtp_talk_ask(t, "RCPT TO:<%s>", recipient);
    *on_rcpt = code >= 0;
    return judge(t, code, "RCPT TO");
}

/* Fills [a] with the last reply, or with what went wrong instead of one. */
static void
fill_answer(const struct smtp_talk *t, struct hsl_smtp_answer *a)
{
    a->code = t->reply.code;
    if (a->code > 0)
        ut_smtp_lines_text(&t->reply, a->text, sizeof(a->text));
    else
        snprintf(a->text, sizeof(a->text), "%s", t->why->text);
}

enum hsl_smtp_result
hsl_smtp_rcpt(const struct hsl_smtp_server *s, const char *sender, const char *recipient,
    struct hsl_smtp_answer *a, struct ut_diag *why)
{
    enum hsl_smtp_result result = HSL_SMTP_ACCEPTED;
    struct smtp_talk t;

    *a = (struct hsl_smtp_answer){0};
    *why = (struct ut_diag){0};
    if (!recipient[0] || !ut_smtp_address_fits(sender) || !ut_smtp_address_fits(recipient)) {
        (void)ut_diag_set(why, "an address cannot be sent");
        snprintf(a->text, sizeof(a->text), "%s", why->text);
        name_server(s, why);
        return HSL_SMTP_FAILED;
    }
    if (smtp_talk_open(&t, s, why) != 0)
        result = refusal(t.reply.code);
    if (result == HSL_SMTP_ACCEPTED && s->xclient)
        result = send_xclient(&t);
    if (result == HSL_SMTP_ACCEPTED && s->username.p)
        result = auth(&t, &s->username, &s->password);
    if (result == HSL_SMTP_ACCEPTED)
        result = send_envelope(&t, sender, recipient, &a->on_rcpt);
    fill_answer(&t, a);
    smtp_talk_tls(&t, a);
    smtp_talk_close(&t, a->on_rcpt);
    if (result != HSL_SMTP_ACCEPTED)
        name_server(s, why);
    return result;
}
