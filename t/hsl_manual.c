/* hsl_manual.c - prints the list of built-in functions as it stands in doc/hsl.7, from the rows that
 * the language itself has. t/man-examples.t compares both. Functions of flows, with a capital, come
 * last. */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hsl/hsl_lib.h"

#define MAX_ROWS 1000
#define MAX_LINE 96

static bool
is_capital(const struct hsl_builtin *b)
{
    return b->name[0] >= 'A' && b->name[0] <= 'Z';
}

static int
by_name(const void *a, const void *b)
{
    const struct hsl_builtin *x = *(const struct hsl_builtin *const *)a;
    const struct hsl_builtin *y = *(const struct hsl_builtin *const *)b;
    int order;

    if (is_capital(x) != is_capital(y))
        return is_capital(x) ? 1 : -1;
    order = strcasecmp(x->name, y->name);
    return order ? order : strcmp(x->proto, y->proto);
}

/* Text for mdoc. */
static void
print_text(const char *p, size_t len)
{
    for (; len > 0; p++, len--) {
        if (*p == '\\')
            fputs("\\e", stdout);
        else if (*p == '"')
            fputs("\\(dq", stdout);
        else
            putchar(*p);
    }
}

/* The sentences of [text], each on lines of its own. */
static void
print_sentences(const char *text)
{
    while (*text) {
        size_t len = strlen(text), fit = len;

        for (size_t i = 0; i + 2 < len; i++) {
            if (text[i] == '.' && text[i + 1] == ' ' && text[i + 2] >= 'A' && text[i + 2] <= 'Z') {
                fit = i + 1;
                break;
            }
        }
        if (fit > MAX_LINE) {
            for (fit = MAX_LINE; fit > 1 && text[fit] != ' '; fit--)
                continue;
        }
        if (*text == '.' || *text == '\'')
            fputs("\\&", stdout);
        print_text(text, fit);
        putchar('\n');
        text += fit;
        text += strspn(text, " ");
    }
}

int
main(void)
{
    const struct hsl_builtin *rows[MAX_ROWS], *row;
    size_t count = 0, i = 0;

    while (count < MAX_ROWS && (row = hsl_lib_row(&i)) != NULL)
        rows[count++] = row;
    qsort(rows, count, sizeof(rows[0]), by_name);
    puts(".Bl -tag -width Ds");
    for (i = 0; i < count; i++) {
        if (i > 0 && strcmp(rows[i]->proto, rows[i - 1]->proto) == 0)
            continue;
        fputs(".It Li \"", stdout);
        print_text(rows[i]->proto, strlen(rows[i]->proto));
        puts("\"");
        print_sentences(rows[i]->text);
    }
    puts(".El");
    return 0;
}
