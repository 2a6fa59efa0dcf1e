/* qtn_server.h - the control socket of penstock-quarantined: what it can be asked.
 *
 * Requests (ut_ctl.h), each value of `request` with its attributes, and the records of its answer:
 *   list      the filters of qtn_filter.h; a record a message: qtn_record_attrs()
 *   show      id; first as list, then `metadata` (NAME=VALUE) and `header` (a line as it
 *             stands in the message), one a record
 *   view      id; `data`: the original message in pieces
 *   release   id; `id`, `result` (released, already), `note`
 *   delete    id; `id`, `result` (deleted, already)
 *   check     `problem`, `note`, `progress`, at the end `files`
 *   reindex   `problem`, `note`, `progress`, at the end `messages`
 *   status    what `penstock status` shows
 * Where a message of that `id` is not there, the answer is `missing` and an error. */
#ifndef QTN_SERVER_H
#define QTN_SERVER_H

#include "lib/ut_ctl.h"

/* Answers one request; [arg] is the struct qtn_keeper, lent as long as the socket is served. */
ut_ctl_handler qtn_server_handle;

#endif
