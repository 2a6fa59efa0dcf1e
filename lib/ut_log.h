/* ut_log.h - structured log: one JSON object a line, through jansson.
 *
 * Every record has time (RFC 3339, UTC, microseconds), level, program, pid and text; other
 * fields are added by name. Sinks: stderr, a file, syslog, the journal. Bytes from outside are escaped: control bytes and invalid UTF-8 become
 * \xHH, and nothing is cut inside a UTF-8 character. Threads: any may call; a record is one
 * write. All calls keep errno. */
#ifndef UT_LOG_H
#define UT_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ut_bug.h"
#include "lib/ut_diag.h"

/* The values are those of syslog(3). */
enum ut_log_level {
    UT_LOG_EMERG,
    UT_LOG_ALERT,
    UT_LOG_CRIT,
    UT_LOG_ERR,
    UT_LOG_WARNING,
    UT_LOG_NOTICE,
    UT_LOG_INFO,
    UT_LOG_DEBUG
};

/* Opens the sink [target]: "stderr", "syslog", "journal" or an absolute file name; records
 * above [level] are dropped. [program] is copied. May be called again, also with the same file,
 * which may have been rotated; no record is lost between. 0, or -1 with [d] set and the sink that
 * was open before still in use. */
int ut_log_open(const char *program, const char *target, enum ut_log_level level,
    struct ut_diag *d) UT_CHECKED;
/* From now on records go to the standard error. */
void ut_log_close(void);
/* True if a record of [level] would be written. */
bool ut_log_wants(enum ut_log_level level);
/* The level named "emerg" ... "debug", or -1. And back; "" for a number that is none. */
int ut_log_level_by_name(const char *name);
const char *ut_log_level_name(enum ut_log_level level);

/* One record with text only. */
void ut_log(enum ut_log_level level, const char *fmt, ...) UT_PRINTF(2, 3);
/* One record from a diagnostic: fields file, line, column, code. [what] comes before its text,
 * may be NULL. */
void ut_log_diag(enum ut_log_level level, const char *what, const struct ut_diag *d);
/* One record for each entry of [l], a note with the level of what it belongs to. [first] (may be
 * NULL) is set to the text of the first error with its place, and whether there are more. */
void ut_log_diags(const struct ut_diag_list *l, struct ut_diag *first);

/* A record built field by field:
 *     struct ut_log_rec *r = ut_log_begin(UT_LOG_INFO);
 *     ut_log_text(r, "held in %s", id); ut_log_str(r, "queue", qid); ut_log_end(r);
 * begin gives NULL if the level is dropped or memory is out; the others accept NULL. */
struct ut_log_rec;
struct ut_log_rec *ut_log_begin(enum ut_log_level level);
void ut_log_text(struct ut_log_rec *r, const char *fmt, ...) UT_PRINTF(2, 3);
/* The text from bytes that come from outside. */
void ut_log_bytes(struct ut_log_rec *r, const char *p, size_t len);
/* A field; NULL and "" values are left out. [name] and [value] are borrowed. */
void ut_log_str(struct ut_log_rec *r, const char *name, const char *value);
void ut_log_strn(struct ut_log_rec *r, const char *name, const char *value, size_t len);
void ut_log_num(struct ut_log_rec *r, const char *name, double value);
void ut_log_int(struct ut_log_rec *r, const char *name, long long value);
/* Writes the record and frees [r]. */
void ut_log_end(struct ut_log_rec *r);

/* True at most once a second for each [kind] (a small constant number, below 32): for warnings
 * that a peer can provoke. */
bool ut_log_once_a_second(unsigned kind);

#endif
