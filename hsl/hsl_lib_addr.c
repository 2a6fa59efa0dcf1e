/* hsl_lib_addr.c - mail addresses in headers and envelopes (library §13): address lists of RFC 5322
 * section 3.4, and the parts of an envelope address.
 *
 * The list parser reads what is sent in practice: comments, groups (flattened), source routes,
 * quoted and encoded names. It never guesses: a list with an element that is no address gives none.
 * Not here: addresses as arguments of actions (hsl_addr.c). Threads: as the run. Fails: limits. */
#include "config.h"

#include "hsl/hsl_addr.h"
#include "hsl/hsl_lib_addr.h"
#include "hsl/hsl_lib_field.h"
#include "hsl/hsl_word.h"

/* --- Address lists --------------------------------------------------------------------------- */

struct list_parser {
    struct hsl_run *run;
    const char *p, *end;
    struct hsl_arr *out;
    bool names;           /* elements are ["name", "address"] */
    struct ut_sbuf name;  /* phrase before "<", or the comment behind an address */
    struct ut_sbuf plain; /* the element without blanks: the address if there is no "<" */
    struct ut_sbuf addr;  /* between "<" and ">" */
    struct ut_sbuf note;  /* last comment */
    bool angle;           /* "<" was seen */
    bool gap;             /* white space since the last character of [plain] */
    bool broken;          /* [plain] has blanks where an address cannot */
};

/* One character that belongs to the name or the address. */
static void
add_plain(struct list_parser *l, char c)
{
    char last = l->plain.len > 0 ? l->plain.data[l->plain.len - 1] : '\0';

    if (l->gap && last && c != '@' && c != '.' && last != '@' && last != '.')
        l->broken = true;
    if (l->gap && l->name.len > 0)
        ut_sbuf_addc(&l->name, ' ');
    l->gap = false;
    ut_sbuf_addc(&l->plain, c);
}

/* A quoted string: unquoted for the name, as it is for the address. False: no end. */
static bool
take_quoted(struct list_parser *l)
{
    add_plain(l, '"');
    for (l->p++; l->p < l->end && *l->p != '"'; l->p++) {
        if (*l->p == '\\' && l->p + 1 < l->end) {
            ut_sbuf_addc(&l->plain, '\\');
            l->p++;
        }
        ut_sbuf_addc(&l->plain, *l->p);
        ut_sbuf_addc(&l->name, *l->p);
    }
    if (l->p == l->end)
        return false;
    ut_sbuf_addc(&l->plain, '"');
    l->p++;
    return true;
}

/* "[" up to "]" of a domain literal. */
static bool
take_literal(struct list_parser *l)
{
    for (; l->p < l->end && *l->p != ']'; l->p++) {
        if (!hsl_word_is_space(*l->p))
            add_plain(l, *l->p);
    }
    if (l->p == l->end)
        return false;
    add_plain(l, *l->p++);
    return true;
}

static bool
take_comment(struct list_parser *l)
{
    size_t depth = 1;

    ut_sbuf_reset(&l->note);
    for (l->p++; l->p < l->end; l->p++) {
        if (*l->p == '\\' && l->p + 1 < l->end)
            l->p++;
        else if (*l->p == '(')
            depth++;
        else if (*l->p == ')' && --depth == 0)
            break;
        ut_sbuf_addc(&l->note, *l->p);
    }
    if (l->p == l->end)
        return false;
    l->p++;
    l->gap = true;
    return true;
}

/* "<" up to ">", quoted strings and a source route inside. */
static bool
take_angle(struct list_parser *l)
{
    bool quoted = false;

    if (l->angle)
        return false;
    l->angle = true;
    for (l->p++; l->p < l->end && (quoted || *l->p != '>'); l->p++) {
        if (*l->p == '"')
            quoted = !quoted;
        if (quoted && *l->p == '\\' && l->p + 1 < l->end)
            ut_sbuf_addc(&l->addr, *l->p++);
        if (!quoted && hsl_word_is_space(*l->p))
            continue;
        if (!quoted && *l->p == ':') /* what was read is the route */
            ut_sbuf_reset(&l->addr);
        else
            ut_sbuf_addc(&l->addr, *l->p);
    }
    if (l->p == l->end)
        return false;
    l->p++;
    return true;
}

/* Forgets the element. */
static void
reset_element(struct list_parser *l)
{
    ut_sbuf_reset(&l->name);
    ut_sbuf_reset(&l->plain);
    ut_sbuf_reset(&l->addr);
    ut_sbuf_reset(&l->note);
    l->angle = l->gap = l->broken = false;
}

static bool
looks_like_address(const struct ut_sbuf *b)
{
    const char *p = ut_sbuf_text(b), *at = memrchr(p, '@', b->len);

    return at && at > p && at + 1 < p + b->len && !memchr(p, '\0', b->len);
}

/* A pair of name and address with a new count. */
static bool
make_pair(
    struct list_parser *l, const struct ut_sbuf *name, struct hsl_value addr, struct hsl_value *out)
{
    struct hsl_arr *pair = hsl_arr_new(l->run, 2);
    struct hsl_value text = hsl_none();
    struct ut_sbuf decoded;

    if (!pair) {
        hsl_unref(l->run, addr);
        return false;
    }
    *out = hsl_from_arr(pair);
    ut_sbuf_init(&decoded, l->run->limits.max_string);
    hsl_word_decode(&decoded, ut_sbuf_text(name), name->len);
    if (!hsl_ret_sbuf(l->run, &text, &decoded)) {
        hsl_unref(l->run, addr);
        return false;
    }
    if (!hsl_arr_setz(l->run, pair, "name", text)) {
        hsl_unref(l->run, addr);
        return false;
    }
    return hsl_arr_setz(l->run, pair, "address", addr);
}

enum parsed { PARSED, NO_LIST, FAILED };

/* The element that ends here into the list. Empty ones are allowed between commas. */
static enum parsed
end_element(struct list_parser *l)
{
    const struct ut_sbuf *address = l->angle ? &l->addr : &l->plain;
    const struct ut_sbuf *name = l->angle && l->name.len > 0 ? &l->name : &l->note;
    struct hsl_value v = hsl_none(), pair = hsl_none();

    if (l->name.failed || l->plain.failed || l->addr.failed || l->note.failed) {
        hsl_limit(l->run, HSL_L08, "out of memory");
        return FAILED;
    }
    if (!l->angle && l->plain.len == 0) {
        reset_element(l);
        return PARSED;
    }
    if (!looks_like_address(address) || (!l->angle && l->broken))
        return NO_LIST;
    if (!hsl_ret_str(l->run, &v, address->data, address->len))
        return FAILED;
    if (l->names) {
        if (!make_pair(l, name, v, &pair)) {
            hsl_unref(l->run, pair);
            return FAILED;
        }
        v = pair;
    }
    reset_element(l);
    return hsl_arr_push(l->run, l->out, v) ? PARSED : FAILED;
}

/* One token. */
static enum parsed
take_token(struct list_parser *l)
{
    char c = *l->p;

    if (c == '"')
        return take_quoted(l) ? PARSED : NO_LIST;
    if (c == '(')
        return take_comment(l) ? PARSED : NO_LIST;
    if (c == '[' && !l->angle)
        return take_literal(l) ? PARSED : NO_LIST;
    if (c == '<')
        return take_angle(l) ? PARSED : NO_LIST;
    l->p++;
    if (c == ',' || c == ';')
        return end_element(l);
    if (c == ':') { /* the name of a group */
        if (l->angle)
            return NO_LIST;
        reset_element(l);
        return PARSED;
    }
    if (hsl_word_is_space(c)) {
        l->gap = true;
        return PARSED;
    }
    if (l->angle || c == '>')
        return NO_LIST;
    add_plain(l, c);
    ut_sbuf_addc(&l->name, c);
    return PARSED;
}

/* The list in [s] into *out; none if it is none and [empty] is false, else []. */
static bool
extract(struct hsl_run *r, const char *p, size_t len, bool names, bool empty, struct hsl_value *out)
{
    struct list_parser l = {.run = r, .p = p, .end = p + len, .names = names};
    enum parsed state = PARSED;

    l.out = hsl_arr_new(r, 0);
    if (!l.out)
        return false;
    *out = hsl_from_arr(l.out);
    ut_sbuf_init(&l.name, len);
    ut_sbuf_init(&l.plain, len);
    ut_sbuf_init(&l.addr, len);
    ut_sbuf_init(&l.note, len);
    while (state == PARSED && l.p < l.end)
        state = take_token(&l);
    if (state == PARSED)
        state = end_element(&l);
    ut_sbuf_fini(&l.name);
    ut_sbuf_fini(&l.plain);
    ut_sbuf_fini(&l.addr);
    ut_sbuf_fini(&l.note);
    if (state == NO_LIST) {
        struct hsl_arr *none = empty ? hsl_arr_new(r, 0) : NULL;

        hsl_unref(r, *out);
        *out = none ? hsl_from_arr(none) : hsl_none();
        if (empty && !none)
            return false;
    }
    return state != FAILED && hsl_work(r, len);
}

bool
hsl_lib_addr_list(struct hsl_run *r, const char *p, size_t len, struct hsl_value *out)
{
    return extract(r, p, len, false, false, out);
}

static bool
fn_extract(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    static const char fn[] = "header_addresslist_extract";
    struct hsl_text list = {.p = args[0].u.str->data, .len = args[0].u.str->len};
    const struct hsl_value *o = argc > 1 ? &args[1] : NULL;
    bool field = false, names = false;

    if (!hsl_opt_bool(r, fn, 2, o, "field", &field) || !hsl_opt_bool(r, fn, 2, o, "name", &names))
        return false;
    if (field && !hsl_field_value(args[0].u.str, &list))
        return true;
    return extract(r, list.p, list.len, names, false, out);
}

static bool
fn_get_address_list(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    return extract(r, args[0].u.str->data, args[0].u.str->len, false, true, out);
}

/* --- Envelope addresses ---------------------------------------------------------------------- */

/* The local part without its quotes. */
static bool
unquote(struct hsl_run *r, const char *p, size_t len, struct hsl_value *out)
{
    struct ut_sbuf b;

    if (len < 2 || p[0] != '"' || p[len - 1] != '"')
        return hsl_ret_str(r, out, p, len);
    ut_sbuf_init(&b, len);
    for (size_t i = 1; i + 1 < len; i++) {
        if (p[i] == '\\' && i + 2 < len)
            i++;
        ut_sbuf_addc(&b, p[i]);
    }
    return hsl_ret_sbuf(r, out, &b);
}

static bool
fn_envelope_parse(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;
    const char *at = memrchr(s->data, '@', s->len);
    struct hsl_value part = hsl_none();
    struct hsl_arr *a;

    (void)argc;
    if (!at || at == s->data || at + 1 == s->data + s->len || hsl_addr_fault(s))
        return true;
    a = hsl_arr_new(r, 2);
    if (!a)
        return false;
    *out = hsl_from_arr(a);
    if (!unquote(r, s->data, (size_t)(at - s->data), &part) ||
        !hsl_arr_setz(r, a, "localpart", part))
        return false;
    return hsl_ret_str(r, &part, at + 1, (size_t)(s->data + s->len - at - 1)) &&
           hsl_arr_setz(r, a, "domain", part);
}

static bool
fn_localpart_escape(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct ut_sbuf b;

    (void)argc;
    ut_sbuf_init(&b, r->limits.max_string);
    hsl_addr_add_local(&b, args[0].u.str);
    return hsl_ret_sbuf(r, out, &b) && hsl_work(r, args[0].u.str->len);
}

const struct hsl_builtin hsl_lib_addr_rows[] = {
    {"header_addresslist_extract", "s|o", 0, 0, .fn = fn_extract,
        "header_addresslist_extract(s [, options])",
        "The addresses of a header value as a list, groups flattened; none if it is no address "
        "list. Options: name (elements are name and address), field (s begins with the header's "
        "name).",
        .options = "field name"},
    {"GetAddressList", "s", HSL_FLOW_MAIL, 0, .fn = fn_get_address_list, "GetAddressList(text)",
        "The addresses of a header value as a list; [] if it is no address list.",
        .other = "header_addresslist_extract"},
    {"envelope_address_parse", "s", 0, 0, .fn = fn_envelope_parse, "envelope_address_parse(s)",
        "An envelope address as an array of localpart, without quotes, and domain; or none."},
    {"envelope_localpart_escape", "s", 0, HSL_PURE, .fn = fn_localpart_escape,
        "envelope_localpart_escape(s)", "The local part of an address, quoted if it has to be."},
    {.name = NULL},
};
