/* Tests of sql: quoting, pieces that stay where they are, limits. */
#include "sql/sql.h"
#include "tap.h"

#include "base/str.h"

static void test_quoting(void)
{
    FOR_EACH_FAULT(m, "sql: names are quoted, quotes in them doubled") {
        arena *a = arena_new(m, (size_t)8 << 20);
        if (!a) continue;
        sql_writer w;
        sql_begin(&w, &sql_sqlite, a);
        sql_lit(&w, "SELECT ");
        sql_column(&w, S("t`x"), S("a\"b"));
        sql_lit(&w, ", ");
        sql_column(&w, S(""), S("`"));
        nicol_str got = sql_take(&w);
        if (!tap_faulted(m)) is_str(got, S("SELECT `t``x`.`a\"b`, ````"));
        sql_begin(&w, &sql_postgresql, a);
        sql_column(&w, S("a\"b"), S("c`d"));
        sql_lit(&w, " LIMIT ");
        sql_i64(&w, INT64_MIN);
        got = sql_take(&w);
        if (!tap_faulted(m)) is_str(got, S("\"a\"\"b\".\"c`d\" LIMIT -9223372036854775808"));
        arena_free(a);
    }
}

static void test_pieces(void)
{
    FOR_EACH_FAULT(m, "sql: pieces stay when more is written") {
        arena *a = arena_new(m, (size_t)8 << 20);
        if (!a) continue;
        sql_writer w;
        sql_begin(&w, &sql_sqlite, a);
        ok(sql_empty(&w), "empty at the start");
        nicol_str v[60];
        for (size_t i = 0; i < 60; i++) {
            for (size_t j = 0; j <= i; j++) sql_i64(&w, (int64_t)i);
            v[i] = sql_take(&w);
            ok(sql_empty(&w) || w.failed, "empty after a take");
        }
        for (size_t i = 0; i < 60 && !w.failed; i++) {
            ok(v[i].len == (i + 1) * (i < 10 ? 1 : 2) && v[i].ptr[0] == (char)('0' + (i < 10 ? i : i / 10)), "piece");
        }
        ok(!w.failed || tap_faulted(m), "memory was enough");
        if (w.failed) ok(sql_take(&w).ptr == NULL, "nothing to take after a failure");
        arena_free(a);
    }
}

static void test_limits(void)
{
    arena *a = arena_new(mem_default, (size_t)64 << 20);
    char *name = a ? arena_alloc(a, SQL_IDENT_BYTES_MAX + 1) : NULL;
    if (!name) {
        fail("memory");
        return;
    }
    memset(name, 'n', SQL_IDENT_BYTES_MAX + 1);
    sql_writer w;
    sql_begin(&w, &sql_sqlite, a);
    sql_ident(&w, str_of(name, SQL_IDENT_BYTES_MAX));
    ok(!w.failed, "a name at the limit");
    sql_ident(&w, str_of(name, SQL_IDENT_BYTES_MAX + 1));
    ok(w.failed && w.over, "a name past it");
    sql_begin(&w, &sql_sqlite, a);
    sql_ident(&w, S("a\0b"));
    ok(w.failed && w.over, "a name with a NUL byte");
    sql_begin(&w, &sql_sqlite, a);
    for (size_t i = 0; i < SQL_TEXT_BYTES_MAX / 4; i++) sql_lit(&w, "1234");
    ok(!w.failed, "a text at the limit");
    sql_lit(&w, "5");
    ok(w.failed && w.over, "a text past it");
    arena_free(a);
}

int main(void)
{
    test_quoting();
    test_pieces();
    test_limits();
    return done_testing();
}
