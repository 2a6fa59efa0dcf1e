/* hsl_repl.h - the interactive mode of the command `hsl`. */
#ifndef HSL_REPL_H
#define HSL_REPL_H

#include "hsl/hsl.h"
#include "hsl/hsl_host.h"

struct hsl_repl_opts {
    struct hsl_env *env;
    const struct hsl_limits *limits; /* of each step */
    /* echo and syslog(), as in struct hsl_host */
    void (*log)(
        void *arg, int level, const char *text, size_t len, const struct hsl_place *place);
    bool colour; /* errors in colour */
    bool time;   /* say after each step what it took */
};

/* Reads statements from the terminal, runs them and prints values, until end of file. EX_OK, or
 * EX_SOFTWARE without memory. Takes over SIGINT. */
int hsl_repl(const struct hsl_repl_opts *opts);

#endif
