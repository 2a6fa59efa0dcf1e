/* hsl_lib_aes.c - aes_encrypt() and aes_decrypt() (library §8), by OpenSSL's EVP.
 *
 * Not here: hashes (hsl_lib_crypt.c). Neither mode proves that nobody changed the bytes; scripts
 * that need that add an HMAC.
 * Threads: as the run. Fails: R07, R15 for a mode that there is not, limits; keys and bytes that do
 * not fit give none. */
#include "config.h"

#include <limits.h>
#include <openssl/evp.h>

#include "hsl/hsl_lib.h"

#define BLOCK 16u

/* One call. */
struct aes {
    struct hsl_run *run;
    const char *name;
    bool encrypt, padding;
    const struct hsl_str *text, *key;
    struct hsl_str *iv; /* NULL: not given */
};

/* The cipher for mode and key; NULL: there is none for a key of that length. */
static const EVP_CIPHER *
cipher_of(const struct aes *a, bool cbc)
{
    switch (a->key->len) {
    case 16:
        return cbc ? EVP_aes_128_cbc() : EVP_aes_128_ecb();
    case 24:
        return cbc ? EVP_aes_192_cbc() : EVP_aes_192_ecb();
    case 32:
        return cbc ? EVP_aes_256_cbc() : EVP_aes_256_ecb();
    default:
        return NULL;
    }
}

/* The result, or none. */
static bool
convert(const struct aes *a, const EVP_CIPHER *cipher, EVP_CIPHER_CTX *ctx, struct hsl_value *out)
{
    struct hsl_str *s = hsl_str_alloc(a->run, (size_t)a->text->len + BLOCK);
    const unsigned char *iv = a->iv ? (const unsigned char *)a->iv->data : NULL;
    unsigned char *to;
    int len = 0, rest = 0;
    bool fits, ok;

    if (!s)
        return false;
    to = (unsigned char *)s->data;
    fits =
        EVP_CipherInit_ex2(
            ctx, cipher, (const unsigned char *)a->key->data, iv, a->encrypt, NULL) &&
        EVP_CIPHER_CTX_set_padding(ctx, a->padding) &&
        EVP_CipherUpdate(ctx, to, &len, (const unsigned char *)a->text->data, (int)a->text->len) &&
        EVP_CipherFinal_ex(ctx, to + len, &rest);
    ok = !fits || hsl_ret_str(a->run, out, s->data, (size_t)(len + rest));
    explicit_bzero(s->data, s->len);
    hsl_unref(a->run, hsl_from_str(s));
    return ok && hsl_work(a->run, a->text->len);
}

static bool
aes(struct hsl_run *r, const char *name, bool encrypt, const struct hsl_value *args, unsigned argc,
    struct hsl_value *out)
{
    const struct hsl_value *o = argc > 3 ? &args[3] : NULL;
    struct aes a = {.run = r,
        .name = name,
        .encrypt = encrypt,
        .padding = true,
        .text = args[0].u.str,
        .key = args[1].u.str};
    bool cbc = strcmp(args[2].u.str->data, "cbc") == 0, ok;
    const EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *ctx;

    if (!cbc && strcmp(args[2].u.str->data, "ecb") != 0)
        return hsl_raise(r, HSL_R15, "%s(): the mode is ecb or cbc", name);
    if (!hsl_opt_str(r, name, 4, o, "iv", &a.iv) ||
        !hsl_opt_bool(r, name, 4, o, "padding", &a.padding))
        return false;
    cipher = cipher_of(&a, cbc);
    if (!cipher || (cbc && (!a.iv || a.iv->len != BLOCK)) || a.text->len > INT_MAX - BLOCK)
        return true;
    ctx = EVP_CIPHER_CTX_new();
    if (!ctx)
        return hsl_limit(r, HSL_L08, "out of memory");
    ok = convert(&a, cipher, ctx, out);
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static bool
fn_encrypt(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return aes(r, "aes_encrypt", true, args, argc, out);
}

static bool
fn_decrypt(struct hsl_run *r, struct hsl_value *args, unsigned argc, struct hsl_value *out)
{
    return aes(r, "aes_decrypt", false, args, argc, out);
}

const struct hsl_builtin hsl_lib_aes_rows[] = {
    {"aes_encrypt", "sss|o", 0, 0, .fn = fn_encrypt, "aes_encrypt(s, key, mode [, options])",
        "The string encrypted by AES in mode ecb or cbc, with a key of 16, 24 or 32 bytes; none if "
        "something does not fit. Options: iv (16 bytes, for cbc), padding (true, as PKCS #7).",
        .options = "iv padding", .errors = "the mode is another"},
    {"aes_decrypt", "sss|o", 0, 0, .fn = fn_decrypt, "aes_decrypt(s, key, mode [, options])",
        "The string that was encrypted so; none if it does not come out as whole blocks with right "
        "padding.",
        .options = "iv padding", .errors = "the mode is another"},
    {.name = NULL},
};
