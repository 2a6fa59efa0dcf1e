/* spf.c - fuzz target: SPF records, parsed, and evaluated by a resolver that knows what the input
 * says. Its first line is "IP HELO SENDER", each other one "NAME TYPE DATA": TXT, A, AAAA, MX or
 * PTR; FAIL or LATE: no answer to anything about that name. A name of "*" is every name.
 *
 * The linker puts __wrap_hsl_dns_ask() in the place of hsl_dns_ask() (t/local.mk). */
#include "config.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "hsl/hsl_spf.h"
#include "hsl/hsl_spf_record.h"
#include "lib/ut_time.h"
#include "t/fuzz/fuzz.h"

#define RECORDS_MAX 100
#define BUDGET 200u
/* The first record; ten terms with ten names of an mx each; the client's ten names and the question
 * for them; the explanation (RFC 7208 §4.6.4). */
#define ASKED_MAX (1u + 10 * 11 + 11 + 1)

/* One line of the input. */
struct record {
    const char *name, *type, *data;
    size_t name_len, type_len, data_len;
};

static struct record zone[RECORDS_MAX];
static size_t zone_count;

/* --- The resolver ---------------------------------------------------------------------------- */

static bool
is_word(const char *p, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(p, word, len) == 0;
}

static bool
is_name(const struct record *r, const char *name, size_t len)
{
    return is_word(r->name, r->name_len, "*") ||
           (r->name_len == len && strncasecmp(r->name, name, len) == 0);
}

/* Appends the name as a message has it; false: it is none. */
static bool
add_name(struct ut_sbuf *b, const char *p, size_t len)
{
    if (len > 253)
        return false;
    while (len > 0) {
        const char *dot = memchr(p, '.', len);
        size_t label = dot ? (size_t)(dot - p) : len;

        if (label == 0 || label > 63)
            return false;
        ut_sbuf_addc(b, (char)label);
        ut_sbuf_add(b, p, label);
        p += label + (dot ? 1 : 0);
        len -= label + (dot ? 1 : 0);
    }
    ut_sbuf_addc(b, '\0');
    return true;
}

static bool
add_data(struct ut_sbuf *b, enum hsl_dns_type type, const struct record *r)
{
    unsigned char address[16];
    size_t len = type == HSL_DNS_A ? 4 : 16, i = 0;
    char text[64];

    if (type == HSL_DNS_TXT) {
        for (; i < r->data_len; i += 255) {
            size_t n = r->data_len - i < 255 ? r->data_len - i : 255;

            ut_sbuf_addc(b, (char)(unsigned char)n);
            ut_sbuf_add(b, r->data + i, n);
        }
        return true;
    }
    if (type == HSL_DNS_MX)
        ut_sbuf_add(b, "\0\1", 2);
    if (type == HSL_DNS_MX || type == HSL_DNS_PTR)
        return add_name(b, r->data, r->data_len);
    if (r->data_len >= sizeof(text))
        return false;
    memcpy(text, r->data, r->data_len);
    text[r->data_len] = '\0';
    if (inet_pton(type == HSL_DNS_A ? AF_INET : AF_INET6, text, address) != 1)
        return false;
    ut_sbuf_add(b, (const char *)address, len);
    return true;
}

static void
add_16(struct ut_sbuf *b, size_t n)
{
    ut_sbuf_addc(b, (char)(unsigned char)(n >> 8 & 255));
    ut_sbuf_addc(b, (char)(unsigned char)(n & 255));
}

/* The message with the records of [type] that [q]'s name has. */
static void
add_records(struct ut_sbuf *b, const struct hsl_dns_question *q, const char *type, size_t *count)
{
    for (size_t i = 0; i < zone_count; i++) {
        struct ut_sbuf data;

        if (!is_name(&zone[i], q->name, q->len) || !is_word(zone[i].type, zone[i].type_len, type))
            continue;
        ut_sbuf_init(&data, 65535);
        if (add_data(&data, q->type, &zone[i]) && !data.failed) {
            ut_sbuf_addc(b, '\0');
            add_16(b, (size_t)q->type);
            add_16(b, 1);
            ut_sbuf_add(b, "\0\0\0\74", 4);
            add_16(b, data.len);
            ut_sbuf_add(b, ut_sbuf_text(&data), data.len);
            ++*count;
        }
        ut_sbuf_fini(&data);
    }
}

/* Whether [q] gets no answer, and which status instead. */
static bool
is_failing(const struct hsl_dns_question *q, enum hsl_dns_status *status)
{
    if (q->len == 0 || q->len > HSL_DNS_NAME_MAX) {
        *status = HSL_DNS_BADNAME;
        return true;
    }
    for (size_t i = 0; i < zone_count; i++) {
        if (!is_name(&zone[i], q->name, q->len))
            continue;
        *status = HSL_DNS_TIMEOUT;
        if (is_word(zone[i].type, zone[i].type_len, "LATE"))
            return true;
        *status = HSL_DNS_SERVFAIL;
        if (is_word(zone[i].type, zone[i].type_len, "FAIL"))
            return true;
    }
    return false;
}

static const char *
type_word(enum hsl_dns_type type)
{
    switch (type) {
    case HSL_DNS_A:
        return "A";
    case HSL_DNS_AAAA:
        return "AAAA";
    case HSL_DNS_MX:
        return "MX";
    case HSL_DNS_PTR:
        return "PTR";
    default:
        FUZZ_CHECK(type == HSL_DNS_TXT);
        return "TXT";
    }
}

void
__wrap_hsl_dns_ask(
    struct hsl_dns *d, struct hsl_dns_question *q, size_t n, const char *servers, double seconds);

void
__wrap_hsl_dns_ask(
    struct hsl_dns *d, struct hsl_dns_question *q, size_t n, const char *servers, double seconds)
{
    struct ut_sbuf body, message;
    enum hsl_dns_status status;
    size_t count = 0;

    (void)servers;
    (void)seconds;
    FUZZ_CHECK(!d && n == 1 && strlen(q->name) == q->len);
    if (is_failing(q, &status)) {
        q->answer = hsl_dns_answer_new(status, 0);
        FUZZ_CHECK(q->answer);
        return;
    }
    ut_sbuf_init(&body, 1 << 20);
    ut_sbuf_init(&message, 1 << 20);
    add_records(&body, q, type_word(q->type), &count);
    ut_sbuf_add(&message, count > 0 ? "\0\0\201\200\0\0" : "\0\0\201\203\0\0", 6);
    add_16(&message, count);
    ut_sbuf_add(&message, "\0\0\0\0", 4);
    ut_sbuf_add(&message, ut_sbuf_text(&body), body.len);
    q->answer = hsl_dns_read(q->type, (const unsigned char *)message.data, message.len);
    FUZZ_CHECK(q->answer);
    ut_sbuf_fini(&body);
    ut_sbuf_fini(&message);
}

/* --- The parser ------------------------------------------------------------------------------ */

static const char *const names[] = {"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"};

/* The term written as the RFC has it. */
static void
write_term(struct ut_sbuf *b, const struct hsl_spf_term *t)
{
    bool v4 = t->mechanism == HSL_SPF_IP4, v6 = t->mechanism == HSL_SPF_IP6;
    char address[INET6_ADDRSTRLEN];

    ut_sbuf_addf(b, " %c%s", t->qualifier, names[t->mechanism]);
    if (v4 || v6) {
        FUZZ_CHECK(inet_ntop(v4 ? AF_INET : AF_INET6, t->address, address, sizeof(address)));
        ut_sbuf_addf(b, ":%s/%u", address, v4 ? t->cidr4 : t->cidr6);
        return;
    }
    if (t->domain.len > 0) {
        ut_sbuf_addc(b, ':');
        ut_sbuf_add(b, t->domain.p, t->domain.len);
    }
    if (t->mechanism == HSL_SPF_A || t->mechanism == HSL_SPF_MX)
        ut_sbuf_addf(b, "/%u//%u", t->cidr4, t->cidr6);
}

static void
write_record(struct ut_sbuf *b, const struct hsl_spf_record *r)
{
    ut_sbuf_addz(b, "v=spf1");
    for (const struct hsl_spf_term *t = r->terms; t; t = t->next) {
        FUZZ_CHECK(strchr("+-~?", t->qualifier) && t->cidr4 <= 32 && t->cidr6 <= 128);
        write_term(b, t);
    }
    if (r->redirect.len > 0) {
        ut_sbuf_addz(b, " redirect=");
        ut_sbuf_add(b, r->redirect.p, r->redirect.len);
    }
    if (r->explanation.len > 0) {
        ut_sbuf_addz(b, " exp=");
        ut_sbuf_add(b, r->explanation.p, r->explanation.len);
    }
}

/* What was understood is understood in the same way again. */
static void
parse(const char *p, size_t len)
{
    struct ut_arena *arena = ut_arena_new(0);
    struct hsl_spf_record record;
    struct ut_sbuf first, second;

    FUZZ_CHECK(arena);
    ut_sbuf_init(&first, SIZE_MAX / 4);
    ut_sbuf_init(&second, SIZE_MAX / 4);
    if (hsl_spf_is_record(p, len) && hsl_spf_parse(p, len, arena, &record) == 0) {
        write_record(&first, &record);
        FUZZ_CHECK(hsl_spf_is_record(first.data, first.len));
        FUZZ_CHECK(hsl_spf_parse(first.data, first.len, arena, &record) == 0);
        write_record(&second, &record);
        FUZZ_CHECK(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    }
    ut_sbuf_fini(&first);
    ut_sbuf_fini(&second);
    ut_arena_free(arena);
}

/* --- The check ------------------------------------------------------------------------------- */

static void
check(const char *ip, const char *helo, const char *sender, unsigned budget)
{
    struct hsl_spf_check c = {.servers = "",
        .deadline = ut_time_mono() + 60,
        .ip = ip,
        .helo = helo,
        .sender = sender,
        .hostname = "mx.example.net",
        .budget = budget};
    struct ut_sbuf explanation;
    enum hsl_spf first, second;
    unsigned asked;

    ut_sbuf_init(&explanation, 4096);
    first = hsl_spf_run(&c, &explanation);
    asked = c.asked;
    FUZZ_CHECK(first <= HSL_SPF_INVALID && hsl_spf_text(first)[0] != '\0');
    FUZZ_CHECK(asked <= budget && asked <= ASKED_MAX && (!c.over || asked == budget));
    FUZZ_CHECK(first == HSL_SPF_FAIL || explanation.len == 0);
    second = hsl_spf_run(&c, &explanation);
    FUZZ_CHECK(second == first && c.asked == asked);
    ut_sbuf_fini(&explanation);
}

/* The next word of the line, and what is left of it. */
static const char *
next_word(const char **p, size_t *left, size_t *len)
{
    const char *word = *p;

    for (*len = 0; *len < *left && word[*len] != ' '; ++*len)
        ;
    *p += *len < *left ? *len + 1 : *len;
    *left -= *len < *left ? *len + 1 : *len;
    return word;
}

/* The next word of the line as a string, to be freed. */
static char *
copy_word(const char **p, size_t *left)
{
    size_t len;
    const char *word = next_word(p, left, &len);
    char *copy = malloc(len + 1);

    FUZZ_CHECK(copy);
    for (size_t i = 0; i < len; i++)
        copy[i] = word[i] ? word[i] : '@';
    copy[len] = '\0';
    return copy;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    size_t left;
    const char *line = fuzz_line(&in, &left);
    char *ip = copy_word(&line, &left), *helo = copy_word(&line, &left);
    char *sender = copy_word(&line, &left);

    for (zone_count = 0; zone_count < RECORDS_MAX && in.len > 0; zone_count++) {
        struct record *r = &zone[zone_count];

        line = fuzz_line(&in, &left);
        r->name = next_word(&line, &left, &r->name_len);
        r->type = next_word(&line, &left, &r->type_len);
        r->data = line;
        r->data_len = left;
        parse(r->data, r->data_len);
    }
    check(ip, helo, sender, BUDGET);
    check(ip, helo, sender, 3);
    free(ip);
    free(helo);
    free(sender);
    return 0;
}
