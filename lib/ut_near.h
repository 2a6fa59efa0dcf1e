/* ut_near.h - which of the known names did somebody mean who typed another one?
 *
 *     struct ut_near near = ut_near_to("max_memry");
 *     for (each known name)
 *         ut_near_try(&near, name);
 *     if (near.best) ... "did you mean max_memory?"
 *
 * Nothing is allocated. Any thread. */
#ifndef UT_NEAR_H
#define UT_NEAR_H

struct ut_near {
    const char *word;  /* borrowed: what was typed */
    const char *best;  /* borrowed: the nearest name tried so far; NULL: none is near */
    unsigned distance; /* insertions, removals and exchanges of a byte from word to best */
};

/* Three mistakes are near in a long word, one in a word below six bytes. */
struct ut_near ut_near_to(const char *word);
/* Takes [name] into account; the first of several that are equally near is kept. */
void ut_near_try(struct ut_near *n, const char *name);

#endif
