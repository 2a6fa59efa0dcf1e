/* hsl_lib_dovecot.c - dovecot_lookup_auth() (library §12).
 *
 * Not here: the protocol (hsl_dovecot.c). Threads: as the run. Fails: R07, R15 for options that
 * name no server, the limit max_sockets; a server in trouble gives -1 and a record, in which
 * neither user nor password stands. */
#include "config.h"

#include "hsl/hsl_dovecot.h"
#include "hsl/hsl_lib.h"
#include "lib/ut_log.h"
#include "lib/ut_time.h"

#define NAME "dovecot_lookup_auth"
#define SECONDS 5
#define WORD_MAX 100u /* bytes of service, rip and lip */

static bool
refuse(struct hsl_run *r, const char *what)
{
    return hsl_raise(r, HSL_R15, NAME "(): %s", what);
}

/* The text of option [key], which may have [max] bytes, all printable; *out stays as it is if it is
 * not given. */
static bool
text_option(
    struct hsl_run *r, const struct hsl_value *o, const char *key, size_t max, const char **out)
{
    struct hsl_str *s = NULL;

    if (!hsl_opt_str(r, NAME, 1, o, key, &s))
        return false;
    for (size_t i = 0; s && i < s->len; i++) {
        if ((unsigned char)s->data[i] < ' ')
            return hsl_raise(r, HSL_R15, NAME "(): option %s holds a control character", key);
    }
    if (s && s->len > max)
        return hsl_raise(r, HSL_R15, NAME "(): option %s has more than %zu bytes", key, max);
    *out = s ? s->data : *out;
    return true;
}

/* Where the server is: unix_socket_path, or host and port. */
static bool
find_server(struct hsl_run *r, const struct hsl_value *o, struct ut_sock_addr *a)
{
    const char *path = "", *host = "";
    double port = 0;

    if (!text_option(r, o, "unix_socket_path", sizeof(a->path) - 1, &path) ||
        !text_option(r, o, "host", sizeof(a->host) - 1, &host) ||
        !hsl_opt_num(r, NAME, 1, o, "port", &port))
        return false;
    *a = (struct ut_sock_addr){.family = *path ? UT_SOCK_UNIX : UT_SOCK_INET};
    memcpy(a->path, path, strlen(path));
    memcpy(a->host, host, strlen(host));
    if (*path)
        return true;
    if (!*host)
        return refuse(r, "neither host nor unix_socket_path is given");
    if (!(port >= 1 && port <= 65535))
        return refuse(r, "port is not from 1 to 65535");
    a->port = (unsigned)port;
    return true;
}

static bool
read_options(struct hsl_run *r, const struct hsl_value *o, struct hsl_dovecot_way *w)
{
    double timeout = SECONDS, left = hsl_time_left(r);

    *w = (struct hsl_dovecot_way){.service = "smtp", .rip = "", .lip = ""};
    if (!find_server(r, o, &w->server) || !text_option(r, o, "service", WORD_MAX, &w->service) ||
        !text_option(r, o, "rip", WORD_MAX, &w->rip) ||
        !text_option(r, o, "lip", WORD_MAX, &w->lip) ||
        !hsl_opt_bool(r, NAME, 1, o, "secured", &w->secured) ||
        !hsl_opt_num(r, NAME, 1, o, "timeout", &timeout))
        return false;
    if (!(timeout > 0))
        return refuse(r, "the time limit is not above 0");
    w->deadline = ut_time_mono() + (timeout < left ? timeout : left);
    return true;
}

static bool
fn_dovecot_lookup_auth(
    struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_text user = {args[1].u.str->data, args[1].u.str->len};
    const struct hsl_text password = {args[2].u.str->data, args[2].u.str->len};
    struct hsl_dovecot_way way;
    enum hsl_dovecot_end end;
    struct ut_diag why;

    (void)argc;
    if (!read_options(r, &args[0], &way) ||
        !hsl_spend(r, &r->socket_count, 1, r->limits.max_sockets, "connections"))
        return false;
    end = hsl_dovecot_auth(&way, &user, &password, &why);
    if (end == HSL_DOVECOT_FAILED)
        hsl_note(r, UT_LOG_INFO, NAME " failed: %s", why.text);
    *out = hsl_num(end == HSL_DOVECOT_ACCEPTED ? 1 : end == HSL_DOVECOT_REFUSED ? 0 : -1);
    return true;
}

const struct hsl_builtin hsl_lib_dovecot_rows[] = {
    {NAME, "oss", 0, HSL_NONE_OK | HSL_BLOCKS, .fn = fn_dovecot_lookup_auth,
        NAME "(options, username, password)",
        "1 if Dovecot accepts the user and password, 0 if not, -1 if it cannot be asked or cannot "
        "tell now. Options: host and port of an auth socket, or unix_socket_path; timeout (5), "
        "service (\"smtp\"), rip and lip (addresses of the client and the server), secured "
        "(false). With rip, Dovecot slows down clients that send wrong passwords. An empty "
        "username or password, and a NUL byte in one, is 0 at once.",
        .options = "host port unix_socket_path timeout service rip lip secured",
        .errors = "an option is out of range or holds what the protocol cannot carry"},
    {.name = NULL},
};
