/* hsl_lib_http.c - http() (library §6), in both of its forms.
 *
 * Old: http(url [, seconds [, a, b ...]]) or http(url, seconds, array(get) [, post]); a body or "".
 * New: http(url [, options [, get [, post]]]); a body or none. The type of argument 2 tells them
 * apart. In both, $1 $2 ... in the URL are replaced once by values, percent-encoded; what was put
 * in is not looked at again. Records name the URL without user and query: secrets stand there.
 *
 * Not here: the request (hsl_http.c). Threads: as the run. Fails: R07, R15, the limit max_http. */
#include "config.h"

#include <stdlib.h>
#include <strings.h>

#include "hsl/hsl_env.h"
#include "hsl/hsl_http.h"
#include "hsl/hsl_lib_enc.h"
#include "lib/ut_log.h"

#define CONNECT_SECONDS 10
#define LATER_SECONDS 60 /* for a background request without a time limit of its own */
#define URL_MAX 65536u

/* One call. */
struct call {
    struct hsl_run *run;
    struct ut_conf *conf;
    struct hsl_http_request request;
    struct hsl_value reader; /* post as a function, or none; lent */
    struct hsl_str *rest;    /* what it gave that was not sent yet; owned */
    size_t rest_at;
    bool raised; /* the function did: the run's error is set */
    bool old, extended, head, background;
    const char *hash;
    double retries, delay;
};

/* --- Texts -------------------------------------------------------------------------------------
 */

/* A copy of [s] that libcurl can have: false (R15) with a NUL or line break in it, or without
 * memory. */
static bool
copy_text(struct hsl_run *r, const struct hsl_str *s, const char *what, char **out)
{
    if (strlen(s->data) != s->len || strpbrk(s->data, "\r\n"))
        return hsl_raise(r, HSL_R15, "http(): %s holds a line break or NUL byte", what);
    free(*out);
    *out = strdup(s->data);
    return *out || hsl_limit(r, HSL_L08, "out of memory");
}

/* The URL with its values into the request. */
static bool
make_url(struct call *c, const struct hsl_str *url, const struct hsl_value *values, size_t count)
{
    const char *p = url->data, *end = p + url->len;
    struct ut_sbuf b;
    bool ok = true;

    ut_sbuf_init(&b, URL_MAX);
    while (ok && p < end) {
        size_t len = 1, n = *p == '$' ? hsl_arg_numbered(p, count, &len) : 0;
        const struct hsl_value *v = n > 0 ? &values[n - 1] : NULL;
        struct hsl_str *s = v ? hsl_to_str(c->run, v) : NULL;

        if (s) {
            hsl_enc_url(&b, s->data, s->len);
            hsl_unref(c->run, hsl_from_str(s));
        } else if (v) {
            ok = false;
        } else {
            ut_sbuf_add(&b, p, 1);
        }
        p += len;
    }
    if (ok && (b.failed || strlen(ut_sbuf_text(&b)) != b.len ||
                  strcspn(ut_sbuf_text(&b), "\r\n \t") != b.len))
        ok = hsl_raise(c->run, HSL_R15, "http(): the URL is too long or holds white space");
    c->request.url = ok ? ut_sbuf_take(&b, NULL) : NULL;
    ut_sbuf_fini(&b);
    return ok && (c->request.url || hsl_limit(c->run, HSL_L08, "out of memory"));
}

/* The values of array [get] in order; false without memory. */
static bool
make_url_of(struct call *c, const struct hsl_str *url, const struct hsl_arr *get)
{
    size_t count = get ? hsl_arr_count(get) : 0, pos = 0, n = 0;
    struct hsl_value *values = calloc(count + 1, sizeof(*values));
    const struct hsl_value *v;
    bool ok;

    if (!values)
        return hsl_limit(c->run, HSL_L08, "out of memory");
    while (get && hsl_arr_next(get, &pos, NULL, &v))
        values[n++] = *v;
    ok = make_url(c, url, values, n);
    free(values);
    return ok;
}

/* --- The body ------------------------------------------------------------------------------------
 */

static bool
add_encoded(struct hsl_run *r, struct ut_sbuf *b, const struct hsl_value *v)
{
    struct hsl_str *s = hsl_to_str(r, v);

    if (!s)
        return false;
    hsl_enc_url(b, s->data, s->len);
    hsl_unref(r, hsl_from_str(s));
    return true;
}

/* key=value&key=value */
static bool
form_body(struct call *c, const struct hsl_arr *a)
{
    struct hsl_value key;
    const struct hsl_value *v;
    struct ut_sbuf b;
    size_t pos = 0;
    bool ok = true;

    ut_sbuf_init(&b, c->run->limits.max_string);
    while (ok && hsl_arr_next(a, &pos, &key, &v)) {
        if (b.len > 0)
            ut_sbuf_addc(&b, '&');
        ok = add_encoded(c->run, &b, &key);
        ut_sbuf_addc(&b, '=');
        ok = ok && add_encoded(c->run, &b, v);
    }
    ut_sbuf_add(&b, "", 0);
    if (ok && b.failed)
        ok = hsl_limit(c->run, HSL_L05, "string length (%zu) exceeded", c->run->limits.max_string);
    c->request.body_len = b.len;
    c->request.body = ok ? ut_sbuf_take(&b, NULL) : NULL;
    if (ok && !c->request.body && b.len == 0)
        c->request.body = calloc(1, 1);
    ut_sbuf_fini(&b);
    return ok && (c->request.body || hsl_limit(c->run, HSL_L08, "out of memory"));
}

/* hsl_http_request.read: the next piece that the script's function gives. */
static long
read_piece(void *arg, char *p, size_t len)
{
    struct call *c = arg;
    struct hsl_value want = hsl_num((double)len), got = hsl_none();
    size_t n;

    if (!c->rest) {
        if (!hsl_call(c->run, &c->reader, &want, 1, &got)) {
            c->raised = true;
            return -1;
        }
        c->rest = hsl_to_str(c->run, &got);
        hsl_unref(c->run, got);
        if (!c->rest) {
            c->raised = true;
            return -1;
        }
        c->rest_at = 0;
    }
    n = c->rest->len - c->rest_at < len ? c->rest->len - c->rest_at : len;
    memcpy(p, c->rest->data + c->rest_at, n);
    c->rest_at += n;
    if (c->rest_at == c->rest->len) {
        hsl_unref(c->run, hsl_from_str(c->rest));
        c->rest = NULL;
    }
    return (long)n;
}

static bool
use_post(struct call *c, const struct hsl_value *v)
{
    c->request.body_type = "application/x-www-form-urlencoded";
    switch (v->type) {
    case HSL_NONE:
        return true;
    case HSL_ARR:
        return form_body(c, v->u.arr);
    case HSL_FN:
        if (c->background)
            return hsl_raise(c->run, HSL_R15, "http(): a function cannot post in the background");
        c->reader = *v;
        c->request.read = read_piece;
        c->request.arg = c;
        return true;
    case HSL_STR:
        c->request.body = malloc(v->u.str->len + 1);
        if (!c->request.body)
            return hsl_limit(c->run, HSL_L08, "out of memory");
        memcpy(c->request.body, v->u.str->data, v->u.str->len + 1);
        c->request.body_len = v->u.str->len;
        return true;
    default:
        return hsl_lib_bad_arg(c->run, "http", 4, "string, array or function", v);
    }
}

/* --- Options -------------------------------------------------------------------------------------
 */

static bool
use_headers(struct call *c, const struct hsl_value *o)
{
    struct hsl_arr *list = NULL;
    const struct hsl_value *v;
    size_t pos = 0, n = 0;

    if (!hsl_opt_arr(c->run, "http", 2, o, "headers", &list))
        return false;
    if (!list)
        return true;
    c->request.headers = calloc(hsl_arr_count(list) + 1, sizeof(char *));
    if (!c->request.headers)
        return hsl_limit(c->run, HSL_L08, "out of memory");
    while (hsl_arr_next(list, &pos, NULL, &v)) {
        if (v->type != HSL_STR || !strchr(v->u.str->data, ':'))
            return hsl_raise(
                c->run, HSL_R15, "http(): a header is not of the form \"Name: value\"");
        if (!copy_text(c->run, v->u.str, "a header", &c->request.headers[n++]))
            return false;
    }
    return true;
}

/* A text option that is taken as it is. */
static bool
use_text(struct call *c, const struct hsl_value *o, const char *key, char **out)
{
    struct hsl_str *s = NULL;

    return hsl_opt_str(c->run, "http", 2, o, key, &s) && (!s || copy_text(c->run, s, key, out));
}

/* A certificate with its key, in PEM: it has line breaks. */
static bool
use_certificate(struct call *c, const struct hsl_value *o)
{
    struct hsl_str *s = NULL;

    if (!hsl_opt_str(c->run, "http", 2, o, "tls_client_cert", &s))
        return false;
    if (!s)
        return true;
    if (strncmp(s->data, "pki:", 4) == 0)
        return hsl_raise(c->run, HSL_R15, "http(): unknown profile %.100s", s->data);
    c->request.client_cert = strdup(s->data);
    return c->request.client_cert || hsl_limit(c->run, HSL_L08, "out of memory");
}

/* Under both of its names. */
static bool
use_tls(struct call *c, const struct hsl_value *o, const char *name, const char *old, bool *out)
{
    return hsl_opt_bool(c->run, "http", 2, o, old, out) &&
           hsl_opt_bool(c->run, "http", 2, o, name, out);
}

static bool
use_background(struct call *c, const struct hsl_value *o)
{
    struct hsl_str *hash = NULL;

    c->hash = "";
    if (!hsl_opt_bool(c->run, "http", 2, o, "background", &c->background) ||
        !hsl_opt_str(c->run, "http", 2, o, "background_hash", &hash) ||
        !hsl_opt_num(c->run, "http", 2, o, "background_retry_count", &c->retries) ||
        !hsl_opt_num(c->run, "http", 2, o, "background_retry_delay", &c->delay))
        return false;
    if (hash)
        c->hash = hash->data;
    if (!(c->retries >= 0 && c->retries <= 1000 && c->delay >= 0 && c->delay <= 86400))
        return hsl_raise(c->run, HSL_R15,
            "http(): background_retry_count is 0 to 1000, background_retry_delay 0 to 86400");
    return true;
}

static bool
use_numbers(struct call *c, const struct hsl_value *o, double *redirects)
{
    struct hsl_http_request *q = &c->request;
    double max = (double)q->max_body;

    if (!hsl_opt_num(c->run, "http", 2, o, "timeout", &q->timeout) ||
        !hsl_opt_num(c->run, "http", 2, o, "connect_timeout", &q->connect_timeout) ||
        !hsl_opt_num(c->run, "http", 2, o, "max_file_size", &max) ||
        !hsl_opt_num(c->run, "http", 2, o, "redirects", redirects))
        return false;
    if (!(max >= 0 && *redirects >= -1 && *redirects <= 1000 && q->timeout > 0 &&
            q->connect_timeout > 0))
        return hsl_raise(c->run, HSL_R15, "http(): a number among the options is out of range");
    if (max < (double)q->max_body)
        q->max_body = (size_t)max;
    q->redirects = (long)*redirects;
    return true;
}

static bool
use_options(struct call *c, const struct hsl_value *o)
{
    struct hsl_http_request *q = &c->request;
    double redirects = 0;
    struct hsl_str *id = NULL;

    if (!hsl_opt_str(c->run, "http", 2, o, "sourceipid", &id))
        return false;
    if (id)
        return hsl_raise(c->run, HSL_R15, "http(): unknown profile %.100s", id->data);
    return use_numbers(c, o, &redirects) && use_text(c, o, "method", &q->method) &&
           use_headers(c, o) && use_text(c, o, "sourceip", &q->source_ip) &&
           use_text(c, o, "proxy", &q->proxy) &&
           use_text(c, o, "unix_socket_path", &q->unix_socket) && use_certificate(c, o) &&
           use_tls(c, o, "tls_verify_peer", "ssl_verify_peer", &q->verify_peer) &&
           use_tls(c, o, "tls_verify_host", "ssl_verify_host", &q->verify_host) &&
           use_tls(c, o, "tls_default_ca", "ssl_default_ca", &q->default_ca) &&
           hsl_opt_bool(c->run, "http", 2, o, "extended_result", &c->extended) &&
           hsl_opt_bool(c->run, "http", 2, o, "response_headers", &c->head) && use_background(c, o);
}

/* --- The two forms -------------------------------------------------------------------------------
 */

static bool
is_old(const struct hsl_value *args, unsigned argc)
{
    double n;

    return argc > 1 && (args[1].type == HSL_NUM ||
                           (args[1].type == HSL_STR &&
                               hsl_numeric_string(args[1].u.str->data, args[1].u.str->len, &n)));
}

static bool
read_old(struct call *c, const struct hsl_value *args, unsigned argc)
{
    c->request.timeout = hsl_to_num(&args[1]);
    if (!(c->request.timeout > 0))
        return hsl_raise(c->run, HSL_R15, "http(): the time limit is not above 0");
    if (argc > 2 && args[2].type == HSL_ARR)
        return (argc < 4 || use_post(c, &args[3])) && make_url_of(c, args[0].u.str, args[2].u.arr);
    return make_url(c, args[0].u.str, args + 2, argc > 2 ? argc - 2 : 0);
}

static bool
read_new(struct call *c, const struct hsl_value *args, unsigned argc)
{
    for (unsigned i = 1; i < argc && i < 3; i++)
        if (args[i].type != HSL_ARR && args[i].type != HSL_NONE)
            return hsl_lib_bad_arg(
                c->run, "http", i + 1, i == 1 ? "number or array" : "array", &args[i]);
    if (argc > 4)
        return hsl_raise(c->run, HSL_R07, "http() expects 1 to 4 arguments, %u given", argc);
    return (argc < 2 || args[1].type == HSL_NONE || use_options(c, &args[1])) &&
           (argc < 4 || use_post(c, &args[3])) &&
           make_url_of(
               c, args[0].u.str, argc > 2 && args[2].type == HSL_ARR ? args[2].u.arr : NULL);
}

/* ["status" => 404, "content" => "..."] */
static bool
extended_result(struct hsl_run *r, struct hsl_http_answer *a, struct hsl_value *out)
{
    struct hsl_arr *array = hsl_arr_new(r, 2);
    struct hsl_value content = hsl_none();

    if (!array)
        return false;
    *out = hsl_from_arr(array);
    return hsl_arr_setz(r, array, "status", hsl_num((double)a->status)) &&
           hsl_ret_sbuf(r, &content, &a->body) && hsl_arr_setz(r, array, "content", content);
}

static bool
give(struct call *c, struct hsl_http_answer *a, struct hsl_value *out)
{
    if (c->extended)
        return extended_result(c->run, a, out);
    if (c->head) {
        a->head.max = c->run->limits.max_string;
        ut_sbuf_add(&a->head, ut_sbuf_text(&a->body), a->body.len);
        return hsl_ret_sbuf(c->run, out, &a->head);
    }
    if (a->status >= 200 && a->status < 300)
        return hsl_ret_sbuf(c->run, out, &a->body);
    hsl_note(c->run, UT_LOG_INFO, "http failed: the server answers with status %ld", a->status);
    return !c->old || hsl_ret_str(c->run, out, "", 0);
}

static bool
perform(struct call *c, struct hsl_value *out)
{
    struct hsl_run *r = c->run;
    struct hsl_http_answer a;
    struct ut_diag why;
    double left = hsl_time_left(r);
    int rc;
    bool ok = true;

    if (c->background) {
        bool queued = hsl_http_queue(r->env->http, &c->request, c->conf, c->hash,
                          (unsigned)c->retries, c->delay) == 0;

        *out = queued ? hsl_bool(true) : hsl_none();
        return true;
    }
    if (c->request.timeout > left)
        c->request.timeout = left;
    rc = hsl_http_run(r->env->http, &c->request, c->conf, &a, &why);
    if (c->raised) {
        ok = false;
    } else if (rc != 0) {
        hsl_note(r, UT_LOG_INFO, "http failed: %s", why.text);
        ok = !c->old || hsl_ret_str(r, out, "", 0);
    } else {
        ok = give(c, &a, out);
    }
    ut_sbuf_fini(&a.head);
    ut_sbuf_fini(&a.body);
    return ok;
}

static bool
fn_http(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    struct call c = {.run = r, .old = is_old(args, argc)};
    bool ok;

    if (!r->env)
        return hsl_raise(r, HSL_R15, "http(): there is no network here");
    if (!hsl_spend(r, &r->http_count, 1, r->limits.max_http, "HTTP requests"))
        return false;
    hsl_http_request_init(&c.request);
    c.conf = hsl_env_conf(r->env);
    c.request.timeout = LATER_SECONDS > hsl_time_left(r) ? LATER_SECONDS : hsl_time_left(r);
    c.request.connect_timeout = CONNECT_SECONDS;
    c.request.max_body = r->limits.max_http_body;
    ok = (c.old ? read_old(&c, args, argc) : read_new(&c, args, argc)) && perform(&c, out);
    if (c.rest)
        hsl_unref(r, hsl_from_str(c.rest));
    hsl_http_request_fini(&c.request);
    ut_conf_unref(c.conf);
    return ok;
}

const struct hsl_builtin hsl_lib_http_rows[] = {
    {"http", "s|Ov*", 0, HSL_BLOCKS, .fn = fn_http,
        "http(url [, seconds = 15 [, a, b ...]]) or http(url [, options [, get [, post]]])",
        "The body that an HTTP server answers with if the status is 2xx, else \"\" in the first "
        "form and none in the second, and a record says why. $1 $2 ... in the URL are replaced by "
        "the values a, b ... or those of the array get, percent-encoded. post is an array (sent as "
        "a form), a string, or a function that gives the next piece. Options: timeout, "
        "connect_timeout, max_file_size, method, headers, extended_result ([status, content] "
        "whatever the status), response_headers, redirects, tls_verify_peer, tls_verify_host, "
        "tls_default_ca, tls_client_cert, sourceip, proxy, unix_socket_path, background, "
        "background_hash, background_retry_count, background_retry_delay.",
        .options =
            "timeout connect_timeout max_file_size method headers extended_result "
            "response_headers redirects tls_verify_peer tls_verify_host tls_default_ca "
            "ssl_verify_peer ssl_verify_host ssl_default_ca tls_client_cert sourceip sourceipid "
            "proxy unix_socket_path background background_hash background_retry_count "
            "background_retry_delay",
        .errors = "the URL, a header or another text holds a line end; an option is out of "
                  "range; a profile is not configured"},
    {.name = NULL},
};
