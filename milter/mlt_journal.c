/* mlt_journal.c - exactly once, over SIGKILL.
 * Not here: which effects there are to make (mlt_apply.c).
 * Threads: any; one lock. Fails: when the file cannot be written; then the message is deferred
 * before anything is done for it.
 *
 * The file is lines of blank-separated words, appended with one write(2) each:
 *
 *     TIME KEY DIGEST LETTER OWNER RECIPIENT VALUE .    (the last three with %HH, "-" if empty)
 *
 * KEY tells apart two messages of the same bytes that are under way at the same time. Letters:
 *     I  about to be held as VALUE      H  held as VALUE        W  withdrawn
 *     C  delivered by a copy            R  reported             A  answered: forget KEY
 *     F  forget what OWNER has in KEY
 *
 * A client may send one message in several transactions, each for some of its recipients, and deal
 * them out anew when it comes again. So an effect belongs to the recipient that is the cause of it,
 * its owner, and a message takes over what its own recipients have left open; of two open messages
 * with the same owner the older one's.
 *
 * There is no fsync: the page cache outlives a killed process, which is what this is about; after
 * a power cut a message may be there twice but is never lost, since what is held has been synced by
 * the quarantine and what is delivered by Postfix, before the answer.
 *
 * A full disk may cut a line: without its dot it is dropped when the file is read, and the next one
 * begins with a LF. The effect it was about is then not made, or counts as not made.
 *
 * Copies and reports are written down by the processes that submit them (mlt_submit.c), which
 * append to the same file. While one of them is under way the file is not written anew. */
#include "config.h"

#include "milter/mlt_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "lib/ut_file.h"
#include "lib/ut_num.h"
#include "lib/ut_sbuf.h"
#include "milter/mlt_spool.h"

#define JOURNAL_MAX_FILE ((size_t)64 * 1024 * 1024) /* bytes read at the start */
#define JOURNAL_COMPACT ((long long)1024 * 1024)    /* rewritten when it has grown by this much */
#define JOURNAL_AGE (6 * 86400)                     /* seconds; clients give up after five days */
#define JOURNAL_LINE ((size_t)16 * 1024)
#define JOURNAL_KEY_LEN 16

/* ORDER EFFECT */
static const char letters[] = "IHWCR";

struct effect {
    struct effect *next;
    enum mlt_effect kind;
    char *owner;
    char *recipient;
    char *value;
};

struct mlt_claim {
    struct mlt_claim *next; /* in the list of the journal */
    struct mlt_journal *journal;
    struct effect *effects; /* newest first */
    long long time;         /* of the first effect */
    bool taken;             /* a session has it */
    char key[JOURNAL_KEY_LEN + 1];
    char digest[MLT_DIGEST_LEN + 1];
};

struct mlt_journal {
    pthread_mutex_t lock;
    char *path;
    int fd;
    long long size;           /* bytes in the file */
    long long compacted;      /* bytes after it was last rewritten */
    bool torn;                /* the last write failed: a LF goes first */
    struct mlt_claim *claims; /* oldest first; few: only messages between effect and answer */
    struct mlt_claim **last;  /* where the next one goes */
    size_t pending;           /* claims that no session has */
    unsigned sharing;         /* processes that may be writing too */
};

/* --- Claims in memory ------------------------------------------------------------------------- */

static void
effect_free(struct effect *e)
{
    if (!e)
        return;
    free(e->owner);
    free(e->recipient);
    free(e->value);
    free(e);
}

static void
claim_free(struct mlt_claim *c)
{
    struct effect *e;

    while (c && (e = c->effects) != NULL) {
        c->effects = e->next;
        effect_free(e);
    }
    free(c);
}

static int
effect_push(struct mlt_claim *c, enum mlt_effect kind, const char *owner, const char *recipient,
    const char *value)
{
    struct effect *e = calloc(1, sizeof(*e));

    if (e) {
        e->kind = kind;
        e->owner = strdup(owner);
        e->recipient = strdup(recipient);
        e->value = strdup(value);
    }
    if (!e || !e->owner || !e->recipient || !e->value) {
        effect_free(e);
        return -1;
    }
    e->next = c->effects;
    c->effects = e;
    return 0;
}

static void
effect_pop(struct mlt_claim *c)
{
    struct effect *e = c->effects;

    c->effects = e->next;
    effect_free(e);
}

/* Removes what [owner] has in [c]. */
static void
forget_owner(struct mlt_claim *c, const char *owner)
{
    struct effect **p = &c->effects;

    while (*p) {
        struct effect *e = *p;

        if (strcmp(e->owner, owner) != 0) {
            p = &e->next;
            continue;
        }
        *p = e->next;
        effect_free(e);
    }
}

static void
unlink_claim(struct mlt_journal *j, struct mlt_claim *c)
{
    for (struct mlt_claim **p = &j->claims; *p; p = &(*p)->next) {
        if (*p != c)
            continue;
        *p = c->next;
        if (!c->next)
            j->last = p;
        return;
    }
}

static struct mlt_claim *
claim_new(struct mlt_journal *j, const char *key, const char *digest, long long now)
{
    struct mlt_claim *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    snprintf(c->key, sizeof(c->key), "%s", key);
    snprintf(c->digest, sizeof(c->digest), "%s", digest);
    c->time = now;
    c->journal = j;
    *j->last = c;
    j->last = &c->next;
    return c;
}

/* --- Lines ------------------------------------------------------------------------------------ */

/* Appends [s] so that it is one word. */
static void
add_word(struct ut_sbuf *b, const char *s)
{
    if (*s == '\0')
        ut_sbuf_addc(b, '-');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;

        if (c <= ' ' || c == '%' || c == 127 || (c == '-' && s[1] == '\0'))
            ut_sbuf_addf(b, "%%%02x", c);
        else
            ut_sbuf_addc(b, (char)c);
    }
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Turns a word back in place; -1 if it is not one of ours. */
static int
decode_word(char *s)
{
    char *out = s;

    if (strcmp(s, "-") == 0) {
        *s = '\0';
        return 0;
    }
    while (*s) {
        if (*s != '%') {
            *out++ = *s++;
            continue;
        }
        if (hex_digit(s[1]) < 0 || hex_digit(s[2]) < 0)
            return -1;
        *out++ = (char)(hex_digit(s[1]) * 16 + hex_digit(s[2]));
        s += 3;
    }
    *out = '\0';
    return 0;
}

static void
add_line(struct ut_sbuf *b, const struct mlt_claim *c, char letter, const char *owner,
    const char *recipient, const char *value)
{
    ut_sbuf_addf(b, "%lld %s %s %c ", c->time, c->key, c->digest, letter);
    add_word(b, owner);
    ut_sbuf_addc(b, ' ');
    add_word(b, recipient);
    ut_sbuf_addc(b, ' ');
    add_word(b, value);
    ut_sbuf_addz(b, " .\n");
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* Splits [line] into exactly [n] words, in place. */
static int
split(char *line, char **words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *blank = strchr(line, ' ');

        if ((blank == NULL) != (i == n - 1) || line == blank || *line == '\0')
            return -1;
        words[i] = line;
        if (blank) {
            *blank = '\0';
            line = blank + 1;
        }
    }
    return 0;
}

static struct mlt_claim *
find_key(struct mlt_journal *j, const char *key)
{
    struct mlt_claim *c = j->claims;

    while (c && strcmp(c->key, key) != 0)
        c = c->next;
    return c;
}

static int
take_line(struct mlt_journal *j, char *line, long long oldest)
{
    char *w[8];
    const char *letter;
    long long when;
    struct mlt_claim *c;

    if (split(line, w, 8) != 0 || strcmp(w[7], ".") != 0 ||
        ut_num_int(w[0], 0, INT64_MAX, &when) != 0 || strlen(w[1]) != JOURNAL_KEY_LEN ||
        strlen(w[2]) != MLT_DIGEST_LEN || strlen(w[3]) != 1 || decode_word(w[4]) != 0 ||
        decode_word(w[5]) != 0 || decode_word(w[6]) != 0)
        return -1;
    c = find_key(j, w[1]);
    if (w[3][0] == 'A') {
        if (c)
            unlink_claim(j, c);
        claim_free(c);
        return 0;
    }
    if (w[3][0] == 'F') {
        if (c)
            forget_owner(c, w[4]);
        return 0;
    }
    letter = strchr(letters, w[3][0]);
    if (!letter)
        return -1;
    if (when < oldest)
        return 0;
    if (!c)
        c = claim_new(j, w[1], w[2], when);
    return c ? effect_push(c, (enum mlt_effect)(letter - letters), w[4], w[5], w[6]) : -1;
}

static int
read_file(struct mlt_journal *j, size_t *damaged, struct ut_diag *d)
{
    struct ut_sbuf text;
    long long oldest = (long long)time(NULL) - JOURNAL_AGE;
    char *line, *end;
    int rc;

    if (access(j->path, F_OK) != 0 && errno == ENOENT)
        return 0;
    ut_sbuf_init(&text, JOURNAL_MAX_FILE);
    rc = ut_file_read(j->path, JOURNAL_MAX_FILE, &text, d);
    line = text.data;
    end = text.len > 0 ? text.data + text.len : text.data;
    while (rc == 0 && line < end) {
        char *lf = memchr(line, '\n', (size_t)(end - line));

        if (!lf)
            lf = end;
        *lf = '\0';
        if (line < lf && take_line(j, line, oldest) != 0 && damaged)
            (*damaged)++;
        line = lf + 1;
    }
    ut_sbuf_fini(&text);
    return rc;
}

/* --- Writing ---------------------------------------------------------------------------------- */

/* Effects were pushed in front, so the oldest is written by going to the end first. */
static void
add_effects(struct ut_sbuf *b, const struct mlt_claim *c)
{
    size_t n = 0;

    for (const struct effect *e = c->effects; e; e = e->next)
        n++;
    while (n-- > 0) {
        const struct effect *e = c->effects;

        for (size_t i = 0; i < n; i++)
            e = e->next;
        add_line(b, c, letters[e->kind], e->owner, e->recipient, e->value);
    }
}

/* Writes the file anew with what is open, and opens that. With the lock held. */
static int
compact(struct mlt_journal *j, struct ut_diag *d)
{
    struct ut_sbuf b;
    int fd, rc;

    ut_sbuf_init(&b, JOURNAL_MAX_FILE);
    for (const struct mlt_claim *c = j->claims; c; c = c->next)
        add_effects(&b, c);
    rc = b.failed ? ut_diag_set(d, "%s: out of memory", j->path)
                  : ut_file_write(j->path, ut_sbuf_text(&b), b.len, 0600, d);
    fd = rc == 0 ? open(j->path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    if (rc == 0 && fd < 0)
        rc = ut_diag_errno(d, "cannot open %s", j->path);
    if (fd >= 0) {
        if (j->fd >= 0)
            close(j->fd);
        j->fd = fd;
        j->size = j->compacted = (long long)b.len;
        j->torn = false;
    }
    ut_sbuf_fini(&b);
    return rc;
}

/* Appends [lines] by one write. With the lock held. */
static int
append(struct mlt_journal *j, const struct ut_sbuf *lines, struct ut_diag *d)
{
    struct ut_sbuf b;
    ssize_t n;
    int rc = 0;

    ut_sbuf_init(&b, JOURNAL_MAX_FILE);
    if (j->torn)
        ut_sbuf_addc(&b, '\n');
    ut_sbuf_add(&b, lines->data, lines->len);
    if (b.failed || lines->failed) {
        ut_sbuf_fini(&b);
        return ut_diag_set(d, "%s: a line is too long", j->path);
    }
    do
        n = write(j->fd, b.data, b.len);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)b.len) {
        if (n >= 0)
            errno = ENOSPC;
        j->torn = j->torn || n > 0;
        rc = ut_diag_errno(d, "cannot write %s", j->path);
    } else {
        j->torn = false;
    }
    if (n > 0)
        j->size += n;
    ut_sbuf_fini(&b);
    return rc;
}

/* Appends the line that forgets [c]. With the lock held. */
static int
append_answered(struct mlt_journal *j, const struct mlt_claim *c)
{
    struct ut_sbuf b;
    int rc;

    ut_sbuf_init(&b, JOURNAL_LINE);
    add_line(&b, c, 'A', "", "", "");
    rc = append(j, &b, NULL);
    ut_sbuf_fini(&b);
    return rc;
}

/* --- A message comes again -------------------------------------------------------------------- */

/* True if one of [effects] is [owner]'s. */
static bool
has_owner(const struct effect *effects, const char *owner)
{
    for (; effects; effects = effects->next) {
        if (strcmp(effects->owner, owner) == 0)
            return true;
    }
    return false;
}

/* Moves what [mine] names from [from] to [to], except for owners that [to] has effects of already.
 * [lines] gets what forgets that in [from]. */
static void
take_over(struct mlt_claim *to, struct mlt_claim *from, mlt_owner_fn *mine, void *arg,
    struct ut_sbuf *lines)
{
    const struct effect *known = to->effects;
    struct effect *moved = NULL, **end = &moved;
    struct effect **p = &from->effects;

    while (*p) {
        struct effect *e = *p;

        if (!mine(arg, e->owner) || has_owner(known, e->owner)) {
            p = &e->next;
            continue;
        }
        *p = e->next;
        *end = e;
        end = &e->next;
    }
    *end = NULL;
    for (const struct effect *e = moved; e && from->effects; e = e->next)
        add_line(lines, from, 'F', e->owner, "", "");
    if (!from->effects)
        add_line(lines, from, 'A', "", "", "");
    if (moved && from->time < to->time)
        to->time = from->time;
    *end = to->effects;
    to->effects = moved;
}

/* Gives the new [c] what earlier tries of its message have left open, and forgets what is too old.
 * If that cannot be written, a later process will know it as it was before. With the lock held. */
static void
resume(struct mlt_journal *j, struct mlt_claim *c, mlt_owner_fn *mine, void *arg)
{
    long long oldest = c->time - JOURNAL_AGE;
    struct ut_sbuf forget, lines;
    struct mlt_claim *next;

    ut_sbuf_init(&forget, JOURNAL_MAX_FILE);
    ut_sbuf_init(&lines, JOURNAL_MAX_FILE);
    for (struct mlt_claim *o = j->claims; o; o = next) {
        next = o->next;
        if (o->taken || (o->time >= oldest && strcmp(o->digest, c->digest) != 0))
            continue;
        if (o->time >= oldest)
            take_over(c, o, mine, arg, &forget);
        else
            add_line(&forget, o, 'A', "", "", "");
        if (o->effects && o->time >= oldest)
            continue;
        unlink_claim(j, o);
        claim_free(o);
        j->pending--;
    }
    add_effects(&lines, c);
    ut_sbuf_add(&lines, forget.data, forget.len);
    if (lines.len > 0)
        (void)!append(j, &lines, NULL);
    ut_sbuf_fini(&forget);
    ut_sbuf_fini(&lines);
}

/* --- The interface ---------------------------------------------------------------------------- */

struct mlt_journal *
mlt_journal_open(const char *path, size_t *damaged, struct ut_diag *d)
{
    struct mlt_journal *j = calloc(1, sizeof(*j));

    if (damaged)
        *damaged = 0;
    if (!j || !(j->path = strdup(path))) {
        free(j);
        ut_diag_set(d, "%s: out of memory", path);
        return NULL;
    }
    pthread_mutex_init(&j->lock, NULL);
    j->fd = -1;
    j->last = &j->claims;
    if (read_file(j, damaged, d) != 0 || compact(j, d) != 0) {
        mlt_journal_close(j);
        return NULL;
    }
    for (const struct mlt_claim *c = j->claims; c; c = c->next)
        j->pending++;
    return j;
}

void
mlt_journal_close(struct mlt_journal *j)
{
    struct mlt_claim *c;

    if (!j)
        return;
    while ((c = j->claims) != NULL) {
        j->claims = c->next;
        claim_free(c);
    }
    if (j->fd >= 0)
        close(j->fd);
    pthread_mutex_destroy(&j->lock);
    free(j->path);
    free(j);
}

const char *
mlt_journal_path(const struct mlt_journal *j)
{
    return j->path;
}

void
mlt_journal_share(struct mlt_journal *j)
{
    pthread_mutex_lock(&j->lock);
    j->sharing++;
    pthread_mutex_unlock(&j->lock);
}

void
mlt_journal_alone(struct mlt_journal *j)
{
    pthread_mutex_lock(&j->lock);
    j->sharing--;
    pthread_mutex_unlock(&j->lock);
}

size_t
mlt_journal_pending(struct mlt_journal *j)
{
    size_t n;

    pthread_mutex_lock(&j->lock);
    n = j->pending;
    pthread_mutex_unlock(&j->lock);
    return n;
}

struct mlt_claim *
mlt_journal_claim(struct mlt_journal *j, const char *digest, mlt_owner_fn *mine, void *arg)
{
    uint64_t random;
    char key[JOURNAL_KEY_LEN + 1];
    struct mlt_claim *c;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return NULL;
    snprintf(key, sizeof(key), "%016llx", (unsigned long long)random);
    pthread_mutex_lock(&j->lock);
    c = claim_new(j, key, digest, (long long)time(NULL));
    if (c) {
        c->taken = true;
        if (j->pending > 0)
            resume(j, c, mine, arg);
    }
    pthread_mutex_unlock(&j->lock);
    return c;
}

const char *
mlt_claim_find(const struct mlt_claim *c, enum mlt_effect effect, const char *recipient)
{
    for (const struct effect *e = c->effects; e; e = e->next) {
        bool hold = effect == MLT_EFFECT_HOLDING || effect == MLT_EFFECT_HELD;

        if (strcmp(e->recipient, recipient) != 0)
            continue;
        if (hold && e->kind == MLT_EFFECT_WITHDRAWN)
            return NULL;
        if (e->kind == effect)
            return e->value;
    }
    return NULL;
}

/* With the lock held. */
static int
add_effect(struct mlt_claim *c, enum mlt_effect effect, const char *owner, const char *recipient,
    const char *value, struct ut_diag *d)
{
    struct ut_sbuf b;
    int rc;

    if (effect_push(c, effect, owner, recipient, value) != 0)
        return ut_diag_set(d, "%s: out of memory", c->journal->path);
    ut_sbuf_init(&b, JOURNAL_LINE);
    add_line(&b, c, letters[effect], owner, recipient, value);
    rc = append(c->journal, &b, d);
    ut_sbuf_fini(&b);
    return rc;
}

int
mlt_claim_add(struct mlt_claim *c, enum mlt_effect effect, const char *owner, const char *recipient,
    const char *value, struct ut_diag *d)
{
    const struct effect *before;
    int rc;

    pthread_mutex_lock(&c->journal->lock);
    before = c->effects;
    rc = add_effect(c, effect, owner, recipient, value ? value : "", d);
    if (rc != 0 && c->effects != before)
        effect_pop(c);
    pthread_mutex_unlock(&c->journal->lock);
    return rc;
}

int
mlt_claim_note(struct mlt_claim *c, enum mlt_effect effect, const char *owner,
    const char *recipient, const char *value, struct ut_diag *d)
{
    int rc;

    pthread_mutex_lock(&c->journal->lock);
    rc = add_effect(c, effect, owner, recipient, value ? value : "", d);
    pthread_mutex_unlock(&c->journal->lock);
    return rc;
}

void
mlt_claim_lines(const struct mlt_claim *c, enum mlt_effect effect, const char *const *owners,
    const char *const *recipients, size_t count, struct ut_sbuf *out)
{
    for (size_t i = 0; i < count; i++)
        add_line(out, c, letters[effect], owners[i], recipients[i], "");
}

void
mlt_claim_each_held(const struct mlt_claim *c,
    void (*fn)(void *arg, const char *owner, const char *recipient, const char *id), void *arg)
{
    for (const struct effect *e = c->effects; e; e = e->next) {
        const char *id;

        if (e->kind != MLT_EFFECT_HOLDING)
            continue;
        id = mlt_claim_find(c, MLT_EFFECT_HOLDING, e->recipient);
        if (id == e->value)
            fn(arg, e->owner, e->recipient, id);
    }
}

void
mlt_claim_answered(struct mlt_claim *c)
{
    struct mlt_journal *j = c ? c->journal : NULL;
    bool grown;

    if (!c)
        return;
    pthread_mutex_lock(&j->lock);
    unlink_claim(j, c);
    if (c->effects && append_answered(j, c) != 0)
        j->torn = true; /* at worst an answered message is remembered for six days */
    grown = j->size - j->compacted > JOURNAL_COMPACT && j->sharing == 0;
    if (grown && compact(j, NULL) != 0)
        j->compacted = j->size; /* tried again when it has grown as much again */
    claim_free(c);
    pthread_mutex_unlock(&j->lock);
}

/* True if a message that comes again must know about [c]: something of it was not withdrawn. */
static bool
claim_matters(const struct mlt_claim *c)
{
    for (const struct effect *e = c->effects; e; e = e->next) {
        if (e->kind != MLT_EFFECT_WITHDRAWN && mlt_claim_find(c, e->kind, e->recipient))
            return true;
    }
    return false;
}

void
mlt_claim_keep(struct mlt_claim *c)
{
    struct mlt_journal *j = c ? c->journal : NULL;

    if (!c)
        return;
    if (!claim_matters(c)) {
        mlt_claim_answered(c);
        return;
    }
    pthread_mutex_lock(&j->lock);
    c->taken = false;
    j->pending++;
    pthread_mutex_unlock(&j->lock);
}
