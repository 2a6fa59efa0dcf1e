/* ctl_log_query.c - finds wanted records in a block of log lines.
 * Not here: reading the file (ctl_log.c), printing a record (ctl_log_line.c).
 * Threads: a query belongs to one.
 * Fails: wrong patterns, and matches that need more than the limits of PCRE2.
 *
 * A log is searched as fast as memory can be read: the block is scanned for a piece of text that
 * every wanted line must hold, and only the lines that hold it are looked at closer. For a WORD
 * that piece is the word as a JSON string, quotes included: within other text a quote would have
 * a backslash before it, so few lines are parsed in vain. For a regular expression it is a run of
 * plain characters in it, if one can be named safely; without one each line is matched. */
#include "config.h"

#include "ctl/ctl_log_query.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <jansson.h>
#include <pcre2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_LIMIT 10000000 /* backtracking steps for one line */
#define MIN_PIECE 2          /* bytes below which scanning for a piece does not pay */

struct word {
    char *text; /* what a field must be */
    size_t len;
};

struct ctl_log_query {
    char *piece; /* what every wanted line holds; NULL: nothing is known */
    size_t piece_len;
    struct word whole;    /* WORD, also the whole of WORD:WORD; text NULL: none */
    struct word parts[2]; /* of WORD:WORD; text NULL: none */
    pcre2_code *code;     /* of a regular expression; NULL: none */
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

/* --- Making one ----------------------------------------------------------------------------- */

/* The bytes that a character stands for itself with in every pattern. */
static bool
is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr(" _-@:;,<>=%&!~'\"", c) != NULL);
}

/* True if the escape of [c] is one character or none by itself, so that a run may go on behind it:
 * not for \x41, \Qab\E, \g1 and the like. */
static bool
is_short_escape(char c)
{
    return c && (strchr("dDwWsSbB", c) != NULL || (!is_plain(c) && (unsigned char)c < 0x80));
}

/* The longest run of plain characters in the pattern: [*len] bytes at the result. 0 bytes if the
 * pattern has anything by which such a run may not be needed or means something else. */
static const char *
plain_run(const char *p, size_t size, size_t *len)
{
    const char *best = p;
    const char *end = p + size;

    *len = 0;
    if (memchr(p, '|', size) || memchr(p, '(', size) || memchr(p, '[', size) ||
        memchr(p, '{', size))
        return best;
    while (p < end) {
        const char *start = p;
        size_t run;

        while (p < end && is_plain(*p))
            p++;
        run = (size_t)(p - start);
        if (run > 0 && p < end && strchr("*?+", *p) != NULL)
            run--;
        if (run > *len) {
            *len = run;
            best = start;
        }
        if (p < end && *p == '\\' && (p + 1 == end || !is_short_escape(p[1]))) {
            *len = 0;
            return best;
        }
        if (p < end)
            p += *p == '\\' ? 2 : 1;
    }
    return best;
}

/* The options that the letters [flags] stand for; -1 with [d] set. */
static int
regex_options(const char *flags, uint32_t *options, struct ut_diag *d)
{
    static const struct {
        char letter;
        uint32_t option;
    } table[] = {
        {'i', PCRE2_CASELESS},
        {'m', PCRE2_MULTILINE},
        {'s', PCRE2_DOTALL},
        {'x', PCRE2_EXTENDED},
        {'u', PCRE2_UTF | PCRE2_MATCH_INVALID_UTF},
        {'U', PCRE2_UNGREEDY},
    };

    *options = 0;
    for (; *flags; flags++) {
        size_t i = 0;

        while (i < sizeof(table) / sizeof(table[0]) && table[i].letter != *flags)
            i++;
        if (i == sizeof(table) / sizeof(table[0]))
            return ut_diag_set(d, "unknown letter \"%c\" behind the regular expression", *flags);
        *options |= table[i].option;
    }
    return 0;
}

static int
set_piece(struct ctl_log_query *q, const char *p, size_t len, struct ut_diag *d)
{
    q->piece = malloc(len + 1);
    if (!q->piece)
        return ut_diag_set(d, "out of memory");
    memcpy(q->piece, p, len);
    q->piece[len] = '\0';
    q->piece_len = len;
    return 0;
}

/* [text] is /REGEXP/FLAGS without its first slash, [slash] the last one. */
static int
init_regex(struct ctl_log_query *q, const char *text, const char *slash, struct ut_diag *d)
{
    size_t len = (size_t)(slash - text);
    uint32_t options;
    PCRE2_SIZE offset;
    const char *run;
    size_t run_len;
    int code;

    if (regex_options(slash + 1, &options, d) != 0)
        return -1;
    q->code = pcre2_compile((PCRE2_SPTR)text, len, options, &code, &offset, NULL);
    if (!q->code) {
        PCRE2_UCHAR why[256] = "";

        pcre2_get_error_message(code, why, sizeof(why));
        return ut_diag_set(d, "regular expression: %s at offset %zu", (const char *)why, offset);
    }
    pcre2_jit_compile(q->code, PCRE2_JIT_COMPLETE); /* without it matching is only slower */
    q->match = pcre2_match_data_create_from_pattern(q->code, NULL);
    q->limits = pcre2_match_context_create(NULL);
    if (!q->match || !q->limits)
        return ut_diag_set(d, "out of memory");
    pcre2_set_match_limit(q->limits, MATCH_LIMIT);
    run = plain_run(text, len, &run_len);
    if (options & (PCRE2_CASELESS | PCRE2_EXTENDED) || run_len < MIN_PIECE)
        return 0;
    return set_piece(q, run, run_len, d);
}

static int
set_word(struct word *w, const char *p, size_t len, struct ut_diag *d)
{
    w->text = strndup(p, len);
    w->len = len;
    return w->text ? 0 : ut_diag_set(d, "out of memory");
}

/* The piece for a field: [len] bytes at [p] as JSON writes them. For the parts of WORD:WORD it is
 * the first part and what must follow it in both meanings: nothing but the opening quote. */
static int
init_word(struct ctl_log_query *q, const char *text, struct ut_diag *d)
{
    const char *colon = strrchr(text, ':');
    size_t first = colon ? (size_t)(colon - text) : strlen(text);
    json_t *value;
    char *quoted;
    int rc;

    if (set_word(&q->whole, text, strlen(text), d) != 0)
        return -1;
    if (colon && (set_word(&q->parts[0], text, first, d) != 0 ||
                     set_word(&q->parts[1], colon + 1, strlen(colon + 1), d) != 0))
        return -1;
    value = json_stringn(text, first);
    if (!value)
        return ut_diag_set(d, "the text searched for must be UTF-8");
    quoted = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    json_decref(value);
    if (!quoted)
        return ut_diag_set(d, "out of memory");
    rc = set_piece(q, quoted, strlen(quoted) - (colon ? 1 : 0), d);
    free(quoted);
    return rc;
}

struct ctl_log_query *
ctl_log_query_new(const char *text, struct ut_diag *d)
{
    struct ctl_log_query *q = calloc(1, sizeof(*q));
    const char *slash;
    int rc = 0;

    if (!q) {
        ut_diag_set(d, "out of memory");
        return NULL;
    }
    slash = text && *text == '/' ? strrchr(text + 1, '/') : NULL;
    if (slash)
        rc = init_regex(q, text + 1, slash, d);
    else if (text && *text == '/')
        rc = ut_diag_set(d, "the regular expression %s lacks its closing /", text);
    else if (text)
        rc = init_word(q, text, d);
    if (rc != 0) {
        ctl_log_query_free(q);
        return NULL;
    }
    return q;
}

void
ctl_log_query_free(struct ctl_log_query *q)
{
    if (!q)
        return;
    free(q->piece);
    free(q->whole.text);
    free(q->parts[0].text);
    free(q->parts[1].text);
    pcre2_match_context_free(q->limits);
    pcre2_match_data_free(q->match);
    pcre2_code_free(q->code);
    free(q);
}

/* --- Looking at a line ---------------------------------------------------------------------- */

static bool
has_field(json_t *record, const struct word *w)
{
    void *at;

    for (at = json_object_iter(record); at; at = json_object_iter_next(record, at)) {
        const json_t *value = json_object_iter_value(at);

        if (json_is_string(value) && json_string_length(value) == w->len &&
            memcmp(json_string_value(value), w->text, w->len) == 0)
            return true;
    }
    return false;
}

static bool
wants_record(const struct ctl_log_query *q, const char *line, size_t len)
{
    json_t *record = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
    bool wanted =
        has_field(record, &q->whole) ||
        (q->parts[0].text && has_field(record, &q->parts[0]) && has_field(record, &q->parts[1]));

    json_decref(record);
    return wanted;
}

/* 1: wanted, 0: not, -1: [d] is set. */
static int
wants_line(struct ctl_log_query *q, const char *line, size_t len, struct ut_diag *d)
{
    PCRE2_UCHAR why[256] = "";
    int rc;

    if (q->whole.text)
        return wants_record(q, line, len);
    if (!q->code)
        return 1;
    rc = pcre2_match(q->code, (PCRE2_SPTR)line, len, 0, 0, q->match, q->limits);
    if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH)
        return rc >= 0;
    pcre2_get_error_message(rc, why, sizeof(why));
    return ut_diag_set(d, "regular expression: %s", (const char *)why);
}

const char *
ctl_log_query_next(
    struct ctl_log_query *q, const char *p, size_t len, size_t *line, struct ut_diag *d)
{
    const char *end = p + len;

    while (p < end) {
        const char *hit = q->piece ? memmem(p, (size_t)(end - p), q->piece, q->piece_len) : p;
        const char *before, *stop;
        int wanted;

        if (!hit)
            return NULL;
        before = memrchr(p, '\n', (size_t)(hit - p));
        p = before ? before + 1 : p;
        stop = memchr(hit, '\n', (size_t)(end - hit));
        *line = (size_t)((stop ? stop : end) - p);
        wanted = wants_line(q, p, *line, d);
        if (wanted != 0)
            return wanted > 0 ? p : NULL;
        p = stop ? stop + 1 : end;
    }
    return NULL;
}
