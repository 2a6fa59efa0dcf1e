/* hsl_spf.h - the Sender Policy Framework (RFC 7208): check_host(). Any thread. */
#ifndef HSL_SPF_H
#define HSL_SPF_H

#include <stdbool.h>
#include <stddef.h>

#include "hsl/hsl_dns.h"
#include "lib/ut_sbuf.h"

/* RFC 7208 §2.6. ORDER SPF: hsl_spf_text() */
enum hsl_spf {
    HSL_SPF_NONE,
    HSL_SPF_NEUTRAL,
    HSL_SPF_PASS,
    HSL_SPF_FAIL,
    HSL_SPF_SOFTFAIL,
    HSL_SPF_TEMPERROR,
    HSL_SPF_PERMERROR,
    HSL_SPF_INVALID /* what was asked about is no address: not of the RFC */
};

struct hsl_spf_check {
    struct hsl_dns *dns;
    const char *servers;  /* as for hsl_dns_ask() */
    double deadline;      /* monotonic seconds */
    const char *ip;       /* of the client, as text */
    const char *helo;     /* what the client said in HELO or EHLO */
    const char *sender;   /* MAIL FROM without brackets; "": postmaster@helo; "domain" alone:
                             postmaster@domain */
    const char *hostname; /* ours, for %{r} */
    unsigned budget;      /* DNS questions that may be asked */
    unsigned asked;       /* result: those that were */
    bool over;            /* result: they did not suffice; what is given then means nothing */
};

/* Checks; [explanation] gets the text that the domain gives for a fail, if it has one (RFC §6.2):
 * it comes from outside. No memory is HSL_SPF_TEMPERROR. */
enum hsl_spf
hsl_spf_run(struct hsl_spf_check *c, struct ut_sbuf *explanation);
/* "pass" and so on. */
const char *
hsl_spf_text(enum hsl_spf s);

#endif
