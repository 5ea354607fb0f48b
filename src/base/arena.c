/* base/arena.c - chunked bump allocation.
 *
 * An arena is a list of chunks, newest first; allocating is adding to an offset in the newest. The arena's own record
 * lives in its first chunk, so that a small request costs one allocation in all. Chunks double up to a cap: few calls
 * for large results, little waste for small ones. A request larger than the next chunk would be gets a chunk of its
 * own size. Under AddressSanitizer the unused part of every chunk is poisoned, so that a write past an allocation, or
 * a use after a rewind, is caught although the memory belongs to us.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/num.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define HIDE(p, n) __asan_poison_memory_region((p), (n))
#define SHOW(p, n) __asan_unpoison_memory_region((p), (n))
#define GAP 16 /* a poisoned gap after each allocation, so that running over into the next one is seen too */
#else
#define HIDE(p, n) ((void)(p), (void)(n))
#define SHOW(p, n) ((void)(p), (void)(n))
#define GAP 0
#endif

#define ALIGN ((size_t)16)
#define CHUNK_FIRST ((size_t)4096)
#define CHUNK_DOUBLED ((size_t)64 << 10)
#define CHUNK_CAP ((size_t)1 << 20)

typedef struct chunk {
    struct chunk *older;
    size_t size; /* of the whole block, this header included */
} chunk;

struct arena {
    char *at;  /* next free byte of the newest chunk */
    char *end; /* its end */
    chunk *newest;
    chunk *first; /* the chunk that holds this record */
    const mem *m;
    size_t max;
    size_t total; /* sizes of all chunks */
    size_t next_size;
    bool failed;
};

#define HEAD ((sizeof(chunk) + ALIGN - 1) & ~(ALIGN - 1))
#define SELF ((sizeof(arena) + ALIGN - 1) & ~(ALIGN - 1))

static size_t round_up(size_t n)
{
    return (n + ALIGN - 1) & ~(ALIGN - 1);
}

arena *arena_new(const mem *m, size_t bytes_max)
{
    return arena_new_of(m, CHUNK_FIRST, bytes_max);
}

arena *arena_new_of(const mem *m, size_t first_bytes, size_t bytes_max)
{
    size_t size = (bytes_max < first_bytes ? bytes_max : first_bytes) & ~(ALIGN - 1);
    if (size < HEAD + SELF) return NULL;
    chunk *c = m->alloc(m->ctx, size);
    if (!c) return NULL;
    *c = (chunk){.size = size};
    arena *a = (arena *)(void *)((char *)c + HEAD);
    *a = (arena){.newest = c, .first = c, .m = m, .max = bytes_max, .total = size, .next_size = size * 2};
    a->at = (char *)c + HEAD + SELF;
    a->end = (char *)c + size;
    HIDE(a->at, (size_t)(a->end - a->at));
    return a;
}

static void chunk_free(const mem *m, chunk *c)
{
    size_t size = c->size;
    SHOW(c, size);
    m->free(m->ctx, c, size);
}

/* Gives back all chunks newer than `keep`. */
static void drop_newer(arena *a, const chunk *keep)
{
    while (a->newest != keep) {
        chunk *c = a->newest;
        a->newest = c->older;
        a->total -= c->size;
        chunk_free(a->m, c);
    }
    a->end = (char *)a->newest + a->newest->size;
}

void arena_free(arena *a)
{
    if (!a) return;
    drop_newer(a, a->first);
    chunk_free(a->m, a->first); /* the arena's own record goes with it */
}

void arena_reset(arena *a)
{
    drop_newer(a, a->first);
    a->at = (char *)a->first + HEAD + SELF;
    a->next_size = a->first->size * 2;
    a->failed = false;
    HIDE(a->at, (size_t)(a->end - a->at));
}

/* The size of the next chunk: twice the last while they are small, then a share of what there is, so that a large arena
 * wastes little at its end: a thirty-second part, at most. */
static size_t after(const arena *a)
{
    if (a->next_size < CHUNK_DOUBLED) return a->next_size * 2;
    size_t share = (a->total / 32) & ~(ALIGN - 1);
    return share < CHUNK_DOUBLED ? CHUNK_DOUBLED : share < CHUNK_CAP ? share : CHUNK_CAP;
}

/* A new chunk with room for `need` bytes (rounded, gap included). */
static bool add_chunk(arena *a, size_t need)
{
    size_t least, left = a->max - a->total;
    if (!num_add(need, HEAD, &least) || least > left) return false;
    size_t size = a->next_size > least ? a->next_size : least;
    if (size > left) size = left & ~(ALIGN - 1);
    if (size < least) return false;
    chunk *c = a->m->alloc(a->m->ctx, size);
    if (!c) return false;
    *c = (chunk){.older = a->newest, .size = size};
    a->newest = c;
    a->total += size;
    a->at = (char *)c + HEAD;
    a->end = (char *)c + size;
    a->next_size = after(a);
    HIDE(a->at, (size_t)(a->end - a->at));
    return true;
}

__attribute__((noinline, cold)) static void *alloc_slow(arena *a, size_t size)
{
    /* The second test keeps round_up from wrapping around. */
    if (a->failed || size > SIZE_MAX / 2 || !add_chunk(a, round_up(size) + GAP)) {
        a->failed = true;
        return NULL;
    }
    void *p = a->at;
    a->at += round_up(size) + GAP;
    SHOW(p, size);
    return p;
}

void *arena_alloc(arena *a, size_t size)
{
    size_t room = (size_t)(a->end - a->at);
    if (__builtin_expect(size > room || round_up(size) + GAP > room || a->failed, 0)) return alloc_slow(a, size);
    void *p = a->at;
    a->at += round_up(size) + GAP;
    SHOW(p, size);
    return p;
}

void *arena_zalloc(arena *a, size_t size)
{
    void *p = arena_alloc(a, size);
    if (p) memset(p, 0, size);
    return p;
}

void *arena_array(arena *a, size_t n, size_t item_size)
{
    size_t size;
    if (!num_mul(n, item_size, &size)) {
        a->failed = true;
        return NULL;
    }
    return arena_zalloc(a, size);
}

void *arena_grow(arena *a, void *p, size_t old_size, size_t new_size)
{
    if (!p) return arena_alloc(a, new_size);
    if (new_size <= old_size) return p;
    size_t old_span = round_up(old_size) + GAP;
    if (!a->failed && (char *)p + old_span == a->at && new_size <= (size_t)(a->end - (char *)p) &&
        round_up(new_size) + GAP <= (size_t)(a->end - (char *)p)) {
        a->at = (char *)p + round_up(new_size) + GAP;
        SHOW(p, new_size);
        return p;
    }
    void *q = arena_alloc(a, new_size);
    if (q) memcpy(q, p, old_size);
    return q;
}

bool arena_failed(const arena *a)
{
    return a->failed;
}

size_t arena_bytes(const arena *a)
{
    return a->total;
}

size_t arena_limit(const arena *a)
{
    return a->max;
}

arena_mark arena_save(const arena *a)
{
    return (arena_mark){a->newest, (size_t)(a->at - (char *)a->newest), a->total};
}

void arena_rewind(arena *a, arena_mark at)
{
    drop_newer(a, at.chunk);
    a->at = (char *)at.chunk + at.used;
    HIDE(a->at, (size_t)(a->end - a->at));
}

nicol_str arena_str(arena *a, nicol_str s)
{
    char *p = s.len < SIZE_MAX ? arena_alloc(a, s.len + 1) : NULL;
    if (!p) return (nicol_str){NULL, 0};
    if (s.len) memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return (nicol_str){p, s.len};
}

const char *nicol_cstr(arena *a, nicol_str s, nicol_error *err)
{
    if (s.len && memchr(s.ptr, '\0', s.len)) {
        nicol_fail(err, NICOL_E_INVALID_VALUE, "The text contains a NUL character (U+0000), which is not allowed here");
        return NULL;
    }
    nicol_str copy = arena_str(a, s);
    if (!copy.ptr) nicol_fail_oom(err);
    return copy.ptr;
}

nicol_str arena_printf(arena *a, const char *fmt, ...)
{
    char small[256];
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, fmt, args);
    va_end(args);
    nicol_str out = {NULL, 0};
    if (n < 0) {
        a->failed = true;
    } else if ((size_t)n < sizeof small) {
        out = arena_str(a, (nicol_str){small, (size_t)n});
    } else {
        char *p = arena_alloc(a, (size_t)n + 1);
        if (p && vsnprintf(p, (size_t)n + 1, fmt, again) == n) out = (nicol_str){p, (size_t)n};
    }
    va_end(again);
    return out;
}
