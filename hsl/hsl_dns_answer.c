/* hsl_dns_answer.c - the bytes of a DNS answer made to records.
 *
 * Walking through the message is the system library's (ns_initparse, ns_parserr, dn_expand): it
 * checks every length and pointer. This file says what of it scripts see. Answers come from
 * anywhere: nothing is believed but what those functions have checked.
 *
 * Not here: asking (hsl_dns.c). Threads: any. Fails: no memory. */
#include "config.h"

#include "hsl/hsl_dns.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <ctype.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ut_sbuf.h"

#define TTL_MAX 86400u /* nothing is kept longer */
#define TTL_NEGATIVE_MAX 3600u
#define TTL_NEGATIVE 60u /* without a SOA record, which RFC 2308 asks for */
#define TTL_FAILURE 5u   /* RFC 2308 §7: a server that fails is not asked all the time */
#define TEXT_MAX 65536u  /* bytes of all records of one answer */

struct hsl_dns_answer *
hsl_dns_answer_new(enum hsl_dns_status s, uint32_t ttl)
{
    struct hsl_dns_answer *a = calloc(1, sizeof(*a));

    if (a) {
        a->refs = 1;
        a->status = s;
        a->ttl = ttl;
    }
    return a;
}

/* What is found while walking: texts in one buffer, one behind the other with a NUL each. */
struct reading {
    enum hsl_dns_type type;
    ns_msg msg;
    struct ut_sbuf text;
    struct {
        size_t at, len;
        unsigned preference;
    } records[HSL_DNS_RECORD_MAX];
    size_t count;
    uint32_t ttl;
};

/* --- The data of one record --------------------------------------------------------------------
 */

/* Appends the name at [p], lower case, without its final dot; its end, or NULL. */
static const unsigned char *
read_name(struct reading *r, const unsigned char *p, const unsigned char *end)
{
    char name[NS_MAXDNAME];
    int used = dn_expand(ns_msg_base(r->msg), ns_msg_end(r->msg), p, name, sizeof(name));
    size_t len;

    if (used < 0 || used > end - p)
        return NULL;
    len = strlen(name);
    if (len > 0 && name[len - 1] == '.')
        len--;
    for (size_t i = 0; i < len; i++)
        name[i] = (char)tolower((unsigned char)name[i]);
    ut_sbuf_add(&r->text, name, len);
    return p + used;
}

static bool
read_address(struct reading *r, const unsigned char *p, size_t len)
{
    char text[INET6_ADDRSTRLEN];
    int family = r->type == HSL_DNS_A ? AF_INET : AF_INET6;

    if (len != (family == AF_INET ? 4u : 16u) || !inet_ntop(family, p, text, sizeof(text)))
        return false;
    ut_sbuf_addz(&r->text, text);
    return true;
}

/* Strings of a length byte and that many bytes. */
static bool
read_text(struct reading *r, const unsigned char *p, const unsigned char *end)
{
    while (p < end) {
        size_t len = *p++;

        if (len > (size_t)(end - p))
            return false;
        ut_sbuf_add(&r->text, (const char *)p, len);
        p += len;
    }
    return true;
}

static bool
read_soa(struct reading *r, const unsigned char *p, const unsigned char *end)
{
    p = read_name(r, p, end);
    ut_sbuf_addz(&r->text, " ");
    p = p ? read_name(r, p, end) : NULL;
    if (!p || end - p != 20)
        return false;
    for (; p < end; p += 4)
        ut_sbuf_addf(&r->text, " %lu", ns_get32(p));
    return true;
}

static bool
read_data(struct reading *r, const ns_rr *rr, unsigned *preference)
{
    const unsigned char *p = ns_rr_rdata(*rr), *end = p + ns_rr_rdlen(*rr);

    switch (r->type) {
    case HSL_DNS_A:
    case HSL_DNS_AAAA:
        return read_address(r, p, ns_rr_rdlen(*rr));
    case HSL_DNS_TXT:
        return read_text(r, p, end);
    case HSL_DNS_SOA:
        return read_soa(r, p, end);
    case HSL_DNS_MX:
        if (end - p < 3)
            return false;
        *preference = ns_get16(p);
        return read_name(r, p + 2, end) == end;
    case HSL_DNS_NS:
    case HSL_DNS_CNAME:
    case HSL_DNS_PTR:
        break;
    }
    return read_name(r, p, end) == end;
}

/* --- The message -------------------------------------------------------------------------------
 */

static bool
read_records(struct reading *r)
{
    int n = ns_msg_count(r->msg, ns_s_an);
    ns_rr rr;

    for (int i = 0; i < n; i++) {
        size_t at = r->text.len;
        unsigned preference = 0;

        if (ns_parserr(&r->msg, ns_s_an, i, &rr) != 0)
            return false;
        if (ns_rr_ttl(rr) < r->ttl)
            r->ttl = ns_rr_ttl(rr);
        if (ns_rr_class(rr) != ns_c_in || ns_rr_type(rr) != (unsigned)r->type ||
            r->count == HSL_DNS_RECORD_MAX)
            continue;
        if (!read_data(r, &rr, &preference))
            return false;
        r->records[r->count].at = at;
        r->records[r->count].len = r->text.len - at;
        r->records[r->count++].preference = preference;
        ut_sbuf_add(&r->text, "", 1);
    }
    return !r->text.failed;
}

/* How long a refusal may be kept (RFC 2308 §5): the SOA record in the authority section says. */
static uint32_t
negative_ttl(struct reading *r)
{
    int n = ns_msg_count(r->msg, ns_s_ns);
    ns_rr rr;

    for (int i = 0; i < n && ns_parserr(&r->msg, ns_s_ns, i, &rr) == 0; i++) {
        uint32_t minimum, ttl;

        if (ns_rr_type(rr) != ns_t_soa || ns_rr_rdlen(rr) < 22)
            continue;
        minimum = (uint32_t)ns_get32(ns_rr_rdata(rr) + ns_rr_rdlen(rr) - 4);
        ttl = ns_rr_ttl(rr) < minimum ? ns_rr_ttl(rr) : minimum;
        return ttl < TTL_NEGATIVE_MAX ? ttl : TTL_NEGATIVE_MAX;
    }
    return TTL_NEGATIVE;
}

/* MX by preference; equal ones stay in the order of the answer. */
static void
sort_records(struct hsl_dns_answer *a)
{
    for (size_t i = 1; i < a->count; i++) {
        struct hsl_dns_record record = a->records[i];
        size_t k = i;

        for (; k > 0 && a->records[k - 1].preference > record.preference; k--)
            a->records[k] = a->records[k - 1];
        a->records[k] = record;
    }
}

static struct hsl_dns_answer *
make_answer(const struct reading *r)
{
    size_t head = sizeof(struct hsl_dns_answer) + r->count * sizeof(struct hsl_dns_record);
    struct hsl_dns_answer *a = malloc(head + r->text.len + 1);
    char *text;

    if (!a)
        return NULL;
    text = (char *)a + head;
    memcpy(text, ut_sbuf_text(&r->text), r->text.len + 1);
    *a = (struct hsl_dns_answer){.refs = 1, .status = HSL_DNS_OK, .ttl = r->ttl, .count = r->count};
    for (size_t i = 0; i < r->count; i++)
        a->records[i] = (struct hsl_dns_record){
            text + r->records[i].at, r->records[i].len, r->records[i].preference};
    sort_records(a);
    return a;
}

static struct hsl_dns_answer *
read_message(struct reading *r)
{
    switch (ns_msg_getflag(r->msg, ns_f_rcode)) {
    case ns_r_noerror:
        break;
    case ns_r_nxdomain:
        return hsl_dns_answer_new(HSL_DNS_NXDOMAIN, negative_ttl(r));
    case ns_r_formerr:
        return hsl_dns_answer_new(HSL_DNS_FORMERR, TTL_FAILURE);
    case ns_r_refused:
        return hsl_dns_answer_new(HSL_DNS_REFUSED, TTL_FAILURE);
    default:
        return hsl_dns_answer_new(HSL_DNS_SERVFAIL, TTL_FAILURE);
    }
    if (!read_records(r))
        return hsl_dns_answer_new(HSL_DNS_FORMERR, TTL_FAILURE);
    if (r->count == 0)
        return hsl_dns_answer_new(HSL_DNS_NODATA, negative_ttl(r));
    return make_answer(r);
}

struct hsl_dns_answer *
hsl_dns_read(enum hsl_dns_type type, const unsigned char *p, size_t len)
{
    struct reading *r;
    struct hsl_dns_answer *a;

    if (len > NS_MAXMSG)
        return hsl_dns_answer_new(HSL_DNS_FORMERR, TTL_FAILURE);
    r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->type = type;
    r->ttl = TTL_MAX;
    ut_sbuf_init(&r->text, TEXT_MAX);
    if (ns_initparse(p, (int)len, &r->msg) != 0 || !ns_msg_getflag(r->msg, ns_f_qr)) {
        a = hsl_dns_answer_new(HSL_DNS_FORMERR, TTL_FAILURE);
    } else {
        a = read_message(r);
        if (a)
            a->dnssec = ns_msg_getflag(r->msg, ns_f_ad) != 0;
    }
    ut_sbuf_fini(&r->text);
    free(r);
    return a;
}
