/* Arenas: alignment, limits, growing in place, marks, failure that sticks. */
#include "base/arena.h"

#include "base/err.h"
#include "base/limits.h"
#include "tap.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

static void test_basic(void)
{
    FOR_EACH_FAULT(m, "arena: allocate, grow, print") {
        arena *a = arena_new(m, (size_t)1 << 20);
        if (!a) continue;
        bool aligned = true, zero = true;
        for (size_t i = 0; i < 300; i++) {
            unsigned char *p = arena_zalloc(a, i);
            if (!p) break;
            aligned = aligned && ((uintptr_t)p & 15) == 0;
            for (size_t j = 0; j < i; j++) zero = zero && p[j] == 0;
            memset(p, 0xff, i);
        }
        ok(aligned && zero, "aligned and zeroed");
        int *v = ARENA_ARRAY(a, 4, int);
        if (v) {
            for (int i = 0; i < 4; i++) v[i] = i;
            int *w = arena_grow(a, v, 4 * sizeof *v, 8 * sizeof *v);
            ok(!w || w == v, "the last allocation grows in place");
            int *x = w ? arena_grow(a, w, 8 * sizeof *v, 100000 * sizeof *v) : NULL;
            if (x) ok(x[0] == 0 && x[3] == 3, "moved with its content");
            else ok(arena_failed(a));
        }
        nicol_str s = arena_printf(a, "%d-%s", 42, "x");
        ok(s.ptr ? str_eq(s, S("42-x")) && s.ptr[s.len] == '\0' : arena_failed(a));
        nicol_str t = arena_printf(a, "%300d|", 7);
        ok(t.ptr ? t.len == 301 && t.ptr[300] == '|' && t.ptr[301] == '\0' : arena_failed(a));
        ok(arena_failed(a) == tap_faulted(m), "fails only when memory does");
        ok(!tap_faulted(m) || !arena_alloc(a, 1), "failure sticks");
        size_t live = ((const faulty *)m->ctx)->live_bytes;
        ok(arena_bytes(a) == live, "counts what it holds");
        arena_reset(a);
        ok(!arena_failed(a) && arena_alloc(a, 16), "a reset clears the failure");
        ok(arena_bytes(a) <= 4096, "a reset keeps one chunk");
        arena_free(a);
    }
    arena_free(NULL);
}

static void test_limit(void)
{
    faulty f;
    faulty_init(&f, 0, false);
    ok(!arena_new(&f.m, 0) && !arena_new(&f.m, 63), "no room for the record itself");
    arena *a = arena_new(&f.m, 10000);
    is_int(arena_limit(a), 10000);
    size_t n = 0;
    while (arena_alloc(a, 100)) n++;
    ok(n > 60 && n < 100, "%zu hundreds fit in ten thousand", n);
    ok(arena_failed(a) && arena_bytes(a) <= 10000 && f.live_bytes <= 10000);
    ok(!arena_alloc(a, 0), "sticky");
    arena_free(a);

    /* The largest single allocation: found by search, so that the test does not know the overheads. */
    size_t low = 0, high = 100001;
    while (high - low > 1) {
        size_t mid = (low + high) / 2;
        a = arena_new(&f.m, 100000);
        if (arena_alloc(a, mid)) low = mid;
        else high = mid;
        arena_free(a);
    }
    ok(low > 90000, "%zu of 100000 bytes in one piece, one more fails", low);
    a = arena_new(&f.m, SIZE_MAX);
    ok(!arena_alloc(a, SIZE_MAX) && arena_failed(a), "SIZE_MAX does not wrap around");
    arena_reset(a);
    ok(!arena_alloc(a, SIZE_MAX - 15));
    arena_reset(a);
    ok(!arena_array(a, SIZE_MAX / 2, 3) && arena_failed(a), "n * size does not wrap around");
    arena_reset(a);
    ok(!arena_str(a, (nicol_str){"", SIZE_MAX}).ptr);
    arena_free(a);
    is_int(f.live_bytes, 0);
    is_int(f.wrong_sizes, 0);
}

static void test_marks(void)
{
    faulty f;
    faulty_init(&f, 0, false);
    arena *a = arena_new(&f.m, (size_t)1 << 24);
    char *keep = arena_alloc(a, 100);
    memset(keep, 'k', 100);
    arena_mark at = arena_save(a);
    size_t before = arena_bytes(a);
    for (int i = 0; i < 1000; i++) ok(arena_alloc(a, 1000), "before the rewind") || (i = 1000);
    arena_rewind(a, at);
    is_int(arena_bytes(a), before);
    ok(keep[0] == 'k' && keep[99] == 'k', "what was before the mark stays");
    char *next = arena_alloc(a, 8);
    ok(next > keep && next < keep + 160, "the space is used again");
#if defined(__SANITIZE_ADDRESS__)
    ok(__asan_address_is_poisoned(next + 8) && !__asan_address_is_poisoned(next + 7), "the unused part is poisoned");
#endif
    arena_free(a);
    is_int(f.live_blocks, 0);
}

static void test_strings(void)
{
    FOR_EACH_FAULT(m, "arena: strings") {
        arena *a = arena_new(m, 65536);
        if (!a) continue;
        nicol_error err = {0};
        nicol_str big = {NULL, 0};
        char text[6000];
        memset(text, 'x', sizeof text);
        big = arena_str(a, (nicol_str){text, sizeof text});
        ok(big.ptr ? big.len == sizeof text && big.ptr[big.len] == '\0' : tap_faulted(m));
        const char *z = nicol_cstr(a, S("abc"), &err);
        if (z) is_z(z, "abc");
        else is_err(&err, NICOL_E_NO_MEMORY);
        err_clear(&err);
        ok(!nicol_cstr(a, (nicol_str){"a\0b", 3}, &err) && err.code == NICOL_E_INVALID_VALUE, "NUL inside");
        nicol_str empty = arena_str(a, (nicol_str){NULL, 0});
        ok(arena_failed(a) || (empty.ptr && empty.len == 0), "an empty copy is not NULL");
        arena_free(a);
    }
}

int main(void)
{
    test_basic();
    test_limit();
    test_marks();
    test_strings();
    arena *a = arena_new(mem_default, NICOL_REQUEST_ARENA_BYTES_MAX);
    ok(a && arena_alloc(a, 100000), "the default source");
    arena_free(a);
    return done_testing();
}
