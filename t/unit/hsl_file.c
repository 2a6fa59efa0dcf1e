/* hsl_file.c - the files of scripts: what a run sees when a file changes, the index of in_file()
 * against a plain search over many random files, and threads that share a content. */
#include "config.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hsl/hsl_env.h"
#include "hsl/hsl_file.h"
#include "hsl/hsl_file_index.h"
#include "lib/ut_file.h"
#include "lib/ut_time.h"
#include "t/unit/hsl_fake_run.h"
#include "t/unit/tap.h"

static char dir[] = "/tmp/hsl_file.XXXXXX";
static struct hsl_env *env;

static void
bail_out(const char *why)
{
    printf("Bail out! %s\n", why);
    exit(1);
}

/* Writes the file [name] anew, changed [age] seconds ago. */
static void
put_file(const char *name, const char *text, size_t len, int age)
{
    struct timespec times[2];
    char path[100];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (ut_file_write(path, text, len, 0600, NULL) != 0)
        bail_out("cannot write a file");
    if (clock_gettime(CLOCK_REALTIME, &times[0]) != 0)
        bail_out("no clock");
    times[0].tv_sec -= age;
    times[1] = times[0];
    if (utimensat(AT_FDCWD, path, times, 0) != 0)
        bail_out("cannot set the time of a file");
}

static void
run_init(struct hsl_run *r)
{
    fake_init(r);
    r->env = env;
}

static void
run_fini(struct hsl_run *r)
{
    hsl_file_run_fini(r);
    fake_fini(r);
}

/* What a run sees in file://NAME, or the error; lent until the next call. */
static const char *
see(struct hsl_run *r, const char *name)
{
    static char buf[400];
    struct hsl_str *s = hsl_str_newz(r, name);
    struct hsl_file *f = s ? hsl_file_get(r, s) : NULL;
    size_t len = 0;

    if (f)
        (void)snprintf(buf, sizeof(buf), "%s", hsl_file_data(f, &len));
    else
        (void)snprintf(buf, sizeof(buf), "%s", fake_error_);
    if (s)
        hsl_unref(r, hsl_from_str(s));
    return buf;
}

static void
test_changes(void)
{
    struct hsl_run one, two;

    put_file("a", "first", 5, 10);
    run_init(&one);
    tap_str(see(&one, "file://a"), "first", "a file is read");
    put_file("a", "other", 5, 5);
    tap_str(see(&one, "file://a"), "first", "a run sees one content under one name");
    run_init(&two);
    tap_str(see(&two, "file://a"), "other", "another run sees the new one");
    run_fini(&one);
    put_file("a", "fresh", 5, 0);
    run_init(&one);
    tap_str(see(&one, "file://a"), "fresh", "a change of the last moment is seen");
    put_file("a", "FRESH", 5, 0);
    tap_str(see(&two, "file://a"), "other", "a run keeps what it has");
    run_fini(&two);
    run_init(&two);
    tap_str(see(&two, "file://a"), "FRESH", "and one more right after it too");
    run_fini(&one);
    run_fini(&two);
    run_init(&one);
    tap_ok(strncmp(see(&one, "file://none"), "R12: cannot open file://none", 28) == 0,
        "a missing file is R12");
    run_fini(&one);
}

static void
test_bad_files(void)
{
    struct hsl_run r;
    char path[100];

    (void)snprintf(path, sizeof(path), "%s/folder", dir);
    if (mkdir(path, 0700) != 0)
        bail_out("cannot make a folder");
    (void)snprintf(path, sizeof(path), "%s/fifo", dir);
    if (mkfifo(path, 0600) != 0)
        bail_out("cannot make a FIFO");
    (void)snprintf(path, sizeof(path), "%s/large", dir);
    put_file("large", "", 0, 10);
    if (truncate(path, (off_t)HSL_FILE_MAX + 1) != 0)
        bail_out("cannot make a large file");
    run_init(&r);
    tap_str(see(&r, "file://folder"), "R12: cannot open file://folder: no regular file",
        "a folder is R12");
    fake_clear(&r);
    tap_str(see(&r, "file://fifo"), "R12: cannot open file://fifo: no regular file",
        "a FIFO is R12 and nobody waits");
    fake_clear(&r);
    tap_str(see(&r, "file://large"), "R12: cannot open file://large: larger than 64 MiB",
        "a file over 64 MiB is R12");
    fake_clear(&r);
    r.env = NULL;
    tap_str(see(&r, "file://a"), "R12: cannot open file://a: there are no files here",
        "without an environment there are no files");
    run_fini(&r);
}

/* A run that came to its limit while it took a file kept that content for ever. */
static void
test_limit(void)
{
    enum { LEN = 1 << 20, TIMES = 16 };
    char *text = calloc(1, LEN);
    struct mallinfo2 before = mallinfo2(), after;
    bool limited = true;
    struct hsl_run r;

    if (!text)
        bail_out("no memory");
    fake_work_max_ = LEN / 32;
    for (int i = 0; i < TIMES; i++) {
        put_file("limit", text, LEN, 10 + i);
        run_init(&r);
        limited = limited && strcmp(see(&r, "file://limit"), "L01: work exceeded") == 0;
        run_fini(&r);
    }
    fake_work_max_ = SIZE_MAX;
    after = mallinfo2();
    tap_ok(limited, "a large file is work");
    tap_ok(after.uordblks + after.hblkhd < before.uordblks + before.hblkhd + TIMES * LEN / 2,
        "nothing stays of one that was too much");
    free(text);
}

/* --- The index against a plain search -----------------------------------------------------------
 */

static unsigned long random_state = 42;

static unsigned
dice(unsigned n)
{
    random_state = random_state * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(random_state >> 33) % n;
}

/* Content out of few different characters, so that words, quotes and empty fields repeat. */
static size_t
make_content(char *buf, size_t size)
{
    static const char letters[] = "aab1 \t,;:\"\"\r\n\n";
    size_t len = dice((unsigned)size);

    for (size_t i = 0; i < len; i++)
        buf[i] = letters[dice(sizeof(letters) - 1)];
    return len;
}

/* The first record whose word is [word], the slow way: from the start with the public calls. */
static bool
search(const struct hsl_record_form *form, const char *data, size_t len, const struct hsl_str *word,
    struct hsl_record *rec)
{
    struct hsl_record w;
    struct ut_sbuf text;
    size_t pos = 0;
    bool skip = form->csv && form->header, found = false;

    ut_sbuf_init(&text, 100000);
    while (!found && hsl_record_next(form, data, len, &pos, rec)) {
        size_t at = 0, n = 0;

        if (skip) {
            skip = false;
            continue;
        }
        while (!found && hsl_record_word(form, rec, &at, &text, &w))
            found = n++ == form->word && w.len == word->len && memcmp(w.p, word->data, w.len) == 0;
    }
    ut_sbuf_fini(&text);
    return found;
}

static bool
same_answer(
    struct hsl_run *r, struct hsl_file *f, const struct hsl_record_form *form, const char *word)
{
    struct hsl_record got = {NULL, 0}, want = {NULL, 0};
    struct hsl_str *s = hsl_str_newz(r, word);
    enum hsl_found found;
    const char *data;
    size_t len;
    bool there;

    if (!s)
        return false;
    data = hsl_file_data(f, &len);
    there = search(form, data, len, s, &want);
    found = hsl_file_lookup(r, f, form, s, &got);
    hsl_unref(r, hsl_from_str(s));
    if (found == HSL_FOUND_ERROR || (found == HSL_FOUND) != there)
        return false;
    return !there || (got.p == want.p && got.len == want.len);
}

static void
test_index(void)
{
    static const struct hsl_record_form forms[] = {
        {.delim = ""},
        {.delim = "", .word = 1},
        {.delim = ",", .delim_len = 1},
        {.delim = ":;", .delim_len = 2, .word = 1},
        {.csv = true, .delim = ",", .delim_len = 1},
        {.csv = true, .header = true, .delim = ",", .delim_len = 1, .word = 1},
        {.csv = true, .delim = ";", .delim_len = 1},
    };
    static const char *const words[] = {"a", "b", "aa", "ab", "1", "aab", "\"", "a\"", "1a", "b,"};
    char content[400];
    bool same = true;

    for (int round = 0; round < 300; round++) {
        size_t len = make_content(content, sizeof(content));
        struct hsl_run r;
        struct hsl_str *name;
        struct hsl_file *f;

        put_file("random", content, len, 300 - round + 10);
        run_init(&r);
        name = hsl_str_newz(&r, "file://random");
        f = name ? hsl_file_get(&r, name) : NULL;
        for (size_t i = 0; f && i < sizeof(forms) / sizeof(forms[0]); i++) {
            for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
                same = same && same_answer(&r, f, &forms[i], words[k]);
        }
        same = same && f;
        if (name)
            hsl_unref(&r, hsl_from_str(name));
        run_fini(&r);
    }
    tap_ok(same, "index and plain search agree on 300 files");
}

static double
processor_time(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void
test_large(void)
{
    struct ut_sbuf b;
    struct hsl_run r;
    struct hsl_str *name;
    struct hsl_file *f;
    struct hsl_record_form form = {.delim = ":", .delim_len = 1};
    bool same = true;
    double start, first, then;
    char word[32];

    ut_sbuf_init(&b, 100000000);
    for (int i = 0; i < 100000; i++)
        ut_sbuf_addf(&b, "user%d:password%d\n", i, i);
    put_file("users", b.data, b.len, 10);
    ut_sbuf_fini(&b);
    run_init(&r);
    name = hsl_str_newz(&r, "file://users");
    f = name ? hsl_file_get(&r, name) : NULL;
    if (!f)
        bail_out("no file");
    start = processor_time();
    same = same_answer(&r, f, &form, "user99999");
    first = processor_time() - start;
    start = processor_time();
    for (int i = 0; i < 1000; i++) {
        struct hsl_record rec;
        struct hsl_str *s;

        (void)snprintf(word, sizeof(word), "user%d", i * 100 + 5);
        s = hsl_str_newz(&r, word);
        same = same && s && hsl_file_lookup(&r, f, &form, s, &rec) == HSL_FOUND &&
               memcmp(rec.p, word, strlen(word)) == 0;
        if (s)
            hsl_unref(&r, hsl_from_str(s));
    }
    then = processor_time() - start;
    printf("# first lookup %.1f ms, then %.2f us each\n", first * 1e3, then * 1e3);
    tap_ok(same, "100000 lines: every user is found");
    tap_ok(then < first * 10, "lookups after the first cost next to nothing");
    hsl_unref(&r, hsl_from_str(name));
    run_fini(&r);
}

/* A long first line whose word others have too was read again for each of them, and nobody counted:
 * no limit of the run ended that. */
static void
test_long_record(void)
{
    enum { LEN = 100000, TIMES = 1000 };
    struct hsl_record_form form = {.delim = ":", .delim_len = 1, .word = 1};
    struct hsl_record rec;
    struct hsl_file *f;
    struct hsl_str *name, *word;
    struct ut_sbuf b;
    struct hsl_run r;

    ut_sbuf_init(&b, 2 * LEN);
    for (int i = 0; i < LEN; i++)
        ut_sbuf_addc(&b, 'x');
    for (int i = 0; i < TIMES; i++)
        ut_sbuf_addz(&b, ":k\n");
    put_file("long", b.data, b.len, 10);
    ut_sbuf_fini(&b);
    run_init(&r);
    name = hsl_str_newz(&r, "file://long");
    word = hsl_str_newz(&r, "k");
    f = name && word ? hsl_file_get(&r, name) : NULL;
    if (!f)
        bail_out("no file");
    tap_ok(hsl_file_lookup(&r, f, &form, word, &rec) == HSL_FOUND && rec.len == LEN + 2,
        "a long line is found");
    tap_ok(r.work > (size_t)LEN * TIMES, "... and work each time that it is read");
    hsl_unref(&r, hsl_from_str(name));
    hsl_unref(&r, hsl_from_str(word));
    run_fini(&r);
}

/* --- Threads ------------------------------------------------------------------------------------
 */

static void *
read_many(void *arg)
{
    size_t wrong = 0;

    (void)arg;
    for (int i = 0; i < 300; i++) {
        struct hsl_record_form form = {.delim = ":", .delim_len = 1, .word = (size_t)i % 12};
        struct hsl_record rec;
        struct hsl_run r;
        struct hsl_str *name, *word;
        struct hsl_file *f;

        run_init(&r);
        name = hsl_str_newz(&r, i % 3 ? "file://shared" : "file://a");
        word = hsl_str_newz(&r, "k");
        f = name ? hsl_file_get(&r, name) : NULL;
        if (!f || !word || hsl_file_lookup(&r, f, &form, word, &rec) == HSL_FOUND_ERROR)
            wrong++;
        run_fini(&r);
    }
    return (void *)wrong;
}

static void
test_threads(void)
{
    pthread_t threads[4];
    size_t wrong = 0;

    put_file("shared", "k:v\nv:k\n", 8, 10);
    for (int i = 0; i < 4; i++) {
        if (pthread_create(&threads[i], NULL, read_many, NULL) != 0)
            bail_out("no thread");
    }
    for (int i = 0; i < 100; i++)
        put_file("shared", i % 2 ? "k:v\nv:k\n" : "v:k:k\nk\n", 8, 10 + i);
    for (int i = 0; i < 4; i++) {
        void *n;

        pthread_join(threads[i], &n);
        wrong += (size_t)n;
    }
    tap_num((long long)wrong, 0, "threads share contents and indexes");
}

static void
clean_up(void)
{
    static const char *const names[] = {
        "a", "fifo", "large", "limit", "long", "random", "users", "shared"};
    char path[100];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof(path), "%s/folder", dir);
    (void)rmdir(path);
    (void)rmdir(dir);
}

int
main(void)
{
    struct hsl_env_opts opts = {.data_dir = dir};
    struct ut_diag d;

    if (!mkdtemp(dir))
        bail_out("no folder for the test");
    env = hsl_env_new(&opts, &d);
    if (!env)
        bail_out(d.text);
    test_changes();
    test_bad_files();
    test_limit();
    test_index();
    test_large();
    test_long_record();
    test_threads();
    hsl_env_free(env);
    clean_up();
    return tap_done();
}
