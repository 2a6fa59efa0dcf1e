/* put.c - stores messages as penstock-milter does, for the tests of penstock-quarantined.
 *
 *     put DIRECTORY COUNT SENDER RECIPIENT [REASON] < MESSAGE    stores and prints the ids
 *     put DIRECTORY withdraw ID ...                              undoes that
 * A RECIPIENT with %d in it gets the number of the message. Exit status 1 if one fails. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ut_num.h"
#include "quarantine/qtn_store.h"

static int
fail(const struct ut_diag *d)
{
    fprintf(stderr, "put: %s\n", d->text);
    return 1;
}

static int
withdraw(struct qtn_store *s, char **ids)
{
    struct ut_diag d;

    for (; *ids; ids++)
        if (qtn_store_withdraw(s, *ids, &d) != QTN_OK)
            return fail(&d);
    return 0;
}

/* Reads standard input whole. */
static void
read_message(struct ut_sbuf *out)
{
    char buf[65536];
    size_t n;

    while ((n = fread(buf, 1, sizeof(buf), stdin)) > 0)
        ut_sbuf_add(out, buf, n);
}

/* Stores one message and prints its id. */
static int
store_one(struct qtn_store *s, const struct qtn_envelope *e, const struct ut_sbuf *message)
{
    struct qtn_put *p;
    struct ut_diag d;
    enum qtn_result result = qtn_put_new(&p, s, e, &d);

    if (result == QTN_OK)
        result = qtn_put_write(p, ut_sbuf_text(message), message->len, &d);
    if (result == QTN_OK)
        result = qtn_put_prepare(p, &d);
    if (result == QTN_OK)
        result = qtn_put_commit(&p, 1, &d);
    if (result == QTN_OK) {
        puts(qtn_put_id(p));
        fflush(stdout);
    }
    qtn_put_free(p);
    return result == QTN_OK ? 0 : fail(&d);
}

/* Puts the number [n] where [pattern] says %d. */
static void
number(const char *pattern, long long n, char *out, size_t size)
{
    const char *at = strstr(pattern, "%d");

    if (at)
        snprintf(out, size, "%.*s%lld%s", (int)(at - pattern), pattern, n, at + 2);
    else
        snprintf(out, size, "%s", pattern);
}

static int
store(struct qtn_store *s, long long count, char **argv)
{
    static const struct qtn_pair pairs[] = {{"score", "7"}, {"list", "a\nb"}};
    struct qtn_envelope e = {.quarantine = "mailquarantine:1",
        .sender = argv[0],
        .client = "192.0.2.1",
        .helo = "client.test",
        .queue = "4Q",
        .message = "m1",
        .session = "s1",
        .reason = argv[2],
        .transport = "mailtransport:1",
        .flow = "mail.hsl:3",
        .metadata = pairs,
        .metadata_count = 2};
    char recipient[1024];
    struct ut_sbuf message;
    int status = 0;

    ut_sbuf_init(&message, (size_t)256 << 20);
    read_message(&message);
    for (long long n = 0; status == 0 && n < count; n++) {
        number(argv[1], n, recipient, sizeof(recipient));
        e.recipient = recipient;
        status = store_one(s, &e, &message);
    }
    ut_sbuf_fini(&message);
    return status;
}

int
main(int argc, char **argv)
{
    struct qtn_store *s;
    struct ut_diag d;
    long long count;
    int status = 2;

    if (argc < 3)
        return 2;
    if (qtn_store_open(&s, argv[1], &d) != QTN_OK)
        return fail(&d);
    if (strcmp(argv[2], "withdraw") == 0)
        status = withdraw(s, argv + 3);
    else if (argc >= 5 && ut_num_int(argv[2], 1, 1000000, &count) == 0)
        status = store(s, count, argv + 3);
    qtn_store_close(s);
    return status;
}
