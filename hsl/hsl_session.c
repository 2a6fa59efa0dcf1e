/* hsl_session.c - a script that grows step by step, with its values kept between the steps.
 *
 * Each step is a unit and a program of its own. Its program begins with all that the one before
 * has (constants, functions, callees, files, cells of global variables) under the same numbers, so
 * that code which values lead to, such as a closure in a variable, runs in any later program
 * (hsl_code.c, continue_prog). All global variables live in cells. Trees of earlier steps are kept:
 * symbols point into them; programs keep those before.
 *
 * Not here: reading lines (hsl_repl.c). Threads: one. Fails: as hsl_compile() and hsl_run(). */
#include "config.h"

#include "hsl/hsl_session.h"

#include <stdlib.h>
#include <string.h>

#include "hsl/hsl_arr.h"
#include "hsl/hsl_ast.h"
#include "hsl/hsl_code.h"
#include "hsl/hsl_lex.h"
#include "hsl/hsl_obj.h"
#include "hsl/hsl_vm.h"
#include "lib/ut_sbuf.h"

struct hsl_session {
    struct hsl_env *env; /* borrowed */
    struct hsl_machine *machine;
    struct hsl_limits limits;
    struct hsl_unit
        *last; /* the last step that compiled, in its own arena; its ->before the others */
};

struct hsl_session *
hsl_session_new(struct hsl_env *env, const struct hsl_limits *limits)
{
    struct hsl_session *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->env = env;
    s->limits = *limits;
    s->machine = hsl_machine_new(env);
    if (s->machine)
        return s;
    free(s);
    return NULL;
}

void
hsl_session_free(struct hsl_session *s)
{
    if (!s)
        return;
    hsl_machine_free(s->machine);
    if (s->last)
        hsl_prog_unref((struct hsl_prog *)s->last->program);
    for (struct hsl_unit *u = s->last, *before; u; u = before) {
        before = u->before;
        ut_arena_free(u->arena);
    }
    free(s);
}

/* --- Compiling -------------------------------------------------------------------------------- */

/* A unit for one step, in an arena of its own. NULL: no memory, reported. */
static struct hsl_unit *
new_unit(struct hsl_session *s, struct ut_diag_list *diags)
{
    struct ut_arena *arena = ut_arena_new(0);
    struct hsl_unit *u = arena ? ut_arena_calloc(arena, 1, sizeof(*u)) : NULL;

    if (!u) {
        ut_arena_free(arena);
        (void)ut_diag_list_at(diags, UT_DIAG_ERROR, "C15", NULL, 0, 0, "limit: not enough memory");
        return NULL;
    }
    u->arena = arena;
    u->env = s->env;
    u->flow = HSL_FLOW_CORE;
    u->limits = &s->limits;
    u->diags = diags;
    u->stepwise = true;
    u->before = s->last;
    return u;
}

/* The first error; NULL: none was kept. */
static const struct ut_diag *
first_error(const struct ut_diag_list *diags)
{
    for (size_t i = 0; i < diags->count; i++)
        if (diags->items[i].level == UT_DIAG_ERROR)
            return &diags->items[i];
    return NULL;
}

/* [d] is about the text of the step, not about a file that it includes: that lies somewhere. */
static bool
is_of_text(const struct ut_diag *d)
{
    return !d->path[0];
}

/* The first error says that the text ended too early: it, and not a file that it includes, which no
 * further line makes longer. */
static bool
ends_early(const struct ut_diag_list *diags)
{
    const char *end = "syntax error, unexpected end of file";
    const struct ut_diag *d = first_error(diags);

    return d && is_of_text(d) &&
           (strcmp(d->code, "C02") == 0 || strncmp(d->text, end, strlen(end)) == 0);
}

/* Parses a copy of the text, since the tree points into it; NULL: no, see [diags]. */
static struct hsl_unit *
parse(struct hsl_session *s, const char *name, const char *text, size_t len,
    struct ut_diag_list *diags)
{
    struct hsl_unit *u = new_unit(s, diags);
    struct hsl_source source = {.name = name, .len = len};

    if (!u)
        return NULL;
    source.text = ut_arena_dup(u->arena, text, len);
    if (source.text && hsl_parse_unit(u, &source) == 0)
        return u;
    if (!source.text)
        (void)ut_diag_list_at(diags, UT_DIAG_ERROR, "C15", NULL, 0, 0, "limit: not enough memory");
    ut_arena_free(u->arena);
    return NULL;
}

/* The same with a semicolon behind the text. */
static struct hsl_unit *
parse_with_semicolon(struct hsl_session *s, const char *name, const char *text, size_t len,
    struct ut_diag_list *diags)
{
    struct hsl_unit *u = NULL;
    struct ut_sbuf more;

    ut_sbuf_init(&more, len + 3);
    ut_sbuf_add(&more, text, len);
    ut_sbuf_addz(&more, "\n;");
    if (!more.failed)
        u = parse(s, name, ut_sbuf_text(&more), more.len, diags);
    ut_sbuf_fini(&more);
    return u;
}

/* The text ends too early, as [diags] says: tried with a semicolon. What is said then is what
 * counts, unless it is about the syntax of the text again. */
static struct hsl_unit *
parse_again(struct hsl_session *s, const char *name, const char *text, size_t len,
    struct ut_diag_list *diags)
{
    struct ut_diag_list again;
    const struct ut_diag *error;
    struct hsl_unit *u;

    ut_diag_list_init(&again, diags->max);
    u = parse_with_semicolon(s, name, text, len, &again);
    error = first_error(&again);
    if (u || !error || !is_of_text(error) ||
        (strcmp(error->code, "C01") != 0 && strcmp(error->code, "C02") != 0)) {
        diags->count = diags->errors = 0;
        for (size_t i = 0; i < again.count; i++)
            ut_diag_list_add(diags, &again.items[i]);
    }
    if (u)
        u->diags = diags;
    else if (!error)
        (void)ut_diag_list_at(diags, UT_DIAG_ERROR, "C15", NULL, 0, 0, "limit: not enough memory");
    ut_diag_list_fini(&again);
    return u;
}

static enum hsl_step
parse_step(struct hsl_session *s, const char *name, const char *text, size_t len, bool whole,
    struct ut_diag_list *diags, struct hsl_unit **u)
{
    size_t before = diags->count;

    *u = parse(s, name, text, len, diags);
    if (*u)
        return HSL_STEP_DONE;
    if (before != 0 || !ends_early(diags))
        return HSL_STEP_REFUSED;
    *u = parse_again(s, name, text, len, diags);
    if (*u)
        return HSL_STEP_DONE;
    return whole || !ends_early(diags) ? HSL_STEP_REFUSED : HSL_STEP_MORE;
}

/* A last statement that is an expression gives its value: `return` of that. */
static void
return_last(struct hsl_unit *u)
{
    struct hsl_node *n = u->body->u.list.first, *last = NULL;

    for (; n; n = n->next) {
        if (n->kind != HSL_N_EMPTY)
            last = n;
    }
    if (last && last->kind == HSL_N_EXPR && last->u.un.a->kind != HSL_N_ASSIGN &&
        last->u.un.a->kind != HSL_N_COALESCE_ASSIGN)
        last->kind = HSL_N_RETURN;
}

/* Checks and compiles; on success the unit is the session's last step. */
static const struct hsl_prog *
compile(struct hsl_session *s, struct hsl_unit *u)
{
    struct hsl_prog *p;

    return_last(u);
    p = hsl_compile_unit(u);
    u->program = p;
    if (!p) {
        ut_arena_free(u->arena);
        return NULL;
    }
    u->diags = NULL;
    if (s->last) /* the new program has a reference */
        hsl_prog_unref((struct hsl_prog *)s->last->program);
    s->last = u;
    return p;
}

/* --- A step ----------------------------------------------------------------------------------- */

/* Appends [v] as it stands in the dump of an array that holds it; takes its count. */
static void
show_value(struct hsl_session *s, struct hsl_value v, struct ut_sbuf *out)
{
    struct hsl_run *r = &s->machine->run;
    struct hsl_arr *a = v.type == HSL_NONE ? NULL : hsl_arr_new(r, 1);
    struct hsl_value list;
    struct hsl_str *text;

    if (!a) {
        out->failed = v.type != HSL_NONE;
        hsl_unref(r, v);
        return;
    }
    list = hsl_from_arr(a);
    text = hsl_arr_push(r, a, v) ? hsl_to_str(r, &list) : NULL;
    if (text) { /* [0=>VALUE] */
        ut_sbuf_add(out, text->data + 4, text->len - 5);
        hsl_unref(r, hsl_from_str(text));
    } else {
        out->failed = true;
    }
    hsl_unref(r, list);
}

enum hsl_step
hsl_session_step(struct hsl_session *s, const char *name, const char *text, size_t len, bool whole,
    const struct hsl_host *host, void *host_arg, struct hsl_result *res, struct ut_sbuf *value,
    struct ut_diag_list *diags)
{
    const struct hsl_prog *p;
    struct hsl_value v;
    struct hsl_unit *u;
    enum hsl_step step = parse_step(s, name, text, len, whole, diags, &u);

    p = step == HSL_STEP_DONE ? compile(s, u) : NULL;
    if (!p && step != HSL_STEP_MORE && diags->errors == 0)
        (void)ut_diag_list_at(diags, UT_DIAG_ERROR, "C15", NULL, 0, 0, "limit: not enough memory");
    if (!p)
        return step == HSL_STEP_MORE ? HSL_STEP_MORE : HSL_STEP_REFUSED;
    hsl_run_step(s->machine, (struct hsl_prog *)p, host, host_arg, &s->limits, res, &v);
    if (res->end == HSL_END_IMPLICIT)
        show_value(s, v, value);
    return HSL_STEP_DONE;
}

/* --- Completion ------------------------------------------------------------------------------- */

struct completion {
    const char *word;
    size_t len;
    void (*take)(void *arg, const char *name);
    void *arg;
};

/* Offers [before] and [name] together if they begin with the word. */
static void
offer(
    const struct completion *c, const char *before, size_t before_len, const char *name, size_t len)
{
    char text[256];

    if (before_len + len >= sizeof(text))
        return;
    memcpy(text, before, before_len);
    memcpy(text + before_len, name, len);
    text[before_len + len] = '\0';
    if (strncmp(text, c->word, c->len) == 0)
        c->take(c->arg, text);
}

static void
offer_words(const struct completion *c)
{
    static const char *const keywords[] = {
#define HSL_KEYWORD(name, text) text,
#include "hsl/hsl_token.def"
    };
    const struct hsl_builtin *row;
    size_t i = 0;

    for (size_t k = 0; k < sizeof(keywords) / sizeof(keywords[0]); k++)
        offer(c, "", 0, keywords[k], strlen(keywords[k]));
    while ((row = hsl_lib_row(&i)) != NULL) {
        if (row->flows == 0)
            offer(c, "", 0, row->name, strlen(row->name));
    }
}

static void
offer_variables(const struct hsl_session *s, const struct completion *c)
{
    for (const struct hsl_var *v = s->last ? s->last->globals->vars : NULL; v; v = v->next) {
        if (!v->is_static)
            offer(c, "$", 1, v->name.p, v->name.len);
    }
}

/* Names of the class [cls], those of statics or the others. Private ones are nobody else's. */
static void
offer_members(const struct completion *c, const char *before, size_t before_len,
    const struct hsl_class *cls, bool statics)
{
    const struct hsl_members *m = cls->members;

    for (uint32_t i = 0; m && i <= m->mask; i++) {
        const struct hsl_member *e = &m->table[i];

        if (e->name && !e->is_private && (e->kind == HSL_MEMBER_STATIC) == statics)
            offer(c, before, before_len, e->name->data, e->name->len);
    }
}

/* The value of the variable [name]; NULL: it has none. */
static const struct hsl_value *
value_of(const struct hsl_session *s, struct hsl_name name)
{
    const struct hsl_machine *m = s->machine;

    for (const struct hsl_var *v = s->last ? s->last->globals->vars : NULL; v; v = v->next) {
        const struct hsl_cell *cell =
            hsl_code_global(v) < m->global_cap ? m->globals[hsl_code_global(v)] : NULL;

        if (hsl_name_is(v->name, name))
            return cell ? &cell->v : NULL;
    }
    return NULL;
}

/* "$v->" and the beginning of what the object in $v has. */
static void
offer_properties(const struct hsl_session *s, const struct completion *c, const char *arrow)
{
    const struct hsl_value *v =
        value_of(s, (struct hsl_name){c->word + 1, (uint32_t)(arrow - c->word - 1)});
    size_t len = (size_t)(arrow - c->word) + 2, at = 0;
    const struct hsl_value *each;
    struct hsl_value key;

    if (!v || v->type != HSL_OBJ)
        return;
    offer_members(c, c->word, len, v->u.obj->cls, false);
    for (const struct hsl_builtin *row = v->u.obj->cls->methods; row && row->name; row++)
        offer(c, c->word, len, row->name, strlen(row->name));
    while (
        v->u.obj->props.type == HSL_ARR && hsl_arr_next(v->u.obj->props.u.arr, &at, &key, &each)) {
        if (key.type == HSL_STR)
            offer(c, c->word, len, key.u.str->data, key.u.str->len);
    }
}

/* "C::" and the beginning of what class C has. */
static void
offer_statics(const struct hsl_session *s, const struct completion *c, const char *colons)
{
    struct hsl_name name = {c->word, (uint32_t)(colons - c->word)};
    size_t len = name.len + (size_t)2;

    for (const struct hsl_symbol *y = s->last ? s->last->globals->symbols : NULL; y; y = y->next) {
        if (y->kind == HSL_SYM_CLASS && hsl_name_is(y->name, name))
            offer_members(c, c->word, len, s->last->program->classes[y->class->number], true);
    }
}

static void
offer_symbols(const struct hsl_session *s, const struct completion *c)
{
    for (const struct hsl_symbol *y = s->last ? s->last->globals->symbols : NULL; y; y = y->next)
        offer(c, "", 0, y->name.p, y->name.len);
}

void
hsl_session_complete(
    struct hsl_session *s, const char *word, void (*take)(void *arg, const char *name), void *arg)
{
    struct completion c = {word, strlen(word), take, arg};
    const char *arrow = strstr(word, "->"), *colons = strstr(word, "::");

    if (arrow && word[0] == '$') {
        offer_properties(s, &c, arrow);
    } else if (colons) {
        offer_statics(s, &c, colons);
    } else if (word[0] == '$') {
        offer_variables(s, &c);
    } else {
        offer_words(&c);
        offer_symbols(s, &c);
    }
}
