/* library.c - what functions of the library cost that go outside, or that mail flows call most.
 *
 *     library STATE CONFIG URL [ROUNDS]     STATE: unix:PATH of a penstock-policyd; CONFIG: names
 *                                           the server that dns() asks; URL: what http() gets
 * Each row is a script that calls one function again and again for a quarter of a second, and where
 * there is one its floor: the same without Penstock, in C. Both in turn, 7 rounds by default; calls
 * a second, medians and their ratio. What a floor is:
 *
 *   rate()       bytes of the same number there and back over a UNIX socket, a thread at each end
 *   GetHeader()  a search among the same 50 headers and a copy of the value
 *   =~           pcre2_match() of the same pattern, compiled to machine code
 *   http()       curl_easy_perform() of a handle that is kept
 *
 * Not a test: it only fails if something does not answer. */
#include "config.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "hsl/hsl.h"
#include "lib/ut_conf.h"
#include "lib/ut_num.h"
#include "lib/ut_serve.h"
#include "lib/ut_sock.h"
#include "lib/ut_time.h"
#include "milter/mlt_edit.h"
#include "policyd/pol_client.h"

#define SLICE 0.25 /* seconds */
#define THREADS 16
#define ROUNDS_MAX 100
#define HEADERS 50
#define SUBJECT 25 /* which of them is the Subject */

/* Runs "call" [n] times between two looks at the clock, and says how often in all. Variables:
 * $senderip differs in each thread, $senderhelo is the URL. */
#define SCRIPT(n, call)                                                                            \
    "$end = executiontime() + 0.25; $n = 0;\n"                                                     \
    "while (executiontime() < $end) {\n"                                                           \
    "    for ($i = 0; $i < " #n "; $i += 1) { " call " }\n"                                        \
    "    $n += " #n ";\n"                                                                          \
    "}\n"                                                                                          \
    "echo $n;\n"

#define PATTERN "^(re|fwd?): .*(invoice|payment) [0-9]{4,}"

struct bench {
    struct hsl_env *env;
    struct hsl_limits limits;
    struct mlt_header headers[HEADERS];
    struct ut_arena *arena;
    pcre2_code *pattern;
    char socket[128]; /* of the floor of rate() */
    const char *url;
};

struct caller {
    struct bench *b;
    const struct row *row;
    struct hsl_prog *prog; /* NULL: the floor */
    unsigned number;
    struct mlt_view view;
    double calls;
    double seconds;
    bool failed;
};

/* Calls what is measured until [until]; their number, below 0: failed. */
typedef double
floor_fn(struct caller *c, double until);

struct row {
    const char *name, *script;
    unsigned threads;
    floor_fn *floor; /* NULL: none */
};

/* --- Scripts --------------------------------------------------------------------------------- */

/* The one thing a script echoes is the number of its calls; a record is a failure. */
static void
host_log(void *arg, int level, const char *text, size_t len, const struct hsl_place *place)
{
    struct caller *c = arg;

    (void)place;
    if (level < 0) {
        c->calls = strtod(text, NULL);
        return;
    }
    fprintf(stderr, "library: %.*s\n", (int)len, text);
    c->failed = true;
}

static bool
host_var(void *arg, const char *name, struct hsl_build *b)
{
    const struct caller *c = arg;
    char ip[32];

    if (strcmp(name, "senderhelo") == 0) {
        hsl_build_strz(b, c->b->url);
        return true;
    }
    if (strcmp(name, "senderip") != 0)
        return false;
    snprintf(ip, sizeof(ip), "192.0.2.%u", c->number);
    hsl_build_strz(b, ip);
    return true;
}

static bool
host_header_get(void *arg, const char *name, size_t index, struct ut_sbuf *out)
{
    return mlt_view_get(&((struct caller *)arg)->view, name, index, out);
}

static const struct hsl_host host = {
    .log = host_log, .var = host_var, .header_get = host_header_get};

static void
run_script(struct caller *c)
{
    struct hsl_machine *m = hsl_machine_new(c->b->env);
    struct hsl_result result;

    mlt_view_init(&c->view, c->b->arena, c->b->headers, HEADERS);
    if (!m) {
        c->failed = true;
        return;
    }
    hsl_run(m, c->prog, &host, c, &c->b->limits, &result);
    c->seconds = result.seconds;
    if (result.end != HSL_END_IMPLICIT || c->calls <= 0) {
        fprintf(stderr, "library: %s: %s\n", c->row->name, result.error.text);
        c->failed = true;
    }
    hsl_machine_free(m);
}

static struct hsl_prog *
compile(const struct bench *b, const struct row *row)
{
    struct hsl_source source = {
        .name = row->name, .text = row->script, .len = strlen(row->script), .flow = HSL_FLOW_MAIL};
    struct ut_diag_list diags;
    struct hsl_prog *prog;

    ut_diag_list_init(&diags, 20);
    prog = hsl_compile(b->env, &source, &diags);
    if (!prog && diags.count > 0)
        fprintf(stderr, "library: %s: %s\n", row->name, diags.items[0].text);
    ut_diag_list_fini(&diags);
    return prog;
}

/* --- Floors ---------------------------------------------------------------------------------- */

/* What a call of rate() sends and gets. */
static const char request[] =
    "request=rate\nspace=bench\nentry=192.0.2.1-123\nlimit=1000000000\ninterval=60\n\n";
static const char answer[] = "status=ok\nyes=1\nevents=1234\n\n";

/* For ut_serve_start(): answers each request. */
static void
serve_echo(void *arg, int fd, uid_t peer)
{
    char buf[1024];

    (void)arg;
    (void)peer;
    (void)fcntl(fd, F_SETFL, 0);
    while (recv(fd, buf, sizeof(buf), 0) > 0)
        if (send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0)
            return;
}

static double
floor_rate(struct caller *c, double until)
{
    struct ut_sock_addr addr;
    double calls = 0;
    struct ut_diag d;
    char buf[1024];
    int fd;

    if (ut_sock_parse(c->b->socket, &addr, &d) != 0)
        return -1;
    fd = ut_sock_connect(&addr, until, &d);
    if (fd < 0)
        return -1;
    (void)fcntl(fd, F_SETFL, 0);
    for (; calls >= 0 && ut_time_mono() < until; calls++) {
        if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0 ||
            recv(fd, buf, sizeof(buf), 0) <= 0)
            calls = -2;
    }
    close(fd);
    return calls;
}

static double
floor_header(struct caller *c, double until)
{
    const struct mlt_header *h = c->b->headers;
    double calls = 0;

    while (ut_time_mono() < until) {
        for (int n = 0; n < 1000; n++) {
            char *copy = NULL;

            for (size_t i = 0; i < HEADERS && !copy; i++)
                if (strcasecmp(h[i].name, "Subject") == 0)
                    copy = strndup(h[i].value, h[i].len);
            free(copy);
        }
        calls += 1000;
    }
    return calls;
}

static double
floor_match(struct caller *c, double until)
{
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(c->b->pattern, NULL);
    const struct mlt_header *h = &c->b->headers[SUBJECT];
    double calls = 0;

    while (data && ut_time_mono() < until) {
        for (int n = 0; n < 1000; n++)
            (void)pcre2_match(c->b->pattern, (PCRE2_SPTR)h->value, h->len, 0, 0, data, NULL);
        calls += 1000;
    }
    pcre2_match_data_free(data);
    return data ? calls : -1;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
    ut_sbuf_add(arg, p, size * n);
    return size * n;
}

static double
floor_http(struct caller *c, double until)
{
    CURL *curl = curl_easy_init();
    struct ut_sbuf body;
    double calls = 0;

    ut_sbuf_init(&body, 1 << 20);
    if (!curl || curl_easy_setopt(curl, CURLOPT_URL, c->b->url) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_PROXY, "") != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK ||
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body) != CURLE_OK)
        calls = -1;
    for (; calls >= 0 && ut_time_mono() < until; calls++) {
        ut_sbuf_reset(&body);
        if (curl_easy_perform(curl) != CURLE_OK || body.len == 0)
            calls = -2;
    }
    curl_easy_cleanup(curl);
    ut_sbuf_fini(&body);
    return calls;
}

/* --- Measuring ------------------------------------------------------------------------------- */

static const struct row rows[] = {
    {"rate(), 1 thread",
        SCRIPT(20, "rate(\"bench\", \"$senderip-\" . ($n + $i) % 1000, 1000000000, 60);"), 1,
        floor_rate},
    {"rate(), 16 threads",
        SCRIPT(20, "rate(\"bench\", \"$senderip-\" . ($n + $i) % 1000, 1000000000, 60);"), 16,
        floor_rate},
    {"dns4(), known, 1 thread", SCRIPT(1000, "dns4(\"host.bench.test\");"), 1, NULL},
    {"dns4(), known, 4 threads", SCRIPT(1000, "dns4(\"host.bench.test\");"), 4, NULL},
    {"GetHeader() of 50", SCRIPT(1000, "GetHeader(\"Subject\");"), 1, floor_header},
    {"GetHeaders(true) of 50", SCRIPT(20, "GetHeaders(true);"), 1, NULL},
    {"=~ on a header",
        "$s = GetHeader(\"Subject\", false);\n" SCRIPT(1000, "$s =~ \"" PATTERN "\";"), 1,
        floor_match},
    {"http(), 1 thread", SCRIPT(5, "http($senderhelo);"), 1, floor_http},
    {"http(), 4 threads", SCRIPT(5, "http($senderhelo);"), 4, floor_http},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void *
call(void *arg)
{
    struct caller *c = arg;
    double start = ut_time_mono();

    if (c->prog) {
        run_script(c);
        return NULL;
    }
    c->calls = c->row->floor(c, start + SLICE);
    c->seconds = ut_time_mono() - start;
    c->failed = c->calls <= 0;
    return NULL;
}

/* Calls a second of all threads, by [prog] or the floor; below 0: failed. */
static double
measure(struct bench *b, const struct row *row, struct hsl_prog *prog)
{
    struct caller callers[THREADS];
    pthread_t threads[THREADS];
    unsigned started = 0;
    bool failed = false;
    double rate = 0;

    for (; started < row->threads; started++) {
        callers[started] = (struct caller){.b = b, .row = row, .prog = prog, .number = started};
        if (pthread_create(&threads[started], NULL, call, &callers[started]) != 0)
            break;
    }
    for (unsigned i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
        rate += callers[i].calls / callers[i].seconds;
        failed = failed || callers[i].failed;
    }
    return failed || started < row->threads ? -1 : rate;
}

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_size);
    return values[count / 2];
}

static int
measure_row(struct bench *b, const struct row *row, size_t rounds)
{
    double ours[ROUNDS_MAX], floors[ROUNDS_MAX], mine, least;
    struct hsl_prog *prog = compile(b, row);
    bool failed = !prog;

    for (size_t i = 0; i < rounds && !failed; i++) {
        ours[i] = measure(b, row, prog);
        floors[i] = row->floor ? measure(b, row, NULL) : 0;
        failed = ours[i] < 0 || floors[i] < 0;
    }
    hsl_prog_unref(prog);
    if (failed)
        return -1;
    mine = median(ours, rounds);
    least = median(floors, rounds);
    printf("%-26s %11.0f", row->name, mine);
    if (row->floor)
        printf(" %11.0f %7.2f", least, mine / least);
    printf("\n");
    fflush(stdout);
    return 0;
}

/* --- Start ----------------------------------------------------------------------------------- */

static void
make_headers(struct bench *b)
{
    static char names[HEADERS][16];
    static const char subject[] = " Re: your order of yesterday: invoice 20261122 is attached",
                      other[] = " from mail.example.org (mail.example.org [192.0.2.1])\n"
                                "\tby mx.example.net with ESMTPS id 4T2b8x; today";

    for (unsigned i = 0; i < HEADERS; i++) {
        snprintf(names[i], sizeof(names[i]), "X-Header-%u", i);
        b->headers[i] = i == SUBJECT ? (struct mlt_header){"Subject", subject, strlen(subject), 1}
                                     : (struct mlt_header){names[i], other, strlen(other), 1};
    }
}

/* The server of rate()'s floor, in a process of its own; it ends when ours closes [*hold]. */
static pid_t
start_floor(struct bench *b, int *hold)
{
    int ends[2];
    char c;
    pid_t pid;

    snprintf(b->socket, sizeof(b->socket), "unix:/tmp/penstock-bench-%ld", (long)getpid());
    if (pipe(ends) != 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        struct ut_diag d;
        struct ut_serve *s = ut_serve_start(b->socket + 5, 0600, THREADS, "", serve_echo, NULL, &d);

        close(ends[1]);
        while (s && read(ends[0], &c, 1) > 0)
            ;
        ut_serve_stop(s);
        _exit(s ? 0 : 1);
    }
    close(ends[0]);
    *hold = ends[1];
    return pid;
}

static int
prepare(struct bench *b, char **argv, struct hsl_share **share, struct ut_conf **conf)
{
    struct hsl_env_opts opts = {0};
    struct ut_diag_list diags;
    struct ut_diag d = {0};
    size_t at;
    int error;

    ut_diag_list_init(&diags, 20);
    *conf = ut_conf_load(argv[2], &diags);
    ut_diag_list_fini(&diags);
    *share = opts.share = pol_client_new(argv[1], &d);
    b->env = *conf && *share ? hsl_env_new(&opts, &d) : NULL;
    b->arena = ut_arena_new(0);
    b->pattern = pcre2_compile((PCRE2_SPTR)PATTERN, PCRE2_ZERO_TERMINATED, 0, &error, &at, NULL);
    if (!b->env || !b->arena || !b->pattern || pcre2_jit_compile(b->pattern, PCRE2_JIT_COMPLETE)) {
        fprintf(stderr, "library: %s\n", d.text[0] ? d.text : "cannot start");
        return -1;
    }
    hsl_env_use(b->env, *conf);
    b->url = argv[3];
    make_headers(b);
    hsl_limits_default(&b->limits);
    b->limits.max_instructions = UINT64_MAX / 2;
    b->limits.max_dns = b->limits.max_http = UINT32_MAX / 2;
    return 0;
}

static int
measure_all(struct bench *b, size_t rounds)
{
    printf("%-26s %11s %11s %7s\n", "calls a second", "Penstock", "floor", "ratio");
    for (size_t i = 0; i < ROWS; i++) {
        if (measure_row(b, &rows[i], rounds) == 0)
            continue;
        fprintf(stderr, "library: %s failed\n", rows[i].name);
        return -1;
    }
    return 0;
}

int
main(int argc, char **argv)
{
    struct hsl_share *share = NULL;
    struct ut_conf *conf = NULL;
    struct bench b = {0};
    long long rounds = 7;
    int hold = -1, rc = -1;
    pid_t floor;

    if (argc < 4 || argc > 5 || (argc == 5 && ut_num_int(argv[4], 1, ROUNDS_MAX, &rounds) != 0)) {
        fprintf(stderr, "usage: library STATE CONFIG URL [ROUNDS]\n");
        return 1;
    }
    floor = start_floor(&b, &hold); /* before there are threads */
    if (floor > 0 && prepare(&b, argv, &share, &conf) == 0)
        rc = measure_all(&b, (size_t)rounds);
    hsl_env_free(b.env);
    if (share)
        share->ops->free(share);
    ut_conf_unref(conf);
    ut_arena_free(b.arena);
    pcre2_code_free(b.pattern);
    close(hold);
    if (floor > 0)
        waitpid(floor, NULL, 0);
    return rc == 0 ? 0 : 1;
}
