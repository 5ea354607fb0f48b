/* What is MariaDB's own: its types at their edges, both ways; URLs; the look at a statement's text; statements that are stopped; sessions
 * that are cleaned; TLS. The rest of the contract is in test_driver_conformance.c. */
#include "base/clock.h"
#include "driver/my_int.h"

#include "tap.h"

static arena *a;
static nicol_str server; /* its URL */
static const driver *d = &driver_mysql;

static nicol_str one(driver_conn *c, nicol_str sql, const val *args, const driver_arg_type *types, size_t n, bool raw,
                     driver_col_type *col)
{
    nicol_error err = {0};
    bool row = false;
    val v = val_null();
    nicol_str got = {0};
    driver_stmt *s = d->prepare(c, sql, a, &err);
    bool good = s && d->run(s, args, types, n, IO_NEVER, a, &err) && d->step(s, &row, a, &err);
    if (good && row) {
        if (raw) good = d->raw_cell(s, 0, d->col_type(s, 0, v), a, &v, &err);
        else v = d->cell(s, 0);
        if (col) *col = d->col_type(s, 0, v);
    }
    char text[32];
    if (v.type == VAL_NULL) got = S("NULL");
    else if (v.type == VAL_INT || v.type == VAL_BOOL) got = arena_printf(a, "%lld", (long long)v.u.i);
    else if (v.type == VAL_FLOAT) got = arena_str(a, str_of(text, float_format(text, v.u.f)));
    else if (v.type == VAL_DATETIME) got = arena_str(a, str_of(text, datetime_format(text, v.u.i)));
    else got = v.type == VAL_BYTES ? arena_printf(a, "%u bytes", v.n) : arena_str(a, val_str(v));
    if (good && row) good = d->step(s, &row, a, &err); /* a cell that can't be read is told here */
    if (!good) got = arena_printf(a, "failed: %.*s", STR_FMT(err.message));
    if (s) d->stmt_done(s);
    return got;
}

static nicol_str read_as(driver_conn *c, const char *expression, bool raw, driver_col_type *col)
{
    return one(c, arena_printf(a, "SELECT %s AS x", expression), NULL, NULL, 0, raw, col);
}

#define READS(expression, want, rawly, type)                     \
    do {                                                         \
        driver_col_type col_ = COL_N;                            \
        is_str(read_as(c, (expression), false, &col_), S(want)); \
        is_str(read_as(c, (expression), true, NULL), S(rawly));  \
        is_strz(driver_col_type_name(col_), (type));             \
    } while (0)

static void test_reading(driver_conn *c)
{
    READS("CAST(18446744073709551615 AS UNSIGNED)", "18446744073709551615", "18446744073709551615", "bigint");
    READS("CAST(-9223372036854775808 AS SIGNED)", "-9223372036854775808", "-9223372036854775808", "bigint");
    READS("CAST('12345678901234567890123456789012345.123456789012345678901234567890' AS DECIMAL(65,30))",
          "12345678901234567890123456789012345.123456789012345678901234567890",
          "12345678901234567890123456789012345.123456789012345678901234567890", "decimal");
    READS("CAST('1000-01-01' AS DATE)", "1000-01-01T00:00:00.000Z", "1000-01-01", "date");
    READS("CAST('9999-12-31 23:59:59.999999' AS DATETIME(6))", "9999-12-31T23:59:59.999999+00:00",
          "9999-12-31T23:59:59.999999+00:00", "datetime");
    READS("CAST('2024-02-29 12:00:00.120' AS DATETIME(3))", "2024-02-29T12:00:00.120Z", "2024-02-29T12:00:00.12+00:00",
          "datetime");
    READS("CAST('12:34:56.789' AS TIME(3))", "1970-01-01T12:34:56.789Z", "12:34:56.789", "time");
    READS("CAST('-838:59:59' AS TIME)", "-838:59:59", "-838:59:59", "time");
    READS("CAST('24:00:00' AS TIME)", "24:00:00", "24:00:00", "time");
    READS("CAST(0.1 AS FLOAT)", "0.1", "0.1", "float");
    READS("1.7976931348623157e308", "1.7976931348623157e+308", "1.7976931348623157e+308", "double");
    READS("x'00ff27'", "3 bytes", "3 bytes", "bytes");
    READS("NULL", "NULL", "NULL", "int");
    READS("'h\xc3\xa9 \xf0\x9f\x98\x80'", "h\xc3\xa9 \xf0\x9f\x98\x80", "h\xc3\xa9 \xf0\x9f\x98\x80", "string");
}

static void run(driver_conn *c, const char *sql)
{
    nicol_error err = {0};
    ok(d->script(c, str_c(sql), a, &err), "%s", sql);
    no_err(&err);
}

static void test_columns(driver_conn *c)
{
    run(c,
        "DROP TABLE IF EXISTS my_t; CREATE TABLE my_t (id INT PRIMARY KEY AUTO_INCREMENT, ti TINYINT UNSIGNED, b BIT(9), y YEAR, "
        "e ENUM('one','two'), s SET('a','b'), j JSON, u INT UNSIGNED, z DATE, t MEDIUMTEXT, bl MEDIUMBLOB, ts TIMESTAMP(3) NULL);"
        "SET SESSION sql_mode = ''; INSERT INTO my_t VALUES (7, 255, b'100000001', 2155, 'two', 'a,b', '{\"k\": [1]}', "
        "4294967295, '0000-00-00', REPEAT('x', 70000), REPEAT('y', 70000), '2024-01-02 03:04:05.678')");
    static const struct {
        const char *column, *want, *type;
    } cases[] = {{"ti", "255", "int"},           {"b", "2 bytes", "bytes"},
                 {"y", "2155", "int"},           {"e", "two", "enum"},
                 {"s", "a,b", "string"},         {"j", "{\"k\": [1]}", "json"},
                 {"u", "4294967295", "bigint"},  {"length(t)", "70000", "int"},
                 {"bl", "70000 bytes", "bytes"}, {"ts", "2024-01-02T03:04:05.678Z", "datetime"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        driver_col_type col = COL_N;
        nicol_str got = one(c, arena_printf(a, "SELECT %s FROM my_t", cases[i].column), NULL, NULL, 0, false, &col);
        is_strz(got, cases[i].want);
        is_strz(driver_col_type_name(col), cases[i].type);
    }
    nicol_str zero = one(c, S("SELECT z FROM my_t"), NULL, NULL, 0, false, NULL);
    ok(str_starts(zero, S("failed: Value out of range for the type: a column holds a date whose month or day is zero")),
       "a date that is none is an error");
    ok(d->healthy(c), "and the session is cleaned of its sql_mode");
    is_strz(one(c, S("SELECT @@sql_mode = @@global.sql_mode"), NULL, NULL, 0, false, NULL), "1");
    is_strz(one(c, S("SELECT @@time_zone"), NULL, NULL, 0, false, NULL), "+00:00");
    run(c, "INSERT INTO my_t (id) VALUES (NULL)");
    nicol_error err = {0};
    driver_stmt *s = d->prepare(c, S("INSERT INTO my_t (ti) VALUES (1), (2)"), a, &err);
    bool row = true;
    ok(s && d->run(s, NULL, NULL, 0, IO_NEVER, a, &err) && d->step(s, &row, a, &err) && !row, "an insert");
    if (s) {
        is_int(d->affected(s), 2);
        d->stmt_done(s);
    }
    is_int(d->last_id(c), 9);
}

/* What goes in comes out, compared by the database as the type that it is. */
static void test_arguments(driver_conn *c)
{
    static const struct {
        val v;
        driver_arg_type t;
        const char *sql, *want;
    } cases[] = {
        {{.type = VAL_DECIMAL, .n = 22, .u.p = "9007199254740993.00001"},
         {.scalar = SCALAR_DECIMAL},
         "SELECT CAST('9007199254740993.00001' AS DECIMAL(65,5)) = ?",
         "1"},
        {{.type = VAL_DECIMAL, .n = 22, .u.p = "9007199254740993.00002"},
         {.scalar = SCALAR_DECIMAL},
         "SELECT CAST('9007199254740993.00001' AS DECIMAL(65,5)) = ?",
         "0"},
        {{.type = VAL_STR, .n = 16, .u.p = "9007199254740993"},
         {.scalar = SCALAR_BIGINT},
         "SELECT 9007199254740992 = ?",
         "0"},
        {{.type = VAL_DATETIME, .u.i = 1704164645678},
         {.scalar = SCALAR_DATETIME, .db_type = {"DATETIME(3)", 11}},
         "SELECT ? = '2024-01-02 03:04:05.678'",
         "1"},
        {{.type = VAL_DATETIME, .u.i = 1704164645678},
         {.scalar = SCALAR_DATETIME, .db_type = {"DATE", 4}},
         "SELECT ? = '2024-01-02'",
         "1"},
        {{.type = VAL_STR, .n = 24, .u.p = "1970-01-01T12:34:56.789Z"},
         {.scalar = SCALAR_DATETIME, .db_type = {"TIME(3)", 7}},
         "SELECT ? = '12:34:56.789'",
         "1"},
        {{.type = VAL_BYTES, .n = 2, .u.p = "\0\xff"}, {.scalar = SCALAR_BYTES}, "SELECT HEX(?)", "00FF"},
        {{.type = VAL_STR, .n = 4, .u.p = "AP8="}, {.scalar = SCALAR_BYTES}, "SELECT HEX(?)", "00FF"},
        {{.type = VAL_BOOL, .u.i = 1}, {.scalar = SCALAR_BOOLEAN}, "SELECT ? IS TRUE", "1"},
        {{.type = VAL_JSON, .n = 7, .u.p = "{\"a\":1}"}, {.scalar = SCALAR_JSON}, "SELECT JSON_VALUE(?, '$.a')", "1"},
        {{.type = VAL_NULL}, {.scalar = SCALAR_INT}, "SELECT ? IS NULL", "1"},
        {{.type = VAL_FLOAT, .u.f = 5e-324}, {.scalar = SCALAR_FLOAT}, "SELECT ? > 0", "1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        is_strz(one(c, str_c(cases[i].sql), &cases[i].v, &cases[i].t, 1, false, NULL), cases[i].want);
    val list = {.type = VAL_LIST, .n = 0}, far = {.type = VAL_DATETIME, .u.i = INT64_C(253402300800000)};
    driver_arg_type t = {.scalar = SCALAR_DATETIME};
    ok(str_starts(one(c, S("SELECT ?"), &list, &t, 1, false, NULL), S("failed: Invalid input value: ")), "no arrays");
    ok(str_starts(one(c, S("SELECT ?"), &far, &t, 1, false, NULL), S("failed: Invalid input value: ")),
       "no year 10000");
    ok(d->healthy(c), "healthy");
}

/* --- stopping ---------------------------------------------------------------------------------------------------------- */

static void test_deadline(driver_conn *c)
{
    nicol_error err = {0};
    bool row;
    driver_stmt *s = d->prepare(c, S("SELECT SLEEP(30)"), a, &err);
    int64_t start = clock_mono_us();
    bool good = s && d->run(s, NULL, NULL, 0, start + 200000, a, &err) && d->step(s, &row, a, &err);
    /* SLEEP that is stopped answers 1 rather than an error when it is all that there is: either is an end in time. */
    ok(clock_mono_us() - start < 20000000, "it ended long before its 30 s");
    ok(good || err.code == NICOL_E_QUERY_TIMEOUT, "with the error or its early answer: %s %.*s", err_name(err.code),
       STR_FMT(err.message));
    if (s) d->stmt_done(s);
    is_strz(one(c, S("SELECT 1"), NULL, NULL, 0, false, NULL), "1");
    ok(d->healthy(c), "and the connection is as good as before");
}

static void test_lost(void)
{
    nicol_error err = {0};
    driver_conn *c = d->open(&(driver_opts){.url = server}, a, &err),
                *other = d->open(&(driver_opts){.url = server}, a, &err);
    if (!c || !other) {
        no_err(&err);
        return;
    }
    char sql[64];
    snprintf(sql, sizeof sql, "KILL %lu", c->id);
    run(other, sql);
    nicol_str got = one(c, S("SELECT 1"), NULL, NULL, 0, false, NULL);
    ok(str_starts(got, S("failed: Server has closed the connection")), "%.*s", STR_FMT(got));
    ok(!d->healthy(c) && !d->in_transaction(c), "never reused");
    err = (nicol_error){0};
    ok(!d->begin(c, ISOLATION_DEFAULT, true, IO_NEVER, a, &err) && err.code == NICOL_E_DB_CLOSED,
       "nothing begins on it");
    d->close(c);
    d->close(other);
}

/* A deadlock's loser has no transaction any more: what it sends next must not be committed on its own. */
static void test_deadlock(void)
{
    nicol_error err = {0};
    driver_conn *c = d->open(&(driver_opts){.url = server}, a, &err);
    run(c,
        "DROP TABLE IF EXISTS my_d; CREATE TABLE my_d (id INT PRIMARY KEY, n INT) ENGINE=InnoDB; INSERT INTO my_d VALUES (1, 0), (2, 0)");
    ok(d->begin(c, ISOLATION_DEFAULT, true, IO_NEVER, a, &err), "begin");
    /* One connection alone can't make a deadlock, but the server can be told to end its transaction as one does. */
    driver_stmt *s =
        d->prepare(c, S("SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'Deadlock'"), a, &err);
    bool row;
    bool good = s && d->run(s, NULL, NULL, 0, IO_NEVER, a, &err) && d->step(s, &row, a, &err);
    ok(!good, "an error");
    is_err(&err, NICOL_E_WRITE_CONFLICT);
    if (s) d->stmt_done(s);
    ok(d->in_transaction(c), "the server was asked, and it still has the transaction");
    ok(d->rollback(c, a, &(nicol_error){0}), "rollback");
    d->close(c);
}

static void test_tls(void)
{
    nicol_error err = {0};
    nicol_str url = arena_printf(a, "%.*s?sslaccept=accept_invalid_certs", STR_FMT(server));
    driver_conn *c = d->open(&(driver_opts){.url = url}, a, &err);
    no_err(&err);
    if (!c) return;
    ok(c->tls, "it is TLS");
    is_strz(one(c, S("SELECT 1"), NULL, NULL, 0, false, NULL), "1");
    /* Larger than what a socket takes at once, both ways. */
    size_t n = (size_t)8 << 20;
    char *big = arena_alloc(a, n);
    if (big) {
        memset(big, 'x', n);
        val v = {.type = VAL_STR, .n = (uint32_t)n, .u.p = big};
        is_strz(one(c, S("SELECT LENGTH(?)"), &v, NULL, 1, false, NULL), "8388608");
        nicol_str back = one(c, S("SELECT REPEAT('y', 8000000)"), NULL, NULL, 0, false, NULL);
        is_int(back.len, 8000000);
    }
    d->close(c);
    url = arena_printf(a, "%.*s?sslaccept=strict", STR_FMT(server));
    c = d->open(&(driver_opts){.url = url}, a, &err);
    ok(!c && err.code == NICOL_E_DB_UNREACHABLE, "a certificate that nobody signed is refused when asked for: %.*s",
       STR_FMT(err.message));
    if (c) d->close(c);
}

static void test_connect_errors(void)
{
    static const struct {
        const char *url;
        nicol_code code;
    } cases[] = {{"mysql://nobody:x@127.0.0.1:%s/test", NICOL_E_AUTH_DB},
                 {"mysql://nicol:wrong@127.0.0.1:%s/test", NICOL_E_AUTH_DB},
                 {"mysql://nicol:se%%20cr%%40t%%2F1@127.0.0.1:%s/absent", NICOL_E_DB_MISSING},
                 {"mysql://nicol:x@127.0.0.1:1/test", NICOL_E_DB_UNREACHABLE}};
    size_t colon = str_find(server, S("127.0.0.1:"), 0);
    nicol_str port = colon == SIZE_MAX ? S("3306") : str_sub(server, colon + 10, str_find_char(server, '/', colon));
    char port_text[16];
    snprintf(port_text, sizeof port_text, "%.*s", STR_FMT(port));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nicol_error err = {0};
        char url[200];
        size_t n = 0;
        for (const char *p = cases[i].url; *p && n < sizeof url - 16; p++) {
            if (p[0] == '%' && p[1] == 's') {
                n += (size_t)snprintf(url + n, 16, "%s", port_text);
                p++;
            } else if (p[0] == '%' && p[1] == '%') {
                url[n++] = '%';
                p++;
            } else {
                url[n++] = *p;
            }
        }
        driver_conn *c = d->open(&(driver_opts){.url = str_of(url, n)}, a, &err);
        ok(!c, "refused: %zu", i);
        is_err(&err, cases[i].code);
        if (c) d->close(c);
    }
}

/* --- without a server ---------------------------------------------------------------------------------------------------- */

static void test_urls(void)
{
    my_url u;
    nicol_error err = {0};
    ok(my_url_read(S("mysql://us%40er:p%2Fw:x@[::1]:3307/my%20db?connection_limit=7&pool_timeout=0&connect_timeout=3"
                     "&socket_timeout=9&sslcert=/ca.pem&sslaccept=strict&socket=/tmp/s&statement_cache_size=5&other=1"),
                   a, &u, &err),
       "a URL with everything");
    no_err(&err);
    is_z(u.user, "us@er");
    is_z(u.password, "p/w:x");
    is_z(u.host, "::1");
    is_int(u.port, 3307);
    is_z(u.database, "my db");
    is_z(u.socket, "/tmp/s");
    is_z(u.ca, "/ca.pem");
    ok(u.tls && u.verify, "TLS, verified");
    is_int(u.pool.connection_limit, 7);
    ok(u.pool.pool_timeout_us == IO_NEVER, "0 waits for ever");
    is_int(u.connect_timeout_us, 3000000);
    is_int(u.socket_timeout_us, 9000000);
    is_int(u.cache_max, 5);
    static const char *const bad[] = {"mysql:/x",
                                      "mysql://u@h:0/d",
                                      "mysql://u@h:65536/d",
                                      "mysql://u@h:x/d",
                                      "mysql://u@[::1/d",
                                      "mysql://u%zz@h/d",
                                      "mysql://u%00@h/d",
                                      "mysql://u@h/d?connection_limit=-1",
                                      "mysql://u@h/d?connect_timeout=x",
                                      "mysql://u@h/d?sslaccept=maybe",
                                      "mysql://u@h/d?sslmode=maybe",
                                      "mysql://u@h/d?sslidentity=x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err = (nicol_error){0};
        ok(!my_url_read(str_c(bad[i]), a, &u, &err) && err_is(&err), "refused: %s", bad[i]);
    }
}

static void test_look(void)
{
    static const struct {
        const char *sql;
        bool refused, session, read;
    } cases[] = {
        {"SELECT 1", false, false, true},
        {"  (SELECT 1)", false, false, true},
        {"SELECT 1 FOR UPDATE", false, false, false},
        {"SELECT * FROM t LOCK IN SHARE MODE", false, false, false},
        {"SELECT 1 INTO @a", false, true, false},
        {"SELECT GET_LOCK('x', 1)", false, true, false},
        {"SHOW TABLES", false, false, true},
        {"INSERT INTO t VALUES (1)", false, false, false},
        {"SET SESSION sql_mode = ''", false, true, false},
        {"SET GLOBAL x = 1", false, false, false},
        {"SET autocommit = 0", false, true, false},
        {"commit", true, false, false},
        {"/*! COMMIT */", true, false, false},
        {"/*!50100 COMMIT */", true, false, false},
        {"/*M!100100 ROLLBACK */", true, false, false},
        {"/* x */ # y\n-- z\n ;START TRANSACTION", true, false, false},
        {"BEGIN NOT ATOMIC SELECT 1; END", true, false, false},
        {"XA START 'x'", true, false, false},
        {"USE other", false, true, false},
        {"", false, false, false},
        {"/*", false, false, false},
        {"/*!", false, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        my_look l = my_look_at(str_c(cases[i].sql));
        ok((l.refused != NULL) == cases[i].refused && l.session == cases[i].session && l.read == cases[i].read, "%s",
           cases[i].sql);
    }
}

int main(void)
{
    a = arena_new(mem_default, (size_t)256 << 20);
    if (!a) return 1;
    test_urls();
    test_look();
    const char *text = getenv("NICOL_TEST_MY_URL");
    if (!text || !*text) {
        if (getenv("CI")) fail("NICOL_TEST_MY_URL is not set");
        else diag("the tests with a server are left out: NICOL_TEST_MY_URL is not set (tools/test.sh sets it)");
        return done_testing();
    }
    server = str_c(text);
    nicol_error err = {0};
    driver_conn *c = d->open(&(driver_opts){.url = server}, a, &err);
    no_err(&err);
    if (c) {
        test_reading(c);
        test_columns(c);
        test_arguments(c);
        test_deadline(c);
        d->close(c);
    }
    test_lost();
    test_deadlock();
    test_tls();
    test_connect_errors();
    arena_free(a);
    return done_testing();
}
