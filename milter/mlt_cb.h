/* mlt_cb.h - the callbacks that libmilter calls. Besides mlt_main.c the only file that knows it. */
#ifndef MLT_CB_H
#define MLT_CB_H

#include <stdbool.h>

#include <libmilter/mfapi.h>

#include "milter/mlt_server.h"

/* What to hand to smfi_register(). */
struct smfiDesc mlt_cb_describe(void);
/* [server] serves all connections from now on and must outlive them; [local]: the milter socket is
 * a UNIX one. To be called once, before smfi_main(). */
void mlt_cb_serve(struct mlt_server *server, bool local);

#endif
