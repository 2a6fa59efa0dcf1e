/* hsl_regex.h - what hsl_regex.c and hsl_regex_match.c have for the VM and hsl_regex_cache.c;
 * everything else about regular expressions is in hsl_value.h. */
#ifndef HSL_REGEX_H
#define HSL_REGEX_H

#include "hsl/hsl_env.h"
#include "hsl/hsl_run.h"

/* Frees r->match_data; before the machine goes, or after each run. The next match makes it anew. */
void hsl_regex_run_fini(struct hsl_run *r);
/* Bytes that the pattern keeps, for the bound of the cache. */
size_t hsl_regex_weight(const struct hsl_regex *re);
/* The pattern for a pattern string (§9) through the cache, which may be NULL: a new reference. NULL
 * with [d] set as hsl_regex_compile(). Any thread. */
struct hsl_regex *hsl_regex_cache_get(struct hsl_regex_cache *c, const char *s, size_t len,
    struct ut_diag *d) UT_CHECKED;
/* Patterns kept now. */
size_t hsl_regex_cache_count(struct hsl_regex_cache *c);

#endif
