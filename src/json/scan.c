/* json/scan.c - the lexical rules of RFC 8259: strings, numbers, literals. Each rule is written once, here; the reader
 * and the minifier differ only in what they do with what was found. */
#include "json/json_int.h"

size_t json_utf8_seq(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t left = (size_t)(end - p);
    if (u[0] < 0x80) return 1;
    if (u[0] < 0xC2 || u[0] > 0xF4) return 0; /* continuation, overlong C0 and C1, past U+10FFFF */
    if (left < 2 || (u[1] & 0xC0) != 0x80) return 0;
    if (u[0] < 0xE0) return 2;
    if (u[0] == 0xE0 && u[1] < 0xA0) return 0; /* overlong */
    if (u[0] == 0xED && u[1] > 0x9F) return 0; /* surrogate */
    if (left < 3 || (u[2] & 0xC0) != 0x80) return 0;
    if (u[0] < 0xF0) return 3;
    if (u[0] == 0xF0 && u[1] < 0x90) return 0;
    if (u[0] == 0xF4 && u[1] > 0x8F) return 0;
    if (left < 4 || (u[3] & 0xC0) != 0x80) return 0;
    return 4;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Four hexadecimal digits at p; -1 when they are not there. */
static int32_t hex4(const char *p, const char *end)
{
    if (end - p < 4) return -1;
    int32_t v = 0;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(p[i]);
        if (d < 0) return -1;
        v = v * 16 + d;
    }
    return v;
}

static const char *scan_unicode_escape(const char *p, const char *end, json_bad *bad)
{
    int32_t hi = hex4(p + 2, end);
    if (hi < 0) return json_bad_at(bad, p, "four hexadecimal digits after \\u");
    if (hi < 0xD800 || hi > 0xDFFF) return p + 6;
    /* Half of a pair alone stands for no character, and could not be written as UTF-8. */
    if (hi > 0xDBFF) return json_bad_at(bad, p, "a leading surrogate before this trailing one");
    if (end - p < 12 || p[6] != '\\' || p[7] != 'u')
        return json_bad_at(bad, p, "a trailing surrogate escape after this leading one");
    int32_t lo = hex4(p + 8, end);
    if (lo < 0xDC00 || lo > 0xDFFF) return json_bad_at(bad, p, "a trailing surrogate escape after this leading one");
    return p + 12;
}

static const char *scan_escape(const char *p, const char *end, json_bad *bad)
{
    if (end - p < 2) return json_bad_at(bad, end, "the rest of an escape");
    switch (p[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return p + 2;
    case 'u':
        return scan_unicode_escape(p, end, bad);
    default:
        return json_bad_at(bad, p, "one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u");
    }
}

const char *json_scan_string(const char *p, const char *end, uint8_t *escaped, json_bad *bad)
{
    for (;;) {
        p = json_skip_plain(p, end);
        if (JSON_UNLIKELY(p == end)) return json_bad_at(bad, end, "the closing quote of a string");
        if (JSON_LIKELY(*p == '"')) return p;
        if (*p == '\\') {
            *escaped = 1;
            p = scan_escape(p, end, bad);
            if (p == NULL) return NULL;
            continue;
        }
        if ((unsigned char)*p < 0x20) return json_bad_at(bad, p, "an escape for the control character in a string");
        do {
            size_t k = json_utf8_seq(p, end);
            if (k == 0) return json_bad_at(bad, p, "valid UTF-8");
            p += k;
        } while (p < end && (unsigned char)*p >= 0x80);
    }
}

static inline bool is_digit(const char *p, const char *end)
{
    return p < end && (unsigned char)(*p - '0') < 10;
}

const char *json_scan_number(const char *p, const char *end, uint8_t *real, json_bad *bad)
{
    if (*p == '-') p++;
    if (!is_digit(p, end)) return json_bad_at(bad, p, "a digit");
    if (*p == '0') {
        p++;
        if (is_digit(p, end)) return json_bad_at(bad, p, "no digit after a leading zero");
    } else {
        while (is_digit(p, end)) p++;
    }
    if (p < end && *p == '.') {
        *real = 1;
        p++;
        if (!is_digit(p, end)) return json_bad_at(bad, p, "a digit after the decimal point");
        while (is_digit(p, end)) p++;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        *real = 1;
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        if (!is_digit(p, end)) return json_bad_at(bad, p, "a digit in the exponent");
        while (is_digit(p, end)) p++;
    }
    return p;
}

const char *json_scan_literal(const char *p, const char *end, uint8_t *type, json_bad *bad)
{
    size_t left = (size_t)(end - p);
    if (left >= 4 && memcmp(p, "true", 4) == 0) {
        *type = JSON_TRUE;
        return p + 4;
    }
    if (left >= 4 && memcmp(p, "null", 4) == 0) {
        *type = JSON_NULL;
        return p + 4;
    }
    if (left >= 5 && memcmp(p, "false", 5) == 0) {
        *type = JSON_FALSE;
        return p + 5;
    }
    return json_bad_at(bad, p, "a value");
}

static unsigned utf8_put(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | (c >> 6));
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | (c >> 12));
        out[1] = (char)(0x80 | ((c >> 6) & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 0x3F));
    out[2] = (char)(0x80 | ((c >> 6) & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

unsigned json_unescape(const char **p, char out[4])
{
    const char *s = *p;
    *p += 2;
    switch (s[1]) {
    case 'b':
        out[0] = '\b';
        return 1;
    case 'f':
        out[0] = '\f';
        return 1;
    case 'n':
        out[0] = '\n';
        return 1;
    case 'r':
        out[0] = '\r';
        return 1;
    case 't':
        out[0] = '\t';
        return 1;
    case 'u':
        break;
    default:
        out[0] = s[1];
        return 1;
    }
    uint32_t c = (uint32_t)hex4(s + 2, s + 6);
    *p += 4;
    if (c >= 0xD800 && c <= 0xDBFF) {
        uint32_t lo = (uint32_t)hex4(s + 8, s + 12);
        c = 0x10000 + ((c - 0xD800) << 10) + (lo - 0xDC00);
        *p += 6;
    }
    return utf8_put(c, out);
}
