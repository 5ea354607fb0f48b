/* The error object: the table, the first error wins, long texts, copies that outlive their source. */
#include "base/err.h"

#include "tap.h"

static void test_table(void)
{
    is_z(err_name(NICOL_E_UNIQUE_VIOLATION), "UNIQUE_VIOLATION");
    is_z(err_client(NICOL_E_UNIQUE_VIOLATION), "P2002");
    is_z(err_client(NICOL_E_USAGE), "");
    is_int(err_status(NICOL_E_TRANSACTION), 409);
    ok(err_retryable(NICOL_E_WRITE_CONFLICT) && !err_retryable(NICOL_E_NOT_FOUND));
    bool whole = true;
    for (int c = 1; c < NICOL_E_COUNT; c++) {
        whole =
            whole && err_template((nicol_code)c)[0] && err_name((nicol_code)c)[0] && err_status((nicol_code)c) >= 400;
    }
    ok(whole, "every row is filled");
    is_z(err_name((nicol_code)NICOL_E_COUNT), "INTERNAL");
    is_z(err_name((nicol_code)-1), "INTERNAL");
}

static void test_raise(void)
{
    nicol_error err = {0};
    ok(!err_is(&err));
    ok(!nicol_fail(&err, NICOL_E_LIMIT, "too many: %d", 7), "gives false");
    is_err(&err, NICOL_E_LIMIT);
    is_strz(err.message, "too many: 7");
    ok(err.line > 0 && strstr(err.file, "test_base_err"));
    nicol_fail(&err, NICOL_E_INTERNAL, "second");
    is_strz(err.message, "too many: 7");
    err_clear(&err);
    no_err(&err);
    nicol_fail(&err, NICOL_E_NOT_FOUND, NULL);
    is_strz(err.message, err_template(NICOL_E_NOT_FOUND));
    err_clear(&err);
    nicol_fail_oom(&err);
    is_err(&err, NICOL_E_NO_MEMORY);
    ok(!nicol_fail(NULL, NICOL_E_LIMIT, "nobody listens"));
    err_clear(&err);
    nicol_fail(&err, NICOL_E_OK, "no code");
    is_err(&err, NICOL_E_INTERNAL);
}

static void test_long(void)
{
    char text[700];
    nicol_error err = {0};
    for (size_t lead = 508; lead <= 512; lead++) {
        memset(text, 'x', lead);
        text[lead] = '\0';
        err_clear(&err);
        nicol_fail(&err, NICOL_E_LIMIT, "%s", text);
        is_int(err.message.len, lead <= 511 ? lead : 511);
    }
    /* A character of 2, 3, 4 bytes at every place around the cut: what is left is valid UTF-8 and as long as can be. */
    static const char *const letters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (size_t k = 0; k < 3; k++) {
        bool good = true;
        for (size_t lead = 505; lead < 520; lead++) {
            memset(text, 'x', lead);
            snprintf(text + lead, sizeof text - lead, "%s tail", letters[k]);
            err_clear(&err);
            nicol_fail(&err, NICOL_E_LIMIT, "%s", text);
            good = good && str_utf8_bad(err.message) == SIZE_MAX && err.message.len >= 508 && err.message.len <= 511;
        }
        ok(good, "cut between characters of %zu bytes", k + 2);
    }
    memset(text, (char)0x80, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_clear(&err);
    nicol_fail(&err, NICOL_E_LIMIT, "%s", text);
    ok(err.message.len >= 508 && err.message.len <= 511, "text that is no UTF-8 is cut all the same");
}

static void test_arena(void)
{
    char text[2000];
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    FOR_EACH_FAULT(m, "err: texts in an arena, copies") {
        arena *a = arena_new(m, 1 << 20), *b = arena_new(m, 1 << 20);
        if (a && b) {
            nicol_error err = {0}, copy;
            nicol_fail_in(a, &err, NICOL_E_RAW_FAILED, "%s!", text);
            ok(err.message.len == 2000 || (tap_faulted(m) && err.message.len == 511));
            nicol_str fields[] = {S("email"), S("tenant")};
            nicol_db_facts facts = {
                .kind = S("UniqueConstraintViolation"), .original_text = str_c(text), .fields = fields, .fields_n = 2};
            err.db = &facts;
            err.meta = S("{\"a\":1}");
            err_copy(&copy, &err, b);
            ok(copy.message.len == err.message.len || tap_faulted(m));
            memset(&err, 0xee, sizeof err);
            fields[0] = fields[1] = S("gone");
            arena_free(a);
            a = NULL;
            ok(copy.code == NICOL_E_RAW_FAILED && copy.message.ptr[0] == 'y' && copy.message.ptr[510] == 'y');
            ok(tap_faulted(m) || str_eq(copy.meta, S("{\"a\":1}")));
            ok(copy.db || tap_faulted(m));
            if (copy.db && copy.db->fields_n) ok(str_eq(copy.db->fields[1], S("tenant")) || tap_faulted(m));
            err_copy(&copy, &copy, b);
            nicol_error brief = {0}, again;
            nicol_fail(&brief, NICOL_E_LIMIT, "short");
            err_copy(&again, &brief, b);
            memset(&brief, 0, sizeof brief);
            is_strz(again.message, "short");
        }
        arena_free(a);
        arena_free(b);
    }
}

/* err_keep: the text of an arena that ends first; one that is too long is cut at a character. */
static void test_keep(void)
{
    for (size_t n = 10; n <= 900; n += 89) {
        nicol_error err = {0};
        arena *a = arena_new(mem_default, 65536);
        char *text = arena_alloc(a, n);
        for (size_t i = 0; i < n; i++) text[i] = i % 2 ? '\xa9' : '\xc3';
        nicol_fail_in(a, &err, NICOL_E_DB_OTHER, "%.*s", (int)n, text);
        err.meta = arena_str(a, S("{}"));
        err.db = ARENA_NEW(a, nicol_db_facts);
        size_t had = err.message.len;
        err_keep(&err);
        arena_free(a);
        ok(err.code == NICOL_E_DB_OTHER && err.message.ptr == err.text && !err.db && !err.meta.ptr);
        ok(err.message.len == had || (err.message.len > sizeof err.text - 4 && err.message.len < sizeof err.text));
        ok(err.message.len < had ? str_utf8_bad(err.message) == SIZE_MAX : err.text[0] == '\xc3');
    }
    nicol_error none = {0};
    err_keep(&none);
    err_keep(NULL);
    ok(!err_is(&none));
}

int main(void)
{
    test_table();
    test_raise();
    test_long();
    test_arena();
    test_keep();
    return done_testing();
}
