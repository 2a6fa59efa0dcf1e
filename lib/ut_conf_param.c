/* ut_conf_param.c - the rows of params.def as data: names, defaults, ranges, and how a value is
 * read from and written as text.
 * Not here: the file's syntax (ut_conf.c).
 * Threads: any; the rows are constant.
 * Fails: a value that is not of the row's type or range, with the remedy in the diagnostic. */
#include "config.h"

#include "lib/ut_conf_internal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/ut_near.h"
#include "lib/ut_num.h"

#define CONF_DEF_STR(d) .def_text = (d),
#define CONF_DEF_LIST(d) .def_text = (d),
#define CONF_DEF_WORD(d) .def_text = (d),
#define CONF_DEF_INT(d) .def = (d),
#define CONF_DEF_BOOL(d) .def = (d),
#define CONF_DEF_TIME(d) .def = (d),
#define CONF_DEF_SIZE(d) .def = (d),
#define CONF_RANGE_STR(a, b)
#define CONF_RANGE_LIST(a, b)
#define CONF_RANGE_BOOL(a, b)
#define CONF_RANGE_WORD(a, b) .words = (a),
#define CONF_RANGE_INT(a, b) .min = (a), .max = (b),
#define CONF_RANGE_TIME(a, b) .min = (a), .max = (b),
#define CONF_RANGE_SIZE(a, b) .min = (a), .max = (b),

const struct conf_row conf_rows[CONF_ROW_COUNT] = {
#define UT_PARAM(section_, type_, name_, def_, min_, max_, text_)                                  \
    {.section = CONF_##section_,                                                                   \
        .type = CONF_##type_,                                                                      \
        .name = #name_,                                                                            \
        .offset = offsetof(struct ut_conf_##section_, name_),                                      \
        CONF_DEF_##type_(def_) CONF_RANGE_##type_(min_, max_).text = (text_)},
#include "lib/params.def"
};

static const char *const conf_section_names[CONF_SECTIONS] = {
    "", "mailserver", "domain", "mailtransport", "mailquarantine", "ldap", "file"};

static const char *const conf_type_names[] = {"STR", "LIST", "INT", "BOOL", "TIME", "SIZE", "WORD"};

const char *
conf_section_name(enum conf_section s)
{
    return conf_section_names[s];
}

enum conf_section
conf_section_by_name(const char *name)
{
    for (int i = CONF_global + 1; i < CONF_SECTIONS; i++)
        if (strcmp(conf_section_names[i], name) == 0)
            return (enum conf_section)i;
    return CONF_SECTIONS;
}

const struct conf_row *
conf_row_find(enum conf_section s, const char *name)
{
    for (size_t i = 0; i < CONF_ROW_COUNT; i++)
        if (conf_rows[i].section == s && strcmp(conf_rows[i].name, name) == 0)
            return &conf_rows[i];
    return NULL;
}

/* Section [s] may stand directly in section [in]. */
static bool
conf_section_fits(enum conf_section s, enum conf_section in)
{
    return s == CONF_domain ? in == CONF_mailserver : s != CONF_global && in == CONF_global;
}

const char *
conf_row_nearest(enum conf_section s, const char *word)
{
    struct ut_near near = ut_near_to(word);

    for (size_t i = 0; i < CONF_ROW_COUNT; i++)
        if (conf_rows[i].section == s)
            ut_near_try(&near, conf_rows[i].name);
    for (int i = 0; i < CONF_SECTIONS; i++)
        if (conf_section_fits((enum conf_section)i, s))
            ut_near_try(&near, conf_section_names[i]);
    return near.best;
}

/* True if [word] is among the blank-separated [words]. */
static bool
conf_word_in(const char *words, const char *word)
{
    size_t len = strlen(word), n;

    if (len == 0 || strchr(word, ' '))
        return false;
    for (; *words; words += n + strspn(words + n, " ")) {
        n = strcspn(words, " ");
        if (n == len && memcmp(words, word, n) == 0)
            return true;
    }
    return false;
}

static int
conf_bool(const char *text, bool *out)
{
    if (conf_word_in("yes true on", text))
        *out = true;
    else if (conf_word_in("no false off", text))
        *out = false;
    else
        return -1;
    return 0;
}

/* Seconds or bytes in the largest unit that divides them. */
static void
conf_print_scaled(long long value, const char *units, const long long *factors, struct ut_sbuf *out)
{
    for (size_t i = 0; value != 0 && units[i]; i++) {
        if (value % factors[i] == 0) {
            ut_sbuf_addf(out, "%lld%c", value / factors[i], units[i]);
            return;
        }
    }
    ut_sbuf_addf(out, "%lld", value);
}

static void
conf_print_number(enum conf_type type, long long value, struct ut_sbuf *out)
{
    static const long long times[] = {7 * 86400, 86400, 3600, 60};
    static const long long sizes[] = {1 << 30, 1 << 20, 1 << 10};

    if (type == CONF_TIME)
        conf_print_scaled(value, "wdhm", times, out);
    else if (type == CONF_SIZE)
        conf_print_scaled(value, "GMK", sizes, out);
    else if (type == CONF_BOOL)
        ut_sbuf_addz(out, value ? "yes" : "no");
    else
        ut_sbuf_addf(out, "%lld", value);
}

/* "MIN to MAX" */
static void
conf_print_range(const struct conf_row *r, struct ut_sbuf *out)
{
    conf_print_number(r->type, r->min, out);
    ut_sbuf_addz(out, " to ");
    conf_print_number(r->type, r->max, out);
}

static int
conf_number(const struct conf_row *r, const char *text, long long *out, struct ut_diag *d)
{
    static const char *const forms[] = {[CONF_INT] = "a whole number",
        [CONF_TIME] = "a time such as 90, 15m, 12h or 30d", [CONF_SIZE] = "a size such as 4096, 64K or 16M"};
    struct ut_sbuf range;
    int bad;

    if (r->type == CONF_TIME)
        bad = ut_num_time(text, out);
    else if (r->type == CONF_SIZE)
        bad = ut_num_size(text, out);
    else
        bad = ut_num_int(text, LLONG_MIN, LLONG_MAX, out);
    if (bad == 0 && *out >= r->min && *out <= r->max)
        return 0;
    ut_sbuf_init(&range, 128);
    conf_print_range(r, &range);
    if (bad != 0)
        ut_diag_set(d, "%s: \"%s\" is not %s, %s", r->name, text, forms[r->type],
            ut_sbuf_text(&range));
    else
        ut_diag_set(d, "%s: %s is out of range, write %s", r->name, text, ut_sbuf_text(&range));
    ut_sbuf_fini(&range);
    return -1;
}

static void
conf_store_number(const struct conf_row *r, void *base, long long value)
{
    void *field = (char *)base + r->offset;

    if (r->type == CONF_SIZE)
        *(long long *)field = value;
    else if (r->type == CONF_BOOL)
        *(bool *)field = value != 0;
    else
        *(long *)field = (long)value;
}

static int
conf_store_text(const struct conf_row *r, void *base, const char *text, struct ut_arena *a)
{
    char *copy = ut_arena_dup(a, text, strlen(text));

    if (!copy)
        return -1;
    *(const char **)(void *)((char *)base + r->offset) = copy;
    return 0;
}

static int
conf_store_list(const struct conf_row *r, void *base, const char *text, struct ut_arena *a)
{
    struct ut_conf_list *list = (void *)((char *)base + r->offset);
    char **items = ut_arena_calloc(a, strlen(text) / 2 + 1, sizeof(*items));
    size_t n, count = 0;

    if (!items)
        return -1;
    for (text += strspn(text, " \t\n"); *text; text += n + strspn(text + n, " \t\n")) {
        n = strcspn(text, " \t\n");
        items[count] = ut_arena_dup(a, text, n);
        if (!items[count])
            return -1;
        count++;
    }
    list->items = items;
    list->count = count;
    return 0;
}

int
conf_row_set(const struct conf_row *r, void *base, const char *text, struct ut_arena *a,
    struct ut_diag *d)
{
    long long number = 0;
    bool yes = false;
    int r_store = 0;

    switch (r->type) {
    case CONF_WORD:
        if (!conf_word_in(r->words, text))
            return ut_diag_set(d, "%s: \"%s\" is none of: %s", r->name, text, r->words);
        break;
    case CONF_BOOL:
        if (conf_bool(text, &yes) != 0)
            return ut_diag_set(d, "%s: \"%s\" is neither yes nor no", r->name, text);
        number = yes;
        break;
    case CONF_INT:
    case CONF_TIME:
    case CONF_SIZE:
        if (conf_number(r, text, &number, d) != 0)
            return -1;
        break;
    case CONF_STR:
    case CONF_LIST:
        break;
    }
    if (!base)
        return 0;
    if (r->type == CONF_STR || r->type == CONF_WORD)
        r_store = conf_store_text(r, base, text, a);
    else if (r->type == CONF_LIST)
        r_store = conf_store_list(r, base, text, a);
    else
        conf_store_number(r, base, number);
    return r_store == 0 ? 0 : ut_diag_set(d, "%s: out of memory", r->name);
}

int
conf_row_default(const struct conf_row *r, void *base, struct ut_arena *a)
{
    if (r->type == CONF_STR || r->type == CONF_WORD)
        return conf_store_text(r, base, r->def_text, a);
    if (r->type == CONF_LIST)
        return conf_store_list(r, base, r->def_text, a);
    conf_store_number(r, base, r->def);
    return 0;
}

static long long
conf_load_number(const struct conf_row *r, const void *base)
{
    const void *field = (const char *)base + r->offset;

    if (r->type == CONF_SIZE)
        return *(const long long *)field;
    if (r->type == CONF_BOOL)
        return *(const bool *)field;
    return *(const long *)field;
}

/* A text as the file has it: in double quotes, and what those give a meaning behind a "\". */
static void
conf_print_text(const char *text, struct ut_sbuf *out)
{
    ut_sbuf_addc(out, '"');
    for (; *text; text++) {
        if (*text == '\n') {
            ut_sbuf_addz(out, "\\n");
            continue;
        }
        if (strchr("\"\\$", *text))
            ut_sbuf_addc(out, '\\');
        ut_sbuf_addc(out, *text);
    }
    ut_sbuf_addc(out, '"');
}

/* The words of a list, one blank between. */
static void
conf_join(const struct ut_conf_list *l, struct ut_sbuf *out)
{
    for (size_t i = 0; i < l->count; i++)
        ut_sbuf_addf(out, "%s%s", i > 0 ? " " : "", l->items[i]);
}

void
conf_row_print(const struct conf_row *r, const void *base, struct ut_sbuf *out)
{
    const void *field = (const char *)base + r->offset;
    struct ut_sbuf joined;

    if (r->type == CONF_STR) {
        conf_print_text(*(const char *const *)field, out);
    } else if (r->type == CONF_WORD) {
        ut_sbuf_addz(out, *(const char *const *)field);
    } else if (r->type == CONF_LIST) {
        ut_sbuf_init(&joined, 1 << 20);
        conf_join(field, &joined);
        conf_print_text(ut_sbuf_text(&joined), out);
        ut_sbuf_fini(&joined);
    } else {
        conf_print_number(r->type, conf_load_number(r, base), out);
    }
}

bool
conf_row_is_default(const struct conf_row *r, const void *base)
{
    const void *field = (const char *)base + r->offset;
    struct ut_sbuf joined;
    bool same;

    if (r->type == CONF_STR || r->type == CONF_WORD)
        return strcmp(*(const char *const *)field, r->def_text) == 0;
    if (r->type != CONF_LIST)
        return conf_load_number(r, base) == r->def;
    ut_sbuf_init(&joined, 1 << 20);
    conf_join(field, &joined);
    same = strcmp(ut_sbuf_text(&joined), r->def_text) == 0;
    ut_sbuf_fini(&joined);
    return same;
}

bool
ut_conf_param(size_t i, struct ut_conf_param *out)
{
    const struct conf_row *r;
    struct ut_sbuf def, range;

    if (i >= CONF_ROW_COUNT)
        return false;
    r = &conf_rows[i];
    memset(out, 0, sizeof(*out));
    out->section = r->section == CONF_global ? "global" : conf_section_name(r->section);
    out->type = conf_type_names[r->type];
    out->name = r->name;
    out->text = r->text;
    ut_sbuf_init(&def, sizeof(out->def) - 1);
    ut_sbuf_init(&range, sizeof(out->range) - 1);
    if (r->def_text)
        ut_sbuf_addz(&def, r->def_text);
    else
        conf_print_number(r->type, r->def, &def);
    if (r->words)
        ut_sbuf_addz(&range, r->words);
    else if (r->min != 0 || r->max != 0)
        conf_print_range(r, &range);
    memcpy(out->def, ut_sbuf_text(&def), def.len + 1);
    memcpy(out->range, ut_sbuf_text(&range), range.len + 1);
    ut_sbuf_fini(&def);
    ut_sbuf_fini(&range);
    return true;
}
