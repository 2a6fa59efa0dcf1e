/* hsl_file_index.h - files of words: their records, and finding one by a word (library §6,
 * in_file).
 *
 * A record is a line of words (text/plain) or a CSV record (RFC 4180), which may span lines. */
#ifndef HSL_FILE_INDEX_H
#define HSL_FILE_INDEX_H

#include "hsl/hsl_file.h"
#include "lib/ut_sbuf.h"

struct hsl_record_form {
    bool csv;
    bool header;       /* CSV: the first record names the columns and is none itself */
    const char *delim; /* borrowed */
    size_t delim_len;  /* 0: words stand between runs of space and tab (not for CSV) */
    size_t word;       /* number of the word to look for, from 0 */
};

/* A record without its line end, lent by the content. */
struct hsl_record {
    const char *p;
    size_t len;
};

/* The record at *pos of the content, *pos moved behind it; empty lines are passed over. False at
 * the end. */
bool hsl_record_next(const struct hsl_record_form *form, const char *data, size_t len,
    size_t *pos, struct hsl_record *rec);
/* The words one by one: *at from 0. [word] lends the record or [text] (reset before), in which
 * quotes of CSV are undone. False behind the last. */
bool hsl_record_word(const struct hsl_record_form *form, const struct hsl_record *rec, size_t *at,
    struct ut_sbuf *text, struct hsl_record *word);

enum hsl_found { HSL_FOUND, HSL_NOT_FOUND, HSL_FOUND_ERROR };

/* The first record of [f] whose word form->word is [word], through an index that is made the first
 * time and kept with the content. HSL_FOUND_ERROR: the run's error is set. */
enum hsl_found hsl_file_lookup(struct hsl_run *r, struct hsl_file *f,
    const struct hsl_record_form *form, const struct hsl_str *word,
    struct hsl_record *rec) UT_CHECKED;
void hsl_file_index_free(struct hsl_file_index *index); /* NULL is allowed */
/* The link of the list that hsl_file.c keeps. */
struct hsl_file_index **hsl_file_index_next(struct hsl_file_index *index);

#endif
