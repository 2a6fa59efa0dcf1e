/* hsl_manual.c - prints the section FUNCTIONS of doc/hsl-library.7 from the rows that the language
 * itself has, or, with --rows, the rows for tests: name, signature, flows, flags and text, with
 * tabs between.
 *
 *     hsl_manual t/hsl/lib/...hsl    the scripts give the examples
 *
 * The example of a function is its line in examples.hsl; else the shortest line that begins with
 * `echo NAME(`, needs no variable and says what it prints; else, from a script whose first line names
 * a flow, a line with the call, which is only checked. For functions that ask others it is one of
 * the first or last kind. t/man-examples.t compares the page with what this prints. */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hsl/hsl_lib.h"

#define MAX_ROWS 500
#define MAX_LINE 96
#define MAX_EXAMPLE 110

struct script {
    char **lines;
    size_t count;
    bool is_examples; /* each line runs by itself */
    const char *flow; /* NULL: it runs */
    bool has_files;   /* which an example has not: it gives none */
};

/* --- Scripts -----------------------------------------------------------------------------------
 */

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static void
read_script(struct script *s, const char *path)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    ssize_t len;

    *s = (struct script){.is_examples = strstr(path, "/examples.hsl") != NULL};
    if (!f)
        die(path);
    while ((len = getline(&line, &size, f)) > 0) {
        s->lines = reallocarray(s->lines, s->count + 1, sizeof(s->lines[0]));
        if (!s->lines)
            die(path);
        line[strcspn(line, "\n")] = '\0';
        s->has_files = s->has_files || strncmp(line, "// files:", 9) == 0;
        s->lines[s->count++] = line;
        line = NULL;
    }
    free(line);
    fclose(f);
    if (s->count > 0 && strncmp(s->lines[0], "// flow: ", 9) == 0)
        s->flow = s->lines[0] + 9;
}

static void
free_script(struct script *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->lines[i]);
    free(s->lines);
}

/* True if [line] has the call of function [name]. */
static bool
has_call(const char *line, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = line; (at = strstr(at, name)) != NULL; at++) {
        bool inside = at > line && (strchr("_>:$", at[-1]) || (at[-1] | 0x20) >= 'a');

        if (!inside && at[len] == '(')
            return true;
    }
    return false;
}

/* True if [line] of a script that runs shows what function [name] gives. */
static bool
shows_result(const char *line, const char *name)
{
    size_t len = strlen(name);

    return strncmp(line, "echo ", 5) == 0 && strncmp(line + 5, name, len) == 0 &&
           line[5 + len] == '(' && !strchr(line, '$') && !strstr(line, "\xe2\x80\xa6");
}

/* --- mdoc --------------------------------------------------------------------------------------
 */

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

static void
print_literal(const char *flow, const char *code, size_t len, const char *result)
{
    puts(".Bd -literal -compact");
    if (flow)
        printf("// flow: %s\n", flow);
    for (size_t i = 0; i < len; i++) {
        if (code[i] == '\\')
            fputs("\\e", stdout);
        else
            putchar(code[i]);
    }
    if (result)
        fputs(" // -> ", stdout);
    for (; result && *result; result++) {
        if (*result == '\\')
            fputs("\\e", stdout);
        else
            putchar(*result);
    }
    puts("\n.Ed");
}

/* How little [line] says about function [b] by length; 0: nothing. */
static size_t
rate_example(const struct script *s, const char *line, const struct hsl_builtin *b)
{
    const char *name = b->name;
    size_t len = strlen(line);

    if (strncmp(line, "//", 2) == 0)
        return 0;
    if (s->is_examples)
        return has_call(line, name) ? 1 : 0;
    if (len > MAX_EXAMPLE || strstr(line, "// expect compile"))
        return 0;
    if (s->flow)
        return has_call(line, name) ? 2 * MAX_EXAMPLE + len : 0;
    if ((b->flags & HSL_BLOCKS) || !strstr(line, " // expect: ") || !shows_result(line, name))
        return 0;
    return strstr(line, "===") ? MAX_EXAMPLE + len : len;
}

static void
print_example(const struct script *s, size_t scripts, const struct hsl_builtin *b)
{
    size_t least = SIZE_MAX;
    const char *line = NULL, *flow = NULL, *end, *result;

    for (size_t i = 0; i < scripts; i++) {
        for (size_t k = 0; k < s[i].count && !s[i].has_files; k++) {
            size_t rating = rate_example(&s[i], s[i].lines[k], b);

            if (rating > 0 && rating < least) {
                least = rating;
                line = s[i].lines[k];
                flow = s[i].flow;
            }
        }
    }
    if (!line)
        return;
    end = strstr(line, " // ");
    result = flow ? NULL : strstr(line, " // expect: ") + 12;
    print_literal(flow, line, end ? (size_t)(end - line) : strlen(line), result);
}

/* --- Functions ---------------------------------------------------------------------------------
 */

static int
by_proto(const void *a, const void *b)
{
    const struct hsl_builtin *x = *(const struct hsl_builtin *const *)a;
    const struct hsl_builtin *y = *(const struct hsl_builtin *const *)b;
    int order = strcasecmp(x->name, y->name);

    return order ? order : strcmp(x->proto, y->proto);
}

static void
print_flows(unsigned flows)
{
    const char *before = "Flows: ";

    for (unsigned flow = 1; flows && flow < HSL_FLOW_ANY; flow *= 2) {
        if (!(flows & flow))
            continue;
        printf("%s%s", before, hsl_flow_name((enum hsl_flow)flow));
        before = ", ";
    }
    if (flows)
        puts(".");
}

/* The function of the other generation, whichever of both rows names it. */
static const char *
other_name(const struct hsl_builtin *b)
{
    const struct hsl_builtin *row;

    for (size_t i = 0; !b->other && (row = hsl_lib_row(&i)) != NULL;) {
        if (row->other && strcmp(row->other, b->name) == 0)
            return row->name;
    }
    return b->other;
}

static void
print_more(const char *before, const char *text)
{
    struct ut_sbuf line;

    if (!text)
        return;
    ut_sbuf_init(&line, SIZE_MAX);
    ut_sbuf_addf(&line, "%s: %s.", before, text);
    print_sentences(ut_sbuf_text(&line));
    ut_sbuf_fini(&line);
}

static void
print_function(const struct hsl_builtin *b, unsigned flows, const struct script *s, size_t scripts)
{
    const char *other = other_name(b);
    size_t len = other ? strlen(other) : 0;
    const char *told = other ? strstr(b->text, other) : NULL;

    fputs(".It Li \"", stdout);
    print_text(b->proto, strlen(b->proto));
    puts("\"");
    print_sentences(b->text);
    if (other && !(told && told[len] == '('))
        printf("Other name: %s().\n", other);
    print_more("Errors", b->errors);
    print_more("Nearest", b->nearest);
    print_flows(flows);
    print_example(s, scripts, b);
}

/* The rows of the tables from [i] on that are about one subject; the first table behind them. */
static size_t
print_subject(size_t i, const struct script *s, size_t scripts)
{
    const struct hsl_builtin *rows[MAX_ROWS], *row;
    const char *subject, *next;
    size_t count = 0;

    row = hsl_lib_table(i, &subject);
    do {
        for (; row->name && count < MAX_ROWS; row++)
            rows[count++] = row;
        row = hsl_lib_table(++i, &next);
    } while (row && strcmp(subject, next) == 0);
    qsort(rows, count, sizeof(rows[0]), by_proto);
    printf(".Ss %s\n.Bl -tag -width Ds\n", subject);
    for (size_t k = 0; k < count; k++) {
        unsigned flows = rows[k]->flows;

        for (; k + 1 < count && strcmp(rows[k]->proto, rows[k + 1]->proto) == 0; k++)
            flows |= rows[k + 1]->flows;
        print_function(rows[k], flows, s, scripts);
    }
    puts(".El");
    return i;
}

static void
print_rows(void)
{
    const struct hsl_builtin *b;

    for (size_t i = 0; (b = hsl_lib_row(&i)) != NULL;)
        printf("%s\t%s\t%u\t%u\t%s\n", b->name, b->args, b->flows, b->flags, b->text);
}

int
main(int argc, char **argv)
{
    size_t scripts = (size_t)argc - 1;
    const char *subject;
    struct script *s;

    if (argc == 2 && strcmp(argv[1], "--rows") == 0) {
        print_rows();
        return 0;
    }
    s = calloc(scripts + 1, sizeof(*s));
    if (!s)
        die("hsl_manual");
    for (size_t i = 0; i < scripts; i++)
        read_script(&s[i], argv[i + 1]);
    for (size_t i = 0; hsl_lib_table(i, &subject);)
        i = print_subject(i, s, scripts);
    for (size_t i = 0; i < scripts; i++)
        free_script(&s[i]);
    free(s);
    return 0;
}
