/* hsl_yaml.c - YAML to values, by libyaml: maps, lists and scalars of the core schema (YAML 1.2
 * chapter 10.3).
 *
 * The events of the parser are followed with a stack of the lists and maps that are open, so
 * nothing recurses. Aliases share the value of their anchor; no more than ALIASES_MAX of them, so
 * that a small text cannot mean an endless one. Tags are refused, but those of the core schema for
 * what a scalar is anyway.
 *
 * Threads: as the run. Fails: limits; what is no YAML, or more than this, is a fault. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "hsl/hsl_arr.h"
#include "hsl/hsl_data.h"

#define ALIASES_MAX 1000
#define ANCHORS_MAX 1000

/* A list or map that is open. */
struct level {
    struct hsl_arr *arr;
    struct hsl_value key; /* of a map: the key that waits for its value */
    bool is_map, has_key;
    unsigned anchor; /* 1 + its index, 0: none */
};

struct reader {
    struct hsl_run *run;
    struct hsl_data_fault *fault;
    yaml_parser_t parser;
    struct level *levels;
    unsigned depth;
    struct {
        char *name;
        struct hsl_value value; /* undefined while its list or map is open */
    } * anchors;
    unsigned anchor_count, alias_count;
    struct hsl_value root;
    bool has_root, failed; /* failed: the run's error or the fault is set */
};

/* --- Faults ----------------------------------------------------------------------------------- */

static bool
refuse(struct reader *rd, const yaml_mark_t *at, const char *text)
{
    rd->failed = true;
    rd->fault->line = (unsigned)at->line + 1;
    rd->fault->column = (unsigned)at->column + 1;
    (void)snprintf(rd->fault->text, sizeof(rd->fault->text), "%s", text);
    return false;
}

/* The run's error is set. */
static bool
limited(struct reader *rd)
{
    rd->failed = true;
    return false;
}

static bool
refuse_parser(struct reader *rd)
{
    const yaml_parser_t *p = &rd->parser;
    char text[sizeof(rd->fault->text)];

    if (p->error == YAML_MEMORY_ERROR) {
        (void)hsl_limit(rd->run, HSL_L08, "out of memory");
        return limited(rd);
    }
    (void)snprintf(text, sizeof(text), "%s%s%s", p->problem ? p->problem : "no YAML",
        p->context ? " " : "", p->context ? p->context : "");
    return refuse(rd, &p->problem_mark, text);
}

/* --- Scalars ---------------------------------------------------------------------------------- */

static bool
is_one_of(const char *s, const char *a, const char *b, const char *c)
{
    return strcmp(s, a) == 0 || strcmp(s, b) == 0 || strcmp(s, c) == 0;
}

/* 0o17 and 0x1f. */
static bool
whole_number(const char *s, double *n)
{
    int base = s[0] != '0' ? 0 : s[1] == 'o' ? 8 : s[1] == 'x' ? 16 : 0;
    static const char digits[] = "0123456789abcdef";

    if (base == 0 || s[2] == '\0')
        return false;
    *n = 0;
    for (s += 2; *s; s++) {
        const char *at = strchr(digits, *s >= 'A' && *s <= 'F' ? *s + 32 : *s);

        if (!at || at - digits >= base)
            return false;
        *n = *n * base + (double)(at - digits);
    }
    return true;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool
is_decimal(const char *s)
{
    size_t before, after = 0;

    s += *s == '-' || *s == '+';
    before = strspn(s, "0123456789");
    s += before;
    if (*s == '.') {
        after = strspn(s + 1, "0123456789");
        s += after + 1;
    }
    if (before + after == 0)
        return false;
    if (*s == 'e' || *s == 'E') {
        s++;
        s += *s == '-' || *s == '+';
        before = strspn(s, "0123456789");
        s += before;
        if (before == 0)
            return false;
    }
    return *s == '\0';
}

static bool
to_number(const char *s, double *n)
{
    const char *u = s + (*s == '-' || *s == '+');

    if (is_decimal(s)) {
        *n = strtod(s, NULL);
        return true;
    }
    if (is_one_of(u, ".inf", ".Inf", ".INF")) {
        *n = *s == '-' ? -INFINITY : INFINITY;
        return true;
    }
    if (is_one_of(s, ".nan", ".NaN", ".NAN")) {
        *n = NAN;
        return true;
    }
    return whole_number(s, n);
}

static bool
scalar(struct reader *rd, const yaml_event_t *e, struct hsl_value *out)
{
    const char *s = (const char *)e->data.scalar.value;
    size_t len = e->data.scalar.length;
    struct hsl_str *text;
    double n;

    if (e->data.scalar.plain_implicit && strlen(s) == len) {
        *out = hsl_none();
        if (len == 0 || strcmp(s, "~") == 0 || is_one_of(s, "null", "Null", "NULL"))
            return true;
        *out = hsl_bool(true);
        if (is_one_of(s, "true", "True", "TRUE"))
            return true;
        *out = hsl_bool(false);
        if (is_one_of(s, "false", "False", "FALSE"))
            return true;
        if (to_number(s, &n)) {
            *out = hsl_num(n);
            return true;
        }
    }
    text = hsl_str_new(rd->run, s, len);
    if (!text)
        return limited(rd);
    *out = hsl_from_str(text);
    return true;
}

/* --- Anchors ---------------------------------------------------------------------------------- */

/* Remembers the name of an anchor: 1 + its index, 0 for none or on an error. */
static unsigned
add_anchor(struct reader *rd, const yaml_char_t *name, const yaml_mark_t *at)
{
    char *copy;

    if (!name)
        return 0;
    if (rd->anchor_count == ANCHORS_MAX) {
        (void)refuse(rd, at, "too many anchors");
        return 0;
    }
    if (!rd->anchors)
        rd->anchors = calloc(ANCHORS_MAX, sizeof(*rd->anchors));
    copy = rd->anchors ? strdup((const char *)name) : NULL;
    if (!copy) {
        (void)hsl_limit(rd->run, HSL_L08, "out of memory");
        (void)limited(rd);
        return 0;
    }
    rd->anchors[rd->anchor_count].name = copy;
    rd->anchors[rd->anchor_count].value = (struct hsl_value){.type = HSL_UNDEF};
    return ++rd->anchor_count;
}

static void
set_anchor(struct reader *rd, unsigned anchor, struct hsl_value v)
{
    if (anchor)
        rd->anchors[anchor - 1].value = hsl_ref(v);
}

static bool
alias(struct reader *rd, const yaml_event_t *e, struct hsl_value *out)
{
    const char *name = (const char *)e->data.alias.anchor;

    if (++rd->alias_count > ALIASES_MAX)
        return refuse(rd, &e->start_mark, "more than 1000 aliases");
    for (unsigned i = rd->anchor_count; i > 0; i--) { /* the last of a name counts */
        if (strcmp(rd->anchors[i - 1].name, name) != 0)
            continue;
        if (rd->anchors[i - 1].value.type == HSL_UNDEF)
            return refuse(rd, &e->start_mark, "an alias inside of what it stands for");
        *out = hsl_ref(rd->anchors[i - 1].value);
        return true;
    }
    return refuse(rd, &e->start_mark, "alias without an anchor");
}

/* --- Lists and maps --------------------------------------------------------------------------- */

/* A value is complete: it goes into what is open. Takes its count. */
static bool
put(struct reader *rd, const yaml_mark_t *at, struct hsl_value v)
{
    struct level *l = rd->depth ? &rd->levels[rd->depth - 1] : NULL;
    bool ok = true;

    if (!l) {
        rd->root = v;
        rd->has_root = true;
    } else if (!l->is_map) {
        ok = hsl_arr_push(rd->run, l->arr, v);
    } else if (!l->has_key) {
        if (v.type == HSL_ARR || v.type == HSL_NONE || (v.type == HSL_NUM && !isfinite(v.u.num))) {
            hsl_unref(rd->run, v);
            return refuse(rd, at, "a key must be a text or a number");
        }
        l->key = v;
        l->has_key = true;
    } else {
        ok = hsl_arr_set(rd->run, l->arr, &l->key, v);
        hsl_unref(rd->run, l->key);
        l->has_key = false;
    }
    return ok && hsl_work(rd->run, 32) ? true : limited(rd);
}

static bool
open_level(struct reader *rd, const yaml_event_t *e, const yaml_char_t *anchor, bool is_map)
{
    struct hsl_arr *a;
    struct level *l;

    if (rd->depth == HSL_DATA_DEPTH)
        return refuse(rd, &e->start_mark, "nested too deep");
    a = hsl_arr_new(rd->run, 0);
    if (!a)
        return limited(rd);
    l = &rd->levels[rd->depth++];
    *l = (struct level){.arr = a, .is_map = is_map};
    l->anchor = add_anchor(rd, anchor, &e->start_mark);
    return !rd->failed;
}

static bool
close_level(struct reader *rd, const yaml_event_t *e)
{
    struct level *l = &rd->levels[--rd->depth];
    struct hsl_value v = hsl_from_arr(l->arr);

    set_anchor(rd, l->anchor, v);
    return put(rd, &e->start_mark, v);
}

/* --- Events ----------------------------------------------------------------------------------- */

/* Tags say nothing here but what is so without them. */
static bool
check_tag(struct reader *rd, const yaml_event_t *e, const yaml_char_t *tag)
{
    static const char *const known[] = {"!", YAML_STR_TAG, YAML_SEQ_TAG, YAML_MAP_TAG, NULL};

    for (size_t i = 0; tag && known[i]; i++) {
        if (strcmp((const char *)tag, known[i]) == 0)
            return true;
    }
    return !tag || refuse(rd, &e->start_mark, "tags are not supported");
}

static bool
take_scalar(struct reader *rd, const yaml_event_t *e)
{
    struct hsl_value v;
    unsigned anchor;

    if (!check_tag(rd, e, e->data.scalar.tag) || !scalar(rd, e, &v))
        return false;
    anchor = add_anchor(rd, e->data.scalar.anchor, &e->start_mark);
    if (!rd->failed)
        set_anchor(rd, anchor, v);
    return put(rd, &e->start_mark, v) && !rd->failed;
}

/* False: the end, or failed. */
static bool
take(struct reader *rd, const yaml_event_t *e)
{
    struct hsl_value v;

    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        return !rd->has_root || refuse(rd, &e->start_mark, "more than one document");
    case YAML_SCALAR_EVENT:
        return take_scalar(rd, e);
    case YAML_ALIAS_EVENT:
        return alias(rd, e, &v) && put(rd, &e->start_mark, v);
    case YAML_SEQUENCE_START_EVENT:
        return check_tag(rd, e, e->data.sequence_start.tag) &&
               open_level(rd, e, e->data.sequence_start.anchor, false);
    case YAML_MAPPING_START_EVENT:
        return check_tag(rd, e, e->data.mapping_start.tag) &&
               open_level(rd, e, e->data.mapping_start.anchor, true);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_level(rd, e);
    default:
        return e->type != YAML_STREAM_END_EVENT;
    }
}

static void
read_events(struct reader *rd)
{
    yaml_event_t e;
    bool more = true;

    while (more) {
        if (!yaml_parser_parse(&rd->parser, &e)) {
            (void)refuse_parser(rd);
            return;
        }
        more = take(rd, &e);
        yaml_event_delete(&e);
    }
}

static void
clean_up(struct reader *rd)
{
    for (; rd->depth; rd->depth--) {
        struct level *l = &rd->levels[rd->depth - 1];

        if (l->has_key)
            hsl_unref(rd->run, l->key);
        hsl_unref(rd->run, hsl_from_arr(l->arr));
    }
    for (unsigned i = 0; i < rd->anchor_count; i++) {
        hsl_unref(rd->run, rd->anchors[i].value);
        free(rd->anchors[i].name);
    }
    free(rd->anchors);
    free(rd->levels);
}

bool
hsl_yaml_read(struct hsl_run *r, const char *p, size_t len, struct hsl_value *out,
    struct hsl_data_fault *fault)
{
    struct reader rd = {.run = r, .fault = fault, .root = hsl_none()};

    *out = hsl_none();
    fault->text[0] = '\0';
    if (!hsl_work(r, len * 8)) /* the parser looks at each byte many times */
        return false;
    rd.levels = calloc(HSL_DATA_DEPTH, sizeof(*rd.levels));
    if (!rd.levels || !yaml_parser_initialize(&rd.parser)) {
        free(rd.levels);
        return hsl_limit(r, HSL_L08, "out of memory");
    }
    yaml_parser_set_encoding(&rd.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&rd.parser, (const unsigned char *)p, len);
    read_events(&rd);
    yaml_parser_delete(&rd.parser);
    clean_up(&rd);
    if (!rd.failed) {
        *out = rd.root;
        return true;
    }
    hsl_unref(r, rd.root);
    return fault->text[0] != '\0';
}
