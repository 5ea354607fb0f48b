/* tests/unit/test_json_shortest.c - doubles to text against a slow way that is plainly right: print with more and more digits
 * until the text reads back as the double.
 *
 * NICOL_TEST_DOUBLES=50000000 tests that many random ones.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "json/json.h"
#include "json/powers_int.h"

/* --- the slow way ----------------------------------------------------------------------------------------------------- */

static double value_of(const char *digits, int k, int exp)
{
    char text[48];
    snprintf(text, sizeof text, "%.*se%d", k, digits, exp);
    return strtod(text, NULL);
}

/* One unit in the last place more; false when that would need one digit more. */
static bool next_up(const char *digits, int k, char *d)
{
    memcpy(d, digits, (size_t)k);
    for (int i = k - 1; i >= 0; i--) {
        if (d[i] != '9') {
            d[i]++;
            return true;
        }
        d[i] = '0';
    }
    return false;
}

/* The digits of the shortest decimal, and its exponent as printf's %e has it. */
static int slow_digits(double f, char digits[20], int *exp)
{
    for (int k = 1; k <= 17; k++) {
        char text[48], up[20];
        snprintf(text, sizeof text, "%.*e", k - 1, f);
        int n = 0;
        const char *p = text;
        for (; *p != 'e'; p++) {
            if (*p != '.') digits[n++] = *p;
        }
        *exp = (int)strtol(p + 1, NULL, 10);
        if (value_of(digits, k, *exp - k + 1) == f) return k;
        /* Below a power of two the neighbours are closer than above it, so the nearest text of this length may miss while
         * the one above still reads back. */
        if (next_up(digits, k, up) && value_of(up, k, *exp - k + 1) == f) {
            memcpy(digits, up, (size_t)k);
            return k;
        }
    }
    return 0;
}

/* As ECMAScript's Number::toString spells it. */
static void slow_text(double f, char out[64])
{
    char d[20] = "";
    int e = 0;
    const char *sign = f < 0 ? "-" : "";
    int k = f == 0 ? 0 : slow_digits(fabs(f), d, &e), point = e + 1;
    if (f == 0) snprintf(out, 64, "0");
    else if (point > 0 && point <= 21 && k <= point)
        snprintf(out, 64, "%s%.*s%.*s", sign, k, d, point - k, "00000000000000000000000");
    else if (point > 0 && point <= 21) snprintf(out, 64, "%s%.*s.%.*s", sign, point, d, k - point, d + point);
    else if (point > -6 && point <= 0) snprintf(out, 64, "%s0.%.*s%.*s", sign, -point, "0000000", k, d);
    else if (k == 1) snprintf(out, 64, "%s%ce%+d", sign, d[0], e);
    else snprintf(out, 64, "%s%c.%.*se%+d", sign, d[0], k - 1, d + 1, e);
}

static uint64_t wrong;

static void compare(double f)
{
    char mine[33], slow[64];
    if (!isfinite(f)) return;
    mine[json_f64_format(mine, f)] = '\0';
    slow_text(f, slow);
    if (strcmp(mine, slow) == 0) return;
    if (wrong++ < 10) diag("%a: %s, not %s", f, slow, mine);
}

static double of_bits(uint64_t bits)
{
    double f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static void around(double f)
{
    uint64_t bits;
    memcpy(&bits, &f, sizeof bits);
    for (uint64_t i = 0; i < 5; i++) compare(of_bits(bits - 2 + i));
}

static void test_edges(void)
{
    wrong = 0;
    for (uint64_t e = 0; e < 2047; e++) {
        for (uint64_t m = 0; m < 4; m++) {
            compare(of_bits(e << 52 | m));
            compare(of_bits(e << 52 | (((uint64_t)1 << 52) - 1 - m)));
        }
        for (uint64_t b = 0; b < 52; b += 13) compare(of_bits(e << 52 | (uint64_t)1 << b));
    }
    for (int e = -323; e <= 308; e++) {
        for (int d = 1; d < 10; d++) {
            char text[16];
            snprintf(text, sizeof text, "%de%d", d, e);
            around(strtod(text, NULL));
        }
    }
    for (int i = 0; i < 20000; i++) {
        compare(i / 100.0);
        compare(i / 1000.0);
        compare(-i / 7.0);
        compare(i * 1e15 + 0.5);
    }
    for (uint64_t i = 0; i < 60; i++) around((double)((uint64_t)1 << i) / 3);
    around(9007199254740992.0);
    around(1e15);
    around(1e21);
    around(1e-6);
    around(1e-7);
    ok(wrong == 0, "all edges as the slow way has them");
}

static void test_random(void)
{
    const char *asked = getenv("NICOL_TEST_DOUBLES");
    unsigned long n = asked ? strtoul(asked, NULL, 10) : 20000;
    uint64_t x = 88172645463325252ULL;
    wrong = 0;
    for (unsigned long i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        uint64_t bits = x * 0x2545F4914F6CDD1DULL;
        if (i % 8 == 1) bits &= 0xFFFFFFFFF0000000ULL;                                 /* few bits */
        if (i % 8 == 2) bits = (bits & 0x800FFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL; /* 1 to 2 */
        if (i % 8 == 3) bits &= 0x800FFFFFFFFFFFFFULL;                                 /* subnormal */
        if (i % 8 == 4) bits = (bits & 0x87FFFFFFFFFFFFFFULL) | 0x4000000000000000ULL; /* 2 and more */
        double f = of_bits(bits);
        if (i % 8 == 5) f = (double)(int64_t)(bits >> 20) / 1e6; /* a few places */
        if (i % 8 == 6) f = nearbyint(f * 1e4) / 1e4;
        compare(f);
    }
    ok(wrong == 0, "%lu random doubles as the slow way has them", n);
}

/* --- the table of powers ---------------------------------------------------------------------------------------------- */

#define LIMBS 48 /* of 32 bits */
typedef struct big {
    uint32_t v[LIMBS];
} big;

static void times(big *b, uint64_t m)
{
    uint64_t carry = 0;
    for (int i = 0; i < LIMBS; i++) {
        carry += b->v[i] * m;
        b->v[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static int bits_of(const big *b)
{
    for (int i = LIMBS - 1; i >= 0; i--) {
        if (b->v[i]) return 32 * i + 32 - __builtin_clz(b->v[i]);
    }
    return 0;
}

/* b * 2^-n, rounded down; *cut: something was lost. */
static unsigned __int128 upper(const big *b, int n, bool *cut)
{
    unsigned __int128 r = 0;
    *cut = false;
    for (int i = bits_of(b) - 1; i >= 0; i--) {
        unsigned bit = b->v[i / 32] >> (i % 32) & 1;
        if (i >= n) r = r << 1 | bit;
        else if (bit) *cut = true;
    }
    return n < 0 ? r << -n : r;
}

/* b times a power of the table. */
static big product(const big *b, unsigned __int128 p)
{
    big sum = {{0}};
    for (int part = 0; part < 4; part++) {
        big one = *b;
        times(&one, (uint32_t)(p >> (32 * part)));
        uint64_t carry = 0;
        for (int i = part; i < LIMBS; i++) {
            carry += (uint64_t)sum.v[i] + one.v[i - part];
            sum.v[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    return sum;
}

static void test_powers(void)
{
    int bad = 0;
    big b = {{1}};
    for (int k = 0; k <= JSON_POWER_MOST; k++, times(&b, 10)) {
        json_power p = json_powers[k - JSON_POWER_LEAST];
        bool cut;
        unsigned __int128 want = upper(&b, bits_of(&b) - 128, &cut) + cut;
        bad += p.high != (uint64_t)(want >> 64) || p.low != (uint64_t)want;
        if (k == 0 || k > -JSON_POWER_LEAST) continue;
        /* 10^-k is 1/b: the entry times b reaches the power of two, one less does not. */
        p = json_powers[-k - JSON_POWER_LEAST];
        unsigned __int128 have = (unsigned __int128)p.high << 64 | p.low;
        int two = 127 + bits_of(&b);
        big reaches = product(&b, have), misses = product(&b, have - 1);
        bad += p.high >> 63 == 0 || bits_of(&reaches) != two + 1 || bits_of(&misses) > two;
    }
    is_int(bad, 0);
}

int main(void)
{
    test_powers();
    test_edges();
    test_random();
    return done_testing();
}
