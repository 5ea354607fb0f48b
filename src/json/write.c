/* json/write.c - text out: escaping, and copying a JSON text without its blanks.
 *
 * A clean run (nothing to escape, which is nearly every string) is tested and copied in one pass; the buffer is asked
 * for room once per string.
 */
#include "json/json_int.h"

#define REPLACEMENT "\xEF\xBF\xBD"

/* Copies plain bytes from p to out until one needs a look; returns how many. out has room for all of p..end. */
static inline size_t copy_plain(char *out, const char *p, const char *end)
{
    const char *start = p;
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), blank = _mm_set1_epi8(0x20);
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i hit =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)), _mm_cmplt_epi8(v, blank));
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        /* Bytes past the hit are overwritten by what comes next. */
        _mm_storeu_si128((__m128i *)(void *)out, v);
        if (mask != 0) return (size_t)(p - start) + (size_t)__builtin_ctz(mask);
        p += 16;
        out += 16;
    }
#endif
    while (end - p >= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        if (json_word_special(w) != 0) break;
        memcpy(out, &w, 8);
        p += 8;
        out += 8;
    }
    while (p < end && json_is_plain(*p)) *out++ = *p++;
    return (size_t)(p - start);
}

/* Copies n bytes and tells whether all were plain; otherwise what was copied is of no use. The last block overlaps the
 * one before it, so that no length ends in a loop over bytes. */
static inline bool copy_if_plain(char *out, const char *p, size_t n)
{
    uint64_t special = 0;
#if defined(__SSE2__)
    if (n >= 16) {
        const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), blank = _mm_set1_epi8(0x20);
        for (size_t i = 0;; i = i + 32 <= n ? i + 16 : n - 16) {
            __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
            __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)),
                                       _mm_cmplt_epi8(v, blank));
            _mm_storeu_si128((__m128i *)(void *)(out + i), v);
            if (_mm_movemask_epi8(hit) != 0) return false;
            if (i + 16 == n) return true;
        }
    }
#endif
    if (n >= 8) {
        for (size_t i = 0;; i = i + 16 <= n ? i + 8 : n - 8) {
            uint64_t w;
            memcpy(&w, p + i, 8);
            memcpy(out + i, &w, 8);
            special |= json_word_special(w);
            if (i + 8 == n) return special == 0;
        }
    }
    if (n >= 4) {
        uint32_t a, b;
        memcpy(&a, p, 4);
        memcpy(&b, p + n - 4, 4);
        memcpy(out, &a, 4);
        memcpy(out + n - 4, &b, 4);
        return json_word_special((uint64_t)a << 32 | b) == 0;
    }
    bool plain = true;
    for (size_t i = 0; i < n; i++) {
        plain = plain && json_is_plain(p[i]);
        out[i] = p[i];
    }
    return plain;
}

/* The escape of a quote, a backslash or a control character; returns its length. */
static size_t escape(char out[6], unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char letter[32] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    out[0] = '\\';
    if (c == '"' || c == '\\' || letter[c] != 0) {
        out[1] = c < 0x20 ? letter[c] : (char)c;
        return 2;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = hex[c >> 4];
    out[5] = hex[c & 15];
    return 6;
}

void json_put_escaped(buf *b, nicol_str text)
{
    if (text.len == 0) return;
    const char *p = text.ptr, *end = text.ptr + text.len;
    while (p < end) {
        if (!buf_reserve(b, (size_t)(end - p))) return;
        size_t k = copy_plain(b->ptr + b->len, p, end);
        b->len += k;
        p += k;
        if (p == end) return;
        if ((unsigned char)*p < 0x80) {
            char esc[6];
            buf_bytes(b, esc, escape(esc, (unsigned char)*p));
            p++;
            continue;
        }
        /* A run of other alphabets: room for it is there as long as it is valid. */
        char *out = b->ptr + b->len;
        const char *from = p;
        size_t n = 1;
        while (p < end && (unsigned char)*p >= 0x80 && (n = json_utf8_seq(p, end)) != 0) p += n;
        memcpy(out, from, (size_t)(p - from));
        b->len += (size_t)(p - from);
        if (n == 0) {
            buf_lit(b, REPLACEMENT);
            p++;
        }
    }
}

void json_put_str(buf *b, nicol_str text)
{
    if (text.len > SIZE_MAX - 2 || !buf_reserve(b, text.len + 2)) return;
    char *out = b->ptr + b->len;
    *out++ = '"';
    if (JSON_LIKELY(copy_if_plain(out, text.ptr, text.len))) {
        out[text.len] = '"';
        b->len += text.len + 2;
        return;
    }
    b->len++;
    json_put_escaped(b, text);
    buf_char(b, '"');
}

/* --- minifying ------------------------------------------------------------------------------------------------------ */

/* A bit per open container (1: object) is all the stack that a copy needs. */
typedef struct nest {
    uint64_t object[NICOL_JSON_DEPTH_MAX / 64];
    unsigned depth, depth_max;
} nest;

static bool nest_push(nest *s, bool object)
{
    if (s->depth == s->depth_max) return false;
    uint64_t bit = (uint64_t)1 << (s->depth % 64), *word = &s->object[s->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    s->depth++;
    return true;
}

static bool nest_object(const nest *s)
{
    unsigned top = s->depth - 1;
    return (s->object[top / 64] >> (top % 64)) & 1;
}

/* One string, number or literal, copied. NULL when it is none. */
static const char *minify_scalar(buf *b, const char *p, const char *end)
{
    json_bad bad;
    uint8_t unused = 0;
    const char *q;
    if (*p == '"') {
        q = json_scan_string(p + 1, end, &unused, &bad);
        if (q != NULL) q++;
    } else if (*p == '-' || (*p >= '0' && *p <= '9')) {
        q = json_scan_number(p, end, &unused, &bad);
    } else {
        q = json_scan_literal(p, end, &unused, &bad);
    }
    if (q != NULL) buf_bytes(b, p, (size_t)(q - p));
    return q;
}

static const char *minify_key(buf *b, const char *p, const char *end)
{
    p = json_skip_blanks(p, end);
    if (p == end || *p != '"') return NULL;
    p = minify_scalar(b, p, end);
    if (p == NULL) return NULL;
    p = json_skip_blanks(p, end);
    if (p == end || *p != ':') return NULL;
    buf_char(b, ':');
    return p + 1;
}

static bool minify(buf *b, const char *p, const char *end, nest *s)
{
    for (;;) {
        p = json_skip_blanks(p, end);
        if (p == end) return false;
        bool opened = *p == '{' || *p == '[';
        if (opened) {
            bool object = *p == '{';
            if (!nest_push(s, object)) return false;
            buf_char(b, *p);
            p = json_skip_blanks(p + 1, end);
            if (p == end) return false;
            if (*p != (object ? '}' : ']')) {
                if (object && (p = minify_key(b, p, end)) == NULL) return false;
                continue;
            }
        } else {
            p = minify_scalar(b, p, end);
            if (p == NULL) return false;
        }
        /* A value has ended, or its empty container is about to. */
        for (;;) {
            p = json_skip_blanks(p, end);
            if (s->depth == 0) return p == end;
            if (p == end) return false;
            if (*p != (nest_object(s) ? '}' : ']')) break;
            buf_char(b, *p++);
            s->depth--;
        }
        if (*p != ',') return false;
        buf_char(b, ',');
        p++;
        if (nest_object(s) && (p = minify_key(b, p, end)) == NULL) return false;
    }
}

bool json_put_minified(buf *b, nicol_str text, unsigned depth_max)
{
    if (text.len > NICOL_JSON_BYTES_MAX || text.len == 0) return false;
    nest s = {.depth_max = depth_max < NICOL_JSON_DEPTH_MAX ? depth_max : NICOL_JSON_DEPTH_MAX};
    size_t before = b->len;
    bool ok = minify(b, text.ptr, text.ptr + text.len, &s);
    if (!ok) b->len = before;
    return ok;
}
