/* hsl_lib_smtp.h - the server argument of smtp_lookup_auth() and smtp_lookup_rcpt(). */
#ifndef HSL_LIB_SMTP_H
#define HSL_LIB_SMTP_H

#include "hsl/hsl_lib.h"
#include "hsl/hsl_smtp.h"

/* One call. */
struct hsl_lookup {
    struct hsl_run *run;
    const char *function;
    struct ut_conf *conf;          /* texts of a profile live in it */
    struct hsl_smtp_server server; /* host NULL: none was named */
    struct ut_sbuf xclient;
    double timeout; /* seconds; the deadline of [server] has it already */
};

/* Begins the call of [function] with server [v], its first argument, which has to stay: a profile or
 * an array. To be ended by hsl_lookup_end() if it succeeds. false: R07, R15, the limit max_sockets. */
bool hsl_lookup_begin(struct hsl_run *r, struct hsl_lookup *l, const char *function,
    const struct hsl_value *v) UT_CHECKED;
void hsl_lookup_end(struct hsl_lookup *l);

#endif
