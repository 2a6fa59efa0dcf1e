/* hsl_act.c - checks the arguments of an action and hands it to the host.
 *
 * Everything a peer or a script could smuggle into a reply or an envelope is stopped here: line
 * ends and control characters in reply texts, addresses that break the SMTP dialogue, reply codes
 * that do not go with the action.
 * Not here: the built-ins (hsl_lib_flow.c), what becomes of an action (the host).
 * Threads: as the run. Fails: R07, R15, limits. */
#include "config.h"

#include "hsl/hsl_act.h"

#include "hsl/hsl_addr.h"
#include "lib/ut_utf8.h"

/* ORDER ACTION */
static const char *const action_names[] = {"Allow", "Block", "Accept", "Reject", "Defer", "Deliver",
    "Delete", "Quarantine", "CopyMail", "Done"};

const char *
hsl_action_name(enum hsl_action a)
{
    return action_names[a];
}

void
hsl_act_init(struct hsl_act *a, struct hsl_run *r, const char *name, enum hsl_action action)
{
    memset(a, 0, sizeof(*a));
    a->run = r;
    a->name = name;
    a->v.action = action;
    a->v.final = action != HSL_COPY;
    a->v.reject = -1;
    a->v.lines = a->lines;
    ut_sbuf_init(&a->text, HSL_ACT_LINES * HSL_ACT_LINE + 1);
}

bool
hsl_act_no_host(struct hsl_run *r, const char *name)
{
    return hsl_raise(r, HSL_R15, "%s(): not possible here", name);
}

/* --- Texts ----------------------------------------------------------------------------------- */

static void
add_line(struct hsl_act *a, const char *p, size_t len)
{
    if (a->v.line_count == HSL_ACT_LINES)
        return;
    len = ut_utf8_cut(p, len, HSL_ACT_LINE);
    for (size_t i = 0; i < len; i++) {
        bool control = (unsigned char)p[i] < 32 || p[i] == 127;

        ut_sbuf_addc(&a->text, control ? ' ' : p[i]);
    }
    a->lines[a->v.line_count++].len = len;
}

static void
add_lines(struct hsl_act *a, const struct hsl_str *s)
{
    const char *p = s->data, *end = p + s->len;

    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        const char *stop = lf ? lf : end;

        add_line(a, p, (size_t)(stop > p && stop[-1] == '\r' ? stop - 1 - p : stop - p));
        p = lf ? lf + 1 : end;
    }
}

/* One value of the reason: what `.` would make of it. */
static bool
add_text(struct hsl_act *a, const struct hsl_value *v)
{
    struct hsl_str *s = hsl_to_str(a->run, v);

    if (!s)
        return false;
    add_lines(a, s);
    hsl_unref(a->run, hsl_from_str(s));
    return true;
}

static bool
is_scalar(const struct hsl_value *v)
{
    return v->type == HSL_STR || v->type == HSL_NUM || v->type == HSL_BOOL;
}

bool
hsl_act_reason(struct hsl_act *a, const struct hsl_value *v, unsigned n)
{
    const struct hsl_value *line;
    const char *p;
    size_t pos = 0;

    if (v->type != HSL_ARR && !is_scalar(v))
        return hsl_lib_bad_arg(a->run, a->name, n, "string or array", v);
    if (v->type != HSL_ARR && !add_text(a, v))
        return false;
    while (v->type == HSL_ARR && hsl_arr_next(v->u.arr, &pos, NULL, &line)) {
        if (!is_scalar(line))
            return hsl_lib_bad_arg(a->run, a->name, n, "array of strings", line);
        if (!add_text(a, line))
            return false;
    }
    if (a->text.failed)
        return hsl_limit(a->run, HSL_L08, "out of memory");
    p = ut_sbuf_text(&a->text);
    for (size_t i = 0; i < a->v.line_count; i++) {
        a->lines[i].p = p;
        p += a->lines[i].len;
    }
    return true;
}

/* --- Reply codes ----------------------------------------------------------------------------- */

static bool
enhanced_code(struct hsl_act *a, const struct hsl_value *v, unsigned n)
{
    if (v->type != HSL_ARR || hsl_arr_count(v->u.arr) != 3)
        return hsl_raise(a->run, HSL_R07,
            "argument %u of %s(): option enhanced: expected array of three numbers", n, a->name);
    for (int i = 0; i < 3; i++) {
        const struct hsl_value *part = hsl_arr_geti(v->u.arr, i);

        if (!part || part->type != HSL_NUM || !(part->u.num >= 0 && part->u.num <= 255))
            return hsl_raise(a->run, HSL_R15,
                "%s(): the enhanced code must be three numbers from 0 to 255", a->name);
        a->v.enhanced[i] = (unsigned char)part->u.num;
    }
    if (a->v.enhanced[0] != 2 && a->v.enhanced[0] != 4 && a->v.enhanced[0] != 5)
        return hsl_raise(
            a->run, HSL_R15, "%s(): the enhanced code must begin with 2, 4 or 5", a->name);
    return true;
}

/* Both codes have to be of a class that goes with the action, and of the same one. */
static bool
check_classes(struct hsl_act *a, double code, const char *classes)
{
    int first = code >= 200 && code < 600 ? '0' + (int)code / 100 : '?';
    int enhanced = '0' + a->v.enhanced[0];

    if (code != 0 && !strchr(classes, first))
        return hsl_raise(a->run, HSL_R15, "%s(): reply code %.0f is not of class %cxx%s", a->name,
            code, classes[0], classes[1] ? " or 5xx" : "");
    if (enhanced != '0' && (!strchr(classes, enhanced) || (code != 0 && first != enhanced)))
        return hsl_raise(a->run, HSL_R15,
            "%s(): enhanced code %u.%u.%u does not go with the reply code", a->name,
            a->v.enhanced[0], a->v.enhanced[1], a->v.enhanced[2]);
    a->v.code = (unsigned)code;
    return true;
}

bool
hsl_act_reply(struct hsl_act *a, const struct hsl_value *o, unsigned n, const char *classes)
{
    const struct hsl_value *codes = hsl_arr_getz(o->u.arr, "reply_codes"), *enhanced;
    double code = 0;

    if (!hsl_opt_bool(a->run, a->name, n, o, "disconnect", &a->v.disconnect))
        return false;
    if (!codes || codes->type == HSL_NONE)
        return true;
    if (codes->type != HSL_ARR)
        return hsl_raise(a->run, HSL_R07,
            "argument %u of %s(): option reply_codes: expected array, got %s", n, a->name,
            hsl_type_name(codes));
    if (!hsl_opt_num(a->run, a->name, n, codes, "code", &code))
        return false;
    enhanced = hsl_arr_getz(codes->u.arr, "enhanced");
    if (enhanced && enhanced->type != HSL_NONE && !enhanced_code(a, enhanced, n))
        return false;
    return check_classes(a, code, classes);
}

/* --- Whereto --------------------------------------------------------------------------------- */

/* Makes *keep a list that owns [v], whose count it takes. */
static bool
keep_value(struct hsl_run *r, struct hsl_value *keep, struct hsl_value v)
{
    if (keep->type != HSL_ARR) {
        struct hsl_arr *list = hsl_arr_new(r, 0);

        if (!list) {
            hsl_unref(r, v);
            return false;
        }
        *keep = hsl_from_arr(list);
    }
    return hsl_arr_push(r, keep->u.arr, v);
}

static struct hsl_text
text_of(const struct hsl_str *s)
{
    return (struct hsl_text){.p = s->data, .len = s->len};
}

bool
hsl_act_recipient(struct hsl_act *a, const struct hsl_value *v, unsigned n)
{
    struct hsl_value addr = hsl_none();

    if (v->type != HSL_STR && v->type != HSL_ARR)
        return hsl_lib_bad_arg(a->run, a->name, n, "string or array", v);
    if (!hsl_addr_xtake(a->run, a->name, v, &addr))
        return false;
    a->v.recipient = text_of(addr.u.str);
    if (!keep_value(a->run, &a->keep, addr))
        return false;
    if (a->v.recipient.len == 0)
        return hsl_raise(a->run, HSL_R15, "%s(): the recipient is empty", a->name);
    return true;
}

bool
hsl_profile_check(struct hsl_run *r, const char *name, const char *prefix, const struct hsl_str *s)
{
    size_t n = strlen(prefix);
    bool ok = s->len > n + 1 && memcmp(s->data, prefix, n) == 0 && s->data[n] == ':';

    for (size_t i = n + 1; ok && i < s->len; i++) {
        unsigned char c = (unsigned char)s->data[i];

        ok = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
             c == '_' || c == '.';
    }
    if (!ok || s->len > 128)
        return hsl_raise(r, HSL_R15, "%s(): unknown profile %.*s", name,
            (int)ut_utf8_cut(s->data, s->len, 128), s->data);
    return true;
}

static bool
take_profile(struct hsl_act *a, const struct hsl_value *v, unsigned n, const char *prefix,
    struct hsl_text *out)
{
    if (v->type != HSL_STR)
        return hsl_lib_bad_arg(a->run, a->name, n, "string", v);
    *out = text_of(v->u.str);
    return hsl_profile_check(a->run, a->name, prefix, v->u.str);
}

bool
hsl_act_transport(struct hsl_act *a, const struct hsl_value *v, unsigned n)
{
    return take_profile(a, v, n, "mailtransport", &a->v.transport);
}

bool
hsl_act_quarantine(struct hsl_act *a, const struct hsl_value *v, unsigned n)
{
    return take_profile(a, v, n, "mailquarantine", &a->v.quarantine);
}

/* --- Metadata -------------------------------------------------------------------------------- */

/* The text of a key or value; kept by *keep. */
static bool
meta_text(
    struct hsl_run *r, const struct hsl_value *v, struct hsl_value *keep, struct hsl_text *out)
{
    struct hsl_str *s = hsl_to_str(r, v);

    if (!s)
        return false;
    *out = text_of(s);
    return keep_value(r, keep, hsl_from_str(s));
}

bool
hsl_meta_pairs(struct hsl_run *r, const char *name, unsigned n, const struct hsl_value *v,
    struct hsl_value *keep, struct hsl_text **pairs, size_t *count)
{
    size_t total = hsl_arr_count(v->u.arr), pos = 0, i = 0;
    const struct hsl_value *value;
    struct hsl_value key;

    *pairs = NULL;
    *count = 0;
    if (total == 0)
        return true;
    *pairs = hsl_heap_alloc(&r->heap, total * 2 * sizeof(**pairs));
    if (!*pairs)
        return hsl_raise_memory(r);
    *count = total;
    while (i < total && hsl_arr_next(v->u.arr, &pos, &key, &value)) {
        if (!is_scalar(value))
            return hsl_lib_bad_arg(r, name, n, "array of strings", value);
        if (!meta_text(r, &key, keep, &(*pairs)[2 * i]) ||
            !meta_text(r, value, keep, &(*pairs)[2 * i + 1]))
            return false;
        i++;
    }
    return true;
}

void
hsl_meta_free(struct hsl_run *r, struct hsl_text *pairs, size_t count)
{
    hsl_heap_free(&r->heap, pairs, count * 2 * sizeof(*pairs));
}

bool
hsl_act_target(struct hsl_act *a, const struct hsl_value *o, unsigned n)
{
    const struct hsl_value *recipient = hsl_arr_getz(o->u.arr, "recipient");
    const struct hsl_value *transport = hsl_arr_getz(o->u.arr, "transportid");
    const struct hsl_value *meta = hsl_arr_getz(o->u.arr, "metadata");

    if (recipient && recipient->type != HSL_NONE && !hsl_act_recipient(a, recipient, n))
        return false;
    if (transport && transport->type != HSL_NONE && !hsl_act_transport(a, transport, n))
        return false;
    if (!meta || meta->type == HSL_NONE)
        return true;
    if (meta->type != HSL_ARR)
        return hsl_raise(a->run, HSL_R07,
            "argument %u of %s(): option metadata: expected array, got %s", n, a->name,
            hsl_type_name(meta));
    return hsl_meta_pairs(a->run, a->name, n, meta, &a->keep, &a->v.meta, &a->v.meta_count);
}

/* --- The end --------------------------------------------------------------------------------- */

static bool
tell_host(struct hsl_act *a)
{
    struct hsl_run *r = a->run;
    struct ut_diag why = {.text = "refused"};

    if (!r->host || !r->host->verdict)
        return hsl_act_no_host(r, a->name);
    hsl_run_place(r, &a->v.place);
    if (!r->host->verdict(r->host_arg, &a->v, &why))
        return hsl_raise(r, HSL_R15, "%s(): %s", a->name, why.text);
    if (a->v.final)
        return hsl_finish(r);
    hsl_run_var_changed(r, "actionid");
    return true;
}

bool
hsl_act_end(struct hsl_act *a, bool ok)
{
    ok = ok && tell_host(a);
    hsl_meta_free(a->run, a->v.meta, a->v.meta_count);
    hsl_unref(a->run, a->keep);
    ut_sbuf_fini(&a->text);
    return ok;
}
