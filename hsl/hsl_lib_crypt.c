/* hsl_lib_crypt.c - hashes, passwords and random numbers (library §8), through OpenSSL's EVP and
 * crypt(3).
 *
 * Not here: the generator (hsl_random.c); keys and signatures (not built yet).
 * Threads: as the run; OpenSSL's digests are fetched by call and shared by nobody.
 * Fails: R07, R15, limits. */
#include "config.h"

#include <crypt.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "hsl/hsl_lib.h"
#include "hsl/hsl_random.h"

#define DIGEST_MAX EVP_MAX_MD_SIZE
#define RANDOM_MAX 1048576

/* --- Digests --------------------------------------------------------------------------------- */

/* The digest as lower-case hex, or as bytes. */
static bool
give_digest(
    struct hsl_run *r, const unsigned char *p, size_t len, bool binary, struct hsl_value *out)
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * DIGEST_MAX];

    if (binary)
        return hsl_ret_str(r, out, (const char *)p, len);
    for (size_t i = 0; i < len; i++) {
        hex[2 * i] = digits[p[i] >> 4];
        hex[2 * i + 1] = digits[p[i] & 15];
    }
    return hsl_ret_str(r, out, hex, 2 * len);
}

/* Digest [md] of [s], keyed if [key]; option array args[options] if it is there. */
static bool
digest(struct hsl_run *r, const char *name, const char *md, const struct hsl_str *key,
    const struct hsl_str *s, const struct hsl_value *o, unsigned n, struct hsl_value *out)
{
    unsigned char bytes[DIGEST_MAX];
    size_t len = 0;
    bool binary = false, ok;

    if (!hsl_opt_bool(r, name, n, o, "binary", &binary))
        return false;
    if (key)
        ok = EVP_Q_mac(NULL, "HMAC", NULL, md, NULL, key->data, key->len,
                 (const unsigned char *)s->data, s->len, bytes, sizeof(bytes), &len) != NULL;
    else
        ok = EVP_Q_digest(NULL, md, NULL, s->data, s->len, bytes, &len) == 1;
    if (!ok)
        return hsl_raise(r, HSL_R15, "%s(): the digest is not available on this host", name);
    return give_digest(r, bytes, len, binary, out) && hsl_work(r, s->len + (key ? key->len : 0));
}

/* The name of the SHA-2 digest of [size] bits; NULL: error set. */
static const char *
sha2_name(struct hsl_run *r, const char *name, const struct hsl_value *size)
{
    if (size->u.num == 256)
        return "SHA256";
    if (size->u.num == 512)
        return "SHA512";
    hsl_raise(r, HSL_R15, "%s(): the size is 256 or 512", name);
    return NULL;
}

/* Argument [i] if it is there. */
static const struct hsl_value *
arg(const struct hsl_value *args, unsigned argc, unsigned i)
{
    return i < argc ? &args[i] : NULL;
}

static bool
fn_md5(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return digest(r, "md5", "MD5", NULL, args[0].u.str, arg(args, argc, 1), 2, out);
}

static bool
fn_sha1(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return digest(r, "sha1", "SHA1", NULL, args[0].u.str, arg(args, argc, 1), 2, out);
}

static bool
fn_sha2(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const char *md = sha2_name(r, "sha2", &args[1]);

    return md && digest(r, "sha2", md, NULL, args[0].u.str, arg(args, argc, 2), 3, out);
}

static bool
fn_hmac_md5(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return digest(r, "hmac_md5", "MD5", args[0].u.str, args[1].u.str, arg(args, argc, 2), 3, out);
}

static bool
fn_hmac_sha1(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return digest(r, "hmac_sha1", "SHA1", args[0].u.str, args[1].u.str, arg(args, argc, 2), 3, out);
}

static bool
fn_hmac_sha2(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const char *md = sha2_name(r, "hmac_sha2", &args[2]);

    return md &&
           digest(r, "hmac_sha2", md, args[0].u.str, args[1].u.str, arg(args, argc, 3), 4, out);
}

/* FNV-1a, 32 bits. */
static bool
fn_hash(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *s = args[0].u.str;
    uint32_t h = 2166136261u;

    (void)argc;
    for (uint32_t i = 0; i < s->len; i++)
        h = (h ^ (unsigned char)s->data[i]) * 16777619u;
    *out = hsl_num(h);
    return hsl_work(r, s->len);
}

/* --- Passwords ------------------------------------------------------------------------------- */

/* A salt carries the cost of its hash, and crypt(3) cannot be interrupted: so what a hash will take
 * is estimated before, for a slow processor. One that would keep a thread for many seconds or take
 * gigabytes of memory is refused, one for which the run has no time left ends it, and the others
 * count as work. The bounds are well above what passwd(1) and Dovecot use. */
#define CRYPT_MAX 8.0      /* seconds */
#define CRYPT_WORK 1e9     /* bytes of work that a second counts for */
#define ROUNDS_MAX 1000000 /* of the hashes that write their number */

/* A number that stands behind [mark]; [missing] if there is none. */
static double
number_behind(const char *salt, const char *mark, double missing)
{
    const char *at = strstr(salt, mark);

    return at ? (double)strtol(at + strlen(mark), NULL, 10) : missing;
}

/* The value of a digit of crypt(3)'s base64. */
static unsigned
digit64(char c)
{
    static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (unsigned)(at - digits) : 0;
}

/* "9T$...": the logarithm of the memory, and the block size, as one character each. */
static double
yescrypt_seconds(const char *s)
{
    if (s[0] < '5' || s[0] > 'C' || (s[1] != 'T' && s[1] != '5') || s[2] != '$')
        return CRYPT_MAX;
    return ldexp(0.3, (int)digit64(s[0]) - (int)digit64('C'));
}

/* "_" with four digits, the lowest first: a count of 24 bits. */
static double
des_seconds(const char *s)
{
    double count = 0;

    for (int i = 4; i > 0; i--)
        count = count * 64 + (s[i] ? digit64(s[i]) : 0);
    return count * 3e-7;
}

/* What hashing a password of [len] bytes with a salt takes, in seconds. */
static double
crypt_seconds(const char *s, size_t len)
{
    double rounds = 0, each = 0;

    if (s[0] == '_' && strlen(s) >= 5)
        return des_seconds(s);
    if (s[0] != '$' || strncmp(s, "$1$", 3) == 0)
        return 0.002;
    if (strncmp(s, "$y$j", 4) == 0)
        return yescrypt_seconds(s + 4);
    if (strncmp(s, "$gy$j", 5) == 0)
        return yescrypt_seconds(s + 5);
    if (s[1] == '2' && s[2] && s[3] == '$')
        return ldexp(1e-4, (int)fmin(number_behind(s + 3, "$", 0), 31));
    if (strncmp(s, "$5$", 3) == 0 || strncmp(s, "$6$", 3) == 0) {
        rounds = number_behind(s, "rounds=", 5000);
        each = 1e-6 + 1e-8 * (double)len;
    } else if (strncmp(s, "$sha1$", 6) == 0) {
        rounds = number_behind(s, "$sha1$", 0);
        each = 2e-6 + 4e-9 * (double)len;
    }
    return rounds > 0 && rounds <= ROUNDS_MAX ? rounds * each : CRYPT_MAX;
}

static bool
fn_crypt(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const struct hsl_str *password = args[0].u.str, *salt = args[1].u.str;
    struct crypt_data *data = NULL;
    double seconds = CRYPT_MAX;
    const char *hash = NULL;
    bool ok;

    (void)argc;
    if (password->len <= CRYPT_MAX_PASSPHRASE_SIZE && strlen(password->data) == password->len &&
        strlen(salt->data) == salt->len)
        seconds = crypt_seconds(salt->data, password->len);
    if (seconds < CRYPT_MAX) {
        if (seconds > hsl_time_left(r))
            return hsl_limit(r, HSL_L02, "time (%g s) exceeded", r->limits.max_time);
        data = calloc(1, sizeof(*data));
        if (!data)
            return hsl_limit(r, HSL_L08, "out of memory");
        hash = crypt_r(password->data, salt->data, data);
    }
    if (!hash || hash[0] == '*')
        hash = "*0";
    ok = hsl_ret_str(r, out, hash, strlen(hash));
    if (data)
        explicit_bzero(data, sizeof(*data));
    free(data);
    return ok && hsl_work(r, seconds < CRYPT_MAX ? (size_t)(seconds * CRYPT_WORK) : 0);
}

/* --- Random numbers -------------------------------------------------------------------------- */

static bool
no_random(struct hsl_run *r, const char *name)
{
    return hsl_raise(r, HSL_R15, "%s(): no random numbers from the system", name);
}

/* A whole number from first to last, both included. */
static bool
random_between(
    struct hsl_run *r, const char *name, const struct hsl_value *args, struct hsl_value *out)
{
    int64_t first = hsl_arg_int(&args[0]), last = hsl_arg_int(&args[1]);
    uint64_t n;

    if (first > last)
        return hsl_raise(r, HSL_R15, "%s(): the first number is larger than the last", name);
    if (!hsl_random_below((uint64_t)(last - first) + 1, &n))
        return no_random(r, name);
    *out = hsl_num((double)(first + (int64_t)n));
    return true;
}

static bool
fn_random_number(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    const uint64_t steps = UINT64_C(1) << 53;
    uint64_t n;

    if (argc == 1)
        return hsl_raise(r, HSL_R07, "random_number() expects 0 or 2 arguments, 1 given");
    if (argc == 2)
        return random_between(r, "random_number", args, out);
    if (!hsl_random_below(steps + 1, &n))
        return no_random(r, "random_number");
    *out = hsl_num((double)n / (double)steps);
    return true;
}

static bool
fn_rand(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    (void)argc;
    return random_between(r, "rand", args, out);
}

static bool
fn_random_bytes(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    int64_t n = hsl_arg_int(&args[0]);
    struct hsl_str *s;

    (void)argc;
    if (n < 0 || n > RANDOM_MAX)
        return hsl_raise(
            r, HSL_R15, "random_bytes(): the number is not between 0 and %d", RANDOM_MAX);
    s = hsl_str_alloc(r, (size_t)n);
    if (!s)
        return false;
    *out = hsl_from_str(s);
    if (!hsl_random_fill(s->data, (size_t)n))
        return no_random(r, "random_bytes");
    return hsl_work(r, (size_t)n);
}

/* --- UUIDs (RFC 9562) ------------------------------------------------------------------------ */

static bool
give_uuid(struct hsl_run *r, unsigned char b[16], unsigned version, struct hsl_value *out)
{
    static const char digits[] = "0123456789abcdef";
    char text[36];
    size_t at = 0;

    b[6] = (unsigned char)((b[6] & 0x0f) | version << 4);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[at++] = '-';
        text[at++] = digits[b[i] >> 4];
        text[at++] = digits[b[i] & 15];
    }
    return hsl_ret_str(r, out, text, at);
}

static bool
fn_uuid(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    unsigned char b[16];

    (void)args;
    (void)argc;
    if (!hsl_random_fill(b, sizeof(b)))
        return no_random(r, "uuid");
    return give_uuid(r, b, 4, out);
}

/* The bytes of a UUID in its text form. */
static bool
parse_uuid(const struct hsl_str *s, unsigned char b[16])
{
    size_t n = 0;

    if (s->len != 36)
        return false;
    for (size_t i = 0; i < 36; i++) {
        char c = (char)(s->data[i] | 0x20);
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        int digit = -1;

        if (dash && s->data[i] == '-')
            continue;
        if (s->data[i] >= '0' && s->data[i] <= '9')
            digit = s->data[i] - '0';
        else if (c >= 'a' && c <= 'f')
            digit = c - 'a' + 10;
        if (dash || digit < 0)
            return false;
        b[n / 2] = (unsigned char)(n % 2 ? b[n / 2] << 4 | digit : digit);
        n++;
    }
    return true;
}

static bool
fn_uuidv5(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    unsigned char space[16], bytes[DIGEST_MAX];
    const struct hsl_str *s = args[1].u.str;
    EVP_MD_CTX *ctx;
    bool ok;

    (void)argc;
    if (!parse_uuid(args[0].u.str, space))
        return hsl_raise(r, HSL_R15, "uuidv5(): the namespace is no UUID");
    ctx = EVP_MD_CTX_new();
    ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha1(), NULL) == 1 &&
         EVP_DigestUpdate(ctx, space, sizeof(space)) == 1 &&
         EVP_DigestUpdate(ctx, s->data, s->len) == 1 && EVP_DigestFinal_ex(ctx, bytes, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    if (!ok)
        return hsl_raise(r, HSL_R15, "uuidv5(): the digest is not available on this host");
    return give_uuid(r, bytes, 5, out) && hsl_work(r, s->len);
}

const struct hsl_builtin hsl_lib_crypt_rows[] = {
    {"md5", "s|o", 0, HSL_PURE, .fn = fn_md5, "md5(s [, options])",
        "The MD5 digest in lower-case hex; as bytes with option binary.", .options = "binary",
        .errors = "the digest is not available on the host"},
    {"sha1", "s|o", 0, HSL_PURE, .fn = fn_sha1, "sha1(s [, options])",
        "The SHA-1 digest in lower-case hex; as bytes with option binary.", .options = "binary",
        .errors = "the digest is not available on the host"},
    {"sha2", "sn|o", 0, HSL_PURE, .fn = fn_sha2, "sha2(s, size [, options])",
        "The SHA-2 digest of 256 or 512 bits in lower-case hex; as bytes with option binary.",
        .options = "binary", .errors = "the size is neither 256 nor 512"},
    {"hmac_md5", "ss|o", 0, HSL_PURE, .fn = fn_hmac_md5, "hmac_md5(key, s [, options])",
        "The HMAC of s by MD5, as md5() gives it.", .options = "binary",
        .errors = "the digest is not available on the host"},
    {"hmac_sha1", "ss|o", 0, HSL_PURE, .fn = fn_hmac_sha1, "hmac_sha1(key, s [, options])",
        "The HMAC of s by SHA-1, as sha1() gives it.", .options = "binary",
        .errors = "the digest is not available on the host"},
    {"hmac_sha2", "ssn|o", 0, HSL_PURE, .fn = fn_hmac_sha2, "hmac_sha2(key, s, size [, options])",
        "The HMAC of s by SHA-2 of 256 or 512 bits, as sha2() gives it.", .options = "binary",
        .errors = "the size is neither 256 nor 512"},
    {"hash", "s", 0, HSL_PURE, .fn = fn_hash, "hash(s)",
        "A number from 0 to 4294967295 for the string, the same on every host (FNV-1a)."},
    {"crypt", "ss", 0, HSL_BLOCKS, .fn = fn_crypt, "crypt(password, salt)",
        "The password hashed with the salt by crypt(3), or \"*0\" if that is not possible. To "
        "check a password: crypt($password, $stored) === $stored."},
    {"random_number", "|nn", 0, 0, .fn = fn_random_number, "random_number([first, last])",
        "A random number from 0 to 1, or a whole number from first to last.",
        .errors = "first is larger than last", .other = "rand"},
    {"rand", "nn", 0, 0, .fn = fn_rand, "rand(first, last)", "The old name of random_number()."},
    {"random_bytes", "n", 0, 0, .fn = fn_random_bytes, "random_bytes(n)",
        "A string of n random bytes, at most 1048576.", .errors = "n is not between 0 and 1048576"},
    {"uuid", "", 0, 0, .fn = fn_uuid, "uuid()", "A new random UUID (version 4)."},
    {"uuidv5", "ss", 0, HSL_PURE, .fn = fn_uuidv5, "uuidv5(namespace, value)",
        "The UUID (version 5) of a value in the namespace, which is a UUID too.",
        .errors = "the namespace is no UUID"},
    {.name = NULL},
};
