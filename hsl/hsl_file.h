/* hsl_file.h - the files that scripts read: cached in the process, the same for the whole of a run.
 *
 * A content never changes once read. The cache holds the latest content of a file; a run keeps the
 * content that it got first under a name until it ends, whatever happens to the file meanwhile. */
#ifndef HSL_FILE_H
#define HSL_FILE_H

#include "hsl/hsl_env.h"
#include "hsl/hsl_run.h"

#define HSL_FILE_MAX (64u * 1024 * 1024) /* bytes of one file */

struct hsl_file; /* a content; any thread */
struct hsl_file_index; /* hsl_file_index.h */

/* The content of the file that a script calls [name], lent until the end of the run. NULL: R12, or
 * a limit. */
struct hsl_file *hsl_file_get(struct hsl_run *r, const struct hsl_str *name) UT_CHECKED;
const char *hsl_file_data(const struct hsl_file *f, size_t *len);
/* The end of the run: gives back what it held. Also if it read nothing. */
void hsl_file_run_fini(struct hsl_run *r);

/* The index of [f] for which same(index, arg) is true; NULL: none. Lent as long as [f]. */
struct hsl_file_index *hsl_file_find_index(struct hsl_file *f,
    bool (*same)(const struct hsl_file_index *index, const void *arg), const void *arg);
/* Keeps [index], which [f] frees with hsl_file_index_free() then. False: there are enough, it is
 * the caller's still. */
bool hsl_file_keep_index(struct hsl_file *f, struct hsl_file_index *index) UT_CHECKED;

#endif
