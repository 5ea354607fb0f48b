/* Identifiers: exact forms, known values from a known random source, no repeats, forks. */
#include "base/id.h"

#include <regex.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static bool matches(const char *text, size_t len, const char *pattern)
{
    char z[300];
    memcpy(z, text, len);
    z[len] = '\0';
    regex_t re;
    if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0) return false;
    bool good = regexec(&re, z, 0, NULL, 0) == 0;
    regfree(&re);
    return good;
}

static void test_forms(void)
{
    char t[256];
    int bad = 0;
    const int64_t now = 1763768700123;
    for (int i = 0; i < 500; i++) {
        id_uuid4(t);
        bad += !matches(t, 36, "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$");
        id_uuid7(t, now);
        bad += !matches(t, 36, "^019aa8ce-8cdb-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$");
        id_cuid(t, now);
        bad += !matches(t, 25, "^cmi9icezf[0-9a-z]{16}$");
        bad += !id_cuid2(t, now) || !matches(t, 24, "^[a-z][0-9a-z]{23}$");
        id_ulid(t, now);
        bad += !matches(t, 26, "^01KAMCX36V[0-9A-HJKMNP-TV-Z]{16}$");
        id_nanoid(t, 21);
        bad += !matches(t, 21, "^[A-Za-z0-9_-]{21}$");
    }
    is_int(bad, 0);
    memset(t, '!', sizeof t);
    id_nanoid(t, 1);
    ok(t[0] != '!' && t[1] == '!', "nanoid of 1");
    id_nanoid(t, 256);
    ok(!memchr(t, '!', 256), "nanoid of 256");
    id_ulid(t, -5);
    ok(memcmp(t, "0000000000", 10) == 0, "a time before 1970 counts as 1970");
    id_ulid(t, ((int64_t)1 << 48) - 1);
    ok(memcmp(t, "7ZZZZZZZZZ", 10) == 0, "the last time of a ulid");
}

static void all_ones(void *ctx, void *out, size_t n)
{
    (void)ctx;
    memset(out, 0xff, n);
}

static void counting(void *ctx, void *out, size_t n)
{
    for (size_t i = 0; i < n; i++) ((unsigned char *)out)[i] = (*(unsigned char *)ctx)++;
}

static void test_known(void)
{
    char t[64];
    rand_set_source(all_ones, NULL);
    id_uuid4(t);
    ok(memcmp(t, "ffffffff-ffff-4fff-bfff-ffffffffffff", 36) == 0);
    id_uuid7(t, 0);
    ok(memcmp(t, "00000000-0000-7fff-bfff-ffffffffffff", 36) == 0);
    id_ulid(t, ((int64_t)1 << 48) - 1);
    ok(memcmp(t, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", 26) == 0);
    id_nanoid(t, 3);
    ok(memcmp(t, "---", 3) == 0);
    unsigned char at = 0;
    rand_set_source(counting, &at);
    id_uuid4(t);
    ok(memcmp(t, "00010203-0405-4607-8809-0a0b0c0d0e0f", 36) == 0);
    at = 0;
    id_ulid(t, 0);
    ok(memcmp(t, "00000000000R3GG28A1C60T3GF", 26) == 0);
    rand_set_source(NULL, NULL);
}

static int by_text(const void *a, const void *b)
{
    return memcmp(a, b, 24);
}

static void test_unique(void)
{
    enum { N = 20000 };
    static char ids[N][24];
    bool all = true;
    for (int i = 0; i < N; i++) all = id_cuid2(ids[i], 1) && all;
    ok(all);
    qsort(ids, N, 24, by_text);
    int same = 0;
    for (int i = 1; i < N; i++) same += memcmp(ids[i - 1], ids[i], 24) == 0;
    is_int(same, 0);
    int letters[26] = {0}, off = 0;
    for (int i = 0; i < N; i++) letters[ids[i][0] - 'a']++;
    for (int i = 0; i < 26; i++) off += letters[i] < N / 26 / 2 || letters[i] > N / 26 * 2;
    ok(off == 0, "first letters are evenly spread");

    char a[25], b[25];
    id_cuid(a, 5);
    id_cuid(b, 5);
    ok(memcmp(a + 9, b + 9, 4) != 0, "the counter counts");
    ok(memcmp(a + 13, b + 13, 4) == 0, "the fingerprint stays");
}

static void test_fork(void)
{
    unsigned char before[16], mine[16], theirs[16] = {0};
    rand_bytes(before, sizeof before);
    int fds[2];
    if (pipe(fds) != 0) return;
    pid_t child = fork();
    if (child == 0) {
        rand_bytes(mine, sizeof mine);
        _exit(write(fds[1], mine, sizeof mine) == sizeof mine ? 0 : 1);
    }
    rand_bytes(mine, sizeof mine);
    ok(read(fds[0], theirs, sizeof theirs) == sizeof theirs);
    int status;
    waitpid(child, &status, 0);
    ok(memcmp(mine, theirs, sizeof mine) != 0, "a child does not repeat its parent's bytes");
    close(fds[0]);
    close(fds[1]);
    unsigned char big[4096] = {0};
    rand_bytes(big, sizeof big);
    size_t zero = 0;
    for (size_t i = 0; i < sizeof big; i++) zero += big[i] == 0;
    ok(zero < 100, "more than a batch at once");
    rand_bytes(big, 0);
}

int main(void)
{
    test_forms();
    test_known();
    test_unique();
    test_fork();
    return done_testing();
}
