/* Counted strings: compare, search, cut, numbers, UTF-8. */
#include "base/str.h"

#include "base/num.h"
#include "tap.h"

static void test_compare(void)
{
    ok(str_cmp(S("a"), S("b")) < 0);
    ok(str_cmp(S("b"), S("a")) > 0);
    ok(str_cmp(S("a"), S("ab")) < 0, "a prefix comes first");
    ok(str_cmp(S(""), (nicol_str){NULL, 0}) == 0);
    ok(str_cmp(S("\x7f"), S("\x80")) < 0, "bytes are unsigned");
    ok(str_eq((nicol_str){NULL, 0}, S("")));
    ok(!str_eq(S("a"), S("A")));
    ok(str_ieq(S("Content-Length"), S("cONTENT-lENGTH")));
    ok(!str_ieq(S("@"), S("`")), "only letters have case");
    ok(!str_ieq(S("\xc3\x84"), S("\xc3\xa4")), "only ASCII letters have case");
    ok(str_starts(S("abc"), S("")) && str_starts(S("abc"), S("abc")) && !str_starts(S("abc"), S("abcd")));
    ok(str_ends(S("abc"), S("bc")) && str_ends(S("abc"), S("")) && !str_ends(S("c"), S("bc")));
    is_int(str_c(NULL).len, 0);
}

static void test_search(void)
{
    is_int(str_find_char(S("abcabc"), 'b', 0), 1);
    is_int(str_find_char(S("abcabc"), 'b', 2), 4);
    ok(str_find_char(S("abc"), 'x', 0) == SIZE_MAX);
    ok(str_find_char(S("abc"), 'a', 3) == SIZE_MAX && str_find_char(S("abc"), 'a', SIZE_MAX) == SIZE_MAX);
    ok(str_find_char((nicol_str){NULL, 0}, 'a', 0) == SIZE_MAX);
    is_int(str_find(S("aabaab"), S("aab"), 1), 3);
    is_int(str_find(S("abc"), S(""), 3), 3);
    ok(str_find(S("abc"), S(""), 4) == SIZE_MAX);
    ok(str_find(S("abc"), S("abcd"), 0) == SIZE_MAX);
    ok(str_find(S("abc"), S("c"), SIZE_MAX) == SIZE_MAX);
}

static void test_cut(void)
{
    is_strz(str_sub(S("abcdef"), 2, 4), "cd");
    is_strz(str_sub(S("abc"), 2, 99), "c");
    is_strz(str_sub(S("abc"), 3, 1), "");
    is_strz(str_sub((nicol_str){NULL, 0}, 1, 2), "");
    is_strz(str_trim(S(" \t\r\n x y \n")), "x y");
    is_strz(str_trim(S(" \n")), "");
    nicol_str rest = S("a,,b");
    is_strz(str_cut(&rest, ','), "a");
    is_strz(str_cut(&rest, ','), "");
    is_strz(str_cut(&rest, ','), "b");
    is_int(rest.len, 0);
    is_strz(str_cut(&rest, ','), "");
}

static void test_numbers(void)
{
    int64_t i = 7;
    uint64_t u = 7;
    ok(str_to_i64(S("9223372036854775807"), &i) && i == INT64_MAX);
    ok(!str_to_i64(S("9223372036854775808"), &i), "one past the largest");
    ok(str_to_i64(S("-9223372036854775808"), &i) && i == INT64_MIN);
    ok(!str_to_i64(S("-9223372036854775809"), &i), "one past the smallest");
    ok(str_to_i64(S("-0"), &i) && i == 0);
    ok(!str_to_i64(S(""), &i) && !str_to_i64(S("-"), &i) && !str_to_i64(S("+1"), &i) && !str_to_i64(S("1 "), &i) &&
       !str_to_i64(S("--1"), &i) && !str_to_i64(S("0x1"), &i) && !str_to_i64((nicol_str){"1\0", 2}, &i));
    ok(str_to_u64(S("18446744073709551615"), &u) && u == UINT64_MAX);
    ok(!str_to_u64(S("18446744073709551616"), &u) && u == UINT64_MAX, "overflow leaves the result alone");
    ok(!str_to_u64(S("99999999999999999999"), &u) && !str_to_u64(S("-1"), &u));

    size_t z;
    uint32_t w;
    int32_t n;
    ok(num_add(SIZE_MAX - 1, 1, &z) && !num_add(SIZE_MAX, 1, &z));
    ok(num_mul(SIZE_MAX / 2, 2, &z) && !num_mul(SIZE_MAX / 2 + 1, 2, &z));
    ok(num_add_i64(INT64_MAX - 1, 1, &i) && !num_add_i64(INT64_MAX, 1, &i));
    ok(num_mul_i64(INT64_MIN / 2, 2, &i) && !num_mul_i64(INT64_MIN, -1, &i));
    ok(num_to_u32(UINT32_MAX, &w) && !num_to_u32((size_t)UINT32_MAX + 1, &w));
    ok(num_to_i32(INT32_MIN, &n) && !num_to_i32((int64_t)INT32_MAX + 1, &n));
}

static void test_utf8(void)
{
    static const struct {
        const char *text;
        size_t len;
        size_t bad;
    } rows[] = {
        {"", 0, SIZE_MAX},
        {"plain ASCII, longer than eight bytes", 36, SIZE_MAX},
        {"a\0b", 3, SIZE_MAX},
        {"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 24,
         SIZE_MAX},
        {"\xc0\x80", 2, 0},         /* overlong NUL */
        {"a\xc1\xbf", 3, 1},        /* overlong */
        {"ab\xe0\x9f\xbf", 5, 2},   /* overlong, three bytes */
        {"\xf0\x8f\xbf\xbf", 4, 0}, /* overlong, four bytes */
        {"\xed\xa0\x80", 3, 0},     /* surrogate */
        {"\xf4\x90\x80\x80", 4, 0}, /* U+110000 */
        {"\xf5\x80\x80\x80", 4, 0}, /* no such lead byte */
        {"\x80", 1, 0},             /* continuation alone */
        {"12345678\xc3", 9, 8},     /* cut short after the fast part */
        {"\xe2\x82", 2, 0},         /* cut short */
        {"\xe2\x82\x28", 3, 0},     /* third byte wrong */
        {"1234567\xc3\xa4"
         "12345678",
         17, SIZE_MAX}, /* across the eight-byte step */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ok(str_utf8_bad((nicol_str){rows[i].text, rows[i].len}) == rows[i].bad, "utf-8 row %zu", i);
    }
}

/* Every power of ten and its neighbours, against printf. */
static void test_digits(void)
{
    uint64_t power = 1;
    for (int i = 0; i < 20; i++, power *= 10) {
        for (uint64_t v = power - 1; v <= power + 1; v++) {
            char got[20], want[32];
            int n = snprintf(want, sizeof want, "%llu", (unsigned long long)v);
            is_str(str_of(got, str_digits(got, v)), str_of(want, (size_t)n));
        }
    }
    char got[20];
    is_strz(str_of(got, str_digits(got, UINT64_MAX)), "18446744073709551615");
}

int main(void)
{
    test_compare();
    test_search();
    test_cut();
    test_numbers();
    test_utf8();
    test_digits();
    return done_testing();
}
