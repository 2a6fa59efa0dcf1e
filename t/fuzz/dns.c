/* dns.c - fuzz target: the bytes of a DNS answer, read as the answer to a question of each type.
 * What is made of them is of that type, sorted, bounded, and the same each time. */
#include "config.h"

#include <arpa/inet.h>
#include <string.h>

#include "hsl/hsl_dns.h"
#include "t/fuzz/fuzz.h"

#define TTL_MAX 86400u

/* A name as scripts get it: what is no letter, digit or usual sign is escaped by then. */
static void
check_name(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        FUZZ_CHECK(p[i] > ' ' && p[i] < 127 && !(p[i] >= 'A' && p[i] <= 'Z'));
    FUZZ_CHECK(len < 1025);
}

static void
check_soa(const char *p)
{
    unsigned long n[5];
    int end = 0;

    p = strchr(p, ' ');
    p = p ? strchr(p + 1, ' ') : NULL;
    FUZZ_CHECK(p);
    FUZZ_CHECK(sscanf(p, " %lu %lu %lu %lu %lu%n", &n[0], &n[1], &n[2], &n[3], &n[4], &end) == 5);
    FUZZ_CHECK(p[end] == '\0');
}

static void
check_record(enum hsl_dns_type type, const struct hsl_dns_record *r)
{
    unsigned char address[16];

    FUZZ_CHECK(r->data[r->len] == '\0');
    FUZZ_CHECK(type == HSL_DNS_MX ? r->preference <= 65535 : r->preference == 0);
    if (type == HSL_DNS_TXT)
        return; /* any bytes */
    FUZZ_CHECK(strlen(r->data) == r->len);
    if (type == HSL_DNS_A)
        FUZZ_CHECK(inet_pton(AF_INET, r->data, address) == 1);
    else if (type == HSL_DNS_AAAA)
        FUZZ_CHECK(inet_pton(AF_INET6, r->data, address) == 1);
    else if (type == HSL_DNS_SOA)
        check_soa(r->data);
    else
        check_name(r->data, r->len);
}

static void
check_answer(enum hsl_dns_type type, const struct hsl_dns_answer *a)
{
    FUZZ_CHECK(a->refs == 1 && a->ttl <= TTL_MAX);
    FUZZ_CHECK(a->status <= HSL_DNS_FORMERR); /* no packet says that there was none */
    FUZZ_CHECK(
        a->status == HSL_DNS_OK ? a->count > 0 && a->count <= HSL_DNS_RECORD_MAX : a->count == 0);
    for (size_t i = 0; i < a->count; i++) {
        check_record(type, &a->records[i]);
        FUZZ_CHECK(i == 0 || a->records[i - 1].preference <= a->records[i].preference);
    }
}

static void
check_same(const struct hsl_dns_answer *a, const struct hsl_dns_answer *b)
{
    FUZZ_CHECK(a->status == b->status && a->dnssec == b->dnssec && a->ttl == b->ttl);
    FUZZ_CHECK(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        FUZZ_CHECK(a->records[i].len == b->records[i].len);
        FUZZ_CHECK(memcmp(a->records[i].data, b->records[i].data, a->records[i].len) == 0);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum hsl_dns_type types[] = {HSL_DNS_A, HSL_DNS_NS, HSL_DNS_CNAME, HSL_DNS_SOA,
        HSL_DNS_PTR, HSL_DNS_MX, HSL_DNS_TXT, HSL_DNS_AAAA};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct hsl_dns_answer *a = hsl_dns_read(types[i], data, size);
        struct hsl_dns_answer *b = hsl_dns_read(types[i], data, size);

        FUZZ_CHECK(a && b);
        check_answer(types[i], a);
        check_same(a, b);
        hsl_dns_answer_unref(a);
        hsl_dns_answer_unref(b);
    }
    return 0;
}
