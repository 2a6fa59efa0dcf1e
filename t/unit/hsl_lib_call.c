/* hsl_lib_call.c - built-in functions called by their rows: conversion of arguments, and what
 * happens when memory runs out at any point. The run's heap is told to fail after N allocations,
 * for N = 0, 1, 2 ... until the call succeeds; each time there must be a limit error, and nothing
 * left in the heap. What functions do otherwise is tested by the scripts in t/hsl/lib/. */
#include "config.h"

#include "t/unit/hsl_fake_call.h"
#include "t/unit/tap.h"

static const struct call_case {
    const char *name, *args;
    const char *want; /* result as in a dump, or the error */
} calls[] = {
    /* conversion by signature */
    {"strlen", "[]", "R07: strlen() expects 1 argument, 0 given"},
    {"strlen", "[1,2]", "R07: strlen() expects 1 argument, 2 given"},
    {"strlen", "[12.5]", "4"},
    {"strlen", "[true]", "4"},
    {"strlen", "[none]", "0"},
    {"strlen", "[[]]", "R07: argument 1 of strlen(): expected string, got array"},
    {"strlen", "[\"@strlen\"]", "R07: argument 1 of strlen(): expected string, got function"},
    {"str_lower", "[none]", "R07: argument 1 of str_lower(): expected string, got none"},
    {"substr", "[]", "R07: substr() expects 1 to 3 arguments, 0 given"},
    {"substr", "[[],1,2,3]", "R07: substr() expects 1 to 3 arguments, 4 given"},
    {"substr", "[\"abc\",\"1\"]", "\"bc\""},
    {"substr", "[\"abc\",true]", "\"bc\""},
    {"substr", "[\"abc\",\" 1\"]", "R07: argument 2 of substr(): expected number, got string"},
    {"substr", "[\"abc\",none]", "R07: argument 2 of substr(): expected number, got none"},
    {"count", "[none]", "0"},
    {"count", "[\"x\"]", "R07: argument 1 of count(): expected array, got string"},
    {"pack", "[]", "R07: pack() expects at least 1 argument, 0 given"},
    {"array_map", "[1,[]]", "R07: argument 1 of array_map(): expected function, got number"},
    {"pcre_match", "[[],\"\"]",
        "R07: argument 1 of pcre_match(): expected string or Regex, got array"},
    {"json_encode", "[1,2]", "R07: argument 2 of json_encode(): expected array, got number"},
    {"queue_policy", "[1,2,3]", "none"},
    /* every group of functions, for memory that runs out */
    {"str_upper", "[\"abc def ghi jkl\"]", "\"ABC DEF GHI JKL\""},
    {"str_strip", "[\"  abc def \"]", "\"abc def\""},
    {"str_split", "[\"one two three\",\" \"]", "[0=>\"one\",1=>\"two\",2=>\"three\"]"},
    {"str_split", "[\"one two three\",\" \",-2]", "[0=>\"one two\",1=>\"three\"]"},
    {"implode", "[\", \",[1.5,none,\"xx\",[1,2]]]", "\"1.5, , xx, [0=>1,1=>2]\""},
    {"str_replace", "[\"a\",\"bbb\",\"banana\"]", "\"bbbbnbbbnbbb\""},
    {"str_repeat", "[\"ab\",3]", "\"ababab\""},
    {"str_chunk", "[\"abcdefg\",3]", "[0=>\"abc\",1=>\"def\",2=>\"g\"]"},
    {"array_keys", "[[\"a\"=>1,5=>2]]", "[0=>\"a\",1=>5]"},
    {"array_filter", "[\"@is_string\",[\"aa\",1,\"k\"=>\"bb\"]]", "[0=>\"aa\",\"k\"=>\"bb\"]"},
    {"array_map", "[\"@str_upper\",[\"aa\",\"k\"=>\"bb\"]]", "[0=>\"AA\",\"k\"=>\"BB\"]"},
    {"array_map", "[\"@str_upper\",[\"aa\",[]]]",
        "R07: argument 1 of str_upper(): expected string, got array"},
    {"array_reduce", "[\"@str_split\",[\"a b\",\" \"]]", "[0=>\"a\",1=>\"b\"]"},
    {"array_find", "[\"@is_string\",[1,\"found it\"]]", "\"found it\""},
    {"array_sort", "[\"@str_find\",[\"aa\",\"bb\",\"a\"]]", "[2=>\"a\",1=>\"bb\",0=>\"aa\"]"},
    {"array_reverse", "[[1,\"k\"=>2,3]]", "[0=>3,\"k\"=>2,1=>1]"},
    {"range", "[1,3]", "[0=>1,1=>2,2=>3]"},
    {"array_combine", "[[\"aa\",\"bb\"],[1],9]", "[\"aa\"=>1,\"bb\"=>9]"},
    {"array_unique", "[[1,1,\"aa\",\"aa\",[1],[1],none]]", "[0=>1,2=>\"aa\",4=>[0=>1],6=>none]"},
    {"pcre_match", "[\"(?<n>b+)(c)?\",\"abbd\"]", "[0=>\"bb\",\"n\"=>\"bb\",1=>\"bb\",2=>\"\"]"},
    {"pcre_match_all", "[\"(?<n>bb)\",\"bbabb\"]",
        "[0=>[0=>\"bb\",1=>\"bb\"],\"n\"=>[0=>\"bb\",1=>\"bb\"],1=>[0=>\"bb\",1=>\"bb\"]]"},
    {"pcre_replace", "[\"(b)(b)\",\"<$2-$1>\",\"abbc\"]", "\"a<b-b>c\""},
    {"pcre_replace", "[\"(b)b\",\"@string\",\"abbc\"]", "\"a[0=>\\\"bb\\\",1=>\\\"b\\\"]c\""},
    {"pcre_quote", "[\"a.b*c\"]", "\"a\\\\.b\\\\*c\""},
    {"base64_encode", "[\"hello\"]", "\"aGVsbG8=\""},
    {"json_encode", "[[\"a\"=>[1,true,none,\"x y z\"]]]",
        "\"{\\\"a\\\":[1,true,null,\\\"x y z\\\"]}\""},
    {"json_decode", "[\"{\\\"aa\\\":[1,\\\"bb\\\",{}]}\"]", "[\"aa\"=>[0=>1,1=>\"bb\",2=>[]]]"},
    {"pack", "[\"a3nH*\",\"ab\",16706,\"4344\"]", "\"ab\\x00ABCD\""},
    {"unpack", "[\"a2nH*\",\"abABCD\"]", "[0=>\"ab\",1=>16706,2=>\"4344\"]"},
    {"md5", "[\"abc\"]", "\"900150983cd24fb0d6963f7d28e17f72\""},
    {"crypt", "[\"abc\",\"!\"]", "\"*0\""},
    {"strftime", "[\"%Y-%m-%d\",0]", "\"1970-01-01\""},
    {"inet_reverse", "[\"192.0.2.1\"]", "\"1.2.0.192.in-addr.arpa\""},
    {"mimeword_decode", "[\"=?iso-8859-1?Q?abc_def?=\"]", "\"abc def\""},
    {"header_addresslist_extract", "[\"Jo <jo@x.y>, a@b.c\",[\"name\"=>true]]",
        "[0=>[\"name\"=>\"Jo\",\"address\"=>\"jo@x.y\"],1=>[\"name\"=>\"\",\"address\"=>\"a@b.c\"]"
        "]"},
    {"envelope_address_parse", "[\"\\\"a b\\\"@c.d\"]",
        "[\"localpart\"=>\"a b\",\"domain\"=>\"c.d\"]"},
};

/* The call of [c] once; its result as text in [buf]. */
static const char *
call_once(struct hsl_run *r, const struct call_case *c, char *buf, size_t size)
{
    struct hsl_value out;
    bool ok = fake_call(r, c->name, c->args, &out);

    fake_show(r, ok, &out, buf, size);
    hsl_unref(r, out);
    return buf;
}

static void
test_call(const struct call_case *c)
{
    struct hsl_run r;
    char text[600], name[200];

    fake_init(&r);
    snprintf(name, sizeof(name), "%s %.150s", c->name, c->args);
    tap_str(call_once(&r, c, text, sizeof(text)), c->want, name);
    tap_num((long long)fake_fini(&r), 0, "nothing is left in the heap");
}

/* The same with memory that ends after N allocations. */
static void
test_without_memory(const struct call_case *c)
{
    struct hsl_run r;
    bool clean = true, limited = true, done = false;
    long n;

    for (n = 0; !done && n < 1000; n++) {
        struct hsl_value out;
        bool ok;

        fake_init(&r);
        r.heap.fail_after = n;
        ok = fake_call(&r, c->name, c->args, &out);
        done = ok || r.state == HSL_THROWN;
        limited = limited && (done || r.state == HSL_LIMITED);
        r.heap.fail_after = -1;
        hsl_unref(&r, out);
        clean = fake_fini(&r) == 0 && clean;
    }
    tap_ok(done && limited && clean, "%s: memory ends at any of %ld allocations", c->name, n);
}

int
main(void)
{
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        test_call(&calls[i]);
        test_without_memory(&calls[i]);
    }
    return tap_done();
}
