/* hsl_lib_field.c - values of header fields for which there is a form (library §13): tag lists of
 * DKIM and its kin, address lists to be written.
 *
 * Not here: reading address lists (hsl_lib_addr.c), encoded words (hsl_lib_enc.c), the headers of a
 * message (hsl_lib_header.c). Threads: as the run. Fails: R07, R15, limits. */
#include "config.h"

#include "hsl/hsl_addr.h"
#include "hsl/hsl_lib_field.h"
#include "hsl/hsl_word.h"

bool
hsl_field_value(const struct hsl_str *s, struct hsl_text *value)
{
    const char *colon = memchr(s->data, ':', s->len);

    if (!colon)
        return false;
    value->p = colon + 1;
    value->len = (size_t)(s->data + s->len - value->p);
    return true;
}

/* --- Tag lists (RFC 6376 section 3.2) ----------------------------------------------------------
 */

static struct hsl_text
stripped(const char *p, const char *end)
{
    while (p < end && hsl_word_is_space(*p))
        p++;
    while (p < end && hsl_word_is_space(end[-1]))
        end--;
    return (struct hsl_text){.p = p, .len = (size_t)(end - p)};
}

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* tag-name = ALPHA *(ALPHA / DIGIT / "_") */
static bool
is_tag_name(const struct hsl_text *t)
{
    for (size_t i = 0; i < t->len; i++) {
        if (!is_letter(t->p[i]) && (i == 0 || ((t->p[i] < '0' || t->p[i] > '9') && t->p[i] != '_')))
            return false;
    }
    return t->len > 0;
}

/* True if there is no control character but those of white space. */
static bool
is_tag_value(const struct hsl_text *t)
{
    for (size_t i = 0; i < t->len; i++) {
        if (((unsigned char)t->p[i] < 32 && !hsl_word_is_space(t->p[i])) || t->p[i] == 127)
            return false;
    }
    return true;
}

enum parsed { PARSED, NO_LIST, FAILED };

/* "name = value" between p and end. */
static enum parsed
take_tag(struct hsl_run *r, struct hsl_arr *out, const char *p, const char *end)
{
    const char *equals = memchr(p, '=', (size_t)(end - p));
    struct hsl_text name = stripped(p, equals ? equals : end);
    struct hsl_text value = stripped(equals ? equals + 1 : end, end);
    struct hsl_value key = hsl_none(), text = hsl_none();
    enum parsed state = FAILED;
    struct ut_sbuf b;

    if (!equals || !is_tag_name(&name) || !is_tag_value(&value))
        return NO_LIST;
    if (!hsl_ret_str(r, &key, name.p, name.len))
        return FAILED;
    if (hsl_arr_gets(out, key.u.str)) {
        state = NO_LIST;
    } else {
        ut_sbuf_init(&b, r->limits.max_string);
        hsl_word_unfold(&b, value.p, value.len);
        if (hsl_ret_sbuf(r, &text, &b) && hsl_arr_sets(r, out, key.u.str, text))
            state = PARSED;
    }
    hsl_unref(r, key);
    return state;
}

static enum parsed
take_tags(struct hsl_run *r, struct hsl_arr *out, const struct hsl_text *list)
{
    const char *p = list->p, *end = p + list->len;
    enum parsed state = PARSED;

    while (state == PARSED && p < end) {
        const char *semicolon = memchr(p, ';', (size_t)(end - p));
        const char *stop = semicolon ? semicolon : end;

        if (!semicolon && stripped(p, end).len == 0)
            break; /* behind the last semicolon */
        state = take_tag(r, out, p, stop);
        p = semicolon ? semicolon + 1 : end;
    }
    return state == PARSED && hsl_arr_count(out) == 0 ? NO_LIST : state;
}

static bool
fn_dkim_decode(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct hsl_text list = {.p = args[0].u.str->data, .len = args[0].u.str->len};
    enum parsed state;
    struct hsl_arr *a;
    bool field = false;

    if (!hsl_opt_bool(r, "header_dkim_decode", 2, argc > 1 ? &args[1] : NULL, "field", &field))
        return false;
    if (field && !hsl_field_value(args[0].u.str, &list))
        return true;
    a = hsl_arr_new(r, 0);
    if (!a)
        return false;
    *out = hsl_from_arr(a);
    state = take_tags(r, a, &list);
    if (state == NO_LIST) {
        hsl_unref(r, *out);
        *out = hsl_none();
    }
    return state != FAILED && hsl_work(r, list.len);
}

/* --- Address lists -----------------------------------------------------------------------------
 */

static const char compile[] = "header_addresslist_compile";

/* A name as encoded words, or between quotes. */
static bool
add_name(struct hsl_run *r, struct ut_sbuf *b, const struct hsl_str *name)
{
    for (uint32_t i = 0; i < name->len; i++) {
        if ((unsigned char)name->data[i] < 32 || name->data[i] == 127)
            return hsl_raise(r, HSL_R15, "%s(): a name has control characters", compile);
    }
    if (!hsl_word_is_ascii(name->data, name->len)) {
        hsl_word_encode_all(b, name->data, name->len);
        return true;
    }
    ut_sbuf_addc(b, '"');
    for (uint32_t i = 0; i < name->len; i++) {
        if (name->data[i] == '"' || name->data[i] == '\\')
            ut_sbuf_addc(b, '\\');
        ut_sbuf_addc(b, name->data[i]);
    }
    ut_sbuf_addc(b, '"');
    return true;
}

static bool
add_address(struct hsl_run *r, struct ut_sbuf *b, const struct hsl_value *v, bool angle)
{
    struct hsl_value addr = hsl_none();
    const char *why;

    switch (hsl_addr_take(r, v, &addr, &why)) {
    case HSL_ADDR_FAILED:
        return false;
    case HSL_ADDR_INVALID:
        return hsl_raise(r, HSL_R15, "%s(): %s", compile, why);
    case HSL_ADDR_OK:
        break;
    }
    ut_sbuf_addz(b, angle ? " <" : "");
    ut_sbuf_add(b, addr.u.str->data, addr.u.str->len);
    ut_sbuf_addz(b, angle ? ">" : "");
    angle = addr.u.str->len > 0;
    hsl_unref(r, addr);
    return angle || hsl_raise(r, HSL_R15, "%s(): an address is empty", compile);
}

/* An array of name and address, or an address by itself. */
static bool
add_mailbox(struct hsl_run *r, struct ut_sbuf *b, const struct hsl_value *v)
{
    const struct hsl_value *addr = v->type == HSL_ARR ? hsl_arr_getz(v->u.arr, "address") : NULL;
    struct hsl_str *name = NULL;

    if (!addr)
        return add_address(r, b, v, false);
    if (!hsl_opt_str(r, compile, 1, v, "name", &name))
        return false;
    if (!name || name->len == 0)
        return add_address(r, b, addr, false);
    return add_name(r, b, name) && add_address(r, b, addr, true);
}

static bool
fn_compile(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_value *v;
    struct ut_sbuf b;
    size_t pos = 0;
    bool ok = true;

    (void)argc;
    ut_sbuf_init(&b, r->limits.max_string);
    while (ok && hsl_arr_next(args[0].u.arr, &pos, NULL, &v)) {
        size_t start = b.len;

        ut_sbuf_addz(&b, start > 0 ? ", " : "");
        ok = add_mailbox(r, &b, v) && hsl_work(r, b.len - start);
    }
    if (ok)
        return hsl_ret_sbuf(r, out, &b);
    ut_sbuf_fini(&b);
    return false;
}

const struct hsl_builtin hsl_lib_field_rows[] = {
    {"header_dkim_decode", "s|o", 0, 0, .fn = fn_dkim_decode, "header_dkim_decode(s [, options])",
        "The tags of a DKIM-Signature, a DKIM or DMARC record, or what else has that form, as an "
        "array; none if it is no such list or has a tag twice. Option field: s begins with the "
        "header's name.",
        .options = "field"},
    {"header_addresslist_compile", "a", 0, 0, .fn = fn_compile, "header_addresslist_compile(list)",
        "The value of a header with those addresses: elements are arrays of name and address, or "
        "addresses.",
        .errors = "an address is none; a name has control characters"},
    {.name = NULL},
};
