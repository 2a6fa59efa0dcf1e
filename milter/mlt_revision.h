/* mlt_revision.h - the last configuration that loaded, with its scripts, kept on disk: what is used
 * when the daemon starts and the present one does not load (design §4).
 *
 * In STATE_DIRECTORY/revision/: penstock.conf, flows/ with all that the flow folder had, and what
 * else the scripts include and import: data/ with files of the data folder, file/ID/ with those of
 * `file` sections. */
#ifndef MLT_REVISION_H
#define MLT_REVISION_H

#include "lib/ut_bug.h"
#include "lib/ut_conf.h"
#include "lib/ut_diag.h"
#include "lib/ut_sbuf.h"
#include "milter/mlt_flows.h"

/* Copies the configuration of [f] and the files of its scripts to its state directory, in place of
 * what was there, after the copy has proved to load. -1 with [d] set: the old one is untouched. */
int mlt_revision_save(const struct mlt_flows *f, struct ut_diag *d) UT_CHECKED;
/* Loads what was saved in [state_directory]; NULL with the reason in [diags] (ENOENT too). */
struct mlt_flows *mlt_revision_load(
    const char *state_directory, struct ut_diag_list *diags) UT_CHECKED;
/* The state directory that the configuration [path], which may be full of mistakes, seems to name;
 * else the default. Appends it to [out]. */
void mlt_revision_directory(const char *path, struct ut_sbuf *out);

#endif
