/* hsl_host.h - what a script can reach outside the language: a struct of functions that the
 * milter, the policy daemon, the runner and the tests each provide in their own way.
 *
 * The functions are called on the thread that runs the script, with the [arg] given to hsl_run().
 * A NULL function means that the host has no such thing; the built-in then raises R15. Everything
 * handed over is borrowed during the call unless said. A host records; it decides and sends
 * nothing before all runs of a message have ended (design §3). */
#ifndef HSL_HOST_H
#define HSL_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hsl/hsl.h"
#include "lib/ut_sbuf.h"

/* Borrowed text: may hold NUL. */
struct hsl_text {
    const char *p;
    size_t len;
};

/* Where in the script something happened. */
struct hsl_place {
    const char *file; /* as in messages; lives as long as the program */
    unsigned line;
    unsigned column;
};

/* --- Values for predefined variables ------------------------------------------------------- */

/* Builds one value inside the run. After an error (limit, memory) the calls do nothing and the
 * run ends. Arrays nest; inside one, a key may precede each value (without: appended). */
struct hsl_build;
void hsl_build_none(struct hsl_build *b);
void hsl_build_bool(struct hsl_build *b, bool v);
void hsl_build_num(struct hsl_build *b, double v);
void hsl_build_str(struct hsl_build *b, const char *p, size_t len);
void hsl_build_strz(struct hsl_build *b, const char *s); /* NULL as "" */
void hsl_build_array(struct hsl_build *b); /* opens an array */
void hsl_build_end(struct hsl_build *b);   /* closes it */
void hsl_build_key(struct hsl_build *b, const char *key);

/* --- Actions -------------------------------------------------------------------------------- */

/* ORDER ACTION: hsl_action_name() */
enum hsl_action {
    HSL_ALLOW,     /* access */
    HSL_BLOCK,     /* access; code 554 unless the text or options say otherwise */
    HSL_ACCEPT,    /* rcpt and others */
    HSL_REJECT,
    HSL_DEFER,
    HSL_DELIVER,   /* mail */
    HSL_DELETE,    /* mail: accept and drop for this recipient */
    HSL_QUARANTINE,
    HSL_COPY,      /* CopyMail: one more recipient, message as it is now */
    HSL_DONE       /* end without a further action */
};
const char *hsl_action_name(enum hsl_action a); /* "Allow", "Block" ... */

/* One action as the script gave it; checked by the built-in (addresses, classes of codes). */
struct hsl_verdict {
    enum hsl_action action;
    bool final;               /* ends the run; false: Deliver or Quarantine with done=false, Copy */
    struct hsl_text *lines;   /* reason or reply text, split into lines; may be none */
    size_t line_count;
    unsigned code;            /* reply code asked for, 0: the action's own */
    unsigned char enhanced[3];/* enhanced status code asked for; 0.0.0: the action's own */
    bool disconnect;          /* answer 421/521 and close, where Postfix can */
    struct hsl_text recipient;/* Deliver, Quarantine, Copy, Accept: other recipient; p NULL: none */
    struct hsl_text transport;/* "mailtransport:ID"; p NULL: none */
    struct hsl_text quarantine;/* Quarantine: "mailquarantine:ID"; p NULL: the domain's own */
    int reject;               /* Quarantine: 1 refuse after storing, 0 accept, -1 not said */
    struct hsl_text *meta;    /* metadata as name, value, name, value ... */
    size_t meta_count;        /* number of names */
    struct hsl_place place;   /* the call */
};

/* --- Header edits --------------------------------------------------------------------------- */

enum hsl_header_op {
    HSL_HEADER_ADD,    /* one more at the top */
    HSL_HEADER_SET,    /* replace all of that name by one, create if missing */
    HSL_HEADER_PREPEND,/* put text before the value of the topmost, create if missing */
    HSL_HEADER_APPEND,
    HSL_HEADER_DEL
};

struct hsl_host {
    /* One record of echo (level -1: echo_priority of the configuration) or syslog(): level + (facility
     * << 3), facility 0 as configured. [text] is one line of valid UTF-8 without control characters,
     * at most 8 KiB: the built-in has split, escaped and cut. */
    void (*log)(void *arg, int level, const char *text, size_t len, const struct hsl_place *place);
    /* The value of the predefined variable [name] (without $) into [b]; false: unknown here, the
     * run takes "" false 0 [] by its type in hsl_flow.def. Called at most once per run and
     * variable, and again after a Set... function changed it. */
    bool (*var)(void *arg, const char *name, struct hsl_build *b);
    /* $context of the connection, as bytes made by the run; get gives NULL if never set. The
     * bytes of get are lent until the next set. set copies; false: no memory. */
    const char *(*context_get)(void *arg, size_t *len);
    bool (*context_set)(void *arg, const char *p, size_t len);

    /* Records an action. false with [why] filled (one line): the built-in raises R15. */
    bool (*verdict)(void *arg, const struct hsl_verdict *v, struct ut_diag *why);

    /* The raw value (as received, with folding, without the line end) of occurrence [index] (from 0
     * at the top) of header [name], with this run's edits so far; false: there is none. [out] is
     * emptied first. A name of NULL: occurrence [index] of all, [out] gets "Name: value". */
    bool (*header_get)(void *arg, const char *name, size_t index, struct ut_sbuf *out);
    /* Records an edit. [value] is raw and folded already, without line end; lines inside are joined
     * by CR LF and a blank or tab. The number of headers changed or added, -1 with [why]. */
    long (*header_edit)(void *arg, enum hsl_header_op op, const char *name, const char *value,
        size_t len, struct ut_diag *why);
    /* Forgets all edits of this run; their number. */
    long (*edits_discard)(void *arg);

    /* SetSender, SetRecipient, SetMailTransport: [what] is "sender", "recipient", "transport". SetHELO
     * and options of Accept() that change what later flows see: "helo", "remoteip", "remoteptr",
     * "username" (auth), "sender" (mailfrom).
     * false with [why]: R15. */
    bool (*set)(void *arg, const char *what, const char *value, size_t len, struct ut_diag *why);
    /* SetMetaData: replaces; name, value pairs as in hsl_verdict. */
    bool (*meta_set)(void *arg, const struct hsl_text *pairs, size_t count);
    /* True if the run shall end now; asked as often as the clock is looked at. May be NULL. */
    bool (*interrupted)(void *arg);
    /* GetMetaData into [b] as an array. */
    void (*meta_get)(void *arg, struct hsl_build *b);
};

#endif
