/* qtn_id.c - make and read the names of quarantined messages.
 * Not here: where a message of a name is (qtn_store.c).
 * Threads: any. Fails: only without random bytes. */
#include "config.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "quarantine/qtn_id.h"

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* Bytes of the binary form: 58 bits of time, 70 random; 130 bits of text hold the 128. */
#define BINARY 16

static void
encode(const unsigned char bytes[BINARY], char out[QTN_ID_LEN + 1])
{
    unsigned bits = 0;
    unsigned have = 2; /* two zero bits in front make 130 */
    size_t n = 0;

    for (size_t i = 0; i < BINARY; i++) {
        bits = (bits << 8) | bytes[i];
        have += 8;
        while (have >= 5) {
            have -= 5;
            out[n++] = digits[(bits >> have) & 31];
        }
    }
    out[n] = '\0';
}

static void
put_time(unsigned char bytes[BINARY], long long ms)
{
    for (unsigned i = 0; i < 6; i++)
        bytes[i] = (unsigned char)((unsigned long long)ms >> (40 - 8 * i));
}

int
qtn_id_new(char out[QTN_ID_LEN + 1], struct ut_diag *d)
{
    unsigned char bytes[BINARY];
    struct timespec now;
    unsigned micro;

    clock_gettime(CLOCK_REALTIME, &now);
    put_time(bytes, (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    if (getrandom(bytes + 6, sizeof(bytes) - 6, 0) != (ssize_t)sizeof(bytes) - 6)
        return ut_diag_errno(d, "no random bytes for a message id");
    micro = (unsigned)(now.tv_nsec / 1000 % 1000);
    bytes[6] = (unsigned char)(micro >> 2);
    bytes[7] = (unsigned char)((micro & 3) << 6 | (bytes[7] & 63));
    encode(bytes, out);
    return 0;
}

void
qtn_id_floor(char out[QTN_ID_LEN + 1], long long ms)
{
    unsigned char bytes[BINARY] = {0};

    if (ms >= 1LL << 48)
        memset(bytes, 0xff, sizeof(bytes));
    else if (ms > 0)
        put_time(bytes, ms);
    encode(bytes, out);
}

/* The value of a digit, or -1. */
static int
digit(char c)
{
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

bool
qtn_id_valid(const char *id)
{
    if (!id || strnlen(id, QTN_ID_LEN + 1) != QTN_ID_LEN || id[0] > '7')
        return false;
    for (size_t i = 0; i < QTN_ID_LEN; i++)
        if (digit(id[i]) < 0)
            return false;
    return true;
}

long long
qtn_id_time(const char *id)
{
    long long ms = 0;

    if (!qtn_id_valid(id))
        return -1;
    for (size_t i = 0; i < 10; i++)
        ms = ms * 32 + digit(id[i]);
    return ms;
}
