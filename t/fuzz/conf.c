/* conf.c - fuzz target: the bytes are a configuration file. What is understood of it is written as
 * a file again, which must be understood as the same. */
#include "config.h"

#include <string.h>

#include "lib/ut_conf.h"
#include "lib/ut_utf8.h"
#include "t/fuzz/fuzz.h"

#define DIAGS 1000

static void
check_diags(const struct ut_diag_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        const char *text = l->items[i].text;

        FUZZ_CHECK(text[0] != '\0' && strchr(text, '\n') == NULL);
        FUZZ_CHECK(ut_utf8_valid(text, strlen(text)));
    }
}

/* The configuration in the file, or NULL; what is said of mistakes is checked. */
static struct ut_conf *
load(const void *p, size_t len, bool faulty)
{
    const char *path = fuzz_file(p, len);
    struct ut_diag_list diags;
    struct ut_conf *c;

    ut_diag_list_init(&diags, DIAGS);
    c = faulty ? ut_conf_load_faulty(path, &diags) : ut_conf_load(path, &diags);
    FUZZ_CHECK(faulty || (c != NULL) == (diags.errors == 0));
    check_diags(&diags);
    ut_diag_list_fini(&diags);
    return c;
}

static void
write_again(const struct ut_conf *c, bool all)
{
    struct ut_sbuf text, again;
    struct ut_conf *other;

    ut_sbuf_init(&text, SIZE_MAX / 4);
    ut_sbuf_init(&again, SIZE_MAX / 4);
    ut_conf_dump(c, all, &text);
    other = load(ut_sbuf_text(&text), text.len, false);
    FUZZ_CHECK(other);
    ut_conf_dump(other, all, &again);
    FUZZ_CHECK(strcmp(ut_sbuf_text(&text), ut_sbuf_text(&again)) == 0);
    ut_conf_unref(other);
    ut_sbuf_fini(&text);
    ut_sbuf_fini(&again);
}

/* Questions that a running daemon asks. */
static void
ask(const struct ut_conf *c)
{
    const struct ut_conf_mailserver *s = ut_conf_listener(c, "192.0.2.1", 25, "smtpd");

    if (s)
        (void)ut_conf_domain(s, "mail.example.com");
    for (size_t i = 0; i < c->mailquarantine_count; i++) {
        const struct ut_conf_mailquarantine *q = &c->mailquarantines[i];
        struct ut_sbuf dir;

        FUZZ_CHECK(ut_conf_mailquarantine_get(c, q->id) != NULL);
        ut_sbuf_init(&dir, SIZE_MAX / 4);
        ut_conf_quarantine_dir(c, q, &dir);
        FUZZ_CHECK(dir.len > 0);
        ut_sbuf_fini(&dir);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ut_conf *c = load(data, size, true);

    if (c)
        ask(c);
    ut_conf_unref(c);
    c = load(data, size, false);
    if (c) {
        ask(c);
        write_again(c, false);
        write_again(c, true);
    }
    ut_conf_unref(c);
    return 0;
}
