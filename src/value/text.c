/* value/text.c - bytes and numbers as text: base64, hex, doubles. */
#include "value/value.h"
#include "json/json.h"

size_t float_format(char out[32], double f)
{
    return json_f64_format(out, f);
}

bool float_parse(nicol_str s, double *out)
{
    return json_f64_read(s, out);
}

size_t base64_len(size_t bytes)
{
    return bytes / 3 * 4 + (bytes % 3 != 0 ? 4 : 0);
}

void base64_write(buf *out, const void *p, size_t n)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *u = p;
    if (n == 0) return;
    if (n > SIZE_MAX / 4 * 3 || !buf_reserve(out, base64_len(n))) {
        out->failed = true;
        return;
    }
    char *o = out->ptr + out->len;
    size_t i = 0;
    for (; i + 3 <= n; i += 3) {
        uint32_t w = (uint32_t)u[i] << 16 | (uint32_t)u[i + 1] << 8 | u[i + 2];
        *o++ = alphabet[w >> 18];
        *o++ = alphabet[w >> 12 & 63];
        *o++ = alphabet[w >> 6 & 63];
        *o++ = alphabet[w & 63];
    }
    if (i < n) {
        bool two = n - i == 2;
        uint32_t w = (uint32_t)u[i] << 16 | (two ? (uint32_t)u[i + 1] << 8 : 0);
        *o++ = alphabet[w >> 18];
        *o++ = alphabet[w >> 12 & 63];
        *o++ = two ? alphabet[w >> 6 & 63] : '=';
        *o++ = '=';
    }
    out->len += base64_len(n);
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return -1;
}

bool base64_read(arena *a, nicol_str s, nicol_str *bytes)
{
    size_t n = s.len, pad = 0;
    while (n > 0 && pad < 2 && s.ptr[n - 1] == '=') {
        n--;
        pad++;
    }
    if (n % 4 == 1 || (pad != 0 && (n + pad) % 4 != 0)) return false;
    char *out = arena_alloc(a, n / 4 * 3 + 3);
    if (out == NULL) return false;
    size_t len = 0;
    uint32_t w = 0;
    for (size_t i = 0; i < n; i++) {
        int d = base64_digit(s.ptr[i]);
        if (d < 0) return false;
        w = w << 6 | (uint32_t)d;
        if (i % 4 == 3) {
            out[len++] = (char)(w >> 16);
            out[len++] = (char)(w >> 8);
            out[len++] = (char)w;
            w = 0;
        }
    }
    if (n % 4 == 2) {
        out[len++] = (char)(w >> 4);
    } else if (n % 4 == 3) {
        out[len++] = (char)(w >> 10);
        out[len++] = (char)(w >> 2);
    }
    *bytes = (nicol_str){out, len};
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool hex_read(arena *a, nicol_str s, nicol_str *bytes)
{
    if (s.len % 2 != 0) return false;
    char *out = arena_alloc(a, s.len / 2 + 1);
    if (out == NULL) return false;
    for (size_t i = 0; i < s.len; i += 2) {
        int hi = hex_digit(s.ptr[i]), lo = hex_digit(s.ptr[i + 1]);
        if (hi < 0 || lo < 0) return false;
        out[i / 2] = (char)(hi << 4 | lo);
    }
    *bytes = (nicol_str){out, s.len / 2};
    return true;
}

bool val_of_json(json_val v, val *out)
{
    int64_t i;
    double f;
    nicol_str s;
    *out = (val){0};
    switch (json_kind(v)) {
    case JSON_NULL:
        *out = val_null();
        return true;
    case JSON_FALSE:
    case JSON_TRUE:
        *out = val_bool(json_kind(v) == JSON_TRUE);
        return true;
    case JSON_NUMBER:
        if (json_i64(v, &i)) *out = val_int(i);
        else if (json_f64(v, &f)) *out = val_float(f);
        else *out = val_text(VAL_DECIMAL, json_raw(v));
        return true;
    case JSON_STRING:
        s = json_text(v);
        *out = val_text(VAL_STR, s);
        return s.ptr != NULL;
    case JSON_ARRAY:
    case JSON_OBJECT:
        return true;
    }
    return true;
}
