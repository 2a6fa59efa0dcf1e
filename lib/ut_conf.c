/* ut_conf.c - read the configuration file: libconfuse parses it, the rows of params.def say what
 * may stand there.
 * Not here: values as text (ut_conf_param.c), positions (ut_conf_scan.c), questions to a loaded
 * configuration and the dump (ut_conf_find.c).
 * Threads: any may load; loads wait for each other, since the scanner of libconfuse is one for
 * the process. A loaded configuration is constant and counted.
 * Fails: NULL with every mistake in the list that comes before a syntax error. Never prints.
 *
 * How all mistakes are found. libconfuse ends at the first name it does not know and at the first
 * validation that says no. So values are taken as text and validation always says yes, but notes
 * what is wrong; and a statement with an unknown name is noted, overwritten with blanks in our
 * copy of the text, and everything is parsed again, up to CONF_ROUNDS times. Only a real syntax
 * error then ends it. Which sections there are, twice or not closed, is read from the scan of the
 * text, because libconfuse takes two sections of one title as one and the end of the file as "}".
 *
 * Its call-backs get no pointer of ours: hence the one static variable, used under the lock. */
#include "config.h"

#include "lib/ut_conf.h"

#include <confuse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ut_conf_internal.h"
#include "lib/ut_file.h"
#include "lib/ut_num.h"
#include "lib/ut_sock.h"
#include "lib/ut_utf8.h"

#define CONF_FILE_MAX (4 << 20)
#define CONF_ROUNDS 100
#define CONF_DIAGS 1000
/* A bit of cfg_opt_t.flags that libconfuse does not use: the parameter was set in this section. */
#define CONF_SEEN (1 << 20)

struct conf_owner {
    struct ut_conf conf; /* first: a struct ut_conf * is a struct conf_owner * */
    atomic_uint refs;
    struct ut_arena *arena;
};

/* One reference such as transport = "mailtransport:1". */
struct conf_ref {
    enum conf_section section;
    const char *param;
    char id[128];
    unsigned line, column;
};

struct conf_load {
    const char *path;
    struct ut_sbuf text;         /* what is parsed; unknown statements get blanked */
    struct ut_sbuf original;     /* as read */
    struct conf_scan scan;       /* of [original] */
    struct ut_diag_list lasting; /* mistakes that parsing again will not find */
    struct ut_diag_list round;   /* mistakes of this round */
    struct conf_ref *refs;       /* of this round */
    size_t ref_count, ref_cap;
    bool again;  /* a statement was blanked */
    bool faulty; /* a configuration is wanted in spite of errors */
    bool oom;
    cfg_opt_t (*opts)[CONF_ROW_COUNT + CONF_SECTIONS];
};

static pthread_mutex_t conf_lock = PTHREAD_MUTEX_INITIALIZER;
static struct conf_load *conf_loading; /* under conf_lock */

/* The kind of section that [cfg] is. */
static enum conf_section
conf_kind(const cfg_t *cfg)
{
    enum conf_section s = conf_section_by_name(cfg->name);

    return s == CONF_SECTIONS ? CONF_global : s;
}

static void
conf_note(struct ut_diag_list *l, const struct conf_load *load, unsigned line,
    const struct conf_token *t, const char *text)
{
    ut_diag_list_at(l, UT_DIAG_ERROR, NULL, load->path, t ? t->line : line, t ? t->column : 0,
        "%s", text);
}

/* What to say of the name [word] in a section of kind [s] that does not know it. */
static void
conf_unknown_text(struct ut_sbuf *b, enum conf_section s, const char *word)
{
    const char *nearest = conf_row_nearest(s, word);
    const char *where = s == CONF_global ? "at the top level" : conf_section_name(s);

    if (conf_section_by_name(word) == CONF_domain && s == CONF_global) {
        ut_sbuf_addz(b, "a domain section belongs inside a mailserver section");
        return;
    }
    if (conf_section_by_name(word) != CONF_SECTIONS) {
        ut_sbuf_addf(b, "a %s section cannot stand inside %s; is a \"}\" missing above?", word,
            conf_section_name(s));
        return;
    }
    ut_sbuf_addf(b, "unknown parameter \"%s\" %s%s", word, s == CONF_global ? "" : "in section ",
        where);
    if (nearest) {
        ut_sbuf_addf(b, "; did you mean \"%s\"?", nearest);
        return;
    }
    for (int i = 0; i < CONF_SECTIONS; i++) {
        if (!conf_row_find((enum conf_section)i, word))
            continue;
        ut_sbuf_addf(b, "; it belongs %s%s", i == CONF_global ? "to the top level" : "into section ",
            conf_section_name((enum conf_section)i));
        return;
    }
}

/* Notes an unknown name and blanks its statement. */
static void
conf_unknown(struct conf_load *load, const cfg_t *cfg, const char *word)
{
    const struct conf_token *t = conf_scan_word(&load->scan, (unsigned)cfg->line, word);
    struct ut_sbuf b;
    size_t end;

    ut_sbuf_init(&b, 1024);
    conf_unknown_text(&b, conf_kind(cfg), word);
    conf_note(&load->lasting, load, (unsigned)cfg->line, t, ut_sbuf_text(&b));
    ut_sbuf_fini(&b);
    if (!t)
        return;
    end = conf_scan_statement_end(&load->scan, t);
    for (size_t i = t->start; i < end; i++) {
        if (load->text.data[i] == '\n')
            continue;
        load->again = load->again || load->text.data[i] != ' ';
        load->text.data[i] = ' ';
    }
}

/* What libconfuse says, and what to do about it. */
static const char *
conf_syntax_hint(const char *text)
{
    static const struct {
        const char *start, *hint;
    } hints[] = {
        {"missing equal sign", "; write NAME = VALUE"},
        {"missing title", "; write SECTION ID { ... }"},
        {"missing opening brace", "; write SECTION ID { ... }, an ID of several words in quotes"},
        {"unexpected closing brace", "; there is one \"}\" too many here or above"},
        {"unexpected token", "; a value with blanks or any of {}()=+,# needs quotes"},
        {"premature end of file", "; a value, a closing quote or a \"}\" is missing"},
        {"unterminated string", "; the closing quote is missing"},
    };

    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
        if (strncmp(text, hints[i].start, strlen(hints[i].start)) == 0)
            return hints[i].hint;
    return "";
}

/* The error call-back of libconfuse. Its text for an unknown name is "no such option 'NAME'". */
static UT_PRINTF(2, 0) void
conf_on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
    static const char unknown[] = "no such option '";
    struct conf_load *load = conf_loading;
    char text[512];
    size_t len, start = sizeof(unknown) - 1;
    int n = vsnprintf(text, sizeof(text), fmt, ap);

    if (n < 0)
        return;
    len = strlen(text);
    if (len > start + 1 && strncmp(text, unknown, start) == 0 && text[len - 1] == '\'') {
        text[len - 1] = '\0';
        conf_unknown(load, cfg, text + start);
        return;
    }
    ut_diag_list_at(&load->round, UT_DIAG_ERROR, NULL, load->path, (unsigned)cfg->line, 0, "%s%s",
        text, conf_syntax_hint(text));
}

/* Remembers the reference [value] of parameter [r], to be looked up when all is read. */
static void
conf_add_ref(struct conf_load *load, const struct conf_row *r, const char *value,
    const struct conf_token *t, unsigned line)
{
    bool transport = strcmp(r->name, "transport") == 0;
    const char *kind = transport ? "mailtransport" : "mailquarantine";
    struct conf_ref *ref;

    if (load->ref_count == load->ref_cap) {
        size_t cap = load->ref_cap ? 2 * load->ref_cap : 16;

        ref = reallocarray(load->refs, cap, sizeof(*ref));
        if (!ref) {
            load->oom = true;
            return;
        }
        load->refs = ref;
        load->ref_cap = cap;
    }
    ref = &load->refs[load->ref_count++];
    ref->section = transport ? CONF_mailtransport : CONF_mailquarantine;
    ref->param = r->name;
    ref->line = t ? t->line : line;
    ref->column = t ? t->column : 0;
    if (strncmp(value, kind, strlen(kind)) == 0 && value[strlen(kind)] == ':')
        value += strlen(kind) + 1;
    snprintf(ref->id, sizeof(ref->id), "%.*s", (int)sizeof(ref->id) - 1, value);
}

/* Checks that go beyond type and range. */
static int
conf_check_more(const struct conf_row *r, const char *value, struct ut_diag *d)
{
    struct ut_sock_addr a;
    struct ut_diag why;
    unsigned mode;

    if (r == &conf_rows[CONF_ROW_global_milter_socket_mode] && ut_num_mode(value, &mode) != 0)
        return ut_diag_set(d, "%s: \"%s\" is no octal number such as 0660", r->name, value);
    if ((r == &conf_rows[CONF_ROW_global_milter_listen] ||
            r == &conf_rows[CONF_ROW_global_reinject]) &&
        ut_sock_parse(value, &a, &why) != 0)
        return ut_diag_set(d, "%s: %s", r->name, why.text);
    if (r == &conf_rows[CONF_ROW_global_reinject] && a.family != UT_SOCK_INET)
        return ut_diag_set(d, "%s: \"%s\": write HOST:PORT", r->name, value);
    return 0;
}

/* The validation call-back of every parameter: notes what is wrong, never stops libconfuse. */
static int
conf_on_value(cfg_t *cfg, cfg_opt_t *opt)
{
    struct conf_load *load = conf_loading;
    const struct conf_row *r = conf_row_find(conf_kind(cfg), opt->name);
    const struct conf_token *t = conf_scan_word(&load->scan, (unsigned)cfg->line, opt->name);
    const char *value = cfg_opt_getnstr(opt, 0);
    unsigned line = (unsigned)cfg->line;
    struct ut_diag d;

    if (!r || !value)
        return 0;
    if (opt->flags & CONF_SEEN) {
        ut_diag_set(&d, "%s: set twice in this section; remove one", r->name);
        conf_note(&load->round, load, line, t, d.text);
    }
    opt->flags |= CONF_SEEN;
    if (conf_row_set(r, NULL, value, NULL, &d) != 0 || conf_check_more(r, value, &d) != 0)
        conf_note(&load->round, load, line, t, d.text);
    if (*value && (r->section == CONF_mailserver || r->section == CONF_domain) &&
        (strcmp(r->name, "transport") == 0 || strcmp(r->name, "quarantine") == 0))
        conf_add_ref(load, r, value, t, line);
    return 0;
}

/* Makes the option tables of libconfuse out of the rows. */
static void
conf_make_tables(struct conf_load *load)
{
    static const cfg_opt_t end = CFG_END();
    size_t n[CONF_SECTIONS] = {0};

    for (size_t i = 0; i < CONF_ROW_COUNT; i++) {
        const struct conf_row *r = &conf_rows[i];
        cfg_opt_t *o = &load->opts[r->section][n[r->section]++];

        *o = (cfg_opt_t)CFG_STR(r->name, NULL, CFGF_NODEFAULT);
        o->validcb = conf_on_value;
    }
    for (int s = CONF_global + 1; s < CONF_SECTIONS; s++) {
        int in = s == CONF_domain ? CONF_mailserver : CONF_global;

        load->opts[in][n[in]++] = (cfg_opt_t)CFG_SEC(
            conf_section_name((enum conf_section)s), load->opts[s], CFGF_MULTI | CFGF_TITLE);
    }
    for (int s = 0; s < CONF_SECTIONS; s++)
        load->opts[s][n[s]] = end;
}

/* An id that scripts can say: letters, digits, "_", "-", ".". */
static bool
conf_id_fits(const char *id, bool number)
{
    const char *set = number ? "0123456789"
                             : "0123456789_-.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    return *id && strlen(id) < 64 && strspn(id, set) == strlen(id);
}

static const char *
conf_title_fault(enum conf_section s, const char *title)
{
    if (s == CONF_mailserver && !conf_id_fits(title, true) && strcmp(title, "any") != 0)
        return "the id of a mailserver is a number or any";
    if (s == CONF_domain && (!*title || strlen(title) > 255 || strpbrk(title, "@ \t\n:/{}") ||
                                title[0] == '.' || !ut_utf8_valid(title, strlen(title))))
        return "this is no domain name; write for example \"example.com\", or any";
    if (s != CONF_mailserver && s != CONF_domain && !conf_id_fits(title, false))
        return "an id is made of letters, digits, \"_\", \"-\" and \".\", at most 63";
    return NULL;
}

/* Notes a section that the places before [i] have already. */
static void
conf_check_twice(struct conf_load *load, size_t i, const char *title)
{
    const struct conf_scan *s = &load->scan;
    const struct conf_place *p = &s->places[i], *q;

    for (size_t k = 0; k < i; k++) {
        q = &s->places[k];
        if (q->section != p->section || q->parent != p->parent ||
            !conf_token_is(s, &s->tokens[q->title], title, p->section == CONF_domain))
            continue;
        ut_diag_list_at(&load->lasting, UT_DIAG_ERROR, NULL, load->path, p->line, p->column,
            "section %s %s is there already, in line %u; join the two", conf_section_name(p->section),
            title, q->line);
        return;
    }
}

/* Checks of the sections as they stand in the text. */
static void
conf_check_places(struct conf_load *load)
{
    const struct conf_scan *s = &load->scan;
    const char *fault;
    char title[300];

    for (size_t i = 0; i < s->place_count; i++) {
        const struct conf_place *p = &s->places[i];
        const struct conf_token *t = &s->tokens[p->title];

        snprintf(title, sizeof(title), "%.*s",
            (int)(t->inner_end - t->inner < 299 ? t->inner_end - t->inner : 299),
            s->text + t->inner);
        fault = conf_title_fault(p->section, title);
        if (fault)
            conf_note(&load->lasting, load, p->line, t, fault);
        if (!p->closed)
            ut_diag_list_at(&load->lasting, UT_DIAG_ERROR, NULL, load->path, p->line, p->column,
                "section %s %s is not closed; a \"}\" is missing", conf_section_name(p->section),
                title);
        conf_check_twice(load, i, title);
    }
}

static void
conf_check_refs(struct conf_load *load)
{
    for (size_t i = 0; i < load->ref_count; i++) {
        const struct conf_ref *ref = &load->refs[i];

        if (conf_scan_section(&load->scan, ref->section, ref->id))
            continue;
        ut_diag_list_at(&load->round, UT_DIAG_ERROR, NULL, load->path, ref->line, ref->column,
            "%s: there is no section %s %s; add \"%s %s { }\" or name one that is there",
            ref->param, conf_section_name(ref->section), ref->id, conf_section_name(ref->section),
            ref->id);
    }
}

/* Sets the fields of the section struct [base] from [cfg] or their defaults; -1 without memory. */
static int
conf_fill(const struct conf_load *load, enum conf_section s, cfg_t *cfg, void *base,
    struct ut_arena *a)
{
    for (size_t i = 0; i < CONF_ROW_COUNT; i++) {
        const struct conf_row *r = &conf_rows[i];
        const char *value;

        if (r->section != s)
            continue;
        value = cfg_size(cfg, r->name) > 0 ? cfg_getstr(cfg, r->name) : NULL;
        if (value && conf_row_set(r, base, value, a, NULL) == 0)
            continue;
        if ((value && !load->faulty) || conf_row_default(r, base, a) != 0)
            return -1;
    }
    return 0;
}

/* Fills what every section struct begins with, its id and line, and its parameters. [nth] counts
 * sections of this kind in the whole file. */
static int
conf_fill_section(struct conf_load *load, enum conf_section s, cfg_t *cfg, size_t nth,
    const char **id, unsigned *line, void *base, struct ut_arena *a)
{
    const struct conf_place *p = conf_scan_nth(&load->scan, s, nth);
    const char *title = cfg_title(cfg);
    char *copy = ut_arena_dup(a, title, strlen(title));

    if (!copy)
        return -1;
    for (char *c = copy; s == CONF_domain && *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    *id = copy;
    *line = p ? p->line : 0;
    return conf_fill(load, s, cfg, base, a);
}

static int
conf_fill_mailserver(struct conf_load *load, cfg_t *cfg, size_t nth, size_t *domains,
    struct ut_conf_mailserver *m, struct ut_arena *a)
{
    if (conf_fill_section(load, CONF_mailserver, cfg, nth, &m->id, &m->line, m, a) != 0)
        return -1;
    m->domain_count = cfg_size(cfg, "domain");
    m->domains = ut_arena_calloc(a, m->domain_count, sizeof(*m->domains));
    if (!m->domains)
        return -1;
    for (unsigned i = 0; i < m->domain_count; i++) {
        struct ut_conf_domain *d = &m->domains[i];

        if (conf_fill_section(load, CONF_domain, cfg_getnsec(cfg, "domain", i), (*domains)++,
                &d->name, &d->line, d, a) != 0)
            return -1;
    }
    return 0;
}

static int
conf_fill_mailservers(struct conf_load *load, cfg_t *cfg, struct ut_conf *c, struct ut_arena *a)
{
    size_t domains = 0;

    c->mailserver_count = cfg_size(cfg, "mailserver");
    c->mailservers = ut_arena_calloc(a, c->mailserver_count, sizeof(*c->mailservers));
    if (!c->mailservers)
        return -1;
    for (unsigned i = 0; i < c->mailserver_count; i++)
        if (conf_fill_mailserver(load, cfg_getnsec(cfg, "mailserver", i), i, &domains,
                &c->mailservers[i], a) != 0)
            return -1;
    return 0;
}

/* The sections that only have an id and parameters: [array] and [count] of struct ut_conf_[kind]. */
#define CONF_FILL_PLAIN(kind, array, count)                                                        \
    do {                                                                                           \
        c->count = cfg_size(cfg, #kind);                                                           \
        c->array = ut_arena_calloc(a, c->count, sizeof(*c->array));                                \
        if (!c->array)                                                                             \
            return -1;                                                                             \
        for (unsigned i = 0; i < c->count; i++)                                                    \
            if (conf_fill_section(load, CONF_##kind, cfg_getnsec(cfg, #kind, i), i,                \
                    &c->array[i].id, &c->array[i].line, &c->array[i], a) != 0)                     \
                return -1;                                                                         \
    } while (0)

static int
conf_fill_all(struct conf_load *load, cfg_t *cfg, struct ut_conf *c, struct ut_arena *a)
{
    char *path = ut_arena_dup(a, load->path, strlen(load->path));

    c->path = path;
    if (!path || conf_fill(load, CONF_global, cfg, &c->global, a) != 0 ||
        conf_fill_mailservers(load, cfg, c, a) != 0)
        return -1;
    CONF_FILL_PLAIN(mailtransport, mailtransports, mailtransport_count);
    CONF_FILL_PLAIN(mailquarantine, mailquarantines, mailquarantine_count);
    CONF_FILL_PLAIN(ldap, ldaps, ldap_count);
    CONF_FILL_PLAIN(file, files, file_count);
    return 0;
}

static struct ut_conf *
conf_build(struct conf_load *load, cfg_t *cfg)
{
    struct conf_owner *o = calloc(1, sizeof(*o));

    if (o)
        o->arena = ut_arena_new(0);
    if (o && o->arena && conf_fill_all(load, cfg, &o->conf, o->arena) == 0) {
        atomic_init(&o->refs, 1);
        return &o->conf;
    }
    if (o)
        ut_arena_free(o->arena);
    free(o);
    load->oom = true;
    return NULL;
}

/* Parses the text once; gives the tree, or NULL if there was a syntax error or an unknown name. */
static cfg_t *
conf_round(struct conf_load *load)
{
    cfg_t *cfg;

    ut_diag_list_fini(&load->round);
    load->ref_count = 0;
    load->again = false;
    conf_make_tables(load);
    cfg = cfg_init(load->opts[CONF_global], CFGF_NONE);
    if (!cfg) {
        load->oom = true;
        return NULL;
    }
    cfg_set_error_function(cfg, conf_on_error);
    if (cfg_parse_buf(cfg, ut_sbuf_text(&load->text)) == CFG_SUCCESS)
        return cfg;
    cfg_free(cfg);
    return NULL;
}

static struct ut_conf *
conf_parse(struct conf_load *load)
{
    struct ut_conf *c = NULL;
    cfg_t *cfg = NULL;
    int rounds = 0;

    pthread_mutex_lock(&conf_lock);
    conf_loading = load;
    do
        cfg = conf_round(load);
    while (!cfg && load->again && ++rounds < CONF_ROUNDS);
    conf_check_refs(load);
    if (cfg && (load->faulty || load->lasting.errors + load->round.errors == 0))
        c = conf_build(load, cfg);
    if (cfg)
        cfg_free(cfg);
    else if (load->lasting.errors + load->round.errors == 0)
        load->oom = true;
    conf_loading = NULL;
    pthread_mutex_unlock(&conf_lock);
    return c;
}

static int
conf_diag_order(const void *a, const void *b)
{
    const struct ut_diag *x = a, *y = b;

    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    /* Column 0, which is unknown, comes last: such an entry is what the parser ended at. */
    return x->column - 1 < y->column - 1 ? -1 : x->column != y->column;
}

/* Gives the caller everything that was found, in the order of the file. */
static void
conf_report(struct conf_load *load, struct ut_diag_list *diags)
{
    for (size_t i = 0; i < load->round.count; i++)
        ut_diag_list_add(&load->lasting, &load->round.items[i]);
    if (load->lasting.count > 1)
        qsort(load->lasting.items, load->lasting.count, sizeof(*load->lasting.items),
            conf_diag_order);
    for (size_t i = 0; i < load->lasting.count; i++)
        ut_diag_list_add(diags, &load->lasting.items[i]);
    if (load->oom)
        ut_diag_list_at(diags, UT_DIAG_ERROR, NULL, load->path, 0, 0, "out of memory");
}

/* Reads the file and copies and scans its text; -1 if that is not to be parsed. */
static int
conf_prepare(struct conf_load *load, struct ut_diag_list *diags)
{
    struct ut_diag d;
    const char *nul;

    if (ut_file_read(load->path, CONF_FILE_MAX, &load->original, &d) != 0) {
        ut_diag_list_add(diags, &d);
        return -1;
    }
    nul = load->original.len ? memchr(load->original.data, '\0', load->original.len) : NULL;
    if (nul)
        return ut_diag_list_at(diags, UT_DIAG_ERROR, NULL, load->path, 0, 0,
            "byte %zu is a NUL; this is no text file", (size_t)(nul - load->original.data) + 1);
    ut_sbuf_add(&load->text, ut_sbuf_text(&load->original), load->original.len);
    /* A "\" as the last byte of an unfinished string would be echoed on the standard output. */
    if (load->text.len > 0 && load->text.data[load->text.len - 1] == '\\')
        ut_sbuf_addc(&load->text, '\n');
    load->opts = calloc(CONF_SECTIONS, sizeof(*load->opts));
    if (load->text.failed || !load->opts ||
        conf_scan_init(&load->scan, ut_sbuf_text(&load->original), load->original.len) != 0)
        return ut_diag_list_at(diags, UT_DIAG_ERROR, NULL, load->path, 0, 0,
            "out of memory, or more than %d sections", CONF_PLACES_MAX);
    return 0;
}

static struct ut_conf *
conf_load_file(const char *path, bool faulty, struct ut_diag_list *diags)
{
    struct conf_load load = {.path = path, .faulty = faulty};
    struct ut_conf *c = NULL;

    ut_sbuf_init(&load.text, CONF_FILE_MAX + 1);
    ut_sbuf_init(&load.original, CONF_FILE_MAX);
    ut_diag_list_init(&load.lasting, CONF_DIAGS);
    ut_diag_list_init(&load.round, CONF_DIAGS);
    if (conf_prepare(&load, diags) == 0) {
        conf_check_places(&load);
        c = conf_parse(&load);
        conf_report(&load, diags);
    }
    conf_scan_fini(&load.scan);
    ut_diag_list_fini(&load.lasting);
    ut_diag_list_fini(&load.round);
    ut_sbuf_fini(&load.text);
    ut_sbuf_fini(&load.original);
    free(load.refs);
    free(load.opts);
    return c;
}

struct ut_conf *
ut_conf_load(const char *path, struct ut_diag_list *diags)
{
    return conf_load_file(path, false, diags);
}

struct ut_conf *
ut_conf_load_faulty(const char *path, struct ut_diag_list *diags)
{
    return conf_load_file(path, true, diags);
}

static struct conf_owner *
conf_owner(struct ut_conf *c)
{
    return (struct conf_owner *)(void *)c;
}

struct ut_conf *
ut_conf_ref(struct ut_conf *c)
{
    atomic_fetch_add_explicit(&conf_owner(c)->refs, 1, memory_order_relaxed);
    return c;
}

void
ut_conf_unref(struct ut_conf *c)
{
    struct conf_owner *o = conf_owner(c);

    if (!c || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
        return;
    ut_arena_free(o->arena);
    free(o);
}
