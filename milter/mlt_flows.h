/* mlt_flows.h - one revision: a configuration with its compiled scripts and quarantines, and what
 * the scripts need of the milter protocol.
 *
 * Never changes once made; counted; shared by threads. A connection takes a reference when it
 * begins and decides by that revision to its end. */
#ifndef MLT_FLOWS_H
#define MLT_FLOWS_H

#include <stdbool.h>
#include <stddef.h>

#include "hsl/hsl.h"
#include "hsl/hsl_host.h"
#include "lib/ut_bug.h"
#include "lib/ut_conf.h"
#include "lib/ut_diag.h"
#include "milter/mlt_env.h"
#include "milter/mlt_hold.h"
#include "milter/mlt_limits.h"

/* One compiled script. */
struct mlt_script {
    const char *name; /* as the configuration says it; as long as the configuration */
    enum hsl_flow flow;
    struct hsl_prog *prog;
    bool modern; /* hsl_prog_is_modern() */
};

/* The scripts of a domain section; NULL: none. */
struct mlt_domain_flows {
    const struct mlt_script *rcpt;
    const struct mlt_script *mail;
};

/* Which steps of the protocol are needed, and which of them may be refused. */
struct mlt_steps {
    bool envelope; /* HELO, MAIL, RCPT */
    bool headers;
    bool body;
    bool reply_connect; /* else the mail server need not wait for our answer */
    bool reply_rcpt;
};

struct mlt_flows {
    struct ut_conf *conf;
    struct mlt_env *env;
    struct mlt_hold_set *holds; /* NULL until mlt_flows_open() */
    struct mlt_script *scripts;
    size_t script_count;
    const struct mlt_script **access;  /* one for each mailserver section; NULL: none */
    struct mlt_domain_flows **domains; /* for each mailserver section, one for each domain */
    struct mlt_limits limits;
    enum hsl_action access_on_error, rcpt_on_error, mail_on_error;
    int rcpt_implicit;   /* enum hsl_action, -1: by the script's generation */
    bool access_at_rcpt; /* refusals of the access flow are told at RCPT TO */
    bool split;          /* mixed_verdicts = split */
    struct mlt_steps steps;
    bool refuse_all; /* nothing could be loaded: every flow answers 451 */
    bool saved;      /* a saved revision, since the configuration does not load */
    double loaded;   /* when, of ut_time_wall() */
    unsigned refs;
};

/* Loads the configuration [path] and compiles its scripts; [saved]: those of the saved revision in
 * that folder (NULL: where the configuration says). [env] (may be NULL) is used again if it fits. Errors and warnings go to [diags]. One reference,
 * or NULL if there was an error. */
struct mlt_flows *mlt_flows_load(const char *path, const char *saved, struct mlt_env *env,
    struct ut_diag_list *diags) UT_CHECKED;
/* A revision of [conf] that decides nothing and answers 451 to all; NULL without memory. */
struct mlt_flows *mlt_flows_refusing(struct ut_conf *conf) UT_CHECKED;
/* Opens the quarantines and puts the file sections in force, before the first connection; -1
 * without memory. */
int mlt_flows_open(struct mlt_flows *f) UT_CHECKED;
struct mlt_flows *mlt_flows_ref(struct mlt_flows *f);
void mlt_flows_unref(struct mlt_flows *f); /* NULL is allowed */

/* The scripts of the section [s], and of the section [d] in it (NULL: none apply). */
const struct mlt_script *mlt_flows_access(
    const struct mlt_flows *f, const struct ut_conf_mailserver *s);
const struct mlt_script *mlt_flows_rcpt(
    const struct mlt_flows *f, const struct ut_conf_mailserver *s, const struct ut_conf_domain *d);
const struct mlt_script *mlt_flows_mail(
    const struct mlt_flows *f, const struct ut_conf_mailserver *s, const struct ut_conf_domain *d);

#endif
