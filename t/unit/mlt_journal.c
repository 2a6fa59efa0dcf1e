/* mlt_journal.c - effects survive a restart, damage does not. */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/ut_file.h"
#include "milter/mlt_journal.h"
#include "milter/mlt_spool.h"
#include "t/unit/tap.h"

static char path[300];
static char digest_a[MLT_DIGEST_LEN + 1], digest_b[MLT_DIGEST_LEN + 1];

static struct mlt_journal *
reopen(struct mlt_journal *j, size_t want_damaged)
{
    size_t damaged;
    struct ut_diag d = {0};

    mlt_journal_close(j);
    j = mlt_journal_open(path, &damaged, &d);
    if (!tap_ok(j != NULL, "the journal opens"))
        printf("# %s\n", d.text);
    if (!j)
        exit(1);
    tap_num((long long)damaged, (long long)want_damaged, "... damaged lines");
    return j;
}

static bool
add(struct mlt_claim *c, enum mlt_effect effect, const char *rcpt, const char *value)
{
    struct ut_diag d;

    return mlt_claim_add(c, effect, "<me@x>", rcpt, value, &d) == 0;
}

/* True if [owner] is one of the words in [arg]. */
static bool
is_one_of(void *arg, const char *owner)
{
    const char *at = strstr(arg, owner);

    return at && (at[strlen(owner)] == ' ' || at[strlen(owner)] == '\0');
}

static struct mlt_claim *
claim(struct mlt_journal *j, const char *digest)
{
    char me[] = "<me@x>";

    return mlt_journal_claim(j, digest, is_one_of, me);
}

/* Counts calls and remembers the last. */
static void
each(void *arg, const char *owner, const char *recipient, const char *id)
{
    struct ut_sbuf *b = arg;

    (void)owner;
    ut_sbuf_addf(b, "%s=%s;", recipient, id);
}

static void
test_restart(void)
{
    struct mlt_journal *j = reopen(NULL, 0);
    struct mlt_claim *c = claim(j, digest_a), *other;
    struct ut_sbuf held;

    ut_sbuf_init(&held, 1000);
    tap_ok(c && !mlt_claim_find(c, MLT_EFFECT_HELD, "<u@x>"), "a new message");
    tap_ok(add(c, MLT_EFFECT_HOLDING, "<u@x> a%b\n", "ID1") &&
               add(c, MLT_EFFECT_HELD, "<u@x> a%b\n", "ID1") &&
               add(c, MLT_EFFECT_HOLDING, "<v@x>", "ID2") &&
               add(c, MLT_EFFECT_WITHDRAWN, "<v@x>", "ID2") &&
               add(c, MLT_EFFECT_COPIED, "w@x", NULL) && add(c, MLT_EFFECT_REPORTED, "-", NULL),
        "effects are written down");
    j = reopen(j, 0);
    tap_num((long long)mlt_journal_pending(j), 1, "it is open after a restart");
    c = claim(j, digest_a);
    other = claim(j, digest_a);
    tap_ok(c && other && mlt_journal_pending(j) == 0, "claimed when it comes again");
    tap_str(mlt_claim_find(c, MLT_EFFECT_HELD, "<u@x> a%b\n"), "ID1", "held");
    tap_str(mlt_claim_find(c, MLT_EFFECT_HOLDING, "<v@x>"), NULL, "withdrawn");
    tap_str(mlt_claim_find(c, MLT_EFFECT_COPIED, "w@x"), "", "copied");
    tap_str(mlt_claim_find(c, MLT_EFFECT_REPORTED, "-"), "", "reported");
    tap_str(mlt_claim_find(c, MLT_EFFECT_REPORTED, "w@x"), NULL, "not reported");
    tap_str(mlt_claim_find(other, MLT_EFFECT_HELD, "<u@x> a%b\n"), NULL,
        "the same bytes at the same time are another message");
    mlt_claim_each_held(c, each, &held);
    tap_str(ut_sbuf_text(&held), "<u@x> a%b\n=ID1;", "what is held");
    mlt_claim_answered(other);
    mlt_claim_keep(c);
    tap_num((long long)mlt_journal_pending(j), 1, "deferred: open again");
    c = claim(j, digest_a);
    mlt_claim_answered(c);
    j = reopen(j, 0);
    tap_num((long long)mlt_journal_pending(j), 0, "answered: forgotten");
    c = claim(j, digest_b);
    tap_ok(
        add(c, MLT_EFFECT_HOLDING, "<u@x>", "ID3") && add(c, MLT_EFFECT_WITHDRAWN, "<u@x>", "ID3"),
        "held and withdrawn");
    mlt_claim_keep(c);
    tap_num((long long)mlt_journal_pending(j), 0, "... leaves nothing to know");
    mlt_claim_answered(NULL);
    mlt_claim_keep(NULL);
    mlt_journal_close(j);
    ut_sbuf_fini(&held);
}

/* A file that a kill, a full disk, or somebody else has left. */
static void
test_damage(void)
{
    static const char key[] = "0123456789abcdef";
    struct mlt_journal *j;
    struct mlt_claim *c;
    struct ut_sbuf b;
    struct ut_diag d;
    long long now = (long long)time(NULL);
    bool written;

    ut_sbuf_init(&b, 1 << 20);
    ut_sbuf_addf(&b, "%lld %s %s H <me@x> u@x ID1 .\n", now, key, digest_a);
    ut_sbuf_addf(&b, "%lld %s %s H <me@x> v@x ID", now, key, digest_a); /* cut */
    ut_sbuf_addf(&b, "\n%lld %s %s C <me@x> w@x - .\n", now, key, digest_a);
    ut_sbuf_addf(&b, "%lld %s %s Z <me@x> w@x - .\n", now, key, digest_a);   /* no such letter */
    ut_sbuf_addf(&b, "%lld %s %s H <me@x> w%%zz - .\n", now, key, digest_a); /* no such byte */
    ut_sbuf_addf(&b, "%lld short %s H <me@x> w@x - .\n", now, digest_a);
    ut_sbuf_addf(&b, "%lld %s %s H <me@x> x@x ID9 .\n", now - 7 * 86400, "aaaaaaaaaaaaaaaa",
        digest_b); /* old */
    ut_sbuf_add(&b, "nul\0nul\n\n", 9);
    ut_sbuf_addf(&b, "%lld %s %s R <me@x> r@x - .", now, key, digest_a);
    written = ut_file_write(path, b.data, b.len, 0600, &d) == 0;
    tap_ok(written, "a damaged file");
    j = reopen(NULL, 5);
    tap_num((long long)mlt_journal_pending(j), 1, "what is whole and not old is read");
    c = claim(j, digest_a);
    tap_str(mlt_claim_find(c, MLT_EFFECT_HELD, "u@x"), "ID1", "before the damage");
    tap_str(mlt_claim_find(c, MLT_EFFECT_HELD, "v@x"), NULL, "a line that was cut does not count");
    tap_str(mlt_claim_find(c, MLT_EFFECT_COPIED, "w@x"), "", "behind the damage");
    tap_str(mlt_claim_find(c, MLT_EFFECT_REPORTED, "r@x"), "", "the last line");
    mlt_claim_answered(c);
    j = reopen(j, 0);
    mlt_journal_close(j);
    ut_sbuf_fini(&b);
}

static void
test_growth(void)
{
    struct mlt_journal *j = reopen(NULL, 0);
    struct stat st;
    bool ok = true;

    for (int i = 0; i < 20000; i++) {
        struct mlt_claim *c = claim(j, digest_a);

        ok = ok && c && add(c, MLT_EFFECT_HELD, "somebody@example.com", "ID");
        mlt_claim_answered(c);
    }
    tap_ok(ok, "20,000 messages");
    tap_ok(stat(path, &st) == 0 && st.st_size < 3 * 1024 * 1024, "the file stays small: %lld bytes",
        (long long)st.st_size);
    mlt_journal_close(j);
}

static bool
add_for(struct mlt_claim *c, const char *owner, enum mlt_effect effect, const char *value)
{
    struct ut_diag d;

    return mlt_claim_add(c, effect, owner, owner, value, &d) == 0;
}

/* One message in several transactions. What belongs to recipients of another one was taken for
 * what is not wanted any more, and forgotten with the answer. */
static void
test_owners(void)
{
    struct mlt_journal *j = reopen(NULL, 0);
    char ab[] = "<a@x> <b@x>", c_only[] = "<c@x>", bd[] = "<b@x> <d@x>", a_only[] = "<a@x>";
    struct mlt_claim *c = mlt_journal_claim(j, digest_a, is_one_of, ab), *other;

    tap_ok(add_for(c, "<a@x>", MLT_EFFECT_HELD, "ID1") &&
               add_for(c, "<b@x>", MLT_EFFECT_COPIED, "") &&
               add_for(c, "<b@x>", MLT_EFFECT_HELD, "ID2"),
        "a message for two recipients");
    mlt_claim_keep(c);
    c = mlt_journal_claim(j, digest_a, is_one_of, c_only);
    tap_ok(c && !mlt_claim_find(c, MLT_EFFECT_HELD, "<a@x>"), "for a third it is new");
    mlt_claim_answered(c);
    j = reopen(j, 0);
    tap_num((long long)mlt_journal_pending(j), 1, "... and what was open stays so");
    c = mlt_journal_claim(j, digest_a, is_one_of, bd);
    tap_str(mlt_claim_find(c, MLT_EFFECT_HELD, "<b@x>"), "ID2", "dealt out anew: one of the two");
    tap_str(mlt_claim_find(c, MLT_EFFECT_COPIED, "<b@x>"), "", "... with all that is his");
    tap_str(mlt_claim_find(c, MLT_EFFECT_HELD, "<a@x>"), NULL, "... without what is the other's");
    tap_num((long long)mlt_journal_pending(j), 1, "... which is still open");
    mlt_claim_keep(c);
    j = reopen(j, 0);
    tap_num((long long)mlt_journal_pending(j), 2, "both are open after a restart");
    c = mlt_journal_claim(j, digest_a, is_one_of, ab);
    tap_ok(
        mlt_claim_find(c, MLT_EFFECT_HELD, "<a@x>") && mlt_claim_find(c, MLT_EFFECT_HELD, "<b@x>"),
        "put together again");
    tap_num((long long)mlt_journal_pending(j), 0, "... nothing else is open");
    mlt_claim_answered(c);
    j = reopen(j, 0);
    tap_num((long long)mlt_journal_pending(j), 0, "... nor after a restart");
    c = mlt_journal_claim(j, digest_a, is_one_of, a_only);
    other = mlt_journal_claim(j, digest_a, is_one_of, a_only);
    tap_ok(add_for(c, "<a@x>", MLT_EFFECT_HELD, "ID3") &&
               add_for(other, "<a@x>", MLT_EFFECT_HELD, "ID4"),
        "the same message twice at the same time");
    mlt_claim_keep(c);
    mlt_claim_keep(other);
    j = reopen(j, 0);
    c = mlt_journal_claim(j, digest_a, is_one_of, a_only);
    other = mlt_journal_claim(j, digest_a, is_one_of, a_only);
    tap_str(mlt_claim_find(c, MLT_EFFECT_HELD, "<a@x>"), "ID3", "comes again: the older one");
    tap_str(mlt_claim_find(other, MLT_EFFECT_HELD, "<a@x>"), "ID4", "... and again: the other");
    mlt_claim_answered(c);
    mlt_claim_answered(other);
    mlt_journal_close(j);
}

/* What was made is known even if it cannot be written down: a copy that had gone out on a full disk
 * went out again when the message came again. */
static void
test_full(void)
{
    struct mlt_journal *j = reopen(NULL, 0);
    struct mlt_claim *c = claim(j, digest_a);
    struct rlimit old, none = {0, 0};
    struct ut_diag d;
    bool refused, noted;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    none.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_FSIZE, &none);
    refused = mlt_claim_add(c, MLT_EFFECT_HOLDING, "<me@x>", "<me@x>", "ID1", &d) != 0;
    noted = mlt_claim_note(c, MLT_EFFECT_COPIED, "<me@x>", "copy", NULL, &d) != 0;
    setrlimit(RLIMIT_FSIZE, &old);
    tap_ok(refused && noted, "neither can be written: %s", d.text);
    tap_str(
        mlt_claim_find(c, MLT_EFFECT_HOLDING, "<me@x>"), NULL, "what is to be made is not known");
    tap_str(mlt_claim_find(c, MLT_EFFECT_COPIED, "copy"), "", "what was made is");
    mlt_claim_keep(c);
    c = claim(j, digest_a);
    tap_str(mlt_claim_find(c, MLT_EFFECT_COPIED, "copy"), "", "... when it comes again");
    mlt_claim_keep(c);
    j = reopen(j, 0);
    c = claim(j, digest_a);
    tap_str(mlt_claim_find(c, MLT_EFFECT_COPIED, "copy"), "", "... and has been written by then");
    mlt_claim_answered(c);
    mlt_journal_close(j);
}

int
main(void)
{
    const char *tmp = getenv("TMPDIR");
    struct ut_diag d;

    memset(digest_a, 'a', MLT_DIGEST_LEN);
    memset(digest_b, 'b', MLT_DIGEST_LEN);
    snprintf(path, sizeof(path), "%s/penstock-journal-XXXXXX", tmp ? tmp : "/tmp");
    if (mkdtemp(path) == NULL)
        return 1;
    snprintf(path + strlen(path), sizeof(path) - strlen(path), "/milter.journal");
    test_restart();
    test_damage();
    test_growth();
    test_owners();
    test_full();
    tap_ok(mlt_journal_open("/nonexistent/folder/journal", NULL, &d) == NULL, "no folder");
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    return tap_done();
}
