/* ut_bdb.c - Berkeley DB environments: what is durable when, crashes, damaged files, errors. */
#include "config.h"

#include "lib/ut_bdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/unit/tap.h"

#define LOG_FILE (1u << 16)

static char dir[] = "/tmp/ut_bdb.XXXXXX";
static struct ut_bdb bdb;
static DB *db;

static int
open_all(bool nosync)
{
    int err = ut_bdb_open(&bdb, dir, LOG_FILE, nosync);

    return err == 0 ? ut_bdb_file(&bdb, &db, "x.db", 0) : err;
}

static void
close_all(void)
{
    if (db)
        (void)db->close(db, 0);
    db = NULL;
    ut_bdb_close(&bdb);
}

/* Puts [name] with the value "v" in one transaction that is given [result] at its end. */
static int
put(const char *name, int result)
{
    DBT key, value;
    DB_TXN *txn;
    int err = bdb.env->txn_begin(bdb.env, NULL, &txn, 0);

    if (err != 0)
        return err;
    ut_bdb_bytes(&key, name, strlen(name));
    ut_bdb_bytes(&value, "v", 1);
    err = db->put(db, txn, &key, &value, 0);
    return ut_bdb_end(txn, err == 0 ? result : err);
}

static bool
has(const char *name)
{
    DBT key, value = {0};

    ut_bdb_bytes(&key, name, strlen(name));
    return db->get(db, NULL, &key, &value, 0) == 0 && value.size == 1;
}

static void
test_transactions(void)
{
    tap_num(open_all(false), 0, "opened in an empty folder");
    tap_num(put("kept", 0), 0, "committed");
    tap_num(put("dropped", ENOMEM), ENOMEM, "aborted, with the error it was given");
    tap_ok(has("kept") && !has("dropped"), "one is there, the other is not");
    close_all();
    tap_num(open_all(false), 0, "opened again");
    tap_ok(has("kept") && !has("dropped"), "... with the same in it");
    close_all();
    close_all();
}

/* A process that commits [name] and dies at once. */
static void
crash(const char *name)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(open_all(false) == 0 && put(name, 0) == 0 ? 7 : 1);
    tap_ok(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7,
        "%s: committed by a process that dies", name);
}

static void
test_crash(void)
{
    crash("one");
    crash("two");
    tap_num(open_all(false), 0, "opened after two crashes");
    tap_ok(has("kept") && has("one") && has("two"), "what was committed is there");
    close_all();
}

/* True if a damaged file is not opened, and said to be damaged. */
static bool
is_damaged(void)
{
    char why[UT_BDB_WHY];
    int err = open_all(false);

    return err != 0 && !db && ut_bdb_fold(&bdb, err, why) == UT_BDB_DAMAGED && why[0];
}

/* True if nothing is open after opening a folder that is not there. */
static bool
is_missing(void)
{
    return ut_bdb_open(&bdb, "/nonexistent/folder", LOG_FILE, false) != 0 && !bdb.env;
}

/* Checks in a process of its own, since the library loses memory when opening fails. */
static void
check_apart(bool (*check)(void), const char *name)
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(check() ? 7 : 1);
    tap_ok(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7, "%s",
        name);
}

static void
test_damage(void)
{
    char path[64], garbage[8192];
    int fd;

    snprintf(path, sizeof(path), "%s/x.db", dir);
    memset(garbage, '!', sizeof(garbage));
    fd = open(path, O_WRONLY | O_TRUNC);
    tap_ok(fd >= 0 && write(fd, garbage, sizeof(garbage)) == (ssize_t)sizeof(garbage), "garbage");
    close(fd);
    check_apart(is_damaged, "a damaged file is not opened, and said to be damaged");
    check_apart(is_missing, "a folder that is not there: nothing is open");
}

static void
test_fold(void)
{
    static const struct {
        int err;
        enum ut_bdb_trouble want;
    } cases[] = {{ENOSPC, UT_BDB_SYSTEM}, {EIO, UT_BDB_SYSTEM}, {EACCES, UT_BDB_SYSTEM},
        {ENOMEM, UT_BDB_SYSTEM}, {DB_VERSION_MISMATCH, UT_BDB_SYSTEM}, {EINVAL, UT_BDB_DAMAGED},
        {DB_RUNRECOVERY, UT_BDB_DAMAGED}, {DB_VERIFY_BAD, UT_BDB_DAMAGED}};
    struct ut_bdb b = {.said = "first words"};
    char why[UT_BDB_WHY];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        tap_num(ut_bdb_fold(&b, cases[i].err, why), cases[i].want, db_strerror(cases[i].err));
    memcpy(b.said, "because", 8);
    (void)ut_bdb_fold(&b, ENOSPC, why);
    tap_str(why, "No space left on device: because", "the library's own words are in the text");
    (void)ut_bdb_fold(&b, ENOSPC, why);
    tap_str(why, "No space left on device", "... once");
}

int
main(void)
{
    char cmd[64];

    if (!mkdtemp(dir))
        return 1;
    test_transactions();
    test_crash();
    test_damage();
    test_fold();
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    if (system(cmd) != 0)
        return 1;
    return tap_done();
}
