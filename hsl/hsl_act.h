/* hsl_act.h - one action of a flow script on its way from arguments to the host (hsl_host.h).
 *
 *     hsl_act_init -> hsl_act_reason, hsl_act_reply ... -> hsl_act_end
 *
 * Each step gives false with the run's error set; hsl_act_end() must be called in any case. The
 * arguments must stay until then. [n] is the number of the argument from 1, for messages. One
 * thread, as the run. */
#ifndef HSL_ACT_H
#define HSL_ACT_H

#include "hsl/hsl_lib.h"

#define HSL_ACT_LINES 32 /* lines of a reply that libmilter takes, and ... */
#define HSL_ACT_LINE 980 /* ... bytes of each */

struct hsl_act {
    struct hsl_run *run;
    const char *name; /* of the built-in, for messages */
    struct hsl_verdict v;
    struct ut_sbuf text; /* what v.lines lends */
    struct hsl_text lines[HSL_ACT_LINES];
    struct hsl_value keep; /* list of the strings that v lends besides, or none */
};

void hsl_act_init(struct hsl_act *a, struct hsl_run *r, const char *name, enum hsl_action action);
/* The reason: a string, or a list of lines; LF inside splits. Control characters become blanks,
 * what is beyond HSL_ACT_LINES and HSL_ACT_LINE is cut. */
bool hsl_act_reason(struct hsl_act *a, const struct hsl_value *v, unsigned n) UT_CHECKED;
/* Options reply_codes and disconnect of array [o]. The code has to begin with a digit of [classes]
 * ("5", "45"), else R15. */
bool hsl_act_reply(struct hsl_act *a, const struct hsl_value *o, unsigned n,
    const char *classes) UT_CHECKED;
/* The address of another recipient; "" is R15. */
bool hsl_act_recipient(struct hsl_act *a, const struct hsl_value *v, unsigned n) UT_CHECKED;
/* A "mailtransport:ID". */
bool hsl_act_transport(struct hsl_act *a, const struct hsl_value *v, unsigned n) UT_CHECKED;
/* A "mailquarantine:ID". */
bool hsl_act_quarantine(struct hsl_act *a, const struct hsl_value *v, unsigned n) UT_CHECKED;
/* Options recipient, transportid and metadata of array [o]. */
bool hsl_act_target(struct hsl_act *a, const struct hsl_value *o, unsigned n) UT_CHECKED;
/* If [ok]: tells the host, and ends the run if the action is final. Frees [a]. The result of the
 * built-in. */
bool hsl_act_end(struct hsl_act *a, bool ok) UT_CHECKED;

/* Array [v] as name, value, name, value ...: *pairs lies in the run's heap, its bytes are lent by
 * *keep (an array made here if it is none). *count gets the number of names. R07 for a value that
 * is no string, number or boolean. */
bool hsl_meta_pairs(struct hsl_run *r, const char *name, unsigned n, const struct hsl_value *v,
    struct hsl_value *keep, struct hsl_text **pairs, size_t *count) UT_CHECKED;
void hsl_meta_free(struct hsl_run *r, struct hsl_text *pairs, size_t count);
/* True if [v] is "PREFIX:ID" with an ID of letters, digits, - _ and dots; else R15. */
bool hsl_profile_check(struct hsl_run *r, const char *name, const char *prefix,
    const struct hsl_str *s) UT_CHECKED;
/* R15 for a host that has no such thing. Always false. */
bool hsl_act_no_host(struct hsl_run *r, const char *name);

#endif
