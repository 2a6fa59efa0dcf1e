/* qtn_store.c - store and reader: whole or not at all, hostile envelopes, hostile files, faults.
 *
 * The allocator is wrapped by the linker (--wrap): fail_at counts down to the one call that gives
 * NULL. fsync(2) and rename(2) likewise fail on demand. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "quarantine/qtn_store.h"
#include "t/unit/scarce.h"
#include "t/unit/tap.h"

static int fsync_err; /* errno of every fsync; 0: works */
static long renames;  /* renames until one fails with ENOSPC; 0: never */

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

int
__wrap_fsync(int fd)
{
    if (!fsync_err)
        return __real_fsync(fd);
    errno = fsync_err;
    return -1;
}

int
__wrap_rename(const char *from, const char *to)
{
    if (renames && --renames == 0) {
        errno = ENOSPC;
        return -1;
    }
    return __real_rename(from, to);
}

static char dir[64];
static struct qtn_store *store;
static struct ut_diag diag;

static const struct qtn_pair pairs[] = {
    {"why", "list"}, {"a=b%", "\r\nX-Evil: 1"}, {"empty", ""}, {"utf8", "gr\xc3\xbc\xc3\x9f"}};

static const struct qtn_envelope plain = {.quarantine = "mailquarantine:1",
    .sender = "a@example.com",
    .recipient = "b@example.org",
    .client = "192.0.2.1",
    .helo = "mx.example",
    .queue = "4XyZ",
    .message = "m-1",
    .session = "s-1",
    .transport = "mailtransport:1",
    .reason = "Looks like spam",
    .flow = "mail.hsl:12",
    .metadata = pairs,
    .metadata_count = 4};

static const char body[] =
    "X-Penstock-Recipient: evil@example.com\r\nSubject: x\r\n\r\n.\r\nbody\r\n";

/* Entries in dir/[name], without those that begin with a dot. */
static int
entries(const char *name)
{
    char path[128];
    struct dirent *e;
    DIR *at;
    int n = 0;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    at = opendir(path);
    while (at && (e = readdir(at)))
        if (e->d_name[0] != '.')
            n++;
    if (at)
        closedir(at);
    return n;
}

/* Stores [e] with [len] bytes at [p] in pieces of [piece]; the put is given to the caller. */
static enum qtn_result
put(struct qtn_put **out, const struct qtn_envelope *e, const char *p, size_t len, size_t piece)
{
    enum qtn_result result = qtn_put_new(out, store, e, &diag);

    for (size_t n; result == QTN_OK && len > 0; p += n, len -= n) {
        n = len < piece ? len : piece;
        result = qtn_put_write(*out, p, n, &diag);
    }
    return result == QTN_OK ? qtn_put_prepare(*out, &diag) : result;
}

static bool
same(const char *a, const char *b)
{
    bool is = strcmp(a ? a : "", b ? b : "") == 0;

    if (!is)
        printf("#  got: %s\n# want: %s\n", a, b);
    return is;
}

static bool
same_envelope(const struct qtn_envelope *a, const struct qtn_envelope *b)
{
    bool ok = same(a->quarantine, b->quarantine) && same(a->sender, b->sender) &&
        same(a->recipient, b->recipient) && same(a->client, b->client) && same(a->helo, b->helo) &&
        same(a->queue, b->queue) && same(a->message, b->message) && same(a->session, b->session) &&
        same(a->transport, b->transport) && same(a->reason, b->reason) && same(a->flow, b->flow) &&
        a->metadata_count == b->metadata_count;

    for (size_t i = 0; ok && i < a->metadata_count; i++)
        ok = same(a->metadata[i].name, b->metadata[i].name) &&
            same(a->metadata[i].value, b->metadata[i].value);
    return ok;
}

/* Stores [e] and reads it back: the same envelope, the same bytes, digest right. */
static void
round_trip(const char *name, const struct qtn_envelope *e, const char *p, size_t len, size_t piece)
{
    struct qtn_put *q;
    struct qtn_file f;
    char *got = malloc(len + 1);
    enum qtn_result result = put(&q, e, p, len, piece);

    if (result == QTN_OK)
        result = qtn_put_commit(&q, 1, &diag);
    if (!tap_ok(result == QTN_OK, "%s: stored", name))
        printf("# %s\n", diag.text);
    result = qtn_store_read(store, qtn_put_id(q), &f, &diag);
    if (!tap_ok(result == QTN_OK, "%s: read", name)) {
        printf("# %s\n", diag.text);
    } else {
        tap_ok(
            same_envelope(&f.env, e) && same(f.env.id, qtn_put_id(q)), "%s: same envelope", name);
        tap_ok(f.size == (long long)len && pread(f.fd, got, len + 1, f.offset) == (ssize_t)len &&
                memcmp(got, p, len) == 0 && lseek(f.fd, 0, SEEK_CUR) == f.offset,
            "%s: same bytes, position there", name);
        tap_ok(qtn_file_verify(&f, &diag) == QTN_OK, "%s: digest", name);
        qtn_file_close(&f);
    }
    qtn_put_free(q);
    free(got);
}

static void
test_round_trips(void)
{
    struct qtn_envelope hostile = plain;
    char *big = malloc(300000);
    char *longs = malloc(20001);

    for (size_t i = 0; i < 300000; i++)
        big[i] = (char)(i * 7 + i / 251);
    memset(longs, 'x', 20000);
    for (size_t i = 0; i < 20000; i += 7)
        longs[i] = " %\t\xff"[i % 4];
    longs[20000] = '\0';
    round_trip("plain", &plain, body, sizeof(body) - 1, 1000);
    round_trip("byte by byte", &plain, body, sizeof(body) - 1, 1);
    round_trip("empty message", &plain, "", 0, 1);
    round_trip("300 kB with every byte", &plain, big, 300000, 65535);
    round_trip("no envelope", &(struct qtn_envelope){.recipient = "r"}, body, sizeof(body) - 1, 9);
    hostile.sender = "a\r\n\r\nb@x";
    hostile.recipient = " \"a b\"@example.com ";
    hostile.helo = "%0d%0A";
    hostile.reason = longs;
    hostile.client = "\x01\x7f\xc2\x85\xed\xa0\x80";
    hostile.queue = "\nX-Penstock-End: x\r\n";
    round_trip("hostile envelope", &hostile, body, sizeof(body) - 1, 1000);
    free(big);
    free(longs);
}

/* The envelope of a file can be read as headers by anything: lines, CRLF, no control bytes. */
static void
test_format(void)
{
    struct qtn_envelope e = plain;
    struct qtn_put *q;
    struct qtn_file f;
    char text[4096] = "";
    bool clean = true;

    e.reason = "a\r\nb\nc\rd \xc3\xa9";
    e.id = "01HZZZZZZZ0123456789ABCDEF";
    tap_ok(put(&q, &e, body, sizeof(body) - 1, 99) == QTN_OK &&
            qtn_put_commit(&q, 1, &diag) == QTN_OK,
        "stored under a given id");
    tap_ok(qtn_store_read(store, e.id, &f, &diag) == QTN_OK, "read by it");
    tap_ok(pread(f.fd, text, sizeof(text) - 1, 0) == f.offset + f.size, "whole file");
    for (off_t i = 0; i < f.offset; i++)
        if ((unsigned char)text[i] < 0x20 && text[i] != '\r' && text[i] != '\n')
            clean = false;
    tap_ok(clean, "no control bytes in the envelope");
    tap_ok(strncmp(text, "X-Penstock-Format: 1; offset=", 29) == 0, "first line");
    tap_ok(strstr(text, "\r\nX-Penstock-Reason: a%0D%0Ab%0Ac%0Dd \xc3\xa9\r\n") != NULL, "encoded");
    tap_ok(strstr(text, "\r\nX-Penstock-Metadata: a%3Db%25=%0D%0AX-Evil: 1\r\n") != NULL, "pair");
    tap_ok(strncmp(text + f.offset, body, sizeof(body) - 1) == 0, "original at the offset");
    qtn_file_close(&f);
    qtn_put_free(q);
}

static void
test_refused(void)
{
    struct qtn_envelope e = plain;
    struct qtn_put *q;
    char *big = malloc(QTN_ENVELOPE_MAX);
    struct qtn_pair many[QTN_METADATA_MAX + 1];

    memset(big, 'x', QTN_ENVELOPE_MAX);
    big[QTN_ENVELOPE_MAX - 1] = '\0';
    e.reason = big;
    tap_ok(qtn_put_new(&q, store, &e, &diag) == QTN_ERROR && !q, "envelope too large");
    e.reason = "";
    for (size_t i = 0; i <= QTN_METADATA_MAX; i++)
        many[i] = pairs[0];
    e.metadata = many;
    e.metadata_count = QTN_METADATA_MAX + 1;
    tap_ok(qtn_put_new(&q, store, &e, &diag) == QTN_ERROR && !q, "too many pairs");
    e.metadata_count = 0;
    e.id = "../../../../etc/passwdxxxx";
    tap_ok(qtn_put_new(&q, store, &e, &diag) == QTN_ERROR && !q, "an id that is none");
    tap_ok(qtn_store_exists(store, e.id, &diag) == QTN_GONE, "does not exist");
    tap_ok(qtn_store_withdraw(store, e.id, &diag) == QTN_GONE, "is not withdrawn");
    tap_num(entries("tmp"), 0, "nothing in tmp");
    free(big);
}

static void
test_withdraw(void)
{
    struct qtn_put *q[3];
    char from[QTN_PATH_MAX];
    char to[QTN_PATH_MAX];
    char *slash;
    int before = entries("incoming");

    for (int i = 0; i < 3; i++)
        if (!tap_ok(put(&q[i], &plain, body, 10, 10) == QTN_OK, "one to be withdrawn"))
            return;
    tap_num(entries("tmp"), 3, "three prepared");
    tap_ok(qtn_put_commit(q, 3, &diag) == QTN_OK, "committed at once");
    tap_num(entries("tmp") * 100 + entries("incoming") - before, 3, "three held");
    tap_ok(qtn_put_commit(q, 1, &diag) == QTN_ERROR, "not twice");
    tap_ok(qtn_store_withdraw(store, qtn_put_id(q[0]), &diag) == QTN_OK, "withdrawn");
    tap_ok(qtn_store_exists(store, qtn_put_id(q[0]), &diag) == QTN_GONE, "gone");
    tap_ok(qtn_store_exists(store, qtn_put_id(q[1]), &diag) == QTN_OK, "the other is not");
    tap_ok(qtn_store_withdraw(store, qtn_put_id(q[0]), &diag) == QTN_GONE, "no second time");
    qtn_store_path(store, QTN_PLACE_INCOMING, qtn_put_id(q[1]), from);
    qtn_store_path(store, QTN_PLACE_HELD, qtn_put_id(q[1]), to);
    slash = strrchr(to, '/');
    *slash = '\0';
    mkdir(to, 0700);
    *slash = '/';
    tap_ok(rename(from, to) == 0 && qtn_store_exists(store, qtn_put_id(q[1]), &diag) == QTN_OK,
        "exists in held/");
    tap_ok(qtn_store_withdraw(store, qtn_put_id(q[1]), &diag) == QTN_OK, "withdrawn from there");
    tap_ok(qtn_store_exists(store, qtn_put_id(q[1]), &diag) == QTN_GONE, "gone");
    for (int i = 0; i < 3; i++)
        qtn_put_free(q[i]);
    tap_num(entries("incoming") - before, 3, "one held, two to be forgotten");
}

/* A commit of three whose step [n] fails holds none: three renames, then the first sync. */
static void
test_commit_fails(void)
{
    for (int n = 1; n <= 4; n++) {
        struct qtn_put *q[3] = {NULL};
        int before = entries("incoming");
        bool ok = true;
        enum qtn_result result;

        for (int i = 0; i < 3; i++)
            ok = ok && put(&q[i], &plain, body, 10, 10) == QTN_OK;
        if (n < 4)
            renames = n;
        else
            fsync_err = EIO;
        result = qtn_put_commit(q, 3, &diag);
        renames = 0;
        fsync_err = 0;
        tap_ok(ok && result == (n < 4 ? QTN_FULL : QTN_ERROR), "commit fails at step %d", n);
        for (int i = 0; i < 3; i++) {
            tap_ok(qtn_store_exists(store, qtn_put_id(q[i]), &diag) == QTN_GONE, "%d not held", i);
            qtn_put_free(q[i]);
        }
        tap_ok(entries("incoming") - before == (n < 4 ? n - 1 : 3), "only undo marks are new");
        tap_num(entries("tmp"), 0, "nothing in tmp");
    }
}

static void
test_sync_fails(void)
{
    static const struct {
        int err;
        enum qtn_result want;
    } cases[] = {{ENOSPC, QTN_FULL}, {EDQUOT, QTN_FULL}, {EROFS, QTN_FULL}, {EIO, QTN_ERROR}};

    for (size_t i = 0; i < 4; i++) {
        struct qtn_put *q;
        bool ok = put(&q, &plain, body, 10, 10) == QTN_OK;

        fsync_err = cases[i].err;
        tap_ok(ok && qtn_put_commit(&q, 1, &diag) == cases[i].want && diag.text[0], "fsync: %s",
            strerror(fsync_err));
        fsync_err = 0;
        tap_ok(qtn_put_prepare(q, &diag) == cases[i].want, "sticks");
        tap_ok(qtn_put_commit(&q, 1, &diag) == cases[i].want, "cannot be committed again");
        tap_ok(qtn_store_exists(store, qtn_put_id(q), NULL) == QTN_GONE, "is not held");
        qtn_put_free(q);
        tap_num(entries("tmp"), 0, "nothing left");
    }
}

static void
test_memory(void)
{
    int before = entries("incoming");
    enum qtn_result result = QTN_ERROR;
    long n;
    bool ok = true;

    for (n = 1; n < 100 && result != QTN_OK; n++) {
        struct qtn_put *q;
        struct qtn_file f = {.fd = -1};

        fail_at = n;
        result = put(&q, &plain, body, 10, 10);
        if (result == QTN_OK)
            result = qtn_put_commit(&q, 1, &diag);
        if (result == QTN_OK)
            result = qtn_store_read(store, qtn_put_id(q), &f, &diag);
        if (result == QTN_OK)
            result = qtn_file_verify(&f, &diag);
        fail_at = 0;
        qtn_file_close(&f);
        if (q && qtn_store_exists(store, qtn_put_id(q), &diag) == QTN_OK)
            ok = ok && qtn_store_withdraw(store, qtn_put_id(q), &diag) == QTN_OK;
        qtn_put_free(q);
        ok = ok && (result == QTN_OK || result == QTN_ERROR) && entries("tmp") == 0;
    }
    tap_ok(ok && n > 4 && n < 100, "each of %ld allocations may fail", n - 2);
    tap_ok(entries("incoming") > before, "and then it works");
    for (n = 1, result = QTN_ERROR; n < 20 && result != QTN_OK; n++) {
        struct qtn_store *other;

        fail_at = n;
        result = qtn_store_open(&other, dir, &diag);
        fail_at = 0;
        qtn_store_close(other);
    }
    tap_ok(result == QTN_OK && n > 2, "opening too");
}

static void
test_folder_trouble(void)
{
    char path[128];
    char away[160];
    struct qtn_put *q;
    struct qtn_store *other;

    tap_ok(qtn_store_probe(store, &diag) == QTN_OK, "probe");
    tap_num(entries("tmp"), 0, "leaves nothing");
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, i ? "incoming" : "tmp");
        snprintf(away, sizeof(away), "%s.away", path);
        __real_rename(path, away);
        tap_ok(
            qtn_store_probe(store, &diag) == QTN_FULL, "%s missing: probe", i ? "incoming" : "tmp");
        if (put(&q, &plain, body, 10, 10) == QTN_OK)
            tap_ok(qtn_put_commit(&q, 1, &diag) == QTN_FULL, "commit says full");
        else
            tap_ok(qtn_put_prepare(q, &diag) == QTN_FULL, "prepare says full");
        __real_rename(away, path);
        qtn_put_free(q);
        tap_ok(qtn_store_probe(store, &diag) == QTN_OK, "works again");
    }
    tap_num(entries("tmp"), 0, "nothing in tmp");
    tap_ok(qtn_store_open(&other, "relative", &diag) == QTN_ERROR && !other, "relative folder");
    tap_ok(qtn_store_open(&other, "/proc/none/q", &diag) != QTN_OK && !other, "impossible folder");
    snprintf(path, sizeof(path), "%s/a/b/c//", dir);
    tap_ok(qtn_store_open(&other, path, &diag) == QTN_OK, "folders are made");
    qtn_store_close(other);
}

/* What lies in a folder may be anything; the reader says so and nothing worse. */
static void
test_hostile_files(void)
{
    struct qtn_put *q;
    struct qtn_file f;
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    char path[QTN_PATH_MAX];
    char file[4096];
    char name[100];
    char copy[4096];
    ssize_t len;
    int bad = 0;
    int s;

    if (!tap_ok(put(&q, &plain, body, sizeof(body) - 1, 99) == QTN_OK &&
                    qtn_put_commit(&q, 1, &diag) == QTN_OK,
            "one to be spoiled"))
        return;
    qtn_store_path(store, QTN_PLACE_INCOMING, qtn_put_id(q), path);
    s = open(path, O_RDONLY);
    len = read(s, file, sizeof(file));
    close(s);
    snprintf(name, sizeof(name), "%s/odd", dir);
    for (ssize_t i = 0; i < len; i++) { /* every byte changed, every length */
        for (int cut = 0; cut < 2; cut++) {
            enum qtn_result result;

            memcpy(copy, file, (size_t)len);
            copy[i] = (char)(copy[i] ^ (i % 2 ? 0x20 : 0x01));
            s = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
            if (write(s, cut ? file : copy, (size_t)(cut ? i : len)) < 0)
                bad++;
            close(s);
            result = qtn_file_open(&f, name, NULL, &diag);
            if (result == QTN_OK && qtn_file_verify(&f, &diag) != QTN_BROKEN)
                bad++;
            if (result != QTN_OK && result != QTN_BROKEN)
                bad++;
            qtn_file_close(&f);
        }
    }
    tap_num(bad, 0, "each changed byte and each cut is found");
    unlink(name);
    tap_ok(qtn_file_open(&f, name, NULL, &diag) == QTN_GONE, "nothing there");
    tap_ok(
        symlink(path, name) == 0 && qtn_file_open(&f, name, NULL, &diag) == QTN_BROKEN, "symlink");
    unlink(name);
    tap_ok(mkfifo(name, 0600) == 0 && qtn_file_open(&f, name, NULL, &diag) == QTN_BROKEN, "FIFO");
    unlink(name);
    tap_ok(mkdir(name, 0700) == 0 && qtn_file_open(&f, name, NULL, &diag) == QTN_BROKEN, "folder");
    rmdir(name);
    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", name);
    s = socket(AF_UNIX, SOCK_STREAM, 0);
    tap_ok(bind(s, (struct sockaddr *)&sun, sizeof(sun)) == 0 &&
            qtn_file_open(&f, name, NULL, &diag) == QTN_BROKEN,
        "socket");
    close(s);
    unlink(name);
    tap_ok(qtn_file_open(&f, path, "01HZZZZZZZ0123456789ABCDEF", &diag) == QTN_BROKEN, "other id");
    qtn_put_free(q);
}

static void
test_ids(void)
{
    char a[QTN_ID_LEN + 1];
    char b[QTN_ID_LEN + 1];
    bool ok = qtn_id_new(a, &diag) == 0;

    for (int i = 0; i < 1000 && ok; i++) {
        ok = qtn_id_new(b, &diag) == 0 && qtn_id_valid(b) && strncmp(a, b, 10) <= 0 &&
             strcmp(a, b) != 0;
        memcpy(a, b, sizeof(a));
    }
    tap_ok(ok, "ids are valid, different, in order of time");
    qtn_id_floor(a, qtn_id_time(b));
    tap_ok(strncmp(a, b, 10) == 0 && strcmp(a, b) <= 0, "floor");
    qtn_id_floor(a, -5);
    tap_str(a, "00000000000000000000000000", "floor of the past");
    qtn_id_floor(a, 1LL << 60);
    tap_str(a, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "floor of the future");
    tap_ok(qtn_id_valid(a), "is valid");
    tap_ok(!qtn_id_valid("8ZZZZZZZZZZZZZZZZZZZZZZZZZ"), "too large");
    tap_ok(!qtn_id_valid("") && !qtn_id_valid(NULL) && !qtn_id_valid("0123456789abcdefghjkmnpqrs"),
        "not ids");
    tap_ok(qtn_id_time("x") == -1, "no time");
}

static void *
storing(void *arg)
{
    long *bad = arg;

    for (int i = 0; i < 50; i++) {
        struct qtn_put *q = NULL;

        if (qtn_put_new(&q, store, &plain, NULL) != QTN_OK ||
            qtn_put_write(q, body, sizeof(body) - 1, NULL) != QTN_OK ||
            qtn_put_prepare(q, NULL) != QTN_OK || qtn_put_commit(&q, 1, NULL) != QTN_OK ||
            qtn_store_exists(store, qtn_put_id(q), NULL) != QTN_OK)
            ++*bad;
        qtn_put_free(q);
    }
    return NULL;
}

static void
test_threads(void)
{
    pthread_t t[8];
    long bad[8] = {0};
    long sum = 0;
    int before = entries("incoming");

    for (int i = 0; i < 8; i++)
        if (pthread_create(&t[i], NULL, storing, &bad[i]) != 0)
            exit(1);
    for (int i = 0; i < 8; i++) {
        pthread_join(t[i], NULL);
        sum += bad[i];
    }
    tap_num(sum, 0, "eight threads store");
    tap_num(entries("incoming") - before, 400, "all are there");
}

int
main(void)
{
    char cmd[128];

    snprintf(dir, sizeof(dir), "/tmp/qtn_store.XXXXXX");
    if (!mkdtemp(dir) || qtn_store_open(&store, dir, &diag) != QTN_OK)
        return 1;
    tap_str(qtn_store_directory(store), dir, "opened");
    test_ids();
    test_round_trips();
    test_format();
    test_refused();
    test_withdraw();
    test_commit_fails();
    test_sync_fails();
    test_memory();
    test_folder_trouble();
    test_hostile_files();
    test_threads();
    qtn_store_close(store);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    return system(cmd) != 0 ? 1 : tap_done();
}
