/* json/json_int.h - the scanners that reader, minifier and writer share.
 *
 * Strings are most of the bytes of a typical body, so they are scanned 16 bytes at a time (SSE2, which every x86-64
 * has) or 8 at a time in a general register; one test finds quotes, backslashes, control characters and everything
 * that is not ASCII. No scanner reads past `end`: texts are not NUL-terminated.
 */
#ifndef JSON_JSON_INT_H
#define JSON_JSON_INT_H

#include "json/json.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#if defined(__GNUC__)
#define JSON_LIKELY(x) __builtin_expect(!!(x), 1)
#define JSON_UNLIKELY(x) __builtin_expect(!!(x), 0)
#else
#define JSON_LIKELY(x) (x)
#define JSON_UNLIKELY(x) (x)
#endif

/* Where and why a scanner stopped. */
typedef struct json_bad {
    const char *at;
    const char *expected;
} json_bad;

static inline const char *json_bad_at(json_bad *bad, const char *at, const char *expected)
{
    bad->at = at;
    bad->expected = expected;
    return NULL;
}

static inline bool json_is_plain(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 0x20 && u < 0x80 && u != '"' && u != '\\';
}

/* A word of 8 bytes has its top bits set where a byte needs a look. A borrow may mark a plain byte too, but only above
 * a marked one, so "none marked" is exact. */
static inline uint64_t json_word_special(uint64_t w)
{
    const uint64_t ones = 0x0101010101010101ULL;
    uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');
    return ((w - ones * 0x20) | (quote - ones) | (slash - ones) | w) & (ones * 0x80);
}

/* The first byte at or after p that is no plain string byte, or end. */
static inline const char *json_skip_plain(const char *p, const char *end)
{
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), blank = _mm_set1_epi8(0x20);
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* The signed comparison catches control characters and, being negative, every byte from 0x80 up. */
        __m128i hit =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)), _mm_cmplt_epi8(v, blank));
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask != 0) return p + __builtin_ctz(mask);
        p += 16;
    }
#endif
    while (end - p >= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        if (json_word_special(w) != 0) break;
        p += 8;
    }
    while (p < end && json_is_plain(*p)) p++;
    return p;
}

static inline const char *json_skip_blanks(const char *p, const char *end)
{
    while (p < end && (unsigned char)*p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p;
}

/* Bytes of the UTF-8 sequence at p (p < end); 0 when it is not valid. */
size_t json_utf8_seq(const char *p, const char *end);
/* p: after the opening quote. The closing quote, or NULL with *bad filled. Sets *escaped when there is a backslash. */
const char *json_scan_string(const char *p, const char *end, uint8_t *escaped, json_bad *bad);
/* The same, with the usual case (no escape, nothing but ASCII) in the caller's own code. */
static inline const char *json_scan_string_fast(const char *p, const char *end, uint8_t *escaped, json_bad *bad)
{
    const char *q = json_skip_plain(p, end);
    return JSON_LIKELY(q < end && *q == '"') ? q : json_scan_string(q, end, escaped, bad);
}
/* p: a digit or '-'. The end of the number, or NULL. Sets *real when it has a fraction or an exponent. */
const char *json_scan_number(const char *p, const char *end, uint8_t *real, json_bad *bad);
/* The end of true, false or null at p, or NULL. */
const char *json_scan_literal(const char *p, const char *end, uint8_t *type, json_bad *bad);
/* p: a backslash of a string that was checked. Decodes one escape to UTF-8; returns the bytes, moves *p past it. */
unsigned json_unescape(const char **p, char out[4]);
/* f > 0, finite: the result times 10^exp is the shortest decimal that reads back as f. It may end with zeros. */
uint64_t json_shortest(double f, int *exp);

#endif
