/* The PostgreSQL driver beyond what every driver promises: URLs, types and their edges, sessions that are left clean,
 * statements that are stopped, connections that end, prepared statements that are gone. Needs NICOL_TEST_PG_URL. */
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "driver/driver.h"

#include "tap.h"

static const driver *const d = &driver_postgres;
static arena *a;
static nicol_str url;

static driver_conn *open_url(nicol_str u)
{
    nicol_error err = {0};
    driver_conn *c = d->open(&(driver_opts){.url = u}, a, &err);
    if (!c) diag("open: %.*s", STR_FMT(err.message));
    return c;
}

static driver_conn *open_with(const char *params)
{
    return open_url(arena_printf(a, "%.*s%s", STR_FMT(url), params));
}

static void show(buf *b, val v)
{
    char text[32];
    switch ((val_type)v.type) {
    case VAL_UNDEF:
    case VAL_NULL:
        buf_lit(b, "NULL");
        return;
    case VAL_BOOL:
        buf_str(b, v.u.i ? S("true") : S("false"));
        return;
    case VAL_INT:
        buf_i64(b, v.u.i);
        return;
    case VAL_FLOAT:
        if (isfinite(v.u.f)) buf_bytes(b, text, float_format(text, v.u.f));
        else buf_printf(b, "%g", v.u.f);
        return;
    case VAL_DATETIME:
        buf_bytes(b, text, datetime_format(text, v.u.i));
        return;
    case VAL_BYTES:
        buf_lit(b, "x");
        for (uint32_t i = 0; i < v.n; i++) buf_printf(b, "%02x", (uint8_t)v.u.p[i]);
        return;
    case VAL_STR:
    case VAL_DECIMAL:
    case VAL_JSON:
        buf_str(b, val_str(v));
        return;
    case VAL_LIST:
        buf_char(b, '[');
        for (uint32_t i = 0; i < v.n; i++) {
            if (i) buf_char(b, ',');
            show(b, v.u.list[i]);
        }
        buf_char(b, ']');
        return;
    case VAL_RECORD:
    case VAL_ROWS:
        break;
    }
    buf_lit(b, "?");
}

typedef struct asked {
    const char *sql;
    const val *args;
    const driver_arg_type *types;
    size_t n;
    int64_t deadline;
    bool raw;
} asked;

/* All rows as text, or "failed: ..."; raw: each cell with its type's name. */
static nicol_str ask(driver_conn *c, asked q, nicol_error *err)
{
    nicol_error mine = {0};
    buf b;
    if (!err) err = &mine;
    *err = (nicol_error){0};
    buf_init(&b, mem_default, (size_t)64 << 20);
    driver_stmt *s = d->prepare(c, str_c(q.sql), a, err);
    bool row = true, good = s && d->run(s, q.args, q.types, q.n, q.deadline ? q.deadline : IO_NEVER, a, err);
    for (bool first = true; good && row; first = false) {
        good = d->step(s, &row, a, err);
        if (!good || !row) break;
        if (!first) buf_char(&b, ';');
        for (unsigned i = 0; good && i < d->cols(s); i++) {
            val v = d->cell(s, i);
            driver_col_type t = d->col_type(s, i, v);
            if (i) buf_char(&b, '|');
            if (q.raw) {
                buf_str(&b, driver_col_type_name(t));
                buf_char(&b, ' ');
                good = d->raw_cell(s, i, t, a, &v, err);
            }
            show(&b, v);
        }
    }
    if (s) d->stmt_done(s);
    if (!good) {
        buf_clear(&b);
        buf_printf(&b, "failed: %.*s", STR_FMT(err->message));
    }
    nicol_str copy = arena_str(a, buf_view(&b));
    buf_free(&b);
    return copy;
}

static nicol_str rows(driver_conn *c, const char *sql)
{
    return ask(c, (asked){.sql = sql}, NULL);
}

static void must(driver_conn *c, const char *sql)
{
    nicol_error err;
    ask(c, (asked){.sql = sql}, &err);
    no_err(&err);
}

/* --- types ----------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *expr, *cell, *raw;
} types[] = {
    {"32767::int2", "32767", "int 32767"},
    {"'-2147483648'::int4", "-2147483648", "int -2147483648"},
    {"'-9223372036854775808'::int8", "-9223372036854775808", "bigint -9223372036854775808"},
    {"4294967295::oid", "4294967295", "bigint 4294967295"},
    {"0.1::float4", "0.1", "float 0.1"},
    {"3.4028235e38::float4", "3.4028235e+38", "float 3.4028235e+38"},
    {"'NaN'::float4", "nan", "float nan"},
    {"5e-324::float8", "5e-324", "double 5e-324"},
    {"'-Infinity'::float8", "-inf", "double -inf"},
    {"true", "true", "bool true"},
    {"123.4500::numeric", "123.4500", "decimal 123.4500"},
    {"0::numeric", "0", "decimal 0"},
    {"-0.00012::numeric", "-0.00012", "decimal -0.00012"},
    {"10000::numeric", "10000", "decimal 10000"},
    {"1e20::numeric", "100000000000000000000", "decimal 100000000000000000000"},
    {"'NaN'::numeric", "NaN", "decimal NaN"},
    {"'-Infinity'::numeric", "-Infinity", "decimal -Infinity"},
    {"12345678901234567890123456789012345678901234567890.123456789012345::numeric(65,15)",
     "12345678901234567890123456789012345678901234567890.123456789012345",
     "decimal 12345678901234567890123456789012345678901234567890.123456789012345"},
    {"'1234.5'::money", "1234.50", "decimal 1234.50"},
    {"'-0.05'::money", "-0.05", "decimal -0.05"},
    {"'x'::text", "x", "string x"},
    {"'x'::varchar(3)", "x", "string x"},
    {"'x'::char(3)", "x  ", "string x  "},
    {"'x'::\"char\"", "x", "char x"},
    {"'x'::name", "x", "string x"},
    {"'\\x00ff'::bytea", "x00ff", "bytes x00ff"},
    {"'{\"b\": 1, \"a\":2}'::json", "{\"b\": 1, \"a\":2}", "json {\"b\": 1, \"a\":2}"},
    {"'{\"b\": 1, \"a\":2}'::jsonb", "{\"a\": 2, \"b\": 1}", "json {\"a\": 2, \"b\": 1}"},
    {"'11111111-2222-4333-8444-5555555555AB'::uuid", "11111111-2222-4333-8444-5555555555ab",
     "uuid 11111111-2222-4333-8444-5555555555ab"},
    {"'2024-02-29'::date", "2024-02-29T00:00:00.000Z", "date 2024-02-29"},
    {"'1969-12-31'::date", "1969-12-31T00:00:00.000Z", "date 1969-12-31"},
    {"'infinity'::date", "infinity", "date infinity"},
    {"'03:04:05.678'::time", "1970-01-01T03:04:05.678Z", "time 03:04:05.678"},
    {"'03:04:05.000001'::time", "1970-01-01T03:04:05.000001+00:00", "time 03:04:05.000001"},
    {"'24:00'::time", "1970-01-02T00:00:00.000Z", "time 24:00:00"},
    {"'03:04:05+02'::timetz", "1970-01-01T03:04:05.000Z", "time 03:04:05"},
    {"'2024-01-02 03:04:05.678'::timestamp", "2024-01-02T03:04:05.678Z", "datetime 2024-01-02T03:04:05.678+00:00"},
    {"'2024-01-02 03:04:05.678901'::timestamp", "2024-01-02T03:04:05.678901+00:00",
     "datetime 2024-01-02T03:04:05.678901+00:00"},
    {"'1969-12-31 23:59:59.999999'::timestamp", "1969-12-31T23:59:59.999999+00:00",
     "datetime 1969-12-31T23:59:59.999999+00:00"},
    {"'2024-01-02 03:04:05+02'::timestamptz", "2024-01-02T01:04:05.000Z", "datetime 2024-01-02T01:04:05+00:00"},
    {"'12024-01-02 00:00'::timestamp", "+012024-01-02T00:00:00.000Z", "datetime +012024-01-02T00:00:00+00:00"},
    {"'0044-03-15 BC'::timestamp", "-000043-03-15T00:00:00.000Z", "datetime -000043-03-15T00:00:00+00:00"},
    {"'-infinity'::timestamptz", "-infinity", "datetime -infinity"},
    {"'1 day 02:03:04'::interval", "1 day 02:03:04", "string 1 day 02:03:04"},
    {"'10.1.2.3/8'::inet", "10.1.2.3/8", "string 10.1.2.3/8"},
    {"'10.0.0.0/8'::cidr", "10.0.0.0/8", "string 10.0.0.0/8"},
    {"'08:00:2b:01:02:03'::macaddr", "08:00:2b:01:02:03", "string 08:00:2b:01:02:03"},
    {"B'0101'", "0101", "string 0101"},
    {"B'01'::varbit", "01", "string 01"},
    {"'<a/>'::xml", "<a/>", "string <a/>"},
    {"'[1,5)'::int4range", "[1,5)", "string [1,5)"},
    {"'(1,2)'::point", "(1,2)", "string (1,2)"},
    {"pg_sleep(0)", "", "string "},
    {"NULL", "NULL", "string NULL"},
    {"'b'::conf_enum", "b", "string b"},
    {"7::conf_domain", "7", "int 7"},
    {"ARRAY[1,NULL,3]", "[1,NULL,3]", "int-array [1,NULL,3]"},
    {"'{}'::int[]", "[]", "int-array []"},
    {"'[0:1]={5,6}'::int[]", "[5,6]", "int-array [5,6]"},
    {"ARRAY[[1,2],[3,4]]", "[[1,2],[3,4]]", "int-array [[1,2],[3,4]]"},
    {"ARRAY['a,\"b\\c','NULL',NULL,'','{x}']", "[a,\"b\\c,NULL,NULL,,{x}]", "string-array [a,\"b\\c,NULL,NULL,,{x}]"},
    {"ARRAY[9223372036854775807]", "[9223372036854775807]", "bigint-array [9223372036854775807]"},
    {"ARRAY[1.50,NULL]", "[1.50,NULL]", "decimal-array [1.50,NULL]"},
    {"ARRAY['\\x01'::bytea]", "[x01]", "bytes-array [x01]"},
    {"ARRAY['2024-01-02'::date]", "[2024-01-02T00:00:00.000Z]", "date-array [2024-01-02]"},
    {"ARRAY[true,false]", "[true,false]", "bool-array [true,false]"},
    {"ARRAY['{\"a\":1}'::jsonb]", "[{\"a\": 1}]", "json-array [{\"a\": 1}]"},
    {"ARRAY['10.0.0.1'::inet]", "[10.0.0.1]", "string-array [10.0.0.1]"},
};

static void test_types(driver_conn *c)
{
    must(c, "DROP TYPE IF EXISTS conf_enum");
    must(c, "DROP DOMAIN IF EXISTS conf_domain");
    must(c, "CREATE TYPE conf_enum AS ENUM ('a', 'b')");
    must(c, "CREATE DOMAIN conf_domain AS int");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char sql[300];
        /* First and later runs, with a column that is read as text beside it, and without. */
        for (int form = 0; form < 2; form++) {
            snprintf(sql, sizeof sql, form ? "SELECT %s, '1 day'::interval" : "SELECT %s", types[i].expr);
            for (int again = 0; again < 3; again++) {
                nicol_str got = ask(c, (asked){.sql = sql}, NULL);
                nicol_str raw = ask(c, (asked){.sql = sql, .raw = true}, NULL);
                size_t cut = form && got.len >= 6 ? got.len - 6 : got.len, raw_cut = form ? raw.len - 13 : raw.len;
                tap_is_str(str_sub(got, 0, cut), str_c(types[i].cell), __FILE__, __LINE__, sql);
                tap_is_str(str_sub(raw, 0, raw_cut), str_c(types[i].raw), __FILE__, __LINE__, sql);
            }
        }
    }
    val list;
    ok(d->list_of(S("{a,\"b \\\"c\",NULL}"), a, &list) && list.n == 3 && list.u.list[2].type == VAL_NULL,
       "text as a list");
    ok(!d->list_of(S("{a"), a, &list) && !d->list_of(S("{a}}"), a, &list) && !d->list_of(S("{\"a}"), a, &list) &&
           !d->list_of(S(""), a, &list) && !d->list_of(S("{{{{{{{{{{a}}}}}}}}}}"), a, &list),
       "what is none is refused");
    must(c, "DROP TYPE conf_enum");
    must(c, "DROP DOMAIN conf_domain");
}

/* --- arguments ------------------------------------------------------------------------------------------------------- */

static void test_args(driver_conn *c)
{
    static const val items[] = {
        {.type = VAL_STR, .n = 5, .u.p = "a\"\\,{"}, {.type = VAL_NULL}, {.type = VAL_STR, .n = 0}};
    static const val bytes[] = {{.type = VAL_BYTES, .n = 2, .u.p = "\0\xff"}, {.type = VAL_STR, .n = 4, .u.p = "AQI="}};
    static const val times[] = {{.type = VAL_DATETIME, .u.i = 1704164645678}};
    static const struct {
        const char *sql;
        val v;
        driver_arg_type t;
        const char *want;
    } cases[] = {
        {"SELECT $1::text[]", {.type = VAL_LIST, .n = 3, .u.list = items}, {.list = true}, "[a\"\\,{,NULL,]"},
        {"SELECT $1::bytea[]", {.type = VAL_LIST, .n = 2, .u.list = bytes}, {SCALAR_BYTES, true, {0}}, "[x00ff,x0102]"},
        {"SELECT $1::timestamp[]",
         {.type = VAL_LIST, .n = 1, .u.list = times},
         {SCALAR_DATETIME, true, {0}},
         "[2024-01-02T03:04:05.678Z]"},
        {"SELECT $1::int[]", {.type = VAL_INT, .u.i = 5}, {SCALAR_INT, true, {0}}, "[5]"},
        {"SELECT $1::int[]", {.type = VAL_LIST}, {SCALAR_INT, true, {0}}, "[]"},
        {"SELECT $1::bytea", {.type = VAL_STR, .n = 4, .u.p = "AAH/"}, {SCALAR_BYTES, false, {0}}, "x0001ff"},
        {"SELECT $1::timestamp",
         {.type = VAL_STR, .n = 26, .u.p = "2024-01-02T03:04:05.123456Z"},
         {SCALAR_DATETIME, false, {0}},
         "2024-01-02T03:04:05.123456+00:00"},
        {"SELECT $1::timestamp",
         {.type = VAL_STR, .n = 29, .u.p = "2024-01-02T03:04:05.123+02:00"},
         {SCALAR_DATETIME, false, {0}},
         "2024-01-02T01:04:05.123Z"},
        {"SELECT $1::timestamptz",
         {.type = VAL_DATETIME, .u.i = 1704164645678},
         {SCALAR_DATETIME, false, NICOL_STR("TIMESTAMPTZ")},
         "2024-01-02T03:04:05.678Z"},
        {"SELECT $1::date",
         {.type = VAL_DATETIME, .u.i = 1704164645678},
         {SCALAR_DATETIME, false, NICOL_STR("Date")},
         "2024-01-02T00:00:00.000Z"},
        {"SELECT $1::time",
         {.type = VAL_DATETIME, .u.i = 1704164645678},
         {SCALAR_DATETIME, false, NICOL_STR("Time(3)")},
         "1970-01-01T03:04:05.678Z"},
        {"SELECT $1::timestamp",
         {.type = VAL_DATETIME, .u.i = -63517824000000},
         {SCALAR_DATETIME, false, {0}},
         "-000043-03-15T00:00:00.000Z"},
        {"SELECT $1::timestamp",
         {.type = VAL_DATETIME, .u.i = 317272896000000},
         {SCALAR_DATETIME, false, {0}},
         "+012023-12-24T00:00:00.000Z"},
        {"SELECT $1::numeric",
         {.type = VAL_DECIMAL, .n = 66, .u.p = "12345678901234567890123456789012345678901234567890.123456789012345"},
         {SCALAR_DECIMAL, false, {0}},
         "12345678901234567890123456789012345678901234567890.123456789012345"},
        {"SELECT $1::float8", {.type = VAL_FLOAT, .u.f = INFINITY}, {SCALAR_FLOAT, false, {0}}, "inf"},
        {"SELECT $1::text", {.type = VAL_BOOL, .u.i = 1}, {0}, "true"},
        {"SELECT $1::jsonb", {.type = VAL_JSON, .n = 7, .u.p = "{\"a\":1}"}, {SCALAR_JSON, false, {0}}, "{\"a\": 1}"},
        {"SELECT $1::int8", {.type = VAL_STR, .n = 2, .u.p = "10"}, {SCALAR_BIGINT, false, {0}}, "10"},
        {"SELECT $1::text",
         {.type = VAL_STR, .n = 3, .u.p = "a\0b"},
         {SCALAR_STRING, false, {0}},
         "failed: invalid byte sequence for encoding \"UTF8\": 0x00"},
        {"SELECT $1::bytea",
         {.type = VAL_STR, .n = 1, .u.p = "A"},
         {SCALAR_BYTES, false, {0}},
         "failed: Invalid input value: not base64"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int again = 0; again < 2; again++) {
            nicol_str got =
                ask(c, (asked){.sql = cases[i].sql, .args = &cases[i].v, .types = &cases[i].t, .n = 1}, NULL);
            tap_is_str(got, str_c(cases[i].want), __FILE__, __LINE__, cases[i].sql);
        }
    }
}

/* --- sessions -------------------------------------------------------------------------------------------------------- */

static void test_sessions(void)
{
    driver_conn *c = open_with("");
    if (!c) return;
    is_strz(rows(c, "SHOW TimeZone"), "UTC");
    static const struct {
        const char *change, *look, *clean;
    } cases[] = {
        {"SET search_path = pg_catalog", "SHOW search_path", "\"$user\", public"},
        {"SELECT set_config('nicol.x', 'secret', false)", "SELECT coalesce(current_setting('nicol.x', true), '')", ""},
        {"SET ROLE pg_read_all_data", "SELECT current_user = session_user", "true"},
        {"CREATE TEMP TABLE conf_temp (x int)", "SELECT to_regclass('conf_temp')::text", "NULL"},
        {"SELECT pg_advisory_lock(4711)", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", "0"},
        {"LISTEN conf_channel", "SELECT count(*) FROM pg_listening_channels()", "0"},
        {"PREPARE conf_prepared AS SELECT 1",
         "SELECT count(*) FROM pg_prepared_statements WHERE name = 'conf_prepared'", "0"},
        {"DO $$ BEGIN SET statement_timeout = 12345; END $$", "SHOW statement_timeout", "0"},
        {"SET TIME ZONE 'Asia/Tokyo'", "SHOW TimeZone", "UTC"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        must(c, cases[i].change);
        ok(d->healthy(c), "%s: fit for others", cases[i].change);
        tap_is_str(rows(c, cases[i].look), str_c(cases[i].clean), __FILE__, __LINE__, cases[i].change);
        is_strz(rows(c, "SELECT 40 + 2"), "42"); /* statements that were prepared before are prepared anew */
    }
    nicol_error err = {0};
    ok(d->begin(c, ISOLATION_SERIALIZABLE, true, IO_NEVER, a, &err), "begin");
    is_strz(rows(c, "SHOW transaction_isolation"), "serializable");
    must(c, "SELECT set_config('nicol.x', 'mine', true)");
    is_strz(rows(c, "SELECT current_setting('nicol.x')"), "mine");
    ok(d->commit(c, a, &err) && d->healthy(c), "commit");
    is_strz(rows(c, "SELECT coalesce(current_setting('nicol.x', true), '')"), "");
    ok(str_starts(rows(c, "COPY pg_class TO STDOUT"), S("failed: ")) && d->healthy(c), "COPY is refused");

    /* A statement that fails in a transaction: its commit is none, and says so. */
    ok(d->begin(c, ISOLATION_DEFAULT, true, IO_NEVER, a, &err), "begin");
    ok(str_starts(rows(c, "SELECT 1/0"), S("failed: ")), "a failure inside");
    ok(!d->commit(c, a, &err) && err.db && str_eq(err.db->original_code, S("25P02")) && !d->in_transaction(c),
       "no commit");
    ok(d->healthy(c), "fit for others");
    d->close(c);
}

/* --- statements that are stopped ------------------------------------------------------------------------------------- */

static int64_t soon(int64_t ms)
{
    return clock_mono_us() + ms * 1000;
}

static void test_stopping(driver_conn *c)
{
    nicol_error err;
    ask(c, (asked){.sql = "SELECT pg_sleep(100)", .deadline = soon(100)}, &err);
    is_err(&err, NICOL_E_QUERY_TIMEOUT);
    ok(d->healthy(c), "the connection is fit after it");
    for (int i = 0; i < 5; i++) is_strz(rows(c, "SELECT 1"), "1");
    nicol_error e2 = {0};
    ok(d->begin(c, ISOLATION_DEFAULT, true, IO_NEVER, a, &e2), "begin");
    ask(c, (asked){.sql = "SELECT pg_sleep(100)", .deadline = soon(50)}, &err);
    is_err(&err, NICOL_E_QUERY_TIMEOUT);
    ok(d->in_transaction(c) && d->rollback(c, a, &e2) && d->healthy(c), "rolled back");

    /* Many rows, given back after the first: neither read to the end nor kept. */
    driver_stmt *s = d->prepare(c, S("SELECT generate_series(1, 50000000)"), a, &e2);
    bool row = false;
    ok(s && d->run(s, NULL, NULL, 0, IO_NEVER, a, &e2) && d->step(s, &row, a, &e2) && row, "the first of many rows");
    if (s) d->stmt_done(s);
    ok(d->healthy(c), "fit after it");
    is_strz(rows(c, "SELECT 2"), "2");
    is_strz(rows(c, "SELECT count(*) FROM generate_series(1, 300000)"), "300000");
    is_int(ask(c, (asked){.sql = "SELECT repeat('x', 1000) FROM generate_series(1, 3000)"}, NULL).len, 3002999);
    is_int(ask(c, (asked){.sql = "SELECT repeat('x', 1000) FROM generate_series(1, 3000)"}, NULL).len, 3002999);

    driver_conn *slow = open_with("&socket_timeout=1");
    if (!slow) return;
    ask(slow, (asked){.sql = "SELECT pg_sleep(100)"}, &err);
    is_err(&err, NICOL_E_DB_TIMEOUT);
    ok(d->healthy(slow), "fit after it");
    d->close(slow);
}

typedef struct on_loop {
    io_loop *loop;
    io_fiber *worker;
    driver_conn *c;
    nicol_error err;
    int64_t other;
    bool done;
} on_loop;

static void sleeper(void *arg)
{
    on_loop *t = arg;
    t->worker = io_self();
    t->c = open_with("");
    if (t->c) ask(t->c, (asked){.sql = "SELECT pg_sleep(100)"}, &t->err);
    t->done = true;
}

/* Others run meanwhile; after a while the client is gone. */
static void canceller(void *arg)
{
    on_loop *t = arg;
    driver_conn *mine = open_with("");
    for (int i = 0; mine && i < 20; i++) t->other += str_eq(rows(mine, "SELECT 7"), S("7"));
    (void)io_sleep_until(soon(100));
    if (!t->done) io_cancel(t->worker);
    while (!t->done) (void)io_sleep_until(soon(5));
    if (mine) d->close(mine);
    io_loop_stop(t->loop);
}

static void test_loop(void)
{
    nicol_error err = {0};
    on_loop t = {.loop = io_loop_new(&(io_loop_opts){.stack_bytes = NICOL_FIBER_STACK_BYTES}, &err)};
    if (!t.loop) return;
    ok(io_spawn(t.loop, "sleeper", sleeper, &t, &err) && io_spawn(t.loop, "canceller", canceller, &t, &err),
       "two fibers");
    ok(io_loop_run(t.loop, &err), "they run");
    is_err(&t.err, NICOL_E_CANCELLED);
    is_int(t.other, 20);
    io_loop_free(t.loop);
    ok(t.c && d->healthy(t.c), "the connection is fit after it");
    if (t.c) d->close(t.c);
}

/* --- connections that end -------------------------------------------------------------------------------------------- */

static void test_ends(driver_conn *c)
{
    nicol_error err;
    driver_conn *victim = open_with("");
    if (!victim) return;
    nicol_str pid = rows(victim, "SELECT pg_backend_pid()");
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%.*s)", STR_FMT(pid));
    is_strz(rows(c, sql), "true");
    for (int i = 0; i < 200 && d->healthy(victim); i++) usleep(5000);
    ok(!d->healthy(victim), "a connection that was ended is not fit");
    ask(victim, (asked){.sql = "SELECT 1"}, &err);
    is_err(&err, NICOL_E_DB_CLOSED);
    ok(!d->in_transaction(victim), "nor in a transaction");
    d->close(victim);

    victim = open_with("");
    if (!victim) return;
    ask(victim, (asked){.sql = "SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(10)"}, &err);
    is_err(&err, NICOL_E_DB_CLOSED);
    d->close(victim);
}

static void test_gone(void)
{
    driver_conn *c = open_with("");
    if (!c) return;
    for (int i = 0; i < 3; i++) is_strz(rows(c, "SELECT 5 + 5"), "10");
    must(c, "DEALLOCATE ALL");
    for (int i = 0; i < 3; i++) is_strz(rows(c, "SELECT 5 + 5"), "10");
    d->close(c);
    c = open_with("&statement_cache_size=0");
    if (!c) return;
    for (int i = 0; i < 3; i++) is_strz(rows(c, "SELECT 5 + 5"), "10");
    is_strz(rows(c, "SELECT count(*) FROM pg_prepared_statements"), "0");
    d->close(c);
    c = open_with("&pgbouncer=true&schema=pg_catalog");
    if (!c) return;
    for (int i = 0; i < 3; i++) is_strz(rows(c, "SHOW TimeZone"), "UTC");
    is_strz(rows(c, "SHOW search_path"), "pg_catalog");
    must(c, "SET TimeZone = 'Asia/Tokyo'");
    ok(d->healthy(c), "cleaned");
    is_strz(rows(c, "SHOW TimeZone"), "UTC");
    d->close(c);
    c = open_with("&statement_cache_size=3&schema=odd%20%22name\\");
    if (!c) return;
    for (int i = 0; i < 100; i++) {
        char sql[40], want[8];
        snprintf(sql, sizeof sql, "SELECT %d", i % 25);
        snprintf(want, sizeof want, "%d", i % 25);
        if (!str_eq(rows(c, sql), str_c(want)) || !str_eq(rows(c, sql), str_c(want))) fail("%s", sql);
    }
    is_strz(rows(c, "SELECT count(*) < 30 FROM pg_prepared_statements"), "true");
    is_strz(rows(c, "SHOW search_path"), "\"odd \"\"name\\\"");
    d->close(c);
}

/* --- opening --------------------------------------------------------------------------------------------------------- */

static void cannot(nicol_str u, nicol_code code)
{
    nicol_error err = {0};
    driver_conn *c = d->open(&(driver_opts){.url = u}, a, &err);
    ok(!c, "%.*s", STR_FMT(u));
    is_err(&err, code);
    ok(str_find(err.message, S("se cr@t"), 0) == SIZE_MAX, "no password in the text");
    if (c) d->close(c);
}

static nicol_str replaced(nicol_str in, const char *what, const char *with)
{
    size_t at = str_find(in, str_c(what), 0);
    if (at == SIZE_MAX) return in;
    return arena_printf(a, "%.*s%s%.*s", (int)at, in.ptr, with, (int)(in.len - at - strlen(what)),
                        in.ptr + at + strlen(what));
}

static void test_opening(void)
{
    cannot(replaced(url, "se%20cr%40t%2F1", "wrong"), NICOL_E_AUTH_DB);
    cannot(replaced(url, "/postgres?", "/nothing?"), NICOL_E_DB_MISSING);
    cannot(S("postgresql://u:p@127.0.0.1:1/x"), NICOL_E_DB_UNREACHABLE);
    cannot(S("postgresql://u:p@/x?host=/tmp/no/such/folder"), NICOL_E_DB_UNREACHABLE);
    cannot(replaced(url, "sslmode=disable", "sslmode=verify-full&sslrootcert=/nothing.crt"), NICOL_E_DB_TLS);
    static const char *const wrong[] = {
        "postgresql:/x",
        "postgresql://h:0/x",
        "postgresql://h:99999/x",
        "postgresql://h/%zz",
        "postgresql://h/x%0",
        "postgresql://[::1/x",
        "postgresql://h/x?sslmode=some",
        "postgresql://h/%00",
        "postgresql://h/x?connection_limit=-1",
        "postgresql://h/x?pool_timeout=abc",
        "postgresql://h/x?connect_timeout=x",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) cannot(str_c(wrong[i]), NICOL_E_USAGE);
    cannot(S("postgresql://h/x?sslidentity=a.p12"), NICOL_E_UNSUPPORTED);

    driver_conn *c = open_url(replaced(url, "sslmode=disable", "sslmode=require&application_name=a%20b&unknown=1"));
    if (!ok(c != NULL, "over TLS")) return;
    is_strz(rows(c, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), "true");
    is_strz(rows(c, "SHOW application_name"), "a b");
    is_strz(rows(c, "SELECT count(*) FROM generate_series(1, 100000)"), "100000");
    d->close(c);
    c = open_url(replaced(url, "127.0.0.1:", "127.0.0.1:1,127.0.0.1:"));
    ok(c != NULL, "the second of two hosts");
    if (c) d->close(c);

    driver_url_facts f;
    nicol_error err = {0};
    ok(d->url_facts(S("postgres://u@h/x?connection_limit=7&pool_timeout=3"), &f, &err) && f.connection_limit == 7 &&
           f.pool_timeout_us == 3000000,
       "what the URL says of the pool");
    ok(d->url_facts(S("postgres://h?pool_timeout=0"), &f, &err) && f.pool_timeout_us == IO_NEVER, "for ever");
    ok(d->url_facts(S("postgres://h"), &f, &err) && f.connection_limit == 0 && f.pool_timeout_us == -1, "nothing");
}

/* --- errors ---------------------------------------------------------------------------------------------------------- */

static void test_errors(driver_conn *c)
{
    must(c, "DROP TABLE IF EXISTS conf_e");
    must(c, "CREATE TABLE conf_e (id int PRIMARY KEY, a int, \"B c\" text, s varchar(3), n int NOT NULL DEFAULT 1, "
            "CONSTRAINT two UNIQUE (a, \"B c\"))");
    must(c, "INSERT INTO conf_e VALUES (1, 1, 'x')");
    static const struct {
        const char *sql;
        nicol_code code;
        const char *state, *kind;
    } cases[] = {
        {"INSERT INTO conf_e VALUES (2, 1, 'x')", NICOL_E_UNIQUE_VIOLATION, "23505", "UniqueConstraintViolation"},
        {"INSERT INTO conf_e VALUES (2, 1, 'y', 'long')", NICOL_E_VALUE_TOO_LONG, "22001", "LengthMismatch"},
        {"INSERT INTO conf_e VALUES (2, 1, 'y', NULL, NULL)", NICOL_E_NULL_VIOLATION, "23502",
         "NullConstraintViolation"},
        {"SELECT 40000::int2", NICOL_E_OUT_OF_RANGE, "22003", "ValueOutOfRange"},
        {"SELECT 'x'::int", NICOL_E_INVALID_VALUE, "22P02", "InvalidInputValue"},
        {"SELECT 1/0", NICOL_E_DB_OTHER, "22012", "postgres"},
        {"SELECT * FROM \"No Table\"", NICOL_E_TABLE_MISSING, "42P01", "TableDoesNotExist"},
        {"SELECT u.nope FROM conf_e u", NICOL_E_COLUMN_MISSING, "42703", "ColumnNotFound"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nicol_error err;
        ask(c, (asked){.sql = cases[i].sql}, &err);
        is_err(&err, cases[i].code);
        if (!ok(err.db != NULL, "%s: facts", cases[i].sql)) continue;
        is_strz(err.db->original_code, cases[i].state);
        is_strz(err.db->kind, cases[i].kind);
        if (i == 0) {
            is_strz(err.db->constraint, "two");
            ok(err.db->fields_n == 2 && str_eq(err.db->fields[1], S("B c")), "the columns");
            is_strz(err.db->table, "conf_e");
        }
        if (cases[i].code == NICOL_E_COLUMN_MISSING) is_strz(err.db->column, "u.nope");
    }
    must(c, "DROP TABLE conf_e");
}

int main(void)
{
    const char *text = getenv("NICOL_TEST_PG_URL");
    a = arena_new(mem_default, (size_t)512 << 20);
    if (!a) return 1;
    if (!text || !*text) {
        if (!getenv("CI")) return skip_all("NICOL_TEST_PG_URL is not set (tools/test.sh sets it)");
        fail("NICOL_TEST_PG_URL is not set");
        return done_testing();
    }
    url = str_c(text);
    driver_conn *c = open_with("");
    if (!ok(c != NULL, "the server is there")) return done_testing();
    test_types(c);
    test_args(c);
    test_errors(c);
    test_stopping(c);
    test_ends(c);
    d->close(c);
    test_sessions();
    test_loop();
    test_gone();
    test_opening();
    arena_free(a);
    return done_testing();
}
