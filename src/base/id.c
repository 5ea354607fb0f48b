/* base/id.c - random bytes and identifiers.
 *
 * Random bytes come from the kernel in batches per thread, since a system call for each id would be most of its cost.
 * Bytes that were handed out are wiped, and a forked child drops the batch that it inherited: parent and child must
 * never hand out the same bytes.
 */
#include "base/id.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define BATCH 512

static struct {
    void (*fill)(void *ctx, void *out, size_t n); /* NULL: the kernel */
    void *ctx;
} source;

static atomic_uint fork_count;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static _Thread_local struct {
    unsigned char bytes[BATCH];
    size_t left; /* unused bytes, at the end */
    unsigned fork_count;
} batch;

static void after_fork(void)
{
    atomic_fetch_add_explicit(&fork_count, 1, memory_order_relaxed);
}

static void watch_forks(void)
{
    /* Without the hook a child would repeat its parent's ids; there is no safe way on. */
    if (pthread_atfork(NULL, NULL, after_fork) != 0) abort();
}

static void kernel_bytes(unsigned char *out, size_t n)
{
    while (n) {
        ssize_t got = getrandom(out, n, 0);
        if (got < 0) {
            if (errno == EINTR) continue;
            fputs("nicol: the system gives no random bytes (getrandom failed)\n", stderr);
            abort();
        }
        out += got;
        n -= (size_t)got;
    }
}

void rand_bytes(void *out, size_t n)
{
    if (source.fill) {
        source.fill(source.ctx, out, n);
        return;
    }
    if (n > BATCH / 4) {
        kernel_bytes(out, n);
        return;
    }
    pthread_once(&fork_once, watch_forks);
    unsigned forks = atomic_load_explicit(&fork_count, memory_order_relaxed);
    if (batch.left < n || batch.fork_count != forks) {
        kernel_bytes(batch.bytes, BATCH);
        batch.left = BATCH;
        batch.fork_count = forks;
    }
    unsigned char *from = batch.bytes + (BATCH - batch.left);
    memcpy(out, from, n);
    explicit_bzero(from, n);
    batch.left -= n;
}

void rand_set_source(void (*fill)(void *ctx, void *out, size_t n), void *ctx)
{
    source.ctx = ctx;
    source.fill = fill;
}

static void uuid_text(char out[36], const unsigned char b[16])
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
        *out++ = hex[b[i] >> 4];
        *out++ = hex[b[i] & 15];
    }
}

static void uuid_mark(unsigned char b[16], unsigned version)
{
    b[6] = (unsigned char)((b[6] & 0x0f) | version << 4);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
}

void id_uuid4(char out[36])
{
    unsigned char b[16];
    rand_bytes(b, sizeof b);
    uuid_mark(b, 4);
    uuid_text(out, b);
}

/* Both formats that hold a time have 48 bits for it, big-endian. */
static void put_time48(unsigned char b[6], int64_t wall_ms)
{
    uint64_t t = wall_ms < 0 ? 0 : (uint64_t)wall_ms;
    for (unsigned i = 0; i < 6; i++) b[i] = (unsigned char)(t >> (40 - 8 * i));
}

void id_uuid7(char out[36], int64_t wall_ms)
{
    unsigned char b[16];
    rand_bytes(b, sizeof b);
    put_time48(b, wall_ms);
    uuid_mark(b, 7);
    uuid_text(out, b);
}

static const char base36[] = "0123456789abcdefghijklmnopqrstuvwxyz";

/* The low `n` digits of v in base 36, zeroes in front. */
static void put_base36(char *out, size_t n, uint64_t v)
{
    while (n) {
        out[--n] = base36[v % 36];
        v /= 36;
    }
}

/* Random characters of base 36. 252 is the largest multiple of 36 in a byte: what lies above would favour some. */
static void put_random36(char *out, size_t n)
{
    while (n) {
        unsigned char b[32];
        rand_bytes(b, sizeof b);
        for (size_t i = 0; i < sizeof b && n; i++) {
            if (b[i] < 252) {
                *out++ = base36[b[i] % 36];
                n--;
            }
        }
    }
}

/* Four characters that tell this process from others: two of the process id, two of the host's name. */
static void cuid_fingerprint(char out[4])
{
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
    size_t len = strlen(host), sum = len + 36;
    for (size_t i = 0; i < len; i++) sum += (unsigned char)host[i];
    put_base36(out, 2, (uint64_t)getpid());
    put_base36(out + 2, 2, sum);
}

void id_cuid(char out[25], int64_t wall_ms)
{
    static atomic_uint counter;
    static _Thread_local char fingerprint[4];
    static _Thread_local pid_t fingerprint_of;
    pid_t pid = getpid();
    if (fingerprint_of != pid) {
        cuid_fingerprint(fingerprint);
        fingerprint_of = pid;
    }
    out[0] = 'c';
    put_base36(out + 1, 8, wall_ms < 0 ? 0 : (uint64_t)wall_ms);
    put_base36(out + 9, 4, atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed) % (36 * 36 * 36 * 36));
    memcpy(out + 13, fingerprint, 4);
    put_random36(out + 17, 8);
}

/* What tells this process from others in a cuid2: made once, again in a forked child. */
static void cuid2_fingerprint(char out[32])
{
    static _Thread_local char mine[32];
    static _Thread_local pid_t mine_of;
    pid_t pid = getpid();
    if (mine_of != pid) {
        put_random36(mine, sizeof mine);
        mine_of = pid;
    }
    memcpy(out, mine, sizeof mine);
}

bool id_cuid2(char out[24], int64_t wall_ms)
{
    static atomic_uint counter;
    /* time 13, salt 24, count 7, fingerprint 32 */
    char text[13 + 24 + 7 + 32];
    put_base36(text, 13, wall_ms < 0 ? 0 : (uint64_t)wall_ms);
    put_random36(text + 13, 24);
    put_base36(text + 37, 7, atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed));
    cuid2_fingerprint(text + 44);

    unsigned char hash[64];
    unsigned size = 0;
    if (EVP_Digest(text, sizeof text, hash, &size, EVP_sha3_512(), NULL) != 1 || size != sizeof hash) return false;

    /* The hash as one big number in base 36: 100 digits hold 512 bits. Divided 32 bits at a time. */
    uint32_t words[16];
    for (size_t i = 0; i < 16; i++) {
        const unsigned char *b = hash + 4 * i;
        words[i] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    }
    char digits[100];
    for (size_t d = sizeof digits; d-- > 0;) {
        uint64_t rest = 0;
        for (size_t i = 0; i < 16; i++) {
            rest = rest << 32 | words[i];
            words[i] = (uint32_t)(rest / 36);
            rest %= 36;
        }
        digits[d] = base36[rest];
    }
    size_t first = 0;
    while (first < 32 && digits[first] == '0') first++;
    unsigned char letter;
    do rand_bytes(&letter, 1);
    while (letter >= 234); /* 9 * 26 */
    out[0] = (char)('a' + letter % 26);
    memcpy(out + 1, digits + first + 2, 23); /* leading digits of a number are not evenly spread */
    return true;
}

void id_ulid(char out[26], int64_t wall_ms)
{
    static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    unsigned char b[16];
    rand_bytes(b, sizeof b);
    put_time48(b, wall_ms);
    /* 128 bits in 26 groups of five, the first one short: two zero bits in front. */
    unsigned have = 2, bits = 0;
    size_t at = 0;
    for (size_t i = 0; i < 26; i++) {
        while (have < 5) {
            bits = (bits << 8 | b[at++]) & 0xffff;
            have += 8;
        }
        have -= 5;
        out[i] = crockford[bits >> have & 31];
    }
}

void id_nanoid(char *out, size_t len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    unsigned char b[256];
    if (len > sizeof b) len = sizeof b;
    rand_bytes(b, len);
    for (size_t i = 0; i < len; i++) out[i] = alphabet[b[i] & 63];
}
