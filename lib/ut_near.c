/* ut_near.c - the known name nearest to a mistyped one, by Levenshtein's distance.
 * Not here: the names. Threads: any. Cannot fail: names of 64 bytes and more are near nothing. */
#include "config.h"

#include "lib/ut_near.h"

#include <stddef.h>
#include <string.h>

#define MAX_NAME 64
#define FAR 99

/* Insertions, removals and exchanges of one byte that turn [a] into [b]; FAR if either is long.
 * row[j] is the distance from the first i bytes of [a] to the first j of [b]. */
static unsigned
distance_of(const char *a, const char *b)
{
    unsigned row[MAX_NAME], diagonal, above, best;
    size_t alen = strlen(a), blen = strlen(b);

    if (alen >= MAX_NAME || blen >= MAX_NAME)
        return FAR;
    for (unsigned j = 0; j <= blen; j++)
        row[j] = j;
    for (size_t i = 1; i <= alen; i++) {
        diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= blen; j++) {
            above = row[j];
            best = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[blen];
}

struct ut_near
ut_near_to(const char *word)
{
    return (struct ut_near){.word = word, .distance = strlen(word) < 6 ? 2 : 4};
}

void
ut_near_try(struct ut_near *n, const char *name)
{
    unsigned distance = distance_of(n->word, name);

    if (distance < n->distance) {
        n->distance = distance;
        n->best = name;
    }
}
