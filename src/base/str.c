/* base/str.c - counted strings: what is too long for the header. */
#include "base/str.h"

#include "base/num.h"

int str_cmp(nicol_str a, nicol_str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (order) return order;
    return (a.len > b.len) - (a.len < b.len);
}

/* Not tolower: that depends on the locale. */
static unsigned char ascii_lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool str_ieq(nicol_str a, nicol_str b)
{
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i])) return false;
    }
    return true;
}

size_t str_find_char(nicol_str s, char c, size_t from)
{
    if (from >= s.len) return SIZE_MAX;
    const char *p = memchr(s.ptr + from, (unsigned char)c, s.len - from);
    return p ? (size_t)(p - s.ptr) : SIZE_MAX;
}

size_t str_find(nicol_str s, nicol_str needle, size_t from)
{
    if (from > s.len || needle.len > s.len - from) return SIZE_MAX;
    if (needle.len == 0) return from;
    const char *p = memmem(s.ptr + from, s.len - from, needle.ptr, needle.len);
    return p ? (size_t)(p - s.ptr) : SIZE_MAX;
}

nicol_str str_sub(nicol_str s, size_t from, size_t to)
{
    if (to > s.len) to = s.len;
    if (from > to) from = to;
    return (nicol_str){s.ptr ? s.ptr + from : NULL, to - from};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

nicol_str str_trim(nicol_str s)
{
    size_t from = 0, to = s.len;
    while (from < to && is_blank(s.ptr[from])) from++;
    while (to > from && is_blank(s.ptr[to - 1])) to--;
    return str_sub(s, from, to);
}

nicol_str str_cut(nicol_str *rest, char c)
{
    nicol_str all = *rest;
    size_t at = str_find_char(all, c, 0);
    if (at == SIZE_MAX) {
        *rest = str_sub(all, all.len, all.len);
        return all;
    }
    *rest = str_sub(all, at + 1, all.len);
    return str_sub(all, 0, at);
}

bool str_to_u64(nicol_str s, uint64_t *out)
{
    if (s.len == 0) return false;
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.ptr[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v)) return false;
    }
    *out = v;
    return true;
}

bool str_to_i64(nicol_str s, int64_t *out)
{
    bool minus = s.len && s.ptr[0] == '-';
    uint64_t v;
    if (!str_to_u64(str_sub(s, minus, s.len), &v)) return false;
    if (v > (uint64_t)INT64_MAX + minus) return false;
    *out = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* Length of the valid sequence at p (n bytes left), or 0. The table of RFC 3629, section 4. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
    unsigned char c = p[0], low = 0x80, high = 0xbf;
    size_t len;
    if (c < 0x80) return 1;
    if (c >= 0xc2 && c <= 0xdf) {
        len = 2;
    } else if (c >= 0xe0 && c <= 0xef) {
        len = 3;
        if (c == 0xe0) low = 0xa0;  /* shorter forms exist */
        if (c == 0xed) high = 0x9f; /* surrogates */
    } else if (c >= 0xf0 && c <= 0xf4) {
        len = 4;
        if (c == 0xf0) low = 0x90;
        if (c == 0xf4) high = 0x8f; /* past U+10FFFF */
    } else {
        return 0;
    }
    if (n < len || p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
    }
    return len;
}

size_t str_utf8_bad(nicol_str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t i = 0;
    while (i < s.len) {
        uint64_t eight;
        if (s.len - i >= sizeof eight) { /* most text is ASCII: eight bytes at a time */
            memcpy(&eight, p + i, sizeof eight);
            if (!(eight & 0x8080808080808080u)) {
                i += sizeof eight;
                continue;
            }
        }
        size_t len = utf8_len(p + i, s.len - i);
        if (len == 0) return i;
        i += len;
    }
    return SIZE_MAX;
}

/* From the number of bits: 1233 / 4096 is a little more than log10(2), and one comparison puts it right. */
static size_t digits_of(uint64_t v)
{
    static const uint64_t least[] = {0, /* zero has a digit, too */
                                     10,
                                     100,
                                     1000,
                                     10000,
                                     100000,
                                     1000000,
                                     10000000,
                                     100000000,
                                     1000000000,
                                     10000000000,
                                     100000000000,
                                     1000000000000,
                                     10000000000000,
                                     100000000000000,
                                     1000000000000000,
                                     10000000000000000,
                                     100000000000000000,
                                     1000000000000000000,
                                     10000000000000000000u};
    size_t bits = 64 - (size_t)__builtin_clzll(v | 1), n = bits * 1233 >> 12;
    return n + (v >= least[n]);
}

/* Two digits at a time, from the end: a division is the dear part. */
size_t str_digits(char out[20], uint64_t v)
{
    static const char pairs[] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    size_t n = digits_of(v);
    char *at = out + n;
    while (v >= 100) {
        at -= 2;
        memcpy(at, pairs + v % 100 * 2, 2);
        v /= 100;
    }
    if (v >= 10) memcpy(out, pairs + v * 2, 2);
    else *out = (char)('0' + v);
    return n;
}
