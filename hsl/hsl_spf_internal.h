/* hsl_spf_internal.h - what hsl_spf.c and hsl_spf_macro.c share. */
#ifndef HSL_SPF_INTERNAL_H
#define HSL_SPF_INTERNAL_H

#include "hsl/hsl_spf.h"
#include "hsl/hsl_spf_record.h"

#define SPF_TEXT_MAX 4096u /* bytes of an expanded macro string */
#define SPF_NAMES_MAX 10   /* of one mx, of the client (RFC 7208 §4.6.4) */

/* One check. */
struct spf {
    struct hsl_spf_check *check;
    struct ut_sbuf *explanation;
    unsigned char address[16];
    bool v6;
    char reverse[80];           /* where the client's names are */
    char dotted[80];            /* %{i} */
    const char *local, *domain; /* of the sender */
    unsigned terms, voids;
    struct hsl_dns_answer *names; /* of the client, by PTR; NULL until somebody asks */
    signed char valid[SPF_NAMES_MAX]; /* whether each has its address: 1, -1; 0: not known yet */
};

/* An answer (to be unreferenced), or NULL if the budget is used up. */
struct hsl_dns_answer *
spf_ask(struct spf *s, const char *name, enum hsl_dns_type type) UT_CHECKED;
/* hsl_spf.c: see there. */
int
spf_client_name(struct spf *s, const char *domain, bool near, struct ut_sbuf *out);

/* Expands the domain-spec [spec] in the record of [domain] into [out], shortened from the left to a
 * length that a name can have. -1: no memory, too long. */
int
spf_expand_domain(struct spf *s, const char *domain, const struct hsl_spf_text *spec,
    struct ut_sbuf *out) UT_CHECKED;
/* The same for the text of an explanation: -1 also for what is no macro string or no ASCII. */
int
spf_expand_text(
    struct spf *s, const char *domain, const char *p, size_t len, struct ut_sbuf *out) UT_CHECKED;

#endif
