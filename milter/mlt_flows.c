/* mlt_flows.c - one revision of configuration and scripts.
 * Not here: keeping good revisions on disk (mlt_revision.c), swapping them (mlt_server.c).
 * Threads: any for reading and counting; one makes it. Fails: errors in configuration or scripts.
 *
 * Which steps are needed. Postfix is asked only for what the scripts of all listeners together can
 * use, since which listener a connection comes from is not known when the steps are agreed on.
 *
 * The envelope: if there is any recipient or mail flow. Headers: if a mail flow reads or edits
 * them, may refuse a recipient among others (the report to the sender has the headers in it), or
 * needs the body.
 *
 * The body: whenever the message may have to be written out whole. That is if a script mentions
 * Quarantine; and if one run may want another message than the next, because then all but one of
 * the groups are re-injected as copies: edits of headers, SetMailTransport, CopyMail, and Deliver,
 * which takes a transport too. What a script mentions is all that can be known here: whether there
 * will be more than one recipient is not. A mail flow that only reads, and refuses, defers, deletes
 * or changes addresses gets no body, since all it delivers is one and the same message. A recipient
 * flow may choose transports too: with SetMailTransport the body is asked for; by Accept it rarely
 * does, so without a body the second recipient with another transport is told to come in a message
 * of its own (mlt_sess.c).
 *
 * Replies before end of message: at connect if there is an access flow; at RCPT TO if something
 * can refuse a recipient: a recipient flow, a listener that lists its domains, a quarantine that
 * is full, a refusal at connect that is told later. */
#include "config.h"

#include "milter/mlt_flows.h"

#include <stdlib.h>
#include <string.h>

#include "lib/ut_file.h"
#include "lib/ut_time.h"

/* --- Settings --------------------------------------------------------------------------------- */

/* The action that a word of the configuration means; -1: none ("auto"). */
static int
action_of(const char *word)
{
    static const struct {
        const char *word;
        enum hsl_action action;
    } words[] = {
        {"allow", HSL_ALLOW},
        {"block", HSL_BLOCK},
        {"accept", HSL_ACCEPT},
        {"reject", HSL_REJECT},
        {"defer", HSL_DEFER},
        {"deliver", HSL_DELIVER},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].word, word) == 0)
            return (int)words[i].action;
    }
    return -1;
}

static void
set_settings(struct mlt_flows *f)
{
    const struct ut_conf_global *g = &f->conf->global;

    f->access_on_error = (enum hsl_action)action_of(g->access_on_error);
    f->rcpt_on_error = (enum hsl_action)action_of(g->rcpt_on_error);
    f->mail_on_error = (enum hsl_action)action_of(g->mail_on_error);
    f->rcpt_implicit = action_of(g->rcpt_implicit);
    f->access_at_rcpt = strcmp(g->access_reply, "rcpt") == 0;
    f->split = strcmp(g->mixed_verdicts, "split") == 0;
}

/* --- Scripts ---------------------------------------------------------------------------------- */

/* What is being loaded. */
struct load {
    struct mlt_flows *flows;
    const char *saved; /* folder of a saved revision, or NULL */
    const char *flow_dir;
    struct ut_diag_list *diags;
};

/* Compiles the script [name] for [flow], once for all sections that name it, and also once if it
 * has errors. [line] is where the configuration names it. NULL: no name, or errors. */
static const struct mlt_script *
compile(struct load *l, const char *name, enum hsl_flow flow, unsigned line)
{
    struct hsl_source source = {.name = name,
        .flow = flow,
        .limits = mlt_limits_of(&l->flows->limits, flow),
        .conf = l->flows->conf};
    struct mlt_script *script;
    struct ut_sbuf path;
    struct ut_diag d;

    if (name[0] == '\0')
        return NULL;
    for (size_t i = 0; i < l->flows->script_count; i++) {
        script = &l->flows->scripts[i];
        if (script->flow == flow && strcmp(script->name, name) == 0)
            return script->prog ? script : NULL;
    }
    ut_sbuf_init(&path, 4096);
    script = &l->flows->scripts[l->flows->script_count++];
    script->name = name;
    script->flow = flow;
    if (ut_file_inside(l->flow_dir, name, &path, &d) == 0) {
        source.path = ut_sbuf_text(&path);
        script->prog = hsl_compile(mlt_env_hsl(l->flows->env), &source, l->diags);
    } else {
        ut_diag_list_at(l->diags, UT_DIAG_ERROR, NULL, l->flows->conf->path, line, 0,
            "cannot use the script \"%s\": %s", name, d.text);
    }
    ut_sbuf_fini(&path);
    if (!script->prog)
        return NULL;
    script->modern = hsl_prog_is_modern(script->prog);
    return script;
}

static int
compile_server(struct load *l, size_t i)
{
    const struct ut_conf_mailserver *s = &l->flows->conf->mailservers[i];
    struct mlt_domain_flows *domains = calloc(s->domain_count + 1, sizeof(*domains));

    if (!domains)
        return ut_diag_list_at(l->diags, UT_DIAG_ERROR, NULL, NULL, 0, 0, "out of memory");
    l->flows->domains[i] = domains;
    l->flows->access[i] = compile(l, s->access_flow, HSL_FLOW_ACCESS, s->line);
    for (size_t j = 0; j < s->domain_count; j++) {
        const struct ut_conf_domain *d = &s->domains[j];

        domains[j].rcpt = compile(l, d->recipient_flow, HSL_FLOW_RCPT, d->line);
        domains[j].mail = compile(l, d->mail_flow, HSL_FLOW_MAIL, d->line);
    }
    return 0;
}

static int
make_tables(struct mlt_flows *f)
{
    const struct ut_conf *c = f->conf;
    size_t most = 1;

    for (size_t i = 0; i < c->mailserver_count; i++)
        most += 1 + 2 * c->mailservers[i].domain_count;
    f->scripts = calloc(most, sizeof(*f->scripts));
    f->access = calloc(c->mailserver_count + 1, sizeof(*f->access));
    f->domains = calloc(c->mailserver_count + 1, sizeof(*f->domains));
    return f->scripts && f->access && f->domains ? 0 : -1;
}

/* --- Steps ------------------------------------------------------------------------------------ */

static bool
mentions_any(const struct mlt_script *s, const char *const *names)
{
    for (; *names; names++) {
        if (hsl_prog_mentions(s->prog, *names))
            return true;
    }
    return false;
}

static void
add_mail_steps(struct mlt_steps *steps, const struct mlt_script *s)
{
    static const char *const whole[] = {"Quarantine", "CopyMail", "CopyTo", "SetMailTransport",
        "Deliver", "DirectDeliver", "DeliverAsSpam", "AddHeader", "SetHeader", "PrependHeader",
        "AppendHeader", "DelHeader", "size", NULL};
    static const char *const head[] = {"Reject", "GetHeader", "GetHeaders", NULL};
    static const char *const holds[] = {"Quarantine", NULL};

    steps->envelope = true;
    if (mentions_any(s, whole))
        steps->body = steps->headers = true;
    if (mentions_any(s, head))
        steps->headers = true;
    if (mentions_any(s, holds))
        steps->reply_rcpt = true;
}

static void
add_rcpt_steps(struct mlt_steps *steps, const struct mlt_script *s)
{
    steps->envelope = steps->reply_rcpt = true;
    if (hsl_prog_mentions(s->prog, "SetMailTransport"))
        steps->body = steps->headers = true;
}

/* True if a recipient may have a domain that [s] has no section for. */
static bool
lists_domains(const struct ut_conf_mailserver *s)
{
    for (size_t i = 0; i < s->domain_count; i++) {
        if (strcmp(s->domains[i].name, "any") == 0)
            return false;
    }
    return s->domain_count > 0;
}

static void
set_steps(struct mlt_flows *f)
{
    struct mlt_steps *steps = &f->steps;

    for (size_t i = 0; i < f->script_count; i++) {
        if (f->scripts[i].flow == HSL_FLOW_ACCESS && f->access_at_rcpt)
            steps->envelope = steps->reply_rcpt = true;
        else if (f->scripts[i].flow == HSL_FLOW_ACCESS)
            steps->reply_connect = true;
        else if (f->scripts[i].flow == HSL_FLOW_RCPT)
            add_rcpt_steps(steps, &f->scripts[i]);
        else
            add_mail_steps(steps, &f->scripts[i]);
    }
    for (size_t i = 0; i < f->conf->mailserver_count; i++) {
        if (lists_domains(&f->conf->mailservers[i]))
            steps->envelope = steps->reply_rcpt = true;
    }
}

/* --- The whole -------------------------------------------------------------------------------- */

static struct mlt_flows *
flows_new(struct ut_conf *conf)
{
    struct mlt_flows *f = calloc(1, sizeof(*f));

    if (!f)
        return NULL;
    f->refs = 1;
    f->conf = ut_conf_ref(conf);
    f->loaded = ut_time_wall();
    set_settings(f);
    if (make_tables(f) != 0) {
        mlt_flows_unref(f);
        return NULL;
    }
    return f;
}

static int
fill(struct load *l, struct mlt_env *env)
{
    struct mlt_flows *f = l->flows;
    size_t errors = l->diags->errors;
    struct ut_diag d;

    f->env = env && !l->saved && mlt_env_fits(env, f->conf) ? mlt_env_ref(env)
                                                            : mlt_env_new(f->conf, l->saved, &d);
    if (!f->env) {
        ut_diag_list_add(l->diags, &d);
        return -1;
    }
    l->flow_dir = mlt_env_flow_dir(f->env);
    mlt_limits_load(f->conf, &f->limits, l->diags);
    for (size_t i = 0; i < f->conf->mailserver_count; i++) {
        if (compile_server(l, i) != 0)
            return -1;
    }
    if (l->diags->errors > errors)
        return -1;
    set_steps(f);
    return 0;
}

struct mlt_flows *
mlt_flows_load(const char *path, const char *saved, struct mlt_env *env, struct ut_diag_list *diags)
{
    struct ut_conf *conf = ut_conf_load(path, diags);
    struct load l = {.saved = saved, .diags = diags};

    if (!conf)
        return NULL;
    l.flows = flows_new(conf);
    ut_conf_unref(conf);
    if (!l.flows) {
        ut_diag_list_at(diags, UT_DIAG_ERROR, NULL, NULL, 0, 0, "out of memory");
        return NULL;
    }
    if (fill(&l, env) != 0) {
        mlt_flows_unref(l.flows);
        return NULL;
    }
    return l.flows;
}

struct mlt_flows *
mlt_flows_refusing(struct ut_conf *conf)
{
    struct mlt_flows *f = flows_new(conf);

    if (f) {
        f->refuse_all = true;
        f->steps.reply_connect = true;
    }
    return f;
}

int
mlt_flows_open(struct mlt_flows *f)
{
    if (f->env)
        hsl_env_use(mlt_env_hsl(f->env), f->conf);
    f->holds = mlt_hold_set_new(f->conf);
    return f->holds ? 0 : -1;
}

struct mlt_flows *
mlt_flows_ref(struct mlt_flows *f)
{
    __atomic_add_fetch(&f->refs, 1, __ATOMIC_RELAXED);
    return f;
}

void
mlt_flows_unref(struct mlt_flows *f)
{
    if (!f || __atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    for (size_t i = 0; i < f->script_count; i++)
        hsl_prog_unref(f->scripts[i].prog);
    for (size_t i = 0; f->domains && i < f->conf->mailserver_count; i++)
        free(f->domains[i]);
    mlt_hold_set_free(f->holds);
    mlt_env_unref(f->env);
    free(f->domains);
    free(f->access);
    free(f->scripts);
    ut_conf_unref(f->conf);
    free(f);
}

/* --- Look-up ---------------------------------------------------------------------------------- */

static size_t
server_index(const struct mlt_flows *f, const struct ut_conf_mailserver *s)
{
    return (size_t)(s - f->conf->mailservers);
}

const struct mlt_script *
mlt_flows_access(const struct mlt_flows *f, const struct ut_conf_mailserver *s)
{
    return s ? f->access[server_index(f, s)] : NULL;
}

const struct mlt_script *
mlt_flows_rcpt(
    const struct mlt_flows *f, const struct ut_conf_mailserver *s, const struct ut_conf_domain *d)
{
    return s && d ? f->domains[server_index(f, s)][d - s->domains].rcpt : NULL;
}

const struct mlt_script *
mlt_flows_mail(
    const struct mlt_flows *f, const struct ut_conf_mailserver *s, const struct ut_conf_domain *d)
{
    return s && d ? f->domains[server_index(f, s)][d - s->domains].mail : NULL;
}
