/* qtn_digest.c - SHA-256 in pieces. Nothing is kept between digests. Fails: without memory. */
#include "config.h"

#include <openssl/evp.h>

#include "quarantine/qtn_digest.h"

int
qtn_digest_init(struct qtn_digest *g)
{
    g->ctx = EVP_MD_CTX_new();
    if (g->ctx && EVP_DigestInit_ex(g->ctx, EVP_sha256(), NULL) == 1)
        return 0;
    qtn_digest_fini(g);
    return -1;
}

void
qtn_digest_fini(struct qtn_digest *g)
{
    EVP_MD_CTX_free(g->ctx);
    g->ctx = NULL;
}

int
qtn_digest_add(struct qtn_digest *g, const void *p, size_t len)
{
    return g->ctx && EVP_DigestUpdate(g->ctx, p, len) == 1 ? 0 : -1;
}

int
qtn_digest_hex(struct qtn_digest *g, char out[QTN_DIGEST_LEN + 1])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (!g->ctx || EVP_DigestFinal_ex(g->ctx, bytes, &len) != 1 || len * 2 != QTN_DIGEST_LEN)
        return -1;
    for (unsigned i = 0; i < len; i++) {
        out[2 * i] = hex[bytes[i] >> 4];
        out[2 * i + 1] = hex[bytes[i] & 15];
    }
    out[QTN_DIGEST_LEN] = '\0';
    return 0;
}
