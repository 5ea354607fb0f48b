/* The JSON reader and writer: what is accepted, what is refused and where, values, limits, faults. */
#include "json/json.h"

#include "tap.h"

static arena *new_arena(void)
{
    arena *a = arena_new(mem_default, (size_t)1 << 30);
    if (a == NULL) abort();
    return a;
}

static nicol_str minified(buf *b, nicol_str text)
{
    buf_clear(b);
    return json_put_minified(b, text, NICOL_JSON_DEPTH_MAX) ? buf_view(b) : (nicol_str){NULL, 0};
}

/* text -> the same without blanks */
static const char *const accepted[][2] = {
    {"null", "null"},
    {" true ", "true"},
    {"\t\r\nfalse\n", "false"},
    {"0", "0"},
    {"-0", "-0"},
    {"-0.0", "-0.0"},
    {"123", "123"},
    {"1.5", "1.5"},
    {"1e5", "1e5"},
    {"1E+5", "1E+5"},
    {"-1.25e-10", "-1.25e-10"},
    {"123456789012345678901234567890", "123456789012345678901234567890"},
    {"1e400", "1e400"},
    {"0e1", "0e1"},
    {"\"\"", "\"\""},
    {"\"a b\"", "\"a b\""},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""},
    {"\"\\u0000\\u001f\\uFFFF\"", "\"\\u0000\\u001f\\uFFFF\""},
    {"\"\\uD83D\\uDE00\"", "\"\\uD83D\\uDE00\""},
    {"\"\x7f\"", "\"\x7f\""},
    {"\"\xc2\x80\xdf\xbf\"", "\"\xc2\x80\xdf\xbf\""},
    {"\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"", "\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\""},
    {"\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"", "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""},
    {"[]", "[]"},
    {"[ ]", "[]"},
    {"{}", "{}"},
    {"{ }", "{}"},
    {"[[ ] , { } ]", "[[],{}]"},
    {"[1, 2 ,3]", "[1,2,3]"},
    {"[\"a\" , null,true,false , -1]", "[\"a\",null,true,false,-1]"},
    {"{\"a\" : 1 , \"a\":{\"b\":[ ]}}", "{\"a\":1,\"a\":{\"b\":[]}}"},
    {"{\"\":0}", "{\"\":0}"},
    {"[{\"a\":[{}]},[[]]]", "[{\"a\":[{}]},[[]]]"},
    {"{\"k\":\"a string with  two blanks\"}", "{\"k\":\"a string with  two blanks\"}"},
};

/* text, byte that the error names, part of what was expected */
static const struct {
    nicol_str text;
    unsigned at;
    const char *expected;
} refused[] = {
    {NICOL_STR(""), 0, "a value"},
    {NICOL_STR("  "), 2, "a value"},
    {NICOL_STR("nul"), 0, "a value"},
    {NICOL_STR("NULL"), 0, "a value"},
    {NICOL_STR("tru"), 0, "a value"},
    {NICOL_STR("fals"), 0, "a value"},
    {NICOL_STR("nullx"), 4, "nothing after"},
    {NICOL_STR("1 2"), 2, "nothing after"},
    {NICOL_STR("{}{}"), 2, "nothing after"},
    {NICOL_STR("NaN"), 0, "a value"},
    {NICOL_STR("Infinity"), 0, "a value"},
    {NICOL_STR("-"), 1, "a digit"},
    {NICOL_STR("-a"), 1, "a digit"},
    {NICOL_STR("-Infinity"), 1, "a digit"},
    {NICOL_STR("+1"), 0, "a value"},
    {NICOL_STR(".5"), 0, "a value"},
    {NICOL_STR("01"), 1, "leading zero"},
    {NICOL_STR("-012"), 2, "leading zero"},
    {NICOL_STR("1."), 2, "decimal point"},
    {NICOL_STR("1.e1"), 2, "decimal point"},
    {NICOL_STR("1e"), 2, "exponent"},
    {NICOL_STR("1e+"), 3, "exponent"},
    {NICOL_STR("1eE2"), 2, "exponent"},
    {NICOL_STR("0x1"), 1, "nothing after"},
    {NICOL_STR("1_000"), 1, "nothing after"},
    {NICOL_STR("\""), 1, "closing quote"},
    {NICOL_STR("\"abc"), 4, "closing quote"},
    {NICOL_STR("'a'"), 0, "a value"},
    {NICOL_STR("\"\\"), 2, "escape"},
    {NICOL_STR("\"\\\""), 3, "closing quote"},
    {NICOL_STR("\"\\x41\""), 1, "escapes"},
    {NICOL_STR("\"\\a\""), 1, "escapes"},
    {NICOL_STR("\"\\U0041\""), 1, "escapes"},
    {NICOL_STR("\"\\u"), 1, "hexadecimal"},
    {NICOL_STR("\"\\u00\""), 1, "hexadecimal"},
    {NICOL_STR("\"\\u00G0\""), 1, "hexadecimal"},
    {NICOL_STR("\"\\uD800\""), 1, "trailing surrogate"},
    {NICOL_STR("\"\\uD800x\""), 1, "trailing surrogate"},
    {NICOL_STR("\"\\uD800\\n\""), 1, "trailing surrogate"},
    {NICOL_STR("\"\\uD800\\u0041\""), 1, "trailing surrogate"},
    {NICOL_STR("\"\\uD800\\uD800\""), 1, "trailing surrogate"},
    {NICOL_STR("\"\\uD83D\\uDE0"), 1, "trailing surrogate"},
    {NICOL_STR("\"\\uDC00\""), 1, "leading surrogate"},
    {NICOL_STR("\"\\uDE00\\uD83D\""), 1, "leading surrogate"},
    {NICOL_STR("\"a\nb\""), 2, "control character"},
    {NICOL_STR("\"\t\""), 1, "control character"},
    {NICOL_STR("\"a\0b\""), 2, "control character"},
    {NICOL_STR("\"0123456789abcdef\x1f\""), 17, "control character"},
    {NICOL_STR("\"\x80\""), 1, "UTF-8"},
    {NICOL_STR("\"\xc0\x80\""), 1, "UTF-8"},
    {NICOL_STR("\"\xc1\xbf\""), 1, "UTF-8"},
    {NICOL_STR("\"\xc2\""), 1, "UTF-8"},
    {NICOL_STR("\"\xc2"), 1, "UTF-8"},
    {NICOL_STR("\"\xe0\x9f\xbf\""), 1, "UTF-8"},
    {NICOL_STR("\"\xed\xa0\x80\""), 1, "UTF-8"},
    {NICOL_STR("\"\xe2\x82\""), 1, "UTF-8"},
    {NICOL_STR("\"\xe2\x82"), 1, "UTF-8"},
    {NICOL_STR("\"\xf0\x8f\xbf\xbf\""), 1, "UTF-8"},
    {NICOL_STR("\"\xf4\x90\x80\x80\""), 1, "UTF-8"},
    {NICOL_STR("\"\xf5\x80\x80\x80\""), 1, "UTF-8"},
    {NICOL_STR("\"\xf0\x9f\x98"), 1, "UTF-8"},
    {NICOL_STR("\"ok\xff\""), 3, "UTF-8"},
    {NICOL_STR("\xef\xbb\xbf{}"), 0, "a value"},
    {NICOL_STR("["), 1, "a value"},
    {NICOL_STR("]"), 0, "a value"},
    {NICOL_STR("[1"), 2, "',' or ']'"},
    {NICOL_STR("[1,"), 3, "a value"},
    {NICOL_STR("[1,]"), 3, "a value"},
    {NICOL_STR("[,1]"), 1, "a value"},
    {NICOL_STR("[1 2]"), 3, "',' or ']'"},
    {NICOL_STR("[1}"), 2, "',' or ']'"},
    {NICOL_STR("[1:2]"), 2, "',' or ']'"},
    {NICOL_STR("{"), 1, "member name"},
    {NICOL_STR("{,}"), 1, "member name"},
    {NICOL_STR("{a:1}"), 1, "member name"},
    {NICOL_STR("{1:1}"), 1, "member name"},
    {NICOL_STR("{\"a\"}"), 4, "':'"},
    {NICOL_STR("{\"a\" 1}"), 5, "':'"},
    {NICOL_STR("{\"a\":}"), 5, "a value"},
    {NICOL_STR("{\"a\":1,}"), 7, "member name"},
    {NICOL_STR("{\"a\":1 \"b\":2}"), 7, "',' or '}'"},
    {NICOL_STR("{\"a\":1]"), 6, "',' or '}'"},
    {NICOL_STR("{\"a\":1"), 6, "',' or '}'"},
    {NICOL_STR("{\"a"), 3, "closing quote"},
    {NICOL_STR("[1]//"), 3, "nothing after"},
    {NICOL_STR("/**/1"), 0, "a value"},
    {NICOL_STR("1\0"), 1, "nothing after"},
    {NICOL_STR("1\v"), 1, "nothing after"},
    {NICOL_STR("1\xc2\xa0"), 1, "nothing after"},
};

static void test_tables(void)
{
    arena *a = arena_new(mem_default, 1 << 20);
    buf b;
    buf_init(&b, mem_default, 1 << 20);
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        nicol_str text = str_c(accepted[i][0]);
        json_doc doc;
        nicol_error err = {0};
        arena_reset(a);
        ok(json_parse(a, text, 10, &doc, &err), "reads %s", text.ptr);
        no_err(&err);
        is_strz(minified(&b, text), accepted[i][1]);
        is_strz(json_raw(json_root(&doc)), str_trim(text).len == text.len ? text.ptr : accepted[i][1]);
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        /* An exact copy on the heap, so that the sanitizer sees a read past the end. */
        char *copy = malloc(refused[i].text.len + 1);
        if (copy == NULL) abort();
        if (refused[i].text.len != 0) memcpy(copy, refused[i].text.ptr, refused[i].text.len);
        nicol_str text = {copy, refused[i].text.len};
        copy = realloc(copy, text.len != 0 ? text.len : 1);
        text.ptr = copy;
        json_doc doc;
        nicol_error err = {0};
        arena_reset(a);
        ok(!json_parse(a, text, 10, &doc, &err), "refuses row %zu: %.*s", i, STR_FMT(refused[i].text));
        is_err(&err, NICOL_E_BAD_JSON);
        char place[32];
        snprintf(place, sizeof place, "at byte %u:", refused[i].at);
        ok(str_find(err.message, str_c(place), 0) != SIZE_MAX &&
               str_find(err.message, str_c(refused[i].expected), 0) != SIZE_MAX,
           "row %zu names %s %s", i, place, refused[i].expected);
        ok(minified(&b, text).ptr == NULL && b.len == 0, "nor is row %zu copied", i);
        free(copy);
    }
    buf_free(&b);
    arena_free(a);
}

static json_val parse(arena *a, json_doc *doc, const char *text)
{
    nicol_error err = {0};
    if (!json_parse(a, str_c(text), NICOL_JSON_DEPTH_MAX, doc, &err)) {
        diag("%s: %.*s", text, STR_FMT(err.message));
        abort();
    }
    return json_root(doc);
}

static void test_walk(void)
{
    arena *a = arena_new(mem_default, 1 << 20);
    json_doc doc;
    json_val v =
        parse(a, &doc,
              "{\"a\":1,\"b\":[1,{\"x\":[]},\"s\"],\"a\":2,\"\\u0061b\":true,\"\":null,\"e\":\"\\uD83D\\uDE00\\n/\"}");
    is_int(json_kind(v), JSON_OBJECT);
    is_int(json_count(v), 6);
    int64_t i = 0;
    ok(json_i64(json_get(v, S("a")), &i), "the last of two members wins");
    is_int(i, 2);
    ok(json_kind(json_get(v, S("ab"))) == JSON_TRUE, "an escaped name is found by what it stands for");
    ok(!json_present(json_get(v, S("\\u0061b"))), "and not by its spelling");
    ok(!json_present(json_get(v, S("abc"))) && !json_present(json_get(v, S("zz"))), "absent members are absent");
    ok(json_kind(json_get(v, S(""))) == JSON_NULL, "an empty name");
    is_strz(json_text(json_get(v, S("e"))), "\xF0\x9F\x98\x80\n/");
    ok(json_is(json_get(v, S("e")), S("\xF0\x9F\x98\x80\n/")), "escaped text compares");
    ok(!json_is(json_get(v, S("e")), S("\xF0\x9F\x98\x80\n")), "a prefix is not equal");
    ok(!json_is(json_get(v, S("e")), S("\xF0\x9F\x98\x80\n/x")), "nor is a longer text");
    ok(!json_is(json_get(v, S("a")), S("2")), "a number is no string");
    is_strz(json_raw(json_get(v, S("b"))), "[1,{\"x\":[]},\"s\"]");
    is_strz(json_raw(json_get(v, S("e"))), "\"\\uD83D\\uDE00\\n/\"");
    ok(!json_present(json_get(json_get(v, S("b")), S("x"))), "an array has no members");
    ok(!json_present(json_get((json_val){NULL, 0}, S("x"))), "nothing has no members");
    ok(json_text(json_get(v, S("a"))).ptr == NULL, "a number is no text");
    ok(json_raw((json_val){NULL, 0}).ptr == NULL, "nothing has no text");
    is_int(json_count((json_val){NULL, 0}), 0);

    static const char *const keys[] = {"a", "b", "a", "ab", "", "e"};
    size_t n = 0;
    for (json_iter it = json_first(v); json_more(&it); n++) is_strz(it.key, keys[n]);
    is_int(n, 6);
    n = 0;
    json_type kinds[] = {JSON_NUMBER, JSON_OBJECT, JSON_STRING};
    for (json_iter it = json_first(json_get(v, S("b"))); json_more(&it); n++) is_int(json_kind(it.value), kinds[n]);
    is_int(n, 3);
    json_iter none = json_first(json_get(v, S("a")));
    ok(!json_more(&none), "a scalar has nothing to walk");
    none = json_first((json_val){NULL, 0});
    ok(!json_more(&none), "nor has nothing");
    arena_free(a);
}

static void test_numbers(void)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t want;
    } ints[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"-9223372036854775808", true, INT64_MIN},
        {"-9223372036854775809", false, 0},
        {"18446744073709551616", false, 0},
        {"99999999999999999999999", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"\"1\"", false, 0},
        {"true", false, 0},
    };
    arena *a = arena_new(mem_default, 1 << 20);
    json_doc doc;
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        int64_t got = 0;
        ok(json_i64(parse(a, &doc, ints[i].text), &got) == ints[i].ok, "integer %s", ints[i].text);
        is_int(got, ints[i].want);
    }
    bool yes = false;
    ok(json_bool(parse(a, &doc, "true"), &yes) && yes, "true");
    ok(json_bool(parse(a, &doc, "false"), &yes) && !yes, "false");
    ok(!json_bool(parse(a, &doc, "null"), &yes) && !json_bool((json_val){NULL, 0}, &yes), "null is no boolean");
    double f = 0;
    ok(json_f64(parse(a, &doc, "-12.5e1"), &f) && f == -125, "a double");
    ok(!json_f64(parse(a, &doc, "1e309"), &f), "past the largest double");
    ok(!json_f64(parse(a, &doc, "\"1\""), &f), "a string is no number");
    arena_free(a);
}

/* Number texts and what JavaScript makes of them. */
static const struct {
    const char *text;
    const char *js;
} doubles[] = {
    {"0", "0"},
    {"-0", "0"},
    {"1", "1"},
    {"-1", "-1"},
    {"100", "100"},
    {"0.1", "0.1"},
    {"0.30000000000000004", "0.30000000000000004"},
    {"1.5", "1.5"},
    {"-2.25", "-2.25"},
    {"123456.789", "123456.789"},
    {"9007199254740991", "9007199254740991"},
    {"9007199254740992", "9007199254740992"},
    {"9007199254740993", "9007199254740992"},
    {"9007199254740995", "9007199254740996"},
    {"123456789012345680000", "123456789012345680000"},
    {"999999999999999900000", "999999999999999900000"},
    {"1e20", "100000000000000000000"},
    {"1e21", "1e+21"},
    {"1.5e300", "1.5e+300"},
    {"1e22", "1e+22"},
    {"1e23", "1e+23"},
    {"0.000001", "0.000001"},
    {"0.0000012345", "0.0000012345"},
    {"0.0000001", "1e-7"},
    {"1.25e-7", "1.25e-7"},
    {"5e-324", "5e-324"},
    {"3e-324", "5e-324"},
    {"2e-324", "0"},
    {"2.2250738585072014e-308", "2.2250738585072014e-308"},
    {"2.225073858507201e-308", "2.225073858507201e-308"},
    {"1.7976931348623157e308", "1.7976931348623157e+308"},
    {"4.35", "4.35"},
    {"0.1e1", "1"},
    {"1.7976931348623158e308", "1.7976931348623157e+308"},
    {"3.141592653589793", "3.141592653589793"},
    {"0.3333333333333333", "0.3333333333333333"},
    {"1.1102230246251565e-16", "1.1102230246251565e-16"},
    {"5.6843418860808015e-14", "5.684341886080802e-14"},
    {"2.9802322387695312e-8", "2.9802322387695312e-8"},
    {"2251799813685248.5", "2251799813685248.5"},
    {"562949953421312.1", "562949953421312.1"},
    {"0.001234", "0.001234"},
    {"1e0", "1"},
    {"10e-1", "1"},
    {"123e-20", "1.23e-18"},
    {"0.000000000000000000000000000000000000001", "1e-39"},
    {"1797693134862315708145274237317043567980705675258449965989174768031572607800285387605895586327668781"
     "7154045895351438246423432132688946418276846754670353751698604991057655128207624549009038932894407586"
     "8508455133942304583236903222948165808559332123348274797826204144723168738177180919299881250404026184124858368",
     "1.7976931348623157e+308"},
};

static void test_doubles(void)
{
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) {
        double f = -1, again = -1;
        char out[32];
        ok(json_f64_read(str_c(doubles[i].text), &f), "reads %.60s", doubles[i].text);
        size_t n = json_f64_format(out, f);
        is_strz(((nicol_str){out, n}), doubles[i].js);
        ok(json_f64_read(((nicol_str){out, n}), &again) && again == f, "%.*s reads back", (int)n, out);
        ok(f == strtod(doubles[i].text, NULL), "as strtod has it");
    }
    static const char *const none[] = {
        "", "-", "+1", " 1", "1 ", "1.", ".5", "0x1", "1e", "inf", "NaN", "1e309", "-1e999999999999", "01"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        double f = 7;
        ok(!json_f64_read(str_c(none[i]), &f) && f == 7, "no number: '%s'", none[i]);
    }
    double f;
    ok(json_f64_read(S("1e-999999999999"), &f) && f == 0, "underflow is zero");
    ok(!json_f64_read((nicol_str){NULL, 0}, &f), "nothing is no number");

    /* Any bit pattern must come back, and no shorter text may exist that does. */
    uint64_t x = 88172645463325252ULL;
    int bad = 0;
    for (int i = 0; i < 20000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        uint64_t bits = x;
        if (i % 4 == 1) bits &= 0xFFF0000000000000ULL;                                 /* powers of two */
        if (i % 4 == 2) bits = (bits & 0x800FFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL; /* 1 to 2 */
        if (i % 4 == 3) bits &= 0x800000000FFFFFFFULL;                                 /* subnormal */
        double g, h;
        memcpy(&g, &bits, sizeof g);
        if (!isfinite(g)) continue;
        char out[32], trial[40];
        size_t n = json_f64_format(out, g);
        if (n > 25 || !json_f64_read((nicol_str){out, n}, &h) || h != g) {
            bad++;
            diag("%.17g came back from %.*s", g, (int)n, out);
        }
        int digits = 0;
        for (size_t k = 0; k < n && out[k] != 'e'; k++) digits += out[k] >= '0' && out[k] <= '9';
        for (int p = 1; p < digits && p < 17; p++) {
            snprintf(trial, sizeof trial, "%.*e", p - 1, g);
            if (strtod(trial, NULL) == g && strchr(out, '.') != NULL && strtol(out, NULL, 10) != 0) {
                bad++;
                diag("%.*s is longer than %s", (int)n, out, trial);
            }
        }
    }
    is_int(bad, 0);
}

static void test_writing(void)
{
    static const struct {
        nicol_str in;
        const char *out;
    } strings[] = {
        {NICOL_STR(""), "\"\""},
        {NICOL_STR("plain"), "\"plain\""},
        {NICOL_STR("quote\"back\\slash/"), "\"quote\\\"back\\\\slash/\""},
        {NICOL_STR("\b\t\n\f\r"), "\"\\b\\t\\n\\f\\r\""},
        {NICOL_STR("\x01\x1f\x7f"), "\"\\u0001\\u001f\x7f\""},
        {NICOL_STR("nul\0in"), "\"nul\\u0000in\""},
        {NICOL_STR("sixteen bytes...and some more \"quoted\" text that is long"),
         "\"sixteen bytes...and some more \\\"quoted\\\" text that is long\""},
        {NICOL_STR("\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82 \xF0\x9F\x98\x80"),
         "\"\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82 \xF0\x9F\x98\x80\""},
        {NICOL_STR("bad\xFFmid\xE2\x82"), "\"bad\xEF\xBF\xBDmid\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {NICOL_STR("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {NICOL_STR("\xE2\x80\xA8"), "\"\xE2\x80\xA8\""},
    };
    buf b;
    buf_init(&b, mem_default, 1 << 20);
    arena *a = new_arena();
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        buf_clear(&b);
        json_put_str(&b, strings[i].in);
        is_strz(buf_view(&b), strings[i].out);
        json_doc doc;
        nicol_error err = {0};
        ok(json_parse(a, buf_view(&b), 1, &doc, &err), "what was written is read");
    }
    /* Every length and every place of an escape around the block sizes. */
    bool same = true;
    for (size_t len = 1; len < 70; len++) {
        for (size_t at = 0; at < len; at++) {
            char text[70];
            memset(text, 'x', len);
            text[at] = at % 3 == 0 ? '"' : at % 3 == 1 ? '\x02' : '\\';
            char *copy = malloc(len); /* exact: a read past the end is seen */
            if (copy == NULL) abort();
            memcpy(copy, text, len);
            buf_clear(&b);
            json_put_str(&b, (nicol_str){copy, len});
            free(copy);
            json_doc doc;
            nicol_error err = {0};
            arena_reset(a);
            same = same && json_parse(a, buf_view(&b), 1, &doc, &err) &&
                   str_eq(json_text(json_root(&doc)), (nicol_str){text, len});
        }
    }
    ok(same, "escapes at every place of short strings come back");
    buf_clear(&b);
    json_put_f64(&b, NAN);
    json_put_f64(&b, -INFINITY);
    json_put_f64(&b, 1e21);
    is_strz(buf_view(&b), "nullnull1e+21");
    buf_clear(&b);
    json_put_str(&b, (nicol_str){NULL, 0});
    is_strz(buf_view(&b), "\"\"");
    buf_free(&b);
    for (size_t max = 0; max < 12; max++) {
        buf_init(&b, mem_default, max);
        json_put_str(&b, S("12345678"));
        ok(buf_failed(&b) == (max < 10), "ten bytes into %zu", max);
        buf_free(&b);
    }
    arena_free(a);
}

static nicol_str nested(char *text, unsigned depth, bool object)
{
    size_t n = 0;
    for (unsigned i = 0; i < depth; i++) {
        if (object) {
            memcpy(text + n, "{\"a\":", 5);
            n += 5;
        } else {
            text[n++] = '[';
        }
    }
    if (object) text[n++] = '1';
    for (unsigned i = 0; i < depth; i++) text[n++] = object ? '}' : ']';
    return (nicol_str){text, n};
}

static void test_limits(void)
{
    static char text[200000];
    arena *a = new_arena();
    buf b;
    buf_init(&b, mem_default, 1 << 20);
    json_doc doc;
    for (int object = 0; object < 2; object++) {
        nicol_error err = {0};
        nicol_str s = nested(text, NICOL_JSON_DEPTH_MAX, object);
        ok(json_parse(a, s, NICOL_JSON_DEPTH_MAX, &doc, &err), "the deepest text is read");
        ok(json_put_minified(&b, s, NICOL_JSON_DEPTH_MAX), "and copied");
        s = nested(text, NICOL_JSON_DEPTH_MAX + 1, object);
        ok(!json_parse(a, s, NICOL_JSON_DEPTH_MAX, &doc, &err), "one level more is not");
        is_err(&err, NICOL_E_LIMIT);
        ok(str_find(err.message, S("128 levels"), 0) != SIZE_MAX, "the limit is named");
        ok(!json_put_minified(&b, s, NICOL_JSON_DEPTH_MAX), "nor copied");
        nicol_error err2 = {0};
        ok(!json_parse(a, s, UINT32_MAX, &doc, &err2), "nobody may ask for more");
        s = nested(text, 3, object);
        ok(json_parse(a, s, 3, &doc, &err2) && !json_parse(a, s, 2, &doc, &err2), "a lower limit holds too");
    }
    nicol_error err = {0};
    ok(!json_parse(a, S("[]"), 0, &doc, &err) && json_parse(a, S("1"), 0, &doc, &err), "depth 0: scalars only");
    memset(text, '[', sizeof text);
    nicol_error deep = {0};
    ok(!json_parse(a, (nicol_str){text, sizeof text}, NICOL_JSON_DEPTH_MAX, &doc, &deep), "200,000 brackets");
    is_err(&deep, NICOL_E_LIMIT);
    nicol_error big = {0};
    /* The length is looked at before the text. */
    ok(!json_parse(a, (nicol_str){text, NICOL_JSON_BYTES_MAX + 1}, 1, &doc, &big), "a text past the size limit");
    is_err(&big, NICOL_E_LIMIT);
    ok(!json_put_minified(&b, (nicol_str){text, NICOL_JSON_BYTES_MAX + 1}, 1), "nor is it copied");
    nicol_error none = {0};
    ok(!json_parse(a, (nicol_str){NULL, 0}, 1, &doc, &none), "no text at all");
    is_err(&none, NICOL_E_BAD_JSON);
    buf_free(&b);
    arena_free(a);
}

static void test_many_tokens(void)
{
    /* Two bytes a token: the tape has to grow far past its first estimate. */
    size_t n = 60000, len = 0;
    char *text = malloc(n * 2 + 2);
    if (text == NULL) abort();
    text[len++] = '[';
    for (size_t i = 0; i < n; i++) {
        text[len++] = (char)('0' + i % 10);
        text[len++] = i + 1 < n ? ',' : ']';
    }
    FOR_EACH_FAULT(m, "json: a long array") {
        arena *a = arena_new(m, (size_t)64 << 20);
        if (!a) continue;
        json_doc doc;
        nicol_error err = {0};
        bool good = json_parse(a, (nicol_str){text, len}, 1, &doc, &err);
        ok(good || tap_faulted(m), "read");
        if (good) is_int(json_count(json_root(&doc)), n);
        if (!good) is_err(&err, NICOL_E_NO_MEMORY);
        arena_free(a);
    }
    arena *small = arena_new(mem_default, 100000);
    json_doc doc;
    nicol_error err = {0};
    ok(!json_parse(small, (nicol_str){text, len}, 1, &doc, &err), "an arena that is too small");
    is_err(&err, NICOL_E_NO_MEMORY);
    arena_free(small);
    free(text);
}

static void test_faults(void)
{
    FOR_EACH_FAULT(m, "json: read, decode, write") {
        arena *a = arena_new(m, 1 << 20);
        if (!a) continue;
        buf b;
        buf_init(&b, m, 1 << 16);
        json_doc doc;
        nicol_error err = {0};
        if (json_parse(a, S("{\"k\\n\":[1,2,\"x\\ty\"],\"z\":1.25}"), 5, &doc, &err)) {
            for (json_iter it = json_first(json_root(&doc)); json_more(&it);) {
                ok(it.key.ptr != NULL || tap_faulted(m), "a name");
                nicol_str key = it.key;
                json_put_str(&b, key);
            }
            double f = 0;
            ok(json_f64(json_get(json_root(&doc), S("z")), &f), "a number");
            json_put_f64(&b, f);
            ok(json_put_minified(&b, S("[ 1, 2 ]"), 2), "a copy");
            if (!buf_failed(&b) && !tap_faulted(m)) is_strz(buf_view(&b), "\"k\\n\"\"z\"1.25[1,2]");
        } else {
            is_err(&err, NICOL_E_NO_MEMORY);
        }
        buf_free(&b);
        arena_free(a);
    }
}

/* --- forms ------------------------------------------------------------------------------------------------------------ */

/* The tokens of the values as json_parse gives them, against those that the form gives. */
static bool same_value(json_val a, json_val b)
{
    const json_tok *x = json_token(a), *y = json_token(b);
    uint32_t n = x->next - a.i;
    if (y->next - b.i != n) return false;
    for (uint32_t i = 0; i < n; i++, x++, y++) {
        bool same = x->type == y->type && x->escaped == y->escaped && x->at == y->at && x->len == y->len &&
                    x->n == y->n && x->next - a.i == y->next - b.i;
        if (!same) return false;
    }
    return true;
}

static void form_reads(const char *first, nicol_str text, bool want)
{
    arena *a = new_arena();
    json_doc doc, whole, got;
    nicol_error err = {0};
    if (!json_parse(a, str_c(first), 64, &doc, &err)) abort();
    json_val x = json_get(json_root(&doc), S("x")), y = json_get(json_root(&doc), S("y"));
    uint32_t values[] = {x.i, y.i};
    json_form *f = json_form_new(&doc, values, 2, a);
    if (!f) abort();
    bool fits = json_form_read(f, text, a, &got);
    ok(fits == want, "%s for %.*s", first, STR_FMT(text));
    if (fits && json_parse(a, text, 64, &whole, &err)) {
        ok(same_value(json_get(json_root(&whole), S("x")), json_form_value(f, &got, 0)), "x of %.*s", STR_FMT(text));
        ok(same_value(json_get(json_root(&whole), S("y")), json_form_value(f, &got, 1)), "y of %.*s", STR_FMT(text));
    } else {
        ok(!fits, "what fits is JSON: %.*s", STR_FMT(text));
    }
    arena_free(a);
}

static void test_forms(void)
{
    static const char scalars[] = "{\"m\":\"f\", \"x\":1,\"z\":[2],\"y\":\"abc\"}";
    static const struct {
        const char *text;
        bool fits;
    } rows[] = {
        {scalars, true},
        {"{\"m\":\"f\", \"x\":-12.5e3,\"z\":[2],\"y\":\"\"}", true},
        {"{\"m\":\"f\", \"x\":7,\"z\":[2],\"y\":\"a\\n\\u00e4 \xc3\xa4\"}", true},
        {"{\"m\":\"f\", \"x\":7,\"z\":[2],\"y\":\"a\\n\\u00e4 \xc3\"}", false}, /* no UTF-8 */
        {"{\"m\":\"f\", \"x\":7,\"z\":[2],\"y\":\"a\\q\"}", false},
        {"{\"m\":\"f\", \"x\":01,\"z\":[2],\"y\":\"\"}", false},
        {"{\"m\":\"f\", \"x\":\"1\",\"z\":[2],\"y\":\"\"}", false}, /* another type */
        {"{\"m\":\"f\", \"x\":true,\"z\":[2],\"y\":\"\"}", false},
        {"{\"m\":\"f\", \"x\":,\"z\":[2],\"y\":\"\"}", false},
        {"{\"m\":\"f\", \"x\":1,\"z\":[3],\"y\":\"abc\"}", false}, /* not one of the values */
        {"{\"m\":\"g\", \"x\":1,\"z\":[2],\"y\":\"abc\"}", false},
        {"{\"m\":\"f\", \"x\":1,\"z\":[2],\"y\":\"abc\"} ", false},
        {"{\"m\":\"f\", \"x\":1,\"z\":[2],\"y\":\"abc\",\"x\":2}", false},
        {"{\"m\":\"f\", \"x\":1,\"z\":[2],\"y\":\"abc\"", false},
        {"{\"m\":\"f\", \"x\":1,\"z\":[2],\"y\":\"abc", false},
        {"{\"m\":\"f\", \"x\":", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) form_reads(scalars, str_c(rows[i].text), rows[i].fits);
    static const char nested[] = "{\"x\":{\"k\":[1,\"two\",{\"deep\":3}],\"e\":[],\"t\":true},\"y\":[[],[4]]}";
    form_reads(nested, str_c(nested), true);
    form_reads(nested, S("{\"x\":{\"k\":[100,\"\",{\"deep\":-3}],\"e\":[],\"t\":true},\"y\":[[],[44444]]}"), true);
    form_reads(nested, S("{\"x\":{\"j\":[1,\"two\",{\"deep\":3}],\"e\":[],\"t\":true},\"y\":[[],[4]]}"), false);
    form_reads(nested, S("{\"x\":{\"k\":[1,\"two\",{\"deep\":3}],\"e\":[],\"t\":false},\"y\":[[],[4]]}"), false);
    form_reads(nested, S("{\"x\":{\"k\":[1,\"two\",{\"deep\":3},5],\"e\":[],\"t\":true},\"y\":[[],[4]]}"), false);
    for (size_t n = 0; n < sizeof nested - 1; n++) form_reads(nested, str_of(nested, n), false);
    arena *a = new_arena();
    json_doc doc;
    nicol_error err = {0};
    if (!json_parse(a, S("[[1],2,\"s\"]"), 8, &doc, &err)) abort();
    ok(json_form_new(&doc, (uint32_t[]){3, 1}, 2, a) == NULL, "values out of order");
    ok(json_form_new(&doc, (uint32_t[]){1, 2}, 2, a) == NULL, "a value within another");
    json_form *f = json_form_new(&doc, (uint32_t[]){1, 4}, 2, a);
    ok(f && json_form_head(f) == 2, "what comes before the first value");
    f = json_form_new(&doc, NULL, 0, a);
    ok(f && json_form_head(f) == doc.len, "no value: the whole text");
    ok(f && json_form_read(f, S("[[1],2,\"s\"]"), a, &doc) && !json_form_read(f, S("[[1],3,\"s\"]"), a, &doc),
       "no value: the same text and no other");
    arena_free(a);
}

static void test_form_faults(void)
{
    FOR_EACH_FAULT(m, "json: forms") {
        arena *a = arena_new(m, 1 << 20);
        json_doc doc, got;
        nicol_error err = {0};
        if (!a) continue;
        if (json_parse(a, S("{\"x\":[1,\"two\"]}"), 8, &doc, &err)) {
            json_form *f = json_form_new(&doc, (uint32_t[]){2}, 1, a);
            bool fits = f && json_form_read(f, S("{\"x\":[15,\"\"]}"), a, &got);
            ok(fits ? got.n == 3 && got.tok[0].len == 7 : arena_failed(a), "a form or no memory");
        }
        arena_free(a);
    }
}

int main(void)
{
    test_tables();
    test_walk();
    test_numbers();
    test_doubles();
    test_writing();
    test_limits();
    test_many_tokens();
    test_forms();
    test_faults();
    test_form_faults();
    return done_testing();
}
