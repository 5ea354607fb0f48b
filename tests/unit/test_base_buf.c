/* Buffers: growth, the limit and one past it, failure that sticks. */
#include "base/buf.h"

#include "tap.h"

static void test_growth(void)
{
    FOR_EACH_FAULT(m, "buf: growth") {
        buf b;
        buf_init(&b, m, 100000);
        ok(!b.ptr && !buf_failed(&b));
        buf_lit(&b, "a");
        buf_char(&b, 'b');
        buf_str(&b, S("cd"));
        buf_str(&b, (nicol_str){NULL, 0});
        buf_i64(&b, INT64_MIN);
        buf_u64(&b, UINT64_MAX);
        buf_i64(&b, 0);
        buf_printf(&b, "%s|%500d", "p", 1);
        for (int i = 0; i < 5000; i++) buf_char(&b, 'z');
        nicol_str v = buf_view(&b);
        ok(buf_failed(&b) == tap_faulted(m));
        ok(!b.over, "no memory is not the limit");
        if (!buf_failed(&b)) {
            ok(str_starts(v, S("abcd-9223372036854775808184467440737095516150p|    ")), "content");
            is_int(v.len, 4 + 20 + 20 + 1 + 2 + 500 + 5000);
        }
        buf_clear(&b);
        ok(!buf_failed(&b) && b.len == 0);
        buf_free(&b);
        buf_free(&b);
    }
}

static void test_limit(void)
{
    faulty f;
    faulty_init(&f, 0, false);
    buf b;
    buf_init(&b, &f.m, 1000);
    for (int i = 0; i < 1000; i++) buf_char(&b, 'x');
    ok(!buf_failed(&b) && b.len == 1000, "at the limit");
    buf_char(&b, 'y');
    ok(buf_failed(&b) && b.over && b.len == 1000, "one past it");
    buf_clear(&b);
    buf_printf(&b, "%1000d", 1);
    ok(!buf_failed(&b) && b.len == 1000, "printf at the limit");
    buf_clear(&b);
    buf_printf(&b, "%1001d", 1);
    ok(buf_failed(&b) && b.over && b.len == 0, "printf one past it writes nothing");
    buf_clear(&b);
    buf_char(&b, 'x');
    ok(!buf_reserve(&b, SIZE_MAX) && b.over, "SIZE_MAX does not wrap around");
    buf_bytes(&b, "abc", 3);
    ok(b.len == 1, "writes after a failure do nothing");
    ok(!buf_reserve(&b, 0), "nor does reserving nothing succeed");
    buf_free(&b);
    buf_init(&b, &f.m, 0);
    ok(buf_reserve(&b, 0) && !buf_reserve(&b, 1) && b.over, "limit 0");
    buf_free(&b);
    is_int(f.live_blocks, 0);
    is_int(f.wrong_sizes, 0);
    ok(f.calls < 20, "few allocations");
}

int main(void)
{
    test_growth();
    test_limit();
    return done_testing();
}
