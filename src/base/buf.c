/* base/buf.c - the growing byte buffer. Doubles, so that n writes cost O(n); never past its limit. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/num.h"

#define BUF_FIRST ((size_t)256)

void buf_init(buf *b, const mem *m, size_t bytes_max)
{
    *b = (buf){.max = bytes_max, .m = m};
}

void buf_free(buf *b)
{
    if (b->ptr) b->m->free(b->m->ctx, b->ptr, b->cap);
    *b = (buf){.max = b->max, .m = b->m};
}

void buf_clear(buf *b)
{
    b->len = 0;
    b->failed = b->over = false;
}

bool buf_reserve_slow(buf *b, size_t n)
{
    if (b->failed) return false;
    size_t need;
    if (!num_add(b->len, n, &need) || need > b->max) {
        b->failed = b->over = true;
        return false;
    }
    if (need <= b->cap) return true;
    size_t cap = b->cap < BUF_FIRST ? BUF_FIRST : b->cap;
    while (cap < need && cap <= SIZE_MAX / 2) cap *= 2;
    if (cap < need) cap = need;
    if (cap > b->max) cap = b->max;
    char *p = b->ptr ? b->m->resize(b->m->ctx, b->ptr, b->cap, cap) : b->m->alloc(b->m->ctx, cap);
    if (!p) {
        b->failed = true;
        return false;
    }
    b->ptr = p;
    b->cap = cap;
    return true;
}

void buf_u64(buf *b, uint64_t v)
{
    char digits[20];
    buf_bytes(b, digits, str_digits(digits, v));
}

void buf_i64(buf *b, int64_t v)
{
    char text[21] = "-";
    size_t n = v < 0;
    n += str_digits(text + n, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
    buf_bytes(b, text, n);
}

void buf_printf(buf *b, const char *fmt, ...)
{
    char small[256];
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, fmt, args);
    va_end(args);
    if (n < 0) {
        b->failed = true;
    } else if ((size_t)n < sizeof small) {
        buf_bytes(b, small, (size_t)n);
    } else {
        /* vsnprintf ends with a NUL, which needs room that the text itself may not have under the limit. */
        size_t size = (size_t)n + 1;
        char *p = b->failed ? NULL : b->m->alloc(b->m->ctx, size);
        if (p && vsnprintf(p, size, fmt, again) == n) buf_bytes(b, p, (size_t)n);
        else b->failed = true;
        if (p) b->m->free(b->m->ctx, p, size);
    }
    va_end(again);
}
