/* Typed scalars as text: dates, decimals, doubles, base64, hex. */
#include "value/value.h"

#include "tap.h"

static const struct {
    const char *in;
    bool strict; /* also RFC 3339 with zone */
    const char *out;
} dates[] = {
    {"1970-01-01T00:00:00Z", true, "1970-01-01T00:00:00.000Z"},
    {"1970-01-01T00:00:00.000Z", true, "1970-01-01T00:00:00.000Z"},
    {"1969-12-31T23:59:59.999Z", true, "1969-12-31T23:59:59.999Z"},
    {"2024-02-29T12:34:56.789Z", true, "2024-02-29T12:34:56.789Z"},
    {"2000-02-29T00:00:00Z", true, "2000-02-29T00:00:00.000Z"},
    {"2024-01-01T00:00:00+02:00", true, "2023-12-31T22:00:00.000Z"},
    {"2024-01-01T00:00:00-23:59", true, "2024-01-01T23:59:00.000Z"},
    {"2024-01-01t00:00:00z", true, "2024-01-01T00:00:00.000Z"},
    {"2024-01-01 00:00:00Z", true, "2024-01-01T00:00:00.000Z"},
    {"2024-01-01T00:00:00.1Z", true, "2024-01-01T00:00:00.100Z"},
    {"2024-01-01T00:00:00.123456789Z", true, "2024-01-01T00:00:00.123Z"},
    {"0000-01-01T00:00:00Z", true, "0000-01-01T00:00:00.000Z"},
    {"9999-12-31T23:59:59.999Z", true, "9999-12-31T23:59:59.999Z"},
    {"+012345-01-01T00:00:00.000Z", true, "+012345-01-01T00:00:00.000Z"},
    {"-000001-01-01T00:00:00.000Z", true, "-000001-01-01T00:00:00.000Z"},
    {"+275760-09-13T00:00:00.000Z", true, "+275760-09-13T00:00:00.000Z"},
    {"-271821-04-20T00:00:00.000Z", true, "-271821-04-20T00:00:00.000Z"},
    {"+999999-12-31T23:59:59.999Z", true, "+999999-12-31T23:59:59.999Z"},
    {"2024-01-01", false, "2024-01-01T00:00:00.000Z"},
    {"2024-01-01T10:20:30", false, "2024-01-01T10:20:30.000Z"},
    {"2024-01-01 10:20:30.5", false, "2024-01-01T10:20:30.500Z"},
    {"2024-01-01T10:20Z", false, "2024-01-01T10:20:00.000Z"},
    {"2024-01-01 10:20:30+02", false, "2024-01-01T08:20:30.000Z"},
    {"2024-01-01 10:20:30+0230", false, "2024-01-01T07:50:30.000Z"},
    {"2024-01-01 10:20:30 +02:00", false, "2024-01-01T08:20:30.000Z"},
    {"10:20:30", false, "1970-01-01T10:20:30.000Z"},
    {"10:20:30.25+01:00", false, "1970-01-01T09:20:30.250Z"},
};
static const char *const no_dates[] = {
    "",
    "x",
    "2024",
    "2024-1-1",
    "2024-13-01",
    "2024-00-01",
    "2024-01-00",
    "2023-02-29",
    "1900-02-29",
    "2024-04-31",
    "2024-01-01T",
    "2024-01-01T24:00:00Z",
    "2024-01-01T10:60:00Z",
    "2024-01-01T10:00:60Z",
    "2024-01-01T10:00:00.Z",
    "2024-01-01T10:00:00ZZ",
    "2024-01-01T10:00:00+24:00",
    "2024-01-01T10:00:00+1",
    "2024-01-01T10:00:00+01:6",
    "-000000-01-01T00:00:00Z",
    "+12345-01-01",
    "2024-01-01X10:00:00Z",
    "20240101",
    "1704067200000",
    "2024-01-01T10:00:00+",
    "10:20:3",
    "2024-01-01 ",
};

static void test_dates(void)
{
    char out[40];
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        int64_t ms = -1, strict = -1;
        nicol_str in = str_c(dates[i].in);
        ok(datetime_parse(in, &ms), "reads %s", dates[i].in);
        is_strz(((nicol_str){out, datetime_format(out, ms)}), dates[i].out);
        ok(datetime_parse_rfc3339(in, &strict) == dates[i].strict, "%s strictly", dates[i].in);
        ok(!dates[i].strict || strict == ms, "both readers agree");
    }
    for (size_t i = 0; i < sizeof no_dates / sizeof *no_dates; i++) {
        int64_t ms;
        ok(!datetime_parse(str_c(no_dates[i]), &ms) && !datetime_parse_rfc3339(str_c(no_dates[i]), &ms),
           "no date: '%s'", no_dates[i]);
    }
    is_strz(((nicol_str){out, datetime_format_offset(out, 1704164645678)}), "2024-01-02T03:04:05.678+00:00");
    is_int(datetime_format(out, INT64_MAX), 27);
    is_int(datetime_format(out, INT64_MIN), 27);
    is_int(datetime_format_offset(out, INT64_MIN), 32);
    /* Each day of 800 years, there and back. */
    bool same = true;
    for (int64_t day = -146097; day <= 146097 * 2; day++) {
        int64_t ms = day * 86400000 + (day & 0xFFFF), back = 0;
        size_t n = datetime_format(out, ms);
        same = same && n == 24 && datetime_parse((nicol_str){out, n}, &back) && back == ms;
    }
    ok(same, "every day comes back");
}

static const struct {
    const char *in, *canonical, *plain;
} decimals[] = {
    {"0", "0", "0"},
    {"-0", "0", "0"},
    {"0.000", "0", "0"},
    {"0e5", "0", "0"},
    {"1", "1", "1"},
    {"+1", "1", "1"},
    {"-1", "-1", "-1"},
    {"007", "7", "7"},
    {"1.50", "1.5", "1.5"},
    {"1.", "1", "1"},
    {".5", "0.5", "0.5"},
    {"-.5", "-0.5", "-0.5"},
    {"100", "100", "100"},
    {"1e2", "100", "100"},
    {"1.5e1", "15", "15"},
    {"1.5E+3", "1500", "1500"},
    {"1234.5e-2", "12.345", "12.345"},
    {"123456789012345678901", "123456789012345678901", "123456789012345678901"},
    {"1e20", "100000000000000000000", "100000000000000000000"},
    {"1e21", "1e+21", "1000000000000000000000"},
    {"1234567890123456789012", "1.234567890123456789012e+21", "1234567890123456789012"},
    {"-1200000000000000000000000", "-1.2e+24", "-1200000000000000000000000"},
    {"0.000001", "0.000001", "0.000001"},
    {"0.0000001", "1e-7", "0.0000001"},
    {"0.00000012", "1.2e-7", "0.00000012"},
    {"-12e-9", "-1.2e-8", "-0.000000012"},
    {"0.10", "0.1", "0.1"},
    {"10.01", "10.01", "10.01"},
    {"1000.0001000", "1000.0001", "1000.0001"},
    {"99999999999999999999.99999999999999999999", "99999999999999999999.99999999999999999999",
     "99999999999999999999.99999999999999999999"},
};
static const char *const no_decimals[] = {"",
                                          "-",
                                          ".",
                                          "e5",
                                          "1e",
                                          "1e+",
                                          "1.2.3",
                                          "1 ",
                                          " 1",
                                          "abc",
                                          "1e1.5",
                                          "0x10",
                                          "NaN",
                                          "Infinity",
                                          "--1",
                                          "1-",
                                          "1e9000000000000001",
                                          "1e-9000000000000001",
                                          "1e99999999999999999999999",
                                          "1_0"};

static void test_decimals(void)
{
    buf b;
    buf_init(&b, mem_default, 1 << 16);
    for (size_t i = 0; i < sizeof decimals / sizeof *decimals; i++) {
        nicol_str in = str_c(decimals[i].in);
        buf_clear(&b);
        ok(decimal_valid(in) && decimal_canonical(&b, in), "%s is a decimal", in.ptr);
        is_strz(buf_view(&b), decimals[i].canonical);
        is_int(decimal_cmp(in, str_c(decimals[i].canonical)), 0);
        buf_clear(&b);
        ok(decimal_plain(&b, in), "%s in plain", in.ptr);
        is_strz(buf_view(&b), decimals[i].plain);
        is_int(decimal_cmp(in, str_c(decimals[i].plain)), 0);
    }
    buf_clear(&b);
    for (size_t i = 0; i < sizeof no_decimals / sizeof *no_decimals; i++) {
        nicol_str in = str_c(no_decimals[i]);
        ok(!decimal_valid(in) && !decimal_canonical(&b, in) && !decimal_plain(&b, in), "no decimal: '%s'", in.ptr);
    }
    is_int(b.len, 0);
    ok(decimal_canonical(&b, S("1e9000000000000000")), "the largest exponent");
    is_strz(buf_view(&b), "1e+9000000000000000");
    ok(decimal_plain(&b, S("1e1099")) && !decimal_plain(&b, S("1e1100")), "plain form to 1,100 characters");
    ok(decimal_plain(&b, S("1e-1098")) && !decimal_plain(&b, S("1e-1099")), "the same below one");
    ok(decimal_plain(&b, S("-1e-1097")) && !decimal_plain(&b, S("-1e-1098")), "the sign counts");
    ok(!decimal_plain(&b, S("1e8999999999999999")), "huge exponents take no time");

    static const char *const order[] = {"-1e10", "-11", "-10.5", "-1", "-0.1", "-1e-20",  "0",  "1e-20", "0.1",
                                        "0.11",  "1",   "1.01",  "2",  "10",   "10.0001", "99", "1e2",   "1e10"};
    size_t n = sizeof order / sizeof *order;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            int c = decimal_cmp(str_c(order[i]), str_c(order[k]));
            ok((c > 0) - (c < 0) == (i > k) - (i < k), "%s against %s", order[i], order[k]);
        }
    }
    buf_free(&b);
}

static void test_floats(void)
{
    char out[32];
    double f = 0;
    is_strz(((nicol_str){out, float_format(out, -0.0)}), "0");
    is_strz(((nicol_str){out, float_format(out, 1e21)}), "1e+21");
    is_strz(((nicol_str){out, float_format(out, 5e-7)}), "5e-7");
    is_strz(((nicol_str){out, float_format(out, 0.1 + 0.2)}), "0.30000000000000004");
    ok(float_parse(S("-1.5e3"), &f) && f == -1500, "a number");
    ok(!float_parse(S("+1"), &f) && !float_parse(S(" 1"), &f) && !float_parse(S("1e999"), &f), "not numbers here");
}

static const char *const base64s[][2] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xef\xff", "++//"},
};

static void test_bytes(void)
{
    FOR_EACH_FAULT(m, "base64 and hex") {
        arena *a = arena_new(m, 1 << 16);
        if (!a) continue;
        buf b;
        buf_init(&b, m, 1 << 16);
        nicol_str got;
        for (size_t i = 0; i < sizeof base64s / sizeof *base64s; i++) {
            nicol_str plain = str_c(base64s[i][0]), coded = str_c(base64s[i][1]);
            buf_clear(&b);
            base64_write(&b, plain.ptr, plain.len);
            if (!tap_faulted(m)) is_str(buf_view(&b), coded);
            is_int(base64_len(plain.len), coded.len);
            if (base64_read(a, coded, &got)) is_str(got, plain);
            else ok(tap_faulted(m), "reads %s", coded.ptr);
            nicol_str bare = coded;
            while (bare.len > 0 && bare.ptr[bare.len - 1] == '=') bare.len--;
            if (base64_read(a, bare, &got)) is_str(got, plain);
            else ok(tap_faulted(m), "reads %s without padding", coded.ptr);
        }
        if (base64_read(a, S("--__"), &got)) is_strz(got, "\xfb\xef\xff");
        static const char *const bad[] = {
            "A", "A=", "A==", "A===", "AA=", "AAA==", "AA===", "A A=", "AA!A", "=", "====", "AA=A", "Zg==Zg=="};
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
            ok(!base64_read(a, str_c(bad[i]), &got), "refuses %s", bad[i]);
        if (hex_read(a, S("00fFA0"), &got)) ok(got.len == 3 && memcmp(got.ptr, "\x00\xff\xa0", 3) == 0, "hex");
        else ok(tap_faulted(m), "reads hex");
        if (hex_read(a, S(""), &got)) is_int(got.len, 0);
        ok(!hex_read(a, S("0"), &got) && !hex_read(a, S("0g"), &got) && !hex_read(a, S("g0"), &got), "no hex");
        buf_free(&b);
        arena_free(a);
    }
    buf b;
    buf_init(&b, mem_default, 7);
    base64_write(&b, "foobar", 6);
    ok(buf_failed(&b) && b.len == 0, "eight characters into seven");
    buf_free(&b);
}

int main(void)
{
    test_dates();
    test_decimals();
    test_floats();
    test_bytes();
    return done_testing();
}
