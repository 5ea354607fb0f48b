/* json/shortest.c - the shortest decimal that reads back as a double, and of those the nearest to it.
 *
 * Raffaello Giulietti's method ("The Schubfach way to render doubles"): every decimal of the interval that rounds to the double
 * is m * 10^k for a k that the binary exponent gives, and the interval is so wide that it holds one such m at least, and ten at
 * most. So two candidates with one digit less and two with all digits are looked at, and nothing is tried. Scaling by
 * 10^-k is one multiplication by a power kept to 128 bits, whose result is rounded to odd: that keeps every
 * comparison with the interval's ends exact.
 */
#include "json/json_int.h"
#include "json/powers_int.h"

#define SIGNIFICAND_BITS 52
#define HIDDEN_BIT ((uint64_t)1 << SIGNIFICAND_BITS)
#define EXPONENT_BIAS 1075 /* of the significand as an integer */

/* floor(e * log10(2)), and of three quarters of that power of two; floor(e * log2(10)). Exact for all exponents of doubles. */
static int log10_pow2(int e)
{
    return (e * 1262611) >> 22;
}
static int log10_three_quarters_pow2(int e)
{
    return (e * 1262611 - 524031) >> 22;
}
static int log2_pow10(int e)
{
    return (e * 1741647) >> 19;
}

/* The upper 64 of the 192 bits of p * c, the lowest bit set when what is cut off is not nothing (or the power's rounding). */
static uint64_t scaled_to_odd(json_power p, uint64_t c)
{
    unsigned __int128 low = (unsigned __int128)p.low * c;
    unsigned __int128 high = (unsigned __int128)p.high * c + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

uint64_t json_shortest(double f, int *exp)
{
    uint64_t bits;
    memcpy(&bits, &f, sizeof bits);
    uint64_t fraction = bits & (HIDDEN_BIT - 1);
    int biased = (int)(bits >> SIGNIFICAND_BITS);
    uint64_t c = biased ? HIDDEN_BIT | fraction : fraction;
    int q = (biased ? biased : 1) - EXPONENT_BIAS;
    /* The neighbour below a power of two is half as far away as the one above. */
    bool near_below = fraction == 0 && biased > 1;
    int k = near_below ? log10_three_quarters_pow2(q) : log10_pow2(q);
    int shift = q + log2_pow10(-k) + 1;
    json_power p = json_powers[-k - JSON_POWER_LEAST];
    /* All in quarters: the double, and the ends of its interval, which belong to it when its significand is even. */
    uint64_t here = scaled_to_odd(p, 4 * c << shift);
    uint64_t least = scaled_to_odd(p, (4 * c - 2 + near_below) << shift) + (c & 1);
    uint64_t most = scaled_to_odd(p, (4 * c + 2) << shift) - (c & 1);
    uint64_t below = here / 4;
    *exp = k;
    if (below >= 10) {
        uint64_t ten = below / 10;
        bool down = least <= 40 * ten, up = 40 * ten + 40 <= most;
        if (down != up) {
            *exp = k + 1;
            return ten + up;
        }
    }
    bool down = least <= 4 * below, up = 4 * below + 4 <= most;
    if (down != up) return below + up;
    uint64_t middle = 4 * below + 2;
    return below + (here > middle || (here == middle && (below & 1)));
}
