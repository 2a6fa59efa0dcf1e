/* ut_file.h - files: read whole, written whole or not at all, folders made, paths kept inside a
 * root. Any thread. */
#ifndef UT_FILE_H
#define UT_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"

/* Appends the whole file [path] to [out]. -1 with [d] set (and errno, 0 if there is none) if it
 * cannot be read, is no regular file, has more than [max] bytes or does not fit [out], which then
 * is as before. Never waits on a FIFO or device. */
int ut_file_read(const char *path, size_t max, struct ut_sbuf *out, struct ut_diag *d) UT_CHECKED;

/* Writes [len] bytes as the new file [path] of permissions [mode] (whatever the umask): when this
 * gives 0, the file is there and durable; when -1, [d] is set and the old one is untouched, or,
 * if only the last step failed, the new one is there but might not survive a power cut. */
int ut_file_write(const char *path, const void *p, size_t len, mode_t mode,
    struct ut_diag *d) UT_CHECKED;

/* The same in steps, for content that comes in pieces: open, write to f->fd as often as needed,
 * then commit or drop. */
struct ut_file_draft {
    int fd;     /* to write to; -1: not open */
    char *path; /* the name it will get */
    char *temp; /* the name it has now, in the same folder: ".NAME.XXXXXX" */
};

/* Starts a file that will be [path]; -1 with [d] set, and then nothing is open. */
int ut_file_draft_open(struct ut_file_draft *f, const char *path, mode_t mode,
    struct ut_diag *d) UT_CHECKED;
/* fsync, close, rename, fsync of the folder. Closes [f] in any case; -1 as ut_file_write(). */
int ut_file_draft_commit(struct ut_file_draft *f, struct ut_diag *d) UT_CHECKED;
/* Forgets the file. Nothing happens if [f] is not open. */
void ut_file_draft_drop(struct ut_file_draft *f);

/* Writes all [len] bytes to [fd]; -1 with errno set. Waits if [fd] does not block and is full. */
int ut_file_write_all(int fd, const void *p, size_t len) UT_CHECKED;
/* Makes the folder durable that the entry [path] is in: after rename(2), unlink(2). */
int ut_file_sync_parent(const char *path, struct ut_diag *d) UT_CHECKED;

/* Makes the folder [path] and those above it that are missing, each with [mode] less the umask.
 * A folder that exists stays as it is. */
int ut_file_mkdirs(const char *path, mode_t mode, struct ut_diag *d) UT_CHECKED;

/* Works out where [name] (relative to [root], or absolute) really is, symbolic links and ".."
 * followed, and appends that path to [out]. -1 with [d] set and errno: EACCES if it is not [root]
 * or below it, ENOENT and so on if it does not exist. */
int ut_file_inside(const char *root, const char *name, struct ut_sbuf *out,
    struct ut_diag *d) UT_CHECKED;

#endif
