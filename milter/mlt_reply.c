/* mlt_reply.c - replies made safe for the wire.
 * Not here: which reply is given when several recipients differ (mlt_verdict.c); doubling of "%",
 * which is libmilter's way and done where it is called (mlt_cb.c).
 * Threads: any. Fails: without memory only. */
#include "config.h"

#include "milter/mlt_reply.h"

#include <stdio.h>
#include <string.h>

#include "lib/ut_utf8.h"

struct reply_row {
    enum hsl_flow flow;
    enum hsl_action action;
    unsigned code;
    const char *status;
    const char *text;
};

/* Library §16 (codes) and §17.3 (texts). The first row that fits counts. */
static const struct reply_row rows[] = {
    {HSL_FLOW_ACCESS, HSL_BLOCK, 554, "5.7.1", "Connection refused"},
    {HSL_FLOW_ACCESS, HSL_REJECT, 521, "5.7.1", "Connection refused"},
    {HSL_FLOW_ACCESS, HSL_DEFER, 421, "4.7.0", "Try again later"},
    {HSL_FLOW_RCPT, HSL_REJECT, 554, "5.7.1", "Recipient rejected"},
    {HSL_FLOW_RCPT, HSL_DEFER, 450, "4.7.1", "Try again later"},
    {HSL_FLOW_MAIL, HSL_REJECT, 550, "5.7.1", "Message rejected"},
    {HSL_FLOW_MAIL, HSL_QUARANTINE, 550, "5.7.1", "Message rejected"},
    {HSL_FLOW_MAIL, HSL_DEFER, 451, "4.7.1", "Try again later"},
};

static const struct reply_row *
row_of(enum hsl_flow flow, enum hsl_action action)
{
    static const struct reply_row other = {
        HSL_FLOW_CORE, HSL_DEFER, 451, "4.7.1", "Try again later"};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].flow == flow && rows[i].action == action)
            return &rows[i];
    }
    return &other;
}

void
mlt_reply_set(
    struct mlt_reply *r, const char **one, unsigned code, const char *status, const char *text)
{
    *one = text;
    r->code = code;
    snprintf(r->status, sizeof(r->status), "%s", status);
    r->lines = one;
    r->count = 1;
}

void
mlt_reply_default(struct mlt_reply *r, const char **one, enum hsl_flow flow, enum hsl_action action,
    const char *text)
{
    const struct reply_row *row = row_of(flow, action);

    mlt_reply_set(r, one, row->code, row->status, text ? text : row->text);
}

/* Code and enhanced code: asked for, or the row's; both of one class, whatever was asked. */
static void
set_codes(struct mlt_reply *r, const struct reply_row *row, const struct hsl_verdict *v)
{
    bool asked = v->code >= 400 && v->code <= 599;
    unsigned class;

    r->code = asked ? v->code : row->code;
    if (!asked && v->disconnect)
        r->code = row->code < 500 ? 421 : 521;
    class = r->code / 100;
    if (v->enhanced[0] == class)
        snprintf(r->status, sizeof(r->status), "%u.%u.%u", class, v->enhanced[1], v->enhanced[2]);
    else if (r->code == row->code)
        snprintf(r->status, sizeof(r->status), "%s", row->status);
    else
        snprintf(r->status, sizeof(r->status), "%u.7.%u", class, r->code == 421 ? 0U : 1U);
}

/* Replaces in place what may not stand in a reply line; gives the new length. */
static size_t
clean(char *p, size_t len, bool utf8)
{
    bool keep_high = utf8 && ut_utf8_valid(p, len);

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];

        if (c == '\t')
            p[i] = ' ';
        else if (c < ' ' || c == 127 || (c > 126 && !keep_high))
            p[i] = '?';
    }
    while (len > 0 && p[len - 1] == ' ')
        len--;
    return len;
}

/* Adds [len] bytes at [p], without line ends, as one or several lines. */
static int
add_line(struct mlt_reply *r, struct ut_arena *arena, const char *p, size_t len, bool utf8)
{
    do {
        size_t part = len > MLT_REPLY_TEXT ? ut_utf8_cut(p, len, MLT_REPLY_TEXT) : len;
        char *copy;

        if (r->count == MLT_REPLY_LINES)
            return 0;
        copy = ut_arena_dup(arena, p, part);
        if (!copy)
            return -1;
        copy[clean(copy, part, utf8)] = '\0';
        r->lines[r->count++] = copy;
        p += part;
        len -= part;
    } while (len > 0);
    return 0;
}

/* Adds one text of the script, split at LF, CR LF and CR. */
static int
add_text(struct mlt_reply *r, struct ut_arena *arena, const char *p, size_t len, bool utf8)
{
    const char *end = p + len;

    for (;;) {
        const char *stop = p;

        while (stop < end && *stop != '\n' && *stop != '\r')
            stop++;
        if (add_line(r, arena, p, (size_t)(stop - p), utf8) != 0)
            return -1;
        if (stop == end)
            return 0;
        p = stop + (*stop == '\r' && stop + 1 < end && stop[1] == '\n' ? 2 : 1);
    }
}

int
mlt_reply_of(struct mlt_reply *r, struct ut_arena *arena, enum hsl_flow flow,
    const struct hsl_verdict *v, bool utf8)
{
    const struct reply_row *row = row_of(flow, v->action);
    bool empty = true;

    memset(r, 0, sizeof(*r));
    set_codes(r, row, v);
    r->lines = ut_arena_calloc(arena, MLT_REPLY_LINES, sizeof(*r->lines));
    if (!r->lines)
        return -1;
    for (size_t i = 0; i < v->line_count; i++) {
        if (add_text(r, arena, v->lines[i].p, v->lines[i].len, utf8) != 0)
            return -1;
    }
    for (size_t i = 0; i < r->count; i++)
        empty = empty && r->lines[i][0] == '\0';
    if (empty) {
        r->lines[0] = row->text;
        r->count = 1;
    }
    return 0;
}

void
mlt_reply_text(const struct mlt_reply *r, struct ut_sbuf *out)
{
    for (size_t i = 0; i < r->count; i++) {
        if (i > 0)
            ut_sbuf_addc(out, ' ');
        ut_sbuf_addz(out, r->lines[i]);
    }
}

void
mlt_reply_to_text(const struct mlt_reply *r, struct ut_sbuf *out)
{
    ut_sbuf_addf(out, "%u %s ", r->code, r->status);
    mlt_reply_text(r, out);
}

bool
mlt_reply_same(const struct mlt_reply *a, const struct mlt_reply *b)
{
    if (a->code != b->code || strcmp(a->status, b->status) != 0 || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->lines[i], b->lines[i]) != 0)
            return false;
    }
    return true;
}
