/* json/number.c - doubles to text and back, exactly.
 *
 * Both directions have an exact short cut that needs nothing but one correctly rounded multiplication or division
 * (integers and short decimals, which is nearly every number people store). What is left is written by shortest.c and read by the
 * C library's correctly rounded conversion, which never sees a decimal point: its spelling depends on the locale of the
 * program that we are embedded in.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json/json_int.h"

/* Powers of ten that a double holds exactly. */
static const double exact_pow10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                     1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
#define EXACT_POW10_MAX 22
#define EXACT_INTEGER_MAX ((uint64_t)1 << 53)
/* Up to 15 digits, no two decimals of the same length read as one double, so a match is the shortest text. */
#define UNIQUE_MAX 1e15
/* Prices and measurements: trying more places costs more than the general way. */
#define SHORT_PLACES 3

/* Writes digits d[0..k) with value 0.d0d1d2... * 10^point, in the three forms of ECMAScript's Number::toString. */
static size_t put_spelled(char *out, const char *d, int k, int point)
{
    size_t n = 0;
    if (point > 0 && point <= 21) {
        int whole = k < point ? k : point;
        memcpy(out, d, (size_t)whole);
        n = (size_t)whole;
        for (int i = k; i < point; i++) out[n++] = '0';
        if (k > point) {
            out[n++] = '.';
            memcpy(out + n, d + point, (size_t)(k - point));
            n += (size_t)(k - point);
        }
        return n;
    }
    if (point > -6 && point <= 0) {
        out[n++] = '0';
        out[n++] = '.';
        for (int i = point; i < 0; i++) out[n++] = '0';
        memcpy(out + n, d, (size_t)k);
        return n + (size_t)k;
    }
    out[n++] = d[0];
    if (k > 1) {
        out[n++] = '.';
        memcpy(out + n, d + 1, (size_t)k - 1);
        n += (size_t)k - 1;
    }
    out[n++] = 'e';
    int e = point - 1;
    out[n++] = e < 0 ? '-' : '+';
    return n + str_digits(out + n, (uint64_t)(e < 0 ? -e : e));
}

/* f > 0. The digits and the point of a decimal with a few places that reads back as f; 0 when there is none. */
static int short_decimal(double f, char digits[20], int *point)
{
    for (int k = 1; k <= SHORT_PLACES; k++) {
        double scaled = f * exact_pow10[k];
        if (scaled >= UNIQUE_MAX) return 0;
        double whole = nearbyint(scaled);
        /* Both operands are exact, so this division is the correctly rounded value of the decimal text. */
        if (whole / exact_pow10[k] == f) {
            int len = (int)str_digits(digits, (uint64_t)whole);
            *point = len - k;
            return len;
        }
    }
    return 0;
}

static int shortest_decimal(double f, char digits[20], int *point)
{
    int exp;
    uint64_t u = json_shortest(f, &exp);
    int len = (int)str_digits(digits, u);
    *point = len + exp;
    while (digits[len - 1] == '0') len--;
    return len;
}

size_t json_f64_format(char out[32], double f)
{
    size_t sign = 0;
    if (f < 0) {
        *out++ = '-';
        sign = 1;
        f = -f;
    }
    if (f < (double)EXACT_INTEGER_MAX && f == (double)(uint64_t)f) return sign + str_digits(out, (uint64_t)f);
    char digits[20];
    int point = 0;
    int k = short_decimal(f, digits, &point);
    if (k == 0) k = shortest_decimal(f, digits, &point);
    return sign + put_spelled(out, digits, k, point);
}

void json_put_f64(buf *b, double f)
{
    char text[32];
    if (!isfinite(f)) {
        buf_lit(b, "null");
        return;
    }
    buf_bytes(b, text, json_f64_format(text, f));
}

/* --- reading -------------------------------------------------------------------------------------------------------- */

/* More digits than any double's exact value or midpoint has; what follows only says "a little more". */
#define DIGITS_KEPT 800

/* The parts of a number whose grammar was checked. */
typedef struct number {
    const char *digits; /* from the first significant digit; may hold a '.' */
    const char *end;
    int64_t exp; /* of ten, for the integer that all digits make */
    bool neg;
} number;

static number number_parts(const char *p, const char *end)
{
    number v = {.neg = *p == '-'};
    if (v.neg) p++;
    const char *mark = p;
    while (mark < end && *mark != 'e' && *mark != 'E') mark++;
    v.end = mark;
    if (mark < end) {
        const char *q = mark + 1;
        bool minus = *q == '-';
        if (*q == '-' || *q == '+') q++;
        for (; q < end; q++) {
            if (v.exp < 100000000) v.exp = v.exp * 10 + (*q - '0');
        }
        if (minus) v.exp = -v.exp;
    }
    const char *dot = memchr(p, '.', (size_t)(mark - p));
    if (dot != NULL) v.exp -= mark - dot - 1;
    while (p < mark && (*p == '0' || *p == '.')) p++;
    v.digits = p;
    return v;
}

/* Digits without a point and an exponent: a text that means the same in every locale. */
static double slow_value(const number *v)
{
    char text[DIGITS_KEPT + 48];
    size_t n = 0;
    int64_t exp = v->exp;
    bool more = false;
    for (const char *p = v->digits; p < v->end; p++) {
        if (*p == '.') continue;
        if (n < DIGITS_KEPT) {
            text[n++] = *p;
        } else {
            more = more || *p != '0';
            exp++;
        }
    }
    if (more) {
        text[n++] = '1';
        exp--;
    }
    if (exp > 99999) exp = 99999;
    if (exp < -99999) exp = -99999;
    snprintf(text + n, sizeof text - n, "e%d", (int)exp);
    return strtod(text, NULL);
}

bool json_f64_read(nicol_str s, double *out)
{
    json_bad bad;
    uint8_t real = 0;
    if (s.len == 0) return false;
    const char *end = s.ptr + s.len;
    if (json_scan_number(s.ptr, end, &real, &bad) != end) return false;
    number v = number_parts(s.ptr, end);
    uint64_t u = 0;
    int n = 0;
    for (const char *p = v.digits; p < v.end && n < 18; p++) {
        if (*p == '.') continue;
        u = u * 10 + (uint64_t)(*p - '0');
        n++;
    }
    double f;
    if (n == 0) f = 0;
    else if (n < 18 && u <= EXACT_INTEGER_MAX && v.exp >= 0 && v.exp <= EXACT_POW10_MAX)
        f = (double)u * exact_pow10[v.exp];
    else if (n < 18 && u <= EXACT_INTEGER_MAX && v.exp < 0 && v.exp >= -EXACT_POW10_MAX)
        f = (double)u / exact_pow10[-v.exp];
    else f = slow_value(&v);
    if (!isfinite(f)) return false;
    *out = v.neg ? -f : f;
    return true;
}
