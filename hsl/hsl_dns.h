/* hsl_dns.h - DNS for scripts: one thread with c-ares for the process, answers cached by their TTL,
 * identical questions in flight asked once. Sources: RFC 1035, RFC 2308 (what is cached of a
 * refusal), ares_send(3), ares_process_fd(3).
 *
 * Any thread may ask; it waits until its questions are answered or its time is over. A question
 * goes on in the background then, and its answer is there for the next one who asks. */
#ifndef HSL_DNS_H
#define HSL_DNS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ut_bug.h"

#define HSL_DNS_NAME_MAX 253u  /* bytes of a name without its final dot */
#define HSL_DNS_RECORD_MAX 500 /* records of one answer that are kept */

/* ORDER DNS STATUS: hsl_dns_status_text() */
enum hsl_dns_status {
    HSL_DNS_OK,
    HSL_DNS_NXDOMAIN, /* there is no such name */
    HSL_DNS_NODATA,   /* the name has no record of that type */
    HSL_DNS_SERVFAIL,
    HSL_DNS_REFUSED,
    HSL_DNS_FORMERR, /* a server could make no sense of the question, or we of its answer */
    HSL_DNS_BADNAME, /* no question can be made of the name */
    HSL_DNS_TIMEOUT  /* no server has answered in time */
};

/* Types that can be asked for; the values are those of the protocol. */
enum hsl_dns_type {
    HSL_DNS_A = 1,
    HSL_DNS_NS = 2,
    HSL_DNS_CNAME = 5,
    HSL_DNS_SOA = 6,
    HSL_DNS_PTR = 12,
    HSL_DNS_MX = 15,
    HSL_DNS_TXT = 16,
    HSL_DNS_AAAA = 28
};

struct hsl_dns_record {
    const char *data;    /* A, AAAA: the address as text; names in lower case without the final dot;
                            TXT: all its strings joined, any bytes; SOA: its fields, a blank between */
    size_t len;          /* a NUL stands behind */
    unsigned preference; /* MX */
};

/* Never changes; counted, any thread. */
struct hsl_dns_answer {
    atomic_uint refs;
    enum hsl_dns_status status;
    bool dnssec;  /* the resolver says that it has validated it (AD) */
    uint32_t ttl; /* seconds that it may be kept from when it came */
    size_t count;
    struct hsl_dns_record records[]; /* MX by preference, others in the order of the answer */
};

struct hsl_dns_question {
    const char *name; /* without or with a final dot; borrowed during the call */
    size_t len;
    enum hsl_dns_type type;
    struct hsl_dns_answer *answer; /* result, one reference; never NULL */
};

struct hsl_dns;
/* No thread is started before the first question. NULL: no memory. */
struct hsl_dns *hsl_dns_new(void) UT_CHECKED;
/* When nobody asks any more. NULL is allowed. */
void hsl_dns_free(struct hsl_dns *d);

/* Asks all [n] questions at once and waits at most [seconds] for all of them. [servers]: "IP" or
 * "IP:port" ("[IP]:port" for IPv6), commas between; "": those of /etc/resolv.conf. What is not
 * answered by then has the status HSL_DNS_TIMEOUT; what could not be asked for want of memory or
 * of a usable server HSL_DNS_SERVFAIL. */
void hsl_dns_ask(struct hsl_dns *d, struct hsl_dns_question *q, size_t n, const char *servers,
    double seconds);
void hsl_dns_answer_unref(struct hsl_dns_answer *a); /* NULL is allowed */
/* "NXDOMAIN" and so on; "NOERROR" for HSL_DNS_OK. */
const char *hsl_dns_status_text(enum hsl_dns_status s);

/* hsl_dns_answer.c: reads the bytes of an answer to a question of type [type], as they came from
 * the network; one reference, NULL without memory. What makes no sense is HSL_DNS_FORMERR. */
struct hsl_dns_answer *hsl_dns_read(enum hsl_dns_type type, const unsigned char *p, size_t len) UT_CHECKED;
/* An answer without records; NULL without memory. */
struct hsl_dns_answer *hsl_dns_answer_new(enum hsl_dns_status s, uint32_t ttl) UT_CHECKED;

#endif
