/* world.h - what surrounds the session logic while run.c plays a dialogue: the mail server that it
 * asks for changes, the listener it submits to, the files, the process, the quarantine; and the
 * output, where what changes from run to run is replaced by words. What fails ends the program. */
#ifndef T_SESSION_WORLD_H
#define T_SESSION_WORLD_H

#include "lib/ut_sbuf.h"
#include "milter/mlt_server.h"
#include "milter/mlt_sess.h"

#define MAX_MACROS 32

struct macro {
    char name[64];
    char value[256];
};

struct world {
    char dir[256];
    char config_path[300];
    struct ut_sbuf conf;   /* @conf */
    struct ut_sbuf config; /* @config */
    bool has_flow[3];      /* access, recipient, mail */
    struct macro macros[MAX_MACROS];
    size_t macro_count;
    char fail[32]; /* operation that fails next */
    bool submit_refuses;
    long log_at; /* where in the log file to read on */
    bool quiet;  /* the log is not shown */
    struct mlt_server *server;
    struct mlt_conn *conn;
    struct mlt_steps steps; /* of [conn] */
};

/* What the mail server does for the session logic; the context is the world. */
extern const struct mlt_ops world_ops;

void
die(const char *what);
/* Prints [text] with what changes replaced and control bytes shown, then a line end. */
void
show(const struct world *w, const char *prefix, const char *text);
/* Prints what was logged since the last time. */
void
show_log(struct world *w);
/* Prints what lies in the quarantine. */
void
show_held(struct world *w);

/* Writes a file below w->dir. */
void
write_text(const struct world *w, const char *name, const char *text);
void
write_conf(struct world *w);
void
remove_tree(const char *path);

/* Starts the process unless it runs; w->server is NULL if it could not, which was printed. */
void
start_server(struct world *w);
void
end_server(struct world *w);
/* Ends and starts the process. Killed: the journal is as it was before anything could be ended. */
void
restart(struct world *w, bool killed);
/* Puts a file where the quarantine folder is, or takes it away: root too cannot write there. */
void
break_quarantine(struct world *w, bool broken);

#endif
