/* value/decimal.c - decimals as text: canonical form, plain form, order. The database does the arithmetic.
 *
 * A decimal is looked at in place: its significant digits (of which at most one '.' interrupts the run), and the
 * power of ten of the first one. Nothing is copied or converted, so digits are never lost, however many there are.
 */
#include "value/value.h"

#define EXPONENT_MAX 9000000000000000LL /* as decimal.js has it: past this its numbers overflow */
#define PLAIN_CHARS_MAX 1100
#define POINT_MAX_PLAIN 21
#define POINT_MIN_PLAIN (-7)

typedef struct dec {
    bool neg;
    bool zero;
    const char *digits; /* first significant digit */
    const char *end;    /* after the last one */
    size_t n;           /* significant digits between them */
    int64_t exp;        /* power of ten of the first one: 123 has 2, 0.01 has -2 */
} dec;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The exponent after 'e'; false when it is none. Huge ones are held at a value past the limit. */
static bool read_exp(const char *p, const char *end, int64_t *out)
{
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end) return false;
    int64_t e = 0;
    for (; p < end; p++) {
        if (!is_digit(*p)) return false;
        if (e <= EXPONENT_MAX) e = e * 10 + (*p - '0');
    }
    *out = minus ? -e : e;
    return true;
}

static bool dec_read(nicol_str s, dec *d)
{
    *d = (dec){.zero = true};
    if (s.len == 0) return false;
    const char *p = s.ptr, *end = s.ptr + s.len;
    d->neg = *p == '-';
    if (*p == '-' || *p == '+') p++;
    const char *dot = NULL, *first = NULL, *last = NULL;
    size_t digits = 0;
    const char *start = p;
    for (; p < end && (is_digit(*p) || (*p == '.' && dot == NULL)); p++) {
        if (*p == '.') {
            dot = p;
            continue;
        }
        digits++;
        if (*p == '0') continue;
        if (first == NULL) first = p;
        last = p;
    }
    if (digits == 0) return false;
    const char *point = dot != NULL ? dot : p;
    int64_t exp = 0;
    if (p < end) {
        if ((*p != 'e' && *p != 'E') || !read_exp(p + 1, end, &exp)) return false;
    }
    if (first == NULL) {
        d->digits = d->end = start;
        return true;
    }
    d->zero = false;
    d->digits = first;
    d->end = last + 1;
    d->n = (size_t)(d->end - first) - (dot != NULL && dot > first && dot < last);
    d->exp = exp + (first < point ? point - first - 1 : point - first);
    return d->exp <= EXPONENT_MAX && d->exp >= -EXPONENT_MAX;
}

/* Appends the digits; a point stands before the at-th one (at 0 or past the end: none). */
static void put_digits(buf *out, const dec *d, int64_t at)
{
    for (const char *p = d->digits; p < d->end; p++) {
        if (*p == '.') continue;
        if (at-- == 0 && p != d->digits) buf_char(out, '.');
        buf_char(out, *p);
    }
}

static void put_zeros(buf *out, int64_t n)
{
    for (; n > 0; n--) buf_char(out, '0');
}

static void put_plain(buf *out, const dec *d)
{
    if (d->zero) {
        buf_char(out, '0');
        return;
    }
    if (d->neg) buf_char(out, '-');
    if (d->exp < 0) {
        buf_lit(out, "0.");
        put_zeros(out, -d->exp - 1);
    }
    put_digits(out, d, d->exp + 1);
    put_zeros(out, d->exp + 1 - (int64_t)d->n);
}

bool decimal_valid(nicol_str s)
{
    dec d;
    return dec_read(s, &d);
}

bool decimal_canonical(buf *out, nicol_str s)
{
    dec d;
    if (!dec_read(s, &d)) return false;
    if (d.zero || (d.exp < POINT_MAX_PLAIN && d.exp > POINT_MIN_PLAIN)) {
        put_plain(out, &d);
        return true;
    }
    if (d.neg) buf_char(out, '-');
    put_digits(out, &d, 1);
    buf_char(out, 'e');
    if (d.exp > 0) buf_char(out, '+');
    buf_i64(out, d.exp);
    return true;
}

bool decimal_plain(buf *out, nicol_str s)
{
    dec d;
    if (!dec_read(s, &d)) return false;
    if (d.n > PLAIN_CHARS_MAX || d.exp > PLAIN_CHARS_MAX || d.exp < -PLAIN_CHARS_MAX) return false;
    int64_t n = (int64_t)d.n, chars = d.neg && !d.zero;
    if (d.exp < 0) chars += 1 - d.exp + n; /* "0." and the zeros before the first digit */
    else chars += n <= d.exp + 1 ? d.exp + 1 : n + 1;
    if (chars > PLAIN_CHARS_MAX) return false;
    put_plain(out, &d);
    return true;
}

static int cmp_digits(const dec *a, const dec *b)
{
    const char *p = a->digits, *q = b->digits;
    for (;;) {
        if (p < a->end && *p == '.') p++;
        if (q < b->end && *q == '.') q++;
        if (p == a->end || q == b->end) return (p < a->end) - (q < b->end);
        if (*p != *q) return *p < *q ? -1 : 1;
        p++;
        q++;
    }
}

int decimal_cmp(nicol_str a, nicol_str b)
{
    dec x, y;
    /* Both are valid by contract; should one not be, it counts as zero. */
    if (!dec_read(a, &x)) x = (dec){.zero = true};
    if (!dec_read(b, &y)) y = (dec){.zero = true};
    int sx = x.zero ? 0 : x.neg ? -1 : 1, sy = y.zero ? 0 : y.neg ? -1 : 1;
    if (sx != sy) return sx < sy ? -1 : 1;
    if (sx == 0) return 0;
    if (x.exp != y.exp) return (x.exp < y.exp ? -1 : 1) * sx;
    return cmp_digits(&x, &y) * sx;
}
