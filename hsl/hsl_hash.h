/* hsl_hash.h - hashes of bytes that come from outside, seeded so that nobody can aim at one chain of
 * a table. For tables of this process only: the result depends on the machine. Any thread. */
#ifndef HSL_HASH_H
#define HSL_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t
hsl_hash_mix(uint64_t a, uint64_t b)
{
    uint64_t low = (a ^ b) * UINT64_C(0x9e3779b97f4a7c15);

    return (low ^ (low >> 29)) * UINT64_C(0xbf58476d1ce4e5b9) ^ (low >> 32) ^ b;
}

/* The hash [h] of what stood before goes on with [len] bytes at [p]; [key] is a random number. */
static inline uint64_t
hsl_hash_bytes(uint64_t h, uint64_t key, const char *p, size_t len)
{
    uint64_t word;

    for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        h = hsl_hash_mix(h ^ word, key);
    }
    word = len;
    for (size_t i = 0; i < len; i++)
        word = word << 8 | (unsigned char)p[i];
    return hsl_hash_mix(h ^ word, key);
}

#endif
