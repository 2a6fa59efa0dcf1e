/* hsl_regex.c - patterns: strings and flags, matching, limits, UTF-8, the cache. */
#include "t/unit/hsl_fake_run.h"
#include "t/unit/tap.h"

#include <pthread.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void
test_split(void)
{
    static const struct {
        const char *text, *want, *want_flags;
    } rows[] = {
        {"abc", "abc", ""},
        {"/abc/", "abc", ""},
        {"/abc/i", "abc", "i"},
        {"/a/Xi", "a", "iX"},
        {"/a/imsxuUX", "a", "imsxuUX"},
        {"/a/ii", "a", "i"},
        {"/tmp", "/tmp", ""},
        {"/a/b", "/a/b", ""},
        {"/a/z", "/a/z", ""},
        {"a/i", "a/i", ""},
        {"/", "/", ""},
        {"//", "", ""},
        {"//i", "", "i"},
        {"/i", "/i", ""},
        {"", "", ""},
        {"/a\\/i", "a\\", "i"},
        {"/a/b/u", "a/b", "u"},
        {"/iii", "/iii", ""},
    };
    size_t i, n;

    for (i = 0; i < COUNT(rows); i++) {
        const char *p;
        char flags[8], got[64];

        hsl_regex_split(rows[i].text, strlen(rows[i].text), &p, &n, flags);
        (void)snprintf(got, sizeof(got), "%.*s", (int)n, p);
        tap_str(got, rows[i].want, rows[i].text);
        tap_str(flags, rows[i].want_flags, "and its flags");
    }
}

/* The groups as text, a comma between them, - for one that is not set. */
static const char *
groups_text(const char *s, const size_t *ov, unsigned pairs, char *buf, size_t size)
{
    size_t len = 0;
    unsigned i;

    for (i = 0; i < pairs && len < size; i++)
        if (ov[2 * i] == SIZE_MAX)
            len += (size_t)snprintf(buf + len, size - len, "%s-", i ? "," : "");
        else
            len += (size_t)snprintf(buf + len, size - len, "%s%.*s", i ? "," : "",
                (int)(ov[2 * i + 1] - ov[2 * i]), s + ov[2 * i]);
    return buf;
}

static void
test_match(struct hsl_run *r)
{
    static const struct {
        const char *pattern, *flags, *subject, *want; /* NULL: none */
        size_t start;
    } rows[] = {
        {"b+", "", "abbc", "bb", 0},
        {"^b", "", "ab", NULL, 0},
        {"A", "", "a", NULL, 0},
        {"A", "i", "a", "a", 0},
        {"^b", "m", "a\nb", "b", 0},
        {"a.b", "", "a\nb", NULL, 0},
        {"a.b", "s", "a\nb", "a\nb", 0},
        {"a b # c", "x", "ab", "ab", 0},
        {"a+", "U", "aaa", "a", 0},
        {"a+?", "U", "aaa", "aaa", 0},
        {"b$", "", "ab\n", "b", 0},
        {"(a)|(b)", "", "b", "b,-,b", 0},
        {"(?<u>\\w+)@(x)?", "", "joe@h", "joe@,joe,-", 0},
        {"a", "", "aba", "a", 1},
        {"^a", "", "aa", NULL, 1},
        {"x", "", "ax", NULL, 2},
        {"", "", "", "", 0},
        {"", "", "abc", "", 3},
        {"a", "", "abc", NULL, 4},
        {"\\y", "", "y", "y", 0},
        {"^.$", "", "\xc3\xa5", NULL, 0},
        {"^.$", "u", "\xc3\xa5", "\xc3\xa5", 0},
        {"\xc3\x85", "iu", "\xc3\xa5", "\xc3\xa5", 0},
        {"x", "u", "x\xff", NULL, 0},
        {"x", "", "x\xff", "x", 0},
        {"\\Kb", "", "b", "b", 0},
        {"\\x41", "", "A", "A", 0},
        {"a\\Z", "", "a\n", "a", 0},
        {"(?i)A", "", "a", "a", 0},
        {"\\d{3}", "", "1234", "123", 0},
        /* Each match contains a byte, or seems to: */
        {"<(\\w+)>", "", "a<bc>", "<bc>,bc", 0},
        {"<(\\w+)>", "", "a<bc", NULL, 0},
        {"<(\\w+)>", "", "<a><b>", "<b>,b", 1},
        {"<", "", "a<<", "<", 2},
        {"<", "", "<", NULL, 1},
        {"<\\w*", "", "<a", NULL, 1},
        {"(?<=<)a", "", "<a", "a", 1},
        {"<\\Ka(?=>)", "", "<a>", "a", 0},
        {"a(?=.*>)", "", "a b", NULL, 0},
        {"<(*ACCEPT)>", "", "<", "<", 0},
        {"<(?:a|>)", "", "<a", "<a", 0},
        {"a(?:b>)?", "", "a", "a", 0},
        {"a(?:b>)*c", "", "ac", "ac", 0},
        {"(?(?=a)a>|b)", "", "b", "b", 0},
        {"a>{0,2}b", "", "ab", "ab", 0},
        {"(>?)a\\1b", "", "ab", "ab,", 0},
        {"(?i)1K", "", "1k", "1k", 0},
        {"1k", "iu", "1\xe2\x84\xaa", "1\xe2\x84\xaa", 0},
        {"1(?i:S)", "u", "1\xc5\xbf", "1\xc5\xbf", 0},
        {"(a(?1)?>)", "", "aa>>", "aa>>,aa>>", 0},
    };
    size_t i;
    char buf[200];

    for (i = 0; i < COUNT(rows); i++) {
        struct ut_diag d;
        struct hsl_regex *re =
            hsl_regex_compile(rows[i].pattern, strlen(rows[i].pattern), rows[i].flags, &d);
        const size_t *ov = NULL;
        unsigned pairs = 0;
        int found = re ? hsl_regex_match(r, re, rows[i].subject, strlen(rows[i].subject),
                             rows[i].start, &ov, &pairs)
                       : -2;

        if (found == 1)
            tap_str(groups_text(rows[i].subject, ov, pairs, buf, sizeof(buf)), rows[i].want,
                rows[i].pattern);
        else
            tap_num(found, rows[i].want ? 1 : 0, rows[i].pattern);
        hsl_regex_unref(re);
    }
}

static void
test_groups(void)
{
    struct hsl_regex *re = hsl_regex_compile("(?<year>\\d+)-(\\d+)-(?<day>\\d+)", 30, "", NULL);

    tap_num(hsl_regex_groups(re), 3, "three groups");
    tap_str(hsl_regex_group_name(re, 1), "year", "the first has a name");
    tap_str(hsl_regex_group_name(re, 2), NULL, "the second has none");
    tap_str(hsl_regex_group_name(re, 3), "day", "the third has one");
    tap_str(hsl_regex_group_name(re, 4), NULL, "a fourth is not there");
    hsl_regex_unref(re);
}

static void
test_bad_patterns(void)
{
    static const struct {
        const char *pattern, *flags, *want;
    } rows[] = {
        {"(", "", "missing closing parenthesis at offset 1"},
        {"*", "", "quantifier does not follow a repeatable item at offset 0"},
        {"\\y", "X", "unrecognized character follows \\ at offset 1"},
        {"\xff", "u", "UTF-8 error: illegal byte (0xfe or 0xff) at offset 0"},
        {"(*UTF)a", "", "using UTF is disabled by the application at offset 6"},
    };
    char *large = malloc(300000);
    struct ut_diag d;
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        struct hsl_regex *re =
            hsl_regex_compile(rows[i].pattern, strlen(rows[i].pattern), rows[i].flags, &d);

        tap_str(re ? "compiled" : d.text, rows[i].want, "bad pattern");
        hsl_regex_unref(re);
    }
    if (large) {
        memset(large, 'a', 300000);
        tap_ok(!hsl_regex_compile(large, 300000, "", &d), "an absurdly long pattern is refused: %s",
            d.text);
    }
    free(large);
}

/* What would run for years ends with R11 soon. */
static void
test_limits(struct hsl_run *r)
{
    static const char *const patterns[] = {"(a+)+$", "(a|a)*$", "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(.*)*x", "(a|aa)+$", "(?:a?){30}a{30}b",
        "(.*.*.*.*.*.*)*=", "(?:.*.*.*.*.*.*.*)=", "((a*)*)*b", "(*NO_JIT)(a+)+$",
        "(*NO_JIT)(a|aa)+$", "(x+x+)+y|(a*)*c"};
    char subject[4001];
    const size_t *ov;
    unsigned pairs;
    size_t i;

    memset(subject, 'a', sizeof(subject) - 1);
    subject[sizeof(subject) - 1] = '!';
    for (i = 0; i < COUNT(patterns); i++) {
        struct hsl_regex *re = hsl_regex_compile(patterns[i], strlen(patterns[i]), "", NULL);
        double from = ut_time_mono(), took;
        int found = hsl_regex_match(r, re, subject, sizeof(subject), 0, &ov, &pairs);

        took = ut_time_mono() - from;
        tap_ok(took < 5, "%s ends soon", patterns[i]);
        printf("# %.3f s, %s\n", took, fake_error_);
        if (found < 0)
            tap_str(fake_error_, "R11: regular expression: match limit exceeded", "by the limit");
        else
            tap_num(found, 0, "without a match");
        fake_clear(r);
        hsl_regex_unref(re);
    }
    r->limits.pcre_match_limit = 10;
    {
        struct hsl_regex *re = hsl_regex_compile("(a+)+$", 6, "", NULL);

        tap_num(hsl_regex_match(r, re, subject, 30, 0, &ov, &pairs), 1,
            "a match within the limit of the run");
        tap_num(hsl_regex_match(r, re, subject + 3971, 30, 0, &ov, &pairs), -1,
            "a lower limit of the run holds");
        hsl_regex_unref(re);
    }
    fake_clear(r);
    r->limits.pcre_match_limit = 1000000;
}

/* Looking through a long subject from each of its bytes: stopped by the clock, found in any piece.
 */
static void
test_long_subject(struct hsl_run *r)
{
    struct hsl_regex *slow = hsl_regex_compile("f(?=[^y]*y)", 11, "", NULL), *re;
    static const struct {
        const char *pattern;
        bool want_last; /* the z at the end, else the first there is */
    } rows[] = {{"o[xyz]", false}, {"(?<=f)oz", false}, {"oz$", true}, {"\\w+z", true},
        {"(?s).z", false}, {"\\bz|oz", false}};
    size_t len = 2000001, i;
    char *subject = malloc(len);
    const size_t *ov;
    unsigned pairs;
    double from = ut_time_mono();

    for (i = 0; subject && i < len; i++)
        subject[i] = "foo"[i % 3];
    r->deadline = from + 0.5;
    tap_num(subject ? hsl_regex_match(r, slow, subject, len, 0, &ov, &pairs) : 0, -1,
        "an endless look-around");
    tap_str(fake_error_, "L02: time (20 s) exceeded", "ends with the run's time");
    tap_ok(ut_time_mono() - from < 10, "soon after it");
    fake_clear(r);
    r->deadline = 1e18;
    for (i = 0; subject && i < COUNT(rows); i++) {
        size_t at = len - 1 - i * 300000;
        int found;

        subject[at] = 'z';
        re = hsl_regex_compile(rows[i].pattern, strlen(rows[i].pattern), i % 2 ? "u" : "", NULL);
        found = hsl_regex_match(r, re, subject, len, 0, &ov, &pairs);
        tap_ok(found == 1 && ov[1] == (rows[i].want_last ? len : at + 1), "%s is found far behind",
            rows[i].pattern);
        hsl_regex_unref(re);
    }
    free(subject);
    hsl_regex_unref(slow);
}

/* More steps than are safe without a look at the clock: the result is that of one simple match. */
static void
test_many_steps(struct hsl_run *r)
{
    static const struct {
        const char *pattern, *flags;
        size_t len;      /* of the subject: letters, then one digit */
        bool want_digit; /* group 1 is the digit */
    } rows[] = {{"(?:(?=[a-z]*)a)*([0-9])", "", 200, true},
        {"(?:(?=[a-z]*)a)*([0-9])", "u", 5000, true}, {"^(?:(?=[a-z]*)a)*([0-9])", "", 5000, true},
        {"\\G(?:(?=[a-z]*)a)*([0-9])", "", 5000, true},
        {"(*NO_JIT)(?:(?=[a-z]*)a)*+([0-9])", "", 1000, true},
        {"a(?=(?:[a-z]|x)*+([0-9]))", "", 5000, true},
        {"(?:(?=[a-z]*)a){40}([a-z])", "", 5000, false},
        {"(?:(?=[a-z]*)a){150}a*([0-9])", "", 5000, true},
        {"b|(?<=a)(?:a(?=a*))*+\\K([0-9])", "", 40000, true}};
    char *subject = malloc(40001);
    const size_t *ov;
    unsigned pairs;

    for (size_t i = 0; subject && i < COUNT(rows); i++) {
        struct hsl_regex *re =
            hsl_regex_compile(rows[i].pattern, strlen(rows[i].pattern), rows[i].flags, NULL);
        size_t len = rows[i].len;
        int found;

        memset(subject, 'a', len);
        subject[len] = '5';
        r->deadline = ut_time_mono() + 5;
        found = hsl_regex_match(r, re, subject, len + 1, 0, &ov, &pairs);
        tap_ok(found == 1 && pairs == 2 && (ov[2] == len) == rows[i].want_digit,
            "%s has all its steps: %s", rows[i].pattern, fake_error_);
        fake_clear(r);
        hsl_regex_unref(re);
    }
    r->deadline = 1e18;
    free(subject);
}

static void
test_deep_stack(struct hsl_run *r)
{
    size_t len = 100000;
    char *subject = malloc(len);
    struct hsl_regex *re = hsl_regex_compile("^(?:(a)|b)*$", 12, "", NULL);
    const size_t *ov;
    unsigned pairs;
    int found;

    if (subject) {
        memset(subject, 'a', len);
        found = hsl_regex_match(r, re, subject, 5000, 0, &ov, &pairs);
        tap_ok(found == 1 || r->state == HSL_THROWN, "a match that needs much stack: %d", found);
        fake_clear(r);
        found = hsl_regex_match(r, re, subject, len, 0, &ov, &pairs);
        tap_ok(found == 1 || r->state == HSL_THROWN, "and one that needs more: %d", found);
        fake_clear(r);
        found = hsl_regex_match(r, re, subject, 10, 0, &ov, &pairs);
        tap_ok(found == 1, "small ones work after that");
    }
    free(subject);
    hsl_regex_unref(re);
}

static void
test_utf(struct hsl_run *r)
{
    struct hsl_regex *re = hsl_regex_compile(".", 1, "u", NULL);
    const size_t *ov;
    unsigned pairs, i;

    tap_ok(hsl_regex_is_utf(re), "the flag u is known");
    tap_num(hsl_regex_match(r, re, "a\xff", 2, 0, &ov, &pairs), 0, "invalid UTF-8 does not match");
    tap_ok(r->state == HSL_RUNNING && strstr(fake_record_, "UTF-8"), "but for a warning");
    fake_record_[0] = '\0';
    tap_num(hsl_regex_match(r, re, "\xff", 1, 0, &ov, &pairs), 0, "nor the second time");
    tap_str(fake_record_, "", "which warns once in a run");
    tap_num(hsl_regex_match(r, re, "a", 1, 0, &ov, &pairs), 1, "valid does");
    for (i = 1; i < 6; i++) /* inside of characters, and invalid: no crash */
        tap_ok(hsl_regex_match(r, re, "\xc3\xa5\xff\xe2\x82\xc3", 6, i, &ov, &pairs) >= 0,
            "from byte %u of broken text", i);
    hsl_regex_unref(re);
}

/* --- The cache ----------------------------------------------------------------------------------
 */

static void
test_cache(struct hsl_run *r)
{
    struct hsl_regex_cache *c = hsl_regex_cache_new();
    struct hsl_env env = {.regexes = c};
    struct hsl_value v = fake_value(r, "\"/a+/i\""), bad = fake_value(r, "\"a)\"");
    struct hsl_regex *one, *two, *first = NULL;
    char text[40];
    unsigned i;

    r->env = &env;
    one = hsl_regex_of(r, &v);
    two = hsl_regex_of(r, &v);
    tap_ok(one && one == two, "the same text gives the same pattern");
    hsl_regex_unref(two);
    tap_ok(!hsl_regex_of(r, &bad), "a bad one gives none");
    tap_str(fake_error_, "R10: regular expression: unmatched closing parenthesis at offset 1",
        "but R10");
    tap_num((long long)hsl_regex_cache_count(c), 1, "and is not kept");
    fake_clear(r);
    for (i = 0; i < 1500; i++) {
        struct ut_diag d;
        size_t n = (size_t)snprintf(text, sizeof(text), "pattern%u", i);
        struct hsl_regex *re = hsl_regex_cache_get(c, text, n, &d);

        if (i == 0)
            first = re;
        else
            hsl_regex_unref(re);
        if (i % 100 == 0)
            hsl_regex_unref(hsl_regex_of(r, &v)); /* used now and then: stays */
    }
    tap_num((long long)hsl_regex_cache_count(c), 1000, "no more than 1000 are kept");
    two = hsl_regex_of(r, &v);
    tap_ok(one == two, "one that is used stays");
    hsl_regex_unref(two);
    two = hsl_regex_cache_get(c, "pattern0", 8, NULL);
    tap_ok(two && two != first && hsl_regex_same(two, first),
        "the one not used for longest went, its owner has it still");
    hsl_regex_unref(one);
    hsl_regex_unref(two);
    hsl_regex_unref(first);
    hsl_unref(r, v);
    hsl_unref(r, bad);
    r->env = NULL;
    hsl_regex_cache_free(c);
}

static void *
use_cache(void *arg)
{
    struct hsl_run r;
    struct hsl_value text;
    char pattern[40];
    unsigned i, bad = 0;

    fake_init(&r);
    for (i = 0; i < 3000; i++) {
        const size_t *ov;
        unsigned pairs;
        struct hsl_regex *re;
        size_t n = (size_t)snprintf(pattern, sizeof(pattern), "^x(%u)$", i * 7 % 1300);

        re = hsl_regex_cache_get(arg, pattern, n, NULL);
        n = (size_t)snprintf(pattern, sizeof(pattern), "x%u", i * 7 % 1300);
        text = hsl_from_str(hsl_str_new(&r, pattern, n));
        bad += hsl_regex_match(&r, re, text.u.str->data, n, 0, &ov, &pairs) != 1;
        hsl_unref(&r, text);
        hsl_regex_unref(re);
    }
    return fake_fini(&r) + bad == 0 ? arg : NULL;
}

static void
test_threads(void)
{
    struct hsl_regex_cache *c = hsl_regex_cache_new();
    pthread_t threads[4];
    unsigned i, started = 0, well = 0;
    void *result;

    for (i = 0; i < 4; i++)
        started += pthread_create(&threads[started], NULL, use_cache, c) == 0;
    for (i = 0; i < started; i++)
        well += pthread_join(threads[i], &result) == 0 && result;
    tap_num(well, 4, "four threads share the patterns");
    hsl_regex_cache_free(c);
}

int
main(void)
{
    struct hsl_run r;

    fake_init(&r);
    test_split();
    test_match(&r);
    test_groups();
    test_bad_patterns();
    test_limits(&r);
    test_long_subject(&r);
    test_many_steps(&r);
    test_deep_stack(&r);
    test_utf(&r);
    test_cache(&r);
    test_threads();
    tap_num((long long)fake_fini(&r), 0, "every byte was given back");
    return tap_done();
}
