/* ut_bdb.h - a folder of Berkeley DB files that change in transactions.
 *
 *     lifecycle: ut_bdb_open -> ut_bdb_file ... -> DB->close of each file -> ut_bdb_close
 *
 * The environment is private to the process (DB_PRIVATE): there are no region files that a crash
 * could leave behind half written. Opening always runs recovery, so after a crash at any moment
 * exactly what was committed is there. Each page carries a checksum.
 *
 * Durable: a transaction when ut_bdb_end() gives 0, or with [nosync] when DB_ENV->txn_checkpoint()
 * does. Threads: one at a time in an environment and its files, the caller sees to that; hence no
 * locks, and nothing deadlocks. Processes: one may have the folder open, the caller sees to that.
 *
 * Functions that give an int give 0 or an error of the library, an errno among them; ut_bdb_fold()
 * says what it means. */
#ifndef UT_BDB_H
#define UT_BDB_H

#include <stdbool.h>
#include <stddef.h>

#include <db.h>

#include "lib/ut_bug.h"

/* The fields but [env] belong to ut_bdb.c. */
struct ut_bdb {
    DB_ENV *env;    /* NULL: not open */
    char said[256]; /* the library's own words on the failure; the first say why */
};

/* Opens the environment in the folder [dir], which must exist; files in it are made as they are
 * opened. [log_file]: bytes of one log file, which the library fills up when it opens it again.
 * [nosync]: a commit does not wait for the disk. [b] must stay where it is until it is closed;
 * after a failure it is not open. */
int
ut_bdb_open(struct ut_bdb *b, const char *dir, unsigned log_file, bool nosync) UT_CHECKED;
/* Closes what ut_bdb_open() opened; nothing if that is nothing. */
void
ut_bdb_close(struct ut_bdb *b);

/* Opens the file [name], a B-tree, or makes it, with [flags] for DB->set_flags(). [*db] is NULL
 * after a failure. To be closed before the environment. */
int
ut_bdb_file(struct ut_bdb *b, DB **db, const char *name, u_int32_t flags) UT_CHECKED;
/* Ends a transaction: commits it if [err] is 0, else aborts it. [err], or that of the commit. */
int
ut_bdb_end(DB_TXN *txn, int err) UT_CHECKED;
/* Makes [t] the [len] bytes at [p], lent, for the library to read. */
void
ut_bdb_bytes(DBT *t, const void *p, size_t len);

enum ut_bdb_trouble {
    UT_BDB_SYSTEM, /* the system refuses something: it can be mended and tried again */
    UT_BDB_DAMAGED /* the files, or what is in memory of them, are not what they should be */
};

#define UT_BDB_WHY 512

/* What the error [err], not 0, of the library means; [why] is set to the reason as a text. To be
 * called after each failure, before the next call. */
enum ut_bdb_trouble
ut_bdb_fold(struct ut_bdb *b, int err, char why[UT_BDB_WHY]);

#endif
