/* qtn_index.c - records and the index: both kinds do the same; damage gives errors, never worse. */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "quarantine/qtn_index.h"
#include "t/unit/tap.h"

static char dir[64];
static char path[128];
static struct ut_diag diag;

static void
make(struct qtn_record *r, long long n, const char *recipient)
{
    char id[QTN_ID_LEN + 1];

    qtn_id_floor(id, 1700000000000 + n);
    qtn_record_init(r, id);
    r->text[QTN_TEXT_RECIPIENT] = recipient;
    r->text[QTN_TEXT_SUBJECT] = "caf\xc3\xa9 \xff\x01";
    r->size = n;
}

static void
test_record(void)
{
    struct qtn_record r;
    struct qtn_record got;
    struct ut_sbuf b;
    struct ut_sbuf attrs;
    char big[5000];
    char *copy;
    int accepted = 0;

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    make(&r, 7, "A@example.com");
    r.state = QTN_RELEASED;
    r.changed = 1700000000123;
    r.text[QTN_TEXT_NOTE] = big;
    ut_sbuf_init(&b, QTN_RECORD_MAX);
    qtn_record_encode(&r, &b);
    copy = malloc(b.len);
    memcpy(copy, b.data, b.len);
    tap_ok(qtn_record_decode(&got, r.id, copy, b.len, &diag) == 0, "decoded");
    tap_ok(got.state == QTN_RELEASED && got.changed == r.changed && got.size == 7, "numbers");
    tap_str(got.text[QTN_TEXT_RECIPIENT], "A@example.com", "text");
    tap_num((long long)strlen(got.text[QTN_TEXT_NOTE]), QTN_TEXT_MAX, "long text is cut");
    ut_sbuf_init(&attrs, 100000);
    qtn_record_attrs(&got, &attrs);
    tap_ok(!attrs.failed && strncmp(attrs.data, "id=", 3) == 0 &&
            strstr(attrs.data, "\nstate=released\nstored=2023-11-14T22:13:20.007000Z\n"),
        "as attributes");
    qtn_record_fini(&got);
    for (size_t i = 0; i < b.len; i++) {
        copy = malloc(b.len);
        memcpy(copy, b.data, b.len);
        if (qtn_record_decode(&got, r.id, copy, i, &diag) == 0)
            accepted++;
    }
    tap_num(accepted, 0, "no cut record is accepted");
    for (size_t i = 0; i < b.len; i++) {
        copy = malloc(b.len);
        memcpy(copy, b.data, b.len);
        copy[i] = (char)(copy[i] ^ 0x80);
        if (qtn_record_decode(&got, r.id, copy, b.len, &diag) < 0)
            continue;
        accepted += i < 4 || (i >= 20 && i < 84); /* magic, state, digest must be right */
        qtn_record_fini(&got);
    }
    tap_num(accepted, 0, "nor one whose fixed part is damaged");
    tap_ok(qtn_record_decode(&got, "x", malloc(3), 3, &diag) == -1, "a key that is no id");
    tap_num(qtn_state_by_name("deleted"), QTN_DELETED, "state by name");
    tap_num(qtn_state_by_name("x"), -1, "no state");
    ut_sbuf_fini(&b);
    ut_sbuf_fini(&attrs);
}

/* How many records a walk finds; -1: in the wrong order or of the wrong recipient. */
static int
walk(struct qtn_index *ix, const char *recipient)
{
    char after[QTN_ID_LEN + 1] = "";
    struct qtn_record r;
    int n = 0;
    enum qtn_find found;

    while ((found = qtn_index_next(ix, after, recipient, &r, &diag)) == QTN_FOUND) {
        bool ok = strcmp(r.id, after) > 0 &&
            (!recipient || strcasecmp(r.text[QTN_TEXT_RECIPIENT], recipient) == 0);

        memcpy(after, r.id, sizeof(after));
        qtn_record_fini(&r);
        if (!ok)
            return -1;
        n++;
    }
    return found == QTN_NOTFOUND ? n : -2;
}

static void
test_kind(struct qtn_index *ix, const char *kind)
{
    struct qtn_record r[10];
    struct qtn_record got;
    char id[QTN_ID_LEN + 1];

    if (!tap_ok(ix != NULL, "%s: open", kind)) {
        printf("# %s\n", diag.text);
        return;
    }
    tap_num(walk(ix, NULL), 0, "empty");
    for (int i = 0; i < 10; i++)
        make(&r[i], (i * 7) % 10 * 1000, i % 2 ? "Odd@Example.com" : "even@example.com");
    tap_ok(qtn_index_put(ix, r, 10, &diag) == 0, "ten at once");
    tap_num(walk(ix, NULL), 10, "a walk finds them in order");
    tap_num(walk(ix, "odd@example.COM"), 5, "by recipient");
    tap_num(walk(ix, "odd@example.co"), 0, "not by its beginning");
    tap_num(walk(ix, ""), 0, "nor by none");
    tap_ok(qtn_index_get(ix, r[3].id, &got, &diag) == QTN_FOUND && got.size == 1000, "get");
    tap_str(got.text[QTN_TEXT_SUBJECT], "caf\xc3\xa9 \xff\x01", "with its texts");
    got.text[QTN_TEXT_RECIPIENT] = "new@example.com";
    got.state = QTN_DELETED;
    tap_ok(qtn_index_put(ix, &got, 1, &diag) == 0, "changed");
    qtn_record_fini(&got);
    tap_num(walk(ix, "odd@example.com") * 10 + walk(ix, "new@example.com"), 41, "index follows");
    tap_num(walk(ix, NULL), 10, "still ten");
    tap_ok(qtn_index_del(ix, r[3].id, &diag) == 0 && qtn_index_del(ix, r[3].id, &diag) == 0,
        "delete, twice");
    tap_ok(qtn_index_get(ix, r[3].id, &got, &diag) == QTN_NOTFOUND, "gone");
    tap_num(walk(ix, NULL) * 10 + walk(ix, "new@example.com"), 90, "everywhere");
    qtn_id_floor(id, 1700000005000);
    tap_ok(qtn_index_next(ix, id, NULL, &got, &diag) == QTN_FOUND && got.size == 6000,
        "next is above");
    qtn_record_fini(&got);
    tap_ok(qtn_index_next(ix, "0", "even@example.com", &got, &diag) == QTN_FOUND && got.size == 0,
        "above any text");
    qtn_record_fini(&got);
    tap_ok(qtn_index_next(ix, "~", NULL, &got, &diag) == QTN_NOTFOUND, "nothing above the last");
    tap_ok(qtn_index_checkpoint(ix, &diag) == 0 && !qtn_index_damaged(ix), "checkpoint");
}

static struct qtn_index *
fresh(void)
{
    char cmd[160];

    snprintf(cmd, sizeof(cmd), "rm -rf %s", path);
    return system(cmd) == 0 ? qtn_index_open_db(path, true, &diag) : NULL;
}

/* What was put is there after a kill at any moment: a child puts and says so, then is killed. */
static void
test_kill(void)
{
    struct qtn_index *ix = fresh();
    int fds[2];
    int told = 0;
    char c;
    pid_t pid;
    int n;

    qtn_index_close(ix);
    if (pipe(fds) < 0)
        return;
    pid = fork();
    if (pid == 0) {
        ix = qtn_index_open_db(path, false, &diag);
        for (int i = 0; ix && i < 1000000; i++) {
            struct qtn_record r;

            make(&r, i, "a@example.com");
            if (qtn_index_put(ix, &r, 1, &diag) < 0 || write(fds[1], "x", 1) != 1)
                _exit(1);
        }
        _exit(1);
    }
    close(fds[1]);
    while (told < 200 && read(fds[0], &c, 1) == 1)
        told++;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    while (read(fds[0], &c, 1) == 1)
        told++;
    close(fds[0]);
    ix = qtn_index_open_db(path, false, &diag);
    tap_ok(ix != NULL, "opens after a kill");
    n = walk(ix, NULL);
    if (!tap_ok(told >= 200 && (n == told || n == told + 1), "what was told is there"))
        printf("# told %d, found %d\n", told, n);
    tap_num(walk(ix, "a@example.com"), n, "by recipient too");
    qtn_index_close(ix);
}

static void
fill(struct qtn_index *ix)
{
    static struct qtn_record r[800]; /* fits one log file */

    for (int i = 0; i < 800; i++)
        make(&r[i], i, i % 2 ? "Odd@Example.com" : "even@example.com");
    if (qtn_index_put(ix, r, 800, &diag) < 0)
        printf("# %s\n", diag.text);
}

/* Overwrites [len] bytes (-1: all) at [at] (-1: anywhere) of the file [name] with garbage. */
static bool
spoil(const char *name, long at, long len, unsigned seed)
{
    int fd = open(name, O_RDWR);
    struct stat st;

    srandom(seed);
    if (fd < 0 || fstat(fd, &st) < 0)
        return false;
    at = at < 0 ? random() % st.st_size : at;
    for (long i = 0; i < (len < 0 ? st.st_size : len); i++) {
        char c = (char)random();

        if (pwrite(fd, &c, 1, at + i) != 1)
            break;
    }
    return close(fd) == 0;
}

/* Does everything with an index that may be damaged, in a child: its crash is seen. */
static bool
survives(void)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct qtn_index *ix = qtn_index_open_db(path, false, &diag);
        struct qtn_record r;

        alarm(30);
        if (ix) {
            walk(ix, NULL);
            walk(ix, "odd@example.com");
            make(&r, 1000, "x");
            (void)!qtn_index_put(ix, &r, 1, &diag);
            (void)!qtn_index_del(ix, r.id, &diag);
            (void)!qtn_index_checkpoint(ix, &diag);
        }
        qtn_index_close(ix);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status))
        printf("# ended by signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void
test_damage(void)
{
    static const char *const names[] = {"messages.db", "recipients.db", "log.0000000001"};
    struct qtn_index *ix;
    char name[200];

    for (int i = 0; i < 3; i++) {
        bool ok = true;

        for (unsigned n = 0; n < 12; n++) {
            ix = fresh();
            if (!ix) {
                ok = false;
                break;
            }
            fill(ix);
            qtn_index_close(ix);
            snprintf(name, sizeof(name), "%s/%s", path, names[i]);
            ok = spoil(name, n == 0 ? 0 : -1, n < 2 ? -1 : n < 6 ? 20000 : 3, n + 1) && ok;
            ok = survives() && ok;
        }
        tap_ok(ok, "garbage in %s", names[i]);
        ix = fresh();
        if (!tap_ok(ix != NULL, "a fresh index"))
            break;
        fill(ix);
        qtn_index_close(ix);
        tap_ok(truncate(name, 5000) == 0 && survives(), "%s cut off", names[i]);
        tap_ok(unlink(name) == 0 && survives(), "%s removed", names[i]);
    }
    ix = fresh();
    fill(ix);
    qtn_index_close(ix);
    snprintf(name, sizeof(name), "%s/messages.db", path);
    tap_ok(spoil(name, 0, -1, 1), "all of it garbage");
    ix = qtn_index_open_db(path, false, &diag);
    tap_ok(!ix || (walk(ix, NULL) == -2 && qtn_index_damaged(ix)), "garbage is told");
    tap_ok(strstr(diag.text, "penstock quarantine reindex") != NULL, "remedy is named");
    printf("# %s\n", diag.text);
    qtn_index_close(ix);
    tap_ok(qtn_index_open_db("/nonexistent/x", true, &diag) == NULL, "folder cannot be made");
    tap_ok(qtn_index_open_db("/nonexistent/x", false, &diag) == NULL, "folder is not there");
}

int
main(void)
{
    char cmd[160];
    struct qtn_index *ix;

    snprintf(dir, sizeof(dir), "/tmp/qtn_index.XXXXXX");
    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof(path), "%s/index", dir);
    test_record();
    ix = qtn_index_open_ram(&diag);
    test_kind(ix, "memory");
    qtn_index_close(ix);
    ix = fresh();
    test_kind(ix, "Berkeley DB");
    qtn_index_close(ix);
    ix = qtn_index_open_db(path, false, &diag);
    tap_num(walk(ix, NULL), 9, "still there when opened again");
    tap_num(walk(ix, "even@example.com"), 5, "by recipient too");
    qtn_index_close(ix);
    test_kill();
    test_damage();
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    return system(cmd) != 0 ? 1 : tap_done();
}
