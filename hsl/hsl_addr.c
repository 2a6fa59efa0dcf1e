/* hsl_addr.c - checks mail addresses and makes text of their array form.
 * Not here: what is done with them (hsl_lib_flow.c). Threads: as the run. Fails: memory. */
#include "config.h"

#include "hsl/hsl_addr.h"

/* True if [s] is nothing but blanks and comments (RFC 5322 3.2.2). Mail servers take that for the
 * null address: a recipient of that kind would be dropped, and the message with it. */
static bool
is_nothing(const struct hsl_str *s)
{
    int depth = 0;

    for (uint32_t i = 0; i < s->len; i++) {
        char c = s->data[i];

        if (c == '(')
            depth++;
        else if (depth == 0 && !strchr(" \t\v\f", c))
            return false;
        else if (depth > 0 && c == ')')
            depth--;
        else if (depth > 0 && c == '\\')
            i++;
    }
    return s->len > 0;
}

const char *
hsl_addr_fault(const struct hsl_str *s)
{
    if (s->len > HSL_ADDR_MAX)
        return "the address is longer than 254 bytes";
    for (uint32_t i = 0; i < s->len; i++) {
        if (s->data[i] == '\0' || s->data[i] == '\r' || s->data[i] == '\n' || s->data[i] == '<' ||
            s->data[i] == '>')
            return "the address contains CR, LF, NUL, < or >";
    }
    return is_nothing(s) ? "the address consists of blanks and comments" : NULL;
}

/* True if [s] is a quoted string: no quote inside without a backslash, which is none at the end. */
static bool
is_quoted(const struct hsl_str *s)
{
    if (s->len < 2 || s->data[0] != '"')
        return false;
    for (uint32_t i = 1; i < s->len; i++) {
        if (s->data[i] == '"')
            return i + 1 == s->len;
        if (s->data[i] == '\\')
            i++;
    }
    return false;
}

/* True if [s] may stand before the @ as it is: a dot-string, or quoted already. */
static bool
is_plain_local(const struct hsl_str *s)
{
    bool dot = true; /* the last one was a dot, or it is the start */

    if (is_quoted(s))
        return true;
    for (uint32_t i = 0; i < s->len; i++) {
        unsigned char c = (unsigned char)s->data[i];

        if (c == '.' && dot)
            return false;
        dot = c == '.';
        if (c <= 32 || c == 127 || (c < 127 && strchr("()<>[]:;@\\,\"", c)))
            return false;
    }
    return !dot;
}

void
hsl_addr_add_local(struct ut_sbuf *b, const struct hsl_str *s)
{
    if (is_plain_local(s)) {
        ut_sbuf_add(b, s->data, s->len);
        return;
    }
    ut_sbuf_addc(b, '"');
    for (uint32_t i = 0; i < s->len; i++) {
        if (s->data[i] == '"' || s->data[i] == '\\')
            ut_sbuf_addc(b, '\\');
        ut_sbuf_addc(b, s->data[i]);
    }
    ut_sbuf_addc(b, '"');
}

/* The parts of the array form; false if it has not got them. */
static bool
parts_of(const struct hsl_arr *a, const struct hsl_str **local, const struct hsl_str **domain)
{
    const struct hsl_value *l = hsl_arr_getz(a, "localpart"), *d = hsl_arr_getz(a, "domain");

    if (!l && !d && hsl_arr_count(a) == 2) {
        l = hsl_arr_geti(a, 0);
        d = hsl_arr_geti(a, 1);
    }
    if (!l || !d || l->type != HSL_STR || d->type != HSL_STR)
        return false;
    *local = l->u.str;
    *domain = d->u.str;
    return true;
}

bool
hsl_addr_is_array(const struct hsl_value *v)
{
    const struct hsl_str *local, *domain;

    return v->type == HSL_ARR && parts_of(v->u.arr, &local, &domain);
}

static enum hsl_addr_result
join_parts(struct hsl_run *r, const struct hsl_str *local, const struct hsl_str *domain,
    struct hsl_value *out, const char **why)
{
    struct hsl_str *s;
    struct ut_sbuf b;

    if ((size_t)local->len + domain->len > HSL_ADDR_MAX) {
        *why = "the address is longer than 254 bytes";
        return HSL_ADDR_INVALID;
    }
    if (local->len + domain->len == 0) {
        *out = hsl_from_str(hsl_str_empty());
        return HSL_ADDR_OK;
    }
    ut_sbuf_init(&b, 2 * HSL_ADDR_MAX + 4);
    hsl_addr_add_local(&b, local);
    if (domain->len > 0) {
        ut_sbuf_addc(&b, '@');
        ut_sbuf_add(&b, domain->data, domain->len);
    }
    if (b.failed) {
        ut_sbuf_fini(&b);
        hsl_limit(r, HSL_L08, "out of memory");
        return HSL_ADDR_FAILED;
    }
    s = hsl_str_new(r, b.data, b.len);
    ut_sbuf_fini(&b);
    if (!s)
        return HSL_ADDR_FAILED;
    *out = hsl_from_str(s);
    return HSL_ADDR_OK;
}

enum hsl_addr_result
hsl_addr_take(struct hsl_run *r, const struct hsl_value *v, struct hsl_value *out, const char **why)
{
    const struct hsl_str *local, *domain;
    enum hsl_addr_result result;

    if (v->type == HSL_STR) {
        *out = hsl_ref(*v);
    } else if (v->type != HSL_ARR || !parts_of(v->u.arr, &local, &domain)) {
        *why = "an address is a string, or an array with localpart and domain";
        return HSL_ADDR_INVALID;
    } else {
        result = join_parts(r, local, domain, out, why);
        if (result != HSL_ADDR_OK)
            return result;
    }
    *why = hsl_addr_fault(out->u.str);
    if (!*why)
        return HSL_ADDR_OK;
    hsl_unref(r, *out);
    *out = hsl_none();
    return HSL_ADDR_INVALID;
}

bool
hsl_addr_xtake(
    struct hsl_run *r, const char *name, const struct hsl_value *v, struct hsl_value *out)
{
    const char *why;

    switch (hsl_addr_take(r, v, out, &why)) {
    case HSL_ADDR_FAILED:
        return false;
    case HSL_ADDR_INVALID:
        return hsl_raise(r, HSL_R15, "%s(): %s", name, why);
    case HSL_ADDR_OK:
        break;
    }
    return true;
}

bool
hsl_addr_argument(struct hsl_run *r, const char *name, struct hsl_value *v)
{
    struct hsl_value text = hsl_none();

    if (!hsl_addr_xtake(r, name, v, &text))
        return false;
    hsl_unref(r, *v);
    *v = text;
    return true;
}
