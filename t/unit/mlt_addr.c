/* mlt_addr.c - addresses as mail servers give them, hostile ones too. */
#include "config.h"

#include <stdlib.h>

#include "milter/mlt_addr.h"
#include "t/unit/tap.h"

static const struct row {
    const char *raw, *want_text, *want_bare, *want_local, *want_domain;
} rows[] = {
    {"<Ann@Example.COM>", "ann@example.com", "Ann@Example.COM", "Ann", "example.com"},
    {"Ann@Example.COM", "ann@example.com", "Ann@Example.COM", "Ann", "example.com"},
    {"<>", "", "", "", ""},
    {"", "", "", "", ""},
    {"<", "<", "<", "<", ""},
    {"<@a.test,@b.test:u@c.test>", "u@c.test", "u@c.test", "u", "c.test"},
    {"<@a.test>", "@a.test", "@a.test", "", "a.test"},
    {"<\"a b@c\"@D.test>", "\"a b@c\"@d.test", "\"a b@c\"@D.test", "\"a b@c\"", "d.test"},
    {"<postmaster>", "postmaster", "postmaster", "postmaster", ""},
    {"<u@>", "u@", "u@", "u", ""},
    {"<\xc3\x84@x.test>", "\xc3\x84@x.test", "\xc3\x84@x.test", "\xc3\x84", "x.test"},
};

int
main(void)
{
    struct ut_arena *arena = ut_arena_new(0);
    char *params[] = {(char *)"NOTIFY=NEVER", (char *)"smtputf8", (char *)"SIZE=", NULL};
    struct mlt_address a;
    size_t max;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tap_num(mlt_addr_parse(&a, arena, rows[i].raw, NULL), 0, rows[i].raw);
        tap_str(a.raw, rows[i].raw, "raw");
        tap_str(a.text, rows[i].want_text, "text");
        tap_str(a.bare, rows[i].want_bare, "bare");
        tap_str(a.localpart, rows[i].want_local, "local part");
        tap_str(a.domain, rows[i].want_domain, "domain");
    }
    tap_num(mlt_addr_parse(&a, arena, "<u@x.test>", params), 0, "with parameters");
    tap_str(mlt_addr_param(&a, "notify"), "NEVER", "a value");
    tap_str(mlt_addr_param(&a, "SMTPUTF8"), "", "no value");
    tap_str(mlt_addr_param(&a, "SIZE"), "", "an empty value");
    tap_str(mlt_addr_param(&a, "NOT"), NULL, "the start of a name is not that name");
    tap_ok(mlt_addr_is(&a, "U@X.test") && !mlt_addr_is(&a, "v@x.test"), "compared without case");
    ut_arena_free(arena);
    for (max = 0; max < 4096; max++) {
        int rc;

        arena = ut_arena_new(max + 1);
        rc = mlt_addr_parse(&a, arena, "<u@x.test>", params);
        ut_arena_free(arena);
        if (rc == 0)
            break;
    }
    tap_ok(max > 20 && max < 4096, "out of memory at every step");
    return tap_done();
}
