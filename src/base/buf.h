/* base/buf.h - a growing byte buffer with a limit given at creation. Heap-backed (through a mem), so that it may
 * outgrow a request's arena and be kept for the next one. Failure is sticky: after it, writes do nothing and
 * buf_failed says so; check once, at the end. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/arena.h"

typedef struct buf {
    char *ptr; /* bytes written; may be NULL while len is 0 */
    size_t len;
    size_t cap;
    size_t max; /* limit on cap */
    const mem *m;
    bool failed; /* out of memory, or past the limit (`over`) */
    bool over;
} buf;

void buf_init(buf *b, const mem *m, size_t bytes_max); /* allocates nothing */
void buf_free(buf *b);
void buf_clear(buf *b); /* len = 0, memory kept, failure cleared */
/* Makes room for n more bytes; false (and sticky) when it can't. After true, the n bytes at ptr + len may be written
 * directly and len advanced. */
bool buf_reserve_slow(buf *b, size_t n);
static inline bool buf_reserve(buf *b, size_t n)
{
    return n <= b->cap - b->len ? !b->failed : buf_reserve_slow(b, n);
}
static inline void buf_bytes(buf *b, const void *p, size_t n)
{
    if (n != 0 && buf_reserve(b, n)) {
        memcpy(b->ptr + b->len, p, n);
        b->len += n;
    }
}
static inline void buf_str(buf *b, nicol_str s)
{
    buf_bytes(b, s.ptr, s.len);
}
static inline void buf_char(buf *b, char c)
{
    if (buf_reserve(b, 1)) b->ptr[b->len++] = c;
}
#define buf_lit(b, literal) buf_bytes((b), (literal), sizeof(literal) - 1)
void buf_i64(buf *b, int64_t v);
void buf_u64(buf *b, uint64_t v);
void buf_printf(buf *b, const char *fmt, ...) NICOL_PRINTF(2, 3);
static inline nicol_str buf_view(const buf *b) /* valid until the next write */
{
    return (nicol_str){b->ptr, b->len};
}
static inline bool buf_failed(const buf *b)
{
    return b->failed;
}

#endif
