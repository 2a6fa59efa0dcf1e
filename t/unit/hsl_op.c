/* hsl_op.c - operators, subscripts, slices and format: the facts of language §5 and §6 that need no
 * parser, then what must not take forever, and memory that runs out. */
#include "t/unit/hsl_fake_run.h"
#include "t/unit/tap.h"

#include "hsl/hsl_arr.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* --- Binary operators --------------------------------------------------------------------------
 */

struct binary_row {
    const char *a;
    const char *op;
    const char *b, *want;
};

static enum hsl_op
op_by_name(const char *name)
{
    unsigned op = 0;

    while (op < HSL_OP_COUNT_ && strcmp(hsl_op_name((enum hsl_op)op), name) != 0)
        op++;
    return (enum hsl_op)op;
}

/* Once as a operator b, once as a operator= b; the operands must stay as they were. */
static void
test_binary(struct hsl_run *r, const struct binary_row *row)
{
    struct hsl_value a = fake_value(r, row->a), b = fake_value(r, row->b), out = hsl_none();
    char buf[400], name[300];
    bool ok = hsl_op_binary(r, op_by_name(row->op), &a, &b, &out);

    (void)snprintf(name, sizeof(name), "%s %s %s", row->a, row->op, row->b);
    tap_str(fake_show(r, ok, &out, buf, sizeof(buf)), row->want, name);
    fake_clear(r);
    hsl_unref(r, out);
    out = hsl_ref(a);
    (void)snprintf(name, sizeof(name), "%s %s= %s", row->a, row->op, row->b);
    ok = hsl_op_assign(r, op_by_name(row->op), &out, &b);
    tap_str(fake_show(r, ok, &out, buf, sizeof(buf)), row->want, name);
    fake_clear(r);
    hsl_unref(r, out);
    hsl_unref(r, a);
    hsl_unref(r, b);
}

static const struct binary_row arithmetic_rows[] = {
    {"1", "+", "2", "3"},
    {"true", "+", "true", "2"},
    {"0.1", "+", "0.2", "0.30000000000000004"},
    {"\"a\"", "+", "1", "\"a1\""},
    {"1", "+", "\"1\"", "\"11\""},
    {"true", "+", "\"x\"", "\"truex\""},
    {"4", "+", "\"test\"", "\"4test\""},
    {"\"err: \"", "+", "none", "\"err: \""},
    {"none", "+", "5", "5"},
    {"5", "+", "none", "5"},
    {"none", "+", "none", "none"},
    {"none", "+", "[1]", "[0=>1]"},
    {"[1]", "+", "none", "[0=>1]"},
    {"\"x\"", "+", "[]", "R03: unsupported operand types for +: string and array"},
    {"1", "+", "[]", "R03: unsupported operand types for +: number and array"},
    {"7", "-", "2", "5"},
    {"\"10\"", "-", "1", "9"},
    {"10", "-", "\"2.5\"", "7.5"},
    {"true", "-", "true", "0"},
    {"\"a\"", "-", "1", "R03: unsupported operand types for -: string and number"},
    {"none", "-", "1", "R03: unsupported operand types for -: none and number"},
    {"\" 1\"", "-", "1", "R03: unsupported operand types for -: string and number"},
    {"6", "/", "4", "1.5"},
    {"\"6\"", "/", "\"4\"", "1.5"},
    {"1", "/", "0", "R04: division by zero"},
    {"1", "/", "false", "R04: division by zero"},
    {"0", "/", "\"0\"", "R04: division by zero"},
    {"none", "/", "1", "R03: unsupported operand types for /: none and number"},
    {"-7", "%", "3", "-1"},
    {"7.5", "%", "2", "1.5"},
    {"7", "%", "-3", "1"},
    {"7", "%", "0", "R04: division by zero"},
    {"7", "%", "\"3\"", "R03: unsupported operand types for %: number and string"},
    {"2", "**", "10", "1024"},
    {"2", "**", "-1", "0.5"},
    {"0", "**", "-1", "R04: division by zero"},
    {"0", "**", "0", "1"},
    {"\"2\"", "**", "\"3\"", "8"},
    {"2", "**", "40", "1099511627776"},
    {"none", "**", "1", "R03: unsupported operand types for **: none and number"},
    {"3", "*", "4", "12"},
    {"true", "*", "4", "4"},
    {"\"ab\"", "*", "3", "\"ababab\""},
    {"\"ab\"", "*", "0", "\"\""},
    {"\"ab\"", "*", "-2", "\"\""},
    {"\"ab\"", "*", "2.9", "\"abab\""},
    {"\"\"", "*", "1e300", "\"\""},
    {"\"ab\"", "*", "nan", "\"\""},
    {"\"ab\"", "*", "1e300", "L05: string length (16777216) exceeded"},
    {"\"ab\"", "*", "inf", "L05: string length (16777216) exceeded"},
    {"\"C\"", "*", "1", "\"C\""},
    {"[0]", "*", "2", "[0=>0,1=>0]"},
    {"[0]", "*", "0", "[]"},
    {"[0]", "*", "-1", "[]"},
    {"[]", "*", "inf", "[]"},
    {"[1,\"k\"=>2]", "*", "2", "[0=>1,\"k\"=>2,1=>1]"},
    {"[1]", "*", "1e9", "L06: array size (1000000) exceeded"},
    {"3", "*", "\"ab\"", "R03: unsupported operand types for *: number and string"},
    {"\"ab\"", "*", "\"2\"", "R03: unsupported operand types for *: string and string"},
    {"none", "*", "2", "R03: unsupported operand types for *: none and number"},
    {"\"x\"", ".", "none", "\"x\""},
    {"1", ".", "2.5", "\"12.5\""},
    {"none", ".", "none", "\"\""},
    {"\"a\"", ".", "[1]", "\"a[0=>1]\""},
    {"true", ".", "false", "\"truefalse\""},
    {"-0.0", ".", "\"\"", "\"0\""},
};

static const struct binary_row array_rows[] = {
    {"[\"a\"=>1,7=>\"x\"]", "+", "[\"a\"=>2,3=>\"y\"]", "[\"a\"=>2,7=>\"x\",8=>\"y\"]"},
    {"[1]", "+", "2", "[0=>1,1=>2]"},
    {"[0=>1,1=>2]", "+", "[3]", "[0=>1,1=>2,2=>3]"},
    {"[\"timeout\"=>5,\"a\"=>1]", "+", "[\"timeout\"=>9]", "[\"timeout\"=>9,\"a\"=>1]"},
    {"[]", "+", "[]", "[]"},
    {"[1]", "+", "\"s\"", "[0=>1,1=>\"s\"]"},
    {"[1]", "+", "false", "[0=>1,1=>false]"},
    {"[]", "+", "[5=>1]", "[0=>1]"},
    {"[\"p\",\"p\",5]", "-", "\"p\"", "[2=>5]"},
    {"[1,2,3,4]", "-", "[2,4]", "[0=>1,2=>3]"},
    {"[1,2]", "-", "[]", "[0=>1,1=>2]"},
    {"[none,0,false,\"\",[]]", "-", "none", "[1=>0,2=>false,3=>\"\",4=>[]]"},
    {"[0,false,\"0\",\"0.0\",\"\",none,-0.0]", "-", "0", "[4=>\"\",5=>none]"},
    {"[0,1,true,\"1\",\"1.0\",\"x\"]", "-", "true", "[0=>0,5=>\"x\"]"},
    {"[1,\"1\",\"1.0\",true]", "-", "\"1\"", "[2=>\"1.0\"]"},
    {"[1,\"1\",\"1.0\",true]", "-", "\"1.0\"", "[1=>\"1\"]"},
    {"[1e21,\"1e+21\",\"1e21\"]", "-", "1e21", "[2=>\"1e21\"]"},
    {"[1e21,\"1e+21\",\"1e21\"]", "-", "\"1e+21\"", "[2=>\"1e21\"]"},
    {"[inf,\"inf\",nan,\"nan\"]", "-", "inf", "[2=>nan,3=>\"nan\"]"},
    {"[nan,\"nan\"]", "-", "nan", "[0=>nan]"},
    {"[nan,1,\"nan\"]", "-", "[nan,\"nan\"]", "[1=>1]"},
    {"[[1],[\"1\"],[2],\"k\"=>[1]]", "-", "[[1]]", "[2=>[0=>2]]"},
    {"[[1],1]", "-", "[1]", "[0=>[0=>1]]"},
    {"[\"a\"=>1,\"b\"=>2]", "-", "1", "[\"b\"=>2]"},
    {"[\"\"]", "-", "\"\"", "[]"},
    {"[\"0\"]", "-", "false", "[]"},
    {"[\"9007199254740993\"=>1,\"9007199254740995\"=>2]", "-", "2", "[9007199254740993=>1]"},
};

static const struct binary_row bit_rows[] = {
    {"6", "&", "3", "2"},
    {"6", "|", "1", "7"},
    {"6", "^", "2", "4"},
    {"1", "<<", "4", "16"},
    {"-8", ">>", "1", "-4"},
    {"-1", ">>>", "28", "15"},
    {"4294967295", "&", "255", "255"},
    {"1", "<<", "31", "-2147483648"},
    {"1", "<<", "33", "2"},
    {"-1", ">>>", "0", "4294967295"},
    {"-1", ">>", "31", "-1"},
    {"4294967296", "|", "0", "0"},
    {"2.9", "|", "0", "2"},
    {"-2.9", "|", "0", "-2"},
    {"1e300", "|", "0", "0"},
    {"nan", "|", "1", "1"},
    {"inf", "|", "1", "1"},
    {"-9223372036854775808", "|", "1", "1"},
    {"true", "&", "3", "1"},
    {"-8", ">>", "0", "-8"},
    {"36893488147419111424", "|", "0", "8192"},
    {"\"6\"", "&", "3", "R03: unsupported operand types for &: string and number"},
    {"none", "|", "3", "R03: unsupported operand types for |: none and number"},
};

static const struct binary_row equal_rows[] = {
    {"none", "==", "none", "true"},
    {"none", "==", "false", "false"},
    {"none", "==", "\"\"", "false"},
    {"none", "==", "0", "false"},
    {"[]", "==", "none", "false"},
    {"true", "==", "1", "true"},
    {"5", "==", "true", "false"},
    {"false", "==", "0", "true"},
    {"false", "==", "false", "true"},
    {"\"1e2\"", "==", "\"100\"", "false"},
    {"5", "==", "\"5.0\"", "true"},
    {"0", "==", "\"\"", "false"},
    {"1e21", "==", "\"1e+21\"", "true"},
    {"\"abc\"", "==", "\"abc\"", "true"},
    {"true", "==", "\"1\"", "true"},
    {"true", "==", "\"true\"", "false"},
    {"nan", "==", "nan", "false"},
    {"nan", "==", "\"nan\"", "true"},
    {"\"1\"", "==", "\"1.0\"", "false"},
    {"1", "==", "\" 1\"", "false"},
    {"1", "!=", "2", "true"},
    {"[]", "==", "0", "false"},
    {"[1]", "==", "\"[0=>1]\"", "false"},
    {"[1,2]", "==", "[1=>2,0=>1]", "true"},
    {"[1,2]", "===", "[1=>2,0=>1]", "false"},
    {"[1]", "==", "[\"1\"]", "true"},
    {"[1]", "===", "[\"1\"]", "false"},
    {"[1,[2,\"k\"=>3]]", "===", "[1,[2,\"k\"=>3]]", "true"},
    {"[1]", "==", "[1,2]", "false"},
    {"[none]", "==", "[1=>none]", "false"},
    {"[\"a\"=>1,\"b\"=>2]", "==", "[\"b\"=>2,\"a\"=>1]", "true"},
    {"[\"a\"=>1,\"b\"=>2]", "===", "[\"b\"=>2,\"a\"=>1]", "false"},
    {"[\"a\"=>1]", "==", "[\"b\"=>1]", "false"},
    {"[\"a\"=>1]", "===", "[\"a\"=>1]", "true"},
    {"[\"a\"=>1]", "==", "[1]", "false"},
    {"[0=>1]", "===", "[1]", "true"},
    {"1", "===", "true", "false"},
    {"\"a\"", "===", "\"a\"", "true"},
    {"1", "!==", "1", "false"},
    {"none", "===", "none", "true"},
    {"1", "===", "1", "true"},
    {"1", "===", "\"1\"", "false"},
    {"0", "===", "-0.0", "true"},
};

static const struct binary_row order_rows[] = {
    {"1", "<", "2", "true"},
    {"2", "<", "1", "false"},
    {"1", "<=", "1", "true"},
    {"1", ">=", "2", "false"},
    {"3", ">", "2", "true"},
    {"\"a\"", "<", "\"b\"", "true"},
    {"\"10\"", "<", "\"9\"", "true"},
    {"10", "<", "\"9\"", "false"},
    {"\"9\"", "<", "10", "true"},
    {"true", ">", "false", "true"},
    {"true", ">", "\"0\"", "true"},
    {"none", ">", "0", "false"},
    {"none", "<", "0", "false"},
    {"none", "<=", "none", "false"},
    {"none", ">", "[]", "false"},
    {"nan", "<", "1", "false"},
    {"nan", ">=", "nan", "false"},
    {"\"\"", "<=", "\"\"", "true"},
    {"\"a\"", ">=", "\"ab\"", "false"},
    {"\"x\"", "<", "1", "R03: unsupported operand types for <: string and number"},
    {"[]", "<", "[]", "R03: unsupported operand types for <: array and array"},
    {"1", ">=", "[]", "R03: unsupported operand types for >=: number and array"},
};

static const struct binary_row match_rows[] = {
    {"\"Mail from HALON\"", "=~", "\"/\\\\bhalon\\\\b/i\"", "true"},
    {"\"a.b\"", "=~", "\"^a\\\\.b$\"", "true"},
    {"\"x/tmp\"", "=~", "\"/tmp\"", "true"},
    {"\"abc\"", "!~", "\"b\"", "false"},
    {"\"abc\"", "=~", "\"^b\"", "false"},
    {"none", "=~", "\"\"", "false"},
    {"none", "!~", "\"\"", "true"},
    {"550", "=~", "\"^5\"", "true"},
    {"true", "=~", "\"^true$\"", "true"},
    {"[]", "=~", "\"x\"", "R03: unsupported operand types for =~: array and string"},
    {"\"x\"", "=~", "5", "R03: unsupported operand types for =~: string and number"},
    {"\"x\"", "=~", "\"(\"", "R10: regular expression: missing closing parenthesis at offset 1"},
};

static const struct binary_row format_rows[] = {
    {"\"%s=%s\"", "%", "[\"a\",1]", "\"a=1\""},
    {"\"%'0>6s\"", "%", "[42]", "\"000042\""},
    {"\"%.2f|%x|%[0]s\"", "%", "[1.5,255]", "\"1.50|ff|1.5\""},
    {"\"100%%\"", "%", "none", "\"100%\""},
    {"\"%s\"", "%", "\"x\"", "\"x\""},
    {"\"%f\"", "%", "1", "\"1.000000\""},
    {"\"%.0f\"", "%", "2.5", "\"2\""},
    {"\"%5s|\"", "%", "\"ab\"", "\"ab   |\""},
    {"\"%5x|\"", "%", "255", "\"   ff|\""},
    {"\"%<5x|\"", "%", "255", "\"ff   |\""},
    {"\"%^6s|\"", "%", "\"ab\"", "\"  ab  |\""},
    {"\"%^5s|\"", "%", "\"ab\"", "\" ab  |\""},
    {"\"%'0=6x\"", "%", "-255", "\"-000ff\""},
    {"\"%'0>6x\"", "%", "-255", "\"000-ff\""},
    {"\"%b\"", "%", "10", "\"1010\""},
    {"\"%x\"", "%", "0", "\"0\""},
    {"\"%x\"", "%", "-0.5", "\"0\""},
    {"\"%c%c\"", "%", "[65,321]", "\"AA\""},
    {"\"%.2s\"", "%", "\"abcdef\"", "\"ab\""},
    {"\"%s\"", "%", "[[1]]", "\"[0=>1]\""},
    {"\"%s%s\"", "%", "[\"k\"=>\"a\",\"l\"=>\"b\"]", "\"ab\""},
    {"\"%s\"", "%", "[1,2,3]", "\"1\""},
    {"\"%x\"", "%", "18446744073709549568", "\"fffffffffffff800\""},
    {"\"plain\"", "%", "1", "\"plain\""},
    {"\"%f\"", "%", "\"2.5\"", "\"2.500000\""},
    {"\"%f\"", "%", "nan", "\"nan\""},
    {"\"%'*^7s\"", "%", "none", "\"*******\""},
    {"\"%s%s\"", "%", "[1]", "R06: %: bad option or format: argument 1 is missing"},
    {"\"%[3]s\"", "%", "[1]", "R06: %: bad option or format: argument 3 is missing"},
    {"\"%s%s\"", "%", "\"x\"", "R06: %: bad option or format: argument 1 is missing"},
    {"\"%d\"", "%", "1",
        "R06: %: bad option or format: unknown conversion; there are %s %f %x %b %c"},
    {"\"%\"", "%", "1", "R06: %: bad option or format: the conversion ends too early"},
    {"\"%[\"", "%", "1", "R06: %: bad option or format: a number belongs between [ and ]"},
    {"\"%[0s\"", "%", "1", "R06: %: bad option or format: ] is missing"},
    {"\"%.f\"", "%", "1", "R06: %: bad option or format: a number belongs behind the point"},
    {"\"%.101f\"", "%", "1", "R06: %: bad option or format: more than 100 decimals"},
    {"\"%x\"", "%", "1e300", "R06: %: bad option or format: the number is too large for %x or %b"},
    {"\"%99999999999999999999s\"", "%", "1", "L05: string length (16777216) exceeded"},
};

static void
test_binaries(struct hsl_run *r)
{
    static const struct {
        const struct binary_row *rows;
        size_t count;
    } tables[] = {{arithmetic_rows, COUNT(arithmetic_rows)}, {array_rows, COUNT(array_rows)},
        {bit_rows, COUNT(bit_rows)}, {equal_rows, COUNT(equal_rows)},
        {order_rows, COUNT(order_rows)}, {match_rows, COUNT(match_rows)},
        {format_rows, COUNT(format_rows)}};
    size_t t, i;

    for (t = 0; t < COUNT(tables); t++)
        for (i = 0; i < tables[t].count; i++)
            test_binary(r, &tables[t].rows[i]);
}

static void
test_unary(struct hsl_run *r)
{
    static const struct {
        enum hsl_op op;
        const char *a, *want;
    } rows[] = {
        {HSL_OP_NEG, "5", "-5"},
        {HSL_OP_NEG, "true", "-1"},
        {HSL_OP_NEG, "\"2.5\"", "-2.5"},
        {HSL_OP_PLUS, "\"7\"", "7"},
        {HSL_OP_NEG, "\"x\"", "R03: unsupported operand type for -: string"},
        {HSL_OP_NEG, "none", "R03: unsupported operand type for -: none"},
        {HSL_OP_PLUS, "[]", "R03: unsupported operand type for +: array"},
        {HSL_OP_NOT, "0", "true"},
        {HSL_OP_NOT, "\"0\"", "false"},
        {HSL_OP_NOT, "[]", "true"},
        {HSL_OP_BNOT, "0", "-1"},
        {HSL_OP_BNOT, "4294967295", "0"},
        {HSL_OP_BNOT, "\"1\"", "R03: unsupported operand type for ~: string"},
    };
    size_t i;
    char buf[200];

    for (i = 0; i < COUNT(rows); i++) {
        struct hsl_value a = fake_value(r, rows[i].a), out = hsl_none();
        bool ok = hsl_op_unary(r, rows[i].op, &a, &out);

        tap_ok(strcmp(fake_show(r, ok, &out, buf, sizeof(buf)), rows[i].want) == 0,
            "%s %s gives %s", hsl_op_name(rows[i].op), rows[i].a, rows[i].want);
        fake_clear(r);
        hsl_unref(r, a);
    }
}

/* --- Subscripts and slices ----------------------------------------------------------------------
 */

static void
test_subscripts(struct hsl_run *r)
{
    static const struct {
        const char *a, *key, *want;
    } rows[] = {
        {"\"abc\"", "0", "\"a\""},
        {"\"abc\"", "-1", "\"c\""},
        {"\"abc\"", "3", "none"},
        {"\"abc\"", "-4", "none"},
        {"\"abc\"", "1.9", "\"b\""},
        {"\"abc\"", "\"1\"", "\"b\""},
        {"\"abc\"", "\"x\"", "none"},
        {"\"abc\"", "none", "none"},
        {"\"abc\"", "true", "\"b\""},
        {"\"abc\"", "nan", "none"},
        {"\"abc\"", "inf", "none"},
        {"\"abc\"", "-0.5", "\"a\""},
        {"\"\"", "0", "none"},
        {"\"abc\"", "[]", "R05: invalid array key of type array"},
        {"[1,2]", "1", "2"},
        {"[1,2]", "\"1\"", "2"},
        {"[1,2]", "5", "none"},
        {"[1,2]", "-1", "none"},
        {"[\"a\"=>[1]]", "\"a\"", "[0=>1]"},
        {"[1]", "none", "none"},
        {"[1]", "[]", "R05: invalid array key of type array"},
        {"[1]", "nan", "R05: invalid array key of type number"},
        {"none", "1", "none"},
        {"5", "0", "none"},
        {"true", "\"x\"", "none"},
        {"[1]", "true", "none"},
        {"[1]", "false", "1"},
    };
    size_t i;
    char buf[200];

    for (i = 0; i < COUNT(rows); i++) {
        struct hsl_value a = fake_value(r, rows[i].a), key = fake_value(r, rows[i].key),
                         out = hsl_none();
        bool ok = hsl_subscript(r, &a, &key, &out);

        tap_ok(strcmp(fake_show(r, ok, &out, buf, sizeof(buf)), rows[i].want) == 0,
            "%s[%s] gives %s", rows[i].a, rows[i].key, rows[i].want);
        fake_clear(r);
        hsl_unref(r, out);
        hsl_unref(r, key);
        hsl_unref(r, a);
    }
}

/* "-" is an omitted bound. */
static struct hsl_value
bound_value(struct hsl_run *r, const char *text)
{
    if (strcmp(text, "-") == 0)
        return (struct hsl_value){.type = HSL_UNDEF};
    return fake_value(r, text);
}

static void
test_slices(struct hsl_run *r)
{
    static const struct {
        const char *a, *first, *last, *step, *want;
    } rows[] = {
        {"\"Halon\"", "1", "4", "-", "\"alo\""},
        {"\"Halon\"", "-2", "-", "-", "\"on\""},
        {"\"Halon\"", "-", "2", "-", "\"Ha\""},
        {"\"Halon\"", "9", "-", "-", "\"\""},
        {"\"Halon\"", "0", "99", "-", "\"Halon\""},
        {"\"abcd\"", "-", "-", "-1", "\"dcba\""},
        {"\"abcd\"", "-", "-", "2", "\"ac\""},
        {"\"abcd\"", "3", "0", "-1", "\"dcb\""},
        {"\"abcd\"", "-", "1", "-1", "\"dc\""},
        {"\"abcd\"", "-", "-", "-2", "\"db\""},
        {"\"abcd\"", "9", "-", "-3", "\"da\""},
        {"\"abcd\"", "-9", "-", "-1", "\"\""},
        {"\"abcd\"", "2", "2", "-", "\"\""},
        {"\"abcd\"", "3", "1", "-", "\"\""},
        {"\"abcd\"", "1.9", "\"3\"", "-", "\"bc\""},
        {"\"abcd\"", "-inf", "inf", "-", "\"abcd\""},
        {"\"abcd\"", "-", "-", "1e300", "\"a\""},
        {"\"abcd\"", "-", "-", "-inf", "\"d\""},
        {"\"\"", "-", "-", "-", "\"\""},
        {"\"\"", "-", "-", "-1", "\"\""},
        {"none", "1", "-", "-", "none"},
        {"[\"x\"=>1,5=>2,9=>3]", "1", "-", "-", "[0=>2,1=>3]"},
        {"[\"x\"=>1,\"y\"=>2]", "-1", "-", "-", "[0=>2]"},
        {"[\"k\"=>\"v\"]", "-", "-", "-", "[0=>\"v\"]"},
        {"[1,2,3,4]", "-", "-", "-2", "[0=>4,1=>2]"},
        {"[1]", "5", "-", "-", "[]"},
        {"\"a\"", "-", "-", "0", "R06: slice: bad option or format: the step is 0"},
        {"5", "1", "-", "-", "R03: unsupported operand type for [:]: number"},
        {"[1]", "\"x\"", "-", "-", "R03: unsupported operand type for [:]: string"},
        {"[1]", "[]", "-", "-", "R03: unsupported operand type for [:]: array"},
    };
    size_t i;
    char buf[200];

    for (i = 0; i < COUNT(rows); i++) {
        struct hsl_value a = fake_value(r, rows[i].a), out = hsl_none();
        struct hsl_value b[3] = {bound_value(r, rows[i].first), bound_value(r, rows[i].last),
            bound_value(r, rows[i].step)};
        bool ok = hsl_slice(r, &a, &b[0], &b[1], &b[2], &out);

        tap_ok(strcmp(fake_show(r, ok, &out, buf, sizeof(buf)), rows[i].want) == 0,
            "%s[%s:%s:%s] gives %s", rows[i].a, rows[i].first, rows[i].last, rows[i].step,
            rows[i].want);
        fake_clear(r);
        hsl_unref(r, out);
        hsl_unref(r, a);
        hsl_unref(r, b[0]);
        hsl_unref(r, b[1]);
    }
}

static void
test_slice_assign(struct hsl_run *r)
{
    static const struct {
        const char *a, *first, *last, *list, *want; /* list "": unset */
    } rows[] = {
        {"[1,2,7,5]", "2", "3", "[3,4]", "[0=>1,1=>2,2=>3,3=>4,4=>5]"},
        {"[1,2,3]", "-", "-", "[]", "[]"},
        {"[1,2,3]", "1", "1", "[9]", "[0=>1,1=>9,2=>2,3=>3]"},
        {"[1,2,3]", "-", "2", "[9]", "[0=>9,1=>3]"},
        {"[5=>1,\"k\"=>2,9=>3]", "0", "1", "[\"x\"=>8]", "[0=>8,\"k\"=>2,1=>3]"},
        {"[]", "0", "9", "[1]", "[0=>1]"},
        {"[1,2]", "9", "-", "[3]", "[0=>1,1=>2,2=>3]"},
        {"[1,2,3]", "1", "3", "", "[0=>1]"},
        {"[1,2,3]", "0", "1", "", "[1=>2,2=>3]"},
        {"[\"a\"=>1,\"b\"=>2,\"c\"=>3]", "1", "2", "", "[\"a\"=>1,\"c\"=>3]"},
        {"[1,2,3]", "5", "9", "", "[0=>1,1=>2,2=>3]"},
        {"[1]", "0", "1", "5", "R03: cannot use number as array"},
        {"\"abc\"", "0", "1", "[]", "R03: cannot use string as array"},
        {"[1]", "\"x\"", "1", "[]", "R03: unsupported operand type for [:]: string"},
    };
    size_t i;
    char buf[200];

    for (i = 0; i < COUNT(rows); i++) {
        struct hsl_value v = fake_value(r, rows[i].a), share = hsl_ref(v),
                         list = fake_value(r, rows[i].list[0] ? rows[i].list : "none");
        struct hsl_value first = bound_value(r, rows[i].first), last = bound_value(r, rows[i].last);
        size_t was = v.type == HSL_ARR ? hsl_arr_count(v.u.arr) : 0;
        bool removed = false,
             ok = hsl_slice_assign(r, &v, &first, &last, rows[i].list[0] ? &list : NULL, &removed);

        tap_ok(strcmp(fake_show(r, ok, &v, buf, sizeof(buf)), rows[i].want) == 0,
            "%s[%s:%s] = %s gives %s", rows[i].a, rows[i].first, rows[i].last, rows[i].list,
            rows[i].want);
        if (ok && !rows[i].list[0])
            tap_ok(
                removed == (hsl_arr_count(v.u.arr) < was), "and it knows whether something went");
        if (ok)
            tap_ok(hsl_arr_count(share.u.arr) == was, "and a share is not changed");
        fake_clear(r);
        hsl_unref(r, v);
        hsl_unref(r, share);
        hsl_unref(r, list);
        hsl_unref(r, first);
    }
}

/* --- Assigning operators -------------------------------------------------------------------------
 */

static void
test_in_place(struct hsl_run *r)
{
    struct hsl_value a = fake_value(r, "[1,[2]]"), b = hsl_num(7), text = fake_value(r, "\"abc\"");
    struct hsl_arr *was = a.u.arr;
    char buf[200];
    bool ok = hsl_op_assign(r, HSL_OP_ADD, &a, &b);

    tap_ok(ok && a.u.arr == was, "an array of one owner grows in place");
    ok = hsl_op_assign(r, HSL_OP_ADD, &a, hsl_arr_geti(a.u.arr, 1));
    tap_ok(ok && strcmp(fake_show(r, ok, &a, buf, sizeof(buf)), "[0=>1,1=>[0=>2],2=>7,3=>2]") == 0,
        "by an element of its own");
    ok = hsl_op_assign(r, HSL_OP_ADD, &a, &a);
    tap_ok(ok && hsl_arr_count(a.u.arr) == 8, "by itself");
    ok = hsl_op_assign(r, HSL_OP_CONCAT, &text, &text) && hsl_op_assign(r, HSL_OP_ADD, &text, &b);
    tap_str(fake_show(r, ok, &text, buf, sizeof(buf)), "\"abcabc7\"", "a string too");
    hsl_unref(r, a);
    hsl_unref(r, text);
}

static void
test_concat(struct hsl_run *r)
{
    struct hsl_value v[40], out = hsl_none();
    unsigned i;

    for (i = 0; i < 40; i++)
        v[i] = i % 3 == 0   ? hsl_num(i)
               : i % 3 == 1 ? hsl_from_str(hsl_str_newz(r, "<>"))
                            : hsl_none();
    tap_ok(hsl_concat(r, v, 40, &out), "forty values joined");
    tap_str(out.u.str->data, "0<>3<>6<>9<>12<>15<>18<>21<>24<>27<>30<>33<>36<>39", "are in order");
    hsl_unref(r, out);
    tap_ok(hsl_concat(r, v, 0, &out) && out.u.str->len == 0, "none are the empty string");
    for (i = 0; i < 40; i++)
        hsl_unref(r, v[i]);
}

/* --- Functions and objects
 * ------------------------------------------------------------------------ */

static void
test_identity(struct hsl_run *r)
{
    struct hsl_value re[3], out = hsl_none();
    static const char *const patterns[] = {"a+", "a+", "b"};
    bool ok = true;
    unsigned i;

    for (i = 0; i < 3; i++)
        ok = ok && hsl_regex_to_value(
                       r, hsl_regex_compile(patterns[i], strlen(patterns[i]), "", NULL), &re[i]);
    tap_ok(ok && hsl_equal(&re[0], &re[1]) && hsl_same(&re[0], &re[1]),
        "objects of one pattern are equal");
    tap_ok(!hsl_equal(&re[0], &re[2]), "of two are not");
    tap_ok(!hsl_op_binary(r, HSL_OP_SUB, &re[0], &re[1], &out), "but they are no numbers");
    tap_str(fake_error_, "R03: unsupported operand types for -: object and object", "as R03 says");
    fake_clear(r);
    ok = hsl_op_binary(r, HSL_OP_CONCAT, &re[0], &re[1], &out);
    tap_str(ok ? out.u.str->data : "", "object Regexobject Regex", "they have a text");
    hsl_unref(r, out);
    for (i = 0; i < 3; i++)
        hsl_unref(r, re[i]);
    tap_ok(r->objects == NULL, "and are finished when nobody has them");
}

/* --- What must not take forever
 * ------------------------------------------------------------------- */

/* Each level holds the one below twice. */
static struct hsl_value
doubled(struct hsl_run *r, unsigned levels)
{
    struct hsl_value v = hsl_from_arr(hsl_arr_new(r, 0));

    while (levels-- > 0) {
        struct hsl_arr *a = hsl_arr_new(r, 2);

        if (!a || !hsl_arr_push(r, a, hsl_ref(v)) || !hsl_arr_push(r, a, v))
            break;
        v = hsl_from_arr(a);
    }
    return v;
}

static void
test_bounded(struct hsl_run *r)
{
    struct hsl_value a = doubled(r, 60), b = doubled(r, 60), big, out = hsl_none();
    bool ok = true;
    int i;

    tap_ok(!hsl_equal(&a, &b), "what unfolds to 2^60 comparisons is not compared to the end");
    hsl_unref(r, a);
    hsl_unref(r, b);
    a = doubled(r, 300);
    b = doubled(r, 300);
    tap_ok(!hsl_op_binary(r, HSL_OP_EQ, &a, &b, &out), "levels over 200 are not compared");
    tap_str(fake_error_, "L07: nesting of data (200 levels) exceeded", "L07 says so");
    fake_clear(r);
    hsl_unref(r, a);
    hsl_unref(r, b);

    big = hsl_from_arr(hsl_arr_new(r, 0));
    for (i = 0; i < 100000 && ok; i++)
        ok = hsl_arr_push(r, big.u.arr, i % 2 ? hsl_num(i) : hsl_none());
    ok = ok && hsl_op_binary(r, HSL_OP_SUB, &big, &big, &out);
    tap_ok(ok && hsl_arr_count(out.u.arr) == 0, "100,000 elements minus as many");
    hsl_unref(r, out);
    hsl_unref(r, big);
}

/* --- Memory that runs out
 * ------------------------------------------------------------------------- */

static void
test_no_memory(struct hsl_run *r)
{
    static const struct binary_row rows[] = {
        {"\"a string\"", ".", "[1,\"x\"=>[\"another\"]]", ""},
        {"[1,\"some text\"]", "+", "[\"k\"=>\"some more\",5]", ""},
        {"[1,\"text\",\"k\"=>[3],2]", "-", "[\"text\",[3],2.5]", ""},
        {"[1,\"k\"=>2]", "*", "9", ""},
        {"\"abcdefghij\"", "*", "9", ""},
        {"\"%s and %'0>40s and %[1]s\"", "%", "[[1,2],\"text\"]", ""},
    };
    unsigned wrong = 0;
    size_t i;
    long n = 0;

    for (i = 0; i < COUNT(rows); i++) {
        struct hsl_value a = fake_value(r, rows[i].a), b = fake_value(r, rows[i].b), out;
        size_t live = r->heap.live;
        bool ok = false;

        for (n = 0; !ok && n < 1000; n++) {
            r->heap.fail_after = n;
            ok = hsl_op_binary(r, op_by_name(rows[i].op), &a, &b, &out);
            r->heap.fail_after = -1;
            if (ok)
                hsl_unref(r, out);
            wrong += ok != (r->state == HSL_RUNNING) || r->heap.live != live;
            fake_clear(r);
        }
        tap_ok(ok && n > 1, "%s %s: after %ld failures it works", rows[i].a, rows[i].op, n - 1);
        hsl_unref(r, a);
        hsl_unref(r, b);
    }
    tap_num(wrong, 0, "each failure is reported and leaves nothing behind");
}

int
main(void)
{
    struct hsl_run r;

    fake_init(&r);
    test_binaries(&r);
    test_unary(&r);
    test_subscripts(&r);
    test_slices(&r);
    test_slice_assign(&r);
    test_in_place(&r);
    test_concat(&r);
    test_identity(&r);
    test_bounded(&r);
    test_no_memory(&r);
    tap_num((long long)fake_fini(&r), 0, "every byte was given back");
    return tap_done();
}
