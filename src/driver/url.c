/* driver/url.c - what URLs of all database servers have in common. */
#include "driver/url_int.h"

#define URL_BYTES_MAX 8192

bool url_wrong(nicol_error *err, const char *form, const char *what)
{
    return nicol_fail(err, NICOL_E_USAGE, "the database URL %s: write %s", what, form);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

const char *url_decoded(arena *a, nicol_str s, const char *form, nicol_error *err)
{
    char *p = arena_alloc(a, s.len + 1);
    if (!p) {
        nicol_fail_oom(err);
        return NULL;
    }
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            bool whole = s.len - i > 2;
            int hi = whole ? hex_digit(s.ptr[i + 1]) : -1, lo = whole ? hex_digit(s.ptr[i + 2]) : -1;
            if (hi < 0 || lo < 0) {
                url_wrong(err, form, "has a % without two hexadecimal digits behind it (write % itself as %25)");
                return NULL;
            }
            c = (char)(hi * 16 + lo);
            i += 2;
        }
        if (c == '\0') {
            url_wrong(err, form, "holds a NUL byte");
            return NULL;
        }
        p[n++] = c;
    }
    p[n] = '\0';
    return p;
}

bool url_split(nicol_str url, const char *form, url_parts *out, nicol_error *err)
{
    *out = (url_parts){0};
    if (url.len > URL_BYTES_MAX) return url_wrong(err, form, "is longer than 8 KB");
    size_t at = str_find(url, S("://"), 0);
    if (at == SIZE_MAX) return url_wrong(err, form, "has no ://");
    nicol_str rest = str_sub(url, at + 3, url.len);
    size_t q = str_find_char(rest, '?', 0);
    if (q != SIZE_MAX) out->query = str_sub(rest, q + 1, rest.len);
    rest = str_sub(rest, 0, q);
    /* A password may hold '/' unescaped, so the last '@' divides, and the database's name starts behind it. */
    size_t who = SIZE_MAX;
    for (size_t i = 0; i < rest.len; i++) who = rest.ptr[i] == '@' ? i : who;
    out->has_who = who != SIZE_MAX;
    if (out->has_who) {
        out->who = str_sub(rest, 0, who);
        rest = str_sub(rest, who + 1, rest.len);
    }
    out->where = str_cut(&rest, '/');
    out->database = rest;
    return true;
}
