/* hsl_lib.c - the table of built-in functions is consistent: what the checker, the call and the
 * manual read from a row agree. What the functions do is tested by t/hsl/lib/ scripts. */
#include "config.h"

#include <limits.h>
#include <stdlib.h>

#include "hsl/hsl_lib.h"
#include "t/unit/tap.h"

/* --- Prototypes for people -------------------------------------------------------------------- */

/* Number of parameters named in [p], [len]; "..." is none but sets *many. */
static unsigned
count_names(const char *p, size_t len, bool *many)
{
    unsigned n = 0;
    bool quoted = false, named = false;

    for (size_t i = 0; i < len; i++) {
        if (p[i] == '"')
            quoted = !quoted;
        if (quoted)
            continue;
        if (len - i >= 3 && memcmp(p + i, "...", 3) == 0)
            *many = true;
        if (p[i] == ',')
            named = false;
        if (named || (p[i] | 0x20) < 'a' || (p[i] | 0x20) > 'z')
            continue;
        named = true;
        n++;
    }
    return n;
}

/* Arity as the prototype says; false if it has not the form NAME(...). */
static bool
proto_arity(const struct hsl_builtin *b, unsigned *min, unsigned *max)
{
    size_t name = strlen(b->name), len = strlen(b->proto);
    const char *p = b->proto + name + 1, *optional;
    bool many = false;

    if (len < name + 2 || strncmp(b->proto, b->name, name) != 0 || b->proto[name] != '(' ||
        b->proto[len - 1] != ')')
        return false;
    len -= name + 2;
    optional = memchr(p, '[', len);
    *max = count_names(p, len, &many);
    *min = optional ? count_names(p, (size_t)(optional - p), &many) : *max;
    if (many)
        *max = UINT_MAX;
    return true;
}

static bool
signature_parses(const char *s)
{
    bool bar = false;

    for (; *s; s++) {
        if (*s == '|') {
            if (bar || !s[1])
                return false;
            bar = true;
        } else if (*s == '*') {
            return s[1] == '\0' && s[-1] != '|';
        } else if (!strchr("snafbvoOpcA", *s)) {
            return false;
        }
        if (s[1] == '*' && *s == '|')
            return false;
    }
    return true;
}

/* True if there is a function [name] in some flow. */
static bool
find_row(const char *name)
{
    bool wrong_flow;

    return hsl_lib_find(name, strlen(name), HSL_FLOW_CORE, &wrong_flow) != NULL;
}

static void
test_row(const struct hsl_builtin *b)
{
    unsigned min = 0, max = 0, pmin = 0, pmax = 0;
    size_t text = b->text ? strlen(b->text) : 0;

    tap_ok(b->fn && b->args && signature_parses(b->args), "%s: signature and function", b->name);
    tap_ok(text > 5 && b->text[text - 1] == '.' && b->text[0] != ' ', "%s: text for the manual",
        b->name);
    hsl_lib_arity(b, &min, &max);
    if (!tap_ok(b->proto && proto_arity(b, &pmin, &pmax) && min == pmin && max == pmax,
            "%s: prototype and signature agree", b->name))
        printf("# %s and %s: %u to %u, %u to %u\n", b->proto, b->args, min, max, pmin, pmax);
    tap_ok((b->flows & ~(unsigned)HSL_FLOW_ANY) == 0, "%s: known flows", b->name);
    tap_ok(!strpbrk(b->args, "oO") == !b->options, "%s: options are named", b->name);
    tap_ok(!(b->flags & HSL_NO_EFFECT) == !b->nearest, "%s: says what is nearest", b->name);
    tap_ok(!b->other || find_row(b->other), "%s: the other name is known", b->name);
}

/* --- Lookup ------------------------------------------------------------------------------------
 */

static void
test_duplicates(void)
{
    const struct hsl_builtin *a, *b;

    for (size_t i = 0; (a = hsl_lib_row(&i)) != NULL;) {
        unsigned flows = a->flows ? a->flows : HSL_FLOW_ANY;

        for (size_t k = i; (b = hsl_lib_row(&k)) != NULL;) {
            if (strcmp(a->name, b->name) == 0)
                tap_ok(b->flows && (b->flows & flows) == 0, "%s: rows of different flows", a->name);
        }
    }
}

static void
test_find_all(void)
{
    const struct hsl_builtin *row;
    bool wrong, all = true;

    for (size_t i = 0; (row = hsl_lib_row(&i)) != NULL;) {
        unsigned flow = row->flows ? row->flows & -row->flows : HSL_FLOW_CORE;

        if (hsl_lib_find(row->name, strlen(row->name), (enum hsl_flow)flow, &wrong) != row || wrong)
            all = tap_ok(false, "%s is found", row->name);
    }
    tap_ok(all, "every row is found in its flow");
}

static const struct {
    const char *name;
    enum hsl_flow flow;
    bool want, want_wrong;
} finds[] = {
    {"strlen", HSL_FLOW_CORE, true, false},
    {"strlen", HSL_FLOW_MAIL, true, false},
    {"Deliver", HSL_FLOW_MAIL, true, false},
    {"Deliver", HSL_FLOW_RCPT, true, true},
    {"Deliver", HSL_FLOW_CORE, true, true},
    {"Accept", HSL_FLOW_RCPT, true, false},
    {"Allow", HSL_FLOW_ACCESS, true, false},
    {"eval", HSL_FLOW_MAIL, false, false},
    {"exit", HSL_FLOW_CORE, false, false},
    {"FFI", HSL_FLOW_CORE, false, false},
    {"Strlen", HSL_FLOW_CORE, false, false},
    {"strle", HSL_FLOW_CORE, false, false},
    {"", HSL_FLOW_CORE, false, false},
};

static void
test_find(void)
{
    for (size_t i = 0; i < sizeof(finds) / sizeof(finds[0]); i++) {
        bool wrong = false;
        const struct hsl_builtin *row =
            hsl_lib_find(finds[i].name, strlen(finds[i].name), finds[i].flow, &wrong);

        tap_ok((row != NULL) == finds[i].want && wrong == finds[i].want_wrong, "\"%s\" in flow %d",
            finds[i].name, finds[i].flow);
    }
}

static const struct {
    const char *args;
    unsigned want_min, want_max;
} arities[] = {
    {"", 0, 0},
    {"s", 1, 1},
    {"ss|n", 2, 3},
    {"|v", 0, 1},
    {"|v*", 0, UINT_MAX},
    {"s|v*", 1, UINT_MAX},
    {"sv*", 2, UINT_MAX},
};

static void
test_arity(void)
{
    for (size_t i = 0; i < sizeof(arities) / sizeof(arities[0]); i++) {
        struct hsl_builtin b = {.name = "f", .args = arities[i].args};
        unsigned min, max;

        hsl_lib_arity(&b, &min, &max);
        tap_ok(min == arities[i].want_min && max == arities[i].want_max, "arity of \"%s\"", b.args);
    }
}

int
main(void)
{
    const struct hsl_builtin *row;
    size_t i = 0;

    while ((row = hsl_lib_row(&i)) != NULL)
        test_row(row);
    tap_ok(i > 100, "there are %zu rows", i);
    test_duplicates();
    test_find_all();
    test_find();
    test_arity();
    return tap_done();
}
