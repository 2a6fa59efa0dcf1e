/* hsl_file_index.c - records and words of a file, and a hash over one word of each record.
 *
 * An index is a table of (hash of the word, place of the record), open addressing, made in one pass
 * over the content and never changed after. Only the first record of a word is in it: that is
 * the one in_file() has to find. A lookup reads the record again, so a false hit costs nothing but
 * time. Without memory, or beyond ENTRIES_MAX different words, there is no index and lookups read
 * the content from the start.
 *
 * Not here: contents (hsl_file.c), in_file() (hsl_lib_file.c).
 * Threads: any; two may make the same index at once, one of them then frees its own.
 * Fails: limits of the run. */
#include "config.h"

#include "hsl/hsl_file_index.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 4000000u
#define FIRST_SLOTS 64u

struct slot {
    uint32_t hash;  /* of the word */
    uint32_t place; /* of the record + 1; 0: free */
};

struct hsl_file_index {
    struct hsl_file_index *next;
    struct hsl_record_form form; /* delim points behind the struct */
    struct slot *slots;
    uint32_t mask; /* number of slots - 1 */
    uint32_t count;
    char delim[];
};

void
hsl_file_index_free(struct hsl_file_index *index)
{
    if (!index)
        return;
    free(index->slots);
    free(index);
}

struct hsl_file_index **
hsl_file_index_next(struct hsl_file_index *index)
{
    return &index->next;
}

/* --- Records --------------------------------------------------------------------------------- */

/* Behind the CSV record that starts at [p]: its line end, or the end of the content. Quotes
 * matter only at the start of a field, so this follows the fields. */
static const char *
csv_end(const struct hsl_record_form *form, const char *p, const char *end)
{
    bool start = true;

    while (p < end && *p != '\n') {
        if (start && *p == '"') {
            for (p++; p < end && (*p != '"' || (p + 1 < end && p[1] == '"')); p++)
                p += *p == '"' ? 1 : 0;
            p += p < end ? 1 : 0;
            start = false;
            continue;
        }
        start =
            (size_t)(end - p) >= form->delim_len && memcmp(p, form->delim, form->delim_len) == 0;
        p += start ? form->delim_len : 1;
    }
    return p;
}

static bool
is_blank_record(const struct hsl_record_form *form, const struct hsl_record *rec)
{
    if (rec->len == 0)
        return true;
    if (form->csv || form->delim_len > 0)
        return false;
    for (size_t i = 0; i < rec->len; i++) {
        if (rec->p[i] != ' ' && rec->p[i] != '\t')
            return false;
    }
    return true;
}

bool
hsl_record_next(const struct hsl_record_form *form, const char *data, size_t len, size_t *pos,
    struct hsl_record *rec)
{
    const char *end = data + len;

    while (*pos < len) {
        const char *p = data + *pos, *stop;

        if (form->csv) {
            stop = csv_end(form, p, end);
        } else {
            stop = memchr(p, '\n', (size_t)(end - p));
            stop = stop ? stop : end;
        }
        *pos = (size_t)(stop - data) + (stop < end ? 1 : 0);
        if (stop > p && stop[-1] == '\r')
            stop--;
        rec->p = p;
        rec->len = (size_t)(stop - p);
        if (!is_blank_record(form, rec))
            return true;
    }
    return false;
}

/* --- Words ----------------------------------------------------------------------------------- */

static bool
blank_word(const struct hsl_record *rec, size_t *at, struct hsl_record *word)
{
    size_t i = *at, start;

    while (i < rec->len && (rec->p[i] == ' ' || rec->p[i] == '\t'))
        i++;
    start = i;
    while (i < rec->len && rec->p[i] != ' ' && rec->p[i] != '\t')
        i++;
    *at = i;
    *word = (struct hsl_record){.p = rec->p + start, .len = i - start};
    return i > start;
}

/* A word up to the delimiter. One behind the end (len + 1) means that the last was given. */
static bool
split_word(const struct hsl_record_form *form, const struct hsl_record *rec, size_t *at,
    struct hsl_record *word)
{
    const char *p = rec->p + *at, *hit;

    if (*at > rec->len)
        return false;
    hit = memmem(p, rec->len - *at, form->delim, form->delim_len);
    *word = (struct hsl_record){.p = p, .len = hit ? (size_t)(hit - p) : rec->len - *at};
    *at = hit ? (size_t)(hit - rec->p) + form->delim_len : rec->len + 1;
    return true;
}

static bool
csv_word(const struct hsl_record_form *form, const struct hsl_record *rec, size_t *at,
    struct ut_sbuf *text, struct hsl_record *word)
{
    size_t i = *at + 1;
    struct hsl_record rest;

    if (*at >= rec->len || rec->p[*at] != '"')
        return split_word(form, rec, at, word);
    ut_sbuf_reset(text);
    for (; i < rec->len && (rec->p[i] != '"' || (i + 1 < rec->len && rec->p[i + 1] == '"')); i++) {
        i += rec->p[i] == '"' ? 1 : 0;
        ut_sbuf_addc(text, rec->p[i]);
    }
    *at = i < rec->len ? i + 1 : i;
    /* What stands between the closing quote and the delimiter belongs to the field too. */
    if (split_word(form, rec, at, &rest))
        ut_sbuf_add(text, rest.p, rest.len);
    *word = (struct hsl_record){.p = ut_sbuf_text(text), .len = text->len};
    return true;
}

bool
hsl_record_word(const struct hsl_record_form *form, const struct hsl_record *rec, size_t *at,
    struct ut_sbuf *text, struct hsl_record *word)
{
    if (form->csv)
        return csv_word(form, rec, at, text, word);
    if (form->delim_len > 0)
        return split_word(form, rec, at, word);
    return blank_word(rec, at, word);
}

/* Word form->word of the record; false if it has not got so many. */
static bool
key_word(const struct hsl_record_form *form, const struct hsl_record *rec, struct ut_sbuf *text,
    struct hsl_record *word)
{
    size_t at = 0;

    for (size_t i = 0; i <= form->word; i++) {
        if (!hsl_record_word(form, rec, &at, text, word))
            return false;
    }
    return true;
}

static bool
word_is(const struct hsl_record *word, const char *p, size_t len)
{
    return word->len == len && memcmp(word->p, p, len) == 0;
}

/* --- Making an index ------------------------------------------------------------------------- */

struct builder {
    struct hsl_file_index *index;
    const char *data;
    size_t len;
    struct ut_sbuf text, other; /* for CSV words */
};

static struct hsl_file_index *
index_new(const struct hsl_record_form *form)
{
    struct hsl_file_index *x = calloc(1, sizeof(*x) + form->delim_len + 1);

    if (!x)
        return NULL;
    x->slots = calloc(FIRST_SLOTS, sizeof(*x->slots));
    if (!x->slots) {
        free(x);
        return NULL;
    }
    x->mask = FIRST_SLOTS - 1;
    x->form = *form;
    memcpy(x->delim, form->delim, form->delim_len);
    x->form.delim = x->delim;
    return x;
}

static bool
grow(struct hsl_file_index *x)
{
    uint32_t mask = x->mask * 2 + 1;
    struct slot *slots = calloc((size_t)mask + 1, sizeof(*slots));

    if (!slots)
        return false;
    for (uint32_t i = 0; i <= x->mask; i++) {
        uint32_t at = x->slots[i].hash & mask;

        if (x->slots[i].place == 0)
            continue;
        while (slots[at].place)
            at = (at + 1) & mask;
        slots[at] = x->slots[i];
    }
    free(x->slots);
    x->slots = slots;
    x->mask = mask;
    return true;
}

/* The record at [place] again. */
static bool
record_at(const struct hsl_record_form *form, const char *data, size_t len, uint32_t place,
    struct hsl_record *rec)
{
    size_t pos = place;

    return hsl_record_next(form, data, len, &pos, rec);
}

/* Puts the record in unless one of its word is there. HSL_NOT_FOUND: no memory, or too many. */
static enum hsl_found
insert(struct hsl_run *r, struct builder *b, const struct hsl_record *rec,
    const struct hsl_record *word)
{
    struct hsl_file_index *x = b->index;
    uint32_t hash = hsl_str_hash_bytes(word->p, word->len), at = hash & x->mask;
    struct hsl_record other, other_word;

    for (; x->slots[at].place; at = (at + 1) & x->mask) {
        if (x->slots[at].hash != hash ||
            !record_at(&x->form, b->data, b->len, x->slots[at].place - 1, &other))
            continue;
        if (!hsl_work(r, other.len))
            return HSL_FOUND_ERROR;
        if (key_word(&x->form, &other, &b->other, &other_word) &&
            word_is(&other_word, word->p, word->len))
            return HSL_FOUND;
    }
    x->slots[at] = (struct slot){.hash = hash, .place = (uint32_t)(rec->p - b->data) + 1};
    x->count++;
    return x->count < ENTRIES_MAX && (x->count * 2 <= x->mask || grow(x)) ? HSL_FOUND
                                                                          : HSL_NOT_FOUND;
}

/* All records into the index. HSL_NOT_FOUND: it cannot be made. */
static enum hsl_found
fill(struct hsl_run *r, struct builder *b, size_t pos)
{
    enum hsl_found result = HSL_FOUND;
    struct hsl_record rec, word;

    while (result == HSL_FOUND && hsl_record_next(&b->index->form, b->data, b->len, &pos, &rec)) {
        if (!hsl_work(r, rec.len + 16))
            return HSL_FOUND_ERROR;
        if (key_word(&b->index->form, &rec, &b->text, &word) && word.len > 0)
            result = insert(r, b, &rec, &word);
        if (b->text.failed || b->other.failed)
            return HSL_NOT_FOUND;
    }
    return result;
}

/* Behind the header if there is one. */
static size_t
first_record(const struct hsl_record_form *form, const char *data, size_t len)
{
    struct hsl_record rec;
    size_t pos = 0;

    if (form->csv && form->header && !hsl_record_next(form, data, len, &pos, &rec))
        return len;
    return pos;
}

/* --- Looking up ------------------------------------------------------------------------------ */

static bool
same_form(const struct hsl_file_index *x, const void *arg)
{
    const struct hsl_record_form *form = arg;

    return x->form.csv == form->csv && x->form.header == form->header &&
           x->form.word == form->word && x->form.delim_len == form->delim_len &&
           memcmp(x->form.delim, form->delim, form->delim_len) == 0;
}

static enum hsl_found
use_index(struct hsl_run *r, const struct hsl_file_index *x, const char *data, size_t len,
    const struct hsl_str *word, struct hsl_record *rec)
{
    uint32_t hash = hsl_str_hash_bytes(word->data, word->len), at = hash & x->mask;
    struct hsl_record found;
    struct ut_sbuf text;
    enum hsl_found result = HSL_NOT_FOUND;

    ut_sbuf_init(&text, len);
    for (; result == HSL_NOT_FOUND && x->slots[at].place; at = (at + 1) & x->mask) {
        if (x->slots[at].hash != hash ||
            !record_at(&x->form, data, len, x->slots[at].place - 1, rec))
            continue;
        if (!hsl_work(r, rec->len))
            result = HSL_FOUND_ERROR;
        else if (key_word(&x->form, rec, &text, &found) && word_is(&found, word->data, word->len))
            result = HSL_FOUND;
    }
    ut_sbuf_fini(&text);
    return result;
}

/* Record by record, without an index. */
static enum hsl_found
scan(struct hsl_run *r, const struct hsl_record_form *form, const char *data, size_t len,
    const struct hsl_str *word, struct hsl_record *rec)
{
    size_t pos = first_record(form, data, len);
    enum hsl_found result = HSL_NOT_FOUND;
    struct hsl_record found;
    struct ut_sbuf text;

    ut_sbuf_init(&text, len);
    while (result == HSL_NOT_FOUND && hsl_record_next(form, data, len, &pos, rec)) {
        if (!hsl_work(r, rec->len + 16))
            result = HSL_FOUND_ERROR;
        else if (key_word(form, rec, &text, &found) && word_is(&found, word->data, word->len))
            result = HSL_FOUND;
    }
    ut_sbuf_fini(&text);
    return result;
}

enum hsl_found
hsl_file_lookup(struct hsl_run *r, struct hsl_file *f, const struct hsl_record_form *form,
    const struct hsl_str *word, struct hsl_record *rec)
{
    struct hsl_file_index *x = hsl_file_find_index(f, same_form, form);
    struct builder b = {.index = NULL};
    enum hsl_found result;
    bool whole;

    b.data = hsl_file_data(f, &b.len);
    if (x)
        return use_index(r, x, b.data, b.len, word, rec);
    b.index = index_new(form);
    if (!b.index)
        return scan(r, form, b.data, b.len, word, rec);
    ut_sbuf_init(&b.text, b.len);
    ut_sbuf_init(&b.other, b.len);
    result = fill(r, &b, first_record(form, b.data, b.len));
    ut_sbuf_fini(&b.text);
    ut_sbuf_fini(&b.other);
    whole = result == HSL_FOUND;
    if (whole)
        result = use_index(r, b.index, b.data, b.len, word, rec);
    else if (result == HSL_NOT_FOUND)
        result = scan(r, form, b.data, b.len, word, rec);
    else
        rec->p = NULL;
    if (!whole || !hsl_file_keep_index(f, b.index))
        hsl_file_index_free(b.index);
    return result;
}
