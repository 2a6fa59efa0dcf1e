/* ut_conf.c - the configuration file: values, every kind of mistake with its place, lookups. */
#include "config.h"

#include "lib/ut_conf.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/ut_file.h"
#include "t/unit/tap.h"

static char path[] = "/tmp/ut_conf.XXXXXX";

static struct ut_conf *
load(const char *text, size_t len, struct ut_diag_list *l)
{
    struct ut_diag d;

    ut_diag_list_init(l, 50);
    if (ut_file_write(path, text, len, 0600, &d) != 0)
        return NULL;
    return ut_conf_load(path, l);
}

/* All entries as "line:column text" lines. */
static const char *
listing(const struct ut_diag_list *l, struct ut_sbuf *b)
{
    ut_sbuf_reset(b);
    for (size_t i = 0; i < l->count; i++)
        ut_sbuf_addf(b, "%s%u:%u %s", i > 0 ? "\n" : "", l->items[i].line, l->items[i].column,
            l->items[i].text);
    return ut_sbuf_text(b);
}

static const struct {
    const char *name, *text, *want;
} mistakes[] = {
    {"unknown name", "log_levl = info\n",
        "1:1 unknown parameter \"log_levl\" at the top level; did you mean \"log_level\"?"},
    {"unknown name near nothing", "\n  quux = 1\n", "2:3 unknown parameter \"quux\" at the top level"},
    {"name of another section", "address = x\n",
        "1:1 unknown parameter \"address\" at the top level; it belongs into section mailserver"},
    {"name of the top level", "file x { log_level = info }\n",
        "1:10 unknown parameter \"log_level\" in section file; it belongs to the top level"},
    {"unknown section with a body", "mailsever 1 { x = { 1, 2 }\n y { } }\nlog_level = bad\n",
        "1:1 unknown parameter \"mailsever\" at the top level; did you mean \"mailserver\"?\n"
        "3:1 log_level: \"bad\" is none of: emerg alert crit err warning notice info debug"},
    {"unknown section without a title", "foo { x = \"}\" # }\n }\nmax_sleep = x",
        "1:1 unknown parameter \"foo\" at the top level\n"
        "3:1 max_sleep: \"x\" is not a time such as 90, 15m, 12h or 30d, 0 to 5m"},
    {"unknown with a list", "foo = {a, b}\nbar += {c}\nbaz(1)",
        "1:1 unknown parameter \"foo\" at the top level\n"
        "2:1 unknown parameter \"bar\" at the top level\n"
        "3:1 unknown parameter \"baz\" at the top level\n"
        "3:0 unexpected token '('; a value with blanks or any of {}()=+,# needs quotes"},
    {"range", "max_sleep = 1h", "1:1 max_sleep: 1h is out of range, write 0 to 5m"},
    {"range of INT", "max_connections = 0",
        "1:1 max_connections: 0 is out of range, write 1 to 100000"},
    {"INT with a unit", "max_connections = 5k",
        "1:1 max_connections: \"5k\" is not a whole number, 1 to 100000"},
    {"overflow", "max_memory = 99999999999999999999",
        "1:1 max_memory: \"99999999999999999999\" is not a size such as 4096, 64K or 16M, 64K to 4G"},
    {"bool", "quarantine_reject_default = maybe",
        "1:1 quarantine_reject_default: \"maybe\" is neither yes nor no"},
    {"mode", "milter_socket_mode = 0888",
        "1:1 milter_socket_mode: \"0888\" is no octal number such as 0660"},
    {"socket", "milter_listen = 25",
        "1:1 milter_listen: \"25\": write unix:PATH, HOST:PORT or PORT@HOST"},
    {"reinject to a file", "reinject = unix:/x", "1:1 reinject: \"unix:/x\": write HOST:PORT"},
    {"set twice", "user = a\nuser = b\n", "2:1 user: set twice in this section; remove one"},
    {"reference", "mailserver 1 { transport = mailtransport:7 }",
        "1:16 transport: there is no section mailtransport 7; add \"mailtransport 7 { }\" or name one that is there"},
    {"reference of a domain", "mailserver 1 { domain any {\n quarantine = \"mailquarantine:1\" } }\n"
        "mailquarantine 2 { }",
        "2:2 quarantine: there is no section mailquarantine 1; add \"mailquarantine 1 { }\" or name one that is there"},
    {"section twice", "file a { path = x }\nfile b { }\n  file \"a\" { }",
        "3:3 section file a is there already, in line 1; join the two"},
    {"domain twice, in other letters", "mailserver 1 { domain a.b { }\ndomain \"A.B\" { } }",
        "2:1 section domain A.B is there already, in line 1; join the two"},
    {"not closed", "mailserver 1 {\n port = 25\n",
        "1:1 section mailserver 1 is not closed; a \"}\" is missing"},
    {"not closed and another", "mailserver 1 {\n port = 25\nmailserver 2 { }\n",
        "1:1 section mailserver 1 is not closed; a \"}\" is missing\n"
        "3:1 a mailserver section cannot stand inside mailserver; is a \"}\" missing above?"},
    {"domain at the top", "domain any { }",
        "1:1 a domain section belongs inside a mailserver section"},
    {"id of a mailserver", "mailserver one { }",
        "1:12 the id of a mailserver is a number or any"},
    {"id of a transport", "mailtransport \"a b\" { }",
        "1:15 an id is made of letters, digits, \"_\", \"-\" and \".\", at most 63"},
    {"domain with an @", "mailserver 1 { domain \"a@b\" { } }",
        "1:23 this is no domain name; write for example \"example.com\", or any"},
    {"no equal sign", "log stderr\n",
        "1:0 missing equal sign after option 'log'; write NAME = VALUE"},
    {"no title", "mailserver { }",
        "1:0 missing title for section 'mailserver'; write SECTION ID { ... }"},
    {"brace too many", "user = a\n}\n",
        "2:0 unexpected closing brace; there is one \"}\" too many here or above"},
    {"no value", "user = ",
        "1:0 premature end of file; a value, a closing quote or a \"}\" is missing"},
    {"quote not closed", "user = \"a\n",
        "2:0 premature end of file; a value, a closing quote or a \"}\" is missing"},
    {"five mistakes and bad syntax last",
        "bogus = 1\nmax_sleep = 400\nlog_level = loud\nmailserver 1 {\n  transport = "
        "mailtransport:9\n}\nmailserver 1 { }\nmilter_listen unix:/x\nnot = read\n",
        "1:1 unknown parameter \"bogus\" at the top level\n"
        "2:1 max_sleep: 400 is out of range, write 0 to 5m\n"
        "3:1 log_level: \"loud\" is none of: emerg alert crit err warning notice info debug\n"
        "5:3 transport: there is no section mailtransport 9; add \"mailtransport 9 { }\" or name one that is there\n"
        "7:1 section mailserver 1 is there already, in line 4; join the two\n"
        "8:0 missing equal sign after option 'milter_listen'; write NAME = VALUE"},
};

static void
test_mistakes(void)
{
    struct ut_diag_list l;
    struct ut_conf *c;
    struct ut_sbuf b;

    ut_sbuf_init(&b, 65536);
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        c = load(mistakes[i].text, strlen(mistakes[i].text), &l);
        tap_ok(c == NULL && l.errors > 0, "%s: refused", mistakes[i].name);
        tap_str(listing(&l, &b), mistakes[i].want, mistakes[i].name);
        tap_ok(l.count > 0 && strcmp(l.items[0].source, path) == 0, "%s: names the file",
            mistakes[i].name);
        ut_conf_unref(c);
        ut_diag_list_fini(&l);
    }
    ut_sbuf_fini(&b);
}

static const char good[] =
    "# a comment with mailserver 9 {\n"
    "user = \"me\"  // another\n"
    "log = /var/log/x.log\n"
    "log_level = debug\n"
    "reinject_timeout = 2m\n"
    "max_memory = 32M\n"
    "max_string = 4096\n"
    "quarantine_reject_default = on\n"
    "max_message_size = 1G\n"
    "/* mailserver 8 { */\n"
    "mailserver 1 {\n"
    "    address = 192.0.2.1\n"
    "    port = 25\n"
    "    transport = mailtransport:1\n"
    "    domain \"Example.COM\" { recipient_flow = \"r \\\"x\\\".hsl\" }\n"
    "    domain any { quarantine = mailquarantine:q }\n"
    "}\n"
    "mailserver 2 { port = 25 }\n"
    "mailserver 3 { daemon_name = submission }\n"
    "mailserver 4 { address = \"2001:db8::1\" }\n"
    "mailserver any {\n"
    "\n"
    "    domain other.example { transport = 1 } }\n"
    "mailtransport 1 { host = mx.example }\n"
    "mailquarantine q { retention = 30d }\n"
    "mailquarantine r { directory = /q }\n"
    "file 1 { path = 'words.txt' }\n"
    "file 2 { path = '/${HOME}/\"\\x' }\n";

static void
test_values(const struct ut_conf *c)
{
    struct ut_sbuf b;

    tap_str(c->path, path, "path");
    tap_str(c->global.user, "me", "STR");
    tap_str(c->global.log, "/var/log/x.log", "STR with slashes, no quotes");
    tap_str(c->global.log_level, "debug", "WORD");
    tap_str(c->global.state_directory, PENSTOCK_STATEDIR, "default of a STR");
    tap_num(c->global.reinject_timeout, 120, "TIME with a unit");
    tap_num(c->global.max_time, 20, "default of a TIME");
    tap_num(c->global.max_memory, 32 << 20, "SIZE with a unit");
    tap_num(c->global.max_string, 4096, "SIZE without");
    tap_num(c->global.max_message_size, 1 << 30, "SIZE in G");
    tap_num(c->global.max_connections, 1000, "default of an INT");
    tap_ok(c->global.quarantine_reject_default, "BOOL");
    tap_num((long long)c->mailserver_count, 5, "mailservers");
    tap_str(c->mailservers[0].id, "1", "id");
    tap_num(c->mailservers[0].line, 11, "line of a section");
    tap_num(c->mailservers[4].line, 21, "line of the last");
    tap_str(c->mailservers[0].domains[0].name, "example.com", "domain in lower case");
    tap_num(c->mailservers[0].domains[0].line, 15, "line of a domain");
    tap_num(c->mailservers[4].domains[0].line, 23, "line of a domain of another section");
    tap_str(c->mailservers[0].domains[0].recipient_flow, "r \"x\".hsl", "quotes in quotes");
    tap_num(c->mailquarantines[0].retention, 30 * 86400, "TIME without quotes");
    tap_str(c->files[0].path, "words.txt", "single quotes");
    tap_str(c->files[1].path, "/${HOME}/\"\\x", "nothing is expanded in single quotes");

    ut_sbuf_init(&b, 1000);
    ut_conf_quarantine_dir(c, &c->mailquarantines[0], &b);
    tap_str(ut_sbuf_text(&b), PENSTOCK_STATEDIR "/quarantine/q", "quarantine folder by default");
    ut_sbuf_reset(&b);
    ut_conf_quarantine_dir(c, &c->mailquarantines[1], &b);
    tap_str(ut_sbuf_text(&b), "/q", "quarantine folder as set");
    ut_sbuf_fini(&b);
}

static const struct {
    const char *addr;
    unsigned port;
    const char *daemon, *want;
} listeners[] = {
    {"192.0.2.1", 25, NULL, "1"},
    {"192.0.2.9", 25, NULL, "2"},
    {"192.0.2.1", 587, NULL, "any"},
    {"192.0.2.9", 587, "submission", "3"},
    {"192.0.2.1", 25, "submission", "1"},
    {"2001:DB8:0::1", 99, NULL, "4"},
    {"IPv6:2001:db8::1", 99, NULL, "4"},
    {NULL, 0, NULL, "any"},
};

static void
test_lookups(const struct ut_conf *c)
{
    const struct ut_conf_mailserver *m = &c->mailservers[0];

    for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++)
        tap_str(ut_conf_listener(c, listeners[i].addr, listeners[i].port, listeners[i].daemon)->id,
            listeners[i].want, "listener");
    tap_str(ut_conf_domain(m, "EXAMPLE.com")->name, "example.com", "domain, case ignored");
    tap_str(ut_conf_domain(m, "sub.example.com")->name, "any", "domain any");
    tap_str(ut_conf_domain(m, NULL)->name, "any", "no domain");
    tap_ok(!ut_conf_domain(&c->mailservers[1], "x"), "no domain fits");
    tap_ok(!ut_conf_domain(&c->mailservers[4], "x"), "no domain fits, no any");
    tap_str(ut_conf_mailtransport_get(c, "mailtransport:1")->host, "mx.example", "transport");
    tap_str(ut_conf_mailtransport_get(c, "1")->host, "mx.example", "transport, bare");
    tap_ok(!ut_conf_mailtransport_get(c, "mailquarantine:1"), "transport, wrong prefix");
    tap_str(ut_conf_mailquarantine_get(c, "mailquarantine:r")->directory, "/q", "quarantine");
    tap_ok(!ut_conf_mailquarantine_get(c, ""), "no quarantine");
    tap_str(ut_conf_file_get(c, "file:1")->path, "words.txt", "file");
    tap_ok(!ut_conf_file_get(c, "3"), "no file");
}

/* What is dumped loads again and dumps the same. */
static void
test_dump(const struct ut_conf *c, bool all)
{
    struct ut_sbuf first, second;
    struct ut_diag_list l;
    struct ut_conf *again;

    ut_sbuf_init(&first, 1 << 20);
    ut_sbuf_init(&second, 1 << 20);
    ut_conf_dump(c, all, &first);
    again = load(ut_sbuf_text(&first), first.len, &l);
    tap_ok(again != NULL, "a dump loads");
    if (again)
        ut_conf_dump(again, all, &second);
    tap_str(ut_sbuf_text(&second), ut_sbuf_text(&first), "and dumps the same");
    tap_ok((strstr(ut_sbuf_text(&first), "max_connections = 1000\n") != NULL) == all,
        "defaults only if asked");
    tap_ok(strstr(ut_sbuf_text(&first), "retention = 30d") != NULL || !all, "times in units");
    ut_conf_unref(again);
    ut_diag_list_fini(&l);
    ut_sbuf_fini(&first);
    ut_sbuf_fini(&second);
}

static void
test_files(void)
{
    struct ut_diag_list l;
    struct ut_conf *c;

    ut_diag_list_init(&l, 10);
    tap_ok(!ut_conf_load("/nonexistent/x.conf", &l) && l.errors == 1, "no file");
    ut_diag_list_fini(&l);
    ut_diag_list_init(&l, 10);
    tap_ok(!ut_conf_load("/", &l) && l.errors == 1, "a folder");
    ut_diag_list_fini(&l);
    tap_ok(!load("user = a\0b\n", 11, &l) && l.errors == 1, "a NUL");
    ut_diag_list_fini(&l);
    c = load("", 0, &l);
    tap_ok(c && l.count == 0 && c->mailserver_count == 0, "an empty file is all defaults");
    ut_conf_unref(c);
    ut_diag_list_fini(&l);
    c = load("log = '", 7, &l);
    tap_ok(!c && l.errors > 0, "half a string");
    ut_diag_list_fini(&l);
    c = load("log = 'a\\", 9, &l); /* whatever is printed here breaks the TAP */
    tap_ok(!c && l.errors > 0, "half a string that ends in a backslash");
    ut_diag_list_fini(&l);
}

/* Every prefix and some damage of a good file: an answer, no crash, NULL only with a reason. */
static void
test_damage(void)
{
    struct ut_diag_list l;
    struct ut_conf *c;
    char copy[sizeof(good)];
    bool sound = true;

    for (size_t i = 0; i < 2 * sizeof(good); i++) {
        memcpy(copy, good, sizeof(good));
        if (i >= sizeof(good))
            copy[(i - sizeof(good)) % (sizeof(good) - 1)] = "{}\"'=#/$(\\"[i % 10];
        c = load(copy, i < sizeof(good) ? i : sizeof(good) - 1, &l);
        sound = sound && (c != NULL) == (l.errors == 0);
        ut_conf_unref(c);
        ut_diag_list_fini(&l);
    }
    tap_ok(sound, "cut and damaged files: NULL exactly with an error");
}

static void
test_many(void)
{
    struct ut_diag_list l;
    struct ut_conf *c;
    struct ut_sbuf b;

    ut_sbuf_init(&b, 4 << 20);
    ut_sbuf_addz(&b, "mailserver 1 {\n");
    for (int i = 0; i < 3000; i++)
        ut_sbuf_addf(&b, "domain d%d.example { recipient_flow = x }\n", i);
    ut_sbuf_addz(&b, "}\n");
    c = load(ut_sbuf_text(&b), b.len, &l);
    tap_ok(c && c->mailservers[0].domain_count == 3000, "3000 domains");
    ut_conf_unref(c);
    ut_diag_list_fini(&l);
    ut_sbuf_reset(&b);
    for (int i = 0; i < 300; i++)
        ut_sbuf_addf(&b, "zz%d = 1\n", i);
    c = load(ut_sbuf_text(&b), b.len, &l);
    tap_ok(!c && l.count == 50 && l.errors >= 100, "many mistakes: the list's limit holds");
    ut_diag_list_fini(&l);
    ut_sbuf_fini(&b);
}

static void
test_params(void)
{
    struct ut_conf_param p;
    size_t n = 0;
    bool whole = true;

    for (; ut_conf_param(n, &p); n++) {
        whole = whole && p.name[0] && p.text[0] && p.type[0];
        if (strcmp(p.name, "retention") == 0)
            tap_ok(strcmp(p.def, "30d") == 0 && strcmp(p.range, "1h to 3650d") == 0 &&
                       strcmp(p.section, "mailquarantine") == 0,
                "row of retention");
        if (strcmp(p.name, "mixed_verdicts") == 0)
            tap_str(p.range, "split reject", "words of a row");
    }
    tap_ok(whole && n > 50, "every row has name, type and text");
}

static void *
thread_ref(void *arg)
{
    for (int i = 0; i < 10000; i++)
        ut_conf_unref(ut_conf_ref(arg));
    return NULL;
}

int
main(void)
{
    struct ut_diag_list l;
    struct ut_conf *c;
    struct ut_sbuf b;
    pthread_t a, z;
    int fd = mkstemp(path);

    if (fd < 0)
        return 1;
    close(fd);
    ut_sbuf_init(&b, 65536);
    c = load(good, sizeof(good) - 1, &l);
    tap_str(listing(&l, &b), "", "a good file has no mistakes");
    if (c) {
        test_values(c);
        test_lookups(c);
        test_dump(c, false);
        test_dump(c, true);
        pthread_create(&a, NULL, thread_ref, c);
        pthread_create(&z, NULL, thread_ref, c);
        pthread_join(a, NULL);
        pthread_join(z, NULL);
        tap_str(c->global.user, "me", "counted by two threads");
    }
    ut_conf_unref(c);
    ut_conf_unref(NULL);
    ut_diag_list_fini(&l);
    test_mistakes();
    test_files();
    test_damage();
    test_many();
    test_params();
    ut_sbuf_fini(&b);
    unlink(path);
    return tap_done();
}
