/* pol_wire.h - how shared state is asked for over the state socket: attribute lists
 * (lib/ut_attr.h), one for a request, one for its answer, on a connection that stays.
 *
 *   request=rate space= entry= limit= interval=       yes=0|1 events=
 *   request=enter name= wait=                         value= (if it has one)
 *   request=leave name= keep=keep|store|remove value=
 *   request=get key=                                  version= value= (if it has one)
 *   request=change key= when=always|missing|same version= value= (none: remove)
 *                                                     done=0|1 version= value= (what was there)
 *   request=add key= n= remove=0|1                    result= number=0|1
 *
 * An answer begins with status=ok, timeout, full, or error and a text= for what was not understood.
 * Times are seconds, numbers decimal with a fraction, or inf, -inf, nan; values are the bytes of
 * hsl_plain.h. A barrier belongs to the connection that entered it, and is left when that ends. */
#ifndef POL_WIRE_H
#define POL_WIRE_H

#include "hsl/hsl_share.h"
#include "lib/ut_attr.h"

/* Each byte of a value may become three. */
extern const struct ut_attr_limits pol_wire_limits;
#define POL_WIRE_MAX (4u * HSL_SHARE_VALUE_MAX) /* bytes of one list */
#define POL_HELD_MAX 32u                        /* barriers that one connection may hold */

/* A number with all its digits. */
void
pol_wire_add_num(struct ut_sbuf *b, const char *name, double n);
/* -1 if it is absent or no number, or one too large to be held; the words inf and nan are some. */
int
pol_wire_get_num(const struct ut_attr_list *l, const char *name, double *out) UT_CHECKED;
void
pol_wire_add_text(struct ut_sbuf *b, const char *name, const struct hsl_text *text);
/* A name of at most HSL_SHARE_NAME_MAX bytes; -1 if it is absent or longer. */
int
pol_wire_get_name(const struct ut_attr_list *l, const char *name, struct hsl_text *out) UT_CHECKED;
/* false: it is not there. */
bool
pol_wire_get_value(const struct ut_attr_list *l, struct hsl_text *out);

/* Words of enumerations; by word: -1 if there is none. */
const char *
pol_wire_keep(enum hsl_share_keep keep);
int
pol_wire_keep_by_word(const char *word);
const char *
pol_wire_when(enum hsl_share_when when);
int
pol_wire_when_by_word(const char *word);

#endif
