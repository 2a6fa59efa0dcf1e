/* mlt_addr.c - addresses as mail servers give them, hostile ones too. */
#include "config.h"

#include <stdlib.h>

#include "milter/mlt_addr.h"
#include "t/unit/tap.h"

static const struct row {
    const char *raw, *want_raw, *want_text, *want_bare, *want_local, *want_domain;
} rows[] = {
    {"<Ann@Example.COM>", NULL, "ann@example.com", "Ann@Example.COM", "Ann", "example.com"},
    {"Ann@Example.COM", "<Ann@Example.COM>", "ann@example.com", "Ann@Example.COM", "Ann", "example.com"},
    {"<>", NULL, "", "", "", ""},
    {"", "<>", "", "", "", ""},
    {"<", "<<>", "\"<\"", "\"<\"", "\"<\"", ""},
    {"<@a.test,@b.test:u@c.test>", "<u@c.test>", "u@c.test", "u@c.test", "u", "c.test"},
    {"<@a.test>", NULL, "@a.test", "@a.test", "", "a.test"},
    {"<\"a b@c\"@D.test>", NULL, "\"a b@c\"@d.test", "\"a b@c\"@D.test", "\"a b@c\"", "d.test"},
    {"<postmaster>", NULL, "postmaster", "postmaster", "postmaster", ""},
    {"<u@>", NULL, "u@", "u@", "u", ""},
    {"<\xc3\x84@x.test>", NULL, "\xc3\x84@x.test", "\xc3\x84@x.test", "\xc3\x84", "x.test"},
    {"<\"u\"@x.test>", NULL, "u@x.test", "u@x.test", "u", "x.test"},
    {"<u\\n@x.test>", NULL, "un@x.test", "un@x.test", "un", "x.test"},
    {"<u@x.test.>", NULL, "u@x.test", "u@x.test", "u", "x.test"},
    {"<u@.>", NULL, "u@.", "u@.", "u", "."},
    {"<u@x..>", NULL, "u@x..", "u@x..", "u", "x.."},
    {"< u (a (b) \\) c) @ x.test >", NULL, "u@x.test", "u@x.test", "u", "x.test"},
    {"<(c)@r.test:u@x.test>", NULL, "u@x.test", "u@x.test", "u", "x.test"},
    {"<@r.test: \"@s:u\"@x.test>", "< \"@s:u\"@x.test>", "u@x.test", "u@x.test", "u", "x.test"},
    {"<<u@x.test>>", "<u@x.test>", "u@x.test", "u@x.test", "u", "x.test"},
    {"<<@r.test:u@x.test>>", "<@r.test:u@x.test>", "u@x.test", "u@x.test", "u", "x.test"},
    {"<a@b@x.test>", NULL, "\"a@b\"@x.test", "\"a@b\"@x.test", "\"a@b\"", "x.test"},
    {"<a\\ \\\"b@x.test>", NULL, "\"a \\\"b\"@x.test", "\"a \\\"b\"@x.test", "\"a \\\"b\"", "x.test"},
    {"<.u.@x.test>", NULL, "\".u.\"@x.test", "\".u.\"@x.test", "\".u.\"", "x.test"},
    {"<\"\"@x.test>", NULL, "\"\"@x.test", "\"\"@x.test", "\"\"", "x.test"},
    {"<\"u@x.test>", NULL, "\"u@x.test", "\"u@x.test", "\"u", "x.test"},
    {"<(u@x.test>", NULL, "(u@x.test", "(u@x.test", "(u", "x.test"},
    {"<u@x.test\\>", NULL, "u@x.test\\", "u@x.test\\", "u", "x.test\\"},
    {"<u@[IPv6:2001:db8::1]>", NULL, "u@[ipv6:2001:db8::1]", "u@[IPv6:2001:db8::1]", "u", "[ipv6:2001:db8::1]"},
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
        tap_str(a.raw, rows[i].want_raw ? rows[i].want_raw : rows[i].raw, "raw");
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
