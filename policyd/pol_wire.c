/* pol_wire.c - words and numbers of the state socket, for both ends.
 * Not here: the daemon's end (pol_state.c), the other (pol_client.c).
 * Threads: any. Fails: -1 for what is not as it should be. */
#include "config.h"

#include "policyd/pol_wire.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct ut_attr_limits pol_wire_limits = {
    .line = POL_WIRE_MAX - 64 * 1024, .count = 16, .total = POL_WIRE_MAX, .decode = true};

#define WHOLE_MAX 1e15 /* below it whole numbers are written as such, which is faster */

/* ORDER KEEP: enum hsl_share_keep */
static const char *const keeps[] = {"keep", "store", "remove"};
/* ORDER WHEN: enum hsl_share_when */
static const char *const whens[] = {"always", "missing", "same"};

void
pol_wire_add_num(struct ut_sbuf *b, const char *name, double n)
{
    char text[40];
    int len;

    if (n == trunc(n) && fabs(n) < WHOLE_MAX) {
        ut_attr_addi(b, name, (long long)n);
        return;
    }
    len = snprintf(text, sizeof(text), "%.17g", n);
    if (len < 0 || (size_t)len >= sizeof(text))
        b->failed = true;
    else
        ut_attr_add(b, name, text, (size_t)len);
}

/* What sums of scripts can come to, as snprintf() writes it. */
static bool
is_beyond(const char *text)
{
    text += *text == '-' ? 1 : 0;
    return strcmp(text, "inf") == 0 || strcmp(text, "nan") == 0;
}

int
pol_wire_get_num(const struct ut_attr_list *l, const char *name, double *out)
{
    size_t len;
    const char *text = ut_attr_get(l, name, &len);
    bool beyond;
    char *end;

    if (!text || len == 0 || len != strlen(text))
        return -1;
    beyond = is_beyond(text);
    if (!beyond && strspn(text, "+-.0123456789e") != len)
        return -1;
    *out = strtod(text, &end);
    return *end == '\0' && (beyond || isfinite(*out)) ? 0 : -1;
}

void
pol_wire_add_text(struct ut_sbuf *b, const char *name, const struct hsl_text *text)
{
    ut_attr_add(b, name, text->p, text->len);
}

int
pol_wire_get_name(const struct ut_attr_list *l, const char *name, struct hsl_text *out)
{
    out->p = ut_attr_get(l, name, &out->len);
    return out->p && out->len <= HSL_SHARE_NAME_MAX ? 0 : -1;
}

bool
pol_wire_get_value(const struct ut_attr_list *l, struct hsl_text *out)
{
    out->p = ut_attr_get(l, "value", &out->len);
    return out->p != NULL;
}

static int
by_word(const char *const *words, size_t count, const char *word)
{
    for (size_t i = 0; word && i < count; i++)
        if (strcmp(words[i], word) == 0)
            return (int)i;
    return -1;
}

const char *
pol_wire_keep(enum hsl_share_keep keep)
{
    return keeps[keep];
}

int
pol_wire_keep_by_word(const char *word)
{
    return by_word(keeps, sizeof(keeps) / sizeof(keeps[0]), word);
}

const char *
pol_wire_when(enum hsl_share_when when)
{
    return whens[when];
}

int
pol_wire_when_by_word(const char *word)
{
    return by_word(whens, sizeof(whens) / sizeof(whens[0]), word);
}
