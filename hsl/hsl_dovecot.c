/* hsl_dovecot.c - asks Dovecot whether a password is right, by its auth client protocol.
 *
 * Both sides send lines of fields with TABs between. The server says what it can do, up to DONE;
 * one AUTH line asks, and the line OK, FAIL or CONT with the same id answers. Each question has a
 * connection of its own: who asks often is the mail server, and Dovecot takes thousands a second.
 *
 * CPID has to differ between all connections of one moment, or Dovecot closes the later one. Its
 * other clients send their process ids; ours is a random number above those.
 *
 * Not here: the function of scripts (hsl_lib_dovecot.c). Threads: any. Fails: HSL_DOVECOT_FAILED.
 */
#include "config.h"

#include "hsl/hsl_dovecot.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hsl/hsl_base64.h"
#include "hsl/hsl_random.h"
#include "lib/ut_sbuf.h"

#define LINE_MAX_BYTES 8192u     /* Dovecot reads no longer ones, and sends none */
#define RECEIVED_MAX (64u << 10) /* of one server, in all */
#define CPID_MIN 0x80000000u     /* process ids are smaller */

/* One connection, and what came over it. */
struct dialogue {
    int fd;
    const struct hsl_dovecot_way *way;
    struct ut_diag *why;
    size_t received; /* in all */
    size_t at, len;  /* of [in]: where the next line begins, where the last byte ends */
    char in[LINE_MAX_BYTES];
};

/* Says what went wrong with the server. Always false. */
static bool
fail(const struct dialogue *d, const char *what)
{
    struct ut_sbuf where;

    ut_sbuf_init(&where, 512);
    ut_sock_to_text(&d->way->server, &where);
    (void)ut_diag_set(d->why, "%s: %s", ut_sbuf_text(&where), what);
    ut_sbuf_fini(&where);
    return false;
}

/* The next line without its end, lent until the next call; NULL: none, [why] is set. */
static char *
next_line(struct dialogue *d)
{
    for (;;) {
        char *line = d->in + d->at, *end = memchr(line, '\n', d->len - d->at);
        ssize_t n;

        if (end) {
            *end = '\0';
            d->at = (size_t)(end - d->in) + 1;
            return line;
        }
        d->len -= d->at;
        memmove(d->in, line, d->len);
        d->at = 0;
        if (d->len == sizeof(d->in) || d->received > RECEIVED_MAX) {
            fail(d, "the server says more than it should");
            return NULL;
        }
        n = ut_sock_recv(d->fd, d->in + d->len, sizeof(d->in) - d->len, d->way->deadline);
        if (n <= 0) {
            fail(d, n == 0 ? "the server has closed the connection" : strerror(errno));
            return NULL;
        }
        d->len += (size_t)n;
        d->received += (size_t)n;
    }
}

/* --- What is said --------------------------------------------------------------------------------
 */

/* Appends the response of PLAIN (RFC 4616), without an authorization identity. */
static void
add_plain(struct ut_sbuf *out, const struct hsl_text *user, const struct hsl_text *password)
{
    struct ut_sbuf plain;

    ut_sbuf_init(&plain, LINE_MAX_BYTES);
    if (ut_sbuf_reserve(&plain, LINE_MAX_BYTES)) { /* no copy of it stays behind */
        ut_sbuf_addc(&plain, '\0');
        ut_sbuf_add(&plain, user->p, user->len);
        ut_sbuf_addc(&plain, '\0');
        ut_sbuf_add(&plain, password->p, password->len);
        if (!plain.failed)
            hsl_base64_encode(out, plain.data, plain.len, HSL_BASE64_PLAIN);
        explicit_bzero(plain.data, plain.len);
    }
    ut_sbuf_fail_with(out, &plain);
    ut_sbuf_fini(&plain);
}

/* The question with id 1. The field nologin: nobody will fetch the user's data afterwards. Dovecot
 * makes an address that had wrong passwords wait, up to 15 s; all clients without an address would
 * be one, so that anybody could make all of them wait: hence no-penalty. */
static void
add_question(struct ut_sbuf *out, const struct hsl_dovecot_way *way, const struct hsl_text *user,
    const struct hsl_text *password)
{
    ut_sbuf_addf(out, "AUTH\t1\tPLAIN\tservice=%s\tnologin", way->service);
    if (way->secured)
        ut_sbuf_addz(out, "\tsecured");
    if (*way->lip)
        ut_sbuf_addf(out, "\tlip=%s", way->lip);
    if (*way->rip)
        ut_sbuf_addf(out, "\trip=%s", way->rip);
    else
        ut_sbuf_addz(out, "\tno-penalty");
    ut_sbuf_addz(out, "\tresp=");
    add_plain(out, user, password);
    ut_sbuf_addc(out, '\n');
}

/* Both sides introduce themselves; true if the server can be asked. */
static bool
shake_hands(struct dialogue *d)
{
    uint32_t number;
    char hello[64], *line;
    bool plain = false;
    int len;

    if (!hsl_random_fill(&number, sizeof(number)))
        return fail(d, "no random number");
    len = snprintf(hello, sizeof(hello), "VERSION\t1\t1\nCPID\t%u\n", number | CPID_MIN);
    if (ut_sock_send(d->fd, hello, (size_t)len, d->way->deadline) != 0)
        return fail(d, strerror(errno));
    line = next_line(d);
    if (line && strncmp(line, "VERSION\t1\t", 10) != 0)
        return fail(d, "this is no auth socket of Dovecot, or of a version unknown here");
    while (line && strcmp(line, "DONE") != 0) {
        plain = plain || (strncmp(line, "MECH\tPLAIN", 10) == 0 && (line[10] == '\t' || !line[10]));
        line = next_line(d);
    }
    return line && (plain || fail(d, "the server does not offer PLAIN"));
}

/* --- What is answered ----------------------------------------------------------------------------
 */

/* True if the fields [rest] of FAIL say that the server could not find out. */
static bool
is_temporary(char *rest)
{
    const char *field;

    while ((field = strsep(&rest, "\t"))) {
        if (strcmp(field, "temp") == 0 || strcmp(field, "code=temp_fail") == 0)
            return true;
    }
    return false;
}

/* Waits for the answer; lines about anything else are passed over, as the protocol wants. */
static enum hsl_dovecot_end
read_answer(struct dialogue *d)
{
    char *rest;

    while ((rest = next_line(d))) {
        const char *verb = strsep(&rest, "\t"), *id = strsep(&rest, "\t");

        if (!id || strcmp(id, "1") != 0)
            continue;
        if (strcmp(verb, "OK") == 0)
            return HSL_DOVECOT_ACCEPTED;
        if (strcmp(verb, "FAIL") == 0 && !is_temporary(rest))
            return HSL_DOVECOT_REFUSED;
        if (strcmp(verb, "FAIL") == 0 || strcmp(verb, "CONT") == 0) {
            fail(d, *verb == 'F' ? "temporary failure" : "the server wants more than PLAIN has");
            break;
        }
    }
    return HSL_DOVECOT_FAILED;
}

static enum hsl_dovecot_end
ask(const struct hsl_dovecot_way *way, const struct ut_sbuf *question, struct ut_diag *why)
{
    struct dialogue d = {.way = way, .why = why};
    enum hsl_dovecot_end end = HSL_DOVECOT_FAILED;

    d.fd = ut_sock_connect(&way->server, way->deadline, why);
    if (d.fd < 0)
        return end;
    if (shake_hands(&d)) {
        if (ut_sock_send(d.fd, question->data, question->len, way->deadline) == 0)
            end = read_answer(&d);
        else
            fail(&d, strerror(errno));
    }
    close(d.fd);
    return end;
}

static bool
is_sayable(const struct hsl_text *t)
{
    return t->len > 0 && !memchr(t->p, '\0', t->len);
}

enum hsl_dovecot_end
hsl_dovecot_auth(const struct hsl_dovecot_way *way, const struct hsl_text *user,
    const struct hsl_text *password, struct ut_diag *why)
{
    enum hsl_dovecot_end end = HSL_DOVECOT_REFUSED;
    struct ut_sbuf question;

    if (!is_sayable(user) || !is_sayable(password))
        return HSL_DOVECOT_REFUSED;
    ut_sbuf_init(&question, LINE_MAX_BYTES - 1);
    if (ut_sbuf_reserve(&question, LINE_MAX_BYTES - 1)) {
        add_question(&question, way, user, password);
        if (!question.failed)
            end = ask(way, &question, why);
        explicit_bzero(question.data, question.len);
    }
    if (question.no_memory) {
        (void)ut_diag_set(why, "out of memory");
        end = HSL_DOVECOT_FAILED;
    }
    ut_sbuf_fini(&question);
    return end;
}
